/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every task runs, each once, with as many threads as there are or none but the caller.
 */
#include "engine/system/parallel.h"

#include <errno.h>
#include <stdatomic.h>

#include "tests/support/build.h"
#include "tests/support/suite.h"

enum {
	TASKS_MAX = 1000
};

struct counts {
	atomic_uint of[TASKS_MAX];
};

static void count_task(void *context, uint32_t number)
{
	struct counts *const counts = context;

	ck_assert_uint_lt(number, TASKS_MAX);
	atomic_fetch_add(&counts->of[number], 1);
}

static void run(struct system *system, uint32_t threads, uint32_t count)
{
	static struct counts counts;

	memset(&counts, 0, sizeof(counts));
	parallel_run(system, threads, count, count_task, &counts);
	for (uint32_t i = 0; i < TASKS_MAX; i++)
		ck_assert_uint_eq(atomic_load(&counts.of[i]), i < count ? 1 : 0);
}

START_TEST(every_task_runs_once)
{
	static const uint32_t threads[] = {0, 1, 2, 7, 100};
	static const uint32_t tasks[] = {0, 1, 2, 5, TASKS_MAX};

	for (uint32_t i = 0; i < COUNT_OF(threads); i++) {
		for (uint32_t k = 0; k < COUNT_OF(tasks); k++)
			run(system_posix(), threads[i], tasks[k]);
	}
}
END_TEST

START_TEST(threads_that_do_not_start_are_done_without)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_THREAD_START, .at = 2, .error = EAGAIN, .forever = true};
	struct scene scene;

	scene_open(&scene);
	memory_system_set_fault(scene.memory, 0, &fault);
	run(scene.system, 4, 100);
	scene_close(&scene);
}
END_TEST

static Suite *parallel_suite(void)
{
	Suite *const suite = suite_create("parallel");
	TCase *const tcase = tcase_create("parallel");

	tcase_add_test(tcase, every_task_runs_once);
	tcase_add_test(tcase, threads_that_do_not_start_are_done_without);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(parallel_suite());
}
