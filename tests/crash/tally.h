/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of crash_states find, and the parts. */
#ifndef CAIRN_TESTS_CRASH_TALLY_H
#define CAIRN_TESTS_CRASH_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/crash/promise.h"
#include "tests/support/crash.h"

struct tally {
	uint64_t states;
	uint64_t versions[VERSION_COUNT]; /* what was found, where a scenario counts it */
	uint64_t torn;
	uint64_t lost;
	uint64_t neither;
	uint64_t orphans;
};

/* A line about one scenario. */
void tally_print(const char *name, const struct crash_counts *counts, const struct tally *tally);

void tally_add(struct tally *total, const struct tally *tally);

/* Each runs all of its scenarios, a line each on stdout, and adds what was found. */
void manager_scenarios_run(bool is_long, struct tally *total);
void prefix_scenarios_run(bool is_long, struct tally *total);
void saver_scenarios_run(bool is_long, struct tally *total);
void sharded_scenarios_run(bool is_long, struct tally *total);

#endif
