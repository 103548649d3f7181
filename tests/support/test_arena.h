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

/* Leaves so many bytes of the first block, and gives no other: with every number up from 0 each
 * allocation of a function fails once, also where several share a block. */
void test_arena_leave(struct test_arena *test, uint64_t size);

/* Asserts that every block was given back. */
void test_arena_close(struct test_arena *test);

#endif
