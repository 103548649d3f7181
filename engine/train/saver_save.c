/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A save, step by step, each durable before the next begins: the checkpoint; the state file that
 * names it; one old checkpoint goes; the graph's file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/train/checkpoint_files.h"
#include "engine/train/meta_graph_file.h"
#include "engine/train/saver.h"
#include "engine/train/state.h"
#include "engine/write/publish.h"
#include "format/error.h"

struct saving {
	struct cairn_saver *saver;
	const struct cairn_saver_save_options *options;
	const char *save_path;
	const char *latest_filename;
	const char *meta_graph_suffix;
	char folder[CAIRN_PATH_SIZE]; /* of the checkpoint: "" is the working directory */
	char prefix[CAIRN_PATH_SIZE];
	char path[CAIRN_PATH_SIZE]; /* what it is restored from */
	bool made_folder;
};

/* ---------------------------------------------------------------------------------------- names */

static const char *base_of(const char *path)
{
	const char *const slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static enum cairn_status too_long(struct cairn_error *error)
{
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "a path of more than %d bytes", CAIRN_PATH_SIZE - 1);
}

static enum cairn_status make_prefix(struct saving *saving, struct cairn_error *error)
{
	const struct cairn_saver_save_options *const options = saving->options;
	const size_t room = sizeof(saving->prefix);
	int size;

	if (options->has_global_step == 0)
		size = snprintf(saving->prefix, room, "%s", saving->save_path);
	else if (saving->saver->options.pad_step_number != 0)
		size = snprintf(saving->prefix, room, "%s-%08" PRId64, saving->save_path,
				options->global_step);
	else
		size = snprintf(saving->prefix, room, "%s-%" PRId64, saving->save_path,
				options->global_step);
	return (size_t)size < room ? CAIRN_OK : too_long(error);
}

/* os.path.dirname: without the slashes at its end, unless there is nothing else. */
static void split_folder(struct saving *saving)
{
	size_t size = (size_t)(base_of(saving->prefix) - saving->prefix);

	while (size > 1 && saving->prefix[size - 1] == '/')
		size--;
	memcpy(saving->folder, saving->prefix, size);
	saving->folder[size] = '\0';
}

static enum cairn_status make_path(struct saving *saving, struct cairn_error *error)
{
	const struct cairn_saver *const saver = saving->saver;
	const bool is_pattern = saver->def.sharded &&
				saver->options.format == CAIRN_SAVER_TENSORFLOW_V1;
	const int size = is_pattern ? snprintf(saving->path, sizeof(saving->path),
					       "%s-\?\?\?\?\?-of-%05" PRIu32, saving->prefix,
					       saver->shard_count)
				    : snprintf(saving->path, sizeof(saving->path), "%s",
					       saving->prefix);

	return (size_t)size < sizeof(saving->path) ? CAIRN_OK : too_long(error);
}

static enum cairn_status check_arguments(struct saving *saving, struct cairn_error *error)
{
	const struct cairn_saver_save_options *const options = saving->options;
	enum cairn_status status = saver_check_built(saving->saver, error);

	if (status != CAIRN_OK)
		return status;
	if ((options->size != 0 && options->size < sizeof(*options)) ||
	    (options->meta_graph == NULL && options->meta_graph_size != 0) ||
	    strchr(saving->meta_graph_suffix, '/') != NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "unknown options of a save");
	status = state_check_name("", &saving->latest_filename, error);
	if (status != CAIRN_OK)
		return status;
	if (options->has_global_step == 0 && !saving->saver->def.sharded &&
	    strcmp(base_of(saving->save_path), saving->latest_filename) == 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "latest_filename collides with save_path: %s and %s",
				 quote(cairn_string_from(saving->latest_filename)).text,
				 quote(cairn_string_from(saving->save_path)).text);
	status = make_prefix(saving, error);
	if (status == CAIRN_OK)
		status = make_path(saving, error);
	split_folder(saving);
	return status;
}

/* --------------------------------------------------------------------------------------- folder */

static enum cairn_status no_folder(const struct saving *saving, struct cairn_error *error)
{
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "the parent directory of %s does not exist, cannot save",
			 quote(cairn_string_from(saving->save_path)).text);
}

/* What TensorFlow's second format does, and only without shards. */
static bool may_make_folder(const struct cairn_saver *saver)
{
	return !saver->def.sharded && saver->options.format != CAIRN_SAVER_TENSORFLOW_V1;
}

/* Makes the folder itself, durably; never its parents. */
static enum cairn_status make_folder(struct saving *saving, struct cairn_error *error)
{
	struct system *const system = saving->saver->system;
	char name[SYSTEM_NAME_SIZE];
	struct folder parent;
	enum cairn_status status;
	int result;

	if (!may_make_folder(saving->saver) ||
	    folder_open(system, saving->folder, &parent, name, NULL) != CAIRN_OK)
		return no_folder(saving, error);
	result = system_make_directory(system, parent.fd, name, 0777);
	saving->made_folder = result == 0;
	if (result == 0)
		status = folder_commit(&parent, error);
	else
		status = error_set_system(error, result, "cannot make the folder %s",
					  quote(cairn_string_from(saving->folder)).text);
	folder_close(&parent);
	return status;
}

static enum cairn_status prepare_folder(struct saving *saving, struct cairn_error *error)
{
	struct system *const system = saving->saver->system;
	struct system_status found;
	enum cairn_status status;
	int result;

	if (saving->folder[0] == '\0')
		return CAIRN_OK;
	result = system_status_at(system, SYSTEM_CWD, saving->folder, true, &found);
	if (result == 0)
		return found.kind == SYSTEM_DIRECTORY ? CAIRN_OK : no_folder(saving, error);
	status = error_set_system(error, result, "cannot examine the folder %s",
				  quote(cairn_string_from(saving->folder)).text);
	return status == CAIRN_NOT_FOUND ? make_folder(saving, error) : status;
}

static enum cairn_status write_checkpoint(struct saving *saving, struct cairn_error *error)
{
	struct cairn_saver *const saver = saving->saver;
	enum cairn_status status;

	if (saver->variable_count == 0)
		return CAIRN_OK;
	status = prepare_folder(saving, error);
	if (status == CAIRN_OK)
		status = saver_write(saver, saving->prefix, error);
	if (status != CAIRN_OK && saving->made_folder)
		(void)system_remove_directory(saver->system, SYSTEM_CWD, saving->folder);
	return status;
}

/* ---------------------------------------------------------------------------------------- state */

/* The checkpoint is there, and what came after it failed. */
static enum cairn_status saved_but(const struct saving *saving, const char *what,
				   const struct cairn_error *found, struct cairn_error *error)
{
	if (error != NULL)
		*error = *found;
	error_set(error, found->code, found->offset, "saved, but %s: %s", what, found->message);
	return error_prefix(error, found->code, saving->path);
}

static enum cairn_status write_state(struct saving *saving, struct cairn_error *error)
{
	struct cairn_saver *const saver = saving->saver;
	struct cairn_state_update_options options = {
		.size = sizeof(options),
		.path_count = saver->kept.count,
		.latest_filename = saving->latest_filename,
		.save_relative_paths = saver->options.save_relative_paths,
		.is_durable = 1,
	};
	const char **const paths = system_allocate(saver->system, (size_t)(saver->kept.count + 1) *
									  sizeof(*paths));
	enum cairn_status status;

	if (paths == NULL)
		return error_set_memory(error, "the paths of a state file");
	for (uint64_t i = 0; i < saver->kept.count; i++)
		paths[i] = saver->kept.items[i].path;
	options.all_model_checkpoint_paths = paths;
	status = state_update(saver->system, saving->folder, saving->path, &options, error);
	system_free(saver->system, paths);
	return status;
}

static enum cairn_status keep_state(struct saving *saving, struct cairn_error *error)
{
	struct cairn_error found = {.code = CAIRN_OK};
	enum cairn_status status;

	if (saving->options->skip_state != 0 || saving->saver->variable_count == 0)
		return CAIRN_OK;
	status = saver_record(saving->saver, saving->path, &found);
	if (status == CAIRN_OK)
		status = write_state(saving, &found);
	if (status != CAIRN_OK)
		return saved_but(saving, "not its state file", &found, error);
	saver_remove_one(saving->saver, saving->meta_graph_suffix);
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- graph */

/* Shards have one graph: their numbers are no part of its name. */
static enum cairn_status write_graph_file(struct saving *saving, struct cairn_error *error)
{
	const char *const base = base_of(saving->path);
	const int front = (int)(base - saving->path) + (int)shard_part_at(base);
	char path[CAIRN_PATH_SIZE];

	if ((size_t)snprintf(path, sizeof(path), "%.*s.%s", front, saving->path,
			     saving->meta_graph_suffix) >= sizeof(path))
		return too_long(error);
	return meta_graph_publish(saving->saver->system, path, saving->options->meta_graph,
				  saving->options->meta_graph_size, error);
}

static enum cairn_status write_graph(struct saving *saving, struct cairn_error *error)
{
	struct cairn_error found = {.code = CAIRN_OK};

	if (saving->options->meta_graph == NULL || write_graph_file(saving, &found) == CAIRN_OK)
		return CAIRN_OK;
	return saved_but(saving, "not the file of its graph", &found, error);
}

/* ----------------------------------------------------------------------------------------- save */

static enum cairn_status save(struct saving *saving, struct cairn_error *error)
{
	enum cairn_status status;

	if ((status = check_arguments(saving, error)) != CAIRN_OK ||
	    (status = write_checkpoint(saving, error)) != CAIRN_OK ||
	    (status = keep_state(saving, error)) != CAIRN_OK)
		return status;
	return write_graph(saving, error);
}

enum cairn_status cairn_saver_save(struct cairn_saver *saver, const char *save_path,
				   const struct cairn_saver_save_options *options,
				   char path[CAIRN_PATH_SIZE], struct cairn_error *error)
{
	static const struct cairn_saver_save_options defaults;
	struct saving saving = {.saver = saver,
				.options = options == NULL ? &defaults : options,
				.save_path = save_path};
	enum cairn_status status;

	if (save_path == NULL)
		saving.save_path = saver->options.filename;
	saving.latest_filename = saving.options->latest_filename;
	saving.meta_graph_suffix = saving.options->meta_graph_suffix;
	if (saving.meta_graph_suffix == NULL)
		saving.meta_graph_suffix = "meta";
	saver->note[0] = '\0';
	status = save(&saving, error);
	if (status == CAIRN_OK && path != NULL)
		memcpy(path, saver->variable_count == 0 ? "" : saving.path,
		       saver->variable_count == 0 ? 1 : strlen(saving.path) + 1);
	return status;
}

const char *cairn_saver_note(const struct cairn_saver *saver)
{
	return saver->note[0] == '\0' ? NULL : saver->note;
}
