/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal text of doubles. snprintf and strtod are correctly rounded in the C libraries that we
 * build on; their decimal point depends on the locale, so that only whole mantissas with exponents
 * ("15e-1") are given to strtod, and of snprintf's result only the digits are taken.
 */
#include "format/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DIGITS_MAX = 17, /* enough for every double */
	/* Beyond these every mantissa that fits is zero or infinity. */
	EXPONENT_CLAMP = 20000,
	/* Python's repr: fixed from 1e-4 to below 1e16. */
	FIXED_POWER_MIN = -4,
	FIXED_POWER_MAX = 15
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---------------------------------------------------------------------------------------- write */

/* 0.DDD * 10^(power + 1); the first digit is not 0. */
struct digits {
	char text[DIGITS_MAX + 1];
	size_t count;
	int power; /* of ten, of the first digit */
};

/* The nearest number of so many digits. */
static void round_to_digits(double magnitude, int count, struct digits *digits)
{
	char text[64];
	size_t at = 0;

	snprintf(text, sizeof(text), "%.*e", count - 1, magnitude);
	digits->count = 0;
	for (; text[at] != 'e' && text[at] != '\0'; at++) {
		if (is_digit(text[at]) && digits->count < DIGITS_MAX)
			digits->text[digits->count++] = text[at];
	}
	digits->text[digits->count] = '\0';
	digits->power = text[at] == 'e' ? (int)strtol(text + at + 1, NULL, 10) : 0;
}

/* The next number of as many digits. */
static void step_up(struct digits *digits)
{
	size_t at = digits->count;

	while (at > 0 && digits->text[at - 1] == '9')
		digits->text[--at] = '0';
	if (at > 0) {
		digits->text[at - 1]++;
		return;
	}
	digits->text[0] = '1'; /* 999 became 000 */
	digits->power++;
}

static bool stands_for(const struct digits *digits, double magnitude)
{
	char text[64];

	snprintf(text, sizeof(text), "%se%d", digits->text, digits->power - (int)digits->count + 1);
	return strtod(text, NULL) == magnitude;
}

static void drop_zeros(struct digits *digits)
{
	while (digits->count > 1 && digits->text[digits->count - 1] == '0')
		digits->text[--digits->count] = '\0';
}

/*
 * The fewest digits that mean this double. Below a power of two doubles lie closer than above it:
 * there the nearest number of few digits can belong to the neighbour, while the next one up does
 * not.
 */
static struct digits shortest_digits(double magnitude)
{
	struct digits digits = {.count = 0};

	for (int count = 1; count <= DIGITS_MAX; count++) {
		round_to_digits(magnitude, count, &digits);
		if (stands_for(&digits, magnitude))
			break;
		step_up(&digits);
		if (stands_for(&digits, magnitude))
			break;
	}
	return digits;
}

static size_t append(char text[DECIMAL_SIZE], size_t used, const char *bytes, size_t size)
{
	memcpy(text + used, bytes, size);
	return used + size;
}

static size_t append_zeros(char text[DECIMAL_SIZE], size_t used, size_t count)
{
	memset(text + used, '0', count);
	return used + count;
}

static size_t write_fixed(const struct digits *digits, char text[DECIMAL_SIZE], size_t used)
{
	const size_t count = digits->count;
	size_t whole;

	if (digits->power < 0) {
		used = append(text, used, "0.", 2);
		used = append_zeros(text, used, (size_t)(-digits->power - 1));
		return append(text, used, digits->text, count);
	}
	whole = (size_t)digits->power + 1;
	if (count <= whole) {
		used = append(text, used, digits->text, count);
		used = append_zeros(text, used, whole - count);
		return append(text, used, ".0", 2);
	}
	used = append(text, used, digits->text, whole);
	used = append(text, used, ".", 1);
	return append(text, used, digits->text + whole, count - whole);
}

static size_t write_exponent(const struct digits *digits, char text[DECIMAL_SIZE], size_t used)
{
	used = append(text, used, digits->text, 1);
	if (digits->count > 1) {
		used = append(text, used, ".", 1);
		used = append(text, used, digits->text + 1, digits->count - 1);
	}
	return used + (size_t)snprintf(text + used, DECIMAL_SIZE - used, "e%c%02d",
				       digits->power < 0 ? '-' : '+', abs(digits->power));
}

/* With so many digits; 0: as few as mean this double. */
static size_t write_value(double value, int count, char text[DECIMAL_SIZE])
{
	size_t used = 0;
	struct digits digits;

	if (isnan(value)) {
		used = append(text, 0, "nan", 3);
		text[used] = '\0';
		return used;
	}
	if (signbit(value))
		used = append(text, used, "-", 1);
	if (isinf(value)) {
		used = append(text, used, "inf", 3);
	} else if (value == 0) {
		used = append(text, used, "0.0", 3);
	} else {
		if (count == 0)
			digits = shortest_digits(fabs(value));
		else
			round_to_digits(fabs(value), count, &digits);
		drop_zeros(&digits);
		used = digits.power < FIXED_POWER_MIN || digits.power > FIXED_POWER_MAX
			       ? write_exponent(&digits, text, used)
			       : write_fixed(&digits, text, used);
	}
	text[used] = '\0';
	return used;
}

size_t decimal_write(double value, char text[DECIMAL_SIZE])
{
	return write_value(value, 0, text);
}

size_t decimal_write_digits(double value, int count, char text[DECIMAL_SIZE])
{
	return write_value(value, count, text);
}

/* ---------------------------------------------------------------------------------------- parse */

/* A number on its way in: what strtod is given, and the power of ten that the digits behind the
 * point took away. */
struct decimal {
	char text[DECIMAL_TEXT_SIZE_MAX + 16];
	size_t used;
	size_t digit_count; /* all, zeros in front included */
	int fraction_count;
};

static size_t take_digits(struct decimal *decimal, const char *text, size_t size, size_t at,
			  bool is_fraction)
{
	for (; at < size && is_digit(text[at]); at++) {
		decimal->text[decimal->used++] = text[at];
		decimal->digit_count++;
		decimal->fraction_count += is_fraction;
	}
	return at;
}

/* The exponent from `at` on to the end, clamped. */
static bool take_exponent(const char *text, size_t size, size_t at, int *exponent)
{
	bool is_negative = false;
	int value = 0;

	if (at < size && (text[at] == '-' || text[at] == '+'))
		is_negative = text[at++] == '-';
	if (at == size)
		return false;
	for (; at < size; at++) {
		if (!is_digit(text[at]))
			return false;
		if (value < EXPONENT_CLAMP)
			value = value * 10 + (text[at] - '0');
	}
	*exponent = is_negative ? -value : value;
	return true;
}

bool decimal_parse(const char *text, size_t size, double *value)
{
	struct decimal decimal = {.used = 0};
	int exponent = 0;
	size_t at = 0;

	if (size > DECIMAL_TEXT_SIZE_MAX)
		return false;
	if (at < size && (text[at] == '-' || text[at] == '+'))
		decimal.text[decimal.used++] = text[at++];
	at = take_digits(&decimal, text, size, at, false);
	if (at < size && text[at] == '.')
		at = take_digits(&decimal, text, size, at + 1, true);
	if (decimal.digit_count == 0)
		return false;
	if (at < size && (text[at] == 'e' || text[at] == 'E')) {
		if (!take_exponent(text, size, at + 1, &exponent))
			return false;
	} else if (at != size) {
		return false;
	}
	snprintf(decimal.text + decimal.used, sizeof(decimal.text) - decimal.used, "e%d",
		 exponent - decimal.fraction_count);
	*value = strtod(decimal.text, NULL);
	return true;
}
