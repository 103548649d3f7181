/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "formats": writing the model durably in other formats, beside raw O_DIRECT writes of as many
 * bytes.
 *
 * The model comes from an open container in the page cache, whose digests are verified on the way.
 * As in case "save" every round does each thing once, and rounds that are not counted come first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cairn/convert.h>

#include "bench/bench.h"
#include "bench/limits.h"

#define WARM_UPS 2

struct formats_work {
	struct model model;
	struct path source;
	struct path raw;
	struct path written;
	struct path folder;
};

struct way {
	const char *name;
	double (*run)(const struct formats_work *work, const struct way *way);
	uint32_t thread_count;
	enum cairn_target target;
	double share_min; /* 0: no target; a limit has none either */
};

static double run_raw(const struct formats_work *work, const struct way *way)
{
	return limit_time_write(work->raw.text, work->model.data, work->model.size,
				way->thread_count);
}

/* The first conversion from a reader verifies, so each has one of its own. */
static double run_convert(const struct formats_work *work, const struct way *way)
{
	const struct cairn_convert_options options = {
		.size = sizeof(options), .target = way->target, .thread_count = way->thread_count};
	struct cairn_reader *const reader = bench_open(work->source.text);
	struct cairn_error error;
	const uint64_t start = timer_now();
	double ns;

	if (cairn_convert(reader, work->written.text, &options, &error) != CAIRN_OK)
		bench_fail("%s", error.message);
	ns = (double)(timer_now() - start);
	cairn_reader_close(reader);
	return ns;
}

static const struct way ways[] = {
	{"raw O_DIRECT and fsync, 1 thread", run_raw, 1, 0, 0},
	{"raw O_DIRECT and fsync, 2 threads", run_raw, 2, 0, 0},
	{"raw O_DIRECT and fsync, 3 threads", run_raw, 3, 0, 0},
	{"to safetensors", run_convert, 0, CAIRN_TARGET_SAFETENSORS, 0.9},
	{"to safetensors, 1 thread", run_convert, 1, CAIRN_TARGET_SAFETENSORS, 0},
};

enum {
	RAW_WAYS = 3,
	WAYS = sizeof(ways) / sizeof(ways[0])
};

/* The journal has nothing left to do when the next one begins. */
static void settle(const struct formats_work *work)
{
	const int fd = open(work->folder.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		bench_fail("%s: %s", work->folder.text, strerror(errno));
	close(fd);
}

static double run_way(const struct formats_work *work, size_t number)
{
	scratch_remove(work->raw.text);
	scratch_remove(work->written.text);
	settle(work);
	return ways[number].run(work, &ways[number]);
}

static void run_rounds(const struct bench *bench, const struct formats_work *work,
		       struct samples *times)
{
	const struct effort effort = bench_effort(bench, 45);
	uint64_t begin;

	for (size_t warm_up = 0; warm_up < WARM_UPS; warm_up++) {
		for (size_t i = 0; i < WAYS; i++)
			run_way(work, i);
	}
	begin = timer_now();
	for (size_t round = 0; effort_goes_on(&effort, round, begin); round++) {
		for (size_t i = 0; i < WAYS; i++) {
			const size_t number = (i + round) % WAYS;

			samples_add(&times[number], run_way(work, number));
		}
	}
}

static size_t best_raw(const struct samples *times)
{
	size_t best = 0;

	for (size_t i = 1; i < RAW_WAYS; i++) {
		if (samples_median(&times[i]) < samples_median(&times[best]))
			best = i;
	}
	return best;
}

static void report_way(struct bench *bench, const struct formats_work *work,
		       const struct samples *times, size_t number)
{
	const struct samples *const limit = &times[best_raw(times)];
	struct samples share = {0};
	const struct figure figure = {
		.name = ways[number].name,
		.unit = UNIT_RATE,
		.bytes = work->model.size,
		.samples = &times[number],
		.limit_name = ways[best_raw(times)].name,
		.limit = number < RAW_WAYS ? NULL : limit,
		.share = &share,
		.share_min = ways[number].share_min,
		.most = -1,
	};

	for (size_t i = 0; i < times[number].count; i++)
		samples_add(&share, limit->values[i] / times[number].values[i]);
	bench_report(bench, &figure);
	samples_free(&share);
}

void case_formats(struct bench *bench)
{
	struct formats_work *const work = calloc(1, sizeof(*work));
	struct samples times[WAYS] = {{0}};

	if (!work)
		bench_fail("out of memory");
	model_make(&work->model);
	work->source = model_file(bench, &work->model);
	work->raw = scratch_path(bench, "raw");
	work->written = scratch_path(bench, "written");
	work->folder = scratch_path(bench, ".");
	scratch_warm(work->source.text);
	run_rounds(bench, work, times);
	for (size_t i = 0; i < WAYS; i++)
		report_way(bench, work, times, i);
	bench_note(bench, "The limit spreads %.0f %%.",
		   samples_spread(&times[best_raw(times)]) * 100);
	scratch_remove(work->raw.text);
	scratch_remove(work->written.text);
	for (size_t i = 0; i < WAYS; i++)
		samples_free(&times[i]);
	model_free(&work->model);
	free(work);
}
