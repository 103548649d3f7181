/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of element types against a copy of the specification's rows: the code of a row is on
 * disk and can never change.
 */
#include "format/dtype.h"

#include "format/bytes.h"
#include "tests/support/suite.h"

static const struct {
	const char *name;
	int code;
	uint32_t block_elements;
	uint32_t block_bytes;
	const char *safetensors;
} rows[] = {
	{"bool", 1, 1, 1, "BOOL"},
	{"u8", 2, 1, 1, "U8"},
	{"u16", 3, 1, 2, "U16"},
	{"u32", 4, 1, 4, "U32"},
	{"u64", 5, 1, 8, "U64"},
	{"i8", 6, 1, 1, "I8"},
	{"i16", 7, 1, 2, "I16"},
	{"i32", 8, 1, 4, "I32"},
	{"i64", 9, 1, 8, "I64"},
	{"f16", 10, 1, 2, "F16"},
	{"bf16", 11, 1, 2, "BF16"},
	{"f32", 12, 1, 4, "F32"},
	{"f64", 13, 1, 8, "F64"},
	{"c32", 14, 1, 4, NULL},
	{"c64", 15, 1, 8, "C64"},
	{"c128", 16, 1, 16, NULL},
	{"f8_e4m3fn", 24, 1, 1, "F8_E4M3"},
	{"f8_e5m2", 25, 1, 1, "F8_E5M2"},
	{"f8_e4m3fnuz", 26, 1, 1, "F8_E4M3FNUZ"},
	{"f8_e5m2fnuz", 27, 1, 1, "F8_E5M2FNUZ"},
	{"f8_e4m3b11fnuz", 28, 1, 1, NULL},
	{"f8_e8m0", 29, 1, 1, "F8_E8M0"},
	{"f4_e2m1", 32, 2, 1, "F4"},
	{"f6_e2m3", 33, 4, 3, "F6_E2M3"},
	{"f6_e3m2", 34, 4, 3, "F6_E3M2"},
	{"f4_e2m1_byte", 40, 1, 1, NULL},
	{"i4_byte", 41, 1, 1, NULL},
	{"u4_byte", 42, 1, 1, NULL},
	{"i2_byte", 43, 1, 1, NULL},
	{"u2_byte", 44, 1, 1, NULL},
	{"qint8", 48, 1, 1, NULL},
	{"quint8", 49, 1, 1, NULL},
	{"qint16", 50, 1, 2, NULL},
	{"quint16", 51, 1, 2, NULL},
	{"qint32", 52, 1, 4, NULL},
	{"q4_0", 64, 32, 18, NULL},
	{"q4_1", 65, 32, 20, NULL},
	{"q5_0", 66, 32, 22, NULL},
	{"q5_1", 67, 32, 24, NULL},
	{"q8_0", 68, 32, 34, NULL},
	{"q8_1", 69, 32, 36, NULL},
	{"q2_k", 70, 256, 84, NULL},
	{"q3_k", 71, 256, 110, NULL},
	{"q4_k", 72, 256, 144, NULL},
	{"q5_k", 73, 256, 176, NULL},
	{"q6_k", 74, 256, 210, NULL},
	{"q8_k", 75, 256, 292, NULL},
	{"iq2_xxs", 76, 256, 66, NULL},
	{"iq2_xs", 77, 256, 74, NULL},
	{"iq3_xxs", 78, 256, 98, NULL},
	{"iq1_s", 79, 256, 50, NULL},
	{"iq4_nl", 80, 32, 18, NULL},
	{"iq3_s", 81, 256, 110, NULL},
	{"iq2_s", 82, 256, 82, NULL},
	{"iq4_xs", 83, 256, 136, NULL},
	{"iq1_m", 84, 256, 56, NULL},
	{"tq1_0", 85, 256, 54, NULL},
	{"tq2_0", 86, 256, 66, NULL},
	{"mxfp4", 87, 32, 17, NULL},
	{"nvfp4", 88, 64, 36, NULL},
	{"q1_0", 89, 128, 18, NULL},
	{"q2_0", 90, 64, 18, NULL},
	{"string", 112, 1, 0, NULL},
	{"variant", 113, 1, 0, NULL},
	{"bytes", 114, 1, 0, NULL},
	{"null", 115, 1, 0, NULL},
};

START_TEST(each_row_is_in_the_table)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(
		(enum cairn_dtype)rows[_i].code);

	ck_assert_ptr_nonnull(info);
	ck_assert_str_eq(info->name, rows[_i].name);
	ck_assert_int_eq((int)info->dtype, rows[_i].code);
	ck_assert_uint_eq(info->block_elements, rows[_i].block_elements);
	ck_assert_uint_eq(info->block_bytes, rows[_i].block_bytes);
}
END_TEST

START_TEST(names_lead_back_to_their_rows)
{
	const struct cairn_dtype_info *const info = cairn_dtype_from_name(
		cairn_string_from(rows[_i].name));

	ck_assert_ptr_eq(info, cairn_dtype_info((enum cairn_dtype)rows[_i].code));
}
END_TEST

START_TEST(blocks_that_follow_each_other_stay_aligned)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(
		(enum cairn_dtype)rows[_i].code);

	ck_assert(is_power_of_two(info->alignment));
	ck_assert_uint_le(info->alignment, 8);
	ck_assert_uint_eq(info->block_bytes % info->alignment, 0);
}
END_TEST

START_TEST(plain_numbers_are_aligned_to_their_size)
{
	static const struct {
		enum cairn_dtype dtype;
		uint32_t alignment;
	} expected[] = {
		{CAIRN_BOOL, 1}, {CAIRN_U16, 2},    {CAIRN_BF16, 2},   {CAIRN_F32, 4},
		{CAIRN_I64, 8},  {CAIRN_F64, 8},    {CAIRN_C32, 2},    {CAIRN_C64, 4},
		{CAIRN_C128, 8}, {CAIRN_QINT32, 4}, {CAIRN_STRING, 8},
	};

	for (size_t i = 0; i < COUNT_OF(expected); i++)
		ck_assert_uint_eq(cairn_dtype_info(expected[i].dtype)->alignment,
				  expected[i].alignment);
}
END_TEST

START_TEST(there_are_no_other_codes)
{
	int known = 0;

	for (int code = -1; code <= 0x10000; code++)
		known += cairn_dtype_info((enum cairn_dtype)code) != NULL;
	ck_assert_int_eq(known, COUNT_OF(rows));
}
END_TEST

START_TEST(other_names_are_unknown)
{
	static const struct cairn_string names[] = {
		{"", 0}, {NULL, 0}, {"F32", 3}, {"f3", 2}, {"f32\0", 4}, {"f320", 4}, {"float", 5}};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		ck_assert_ptr_null(cairn_dtype_from_name(names[i]));
}
END_TEST

START_TEST(safetensors_names_lead_both_ways)
{
	const enum cairn_dtype dtype = (enum cairn_dtype)rows[_i].code;
	enum cairn_dtype found = (enum cairn_dtype)0;

	if (rows[_i].safetensors == NULL) {
		ck_assert_ptr_null(dtype_safetensors_name(dtype));
		return;
	}
	ck_assert_str_eq(dtype_safetensors_name(dtype), rows[_i].safetensors);
	ck_assert(dtype_from_safetensors(cairn_string_from(rows[_i].safetensors), &found));
	ck_assert_int_eq(found, dtype);
}
END_TEST

START_TEST(other_safetensors_names_are_unknown)
{
	static const char *const names[] = {"", "f32", "F", "F323", "F8", "C128", "Q4_0", "I4"};
	enum cairn_dtype found = CAIRN_NULL;

	for (size_t i = 0; i < COUNT_OF(names); i++)
		ck_assert(!dtype_from_safetensors(cairn_string_from(names[i]), &found));
	ck_assert_int_eq(found, CAIRN_NULL);
}
END_TEST

START_TEST(tensorflow_types_lead_both_ways)
{
	static const struct {
		const char *name;
		uint32_t number;
		enum cairn_dtype dtype;
	} types[] = {
		{"float", 1, CAIRN_F32},
		{"double", 2, CAIRN_F64},
		{"int32", 3, CAIRN_I32},
		{"uint8", 4, CAIRN_U8},
		{"int16", 5, CAIRN_I16},
		{"int8", 6, CAIRN_I8},
		{"string", 7, CAIRN_STRING},
		{"complex64", 8, CAIRN_C64},
		{"int64", 9, CAIRN_I64},
		{"bool", 10, CAIRN_BOOL},
		{"qint8", 11, CAIRN_QINT8},
		{"quint8", 12, CAIRN_QUINT8},
		{"qint32", 13, CAIRN_QINT32},
		{"bfloat16", 14, CAIRN_BF16},
		{"qint16", 15, CAIRN_QINT16},
		{"quint16", 16, CAIRN_QUINT16},
		{"uint16", 17, CAIRN_U16},
		{"complex128", 18, CAIRN_C128},
		{"half", 19, CAIRN_F16},
		{"variant", 21, CAIRN_VARIANT},
		{"uint32", 22, CAIRN_U32},
		{"uint64", 23, CAIRN_U64},
		{"float8_e5m2", 24, CAIRN_F8_E5M2},
		{"float8_e4m3fn", 25, CAIRN_F8_E4M3FN},
		{"float8_e4m3fnuz", 26, CAIRN_F8_E4M3FNUZ},
		{"float8_e4m3b11fnuz", 27, CAIRN_F8_E4M3B11FNUZ},
		{"float8_e5m2fnuz", 28, CAIRN_F8_E5M2FNUZ},
		{"int4", 29, CAIRN_I4_BYTE},
		{"uint4", 30, CAIRN_U4_BYTE},
		{"int2", 31, CAIRN_I2_BYTE},
		{"uint2", 32, CAIRN_U2_BYTE},
		{"float4_e2m1fn", 33, CAIRN_F4_E2M1_BYTE},
	};

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		enum cairn_dtype dtype = CAIRN_NULL;
		uint32_t number = 0;

		ck_assert(dtype_from_tensorflow(types[i].number, &dtype));
		ck_assert_int_eq(dtype, types[i].dtype);
		ck_assert(dtype_tensorflow_number(types[i].dtype, &number));
		ck_assert_uint_eq(number, types[i].number);
		ck_assert_str_eq(dtype_tensorflow_name(types[i].dtype), types[i].name);
	}
}
END_TEST

START_TEST(other_tensorflow_types_are_unknown)
{
	static const uint32_t numbers[] = {0, 20, 34, 101, 133, UINT32_MAX};
	enum cairn_dtype dtype = CAIRN_NULL;
	uint32_t number = 77;

	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		ck_assert(!dtype_from_tensorflow(numbers[i], &dtype));
	ck_assert_int_eq(dtype, CAIRN_NULL);
	ck_assert(!dtype_tensorflow_number(CAIRN_F4_E2M1, &number));
	ck_assert_uint_eq(number, 77);
	ck_assert_ptr_null(dtype_tensorflow_name(CAIRN_C32));
}
END_TEST

/* The enumeration of safetensors 0.6, by which its writer sorts. */
START_TEST(safetensors_order_is_that_of_its_enumeration)
{
	static const char *const order[] = {
		"BOOL",    "F4",      "F6_E2M3", "F6_E3M2",     "U8",          "I8",
		"F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16",
		"U16",     "F16",     "BF16",    "I32",         "U32",         "F32",
		"C64",     "F64",     "I64",     "U64",
	};

	for (size_t i = 0; i < COUNT_OF(order); i++) {
		enum cairn_dtype dtype = CAIRN_NULL;

		ck_assert(dtype_from_safetensors(cairn_string_from(order[i]), &dtype));
		ck_assert_int_eq(dtype_safetensors_order(dtype), (int)i);
	}
}
END_TEST

START_TEST(kinds_of_types_are_told_apart)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const enum cairn_dtype dtype = (enum cairn_dtype)rows[i].code;

		ck_assert_int_eq(dtype_is_variable(dtype),
				 rows[i].block_bytes == 0 && dtype != CAIRN_NULL);
		ck_assert_int_eq(dtype_is_metadata_only(dtype),
				 dtype == CAIRN_BYTES || dtype == CAIRN_NULL);
	}
	ck_assert(!dtype_is_variable((enum cairn_dtype)999));
}
END_TEST

static Suite *dtype_suite(void)
{
	Suite *suite = suite_create("dtype");
	TCase *tests = tcase_create("dtype");

	tcase_add_loop_test(tests, each_row_is_in_the_table, 0, COUNT_OF(rows));
	tcase_add_loop_test(tests, names_lead_back_to_their_rows, 0, COUNT_OF(rows));
	tcase_add_loop_test(tests, blocks_that_follow_each_other_stay_aligned, 0, COUNT_OF(rows));
	tcase_add_test(tests, plain_numbers_are_aligned_to_their_size);
	tcase_add_test(tests, there_are_no_other_codes);
	tcase_add_test(tests, other_names_are_unknown);
	tcase_add_loop_test(tests, safetensors_names_lead_both_ways, 0, COUNT_OF(rows));
	tcase_add_test(tests, other_safetensors_names_are_unknown);
	tcase_add_test(tests, tensorflow_types_lead_both_ways);
	tcase_add_test(tests, other_tensorflow_types_are_unknown);
	tcase_add_test(tests, safetensors_order_is_that_of_its_enumeration);
	tcase_add_test(tests, kinds_of_types_are_told_apart);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(dtype_suite());
}
