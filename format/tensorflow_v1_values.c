/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in messages of the first format (TensorProto): which field holds those of a type, where
 * they lie, and what is made of them.
 *
 * As protobuf has it, numbers may be packed into one field, which all writers do, or be a field
 * each, or both. Only what is packed into one field, or strings without anything between them, is
 * used where it lies; else the values are put together in this very form, in memory.
 */
#include <inttypes.h>
#include <string.h>

#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/protobuf.h"
#include "format/tensorflow_v1.h"
#include "format/tensorflow_v1_fields.h"
#include "format/varint.h"

/* In front of each string: the number of its field and its type. */
#define STRING_TAG (VALUES_STRING << 3 | PROTO_BYTES)

static const struct value_kind kinds[] = {
	{CAIRN_F32, VALUES_FLOAT, PROTO_FIXED32, 4, 1, false, true},
	{CAIRN_F64, VALUES_DOUBLE, PROTO_FIXED64, 8, 1, false, true},
	{CAIRN_C64, VALUES_COMPLEX64, PROTO_FIXED32, 8, 2, false, true},
	{CAIRN_C128, VALUES_COMPLEX128, PROTO_FIXED64, 16, 2, false, true},
	{CAIRN_I8, VALUES_INT, PROTO_VARINT, 1, 1, true, true},
	{CAIRN_U8, VALUES_INT, PROTO_VARINT, 1, 1, false, true},
	{CAIRN_I16, VALUES_INT, PROTO_VARINT, 2, 1, true, true},
	{CAIRN_U16, VALUES_INT, PROTO_VARINT, 2, 1, false, true},
	{CAIRN_I32, VALUES_INT, PROTO_VARINT, 4, 1, true, true},
	{CAIRN_QINT8, VALUES_INT, PROTO_VARINT, 1, 1, true, true},
	{CAIRN_QUINT8, VALUES_INT, PROTO_VARINT, 1, 1, false, true},
	{CAIRN_QINT16, VALUES_INT, PROTO_VARINT, 2, 1, true, false},
	{CAIRN_QUINT16, VALUES_INT, PROTO_VARINT, 2, 1, false, false},
	{CAIRN_QINT32, VALUES_INT, PROTO_VARINT, 4, 1, true, true},
	{CAIRN_I64, VALUES_INT64, PROTO_VARINT, 8, 1, true, true},
	{CAIRN_U32, VALUES_UINT32, PROTO_VARINT, 4, 1, false, false},
	{CAIRN_U64, VALUES_UINT64, PROTO_VARINT, 8, 1, false, false},
	{CAIRN_BOOL, VALUES_BOOL, PROTO_VARINT, 1, 1, false, true},
	{CAIRN_F16, VALUES_HALF, PROTO_VARINT, 2, 1, false, true},
	{CAIRN_BF16, VALUES_HALF, PROTO_VARINT, 2, 1, false, false},
	{CAIRN_STRING, VALUES_STRING, PROTO_BYTES, 0, 1, false, true},
};

const struct value_kind *v1_find_kind(enum cairn_dtype dtype)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].dtype == dtype)
			return &kinds[i];
	}
	return NULL;
}

/* -------------------------------------------------------------------------------------- finding */

/* What a walk over the message found. */
struct found {
	uint64_t numbers;
	uint64_t fields;
	uint64_t text_size;   /* bytes of all strings */
	uint64_t copy_size;   /* bytes of all values put together */
	const uint8_t *begin; /* of what is used where it lies */
	const uint8_t *end;
	bool is_scattered;
};

static enum cairn_status count_packed(const struct value_kind *kind,
				      const struct proto_field *field, struct found *found,
				      struct cairn_error *error)
{
	struct proto_reader packed;
	uint64_t value;

	proto_reader_init(&packed, field->bytes, field->size);
	while (proto_next_packed(&packed, kind->type, &value))
		found->numbers++;
	found->begin = field->bytes;
	found->end = packed.end;
	found->copy_size += field->size;
	return proto_reader_status(&packed, "its values", error);
}

static void count_single(const struct value_kind *kind, const struct proto_field *field,
			 struct found *found)
{
	found->is_scattered = true;
	found->numbers++;
	found->copy_size += kind->type == PROTO_VARINT    ? varint_size(field->value)
			    : kind->type == PROTO_FIXED64 ? sizeof(uint64_t)
							  : sizeof(uint32_t);
}

/* `start` is where the field begins: its tag. */
static void count_string(const struct proto_field *field, const uint8_t *start, struct found *found)
{
	if (*start != STRING_TAG || (found->fields != 0 && start != found->end))
		found->is_scattered = true;
	if (found->fields == 0)
		found->begin = start;
	found->end = field->bytes + field->size;
	found->numbers++;
	found->text_size += field->size;
	found->copy_size += 1 + varint_size(field->size) + field->size;
}

static enum cairn_status find_values(const struct value_kind *kind,
				     const struct v1_message *message, struct found *found,
				     struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	*found = (struct found){.begin = message->bytes, .end = message->bytes};
	proto_reader_init(&reader, message->bytes, message->size);
	for (;;) {
		const uint8_t *const start = reader.next;

		if (status != CAIRN_OK || !proto_next(&reader, &field))
			break;
		if (field.number != kind->field ||
		    (field.type != kind->type && field.type != PROTO_BYTES))
			continue;
		if (kind->type == PROTO_BYTES)
			count_string(&field, start, found);
		else if (field.type == PROTO_BYTES)
			status = count_packed(kind, &field, found, error);
		else
			count_single(kind, &field, found);
		found->fields++;
	}
	if (kind->type != PROTO_BYTES && found->fields > 1)
		found->is_scattered = true;
	return status == CAIRN_OK ? proto_reader_status(&reader, "its values", error) : status;
}

/* -------------------------------------------------------------------------------------- copying */

static uint8_t *copy_bytes(uint8_t *out, const void *bytes, uint64_t size)
{
	if (size != 0)
		memcpy(out, bytes, size);
	return out + size;
}

static uint8_t *copy_field(const struct value_kind *kind, const struct proto_field *field,
			   uint8_t *out)
{
	if (kind->type == PROTO_BYTES) {
		*out = STRING_TAG;
		out = varint_write(out + 1, field->size);
	}
	if (field->type == PROTO_BYTES)
		return copy_bytes(out, field->bytes, field->size);
	if (kind->type == PROTO_VARINT)
		return varint_write(out, field->value);
	if (kind->type == PROTO_FIXED64) {
		store_u64(out, field->value);
		return out + sizeof(uint64_t);
	}
	store_u32(out, (uint32_t)field->value);
	return out + sizeof(uint32_t);
}

/* What is scattered is put together. The walk meets what find_values met. */
static void gather_fields(const struct value_kind *kind, const struct v1_message *message,
			  uint8_t *out)
{
	struct proto_reader reader;
	struct proto_field field;

	proto_reader_init(&reader, message->bytes, message->size);
	while (proto_next(&reader, &field)) {
		if (field.number == kind->field &&
		    (field.type == kind->type || field.type == PROTO_BYTES))
			out = copy_field(kind, &field, out);
	}
}

/* Where the values are as they will be read. */
struct stored_values {
	const uint8_t *bytes;
	uint64_t size;
	uint64_t offset;
	uint16_t shard;
};

static enum cairn_status store_values(struct arena *arena, const struct value_kind *kind,
				      const struct v1_message *message, const struct found *found,
				      struct literal_buffer *literal, struct stored_values *stored,
				      struct cairn_error *error)
{
	uint8_t *copy;

	stored->bytes = found->begin;
	stored->size = (uint64_t)(found->end - found->begin);
	if (!found->is_scattered && message->offset != CAIRN_ERROR_NO_OFFSET) {
		stored->offset = message->offset + (uint64_t)(found->begin - message->bytes);
		stored->shard = message->shard;
		return CAIRN_OK;
	}
	if (found->is_scattered)
		stored->size = found->copy_size;
	copy = literal_reserve(arena, literal, stored->size, &stored->offset);
	if (copy == NULL)
		return error_set_memory(error, "values");
	if (found->is_scattered)
		gather_fields(kind, message, copy);
	else
		copy_bytes(copy, found->begin, stored->size);
	stored->bytes = copy;
	stored->shard = 0;
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- extents */

/* Behind `count` varints, or behind the last one; those that count_packed saw. */
static uint64_t skip_varints(const uint8_t *bytes, uint64_t size, uint64_t count)
{
	uint64_t at = 0;

	while (at < size && count != 0)
		count -= bytes[at++] < 0x80;
	return at;
}

static enum cairn_status make_extents(struct arena *arena, const struct value_kind *kind,
				      const struct stored_values *stored, struct v1_slice *slice,
				      struct cairn_error *error)
{
	const bool in_runs = kind->type == PROTO_VARINT;
	const uint64_t count = stored->size == 0 ? 0
			       : in_runs         ? divide_up(slice->elements, V1_RUN_ELEMENTS)
						 : 1;
	struct extent_record *const extents = arena_allocate_array(arena, count, sizeof(*extents));
	uint64_t at = 0;

	if (extents == NULL)
		return error_set_memory(error, "the places of values");
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t left = stored->size - at;
		const uint64_t size = in_runs ? skip_varints(stored->bytes + at, left,
							     V1_RUN_ELEMENTS)
					      : left;

		extents[i] = (struct extent_record){
			.offset = stored->offset + at,
			.stored_size = size,
			.size = size,
			.shard = stored->shard,
			.codec = CODEC_RAW,
		};
		at += size;
	}
	slice->extents = extents;
	slice->extent_count = (uint32_t)count; /* of a message below 4 GiB */
	slice->crc = crc32c_extend(0, stored->bytes, stored->size);
	return CAIRN_OK;
}

/* What has to be done with the bytes, and how many come of it. The elements are there: none has
 * less than a byte. */
static void describe_values(const struct value_kind *kind, const struct found *found,
			    struct v1_slice *slice)
{
	if (kind->type == PROTO_BYTES) {
		slice->transform = TRANSFORM_TENSORFLOW_STRING_FIELDS;
		slice->transform_value = slice->elements;
		slice->size = slice->elements * sizeof(uint64_t) + found->text_size;
		return;
	}
	slice->size = slice->elements * kind->width;
	if (kind->type == PROTO_VARINT) {
		slice->transform = TRANSFORM_PACKED_VARINT;
		slice->transform_value = kind->width | (kind->dtype == CAIRN_BOOL ? V1_BOOL : 0);
	}
}

enum cairn_status v1_locate_values(struct arena *arena, const struct v1_message *message,
				   struct literal_buffer *literal, struct v1_slice *slice,
				   struct cairn_error *error)
{
	const struct value_kind *const kind = v1_find_kind(message->dtype);
	struct stored_values stored = {0};
	struct found found;
	enum cairn_status status;

	if (kind == NULL)
		return error_set(error, CAIRN_UNSUPPORTED, message->offset,
				 "values of type %s, which this format does not have",
				 dtype_tensorflow_name(message->dtype));
	status = find_values(kind, message, &found, error);
	if (status != CAIRN_OK)
		return status;
	if (found.numbers % kind->numbers != 0 || found.numbers / kind->numbers != slice->elements)
		return error_set(error, CAIRN_CORRUPT, message->offset,
				 "%" PRIu64 " values for %" PRIu64 " elements",
				 found.numbers / kind->numbers, slice->elements);
	status = store_values(arena, kind, message, &found, literal, &stored, error);
	if (status != CAIRN_OK)
		return status;
	describe_values(kind, &found, slice);
	return make_extents(arena, kind, &stored, slice, error);
}

/* -------------------------------------------------------------------------------------- varints */

uint32_t v1_varint_width(uint64_t transform_value)
{
	const uint64_t width = transform_value & ~V1_BOOL;

	return is_power_of_two(width) && width <= sizeof(uint64_t) ? (uint32_t)width : 0;
}

bool v1_decode_varints(const uint8_t *stored, uint64_t stored_size, uint64_t transform_value,
		       uint64_t count, uint8_t *raw)
{
	const uint32_t width = v1_varint_width(transform_value);
	const uint8_t *const end = stored + stored_size;
	uint8_t bytes[sizeof(uint64_t)];
	uint64_t value;

	for (uint64_t i = 0; i < count; i++) {
		stored = varint_read(stored, end, VARINT64_SIZE_MAX, &value);
		if (stored == NULL)
			return false;
		if ((transform_value & V1_BOOL) != 0)
			value = value != 0;
		store_u64(bytes, value); /* what does not fit is cut off, as TensorFlow does */
		memcpy(raw + i * width, bytes, width);
	}
	return stored == end;
}

/* -------------------------------------------------------------------------------------- strings */

/* Tag and length. */
#define STRING_HEAD_MAX (1 + VARINT64_SIZE_MAX)

struct string_copy {
	const struct values *values;
	uint64_t begin; /* of what is wanted, in Cairn's form */
	uint64_t end;
	uint8_t *buffer;
	uint64_t at;   /* stored bytes behind which the next string begins */
	uint64_t text; /* bytes of all strings so far */
};

/* Puts as much of the bytes as is wanted where it belongs. */
static void put(const struct string_copy *copy, uint64_t start, const uint8_t *bytes, uint64_t size)
{
	const uint64_t begin = start > copy->begin ? start : copy->begin;
	const uint64_t end = start + size < copy->end ? start + size : copy->end;

	if (begin < end)
		memcpy(copy->buffer + (begin - copy->begin), bytes + (begin - start), end - begin);
}

static enum cairn_status changed(struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "its strings are not those that were found when it was opened");
}

static enum cairn_status read_head(struct string_copy *copy, uint64_t *size,
				   struct cairn_error *error)
{
	const uint64_t left = copy->values->stored_size - copy->at;
	const uint64_t wanted = left < STRING_HEAD_MAX ? left : STRING_HEAD_MAX;
	const uint8_t *bytes = NULL;
	const uint8_t *next;
	enum cairn_status status;

	if (left == 0)
		return changed(error);
	status = copy->values->read(copy->values->context, copy->at, wanted, &bytes, error);
	if (status != CAIRN_OK)
		return status;
	next = bytes[0] == STRING_TAG
		       ? varint_read(bytes + 1, bytes + wanted, VARINT64_SIZE_MAX, size)
		       : NULL;
	if (next == NULL || *size > left - (uint64_t)(next - bytes))
		return changed(error);
	copy->at += (uint64_t)(next - bytes);
	return CAIRN_OK;
}

/* The bytes of one string, which begin at `start` in Cairn's form. */
static enum cairn_status copy_text(struct string_copy *copy, uint64_t start, uint64_t size,
				   struct cairn_error *error)
{
	uint64_t done = copy->begin > start ? copy->begin - start : 0;

	while (done < size && start + done < copy->end) {
		const uint64_t left = size - done;
		const uint64_t wanted = copy->end - start - done;
		const uint64_t both = left < wanted ? left : wanted;
		const uint64_t step = both < VALUES_READ_MAX ? both : VALUES_READ_MAX;
		const uint8_t *bytes = NULL;
		const enum cairn_status status = copy->values->read(
			copy->values->context, copy->at + done, step, &bytes, error);

		if (status != CAIRN_OK)
			return status;
		put(copy, start + done, bytes, step);
		done += step;
	}
	copy->at += size;
	return CAIRN_OK;
}

/* Everything that is wanted was met: `ends` are the bytes of end offsets so far, of `ends_size`. */
static bool is_complete(const struct string_copy *copy, uint64_t ends, uint64_t ends_size)
{
	return copy->end <= ends ||
	       (copy->begin >= ends_size && copy->end <= ends_size + copy->text);
}

enum cairn_status v1_copy_strings(const struct values *values, uint64_t raw_size, uint64_t offset,
				  uint64_t size, uint8_t *buffer, struct cairn_error *error)
{
	struct string_copy copy = {
		.values = values, .begin = offset, .end = offset + size, .buffer = buffer};
	uint8_t end[sizeof(uint64_t)];
	uint64_t ends_size;

	if (!checked_multiply(values->count, sizeof(end), &ends_size) || ends_size > raw_size)
		return changed(error);
	for (uint64_t i = 0; i < values->count; i++) {
		uint64_t length = 0;
		enum cairn_status status = read_head(&copy, &length, error);

		if (status == CAIRN_OK)
			status = copy_text(&copy, ends_size + copy.text, length, error);
		if (status != CAIRN_OK)
			return status;
		copy.text += length;
		store_u64(end, copy.text);
		put(&copy, i * sizeof(end), end, sizeof(end));
		if (is_complete(&copy, (i + 1) * sizeof(end), ends_size))
			return CAIRN_OK;
	}
	return copy.at == values->stored_size && copy.text == raw_size - ends_size ? CAIRN_OK
										   : changed(error);
}
