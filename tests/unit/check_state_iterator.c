/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for checkpoints in the in-memory system, where waiting lets time pass and lets the test
 * write the next checkpoint.
 */
#include "engine/train/state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "engine/system/memory_system.h"
#include "tests/support/suite.h"

#define SECOND UINT64_C(1000000000)

static struct memory_system *memory;
static struct system *sys;
static const struct system_operations *real;
static struct system_operations hooked;
static struct cairn_state_iterator *iterator;
static char path[CAIRN_PATH_SIZE];

/* What happens at the so-many-th wait. */
static unsigned waits;
static unsigned publish_at;
static unsigned watch_waits;

static void publish_checkpoint(const char *name)
{
	char file[64];

	memory_system_add_directory(memory, "/d");
	snprintf(file, sizeof(file), "/d/%s.index", name);
	memory_system_add_file(memory, file, "x", 1);
	snprintf(file, sizeof(file), "/d/%s", name);
	ASSERT_OK(state_update(sys, "/d", file, NULL, &test_error));
}

static void count_wait(void)
{
	if (++waits == publish_at)
		publish_checkpoint("late");
}

static void sleep_and_act(struct system *system, uint64_t nanoseconds)
{
	real->sleep(system, nanoseconds);
	count_wait();
}

static int wait_and_act(struct system *system, int watch, uint64_t nanoseconds)
{
	const int result = real->watch_wait(system, watch, nanoseconds);

	if (result < 0)
		return result;
	watch_waits++;
	count_wait();
	return result;
}

static void setup(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	real = sys->operations;
	hooked = *real;
	hooked.sleep = sleep_and_act;
	hooked.watch_wait = wait_and_act;
	sys->operations = &hooked;
	memory_system_add_directory(memory, "/d");
	iterator = NULL;
	waits = publish_at = watch_waits = 0;
}

static void teardown(void)
{
	cairn_state_iterator_destroy(iterator);
	ck_assert(memory_system_is_clean(memory));
	memory_system_destroy(memory);
}

static void create(const struct cairn_state_iterator_options *options)
{
	ASSERT_OK(state_iterator_create(sys, "/d", options, &iterator, &test_error));
}

static void assert_next(const char *expected)
{
	ASSERT_OK(cairn_state_iterator_next(iterator, path, &test_error));
	ck_assert_str_eq(path, expected);
}

static void without_watch(void)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_WATCH, .at = 1, .forever = true, .error = ENOSYS};

	memory_system_set_fault(memory, 0, &fault);
}

static uint64_t now(void)
{
	return system_monotonic(sys) / SECOND;
}

START_TEST(a_timeout_of_zero_only_looks)
{
	const struct cairn_state_iterator_options options = {.has_timeout = 1};

	create(&options);
	ASSERT_FAILS(cairn_state_iterator_next(iterator, path, &test_error), CAIRN_NOT_FOUND,
		     "'/d/checkpoint'");
	publish_checkpoint("m-1");
	assert_next("/d/m-1");
	ASSERT_FAILS(cairn_state_iterator_next(iterator, path, &test_error), CAIRN_NOT_FOUND,
		     "still '/d/m-1'");
	publish_checkpoint("m-2");
	assert_next("/d/m-2");
	publish_checkpoint("m-1"); /* another one again */
	assert_next("/d/m-1");
	ck_assert_uint_eq(waits, 0);
}
END_TEST

/* _i: whether a watch works. */
START_TEST(waits_until_a_checkpoint_appears)
{
	if (_i == 0)
		without_watch();
	create(NULL);
	publish_at = 5;
	assert_next("/d/late");
	ck_assert_uint_eq(waits, 5);
	ck_assert_uint_eq(watch_waits, _i == 0 ? 0 : 5);
}
END_TEST

START_TEST(waits_for_a_folder_that_is_not_there_yet)
{
	ASSERT_OK(state_iterator_create(sys, "/e/f", NULL, &iterator, &test_error));
	cairn_state_iterator_destroy(iterator);
	ck_assert_int_eq(system_remove_directory(sys, SYSTEM_CWD, "/d"), 0);
	create(NULL);
	publish_at = 3;
	assert_next("/d/late");
	ck_assert_uint_eq(watch_waits, 0);
	publish_at = 5;
	ck_assert_int_eq(system_unlink(sys, SYSTEM_CWD, "/d/late.index"), 0);
	publish_checkpoint("m-1");
	assert_next("/d/m-1");
}
END_TEST

START_TEST(a_watch_that_breaks_is_replaced)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_WATCH_WAIT, .at = 2, .error = ENOENT};

	memory_system_set_fault(memory, 0, &fault);
	create(NULL);
	publish_at = 5;
	assert_next("/d/late");
	ck_assert_uint_eq(watch_waits, 4);
	ck_assert_uint_eq(memory_system_calls(memory, MEMORY_CALL_WATCH), 2);
}
END_TEST

START_TEST(times_out)
{
	const struct cairn_state_iterator_options options = {.has_timeout = 1,
							     .timeout_seconds = 2.5};
	const uint64_t before = system_monotonic(sys);

	create(&options);
	ASSERT_FAILS(cairn_state_iterator_next(iterator, path, &test_error), CAIRN_NOT_FOUND,
		     "'/d/checkpoint'");
	ck_assert_uint_ge(system_monotonic(sys) - before, 5 * SECOND / 2);
	ck_assert_uint_lt(system_monotonic(sys) - before, 3 * SECOND);
	ck_assert_uint_eq(waits, 3);
}
END_TEST

static int answers[] = {0, 0, 1};
static unsigned asked;

static int answer(void *context)
{
	ck_assert_ptr_eq(context, answers);
	return answers[asked++];
}

START_TEST(a_timeout_asks_whether_to_go_on)
{
	const struct cairn_state_iterator_options options = {.has_timeout = 1,
							     .timeout_seconds = 1,
							     .on_timeout = answer,
							     .timeout_context = answers};

	asked = 0;
	create(&options);
	ASSERT_STATUS(cairn_state_iterator_next(iterator, path, &test_error), CAIRN_NOT_FOUND);
	ck_assert_uint_eq(asked, 3);
	ck_assert_uint_eq(waits, 3);
}
END_TEST

START_TEST(keeps_the_interval)
{
	const struct cairn_state_iterator_options options = {.min_interval_seconds = 10};
	uint64_t first;

	create(&options);
	publish_checkpoint("m-1");
	assert_next("/d/m-1");
	first = now();
	publish_checkpoint("m-2");
	assert_next("/d/m-2");
	ck_assert_uint_eq(now() - first, 10);
	memory_system_advance_clock(memory, 20 * SECOND);
	publish_checkpoint("m-3");
	assert_next("/d/m-3");
	ck_assert_uint_eq(now() - first, 30);
}
END_TEST

START_TEST(a_state_file_that_cannot_be_read_is_looked_at_again)
{
	memory_system_add_file(memory, "/d/checkpoint", "garbage", 7);
	create(NULL);
	publish_at = 2;
	assert_next("/d/late");
}
END_TEST

START_TEST(memory_that_runs_out_is_told)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_ALLOCATE, .at = 1, .forever = true, .error = ENOMEM};

	create(NULL);
	publish_checkpoint("m-1");
	memory_system_set_fault(memory, 0, &fault);
	ASSERT_STATUS(cairn_state_iterator_next(iterator, path, &test_error), CAIRN_NO_MEMORY);
	cairn_state_iterator_destroy(iterator);
	iterator = NULL;
	ASSERT_STATUS(state_iterator_create(sys, "/d", NULL, &iterator, &test_error),
		      CAIRN_NO_MEMORY);
}
END_TEST

START_TEST(refuses_options_that_are_wrong)
{
	struct cairn_state_iterator_options options = {.timeout_seconds = -1};

	ASSERT_FAILS(state_iterator_create(sys, "/d", &options, &iterator, &test_error),
		     CAIRN_INVALID_ARGUMENT, "seconds below 0");
	options = (struct cairn_state_iterator_options){.min_interval_seconds = (double)NAN};
	ASSERT_FAILS(state_iterator_create(sys, "/d", &options, &iterator, &test_error),
		     CAIRN_INVALID_ARGUMENT, "seconds below 0");
	options = (struct cairn_state_iterator_options){.latest_filename = "a/b"};
	ASSERT_FAILS(state_iterator_create(sys, "/d", &options, &iterator, &test_error),
		     CAIRN_INVALID_ARGUMENT, "no name for a state file");
	ASSERT_FAILS(state_iterator_create(sys, NULL, NULL, &iterator, &test_error),
		     CAIRN_INVALID_ARGUMENT, "no folder");
	cairn_state_iterator_destroy(NULL);
}
END_TEST

static Suite *state_iterator_suite(void)
{
	Suite *suite = suite_create("state_iterator");
	TCase *tests = tcase_create("state_iterator");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_timeout_of_zero_only_looks);
	tcase_add_loop_test(tests, waits_until_a_checkpoint_appears, 0, 2);
	tcase_add_test(tests, waits_for_a_folder_that_is_not_there_yet);
	tcase_add_test(tests, a_watch_that_breaks_is_replaced);
	tcase_add_test(tests, times_out);
	tcase_add_test(tests, a_timeout_asks_whether_to_go_on);
	tcase_add_test(tests, keeps_the_interval);
	tcase_add_test(tests, a_state_file_that_cannot_be_read_is_looked_at_again);
	tcase_add_test(tests, memory_that_runs_out_is_told);
	tcase_add_test(tests, refuses_options_that_are_wrong);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(state_iterator_suite());
}
