/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clock, statistics, repetition.
 *
 * Medians and quartiles are those of the sorted samples without interpolation: every number that is
 * printed was measured.
 */
#include "bench/timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -------------------------------------------------------------------------------------- samples */

void samples_add(struct samples *samples, double value)
{
	if (samples->count == samples->room) {
		const size_t room = samples->room ? 2 * samples->room : 64;
		double *const values = realloc(samples->values, room * sizeof(*values));

		if (!values) {
			fputs("bench: out of memory\n", stderr);
			exit(3);
		}
		samples->values = values;
		samples->room = room;
	}
	samples->values[samples->count++] = value;
}

void samples_free(struct samples *samples)
{
	free(samples->values);
	*samples = (struct samples){0};
}

static int compare_values(const void *a, const void *b)
{
	double left;
	double right;

	memcpy(&left, a, sizeof(left));
	memcpy(&right, b, sizeof(right));
	return (left > right) - (left < right);
}

double samples_quantile(const struct samples *samples, double share)
{
	double *sorted;
	double value;

	if (samples->count == 0)
		return 0;
	sorted = malloc(samples->count * sizeof(*sorted));
	if (!sorted)
		return 0;
	memcpy(sorted, samples->values, samples->count * sizeof(*sorted));
	qsort(sorted, samples->count, sizeof(*sorted), compare_values);
	value = sorted[(size_t)(share * (double)(samples->count - 1) + 0.5)];
	free(sorted);
	return value;
}

double samples_min(const struct samples *samples)
{
	return samples_quantile(samples, 0);
}

double samples_median(const struct samples *samples)
{
	return samples_quantile(samples, 0.5);
}

double samples_spread(const struct samples *samples)
{
	const double median = samples_median(samples);

	if (median <= 0)
		return 0;
	return (samples_quantile(samples, 0.75) - samples_quantile(samples, 0.25)) / median;
}

/* ---------------------------------------------------------------------------------------- clock */

uint64_t timer_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

const char *timer_unfit(void)
{
#if !defined(__OPTIMIZE__)
	return "it was built without optimisation";
#elif !defined(NDEBUG)
	return "it was built with assertions";
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return "it was built with a sanitizer";
#else
	return NULL;
#endif
}

/* ----------------------------------------------------------------------------------- repetition */

int effort_goes_on(const struct effort *effort, size_t done, uint64_t begin)
{
	if (done < effort->rounds_min)
		return 1;
	return done < effort->rounds_max && timer_now() - begin < effort->budget_ns;
}

void timer_pairs(timer_run figure, timer_run limit, void *context, const struct effort *effort,
		 struct pairs *pairs)
{
	uint64_t begin;

	(void)limit(context);
	(void)figure(context);
	begin = timer_now();
	for (size_t round = 0; effort_goes_on(effort, round, begin); round++) {
		double limit_ns = round % 2 ? 0 : limit(context);
		const double figure_ns = figure(context);

		if (round % 2)
			limit_ns = limit(context);
		samples_add(&pairs->figure, figure_ns);
		samples_add(&pairs->limit, limit_ns);
		samples_add(&pairs->share, limit_ns / figure_ns);
	}
}

void timer_single(timer_run run, void *context, const struct effort *effort,
		  struct samples *samples)
{
	uint64_t begin;

	(void)run(context);
	begin = timer_now();
	for (size_t round = 0; effort_goes_on(effort, round, begin); round++)
		samples_add(samples, run(context));
}

void pairs_free(struct pairs *pairs)
{
	samples_free(&pairs->figure);
	samples_free(&pairs->limit);
	samples_free(&pairs->share);
}
