/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fault_ways.h"

void fault_each_way(enum memory_call call, uint64_t at, int error, fault_attempt attempt)
{
	const struct memory_fault once = {.call = call, .at = at, .error = error};
	const struct memory_fault forever = {
		.call = call, .at = at, .error = error, .forever = true};
	const struct memory_fault after = {
		.call = call, .at = at, .error = error, .effect = MEMORY_FAULT_ERROR_AFTER};

	attempt(&once);
	attempt(&forever);
	if (call != MEMORY_CALL_ALLOCATE && call != MEMORY_CALL_SYNC)
		attempt(&after);
}
