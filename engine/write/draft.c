/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts and the sweeping of what dead writers left.
 *
 * Liveness is decided by the kernel's lock alone, never by age or pid: a lock ends with its
 * process, follows the inode through a rename and leaves nothing behind. A forked child inherits
 * it: its parent's draft stays until the child exits, which errs on the safe side.
 */
#include "engine/write/draft.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "format/bytes.h"
#include "format/error.h"

enum {
	LOCK_TRIES = 100,
	DRAFT_NAME_TRIES = 8
};
#define LOCK_WAIT_NS ((uint64_t)10 * 1000 * 1000)

/* ---------------------------------------------------------------------------------------------------- names */

static bool is_draft_name(const char *name)
{
	const size_t prefix = sizeof(DRAFT_PREFIX) - 1;

	return strncmp(name, DRAFT_PREFIX, prefix) == 0 && strlen(name) == DRAFT_NAME_SIZE - 1 &&
	       strspn(name + prefix, "0123456789abcdef") == 32;
}

static int make_draft_name(struct system *system, char name[DRAFT_NAME_SIZE])
{
	uint8_t random[16];
	const int result = system_random(system, random, sizeof(random));
	size_t used = sizeof(DRAFT_PREFIX) - 1;

	if (result < 0)
		return result;
	memcpy(name, DRAFT_PREFIX, used);
	for (size_t i = 0; i < sizeof(random); i++, used += 2)
		snprintf(name + used, DRAFT_NAME_SIZE - used, "%02x", random[i]);
	return 0;
}

/* ---------------------------------------------------------------------------------------------------- folders */

enum cairn_status folder_open(struct system *system, const char *path, struct folder *folder,
			      char name[SYSTEM_NAME_SIZE], struct cairn_error *error)
{
	const char *const slash = path == NULL ? NULL : strrchr(path, '/');
	const char *const base = slash == NULL ? path : slash + 1;
	char parent[4096] = ".";
	int fd;

	if (base == NULL || base[0] == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0 ||
	    strlen(base) >= SYSTEM_NAME_SIZE || is_draft_name(base) ||
	    (slash != NULL && (size_t)(slash - path) >= sizeof(parent)))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "not the path of a file that can be written");
	if (slash != NULL) {
		const size_t size = slash == path ? 1 : (size_t)(slash - path);

		memcpy(parent, path, size);
		parent[size] = '\0';
	}
	fd = system_open(system, SYSTEM_CWD, parent, SYSTEM_WANT_DIRECTORY);
	if (fd < 0)
		return error_set_system(error, fd, "cannot open the folder %s",
					quote(cairn_string_from(parent)).text);
	memcpy(name, base, strlen(base) + 1);
	*folder = (struct folder){.system = system, .fd = fd, .locks_work = true};
	return CAIRN_OK;
}

void folder_close(struct folder *folder)
{
	if (folder->system != NULL && folder->fd >= 0)
		system_close(folder->system,
			     folder->fd); /* only synced through: nothing can be lost */
	*folder = (struct folder){.fd = -1};
}

static bool means_no_locks(int result)
{
	return result == -ENOLCK || result == -ENOSYS || result == -EOPNOTSUPP || result == -EINVAL;
}

enum cairn_status folder_lock(struct folder *folder, enum system_lock lock,
			      struct cairn_error *error)
{
	int result = 0;

	if (!folder->locks_work)
		return CAIRN_OK;
	for (int i = 0; i < LOCK_TRIES; i++) {
		result = system_lock(folder->system, folder->fd, lock);
		if (result != -EWOULDBLOCK)
			break;
		system_sleep(folder->system, LOCK_WAIT_NS);
	}
	if (means_no_locks(result)) {
		folder->locks_work = false;
		return CAIRN_OK;
	}
	if (result == -EWOULDBLOCK)
		return error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
				 "the folder is locked by another writer, or by a child that was "
				 "forked during a save");
	return result < 0 ? error_set_system(error, result, "cannot lock the folder") : CAIRN_OK;
}

void folder_unlock(struct folder *folder)
{
	if (folder->locks_work)
		system_lock(folder->system, folder->fd, SYSTEM_UNLOCK);
}

/* ---------------------------------------------------------------------------------------------------- sweeping */

struct sweep {
	struct folder *folder;
	uint64_t removed;
};

/* The descriptor is still what the name refers to: nobody put another file there between open and
 * lock. */
static bool still_named(struct folder *folder, const char *name, const struct system_status *opened)
{
	struct system_status named;

	return system_status_at(folder->system, folder->fd, name, false, &named) == 0 &&
	       named.device == opened->device && named.inode == opened->inode;
}

static bool is_orphan(struct folder *folder, const char *name, int fd)
{
	struct system_status opened;

	return system_status(folder->system, fd, &opened) == 0 && opened.kind == SYSTEM_REGULAR &&
	       opened.owner == system_user(folder->system) &&
	       system_lock(folder->system, fd, SYSTEM_LOCK_EXCLUSIVE) == 0 &&
	       still_named(folder, name, &opened);
}

static int sweep_entry(void *context, const char *name)
{
	struct sweep *const sweep = context;
	struct folder *const folder = sweep->folder;
	int fd;

	if (!is_draft_name(name))
		return 0;
	fd = system_open(folder->system, folder->fd, name, SYSTEM_NO_FOLLOW);
	if (fd < 0)
		return 0;
	if (is_orphan(folder, name, fd) && system_unlink(folder->system, folder->fd, name) == 0)
		sweep->removed++;
	system_close(folder->system, fd);
	return 0;
}

enum cairn_status folder_sweep(struct folder *folder, uint64_t *removed, struct cairn_error *error)
{
	struct sweep sweep = {.folder = folder};
	enum cairn_status status;
	int result;

	status = folder_lock(folder, SYSTEM_LOCK_EXCLUSIVE, error);
	if (status != CAIRN_OK || !folder->locks_work)
		return status;
	result = system_sync(folder->system, folder->fd);
	if (result < 0) {
		error_set_system(error, result, "cannot make the folder durable");
		status = CAIRN_IN_DOUBT;
		if (error != NULL)
			error->code = status;
	} else {
		result = system_list(folder->system, folder->fd, sweep_entry, &sweep);
		if (result < 0)
			status = error_set_system(error, result, "cannot list the folder");
	}
	folder_unlock(folder);
	*removed = sweep.removed;
	return status;
}

/* ---------------------------------------------------------------------------------------------------- drafts */

/* A file that this user may read later and nobody may write: the umask decides who else. */
#define DRAFT_MODE 0444u

static int create_file(struct folder *folder, bool direct, struct draft *draft)
{
	int fd = -EEXIST;

	for (int i = 0; i < DRAFT_NAME_TRIES && fd == -EEXIST; i++) {
		const int result = make_draft_name(folder->system, draft->temporary);

		if (result < 0)
			return result;
		fd = system_create(folder->system, folder->fd, draft->temporary, DRAFT_MODE,
				   direct ? (uint32_t)SYSTEM_DIRECT : 0);
		if (fd == -EINVAL &&
		    direct) { /* the open may have created the file before it was refused */
			system_unlink(folder->system, folder->fd, draft->temporary);
			direct = false;
			fd = -EEXIST;
		}
	}
	draft->is_direct = direct;
	return fd;
}

enum cairn_status draft_create(struct folder *folder, const char *target, bool direct,
			       struct draft *draft, struct cairn_error *error)
{
	struct draft created = {.folder = folder, .fd = -1};
	enum cairn_status status;
	int result;

	memcpy(created.target, target, strlen(target) + 1);
	status = folder_lock(folder, SYSTEM_LOCK_SHARED, error);
	if (status != CAIRN_OK)
		return status;
	created.fd = create_file(folder, direct, &created);
	if (created.fd < 0) {
		status = error_set_system(error, created.fd, "cannot create a temporary file");
	} else {
		created.is_named = true;
		result = folder->locks_work
				 ? system_lock(folder->system, created.fd, SYSTEM_LOCK_EXCLUSIVE)
				 : 0;
		if (result < 0 && !means_no_locks(result))
			status = error_set_system(error, result, "cannot lock a temporary file");
	}
	folder_unlock(folder);
	if (status == CAIRN_OK)
		*draft = created;
	else
		draft_discard(&created);
	return status;
}

void draft_discard(struct draft *draft)
{
	if (draft->folder == NULL)
		return;
	if (draft->is_named) /* before the lock goes with the descriptor */
		system_unlink(draft->folder->system, draft->folder->fd, draft->temporary);
	if (draft->fd >= 0)
		system_close(draft->folder->system,
			     draft->fd); /* the file is gone: its errors do not matter */
	*draft = (struct draft){.fd = -1};
}
