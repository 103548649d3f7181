/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutexes and condition variables over POSIX threads.
 *
 * With default attributes, used by their owner and never destroyed while held, none of these calls
 * can fail: a failure is a bug of ours, so it is asserted and not reported. Nothing here allocates.
 */
#include "engine/system/sync.h"

#include <assert.h>

/* In builds without assertions the result is deliberately dropped. */
static void expect_success(int result)
{
	assert(result == 0);
	(void)result;
}

void mutex_init(struct mutex *mutex)
{
	expect_success(pthread_mutex_init(&mutex->native, NULL));
}

void mutex_fini(struct mutex *mutex)
{
	expect_success(pthread_mutex_destroy(&mutex->native));
}

void mutex_lock(struct mutex *mutex)
{
	expect_success(pthread_mutex_lock(&mutex->native));
}

void mutex_unlock(struct mutex *mutex)
{
	expect_success(pthread_mutex_unlock(&mutex->native));
}

void condition_init(struct condition *condition)
{
	expect_success(pthread_cond_init(&condition->native, NULL));
}

void condition_fini(struct condition *condition)
{
	expect_success(pthread_cond_destroy(&condition->native));
}

void condition_wait(struct condition *condition, struct mutex *mutex)
{
	expect_success(pthread_cond_wait(&condition->native, &mutex->native));
}

void condition_broadcast(struct condition *condition)
{
	expect_success(pthread_cond_broadcast(&condition->native));
}
