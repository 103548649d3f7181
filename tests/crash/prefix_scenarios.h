/* SPDX-License-Identifier: Apache-2.0 */
/* Crash scenarios of TensorFlow prefixes, as a part of crash_states. */
#ifndef CAIRN_TESTS_PREFIX_SCENARIOS_H
#define CAIRN_TESTS_PREFIX_SCENARIOS_H

#include <stdbool.h>
#include <stdint.h>

struct prefix_tally {
	uint64_t states;
	uint64_t torn;
	uint64_t lost;
	uint64_t neither;
	uint64_t orphans;
};

/* Runs all of them, a line each on stdout. */
struct prefix_tally prefix_scenarios_run(bool is_long);

#endif
