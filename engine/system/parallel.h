/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number of tasks that do not depend on each other, by several threads.
 */
#ifndef CAIRN_ENGINE_PARALLEL_H
#define CAIRN_ENGINE_PARALLEL_H

#include "engine/system/system.h"

#define PARALLEL_THREADS_MAX 16u

/* Task `number` of those of `context`. Where it went wrong is its own business to note. */
typedef void (*parallel_task)(void *context, uint32_t number);

/*
 * Runs tasks 0 to count - 1, each once, in any order and by up to `thread_count` threads, the
 * caller's among them; returns when all have ended. Threads that cannot be started are a matter of
 * speed: the others do all the work.
 */
void parallel_run(struct system *system, uint32_t thread_count, uint32_t count, parallel_task task,
		  void *context);

#endif
