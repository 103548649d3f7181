/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floating point numbers as NumPy 2 prints them (2.3 and later, which look at the type's precision
 * before they choose scientific notation).
 *
 * The style of an array follows from all of its finite numbers: scientific when the largest, the
 * smallest or their ratio is out of bounds; then as many digits as the longest of them needs, up to
 * the precision.
 */
#include "tools/number_text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* NumPy's default. */
#define PRECISION 8

/* A number in two parts, without blanks: what is before the point and what is behind it. */
struct parts {
	char whole[NUMBER_TEXT_SIZE / 2];    /* with its sign */
	char fraction[NUMBER_TEXT_SIZE / 2]; /* without an exponent */
	int exponent;
};

static int significant(const struct decimal *decimal)
{
	int count = decimal->count;

	while (count > 1 && decimal->digits[count - 1] == '0')
		count--;
	return count;
}

static void begin_whole(struct parts *parts, bool negative, bool plus)
{
	snprintf(parts->whole, sizeof(parts->whole), "%s", negative ? "-" : plus ? "+" : "");
}

static void append(char *text, const char *digits, int count)
{
	const size_t length = strlen(text);

	memcpy(text + length, digits, (size_t)count);
	text[length + (size_t)count] = '\0';
}

static void append_zeros(char *text, int count)
{
	for (int i = 0; i < count; i++)
		append(text, "0", 1);
}

static void fill_positional(struct parts *parts, const struct decimal *decimal)
{
	const int count = significant(decimal);
	const int whole = decimal->exponent < 0           ? 0
			  : decimal->exponent + 1 < count ? decimal->exponent + 1
							  : count;

	append(parts->whole, decimal->digits, whole);
	append_zeros(parts->whole, decimal->exponent + 1 - whole);
	if (decimal->exponent < 0)
		append_zeros(parts->whole, 1);
	parts->fraction[0] = '\0';
	append_zeros(parts->fraction, count > whole ? -1 - decimal->exponent : 0);
	append(parts->fraction, decimal->digits + whole, count - whole);
}

static void fill_scientific(struct parts *parts, const struct decimal *decimal)
{
	append(parts->whole, decimal->digits, 1);
	parts->fraction[0] = '\0';
	append(parts->fraction, decimal->digits + 1, significant(decimal) - 1);
	parts->exponent = decimal->exponent;
}

static struct parts array_parts(const struct number_style *style, double number, int least)
{
	struct parts parts = {.exponent = 0};

	begin_whole(&parts, signbit(number) != 0, style->plus);
	if (style->scientific) {
		const struct decimal decimal = decimal_from(
			fabs(number), style->source, DECIMAL_TOTAL, style->fraction + 1, least + 1);
		fill_scientific(&parts, &decimal);
	} else {
		const struct decimal decimal = decimal_from(fabs(number), style->source,
							    DECIMAL_FRACTION, PRECISION, 0);
		fill_positional(&parts, &decimal);
	}
	return parts;
}

/* ---------------------------------------------------------------------------------------- style */

/* Numbers of this size or over are printed in scientific notation. */
static double large(enum decimal_source source)
{
	return source == DECIMAL_F16 ? 1e3 : source == DECIMAL_F32 ? 1e6 : 1e8;
}

/* 1e-4 as the type rounds it. */
static double small(enum decimal_source source)
{
	return source == DECIMAL_F16   ? 0x1.a38p-14 /* 1.0002e-4 */
	       : source == DECIMAL_F32 ? (double)1e-4F
				       : 1e-4;
}

/* The quotient, rounded to the type, is over 1000. */
static bool ratio_is_large(enum decimal_source source, double max, double min)
{
	if (source == DECIMAL_F64)
		return max / min > 1000;
	const float ratio = (float)max / (float)min;
	return ratio > (source == DECIMAL_F16 ? 1000.25F : 1000.0F);
}

static int digits_of_exponent(int exponent)
{
	return exponent <= -100 || exponent >= 100 ? 3 : 2;
}

static void widen(int *width, int needed)
{
	if (*width < needed)
		*width = needed;
}

/* Room for the finite numbers. */
static void fit_finite(struct number_style *style, const double *numbers, size_t count,
		       size_t stride)
{
	int fraction = 0;

	style->fraction = PRECISION;
	for (size_t i = 0; i < count; i++) {
		const double number = numbers[i * stride];
		if (!isfinite(number))
			continue;
		const struct parts parts = array_parts(style, number, -1);
		widen(&style->left, (int)strlen(parts.whole));
		widen(&fraction, (int)strlen(parts.fraction));
		widen(&style->exponent_digits, digits_of_exponent(parts.exponent));
	}
	style->fraction = fraction;
	style->right = style->scientific ? fraction + style->exponent_digits + 2 : fraction;
}

/* Room for "nan", "inf" and "-inf". */
static void fit_others(struct number_style *style, const double *numbers, size_t count,
		       size_t stride)
{
	for (size_t i = 0; i < count; i++) {
		const double number = numbers[i * stride];
		if (isfinite(number))
			continue;
		const bool negative = style->plus || (isinf(number) && number < 0);
		widen(&style->left, 3 - (style->right + 1));
		widen(&style->left, 3 + negative - (style->right + 1));
	}
}

void number_style_fit(struct number_style *style, enum decimal_source source, bool plus,
		      const double *numbers, size_t count, size_t stride)
{
	double max = 0;
	double min = INFINITY;

	*style = (struct number_style){.source = source, .plus = plus};
	for (size_t i = 0; i < count; i++) {
		const double size = fabs(numbers[i * stride]);
		if (!isfinite(size) || !(size > 0))
			continue;
		max = size > max ? size : max;
		min = size < min ? size : min;
	}
	style->scientific = max > 0 && (max >= large(source) || min < small(source) ||
					ratio_is_large(source, max, min));
	fit_finite(style, numbers, count, stride);
	fit_others(style, numbers, count, stride);
}

/* ----------------------------------------------------------------------------------------- text */

static const char *special_text(double number, bool plus)
{
	if (isnan(number))
		return plus ? "+nan" : "nan";
	if (number < 0)
		return "-inf";
	return plus ? "+inf" : "inf";
}

static size_t length_of(int length)
{
	return length < 0 ? 0 : (size_t)length;
}

size_t number_text(const struct number_style *style, double number, char text[NUMBER_TEXT_SIZE])
{
	if (!isfinite(number))
		return length_of(snprintf(text, NUMBER_TEXT_SIZE, "%*s",
					  style->left + style->right + 1,
					  special_text(number, style->plus)));
	struct parts parts = array_parts(style, number, style->fraction);
	if (style->scientific) {
		append_zeros(parts.fraction, style->fraction - (int)strlen(parts.fraction));
		return length_of(snprintf(text, NUMBER_TEXT_SIZE, "%*s.%se%c%0*d", style->left,
					  parts.whole, parts.fraction,
					  parts.exponent < 0 ? '-' : '+', style->exponent_digits,
					  parts.exponent < 0 ? -parts.exponent : parts.exponent));
	}
	return length_of(snprintf(text, NUMBER_TEXT_SIZE, "%*s.%-*s", style->left, parts.whole,
				  style->right, parts.fraction));
}

/* Scalars are written out below this. */
static double scalar_large(enum decimal_source source)
{
	return source == DECIMAL_F16 ? 1e3 : source == DECIMAL_F32 ? 1e6 : 1e16;
}

size_t number_scalar_text(enum decimal_source source, bool plus, bool fraction_needed,
			  double number, char text[NUMBER_TEXT_SIZE])
{
	const double size = fabs(number);
	struct parts parts = {.exponent = 0};

	if (!isfinite(number))
		return length_of(
			snprintf(text, NUMBER_TEXT_SIZE, "%s", special_text(number, plus)));
	const struct decimal decimal = decimal_from(size, source, DECIMAL_SHORTEST, 0, 0);
	begin_whole(&parts, signbit(number) != 0, plus);
	if (size > 0 && (size >= scalar_large(source) || size < 1e-4)) {
		fill_scientific(&parts, &decimal);
		return length_of(snprintf(text, NUMBER_TEXT_SIZE, "%s%s%se%c%02d", parts.whole,
					  *parts.fraction ? "." : "", parts.fraction,
					  parts.exponent < 0 ? '-' : '+',
					  parts.exponent < 0 ? -parts.exponent : parts.exponent));
	}
	fill_positional(&parts, &decimal);
	if (!*parts.fraction && fraction_needed)
		append_zeros(parts.fraction, 1);
	return length_of(snprintf(text, NUMBER_TEXT_SIZE, "%s%s%s", parts.whole,
				  *parts.fraction ? "." : "", parts.fraction));
}
