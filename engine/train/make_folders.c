/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders on the way to a file, made from the top down. A folder that was made is durable when the
 * folder above it is: what lies in it is promised only then.
 */
#include "engine/train/make_folders.h"

#include <errno.h>
#include <string.h>

#include "format/error.h"

#define FOLDER_MODE 0777

static enum cairn_status sync_folder(struct system *system, const char *path,
				     struct cairn_error *error)
{
	const int fd = system_open(system, SYSTEM_CWD, path, SYSTEM_WANT_DIRECTORY);
	int result;

	if (fd < 0)
		return error_prefix(error, error_set_system(error, fd, "cannot open the folder"),
				    path);
	result = system_sync(system, fd);
	system_close(system, fd);
	if (result == 0)
		return CAIRN_OK;
	return error_prefix(error, error_set_system(error, result, "cannot sync the folder"), path);
}

/* The folder above one that was just made: what is before the last '/' of its path. */
static enum cairn_status sync_above(struct system *system, char *path, struct cairn_error *error)
{
	char *const slash = strrchr(path, '/');
	enum cairn_status status;

	if (slash == NULL)
		return sync_folder(system, ".", error);
	if (slash == path)
		return sync_folder(system, "/", error);
	*slash = '\0';
	status = sync_folder(system, path, error);
	*slash = '/';
	return status;
}

static enum cairn_status make_folder(struct system *system, char *path, struct cairn_error *error)
{
	struct system_status found;
	int result = system_status_at(system, SYSTEM_CWD, path, true, &found);

	if (result == 0 && found.kind == SYSTEM_DIRECTORY)
		return CAIRN_OK;
	if (result == 0 || result == -ENOTDIR)
		return error_prefix(error,
				    error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
					      "is not a directory"),
				    path);
	result = system_make_directory(system, SYSTEM_CWD, path, FOLDER_MODE);
	if (result == -EEXIST) /* somebody else was faster, or it is a link to nothing */
		return CAIRN_OK;
	if (result < 0)
		return error_prefix(
			error, error_set_system(error, result, "cannot make the folder"), path);
	return sync_above(system, path, error);
}

/* Each '/' that ends a name, but for the root's. */
enum cairn_status make_folders_of(struct system *system, char *path, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (char *at = path; *at != '\0' && status == CAIRN_OK; at++) {
		if (*at != '/' || at == path || at[-1] == '/')
			continue;
		*at = '\0';
		status = make_folder(system, path, error);
		*at = '/';
	}
	return status;
}
