/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing SaverDef messages. Fields that are not known are left out.
 */
#include "format/saver_def.h"

#include <string.h>

#include "format/error.h"
#include "format/protobuf.h"
#include "format/utf8.h"

enum field {
	FIELD_FILENAME = 1,
	FIELD_SAVE = 2,
	FIELD_RESTORE = 3,
	FIELD_MAX_TO_KEEP = 4,
	FIELD_SHARDED = 5,
	FIELD_HOURS = 6,
	FIELD_VERSION = 7
};

static struct cairn_string text_of(const struct proto_field *field)
{
	return (struct cairn_string){(const char *)field->bytes, field->size};
}

static float float_of(uint64_t bits)
{
	const uint32_t low = (uint32_t)bits;
	float value;

	memcpy(&value, &low, sizeof(value));
	return value;
}

static uint32_t bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Later fields replace earlier ones. */
static void take(const struct proto_field *field, struct saver_def *def)
{
	if (proto_is(field, FIELD_FILENAME, PROTO_BYTES))
		def->filename_tensor_name = text_of(field);
	else if (proto_is(field, FIELD_SAVE, PROTO_BYTES))
		def->save_tensor_name = text_of(field);
	else if (proto_is(field, FIELD_RESTORE, PROTO_BYTES))
		def->restore_op_name = text_of(field);
	else if (proto_is(field, FIELD_MAX_TO_KEEP, PROTO_VARINT))
		def->max_to_keep = (int32_t)(uint32_t)field->value;
	else if (proto_is(field, FIELD_SHARDED, PROTO_VARINT))
		def->sharded = field->value != 0;
	else if (proto_is(field, FIELD_HOURS, PROTO_FIXED32))
		def->keep_checkpoint_every_n_hours = float_of(field->value);
	else if (proto_is(field, FIELD_VERSION, PROTO_VARINT))
		def->version = (uint32_t)field->value;
}

static bool is_text(struct cairn_string string)
{
	return utf8_valid(string.data, string.size);
}

enum cairn_status saver_def_parse(struct cairn_string message, struct saver_def *def,
				  struct cairn_error *error)
{
	*def = (struct saver_def){.max_to_keep = 0};
	return saver_def_merge(message, def, error);
}

enum cairn_status saver_def_merge(struct cairn_string message, struct saver_def *def,
				  struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status;

	proto_reader_init(&reader, (const uint8_t *)message.data, message.size);
	while (proto_next(&reader, &field))
		take(&field, def);
	status = proto_reader_status(&reader, "the SaverDef", error);
	if (status != CAIRN_OK)
		return status;
	if (!is_text(def->filename_tensor_name) || !is_text(def->save_tensor_name) ||
	    !is_text(def->restore_op_name))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "a name in the SaverDef is not UTF-8");
	return CAIRN_OK;
}

static void put_text(struct proto_writer *writer, uint32_t number, struct cairn_string text)
{
	if (text.size != 0)
		proto_put_bytes(writer, number, text.data, text.size);
}

static void put(const struct saver_def *def, struct proto_writer *writer)
{
	const uint32_t hours = bits_of(def->keep_checkpoint_every_n_hours);

	put_text(writer, FIELD_FILENAME, def->filename_tensor_name);
	put_text(writer, FIELD_SAVE, def->save_tensor_name);
	put_text(writer, FIELD_RESTORE, def->restore_op_name);
	proto_put_nonzero(writer, FIELD_MAX_TO_KEEP, (uint64_t)(int64_t)def->max_to_keep);
	proto_put_nonzero(writer, FIELD_SHARDED, def->sharded);
	if (hours != 0) /* as protobuf has it: -0 is written */
		proto_put_fixed32(writer, FIELD_HOURS, hours);
	proto_put_nonzero(writer, FIELD_VERSION, (uint64_t)(int64_t)(int32_t)def->version);
}

enum cairn_status saver_def_write(const struct saver_def *def, struct arena *arena,
				  struct cairn_string *message, struct cairn_error *error)
{
	struct proto_writer writer = {.out = NULL};
	uint8_t *bytes;

	put(def, &writer);
	bytes = arena_allocate(arena, writer.size);
	if (bytes == NULL)
		return error_set_memory(error, "a SaverDef");
	writer = (struct proto_writer){.out = bytes, .capacity = writer.size};
	put(def, &writer);
	*message = (struct cairn_string){(const char *)bytes, writer.size};
	return CAIRN_OK;
}
