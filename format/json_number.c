/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the text of a JSON number says, without floating point: whole numbers exactly or not at all,
 * and whether a double could hold it. The text was checked by the tokenizer; it may still be as
 * long as a header.
 */
#include "format/json.h"

#include <string.h>

#include "format/bytes.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The exponent of a well-formed number, 0 when it has none; clamped, since only its order of
 * magnitude matters then. */
static int64_t exponent_of(const char *text, size_t size)
{
	static const int64_t clamp = (int64_t)1 << 40;
	int64_t value = 0;
	bool negative = false;
	size_t at = 0;

	while (at < size && text[at] != 'e' && text[at] != 'E')
		at++;
	for (at++; at < size; at++) {
		if (text[at] == '-')
			negative = true;
		else if (is_digit(text[at]) && value < clamp)
			value = value * 10 + (text[at] - '0');
	}
	return negative ? -value : value;
}

/* What a well-formed number begins with: its digits without leading zeros, and the power of ten of
 * the first of them. */
struct magnitude {
	char digits[17];
	size_t digit_count;
	int64_t power;
};

static void take_digit(struct magnitude *magnitude, char digit, bool whole)
{
	if (magnitude->digit_count == 0 && digit == '0') {
		magnitude->power -= whole ? 0 : 1;
		return;
	}
	magnitude->power += whole && magnitude->digit_count > 0 ? 1 : 0;
	if (magnitude->digit_count < sizeof(magnitude->digits))
		magnitude->digits[magnitude->digit_count++] = digit;
}

static struct magnitude magnitude_of(const char *text, size_t size)
{
	struct magnitude magnitude = {.digits = "0"};
	bool whole = true;

	for (size_t i = 0; i < size && text[i] != 'e' && text[i] != 'E'; i++) {
		if (is_digit(text[i])) {
			take_digit(&magnitude, text[i], whole);
		} else if (text[i] == '.') {
			whole = false;
			/* 0.5 is 5 * 10^-1, while 1.5 is 1 * 10^0 */
			magnitude.power -= magnitude.digit_count == 0 ? 1 : 0;
		}
	}
	magnitude.power += exponent_of(text, size);
	return magnitude;
}

/* serde_json refuses numbers that no double can hold, to the last of the digits below. */
bool json_fits_double(const char *text, size_t size)
{
	static const char over[] = "17976931348623158";
	static const int64_t power_max = 308;
	struct magnitude magnitude = magnitude_of(text, size);

	if (magnitude.digit_count == 0 || magnitude.power != power_max)
		return magnitude.digit_count == 0 || magnitude.power < power_max;
	while (magnitude.digit_count < sizeof(magnitude.digits))
		magnitude.digits[magnitude.digit_count++] = '0';
	return memcmp(magnitude.digits, over, sizeof(magnitude.digits)) < 0;
}

static bool parse_digits(const char *text, size_t size, uint64_t *value)
{
	uint64_t result = 0;

	if (size == 0)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!is_digit(text[i]) || !checked_multiply(result, 10, &result) ||
		    !checked_add(result, (uint64_t)(text[i] - '0'), &result))
			return false;
	}
	*value = result;
	return true;
}

bool json_token_u64(const struct json_token *token, uint64_t *value)
{
	return token->kind == JSON_TOKEN_NUMBER &&
	       parse_digits(token->text.data, token->text.size, value);
}

bool json_token_i64(const struct json_token *token, int64_t *value)
{
	const bool negative = token->text.size > 0 && token->text.data[0] == '-';
	const size_t sign = negative ? 1 : 0;
	uint64_t magnitude = 0;

	if (token->kind != JSON_TOKEN_NUMBER ||
	    !parse_digits(token->text.data + sign, token->text.size - sign, &magnitude))
		return false;
	if (magnitude > (uint64_t)INT64_MAX + sign || (negative && magnitude == 0))
		return false;
	*value = negative ? -1 - (int64_t)(magnitude - 1) : (int64_t)magnitude;
	return true;
}
