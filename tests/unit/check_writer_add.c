/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be added to a writer, and what each add function says about the rest. Duplicates and
 * slices that do not fit together show at the latest in finish.
 */
#include "engine/write/writer.h"

#include "format/digest.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

static struct scene scene;
static struct cairn_writer *writer;

static uint8_t data[4096];
static const uint64_t four[] = {4};
static const uint64_t four_by_six[] = {4, 6};

static void set_up(void)
{
	struct random random = {5};

	random_fill(&random, data, sizeof(data));
	scene_open(&scene);
	writer = scene_writer(&scene, "/f", NULL);
}

static void tear_down(void)
{
	cairn_writer_destroy(writer);
	scene_close(&scene);
}

static struct cairn_reader *finish(void)
{
	finish_writer(writer);
	writer = NULL;
	return scene_reader(&scene, "/f", NULL);
}

static struct cairn_tensor find(const struct cairn_reader *reader, const char *name)
{
	struct cairn_tensor tensor = {0};

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	return tensor;
}

static void assert_content(const struct cairn_tensor *tensor, const void *expected, uint64_t size)
{
	struct cairn_view view = {0};

	ASSERT_OK(cairn_tensor_view(tensor, &view, &test_error));
	ck_assert_uint_eq(view.size, size);
	ck_assert_mem_eq(view.data, expected, size);
	cairn_view_release(&view);
}

static struct cairn_string text(const char *name)
{
	return cairn_string_from(name);
}

/* --------------------------------------------------------------------------------- descriptions */

static const uint64_t huge[] = {(uint64_t)1 << 62, 2};
static const uint64_t many[] = {(uint64_t)1 << 61};
static const uint64_t thirty[] = {30};
static const uint64_t zeros[] = {0, 0};
static const uint64_t outside[] = {3, 0};
static const uint64_t two_six[] = {2, 6};
static const uint64_t four_three[] = {4, 3};
static const uint64_t four_two[] = {4, 2};
static const uint64_t zero_one[] = {0, 1};
static const uint64_t two_three[] = {2, 3};
static char big_name[CAIRN_NAME_SIZE_MAX + 1];
static uint64_t ones[256];

#define SPEC(text, size, type, shape_rank, shape)                                                  \
 .spec = {.name = {text, size}, .dtype = (type), .rank = (shape_rank), .dims = (shape)}
#define SLICE(type, shape, begin, count)                                                           \
 .spec = {.name = {"t", 1},                                                                        \
	  .dtype = (type),                                                                         \
	  .rank = 2,                                                                               \
	  .dims = (shape),                                                                         \
	  .starts = (begin),                                                                       \
	  .lengths = (count)}

static const struct {
	const char *what;
	struct cairn_tensor_spec spec;
	enum cairn_status status;
} specs[] = {
	{"a name that is not UTF-8", SPEC("a\xff", 2, CAIRN_U8, 1, four), CAIRN_INVALID_ARGUMENT},
	{"a surrogate in a name", SPEC("\xed\xa0\x80", 3, CAIRN_U8, 1, four),
	 CAIRN_INVALID_ARGUMENT},
	{"a name over the limit", SPEC(big_name, CAIRN_NAME_SIZE_MAX + 1, CAIRN_U8, 1, four),
	 CAIRN_INVALID_ARGUMENT},
	{"no name, but a size", SPEC(NULL, 1, CAIRN_U8, 1, four), CAIRN_INVALID_ARGUMENT},
	{"type 0", SPEC("t", 1, (enum cairn_dtype)0, 1, four), CAIRN_INVALID_ARGUMENT},
	{"an unknown type", SPEC("t", 1, (enum cairn_dtype)200, 1, four), CAIRN_INVALID_ARGUMENT},
	{"bytes as a tensor", SPEC("t", 1, CAIRN_BYTES, 0, NULL), CAIRN_INVALID_ARGUMENT},
	{"null as a tensor", SPEC("t", 1, CAIRN_NULL, 0, NULL), CAIRN_INVALID_ARGUMENT},
	{"strings", SPEC("t", 1, CAIRN_STRING, 1, four), CAIRN_INVALID_ARGUMENT},
	{"variants", SPEC("t", 1, CAIRN_VARIANT, 1, four), CAIRN_INVALID_ARGUMENT},
	{"a rank over the limit", SPEC("t", 1, CAIRN_U8, 255, ones), CAIRN_INVALID_ARGUMENT},
	{"a rank far over the limit", SPEC("t", 1, CAIRN_U8, 256, ones), CAIRN_INVALID_ARGUMENT},
	{"no dims", SPEC("t", 1, CAIRN_U8, 1, NULL), CAIRN_INVALID_ARGUMENT},
	{"too many elements", SPEC("t", 1, CAIRN_U8, 2, huge), CAIRN_LIMIT},
	{"too many bytes", SPEC("t", 1, CAIRN_F32, 1, many), CAIRN_LIMIT},
	{"a shape that cuts a block", SPEC("t", 1, CAIRN_Q4_0, 1, thirty), CAIRN_INVALID_ARGUMENT},
	{"a scalar of a block type", SPEC("t", 1, CAIRN_F4_E2M1, 0, NULL), CAIRN_INVALID_ARGUMENT},
	{"starts without lengths", SLICE(CAIRN_U8, four_by_six, zeros, NULL),
	 CAIRN_INVALID_ARGUMENT},
	{"lengths without starts", SLICE(CAIRN_U8, four_by_six, NULL, two_six),
	 CAIRN_INVALID_ARGUMENT},
	{"a slice that leaves the shape", SLICE(CAIRN_U8, four_by_six, outside, two_six),
	 CAIRN_INVALID_ARGUMENT},
	{"a slice whose length cuts a block", SLICE(CAIRN_F4_E2M1, four_by_six, zeros, four_three),
	 CAIRN_INVALID_ARGUMENT},
	{"a slice whose start cuts a block", SLICE(CAIRN_F4_E2M1, four_by_six, zero_one, four_two),
	 CAIRN_INVALID_ARGUMENT},
	{"a slice of blocks that run over rows", SLICE(CAIRN_F4_E2M1, four_three, zeros, two_three),
	 CAIRN_INVALID_ARGUMENT},
};

START_TEST(bad_descriptions_are_refused)
{
	memset(big_name, 'x', sizeof(big_name));
	for (size_t i = 0; i < COUNT_OF(ones); i++)
		ones[i] = 1;
	test_error_reset();
	ck_assert_msg(cairn_writer_add_spec(writer, &specs[_i].spec, data, &test_error) ==
			      specs[_i].status,
		      "%s: %s %s", specs[_i].what, cairn_status_name(test_error.code),
		      test_error.message);
	ck_assert_int_eq(test_error.code, specs[_i].status);
	ASSERT_STATUS(cairn_writer_finish(writer, &test_error), specs[_i].status);
}
END_TEST

static enum cairn_status never(void *context, uint64_t offset, void *buffer, size_t size)
{
	(void)context;
	(void)offset;
	(void)buffer;
	(void)size;
	ck_abort_msg("called");
	return CAIRN_OK;
}

START_TEST(callbacks_are_described_alike)
{
	memset(big_name, 'x', sizeof(big_name));
	for (size_t i = 0; i < COUNT_OF(ones); i++)
		ones[i] = 1;
	ASSERT_STATUS(cairn_writer_add_callback(writer, &specs[_i].spec, never, NULL, &test_error),
		      specs[_i].status);
}
END_TEST

START_TEST(data_and_callbacks_must_be_there)
{
	const struct cairn_tensor_spec spec = {
		.name = {"t", 1}, .dtype = CAIRN_U8, .rank = 1, .dims = four};

	ASSERT_STATUS(cairn_writer_add_spec(writer, &spec, NULL, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(cairn_writer_add_callback(writer, &spec, NULL, NULL, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(cairn_writer_add_strings(writer, text("t"), 1, four, NULL, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(cairn_writer_add(writer, NULL, CAIRN_U8, 1, four, NULL, &test_error),
		      CAIRN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(names_at_the_bounds_are_fine)
{
	const struct cairn_string names[] = {
		{"", 0}, {"a\0b", 3}, {big_name, CAIRN_NAME_SIZE_MAX}, {"\xf0\x9f\x98\x80", 4}};
	struct cairn_reader *reader;

	memset(big_name, 'x', sizeof(big_name));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct cairn_tensor_spec spec = {
			.name = names[i], .dtype = CAIRN_U8, .rank = 1, .dims = four};

		ASSERT_OK(cairn_writer_add_spec(writer, &spec, data + i, &test_error));
	}
	reader = finish();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct cairn_tensor tensor;

		ASSERT_OK(cairn_reader_find_string(reader, names[i], &tensor, &test_error));
		assert_content(&tensor, data + i, 4);
	}
	cairn_reader_close(reader);
}
END_TEST

START_TEST(the_largest_rank_is_fine)
{
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	for (size_t i = 0; i < COUNT_OF(ones); i++)
		ones[i] = 1;
	ones[253] = 7;
	ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_U8, 254, ones, data, &test_error));
	reader = finish();
	tensor = find(reader, "t");
	ck_assert_uint_eq(tensor.rank, 254);
	ck_assert_mem_eq(tensor.dims, ones, 254 * sizeof(ones[0]));
	assert_content(&tensor, data, 7);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(unknown_types_with_blocks_are_opaque)
{
	const uint64_t ten[] = {10};
	const struct cairn_tensor_spec spec = {.name = {"t", 1},
					       .dtype = (enum cairn_dtype)999,
					       .rank = 1,
					       .dims = ten,
					       .block_elements = 5,
					       .block_bytes = 3};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, data, &test_error));
	reader = finish();
	tensor = find(reader, "t");
	ck_assert_int_eq((int)tensor.dtype, 999);
	ck_assert_uint_eq(tensor.block_elements, 5);
	assert_content(&tensor, data, 6);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(nothing_can_be_added_after_the_end)
{
	const struct cairn_tensor_spec spec = {
		.name = {"t", 1}, .dtype = CAIRN_U8, .rank = 1, .dims = four};
	const struct cairn_string string = {"s", 1};
	const uint64_t one[] = {1};

	if (_i == 0)
		cairn_writer_abort(writer);
	else
		ASSERT_OK(cairn_writer_finish(writer, &test_error));
	ASSERT_STATUS(cairn_writer_add(writer, "t", CAIRN_U8, 1, four, data, &test_error),
		      CAIRN_PRECONDITION);
	ASSERT_STATUS(cairn_writer_add_copy(writer, "t", CAIRN_U8, 1, four, data, &test_error),
		      CAIRN_PRECONDITION);
	ASSERT_STATUS(cairn_writer_add_callback(writer, &spec, never, NULL, &test_error),
		      CAIRN_PRECONDITION);
	ASSERT_STATUS(cairn_writer_add_strings(writer, text("t"), 1, one, &string, &test_error),
		      CAIRN_PRECONDITION);
	ASSERT_STATUS(cairn_writer_add_alias(writer, text("t"), text("u"), &test_error),
		      CAIRN_PRECONDITION);
	ASSERT_STATUS(
		cairn_writer_set_metadata(writer, text("k"), CAIRN_U8, 0, NULL, data, &test_error),
		CAIRN_PRECONDITION);
	ASSERT_STATUS(cairn_writer_set_metadata_string(writer, text("k"), text("v"), &test_error),
		      CAIRN_PRECONDITION);
}
END_TEST

/* --------------------------------------------------------------------------------------- memory */

START_TEST(borrowed_bytes_are_read_by_finish)
{
	uint8_t bytes[4] = {1, 1, 1, 1};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_U8, 1, four, bytes, &test_error));
	memset(bytes, 2, sizeof(bytes));
	reader = finish();
	tensor = find(reader, "t");
	assert_content(&tensor, bytes, 4);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(copied_things_do_not_depend_on_the_caller)
{
	static const uint8_t ones_of_four[] = {1, 1, 1, 1};
	uint8_t bytes[4] = {1, 1, 1, 1};
	char name[] = "name";
	char value[] = "v";
	uint64_t dims[] = {4};
	const uint64_t one[] = {1};
	struct cairn_string string = {value, 1};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_writer_add_copy(writer, name, CAIRN_U8, 1, dims, bytes, &test_error));
	ASSERT_OK(cairn_writer_add_strings(writer, text("s"), 1, one, &string, &test_error));
	ASSERT_OK(cairn_writer_set_metadata(writer, text("k"), CAIRN_U8, 1, dims, bytes,
					    &test_error));
	memset(bytes, 2, sizeof(bytes));
	memset(name, 'x', sizeof(name) - 1);
	value[0] = 'x';
	dims[0] = 3;
	reader = finish();
	tensor = find(reader, "name");
	assert_content(&tensor, ones_of_four, 4);
	tensor = find(reader, "s");
	assert_content(&tensor, "\1\0\0\0\0\0\0\0v", 9);
	ASSERT_OK(cairn_reader_metadata_find(reader, text("k"), &tensor, &test_error));
	assert_content(&tensor, ones_of_four, 4);
	cairn_reader_close(reader);
}
END_TEST

/* ------------------------------------------------------------------------- what shows in finish */

static void add(const char *name)
{
	ASSERT_OK(cairn_writer_add(writer, name, CAIRN_U8, 2, four_by_six, data, &test_error));
}

static void add_slice(const char *name, enum cairn_dtype dtype, const uint64_t *dims,
		      uint64_t start, uint64_t length)
{
	const uint64_t starts[] = {start, 0};
	const uint64_t lengths[] = {length, CAIRN_FULL};
	const struct cairn_tensor_spec spec = {.name = text(name),
					       .dtype = dtype,
					       .rank = 2,
					       .dims = dims,
					       .starts = starts,
					       .lengths = lengths};

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, data + 24 * start, &test_error));
}

static void assert_finish_fails(enum cairn_status status, const char *part)
{
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), status, part);
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_CREATE), 0);
	ck_assert(!memory_system_exists(scene.memory, "/f"));
}

START_TEST(a_tensor_twice_exists)
{
	add("t");
	add("t");
	assert_finish_fails(CAIRN_EXISTS, "'t'");
}
END_TEST

START_TEST(a_whole_tensor_and_a_slice_of_it_exist)
{
	if (_i == 0)
		add("t");
	add_slice("t", CAIRN_U8, four_by_six, 0, 2);
	if (_i == 1)
		add("t");
	assert_finish_fails(CAIRN_EXISTS, "'t'");
}
END_TEST

START_TEST(an_equal_slice_exists)
{
	add_slice("t", CAIRN_U8, four_by_six, 0, 2);
	add_slice("t", CAIRN_U8, four_by_six, 2, 2);
	add_slice("t", CAIRN_U8, four_by_six, 0, 2);
	assert_finish_fails(CAIRN_EXISTS, "'t'");
}
END_TEST

START_TEST(slices_that_overlap_are_invalid)
{
	add_slice("t", CAIRN_U8, four_by_six, 0, 3);
	add_slice("t", CAIRN_U8, four_by_six, 2, 2);
	assert_finish_fails(CAIRN_INVALID_ARGUMENT, "tensor 't': two of its slices overlap");
}
END_TEST

START_TEST(slices_that_disagree_are_mismatches)
{
	static const uint64_t four_by_seven[] = {4, 7};

	add_slice("t", CAIRN_U8, four_by_six, 0, 2);
	add_slice("t", _i == 0 ? CAIRN_I8 : CAIRN_U8, _i == 0 ? four_by_six : four_by_seven, 2, 2);
	assert_finish_fails(CAIRN_MISMATCH, "'t'");
}
END_TEST

START_TEST(slices_come_in_any_order_between_others)
{
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_stored_slice slice;

	add_slice("t", CAIRN_F32, four_by_six, 3, 1);
	add("a");
	add_slice("t", CAIRN_F32, four_by_six, 0, 2);
	add("z");
	add_slice("t", CAIRN_F32, four_by_six, 2, 1);
	reader = finish();
	tensor = find(reader, "t");
	ck_assert_uint_eq(tensor.flags, CAIRN_TENSOR_SLICED | CAIRN_TENSOR_DIGEST);
	ck_assert_uint_eq(tensor.slice_count, 3);
	assert_content(&tensor, data, 96);
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	ck_assert_uint_eq(slice.extents[0], 3); /* as it was added, and literally */
	ck_assert_uint_eq(slice.extents[3], CAIRN_FULL);
	cairn_reader_close(reader);
}
END_TEST

/* -------------------------------------------------------------------------------------- aliases */

static void alias(const char *name, const char *target)
{
	ASSERT_OK(cairn_writer_add_alias(writer, text(name), text(target), &test_error));
}

START_TEST(aliases_may_come_before_their_target_and_on_either_side)
{
	struct cairn_reader *reader;
	struct cairn_tensor tensors[3];

	alias("a", "m");
	add("m");
	alias("z", "m");
	reader = finish();
	tensors[0] = find(reader, "a");
	tensors[1] = find(reader, "m");
	tensors[2] = find(reader, "z");
	for (int i = 0; i < 3; i++) {
		assert_content(&tensors[i], data, 24);
		ck_assert_uint_eq(tensors[i].slice_count, 1);
		ck_assert_uint_eq(tensors[i].flags, CAIRN_TENSOR_DIGEST);
		ck_assert_mem_eq(tensors[i].digest.bytes, tensors[0].digest.bytes, DIGEST_SIZE);
	}
	cairn_reader_close(reader);
}
END_TEST

START_TEST(shared_bytes_are_stored_once)
{
	struct cairn_reader *reader;
	struct cairn_stored_slice a;
	struct cairn_stored_slice m;
	struct cairn_tensor tensor;

	add("m");
	alias("a", "m");
	reader = finish();
	tensor = find(reader, "a");
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &a, &test_error));
	tensor = find(reader, "m");
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &m, &test_error));
	ck_assert_uint_eq(a.offset, m.offset);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(aliases_of_nothing_are_not_found)
{
	add("m");
	switch (_i) {
	case 0:
		alias("a", "none");
		break;
	case 1:
		alias("a", "a");
		break;
	case 2:
		add_slice("s", CAIRN_U8, four_by_six, 0, 4);
		alias("a", "s");
		break;
	default:
		alias("a", "b");
		alias("b", "m");
		break;
	}
	assert_finish_fails(CAIRN_NOT_FOUND, "tensor 'a'");
}
END_TEST

START_TEST(an_alias_of_a_name_that_is_taken_exists)
{
	add("m");
	add("a");
	alias("a", "m");
	assert_finish_fails(CAIRN_EXISTS, "'a'");
}
END_TEST

/* ------------------------------------------------------------------------------------- metadata */

static const struct {
	const char *what;
	enum cairn_dtype dtype;
	uint32_t rank;
	const uint64_t *dims;
	const void *data;
	enum cairn_status status;
} values[] = {
	{"a scalar", CAIRN_F64, 0, NULL, data, CAIRN_OK},
	{"an array", CAIRN_I16, 1, four, data, CAIRN_OK},
	{"an empty array", CAIRN_I16, 1, zeros, NULL, CAIRN_OK},
	{"null", CAIRN_NULL, 0, NULL, NULL, CAIRN_OK},
	{"rank 2", CAIRN_I16, 2, four_by_six, data, CAIRN_INVALID_ARGUMENT},
	{"a string", CAIRN_STRING, 0, NULL, data, CAIRN_INVALID_ARGUMENT},
	{"bytes", CAIRN_BYTES, 0, NULL, data, CAIRN_INVALID_ARGUMENT},
	{"an unknown type", (enum cairn_dtype)200, 0, NULL, data, CAIRN_INVALID_ARGUMENT},
	{"no data", CAIRN_I16, 0, NULL, NULL, CAIRN_INVALID_ARGUMENT},
};

START_TEST(metadata_has_a_type_of_fixed_size_and_rank_0_or_1)
{
	struct cairn_reader *reader;
	struct cairn_tensor value;

	ASSERT_STATUS(cairn_writer_set_metadata(writer, text("k"), values[_i].dtype,
						values[_i].rank, values[_i].dims, values[_i].data,
						&test_error),
		      values[_i].status);
	if (values[_i].status != CAIRN_OK)
		return;
	reader = finish();
	ASSERT_OK(cairn_reader_metadata_find(reader, text("k"), &value, &test_error));
	ck_assert_int_eq(value.dtype, values[_i].dtype);
	ck_assert_uint_eq(value.rank, values[_i].rank);
	assert_content(&value, data, value.size);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_key_twice_exists)
{
	ASSERT_OK(cairn_writer_set_metadata_string(writer, text("k"), text("v"), &test_error));
	ASSERT_OK(
		cairn_writer_set_metadata(writer, text("k"), CAIRN_U8, 0, NULL, data, &test_error));
	assert_finish_fails(CAIRN_EXISTS, "metadata key 'k'");
}
END_TEST

START_TEST(keys_and_tensors_may_have_one_name)
{
	struct cairn_reader *reader;
	struct cairn_tensor value;

	add("t");
	ASSERT_OK(cairn_writer_set_metadata_string(writer, text("t"), text("v"), &test_error));
	reader = finish();
	ASSERT_OK(cairn_reader_metadata_find(reader, text("t"), &value, &test_error));
	assert_content(&value, "\1\0\0\0\0\0\0\0v", 9);
	cairn_reader_close(reader);
}
END_TEST

static TCase *description_tests(void)
{
	TCase *tests = tcase_create("descriptions");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, bad_descriptions_are_refused, 0, COUNT_OF(specs));
	tcase_add_loop_test(tests, callbacks_are_described_alike, 0, COUNT_OF(specs));
	tcase_add_test(tests, data_and_callbacks_must_be_there);
	tcase_add_test(tests, names_at_the_bounds_are_fine);
	tcase_add_test(tests, the_largest_rank_is_fine);
	tcase_add_test(tests, unknown_types_with_blocks_are_opaque);
	tcase_add_loop_test(tests, nothing_can_be_added_after_the_end, 0, 2);
	tcase_add_test(tests, borrowed_bytes_are_read_by_finish);
	tcase_add_test(tests, copied_things_do_not_depend_on_the_caller);
	return tests;
}

static TCase *finish_tests(void)
{
	TCase *tests = tcase_create("finish");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_tensor_twice_exists);
	tcase_add_loop_test(tests, a_whole_tensor_and_a_slice_of_it_exist, 0, 2);
	tcase_add_test(tests, an_equal_slice_exists);
	tcase_add_test(tests, slices_that_overlap_are_invalid);
	tcase_add_loop_test(tests, slices_that_disagree_are_mismatches, 0, 2);
	tcase_add_test(tests, slices_come_in_any_order_between_others);
	tcase_add_test(tests, aliases_may_come_before_their_target_and_on_either_side);
	tcase_add_test(tests, shared_bytes_are_stored_once);
	tcase_add_loop_test(tests, aliases_of_nothing_are_not_found, 0, 4);
	tcase_add_test(tests, an_alias_of_a_name_that_is_taken_exists);
	tcase_add_loop_test(tests, metadata_has_a_type_of_fixed_size_and_rank_0_or_1, 0,
			    COUNT_OF(values));
	tcase_add_test(tests, a_key_twice_exists);
	tcase_add_test(tests, keys_and_tensors_may_have_one_name);
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("writer_add");

	suite_add_tcase(suite, description_tests());
	suite_add_tcase(suite, finish_tests());
	return run_suite(suite);
}
