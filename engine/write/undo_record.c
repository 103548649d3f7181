/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undo records. Names come from directory listings; a file is told by its inode, so that what is
 * there already is left alone, however often a restoration is begun.
 */
#include "engine/write/undo_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "format/error.h"

#define RECORD_MODE 0777u /* less the umask */

/* --------------------------------------------------------------------------------------- making */

static enum cairn_status link_old(const struct undo_record *record, const char *name,
				  struct cairn_error *error)
{
	const int result = system_link(record->folder->system, record->folder->fd, name,
				       record->inside.fd, name);

	return result < 0 ? error_set_system(error, result, "cannot keep the old %s aside",
					     quote(cairn_string_from(name)).text)
			  : CAIRN_OK;
}

static enum cairn_status link_all(const struct undo_record *record,
				  const struct prefix_files *files, struct cairn_error *error)
{
	char name[SYSTEM_NAME_SIZE];
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < files->count && status == CAIRN_OK; i++) {
		prefix_data_name(files->prefix, files->data[i], name);
		status = link_old(record, name, error);
	}
	if (status != CAIRN_OK)
		return status;
	prefix_index_name(files->prefix, name);
	return link_old(record, name, error);
}

static enum cairn_status make_folder(struct undo_record *record, struct cairn_error *error)
{
	struct system *const system = record->folder->system;
	int result = random_temporary_name(system, DRAFT_PREFIX, record->name);

	if (result == 0)
		result = system_make_directory(system, record->folder->fd, record->name,
					       RECORD_MODE);
	if (result < 0)
		return error_set_system(error, result, "cannot make a folder for the old files");
	return folder_open_in(record->folder, record->name, &record->inside, error);
}

enum cairn_status undo_record_make(struct folder *folder, const struct prefix_files *files,
				   struct undo_record *record, struct cairn_error *error)
{
	enum cairn_status status;

	*record = (struct undo_record){.folder = folder, .inside = {.fd = -1}};
	status = make_folder(record, error);
	if (status == CAIRN_OK)
		status = link_all(record, files, error);
	if (status == CAIRN_OK)
		status = prefix_files_list(&record->inside, files->prefix, &record->files, error);
	if (status != CAIRN_OK) {
		undo_record_remove(folder, record->name);
		undo_record_close(record);
	}
	return status;
}

/* -------------------------------------------------------------------------------------- opening */

/* What is of others, or no folder, is none of ours; what cannot be found out is an error. */
static enum cairn_status open_own_folder(struct folder *folder, const char *name,
					 struct folder *inside, struct cairn_error *error)
{
	struct system *const system = folder->system;
	struct system_status status;
	const int result = system_status_at(system, folder->fd, name, false, &status);

	if (result < 0)
		return error_set_system(error, result, "cannot examine %s",
					quote(cairn_string_from(name)).text);
	if (status.kind != SYSTEM_DIRECTORY || status.owner != system_user(system))
		return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				 "%s is no folder of this user's",
				 quote(cairn_string_from(name)).text);
	return folder_open_in(folder, name, inside, error);
}

enum cairn_status undo_record_open(struct folder *folder, const char *name,
				   struct undo_record *record, struct cairn_error *error)
{
	enum cairn_status status;

	*record = (struct undo_record){.folder = folder, .inside = {.fd = -1}};
	memcpy(record->name, name, strlen(name) + 1);
	status = open_own_folder(folder, name, &record->inside, error);
	if (status == CAIRN_OK)
		status = prefix_files_list(&record->inside, NULL, &record->files, error);
	if (status == CAIRN_OK && (!record->files.has_index || record->files.has_others))
		status = error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				   "%s holds no old checkpoint",
				   quote(cairn_string_from(name)).text);
	if (status != CAIRN_OK)
		undo_record_close(record);
	return status;
}

void undo_record_close(struct undo_record *record)
{
	prefix_files_fini(&record->files);
	folder_close(&record->inside);
}

static int rename_record(const struct undo_record *record, const char *name)
{
	const struct folder *const folder = record->folder;

	return system_rename(folder->system, folder->fd, record->name, folder->fd, name,
			     SYSTEM_RENAME_REPLACE);
}

enum cairn_status undo_record_rename(struct undo_record *record, const char *prefix,
				     struct cairn_error *error)
{
	char name[TEMPORARY_NAME_SIZE];
	int result;

	snprintf(name, sizeof(name), "%s%s", prefix, strrchr(record->name, '-') + 1);
	result = rename_record(record, name);
	if (result == -ENOTEMPTY || result == -EEXIST || result == -ENOTDIR) { /* taken */
		result = random_temporary_name(record->folder->system, prefix, name);
		if (result == 0)
			result = rename_record(record, name);
	}
	/* it may have happened, whatever the answer was */
	if (result < 0 &&
	    !(folder_has(record->folder, name) && !folder_has(record->folder, record->name)))
		return error_set_system(error, result, "cannot rename the folder of the old files");
	memcpy(record->name, name, sizeof(name));
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------ restoring */

/* 1: the name is that of the same file in the record and beside it; 0: it is not, or one of them is
 * not there; negative errno. */
static int is_restored(const struct undo_record *record, const char *name)
{
	struct system *const system = record->folder->system;
	struct system_status old;
	struct system_status now;
	int result = system_status_at(system, record->inside.fd, name, false, &old);

	if (result == 0)
		result = system_status_at(system, record->folder->fd, name, false, &now);
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	return system_same_file(&old, &now);
}

static enum cairn_status cannot_restore(int result, const char *name, struct cairn_error *error)
{
	return error_set_system(error, result, "cannot put the old %s back",
				quote(cairn_string_from(name)).text);
}

static enum cairn_status remove_new(const struct undo_record *record,
				    const struct prefix_files *now, struct cairn_error *error)
{
	struct folder *const folder = record->folder;
	char name[SYSTEM_NAME_SIZE];

	for (uint32_t i = 0; i < now->count; i++) {
		int result;

		prefix_data_name(now->prefix, now->data[i], name);
		result = is_restored(record, name);
		if (result == 0)
			result = system_unlink(folder->system, folder->fd, name);
		if (result < 0)
			return error_set_system(error, result, "cannot remove the new %s",
						quote(cairn_string_from(name)).text);
	}
	return CAIRN_OK;
}

static enum cairn_status link_back(const struct undo_record *record, const char *name,
				   struct cairn_error *error)
{
	const struct folder *const folder = record->folder;
	int result = is_restored(record, name);

	if (result == 0)
		result = system_link(folder->system, record->inside.fd, name, folder->fd, name);
	return result < 0 ? cannot_restore(result, name, error) : CAIRN_OK;
}

enum cairn_status undo_restore_data(const struct undo_record *record, struct cairn_error *error)
{
	struct prefix_files now;
	char name[SYSTEM_NAME_SIZE];
	enum cairn_status status;

	status = prefix_files_list(record->folder, record->files.prefix, &now, error);
	if (status == CAIRN_OK)
		status = remove_new(record, &now, error);
	prefix_files_fini(&now);
	for (uint32_t i = 0; i < record->files.count && status == CAIRN_OK; i++) {
		prefix_data_name(record->files.prefix, record->files.data[i], name);
		status = link_back(record, name, error);
	}
	return status;
}

enum cairn_status undo_restore_index(const struct undo_record *record, struct cairn_error *error)
{
	char name[SYSTEM_NAME_SIZE];

	prefix_index_name(record->files.prefix, name);
	return link_back(record, name, error);
}

/* ------------------------------------------------------------------------------------- removing */

static int remove_inside(void *context, const char *name)
{
	struct folder *const inside = context;

	system_unlink(inside->system, inside->fd, name);
	return 0;
}

bool undo_record_remove(struct folder *folder, const char *name)
{
	struct folder inside;
	struct prefix_files files;
	bool is_record;

	if (open_own_folder(folder, name, &inside, NULL) != CAIRN_OK)
		return false;
	is_record = prefix_files_list(&inside, NULL, &files, NULL) == CAIRN_OK && !files.has_others;
	prefix_files_fini(&files);
	if (is_record)
		system_list(folder->system, inside.fd, remove_inside, &inside);
	folder_close(&inside);
	return is_record && system_remove_directory(folder->system, folder->fd, name) == 0;
}

/* ---------------------------------------------------------------------------------------- trash */

#define FIRST_CAPACITY 4u

static int add_trash(void *context, const char *name)
{
	struct trash_names *const trash = context;

	if (!is_trash_name(name))
		return 0;
	if (trash->count == trash->capacity) {
		const uint32_t capacity = trash->capacity == 0 ? FIRST_CAPACITY
							       : trash->capacity * 2;
		char(*const names)[TEMPORARY_NAME_SIZE] = system_reallocate(
			trash->system, trash->names, capacity * sizeof(*names));

		if (names == NULL)
			return -ENOMEM;
		trash->names = names;
		trash->capacity = capacity;
	}
	memcpy(trash->names[trash->count++], name, strlen(name) + 1);
	return 0;
}

enum cairn_status trash_names_list(struct folder *folder, struct trash_names *trash,
				   struct cairn_error *error)
{
	int result;

	*trash = (struct trash_names){.system = folder->system};
	result = system_list(folder->system, folder->fd, add_trash, trash);
	return result < 0 ? error_set_system(error, result, "cannot list the folder") : CAIRN_OK;
}

void trash_names_fini(struct trash_names *trash)
{
	system_free(trash->system, trash->names);
	*trash = (struct trash_names){0};
}
