/* SPDX-License-Identifier: Apache-2.0 */
/* What a run has promised when the power goes, and which version is found then. */
#ifndef CAIRN_TESTS_PROMISE_H
#define CAIRN_TESTS_PROMISE_H

#include <cairn/error.h>

#include "engine/system/memory_system.h"

/* The marker of the trace: what the run had returned. */
enum marker {
	RUNNING = 0,
	SUCCEEDED = 1,
	FAILED = 2,
	IN_DOUBT = 3
};

/* Versions are told by the seed of their sample. */
enum version {
	TORN = -1,
	ABSENT = 0,
	OLD = 1,
	NEW = 2,
	NEWER = 3,
	VERSION_COUNT = 4
};

/* Marks the trace with what a status promises. */
void mark(struct memory_system *memory, enum cairn_status status);

/* The harness itself does not work: says so and exits with 2. */
void fail(const char *what, const char *why);

#endif
