/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crash enumerator is tried on protocols whose faults are known: each step that is left out of
 * "write, sync the file, rename, sync the directory" must show in some state, and the whole of it
 * in none.
 */
#include "tests/support/crash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#define SIZE      12388u /* three blocks and a bit */
#define COMMITTED 1

static struct memory_system *memory;
static struct system *sys;

static void set_up(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
}

static void tear_down(void)
{
	memory_system_destroy(memory);
}

/* Content that no other fill, and neither zeros nor garbage, can be mistaken for. */
static void fill(uint8_t *bytes, uint8_t seed)
{
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)((i / 64) % 97 + seed);
}

static void add_old_file(void)
{
	uint8_t bytes[SIZE];

	fill(bytes, 1);
	ck_assert_int_eq(memory_system_add_file(memory, "model", bytes, SIZE), 0);
}

/* ---------------------------------------------------------------------- a protocol to be judged */

struct protocol {
	bool sync_file;
	bool sync_directory;
	bool rename_early; /* before the file is written */
	bool in_place;     /* no temporary file at all */
	bool is_filled;    /* written with more than belongs to it, and cut */
	bool cut_late;     /* after the file was synced */
};

static const struct protocol right = {.sync_file = true, .sync_directory = true};

static void save(const struct protocol *protocol, const char *target, uint8_t seed)
{
	const int directory = system_open(sys, SYSTEM_CWD, "/", SYSTEM_WANT_DIRECTORY);
	const int fd = system_create(sys, directory, "temporary", 0444, 0);
	uint8_t bytes[SIZE];

	fill(bytes, seed);
	if (protocol->rename_early)
		system_rename(sys, directory, "temporary", directory, target,
			      SYSTEM_RENAME_REPLACE);
	ck_assert_int_eq(system_write_all(sys, fd, bytes, SIZE, 0), 0);
	if (protocol->is_filled)
		ck_assert_int_eq(system_write_all(sys, fd, bytes, 100, SIZE), 0);
	if (protocol->is_filled && !protocol->cut_late)
		ck_assert_int_eq(system_truncate(sys, fd, SIZE), 0);
	if (protocol->sync_file)
		ck_assert_int_eq(system_sync(sys, fd), 0);
	if (protocol->is_filled && protocol->cut_late)
		ck_assert_int_eq(system_truncate(sys, fd, SIZE), 0);
	if (!protocol->rename_early)
		system_rename(sys, directory, "temporary", directory, target,
			      SYSTEM_RENAME_REPLACE);
	if (protocol->sync_directory)
		ck_assert_int_eq(system_sync(sys, directory), 0);
	memory_system_mark(memory, COMMITTED);
	system_close(sys, fd);
	system_close(sys, directory);
}

struct verdict {
	uint64_t old;
	uint64_t new;
	uint64_t absent;
	uint64_t torn;
	uint64_t zeros;   /* of the torn ones: blocks of zeros */
	uint64_t garbage; /* of the torn ones: blocks of garbage */
	uint64_t lost;    /* not new, after success was reported */
};

static bool has_run_of(const uint8_t *bytes, uint8_t value)
{
	for (size_t i = 0; i + 100 < SIZE; i += 512) {
		if (bytes[i] == value && bytes[i + 100] == value)
			return true;
	}
	return false;
}

static int judge(void *context, const struct crash_state *state)
{
	struct verdict *verdict = context;
	uint8_t expected[SIZE];
	uint8_t bytes[SIZE] = {0};
	const int64_t size = memory_system_content(state->system, "model", bytes, SIZE);
	bool is_new = false;

	fill(expected, 1);
	if (size == -ENOENT) {
		verdict->absent++;
	} else if (size == SIZE && memcmp(bytes, expected, SIZE) == 0) {
		verdict->old++;
	} else {
		fill(expected, 2);
		is_new = size == SIZE && memcmp(bytes, expected, SIZE) == 0;
		verdict->new += is_new;
		verdict->torn += !is_new;
		verdict->zeros += !is_new && has_run_of(bytes, 0);
		verdict->garbage += !is_new && has_run_of(bytes, MEMORY_GARBAGE);
	}
	verdict->lost += state->marker == COMMITTED && !is_new;
	return 0;
}

static struct verdict judge_protocol(const struct protocol *protocol,
				     const struct crash_options *options)
{
	struct verdict verdict = {0};

	memory_system_trace_start(memory);
	save(protocol, "model", 2);
	ck_assert_int_eq(crash_enumerate(memory, options, judge, &verdict, NULL), 0);
	ck_assert(memory_system_is_clean(memory));
	return verdict;
}

START_TEST(right_replacement_is_old_or_new_and_never_lost)
{
	struct verdict verdict;

	add_old_file();
	verdict = judge_protocol(&right, NULL);
	ck_assert_uint_gt(verdict.old, 0);
	ck_assert_uint_gt(verdict.new, 0);
	ck_assert_uint_eq(verdict.torn, 0);
	ck_assert_uint_eq(verdict.absent, 0);
	ck_assert_uint_eq(verdict.lost, 0);
}
END_TEST

START_TEST(right_replacement_holds_at_sector_granularity)
{
	const struct crash_options options = {.sectors = true, .states_max = 20000};
	struct verdict verdict;

	add_old_file();
	verdict = judge_protocol(&right, &options);
	ck_assert_uint_eq(verdict.torn + verdict.absent + verdict.lost, 0);
}
END_TEST

START_TEST(right_creation_is_absent_or_new_and_never_lost)
{
	const struct verdict verdict = judge_protocol(&right, NULL);

	ck_assert_uint_gt(verdict.absent, 0);
	ck_assert_uint_gt(verdict.new, 0);
	ck_assert_uint_eq(verdict.old, 0);
	ck_assert_uint_eq(verdict.torn, 0);
	ck_assert_uint_eq(verdict.lost, 0);
}
END_TEST

START_TEST(without_sync_of_the_file_it_is_torn)
{
	const struct protocol wrong = {.sync_directory = true};
	struct verdict verdict;

	add_old_file();
	verdict = judge_protocol(&wrong, NULL);
	ck_assert_uint_gt(verdict.torn, 0);
	ck_assert_uint_gt(verdict.zeros, 0);
	ck_assert_uint_gt(verdict.garbage, 0);
	ck_assert_uint_gt(verdict.lost, 0);
}
END_TEST

START_TEST(without_sync_of_the_directory_it_is_lost_but_never_torn)
{
	const struct protocol wrong = {.sync_file = true};
	struct verdict verdict;

	add_old_file();
	verdict = judge_protocol(&wrong, NULL);
	ck_assert_uint_gt(verdict.lost, 0);
	ck_assert_uint_eq(verdict.torn, 0);
	ck_assert_uint_eq(verdict.absent, 0);
}
END_TEST

START_TEST(with_a_rename_before_the_data_it_is_torn_but_not_lost)
{
	const struct protocol wrong = {
		.sync_file = true, .sync_directory = true, .rename_early = true};
	struct verdict verdict;

	add_old_file();
	verdict = judge_protocol(&wrong, NULL);
	ck_assert_uint_gt(verdict.torn, 0);
	ck_assert_uint_eq(verdict.lost, 0);
}
END_TEST

START_TEST(a_file_that_is_cut_before_its_sync_is_whole)
{
	const struct protocol filled = {
		.sync_file = true, .sync_directory = true, .is_filled = true};
	struct verdict verdict;

	add_old_file();
	verdict = judge_protocol(&filled, NULL);
	ck_assert_uint_gt(verdict.new, 0);
	ck_assert_uint_eq(verdict.torn + verdict.absent + verdict.lost, 0);
}
END_TEST

START_TEST(a_file_that_is_cut_after_its_sync_is_torn)
{
	const struct protocol wrong = {
		.sync_file = true, .sync_directory = true, .is_filled = true, .cut_late = true};
	struct verdict verdict;

	add_old_file();
	verdict = judge_protocol(&wrong, NULL);
	ck_assert_uint_gt(verdict.torn, 0);
	ck_assert_uint_gt(verdict.lost, 0);
}
END_TEST

START_TEST(skipped_syncs_are_found)
{
	/* 1: of the file, 2: of the directory. */
	const struct memory_fault skip = {
		.call = MEMORY_CALL_SYNC, .at = (uint64_t)_i, .effect = MEMORY_FAULT_SKIP};
	struct verdict verdict;

	add_old_file();
	memory_system_set_fault(memory, 0, &skip);
	verdict = judge_protocol(&right, NULL);
	ck_assert_uint_gt(verdict.torn + verdict.lost, 0);
}
END_TEST

START_TEST(garbage_can_be_left_out)
{
	const struct protocol wrong = {.sync_directory = true};
	const struct crash_options options = {.no_garbage = true};
	const struct verdict verdict = judge_protocol(&wrong, &options);

	ck_assert_uint_gt(verdict.zeros, 0);
	ck_assert_uint_eq(verdict.garbage, 0);
}
END_TEST

START_TEST(success_after_a_failed_sync_is_found)
{
	const struct memory_fault failure = {.call = MEMORY_CALL_SYNC, .at = 1, .error = EIO};
	struct verdict verdict = {0};
	uint8_t bytes[SIZE];
	int fd;

	fill(bytes, 2);
	memory_system_trace_start(memory);
	fd = system_create(sys, SYSTEM_CWD, "model", 0444, 0);
	ck_assert_int_eq(system_write_all(sys, fd, bytes, SIZE, 0), 0);
	memory_system_set_fault(memory, 0, &failure);
	ck_assert_int_eq(system_sync(sys, fd), -EIO);
	ck_assert_int_eq(system_sync(sys, fd), 0);
	system_close(sys, fd);
	fd = system_open(sys, SYSTEM_CWD, "/", SYSTEM_WANT_DIRECTORY);
	ck_assert_int_eq(system_sync(sys, fd), 0);
	memory_system_mark(memory, COMMITTED);
	ck_assert_int_eq(crash_enumerate(memory, NULL, judge, &verdict, NULL), 0);
	ck_assert_uint_gt(verdict.lost, 0);
	ck_assert_uint_gt(verdict.torn, 0);
}
END_TEST

/* --------------------------------------------------------------------------- rules of the model */

struct names {
	uint64_t states;
	uint64_t with[4]; /* bit 0: a is there, bit 1: b is there */
};

static int look_for_names(void *context, const struct crash_state *state)
{
	struct names *names = context;
	const unsigned int a = memory_system_exists(state->system, "a");
	const unsigned int b = memory_system_exists(state->system, "b");

	names->states++;
	names->with[a + 2 * b]++;
	return 0;
}

static void create_and_close(const char *name)
{
	const int fd = system_create(sys, SYSTEM_CWD, name, 0666, 0);

	ck_assert_int_ge(fd, 0);
	system_close(sys, fd);
}

static void sync_root(void)
{
	const int fd = system_open(sys, SYSTEM_CWD, "/", SYSTEM_WANT_DIRECTORY);

	ck_assert_int_eq(system_sync(sys, fd), 0);
	system_close(sys, fd);
}

START_TEST(entries_persist_in_any_order_until_a_sync)
{
	struct names names = {0};
	struct crash_counts counts;

	memory_system_trace_start(memory);
	create_and_close("a");
	create_and_close("b");
	ck_assert_int_eq(crash_enumerate(memory, NULL, look_for_names, &names, &counts), 0);
	ck_assert_uint_eq(names.states, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(names.with[i], 1);
	ck_assert_uint_eq(counts.distinct, 4);
	ck_assert_uint_eq(counts.open_max, 2);
	ck_assert_uint_eq(counts.sampled_points, 0);
}
END_TEST

START_TEST(entries_keep_their_order_across_a_sync)
{
	struct names names = {0};

	memory_system_trace_start(memory);
	create_and_close("a");
	sync_root();
	create_and_close("b");
	ck_assert_int_eq(crash_enumerate(memory, NULL, look_for_names, &names, NULL), 0);
	ck_assert_uint_eq(names.states, 3);
	ck_assert_uint_eq(names.with[2], 0);
}
END_TEST

START_TEST(sync_of_a_file_does_not_keep_its_name)
{
	struct names names = {0};
	int fd;

	memory_system_trace_start(memory);
	fd = system_create(sys, SYSTEM_CWD, "a", 0666, 0);
	ck_assert_int_eq(system_sync(sys, fd), 0);
	memory_system_mark(memory, 1);
	ck_assert_int_eq(crash_enumerate(memory, NULL, look_for_names, &names, NULL), 0);
	ck_assert_uint_eq(names.with[0], 2);
	ck_assert_uint_eq(names.with[1], 2);
}
END_TEST

START_TEST(what_was_there_before_the_trace_is_durable)
{
	struct names names = {0};

	create_and_close("a");
	memory_system_trace_start(memory);
	create_and_close("b");
	ck_assert_int_eq(crash_enumerate(memory, NULL, look_for_names, &names, NULL), 0);
	ck_assert_uint_eq(names.with[1], 1);
	ck_assert_uint_eq(names.with[3], 1);
	ck_assert_uint_eq(names.states, 2);
}
END_TEST

START_TEST(renames_are_whole_unless_they_are_split)
{
	const struct crash_options split = {.split_renames = true};
	struct names whole_names = {0};
	struct names split_names = {0};

	create_and_close("a");
	memory_system_trace_start(memory);
	system_rename(sys, SYSTEM_CWD, "a", SYSTEM_CWD, "b", SYSTEM_RENAME_NO_REPLACE);
	crash_enumerate(memory, NULL, look_for_names, &whole_names, NULL);
	ck_assert_uint_eq(whole_names.with[1], 1);
	ck_assert_uint_eq(whole_names.with[2], 1);
	ck_assert_uint_eq(whole_names.states, 2);
	crash_enumerate(memory, &split, look_for_names, &split_names, NULL);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(split_names.with[i], 1);
}
END_TEST

START_TEST(a_rename_between_directories_needs_both_syncs)
{
	struct names names = {0};
	int fd;

	ck_assert_int_eq(memory_system_add_directory(memory, "d"), 0);
	ck_assert_int_eq(memory_system_add_file(memory, "d/x", "x", 1), 0);
	memory_system_trace_start(memory);
	system_rename(sys, SYSTEM_CWD, "d/x", SYSTEM_CWD, "a", SYSTEM_RENAME_REPLACE);
	sync_root();
	memory_system_mark(memory, 1);
	fd = system_open(sys, SYSTEM_CWD, "d", SYSTEM_WANT_DIRECTORY);
	ck_assert_int_eq(system_sync(sys, fd), 0);
	memory_system_mark(memory, 2);
	system_close(sys, fd);
	ck_assert_int_eq(crash_enumerate(memory, NULL, look_for_names, &names, NULL), 0);
	ck_assert_uint_eq(names.with[0], 2); /* no mark, mark 1 */
	ck_assert_uint_eq(names.with[1], 3); /* no mark, mark 1, mark 2 */
}
END_TEST

START_TEST(hard_links_survive_as_one_inode)
{
	struct names names = {0};

	ck_assert_int_eq(memory_system_add_file(memory, "a", "x", 1), 0);
	memory_system_trace_start(memory);
	ck_assert_int_eq(system_link(sys, SYSTEM_CWD, "a", SYSTEM_CWD, "b"), 0);
	ck_assert_int_eq(system_unlink(sys, SYSTEM_CWD, "a"), 0);
	ck_assert_int_eq(crash_enumerate(memory, NULL, look_for_names, &names, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(names.with[i], 1);
}
END_TEST

/* -------------------------------------------------------------------------------------- running */

struct numbers {
	uint64_t next;
	uint64_t hash;
	uint64_t stop_at;
};

static int note_number(void *context, const struct crash_state *state)
{
	struct numbers *numbers = context;
	uint8_t bytes[SIZE] = {0};
	const int64_t size = memory_system_content(state->system, "model", bytes, SIZE);

	ck_assert_uint_eq(state->number, numbers->next++);
	numbers->hash = numbers->hash * 31 + (uint64_t)size + bytes[5000] + (uint64_t)state->marker;
	return numbers->next == numbers->stop_at ? 5 : 0;
}

START_TEST(runs_are_repeatable_and_depend_on_the_seed_only)
{
	const struct protocol wrong = {.rename_early = true};
	const struct crash_options options = {.exhaustive_open_max = 2, .samples_per_point = 12};
	const struct crash_options other = {
		.exhaustive_open_max = 2, .samples_per_point = 12, .seed = 99};
	struct numbers runs[3] = {{0}};

	memory_system_trace_start(memory);
	save(&wrong, "model", 2);
	crash_enumerate(memory, &options, note_number, &runs[0], NULL);
	crash_enumerate(memory, &options, note_number, &runs[1], NULL);
	crash_enumerate(memory, &other, note_number, &runs[2], NULL);
	ck_assert_uint_eq(runs[0].next, runs[1].next);
	ck_assert_uint_eq(runs[0].hash, runs[1].hash);
	ck_assert_uint_ne(runs[0].hash, runs[2].hash);
}
END_TEST

START_TEST(the_callback_can_stop)
{
	struct numbers numbers = {.stop_at = 3};

	memory_system_trace_start(memory);
	save(&right, "model", 2);
	ck_assert_int_eq(crash_enumerate(memory, NULL, note_number, &numbers, NULL), 5);
	ck_assert_uint_eq(numbers.next, 3);
}
END_TEST

START_TEST(budget_is_kept_and_shared_by_all_points)
{
	const struct protocol wrong = {0};
	const struct crash_options options = {.states_max = 500, .sectors = true};
	struct verdict verdict = {0};
	struct crash_counts counts;

	memory_system_trace_start(memory);
	save(&wrong, "model", 2);
	ck_assert_int_eq(crash_enumerate(memory, &options, judge, &verdict, &counts), 0);
	ck_assert_uint_le(counts.states, 500);
	ck_assert_uint_gt(counts.states, 250);
	ck_assert_uint_gt(counts.sampled_points, 0);
	ck_assert_uint_gt(verdict.lost, 0);
	ck_assert_uint_gt(verdict.torn, 0);
}
END_TEST

static int recover_and_crash_again(void *context, const struct crash_state *state)
{
	struct system *system = memory_system_get(state->system);
	struct names *names = context;
	int fd;

	memory_system_trace_start(state->system);
	fd = system_create(system, SYSTEM_CWD, "b", 0666, 0);
	ck_assert_int_ge(fd, 0);
	system_close(system, fd);
	return crash_enumerate(state->system, NULL, look_for_names, names, NULL);
}

START_TEST(a_state_can_run_and_crash_again)
{
	struct names names = {0};

	memory_system_trace_start(memory);
	create_and_close("a");
	ck_assert_int_eq(crash_enumerate(memory, NULL, recover_and_crash_again, &names, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(names.with[i], 1);
}
END_TEST

static Suite *crash_suite(void)
{
	Suite *suite = suite_create("crash");
	TCase *tcase = tcase_create("crash");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, right_replacement_is_old_or_new_and_never_lost);
	tcase_add_test(tcase, right_replacement_holds_at_sector_granularity);
	tcase_add_test(tcase, right_creation_is_absent_or_new_and_never_lost);
	tcase_add_test(tcase, without_sync_of_the_file_it_is_torn);
	tcase_add_test(tcase, without_sync_of_the_directory_it_is_lost_but_never_torn);
	tcase_add_test(tcase, with_a_rename_before_the_data_it_is_torn_but_not_lost);
	tcase_add_test(tcase, a_file_that_is_cut_before_its_sync_is_whole);
	tcase_add_test(tcase, a_file_that_is_cut_after_its_sync_is_torn);
	tcase_add_loop_test(tcase, skipped_syncs_are_found, 1, 3);
	tcase_add_test(tcase, garbage_can_be_left_out);
	tcase_add_test(tcase, success_after_a_failed_sync_is_found);
	tcase_add_test(tcase, entries_persist_in_any_order_until_a_sync);
	tcase_add_test(tcase, entries_keep_their_order_across_a_sync);
	tcase_add_test(tcase, sync_of_a_file_does_not_keep_its_name);
	tcase_add_test(tcase, what_was_there_before_the_trace_is_durable);
	tcase_add_test(tcase, renames_are_whole_unless_they_are_split);
	tcase_add_test(tcase, a_rename_between_directories_needs_both_syncs);
	tcase_add_test(tcase, hard_links_survive_as_one_inode);
	tcase_add_test(tcase, runs_are_repeatable_and_depend_on_the_seed_only);
	tcase_add_test(tcase, the_callback_can_stop);
	tcase_add_test(tcase, budget_is_kept_and_shared_by_all_points);
	tcase_add_test(tcase, a_state_can_run_and_crash_again);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(crash_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
