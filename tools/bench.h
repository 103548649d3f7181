/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `cairn bench` is made of: cmd_bench.c decides what is measured and in which order,
 * bench_rates.c moves bytes, bench_files.c deals with files and the page cache, bench_report.c does
 * statistics and output.
 *
 * Functions that can fail return CLI_GO_ON, or the exit status after printing the error.
 */
#ifndef CAIRN_TOOLS_BENCH_H
#define CAIRN_TOOLS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/cairn.h>

#include "tools/progress.h"

#define BENCH_RUNS_DEFAULT 5
#define BENCH_SAMPLES_MAX  200

enum figure {
	OPEN,
	FIND,
	FIND_FIRST,
	VIEW,
	VIEW_ALL,
	VIEW_FIRST,
	TOUCH,
	SUM,
	COPY,
	MEMCPY,
	READ,
	DIRECT_READ,
	FIGURE_COUNT
};

struct samples {
	double values[BENCH_SAMPLES_MAX];
	size_t count;
};

struct bench {
	const char *path;
	uint64_t runs;
	bool json;
	bool cold;

	char *folder; /* owned; that shard names are relative to */
	char **files; /* owned; paths */
	size_t file_count;
	uint64_t file_bytes;
	struct cairn_reader_info info; /* format and counts; its borrowed text is not used */

	struct cairn_tensor *tensors; /* owned; of the reader that was opened last */
	size_t tensor_count;          /* of those that can be viewed */
	uint64_t bytes;
	uint64_t repeat; /* passes over all bytes behind one sample */

	unsigned char *source; /* huge pages of work_size bytes each */
	unsigned char *target;
	uint64_t work_size;

	struct samples samples[FIGURE_COUNT];
	uint64_t anonymous_peak;
	double resident_before;
	double resident_dropped;
	struct progress progress;
	uint64_t step;
};

/* ---------------------------------------------------------------------------------------- rates */

/* The memory that bytes are summed and copied in, and how often everything is repeated. */
int bench_prepare_work(struct bench *bench);

/* A view of each tensor in turn; with the sum of its bytes. */
int bench_view_all(const struct bench *bench);
int bench_touch_all(const struct bench *bench);

/* One sample each. */
int bench_measure_touch(struct bench *bench);
int bench_measure_copy(struct bench *bench);
void bench_measure_sum(struct bench *bench);
void bench_measure_memcpy(struct bench *bench);

/* A view; an error is printed. */
int bench_view(const struct cairn_tensor *tensor, struct cairn_view *view);

/* ---------------------------------------------------------------------------------------- files */

int bench_list_files(struct bench *bench, const struct cairn_reader *reader);

/* The share of the files' pages that is in memory, by mincore. */
int bench_measure_residency(const struct bench *bench, double *share);

/* Drops the files from the page cache and proves that they are gone. */
int bench_drop_files(struct bench *bench);

/* Reads all files; `flags` is 0 or O_DIRECT, which some file systems refuse: then there is no
 * sample. */
int bench_measure_read(struct bench *bench, enum figure figure, int flags);

/* The number of KiB behind `label` in a file of /proc, as bytes; 0 when there is none. */
uint64_t bench_proc_bytes(const char *path, const char *label);

/* --------------------------------------------------------------------------------------- report */

void bench_add_time(struct bench *bench, enum figure figure, double ns);
void bench_add_rate(struct bench *bench, enum figure figure, uint64_t bytes, uint64_t start);

/* Prints the result; the samples get sorted. Returns the exit status. */
int bench_report(struct bench *bench);

#endif
