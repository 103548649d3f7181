/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floating point numbers as NumPy 2 prints them: those of an array in one style, with at most 8
 * digits behind the point, in columns; a scalar alone with as many digits as name it.
 */
#ifndef CAIRN_TOOLS_NUMBER_TEXT_H
#define CAIRN_TOOLS_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/decimal.h"

#define NUMBER_TEXT_SIZE 96

/* How all numbers of an array are printed. Value. */
struct number_style {
	enum decimal_source source;
	bool plus;           /* positive numbers get a sign: imaginary parts */
	bool scientific;     /* one for all: 1.5e+00 */
	int fraction;        /* digits behind the point: of scientific numbers all, else at most */
	int exponent_digits; /* at least */
	int left;            /* columns before the point, and */
	int right;           /* behind it */
};

/* Fits a style to `count` numbers, which lie `stride` apart. */
void number_style_fit(struct number_style *style, enum decimal_source source, bool plus,
		      const double *numbers, size_t count, size_t stride);

/* Writes the number with the blanks around it; returns its length. */
size_t number_text(const struct number_style *style, double number, char text[NUMBER_TEXT_SIZE]);

/* The number alone, as str() of a NumPy scalar; `fraction_needed`: "1.0" and not "1". */
size_t number_scalar_text(enum decimal_source source, bool plus, bool fraction_needed,
			  double number, char text[NUMBER_TEXT_SIZE]);

#endif
