/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors headers and indexes that are right: what is found in them, what is handed to the
 * index builder, and what is written. What was accepted here was accepted by the official reader,
 * version 0.8, too.
 */
#include "format/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "format/bytes.h"
#include "format/index.h"
#include "tests/support/test_arena.h"

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static struct cairn_string text_of(const char *text)
{
	return (struct cairn_string){text, strlen(text)};
}

static void assert_string(struct cairn_string string, const char *expected)
{
	ck_assert_uint_eq(string.size, strlen(expected));
	ck_assert_mem_eq(string.data, expected, string.size);
}

/* Parses a header whose data are `data_size` bytes; aborts with the message when it is refused. */
static struct safetensors_header parse(struct arena *arena, const char *json, uint64_t data_size)
{
	const uint64_t size = strlen(json);
	struct safetensors_header header = {0};
	struct cairn_error error = {0};

	ck_assert_msg(safetensors_parse(arena, json, size,
					SAFETENSORS_PREFIX_SIZE + size + data_size, &header,
					&error) == CAIRN_OK,
		      "%s: %s", json, error.message);
	ck_assert_uint_eq(header.data_offset, SAFETENSORS_PREFIX_SIZE + size);
	return header;
}

/* ----------------------------------------------------------------------------------- the header */

static const struct {
	const char *json;
	uint64_t data_size;
	uint64_t tensors;
	uint64_t metadata;
} accepted[] = {
	{"{}", 0, 0, 0},
	{"{}      ", 0, 0, 0},
	{" \t\r\n{ } \t\r\n", 0, 0, 0},
	{"{\"__metadata__\":null}", 0, 0, 0},
	{"{\"__metadata__\":{}}", 0, 0, 0},
	{"{\"__metadata__\":{\"\":\"\",\"a\":\"b\"}}", 0, 0, 2},
	{"{\"\\u005f_metadata__\":{\"a\":\"b\"}}", 0, 0, 1},
	{"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", 16, 1, 0},
	{"{\"a\":{\"data_offsets\":[0,16],\"shape\":[4],\"dtype\":\"F32\"}}", 16, 1, 0},
	{"{\"a\":{\"d\\u0074ype\":\"F\\u00332\",\"shape\":[4],\"data_offsets\":[0,16]}}", 16, 1, 0},
	{"{\"\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, 1, 0},
	{"{\"a\\u0000b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, 1, 0},
	{"{\"a\":{\"dtype\":\"U8\",\"x\":{\"y\":[1,{}]},\"shape\":[1],\"x\":-1.5e3,"
	 "\"data_offsets\":[0,1]}}",
	 1, 1, 0},
	{"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
	 "\"__metadata__\":{\"format\":\"pt\"}}",
	 1, 1, 1},
	{"{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
	 "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[3,7]}}",
	 7, 2, 0},
	{"{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[3,7]},"
	 "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}",
	 7, 2, 0},
	{"{\"a\":{\"dtype\":\"F4\",\"shape\":[2,3],\"data_offsets\":[0,3]}}", 3, 1, 0},
	{"{\"a\":{\"dtype\":\"F6_E2M3\",\"shape\":[4],\"data_offsets\":[0,3]}}", 3, 1, 0},
	{"{\"a\":{\"dtype\":\"F6_E3M2\",\"shape\":[2,4],\"data_offsets\":[0,6]}}", 6, 1, 0},
	{"{\"a\":{\"dtype\":\"C64\",\"shape\":[2],\"data_offsets\":[0,16]}}", 16, 1, 0},
	{"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807,4],\"data_offsets\":[0,0]}}",
	 0, 1, 0},
	{"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,18446744073709551615],\"data_offsets\":[0,0]}}", 0,
	 1, 0},
	{"{\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
	 "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
	 "\"f\":{\"dtype\":\"I8\",\"shape\":[2,0],\"data_offsets\":[2,2]},"
	 "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]},"
	 "\"g\":{\"dtype\":\"F64\",\"shape\":[0],\"data_offsets\":[4,4]}}",
	 4, 5, 0},
};

START_TEST(accepts_what_the_official_reader_accepts)
{
	struct test_arena test;
	struct safetensors_header header;

	test_arena_open(&test, 0);
	header = parse(&test.arena, accepted[_i].json, accepted[_i].data_size);
	ck_assert_uint_eq(header.tensor_count, accepted[_i].tensors);
	ck_assert_uint_eq(header.metadata_count, accepted[_i].metadata);
	test_arena_close(&test);
}
END_TEST

static const struct {
	const char *name;
	enum cairn_dtype dtype;
	uint32_t bits;
} dtypes[] = {
	{"BOOL", CAIRN_BOOL, 8},
	{"F4", CAIRN_F4_E2M1, 4},
	{"F6_E2M3", CAIRN_F6_E2M3, 6},
	{"F6_E3M2", CAIRN_F6_E3M2, 6},
	{"U8", CAIRN_U8, 8},
	{"I8", CAIRN_I8, 8},
	{"F8_E5M2", CAIRN_F8_E5M2, 8},
	{"F8_E4M3", CAIRN_F8_E4M3FN, 8},
	{"F8_E8M0", CAIRN_F8_E8M0, 8},
	{"F8_E4M3FNUZ", CAIRN_F8_E4M3FNUZ, 8},
	{"F8_E5M2FNUZ", CAIRN_F8_E5M2FNUZ, 8},
	{"I16", CAIRN_I16, 16},
	{"U16", CAIRN_U16, 16},
	{"F16", CAIRN_F16, 16},
	{"BF16", CAIRN_BF16, 16},
	{"I32", CAIRN_I32, 32},
	{"U32", CAIRN_U32, 32},
	{"F32", CAIRN_F32, 32},
	{"C64", CAIRN_C64, 64},
	{"F64", CAIRN_F64, 64},
	{"I64", CAIRN_I64, 64},
	{"U64", CAIRN_U64, 64},
};

START_TEST(knows_every_type)
{
	struct test_arena test;
	struct safetensors_header header;
	char json[128];

	snprintf(json, sizeof(json),
		 "{\"a\":{\"dtype\":\"%s\",\"shape\":[4],\"data_offsets\":[0,%u]}}",
		 dtypes[_i].name, dtypes[_i].bits / 2);
	test_arena_open(&test, 0);
	header = parse(&test.arena, json, dtypes[_i].bits / 2);
	ck_assert_int_eq(header.tensors[0].dtype, dtypes[_i].dtype);
	test_arena_close(&test);
}
END_TEST

static const char three_tensors[] =
	"{\"b.weight\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[20,32]},"
	"\"__metadata__\":{\"z\":\"last\",\"a\\n\":\"fir\\u0073t\"},"
	"\"\\u00e9\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[32,40]},"
	"\"a.weight\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]}}";

START_TEST(gives_tensors_in_offset_order_and_metadata_in_key_order)
{
	struct test_arena test;
	struct safetensors_header header;

	test_arena_open(&test, 0);
	header = parse(&test.arena, three_tensors, 40);
	ck_assert_uint_eq(header.tensor_count, 3);
	assert_string(header.tensors[0].name, "a.weight");
	assert_string(header.tensors[1].name, "b.weight");
	assert_string(header.tensors[2].name, "\xc3\xa9");
	ck_assert_int_eq(header.tensors[1].dtype, CAIRN_F16);
	ck_assert_uint_eq(header.tensors[1].rank, 2);
	ck_assert_uint_eq(header.tensors[1].dims[0], 2);
	ck_assert_uint_eq(header.tensors[1].dims[1], 3);
	ck_assert_uint_eq(header.tensors[1].begin, 20);
	ck_assert_uint_eq(header.tensors[1].end, 32);
	ck_assert_uint_eq(header.tensors[1].key_offset, SAFETENSORS_PREFIX_SIZE + 1);
	ck_assert_uint_eq(header.tensors[2].rank, 0);
	ck_assert_uint_eq(header.metadata_count, 2);
	assert_string(header.metadata[0].key, "a\n");
	assert_string(header.metadata[0].value, "first");
	assert_string(header.metadata[1].key, "z");
	assert_string(header.metadata[1].value, "last");
	test_arena_close(&test);
}
END_TEST

START_TEST(knows_the_order_of_names)
{
	struct test_arena test;
	struct safetensors_header header;

	test_arena_open(&test, 0);
	header = parse(&test.arena,
		       "{\"m\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},"
		       "\"n.1\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[1,2]},"
		       "\"n\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[2,3]},"
		       "\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[3,4]}}",
		       4);
	ck_assert_uint_eq(header.name_order[0], 3);
	ck_assert_uint_eq(header.name_order[1], 0);
	ck_assert_uint_eq(header.name_order[2], 2);
	ck_assert_uint_eq(header.name_order[3], 1);
	test_arena_close(&test);
}
END_TEST

/* A permutation of 0 to count - 1, the same for the same seed. */
static void shuffle(uint32_t *numbers, uint32_t count, uint32_t seed)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t other = (uint32_t)(((uint64_t)(seed = seed * 1664525 + 1013904223) *
						   (i + 1)) >>
						  32);

		numbers[i] = numbers[other];
		numbers[other] = i;
	}
}

/* Names share beginnings of all lengths; the header, the names and the data have orders of their
 * own. */
START_TEST(sorts_headers_in_any_order)
{
	enum {
		MANY = 1000,
		ENTRY_SIZE = 80
	};
	static char json[MANY * ENTRY_SIZE];
	uint32_t members[MANY];
	uint32_t places[MANY];
	char *at = json;
	struct test_arena test;
	struct safetensors_header header;

	shuffle(members, MANY, (uint32_t)_i);
	shuffle(places, MANY, (uint32_t)_i + 100);
	for (size_t i = 0; i < MANY; i++)
		at += sprintf(at,
			      "%c\"layer.%u.w%0*u\":{\"dtype\":\"U8\",\"shape\":[1],"
			      "\"data_offsets\":[%u,%u]}",
			      i == 0 ? '{' : ',', members[i] % 30, (int)(members[i] % 9 + 1),
			      members[i], places[members[i]], places[members[i]] + 1);
	strcpy(at, "}");
	test_arena_open(&test, 0);
	header = parse(&test.arena, json, MANY);
	for (uint64_t i = 1; i < MANY; i++) {
		const struct safetensors_tensor
			*const a = &header.tensors[header.name_order[i - 1]];
		const struct safetensors_tensor *const b = &header.tensors[header.name_order[i]];

		ck_assert_int_lt(index_name_compare(a->name, b->name), 0);
		ck_assert_uint_eq(header.tensors[i].begin, i);
	}
	test_arena_close(&test);
}
END_TEST

START_TEST(the_memory_for_a_long_header_is_bounded_by_what_is_in_it)
{
	enum {
		SIZE = 1 << 20
	};
	struct test_arena test;
	struct safetensors_header header;
	char *const json = malloc(SIZE + 1);

	ck_assert_ptr_nonnull(json);
	memset(json, ' ', SIZE);
	json[SIZE] = '\0';
	memcpy(json, "{}", 2);
	test_arena_open(&test, 0);
	header = parse(&test.arena, json, 0);
	ck_assert_uint_eq(header.tensor_count, 0);
	ck_assert_uint_lt(test.arena.size, 65536);
	test_arena_close(&test);
	free(json);
}
END_TEST

/* ---------------------------------------------------------------------------------- first bytes */

#define PREFIX(n) n "\0\0\0\0\0\0\0"

static const struct {
	const char *name;
	const char *bytes;
	size_t size;
	uint64_t file_size;
	bool plausible;
} probes[] = {
	{"the smallest file", PREFIX("\2") "{}", 10, 10, true},
	{"blanks in front", PREFIX("\x10") "   \n{}", 14, 100, true},
	{"cut within the header", PREFIX("\x70") "{\"a\"", 12, 12, true},
	{"a header that is too long", "\x01\xe1\xf5\x05\0\0\0\0{", 9, 9, true},
	{"blanks as far as one can see", PREFIX("\x70") "    ", 12, 200, true},
	{"blanks, and a file too short for the header", PREFIX("\x70") "    ", 12, 12, false},
	{"nothing but blanks in the header", PREFIX("\4") "    {}", 14, 14, false},
	{"an empty header", PREFIX("\0") "{}", 10, 10, false},
	{"an array", PREFIX("\2") "[]", 10, 10, false},
	{"a byte order mark", PREFIX("\5") "\xef\xbb\xbf{}", 13, 13, false},
	{"text", "{\"metadata\": {\"total\": 1}}", 26, 26, false},
	{"GGUF", "GGUF\3\0\0\0\2\0\0\0\0\0\0\0", 16, 16, false},
	{"zip", "PK\3\4\0\0\10\10{\0\0\0", 12, 12, false},
	{"zeros", "\0\0\0\0\0\0\0\0\0\0\0\0", 12, 12, false},
	{"eight bytes", PREFIX("\2"), 8, 8, false},
	{"seven bytes", "\2\0\0\0\0\0\0", 7, 7, false},
	{"nothing", "", 0, 0, false},
};

START_TEST(tells_from_the_first_bytes_what_may_be_one)
{
	ck_assert_msg(safetensors_probe((const uint8_t *)probes[_i].bytes, probes[_i].size,
					probes[_i].file_size) == probes[_i].plausible,
		      "%s", probes[_i].name);
}
END_TEST

START_TEST(reads_the_length_of_the_header)
{
	uint64_t size = 0;

	ck_assert_int_eq(
		safetensors_header_size((const uint8_t *)PREFIX("\2") "{}", 10, 10, &size, NULL),
		CAIRN_OK);
	ck_assert_uint_eq(size, 2);
}
END_TEST

/* ------------------------------------------------------------------------ for the index builder */

static void assert_one_extent(const struct build_tensor *tensor, uint16_t shard, uint64_t offset,
			      uint64_t size, uint32_t storage_rank)
{
	const struct build_slice *const slice = &tensor->slices[0];

	ck_assert_uint_eq(tensor->slice_count, 1);
	ck_assert_uint_eq(tensor->size, size);
	ck_assert_uint_eq(slice->size, size);
	ck_assert_uint_eq(slice->storage_rank, storage_rank);
	ck_assert_ptr_null(slice->ranges);
	ck_assert_ptr_null(slice->chunk_digests);
	ck_assert_uint_eq(slice->chunk_size, CHUNK_SIZE_DEFAULT);
	ck_assert_uint_eq(slice->check_kind, CHECK_NONE);
	ck_assert_uint_eq(slice->transform, TRANSFORM_NONE);
	ck_assert_uint_eq(slice->extent_count, 1);
	ck_assert_uint_eq(slice->extents[0].shard, shard);
	ck_assert_uint_eq(slice->extents[0].offset, offset);
	ck_assert_uint_eq(slice->extents[0].size, size);
	ck_assert_uint_eq(slice->extents[0].stored_size, size);
	ck_assert_uint_eq(slice->extents[0].codec, CODEC_RAW);
}

START_TEST(describes_tensors_where_they_lie)
{
	const uint64_t data = SAFETENSORS_PREFIX_SIZE + strlen(three_tensors);
	struct build_list list = {0};
	struct literal_buffer literal = {0};
	struct test_arena test;
	struct safetensors_header header;

	test_arena_open(&test, 0);
	header = parse(&test.arena, three_tensors, 40);
	ck_assert_int_eq(safetensors_describe(&test.arena, &header, 7, 100, &list, &literal, NULL),
			 CAIRN_OK);
	ck_assert_uint_eq(list.count, 5);
	assert_string(list.tensors[0].name, "a.weight");
	assert_one_extent(&list.tensors[0], 7, data, 20, 100);
	assert_string(list.tensors[1].name, "b.weight");
	assert_one_extent(&list.tensors[1], 7, data + 20, 12, 101);
	ck_assert_uint_eq(list.tensors[1].name_space, NAME_SPACE_TENSOR);
	ck_assert_uint_eq(list.tensors[1].rank, 2);
	ck_assert_uint_eq(list.tensors[1].dims[1], 3);
	ck_assert_int_eq(list.tensors[1].dtype, CAIRN_F16);
	ck_assert_uint_eq(list.tensors[1].block_elements, 1);
	ck_assert_uint_eq(list.tensors[1].block_bytes, 2);
	ck_assert_uint_eq(list.tensors[1].packing, PACKING_FLAT);
	assert_one_extent(&list.tensors[2], 7, data + 32, 8, 102);
	test_arena_close(&test);
}
END_TEST

static void assert_text(const struct build_tensor *tensor, const struct literal_buffer *literal,
			const char *key, const char *value)
{
	const uint64_t size = strlen(value);
	const uint64_t offset = tensor->slices[0].extents[0].offset;

	assert_string(tensor->name, key);
	ck_assert_uint_eq(tensor->name_space, NAME_SPACE_METADATA);
	ck_assert_int_eq(tensor->dtype, CAIRN_STRING);
	ck_assert_uint_eq(tensor->rank, 0);
	ck_assert_uint_eq(offset % LITERAL_ALIGNMENT, 0);
	ck_assert_uint_eq(tensor->slices[0].extents[0].shard, 0);
	ck_assert_uint_eq(tensor->size, 8 + size);
	ck_assert(range_within(offset, 8 + size, literal->size));
	ck_assert_uint_eq(load_u64(literal->bytes + offset), size);
	ck_assert_mem_eq(literal->bytes + offset + 8, value, size);
}

START_TEST(describes_metadata_as_strings_of_their_own)
{
	struct build_list list = {0};
	struct literal_buffer literal = {0};
	struct test_arena test;
	struct safetensors_header header;

	test_arena_open(&test, 0);
	header = parse(&test.arena, "{\"__metadata__\":{\"a\":\"\",\"b\":\"two\"}}", 0);
	ck_assert_int_eq(safetensors_describe(&test.arena, &header, 1, 0, &list, &literal, NULL),
			 CAIRN_OK);
	header = parse(&test.arena, "{\"__metadata__\":{\"c\":\"behind the others\"}}", 0);
	ck_assert_int_eq(safetensors_describe(&test.arena, &header, 2, 0, &list, &literal, NULL),
			 CAIRN_OK);
	ck_assert_uint_eq(list.count, 3);
	assert_text(&list.tensors[0], &literal, "a", "");
	assert_text(&list.tensors[1], &literal, "b", "two");
	assert_text(&list.tensors[2], &literal, "c", "behind the others");
	test_arena_close(&test);
}
END_TEST

START_TEST(the_bytes_between_literals_are_zero)
{
	struct literal_buffer literal = {0};
	struct test_arena test;
	uint64_t offset = 1;

	test_arena_open(&test, 0);
	ck_assert_ptr_nonnull(literal_reserve(&test.arena, &literal, 0, &offset));
	ck_assert_uint_eq(offset, 0);
	for (int i = 0; i < 100; i++) {
		uint8_t *const bytes = literal_reserve(&test.arena, &literal, 1, &offset);

		ck_assert_ptr_nonnull(bytes);
		ck_assert_uint_eq(offset, 64 * (uint64_t)i);
		*bytes = 0xff;
	}
	for (uint64_t i = 0; i < literal.size; i++)
		ck_assert_uint_eq(literal.bytes[i], i % 64 == 0 ? 0xff : 0);
	test_arena_close(&test);
}
END_TEST

/* -------------------------------------------------------------------------------------- writing */

static const uint64_t four[] = {4};
static const uint64_t two_by_three[] = {2, 3};

static struct safetensors_tensor tensor_of(const char *name, enum cairn_dtype dtype, uint8_t rank,
					   const uint64_t *dims)
{
	return (struct safetensors_tensor){
		.name = text_of(name), .dtype = dtype, .rank = rank, .dims = dims};
}

/* Plans and writes; `expected` is the file's beginning, data excluded. */
static void assert_written(struct safetensors_tensor *tensors, uint64_t count,
			   const struct safetensors_pair *metadata, uint64_t metadata_count,
			   const char *expected, size_t expected_size)
{
	struct test_arena test;
	struct cairn_error error = {0};
	uint32_t *order = NULL;
	uint64_t data_size = 0;
	uint64_t size = 0;
	uint8_t *bytes = NULL;
	struct safetensors_header_input input = {.tensors = tensors,
						 .tensor_count = count,
						 .metadata = metadata,
						 .metadata_count = metadata_count};

	test_arena_open(&test, 0);
	ck_assert_msg(safetensors_plan_order(&test.arena, tensors, count, &order, &data_size,
					     &error) == CAIRN_OK,
		      "%s", error.message);
	input.order = order;
	ck_assert_msg(safetensors_header_write(&test.arena, &input, &bytes, &size, &error) ==
			      CAIRN_OK,
		      "%s", error.message);
	ck_assert_uint_eq(size, expected_size);
	ck_assert_mem_eq(bytes, expected, size);
	test_arena_close(&test);
}

#define ASSERT_WRITTEN(tensors, count, metadata, metadata_count, expected)                         \
 assert_written(tensors, count, metadata, metadata_count, expected, sizeof(expected) - 1)

START_TEST(writes_the_bytes_of_the_official_writer)
{
	struct safetensors_tensor tensor = tensor_of("a", CAIRN_F32, 1, four);

	ASSERT_WRITTEN(&tensor, 1, NULL, 0,
		       "\x38\0\0\0\0\0\0\0"
		       "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}} ");
	ASSERT_WRITTEN(NULL, 0, NULL, 0, "\x08\0\0\0\0\0\0\0{}      ");
}
END_TEST

START_TEST(writes_metadata_first_and_sorted)
{
	const struct safetensors_pair pairs[] = {{text_of("format"), text_of("pt")},
						 {text_of("a\n"), text_of("\"\xc3\xa9\x7f\x01")}};

	ASSERT_WRITTEN(
		NULL, 0, pairs, 2,
		"\x38\0\0\0\0\0\0\0"
		"{\"__metadata__\":{\"a\\n\":\"\\\"\xc3\xa9\x7f\\u0001\",\"format\":\"pt\"}} "
		"   ");
}
END_TEST

START_TEST(orders_by_type_descending_then_by_name)
{
	struct safetensors_tensor tensors[] = {
		tensor_of("c", CAIRN_U8, 1, four),      tensor_of("b", CAIRN_F32, 1, four),
		tensor_of("d", CAIRN_I64, 0, NULL),     tensor_of("a", CAIRN_F32, 2, two_by_three),
		tensor_of("e", CAIRN_F4_E2M1, 1, four), tensor_of("f", CAIRN_BOOL, 1, four),
	};
	static const uint32_t expected[] = {2, 3, 1, 0, 4, 5};
	static const uint64_t begins[] = {0, 8, 32, 48, 52, 54};
	struct test_arena test;
	uint32_t *order = NULL;
	uint64_t data_size = 0;

	test_arena_open(&test, 0);
	ck_assert_int_eq(safetensors_plan_order(&test.arena, tensors, 6, &order, &data_size, NULL),
			 CAIRN_OK);
	ck_assert_uint_eq(data_size, 58);
	for (int i = 0; i < 6; i++) {
		ck_assert_uint_eq(order[i], expected[i]);
		ck_assert_uint_eq(tensors[order[i]].begin, begins[i]);
	}
	test_arena_close(&test);
}
END_TEST

START_TEST(pads_to_the_alignment)
{
	static const uint64_t alignments[] = {8, 64, 4096, 2 << 20};
	struct safetensors_tensor tensor = tensor_of("a", CAIRN_F32, 1, four);
	static const uint32_t order[] = {0};
	struct safetensors_header_input input = {
		.tensors = &tensor, .order = order, .tensor_count = 1};

	for (size_t i = 0; i < sizeof(alignments) / sizeof(alignments[0]); i++) {
		struct test_arena test;
		uint8_t *bytes = NULL;
		uint64_t size = 0;

		test_arena_open(&test, 0);
		input.alignment = alignments[i];
		ck_assert_int_eq(safetensors_header_write(&test.arena, &input, &bytes, &size, NULL),
				 CAIRN_OK);
		ck_assert_uint_eq(size % alignments[i], 0);
		ck_assert_uint_eq(load_u64(bytes), size - SAFETENSORS_PREFIX_SIZE);
		ck_assert_uint_eq(bytes[size - 1], ' ');
		test_arena_close(&test);
	}
}
END_TEST

/* Every type, and names and values that need escapes: read back as they were given. */
START_TEST(reads_what_it_writes)
{
	static const char name_bytes[] = "n\"\\\n\0\xe2\x82\xac";
	static const uint64_t dims[] = {4, 0, UINT64_MAX};
	static const uint64_t four_by_two[] = {4, 2};
	char names[COUNT(dtypes)][sizeof(name_bytes)];
	struct safetensors_tensor tensors[COUNT(dtypes) + 1];
	const struct safetensors_pair pair = {{name_bytes, 8}, {name_bytes, 8}};
	struct safetensors_header_input input = {.tensors = tensors,
						 .tensor_count = COUNT(dtypes) + 1,
						 .metadata = &pair,
						 .metadata_count = 1};
	struct safetensors_header header = {0};
	struct cairn_error error = {0};
	struct test_arena test;
	uint32_t *order = NULL;
	uint64_t data_size = 0;
	uint64_t size = 0;
	uint8_t *bytes = NULL;

	test_arena_open(&test, 0);
	for (int i = 0; i < COUNT(dtypes); i++) {
		memcpy(names[i], name_bytes, sizeof(name_bytes));
		names[i][0] = (char)('a' + i);
		tensors[i] = tensor_of("", dtypes[i].dtype, 2, four_by_two);
		tensors[i].name = (struct cairn_string){names[i], 8};
	}
	tensors[COUNT(dtypes)] = tensor_of("", CAIRN_F64, 3, dims);
	ck_assert_int_eq(safetensors_plan_order(&test.arena, tensors, input.tensor_count, &order,
						&data_size, NULL),
			 CAIRN_OK);
	input.order = order;
	ck_assert_int_eq(safetensors_header_write(&test.arena, &input, &bytes, &size, NULL),
			 CAIRN_OK);
	ck_assert_msg(safetensors_parse(&test.arena, (const char *)bytes + SAFETENSORS_PREFIX_SIZE,
					load_u64(bytes), size + data_size, &header,
					&error) == CAIRN_OK,
		      "%s", error.message);
	ck_assert_uint_eq(header.tensor_count, input.tensor_count);
	for (uint64_t i = 0; i < header.tensor_count; i++) {
		const struct safetensors_tensor *const read = &header.tensors[i];
		const struct safetensors_tensor *const written = &tensors[order[i]];

		ck_assert_uint_eq(read->name.size, written->name.size);
		ck_assert_mem_eq(read->name.data, written->name.data, read->name.size);
		ck_assert_int_eq(read->dtype, written->dtype);
		ck_assert_uint_eq(read->rank, written->rank);
		ck_assert_mem_eq(read->dims, written->dims, read->rank * sizeof(uint64_t));
		ck_assert_uint_eq(read->begin, written->begin);
		ck_assert_uint_eq(read->end, written->end);
	}
	ck_assert_uint_eq(header.metadata[0].value.size, 8);
	ck_assert_mem_eq(header.metadata[0].value.data, name_bytes, 8);
	test_arena_close(&test);
}
END_TEST

/* ----------------------------------------------------------------- the index of a sharded model */

static struct safetensors_index parse_index(struct arena *arena, const char *json)
{
	struct safetensors_index index = {0};
	struct cairn_error error = {0};

	ck_assert_msg(safetensors_index_parse(arena, json, strlen(json), &index, &error) ==
			      CAIRN_OK,
		      "%s: %s", json, error.message);
	return index;
}

static const char two_shards[] = "{\n"
				 "  \"metadata\": {\n"
				 "    \"total_size\": 576,\n"
				 "    \"total_parameters\": 1,\n"
				 "    \"\\u00e9\": \"caf\\u00e9\"\n"
				 "  },\n"
				 "  \"weight_map\": {\n"
				 "    \"a\": \"model-00002-of-00002.safetensors\",\n"
				 "    \"b\": \"model-00001-of-00002.safetensors\",\n"
				 "    \"\\ud83d\\ude00\": \"model-00002-of-00002.safetensors\"\n"
				 "  }\n"
				 "}";

START_TEST(reads_an_index)
{
	struct test_arena test;
	struct safetensors_index index;

	test_arena_open(&test, 0);
	index = parse_index(&test.arena, two_shards);
	ck_assert_uint_eq(index.entry_count, 3);
	ck_assert_uint_eq(index.shard_count, 2);
	assert_string(index.shards[0], "model-00001-of-00002.safetensors");
	assert_string(index.shards[1], "model-00002-of-00002.safetensors");
	assert_string(index.entries[0].name, "a");
	ck_assert_uint_eq(index.entries[0].shard, 1);
	assert_string(index.entries[1].name, "b");
	ck_assert_uint_eq(index.entries[1].shard, 0);
	assert_string(index.entries[2].name, "\xf0\x9f\x98\x80");
	ck_assert_uint_eq(index.entries[2].shard, 1);
	ck_assert(index.has_total_size);
	ck_assert_uint_eq(index.total_size, 576);
	ck_assert_uint_eq(index.metadata_count, 3);
	assert_string(index.metadata[0].key, "total_parameters");
	assert_string(index.metadata[0].value, "1");
	ck_assert(!index.metadata[0].is_string);
	assert_string(index.metadata[2].value, "caf\xc3\xa9");
	ck_assert(index.metadata[2].is_string);
	test_arena_close(&test);
}
END_TEST

START_TEST(finds_entries_by_name)
{
	struct test_arena test;
	struct safetensors_index index;

	test_arena_open(&test, 0);
	index = parse_index(&test.arena, two_shards);
	ck_assert_ptr_eq(safetensors_index_find(&index, text_of("b")), &index.entries[1]);
	ck_assert_ptr_null(safetensors_index_find(&index, text_of("")));
	ck_assert_ptr_null(safetensors_index_find(&index, text_of("aa")));
	ck_assert_ptr_null(safetensors_index_find(&index, text_of("zz")));
	index = parse_index(&test.arena, "{\"weight_map\":{}}");
	ck_assert_ptr_null(safetensors_index_find(&index, text_of("")));
	test_arena_close(&test);
}
END_TEST

static const struct {
	const char *json;
	bool has_total_size;
	const char *value; /* of the first metadata entry, NULL: there is none */
} indexes[] = {
	{"{\"weight_map\":{}}", false, NULL},
	{" {\"weight_map\":{},\"metadata\":null} \n", false, NULL},
	{"{\"x\":[{}],\"weight_map\":{},\"y\":1}", false, NULL},
	{"{\"weight_map\":{},\"metadata\":{\"total_size\": 1.5e9}}", false, "1.5e9"},
	{"{\"weight_map\":{},\"metadata\":{\"total_size\": 18446744073709551615}}", true,
	 "18446744073709551615"},
	{"{\"weight_map\":{},\"metadata\":{\"total_size\":\"5\"}}", false, "5"},
	{"{\"weight_map\":{},\"metadata\":{\"a\": {\"b\": [1, 2 ]} }}", false, "{\"b\": [1, 2 ]}"},
	{"{\"weight_map\":{},\"metadata\":{\"a\":null}}", false, "null"},
	{"{\"weight_map\":{\"a\":\".b\",\"b\":\"a\\\\b\",\"c\":\"a.\"}}", false, NULL},
};

START_TEST(accepts_indexes_of_all_kinds)
{
	struct test_arena test;
	struct safetensors_index index;

	test_arena_open(&test, 0);
	index = parse_index(&test.arena, indexes[_i].json);
	ck_assert(index.has_total_size == indexes[_i].has_total_size);
	ck_assert_uint_eq(index.metadata_count, indexes[_i].value == NULL ? 0 : 1);
	if (indexes[_i].value != NULL)
		assert_string(index.metadata[0].value, indexes[_i].value);
	test_arena_close(&test);
}
END_TEST

static void assert_index_written(struct arena *arena, const struct safetensors_index *index,
				 const char *expected)
{
	struct cairn_error error = {0};
	char *json = NULL;
	uint64_t size = 0;

	ck_assert_msg(safetensors_index_write(arena, index, &json, &size, &error) == CAIRN_OK, "%s",
		      error.message);
	ck_assert_uint_eq(size, strlen(expected));
	ck_assert_mem_eq(json, expected, size);
}

START_TEST(writes_the_index_that_it_read)
{
	struct test_arena test;
	struct safetensors_index index;

	test_arena_open(&test, 0);
	index = parse_index(&test.arena, two_shards);
	assert_index_written(&test.arena, &index, two_shards);
	test_arena_close(&test);
}
END_TEST

START_TEST(writes_an_index_in_name_order_and_leaves_the_input_alone)
{
	struct cairn_string shards[] = {text_of("two"), text_of("one")};
	struct safetensors_index_entry entries[] = {{text_of("z"), 0}, {text_of("b"), 1}};
	const struct safetensors_index index = {.entries = entries,
						.entry_count = 2,
						.shards = shards,
						.shard_count = 2,
						.total_size = UINT64_MAX};
	const struct safetensors_index empty = {0};
	struct test_arena test;

	test_arena_open(&test, 0);
	assert_index_written(&test.arena, &index,
			     "{\n  \"metadata\": {\n    \"total_size\": 18446744073709551615\n"
			     "  },\n  \"weight_map\": {\n    \"b\": \"one\",\n    \"z\": \"two\"\n"
			     "  }\n}");
	assert_string(entries[0].name, "z");
	assert_index_written(&test.arena, &empty,
			     "{\n  \"metadata\": {\n    \"total_size\": 0\n  },\n"
			     "  \"weight_map\": {}\n}");
	test_arena_close(&test);
}
END_TEST

/* ---------------------------------------------------------------------------------------- suite */

static void add_header_tests(Suite *suite)
{
	TCase *tests = tcase_create("header");

	tcase_add_loop_test(tests, accepts_what_the_official_reader_accepts, 0, COUNT(accepted));
	tcase_add_loop_test(tests, knows_every_type, 0, COUNT(dtypes));
	tcase_add_test(tests, gives_tensors_in_offset_order_and_metadata_in_key_order);
	tcase_add_test(tests, knows_the_order_of_names);
	tcase_add_loop_test(tests, sorts_headers_in_any_order, 0, 4);
	tcase_add_test(tests, the_memory_for_a_long_header_is_bounded_by_what_is_in_it);
	tcase_add_loop_test(tests, tells_from_the_first_bytes_what_may_be_one, 0, COUNT(probes));
	tcase_add_test(tests, reads_the_length_of_the_header);
	suite_add_tcase(suite, tests);
}

static Suite *safetensors_suite(void)
{
	Suite *suite = suite_create("safetensors");
	TCase *building = tcase_create("building");
	TCase *writing = tcase_create("writing");
	TCase *indexing = tcase_create("index");

	add_header_tests(suite);
	tcase_add_test(building, describes_tensors_where_they_lie);
	tcase_add_test(building, describes_metadata_as_strings_of_their_own);
	tcase_add_test(building, the_bytes_between_literals_are_zero);
	suite_add_tcase(suite, building);
	tcase_add_test(writing, writes_the_bytes_of_the_official_writer);
	tcase_add_test(writing, writes_metadata_first_and_sorted);
	tcase_add_test(writing, orders_by_type_descending_then_by_name);
	tcase_add_test(writing, pads_to_the_alignment);
	tcase_add_test(writing, reads_what_it_writes);
	suite_add_tcase(suite, writing);
	tcase_add_test(indexing, reads_an_index);
	tcase_add_test(indexing, finds_entries_by_name);
	tcase_add_loop_test(indexing, accepts_indexes_of_all_kinds, 0, COUNT(indexes));
	tcase_add_test(indexing, writes_the_index_that_it_read);
	tcase_add_test(indexing, writes_an_index_in_name_order_and_leaves_the_input_alone);
	suite_add_tcase(suite, indexing);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(safetensors_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
