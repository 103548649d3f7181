/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings of the in-memory system.
 *
 * A mapping is memory of its own, exactly as large as asked for, that is filled when it is made and
 * that writes to the file update; it keeps its inode alive. Reading it is always possible; that the
 * file has become shorter shows in populate, as EFAULT for whole pages beyond the end, where the
 * real thing would raise SIGBUS.
 */
#include "engine/system/memory_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE 4096u

static void map_fill(const struct memory_map *map, const struct memory_inode *file, uint64_t offset,
		     size_t size)
{
	const uint64_t end = offset + size < map->offset + map->size ? offset + size
								     : map->offset + map->size;
	const uint64_t start = offset > map->offset ? offset : map->offset;

	if (start < end)
		memory_file_read(file, map->memory + (start - map->offset), end - start, start);
}

void memory_maps_update(struct memory_system *memory, const struct memory_inode *file,
			uint64_t offset, size_t size)
{
	for (size_t i = 0; i < memory->map_count; i++) {
		if (memory->maps[i].inode == file->number)
			map_fill(&memory->maps[i], file, offset, size);
	}
}

static void map_release(struct memory_system *memory, struct memory_map *map)
{
	struct memory_inode *inode = memory_files_get(&memory->files, map->inode);

	free(map->memory);
	inode->references--;
	memory_files_drop_unused(&memory->files, inode->number);
	*map = memory->maps[--memory->map_count];
}

void memory_maps_fini(struct memory_system *memory)
{
	while (memory->map_count != 0)
		map_release(memory, &memory->maps[0]);
	free(memory->maps);
	memory->maps = NULL;
}

/* The mapping that holds the whole range, or NULL. */
static struct memory_map *map_find(struct memory_system *memory, const uint8_t *address,
				   size_t size)
{
	for (size_t i = 0; i < memory->map_count; i++) {
		struct memory_map *map = &memory->maps[i];
		const uintptr_t start = (uintptr_t)address - (uintptr_t)map->memory;

		if (size <= map->size && start <= map->size - size)
			return map;
	}
	return NULL;
}

static int map_add(struct memory_system *memory, struct memory_inode *file, uint64_t offset,
		   size_t size, const uint8_t **address)
{
	struct memory_map map = {.size = size, .inode = file->number, .offset = offset};
	void *bytes = NULL;

	if (posix_memalign(&bytes, PAGE_SIZE, size) != 0)
		return -ENOMEM;
	map.memory = bytes;
	memset(map.memory, 0, size);
	map_fill(&map, file, offset, size);
	memory->maps = memory_must_reallocate(memory->maps,
					      (memory->map_count + 1) * sizeof(*memory->maps));
	memory->maps[memory->map_count++] = map;
	file->references++;
	*address = map.memory;
	return 0;
}

static int do_map(struct memory_system *memory, int fd, uint64_t offset, size_t size,
		  enum system_map_kind kind, const uint8_t **address)
{
	const struct memory_open_file *open_file = memory_descriptor_get(memory, fd);
	struct memory_inode *file;

	if (open_file == NULL)
		return -EBADF;
	file = memory_files_get(&memory->files, open_file->inode);
	if (file->kind != SYSTEM_REGULAR)
		return -ENODEV;
	if (size == 0 || offset % PAGE_SIZE != 0 || offset > INT64_MAX)
		return -EINVAL;
	if (kind == SYSTEM_MAP_SHARED && memory->settings.map_shared_error != 0)
		return -memory->settings.map_shared_error;
	return map_add(memory, file, offset, size, address);
}

int memory_map(struct system *system, int fd, uint64_t offset, size_t size,
	       enum system_map_kind kind, const uint8_t **address)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_MAP, &frame)) {
		const uint8_t *mapped = NULL;

		frame.result = do_map(frame.memory, fd, offset, size, kind, &mapped);
		if (frame.result == 0 && memory_frame_fails_after(&frame))
			map_release(frame.memory, &frame.memory->maps[frame.memory->map_count - 1]);
		else if (frame.result == 0)
			*address = mapped;
	}
	return (int)memory_leave(&frame);
}

void memory_unmap(struct system *system, const uint8_t *address, size_t size)
{
	struct memory_system *memory = (struct memory_system *)system;
	struct memory_map *map;

	mutex_lock(&memory->mutex);
	map = map_find(memory, address, size);
	/* Mappings are given back whole, exactly as they were made: anything else is a bug of the
	 * caller. */
	if (map == NULL || map->memory != address || map->size != size)
		abort();
	map_release(memory, map);
	mutex_unlock(&memory->mutex);
}

/* The first byte after the file's last page. */
static uint64_t pages_end(const struct memory_inode *file)
{
	return (file->size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
}

static int do_populate(struct memory_system *memory, const uint8_t *address, size_t size)
{
	const struct memory_map *map = map_find(memory, address, size);
	uint64_t offset;

	if (map == NULL)
		return -ENOMEM;
	offset = map->offset + (uint64_t)(address - map->memory);
	return offset + size > pages_end(memory_files_get(&memory->files, map->inode)) ? -EFAULT
										       : 0;
}

int memory_populate(struct system *system, const uint8_t *address, size_t size)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_POPULATE, &frame))
		frame.result = do_populate(frame.memory, address, size);
	return (int)memory_leave(&frame);
}

/* An older kernel: residency is asked for by mapping. */
int memory_cached(struct system *system, int fd, uint64_t offset, uint64_t size)
{
	(void)system;
	(void)fd;
	(void)offset;
	(void)size;
	return -ENOSYS;
}

int memory_resident(struct system *system, const uint8_t *address, size_t size)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_RESIDENT, &frame)) {
		frame.result = frame.memory->settings.resident;
		if (map_find(frame.memory, address, size) == NULL)
			frame.result = -ENOMEM;
	}
	return (int)memory_leave(&frame);
}

int memory_advise(struct system *system, const uint8_t *address, size_t size,
		  enum system_advice advice)
{
	struct memory_call_frame frame;

	(void)advice;
	if (memory_enter(system, MEMORY_CALL_ADVISE, &frame)) {
		if (map_find(frame.memory, address, size) == NULL)
			frame.result = -ENOMEM;
	}
	return (int)memory_leave(&frame);
}
