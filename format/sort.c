/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bottom-up merge sort. Two runs that follow each other already are copied, not merged: what comes
 * from a file is usually in order or nearly so. No recursion, no memory of its own.
 */
#include "format/sort.h"

#include <stdbool.h>
#include <string.h>

typedef int compare_function(const void *a, const void *b);

/* Merges from[left, middle) and from[middle, right) into to[left, right). Equal items keep their
 * order. */
static void merge(void *const *from, void **to, uint64_t left, uint64_t middle, uint64_t right,
		  compare_function *compare)
{
	uint64_t a = left;
	uint64_t b = middle;

	if (middle == right || compare(from[middle - 1], from[middle]) <= 0) {
		memcpy(to + left, from + left, (right - left) * sizeof(*to));
		return;
	}
	for (uint64_t i = left; i < right; i++) {
		const bool take_a = b == right || (a < middle && compare(from[a], from[b]) <= 0);

		to[i] = take_a ? from[a++] : from[b++];
	}
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void sort_pointers(void **items, void **scratch, uint64_t count, compare_function *compare)
{
	void **from = items;
	void **to = scratch;

	for (uint64_t width = 1; width < count; width *= 2) {
		void **const merged = to;

		for (uint64_t left = 0; left < count; left += 2 * width)
			merge(from, to, left, smaller(left + width, count),
			      smaller(left + 2 * width, count), compare);
		to = from;
		from = merged;
	}
	if (from != items)
		memcpy(items, from, count * sizeof(*items));
}
