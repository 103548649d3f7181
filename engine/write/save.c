/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharded saves: begin, join, shards, commit.
 *
 * Everything happens in a temporary folder (work_folder.h). A rank's shard is an ordinary container
 * there, durable when its writer has finished; the commit opens them, merges their indexes, and
 * publishes the folder. Nothing outside the folder changes before that.
 */
#include <cairn/save.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/write/merge.h"
#include "engine/write/save.h"
#include "engine/write/shard_names.h"
#include "engine/write/work_folder.h"
#include "engine/write/writer.h"
#include "format/bytes.h"
#include "format/error.h"

#define PATH_SIZE (4096 + SYSTEM_NAME_SIZE)

#define ATTEMPT_MAX 99999u

struct cairn_save {
	struct system *system;
	struct work_folder work;
	struct cairn_save_options options;
	struct cairn_save_id id;
	char *path; /* owned; for messages */
	bool is_coordinator;
	bool is_anonymous; /* the id names the temporary folder only, files carry none: their bytes
			      are repeatable */
	bool finished;
};

/* ---------------------------------------------------------------------------------- begin, join */

static struct cairn_save *new_save(struct system *system, const char *path)
{
	struct cairn_save *const save = system_allocate_zeroed(system, sizeof(*save));

	if (save == NULL)
		return NULL;
	save->system = system;
	save->work.parent.fd = -1;
	save->work.folder.fd = -1;
	save->path = system_allocate(system, strlen(path) + 1);
	if (save->path == NULL) {
		system_free(system, save);
		return NULL;
	}
	memcpy(save->path, path, strlen(path) + 1);
	return save;
}

static enum cairn_status take_options(struct cairn_save *save,
				      const struct cairn_save_options *options,
				      struct cairn_error *error)
{
	int result = 0;

	if (options == NULL || options->rank_count == 0 ||
	    options->rank_count > CAIRN_RANK_COUNT_MAX ||
	    (options->size != 0 && options->size < sizeof(*options)))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a save needs a number of ranks from 1 to %u",
				 CAIRN_RANK_COUNT_MAX);
	save->options = *options;
	save->id = options->id;
	if (all_zero(save->id.bytes, sizeof(save->id.bytes)))
		result = system_random(save->system, save->id.bytes, sizeof(save->id.bytes));
	return result < 0 ? error_set_system(error, result, "cannot make an id for the save")
			  : CAIRN_OK;
}

static enum cairn_status created(struct cairn_save *save, enum cairn_status status,
				 struct cairn_save **result, struct cairn_error *error)
{
	if (status == CAIRN_OK) {
		*result = save;
		return CAIRN_OK;
	}
	error_prefix(error, status, save->path);
	cairn_save_destroy(save);
	return status;
}

static enum cairn_status begin(struct system *system, const char *path,
			       const struct cairn_save_options *options, struct cairn_save **result,
			       struct cairn_error *error)
{
	struct cairn_save *const save = path == NULL ? NULL : new_save(system, path);
	enum cairn_status status;

	if (save == NULL)
		return path == NULL ? error_set(error, CAIRN_INVALID_ARGUMENT,
						CAIRN_ERROR_NO_OFFSET, "no path")
				    : error_set_memory(error, "a save");
	save->is_coordinator = true;
	if ((status = take_options(save, options, error)) == CAIRN_OK &&
	    (status = work_folder_begin(&save->work, system, path, options->replace != 0, error)) ==
		    CAIRN_OK)
		status = work_folder_create(&save->work, path, save->id.bytes, error);
	return created(save, status, result, error);
}

enum cairn_status save_begin(struct system *system, const char *path,
			     const struct cairn_save_options *options, struct cairn_save **save,
			     struct cairn_error *error)
{
	return begin(system, path, options, save, error);
}

enum cairn_status save_begin_anonymous(struct system *system, const char *path,
				       const struct cairn_save_options *options,
				       struct cairn_save **save, struct cairn_error *error)
{
	const enum cairn_status status = begin(system, path, options, save, error);

	if (status == CAIRN_OK)
		(*save)->is_anonymous = true;
	return status;
}

enum cairn_status save_join(struct system *system, const char *path, struct cairn_save_id id,
			    struct cairn_save **result, struct cairn_error *error)
{
	struct cairn_save *const save = path == NULL ? NULL : new_save(system, path);

	if (save == NULL)
		return path == NULL ? error_set(error, CAIRN_INVALID_ARGUMENT,
						CAIRN_ERROR_NO_OFFSET, "no path")
				    : error_set_memory(error, "a save");
	save->id = id;
	return created(save, work_folder_join(&save->work, system, path, id.bytes, error), result,
		       error);
}

enum cairn_status cairn_save_begin(const char *path, const struct cairn_save_options *options,
				   struct cairn_save **save, struct cairn_error *error)
{
	return save_begin(system_posix(), path, options, save, error);
}

enum cairn_status cairn_save_join(const char *path, struct cairn_save_id id,
				  struct cairn_save **save, struct cairn_error *error)
{
	return save_join(system_posix(), path, id, save, error);
}

struct cairn_save_id cairn_save_id(const struct cairn_save *save)
{
	return save->id;
}

/* --------------------------------------------------------------------------------------- shards */

/* The id that is kept in the files. */
static struct cairn_save_id kept_id(const struct cairn_save *save)
{
	return save->is_anonymous ? (struct cairn_save_id){{0}} : save->id;
}

enum cairn_status cairn_save_writer(struct cairn_save *save, uint32_t rank, uint32_t attempt,
				    const struct cairn_writer_options *options,
				    struct cairn_writer **writer, struct cairn_error *error)
{
	struct cairn_writer_options settings = {0};
	char name[SYSTEM_NAME_SIZE];
	char path[PATH_SIZE];

	if (save->finished)
		return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
				 "the save is over");
	if (rank >= CAIRN_RANK_COUNT_MAX || attempt > ATTEMPT_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "rank %" PRIu32 " or attempt %" PRIu32 " is over the limit", rank,
				 attempt);
	if (options != NULL)
		settings = *options;
	settings.flags &= ~(uint32_t)CAIRN_WRITER_REPLACE;
	memcpy(settings.save_id, kept_id(save).bytes, sizeof(settings.save_id));
	rank_name(rank, attempt, name);
	work_folder_file(&save->work, name, path, sizeof(path));
	return writer_create_in(&save->work.folder, name, path, &settings, writer, error);
}

/* --------------------------------------------------------------------------------------- commit */

/* The finished attempts, by rank; ATTEMPT_NONE: none. */
struct rank_search {
	uint32_t *attempts;
	uint32_t count;
	uint32_t unexpected; /* a rank beyond the count; RANK_NONE: none */
};
#define ATTEMPT_NONE UINT32_MAX
#define RANK_NONE    UINT32_MAX

static int look_at_entry(void *context, const char *name)
{
	struct rank_search *const search = context;
	uint32_t rank;
	uint32_t attempt;

	if (!parse_rank_name(name, &rank, &attempt))
		return 0;
	if (rank >= search->count)
		search->unexpected = rank;
	else if (search->attempts[rank] == ATTEMPT_NONE || search->attempts[rank] < attempt)
		search->attempts[rank] = attempt;
	return 0;
}

/* Names the ranks that are missing, some of them. */
static enum cairn_status missing_ranks(const struct rank_search *search, struct cairn_error *error)
{
	enum {
		LISTED_MAX = 8
	};
	char list[LISTED_MAX * 8 + 8] = "";
	size_t used = 0;
	uint32_t count = 0;

	for (uint32_t i = 0; i < search->count; i++) {
		if (search->attempts[i] != ATTEMPT_NONE || count++ >= LISTED_MAX)
			continue;
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%" PRIu32,
					 used == 0 ? "" : ", ", i);
	}
	if (count == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
			 "%" PRIu32 " of %" PRIu32 " ranks did not finish: rank %s%s", count,
			 search->count, list, count > LISTED_MAX ? ", ..." : "");
}

static enum cairn_status find_ranks(struct cairn_save *save, struct rank_search *search,
				    struct cairn_error *error)
{
	int result;

	for (uint32_t i = 0; i < search->count; i++)
		search->attempts[i] = ATTEMPT_NONE;
	result = system_list(save->system, save->work.folder.fd, look_at_entry, search);
	if (result < 0)
		return error_set_system(error, result, "cannot list the temporary folder");
	if (search->unexpected != RANK_NONE)
		return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
				 "rank %" PRIu32 " finished a shard of a save of %" PRIu32 " ranks",
				 search->unexpected, search->count);
	return missing_ranks(search, error);
}

static enum cairn_status open_rank(struct cairn_save *save, uint32_t rank, uint32_t attempt,
				   struct cairn_reader **reader, struct cairn_error *error)
{
	char name[SYSTEM_NAME_SIZE];
	char path[PATH_SIZE];
	enum cairn_status status;

	rank_name(rank, attempt, name);
	work_folder_file(&save->work, name, path, sizeof(path));
	status = reader_open_path(save->system, path, &merge_reader_options, reader, error);
	if (status != CAIRN_OK)
		return status;
	reader_spare_descriptors(*reader, rank);
	if (memcmp((*reader)->header.save_id, kept_id(save).bytes, sizeof(save->id.bytes)) == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
			 "the shard of rank %" PRIu32 " belongs to another save", rank);
}

static enum cairn_status merge_ranks(struct cairn_save *save, struct cairn_reader **readers,
				     struct cairn_error *error)
{
	struct merge_identity identity = {.parent_id = save->options.parent_id,
					  .generation = save->options.generation,
					  .alignment = CONTAINER_ALIGNMENT_MIN};
	struct merge merge;
	enum cairn_status status;

	memcpy(identity.save_id, kept_id(save).bytes, sizeof(identity.save_id));
	status = merge_init(&merge, save->system, readers, save->options.rank_count,
			    save->options.allow_incomplete != 0, error);
	if (status == CAIRN_OK)
		status = merge_plan(&merge, error);
	if (status == CAIRN_OK)
		status = work_folder_complete(&save->work, &merge, &identity, true, error);
	if (status == CAIRN_OK)
		status = work_folder_publish(&save->work, &merge, error);
	merge_fini(&merge);
	return status;
}

static enum cairn_status open_ranks(struct cairn_save *save, struct cairn_reader **readers,
				    struct cairn_error *error)
{
	const uint32_t count = save->options.rank_count;
	struct rank_search search = {.count = count, .unexpected = RANK_NONE};
	enum cairn_status status;

	search.attempts = system_allocate(save->system, count * sizeof(*search.attempts));
	if (search.attempts == NULL)
		return error_set_memory(error, "the ranks");
	status = find_ranks(save, &search, error);
	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++)
		status = open_rank(save, i, search.attempts[i], &readers[i], error);
	system_free(save->system, search.attempts);
	return status;
}

static enum cairn_status commit(struct cairn_save *save, struct cairn_error *error)
{
	const uint32_t count = save->options.rank_count;
	struct cairn_reader **const readers = system_allocate_zeroed(
		save->system, count * sizeof(struct cairn_reader *));
	enum cairn_status status;

	if (readers == NULL)
		return error_set_memory(error, "the ranks");
	status = open_ranks(save, readers, error);
	if (status == CAIRN_OK)
		status = merge_ranks(save, readers, error);
	for (uint32_t i = 0; i < count; i++)
		cairn_reader_close(readers[i]);
	system_free(save->system, readers);
	return status;
}

enum cairn_status cairn_save_commit(struct cairn_save *save, struct cairn_error *error)
{
	enum cairn_status status;

	if (!save->is_coordinator || save->finished)
		return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
				 save->finished ? "the save is over"
						: "only who began a save commits it");
	save->finished = true;
	status = commit(save, error);
	error_prefix(status == CAIRN_OK ? NULL : error, status, save->path);
	work_folder_end(&save->work);
	return status;
}

void cairn_save_abort(struct cairn_save *save)
{
	if (save == NULL || save->finished)
		return;
	save->finished = true;
	work_folder_end(&save->work);
}

void cairn_save_destroy(struct cairn_save *save)
{
	if (save == NULL)
		return;
	cairn_save_abort(save);
	work_folder_end(&save->work);
	system_free(save->system, save->path);
	system_free(save->system, save);
}
