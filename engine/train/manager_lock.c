/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking the lock of a folder: as a draft's, with the folder locked shared, so that no sweep comes
 * between the file and its lock. A sweep may hold the lock of a dead manager's file for a moment,
 * and may have removed the file that was just opened: both are tried again.
 */
#include "engine/train/manager_lock.h"

#include <errno.h>

#include "engine/write/recover.h"
#include "format/error.h"

enum {
	LOCK_TRIES = 50,
	LOCK_MODE = 0444
};
#define LOCK_WAIT_NS ((uint64_t)10 * 1000 * 1000)

void manager_lock_init(struct manager_lock *lock)
{
	*lock = (struct manager_lock){.folder = {.fd = -1}, .fd = -1};
}

bool manager_lock_is_taken(const struct manager_lock *lock)
{
	return lock->folder.fd >= 0;
}

static int open_file(const struct folder *folder, bool *created)
{
	const int fd = system_create(folder->system, folder->fd, MANAGER_LOCK_NAME, LOCK_MODE, 0);

	*created = fd >= 0;
	return fd == -EEXIST ? system_open(folder->system, folder->fd, MANAGER_LOCK_NAME,
					   SYSTEM_NO_FOLLOW)
			     : fd;
}

/* The file that was locked still has its name, so that the next one will meet it. */
static bool is_named(struct folder *folder, int fd)
{
	struct system_status opened;

	return system_status(folder->system, fd, &opened) == 0 &&
	       folder_still_names(folder, MANAGER_LOCK_NAME, &opened);
}

/* A descriptor that holds the lock; -EWOULDBLOCK: somebody else does, or it is to be tried
 * again. */
static int try_once(struct folder *folder)
{
	bool created;
	const int fd = open_file(folder, &created);
	int result;

	if (fd < 0)
		return fd == -ENOENT ? -EWOULDBLOCK : fd;
	result = system_lock(folder->system, fd, SYSTEM_LOCK_EXCLUSIVE);
	if (result == 0 && !is_named(folder, fd))
		result = -EWOULDBLOCK;
	if (result == 0)
		return fd;
	if (created && result != -EWOULDBLOCK) /* nobody can have its lock */
		system_unlink(folder->system, folder->fd, MANAGER_LOCK_NAME);
	system_close(folder->system, fd);
	return result;
}

static enum cairn_status take(struct manager_lock *lock, struct folder *folder,
			      struct cairn_error *error)
{
	int result = -EWOULDBLOCK;

	for (int i = 0; i < LOCK_TRIES && result == -EWOULDBLOCK; i++) {
		const enum cairn_status status = folder_lock(folder, SYSTEM_LOCK_SHARED, error);

		if (status != CAIRN_OK)
			return status;
		result = try_once(folder);
		folder_unlock(folder);
		if (result == -EWOULDBLOCK)
			system_sleep(folder->system, LOCK_WAIT_NS);
	}
	if (result >= 0) {
		lock->fd = result;
		return CAIRN_OK;
	}
	if (result == -EWOULDBLOCK)
		return error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
				 "another manager works in the folder, or a child that one forked");
	/* EBADF: network file systems want to write where they lock */
	return means_no_locks(result) || result == -EBADF
		       ? CAIRN_OK
		       : error_set_system(error, result, "cannot lock the folder");
}

static enum cairn_status open_folder(struct system *system, const char *path, struct folder *folder,
				     struct cairn_error *error)
{
	const int fd = system_open(system, SYSTEM_CWD, path[0] == '\0' ? "." : path,
				   SYSTEM_WANT_DIRECTORY);

	*folder = (struct folder){.system = system, .fd = fd, .locks_work = true};
	return fd < 0 ? error_set_system(error, fd, "cannot open the folder") : CAIRN_OK;
}

/* Locking goes through a descriptor of its own, which is closed again: whatever becomes of the
 * unlocking, the folder is free then. */
enum cairn_status manager_lock_take(struct manager_lock *lock, struct system *system,
				    const char *folder, struct cairn_error *error)
{
	struct folder locked = {.fd = -1};
	enum cairn_status status = open_folder(system, folder, &lock->folder, error);

	if (status == CAIRN_OK)
		status = open_folder(system, folder, &locked, error);
	if (status == CAIRN_OK)
		status = take(lock, &locked, error);
	folder_close(&locked);
	if (status == CAIRN_OK)
		return CAIRN_OK;
	folder_close(&lock->folder);
	return error_prefix(error, status, folder);
}

void manager_lock_release(struct manager_lock *lock)
{
	if (lock->fd >= 0) {
		system_unlink(lock->folder.system, lock->folder.fd, MANAGER_LOCK_NAME);
		system_close(lock->folder.system, lock->fd);
	}
	folder_close(&lock->folder);
	manager_lock_init(lock);
}
