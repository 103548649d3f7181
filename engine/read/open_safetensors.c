/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a safetensors file, and what opening several of them shares.
 *
 * No data byte is touched; metadata are kept in memory as Cairn holds them.
 */
#include "engine/read/safetensors_opening.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/error.h"

/* Headers of all shards together: bounds time and memory when an index names one large file many
 * times. */
#define HEADERS_SIZE_MAX ((uint64_t)16 * SAFETENSORS_HEADER_SIZE_MAX)

/* -------------------------------------------------------------------------------------- headers */

static enum cairn_status find_header_size(struct safetensors_opening *opening,
					  const struct file *file, uint64_t *size,
					  struct cairn_error *error)
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

enum cairn_status safetensors_opening_read(struct safetensors_opening *opening, uint32_t shard,
					   struct safetensors_header *header,
					   struct cairn_error *error)
{
	struct file *const file = &opening->base.reader->files[shard + 1];
	uint64_t json_size = 0;
	uint8_t *bytes = NULL;
	enum cairn_status status = find_header_size(opening, file, &json_size, error);

	if (status == CAIRN_OK)
		status = opening_read(&opening->base, file, SAFETENSORS_PREFIX_SIZE + json_size,
				      &bytes, error);
	if (status == CAIRN_OK)
		status = safetensors_parse(&opening->base.scratch,
					   (const char *)bytes + SAFETENSORS_PREFIX_SIZE, json_size,
					   file->size, header, error);
	if (status != CAIRN_OK)
		return status;
	opening_identify(&opening->base, shard, bytes, SAFETENSORS_PREFIX_SIZE + json_size);
	return CAIRN_OK;
}

enum cairn_status safetensors_opening_describe(struct safetensors_opening *opening,
					       const struct safetensors_header *header,
					       uint32_t shard, struct cairn_error *error)
{
	const enum cairn_status status = safetensors_describe(
		&opening->base.scratch, header, (uint16_t)(shard + 1), opening->next_rank,
		&opening->base.list, &opening->base.literal, error);

	if (status != CAIRN_OK)
		return status;
	/* describe refused what would not fit */
	opening->next_rank += (uint32_t)header->tensor_count;
	return CAIRN_OK;
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

static enum cairn_status open_single(struct safetensors_opening *opening, struct cairn_error *error)
{
	struct safetensors_header header;
	enum cairn_status status = safetensors_opening_read(opening, 0, &header, error);

	if (status == CAIRN_OK)
		status = safetensors_opening_describe(opening, &header, 0, error);
	if (status != CAIRN_OK)
		return status;
	note_single_shard(&opening->base);
	return opening_complete(&opening->base, error);
}

enum cairn_status open_safetensors(struct cairn_reader *reader, struct file *file,
				   struct cairn_error *error)
{
	struct safetensors_opening opening = {0};
	enum cairn_status status;

	reader->format = "safetensors";
	opening_init(&opening.base, reader);
	status = opening_reserve(&opening.base, 1, error);
	if (status == CAIRN_OK) {
		reader->files[1] = *file;
		status = reader_map_file(reader, 1, error);
		if (status == CAIRN_OK)
			status = open_single(&opening, error);
	} else {
		file_close(file);
	}
	opening_fini(&opening.base);
	return status;
}
