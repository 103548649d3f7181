/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing. The order of these steps is the whole of the promise of durability; publish.h says
 * why each is where it is, and crash_states shows for each what is lost without it.
 */
#include "engine/write/publish.h"

#include <errno.h>

#include "engine/write/publish_steps.h"
#include "format/error.h"

/* An error of fsync is final: what the descriptor wrote may be gone, and a second fsync would not
 * say so. */
enum cairn_status sync_files(struct draft *drafts, uint32_t count, struct cairn_error *error)
{
	for (uint32_t i = 0; i < count; i++) {
		const int result = system_sync(drafts[i].folder->system, drafts[i].fd);

		if (result < 0)
			return error_set_system(error, result, "cannot make the new file durable");
	}
	return CAIRN_OK;
}

/* Where the system cannot promise NO_REPLACE, the folder's lock keeps other writers of ours away
 * and a look must do. */
static int rename_to_new_name(struct folder *folder, const char *from, const char *to)
{
	struct system *const system = folder->system;
	struct system_status status;
	int result;

	result = system_rename(system, folder->fd, from, folder->fd, to, SYSTEM_RENAME_NO_REPLACE);
	if (result != -EINVAL && result != -ENOSYS)
		return result;
	result = system_status_at(system, folder->fd, to, false, &status);
	if (result == 0)
		return -EEXIST;
	if (result != -ENOENT)
		return result;
	return system_rename(system, folder->fd, from, folder->fd, to, SYSTEM_RENAME_REPLACE);
}

enum cairn_status cannot_rename(int result, const char *target, struct cairn_error *error)
{
	const struct quoted name = quote(cairn_string_from(target));

	if (result == -EEXIST || result == -ENOTEMPTY)
		return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET, "%s is there already",
				 name.text);
	return error_set_system(error, result, "cannot rename to %s", name.text);
}

enum cairn_status give_name(struct folder *folder, struct draft *draft, bool replace,
			    struct cairn_error *error)
{
	int result;

	if (replace)
		result = system_rename(folder->system, folder->fd, draft->temporary, folder->fd,
				       draft->target, SYSTEM_RENAME_REPLACE);
	else
		result = rename_to_new_name(folder, draft->temporary, draft->target);
	if (result < 0)
		return cannot_rename(result, draft->target, error);
	draft->is_named = false; /* its temporary name is gone */
	return CAIRN_OK;
}

/* XFS answers an fsync of a folder with success after it shut itself down; a look at the folder
 * tells. */
enum cairn_status sync_folder(const struct folder *folder, struct cairn_error *error)
{
	struct system_status status;
	int result = system_sync(folder->system, folder->fd);

	if (result == 0)
		result = system_status(folder->system, folder->fd, &status);
	return result < 0 ? error_set_system(error, result, "cannot make the folder durable")
			  : CAIRN_OK;
}

enum cairn_status in_doubt(struct cairn_error *error)
{
	if (error != NULL)
		error->code = CAIRN_IN_DOUBT;
	return CAIRN_IN_DOUBT;
}

enum cairn_status folder_commit(const struct folder *folder, struct cairn_error *error)
{
	return sync_folder(folder, error) == CAIRN_OK ? CAIRN_OK : in_doubt(error);
}

enum cairn_status name_parts(struct folder *folder, struct draft *drafts, uint32_t count,
			     uint32_t *named, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	while (*named < count && status == CAIRN_OK) {
		status = give_name(folder, &drafts[*named], false, error);
		if (status == CAIRN_OK)
			(*named)++;
	}
	if (status == CAIRN_OK && count != 0)
		status = sync_folder(folder, error);
	return status;
}

static enum cairn_status name_all(struct folder *folder, struct draft *drafts, uint32_t count,
				  bool replace, struct cairn_error *error)
{
	const uint32_t parts = count - 1;
	uint32_t named = 0;
	enum cairn_status status;

	status = name_parts(folder, drafts, parts, &named, error);
	if (status == CAIRN_OK)
		status = give_name(folder, &drafts[parts], replace, error);
	if (status != CAIRN_OK) {
		while (named > 0) /* new names that nothing refers to yet */
			system_unlink(folder->system, folder->fd, drafts[--named].target);
		return status;
	}
	return folder_commit(folder, error);
}

enum cairn_status publish(struct draft *drafts, uint32_t count, bool replace,
			  struct cairn_error *error)
{
	struct folder *const folder = drafts[0].folder;
	enum cairn_status status;

	status = sync_files(drafts, count, error);
	if (status == CAIRN_OK)
		status = folder_lock_to_publish(folder, error);
	if (status == CAIRN_OK) {
		status = name_all(folder, drafts, count, replace, error);
		folder_unlock(folder);
	}
	for (uint32_t i = 0; i < count; i++)
		draft_discard(&drafts[i]); /* closes what was published, removes what was not */
	return status;
}

/* Under the folder's lock: nobody else changes the name now. */
static enum cairn_status check_replaced(const struct draft *draft,
					const struct system_status *expected,
					struct cairn_error *error)
{
	struct system *const system = draft->folder->system;
	struct system_status now;
	const int result = system_status_at(system, draft->folder->fd, draft->target, false, &now);

	if (result < 0)
		return error_set_system(error, result, "cannot look at %s",
					quote(cairn_string_from(draft->target)).text);
	if (now.device == expected->device && now.inode == expected->inode)
		return CAIRN_OK;
	return error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET, "%s was replaced meanwhile",
			 quote(cairn_string_from(draft->target)).text);
}

enum cairn_status publish_replacing(struct draft *draft, const struct system_status *expected,
				    struct cairn_error *error)
{
	struct folder *const folder = draft->folder;
	enum cairn_status status = sync_files(draft, 1, error);

	if (status == CAIRN_OK)
		status = folder_lock_to_publish(folder, error);
	if (status == CAIRN_OK) {
		status = check_replaced(draft, expected, error);
		if (status == CAIRN_OK)
			status = name_all(folder, draft, 1, true, error);
		folder_unlock(folder);
	}
	draft_discard(draft);
	return status;
}

/* -------------------------------------------------------------------------------------- folders */

enum cairn_status publish_folder(struct folder *parent, const char *temporary, const char *target,
				 struct cairn_error *error)
{
	enum cairn_status status;
	int result;

	status = folder_lock_to_publish(parent, error);
	if (status != CAIRN_OK)
		return status;
	result = rename_to_new_name(parent, temporary, target);
	status = result < 0 ? cannot_rename(result, target, error) : folder_commit(parent, error);
	folder_unlock(parent);
	return status;
}

/* Also the index, under a temporary name: a rename within one folder is durable with that folder's
 * fsync alone. */
static enum cairn_status link_index(struct folder *from, const char *index, struct folder *to,
				    char temporary[TEMPORARY_NAME_SIZE], struct cairn_error *error)
{
	int result = random_temporary_name(to->system, DRAFT_PREFIX, temporary);

	if (result == 0)
		result = system_link(from->system, from->fd, index, to->fd, temporary);
	return result < 0 ? error_set_system(error, result, "cannot link the index into its place")
			  : CAIRN_OK;
}

static enum cairn_status link_shards(struct folder *from, const char *const *shards, uint32_t count,
				     struct folder *to, uint32_t *linked, struct cairn_error *error)
{
	while (*linked < count) {
		const char *const name = shards[*linked];
		const int result = system_link(from->system, from->fd, name, to->fd, name);

		if (result < 0)
			return error_set_system(error, result,
						"cannot link shard %s into its place",
						quote(cairn_string_from(name)).text);
		(*linked)++;
	}
	return CAIRN_OK;
}

static enum cairn_status link_and_rename(struct folder *from, const char *const *shards,
					 uint32_t count, const char *index, struct folder *to,
					 struct cairn_error *error)
{
	char temporary[TEMPORARY_NAME_SIZE];
	uint32_t linked = 0;
	bool has_temporary = false;
	enum cairn_status status;

	status = link_shards(from, shards, count, to, &linked, error);
	if (status == CAIRN_OK) {
		status = link_index(from, index, to, temporary, error);
		has_temporary = status == CAIRN_OK;
	}
	if (status == CAIRN_OK)
		status = sync_folder(to, error);
	if (status == CAIRN_OK) {
		const int result = system_rename(to->system, to->fd, temporary, to->fd, index,
						 SYSTEM_RENAME_REPLACE);

		if (result < 0)
			status = cannot_rename(result, index, error);
		if (result < 0 && !folder_has(to, temporary))
			return in_doubt(error); /* it may have happened, whatever the answer was */
	}
	if (status == CAIRN_OK)
		return folder_commit(to, error);
	if (has_temporary)
		system_unlink(to->system, to->fd, temporary);
	while (linked > 0) /* new names that nothing refers to yet */
		system_unlink(to->system, to->fd, shards[--linked]);
	return status;
}

enum cairn_status publish_into(struct folder *from, const char *const *shards, uint32_t count,
			       const char *index, struct folder *to, struct cairn_error *error)
{
	enum cairn_status status;

	status = folder_lock_to_publish(to, error);
	if (status != CAIRN_OK)
		return status;
	status = link_and_rename(from, shards, count, index, to, error);
	folder_unlock(to);
	return status;
}
