/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a path to a reader: where it is looked for, what a folder may hold, what is refused with
 * which words, and files that change meanwhile. Containers; check_open_safetensors.c does the rest.
 */
#include "engine/read/reader.h"

#include <errno.h>
#include <stdio.h>

#include "tests/support/build.h"
#include "tests/support/suite.h"
#include "tests/support/system_world.h"

static struct scene scene;
static struct bytes container;

static const uint64_t four[] = {4};

static void set_up(void)
{
	struct cairn_writer *writer;

	scene_open(&scene);
	writer = scene_writer(&scene, "/made", NULL);
	ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_U8, 1, four, "data", &test_error));
	finish_writer(writer);
	container = scene_content(&scene, "/made");
	ck_assert_int_eq(memory_system_add_directory(scene.memory, "/d"), 0);
}

static void tear_down(void)
{
	bytes_free(&container);
	scene_close(&scene);
}

static enum cairn_status try_open(const char *path)
{
	struct cairn_reader *reader = NULL;
	const enum cairn_status status = reader_open_path(scene.system, path, NULL, &reader,
							  &test_error);

	ck_assert_int_eq(status == CAIRN_OK, reader != NULL);
	cairn_reader_close(reader);
	return status;
}

static void add_text(const char *path, const char *text)
{
	ck_assert_int_eq(memory_system_add_file(scene.memory, path, text, strlen(text)), 0);
}

static void add_container(const char *path)
{
	scene_add_file(&scene, path, &container);
}

static uint64_t calls(enum memory_call call)
{
	return memory_system_calls(scene.memory, call);
}

/* ---------------------------------------------------------------------------------------- paths */

START_TEST(a_path_is_exactly_that_file)
{
	add_container("/d/model.cairn");
	add_container("/d/any name");
	ASSERT_OK(try_open("/d/model.cairn"));
	ASSERT_OK(try_open("/d/any name"));
	ASSERT_OK(try_open("d/model.cairn"));
	ASSERT_OK(try_open("d/../d/./model.cairn"));
	ASSERT_OK(try_open("//d//model.cairn"));
}
END_TEST

START_TEST(the_suffix_may_be_left_out)
{
	add_container("/d/model.cairn");
	ASSERT_OK(try_open("/d/model"));
	ASSERT_OK(try_open("d/model"));
}
END_TEST

START_TEST(the_path_as_it_is_comes_first)
{
	add_container("/d/model.cairn");
	add_text("/d/model", "something else");
	ASSERT_FAILS(try_open("/d/model"), CAIRN_NOT_A_CHECKPOINT, "'/d/model': ");
}
END_TEST

static char long_path[5000];

static const struct {
	const char *path;
	enum cairn_status status;
	const char *part;
} missing[] = {
	{"/d/none", CAIRN_NOT_FOUND, "'/d/none': no such file or directory"},
	{"/none/f", CAIRN_NOT_FOUND, "'/none/f': cannot open the folder"},
	{"/made/f", CAIRN_NOT_FOUND, "'/made/f': cannot open the folder"},
	{"/made/", CAIRN_NOT_FOUND, "'/made/': cannot open the folder"},
	{"/d/none/", CAIRN_NOT_FOUND, "'/d/none/': cannot open the folder"},
	{"", CAIRN_INVALID_ARGUMENT, "a path of 1 to 4095 bytes"},
	{NULL, CAIRN_INVALID_ARGUMENT, "a path of 1 to 4095 bytes"},
	{long_path, CAIRN_INVALID_ARGUMENT, "a path of 1 to 4095 bytes"},
};

START_TEST(what_is_not_there_is_said)
{
	memset(long_path, 'x', sizeof(long_path) - 1);
	ASSERT_FAILS(try_open(missing[_i].path), missing[_i].status, missing[_i].part);
}
END_TEST

START_TEST(a_refusal_of_the_system_is_passed_on)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_OPEN, .at = 2, .error = EACCES};

	add_container("/d/model.cairn");
	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_FAILS(try_open("/d/model.cairn"), CAIRN_IO, "Permission denied");
	ck_assert_int_eq(test_error.system_errno, EACCES);
}
END_TEST

START_TEST(links_to_files_are_followed)
{
	add_container("/d/model.cairn");
	ck_assert_int_eq(memory_system_add_link(scene.memory, "/link", "d/model.cairn"), 0);
	ASSERT_OK(try_open("/link"));
}
END_TEST

START_TEST(special_files_are_refused)
{
	ck_assert_int_eq(memory_system_add_special(scene.memory, "/d/fifo"), 0);
	ASSERT_FAILS(try_open("/d/fifo"), CAIRN_NOT_A_CHECKPOINT, "fifo, socket or device");
}
END_TEST

START_TEST(a_real_fifo_does_not_hang)
{
	struct world world = world_open(0);
	struct cairn_reader *reader = NULL;

	world_add_fifo(&world, "fifo");
	ASSERT_STATUS(cairn_reader_open(world_path(&world, "fifo"), NULL, &reader, &test_error),
		      CAIRN_NOT_A_CHECKPOINT);
	world_close(&world);
}
END_TEST

/* -------------------------------------------------------------------------------------- folders */

START_TEST(the_only_model_of_a_folder_is_opened)
{
	static const char *const paths[] = {"/d", "/d/", "d", "d/", "/d//", "/d/.", "/d/../d"};

	add_container("/d/model.cairn");
	add_text("/d/config.json", "{}");
	add_text("/d/README.md", "#");
	ASSERT_OK(try_open(paths[_i]));
}
END_TEST

START_TEST(an_index_goes_before_all_others)
{
	add_container("/d/index.cairn");
	add_text("/d/model.safetensors", "not looked at");
	add_text("/d/other.cairn", "not looked at");
	ASSERT_OK(try_open("/d"));
}
END_TEST

START_TEST(errors_name_the_folder_and_the_file_in_it)
{
	add_text("/d/model.cairn", "rubbish");
	ASSERT_FAILS(try_open("/d"), CAIRN_NOT_A_CHECKPOINT, "'/d': 'model.cairn': ");
}
END_TEST

START_TEST(an_empty_folder_is_no_checkpoint)
{
	ASSERT_FAILS(try_open("/d"), CAIRN_NOT_A_CHECKPOINT, "an empty directory");
}
END_TEST

START_TEST(a_folder_without_a_model_lists_what_is_there)
{
	add_text("/d/weights.h5", "x");
	ASSERT_FAILS(try_open("/d"), CAIRN_NOT_A_CHECKPOINT, "no model that this version reads");
	ck_assert_ptr_nonnull(strstr(test_error.message, "'weights.h5'"));
}
END_TEST

START_TEST(a_folder_with_several_models_lists_them)
{
	add_container("/d/a.cairn");
	add_text("/d/b.safetensors", "x");
	ASSERT_FAILS(try_open("/d"), CAIRN_NOT_A_CHECKPOINT, "more than one model");
	ck_assert_ptr_nonnull(strstr(test_error.message, "'a.cairn'"));
	ck_assert_ptr_nonnull(strstr(test_error.message, "'b.safetensors'"));
}
END_TEST

START_TEST(long_lists_end_with_dots)
{
	for (int i = 0; i < 30; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/d/a rather long name of a file, number %d", i);
		add_text(path, "x");
	}
	ASSERT_FAILS(try_open("/d"), CAIRN_NOT_A_CHECKPOINT, ", ...");
}
END_TEST

/* -------------------------------------------------------------------------------- what is in it */

START_TEST(opening_reads_a_fixed_number_of_pages)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/large", NULL);
	uint64_t small;
	uint64_t before;

	for (int i = 0; i < 3000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		ASSERT_OK(cairn_writer_add_copy(writer, name, CAIRN_U8, 1, four, "data",
						&test_error));
	}
	finish_writer(writer);
	before = calls(MEMORY_CALL_ANY);
	ASSERT_OK(try_open("/made"));
	small = calls(MEMORY_CALL_ANY) - before;
	before = calls(MEMORY_CALL_ANY);
	ASSERT_OK(try_open("/large"));
	ck_assert_uint_eq(calls(MEMORY_CALL_ANY) - before, small);
}
END_TEST

START_TEST(a_file_that_the_index_names_must_be_there)
{
	const struct build_shard shard = {.name = cairn_string_from("other.cairn"),
					  .record = {.kind = SHARD_SIBLING}};
	struct build_input input = {.shards = &shard, .shard_count = 1};
	const struct bytes nothing = {NULL, 0};
	struct bytes file = container_from(&input, &nothing);

	scene_add_file(&scene, "/d/f", &file);
	bytes_free(&file);
	ASSERT_FAILS(try_open("/d/f"), CAIRN_CORRUPT, "'other.cairn'");
}
END_TEST

START_TEST(memory_and_descriptors_need_no_path)
{
	struct cairn_reader *reader = NULL;
	struct cairn_tensor tensor;

	ASSERT_OK(reader_open_bytes(scene.system, container.data, container.size, NULL, &reader,
				    &test_error));
	ASSERT_FAILS(cairn_reader_find(reader, "none", &tensor, &test_error), CAIRN_NOT_FOUND,
		     "'memory': ");
	cairn_reader_close(reader);
	ASSERT_STATUS(reader_open_bytes(scene.system, NULL, 0, NULL, &reader, &test_error),
		      CAIRN_TRUNCATED);
	ASSERT_STATUS(reader_open_bytes(scene.system, "x", 1, NULL, &reader, &test_error),
		      CAIRN_NOT_A_CHECKPOINT);
	ASSERT_STATUS(reader_open_descriptor(scene.system, 77, 0, 0, NULL, &reader, &test_error),
		      CAIRN_IO);
}
END_TEST

/* ------------------------------------------------------------------ files that change meanwhile */

static int rounds; /* in which the file grows while it is read */

static int64_t (*true_pread)(struct system *, int, void *, size_t, uint64_t);

static int64_t meddle_pread(struct system *system, int fd, void *buffer, size_t size,
			    uint64_t offset)
{
	const int64_t count = true_pread(system, fd, buffer, size, offset);

	if (offset == 0 && rounds > 0) { /* the header page has been read: the rest is to come */
		const int64_t now = memory_system_content(scene.memory, "/d/f", NULL, 0);

		rounds--;
		memory_system_truncate(scene.memory, "/d/f",
				       rounds == 0 ? container.size : (uint64_t)now - 4096);
	}
	return count;
}

/* Opens while somebody else changes the file between two reads. */
static enum cairn_status open_meddled(void)
{
	const struct system_operations *const operations = scene.system->operations;
	struct system_operations changed = *operations;
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	true_pread = operations->pread;
	changed.pread = meddle_pread;
	scene.system->operations = &changed;
	status = reader_open_path(scene.system, "/d/f", NULL, &reader, &test_error);
	scene.system->operations = operations;
	cairn_reader_close(reader);
	return status;
}

static void add_growing(void)
{
	struct bytes longer = {calloc(container.size + 40960, 1), container.size + 40960};

	memcpy(longer.data, container.data, container.size);
	scene_add_file(&scene, "/d/f", &longer);
	bytes_free(&longer);
}

START_TEST(a_file_that_keeps_changing_is_busy)
{
	add_growing();
	rounds = 9;
	ASSERT_FAILS(open_meddled(), CAIRN_BUSY, "'/d/f': it keeps changing");
}
END_TEST

START_TEST(a_file_that_settles_is_opened)
{
	add_growing();
	rounds = 1;
	ASSERT_OK(open_meddled());
}
END_TEST

START_TEST(a_file_that_is_just_too_long_is_not_tried_again)
{
	const uint64_t before = calls(MEMORY_CALL_OPEN);

	add_growing();
	ASSERT_STATUS(try_open("/d/f"), CAIRN_TRUNCATED);
	ck_assert_uint_eq(calls(MEMORY_CALL_OPEN) - before, 2);
}
END_TEST

static Suite *open_suite(void)
{
	Suite *suite = suite_create("open");
	TCase *tests = tcase_create("open");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_path_is_exactly_that_file);
	tcase_add_test(tests, the_suffix_may_be_left_out);
	tcase_add_test(tests, the_path_as_it_is_comes_first);
	tcase_add_loop_test(tests, what_is_not_there_is_said, 0, COUNT_OF(missing));
	tcase_add_test(tests, a_refusal_of_the_system_is_passed_on);
	tcase_add_test(tests, links_to_files_are_followed);
	tcase_add_test(tests, special_files_are_refused);
	tcase_add_test(tests, a_real_fifo_does_not_hang);
	tcase_add_loop_test(tests, the_only_model_of_a_folder_is_opened, 0, 7);
	tcase_add_test(tests, an_index_goes_before_all_others);
	tcase_add_test(tests, errors_name_the_folder_and_the_file_in_it);
	tcase_add_test(tests, an_empty_folder_is_no_checkpoint);
	tcase_add_test(tests, a_folder_without_a_model_lists_what_is_there);
	tcase_add_test(tests, a_folder_with_several_models_lists_them);
	tcase_add_test(tests, long_lists_end_with_dots);
	tcase_add_test(tests, opening_reads_a_fixed_number_of_pages);
	tcase_add_test(tests, a_file_that_the_index_names_must_be_there);
	tcase_add_test(tests, memory_and_descriptors_need_no_path);
	tcase_add_test(tests, a_file_that_keeps_changing_is_busy);
	tcase_add_test(tests, a_file_that_settles_is_opened);
	tcase_add_test(tests, a_file_that_is_just_too_long_is_not_tried_again);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(open_suite());
}
