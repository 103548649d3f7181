/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers: options, references, facts, shards, metadata of every kind.
 */
#include "engine/read/reader.h"

#include <errno.h>

#include "format/digest.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"

static struct scene scene;

static const uint64_t four[] = {4};
static const uint8_t bytes[32] = {1, 2, 3, 4};

static void set_up(void)
{
	struct cairn_writer *writer;

	scene_open(&scene);
	writer = scene_writer(&scene, "/f", NULL);
	ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_U8, 1, four, bytes, &test_error));
	finish_writer(writer);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static struct cairn_reader_info info_of(const struct cairn_reader *reader)
{
	struct cairn_reader_info info = {.size = sizeof(info)};

	cairn_reader_info(reader, &info);
	return info;
}

/* -------------------------------------------------------------------------------------- options */

static const struct cairn_reader_options bad_options[] = {
	{.size = 8},
	{.verification = (enum cairn_verification)2},
	{.transport = (enum cairn_transport)3},
	{.flags = 8},
	{.flags = 0x80000000u | CAIRN_OPEN_CHECK_INDEX},
};

START_TEST(unknown_options_are_refused)
{
	struct cairn_reader *reader = NULL;
	const int fd = system_open(scene.system, SYSTEM_CWD, "/f", 0);
	struct bytes file = scene_content(&scene, "/f");

	ASSERT_STATUS(reader_open_path(scene.system, "/f", &bad_options[_i], &reader, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(reader_open_descriptor(scene.system, fd, 0, 0, &bad_options[_i], &reader,
					     &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(reader_open_bytes(scene.system, file.data, file.size, &bad_options[_i],
					&reader, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ck_assert_ptr_null(reader);
	system_close(scene.system, fd);
	bytes_free(&file);
}
END_TEST

START_TEST(known_options_are_fine)
{
	static const struct cairn_reader_options all_options[] = {
		{.size = sizeof(struct cairn_reader_options)},
		{.verification = CAIRN_VERIFY_NEVER},
		{.transport = CAIRN_TRANSPORT_MAP},
		{.transport = CAIRN_TRANSPORT_COPY},
		{.flags = CAIRN_OPEN_CHECK_INDEX | CAIRN_OPEN_UNALIGNED_VIEWS},
		{.materialised_bytes_max = 1},
	};

	cairn_reader_close(scene_reader(&scene, "/f", &all_options[_i]));
}
END_TEST

/* ----------------------------------------------------------------------------------- references */

START_TEST(a_reader_lives_as_long_as_its_last_reference)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	struct cairn_tensor tensor;

	ck_assert_ptr_eq(cairn_reader_retain(reader), reader);
	cairn_reader_close(reader);
	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	cairn_reader_close(reader);
	ck_assert_uint_eq(memory_system_live(scene.memory).maps, 0);
}
END_TEST

START_TEST(closing_nothing_is_allowed)
{
	cairn_reader_close(NULL);
}
END_TEST

START_TEST(a_descriptor_is_borrowed_during_the_call)
{
	const int fd = system_open(scene.system, SYSTEM_CWD, "/f", 0);
	struct cairn_reader *reader = NULL;
	struct cairn_tensor tensor;
	struct system_status status;

	ASSERT_OK(reader_open_descriptor(scene.system, fd, 0, 0, NULL, &reader, &test_error));
	ck_assert_int_eq(system_status(scene.system, fd, &status), 0); /* still the caller's */
	system_close(scene.system, fd);
	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	cairn_reader_close(reader);
}
END_TEST

/* ---------------------------------------------------------------------------------------- facts */

START_TEST(the_facts_are_those_of_the_file)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_reader_info info = info_of(reader);
	struct bytes file = scene_content(&scene, "/f");

	ck_assert_uint_eq(info.size, sizeof(info));
	ck_assert_str_eq(info.format, "cairn");
	ck_assert_uint_eq(info.format_version, 1);
	ck_assert_uint_eq(info.has_digests, 1);
	ck_assert_uint_eq(info.tensor_count, 1);
	ck_assert_uint_eq(info.metadata_count, 0);
	ck_assert_uint_eq(info.file_bytes, file.size);
	ck_assert_uint_eq(info.mapped_bytes, file.size);
	ck_assert_uint_eq(info.alignment, 4096);
	ck_assert_uint_eq(info.chunk_size, CHUNK_SIZE_DEFAULT);
	ck_assert_uint_eq(info.generation, 0);
	ck_assert_uint_eq(info.materialised_bytes, 0);
	ck_assert_ptr_null(info.note);
	bytes_free(&file);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(what_is_not_mapped_takes_no_address_space)
{
	const struct cairn_reader_options copies = {.transport = CAIRN_TRANSPORT_COPY};
	struct cairn_reader *reader = scene_reader(&scene, "/f", &copies);
	const struct memory_fault fault = {
		.call = MEMORY_CALL_MAP, .at = 1, .forever = true, .error = ENODEV};

	ck_assert_uint_eq(info_of(reader).mapped_bytes, 0);
	cairn_reader_close(reader);
	memory_system_set_fault(scene.memory, 0, &fault);
	reader = scene_reader(&scene, "/f", NULL);
	ck_assert_uint_eq(info_of(reader).mapped_bytes, 0);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_container_is_one_shard)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	struct bytes file = scene_content(&scene, "/f");
	struct cairn_shard shard;

	ck_assert_uint_eq(cairn_reader_shard_count(reader), 1);
	ASSERT_OK(cairn_reader_shard(reader, 0, &shard, &test_error));
	ck_assert_uint_eq(shard.size, file.size);
	ck_assert_uint_eq(shard.name.size, 1);
	ck_assert_mem_eq(shard.name.data, "f", 1);
	ASSERT_FAILS(cairn_reader_shard(reader, 1, &shard, &test_error), CAIRN_INVALID_ARGUMENT,
		     "shard 1 of a checkpoint of 1");
	bytes_free(&file);
	cairn_reader_close(reader);
}
END_TEST

/* --------------------------------------------------------------------------- checking the index */

/* A file whose second of three names is in the wrong place, under digests that fit. */
static void write_disordered(void)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/g", NULL);
	struct bytes file;

	ASSERT_OK(cairn_writer_add(writer, "a", CAIRN_U8, 1, four, bytes, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "b", CAIRN_U8, 1, four, bytes, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "c", CAIRN_U8, 1, four, bytes, &test_error));
	finish_writer(writer);
	file = scene_content(&scene, "/g");
	*container_record(&file, SECTION_NAMES, 0) = 'c';
	*container_record(&file, SECTION_NAMES, 2) = 'a';
	container_reseal(&file);
	scene_add_file(&scene, "/g", &file);
	bytes_free(&file);
}

START_TEST(checked_mode_refuses_a_dishonest_index)
{
	const struct cairn_reader_options checked = {.flags = CAIRN_OPEN_CHECK_INDEX};
	struct cairn_reader *reader = NULL;

	write_disordered();
	ASSERT_FAILS(reader_open_path(scene.system, "/g", &checked, &reader, &test_error),
		     CAIRN_CORRUPT, "'/g': ");
	ck_assert_ptr_null(reader);
}
END_TEST

START_TEST(unchecked_mode_never_finds_the_wrong_tensor)
{
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	write_disordered();
	reader = scene_reader(&scene, "/g", NULL);
	/* the honest answer is the record of that name; less honest ones are allowed, others not */
	ck_assert_int_ne(cairn_reader_find(reader, "a", &tensor, &test_error), CAIRN_OK);
	ck_assert(test_error.code == CAIRN_NOT_FOUND || test_error.code == CAIRN_CORRUPT);
	ASSERT_OK(cairn_reader_find(reader, "b", &tensor, &test_error));
	cairn_reader_close(reader);
}
END_TEST

/* ----------------------------------------------------------------------- metadata of every kind */

static const uint8_t string_array[] = {3, 0, 0, 0, 0, 0, 0,   0,   3,  0,
				       0, 0, 0, 0, 0, 0, 'o', 'n', 'e'};
static const uint64_t two[] = {2};
static const uint64_t none[] = {0};

static const struct {
	const char *key;
	enum cairn_dtype dtype;
	uint8_t rank;
	const uint64_t *dims;
	const void *data;
	uint64_t size;
} kinds[] = {
	{"array", CAIRN_F32, 1, four, bytes, 16},
	{"bool", CAIRN_BOOL, 0, NULL, "\1", 1},
	{"bytes", CAIRN_BYTES, 0, NULL, "\2\0\0\0\0\0\0\0\xff\0", 10},
	{"empty", CAIRN_I8, 1, none, "", 0},
	{"int", CAIRN_I64, 0, NULL, bytes, 8},
	{"null", CAIRN_NULL, 0, NULL, "", 0},
	{"string", CAIRN_STRING, 0, NULL, "\2\0\0\0\0\0\0\0hi", 10},
	{"strings", CAIRN_STRING, 1, two, string_array, sizeof(string_array)},
};

static struct bytes container_of_kinds(void)
{
	struct build_tensor tensors[COUNT_OF(kinds)];
	struct build_slice slices[COUNT_OF(kinds)];
	struct extent_record extents[COUNT_OF(kinds)];
	const struct region_record region = {.offset = 4096, .size = 1000, .kind = REGION_DATA};
	struct build_input input = {.tensors = tensors,
				    .tensor_count = COUNT_OF(kinds),
				    .regions = &region,
				    .region_count = 1};
	uint8_t content[1000] = {0};
	const struct bytes data = {content, sizeof(content)};

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		const struct cairn_dtype_info *const type = cairn_dtype_info(kinds[i].dtype);

		memcpy(content + 64 * i, kinds[i].data, kinds[i].size);
		extents[i] = (struct extent_record){.offset = 4096 + 64 * i,
						    .stored_size = kinds[i].size,
						    .size = kinds[i].size};
		slices[i] = (struct build_slice){.extents = &extents[i],
						 .extent_count = kinds[i].size != 0,
						 .storage_rank = (uint32_t)i,
						 .size = kinds[i].size,
						 .chunk_size = CHUNK_SIZE_MIN};
		tensors[i] = (struct build_tensor){.name = cairn_string_from(kinds[i].key),
						   .name_space = NAME_SPACE_METADATA,
						   .rank = kinds[i].rank,
						   .dtype = kinds[i].dtype,
						   .dims = kinds[i].dims,
						   .block_elements = type->block_elements,
						   .block_bytes = type->block_bytes,
						   .size = kinds[i].size,
						   .slices = &slices[i],
						   .slice_count = 1};
	}
	return container_from(&input, &data);
}

START_TEST(metadata_keeps_type_shape_and_bytes)
{
	const struct cairn_reader_options checked = {.flags = CAIRN_OPEN_CHECK_INDEX};
	struct bytes file = container_of_kinds();
	struct cairn_reader *reader = NULL;
	struct cairn_tensor value;
	struct cairn_view view = {0};

	ASSERT_OK(reader_open_bytes(scene.system, file.data, file.size, &checked, &reader,
				    &test_error));
	ASSERT_OK(cairn_reader_metadata_find(reader, cairn_string_from(kinds[_i].key), &value,
					     &test_error));
	ck_assert_int_eq(value.dtype, kinds[_i].dtype);
	ck_assert_uint_eq(value.rank, kinds[_i].rank);
	ck_assert_uint_eq(value.size, kinds[_i].size);
	ASSERT_OK(cairn_tensor_view(&value, &view, &test_error));
	ck_assert_uint_eq(view.size, kinds[_i].size);
	ck_assert(memcmp(view.data, kinds[_i].data, view.size) == 0);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

START_TEST(metadata_of_every_kind_can_be_copied)
{
	struct bytes file = container_of_kinds();
	struct cairn_writer *const writer = scene_writer(&scene, "/copy", NULL);
	struct cairn_reader *source = NULL;
	struct cairn_reader *copy;
	struct cairn_tensor value;
	struct cairn_view view = {0};

	ASSERT_OK(
		reader_open_bytes(scene.system, file.data, file.size, NULL, &source, &test_error));
	for (uint64_t i = 0; i < COUNT_OF(kinds); i++) {
		ASSERT_OK(cairn_reader_metadata_at(source, i, &value, &test_error));
		ASSERT_OK(cairn_writer_copy_metadata(writer, &value, &test_error));
	}
	finish_writer(writer);
	cairn_reader_close(source);
	copy = scene_reader(&scene, "/copy", NULL);
	ASSERT_OK(cairn_reader_metadata_find(copy, cairn_string_from(kinds[_i].key), &value,
					     &test_error));
	ck_assert_int_eq(value.dtype, kinds[_i].dtype);
	ck_assert_uint_eq(value.rank, kinds[_i].rank);
	ASSERT_OK(cairn_tensor_view(&value, &view, &test_error));
	ck_assert_uint_eq(view.size, kinds[_i].size);
	ck_assert(memcmp(view.data, kinds[_i].data, view.size) == 0);
	cairn_view_release(&view);
	cairn_reader_close(copy);
	bytes_free(&file);
}
END_TEST

START_TEST(elements_of_string_metadata_are_strings)
{
	struct bytes file = container_of_kinds();
	struct cairn_reader *reader = NULL;
	struct cairn_tensor value;
	struct cairn_view view = {0};
	struct cairn_string string;

	ASSERT_OK(
		reader_open_bytes(scene.system, file.data, file.size, NULL, &reader, &test_error));
	ASSERT_OK(cairn_reader_metadata_find(reader, cairn_string_from("strings"), &value,
					     &test_error));
	ASSERT_OK(cairn_tensor_view(&value, &view, &test_error));
	ASSERT_OK(cairn_view_string(&value, &view, 0, &string, &test_error));
	ck_assert_uint_eq(string.size, 3);
	ASSERT_OK(cairn_view_string(&value, &view, 1, &string, &test_error));
	ck_assert_uint_eq(string.size, 0);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* ------------------------------------------------------------------------------------- mappings */

START_TEST(mappings_are_where_views_lie)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	struct cairn_mapping mapping[2] = {{0}, {.size = 77}};
	struct cairn_tensor tensor;
	struct cairn_view view;
	uint8_t first[4];

	ck_assert_uint_eq(cairn_reader_mappings(reader, NULL, 0), 1);
	ck_assert_uint_eq(cairn_reader_mappings(reader, mapping, 2), 1);
	ck_assert_uint_eq(mapping[0].size, info_of(reader).mapped_bytes);
	ck_assert_uint_eq(mapping[0].offset, 0);
	ck_assert_mem_eq(mapping[0].name.data, "f", 1);
	ck_assert_uint_eq(mapping[1].size, 77);
	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_lt((uintptr_t)view.data - (uintptr_t)mapping[0].address, mapping[0].size);
	/* the descriptor is that of the same bytes */
	ck_assert_int_eq(
		system_pread(scene.system, mapping[0].fd, first, 4,
			     (uint64_t)((uintptr_t)view.data - (uintptr_t)mapping[0].address)),
		4);
	ck_assert_mem_eq(first, bytes, 4);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(what_is_not_mapped_has_no_mappings)
{
	static const struct cairn_reader_options copies = {.transport = CAIRN_TRANSPORT_COPY};
	struct bytes file = scene_content(&scene, "/f");
	struct cairn_mapping mapping = {.size = 77};
	struct cairn_reader *reader = scene_reader(&scene, "/f", &copies);

	ck_assert_uint_eq(cairn_reader_mappings(reader, &mapping, 1), 0);
	cairn_reader_close(reader);
	ASSERT_OK(
		reader_open_bytes(scene.system, file.data, file.size, NULL, &reader, &test_error));
	ck_assert_uint_eq(cairn_reader_mappings(reader, &mapping, 1), 0);
	ck_assert_uint_eq(mapping.size, 77);
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

START_TEST(a_mapping_within_a_file_says_where)
{
	enum {
		BEFORE = 65536 + 4096 + 24
	};
	struct bytes file = scene_content(&scene, "/f");
	struct bytes longer = {calloc(1, file.size + BEFORE), file.size + BEFORE};
	struct cairn_mapping mapping = {0};
	struct cairn_reader *reader = NULL;
	int fd;

	memcpy(longer.data + BEFORE, file.data, file.size);
	scene_add_file(&scene, "/longer", &longer);
	fd = system_open(scene.system, SYSTEM_CWD, "/longer", 0);
	ASSERT_OK(reader_open_descriptor(scene.system, fd, BEFORE, 0, NULL, &reader, &test_error));
	ck_assert_uint_eq(cairn_reader_mappings(reader, &mapping, 1), 1);
	ck_assert_uint_eq(mapping.offset, 65536);
	ck_assert_mem_eq((const uint8_t *)mapping.address + 4096 + 24, file.data, file.size);
	cairn_reader_close(reader);
	system_close(scene.system, fd);
	bytes_free(&file);
	bytes_free(&longer);
}
END_TEST

static Suite *reader_suite(void)
{
	Suite *suite = suite_create("reader");
	TCase *tests = tcase_create("reader");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, unknown_options_are_refused, 0, COUNT_OF(bad_options));
	tcase_add_loop_test(tests, known_options_are_fine, 0, 6);
	tcase_add_test(tests, a_reader_lives_as_long_as_its_last_reference);
	tcase_add_test(tests, closing_nothing_is_allowed);
	tcase_add_test(tests, a_descriptor_is_borrowed_during_the_call);
	tcase_add_test(tests, the_facts_are_those_of_the_file);
	tcase_add_test(tests, what_is_not_mapped_takes_no_address_space);
	tcase_add_test(tests, a_container_is_one_shard);
	tcase_add_test(tests, checked_mode_refuses_a_dishonest_index);
	tcase_add_test(tests, unchecked_mode_never_finds_the_wrong_tensor);
	tcase_add_loop_test(tests, metadata_keeps_type_shape_and_bytes, 0, COUNT_OF(kinds));
	tcase_add_loop_test(tests, metadata_of_every_kind_can_be_copied, 0, COUNT_OF(kinds));
	tcase_add_test(tests, elements_of_string_metadata_are_strings);
	tcase_add_test(tests, mappings_are_where_views_lie);
	tcase_add_test(tests, what_is_not_mapped_has_no_mappings);
	tcase_add_test(tests, a_mapping_within_a_file_says_where);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(reader_suite());
}
