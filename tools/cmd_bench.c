/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn bench: how fast a checkpoint opens and reads on this machine, beside what the machine can
 * do.
 *
 * - open, find: a new reader each time; names in a shuffled order, index blocks verified or not
 * - first views: every tensor, verified on the way, from the page cache (--cold: from the disk)
 * - view: of one tensor, and of all, that are verified already
 * - touch: the sum of all bytes through verified views; the same sum over huge pages
 * - copy: cairn_tensor_read into memory that is there; memcpy
 * - read: read(2) of the files, cached (--cold: also with O_DIRECT)
 *
 * Everything runs in one thread, but for what the library does by itself. One figure is the minimum
 * and the median of some runs.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/bench.h"
#include "tools/cli.h"
#include "tools/commands.h"

#define SAMPLING_NS UINT64_C(100000000) /* short things are repeated so long */
#define BATCH       1024                /* finds or views behind one sample */

/* Another sample of something short: at least `runs`, then as many as the time allows. */
static bool more(const struct bench *bench, enum figure figure, uint64_t start)
{
	const size_t count = bench->samples[figure].count;

	if (count >= BENCH_SAMPLES_MAX)
		return false;
	return count < bench->runs || progress_clock() - start < SAMPLING_NS;
}

static void step_done(struct bench *bench)
{
	const uint64_t steps = 3 + bench->runs * (bench->cold ? 6 : 5);

	progress_update(&bench->progress, ++bench->step, steps);
}

/* -------------------------------------------------------------------------------------- readers */

/* Tensors that the reader can give views of, for as long as it is open. */
static int load_tensors(struct bench *bench, const struct cairn_reader *reader)
{
	const uint64_t count = cairn_reader_tensor_count(reader);
	struct cairn_error error = {.code = CAIRN_OK};

	if (!bench->tensors)
		bench->tensors = calloc(count + 1, sizeof(*bench->tensors));
	if (!bench->tensors)
		return cli_error(CLI_UNKNOWN, "out of memory");
	bench->tensor_count = 0;
	bench->bytes = 0;
	for (uint64_t i = 0; i < count && i < bench->info.tensor_count; i++) {
		struct cairn_tensor *tensor = &bench->tensors[bench->tensor_count];
		const enum cairn_status status = cairn_reader_tensor_at(reader, i, tensor, &error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		if (tensor->flags & CAIRN_TENSOR_INCOMPLETE)
			continue;
		bench->tensor_count++;
		bench->bytes = cli_add(bench->bytes, tensor->size);
	}
	return CLI_GO_ON;
}

/* Opens without saying its note again, and loads the tensors; *ns is the time of the opening alone.
 */
static int open_reader(struct bench *bench, struct cairn_reader **reader, double *ns)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const uint64_t start = progress_clock();
	const enum cairn_status status = cairn_reader_open(bench->path, NULL, reader, &error);
	const uint64_t end = progress_clock();

	*ns = (double)(end - start);
	if (status != CAIRN_OK)
		return cli_fail_open(bench->path, status, &error);
	const int result = load_tensors(bench, *reader);
	if (result != CLI_GO_ON) {
		cairn_reader_close(*reader);
		*reader = NULL;
	}
	return result;
}

/* -------------------------------------------------------------------------------- open and find */

static int measure_open(struct bench *bench)
{
	const uint64_t begin = progress_clock();

	while (more(bench, OPEN, begin)) {
		struct cairn_error error = {.code = CAIRN_OK};
		struct cairn_reader *reader = NULL;
		const uint64_t start = progress_clock();
		const enum cairn_status status = cairn_reader_open(bench->path, NULL, &reader,
								   &error);
		bench_add_time(bench, OPEN, (double)(progress_clock() - start));
		if (status != CAIRN_OK)
			return cli_fail_open(bench->path, status, &error);
		cairn_reader_close(reader);
	}
	return CLI_GO_ON;
}

/* A fixed shuffle, so that runs can be compared. */
static size_t pick(uint64_t *state, size_t count)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)((*state >> 33) % count);
}

static int find_batch(const struct cairn_reader *reader, const struct cairn_string *names,
		      size_t count)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;

	for (size_t i = 0; i < count; i++) {
		const enum cairn_status status = cairn_reader_find_string(reader, names[i], &tensor,
									  &error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
	}
	return CLI_GO_ON;
}

static int measure_find(struct bench *bench, const struct cairn_reader *reader)
{
	const uint64_t begin = progress_clock();
	struct cairn_string names[BATCH];
	uint64_t state = 1;

	for (size_t i = 0; i < BATCH; i++)
		names[i] = bench->tensors[pick(&state, bench->tensor_count)].name;
	int result = find_batch(reader, names, BATCH);
	while (result == CLI_GO_ON && more(bench, FIND, begin)) {
		const uint64_t start = progress_clock();
		result = find_batch(reader, names, BATCH);
		bench_add_time(bench, FIND, (double)(progress_clock() - start) / BATCH);
	}
	return result;
}

/* In a new reader no index block is verified: one find each. The names are borrowed from `reader`.
 */
static int measure_find_first(struct bench *bench)
{
	const uint64_t begin = progress_clock();
	uint64_t state = 2;
	int result = CLI_GO_ON;

	while (result == CLI_GO_ON && more(bench, FIND_FIRST, begin)) {
		const struct cairn_string name = bench->tensors[pick(&state, bench->tensor_count)]
							 .name;
		struct cairn_error error = {.code = CAIRN_OK};
		struct cairn_reader *reader = NULL;
		const enum cairn_status status = cairn_reader_open(bench->path, NULL, &reader,
								   &error);
		if (status != CAIRN_OK)
			return cli_fail_open(bench->path, status, &error);
		const uint64_t start = progress_clock();
		result = find_batch(reader, &name, 1);
		bench_add_time(bench, FIND_FIRST, (double)(progress_clock() - start));
		cairn_reader_close(reader);
	}
	return result;
}

/* ---------------------------------------------------------------------------------------- views */

/* Tensors whose views are mapped, or else the smallest one, shuffled: what measure_view takes views
 * of. */
static int choose_views(const struct bench *bench, struct cairn_tensor *chosen, size_t *count)
{
	const struct cairn_tensor *smallest = &bench->tensors[0];
	uint64_t state = 3;

	for (size_t i = 0; i < BATCH; i++) {
		const struct cairn_tensor
			*tensor = &bench->tensors[pick(&state, bench->tensor_count)];
		struct cairn_view view;
		const int result = bench_view(tensor, &view);
		if (result != CLI_GO_ON)
			return result;
		if (view.flags & CAIRN_VIEW_MAPPED)
			chosen[(*count)++] = *tensor;
		if (tensor->size < smallest->size)
			smallest = tensor;
		cairn_view_release(&view);
	}
	if (*count == 0)
		chosen[(*count)++] = *smallest;
	return CLI_GO_ON;
}

static int measure_view(struct bench *bench)
{
	const uint64_t begin = progress_clock();
	struct cairn_tensor *chosen = calloc(BATCH, sizeof(*chosen));
	size_t count = 0;
	int result = CLI_GO_ON;

	if (!chosen)
		return cli_error(CLI_UNKNOWN, "out of memory");
	result = choose_views(bench, chosen, &count);
	while (result == CLI_GO_ON && more(bench, VIEW, begin)) {
		const uint64_t start = progress_clock();
		for (size_t i = 0; i < count && result == CLI_GO_ON; i++) {
			struct cairn_view view;
			result = bench_view(&chosen[i], &view);
			if (result == CLI_GO_ON)
				cairn_view_release(&view);
		}
		bench_add_time(bench, VIEW, (double)(progress_clock() - start) / (double)count);
	}
	free(chosen);
	return result;
}

/* What a restore takes once everything is verified. */
static int measure_view_all(struct bench *bench)
{
	const uint64_t begin = progress_clock();
	int result = CLI_GO_ON;

	while (result == CLI_GO_ON && more(bench, VIEW_ALL, begin)) {
		const uint64_t start = progress_clock();
		result = bench_view_all(bench);
		bench_add_time(bench, VIEW_ALL, (double)(progress_clock() - start));
	}
	return result;
}

static void note_peak(struct bench *bench, uint64_t before)
{
	const uint64_t now = bench_proc_bytes("/proc/self/status", "RssAnon:");

	if (now > before && now - before > bench->anonymous_peak)
		bench->anonymous_peak = now - before;
}

/* Takes views of all tensors and holds them. */
static int hold_views(struct bench *bench, struct cairn_view *views, size_t *held, uint64_t before)
{
	const size_t period = bench->tensor_count / 64 + 1;

	for (; *held < bench->tensor_count; ++*held) {
		const int result = bench_view(&bench->tensors[*held], &views[*held]);
		if (result != CLI_GO_ON)
			return result;
		if (*held % period == 0)
			note_peak(bench, before);
	}
	return CLI_GO_ON;
}

/* The arrays of tensors and views are this program's own: they are there before the first
 * measurement. */
static int measure_memory(struct bench *bench)
{
	struct cairn_view *views = malloc((bench->tensor_count + 1) * sizeof(*views));
	struct cairn_reader *reader = NULL;
	size_t held = 0;
	double ns;

	if (!views)
		return cli_error(CLI_UNKNOWN, "out of memory");
	memset(views, 1, (bench->tensor_count + 1) * sizeof(*views));
	malloc_trim(0); /* or what was freed before would hide what is needed now */
	const uint64_t before = bench_proc_bytes("/proc/self/status", "RssAnon:");
	int result = open_reader(bench, &reader, &ns);
	if (result == CLI_GO_ON)
		result = hold_views(bench, views, &held, before);
	note_peak(bench, before);
	while (held > 0)
		cairn_view_release(&views[--held]);
	cairn_reader_close(reader);
	free(views);
	return result;
}

/* ----------------------------------------------------------------------------------------- runs */

static int run_first_views(struct bench *bench)
{
	const uint64_t begin = progress_clock();
	int result = CLI_GO_ON;

	while (result == CLI_GO_ON && more(bench, VIEW_FIRST, begin)) {
		struct cairn_reader *reader = NULL;
		double ns;
		result = open_reader(bench, &reader, &ns);
		if (result != CLI_GO_ON)
			return result;
		const uint64_t start = progress_clock();
		result = bench_view_all(bench);
		bench_add_rate(bench, VIEW_FIRST, bench->bytes, start);
		cairn_reader_close(reader);
	}
	return result;
}

/* What is measured in turns, so that a slow spell of the machine meets the figure and its limit. */
static int run_rates(struct bench *bench)
{
	int result = CLI_GO_ON;

	for (uint64_t run = 0; run < bench->runs && result == CLI_GO_ON; run++) {
		if (!bench->cold)
			result = bench_measure_touch(bench);
		step_done(bench);
		bench_measure_sum(bench);
		step_done(bench);
		if (result == CLI_GO_ON)
			result = bench_measure_copy(bench);
		step_done(bench);
		bench_measure_memcpy(bench);
		step_done(bench);
		if (result == CLI_GO_ON)
			result = bench_measure_read(bench, READ, 0);
		step_done(bench);
	}
	return result;
}

/* One of bench_view_all and bench_touch_all in a new reader after the files were dropped. */
static int run_cold_pass(struct bench *bench, enum figure figure,
			 int (*pass)(const struct bench *bench))
{
	struct cairn_reader *reader = NULL;
	double ns;
	int result = bench_drop_files(bench);

	if (result == CLI_GO_ON)
		result = open_reader(bench, &reader, &ns);
	if (result != CLI_GO_ON)
		return result;
	bench_add_time(bench, OPEN, ns);
	const uint64_t start = progress_clock();
	result = pass(bench);
	bench_add_rate(bench, figure, bench->bytes, start);
	cairn_reader_close(reader);
	return result;
}

static int run_cold(struct bench *bench)
{
	int result = CLI_GO_ON;

	for (uint64_t run = 0; run < bench->runs && result == CLI_GO_ON; run++) {
		result = run_cold_pass(bench, VIEW_FIRST, bench_view_all);
		if (result == CLI_GO_ON)
			result = run_cold_pass(bench, TOUCH, bench_touch_all);
		if (result == CLI_GO_ON)
			result = bench_drop_files(bench);
		if (result == CLI_GO_ON)
			result = bench_measure_read(bench, DIRECT_READ, O_DIRECT);
		step_done(bench);
	}
	return result;
}

/* Everything that needs the checkpoint verified, in one reader. */
static int run_verified(struct bench *bench)
{
	struct cairn_reader *reader = NULL;
	double ns;
	int result = open_reader(bench, &reader, &ns);

	if (result != CLI_GO_ON)
		return result;
	result = bench_view_all(bench);
	if (result == CLI_GO_ON)
		result = measure_find(bench, reader);
	if (result == CLI_GO_ON)
		result = measure_find_first(bench);
	if (result == CLI_GO_ON)
		result = measure_view(bench);
	if (result == CLI_GO_ON)
		result = measure_view_all(bench);
	if (result == CLI_GO_ON && bench->bytes)
		result = run_rates(bench);
	cairn_reader_close(reader);
	return result;
}

static int run_all(struct bench *bench)
{
	int result = CLI_GO_ON;

	if (!bench->cold)
		result = measure_open(bench);
	step_done(bench);
	if (result != CLI_GO_ON || bench->tensor_count == 0)
		return result;
	result = measure_memory(bench); /* reads all of it, so that it is cached from here on */
	step_done(bench);
	if (result == CLI_GO_ON && !bench->cold && bench->bytes)
		result = run_first_views(bench);
	step_done(bench);
	if (result == CLI_GO_ON)
		result = run_verified(bench);
	if (result == CLI_GO_ON && bench->cold && bench->bytes)
		result = run_cold(bench);
	return result;
}

/* ------------------------------------------------------------------------------------ preparing */

static int prepare(struct bench *bench)
{
	struct cairn_reader *reader = NULL;
	int result = cli_open(bench->path, NULL, &reader);

	if (result != CLI_GO_ON)
		return result;
	bench->info = cli_info(reader);
	bench->file_bytes = bench->info.file_bytes;
	result = bench_list_files(bench, reader);
	if (result == CLI_GO_ON)
		result = bench_measure_residency(bench, &bench->resident_before);
	if (result == CLI_GO_ON)
		result = load_tensors(bench, reader);
	cairn_reader_close(reader);
	return result == CLI_GO_ON ? bench_prepare_work(bench) : result;
}

static void clean_up(struct bench *bench)
{
	if (bench->source)
		munmap(bench->source, (size_t)bench->work_size);
	if (bench->target)
		munmap(bench->target, (size_t)bench->work_size);
	for (size_t i = 0; i < bench->file_count; i++)
		free(bench->files[i]);
	free(bench->files);
	free(bench->folder);
	free(bench->tensors);
}

/* -------------------------------------------------------------------------------------- command */

static int run(struct bench *bench)
{
	int result = prepare(bench);

	progress_begin(&bench->progress, "measuring");
	bench->progress.steps = true;
	if (result == CLI_GO_ON)
		result = run_all(bench);
	progress_end(&bench->progress);
	if (result != CLI_GO_ON)
		return result;
	return bench_report(bench);
}

int cmd_bench(int argc, char **argv)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct cli_arguments arguments;

	if (!bench)
		return cli_error(CLI_UNKNOWN, "out of memory");
	bench->runs = BENCH_RUNS_DEFAULT;
	const struct cli_option options[] = {
		{"--json", CLI_FLAG, NULL, "one object; times in ns, rates in bytes per second",
		 &bench->json},
		{"--cold", CLI_FLAG, NULL, "drop the files from memory before opening and reading",
		 &bench->cold},
		{"--runs", CLI_COUNT, "N", "of what takes long; default 5", &bench->runs},
	};
	const struct cli_usage usage = {
		"bench",
		"PATH",
		"Measures open, find, view, touch and copy, beside what this machine can do.",
		"Shares are of the median. With --cold, open, first views and touch (views and "
		"their bytes)\n"
		"begin with the files dropped from memory, which is proven, and the limit is the "
		"disk.\n",
		1,
		1,
		options,
		sizeof(options) / sizeof(options[0]),
	};
	int result = cli_parse(&usage, argc, argv, &arguments);
	if (result == CLI_GO_ON && (bench->runs == 0 || bench->runs > BENCH_SAMPLES_MAX))
		result = cli_usage_error("bench", "bench: --runs %" PRIu64 " is not from 1 to %d",
					 bench->runs, BENCH_SAMPLES_MAX);
	if (result == CLI_GO_ON) {
		bench->path = arguments.values[0];
		result = run(bench);
		clean_up(bench);
	}
	free(bench);
	return result;
}
