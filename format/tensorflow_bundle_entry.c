/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the messages of an index. As protobuf has it, fields come in any order, the last of
 * several counts, repeated ones add up, and what is unknown is skipped. Everything that is
 * remembered was checked: nothing negative, no shape of more elements than 63 bits, no size that
 * differs from what shape and type say.
 */
#include "format/tensorflow_bundle_entry.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/container.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/shape.h"

/* Of an extent in a slice: tag and length. */
#define EXTENT_SIZE_MIN 2u

static enum cairn_status corrupt(struct cairn_error *error, const char *what, int64_t value)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET, "%s %" PRId64, what, value);
}

/* --------------------------------------------------------------------------------------- header */

static enum cairn_status add_bad_consumer(struct arena *arena, struct bundle_header *header,
					  uint64_t *capacity, uint64_t value,
					  struct cairn_error *error)
{
	int32_t *const grown = arena_grow(arena, (int32_t *)(uintptr_t)header->bad_consumers,
					  capacity, header->bad_consumer_count + (uint64_t)1,
					  sizeof(*grown));

	if (grown == NULL)
		return error_set_memory(error, "the header of an index");
	grown[header->bad_consumer_count++] = (int32_t)value;
	header->bad_consumers = grown;
	return CAIRN_OK;
}

static enum cairn_status add_bad_consumers(struct arena *arena, const struct proto_field *field,
					   struct bundle_header *header, uint64_t *capacity,
					   struct cairn_error *error)
{
	struct proto_reader packed;
	uint64_t value;
	enum cairn_status status = CAIRN_OK;

	if (field->type == PROTO_VARINT)
		return add_bad_consumer(arena, header, capacity, field->value, error);
	if (field->type != PROTO_BYTES)
		return CAIRN_OK;
	proto_reader_init(&packed, field->bytes, field->size);
	while (status == CAIRN_OK && proto_next_packed(&packed, PROTO_VARINT, &value))
		status = add_bad_consumer(arena, header, capacity, value, error);
	return status == CAIRN_OK ? proto_reader_status(&packed, "the header's version", error)
				  : status;
}

enum cairn_status bundle_parse_version(struct arena *arena, const struct proto_field *version,
				       struct bundle_header *header, uint64_t *capacity,
				       struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	header->has_version = true;
	proto_reader_init(&reader, version->bytes, version->size);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, VERSION_PRODUCER, PROTO_VARINT))
			header->producer = (int32_t)field.value;
		else if (proto_is(&field, VERSION_MIN_CONSUMER, PROTO_VARINT))
			header->min_consumer = (int32_t)field.value;
		else if (field.number == VERSION_BAD_CONSUMERS)
			status = add_bad_consumers(arena, &field, header, capacity, error);
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, "the header's version", error)
				  : status;
}

enum cairn_status bundle_check_version(const struct bundle_header *header,
				       struct cairn_error *error)
{
	if (header->producer < 0)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "checkpoint producer version %" PRId32
				 " below min producer 0; the checkpoint has to be made again",
				 header->producer);
	if (header->min_consumer > BUNDLE_VERSION)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "checkpoint min consumer version %" PRId32
				 " above current version %d",
				 header->min_consumer, BUNDLE_VERSION);
	for (uint32_t i = 0; i < header->bad_consumer_count; i++) {
		if (header->bad_consumers[i] == BUNDLE_VERSION)
			return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
					 "checkpoint disallows consumer version %d",
					 BUNDLE_VERSION);
	}
	return CAIRN_OK;
}

static enum cairn_status check_header(struct bundle_header *header, uint64_t shards,
				      uint64_t endianness, struct cairn_error *error)
{
	const int32_t shard_count = (int32_t)shards;

	if (endianness > ENDIANNESS_BIG)
		return corrupt(error, "the header has unknown endianness", (int64_t)endianness);
	header->big_endian = endianness == ENDIANNESS_BIG;
	if (shard_count < 1)
		return corrupt(error, "the header's number of shards is", shard_count);
	if ((uint32_t)shard_count >= SHARD_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRId32 " shards are more than %u", shard_count,
				 SHARD_COUNT_MAX - 1);
	header->shard_count = (uint32_t)shard_count;
	return bundle_check_version(header, error);
}

enum cairn_status bundle_parse_header(struct arena *arena, const uint8_t *bytes, uint64_t size,
				      struct bundle_header *header, struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	uint64_t capacity = 0;
	uint64_t shards = 0;
	uint64_t endianness = 0;
	enum cairn_status status = CAIRN_OK;

	*header = (struct bundle_header){0};
	proto_reader_init(&reader, bytes, size);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, HEADER_NUM_SHARDS, PROTO_VARINT))
			shards = field.value;
		else if (proto_is(&field, HEADER_ENDIANNESS, PROTO_VARINT))
			endianness = field.value;
		else if (proto_is(&field, HEADER_VERSION, PROTO_BYTES))
			status = bundle_parse_version(arena, &field, header, &capacity, error);
	}
	if (status == CAIRN_OK)
		status = proto_reader_status(&reader, "the header", error);
	return status == CAIRN_OK ? check_header(header, shards, endianness, error) : status;
}

/* ---------------------------------------------------------------------------------------- shape */

static enum cairn_status parse_dim(const struct proto_field *dim, struct bundle_shape *shape,
				   struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	int64_t size = 0;

	proto_reader_init(&reader, dim->bytes, dim->size);
	while (proto_next(&reader, &field)) {
		if (proto_is(&field, DIM_SIZE, PROTO_VARINT))
			size = (int64_t)field.value;
	}
	if (size < 0)
		return corrupt(error, "its shape has dimension", size);
	if (shape->rank == CAIRN_RANK_MAX)
		return corrupt(error, "its shape has more dimensions than", CAIRN_RANK_MAX);
	shape->dims[shape->rank++] = (uint64_t)size;
	return proto_reader_status(&reader, "its shape", error);
}

enum cairn_status bundle_parse_shape(const struct proto_field *message, struct bundle_shape *shape,
				     struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	proto_reader_init(&reader, message->bytes, message->size);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, SHAPE_DIM, PROTO_BYTES))
			status = parse_dim(&field, shape, error);
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, "its shape", error) : status;
}

/* --------------------------------------------------------------------------------------- slices */

static enum cairn_status parse_extent(const struct proto_field *extent, uint64_t range[2],
				      struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	int64_t start = 0;
	int64_t length = -1;

	proto_reader_init(&reader, extent->bytes, extent->size);
	while (proto_next(&reader, &field)) {
		if (proto_is(&field, EXTENT_START, PROTO_VARINT))
			start = (int64_t)field.value;
		else if (proto_is(&field, EXTENT_LENGTH, PROTO_VARINT))
			length = (int64_t)field.value;
	}
	if (start < 0 || length < -1 || (length == -1 && start != 0))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "one of its slices has start %" PRId64 " and length %" PRId64,
				 start, length);
	range[0] = (uint64_t)start;
	range[1] = length == -1 ? CAIRN_FULL : (uint64_t)length;
	return proto_reader_status(&reader, "one of its slices", error);
}

enum cairn_status bundle_parse_slice(const struct proto_field *slice, uint32_t rank,
				     uint64_t *ranges, struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	uint64_t count = 0;
	enum cairn_status status = CAIRN_OK;

	proto_reader_init(&reader, slice->bytes, slice->size);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (!proto_is(&field, SLICE_EXTENT, PROTO_BYTES))
			continue;
		if (count < rank)
			status = parse_extent(&field, ranges + 2 * count, error);
		count++;
	}
	if (status == CAIRN_OK)
		status = proto_reader_status(&reader, "one of its slices", error);
	if (status == CAIRN_OK && count != rank)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "one of its slices has %" PRIu64 " extents for %" PRIu32
				 " dimensions",
				 count, rank);
	return status;
}

/* Looked at before room is made for them: an extent takes two bytes at least. */
static enum cairn_status check_slices_size(const struct bundle_tensor *tensor, uint64_t size,
					   struct cairn_error *error)
{
	const uint64_t extents = (uint64_t)tensor->piece_count * tensor->rank;

	if (size / EXTENT_SIZE_MIN >= extents)
		return CAIRN_OK;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "its %" PRIu32 " slices have %" PRIu64
			 " bytes, too few for extents of %d dimensions",
			 tensor->piece_count, size, tensor->rank);
}

/* The second walk over an entry that names slices: now its rank is known. */
static enum cairn_status parse_slices(struct arena *arena, const uint8_t *bytes, uint64_t size,
				      struct bundle_tensor *tensor, struct cairn_error *error)
{
	const uint64_t values = 2 * (uint64_t)tensor->rank;
	struct proto_reader reader;
	struct proto_field field;
	uint64_t *ranges;
	uint32_t i = 0;
	enum cairn_status status = CAIRN_OK;

	tensor->pieces = arena_allocate_array(arena, tensor->piece_count, sizeof(*tensor->pieces));
	ranges = arena_allocate_array(arena, tensor->piece_count * values, sizeof(*ranges));
	if (tensor->pieces == NULL || ranges == NULL)
		return error_set_memory(error, "slices");
	proto_reader_init(&reader, bytes, size);
	while (status == CAIRN_OK && i < tensor->piece_count && proto_next(&reader, &field)) {
		if (!proto_is(&field, ENTRY_SLICES, PROTO_BYTES))
			continue;
		tensor->pieces[i].ranges = ranges + i * values;
		status = bundle_parse_slice(&field, tensor->rank, ranges + i * values, error);
		i++;
	}
	return status;
}

/* ---------------------------------------------------------------------------------------- entry */

/* What an entry says, before it is judged. */
struct entry {
	uint32_t dtype;
	int32_t shard;
	int64_t offset;
	int64_t size;
	uint32_t crc;
	uint32_t slice_count;
	uint64_t slices_size; /* bytes of their messages */
	struct bundle_shape shape;
};

static enum cairn_status count_slice(const struct proto_field *field, struct entry *entry,
				     struct cairn_error *error)
{
	if (++entry->slice_count > SLICE_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "it has more than %u slices", SLICE_COUNT_MAX);
	entry->slices_size += field->size;
	return CAIRN_OK;
}

static enum cairn_status take_field(const struct proto_field *field, struct entry *entry,
				    struct cairn_error *error)
{
	if (proto_is(field, ENTRY_DTYPE, PROTO_VARINT))
		entry->dtype = (uint32_t)field->value;
	else if (proto_is(field, ENTRY_SHAPE, PROTO_BYTES))
		return bundle_parse_shape(field, &entry->shape, error);
	else if (proto_is(field, ENTRY_SHARD, PROTO_VARINT))
		entry->shard = (int32_t)field->value;
	else if (proto_is(field, ENTRY_OFFSET, PROTO_VARINT))
		entry->offset = (int64_t)field->value;
	else if (proto_is(field, ENTRY_SIZE, PROTO_VARINT))
		entry->size = (int64_t)field->value;
	else if (proto_is(field, ENTRY_CRC, PROTO_FIXED32))
		entry->crc = (uint32_t)field->value;
	else if (proto_is(field, ENTRY_SLICES, PROTO_BYTES))
		return count_slice(field, entry, error);
	return CAIRN_OK;
}

/* Shapes and slices that a caller may not ask for make a file corrupt. */
enum cairn_status bundle_keep_shape(struct arena *arena, const struct bundle_shape *shape,
				    const uint64_t **dims, uint64_t *elements,
				    struct cairn_error *error)
{
	if (shape_elements(shape->rank, shape->dims, elements, error) != CAIRN_OK) {
		if (error != NULL)
			error->code = CAIRN_CORRUPT;
		return CAIRN_CORRUPT;
	}
	*dims = arena_copy(arena, shape->dims, shape->rank * sizeof(*shape->dims));
	return *dims == NULL ? error_set_memory(error, "a shape") : CAIRN_OK;
}

/* Of strings only a bound is known: a length takes a byte at least. Empty tensors may have nothing
 * stored. */
static enum cairn_status check_variable_size(const struct bundle_tensor *tensor, uint64_t size,
					     struct cairn_error *error)
{
	const uint64_t checksum = sizeof(uint32_t);
	const uint64_t each = tensor->dtype == CAIRN_VARIANT ? 1 + checksum : 1;
	const uint64_t once = tensor->dtype == CAIRN_VARIANT ? 0 : checksum;

	if (tensor->elements == 0 && size == 0)
		return CAIRN_OK;
	if (size < once || (size - once) / each < tensor->elements)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " stored bytes are too few for %" PRIu64
				 " elements of variable size",
				 size, tensor->elements);
	return CAIRN_OK;
}

static enum cairn_status check_size(const struct bundle_tensor *tensor, uint64_t size,
				    struct cairn_error *error)
{
	uint64_t expected;

	if (dtype_is_variable(tensor->dtype))
		return check_variable_size(tensor, size, error);
	if (!checked_multiply(tensor->elements, cairn_dtype_info(tensor->dtype)->block_bytes,
			      &expected))
		expected = UINT64_MAX;
	if (size != expected)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "stored size %" PRIu64 " instead of %" PRIu64
				 ", as its shape and type say",
				 size, expected);
	return CAIRN_OK;
}

static enum cairn_status check_place(const struct entry *entry, uint32_t shard_count,
				     struct cairn_error *error)
{
	if (entry->shard < 0 || (uint32_t)entry->shard >= shard_count)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "it is in shard %" PRId32 " of %" PRIu32, entry->shard,
				 shard_count);
	if (entry->offset < 0 || entry->size < 0 || entry->size > INT64_MAX - entry->offset)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "it has %" PRId64 " bytes at offset %" PRId64, entry->size,
				 entry->offset);
	return CAIRN_OK;
}

static enum cairn_status describe_piece(struct arena *arena, const struct entry *entry,
					uint32_t shard_count, struct bundle_tensor *tensor,
					struct cairn_error *error)
{
	struct bundle_piece *piece;
	enum cairn_status status = check_place(entry, shard_count, error);

	if (status == CAIRN_OK)
		status = check_size(tensor, (uint64_t)entry->size, error);
	if (status != CAIRN_OK)
		return status;
	piece = arena_allocate(arena, sizeof(*piece));
	if (piece == NULL)
		return error_set_memory(error, "a tensor");
	*piece = (struct bundle_piece){
		.shard = (uint32_t)entry->shard,
		.crc = entry->crc,
		.offset = (uint64_t)entry->offset,
		.size = (uint64_t)entry->size,
	};
	piece->raw_size = dtype_is_variable(tensor->dtype) ? BUNDLE_SIZE_UNKNOWN : piece->size;
	tensor->pieces = piece;
	tensor->piece_count = 1;
	return CAIRN_OK;
}

enum cairn_status bundle_take_dtype(uint32_t number, enum cairn_dtype *dtype,
				    struct cairn_error *error)
{
	if (number == 0)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET, "it has no type");
	if (!dtype_from_tensorflow(number, dtype))
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "type %" PRIu32 " of TensorFlow is unknown or cannot be stored",
				 number);
	return CAIRN_OK;
}

enum cairn_status bundle_parse_entry(struct arena *arena, const struct bundle_header *header,
				     const uint8_t *bytes, uint64_t size,
				     struct bundle_tensor *tensor, struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	struct entry entry;
	enum cairn_status status = CAIRN_OK;

	memset(&entry, 0, offsetof(struct entry, shape.dims));
	proto_reader_init(&reader, bytes, size);
	while (status == CAIRN_OK && proto_next(&reader, &field))
		status = take_field(&field, &entry, error);
	if (status == CAIRN_OK)
		status = proto_reader_status(&reader, "its entry", error);
	if (status == CAIRN_OK)
		status = bundle_take_dtype(entry.dtype, &tensor->dtype, error);
	if (status == CAIRN_OK)
		status = bundle_keep_shape(arena, &entry.shape, &tensor->dims, &tensor->elements,
					   error);
	if (status != CAIRN_OK)
		return status;
	tensor->rank = (uint8_t)entry.shape.rank;
	if (entry.slice_count == 0)
		return describe_piece(arena, &entry, header->shard_count, tensor, error);
	tensor->piece_count = entry.slice_count;
	tensor->entry_shard = (uint32_t)entry.shard;
	status = check_slices_size(tensor, entry.slices_size, error);
	if (status != CAIRN_OK)
		return status;
	return parse_slices(arena, bytes, size, tensor, error);
}
