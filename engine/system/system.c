/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The callable side of the seam: one thin function per operation, and the two loops over short
 * counts.
 *
 * The wrappers add nothing: an implementation sees every call, with the arguments that the caller
 * gave, so that faults can be injected at each of them. Only read_all and write_all make several
 * calls of one. What may be passed and what comes back is written in system.h.
 */
#include "engine/system/system.h"

#include <errno.h>

bool system_same_file(const struct system_status *a, const struct system_status *b)
{
	return a->device == b->device && a->inode == b->inode;
}

int system_open(struct system *system, int at, const char *path, uint32_t flags)
{
	return system->operations->open(system, at, path, flags);
}

int system_create(struct system *system, int at, const char *name, uint32_t mode, uint32_t flags)
{
	return system->operations->create(system, at, name, mode, flags);
}

int system_duplicate(struct system *system, int fd)
{
	return system->operations->duplicate(system, fd);
}

int system_close(struct system *system, int fd)
{
	return system->operations->close(system, fd);
}

int system_status(struct system *system, int fd, struct system_status *status)
{
	return system->operations->status(system, fd, status);
}

int system_status_at(struct system *system, int at, const char *name, bool follow,
		     struct system_status *status)
{
	return system->operations->status_at(system, at, name, follow, status);
}

int system_is_local(struct system *system, int fd)
{
	return system->operations->is_local(system, fd);
}

int64_t system_pread(struct system *system, int fd, void *buffer, size_t size, uint64_t offset)
{
	return system->operations->pread(system, fd, buffer, size, offset);
}

int64_t system_pwrite(struct system *system, int fd, const void *buffer, size_t size,
		      uint64_t offset)
{
	return system->operations->pwrite(system, fd, buffer, size, offset);
}

int64_t system_read_all(struct system *system, int fd, void *buffer, size_t size, uint64_t offset)
{
	uint8_t *bytes = buffer;
	size_t done = 0;

	while (done < size) {
		const int64_t count = system_pread(system, fd, bytes + done, size - done,
						   offset + done);

		if (count < 0)
			return count;
		if (count == 0)
			break;
		done += (size_t)count;
	}
	return (int64_t)done;
}

int system_write_all(struct system *system, int fd, const void *buffer, size_t size,
		     uint64_t offset)
{
	const uint8_t *bytes = buffer;
	size_t done = 0;

	while (done < size) {
		const int64_t count = system_pwrite(system, fd, bytes + done, size - done,
						    offset + done);

		if (count < 0)
			return (int)count;
		/* Nothing written and no reason given: trying again might never end. */
		if (count == 0)
			return -EIO;
		done += (size_t)count;
	}
	return 0;
}

int64_t system_copy_range(struct system *system, int from, uint64_t from_offset, int to,
			  uint64_t to_offset, uint64_t size)
{
	return system->operations->copy_range(system, from, from_offset, to, to_offset, size);
}

#define COPY_BUFFER_SIZE ((size_t)1 << 20)

static int copy_through(struct system *system, int from, uint64_t from_offset, int to,
			uint64_t to_offset, uint64_t size)
{
	uint8_t *const buffer = system_allocate(system, COPY_BUFFER_SIZE);
	int result = buffer == NULL ? -ENOMEM : 0;

	for (uint64_t done = 0; done < size && result == 0; done += COPY_BUFFER_SIZE) {
		const size_t step = size - done < COPY_BUFFER_SIZE ? (size_t)(size - done)
								   : COPY_BUFFER_SIZE;
		const int64_t count = system_read_all(system, from, buffer, step,
						      from_offset + done);

		if (count < 0)
			result = (int)count;
		else if ((size_t)count < step)
			result = -EIO;
		else
			result = system_write_all(system, to, buffer, step, to_offset + done);
	}
	system_free(system, buffer);
	return result;
}

int system_copy_all(struct system *system, int from, uint64_t from_offset, int to,
		    uint64_t to_offset, uint64_t size)
{
	uint64_t done = 0;

	while (done < size) {
		const int64_t count = system_copy_range(system, from, from_offset + done, to,
							to_offset + done, size - done);

		if (count == -EXDEV || count == -EINVAL || count == -ENOSYS || count == -EOPNOTSUPP)
			return copy_through(system, from, from_offset + done, to, to_offset + done,
					    size - done);
		if (count < 0)
			return (int)count;
		if (count == 0)
			return -EIO;
		done += (uint64_t)count;
	}
	return 0;
}

int system_preallocate(struct system *system, int fd, uint64_t size)
{
	return system->operations->preallocate(system, fd, size);
}

int system_truncate(struct system *system, int fd, uint64_t size)
{
	return system->operations->truncate(system, fd, size);
}

int system_sync(struct system *system, int fd)
{
	return system->operations->sync(system, fd);
}

int system_rename(struct system *system, int from_at, const char *from, int to_at, const char *to,
		  enum system_rename_mode mode)
{
	return system->operations->rename(system, from_at, from, to_at, to, mode);
}

int system_link(struct system *system, int from_at, const char *from, int to_at, const char *to)
{
	return system->operations->link(system, from_at, from, to_at, to);
}

int system_unlink(struct system *system, int at, const char *name)
{
	return system->operations->unlink(system, at, name);
}

int system_make_directory(struct system *system, int at, const char *name, uint32_t mode)
{
	return system->operations->make_directory(system, at, name, mode);
}

int system_remove_directory(struct system *system, int at, const char *name)
{
	return system->operations->remove_directory(system, at, name);
}

int system_list(struct system *system, int fd, system_list_callback callback, void *context)
{
	return system->operations->list(system, fd, callback, context);
}

int system_lock(struct system *system, int fd, enum system_lock lock)
{
	return system->operations->lock(system, fd, lock);
}

uint32_t system_user(struct system *system)
{
	return system->operations->user(system);
}

int system_map(struct system *system, int fd, uint64_t offset, size_t size,
	       enum system_map_kind kind, const uint8_t **address)
{
	return system->operations->map(system, fd, offset, size, kind, address);
}

void system_unmap(struct system *system, const uint8_t *address, size_t size)
{
	system->operations->unmap(system, address, size);
}

int system_populate(struct system *system, const uint8_t *address, size_t size)
{
	return system->operations->populate(system, address, size);
}

int system_cached(struct system *system, int fd, uint64_t offset, uint64_t size)
{
	return system->operations->cached(system, fd, offset, size);
}

int system_resident(struct system *system, const uint8_t *address, size_t size)
{
	return system->operations->resident(system, address, size);
}

int system_tells_residency(struct system *system, int fd)
{
	return system->operations->tells_residency(system, fd);
}

int system_advise(struct system *system, const uint8_t *address, size_t size,
		  enum system_advice advice)
{
	return system->operations->advise(system, address, size, advice);
}

void *system_allocate(struct system *system, size_t size)
{
	return system->operations->allocate(system, size);
}

void *system_allocate_zeroed(struct system *system, size_t size)
{
	return system->operations->allocate_zeroed(system, size);
}

void *system_allocate_aligned(struct system *system, size_t alignment, size_t size)
{
	return system->operations->allocate_aligned(system, alignment, size);
}

void *system_reallocate(struct system *system, void *memory, size_t size)
{
	return system->operations->reallocate(system, memory, size);
}

void system_free(struct system *system, void *memory)
{
	system->operations->free(system, memory);
}

int system_thread_start(struct system *system, system_thread_function function, void *context,
			struct system_thread *thread)
{
	return system->operations->thread_start(system, function, context, thread);
}

void system_thread_join(struct system *system, struct system_thread thread)
{
	system->operations->thread_join(system, thread);
}

int system_memory_available(struct system *system, uint64_t *bytes)
{
	return system->operations->memory_available(system, bytes);
}

uint32_t system_descriptors_max(struct system *system)
{
	return system->operations->descriptors_max(system);
}

uint32_t system_processors(struct system *system)
{
	return system->operations->processors(system);
}

int system_random(struct system *system, void *buffer, size_t size)
{
	return system->operations->random(system, buffer, size);
}

void system_sleep(struct system *system, uint64_t nanoseconds)
{
	system->operations->sleep(system, nanoseconds);
}

uint64_t system_monotonic(struct system *system)
{
	return system->operations->monotonic(system);
}

int64_t system_wall_clock(struct system *system)
{
	return system->operations->wall_clock(system);
}

int system_watch(struct system *system, const char *path)
{
	return system->operations->watch(system, path);
}

int system_watch_wait(struct system *system, int watch, uint64_t nanoseconds)
{
	return system->operations->watch_wait(system, watch, nanoseconds);
}

int system_working_directory(struct system *system, char *path, size_t size)
{
	return system->operations->working_directory(system, path, size);
}
