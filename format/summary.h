/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics over a stream of elements: extremes, sum, and what is no finite number.
 *
 * The sum does not depend on the pieces in which elements come. Numbers are cut into leaves of
 * SUMMARY_LEAF, counted from the first; in a leaf number i is added to the running sum i modulo
 * SUMMARY_LANES, and those are added up in pairs; the leaves are added up in pairs, pairs of pairs,
 * and so on. All of it in double precision, in this order on every processor.
 */
#ifndef CAIRN_FORMAT_SUMMARY_H
#define CAIRN_FORMAT_SUMMARY_H

#include "format/element.h"

#define SUMMARY_LEAF  4096
#define SUMMARY_LANES 16

/* Bytes of a leaf of the widest numbers. */
#define SUMMARY_LEAF_SIZE_MAX (SUMMARY_LEAF * sizeof(double))

/* Large: not for the stack. */
struct summary {
	struct element_decoder decoder;
	size_t leaf_size; /* bytes */

	uint64_t count; /* of numbers so far, without those that wait for the rest of their leaf */
	uint64_t nans;
	uint64_t infinities;
	uint64_t zeros;
	double min; /* of finite numbers; infinite before there are any */
	double max;

	uint64_t leaves;
	double sums[64]; /* of 2^i leaves, where bit i of `leaves` is set */

	size_t held;
	uint8_t rest[SUMMARY_LEAF_SIZE_MAX]; /* the beginning of a leaf */
	union {
		float narrow[SUMMARY_LEAF];
		double wide[SUMMARY_LEAF];
	} numbers;
};

/* False for types whose elements are no numbers. */
bool summary_begin(struct summary *summary, enum cairn_dtype dtype);

/* Takes the next bytes of the elements, cut anywhere. */
void summary_add(struct summary *summary, const uint8_t *bytes, size_t size);

/* Takes what waits, and returns the sum of all finite numbers. */
double summary_end(struct summary *summary);

#endif
