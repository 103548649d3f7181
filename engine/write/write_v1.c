/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer's tensors as a TensorFlow checkpoint of the first format: one file, or one for each
 * shard, <prefix>-00000-of-00002.
 *
 * The format holds values within messages, so that each file is put together in memory, all of it:
 * who still writes it saves what fits. Shards have no index that would tell those of one save from
 * those of another: old ones are removed, durably, before new ones get their names.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/write/bundle_plan.h"
#include "engine/write/publish.h"
#include "engine/write/refusal.h"
#include "format/error.h"
#include "format/tensorflow_v1.h"

#define ARENA_SIZE_MAX ((size_t)1 << 46)

struct v1_save {
	struct cairn_writer *writer;
	struct draft *drafts; /* owned */
	uint32_t count;       /* of files */
	uint32_t drafted;
};

/* --------------------------------------------------------------------------------------- checks */

static enum cairn_status check_types(const struct cairn_writer *writer, struct cairn_error *error)
{
	struct refusal refusal = {.count = 0};

	for (uint64_t i = 0; i < writer->item_count; i++) {
		const struct item *const item = &writer->items[i];

		if (!v1_can_write(item->dtype))
			refusal_add(&refusal, "tensor", item->name, "its type");
	}
	return refusal_status(&refusal, "TensorFlow's first format", error);
}

static enum cairn_status file_name(const struct v1_save *save, uint32_t file,
				   char name[SYSTEM_NAME_SIZE], struct cairn_error *error)
{
	const struct cairn_writer *const writer = save->writer;
	const int size = writer->v1_shards ? snprintf(name, SYSTEM_NAME_SIZE,
						      "%s-%05" PRIu32 "-of-%05" PRIu32,
						      writer->target, file, save->count)
					   : snprintf(name, SYSTEM_NAME_SIZE, "%s", writer->target);

	if ((size_t)size < SYSTEM_NAME_SIZE)
		return CAIRN_OK;
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "not a prefix: the names of its files would be too long");
}

/* --------------------------------------------------------------------------------------- values */

/* What lies in memory stays there. */
static enum cairn_status take_values(struct arena *arena, const struct item *item,
				     struct stored_scratch *scratch, const uint8_t **values,
				     struct cairn_error *error)
{
	uint8_t *copy;

	*values = item->from.memory;
	if (item->source == SOURCE_MEMORY)
		return CAIRN_OK;
	copy = arena_allocate(arena, item->size);
	if (copy == NULL)
		return error_set_memory(error, "the values of a tensor");
	*values = copy;
	return item_read(item, 0, item->size, copy, scratch, error);
}

static enum cairn_status make_piece(struct arena *arena, const struct item *item,
				    struct stored_scratch *scratch, struct v1_piece *piece,
				    struct cairn_error *error)
{
	*piece = (struct v1_piece){.name = item->name,
				   .dtype = item->dtype,
				   .rank = item->rank,
				   .dims = item->dims,
				   .ranges = item->ranges,
				   .elements = item_elements(item)};
	return take_values(arena, item, scratch, &piece->values, error);
}

static enum cairn_status encode(const struct v1_save *save, uint32_t file, struct arena *arena,
				struct stored_scratch *scratch, uint8_t **bytes, uint64_t *size,
				struct cairn_error *error)
{
	const struct cairn_writer *const writer = save->writer;
	struct v1_piece *const pieces = arena_allocate_array(arena, writer->item_count,
							     sizeof(*pieces));
	uint64_t count = 0;
	enum cairn_status status = CAIRN_OK;

	if (pieces == NULL)
		return error_set_memory(error, "the tensors of a file");
	for (uint64_t i = 0; i < writer->item_count && status == CAIRN_OK; i++) {
		if (writer->items[i].shard == file)
			status = make_piece(arena, &writer->items[i], scratch, &pieces[count++],
					    error);
	}
	return status == CAIRN_OK ? v1_write(arena, pieces, count, bytes, size, error) : status;
}

/* ---------------------------------------------------------------------------------------- files */

static enum cairn_status write_file(struct v1_save *save, uint32_t file, struct arena *arena,
				    struct stored_scratch *scratch, struct cairn_error *error)
{
	struct folder *const folder = &save->writer->folder;
	struct draft *const draft = &save->drafts[file];
	char name[SYSTEM_NAME_SIZE];
	uint8_t *bytes = NULL;
	uint64_t size = 0;
	enum cairn_status status;

	if ((status = encode(save, file, arena, scratch, &bytes, &size, error)) != CAIRN_OK ||
	    (status = file_name(save, file, name, error)) != CAIRN_OK ||
	    (status = draft_create(folder, name, false, draft, error)) != CAIRN_OK)
		return status;
	save->drafted++;
	return draft_write_file(draft, bytes, size, error);
}

static enum cairn_status write_files(struct v1_save *save, struct cairn_error *error)
{
	struct system *const system = save->writer->system;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t file = 0; file < save->count && status == CAIRN_OK; file++) {
		struct stored_scratch scratch = {0};
		struct arena arena;

		arena_init(&arena, reader_arena_source(system), ARENA_SIZE_MAX);
		status = write_file(save, file, &arena, &scratch, error);
		stored_scratch_release(system, &scratch);
		arena_fini(&arena);
	}
	return status;
}

static enum cairn_status remove_old(const struct v1_save *save, struct cairn_error *error)
{
	const struct folder *const folder = &save->writer->folder;
	bool removed = false;

	for (uint32_t file = 0; file < save->count; file++) {
		char name[SYSTEM_NAME_SIZE];
		int result;

		if (file_name(save, file, name, error) != CAIRN_OK)
			return CAIRN_INVALID_ARGUMENT;
		result = system_unlink(folder->system, folder->fd, name);
		if (result < 0 && result != -ENOENT)
			return error_set_system(error, result, "cannot remove the old %s",
						quote(cairn_string_from(name)).text);
		removed = removed || result == 0;
	}
	return removed ? folder_commit(folder, error) : CAIRN_OK;
}

static enum cairn_status publish_files(struct v1_save *save, struct cairn_error *error)
{
	const bool replace = (save->writer->options.flags & CAIRN_WRITER_REPLACE) != 0;
	enum cairn_status status = CAIRN_OK;

	if (replace && save->count > 1)
		status = remove_old(save, error);
	if (status != CAIRN_OK)
		return status;
	save->drafted = 0; /* publishing takes them */
	return publish(save->drafts, save->count, replace, error);
}

/* ----------------------------------------------------------------------------------------- save */

static enum cairn_status check(struct cairn_writer *writer, struct cairn_error *error)
{
	enum cairn_status status;

	if ((status = bundle_check_items(writer, error)) != CAIRN_OK ||
	    (status = check_types(writer, error)) != CAIRN_OK ||
	    (status = writer_group(writer, error)) != CAIRN_OK)
		return status;
	return writer_check_overlap(writer, error);
}

enum cairn_status writer_save_v1(struct cairn_writer *writer, struct cairn_error *error)
{
	struct v1_save save = {.writer = writer, .count = writer->options.shard_count};
	enum cairn_status status = check(writer, error);

	if (status != CAIRN_OK)
		return status;
	save.drafts = system_allocate_zeroed(writer->system,
					     (size_t)save.count * sizeof(*save.drafts));
	if (save.drafts == NULL)
		return error_set_memory(error, "the table of files");
	status = write_files(&save, error);
	if (status == CAIRN_OK)
		status = publish_files(&save, error);
	for (uint32_t i = 0; i < save.drafted; i++)
		draft_discard(&save.drafts[i]);
	system_free(writer->system, save.drafts);
	return status;
}
