/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a text file, one after the other, through a buffer that is as large as the longest
 * of them.
 */
#ifndef CAIRN_ENGINE_TEXT_LINES_H
#define CAIRN_ENGINE_TEXT_LINES_H

#include "engine/read/file.h"

/* Where a line begins. */
struct text_place {
	uint64_t offset;
	uint64_t number; /* counted from 1 */
};

struct text_lines {
	const struct file *file; /* borrowed */
	char *buffer;            /* owned */
	size_t room;
	size_t used; /* bytes of the buffer that were given out */
	size_t held;
	uint64_t offset;         /* in the file, of the buffer's first byte */
	struct text_place place; /* of the line that was given out last */
	uint64_t next_number;
};

/* NO_MEMORY. Close it in any case. */
enum cairn_status text_lines_open(struct text_lines *lines, const struct file *file,
				  struct cairn_error *error);
void text_lines_close(struct text_lines *lines);

/* Continues with the line there. */
void text_lines_go_to(struct text_lines *lines, const struct text_place *place);

/*
 * The next line without its break (a carriage return before it is dropped); it stays until the next
 * call. line->data NULL: there is none. LIMIT (over TEXT_LINE_SIZE_MAX), NO_MEMORY, TRUNCATED, IO.
 */
enum cairn_status text_lines_next(struct text_lines *lines, struct cairn_string *line,
				  struct cairn_error *error);

/* Puts "line 12: " in front of a message, and its offset where it has none. */
enum cairn_status text_lines_error(const struct text_place *place, enum cairn_status status,
				   struct cairn_error *error);

#endif
