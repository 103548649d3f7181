/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays as NumPy prints them: brackets, lines of at most 75 columns, and of large ones the first
 * and last three along each dimension.
 */
#ifndef CAIRN_TOOLS_ARRAY_TEXT_H
#define CAIRN_TOOLS_ARRAY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cairn/base.h>

/* Arrays of more elements are summarised. */
#define ARRAY_WHOLE_MAX 1000

/* Which elements of an array are shown. */
struct array_shape {
	uint32_t rank;
	uint64_t dims[CAIRN_RANK_MAX];
	bool summarised;
};

/* Begins a shape; its rank is at most CAIRN_RANK_MAX. */
void array_shape_set(struct array_shape *shape, uint32_t rank, const uint64_t *dims);

/* Elements shown along a dimension: those before `gap` are the first, the others the last. */
uint64_t array_shown(const struct array_shape *shape, uint32_t dimension, uint64_t *gap);

/* All that are shown; false when there are more than `most`. */
bool array_shown_count(const struct array_shape *shape, uint64_t most, uint64_t *count);

/* The index in its dimension of the shown-th element along it. */
uint64_t array_index(const struct array_shape *shape, uint32_t dimension, uint64_t shown);

/* Steps an index over what is shown through the first `dimensions` dimensions, the last of them
 * first. Returns the dimension that moved on, or `dimensions` after the end. */
uint32_t array_step(const struct array_shape *shape, uint32_t dimensions, uint64_t *index);

/* The text of an element, counted over those that are shown, in order; the bytes are borrowed until
 * the next call. Returns its columns. */
typedef size_t (*array_element)(void *context, uint64_t number, struct cairn_string *text);

/* Prints the array and a newline. */
void array_print(FILE *file, const struct array_shape *shape, array_element element, void *context);

#endif
