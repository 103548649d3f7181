/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures as text or JSON.
 *
 * The verdict beside a target compares the median. A share of a limit is not judged ("noise") where
 * the limit itself spreads wider than the share is away from its target; a time not where the
 * target lies between the fastest run and the median.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

/* --------------------------------------------------------------------------------------- values */

struct text {
	char bytes[48];
};

static struct text time_text(double ns)
{
	struct text text;

	if (ns < 1e3)
		snprintf(text.bytes, sizeof(text.bytes), "%.0f ns", ns);
	else if (ns < 1e6)
		snprintf(text.bytes, sizeof(text.bytes), "%.3g us", ns / 1e3);
	else
		snprintf(text.bytes, sizeof(text.bytes), "%.4g ms", ns / 1e6);
	return text;
}

static struct text value_text(const struct figure *figure, double value)
{
	struct text text;

	switch (figure->unit) {
	case UNIT_TIME:
		return time_text(value);
	case UNIT_RATE:
		snprintf(text.bytes, sizeof(text.bytes), "%.2f GB/s",
			 value > 0 ? (double)figure->bytes / value : 0);
		break;
	case UNIT_BYTES:
		snprintf(text.bytes, sizeof(text.bytes), "%.2f MiB", value / 1048576);
		break;
	case UNIT_COUNT:
	default:
		snprintf(text.bytes, sizeof(text.bytes), "%.0f", value);
		break;
	}
	return text;
}

static double magnitude(double value)
{
	return value < 0 ? -value : value;
}

/* NULL: there is no target. */
static const char *verdict(const struct figure *figure)
{
	const double median = samples_median(figure->samples);

	if (figure->share_min > 0 && figure->limit) {
		const double share = samples_median(figure->share);
		const double gap = magnitude(share - figure->share_min) / figure->share_min;

		if (samples_spread(figure->limit) > gap)
			return "noise";
		return share >= figure->share_min ? "ok" : "short";
	}
	if (figure->most < 0)
		return NULL;
	if (median <= figure->most)
		return "ok";
	return samples_min(figure->samples) <= figure->most ? "noise" : "short";
}

/* ----------------------------------------------------------------------------------------- text */

static void print_limit(const struct figure *figure)
{
	char name[80];

	snprintf(name, sizeof(name), "share of: %s", figure->limit_name);
	printf("    %-46s %5zu %12s %12s  %.3f (%.3f-%.3f), limit spreads %.0f %%", name,
	       figure->limit->count, value_text(figure, samples_min(figure->limit)).bytes,
	       value_text(figure, samples_median(figure->limit)).bytes,
	       samples_median(figure->share), samples_quantile(figure->share, 0.25),
	       samples_quantile(figure->share, 0.75), samples_spread(figure->limit) * 100);
	if (figure->share_min > 0)
		printf("; target >= %.2f: %s", figure->share_min, verdict(figure));
	putchar('\n');
}

static void print_text(const struct bench *bench, const struct figure *figure)
{
	if (bench->printed == 0)
		printf("\n%-50s %5s %12s %12s\n", bench->case_name, "n", "best", "median");
	printf("  %-48s %5zu %12s %12s", figure->name, figure->samples->count,
	       value_text(figure, samples_min(figure->samples)).bytes,
	       value_text(figure, samples_median(figure->samples)).bytes);
	if (figure->most >= 0 && figure->unit != UNIT_RATE)
		printf("  target <= %s: %s", value_text(figure, figure->most).bytes,
		       verdict(figure));
	putchar('\n');
	if (figure->limit)
		print_limit(figure);
	fflush(stdout);
}

/* ----------------------------------------------------------------------------------------- JSON */

static void print_json_samples(const struct samples *samples)
{
	printf("\"n\":%zu,\"min\":%.9g,\"median\":%.9g,\"spread\":%.4f", samples->count,
	       samples_min(samples), samples_median(samples), samples_spread(samples));
}

static void print_json_target(const struct figure *figure)
{
	if (figure->share_min > 0 && figure->limit)
		printf(",\"target\":{\"share_min\":%g,\"verdict\":\"%s\"}", figure->share_min,
		       verdict(figure));
	else if (figure->most >= 0)
		printf(",\"target\":{\"most\":%.9g,\"verdict\":\"%s\"}", figure->most,
		       verdict(figure));
}

/* Names are this program's own: they hold nothing that needs escaping. */
static void print_json(const struct bench *bench, const struct figure *figure)
{
	static const char *const units[] = {
		[UNIT_TIME] = "ns", [UNIT_RATE] = "ns", [UNIT_BYTES] = "bytes", [UNIT_COUNT] = "1"};

	printf("%s\n  {\"case\":\"%s\",\"name\":\"%s\",\"unit\":\"%s\",",
	       bench->printed_in_all ? "," : "", bench->case_name, figure->name,
	       units[figure->unit]);
	print_json_samples(figure->samples);
	if (figure->unit == UNIT_RATE)
		printf(",\"bytes\":%llu", (unsigned long long)figure->bytes);
	if (figure->limit) {
		printf(",\"limit\":{\"name\":\"%s\",", figure->limit_name);
		print_json_samples(figure->limit);
		printf("},\"share\":{");
		print_json_samples(figure->share);
		putchar('}');
	}
	print_json_target(figure);
	putchar('}');
}

/* --------------------------------------------------------------------------------------- public */

void bench_report(struct bench *bench, const struct figure *figure)
{
	if (bench->json)
		print_json(bench, figure);
	else
		print_text(bench, figure);
	bench->printed++;
	bench->printed_in_all++;
}

void bench_report_single(struct bench *bench, const char *name, enum unit unit,
			 const struct samples *samples, double most)
{
	const struct figure figure = {.name = name, .unit = unit, .samples = samples, .most = most};

	bench_report(bench, &figure);
}

void bench_report_pairs(struct bench *bench, const char *name, uint64_t bytes, const char *limit,
			const struct pairs *pairs, double share_min)
{
	const struct figure figure = {
		.name = name,
		.unit = bytes ? UNIT_RATE : UNIT_TIME,
		.bytes = bytes,
		.samples = &pairs->figure,
		.limit_name = limit,
		.limit = &pairs->limit,
		.share = &pairs->share,
		.share_min = share_min,
		.most = -1,
	};

	bench_report(bench, &figure);
}

void bench_note(const struct bench *bench, const char *format, ...)
{
	va_list arguments;

	if (bench->json)
		return;
	va_start(arguments, format);
	fputs("    ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
	fflush(stdout);
}

void bench_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

void bench_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fflush(stdout);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(3);
}

void bench_must(enum cairn_status status, const struct cairn_error *error)
{
	if (status != CAIRN_OK)
		bench_fail("%s: %s", cairn_status_name(status), error->message);
}

struct effort bench_effort(const struct bench *bench, double seconds)
{
	return (struct effort){
		.rounds_min = bench->quick ? 3 : 7,
		.rounds_max = 20000,
		.budget_ns = (uint64_t)((bench->quick ? seconds / 4 : seconds) * 1e9),
	};
}
