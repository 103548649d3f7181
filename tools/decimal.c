/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal digits of binary floating point numbers, by long division of exact integers (Steele and
 * White; Burger and Dybvig, "Printing Floating-Point Numbers Quickly and Accurately").
 *
 * Number and distance to its neighbours are fractions of one denominator. Each step takes a digit
 * out, and stops when what is left is nearer than halfway to a neighbour. Numbers of at most 1,150
 * bits do for all doubles; nothing here is fast, and nothing has to be.
 */
#include "tools/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* 2^53 * 10^324 * 2^5 has 1,135 bits. */
#define BIG_WORDS 40

/* A natural number, lowest word first. */
struct big {
	uint32_t words[BIG_WORDS];
};

static void big_set(struct big *big, uint64_t value)
{
	memset(big, 0, sizeof(*big));
	big->words[0] = (uint32_t)value;
	big->words[1] = (uint32_t)(value >> 32);
}

static void big_multiply(struct big *big, uint32_t factor)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < BIG_WORDS; i++) {
		carry += (uint64_t)big->words[i] * factor;
		big->words[i] = (uint32_t)carry;
		carry >>= 32;
	}
}

static void big_multiply_power(struct big *big, uint32_t base, int exponent)
{
	for (int i = 0; i < exponent; i++)
		big_multiply(big, base);
}

static void big_shift(struct big *big, int bits)
{
	const size_t words = (size_t)bits / 32;

	if (words != 0) {
		memmove(big->words + words, big->words, (BIG_WORDS - words) * sizeof(uint32_t));
		memset(big->words, 0, words * sizeof(uint32_t));
	}
	big_multiply(big, 1u << bits % 32);
}

static int big_compare(const struct big *a, const struct big *b)
{
	for (size_t i = BIG_WORDS; i-- > 0;) {
		if (a->words[i] != b->words[i])
			return a->words[i] < b->words[i] ? -1 : 1;
	}
	return 0;
}

static struct big big_sum(const struct big *a, const struct big *b)
{
	struct big sum;
	uint64_t carry = 0;

	for (size_t i = 0; i < BIG_WORDS; i++) {
		carry += (uint64_t)a->words[i] + b->words[i];
		sum.words[i] = (uint32_t)carry;
		carry >>= 32;
	}
	return sum;
}

/* a is not less than b. */
static void big_subtract(struct big *a, const struct big *b)
{
	uint64_t borrow = 0;

	for (size_t i = 0; i < BIG_WORDS; i++) {
		const uint64_t difference = (uint64_t)a->words[i] - b->words[i] - borrow;
		a->words[i] = (uint32_t)difference;
		borrow = difference >> 63;
	}
}

/* ------------------------------------------------------------------------------------- division */

/* number / scale is what is left of the number, before its next digit; low / scale and high / scale
 * are half the distances to its neighbours. */
struct division {
	struct big number;
	struct big scale;
	struct big low;
	struct big high;
	bool even;    /* halfway to a neighbour still means this number: readers round to even */
	int exponent; /* of the next digit */
};

/* Bits of a mantissa, and the exponent of the last of them in subnormal numbers. */
static const struct {
	int bits;
	int exponent_min;
} sources[] = {
	[DECIMAL_F16] = {11, -24},
	[DECIMAL_F32] = {24, -149},
	[DECIMAL_F64] = {53, -1074},
};

static void step(struct division *division)
{
	big_multiply(&division->number, 10);
	big_multiply(&division->low, 10);
	big_multiply(&division->high, 10);
}

/* The number times a power of ten, so that its next digit is the first, and not 0. */
static void scale_to_first_digit(struct division *division, int binary_exponent)
{
	/* at most what it is, or a little less */
	division->exponent = binary_exponent * 30103 / 100000 - 2;
	if (division->exponent > 0)
		big_multiply_power(&division->scale, 10, division->exponent);
	for (int i = division->exponent; i < 0; i++)
		step(division);
	struct big ten = division->scale;
	big_multiply(&ten, 10);
	while (big_compare(&division->number, &ten) >= 0) {
		division->exponent++;
		big_multiply(&division->scale, 10);
		big_multiply(&ten, 10);
	}
}

/* mantissa * 2^exponent, both doubled so that half the distances are whole. */
static void begin(struct division *division, double number, enum decimal_source source)
{
	int binary_exponent = 0;
	const int bits = sources[source].bits;

	frexp(number, &binary_exponent);
	int exponent = binary_exponent - bits;
	if (exponent < sources[source].exponent_min)
		exponent = sources[source].exponent_min;
	const uint64_t mantissa = (uint64_t)ldexp(number, -exponent);
	/* below a power of two numbers are twice as dense */
	const bool uneven = mantissa == UINT64_C(1) << (bits - 1) &&
			    exponent > sources[source].exponent_min;
	big_set(&division->number, mantissa << (uneven ? 2 : 1));
	big_set(&division->scale, uneven ? 4 : 2);
	big_set(&division->low, 1);
	big_set(&division->high, uneven ? 2 : 1);
	if (exponent > 0) {
		big_shift(&division->number, exponent);
		big_shift(&division->low, exponent);
		big_shift(&division->high, exponent);
	} else {
		big_shift(&division->scale, -exponent);
	}
	division->even = mantissa % 2 == 0;
	scale_to_first_digit(division, binary_exponent);
}

static int take_digit(struct division *division)
{
	int digit = 0;

	while (big_compare(&division->number, &division->scale) >= 0) {
		big_subtract(&division->number, &division->scale);
		digit++;
	}
	return digit;
}

/* Adds one to the last digit. */
static void round_up(struct decimal *decimal)
{
	while (decimal->count > 0 && decimal->digits[decimal->count - 1] == '9')
		decimal->count--;
	if (decimal->count == 0) {
		decimal->digits[decimal->count++] = '1';
		decimal->exponent++;
	} else {
		decimal->digits[decimal->count - 1]++;
	}
}

/* What is left is over half of the last digit; half: makes it even. */
static bool over_half(struct division *division, int digit)
{
	big_multiply(&division->number, 2);
	const int order = big_compare(&division->number, &division->scale);
	return order > 0 || (order == 0 && digit % 2 == 1);
}

struct decimal decimal_from(double number, enum decimal_source source, enum decimal_cut cut,
			    int most, int least)
{
	struct decimal decimal = {.digits = "0", .count = 1};
	struct division division;
	bool low;
	bool high;
	int digit;

	if (!(number > 0))
		return decimal;
	begin(&division, number, source);
	decimal.exponent = division.exponent;
	decimal.count = 0;
	if (cut == DECIMAL_FRACTION) { /* as a count of all digits */
		most += division.exponent + 1;
		least += division.exponent + 1;
	}
	if (cut == DECIMAL_SHORTEST || most > DECIMAL_DIGITS_MAX)
		most = DECIMAL_DIGITS_MAX;
	for (;;) {
		digit = take_digit(&division);
		const struct big above = big_sum(&division.number, &division.high);
		const int below = big_compare(&division.number, &division.low);
		const int over = big_compare(&above, &division.scale);
		low = division.even ? below <= 0 : below < 0;
		high = division.even ? over >= 0 : over > 0;
		decimal.digits[decimal.count++] = (char)('0' + digit);
		if (decimal.count >= most ||
		    ((low || high) && (cut == DECIMAL_SHORTEST || decimal.count >= least)))
			break;
		step(&division);
	}
	if (low == high ? over_half(&division, digit) : high)
		round_up(&decimal);
	return decimal;
}
