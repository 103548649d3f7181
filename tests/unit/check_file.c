/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files for reading: how they are mapped or not, what is read, and what a file that was cut off
 * leads to. In the in-memory system, which refuses what it is told to.
 */
#include "engine/read/file.h"

#include <errno.h>
#include <stdio.h>

#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/system_world.h"

#define SIZE ((size_t)200000)

static struct scene scene;
static uint8_t data[SIZE];
static struct file file;

static void set_up(void)
{
	struct random random = {8};
	const struct bytes bytes = {data, SIZE};

	random_fill(&random, data, SIZE);
	scene_open(&scene);
	scene_add_file(&scene, "/f", &bytes);
}

static void tear_down(void)
{
	file_close(&file);
	scene_close(&scene);
}

static enum cairn_status open_path(const char *path, uint32_t flags)
{
	const struct file_place place = {
		.directory = SYSTEM_CWD, .path = path, .name = path, .flags = flags};

	return file_open(scene.system, &place, &file, &test_error);
}

static uint64_t live_maps(void)
{
	return memory_system_live(scene.memory).maps;
}

static void inject(enum memory_call call, uint64_t at, bool forever, int error)
{
	const struct memory_fault fault = {
		.call = call, .at = at, .forever = forever, .error = error};

	memory_system_set_fault(scene.memory, 0, &fault);
}

/* ----------------------------------------------------------------------------------------- open */

START_TEST(a_regular_file_is_opened_with_its_size)
{
	ASSERT_OK(open_path("/f", 0));
	ck_assert_uint_eq(file.size, SIZE);
	ck_assert_ptr_null(file.base);
}
END_TEST

START_TEST(what_is_no_regular_file_is_refused)
{
	ck_assert_int_eq(memory_system_add_special(scene.memory, "/fifo"), 0);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, "/d"), 0);
	ASSERT_FAILS(open_path("/fifo", 0), CAIRN_NOT_A_CHECKPOINT, "fifo, socket or device");
	ASSERT_FAILS(open_path("/d", 0), CAIRN_NOT_A_CHECKPOINT, "a directory");
	ASSERT_FAILS(open_path("/none", 0), CAIRN_NOT_FOUND, "cannot open");
	ck_assert_uint_eq(memory_system_live(scene.memory).descriptors, 0);
	file = (struct file){.fd = -1};
}
END_TEST

START_TEST(links_are_followed_unless_it_is_forbidden)
{
	ck_assert_int_eq(memory_system_add_link(scene.memory, "/l", "f"), 0);
	ASSERT_STATUS(open_path("/l", SYSTEM_NO_FOLLOW), CAIRN_IO);
	ck_assert_int_eq(test_error.system_errno, ELOOP);
	ASSERT_OK(open_path("/l", 0));
}
END_TEST

static const struct {
	uint64_t start;
	uint64_t size;
	uint64_t expected;
	enum cairn_status status;
} parts[] = {
	{0, 0, SIZE, CAIRN_OK},
	{1000, 0, SIZE - 1000, CAIRN_OK},
	{1000, 500, 500, CAIRN_OK},
	{SIZE, 0, 0, CAIRN_OK},
	{SIZE + 1, 0, 0, CAIRN_TRUNCATED},
	{1000, SIZE, 0, CAIRN_TRUNCATED},
	{UINT64_MAX, 2, 0, CAIRN_TRUNCATED},
};

START_TEST(part_of_a_descriptor_is_a_file)
{
	const int fd = system_open(scene.system, SYSTEM_CWD, "/f", 0);
	uint8_t buffer[16];

	ASSERT_STATUS(
		file_open_fd(scene.system, fd, parts[_i].start, parts[_i].size, &file, &test_error),
		parts[_i].status);
	system_close(scene.system, fd);
	if (parts[_i].status != CAIRN_OK) {
		file = (struct file){.fd = -1};
		return;
	}
	ck_assert_uint_eq(file.size, parts[_i].expected);
	if (file.size >= 16) {
		ASSERT_OK(file_read(&file, 3, buffer, 13, &test_error));
		ck_assert_mem_eq(buffer, data + parts[_i].start + 3, 13);
	}
}
END_TEST

START_TEST(closing_twice_is_allowed)
{
	struct file none = {0};

	ASSERT_OK(open_path("/f", 0));
	file_close(&file);
	file_close(&file);
	file_close(&none);
}
END_TEST

/* ------------------------------------------------------------------------------------------ map */

START_TEST(a_local_file_is_mapped)
{
	ASSERT_OK(open_path("/f", 0));
	ASSERT_OK(file_map(&file, CAIRN_TRANSPORT_AUTO, &test_error));
	ck_assert_mem_eq(file.base, data, SIZE);
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_MAP), 1);
}
END_TEST

START_TEST(a_part_is_mapped_wherever_it_begins)
{
	static const uint64_t starts[] = {1, 4095, 4096, 4097, 65536, 70001, 131073};
	const int fd = system_open(scene.system, SYSTEM_CWD, "/f", 0);

	ASSERT_OK(file_open_fd(scene.system, fd, starts[_i], 0, &file, &test_error));
	system_close(scene.system, fd);
	ASSERT_OK(file_map(&file, CAIRN_TRANSPORT_AUTO, &test_error));
	ck_assert_ptr_nonnull(file.base);
	ck_assert(memcmp(file.base, data + starts[_i], SIZE - starts[_i]) == 0);
}
END_TEST

static const int refusals[] = {ENODEV, EINVAL, EACCES, EPERM};

START_TEST(private_where_shared_is_refused)
{
	memory_system_settings(scene.memory)->map_shared_error = refusals[_i];
	ASSERT_OK(open_path("/f", 0));
	ASSERT_OK(file_map(&file, CAIRN_TRANSPORT_AUTO, &test_error));
	ck_assert_mem_eq(file.base, data, SIZE);
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_MAP), 2);
}
END_TEST

START_TEST(no_map_where_both_are_refused)
{
	uint8_t buffer[100];

	inject(MEMORY_CALL_MAP, 1, true, refusals[_i]);
	ASSERT_OK(open_path("/f", 0));
	ASSERT_OK(file_map(&file, CAIRN_TRANSPORT_MAP, &test_error));
	ck_assert_ptr_null(file.base);
	ck_assert_uint_eq(file.map_size, 0);
	ASSERT_OK(file_read(&file, 5, buffer, sizeof(buffer), &test_error));
	ck_assert_mem_eq(buffer, data + 5, sizeof(buffer));
}
END_TEST

START_TEST(address_space_that_runs_out_is_an_error)
{
	inject(MEMORY_CALL_MAP, 1, true, ENOMEM);
	ASSERT_OK(open_path("/f", 0));
	ASSERT_FAILS(file_map(&file, CAIRN_TRANSPORT_AUTO, &test_error), CAIRN_NO_MEMORY,
		     "cannot map 200000 bytes");
}
END_TEST

static const struct {
	int is_local;
	enum cairn_transport transport;
	bool is_mapped;
} transports[] = {
	{1, CAIRN_TRANSPORT_AUTO, true},        {1, CAIRN_TRANSPORT_MAP, true},
	{1, CAIRN_TRANSPORT_COPY, false},       {0, CAIRN_TRANSPORT_AUTO, false},
	{0, CAIRN_TRANSPORT_MAP, true},         {0, CAIRN_TRANSPORT_COPY, false},
	{-ENOSYS, CAIRN_TRANSPORT_AUTO, false},
};

START_TEST(the_transport_decides_where_files_are_not_local)
{
	memory_system_settings(scene.memory)->is_local = transports[_i].is_local;
	ASSERT_OK(open_path("/f", 0));
	ASSERT_OK(file_map(&file, transports[_i].transport, &test_error));
	ck_assert_int_eq(file.base != NULL, transports[_i].is_mapped);
	ck_assert_uint_eq(live_maps(), transports[_i].is_mapped);
}
END_TEST

START_TEST(an_empty_file_is_not_mapped)
{
	const struct bytes nothing = {data, 0};

	scene_add_file(&scene, "/empty", &nothing);
	ASSERT_OK(open_path("/empty", 0));
	ASSERT_OK(file_map(&file, CAIRN_TRANSPORT_MAP, &test_error));
	ck_assert_ptr_null(file.base);
}
END_TEST

/* ----------------------------------------------------------------------------------------- read */

START_TEST(reading_past_a_cut_says_where)
{
	uint8_t buffer[1000];

	ASSERT_OK(open_path("/f", 0));
	ck_assert_int_eq(memory_system_truncate(scene.memory, "/f", 5300), 0);
	ASSERT_FAILS(file_read(&file, 5000, buffer, 1000, &test_error), CAIRN_TRUNCATED,
		     "ends 300 bytes after offset 5000");
	ck_assert_uint_eq(test_error.offset, 5000);
}
END_TEST

START_TEST(a_failing_medium_says_where)
{
	uint8_t buffer[1000];

	ASSERT_OK(open_path("/f", 0));
	inject(MEMORY_CALL_PREAD, 1, false, EIO);
	ASSERT_FAILS(file_read(&file, 5000, buffer, 1000, &test_error), CAIRN_IO, "offset 5000");
	ck_assert_int_eq(test_error.system_errno, EIO);
}
END_TEST

START_TEST(memory_is_a_file_too)
{
	uint8_t buffer[100];

	file_from_memory(scene.system, data, SIZE, &file);
	ASSERT_OK(file_map(&file, CAIRN_TRANSPORT_AUTO, &test_error));
	ASSERT_OK(file_prepare(&file, 0, SIZE, &test_error));
	ck_assert(file_is_resident(&file, 0, SIZE));
	ASSERT_OK(file_read(&file, 77, buffer, 100, &test_error));
	ck_assert_mem_eq(buffer, data + 77, 100);
	ck_assert_ptr_eq(file.base, data);
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_ANY), 0);
}
END_TEST

/* -------------------------------------------------------------------------------------- prepare */

static void map_file(void)
{
	ASSERT_OK(open_path("/f", 0));
	ASSERT_OK(file_map(&file, CAIRN_TRANSPORT_AUTO, &test_error));
}

START_TEST(pages_are_populated)
{
	map_file();
	ASSERT_OK(file_prepare(&file, 100, 5000, &test_error));
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_POPULATE), 1);
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_PREAD), 0);
}
END_TEST

START_TEST(a_cut_file_is_truncated_when_it_is_prepared)
{
	map_file();
	ck_assert_int_eq(memory_system_truncate(scene.memory, "/f", 100000), 0);
	ASSERT_OK(file_prepare(&file, 0, 50000, &test_error));
	ASSERT_STATUS(file_prepare(&file, 90000, 50000, &test_error), CAIRN_TRUNCATED);
}
END_TEST

START_TEST(a_failing_medium_is_an_error_when_it_is_prepared)
{
	const struct memory_fault second = {
		.call = MEMORY_CALL_PREAD, .at = 1, .forever = true, .error = EIO};

	map_file();
	inject(MEMORY_CALL_POPULATE, 1, true, EFAULT);
	memory_system_set_fault(scene.memory, 1, &second);
	ASSERT_STATUS(file_prepare(&file, 0, 50000, &test_error), CAIRN_IO);
}
END_TEST

START_TEST(every_page_is_probed_where_populating_does_not_work)
{
	map_file();
	inject(MEMORY_CALL_POPULATE, 1, true, EINVAL);
	ASSERT_OK(file_prepare(&file, 4000, 10000, &test_error)); /* pages 0 to 3 */
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_PREAD), 4);
}
END_TEST

START_TEST(residency_is_what_the_system_says)
{
	map_file();
	ck_assert(file_is_resident(&file, 0, SIZE));
	memory_system_settings(scene.memory)->resident = 0;
	ck_assert(!file_is_resident(&file, 0, SIZE));
	memory_system_settings(scene.memory)->resident = -ENOSYS;
	ck_assert(file_is_resident(&file, 0, SIZE)); /* as if, when the kernel does not tell */
}
END_TEST

/* ----------------------------------------------------------------------------------- the kernel */

START_TEST(a_real_file_that_is_cut_off_raises_no_signal)
{
	struct world world = world_open(0);
	const struct file_place place = {.directory = world.directory, .path = "f", .name = "f"};
	const int fd = system_create(world.system, world.directory, "f", 0666, 0);
	uint8_t buffer[10];

	ck_assert_int_eq(system_write_all(world.system, fd, data, SIZE, 0), 0);
	ck_assert_int_eq(system_close(world.system, fd), 0);
	ASSERT_OK(file_open(world.system, &place, &file, &test_error));
	ASSERT_OK(file_map(&file, CAIRN_TRANSPORT_MAP, &test_error));
	ASSERT_OK(file_prepare(&file, 0, SIZE, &test_error));
	ck_assert_mem_eq(file.base, data, SIZE);
	world_truncate(&world, "f", 4096);
	ASSERT_STATUS(file_prepare(&file, 0, SIZE, &test_error), CAIRN_TRUNCATED);
	ASSERT_STATUS(file_read(&file, 5000, buffer, 10, &test_error), CAIRN_TRUNCATED);
	ASSERT_OK(file_prepare(&file, 0, 4096, &test_error));
	file_close(&file);
	world_close(&world);
}
END_TEST

START_TEST(a_real_fifo_does_not_hang)
{
	struct world world = world_open(0);
	const struct file_place place = {
		.directory = world.directory, .path = "fifo", .name = "fifo"};

	world_add_fifo(&world, "fifo");
	ASSERT_STATUS(file_open(world.system, &place, &file, &test_error), CAIRN_NOT_A_CHECKPOINT);
	world_close(&world);
	file = (struct file){.fd = -1};
}
END_TEST

static Suite *file_suite(void)
{
	Suite *suite = suite_create("file");
	TCase *tests = tcase_create("file");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_regular_file_is_opened_with_its_size);
	tcase_add_test(tests, what_is_no_regular_file_is_refused);
	tcase_add_test(tests, links_are_followed_unless_it_is_forbidden);
	tcase_add_loop_test(tests, part_of_a_descriptor_is_a_file, 0, COUNT_OF(parts));
	tcase_add_test(tests, closing_twice_is_allowed);
	tcase_add_test(tests, a_local_file_is_mapped);
	tcase_add_loop_test(tests, a_part_is_mapped_wherever_it_begins, 0, 7);
	tcase_add_loop_test(tests, private_where_shared_is_refused, 0, COUNT_OF(refusals));
	tcase_add_loop_test(tests, no_map_where_both_are_refused, 0, COUNT_OF(refusals));
	tcase_add_test(tests, address_space_that_runs_out_is_an_error);
	tcase_add_loop_test(tests, the_transport_decides_where_files_are_not_local, 0,
			    COUNT_OF(transports));
	tcase_add_test(tests, an_empty_file_is_not_mapped);
	tcase_add_test(tests, reading_past_a_cut_says_where);
	tcase_add_test(tests, a_failing_medium_says_where);
	tcase_add_test(tests, memory_is_a_file_too);
	tcase_add_test(tests, pages_are_populated);
	tcase_add_test(tests, a_cut_file_is_truncated_when_it_is_prepared);
	tcase_add_test(tests, a_failing_medium_is_an_error_when_it_is_prepared);
	tcase_add_test(tests, every_page_is_probed_where_populating_does_not_work);
	tcase_add_test(tests, residency_is_what_the_system_says);
	tcase_add_test(tests, a_real_file_that_is_cut_off_raises_no_signal);
	tcase_add_test(tests, a_real_fifo_does_not_hang);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(file_suite());
}
