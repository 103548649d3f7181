/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors of a checkpoint that is named by its prefix, or by the folder whose latest it is.
 */
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/state.h"
#include "format/error.h"

static bool is_folder(struct system *system, const char *path)
{
	struct system_status found;

	return system_status_at(system, SYSTEM_CWD, path, true, &found) == 0 &&
	       found.kind == SYSTEM_DIRECTORY;
}

static enum cairn_status nothing_in(const char *folder, struct cairn_error *error)
{
	error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
		  "a folder without a state file '" CAIRN_STATE_NAME
		  "' whose latest checkpoint is there, and no checkpoint itself");
	return error_prefix(error, CAIRN_INVALID_ARGUMENT, folder);
}

/* A state file decides, when there is one. */
static enum cairn_status has_state_file(struct system *system, const char *folder, bool *has,
					struct cairn_error *error)
{
	struct cairn_error found = {.code = CAIRN_OK};
	struct cairn_state *state = NULL;
	const enum cairn_status status = state_get(system, folder, NULL, &state, &found);

	cairn_state_free(state);
	*has = status == CAIRN_OK;
	if (status == CAIRN_OK || status == CAIRN_NOT_FOUND)
		return CAIRN_OK;
	if (error != NULL)
		*error = found;
	return status;
}

static enum cairn_status load_from_folder(struct system *system, const char *folder,
					  const struct cairn_reader_options *options,
					  struct cairn_reader **reader, struct cairn_error *error)
{
	char path[CAIRN_PATH_SIZE];
	bool has = false;
	enum cairn_status status;

	status = has_state_file(system, folder, &has, error);
	if (status != CAIRN_OK)
		return status;
	if (!has) {
		status = reader_open_path(system, folder, options, reader, error);
		return status == CAIRN_NOT_A_CHECKPOINT ? nothing_in(folder, error) : status;
	}
	status = state_latest(system, folder, NULL, path, error);
	if (status == CAIRN_NOT_FOUND)
		return nothing_in(folder, error);
	return status == CAIRN_OK ? reader_open_path(system, path, options, reader, error) : status;
}

enum cairn_status state_load_checkpoint(struct system *system, const char *path,
					const struct cairn_reader_options *options,
					struct cairn_reader **reader, struct cairn_error *error)
{
	if (path == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "no path");
	if (path[0] == '\0')
		return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				 "no checkpoint has an empty path");
	if (is_folder(system, path))
		return load_from_folder(system, path, options, reader, error);
	return reader_open_path(system, path, options, reader, error);
}

enum cairn_status cairn_state_load_checkpoint(const char *path,
					      const struct cairn_reader_options *options,
					      struct cairn_reader **reader,
					      struct cairn_error *error)
{
	return state_load_checkpoint(system_posix(), path, options, reader, error);
}

static enum cairn_status call_back(const struct cairn_reader *reader,
				   cairn_variable_callback callback, void *context,
				   struct cairn_error *error)
{
	const uint64_t count = cairn_reader_tensor_count(reader);

	for (uint64_t i = 0; i < count; i++) {
		struct cairn_tensor tensor;
		const enum cairn_status status = cairn_reader_tensor_at(reader, i, &tensor, error);

		if (status != CAIRN_OK)
			return status;
		if (callback(context, &tensor) != 0)
			return error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
					 "the listing was stopped by its callback");
	}
	return CAIRN_OK;
}

enum cairn_status cairn_state_list_variables(const char *path, cairn_variable_callback callback,
					     void *context, struct cairn_error *error)
{
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	if (callback == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no callback");
	status = cairn_state_load_checkpoint(path, NULL, &reader, error);
	if (status == CAIRN_OK)
		status = call_back(reader, callback, context, error);
	cairn_reader_close(reader);
	return status;
}

/* "w:0" is how TensorFlow calls the output of the operation "w". */
static struct cairn_string without_output(const char *name)
{
	struct cairn_string string = cairn_string_from(name);

	if (string.size >= 2 && memcmp(string.data + string.size - 2, ":0", 2) == 0)
		string.size -= 2;
	return string;
}

enum cairn_status cairn_state_load_variable(const char *path, const char *name,
					    struct cairn_tensor *tensor, struct cairn_view *view,
					    struct cairn_error *error)
{
	struct cairn_reader *reader = NULL;
	struct cairn_tensor found;
	enum cairn_status status;

	if (name == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "no name");
	status = cairn_state_load_checkpoint(path, NULL, &reader, error);
	if (status != CAIRN_OK)
		return status;
	status = cairn_reader_find_string(reader, without_output(name), &found, error);
	if (status == CAIRN_OK)
		status = cairn_tensor_view(&found, view, error);
	if (status == CAIRN_OK)
		*tensor = found;
	cairn_reader_close(reader); /* the view holds it */
	return status;
}
