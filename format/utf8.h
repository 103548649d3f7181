/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing above U+10FFFF. NUL is a
 * character. */
#ifndef CAIRN_FORMAT_UTF8_H
#define CAIRN_FORMAT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the valid sequence at the start of `text`, or 0. */
size_t utf8_sequence(const char *text, size_t size);

bool utf8_valid(const char *text, size_t size);

/* Writes a code point (a valid one) and returns the number of bytes, 1 to 4. */
size_t utf8_encode(uint32_t code_point, char text[4]);

#endif
