/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading state files: what they say, and whether what they name is there.
 *
 * The paths in a state file may lead anywhere: that is what it is for. Nothing is opened but to be
 * read.
 */
#include <inttypes.h>
#include <string.h>

#include "engine/read/interrupted_save.h"
#include "engine/read/reader.h"
#include "engine/read/state_file.h"
#include "engine/train/checkpoint_files.h"
#include "engine/train/paths.h"
#include "engine/train/state.h"
#include "format/error.h"

/* The largest text needs a quarter of this; folder names in front of its paths may need more. */
#define ARENA_SIZE_MAX ((size_t)512 << 20)

#define NS_PER_SECOND 1e9

/* What a struct cairn_state is the beginning of. */
struct state_handle {
	struct cairn_state state; /* first */
	struct system *system;
	struct arena arena;
};

/* ----------------------------------------------------------------------------------------- text */

enum cairn_status state_check_name(const char *folder, const char **latest_filename,
				   struct cairn_error *error)
{
	if (*latest_filename == NULL)
		*latest_filename = CAIRN_STATE_NAME;
	if (folder == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "no folder");
	if (**latest_filename == '\0' || strchr(*latest_filename, '/') != NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%s is no name for a state file: it must not be empty or contain "
				 "a folder",
				 quote(cairn_string_from(*latest_filename)).text);
	return CAIRN_OK;
}

static enum cairn_status read_path(struct system *system, struct arena *arena, const char *path,
				   struct state_text *state, struct cairn_error *error)
{
	const struct file_place place = {.directory = SYSTEM_CWD, .path = path, .name = path};
	struct file file;
	enum cairn_status status;

	status = file_open(system, &place, &file, error);
	if (status != CAIRN_OK)
		return status;
	status = state_file_read(&file, arena, state, error);
	file_close(&file);
	if (status == CAIRN_OK && state->model_path[0] == '\0')
		status = state_file_names_none(CAIRN_INVALID_ARGUMENT, error);
	return status;
}

enum cairn_status state_read(struct system *system, struct arena *arena, const char *folder,
			     const char *latest_filename, struct state_text *state,
			     struct cairn_error *error)
{
	const char *path;
	enum cairn_status status;

	status = state_check_name(folder, &latest_filename, error);
	if (status != CAIRN_OK)
		return status;
	path = path_join(arena, folder, latest_filename);
	if (path == NULL)
		return error_set_memory(error, "the path of a state file");
	status = read_path(system, arena, path, state, error);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, path);
}

/* ------------------------------------------------------------------------------------------ get */

/* Puts the folder in front of each relative path. */
static enum cairn_status fill_state(struct state_handle *handle, const char *folder,
				    const struct state_text *text, struct cairn_error *error)
{
	struct cairn_state *const state = &handle->state;

	state->model_checkpoint_path = path_join(&handle->arena, folder, text->model_path);
	if (state->model_checkpoint_path == NULL)
		return error_set_memory(error, "a checkpoint's path");
	for (uint64_t i = 0; i < text->path_count; i++) {
		text->paths[i] = path_join(&handle->arena, folder, text->paths[i]);
		if (text->paths[i] == NULL)
			return error_set_memory(error, "a checkpoint's path");
	}
	state->all_model_checkpoint_paths = text->paths;
	state->path_count = text->path_count;
	state->all_model_checkpoint_timestamps = text->timestamps;
	state->timestamp_count = text->timestamp_count;
	state->last_preserved_timestamp = text->last_preserved;
	return CAIRN_OK;
}

enum cairn_status state_get(struct system *system, const char *folder, const char *latest_filename,
			    struct cairn_state **state, struct cairn_error *error)
{
	struct state_handle *const handle = system_allocate_zeroed(system, sizeof(*handle));
	struct state_text text;
	enum cairn_status status;

	if (handle == NULL)
		return error_set_memory(error, "a state");
	handle->system = system;
	arena_init(&handle->arena, reader_arena_source(system), ARENA_SIZE_MAX);
	status = state_read(system, &handle->arena, folder, latest_filename, &text, error);
	if (status == CAIRN_OK)
		status = fill_state(handle, folder, &text, error);
	if (status == CAIRN_OK)
		*state = &handle->state;
	else
		cairn_state_free(&handle->state);
	return status;
}

enum cairn_status cairn_state_get(const char *folder, const char *latest_filename,
				  struct cairn_state **state, struct cairn_error *error)
{
	return state_get(system_posix(), folder, latest_filename, state, error);
}

void cairn_state_free(struct cairn_state *state)
{
	struct state_handle *const handle = (struct state_handle *)state;

	if (handle == NULL)
		return;
	arena_fini(&handle->arena);
	system_free(handle->system, handle);
}

/* -------------------------------------------------------------------------------- what is there */

enum cairn_status state_exists(struct system *system, const char *prefix, int *exists,
			       struct cairn_error *error)
{
	struct checkpoint checkpoint;
	enum cairn_status status;

	if (prefix == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "no prefix");
	status = checkpoint_open(system, prefix, &checkpoint, error);
	if (status != CAIRN_OK)
		return status;
	*exists = checkpoint.kind != CHECKPOINT_ABSENT;
	checkpoint_close(&checkpoint);
	return CAIRN_OK;
}

enum cairn_status cairn_state_exists(const char *prefix, int *exists, struct cairn_error *error)
{
	return state_exists(system_posix(), prefix, exists, error);
}

/* The state file of `folder` names a checkpoint that is not there. */
static enum cairn_status latest_is_gone(const struct checkpoint *checkpoint, const char *folder,
					const char *latest, struct cairn_error *error)
{
	struct interrupted_save hint = {""};

	if (checkpoint->folder.fd >= 0)
		hint = interrupted_save_hint(checkpoint->folder.system, checkpoint->folder.fd,
					     checkpoint->base);
	return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
			 "the state file of %s names the checkpoint %s, which is not there%s",
			 quote(cairn_string_from(folder)).text,
			 quote(cairn_string_from(latest)).text, hint.text);
}

static enum cairn_status must_exist(struct system *system, const char *folder, const char *latest,
				    struct cairn_error *error)
{
	struct checkpoint checkpoint;
	enum cairn_status status = checkpoint_open(system, latest, &checkpoint, error);

	if (status != CAIRN_OK)
		return status;
	if (checkpoint.kind == CHECKPOINT_ABSENT)
		status = latest_is_gone(&checkpoint, folder, latest, error);
	checkpoint_close(&checkpoint);
	return status;
}

static enum cairn_status find_latest(struct system *system, struct arena *arena, const char *folder,
				     const char *latest_filename, char path[CAIRN_PATH_SIZE],
				     struct cairn_error *error)
{
	struct state_text state;
	const char *latest;
	enum cairn_status status;

	status = state_read(system, arena, folder, latest_filename, &state, error);
	if (status != CAIRN_OK)
		return status;
	latest = path_join(arena, folder, state.model_path);
	if (latest == NULL)
		return error_set_memory(error, "a checkpoint's path");
	status = must_exist(system, folder, latest, error);
	if (status != CAIRN_OK)
		return status;
	if (strlen(latest) >= CAIRN_PATH_SIZE)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the path of the latest checkpoint has %zu bytes, more than %d",
				 strlen(latest), CAIRN_PATH_SIZE - 1);
	memcpy(path, latest, strlen(latest) + 1);
	return CAIRN_OK;
}

enum cairn_status state_latest(struct system *system, const char *folder,
			       const char *latest_filename, char path[CAIRN_PATH_SIZE],
			       struct cairn_error *error)
{
	struct arena arena;
	enum cairn_status status;

	arena_init(&arena, reader_arena_source(system), ARENA_SIZE_MAX);
	status = find_latest(system, &arena, folder, latest_filename, path, error);
	arena_fini(&arena);
	return status;
}

enum cairn_status cairn_state_latest(const char *folder, const char *latest_filename,
				     char path[CAIRN_PATH_SIZE], struct cairn_error *error)
{
	return state_latest(system_posix(), folder, latest_filename, path, error);
}

enum cairn_status state_mtimes(struct system *system, const char *const *prefixes, uint64_t count,
			       double *mtimes, uint64_t *found, struct cairn_error *error)
{
	uint64_t filled = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct checkpoint checkpoint;
		enum cairn_status status;

		if (prefixes[i] == NULL)
			return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
					 "no prefix number %" PRIu64, i);
		status = checkpoint_open(system, prefixes[i], &checkpoint, error);
		if (status != CAIRN_OK)
			return status;
		if (checkpoint.kind != CHECKPOINT_ABSENT)
			mtimes[filled++] = (double)checkpoint.modified_ns / NS_PER_SECOND;
		checkpoint_close(&checkpoint);
	}
	*found = filled;
	return CAIRN_OK;
}

enum cairn_status cairn_state_mtimes(const char *const *prefixes, uint64_t count, double *mtimes,
				     uint64_t *found, struct cairn_error *error)
{
	return state_mtimes(system_posix(), prefixes, count, mtimes, found, error);
}
