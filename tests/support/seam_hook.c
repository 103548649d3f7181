/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of operations that wraps another one. Calls from the writer's threads come here too; the
 * function runs in the thread that made the call.
 */
#include "tests/support/seam_hook.h"

#include <stddef.h>

static const struct system_operations *real;
static struct system_operations wrapped;
static seam_function function;
static void *context;
static _Thread_local bool is_inside;

static void tell(enum memory_call call, bool is_after)
{
	if (function == NULL || is_inside)
		return;
	is_inside = true;
	function(context, call, is_after);
	is_inside = false;
}

static int hooked_open(struct system *system, int at, const char *path, uint32_t flags)
{
	int result;

	tell(MEMORY_CALL_OPEN, false);
	result = real->open(system, at, path, flags);
	tell(MEMORY_CALL_OPEN, true);
	return result;
}

static int hooked_create(struct system *system, int at, const char *name, uint32_t mode,
			 uint32_t flags)
{
	int result;

	tell(MEMORY_CALL_CREATE, false);
	result = real->create(system, at, name, mode, flags);
	tell(MEMORY_CALL_CREATE, true);
	return result;
}

static int hooked_close(struct system *system, int fd)
{
	int result;

	tell(MEMORY_CALL_CLOSE, false);
	result = real->close(system, fd);
	tell(MEMORY_CALL_CLOSE, true);
	return result;
}

static int hooked_status_at(struct system *system, int at, const char *name, bool follow,
			    struct system_status *status)
{
	int result;

	tell(MEMORY_CALL_STATUS_AT, false);
	result = real->status_at(system, at, name, follow, status);
	tell(MEMORY_CALL_STATUS_AT, true);
	return result;
}

static int64_t hooked_pwrite(struct system *system, int fd, const void *buffer, size_t size,
			     uint64_t offset)
{
	int64_t result;

	tell(MEMORY_CALL_PWRITE, false);
	result = real->pwrite(system, fd, buffer, size, offset);
	tell(MEMORY_CALL_PWRITE, true);
	return result;
}

static int hooked_preallocate(struct system *system, int fd, uint64_t size)
{
	int result;

	tell(MEMORY_CALL_PREALLOCATE, false);
	result = real->preallocate(system, fd, size);
	tell(MEMORY_CALL_PREALLOCATE, true);
	return result;
}

static int hooked_truncate(struct system *system, int fd, uint64_t size)
{
	int result;

	tell(MEMORY_CALL_TRUNCATE, false);
	result = real->truncate(system, fd, size);
	tell(MEMORY_CALL_TRUNCATE, true);
	return result;
}

static int hooked_sync(struct system *system, int fd)
{
	int result;

	tell(MEMORY_CALL_SYNC, false);
	result = real->sync(system, fd);
	tell(MEMORY_CALL_SYNC, true);
	return result;
}

static int hooked_rename(struct system *system, int from_at, const char *from, int to_at,
			 const char *to, enum system_rename_mode mode)
{
	int result;

	tell(MEMORY_CALL_RENAME, false);
	result = real->rename(system, from_at, from, to_at, to, mode);
	tell(MEMORY_CALL_RENAME, true);
	return result;
}

static int hooked_unlink(struct system *system, int at, const char *name)
{
	int result;

	tell(MEMORY_CALL_UNLINK, false);
	result = real->unlink(system, at, name);
	tell(MEMORY_CALL_UNLINK, true);
	return result;
}

static int hooked_link(struct system *system, int from_at, const char *from, int to_at,
		       const char *to)
{
	int result;

	tell(MEMORY_CALL_LINK, false);
	result = real->link(system, from_at, from, to_at, to);
	tell(MEMORY_CALL_LINK, true);
	return result;
}

static int hooked_make_directory(struct system *system, int at, const char *name, uint32_t mode)
{
	int result;

	tell(MEMORY_CALL_MAKE_DIRECTORY, false);
	result = real->make_directory(system, at, name, mode);
	tell(MEMORY_CALL_MAKE_DIRECTORY, true);
	return result;
}

static int hooked_remove_directory(struct system *system, int at, const char *name)
{
	int result;

	tell(MEMORY_CALL_REMOVE_DIRECTORY, false);
	result = real->remove_directory(system, at, name);
	tell(MEMORY_CALL_REMOVE_DIRECTORY, true);
	return result;
}

static int hooked_list(struct system *system, int fd, system_list_callback callback,
		       void *list_context)
{
	int result;

	tell(MEMORY_CALL_LIST, false);
	result = real->list(system, fd, callback, list_context);
	tell(MEMORY_CALL_LIST, true);
	return result;
}

static int hooked_lock(struct system *system, int fd, enum system_lock lock)
{
	int result;

	tell(MEMORY_CALL_LOCK, false);
	result = real->lock(system, fd, lock);
	tell(MEMORY_CALL_LOCK, true);
	return result;
}

void seam_hook_install(struct system *system, seam_function new_function, void *new_context)
{
	real = system->operations;
	wrapped = *real;
	wrapped.open = hooked_open;
	wrapped.create = hooked_create;
	wrapped.close = hooked_close;
	wrapped.status_at = hooked_status_at;
	wrapped.pwrite = hooked_pwrite;
	wrapped.preallocate = hooked_preallocate;
	wrapped.truncate = hooked_truncate;
	wrapped.sync = hooked_sync;
	wrapped.rename = hooked_rename;
	wrapped.unlink = hooked_unlink;
	wrapped.link = hooked_link;
	wrapped.make_directory = hooked_make_directory;
	wrapped.remove_directory = hooked_remove_directory;
	wrapped.list = hooked_list;
	wrapped.lock = hooked_lock;
	function = new_function;
	context = new_context;
	system->operations = &wrapped;
}

void seam_hook_remove(struct system *system)
{
	system->operations = real;
	function = NULL;
}
