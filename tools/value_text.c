/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values from words: cut into elements first, then each is taken for what the type says, or for
 * the first type that takes all of them.
 */
#include "tools/value_text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"

/* ------------------------------------------------------------------------------------- elements */

/* The text in quotes at `text`, its escapes resolved in place; NULL: it does not end. */
static char *take_quoted(char *text, struct cairn_string *string)
{
	char *out = text;
	char *in = text + 1;

	string->data = out;
	for (; *in && *in != '"'; in++) {
		if (*in == '\\' && (in[1] == '"' || in[1] == '\\'))
			in++;
		*out++ = *in;
	}
	string->size = (size_t)(out - string->data);
	return *in ? in + 1 : NULL;
}

static char *skip_blanks(char *text)
{
	return text + strspn(text, " ");
}

/* "[a, b]" in place; false when it is no list. */
static bool take_list(struct value_text *value, char *text)
{
	char *at = skip_blanks(text + 1);

	if (*at == ']')
		return !at[1];
	for (;;) {
		struct cairn_string *element = &value->strings[value->count++];
		if (*at == '"') {
			at = take_quoted(at, element);
			if (!at)
				return false;
			at = skip_blanks(at);
		} else {
			element->data = at;
			element->size = strcspn(at, ",]");
			at += element->size;
			while (element->size && element->data[element->size - 1] == ' ')
				element->size--;
		}
		if (*at == ']')
			return !at[1];
		if (*at != ',')
			return false;
		at = skip_blanks(at + 1);
	}
}

/* -------------------------------------------------------------------------------------- numbers */

/* An element, terminated: numbers are short. */
static bool copy_number(struct cairn_string element, char number[64])
{
	if (element.size == 0 || element.size >= 64 ||
	    strspn(element.data, "+-.0123456789aefinxpEN") < element.size)
		return false;
	memcpy(number, element.data, element.size);
	number[element.size] = '\0';
	return true;
}

static bool put_integer(const struct cairn_dtype_info *info, const char *number,
			unsigned char *bytes)
{
	const bool is_signed = info->dtype >= CAIRN_I8 && info->dtype <= CAIRN_I64;
	const unsigned bits = 8 * info->block_bytes;
	char *end = NULL;

	errno = 0;
	const unsigned long long wide = *number == '-' && is_signed
						? (unsigned long long)strtoll(number, &end, 10)
						: strtoull(number, &end, 10);
	const long long narrow = (long long)wide;
	if (errno || *end || end == number || *number == '+' || (*number == '-' && !is_signed))
		return false;
	if (bits < 64 && is_signed &&
	    (narrow < -(1LL << (bits - 1)) || narrow > (1LL << (bits - 1)) - 1))
		return false;
	if ((bits < 64 && !is_signed && wide >> bits) ||
	    (is_signed && *number != '-' && wide > INT64_MAX))
		return false;
	memcpy(bytes, &wide, info->block_bytes); /* little-endian */
	return true;
}

static bool put_real(const struct cairn_dtype_info *info, const char *number, unsigned char *bytes)
{
	char *end = NULL;
	const double wide = strtod(number, &end);
	const float narrow = (float)wide;

	if (*end || end == number)
		return false;
	if (info->dtype == CAIRN_F64)
		memcpy(bytes, &wide, sizeof(wide));
	else
		memcpy(bytes, &narrow, sizeof(narrow));
	return true;
}

static bool is_word(struct cairn_string element, const char *word)
{
	return element.size == strlen(word) && memcmp(element.data, word, element.size) == 0;
}

static bool put_element(const struct cairn_dtype_info *info, struct cairn_string element,
			unsigned char *bytes)
{
	char number[64];

	if (info->dtype == CAIRN_BOOL) {
		*bytes = is_word(element, "true");
		return *bytes || is_word(element, "false");
	}
	if (!copy_number(element, number))
		return false;
	return info->dtype == CAIRN_F32 || info->dtype == CAIRN_F64
		       ? put_real(info, number, bytes)
		       : put_integer(info, number, bytes);
}

static bool put_all(struct value_text *value, const struct cairn_dtype_info *info)
{
	for (uint64_t i = 0; i < value->count; i++) {
		if (!put_element(info, value->strings[i], value->data + i * info->block_bytes))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------------------------------- types */

static bool can_be_given(const struct cairn_dtype_info *info)
{
	return (info->dtype <= CAIRN_I64) || info->dtype == CAIRN_F32 || info->dtype == CAIRN_F64 ||
	       info->dtype == CAIRN_STRING || info->dtype == CAIRN_BYTES;
}

/* The type in front of a ':', which is cut off; NULL: there is none. */
static const struct cairn_dtype_info *take_type(char **text)
{
	char *colon = strchr(*text, ':');

	if (!colon)
		return NULL;
	const struct cairn_string name = {*text, (size_t)(colon - *text)};
	const struct cairn_dtype_info *info = cairn_dtype_from_name(name);
	if (!info || !can_be_given(info))
		return NULL;
	*text = colon + 1;
	return info;
}

/* The first type that takes all elements; of none, text. */
static const struct cairn_dtype_info *guess_type(struct value_text *value, bool quoted)
{
	static const enum cairn_dtype guesses[] = {CAIRN_BOOL, CAIRN_I64, CAIRN_F64};

	for (size_t i = 0; !quoted && i < sizeof(guesses) / sizeof(guesses[0]); i++) {
		if (put_all(value, cairn_dtype_info(guesses[i])))
			return cairn_dtype_info(guesses[i]);
	}
	return cairn_dtype_info(CAIRN_STRING);
}

static bool allocate(struct value_text *value, const char *word)
{
	const size_t size = strlen(word);

	value->text = malloc(size + 1);
	value->strings = calloc(size + 2, sizeof(*value->strings));
	value->data = calloc(size + 2, 8);
	if (!value->text || !value->strings || !value->data)
		return false;
	memcpy(value->text, word, size + 1);
	return true;
}

/* Elements of `text`: those of a list, or all of it. */
static bool cut(struct value_text *value, char *text, struct cairn_metadata_value *metadata)
{
	metadata->rank = *text == '[' && text[strlen(text) - 1] == ']';
	if (metadata->rank)
		return take_list(value, text);
	value->strings[value->count++] = cairn_string_from(text);
	return true;
}

int value_text_parse(const char *command, const char *word, struct value_text *value,
		     struct cairn_metadata_value *metadata)
{
	if (!allocate(value, word))
		return cli_error(CLI_UNKNOWN, "out of memory");
	char *text = strchr(value->text, '=');
	if (!text)
		return cli_usage_error(command, "%s: --set '%s': expected KEY=VALUE", command,
				       word);
	metadata->key = (struct cairn_string){value->text, (size_t)(text - value->text)};
	text++;
	const bool is_null = strcmp(text, "null") == 0;
	const struct cairn_dtype_info *info = take_type(&text);
	const bool quoted = strchr(text, '"') != NULL;
	if (!cut(value, text, metadata))
		return cli_usage_error(command, "%s: --set '%s': no list: [1,2] or [\"a\",\"b\"]",
				       command, word);
	if (is_null)
		info = cairn_dtype_info(CAIRN_NULL);
	else if (!info)
		info = guess_type(value, quoted);
	else if (info->block_bytes && !put_all(value, info))
		return cli_usage_error(command, "%s: --set '%s': no %s", command, word, info->name);
	metadata->dtype = info->dtype;
	metadata->dims = &value->count;
	metadata->data = is_null ? NULL : value->data;
	metadata->strings = value->strings;
	return CLI_GO_ON;
}

void value_text_free(struct value_text *value)
{
	free(value->text);
	free(value->data);
	free(value->strings);
}
