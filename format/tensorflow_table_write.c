/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a table, byte for byte as TensorFlow does: when blocks end, which keys are shared, what
 * the index says between two blocks. Blocks are never compressed, as TensorFlow's own are not.
 */
#include "format/tensorflow_table.h"

#include <inttypes.h>
#include <string.h>

#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/error.h"
#include "format/varint.h"

/* Lengths and places within a block are numbers of 32 bits, those of protobuf of 31. */
#define ENTRY_SIZE_MAX INT32_MAX

#define ENTRY_HEAD_SIZE_MAX ((size_t)3 * VARINT32_SIZE_MAX)
#define HANDLE_SIZE_MAX     (2 * VARINT64_SIZE_MAX)

static enum cairn_status no_memory(struct cairn_error *error)
{
	return error_set_memory(error, "a table");
}

/* --------------------------------------------------------------------------------------- blocks */

static uint8_t *reserve(struct arena *arena, uint8_t **bytes, uint64_t *capacity, uint64_t used,
			uint64_t size)
{
	uint64_t needed;
	uint8_t *grown;

	if (!checked_add(used, size, &needed))
		return NULL;
	grown = arena_grow(arena, *bytes, capacity, needed, 1);
	if (grown == NULL)
		return NULL;
	*bytes = grown;
	return grown + used;
}

static bool add_restart(struct arena *arena, struct table_block *block)
{
	uint32_t *const restarts = arena_grow(arena, block->restarts, &block->restart_capacity,
					      block->restart_count + 1, sizeof(*restarts));

	if (restarts == NULL)
		return false;
	restarts[block->restart_count++] = (uint32_t)block->size;
	block->restarts = restarts;
	block->since_restart = 0;
	return true;
}

/* An empty block has a restart already: the first entry's. */
static bool empty_block(struct arena *arena, struct table_block *block)
{
	block->size = 0;
	block->restart_count = 0;
	block->last = (struct cairn_string){0};
	return add_restart(arena, block);
}

static size_t common_prefix(struct cairn_string a, struct cairn_string b)
{
	const size_t limit = a.size < b.size ? a.size : b.size;
	size_t size = 0;

	while (size < limit && a.data[size] == b.data[size])
		size++;
	return size;
}

static bool add_entry(struct arena *arena, struct table_block *block, struct cairn_string key,
		      const uint8_t *value, uint64_t value_size)
{
	size_t shared = 0;
	uint8_t *next;

	if (block->since_restart < block->interval)
		shared = common_prefix(block->last, key);
	else if (!add_restart(arena, block))
		return false;
	next = reserve(arena, &block->bytes, &block->capacity, block->size,
		       ENTRY_HEAD_SIZE_MAX + (key.size - shared) + value_size);
	if (next == NULL)
		return false;
	next = varint_write(next, shared);
	next = varint_write(next, key.size - shared);
	next = varint_write(next, value_size);
	if (key.size != shared)
		memcpy(next, key.data + shared, key.size - shared);
	next += key.size - shared;
	if (value_size != 0)
		memcpy(next, value, value_size);
	block->size = (uint64_t)(next - block->bytes) + value_size;
	block->last = key;
	block->since_restart++;
	return true;
}

static uint64_t size_with_restarts(const struct table_block *block)
{
	return block->size + sizeof(uint32_t) * (block->restart_count + 1);
}

static void store_restarts(const struct table_block *block, uint8_t *next)
{
	for (uint64_t i = 0; i < block->restart_count; i++, next += sizeof(uint32_t))
		store_u32(next, block->restarts[i]);
	store_u32(next, (uint32_t)block->restart_count);
}

/* Appends the block to the table and empties it. */
static bool put_block(struct table_writer *writer, struct table_block *block, uint64_t *offset,
		      uint64_t *size)
{
	const uint64_t block_size = size_with_restarts(block);
	uint8_t *const out = reserve(writer->arena, &writer->bytes, &writer->capacity, writer->size,
				     block_size + TABLE_TRAILER_SIZE);

	if (out == NULL)
		return false;
	if (block->size != 0)
		memcpy(out, block->bytes, block->size);
	store_restarts(block, out + block->size);
	out[block_size] = TABLE_PLAIN;
	store_u32(out + block_size + 1, crc32c_mask(crc32c_extend(0, out, block_size + 1)));
	*offset = writer->size;
	*size = block_size;
	writer->size += block_size + TABLE_TRAILER_SIZE;
	return empty_block(writer->arena, block);
}

/* ---------------------------------------------------------------------------------------- index */

/* The beginning of the key, its last byte made one larger. */
static bool shortened(struct arena *arena, struct cairn_string key, size_t size,
		      struct cairn_string *divider)
{
	char *const copy = arena_copy(arena, key.data, size);

	if (copy == NULL)
		return false;
	copy[size - 1] = (char)((uint8_t)copy[size - 1] + 1);
	*divider = (struct cairn_string){copy, size};
	return true;
}

/* A short key from the last one of a block on and before the first one of the next. */
static bool separator(struct arena *arena, struct cairn_string last, struct cairn_string next,
		      struct cairn_string *divider)
{
	const size_t at = common_prefix(last, next);

	*divider = last;
	if (at == last.size || at == next.size || (uint8_t)last.data[at] == 0xff ||
	    (uint8_t)last.data[at] + 1 >= (uint8_t)next.data[at])
		return true;
	return shortened(arena, last, at + 1, divider);
}

/* A short key from the last one of the table on. */
static bool successor(struct arena *arena, struct cairn_string last, struct cairn_string *divider)
{
	size_t at = 0;

	while (at < last.size && (uint8_t)last.data[at] == 0xff)
		at++;
	*divider = last;
	return at == last.size || shortened(arena, last, at + 1, divider);
}

static bool index_pending(struct table_writer *writer, struct cairn_string divider)
{
	uint8_t handle[HANDLE_SIZE_MAX];
	uint8_t *end = varint_write(handle, writer->pending_offset);

	end = varint_write(end, writer->pending_size);
	writer->pending = false;
	return add_entry(writer->arena, &writer->index, divider, handle, (uint64_t)(end - handle));
}

static bool flush(struct table_writer *writer)
{
	if (writer->data.size == 0)
		return true;
	writer->pending = true;
	return put_block(writer, &writer->data, &writer->pending_offset, &writer->pending_size);
}

/* ---------------------------------------------------------------------------------------- table */

enum cairn_status table_writer_open(struct table_writer *writer, struct arena *arena,
				    uint64_t block_size, struct cairn_error *error)
{
	*writer = (struct table_writer){
		.arena = arena,
		.block_size = block_size,
		.data.interval = TABLE_RESTART_INTERVAL,
		.index.interval = 1,
	};
	if (!empty_block(arena, &writer->data) || !empty_block(arena, &writer->index))
		return no_memory(error);
	return CAIRN_OK;
}

static bool ascends(struct cairn_string last, struct cairn_string key)
{
	const size_t at = common_prefix(last, key);

	if (at == last.size || at == key.size)
		return key.size > last.size;
	return (uint8_t)key.data[at] > (uint8_t)last.data[at];
}

static enum cairn_status check_entry(const struct table_writer *writer, struct cairn_string key,
				     uint64_t value_size, struct cairn_error *error)
{
	if (key.size > ENTRY_SIZE_MAX || value_size > ENTRY_SIZE_MAX - key.size)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "a key of %zu bytes and a value of %" PRIu64
				 " are too long for a table",
				 key.size, value_size);
	if (writer->has_key && !ascends(writer->last, key))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "key %s does not come behind %s", quote(key).text,
				 quote(writer->last).text);
	return CAIRN_OK;
}

static bool add(struct table_writer *writer, struct cairn_string key, const uint8_t *value,
		uint64_t value_size)
{
	struct cairn_string divider;

	/* an entry of two blocks gets one of its own */
	if (writer->has_key && key.size + value_size >= 2 * writer->block_size && !flush(writer))
		return false;
	if (writer->pending && (!separator(writer->arena, writer->last, key, &divider) ||
				!index_pending(writer, divider)))
		return false;
	if (!add_entry(writer->arena, &writer->data, key, value, value_size))
		return false;
	writer->last = key;
	writer->has_key = true;
	return size_with_restarts(&writer->data) < writer->block_size || flush(writer);
}

enum cairn_status table_writer_add(struct table_writer *writer, struct cairn_string key,
				   const uint8_t *value, uint64_t value_size,
				   struct cairn_error *error)
{
	const enum cairn_status status = check_entry(writer, key, value_size, error);

	if (status != CAIRN_OK)
		return status;
	return add(writer, key, value, value_size) ? CAIRN_OK : no_memory(error);
}

static bool put_footer(struct table_writer *writer, uint64_t metaindex_offset,
		       uint64_t metaindex_size, uint64_t index_offset, uint64_t index_size)
{
	uint8_t *const footer = reserve(writer->arena, &writer->bytes, &writer->capacity,
					writer->size, TABLE_FOOTER_SIZE);
	uint8_t *next;

	if (footer == NULL)
		return false;
	memset(footer, 0, TABLE_FOOTER_SIZE);
	next = varint_write(footer, metaindex_offset);
	next = varint_write(next, metaindex_size);
	next = varint_write(next, index_offset);
	varint_write(next, index_size);
	store_u64(footer + TABLE_FOOTER_SIZE - sizeof(uint64_t), TABLE_MAGIC);
	writer->size += TABLE_FOOTER_SIZE;
	return true;
}

/* The data block is empty after its flush, and as such it is the metaindex, which has nothing. */
static bool finish(struct table_writer *writer)
{
	struct cairn_string divider;
	uint64_t metaindex_offset;
	uint64_t metaindex_size;
	uint64_t index_offset;
	uint64_t index_size;

	return flush(writer) &&
	       put_block(writer, &writer->data, &metaindex_offset, &metaindex_size) &&
	       (!writer->pending || (successor(writer->arena, writer->last, &divider) &&
				     index_pending(writer, divider))) &&
	       put_block(writer, &writer->index, &index_offset, &index_size) &&
	       put_footer(writer, metaindex_offset, metaindex_size, index_offset, index_size);
}

enum cairn_status table_writer_finish(struct table_writer *writer, uint8_t **bytes, uint64_t *size,
				      struct cairn_error *error)
{
	if (!finish(writer))
		return no_memory(error);
	*bytes = writer->bytes;
	*size = writer->size;
	return CAIRN_OK;
}
