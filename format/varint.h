/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variable-length integers of protobuf and LevelDB: seven bits a byte, the low ones first, the
 * highest bit says that more follow.
 */
#ifndef CAIRN_FORMAT_VARINT_H
#define CAIRN_FORMAT_VARINT_H

#include <stddef.h>
#include <stdint.h>

/* The most bytes of a number of 32 and of 64 bits. */
#define VARINT32_SIZE_MAX 5u
#define VARINT64_SIZE_MAX 10u

/*
 * Reads one of at most `size_max` bytes from [next, end). Returns the place behind it, or NULL when
 * it does not end in time. Longer forms than necessary are read; bits above the 64th are lost, as
 * they are for protobuf.
 */
static inline const uint8_t *varint_read(const uint8_t *next, const uint8_t *end, uint32_t size_max,
					 uint64_t *value)
{
	uint64_t result = 0;

	if (next != end && *next < 0x80) {
		*value = *next;
		return next + 1;
	}
	for (uint32_t i = 0; i < size_max && next != end; i++) {
		const uint8_t byte = *next++;

		result |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*value = result;
			return next;
		}
	}
	return NULL;
}

/* Bytes of the shortest form. */
static inline uint32_t varint_size(uint64_t value)
{
	uint32_t size = 1;

	for (; value >= 0x80; value >>= 7)
		size++;
	return size;
}

/* Writes the shortest form and returns the place behind it. */
static inline uint8_t *varint_write(uint8_t *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*out++ = (uint8_t)(value | 0x80);
	*out++ = (uint8_t)value;
	return out;
}

#endif
