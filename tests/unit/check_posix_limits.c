/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process may use, from files of the kernel's as they were found on hosts and in
 * containers: in a folder that stands for the root.
 */
#include "engine/system/posix_limits.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/suite.h"

static char root[64];

static void set_up(void)
{
	strcpy(root, "/tmp/check_posix_limits.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

/* A file below the root, with the folders above it. */
static void put(const char *path, const char *text)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(full, 0777);
		*slash = '/';
	}
	file = fopen(full, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static uint64_t available(void)
{
	uint64_t bytes = 0;

	ck_assert_int_eq(posix_memory_available_under(root, &bytes), 0);
	return bytes;
}

static void put_host(void)
{
	put("/proc/meminfo", "MemTotal:       10000 kB\nMemFree:         100 kB\n"
			     "MemAvailable:    8000 kB\n");
}

START_TEST(nothing_there_says_nothing)
{
	uint64_t bytes;

	ck_assert_int_lt(posix_memory_available_under(root, &bytes), 0);
}
END_TEST

START_TEST(without_groups_the_host_decides)
{
	put_host();
	ck_assert_uint_eq(available(), UINT64_C(8000) * 1024);
}
END_TEST

START_TEST(version_2_counts_all_groups_above)
{
	put_host();
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/sys/fs/cgroup/a/b/memory.max", "max\n");
	put("/sys/fs/cgroup/a/b/memory.high", "max\n");
	ck_assert_uint_eq(available(), UINT64_C(8000) * 1024);
	put("/sys/fs/cgroup/a/memory.max", "5000000\n");
	put("/sys/fs/cgroup/a/memory.current", "3000000\n");
	ck_assert_uint_eq(available(), 2000000);
	put("/sys/fs/cgroup/a/memory.stat",
	    "anon 1\nfile 9\ninactive_file 500000\nactive_file 400000\n");
	ck_assert_uint_eq(available(), 2900000);
	put("/sys/fs/cgroup/a/b/memory.high", "1000000\n");
	put("/sys/fs/cgroup/a/b/memory.current", "999999\n");
	ck_assert_uint_eq(available(), 1);
	put("/sys/fs/cgroup/a/b/memory.current", "2000000\n");
	ck_assert_uint_eq(available(), 0);
}
END_TEST

START_TEST(in_a_container_the_base_is_the_group)
{
	put_host();
	put("/proc/self/cgroup", "0::/\n");
	put("/sys/fs/cgroup/memory.max", "700\n");
	put("/sys/fs/cgroup/memory.current", "300\n");
	ck_assert_uint_eq(available(), 400);
	put("/proc/self/cgroup", "0::/../other\n");
	ck_assert_uint_eq(available(), 400);
	put("/proc/self/cgroup", "0::/not/mounted/here\n");
	ck_assert_uint_eq(available(), 400);
}
END_TEST

START_TEST(version_1_is_read_too)
{
	put_host();
	put("/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/f00\n0::/\n");
	put("/sys/fs/cgroup/memory/docker/f00/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/docker/f00/memory.usage_in_bytes", "1000\n");
	ck_assert_uint_eq(available(), UINT64_C(8000) * 1024);
	put("/sys/fs/cgroup/memory/docker/f00/memory.limit_in_bytes", "5000\n");
	put("/sys/fs/cgroup/memory/docker/f00/memory.stat",
	    "inactive_file 1\ntotal_inactive_file 70\ntotal_active_file 30\n");
	ck_assert_uint_eq(available(), 4100);
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "3000\n");
	put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n");
	ck_assert_uint_eq(available(), 2000);
}
END_TEST

START_TEST(what_is_not_as_expected_is_no_limit)
{
	put_host();
	put("/proc/self/cgroup", "nonsense\n0:\n::\n0::/a\n");
	put("/sys/fs/cgroup/a/memory.max", "99999999999999999999999999\n");
	put("/sys/fs/cgroup/a/memory.high", "many\n");
	put("/sys/fs/cgroup/a/memory.current", "-5\n");
	ck_assert_uint_eq(available(), UINT64_C(8000) * 1024);
	put("/proc/meminfo", "MemAvailable: 99999999999999999999 kB\n");
	put("/sys/fs/cgroup/a/memory.max", "12\n");
	ck_assert_uint_eq(available(), 0); /* what is used is not known: all of it */
}
END_TEST

START_TEST(this_process_has_some)
{
	uint64_t bytes = 0;

	if (system_memory_available(system_posix(), &bytes) == 0)
		ck_assert_uint_gt(bytes, 0);
	ck_assert_uint_ge(system_processors(system_posix()), 1);
	ck_assert_uint_ge(system_descriptors_max(system_posix()), 1);
}
END_TEST

START_TEST(the_owner_of_a_file_is_told_what_is_in_memory)
{
	char path[128];
	int fd;

	put("/mine", "x");
	snprintf(path, sizeof(path), "%s/mine", root);
	fd = system_open(system_posix(), SYSTEM_CWD, path, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(system_tells_residency(system_posix(), fd), 1);
	system_close(system_posix(), fd);
	ck_assert_int_lt(system_tells_residency(system_posix(), fd), 0);
	fd = system_open(system_posix(), SYSTEM_CWD, "/etc/passwd", 0);
	if (fd >= 0 && geteuid() != 0)
		ck_assert_int_eq(system_tells_residency(system_posix(), fd), 0);
	system_close(system_posix(), fd);
}
END_TEST

static Suite *suite(void)
{
	Suite *const suite = suite_create("posix_limits");
	TCase *const test_case = tcase_create("limits");

	tcase_add_checked_fixture(test_case, set_up, tear_down);
	tcase_add_test(test_case, nothing_there_says_nothing);
	tcase_add_test(test_case, without_groups_the_host_decides);
	tcase_add_test(test_case, version_2_counts_all_groups_above);
	tcase_add_test(test_case, in_a_container_the_base_is_the_group);
	tcase_add_test(test_case, version_1_is_read_too);
	tcase_add_test(test_case, what_is_not_as_expected_is_no_limit);
	tcase_add_test(test_case, this_process_has_some);
	tcase_add_test(test_case, the_owner_of_a_file_is_told_what_is_in_memory);
	suite_add_tcase(suite, test_case);
	return suite;
}

int main(void)
{
	return run_suite(suite());
}
