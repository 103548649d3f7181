/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokenizer is a small state machine: what may come next follows from the state and from
 * whether the innermost open value is an object or an array, one bit for each level. There is no
 * recursion, so that nesting costs neither stack nor time; strings are scanned eight bytes at a
 * time.
 *
 * Everything is checked when a token is read: escapes, UTF-8 and the range of numbers too, so that
 * skipping a value refuses what reading it would refuse, and decoding a token cannot fail but for
 * memory.
 */
#include "format/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "format/bytes.h"
#include "format/error.h"
#include "format/utf8.h"

enum expected {
	EXPECT_VALUE,
	EXPECT_FIRST_VALUE, /* or the end of the array */
	EXPECT_FIRST_KEY,   /* or the end of the object */
	EXPECT_SEPARATOR,   /* or the end of the innermost value */
	EXPECT_NOTHING
};

void json_init(struct json_reader *reader, const char *text, size_t size, uint64_t base)
{
	*reader = (struct json_reader){
		.text = text, .size = size, .base = base, .expected = EXPECT_VALUE};
}

/* --------------------------------------------------------------------------------------- errors */

static enum cairn_status fail(const struct json_reader *reader, const char *why,
			      struct cairn_error *error)
{
	const uint64_t offset = reader->base + reader->at;

	return error_set(error, CAIRN_CORRUPT, offset, "JSON at offset %" PRIu64 ": %s", offset,
			 why);
}

/* The byte at the reader's place, or the end of the text, is not what belongs there. */
static enum cairn_status unexpected(const struct json_reader *reader, const char *wanted,
				    struct cairn_error *error)
{
	const uint64_t offset = reader->base + reader->at;

	if (reader->at == reader->size)
		return error_set(error, CAIRN_CORRUPT, offset,
				 "JSON at offset %" PRIu64 ": it ends where %s should be", offset,
				 wanted);
	return error_set(error, CAIRN_CORRUPT, offset,
			 "JSON at offset %" PRIu64 ": %s where %s should be", offset,
			 quote((struct cairn_string){reader->text + reader->at, 1}).text, wanted);
}

/* -------------------------------------------------------------------------------------- nesting */

static bool in_object(const struct json_reader *reader)
{
	const uint32_t level = reader->depth - 1;

	return reader->depth > 0 && (reader->objects[level / 64] >> level % 64 & 1) != 0;
}

static enum cairn_status open_value(struct json_reader *reader, bool is_object,
				    struct json_token *token, struct cairn_error *error)
{
	const uint32_t level = reader->depth;
	const uint64_t bit = (uint64_t)1 << level % 64;

	if (level + 1 >= JSON_DEPTH_LIMIT)
		return error_set(error, CAIRN_LIMIT, token->offset,
				 "JSON at offset %" PRIu64 ": nested more than %u levels deep",
				 token->offset, JSON_DEPTH_LIMIT - 1);
	reader->objects[level / 64] &= ~bit;
	reader->objects[level / 64] |= is_object ? bit : 0;
	reader->depth++;
	reader->at++;
	reader->expected = is_object ? EXPECT_FIRST_KEY : EXPECT_FIRST_VALUE;
	token->kind = is_object ? JSON_TOKEN_OBJECT_BEGIN : JSON_TOKEN_ARRAY_BEGIN;
	return CAIRN_OK;
}

/* A value is over: what may follow it. */
static void value_done(struct json_reader *reader)
{
	reader->expected = reader->depth == 0 ? EXPECT_NOTHING : EXPECT_SEPARATOR;
}

static enum cairn_status close_value(struct json_reader *reader, struct json_token *token)
{
	token->kind = in_object(reader) ? JSON_TOKEN_OBJECT_END : JSON_TOKEN_ARRAY_END;
	reader->depth--;
	reader->at++;
	value_done(reader);
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- strings */

/* Marks, in each byte's top bit, bytes that are zero; exact up to and including the lowest one. */
static uint64_t zero_bytes(uint64_t word)
{
	return (word - 0x0101010101010101) & ~word & 0x8080808080808080;
}

/* Marks quotes, backslashes, control characters and everything that is not ASCII; exact for the
 * lowest mark. */
static uint64_t special_bytes(uint64_t word)
{
	const uint64_t control = (word - 0x2020202020202020) & ~word;

	return zero_bytes(word ^ 0x2222222222222222) | zero_bytes(word ^ 0x5c5c5c5c5c5c5c5c) |
	       ((control | word) & 0x8080808080808080);
}

static bool is_special(uint8_t byte)
{
	return byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80;
}

/* The place of the first special byte from `at` on, or `size`. */
static size_t find_special(const char *text, size_t at, size_t size)
{
	const uint8_t *const bytes = (const uint8_t *)text;

	while (size - at >= 8) {
		const uint64_t marks = special_bytes(load_u64(bytes + at));

		if (marks != 0)
			return at + (size_t)__builtin_ctzll(marks) / 8;
		at += 8;
	}
	while (at < size && !is_special(bytes[at]))
		at++;
	return at;
}

/* The value of four hexadecimal digits, or -1. */
static int32_t hex_unit(const char *text, size_t size)
{
	int32_t value = 0;

	if (size < 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		const char c = text[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return value;
}

static bool is_surrogate(int32_t unit)
{
	return unit >= 0xd800 && unit < 0xe000;
}

/* Bytes of the \u escape at `text`, 6 or 12 for a pair; 0 for a lone surrogate or bad digits. */
static size_t unicode_escape(const char *text, size_t size, uint32_t *code_point)
{
	const int32_t high = hex_unit(text + 2, size - 2);
	int32_t low;

	if (high < 0 || (high >= 0xdc00 && is_surrogate(high)))
		return 0;
	*code_point = (uint32_t)high;
	if (!is_surrogate(high))
		return 6;
	if (size < 12 || text[6] != '\\' || text[7] != 'u')
		return 0;
	low = hex_unit(text + 8, size - 8);
	if (low < 0xdc00 || !is_surrogate(low))
		return 0;
	*code_point = 0x10000 + ((uint32_t)(high - 0xd800) << 10 | (uint32_t)(low - 0xdc00));
	return 12;
}

/* Bytes of the escape at `text`, whose first byte is a backslash, and what it stands for; 0 when
 * there is none such. */
static size_t escape(const char *text, size_t size, uint32_t *code_point)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	if (size < 2 || text[1] == '\0')
		return 0;
	if (text[1] == 'u')
		return unicode_escape(text, size, code_point);
	letter = strchr(letters, text[1]);
	if (letter == NULL)
		return 0;
	*code_point = (uint32_t)meanings[letter - letters];
	return 2;
}

/* Steps over the special byte at the reader's place, which is no quote. */
static enum cairn_status pass_special(struct json_reader *reader, struct json_token *token,
				      struct cairn_error *error)
{
	const char *const text = reader->text + reader->at;
	const size_t left = reader->size - reader->at;
	uint32_t code_point = 0;
	size_t step;

	if ((uint8_t)*text < 0x20)
		return fail(reader, "a control character within a string", error);
	if (*text == '\\') {
		step = escape(text, left, &code_point);
		token->escaped = true;
	} else {
		step = utf8_sequence(text, left);
	}
	if (step == 0)
		return fail(reader,
			    *text == '\\' ? "a bad escape or a lone surrogate" : "invalid UTF-8",
			    error);
	reader->at += step;
	return CAIRN_OK;
}

/* Reads a string whose opening quote is at the reader's place. */
static enum cairn_status read_string(struct json_reader *reader, struct json_token *token,
				     struct cairn_error *error)
{
	const size_t start = ++reader->at;
	enum cairn_status status;

	for (;;) {
		reader->at = find_special(reader->text, reader->at, reader->size);
		if (reader->at == reader->size)
			return unexpected(reader, "the end of a string", error);
		if (reader->text[reader->at] == '"')
			break;
		status = pass_special(reader, token, error);
		if (status != CAIRN_OK)
			return status;
	}
	token->text = (struct cairn_string){reader->text + start, reader->at - start};
	reader->at++;
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- numbers */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Steps over digits; false when there is none. */
static bool pass_digits(struct json_reader *reader)
{
	const size_t start = reader->at;

	while (reader->at < reader->size && is_digit(reader->text[reader->at]))
		reader->at++;
	return reader->at > start;
}

/* Steps over `c` if it is there. */
static bool pass(struct json_reader *reader, char c)
{
	if (reader->at == reader->size || reader->text[reader->at] != c)
		return false;
	reader->at++;
	return true;
}

/* An exponent, if there is one; false with the reader at the byte that is wrong. */
static bool pass_exponent(struct json_reader *reader)
{
	if (!pass(reader, 'e') && !pass(reader, 'E'))
		return true;
	if (!pass(reader, '-'))
		pass(reader, '+');
	return pass_digits(reader);
}

/* Sign, digits and fraction; false as above. */
static bool pass_mantissa(struct json_reader *reader)
{
	pass(reader, '-');
	if (!pass(reader, '0') && !pass_digits(reader))
		return false;
	return !pass(reader, '.') || pass_digits(reader);
}

static enum cairn_status read_number(struct json_reader *reader, struct json_token *token,
				     struct cairn_error *error)
{
	static const size_t small = 308; /* digits that a double can always hold */
	const size_t start = reader->at;
	size_t mantissa_end;

	if (!pass_mantissa(reader))
		return unexpected(reader, "a digit", error);
	mantissa_end = reader->at;
	if (!pass_exponent(reader))
		return unexpected(reader, "a digit", error);
	token->kind = JSON_TOKEN_NUMBER;
	token->text = (struct cairn_string){reader->text + start, reader->at - start};
	if ((reader->at == mantissa_end && token->text.size <= small) ||
	    json_fits_double(token->text.data, token->text.size))
		return CAIRN_OK;
	reader->at = start;
	return fail(reader, "a number that no double can hold", error);
}

/* --------------------------------------------------------------------------------------- tokens */

static void pass_blanks(struct json_reader *reader)
{
	while (reader->at < reader->size) {
		const char c = reader->text[reader->at];

		if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
			return;
		reader->at++;
	}
}

static enum cairn_status read_word(struct json_reader *reader, const char *word,
				   enum json_kind kind, struct json_token *token,
				   struct cairn_error *error)
{
	const size_t size = strlen(word);

	if (reader->size - reader->at < size || memcmp(reader->text + reader->at, word, size) != 0)
		return unexpected(reader, "a value", error);
	token->kind = kind;
	token->text = (struct cairn_string){reader->text + reader->at, size};
	reader->at += size;
	return CAIRN_OK;
}

static enum cairn_status read_scalar(struct json_reader *reader, struct json_token *token,
				     struct cairn_error *error)
{
	const char c = reader->text[reader->at];

	if (c == '"') {
		token->kind = JSON_TOKEN_STRING;
		return read_string(reader, token, error);
	}
	if (c == '-' || is_digit(c))
		return read_number(reader, token, error);
	if (c == 't')
		return read_word(reader, "true", JSON_TOKEN_TRUE, token, error);
	if (c == 'f')
		return read_word(reader, "false", JSON_TOKEN_FALSE, token, error);
	return read_word(reader, "null", JSON_TOKEN_NULL, token, error);
}

/* Reads the beginning of a value at the reader's place. */
static enum cairn_status read_value(struct json_reader *reader, struct json_token *token,
				    struct cairn_error *error)
{
	enum cairn_status status;

	pass_blanks(reader);
	token->offset = reader->base + reader->at;
	if (reader->at == reader->size)
		return unexpected(reader, "a value", error);
	if (reader->text[reader->at] == '{')
		return open_value(reader, true, token, error);
	if (reader->text[reader->at] == '[')
		return open_value(reader, false, token, error);
	status = read_scalar(reader, token, error);
	value_done(reader);
	return status;
}

/* Reads a key and the colon behind it. */
static enum cairn_status read_key(struct json_reader *reader, struct json_token *token,
				  struct cairn_error *error)
{
	enum cairn_status status;

	pass_blanks(reader);
	token->offset = reader->base + reader->at;
	if (reader->at == reader->size || reader->text[reader->at] != '"')
		return unexpected(reader, "a key in quotes", error);
	token->kind = JSON_TOKEN_KEY;
	status = read_string(reader, token, error);
	if (status != CAIRN_OK)
		return status;
	pass_blanks(reader);
	if (!pass(reader, ':'))
		return unexpected(reader, "a colon", error);
	reader->expected = EXPECT_VALUE;
	return CAIRN_OK;
}

static enum cairn_status read_after_value(struct json_reader *reader, struct json_token *token,
					  struct cairn_error *error)
{
	const bool object = in_object(reader);

	if (reader->at < reader->size && reader->text[reader->at] == (object ? '}' : ']'))
		return close_value(reader, token);
	if (!pass(reader, ','))
		return unexpected(reader, object ? "a comma or '}'" : "a comma or ']'", error);
	return object ? read_key(reader, token, error) : read_value(reader, token, error);
}

static enum cairn_status read_end(struct json_reader *reader, struct json_token *token,
				  struct cairn_error *error)
{
	if (reader->at < reader->size)
		return unexpected(reader, "nothing but blanks", error);
	token->kind = JSON_TOKEN_END;
	return CAIRN_OK;
}

enum cairn_status json_next(struct json_reader *reader, struct json_token *token,
			    struct cairn_error *error)
{
	const char *const text = reader->text;

	pass_blanks(reader);
	*token = (struct json_token){.offset = reader->base + reader->at, .text = {"", 0}};
	switch ((enum expected)reader->expected) {
	case EXPECT_FIRST_VALUE:
		if (reader->at < reader->size && text[reader->at] == ']')
			return close_value(reader, token);
		return read_value(reader, token, error);
	case EXPECT_FIRST_KEY:
		if (reader->at < reader->size && text[reader->at] == '}')
			return close_value(reader, token);
		return read_key(reader, token, error);
	case EXPECT_SEPARATOR:
		return read_after_value(reader, token, error);
	case EXPECT_NOTHING:
		return read_end(reader, token, error);
	case EXPECT_VALUE:
		break;
	}
	return read_value(reader, token, error);
}

enum cairn_status json_skip(struct json_reader *reader, const struct json_token *first,
			    struct cairn_error *error)
{
	struct json_token token = *first;
	enum cairn_status status = CAIRN_OK;
	uint32_t depth;

	if (first->kind == JSON_TOKEN_KEY)
		status = json_next(reader, &token, error);
	if (status != CAIRN_OK ||
	    (token.kind != JSON_TOKEN_OBJECT_BEGIN && token.kind != JSON_TOKEN_ARRAY_BEGIN))
		return status;
	depth = reader->depth - 1;
	while (status == CAIRN_OK && reader->depth > depth)
		status = json_next(reader, &token, error);
	return status;
}

const char *json_kind_name(enum json_kind kind)
{
	static const char *const names[] = {
		[JSON_TOKEN_END] = "the end",
		[JSON_TOKEN_OBJECT_BEGIN] = "an object",
		[JSON_TOKEN_OBJECT_END] = "the end of an object",
		[JSON_TOKEN_ARRAY_BEGIN] = "an array",
		[JSON_TOKEN_ARRAY_END] = "the end of an array",
		[JSON_TOKEN_KEY] = "a key",
		[JSON_TOKEN_STRING] = "a string",
		[JSON_TOKEN_NUMBER] = "a number",
		[JSON_TOKEN_TRUE] = "true",
		[JSON_TOKEN_FALSE] = "false",
		[JSON_TOKEN_NULL] = "null",
	};

	return names[kind];
}

/* --------------------------------------------------------------------------------- token values */

/*
 * Decodes what stands at the start of `text`, a token's, which was checked when it was read: an
 * escape, or one byte. Returns the number of bytes used; `size` of them are in `out`.
 */
static size_t decode_unit(const char *text, size_t left, char out[4], size_t *size)
{
	uint32_t code_point = 0;
	size_t used;

	if (*text != '\\') {
		out[0] = *text;
		*size = 1;
		return 1;
	}
	used = escape(text, left, &code_point);
	assert(used != 0);
	*size = utf8_encode(code_point, out);
	return used;
}

enum cairn_status json_token_string(const struct json_token *token, struct arena *arena,
				    struct cairn_string *string, struct cairn_error *error)
{
	const struct cairn_string text = token->text;
	char unit[4];
	char *decoded;
	size_t size = 0;
	size_t unit_size = 0;

	assert(token->kind == JSON_TOKEN_STRING || token->kind == JSON_TOKEN_KEY);
	if (!token->escaped) {
		*string = text;
		return CAIRN_OK;
	}
	decoded = arena_allocate(arena,
				 text.size); /* every escape is longer than what it stands for */
	if (decoded == NULL)
		return error_set_memory(error, "a string with escapes");
	for (size_t at = 0; at < text.size; size += unit_size) {
		at += decode_unit(text.data + at, text.size - at, unit, &unit_size);
		memcpy(decoded + size, unit, unit_size);
	}
	*string = (struct cairn_string){decoded, size};
	return CAIRN_OK;
}

bool json_token_is(const struct json_token *token, const char *expected)
{
	const struct cairn_string text = token->text;
	size_t left = strlen(expected);
	char unit[4];
	size_t unit_size = 0;

	if (!token->escaped)
		return text.size == left && memcmp(text.data, expected, left) == 0;
	for (size_t at = 0; at < text.size; expected += unit_size, left -= unit_size) {
		at += decode_unit(text.data + at, text.size - at, unit, &unit_size);
		if (unit_size > left || memcmp(expected, unit, unit_size) != 0)
			return false;
	}
	return left == 0;
}
