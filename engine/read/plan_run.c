/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrying a plan out: threads take one piece of work after the other.
 *
 * A piece of work is a step; a plan that verifies first has each step twice, first to look, then to
 * deliver, and nobody delivers before all have looked. Every piece is counted when it is finished,
 * also after a cancel, when nothing is done any more: who waits for the last one cannot be missed.
 */
#include <inttypes.h>
#include <string.h>

#include "engine/read/plan.h"
#include "format/error.h"

static bool verifies_first(const struct cairn_plan *plan)
{
	return (plan->options.flags & CAIRN_PLAN_VERIFY_FIRST) != 0;
}

/* -------------------------------------------------------------------------------------- prepare */

static enum cairn_status prepare(struct cairn_plan *plan, struct cairn_error *error)
{
	const uint64_t rounds = verifies_first(plan) ? 2 : 1;
	const enum cairn_status status = plan_lay_out(plan, error);

	if (status != CAIRN_OK)
		return status;
	plan_choose_transports(plan);
	if ((plan->options.flags & CAIRN_PLAN_PREDICT) != 0)
		plan_predict(plan);
	plan->work_count = plan->step_count * rounds;
	plan->total_bytes = plan->facts.file_bytes * rounds;
	return CAIRN_OK;
}

/* Nothing of a plan that could not be laid out is carried out: its entries end with the reason. */
static void give_up(struct cairn_plan *plan)
{
	for (uint64_t i = 0; i < plan->entry_count; i++) {
		if (plan_is_pending(plan, i))
			plan_fail(plan, i, CAIRN_PLAN_FAILED, &plan->prepare_error);
	}
}

enum cairn_status cairn_plan_prepare(struct cairn_plan *plan, struct cairn_error *error)
{
	/* `mutex` is taken when an entry fails; only one thread lays out, all others wait */
	mutex_lock(&plan->progress_mutex);
	if (!atomic_load(&plan->is_prepared)) {
		plan->prepare_error = (struct cairn_error){.code = CAIRN_OK};
		plan->prepare_status = prepare(plan, &plan->prepare_error);
		if (plan->prepare_status != CAIRN_OK)
			give_up(plan);
		atomic_store(&plan->is_prepared, true);
	}
	mutex_unlock(&plan->progress_mutex);
	if (plan->prepare_status != CAIRN_OK && error != NULL)
		*error = plan->prepare_error;
	return plan->prepare_status;
}

/* ----------------------------------------------------------------------------------------- work */

static void report_progress(struct cairn_plan *plan, const struct plan_step *step)
{
	const struct cairn_plan_options *const options = &plan->options;

	atomic_fetch_add(&plan->done_bytes, step->size);
	if (options->progress == NULL || atomic_load(&plan->is_cancelled))
		return;
	mutex_lock(&plan->progress_mutex);
	if (options->progress(options->progress_context, atomic_load(&plan->done_bytes),
			      plan->total_bytes) != 0)
		cairn_plan_cancel(plan);
	mutex_unlock(&plan->progress_mutex);
}

static void count_finished(struct cairn_plan *plan)
{
	mutex_lock(&plan->mutex);
	plan->finished++;
	if (plan->finished == plan->work_count)
		plan->ended_ns = system_monotonic(plan->system);
	if (plan->finished == plan->step_count || plan->finished == plan->work_count)
		condition_broadcast(&plan->changed);
	mutex_unlock(&plan->mutex);
}

/* Waits until so many pieces of work are finished. */
static void await_finished(struct cairn_plan *plan, uint64_t count)
{
	mutex_lock(&plan->mutex);
	while (plan->finished < count)
		condition_wait(&plan->changed, &plan->mutex);
	mutex_unlock(&plan->mutex);
}

static void work(void *context)
{
	struct cairn_plan *const plan = context;
	struct plan_worker worker = {.plan = plan};
	uint64_t number;

	while ((number = atomic_fetch_add(&plan->next, 1)) < plan->work_count) {
		const struct plan_step *const step = &plan->steps[number % plan->step_count];
		const bool is_look = verifies_first(plan) && number < plan->step_count;

		if (verifies_first(plan) && !is_look)
			await_finished(plan, plan->step_count);
		if (!atomic_load(&plan->is_cancelled))
			plan_do_step(&worker, step, is_look);
		report_progress(plan, step);
		count_finished(plan);
	}
	plan_worker_fini(&worker);
}

/* Starts `count` threads of the plan's own, once. The number that could be started. */
static int begin(struct cairn_plan *plan, uint32_t count, uint32_t *started)
{
	int result = 0;

	mutex_lock(&plan->mutex);
	if (!plan->is_begun) {
		plan->is_begun = true;
		plan->begun_ns = system_monotonic(plan->system);
		plan->ended_ns = plan->begun_ns;
	} else {
		count = 0;
	}
	mutex_unlock(&plan->mutex);
	if (count > plan->work_count)
		count = (uint32_t)plan->work_count;
	for (uint32_t i = 0; i < count && result == 0; i++) {
		result = system_thread_start(plan->system, work, plan, &plan->threads[i]);
		if (result == 0)
			plan->thread_count++;
	}
	*started = plan->thread_count;
	mutex_lock(&plan->mutex);
	plan->has_threads = plan->has_threads || count != 0;
	mutex_unlock(&plan->mutex);
	return result;
}

/* --------------------------------------------------------------------------------------- public */

enum cairn_status cairn_plan_start(struct cairn_plan *plan, struct cairn_error *error)
{
	uint32_t started;
	enum cairn_status status = cairn_plan_prepare(plan, error);
	int result;

	if (status != CAIRN_OK)
		return status;
	result = begin(plan, plan->facts.threads, &started);
	return result < 0 && started == 0 ? error_set_system(error, result, "cannot start a thread")
					  : CAIRN_OK;
}

/* The threads of a plan end by themselves; one of those who run it waits for them. */
static void join_threads(struct cairn_plan *plan)
{
	bool is_mine;

	mutex_lock(&plan->mutex);
	is_mine = plan->has_threads && !plan->is_joined;
	plan->is_joined = plan->is_joined || is_mine;
	mutex_unlock(&plan->mutex);
	for (uint32_t i = 0; is_mine && i < plan->thread_count; i++)
		system_thread_join(plan->system, plan->threads[i]);
}

/* What nobody came to, because of a cancel. */
static void conclude(struct cairn_plan *plan)
{
	struct cairn_error error;

	error_set(&error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
		  "cancelled before it was carried out");
	for (uint64_t i = 0; i < plan->entry_count; i++) {
		if (plan_is_pending(plan, i))
			plan_fail(plan, i, CAIRN_PLAN_CANCELLED, &error);
	}
}

/* The first entry of a state, or of any that is a failure. */
static bool first_failure(const struct cairn_plan *plan, bool only_cancelled,
			  struct cairn_plan_result *result)
{
	for (uint64_t i = 0; i < plan->entry_count; i++) {
		*result = (struct cairn_plan_result){.size = sizeof(*result)};
		if (cairn_plan_result(plan, i, result, NULL) == CAIRN_OK &&
		    result->status != CAIRN_OK &&
		    (!only_cancelled || result->state == CAIRN_PLAN_CANCELLED))
			return true;
	}
	return false;
}

static enum cairn_status verdict(const struct cairn_plan *plan, struct cairn_error *error)
{
	struct cairn_plan_result result;

	if (!first_failure(plan, true, &result) && !first_failure(plan, false, &result))
		return CAIRN_OK;
	if (result.error == NULL)
		return error_set(error, result.status, CAIRN_ERROR_NO_OFFSET,
				 "an entry of the plan failed");
	if (error != NULL)
		*error = *result.error;
	return result.status;
}

enum cairn_status cairn_plan_run(struct cairn_plan *plan, struct cairn_error *error)
{
	uint32_t started;
	const enum cairn_status status = cairn_plan_prepare(plan, error);

	if (status != CAIRN_OK)
		return status;
	begin(plan, plan->facts.threads - 1, &started);
	work(plan);
	await_finished(plan, plan->work_count);
	join_threads(plan);
	conclude(plan);
	return verdict(plan, error);
}

void cairn_plan_poll(const struct cairn_plan *plan, struct cairn_plan_progress *progress)
{
	const size_t size = progress->size == 0 ? sizeof(*progress) : progress->size;
	struct cairn_plan_progress facts = {.size = size};
	struct mutex *const mutex = (struct mutex *)(uintptr_t)&plan->mutex;

	facts.is_prepared = atomic_load(&plan->is_prepared);
	facts.done = atomic_load(&plan->done_bytes);
	if (facts.is_prepared) {
		facts.total = plan->total_bytes;
		mutex_lock(mutex);
		facts.is_finished = plan->finished == plan->work_count;
		mutex_unlock(mutex);
	}
	memcpy(progress, &facts, size < sizeof(facts) ? size : sizeof(facts));
}
