/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A safetensors file becomes a reader: what is found, where views point, what is refused, and that
 * nothing is kept after a failure. Every test runs on the real system and on the one in memory
 * unless it needs one of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "engine/read/reader.h"
#include "tests/support/safetensors_files.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Two tensors and a metadata entry; the header has 136 bytes, so that the data begin at a multiple
 * of 16. */
#define TWO_TENSORS                                                                                \
 "{\"__metadata__\":{\"format\":\"pt\"},"                                                          \
 "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"                              \
 "\"b\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[24,29]}}  "

static struct cairn_tensor find(const struct cairn_reader *reader, const char *name)
{
	struct cairn_tensor tensor;
	struct cairn_error error;

	ck_assert_msg(cairn_reader_find(reader, name, &tensor, &error) == CAIRN_OK, "%s",
		      error.message);
	return tensor;
}

static struct cairn_view view_of(const struct cairn_tensor *tensor)
{
	struct cairn_view view;
	struct cairn_error error;

	ck_assert_msg(cairn_tensor_view(tensor, &view, &error) == CAIRN_OK, "%s", error.message);
	return view;
}

/* The view holds the data of a file of st_bytes() from `offset` of the data on. */
static void assert_data(const struct cairn_view *view, uint64_t offset, uint64_t size)
{
	ck_assert_uint_eq(view->size, size);
	for (uint64_t i = 0; i < size; i++)
		ck_assert_uint_eq(((const uint8_t *)view->data)[i], data_byte(offset + i));
}

START_TEST(tells_what_the_file_holds)
{
	struct world world = world_open(_i);
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_shard shard;
	struct cairn_tensor tensor;
	struct cairn_reader *reader;

	world_write_st(&world, "m.safetensors", TWO_TENSORS, 29);
	reader = world_reader(&world, "m.safetensors");
	cairn_reader_info(reader, &info);
	ck_assert_str_eq(info.format, "safetensors");
	ck_assert_uint_eq(info.tensor_count, 2);
	ck_assert_uint_eq(info.has_digests, 0);
	ck_assert_uint_eq(info.file_bytes, 8 + strlen(TWO_TENSORS) + 29);
	ck_assert_ptr_null(info.note);
	ck_assert_uint_eq(cairn_reader_shard_count(reader), 1);
	ck_assert_uint_eq(cairn_reader_shard(reader, 0, &shard, NULL), CAIRN_OK);
	ck_assert_str_eq(shard.name.data, "m.safetensors");
	ck_assert_str_eq(metadata_text(reader, "format"), "pt");
	tensor = find(reader, "w");
	ck_assert_uint_eq(tensor.dtype, CAIRN_F32);
	ck_assert_uint_eq(tensor.rank, 2);
	ck_assert_uint_eq(tensor.dims[0], 2);
	ck_assert_uint_eq(tensor.dims[1], 3);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(aligned_tensors_are_used_in_place)
{
	struct world world = world_open(_i);
	struct cairn_stored_slice slice;
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	world_write_st(&world, "m.safetensors", TWO_TENSORS, 29);
	reader = world_reader(&world, "m.safetensors");
	tensor = find(reader, "w");
	view = view_of(&tensor);
	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MAPPED);
	ck_assert_uint_eq(cairn_tensor_stored_slice(&tensor, 0, &slice, NULL), CAIRN_OK);
	ck_assert_uint_eq(slice.offset, 8 + strlen(TWO_TENSORS));
	ck_assert_ptr_eq(view.data, reader->files[1].base + slice.offset);
	assert_data(&view, 0, 24);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* One byte first, so that the floats lie where floats may not lie. */
#define UNALIGNED                                                                                  \
 "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"                                 \
 "\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}    "

START_TEST(unaligned_tensors_materialise_unless_they_may_not)
{
	struct world world = world_open(_i);
	const struct cairn_reader_options options = {.flags = CAIRN_OPEN_UNALIGNED_VIEWS};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	world_write_st(&world, "m.safetensors", UNALIGNED, 9);
	reader = world_reader(&world, "m.safetensors");
	tensor = find(reader, "w");
	view = view_of(&tensor);
	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MATERIALISED);
	assert_data(&view, 1, 8);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	ck_assert_uint_eq(world_open_reader(&world, "m.safetensors", &options, &reader, NULL),
			  CAIRN_OK);
	tensor = find(reader, "w");
	view = view_of(&tensor);
	ck_assert_uint_eq(view.flags, (uint32_t)CAIRN_VIEW_MAPPED | CAIRN_VIEW_UNALIGNED);
	assert_data(&view, 1, 8);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(copy_mode_maps_nothing)
{
	struct world world = world_open(_i);
	const struct cairn_reader_options options = {.transport = CAIRN_TRANSPORT_COPY};
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	world_write_st(&world, "m.safetensors", TWO_TENSORS, 29);
	ck_assert_uint_eq(world_open_reader(&world, "m.safetensors", &options, &reader, NULL),
			  CAIRN_OK);
	cairn_reader_info(reader, &info);
	ck_assert_uint_eq(info.mapped_bytes, 0);
	tensor = find(reader, "b");
	view = view_of(&tensor);
	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MATERIALISED);
	assert_data(&view, 24, 5);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(memory_and_parts_of_files_open_too)
{
	struct world world = world_open(0);
	struct bytes bytes = st_bytes(TWO_TENSORS, 29);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;
	uint8_t *archive = calloc(1, 1000 + bytes.size + 50);
	int fd;

	ck_assert_uint_eq(
		reader_open_bytes(world.system, bytes.data, bytes.size, NULL, &reader, NULL),
		CAIRN_OK);
	tensor = find(reader, "b");
	view = view_of(&tensor);
	ck_assert_ptr_eq(view.data, bytes.data + bytes.size - 5);
	cairn_view_release(&view);
	cairn_reader_close(reader);

	memcpy(archive + 1000, bytes.data, bytes.size);
	world_write(&world, "archive", archive, 1000 + bytes.size + 50);
	fd = system_open(world.system, world.directory, "archive", 0);
	ck_assert_uint_eq(
		reader_open_descriptor(world.system, fd, 1000, bytes.size, NULL, &reader, NULL),
		CAIRN_OK);
	system_close(world.system, fd);
	tensor = find(reader, "w");
	view = view_of(&tensor);
	assert_data(&view, 0, 24);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	free(archive);
	free(bytes.data);
	world_close(&world);
}
END_TEST

/* ---------------------------------------------------------------------------------------- notes */

static const struct {
	const char *name;
	const char *note; /* NULL: none */
} notes[] = {
	{"model-00002-of-00003.safetensors",
	 "one shard of 3: pass 'model.safetensors.index.json' to open all of it"},
	{"model-0badcafe-00001-of-00002.safetensors",
	 "one shard of 2: pass its .safetensors.index.json to open all of it"},
	{"a-b-00001-of-00100.safetensors",
	 "one shard of 100: pass 'a-b.safetensors.index.json' to open all of it"},
	{"model-00001-of-00001.safetensors", NULL},
	{"model-0001-of-0002.safetensors", NULL},
	{"model-00001-of-00002x.safetensors", NULL},
	{"model_00001-of-00002.safetensors", NULL},
	{"-00001-of-00002.safetensors", NULL},
	{"model.safetensors", NULL},
};

START_TEST(one_of_many_shards_says_what_to_open_instead)
{
	struct world world = world_open(1);
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_reader *reader;

	world_write_st(&world, notes[_i].name, TWO_TENSORS, 29);
	reader = world_reader(&world, notes[_i].name);
	cairn_reader_info(reader, &info);
	ck_assert_pstr_eq(info.note, notes[_i].note);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* ------------------------------------------------------------------------------------- refusals */

static const struct {
	const char *bytes;
	size_t size;
	enum cairn_status status;
	const char *message;
} refusals[] = {
	{"", 0, CAIRN_TRUNCATED, "0 bytes"},
	{"\x02\0\0\0", 4, CAIRN_TRUNCATED, "4 bytes"},
	{"\x02\0\0\0\0\0\0\0{", 9, CAIRN_TRUNCATED, "header ends at 10"},
	{"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, CAIRN_LIMIT, "100000000"},
	{"\x02\0\0\0\0\0\0\0{]", 10, CAIRN_CORRUPT, "offset 9"},
	{"\x02\0\0\0\0\0\0\0{}x", 11, CAIRN_CORRUPT, "1 bytes belong to no tensor"},
	{"\x35\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"X9\",\"shape\":[1],\"data_offsets\":[0,1]}}x", 62,
	 CAIRN_UNSUPPORTED, "tensor 'a': dtype 'X9'"},
	{"\x35\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}x", 62,
	 CAIRN_TRUNCATED, "only 1 bytes"},
};

START_TEST(bad_files_are_refused_and_leave_nothing)
{
	struct world world = world_open(1);
	struct cairn_reader *reader = NULL;
	struct cairn_error error;

	world_write(&world, "bad.safetensors", refusals[_i].bytes, refusals[_i].size);
	ck_assert_uint_eq(world_open_reader(&world, "bad.safetensors", NULL, &reader, &error),
			  refusals[_i].status);
	ck_assert_ptr_null(reader);
	ck_assert_msg(strstr(error.message, refusals[_i].message) != NULL, "%s", error.message);
	ck_assert_msg(strstr(error.message, "bad.safetensors") != NULL, "%s", error.message);
	world_close(&world);
}
END_TEST

/* --------------------------------------------------------------------------------------- faults */

/* Opens with a fault and asserts that whatever came of it is whole, and that nothing is left. */
static void open_with_fault(const struct memory_fault *fault)
{
	struct world world = world_open(1);
	struct cairn_reader *reader = NULL;
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status;

	world_write_st(&world, "model-00001-of-00002.safetensors", TWO_TENSORS, 29);
	memory_system_clear_faults(world.memory);
	memory_system_set_fault(world.memory, 0, fault);
	status = world_open_reader(&world, "model-00001-of-00002.safetensors", NULL, &reader,
				   &error);
	memory_system_clear_faults(world.memory);
	if (status == CAIRN_OK) /* not every call is needed */
		ck_assert_uint_eq(cairn_reader_tensor_count(reader), 2);
	else
		ck_assert_uint_ne(error.code, CAIRN_OK);
	cairn_reader_close(reader);
	world_close(&world);
}

/* How many calls of a kind a good opening makes. */
static uint64_t calls_of_opening(enum memory_call call)
{
	struct world world = world_open(1);
	struct cairn_reader *reader;
	uint64_t calls;

	world_write_st(&world, "model-00001-of-00002.safetensors", TWO_TENSORS, 29);
	memory_system_clear_faults(world.memory);
	ck_assert_uint_eq(
		world_open_reader(&world, "model-00001-of-00002.safetensors", NULL, &reader, NULL),
		CAIRN_OK);
	calls = memory_system_calls(world.memory, call);
	cairn_reader_close(reader);
	world_close(&world);
	return calls;
}

START_TEST(any_failing_call_is_survived)
{
	static const enum memory_call kinds[] = {MEMORY_CALL_ANY, MEMORY_CALL_ALLOCATE};
	const enum memory_call call = kinds[_i / 2];
	const uint64_t calls = calls_of_opening(call);

	ck_assert_uint_gt(calls, 3);
	for (uint64_t at = 1; at <= calls; at++)
		open_with_fault(&(struct memory_fault){
			.call = call, .at = at, .forever = _i % 2 != 0, .error = 5});
}
END_TEST

START_TEST(memory_is_proportional_to_the_header)
{
	struct world world = world_open(1);
	const size_t count = 2000;
	char *const json = malloc(count * 80 + 16);
	size_t used = 1;
	struct cairn_reader *reader;
	struct memory_live live;
	struct memory_live before;

	json[0] = '{';
	for (size_t i = 0; i < count; i++)
		used += (size_t)sprintf(json + used,
					"%s\"t%zu\":{\"dtype\":\"U8\",\"shape\":[1],"
					"\"data_offsets\":[%zu,%zu]}",
					i == 0 ? "" : ",", i, i, i + 1);
	strcpy(json + used, "}");
	world_write_st(&world, "m.safetensors", json, count);
	before = memory_system_live(world.memory);
	reader = world_reader(&world, "m.safetensors");
	live = memory_system_live(world.memory);
	ck_assert_uint_lt(live.allocated_bytes_peak - before.allocated_bytes, 40 * used);
	/* what stays: an index image, about 300 bytes a tensor */
	ck_assert_uint_lt(live.allocated_bytes - before.allocated_bytes, 12 * used);
	cairn_reader_close(reader);
	free(json);
	world_close(&world);
}
END_TEST

/* --------------------------------------------------------------------------------------- golden */

static const struct {
	const char *name;
	enum cairn_dtype dtype;
	uint32_t width;
} types[] = {
	{"t.bool", CAIRN_BOOL, 1},
	{"t.uint8", CAIRN_U8, 1},
	{"t.int8", CAIRN_I8, 1},
	{"t.float8_e5m2", CAIRN_F8_E5M2, 1},
	{"t.float8_e4m3fn", CAIRN_F8_E4M3FN, 1},
	{"t.float8_e8m0fnu", CAIRN_F8_E8M0, 1},
	{"t.float8_e4m3fnuz", CAIRN_F8_E4M3FNUZ, 1},
	{"t.float8_e5m2fnuz", CAIRN_F8_E5M2FNUZ, 1},
	{"t.int16", CAIRN_I16, 2},
	{"t.uint16", CAIRN_U16, 2},
	{"t.float16", CAIRN_F16, 2},
	{"t.bfloat16", CAIRN_BF16, 2},
	{"t.int32", CAIRN_I32, 4},
	{"t.uint32", CAIRN_U32, 4},
	{"t.float32", CAIRN_F32, 4},
	{"t.complex64", CAIRN_C64, 8},
	{"t.float64", CAIRN_F64, 8},
	{"t.int64", CAIRN_I64, 8},
	{"t.uint64", CAIRN_U64, 8},
};

START_TEST(reads_every_type_of_the_official_writer)
{
	struct world world = world_open(1);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	world_write_golden(&world, "types.safetensors");
	reader = world_reader(&world, "types.safetensors");
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), COUNT(types));
	tensor = find(reader, types[_i].name);
	ck_assert_uint_eq(tensor.dtype, types[_i].dtype);
	ck_assert_uint_eq(tensor.size, 15 * types[_i].width);
	view = view_of(&tensor);
	for (uint64_t i = 0; i < view.size; i++)
		ck_assert_uint_eq(((const uint8_t *)view.data)[i], golden_byte((unsigned)_i, i));
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

static const struct {
	const char *name;
	uint32_t rank;
	uint64_t size;
} shapes[] = {
	{"scalar", 0, 4}, {"empty", 2, 0},     {"ones", 4, 2},
	{"odd", 1, 3},    {"after odd", 2, 4}, {"\xc3\xbcml\xc3\xa4ut \xe2\x98\x83", 1, 16},
};

START_TEST(reads_shapes_of_all_kinds)
{
	struct world world = world_open(1);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	world_write_golden(&world, "shapes.safetensors");
	reader = world_reader(&world, "shapes.safetensors");
	tensor = find(reader, shapes[_i].name);
	ck_assert_uint_eq(tensor.rank, shapes[_i].rank);
	view = view_of(&tensor);
	ck_assert_ptr_nonnull(view.data);
	ck_assert_uint_eq(view.size, shapes[_i].size);
	for (uint64_t i = 0; i < view.size; i++)
		ck_assert_uint_eq(((const uint8_t *)view.data)[i], golden_byte((unsigned)_i, i));
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(a_file_without_tensors_is_a_checkpoint)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	world_write_golden(&world, "nothing.safetensors");
	reader = world_reader(&world, "nothing.safetensors");
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 0);
	ck_assert_str_eq(metadata_text(reader, "note"), "no tensors");
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

static Suite *open_safetensors_suite(void)
{
	Suite *suite = suite_create("open_safetensors");
	TCase *good = tcase_create("good");
	TCase *bad = tcase_create("bad");
	TCase *golden = tcase_create("golden");

	tcase_add_loop_test(good, tells_what_the_file_holds, 0, WORLD_COUNT);
	tcase_add_loop_test(good, aligned_tensors_are_used_in_place, 0, WORLD_COUNT);
	tcase_add_loop_test(good, unaligned_tensors_materialise_unless_they_may_not, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(good, copy_mode_maps_nothing, 0, WORLD_COUNT);
	tcase_add_test(good, memory_and_parts_of_files_open_too);
	tcase_add_loop_test(good, one_of_many_shards_says_what_to_open_instead, 0, COUNT(notes));
	tcase_add_test(good, memory_is_proportional_to_the_header);
	suite_add_tcase(suite, good);
	tcase_add_loop_test(bad, bad_files_are_refused_and_leave_nothing, 0, COUNT(refusals));
	tcase_add_loop_test(bad, any_failing_call_is_survived, 0, 4);
	suite_add_tcase(suite, bad);
	tcase_add_loop_test(golden, reads_every_type_of_the_official_writer, 0, COUNT(types));
	tcase_add_loop_test(golden, reads_shapes_of_all_kinds, 0, COUNT(shapes));
	tcase_add_loop_test(golden, a_file_without_tensors_is_a_checkpoint, 0, WORLD_COUNT);
	suite_add_tcase(suite, golden);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(open_safetensors_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
