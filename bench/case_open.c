/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "open": open, find and iterate, whatever the number of tensors.
 *
 * Files with 1,000, 100,000 and 1,000,000 small tensors are made once. "Warm" finds are of names
 * drawn from all of the index, whose blocks are verified; "first" finds are the only one of a new
 * reader, which verifies its way down. The limits: the bare system calls of an open, made by hand;
 * a binary search in plain memory over the same names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/limits.h"

#define PAGE_SIZE 4096
#define BATCH     1000 /* finds in one sample */
#define DRAWN     65536

struct open_work {
	struct path path;
	struct path small; /* the file that open is compared with */
	uint64_t count;
	struct cairn_reader *reader;
	struct cairn_string *drawn; /* owned; DRAWN names in random order, borrowed from `memory` */
	struct cairn_string *sorted; /* owned; all names */
	char *memory;                /* owned; all names, one after the other */
	size_t next;
	bool same_batch; /* always the same names: they stay in the processor's cache */
};

/* ------------------------------------------------------------------------------------ the files */

static void make_name(char name[64], uint64_t number)
{
	snprintf(name, 64, "model.layers.%05u.block.%02u.weight", (unsigned int)(number / 40),
		 (unsigned int)(number % 40));
}

static enum cairn_status produce_zeros(void *context, uint64_t offset, void *buffer, size_t size)
{
	(void)context;
	(void)offset;
	memset(buffer, 0, size);
	return CAIRN_OK;
}

/* 32 bytes to 1 KiB each. */
static void add_small(struct cairn_writer *writer, uint64_t number)
{
	const uint64_t dims[2] = {8, 1 + number * 7 % 32};
	struct cairn_error error = {.code = CAIRN_OK};
	char name[64];

	make_name(name, number);
	const struct cairn_tensor_spec spec = {
		.name = cairn_string_from(name), .dtype = CAIRN_F32, .rank = 2, .dims = dims};
	bench_must(cairn_writer_add_callback(writer, &spec, produce_zeros, NULL, &error), &error);
}

static void make_file(const char *path, uint64_t count)
{
	const struct cairn_writer_options options = {.flags = CAIRN_WRITER_REPLACE};
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_writer *writer = NULL;

	bench_say("making a file of %llu tensors", (unsigned long long)count);
	bench_must(cairn_writer_create(path, &options, &writer, &error), &error);
	for (uint64_t i = 0; i < count; i++)
		add_small(writer, i);
	bench_must(cairn_writer_finish(writer, &error), &error);
	cairn_writer_destroy(writer);
}

static bool is_made(const char *path, uint64_t count)
{
	struct cairn_reader *reader = NULL;
	bool made;

	if (cairn_reader_open(path, NULL, &reader, NULL) != CAIRN_OK)
		return false;
	made = cairn_reader_tensor_count(reader) == count;
	cairn_reader_close(reader);
	return made;
}

struct path bench_many_file(const struct bench *bench, uint64_t count)
{
	char name[64];
	struct path path;

	snprintf(name, sizeof(name), "open-%llu.cairn", (unsigned long long)count);
	path = scratch_path(bench, name);
	if (!is_made(path.text, count))
		make_file(path.text, count);
	scratch_warm(path.text);
	return path;
}

/* ----------------------------------------------------------------------------------------- open */

static double time_open(const char *path)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_reader *reader = NULL;
	const uint64_t start = timer_now();
	const enum cairn_status status = cairn_reader_open(path, NULL, &reader, &error);
	const double ns = (double)(timer_now() - start);

	bench_must(status, &error);
	cairn_reader_close(reader);
	return ns;
}

static double run_open(void *context)
{
	const struct open_work *const work = context;

	return time_open(work->path.text);
}

static double run_open_small(void *context)
{
	const struct open_work *const work = context;

	return time_open(work->small.text);
}

static double run_close(void *context)
{
	const struct open_work *const work = context;
	struct cairn_reader *const reader = bench_open(work->path.text);
	const uint64_t start = timer_now();

	cairn_reader_close(reader);
	return (double)(timer_now() - start);
}

/* What no reader of such a file gets by without: open, size, first and last page, map, one page of
 * the index. */
static double run_open_by_hand(void *context)
{
	const struct open_work *const work = context;
	char pages[2 * PAGE_SIZE];
	struct stat facts;
	const uint64_t start = timer_now();
	const int fd = open(work->path.text, O_RDONLY | O_CLOEXEC);
	const uint8_t *map;
	double ns;

	if (fd < 0 || fstat(fd, &facts) != 0 || pread(fd, pages, PAGE_SIZE, 0) != PAGE_SIZE ||
	    pread(fd, pages + PAGE_SIZE, PAGE_SIZE, facts.st_size - PAGE_SIZE) != PAGE_SIZE)
		bench_fail("%s: %s", work->path.text, strerror(errno));
	map = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		bench_fail("%s: %s", work->path.text, strerror(errno));
	limit_sink += map[facts.st_size - 2 * PAGE_SIZE];
	ns = (double)(timer_now() - start);
	munmap((void *)(uintptr_t)map, (size_t)facts.st_size);
	close(fd);
	return ns;
}

static void report_within(struct bench *bench, const char *name, const char *limit,
			  const struct pairs *pairs, double share_min, double most)
{
	const struct figure figure = {
		.name = name,
		.unit = UNIT_TIME,
		.samples = &pairs->figure,
		.limit_name = limit,
		.limit = &pairs->limit,
		.share = &pairs->share,
		.share_min = share_min,
		.most = most,
	};

	bench_report(bench, &figure);
}

static void measure_open(struct bench *bench, struct open_work *work, const char *count_text,
			 double most)
{
	const struct effort effort = bench_effort(bench, 1);
	struct pairs pairs = {.figure = {0}};
	struct samples samples = {0};
	char name[64];

	snprintf(name, sizeof(name), "open, %s tensors", count_text);
	timer_pairs(run_open, run_open_by_hand, work, &effort, &pairs);
	report_within(bench, name, "the same calls by hand", &pairs, 0, most);
	timer_single(run_close, work, &effort, &samples);
	snprintf(name, sizeof(name), "close, %s tensors", count_text);
	bench_report_single(bench, name, UNIT_TIME, &samples, -1);
	pairs_free(&pairs);
	samples_free(&samples);
}

/* Within twice the time with 1,000 tensors: half its speed. */
static void compare_opens(struct bench *bench, struct open_work *work, const char *count_text,
			  double share_min)
{
	const struct effort effort = bench_effort(bench, 1);
	struct pairs pairs = {.figure = {0}};
	char name[64];

	snprintf(name, sizeof(name), "open, %s tensors, beside 1,000", count_text);
	timer_pairs(run_open, run_open_small, work, &effort, &pairs);
	report_within(bench, name, "open with 1,000 tensors", &pairs, share_min, -1);
	pairs_free(&pairs);
}

/* ----------------------------------------------------------------------------------------- find */

static void draw_names(struct open_work *work)
{
	uint64_t state = 1;

	for (size_t i = 0; i < DRAWN; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		work->drawn[i] = work->sorted[(state >> 33) % work->count];
	}
}

static size_t names_size(const struct cairn_reader *reader, uint64_t count)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	size_t size = 0;

	for (uint64_t i = 0; i < count; i++) {
		bench_must(cairn_reader_tensor_at(reader, i, &tensor, &error), &error);
		size += tensor.name.size;
	}
	return size;
}

/* Copies all names out: what is looked up must not lie in the index itself. */
static void load_names(struct open_work *work)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	size_t used = 0;

	work->memory = malloc(names_size(work->reader, work->count));
	work->sorted = calloc(work->count, sizeof(*work->sorted));
	work->drawn = calloc(DRAWN, sizeof(*work->drawn));
	if (!work->memory || !work->sorted || !work->drawn)
		bench_fail("out of memory");
	for (uint64_t i = 0; i < work->count; i++) {
		bench_must(cairn_reader_tensor_at(work->reader, i, &tensor, &error), &error);
		memcpy(work->memory + used, tensor.name.data, tensor.name.size);
		work->sorted[i] = (struct cairn_string){work->memory + used, tensor.name.size};
		used += tensor.name.size;
	}
	draw_names(work);
}

/* The next batch of names: always the same one, or another one each time. */
static const struct cairn_string *next_batch(struct open_work *work)
{
	if (work->same_batch)
		return work->drawn;
	work->next = work->next + 2 * BATCH > DRAWN ? 0 : work->next + BATCH;
	return work->drawn + work->next;
}

static double run_find(void *context)
{
	struct open_work *const work = context;
	const struct cairn_string *const names = next_batch(work);
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	const uint64_t start = timer_now();

	for (size_t i = 0; i < BATCH; i++) {
		const enum cairn_status status = cairn_reader_find_string(work->reader, names[i],
									  &tensor, &error);

		bench_must(status, &error);
		limit_sink += tensor.size;
	}
	return (double)(timer_now() - start) / BATCH;
}

static int compare_names(const void *a, const void *b)
{
	const struct cairn_string *const left = a;
	const struct cairn_string *const right = b;
	const size_t common = left->size < right->size ? left->size : right->size;
	const int order = memcmp(left->data, right->data, common);

	return order ? order : (left->size > right->size) - (left->size < right->size);
}

static double run_search(void *context)
{
	struct open_work *const work = context;
	const struct cairn_string *const names = next_batch(work);
	const uint64_t start = timer_now();

	for (size_t i = 0; i < BATCH; i++) {
		const struct cairn_string *const found = bsearch(
			&names[i], work->sorted, work->count, sizeof(names[i]), compare_names);
		limit_sink += found ? found->size : 0;
	}
	return (double)(timer_now() - start) / BATCH;
}

static double run_find_first(void *context)
{
	struct open_work *const work = context;
	struct cairn_reader *const reader = bench_open(work->path.text);
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	enum cairn_status status;
	uint64_t start;
	double ns;

	work->next = (work->next + 1) % DRAWN;
	start = timer_now();
	status = cairn_reader_find_string(reader, work->drawn[work->next], &tensor, &error);
	ns = (double)(timer_now() - start);
	bench_must(status, &error);
	cairn_reader_close(reader);
	return ns;
}

static double run_iterate(void *context)
{
	const struct open_work *const work = context;
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;
	const uint64_t start = timer_now();

	for (uint64_t i = 0; i < work->count; i++) {
		bench_must(cairn_reader_tensor_at(work->reader, i, &tensor, &error), &error);
		limit_sink += tensor.size;
	}
	return (double)(timer_now() - start) / (double)work->count;
}

static void measure_warm_finds(struct bench *bench, struct open_work *work, const char *count_text,
			       double most)
{
	const struct effort effort = bench_effort(bench, 1);
	struct pairs pairs = {.figure = {0}};
	char name[64];

	snprintf(name, sizeof(name), "find%s, %s tensors", work->same_batch ? " (same names)" : "",
		 count_text);
	timer_pairs(run_find, run_search, work, &effort, &pairs);
	report_within(bench, name, "bsearch in plain memory", &pairs, 0, most);
	pairs_free(&pairs);
}

static void measure_run(struct bench *bench, struct open_work *work, const char *what,
			const char *count_text, timer_run run)
{
	const struct effort effort = bench_effort(bench, 1);
	struct samples samples = {0};
	char name[64];

	snprintf(name, sizeof(name), "%s, %s tensors", what, count_text);
	timer_single(run, work, &effort, &samples);
	bench_report_single(bench, name, UNIT_TIME, &samples, -1);
	samples_free(&samples);
}

static void measure_lookups(struct bench *bench, struct open_work *work, const char *count_text,
			    double most)
{
	work->reader = bench_open(work->path.text);
	load_names(work); /* verifies the whole index */
	work->same_batch = true;
	measure_warm_finds(bench, work, count_text, -1);
	work->same_batch = false;
	measure_warm_finds(bench, work, count_text, most);
	measure_run(bench, work, "find, first in a new reader", count_text, run_find_first);
	measure_run(bench, work, "one step of an iteration", count_text, run_iterate);
	cairn_reader_close(work->reader);
	free(work->memory);
	free(work->sorted);
	free(work->drawn);
}

/* --------------------------------------------------------------------------------------- public */

void case_open(struct bench *bench)
{
	static const struct {
		uint64_t count;
		const char *text;
		double open_ns_max;
		double find_ns_max;
		double share_min; /* of the speed of an open with 1,000 tensors */
	} sizes[] = {
		{1000, "1,000", -1, -1, 0},
		{100000, "100,000", 20e3, 1e3, 0.5},
		{1000000, "1,000,000", 100e3, -1, 0},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct open_work work = {.count = sizes[i].count};

		if (bench->quick && sizes[i].count > 100000)
			continue;
		work.small = bench_many_file(bench, sizes[0].count);
		work.path = bench_many_file(bench, sizes[i].count);
		measure_open(bench, &work, sizes[i].text, sizes[i].open_ns_max);
		if (i > 0)
			compare_opens(bench, &work, sizes[i].text, sizes[i].share_min);
		measure_lookups(bench, &work, sizes[i].text, sizes[i].find_ns_max);
	}
}
