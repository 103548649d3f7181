/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sync_clock.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/timer.h"

static atomic_uint_fast64_t total_ns;
static atomic_uint_fast64_t total_calls;

/* Takes the place of the C library's. */
int fsync(int fd)
{
	const uint64_t start = timer_now();
	const int result = (int)syscall(SYS_fsync, fd);

	atomic_fetch_add(&total_ns, timer_now() - start);
	atomic_fetch_add(&total_calls, 1);
	return result;
}

uint64_t sync_clock_ns(void)
{
	return atomic_load(&total_ns);
}

uint64_t sync_clock_calls(void)
{
	return atomic_load(&total_calls);
}
