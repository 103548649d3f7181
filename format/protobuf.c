/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader that trusts nothing: `next` only moves to places that were compared with `end`, and
 * moves forward with every field, so that a walk takes no longer than its bytes. A writer that
 * never writes beyond the capacity that it was given.
 */
#include "format/protobuf.h"

#include <inttypes.h>
#include <string.h>

#include "format/bytes.h"
#include "format/error.h"
#include "format/varint.h"

#define TYPE_BITS 3u
#define TYPE_MASK 7u

void proto_reader_init(struct proto_reader *reader, const uint8_t *bytes, uint64_t size)
{
	*reader = (struct proto_reader){.begin = bytes, .next = bytes};
	reader->end = size == 0 ? bytes : bytes + size;
}

static bool fail(struct proto_reader *reader, const char *problem)
{
	reader->problem = problem;
	return false;
}

/* The reader moves behind what was read only when all of it is there. */
static bool read_number(struct proto_reader *reader, const uint8_t *next, enum proto_type type,
			uint64_t *value)
{
	const uint64_t left = (uint64_t)(reader->end - next);

	switch (type) {
	case PROTO_VARINT:
		next = varint_read(next, reader->end, VARINT64_SIZE_MAX, value);
		if (next == NULL)
			return fail(reader, "a number that does not end");
		break;
	case PROTO_FIXED64:
		if (left < sizeof(uint64_t))
			return fail(reader, "a number that is cut off");
		*value = load_u64(next);
		next += sizeof(uint64_t);
		break;
	case PROTO_FIXED32:
		if (left < sizeof(uint32_t))
			return fail(reader, "a number that is cut off");
		*value = load_u32(next);
		next += sizeof(uint32_t);
		break;
	case PROTO_BYTES:
	default:
		return fail(reader, "a wire type that does not exist");
	}
	reader->next = next;
	return true;
}

static bool read_bytes(struct proto_reader *reader, const uint8_t *next, struct proto_field *field)
{
	uint64_t size;

	next = varint_read(next, reader->end, VARINT64_SIZE_MAX, &size);
	if (next == NULL)
		return fail(reader, "a length that does not end");
	if (size > (uint64_t)(reader->end - next))
		return fail(reader, "a field that is longer than what is left");
	field->bytes = next;
	field->size = size;
	reader->next = next + size;
	return true;
}

bool proto_next(struct proto_reader *reader, struct proto_field *field)
{
	const uint8_t *next;
	uint64_t tag;

	if (reader->problem != NULL || reader->next == reader->end)
		return false;
	next = varint_read(reader->next, reader->end, VARINT32_SIZE_MAX, &tag);
	if (next == NULL || tag > UINT32_MAX)
		return fail(reader, "a field tag that does not end");
	*field = (struct proto_field){
		.number = (uint32_t)tag >> TYPE_BITS,
		.type = (enum proto_type)(tag & TYPE_MASK),
	};
	if (field->number == 0)
		return fail(reader, "field number 0");
	if (field->type == PROTO_BYTES)
		return read_bytes(reader, next, field);
	return read_number(reader, next, field->type, &field->value);
}

bool proto_next_packed(struct proto_reader *reader, enum proto_type type, uint64_t *value)
{
	if (reader->problem != NULL || reader->next == reader->end)
		return false;
	return read_number(reader, reader->next, type, value);
}

enum cairn_status proto_reader_status(const struct proto_reader *reader, const char *what,
				      struct cairn_error *error)
{
	if (reader->problem == NULL)
		return CAIRN_OK;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "%s cannot be parsed: %s at byte %" PRIu64 " of %" PRIu64, what,
			 reader->problem, (uint64_t)(reader->next - reader->begin),
			 (uint64_t)(reader->end - reader->begin));
}

/* -------------------------------------------------------------------------------------- writing */

void proto_put_raw(struct proto_writer *writer, const void *bytes, uint64_t size)
{
	if (size != 0 && range_within(writer->size, size, writer->capacity))
		memcpy(writer->out + writer->size, bytes, size);
	writer->size += size;
}

void proto_put_number(struct proto_writer *writer, uint64_t value)
{
	uint8_t bytes[VARINT64_SIZE_MAX];

	if (writer->capacity == 0) {
		writer->size += varint_size(value);
	} else if (range_within(writer->size, sizeof(bytes), writer->capacity)) {
		uint8_t *const out = writer->out + writer->size;

		writer->size += (uint64_t)(varint_write(out, value) - out);
	} else {
		proto_put_raw(writer, bytes, (uint64_t)(varint_write(bytes, value) - bytes));
	}
}

static void put_tag(struct proto_writer *writer, uint32_t number, enum proto_type type)
{
	proto_put_number(writer, (uint64_t)number << TYPE_BITS | (uint64_t)type);
}

void proto_put_varint(struct proto_writer *writer, uint32_t number, uint64_t value)
{
	put_tag(writer, number, PROTO_VARINT);
	proto_put_number(writer, value);
}

void proto_put_nonzero(struct proto_writer *writer, uint32_t number, uint64_t value)
{
	if (value != 0)
		proto_put_varint(writer, number, value);
}

void proto_put_fixed32(struct proto_writer *writer, uint32_t number, uint32_t value)
{
	uint8_t bytes[sizeof(value)];

	put_tag(writer, number, PROTO_FIXED32);
	store_u32(bytes, value);
	proto_put_raw(writer, bytes, sizeof(bytes));
}

void proto_put_head(struct proto_writer *writer, uint32_t number, uint64_t size)
{
	put_tag(writer, number, PROTO_BYTES);
	proto_put_number(writer, size);
}

void proto_put_bytes(struct proto_writer *writer, uint32_t number, const void *bytes, uint64_t size)
{
	proto_put_head(writer, number, size);
	proto_put_raw(writer, bytes, size);
}
