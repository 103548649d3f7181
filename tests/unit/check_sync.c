/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutexes keep threads apart, condition variables bring them together.
 */
#include "engine/system/sync.h"

#include <stdbool.h>
#include <stdlib.h>

#include <check.h>

#include "engine/system/system.h"

#define THREADS 4
#define ROUNDS  20000

struct shared {
	struct mutex mutex;
	struct condition condition;
	int arrived;
	long sum;
};

static void shared_init(struct shared *shared)
{
	*shared = (struct shared){0};
	mutex_init(&shared->mutex);
	condition_init(&shared->condition);
}

static void shared_fini(struct shared *shared)
{
	condition_fini(&shared->condition);
	mutex_fini(&shared->mutex);
}

static void run_threads(system_thread_function function, struct shared *shared)
{
	struct system_thread threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(system_thread_start(system_posix(), function, shared, &threads[i]),
				 0);
	for (int i = 0; i < THREADS; i++)
		system_thread_join(system_posix(), threads[i]);
}

static void add_up(void *context)
{
	struct shared *shared = context;

	for (int i = 0; i < ROUNDS; i++) {
		mutex_lock(&shared->mutex);
		shared->sum++;
		mutex_unlock(&shared->mutex);
	}
}

START_TEST(mutex_lets_one_thread_in)
{
	struct shared shared;

	shared_init(&shared);
	run_threads(add_up, &shared);
	ck_assert_int_eq(shared.sum, (long)THREADS * ROUNDS);
	shared_fini(&shared);
}
END_TEST

/* Nobody leaves before all have come. */
static void meet(void *context)
{
	struct shared *shared = context;

	mutex_lock(&shared->mutex);
	shared->arrived++;
	if (shared->arrived == THREADS)
		condition_broadcast(&shared->condition);
	while (shared->arrived != THREADS)
		condition_wait(&shared->condition, &shared->mutex);
	shared->sum += shared->arrived;
	mutex_unlock(&shared->mutex);
}

START_TEST(broadcast_wakes_all_who_wait)
{
	struct shared shared;

	shared_init(&shared);
	run_threads(meet, &shared);
	ck_assert_int_eq(shared.sum, THREADS * THREADS);
	shared_fini(&shared);
}
END_TEST

static Suite *sync_suite(void)
{
	Suite *suite = suite_create("sync");
	TCase *tcase = tcase_create("sync");

	tcase_add_test(tcase, mutex_lets_one_thread_in);
	tcase_add_test(tcase, broadcast_wakes_all_who_wait);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(sync_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
