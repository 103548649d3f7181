/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The byte shuffle before compression: first bytes of all elements, then second bytes, and so on.
 * The high bytes of numbers are alike; side by side they become short.
 */
#ifndef CAIRN_FORMAT_BYTE_SHUFFLE_H
#define CAIRN_FORMAT_BYTE_SHUFFLE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SHUFFLE_NONE = 0,
	SHUFFLE_WIDTH_MIN = 2,
	SHUFFLE_WIDTH_MAX = 16
};

/* A width that an extent may have, SHUFFLE_NONE included. */
bool byte_shuffle_known(uint8_t width);

/* Elements of `width` bytes, SHUFFLE_WIDTH_MIN to _MAX; bytes behind the last whole element stay
 * where they are. The ranges do not overlap. */
void byte_shuffle(const uint8_t *bytes, uint64_t size, uint8_t width, uint8_t *shuffled);
void byte_unshuffle(const uint8_t *shuffled, uint64_t size, uint8_t width, uint8_t *bytes);

#endif
