/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doubles as decimal text, both ways, exactly, whatever the locale: the C library converts between
 * digits and doubles, but no decimal point ever passes through it.
 */
#ifndef CAIRN_FORMAT_DECIMAL_H
#define CAIRN_FORMAT_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

/* Room for any double, with its terminating NUL. */
#define DECIMAL_SIZE 32

/* Longer numbers are refused; the exact decimal value of any double has fewer digits. */
#define DECIMAL_TEXT_SIZE_MAX 1100

/*
 * The shortest text that gives the same double back, as Python's repr writes it: "1.5", "3.0",
 * "1e-05", "1e+16", "inf", "nan". Returns its length.
 */
size_t decimal_write(double value, char text[DECIMAL_SIZE]);

/* The nearest number of `count` digits, 1 to 17, without zeros behind them; of what is not finite,
 * and of zero, what decimal_write writes. For numbers that are shorter in another type. */
size_t decimal_write_digits(double value, int count, char text[DECIMAL_SIZE]);

/*
 * Reads [sign] digits [. digits] [e [sign] digits]; either side of the point may be empty. Rounds
 * to the nearest double; too large is infinity. False for anything else.
 */
bool decimal_parse(const char *text, size_t size, double *value);

#endif
