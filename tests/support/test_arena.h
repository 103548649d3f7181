/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena on malloc that can fail any of its allocations, and that knows whether all was given
 * back.
 */
#ifndef CAIRN_TESTS_TEST_ARENA_H
#define CAIRN_TESTS_TEST_ARENA_H

#include <stdint.h>

#include "format/arena.h"

struct test_arena {
	struct arena arena;
	uint64_t calls;   /* of the source's allocate */
	uint64_t fail_at; /* the number of the call that fails, from 1; 0: none */
	uint64_t live;    /* blocks that were not given back */
};

void test_arena_open(struct test_arena *test, uint64_t fail_at);

/* Asserts that every block was given back. */
void test_arena_close(struct test_arena *test);

#endif
