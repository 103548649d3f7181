/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See parallel.h. Each thread takes the next task until there is none left.
 */
#include "engine/system/parallel.h"

#include <stdatomic.h>

struct crew {
	parallel_task task;
	void *context;
	uint32_t count;
	_Atomic uint32_t next;
};

static void work(void *context)
{
	struct crew *const crew = context;
	uint32_t number;

	while ((number = atomic_fetch_add_explicit(&crew->next, 1, memory_order_relaxed)) <
	       crew->count)
		crew->task(crew->context, number);
}

void parallel_run(struct system *system, uint32_t thread_count, uint32_t count, parallel_task task,
		  void *context)
{
	struct crew crew = {.task = task, .context = context, .count = count};
	struct system_thread threads[PARALLEL_THREADS_MAX];
	uint32_t most = thread_count < count ? thread_count : count;
	uint32_t started = 0;

	if (most > PARALLEL_THREADS_MAX)
		most = PARALLEL_THREADS_MAX;
	while (started + 1 < most &&
	       system_thread_start(system, work, &crew, &threads[started]) == 0)
		started++;
	work(&crew);
	for (uint32_t i = 0; i < started; i++)
		system_thread_join(system, threads[i]);
}
