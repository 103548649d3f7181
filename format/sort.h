/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stable merge sort of pointers: O(n log n) whatever the input, and no memory of its own (libc's
 * qsort calls malloc).
 */
#ifndef CAIRN_FORMAT_SORT_H
#define CAIRN_FORMAT_SORT_H

#include <stdint.h>

/*
 * Sorts `count` pointers; `compare` gets two of them, as they are, and answers as for qsort.
 * `scratch` has room for as many. Runs that are in order already are not merged, so that sorted
 * input costs one comparison an element.
 */
void sort_pointers(void **items, void **scratch, uint64_t count,
		   int (*compare)(const void *a, const void *b));

#endif
