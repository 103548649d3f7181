/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a safetensors file, and what opening several of them shares.
 *
 * Headers are read and parsed into memory that is given back before open returns: what stays is the
 * index image, the metadata as Cairn holds them ("literals", shard 0) and the names of files. That
 * memory is proportional to the bytes of the headers, which are there. No data byte is touched.
 */
#include "engine/read/safetensors_opening.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format/digest.h"
#include "format/error.h"

/* Headers of all shards together: bounds time and memory when an index names one large file many
 * times. */
#define HEADERS_SIZE_MAX ((uint64_t)16 * SAFETENSORS_HEADER_SIZE_MAX)

/* What opening may allocate in between: far more than headers of that size need. */
#define SCRATCH_SIZE_MAX ((size_t)64 << 30)

void opening_init(struct opening *opening, struct cairn_reader *reader)
{
	*opening = (struct opening){.reader = reader};
	arena_init(&opening->scratch, reader_arena_source(reader->system), SCRATCH_SIZE_MAX);
}

void opening_fini(struct opening *opening)
{
	arena_fini(&opening->scratch);
}

void opening_note(struct opening *opening, const char *format, ...)
{
	const size_t used = strlen(opening->note);
	const char *const separator = used == 0 ? "" : "; ";
	va_list arguments;

	if (used + strlen(separator) >= sizeof(opening->note))
		return;
	memcpy(opening->note + used, separator, strlen(separator) + 1);
	va_start(arguments, format);
	vsnprintf(opening->note + used + strlen(separator),
		  sizeof(opening->note) - used - strlen(separator), format, arguments);
	va_end(arguments);
}

/* -------------------------------------------------------------------------------------- headers */

enum cairn_status opening_read(struct opening *opening, const struct file *file, uint64_t size,
			       uint8_t **bytes, struct cairn_error *error)
{
	*bytes = arena_allocate(&opening->scratch, size);
	if (*bytes == NULL)
		return error_set_memory(error, "the header of a file");
	return file_read(file, 0, *bytes, size, error);
}

static enum cairn_status find_header_size(struct opening *opening, const struct file *file,
					  uint64_t *size, struct cairn_error *error)
{
	uint8_t prefix[SAFETENSORS_PREFIX_SIZE] = {0};
	const size_t count = file->size < sizeof(prefix) ? file->size : sizeof(prefix);
	enum cairn_status status = file_read(file, 0, prefix, count, error);

	if (status == CAIRN_OK)
		status = safetensors_header_size(prefix, count, file->size, size, error);
	if (status != CAIRN_OK)
		return status;
	opening->headers_size += *size;
	if (opening->headers_size > HEADERS_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "with this one the headers of the shards have %" PRIu64
				 " bytes, %" PRIu64 " are allowed",
				 opening->headers_size, HEADERS_SIZE_MAX);
	return CAIRN_OK;
}

/* How a file is recognised later: its size and times, and what its header was. */
static void identify_shard(const struct file *file, const uint8_t *header, uint64_t header_size,
			   struct build_shard *shard)
{
	shard->name = cairn_string_from(file->name);
	shard->record = (struct shard_record){
		.kind = SHARD_FOREIGN,
		.size = file->size,
		.modified_ns = (uint64_t)file->status.modified_ns,
		.changed_ns = (uint64_t)file->status.changed_ns,
		.inode = file->status.inode,
		.header_digest = digest_bytes(header, header_size),
		.header_size = header_size,
	};
}

enum cairn_status opening_read_header(struct opening *opening, uint32_t shard,
				      struct safetensors_header *header, struct cairn_error *error)
{
	struct file *const file = &opening->reader->files[shard + 1];
	uint64_t json_size = 0;
	uint8_t *bytes = NULL;
	enum cairn_status status = find_header_size(opening, file, &json_size, error);

	if (status == CAIRN_OK)
		status = opening_read(opening, file, SAFETENSORS_PREFIX_SIZE + json_size, &bytes,
				      error);
	if (status == CAIRN_OK)
		status = safetensors_parse(&opening->scratch,
					   (const char *)bytes + SAFETENSORS_PREFIX_SIZE, json_size,
					   file->size, header, error);
	if (status != CAIRN_OK)
		return status;
	identify_shard(file, bytes, SAFETENSORS_PREFIX_SIZE + json_size, &opening->shards[shard]);
	return CAIRN_OK;
}

enum cairn_status opening_describe(struct opening *opening, const struct safetensors_header *header,
				   uint32_t shard, struct cairn_error *error)
{
	const enum cairn_status status = safetensors_describe(
		&opening->scratch, header, (uint16_t)(shard + 1), opening->next_rank,
		&opening->list, &opening->literal, error);

	if (status != CAIRN_OK)
		return status;
	/* describe refused what would not fit */
	opening->next_rank += (uint32_t)header->tensor_count;
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------- begin and end */

enum cairn_status opening_reserve(struct opening *opening, uint32_t shard_count,
				  struct cairn_error *error)
{
	opening->shards = arena_allocate_array(&opening->scratch, shard_count,
					       sizeof(*opening->shards));
	if (opening->shards == NULL)
		return error_set_memory(error, "the table of shards");
	opening->shard_count = shard_count;
	return reader_reserve_files(opening->reader, shard_count + 1, error);
}

static enum cairn_status keep_note(struct opening *opening, struct cairn_error *error)
{
	if (opening->note[0] == '\0')
		return CAIRN_OK;
	opening->reader->note = arena_copy(&opening->reader->arena, opening->note,
					   strlen(opening->note) + 1);
	return opening->reader->note == NULL ? error_set_memory(error, "a note") : CAIRN_OK;
}

enum cairn_status opening_complete(struct opening *opening, struct cairn_error *error)
{
	struct cairn_reader *const reader = opening->reader;
	struct build_input input = {
		.tensors = opening->list.tensors,
		.tensor_count = opening->list.count,
		.shards = opening->shards,
		.shard_count = opening->shard_count,
	};
	const uint8_t *const literals = arena_copy(&reader->arena, opening->literal.bytes,
						   opening->literal.size);
	enum cairn_status status;

	if (literals == NULL)
		return error_set_memory(error, "the metadata");
	status = reader_use_built_index(reader, &input, literals, opening->literal.size, error);
	return status == CAIRN_OK ? keep_note(opening, error) : status;
}

/* ------------------------------------------------------------------------------------- one file */

/* Five digits and what follows them. */
static bool is_number(const char *text, const char *end, uint32_t *number)
{
	if (strspn(text, "0123456789") != 5 || strncmp(text + 5, end, strlen(end)) != 0)
		return false;
	*number = 0;
	for (int i = 0; i < 5; i++)
		*number = *number * 10 + (uint32_t)(text[i] - '0');
	return true;
}

/* The prefix ends in eight hex digits: those that an export puts there when the plain names were
 * taken. */
static bool has_content_suffix(const char *name, size_t prefix_size)
{
	return prefix_size > 9 && name[prefix_size - 9] == '-' &&
	       strspn(name + prefix_size - 8, "0123456789abcdef") == 8;
}

/* A name of the form PREFIX-00001-of-00003.safetensors is one file of several. */
static void note_single_shard(struct opening *opening)
{
	static const char form[] = "-00000-of-00000.safetensors";
	const char *const name = opening->reader->files[1].name;
	const size_t size = strlen(name);
	const size_t prefix = size < sizeof(form) ? 0 : size - (sizeof(form) - 1);
	char index[SYSTEM_NAME_SIZE + 32];
	uint32_t number;
	uint32_t count;

	if (prefix == 0 || name[prefix] != '-' || !is_number(name + prefix + 1, "-of-", &number) ||
	    !is_number(name + prefix + 10, ".safetensors", &count) || count < 2)
		return;
	snprintf(index, sizeof(index), "%.*s.safetensors.index.json", (int)prefix, name);
	opening_note(opening, "one shard of %" PRIu32 ": pass %s to open all of it", count,
		     has_content_suffix(name, prefix) ? "its .safetensors.index.json"
						      : quote(cairn_string_from(index)).text);
}

static enum cairn_status open_single(struct opening *opening, struct cairn_error *error)
{
	struct safetensors_header header;
	enum cairn_status status = opening_read_header(opening, 0, &header, error);

	if (status == CAIRN_OK)
		status = opening_describe(opening, &header, 0, error);
	if (status != CAIRN_OK)
		return status;
	note_single_shard(opening);
	return opening_complete(opening, error);
}

enum cairn_status open_safetensors(struct cairn_reader *reader, struct file *file,
				   struct cairn_error *error)
{
	struct opening opening;
	enum cairn_status status;

	reader->format = "safetensors";
	opening_init(&opening, reader);
	status = opening_reserve(&opening, 1, error);
	if (status == CAIRN_OK) {
		reader->files[1] = *file;
		status = reader_map_file(reader, 1, error);
		if (status == CAIRN_OK)
			status = open_single(&opening, error);
	} else {
		file_close(file);
	}
	opening_fini(&opening);
	return status;
}
