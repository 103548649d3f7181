/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "merge-tf": merging 64 TensorFlow checkpoints of 1,000 tensors, as the end of a save in
 * shards does.
 *
 * Their indexes are made here, of one block each: what is measured must not depend on how Cairn
 * writes them. What the merge spends in fsync is measured apart: 64 data files that never were
 * durable, an index, and the folder three times.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cairn/save.h>

#include "bench/bench.h"
#include "bench/sync_clock.h"

#define SOURCES      64u
#define TENSORS      1000u
#define TENSOR_BYTES 256u
#define INDEX_MOST   ((size_t)256 << 10) /* a block */

#define BEYOND_FSYNC_MOST 80e6 /* ns */
#define NO_TARGET         (-1.0)

struct merge_tf_work {
	struct path paths[SOURCES];
	const char *sources[SOURCES]; /* the same, borrowed from it */
	struct path merged;
	struct samples totals;
	struct samples syncs;
};

/* ------------------------------------------------------------------------------------ an index */

struct out {
	uint8_t bytes[INDEX_MOST];
	size_t size;
};

static void put(struct out *out, const void *bytes, size_t size)
{
	if (size > sizeof(out->bytes) - out->size)
		bench_fail("an index is too large");
	memcpy(out->bytes + out->size, bytes, size);
	out->size += size;
}

static void put_byte(struct out *out, unsigned int byte)
{
	put(out, &(uint8_t){(uint8_t)byte}, 1);
}

static void put_u32(struct out *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		put_byte(out, value >> 8 * i & 0xff);
}

static void put_varint(struct out *out, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		put_byte(out, (unsigned int)(value & 0x7f) | 0x80);
	put_byte(out, (unsigned int)value);
}

static uint32_t masked_crc(const uint8_t *bytes, size_t size)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	crc = ~crc;
	return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* An entry whose key is all there: each is a restart. */
static void put_entry(struct out *out, const char *key, const uint8_t *value, size_t value_size)
{
	put_varint(out, 0);
	put_varint(out, strlen(key));
	put_varint(out, value_size);
	put(out, key, strlen(key));
	put(out, value, value_size);
}

/* A vector of uint8: type 4, shape, offset, size, CRC, which nobody looks at here. */
static void put_tensor(struct out *out, const char *name, uint64_t offset)
{
	static struct out value;

	value.size = 0;
	put(&value, "\x08\x04\x12\x05\x12\x03\x08", 7);
	put_varint(&value, TENSOR_BYTES);
	if (offset != 0) {
		put_byte(&value, 0x20);
		put_varint(&value, offset);
	}
	put_byte(&value, 0x28);
	put_varint(&value, TENSOR_BYTES);
	put_byte(&value, 0x35);
	put_u32(&value, 1);
	put_entry(out, name, value.bytes, value.size);
}

/* Ends a block that begins at `start`, and writes its handle behind `handles`. */
static void end_block(struct out *out, size_t start, const size_t *restarts, size_t count,
		      struct out *handles)
{
	for (size_t i = 0; i < count; i++)
		put_u32(out, (uint32_t)(restarts[i] - start));
	put_u32(out, (uint32_t)count);
	put_varint(handles, start);
	put_varint(handles, out->size - start);
	put_byte(out, 0);
	put_u32(out, masked_crc(out->bytes + start, out->size - start));
}

static void make_index(struct out *out, unsigned int source)
{
	static struct out handles;
	static struct out first;
	size_t restarts[1 + TENSORS];
	size_t start;

	out->size = handles.size = first.size = 0;
	restarts[0] = 0;
	put_entry(out, "", (const uint8_t *)"\x08\x01\x1a\x02\x08\x01", 6);
	for (unsigned int i = 0; i < TENSORS; i++) {
		char name[64];

		snprintf(name, sizeof(name), "model.layers.%04u.experts.%02u.weight", i, source);
		restarts[i + 1] = out->size;
		put_tensor(out, name, (uint64_t)i * TENSOR_BYTES);
	}
	end_block(out, 0, restarts, TENSORS + 1, &first);
	start = out->size;
	end_block(out, start, &start, 1, &handles);
	start = out->size;
	put_entry(out, "n", first.bytes, first.size);
	end_block(out, start, &start, 1, &handles);
	while (handles.size < 40)
		put_byte(&handles, 0);
	put(out, handles.bytes, handles.size);
	put(out, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
}

/* --------------------------------------------------------------------------------- the sources */

static void write_file(const char *prefix, const char *suffix, const void *bytes, size_t size)
{
	char path[BENCH_PATH_SIZE + 32];
	int fd;

	snprintf(path, sizeof(path), "%s%s", prefix, suffix);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || fsync(fd) != 0)
		bench_fail("%s: %s", path, strerror(errno));
	close(fd);
}

static void make_sources(const struct bench *bench, struct merge_tf_work *work)
{
	static const uint8_t data[TENSORS * TENSOR_BYTES];
	static struct out index;

	for (unsigned int i = 0; i < SOURCES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "merge-tf-%02u", i);
		work->paths[i] = scratch_path(bench, name);
		work->sources[i] = work->paths[i].text;
		make_index(&index, i);
		write_file(work->sources[i], ".index", index.bytes, index.size);
		write_file(work->sources[i], ".data-00000-of-00001", data, sizeof(data));
	}
}

static void remove_prefix(const char *prefix, unsigned int shards)
{
	char path[BENCH_PATH_SIZE + 32];

	snprintf(path, sizeof(path), "%s.index", prefix);
	scratch_remove(path);
	for (unsigned int i = 0; i < shards; i++) {
		snprintf(path, sizeof(path), "%s.data-%05u-of-%05u", prefix, i, shards);
		scratch_remove(path);
	}
}

/* ----------------------------------------------------------------------------------- the merge */

/* Nanoseconds beyond those of fsync. */
static double run_merge(void *context)
{
	const struct cairn_merge_options options = {.target = CAIRN_TARGET_TENSORFLOW};
	struct merge_tf_work *const work = context;
	struct cairn_error error = {.code = CAIRN_OK};
	uint64_t syncs;
	uint64_t start;
	double total;

	remove_prefix(work->merged.text, SOURCES);
	syncs = sync_clock_ns();
	start = timer_now();
	bench_must(cairn_merge(work->sources, SOURCES, work->merged.text, &options, NULL, &error),
		   &error);
	total = (double)(timer_now() - start);
	syncs = sync_clock_ns() - syncs;
	samples_add(&work->totals, total);
	samples_add(&work->syncs, (double)syncs);
	return total - (double)syncs;
}

void case_merge_tf(struct bench *bench)
{
	const struct effort effort = bench_effort(bench, 20);
	struct merge_tf_work *const work = calloc(1, sizeof(*work));
	struct samples beyond = {0};

	if (!work)
		bench_fail("out of memory");
	work->merged = scratch_path(bench, "merged-tf");
	make_sources(bench, work);
	timer_single(run_merge, work, &effort, &beyond);
	bench_report_single(bench, "64 x 1,000 tensors, beyond fsync", UNIT_TIME, &beyond,
			    BEYOND_FSYNC_MOST);
	bench_report_single(bench, "the same, with fsync", UNIT_TIME, &work->totals, NO_TARGET);
	bench_report_single(bench, "of it fsync", UNIT_TIME, &work->syncs, NO_TARGET);
	remove_prefix(work->merged.text, SOURCES);
	for (unsigned int i = 0; i < SOURCES; i++)
		remove_prefix(work->sources[i], 1);
	samples_free(&beyond);
	samples_free(&work->totals);
	samples_free(&work->syncs);
	free(work);
}
