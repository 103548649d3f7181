/* SPDX-License-Identifier: Apache-2.0 */
/* splitmix64. The slight preference of random_below for small numbers does not matter to tests. */
#include "tests/support/random.h"

#include <string.h>

uint64_t random_next(struct random *random)
{
	uint64_t value = random->state += 0x9e3779b97f4a7c15u;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
	return random_next(random) % bound;
}

void random_fill(struct random *random, void *bytes, size_t size)
{
	uint8_t *const out = bytes;

	for (size_t done = 0; done < size; done += sizeof(uint64_t)) {
		const uint64_t value = random_next(random);
		const size_t left = size - done;

		memcpy(out + done, &value, left < sizeof(value) ? left : sizeof(value));
	}
}
