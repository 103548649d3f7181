/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of a scenario, in place of the system's: what the library is told when it asks for the
 * time of day. Other clocks go on as they do.
 */
#include <time.h>

#include <sys/syscall.h>
#include <unistd.h>

#include "tests/conform/conform.h"

#define NS_PER_SECOND 1e9

static double clock_now = CONFORM_CLOCK_START;

void conform_set_clock(double now)
{
	clock_now = now;
}

/* The program's own definition goes before the C library's. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_REALTIME)
		return (int)syscall(SYS_clock_gettime, clock, now);
	now->tv_sec = (time_t)clock_now; /* never before 1970 */
	now->tv_nsec = (long)((clock_now - (double)now->tv_sec) * NS_PER_SECOND);
	return 0;
}
