/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snappy blocks written by hand: every kind of element, and every way to be wrong.
 */
#include "format/snappy_block.h"

#include <string.h>

#include "tests/support/suite.h"

/* Decodes into a buffer of exactly the stated size, so that a sanitizer watches its end. */
static enum cairn_status decode(const char *stored, size_t stored_size, const char *expected)
{
	const uint8_t *const bytes = (const uint8_t *)stored;
	enum cairn_status status;
	uint8_t *decoded;
	uint64_t size;

	status = snappy_block_size(bytes, stored_size, &size, &test_error);
	if (status != CAIRN_OK)
		return status;
	decoded = malloc(size == 0 ? 1 : size);
	ck_assert_ptr_nonnull(decoded);
	status = snappy_block_decode(bytes, stored_size, decoded, size, &test_error);
	if (status == CAIRN_OK && expected != NULL) {
		ck_assert_uint_eq(size, strlen(expected));
		ck_assert_mem_eq(decoded, expected, size);
	}
	free(decoded);
	return status;
}

START_TEST(every_kind_of_element_is_decoded)
{
	ASSERT_OK(decode("\x00", 1, ""));
	ASSERT_OK(decode("\x03\x08"
			 "abc",
			 5, "abc"));
	ASSERT_OK(decode("\x08\x08"
			 "abc"
			 "\x05\x03",
			 7, "abcabcab"));
	ASSERT_OK(decode("\x05\x00"
			 "a"
			 "\x0e\x01\x00",
			 6, "aaaaa"));
	ASSERT_OK(decode("\x05\x00"
			 "a"
			 "\x0f\x01\x00\x00\x00",
			 8, "aaaaa"));
	ASSERT_OK(decode("\x03\xf0\x02"
			 "abc",
			 6, "abc"));
}
END_TEST

START_TEST(wrong_bytes_are_refused)
{
	static const struct {
		const char *stored;
		size_t size;
		const char *message;
	} rows[] = {
		{"", 0, "0 Snappy bytes do not say their decoded size"},
		{"\x80", 1, "1 Snappy bytes do not say"},
		{"\xff\xff\xff\xff\xff\x01", 6, "6 Snappy bytes do not say"},
		{"\xff\xff\xff\xff\x0f\x08"
		 "abc",
		 9, "9 Snappy bytes cannot become the 4294967295 that they say they are"},
		{"\x03\x08"
		 "ab",
		 4, "4 Snappy bytes do not decode to 3"},
		{"\x04\x08"
		 "abc",
		 5, "5 Snappy bytes do not decode to 4"},
		{"\x02\x08"
		 "abc",
		 5, "5 Snappy bytes do not decode to 2"},
		{"\x08\x08"
		 "abc"
		 "\x05\x04",
		 7, "7 Snappy bytes do not decode to 8"},
		{"\x08\x08"
		 "abc"
		 "\x05\x00",
		 7, "7 Snappy bytes do not decode to 8"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ASSERT_FAILS(decode(rows[i].stored, rows[i].size, NULL), CAIRN_CORRUPT,
			     rows[i].message);
}
END_TEST

START_TEST(the_stated_size_may_be_what_copies_can_reach_and_no_more)
{
	uint8_t stored[300];
	uint64_t size;

	memset(stored, 0, sizeof(stored));
	stored[0] = 0xc0;
	stored[1] = 0x31; /* 6336 = 64 * 99 */
	ASSERT_OK(snappy_block_size(stored, 297, &size, &test_error));
	ck_assert_uint_eq(size, 6336);
	ASSERT_FAILS(snappy_block_size(stored, 296, &size, &test_error), CAIRN_CORRUPT,
		     "296 Snappy bytes cannot become the 6336");
}
END_TEST

static Suite *snappy_block_suite(void)
{
	Suite *suite = suite_create("snappy_block");
	TCase *tests = tcase_create("snappy_block");

	tcase_add_test(tests, every_kind_of_element_is_decoded);
	tcase_add_test(tests, wrong_bytes_are_refused);
	tcase_add_test(tests, the_stated_size_may_be_what_copies_can_reach_and_no_more);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(snappy_block_suite());
}
