/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire form of protocol buffers: fields lie in the message, and a message whose fields are
 * written again is read as the same fields.
 */
#include "format/protobuf.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define FIELDS_MAX 4096u

static void put(struct proto_writer *writer, const struct proto_field *field)
{
	switch (field->type) {
	case PROTO_VARINT:
		proto_put_varint(writer, field->number, field->value);
		break;
	case PROTO_BYTES:
		proto_put_bytes(writer, field->number, field->bytes, field->size);
		break;
	case PROTO_FIXED32:
		proto_put_fixed32(writer, field->number, (uint32_t)field->value);
		break;
	case PROTO_FIXED64: /* nothing writes it */
		break;
	}
}

static void read_packed(const struct proto_field *field, enum proto_type type)
{
	struct proto_reader reader;
	struct cairn_error error = {0};
	uint64_t value;
	enum cairn_status status;

	proto_reader_init(&reader, field->bytes, field->size);
	while (proto_next_packed(&reader, type, &value))
		FUZZ_MUST(type != PROTO_FIXED32 || value <= UINT32_MAX);
	status = proto_reader_status(&reader, "a packed field", &error);
	if (status != CAIRN_OK)
		fuzz_check_error(status, &error);
	else
		FUZZ_MUST(reader.next == reader.end);
}

static void check_field(const struct proto_field *field, const uint8_t *data, size_t size)
{
	FUZZ_MUST(field->number >= 1 && field->number <= PROTO_NUMBER_MAX);
	FUZZ_MUST(field->type != PROTO_FIXED32 || field->value <= UINT32_MAX);
	if (field->type != PROTO_BYTES)
		return;
	FUZZ_MUST(field->bytes >= data && field->size <= size &&
		  field->bytes + field->size <= data + size);
	read_packed(field, PROTO_VARINT);
	read_packed(field, PROTO_FIXED32);
	read_packed(field, PROTO_FIXED64);
}

/* Returns how many of the fields can be written. */
static uint64_t read_all(const uint8_t *data, size_t size, struct proto_writer *writer,
			 enum cairn_status *status)
{
	struct proto_reader reader;
	struct proto_field field;
	struct cairn_error error = {0};
	uint64_t count = 0;

	proto_reader_init(&reader, data, size);
	while (proto_next(&reader, &field)) {
		check_field(&field, data, size);
		put(writer, &field);
		count += field.type != PROTO_FIXED64;
	}
	*status = proto_reader_status(&reader, "the message", &error);
	if (*status != CAIRN_OK)
		fuzz_check_error(*status, &error);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proto_writer measure = {NULL, 0, 0};
	struct proto_writer writer;
	struct proto_writer again = {NULL, 0, 0};
	enum cairn_status status;
	const uint64_t count = read_all(data, size, &measure, &status);

	writer = (struct proto_writer){malloc(measure.size), measure.size, 0};
	FUZZ_MUST(writer.out != NULL || measure.size == 0);
	read_all(data, size, &writer, &status);
	FUZZ_MUST(writer.size == measure.size);
	FUZZ_MUST(read_all(writer.out, writer.size, &again, &status) == count);
	FUZZ_MUST(status == CAIRN_OK && again.size == writer.size);
	free(writer.out);
	return 0;
}
