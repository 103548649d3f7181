/* SPDX-License-Identifier: Apache-2.0 */
#include "format/crc32c.h"

#include <isa-l/crc.h>

/* The polynomial, lowest power in the highest bit. */
#define POLYNOMIAL 0x82f63b78u

#define MASK_DELTA 0xa282ead8u

/* ISA-L counts in int. */
#define STEP_SIZE ((size_t)1 << 30)

uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t size)
{
	/* not changed by it, whatever its prototype says */
	unsigned char *next = (unsigned char *)(uintptr_t)bytes;
	uint32_t state = ~crc;

	while (size > STEP_SIZE) {
		state = crc32_iscsi(next, (int)STEP_SIZE, state);
		next += STEP_SIZE;
		size -= STEP_SIZE;
	}
	return ~crc32_iscsi(next, (int)size, state);
}

/* a * b modulo the polynomial. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (uint32_t bit = UINT32_C(1) << 31; bit != 0; bit >>= 1) {
		if ((a & bit) != 0)
			product ^= b;
		b = (b & 1) != 0 ? b >> 1 ^ POLYNOMIAL : b >> 1;
	}
	return product;
}

uint32_t crc32c_combine(uint32_t first, uint32_t second, uint64_t second_size)
{
	uint32_t power = UINT32_C(1) << 23; /* x^8: one byte further */
	uint32_t shift = UINT32_C(1) << 31; /* 1 */

	for (; second_size != 0; second_size >>= 1) {
		if ((second_size & 1) != 0)
			shift = multiply(power, shift);
		power = multiply(power, power);
	}
	return multiply(shift, first) ^ second;
}

uint32_t crc32c_mask(uint32_t crc)
{
	return (crc >> 15 | crc << 17) + MASK_DELTA;
}

uint32_t crc32c_unmask(uint32_t masked)
{
	const uint32_t rotated = masked - MASK_DELTA;

	return rotated >> 17 | rotated << 15;
}
