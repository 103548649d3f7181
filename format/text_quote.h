/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary bytes in double quotes, as the text form has them: printable UTF-8 as it is, everything
 * else (control characters, what turns the direction of text, bytes that are no UTF-8) as \n, \r,
 * \t, \", \\ or \xNN.
 */
#ifndef CAIRN_FORMAT_TEXT_QUOTE_H
#define CAIRN_FORMAT_TEXT_QUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that one byte becomes at most. */
#define TEXT_QUOTE_GROWTH 4

/*
 * Writes what stands for `size` bytes, without the quotes, into at least TEXT_QUOTE_GROWTH * size
 * characters; returns their number. Bytes may come in pieces, if no piece ends within a character.
 */
size_t text_quote(const char *bytes, size_t size, char *out);

/* The largest piece of at most `size_max` bytes that ends between characters, behind a line break
 * if there is one. At least 1 byte; `size` is not 0. */
size_t text_quote_piece(const char *bytes, size_t size, size_t size_max);

/*
 * Reads a quoted text that begins at text[*at] with its first quote, into at most `size` bytes;
 * *at becomes the place behind the last quote. False when it is none; *at is then where it is
 * wrong.
 */
bool text_unquote(const char *text, size_t size, size_t *at, char *bytes, size_t *byte_count);

#endif
