/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is no JSON, or nested too deeply, is refused, and the message names the byte.
 */
#include "format/json.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

/* Where texts are said to lie in their file. */
#define BASE 8u

static enum cairn_status read_all(const char *text, size_t size, struct cairn_error *error)
{
	struct json_reader reader;
	struct json_token token;
	enum cairn_status status;

	json_init(&reader, text, size, BASE);
	do {
		status = json_next(&reader, &token, error);
	} while (status == CAIRN_OK && token.kind != JSON_TOKEN_END);
	return status;
}

/* Texts without NUL; `place` is the byte that the message must name. */
static const struct {
	const char *text;
	uint64_t place;
	const char *message;
} refused[] = {
	{"", 0, "it ends where a value should be"},
	{"   ", 3, "it ends where a value should be"},
	{"\xef\xbb\xbf{}", 0, "'\\xef' where a value should be"},
	{"// comment\n{}", 0, "'/' where a value should be"},
	{"{/**/}", 1, "a key in quotes"},
	{"{}{}", 2, "nothing but blanks"},
	{"{} x", 3, "nothing but blanks"},
	{"1 2", 2, "nothing but blanks"},
	{"[1,]", 3, "']' where a value should be"},
	{"[,1]", 1, "a value"},
	{"[1 2]", 3, "a comma or ']'"},
	{"[1}", 2, "a comma or ']'"},
	{"[", 1, "it ends where a value should be"},
	{"[1", 2, "it ends where a comma or ']' should be"},
	{"]", 0, "a value"},
	{"}", 0, "a value"},
	{"{", 1, "it ends where a key in quotes should be"},
	{"{\"a\":1,}", 7, "'}' where a key in quotes should be"},
	{"{,}", 1, "a key in quotes"},
	{"{a:1}", 1, "a key in quotes"},
	{"{'a':1}", 1, "a key in quotes"},
	{"{1:1}", 1, "a key in quotes"},
	{"{\"a\"}", 4, "'}' where a colon should be"},
	{"{\"a\" 1}", 5, "a colon"},
	{"{\"a\":}", 5, "a value"},
	{"{\"a\":1]", 6, "a comma or '}'"},
	{"{\"a\":1 \"b\":2}", 7, "a comma or '}'"},
	{"{\"a\"::1}", 5, "a value"},
	{"{\"a", 3, "it ends where the end of a string should be"},
	{"\"a", 2, "the end of a string"},
	{"\"a\n\"", 2, "a control character"},
	{"\"\x1f\"", 1, "a control character"},
	{"\"12345678\x01\"", 9, "a control character"},
	{"\"\\x\"", 1, "a bad escape"},
	{"\"\\U0041\"", 1, "a bad escape"},
	{"\"\\u12\"", 1, "a bad escape"},
	{"\"\\u12g4\"", 1, "a bad escape"},
	{"\"\\", 1, "a bad escape"},
	{"\"\\u", 1, "a bad escape"},
	{"\"\\ud800\"", 1, "a lone surrogate"},
	{"\"\\udc00\"", 1, "a lone surrogate"},
	{"\"\\ud800\\u0041\"", 1, "a lone surrogate"},
	{"\"\\ud800\\ud800\"", 1, "a lone surrogate"},
	{"\"\\ud800x\"", 1, "a lone surrogate"},
	{"\"\\udc00\\ud800\"", 1, "a lone surrogate"},
	{"\"\xff\"", 1, "invalid UTF-8"},
	{"\"12345678\xc0\x80\"", 9, "invalid UTF-8"},
	{"\"\xed\xa0\x80\"", 1, "invalid UTF-8"},
	{"\"\xe2\x82\"", 1, "invalid UTF-8"},
	{"{\"\xff\":1}", 2, "invalid UTF-8"},
	{"\xc3\xa9", 0, "a value"},
	{"04", 1, "nothing but blanks"},
	{"-", 1, "a digit"},
	{"-a", 1, "a digit"},
	{"+1", 0, "a value"},
	{".5", 0, "a value"},
	{"1.", 2, "a digit"},
	{"1.e5", 2, "a digit"},
	{"1e", 2, "a digit"},
	{"1e+", 3, "a digit"},
	{"0x10", 1, "nothing but blanks"},
	{"[-01]", 3, "a comma or ']'"},
	{"1e999", 0, "no double can hold"},
	{"[1e309]", 1, "no double can hold"},
	{"nul", 0, "a value"},
	{"nulll", 4, "nothing but blanks"},
	{"True", 0, "a value"},
	{"NaN", 0, "a value"},
	{"Infinity", 0, "a value"},
	{"-Infinity", 1, "a digit"},
	{"tru\xff", 0, "a value"},
};

START_TEST(refuses_what_is_no_json)
{
	const char *const text = refused[_i].text;
	struct cairn_error error = {0};

	ck_assert_msg(read_all(text, strlen(text), &error) == CAIRN_CORRUPT, "%s", text);
	ck_assert_int_eq(error.code, CAIRN_CORRUPT);
	ck_assert_msg(error.offset == BASE + refused[_i].place, "%s: %s", text, error.message);
	ck_assert_msg(strstr(error.message, refused[_i].message) != NULL, "%s: %s", text,
		      error.message);
}
END_TEST

START_TEST(refuses_nul_wherever_it_is)
{
	static const char good[] = "{\"a\": [1, \"b\"]}";
	char text[sizeof(good)];

	for (size_t i = 0; i <= strlen(good); i++) {
		memcpy(text, good, i);
		text[i] = '\0';
		memcpy(text + i + 1, good + i, strlen(good) - i);
		ck_assert_msg(read_all(text, sizeof(good), NULL) == CAIRN_CORRUPT, "%zu", i);
	}
}
END_TEST

START_TEST(refuses_a_text_cut_anywhere)
{
	static const char good[] =
		"{\"a\\u00e9\xc3\xa9\": [1, -2.5e3, \"\\ud83d\\ude00\", true, {\"b\": null}]}";

	for (size_t size = 0; size < strlen(good); size++) {
		struct cairn_error error = {0};
		char *const cut = malloc(size + 1); /* exact, so that a sanitizer sees over-reads */

		ck_assert_ptr_nonnull(cut);
		memcpy(cut, good, size);
		ck_assert_msg(read_all(cut, size, &error) == CAIRN_CORRUPT, "%zu", size);
		ck_assert_uint_le(error.offset, BASE + size);
		free(cut);
	}
	ck_assert_int_eq(read_all(good, strlen(good), NULL), CAIRN_OK);
}
END_TEST

/* -------------------------------------------------------------------------------------- nesting */

/* `depth` open values, arrays and objects by turns, and their ends. */
static size_t nest(char *text, size_t depth)
{
	size_t size = 0;

	for (size_t i = 0; i < depth; i++) {
		memcpy(text + size, i % 2 == 0 ? "[" : "{\"\":", i % 2 == 0 ? 1 : 4);
		size += i % 2 == 0 ? 1 : 4;
	}
	if (depth % 2 == 0)
		text[size++] = '0';
	for (size_t i = depth; i > 0; i--)
		text[size++] = i % 2 == 1 ? ']' : '}';
	return size;
}

START_TEST(nesting_is_limited)
{
	static char text[4096];
	struct cairn_error error = {0};

	for (size_t depth = 1; depth < JSON_DEPTH_LIMIT; depth++) {
		const size_t size = nest(text, depth);

		ck_assert_msg(read_all(text, size, &error) == CAIRN_OK, "%zu: %s", depth,
			      error.message);
	}
	for (size_t depth = JSON_DEPTH_LIMIT; depth < JSON_DEPTH_LIMIT + 70; depth++) {
		const size_t size = nest(text, depth);

		ck_assert_int_eq(read_all(text, size, &error), CAIRN_LIMIT);
		ck_assert_ptr_nonnull(strstr(error.message, "nested more than 127 levels"));
	}
}
END_TEST

START_TEST(a_million_brackets_are_refused_at_once)
{
	static const size_t size = 1000000;
	char *const text = malloc(size);
	struct cairn_error error = {0};

	ck_assert_ptr_nonnull(text);
	memset(text, '[', size);
	ck_assert_int_eq(read_all(text, size, &error), CAIRN_LIMIT);
	ck_assert_uint_eq(error.offset, BASE + JSON_DEPTH_LIMIT - 1);
	free(text);
}
END_TEST

START_TEST(skipping_refuses_what_reading_refuses)
{
	static const char *const texts[] = {
		"{\"a\": [1, {\"b\": \"\\ud800\"}]}",
		"{\"a\": [1, {\"b\": 1e999}]}",
		"{\"a\": [1, {\"b\": \"\xff\"}]}",
		"{\"a\": [1, {\"b\" 1}]}",
		"{\"a\": [1, {\"b\": 1}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_reader reader;
		struct json_token token;

		json_init(&reader, texts[i], strlen(texts[i]), 0);
		ck_assert_int_eq(json_next(&reader, &token, NULL), CAIRN_OK);
		ck_assert_int_eq(json_next(&reader, &token, NULL), CAIRN_OK);
		ck_assert_int_eq(token.kind, JSON_TOKEN_KEY);
		ck_assert_int_eq(json_skip(&reader, &token, NULL), CAIRN_CORRUPT);
	}
}
END_TEST

/* ---------------------------------------------------------------------------------------- suite */

static Suite *json_corrupt_suite(void)
{
	Suite *suite = suite_create("json_corrupt");
	TCase *tests = tcase_create("refusals");

	tcase_add_loop_test(tests, refuses_what_is_no_json, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tests, refuses_nul_wherever_it_is);
	tcase_add_test(tests, refuses_a_text_cut_anywhere);
	tcase_add_test(tests, nesting_is_limited);
	tcase_add_test(tests, a_million_brackets_are_refused_at_once);
	tcase_add_test(tests, skipping_refuses_what_reading_refuses);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(json_corrupt_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
