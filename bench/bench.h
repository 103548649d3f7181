/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cases share: options, the report, the scratch folder, a model to work on.
 *
 * Nothing here is a test: a figure that falls short is printed, not failed. A benchmark that cannot
 * be carried out ends the program with bench_fail.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/cairn.h>

#include "bench/timer.h"

#define BENCH_PATH_SIZE 4096

struct bench {
	char scratch[BENCH_PATH_SIZE / 2]; /* a folder of this program's own */
	bool json;
	bool quick;
	uint64_t memory_size; /* bytes that case "memory" restores; 0: chosen */
	const char *case_name;
	uint64_t printed; /* figures of this case */
	uint64_t printed_in_all;
};

/* The cases; bench/main.c has the menu. */
void case_limits(struct bench *bench);
void case_open(struct bench *bench);
void case_view(struct bench *bench);
void case_plan(struct bench *bench);
void case_stats(struct bench *bench);
void case_save(struct bench *bench);
void case_formats(struct bench *bench);
void case_lz4(struct bench *bench);
void case_merge(struct bench *bench);
void case_merge_tf(struct bench *bench);
void case_diff(struct bench *bench);
void case_completion(struct bench *bench);
void case_memory(struct bench *bench);

/* --------------------------------------------------------------------------------------- report */

enum unit {
	UNIT_TIME, /* samples are nanoseconds */
	UNIT_RATE, /* samples are nanoseconds for `bytes` bytes */
	UNIT_BYTES,
	UNIT_COUNT
};

/* One line of the report. Samples are borrowed. */
struct figure {
	const char *name;
	enum unit unit;
	uint64_t bytes;
	const struct samples *samples;
	const char *limit_name; /* NULL: it has none */
	const struct samples *limit;
	const struct samples *share; /* pair by pair, of the limit's speed */
	double share_min; /* target: at least this share of the limit; 0: no such target */
	double most;      /* target: at most this time or size; negative: no such target */
};

void bench_report(struct bench *bench, const struct figure *figure);

/* A figure without a limit; `most` as above. */
void bench_report_single(struct bench *bench, const char *name, enum unit unit,
			 const struct samples *samples, double most);

/* A rate beside its limit; `share_min` as above. */
void bench_report_pairs(struct bench *bench, const char *name, uint64_t bytes, const char *limit,
			const struct pairs *pairs, double share_min);

/* Something to tell a person, under the figures. */
__attribute__((format(printf, 2, 3))) void bench_note(const struct bench *bench, const char *format,
						      ...);

/* What is being done, on stderr. */
__attribute__((format(printf, 1, 2))) void bench_say(const char *format, ...);

__attribute__((format(printf, 1, 2))) _Noreturn void bench_fail(const char *format, ...);

/* Ends the program unless a call of the library succeeded. */
void bench_must(enum cairn_status status, const struct cairn_error *error);

/* How often what takes about `seconds` in all is repeated. */
struct effort bench_effort(const struct bench *bench, double seconds);

/* -------------------------------------------------------------------------------------- scratch */

struct path {
	char text[BENCH_PATH_SIZE];
};

struct path scratch_path(const struct bench *bench, const char *name);

/* Bytes that can be written to the scratch folder. */
uint64_t scratch_free(const struct bench *bench);

/* Removes a file if it is there. */
void scratch_remove(const char *path);

/* The same for a checkpoint, which may be a folder. */
void scratch_remove_checkpoint(const char *path);

/* Brings a file into the page cache; drops it from there. */
void scratch_warm(const char *path);
void scratch_drop(const char *path);

/* The number of KiB behind `label` in a file of /proc, as bytes; 0 when there is none. */
uint64_t proc_bytes(const char *path, const char *label);

struct cairn_reader *bench_open(const char *path);

/* A container of so many small tensors in the scratch folder, made if it is not there yet. */
struct path bench_many_file(const struct bench *bench, uint64_t count);

/* ---------------------------------------------------------------------------------------- model */

#define MODEL_TENSORS 148 /* GPT-2 small without its masks */

struct model_tensor {
	char name[48];
	uint32_t rank;
	uint64_t dims[2];
	uint64_t offset; /* in the model's memory */
	uint64_t size;
};

/* Weights in huge pages: no two chunks alike. */
struct model {
	struct model_tensor tensors[MODEL_TENSORS];
	uint8_t *data;
	uint64_t size;
};

void model_make(struct model *model);
void model_free(struct model *model);

/* Saves the model durably; `thread_count` 0 is the library's choice. */
void model_save(const struct model *model, const char *path, uint32_t thread_count);
void model_save_as(const struct model *model, const char *path,
		   const struct cairn_writer_options *options);

/* The model as a file in the scratch folder, made if it is not there yet. */
struct path model_file(const struct bench *bench, const struct model *model);

#endif
