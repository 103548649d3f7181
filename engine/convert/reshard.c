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
#include "engine/write/writer.h"
#include "format/bytes.h"
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
	if (status == CAIRN_OK)
		resharding->target->report->bytes += writer->files.bytes;
	cairn_writer_destroy(writer);
	resharding->done += bytes;
	return status;
}

/* The index was merged by others: how large it is says the file. */
static void report_index(const struct resharding *resharding)
{
	const struct reshard_target *const target = resharding->target;
	struct system *const system = resharding->reader->system;
	const int folder = system_open(system, SYSTEM_CWD, target->path, SYSTEM_WANT_DIRECTORY);
	struct system_status status = {.size = 0};

	if (folder < 0)
		return;
	if (system_status_at(system, folder, INDEX_NAME, false, &status) == 0)
		target->report->bytes += status.size;
	target->report->file_count = (uint64_t)resharding->shard_count + 1;
	system_close(system, folder);
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
	if (status == CAIRN_OK)
		report_index(resharding);
	return status;
}

/* ------------------------------------------------------------------------------------ measuring */

/* The index over shards that were measured: it has all their records. */
struct measured_index {
	struct build_input input;
	uint64_t capacity;
};

static enum cairn_status add_records(struct resharding *resharding, struct measured_index *index,
				     const struct cairn_writer *writer, struct cairn_error *error)
{
	const struct build_input *const shard = &writer->input;
	struct build_tensor *const tensors = arena_grow(
		&resharding->arena, index->input.tensors, &index->capacity,
		index->input.tensor_count + shard->tensor_count, sizeof(*tensors));

	if (tensors == NULL)
		return error_set_memory(error, "the index of the shards");
	memcpy(tensors + index->input.tensor_count, shard->tensors,
	       shard->tensor_count * sizeof(*tensors));
	index->input.tensors = tensors;
	index->input.tensor_count += shard->tensor_count;
	return CAIRN_OK;
}

static enum cairn_status measure_shard(struct resharding *resharding, uint32_t shard,
				       struct cairn_writer *writer, struct measured_index *index,
				       struct cairn_error *error)
{
	uint64_t bytes = 0;
	enum cairn_status status = fill_shard(resharding, shard, writer, &bytes, error);

	if (status == CAIRN_OK)
		status = writer_measure(writer, error);
	if (status != CAIRN_OK)
		return status;
	if (writer->input.region_count != 0) { /* the merge leaves out those without data */
		resharding->target->report->bytes += writer->files.bytes;
		index->input.shard_count++;
	}
	return add_records(resharding, index, writer, error);
}

static enum cairn_status measure_index(const struct resharding *resharding,
				       struct measured_index *index, struct build_shard *shards,
				       struct cairn_error *error)
{
	static const char name[] = "shard-00000-of-00000.cairn"; /* all have this size */
	uint64_t image_size;
	enum cairn_status status;

	for (uint32_t i = 0; i < index->input.shard_count; i++)
		shards[i].name = cairn_string_from(name);
	index->input.shards = shards;
	status = index_build_size(&index->input, &image_size, error);
	if (status == CAIRN_OK)
		resharding->target->report->bytes += INDEX_BLOCK_SIZE +
						     align_up(image_size, CONTAINER_PAGE_SIZE) +
						     CONTAINER_PAGE_SIZE;
	return status;
}

/* All writers stay until the index was measured: it is made of what they hold. */
static enum cairn_status measure_with(struct resharding *resharding, struct cairn_writer **writers,
				      struct cairn_error *error)
{
	const struct reshard_target *const target = resharding->target;
	struct build_shard *const shards = arena_allocate_array(
		&resharding->arena, resharding->shard_count, sizeof(*shards));
	struct measured_index index = {.capacity = 0};
	enum cairn_status status = CAIRN_OK;

	if (shards == NULL)
		return error_set_memory(error, "the shards");
	for (uint32_t shard = 0; shard < resharding->shard_count && status == CAIRN_OK; shard++) {
		status = writer_create_nowhere(resharding->reader->system, target->path,
					       &target->settings, &writers[shard], error);
		if (status == CAIRN_OK)
			status = measure_shard(resharding, shard, writers[shard], &index, error);
	}
	target->report->file_count = (uint64_t)index.input.shard_count + 1;
	return status == CAIRN_OK ? measure_index(resharding, &index, shards, error) : status;
}

/* What beginning the save would refuse. */
static enum cairn_status check_target(const struct reshard_target *target, struct system *system,
				      struct cairn_error *error)
{
	struct folder folder = {.fd = -1};
	char name[SYSTEM_NAME_SIZE];
	enum cairn_status status = folder_open(system, target->path, &folder, name, error);

	if (status == CAIRN_OK && !target->replace && folder_has(&folder, name))
		status = error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
				   "it is there already");
	folder_close(&folder);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, target->path);
}

static enum cairn_status measure_all(struct resharding *resharding, struct cairn_error *error)
{
	struct cairn_writer **const writers = arena_allocate_array(
		&resharding->arena, resharding->shard_count, sizeof(*writers));
	enum cairn_status status = check_target(resharding->target, resharding->reader->system,
						error);

	if (writers == NULL)
		return error_set_memory(error, "the shards");
	if (status == CAIRN_OK)
		status = measure_with(resharding, writers, error);
	for (uint32_t i = 0; i < resharding->shard_count; i++)
		cairn_writer_destroy(writers[i]);
	return status;
}

/* ----------------------------------------------------------------------------------- resharding */

enum cairn_status reshard(const struct cairn_reader *reader, const struct reshard_target *target,
			  struct cairn_error *error)
{
	struct cairn_convert_report unwanted = {0};
	struct reshard_target reported = *target;
	struct resharding resharding = {.reader = reader, .target = &reported};
	enum cairn_status status;

	if (reported.report == NULL)
		reported.report = &unwanted;
	arena_init(&resharding.arena, reader_arena_source(reader->system), ARENA_SIZE_MAX);
	status = distribute(&resharding, error);
	if (status == CAIRN_OK)
		status = target->dry_run ? measure_all(&resharding, error)
					 : write_all(&resharding, error);
	arena_fini(&resharding.arena);
	return status;
}
