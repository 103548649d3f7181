/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shards of a sharded checkpoint: containers beside the index that names them.
 *
 * All of them are opened, size-checked and mapped before the open returns, so that a checkpoint
 * that is replaced later stays whole for this reader. Their names come from the index and are
 * untrusted: plain base names only, never through links. What a shard holds is compared with what
 * the index means (its content id) when it is first used, so that opening stays cheap with hundreds
 * of shards.
 */
#include <errno.h>
#include <inttypes.h>

#include "engine/read/reader.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/file_name.h"

static enum cairn_status shard_name(struct cairn_reader *reader, const struct shard_record *record,
				    char **result, struct cairn_error *error)
{
	struct cairn_string name;
	const char *problem;
	char *copy;
	enum cairn_status status;

	status = index_name(&reader->index, record->name_offset, record->name_size, &name, error);
	if (status != CAIRN_OK)
		return status;
	problem = file_name_problem(name);
	if (problem != NULL || record->kind != SHARD_SIBLING)
		return error_set(error, problem != NULL ? CAIRN_CORRUPT : CAIRN_UNSUPPORTED,
				 CAIRN_ERROR_NO_OFFSET, "shard %s cannot be opened: %s",
				 quote(name).text,
				 problem != NULL ? problem : "its kind is of a later version");
	copy = arena_allocate(&reader->arena, name.size + 1);
	if (copy == NULL)
		return error_set_memory(error, "the name of a shard");
	memcpy(copy, name.data, name.size);
	copy[name.size] = '\0';
	*result = copy;
	return CAIRN_OK;
}

static enum cairn_status check_size(struct cairn_reader *reader, const struct file *file,
				    uint64_t expected, struct cairn_error *error)
{
	if (file->size == expected)
		return CAIRN_OK;
	reader->siblings_changed = true;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "%" PRIu64 " bytes long, the index says %" PRIu64, file->size, expected);
}

static enum cairn_status open_sibling(struct cairn_reader *reader, int directory, uint32_t number,
				      const struct shard_record *record, struct cairn_error *error)
{
	struct file *const file = &reader->files[number];
	struct file_place place = {.directory = directory, .flags = SYSTEM_NO_FOLLOW};
	struct cairn_error found = {0};
	char *name = NULL;
	enum cairn_status status;

	status = shard_name(reader, record, &name, error);
	if (status != CAIRN_OK)
		return status;
	place.path = name;
	place.name = name;
	status = file_open(reader->system, &place, file, &found);
	if (status == CAIRN_NOT_FOUND) {
		reader->siblings_changed = true;
		status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "this shard is missing");
	} else if (found.system_errno == ELOOP) {
		status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "a link where a shard should be: links are not followed");
	} else if (status != CAIRN_OK && error != NULL) {
		*error = found;
	}
	if (status == CAIRN_OK)
		status = check_size(reader, file, record->size, error);
	if (status == CAIRN_OK)
		status = reader_map_file(reader, number, error);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, name);
}

/* Room for all files; the index itself stays the first. */
static enum cairn_status make_room(struct cairn_reader *reader, struct cairn_error *error)
{
	const struct file self = reader->files[0];
	const uint32_t count = (uint32_t)reader->index.shard_count;
	enum cairn_status status;

	status = reader_reserve_files(reader, count, error);
	if (status != CAIRN_OK)
		return status; /* the table of one file is still in place */
	reader->files[0] = self;
	reader->shard_states = system_allocate_zeroed(reader->system, count);
	return reader->shard_states == NULL ? error_set_memory(error, "the states of the shards")
					    : CAIRN_OK;
}

/* Another index has its name, or none: what is missing was taken away with it. */
static bool index_is_replaced(const struct cairn_reader *reader, int directory)
{
	const struct file *const index = &reader->files[0];
	struct system_status now;

	return system_status_at(reader->system, directory, index->name, true, &now) != 0 ||
	       now.device != index->status.device || now.inode != index->status.inode;
}

enum cairn_status open_siblings(struct cairn_reader *reader, int directory,
				struct cairn_error *error)
{
	enum cairn_status status;

	reader->format = "cairn-sharded";
	if (directory < 0 && directory != SYSTEM_CWD)
		return error_set(
			error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
			"the index of a sharded checkpoint can only be opened by its path");
	status = make_room(reader, error);
	for (uint32_t i = 1; status == CAIRN_OK && i < reader->file_count; i++) {
		struct shard_record record;

		status = index_shard(&reader->index, i, &record, error);
		if (status == CAIRN_OK)
			status = open_sibling(reader, directory, i, &record, error);
	}
	if (reader->siblings_changed && index_is_replaced(reader, directory))
		return error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
				 "it was replaced while it was opened");
	return status;
}

/* ------------------------------------------------------------------------------------ first use */

static enum cairn_status compare_content(const struct cairn_reader *reader, uint32_t number,
					 const struct shard_record *record,
					 struct cairn_error *error)
{
	const struct file *const file = &reader->files[number];
	uint8_t header_page[CONTAINER_PAGE_SIZE];
	uint8_t footer_page[CONTAINER_PAGE_SIZE];
	struct container_header header;
	struct container_footer footer;
	char expected[DIGEST_TEXT_SIZE];
	char found[DIGEST_TEXT_SIZE];
	enum cairn_status status;

	if (file->size < 4 * (uint64_t)CONTAINER_PAGE_SIZE)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "too short to be a container");
	if ((status = file_read(file, 0, header_page, sizeof(header_page), error)) != CAIRN_OK ||
	    (status = file_read(file, file->size - sizeof(footer_page), footer_page,
				sizeof(footer_page), error)) != CAIRN_OK ||
	    (status = container_header_decode(header_page, &header, error)) != CAIRN_OK ||
	    (status = container_footer_decode(footer_page, file->size, header_page, &header,
					      &footer, error)) != CAIRN_OK)
		return status == CAIRN_NOT_A_CHECKPOINT ? CAIRN_CORRUPT : status;
	if (digest_equal(&footer.content_id, &record->content_id))
		return CAIRN_OK;
	digest_text(&record->content_id, expected);
	digest_text(&footer.content_id, found);
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "a shard of another save: content id %s, the index says %s", found,
			 expected);
}

enum cairn_status reader_use_shard(const struct cairn_reader *reader, uint32_t shard,
				   struct cairn_error *error)
{
	struct shard_record record;
	enum cairn_status status;

	if (reader->shard_states == NULL || shard == 0 ||
	    atomic_load_explicit(&reader->shard_states[shard], memory_order_acquire) != 0)
		return CAIRN_OK;
	status = index_shard(&reader->index, shard, &record, error);
	if (status == CAIRN_OK)
		status = compare_content(reader, shard, &record, error);
	if (status == CAIRN_OK)
		atomic_store_explicit(&reader->shard_states[shard], 1, memory_order_release);
	return status == CAIRN_OK ? CAIRN_OK
				  : error_prefix(error, status, reader->files[shard].name);
}
