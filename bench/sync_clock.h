/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this program spends in fsync.
 *
 * The program's own fsync stands before that of the C library, for the static libcairn too: it does
 * the same and adds up how long it took.
 */
#ifndef BENCH_SYNC_CLOCK_H
#define BENCH_SYNC_CLOCK_H

#include <stdint.h>

/* Nanoseconds within fsync so far, of all threads. */
uint64_t sync_clock_ns(void);

/* Calls of fsync so far. */
uint64_t sync_clock_calls(void);

#endif
