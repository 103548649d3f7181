/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of names gives what sorting gives, whatever the names have in common; and the number of
 * common bytes that it keeps is right.
 */
#include "engine/write/merge_tree.h"

#include <stdio.h>

#include <cairn/base.h>

#include "format/index.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

enum {
	SOURCES_MAX = 20,
	EACH_MAX = 40,
	NAME_MAX_SIZE = 40
};

/* Sorted names of each source, none twice in one. */
struct sources {
	char names[SOURCES_MAX][EACH_MAX][NAME_MAX_SIZE];
	uint32_t sizes[SOURCES_MAX][EACH_MAX];
	uint32_t counts[SOURCES_MAX];
	uint32_t at[SOURCES_MAX];
	uint32_t count;
};

static struct cairn_string name_of(const struct sources *sources, uint32_t source, uint32_t number)
{
	return (struct cairn_string){sources->names[source][number],
				     sources->sizes[source][number]};
}

/* Of two letters and a NUL, so that names have much in common, up to all. */
static uint32_t make_name(struct random *random, char name[NAME_MAX_SIZE])
{
	const uint32_t size = (uint32_t)random_below(random, NAME_MAX_SIZE + 1);
	const bool alike = random_below(random, 2) == 0;

	for (uint32_t i = 0; i < size; i++)
		name[i] = alike ? 'a' : "a\0\xff"[random_below(random, 3)];
	return size;
}

static void insert(struct sources *sources, uint32_t source, const char *name, uint32_t size)
{
	uint32_t at = sources->counts[source];

	for (uint32_t i = 0; i < sources->counts[source]; i++) {
		if (index_name_compare(name_of(sources, source, i),
				       (struct cairn_string){name, size}) == 0)
			return;
	}
	for (; at > 0 && index_name_compare(name_of(sources, source, at - 1),
					    (struct cairn_string){name, size}) > 0;
	     at--) {
		memcpy(sources->names[source][at], sources->names[source][at - 1], NAME_MAX_SIZE);
		sources->sizes[source][at] = sources->sizes[source][at - 1];
	}
	memcpy(sources->names[source][at], name, size);
	sources->sizes[source][at] = size;
	sources->counts[source]++;
}

static void make_sources(struct random *random, struct sources *sources)
{
	*sources = (struct sources){.count = 1 + (uint32_t)random_below(random, SOURCES_MAX)};
	for (uint32_t i = 0; i < sources->count; i++) {
		const uint64_t wanted = random_below(random, EACH_MAX + 1);

		for (uint64_t k = 0; k < wanted; k++) {
			char name[NAME_MAX_SIZE];
			const uint32_t size = make_name(random, name);

			insert(sources, i, name, size);
		}
	}
}

static void set_key(const struct sources *sources, struct merge_tree *tree, uint32_t source,
		    bool first)
{
	const uint32_t at = sources->at[source];
	struct merge_key *const key = &tree->keys[source];
	struct cairn_string name;

	key->common = MERGE_KEY_NONE;
	if (at == sources->counts[source])
		return;
	name = name_of(sources, source, at);
	key->name = name.data;
	key->size = (uint32_t)name.size;
	key->common = 0;
	if (!first) {
		const struct cairn_string before = name_of(sources, source, at - 1);
		const uint32_t most = (uint32_t)(before.size < name.size ? before.size : name.size);

		key->common = (int32_t)merge_common(before.data, name.data, 0, most);
	}
}

/* The least current name, of the lowest source: found by looking at all. */
static uint32_t find_least(const struct sources *sources)
{
	uint32_t least = sources->count;

	for (uint32_t i = 0; i < sources->count; i++) {
		if (sources->at[i] == sources->counts[i])
			continue;
		if (least == sources->count ||
		    index_name_compare(name_of(sources, i, sources->at[i]),
				       name_of(sources, least, sources->at[least])) < 0)
			least = i;
	}
	return least;
}

static uint32_t count_common(struct cairn_string a, struct cairn_string b)
{
	uint32_t common = 0;

	while (common < a.size && common < b.size && a.data[common] == b.data[common])
		common++;
	return common;
}

static void run(uint64_t seed)
{
	struct random random = {seed};
	struct sources *const sources = malloc(sizeof(*sources));
	struct cairn_string last = {"", 0};
	struct test_arena arena;
	struct merge_tree tree;

	test_arena_open(&arena, 0);
	make_sources(&random, sources);
	ck_assert(merge_tree_init(&tree, &arena.arena, sources->count));
	for (uint32_t i = 0; i < sources->count; i++)
		set_key(sources, &tree, i, true);
	merge_tree_build(&tree);
	for (uint32_t least; (least = find_least(sources)) != sources->count;) {
		const struct cairn_string name = name_of(sources, least, sources->at[least]);

		ck_assert_msg(tree.winner == least, "seed %u", (unsigned int)seed);
		ck_assert_int_eq(tree.keys[least].common, (int32_t)count_common(last, name));
		last = name;
		sources->at[least]++;
		set_key(sources, &tree, least, false);
		merge_tree_next(&tree);
	}
	ck_assert_int_eq(tree.keys[tree.winner].common, MERGE_KEY_NONE);
	test_arena_close(&arena);
	free(sources);
}

START_TEST(names_come_in_the_order_of_a_sort)
{
	const uint64_t rounds = getenv("CAIRN_TEST_LONG") != NULL ? 5000 : 100;

	for (uint64_t i = 0; i < rounds; i++)
		run((uint64_t)_i * 100000 + i);
}
END_TEST

START_TEST(common_bytes_are_counted_up_to_the_bound)
{
	static const char a[] = "abcdefghijklmnopqrstuvwxyz";
	char b[sizeof(a)];

	for (uint32_t differs = 0; differs < sizeof(a); differs++) {
		memcpy(b, a, sizeof(a));
		b[differs] ^= 1;
		for (uint32_t most = 0; most <= sizeof(a); most++) {
			const uint32_t expected = differs < most ? differs : most;

			for (uint32_t from = 0; from <= expected; from++)
				ck_assert_uint_eq(merge_common(a, b, from, most), expected);
		}
	}
}
END_TEST

START_TEST(no_memory_is_said)
{
	for (uint64_t fail_at = 1; fail_at <= 2; fail_at++) {
		struct test_arena arena;
		struct merge_tree tree;

		test_arena_open(&arena, fail_at);
		ck_assert(!merge_tree_init(&tree, &arena.arena, 5000));
		test_arena_close(&arena);
	}
}
END_TEST

static Suite *merge_tree_suite(void)
{
	Suite *const suite = suite_create("merge_tree");
	TCase *const tcase = tcase_create("merge_tree");

	tcase_add_loop_test(tcase, names_come_in_the_order_of_a_sort, 0, 4);
	tcase_add_test(tcase, common_bytes_are_counted_up_to_the_bound);
	tcase_add_test(tcase, no_memory_is_said);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(merge_tree_suite());
}
