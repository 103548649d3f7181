/* SPDX-License-Identifier: Apache-2.0 */
/* Crash scenarios of sharded checkpoints, as a part of crash_states. */
#ifndef CAIRN_TESTS_SHARDED_SCENARIOS_H
#define CAIRN_TESTS_SHARDED_SCENARIOS_H

#include <stdbool.h>
#include <stdint.h>

struct sharded_tally {
	uint64_t states;
	uint64_t torn;
	uint64_t lost;
	uint64_t neither;
	uint64_t orphans;
};

/* Runs all of them, a line each on stdout. */
struct sharded_tally sharded_scenarios_run(bool is_long);

#endif
