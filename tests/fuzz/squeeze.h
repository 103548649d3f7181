/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers as fuzzer inputs: the smallest has 72 KiB, nearly all of it zeros. Squeezed, runs of
 * zeros are numbers, so that a mutation hits bytes that mean something.
 *
 *   u32   what follows: in the low 20 bits a size, in the high 12 bits a number of zeros, in units
 *         of 16, that come first
 *   ...   so many bytes; again and again
 */
#ifndef CAIRN_TESTS_FUZZ_SQUEEZE_H
#define CAIRN_TESTS_FUZZ_SQUEEZE_H

#include <stddef.h>
#include <stdint.h>

/* Of the bytes; whatever is longer is cut. */
#define SQUEEZE_SIZE_MAX ((size_t)256 << 10)

/* The bytes that `data` stands for; to be freed. Every input stands for some. */
uint8_t *squeeze_expand(const uint8_t *data, size_t size, size_t *expanded_size);

/* The other way. Returns the size, or 0 when it does not fit into `capacity` bytes. */
size_t squeeze(const uint8_t *bytes, size_t size, uint8_t *data, size_t capacity);

#endif
