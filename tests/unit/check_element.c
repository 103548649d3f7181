/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What elements stand for: every code of the small types against a table that NumPy
 * and ml_dtypes made (tests/data/make_elements.py), and the wider types by hand.
 */
#include "format/element.h"

#include <math.h>
#include <stdio.h>

#include "format/bytes.h"
#include "tests/support/suite.h"

#define CANONICAL_NAN 0x7fc00000u

/* The rows of the table, in its order. */
static const struct {
	enum cairn_dtype dtype;
	unsigned bits;
} rows[] = {
	{CAIRN_F16, 16},
	{CAIRN_BF16, 16},
	{CAIRN_F8_E4M3FN, 8},
	{CAIRN_F8_E5M2, 8},
	{CAIRN_F8_E4M3FNUZ, 8},
	{CAIRN_F8_E5M2FNUZ, 8},
	{CAIRN_F8_E4M3B11FNUZ, 8},
	{CAIRN_F8_E8M0, 8},
	{CAIRN_I8, 8},
	{CAIRN_U8, 8},
	{CAIRN_F6_E2M3, 6},
	{CAIRN_F6_E3M2, 6},
	{CAIRN_F4_E2M1, 4},
	{CAIRN_I4_BYTE, 4},
	{CAIRN_U4_BYTE, 4},
	{CAIRN_I2_BYTE, 2},
	{CAIRN_U2_BYTE, 2},
};

/* Types that are encoded as a row is. */
static const struct {
	enum cairn_dtype dtype;
	enum cairn_dtype row;
} alike[] = {
	{CAIRN_F4_E2M1_BYTE, CAIRN_F4_E2M1},
	{CAIRN_QINT8, CAIRN_I8},
	{CAIRN_QUINT8, CAIRN_U8},
	{CAIRN_C32, CAIRN_F16},
};

static uint32_t *table; /* all rows */
static size_t table_size;

static void read_table(void)
{
	const char *const folder = getenv("CAIRN_TEST_DATA");
	char path[4096];
	FILE *file;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		table_size += (size_t)1 << rows[i].bits;
	snprintf(path, sizeof(path), "%s/elements.f32", folder != NULL ? folder : "tests/data");
	table = malloc((table_size + 1) * sizeof(*table));
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s is not there", path);
	ck_assert_uint_eq(fread(table, sizeof(*table), table_size + 1, file), table_size);
	fclose(file);
}

static void free_table(void)
{
	free(table);
}

static const uint32_t *row_of(enum cairn_dtype dtype, unsigned *bits)
{
	const uint32_t *row = table;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		*bits = rows[i].bits;
		if (rows[i].dtype == dtype)
			return row;
		row += (size_t)1 << rows[i].bits;
	}
	ck_abort_msg("no row for type %d", (int)dtype);
	return NULL;
}

static uint32_t bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return isnan(value) ? CANONICAL_NAN : bits;
}

/* All codes of a row one after the other, as the type stores them, behind `lead` bytes. */
static uint8_t *all_codes(enum cairn_dtype dtype, unsigned bits, size_t lead)
{
	const size_t count = (size_t)1 << bits;
	uint8_t *const bytes = calloc(lead + 2 * count, 1);
	const bool packed = cairn_dtype_info(dtype)->block_elements > 1;

	for (size_t code = 0; code < count; code++) {
		uint8_t *const at = bytes + lead + (bits == 16 ? 2 * code : packed ? 0 : code);

		if (bits == 16) {
			store_u16(at, (uint16_t)code);
		} else if (!packed) {
			*at = (uint8_t)code;
		} else {
			for (unsigned bit = 0; bit < bits; bit++) {
				const size_t place = code * bits + bit;

				at[place / 8] |= (uint8_t)((code >> bit & 1) << place % 8);
			}
		}
	}
	return bytes;
}

static void compare_all(enum cairn_dtype dtype, enum cairn_dtype row_type, size_t lead)
{
	unsigned bits;
	const uint32_t *const row = row_of(row_type, &bits);
	const size_t count = (size_t)1 << bits;
	uint8_t *const bytes = all_codes(dtype, bits, lead);
	float *const narrow = malloc(count * sizeof(*narrow));
	double *const wide = malloc(count * sizeof(*wide));
	struct element_decoder decoder;

	ck_assert(element_decoder_begin(&decoder, dtype));
	ck_assert(decoder.is_narrow);
	element_to_f32(&decoder, bytes + lead, 0, count, narrow);
	element_to_f64(&decoder, bytes + lead, 0, count, wide);
	for (size_t code = 0; code < count; code++) {
		ck_assert_msg(bits_of(narrow[code]) == row[code], "type %d, code %zu: %a", dtype,
			      code, (double)narrow[code]);
		ck_assert_msg(bits_of((float)wide[code]) == row[code], "type %d, code %zu: %a",
			      dtype, code, wide[code]);
	}
	free(wide);
	free(narrow);
	free(bytes);
}

START_TEST(every_code_has_the_value_of_the_table)
{
	compare_all(rows[_i].dtype, rows[_i].dtype, 0);
}
END_TEST

START_TEST(alignment_does_not_matter)
{
	compare_all(rows[_i].dtype, rows[_i].dtype, 1);
}
END_TEST

START_TEST(types_that_differ_in_name_only_have_the_same_values)
{
	compare_all(alike[_i].dtype, alike[_i].row, 0);
}
END_TEST

START_TEST(any_run_is_a_part_of_the_whole)
{
	unsigned bits;
	const enum cairn_dtype dtype = rows[_i].dtype;
	const uint32_t *const row = row_of(dtype, &bits);
	const size_t count = (size_t)1 << bits;
	uint8_t *const bytes = all_codes(dtype, bits, 0);
	struct element_decoder decoder;

	ck_assert(element_decoder_begin(&decoder, dtype));
	for (size_t first = 0; first < count && first < 20; first++) {
		for (size_t size = 0; size < 20 && first + size <= count; size++) {
			float run[20];

			element_to_f32(&decoder, bytes, first, size, run);
			for (size_t i = 0; i < size; i++)
				ck_assert_uint_eq(bits_of(run[i]), row[first + i]);
		}
	}
	free(bytes);
}
END_TEST

START_TEST(bits_above_those_of_a_byte_type_are_not_looked_at)
{
	static const struct {
		enum cairn_dtype dtype;
		uint8_t byte;
		double value;
	} cases[] = {
		{CAIRN_I4_BYTE, 0x7f, -1}, {CAIRN_I4_BYTE, 0xf8, -8},
		{CAIRN_U4_BYTE, 0xff, 15}, {CAIRN_I2_BYTE, 0xfe, -2},
		{CAIRN_U2_BYTE, 0xff, 3},  {CAIRN_BOOL, 0x80, 1},
		{CAIRN_BOOL, 0, 0},        {CAIRN_F4_E2M1_BYTE, 0xf7, 6.0},
		{CAIRN_BOOL, 1, 1},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		double value = -99;

		ck_assert_uint_eq(cairn_dtype_decode(cases[i].dtype, &cases[i].byte, 0, 1, &value),
				  1);
		ck_assert_double_eq(value, cases[i].value);
	}
}
END_TEST

START_TEST(integers_of_16_bits_are_themselves)
{
	for (int code = 0; code <= UINT16_MAX; code++) {
		const uint16_t bits = (uint16_t)code;
		double value = 0;

		ck_assert_uint_eq(cairn_dtype_decode(CAIRN_U16, &bits, 0, 1, &value), 1);
		ck_assert_double_eq(value, code);
		ck_assert_uint_eq(cairn_dtype_decode(CAIRN_QUINT16, &bits, 0, 1, &value), 1);
		ck_assert_double_eq(value, code);
		ck_assert_uint_eq(cairn_dtype_decode(CAIRN_I16, &bits, 0, 1, &value), 1);
		ck_assert_double_eq(value, code < 0x8000 ? code : code - 0x10000);
		ck_assert_uint_eq(cairn_dtype_decode(CAIRN_QINT16, &bits, 0, 1, &value), 1);
		ck_assert_double_eq(value, code < 0x8000 ? code : code - 0x10000);
	}
}
END_TEST

START_TEST(wide_integers_are_the_nearest_double)
{
	static const struct {
		enum cairn_dtype dtype;
		uint64_t bits;
		double value;
	} cases[] = {
		{CAIRN_I32, 0x80000000, -2147483648.0},
		{CAIRN_U32, 0x80000000, 2147483648.0},
		{CAIRN_QINT32, 0xffffffff, -1},
		{CAIRN_I64, UINT64_MAX, -1},
		{CAIRN_I64, (uint64_t)1 << 63, -0x1p63},
		{CAIRN_U64, UINT64_MAX, 0x1p64},
		{CAIRN_U64, ((uint64_t)1 << 53) + 1, 0x1p53},
		{CAIRN_U64, ((uint64_t)1 << 53) + 3, 0x1p53 + 4},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		double value = 0;

		ck_assert_uint_eq(cairn_dtype_decode(cases[i].dtype, &cases[i].bits, 0, 1, &value),
				  1);
		ck_assert_double_eq(value, cases[i].value);
	}
}
END_TEST

START_TEST(single_and_double_precision_are_taken_as_they_are)
{
	static const float narrow[4] = {1.5F, -0.0F, INFINITY, 0x1p-149F};
	static const double wide[4] = {0.1, -INFINITY, 0x1p-1074, NAN};
	double values[4];

	ck_assert_uint_eq(cairn_dtype_decode(CAIRN_F32, narrow, 0, 4, values), 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_double_eq(values[i], (double)narrow[i]);
	ck_assert(signbit(values[1]));
	ck_assert_uint_eq(cairn_dtype_decode(CAIRN_F64, wide, 1, 3, values), 3);
	ck_assert_double_eq(values[0], wide[1]);
	ck_assert_double_eq(values[1], wide[2]);
	ck_assert(isnan(values[2]));
}
END_TEST

START_TEST(complex_elements_are_two_numbers)
{
	static const float single[4] = {1, 2, 3, 4};
	static const double wide[4] = {1, 2, 3, 4};
	double values[4] = {0};

	ck_assert_uint_eq(cairn_dtype_numbers(CAIRN_C64), 2);
	ck_assert_uint_eq(cairn_dtype_decode(CAIRN_C64, single, 1, 1, values), 2);
	ck_assert_double_eq(values[0], 3);
	ck_assert_double_eq(values[1], 4);
	ck_assert_uint_eq(cairn_dtype_decode(CAIRN_C128, wide, 0, 2, values), 4);
	ck_assert_double_eq(values[3], 4);
}
END_TEST

START_TEST(blocks_strings_and_unknown_types_are_no_numbers)
{
	static const int types[] = {CAIRN_Q4_0,  CAIRN_Q2_0, CAIRN_MXFP4, CAIRN_STRING,
				    CAIRN_BYTES, CAIRN_NULL, 0,           999};
	static const uint8_t bytes[64];
	double value = 7;

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		const enum cairn_dtype dtype = (enum cairn_dtype)types[i];

		ck_assert_uint_eq(cairn_dtype_numbers(dtype), 0);
		ck_assert_uint_eq(cairn_dtype_decode(dtype, bytes, 0, 1, &value), 0);
	}
	ck_assert_double_eq(value, 7);
}
END_TEST

/* A type that is forgotten here would be opaque in silence. */
START_TEST(all_known_types_below_the_blocks_are_numbers)
{
	for (int code = 0; code < CAIRN_Q4_0; code++) {
		const enum cairn_dtype dtype = (enum cairn_dtype)code;

		ck_assert_int_eq(cairn_dtype_numbers(dtype) != 0, cairn_dtype_info(dtype) != NULL);
	}
}
END_TEST

static Suite *element_suite(void)
{
	Suite *suite = suite_create("element");
	TCase *tests = tcase_create("element");

	tcase_add_unchecked_fixture(tests, read_table, free_table);
	tcase_add_loop_test(tests, every_code_has_the_value_of_the_table, 0, COUNT_OF(rows));
	tcase_add_loop_test(tests, alignment_does_not_matter, 0, COUNT_OF(rows));
	tcase_add_loop_test(tests, types_that_differ_in_name_only_have_the_same_values, 0,
			    COUNT_OF(alike));
	tcase_add_loop_test(tests, any_run_is_a_part_of_the_whole, 0, COUNT_OF(rows));
	tcase_add_test(tests, bits_above_those_of_a_byte_type_are_not_looked_at);
	tcase_add_test(tests, integers_of_16_bits_are_themselves);
	tcase_add_test(tests, wide_integers_are_the_nearest_double);
	tcase_add_test(tests, single_and_double_precision_are_taken_as_they_are);
	tcase_add_test(tests, complex_elements_are_two_numbers);
	tcase_add_test(tests, blocks_strings_and_unknown_types_are_no_numbers);
	tcase_add_test(tests, all_known_types_below_the_blocks_are_numbers);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(element_suite());
}
