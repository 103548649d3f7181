/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, with padding), line by line. */
#ifndef CAIRN_FORMAT_BASE64_H
#define CAIRN_FORMAT_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters for `size` bytes. */
static inline size_t base64_text_size(size_t size)
{
	return (size + 2) / 3 * 4;
}

/* Writes base64_text_size(size) characters, not terminated; returns their number. */
size_t base64_encode(const uint8_t *bytes, size_t size, char *text);

/* Decodes whole groups of four characters, of which only the last may be padded, into at most
 * size / 4 * 3 bytes. False for anything else, and for padding that hides bits. */
bool base64_decode(const char *text, size_t size, uint8_t *bytes, size_t *byte_count);

#endif
