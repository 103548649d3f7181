/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/promise.h"

#include <stdio.h>
#include <stdlib.h>

void mark(struct memory_system *memory, enum cairn_status status)
{
	memory_system_mark(memory, status == CAIRN_OK         ? SUCCEEDED
				   : status == CAIRN_IN_DOUBT ? IN_DOUBT
							      : FAILED);
}

void fail(const char *what, const char *why)
{
	fprintf(stderr, "crash_states: %s: %s\n", what, why);
	exit(2);
}
