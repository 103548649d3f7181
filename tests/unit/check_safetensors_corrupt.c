/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors headers and indexes that are wrong, cut, damaged, or too much: each is refused with
 * the right status and a message that says what and where. And every allocation fails once.
 */
#include "format/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/support/test_arena.h"

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static struct cairn_string text_of(const char *text)
{
	return (struct cairn_string){text, strlen(text)};
}

/* ----------------------------------------------------------------------------------- the header */

#define INFO(fields) "{\"w\":{" fields "}}"
#define U8(name, begin, end, count)                                                                \
 "\"" name "\":{\"dtype\":\"U8\",\"shape\":[" count "],\"data_offsets\":[" begin "," end "]}"

static const struct {
	const char *json;
	uint64_t data_size;
	enum cairn_status status;
	const char *message;
} refused[] = {
	/* JSON */
	{"", 0, CAIRN_CORRUPT, "offset 8: it ends where a value should be"},
	{"[]", 0, CAIRN_CORRUPT, "the header at offset 8 is an array, not an object"},
	{"null", 0, CAIRN_CORRUPT, "the header at offset 8 is null, not an object"},
	{"\xef\xbb\xbf{}", 0, CAIRN_CORRUPT, "offset 8"},
	{"{}{}", 0, CAIRN_CORRUPT, "offset 10"},
	{"{\"\xff\":1}", 0, CAIRN_CORRUPT, "invalid UTF-8"},
	{"{\"\\ud800\":{}}", 0, CAIRN_CORRUPT, "a lone surrogate"},
	{"{" U8("a", "0", "1", "1") ",}", 1, CAIRN_CORRUPT, "a key in quotes"},
	{INFO("\"x\":\"\\udc00\",\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]"), 1,
	 CAIRN_CORRUPT, "tensor 'w': JSON at offset 19"},
	{INFO("\"x\":1e999,\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT,
	 "no double can hold"},
	/* the schema */
	{"{\"w\":[\"U8\",[1],[0,1]]}", 1, CAIRN_CORRUPT,
	 "tensor 'w': its entry at offset 13 is an array, not an object"},
	{"{\"w\":null}", 0, CAIRN_CORRUPT, "tensor 'w': its entry at offset 13 is null"},
	{"{\"w\":{}}", 0, CAIRN_CORRUPT, "tensor 'w': dtype is missing"},
	{INFO("\"shape\":[1],\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT, "dtype is missing"},
	{INFO("\"dtype\":\"U8\",\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT, "shape is missing"},
	{INFO("\"dtype\":\"U8\",\"shape\":[1]"), 1, CAIRN_CORRUPT, "data_offsets is missing"},
	{INFO("\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]"), 1,
	 CAIRN_CORRUPT, "dtype is there twice"},
	{INFO("\"dtype\":\"U8\",\"shape\":[1],\"sh\\u0061pe\":[1],\"data_offsets\":[0,1]"), 1,
	 CAIRN_CORRUPT, "shape is there twice"},
	{INFO("\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"data_offsets\":[0,1]"), 1,
	 CAIRN_CORRUPT, "data_offsets is there twice"},
	{INFO("\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,1]"), 1, CAIRN_UNSUPPORTED,
	 "tensor 'w': dtype 'F31' at offset 22 is unknown"},
	{INFO("\"dtype\":\"u8\",\"shape\":[1],\"data_offsets\":[0,1]"), 1, CAIRN_UNSUPPORTED,
	 "dtype 'u8'"},
	{INFO("\"dtype\":\"\",\"shape\":[1],\"data_offsets\":[0,1]"), 1, CAIRN_UNSUPPORTED,
	 "dtype ''"},
	{INFO("\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT,
	 "dtype at offset 22 is a number, not a string"},
	{INFO("\"dtype\":{\"U8\":null},\"shape\":[1],\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT,
	 "dtype at offset 22 is an object, not a string"},
	{INFO("\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT,
	 "shape at offset 35 is a number, not an array"},
	{INFO("\"dtype\":\"U8\",\"shape\":null,\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT, "shape"},
	{INFO("\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT,
	 "a dimension at offset 36 is '-1', not a whole number"},
	{INFO("\"dtype\":\"U8\",\"shape\":[1.0],\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT,
	 "'1.0'"},
	{INFO("\"dtype\":\"U8\",\"shape\":[1e0],\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT,
	 "'1e0'"},
	{INFO("\"dtype\":\"U8\",\"shape\":[-0],\"data_offsets\":[0,0]"), 0, CAIRN_CORRUPT, "'-0'"},
	{INFO("\"dtype\":\"U8\",\"shape\":[01],\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT,
	 "a comma"},
	{INFO("\"dtype\":\"U8\",\"shape\":[18446744073709551616],\"data_offsets\":[0,0]"), 0,
	 CAIRN_CORRUPT, "'18446744073709551616'"},
	{INFO("\"dtype\":\"U8\",\"shape\":[\"1\"],\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT,
	 "a dimension at offset 36 is a string"},
	{INFO("\"dtype\":\"U8\",\"shape\":[[1]],\"data_offsets\":[0,1]"), 1, CAIRN_CORRUPT,
	 "a dimension at offset 36 is an array"},
	{INFO("\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[]"), 1, CAIRN_CORRUPT,
	 "the first of two data_offsets"},
	{INFO("\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]"), 1, CAIRN_CORRUPT,
	 "the second of two data_offsets"},
	{INFO("\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]"), 1, CAIRN_CORRUPT,
	 "data_offsets has more than two members"},
	{INFO("\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":{\"0\":1}"), 1, CAIRN_CORRUPT,
	 "data_offsets at offset 54 is an object"},
	{INFO("\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1.0]"), 1, CAIRN_CORRUPT,
	 "'1.0'"},
	/* metadata */
	{"{\"__metadata__\":{},\"__metadata__\":{}}", 0, CAIRN_CORRUPT,
	 "__metadata__ is there twice, again at offset 27"},
	{"{\"__metadata__\":null,\"__metadat\\u0061__\":null}", 0, CAIRN_CORRUPT, "twice"},
	{"{\"__metadata__\":[]}", 0, CAIRN_CORRUPT, "__metadata__ at offset 24 is an array"},
	{"{\"__metadata__\":{\"a\":1}}", 0, CAIRN_CORRUPT,
	 "a metadata value at offset 29 is a number, not a string"},
	{"{\"__metadata__\":{\"a\":null}}", 0, CAIRN_CORRUPT, "is null, not a string"},
	{"{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}", 0, CAIRN_CORRUPT,
	 "is an object, not a string"},
	{"{\"__metadata__\":{\"k\":\"1\",\"j\":\"2\",\"\\u006b\":\"1\"}}", 0, CAIRN_CORRUPT,
	 "metadata key 'k' is there twice"},
	/* names */
	{"{" U8("a", "0", "1", "1") "," U8("a", "0", "1", "1") "}", 1, CAIRN_CORRUPT,
	 "tensor 'a' is there twice, at offsets 9 and 61"},
	{"{" U8("a", "1", "2", "1") "," U8("b", "2", "3", "1") "," U8("\\u0061", "0", "1", "1") "}",
	 3, CAIRN_CORRUPT, "tensor 'a' is there twice, at offsets 9 and 113"},
	/* places */
	{"{" U8("a", "8", "9", "1") "}", 9, CAIRN_CORRUPT, "tensor 'a': begins at 8 of the data"},
	{"{" U8("a", "0", "4", "4") "," U8("b", "6", "8", "2") "}", 8, CAIRN_CORRUPT,
	 "tensor 'b': begins at 6 of the data, but what is before it ends at 4: a hole of 2 bytes"},
	{"{" U8("b", "3", "8", "5") "," U8("a", "0", "4", "4") "}", 8, CAIRN_CORRUPT,
	 "tensor 'b': begins at 3 of the data, but what is before it ends at 4: an overlap of 1"},
	{"{" U8("a", "0", "4", "4") "," U8("b", "0", "4", "4") "}", 4, CAIRN_CORRUPT, "an overlap"},
	{"{" U8("a", "0", "8", "8") "," U8("e", "4", "4", "0") "}", 8, CAIRN_CORRUPT,
	 "tensor 'e': begins at 4"},
	{"{" U8("a", "0", "8", "8") "," U8("e", "9", "9", "0") "}", 8, CAIRN_CORRUPT, "a hole"},
	{"{" U8("a", "0", "8", "8") "," U8("b", "8", "4", "0") "}", 8, CAIRN_CORRUPT,
	 "tensor 'b': ends at 4 of the data before it begins at 8"},
	{"{" U8("a", "18446744073709551615", "18446744073709551615", "0") "}", 0, CAIRN_CORRUPT,
	 "a hole of 18446744073709551615"},
	/* sizes */
	{"{" U8("a", "0", "4", "5") "}", 4, CAIRN_CORRUPT,
	 "data_offsets 0 to 4 hold 4 bytes, but its shape as U8 needs 5"},
	{"{" U8("a", "0", "18446744073709551615", "1") "}", 1, CAIRN_CORRUPT, "needs 1"},
	{"{" U8("a", "0", "0", "") "}", 0, CAIRN_CORRUPT, "needs 1"},
	{"{" U8("a", "0", "1", "0") "}", 1, CAIRN_CORRUPT, "needs 0"},
	{INFO("\"dtype\":\"F32\",\"shape\":[9223372036854775807,4,0],\"data_offsets\":[0,0]"), 0,
	 CAIRN_CORRUPT, "overflows 64 bits"},
	{INFO("\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]"), 0,
	 CAIRN_CORRUPT, "overflows 64 bits"},
	{INFO("\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]"), 0,
	 CAIRN_CORRUPT, "overflows 64 bits"},
	{INFO("\"dtype\":\"F32\",\"shape\":[9223372036854775808,0],\"data_offsets\":[0,0]"), 0,
	 CAIRN_LIMIT, "tensor 'w': "},
	{INFO("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]"), 2, CAIRN_CORRUPT,
	 "12 bits of F4 end within a byte"},
	{INFO("\"dtype\":\"F6_E2M3\",\"shape\":[2],\"data_offsets\":[0,2]"), 2, CAIRN_CORRUPT,
	 "12 bits of F6_E2M3 end within a byte"},
	/* the end */
	{"{" U8("a", "0", "4", "4") "}", 3, CAIRN_TRUNCATED,
	 "the tensors end at 4 of the data, but the file has only 3 bytes of it"},
	{"{" U8("a", "0", "4", "4") "}", 0, CAIRN_TRUNCATED, "only 0 bytes"},
	{"{" U8("a", "0", "4", "4") "}", 5, CAIRN_CORRUPT, "1 bytes belong to no tensor"},
	{"{}", 1, CAIRN_CORRUPT, "1 bytes belong to no tensor"},
	{"{" U8("a", "0", "1000000000000000000", "1000000000000000000") "}", 10, CAIRN_TRUNCATED,
	 "end at 1000000000000000000"},
};

static enum cairn_status parse(struct arena *arena, const char *json, uint64_t size,
			       uint64_t data_size, struct cairn_error *error)
{
	struct safetensors_header header;

	return safetensors_parse(arena, json, size, SAFETENSORS_PREFIX_SIZE + size + data_size,
				 &header, error);
}

static void assert_refused(const char *json, uint64_t size, uint64_t data_size,
			   enum cairn_status status, const char *message)
{
	struct cairn_error error = {0};
	struct test_arena test;
	enum cairn_status found;

	test_arena_open(&test, 0);
	found = parse(&test.arena, json, size, data_size, &error);
	ck_assert_msg(found == status, "%.200s: %s: %s", json, cairn_status_name(found),
		      error.message);
	ck_assert_int_eq(error.code, status);
	ck_assert_msg(strstr(error.message, message) != NULL, "%.200s: %s", json, error.message);
	ck_assert_int_eq(parse(&test.arena, json, size, data_size, NULL), status);
	test_arena_close(&test);
}

START_TEST(refuses_what_is_wrong_and_says_what)
{
	assert_refused(refused[_i].json, strlen(refused[_i].json), refused[_i].data_size,
		       refused[_i].status, refused[_i].message);
}
END_TEST

START_TEST(refuses_nul_padding)
{
	assert_refused("{}\0\0\0\0\0", 8, 0, CAIRN_CORRUPT, "offset 10");
}
END_TEST

/* `count` times `middle` between two texts. */
static char *repeat(const char *before, const char *middle, size_t count, const char *after)
{
	const size_t middle_size = strlen(middle);
	char *const text = malloc(strlen(before) + count * middle_size + strlen(after) + 1);
	char *at = text;

	ck_assert_ptr_nonnull(text);
	at = stpcpy(at, before);
	for (size_t i = 0; i < count; i++, at += middle_size)
		memcpy(at, middle, middle_size);
	stpcpy(at, after);
	return text;
}

static const struct {
	const char *before;
	const char *middle;
	size_t allowed; /* so often it may be there */
	const char *after;
	const char *message;
} limits[] = {
	{"{\"w\":{\"dtype\":\"U8\",\"shape\":[", "1,", CAIRN_RANK_MAX - 1,
	 "1],\"data_offsets\":[0,1]}}", "tensor 'w': the shape has more than 254 dimensions"},
	{"{\"", "n", CAIRN_NAME_SIZE_MAX,
	 "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
	 "the tensor name at offset 9 has 1048577 bytes, 1048576 are allowed"},
	{"{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"__metadata__\":{\"", "k",
	 CAIRN_NAME_SIZE_MAX, "\":\"\"}}", "the metadata key at offset"},
	{"{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":", "{\"\":", 125, "1",
	 "nested more than 127 levels deep"},
};

START_TEST(limits_are_exact)
{
	char *const most = repeat(limits[_i].before, limits[_i].middle, limits[_i].allowed,
				  limits[_i].after);
	char *const more = repeat(limits[_i].before, limits[_i].middle, limits[_i].allowed + 1,
				  limits[_i].after);
	struct cairn_error error = {0};
	struct test_arena test;
	enum cairn_status status;

	test_arena_open(&test, 0);
	status = parse(&test.arena, most, strlen(most), 1, &error);
	/* the nested one has no ends: it fails, but not for its depth */
	ck_assert_msg(status == CAIRN_OK || (_i == 3 && status == CAIRN_CORRUPT), "%s",
		      error.message);
	test_arena_close(&test);
	assert_refused(more, strlen(more), 1, CAIRN_LIMIT, limits[_i].message);
	free(most);
	free(more);
}
END_TEST

START_TEST(the_metadata_count_is_limited)
{
	char *const json = repeat("{\"__metadata__\":{", "\"\":\"\",",
				  SAFETENSORS_METADATA_COUNT_MAX, "\"\":\"\"}}");

	assert_refused(json, strlen(json), 0, CAIRN_LIMIT, "more than 1048576 metadata entries");
	free(json);
}
END_TEST

static const struct {
	const char *bytes;
	size_t count;
	uint64_t file_size;
	enum cairn_status status;
	const char *message;
} first_bytes[] = {
	{"", 0, 0, CAIRN_TRUNCATED, "the file has 0 bytes, the length of the header alone takes 8"},
	{"\2\0\0\0\0\0\0", 7, 7, CAIRN_TRUNCATED, "the file has 7 bytes"},
	{"\2\0\0\0\0\0\0\0", 8, 8, CAIRN_TRUNCATED,
	 "the header ends at 10, but the file has only 8"},
	{"\2\0\0\0\0\0\0\0{", 9, 9, CAIRN_TRUNCATED, "the header ends at 10"},
	{"\0\xe1\xf5\5\0\0\0\0", 8, 100000007, CAIRN_TRUNCATED, "the header ends at 100000008"},
	{"\1\xe1\xf5\5\0\0\0\0", 8, 200000000, CAIRN_LIMIT,
	 "the header has 100000001 bytes, 100000000 are allowed"},
	{"\1\xe1\xf5\5\0\0\0\0", 8, 8, CAIRN_LIMIT, "100000001"},
	{"\xff\xff\xff\xff\xff\xff\xff\xff", 8, 8, CAIRN_LIMIT, "18446744073709551615"},
};

START_TEST(refuses_a_length_that_cannot_be)
{
	struct cairn_error error = {0};
	uint64_t size = 77;

	ck_assert_int_eq(safetensors_header_size((const uint8_t *)first_bytes[_i].bytes,
						 first_bytes[_i].count, first_bytes[_i].file_size,
						 &size, &error),
			 first_bytes[_i].status);
	ck_assert_msg(strstr(error.message, first_bytes[_i].message) != NULL, "%s", error.message);
	ck_assert_uint_eq(size, 77);
}
END_TEST

/* ---------------------------------------------------------------------- cuts, damage, no memory */

static const char good[] =
	"{\"__metadata__\":{\"format\":\"pt\",\"a\\u00e9\":\"\xc3\xa9\"},"
	"\"b.\\ud83d\\ude00\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[20,32]},"
	"\"c\":{\"dtype\":\"I64\",\"shape\":[],\"x\":[null,{\"y\":-1.5e3}],\"data_offsets\":[32,40]"
	"},"
	"\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]}}";

START_TEST(refuses_a_header_cut_anywhere)
{
	for (size_t size = 0; size < strlen(good); size++) {
		char *const cut = malloc(size + 1); /* exact, so that a sanitizer sees over-reads */
		struct test_arena test;
		enum cairn_status status;

		ck_assert_ptr_nonnull(cut);
		memcpy(cut, good, size);
		test_arena_open(&test, 0);
		status = parse(&test.arena, cut, size, 40, NULL);
		ck_assert_msg(status == CAIRN_CORRUPT, "%zu: %s", size, cairn_status_name(status));
		test_arena_close(&test);
		free(cut);
	}
}
END_TEST

START_TEST(refuses_a_file_cut_anywhere)
{
	const uint64_t header_size = strlen(good);
	const uint64_t file_size = SAFETENSORS_PREFIX_SIZE + header_size + 40;

	for (uint64_t size = 0; size < file_size; size++) {
		struct safetensors_header header;
		struct test_arena test;

		test_arena_open(&test, 0);
		ck_assert_int_eq(
			safetensors_parse(&test.arena, good, header_size, size, &header, NULL),
			CAIRN_TRUNCATED);
		test_arena_close(&test);
	}
}
END_TEST

/* What every accepted header must fulfil, however it came about. */
static void assert_sound(const struct safetensors_header *header, uint64_t data_size)
{
	uint64_t end = 0;

	for (uint64_t i = 0; i < header->tensor_count; i++) {
		ck_assert_uint_eq(header->tensors[i].begin, end);
		ck_assert_uint_ge(header->tensors[i].end, end);
		end = header->tensors[i].end;
	}
	ck_assert_uint_eq(end, data_size);
}

/* Every byte becomes every other one. */
START_TEST(damage_is_refused_or_harmless)
{
	const size_t size = strlen(good);
	char text[sizeof(good)];

	for (size_t i = 0; i < size; i++) {
		for (int flip = 1; flip < 256; flip++) {
			struct safetensors_header header;
			struct test_arena test;

			memcpy(text, good, size);
			text[i] = (char)(text[i] ^ flip);
			test_arena_open(&test, 0);
			if (safetensors_parse(&test.arena, text, size,
					      SAFETENSORS_PREFIX_SIZE + size + 40, &header,
					      NULL) == CAIRN_OK)
				assert_sound(&header, 40);
			test_arena_close(&test);
		}
	}
}
END_TEST

/* One way through everything that takes memory; NO_MEMORY or OK. */
typedef enum cairn_status everything(struct arena *arena, struct cairn_error *error);

static enum cairn_status read_and_describe(struct arena *arena, struct cairn_error *error)
{
	const uint64_t size = strlen(good);
	struct safetensors_header header;
	struct build_list list = {0};
	struct literal_buffer literal = {0};
	const enum cairn_status status = safetensors_parse(
		arena, good, size, SAFETENSORS_PREFIX_SIZE + size + 40, &header, error);

	if (status != CAIRN_OK)
		return status;
	return safetensors_describe(arena, &header, 1, 0, &list, &literal, error);
}

static enum cairn_status write_header(struct arena *arena, struct cairn_error *error)
{
	struct safetensors_tensor tensors[] = {{.name = text_of("b"), .dtype = CAIRN_U8},
					       {.name = text_of("a"), .dtype = CAIRN_U8}};
	const struct safetensors_pair pairs[] = {{text_of("b"), text_of("")},
						 {text_of("a"), text_of("")}};
	struct safetensors_header_input input = {
		.tensors = tensors, .tensor_count = 2, .metadata = pairs, .metadata_count = 2};
	uint32_t *order = NULL;
	uint64_t size = 0;
	uint8_t *bytes;
	const enum cairn_status status = safetensors_plan_order(arena, tensors, 2, &order, &size,
								error);

	if (status != CAIRN_OK)
		return status;
	input.order = order;
	return safetensors_header_write(arena, &input, &bytes, &size, error);
}

static const char good_index[] = "{\"metadata\":{\"total_size\":1,\"a\":\"\\u00e9\"},"
				 "\"weight_map\":{\"b\":\"2\",\"\\u0061\":\"\\u0031\"}}";

static enum cairn_status read_and_write_index(struct arena *arena, struct cairn_error *error)
{
	struct safetensors_index index = {0};
	char *json;
	uint64_t size;
	const enum cairn_status status = safetensors_index_parse(arena, good_index,
								 strlen(good_index), &index, error);

	return status != CAIRN_OK ? status
				  : safetensors_index_write(arena, &index, &json, &size, error);
}

static everything *const ways[] = {read_and_describe, write_header, read_and_write_index};

START_TEST(every_allocation_may_fail)
{
	enum cairn_status status = CAIRN_NO_MEMORY;

	for (uint64_t fail_at = 1; status != CAIRN_OK; fail_at++) {
		struct cairn_error error = {0};
		struct test_arena test;

		test_arena_open(&test, fail_at);
		status = ways[_i](&test.arena, &error);
		ck_assert_msg(status == CAIRN_OK || status == CAIRN_NO_MEMORY, "%s", error.message);
		ck_assert(status == CAIRN_OK || test.calls >= fail_at);
		test_arena_close(&test);
	}
}
END_TEST

/* One block serves many requests: room that grows little by little makes each of them fail. */
START_TEST(every_request_may_fail)
{
	enum cairn_status status = CAIRN_NO_MEMORY;
	uint64_t failures = 0;

	for (size_t spare = 0; status != CAIRN_OK; spare += 16) {
		struct cairn_error error = {0};
		struct test_arena test;
		uint8_t room[16384];

		ck_assert_uint_lt(spare, sizeof(room));
		test_arena_open(&test, 1); /* nothing beyond the room that is there */
		test.arena.next = room;
		test.arena.left = spare;
		status = ways[_i](&test.arena, &error);
		ck_assert_msg(status == CAIRN_OK || status == CAIRN_NO_MEMORY, "%s", error.message);
		failures += status == CAIRN_OK ? 0 : 1;
		test_arena_close(&test);
	}
	ck_assert_uint_gt(failures, 10);
}
END_TEST

/* ----------------------------------------------------------------- the index of a sharded model */

static const struct {
	const char *json;
	enum cairn_status status;
	const char *message;
} refused_indexes[] = {
	{"", CAIRN_CORRUPT, "offset 0: it ends"},
	{"[]", CAIRN_CORRUPT, "the index at offset 0 is an array, not an object"},
	{"{}", CAIRN_CORRUPT, "no member 'weight_map'"},
	{"{\"metadata\":{}}", CAIRN_CORRUPT, "no member 'weight_map'"},
	{"{\"weight_map\":{}} x", CAIRN_CORRUPT, "nothing but blanks"},
	{"{\"weight_map\":[]}", CAIRN_CORRUPT,
	 "weight_map at offset 14 is an array, not an object"},
	{"{\"weight_map\":null}", CAIRN_CORRUPT, "weight_map at offset 14 is null"},
	{"{\"weight_map\":{},\"weight_map\":{}}", CAIRN_CORRUPT, "weight_map is there twice"},
	{"{\"weight_map\":{},\"metadata\":{},\"metadata\":{}}", CAIRN_CORRUPT,
	 "metadata is there twice"},
	{"{\"weight_map\":{},\"metadata\":[]}", CAIRN_CORRUPT, "metadata at offset 28 is an array"},
	{"{\"weight_map\":{},\"metadata\":{\"a\":1,\"a\":2}}", CAIRN_CORRUPT,
	 "metadata key 'a' is there twice"},
	{"{\"weight_map\":{},\"metadata\":{\"a\":[1,}}", CAIRN_CORRUPT, "a value"},
	{"{\"weight_map\":{\"w\":1}}", CAIRN_CORRUPT,
	 "tensor 'w': its file at offset 19 is a number, not a string"},
	{"{\"weight_map\":{\"w\":null}}", CAIRN_CORRUPT, "tensor 'w': its file"},
	{"{\"weight_map\":{\"w\":\"a\",\"v\":\"a\",\"\\u0077\":\"a\"}}", CAIRN_CORRUPT,
	 "tensor 'w' is there twice"},
	{"{\"weight_map\":{\"w\":\"../a\"}}", CAIRN_CORRUPT,
	 "tensor 'w': shard '../a' is no plain file name: it holds a '/'"},
	{"{\"weight_map\":{\"w\":\"/etc/passwd\"}}", CAIRN_CORRUPT, "it holds a '/'"},
	{"{\"weight_map\":{\"w\":\"a\\/b\"}}", CAIRN_CORRUPT, "it holds a '/'"},
	{"{\"weight_map\":{\"w\":\"\\u002e\\u002e\\u002fa\"}}", CAIRN_CORRUPT, "it holds a '/'"},
	{"{\"weight_map\":{\"w\":\"..\"}}", CAIRN_CORRUPT, "shard '..' is no plain file name"},
	{"{\"weight_map\":{\"w\":\"a..b\"}}", CAIRN_CORRUPT, "it holds '..'"},
	{"{\"weight_map\":{\"w\":\".\"}}", CAIRN_CORRUPT, "it is a folder"},
	{"{\"weight_map\":{\"w\":\"\"}}", CAIRN_CORRUPT, "it is empty"},
	{"{\"weight_map\":{\"w\":\"a\\u0000b\"}}", CAIRN_CORRUPT, "it holds a NUL"},
	{"{\"weight_map\":{\"w\":\"a\xff\"}}", CAIRN_CORRUPT, "invalid UTF-8"},
	{"\xef\xbb\xbf{\"weight_map\":{}}", CAIRN_CORRUPT, "offset 0"},
};

START_TEST(refuses_indexes_that_are_wrong)
{
	const char *const json = refused_indexes[_i].json;
	struct safetensors_index index = {.entry_count = 77};
	struct cairn_error error = {0};
	struct test_arena test;

	test_arena_open(&test, 0);
	ck_assert_msg(safetensors_index_parse(&test.arena, json, strlen(json), &index, &error) ==
			      refused_indexes[_i].status,
		      "%s: %s", json, error.message);
	ck_assert_msg(strstr(error.message, refused_indexes[_i].message) != NULL, "%s: %s", json,
		      error.message);
	ck_assert_uint_eq(index.entry_count, 77);
	test_arena_close(&test);
}
END_TEST

START_TEST(refuses_an_index_that_is_too_long)
{
	struct safetensors_index index;
	struct test_arena test;

	test_arena_open(&test, 0);
	ck_assert_int_eq(safetensors_index_parse(&test.arena, "{}",
						 (uint64_t)SAFETENSORS_HEADER_SIZE_MAX + 1, &index,
						 NULL),
			 CAIRN_LIMIT);
	test_arena_close(&test);
}
END_TEST

START_TEST(refuses_an_index_cut_anywhere)
{
	for (size_t size = 0; size < strlen(good_index); size++) {
		struct safetensors_index index;
		struct test_arena test;

		test_arena_open(&test, 0);
		ck_assert_int_eq(
			safetensors_index_parse(&test.arena, good_index, size, &index, NULL),
			CAIRN_CORRUPT);
		test_arena_close(&test);
	}
}
END_TEST

/* -------------------------------------------------------------------------------------- writing */

static const uint64_t three[] = {3};
static const uint64_t huge[] = {(uint64_t)1 << 62};
static const uint64_t overflowing[] = {(uint64_t)1 << 40, (uint64_t)1 << 40, 0};

static const struct {
	const char *names[2];
	enum cairn_dtype dtype;
	uint8_t rank;
	const uint64_t *dims;
	enum cairn_status status;
	const char *message;
} plans[] = {
	{{"a", "b"},
	 CAIRN_STRING,
	 0,
	 NULL,
	 CAIRN_UNSUPPORTED,
	 "tensor 'a': safetensors has no type for string"},
	{{"a", "b"}, CAIRN_C128, 1, three, CAIRN_UNSUPPORTED, "no type for c128"},
	{{"a", "b"}, CAIRN_Q4_0, 1, three, CAIRN_UNSUPPORTED, "no type for q4_0"},
	{{"a", "b"}, (enum cairn_dtype)9999, 1, three, CAIRN_UNSUPPORTED, "an unknown type"},
	{{"a", "a"}, CAIRN_U8, 1, three, CAIRN_EXISTS, "tensor 'a' is there twice"},
	{{"a", "__metadata__"}, CAIRN_U8, 1, three, CAIRN_UNSUPPORTED, "'__metadata__'"},
	{{"a", "\xff"}, CAIRN_U8, 1, three, CAIRN_INVALID_ARGUMENT, "tensor '\\xff' is no UTF-8"},
	{{"a", "b"}, CAIRN_F4_E2M1, 1, three, CAIRN_MISMATCH, "tensor 'a': 3 elements"},
	{{"a", "b"}, CAIRN_U8, 1, huge, CAIRN_LIMIT, "tensor 'b': "},
	{{"a", "b"}, CAIRN_U8, 3, overflowing, CAIRN_LIMIT, "tensor 'a': "},
};

START_TEST(refuses_to_plan_what_cannot_be_written)
{
	struct safetensors_tensor tensors[2];
	struct cairn_error error = {0};
	struct test_arena test;
	uint32_t *order = NULL;
	uint64_t size = 0;

	for (size_t i = 0; i < 2; i++)
		tensors[i] = (struct safetensors_tensor){.name = text_of(plans[_i].names[i]),
							 .dtype = plans[_i].dtype,
							 .rank = plans[_i].rank,
							 .dims = plans[_i].dims};
	test_arena_open(&test, 0);
	ck_assert_int_eq(safetensors_plan_order(&test.arena, tensors, 2, &order, &size, &error),
			 plans[_i].status);
	ck_assert_msg(strstr(error.message, plans[_i].message) != NULL, "%s", error.message);
	ck_assert_ptr_null(order);
	test_arena_close(&test);
}
END_TEST

static void assert_header_refused(const struct safetensors_header_input *input,
				  enum cairn_status status, const char *message)
{
	struct cairn_error error = {0};
	struct test_arena test;
	uint8_t *bytes = NULL;
	uint64_t size = 0;

	test_arena_open(&test, 0);
	ck_assert_int_eq(safetensors_header_write(&test.arena, input, &bytes, &size, &error),
			 status);
	ck_assert_msg(strstr(error.message, message) != NULL, "%s", error.message);
	ck_assert_ptr_null(bytes);
	test_arena_close(&test);
}

START_TEST(refuses_to_write_a_header_that_is_wrong)
{
	const struct safetensors_pair twice[] = {{text_of("k"), text_of("1")},
						 {text_of("k"), text_of("2")}};
	const struct safetensors_pair invalid = {text_of("k"), text_of("\xff")};
	const struct safetensors_tensor tensor = {.name = text_of("a"), .dtype = CAIRN_STRING};
	static const uint32_t order[] = {0};
	struct safetensors_header_input input = {.metadata = twice, .metadata_count = 2};

	assert_header_refused(&input, CAIRN_EXISTS, "metadata key 'k' is there twice");
	input = (struct safetensors_header_input){.metadata = &invalid, .metadata_count = 1};
	assert_header_refused(&input, CAIRN_INVALID_ARGUMENT, "'k' is no UTF-8");
	input = (struct safetensors_header_input){
		.tensors = &tensor, .order = order, .tensor_count = 1};
	assert_header_refused(&input, CAIRN_UNSUPPORTED, "tensor 'a'");
	input = (struct safetensors_header_input){.alignment = 24};
	assert_header_refused(&input, CAIRN_INVALID_ARGUMENT, "alignment 24");
	input = (struct safetensors_header_input){.alignment = 4};
	assert_header_refused(&input, CAIRN_INVALID_ARGUMENT, "alignment 4");
}
END_TEST

START_TEST(refuses_to_write_a_header_that_is_too_long)
{
	static const size_t size = 20000000; /* control characters take six bytes each */
	char *const value = malloc(size);
	struct safetensors_pair pair = {text_of("k"), {value, size}};
	const struct safetensors_header_input input = {.metadata = &pair, .metadata_count = 1};

	ck_assert_ptr_nonnull(value);
	memset(value, 1, size);
	assert_header_refused(&input, CAIRN_LIMIT, "safetensors allows 100000000");
	free(value);
}
END_TEST

START_TEST(refuses_to_write_an_index_that_is_wrong)
{
	struct cairn_string shards[] = {text_of("one")};
	struct safetensors_index_entry entries[] = {{text_of("a"), 0}, {text_of("a"), 0}};
	struct safetensors_index index = {
		.entries = entries, .entry_count = 2, .shards = shards, .shard_count = 1};
	struct cairn_error error = {0};
	struct test_arena test;
	char *json = NULL;
	uint64_t size = 0;

	test_arena_open(&test, 0);
	ck_assert_int_eq(safetensors_index_write(&test.arena, &index, &json, &size, &error),
			 CAIRN_EXISTS);
	ck_assert_str_eq(error.message, "tensor 'a' is there twice");
	entries[1] = (struct safetensors_index_entry){text_of("b"), 1};
	ck_assert_int_eq(safetensors_index_write(&test.arena, &index, &json, &size, &error),
			 CAIRN_INVALID_ARGUMENT);
	ck_assert_str_eq(error.message, "tensor 'b': shard 1 of 1");
	entries[1] = (struct safetensors_index_entry){text_of("\xff"), 0};
	ck_assert_int_eq(safetensors_index_write(&test.arena, &index, &json, &size, &error),
			 CAIRN_INVALID_ARGUMENT);
	ck_assert_ptr_null(json);
	test_arena_close(&test);
}
END_TEST

/* ---------------------------------------------------------------------------------------- suite */

static void add_damage_tests(Suite *suite)
{
	TCase *tests = tcase_create("damage");

	tcase_add_test(tests, refuses_a_header_cut_anywhere);
	tcase_add_test(tests, refuses_a_file_cut_anywhere);
	tcase_add_test(tests, damage_is_refused_or_harmless);
	tcase_add_loop_test(tests, every_allocation_may_fail, 0, COUNT(ways));
	tcase_add_loop_test(tests, every_request_may_fail, 0, COUNT(ways));
	suite_add_tcase(suite, tests);
}

static void add_writing_tests(Suite *suite)
{
	TCase *tests = tcase_create("writing");

	tcase_add_loop_test(tests, refuses_to_plan_what_cannot_be_written, 0, COUNT(plans));
	tcase_add_test(tests, refuses_to_write_a_header_that_is_wrong);
	tcase_add_test(tests, refuses_to_write_a_header_that_is_too_long);
	tcase_add_test(tests, refuses_to_write_an_index_that_is_wrong);
	suite_add_tcase(suite, tests);
}

static Suite *safetensors_corrupt_suite(void)
{
	Suite *suite = suite_create("safetensors_corrupt");
	TCase *header = tcase_create("header");
	TCase *indexing = tcase_create("index");

	tcase_add_loop_test(header, refuses_what_is_wrong_and_says_what, 0, COUNT(refused));
	tcase_add_test(header, refuses_nul_padding);
	tcase_add_loop_test(header, limits_are_exact, 0, COUNT(limits));
	tcase_add_test(header, the_metadata_count_is_limited);
	tcase_add_loop_test(header, refuses_a_length_that_cannot_be, 0, COUNT(first_bytes));
	suite_add_tcase(suite, header);
	add_damage_tests(suite);
	tcase_add_loop_test(indexing, refuses_indexes_that_are_wrong, 0, COUNT(refused_indexes));
	tcase_add_test(indexing, refuses_an_index_that_is_too_long);
	tcase_add_test(indexing, refuses_an_index_cut_anywhere);
	suite_add_tcase(suite, indexing);
	add_writing_tests(suite);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(safetensors_corrupt_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
