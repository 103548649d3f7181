/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes that are wrong: messages in tables that are sound, row by row; then every truncation and
 * every flipped bit of whole files, also under a CRC that fits.
 */
#include "format/bytes.h"
#include "format/tensorflow_bundle.h"
#include "format/tensorflow_table.h"
#include "tests/support/raw_table.h"
#include "tests/support/suite.h"
#include "tests/support/tensorflow_files.h"
#include "tests/support/test_arena.h"

#define HEADER "\x08\x01\x1a\x02\x08\x01"

/* A value or key with its size: it may hold NUL. */
struct text {
	const char *bytes;
	size_t size;
};

#define TEXT(literal)                                                                              \
 {                                                                                                 \
  literal, sizeof(literal) - 1                                                                     \
 }
#define ENTRIES_MAX 4

/* An index of up to four entries behind a header; an entry without a value is not there. */
struct index {
	struct text header;
	struct {
		struct text key;
		struct text value;
	} entries[ENTRIES_MAX];
};

static enum cairn_status parse(const struct index *index, struct test_arena *test,
			       struct bundle *bundle)
{
	struct table_writer table;
	uint8_t *bytes;
	uint64_t size;

	ASSERT_OK(table_writer_open(&table, &test->arena, TABLE_BLOCK_SIZE, &test_error));
	ASSERT_OK(table_writer_add(&table, (struct cairn_string){"", 0},
				   (const uint8_t *)index->header.bytes, index->header.size,
				   &test_error));
	for (size_t i = 0; i < ENTRIES_MAX && index->entries[i].value.bytes != NULL; i++) {
		const struct text key = index->entries[i].key;
		const struct text value = index->entries[i].value;

		ASSERT_OK(table_writer_add(&table, (struct cairn_string){key.bytes, key.size},
					   (const uint8_t *)value.bytes, value.size, &test_error));
	}
	ASSERT_OK(table_writer_finish(&table, &bytes, &size, &test_error));
	test_error_reset();
	return bundle_parse(&test->arena, bytes, size, bundle, &test_error);
}

static void assert_refused(const struct index *index, enum cairn_status status, const char *message)
{
	struct test_arena test;
	struct bundle bundle;

	test_arena_open(&test, 0);
	ASSERT_FAILS(parse(index, &test, &bundle), status, message);
	test_arena_close(&test);
}

static void assert_taken(const struct index *index, uint64_t tensors)
{
	struct test_arena test;
	struct bundle bundle;

	test_arena_open(&test, 0);
	ASSERT_OK(parse(index, &test, &bundle));
	ck_assert_uint_eq(bundle.tensor_count, tensors);
	test_arena_close(&test);
}

/* --------------------------------------------------------------------------------------- header */

START_TEST(odd_headers_are_taken)
{
	static const struct text headers[] = {
		TEXT(HEADER),
		TEXT("\x08\x01"),                                  /* before there were versions */
		TEXT("\x1a\x02\x08\x01\x08\x01"),                  /* another order */
		TEXT("\x08\x05\x08\x01\x1a\x02\x08\x01"),          /* the last one counts */
		TEXT("\x08\x01\x1a\x02\x08\x02"),                  /* a later producer */
		TEXT("\x08\x01\x1a\x04\x08\x01\x10\x01"),          /* for readers from version 1 */
		TEXT("\x08\x01\x1a\x06\x08\x01\x1a\x02\x02\x03"),  /* bad consumers, packed */
		TEXT("\x08\x01\x1a\x06\x08\x01\x18\x02\x18\x03"),  /* one by one */
		TEXT("\x08\x01\x50\x01\x1a\x05\x08\x01\x22\x01z"), /* unknown fields */
		TEXT("\x08\x01\x0a\x01z\x10\x01"), /* another wire type; big-endian */
	};

	for (size_t i = 0; i < COUNT_OF(headers); i++)
		assert_taken(&(struct index){.header = headers[i]}, 0);
}
END_TEST

START_TEST(wrong_headers_are_refused)
{
	static const struct {
		struct text header;
		enum cairn_status status;
		const char *message;
	} rows[] = {
		{TEXT(""), CAIRN_CORRUPT, "the header's number of shards is 0"},
		{TEXT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), CAIRN_CORRUPT,
		 "the header's number of shards is -1"},
		{TEXT("\x08\xff\xff\x03"), CAIRN_LIMIT, "65535 shards are more than 65534"},
		{TEXT("\x08\x01\x10\x02"), CAIRN_CORRUPT, "the header has unknown endianness 2"},
		{TEXT("\x08"), CAIRN_CORRUPT,
		 "the header cannot be parsed: a number that does not end"},
		{TEXT("\x08\x01\x1a\x01\x08"), CAIRN_CORRUPT,
		 "the header's version cannot be parsed: a number that does not end"},
		{TEXT("\x08\x01\x1a\x03\x1a\x01\x80"), CAIRN_CORRUPT,
		 "the header's version cannot be parsed: a number that does not end"},
		{TEXT("\x08\x01\x1a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		 CAIRN_UNSUPPORTED, "checkpoint producer version -1 below min producer 0"},
		{TEXT("\x08\x01\x1a\x04\x08\x02\x10\x02"), CAIRN_UNSUPPORTED,
		 "checkpoint min consumer version 2 above current version 1"},
		{TEXT("\x08\x01\x1a\x04\x1a\x02\x03\x01"), CAIRN_UNSUPPORTED,
		 "checkpoint disallows consumer version 1"},
		{TEXT("\x08\x01\x1a\x02\x18\x01"), CAIRN_UNSUPPORTED,
		 "checkpoint disallows consumer version 1"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_refused(&(struct index){.header = rows[i].header}, rows[i].status,
			       rows[i].message);
}
END_TEST

START_TEST(a_table_without_a_header_is_refused)
{
	struct test_arena test;
	struct table_writer table;
	struct bundle bundle;
	uint8_t *bytes;
	uint64_t size;

	for (int with_entry = 0; with_entry < 2; with_entry++) {
		test_arena_open(&test, 0);
		ASSERT_OK(table_writer_open(&table, &test.arena, TABLE_BLOCK_SIZE, &test_error));
		if (with_entry)
			ASSERT_OK(table_writer_add(&table, (struct cairn_string){"a", 1},
						   (const uint8_t *)HEADER, 6, &test_error));
		ASSERT_OK(table_writer_finish(&table, &bytes, &size, &test_error));
		ASSERT_FAILS(bundle_parse(&test.arena, bytes, size, &bundle, &test_error),
			     CAIRN_CORRUPT,
			     with_entry ? "its first entry is 'a' instead of the header"
					: "it has no entries, not even a header");
		test_arena_close(&test);
	}
}
END_TEST

/* -------------------------------------------------------------------------------------- entries */

#define SHAPE_2_2 "\x12\x08\x12\x02\x08\x02\x12\x02\x08\x02"

static struct index one_entry(struct text value)
{
	return (struct index){TEXT(HEADER), {{TEXT("w"), value}}};
}

START_TEST(odd_entries_are_taken)
{
	static const struct text entries[] = {
		TEXT("\x08\x01" SHAPE_2_2 "\x28\x10"),
		TEXT("\x28\x10" SHAPE_2_2 "\x08\x01"),                 /* another order */
		TEXT("\x08\x02\x08\x01" SHAPE_2_2 "\x28\x07\x28\x10"), /* the last one counts */
		TEXT("\x08\x01\x12\x04\x12\x02\x08\x02\x12\x04\x12\x02\x08\x02\x28\x10"),
		TEXT("\x08\x01\x12\x04\x12\x02\x08\x04\x28\x10\x98\x06\x07"), /* an unknown field */
		TEXT("\x08\x01\x12\x06\x12\x02\x08\x04\x18\x01\x28\x10"),     /* unknown_rank */
		TEXT("\x08\x01\x12\x07\x12\x05\x08\x04\x12\x01n\x28\x10"), /* a dim with a name */
		TEXT("\x08\x01\x30\x07\x28\x04"), /* no shape: a scalar; CRC of another wire type */
		TEXT("\x08\x01\x12\x02\x12\x00"), /* a dim of 0: nothing stored */
		TEXT("\x08\x07\x12\x02\x12\x00"), /* no strings, nothing stored */
		TEXT("\x08\x07\x12\x02\x12\x00\x28\x04"),
		TEXT("\x08\x07\x28\x05"), /* one string */
		TEXT("\x08\x15\x28\x05"), /* one variant */
		TEXT("\x08\x01\x28\x04\x20\xfb\xff\xff\xff\xff\xff\xff\xff\x7f"),
	};

	for (size_t i = 0; i < COUNT_OF(entries); i++) {
		const struct index index = one_entry(entries[i]);

		assert_taken(&index, 1);
	}
}
END_TEST

START_TEST(wrong_entries_are_refused)
{
	static const struct {
		struct text value;
		enum cairn_status status;
		const char *message;
	} rows[] = {
		{TEXT(""), CAIRN_CORRUPT, "tensor 'w': it has no type"},
		{TEXT("\x08"), CAIRN_CORRUPT, "tensor 'w': its entry cannot be parsed"},
		{TEXT("\x08\x14"), CAIRN_UNSUPPORTED, "type 20 of TensorFlow is unknown or cannot"},
		{TEXT("\x08\x22"), CAIRN_UNSUPPORTED, "type 34 of TensorFlow"},
		{TEXT("\x08\x65\x28\x04"), CAIRN_UNSUPPORTED, "type 101 of TensorFlow"},
		{TEXT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), CAIRN_UNSUPPORTED,
		 "type 4294967295 of TensorFlow"},
		{TEXT("\x08\x01" SHAPE_2_2 "\x28\x0f"), CAIRN_CORRUPT,
		 "tensor 'w': stored size 15 instead of 16, as its shape and type say"},
		{TEXT("\x08\x01" SHAPE_2_2), CAIRN_CORRUPT, "stored size 0 instead of 16"},
		{TEXT("\x08\x01\x12\x02\x12\x00\x28\x04"), CAIRN_CORRUPT,
		 "stored size 4 instead of 0"},
		{TEXT("\x08\x01\x28\x04\x18\x01"), CAIRN_CORRUPT, "it is in shard 1 of 1"},
		{TEXT("\x08\x01\x28\x04\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		 CAIRN_CORRUPT, "it is in shard -1 of 1"},
		{TEXT("\x08\x01\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), CAIRN_CORRUPT,
		 "it has -1 bytes at offset 0"},
		{TEXT("\x08\x01\x28\x04\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		 CAIRN_CORRUPT, "it has 4 bytes at offset -1"},
		{TEXT("\x08\x01\x28\x04\x20\xfc\xff\xff\xff\xff\xff\xff\xff\x7f"), CAIRN_CORRUPT,
		 "it has 4 bytes at offset 9223372036854775804"},
		{TEXT("\x08\x01\x12\x0d\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		 CAIRN_CORRUPT, "its shape has dimension -1"},
		{TEXT("\x08\x01\x12\x10\x12\x06\x08\x80\x80\x80\x80\x10\x12\x06\x08\x80\x80\x80"
		      "\x80\x10"),
		 CAIRN_CORRUPT, "the shape has 2^63 elements or more"},
		{TEXT("\x08\x12\x12\x0c\x12\x0a\x08\x80\x80\x80\x80\x80\x80\x80\x80\x20"),
		 CAIRN_CORRUPT, "stored size 0 instead of 18446744073709551615"},
		{TEXT("\x08\x01\x12\x01\x12"), CAIRN_CORRUPT, "its shape cannot be parsed"},
		{TEXT("\x08\x01\x12\x03\x12\x01\x08"), CAIRN_CORRUPT, "its shape cannot be parsed"},
		{TEXT("\x08\x07"), CAIRN_CORRUPT,
		 "0 stored bytes are too few for 1 elements of variable size"},
		{TEXT("\x08\x07\x28\x04"), CAIRN_CORRUPT, "4 stored bytes are too few for 1"},
		{TEXT("\x08\x07\x12\x02\x12\x00\x28\x03"), CAIRN_CORRUPT,
		 "3 stored bytes are too few for 0"},
		{TEXT("\x08\x15\x28\x04"), CAIRN_CORRUPT, "4 stored bytes are too few for 1"},
		{TEXT("\x08\x07\x12\x0c\x12\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x28\x05"),
		 CAIRN_CORRUPT, "5 stored bytes are too few for 9223372036854775807"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct index index = one_entry(rows[i].value);

		assert_refused(&index, rows[i].status, rows[i].message);
	}
}
END_TEST

START_TEST(a_shape_of_too_many_dimensions_is_refused)
{
	char value[8 + 4 * 255] = "\x08\x01\x12";
	struct index index;

	for (size_t rank = 254; rank <= 255; rank++) {
		uint8_t *const size = (uint8_t *)value + 3;

		size[0] = (uint8_t)(0x80 | (4 * rank & 0x7f));
		size[1] = (uint8_t)(4 * rank >> 7);
		for (size_t d = 0; d < rank; d++)
			memcpy(value + 5 + 4 * d, "\x12\x02\x08\x01", 4);
		memcpy(value + 5 + 4 * rank, "\x28\x04", 2);
		index = one_entry((struct text){value, 7 + 4 * rank});
		if (rank == 254)
			assert_taken(&index, 1);
		else
			assert_refused(&index, CAIRN_CORRUPT,
				       "its shape has more dimensions than 254");
	}
}
END_TEST

START_TEST(names_that_are_none_of_cairns_are_refused)
{
	const struct text value = TEXT("\x08\x01\x28\x04");
	char *const name = malloc(CAIRN_NAME_SIZE_MAX + 1);
	struct index index = one_entry(value);

	ck_assert_ptr_nonnull(name);
	memset(name, 'n', CAIRN_NAME_SIZE_MAX + 1);
	index.entries[0].key = (struct text){name, CAIRN_NAME_SIZE_MAX};
	assert_taken(&index, 1);
	index.entries[0].key.size++;
	assert_refused(&index, CAIRN_LIMIT, "its name has 1048577 bytes, more than 1048576");
	index.entries[0].key = (struct text)TEXT("\xff");
	assert_refused(&index, CAIRN_UNSUPPORTED, "tensor '\\xff': its name is not UTF-8");
	index.entries[0].key = (struct text)TEXT("\0\xff");
	assert_refused(&index, CAIRN_UNSUPPORTED, "its name is not UTF-8");
	index.entries[0].key = (struct text)TEXT("\0plain\0name");
	assert_taken(&index, 1);
	free(name);
}
END_TEST

/* --------------------------------------------------------------------------------------- slices */

/* The tensor w, [4], whose slices are extents given as bytes; and keys of them. */
#define W_4       "\x08\x04\x12\x04\x12\x02\x08\x04"
#define KEY_0_2   TEXT("\0w\0\1\1\1\x80\x82")
#define KEY_1_2   TEXT("\0w\0\1\1\1\x81\x82")
#define KEY_2_2   TEXT("\0w\0\1\1\1\x82\x82")
#define KEY_3_2   TEXT("\0w\0\1\1\1\x83\x82")
#define KEY_ALL   TEXT("\0w\0\1\1\1\x80\x7f")
#define SLICE_0_2 "\x3a\x04\x0a\x02\x10\x02"
#define SLICE_1_2 "\x3a\x06\x0a\x04\x08\x01\x10\x02"
#define SLICE_2_2 "\x3a\x06\x0a\x04\x08\x02\x10\x02"
#define SLICE_3_2 "\x3a\x06\x0a\x04\x08\x03\x10\x02"
#define SLICE_ALL "\x3a\x02\x0a\x00"
#define TWO_BYTES TEXT("\x08\x04\x12\x04\x12\x02\x08\x02\x28\x02")

START_TEST(odd_slices_are_taken)
{
	static const struct {
		struct index index;
		bool incomplete;
	} rows[] = {
		{{TEXT(HEADER),
		  {{KEY_0_2, TWO_BYTES},
		   {KEY_2_2, TWO_BYTES},
		   {TEXT("w"), TEXT(W_4 SLICE_2_2 SLICE_0_2)}}},
		 false},
		{{TEXT(HEADER), {{KEY_2_2, TWO_BYTES}, {TEXT("w"), TEXT(W_4 SLICE_2_2)}}}, true},
		/* the fields of a place mean nothing beside slices */
		{{TEXT(HEADER),
		  {{KEY_2_2, TWO_BYTES},
		   {TEXT("w"), TEXT(W_4 "\x18\x63\x20\x63\x28\x63" SLICE_2_2)}}},
		 true},
		{{TEXT(HEADER),
		  {{KEY_ALL, TEXT("\x08\x04\x12\x04\x12\x02\x08\x04\x28\x04")},
		   {TEXT("w"), TEXT(W_4 SLICE_ALL)}}},
		 false},
		/* all of it in numbers, and -1 for all of it */
		{{TEXT(HEADER),
		  {{TEXT("\0w\0\1\1\1\x80\x84"), TEXT("\x08\x04\x12\x04\x12\x02\x08\x04\x28\x04")},
		   {TEXT("w"), TEXT(W_4 "\x3a\x04\x0a\x02\x10\x04")}}},
		 false},
		{{TEXT(HEADER),
		  {{KEY_ALL, TEXT("\x08\x04\x12\x04\x12\x02\x08\x04\x28\x04")},
		   {TEXT("w"),
		    TEXT(W_4 "\x3a\x0d\x0a\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")}}},
		 false},
		/* an empty slice; a tensor without dimensions */
		{{TEXT(HEADER),
		  {{TEXT("\0w\0\1\1\1\x84\x80"), TEXT("\x08\x04\x12\x02\x12\x00")},
		   {TEXT("w"), TEXT(W_4 "\x3a\x06\x0a\x04\x08\x04\x10\x00")}}},
		 true},
		{{TEXT(HEADER),
		  {{TEXT("\0w\0\1\0"), TEXT("\x08\x04\x28\x01")},
		   {TEXT("w"), TEXT("\x08\x04\x3a\x00")}}},
		 false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct test_arena test;
		struct bundle bundle;

		test_arena_open(&test, 0);
		ASSERT_OK(parse(&rows[i].index, &test, &bundle));
		ck_assert_uint_eq(bundle.tensor_count, 1);
		ck_assert(bundle_is_sliced(&bundle.tensors[0]));
		ck_assert_msg(bundle.tensors[0].incomplete == rows[i].incomplete, "row %zu", i);
		test_arena_close(&test);
	}
}
END_TEST

START_TEST(wrong_slices_are_refused)
{
	static const struct {
		struct index index;
		const char *message;
	} rows[] = {
		{{TEXT(HEADER), {{TEXT("w"), TEXT(W_4 SLICE_0_2)}}},
		 "tensor 'w': slice 1 of 1 has no entry"},
		{{TEXT(HEADER), {{KEY_0_2, TWO_BYTES}, {TEXT("w"), TEXT(W_4 SLICE_0_2 SLICE_2_2)}}},
		 "slice 2 of 2 has no entry"},
		{{TEXT(HEADER), {{KEY_0_2, TWO_BYTES}, {TEXT("w"), TEXT(W_4 SLICE_0_2 SLICE_0_2)}}},
		 "slice 2 of 2 is there twice"},
		{{TEXT(HEADER), {{KEY_0_2, TWO_BYTES}}}, "it is a slice that no tensor has"},
		{{TEXT(HEADER), {{KEY_0_2, TWO_BYTES}, {TEXT("w"), TEXT(W_4 "\x28\x04")}}},
		 "it is a slice that no tensor has"},
		{{TEXT(HEADER),
		  {{KEY_0_2, TWO_BYTES}, {KEY_2_2, TWO_BYTES}, {TEXT("w"), TEXT(W_4 SLICE_2_2)}}},
		 "tensor '\\x00w\\x00\\x01\\x01\\x01\\x80\\x82': it is a slice that no tensor has"},
		{{TEXT(HEADER),
		  {{KEY_0_2, TEXT("\x08\x06\x12\x04\x12\x02\x08\x02\x28\x02")},
		   {TEXT("w"), TEXT(W_4 SLICE_0_2)}}},
		 "slice 1 of 1 has another type"},
		{{TEXT(HEADER),
		  {{KEY_0_2, TEXT("\x08\x04\x12\x04\x12\x02\x08\x03\x28\x03")},
		   {TEXT("w"), TEXT(W_4 SLICE_0_2)}}},
		 "slice 1 of 1 has another shape in its own entry"},
		{{TEXT(HEADER),
		  {{KEY_0_2, TEXT("\x08\x04\x12\x08\x12\x02\x08\x02\x12\x02\x08\x01\x28\x02")},
		   {TEXT("w"), TEXT(W_4 SLICE_0_2)}}},
		 "slice 1 of 1 has another shape in its own entry"},
		{{TEXT(HEADER),
		  {{KEY_0_2, TEXT("\x08\x04\x12\x04\x12\x02\x08\x02" SLICE_0_2)},
		   {TEXT("w"), TEXT(W_4 SLICE_0_2)}}},
		 "slice 1 of 1 has no entry"},
		{{TEXT(HEADER), {{KEY_3_2, TWO_BYTES}, {TEXT("w"), TEXT(W_4 SLICE_3_2)}}},
		 "slice 3,2 leaves dimension 0 of 4"},
		{{TEXT(HEADER),
		  {{KEY_0_2, TWO_BYTES},
		   {KEY_1_2, TWO_BYTES},
		   {TEXT("w"), TEXT(W_4 SLICE_0_2 SLICE_1_2)}}},
		 "tensor 'w': two of its slices overlap"},
		{{TEXT(HEADER), {{TEXT("w"), TEXT(W_4 "\x3a\x00")}}},
		 "its 1 slices have 0 bytes, too few for extents of 1 dimensions"},
		{{TEXT(HEADER), {{TEXT("w"), TEXT(W_4 "\x3a\x00\x3a\x04\x0a\x00\x0a\x00")}}},
		 "one of its slices has 0 extents for 1 dimensions"},
		{{TEXT(HEADER), {{TEXT("w"), TEXT(W_4 "\x3a\x04\x0a\x00\x0a\x00")}}},
		 "one of its slices has 2 extents for 1 dimensions"},
		{{TEXT(HEADER), {{TEXT("w"), TEXT(W_4 "\x3a\x04\x0a\x02\x08\x01")}}},
		 "one of its slices has start 1 and length -1"},
		{{TEXT(HEADER),
		  {{TEXT("w"),
		    TEXT(W_4 "\x3a\x0d\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")}}},
		 "one of its slices has start -1 and length -1"},
		{{TEXT(HEADER),
		  {{TEXT("w"),
		    TEXT(W_4 "\x3a\x0d\x0a\x0b\x10\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01")}}},
		 "one of its slices has start 0 and length -2"},
		{{TEXT(HEADER), {{TEXT("w"), TEXT(W_4 "\x3a\x03\x0a\x01\x08")}}},
		 "one of its slices cannot be parsed: a number that does not end"},
		{{TEXT(HEADER), {{TEXT("w"), TEXT(W_4 "\x3a\x02\x0a\x01")}}},
		 "one of its slices cannot be parsed: a field that is longer"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_refused(&rows[i].index, CAIRN_CORRUPT, rows[i].message);
}
END_TEST

START_TEST(too_many_slices_are_refused)
{
	struct raw_table value = {0};
	struct index index;

	raw_put(&value, W_4, 8);
	for (uint32_t i = 0; i < 65537; i++)
		raw_put(&value, SLICE_ALL, 4);
	index = one_entry((struct text){(const char *)value.bytes, value.size});
	assert_refused(&index, CAIRN_LIMIT, "it has more than 65536 slices");
	raw_table_free(&value);
}
END_TEST

/* ---------------------------------------------------------------------------------- whole files */

static const char *const files[] = {
	"names.index", "shards.index",   "slices.index",         "strings.index",
	"types.index", "variants.index", "objects/ckpt-3.index", "saver/model-1.index",
};

START_TEST(every_truncation_is_refused)
{
	struct file_bytes file = golden_file(files[_i]);

	for (size_t size = 0; size < file.size; size++) {
		uint8_t *const bytes = malloc(size == 0 ? 1 : size);
		struct test_arena test;
		struct bundle bundle;

		ck_assert_ptr_nonnull(bytes);
		memcpy(bytes, file.bytes, size);
		test_arena_open(&test, 0);
		ASSERT_STATUS(bundle_parse(&test.arena, bytes, size, &bundle, &test_error),
			      size < TABLE_FOOTER_SIZE ? CAIRN_TRUNCATED : CAIRN_CORRUPT);
		test_arena_close(&test);
		free(bytes);
	}
	free(file.bytes);
}
END_TEST

START_TEST(every_flipped_bit_is_refused)
{
	struct file_bytes file = golden_file(files[_i]);

	for (size_t bit = 0; bit < 8 * file.size; bit++) {
		struct test_arena test;
		struct bundle bundle;
		enum cairn_status status;

		file.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		test_arena_open(&test, 0);
		status = bundle_parse(&test.arena, file.bytes, file.size, &bundle, NULL);
		ck_assert_msg(status == CAIRN_CORRUPT || status == CAIRN_CHECKSUM, "bit %zu: %s",
			      bit, cairn_status_name(status));
		test_arena_close(&test);
		file.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	free(file.bytes);
}
END_TEST

/* What is taken must be fit for everything that is done with a bundle. */
static void use(struct test_arena *test, struct bundle *bundle)
{
	struct build_list list = {0};
	uint8_t *bytes;
	uint64_t size;
	struct bundle again;

	ASSERT_OK(bundle_write(&test->arena, bundle, &bytes, &size, &test_error));
	ASSERT_OK(bundle_parse(&test->arena, bytes, size, &again, &test_error));
	ck_assert_uint_eq(again.tensor_count, bundle->tensor_count);
	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		struct bundle_tensor *const tensor = &bundle->tensors[i];

		for (uint32_t k = 0; k < tensor->piece_count; k++) {
			struct bundle_piece *const piece = &tensor->pieces[k];

			if (piece->raw_size == BUNDLE_SIZE_UNKNOWN)
				piece->raw_size = 8 * bundle_piece_elements(tensor, piece);
		}
	}
	bundle_describe(&test->arena, bundle, &list, NULL);
}

static bool is_expected(enum cairn_status status)
{
	/* CHECKSUM: the index leads to what is no block */
	return status == CAIRN_CORRUPT || status == CAIRN_UNSUPPORTED || status == CAIRN_LIMIT ||
	       status == CAIRN_CHECKSUM;
}

START_TEST(a_flipped_bit_under_a_right_crc_does_no_harm)
{
	const struct file_bytes file = golden_file(files[_i]);
	uint8_t *const bytes = malloc(file.size);
	struct raw_handle blocks[8];
	const size_t count = raw_blocks(file.bytes, file.size, blocks, COUNT_OF(blocks));

	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes, file.bytes, file.size);
	for (size_t i = 0; i < count; i++) {
		for (size_t bit = 0; bit < 8 * blocks[i].size + 8; bit++) {
			struct test_arena test;
			struct bundle bundle;
			enum cairn_status status;

			bytes[blocks[i].offset + bit / 8] ^= (uint8_t)(1u << bit % 8);
			raw_seal(bytes, blocks[i]);
			test_arena_open(&test, 0);
			status = bundle_parse(&test.arena, bytes, file.size, &bundle, NULL);
			if (status == CAIRN_OK)
				use(&test, &bundle);
			else
				ck_assert_msg(is_expected(status), "block %zu, bit %zu: %s", i, bit,
					      cairn_status_name(status));
			test_arena_close(&test);
			memcpy(bytes + blocks[i].offset, file.bytes + blocks[i].offset,
			       blocks[i].size + TABLE_TRAILER_SIZE);
		}
	}
	free(bytes);
	free(file.bytes);
}
END_TEST

static Suite *tensorflow_bundle_corrupt_suite(void)
{
	Suite *suite = suite_create("tensorflow_bundle_corrupt");
	TCase *messages = tcase_create("messages");
	TCase *whole = tcase_create("whole files");

	tcase_add_test(messages, odd_headers_are_taken);
	tcase_add_test(messages, wrong_headers_are_refused);
	tcase_add_test(messages, a_table_without_a_header_is_refused);
	tcase_add_test(messages, odd_entries_are_taken);
	tcase_add_test(messages, wrong_entries_are_refused);
	tcase_add_test(messages, a_shape_of_too_many_dimensions_is_refused);
	tcase_add_test(messages, names_that_are_none_of_cairns_are_refused);
	tcase_add_test(messages, odd_slices_are_taken);
	tcase_add_test(messages, wrong_slices_are_refused);
	tcase_add_test(messages, too_many_slices_are_refused);
	suite_add_tcase(suite, messages);
	tcase_add_loop_test(whole, every_truncation_is_refused, 0, COUNT_OF(files));
	tcase_add_loop_test(whole, every_flipped_bit_is_refused, 0, COUNT_OF(files));
	tcase_add_loop_test(whole, a_flipped_bit_under_a_right_crc_does_no_harm, 0,
			    COUNT_OF(files));
	suite_add_tcase(suite, whole);
	return suite;
}

int main(void)
{
	return run_suite(tensorflow_bundle_corrupt_suite());
}
