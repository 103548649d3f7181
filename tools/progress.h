/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of long work, and how it is interrupted.
 */
#ifndef CAIRN_TOOLS_PROGRESS_H
#define CAIRN_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds of a clock that never goes back. */
uint64_t progress_clock(void);

/*
 * From now on SIGINT and SIGTERM end the program at once with 130, and a closed pipe is an error of
 * write instead of a signal. Called once, first of all.
 */
void progress_take_signals(void);

/*
 * From now on SIGINT and SIGTERM only make progress_interrupted true, so that work that leaves
 * files behind can be undone in order.
 */
void progress_defer_signals(void);
bool progress_interrupted(void);

/* A bar on stderr. Shown only there, only on a terminal, and only after half a second. */
struct progress {
	const char *what; /* borrowed */
	uint64_t start;   /* progress_clock */
	uint64_t drawn;   /* when last; 0: never */
	bool terminal;
	bool steps; /* what is counted are no bytes: only their share is shown */
};

void progress_begin(struct progress *progress, const char *what);

/* A cairn_progress with a struct progress as its context: not 0 after a signal. */
int progress_update(void *progress, uint64_t done, uint64_t total);

/* Removes the bar, before anything else is printed. */
void progress_end(struct progress *progress);

#endif
