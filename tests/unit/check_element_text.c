/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of the text form: elements, Base64, quoted bytes. What is written gives the same bits
 * back.
 */
#include "format/element_text.h"

#include <cairn/base.h>

#include "format/base64.h"
#include "format/text_quote.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

static const enum cairn_dtype numbers[] = {
	CAIRN_BOOL,         CAIRN_U8,
	CAIRN_U16,          CAIRN_U32,
	CAIRN_U64,          CAIRN_I8,
	CAIRN_I16,          CAIRN_I32,
	CAIRN_I64,          CAIRN_F16,
	CAIRN_BF16,         CAIRN_F32,
	CAIRN_F64,          CAIRN_C32,
	CAIRN_C64,          CAIRN_C128,
	CAIRN_F8_E4M3FN,    CAIRN_F8_E5M2,
	CAIRN_F8_E4M3FNUZ,  CAIRN_F8_E5M2FNUZ,
	CAIRN_F8_E8M0,      CAIRN_F8_E4M3B11FNUZ,
	CAIRN_F4_E2M1_BYTE, CAIRN_I4_BYTE,
	CAIRN_U4_BYTE,      CAIRN_I2_BYTE,
	CAIRN_U2_BYTE,      CAIRN_QINT8,
	CAIRN_QUINT8,       CAIRN_QINT16,
	CAIRN_QUINT16,      CAIRN_QINT32,
};

static void assert_gives_back(struct element_text *text, const uint8_t *bytes, size_t size)
{
	char word[ELEMENT_TEXT_SIZE];
	uint8_t back[16] = {0};
	const size_t length = element_text_write(text, bytes, word);

	ck_assert_uint_le(length, ELEMENT_TEXT_SIZE);
	ck_assert_msg(element_text_parse(text, word, length, back), "'%.*s' is refused",
		      (int)length, word);
	ck_assert_msg(memcmp(back, bytes, size) == 0, "'%.*s' is something else", (int)length,
		      word);
}

START_TEST(every_element_is_what_its_text_says)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(numbers[_i]);
	const uint32_t count = info->block_bytes == 1 ? 512 : 65536; /* each small one twice */
	const uint32_t step = info->block_bytes == 1 ? 1 : 5;
	struct random random = {(uint64_t)_i};
	struct element_text text;
	uint8_t bytes[16];

	ck_assert(element_text_begin(&text, numbers[_i]));
	for (uint32_t i = 0; i < count; i += step) {
		random_fill(&random, bytes, sizeof(bytes));
		if (info->block_bytes <= 2)
			memcpy(bytes, &i, 2);
		assert_gives_back(&text, bytes, info->block_bytes);
	}
	memset(bytes, 0, sizeof(bytes));
	assert_gives_back(&text, bytes, info->block_bytes);
	memset(bytes, 0xff, sizeof(bytes));
	assert_gives_back(&text, bytes, info->block_bytes);
}
END_TEST

START_TEST(opaque_elements_have_no_text)
{
	static const enum cairn_dtype opaque[] = {CAIRN_Q4_0,    CAIRN_F4_E2M1,
						  CAIRN_F6_E3M2, CAIRN_STRING,
						  CAIRN_NULL,    (enum cairn_dtype)999};
	struct element_text text;

	for (size_t i = 0; i < COUNT_OF(opaque); i++)
		ck_assert(!element_text_begin(&text, opaque[i]));
}
END_TEST

static const struct {
	enum cairn_dtype dtype;
	uint64_t bits;
	const char *text;
} known[] = {
	{CAIRN_F32, 0x3dcccccd, "0.1"},
	{CAIRN_F32, 0x80000000, "-0.0"},
	{CAIRN_F32, 0x7f7fffff, "3.4028235e+38"},
	{CAIRN_F32, 0x00000001, "1e-45"},
	{CAIRN_F32, 0x7f800000, "inf"},
	{CAIRN_F32, 0xff800000, "-inf"},
	{CAIRN_F32, 0x7fc00000, "nan"},
	{CAIRN_F32, 0xffc00000, "0xffc00000"},
	{CAIRN_F32, 0x7f800001, "0x7f800001"},
	{CAIRN_F64, 0x3fb999999999999a, "0.1"},
	{CAIRN_F64, 0x7ff8000000000001, "0x7ff8000000000001"},
	{CAIRN_F16, 0x2e66, "0.1"},
	{CAIRN_F16, 0x7bff, "65500.0"},
	{CAIRN_BF16, 0x3dcd, "0.1"},
	{CAIRN_BF16, 0x3f80, "1.0"},
	{CAIRN_F8_E4M3FN, 0x38, "1.0"},
	{CAIRN_F8_E4M3FN, 0x7e, "448.0"},
	{CAIRN_I8, 0x80, "-128"},
	{CAIRN_I64, 0x8000000000000000, "-9223372036854775808"},
	{CAIRN_U64, 0xffffffffffffffff, "18446744073709551615"},
	{CAIRN_BOOL, 1, "1"},
	{CAIRN_BOOL, 2, "0x02"},
	{CAIRN_I4_BYTE, 0x0d, "-3"},
	{CAIRN_I4_BYTE, 0xfd, "0xfd"},
	{CAIRN_C32, 0xbc003c00, "1.0,-1.0"},
};

START_TEST(texts_are_as_short_as_they_can_be)
{
	struct element_text text;
	char word[ELEMENT_TEXT_SIZE];
	size_t size;

	ck_assert(element_text_begin(&text, known[_i].dtype));
	size = element_text_write(&text, (const uint8_t *)&known[_i].bits, word);
	ck_assert_uint_eq(size, strlen(known[_i].text));
	ck_assert(memcmp(word, known[_i].text, size) == 0);
}
END_TEST

static const struct {
	enum cairn_dtype dtype;
	const char *text;
	uint64_t bits; /* with `is_good` */
	bool is_good;
} given[] = {
	{CAIRN_F32, "1", 0x3f800000, true},
	{CAIRN_F32, "+1.", 0x3f800000, true},
	{CAIRN_F32, "1e40", 0, false},
	{CAIRN_F64, "1e400", 0, false},
	{CAIRN_F16, "65504", 0x7bff, true},
	{CAIRN_F16, "65505", 0, false},
	{CAIRN_F16, "1.00048828125", 0x3c00, true}, /* half between two: to even */
	{CAIRN_F16, "1.00146484375", 0x3c02, true},
	{CAIRN_F16, "1e-9", 0x0000, true},
	{CAIRN_BF16, "-inf", 0xff80, true},
	{CAIRN_F8_E4M3FN, "1.05", 0x38, true},
	{CAIRN_F8_E4M3FN, "449", 0, false},
	{CAIRN_F8_E4M3FN, "inf", 0, false},
	{CAIRN_F4_E2M1_BYTE, "nan", 0, false},
	{CAIRN_F32, "0x3f800000", 0x3f800000, true},
	{CAIRN_F32, "0x3f80", 0, false},
	{CAIRN_F32, "0x3F800000", 0, false},
	{CAIRN_F32, "", 0, false},
	{CAIRN_F32, "NaN", 0, false},
	{CAIRN_F32, "1,2", 0, false},
	{CAIRN_F32, "1.0f", 0, false},
	{CAIRN_I8, "127", 127, true},
	{CAIRN_I8, "128", 0, false},
	{CAIRN_I8, "1.5", 0, false},
	{CAIRN_U8, "-1", 0, false},
	{CAIRN_I16, "-32768", 0x8000, true},
	{CAIRN_I16, "-32769", 0, false},
	{CAIRN_U16, "65536", 0, false},
	{CAIRN_U16, "-0", 0, false},
	{CAIRN_I64, "9223372036854775808", 0, false},
	{CAIRN_U64, "18446744073709551616", 0, false},
	{CAIRN_I32, "1e3", 0, false},
	{CAIRN_I32, "-", 0, false},
	{CAIRN_C64, "1.0", 0, false},
	{CAIRN_C64, "1.0,", 0, false},
	{CAIRN_C64, "1.0,2.0,3.0", 0, false},
};

START_TEST(what_people_write_is_rounded_or_refused)
{
	struct element_text text;
	uint64_t bits = 0;

	ck_assert(element_text_begin(&text, given[_i].dtype));
	ck_assert_msg(element_text_parse(&text, given[_i].text, strlen(given[_i].text),
					 (uint8_t *)&bits) == given[_i].is_good,
		      "'%s'", given[_i].text);
	if (given[_i].is_good)
		ck_assert_uint_eq(bits, given[_i].bits);
}
END_TEST

/* --------------------------------------------------------------------------------------- Base64 */

START_TEST(base64_gives_the_same_bytes_back)
{
	struct random random = {1};
	uint8_t bytes[100];
	uint8_t back[102];
	char text[136];
	size_t size;

	random_fill(&random, bytes, sizeof(bytes));
	for (size_t count = 0; count <= sizeof(bytes); count++) {
		const size_t length = base64_encode(bytes, count, text);

		ck_assert_uint_eq(length, base64_text_size(count));
		ck_assert(base64_decode(text, length, back, &size));
		ck_assert_uint_eq(size, count);
		ck_assert(memcmp(back, bytes, count) == 0);
	}
	ck_assert_uint_eq(base64_encode((const uint8_t *)"foobar", 6, text), 8);
	ck_assert(memcmp(text, "Zm9vYmFy", 8) == 0);
}
END_TEST

START_TEST(base64_has_one_form)
{
	static const char *const wrong[] = {"A",    "AA",   "AAA",      "AA==AAAA", "A===", "====",
					    "AB==", "AAB=", "AA AAAAA", "AAA\n",    "AA=A", "AA-_"};
	uint8_t bytes[8];
	size_t size;

	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		ck_assert_msg(!base64_decode(wrong[i], strlen(wrong[i]), bytes, &size), "%s",
			      wrong[i]);
}
END_TEST

/* --------------------------------------------------------------------------------------- quotes */

static void assert_quoted(const char *bytes, size_t size, const char *expected)
{
	char text[4096] = "\"";
	char back[4096];
	size_t at = 0;
	size_t back_size = 0;
	const size_t length = 1 + text_quote(bytes, size, text + 1);

	text[length] = '"';
	if (expected != NULL) {
		ck_assert_uint_eq(length - 1, strlen(expected));
		ck_assert(memcmp(text + 1, expected, length - 1) == 0);
	}
	ck_assert(text_unquote(text, length + 1, &at, back, &back_size));
	ck_assert_uint_eq(at, length + 1);
	ck_assert_uint_eq(back_size, size);
	ck_assert(memcmp(back, bytes, size) == 0);
}

START_TEST(quoted_bytes_come_back)
{
	struct random random = {2};
	char bytes[512];

	assert_quoted("", 0, "");
	assert_quoted("a\"b\\c\n\r\t", 8, "a\\\"b\\\\c\\n\\r\\t");
	assert_quoted("\0\x1f\x7f\xff", 4, "\\x00\\x1f\\x7f\\xff");
	assert_quoted("ü…€", 8, "ü…€");
	assert_quoted("\xe2\x80\xae", 3, "\\xe2\\x80\\xae"); /* turns the direction */
	assert_quoted("\xc2\x9b", 2, "\\xc2\\x9b");
	assert_quoted("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* a surrogate */
	for (int i = 0; i < 200; i++) {
		random_fill(&random, bytes, sizeof(bytes));
		assert_quoted(bytes, random_below(&random, sizeof(bytes)), NULL);
	}
}
END_TEST

START_TEST(pieces_end_between_characters_and_behind_lines)
{
	ck_assert_uint_eq(text_quote_piece("abc", 3, 10), 3);
	ck_assert_uint_eq(text_quote_piece("a\nbc", 4, 10), 2);
	ck_assert_uint_eq(text_quote_piece("abcdef", 6, 4), 4);
	ck_assert_uint_eq(text_quote_piece("ab€", 5, 4), 2);
	ck_assert_uint_eq(text_quote_piece("€", 3, 1), 3);
	ck_assert_uint_eq(text_quote_piece("\xff\xff", 2, 1), 1);
}
END_TEST

START_TEST(what_is_not_quoted_is_refused)
{
	static const char *const wrong[] = {"",          "a",        "\"",      "\"a",
					    "\"\\",      "\"\\\"",   "\"\\q\"", "\"\\x1\"",
					    "\"\\xg0\"", "\"\\xAB\""};
	char bytes[16];
	size_t size;

	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		size_t at = 0;

		ck_assert_msg(!text_unquote(wrong[i], strlen(wrong[i]), &at, bytes, &size), "%s",
			      wrong[i]);
		ck_assert_uint_le(at, strlen(wrong[i]));
	}
}
END_TEST

static Suite *element_text_suite(void)
{
	Suite *suite = suite_create("element_text");
	TCase *elements = tcase_create("elements");
	TCase *words = tcase_create("words");

	tcase_add_loop_test(elements, every_element_is_what_its_text_says, 0, COUNT_OF(numbers));
	tcase_add_test(elements, opaque_elements_have_no_text);
	tcase_add_loop_test(elements, texts_are_as_short_as_they_can_be, 0, COUNT_OF(known));
	tcase_add_loop_test(elements, what_people_write_is_rounded_or_refused, 0, COUNT_OF(given));
	suite_add_tcase(suite, elements);
	tcase_add_test(words, base64_gives_the_same_bytes_back);
	tcase_add_test(words, base64_has_one_form);
	tcase_add_test(words, quoted_bytes_come_back);
	tcase_add_test(words, pieces_end_between_characters_and_behind_lines);
	tcase_add_test(words, what_is_not_quoted_is_refused);
	suite_add_tcase(suite, words);
	return suite;
}

int main(void)
{
	return run_suite(element_text_suite());
}
