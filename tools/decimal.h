/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal digits of binary floating point numbers: as few as name a number among its neighbours, or
 * as many as were asked for. Exact, and independent of locale and rounding mode.
 */
#ifndef CAIRN_TOOLS_DECIMAL_H
#define CAIRN_TOOLS_DECIMAL_H

#include <stddef.h>

/* What a number was stored as: who its neighbours are. */
enum decimal_source {
	DECIMAL_F16,
	DECIMAL_F32,
	DECIMAL_F64
};

/* More digits than these are never given. */
#define DECIMAL_DIGITS_MAX 40

/* 0.00123 is the digits "123", with the exponent -3: that of the first digit. */
struct decimal {
	char digits[DECIMAL_DIGITS_MAX]; /* not terminated */
	int count;
	int exponent;
};

/* Where digits end. */
enum decimal_cut {
	DECIMAL_SHORTEST, /* as soon as the number is named; `most` and `least` are not used */
	DECIMAL_TOTAL,    /* `most` and `least` count all digits */
	DECIMAL_FRACTION  /* `most` and `least` count digits behind the point */
};

/*
 * Digits of a finite number of at least 0, which is one of its source. Past the shortest form they
 * go on until there are `least`; where they are cut off at `most`, the last is rounded, half to
 * even. Zero is the digit "0".
 */
struct decimal decimal_from(double number, enum decimal_source source, enum decimal_cut cut,
			    int most, int least);

#endif
