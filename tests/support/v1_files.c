/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/v1_files.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "format/protobuf.h"
#include "format/tensorflow_slice_key.h"
#include "format/tensorflow_table.h"
#include "tests/support/test_arena.h"

enum {
	META_SIZE_MAX = 4096,
	SMALL = 1024,
	LITERAL_MAX = 65536 /* bytes that one tag of Snappy's can stand for, with two of length */
};

/* --------------------------------------------------------------------------------------- fields */

static struct proto_writer writer_of(const struct v1_message_bytes *message)
{
	return (struct proto_writer){message->bytes, message->capacity, message->size};
}

static void keep(struct v1_message_bytes *message, const struct proto_writer *writer)
{
	ck_assert_uint_le(writer->size, message->capacity);
	message->size = writer->size;
}

void v1_put_varint(struct v1_message_bytes *message, uint32_t field, uint64_t value)
{
	struct proto_writer writer = writer_of(message);

	proto_put_varint(&writer, field, value);
	keep(message, &writer);
}

void v1_put_bytes(struct v1_message_bytes *message, uint32_t field, const void *bytes,
		  uint64_t size)
{
	struct proto_writer writer = writer_of(message);

	proto_put_bytes(&writer, field, bytes, size);
	keep(message, &writer);
}

void v1_put_packed(struct v1_message_bytes *message, uint32_t field, const uint64_t *values,
		   uint64_t count)
{
	struct proto_writer measure = {NULL, 0, 0};
	struct proto_writer writer = writer_of(message);

	for (uint64_t i = 0; i < count; i++)
		proto_put_number(&measure, values[i]);
	proto_put_head(&writer, field, measure.size);
	for (uint64_t i = 0; i < count; i++)
		proto_put_number(&writer, values[i]);
	keep(message, &writer);
}

/* A TensorSliceProto. */
static void put_slice(struct v1_message_bytes *message, uint32_t field, uint32_t rank,
		      const uint64_t *ranges)
{
	uint8_t bytes[SMALL];
	struct v1_message_bytes slice = {bytes, 0, sizeof(bytes)};

	for (uint32_t d = 0; d < rank; d++) {
		uint8_t extent_bytes[32] = {0};
		struct v1_message_bytes extent = {extent_bytes, 0, sizeof(extent_bytes)};

		if (ranges[2 * d] != 0)
			v1_put_varint(&extent, 1, ranges[2 * d]);
		if (ranges[2 * d + 1] != CAIRN_FULL)
			v1_put_varint(&extent, 2, ranges[2 * d + 1]);
		v1_put_bytes(&slice, 1, extent_bytes, extent.size);
	}
	v1_put_bytes(message, field, bytes, slice.size);
}

/* ---------------------------------------------------------------------------------------- files */

void v1_file_init(struct v1_file *file)
{
	static const uint8_t version[] = {0x12, 2, 8, 1};

	*file = (struct v1_file){.meta = malloc(META_SIZE_MAX), .meta_size = sizeof(version)};
	ck_assert_ptr_nonnull(file->meta);
	memcpy(file->meta, version, sizeof(version));
}

void v1_file_free(struct v1_file *file)
{
	for (uint32_t i = 0; i < file->count; i++) {
		free(file->entries[i].key);
		free(file->entries[i].value);
	}
	free(file->meta);
	*file = (struct v1_file){0};
}

void v1_file_tensor(struct v1_file *file, const char *name, uint32_t dtype, uint32_t rank,
		    const uint64_t *dims, uint32_t slice_count, const uint64_t *ranges)
{
	uint8_t tensor_bytes[SMALL];
	uint8_t shape_bytes[SMALL];
	struct v1_message_bytes tensor = {tensor_bytes, 0, sizeof(tensor_bytes)};
	struct v1_message_bytes shape = {shape_bytes, 0, sizeof(shape_bytes)};
	struct v1_message_bytes meta = {file->meta, file->meta_size, META_SIZE_MAX};

	for (uint32_t d = 0; d < rank; d++) {
		uint8_t dim_bytes[16];
		struct v1_message_bytes dim = {dim_bytes, 0, sizeof(dim_bytes)};

		v1_put_varint(&dim, 1, dims[d]);
		v1_put_bytes(&shape, 2, dim_bytes, dim.size);
	}
	v1_put_bytes(&tensor, 1, name, strlen(name));
	v1_put_bytes(&tensor, 2, shape_bytes, shape.size);
	v1_put_varint(&tensor, 3, dtype);
	for (uint32_t i = 0; i < slice_count; i++)
		put_slice(&tensor, 4, rank, ranges + (size_t)2 * rank * i);
	v1_put_bytes(&meta, 1, tensor_bytes, tensor.size);
	file->meta_size = meta.size;
}

void v1_file_values(struct v1_file *file, const char *name, uint32_t rank, const uint64_t *ranges,
		    const void *values, uint64_t size)
{
	const struct cairn_string text = cairn_string_from(name);
	const uint32_t number = file->count++;
	struct v1_message_bytes data = {malloc(size + SMALL), 0, size + SMALL};
	struct v1_message_bytes entry = {malloc(size + SMALL), 0, size + SMALL};

	ck_assert(number < V1_ENTRIES_MAX && data.bytes != NULL && entry.bytes != NULL);
	v1_put_bytes(&data, 1, name, strlen(name));
	put_slice(&data, 2, rank, ranges);
	v1_put_bytes(&data, 3, values, size);
	v1_put_bytes(&entry, 2, data.bytes, data.size);
	free(data.bytes);
	file->entries[number].value = entry.bytes;
	file->entries[number].value_size = entry.size;
	file->entries[number].key_size = slice_key_size(text, rank, ranges);
	file->entries[number].key = malloc(file->entries[number].key_size);
	ck_assert_ptr_nonnull(file->entries[number].key);
	slice_key_write(text, rank, ranges, file->entries[number].key);
}

void v1_file_vector(struct v1_file *file, const char *name, uint32_t dtype, uint64_t count,
		    const void *values, uint64_t size)
{
	static const uint64_t full[] = {0, CAIRN_FULL};

	v1_file_tensor(file, name, dtype, 1, &count, 1, full);
	v1_file_values(file, name, 1, full, values, size);
}

/* ---------------------------------------------------------------------------------------- bytes */

static struct cairn_string key_of(const struct v1_file *file, uint32_t i)
{
	return (struct cairn_string){(const char *)file->entries[i].key, file->entries[i].key_size};
}

static int compare(struct cairn_string a, struct cairn_string b)
{
	const size_t common = a.size < b.size ? a.size : b.size;
	const int order = memcmp(a.data, b.data, common);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* The entry whose key comes next. */
static uint32_t next_entry(const struct v1_file *file, struct cairn_string before)
{
	uint32_t best = file->count;

	for (uint32_t i = 0; i < file->count; i++) {
		if (compare(key_of(file, i), before) > 0 &&
		    (best == file->count || compare(key_of(file, i), key_of(file, best)) < 0))
			best = i;
	}
	ck_assert_uint_lt(best, file->count);
	return best;
}

static uint64_t first_value(const struct v1_file *file, uint8_t value[META_SIZE_MAX + 8])
{
	struct v1_message_bytes meta = {value, 0, META_SIZE_MAX + 8};

	v1_put_bytes(&meta, 1, file->meta, file->meta_size);
	return meta.size;
}

struct bytes v1_file_bytes(const struct v1_file *file)
{
	struct cairn_string before = {"", 0};
	struct test_arena test;
	struct table_writer writer;
	uint8_t meta[META_SIZE_MAX + 8];
	struct bytes bytes;
	uint8_t *table;
	uint64_t size;

	test_arena_open(&test, 0);
	ck_assert_uint_eq(table_writer_open(&writer, &test.arena, TABLE_BLOCK_SIZE, NULL),
			  CAIRN_OK);
	size = first_value(file, meta);
	ck_assert_uint_eq(table_writer_add(&writer, before, meta, size, NULL), CAIRN_OK);
	for (uint32_t i = 0; i < file->count; i++) {
		const uint32_t next = next_entry(file, before);

		before = key_of(file, next);
		ck_assert_uint_eq(table_writer_add(&writer, before, file->entries[next].value,
						   file->entries[next].value_size, NULL),
				  CAIRN_OK);
	}
	ck_assert_uint_eq(table_writer_finish(&writer, &table, &size, NULL), CAIRN_OK);
	bytes = (struct bytes){malloc(size), size};
	ck_assert_ptr_nonnull(bytes.data);
	memcpy(bytes.data, table, size);
	test_arena_close(&test);
	return bytes;
}

/* Nothing is made smaller: the bytes as they are, with tags in between. */
static void put_literals(struct raw_table *out, const struct raw_table *block)
{
	raw_put_varint(out, block->size);
	for (size_t at = 0; at < block->size; at += LITERAL_MAX) {
		const size_t left = block->size - at;
		const size_t size = left < LITERAL_MAX ? left : LITERAL_MAX;
		const uint8_t tag[] = {61 << 2, (uint8_t)(size - 1), (uint8_t)((size - 1) >> 8)};

		raw_put(out, tag, sizeof(tag));
		raw_put(out, block->bytes + at, size);
	}
}

struct bytes v1_file_compressed(const struct v1_file *file)
{
	struct cairn_string before = {"", 0};
	struct raw_table block = {0};
	struct raw_table stored = {0};
	struct raw_table table = {0};
	struct raw_handle handle;
	uint8_t meta[META_SIZE_MAX + 8];

	raw_put_entry(&block, 0, "", 0, meta, first_value(file, meta));
	for (uint32_t i = 0; i < file->count; i++) {
		const uint32_t next = next_entry(file, before);

		before = key_of(file, next);
		raw_put_entry(&block, 0, before.data, before.size, file->entries[next].value,
			      file->entries[next].value_size);
	}
	raw_put_u32(&block, 0);
	raw_put_u32(&block, 1);
	put_literals(&stored, &block);
	handle = raw_put_block(&table, stored.bytes, stored.size, TABLE_SNAPPY);
	raw_finish(&table, &handle, 1, "\xff");
	raw_table_free(&block);
	raw_table_free(&stored);
	return (struct bytes){table.bytes, table.size};
}

void v1_file_write(const struct v1_file *file, const struct world *world, const char *name)
{
	struct bytes bytes = v1_file_bytes(file);

	world_write(world, name, bytes.data, bytes.size);
	free(bytes.data);
}

/* -------------------------------------------------------------------------------------- samples */

const float v1_floats[4] = {0.5F, -1, 2, 1e30F};

void v1_file_columns(struct v1_file *to, const uint64_t *ranges, int32_t first, int32_t count)
{
	static const uint64_t dims[] = {4, 6};
	uint8_t bytes[128];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	uint64_t numbers[24];

	for (int32_t row = 0; row < 4; row++) {
		for (int32_t column = 0; column < count; column++)
			numbers[row * count + column] = (uint64_t)(row * 6 + first + column);
	}
	v1_put_packed(&values, 7, numbers, (uint64_t)(4 * count));
	v1_file_tensor(to, "part", 3, 2, dims, 1, ranges);
	v1_file_values(to, "part", 2, ranges, bytes, values.size);
}

void v1_write_shards(const struct world *world, bool complete)
{
	static const uint64_t left[] = {0, CAIRN_FULL, 0, 2};
	static const uint64_t right[] = {0, 4, 2, 4};
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct v1_file file;

	v1_file_init(&file);
	v1_file_columns(&file, left, 0, 2);
	v1_file_write(&file, world, "m-00000-of-00003");
	v1_file_free(&file);
	v1_file_init(&file);
	if (complete)
		v1_file_columns(&file, right, 2, 4);
	v1_file_write(&file, world, "m-00001-of-00003");
	v1_file_free(&file);
	v1_file_init(&file);
	v1_put_bytes(&values, 5, v1_floats, sizeof(v1_floats));
	v1_file_vector(&file, "w", 1, 4, bytes, values.size);
	v1_file_write(&file, world, "m-00002-of-00003");
	v1_file_free(&file);
}

struct bytes v1_small_table(void)
{
	static const uint64_t numbers[] = {1, 300};
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct bytes table;
	struct v1_file file;

	v1_file_init(&file);
	v1_put_packed(&values, 7, numbers, 2);
	v1_file_vector(&file, "i", 3, 2, bytes, values.size);
	values.size = 0;
	v1_put_bytes(&values, 5, v1_floats, sizeof(v1_floats));
	v1_file_vector(&file, "f", 1, 4, bytes, values.size);
	values.size = 0;
	v1_put_bytes(&values, 8, "text", 4);
	v1_file_vector(&file, "s", 7, 1, bytes, values.size);
	table = v1_file_bytes(&file);
	v1_file_free(&file);
	return table;
}
