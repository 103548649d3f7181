/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "plan": many tensors at once, by as many threads as the library chooses.
 *
 * Restores go from a cached file to memory that the program has used before; a prefetch begins with
 * nothing in the page cache. Limits are by all processors: memcpy; memcpy and then XXH3-128 of the
 * same bytes; O_DIRECT reads of the same file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/limits.h"

struct plan_work {
	struct model model;
	struct path path;
	uint8_t *target;
	uint32_t threads;
	enum cairn_verification verification;
	enum cairn_plan_destination destination;
};

static uint32_t processors(void)
{
	const long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count < 1 ? 1 : count > LIMIT_THREADS_MAX ? LIMIT_THREADS_MAX : (uint32_t)count;
}

static struct cairn_reader *open_reader(const struct plan_work *work)
{
	const struct cairn_reader_options options = {.verification = work->verification};
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_reader *reader = NULL;

	bench_must(cairn_reader_open(work->path.text, &options, &reader, &error), &error);
	return reader;
}

static void add_all(const struct plan_work *work, struct cairn_plan *plan)
{
	struct cairn_error error = {.code = CAIRN_OK};

	for (size_t i = 0; i < MODEL_TENSORS; i++) {
		const struct model_tensor *const tensor = &work->model.tensors[i];
		const struct cairn_plan_entry entry = {
			.name = cairn_string_from(tensor->name),
			.destination = work->destination,
			.buffer = work->target + tensor->offset,
			.buffer_size = tensor->size,
		};

		bench_must(cairn_plan_add(plan, &entry, 1, &error), &error);
	}
}

/* All that a program does for it counts: making the plan, and carrying it out. */
static double run_plan(const struct plan_work *work)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_reader *const reader = open_reader(work);
	struct cairn_plan *plan = NULL;
	const uint64_t start = timer_now();
	double ns;

	bench_must(cairn_plan_create(reader, NULL, &plan, &error), &error);
	add_all(work, plan);
	bench_must(cairn_plan_run(plan, &error), &error);
	ns = (double)(timer_now() - start);
	cairn_plan_destroy(plan);
	cairn_reader_close(reader);
	return ns;
}

static double run_restore(void *context)
{
	return run_plan(context);
}

static double run_prefetch(void *context)
{
	const struct plan_work *const work = context;

	scratch_drop(work->path.text);
	return run_plan(work);
}

static double run_copy(void *context)
{
	const struct plan_work *const work = context;

	return limit_time_copy_threads(work->target, work->model.data, work->model.size,
				       work->threads);
}

static double run_copy_then_hash(void *context)
{
	const struct plan_work *const work = context;

	return run_copy(context) +
	       limit_time_hash_threads(work->target, work->model.size, work->threads);
}

static double run_direct(void *context)
{
	const struct plan_work *const work = context;

	scratch_drop(work->path.text);
	return limit_time_direct_read_threads(work->path.text, work->threads);
}

static void measure(struct bench *bench, struct plan_work *work)
{
	static const struct {
		const char *name;
		const char *limit;
		enum cairn_verification verification;
		enum cairn_plan_destination destination;
		timer_run figure_run;
		timer_run limit_run;
		double share_min;
	} rows[] = {
		{"restore to buffers, cached, verified", "memcpy, then XXH3-128",
		 CAIRN_VERIFY_ON_FIRST_USE, CAIRN_PLAN_BUFFER, run_restore, run_copy_then_hash,
		 0.95},
		{"restore to buffers, cached, unverified", "memcpy", CAIRN_VERIFY_NEVER,
		 CAIRN_PLAN_BUFFER, run_restore, run_copy, 0.95},
		{"prefetch, cold, verified", "O_DIRECT reads", CAIRN_VERIFY_ON_FIRST_USE,
		 CAIRN_PLAN_PREFETCH, run_prefetch, run_direct, 0.9},
	};
	const struct effort effort = bench_effort(bench, 6);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pairs pairs = {.figure = {0}};

		work->verification = rows[i].verification;
		work->destination = rows[i].destination;
		scratch_warm(work->path.text);
		timer_pairs(rows[i].figure_run, rows[i].limit_run, work, &effort, &pairs);
		bench_report_pairs(bench, rows[i].name, work->model.size, rows[i].limit, &pairs,
				   rows[i].share_min);
		pairs_free(&pairs);
	}
}

void case_plan(struct bench *bench)
{
	struct plan_work *const work = calloc(1, sizeof(*work));

	if (!work)
		bench_fail("out of memory");
	model_make(&work->model);
	work->target = limit_map(work->model.size);
	work->path = model_file(bench, &work->model);
	work->threads = processors();
	bench_note(bench, "limits by %u threads", work->threads);
	measure(bench, work);
	scratch_remove(work->path.text);
	limit_unmap(work->target, work->model.size);
	model_free(&work->model);
	free(work);
}
