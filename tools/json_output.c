/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON, element by element.
 *
 * The structure is written here; jansson, which would hold a whole document in memory, only decides
 * what is UTF-8 and how strings are escaped: keys too, because it refuses NUL in keys and tensor
 * names may have it.
 */
#include "tools/json_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* A comma where one is due, and a line of its own for each element of the outermost array or
 * object. */
static void begin_value(struct json_output *json)
{
	if (json->after_key) {
		json->after_key = false;
		return;
	}
	if (json->depth == 0)
		return;
	bool *filled = &json->filled[json->depth - 1];
	if (*filled)
		putc(',', json->file);
	if (json->depth == 1 && !json->on_one_line)
		fputs("\n ", json->file);
	else if (*filled)
		putc(' ', json->file);
	*filled = true;
}

static void begin_nest(struct json_output *json, char bracket)
{
	begin_value(json);
	putc(bracket, json->file);
	if (json->depth >= JSON_DEPTH_MAX)
		abort();
	json->filled[json->depth++] = false;
}

static void end_nest(struct json_output *json, char bracket)
{
	json->depth--;
	if (json->depth == 0 && json->filled[0] && !json->on_one_line)
		putc('\n', json->file);
	putc(bracket, json->file);
}

void emit_begin_object(struct json_output *json)
{
	begin_nest(json, '{');
}

void emit_end_object(struct json_output *json)
{
	end_nest(json, '}');
}

void emit_begin_array(struct json_output *json)
{
	begin_nest(json, '[');
}

void emit_end_array(struct json_output *json)
{
	end_nest(json, ']');
}

static int write_escaped(const char *buffer, size_t size, void *file)
{
	return fwrite(buffer, 1, size, file) == size ? 0 : -1;
}

/* Puts U+FFFD for each byte that is not part of UTF-8. */
static json_t *repaired_string(struct cairn_string value)
{
	char *copy = malloc(value.size * 3 + 1);
	size_t used = 0;

	for (size_t at = 0; copy && at < value.size;) {
		size_t size = value.size - at < 4 ? value.size - at : 4;
		while (size && !emit_is_text((struct cairn_string){value.data + at, size}))
			size--;
		memcpy(copy + used, size ? value.data + at : "\xef\xbf\xbd", size ? size : 3);
		used += size ? size : 3;
		at += size ? size : 1;
	}
	json_t *string = copy ? json_stringn_nocheck(copy, used) : NULL;
	free(copy);
	return string;
}

static void write_string(struct json_output *json, struct cairn_string value)
{
	json_t *string = json_stringn(value.data ? value.data : "", value.size);

	if (!string)
		string = repaired_string(value);
	/* A pipe that was closed is not a lack of memory: who flushes the file notices. */
	if (!string || (json_dump_callback(string, write_escaped, json->file, JSON_ENCODE_ANY) &&
			!ferror(json->file)))
		json->failed = true;
	json_decref(string);
}

bool emit_is_text(struct cairn_string value)
{
	json_t *string = json_stringn(value.data ? value.data : "", value.size);
	const bool is_text = string != NULL;

	json_decref(string);
	return is_text;
}

void emit_key_string(struct json_output *json, struct cairn_string key)
{
	begin_value(json);
	write_string(json, key);
	fputs(": ", json->file);
	json->after_key = true;
}

void emit_key(struct json_output *json, const char *key)
{
	emit_key_string(json, cairn_string_from(key));
}

void emit_string(struct json_output *json, struct cairn_string value)
{
	begin_value(json);
	write_string(json, value);
}

void emit_text(struct json_output *json, const char *value)
{
	if (value)
		emit_string(json, cairn_string_from(value));
	else
		emit_null(json);
}

void emit_unsigned(struct json_output *json, uint64_t value)
{
	begin_value(json);
	fprintf(json->file, "%" PRIu64, value);
}

void emit_signed(struct json_output *json, int64_t value)
{
	begin_value(json);
	fprintf(json->file, "%" PRId64, value);
}

void emit_bool(struct json_output *json, bool value)
{
	begin_value(json);
	fputs(value ? "true" : "false", json->file);
}

void emit_null(struct json_output *json)
{
	begin_value(json);
	fputs("null", json->file);
}

/* NaN and infinities become strings; true when that was done. */
static bool write_special(struct json_output *json, double value)
{
	if (isnan(value))
		emit_text(json, "NaN");
	else if (isinf(value))
		emit_text(json, value < 0 ? "-Infinity" : "Infinity");
	return isnan(value) || isinf(value);
}

/* Both finite: nothing lies between them. */
static bool same_number(double a, double b)
{
	return !(a < b) && !(a > b);
}

/* A number with a fraction stays one: 1 is written as 1.0. */
static void write_number(struct json_output *json, const char *text)
{
	begin_value(json);
	fputs(text, json->file);
	if (!strpbrk(text, ".e"))
		fputs(".0", json->file);
}

void emit_double(struct json_output *json, double value)
{
	char text[40] = "";

	if (write_special(json, value))
		return;
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (same_number(strtod(text, NULL), value))
			break;
	}
	write_number(json, text);
}

void emit_float(struct json_output *json, float value)
{
	char text[40] = "";

	if (write_special(json, (double)value))
		return;
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, (double)value);
		if (same_number((double)strtof(text, NULL), (double)value))
			break;
	}
	write_number(json, text);
}

static void write_hex(FILE *file, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		fprintf(file, "%02x", bytes[i]);
}

void emit_digest(struct json_output *json, const struct cairn_digest *digest)
{
	begin_value(json);
	fputs("\"xxh3-128:", json->file);
	write_hex(json->file, digest->bytes, sizeof(digest->bytes));
	putc('"', json->file);
}

void emit_crc(struct json_output *json, uint32_t kind, uint32_t crc)
{
	if (kind == CAIRN_CRC_NONE) {
		emit_null(json);
		return;
	}
	begin_value(json);
	fprintf(json->file, "\"crc32c:%08" PRIx32 "\"", crc);
}

void emit_hex(struct json_output *json, const void *data, size_t size)
{
	emit_begin_object(json);
	emit_key(json, "hex");
	begin_value(json);
	putc('"', json->file);
	write_hex(json->file, data, size);
	putc('"', json->file);
	emit_end_object(json);
}

bool emit_finish(struct json_output *json)
{
	putc('\n', json->file);
	return !json->failed && !ferror(json->file);
}
