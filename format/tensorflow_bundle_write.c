/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a bundle to the bytes of an index, as TensorFlow's C++ writes it: fields by ascending
 * numbers, those that are 0 left out, a shape always there, all of a dimension as an empty extent.
 */
#include "format/tensorflow_bundle.h"

#include <inttypes.h>
#include <string.h>

#include "format/dtype.h"
#include "format/error.h"
#include "format/protobuf.h"
#include "format/sort_array.h"
#include "format/tensorflow_bundle_entry.h"
#include "format/tensorflow_slice_key.h"
#include "format/tensorflow_table.h"

/* An entry of the index. */
struct item {
	struct cairn_string key;
	const struct bundle_tensor *tensor;
	const struct bundle_piece *slice; /* NULL: the entry by the tensor's name */
};

/* Room for one message. */
struct message {
	uint8_t *bytes;
	uint64_t capacity;
	uint64_t size;
};

static enum cairn_status no_memory(struct cairn_error *error)
{
	return error_set_memory(error, "an index");
}

/* ------------------------------------------------------------------------------------- messages */

/* An int32 is written as the int64 of the same value. */
static uint64_t widened(int32_t value)
{
	return (uint64_t)(int64_t)value;
}

static void put_version(struct proto_writer *writer, const struct bundle_header *header)
{
	struct proto_writer packed = {0};

	for (uint32_t i = 0; i < header->bad_consumer_count; i++)
		proto_put_number(&packed, widened(header->bad_consumers[i]));
	proto_put_nonzero(writer, VERSION_PRODUCER, widened(header->producer));
	proto_put_nonzero(writer, VERSION_MIN_CONSUMER, widened(header->min_consumer));
	if (packed.size == 0)
		return;
	proto_put_head(writer, VERSION_BAD_CONSUMERS, packed.size);
	for (uint32_t i = 0; i < header->bad_consumer_count; i++)
		proto_put_number(writer, widened(header->bad_consumers[i]));
}

static void put_header(struct proto_writer *writer, const struct bundle_header *header)
{
	struct proto_writer version = {0};

	put_version(&version, header);
	proto_put_nonzero(writer, HEADER_NUM_SHARDS, header->shard_count);
	proto_put_nonzero(writer, HEADER_ENDIANNESS,
			  header->big_endian ? ENDIANNESS_BIG : ENDIANNESS_LITTLE);
	if (!header->has_version)
		return;
	proto_put_head(writer, HEADER_VERSION, version.size);
	put_version(writer, header);
}

void bundle_put_shape(struct proto_writer *writer, uint32_t rank, const uint64_t *dims,
		      const uint64_t *ranges)
{
	for (uint32_t d = 0; d < rank; d++) {
		uint64_t size = dims[d];
		struct proto_writer dim = {0};

		if (ranges != NULL && ranges[2 * d + 1] != CAIRN_FULL)
			size = ranges[2 * d + 1];
		proto_put_nonzero(&dim, DIM_SIZE, size);
		proto_put_head(writer, SHAPE_DIM, dim.size);
		proto_put_nonzero(writer, DIM_SIZE, size);
	}
}

/* Dimensions of the tensor, or of a slice of it. */
static void put_shape(struct proto_writer *writer, const struct item *item)
{
	bundle_put_shape(writer, item->tensor->rank, item->tensor->dims,
			 item->slice == NULL ? NULL : item->slice->ranges);
}

static void put_extent(struct proto_writer *writer, const uint64_t range[2])
{
	if (range[1] == CAIRN_FULL)
		return;
	proto_put_nonzero(writer, EXTENT_START, range[0]);
	proto_put_varint(writer, EXTENT_LENGTH, range[1]);
}

void bundle_put_slice(struct proto_writer *writer, uint32_t rank, const uint64_t *ranges)
{
	for (uint32_t d = 0; d < rank; d++) {
		struct proto_writer extent = {0};

		put_extent(&extent, ranges + 2 * (size_t)d);
		proto_put_head(writer, SLICE_EXTENT, extent.size);
		put_extent(writer, ranges + 2 * (size_t)d);
	}
}

static void put_slices(struct proto_writer *writer, const struct bundle_tensor *tensor)
{
	for (uint32_t i = 0; i < tensor->piece_count; i++) {
		const uint64_t *const ranges = tensor->pieces[i].ranges;
		struct proto_writer slice = {0};

		bundle_put_slice(&slice, tensor->rank, ranges);
		proto_put_head(writer, ENTRY_SLICES, slice.size);
		bundle_put_slice(writer, tensor->rank, ranges);
	}
}

static void put_piece(struct proto_writer *writer, const struct bundle_piece *piece)
{
	proto_put_nonzero(writer, ENTRY_SHARD, piece->shard);
	proto_put_nonzero(writer, ENTRY_OFFSET, piece->offset);
	proto_put_nonzero(writer, ENTRY_SIZE, piece->size);
	if (piece->crc != 0)
		proto_put_fixed32(writer, ENTRY_CRC, piece->crc);
}

static void put_entry(struct proto_writer *writer, const struct item *item, uint32_t dtype)
{
	const struct bundle_tensor *const tensor = item->tensor;
	struct proto_writer shape = {0};

	put_shape(&shape, item);
	proto_put_nonzero(writer, ENTRY_DTYPE, dtype);
	proto_put_head(writer, ENTRY_SHAPE, shape.size);
	put_shape(writer, item);
	if (item->slice != NULL) {
		put_piece(writer, item->slice);
	} else if (!bundle_is_sliced(tensor)) {
		put_piece(writer, &tensor->pieces[0]);
	} else {
		proto_put_nonzero(writer, ENTRY_SHARD, widened((int32_t)tensor->entry_shard));
		put_slices(writer, tensor);
	}
}

static bool reserve(struct arena *arena, struct message *message, uint64_t size)
{
	uint8_t *const bytes = arena_grow(arena, message->bytes, &message->capacity,
					  size == 0 ? 1 : size, 1);

	if (bytes == NULL)
		return false;
	message->bytes = bytes;
	message->size = size;
	return true;
}

static enum cairn_status make_header(struct arena *arena, const struct bundle_header *header,
				     struct message *message, struct cairn_error *error)
{
	struct proto_writer writer = {0};

	put_header(&writer, header);
	if (!reserve(arena, message, writer.size))
		return no_memory(error);
	writer = (struct proto_writer){message->bytes, message->size, 0};
	put_header(&writer, header);
	return CAIRN_OK;
}

static enum cairn_status make_entry(struct arena *arena, const struct item *item,
				    struct message *message, struct cairn_error *error)
{
	struct proto_writer writer = {0};
	uint32_t dtype;

	if (!dtype_tensorflow_number(item->tensor->dtype, &dtype)) {
		error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			  "TensorFlow has no type for it");
		return error_prefix_tensor(error, CAIRN_INVALID_ARGUMENT, item->tensor->name);
	}
	put_entry(&writer, item, dtype);
	if (!reserve(arena, message, writer.size))
		return no_memory(error);
	writer = (struct proto_writer){message->bytes, message->size, 0};
	put_entry(&writer, item, dtype);
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- items */

static enum cairn_status check_name(struct cairn_string name, struct cairn_error *error)
{
	uint64_t name_size;
	uint32_t rank;

	if (name.size == 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a tensor by the empty name cannot be stored by TensorFlow");
	if (slice_key_parse(name, &name_size, &rank))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "tensor %s would be taken for a slice of another one",
				 quote(name).text);
	return CAIRN_OK;
}

static enum cairn_status slice_item(struct arena *arena, const struct bundle_tensor *tensor,
				    const struct bundle_piece *slice, struct item *item,
				    struct cairn_error *error)
{
	const uint64_t size = slice_key_size(tensor->name, tensor->rank, slice->ranges);
	uint8_t *const key = arena_allocate(arena, size);

	if (key == NULL)
		return no_memory(error);
	slice_key_write(tensor->name, tensor->rank, slice->ranges, key);
	*item = (struct item){{(const char *)key, size}, tensor, slice};
	return CAIRN_OK;
}

/* The entries of a tensor: its own, and one for each slice. */
static enum cairn_status add_items(struct arena *arena, const struct bundle_tensor *tensor,
				   struct item *items, uint64_t *count, struct cairn_error *error)
{
	enum cairn_status status = check_name(tensor->name, error);

	if (status != CAIRN_OK)
		return status;
	items[(*count)++] = (struct item){tensor->name, tensor, NULL};
	for (uint32_t i = 0; bundle_is_sliced(tensor) && i < tensor->piece_count; i++) {
		status = slice_item(arena, tensor, &tensor->pieces[i], &items[(*count)++], error);
		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

static uint64_t count_items(const struct bundle *bundle)
{
	uint64_t count = bundle->tensor_count;

	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		if (bundle_is_sliced(&bundle->tensors[i]))
			count += bundle->tensors[i].piece_count;
	}
	return count;
}

static enum cairn_status make_items(struct arena *arena, const struct bundle *bundle,
				    struct item **items, uint64_t *count, struct cairn_error *error)
{
	const uint64_t total = count_items(bundle);

	if (total > UINT32_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " tensors and slices are too many", total);
	*items = arena_allocate_array(arena, total, sizeof(**items));
	if (*items == NULL)
		return no_memory(error);
	*count = 0;
	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		const enum cairn_status status = add_items(arena, &bundle->tensors[i], *items,
							   count, error);

		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- table */

static bool same_key(const struct item *a, const struct item *b)
{
	return a->key.size == b->key.size && memcmp(a->key.data, b->key.data, a->key.size) == 0;
}

static enum cairn_status put_items(struct arena *arena, struct table_writer *table,
				   const struct item *items, const uint32_t *order, uint64_t count,
				   struct message *message, struct cairn_error *error)
{
	for (uint64_t i = 0; i < count; i++) {
		const struct item *const item = &items[order[i]];
		enum cairn_status status;

		if (i != 0 && same_key(item, &items[order[i - 1]]))
			return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
					 "tensor %s%s is there twice",
					 quote(item->tensor->name).text,
					 item->slice == NULL ? "" : ": one of its slices");
		status = make_entry(arena, item, message, error);
		if (status == CAIRN_OK)
			status = table_writer_add(table, item->key, message->bytes, message->size,
						  error);
		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

static enum cairn_status put_all(struct arena *arena, const struct bundle_header *header,
				 struct table_writer *table, struct item *items, uint64_t count,
				 struct cairn_error *error)
{
	struct message message = {0};
	const uint32_t *order;
	enum cairn_status status = make_header(arena, header, &message, error);

	if (status == CAIRN_OK)
		status = table_writer_add(table, (struct cairn_string){"", 0}, message.bytes,
					  message.size, error);
	if (status != CAIRN_OK || count == 0)
		return status;
	order = sort_order_by_name(arena, &items[0].key, sizeof(*items), count);
	if (order == NULL)
		return no_memory(error);
	return put_items(arena, table, items, order, count, &message, error);
}

enum cairn_status bundle_write(struct arena *arena, const struct bundle *bundle, uint8_t **bytes,
			       uint64_t *size, struct cairn_error *error)
{
	struct table_writer table = {0};
	struct item *items = NULL;
	uint64_t count = 0;
	enum cairn_status status = make_items(arena, bundle, &items, &count, error);

	if (status == CAIRN_OK)
		status = table_writer_open(&table, arena, TABLE_BLOCK_SIZE, error);
	if (status == CAIRN_OK)
		status = put_all(arena, &bundle->header, &table, items, count, error);
	return status == CAIRN_OK ? table_writer_finish(&table, bytes, size, error) : status;
}
