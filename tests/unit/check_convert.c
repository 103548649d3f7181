/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converting to containers and back: nothing is lost, nothing is left behind, and what cannot be
 * expressed is listed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <cairn/convert.h>

#include "engine/read/reader.h"
#include "engine/write/writer.h"
#include "tests/support/safetensors_files.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static enum cairn_status convert(const struct world *world, const char *from, const char *to,
				 const struct cairn_convert_options *options,
				 struct cairn_error *error)
{
	struct cairn_reader *const reader = world_reader(world, from);
	const enum cairn_status status = cairn_convert(reader, world_path(world, to), options,
						       error);

	cairn_reader_close(reader);
	return status;
}

static void convert_well(const struct world *world, const char *from, const char *to,
			 const struct cairn_convert_options *options)
{
	struct cairn_error error;
	const enum cairn_status status = convert(world, from, to, options, &error);

	ck_assert_msg(status == CAIRN_OK, "%s to %s: %s", from, to, error.message);
}

static void assert_same_files(const struct world *world, const char *a, const char *b)
{
	const struct bytes left = world_read(world, a);
	const struct bytes right = world_read(world, b);

	ck_assert_uint_eq(left.size, right.size);
	ck_assert_int_eq(memcmp(left.data, right.data, left.size), 0);
	free(left.data);
	free(right.data);
}

static void assert_both_hold_the_same(const struct world *world, const char *a, const char *b)
{
	struct cairn_reader *const left = world_reader(world, a);
	struct cairn_reader *const right = world_reader(world, b);

	assert_same_checkpoint(left, right);
	cairn_reader_close(left);
	cairn_reader_close(right);
}

/* ---------------------------------------------------------------------------------- round trips */

static const char *const files[] = {"types.safetensors", "shapes.safetensors",
				    "nothing.safetensors"};

START_TEST(official_files_come_back_bit_for_bit)
{
	struct world world = world_open(_i % WORLD_COUNT);
	const char *const name = files[_i / WORLD_COUNT];

	world_write_golden(&world, name);
	convert_well(&world, name, "m.cairn", NULL);
	assert_both_hold_the_same(&world, name, "m.cairn");
	convert_well(&world, "m.cairn", "back.safetensors", NULL);
	assert_same_files(&world, name, "back.safetensors");
	convert_well(&world, "back.safetensors", "again.safetensors", NULL);
	assert_same_files(&world, name, "again.safetensors");
	world_close(&world);
}
END_TEST

START_TEST(a_sharded_model_comes_back)
{
	static const char *const shards[] = {
		"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
		"model-00003-of-00003.safetensors", "model.safetensors.index.json"};
	const struct cairn_convert_options options = {.shard_size_max = 100};
	struct world world = world_open(_i);

	for (int i = 0; i < COUNT(shards); i++)
		world_write_golden(&world, shards[i]);
	convert_well(&world, shards[3], "m.cairn", NULL);
	assert_both_hold_the_same(&world, shards[3], "m.cairn");
	convert_well(&world, "m.cairn", "back.safetensors.index.json", &options);
	assert_both_hold_the_same(&world, shards[3], "back.safetensors.index.json");
	convert_well(&world, "back.safetensors.index.json", "one.safetensors", NULL);
	assert_both_hold_the_same(&world, shards[3], "one.safetensors");
	world_close(&world);
}
END_TEST

/* Packed types, which the official Python writer cannot write all of, and an unaligned tensor. */
#define PACKED                                                                                     \
 "{\"a\":{\"dtype\":\"F4\",\"shape\":[3,2],\"data_offsets\":[0,3]},"                               \
 "\"b\":{\"dtype\":\"F6_E3M2\",\"shape\":[4],\"data_offsets\":[3,6]},"                             \
 "\"c\":{\"dtype\":\"F6_E2M3\",\"shape\":[8],\"data_offsets\":[6,12]},"                            \
 "\"d\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]},"                               \
 "\"e\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[16,17]},"                                \
 "\"f\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[17,25]}}"

START_TEST(packed_and_unaligned_tensors_are_kept)
{
	struct world world = world_open(_i);

	world_write_st(&world, "packed.safetensors", PACKED, 25);
	convert_well(&world, "packed.safetensors", "m.cairn", NULL);
	assert_both_hold_the_same(&world, "packed.safetensors", "m.cairn");
	convert_well(&world, "m.cairn", "back.safetensors", NULL);
	assert_both_hold_the_same(&world, "packed.safetensors", "back.safetensors");
	world_close(&world);
}
END_TEST

START_TEST(larger_tensors_are_copied_in_pieces)
{
	struct world world = world_open(_i);
	const size_t size = (9u << 20) + 123;
	char json[256];

	snprintf(json, sizeof(json),
		 "{\"a\":{\"dtype\":\"U8\",\"shape\":[100],\"data_offsets\":[0,100]},"
		 "\"b\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[100,%zu]},"
		 "\"c\":{\"dtype\":\"U8\",\"shape\":[7],\"data_offsets\":[%zu,%zu]}}",
		 size, size + 100, size + 100, size + 107);
	world_write_st(&world, "large.safetensors", json, size + 107);
	convert_well(&world, "large.safetensors", "m.cairn", NULL);
	assert_both_hold_the_same(&world, "large.safetensors", "m.cairn");
	convert_well(&world, "m.cairn", "back.safetensors", NULL);
	assert_both_hold_the_same(&world, "m.cairn", "back.safetensors");
	world_close(&world);
}
END_TEST

/* ----------------------------------------------------------------------------------- the target */

static const struct {
	const char *name;
	enum cairn_target target;
	const char *format; /* NULL: refused */
} targets[] = {
	{"a.cairn", CAIRN_TARGET_BY_SUFFIX, "cairn"},
	{"a.safetensors", CAIRN_TARGET_BY_SUFFIX, "safetensors"},
	{"a.safetensors.index.json", CAIRN_TARGET_BY_SUFFIX, "safetensors-sharded"},
	{"a.gguf", CAIRN_TARGET_BY_SUFFIX, NULL},
	{"a", CAIRN_TARGET_BY_SUFFIX, NULL},
	{"a", CAIRN_TARGET_CAIRN, "cairn"},
	{"a", CAIRN_TARGET_SAFETENSORS, "safetensors"},
};

START_TEST(the_suffix_decides_unless_told)
{
	struct world world = world_open(1);
	const struct cairn_convert_options options = {.target = targets[_i].target};
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_reader *reader;

	world_write_golden(&world, "shapes.safetensors");
	if (targets[_i].format == NULL) {
		ck_assert_uint_eq(
			convert(&world, "shapes.safetensors", targets[_i].name, &options, NULL),
			CAIRN_INVALID_ARGUMENT);
		ck_assert_uint_eq(world_entries(&world), 1);
	} else {
		convert_well(&world, "shapes.safetensors", targets[_i].name, &options);
		reader = world_reader(&world, targets[_i].name);
		cairn_reader_info(reader, &info);
		ck_assert_str_eq(info.format, targets[_i].format);
		cairn_reader_close(reader);
	}
	world_close(&world);
}
END_TEST

START_TEST(unknown_options_are_refused)
{
	static const struct cairn_convert_options options[] = {
		{.size = 8},        {.target = (enum cairn_target)9},
		{.drop = 1u << 20}, {.chunk_size = 5},
		{.alignment = 5},   {.thread_count = 1000},
	};
	struct world world = world_open(1);
	struct cairn_reader *reader;

	world_write_golden(&world, "shapes.safetensors");
	for (int i = 0; i < COUNT(options); i++)
		ck_assert_uint_eq(
			convert(&world, "shapes.safetensors", "m.cairn", &options[i], NULL),
			CAIRN_INVALID_ARGUMENT);
	reader = world_reader(&world, "shapes.safetensors");
	ck_assert_uint_eq(cairn_convert(reader, NULL, NULL, NULL), CAIRN_INVALID_ARGUMENT);
	cairn_reader_close(reader);
	ck_assert_uint_eq(world_entries(&world), 1);
	world_close(&world);
}
END_TEST

START_TEST(the_name_of_one_file_cannot_hold_shards)
{
	const struct cairn_convert_options options = {.shard_size_max = 100};
	struct world world = world_open(1);

	world_write_golden(&world, "shapes.safetensors");
	ck_assert_uint_eq(convert(&world, "shapes.safetensors", "m.cairn", &options, NULL),
			  CAIRN_INVALID_ARGUMENT);
	ck_assert_uint_eq(world_entries(&world), 1);
	world_close(&world);
}
END_TEST

START_TEST(what_is_there_is_replaced_only_when_asked_to)
{
	static const char *const names[] = {"m.cairn", "m.safetensors"};
	const struct cairn_convert_options replace = {.replace = 1};
	struct world world = world_open(_i);
	struct cairn_error error;

	world_write_golden(&world, "shapes.safetensors");
	world_write_golden(&world, "types.safetensors");
	for (int i = 0; i < COUNT(names); i++) {
		convert_well(&world, "shapes.safetensors", names[i], NULL);
		ck_assert_uint_eq(convert(&world, "types.safetensors", names[i], NULL, &error),
				  CAIRN_EXISTS);
		ck_assert_ptr_nonnull(strstr(error.message, names[i]));
		assert_both_hold_the_same(&world, "shapes.safetensors", names[i]);
		convert_well(&world, "types.safetensors", names[i], &replace);
		assert_both_hold_the_same(&world, "types.safetensors", names[i]);
	}
	ck_assert_uint_eq(world_entries(&world), 4);
	world_close(&world);
}
END_TEST

START_TEST(a_folder_is_never_replaced)
{
	const struct cairn_convert_options replace = {.replace = 1};
	struct world world = world_open(_i);

	world_write_golden(&world, "shapes.safetensors");
	world_make_folder(&world, "m.cairn");
	world_make_folder(&world, "m.safetensors");
	ck_assert_uint_eq(convert(&world, "shapes.safetensors", "m.cairn", &replace, NULL),
			  CAIRN_EXISTS);
	ck_assert_uint_eq(convert(&world, "shapes.safetensors", "m.safetensors", &replace, NULL),
			  CAIRN_EXISTS);
	world_close(&world);
}
END_TEST

START_TEST(a_file_can_be_converted_onto_itself)
{
	const struct cairn_convert_options replace = {.replace = 1};
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	world_write_golden(&world, "types.safetensors");
	world_write(&world, "m.safetensors", "", 0);
	convert_well(&world, "types.safetensors", "m.safetensors", &replace);
	reader = world_reader(&world, "m.safetensors");
	ck_assert_uint_eq(
		cairn_convert(reader, world_path(&world, "m.safetensors"), &replace, NULL),
		CAIRN_OK);
	cairn_reader_close(reader);
	assert_same_files(&world, "types.safetensors", "m.safetensors");
	world_close(&world);
}
END_TEST

/* ----------------------------------------------------------------- what containers have besides */

static struct cairn_writer *new_writer(const struct world *world, const char *name,
				       const struct cairn_writer_options *options)
{
	struct cairn_writer *writer = NULL;

	ck_assert_uint_eq(
		writer_create(world->system, world_path(world, name), options, &writer, NULL),
		CAIRN_OK);
	return writer;
}

static void finish(struct cairn_writer *writer)
{
	struct cairn_error error = {.message = ""};

	ck_assert_msg(cairn_writer_finish(writer, &error) == CAIRN_OK, "%s", error.message);
	cairn_writer_destroy(writer);
}

static const uint8_t some_bytes[64] = {1, 2, 3, 4, 5};

static void add_bytes(struct cairn_writer *writer, const char *name)
{
	const uint64_t dims[] = {sizeof(some_bytes)};

	ck_assert_uint_eq(cairn_writer_add(writer, name, CAIRN_U8, 1, dims, some_bytes, NULL),
			  CAIRN_OK);
}

/* Half of a tensor of 8 elements. */
static void add_half(struct cairn_writer *writer, const char *name, uint64_t start)
{
	static const uint64_t dims[] = {8};
	static const uint64_t lengths[] = {4};
	const struct cairn_tensor_spec spec = {
		.name = cairn_string_from(name),
		.dtype = CAIRN_U8,
		.rank = 1,
		.dims = dims,
		.starts = &start,
		.lengths = lengths,
	};

	ck_assert_uint_eq(cairn_writer_add_spec(writer, &spec, some_bytes + start, NULL), CAIRN_OK);
}

START_TEST(containers_stay_what_they_are)
{
	struct world world = world_open(_i);
	const struct cairn_writer_options options = {
		.alignment = 65536, .generation = 7, .save_id = {9}, .parent_id = {{5}}};
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_writer *writer = new_writer(&world, "a.cairn", &options);
	struct cairn_tensor tensor;
	struct cairn_stored_slice slices[2];
	struct cairn_reader *reader;

	add_bytes(writer, "w");
	ck_assert_uint_eq(cairn_writer_add_alias(writer, cairn_string_from("tied"),
						 cairn_string_from("w"), NULL),
			  CAIRN_OK);
	add_half(writer, "s", 4);
	add_half(writer, "s", 0);
	finish(writer);
	convert_well(&world, "a.cairn", "b.cairn", NULL);
	assert_both_hold_the_same(&world, "a.cairn", "b.cairn");
	reader = world_reader(&world, "b.cairn");
	cairn_reader_info(reader, &info);
	ck_assert_uint_eq(info.alignment, 65536);
	ck_assert_uint_eq(info.generation, 7);
	ck_assert_uint_eq(info.save_id[0], 9);
	ck_assert_uint_eq(info.parent_id.bytes[0], 5);
	ck_assert_uint_eq(cairn_reader_find(reader, "s", &tensor, NULL), CAIRN_OK);
	ck_assert_uint_eq(tensor.slice_count, 2);
	ck_assert_uint_eq(cairn_tensor_stored_slice(&tensor, 0, &slices[0], NULL), CAIRN_OK);
	ck_assert_uint_eq(slices[0].extents[0], 4);
	ck_assert_uint_eq(cairn_reader_find(reader, "w", &tensor, NULL), CAIRN_OK);
	ck_assert_uint_eq(cairn_tensor_stored_slice(&tensor, 0, &slices[0], NULL), CAIRN_OK);
	ck_assert_uint_eq(cairn_reader_find(reader, "tied", &tensor, NULL), CAIRN_OK);
	ck_assert_uint_eq(cairn_tensor_stored_slice(&tensor, 0, &slices[1], NULL), CAIRN_OK);
	ck_assert_uint_eq(slices[0].offset, slices[1].offset);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* A container with everything that safetensors cannot hold. */
static void write_rich_container(const struct world *world)
{
	const struct cairn_writer_options options = {.alignment = 8192};
	const struct cairn_string strings[] = {{"x", 1}, {"yz", 2}};
	const uint64_t two[] = {2};
	const double number = 1.5;
	struct cairn_writer *writer = new_writer(world, "rich.cairn", &options);

	add_bytes(writer, "plain");
	add_half(writer, "sliced", 0);
	add_half(writer, "sliced", 4);
	ck_assert_uint_eq(
		cairn_writer_add_strings(writer, cairn_string_from("words"), 1, two, strings, NULL),
		CAIRN_OK);
	ck_assert_uint_eq(cairn_writer_add(writer, "wide", CAIRN_C128, 1, two, some_bytes, NULL),
			  CAIRN_OK);
	ck_assert_uint_eq(cairn_writer_set_metadata(writer, cairn_string_from("number"), CAIRN_F64,
						    0, NULL, &number, NULL),
			  CAIRN_OK);
	ck_assert_uint_eq(cairn_writer_set_metadata_string(writer, cairn_string_from("text"),
							   cairn_string_from("kept"), NULL),
			  CAIRN_OK);
	finish(writer);
}

START_TEST(what_safetensors_cannot_hold_is_listed)
{
	static const char *const all[] = {"tensor 'sliced' (stored in slices",
					  "tensor 'wide' (type c128)",
					  "tensor 'words' (type string)",
					  "metadata 'number' (not a text", "alignment of 8192"};
	const struct cairn_convert_options drop = {.drop = CAIRN_DROP_METADATA | CAIRN_DROP_SLICES |
							   CAIRN_DROP_ALIGNMENT};
	struct world world = world_open(_i);
	struct cairn_error error;

	write_rich_container(&world);
	ck_assert_uint_eq(convert(&world, "rich.cairn", "m.safetensors", NULL, &error),
			  CAIRN_UNSUPPORTED);
	for (int i = 0; i < COUNT(all); i++)
		ck_assert_msg(strstr(error.message, all[i]) != NULL, "'%s' is not in: %s", all[i],
			      error.message);
	ck_assert_uint_eq(convert(&world, "rich.cairn", "m.safetensors", &drop, &error),
			  CAIRN_UNSUPPORTED);
	for (int i = 0; i < COUNT(all); i++)
		ck_assert((strstr(error.message, all[i]) != NULL) == (i == 1 || i == 2));
	ck_assert_uint_eq(world_entries(&world), 1);
	world_close(&world);
}
END_TEST

START_TEST(a_long_list_is_cut)
{
	struct world world = world_open(1);
	struct cairn_writer *writer = new_writer(&world, "many.cairn", NULL);
	const uint64_t dims[] = {1};
	struct cairn_error error;
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "tensor.%02d", i);
		ck_assert_uint_eq(
			cairn_writer_add(writer, name, CAIRN_C128, 1, dims, some_bytes, NULL),
			CAIRN_OK);
	}
	finish(writer);
	ck_assert_uint_eq(convert(&world, "many.cairn", "m.safetensors", NULL, &error),
			  CAIRN_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(error.message, "'tensor.00' (type c128), tensor 'tensor.01'"));
	ck_assert_ptr_nonnull(strstr(error.message, " more"));
	world_close(&world);
}
END_TEST

/* The same without types that cannot be dropped. */
static void write_droppable_container(const struct world *world)
{
	const struct cairn_writer_options options = {.alignment = 8192};
	const uint32_t number = 5;
	struct cairn_writer *writer = new_writer(world, "rich.cairn", &options);

	add_bytes(writer, "plain");
	add_half(writer, "sliced", 4);
	add_half(writer, "sliced", 0);
	ck_assert_uint_eq(cairn_writer_set_metadata(writer, cairn_string_from("number"), CAIRN_U32,
						    0, NULL, &number, NULL),
			  CAIRN_OK);
	ck_assert_uint_eq(cairn_writer_set_metadata_string(writer, cairn_string_from("text"),
							   cairn_string_from("kept"), NULL),
			  CAIRN_OK);
	finish(writer);
}

START_TEST(what_may_be_dropped_is_dropped)
{
	const struct cairn_convert_options drop = {.drop = CAIRN_DROP_METADATA | CAIRN_DROP_SLICES |
							   CAIRN_DROP_ALIGNMENT};
	struct world world = world_open(_i);
	struct cairn_tensor tensor;
	struct cairn_view view;
	struct cairn_reader *reader;

	write_droppable_container(&world);
	convert_well(&world, "rich.cairn", "m.safetensors", &drop);
	reader = world_reader(&world, "m.safetensors");
	ck_assert_uint_eq(cairn_reader_metadata_count(reader), 1);
	ck_assert_str_eq(metadata_text(reader, "text"), "kept");
	ck_assert_uint_eq(cairn_reader_find(reader, "sliced", &tensor, NULL), CAIRN_OK);
	ck_assert_uint_eq(tensor.slice_count, 1);
	ck_assert_uint_eq(cairn_tensor_view(&tensor, &view, NULL), CAIRN_OK);
	ck_assert_int_eq(memcmp(view.data, some_bytes, 8), 0);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(incomplete_tensors_are_refused_by_name)
{
	const struct cairn_convert_options drop = {.drop = CAIRN_DROP_SLICES};
	struct world world = world_open(_i);
	struct cairn_writer *writer = new_writer(&world, "half.cairn", NULL);
	struct cairn_error error;

	add_bytes(writer, "plain");
	add_half(writer, "half", 4);
	finish(writer);
	ck_assert_uint_eq(convert(&world, "half.cairn", "m.safetensors", &drop, &error),
			  CAIRN_UNSUPPORTED);
	ck_assert_msg(strstr(error.message, "'half' (incomplete)") != NULL, "%s", error.message);
	ck_assert_uint_eq(world_entries(&world), 1);
	world_close(&world);
}
END_TEST

START_TEST(a_container_keeps_incomplete_tensors)
{
	struct world world = world_open(_i);
	struct cairn_writer *writer = new_writer(&world, "half.cairn", NULL);
	struct cairn_tensor tensor;
	struct cairn_reader *reader;

	add_half(writer, "half", 4);
	finish(writer);
	convert_well(&world, "half.cairn", "m.cairn", NULL);
	reader = world_reader(&world, "m.cairn");
	ck_assert_uint_eq(cairn_reader_find(reader, "half", &tensor, NULL), CAIRN_OK);
	ck_assert(tensor.flags & CAIRN_TENSOR_INCOMPLETE);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* --------------------------------------------------------------------------- damage, cancelling */

static const char *const outputs[] = {"m.cairn", "m.safetensors", "m.safetensors.index.json"};

START_TEST(a_damaged_source_leaves_nothing)
{
	struct world world = world_open(1);
	struct cairn_stored_slice slice;
	struct cairn_tensor tensor;
	struct cairn_reader *reader;
	struct cairn_error error;

	world_write_golden(&world, "types.safetensors");
	convert_well(&world, "types.safetensors", "source.cairn", NULL);
	reader = world_reader(&world, "source.cairn");
	ck_assert_uint_eq(cairn_reader_find(reader, "t.int64", &tensor, NULL), CAIRN_OK);
	ck_assert_uint_eq(cairn_tensor_stored_slice(&tensor, 0, &slice, NULL), CAIRN_OK);
	cairn_reader_close(reader);
	ck_assert_int_eq(memory_system_corrupt(world.memory, world_path(&world, "source.cairn"),
					       slice.offset + 5, 4),
			 0);
	ck_assert_uint_eq(convert(&world, "source.cairn", outputs[_i], NULL, &error),
			  CAIRN_CHECKSUM);
	ck_assert_msg(strstr(error.message, "'t.int64'") != NULL, "%s", error.message);
	ck_assert_uint_eq(world_entries(&world), 2);
	world_close(&world);
}
END_TEST

/* Stops at the `left`-th call. */
struct stop {
	int left;
	uint64_t done;
	uint64_t total;
};

static int stop_sometime(void *context, uint64_t done, uint64_t total)
{
	struct stop *const stop = context;

	ck_assert_uint_le(done, total);
	ck_assert_uint_ge(done, stop->done);
	stop->done = done;
	stop->total = total;
	return stop->left-- == 1;
}

START_TEST(cancelling_leaves_nothing)
{
	struct world world = world_open(_i % WORLD_COUNT);
	const char *const output = outputs[_i / WORLD_COUNT];
	enum cairn_status status = CAIRN_CANCELLED;
	int calls = 0;

	world_write_golden(&world, "types.safetensors");
	while (status == CAIRN_CANCELLED) {
		struct stop stop = {.left = ++calls};
		const struct cairn_convert_options options = {.progress = stop_sometime,
							      .progress_context = &stop};

		status = convert(&world, "types.safetensors", output, &options, NULL);
		if (status == CAIRN_CANCELLED)
			ck_assert_uint_eq(world_entries(&world), 1);
		else if (output != outputs[0]) /* the writer of containers has suites of its own */
			ck_assert_uint_eq(stop.done, stop.total);
	}
	ck_assert_uint_eq(status, CAIRN_OK);
	ck_assert_int_gt(calls, 1);
	assert_both_hold_the_same(&world, "types.safetensors", output);
	world_close(&world);
}
END_TEST

START_TEST(a_missing_folder_is_told)
{
	struct world world = world_open(_i % WORLD_COUNT);
	char path[64];
	struct cairn_error error;

	snprintf(path, sizeof(path), "nowhere/%s", outputs[_i / WORLD_COUNT]);
	world_write_golden(&world, "types.safetensors");
	ck_assert_uint_eq(convert(&world, "types.safetensors", path, NULL, &error),
			  CAIRN_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(error.message, path));
	world_close(&world);
}
END_TEST

static Suite *convert_suite(void)
{
	Suite *suite = suite_create("convert");
	TCase *good = tcase_create("good");
	TCase *bad = tcase_create("bad");

	tcase_add_loop_test(good, official_files_come_back_bit_for_bit, 0,
			    WORLD_COUNT * COUNT(files));
	tcase_add_loop_test(good, a_sharded_model_comes_back, 0, WORLD_COUNT);
	tcase_add_loop_test(good, packed_and_unaligned_tensors_are_kept, 0, WORLD_COUNT);
	tcase_add_loop_test(good, larger_tensors_are_copied_in_pieces, 0, WORLD_COUNT);
	tcase_add_loop_test(good, the_suffix_decides_unless_told, 0, COUNT(targets));
	tcase_add_loop_test(good, what_is_there_is_replaced_only_when_asked_to, 0, WORLD_COUNT);
	tcase_add_loop_test(good, a_file_can_be_converted_onto_itself, 0, WORLD_COUNT);
	tcase_add_loop_test(good, containers_stay_what_they_are, 0, WORLD_COUNT);
	tcase_add_loop_test(good, what_may_be_dropped_is_dropped, 0, WORLD_COUNT);
	suite_add_tcase(suite, good);
	tcase_add_test(bad, unknown_options_are_refused);
	tcase_add_test(bad, the_name_of_one_file_cannot_hold_shards);
	tcase_add_loop_test(bad, a_folder_is_never_replaced, 0, WORLD_COUNT);
	tcase_add_loop_test(bad, what_safetensors_cannot_hold_is_listed, 0, WORLD_COUNT);
	tcase_add_test(bad, a_long_list_is_cut);
	tcase_add_loop_test(bad, incomplete_tensors_are_refused_by_name, 0, WORLD_COUNT);
	tcase_add_loop_test(bad, a_container_keeps_incomplete_tensors, 0, WORLD_COUNT);
	tcase_add_loop_test(bad, a_damaged_source_leaves_nothing, 0, COUNT(outputs));
	tcase_add_loop_test(bad, cancelling_leaves_nothing, 0, WORLD_COUNT * COUNT(outputs));
	tcase_add_loop_test(bad, a_missing_folder_is_told, 0, WORLD_COUNT * COUNT(outputs));
	suite_add_tcase(suite, bad);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(convert_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
