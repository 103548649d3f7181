/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doubles and their decimal text: Python's form, the same number back, the same in every locale.
 */
#include "format/decimal.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/random.h"
#include "tests/support/suite.h"

/* What Python's repr gives. */
static const struct {
	double value;
	const char *text;
} known[] = {
	{0.0, "0.0"},
	{-0.0, "-0.0"},
	{1.0, "1.0"},
	{-3.0, "-3.0"},
	{0.1, "0.1"},
	{1.5, "1.5"},
	{0.0001, "0.0001"},
	{0.00012345, "0.00012345"},
	{0.00001, "1e-05"},
	{1.25e-7, "1.25e-07"},
	{1000000.0, "1000000.0"},
	{999999999999999.9, "999999999999999.9"},
	{1e15, "1000000000000000.0"},
	{1e16, "1e+16"},
	{1.2e16, "1.2e+16"},
	{9007199254740993.0, "9007199254740992.0"},
	{123456789.12345679, "123456789.12345679"},
	{1601614241.2990458, "1601614241.2990458"},
	{1e100, "1e+100"},
	{5e-324, "5e-324"},
	{DBL_MIN, "2.2250738585072014e-308"},
	{DBL_MAX, "1.7976931348623157e+308"},
	/* 2^-44, whose nearest 16 digits belong to the double below */
	{0x1p-44, "5.684341886080802e-14"},
	{0x1p-1074 * 3, "1.5e-323"},
	{9.5e-5, "9.5e-05"},
	{99999999999999990.0, "9.999999999999998e+16"},
};

START_TEST(writes_what_python_writes)
{
	char text[DECIMAL_SIZE];

	ck_assert_uint_eq(decimal_write(known[_i].value, text), strlen(known[_i].text));
	ck_assert_str_eq(text, known[_i].text);
}
END_TEST

START_TEST(writes_what_is_no_number)
{
	char text[DECIMAL_SIZE];

	decimal_write((double)INFINITY, text);
	ck_assert_str_eq(text, "inf");
	decimal_write(-(double)INFINITY, text);
	ck_assert_str_eq(text, "-inf");
	decimal_write(-(double)NAN, text);
	ck_assert_str_eq(text, "nan");
}
END_TEST

static void assert_round_trip(double value)
{
	char text[DECIMAL_SIZE];
	double back = 0;
	const size_t size = decimal_write(value, text);

	ck_assert_uint_lt(size, sizeof(text));
	ck_assert_msg(decimal_parse(text, size, &back), "%s", text);
	ck_assert_msg(memcmp(&back, &value, sizeof(value)) == 0, "%a became %s, which is %a", value,
		      text, back);
}

START_TEST(every_double_comes_back)
{
	struct random random = {.state = 7};

	for (int i = 0; i < 20000; i++) {
		const uint64_t bits = random_next(&random);
		double value;

		memcpy(&value, &bits, sizeof(value));
		if (isfinite(value))
			assert_round_trip(value);
		assert_round_trip((double)(bits >> 20) / 4096);
	}
	for (int power = -1074; power < 1024; power++)
		assert_round_trip(ldexp(1, power));
}
END_TEST

static const struct {
	const char *text;
	double value;
} accepted[] = {
	{".5", 0.5},
	{"5.", 5.0},
	{"-3", -3.0},
	{"+3", 3.0},
	{"000.500", 0.5},
	{"1e3", 1000.0},
	{"1E+3", 1000.0},
	{"1.5e-3", 0.0015},
	{"1e400", (double)INFINITY},
	{"-1e99999999999999999999", -(double)INFINITY},
	{"1e-99999999999999999999", 0.0},
	{"0e99999999999999999999", 0.0},
	{"123456789012345678901234567890", 123456789012345678901234567890.0},
	{"0.000000000000000000000000000001", 1e-30},
};

START_TEST(reads_numbers)
{
	double value = -1;

	ck_assert(decimal_parse(accepted[_i].text, strlen(accepted[_i].text), &value));
	ck_assert_msg(value == accepted[_i].value, "%s is not %g", accepted[_i].text, value);
}
END_TEST

static const char *const refused[] = {"",      ".",    "-",   "+.",  "e5", "1e",  "1e+",
				      "1.2.3", "0x10", "1,5", "1 ",  " 1", "--1", "1e5.5",
				      "1e5x",  "inf",  "nan", "1_0", "1f", "+-1", "1e--5"};

START_TEST(refuses_what_is_no_number)
{
	double value = 42;

	ck_assert_msg(!decimal_parse(refused[_i], strlen(refused[_i]), &value), "%s", refused[_i]);
	ck_assert(value == 42);
}
END_TEST

START_TEST(long_numbers_are_read_to_their_limit)
{
	char text[DECIMAL_TEXT_SIZE_MAX + 1];
	double value = 0;

	memset(text, '0', sizeof(text));
	text[DECIMAL_TEXT_SIZE_MAX - 1] = '7';
	ck_assert(decimal_parse(text, DECIMAL_TEXT_SIZE_MAX, &value));
	ck_assert(value == 7);
	ck_assert(!decimal_parse(text, DECIMAL_TEXT_SIZE_MAX + 1, &value));
	text[0] = '.';
	ck_assert(decimal_parse(text, DECIMAL_TEXT_SIZE_MAX, &value));
	ck_assert(value == 0);
}
END_TEST

START_TEST(the_locale_makes_no_difference)
{
	static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
	char text[DECIMAL_SIZE];
	double value = 0;
	int tried = 0;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (setlocale(LC_ALL, names[i]) == NULL)
			continue;
		tried++;
		decimal_write(1601614241.2990458, text);
		ck_assert_str_eq(text, "1601614241.2990458");
		ck_assert(decimal_parse("1.5", 3, &value));
		ck_assert(value == 1.5);
		setlocale(LC_ALL, "C");
	}
	if (tried == 0)
		printf("# no locale with another decimal point is installed here\n");
}
END_TEST

static Suite *decimal_suite(void)
{
	Suite *suite = suite_create("decimal");
	TCase *tests = tcase_create("decimal");

	tcase_add_loop_test(tests, writes_what_python_writes, 0, COUNT_OF(known));
	tcase_add_test(tests, writes_what_is_no_number);
	tcase_add_test(tests, every_double_comes_back);
	tcase_add_loop_test(tests, reads_numbers, 0, COUNT_OF(accepted));
	tcase_add_loop_test(tests, refuses_what_is_no_number, 0, COUNT_OF(refused));
	tcase_add_test(tests, long_numbers_are_read_to_their_limit);
	tcase_add_test(tests, the_locale_makes_no_difference);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(decimal_suite());
}
