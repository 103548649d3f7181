/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte b of element e of n is at b * n + e of the shuffled bytes, and the other way round.
 *
 * The loops are compiled once for each width that elements have often, so that they become vector
 * code.
 */
#include "format/byte_shuffle.h"

#include <string.h>

bool byte_shuffle_known(uint8_t width)
{
	return width == SHUFFLE_NONE || (width >= SHUFFLE_WIDTH_MIN && width <= SHUFFLE_WIDTH_MAX);
}

static inline void shuffle(const uint8_t *restrict bytes, uint64_t count, uint8_t width,
			   uint8_t *restrict shuffled)
{
	for (uint64_t e = 0; e < count; e++) {
		for (uint8_t b = 0; b < width; b++)
			shuffled[b * count + e] = bytes[e * width + b];
	}
}

static inline void unshuffle(const uint8_t *restrict shuffled, uint64_t count, uint8_t width,
			     uint8_t *restrict bytes)
{
	for (uint64_t e = 0; e < count; e++) {
		for (uint8_t b = 0; b < width; b++)
			bytes[e * width + b] = shuffled[b * count + e];
	}
}

void byte_shuffle(const uint8_t *bytes, uint64_t size, uint8_t width, uint8_t *shuffled)
{
	const uint64_t count = size / width;
	const uint64_t whole = count * width;

	if (width == 2)
		shuffle(bytes, count, 2, shuffled);
	else if (width == 4)
		shuffle(bytes, count, 4, shuffled);
	else if (width == 8)
		shuffle(bytes, count, 8, shuffled);
	else
		shuffle(bytes, count, width, shuffled);
	memcpy(shuffled + whole, bytes + whole, size - whole);
}

void byte_unshuffle(const uint8_t *shuffled, uint64_t size, uint8_t width, uint8_t *bytes)
{
	const uint64_t count = size / width;
	const uint64_t whole = count * width;

	if (width == 2)
		unshuffle(shuffled, count, 2, bytes);
	else if (width == 4)
		unshuffle(shuffled, count, 4, bytes);
	else if (width == 8)
		unshuffle(shuffled, count, 8, bytes);
	else
		unshuffle(shuffled, count, width, bytes);
	memcpy(bytes + whole, shuffled + whole, size - whole);
}
