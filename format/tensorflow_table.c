/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a table. Nothing is believed before it was compared: handles with the file, CRCs with
 * blocks, lengths with what is left of a block, restarts with the entries that they point at, each
 * key with the one before.
 *
 * Two things would let a small file ask for much: handles that name the same block again and again,
 * and keys that share nearly all of a long one. Data blocks may therefore not overlap, and keys not
 * have more bytes than a restart at least every sixteen entries leaves possible.
 */
#include "format/tensorflow_table.h"

#include <inttypes.h>
#include <string.h>

#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/error.h"
#include "format/snappy_block.h"
#include "format/varint.h"

#define RESTART_SIZE 4u

/* The two handles and what fills up. */
#define HANDLES_SIZE (TABLE_FOOTER_SIZE - 8u)

/* Where a block lies, without its trailer. */
struct handle {
	uint64_t offset;
	uint64_t size;
};

static const uint8_t *read_handle(const uint8_t *next, const uint8_t *end, struct handle *handle)
{
	next = varint_read(next, end, VARINT64_SIZE_MAX, &handle->offset);
	return next == NULL ? NULL : varint_read(next, end, VARINT64_SIZE_MAX, &handle->size);
}

static int64_t handle_size(const struct handle *handle)
{
	return (int64_t)varint_size(handle->offset) + varint_size(handle->size);
}

/* --------------------------------------------------------------------------------------- blocks */

static enum cairn_status check_handle(const struct table_reader *reader,
				      const struct handle *handle, struct cairn_error *error)
{
	const uint64_t blocks_size = reader->size - TABLE_FOOTER_SIZE;
	uint64_t size;

	if (!checked_add(handle->size, TABLE_TRAILER_SIZE, &size) ||
	    !range_within(handle->offset, size, blocks_size))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "a block of %" PRIu64 " bytes at offset %" PRIu64
				 " leaves the table, whose blocks end at %" PRIu64,
				 handle->size, handle->offset, blocks_size);
	return CAIRN_OK;
}

static enum cairn_status fetch(const struct table_reader *reader, const struct table_cursor *cursor,
			       uint64_t offset, uint64_t size, const uint8_t **bytes,
			       struct cairn_error *error)
{
	if (reader->source.fetch != NULL)
		return reader->source.fetch(reader->source.context, cursor == &reader->index,
					    offset, size, bytes, error);
	*bytes = reader->bytes + offset;
	return CAIRN_OK;
}

static enum cairn_status check_crc(const uint8_t *block, const struct handle *handle,
				   struct cairn_error *error)
{
	const uint32_t expected = crc32c_unmask(load_u32(block + handle->size + 1));
	const uint32_t found = crc32c_extend(0, block, handle->size + 1);

	if (found != expected)
		return error_set(error, CAIRN_CHECKSUM, handle->offset,
				 "the block of %" PRIu64 " bytes at offset %" PRIu64
				 " has CRC-32C %08" PRIx32 " instead of %08" PRIx32,
				 handle->size, handle->offset, found, expected);
	return CAIRN_OK;
}

static enum cairn_status decode_block(const struct table_reader *reader, const uint8_t *stored,
				      const struct handle *handle, struct table_cursor *cursor,
				      struct cairn_error *error)
{
	uint64_t size;
	uint8_t *decoded;
	enum cairn_status status = snappy_block_size(stored, handle->size, &size, error);

	if (status != CAIRN_OK)
		return status;
	decoded = arena_grow(reader->arena, cursor->decoded, &cursor->decoded_capacity,
			     size == 0 ? 1 : size, 1);
	if (decoded == NULL)
		return error_set_memory(error, "a compressed block");
	cursor->decoded = decoded;
	status = snappy_block_decode(stored, handle->size, decoded, size, error);
	if (status != CAIRN_OK)
		return status;
	cursor->block = decoded;
	cursor->block_size = size;
	cursor->plain = false;
	return CAIRN_OK;
}

static enum cairn_status load_block(const struct table_reader *reader, const struct handle *handle,
				    struct table_cursor *cursor, struct cairn_error *error)
{
	enum cairn_status status = check_handle(reader, handle, error);
	const uint8_t *stored = NULL;
	uint8_t compression;

	if (status == CAIRN_OK)
		status = fetch(reader, cursor, handle->offset, handle->size + TABLE_TRAILER_SIZE,
			       &stored, error);
	if (status == CAIRN_OK)
		status = check_crc(stored, handle, error);
	if (status != CAIRN_OK)
		return status;
	cursor->offset = handle->offset;
	cursor->block = stored;
	cursor->block_size = handle->size;
	cursor->plain = true;
	compression = cursor->block[handle->size];
	if (compression == TABLE_SNAPPY)
		status = decode_block(reader, stored, handle, cursor, error);
	else if (compression != TABLE_PLAIN)
		status = error_set(error, CAIRN_UNSUPPORTED, handle->offset,
				   "the block at offset %" PRIu64 " has unknown compression %d",
				   handle->offset, compression);
	if (status != CAIRN_OK && error != NULL)
		error->offset = handle->offset;
	return status;
}

/* -------------------------------------------------------------------------------------- entries */

static enum cairn_status bad_block(const struct table_cursor *cursor, const char *what,
				   struct cairn_error *error)
{
	const uint64_t at = (uint64_t)(cursor->next - cursor->block);

	return error_set(error, CAIRN_CORRUPT, cursor->offset + (cursor->plain ? at : 0),
			 "the block at offset %" PRIu64 ", byte %" PRIu64 " of %" PRIu64 ": %s",
			 cursor->offset, at, cursor->block_size, what);
}

/* Opens a loaded block: its restarts lie at its end. */
static enum cairn_status open_cursor(struct table_cursor *cursor, struct cairn_error *error)
{
	uint64_t restarts_size;

	cursor->next = cursor->end = cursor->block;
	cursor->restart_next = 0;
	cursor->shareable = 0;
	cursor->keys_size = 0;
	if (cursor->block_size < RESTART_SIZE)
		return bad_block(cursor, "no room for the number of restarts", error);
	cursor->restart_count = load_u32(cursor->block + cursor->block_size - RESTART_SIZE);
	restarts_size = ((uint64_t)cursor->restart_count + 1) * RESTART_SIZE;
	if (restarts_size > cursor->block_size)
		return bad_block(cursor, "more restarts than it has room for", error);
	cursor->end = cursor->block + (cursor->block_size - restarts_size);
	return CAIRN_OK;
}

static uint32_t next_restart(const struct table_cursor *cursor)
{
	return load_u32(cursor->end + (size_t)cursor->restart_next * RESTART_SIZE);
}

/* Behind the last entry all restarts were met. The one of an empty block points at its end. */
static enum cairn_status close_cursor(struct table_cursor *cursor, struct cairn_error *error)
{
	if (cursor->end == cursor->block && cursor->restart_count == 1 && next_restart(cursor) == 0)
		cursor->restart_next = 1;
	if (cursor->restart_next != cursor->restart_count)
		return bad_block(cursor, "a restart points at no entry", error);
	return CAIRN_OK;
}

/* What an entry says about itself. */
struct entry_head {
	uint64_t shared;
	uint64_t non_shared;
	uint64_t value_size;
	const uint8_t *rest; /* the part of the key that is not shared, then the value */
};

static bool read_head(const struct table_cursor *cursor, struct entry_head *head)
{
	const uint8_t *next = cursor->next;
	uint64_t *const numbers[] = {&head->shared, &head->non_shared, &head->value_size};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		next = varint_read(next, cursor->end, VARINT32_SIZE_MAX, numbers[i]);
		if (next == NULL || *numbers[i] > UINT32_MAX)
			return false;
	}
	head->rest = next;
	return head->non_shared + head->value_size <= (uint64_t)(cursor->end - next);
}

/* An entry that a restart points at has all of its key, and so has the first one. */
static enum cairn_status check_restart(struct table_cursor *cursor, const struct entry_head *head,
				       struct cairn_error *error)
{
	const uint64_t at = (uint64_t)(cursor->next - cursor->block);
	const bool is_restart = cursor->restart_next < cursor->restart_count &&
				next_restart(cursor) == at;

	if (at == 0 && !is_restart)
		return bad_block(cursor, "no restart points at the first entry", error);
	if (is_restart && head->shared != 0)
		return bad_block(cursor, "a restart points at an entry that shares a key", error);
	if (is_restart)
		cursor->restart_next++;
	return CAIRN_OK;
}

static int compare_keys(const uint8_t *a, uint64_t a_size, const uint8_t *b, uint64_t b_size)
{
	const uint64_t common = a_size < b_size ? a_size : b_size;
	const int order = common == 0 ? 0 : memcmp(a, b, common);

	return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* The key of the next entry comes behind the last one. What they share need not be looked at. */
static bool ascends(const struct table_cursor *cursor, const struct entry_head *head)
{
	return !cursor->has_key ||
	       compare_keys(head->rest, head->non_shared, cursor->key + head->shared,
			    cursor->key_size - head->shared) > 0;
}

static enum cairn_status set_key(struct table_cursor *cursor, struct arena *arena, uint64_t shared,
				 const uint8_t *rest, uint64_t rest_size, struct cairn_error *error)
{
	const uint64_t size = shared + rest_size;
	uint8_t *const key = arena_grow(arena, cursor->key, &cursor->key_capacity,
					size == 0 ? 1 : size, 1);

	if (key == NULL)
		return error_set_memory(error, "a key of a table");
	if (rest_size != 0)
		memcpy(key + shared, rest, rest_size);
	cursor->key = key;
	cursor->key_size = cursor->shareable = size;
	cursor->has_key = true;
	return CAIRN_OK;
}

static enum cairn_status check_entry(struct table_cursor *cursor, const struct entry_head *head,
				     struct cairn_error *error)
{
	const enum cairn_status status = check_restart(cursor, head, error);

	if (status != CAIRN_OK)
		return status;
	if (head->shared > cursor->shareable)
		return bad_block(cursor, "an entry shares more than the key before it has", error);
	if (!ascends(cursor, head))
		return bad_block(cursor, "keys do not ascend", error);
	cursor->keys_size += head->shared + head->non_shared;
	if (cursor->keys_size / TABLE_RESTART_INTERVAL > cursor->block_size)
		return error_set(error, CAIRN_LIMIT, cursor->offset,
				 "the block at offset %" PRIu64 " has keys of more than %u times "
				 "its %" PRIu64 " bytes",
				 cursor->offset, TABLE_RESTART_INTERVAL, cursor->block_size);
	return CAIRN_OK;
}

/* The next entry of the block; `found` is false behind the last one. */
static enum cairn_status next_entry(struct table_cursor *cursor, struct arena *arena,
				    struct table_entry *entry, bool *found,
				    struct cairn_error *error)
{
	struct entry_head head;
	enum cairn_status status;

	*found = cursor->next != cursor->end;
	if (!*found)
		return close_cursor(cursor, error);
	if (!read_head(cursor, &head))
		return bad_block(cursor, "an entry that leaves the block", error);
	status = check_entry(cursor, &head, error);
	if (status == CAIRN_OK)
		status = set_key(cursor, arena, head.shared, head.rest, head.non_shared, error);
	if (status != CAIRN_OK)
		return status;
	*entry = (struct table_entry){
		.key = {(const char *)cursor->key, cursor->key_size},
		.value = head.rest + head.non_shared,
		.value_size = head.value_size,
		.offset = CAIRN_ERROR_NO_OFFSET,
	};
	if (cursor->plain)
		entry->offset = cursor->offset + (uint64_t)(entry->value - cursor->block);
	cursor->next = entry->value + entry->value_size;
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- table */

static enum cairn_status parse_footer(const struct table_reader *reader, const uint8_t *footer,
				      struct handle *metaindex, struct handle *index,
				      struct cairn_error *error)
{
	const uint64_t offset = reader->size - TABLE_FOOTER_SIZE;
	const uint8_t *const end = footer + HANDLES_SIZE;
	const uint64_t magic = load_u64(end);
	const uint8_t *next;

	if (magic != TABLE_MAGIC)
		return error_set(error, CAIRN_CORRUPT, reader->size - sizeof(magic),
				 "its last 8 bytes are %016" PRIx64 " instead of %016" PRIx64
				 ": cut off, or no table of TensorFlow",
				 magic, TABLE_MAGIC);
	next = read_handle(footer, end, metaindex);
	if (next != NULL)
		next = read_handle(next, end, index);
	/* in their shortest form, so that there is one footer for them */
	if (next == NULL || handle_size(metaindex) + handle_size(index) != next - footer ||
	    !all_zero(next, (size_t)(end - next)))
		return error_set(error, CAIRN_CORRUPT, offset,
				 "the footer at offset %" PRIu64 " does not hold two handles and "
				 "zeros",
				 offset);
	return CAIRN_OK;
}

static enum cairn_status open_table(struct table_reader *reader, struct cairn_error *error)
{
	const uint8_t *footer = NULL;
	struct handle metaindex;
	struct handle index;
	enum cairn_status status;

	if (reader->size < TABLE_FOOTER_SIZE)
		return error_set(error, CAIRN_TRUNCATED, reader->size,
				 "%" PRIu64 " bytes are too short for a table, whose footer has %u",
				 reader->size, TABLE_FOOTER_SIZE);
	status = fetch(reader, &reader->data, reader->size - TABLE_FOOTER_SIZE, TABLE_FOOTER_SIZE,
		       &footer, error);
	if (status == CAIRN_OK)
		status = parse_footer(reader, footer, &metaindex, &index, error);
	if (status == CAIRN_OK) /* nobody uses it: only to see that it is whole */
		status = load_block(reader, &metaindex, &reader->data, error);
	if (status == CAIRN_OK)
		status = load_block(reader, &index, &reader->index, error);
	if (status == CAIRN_OK)
		status = open_cursor(&reader->index, error);
	reader->data.next = reader->data.end = reader->data.block = NULL;
	reader->data.restart_count = 0;
	return status;
}

enum cairn_status table_open(struct table_reader *reader, struct arena *arena, const uint8_t *bytes,
			     uint64_t size, struct cairn_error *error)
{
	*reader = (struct table_reader){.arena = arena, .bytes = bytes, .size = size};
	return open_table(reader, error);
}

enum cairn_status table_open_source(struct table_reader *reader, struct arena *arena,
				    const struct table_source *source, uint64_t size,
				    struct cairn_error *error)
{
	*reader = (struct table_reader){.arena = arena, .source = *source, .size = size};
	return open_table(reader, error);
}

/* The index says the last key of a block, or something between it and the next block's first. */
static enum cairn_status leave_block(struct table_reader *reader, struct cairn_error *error)
{
	struct table_cursor *const data = &reader->data;
	const struct table_cursor *const index = &reader->index;

	if (!index->has_key)
		return CAIRN_OK;
	if (data->has_key &&
	    compare_keys(data->key, data->key_size, index->key, index->key_size) > 0)
		return bad_block(data, "keys behind the one that the index says", error);
	return set_key(data, reader->arena, 0, index->key, index->key_size, error);
}

static enum cairn_status next_block(struct table_reader *reader, bool *found,
				    struct cairn_error *error)
{
	struct table_entry entry = {0};
	struct handle handle;
	enum cairn_status status = leave_block(reader, error);

	if (status == CAIRN_OK)
		status = next_entry(&reader->index, reader->arena, &entry, found, error);
	if (status != CAIRN_OK || !*found)
		return status;
	if (read_handle(entry.value, entry.value + entry.value_size, &handle) == NULL)
		return bad_block(&reader->index, "an entry that names no block", error);
	if (handle.offset < reader->blocks_end)
		return error_set(error, CAIRN_CORRUPT, handle.offset,
				 "the block at offset %" PRIu64
				 " begins before the end of the one before it, %" PRIu64,
				 handle.offset, reader->blocks_end);
	status = load_block(reader, &handle, &reader->data, error);
	if (status == CAIRN_OK)
		status = open_cursor(&reader->data, error);
	if (status == CAIRN_OK)
		reader->blocks_end = handle.offset + handle.size + TABLE_TRAILER_SIZE;
	return status;
}

enum cairn_status table_next(struct table_reader *reader, struct table_entry *entry, bool *found,
			     struct cairn_error *error)
{
	for (;;) {
		bool more;
		enum cairn_status status = next_entry(&reader->data, reader->arena, entry, found,
						      error);

		if (status != CAIRN_OK || *found)
			return status;
		status = next_block(reader, &more, error);
		if (status != CAIRN_OK || !more)
			return status;
	}
}
