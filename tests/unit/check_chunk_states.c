/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two bits a chunk: transitions, neighbours in a word, and many threads of which exactly one gets
 * each chunk while the others wait for its verdict.
 */
#include "engine/read/chunk_states.h"

#include <errno.h>

#include <sched.h>

#include "tests/support/build.h"
#include "tests/support/suite.h"

static struct chunk_states states;

static void open_states(uint64_t count)
{
	ck_assert_int_eq(chunk_states_init(&states, system_posix(), count), 0);
}

START_TEST(all_chunks_are_unknown_at_first)
{
	open_states(100);
	for (uint64_t chunk = 0; chunk < 100; chunk++)
		ck_assert_int_eq(chunk_states_get(&states, chunk), CHUNK_UNKNOWN);
	chunk_states_fini(&states);
}
END_TEST

START_TEST(a_chunk_is_claimed_once)
{
	open_states(40);
	ck_assert(chunk_states_claim(&states, 17));
	ck_assert(!chunk_states_claim(&states, 17));
	ck_assert_int_eq(chunk_states_get(&states, 17), CHUNK_BUSY);
	chunk_states_fini(&states);
}
END_TEST

static const struct {
	enum chunk_state verdict;
	bool claimable;
} verdicts[] = {{CHUNK_GOOD, false}, {CHUNK_BAD, false}, {CHUNK_UNKNOWN, true}};

START_TEST(a_verdict_stays_unless_it_is_unknown)
{
	open_states(40);
	ck_assert(chunk_states_claim(&states, 17));
	chunk_states_settle(&states, 17, verdicts[_i].verdict);
	ck_assert_int_eq(chunk_states_get(&states, 17), verdicts[_i].verdict);
	ck_assert_int_eq(chunk_states_claim(&states, 17), verdicts[_i].claimable);
	chunk_states_fini(&states);
}
END_TEST

START_TEST(neighbours_are_left_alone)
{
	open_states(64);
	for (uint64_t chunk = 0; chunk < 64; chunk += 3) {
		ck_assert(chunk_states_claim(&states, chunk));
		chunk_states_settle(&states, chunk, chunk % 2 == 0 ? CHUNK_GOOD : CHUNK_BAD);
	}
	for (uint64_t chunk = 0; chunk < 64; chunk++)
		ck_assert_int_eq(chunk_states_get(&states, chunk), chunk % 3 != 0   ? CHUNK_UNKNOWN
								   : chunk % 2 == 0 ? CHUNK_GOOD
										    : CHUNK_BAD);
	chunk_states_fini(&states);
}
END_TEST

START_TEST(all_good_looks_at_the_range_and_nothing_else)
{
	open_states(80);
	for (uint64_t chunk = 5; chunk < 70; chunk++) {
		chunk_states_claim(&states, chunk);
		chunk_states_settle(&states, chunk, CHUNK_GOOD);
	}
	for (uint64_t first = 0; first < 80; first++) {
		for (uint64_t count = 0; first + count <= 80; count++)
			ck_assert_int_eq(chunk_states_all_good(&states, first, count),
					 count == 0 || (first >= 5 && first + count <= 70));
	}
	chunk_states_fini(&states);
}
END_TEST

START_TEST(one_bad_chunk_of_a_word_shows)
{
	for (uint64_t other = 0; other < 48; other++) {
		open_states(48);
		for (uint64_t chunk = 0; chunk < 48; chunk++) {
			chunk_states_claim(&states, chunk);
			chunk_states_settle(&states, chunk,
					    chunk == other ? CHUNK_BAD : CHUNK_GOOD);
		}
		ck_assert(!chunk_states_all_good(&states, 0, 48));
		chunk_states_fini(&states);
	}
}
END_TEST

START_TEST(waiting_for_what_is_not_busy_returns)
{
	open_states(1);
	chunk_states_wait(&states, 0);
	chunk_states_fini(&states);
}
END_TEST

START_TEST(no_chunks_are_no_problem)
{
	open_states(0);
	ck_assert(chunk_states_all_good(&states, 0, 0));
	chunk_states_fini(&states);
	chunk_states_fini(&states); /* once more does nothing */
}
END_TEST

START_TEST(missing_memory_is_reported)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_ALLOCATE, .at = 1, .error = ENOMEM};
	struct scene scene;

	scene_open(&scene);
	memory_system_set_fault(scene.memory, 0, &fault);
	ck_assert_int_eq(chunk_states_init(&states, scene.system, 10), -ENOMEM);
	chunk_states_fini(&states);
	scene_close(&scene);
}
END_TEST

/* -------------------------------------------------------------------------------------- threads */

enum {
	THREADS = 8,
	CHUNKS = 3000
};

static _Atomic uint32_t claims[CHUNKS]; /* how often a chunk was claimed */
static uint32_t content[CHUNKS];        /* written before the verdict, by who claimed it */
static _Atomic uint32_t wrong;

/* Goes through all chunks; every seventh is given up the first time that it is claimed. */
static void verify_all(void *context)
{
	(void)context;
	for (uint64_t chunk = 0; chunk < CHUNKS;) {
		if (chunk_states_claim(&states, chunk)) {
			const uint32_t before = atomic_fetch_add(&claims[chunk], 1);

			if (chunk % 64 == 0)
				sched_yield();
			content[chunk] = (uint32_t)chunk + 1;
			chunk_states_settle(&states, chunk,
					    chunk % 7 == 0 && before == 0 ? CHUNK_UNKNOWN
									  : CHUNK_GOOD);
		} else {
			chunk_states_wait(&states, chunk);
		}
		if (chunk_states_get(&states, chunk) != CHUNK_GOOD)
			continue;
		if (content[chunk] != chunk + 1) /* good: what was written before is visible */
			atomic_fetch_add(&wrong, 1);
		chunk++;
	}
}

START_TEST(each_chunk_is_verified_by_one_thread)
{
	struct system_thread threads[THREADS];

	open_states(CHUNKS);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(system_thread_start(system_posix(), verify_all, NULL, &threads[i]),
				 0);
	for (int i = 0; i < THREADS; i++)
		system_thread_join(system_posix(), threads[i]);
	for (uint64_t chunk = 0; chunk < CHUNKS; chunk++)
		ck_assert_uint_eq(claims[chunk], chunk % 7 == 0 ? 2 : 1);
	ck_assert_uint_eq(wrong, 0);
	ck_assert(chunk_states_all_good(&states, 0, CHUNKS));
	chunk_states_fini(&states);
}
END_TEST

static Suite *chunk_states_suite(void)
{
	Suite *suite = suite_create("chunk_states");
	TCase *tests = tcase_create("chunk_states");

	tcase_add_test(tests, all_chunks_are_unknown_at_first);
	tcase_add_test(tests, a_chunk_is_claimed_once);
	tcase_add_loop_test(tests, a_verdict_stays_unless_it_is_unknown, 0, COUNT_OF(verdicts));
	tcase_add_test(tests, neighbours_are_left_alone);
	tcase_add_test(tests, all_good_looks_at_the_range_and_nothing_else);
	tcase_add_test(tests, one_bad_chunk_of_a_word_shows);
	tcase_add_test(tests, waiting_for_what_is_not_busy_returns);
	tcase_add_test(tests, no_chunks_are_no_problem);
	tcase_add_test(tests, missing_memory_is_reported);
	tcase_add_test(tests, each_chunk_is_verified_by_one_thread);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(chunk_states_suite());
}
