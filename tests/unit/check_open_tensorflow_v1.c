/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow V1 checkpoints become readers: values in every form that a message can have, slices in
 * one file and in many, where they are looked for, and what is refused.
 */
#include <stdlib.h>
#include <string.h>

#include <cairn/verify.h>

#include "engine/read/reader.h"
#include "format/bytes.h"
#include "tests/support/suite.h"
#include "tests/support/v1_files.h"

/* Numbers of types and of fields that hold their values. */
enum {
	TF_FLOAT = 1,
	TF_INT32 = 3,
	TF_STRING = 7,
	FLOAT_VAL = 5,
	INT_VAL = 7,
	STRING_VAL = 8
};

static struct v1_file file;
static const uint64_t full[] = {0, CAIRN_FULL, 0, CAIRN_FULL};

static struct cairn_tensor find(const struct cairn_reader *reader, const char *name)
{
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	return tensor;
}

/* The tensor holds these bytes, and is read piecewise as the same. */
static void assert_holds(const struct cairn_reader *reader, const char *name, const void *expected,
			 uint64_t size)
{
	const struct cairn_tensor tensor = find(reader, name);
	const uint8_t *const bytes = expected;
	struct cairn_view view;
	uint8_t piece[24];

	ck_assert_uint_eq(tensor.size, size);
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.flags & CAIRN_VIEW_VERIFIED, CAIRN_VIEW_VERIFIED);
	ck_assert_mem_eq(view.data, expected, size);
	cairn_view_release(&view);
	for (uint64_t first = 0; first < size; first += 1 + first / 64) {
		const uint64_t left = size - first < sizeof(piece) ? size - first : sizeof(piece);

		ASSERT_OK(cairn_tensor_read(&tensor, first, piece, left, &test_error));
		ck_assert_mem_eq(piece, bytes + first, left);
	}
}

static void assert_sound(const struct cairn_reader *reader)
{
	struct cairn_verify_report report;

	ASSERT_OK(cairn_reader_verify(reader, NULL, &report, &test_error));
	ck_assert_uint_eq(report.problem_count, 0);
	ck_assert_int_eq(report.structure_only, 0);
	ck_assert_uint_eq(report.tensor_count, cairn_reader_tensor_count(reader));
}

static void assert_refused(const struct world *world, const char *path, enum cairn_status code,
			   const char *message)
{
	struct cairn_reader *reader = NULL;

	ASSERT_FAILS(world_open_reader(world, path, NULL, &reader, &test_error), code, message);
}

/* One vector of values, written and opened. */
static struct cairn_reader *open_vector(const struct world *world, uint32_t dtype, uint64_t count,
					const struct v1_message_bytes *values)
{
	v1_file_init(&file);
	v1_file_vector(&file, "w", dtype, count, values->bytes, values->size);
	v1_file_write(&file, world, "m");
	v1_file_free(&file);
	return world_reader(world, "m");
}

/* --------------------------------------------------------------------------------------- values */

START_TEST(floats_are_used_where_they_lie)
{
	const struct cairn_reader_options unaligned = {.size = sizeof(unaligned),
						       .flags = CAIRN_OPEN_UNALIGNED_VIEWS};
	struct world world = world_open(_i);
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_stored_slice slice;
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	v1_put_bytes(&values, FLOAT_VAL, v1_floats, sizeof(v1_floats));
	cairn_reader_close(open_vector(&world, TF_FLOAT, 4, &values));
	ASSERT_OK(world_open_reader(&world, "m", &unaligned, &reader, &test_error));
	cairn_reader_info(reader, &info);
	ck_assert_str_eq(info.format, "tensorflow-v1");
	ck_assert_uint_eq(info.has_digests, 1);
	assert_holds(reader, "w", v1_floats, sizeof(v1_floats));
	tensor = find(reader, "w");
	ck_assert_uint_eq(tensor.crc_kind, CAIRN_CRC_NONE); /* the file has none of the tensor */
	ck_assert_uint_eq(tensor.flags & CAIRN_TENSOR_SLICED, 0);
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.flags & CAIRN_VIEW_MAPPED, CAIRN_VIEW_MAPPED);
	cairn_view_release(&view);
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	ck_assert_uint_eq(slice.offset, CAIRN_NO_OFFSET);
	assert_sound(reader);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* Two elements of each type of small numbers, as their field has them, and as Cairn does. */
static const struct {
	uint32_t dtype;
	uint32_t field;
	uint64_t values[2];
	uint32_t width;
	uint64_t raw[2];
} types[] = {
	{3, 7, {7, (uint64_t)-2}, 4, {7, 0xfffffffe}},
	{4, 7, {7, 255}, 1, {7, 255}},
	{5, 7, {300, (uint64_t)-300}, 2, {300, 0xfed4}},
	{6, 7, {127, (uint64_t)-128}, 1, {127, 128}},
	{9, 10, {1, UINT64_MAX}, 8, {1, UINT64_MAX}},
	{10, 11, {0, 1}, 1, {0, 1}},
	{10, 11, {256, 0}, 1, {1, 0}}, /* every number but 0 is true */
	{11, 7, {1, (uint64_t)-1}, 1, {1, 255}},
	{12, 7, {1, 200}, 1, {1, 200}},
	{13, 7, {1, (uint64_t)-1}, 4, {1, 0xffffffff}},
	{14, 13, {0x3f80, 0xffff}, 2, {0x3f80, 0xffff}},
	{15, 7, {1, (uint64_t)-1}, 2, {1, 0xffff}},
	{16, 7, {1, 65535}, 2, {1, 65535}},
	{17, 7, {1, 65535}, 2, {1, 65535}},
	{19, 13, {0x3c00, 0x8000}, 2, {0x3c00, 0x8000}},
	{22, 16, {1, UINT32_MAX}, 4, {1, UINT32_MAX}},
	{23, 17, {1, UINT64_MAX}, 8, {1, UINT64_MAX}},
	{6, 7, {300, 1}, 1, {44, 1}}, /* what does not fit is cut off */
};

START_TEST(varints_become_elements)
{
	struct world world = world_open(1);
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct cairn_reader *reader;
	uint8_t raw[24];

	for (uint32_t i = 0; i < 2; i++)
		store_u64(raw + i * types[_i].width, types[_i].raw[i]);
	v1_put_packed(&values, types[_i].field, types[_i].values, 2);
	reader = open_vector(&world, types[_i].dtype, 2, &values);
	assert_holds(reader, "w", raw, 2 * (uint64_t)types[_i].width);
	cairn_reader_close(reader);
	/* the same values, each a field */
	values.size = 0;
	v1_put_varint(&values, types[_i].field, types[_i].values[0]);
	v1_put_varint(&values, types[_i].field, types[_i].values[1]);
	reader = open_vector(&world, types[_i].dtype, 2, &values);
	assert_holds(reader, "w", raw, 2 * (uint64_t)types[_i].width);
	assert_sound(reader);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* Types whose values are stored as they are: number, field, bytes of an element. */
static const struct {
	uint32_t dtype;
	uint32_t field;
	uint64_t width;
} raw_types[] = {{1, 5, 4}, {2, 6, 8}, {8, 9, 8}, {18, 12, 16}};

START_TEST(fixed_numbers_are_as_they_are)
{
	struct world world = world_open(1);
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct cairn_reader *reader;
	uint8_t raw[32];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(i * 7 + 1);
	v1_put_bytes(&values, raw_types[_i].field, raw, 2 * raw_types[_i].width);
	reader = open_vector(&world, raw_types[_i].dtype, 2, &values);
	assert_holds(reader, "w", raw, 2 * raw_types[_i].width);
	cairn_reader_close(reader);
	/* in two packed fields, with one that nobody knows between them */
	values.size = 0;
	v1_put_bytes(&values, raw_types[_i].field, raw, raw_types[_i].width);
	v1_put_varint(&values, 99, 1);
	v1_put_bytes(&values, raw_types[_i].field, raw + raw_types[_i].width, raw_types[_i].width);
	reader = open_vector(&world, raw_types[_i].dtype, 2, &values);
	assert_holds(reader, "w", raw, 2 * raw_types[_i].width);
	assert_sound(reader);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* More elements than one extent holds, of one byte to ten. */
START_TEST(any_part_of_many_varints_is_read)
{
	static uint64_t numbers[10000];
	static uint8_t bytes[10 * COUNT_OF(numbers) + 16];
	static int32_t raw[COUNT_OF(numbers)];
	static const enum cairn_transport transports[] = {CAIRN_TRANSPORT_AUTO,
							  CAIRN_TRANSPORT_COPY};
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct world world = world_open(_i);

	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		raw[i] = (int32_t)(i % 3 == 0 ? -(int64_t)i : (int64_t)(i * i));
		numbers[i] = (uint64_t)(int64_t)raw[i];
	}
	v1_put_packed(&values, INT_VAL, numbers, COUNT_OF(numbers));
	cairn_reader_close(open_vector(&world, TF_INT32, COUNT_OF(numbers), &values));
	for (size_t i = 0; i < COUNT_OF(transports); i++) {
		const struct cairn_reader_options options = {.size = sizeof(options),
							     .transport = transports[i],
							     .flags = CAIRN_OPEN_CHECK_INDEX};
		struct cairn_reader *reader;

		ASSERT_OK(world_open_reader(&world, "m", &options, &reader, &test_error));
		assert_holds(reader, "w", raw, sizeof(raw));
		assert_sound(reader);
		cairn_reader_close(reader);
	}
	world_close(&world);
}
END_TEST

/* -------------------------------------------------------------------------------------- strings */

static const char *const texts[] = {"hello", "", "x01"};

static void assert_texts(const struct cairn_reader *reader)
{
	static const uint8_t raw[] = {5, 0, 0,   0,   0,   0,   0,   0,   5,   0,  0,
				      0, 0, 0,   0,   0,   8,   0,   0,   0,   0,  0,
				      0, 0, 'h', 'e', 'l', 'l', 'o', 'x', '0', '1'};
	const struct cairn_tensor tensor = find(reader, "w");

	assert_holds(reader, "w", raw, sizeof(raw));
	for (uint64_t first = 0; first <= sizeof(raw); first++) {
		for (uint64_t size = 0; first + size <= sizeof(raw); size++) {
			uint8_t piece[sizeof(raw)];

			ASSERT_OK(cairn_tensor_read(&tensor, first, piece, size, &test_error));
			ck_assert_mem_eq(piece, raw + first, size);
		}
	}
	assert_sound(reader);
}

START_TEST(strings_are_read)
{
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		v1_put_bytes(&values, STRING_VAL, texts[i], strlen(texts[i]));
	reader = open_vector(&world, TF_STRING, COUNT_OF(texts), &values);
	assert_texts(reader);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(strings_with_something_between_them_are_read)
{
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		v1_put_bytes(&values, STRING_VAL, texts[i], strlen(texts[i]));
		v1_put_varint(&values, 3, i);
	}
	reader = open_vector(&world, TF_STRING, COUNT_OF(texts), &values);
	assert_texts(reader);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* A tag in a longer form than necessary, as no writer has it. */
START_TEST(strings_behind_long_tags_are_read)
{
	static uint8_t bytes[] = {0xc2, 0, 5,    'h', 'e', 'l', 'l', 'o',
				  0x42, 0, 0x42, 3,   'x', '0', '1'};
	const struct v1_message_bytes values = {bytes, sizeof(bytes), sizeof(bytes)};
	struct world world = world_open(_i);
	struct cairn_reader *const reader = open_vector(&world, TF_STRING, 3, &values);

	assert_texts(reader);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* --------------------------------------------------------------------------------------- blocks */

START_TEST(compressed_blocks_are_read)
{
	static const uint64_t numbers[] = {1, 300, 70000};
	static const int32_t raw[] = {1, 300, 70000};
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct bytes table;

	v1_file_init(&file);
	v1_put_packed(&values, INT_VAL, numbers, 3);
	v1_file_vector(&file, "i", TF_INT32, 3, bytes, values.size);
	values.size = 0;
	v1_put_bytes(&values, FLOAT_VAL, v1_floats, sizeof(v1_floats));
	v1_file_vector(&file, "f", TF_FLOAT, 4, bytes, values.size);
	values.size = 0;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		v1_put_bytes(&values, STRING_VAL, texts[i], strlen(texts[i]));
	v1_file_vector(&file, "w", TF_STRING, 3, bytes, values.size);
	table = v1_file_compressed(&file);
	v1_file_free(&file);
	world_write(&world, "m", table.data, table.size);
	free(table.data);
	reader = world_reader(&world, "m");
	assert_holds(reader, "i", raw, sizeof(raw));
	assert_holds(reader, "f", v1_floats, sizeof(v1_floats));
	assert_texts(reader);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* A block that is used where it is mapped, and between others that are not. */
START_TEST(a_large_slice_is_read)
{
	static const enum cairn_transport transports[] = {CAIRN_TRANSPORT_AUTO,
							  CAIRN_TRANSPORT_COPY};
	const uint64_t count = (uint64_t)5 << 18;
	struct v1_message_bytes values = {malloc(4 * count + 16), 0, 4 * count + 16};
	uint8_t *const raw = malloc(4 * count);
	struct world world = world_open(_i);

	ck_assert(values.bytes != NULL && raw != NULL);
	for (uint64_t i = 0; i < 4 * count; i++)
		raw[i] = (uint8_t)(i * 31 >> 3);
	v1_file_init(&file);
	v1_put_bytes(&values, FLOAT_VAL, raw, 4 * count);
	v1_file_vector(&file, "b", TF_FLOAT, count, values.bytes, values.size);
	values.size = 0;
	v1_put_bytes(&values, FLOAT_VAL, v1_floats, sizeof(v1_floats));
	v1_file_vector(&file, "a", TF_FLOAT, 4, values.bytes, values.size);
	v1_file_vector(&file, "c", TF_FLOAT, 4, values.bytes, values.size);
	v1_file_write(&file, &world, "m");
	v1_file_free(&file);
	for (size_t i = 0; i < COUNT_OF(transports); i++) {
		const struct cairn_reader_options options = {.size = sizeof(options),
							     .transport = transports[i]};
		struct cairn_reader *reader;

		ASSERT_OK(world_open_reader(&world, "m", &options, &reader, &test_error));
		assert_holds(reader, "b", raw, 4 * count);
		assert_holds(reader, "c", v1_floats, sizeof(v1_floats));
		cairn_reader_close(reader);
	}
	free(raw);
	free(values.bytes);
	world_close(&world);
}
END_TEST

START_TEST(bytes_that_change_after_opening_are_found)
{
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};
	struct bytes table;

	v1_file_init(&file);
	v1_put_bytes(&values, FLOAT_VAL, v1_floats, sizeof(v1_floats));
	v1_file_vector(&file, "w", TF_FLOAT, 4, bytes, values.size);
	table = v1_file_bytes(&file);
	v1_file_free(&file);
	ASSERT_OK(cairn_reader_open_memory(table.data, table.size, NULL, &reader, &test_error));
	uint8_t *const place = memmem(table.data, table.size, v1_floats, sizeof(v1_floats));
	ck_assert_ptr_nonnull(place);
	place[5] ^= 1;
	tensor = find(reader, "w");
	ASSERT_FAILS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_CHECKSUM,
		     "tensor 'w': 16 bytes at offset ");
	cairn_reader_close(reader);
	free(table.data);
}
END_TEST

/* Whoever asks for no verification gets changed bytes, or an error: nothing else. */
START_TEST(values_that_change_after_opening_are_bounded)
{
	static const uint64_t numbers[] = {1, 300, 70000};
	const struct cairn_reader_options never = {.size = sizeof(never),
						   .verification = CAIRN_VERIFY_NEVER};
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct bytes table;

	v1_file_init(&file);
	if (_i == 0)
		v1_put_packed(&values, INT_VAL, numbers, 3);
	for (size_t i = 0; i < COUNT_OF(texts) && _i == 1; i++)
		v1_put_bytes(&values, STRING_VAL, texts[i], strlen(texts[i]));
	v1_file_vector(&file, "w", _i == 0 ? TF_INT32 : TF_STRING, 3, bytes, values.size);
	table = v1_file_bytes(&file);
	v1_file_free(&file);
	uint8_t *const place = memmem(table.data, table.size, bytes, values.size);
	ck_assert_ptr_nonnull(place);
	for (uint64_t i = 0; i < 8 * values.size; i++) {
		struct cairn_reader *reader;
		struct cairn_view view = {0};
		enum cairn_status status;

		ASSERT_OK(cairn_reader_open_memory(table.data, table.size, &never, &reader,
						   &test_error));
		const struct cairn_tensor tensor = find(reader, "w");

		place[i / 8] ^= (uint8_t)(1U << i % 8);
		status = cairn_tensor_view(&tensor, &view, &test_error);
		ck_assert(status == CAIRN_OK || status == CAIRN_CORRUPT);
		cairn_view_release(&view);
		place[i / 8] ^= (uint8_t)(1U << i % 8);
		cairn_reader_close(reader);
	}
	free(table.data);
}
END_TEST

/* --------------------------------------------------------------------------------------- slices */

static const uint64_t shape_4_6[] = {4, 6};
static const uint64_t right[] = {0, 4, 2, 4};

START_TEST(slices_of_several_files_are_put_together)
{
	static const uint64_t starts[] = {1, 1};
	static const uint64_t lengths[] = {2, 3};
	static const int32_t expected[] = {7, 8, 9, 13, 14, 15};
	struct world world = world_open(_i);
	struct cairn_stored_slice slice;
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;
	int32_t all[24];

	v1_write_shards(&world, true);
	reader = world_reader(&world, V1_SHARDS);
	ck_assert_uint_eq(cairn_reader_shard_count(reader), 3);
	for (int32_t i = 0; i < 24; i++)
		all[i] = i;
	assert_holds(reader, "part", all, sizeof(all));
	assert_holds(reader, "w", v1_floats, sizeof(v1_floats));
	tensor = find(reader, "part");
	ck_assert_uint_eq(tensor.slice_count, 2);
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	ck_assert_uint_eq(slice.extents[1], CAIRN_FULL);
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 1, &slice, &test_error));
	ck_assert_uint_eq(slice.extents[1], 4);
	ck_assert_uint_eq(slice.shard, 1);
	ASSERT_OK(cairn_tensor_view_slice(&tensor, starts, lengths, &view, &test_error));
	ck_assert_mem_eq(view.data, expected, sizeof(expected));
	cairn_view_release(&view);
	assert_sound(reader);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(slices_that_leave_holes_can_be_read_one_by_one)
{
	static const uint64_t starts[] = {3, 0};
	static const uint64_t lengths[] = {1, 2};
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	v1_write_shards(&world, false);
	reader = world_reader(&world, V1_SHARDS);
	tensor = find(reader, "part");
	ck_assert_uint_eq(tensor.flags & CAIRN_TENSOR_INCOMPLETE, CAIRN_TENSOR_INCOMPLETE);
	ASSERT_FAILS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_PRECONDITION,
		     "tensor 'part' is incomplete");
	ASSERT_OK(cairn_tensor_view_slice(&tensor, starts, lengths, &view, &test_error));
	ck_assert_int_eq(((const int32_t *)view.data)[0], 18);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(a_checkpoint_without_tensors_is_empty)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	v1_file_init(&file);
	v1_file_write(&file, &world, "m");
	v1_file_free(&file);
	reader = world_reader(&world, "m");
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 0);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(a_scalar_and_an_empty_tensor_are_whole)
{
	static const uint64_t none[] = {0, 3};
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	v1_file_init(&file);
	v1_put_bytes(&values, FLOAT_VAL, v1_floats, 4);
	v1_file_tensor(&file, "scalar", TF_FLOAT, 0, NULL, 1, NULL);
	v1_file_values(&file, "scalar", 0, NULL, bytes, values.size);
	v1_file_tensor(&file, "empty", TF_FLOAT, 2, none, 1, full);
	v1_file_values(&file, "empty", 2, full, bytes, 0);
	v1_file_write(&file, &world, "m");
	v1_file_free(&file);
	reader = world_reader(&world, "m");
	assert_holds(reader, "scalar", v1_floats, 4);
	assert_holds(reader, "empty", v1_floats, 0);
	ck_assert_uint_eq(find(reader, "empty").flags, 0);
	assert_sound(reader);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(slices_that_overlap_are_refused)
{
	static const uint64_t overlapping[] = {0, 4, 1, 5};
	struct world world = world_open(1);

	v1_write_shards(&world, true);
	v1_file_init(&file);
	v1_file_columns(&file, overlapping, 1, 5);
	v1_file_write(&file, &world, "m-00001-of-00003");
	v1_file_free(&file);
	assert_refused(&world, V1_SHARDS, CAIRN_CORRUPT,
		       "tensor 'part': two of its slices overlap");
	world_close(&world);
}
END_TEST

START_TEST(files_that_disagree_are_refused)
{
	static const uint64_t shape_4_7[] = {4, 7};
	struct world world = world_open(1);

	v1_write_shards(&world, true);
	v1_file_init(&file);
	v1_file_tensor(&file, "part", TF_FLOAT, 2, shape_4_6, 1, right);
	v1_file_values(&file, "part", 2, right,
		       "\x2a\x40"
		       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		       66);
	v1_file_write(&file, &world, "m-00001-of-00003");
	v1_file_free(&file);
	assert_refused(&world, V1_SHARDS, CAIRN_CORRUPT,
		       "tensor 'part': it is int32 in one file and float in another");
	v1_file_init(&file);
	v1_file_tensor(&file, "part", TF_INT32, 2, shape_4_7, 1, right);
	v1_file_values(&file, "part", 2, right,
		       "\x3a\x10"
		       "0123456789abcdef",
		       18);
	v1_file_write(&file, &world, "m-00001-of-00003");
	v1_file_free(&file);
	assert_refused(&world, V1_SHARDS, CAIRN_CORRUPT, "its shape differs from file to file");
	world_close(&world);
}
END_TEST

/* ---------------------------------------------------------------------------------------- paths */

START_TEST(a_pattern_is_literal)
{
	struct world world = world_open(_i);

	world_make_folder(&world, "run=[1,2]");
	v1_write_shards(&world, true);
	assert_refused(&world, "m-0000?-of-00003", CAIRN_NOT_FOUND, "no such file");
	assert_refused(&world, "m-*-of-00003", CAIRN_NOT_FOUND, "no such file");
	assert_refused(&world, "m-\?\?\?\?\?-of-00004", CAIRN_NOT_FOUND, "nor any of its 4 shards");
	world_close(&world);
}
END_TEST

START_TEST(a_shard_that_is_missing_is_named)
{
	struct world world = world_open(_i);

	v1_write_shards(&world, true);
	world_remove(&world, "m-00001-of-00003");
	assert_refused(&world, V1_SHARDS, CAIRN_TRUNCATED,
		       "1 of 3 shards is missing: 'm-00001-of-00003'");
	world_close(&world);
}
END_TEST

START_TEST(a_single_shard_opens_as_what_it_holds)
{
	struct world world = world_open(_i);
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_reader *reader;

	v1_write_shards(&world, true);
	reader = world_reader(&world, "m-00002-of-00003");
	cairn_reader_info(reader, &info);
	ck_assert_str_eq(info.note, "one shard of 3: pass '" V1_SHARDS "' to open all of it");
	assert_holds(reader, "w", v1_floats, sizeof(v1_floats));
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(a_state_file_may_name_a_pattern)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	v1_write_shards(&world, true);
	world_write_text(&world, "checkpoint", "model_checkpoint_path: \"" V1_SHARDS "\"\n");
	reader = world_reader(&world, ".");
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 2);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

static Suite *open_tensorflow_v1_suite(void)
{
	Suite *suite = suite_create("open_tensorflow_v1");
	TCase *tests = tcase_create("open_tensorflow_v1");

	tcase_add_loop_test(tests, floats_are_used_where_they_lie, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, varints_become_elements, 0, COUNT_OF(types));
	tcase_add_loop_test(tests, fixed_numbers_are_as_they_are, 0, COUNT_OF(raw_types));
	tcase_add_loop_test(tests, any_part_of_many_varints_is_read, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, strings_are_read, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, strings_with_something_between_them_are_read, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, strings_behind_long_tags_are_read, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, compressed_blocks_are_read, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_large_slice_is_read, 0, WORLD_COUNT);
	tcase_add_test(tests, bytes_that_change_after_opening_are_found);
	tcase_add_loop_test(tests, values_that_change_after_opening_are_bounded, 0, 2);
	tcase_add_loop_test(tests, slices_of_several_files_are_put_together, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, slices_that_leave_holes_can_be_read_one_by_one, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_checkpoint_without_tensors_is_empty, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_scalar_and_an_empty_tensor_are_whole, 0, WORLD_COUNT);
	tcase_add_test(tests, slices_that_overlap_are_refused);
	tcase_add_test(tests, files_that_disagree_are_refused);
	tcase_add_loop_test(tests, a_pattern_is_literal, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_shard_that_is_missing_is_named, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_single_shard_opens_as_what_it_holds, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_state_file_may_name_a_pattern, 0, WORLD_COUNT);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(open_tensorflow_v1_suite());
}
