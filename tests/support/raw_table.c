/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/raw_table.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/tensorflow_table.h"
#include "format/varint.h"

void raw_table_free(struct raw_table *table)
{
	free(table->bytes);
	*table = (struct raw_table){0};
}

void raw_put(struct raw_table *table, const void *bytes, size_t size)
{
	if (table->size + size > table->capacity) {
		table->capacity = 2 * (table->size + size) + 64;
		table->bytes = realloc(table->bytes, table->capacity);
		ck_assert_ptr_nonnull(table->bytes);
	}
	if (size != 0)
		memcpy(table->bytes + table->size, bytes, size);
	table->size += size;
}

void raw_put_varint(struct raw_table *table, uint64_t value)
{
	uint8_t bytes[VARINT64_SIZE_MAX];

	raw_put(table, bytes, (size_t)(varint_write(bytes, value) - bytes));
}

void raw_put_u32(struct raw_table *table, uint32_t value)
{
	uint8_t bytes[sizeof(value)];

	store_u32(bytes, value);
	raw_put(table, bytes, sizeof(bytes));
}

void raw_put_entry(struct raw_table *block, uint64_t shared, const char *rest, size_t rest_size,
		   const void *value, size_t value_size)
{
	raw_put_varint(block, shared);
	raw_put_varint(block, rest_size);
	raw_put_varint(block, value_size);
	raw_put(block, rest, rest_size);
	raw_put(block, value, value_size);
}

void raw_seal(uint8_t *bytes, struct raw_handle block)
{
	uint8_t *const end = bytes + block.offset + block.size + 1;

	store_u32(end, crc32c_mask(crc32c_extend(0, bytes + block.offset, block.size + 1)));
}

struct raw_handle raw_put_block(struct raw_table *table, const void *block, size_t size,
				uint8_t compression)
{
	const struct raw_handle handle = {table->size, size};

	raw_put(table, block, size);
	raw_put(table, &compression, 1);
	raw_put_u32(table, 0);
	raw_seal(table->bytes, handle);
	return handle;
}

static void put_handle(struct raw_table *table, struct raw_handle handle)
{
	raw_put_varint(table, handle.offset);
	raw_put_varint(table, handle.size);
}

static void put_footer(struct raw_table *table, struct raw_handle metaindex,
		       struct raw_handle index)
{
	struct raw_table footer = {0};
	uint8_t magic[8];
	static const uint8_t zeros[TABLE_FOOTER_SIZE];

	put_handle(&footer, metaindex);
	put_handle(&footer, index);
	ck_assert_uint_le(footer.size, 40);
	raw_put(&footer, zeros, 40 - footer.size);
	store_u64(magic, TABLE_MAGIC);
	raw_put(&footer, magic, sizeof(magic));
	raw_put(table, footer.bytes, footer.size);
	raw_table_free(&footer);
}

void raw_finish(struct raw_table *table, const struct raw_handle *handles, size_t handle_count,
		const char *keys)
{
	struct raw_table index = {0};
	struct raw_table restarts = {0};
	struct raw_handle metaindex;

	metaindex = raw_put_block(table, "\0\0\0\0\1\0\0\0", 8, TABLE_PLAIN);
	for (size_t i = 0; i < handle_count; i++) {
		struct raw_table value = {0};

		put_handle(&value, handles[i]);
		raw_put_u32(&restarts, (uint32_t)index.size);
		raw_put_entry(&index, 0, &keys[i], 1, value.bytes, value.size);
		raw_table_free(&value);
	}
	raw_put(&index, restarts.bytes, restarts.size);
	raw_put_u32(&index, (uint32_t)handle_count);
	put_footer(table, metaindex, raw_put_block(table, index.bytes, index.size, TABLE_PLAIN));
	raw_table_free(&index);
	raw_table_free(&restarts);
}

static const uint8_t *get_handle(const uint8_t *next, const uint8_t *end, struct raw_handle *handle)
{
	next = varint_read(next, end, VARINT64_SIZE_MAX, &handle->offset);
	ck_assert_ptr_nonnull(next);
	next = varint_read(next, end, VARINT64_SIZE_MAX, &handle->size);
	ck_assert_ptr_nonnull(next);
	return next;
}

size_t raw_blocks(const uint8_t *bytes, size_t size, struct raw_handle *blocks, size_t max)
{
	const uint8_t *next = bytes + size - TABLE_FOOTER_SIZE;
	const uint8_t *end;
	size_t count = 2;

	ck_assert_uint_ge(max, 2);
	next = get_handle(next, bytes + size, &blocks[0]);
	get_handle(next, bytes + size, &blocks[1]);
	next = bytes + blocks[1].offset;
	end = next + blocks[1].size;
	end -= 4 + 4 * load_u32(end - 4);
	while (next < end) {
		uint64_t numbers[3];

		for (size_t i = 0; i < 3; i++)
			next = varint_read(next, end, VARINT32_SIZE_MAX, &numbers[i]);
		ck_assert_uint_lt(count, max);
		get_handle(next + numbers[1], end, &blocks[count++]);
		next += numbers[1] + numbers[2];
	}
	return count;
}
