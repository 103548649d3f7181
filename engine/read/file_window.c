/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/read/file_window.h"

#include <assert.h>

#include "format/bytes.h"

bool file_window_open(struct file_window *window, const struct file *file, uint64_t piece_max)
{
	*window = (struct file_window){.file = file, .room = piece_max};
	window->buffer = system_allocate(file->system, piece_max);
	return window->buffer != NULL;
}

void file_window_close(struct file_window *window)
{
	system_free(window->file->system, window->buffer);
}

void file_window_move(struct file_window *window, uint64_t start, uint64_t size)
{
	assert(range_within(start, size, window->file->size));
	window->start = start;
	window->size = size;
	window->held = 0;
}

enum cairn_status file_window_read(void *context, uint64_t offset, uint64_t size,
				   const uint8_t **bytes, struct cairn_error *error)
{
	struct file_window *const window = context;
	enum cairn_status status = CAIRN_OK;

	assert(size <= window->room && range_within(offset, size, window->size));
	if (offset < window->begin || !range_within(offset - window->begin, size, window->held)) {
		const uint64_t left = window->size - offset;

		window->begin = offset;
		window->held = left < window->room ? left : window->room;
		status = file_read(window->file, window->start + offset, window->buffer,
				   window->held, error);
		if (status != CAIRN_OK)
			window->held = 0;
	}
	*bytes = window->buffer + (offset - window->begin);
	return status;
}
