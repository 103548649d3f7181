/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "stats": extremes, mean and NaN of a cached tensor of 256 MB.
 *
 * The first look verifies every chunk and then sums it up from the processor's cache: it is
 * compared with XXH3 alone. A second look has nothing to verify: it is compared with memcpy.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/limits.h"

#define STATS_SIZE ((uint64_t)256 << 20)

struct stats_work {
	struct path path;
	uint8_t *data;
	uint8_t *target;
	struct cairn_reader *reader; /* in which everything is verified */
};

/* Values between -1 and 1, as weights are. */
static void fill(uint8_t *data, enum cairn_dtype dtype)
{
	const size_t size = cairn_dtype_info(dtype)->block_bytes;
	uint32_t state = 1;

	for (uint64_t at = 0; at < STATS_SIZE; at += size) {
		float value;
		uint32_t bits;

		state = state * 1664525 + 1013904223;
		value = (float)(int32_t)state / 2147483648.0F;
		memcpy(&bits, &value, sizeof(bits));
		if (dtype == CAIRN_F16) /* sign and 14 bits: no NaN */
			bits = (state & 0xbc000000) | (state & 0x03ff0000);
		memcpy(data + at, (const uint8_t *)&bits + (sizeof(bits) - size), size);
	}
}

static void write_file(const struct stats_work *work, enum cairn_dtype dtype)
{
	const uint64_t dims[1] = {STATS_SIZE / cairn_dtype_info(dtype)->block_bytes};
	const struct cairn_writer_options options = {.size = sizeof(options),
						     .flags = CAIRN_WRITER_REPLACE};
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_writer *writer = NULL;

	bench_must(cairn_writer_create(work->path.text, &options, &writer, &error), &error);
	bench_must(cairn_writer_add(writer, "t", dtype, 1, dims, work->data, &error), &error);
	bench_must(cairn_writer_finish(writer, &error), &error);
	cairn_writer_destroy(writer);
}

static double time_stats(const struct cairn_reader *reader)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor_stats stats;
	struct cairn_tensor tensor;
	uint64_t start;

	bench_must(cairn_reader_find(reader, "t", &tensor, &error), &error);
	start = timer_now();
	bench_must(cairn_tensor_stats(&tensor, NULL, &stats, &error), &error);
	limit_sink += stats.zero_count;
	return (double)(timer_now() - start);
}

static double run_first(void *context)
{
	const struct stats_work *const work = context;
	struct cairn_reader *const reader = bench_open(work->path.text);
	const double ns = time_stats(reader);

	cairn_reader_close(reader);
	return ns;
}

static double run_again(void *context)
{
	const struct stats_work *const work = context;

	return time_stats(work->reader);
}

static double run_hash(void *context)
{
	const struct stats_work *const work = context;

	return limit_time_hash(work->data, STATS_SIZE);
}

static double run_copy(void *context)
{
	const struct stats_work *const work = context;

	return limit_time_copy(work->target, work->data, STATS_SIZE);
}

static void measure(struct bench *bench, struct stats_work *work, enum cairn_dtype dtype,
		    const char *first, const char *again)
{
	const struct effort effort = bench_effort(bench, 2);
	struct pairs pairs = {.figure = {0}};

	fill(work->data, dtype);
	write_file(work, dtype);
	scratch_warm(work->path.text);
	timer_pairs(run_first, run_hash, work, &effort, &pairs);
	bench_report_pairs(bench, first, STATS_SIZE, "XXH3-128 alone, huge pages", &pairs, 0);
	pairs_free(&pairs);
	work->reader = bench_open(work->path.text);
	timer_pairs(run_again, run_copy, work, &effort, &pairs);
	bench_report_pairs(bench, again, STATS_SIZE, "memcpy, huge pages", &pairs, 0);
	pairs_free(&pairs);
	cairn_reader_close(work->reader);
	scratch_remove(work->path.text);
}

void case_stats(struct bench *bench)
{
	struct stats_work work = {
		.path = scratch_path(bench, "stats.cairn"),
		.data = limit_map(STATS_SIZE),
		.target = limit_map(STATS_SIZE),
	};

	measure(bench, &work, CAIRN_F32, "f32, verifying", "f32, verified before");
	measure(bench, &work, CAIRN_BF16, "bf16, verifying", "bf16, verified before");
	measure(bench, &work, CAIRN_F16, "f16, verifying", "f16, verified before");
	limit_unmap(work.target, STATS_SIZE);
	limit_unmap(work.data, STATS_SIZE);
}
