/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting arrays of structs, with memory from an arena: stable, O(n log n) whatever the input,
 * little more than linear for input that is in order already. Orders are numbers of elements; there
 * are fewer than 2^32.
 */
#ifndef CAIRN_FORMAT_SORT_ARRAY_H
#define CAIRN_FORMAT_SORT_ARRAY_H

#include <stddef.h>
#include <stdint.h>

#include <cairn/base.h>

#include "format/arena.h"

/* The largest element that sort_apply moves, in bytes. */
#define SORT_ELEMENT_SIZE_MAX 128u

typedef int sort_compare(const void *a, const void *b);

/* The numbers of the elements in order, in the arena; the array stays as it is. NULL: no memory. */
uint32_t *sort_order(struct arena *arena, void *array, uint64_t count, size_t element_size,
		     sort_compare *compare);

/*
 * The same by names, in byte order, a shorter name before its continuations. `names` is the one of
 * the first element, the next is `stride` bytes behind. Names of a model begin alike and lie all
 * over a header: only what differs early is looked at.
 */
uint32_t *sort_order_by_name(struct arena *arena, const struct cairn_string *names, size_t stride,
			     uint64_t count);

/* Moves the elements into an order, which is used up: afterwards every number is its own place. */
void sort_apply(void *array, uint64_t count, size_t element_size, uint32_t *order);

#endif
