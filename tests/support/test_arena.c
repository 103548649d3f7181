/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source counts its calls, so that a test can run again and again with a later one failing
 * until none does.
 */
#include "tests/support/test_arena.h"

#include <stdlib.h>

#include <check.h>

static void *allocate(void *context, size_t size)
{
	struct test_arena *const test = context;
	void *memory;

	if (++test->calls == test->fail_at)
		return NULL;
	memory = malloc(size);
	ck_assert_ptr_nonnull(memory);
	test->live++;
	return memory;
}

static void give_back(void *context, void *memory)
{
	struct test_arena *const test = context;

	test->live--;
	free(memory);
}

void test_arena_open(struct test_arena *test, uint64_t fail_at)
{
	*test = (struct test_arena){.fail_at = fail_at};
	arena_init(&test->arena, (struct arena_source){allocate, give_back, test}, SIZE_MAX);
}

void test_arena_leave(struct test_arena *test, uint64_t size)
{
	ck_assert_ptr_nonnull(arena_allocate(&test->arena, 1));
	if (test->arena.left > size)
		ck_assert_ptr_nonnull(arena_allocate(&test->arena, test->arena.left - size));
	test->fail_at = test->calls + 1;
}

void test_arena_close(struct test_arena *test)
{
	arena_fini(&test->arena);
	ck_assert_uint_eq(test->live, 0);
}
