/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 by the table of well-formed byte sequences of the Unicode standard (table 3-7): the first
 * byte says how many follow and within which bounds the second one lies, which excludes overlong
 * forms, surrogates and everything above U+10FFFF without decoding.
 */
#include "format/utf8.h"

#include "format/bytes.h"

struct lead {
	uint8_t size;       /* bytes of the sequence; 0: no sequence begins so */
	uint8_t second_min; /* of the second byte */
	uint8_t second_max;
};

static struct lead lead_of(uint8_t byte)
{
	if (byte < 0x80)
		return (struct lead){1, 0, 0};
	if (byte < 0xc2)
		return (struct lead){0, 0, 0};
	if (byte < 0xe0)
		return (struct lead){2, 0x80, 0xbf};
	if (byte < 0xf0)
		return (struct lead){3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
	if (byte < 0xf5)
		return (struct lead){4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
	return (struct lead){0, 0, 0};
}

size_t utf8_sequence(const char *text, size_t size)
{
	const uint8_t *const bytes = (const uint8_t *)text;
	struct lead lead;

	if (size == 0)
		return 0;
	lead = lead_of(bytes[0]);
	if (lead.size <= 1)
		return lead.size;
	if (lead.size > size || bytes[1] < lead.second_min || bytes[1] > lead.second_max)
		return 0;
	for (size_t i = 2; i < lead.size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	return lead.size;
}

/* Leading bytes of `text` that are ASCII, in steps of eight: names and headers hardly hold anything
 * else. */
static size_t ascii_run(const char *text, size_t size)
{
	const uint8_t *const bytes = (const uint8_t *)text;
	size_t at = 0;

	while (size - at >= 8 && (load_u64(bytes + at) & 0x8080808080808080) == 0)
		at += 8;
	return at;
}

bool utf8_valid(const char *text, size_t size)
{
	size_t at = 0;

	while (at < size) {
		size_t step = ascii_run(text + at, size - at);

		if (step == 0)
			step = utf8_sequence(text + at, size - at);
		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

size_t utf8_encode(uint32_t code_point, char text[4])
{
	if (code_point < 0x80) {
		text[0] = (char)code_point;
		return 1;
	}
	if (code_point < 0x800) {
		text[0] = (char)(0xc0 | code_point >> 6);
		text[1] = (char)(0x80 | (code_point & 0x3f));
		return 2;
	}
	if (code_point < 0x10000) {
		text[0] = (char)(0xe0 | code_point >> 12);
		text[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
		text[2] = (char)(0x80 | (code_point & 0x3f));
		return 3;
	}
	text[0] = (char)(0xf0 | code_point >> 18);
	text[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
	text[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
	text[3] = (char)(0x80 | (code_point & 0x3f));
	return 4;
}
