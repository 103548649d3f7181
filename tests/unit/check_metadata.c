/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of every shape: metadata of rank 0 and 1, lists of strings and bytes, null, and tensors
 * whose elements have a size each.
 */
#include "engine/write/writer.h"

#include "tests/support/build.h"
#include "tests/support/suite.h"

static struct scene scene;
static struct cairn_writer *writer;

static const uint64_t three[] = {3};
static const uint64_t none[] = {0};
static const uint64_t three_by_one[] = {3, 1};
static const struct cairn_string strings[] = {{"adam", 4}, {"", 0}, {"a\0\xff", 3}};
static const uint8_t numbers[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static void set_up(void)
{
	scene_open(&scene);
	writer = scene_writer(&scene, "/f", NULL);
}

static void tear_down(void)
{
	cairn_writer_destroy(writer);
	scene_close(&scene);
}

static struct cairn_string text(const char *name)
{
	return cairn_string_from(name);
}

static struct cairn_reader *finish(void)
{
	static const struct cairn_reader_options checked = {.flags = CAIRN_OPEN_CHECK_INDEX};

	finish_writer(writer);
	writer = NULL;
	return scene_reader(&scene, "/f", &checked);
}

static void assert_strings(const struct cairn_tensor *tensor, enum cairn_dtype dtype, uint32_t rank,
			   uint64_t count)
{
	struct cairn_view view = {0};

	ck_assert_int_eq(tensor->dtype, dtype);
	ck_assert_uint_eq(tensor->rank, rank);
	ck_assert_uint_eq(tensor->element_count, count);
	ASSERT_OK(cairn_tensor_view(tensor, &view, &test_error));
	for (uint64_t i = 0; i < count; i++) {
		struct cairn_string string;

		ASSERT_OK(cairn_view_string(tensor, &view, i, &string, &test_error));
		ck_assert_uint_eq(string.size, strings[i].size);
		ck_assert_mem_eq(string.data, strings[i].data, string.size);
	}
	cairn_view_release(&view);
}

/* ---------------------------------------------------------------------------- strings and bytes */

static const struct {
	enum cairn_dtype dtype;
	uint32_t rank;
	const uint64_t *dims;
	uint64_t count;
} lists[] = {
	{CAIRN_STRING, 0, NULL, 1}, {CAIRN_BYTES, 0, NULL, 1},  {CAIRN_STRING, 1, three, 3},
	{CAIRN_BYTES, 1, three, 3}, {CAIRN_STRING, 1, none, 0}, {CAIRN_BYTES, 1, none, 0},
};

START_TEST(strings_and_bytes_are_metadata)
{
	const struct cairn_string *const values = lists[_i].count == 0 ? NULL : strings;
	struct cairn_reader *reader;
	struct cairn_tensor value;

	ASSERT_OK(cairn_writer_set_metadata_strings(writer, text("k"), lists[_i].dtype,
						    lists[_i].rank, lists[_i].dims, values,
						    &test_error));
	reader = finish();
	ASSERT_OK(cairn_reader_metadata_find(reader, text("k"), &value, &test_error));
	assert_strings(&value, lists[_i].dtype, lists[_i].rank, lists[_i].count);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(the_shorthand_is_a_string_of_rank_0)
{
	struct cairn_reader *reader;
	struct cairn_tensor value;

	ASSERT_OK(cairn_writer_set_metadata_string(writer, text("k"), strings[0], &test_error));
	reader = finish();
	ASSERT_OK(cairn_reader_metadata_find(reader, text("k"), &value, &test_error));
	assert_strings(&value, CAIRN_STRING, 0, 1);
	cairn_reader_close(reader);
}
END_TEST

static const struct {
	enum cairn_dtype dtype;
	uint32_t rank;
	const uint64_t *dims;
	const struct cairn_string *strings;
} bad_lists[] = {{CAIRN_VARIANT, 1, three, strings},       {CAIRN_U8, 1, three, strings},
		 {CAIRN_NULL, 0, NULL, strings},           {CAIRN_STRING, 2, three_by_one, strings},
		 {CAIRN_BYTES, 2, three_by_one, strings},  {CAIRN_STRING, 1, three, NULL},
		 {CAIRN_STRING, 1, NULL, strings},         {CAIRN_STRING, 0, NULL, NULL},
		 {(enum cairn_dtype)999, 0, NULL, strings}};

START_TEST(other_lists_are_invalid)
{
	ASSERT_STATUS(cairn_writer_set_metadata_strings(writer, text("k"), bad_lists[_i].dtype,
							bad_lists[_i].rank, bad_lists[_i].dims,
							bad_lists[_i].strings, &test_error),
		      CAIRN_INVALID_ARGUMENT);
}
END_TEST

/* ---------------------------------------------------------------------------------- null, ranks */

START_TEST(null_has_no_bytes)
{
	struct cairn_reader *reader;
	struct cairn_tensor value;
	struct cairn_view view = {0};

	ASSERT_OK(cairn_writer_set_metadata(writer, text("k"), CAIRN_NULL, 0, NULL, NULL,
					    &test_error));
	reader = finish();
	ASSERT_OK(cairn_reader_metadata_find(reader, text("k"), &value, &test_error));
	ck_assert_int_eq(value.dtype, CAIRN_NULL);
	ck_assert_uint_eq(value.rank, 0);
	ck_assert_uint_eq(value.size, 0);
	ASSERT_OK(cairn_tensor_view(&value, &view, &test_error));
	ck_assert_uint_eq(view.size, 0);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(metadata_of_rank_2_is_invalid)
{
	ASSERT_STATUS(cairn_writer_set_metadata(writer, text("k"), CAIRN_U8, 2, three_by_one,
						numbers, &test_error),
		      CAIRN_INVALID_ARGUMENT);
}
END_TEST

/* A tensor of another checkpoint, as metadata: only of rank 0 or 1. */
START_TEST(a_copy_of_rank_2_is_invalid)
{
	struct cairn_writer *const copy = scene_writer(&scene, "/copy", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_writer_add(writer, "a", CAIRN_U8, 1, three, numbers, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "b", CAIRN_U8, 2, three_by_one, numbers, &test_error));
	reader = finish();
	ASSERT_OK(cairn_reader_find(reader, "a", &tensor, &test_error));
	ASSERT_OK(cairn_writer_copy_metadata(copy, &tensor, &test_error));
	ASSERT_OK(cairn_reader_find(reader, "b", &tensor, &test_error));
	ASSERT_STATUS(cairn_writer_copy_metadata(copy, &tensor, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_writer_destroy(copy);
	cairn_reader_close(reader);
}
END_TEST

/* --------------------------------------------------------------------- tensors of such elements */

START_TEST(elements_of_variable_size_make_tensors)
{
	const enum cairn_dtype dtype = _i < 2 ? CAIRN_STRING : CAIRN_VARIANT;
	const uint32_t rank = _i % 2 == 0 ? 1 : 2;
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_writer_add_variable(writer, text("t"), dtype, rank, three_by_one, strings,
					    &test_error));
	ASSERT_OK(
		cairn_writer_add_variable(writer, text("none"), dtype, 1, none, NULL, &test_error));
	ASSERT_OK(cairn_writer_add_strings(writer, text("s"), 0, NULL, strings, &test_error));
	reader = finish();
	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	assert_strings(&tensor, dtype, rank, 3);
	ASSERT_OK(cairn_reader_find(reader, "none", &tensor, &test_error));
	assert_strings(&tensor, dtype, 1, 0);
	ASSERT_OK(cairn_reader_find(reader, "s", &tensor, &test_error));
	assert_strings(&tensor, CAIRN_STRING, 0, 1);
	cairn_reader_close(reader);
}
END_TEST

static const enum cairn_dtype fixed[] = {CAIRN_BYTES, CAIRN_NULL, CAIRN_U8, (enum cairn_dtype)0,
					 (enum cairn_dtype)999};

START_TEST(elements_of_fixed_size_are_no_such_tensors)
{
	ASSERT_STATUS(cairn_writer_add_variable(writer, text("t"), fixed[_i], 1, three, strings,
						&test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(cairn_writer_finish(writer, &test_error), CAIRN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(nothing_comes_after_the_end)
{
	cairn_writer_abort(writer);
	ASSERT_STATUS(cairn_writer_set_metadata_strings(writer, text("k"), CAIRN_BYTES, 0, NULL,
							strings, &test_error),
		      CAIRN_PRECONDITION);
	ASSERT_STATUS(cairn_writer_add_variable(writer, text("t"), CAIRN_VARIANT, 1, three, strings,
						&test_error),
		      CAIRN_PRECONDITION);
}
END_TEST

static Suite *metadata_suite(void)
{
	Suite *const suite = suite_create("metadata");
	TCase *const tests = tcase_create("metadata");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, strings_and_bytes_are_metadata, 0, COUNT_OF(lists));
	tcase_add_test(tests, the_shorthand_is_a_string_of_rank_0);
	tcase_add_loop_test(tests, other_lists_are_invalid, 0, COUNT_OF(bad_lists));
	tcase_add_test(tests, null_has_no_bytes);
	tcase_add_test(tests, metadata_of_rank_2_is_invalid);
	tcase_add_test(tests, a_copy_of_rank_2_is_invalid);
	tcase_add_loop_test(tests, elements_of_variable_size_make_tensors, 0, 4);
	tcase_add_loop_test(tests, elements_of_fixed_size_are_no_such_tensors, 0, COUNT_OF(fixed));
	tcase_add_test(tests, nothing_comes_after_the_end);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(metadata_suite());
}
