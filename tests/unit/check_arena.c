/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: alignment, growth, limits, and sources that fail. */
#include "format/arena.h"

#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

START_TEST(memory_is_aligned_and_does_not_overlap)
{
	struct random random = {(uint64_t)_i};
	struct test_arena test;
	uint8_t *blocks[200];
	size_t sizes[200];

	test_arena_open(&test, 0);
	for (size_t i = 0; i < COUNT_OF(blocks); i++) {
		sizes[i] = random_below(&random, random_below(&random, 10) == 0 ? 20000 : 200);
		blocks[i] = arena_allocate(&test.arena, sizes[i]);
		ck_assert_ptr_nonnull(blocks[i]);
		ck_assert_uint_eq((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)i, sizes[i]);
	}
	for (size_t i = 0; i < COUNT_OF(blocks); i++) {
		for (size_t k = 0; k < sizes[i]; k++) {
			if (blocks[i][k] != (uint8_t)i)
				ck_abort_msg("seed %d, block %zu", _i, i);
		}
	}
	test_arena_close(&test);
}
END_TEST

START_TEST(a_million_small_requests_are_few_blocks)
{
	struct test_arena test;

	test_arena_open(&test, 0);
	for (int i = 0; i < 1000000; i++) {
		if (arena_allocate(&test.arena, 16) == NULL)
			ck_abort_msg("request %d", i);
	}
	ck_assert_uint_lt(test.calls, 40);
	ck_assert_uint_lt(test.arena.size, 2 * 16000000);
	test_arena_close(&test);
}
END_TEST

START_TEST(a_large_request_leaves_the_current_block_in_use)
{
	struct test_arena test;
	uint8_t *first;

	test_arena_open(&test, 0);
	first = arena_allocate(&test.arena, 16);
	ck_assert_ptr_nonnull(arena_allocate(&test.arena, 100000));
	ck_assert_ptr_eq(arena_allocate(&test.arena, 16), first + 16);
	ck_assert_uint_eq(test.calls, 2);
	test_arena_close(&test);
}
END_TEST

START_TEST(nothing_has_an_address_too)
{
	struct test_arena test;

	test_arena_open(&test, 0);
	ck_assert_ptr_nonnull(arena_allocate(&test.arena, 0));
	ck_assert_ptr_nonnull(arena_copy(&test.arena, NULL, 0));
	ck_assert_ptr_nonnull(arena_allocate_array(&test.arena, 0, 8));
	test_arena_close(&test);
}
END_TEST

START_TEST(sizes_that_wrap_are_refused)
{
	struct test_arena test;

	test_arena_open(&test, 0);
	test.arena.size_max = SIZE_MAX / 2;
	ck_assert_ptr_null(arena_allocate(&test.arena, SIZE_MAX));
	ck_assert_ptr_null(arena_allocate(&test.arena, SIZE_MAX - 15));
	ck_assert_ptr_null(arena_allocate(&test.arena, SIZE_MAX - 31));
	ck_assert_ptr_null(arena_allocate_array(&test.arena, (uint64_t)1 << 61, 8));
	ck_assert_ptr_null(arena_allocate_array(&test.arena, UINT64_MAX, 2));
	ck_assert_ptr_null(arena_reserve_array(&test.arena, UINT64_MAX, 2));
	ck_assert_uint_eq(test.calls, 0);
	test_arena_close(&test);
}
END_TEST

START_TEST(the_limit_holds_for_all_of_it)
{
	struct test_arena test;
	uint64_t total = 0;

	test_arena_open(&test, 0);
	test.arena.size_max = 100000;
	while (arena_allocate(&test.arena, 1000) != NULL)
		total += 1000;
	ck_assert_uint_le(test.arena.size, 100000);
	ck_assert_uint_ge(total, 40000); /* at most half of it is wasted */
	ck_assert_ptr_null(arena_allocate(&test.arena, 100000));
	test_arena_close(&test);
}
END_TEST

START_TEST(a_request_that_fits_exactly_is_granted)
{
	struct test_arena test;

	test_arena_open(&test, 0);
	test.arena.size_max = 50000 + 16; /* and what the arena needs itself */
	ck_assert_ptr_nonnull(arena_allocate(&test.arena, 50000));
	ck_assert_ptr_null(arena_allocate(&test.arena, 1));
	test_arena_close(&test);
}
END_TEST

START_TEST(a_failing_source_is_passed_on_and_tried_again)
{
	struct test_arena test;

	test_arena_open(&test, 1);
	ck_assert_ptr_null(arena_allocate(&test.arena, 16));
	ck_assert_ptr_nonnull(arena_allocate(&test.arena, 16));
	test.fail_at = 2;
	test.calls = 1;
	ck_assert_ptr_null(arena_allocate_array(&test.arena, 10000, 16));
	ck_assert_ptr_nonnull(arena_allocate(&test.arena, 16)); /* of the block at hand */
	test_arena_close(&test);
}
END_TEST

START_TEST(arrays_are_zeroed)
{
	struct test_arena test;
	uint8_t *dirty;
	const uint8_t *array;

	test_arena_open(&test, 0);
	dirty = arena_allocate(&test.arena, 16);
	memset(dirty, 0xff, 16);
	array = arena_allocate_array(&test.arena, 100, 10);
	for (size_t i = 0; i < 1000; i++)
		ck_assert_int_eq(array[i], 0);
	test_arena_close(&test);
}
END_TEST

START_TEST(copies_are_copies)
{
	struct test_arena test;
	char text[] = "some text";
	const char *copy;

	test_arena_open(&test, 0);
	copy = arena_copy(&test.arena, text, sizeof(text));
	text[0] = 'x';
	ck_assert_str_eq(copy, "some text");
	test_arena_close(&test);
}
END_TEST

START_TEST(growing_keeps_what_was_there)
{
	struct test_arena test;
	uint64_t capacity = 0;
	uint64_t *array = NULL;

	test_arena_open(&test, 0);
	for (uint64_t i = 0; i < 10000; i++) {
		array = arena_grow(&test.arena, array, &capacity, i + 1, sizeof(*array));
		ck_assert_ptr_nonnull(array);
		ck_assert_uint_ge(capacity, i + 1);
		ck_assert_uint_eq(array[i], 0);
		array[i] = i;
	}
	for (uint64_t i = 0; i < 10000; i++)
		ck_assert_uint_eq(array[i], i);
	ck_assert_uint_lt(test.arena.size, 8 * 16384 * 4); /* doubling: twice what is there */
	test_arena_close(&test);
}
END_TEST

START_TEST(the_first_growth_is_to_what_is_asked_for)
{
	struct test_arena test;
	uint64_t capacity = 0;

	test_arena_open(&test, 0);
	ck_assert_ptr_nonnull(arena_grow(&test.arena, NULL, &capacity, 1000, 8));
	ck_assert_uint_eq(capacity, 1000);
	test_arena_close(&test);
}
END_TEST

START_TEST(a_failed_growth_changes_nothing)
{
	struct test_arena test;
	uint64_t capacity = 0;
	uint64_t *array;

	test_arena_open(&test, 0);
	array = arena_grow(&test.arena, NULL, &capacity, 10, sizeof(*array));
	array[9] = 99;
	test.arena.size_max = test.arena.size;
	ck_assert_ptr_null(arena_grow(&test.arena, array, &capacity, 1000000, sizeof(*array)));
	ck_assert_ptr_null(arena_grow(&test.arena, array, &capacity, UINT64_MAX, sizeof(*array)));
	ck_assert_ptr_null(
		arena_grow(&test.arena, array, &capacity, (uint64_t)1 << 62, sizeof(*array)));
	ck_assert_uint_eq(capacity, 16);
	ck_assert_uint_eq(array[9], 99);
	test_arena_close(&test);
}
END_TEST

START_TEST(an_arena_can_be_used_again_after_fini)
{
	struct test_arena test;
	struct arena zeroed = {0};

	test_arena_open(&test, 0);
	ck_assert_ptr_nonnull(arena_allocate(&test.arena, 100000));
	arena_fini(&test.arena);
	ck_assert_uint_eq(test.live, 0);
	ck_assert_uint_eq(test.arena.size, 0);
	ck_assert_ptr_nonnull(arena_allocate(&test.arena, 16));
	test_arena_close(&test);
	arena_fini(&test.arena);
	arena_fini(&zeroed);
}
END_TEST

START_TEST(a_reset_keeps_one_block)
{
	struct test_arena test;

	test_arena_open(&test, 0);
	arena_reset(&test.arena);
	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_nonnull(arena_allocate(&test.arena, 1000));
	arena_reset(&test.arena);
	ck_assert_uint_eq(test.live, 1);
	for (int i = 0; i < 1000; i++)
		memset(arena_allocate(&test.arena, 1000), 1, 1000);
	test_arena_close(&test);
}
END_TEST

static Suite *arena_suite(void)
{
	Suite *suite = suite_create("arena");
	TCase *tests = tcase_create("arena");

	tcase_add_loop_test(tests, memory_is_aligned_and_does_not_overlap, 0, 10);
	tcase_add_test(tests, a_million_small_requests_are_few_blocks);
	tcase_add_test(tests, a_large_request_leaves_the_current_block_in_use);
	tcase_add_test(tests, nothing_has_an_address_too);
	tcase_add_test(tests, sizes_that_wrap_are_refused);
	tcase_add_test(tests, the_limit_holds_for_all_of_it);
	tcase_add_test(tests, a_request_that_fits_exactly_is_granted);
	tcase_add_test(tests, a_failing_source_is_passed_on_and_tried_again);
	tcase_add_test(tests, arrays_are_zeroed);
	tcase_add_test(tests, copies_are_copies);
	tcase_add_test(tests, growing_keeps_what_was_there);
	tcase_add_test(tests, the_first_growth_is_to_what_is_asked_for);
	tcase_add_test(tests, a_failed_growth_changes_nothing);
	tcase_add_test(tests, an_arena_can_be_used_again_after_fini);
	tcase_add_test(tests, a_reset_keeps_one_block);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(arena_suite());
}
