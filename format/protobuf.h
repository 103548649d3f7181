/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire form of protocol buffers: reading field by field, and writing.
 *
 * The reader walks over one message where it lies. It allocates nothing and descends into nothing:
 * a message in a message is a field of bytes, over which the caller starts another reader, so that
 * the caller decides how deep nesting may be. Unknown fields are those that the caller ignores; so
 * are known numbers of another wire type, as in every implementation. What does not follow the wire
 * form ends the walk and stays in the reader: varints over ten bytes, lengths beyond the end,
 * groups (which no format of ours has), field number 0.
 *
 *	proto_reader_init(&reader, bytes, size);
 *	while (proto_next(&reader, &field)) {
 *		if (proto_is(&field, 1, PROTO_VARINT))
 *			entry->shard = (int32_t)field.value;
 *		...
 *	}
 *	return proto_reader_status(&reader, "the header", error);
 */
#ifndef CAIRN_FORMAT_PROTOBUF_H
#define CAIRN_FORMAT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/error.h>

enum proto_type {
	PROTO_VARINT = 0,
	PROTO_FIXED64 = 1,
	PROTO_BYTES = 2, /* strings, messages, packed numbers */
	PROTO_FIXED32 = 5
};

/* The largest field number. */
#define PROTO_NUMBER_MAX ((UINT32_C(1) << 29) - 1)

struct proto_reader {
	const uint8_t *begin; /* borrowed, untrusted */
	const uint8_t *next;  /* of a failed reader: where what is wrong begins */
	const uint8_t *end;
	const char *problem; /* static; NULL: none so far */
};

struct proto_field {
	uint32_t number; /* 1 to PROTO_NUMBER_MAX */
	enum proto_type type;
	uint64_t value;       /* of numbers: their bits; int32 and enums are the low 32 of them */
	const uint8_t *bytes; /* of PROTO_BYTES; borrowed from the message */
	uint64_t size;
};

void proto_reader_init(struct proto_reader *reader, const uint8_t *bytes, uint64_t size);

/* The next field; false at the end and when something is wrong: proto_reader_status tells. */
bool proto_next(struct proto_reader *reader, struct proto_field *field);

/* The next number of a packed field, whose bytes the reader was made over; not PROTO_BYTES. False
 * as above. */
bool proto_next_packed(struct proto_reader *reader, enum proto_type type, uint64_t *value);

/* OK when the walk came to the end; else CORRUPT, naming the message as `what` ("the header"). */
enum cairn_status proto_reader_status(const struct proto_reader *reader, const char *what,
				      struct cairn_error *error);

static inline bool proto_is(const struct proto_field *field, uint32_t number, enum proto_type type)
{
	return field->number == number && field->type == type;
}

/* -------------------------------------------------------------------------------------- writing */

/*
 * Counts, and writes what fits: with capacity 0 it only measures. A message in a message is
 * measured first, since its size comes before it. Starts as {out, capacity, 0}; the message is
 * whole when size <= capacity.
 */
struct proto_writer {
	uint8_t *out; /* NULL with capacity 0 */
	uint64_t capacity;
	uint64_t size; /* bytes of all that was put */
};

void proto_put_varint(struct proto_writer *writer, uint32_t number, uint64_t value);

/* Not when it is 0, as numbers without presence are written. */
void proto_put_nonzero(struct proto_writer *writer, uint32_t number, uint64_t value);

void proto_put_fixed32(struct proto_writer *writer, uint32_t number, uint32_t value);

/* Strings, and messages that are there already. `bytes` may be NULL with size 0. */
void proto_put_bytes(struct proto_writer *writer, uint32_t number, const void *bytes,
		     uint64_t size);

/* The head of a field of `size` bytes, which the caller puts next. */
void proto_put_head(struct proto_writer *writer, uint32_t number, uint64_t size);

/* A varint and bytes as they are, without a field: of packed fields, and of messages that come
 * behind their head. */
void proto_put_number(struct proto_writer *writer, uint64_t value);
void proto_put_raw(struct proto_writer *writer, const void *bytes, uint64_t size);

#endif
