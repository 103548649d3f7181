/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the state file's text: four known fields, no nesting, nothing recursive, one pass.
 *
 * Decoded strings are never longer than their source, quotes included, so that one block of the
 * text's size holds all of them.
 */
#include "format/state_text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "format/decimal.h"
#include "format/error.h"
#include "format/utf8.h"

enum field_kind {
	FIELD_MODEL_PATH,
	FIELD_PATHS,
	FIELD_TIMESTAMPS,
	FIELD_LAST_PRESERVED,
	FIELD_COUNT
};

/* In the order of their numbers, in which they are written. */
static const struct field {
	const char *name;
	bool is_string;
	bool is_repeated;
} fields[FIELD_COUNT] = {
	[FIELD_MODEL_PATH] = {"model_checkpoint_path", true, false},
	[FIELD_PATHS] = {"all_model_checkpoint_paths", true, true},
	[FIELD_TIMESTAMPS] = {"all_model_checkpoint_timestamps", false, true},
	[FIELD_LAST_PRESERVED] = {"last_preserved_timestamp", false, false},
};

struct parser {
	const char *text;
	size_t size;
	size_t at;
	struct arena *arena;
	char *strings; /* in the arena; `size` + 1 bytes */
	size_t strings_used;
	struct state_text *state;
	uint64_t path_capacity;
	uint64_t timestamp_capacity;
	struct cairn_error *error;
};

/* --------------------------------------------------------------------------------------- errors */

static uint64_t line_of(const struct parser *parser, size_t at)
{
	uint64_t line = 1;

	for (size_t i = 0; i < at; i++)
		line += parser->text[i] == '\n';
	return line;
}

static enum cairn_status fail(const struct parser *parser, size_t at, const char *what)
{
	return error_set(parser->error, CAIRN_CORRUPT, at, "line %" PRIu64 ": %s",
			 line_of(parser, at), what);
}

/* What stands at `at`, in quotes. */
static enum cairn_status fail_expected(const struct parser *parser, const char *what)
{
	const size_t left = parser->size - parser->at;
	const struct cairn_string found = {parser->text + parser->at, left < 16 ? left : 16};

	if (left == 0)
		return error_set(parser->error, CAIRN_CORRUPT, parser->at,
				 "line %" PRIu64 ": expected %s, but the text ends",
				 line_of(parser, parser->at), what);
	return error_set(parser->error, CAIRN_CORRUPT, parser->at,
			 "line %" PRIu64 ": expected %s, found %s", line_of(parser, parser->at),
			 what, quote(found).text);
}

/* --------------------------------------------------------------------------------------- tokens */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(char c)
{
	return is_letter(c) || is_digit(c) || c == '+' || c == '-';
}

static void skip_blanks(struct parser *parser)
{
	bool in_comment = false;

	for (; parser->at < parser->size; parser->at++) {
		const char c = parser->text[parser->at];

		if (c == '#')
			in_comment = true;
		else if (c == '\n')
			in_comment = false;
		else if (!in_comment && !is_blank(c))
			return;
	}
}

/* The character that the next token begins with; NUL at the end, which the text does not hold. */
static char next_char(struct parser *parser)
{
	skip_blanks(parser);
	return (char)(parser->at < parser->size ? parser->text[parser->at] : '\0');
}

static bool take_char(struct parser *parser, char c)
{
	if (next_char(parser) != c)
		return false;
	parser->at++;
	return true;
}

/* -------------------------------------------------------------------------------------- numbers */

static bool equals_word(const char *text, size_t size, const char *word)
{
	if (size != strlen(word))
		return false;
	for (size_t i = 0; i < size; i++) {
		const char c = text[i];

		if ((c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) != word[i])
			return false;
	}
	return true;
}

/* "inf", "-Infinity", "nan", each perhaps with an f behind it. */
static bool parse_special(const char *text, size_t size, double *value)
{
	const bool has_sign = size > 0 && (text[0] == '-' || text[0] == '+');
	const bool is_negative = has_sign && text[0] == '-';

	text += has_sign;
	size -= has_sign;
	if (equals_word(text, size, "nan") || equals_word(text, size, "nanf")) {
		*value = (double)NAN;
		return true;
	}
	if (!equals_word(text, size, "inf") && !equals_word(text, size, "inff") &&
	    !equals_word(text, size, "infinity") && !equals_word(text, size, "infinityf"))
		return false;
	*value = is_negative ? -(double)INFINITY : (double)INFINITY;
	return true;
}

/* As C would read an octal number. */
static bool looks_octal(const char *text, size_t size)
{
	const size_t at = size > 0 && text[0] == '-' ? 1 : 0;

	return size >= at + 2 && text[at] == '0' && is_digit(text[at + 1]);
}

static bool parse_number(const char *text, size_t size, double *value)
{
	if (looks_octal(text, size))
		return false;
	if (parse_special(text, size, value))
		return true;
	while (size > 0 && (text[size - 1] == 'f' || text[size - 1] == 'F'))
		size--; /* "1.5f" */
	return decimal_parse(text, size, value);
}

static enum cairn_status take_number(struct parser *parser, double *value)
{
	const char first = next_char(parser);
	const size_t start = parser->at;
	size_t end = start;

	if (!is_word(first) && first != '.')
		return fail_expected(parser, "a number");
	while (end < parser->size && (is_word(parser->text[end]) || parser->text[end] == '.'))
		end++;
	if (!parse_number(parser->text + start, end - start, value))
		return fail_expected(parser, "a number");
	parser->at = end;
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- strings */

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* Digits of a base from parser->at on, at most `count_max`; returns how many there were. */
static size_t take_code(struct parser *parser, int base, size_t count_max, uint32_t *value)
{
	size_t count = 0;

	*value = 0;
	while (count < count_max && parser->at < parser->size &&
	       digit_value(parser->text[parser->at]) < base) {
		*value = *value * (uint32_t)base +
			 (uint32_t)digit_value(parser->text[parser->at++]);
		count++;
	}
	return count;
}

static void put_byte(struct parser *parser, char byte)
{
	parser->strings[parser->strings_used++] = byte;
}

static bool is_code_point(uint32_t code)
{
	return code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

/* Behind "\u" or "\U". */
static bool take_code_point(struct parser *parser, size_t digits)
{
	uint32_t code;

	if (take_code(parser, 16, digits, &code) != digits || !is_code_point(code))
		return false;
	parser->strings_used += utf8_encode(code, parser->strings + parser->strings_used);
	return true;
}

/* Behind a backslash. What is no escape stays as it is, backslash included. */
static bool take_escape(struct parser *parser)
{
	static const char letters[] = "abfnrtv\\'\"";
	static const char meanings[] = "\a\b\f\n\r\t\v\\'\"";
	const char c = parser->text[parser->at];
	const char *const letter = strchr(letters, c);
	uint32_t code;

	if (digit_value(c) < 8) {
		take_code(parser, 8, 3, &code);
		put_byte(parser, (char)code);
		return code <= 0xff;
	}
	parser->at++;
	switch (c) {
	case 'x':
		if (take_code(parser, 16, 2, &code) == 0)
			return false;
		put_byte(parser, (char)code);
		return true;
	case 'u':
		return take_code_point(parser, 4);
	case 'U':
		return take_code_point(parser, 8);
	case 'N':
		return false;
	default:
		if (letter == NULL)
			put_byte(parser, '\\');
		put_byte(parser, (char)(letter == NULL ? c : meanings[letter - letters]));
		return true;
	}
}

/* One literal, whose quote is next. */
static enum cairn_status take_literal(struct parser *parser)
{
	const size_t start = parser->at;
	const char quote_mark = parser->text[parser->at++];

	while (parser->at < parser->size) {
		const char c = parser->text[parser->at];
		const size_t place = parser->at;

		if (c == '\n')
			break;
		parser->at++;
		if (c == quote_mark)
			return CAIRN_OK;
		if (c != '\\')
			put_byte(parser, c);
		else if (parser->at == parser->size || parser->text[parser->at] == '\n')
			break;
		else if (!take_escape(parser))
			return fail(parser, place, "an escape that stands for no character");
	}
	return fail(parser, start, "a string without an end on its line");
}

/* Literals that follow each other are one string. */
static enum cairn_status take_string(struct parser *parser, const char **result)
{
	const size_t begin = parser->strings_used;
	char first = next_char(parser);
	const size_t start = parser->at;
	size_t size;

	if (first != '"' && first != '\'')
		return fail_expected(parser, "a string");
	while (first == '"' || first == '\'') {
		const enum cairn_status status = take_literal(parser);

		if (status != CAIRN_OK)
			return status;
		first = next_char(parser);
	}
	size = parser->strings_used - begin;
	if (memchr(parser->strings + begin, '\0', size) != NULL)
		return fail(parser, start, "a path that holds a NUL");
	if (!utf8_valid(parser->strings + begin, size))
		return fail(parser, start, "a path that is no UTF-8");
	put_byte(parser, '\0');
	*result = parser->strings + begin;
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- fields */

static enum cairn_status add_path(struct parser *parser, const char *path)
{
	struct state_text *const state = parser->state;
	void *const grown = arena_grow(parser->arena, state->paths, &parser->path_capacity,
				       state->path_count + 1, sizeof(*state->paths));

	if (grown == NULL)
		return error_set_memory(parser->error, "the paths of a state file");
	state->paths = grown;
	state->paths[state->path_count++] = path;
	return CAIRN_OK;
}

static enum cairn_status add_timestamp(struct parser *parser, double timestamp)
{
	struct state_text *const state = parser->state;
	void *const grown = arena_grow(parser->arena, state->timestamps,
				       &parser->timestamp_capacity, state->timestamp_count + 1,
				       sizeof(*state->timestamps));

	if (grown == NULL)
		return error_set_memory(parser->error, "the times of a state file");
	state->timestamps = grown;
	state->timestamps[state->timestamp_count++] = timestamp;
	return CAIRN_OK;
}

/* Of a field that is there more than once the last value counts. */
static enum cairn_status take_value(struct parser *parser, enum field_kind kind)
{
	const char *string = NULL;
	double number = 0;
	const enum cairn_status status = fields[kind].is_string ? take_string(parser, &string)
								: take_number(parser, &number);

	if (status != CAIRN_OK)
		return status;
	switch (kind) {
	case FIELD_MODEL_PATH:
		parser->state->model_path = string;
		break;
	case FIELD_LAST_PRESERVED:
		parser->state->last_preserved = number;
		break;
	case FIELD_PATHS:
		return add_path(parser, string);
	case FIELD_TIMESTAMPS:
		return add_timestamp(parser, number);
	case FIELD_COUNT:
		break;
	}
	return CAIRN_OK;
}

/* Behind a '['. */
static enum cairn_status take_list(struct parser *parser, enum field_kind kind)
{
	enum cairn_status status = CAIRN_OK;

	if (take_char(parser, ']'))
		return CAIRN_OK;
	while (status == CAIRN_OK) {
		status = take_value(parser, kind);
		if (status != CAIRN_OK || take_char(parser, ']'))
			break;
		if (!take_char(parser, ','))
			status = fail_expected(parser, "',' or ']'");
	}
	return status;
}

static enum cairn_status take_name(struct parser *parser, enum field_kind *kind)
{
	const size_t start = parser->at;
	size_t end = start;

	while (end < parser->size && is_word(parser->text[end]))
		end++;
	for (int i = 0; i < FIELD_COUNT; i++) {
		if (strlen(fields[i].name) == end - start &&
		    memcmp(fields[i].name, parser->text + start, end - start) == 0) {
			*kind = (enum field_kind)i;
			parser->at = end;
			return CAIRN_OK;
		}
	}
	if (end == start)
		return fail_expected(parser, "the name of a field");
	return error_set(parser->error, CAIRN_CORRUPT, start,
			 "line %" PRIu64 ": no field of a state file: %s", line_of(parser, start),
			 quote((struct cairn_string){parser->text + start, end - start}).text);
}

static enum cairn_status take_field(struct parser *parser)
{
	enum field_kind kind = FIELD_COUNT;
	enum cairn_status status;

	status = take_name(parser, &kind);
	if (status != CAIRN_OK)
		return status;
	if (!take_char(parser, ':'))
		return fail_expected(parser, "':'");
	if (fields[kind].is_repeated && take_char(parser, '['))
		status = take_list(parser, kind);
	else
		status = take_value(parser, kind);
	if (status == CAIRN_OK && !take_char(parser, ','))
		take_char(parser, ';');
	return status;
}

/* The text can be read at all. */
static enum cairn_status check_text(struct cairn_string text, struct cairn_error *error)
{
	const char *nul;
	size_t at = 0;

	if (text.size > STATE_TEXT_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "a state file of %zu bytes, more than %zu", text.size,
				 STATE_TEXT_SIZE_MAX);
	if (text.size == 0)
		return CAIRN_OK;
	nul = memchr(text.data, '\0', text.size);
	if (nul != NULL)
		return error_set(error, CAIRN_CORRUPT, (uint64_t)(nul - text.data),
				 "a NUL byte, which no text holds");
	while (at < text.size) {
		const size_t step = utf8_sequence(text.data + at, text.size - at);

		if (step == 0)
			return error_set(error, CAIRN_CORRUPT, at, "bytes that are no UTF-8");
		at += step;
	}
	return CAIRN_OK;
}

enum cairn_status state_text_parse(struct cairn_string text, struct arena *arena,
				   struct state_text *state, struct cairn_error *error)
{
	struct state_text parsed = {.model_path = ""};
	struct parser parser = {.text = text.data,
				.size = text.size,
				.arena = arena,
				.state = &parsed,
				.error = error};
	enum cairn_status status;

	status = check_text(text, error);
	if (status != CAIRN_OK)
		return status;
	parser.strings = arena_allocate(arena, text.size + 1);
	if (parser.strings == NULL)
		return error_set_memory(error, "the paths of a state file");
	while (status == CAIRN_OK && next_char(&parser) != '\0')
		status = take_field(&parser);
	if (status == CAIRN_OK)
		*state = parsed;
	return status;
}
