/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Differences between arrays of elements: how many, which is the first, by how much.
 */
#include "format/number.h"

#include <math.h>

#include "tests/support/suite.h"

/* ---------------------------------------------------------------------------------- differences */

static struct number_difference compare(enum cairn_dtype dtype, const void *a, const void *b,
					uint64_t count)
{
	struct number_difference difference = {0};

	number_compare(cairn_dtype_info(dtype), a, b, count, &difference);
	return difference;
}

START_TEST(equal_bits_do_not_differ)
{
	const float values[4] = {1, NAN, INFINITY, 0};
	const struct number_difference difference = compare(CAIRN_F32, values, values, 4);

	ck_assert_uint_eq(difference.compared, 4);
	ck_assert_uint_eq(difference.different, 0);
}
END_TEST

START_TEST(the_first_difference_and_the_largest_are_found)
{
	const float a[5] = {1, 2, 3, 100, 5};
	const float b[5] = {1, 2.5F, 3, 101, 5};
	const struct number_difference difference = compare(CAIRN_F32, a, b, 5);

	ck_assert_uint_eq(difference.different, 2);
	ck_assert_uint_eq(difference.first, 1);
	ck_assert(difference.absolute_max == 1.0);
	ck_assert(difference.relative_max == 0.2);
}
END_TEST

START_TEST(nan_is_counted_and_left_out)
{
	const double a[4] = {1, (double)NAN, 3, (double)NAN};
	const double b[4] = {(double)NAN, 2, 3.5, -(double)NAN};
	const struct number_difference difference = compare(CAIRN_F64, a, b, 4);

	ck_assert_uint_eq(difference.different, 4);
	ck_assert_uint_eq(difference.nan_count[0], 2);
	ck_assert_uint_eq(difference.nan_count[1], 2);
	ck_assert(difference.absolute_max == 0.5);
}
END_TEST

START_TEST(infinities_and_zeros_have_a_distance)
{
	const float a[2] = {0, 1};
	const float negative_zero[2] = {-0.0F, 1};
	const float infinite[2] = {0, INFINITY};
	struct number_difference difference = compare(CAIRN_F32, a, negative_zero, 2);

	ck_assert_uint_eq(difference.different, 1);
	ck_assert(difference.absolute_max == 0.0 && difference.relative_max == 0.0);
	difference = compare(CAIRN_F32, a, infinite, 2);
	ck_assert(isinf(difference.absolute_max) && isinf(difference.relative_max));
}
END_TEST

START_TEST(large_integers_differ_by_one)
{
	const uint64_t a[1] = {UINT64_MAX};
	const uint64_t b[1] = {UINT64_MAX - 1};
	const int64_t low[1] = {INT64_MIN};
	const int64_t high[1] = {INT64_MAX};

	ck_assert(compare(CAIRN_U64, a, b, 1).absolute_max == 1.0);
	ck_assert(compare(CAIRN_I64, low, high, 1).absolute_max == 0x1p64);
}
END_TEST

START_TEST(small_types_are_numbers_too)
{
	const uint8_t f8[2] = {0x38, 0x7f};    /* 1, NaN */
	const uint8_t other[2] = {0x40, 0x38}; /* 2, 1 */
	const uint8_t negative[1] = {0x0f};    /* -1 in four bits */
	const uint8_t seven[1] = {0x07};
	const uint16_t half[1] = {0x3c00};
	const uint16_t largest[1] = {0x7bff};
	const struct number_difference difference = compare(CAIRN_F8_E4M3FN, f8, other, 2);

	ck_assert_uint_eq(difference.different, 2);
	ck_assert_uint_eq(difference.nan_count[0], 1);
	ck_assert(difference.absolute_max == 1.0);
	ck_assert(compare(CAIRN_I4_BYTE, negative, seven, 1).absolute_max == 8.0);
	ck_assert(compare(CAIRN_F16, half, largest, 1).absolute_max == 65503.0);
	ck_assert(compare(CAIRN_BF16, half, half, 1).different == 0);
}
END_TEST

START_TEST(complex_numbers_differ_by_part)
{
	const float a[4] = {1, 2, 3, 4};
	const float b[4] = {1, 2, 3, 9};
	const struct number_difference difference = compare(CAIRN_C64, a, b, 2);

	ck_assert_uint_eq(difference.compared, 2);
	ck_assert_uint_eq(difference.different, 1);
	ck_assert_uint_eq(difference.first, 1);
	ck_assert(difference.absolute_max == 5.0);
}
END_TEST

START_TEST(packed_elements_are_counted_one_by_one)
{
	const uint8_t a[3] = {0x10, 0x32, 0x54};
	const uint8_t b[3] = {0x10, 0x22, 0x5c}; /* the fourth and the fifth of six */
	const struct number_difference difference = compare(CAIRN_F4_E2M1, a, b, 3);

	ck_assert_uint_eq(difference.compared, 6);
	ck_assert_uint_eq(difference.different, 2);
	ck_assert_uint_eq(difference.first, 3);
	ck_assert(difference.absolute_max == 4.0); /* 2 and -2 */
}
END_TEST

START_TEST(types_without_numbers_have_no_distance)
{
	static const enum cairn_dtype dtypes[] = {CAIRN_BOOL, CAIRN_Q4_K, CAIRN_STRING, CAIRN_NULL};
	const uint8_t a[1] = {0};
	const uint8_t b[1] = {1};

	for (size_t i = 0; i < COUNT_OF(dtypes); i++)
		ck_assert(!number_is_known(dtypes[i]));
	ck_assert(compare(CAIRN_BOOL, a, b, 1).absolute_max == 0.0);
	ck_assert_uint_eq(compare(CAIRN_BOOL, a, b, 1).different, 1);
}
END_TEST

START_TEST(blocks_are_compared_whole)
{
	uint8_t a[3 * 18] = {0};
	uint8_t b[3 * 18] = {0};
	struct number_difference difference;

	b[18] = 1;
	b[35] = 1;
	difference = compare(CAIRN_Q4_0, a, b, 3);
	ck_assert_uint_eq(difference.compared, 96);
	ck_assert_uint_eq(difference.different, 32);
	ck_assert_uint_eq(difference.first, 32);
}
END_TEST

/* Longer than what is skipped in one go, and in several calls. */
START_TEST(numbers_go_on_from_call_to_call)
{
	enum {
		COUNT = 1000
	};
	static uint16_t a[COUNT];
	static uint16_t b[COUNT];
	struct number_difference difference = {0};
	const struct cairn_dtype_info *const info = cairn_dtype_info(CAIRN_U16);

	b[777] = 5;
	b[999] = 9;
	for (int i = 0; i < COUNT; i += 250)
		number_compare(info, (const uint8_t *)&a[i], (const uint8_t *)&b[i], 250,
			       &difference);
	ck_assert_uint_eq(difference.compared, COUNT);
	ck_assert_uint_eq(difference.different, 2);
	ck_assert_uint_eq(difference.first, 777);
	ck_assert(difference.absolute_max == 9.0 && difference.relative_max == 1.0);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("number");
	TCase *const differences = tcase_create("differences");

	suite_add_tcase(suite, differences);
	tcase_add_test(differences, equal_bits_do_not_differ);
	tcase_add_test(differences, the_first_difference_and_the_largest_are_found);
	tcase_add_test(differences, nan_is_counted_and_left_out);
	tcase_add_test(differences, infinities_and_zeros_have_a_distance);
	tcase_add_test(differences, large_integers_differ_by_one);
	tcase_add_test(differences, small_types_are_numbers_too);
	tcase_add_test(differences, complex_numbers_differ_by_part);
	tcase_add_test(differences, packed_elements_are_counted_one_by_one);
	tcase_add_test(differences, types_without_numbers_have_no_distance);
	tcase_add_test(differences, blocks_are_compared_whole);
	tcase_add_test(differences, numbers_go_on_from_call_to_call);
	return run_suite(suite);
}
