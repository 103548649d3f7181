/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutexes and condition variables: POSIX threads' own, which cannot fail the way that they are used
 * here.
 */
#ifndef CAIRN_ENGINE_SYNC_H
#define CAIRN_ENGINE_SYNC_H

#include <pthread.h>

struct mutex {
	pthread_mutex_t native;
};

struct condition {
	pthread_cond_t native;
};

void mutex_init(struct mutex *mutex);
void mutex_fini(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

void condition_init(struct condition *condition);
void condition_fini(struct condition *condition);
void condition_wait(struct condition *condition, struct mutex *mutex);
void condition_broadcast(struct condition *condition);

#endif
