/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state file's text, against what TensorFlow 2.21 was seen to read and write; damaged texts;
 * memory that runs out.
 */
#include "format/state_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

#define MODEL "model_checkpoint_path: "
#define PATHS "all_model_checkpoint_paths: "
#define TIMES "all_model_checkpoint_timestamps: "
#define LAST  "last_preserved_timestamp: "

static struct test_arena memory;
static struct state_text state;

static void setup(void)
{
	test_arena_open(&memory, 0);
	state = (struct state_text){.model_path = NULL};
}

static void teardown(void)
{
	test_arena_close(&memory);
}

static enum cairn_status parse(const char *text, struct cairn_error *error)
{
	return state_text_parse(cairn_string_from(text), &memory.arena, &state, error);
}

/* ------------------------------------------------------------------------------------- reading */

/* Texts with one path, and that path. */
static const struct {
	const char *text;
	const char *path;
} paths[] = {
	{MODEL "\"ckpt-1\"\n", "ckpt-1"},
	{MODEL "\"ckpt-1\"\r\n" PATHS "\"b\"\r\n", "ckpt-1"},
	{MODEL "\"a\"", "a"},
	{MODEL "'a'", "a"},
	{MODEL "'a\"b'", "a\"b"},
	{MODEL "\"a'b\"", "a'b"},
	{MODEL "\"\"", ""},
	{MODEL "\"a\" \"b\"\n'c'", "abc"},
	{MODEL "\"a\" # one\n \"b\" # two", "ab"},
	{"# a comment\n" MODEL "\"a\"", "a"},
	{"model_checkpoint_path# name\n:# value\n\"a#b\"", "a#b"},
	{"  \t\v\f\r\n" MODEL "\"a\"   ", "a"},
	{"model_checkpoint_path:\"a\"all_model_checkpoint_paths:\"b\"", "a"},
	{"model_checkpoint_path : \"a\" ;", "a"},
	{MODEL "\"a\"," PATHS "\"b\"", "a"},
	{MODEL "\"a\"\n" MODEL "\"b\"\n", "b"},
	{MODEL "\"a\"\n" MODEL "\"\"\n", ""},
	{MODEL "\"\\303\\274\\x41\\101\\u00fc\\n\\a\\?\"", "\xc3\xbc"
							   "AA\xc3\xbc\n\a\\?"},
	{MODEL "\"\\q\"", "\\q"},
	{MODEL "\"\\8\\e\\X41\"", "\\8\\e\\X41"},
	{MODEL "\"\\b\\f\\n\\r\\t\\v\\\\\\'\\\"\"", "\b\f\n\r\t\v\\'\""},
	{MODEL "\"\\1\\12\\1234\\377\" '\\277'", NULL}, /* no UTF-8 */
	{MODEL "\"\\1\\12\\1234\"", "\1\n"
				    "S4"},
	{MODEL "\"\\xc3\" \"\\xbc\"", "\xc3\xbc"},
	{MODEL "\"\\x4\\x414\\x4g\"", "\4A4\4g"},
	{MODEL "\"\\U0001f600\\u65e5\"", "\xf0\x9f\x98\x80\xe6\x97\xa5"},
	{MODEL "\"\\\\u00fc\"", "\\u00fc"},
	{MODEL "\"\xe6\x97\xa5\xe6\x9c\xac\"", "\xe6\x97\xa5\xe6\x9c\xac"},
	{MODEL "\"a\1\x7f\rb\"", "a\1\x7f\rb"},
};

START_TEST(reads_a_path)
{
	if (paths[_i].path == NULL) {
		ASSERT_FAILS(parse(paths[_i].text, &test_error), CAIRN_CORRUPT, "UTF-8");
		return;
	}
	ASSERT_OK(parse(paths[_i].text, &test_error));
	ck_assert_str_eq(state.model_path, paths[_i].path);
}
END_TEST

static const struct {
	const char *text;
	double value;
} numbers[] = {
	{"1601614240.0", 1601614240.0},
	{"1.5f", 1.5},
	{"1.5F", 1.5},
	{"1.5ff", 1.5},
	{".5", 0.5},
	{"5.", 5.0},
	{"-3", -3.0},
	{"+3", 3.0},
	{"+010", 10.0},
	{"0", 0.0},
	{"0.5", 0.5},
	{"0e5", 0.0},
	{"1e-05", 1e-5},
	{"1e+16", 1e16},
	{"1e400", (double)INFINITY},
	{"inf", (double)INFINITY},
	{"-INF", -(double)INFINITY},
	{"infinityf", (double)INFINITY},
	{"nan", (double)NAN},
	{"-nan", (double)NAN},
	{"NaNf", (double)NAN},
};

START_TEST(reads_a_number)
{
	char text[64];
	const double expected = numbers[_i].value;

	snprintf(text, sizeof(text), LAST "%s # time", numbers[_i].text);
	ASSERT_OK(parse(text, &test_error));
	ck_assert_msg(isnan(expected) ? isnan(state.last_preserved)
				      : state.last_preserved == expected,
		      "%s is not %g", numbers[_i].text, state.last_preserved);
}
END_TEST

START_TEST(reads_all_fields)
{
	ASSERT_OK(parse(MODEL "\"c\"\n" PATHS "\"a\"\n" PATHS "[\"b\" 'b', \"c\"];" PATHS
			      "[]\n" TIMES "1.5\n" TIMES "[2, .5 , inf]\n" LAST "3",
			&test_error));
	ck_assert_str_eq(state.model_path, "c");
	ck_assert_uint_eq(state.path_count, 3);
	ck_assert_str_eq(state.paths[0], "a");
	ck_assert_str_eq(state.paths[1], "bb");
	ck_assert_str_eq(state.paths[2], "c");
	ck_assert_uint_eq(state.timestamp_count, 4);
	ck_assert(state.timestamps[1] == 2 && state.timestamps[2] == 0.5);
	ck_assert(state.last_preserved == 3);
}
END_TEST

START_TEST(a_text_without_fields_is_an_empty_state)
{
	static const char *const texts[] = {"", "\n\n", "# nothing", " \r\n#"};

	ASSERT_OK(parse(texts[_i], &test_error));
	ck_assert_str_eq(state.model_path, "");
	ck_assert_uint_eq(state.path_count + state.timestamp_count, 0);
	ck_assert(state.last_preserved == 0);
}
END_TEST

static const struct {
	const char *text;
	const char *message;
} refused[] = {
	{MODEL "a", "line 1: expected a string, found 'a'"},
	{MODEL "1", "expected a string, found '1'"},
	{MODEL "", "expected a string, but the text ends"},
	{MODEL "[\"a\"]", "expected a string, found '[\"a\"]'"},
	{"model_checkpoint_path \"a\"", "expected ':', found '\"a\"'"},
	{"model_checkpoint_path { }", "expected ':', found '{ }'"},
	{"model_checkpoint_path", "expected ':', but the text ends"},
	{"1: \"a\"", "no field of a state file: '1'"},
	{"execute: \"x\"", "no field of a state file: 'execute'"},
	{MODEL "\"ckpt-1\"\nexecute: \"x\"\n", "line 2: no field of a state file: 'execute'"},
	{"MODEL_CHECKPOINT_PATH: \"a\"", "no field of a state file"},
	{"model_checkpoint_path-: \"a\"", "no field of a state file"},
	{"[a.b]: 1", "expected the name of a field, found '[a.b]: 1'"},
	{"a {a {a {a {", "no field of a state file: 'a'"},
	{"garbage", "no field of a state file: 'garbage'"},
	{MODEL "\"a\" }", "expected the name of a field, found '}'"},
	{MODEL "\"a\" -", "no field of a state file: '-'"},
	{MODEL "\"a\";;", "expected the name of a field, found ';'"},
	{MODEL "\"a\",;", "expected the name of a field, found ';'"},
	{";", "expected the name of a field, found ';'"},
	{"\xef\xbb\xbf" MODEL "\"a\"", "expected the name of a field"},
	{MODEL "\"a\nb\"", "line 1: a string without an end on its line"},
	{MODEL "\"a\\\nb\"", "a string without an end on its line"},
	{MODEL "\"ckpt-1\n", "a string without an end on its line"},
	{MODEL "\"a\\\"", "a string without an end on its line"},
	{MODEL "\"a", "a string without an end on its line"},
	{MODEL "\"a\" \"", "a string without an end on its line"},
	{MODEL "\"a'", "a string without an end on its line"},
	{MODEL "\"\\400\"", "an escape that stands for no character"},
	{MODEL "\"\\777\"", "an escape that stands for no character"},
	{MODEL "\"\\x\"", "an escape that stands for no character"},
	{MODEL "\"\\xg\"", "an escape that stands for no character"},
	{MODEL "\"\\u00e\"", "an escape that stands for no character"},
	{MODEL "\"\\u\"", "an escape that stands for no character"},
	{MODEL "\"\\ud83d\\ude00\"", "an escape that stands for no character"},
	{MODEL "\"\\U00110000\"", "an escape that stands for no character"},
	{MODEL "\"\\U0001f60\"", "an escape that stands for no character"},
	{MODEL "\"\\N{DIGIT ONE}\"", "an escape that stands for no character"},
	{MODEL "\"\\xff\"", "a path that is no UTF-8"},
	{MODEL "\"\xff\"", "bytes that are no UTF-8"},
	{MODEL "\"a\" # \xc3", "bytes that are no UTF-8"},
	{MODEL "\"a\\000b\"", "a path that holds a NUL"},
	{MODEL "\"a\\u0000b\"", "a path that holds a NUL"},
	{PATHS "[\"a\",]", "expected a string, found ']'"},
	{PATHS "[\"a\";\"b\"]", "expected ',' or ']', found ';\"b\"]'"},
	{PATHS "[\"a\"", "expected ',' or ']', but the text ends"},
	{PATHS "[", "expected a string, but the text ends"},
	{PATHS "[[\"a\"]]", "expected a string"},
	{LAST "0x10", "expected a number, found '0x10'"},
	{LAST "010", "expected a number, found '010'"},
	{LAST "-010", "expected a number, found '-010'"},
	{LAST "00", "expected a number"},
	{LAST "- 3", "expected a number, found '- 3'"},
	{LAST "1_0", "expected a number"},
	{LAST "1e", "expected a number"},
	{LAST "1.5-2", "expected a number"},
	{LAST ".", "expected a number"},
	{LAST "\"1\"", "expected a number, found '\"1\"'"},
	{LAST "true", "expected a number, found 'true'"},
	{LAST "[1]", "expected a number, found '[1]'"},
	{LAST "1last_preserved_timestamp:2", "expected a number"},
	{TIMES "1 2", "no field of a state file: '2'"},
};

START_TEST(refuses)
{
	ASSERT_FAILS(parse(refused[_i].text, &test_error), CAIRN_CORRUPT, refused[_i].message);
	ck_assert_ptr_null(state.model_path);
}
END_TEST

START_TEST(refuses_a_nul_byte)
{
	static const char text[] = MODEL "\"a\0b\"\n";

	ASSERT_FAILS(state_text_parse((struct cairn_string){text, sizeof(text) - 1}, &memory.arena,
				      &state, &test_error),
		     CAIRN_CORRUPT, "a NUL byte");
	ck_assert_uint_eq(test_error.offset, strlen(text));
}
END_TEST

START_TEST(refuses_a_text_over_the_limit)
{
	const size_t size = STATE_TEXT_SIZE_MAX + 1;
	char *const text = malloc(size);

	ck_assert_ptr_nonnull(text);
	memset(text, '\n', size);
	ASSERT_OK(state_text_parse((struct cairn_string){text, size - 1}, &memory.arena, &state,
				   &test_error));
	ASSERT_FAILS(state_text_parse((struct cairn_string){text, size}, &memory.arena, &state,
				      &test_error),
		     CAIRN_LIMIT, "4194305 bytes, more than 4194304");
	free(text);
}
END_TEST

/* Many short values: the most memory for a byte of text. */
START_TEST(memory_is_bounded_by_the_text)
{
	const size_t count = 100000;
	char *const text = malloc(sizeof(PATHS) + 3 * count + 2);
	size_t size = strlen(PATHS);

	ck_assert_ptr_nonnull(text);
	memcpy(text, PATHS "[", size + 1);
	for (size_t i = 0; i < count; i++)
		memcpy(text + size + 1 + 3 * i, "'',", 3);
	size += 3 * count;
	text[size++] = ']'; /* in place of the last comma */
	ASSERT_OK(state_text_parse((struct cairn_string){text, size}, &memory.arena, &state,
				   &test_error));
	ck_assert_uint_eq(state.path_count, count);
	ck_assert_uint_lt(memory.arena.size, 30 * size);
	free(text);
}
END_TEST

/* -------------------------------------------------------------------------------------- writing */

static const char *write_state(void)
{
	struct cairn_string text = {NULL, 0};

	ASSERT_OK(state_text_write(&state, &memory.arena, &text, &test_error));
	ck_assert_uint_eq(strlen(text.data), text.size);
	return text.data;
}

static const struct {
	const char *path;
	const char *text;
} written[] = {
	{"ckpt-1", "ckpt-1"},
	{"quo\"te", "quo\\\"te"},
	{"a'b", "a\\'b"},
	{"back\\slash", "back\\\\slash"},
	{"tab\tx", "tab\\tx"},
	{"new\nline", "new\\nline"},
	{"cr\r", "cr\\r"},
	{"\1x\x1f", "\\001x\\037"},
	{"\x7f", "\\177"},
	{"\a\b\v\f", "\\007\\010\\013\\014"},
	{"\xc3\xbcn\xc3\xaf", "\xc3\xbcn\xc3\xaf"},
	{"\xe6\x97\xa5\xf0\x9f\x98\x80", "\xe6\x97\xa5\xf0\x9f\x98\x80"},
};

START_TEST(writes_a_path)
{
	char expected[200];

	state.model_path = written[_i].path;
	snprintf(expected, sizeof(expected), MODEL "\"%s\"\n", written[_i].text);
	ck_assert_str_eq(write_state(), expected);
	ASSERT_OK(parse(expected, &test_error));
	ck_assert_str_eq(state.model_path, written[_i].path);
}
END_TEST

START_TEST(writes_all_fields_in_order)
{
	const char *all[] = {"ckpt-11", "", "ckpt-12"};
	double times[] = {1601614240.0, 1601614241.2990458, 0, -0.0};

	state = (struct state_text){.model_path = "ckpt-12",
				    .paths = all,
				    .path_count = 3,
				    .timestamps = times,
				    .timestamp_count = 4,
				    .last_preserved = 1601609353.4315968};
	ck_assert_str_eq(write_state(), MODEL "\"ckpt-12\"\n" PATHS "\"ckpt-11\"\n" PATHS
					      "\"\"\n" PATHS "\"ckpt-12\"\n" TIMES
					      "1601614240.0\n" TIMES "1601614241.2990458\n" TIMES
					      "0.0\n" TIMES "-0.0\n" LAST "1601609353.4315968\n");
}
END_TEST

START_TEST(leaves_out_what_is_empty)
{
	state.model_path = "";
	ck_assert_str_eq(write_state(), "");
	state.last_preserved = -0.0;
	ck_assert_str_eq(write_state(), LAST "-0.0\n");
}
END_TEST

START_TEST(writes_no_path_that_is_not_utf8)
{
	const char *all[] = {"good", "b\xff"};
	struct cairn_string text;

	state = (struct state_text){.model_path = "good", .paths = all, .path_count = 2};
	ASSERT_FAILS(state_text_write(&state, &memory.arena, &text, &test_error),
		     CAIRN_INVALID_ARGUMENT, "'b\\xff' is no UTF-8");
}
END_TEST

START_TEST(writes_no_more_than_can_be_read)
{
	static const char *all[STATE_TEXT_SIZE_MAX / 1000];
	char path[1001];
	struct cairn_string text;

	memset(path, 'x', 1000);
	path[1000] = '\0';
	for (size_t i = 0; i < COUNT_OF(all); i++)
		all[i] = path;
	state = (struct state_text){.model_path = path, .paths = all, .path_count = COUNT_OF(all)};
	ASSERT_FAILS(state_text_write(&state, &memory.arena, &text, &test_error), CAIRN_LIMIT,
		     "it lists 4194 checkpoints");
}
END_TEST

/* --------------------------------------------------------------------------------------- damage */

static const char whole[] = "# state\n" MODEL "\"ckpt-\\x32\"\n" PATHS
			    "[\"ckpt-1\", 'ckpt-2']\n" TIMES "1.5\n" TIMES "2.0e0\n" LAST "-inf\n";

/* Any bytes: refused or read, never past their end, which a sanitizer sees. */
static void try_bytes(const char *bytes, size_t size)
{
	char *const copy = malloc(size + 1);
	struct test_arena own;
	struct state_text found;
	struct cairn_string text;

	ck_assert_ptr_nonnull(copy);
	char *const exact = realloc(copy, size == 0 ? 1 : size);
	ck_assert_ptr_nonnull(exact);
	memcpy(exact, bytes, size);
	test_arena_open(&own, 0);
	if (state_text_parse((struct cairn_string){exact, size}, &own.arena, &found, NULL) ==
	    CAIRN_OK)
		ASSERT_OK(state_text_write(&found, &own.arena, &text, &test_error));
	test_arena_close(&own);
	free(exact);
}

START_TEST(every_truncation_is_harmless)
{
	for (size_t size = 0; size < sizeof(whole); size++)
		try_bytes(whole, size);
}
END_TEST

START_TEST(every_flipped_bit_is_harmless)
{
	char bytes[sizeof(whole)];

	for (size_t bit = 0; bit < 8 * (sizeof(whole) - 1); bit++) {
		memcpy(bytes, whole, sizeof(whole));
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
		try_bytes(bytes, sizeof(whole) - 1);
	}
}
END_TEST

START_TEST(every_replaced_byte_is_harmless)
{
	char bytes[sizeof(whole)];

	for (size_t at = 0; at < sizeof(whole) - 1; at++) {
		for (int byte = 0; byte < 256; byte++) {
			memcpy(bytes, whole, sizeof(whole));
			bytes[at] = (char)byte;
			try_bytes(bytes, sizeof(whole) - 1);
		}
	}
}
END_TEST

START_TEST(memory_that_runs_out_is_a_status)
{
	const struct cairn_string text = {whole, sizeof(whole) - 1};
	struct cairn_string out;

	for (uint64_t at = 1;; at++) {
		struct test_arena own;
		enum cairn_status status;

		test_arena_open(&own, at);
		status = state_text_parse(text, &own.arena, &state, &test_error);
		if (status == CAIRN_OK)
			status = state_text_write(&state, &own.arena, &out, &test_error);
		test_arena_close(&own);
		if (status == CAIRN_OK)
			return;
		ck_assert_int_eq(status, CAIRN_NO_MEMORY);
		ck_assert_uint_lt(at, 100);
	}
}
END_TEST

static Suite *state_text_suite(void)
{
	Suite *suite = suite_create("state_text");
	TCase *tests = tcase_create("state_text");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, reads_a_path, 0, COUNT_OF(paths));
	tcase_add_loop_test(tests, reads_a_number, 0, COUNT_OF(numbers));
	tcase_add_test(tests, reads_all_fields);
	tcase_add_loop_test(tests, a_text_without_fields_is_an_empty_state, 0, 4);
	tcase_add_loop_test(tests, refuses, 0, COUNT_OF(refused));
	tcase_add_test(tests, refuses_a_nul_byte);
	tcase_add_test(tests, refuses_a_text_over_the_limit);
	tcase_add_test(tests, memory_is_bounded_by_the_text);
	tcase_add_loop_test(tests, writes_a_path, 0, COUNT_OF(written));
	tcase_add_test(tests, writes_all_fields_in_order);
	tcase_add_test(tests, leaves_out_what_is_empty);
	tcase_add_test(tests, writes_no_path_that_is_not_utf8);
	tcase_add_test(tests, writes_no_more_than_can_be_read);
	tcase_add_test(tests, every_truncation_is_harmless);
	tcase_add_test(tests, every_flipped_bit_is_harmless);
	tcase_add_test(tests, every_replaced_byte_is_harmless);
	tcase_add_test(tests, memory_that_runs_out_is_a_status);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(state_text_suite());
}
