/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How two arrays of elements differ, as numbers where they are any.
 */
#ifndef CAIRN_FORMAT_NUMBER_H
#define CAIRN_FORMAT_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/dtype.h>

/* Elements are numbers, or pairs of them; no truth values, no opaque blocks, no strings. */
bool number_is_known(enum cairn_dtype dtype);

/* Elements that differ, over any number of calls. Start from zeros. */
struct number_difference {
	uint64_t compared;
	uint64_t different; /* bit by bit; of opaque blocks all elements */
	uint64_t first;     /* number of the first one, counting all that were compared */
	/* Of the different ones, when they are numbers; parts of complex numbers one by one. */
	uint64_t nan_count[2];
	double absolute_max; /* |a - b|, without NaNs */
	double relative_max; /* the same over the larger magnitude */
};

/*
 * Compares the elements of `count` blocks of a known type of fixed size with those compared before
 * in front of them. Nothing need be aligned.
 */
void number_compare(const struct cairn_dtype_info *info, const uint8_t *a, const uint8_t *b,
		    uint64_t count, struct number_difference *difference);

#endif
