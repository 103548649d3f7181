/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/read/opening.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format/digest.h"
#include "format/error.h"

/* What opening may allocate in between: far more than headers of any size need. */
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

enum cairn_status opening_read(struct opening *opening, const struct file *file, uint64_t size,
			       uint8_t **bytes, struct cairn_error *error)
{
	*bytes = arena_allocate(&opening->scratch, size);
	if (*bytes == NULL)
		return error_set_memory(error, "the header of a file");
	return file_read(file, 0, *bytes, size, error);
}

void opening_identify(struct opening *opening, uint32_t shard, const uint8_t *header,
		      uint64_t header_size)
{
	const struct file *const file = &opening->reader->files[shard + 1];

	opening->shards[shard] = (struct build_shard){
		.name = cairn_string_from(file->name),
		.record =
			{
				.kind = SHARD_FOREIGN,
				.size = file->size,
				.modified_ns = (uint64_t)file->status.modified_ns,
				.changed_ns = (uint64_t)file->status.changed_ns,
				.inode = file->status.inode,
				.header_digest = digest_bytes(header, header_size),
				.header_size = header_size,
			},
	};
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

/* -------------------------------------------------------------------------------- missing files */

void missing_files_add(struct missing_files *missing, struct cairn_string name)
{
	const size_t used = strlen(missing->list);

	missing->count++;
	if (missing->listed + 1 < missing->count || used + QUOTE_SIZE + 2 > sizeof(missing->list))
		return;
	snprintf(missing->list + used, sizeof(missing->list) - used, "%s%s", used == 0 ? "" : ", ",
		 quote(name).text);
	missing->listed++;
}

enum cairn_status missing_files_refuse(const struct missing_files *missing, uint32_t shard_count,
				       struct cairn_error *error)
{
	char more[32] = "";

	if (missing->count == 0)
		return CAIRN_OK;
	if (missing->listed < missing->count)
		snprintf(more, sizeof(more), " and %" PRIu32 " more",
			 missing->count - missing->listed);
	return error_set(error, CAIRN_TRUNCATED, CAIRN_ERROR_NO_OFFSET,
			 "%" PRIu32 " of %" PRIu32 " shards %s missing: %s%s", missing->count,
			 shard_count, missing->count == 1 ? "is" : "are", missing->list, more);
}
