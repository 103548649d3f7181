/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the real system can show; check_system.c has what both implementations share.
 */
#include "engine/system/system.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <check.h>

#include "tests/support/system_world.h"

static void assert_close_on_exec(int fd)
{
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(every_descriptor_is_close_on_exec)
{
	struct world w = world_open(0);

	assert_close_on_exec(system_create(w.system, w.directory, "file", 0666, 0));
	assert_close_on_exec(system_open(w.system, w.directory, "file", 0));
	assert_close_on_exec(system_duplicate(w.system, w.directory));
	world_close(&w);
}
END_TEST

static int collect_nothing(void *context, const char *name)
{
	(void)context;
	(void)name;
	return 0;
}

START_TEST(listing_leaves_no_descriptor_and_no_position_behind)
{
	struct world w = world_open(0);
	const int before = dup(w.directory);
	int after;

	ck_assert_int_eq(system_list(w.system, w.directory, collect_nothing, NULL), 0);
	ck_assert_int_eq(lseek(w.directory, 0, SEEK_CUR), 0);
	after = dup(w.directory);
	ck_assert_int_eq(after, before + 1);
	close(before);
	close(after);
	world_close(&w);
}
END_TEST

START_TEST(listing_needs_a_directory)
{
	struct world w = world_open(0);
	const int fd = system_create(w.system, w.directory, "file", 0666, 0);

	ck_assert_int_eq(system_list(w.system, fd, collect_nothing, NULL), -ENOTDIR);
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

START_TEST(direct_files_take_aligned_blocks)
{
	struct world w = world_open(0);
	const int fd = system_create(w.system, w.directory, "file", 0666, SYSTEM_DIRECT);
	uint8_t *block = system_allocate_aligned(w.system, SYSTEM_DIRECT_ALIGNMENT, 4096);

	ck_assert_ptr_nonnull(block);
	if (fd >= 0) {
		memset(block, 5, 4096);
		ck_assert_int_eq(system_write_all(w.system, fd, block, 4096, 4096), 0);
		system_close(w.system, fd);
	} else {
		ck_assert_int_eq(fd, -EINVAL);
	}
	system_free(w.system, block);
	world_close(&w);
}
END_TEST

START_TEST(residency_is_asked_in_limited_ranges)
{
	struct world w = world_open(0);
	const size_t size = (size_t)65 << 20;
	const int fd = system_create(w.system, w.directory, "file", 0666, 0);
	const uint8_t *address = NULL;
	const int preallocated = system_preallocate(w.system, fd, size);

	if (preallocated == 0) {
		ck_assert_int_eq(system_map(w.system, fd, 0, size, SYSTEM_MAP_SHARED, &address), 0);
		ck_assert_int_eq(system_resident(w.system, address, size), -EINVAL);
		ck_assert_int_ge(system_resident(w.system, address + 1, (size_t)64 << 20), 0);
		system_unmap(w.system, address, size);
		ck_assert_int_eq(system_resident(w.system, address, 1), -ENOMEM);
	}
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

struct seen_signals {
	sigset_t blocked;
};

static void look_at_signals(void *context)
{
	struct seen_signals *seen = context;

	pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
}

START_TEST(threads_leave_the_signals_of_the_host_alone)
{
	struct system *system = system_posix();
	struct system_thread thread;
	struct seen_signals seen;
	sigset_t own;

	ck_assert_int_eq(system_thread_start(system, look_at_signals, &seen, &thread), 0);
	system_thread_join(system, thread);
	ck_assert_int_eq(sigismember(&seen.blocked, SIGINT), 1);
	ck_assert_int_eq(sigismember(&seen.blocked, SIGPROF), 1);
	ck_assert_int_eq(sigismember(&seen.blocked, SIGBUS), 0);
	ck_assert_int_eq(sigismember(&seen.blocked, SIGSEGV), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &own);
	ck_assert_int_eq(sigismember(&own, SIGINT), 0);
}
END_TEST

START_TEST(processors_are_those_that_may_be_used)
{
	const uint32_t count = system_processors(system_posix());

	ck_assert_uint_ge(count, 1);
	ck_assert_int_le((long)count, sysconf(_SC_NPROCESSORS_CONF));
}
END_TEST

START_TEST(a_watch_tells_that_a_directory_changed)
{
	struct system *system = system_posix();
	struct world world = world_open(0);
	const int watch = system_watch(system, world.path);
	int fd;

	ck_assert_int_ge(watch, 0);
	ck_assert_int_eq(system_watch_wait(system, watch, 0), 0);
	fd = system_create(system, world.directory, "file", 0644, 0);
	ck_assert_int_ge(fd, 0);
	system_close(system, fd);
	ck_assert_int_eq(system_watch_wait(system, watch, UINT64_MAX / 2), 1);
	ck_assert_int_eq(system_watch_wait(system, watch, 0), 0);
	system_rename(system, world.directory, "file", world.directory, "other",
		      SYSTEM_RENAME_REPLACE);
	ck_assert_int_eq(system_watch_wait(system, watch, UINT64_MAX / 2), 1);
	world_close(&world);
	ck_assert_int_eq(system_watch_wait(system, watch, UINT64_MAX / 2), -ENOENT);
	system_close(system, watch);
}
END_TEST

START_TEST(a_watch_needs_a_directory)
{
	struct world world = world_open(0);
	int fd = system_create(world.system, world.directory, "file", 0644, 0);

	ck_assert_int_eq(system_watch(world.system, world_path(&world, "nothing")), -ENOENT);
	ck_assert_int_eq(system_watch(world.system, world_path(&world, "file")), -ENOTDIR);
	system_close(world.system, fd);
	world_close(&world);
}
END_TEST

START_TEST(the_working_directory_is_absolute)
{
	char path[4096];

	ck_assert_int_eq(system_working_directory(system_posix(), path, sizeof(path)), 0);
	ck_assert_int_eq(path[0], '/');
	ck_assert_int_eq(system_working_directory(system_posix(), path, 1), -ERANGE);
}
END_TEST

START_TEST(the_monotonic_clock_goes_on)
{
	const uint64_t before = system_monotonic(system_posix());

	system_sleep(system_posix(), 1);
	ck_assert_uint_gt(system_monotonic(system_posix()), before);
}
END_TEST

START_TEST(the_wall_clock_counts_from_1970)
{
	const int64_t year_2020 = INT64_C(1577836800) * 1000000000;

	ck_assert_int_gt(system_wall_clock(system_posix()), year_2020);
}
END_TEST

static Suite *system_posix_suite(void)
{
	Suite *suite = suite_create("system_posix");
	TCase *tcase = tcase_create("posix");

	tcase_add_test(tcase, every_descriptor_is_close_on_exec);
	tcase_add_test(tcase, listing_leaves_no_descriptor_and_no_position_behind);
	tcase_add_test(tcase, listing_needs_a_directory);
	tcase_add_test(tcase, direct_files_take_aligned_blocks);
	tcase_add_test(tcase, residency_is_asked_in_limited_ranges);
	tcase_add_test(tcase, threads_leave_the_signals_of_the_host_alone);
	tcase_add_test(tcase, processors_are_those_that_may_be_used);
	tcase_add_test(tcase, a_watch_tells_that_a_directory_changed);
	tcase_add_test(tcase, a_watch_needs_a_directory);
	tcase_add_test(tcase, the_working_directory_is_absolute);
	tcase_add_test(tcase, the_monotonic_clock_goes_on);
	tcase_add_test(tcase, the_wall_clock_counts_from_1970);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(system_posix_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
