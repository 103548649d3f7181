/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/squeeze.h"

#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "tests/fuzz/fuzz.h"

enum {
	UNIT = 16,
	UNITS_MAX = (1 << 12) - 1,
	SIZE_BITS = 20,
	ZEROS_WORTH_IT = 2 /* units */
};
#define SIZE_MASK ((1u << SIZE_BITS) - 1)

uint8_t *squeeze_expand(const uint8_t *data, size_t size, size_t *expanded_size)
{
	struct fuzz_input input = {data, size};
	uint8_t *const all = calloc(1, SQUEEZE_SIZE_MAX);
	uint8_t *exact;
	size_t at = 0;

	FUZZ_MUST(all != NULL);
	while (input.left > 0 && at < SQUEEZE_SIZE_MAX) {
		size_t taken;
		const uint8_t *const head = fuzz_take_bytes(&input, 4, &taken);
		const uint32_t word = taken == 4 ? load_u32(head) : 0;
		const size_t zeros = (size_t)(word >> SIZE_BITS) * UNIT;
		const uint8_t *bytes;

		at += zeros < SQUEEZE_SIZE_MAX - at ? zeros : SQUEEZE_SIZE_MAX - at;
		bytes = fuzz_take_bytes(&input, word & SIZE_MASK, &taken);
		if (taken > SQUEEZE_SIZE_MAX - at)
			taken = SQUEEZE_SIZE_MAX - at;
		if (taken != 0)
			memcpy(all + at, bytes, taken);
		at += taken;
	}
	exact = fuzz_copy(all, at);
	free(all);
	*expanded_size = at;
	return exact;
}

static size_t zero_units(const uint8_t *bytes, size_t size, size_t max)
{
	size_t count = 0;

	while (count < max && (count + 1) * UNIT <= size && all_zero(bytes + count * UNIT, UNIT))
		count++;
	return count;
}

/* Bytes up to the next run of zeros that is worth a number. */
static size_t plain_bytes(const uint8_t *bytes, size_t size)
{
	size_t count = 0;

	while (count < size && count + UNIT <= SIZE_MASK &&
	       zero_units(bytes + count, size - count, ZEROS_WORTH_IT) < ZEROS_WORTH_IT)
		count += size - count < UNIT ? size - count : UNIT;
	return count;
}

size_t squeeze(const uint8_t *bytes, size_t size, uint8_t *data, size_t capacity)
{
	size_t at = 0;
	size_t out = 0;

	while (at < size) {
		const size_t zeros = zero_units(bytes + at, size - at, UNITS_MAX);
		const size_t plain = plain_bytes(bytes + at + zeros * UNIT,
						 size - at - zeros * UNIT);

		if (capacity - out < 4 || capacity - out - 4 < plain)
			return 0;
		store_u32(data + out, (uint32_t)(zeros << SIZE_BITS | plain));
		memcpy(data + out + 4, bytes + at + zeros * UNIT, plain);
		out += 4 + plain;
		at += zeros * UNIT + plain;
	}
	return out;
}
