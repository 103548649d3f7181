/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timing core. Knows nothing of what is measured.
 *
 * A run does its work once and returns the nanoseconds that count. Runs are repeated within an
 * effort; a figure and its limit are run in turn, so that a slow spell of the machine meets both,
 * and compared pair by pair.
 */
#ifndef BENCH_TIMER_H
#define BENCH_TIMER_H

#include <stddef.h>
#include <stdint.h>

/* Zero is empty. */
struct samples {
	double *values; /* owned */
	size_t count;
	size_t room;
};

/* Ends the program when memory runs out, as everything in bench does. */
void samples_add(struct samples *samples, double value);
void samples_free(struct samples *samples);

/* 0 when there are none. `share` is from 0 (smallest) to 1 (largest). */
double samples_quantile(const struct samples *samples, double share);
double samples_min(const struct samples *samples);
double samples_median(const struct samples *samples);

/* Distance between the quartiles as a share of the median. */
double samples_spread(const struct samples *samples);

/* Nanoseconds of a clock that only goes forward. */
uint64_t timer_now(void);

/* Why this build must not report figures (no optimisation, instrumented); NULL: it may. */
const char *timer_unfit(void);

typedef double (*timer_run)(void *context);

/* How often a run is repeated: until `budget_ns` is used up, but within these bounds. */
struct effort {
	size_t rounds_min;
	size_t rounds_max;
	uint64_t budget_ns;
};

/* Whether one more round fits, `done` rounds and some time after `begin`. */
int effort_goes_on(const struct effort *effort, size_t done, uint64_t begin);

/* A figure and its limit, round by round. `share` is limit / figure: 1 is as fast as the limit. */
struct pairs {
	struct samples figure;
	struct samples limit;
	struct samples share;
};

/* One round that is not counted comes first; the order of the two changes with every round. */
void timer_pairs(timer_run figure, timer_run limit, void *context, const struct effort *effort,
		 struct pairs *pairs);
void timer_single(timer_run run, void *context, const struct effort *effort,
		  struct samples *samples);
void pairs_free(struct pairs *pairs);

#endif
