/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing checkpoints.
 *
 * Of TensorFlow V2 the index goes first and durably: whoever finds an index, at any time and after
 * any crash, finds its data too. What a crash leaves is data without an index, which a second call
 * removes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/train/checkpoint_files.h"
#include "engine/train/state.h"
#include "engine/write/publish.h"
#include "engine/write/save.h"
#include "engine/write/shard_names.h"
#include "format/error.h"

struct removal {
	struct checkpoint *checkpoint;
	enum cairn_state_format format;
	const char *meta_suffix;
	char meta[2 * SYSTEM_NAME_SIZE]; /* name of the graph's file */
	enum cairn_status status;        /* the first that failed */
	struct cairn_error *error;
};

/* What is gone already is no error, nor what can have no such name. */
static void unlink_name(struct removal *removal, const char *name)
{
	const struct folder *const folder = &removal->checkpoint->folder;
	const int result = system_unlink(folder->system, folder->fd, name);

	if (result < 0 && result != -ENOENT && result != -ENAMETOOLONG &&
	    removal->status == CAIRN_OK)
		removal->status = error_set_system(removal->error, result, "cannot remove %s",
						   quote(cairn_string_from(name)).text);
}

static bool is_meta(const struct removal *removal, const char *name)
{
	return strcmp(name, removal->meta) == 0;
}

/* A file of the checkpoint that goes with, or behind, its index. */
static bool belongs(const struct removal *removal, const char *name, enum cairn_state_format format)
{
	const char *const base = removal->checkpoint->base;

	if (is_meta(removal, name))
		return true;
	if (format == CAIRN_STATE_TENSORFLOW_V2)
		return is_data_file(name, base);
	return strcmp(name, base) == 0 || is_v1_shard(name, base);
}

/* The index, durably; whether it is there or was removed a moment ago by somebody who crashed. */
static void remove_index(struct removal *removal)
{
	char name[SYSTEM_NAME_SIZE + sizeof(".index")];

	snprintf(name, sizeof(name), "%s.index", removal->checkpoint->base);
	unlink_name(removal, name);
	if (removal->status == CAIRN_OK)
		removal->status = folder_commit(&removal->checkpoint->folder, removal->error);
}

static bool is_v2_index(const struct removal *removal, const char *name)
{
	const size_t size = strlen(removal->checkpoint->base);

	return strncmp(name, removal->checkpoint->base, size) == 0 &&
	       strcmp(name + size, ".index") == 0;
}

static uint64_t count_files(const struct removal *removal, enum cairn_state_format format)
{
	const struct folder_names *const names = &removal->checkpoint->names;
	uint64_t count = 0;

	for (uint64_t i = 0; i < names->count; i++)
		count += belongs(removal, names->items[i], format) ||
			 (format == CAIRN_STATE_TENSORFLOW_V2 &&
			  is_v2_index(removal, names->items[i]));
	return count;
}

/* Only the graph is known by its suffix: "x-00001-of-00002" has one graph with its siblings. */
static void name_meta(struct removal *removal)
{
	const char *const base = removal->checkpoint->base;

	snprintf(removal->meta, sizeof(removal->meta), "%.*s.%s", (int)shard_part_at(base), base,
		 removal->meta_suffix);
}

static void remove_files(struct removal *removal)
{
	const enum cairn_state_format format = removal->format;
	const struct folder_names *const names = &removal->checkpoint->names;

	removal->status = checkpoint_list(removal->checkpoint, removal->error);
	if (removal->status != CAIRN_OK)
		return;
	name_meta(removal);
	if (count_files(removal, format) == 0)
		return;
	if (format == CAIRN_STATE_TENSORFLOW_V2)
		remove_index(removal);
	if (removal->status != CAIRN_OK)
		return;
	for (uint64_t i = 0; i < names->count; i++) {
		if (belongs(removal, names->items[i], format))
			unlink_name(removal, names->items[i]);
	}
	if (format == CAIRN_STATE_TENSORFLOW_V1 && removal->status == CAIRN_OK)
		removal->status = folder_commit(&removal->checkpoint->folder, removal->error);
}

static enum cairn_status begin_removal(struct system *system, const char *prefix,
				       const struct cairn_state_remove_options *options,
				       struct removal *removal, struct cairn_error *error)
{
	removal->format = options->format;
	removal->meta_suffix = options->meta_graph_suffix == NULL ? "meta"
								  : options->meta_graph_suffix;
	removal->error = error;
	if (strlen(removal->meta_suffix) >= SYSTEM_NAME_SIZE ||
	    strchr(removal->meta_suffix, '/') != NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%s is no suffix of a file",
				 quote(cairn_string_from(removal->meta_suffix)).text);
	return checkpoint_open(system, prefix, removal->checkpoint, error);
}

/* The graph's file of a checkpoint that is gone. */
static void remove_graph(struct removal *removal)
{
	name_meta(removal);
	unlink_name(removal, removal->meta);
}

/* `action` is for where there is a folder. */
static enum cairn_status remove_by(void (*action)(struct removal *removal), struct system *system,
				   const char *prefix,
				   const struct cairn_state_remove_options *options,
				   struct cairn_error *error)
{
	struct checkpoint checkpoint;
	struct removal removal = {.checkpoint = &checkpoint};
	const enum cairn_status status = begin_removal(system, prefix, options, &removal, error);

	if (status != CAIRN_OK)
		return status;
	if (checkpoint.folder.fd >= 0)
		action(&removal);
	checkpoint_close(&checkpoint);
	return removal.status == CAIRN_OK ? CAIRN_OK : error_prefix(error, removal.status, prefix);
}

/* A path that is too long leads nowhere. */
static enum cairn_status is_sharded(struct system *system, const char *prefix, bool *sharded,
				    struct cairn_error *error)
{
	char path[CAIRN_PATH_SIZE];
	struct system_status found;
	int result = -ENAMETOOLONG;

	if ((size_t)snprintf(path, sizeof(path), "%s/" INDEX_NAME, prefix) < sizeof(path))
		result = system_status_at(system, SYSTEM_CWD, path, true, &found);
	*sharded = result == 0;
	if (result == 0 || result == -ENOENT || result == -ENOTDIR || result == -ENAMETOOLONG)
		return CAIRN_OK;
	return error_prefix(error, error_set_system(error, result, "cannot examine the checkpoint"),
			    prefix);
}

static enum cairn_status remove_cairn(struct system *system, const char *prefix,
				      const struct cairn_state_remove_options *options,
				      struct cairn_error *error)
{
	char path[CAIRN_PATH_SIZE];
	struct cairn_error found = {.code = CAIRN_OK};
	bool sharded = false;
	enum cairn_status status = is_sharded(system, prefix, &sharded, error);

	if (status != CAIRN_OK)
		return status;
	if ((size_t)snprintf(path, sizeof(path), "%s%s", prefix, sharded ? "" : ".cairn") >=
	    sizeof(path))
		return CAIRN_OK; /* nothing has such a path */
	status = remove_path(system, path, &found);
	if (status == CAIRN_OK || status == CAIRN_NOT_FOUND)
		return remove_by(remove_graph, system, prefix, options, error);
	if (error != NULL)
		*error = found;
	return status;
}

enum cairn_status state_remove(struct system *system, const char *prefix,
			       const struct cairn_state_remove_options *options,
			       struct cairn_error *error)
{
	static const struct cairn_state_remove_options defaults;

	if (options == NULL)
		options = &defaults;
	if (prefix == NULL || (options->size != 0 && options->size < sizeof(*options)) ||
	    options->format > CAIRN_STATE_CAIRN)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no prefix, or options that are unknown");
	if (options->format == CAIRN_STATE_CAIRN)
		return remove_cairn(system, prefix, options, error);
	return remove_by(remove_files, system, prefix, options, error);
}

enum cairn_status cairn_state_remove(const char *prefix,
				     const struct cairn_state_remove_options *options,
				     struct cairn_error *error)
{
	return state_remove(system_posix(), prefix, options, error);
}
