/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resharding: decides which tensor goes where, then is every rank of a sharded save itself.
 */
#include "engine/convert/reshard.h"

#include <inttypes.h>
#include <string.h>

#include "engine/convert/copy_checkpoint.h"
#include "engine/convert/stored_order.h"
#include "engine/read/reader.h"
#include "engine/write/save.h"
#include "format/error.h"

#define ARENA_SIZE_MAX ((size_t)1 << 40)

struct resharding {
	const struct cairn_reader *reader;
	const struct reshard_target *target;
	struct arena arena;
	struct stored_place *places;
	uint32_t *shards; /* by number of the tensor */
	uint32_t shard_count;
	uint32_t *members; /* numbers of tensors, shard by shard, each in stored order */
	uint64_t *ends;    /* by shard: where its members end */
	uint64_t total;    /* bytes of tensors, for progress */
	uint64_t done;     /* of finished shards */
};

/* --------------------------------------------------------------------------------- distribution */

/* Puts an alias beside its holder, which has a smaller number; false when the tensor is none. */
static enum cairn_status follow_alias(struct resharding *resharding, uint64_t number,
				      bool *is_alias, struct cairn_error *error)
{
	struct tensor_record record;
	const enum cairn_status status = index_tensor(&resharding->reader->index, number, &record,
						      error);

	if (status != CAIRN_OK)
		return status;
	*is_alias = (record.flags & TENSOR_ALIAS) != 0 && record.alias_of < number;
	if (*is_alias)
		resharding->shards[number] = resharding->shards[record.alias_of];
	return CAIRN_OK;
}

static enum cairn_status place_tensors(struct resharding *resharding, struct cairn_error *error)
{
	const uint64_t count = cairn_reader_tensor_count(resharding->reader);
	uint64_t filled = 0;

	for (uint64_t i = 0; i < count; i++) {
		const uint64_t number = resharding->places[i].number;
		struct cairn_tensor tensor;
		bool is_alias = false;
		enum cairn_status status;

		status = cairn_reader_tensor_at(resharding->reader, number, &tensor, error);
		if (status == CAIRN_OK)
			status = follow_alias(resharding, number, &is_alias, error);
		if (status != CAIRN_OK)
			return status;
		if (is_alias)
			continue; /* placed in the second pass */
		if (filled != 0 && (tensor.size > resharding->target->shard_size_max ||
				    filled > resharding->target->shard_size_max - tensor.size)) {
			resharding->shard_count++;
			filled = 0;
		}
		resharding->shards[number] = resharding->shard_count;
		filled += tensor.size;
		resharding->total += tensor.size;
	}
	resharding->shard_count++;
	return CAIRN_OK;
}

/* Now that all holders have their places. */
static enum cairn_status place_aliases(struct resharding *resharding, struct cairn_error *error)
{
	const uint64_t count = cairn_reader_tensor_count(resharding->reader);
	enum cairn_status status = CAIRN_OK;
	bool is_alias;

	for (uint64_t number = 0; number < count && status == CAIRN_OK; number++)
		status = follow_alias(resharding, number, &is_alias, error);
	return status;
}

/* One pass counts the members of each shard, one lists them: whatever the number of shards. */
static enum cairn_status list_members(struct resharding *resharding, struct cairn_error *error)
{
	const uint64_t count = cairn_reader_tensor_count(resharding->reader);
	uint64_t *const ends = arena_allocate_array(&resharding->arena, resharding->shard_count,
						    sizeof(*ends));
	uint64_t begin = 0;

	resharding->members = arena_allocate_array(&resharding->arena, count,
						   sizeof(*resharding->members));
	if (ends == NULL || resharding->members == NULL)
		return error_set_memory(error, "the distribution of tensors");
	memset(ends, 0, resharding->shard_count * sizeof(*ends));
	for (uint64_t number = 0; number < count; number++)
		ends[resharding->shards[number]]++;
	for (uint32_t shard = 0; shard < resharding->shard_count; shard++) {
		const uint64_t members = ends[shard];

		ends[shard] = begin; /* it ends there so far */
		begin += members;
	}
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t number = resharding->places[i].number;

		resharding->members[ends[resharding->shards[number]]++] = (uint32_t)number;
	}
	resharding->ends = ends;
	return CAIRN_OK;
}

static enum cairn_status distribute(struct resharding *resharding, struct cairn_error *error)
{
	const uint64_t count = cairn_reader_tensor_count(resharding->reader);
	enum cairn_status status;

	resharding->shards = arena_allocate_array(&resharding->arena, count,
						  sizeof(*resharding->shards));
	if (resharding->shards == NULL)
		return error_set_memory(error, "the distribution of tensors");
	if ((status = stored_order(resharding->reader, &resharding->arena, &resharding->places,
				   error)) != CAIRN_OK ||
	    (status = place_tensors(resharding, error)) != CAIRN_OK ||
	    (status = place_aliases(resharding, error)) != CAIRN_OK)
		return status;
	if (resharding->shard_count > CAIRN_RANK_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu32 " shards are more than %u: choose a larger size",
				 resharding->shard_count, CAIRN_RANK_COUNT_MAX);
	return list_members(resharding, error);
}

/* -------------------------------------------------------------------------------------- writing */

/* A shard's own progress, as part of the whole. */
static int report_progress(void *context, uint64_t done, uint64_t total)
{
	const struct resharding *const resharding = context;
	const struct cairn_writer_options *const settings = &resharding->target->settings;
	uint64_t all = resharding->done + done;

	(void)total; /* of the shard's file: tensors and index */
	if (all > resharding->total)
		all = resharding->total;
	return settings->progress(settings->progress_context, all, resharding->total);
}

static enum cairn_status fill_shard(struct resharding *resharding, uint32_t shard,
				    struct cairn_writer *writer, uint64_t *bytes,
				    struct cairn_error *error)
{
	const struct cairn_string own_name = {NULL, 0};
	enum cairn_status status = shard == 0 ? copy_metadata(writer, resharding->reader, error)
					      : CAIRN_OK;

	for (uint64_t i = shard == 0 ? 0 : resharding->ends[shard - 1];
	     i < resharding->ends[shard] && status == CAIRN_OK; i++) {
		struct cairn_tensor tensor = {0};

		status = cairn_reader_tensor_at(resharding->reader, resharding->members[i], &tensor,
						error);
		if (status == CAIRN_OK)
			status = cairn_writer_add_tensor(writer, own_name, &tensor, error);
		*bytes += tensor.size;
	}
	return status;
}

static enum cairn_status write_shard(struct resharding *resharding, struct cairn_save *save,
				     uint32_t shard, struct cairn_error *error)
{
	struct cairn_writer_options settings = resharding->target->settings;
	struct cairn_writer *writer = NULL;
	uint64_t bytes = 0;
	enum cairn_status status;

	if (settings.progress != NULL) {
		settings.progress = report_progress;
		settings.progress_context = resharding;
	}
	status = cairn_save_writer(save, shard, 0, &settings, &writer, error);
	if (status == CAIRN_OK)
		status = fill_shard(resharding, shard, writer, &bytes, error);
	if (status == CAIRN_OK)
		status = cairn_writer_finish(writer, error);
	cairn_writer_destroy(writer);
	resharding->done += bytes;
	return status;
}

static enum cairn_status write_all(struct resharding *resharding, struct cairn_error *error)
{
	const struct cairn_writer_options *const settings = &resharding->target->settings;
	const struct cairn_save_options options = {
		.rank_count = resharding->shard_count,
		.replace = resharding->target->replace,
		.allow_incomplete = 1, /* as the source has it */
		.parent_id = settings->parent_id,
		.generation = settings->generation,
	};
	struct cairn_save *save = NULL;
	enum cairn_status status;

	status = save_begin_anonymous(resharding->reader->system, resharding->target->path,
				      &options, &save, error);
	for (uint32_t shard = 0; shard < resharding->shard_count && status == CAIRN_OK; shard++)
		status = write_shard(resharding, save, shard, error);
	if (status == CAIRN_OK)
		status = cairn_save_commit(save, error);
	cairn_save_destroy(save);
	return status;
}

enum cairn_status reshard(const struct cairn_reader *reader, const struct reshard_target *target,
			  struct cairn_error *error)
{
	struct resharding resharding = {.reader = reader, .target = target};
	enum cairn_status status;

	arena_init(&resharding.arena, reader_arena_source(reader->system), ARENA_SIZE_MAX);
	status = distribute(&resharding, error);
	if (status == CAIRN_OK)
		status = write_all(&resharding, error);
	arena_fini(&resharding.arena);
	return status;
}
