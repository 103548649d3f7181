/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checkpoints that a saver knows, and those that leave.
 *
 * A checkpoint that fell off the list waits in a second one; each save removes at most one of them,
 * and only after the state file stopped to list it. One that was saved again in the meantime, under
 * whatever spelling of its path, is not removed: the state file names it.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/paths.h"
#include "engine/train/saver.h"
#include "engine/train/state.h"
#include "format/error.h"

#define SECONDS_PER_HOUR 3600.0
#define ARENA_SIZE_MAX   ((size_t)64 << 20)

/* ---------------------------------------------------------------------------------------- lists */

void saver_list_fini(struct system *system, struct saver_list *list)
{
	for (uint64_t i = 0; i < list->count; i++)
		system_free(system, list->items[i].path);
	system_free(system, list->items);
	*list = (struct saver_list){.items = NULL};
}

static bool reserve(struct system *system, struct saver_list *list, uint64_t count)
{
	const uint64_t capacity = count < 8 ? 8 : 2 * count;
	struct saver_checkpoint *items;

	if (count <= list->capacity)
		return true;
	if (capacity > SIZE_MAX / sizeof(*items))
		return false;
	items = system_reallocate(system, list->items, (size_t)capacity * sizeof(*items));
	if (items == NULL)
		return false;
	list->items = items;
	list->capacity = capacity;
	return true;
}

static char *copy_path(struct system *system, const char *path)
{
	const size_t size = strlen(path) + 1;
	char *const copy = system_allocate(system, size);

	if (copy != NULL)
		memcpy(copy, path, size);
	return copy;
}

static void take_out(struct saver_list *list, uint64_t index)
{
	list->count--;
	memmove(&list->items[index], &list->items[index + 1],
		(size_t)(list->count - index) * sizeof(*list->items));
}

static void forget(struct system *system, struct saver_list *list, const char *path)
{
	for (uint64_t i = list->count; i-- > 0;) {
		if (strcmp(list->items[i].path, path) == 0) {
			system_free(system, list->items[i].path);
			take_out(list, i);
		}
	}
}

/* ------------------------------------------------------------------------------------ recording */

enum cairn_status saver_record(struct cairn_saver *saver, const char *path,
			       struct cairn_error *error)
{
	struct system *const system = saver->system;
	const uint64_t limit = (uint64_t)saver->def.max_to_keep;
	struct saver_list *const kept = &saver->kept;
	char *copy;

	if (limit == 0)
		return CAIRN_OK;
	copy = copy_path(system, path);
	if (copy == NULL || !reserve(system, kept, kept->count + 1) ||
	    !reserve(system, &saver->leaving, saver->leaving.count + 1)) {
		system_free(system, copy);
		return error_set_memory(error, "the list of checkpoints");
	}
	forget(system, kept, path);
	forget(system, &saver->leaving, path);
	kept->items[kept->count++] = (struct saver_checkpoint){copy, saver_now(saver)};
	if (kept->count > limit) {
		saver->leaving.items[saver->leaving.count++] = kept->items[0];
		take_out(kept, 0);
	}
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- removing */

/* The two paths lead to one place, as far as their texts tell. */
static enum cairn_status is_same(struct cairn_saver *saver, const char *a, const char *b,
				 bool *same, struct cairn_error *error)
{
	const char *first = NULL;
	const char *second = NULL;
	struct arena arena;
	enum cairn_status status;

	arena_init(&arena, reader_arena_source(saver->system), ARENA_SIZE_MAX);
	status = path_relative(saver->system, &arena, a, ".", &first, error);
	if (status == CAIRN_OK)
		status = path_relative(saver->system, &arena, b, ".", &second, error);
	*same = status == CAIRN_OK && strcmp(first, second) == 0;
	arena_fini(&arena);
	return status;
}

static enum cairn_status is_listed(struct cairn_saver *saver, const char *path, bool *listed,
				   struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	*listed = false;
	for (uint64_t i = 0; i < saver->kept.count && status == CAIRN_OK && !*listed; i++)
		status = is_same(saver, path, saver->kept.items[i].path, listed, error);
	return status;
}

static enum cairn_status remove_files(struct cairn_saver *saver, const char *path,
				      const char *meta_graph_suffix, struct cairn_error *error)
{
	static const enum cairn_state_format formats[] = {
		[CAIRN_SAVER_CAIRN] = CAIRN_STATE_CAIRN,
		[CAIRN_SAVER_TENSORFLOW_V1] = CAIRN_STATE_TENSORFLOW_V1,
		[CAIRN_SAVER_TENSORFLOW_V2] = CAIRN_STATE_TENSORFLOW_V2,
	};
	const struct cairn_state_remove_options options = {.format = formats[saver->options.format],
							   .meta_graph_suffix = meta_graph_suffix};
	bool listed = false;
	const enum cairn_status status = is_listed(saver, path, &listed, error);

	if (status != CAIRN_OK || listed)
		return status;
	return state_remove(saver->system, path, &options, error);
}

void saver_remove_one(struct cairn_saver *saver, const char *meta_graph_suffix)
{
	const double period = (double)saver->def.keep_checkpoint_every_n_hours * SECONDS_PER_HOUR;
	struct saver_checkpoint oldest;
	struct cairn_error error = {.code = CAIRN_OK};

	if (saver->leaving.count == 0)
		return;
	oldest = saver->leaving.items[0];
	take_out(&saver->leaving, 0);
	if (oldest.time > saver->next_checkpoint_time)
		saver->next_checkpoint_time += period;
	else if (remove_files(saver, oldest.path, meta_graph_suffix, &error) != CAIRN_OK)
		snprintf(saver->note, sizeof(saver->note), "an old checkpoint was not removed: %s",
			 error.message);
	system_free(saver->system, oldest.path);
}

/* --------------------------------------------------------------------------- given from outside */

uint64_t cairn_saver_checkpoint_count(const struct cairn_saver *saver)
{
	return saver->kept.count;
}

const char *cairn_saver_checkpoint(const struct cairn_saver *saver, uint64_t index, double *time)
{
	if (index >= saver->kept.count)
		return NULL;
	if (time != NULL)
		*time = saver->kept.items[index].time;
	return saver->kept.items[index].path;
}

static enum cairn_status check_paths(const char *const *paths, const double *times, uint64_t count,
				     struct cairn_error *error)
{
	for (uint64_t i = 0; i < count; i++) {
		if (paths == NULL || paths[i] == NULL || paths[i][0] == '\0' ||
		    (times != NULL && isnan(times[i])))
			return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
					 "checkpoint %" PRIu64 " of %" PRIu64
					 " has no path, or a time that is none",
					 i, count);
	}
	return CAIRN_OK;
}

/* NULL times: for ever. A NaN stands for one that is left out. */
static enum cairn_status replace_list(struct cairn_saver *saver, const char *const *paths,
				      const double *times, uint64_t count,
				      struct cairn_error *error)
{
	struct system *const system = saver->system;
	struct saver_list list = {.items = NULL};

	if (!reserve(system, &list, count))
		return error_set_memory(error, "the list of checkpoints");
	for (uint64_t i = 0; i < count; i++) {
		struct saver_checkpoint *const item = &list.items[list.count];

		if (times != NULL && isnan(times[i]))
			continue;
		item->time = times == NULL ? (double)INFINITY : times[i];
		item->path = copy_path(system, paths[i]);
		if (item->path == NULL) {
			saver_list_fini(system, &list);
			return error_set_memory(error, "the list of checkpoints");
		}
		list.count++;
	}
	saver_list_fini(system, &saver->kept);
	saver->kept = list;
	return CAIRN_OK;
}

enum cairn_status cairn_saver_set_last_checkpoints(struct cairn_saver *saver,
						   const char *const *paths, uint64_t count,
						   struct cairn_error *error)
{
	const enum cairn_status status = check_paths(paths, NULL, count, error);

	return status == CAIRN_OK ? replace_list(saver, paths, NULL, count, error) : status;
}

enum cairn_status cairn_saver_set_last_checkpoints_with_time(struct cairn_saver *saver,
							     const char *const *paths,
							     const double *times, uint64_t count,
							     struct cairn_error *error)
{
	enum cairn_status status;

	if (times == NULL && count != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "no times");
	status = check_paths(paths, times, count, error);
	return status == CAIRN_OK ? replace_list(saver, paths, times, count, error) : status;
}

static enum cairn_status find_times(struct cairn_saver *saver, const char *const *paths,
				    double *times, uint64_t count, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;
	uint64_t found = 0;

	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		status = state_mtimes(saver->system, &paths[i], 1, &times[i], &found, error);
		if (status == CAIRN_OK && found == 0)
			times[i] = (double)NAN;
	}
	return status;
}

enum cairn_status cairn_saver_recover_last_checkpoints(struct cairn_saver *saver,
						       const char *const *paths, uint64_t count,
						       struct cairn_error *error)
{
	double *times;
	enum cairn_status status = check_paths(paths, NULL, count, error);

	if (status != CAIRN_OK)
		return status;
	times = count > SIZE_MAX / sizeof(*times)
			? NULL
			: system_allocate(saver->system, (size_t)count * sizeof(*times));
	if (times == NULL)
		return error_set_memory(error, "the times of checkpoints");
	status = find_times(saver, paths, times, count, error);
	if (status == CAIRN_OK)
		status = replace_list(saver, paths, times, count, error);
	system_free(saver->system, times);
	return status;
}
