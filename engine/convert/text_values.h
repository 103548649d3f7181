/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes that the values of an item stand for, from the lines of its text.
 */
#ifndef CAIRN_ENGINE_TEXT_VALUES_H
#define CAIRN_ENGINE_TEXT_VALUES_H

#include "engine/convert/text_lines.h"
#include "format/text_form.h"

/* Where an item's values are, and what they must be. */
struct text_values {
	struct text_place place; /* of the first line */
	uint64_t line_count;     /* of values: comments do not count */
	uint64_t size;           /* bytes that they stand for; of strings with their end offsets */
	uint64_t table_size;     /* of strings: bytes of the end offsets; else 0 */
	enum cairn_dtype dtype;
	enum text_encoding encoding;
	uint64_t offset; /* in the second file */
};

/* Elements of strings, counted line by line. Starts zeroed. */
struct string_count {
	uint64_t elements;
	uint64_t bytes;
	bool is_open; /* the last element may go on */
};

/* Counts those of a line. CORRUPT, NO_MEMORY. `scratch` has room for the line. */
enum cairn_status text_count_strings(struct cairn_string line, char *scratch,
				     struct string_count *count, struct cairn_error *error);

/* Bytes in order, from one item after the other. */
struct text_stream {
	struct text_lines *lines;         /* borrowed */
	const struct file *beside;        /* borrowed; NULL: none */
	const struct text_values *values; /* whose bytes are next; NULL: none were asked for */
	struct element_text elements;
	uint64_t done;       /* bytes that were given out */
	uint64_t lines_left; /* of values */
	bool in_table;       /* of strings: the end offsets are next, not the bytes */
	struct string_count strings;
	uint8_t *decoded; /* owned; of the last line */
	size_t room;
	size_t used;
	size_t held;
};

void text_stream_close(struct text_stream *stream);

/*
 * Bytes [offset, offset + size) of the values; in the order of the items and of their bytes, each
 * once. With the last of them it is found out that there are no more. CORRUPT (message: line), what
 * reading the files returns.
 */
enum cairn_status text_stream_read(struct text_stream *stream, const struct text_values *values,
				   uint64_t offset, uint8_t *buffer, size_t size,
				   struct cairn_error *error);

#endif
