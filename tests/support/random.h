/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers that follow from a seed (splitmix64), the same everywhere. A test that uses them
 * says the seed when it fails.
 */
#ifndef CAIRN_TESTS_RANDOM_H
#define CAIRN_TESTS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state; /* the seed, to begin with */
};

uint64_t random_next(struct random *random);

/* From 0 up to but not including `bound`, which is not 0. */
uint64_t random_below(struct random *random, uint64_t bound);

void random_fill(struct random *random, void *bytes, size_t size);

#endif
