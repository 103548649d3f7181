/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The temporary folder of a sharded checkpoint: who may enter it, who removes it, and what a merge
 * does when its sources lie on another file system.
 */
#include <errno.h>
#include <stdio.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cairn/save.h>

#include "engine/write/work_folder.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"

#define FOLDER    "folder"
#define TARGET    "folder/model"
#define TEMPORARY "folder/.cairn-tmp-01000000000000000000000000000000"

static const uint8_t id[16] = {1};
static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER), 0);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static struct work_folder begin(bool replace)
{
	struct work_folder work = {0};

	ASSERT_OK(work_folder_begin(&work, scene.system, TARGET, replace, &test_error));
	return work;
}

START_TEST(a_folder_is_created_and_removed_with_what_is_in_it)
{
	struct work_folder work = begin(false);
	char path[4096 + SYSTEM_NAME_SIZE];

	ASSERT_OK(work_folder_create(&work, TARGET, id, &test_error));
	ck_assert(memory_system_exists(scene.memory, TEMPORARY));
	work_folder_file(&work, "index.cairn", path, sizeof(path));
	ck_assert_str_eq(path, TEMPORARY "/index.cairn");
	ck_assert_int_eq(memory_system_add_file(scene.memory, path, "x", 1), 0);
	work_folder_end(&work);
	ck_assert(!memory_system_exists(scene.memory, TEMPORARY));
	work_folder_end(&work); /* a no-op */
}
END_TEST

START_TEST(an_id_is_taken_once_and_joined_by_others)
{
	struct work_folder first = begin(false);
	struct work_folder second = begin(false);
	struct work_folder joined = {0};

	ASSERT_STATUS(work_folder_join(&joined, scene.system, TARGET, id, &test_error),
		      CAIRN_NOT_FOUND);
	work_folder_end(&joined);
	ASSERT_OK(work_folder_create(&first, TARGET, id, &test_error));
	ASSERT_STATUS(work_folder_create(&second, TARGET, id, &test_error), CAIRN_EXISTS);
	work_folder_end(&second);
	ck_assert(memory_system_exists(scene.memory, TEMPORARY)); /* not the second's to remove */
	ASSERT_OK(work_folder_join(&joined, scene.system, TARGET, id, &test_error));
	work_folder_end(&joined);
	ck_assert(memory_system_exists(scene.memory, TEMPORARY));
	work_folder_end(&first);
	ck_assert(!memory_system_exists(scene.memory, TEMPORARY));
}
END_TEST

/* Somebody sweeps: whoever wants to join is told so. */
START_TEST(a_folder_that_is_being_swept_is_busy)
{
	struct work_folder work = {0};
	int fd;

	ck_assert_int_eq(memory_system_add_directory(scene.memory, TEMPORARY), 0);
	fd = system_open(scene.system, SYSTEM_CWD, TEMPORARY, SYSTEM_WANT_DIRECTORY);
	ck_assert_int_eq(system_lock(scene.system, fd, SYSTEM_LOCK_EXCLUSIVE), 0);
	ASSERT_STATUS(work_folder_join(&work, scene.system, TARGET, id, &test_error), CAIRN_BUSY);
	work_folder_end(&work);
	system_close(scene.system, fd);
}
END_TEST

START_TEST(targets_that_cannot_be_are_refused)
{
	struct work_folder work = {0};
	char path[5000];

	ck_assert_int_eq(memory_system_add_file(scene.memory, TARGET, "x", 1), 0);
	ASSERT_STATUS(work_folder_begin(&work, scene.system, TARGET, false, &test_error),
		      CAIRN_EXISTS);
	work_folder_end(&work);
	ASSERT_STATUS(work_folder_begin(&work, scene.system, TARGET, true, &test_error),
		      CAIRN_EXISTS);
	work_folder_end(&work);
	ASSERT_OK(work_folder_begin_beside(&work, scene.system, TARGET, &test_error));
	work_folder_end(&work);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	ASSERT_STATUS(work_folder_begin(&work, scene.system, path, false, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	work_folder_end(&work);
	ASSERT_STATUS(work_folder_begin(&work, scene.system, TEMPORARY, false, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	work_folder_end(&work);
}
END_TEST

/* ------------------------------------------------------------------- two file systems, for real */

static void write_here(const char *path, const char *name)
{
	const uint64_t count = 100000;
	uint8_t *const bytes = calloc(count, 1);
	struct cairn_writer *writer = NULL;

	bytes[5] = 7;
	ASSERT_OK(cairn_writer_create(path, NULL, &writer, &test_error));
	ASSERT_OK(cairn_writer_add(writer, name, CAIRN_U8, 1, &count, bytes, &test_error));
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	cairn_writer_destroy(writer);
	free(bytes);
}

static void remove_merged(const char *folder)
{
	static const char *const names[] = {"merged/index.cairn",
					    "merged/shard-00000-of-00002.cairn",
					    "merged/shard-00001-of-00002.cairn", "near.cairn"};
	char path[128];

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		ck_assert_int_eq(unlink(path), 0);
	}
	snprintf(path, sizeof(path), "%s/merged", folder);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing else is left */
}

static void check_merged(const char *path)
{
	struct cairn_reader *reader = NULL;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	ASSERT_OK(cairn_reader_open(path, NULL, &reader, &test_error));
	for (int i = 0; i < 2; i++) {
		ASSERT_OK(cairn_reader_find(reader, i == 0 ? "far" : "near", &tensor, &test_error));
		ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
		ck_assert_uint_eq(((const uint8_t *)view.data)[5], 7);
		cairn_view_release(&view);
	}
	cairn_reader_close(reader);
}

static bool have_two_file_systems(void)
{
	struct stat here;
	struct stat there;

	if (stat("/tmp", &here) == 0 && stat("/dev/shm", &there) == 0 &&
	    here.st_dev != there.st_dev && access("/dev/shm", W_OK) == 0)
		return true;
	printf("skipped: /tmp and /dev/shm are not two file systems\n");
	return false;
}

START_TEST(a_source_on_another_file_system_is_copied)
{
	char here[] = "/tmp/check_work_folder-XXXXXX";
	char there[] = "/dev/shm/check_work_folder-XXXXXX";
	char near[128];
	char far[128];
	char merged[128];
	const char *const sources[] = {near, far};
	struct cairn_merge_report report = {0};

	if (!have_two_file_systems())
		return;
	ck_assert_ptr_nonnull(mkdtemp(here));
	ck_assert_ptr_nonnull(mkdtemp(there));
	snprintf(near, sizeof(near), "%s/near.cairn", here);
	snprintf(far, sizeof(far), "%s/far.cairn", there);
	snprintf(merged, sizeof(merged), "%s/merged", here);
	write_here(near, "near");
	write_here(far, "far");
	ASSERT_OK(cairn_merge(sources, 2, merged, NULL, &report, &test_error));
	ck_assert_uint_eq(report.shards, 2);
	ck_assert_uint_eq(report.copied, 1);
	ck_assert_uint_gt(report.copied_bytes, 100000);
	check_merged(merged);
	remove_merged(here);
	ck_assert_int_eq(unlink(far), 0);
	ck_assert_int_eq(rmdir(there), 0);
}
END_TEST

static Suite *work_folder_suite(void)
{
	Suite *const suite = suite_create("work_folder");
	TCase *const tcase = tcase_create("work_folder");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_folder_is_created_and_removed_with_what_is_in_it);
	tcase_add_test(tcase, an_id_is_taken_once_and_joined_by_others);
	tcase_add_test(tcase, a_folder_that_is_being_swept_is_busy);
	tcase_add_test(tcase, targets_that_cannot_be_are_refused);
	tcase_add_test(tcase, a_source_on_another_file_system_is_copied);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(work_folder_suite());
}
