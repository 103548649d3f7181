/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing: a container from its text form, in two passes over the text.
 *
 * The first reads all items, counts strings, and notes where values are: the writer is told
 * everything but the bytes. While it writes, it asks for them, item after item in the order of the
 * text: the second pass. Nothing is visible before both went well.
 */
#include "engine/convert/pack_text.h"

#include <inttypes.h>
#include <string.h>

#include "engine/convert/text_lines.h"
#include "engine/convert/text_values.h"
#include "engine/read/reader.h"
#include "engine/write/draft.h"
#include "engine/write/writer.h"
#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/shape.h"
#include "format/text_form.h"

/* Notes of where values are: some eighty bytes for an item, which has at least a line. */
#define PACK_ARENA_MAX ((size_t)1 << 40)

struct pack {
	struct system *system;
	const char *text_path;
	const char *path;
	const struct cairn_pack_options *options;
	struct cairn_pack_report *report;
	struct arena arena;      /* notes, and names of files */
	struct arena item_arena; /* of the item that is read */
	struct file file;
	struct file beside;
	struct text_lines lines;
	struct text_stream stream;
	struct text_settings settings;
	struct cairn_writer *writer; /* NULL: no item was met so far */

	/* The item that values belong to. */
	bool has_item;
	struct text_item item;
	struct text_place item_place;
	struct text_place values_place;
	uint64_t line_count;  /* of values */
	uint64_t value_size;  /* characters in them */
	uint64_t beside_size; /* bytes of the second file that items have used so far */
	struct string_count strings;

	/* What went wrong in the second pass, where a callback can only return a status. */
	struct cairn_error error;
};

/* What a text of that content is not allowed to say is its fault. */
static enum cairn_status fault_of_text(enum cairn_status status)
{
	return status == CAIRN_INVALID_ARGUMENT ? CAIRN_CORRUPT : status;
}

static enum cairn_status wrong_in_text(const struct pack *pack, const struct text_place *place,
				       enum cairn_status status, struct cairn_error *error)
{
	text_lines_error(place, fault_of_text(status), error);
	return error_prefix(error, fault_of_text(status), pack->text_path);
}

/* ---------------------------------------------------------------------------------- second pass */

struct pack_note {
	struct pack *pack;
	struct text_values values;
};

/* A cairn_produce. */
static enum cairn_status produce(void *context, uint64_t offset, void *buffer, size_t size)
{
	const struct pack_note *const note = context;

	return text_stream_read(&note->pack->stream, &note->values, offset, buffer, size,
				&note->pack->error);
}

/* ----------------------------------------------------------------------------------- first pass */

static enum cairn_status open_beside(struct pack *pack, struct cairn_error *error)
{
	const struct cairn_string name = pack->settings.beside;
	char own_name[SYSTEM_NAME_SIZE];
	struct folder folder = {.fd = -1};
	char *path;
	enum cairn_status status;

	if (name.data == NULL)
		return CAIRN_OK;
	path = arena_allocate(&pack->arena, name.size + 1);
	if (path == NULL)
		return error_set_memory(error, "a name");
	memcpy(path, name.data, name.size);
	path[name.size] = '\0';
	status = folder_open(pack->system, pack->text_path, &folder, own_name, error);
	if (status != CAIRN_OK)
		return status;
	status = file_open(pack->system,
			   &(struct file_place){.directory = folder.fd,
						.path = path,
						.name = path,
						.flags = SYSTEM_NO_FOLLOW},
			   &pack->beside, error);
	folder_close(&folder);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, path);
}

/* The first item is met, or there is none: all settings are known. */
static enum cairn_status begin_container(struct pack *pack, struct cairn_error *error)
{
	const struct text_settings *const settings = &pack->settings;
	struct cairn_writer_options options = {
		.flags = pack->options->replace ? (uint32_t)CAIRN_WRITER_REPLACE : 0,
		.chunk_size = settings->chunk_size,
		.alignment = settings->alignment,
		.parent_id = settings->parent_id,
		.generation = settings->generation,
		.thread_count = pack->options->thread_count,
		.progress = pack->options->progress,
		.progress_context = pack->options->progress_context,
	};
	enum cairn_status status;

	memcpy(options.save_id, settings->save_id, sizeof(options.save_id));
	status = open_beside(pack, error);
	return status == CAIRN_OK
		       ? writer_create(pack->system, pack->path, &options, &pack->writer, error)
		       : status;
}

static enum cairn_status measure_strings(const struct pack *pack, struct text_values *values,
					 struct cairn_error *error)
{
	uint64_t elements;
	const enum cairn_status status = shape_elements(pack->item.rank, pack->item.dims, &elements,
							error);

	if (status != CAIRN_OK)
		return status;
	if (elements != pack->strings.elements)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " texts for a shape of %" PRIu64 " elements",
				 pack->strings.elements, elements);
	values->table_size = elements * sizeof(uint64_t); /* each took two characters */
	values->size = values->table_size + pack->strings.bytes;
	return CAIRN_OK;
}

/* No byte of the data file is used twice: a text would be as large as it likes. */
static enum cairn_status check_beside(struct pack *pack, const struct text_values *values,
				      struct cairn_error *error)
{
	if (!range_within(values->offset, values->size, pack->beside.size))
		return error_set(error, CAIRN_TRUNCATED, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " bytes at %" PRIu64
				 " of the data file, which has %" PRIu64,
				 values->size, values->offset, pack->beside.size);
	if (values->size > pack->beside.size - pack->beside_size)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "more bytes of the data file are used than the %" PRIu64
				 " that it has",
				 pack->beside.size);
	pack->beside_size += values->size;
	return CAIRN_OK;
}

/* What an element takes is at least a character, and so is what a byte takes in Base64: sizes that
 * the text cannot fill are not believed. */
static enum cairn_status check_size(const struct pack *pack, const struct text_values *values,
				    struct cairn_error *error)
{
	const uint64_t unit = values->encoding == TEXT_BASE64 ? 1 : pack->item.block_bytes;

	if (unit == 0 || values->size / unit <= pack->value_size)
		return CAIRN_OK;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "the values are fewer than the %" PRIu64 " bytes that the shape needs",
			 values->size);
}

/* Known before the second pass: where values lie beside, and that of nothing there are none. */
static enum cairn_status check_values(struct pack *pack, const struct text_values *values,
				      struct cairn_error *error)
{
	const enum cairn_status status = values->encoding == TEXT_BESIDE
						 ? check_beside(pack, values, error)
						 : check_size(pack, values, error);

	if (status != CAIRN_OK)
		return status;
	if (values->line_count != 0 && (values->size == 0 || values->encoding == TEXT_BESIDE))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "there are values where none belong");
	return CAIRN_OK;
}

static enum cairn_status check_encoding(const struct pack *pack, struct cairn_error *error)
{
	const struct text_item *const item = &pack->item;
	struct element_text elements;
	const bool has_text = item->block_bytes == 0 || element_text_begin(&elements, item->dtype);

	if (item->encoding == TEXT_DIGEST)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "a digest in place of values: this text is not for packing");
	if (item->encoding == TEXT_BESIDE && pack->settings.beside.data == NULL)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "values in a data file, and no line data-file");
	if (item->encoding == TEXT_READABLE ? has_text : item->block_bytes != 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "values of this type are written in another way: %s",
			 has_text ? "as text" : "in Base64 or a data file");
}

static enum cairn_compression compression_of(const struct text_item *item)
{
	if (!item->is_lz4)
		return CAIRN_COMPRESSION_NONE;
	return item->is_shuffled ? CAIRN_COMPRESSION_LZ4_SHUFFLE : CAIRN_COMPRESSION_LZ4;
}

static enum cairn_status add_item(struct pack *pack, struct cairn_error *error)
{
	const struct text_item *const item = &pack->item;
	const struct cairn_tensor_spec spec = {
		.name = item->name,
		.dtype = item->dtype,
		.rank = item->rank,
		.dims = item->dims,
		.starts = item->kind == TEXT_SLICE ? item->starts : NULL,
		.lengths = item->kind == TEXT_SLICE ? item->lengths : NULL,
		.block_elements = item->block_elements,
		.block_bytes = item->block_bytes,
		.compression = compression_of(item),
	};
	struct pack_note *const note = arena_allocate(&pack->arena, sizeof(*note));
	enum cairn_status status = check_encoding(pack, error);

	if (note == NULL)
		return error_set_memory(error, "a tensor's description");
	*note = (struct pack_note){.pack = pack,
				   .values = {.place = pack->values_place,
					      .line_count = pack->line_count,
					      .dtype = item->dtype,
					      .encoding = item->encoding,
					      .offset = item->offset}};
	if (status == CAIRN_OK && dtype_is_variable(item->dtype))
		status = measure_strings(pack, &note->values, error);
	if (status == CAIRN_OK)
		status = writer_add_produced(
			pack->writer, &spec,
			item->kind == TEXT_METADATA ? NAME_SPACE_METADATA : NAME_SPACE_TENSOR,
			item->packing, note->values.size, produce, note, &note->values.size, error);
	return status == CAIRN_OK ? check_values(pack, &note->values, error) : status;
}

static enum cairn_status add_alias(struct pack *pack, struct cairn_error *error)
{
	if (pack->line_count != 0)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "an alias has no values of its own");
	return cairn_writer_add_alias(pack->writer, pack->item.name, pack->item.target, error);
}

/* All lines of the item were met. */
static enum cairn_status end_item(struct pack *pack, struct cairn_error *error)
{
	enum cairn_status status;

	if (!pack->has_item)
		return CAIRN_OK;
	pack->has_item = false;
	status = pack->item.kind == TEXT_ALIAS ? add_alias(pack, error) : add_item(pack, error);
	if (status == CAIRN_OK)
		return CAIRN_OK;
	return wrong_in_text(pack, &pack->item_place, status, error);
}

static enum cairn_status begin_item(struct pack *pack, struct cairn_string line,
				    struct cairn_error *error)
{
	enum cairn_status status = end_item(pack, error);

	if (status == CAIRN_OK && pack->writer == NULL)
		status = begin_container(pack, error);
	if (status != CAIRN_OK)
		return status;
	arena_reset(&pack->item_arena);
	pack->has_item = true;
	pack->item_place = pack->lines.place;
	pack->values_place = pack->lines.place;
	pack->line_count = 0;
	pack->value_size = 0;
	pack->strings = (struct string_count){0};
	status = text_parse_item(line, &pack->item_arena, &pack->item, error);
	return status == CAIRN_OK ? status : wrong_in_text(pack, &pack->lines.place, status, error);
}

static enum cairn_status count_strings(struct pack *pack, struct cairn_string line,
				       struct cairn_error *error)
{
	char *const scratch = arena_allocate(&pack->item_arena, line.size);

	if (scratch == NULL)
		return error_set_memory(error, "a line");
	return text_count_strings(line, scratch, &pack->strings, error);
}

static enum cairn_status take_values(struct pack *pack, struct cairn_string line,
				     struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	if (!pack->has_item)
		status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "values that belong to no tensor");
	else if (pack->item.kind != TEXT_ALIAS && dtype_is_variable(pack->item.dtype))
		status = count_strings(pack, line, error);
	if (status != CAIRN_OK)
		return wrong_in_text(pack, &pack->lines.place, status, error);
	if (pack->line_count++ == 0)
		pack->values_place = pack->lines.place;
	pack->value_size += line.size;
	return CAIRN_OK;
}

static enum cairn_status take_setting(struct pack *pack, struct cairn_string line,
				      struct cairn_error *error)
{
	enum cairn_status status;

	if (pack->writer == NULL)
		status = text_parse_setting(line, &pack->arena, &pack->settings, error);
	else
		status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "%s is neither an item nor the values of one", quote(line).text);
	return status == CAIRN_OK ? status : wrong_in_text(pack, &pack->lines.place, status, error);
}

static enum cairn_status read_first(const struct pack *pack, struct cairn_string line,
				    struct cairn_error *error)
{
	const enum cairn_status status = text_parse_first(line, error);

	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, pack->text_path);
}

static enum cairn_status take_line(struct pack *pack, struct cairn_string line,
				   struct cairn_error *error)
{
	if (pack->lines.place.number == 1)
		return read_first(pack, line, error);
	switch (text_line_kind(line)) {
	case TEXT_LINE_VALUES:
		return take_values(pack, line, error);
	case TEXT_LINE_SETTING:
		return take_setting(pack, line, error);
	case TEXT_LINE_ITEM:
		return begin_item(pack, line, error);
	case TEXT_LINE_BLANK:
	default:
		return CAIRN_OK;
	}
}

static enum cairn_status read_text(struct pack *pack, struct cairn_error *error)
{
	struct cairn_string line = {NULL, 0};
	enum cairn_status status;

	do {
		status = text_lines_next(&pack->lines, &line, error);
		if (status != CAIRN_OK)
			return error_prefix(error, status, pack->text_path);
		if (line.data != NULL)
			status = take_line(pack, line, error);
	} while (status == CAIRN_OK && line.data != NULL);
	if (status == CAIRN_OK && pack->lines.next_number == 1)
		return read_first(pack, (struct cairn_string){"", 0}, error);
	if (status == CAIRN_OK)
		status = end_item(pack, error);
	if (status == CAIRN_OK && pack->writer == NULL)
		status = begin_container(pack, error);
	return status;
}

/* ------------------------------------------------------------------------------------ all of it */

static enum cairn_status finish(struct pack *pack, struct cairn_error *error)
{
	enum cairn_status status = cairn_writer_finish(pack->writer, error);

	if (status != CAIRN_OK && pack->error.code == status && error != NULL) {
		*error = pack->error; /* it says which line */
		error_prefix(error, status, pack->text_path);
	}
	if (status != CAIRN_OK && error != NULL)
		error->code = fault_of_text(status);
	if (status != CAIRN_OK)
		return fault_of_text(status);
	pack->report->content_id = cairn_writer_content_id(pack->writer);
	pack->report->expected_id = pack->settings.content_id;
	pack->report->metadata_count = 0;
	for (uint64_t i = 0; i < pack->writer->input.tensor_count; i++)
		pack->report->metadata_count += pack->writer->input.tensors[i].name_space ==
						NAME_SPACE_METADATA;
	pack->report->tensor_count = pack->writer->input.tensor_count -
				     pack->report->metadata_count;
	return CAIRN_OK;
}

static enum cairn_status run(struct pack *pack, struct cairn_error *error)
{
	const struct file_place place = {
		.directory = SYSTEM_CWD, .path = pack->text_path, .name = pack->text_path};
	enum cairn_status status;

	status = file_open(pack->system, &place, &pack->file, error);
	if (status != CAIRN_OK)
		return error_prefix(error, status, pack->text_path);
	if ((status = text_lines_open(&pack->lines, &pack->file, error)) != CAIRN_OK ||
	    (status = read_text(pack, error)) != CAIRN_OK)
		return status;
	pack->stream = (struct text_stream){.lines = &pack->lines, .beside = &pack->beside};
	return finish(pack, error);
}

enum cairn_status pack_text(struct system *system, const char *text, const char *path,
			    const struct cairn_pack_options *options,
			    struct cairn_pack_report *report, struct cairn_error *error)
{
	static const struct cairn_pack_options defaults = {0};
	struct cairn_pack_report unwanted;
	struct pack pack = {.system = system,
			    .text_path = text,
			    .path = path,
			    .options = options == NULL ? &defaults : options,
			    .report = report == NULL ? &unwanted : report};
	enum cairn_status status;

	if (text == NULL || path == NULL ||
	    (pack.options->size != 0 && pack.options->size < sizeof(*options)))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no path, or unknown pack options");
	arena_init(&pack.arena, reader_arena_source(system), PACK_ARENA_MAX);
	arena_init(&pack.item_arena, reader_arena_source(system), PACK_ARENA_MAX);
	status = run(&pack, error);
	cairn_writer_destroy(pack.writer);
	text_stream_close(&pack.stream);
	text_lines_close(&pack.lines);
	file_close(&pack.beside);
	file_close(&pack.file);
	arena_fini(&pack.item_arena);
	arena_fini(&pack.arena);
	return status;
}

enum cairn_status cairn_pack(const char *text, const char *path,
			     const struct cairn_pack_options *options,
			     struct cairn_pack_report *report, struct cairn_error *error)
{
	return pack_text(system_posix(), text, path, options, report, error);
}
