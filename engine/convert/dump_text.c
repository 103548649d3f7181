/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dumping: the text form of an open checkpoint, front to back.
 *
 * What the text says is what a writer is told in the add calls; places and digests follow from it.
 * Bytes pass through a buffer of PIECE_SIZE; strings are used where a view has them.
 */
#include <cairn/text.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/convert/dump_order.h"
#include "engine/convert/text_output.h"
#include "engine/read/stored.h"
#include "format/base64.h"
#include "format/byte_shuffle.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/file_name.h"
#include "format/text_form.h"
#include "format/text_quote.h"

/* For the order of the tensors: far more than 2^32 of them need. */
#define DUMP_ARENA_MAX      ((size_t)1 << 40)
#define NUMBERS_MAX_DEFAULT ((uint64_t)1024)

enum {
	LINE_BYTES = 57, /* that a line of Base64 stands for */
	/* read at a time: whole lines, and whole elements of any size */
	PIECE_SIZE = LINE_BYTES * 1024,
	STRING_PIECE = 1024 /* of a string that a line holds, without a line break before */
};

struct dump {
	const struct cairn_reader *reader;
	const struct cairn_dump_options *options;
	struct text_output text;
	uint64_t beside_offset;
	uint8_t *piece; /* PIECE_SIZE */
	struct stored_scratch scratch;
	struct text_item item;
	struct element_text elements; /* of the item, when its values are numbers */
};

/* ------------------------------------------------------------------------------------- settings */

static void put_id(struct dump *dump, const char *word, const uint8_t id[16])
{
	char text[32];

	if (all_zero(id, 16))
		return;
	text_write_id(id, text);
	text_output_string(&dump->text, word);
	text_output_bytes(&dump->text, text, sizeof(text));
	text_output_line_end(&dump->text);
}

static void put_setting(struct dump *dump, const char *word, uint64_t value)
{
	char line[64];

	if (value == 0)
		return;
	snprintf(line, sizeof(line), "%s %" PRIu64, word, value);
	text_output_string(&dump->text, line);
	text_output_line_end(&dump->text);
}

static void put_settings(struct dump *dump, bool is_container)
{
	struct cairn_reader_info info = {.size = sizeof(info)};

	cairn_reader_info(dump->reader, &info);
	text_output_string(&dump->text, TEXT_FORM_NAME " 1");
	text_output_line_end(&dump->text);
	if (is_container) {
		put_id(dump, "content-id ", info.content_id.bytes);
		put_setting(dump, "chunk-size", info.chunk_size);
	}
	put_setting(dump, "alignment", info.alignment);
	put_id(dump, "save-id ", info.save_id);
	put_id(dump, "parent-id ", info.parent_id.bytes);
	put_setting(dump, "generation", info.generation);
	if (dump->options->data == CAIRN_TEXT_BESIDE) {
		text_output_string(&dump->text, "data-file ");
		text_output_quoted(&dump->text, dump->options->beside_name,
				   strlen(dump->options->beside_name));
		text_output_line_end(&dump->text);
	}
}

/* --------------------------------------------------------------------------------------- values */

/* A new line where the next word does not fit, else a blank. */
static void put_word(struct dump *dump, const char *word, size_t size)
{
	if (dump->text.column != 0 && dump->text.column + 1 + size > TEXT_COLUMNS)
		text_output_line_end(&dump->text);
	text_output_string(&dump->text, dump->text.column == 0 ? "  " : " ");
	text_output_bytes(&dump->text, word, size);
}

/* Elements in a row of what the item holds: a line of text ends with each. */
static uint64_t row_length(const struct text_item *item)
{
	const uint32_t last = item->rank == 0 ? 0 : item->rank - 1;

	if (item->rank == 0)
		return 1;
	return item->kind == TEXT_SLICE && item->lengths[last] != CAIRN_FULL ? item->lengths[last]
									     : item->dims[last];
}

static void put_numbers(struct dump *dump, uint64_t first, uint64_t size)
{
	const size_t element = dump->item.block_bytes;
	const uint64_t row = row_length(&dump->item);
	char word[ELEMENT_TEXT_SIZE];

	for (uint64_t at = 0; at < size; at += element) {
		const size_t length = element_text_write(&dump->elements, dump->piece + at, word);

		put_word(dump, word, length);
		if (row > 1 && ((first + at) / element + 1) % row == 0)
			text_output_line_end(&dump->text);
	}
}

static void put_base64(struct dump *dump, uint64_t size)
{
	char line[LINE_BYTES / 3 * 4];

	for (uint64_t at = 0; at < size; at += LINE_BYTES) {
		const uint64_t count = size - at < LINE_BYTES ? size - at : LINE_BYTES;

		text_output_string(&dump->text, "  ");
		text_output_bytes(&dump->text, line, base64_encode(dump->piece + at, count, line));
		text_output_line_end(&dump->text);
	}
}

static enum cairn_status put_beside(struct dump *dump, uint64_t size, struct cairn_error *error)
{
	const struct cairn_dump_options *const options = dump->options;
	const enum cairn_status status = options->beside(options->beside_context, dump->piece,
							 size);

	dump->beside_offset += size;
	if (status == CAIRN_OK)
		return CAIRN_OK;
	return error_set(error, status, CAIRN_ERROR_NO_OFFSET,
			 "the data beside the text could not be handed over");
}

static enum cairn_status put_piece(struct dump *dump, uint64_t first, uint64_t size,
				   struct cairn_error *error)
{
	switch (dump->item.encoding) {
	case TEXT_READABLE:
		put_numbers(dump, first, size);
		break;
	case TEXT_BASE64:
		put_base64(dump, size);
		break;
	case TEXT_BESIDE:
		return put_beside(dump, size, error);
	case TEXT_DIGEST:
	default:
		break;
	}
	return dump->text.status == CAIRN_OK ? CAIRN_OK : text_output_flush(&dump->text, error);
}

static enum cairn_status put_values(struct dump *dump, const struct stored *stored,
				    struct cairn_error *error)
{
	const uint64_t size = stored->record.size;
	enum cairn_status status = CAIRN_OK;

	if (dump->item.encoding == TEXT_DIGEST)
		return CAIRN_OK;
	for (uint64_t at = 0; at < size && status == CAIRN_OK; at += PIECE_SIZE) {
		const uint64_t count = size - at < PIECE_SIZE ? size - at : PIECE_SIZE;

		status = stored_copy(stored, at, count, dump->piece, &dump->scratch, error);
		if (status == CAIRN_OK)
			status = put_piece(dump, at, count, error);
	}
	if (dump->text.column != 0)
		text_output_line_end(&dump->text);
	return status;
}

/* ---- strings */

/* One element: a line for each line of it. */
static void put_string(struct dump *dump, struct cairn_string string)
{
	size_t at = 0;

	do {
		const size_t piece = string.size == 0
					     ? 0
					     : text_quote_piece(string.data + at, string.size - at,
								STRING_PIECE);

		text_output_string(&dump->text, at == 0 ? "  " : "  + ");
		text_output_quoted(&dump->text, string.data + at, piece);
		text_output_line_end(&dump->text);
		at += piece;
	} while (at < string.size);
}

static enum cairn_status put_strings(struct dump *dump, const struct cairn_tensor *tensor,
				     struct cairn_error *error)
{
	struct cairn_view view = {0};
	enum cairn_status status = cairn_tensor_view(tensor, &view, error);

	if (status != CAIRN_OK)
		return status;
	for (uint64_t i = 0; i < tensor->element_count && status == CAIRN_OK; i++) {
		struct cairn_string string;

		status = cairn_view_string(tensor, &view, i, &string, error);
		if (status == CAIRN_OK)
			put_string(dump, string);
		if (status == CAIRN_OK && dump->text.status != CAIRN_OK)
			status = text_output_flush(&dump->text, error);
	}
	cairn_view_release(&view);
	return status;
}

/* ---------------------------------------------------------------------------------------- items */

static enum cairn_status digest_values(struct dump *dump, const struct stored *stored,
				       struct cairn_error *error)
{
	const uint64_t size = stored->record.size;
	struct digest_stream stream;
	enum cairn_status status = CAIRN_OK;

	digest_stream_begin(&stream);
	for (uint64_t at = 0; at < size && status == CAIRN_OK; at += PIECE_SIZE) {
		const uint64_t count = size - at < PIECE_SIZE ? size - at : PIECE_SIZE;

		status = stored_copy(stored, at, count, dump->piece, &dump->scratch, error);
		if (status == CAIRN_OK)
			digest_stream_update(&stream, dump->piece, count);
	}
	dump->item.digest = digest_stream_end(&stream);
	return status;
}

/* How the values of a piece are written. */
static enum text_encoding choose_encoding(struct dump *dump, uint64_t size)
{
	const struct cairn_dump_options *const options = dump->options;
	const struct text_item *const item = &dump->item;
	const uint64_t most = options->numbers_max == 0 ? NUMBERS_MAX_DEFAULT
							: options->numbers_max;
	const bool has_numbers = item->dtype == CAIRN_NULL ||
				 element_text_begin(&dump->elements, item->dtype);

	if (item->block_bytes == 0)
		return TEXT_READABLE;
	if (has_numbers &&
	    (options->data == CAIRN_TEXT_NUMBERS ||
	     (options->data != CAIRN_TEXT_BASE64 && size / item->block_bytes <= most)))
		return TEXT_READABLE;
	if (options->data == CAIRN_TEXT_BESIDE)
		return TEXT_BESIDE;
	return options->data == CAIRN_TEXT_DIGESTS ? TEXT_DIGEST : TEXT_BASE64;
}

static void describe(struct dump *dump, const struct cairn_tensor *tensor,
		     const struct tensor_record *record)
{
	struct text_item *const item = &dump->item;

	item->kind = record->name_space == NAME_SPACE_METADATA ? TEXT_METADATA : TEXT_TENSOR;
	item->name = tensor->name;
	item->dtype = tensor->dtype;
	item->block_elements = tensor->block_elements;
	item->block_bytes = tensor->block_bytes;
	item->rank = tensor->rank;
	item->packing = record->packing;
	item->is_lz4 = item->is_shuffled = false;
	item->encoding = TEXT_READABLE;
	for (uint32_t d = 0; d < tensor->rank; d++)
		item->dims[d] = tensor->dims[d];
}

static enum cairn_status describe_slice(struct dump *dump, const struct stored *stored,
					struct cairn_error *error)
{
	struct text_item *const item = &dump->item;
	const uint64_t *pairs;
	enum cairn_status status;

	if ((stored->record.flags & SLICE_WHOLE) != 0)
		return CAIRN_OK;
	status = index_dims(&dump->reader->index, stored->record.ranges_index,
			    2 * (uint64_t)item->rank, &pairs, error);
	if (status != CAIRN_OK)
		return status;
	item->kind = TEXT_SLICE;
	for (uint32_t d = 0; d < item->rank; d++) {
		item->starts[d] = pairs[2 * (size_t)d];
		item->lengths[d] = pairs[2 * (size_t)d + 1];
	}
	return CAIRN_OK;
}

/* What was asked for can be told from any chunk that became smaller. */
static enum cairn_status describe_compression(struct dump *dump, const struct stored *stored,
					      struct cairn_error *error)
{
	struct text_item *const item = &dump->item;
	struct extent_record extent = {.codec = CODEC_RAW};
	enum cairn_status status = CAIRN_OK;

	item->is_lz4 = stored->by_chunk && item->kind != TEXT_METADATA;
	for (uint32_t i = 0; item->is_lz4 && status == CAIRN_OK && extent.codec == CODEC_RAW &&
			     i < stored->record.extent_count;
	     i++)
		status = stored_chunk_extent(stored, i, &extent, error);
	item->is_shuffled = item->is_lz4 && extent.shuffle != SHUFFLE_NONE;
	return status == CAIRN_OK ? status : stored_located(stored, status, error);
}

static void put_item(struct dump *dump)
{
	char description[TEXT_ITEM_SIZE_MAX];
	const struct text_item *const item = &dump->item;

	text_output_string(&dump->text, text_item_word(item->kind));
	text_output_string(&dump->text, " ");
	text_output_quoted(&dump->text, item->name.data, item->name.size);
	if (item->kind == TEXT_ALIAS) {
		text_output_string(&dump->text, " ");
		text_output_quoted(&dump->text, item->target.data, item->target.size);
	} else {
		text_output_bytes(&dump->text, description,
				  text_write_description(item, description));
	}
	text_output_line_end(&dump->text);
}

/* One stored slice of elements of a fixed size. */
static enum cairn_status dump_slice(struct dump *dump, const struct cairn_tensor *tensor,
				    const struct tensor_record *holder, uint32_t number,
				    struct cairn_error *error)
{
	struct stored stored;
	enum cairn_status status;

	describe(dump, tensor, holder);
	status = stored_open(dump->reader, holder->slice_index + number, tensor->name, &stored,
			     error);
	if (status == CAIRN_OK)
		status = describe_slice(dump, &stored, error);
	if (status == CAIRN_OK)
		status = describe_compression(dump, &stored, error);
	if (status != CAIRN_OK)
		return status;
	dump->item.encoding = choose_encoding(dump, stored.record.size);
	dump->item.offset = dump->beside_offset;
	if (dump->item.encoding == TEXT_DIGEST)
		status = digest_values(dump, &stored, error);
	if (status != CAIRN_OK)
		return status;
	put_item(dump);
	return put_values(dump, &stored, error);
}

static enum cairn_status dump_whole(struct dump *dump, const struct cairn_tensor *tensor,
				    const struct tensor_record *holder, struct cairn_error *error)
{
	if (!dtype_is_variable(tensor->dtype) && holder->size != 0)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "nothing of tensor %s is stored", quote(tensor->name).text);
	describe(dump, tensor, holder);
	if (holder->slice_count == 1) {
		struct stored stored;
		enum cairn_status status = stored_open(dump->reader, holder->slice_index,
						       tensor->name, &stored, error);

		if (status == CAIRN_OK)
			status = describe_compression(dump, &stored, error);
		if (status != CAIRN_OK)
			return status;
	}
	put_item(dump);
	return dtype_is_variable(tensor->dtype) ? put_strings(dump, tensor, error) : CAIRN_OK;
}

static enum cairn_status dump_alias(struct dump *dump, const struct cairn_tensor *tensor,
				    const struct tensor_record *record,
				    const struct tensor_record *holder, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	if (holder->slice_count == 1) {
		describe(dump, tensor, record);
		dump->item.kind = TEXT_ALIAS;
		status = index_name(&dump->reader->index, holder->name_offset, holder->name_size,
				    &dump->item.target, error);
		if (status == CAIRN_OK)
			put_item(dump);
		return status;
	}
	/* A writer has no aliases of slices: it holds bytes of its own then. */
	for (uint32_t i = 0; i < holder->slice_count && status == CAIRN_OK; i++)
		status = dump_slice(dump, tensor, holder, i, error);
	return holder->slice_count == 0 ? dump_whole(dump, tensor, holder, error) : status;
}

static enum cairn_status dump_piece(struct dump *dump, const struct dump_piece *piece,
				    struct cairn_error *error)
{
	const struct cairn_reader *const reader = dump->reader;
	struct tensor_record record;
	struct tensor_record holder;
	struct cairn_tensor tensor;
	enum cairn_status status;

	if ((status = index_tensor(&reader->index, piece->number, &record, error)) != CAIRN_OK ||
	    (status = reader_describe(reader, piece->number, &record, &tensor, error)) !=
		    CAIRN_OK ||
	    (status = index_resolve_alias(&reader->index, piece->number, &record, &holder,
					  error)) != CAIRN_OK ||
	    (status = index_tensor_supported(&holder, error)) != CAIRN_OK)
		return status;
	if (piece->is_alias)
		return dump_alias(dump, &tensor, &record, &holder, error);
	if (piece->slice == DUMP_WHOLE)
		return dump_whole(dump, &tensor, &holder, error);
	return dump_slice(dump, &tensor, &holder, piece->slice, error);
}

/* ------------------------------------------------------------------------------------ all of it */

static enum cairn_status check_options(const struct cairn_dump_options *options,
				       struct cairn_error *error)
{
	if ((options->size != 0 && options->size < sizeof(*options)) ||
	    options->data > CAIRN_TEXT_DIGESTS)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "unknown dump options");
	if (options->data == CAIRN_TEXT_BESIDE &&
	    (options->beside == NULL || options->beside_name == NULL ||
	     file_name_problem(cairn_string_from(options->beside_name)) != NULL))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "data beside the text without the name of a file, or nobody who "
				 "takes them");
	return CAIRN_OK;
}

static enum cairn_status dump_all(struct dump *dump, struct arena *arena, struct cairn_error *error)
{
	struct dump_order order = {0};
	enum cairn_status status = dump_order(dump->reader, arena, &order, error);

	if (status != CAIRN_OK)
		return status;
	put_settings(dump, order.is_container);
	for (uint64_t i = 0; i < order.count && status == CAIRN_OK; i++)
		status = dump_piece(dump, &order.pieces[i], error);
	return status == CAIRN_OK ? text_output_flush(&dump->text, error) : status;
}

enum cairn_status cairn_dump(const struct cairn_reader *reader, cairn_consume consume,
			     void *context, const struct cairn_dump_options *options,
			     struct cairn_error *error)
{
	static const struct cairn_dump_options defaults = {0};
	struct dump dump = {.reader = reader,
			    .options = options == NULL ? &defaults : options,
			    .text = {.consume = consume, .context = context}};
	struct arena arena;
	enum cairn_status status = check_options(dump.options, error);

	if (status != CAIRN_OK)
		return status;
	arena_init(&arena, reader_arena_source(reader->system), DUMP_ARENA_MAX);
	dump.text.buffer = arena_allocate(&arena, TEXT_OUTPUT_SIZE);
	dump.piece = arena_allocate(&arena, PIECE_SIZE);
	status = dump.text.buffer == NULL || dump.piece == NULL
			 ? error_set_memory(error, "the text")
			 : dump_all(&dump, &arena, error);
	stored_scratch_release(reader->system, &dump.scratch);
	arena_fini(&arena);
	return status == CAIRN_OK ? CAIRN_OK : reader_error(reader, status, error);
}
