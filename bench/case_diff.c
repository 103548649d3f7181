/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "diff": two checkpoints beside each other.
 *
 * By digest: two files of 100,000 small tensors, every hundredth of which differs; opening is not
 * measured, the readers stay open and have verified their indexes. By reading: the model of 0.5 GB
 * as a container, and as safetensors, which has no digests; both sides are read, one is verified.
 * The limit is what comparing bytes costs that are in memory already.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/limits.h"

#define TENSORS       100000
#define CHANGED_EVERY 100

struct diff_work {
	struct cairn_reader *a;
	struct cairn_reader *b;
	struct cairn_diff_options options;
	uint64_t expected; /* tensors that differ */
	uint64_t size;     /* bytes of one side */
	uint8_t *memory[2];
};

static double run_diff(void *context)
{
	const struct diff_work *const work = context;
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_diff_report report = {.equal = 0};
	const uint64_t start = timer_now();
	const enum cairn_status status = cairn_diff(work->a, work->b, &work->options, &report,
						    &error);
	const double ns = (double)(timer_now() - start);

	bench_must(status, &error);
	if (report.tensors.changed != work->expected)
		bench_fail("%llu tensors differ instead of %llu",
			   (unsigned long long)report.tensors.changed,
			   (unsigned long long)work->expected);
	return ns;
}

static double run_memory(void *context)
{
	const struct diff_work *const work = context;
	const uint64_t start = timer_now();

	limit_sink += (uint64_t)(memcmp(work->memory[0], work->memory[1], work->size) != 0);
	return (double)(timer_now() - start);
}

/* ------------------------------------------------------------------------------------ by digest */

static void make_many(const char *path, uint8_t version)
{
	const struct cairn_writer_options options = {.flags = CAIRN_WRITER_REPLACE};
	const uint64_t dims[2] = {8, 8};
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_writer *writer = NULL;
	uint8_t data[8 * 8 * 4];
	char name[64];

	bench_must(cairn_writer_create(path, &options, &writer, &error), &error);
	for (uint32_t i = 0; i < TENSORS; i++) {
		snprintf(name, sizeof(name), "model.layers.%05u.block.%02u.weight",
			 (unsigned int)(i / 40), (unsigned int)(i % 40));
		memset(data, i % CHANGED_EVERY == 0 ? version : 0, sizeof(data));
		bench_must(cairn_writer_add_copy(writer, name, CAIRN_F32, 2, dims, data, &error),
			   &error);
	}
	bench_must(cairn_writer_finish(writer, &error), &error);
	cairn_writer_destroy(writer);
}

static void measure_many(struct bench *bench)
{
	const struct path a = scratch_path(bench, "diff-a.cairn");
	const struct path b = scratch_path(bench, "diff-b.cairn");
	const struct effort effort = bench_effort(bench, 2);
	struct diff_work work = {.expected = TENSORS / CHANGED_EVERY};
	struct samples samples = {0};

	bench_say("making two files of %d tensors", TENSORS);
	make_many(a.text, 1);
	make_many(b.text, 2);
	work.a = bench_open(a.text);
	work.b = bench_open(b.text);
	timer_single(run_diff, &work, &effort, &samples);
	bench_report_single(bench, "by digest, 100,000 tensors", UNIT_TIME, &samples, 50e6);
	samples_free(&samples);
	cairn_reader_close(work.a);
	cairn_reader_close(work.b);
	scratch_remove(a.text);
	scratch_remove(b.text);
}

/* ----------------------------------------------------------------------------------- by reading */

static void measure_reading(struct bench *bench)
{
	const struct path foreign = scratch_path(bench, "diff.safetensors");
	const struct cairn_convert_options replace = {.replace = 1};
	const struct effort effort = bench_effort(bench, 4);
	struct cairn_error error = {.code = CAIRN_OK};
	struct diff_work work = {.expected = 0};
	struct pairs pairs = {.figure = {0}};
	struct model model;

	model_make(&model);
	work.a = bench_open(model_file(bench, &model).text);
	bench_must(cairn_convert(work.a, foreign.text, &replace, &error), &error);
	scratch_warm(foreign.text);
	work.b = bench_open(foreign.text);
	work.size = model.size;
	work.memory[0] = model.data;
	work.memory[1] = malloc(model.size);
	if (!work.memory[1])
		bench_fail("out of memory");
	memcpy(work.memory[1], model.data, model.size);
	timer_pairs(run_diff, run_memory, &work, &effort, &pairs);
	bench_report_pairs(bench, "read and verified, 0.5 GB and safetensors", 2 * model.size,
			   "memcmp in memory", &pairs, 0);
	pairs_free(&pairs);
	free(work.memory[1]);
	cairn_reader_close(work.a);
	cairn_reader_close(work.b);
	model_free(&model);
	scratch_remove(foreign.text);
}

void case_diff(struct bench *bench)
{
	measure_many(bench);
	measure_reading(bench);
}
