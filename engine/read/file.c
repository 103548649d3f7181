/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files for reading. Every size is checked against fstat of the descriptor that is mapped; the
 * offsets that come in are trusted to lie within the size, since callers checked them where they
 * took them from the file.
 */
#include "engine/read/file.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "format/bytes.h"
#include "format/error.h"

#define PAGE_SIZE                                                                                  \
 ((uint64_t)4096) /* the smallest that Linux has; populating rounds to real pages by itself */

/* ----------------------------------------------------------------------------------------- open */

static enum cairn_status take_status(struct file *file, struct cairn_error *error)
{
	const int result = system_status(file->system, file->fd, &file->status);

	if (result < 0)
		return error_set_system(error, result, "cannot examine");
	if (file->status.kind == SYSTEM_DIRECTORY)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "a directory where a file should be");
	if (file->status.kind != SYSTEM_REGULAR)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "not a regular file but a fifo, socket or device");
	return CAIRN_OK;
}

enum cairn_status file_open(struct system *system, const struct file_place *place,
			    struct file *file, struct cairn_error *error)
{
	struct file opened = {.system = system, .name = place->name, .fd = -1};
	enum cairn_status status;

	opened.fd = system_open(system, place->directory, place->path, place->flags);
	if (opened.fd < 0)
		return error_set_system(error, opened.fd, "cannot open");
	status = take_status(&opened, error);
	if (status != CAIRN_OK) {
		file_close(&opened);
		return status;
	}
	opened.size = opened.status.size;
	*file = opened;
	return CAIRN_OK;
}

enum cairn_status file_open_fd(struct system *system, int fd, uint64_t start, uint64_t size,
			       struct file *file, struct cairn_error *error)
{
	struct file opened = {.system = system, .name = "descriptor", .fd = -1, .start = start};
	enum cairn_status status;

	opened.fd = system_duplicate(system, fd);
	if (opened.fd < 0)
		return error_set_system(error, opened.fd, "cannot duplicate descriptor %d", fd);
	status = take_status(&opened, error);
	if (status == CAIRN_OK && !range_within(start, size, opened.status.size))
		status = error_set(error, CAIRN_TRUNCATED, start,
				   "offset %" PRIu64 " + size %" PRIu64
				   " exceeds file size %" PRIu64,
				   start, size, opened.status.size);
	if (status != CAIRN_OK) {
		file_close(&opened);
		return status;
	}
	opened.size = size != 0 ? size : opened.status.size - start;
	*file = opened;
	return CAIRN_OK;
}

void file_from_memory(struct system *system, const void *data, size_t size, struct file *file)
{
	*file = (struct file){
		.system = system, .name = "memory", .fd = -1, .base = data, .size = size};
}

void file_drop_descriptor(struct file *file)
{
	if (file->fd < 0 || (file->base == NULL && file->size != 0))
		return;
	system_close(file->system, file->fd); /* only read from: nothing can be lost */
	file->fd = -1;
}

void file_unmap(struct file *file)
{
	if (file->map == NULL)
		return;
	system_unmap(file->system, file->map, file->map_size);
	file->map = NULL;
	file->map_size = 0;
	file->base = NULL;
}

void file_close(struct file *file)
{
	if (file->system == NULL)
		return;
	file_unmap(file);
	if (file->fd >= 0)
		system_close(file->system, file->fd); /* only read from: nothing can be lost */
	*file = (struct file){.fd = -1};
}

/* ------------------------------------------------------------------------------------------ map */

static int map_any_way(struct file *file, uint64_t offset)
{
	int result = system_map(file->system, file->fd, offset, file->map_size, SYSTEM_MAP_SHARED,
				&file->map);

	if (result == -ENODEV || result == -EINVAL || result == -EACCES || result == -EPERM)
		result = system_map(file->system, file->fd, offset, file->map_size,
				    SYSTEM_MAP_PRIVATE, &file->map);
	return result;
}

enum cairn_status file_map(struct file *file, enum cairn_transport transport,
			   struct cairn_error *error)
{
	const uint64_t skipped = file->start % 65536; /* a multiple of every page size in use */
	int result;

	if (file->fd < 0 || file->size == 0 || transport == CAIRN_TRANSPORT_COPY)
		return CAIRN_OK;
	if (transport == CAIRN_TRANSPORT_AUTO && system_is_local(file->system, file->fd) != 1)
		return CAIRN_OK;
	file->map_size = file->size + skipped;
	result = map_any_way(file, file->start - skipped);
	if (result == -ENOMEM)
		return error_set_system(error, result, "cannot map %zu bytes", file->map_size);
	if (result < 0) { /* a file system without mappings: everything is copied */
		file->map = NULL;
		file->map_size = 0;
		return CAIRN_OK;
	}
	file->base = file->map + skipped;
	return CAIRN_OK;
}

/* ----------------------------------------------------------------------------------------- read */

static enum cairn_status too_short(uint64_t offset, uint64_t wanted, int64_t found,
				   struct cairn_error *error)
{
	return error_set(error, CAIRN_TRUNCATED, offset,
			 "the file ends %" PRId64 " bytes after offset %" PRIu64 ", where %" PRIu64
			 " bytes should be: it was cut off",
			 found, offset, wanted);
}

enum cairn_status file_read(const struct file *file, uint64_t offset, void *buffer, size_t size,
			    struct cairn_error *error)
{
	int64_t count;

	assert(range_within(offset, size, file->size));
	if (file->fd < 0) {
		const enum cairn_status status = file_prepare(file, offset, size, error);

		if (status == CAIRN_OK && size != 0)
			memcpy(buffer, file->base + offset, size);
		return status;
	}
	count = system_read_all(file->system, file->fd, buffer, size, file->start + offset);
	if (count < 0)
		return error_set_system(error, count, "cannot read %zu bytes at offset %" PRIu64,
					size, offset);
	if ((uint64_t)count < size)
		return too_short(offset, size, count, error);
	return CAIRN_OK;
}

/* Populating failed: reads a byte of each page to find out where and why, which also serves kernels
 * without MADV_POPULATE_READ. */
static enum cairn_status probe_pages(const struct file *file, uint64_t offset, uint64_t size,
				     struct cairn_error *error)
{
	const uint64_t end = offset + size;
	uint8_t byte;

	for (uint64_t at = offset; at < end; at = (at / PAGE_SIZE + 1) * PAGE_SIZE) {
		const enum cairn_status status = file_read(file, at, &byte, 1, error);

		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

/* Populating failed, and there is no descriptor to ask. A kernel that cannot populate leaves us to
 * the mapping. */
static enum cairn_status without_descriptor(uint64_t offset, int result, struct cairn_error *error)
{
	if (result == -EFAULT)
		return error_set(error, CAIRN_TRUNCATED, offset,
				 "the file ends before offset %" PRIu64 ": it was cut off", offset);
	if (result == -EINVAL || result == -ENOSYS)
		return CAIRN_OK;
	return error_set_system(error, result, "cannot bring in the bytes at offset %" PRIu64,
				offset);
}

static enum cairn_status prepare_step(const struct file *file, uint64_t offset, uint64_t size,
				      struct cairn_error *error)
{
	const int result = system_populate(file->system, file->base + offset, size);

	if (result == 0)
		return CAIRN_OK;
	return file->fd >= 0 ? probe_pages(file, offset, size, error)
			     : without_descriptor(offset + size, result, error);
}

enum cairn_status file_prepare(const struct file *file, uint64_t offset, uint64_t size,
			       struct cairn_error *error)
{
	assert(range_within(offset, size, file->size));
	if (file->map == NULL)
		return CAIRN_OK; /* memory */
	for (uint64_t done = 0; done < size; done += FILE_STEP_SIZE) {
		const uint64_t step = size - done < FILE_STEP_SIZE ? size - done : FILE_STEP_SIZE;
		const enum cairn_status status = prepare_step(file, offset + done, step, error);

		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

void file_read_ahead(const struct file *file, uint64_t offset, uint64_t size)
{
	if (file->map != NULL)
		system_advise(file->system, file->base + offset, size, SYSTEM_ADVISE_WILL_NEED);
}

bool file_is_resident(const struct file *file, uint64_t offset, uint64_t size)
{
	if (file->map == NULL)
		return true;
	if (file->fd >= 0) {
		const int cached = system_cached(file->system, file->fd, file->start + offset,
						 size);

		if (cached >= 0)
			return cached != 0;
	}
	return system_resident(file->system, file->base + offset, size) != 0;
}
