/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cairn's side of a comparison with another program: carries out what it is told on standard input,
 * one line at a time, and answers with how long it took.
 *
 *     open PATH              open, find the last tensor and view it, close
 *     views PATH             open, view every tensor (verified), release, close
 *     merge PREFIX SOURCE... merge TensorFlow checkpoints, durably
 *     save PREFIX            save the model of bench_cairn as a TensorFlow checkpoint, durably
 *     raw PATH THREADS       the same bytes to a file with O_DIRECT, fsync
 *
 * The answer: nanoseconds in all, of the processor (all threads), and within fsync. Paths hold no
 * blanks. An error ends the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/limits.h"
#include "bench/sync_clock.h"

#define WORDS_MAX 1024
#define LINE_SIZE (WORDS_MAX * 256)

struct request {
	char *words[WORDS_MAX];
	uint32_t count;
};

static struct cairn_error error;

static uint64_t processor_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void touch(const struct cairn_reader *reader, uint64_t number)
{
	struct cairn_tensor tensor;
	struct cairn_view view;

	bench_must(cairn_reader_tensor_at(reader, number, &tensor, &error), &error);
	bench_must(cairn_tensor_view(&tensor, &view, &error), &error);
	cairn_view_release(&view);
}

static void run_open(const struct request *request)
{
	struct cairn_reader *const reader = bench_open(request->words[1]);
	struct cairn_tensor last;
	struct cairn_tensor found;

	bench_must(cairn_reader_tensor_at(reader, cairn_reader_tensor_count(reader) - 1, &last,
					  &error),
		   &error);
	bench_must(cairn_reader_find_string(reader, last.name, &found, &error), &error);
	touch(reader, cairn_reader_tensor_count(reader) - 1);
	cairn_reader_close(reader);
}

static void run_views(const struct request *request)
{
	struct cairn_reader *const reader = bench_open(request->words[1]);

	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader); i++)
		touch(reader, i);
	cairn_reader_close(reader);
}

static void run_merge(const struct request *request)
{
	const struct cairn_merge_options options = {.size = sizeof(options),
						    .target = CAIRN_TARGET_TENSORFLOW};

	bench_must(cairn_merge((const char *const *)request->words + 2, request->count - 2,
			       request->words[1], &options, NULL, &error),
		   &error);
}

static struct model *the_model(void)
{
	static struct model model;

	if (model.data == NULL)
		model_make(&model);
	return &model;
}

static void run_save(const struct request *request)
{
	const struct cairn_writer_options options = {.size = sizeof(options),
						     .target = CAIRN_TARGET_TENSORFLOW};

	model_save_as(the_model(), request->words[1], &options);
}

static void run_raw(const struct request *request)
{
	const struct model *const model = the_model();

	limit_time_write(request->words[1], model->data, model->size,
			 (uint32_t)strtoul(request->words[2], NULL, 10));
}

static const struct {
	const char *name;
	uint32_t words_min;
	void (*run)(const struct request *request);
} calls[] = {
	{"open", 2, run_open}, {"views", 2, run_views}, {"merge", 3, run_merge},
	{"save", 2, run_save}, {"raw", 3, run_raw},
};

static void split(char *line, struct request *request)
{
	char *rest = NULL;

	request->count = 0;
	for (char *word = strtok_r(line, " \n", &rest); word && request->count < WORDS_MAX;
	     word = strtok_r(NULL, " \n", &rest))
		request->words[request->count++] = word;
}

static void carry_out(const struct request *request)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		uint64_t start;
		uint64_t processor;
		uint64_t syncs;

		if (request->count < calls[i].words_min ||
		    strcmp(request->words[0], calls[i].name) != 0)
			continue;
		if (calls[i].run == run_save || calls[i].run == run_raw)
			the_model();
		syncs = sync_clock_ns();
		processor = processor_now();
		start = timer_now();
		calls[i].run(request);
		printf("%llu ", (unsigned long long)(timer_now() - start));
		printf("%llu ", (unsigned long long)(processor_now() - processor));
		printf("%llu\n", (unsigned long long)(sync_clock_ns() - syncs));
		fflush(stdout);
		return;
	}
	bench_fail("no such request");
}

int main(void)
{
	static char line[LINE_SIZE];
	static struct request request;
	const char *const unfit = timer_unfit();

	if (unfit)
		bench_fail("%s", unfit);
	while (fgets(line, sizeof(line), stdin)) {
		split(line, &request);
		carry_out(&request);
	}
	return 0;
}
