/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "lz4": a cached tensor of 256 MB that is compressed.
 *
 * Each chunk is read into memory that is there already: its stored bytes compared with their
 * digest, decoded, and compared with its own. That is measured beside liblz4 alone on the same
 * chunks, which looks at no digest; after a shuffle liblz4 is not given the bytes to sort, either.
 */
#include <stdlib.h>
#include <string.h>

#include <lz4.h>

#include "bench/bench.h"
#include "bench/limits.h"

#define LZ4_SIZE   ((uint64_t)256 << 20)
#define LZ4_CHUNKS (LZ4_SIZE / LIMIT_CHUNK_SIZE)

struct lz4_work {
	struct path path;
	uint8_t *data;
	uint8_t *target;
	uint8_t *blocks; /* of all chunks, one after the other */
	int block_sizes[LZ4_CHUNKS];
	struct cairn_reader *reader;
};

/* Numbers of 16 bits, as an embedding table that is quantised has them: few values, in no order. */
static void fill_few_values(uint8_t *data)
{
	uint32_t state = 1;

	for (uint64_t at = 0; at < LZ4_SIZE; at += 2) {
		state = state * 1664525 + 1013904223;
		data[at] = (uint8_t)(state >> 24 & state >> 12 & 0x3f);
		data[at + 1] = 0;
	}
}

/* Weights: sign and exponent are alike, the rest is noise. */
static void fill_weights(uint8_t *data)
{
	uint32_t state = 1;

	for (uint64_t at = 0; at < LZ4_SIZE; at += sizeof(float)) {
		float value;

		state = state * 1664525 + 1013904223;
		value = (float)(int32_t)state / 2147483648.0F;
		memcpy(data + at, &value, sizeof(value));
	}
}

/* Rows that are mostly zero: a mask, or what an optimiser has not touched yet. */
static void fill_mostly_zero(uint8_t *data)
{
	fill_weights(data);
	for (uint64_t at = 0; at < LZ4_SIZE; at += 4096) {
		if (at / 4096 % 8 != 0)
			memset(data + at, 0, 4096);
	}
}

static void write_file(const struct lz4_work *work, enum cairn_compression compression)
{
	const uint64_t dims[1] = {LZ4_SIZE / sizeof(float)};
	const struct cairn_writer_options options = {
		.size = sizeof(options), .flags = CAIRN_WRITER_REPLACE, .compression = compression};
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_writer *writer = NULL;

	bench_must(cairn_writer_create(work->path.text, &options, &writer, &error), &error);
	bench_must(cairn_writer_add(writer, "t", CAIRN_F32, 1, dims, work->data, &error), &error);
	bench_must(cairn_writer_finish(writer, &error), &error);
	cairn_writer_destroy(writer);
	scratch_warm(work->path.text);
}

/* The bytes that liblz4 gets: those of the tensor, or what a shuffle of width 4 makes of them. */
static void make_blocks(struct lz4_work *work, bool shuffled)
{
	uint8_t *const chunk = malloc(LIMIT_CHUNK_SIZE);
	const uint64_t count = LIMIT_CHUNK_SIZE / 4;
	uint8_t *to = work->blocks;

	if (!chunk)
		bench_fail("out of memory");
	for (uint64_t i = 0; i < LZ4_CHUNKS; i++) {
		const uint8_t *const from = work->data + i * LIMIT_CHUNK_SIZE;

		memcpy(chunk, from, LIMIT_CHUNK_SIZE);
		for (uint64_t k = 0; shuffled && k < LIMIT_CHUNK_SIZE; k++)
			chunk[k % 4 * count + k / 4] = from[k];
		work->block_sizes[i] = LZ4_compress_default((const char *)chunk, (char *)to,
							    (int)LIMIT_CHUNK_SIZE,
							    LZ4_compressBound(LIMIT_CHUNK_SIZE));
		to += work->block_sizes[i];
	}
	free(chunk);
}

static double run_liblz4(void *context)
{
	const struct lz4_work *const work = context;
	const uint8_t *from = work->blocks;
	const uint64_t start = timer_now();

	for (uint64_t i = 0; i < LZ4_CHUNKS; i++) {
		if (LZ4_decompress_safe(
			    (const char *)from, (char *)work->target + i * LIMIT_CHUNK_SIZE,
			    work->block_sizes[i], (int)LIMIT_CHUNK_SIZE) != (int)LIMIT_CHUNK_SIZE)
			bench_fail("liblz4 does not decode what it encoded");
		from += work->block_sizes[i];
	}
	return (double)(timer_now() - start);
}

static double run_read(void *context)
{
	const struct lz4_work *const work = context;
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	uint64_t start;

	bench_must(cairn_reader_find(work->reader, "t", &tensor, &error), &error);
	start = timer_now();
	bench_must(cairn_tensor_read(&tensor, 0, work->target, LZ4_SIZE, &error), &error);
	return (double)(timer_now() - start);
}

static void measure(struct bench *bench, struct lz4_work *work, bool shuffled, const char *name,
		    double share_min)
{
	const struct effort effort = bench_effort(bench, 2);
	struct pairs pairs = {.figure = {0}};
	uint64_t stored = 0;

	write_file(work, shuffled ? CAIRN_COMPRESSION_LZ4_SHUFFLE : CAIRN_COMPRESSION_LZ4);
	make_blocks(work, shuffled);
	for (uint64_t i = 0; i < LZ4_CHUNKS; i++)
		stored += (uint64_t)work->block_sizes[i];
	work->reader = bench_open(work->path.text);
	timer_pairs(run_read, run_liblz4, work, &effort, &pairs);
	bench_report_pairs(bench, name, LZ4_SIZE, "liblz4 alone, the same chunks", &pairs,
			   share_min);
	bench_note(bench, "compressed to %.3f", (double)stored / (double)LZ4_SIZE);
	pairs_free(&pairs);
	cairn_reader_close(work->reader);
	scratch_remove(work->path.text);
}

void case_lz4(struct bench *bench)
{
	static struct lz4_work work;

	work.path = scratch_path(bench, "lz4.cairn");
	work.data = limit_map(LZ4_SIZE);
	work.target = limit_map(LZ4_SIZE);
	work.blocks = limit_map(LZ4_CHUNKS * (uint64_t)LZ4_compressBound(LIMIT_CHUNK_SIZE));
	fill_few_values(work.data);
	measure(bench, &work, false, "few values, verified", 0.8);
	fill_mostly_zero(work.data);
	measure(bench, &work, false, "mostly zero, verified", 0.8);
	fill_weights(work.data);
	measure(bench, &work, true, "weights, shuffled, verified", 0);
	limit_unmap(work.blocks, LZ4_CHUNKS * (uint64_t)LZ4_compressBound(LIMIT_CHUNK_SIZE));
	limit_unmap(work.target, LZ4_SIZE);
	limit_unmap(work.data, LZ4_SIZE);
}
