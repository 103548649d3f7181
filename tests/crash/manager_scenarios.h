/* SPDX-License-Identifier: Apache-2.0 */
/* Crash scenarios of managers, as a part of crash_states. */
#ifndef CAIRN_TESTS_MANAGER_SCENARIOS_H
#define CAIRN_TESTS_MANAGER_SCENARIOS_H

#include <stdbool.h>
#include <stdint.h>

struct manager_tally {
	uint64_t states;
	uint64_t torn;
	uint64_t lost;
	uint64_t neither;
	uint64_t orphans;
};

/* Runs all of them, a line each on stdout. */
struct manager_tally manager_scenarios_run(bool is_long);

#endif
