/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of `cairn bench` that makes figures of samples and prints them, as JSON or as a table.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/bench.h"
#include "tools/cli.h"
#include "tools/json_output.h"

#if defined(__OPTIMIZE__) && defined(NDEBUG)
# define OPTIMISED true
#else
# define OPTIMISED false
#endif

static const struct {
	const char *key;
	const char *label;
	bool is_rate;      /* bytes per second; else nanoseconds */
	enum figure limit; /* FIGURE_COUNT: it is one itself, or has none */
	enum figure cold_limit;
} figures[FIGURE_COUNT] = {
	[OPEN] = {"open_ns", "open", false, FIGURE_COUNT, FIGURE_COUNT},
	[FIND] = {"find_ns", "find by name", false, FIGURE_COUNT, FIGURE_COUNT},
	[FIND_FIRST] = {"find_first_ns", "find, index not verified", false, FIGURE_COUNT,
			FIGURE_COUNT},
	[VIEW] = {"view_ns", "view, verified before", false, FIGURE_COUNT, FIGURE_COUNT},
	[VIEW_ALL] = {"view_all_ns", "view all, verified before", false, FIGURE_COUNT,
		      FIGURE_COUNT},
	[VIEW_FIRST] = {"view_first_bytes_per_s", "first views, verifying", true, SUM, DIRECT_READ},
	[TOUCH] = {"touch_bytes_per_s", "touch all through views", true, SUM, DIRECT_READ},
	[SUM] = {"sum_bytes_per_s", "limit: sum over memory", true, FIGURE_COUNT, FIGURE_COUNT},
	[COPY] = {"copy_bytes_per_s", "copy to own memory", true, MEMCPY, MEMCPY},
	[MEMCPY] = {"memcpy_bytes_per_s", "limit: memcpy", true, FIGURE_COUNT, FIGURE_COUNT},
	[READ] = {"read_bytes_per_s", "read(2) of the files", true, MEMCPY, MEMCPY},
	[DIRECT_READ] = {"direct_read_bytes_per_s", "limit: O_DIRECT reads", true, FIGURE_COUNT,
			 FIGURE_COUNT},
};

void bench_add_time(struct bench *bench, enum figure figure, double ns)
{
	struct samples *samples = &bench->samples[figure];

	if (samples->count < BENCH_SAMPLES_MAX)
		samples->values[samples->count++] = ns;
}

void bench_add_rate(struct bench *bench, enum figure figure, uint64_t bytes, uint64_t start)
{
	const uint64_t ns = progress_clock() - start;

	bench_add_time(bench, figure, (double)bytes * 1e9 / (double)(ns ? ns : 1));
}

static int compare_doubles(const void *a, const void *b)
{
	const double left = *(const double *)a;
	const double right = *(const double *)b;

	return (left > right) - (left < right);
}

static void sort_samples(struct bench *bench)
{
	for (size_t i = 0; i < FIGURE_COUNT; i++)
		qsort(bench->samples[i].values, bench->samples[i].count, sizeof(double),
		      compare_doubles);
}

static double median(const struct samples *samples)
{
	const size_t half = samples->count / 2;

	if (samples->count % 2)
		return samples->values[half];
	return (samples->values[half - 1] + samples->values[half]) / 2;
}

/* To a tenth of a nanosecond, or to a byte per second: the rest is noise. */
static void print_json_number(struct json_output *json, double value, bool is_rate)
{
	if (is_rate)
		emit_unsigned(json, (uint64_t)(value + 0.5));
	else
		emit_double(json, (double)(uint64_t)(value * 10 + 0.5) / 10);
}

static void print_json_figure(struct json_output *json, const struct bench *bench,
			      enum figure figure)
{
	const struct samples *samples = &bench->samples[figure];

	emit_key(json, figures[figure].key);
	if (samples->count == 0) {
		emit_null(json);
		return;
	}
	emit_begin_object(json);
	emit_key(json, "min");
	print_json_number(json, samples->values[0], figures[figure].is_rate);
	emit_key(json, "median");
	print_json_number(json, median(samples), figures[figure].is_rate);
	emit_key(json, "n");
	emit_unsigned(json, samples->count);
	emit_end_object(json);
}

static int print_json(const struct bench *bench)
{
	struct json_output json = {.file = stdout};

	emit_begin_object(&json);
	emit_key(&json, "path");
	emit_text(&json, bench->path);
	emit_key(&json, "format");
	emit_text(&json, bench->info.format);
	emit_key(&json, "tensors");
	emit_unsigned(&json, bench->info.tensor_count);
	emit_key(&json, "bytes");
	emit_unsigned(&json, bench->bytes);
	emit_key(&json, "file_bytes");
	emit_unsigned(&json, bench->file_bytes);
	emit_key(&json, "cold");
	emit_bool(&json, bench->cold);
	emit_key(&json, "optimised");
	emit_bool(&json, OPTIMISED);
	emit_key(&json, "resident_before");
	emit_double(&json, bench->resident_before);
	emit_key(&json, "resident_dropped");
	if (bench->cold)
		emit_double(&json, bench->resident_dropped);
	else
		emit_null(&json);
	for (size_t i = 0; i < FIGURE_COUNT; i++)
		print_json_figure(&json, bench, (enum figure)i);
	emit_key(&json, "anonymous_bytes_peak");
	emit_unsigned(&json, bench->anonymous_peak);
	emit_end_object(&json);
	emit_finish(&json);
	return CLI_DONE;
}

static const char *figure_text(double value, bool is_rate, char *text, size_t size)
{
	char bytes[CLI_SIZE_SIZE];

	if (is_rate)
		snprintf(text, size, "%s/s", cli_format_size(value, bytes));
	else if (value < 1e3)
		snprintf(text, size, "%.0f ns", value);
	else if (value < 1e6)
		snprintf(text, size, "%.1f us", value / 1e3);
	else
		snprintf(text, size, "%.1f ms", value / 1e6);
	return text;
}

static void print_share(const struct bench *bench, enum figure figure)
{
	const enum figure limit = bench->cold ? figures[figure].cold_limit : figures[figure].limit;

	if (limit == FIGURE_COUNT || bench->samples[limit].count == 0)
		return;
	printf("   %3.0f %% of %s",
	       100 * median(&bench->samples[figure]) / median(&bench->samples[limit]),
	       figures[limit].label + strlen("limit: "));
}

static void print_figure(const struct bench *bench, enum figure figure)
{
	const struct samples *samples = &bench->samples[figure];
	const bool is_rate = figures[figure].is_rate;
	char best[64];
	char middle[64];

	if (samples->count == 0)
		return;
	figure_text(samples->values[is_rate ? samples->count - 1 : 0], is_rate, best, sizeof(best));
	figure_text(median(samples), is_rate, middle, sizeof(middle));
	printf("%-26s %13s %13s", figures[figure].label, middle, best);
	print_share(bench, figure);
	putchar('\n');
}

/* A time behind a rate over so many bytes, or "" without samples. */
static void duration_text(const struct bench *bench, enum figure figure, uint64_t bytes,
			  char text[64])
{
	const struct samples *samples = &bench->samples[figure];

	*text = '\0';
	if (samples->count)
		figure_text((double)bytes * 1e9 / median(samples), false, text, 64);
}

/* What a restore costs, at a glance: in views, and by reading. */
static void print_headline(const struct bench *bench)
{
	const enum figure reading = bench->cold && bench->samples[DIRECT_READ].count ? DIRECT_READ
										     : READ;
	char open[64];
	char all[64];
	char first[64];
	char plain[64];
	char count[CLI_SIZE_SIZE];
	char size[CLI_SIZE_SIZE];

	if (!bench->samples[OPEN].count || !bench->samples[VIEW_ALL].count || !bench->bytes)
		return;
	figure_text(median(&bench->samples[OPEN]), false, open, sizeof(open));
	figure_text(median(&bench->samples[VIEW_ALL]), false, all, sizeof(all));
	duration_text(bench, VIEW_FIRST, bench->bytes, first);
	duration_text(bench, reading, bench->file_bytes, plain);
	printf("restore as views   %s to open + %s for %s %s tensor%s", open, all,
	       bench->tensor_count == 1 ? "its" : "all",
	       cli_format_count(bench->tensor_count, count), cli_plural(bench->tensor_count));
	if (bench->info.has_digests)
		printf(" (verified before); first time %s, verifying %s\n", first,
		       cli_format_size((double)bench->bytes, size));
	else
		puts(", unverified: this format has no digests");
	printf("plain read         %s into memory of one's own%s, nothing verified\n\n", plain,
	       reading == DIRECT_READ ? ", from the disk"
	       : bench->cold          ? ", from the page cache"
				      : "");
}

static int print_table(const struct bench *bench)
{
	char count[CLI_SIZE_SIZE];
	char size[CLI_SIZE_SIZE];

	print_headline(bench);
	printf("'%s': %s, %s tensor%s, %s\n", bench->path, bench->info.format,
	       cli_format_count(bench->info.tensor_count, count),
	       cli_plural(bench->info.tensor_count), cli_format_size((double)bench->bytes, size));
	if (bench->cold)
		printf("cold: open, first views and touch begin with %.1f %% of the files in "
		       "memory\n",
		       bench->resident_dropped * 100);
	else
		printf("warm: the files are in memory (%.0f %% were before)\n",
		       bench->resident_before * 100);
	printf("%-26s %13s %13s\n", "", "median", "best");
	for (size_t i = 0; i < FIGURE_COUNT; i++)
		print_figure(bench, (enum figure)i);
	printf("%-26s %13s while all tensors are held as views\n", "private memory",
	       cli_format_size((double)bench->anonymous_peak, size));
	return CLI_DONE;
}

int bench_report(struct bench *bench)
{
	sort_samples(bench);
	if (!OPTIMISED)
		cli_note("this build is not optimised: the figures say nothing about the library");
	return bench->json ? print_json(bench) : print_table(bench);
}
