/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Little-endian loads and stores, and arithmetic that cannot wrap.
 *
 * Sizes and offsets that come from a file go through the checked helpers and nothing else. Each
 * returns false, and leaves *result alone, when the true result does not fit.
 */
#ifndef CAIRN_FORMAT_BYTES_H
#define CAIRN_FORMAT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
# error "Cairn's views are little-endian memory: a big-endian host cannot use them in place"
#endif

static inline uint16_t load_u16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint32_t load_u32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t load_u64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline void store_u16(uint8_t *bytes, uint16_t value)
{
	memcpy(bytes, &value, sizeof(value));
}

static inline void store_u32(uint8_t *bytes, uint32_t value)
{
	memcpy(bytes, &value, sizeof(value));
}

static inline void store_u64(uint8_t *bytes, uint64_t value)
{
	memcpy(bytes, &value, sizeof(value));
}

static inline bool checked_add(uint64_t a, uint64_t b, uint64_t *result)
{
	uint64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*result = sum;
	return true;
}

static inline bool checked_multiply(uint64_t a, uint64_t b, uint64_t *result)
{
	uint64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return false;
	*result = product;
	return true;
}

/* Rounds up to a multiple of `alignment`, a power of two. */
static inline bool checked_align_up(uint64_t value, uint64_t alignment, uint64_t *result)
{
	uint64_t sum;

	if (!checked_add(value, alignment - 1, &sum))
		return false;
	*result = sum & ~(alignment - 1);
	return true;
}

/* Rounds up a value that is known to be far from wrapping (our own, or already checked). */
static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

static inline uint64_t divide_up(uint64_t value, uint64_t divisor)
{
	return value / divisor + (value % divisor != 0);
}

/* The range [offset, offset + size) lies within [0, total). */
static inline bool range_within(uint64_t offset, uint64_t size, uint64_t total)
{
	return size <= total && offset <= total - size;
}

static inline bool is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static inline bool all_zero(const uint8_t *bytes, size_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

#endif
