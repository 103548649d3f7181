/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the in-memory system on descriptors: opening, reading, writing, syncing, locking.
 *
 * A descriptor is a slot that points to an open file, which duplicates share; a lock belongs to the
 * open file, as flock's does. Writes go into the live file, into every mapping of it and, block by
 * block, into the trace.
 */
#include "engine/system/memory_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_NUMBER 1u

/* ---------------------------------------------------------------------------------- descriptors */

static struct memory_open_file **descriptor_slot(struct memory_system *memory, int fd)
{
	const size_t index = (size_t)fd - MEMORY_DESCRIPTOR_FIRST;

	if (fd < MEMORY_DESCRIPTOR_FIRST || index >= memory->descriptor_count)
		return NULL;
	return &memory->descriptors[index];
}

struct memory_open_file *memory_descriptor_get(struct memory_system *memory, int fd)
{
	struct memory_open_file **slot = descriptor_slot(memory, fd);

	return slot != NULL ? *slot : NULL;
}

/* The lowest free slot, as the kernel chooses it. */
static size_t free_slot(const struct memory_system *memory)
{
	size_t index = 0;

	while (index < memory->descriptor_count && memory->descriptors[index] != NULL)
		index++;
	return index;
}

static bool descriptors_exhausted(const struct memory_system *memory)
{
	return free_slot(memory) >= memory->settings.descriptors_max;
}

static int descriptor_add(struct memory_system *memory, struct memory_open_file *file)
{
	const size_t index = free_slot(memory);

	if (descriptors_exhausted(memory))
		return -EMFILE;
	if (index == memory->descriptor_count) {
		memory->descriptor_count++;
		memory->descriptors = memory_must_reallocate(
			memory->descriptors,
			memory->descriptor_count * sizeof(struct memory_open_file *));
	}
	memory->descriptors[index] = file;
	file->references++;
	return MEMORY_DESCRIPTOR_FIRST + (int)index;
}

static void open_file_release(struct memory_system *memory, struct memory_open_file *file)
{
	struct memory_inode *inode = memory_files_get(&memory->files, file->inode);

	if (--file->references != 0)
		return;
	inode->references--;
	memory_files_drop_unused(&memory->files, inode->number);
	free(file);
}

void memory_descriptor_release(struct memory_system *memory, int fd)
{
	struct memory_open_file **slot = descriptor_slot(memory, fd);
	struct memory_open_file *file;

	if (slot == NULL || *slot == NULL)
		return;
	file = *slot;
	*slot = NULL;
	open_file_release(memory, file);
}

static int open_inode(struct memory_system *memory, struct memory_inode *inode, bool writable,
		      bool direct)
{
	struct memory_open_file *file = memory_must_allocate(sizeof(*file));
	int fd;

	*file = (struct memory_open_file){
		.inode = inode->number, .writable = writable, .direct = direct};
	fd = descriptor_add(memory, file);
	if (fd < 0) {
		free(file);
		return fd;
	}
	inode->references++;
	return fd;
}

/* The inode behind a descriptor, or NULL. */
static struct memory_inode *inode_of(struct memory_system *memory, int fd)
{
	const struct memory_open_file *file = memory_descriptor_get(memory, fd);

	return file != NULL ? memory_files_get(&memory->files, file->inode) : NULL;
}

int memory_resolve(struct memory_system *memory, int at, const char *path, bool follow_last,
		   struct memory_place *place)
{
	const struct memory_inode *start = inode_of(memory, at);

	if (path[0] == '/' || at == SYSTEM_CWD)
		return memory_files_resolve(&memory->files, MEMORY_ROOT, path, follow_last, place);
	if (start == NULL)
		return -EBADF;
	return memory_files_resolve(&memory->files, start->number, path, follow_last, place);
}

/* ---------------------------------------------------------------------------- opening, creating */

static int do_open(struct memory_system *memory, int at, const char *path, uint32_t flags)
{
	struct memory_place place;
	struct memory_inode *inode;
	const int error = memory_resolve(memory, at, path, !(flags & SYSTEM_NO_FOLLOW), &place);

	if (error != 0)
		return error;
	inode = memory_files_get(&memory->files, place.inode);
	if (inode == NULL)
		return -ENOENT;
	if ((flags & SYSTEM_WANT_DIRECTORY) && inode->kind != SYSTEM_DIRECTORY)
		return -ENOTDIR;
	if (inode->kind == SYSTEM_LINK)
		return -ELOOP;
	return open_inode(memory, inode, false, false);
}

/* A descriptor that the caller never hears of must not stay open. */
static int64_t leave_with_descriptor(struct memory_call_frame *frame)
{
	if (frame->result >= 0 && memory_frame_fails_after(frame))
		memory_descriptor_release(frame->memory, (int)frame->result);
	return memory_leave(frame);
}

int memory_open(struct system *system, int at, const char *path, uint32_t flags)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_OPEN, &frame))
		frame.result = do_open(frame.memory, at, path, flags);
	return (int)leave_with_descriptor(&frame);
}

/* A watch is a descriptor of its directory. */
int memory_watch(struct system *system, const char *path)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_WATCH, &frame))
		frame.result = do_open(frame.memory, SYSTEM_CWD, path, SYSTEM_WANT_DIRECTORY);
	return (int)leave_with_descriptor(&frame);
}

static int do_create(struct memory_system *memory, int at, const char *name, uint32_t mode,
		     uint32_t flags)
{
	const bool direct = flags & SYSTEM_DIRECT;
	struct memory_place place;
	struct memory_inode *inode;
	const int error = memory_resolve(memory, at, name, false, &place);

	if (error != 0)
		return error;
	/* The kernel reserves the descriptor before it makes the file. */
	if (descriptors_exhausted(memory))
		return -EMFILE;
	if (place.inode != 0)
		return -EEXIST;
	if (memory_files_get(&memory->files, place.directory)->links == 0)
		return -ENOENT;
	inode = memory_make_inode(memory, &place, SYSTEM_REGULAR, mode & ~memory->settings.umask);
	/* As on Linux, where the file is there before O_DIRECT turns out not to work. */
	if (direct && memory->settings.direct_error != 0)
		return -memory->settings.direct_error;
	return open_inode(memory, inode, true, direct);
}

int memory_create(struct system *system, int at, const char *name, uint32_t mode, uint32_t flags)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_CREATE, &frame))
		frame.result = do_create(frame.memory, at, name, mode, flags);
	return (int)leave_with_descriptor(&frame);
}

static int do_duplicate(struct memory_system *memory, int fd)
{
	struct memory_open_file *file = memory_descriptor_get(memory, fd);

	return file != NULL ? descriptor_add(memory, file) : -EBADF;
}

int memory_duplicate(struct system *system, int fd)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_DUPLICATE, &frame))
		frame.result = do_duplicate(frame.memory, fd);
	return (int)leave_with_descriptor(&frame);
}

int memory_close(struct system *system, int fd)
{
	struct memory_call_frame frame;
	const bool allowed = memory_enter(system, MEMORY_CALL_CLOSE, &frame);

	if (allowed && memory_descriptor_get(frame.memory, fd) == NULL)
		frame.result = -EBADF;
	/* Whatever close returns, the descriptor is gone. */
	memory_descriptor_release(frame.memory, fd);
	return (int)memory_leave(&frame);
}

/* --------------------------------------------------------------------------------------- status */

static void status_fill(struct system_status *status, const struct memory_inode *inode)
{
	*status = (struct system_status){
		.kind = inode->kind,
		.mode = inode->mode,
		.owner = inode->owner,
		.links = inode->links,
		.size = inode->size,
		.device = DEVICE_NUMBER,
		.inode = inode->number,
		.modified_ns = inode->modified_ns,
		.changed_ns = inode->changed_ns,
	};
}

int memory_status(struct system *system, int fd, struct system_status *status)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_STATUS, &frame)) {
		const struct memory_inode *inode = inode_of(frame.memory, fd);

		if (inode != NULL)
			status_fill(status, inode);
		else
			frame.result = -EBADF;
	}
	return (int)memory_leave(&frame);
}

static int do_status_at(struct memory_system *memory, int at, const char *name, bool follow,
			struct system_status *status)
{
	struct memory_place place;
	const int error = memory_resolve(memory, at, name, follow, &place);

	if (error != 0)
		return error;
	if (place.inode == 0)
		return -ENOENT;
	status_fill(status, memory_files_get(&memory->files, place.inode));
	return 0;
}

int memory_status_at(struct system *system, int at, const char *name, bool follow,
		     struct system_status *status)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_STATUS_AT, &frame))
		frame.result = do_status_at(frame.memory, at, name, follow, status);
	return (int)memory_leave(&frame);
}

int memory_is_local(struct system *system, int fd)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_IS_LOCAL, &frame)) {
		frame.result = frame.memory->settings.is_local;
		if (inode_of(frame.memory, fd) == NULL)
			frame.result = -EBADF;
	}
	return (int)memory_leave(&frame);
}

/* ----------------------------------------------------------------------------- reading, writing */

/* 0 when the transfer may be made; negative errno. */
static int check_transfer(struct memory_system *memory, int fd, const void *buffer, size_t size,
			  uint64_t offset)
{
	const struct memory_open_file *file = memory_descriptor_get(memory, fd);
	const uint64_t bits = (uintptr_t)buffer | size | offset;
	enum system_kind kind;

	if (file == NULL)
		return -EBADF;
	kind = memory_files_get(&memory->files, file->inode)->kind;
	if (kind == SYSTEM_DIRECTORY)
		return -EISDIR;
	if (kind != SYSTEM_REGULAR)
		return -ESPIPE;
	if (offset > INT64_MAX || size > INT64_MAX - offset)
		return -EINVAL;
	if (file->direct && bits % SYSTEM_DIRECT_ALIGNMENT != 0)
		return -EINVAL;
	return 0;
}

int64_t memory_pread(struct system *system, int fd, void *buffer, size_t size, uint64_t offset)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_PREAD, &frame)) {
		frame.result = check_transfer(frame.memory, fd, buffer, size, offset);
		if (frame.result == 0)
			frame.result = (int64_t)memory_file_read(inode_of(frame.memory, fd), buffer,
								 memory_frame_size(&frame, size),
								 offset);
	}
	return memory_leave(&frame);
}

static void write_file(struct memory_system *memory, struct memory_inode *file, const uint8_t *data,
		       size_t size, uint64_t offset)
{
	if (offset + size > file->size)
		memory_trace_size(&memory->trace, file->number, offset + size);
	for (size_t done = 0; done < size;) {
		const struct memory_piece piece = memory_piece_create(data + done, size - done,
								      offset + done);

		memory_trace_piece(&memory->trace, file->number, &piece);
		memory_file_put(file, &piece);
		memory_block_release(piece.block);
		done += memory_piece_size(&piece);
	}
	memory_maps_update(memory, file, offset, size);
	file->modified_ns = file->changed_ns = memory_tick(memory);
}

static int64_t do_pwrite(struct memory_system *memory, int fd, const void *buffer, size_t size,
			 uint64_t offset)
{
	const struct memory_open_file *open_file = memory_descriptor_get(memory, fd);
	struct memory_inode *file = inode_of(memory, fd);

	if (open_file == NULL || file == NULL || !open_file->writable)
		return -EBADF;
	if (size != 0)
		write_file(memory, file, buffer, size, offset);
	return (int64_t)size;
}

int64_t memory_pwrite(struct system *system, int fd, const void *buffer, size_t size,
		      uint64_t offset)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_PWRITE, &frame)) {
		frame.result = check_transfer(frame.memory, fd, buffer, size, offset);
		if (frame.result == 0)
			frame.result = do_pwrite(frame.memory, fd, buffer,
						 memory_frame_size(&frame, size), offset);
	}
	return memory_leave(&frame);
}

/* A megabyte at most, so that callers meet short counts. */
#define COPY_RANGE_MAX ((size_t)1 << 20)

static int64_t do_copy_range(struct memory_system *memory, int from, uint64_t from_offset, int to,
			     uint64_t to_offset, uint64_t size)
{
	struct memory_inode *const source = inode_of(memory, from);
	struct memory_inode *const target = inode_of(memory, to);
	const struct memory_open_file *const open_file = memory_descriptor_get(memory, to);
	const size_t step = size < COPY_RANGE_MAX ? (size_t)size : COPY_RANGE_MAX;
	uint8_t *bytes;
	size_t count;

	if (source == NULL || target == NULL || !open_file->writable)
		return -EBADF;
	if (from_offset > INT64_MAX || to_offset > INT64_MAX - step)
		return -EINVAL;
	bytes = malloc(step + 1);
	if (bytes == NULL)
		return -ENOMEM;
	count = memory_file_read(source, bytes, step, from_offset);
	if (count != 0)
		write_file(memory, target, bytes, count, to_offset);
	free(bytes);
	return (int64_t)count;
}

int64_t memory_copy_range(struct system *system, int from, uint64_t from_offset, int to,
			  uint64_t to_offset, uint64_t size)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_COPY_RANGE, &frame))
		frame.result = do_copy_range(frame.memory, from, from_offset, to, to_offset, size);
	return memory_leave(&frame);
}

static int do_preallocate(struct memory_system *memory, int fd, uint64_t size)
{
	const struct memory_open_file *open_file = memory_descriptor_get(memory, fd);
	struct memory_inode *file;

	if (open_file == NULL || !open_file->writable)
		return -EBADF;
	if (size > INT64_MAX)
		return -EFBIG;
	file = memory_files_get(&memory->files, open_file->inode);
	if (size > file->size) {
		memory_trace_size(&memory->trace, file->number, size);
		memory_file_grow(file, size);
	}
	file->modified_ns = file->changed_ns = memory_tick(memory);
	return 0;
}

int memory_preallocate(struct system *system, int fd, uint64_t size)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_PREALLOCATE, &frame))
		frame.result = do_preallocate(frame.memory, fd, size);
	return (int)memory_leave(&frame);
}

static int do_truncate(struct memory_system *memory, int fd, uint64_t size)
{
	const struct memory_open_file *open_file = memory_descriptor_get(memory, fd);
	struct memory_inode *file;

	if (open_file == NULL)
		return -EBADF;
	if (!open_file->writable)
		return -EINVAL;
	if (size > INT64_MAX)
		return -EFBIG;
	file = memory_files_get(&memory->files, open_file->inode);
	memory_trace_truncate(&memory->trace, file->number, size);
	memory_file_truncate(file, size);
	file->modified_ns = file->changed_ns = memory_tick(memory);
	return 0;
}

int memory_truncate(struct system *system, int fd, uint64_t size)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_TRUNCATE, &frame))
		frame.result = do_truncate(frame.memory, fd, size);
	return (int)memory_leave(&frame);
}

/* ----------------------------------------------------------------------------- syncing, locking */

int memory_sync(struct system *system, int fd)
{
	struct memory_call_frame frame;
	const bool allowed = memory_enter(system, MEMORY_CALL_SYNC, &frame);
	const struct memory_inode *inode = inode_of(frame.memory, fd);

	if (inode == NULL)
		frame.result = -EBADF;
	else if (allowed)
		memory_trace_sync(&frame.memory->trace, inode->number,
				  !memory_frame_fails_after(&frame));
	else if (frame.result < 0)
		memory_trace_sync(&frame.memory->trace, inode->number, false);
	return (int)memory_leave(&frame);
}

static bool lock_conflicts(const struct memory_open_file *a, enum system_lock wanted,
			   const struct memory_open_file *other)
{
	if (other == NULL || other == a || other->inode != a->inode || other->lock == SYSTEM_UNLOCK)
		return false;
	return wanted == SYSTEM_LOCK_EXCLUSIVE || other->lock == SYSTEM_LOCK_EXCLUSIVE;
}

static int do_lock(struct memory_system *memory, int fd, enum system_lock lock)
{
	struct memory_open_file *file = memory_descriptor_get(memory, fd);

	if (file == NULL)
		return -EBADF;
	/* flock drops the old lock before it asks for the new one, and does not give it back. */
	if (file->lock != lock)
		file->lock = SYSTEM_UNLOCK;
	if (lock == SYSTEM_UNLOCK)
		return 0;
	for (size_t i = 0; i < memory->descriptor_count; i++) {
		if (lock_conflicts(file, lock, memory->descriptors[i]))
			return -EWOULDBLOCK;
	}
	file->lock = lock;
	return 0;
}

int memory_lock(struct system *system, int fd, enum system_lock lock)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_LOCK, &frame))
		frame.result = do_lock(frame.memory, fd, lock);
	return (int)memory_leave(&frame);
}
