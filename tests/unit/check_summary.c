/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics over a stream, against plain loops that follow the definition in the header word for
 * word: the sum has to have the same bits.
 */
#include "format/summary.h"

#include <math.h>

#include "tests/support/random.h"
#include "tests/support/suite.h"

/* Around the edges of lanes and leaves, and a few leaves that make an odd tree. */
static const size_t sizes[] = {
	0, 1, 15, 16, 17, 31, 4095, 4096, 4097, 8191, 8192, 4096 * 3, 4096 * 7 + 5, 50001,
};

static const enum cairn_dtype types[] = {
	CAIRN_BOOL,    CAIRN_U8,      CAIRN_I8,      CAIRN_U16,     CAIRN_I16,       CAIRN_U32,
	CAIRN_I32,     CAIRN_U64,     CAIRN_I64,     CAIRN_F16,     CAIRN_BF16,      CAIRN_F32,
	CAIRN_F64,     CAIRN_C32,     CAIRN_C64,     CAIRN_C128,    CAIRN_F8_E4M3FN, CAIRN_F8_E5M2,
	CAIRN_F8_E8M0, CAIRN_F4_E2M1, CAIRN_F6_E2M3, CAIRN_F6_E3M2, CAIRN_I4_BYTE,   CAIRN_U2_BYTE,
};

struct expected {
	uint64_t nans;
	uint64_t infinities;
	uint64_t zeros;
	double min;
	double max;
	double sum;
};

static double sum_in_pairs(const double *values, size_t count)
{
	double sums[64];

	memcpy(sums, values, count * sizeof(double));
	for (size_t width = count / 2; width != 0; width /= 2) {
		for (size_t i = 0; i < width; i++)
			sums[i] += sums[i + width];
	}
	return sums[0];
}

static double leaf_sum(const double *numbers, size_t count)
{
	double lanes[SUMMARY_LANES] = {0};

	for (size_t i = 0; i < count; i++) {
		if (isfinite(numbers[i]))
			lanes[i % SUMMARY_LANES] += numbers[i];
	}
	return sum_in_pairs(lanes, SUMMARY_LANES);
}

/* The largest power of two leaves first, then what follows. */
static double tree_sum(const double *numbers, size_t count)
{
	const size_t leaves = (count + SUMMARY_LEAF - 1) / SUMMARY_LEAF;
	size_t half = 1;

	if (leaves <= 1)
		return leaf_sum(numbers, count);
	while (half * 2 < leaves)
		half *= 2;
	return tree_sum(numbers, half * SUMMARY_LEAF) +
	       tree_sum(numbers + half * SUMMARY_LEAF, count - half * SUMMARY_LEAF);
}

static struct expected expect(const double *numbers, size_t count)
{
	struct expected expected = {.min = (double)INFINITY, .max = -(double)INFINITY};

	for (size_t i = 0; i < count; i++) {
		expected.nans += isnan(numbers[i]) != 0;
		expected.infinities += isinf(numbers[i]) != 0;
		expected.zeros += numbers[i] == 0;
		if (isfinite(numbers[i])) {
			expected.min = fmin(expected.min, numbers[i]);
			expected.max = fmax(expected.max, numbers[i]);
		}
	}
	expected.sum = tree_sum(numbers, count);
	return expected;
}

static struct summary *new_summary(enum cairn_dtype dtype)
{
	struct summary *const summary = malloc(sizeof(*summary));

	ck_assert(summary_begin(summary, dtype));
	return summary;
}

/* `piece_max` 0: all at once. */
static void compare(enum cairn_dtype dtype, const uint8_t *bytes, size_t size, size_t piece_max)
{
	struct summary *const summary = new_summary(dtype);
	const size_t count = size * 8 / summary->decoder.bits;
	double *const numbers = malloc((count + 1) * sizeof(*numbers));
	struct random random = {size};
	struct expected expected;
	double sum;

	element_to_f64(&summary->decoder, bytes, 0, count, numbers);
	expected = expect(numbers, count);
	for (size_t at = 0; at < size;) {
		const size_t most = size - at < piece_max ? size - at : piece_max;
		const size_t piece = piece_max == 0 ? size : random_below(&random, most + 1);

		summary_add(summary, bytes + at, piece);
		at += piece;
	}
	sum = summary_end(summary);
	ck_assert_uint_eq(summary->count, count);
	ck_assert_uint_eq(summary->nans, expected.nans);
	ck_assert_uint_eq(summary->infinities, expected.infinities);
	ck_assert_uint_eq(summary->zeros, expected.zeros);
	ck_assert_double_eq(summary->min, expected.min);
	ck_assert_double_eq(summary->max, expected.max);
	ck_assert_mem_eq(&sum, &expected.sum, sizeof(sum));
	free(numbers);
	free(summary);
}

/* Any bits: for floats also NaN, infinities, subnormals; of the widest neither, since their sums
 * would leave the range. */
static uint8_t *random_bytes(enum cairn_dtype dtype, size_t size)
{
	struct random random = {size + (size_t)dtype};
	uint8_t *const bytes = malloc(size + 8);

	random_fill(&random, bytes, size);
	if (dtype == CAIRN_F64 || dtype == CAIRN_C128) {
		for (size_t at = 7; at < size; at += 8)
			bytes[at] &= 0xbf; /* below 2, but for the sign */
	}
	return bytes;
}

static size_t whole_blocks(enum cairn_dtype dtype, size_t elements)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(dtype);

	return elements / info->block_elements * info->block_bytes;
}

START_TEST(everything_is_as_the_definition_says)
{
	const enum cairn_dtype dtype = types[_i];

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		const size_t size = whole_blocks(dtype, sizes[i]);
		uint8_t *const bytes = random_bytes(dtype, size);

		compare(dtype, bytes, size, 0);
		free(bytes);
	}
}
END_TEST

START_TEST(pieces_make_no_difference)
{
	static const size_t pieces[] = {1, 7, 100, 5000, 40000};
	const enum cairn_dtype dtype = types[_i];
	const size_t size = whole_blocks(dtype, 4096 * 5 + 100);
	uint8_t *const bytes = random_bytes(dtype, size);

	for (size_t i = 0; i < COUNT_OF(pieces); i++)
		compare(dtype, bytes, size, pieces[i]);
	free(bytes);
}
END_TEST

START_TEST(one_bad_number_is_found_wherever_it_is)
{
	static const float bad[] = {NAN, INFINITY, -INFINITY};
	float *const numbers = malloc(8200 * sizeof(*numbers));

	for (size_t i = 0; i < 8200; i++)
		numbers[i] = (float)i / 7 - 500;
	for (size_t at = 0; at < 8200; at += 41) {
		const float before = numbers[at];

		numbers[at] = bad[at % 3];
		compare(CAIRN_F32, (const uint8_t *)numbers, 8200 * sizeof(*numbers), 0);
		numbers[at] = before;
	}
	free(numbers);
}
END_TEST

START_TEST(opposite_infinities_do_not_hide_each_other)
{
	float numbers[64] = {1, INFINITY, -INFINITY, 2};

	numbers[17] = -INFINITY;
	compare(CAIRN_F32, (const uint8_t *)numbers, sizeof(numbers), 0);
}
END_TEST

START_TEST(alignment_makes_no_difference)
{
	const size_t size = 10000 * sizeof(float);
	uint8_t *const bytes = random_bytes(CAIRN_F32, size + 3);
	uint8_t *const moved = malloc(size + 3);

	memcpy(moved + 3, bytes, size);
	compare(CAIRN_F32, moved + 3, size, 0);
	free(moved);
	free(bytes);
}
END_TEST

START_TEST(nothing_at_all_is_no_number)
{
	struct summary *const summary = new_summary(CAIRN_F32);

	ck_assert_double_eq(summary_end(summary), 0);
	ck_assert_uint_eq(summary->count, 0);
	ck_assert(summary->min > summary->max);
	free(summary);
}
END_TEST

START_TEST(zeros_have_no_sign)
{
	static const double numbers[3] = {0.0, -0.0, 1e-320};

	compare(CAIRN_F64, (const uint8_t *)numbers, sizeof(numbers), 0);
}
END_TEST

START_TEST(a_sum_that_leaves_the_range_is_infinite)
{
	static const double numbers[3] = {1e308, 1e308, -1};
	struct summary *const summary = new_summary(CAIRN_F64);

	summary_add(summary, (const uint8_t *)numbers, sizeof(numbers));
	summary_add(summary, (const uint8_t *)numbers, sizeof(numbers));
	ck_assert_uint_eq(summary->infinities, 0);
	for (int i = 0; i < 20; i++)
		summary_add(summary, (const uint8_t *)numbers, sizeof(numbers));
	ck_assert(isinf(summary_end(summary)));
	ck_assert_uint_eq(summary->infinities, 0);
	ck_assert_uint_eq(summary->count, 66);
	ck_assert_double_eq(summary->max, 1e308);
	free(summary);
}
END_TEST

START_TEST(other_types_are_refused)
{
	struct summary *const summary = malloc(sizeof(*summary));

	ck_assert(!summary_begin(summary, CAIRN_Q4_0));
	ck_assert(!summary_begin(summary, CAIRN_STRING));
	ck_assert(!summary_begin(summary, (enum cairn_dtype)999));
	free(summary);
}
END_TEST

static Suite *summary_suite(void)
{
	Suite *suite = suite_create("summary");
	TCase *tests = tcase_create("summary");

	tcase_add_loop_test(tests, everything_is_as_the_definition_says, 0, COUNT_OF(types));
	tcase_add_loop_test(tests, pieces_make_no_difference, 0, COUNT_OF(types));
	tcase_add_test(tests, one_bad_number_is_found_wherever_it_is);
	tcase_add_test(tests, opposite_infinities_do_not_hide_each_other);
	tcase_add_test(tests, alignment_makes_no_difference);
	tcase_add_test(tests, nothing_at_all_is_no_number);
	tcase_add_test(tests, zeros_have_no_sign);
	tcase_add_test(tests, a_sum_that_leaves_the_range_is_infinite);
	tcase_add_test(tests, other_types_are_refused);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(summary_suite());
}
