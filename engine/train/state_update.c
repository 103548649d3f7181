/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing state files.
 *
 * The order is the promise: the checkpoint is durable before the new text exists under any name,
 * and the text is published by publish.c. A crash leaves the old state file or the new one, and
 * neither names what is not there.
 */
#include <inttypes.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/checkpoint_files.h"
#include "engine/train/paths.h"
#include "engine/train/state.h"
#include "engine/write/publish.h"
#include "format/error.h"

#define ARENA_SIZE_MAX ((size_t)512 << 20)

struct update {
	struct system *system;
	const char *folder;
	const char *model_path; /* as given */
	const struct cairn_state_update_options *options;
	const char *latest_filename;
	struct arena arena;
	const char *state_path;
	struct state_text state;
};

/* -------------------------------------------------------------------------------------- options */

static enum cairn_status check_arguments(struct update *update, struct cairn_error *error)
{
	const struct cairn_state_update_options *const options = update->options;

	if (options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "update options of %zu bytes, not %zu", options->size,
				 sizeof(*options));
	if (update->model_path == NULL || update->model_path[0] == '\0')
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no path specified");
	if ((options->all_model_checkpoint_paths == NULL && options->path_count != 0) ||
	    (options->all_model_checkpoint_timestamps == NULL && options->timestamp_count != 0))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " paths or %" PRIu64 " timestamps, but none are given",
				 options->path_count, options->timestamp_count);
	for (uint64_t i = 0; i < options->path_count; i++) {
		if (options->all_model_checkpoint_paths[i] == NULL)
			return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
					 "no path number %" PRIu64, i);
	}
	return state_check_name(update->folder, &update->latest_filename, error);
}

/* ---------------------------------------------------------------------------------------- paths */

/* Absolute paths, where they are to become relative. */
static enum cairn_status rewrite_absolute(struct update *update, const char **path,
					  struct cairn_error *error)
{
	if (update->options->save_relative_paths == 0 || !path_is_absolute(*path))
		return CAIRN_OK;
	return path_relative(update->system, &update->arena, *path, update->folder, path, error);
}

/* Paths that were given relative to the working directory. */
static enum cairn_status rewrite_relative(struct update *update, const char *given,
					  const char **path, struct cairn_error *error)
{
	if (path_is_absolute(update->folder) || path_is_absolute(given))
		return CAIRN_OK;
	return path_relative(update->system, &update->arena, *path, update->folder, path, error);
}

/* The latest is compared with the last of the list as they are at this moment, which decides
 * whether it is added. */
static enum cairn_status fill_paths(struct update *update, struct cairn_error *error)
{
	const struct cairn_state_update_options *const options = update->options;
	struct state_text *const state = &update->state;
	const uint64_t count = options->path_count;
	enum cairn_status status;

	state->paths = arena_allocate_array(&update->arena, count + 1, sizeof(*state->paths));
	if (state->paths == NULL)
		return error_set_memory(error, "the paths of a state file");
	state->model_path = update->model_path;
	status = rewrite_absolute(update, &state->model_path, error);
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		state->paths[i] = options->all_model_checkpoint_paths[i];
		status = rewrite_absolute(update, &state->paths[i], error);
	}
	state->path_count = count;
	if (status == CAIRN_OK &&
	    (count == 0 || strcmp(state->paths[count - 1], state->model_path) != 0))
		state->paths[state->path_count++] = state->model_path;
	return status;
}

static enum cairn_status rewrite_paths(struct update *update, struct cairn_error *error)
{
	const struct cairn_state_update_options *const options = update->options;
	struct state_text *const state = &update->state;
	enum cairn_status status;

	status = rewrite_relative(update, update->model_path, &state->model_path, error);
	for (uint64_t i = 0; i < state->path_count && status == CAIRN_OK; i++) {
		const char *const given = i < options->path_count
						  ? options->all_model_checkpoint_paths[i]
						  : update->model_path;

		status = rewrite_relative(update, given, &state->paths[i], error);
	}
	return status;
}

static enum cairn_status fill_timestamps(struct update *update, struct cairn_error *error)
{
	const struct cairn_state_update_options *const options = update->options;
	struct state_text *const state = &update->state;

	state->last_preserved = options->last_preserved_timestamp;
	if (options->timestamp_count == 0)
		return CAIRN_OK;
	if (options->timestamp_count != state->path_count)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " timestamps for %" PRIu64 " checkpoints",
				 options->timestamp_count, state->path_count);
	state->timestamps = arena_copy(&update->arena, options->all_model_checkpoint_timestamps,
				       options->timestamp_count * sizeof(double));
	state->timestamp_count = options->timestamp_count;
	return state->timestamps == NULL ? error_set_memory(error, "the times of a state file")
					 : CAIRN_OK;
}

static enum cairn_status fill_state(struct update *update, struct cairn_error *error)
{
	enum cairn_status status = fill_paths(update, error);

	if (status == CAIRN_OK)
		status = fill_timestamps(update, error);
	if (status == CAIRN_OK)
		status = rewrite_paths(update, error);
	if (status == CAIRN_OK && strcmp(update->state_path, update->state.model_path) == 0)
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "the checkpoint would have the path of the state file");
	return status;
}

/* -------------------------------------------------------------------------------------- writing */

/* Where a reader of the new state file will look for it. */
static enum cairn_status sync_checkpoint(struct update *update, struct cairn_error *error)
{
	const char *const path = path_join(&update->arena, update->folder,
					   update->state.model_path);
	struct checkpoint checkpoint;
	enum cairn_status status;

	if (path == NULL)
		return error_set_memory(error, "a checkpoint's path");
	status = checkpoint_open(update->system, path, &checkpoint, error);
	if (status != CAIRN_OK)
		return status;
	status = checkpoint_sync(&checkpoint, error);
	checkpoint_close(&checkpoint);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, path);
}

static enum cairn_status write_draft(struct folder *folder, const char *name,
				     struct cairn_string text, struct cairn_error *error)
{
	struct draft draft;
	enum cairn_status status;
	int result;

	status = draft_create_writable(folder, name, &draft, error);
	if (status != CAIRN_OK)
		return status;
	result = system_write_all(folder->system, draft.fd, text.data, text.size, 0);
	if (result == 0)
		return publish(&draft, 1, true, error);
	draft_discard(&draft);
	return error_set_system(error, result, "cannot write the state file");
}

static enum cairn_status write_text(struct update *update, struct cairn_string text,
				    struct cairn_error *error)
{
	char name[SYSTEM_NAME_SIZE];
	struct folder folder;
	enum cairn_status status;

	status = folder_open(update->system, update->state_path, &folder, name, error);
	if (status != CAIRN_OK)
		return status;
	status = write_draft(&folder, name, text, error);
	folder_close(&folder);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, update->state_path);
}

static enum cairn_status run(struct update *update, struct cairn_error *error)
{
	struct cairn_string text = {NULL, 0};
	enum cairn_status status;

	status = check_arguments(update, error);
	if (status != CAIRN_OK)
		return status;
	update->state_path = path_join(&update->arena, update->folder, update->latest_filename);
	if (update->state_path == NULL)
		return error_set_memory(error, "the path of a state file");
	status = fill_state(update, error);
	if (status == CAIRN_OK)
		status = state_text_write(&update->state, &update->arena, &text, error);
	if (status == CAIRN_OK && update->options->is_durable == 0)
		status = sync_checkpoint(update, error);
	return status == CAIRN_OK ? write_text(update, text, error) : status;
}

enum cairn_status state_update(struct system *system, const char *folder,
			       const char *model_checkpoint_path,
			       const struct cairn_state_update_options *options,
			       struct cairn_error *error)
{
	static const struct cairn_state_update_options defaults;
	struct update update = {.system = system,
				.folder = folder,
				.model_path = model_checkpoint_path,
				.options = options == NULL ? &defaults : options};
	enum cairn_status status;

	update.latest_filename = update.options->latest_filename;
	arena_init(&update.arena, reader_arena_source(system), ARENA_SIZE_MAX);
	status = run(&update, error);
	arena_fini(&update.arena);
	return status;
}

enum cairn_status cairn_state_update(const char *folder, const char *model_checkpoint_path,
				     const struct cairn_state_update_options *options,
				     struct cairn_error *error)
{
	return state_update(system_posix(), folder, model_checkpoint_path, options, error);
}
