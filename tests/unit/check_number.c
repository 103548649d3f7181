/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements as numbers: values that the types' definitions name, and differences between arrays.
 */
#include "format/number.h"

#include <math.h>

#include "tests/support/suite.h"

#define TINIEST_F32 0x1p-149

struct float_case {
	enum cairn_dtype dtype;
	uint64_t bits;
	double value; /* NAN: is one */
};

static const struct float_case float_cases[] = {
	{CAIRN_F16, 0x0000, 0},
	{CAIRN_F16, 0x3c00, 1},
	{CAIRN_F16, 0xc000, -2},
	{CAIRN_F16, 0x7bff, 65504},
	{CAIRN_F16, 0x0001, 0x1p-24},
	{CAIRN_F16, 0x0400, 0x1p-14},
	{CAIRN_F16, 0x7c00, (double)INFINITY},
	{CAIRN_F16, 0xfc00, -(double)INFINITY},
	{CAIRN_F16, 0x7e00, (double)NAN},
	{CAIRN_BF16, 0x3f80, 1},
	{CAIRN_BF16, 0x7f80, (double)INFINITY},
	{CAIRN_BF16, 0x7fc0, (double)NAN},
	{CAIRN_BF16, 0xc040, -3},
	{CAIRN_F32, 0x3fc00000, 1.5},
	{CAIRN_F32, 0x00000001, TINIEST_F32},
	{CAIRN_F64, UINT64_C(0x3fb999999999999a), 0.1},
	{CAIRN_F8_E4M3FN, 0x7e, 448},
	{CAIRN_F8_E4M3FN, 0x7f, (double)NAN},
	{CAIRN_F8_E4M3FN, 0xff, (double)NAN},
	{CAIRN_F8_E4M3FN, 0x01, 0x1p-9},
	{CAIRN_F8_E4M3FN, 0x38, 1},
	{CAIRN_F8_E5M2, 0x7b, 57344},
	{CAIRN_F8_E5M2, 0x7c, (double)INFINITY},
	{CAIRN_F8_E5M2, 0x7d, (double)NAN},
	{CAIRN_F8_E5M2, 0x01, 0x1p-16},
	{CAIRN_F8_E4M3FNUZ, 0x7f, 240},
	{CAIRN_F8_E4M3FNUZ, 0x80, (double)NAN},
	{CAIRN_F8_E4M3FNUZ, 0x01, 0x1p-10},
	{CAIRN_F8_E5M2FNUZ, 0x7f, 57344},
	{CAIRN_F8_E5M2FNUZ, 0x80, (double)NAN},
	{CAIRN_F8_E5M2FNUZ, 0x01, 0x1p-17},
	{CAIRN_F8_E4M3B11FNUZ, 0x7f, 30},
	{CAIRN_F8_E4M3B11FNUZ, 0x80, (double)NAN},
	{CAIRN_F8_E8M0, 0x7f, 1},
	{CAIRN_F8_E8M0, 0x00, 0x1p-127},
	{CAIRN_F8_E8M0, 0xff, (double)NAN},
};

START_TEST(floats_have_the_values_of_their_types)
{
	const struct float_case *const known = &float_cases[_i];
	double value;

	ck_assert(number_is_float(known->dtype));
	value = number_load_float(known->dtype, (const uint8_t *)&known->bits);
	if (isnan(known->value))
		ck_assert(isnan(value));
	else
		ck_assert_msg(value == known->value, "%g instead of %g", value, known->value);
}
END_TEST

START_TEST(integers_keep_all_their_bits)
{
	static const struct {
		enum cairn_dtype dtype;
		uint64_t bits;
		uint64_t magnitude;
		bool negative;
	} cases[] = {
		{CAIRN_U8, 0xff, 255, false},
		{CAIRN_I8, 0x80, 128, true},
		{CAIRN_I16, 0xfffe, 2, true},
		{CAIRN_U32, 0xffffffff, UINT32_MAX, false},
		{CAIRN_I32, 0x80000000, UINT64_C(1) << 31, true},
		{CAIRN_U64, UINT64_MAX, UINT64_MAX, false},
		{CAIRN_I64, UINT64_C(1) << 63, UINT64_C(1) << 63, true},
		{CAIRN_I64, INT64_MAX, INT64_MAX, false},
		{CAIRN_I4_BYTE, 0x0f, 1, true},
		{CAIRN_U4_BYTE, 0x0f, 15, false},
		{CAIRN_I2_BYTE, 0x02, 2, true},
		{CAIRN_QUINT16, 0xffff, 65535, false},
		{CAIRN_QINT32, 0xffffffff, 1, true},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct integer value = number_load_integer(cases[i].dtype,
								 (const uint8_t *)&cases[i].bits);

		ck_assert(number_is_integer(cases[i].dtype));
		ck_assert_uint_eq(value.magnitude, cases[i].magnitude);
		ck_assert_int_eq(value.negative, cases[i].negative);
	}
}
END_TEST

START_TEST(types_without_numbers_are_neither)
{
	static const enum cairn_dtype dtypes[] = {CAIRN_BOOL, CAIRN_C64,    CAIRN_F4_E2M1,
						  CAIRN_Q4_K, CAIRN_STRING, CAIRN_NULL};

	for (size_t i = 0; i < COUNT_OF(dtypes); i++) {
		ck_assert(!number_is_float(dtypes[i]));
		ck_assert(!number_is_integer(dtypes[i]));
		ck_assert(isnan(number_load_float(dtypes[i], (const uint8_t *)"12345678")));
		ck_assert_uint_eq(
			number_load_integer(dtypes[i], (const uint8_t *)"12345678").magnitude, 0);
	}
}
END_TEST

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

START_TEST(blocks_are_compared_whole)
{
	uint8_t a[3 * 18] = {0};
	uint8_t b[3 * 18] = {0};
	struct number_difference difference;

	b[18] = 1;
	b[35] = 1;
	difference = compare(CAIRN_Q4_0, a, b, 3);
	ck_assert_uint_eq(difference.compared, 3);
	ck_assert_uint_eq(difference.different, 1);
	ck_assert_uint_eq(difference.first, 1);
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
	TCase *const values = tcase_create("values");
	TCase *const differences = tcase_create("differences");

	suite_add_tcase(suite, values);
	suite_add_tcase(suite, differences);
	tcase_add_loop_test(values, floats_have_the_values_of_their_types, 0,
			    (int)COUNT_OF(float_cases));
	tcase_add_test(values, integers_keep_all_their_bits);
	tcase_add_test(values, types_without_numbers_are_neither);
	tcase_add_test(differences, equal_bits_do_not_differ);
	tcase_add_test(differences, the_first_difference_and_the_largest_are_found);
	tcase_add_test(differences, nan_is_counted_and_left_out);
	tcase_add_test(differences, infinities_and_zeros_have_a_distance);
	tcase_add_test(differences, large_integers_differ_by_one);
	tcase_add_test(differences, blocks_are_compared_whole);
	tcase_add_test(differences, numbers_go_on_from_call_to_call);
	return run_suite(suite);
}
