/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader says about tensors, metadata and stored slices; by name and by number.
 */
#include <cairn/reader.h>

#include <stdio.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"

static struct scene scene;
static struct cairn_reader *reader;

static uint8_t data[200000];
static const uint64_t large[] = {2, 100000};
static const uint64_t four_by_two[] = {4, 2};

static struct cairn_string text(const char *name)
{
	return cairn_string_from(name);
}

static void add_rows(struct cairn_writer *writer, const char *name, uint64_t start, uint64_t length)
{
	const uint64_t starts[] = {start, 0};
	const uint64_t lengths[] = {length, CAIRN_FULL};
	const struct cairn_tensor_spec spec = {.name = text(name),
					       .dtype = CAIRN_U16,
					       .rank = 2,
					       .dims = four_by_two,
					       .starts = starts,
					       .lengths = lengths};

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, data, &test_error));
}

/* In order: "", "alias" of "whole", "part" (one slice), "rows" (two), "whole"; keys "k" and
 * "whole". */
static void set_up(void)
{
	const struct cairn_writer_options options = {.chunk_size = CHUNK_SIZE_MIN};
	struct cairn_writer *writer;

	scene_open(&scene);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	writer = scene_writer(&scene, "/f", &options);
	ASSERT_OK(cairn_writer_add(writer, "whole", CAIRN_U8, 2, large, data, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "", CAIRN_F64, 0, NULL, data, &test_error));
	ASSERT_OK(cairn_writer_add_alias(writer, text("alias"), text("whole"), &test_error));
	add_rows(writer, "rows", 2, 2);
	add_rows(writer, "rows", 0, 2);
	add_rows(writer, "part", 1, 2);
	ASSERT_OK(cairn_writer_set_metadata(writer, text("whole"), CAIRN_I32, 0, NULL, data,
					    &test_error));
	ASSERT_OK(cairn_writer_set_metadata_string(writer, text("k"), text("v"), &test_error));
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", NULL);
}

static void tear_down(void)
{
	cairn_reader_close(reader);
	scene_close(&scene);
}

static struct cairn_tensor find(const char *name)
{
	struct cairn_tensor tensor = {0};

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	return tensor;
}

/* -------------------------------------------------------------------------------------- tensors */

START_TEST(tensors_are_counted_in_order_of_names)
{
	static const char *const names[] = {"", "alias", "part", "rows", "whole"};

	ck_assert_uint_eq(cairn_reader_tensor_count(reader), COUNT_OF(names));
	for (uint64_t i = 0; i < COUNT_OF(names); i++) {
		struct cairn_tensor tensor;

		ASSERT_OK(cairn_reader_tensor_at(reader, i, &tensor, &test_error));
		ck_assert_uint_eq(tensor.name.size, strlen(names[i]));
		ck_assert(memcmp(tensor.name.data, names[i], tensor.name.size) == 0);
		ck_assert_ptr_eq(tensor.reader, reader);
	}
}
END_TEST

START_TEST(there_is_no_tensor_past_the_last)
{
	static const uint64_t numbers[] = {5, 6, 7, UINT64_MAX};
	struct cairn_tensor tensor;

	ASSERT_FAILS(cairn_reader_tensor_at(reader, numbers[_i], &tensor, &test_error),
		     CAIRN_INVALID_ARGUMENT, " of 5");
}
END_TEST

START_TEST(a_whole_tensor_is_described)
{
	const struct cairn_tensor tensor = find("whole");

	ck_assert_int_eq(tensor.dtype, CAIRN_U8);
	ck_assert_uint_eq(tensor.block_elements, 1);
	ck_assert_uint_eq(tensor.block_bytes, 1);
	ck_assert_uint_eq(tensor.rank, 2);
	ck_assert_mem_eq(tensor.dims, large, sizeof(large));
	ck_assert_uint_eq(tensor.element_count, 200000);
	ck_assert_uint_eq(tensor.size, 200000);
	ck_assert_uint_eq(tensor.slice_count, 1);
	ck_assert_uint_eq(tensor.flags, CAIRN_TENSOR_DIGEST);
}
END_TEST

START_TEST(a_scalar_has_one_element)
{
	const struct cairn_tensor tensor = find("");

	ck_assert_uint_eq(tensor.rank, 0);
	ck_assert_uint_eq(tensor.element_count, 1);
	ck_assert_uint_eq(tensor.size, 8);
}
END_TEST

START_TEST(an_alias_says_what_its_target_says)
{
	const struct cairn_tensor alias = find("alias");
	const struct cairn_tensor whole = find("whole");

	ck_assert_uint_eq(alias.slice_count, 1);
	ck_assert_uint_eq(alias.flags, whole.flags);
	ck_assert_uint_eq(alias.size, whole.size);
	ck_assert_mem_eq(alias.digest.bytes, whole.digest.bytes, DIGEST_SIZE);
}
END_TEST

START_TEST(slices_show_in_the_flags)
{
	ck_assert_uint_eq(find("rows").flags, CAIRN_TENSOR_SLICED | CAIRN_TENSOR_DIGEST);
	ck_assert_uint_eq(find("rows").slice_count, 2);
	ck_assert_uint_eq(find("part").flags,
			  CAIRN_TENSOR_SLICED | CAIRN_TENSOR_DIGEST | CAIRN_TENSOR_INCOMPLETE);
	ck_assert_uint_eq(find("part").slice_count, 1);
}
END_TEST

START_TEST(a_digest_is_that_of_the_bytes_or_of_the_chunks)
{
	const struct cairn_digest one = digest_bytes(data, 8);
	uint8_t list[4 * DIGEST_SIZE]; /* 200,000 bytes in chunks of 65,536 */
	struct cairn_digest all;

	for (size_t i = 0; i < 4; i++) {
		const size_t left = sizeof(data) - i * CHUNK_SIZE_MIN;
		const struct cairn_digest digest = digest_bytes(
			data + i * CHUNK_SIZE_MIN, left < CHUNK_SIZE_MIN ? left : CHUNK_SIZE_MIN);

		memcpy(list + i * DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
	}
	all = digest_bytes(list, sizeof(list));
	ck_assert_mem_eq(find("").digest.bytes, one.bytes, DIGEST_SIZE);
	ck_assert_mem_eq(find("whole").digest.bytes, all.bytes, DIGEST_SIZE);
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
	struct cairn_tensor tensor = {.size = 77};

	ASSERT_FAILS(cairn_reader_find(reader, "none", &tensor, &test_error), CAIRN_NOT_FOUND,
		     "'/f': no tensor named 'none'");
	ASSERT_FAILS(cairn_reader_find_string(reader, (struct cairn_string){"whole\0", 6}, &tensor,
					      &test_error),
		     CAIRN_NOT_FOUND, "'whole\\x00'");
	ASSERT_STATUS(cairn_reader_find(reader, "k", &tensor, &test_error), CAIRN_NOT_FOUND);
	ck_assert_uint_eq(tensor.size, 77);
}
END_TEST

START_TEST(no_error_record_is_needed)
{
	struct cairn_tensor tensor;

	ck_assert_int_eq(cairn_reader_find(reader, "none", &tensor, NULL), CAIRN_NOT_FOUND);
	ck_assert_int_eq(cairn_reader_tensor_at(reader, 99, &tensor, NULL), CAIRN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(finding_needs_no_memory_and_warm_no_system_call)
{
	const uint64_t before = memory_system_calls(scene.memory, MEMORY_CALL_ALLOCATE);
	uint64_t calls;

	find("whole");
	calls = memory_system_calls(scene.memory, MEMORY_CALL_ANY);
	find("whole");
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_ANY), calls);
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_ALLOCATE), before);
}
END_TEST

/* ------------------------------------------------------------------------------------- metadata */

START_TEST(metadata_is_a_namespace_of_its_own)
{
	struct cairn_tensor value;

	ck_assert_uint_eq(cairn_reader_metadata_count(reader), 2);
	ASSERT_OK(cairn_reader_metadata_find(reader, text("whole"), &value, &test_error));
	ck_assert_int_eq(value.dtype, CAIRN_I32);
	ASSERT_OK(cairn_reader_metadata_at(reader, 0, &value, &test_error));
	ck_assert_mem_eq(value.name.data, "k", 1);
	ck_assert_int_eq(value.dtype, CAIRN_STRING);
}
END_TEST

START_TEST(missing_metadata_is_not_found)
{
	struct cairn_tensor value;

	ASSERT_FAILS(cairn_reader_metadata_find(reader, text("rows"), &value, &test_error),
		     CAIRN_NOT_FOUND, "no metadata entry named 'rows'");
	ASSERT_FAILS(cairn_reader_metadata_at(reader, 2, &value, &test_error),
		     CAIRN_INVALID_ARGUMENT, "metadata entry 2 of 2");
	ASSERT_STATUS(cairn_reader_metadata_at(reader, UINT64_MAX, &value, &test_error),
		      CAIRN_INVALID_ARGUMENT);
}
END_TEST

/* -------------------------------------------------------------------------------- stored slices */

START_TEST(a_whole_tensor_is_one_stored_slice)
{
	const struct cairn_tensor tensor = find("whole");
	struct cairn_stored_slice slice;
	struct bytes file;

	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	ck_assert_ptr_null(slice.extents);
	ck_assert_uint_eq(slice.size, 200000);
	ck_assert_uint_eq(slice.shard, 0);
	ck_assert_uint_eq(slice.has_digest, 1);
	ck_assert_mem_eq(slice.digest.bytes, tensor.digest.bytes, DIGEST_SIZE);
	file = scene_content(&scene, "/f");
	ck_assert_mem_eq(file.data + slice.offset, data, sizeof(data));
	bytes_free(&file);
}
END_TEST

START_TEST(slices_come_in_stored_order_with_literal_ranges)
{
	static const uint64_t expected[][4] = {{2, 2, 0, CAIRN_FULL}, {0, 2, 0, CAIRN_FULL}};
	const struct cairn_tensor tensor = find("rows");

	for (uint32_t i = 0; i < 2; i++) {
		struct cairn_stored_slice slice;

		ASSERT_OK(cairn_tensor_stored_slice(&tensor, i, &slice, &test_error));
		ck_assert_mem_eq(slice.extents, expected[i], sizeof(expected[i]));
		ck_assert_uint_eq(slice.size, 8);
	}
}
END_TEST

START_TEST(an_alias_is_stored_where_its_target_is)
{
	const struct cairn_tensor alias = find("alias");
	const struct cairn_tensor whole = find("whole");
	struct cairn_stored_slice a;
	struct cairn_stored_slice b;

	ASSERT_OK(cairn_tensor_stored_slice(&alias, 0, &a, &test_error));
	ASSERT_OK(cairn_tensor_stored_slice(&whole, 0, &b, &test_error));
	ck_assert_uint_eq(a.offset, b.offset);
}
END_TEST

START_TEST(there_is_no_stored_slice_past_the_last)
{
	const struct cairn_tensor tensor = find("rows");
	struct cairn_stored_slice slice;

	ASSERT_FAILS(cairn_tensor_stored_slice(&tensor, 2, &slice, &test_error),
		     CAIRN_INVALID_ARGUMENT, "stored slice 2 of 2");
}
END_TEST

/* ---------------------------------------------------------------------------- dishonest records */

/* Opens a copy of the file with bytes of one tensor record changed. */
static struct cairn_reader *open_patched(uint64_t number, size_t offset, size_t width,
					 uint64_t value, struct bytes *file)
{
	struct cairn_reader *opened = NULL;

	*file = scene_content(&scene, "/f");
	memcpy(container_record(file, SECTION_TENSORS, number) + offset, &value, width);
	container_reseal(file);
	ASSERT_OK(reader_open_bytes(scene.system, file->data, file->size, NULL, &opened,
				    &test_error));
	return opened;
}

static const struct {
	const char *what;
	uint64_t number;
	size_t offset; /* as in FORMAT.md */
	size_t width;
	uint64_t value;
} patches[] = {
	{"a size that is not the shape's", 4, 80, 8, 199999},
	{"blocks that are not the type's", 4, 52, 4, 2},
	{"dims past their section", 4, 16, 8, 1000000},
	{"dims whose number wraps", 4, 16, 8, UINT64_MAX},
	{"a name past its section", 4, 8, 4, 100000},
	{"an alias of itself", 4, 40, 8, 4},
	{"an alias of a record far away", 4, 40, 8, UINT64_MAX},
};

START_TEST(dishonest_records_are_corrupt_when_they_are_used)
{
	struct bytes file;
	struct cairn_reader *const patched = open_patched(patches[_i].number, patches[_i].offset,
							  patches[_i].width, patches[_i].value,
							  &file);
	struct cairn_tensor tensor;

	ASSERT_STATUS(cairn_reader_tensor_at(patched, patches[_i].number, &tensor, &test_error),
		      CAIRN_CORRUPT);
	cairn_reader_close(patched);
	bytes_free(&file);
}
END_TEST

START_TEST(damage_of_the_index_is_found_by_lookups)
{
	struct cairn_tensor tensor;
	struct cairn_reader *opened;
	struct bytes file = scene_content(&scene, "/f");
	const struct container_footer footer = container_footer_of(&file);

	/* one block: the root is its digest, which open verifies */
	file.data[footer.index_offset] ^= 1;
	ASSERT_FAILS(
		reader_open_bytes(scene.system, file.data, file.size, NULL, &opened, &test_error),
		CAIRN_CHECKSUM, "index block");
	file.data[footer.index_offset] ^= 1;
	ASSERT_OK(
		reader_open_bytes(scene.system, file.data, file.size, NULL, &opened, &test_error));
	ASSERT_OK(cairn_reader_find(opened, "whole", &tensor, &test_error));
	cairn_reader_close(opened);
	bytes_free(&file);
}
END_TEST

static Suite *lookup_suite(void)
{
	Suite *suite = suite_create("lookup");
	TCase *tests = tcase_create("lookup");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, tensors_are_counted_in_order_of_names);
	tcase_add_loop_test(tests, there_is_no_tensor_past_the_last, 0, 4);
	tcase_add_test(tests, a_whole_tensor_is_described);
	tcase_add_test(tests, a_scalar_has_one_element);
	tcase_add_test(tests, an_alias_says_what_its_target_says);
	tcase_add_test(tests, slices_show_in_the_flags);
	tcase_add_test(tests, a_digest_is_that_of_the_bytes_or_of_the_chunks);
	tcase_add_test(tests, what_is_not_there_is_not_found);
	tcase_add_test(tests, no_error_record_is_needed);
	tcase_add_test(tests, finding_needs_no_memory_and_warm_no_system_call);
	tcase_add_test(tests, metadata_is_a_namespace_of_its_own);
	tcase_add_test(tests, missing_metadata_is_not_found);
	tcase_add_test(tests, a_whole_tensor_is_one_stored_slice);
	tcase_add_test(tests, slices_come_in_stored_order_with_literal_ranges);
	tcase_add_test(tests, an_alias_is_stored_where_its_target_is);
	tcase_add_test(tests, there_is_no_stored_slice_past_the_last);
	tcase_add_loop_test(tests, dishonest_records_are_corrupt_when_they_are_used, 0,
			    COUNT_OF(patches));
	tcase_add_test(tests, damage_of_the_index_is_found_by_lookups);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(lookup_suite());
}
