/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers from create to destroy: options, names, what is there afterwards and what is not, the
 * first error, and the order of the data. What the add functions say is check_writer_add.c's.
 */
#include "engine/write/writer.h"

#include <errno.h>

#include "format/digest.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"

static struct scene scene;

static const uint64_t four[] = {4};
static const uint8_t bytes[4] = {1, 2, 3, 4};
static const struct cairn_writer_options replacing = {.flags = CAIRN_WRITER_REPLACE};

static void set_up(void)
{
	scene_open(&scene);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, "/d"), 0);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static void add(struct cairn_writer *writer, const char *name)
{
	ASSERT_OK(cairn_writer_add(writer, name, CAIRN_U8, 1, four, bytes, &test_error));
}

static uint64_t calls(enum memory_call call)
{
	return memory_system_calls(scene.memory, call);
}

static int count_name(void *context, const char *name)
{
	(void)name;
	++*(int *)context;
	return 0;
}

/* Names in the folder. */
static int entries(void)
{
	const int fd = system_open(scene.system, SYSTEM_CWD, "/d", SYSTEM_WANT_DIRECTORY);
	int count = 0;

	ck_assert_int_eq(system_list(scene.system, fd, count_name, &count), 0);
	system_close(scene.system, fd);
	return count;
}

/* --------------------------------------------------------------------------------------- create */

static char long_name[300];

static const struct {
	const char *name;
	const char *path;
	enum cairn_status status;
} paths[] = {
	{"no path", NULL, CAIRN_INVALID_ARGUMENT},
	{"an empty path", "", CAIRN_INVALID_ARGUMENT},
	{"a folder's path", "/d/", CAIRN_INVALID_ARGUMENT},
	{"the folder itself", "/d/.", CAIRN_INVALID_ARGUMENT},
	{"the folder above", "/d/..", CAIRN_INVALID_ARGUMENT},
	{"a name that is too long", long_name, CAIRN_INVALID_ARGUMENT},
	{"a name that a sweep would remove", "/d/.cairn-tmp-0123456789abcdef0123456789abcdef",
	 CAIRN_INVALID_ARGUMENT},
	{"a folder that is not there", "/none/f", CAIRN_NOT_FOUND},
	{"a file where the folder should be", "/d/taken/f", CAIRN_NOT_FOUND},
	{"a name that is taken", "/d/taken", CAIRN_EXISTS},
	{"the name of a folder", "/d/folder", CAIRN_EXISTS},
};

START_TEST(paths_that_cannot_be_written_are_refused_early)
{
	struct cairn_writer *writer = NULL;

	memset(long_name, 'x', sizeof(long_name) - 1);
	ck_assert_int_eq(memory_system_add_file(scene.memory, "/d/taken", "x", 1), 0);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, "/d/folder"), 0);
	ASSERT_STATUS(writer_create(scene.system, paths[_i].path, NULL, &writer, &test_error),
		      paths[_i].status);
	ck_assert_ptr_null(writer);
}
END_TEST

START_TEST(a_folder_is_never_replaced)
{
	struct cairn_writer *writer = NULL;

	ck_assert_int_eq(memory_system_add_directory(scene.memory, "/d/folder"), 0);
	ASSERT_FAILS(writer_create(scene.system, "/d/folder", &replacing, &writer, &test_error),
		     CAIRN_EXISTS, "'/d/folder'");
}
END_TEST

static const struct cairn_writer_options bad_options[] = {
	{.chunk_size = 65535},
	{.chunk_size = 32768},
	{.chunk_size = 96 << 10},
	{.chunk_size = 128 << 20},
	{.alignment = 2048},
	{.alignment = 4097},
	{.alignment = 12288},
	{.alignment = 4 << 20},
	{.flags = 16},
	{.thread_count = 65},
	{.size = sizeof(uint64_t) * 2},
};

START_TEST(options_out_of_range_are_invalid)
{
	struct cairn_writer *writer = NULL;

	ASSERT_STATUS(writer_create(scene.system, "/d/f", &bad_options[_i], &writer, &test_error),
		      CAIRN_INVALID_ARGUMENT);
}
END_TEST

static const struct cairn_writer_options good_options[] = {
	{0},
	{.size = sizeof(struct cairn_writer_options)},
	{.chunk_size = 64 << 10},
	{.chunk_size = 64 << 20},
	{.alignment = 4096},
	{.alignment = 2 << 20},
	{.thread_count = 64},
	{.flags = CAIRN_WRITER_REPLACE | CAIRN_WRITER_SORT | CAIRN_WRITER_BUFFERED},
};

START_TEST(options_at_their_bounds_are_fine)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", &good_options[_i]);

	add(writer, "t");
	finish_writer(writer);
	cairn_reader_close(scene_reader(&scene, "/d/f", NULL));
}
END_TEST

START_TEST(creating_makes_no_file)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);

	add(writer, "t");
	ck_assert_int_eq(entries(), 0);
	ck_assert_uint_eq(calls(MEMORY_CALL_CREATE), 0);
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(relative_paths_work)
{
	struct cairn_writer *const writer = scene_writer(&scene, "f", NULL);

	add(writer, "t");
	finish_writer(writer);
	ck_assert(memory_system_exists(scene.memory, "/f"));
}
END_TEST

/* --------------------------------------------------------------------------------------- finish */

START_TEST(a_finished_file_is_alone_and_read_only)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);
	struct system_status status;

	add(writer, "t");
	finish_writer(writer);
	ck_assert_int_eq(entries(), 1);
	ck_assert_int_eq(system_status_at(scene.system, SYSTEM_CWD, "/d/f", false, &status), 0);
	ck_assert_uint_eq(status.mode, 0444);
}
END_TEST

START_TEST(an_empty_checkpoint_can_be_written)
{
	struct cairn_reader *reader;

	finish_writer(scene_writer(&scene, "/d/f", NULL));
	reader = scene_reader(&scene, "/d/f", NULL);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 0);
	ck_assert_uint_eq(cairn_reader_metadata_count(reader), 0);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_name_that_is_taken_meanwhile_is_not_replaced)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);
	char content[4];

	add(writer, "t");
	ck_assert_int_eq(memory_system_add_file(scene.memory, "/d/f", "old", 3), 0);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_EXISTS, "'/d/f'");
	cairn_writer_destroy(writer);
	ck_assert_int_eq(memory_system_content(scene.memory, "/d/f", content, 4), 3);
	ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(replacing_is_for_those_who_ask)
{
	struct cairn_writer *writer;
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	ck_assert_int_eq(memory_system_add_file(scene.memory, "/d/f", "old", 3), 0);
	writer = scene_writer(&scene, "/d/f", &replacing);
	add(writer, "t");
	finish_writer(writer);
	reader = scene_reader(&scene, "/d/f", NULL);
	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	cairn_reader_close(reader);
	ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(replacing_what_is_not_there_is_fine)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", &replacing);

	add(writer, "t");
	finish_writer(writer);
	ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(a_replaced_file_stays_with_its_readers)
{
	struct cairn_writer *writer = scene_writer(&scene, "/d/f", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	add(writer, "old");
	finish_writer(writer);
	reader = scene_reader(&scene, "/d/f", NULL);
	writer = scene_writer(&scene, "/d/f", &replacing);
	add(writer, "new");
	finish_writer(writer);
	ASSERT_OK(cairn_reader_find(reader, "old", &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_mem_eq(view.data, bytes, 4);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(finish_happens_once)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);

	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	ASSERT_STATUS(cairn_writer_finish(writer, &test_error), CAIRN_PRECONDITION);
	cairn_writer_destroy(writer);
	ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(abort_and_destroy_leave_nothing)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);

	add(writer, "t");
	cairn_writer_abort(writer);
	ASSERT_STATUS(cairn_writer_finish(writer, &test_error), CAIRN_PRECONDITION);
	cairn_writer_destroy(writer);
	cairn_writer_destroy(scene_writer(&scene, "/d/f", NULL));
	ck_assert_int_eq(entries(), 0);
}
END_TEST

START_TEST(abort_after_finish_and_of_nothing_does_nothing)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);

	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	cairn_writer_abort(writer);
	cairn_writer_destroy(writer);
	cairn_writer_abort(NULL);
	cairn_writer_destroy(NULL);
	ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(a_failed_save_leaves_nothing)
{
	static const enum memory_call failing[] = {MEMORY_CALL_CREATE, MEMORY_CALL_PWRITE,
						   MEMORY_CALL_SYNC, MEMORY_CALL_RENAME};
	const struct memory_fault fault = {.call = failing[_i], .at = 1, .error = ENOSPC};
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);

	add(writer, "t");
	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_IO, "'/d/f'");
	ck_assert_int_eq(test_error.system_errno, ENOSPC);
	cairn_writer_destroy(writer);
	ck_assert_int_eq(entries(), 0);
}
END_TEST

START_TEST(the_last_fsync_decides_whether_there_is_doubt)
{
	/* the folder when the writer was created, the file, the folder */
	const struct memory_fault fault = {.call = MEMORY_CALL_SYNC, .at = 2, .error = EIO};
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);
	const struct cairn_digest none = {{0}};
	struct cairn_digest id;

	add(writer, "t");
	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_STATUS(cairn_writer_finish(writer, &test_error), CAIRN_IN_DOUBT);
	ck_assert_int_eq(test_error.code, CAIRN_IN_DOUBT);
	id = cairn_writer_content_id(writer);
	ck_assert_mem_eq(id.bytes, none.bytes, sizeof(id.bytes));
	cairn_writer_destroy(writer);
	ck_assert_int_eq(entries(), 1); /* whole, and not deleted */
	cairn_reader_close(scene_reader(&scene, "/d/f", NULL));
}
END_TEST

START_TEST(a_locked_folder_is_busy)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);
	const int fd = system_open(scene.system, SYSTEM_CWD, "/d", SYSTEM_WANT_DIRECTORY);

	add(writer, "t");
	ck_assert_int_eq(system_lock(scene.system, fd, SYSTEM_LOCK_EXCLUSIVE), 0);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_BUSY, "locked");
	cairn_writer_destroy(writer);
	system_close(scene.system, fd);
	ck_assert_int_eq(entries(), 0);
}
END_TEST

START_TEST(a_locked_folder_does_not_hinder_creation)
{
	const int fd = system_open(scene.system, SYSTEM_CWD, "/d", SYSTEM_WANT_DIRECTORY);

	ck_assert_int_eq(system_lock(scene.system, fd, SYSTEM_LOCK_SHARED), 0);
	cairn_writer_destroy(scene_writer(&scene, "/d/f", NULL));
	system_close(scene.system, fd);
}
END_TEST

/* ------------------------------------------------------------------------------ the first error */

START_TEST(finish_returns_the_first_error)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);
	char message[CAIRN_MESSAGE_SIZE];

	add(writer, "good");
	ASSERT_STATUS(cairn_writer_add(writer, "\xff", CAIRN_U8, 1, four, bytes, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	memcpy(message, test_error.message, sizeof(message));
	ASSERT_STATUS(cairn_writer_add(writer, "x", CAIRN_U8, 1, (const uint64_t[]){UINT64_MAX},
				       bytes, &test_error),
		      CAIRN_LIMIT);
	ASSERT_STATUS(cairn_writer_finish(writer, &test_error), CAIRN_INVALID_ARGUMENT);
	ck_assert_str_eq(test_error.message, message);
	cairn_writer_destroy(writer);
	ck_assert_uint_eq(calls(MEMORY_CALL_CREATE), 0);
}
END_TEST

START_TEST(an_unchecked_error_is_not_lost)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);

	ck_assert_int_eq(cairn_writer_add(writer, "\xff", CAIRN_U8, 1, four, bytes, NULL),
			 CAIRN_INVALID_ARGUMENT);
	add(writer, "good");
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_INVALID_ARGUMENT,
		     "an add call failed");
	cairn_writer_destroy(writer);
	ck_assert_int_eq(entries(), 0);
}
END_TEST

START_TEST(errors_name_the_target)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);

	ASSERT_FAILS(
		cairn_writer_add(writer, "t", (enum cairn_dtype)0, 1, four, bytes, &test_error),
		CAIRN_INVALID_ARGUMENT, "'/d/f': tensor 't': ");
	cairn_writer_destroy(writer);
}
END_TEST

/* -------------------------------------------------------------------------- what is in the file */

START_TEST(the_options_are_in_the_file)
{
	const struct cairn_writer_options options = {
		.chunk_size = 1 << 20,
		.alignment = 65536,
		.save_id = {1, 2, 3},
		.parent_id = {{9, 8, 7}},
		.generation = 77,
	};
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", &options);
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_reader *reader;

	add(writer, "t");
	finish_writer(writer);
	reader = scene_reader(&scene, "/d/f", NULL);
	cairn_reader_info(reader, &info);
	ck_assert_uint_eq(info.alignment, 65536);
	ck_assert_uint_eq(info.chunk_size, 1 << 20);
	ck_assert_uint_eq(info.generation, 77);
	ck_assert_mem_eq(info.save_id, options.save_id, sizeof(info.save_id));
	ck_assert_mem_eq(info.parent_id.bytes, options.parent_id.bytes, DIGEST_SIZE);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(the_content_id_is_that_of_the_file)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", NULL);
	const struct cairn_digest none = {{0}};
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_reader *reader;
	struct cairn_digest id = cairn_writer_content_id(writer);

	ck_assert_mem_eq(id.bytes, none.bytes, sizeof(id.bytes));
	add(writer, "t");
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	id = cairn_writer_content_id(writer);
	cairn_writer_destroy(writer);
	reader = scene_reader(&scene, "/d/f", NULL);
	cairn_reader_info(reader, &info);
	ck_assert_mem_eq(id.bytes, info.content_id.bytes, sizeof(id.bytes));
	cairn_reader_close(reader);
}
END_TEST

static uint64_t offset_of(const struct cairn_reader *reader, const char *name)
{
	struct cairn_stored_slice slice = {0};
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	return slice.offset;
}

static struct cairn_reader *write_three(uint32_t flags)
{
	const struct cairn_writer_options options = {.flags = flags};
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", &options);

	add(writer, "m");
	add(writer, "z");
	add(writer, "a");
	finish_writer(writer);
	return scene_reader(&scene, "/d/f", NULL);
}

START_TEST(data_lies_in_the_order_of_the_calls)
{
	struct cairn_reader *const reader = write_three(0);

	ck_assert_uint_lt(offset_of(reader, "m"), offset_of(reader, "z"));
	ck_assert_uint_lt(offset_of(reader, "z"), offset_of(reader, "a"));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(sorted_data_lies_in_the_order_of_names)
{
	struct cairn_reader *const reader = write_three(CAIRN_WRITER_SORT);

	ck_assert_uint_lt(offset_of(reader, "a"), offset_of(reader, "m"));
	ck_assert_uint_lt(offset_of(reader, "m"), offset_of(reader, "z"));
	cairn_reader_close(reader);
}
END_TEST

static struct bytes write_order(const char *names, uint32_t flags)
{
	const struct cairn_writer_options options = {.flags = flags | CAIRN_WRITER_REPLACE};
	struct cairn_writer *const writer = scene_writer(&scene, "/d/f", &options);

	for (const char *name = names; *name != '\0'; name++)
		ASSERT_OK(cairn_writer_add_spec(
			writer,
			&(struct cairn_tensor_spec){
				.name = {name, 1}, .dtype = CAIRN_U8, .rank = 1, .dims = four},
			bytes, &test_error));
	ASSERT_OK(cairn_writer_set_metadata_string(writer, cairn_string_from("k"),
						   cairn_string_from("v"), &test_error));
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from("alias"), cairn_string_from("b"),
					 &test_error));
	finish_writer(writer);
	return scene_content(&scene, "/d/f");
}

START_TEST(sorted_files_do_not_depend_on_the_order_of_the_calls)
{
	struct bytes a = write_order("abcdef", CAIRN_WRITER_SORT);
	struct bytes b = write_order("fcdbea", CAIRN_WRITER_SORT);

	ck_assert_uint_eq(a.size, b.size);
	ck_assert(memcmp(a.data, b.data, a.size) == 0);
	bytes_free(&a);
	bytes_free(&b);
}
END_TEST

START_TEST(the_same_calls_give_the_same_bytes)
{
	struct bytes a = write_order("fcdbea", 0);
	struct bytes b = write_order("fcdbea", 0);

	ck_assert_uint_eq(a.size, b.size);
	ck_assert(memcmp(a.data, b.data, a.size) == 0);
	bytes_free(&a);
	bytes_free(&b);
}
END_TEST

static TCase *life_tests(void)
{
	TCase *tests = tcase_create("life");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, paths_that_cannot_be_written_are_refused_early, 0,
			    COUNT_OF(paths));
	tcase_add_test(tests, a_folder_is_never_replaced);
	tcase_add_loop_test(tests, options_out_of_range_are_invalid, 0, COUNT_OF(bad_options));
	tcase_add_loop_test(tests, options_at_their_bounds_are_fine, 0, COUNT_OF(good_options));
	tcase_add_test(tests, creating_makes_no_file);
	tcase_add_test(tests, relative_paths_work);
	tcase_add_test(tests, a_finished_file_is_alone_and_read_only);
	tcase_add_test(tests, an_empty_checkpoint_can_be_written);
	tcase_add_test(tests, a_name_that_is_taken_meanwhile_is_not_replaced);
	tcase_add_test(tests, replacing_is_for_those_who_ask);
	tcase_add_test(tests, replacing_what_is_not_there_is_fine);
	tcase_add_test(tests, a_replaced_file_stays_with_its_readers);
	tcase_add_test(tests, finish_happens_once);
	tcase_add_test(tests, abort_and_destroy_leave_nothing);
	tcase_add_test(tests, abort_after_finish_and_of_nothing_does_nothing);
	tcase_add_loop_test(tests, a_failed_save_leaves_nothing, 0, 4);
	tcase_add_test(tests, the_last_fsync_decides_whether_there_is_doubt);
	tcase_add_test(tests, a_locked_folder_is_busy);
	tcase_add_test(tests, a_locked_folder_does_not_hinder_creation);
	return tests;
}

static TCase *content_tests(void)
{
	TCase *tests = tcase_create("content");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, finish_returns_the_first_error);
	tcase_add_test(tests, an_unchecked_error_is_not_lost);
	tcase_add_test(tests, errors_name_the_target);
	tcase_add_test(tests, the_options_are_in_the_file);
	tcase_add_test(tests, the_content_id_is_that_of_the_file);
	tcase_add_test(tests, data_lies_in_the_order_of_the_calls);
	tcase_add_test(tests, sorted_data_lies_in_the_order_of_names);
	tcase_add_test(tests, sorted_files_do_not_depend_on_the_order_of_the_calls);
	tcase_add_test(tests, the_same_calls_give_the_same_bytes);
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("writer");

	suite_add_tcase(suite, life_tests());
	suite_add_tcase(suite, content_tests());
	return run_suite(suite);
}
