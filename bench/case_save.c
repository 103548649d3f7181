/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "save": a durable save of 0.5 GB beside raw O_DIRECT writes of as many bytes.
 *
 * Every round makes each kind of save once, starting with another one each time: raw writes by 1, 2
 * and 3 threads, Cairn's by its default and by 1 to 4. Raw writes have the same preallocation,
 * block size and fsync, no digests and no copy. Each file is new, and is removed before the next
 * one is written, outside the time. Two rounds that are not counted come first: the first use of
 * memory and of an area of the disk can be several times slower in a virtual machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/limits.h"

#define WARM_UPS 2

enum {
	RAW_KINDS = 3,   /* by 1, 2, 3 threads */
	CAIRN_KINDS = 5, /* by the default, 1, 2, 3, 4 */
	KINDS = RAW_KINDS + CAIRN_KINDS
};

struct save_work {
	struct model model;
	struct path raw;
	struct path saved;
	struct path folder;
	uint64_t raw_size; /* that of Cairn's file, within the model's memory */
	struct samples times[KINDS];
};

/* The journal has nothing left to do when the next save begins. */
static void settle(const struct save_work *work)
{
	const int fd = open(work->folder.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		bench_fail("%s: %s", work->folder.text, strerror(errno));
	close(fd);
}

static double time_save(const struct save_work *work, uint32_t thread_count)
{
	const uint64_t start = timer_now();

	model_save(&work->model, work->saved.text, thread_count);
	return (double)(timer_now() - start);
}

static double run_kind(const struct save_work *work, size_t kind)
{
	double ns;

	scratch_remove(work->raw.text);
	scratch_remove(work->saved.text);
	settle(work);
	if (kind < RAW_KINDS)
		ns = limit_time_write(work->raw.text, work->model.data, work->raw_size,
				      (uint32_t)kind + 1);
	else
		ns = time_save(work, (uint32_t)(kind - RAW_KINDS));
	return ns;
}

static void run_rounds(const struct bench *bench, struct save_work *work)
{
	const struct effort effort = bench_effort(bench, 45);
	uint64_t begin = timer_now();
	size_t round = 0;

	for (size_t warm_up = 0; warm_up < WARM_UPS; warm_up++) {
		for (size_t kind = 0; kind < KINDS; kind++)
			run_kind(work, kind);
	}
	for (begin = timer_now(); effort_goes_on(&effort, round, begin); round++) {
		for (size_t i = 0; i < KINDS; i++) {
			const size_t kind = (i * 3 + round) % KINDS; /* 3 and 8: each once */

			samples_add(&work->times[kind], run_kind(work, kind));
		}
	}
}

/* The raw writes with the best median. */
static size_t best_raw(const struct save_work *work)
{
	size_t best = 0;

	for (size_t kind = 1; kind < RAW_KINDS; kind++) {
		if (samples_median(&work->times[kind]) < samples_median(&work->times[best]))
			best = kind;
	}
	return best;
}

static void report_kind(struct bench *bench, const struct save_work *work, size_t kind,
			double share_min)
{
	const struct samples *const limit = &work->times[best_raw(work)];
	const struct samples *const own = &work->times[kind];
	struct samples share = {0};
	char name[64];
	char limit_name[64];
	const struct figure figure = {
		.name = name,
		.unit = UNIT_RATE,
		.bytes = work->model.size,
		.samples = own,
		.limit_name = limit_name,
		.limit = kind < RAW_KINDS ? NULL : limit,
		.share = &share,
		.share_min = share_min,
		.most = -1,
	};

	for (size_t i = 0; i < own->count; i++)
		samples_add(&share, limit->values[i] / own->values[i]);
	snprintf(limit_name, sizeof(limit_name), "raw O_DIRECT, %zu threads", best_raw(work) + 1);
	if (kind < RAW_KINDS)
		snprintf(name, sizeof(name), "raw O_DIRECT and fsync, %zu threads", kind + 1);
	else if (kind == RAW_KINDS)
		snprintf(name, sizeof(name), "save, default threads");
	else
		snprintf(name, sizeof(name), "save, %zu threads", kind - RAW_KINDS);
	bench_report(bench, &figure);
	samples_free(&share);
}

void case_save(struct bench *bench)
{
	struct save_work *const work = calloc(1, sizeof(*work));

	if (!work)
		bench_fail("out of memory");
	model_make(&work->model);
	work->raw = scratch_path(bench, "raw");
	work->saved = scratch_path(bench, "saved.cairn");
	work->folder = scratch_path(bench, ".");
	work->raw_size = work->model.size;
	run_rounds(bench, work);
	for (size_t kind = 0; kind < KINDS; kind++)
		report_kind(bench, work, kind, kind == RAW_KINDS ? 0.9 : 0);
	bench_note(bench, "The raw writes of %zu threads, best median of 1 to %d, spread %.0f %%.",
		   best_raw(work) + 1, RAW_KINDS,
		   samples_spread(&work->times[best_raw(work)]) * 100);
	scratch_remove(work->raw.text);
	scratch_remove(work->saved.text);
	for (size_t kind = 0; kind < KINDS; kind++)
		samples_free(&work->times[kind]);
	model_free(&work->model);
	free(work);
}
