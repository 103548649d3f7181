/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Differences between elements.
 *
 * What is the same bit by bit is passed over in runs. Where a run differs, its numbers are decoded
 * (format/element.h) and compared one by one; 64-bit integers are not decoded, since a double would
 * lose differences between large ones.
 */
#include "format/number.h"

#include <math.h>
#include <string.h>

#include "format/bytes.h"
#include "format/element.h"

/* Blocks that are looked at in one go, and numbers in a block at most (packed types). */
#define RUN         64
#define NUMBERS_MAX 4

bool number_is_known(enum cairn_dtype dtype)
{
	return dtype != CAIRN_BOOL && cairn_dtype_numbers(dtype) != 0;
}

struct comparison {
	const struct cairn_dtype_info *info;
	struct number_difference *difference;
	struct element_decoder decoder; /* once something differs */
	bool begun;
	bool has_numbers;
};

static void take_distance(struct number_difference *difference, double distance, double larger)
{
	const double relative = isinf(distance) ? distance : distance / larger;

	if (distance > difference->absolute_max)
		difference->absolute_max = distance;
	if (larger > 0 && relative > difference->relative_max)
		difference->relative_max = relative;
}

static void take_numbers(struct number_difference *difference, double a, double b)
{
	const double larger = fabs(a) > fabs(b) ? fabs(a) : fabs(b);

	difference->nan_count[0] += isnan(a) != 0;
	difference->nan_count[1] += isnan(b) != 0;
	if (!isnan(a) && !isnan(b))
		take_distance(difference, fabs(a - b), larger);
}

static void take_element(struct number_difference *difference, uint64_t number)
{
	if (difference->different++ == 0)
		difference->first = number;
}

/* ------------------------------------------------------------------------------ 64-bit integers */

struct integer {
	uint64_t magnitude;
	bool negative;
};

static struct integer load_integer(enum cairn_dtype dtype, const uint8_t *bytes)
{
	const uint64_t bits = load_u64(bytes);
	const bool negative = dtype == CAIRN_I64 && bits >> 63 != 0;

	return (struct integer){negative ? ~bits + 1 : bits, negative};
}

static void take_integers(struct number_difference *difference, struct integer a, struct integer b)
{
	const uint64_t larger = a.magnitude > b.magnitude ? a.magnitude : b.magnitude;
	const uint64_t smaller = a.magnitude > b.magnitude ? b.magnitude : a.magnitude;
	const double distance = a.negative != b.negative ? (double)larger + (double)smaller
							 : (double)(larger - smaller);

	take_distance(difference, distance, (double)larger);
}

static void compare_integers(struct comparison *comparison, const uint8_t *a, const uint8_t *b,
			     uint64_t first, size_t count)
{
	const enum cairn_dtype dtype = comparison->info->dtype;

	for (size_t i = 0; i < count; i++, a += 8, b += 8) {
		if (memcmp(a, b, 8) == 0)
			continue;
		take_element(comparison->difference, first + i);
		take_integers(comparison->difference, load_integer(dtype, a),
			      load_integer(dtype, b));
	}
}

/* --------------------------------------------------------------------------------------- others */

/* Elements in bytes of their own: what differs is seen without decoding. */
static void compare_elements(struct comparison *comparison, const uint8_t *a, const uint8_t *b,
			     uint64_t first, size_t count)
{
	const size_t size = comparison->info->block_bytes;
	const uint32_t parts = comparison->decoder.parts;
	double left[RUN * NUMBERS_MAX];
	double right[RUN * NUMBERS_MAX];

	element_to_f64(&comparison->decoder, a, 0, count * parts, left);
	element_to_f64(&comparison->decoder, b, 0, count * parts, right);
	for (size_t i = 0; i < count; i++) {
		if (memcmp(a + i * size, b + i * size, size) == 0)
			continue;
		take_element(comparison->difference, first + i);
		for (size_t part = i * parts; part < (i + 1) * parts; part++)
			take_numbers(comparison->difference, left[part], right[part]);
	}
}

/* Elements below a byte, none of which has a NaN: equal values are equal bits. */
static void compare_packed(struct comparison *comparison, const uint8_t *a, const uint8_t *b,
			   uint64_t first, size_t count)
{
	double left[RUN * NUMBERS_MAX];
	double right[RUN * NUMBERS_MAX];

	element_to_f64(&comparison->decoder, a, 0, count, left);
	element_to_f64(&comparison->decoder, b, 0, count, right);
	for (size_t i = 0; i < count; i++) {
		if (element_bits_f64(left[i]) == element_bits_f64(right[i]))
			continue;
		take_element(comparison->difference, first + i);
		take_numbers(comparison->difference, left[i], right[i]);
	}
}

static void compare_blocks(struct comparison *comparison, const uint8_t *a, const uint8_t *b,
			   uint64_t first, size_t count)
{
	const size_t size = comparison->info->block_bytes;
	const uint64_t elements = comparison->info->block_elements;

	for (size_t i = 0; i < count; i++) {
		if (memcmp(a + i * size, b + i * size, size) == 0)
			continue;
		take_element(comparison->difference, first + i * elements);
		comparison->difference->different += elements - 1;
	}
}

/* `first` is the number of the first element. */
static void compare_run(struct comparison *comparison, const uint8_t *a, const uint8_t *b,
			uint64_t first, size_t count)
{
	const struct cairn_dtype_info *const info = comparison->info;

	if (!comparison->begun) {
		comparison->begun = true;
		comparison->has_numbers = number_is_known(info->dtype) &&
					  element_decoder_begin(&comparison->decoder, info->dtype);
	}
	if (!comparison->has_numbers)
		compare_blocks(comparison, a, b, first, count);
	else if (info->dtype == CAIRN_I64 || info->dtype == CAIRN_U64)
		compare_integers(comparison, a, b, first, count);
	else if (info->block_elements == 1)
		compare_elements(comparison, a, b, first, count);
	else
		compare_packed(comparison, a, b, first, count * info->block_elements);
}

void number_compare(const struct cairn_dtype_info *info, const uint8_t *a, const uint8_t *b,
		    uint64_t count, struct number_difference *difference)
{
	const size_t size = info->block_bytes;
	const uint64_t elements = info->block_elements;
	struct comparison comparison;

	comparison.info = info;
	comparison.difference = difference;
	comparison.begun = false;
	for (uint64_t done = 0; done < count; done += RUN) {
		const size_t run = count - done < RUN ? (size_t)(count - done) : RUN;
		const uint8_t *const left = a + done * size;
		const uint8_t *const right = b + done * size;

		if (memcmp(left, right, run * size) != 0)
			compare_run(&comparison, left, right,
				    difference->compared + done * elements, run);
	}
	difference->compared += count * elements;
}
