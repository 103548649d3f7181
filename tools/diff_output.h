/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cairn diff collects while the library compares, and prints when all is known.
 */
#ifndef CAIRN_TOOLS_DIFF_H
#define CAIRN_TOOLS_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include <cairn/diff.h>

#include "tools/json_output.h"

/* Lists of the JSON object, as enum cairn_difference_kind counts. */
#define DIFF_LISTS 4

/* A line for people. */
struct diff_line {
	struct cairn_string name; /* the reader's */
	enum cairn_difference_kind kind;
	char *text; /* owned; what is behind the name */
};

struct diff_lines {
	struct diff_line *lines; /* owned */
	size_t count;
	size_t capacity;
};

/* A JSON array that grows in memory. */
struct diff_list {
	struct json_output json;
	char *text; /* owned */
	size_t size;
};

/* "dtype, shape": what of a tensor is changed. */
#define DIFF_WHAT_SIZE 64
const char *diff_what(uint32_t what, char buffer[DIFF_WHAT_SIZE]);

/* Calls back with the coordinates of an element, slowest dimension first. */
typedef void (*diff_coordinate)(void *context, uint32_t dimension, uint64_t value);
void diff_coordinates(const struct cairn_tensor *tensor, uint64_t element, diff_coordinate take,
		      void *context);

/* diff_json.c; of tensors, and of metadata. False when memory has run out. Every list that was
 * opened is closed before it is printed. */
bool diff_lists_open(struct diff_list lists[2][DIFF_LISTS]);
bool diff_lists_close(struct diff_list lists[2][DIFF_LISTS]);
void diff_lists_add(struct diff_list lists[2][DIFF_LISTS],
		    const struct cairn_difference *difference);
void diff_lists_free(struct diff_list lists[2][DIFF_LISTS]);
void diff_json_print(struct diff_list lists[2][DIFF_LISTS], const struct cairn_diff_report *report);

/* diff_text.c; the same for people. Adding returns CLI_GO_ON, or the exit status after printing the
 * error. */
int diff_lines_add(struct diff_lines lines[2], const struct cairn_difference *difference);
void diff_lines_free(struct diff_lines lines[2]);
void diff_text_print(struct diff_lines lines[2], const struct cairn_diff_report *report,
		     bool with_metadata);

#endif
