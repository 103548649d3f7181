/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the shards that an index names: the index is not to be trusted, and neither is the
 * folder.
 */
#include <stdio.h>

#include "tests/support/build.h"
#include "tests/support/sample_model.h"
#include "tests/support/seam_hook.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

#define TARGET "model"
#define INDEX  "model/index.cairn"
#define SHARD  "model/shard-00000-of-00002.cairn"

static struct scene scene;
static const struct sharded_sample sample = {2, 1};
static const struct sharded_sample other = {2, 2};

static void set_up(void)
{
	scene_open(&scene);
	memory_system_settings(scene.memory)->threads_inline = true;
	ASSERT_OK(sharded_write(scene.system, TARGET, &sample, false, &test_error));
}

static void tear_down(void)
{
	scene_close(&scene);
}

static enum cairn_status open_target(void)
{
	struct cairn_reader *reader = NULL;
	const enum cairn_status status = reader_open_path(scene.system, TARGET, NULL, &reader,
							  &test_error);

	cairn_reader_close(reader);
	return status;
}

static void unlink_shard(void)
{
	ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, SHARD), 0);
}

START_TEST(a_missing_shard_is_named)
{
	unlink_shard();
	ASSERT_FAILS(open_target(), CAIRN_CORRUPT, "shard-00000-of-00002.cairn");
	ck_assert_ptr_nonnull(strstr(test_error.message, "missing"));
}
END_TEST

/* Overwrites the target after each file or folder that is opened: no index keeps its shards. */
static void overwrite(void *context, enum memory_call call, bool is_after)
{
	(void)context;
	if (call == MEMORY_CALL_OPEN && is_after)
		ASSERT_OK(sharded_write(scene.system, TARGET, &other, true, &test_error));
}

START_TEST(shards_that_go_with_their_index_are_not_missing)
{
	enum cairn_status status;

	seam_hook_install(scene.system, overwrite, NULL);
	status = open_target();
	seam_hook_remove(scene.system);
	ck_assert_int_eq(status, CAIRN_BUSY);
	ck_assert_int_eq(test_error.code, CAIRN_BUSY);
	ASSERT_OK(open_target());
}
END_TEST

START_TEST(a_shard_of_another_size_is_refused)
{
	static const uint64_t changes[] = {1, 4096, 1u << 20};
	struct bytes bytes = scene_content(&scene, SHARD);

	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		for (int sign = 0; sign < 2; sign++) {
			const uint64_t size = sign == 0                 ? bytes.size + changes[i]
					      : changes[i] < bytes.size ? bytes.size - changes[i]
									: 0;

			scene_add_file(&scene, SHARD, &bytes);
			ck_assert_int_eq(memory_system_truncate(scene.memory, SHARD, size), 0);
			ck_assert_int_ne(open_target(), CAIRN_OK);
		}
	}
	scene_add_file(&scene, SHARD, &bytes);
	ASSERT_OK(open_target());
	bytes_free(&bytes);
}
END_TEST

START_TEST(links_folders_and_special_files_are_no_shards)
{
	struct bytes bytes = scene_content(&scene, SHARD);

	scene_add_file(&scene, "copy", &bytes);
	bytes_free(&bytes);
	unlink_shard();
	ck_assert_int_eq(memory_system_add_link(scene.memory, SHARD, "../copy"), 0);
	ASSERT_FAILS(open_target(), CAIRN_CORRUPT, "link");
	unlink_shard();
	ck_assert_int_eq(memory_system_add_special(scene.memory, SHARD), 0);
	ck_assert_int_ne(open_target(), CAIRN_OK);
	unlink_shard();
	ck_assert_int_eq(memory_system_add_directory(scene.memory, SHARD), 0);
	ck_assert_int_ne(open_target(), CAIRN_OK);
}
END_TEST

START_TEST(a_shard_of_another_save_is_noticed_when_it_is_used)
{
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};
	struct bytes bytes;

	ASSERT_OK(sharded_write(scene.system, "other", &other, false, &test_error));
	bytes = scene_content(&scene, "other/shard-00000-of-00002.cairn");
	scene_add_file(&scene, SHARD, &bytes);
	bytes_free(&bytes);
	reader = scene_reader(&scene, TARGET, NULL);
	ASSERT_OK(cairn_reader_find(reader, "own-0", &tensor, &test_error));
	ASSERT_FAILS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_CORRUPT,
		     "shard of another save");
	ASSERT_OK(cairn_reader_find(reader, "own-1", &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error)); /* its shard is right */
	cairn_view_release(&view);
	ck_assert_int_ne(sample_verify(reader, &test_error), CAIRN_OK);
	cairn_reader_close(reader);
}
END_TEST

/* The index with the name of its first shard changed, digests made to fit again. */
static void rename_in_index(const char *pattern)
{
	static const char name[] = "shard-00000-of-00002.cairn";
	struct bytes bytes = scene_content(&scene, INDEX);
	uint8_t *at = NULL;

	for (size_t i = 0; i + sizeof(name) - 1 <= bytes.size && at == NULL; i++) {
		if (memcmp(bytes.data + i, name, sizeof(name) - 1) == 0)
			at = bytes.data + i;
	}
	ck_assert_ptr_nonnull(at);
	memcpy(at, pattern, sizeof(name) - 1);
	container_reseal(&bytes);
	scene_add_file(&scene, INDEX, &bytes);
	bytes_free(&bytes);
}

START_TEST(names_that_lead_elsewhere_are_refused)
{
	static const char *const names[] = {
		"../../../../../etc/passwd.",  "/tmp/xxxxxxxxxxxxxxx.cairn",
		"shard-00000\0of-00002.cairn", "a/../shard-00000-of-0.cair",
		"sub/rd-00000-of-00002.cair",
	};
	struct bytes bytes = scene_content(&scene, INDEX);

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		scene_add_file(&scene, INDEX, &bytes);
		rename_in_index(names[i]);
		ASSERT_STATUS(open_target(), CAIRN_CORRUPT);
	}
	scene_add_file(&scene, INDEX, &bytes);
	ASSERT_OK(open_target());
	bytes_free(&bytes);
}
END_TEST

START_TEST(an_index_alone_cannot_be_opened_without_its_folder)
{
	const int fd = system_open(scene.system, SYSTEM_CWD, INDEX, 0);
	struct cairn_reader *reader = NULL;
	struct bytes bytes = scene_content(&scene, INDEX);

	ASSERT_STATUS(reader_open_descriptor(scene.system, fd, 0, 0, NULL, &reader, &test_error),
		      CAIRN_UNSUPPORTED);
	ASSERT_STATUS(
		reader_open_bytes(scene.system, bytes.data, bytes.size, NULL, &reader, &test_error),
		CAIRN_UNSUPPORTED);
	system_close(scene.system, fd);
	bytes_free(&bytes);
}
END_TEST

START_TEST(a_reader_keeps_the_version_that_it_has_opened)
{
	struct cairn_reader *const reader = scene_reader(&scene, TARGET, NULL);

	ASSERT_OK(sharded_write(scene.system, TARGET, &other, true, &test_error));
	ASSERT_OK(sharded_compare(reader, &sample, 3, &test_error));
	cairn_reader_close(reader);
	ASSERT_OK(sharded_check(scene.system, TARGET, &other, &test_error));
}
END_TEST

START_TEST(many_shards_need_few_descriptors)
{
	const struct sharded_sample many = {60, 3};
	struct cairn_reader *reader;

	ASSERT_OK(sharded_write(scene.system, "many", &many, false, &test_error));
	memory_system_settings(scene.memory)->descriptors_max = 16;
	reader = scene_reader(&scene, "many", NULL);
	ck_assert_uint_lt(memory_system_live(scene.memory).descriptors, 16);
	ck_assert_uint_ge(memory_system_live(scene.memory).maps, 60);
	ASSERT_OK(sharded_compare(reader, &many, 4, &test_error));
	ASSERT_OK(sample_verify(reader, &test_error));
	cairn_reader_close(reader);
}
END_TEST

static Suite *open_siblings_suite(void)
{
	Suite *const suite = suite_create("open_siblings");
	TCase *const tcase = tcase_create("open_siblings");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_missing_shard_is_named);
	tcase_add_test(tcase, shards_that_go_with_their_index_are_not_missing);
	tcase_add_test(tcase, a_shard_of_another_size_is_refused);
	tcase_add_test(tcase, links_folders_and_special_files_are_no_shards);
	tcase_add_test(tcase, a_shard_of_another_save_is_noticed_when_it_is_used);
	tcase_add_test(tcase, names_that_lead_elsewhere_are_refused);
	tcase_add_test(tcase, an_index_alone_cannot_be_opened_without_its_folder);
	tcase_add_test(tcase, a_reader_keeps_the_version_that_it_has_opened);
	tcase_add_test(tcase, many_shards_need_few_descriptors);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(open_siblings_suite());
}
