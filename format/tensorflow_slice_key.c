/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow's "ordered code". A number without sign is the count of its bytes and the bytes, high
 * ones first. A string ends with 00 01; 00 and ff in it get a second byte. A number with sign
 * begins with as many ones as it has bytes (zeros, when it is negative), a zero, and the rest of
 * the bits.
 *
 * Reading is strict: only what writing would make is taken.
 */
#include "format/tensorflow_slice_key.h"

#include <string.h>

#define SIGNED_SIZE_MAX   10u
#define UNSIGNED_SIZE_MAX 8u

static uint32_t bits_of(uint64_t value)
{
	return value == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(value);
}

/* -------------------------------------------------------------------------------------- writing */

static uint32_t unsigned_size(uint64_t value)
{
	return 1 + (bits_of(value) + 7) / 8;
}

static uint8_t *write_unsigned(uint8_t *next, uint64_t value)
{
	const uint32_t size = unsigned_size(value) - 1;

	*next++ = (uint8_t)size;
	for (uint32_t i = 0; i < size; i++)
		*next++ = (uint8_t)(value >> (8 * (size - 1 - i)));
	return next;
}

/* The number that stands for a length. */
static int64_t signed_of(uint64_t value)
{
	return value == CAIRN_FULL ? -1 : (int64_t)value;
}

static uint32_t signed_size(int64_t value)
{
	return bits_of((uint64_t)(value < 0 ? ~value : value)) / 7 + 1;
}

/* Byte i of the ones that a number of `size` bytes begins with. */
static uint8_t head_byte(uint32_t size, uint32_t i)
{
	const uint32_t ones = size <= 8 * i ? 0 : size - 8 * i;

	return (uint8_t)(0xff00u >> (ones < 8 ? ones : 8));
}

static uint8_t *write_signed(uint8_t *next, int64_t value)
{
	const uint32_t size = signed_size(value);

	for (uint32_t i = 0; i < size; i++) {
		const uint32_t shift = 8 * (size - 1 - i);
		const uint64_t sign = value < 0 ? UINT64_MAX : 0;
		const uint8_t byte = (uint8_t)(shift < 64 ? (uint64_t)value >> shift : sign);

		*next++ = byte ^ head_byte(size, i);
	}
	return next;
}

/* 00 and ff are followed by the other one of them. */
static bool is_escaped(uint8_t byte)
{
	return byte == 0 || byte == 0xff;
}

static uint8_t other_of(uint8_t byte)
{
	return byte == 0 ? 0xff : 0;
}

static uint8_t *write_string(uint8_t *next, struct cairn_string string)
{
	for (size_t i = 0; i < string.size; i++) {
		const uint8_t byte = (uint8_t)string.data[i];

		*next++ = byte;
		if (is_escaped(byte))
			*next++ = other_of(byte);
	}
	*next++ = 0;
	*next++ = 1;
	return next;
}

uint64_t slice_key_size(struct cairn_string name, uint32_t rank, const uint64_t *ranges)
{
	uint64_t size = unsigned_size(0) + name.size + 2 + unsigned_size(rank);

	for (size_t i = 0; i < name.size; i++)
		size += is_escaped((uint8_t)name.data[i]);
	for (uint32_t i = 0; i < 2 * rank; i++)
		size += signed_size(signed_of(ranges[i]));
	return size;
}

void slice_key_write(struct cairn_string name, uint32_t rank, const uint64_t *ranges, uint8_t *key)
{
	uint8_t *next = write_unsigned(key, 0);

	next = write_string(next, name);
	next = write_unsigned(next, rank);
	for (uint32_t i = 0; i < 2 * rank; i++)
		next = write_signed(next, signed_of(ranges[i]));
}

/* -------------------------------------------------------------------------------------- reading */

/* All read_ functions: the place behind, or NULL when what is there is something else. */

static const uint8_t *read_unsigned(const uint8_t *next, const uint8_t *end, uint64_t *value)
{
	uint8_t size;

	if (next == end)
		return NULL;
	size = *next++;
	if (size > UNSIGNED_SIZE_MAX || size > end - next || (size != 0 && *next == 0))
		return NULL;
	*value = 0;
	for (uint8_t i = 0; i < size; i++)
		*value = *value << 8 | *next++;
	return next;
}

/* `name` may be NULL. */
static const uint8_t *read_string(const uint8_t *next, const uint8_t *end, char *name,
				  uint64_t *size)
{
	*size = 0;
	while (end - next >= 2) {
		const uint8_t byte = *next++;

		if (byte == 0 && *next == 1)
			return next + 1;
		if (is_escaped(byte) && *next++ != other_of(byte))
			return NULL;
		if (name != NULL)
			name[*size] = (char)byte;
		++*size;
	}
	return NULL;
}

/* Ones (zeros of a negative number) at the beginning: bytes of the number. More than end - next
 * when there is no end to them. */
static uint32_t count_ones(const uint8_t *next, const uint8_t *end, uint8_t inverse)
{
	uint32_t ones = 0;

	for (; next != end && ones <= SIGNED_SIZE_MAX; next++) {
		for (uint8_t bit = 0x80; bit != 0; bit >>= 1) {
			if (((*next ^ inverse) & bit) == 0)
				return ones;
			ones++;
		}
	}
	return SIGNED_SIZE_MAX + 1;
}

static const uint8_t *read_signed(const uint8_t *next, const uint8_t *end, int64_t *value)
{
	const uint8_t inverse = next != end && (*next & 0x80) == 0 ? 0xff : 0;
	const uint32_t size = count_ones(next, end, inverse);
	uint8_t again[SIGNED_SIZE_MAX];
	uint64_t bits = inverse == 0 ? 0 : UINT64_MAX;

	if (size > SIGNED_SIZE_MAX || size > end - next)
		return NULL;
	for (uint32_t i = 0; i < size; i++)
		bits = bits << 8 | (uint8_t)(next[i] ^ head_byte(size, i));
	*value = (int64_t)bits;
	if (write_signed(again, *value) != again + size || memcmp(again, next, size) != 0)
		return NULL; /* there is a shorter form, or it has more than 64 bits */
	return next + size;
}

static const uint8_t *read_range(const uint8_t *next, const uint8_t *end, uint64_t range[2])
{
	int64_t start;
	int64_t length;

	next = read_signed(next, end, &start);
	if (next != NULL)
		next = read_signed(next, end, &length);
	if (next == NULL || start < 0 || length < -1 || (length == -1 && start != 0))
		return NULL;
	range[0] = (uint64_t)start;
	range[1] = length == -1 ? CAIRN_FULL : (uint64_t)length;
	return next;
}

/* What comes before the ranges. */
static const uint8_t *read_head(const uint8_t *next, const uint8_t *end, char *name,
				uint64_t *name_size, uint64_t *rank)
{
	uint64_t zero;

	next = read_unsigned(next, end, &zero);
	if (next == NULL || zero != 0)
		return NULL;
	next = read_string(next, end, name, name_size);
	return next == NULL ? NULL : read_unsigned(next, end, rank);
}

bool slice_key_parse(struct cairn_string key, uint64_t *name_size, uint32_t *rank)
{
	const uint8_t *next = (const uint8_t *)key.data;
	const uint8_t *const end = next + key.size;
	uint64_t found_size;
	uint64_t found_rank;

	if (key.size == 0)
		return false;
	next = read_head(next, end, NULL, &found_size, &found_rank);
	if (next == NULL || found_rank == 0 || found_rank > CAIRN_RANK_MAX)
		return false;
	for (uint64_t d = 0; d < found_rank && next != NULL; d++) {
		uint64_t range[2];

		next = read_range(next, end, range);
	}
	if (next != end)
		return false;
	*name_size = found_size;
	*rank = (uint32_t)found_rank;
	return true;
}

void slice_key_read(struct cairn_string key, char *name, uint64_t *ranges)
{
	const uint8_t *next = (const uint8_t *)key.data;
	const uint8_t *const end = next + key.size;
	uint64_t name_size;
	uint64_t rank;

	next = read_head(next, end, name, &name_size, &rank);
	for (uint64_t d = 0; next != NULL && d < rank; d++)
		next = read_range(next, end, ranges + 2 * d);
}
