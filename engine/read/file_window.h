/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a range of a file through a small buffer, in pieces of any size: for what is walked over
 * and not used in place.
 */
#ifndef CAIRN_ENGINE_FILE_WINDOW_H
#define CAIRN_ENGINE_FILE_WINDOW_H

#include "engine/read/file.h"

struct file_window {
	const struct file *file; /* borrowed */
	uint64_t start;          /* of the range, which lies within the file */
	uint64_t size;
	uint8_t *buffer; /* owned */
	uint64_t room;
	uint64_t begin; /* of what the buffer holds, within the range */
	uint64_t held;
};

/* For pieces of at most `piece_max` bytes. False: no memory. */
bool file_window_open(struct file_window *window, const struct file *file, uint64_t piece_max);
void file_window_close(struct file_window *window);

/* Chooses another range; what the buffer holds is forgotten. */
void file_window_move(struct file_window *window, uint64_t start, uint64_t size);

/* Puts `*bytes` at `size` bytes from `offset` of the range on; they stay until the next call. The
 * range holds them. `context` is a struct file_window, as in struct values. */
enum cairn_status file_window_read(void *context, uint64_t offset, uint64_t size,
				   const uint8_t **bytes, struct cairn_error *error);

#endif
