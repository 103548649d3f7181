/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows of mapped files: many small ranges cost few system calls, and none is touched that was
 * not brought in.
 */
#include "engine/read/file.h"

#include <errno.h>

#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

/* Three windows and a bit. */
#define SIZE ((size_t)200000)

static struct scene scene;
static uint8_t data[SIZE];
static struct file file;

static void set_up(void)
{
	const struct bytes bytes = {data, SIZE};
	const struct file_place place = {.directory = SYSTEM_CWD, .path = "/f", .name = "/f"};
	struct random random = {3};

	random_fill(&random, data, SIZE);
	scene_open(&scene);
	scene_add_file(&scene, "/f", &bytes);
	ASSERT_OK(file_open(scene.system, &place, &file, &test_error));
	ASSERT_OK(file_map(&file, CAIRN_TRANSPORT_MAP, &test_error));
}

static void tear_down(void)
{
	file_close(&file);
	scene_close(&scene);
}

static uint64_t populated(void)
{
	return memory_system_calls(scene.memory, MEMORY_CALL_POPULATE);
}

START_TEST(a_window_is_brought_in_once)
{
	for (uint64_t offset = 0; offset < FILE_WINDOW_SIZE; offset += 64)
		ASSERT_OK(file_prepare(&file, offset, 8, &test_error));
	ck_assert_uint_eq(populated(), 1);
	ASSERT_OK(file_prepare(&file, FILE_WINDOW_SIZE - 4, 8, &test_error)); /* and the next */
	ck_assert_uint_eq(populated(), 2);
	ASSERT_OK(file_prepare(&file, SIZE - 1, 1, &test_error)); /* which is shorter */
	ASSERT_OK(file_prepare(&file, SIZE, 0, &test_error));
	ASSERT_OK(file_prepare(&file, 0, FILE_WINDOW_SIZE, &test_error));
	ck_assert_uint_eq(populated(), 3);
}
END_TEST

START_TEST(large_ranges_are_brought_in_each_time)
{
	ASSERT_OK(file_prepare(&file, 0, FILE_WINDOW_SIZE + 1, &test_error));
	ASSERT_OK(file_prepare(&file, 0, FILE_WINDOW_SIZE + 1, &test_error));
	ck_assert_uint_eq(populated(), 2);
}
END_TEST

START_TEST(what_is_before_a_cut_can_be_used)
{
	ck_assert_int_eq(memory_system_truncate(scene.memory, "/f", 8192), 0);
	ASSERT_OK(file_prepare(&file, 0, 4096, &test_error));
	ASSERT_STATUS(file_prepare(&file, 16384, 8, &test_error), CAIRN_TRUNCATED);
	ASSERT_STATUS(file_prepare(&file, 8, 16384, &test_error), CAIRN_TRUNCATED);
}
END_TEST

START_TEST(a_window_that_failed_is_tried_again)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_POPULATE, .at = 1, .error = EFAULT};

	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_OK(file_prepare(&file, 0, 8, &test_error)); /* the range alone */
	ck_assert_uint_eq(populated(), 2);
	ASSERT_OK(file_prepare(&file, 0, 8, &test_error)); /* its window */
	ASSERT_OK(file_prepare(&file, 64, 8, &test_error));
	ck_assert_uint_eq(populated(), 3);
}
END_TEST

START_TEST(memory_for_the_windows_is_needed)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_ALLOCATE, .at = 1, .error = ENOMEM};
	const struct file_place place = {.directory = SYSTEM_CWD, .path = "/f", .name = "/f"};

	file_close(&file);
	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_OK(file_open(scene.system, &place, &file, &test_error));
	ASSERT_STATUS(file_map(&file, CAIRN_TRANSPORT_MAP, &test_error), CAIRN_NO_MEMORY);
}
END_TEST

static Suite *windows_suite(void)
{
	Suite *const suite = suite_create("windows");
	TCase *const tests = tcase_create("windows");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_window_is_brought_in_once);
	tcase_add_test(tests, large_ranges_are_brought_in_each_time);
	tcase_add_test(tests, what_is_before_a_cut_can_be_used);
	tcase_add_test(tests, a_window_that_failed_is_tried_again);
	tcase_add_test(tests, memory_for_the_windows_is_needed);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(windows_suite());
}
