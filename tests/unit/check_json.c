/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokenizer and the quoting: what comes out of good text. With CAIRN_TEST_JANSSON, also that
 * the tokenizer agrees with jansson about generated documents and damaged ones.
 */
#include "format/json.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/support/test_arena.h"

#ifdef CAIRN_TEST_JANSSON
# include <jansson.h>
#endif

/* Where texts are said to lie in their file. */
#define BASE 8u

/* A letter for each kind of token. */
static char letter_of(enum json_kind kind)
{
	static const char letters[] = ".{}[]ks0tfn";

	return letters[kind];
}

/* Reads everything; `letters` gets one letter for each token. */
static enum cairn_status read_all(const char *text, size_t size, char *letters, size_t letters_size,
				  struct cairn_error *error)
{
	struct json_reader reader;
	struct json_token token;
	enum cairn_status status;
	size_t count = 0;

	json_init(&reader, text, size, BASE);
	do {
		status = json_next(&reader, &token, error);
		if (status == CAIRN_OK && count + 1 < letters_size)
			letters[count++] = letter_of(token.kind);
	} while (status == CAIRN_OK && token.kind != JSON_TOKEN_END);
	letters[count] = '\0';
	return status;
}

static const struct {
	const char *text;
	const char *letters;
} documents[] = {
	{"{}", "{}."},
	{"[]", "[]."},
	{" \t\r\n{ \t\r\n} \t\r\n", "{}."},
	{"null", "n."},
	{"true", "t."},
	{"false", "f."},
	{"\"\"", "s."},
	{"0", "0."},
	{"-0", "0."},
	{"-0.5e-3", "0."},
	{"10E+2", "0."},
	{"0e99999999999999999999", "0."},
	{"1e-99999999999999999999", "0."},
	{"1.7976931348623157e308", "0."},
	{"0.00001e312", "0."},
	{"{\"a\":1}", "{k0}."},
	{"{ \"a\" : 1 , \"b\" : [ 2 , { } ] }", "{k0k[0{}]}."},
	{"{\"a\":1,\"a\":1}", "{k0k0}."},
	{"[[],{},[[1]],\"x\",true,false,null]", "[[]{}[[0]]stfn]."},
	{"\"\x7f\xc3\xa9\xf0\x9f\x98\x80\"", "s."},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83D\\uDE00\\uFFFF\"", "s."},
};

START_TEST(reads_documents_token_by_token)
{
	struct cairn_error error = {0};
	char letters[64];
	const char *const text = documents[_i].text;

	ck_assert_msg(read_all(text, strlen(text), letters, sizeof(letters), &error) == CAIRN_OK,
		      "%s: %s", text, error.message);
	ck_assert_str_eq(letters, documents[_i].letters);
}
END_TEST

START_TEST(the_end_comes_again_and_again)
{
	struct json_reader reader;
	struct json_token token;

	json_init(&reader, "1", 1, BASE);
	ck_assert_int_eq(json_next(&reader, &token, NULL), CAIRN_OK);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(json_next(&reader, &token, NULL), CAIRN_OK);
		ck_assert_int_eq(token.kind, JSON_TOKEN_END);
	}
}
END_TEST

START_TEST(tokens_know_where_they_stand)
{
	static const char text[] = " {\"ab\" : \"c\"}";
	static const uint64_t offsets[] = {BASE + 1, BASE + 2, BASE + 9, BASE + 12};
	struct json_reader reader;
	struct json_token token;

	json_init(&reader, text, strlen(text), BASE);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		ck_assert_int_eq(json_next(&reader, &token, NULL), CAIRN_OK);
		ck_assert_uint_eq(token.offset, offsets[i]);
	}
}
END_TEST

/* ----------------------------------------------------------------------------- values of tokens */

/* The only token of a text. */
static struct json_token token_of(const char *text, size_t size)
{
	struct json_reader reader;
	struct json_token token;
	struct cairn_error error = {0};

	json_init(&reader, text, size, 0);
	ck_assert_msg(json_next(&reader, &token, &error) == CAIRN_OK, "%s: %s", text,
		      error.message);
	return token;
}

static const struct {
	const char *text;
	const char *value;
	size_t size;
	bool escaped;
} strings[] = {
	{"\"\"", "", 0, false},
	{"\"plain\"", "plain", 5, false},
	{"\"\xe2\x82\xac longer than a word\"", "\xe2\x82\xac longer than a word", 22, false},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8, true},
	{"\"a\\u0000b\"", "a\0b", 3, true},
	{"\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10,
	 true},
	{"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf", 4, true},
};

START_TEST(decodes_strings)
{
	const struct json_token token = token_of(strings[_i].text, strlen(strings[_i].text));
	struct cairn_string string;
	struct test_arena test;

	test_arena_open(&test, 0);
	ck_assert(token.escaped == strings[_i].escaped);
	ck_assert_int_eq(json_token_string(&token, &test.arena, &string, NULL), CAIRN_OK);
	ck_assert_uint_eq(string.size, strings[_i].size);
	ck_assert_mem_eq(string.data, strings[_i].value, string.size);
	ck_assert_uint_eq(test.calls, strings[_i].escaped ? 1 : 0);
	test_arena_close(&test);
}
END_TEST

START_TEST(decoding_reports_a_failed_allocation)
{
	const struct json_token token = token_of("\"\\n\"", 4);
	struct cairn_string string = {"untouched", 9};
	struct cairn_error error = {0};
	struct test_arena test;

	test_arena_open(&test, 1);
	ck_assert_int_eq(json_token_string(&token, &test.arena, &string, &error), CAIRN_NO_MEMORY);
	ck_assert_int_eq(error.code, CAIRN_NO_MEMORY);
	ck_assert_str_eq(string.data, "untouched");
	test_arena_close(&test);
}
END_TEST

static const struct {
	const char *text;
	const char *expected;
	bool is;
} comparisons[] = {
	{"\"dtype\"", "dtype", true},
	{"\"dtype\"", "dtyp", false},
	{"\"dtyp\"", "dtype", false},
	{"\"\"", "", true},
	{"\"\"", "a", false},
	{"\"d\\u0074ype\"", "dtype", true},
	{"\"d\\u0074yp\"", "dtype", false},
	{"\"d\\u0074ypes\"", "dtype", false},
	{"\"\\u20ac\"", "\xe2\x82\xac", true},
	{"\"\\u20ac\"", "\xe2\x82", false},
	{"\"dtype\\u0000\"", "dtype", false},
	{"\"\\u0064\\u0074\\u0079\\u0070\\u0065\"", "dtype", true},
};

START_TEST(compares_without_decoding)
{
	const char *const text = comparisons[_i].text;
	const struct json_token token = token_of(text, strlen(text));

	ck_assert_msg(json_token_is(&token, comparisons[_i].expected) == comparisons[_i].is, "%s",
		      text);
}
END_TEST

static const struct {
	const char *text;
	bool is_u64;
	uint64_t u64;
	bool is_i64;
	int64_t i64;
} numbers[] = {
	{"0", true, 0, true, 0},
	{"16", true, 16, true, 16},
	{"9223372036854775807", true, INT64_MAX, true, INT64_MAX},
	{"9223372036854775808", true, (uint64_t)1 << 63, false, 0},
	{"18446744073709551615", true, UINT64_MAX, false, 0},
	{"18446744073709551616", false, 0, false, 0},
	{"184467440737095516150", false, 0, false, 0},
	{"-1", false, 0, true, -1},
	{"-9223372036854775808", false, 0, true, INT64_MIN},
	{"-9223372036854775809", false, 0, false, 0},
	{"-0", false, 0, false, 0},
	{"16.0", false, 0, false, 0},
	{"1e1", false, 0, false, 0},
	{"1E1", false, 0, false, 0},
	{"\"16\"", false, 0, false, 0},
	{"true", false, 0, false, 0},
};

START_TEST(takes_whole_numbers_exactly_or_not_at_all)
{
	const struct json_token token = token_of(numbers[_i].text, strlen(numbers[_i].text));
	uint64_t u64 = 0;
	int64_t i64 = 0;

	ck_assert_msg(json_token_u64(&token, &u64) == numbers[_i].is_u64, "%s", numbers[_i].text);
	ck_assert_uint_eq(u64, numbers[_i].u64);
	ck_assert_msg(json_token_i64(&token, &i64) == numbers[_i].is_i64, "%s", numbers[_i].text);
	ck_assert_int_eq(i64, numbers[_i].i64);
}
END_TEST

static const struct {
	const char *text;
	bool fits;
} magnitudes[] = {
	{"0.0", true},
	{"-1.7976931348623157e+308", true},
	{"1.7976931348623158e308", false},
	{"17976931348623157e292", true},
	{"17976931348623158e292", false},
	{"0.00017976931348623157e312", true},
	{"0.00017976931348623158e312", false},
	{"1e308", true},
	{"1e309", false},
	{"-1E+309", false},
	{"0.1e309", true},
	{"10e308", false},
	{"0000e999", true},
	{"0.000e999999999999999999999", true},
	{"123e-999999999999999999999", true},
};

START_TEST(knows_what_a_double_can_hold)
{
	const char *const text = magnitudes[_i].text;

	ck_assert_msg(json_fits_double(text, strlen(text)) == magnitudes[_i].fits, "%s", text);
}
END_TEST

START_TEST(knows_it_for_long_numbers_too)
{
	char text[400];

	memset(text, '9', sizeof(text));
	ck_assert(json_fits_double(text, 308));
	ck_assert(!json_fits_double(text, 309));
	text[100] = '.';
	ck_assert(json_fits_double(text, sizeof(text)));
	memset(text, '0', sizeof(text));
	text[1] = '.';
	memcpy(text + 396, "9e69", 4);
	ck_assert(json_fits_double(text, sizeof(text)));
}
END_TEST

static const struct {
	const char *text;
	const char *rest; /* letters behind the skipped value */
} skips[] = {
	{"[1,2]", "0]."},
	{"[[],2]", "0]."},
	{"[{},2]", "0]."},
	{"[[[{\"a\":[1,{\"b\":2}]}]],2]", "0]."},
	{"[\"x\",2]", "0]."},
	{"{\"a\":1,\"b\":2}", "k0}."},
	{"{\"a\":{\"c\":[[{}]]},\"b\":2}", "k0}."},
	{"{\"a\":[],\"b\":2}", "k0}."},
};

/* Skips the first member of the array or object that the text is. */
START_TEST(skips_a_value_of_any_kind)
{
	struct json_reader reader;
	struct json_token token;
	char letters[16] = {0};
	size_t count = 0;

	json_init(&reader, skips[_i].text, strlen(skips[_i].text), 0);
	ck_assert_int_eq(json_next(&reader, &token, NULL), CAIRN_OK);
	ck_assert_int_eq(json_next(&reader, &token, NULL), CAIRN_OK);
	ck_assert_int_eq(json_skip(&reader, &token, NULL), CAIRN_OK);
	do {
		ck_assert_int_eq(json_next(&reader, &token, NULL), CAIRN_OK);
		letters[count++] = letter_of(token.kind);
	} while (token.kind != JSON_TOKEN_END);
	ck_assert_str_eq(letters, skips[_i].rest);
}
END_TEST

/* -------------------------------------------------------------------------------------- quoting */

static const struct {
	const char *text;
	size_t size;
	const char *utf8;
	const char *ascii;
} quotes[] = {
	{"", 0, "\"\"", "\"\""},
	{"a.b/c", 5, "\"a.b/c\"", "\"a.b/c\""},
	{"\"\\", 2, "\"\\\"\\\\\"", "\"\\\"\\\\\""},
	{"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"", "\"\\b\\f\\n\\r\\t\""},
	{"\0\x1f", 2, "\"\\u0000\\u001f\"", "\"\\u0000\\u001f\""},
	{"\x7f", 1, "\"\x7f\"", "\"\\u007f\""},
	{"\xc3\xa9", 2, "\"\xc3\xa9\"", "\"\\u00e9\""},
	{"\xf0\x9f\x98\x80", 4, "\"\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\""},
	{"\xf4\x8f\xbf\xbf", 4, "\"\xf4\x8f\xbf\xbf\"", "\"\\udbff\\udfff\""},
};

static void check_quoting(struct cairn_string string, enum json_escaping escaping,
			  const char *expected)
{
	char out[64];
	const size_t size = (size_t)(json_quote(out, string, escaping) - out);

	ck_assert_uint_eq(size, strlen(expected));
	ck_assert_mem_eq(out, expected, size);
	ck_assert_uint_eq(json_quoted_size(string, escaping), size);
}

START_TEST(quotes_strings)
{
	const struct cairn_string string = {quotes[_i].text, quotes[_i].size};

	check_quoting(string, JSON_UTF8, quotes[_i].utf8);
	check_quoting(string, JSON_ASCII, quotes[_i].ascii);
}
END_TEST

START_TEST(reads_what_it_quotes)
{
	const struct cairn_string string = {quotes[_i].text, quotes[_i].size};

	for (int escaping = JSON_UTF8; escaping <= JSON_ASCII; escaping++) {
		char out[64];
		const char *const end = json_quote(out, string, (enum json_escaping)escaping);
		const struct json_token token = token_of(out, (size_t)(end - out));
		struct cairn_string read;
		struct test_arena test;

		test_arena_open(&test, 0);
		ck_assert_int_eq(json_token_string(&token, &test.arena, &read, NULL), CAIRN_OK);
		ck_assert_uint_eq(read.size, string.size);
		ck_assert_mem_eq(read.data, string.data, string.size);
		test_arena_close(&test);
	}
}
END_TEST

/* -------------------------------------------------------------------------------------- jansson */

#ifdef CAIRN_TEST_JANSSON

enum {
	DOCUMENT_SIZE_MAX = 4096,
	GENERATED_DEPTH_MAX = 6,
	MUTATIONS_MAX = 3
};

struct generator {
	uint64_t state;
	char text[DOCUMENT_SIZE_MAX];
	size_t size;
};

/* xorshift64*: the same documents on every machine. */
static uint32_t pick(struct generator *generator, uint32_t count)
{
	generator->state ^= generator->state >> 12;
	generator->state ^= generator->state << 25;
	generator->state ^= generator->state >> 27;
	return (uint32_t)((generator->state * 0x2545f4914f6cdd1d) >> 33) % count;
}

static void add(struct generator *generator, const char *text)
{
	const size_t size = strlen(text);

	ck_assert_uint_lt(generator->size + size, DOCUMENT_SIZE_MAX);
	memcpy(generator->text + generator->size, text, size);
	generator->size += size;
}

# define ADD_ONE_OF(generator, table)                                                              \
  add(generator, (table)[pick(generator, sizeof(table) / sizeof((table)[0]))])

static void add_blank(struct generator *generator)
{
	static const char *const blanks[] = {"", "", "", " ", "\n", "\t\r "};

	ADD_ONE_OF(generator, blanks);
}

static void add_string(struct generator *generator)
{
	static const char *const pieces[] = {
		"a",       "name.0",   "\\n",          "\\u0041",          "\\u20ac",
		"\\u0000", "\\\"",     "\\\\",         "\\ud83d\\ude00",   "\xc3\xa9",
		"\x7f",    "\\/",      "\xe2\x82\xac", "\xf0\x9f\x98\x80", "0123456789abcdef",
		"\\uffff", "\\u00080",
	};

	add(generator, "\"");
	for (uint32_t i = pick(generator, 5); i > 0; i--)
		ADD_ONE_OF(generator, pieces);
	add(generator, "\"");
}

static void add_scalar(struct generator *generator)
{
	static const char *const scalars[] = {
		"0",
		"-0",
		"1",
		"-17",
		"4294967296",
		"9223372036854775807",
		"9223372036854775808",
		"-9223372036854775808",
		"18446744073709551615",
		"18446744073709551616",
		"0.5",
		"-1.25e3",
		"1E-7",
		"1e308",
		"1e309",
		"0e999",
		"2.5e-999",
		"true",
		"false",
		"null",
	};

	if (pick(generator, 3) == 0)
		add_string(generator);
	else
		ADD_ONE_OF(generator, scalars);
}

static void add_value(struct generator *generator, uint32_t depth);

static void add_members(struct generator *generator, uint32_t depth, bool object)
{
	for (uint32_t i = pick(generator, 4); i > 0; i--) {
		add_blank(generator);
		if (object) {
			add_string(generator);
			add_blank(generator);
			add(generator, ":");
		}
		add_value(generator, depth);
		add(generator, i > 1 ? "," : "");
	}
}

static void add_value(struct generator *generator, uint32_t depth)
{
	const uint32_t kind = depth == GENERATED_DEPTH_MAX ? 3 : pick(generator, 4);

	add_blank(generator);
	if (kind >= 2 || generator->size > DOCUMENT_SIZE_MAX / 4) {
		add_scalar(generator);
	} else {
		add(generator, kind == 0 ? "{" : "[");
		add_members(generator, depth + 1, kind == 0);
		add(generator, kind == 0 ? "}" : "]");
	}
	add_blank(generator);
}

/* Overwrites, removes or inserts a byte; never a NUL, which ends the text for jansson. */
static void mutate(struct generator *generator)
{
	static const char bytes[] = "{}[]\",:\\u019aefEt-+. \n\t/\x01\x80\xc3\xa9\xed\xff";
	const char byte = bytes[pick(generator, sizeof(bytes) - 1)];
	const uint32_t place = pick(generator, (uint32_t)generator->size + 1);
	char *const at = generator->text + place;
	const size_t left = generator->size - place;
	const uint32_t kind = pick(generator, 3);

	if (kind == 0 && left > 0) {
		*at = byte;
	} else if (kind == 1 && left > 0) {
		memmove(at, at + 1, left - 1);
		generator->size--;
	} else if (generator->size < DOCUMENT_SIZE_MAX) {
		memmove(at + 1, at, left);
		*at = byte;
		generator->size++;
	}
}

/* Where jansson's tree is compared: the open values, and the next member of open arrays. */
struct walk {
	const json_t *open[JSON_DEPTH_LIMIT];
	size_t next[JSON_DEPTH_LIMIT];
	size_t depth;
	const json_t *value; /* of the key that was just read, or the top */
	struct test_arena test;
};

static struct cairn_string string_of(struct walk *walk, const struct json_token *token)
{
	struct cairn_string string = {"", 0};

	ck_assert_int_eq(json_token_string(token, &walk->test.arena, &string, NULL), CAIRN_OK);
	return string;
}

static void compare_number(const struct json_token *token, const json_t *value)
{
	char text[DOCUMENT_SIZE_MAX + 1];
	int64_t i64 = 0;

	memcpy(text, token->text.data, token->text.size);
	text[token->text.size] = '\0';
	if (json_is_real(value)) {
		ck_assert_double_eq(json_real_value(value), strtod(text, NULL));
		return;
	}
	ck_assert(json_is_integer(value));
	ck_assert(json_token_i64(token, &i64) || strcmp(text, "-0") == 0);
	ck_assert_int_eq(json_integer_value(value), i64);
}

static void compare_scalar(struct walk *walk, const struct json_token *token, const json_t *value)
{
	if (token->kind == JSON_TOKEN_NUMBER) {
		compare_number(token, value);
	} else if (token->kind == JSON_TOKEN_STRING) {
		const struct cairn_string string = string_of(walk, token);

		ck_assert(json_is_string(value));
		ck_assert_uint_eq(json_string_length(value), string.size);
		ck_assert_mem_eq(json_string_value(value), string.data, string.size);
	} else {
		ck_assert((token->kind == JSON_TOKEN_TRUE && json_is_true(value)) ||
			  (token->kind == JSON_TOKEN_FALSE && json_is_false(value)) ||
			  (token->kind == JSON_TOKEN_NULL && json_is_null(value)));
	}
}

/* The value that begins with the next token. */
static const json_t *next_value(struct walk *walk)
{
	const size_t level = walk->depth - 1;

	if (walk->depth > 0 && json_is_array(walk->open[level]))
		return json_array_get(walk->open[level], walk->next[level]++);
	return walk->value;
}

static void open_level(struct walk *walk, const json_t *value)
{
	walk->open[walk->depth] = value;
	walk->next[walk->depth] = 0;
	walk->depth++;
}

static void compare_token(struct walk *walk, const struct json_token *token)
{
	const json_t *value;

	if (token->kind == JSON_TOKEN_OBJECT_END || token->kind == JSON_TOKEN_ARRAY_END) {
		walk->depth--;
		return;
	}
	if (token->kind == JSON_TOKEN_KEY) {
		const struct cairn_string key = string_of(walk, token);

		walk->value = json_object_getn(walk->open[walk->depth - 1], key.data, key.size);
		ck_assert_ptr_nonnull(walk->value);
		return;
	}
	value = next_value(walk);
	ck_assert_ptr_nonnull(value);
	if (token->kind != JSON_TOKEN_OBJECT_BEGIN && token->kind != JSON_TOKEN_ARRAY_BEGIN) {
		compare_scalar(walk, token, value);
		return;
	}
	ck_assert(token->kind == JSON_TOKEN_OBJECT_BEGIN ? json_is_object(value)
							 : json_is_array(value));
	open_level(walk, value);
}

static void compare_trees(const struct generator *generator, const json_t *root)
{
	struct json_reader reader;
	struct json_token token;
	struct walk walk = {.value = root};

	test_arena_open(&walk.test, 0);
	json_init(&reader, generator->text, generator->size, 0);
	for (;;) {
		ck_assert_int_eq(json_next(&reader, &token, NULL), CAIRN_OK);
		if (token.kind == JSON_TOKEN_END)
			break;
		compare_token(&walk, &token);
	}
	test_arena_close(&walk.test);
}

/* What jansson refuses although it is JSON: NUL in keys, integers beyond 63 bits, keys that are
 * there twice. */
static bool is_known_difference(const json_error_t *error)
{
	const enum json_error_code code = json_error_code(error);

	return code == json_error_null_byte_in_key || code == json_error_numeric_overflow ||
	       code == json_error_duplicate_key;
}

/* Returns whether both accepted. */
static bool compare_with_jansson(const struct generator *generator)
{
	static const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES;
	struct cairn_error error = {0};
	json_error_t theirs;
	char letters[2];
	json_t *const root = json_loadb(generator->text, generator->size, flags, &theirs);
	const enum cairn_status status = read_all(generator->text, generator->size, letters,
						  sizeof(letters), &error);

	if (root != NULL && status == CAIRN_OK)
		compare_trees(generator, root);
	else if (root != NULL)
		ck_abort_msg("only jansson accepts '%.*s': %s", (int)generator->size,
			     generator->text, error.message);
	else if (status == CAIRN_OK && !is_known_difference(&theirs))
		ck_abort_msg("only jansson refuses '%.*s': %s", (int)generator->size,
			     generator->text, theirs.text);
	json_decref(root);
	return root != NULL && status == CAIRN_OK;
}

START_TEST(agrees_with_jansson)
{
	static struct generator generator;
	uint32_t accepted = 0;
	uint32_t damaged = 0;

	generator.state = 0x9e3779b97f4a7c15 + (uint64_t)_i;
	for (int i = 0; i < 2000; i++) {
		generator.size = 0;
		add_value(&generator, 0);
		accepted += compare_with_jansson(&generator) ? 1 : 0;
		for (int m = 0; m < MUTATIONS_MAX; m++) {
			mutate(&generator);
			damaged += compare_with_jansson(&generator) ? 1 : 0;
		}
	}
	/* the comparison is worth something only when both outcomes are frequent */
	ck_assert_uint_gt(accepted, 300);
	ck_assert_uint_gt(damaged, 300);
}
END_TEST

#endif

/* ---------------------------------------------------------------------------------------- suite */

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static Suite *json_suite(void)
{
	Suite *suite = suite_create("json");
	TCase *reading = tcase_create("reading");
	TCase *quoting = tcase_create("quoting");

	tcase_add_loop_test(reading, reads_documents_token_by_token, 0, COUNT(documents));
	tcase_add_test(reading, the_end_comes_again_and_again);
	tcase_add_test(reading, tokens_know_where_they_stand);
	tcase_add_loop_test(reading, decodes_strings, 0, COUNT(strings));
	tcase_add_test(reading, decoding_reports_a_failed_allocation);
	tcase_add_loop_test(reading, compares_without_decoding, 0, COUNT(comparisons));
	tcase_add_loop_test(reading, takes_whole_numbers_exactly_or_not_at_all, 0, COUNT(numbers));
	tcase_add_loop_test(reading, knows_what_a_double_can_hold, 0, COUNT(magnitudes));
	tcase_add_test(reading, knows_it_for_long_numbers_too);
	tcase_add_loop_test(reading, skips_a_value_of_any_kind, 0, COUNT(skips));
#ifdef CAIRN_TEST_JANSSON
	tcase_add_loop_test(reading, agrees_with_jansson, 0, 8);
#endif
	suite_add_tcase(suite, reading);
	tcase_add_loop_test(quoting, quotes_strings, 0, COUNT(quotes));
	tcase_add_loop_test(quoting, reads_what_it_quotes, 0, COUNT(quotes));
	suite_add_tcase(suite, quoting);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(json_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
