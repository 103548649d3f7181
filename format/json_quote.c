/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings in quotes, for what Cairn writes: as serde_json writes them into safetensors headers, or
 * as Python's json module writes them into the index of a sharded model. Sizes are computed by the
 * code that writes, so that they agree.
 */
#include "format/json.h"

#include <assert.h>
#include <string.h>

#include "format/utf8.h"

/* The code point of the valid sequence at the start of `text`. */
static uint32_t code_point_of(const char *text, size_t size)
{
	static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code_point = (uint8_t)text[0] & lead_bits[size];

	for (size_t i = 1; i < size; i++)
		code_point = code_point << 6 | ((uint8_t)text[i] & 0x3f);
	return code_point;
}

static size_t put_unit(char *out, uint32_t unit)
{
	static const char digits[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'u';
	for (uint32_t i = 0; i < 4; i++)
		out[2 + i] = digits[unit >> (12 - 4 * i) & 15];
	return 6;
}

/* The escape of a code point; one above U+FFFF takes two units. */
static size_t put_unicode_escape(char *out, uint32_t code_point)
{
	const uint32_t offset = code_point - 0x10000;

	if (code_point < 0x10000)
		return put_unit(out, code_point);
	put_unit(out, 0xd800 + (offset >> 10));
	put_unit(out + 6, 0xdc00 + (offset & 0x3ff));
	return 12;
}

/* What stands for one sequence of `size` bytes at `text`. Returns the number of bytes written, at
 * most 12. */
static size_t quote_unit(char *out, const char *text, size_t size, enum json_escaping escaping)
{
	static const char meanings[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";
	const char *const meaning = *text == '\0' ? NULL : strchr(meanings, *text);
	const bool ascii = (uint8_t)*text >= 0x20 && (uint8_t)*text < 0x7f;

	if (meaning != NULL) {
		out[0] = '\\';
		out[1] = letters[meaning - meanings];
		return 2;
	}
	if (ascii || (escaping == JSON_UTF8 && (uint8_t)*text >= 0x20)) {
		memcpy(out, text, size);
		return size;
	}
	return put_unicode_escape(out, code_point_of(text, size));
}

size_t json_quoted_size(struct cairn_string string, enum json_escaping escaping)
{
	char unit[12];
	size_t total = 2;
	size_t step;

	for (size_t at = 0; at < string.size; at += step) {
		step = utf8_sequence(string.data + at, string.size - at);
		assert(step != 0);
		total += quote_unit(unit, string.data + at, step, escaping);
	}
	return total;
}

char *json_quote(char *out, struct cairn_string string, enum json_escaping escaping)
{
	size_t step;

	*out++ = '"';
	for (size_t at = 0; at < string.size; at += step) {
		step = utf8_sequence(string.data + at, string.size - at);
		assert(step != 0);
		out += quote_unit(out, string.data + at, step, escaping);
	}
	*out++ = '"';
	return out;
}
