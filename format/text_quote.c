/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quoted text. What is written has one form; what is read may also be written in others, since
 * people edit it.
 */
#include "format/text_quote.h"

#include <string.h>

#include "format/utf8.h"

/* Characters that are there and are not seen, or that turn the direction of what follows: as pairs
 * of first and last, in UTF-8. */
static const char unseen[][2][4] = {
	{"\xc2\x80", "\xc2\x9f"},         /* C1 controls */
	{"\xe2\x80\x8b", "\xe2\x80\x8f"}, /* of no width; direction marks */
	{"\xe2\x80\xa8", "\xe2\x80\xae"}, /* separators of lines; embeddings */
	{"\xe2\x81\xa0", "\xe2\x81\xaf"}, {"\xef\xbb\xbf", "\xef\xbb\xbf"},
};

static bool is_unseen(const char *sequence, size_t size)
{
	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
		if (strlen(unseen[i][0]) == size && memcmp(sequence, unseen[i][0], size) >= 0 &&
		    memcmp(sequence, unseen[i][1], size) <= 0)
			return true;
	}
	return false;
}

static size_t put_escape(char *out, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";
	static const char meanings[] = "\n\r\t\"\\";
	static const char letters[] = "nrt\"\\";
	const char *const meaning = byte == 0 ? NULL : strchr(meanings, byte);

	out[0] = '\\';
	if (meaning != NULL) {
		out[1] = letters[meaning - meanings];
		return 2;
	}
	out[1] = 'x';
	out[2] = digits[byte >> 4];
	out[3] = digits[byte & 15];
	return 4;
}

static bool stands_for_itself(const char *bytes, size_t sequence)
{
	const uint8_t first = (uint8_t)bytes[0];

	if (sequence <= 1)
		return sequence == 1 && first >= 0x20 && first != 0x7f && first != '"' &&
		       first != '\\';
	return !is_unseen(bytes, sequence);
}

size_t text_quote(const char *bytes, size_t size, char *out)
{
	size_t used = 0;

	for (size_t at = 0; at < size;) {
		const size_t sequence = utf8_sequence(bytes + at, size - at);

		if (stands_for_itself(bytes + at, sequence)) {
			memcpy(out + used, bytes + at, sequence);
			used += sequence;
			at += sequence;
			continue;
		}
		for (size_t i = 0; i < (sequence == 0 ? 1 : sequence); i++)
			used += put_escape(out + used, (uint8_t)bytes[at + i]);
		at += sequence == 0 ? 1 : sequence;
	}
	return used;
}

size_t text_quote_piece(const char *bytes, size_t size, size_t size_max)
{
	const size_t limit = size < size_max ? size : size_max;
	size_t at = 0;

	while (at < limit) {
		const size_t sequence = utf8_sequence(bytes + at, size - at);
		const size_t step = sequence == 0 ? 1 : sequence;

		if (step > limit - at && at != 0)
			break;
		at += step;
		if (bytes[at - 1] == '\n')
			break;
	}
	return at;
}

static bool take_hex(const char *text, size_t size, size_t at, char *byte)
{
	uint32_t value = 0;

	if (size - at < 2)
		return false;
	for (size_t i = at; i < at + 2; i++) {
		const char c = text[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (uint32_t)(c - 'a') + 10;
		else
			return false;
	}
	*byte = (char)value;
	return true;
}

/* What follows a backslash at *at. */
static bool take_escape(const char *text, size_t size, size_t *at, char *byte)
{
	static const char letters[] = "nrt\"\\";
	static const char meanings[] = "\n\r\t\"\\";
	const char *letter;

	if (*at == size)
		return false;
	if (text[*at] == 'x') {
		if (!take_hex(text, size, *at + 1, byte))
			return false;
		*at += 3;
		return true;
	}
	letter = text[*at] == '\0' ? NULL : strchr(letters, text[*at]);
	if (letter == NULL)
		return false;
	*byte = meanings[letter - letters];
	++*at;
	return true;
}

bool text_unquote(const char *text, size_t size, size_t *at, char *bytes, size_t *byte_count)
{
	size_t used = 0;

	if (*at >= size || text[*at] != '"')
		return false;
	for (++*at; *at < size && text[*at] != '"';) {
		if (text[*at] != '\\') {
			bytes[used++] = text[(*at)++];
			continue;
		}
		++*at;
		if (!take_escape(text, size, at, &bytes[used]))
			return false;
		used++;
	}
	if (*at == size)
		return false;
	++*at;
	*byte_count = used;
	return true;
}
