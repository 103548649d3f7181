/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clocks of the real system: one that only goes on, for waiting, and the one that tells the
 * date.
 */
#include "engine/system/posix_clock.h"

#include <time.h>

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + (int64_t)now.tv_nsec;
}

uint64_t posix_monotonic(struct system *system)
{
	(void)system;
	return (uint64_t)nanoseconds(CLOCK_MONOTONIC);
}

int64_t posix_wall_clock(struct system *system)
{
	(void)system;
	return nanoseconds(CLOCK_REALTIME);
}
