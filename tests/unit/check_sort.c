/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting: order, stability, and how many comparisons it takes at worst. Arrays of structs and
 * names against the pointer sort.
 */
#include "format/sort.h"

#include "format/index.h"
#include "format/sort_array.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

enum {
	COUNT_MAX = 70,
	MANY = 4096
};

struct pair {
	uint32_t key;
	uint32_t number; /* where it came from */
};

static uint64_t comparisons;

static int compare_keys(const void *a, const void *b)
{
	const struct pair *const left = a;
	const struct pair *const right = b;

	comparisons++;
	return (left->key > right->key) - (left->key < right->key);
}

static void sort(struct pair *pairs, void **items, uint64_t count)
{
	void **const scratch = calloc(count + 1, sizeof(*scratch));

	for (uint64_t i = 0; i < count; i++) {
		pairs[i].number = (uint32_t)i;
		items[i] = &pairs[i];
	}
	comparisons = 0;
	sort_pointers(items, scratch, count, compare_keys);
	free(scratch);
}

static void assert_sorted(void *const *items, uint64_t count)
{
	for (uint64_t i = 1; i < count; i++) {
		const struct pair *const a = items[i - 1];
		const struct pair *const b = items[i];

		ck_assert(a->key < b->key || (a->key == b->key && a->number < b->number));
	}
}

START_TEST(any_number_of_items_is_sorted_stably)
{
	struct random random = {(uint64_t)_i};
	struct pair pairs[COUNT_MAX];
	void *items[COUNT_MAX];

	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < _i; k++)
			pairs[k].key = (uint32_t)random_below(&random, 1 + (uint64_t)_i / 2);
		sort(pairs, items, (uint64_t)_i);
		assert_sorted(items, (uint64_t)_i);
	}
}
END_TEST

static struct pair many[MANY];
static void *many_items[MANY];

START_TEST(sorted_input_takes_one_comparison_an_item)
{
	for (uint32_t i = 0; i < MANY; i++)
		many[i].key = i;
	sort(many, many_items, MANY);
	ck_assert_uint_le(comparisons, MANY);
}
END_TEST

START_TEST(no_input_takes_more_than_n_log_n)
{
	struct random random = {(uint64_t)_i};

	for (uint32_t i = 0; i < MANY; i++)
		many[i].key = _i == 0   ? MANY - i                  /* descending */
			      : _i == 1 ? i ^ (MANY - 1)            /* in blocks */
			      : _i == 2 ? i % 2 == 0 ? i : MANY - i /* organ pipes */
					: (uint32_t)random_next(&random);
	sort(many, many_items, MANY);
	assert_sorted(many_items, MANY);
	ck_assert_uint_le(comparisons, (uint64_t)MANY * 13); /* 12 levels, and a look at each run */
}
END_TEST

/* ---------------------------------------------------------------------------- arrays of structs */

START_TEST(an_order_applied_is_the_sorted_array)
{
	struct random random = {(uint64_t)_i};
	struct test_arena test;
	struct pair pairs[COUNT_MAX];
	uint32_t *order;

	test_arena_open(&test, 0);
	for (uint32_t k = 0; k < (uint32_t)_i; k++)
		pairs[k] = (struct pair){(uint32_t)random_below(&random, 30), k};
	order = sort_order(&test.arena, pairs, (uint64_t)_i, sizeof(pairs[0]), compare_keys);
	ck_assert_ptr_nonnull(order);
	for (uint32_t k = 0; k < (uint32_t)_i; k++)
		ck_assert_uint_eq(pairs[k].number, k); /* the array is as it was */
	sort_apply(pairs, (uint64_t)_i, sizeof(pairs[0]), order);
	for (int k = 1; k < _i; k++)
		ck_assert(pairs[k - 1].key < pairs[k].key ||
			  (pairs[k - 1].key == pairs[k].key &&
			   pairs[k - 1].number < pairs[k].number));
	for (uint32_t k = 0; k < (uint32_t)_i; k++)
		ck_assert_uint_eq(order[k], k); /* used up */
	test_arena_close(&test);
}
END_TEST

struct named {
	uint64_t something;
	struct cairn_string name;
};

/* Names with few different bytes, NUL among them, often one the beginning of another. */
static void random_names(struct random *random, struct named *names, char (*storage)[24],
			 uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		const size_t shared = strlen("layer.");
		size_t size = shared + random_below(random, 16);

		memcpy(storage[i], "layer.", shared);
		for (size_t k = shared; k < size; k++)
			storage[i][k] = "ab\0\xff"[random_below(random, 4)];
		if (random_below(random, 30) == 0)
			size = random_below(random, shared);
		names[i] = (struct named){i, {storage[i], size}};
	}
}

START_TEST(names_are_sorted_by_their_bytes)
{
	struct random random = {(uint64_t)_i};
	struct test_arena test;
	struct named names[COUNT_MAX];
	char storage[COUNT_MAX][24];
	const uint32_t *order;

	test_arena_open(&test, 0);
	random_names(&random, names, storage, (uint64_t)_i);
	order = sort_order_by_name(&test.arena, &names[0].name, sizeof(names[0]), (uint64_t)_i);
	ck_assert_ptr_nonnull(order);
	for (int k = 1; k < _i; k++) {
		const int compared = index_name_compare(names[order[k - 1]].name,
							names[order[k]].name);

		ck_assert_msg(compared < 0 || (compared == 0 && order[k - 1] < order[k]), "seed %d",
			      _i);
	}
	test_arena_close(&test);
}
END_TEST

START_TEST(missing_memory_is_reported)
{
	struct pair pairs[] = {{2, 0}, {1, 1}};
	const struct cairn_string names[] = {{"b", 1}, {"a", 1}};
	struct test_arena test;

	test_arena_open(&test, 1);
	ck_assert_ptr_null(sort_order(&test.arena, pairs, 2, sizeof(pairs[0]), compare_keys));
	test_arena_close(&test);
	test_arena_open(&test, 1);
	ck_assert_ptr_null(sort_order_by_name(&test.arena, names, sizeof(names[0]), 2));
	test_arena_close(&test);
}
END_TEST

static Suite *sort_suite(void)
{
	Suite *suite = suite_create("sort");
	TCase *tests = tcase_create("sort");

	tcase_add_loop_test(tests, any_number_of_items_is_sorted_stably, 0, COUNT_MAX);
	tcase_add_test(tests, sorted_input_takes_one_comparison_an_item);
	tcase_add_loop_test(tests, no_input_takes_more_than_n_log_n, 0, 6);
	tcase_add_loop_test(tests, an_order_applied_is_the_sorted_array, 0, COUNT_MAX);
	tcase_add_loop_test(tests, names_are_sorted_by_their_bytes, 0, COUNT_MAX);
	tcase_add_test(tests, missing_memory_is_reported);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(sort_suite());
}
