/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C against the vectors of RFC 3720 and of TensorFlow's files; parts; the mask.
 */
#include "format/crc32c.h"

#include <string.h>

#include "tests/support/suite.h"

START_TEST(known_texts_have_their_known_crc)
{
	uint8_t bytes[32];

	ck_assert_uint_eq(crc32c_extend(0, "", 0), 0);
	ck_assert_uint_eq(crc32c_extend(0, "123456789", 9), 0xe3069283u);
	memset(bytes, 0, sizeof(bytes));
	ck_assert_uint_eq(crc32c_extend(0, bytes, sizeof(bytes)), 0x8a9136aau);
	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_uint_eq(crc32c_extend(0, bytes, sizeof(bytes)), 0x62a8ab43u);
}
END_TEST

START_TEST(parts_give_the_crc_of_the_whole)
{
	uint8_t bytes[5000];
	uint32_t whole;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 7);
	whole = crc32c_extend(0, bytes, sizeof(bytes));
	for (size_t at = 0; at <= sizeof(bytes); at += 13) {
		const uint32_t first = crc32c_extend(0, bytes, at);
		const uint32_t second = crc32c_extend(0, bytes + at, sizeof(bytes) - at);

		ck_assert_uint_eq(crc32c_extend(first, bytes + at, sizeof(bytes) - at), whole);
		ck_assert_uint_eq(crc32c_combine(first, second, sizeof(bytes) - at), whole);
	}
}
END_TEST

START_TEST(the_mask_is_that_of_tensorflow)
{
	ck_assert_uint_eq(crc32c_mask(0), 0xa282ead8u);
	ck_assert_uint_eq(crc32c_mask(0xe3069283u), 0xc78ab0e5u);
	for (uint32_t crc = 1; crc != 0; crc <<= 1)
		ck_assert_uint_eq(crc32c_unmask(crc32c_mask(crc)), crc);
}
END_TEST

static Suite *crc32c_suite(void)
{
	Suite *suite = suite_create("crc32c");
	TCase *tests = tcase_create("crc32c");

	tcase_add_test(tests, known_texts_have_their_known_crc);
	tcase_add_test(tests, parts_give_the_crc_of_the_whole);
	tcase_add_test(tests, the_mask_is_that_of_tensorflow);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(crc32c_suite());
}
