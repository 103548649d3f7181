/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people: natural order, columns, names that may hold anything.
 */
#ifndef CAIRN_TOOLS_TEXT_H
#define CAIRN_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cairn/base.h>

/* Orders runs of digits by their value: "layer.2" before "layer.10". A total order: equal only when
 * the bytes are. */
int text_compare_natural(struct cairn_string a, struct cairn_string b);

/* Columns of the terminal behind `file`; 0 when it is none, so that nothing has to be cut. */
size_t text_terminal_width(FILE *file);

/*
 * Columns that text_print takes for a string. What could upset a terminal (control characters,
 * direction marks, bytes that are no UTF-8) counts and is printed as an escape.
 */
size_t text_width(struct cairn_string text);

/* Prints at most `columns` columns of the string, the middle left out where it is longer; 0: all of
 * it. Returns the columns that were printed. */
size_t text_print(FILE *file, struct cairn_string text, size_t columns);

/* Prints `count` blanks. */
void text_pad(FILE *file, size_t count);

/* Writes the string as text_print does into `buffer`, cut to fit and terminated; returns `buffer`.
 * For messages. */
char *text_escape(struct cairn_string text, char *buffer, size_t size);

/* Edits (insert, delete, replace, swap neighbours) that turn a into b, or limit + 1 when there are
 * more. */
size_t text_distance(struct cairn_string a, struct cairn_string b, size_t limit);

/* How badly `candidate` answers for a mistyped `wanted`; 0 is best, SIZE_MAX is not at all. */
size_t text_mismatch(struct cairn_string wanted, struct cairn_string candidate);

/* The string matches a shell pattern. NUL, which a pattern cannot hold, matches `*` and `?`. */
bool text_matches(const char *pattern, struct cairn_string text);

#endif
