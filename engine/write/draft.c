/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts, folders and their locks.
 *
 * Liveness is decided by the kernel's lock alone, never by age or pid: a lock ends with its
 * process, follows the inode through a rename and leaves nothing behind. A forked child inherits
 * it: its parent's draft stays until the child exits, which errs on the safe side.
 */
#include "engine/write/draft.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/bytes.h"
#include "format/error.h"

enum {
	LOCK_TRIES = 100,
	DRAFT_NAME_TRIES = 8
};
#define LOCK_WAIT_NS    ((uint64_t)10 * 1000 * 1000)
#define PUBLISH_WAIT_NS ((uint64_t)300 * 1000 * 1000)

/* ---------------------------------------------------------------------------------------- names */

int random_temporary_name(struct system *system, const char *prefix, char name[TEMPORARY_NAME_SIZE])
{
	uint8_t id[16];
	const int result = system_random(system, id, sizeof(id));

	if (result == 0)
		temporary_name(prefix, id, name);
	return result;
}

/* -------------------------------------------------------------------------------------- folders */

enum cairn_status folder_open(struct system *system, const char *path, struct folder *folder,
			      char name[SYSTEM_NAME_SIZE], struct cairn_error *error)
{
	const char *const slash = path == NULL ? NULL : strrchr(path, '/');
	const char *const base = slash == NULL ? path : slash + 1;
	char parent[4096] = ".";
	int fd;

	if (base == NULL || base[0] == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0 ||
	    strlen(base) >= SYSTEM_NAME_SIZE || is_temporary_name(base) ||
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

enum cairn_status folder_open_in(struct folder *parent, const char *name, struct folder *folder,
				 struct cairn_error *error)
{
	const int fd = system_open(parent->system, parent->fd, name,
				   SYSTEM_WANT_DIRECTORY | SYSTEM_NO_FOLLOW);

	if (fd < 0)
		return error_set_system(error, fd, "cannot open the folder %s",
					quote(cairn_string_from(name)).text);
	*folder = (struct folder){
		.system = parent->system, .fd = fd, .locks_work = parent->locks_work};
	return CAIRN_OK;
}

void folder_close(struct folder *folder)
{
	if (folder->system != NULL && folder->fd >= 0)
		system_close(folder->system,
			     folder->fd); /* only synced through: nothing can be lost */
	*folder = (struct folder){.fd = -1};
}

bool folder_has(const struct folder *folder, const char *name)
{
	struct system_status status;

	return system_status_at(folder->system, folder->fd, name, false, &status) == 0;
}

bool means_no_locks(int result)
{
	return result == -ENOLCK || result == -ENOSYS || result == -EOPNOTSUPP || result == -EINVAL;
}

static enum cairn_status lock_within(struct folder *folder, enum system_lock lock, uint64_t wait_ns,
				     struct cairn_error *error)
{
	int result = 0;

	if (!folder->locks_work || folder->is_guarded)
		return CAIRN_OK;
	for (int i = 0; i < LOCK_TRIES; i++) {
		result = system_lock(folder->system, folder->fd, lock);
		if (result != -EWOULDBLOCK)
			break;
		system_sleep(folder->system, wait_ns);
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

enum cairn_status folder_lock(struct folder *folder, enum system_lock lock,
			      struct cairn_error *error)
{
	return lock_within(folder, lock, LOCK_WAIT_NS, error);
}

enum cairn_status folder_lock_to_publish(struct folder *folder, struct cairn_error *error)
{
	return lock_within(folder, SYSTEM_LOCK_EXCLUSIVE, PUBLISH_WAIT_NS, error);
}

void folder_unlock(struct folder *folder)
{
	if (folder->locks_work && !folder->is_guarded)
		system_lock(folder->system, folder->fd, SYSTEM_UNLOCK);
}

/* --------------------------------------------------------------------------------------- drafts */

/* A file that this user may read later and nobody may write: the umask decides who else. */
#define DRAFT_MODE    0444u
#define WRITABLE_MODE 0666u

static int create_file(struct folder *folder, bool direct, uint32_t mode, struct draft *draft)
{
	int fd = -EEXIST;

	for (int i = 0; i < DRAFT_NAME_TRIES && fd == -EEXIST; i++) {
		const int result = random_temporary_name(folder->system, DRAFT_PREFIX,
							 draft->temporary);

		if (result < 0)
			return result;
		fd = system_create(folder->system, folder->fd, draft->temporary, mode,
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

static enum cairn_status create(struct folder *folder, const char *target, bool direct,
				uint32_t mode, struct draft *draft, struct cairn_error *error)
{
	struct draft created = {.folder = folder, .fd = -1};
	enum cairn_status status;
	int result;

	memcpy(created.target, target, strlen(target) + 1);
	status = folder_lock(folder, SYSTEM_LOCK_SHARED, error);
	if (status != CAIRN_OK)
		return status;
	created.fd = create_file(folder, direct, mode, &created);
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

enum cairn_status draft_create(struct folder *folder, const char *target, bool direct,
			       struct draft *draft, struct cairn_error *error)
{
	return create(folder, target, direct, DRAFT_MODE, draft, error);
}

enum cairn_status draft_create_writable(struct folder *folder, const char *target,
					struct draft *draft, struct cairn_error *error)
{
	return create(folder, target, false, WRITABLE_MODE, draft, error);
}

/* Another file system, none with links, a file of others that is protected, too many links. */
static bool cannot_be_linked(int result)
{
	return result == -EXDEV || result == -EPERM || result == -EACCES || result == -EMLINK ||
	       result == -ENOSYS || result == -EOPNOTSUPP;
}

static int link_file(struct folder *folder, int from, const char *name, struct draft *draft)
{
	int result = -EEXIST;

	for (int i = 0; i < DRAFT_NAME_TRIES && result == -EEXIST; i++) {
		result = random_temporary_name(folder->system, DRAFT_PREFIX, draft->temporary);
		if (result == 0)
			result = system_link(folder->system, from, name, folder->fd,
					     draft->temporary);
	}
	draft->is_named = result == 0;
	return result;
}

/* A sweep that has just found another link of the file without an owner holds its lock for a
 * moment. */
static int lock_linked(struct system *system, int fd)
{
	int result = -EWOULDBLOCK;

	for (int i = 0; i < LOCK_TRIES && result == -EWOULDBLOCK; i++) {
		if (i != 0)
			system_sleep(system, LOCK_WAIT_NS);
		result = system_lock(system, fd, SYSTEM_LOCK_SHARED);
	}
	return result;
}

/* A symbolic link is linked itself: what it leads to is another file. */
static enum cairn_status open_linked(struct draft *draft, struct cairn_error *error)
{
	struct folder *const folder = draft->folder;
	struct system_status status;
	int result = system_status_at(folder->system, folder->fd, draft->temporary, false, &status);

	if (result == 0 && status.kind != SYSTEM_REGULAR)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "no regular file");
	if (result == 0) {
		draft->fd = system_open(folder->system, folder->fd, draft->temporary,
					SYSTEM_NO_FOLLOW);
		result = draft->fd < 0 ? draft->fd : 0;
	}
	if (result == 0 && folder->locks_work)
		result = lock_linked(folder->system, draft->fd);
	if (result == -EWOULDBLOCK)
		return error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
				 "it is being written or removed");
	return result < 0 && !means_no_locks(result)
		       ? error_set_system(error, result, "cannot open what was linked")
		       : CAIRN_OK;
}

enum cairn_status draft_link(struct folder *folder, const char *target, int from, const char *name,
			     struct draft *draft, struct cairn_error *error)
{
	struct draft created = {.folder = folder, .fd = -1};
	enum cairn_status status;
	int result;

	memcpy(created.target, target, strlen(target) + 1);
	status = folder_lock(folder, SYSTEM_LOCK_SHARED, error);
	if (status != CAIRN_OK)
		return status;
	result = link_file(folder, from, name, &created);
	if (result == 0)
		status = open_linked(&created, error);
	else if (cannot_be_linked(result))
		status = error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				   "it cannot be linked");
	else
		status = error_set_system(error, result, "cannot link it");
	folder_unlock(folder);
	if (status == CAIRN_OK)
		*draft = created;
	else
		draft_discard(&created);
	return status;
}

#define WRITE_BUFFER_SIZE ((uint64_t)1 << 20)

enum cairn_status draft_write(const struct draft *draft, uint64_t offset, const uint8_t *bytes,
			      uint64_t size, struct cairn_error *error)
{
	struct system *const system = draft->folder->system;
	const uint64_t padded = align_up(size, SYSTEM_DIRECT_ALIGNMENT);
	const uint64_t room = padded < WRITE_BUFFER_SIZE ? padded : WRITE_BUFFER_SIZE;
	uint8_t *const buffer = system_allocate_aligned(system, SYSTEM_DIRECT_ALIGNMENT, room);
	int result = 0;

	if (buffer == NULL)
		return error_set_memory(error, "a staging buffer");
	for (uint64_t done = 0; done < padded && result == 0; done += room) {
		const uint64_t piece = padded - done < room ? padded - done : room;
		const uint64_t held = size - done < piece ? size - done : piece;

		memcpy(buffer, bytes + done, held);
		memset(buffer + held, 0, piece - held);
		result = system_write_all(system, draft->fd, buffer, piece, offset + done);
	}
	system_free(system, buffer);
	return result < 0 ? error_set_system(error, result,
					     "cannot write %" PRIu64 " bytes at offset %" PRIu64,
					     size, offset)
			  : CAIRN_OK;
}

enum cairn_status draft_reserve(const struct draft *draft, uint64_t size, struct cairn_error *error)
{
	int result;

	/* Buffered: small files, and file systems without O_DIRECT. The kernel allocates when it
	 * writes back, knowing the size; reserving first gained nothing once fsync was counted
	 * (ext4 of Linux 6.18: 0.7 to 1.3 of the time, unsteadily). */
	if (!draft->is_direct)
		return CAIRN_OK;
	result = system_preallocate(draft->folder->system, draft->fd,
				    align_up(size, SYSTEM_DIRECT_ALIGNMENT));
	if (result < 0 && result != -EOPNOTSUPP && result != -ENOSYS)
		return error_set_system(error, result, "cannot reserve %" PRIu64 " bytes", size);
	return CAIRN_OK;
}

enum cairn_status draft_set_size(const struct draft *draft, uint64_t size,
				 struct cairn_error *error)
{
	struct system *const system = draft->folder->system;
	struct system_status status = {0};
	int result = 0;

	if (draft->is_direct && size % SYSTEM_DIRECT_ALIGNMENT != 0)
		result = system_truncate(system, draft->fd, size);
	if (result == 0)
		result = system_status(system, draft->fd, &status);
	if (result < 0)
		return error_set_system(error, result,
					"cannot set the size of the file to %" PRIu64, size);
	if (status.size != size)
		return error_set(error, CAIRN_IO, CAIRN_ERROR_NO_OFFSET,
				 "the file has %" PRIu64 " bytes after %" PRIu64 " were written",
				 status.size, size);
	return CAIRN_OK;
}

enum cairn_status draft_write_file(const struct draft *draft, const uint8_t *bytes, uint64_t size,
				   struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;
	int result;

	if (draft->is_direct) {
		status = draft_write(draft, 0, bytes, size, error);
	} else {
		result = system_write_all(draft->folder->system, draft->fd, bytes, size, 0);
		if (result < 0)
			status = error_set_system(error, result, "cannot write %" PRIu64 " bytes",
						  size);
	}
	return status == CAIRN_OK ? draft_set_size(draft, size, error) : status;
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
