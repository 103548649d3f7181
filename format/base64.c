/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64. Decoding is strict: each sequence of bytes has one text, so that what was dumped, packed
 * and dumped again is the same.
 */
#include "format/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(const uint8_t *bytes, size_t size, char *text)
{
	size_t used = 0;

	for (size_t at = 0; at < size; at += 3) {
		const size_t left = size - at;
		const uint32_t group = (uint32_t)bytes[at] << 16 |
				       (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) |
				       (left > 2 ? bytes[at + 2] : 0);

		text[used++] = alphabet[group >> 18];
		text[used++] = alphabet[group >> 12 & 63];
		text[used++] = (char)(left > 1 ? alphabet[group >> 6 & 63] : '=');
		text[used++] = (char)(left > 2 ? alphabet[group & 63] : '=');
	}
	return used;
}

/* The six bits of a character; 64 for one that is none of the alphabet. */
static uint32_t value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Bytes of a group: 3, or fewer with padding; 0 when it is none. */
static size_t decode_group(const char *text, bool is_last, uint8_t *bytes)
{
	const size_t padding = !is_last || text[3] != '=' ? 0 : text[2] == '=' ? 2 : 1;
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		const uint32_t value = i < 4 - padding ? value_of(text[i]) : 0;

		if (value > 63)
			return 0;
		group = group << 6 | value;
	}
	if ((group & ((1u << 8 * padding) - 1)) != 0)
		return 0;
	for (size_t i = 0; i < 3 - padding; i++)
		bytes[i] = (uint8_t)(group >> (16 - 8 * i));
	return 3 - padding;
}

bool base64_decode(const char *text, size_t size, uint8_t *bytes, size_t *byte_count)
{
	size_t used = 0;

	if (size % 4 != 0)
		return false;
	for (size_t at = 0; at < size; at += 4) {
		const size_t count = decode_group(text + at, at + 4 == size, bytes + used);

		if (count == 0)
			return false;
		used += count;
	}
	*byte_count = used;
	return true;
}
