/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow's tables: read and written, the rules of the writer one by one, and everything that a
 * file can do wrong, in blocks whose CRC is right.
 */
#include "format/tensorflow_table.h"

#include <stdio.h>

#include "format/bytes.h"
#include "tests/support/raw_table.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

static struct cairn_string text(const char *bytes)
{
	return (struct cairn_string){bytes, strlen(bytes)};
}

/* Walks to the end; entries are as many as `count` says afterwards. */
static enum cairn_status walk(struct test_arena *test, const uint8_t *bytes, uint64_t size,
			      uint64_t *count)
{
	struct table_reader reader;
	struct table_entry entry;
	bool found = true;
	enum cairn_status status = table_open(&reader, &test->arena, bytes, size, &test_error);

	*count = 0;
	while (status == CAIRN_OK && found) {
		status = table_next(&reader, &entry, &found, &test_error);
		if (status == CAIRN_OK && found) {
			++*count;
			if (entry.offset != CAIRN_ERROR_NO_OFFSET)
				ck_assert_ptr_eq(bytes + entry.offset, entry.value);
		}
	}
	return status;
}

static enum cairn_status walk_alone(const uint8_t *bytes, uint64_t size)
{
	struct test_arena test;
	enum cairn_status status;
	uint64_t count;

	test_arena_open(&test, 0);
	status = walk(&test, bytes, size, &count);
	test_arena_close(&test);
	return status;
}

/* -------------------------------------------------------------------------------------- writing */

/* What TensorFlow wrote for two scalars, a = 0.5 and b = 2.0; the footer is zeros and magic. */
static const uint8_t two_scalars[] = {
	0x00, 0x00, 0x06, 0x08, 0x01, 0x1a, 0x02, 0x08, 0x01, 0x00, 0x01, 0x0b, 0x61, 0x08, 0x01,
	0x12, 0x00, 0x28, 0x04, 0x35, 0x06, 0x38, 0x27, 0x1f, 0x00, 0x01, 0x0d, 0x62, 0x08, 0x01,
	0x12, 0x00, 0x20, 0x04, 0x28, 0x04, 0x35, 0x10, 0xfd, 0x78, 0x4f, 0x00, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0x00, 0x6c, 0x12, 0x9e, 0xf3, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
	0x00, 0x00, 0x00, 0xc0, 0xf2, 0xa1, 0xb0, 0x00, 0x01, 0x02, 0x63, 0x00, 0x31, 0x00, 0x00,
	0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x54, 0xf2, 0x76, 0x2d, 0x36, 0x08, 0x43, 0x0e,
	0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
	0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
	0,    0,    0,    0,    0,    0,    0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};

static enum cairn_status write_again(struct test_arena *test, const uint8_t *bytes, uint64_t size,
				     uint8_t **again, uint64_t *again_size)
{
	struct table_reader reader;
	struct table_writer writer;
	struct table_entry entry;
	bool found = true;
	enum cairn_status status = table_open(&reader, &test->arena, bytes, size, &test_error);

	if (status == CAIRN_OK)
		status = table_writer_open(&writer, &test->arena, TABLE_BLOCK_SIZE, &test_error);
	while (status == CAIRN_OK && found) {
		status = table_next(&reader, &entry, &found, &test_error);
		if (status == CAIRN_OK && found) {
			const char *const key = arena_copy(&test->arena, entry.key.data,
							   entry.key.size);

			if (key == NULL)
				return CAIRN_NO_MEMORY;
			status = table_writer_add(&writer,
						  (struct cairn_string){key, entry.key.size},
						  entry.value, entry.value_size, &test_error);
		}
	}
	return status == CAIRN_OK ? table_writer_finish(&writer, again, again_size, &test_error)
				  : status;
}

START_TEST(a_table_of_tensorflow_is_read_and_written_again)
{
	struct test_arena test;
	struct table_reader reader;
	struct table_entry entry;
	uint8_t *again;
	uint64_t size;
	bool found;

	test_arena_open(&test, 0);
	ASSERT_OK(table_open(&reader, &test.arena, two_scalars, sizeof(two_scalars), &test_error));
	ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
	ck_assert(found && entry.key.size == 0 && entry.value_size == 6 && entry.offset == 3);
	ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
	ck_assert(found && entry.key.size == 1 && entry.key.data[0] == 'a');
	ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
	ck_assert(found && entry.key.size == 1 && entry.key.data[0] == 'b');
	ck_assert_uint_eq(entry.value_size, 13);
	ck_assert_uint_eq(entry.offset, 28);
	ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
	ck_assert(!found);
	ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
	ck_assert(!found);
	ASSERT_OK(write_again(&test, two_scalars, sizeof(two_scalars), &again, &size));
	ck_assert_uint_eq(size, sizeof(two_scalars));
	ck_assert_mem_eq(again, two_scalars, size);
	test_arena_close(&test);
}
END_TEST

START_TEST(an_empty_table_has_no_entries)
{
	struct test_arena test;
	struct table_writer writer;
	uint8_t *bytes;
	uint64_t size;
	uint64_t count;

	test_arena_open(&test, 0);
	ASSERT_OK(table_writer_open(&writer, &test.arena, TABLE_BLOCK_SIZE, &test_error));
	ASSERT_OK(table_writer_finish(&writer, &bytes, &size, &test_error));
	ck_assert_uint_eq(size, 13 + 13 + TABLE_FOOTER_SIZE);
	ASSERT_OK(walk(&test, bytes, size, &count));
	ck_assert_uint_eq(count, 0);
	test_arena_close(&test);
}
END_TEST

/* Writes keys, each with a value of `value_size` bytes, in blocks of `block_size`. */
static void write_keys(struct test_arena *test, const struct cairn_string *keys, size_t count,
		       uint64_t value_size, uint64_t block_size, uint8_t **bytes, uint64_t *size)
{
	struct table_writer writer;
	uint8_t *const value = arena_allocate_array(&test->arena, value_size + 1, 1);

	ck_assert_ptr_nonnull(value);
	ASSERT_OK(table_writer_open(&writer, &test->arena, block_size, &test_error));
	for (size_t i = 0; i < count; i++)
		ASSERT_OK(table_writer_add(&writer, keys[i], value, value_size, &test_error));
	ASSERT_OK(table_writer_finish(&writer, bytes, size, &test_error));
}

START_TEST(the_index_divides_blocks_by_short_keys)
{
	static const struct {
		const char *last;
		const char *next;
		const char *divider;
	} rows[] = {
		{"abc", "abcd", "abc"},          /* one begins the other */
		{"abcx", "abz", "abd"},          /* shortened */
		{"abcx", "abdz", "abcx"},        /* no byte between them */
		{"a\xff\xff", "b", "a\xff\xff"}, /* nothing above the last byte */
		{"a\xfe", "b\x01", "a\xfe"},     {"ax\xff", "az", "ay"},
		{"layer/9", "layerx", "layer0"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct cairn_string keys[] = {text(rows[i].last), text(rows[i].next)};
		struct test_arena test;
		struct table_reader reader;
		struct table_entry entry;
		uint8_t *bytes;
		uint64_t size;
		bool found;

		test_arena_open(&test, 0);
		write_keys(&test, keys, 2, 3, 1, &bytes, &size); /* an entry a block */
		ASSERT_OK(table_open(&reader, &test.arena, bytes, size, &test_error));
		ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
		ck_assert(found);
		ck_assert_uint_eq(reader.index.key_size, strlen(rows[i].divider));
		ck_assert_mem_eq(reader.index.key, rows[i].divider, reader.index.key_size);
		test_arena_close(&test);
	}
}
END_TEST

START_TEST(the_index_ends_with_a_short_key)
{
	static const struct {
		const char *last;
		const char *end;
	} rows[] = {{"abc", "b"}, {"\xff\x61xyz", "\xff\x62"}, {"\xff\xff", "\xff\xff"}, {"", ""}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct cairn_string key = text(rows[i].last);
		struct test_arena test;
		struct table_reader reader;
		struct table_entry entry;
		uint8_t *bytes;
		uint64_t size;
		bool found;

		test_arena_open(&test, 0);
		write_keys(&test, &key, 1, 3, TABLE_BLOCK_SIZE, &bytes, &size);
		ASSERT_OK(table_open(&reader, &test.arena, bytes, size, &test_error));
		ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
		ck_assert(found);
		ck_assert_uint_eq(reader.index.key_size, strlen(rows[i].end));
		if (reader.index.key_size != 0)
			ck_assert_mem_eq(reader.index.key, rows[i].end, reader.index.key_size);
		test_arena_close(&test);
	}
}
END_TEST

static size_t count_blocks(const struct cairn_string *keys, size_t count, uint64_t value_size,
			   uint64_t block_size)
{
	struct raw_handle blocks[16];
	struct test_arena test;
	uint8_t *bytes;
	uint64_t size;
	size_t found;

	test_arena_open(&test, 0);
	write_keys(&test, keys, count, value_size, block_size, &bytes, &size);
	found = raw_blocks(bytes, size, blocks, COUNT_OF(blocks)) - 2;
	test_arena_close(&test);
	return found;
}

START_TEST(blocks_end_at_their_size)
{
	const struct cairn_string keys[] = {text("a"), text("b"), text("c")};

	/* an entry takes 3 + 1 + value bytes, a block 8 more */
	ck_assert_uint_eq(count_blocks(keys, 3, 46, 108), 2);
	ck_assert_uint_eq(count_blocks(keys, 3, 45, 108), 1);
	ck_assert_uint_eq(count_blocks(keys, 2, 46, 109), 1);
	ck_assert_uint_eq(count_blocks(keys, 3, 46, 109), 1);
}
END_TEST

START_TEST(an_entry_of_two_blocks_begins_one)
{
	const struct cairn_string keys[] = {text("a"), text("b")};
	struct cairn_string one = text("a");

	ck_assert_uint_eq(count_blocks(&one, 1, 199, 100), 1);
	ck_assert_uint_eq(count_blocks(keys, 2, 199, 100), 2);
	/* the first is small: without the rule both were in one block */
	{
		struct raw_handle blocks[8];
		struct test_arena test;
		struct table_writer writer;
		uint8_t value[199] = {0};
		uint8_t *bytes;
		uint64_t size;

		for (uint64_t large = 198; large <= 199; large++) {
			test_arena_open(&test, 0);
			ASSERT_OK(table_writer_open(&writer, &test.arena, 100, &test_error));
			ASSERT_OK(table_writer_add(&writer, keys[0], value, 1, &test_error));
			ASSERT_OK(table_writer_add(&writer, keys[1], value, large, &test_error));
			ASSERT_OK(table_writer_finish(&writer, &bytes, &size, &test_error));
			ck_assert_uint_eq(raw_blocks(bytes, size, blocks, COUNT_OF(blocks)) - 2,
					  large == 199 ? 2 : 1);
			test_arena_close(&test);
		}
	}
}
END_TEST

START_TEST(every_sixteenth_key_is_whole)
{
	struct cairn_string keys[40];
	struct raw_handle blocks[4];
	char names[40][16];
	struct test_arena test;
	uint8_t *bytes;
	uint64_t size;
	uint64_t count;
	const uint8_t *end;

	for (size_t i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "name/%03zu", i);
		keys[i] = text(names[i]);
	}
	test_arena_open(&test, 0);
	write_keys(&test, keys, 40, 2, TABLE_BLOCK_SIZE, &bytes, &size);
	ck_assert_uint_eq(raw_blocks(bytes, size, blocks, 4), 3);
	end = bytes + blocks[2].offset + blocks[2].size;
	ck_assert_uint_eq(load_u32(end - 4), 3);
	ck_assert_uint_eq(load_u32(end - 16), 0);
	/* whole: 3 + 8 + 2 bytes; sharing 7 (6 at the tens): 3 + 1 (2) + 2 */
	ck_assert_uint_eq(load_u32(end - 12), 13 + 15 * 6 + 1);
	ck_assert_uint_eq(load_u32(end - 8), 2 * (13 + 15 * 6 + 1) + 1);
	ASSERT_OK(walk(&test, bytes, size, &count));
	ck_assert_uint_eq(count, 40);
	test_arena_close(&test);
}
END_TEST

START_TEST(keys_of_many_blocks_come_back)
{
	struct cairn_string keys[500];
	char names[500][32];
	struct test_arena test;
	struct table_reader reader;
	struct table_entry entry;
	uint8_t *bytes;
	uint64_t size;
	bool found;

	for (size_t i = 0; i < 500; i++) {
		snprintf(names[i], sizeof(names[i]), "block/%03zu/weight%zu", i / 7, i % 7);
		keys[i] = text(names[i]);
	}
	test_arena_open(&test, 0);
	write_keys(&test, keys, 500, 5, 256, &bytes, &size);
	ASSERT_OK(table_open(&reader, &test.arena, bytes, size, &test_error));
	for (size_t i = 0; i < 500; i++) {
		ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
		ck_assert(found);
		ck_assert_uint_eq(entry.key.size, keys[i].size);
		ck_assert_mem_eq(entry.key.data, keys[i].data, keys[i].size);
	}
	ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
	ck_assert(!found);
	test_arena_close(&test);
}
END_TEST

START_TEST(a_writer_refuses_keys_that_do_not_ascend)
{
	struct test_arena test;
	struct table_writer writer;

	test_arena_open(&test, 0);
	ASSERT_OK(table_writer_open(&writer, &test.arena, TABLE_BLOCK_SIZE, &test_error));
	ASSERT_OK(table_writer_add(&writer, text(""), NULL, 0, &test_error));
	ASSERT_FAILS(table_writer_add(&writer, text(""), NULL, 0, &test_error),
		     CAIRN_INVALID_ARGUMENT, "key '' does not come behind ''");
	ASSERT_OK(table_writer_add(&writer, text("ab"), NULL, 0, &test_error));
	ASSERT_FAILS(table_writer_add(&writer, text("a"), NULL, 0, &test_error),
		     CAIRN_INVALID_ARGUMENT, "key 'a' does not come behind 'ab'");
	ASSERT_FAILS(table_writer_add(&writer, text("aa"), NULL, 0, &test_error),
		     CAIRN_INVALID_ARGUMENT, "key 'aa' does not come behind 'ab'");
	ASSERT_FAILS(table_writer_add(&writer, text("b"), NULL, UINT64_C(1) << 31, &test_error),
		     CAIRN_LIMIT, "a key of 1 bytes and a value of 2147483648");
	test_arena_close(&test);
}
END_TEST

/* --------------------------------------------------------------------------------------- damage */

START_TEST(every_truncation_is_refused)
{
	for (size_t size = 0; size < sizeof(two_scalars); size++) {
		uint8_t *const bytes = malloc(size == 0 ? 1 : size);

		ck_assert_ptr_nonnull(bytes);
		memcpy(bytes, two_scalars, size);
		ASSERT_STATUS(walk_alone(bytes, size),
			      size < TABLE_FOOTER_SIZE ? CAIRN_TRUNCATED : CAIRN_CORRUPT);
		free(bytes);
	}
}
END_TEST

START_TEST(every_flipped_bit_is_refused)
{
	uint8_t bytes[sizeof(two_scalars)];

	memcpy(bytes, two_scalars, sizeof(bytes));
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		enum cairn_status status;

		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		test_error_reset();
		status = walk_alone(bytes, sizeof(bytes));
		ck_assert_msg(status == CAIRN_CHECKSUM || status == CAIRN_CORRUPT, "bit %zu: %s",
			      bit, cairn_status_name(status));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(a_flipped_bit_under_a_right_crc_does_no_harm)
{
	struct raw_handle blocks[8];
	uint8_t bytes[sizeof(two_scalars)];
	const size_t count = raw_blocks(two_scalars, sizeof(two_scalars), blocks, 8);

	memcpy(bytes, two_scalars, sizeof(bytes));
	for (size_t i = 0; i < count; i++) {
		for (size_t bit = 0; bit <= 8 * blocks[i].size + 7; bit++) {
			uint8_t *const byte = bytes + blocks[i].offset + bit / 8;

			*byte ^= (uint8_t)(1u << bit % 8);
			raw_seal(bytes, blocks[i]);
			test_error_reset();
			walk_alone(bytes, sizeof(bytes));
			memcpy(bytes, two_scalars, sizeof(bytes));
		}
	}
}
END_TEST

/* A table of data blocks given as bytes; their separators are the bytes of `keys`. */
static enum cairn_status read_blocks(const struct raw_table *contents, size_t count,
				     const char *keys)
{
	struct raw_handle handles[4];
	struct raw_table table = {0};
	enum cairn_status status;

	for (size_t i = 0; i < count; i++)
		handles[i] = raw_put_block(&table, contents[i].bytes, contents[i].size,
					   TABLE_PLAIN);
	raw_finish(&table, handles, count, keys);
	status = walk_alone(table.bytes, table.size);
	raw_table_free(&table);
	return status;
}

START_TEST(wrong_blocks_are_refused)
{
	static const struct {
		const char *block;
		size_t size;
		enum cairn_status status;
		const char *message;
	} rows[] = {
		/* sound ones first: entries a=1 and b=2; none; none and no restart */
		{"\0\1\1a1\0\1\1b2\0\0\0\0\1\0\0\0", 18, CAIRN_OK, ""},
		{"\0\1\1a1\0\1\1b2\0\0\0\0\5\0\0\0\2\0\0\0", 22, CAIRN_OK, ""},
		{"\0\0\0\0\1\0\0\0", 8, CAIRN_OK, ""},
		{"\0\0\0\0", 4, CAIRN_OK, ""},
		{"\1\0\0", 3, CAIRN_CORRUPT,
		 "the block at offset 0, byte 0 of 3: no room for the number of restarts"},
		{"\0\0\0\0\2\0\0\0", 8, CAIRN_CORRUPT, "more restarts than it has room for"},
		{"\0\0\0\0\xff\xff\xff\xff", 8, CAIRN_CORRUPT,
		 "more restarts than it has room for"},
		{"\0\1\1a1\0\0\0\0", 9, CAIRN_CORRUPT, "no restart points at the first entry"},
		{"\0\1\1a1\5\0\0\0\1\0\0\0", 13, CAIRN_CORRUPT,
		 "no restart points at the first entry"},
		{"\1\0\0\0\1\0\0\0", 8, CAIRN_CORRUPT, "a restart points at no entry"},
		{"\0\0\0\0\0\0\0\0\2\0\0\0", 12, CAIRN_CORRUPT, "a restart points at no entry"},
		{"\0\1\1a1\0\1\1b2\0\0\0\0\4\0\0\0\2\0\0\0", 22, CAIRN_CORRUPT,
		 "a restart points at no entry"},
		{"\0\1\1a1\0\1\1b2\0\0\0\0\x0a\0\0\0\2\0\0\0", 22, CAIRN_CORRUPT,
		 "a restart points at no entry"},
		{"\0\1\1a1\1\1\1b2\0\0\0\0\5\0\0\0\2\0\0\0", 22, CAIRN_CORRUPT,
		 "a restart points at an entry that shares a key"},
		{"\1\1\1a1\0\0\0\0\1\0\0\0", 13, CAIRN_CORRUPT,
		 "a restart points at an entry that shares a key"},
		{"\0\1\1a1\2\1\1b2\0\0\0\0\1\0\0\0", 18, CAIRN_CORRUPT,
		 "byte 5 of 18: an entry shares more than the key before it has"},
		{"\0\1\2a1\0\0\0\0\1\0\0\0", 13, CAIRN_CORRUPT, "an entry that leaves the block"},
		{"\0\3\0a1\0\0\0\0\1\0\0\0", 13, CAIRN_CORRUPT, "an entry that leaves the block"},
		{"\0\1\xff\xff\xff\xff\x0f\0\0\0\0\1\0\0\0", 15, CAIRN_CORRUPT,
		 "an entry that leaves the block"},
		{"\0\xff\xff\xff\xff\x1f\1\0\0\0\0\1\0\0\0", 15, CAIRN_CORRUPT,
		 "an entry that leaves the block"},
		{"\0\x80\x80\x80\x80\x80\0\1\0\0\0\0\1\0\0\0", 16, CAIRN_CORRUPT,
		 "an entry that leaves the block"},
		{"\0\1\0\0\0\0\0\1\0\0\0", 11, CAIRN_CORRUPT, "an entry that leaves the block"},
		{"\0\0\0\0\0\1\0\0\0", 9, CAIRN_CORRUPT, "an entry that leaves the block"},
		{"\0\1\1b1\0\1\1a2\0\0\0\0\1\0\0\0", 18, CAIRN_CORRUPT,
		 "byte 5 of 18: keys do not ascend"},
		{"\0\1\1a1\0\1\1a2\0\0\0\0\1\0\0\0", 18, CAIRN_CORRUPT, "keys do not ascend"},
		{"\0\1\1a1\1\0\1"
		 "2\0\0\0\0\1\0\0\0",
		 17, CAIRN_CORRUPT, "keys do not ascend"},
		{"\0\2\1ab1\1\0\1"
		 "2\0\0\0\0\1\0\0\0",
		 18, CAIRN_CORRUPT, "keys do not ascend"},
		{"\0\1\1z1\0\0\0\0\1\0\0\0", 13, CAIRN_CORRUPT,
		 "keys behind the one that the index says"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct raw_table content = {0};

		raw_put(&content, rows[i].block, rows[i].size);
		if (rows[i].status == CAIRN_OK)
			ASSERT_OK(read_blocks(&content, 1, "x"));
		else
			ASSERT_FAILS(read_blocks(&content, 1, "x"), rows[i].status,
				     rows[i].message);
		raw_table_free(&content);
	}
}
END_TEST

START_TEST(keys_ascend_over_all_blocks)
{
	static const struct {
		const char *first;
		const char *second;
		const char *dividers;
		enum cairn_status status;
		const char *message;
	} rows[] = {
		{"a", "c", "ac", CAIRN_OK, ""},
		{"a", "c", "bd", CAIRN_OK, ""},
		{"a", "b", "bd", CAIRN_CORRUPT, "keys do not ascend"},
		{"c", "a", "cd", CAIRN_CORRUPT, "keys do not ascend"},
		{"a", "a", "ad", CAIRN_CORRUPT, "keys do not ascend"},
		{"b", "c", "ad", CAIRN_CORRUPT, "keys behind the one that the index says"},
		{"a", "d", "bc", CAIRN_CORRUPT, "keys behind the one that the index says"},
		{"a", "c", "da", CAIRN_CORRUPT, "keys do not ascend"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct raw_table blocks[2] = {{0}, {0}};

		raw_put_entry(&blocks[0], 0, rows[i].first, 1, "v", 1);
		raw_put(&blocks[0], "\0\0\0\0\1\0\0\0", 8);
		raw_put_entry(&blocks[1], 0, rows[i].second, 1, "v", 1);
		raw_put(&blocks[1], "\0\0\0\0\1\0\0\0", 8);
		if (rows[i].status == CAIRN_OK)
			ASSERT_OK(read_blocks(blocks, 2, rows[i].dividers));
		else
			ASSERT_FAILS(read_blocks(blocks, 2, rows[i].dividers), rows[i].status,
				     rows[i].message);
		raw_table_free(&blocks[0]);
		raw_table_free(&blocks[1]);
	}
}
END_TEST

START_TEST(wrong_handles_are_refused)
{
	static const struct {
		struct raw_handle handle; /* added to a sound one */
		const char *message;
	} rows[] = {
		{{1000, 0}, "leaves the table"},
		{{0, 1000}, "leaves the table"},
		{{0, UINT64_MAX - 15}, "leaves the table"},
		{{UINT64_MAX, 0}, "leaves the table"},
		{{UINT64_MAX - 4, 0}, "leaves the table"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct raw_table table = {0};
		struct raw_handle handle = raw_put_block(&table, "\0\1\1a1\0\0\0\0\1\0\0\0", 13,
							 TABLE_PLAIN);

		handle.offset += rows[i].handle.offset;
		handle.size += rows[i].handle.size;
		raw_finish(&table, &handle, 1, "x");
		ASSERT_FAILS(walk_alone(table.bytes, table.size), CAIRN_CORRUPT, rows[i].message);
		raw_table_free(&table);
	}
}
END_TEST

START_TEST(an_index_that_names_no_block_is_refused)
{
	struct raw_table table = {0};

	/* both handles of the footer on the same block, whose values are no handles */
	raw_put_block(&table, "\0\1\1a\x80\0\0\0\0\1\0\0\0", 13, TABLE_PLAIN);
	raw_put(&table, (uint8_t[]){0, 13, 0, 13}, 4);
	raw_put(&table, (uint8_t[36]){0}, 36);
	raw_put(&table, two_scalars + sizeof(two_scalars) - 8, 8);
	ASSERT_FAILS(walk_alone(table.bytes, table.size), CAIRN_CORRUPT,
		     "an entry that names no block");
	raw_table_free(&table);
}
END_TEST

START_TEST(blocks_that_overlap_are_refused)
{
	struct raw_table table = {0};
	struct raw_handle handles[3];

	handles[0] = raw_put_block(&table, "\0\0\0\0", 4, TABLE_PLAIN);
	handles[1] = handles[2] = handles[0];
	raw_finish(&table, handles, 3, "abc");
	ASSERT_FAILS(walk_alone(table.bytes, table.size), CAIRN_CORRUPT,
		     "the block at offset 0 begins before the end of the one before it, 9");
	raw_table_free(&table);
}
END_TEST

START_TEST(footers_that_are_wrong_are_refused)
{
	uint8_t bytes[sizeof(two_scalars)];
	uint8_t *const footer = bytes + sizeof(bytes) - TABLE_FOOTER_SIZE;

	memcpy(bytes, two_scalars, sizeof(bytes));
	memset(footer, 0x80, 40);
	ASSERT_FAILS(walk_alone(bytes, sizeof(bytes)), CAIRN_CORRUPT,
		     "does not hold two handles and zeros");
	memcpy(bytes, two_scalars, sizeof(bytes));
	footer[39] = 1;
	ASSERT_FAILS(walk_alone(bytes, sizeof(bytes)), CAIRN_CORRUPT,
		     "the footer at offset 86 does not hold two handles and zeros");
	memcpy(bytes, two_scalars, sizeof(bytes));
	footer[40] = 0x58;
	ASSERT_FAILS(walk_alone(bytes, sizeof(bytes)), CAIRN_CORRUPT,
		     "db4775248b80fb58 instead of db4775248b80fb57");
	ASSERT_FAILS(walk_alone(bytes, 47), CAIRN_TRUNCATED, "47 bytes are too short for a table");
}
END_TEST

START_TEST(keys_that_share_more_than_restarts_allow_are_refused)
{
	struct raw_table block = {0};
	char name[4096];

	memset(name, 'k', sizeof(name));
	raw_put_entry(&block, 0, name, sizeof(name), NULL, 0);
	for (int i = 1; i < 100; i++)
		raw_put_entry(&block, sizeof(name) - 1, (char[]){(char)('k' + i)}, 1, NULL, 0);
	raw_put(&block, "\0\0\0\0\1\0\0\0", 8);
	ASSERT_FAILS(read_blocks(&block, 1, "x"), CAIRN_LIMIT, "has keys of more than 16 times");
	raw_table_free(&block);
}
END_TEST

/* --------------------------------------------------------------------------------------- Snappy */

START_TEST(compressed_blocks_are_read)
{
	/* a block of one entry a=1 as one literal */
	static const char stored[] = "\x0d\x30\0\1\1a1\0\0\0\0\1\0\0\0";
	struct raw_table table = {0};
	struct raw_handle handle;
	struct test_arena test;
	struct table_reader reader;
	struct table_entry entry;
	bool found;

	handle = raw_put_block(&table, stored, sizeof(stored) - 1, TABLE_SNAPPY);
	raw_finish(&table, &handle, 1, "x");
	test_arena_open(&test, 0);
	ASSERT_OK(table_open(&reader, &test.arena, table.bytes, table.size, &test_error));
	ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
	ck_assert(found && entry.key.data[0] == 'a' && entry.value[0] == '1');
	ck_assert_uint_eq(entry.offset, CAIRN_ERROR_NO_OFFSET);
	ASSERT_OK(table_next(&reader, &entry, &found, &test_error));
	ck_assert(!found);
	test_arena_close(&test);
	raw_table_free(&table);
}
END_TEST

START_TEST(wrong_compression_is_refused)
{
	static const struct {
		const char *block;
		size_t size;
		uint8_t compression;
		enum cairn_status status;
		const char *message;
	} rows[] = {
		{"\0\0\0\0", 4, 2, CAIRN_UNSUPPORTED,
		 "the block at offset 0 has unknown compression 2"},
		{"\x80", 1, TABLE_SNAPPY, CAIRN_CORRUPT, "do not say their decoded size"},
		{"\xff\xff\xff\xff\x0f\0a", 7, TABLE_SNAPPY, CAIRN_CORRUPT, "cannot become"},
		{"\x04\0a", 3, TABLE_SNAPPY, CAIRN_CORRUPT, "do not decode to 4"},
		{"\0", 1, TABLE_SNAPPY, CAIRN_CORRUPT, "no room for the number of restarts"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct raw_table table = {0};
		const struct raw_handle handle = raw_put_block(&table, rows[i].block, rows[i].size,
							       rows[i].compression);

		raw_finish(&table, &handle, 1, "x");
		ASSERT_FAILS(walk_alone(table.bytes, table.size), rows[i].status, rows[i].message);
		raw_table_free(&table);
	}
}
END_TEST

/* --------------------------------------------------------------------------------------- memory */

START_TEST(every_failing_allocation_is_reported)
{
	for (uint64_t n = 1;; n++) {
		struct test_arena test;
		uint8_t *again;
		uint64_t size;
		enum cairn_status status;

		test_arena_open(&test, n);
		test_error_reset();
		status = write_again(&test, two_scalars, sizeof(two_scalars), &again, &size);
		test_arena_close(&test);
		if (status == CAIRN_OK)
			break;
		ck_assert_int_eq(status, CAIRN_NO_MEMORY);
		ck_assert_uint_lt(n, 100);
	}
}
END_TEST

static Suite *tensorflow_table_suite(void)
{
	Suite *suite = suite_create("tensorflow_table");
	TCase *writing = tcase_create("writing");
	TCase *damage = tcase_create("damage");

	tcase_add_test(writing, a_table_of_tensorflow_is_read_and_written_again);
	tcase_add_test(writing, an_empty_table_has_no_entries);
	tcase_add_test(writing, the_index_divides_blocks_by_short_keys);
	tcase_add_test(writing, the_index_ends_with_a_short_key);
	tcase_add_test(writing, blocks_end_at_their_size);
	tcase_add_test(writing, an_entry_of_two_blocks_begins_one);
	tcase_add_test(writing, every_sixteenth_key_is_whole);
	tcase_add_test(writing, keys_of_many_blocks_come_back);
	tcase_add_test(writing, a_writer_refuses_keys_that_do_not_ascend);
	tcase_add_test(writing, compressed_blocks_are_read);
	suite_add_tcase(suite, writing);
	tcase_add_test(damage, every_truncation_is_refused);
	tcase_add_test(damage, every_flipped_bit_is_refused);
	tcase_add_test(damage, a_flipped_bit_under_a_right_crc_does_no_harm);
	tcase_add_test(damage, wrong_blocks_are_refused);
	tcase_add_test(damage, keys_ascend_over_all_blocks);
	tcase_add_test(damage, wrong_handles_are_refused);
	tcase_add_test(damage, an_index_that_names_no_block_is_refused);
	tcase_add_test(damage, blocks_that_overlap_are_refused);
	tcase_add_test(damage, footers_that_are_wrong_are_refused);
	tcase_add_test(damage, keys_that_share_more_than_restarts_allow_are_refused);
	tcase_add_test(damage, wrong_compression_is_refused);
	tcase_add_test(damage, every_failing_allocation_is_reported);
	suite_add_tcase(suite, damage);
	return suite;
}

int main(void)
{
	return run_suite(tensorflow_table_suite());
}
