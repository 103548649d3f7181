/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeping folders and removing checkpoints, by path.
 */
#include <stdio.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/write/recover.h"
#include "engine/write/save.h"
#include "engine/write/shard_names.h"
#include "format/error.h"

/* ---------------------------------------------------------------------------------------- sweep */

/* The first error in a folder inside is the error of the sweep; the others are swept all the same.
 */
struct deep_sweep {
	struct folder *folder;
	struct sweep_counts counts;
	enum cairn_status status;
	struct cairn_error *error;
};

static int sweep_inside(void *context, const char *name)
{
	struct deep_sweep *const sweep = context;
	struct folder inner;
	struct system_status status;
	enum cairn_status result = CAIRN_OK;

	if (is_temporary_name(name) ||
	    folder_open_in(sweep->folder, name, &inner, NULL) != CAIRN_OK)
		return 0;
	if (system_status_at(inner.system, inner.fd, INDEX_NAME, false, &status) == 0)
		result = folder_sweep(&inner, &sweep->counts,
				      sweep->status == CAIRN_OK ? sweep->error : NULL);
	folder_close(&inner);
	if (sweep->status == CAIRN_OK && result != CAIRN_OK) {
		error_prefix(sweep->error, result, name);
		sweep->status = result;
	}
	return 0;
}

static enum cairn_status sweep_folder(struct folder *folder, struct cairn_sweep_report *report,
				      struct cairn_error *error)
{
	struct deep_sweep sweep = {.folder = folder, .error = error};
	int result;

	sweep.status = folder_sweep(folder, &sweep.counts, error);
	if (sweep.status != CAIRN_OK)
		return sweep.status;
	result = system_list(folder->system, folder->fd, sweep_inside, &sweep);
	if (result < 0 && sweep.status == CAIRN_OK)
		sweep.status = error_set_system(error, result, "cannot list the folder");
	report->removed = sweep.counts.removed;
	report->kept = sweep.counts.kept;
	return sweep.status;
}

enum cairn_status sweep_path(struct system *system, const char *path,
			     struct cairn_sweep_report *report, struct cairn_error *error)
{
	struct cairn_sweep_report found = {0};
	struct folder folder = {.system = system, .locks_work = true};
	enum cairn_status status;

	if (path == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "no path");
	folder.fd = system_open(system, SYSTEM_CWD, path, SYSTEM_WANT_DIRECTORY);
	if (folder.fd < 0)
		status = error_set_system(error, folder.fd, "cannot open the folder");
	else
		status = sweep_folder(&folder, &found, error);
	folder_close(&folder);
	if (status != CAIRN_OK)
		return error_prefix(error, status, path);
	if (report != NULL)
		*report = found;
	return CAIRN_OK;
}

enum cairn_status cairn_sweep(const char *folder, struct cairn_sweep_report *report,
			      struct cairn_error *error)
{
	return sweep_path(system_posix(), folder, report, error);
}

/* --------------------------------------------------------------------------------------- remove */

/* The name is that of the index or a shard, and the folder holds an index. */
static bool is_part(struct folder *folder, const char *name)
{
	struct system_status status;

	return (strcmp(name, INDEX_NAME) == 0 || is_shard_name(name)) &&
	       system_status_at(folder->system, folder->fd, INDEX_NAME, false, &status) == 0;
}

static int find_foreign(void *context, const char *name)
{
	if (is_ours_inside(name))
		return 0;
	snprintf(context, SYSTEM_NAME_SIZE, "%s", name);
	return 1;
}

/* The folder holds an index and nothing that is not Cairn's. */
static enum cairn_status check_folder(struct folder *parent, const char *name,
				      struct cairn_error *error)
{
	char foreign[SYSTEM_NAME_SIZE];
	struct system_status index;
	struct folder folder;
	enum cairn_status status;
	int result;
	bool has_index;

	status = folder_open_in(parent, name, &folder, error);
	if (status != CAIRN_OK)
		return status;
	has_index = system_status_at(folder.system, folder.fd, INDEX_NAME, false, &index) == 0;
	result = system_list(folder.system, folder.fd, find_foreign, foreign);
	folder_close(&folder);
	if (result < 0)
		return error_set_system(error, result, "cannot list the folder");
	if (!has_index)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "a folder that is no sharded checkpoint");
	return result == 0 ? CAIRN_OK
			   : error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				       "it holds %s, which Cairn did not put there",
				       quote(cairn_string_from(foreign)).text);
}

/* What the name itself is: the checkpoint, not a way to it and not a part of it. */
static enum cairn_status check_entry(struct folder *folder, const char *name,
				     struct cairn_error *error)
{
	struct system_status status;
	const int result = system_status_at(folder->system, folder->fd, name, false, &status);

	if (result < 0)
		return error_set_system(error, result, "cannot examine it");
	if (status.kind == SYSTEM_LINK)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "a symbolic link: pass what it leads to");
	if (is_part(folder, name))
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "a part of a sharded checkpoint: pass its folder");
	return status.kind == SYSTEM_DIRECTORY ? check_folder(folder, name, error) : CAIRN_OK;
}

/* Only what Cairn wrote: a container, or a folder with an index that is one. */
static enum cairn_status check_ours(struct system *system, const char *path,
				    struct cairn_error *error)
{
	struct cairn_reader *reader = NULL;
	enum cairn_status status;
	bool ours;

	status = reader_open_path(system, path, NULL, &reader, error);
	if (status != CAIRN_OK)
		return status;
	ours = reader->first_file == 0;
	cairn_reader_close(reader);
	if (ours)
		return CAIRN_OK;
	error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
		  "not written by Cairn: remove it yourself");
	return error_prefix(error, CAIRN_NOT_A_CHECKPOINT, path);
}

enum cairn_status remove_path(struct system *system, const char *path, struct cairn_error *error)
{
	struct folder folder = {.fd = -1};
	char name[SYSTEM_NAME_SIZE];
	enum cairn_status status;

	if (path == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "no path");
	status = check_ours(system, path, error);
	if (status != CAIRN_OK)
		return status;
	status = folder_open(system, path, &folder, name, error);
	if (status == CAIRN_OK)
		status = check_entry(&folder, name, error);
	if (status == CAIRN_OK)
		status = folder_take_away(&folder, name, error);
	folder_close(&folder);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, path);
}

enum cairn_status cairn_remove(const char *path, struct cairn_error *error)
{
	return remove_path(system_posix(), path, error);
}
