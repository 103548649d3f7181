/* SPDX-License-Identifier: Apache-2.0 */
/* Crash scenarios of savers with retention and a state file, as a part of crash_states. */
#ifndef CAIRN_TESTS_SAVER_SCENARIOS_H
#define CAIRN_TESTS_SAVER_SCENARIOS_H

#include <stdbool.h>
#include <stdint.h>

struct saver_tally {
	uint64_t states;
	uint64_t torn;
	uint64_t lost;
	uint64_t neither;
	uint64_t orphans;
};

/* Runs all of them, a line each on stdout. */
struct saver_tally saver_scenarios_run(bool is_long);

#endif
