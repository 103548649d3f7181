/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 against the definition: a sequence is valid if it is what a scalar value encodes to.
 */
#include "format/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

static bool is_scalar(uint32_t code_point)
{
	return code_point <= 0x10ffff && (code_point < 0xd800 || code_point > 0xdfff);
}

START_TEST(every_scalar_value_encodes_to_one_sequence)
{
	for (uint32_t code_point = 0; code_point <= 0x10ffff; code_point++) {
		char text[4];
		size_t size;

		if (!is_scalar(code_point))
			continue;
		size = utf8_encode(code_point, text);
		if (utf8_sequence(text, size) != size)
			ck_abort_msg("U+%04x", code_point);
		for (size_t cut = 0; cut < size; cut++) {
			if (utf8_sequence(text, cut) != 0)
				ck_abort_msg("U+%04x cut to %zu bytes", code_point, cut);
		}
	}
}
END_TEST

/* What the bytes would stand for if they were a sequence of `size`, without looking whether they
 * are. */
static uint32_t decode(const uint8_t bytes[4], size_t size)
{
	static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code_point = bytes[0] & lead_bits[size];

	for (size_t i = 1; i < size; i++)
		code_point = code_point << 6 | (bytes[i] & 0x3f);
	return code_point;
}

/* The size of the sequence at `text`, found by encoding again what it would stand for. */
static size_t sequence_by_definition(const char text[4])
{
	for (size_t size = 1; size <= 4; size++) {
		const uint32_t code_point = decode((const uint8_t *)text, size);
		char encoded[4];

		if (is_scalar(code_point) && utf8_encode(code_point, encoded) == size &&
		    memcmp(encoded, text, size) == 0)
			return size;
	}
	return 0;
}

/* Of the third and fourth byte: both sides of every bound. */
static const uint8_t telling_bytes[] = {0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xff};

START_TEST(no_other_sequence_is_valid)
{
	const size_t count = sizeof(telling_bytes);

	for (uint32_t first = 0; first < 0x10000; first++) {
		for (size_t i = 0; i < count * count; i++) {
			const uint8_t bytes[4] = {(uint8_t)(first >> 8), (uint8_t)first,
						  telling_bytes[i / count],
						  telling_bytes[i % count]};
			char text[4];

			memcpy(text, bytes, sizeof(text));
			if (utf8_sequence(text, sizeof(text)) != sequence_by_definition(text))
				ck_abort_msg("%02x %02x %02x %02x", bytes[0], bytes[1], bytes[2],
					     bytes[3]);
		}
	}
}
END_TEST

static const struct {
	const char *name;
	const char *text;
	size_t size;
	bool valid;
} texts[] = {
	{"nothing", "", 0, true},
	{"ASCII", "model.layers.0.weight", 21, true},
	{"NUL is a character", "a\0b", 3, true},
	{"two, three and four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, true},
	{"the last code point", "\xf4\x8f\xbf\xbf", 4, true},
	{"a noncharacter", "\xef\xbf\xbf", 3, true},
	{"a lone continuation byte", "\x80", 1, false},
	{"an overlong NUL", "\xc0\x80", 2, false},
	{"an overlong slash of three bytes", "\xe0\x80\xaf", 3, false},
	{"a surrogate", "\xed\xa0\x80", 3, false},
	{"above the last code point", "\xf4\x90\x80\x80", 4, false},
	{"a sequence cut short at the end", "12345678\xe2\x82", 10, false},
	{"a bad byte in the second word", "12345678abc\xff", 12, false},
	{"a bad byte in the middle of a word",
	 "123\xff"
	 "5678",
	 8, false},
	{"Latin-1", "caf\xe9", 4, false},
};

START_TEST(judges_whole_texts)
{
	ck_assert_msg(utf8_valid(texts[_i].text, texts[_i].size) == texts[_i].valid, "%s",
		      texts[_i].name);
}
END_TEST

START_TEST(finds_a_bad_byte_wherever_it_is)
{
	char text[40];

	for (size_t size = 1; size <= sizeof(text); size++) {
		for (size_t place = 0; place < size; place++) {
			memset(text, 'x', sizeof(text));
			ck_assert(utf8_valid(text, size));
			text[place] = '\x80';
			ck_assert(!utf8_valid(text, size));
		}
	}
}
END_TEST

static Suite *utf8_suite(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tests = tcase_create("utf8");

	tcase_add_test(tests, every_scalar_value_encodes_to_one_sequence);
	tcase_add_test(tests, no_other_sequence_is_valid);
	tcase_add_loop_test(tests, judges_whole_texts, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(tests, finds_a_bad_byte_wherever_it_is);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(utf8_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
