/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's limits, and case "limits", which prints them.
 *
 * A limit uses the fastest plain way there is, on the same bytes and with the same block sizes as
 * the figure that is compared with it. Whatever fails here ends the program: without a limit there
 * is no ratio.
 */
#include "bench/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#if defined(__x86_64__)
# include <xxh_x86dispatch.h>
#endif

#include "bench/bench.h"

#ifndef MADV_POPULATE_READ
# define MADV_POPULATE_READ 22
#endif

#define HUGE_PAGE_SIZE   ((uint64_t)2 << 20)
#define POPULATE_STEP    ((uint64_t)8 << 20)
#define INDEX_PIECE_SIZE ((uint64_t)64 << 10)

volatile uint64_t limit_sink;

/* --------------------------------------------------------------------------------------- memory */

/* Whole huge pages, aligned by hand: the system does not promise it. */
void *limit_map(uint64_t size)
{
	const uint64_t rounded = (size + HUGE_PAGE_SIZE - 1) / HUGE_PAGE_SIZE * HUGE_PAGE_SIZE;
	uint8_t *const area = mmap(NULL, rounded + HUGE_PAGE_SIZE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t lead;

	if (area == MAP_FAILED)
		bench_fail("no %llu bytes of memory", (unsigned long long)size);
	lead = HUGE_PAGE_SIZE - (uintptr_t)area % HUGE_PAGE_SIZE;
	munmap(area, lead);
	if (lead != HUGE_PAGE_SIZE)
		munmap(area + lead + rounded, HUGE_PAGE_SIZE - lead);
	madvise(area + lead, rounded, MADV_HUGEPAGE);
	memset(area + lead, 1, rounded);
	return area + lead;
}

void limit_unmap(void *memory, uint64_t size)
{
	munmap(memory, (size + HUGE_PAGE_SIZE - 1) / HUGE_PAGE_SIZE * HUGE_PAGE_SIZE);
}

static uint64_t load_word(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

uint64_t limit_sum(const void *data, uint64_t size)
{
	const uint8_t *const bytes = data;
	uint64_t sums[8] = {0};
	uint64_t at = 0;

	for (; size - at >= 64; at += 64) {
		for (unsigned int lane = 0; lane < 8; lane++)
			sums[lane] += load_word(bytes + at + (size_t)lane * 8);
	}
	for (; at < size; at++)
		sums[0] += bytes[at];
	for (unsigned int lane = 1; lane < 8; lane++)
		sums[0] += sums[lane];
	return sums[0];
}

uint64_t limit_touch(const void *data, uint64_t size)
{
	const uint8_t *const bytes = data;
	uint64_t sum = 0;

	for (uint64_t at = 0; at < size; at += 64)
		sum += bytes[at];
	return sum;
}

static double since(uint64_t start)
{
	return (double)(timer_now() - start);
}

double limit_time_sum(const void *data, uint64_t size)
{
	const uint64_t start = timer_now();

	limit_sink += limit_sum(data, size);
	return since(start);
}

double limit_time_touch(const void *data, uint64_t size)
{
	const uint64_t start = timer_now();

	limit_sink += limit_touch(data, size);
	return since(start);
}

double limit_time_copy(void *to, const void *from, uint64_t size)
{
	const uint64_t start = timer_now();

	memcpy(to, from, size);
	limit_sink += ((const uint8_t *)to)[size - 1];
	return since(start);
}

/* -------------------------------------------------------------------------------------- digests */

static void hash_chunks(const uint8_t *bytes, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += LIMIT_CHUNK_SIZE) {
		const uint64_t chunk = size - at < LIMIT_CHUNK_SIZE ? size - at : LIMIT_CHUNK_SIZE;

		limit_sink += XXH3_128bits(bytes + at, chunk).low64;
	}
}

double limit_time_hash(const void *data, uint64_t size)
{
	const uint64_t start = timer_now();

	hash_chunks(data, size);
	return since(start);
}

double limit_time_hash_mapped(const char *path, uint64_t size, double *populate_ns)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *const bytes = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	const uint64_t start = timer_now();
	double total;

	if (bytes == MAP_FAILED)
		bench_fail("%s: %s", path, strerror(errno));
	*populate_ns = 0;
	for (uint64_t at = 0; at < size; at += POPULATE_STEP) {
		const uint64_t step = size - at < POPULATE_STEP ? size - at : POPULATE_STEP;
		const uint64_t before = timer_now();

		if (madvise(bytes + at, step, MADV_POPULATE_READ) != 0)
			bench_fail("%s: cannot populate: %s", path, strerror(errno));
		*populate_ns += since(before);
		hash_chunks(bytes + at, step);
	}
	total = since(start);
	munmap(bytes, size);
	close(fd);
	return total;
}

/* ---------------------------------------------------------------------------------------- files */

/* Blocks of a file that are written by threads, each taking the next. */
struct raw_file {
	const char *path;
	int fd;
	const uint8_t *data;
	uint64_t size;
	atomic_uint_fast64_t next;
	atomic_int reason; /* errno of the first failure */
};

static void *write_blocks(void *context)
{
	struct raw_file *const file = context;

	for (;;) {
		const uint64_t at = atomic_fetch_add(&file->next, LIMIT_BLOCK_SIZE);
		const uint64_t left = at < file->size ? file->size - at : 0;
		const uint64_t size = left < LIMIT_BLOCK_SIZE ? left : LIMIT_BLOCK_SIZE;

		if (size == 0)
			return NULL;
		if (pwrite(file->fd, file->data + at, size, (off_t)at) != (ssize_t)size) {
			atomic_store(&file->reason, errno ? errno : EIO);
			return NULL;
		}
	}
}

static void write_by_threads(struct raw_file *file, uint32_t thread_count)
{
	pthread_t threads[LIMIT_THREADS_MAX];

	for (uint32_t i = 1; i < thread_count; i++) {
		if (pthread_create(&threads[i], NULL, write_blocks, file) != 0)
			bench_fail("cannot start a thread");
	}
	write_blocks(file);
	for (uint32_t i = 1; i < thread_count; i++)
		pthread_join(threads[i], NULL);
}

static _Noreturn void fail_file(const char *path, const char *what, int reason)
{
	bench_fail("%s: %s: %s%s", path, what, strerror(reason),
		   reason == EINVAL ? " (no O_DIRECT there? Try --scratch DIR)" : "");
}

double limit_time_write(const char *path, const void *data, uint64_t size, uint32_t thread_count)
{
	struct raw_file file = {.path = path, .data = data, .size = size / 4096 * 4096};
	const uint64_t start = timer_now();
	double total;

	file.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_DIRECT, 0644);
	if (file.fd < 0)
		fail_file(path, "open", errno);
	if (fallocate(file.fd, 0, 0, (off_t)file.size) != 0)
		fail_file(path, "fallocate", errno);
	write_by_threads(&file, thread_count);
	if (file.reason)
		fail_file(path, "write", file.reason);
	if (fsync(file.fd) != 0)
		fail_file(path, "fsync", errno);
	total = since(start);
	close(file.fd);
	return total;
}

double limit_time_copy_hash_write(const char *path, const void *data, uint64_t size, void *block)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	const uint64_t start = timer_now();
	double total;

	if (fd < 0)
		fail_file(path, "open", errno);
	for (uint64_t at = 0; at < size; at += LIMIT_BLOCK_SIZE) {
		const uint64_t left = size - at;
		const uint64_t piece = left < LIMIT_BLOCK_SIZE ? left : LIMIT_BLOCK_SIZE;

		memcpy(block, (const uint8_t *)data + at, piece);
		for (uint64_t done = 0; done < piece; done += INDEX_PIECE_SIZE) {
			const uint64_t rest = piece - done;

			limit_sink += XXH3_128bits((const uint8_t *)block + done,
						   rest < INDEX_PIECE_SIZE ? rest
									   : INDEX_PIECE_SIZE)
					      .low64;
		}
		if (pwrite(fd, block, piece, (off_t)at) != (ssize_t)piece)
			fail_file(path, "write", errno ? errno : EIO);
	}
	total = since(start);
	close(fd);
	return total;
}

double limit_time_read(const char *path, void *buffer, int direct)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));
	const uint64_t start = timer_now();
	ssize_t got;

	if (fd < 0)
		fail_file(path, "open", errno);
	do {
		got = read(fd, buffer, LIMIT_BLOCK_SIZE);
	} while (got > 0);
	if (got < 0)
		fail_file(path, "read", errno);
	close(fd);
	return since(start);
}

/* ------------------------------------------------------------------------------ several threads */

#define DIRECT_BLOCK_SIZE ((uint64_t)4 << 20)

/* Blocks of something that are worked on by threads, each taking the next. */
struct shared_work {
	uint8_t *to; /* NULL: hash */
	const uint8_t *from;
	const char *path; /* NULL: memory */
	int fd;
	uint64_t size;
	uint64_t block;
	atomic_uint_fast64_t next;
};

static void do_block(struct shared_work *work, uint64_t at, uint64_t size, void *buffer)
{
	if (buffer) {
		if (pread(work->fd, buffer, DIRECT_BLOCK_SIZE, (off_t)at) < 0)
			fail_file(work->path, "read", errno);
	} else if (work->to) {
		memcpy(work->to + at, work->from + at, size);
	} else {
		hash_chunks(work->from + at, size);
	}
}

static void *share_work(void *context)
{
	struct shared_work *const work = context;
	void *const buffer = work->path ? limit_map(DIRECT_BLOCK_SIZE) : NULL;
	uint64_t at;

	while ((at = atomic_fetch_add(&work->next, work->block)) < work->size) {
		const uint64_t left = work->size - at;

		do_block(work, at, left < work->block ? left : work->block, buffer);
	}
	if (buffer)
		limit_unmap(buffer, DIRECT_BLOCK_SIZE);
	return NULL;
}

static double time_shared(struct shared_work *work, uint32_t thread_count)
{
	pthread_t threads[LIMIT_THREADS_MAX];
	const uint64_t start = timer_now();

	for (uint32_t i = 1; i < thread_count; i++) {
		if (pthread_create(&threads[i], NULL, share_work, work) != 0)
			bench_fail("cannot start a thread");
	}
	share_work(work);
	for (uint32_t i = 1; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	return since(start);
}

double limit_time_copy_threads(void *to, const void *from, uint64_t size, uint32_t thread_count)
{
	struct shared_work work = {
		.to = to, .from = from, .size = size, .block = 16 * LIMIT_BLOCK_SIZE};

	return time_shared(&work, thread_count);
}

double limit_time_hash_threads(const void *data, uint64_t size, uint32_t thread_count)
{
	struct shared_work work = {.from = data, .size = size, .block = 16 * LIMIT_BLOCK_SIZE};

	return time_shared(&work, thread_count);
}

double limit_time_direct_read_threads(const char *path, uint32_t thread_count)
{
	struct shared_work work = {.path = path, .block = DIRECT_BLOCK_SIZE};
	struct stat facts;
	double total;

	work.fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	if (work.fd < 0 || fstat(work.fd, &facts) != 0)
		fail_file(path, "open", errno);
	work.size = (uint64_t)facts.st_size;
	total = time_shared(&work, thread_count);
	close(work.fd);
	return total;
}

/* -------------------------------------------------------------------------------- case "limits" */

struct limits_work {
	struct path path;
	uint8_t *from;
	uint8_t *to;
	uint64_t size;
	uint32_t thread_count;
};

static double run_copy(void *context)
{
	const struct limits_work *const work = context;

	return limit_time_copy(work->to, work->from, work->size);
}

static double run_sum(void *context)
{
	const struct limits_work *const work = context;

	return limit_time_sum(work->from, work->size);
}

static double run_touch(void *context)
{
	const struct limits_work *const work = context;

	return limit_time_touch(work->from, work->size);
}

static double run_hash(void *context)
{
	const struct limits_work *const work = context;

	return limit_time_hash(work->from, work->size);
}

static double run_write(void *context)
{
	const struct limits_work *const work = context;

	scratch_remove(work->path.text);
	return limit_time_write(work->path.text, work->from, work->size, work->thread_count);
}

static double run_direct_read(void *context)
{
	const struct limits_work *const work = context;

	return limit_time_read(work->path.text, work->to, 1);
}

static double run_cached_read(void *context)
{
	const struct limits_work *const work = context;

	return limit_time_read(work->path.text, work->to, 0);
}

static void measure(struct bench *bench, struct limits_work *work, const char *name, timer_run run)
{
	const struct effort effort = bench_effort(bench, 3);
	struct samples samples = {0};
	const struct figure figure = {
		.name = name,
		.unit = UNIT_RATE,
		.bytes = work->size,
		.samples = &samples,
		.most = -1,
	};

	timer_single(run, work, &effort, &samples);
	bench_report(bench, &figure);
	samples_free(&samples);
}

static void measure_writes(struct bench *bench, struct limits_work *work)
{
	char name[64];

	for (work->thread_count = 1; work->thread_count <= 3; work->thread_count++) {
		snprintf(name, sizeof(name), "O_DIRECT write and fsync, %u threads",
			 work->thread_count);
		measure(bench, work, name, run_write);
	}
}

void case_limits(struct bench *bench)
{
	struct limits_work work = {.path = scratch_path(bench, "raw")};

	work.size = (bench->quick ? UINT64_C(128) : UINT64_C(512)) << 20;
	work.from = limit_map(work.size);
	work.to = limit_map(work.size);
	measure(bench, &work, "memcpy, huge pages", run_copy);
	measure(bench, &work, "sum of all words, huge pages", run_sum);
	measure(bench, &work, "a byte of every 64, huge pages", run_touch);
	measure(bench, &work, "XXH3-128 in chunks of 256 KiB, huge pages", run_hash);
	measure_writes(bench, &work);
	measure(bench, &work, "O_DIRECT read", run_direct_read);
	measure(bench, &work, "read of a cached file", run_cached_read);
	scratch_remove(work.path.text);
	limit_unmap(work.from, work.size);
	limit_unmap(work.to, work.size);
}
