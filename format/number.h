/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements as numbers, and how two arrays of elements differ.
 *
 * Pure functions over little-endian bytes that need not be aligned.
 */
#ifndef CAIRN_FORMAT_NUMBER_H
#define CAIRN_FORMAT_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/dtype.h>

/* The value of an element of a type of which number_is_float is true. Exact. */
double number_load_float(enum cairn_dtype dtype, const uint8_t *bytes);
bool number_is_float(enum cairn_dtype dtype);

/* An integer of up to 64 bits: its magnitude and whether it is negative. */
struct integer {
	uint64_t magnitude;
	bool negative;
};

struct integer number_load_integer(enum cairn_dtype dtype, const uint8_t *bytes);
bool number_is_integer(enum cairn_dtype dtype);

/* Blocks that differ, over any number of calls. Start from zeros. */
struct number_difference {
	uint64_t compared;  /* blocks */
	uint64_t different; /* of these */
	uint64_t first;     /* number of the first one, counting all that were compared */
	/* of the different ones, when they are numbers */
	uint64_t nan_count[2];
	double absolute_max; /* |a - b|, without NaNs */
	double relative_max; /* the same over the larger magnitude */
};

/*
 * Compares `count` blocks of a known type of fixed size, bit by bit, with those compared before in
 * front of them.
 */
void number_compare(const struct cairn_dtype_info *info, const uint8_t *a, const uint8_t *b,
		    uint64_t count, struct number_difference *difference);

#endif
