/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow V2 checkpoints become readers: where they are looked for, views in place, checks,
 * strings, slices, other byte orders, and what is refused.
 */
#include <stdio.h>
#include <string.h>

#include <cairn/verify.h>

#include "engine/read/reader.h"
#include "format/crc32c.h"
#include "format/tensorflow_values.h"
#include "tests/support/bundle_files.h"
#include "tests/support/safetensors_files.h"
#include "tests/support/seam_hook.h"
#include "tests/support/suite.h"

static struct bundle_files files;
static float numbers[40000];

static const uint64_t shape_2_3[] = {2, 3};
static const uint64_t shape_4_6[] = {4, 6};
static const char *const texts[] = {"hello", "", "x01"};

static void fill_numbers(void)
{
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		numbers[i] = (float)i;
}

/* w [2, 3], big [40000], words [3]. */
static void write_plain(const struct world *world, const char *prefix)
{
	const uint64_t many = COUNT_OF(numbers);

	fill_numbers();
	bundle_files_init(&files, 1);
	bundle_files_add(&files, "w", CAIRN_F32, 2, shape_2_3, numbers, 24);
	bundle_files_add(&files, "big", CAIRN_F32, 1, &many, numbers, sizeof(numbers));
	bundle_files_add_values(&files, "words", CAIRN_STRING, texts, COUNT_OF(texts));
	bundle_files_write(&files, world, prefix);
}

static struct cairn_tensor find(const struct cairn_reader *reader, const char *name)
{
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	return tensor;
}

static void assert_opens(const struct world *world, const char *path)
{
	struct cairn_reader *const reader = world_reader(world, path);

	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 3);
	cairn_reader_close(reader);
}

static void assert_refused(const struct world *world, const char *path, enum cairn_status code,
			   const char *message)
{
	struct cairn_reader *reader = NULL;

	ASSERT_FAILS(world_open_reader(world, path, NULL, &reader, &test_error), code, message);
}

/* ----------------------------------------------------------------------------------------- data */

START_TEST(plain_tensors_are_verified_views)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_tensor tensor;
	struct cairn_view view;

	write_plain(&world, "m");
	reader = world_reader(&world, "m");
	cairn_reader_info(reader, &info);
	ck_assert_str_eq(info.format, "tensorflow-v2");
	ck_assert_uint_eq(info.has_digests, 1);
	tensor = find(reader, "big");
	ck_assert_uint_eq(tensor.crc_kind, CAIRN_CRC_32C);
	ck_assert_uint_eq(tensor.crc, crc32c_extend(0, numbers, sizeof(numbers)));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MAPPED | CAIRN_VIEW_VERIFIED);
	ck_assert_mem_eq(view.data, numbers, sizeof(numbers));
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(copies_are_the_same_bytes)
{
	const struct cairn_reader_options copy = {.size = sizeof(copy),
						  .transport = CAIRN_TRANSPORT_COPY};
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;
	uint8_t piece[7];

	write_plain(&world, "m");
	ASSERT_OK(world_open_reader(&world, "m", &copy, &reader, &test_error));
	tensor = find(reader, "big");
	ASSERT_OK(cairn_tensor_read(&tensor, 70001, piece, sizeof(piece), &test_error));
	ck_assert_mem_eq(piece, (const uint8_t *)numbers + 70001, sizeof(piece));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MATERIALISED | CAIRN_VIEW_VERIFIED);
	ck_assert_mem_eq(view.data, numbers, sizeof(numbers));
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* The first tensor has 25 bytes, so that the second one is not where floats should be. */
START_TEST(a_tensor_that_is_not_aligned_is_copied)
{
	struct world world = world_open(_i);
	const uint64_t odd = 25;
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	fill_numbers();
	bundle_files_init(&files, 1);
	bundle_files_add(&files, "bytes", CAIRN_U8, 1, &odd, numbers, odd);
	bundle_files_add(&files, "w", CAIRN_F32, 2, shape_2_3, numbers, 24);
	bundle_files_write(&files, &world, "m");
	reader = world_reader(&world, "m");
	tensor = find(reader, "w");
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MATERIALISED | CAIRN_VIEW_VERIFIED);
	ck_assert_mem_eq(view.data, numbers, 24);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(damage_is_found_by_the_first_view_and_remembered)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	write_plain(&world, "m");
	files.data[0][24 + 100000] ^= 1; /* in "big", behind the CRC's back */
	bundle_files_write(&files, &world, "m");
	reader = world_reader(&world, "m");
	tensor = find(reader, "big");
	ASSERT_FAILS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_CHECKSUM,
		     "tensor 'big': 160000 bytes at offset 24 have CRC-32C ");
	ASSERT_FAILS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_CHECKSUM,
		     "as was found before");
	tensor = find(reader, "w");
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

static int keep_problem(void *context, const struct cairn_problem *problem)
{
	struct cairn_problem *const kept = context;

	*kept = *problem;
	return 0;
}

START_TEST(verify_names_what_is_damaged)
{
	struct world world = world_open(_i);
	struct cairn_problem problem = {.code = CAIRN_OK};
	const struct cairn_verify_options options = {
		.size = sizeof(options), .on_problem = keep_problem, .problem_context = &problem};
	struct cairn_verify_report report;
	struct cairn_reader *reader;

	write_plain(&world, "m");
	reader = world_reader(&world, "m");
	ASSERT_OK(cairn_reader_verify(reader, &options, &report, &test_error));
	ck_assert_uint_eq(report.problem_count, 0);
	ck_assert_int_eq(report.structure_only, 0);
	cairn_reader_close(reader);
	files.data[0][0] ^= 1;
	bundle_files_write(&files, &world, "m");
	reader = world_reader(&world, "m");
	ASSERT_OK(cairn_reader_verify(reader, &options, &report, &test_error));
	ck_assert_uint_eq(report.problem_count, 1);
	ck_assert_uint_eq(problem.code, CAIRN_CHECKSUM);
	ck_assert_uint_eq(problem.crc_kind, CAIRN_CRC_32C);
	ck_assert_uint_eq(problem.expected_crc, crc32c_extend(0, numbers, 24));
	ck_assert_uint_eq(problem.offset, 0);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(strings_are_materialised)
{
	static const enum cairn_dtype dtypes[] = {CAIRN_STRING, CAIRN_VARIANT};
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct cairn_string string;
	struct cairn_view view;

	for (size_t d = 0; d < COUNT_OF(dtypes); d++) {
		bundle_files_init(&files, 1);
		bundle_files_add_values(&files, "words", dtypes[d], texts, COUNT_OF(texts));
		bundle_files_write(&files, &world, "m");
		reader = world_reader(&world, "m");
		const struct cairn_tensor tensor = find(reader, "words");

		ck_assert_uint_eq(tensor.dtype, dtypes[d]);
		ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
		ck_assert_uint_eq(view.flags, CAIRN_VIEW_MATERIALISED | CAIRN_VIEW_VERIFIED);
		for (size_t i = 0; i < COUNT_OF(texts); i++) {
			ASSERT_OK(cairn_view_string(&tensor, &view, i, &string, &test_error));
			ck_assert_uint_eq(string.size, strlen(texts[i]));
			ck_assert_mem_eq(string.data, texts[i], string.size);
		}
		cairn_view_release(&view);
		cairn_reader_close(reader);
	}
	world_close(&world);
}
END_TEST

START_TEST(a_damaged_string_is_found)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	bundle_files_init(&files, 1);
	bundle_files_add_values(&files, "words", CAIRN_STRING, texts, COUNT_OF(texts));
	files.data[0][files.data_size[0] - 1] ^= 1;
	bundle_files_write(&files, &world, "m");
	reader = world_reader(&world, "m");
	tensor = find(reader, "words");
	ASSERT_FAILS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_CHECKSUM,
		     "tensor 'words'");
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(lengths_of_strings_that_lie_are_found_at_open)
{
	struct world world = world_open(_i);

	bundle_files_init(&files, 1);
	bundle_files_add_values(&files, "words", CAIRN_STRING, texts, COUNT_OF(texts));
	files.data[0][0] ^= 1;
	bundle_files_write(&files, &world, "m");
	assert_refused(&world, "m", CAIRN_CHECKSUM, "tensor 'words': the checksum at byte 3");
	world_close(&world);
}
END_TEST

START_TEST(numbers_of_a_big_endian_checkpoint_are_turned_round)
{
	static const uint8_t stored[] = {0x3f, 0x80, 0, 0, 0x40, 0, 0, 0};
	static const uint8_t expected[] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0x40};
	const uint64_t two = 2;
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	bundle_files_init(&files, 1);
	files.bundle.header.big_endian = true;
	bundle_files_add(&files, "w", CAIRN_F32, 1, &two, stored, sizeof(stored));
	bundle_files_write(&files, &world, "m");
	reader = world_reader(&world, "m");
	tensor = find(reader, "w");
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MATERIALISED | CAIRN_VIEW_VERIFIED);
	ck_assert_mem_eq(view.data, expected, sizeof(expected));
	cairn_view_release(&view);
	for (uint64_t first = 0; first < 8; first++) {
		for (uint64_t size = 1; first + size <= 8; size++) {
			uint8_t piece[8];

			ASSERT_OK(cairn_tensor_read(&tensor, first, piece, size, &test_error));
			ck_assert_mem_eq(piece, expected + first, size);
		}
	}
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* --------------------------------------------------------------------------------------- slices */

/* Columns [0, 2) in one data file, the others in another. */
static void write_sliced(const struct world *world, bool complete)
{
	static const uint64_t left[] = {0, CAIRN_FULL, 0, 2};
	static const uint64_t right[] = {0, 4, 2, 4};
	const uint32_t tensor = (bundle_files_init(&files, 2),
				 bundle_files_tensor(&files, "part", CAIRN_I32, 2, shape_4_6));
	int32_t values[16];

	for (int32_t row = 0; row < 4; row++) {
		for (int32_t column = 0; column < 2; column++)
			values[row * 2 + column] = row * 6 + column;
	}
	bundle_files_piece(&files, tensor, left, 0, values, 32, crc32c_extend(0, values, 32));
	for (int32_t row = 0; row < 4; row++) {
		for (int32_t column = 2; column < 6; column++)
			values[row * 4 + column - 2] = row * 6 + column;
	}
	if (complete)
		bundle_files_piece(&files, tensor, right, 1, values, 64,
				   crc32c_extend(0, values, 64));
	bundle_files_write(&files, world, "m");
}

START_TEST(slices_are_put_together)
{
	static const uint64_t starts[] = {1, 1};
	static const uint64_t lengths[] = {2, 3};
	static const int32_t expected[] = {7, 8, 9, 13, 14, 15};
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	write_sliced(&world, true);
	reader = world_reader(&world, "m");
	tensor = find(reader, "part");
	ck_assert_uint_eq(tensor.flags & CAIRN_TENSOR_SLICED, CAIRN_TENSOR_SLICED);
	ck_assert_uint_eq(tensor.crc_kind, CAIRN_CRC_NONE);
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	for (int32_t i = 0; i < 24; i++)
		ck_assert_int_eq(((const int32_t *)view.data)[i], i);
	cairn_view_release(&view);
	ASSERT_OK(cairn_tensor_view_slice(&tensor, starts, lengths, &view, &test_error));
	ck_assert_mem_eq(view.data, expected, sizeof(expected));
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(slices_are_listed_as_they_are_stored)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_stored_slice slice;

	write_sliced(&world, true);
	reader = world_reader(&world, "m");
	tensor = find(reader, "part");
	ck_assert_uint_eq(tensor.slice_count, 2);
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	ck_assert_uint_eq(slice.extents[1], CAIRN_FULL);
	ck_assert_uint_eq(slice.shard, 0);
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 1, &slice, &test_error));
	ck_assert_uint_eq(slice.extents[1], 4);
	ck_assert_uint_eq(slice.shard, 1);
	ck_assert_uint_eq(slice.crc_kind, CAIRN_CRC_32C);
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

	write_sliced(&world, false);
	reader = world_reader(&world, "m");
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

/* Rows [0, 1) and [1, 2) of a tensor of strings [2, 2], each in a data file of its own. */
START_TEST(strings_in_slices_are_put_together)
{
	static const uint64_t dims[] = {2, 2};
	static const uint64_t rows[][4] = {{0, 1, 0, 2}, {1, 1, 0, 2}};
	const uint8_t raw[] = {1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c'};
	const struct values_raw values = {raw, sizeof(raw), 2, false};
	uint8_t stored[2 + 4 + 3]; /* lengths, their checksum, the bytes */
	const uint32_t crc = values_encode(&values, stored);
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	struct cairn_string string;
	struct cairn_tensor tensor;
	struct cairn_view view;
	uint32_t number;

	bundle_files_init(&files, 2);
	number = bundle_files_tensor(&files, "words", CAIRN_STRING, 2, dims);
	for (uint32_t i = 0; i < 2; i++)
		bundle_files_piece(&files, number, rows[i], i, stored, sizeof(stored), crc);
	bundle_files_write(&files, &world, "m");
	reader = world_reader(&world, "m");
	tensor = find(reader, "words");
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.size, 4 * 8 + 6);
	for (uint64_t i = 0; i < 4; i++) {
		ASSERT_OK(cairn_view_string(&tensor, &view, i, &string, &test_error));
		ck_assert_uint_eq(string.size, 1 + i % 2);
		ck_assert_mem_eq(string.data, i % 2 == 0 ? "a" : "bc", string.size);
	}
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* ---------------------------------------------------------------------------------------- files */

START_TEST(a_data_file_that_is_missing_is_named)
{
	struct world world = world_open(_i);

	write_sliced(&world, true);
	world_remove(&world, "m.data-00001-of-00002");
	assert_refused(&world, "m", CAIRN_TRUNCATED,
		       "1 of 2 shards is missing: 'm.data-00001-of-00002'");
	world_close(&world);
}
END_TEST

START_TEST(a_data_file_that_nothing_refers_to_may_be_missing)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	write_sliced(&world, false);
	world_remove(&world, "m.data-00001-of-00002");
	reader = world_reader(&world, "m");
	ck_assert_uint_eq(cairn_reader_shard_count(reader), 2);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(a_data_file_that_was_cut_off_is_found_at_open)
{
	struct world world = world_open(_i);

	write_plain(&world, "m");
	world_truncate(&world, "m.data-00000-of-00001", 100);
	assert_refused(&world, "m", CAIRN_TRUNCATED,
		       "tensor 'big': 'm.data-00000-of-00001': offset 24 + size 160000 exceeds "
		       "file size 100");
	world_close(&world);
}
END_TEST

START_TEST(data_files_may_be_links)
{
	struct world world = world_open(_i);

	write_plain(&world, "blob");
	world_add_link(&world, "m.index", "blob.index");
	world_add_link(&world, "m.data-00000-of-00001", "blob.data-00000-of-00001");
	assert_opens(&world, "m");
	world_close(&world);
}
END_TEST

/* What changes the checkpoint when its data file is opened. */
struct intruder {
	const struct world *world;
	bool once;
};

static void replace_index(void *context, enum memory_call call, bool is_after)
{
	struct intruder *const intruder = context;

	if (call != MEMORY_CALL_OPEN || is_after || !intruder->once)
		return;
	intruder->once = false;
	bundle_files_write(&files, intruder->world, "m");
}

START_TEST(an_index_that_is_replaced_meanwhile_is_opened_again)
{
	struct world world = world_open(1);
	struct intruder intruder = {&world, true};

	write_plain(&world, "m");
	seam_hook_install(world.system, replace_index, &intruder);
	assert_opens(&world, "m");
	ck_assert(!intruder.once);
	seam_hook_remove(world.system);
	world_close(&world);
}
END_TEST

/* ---------------------------------------------------------------------------------------- paths */

START_TEST(a_prefix_leads_to_its_checkpoint)
{
	struct world world = world_open(_i);

	world_make_folder(&world, "run=[1,2]");
	write_plain(&world, "run=[1,2]/model.ckpt-*");
	assert_opens(&world, "run=[1,2]/model.ckpt-*");
	world_close(&world);
}
END_TEST

START_TEST(files_of_a_checkpoint_are_refused_with_the_path_to_pass)
{
	struct world world = world_open(_i);

	write_plain(&world, "m");
	assert_refused(&world, "m.index", CAIRN_NOT_A_CHECKPOINT, "pass its prefix, 'm'");
	assert_refused(&world, "m.data-00000-of-00001", CAIRN_NOT_A_CHECKPOINT,
		       "pass its prefix, 'm'");
	world_close(&world);
}
END_TEST

START_TEST(a_saved_model_is_opened_by_its_folder)
{
	struct world world = world_open(_i);

	world_make_folder(&world, "saved");
	world_make_folder(&world, "saved/variables");
	world_write_text(&world, "saved/saved_model.pb", "graph");
	write_plain(&world, "saved/variables/variables");
	assert_opens(&world, "saved");
	assert_opens(&world, "saved/variables");
	assert_opens(&world, "saved/variables/variables");
	world_close(&world);
}
END_TEST

START_TEST(a_folder_of_checkpoints_stands_for_its_latest)
{
	static const char *const states[] = {
		"model_checkpoint_path: \"m-2\"\n",
		"model_checkpoint_path: \"./m-2\"",
		"model_checkpoint_path: \"../run/m-2\"",
	};
	struct world world = world_open(_i);

	world_make_folder(&world, "run");
	write_plain(&world, "run/m-2");
	bundle_files_init(&files, 1);
	bundle_files_write(&files, &world, "run/m-1");
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		world_write_text(&world, "run/checkpoint", states[i]);
		assert_opens(&world, "run");
		assert_opens(&world, "run/");
	}
	world_close(&world);
}
END_TEST

START_TEST(a_state_file_that_leads_nowhere_is_refused)
{
	struct world world = world_open(_i);

	world_make_folder(&world, "run");
	write_plain(&world, "run/m-2");
	world_write_text(&world, "run/checkpoint", "model_checkpoint_path: \"m-3\"\n");
	assert_refused(&world, "run", CAIRN_NOT_FOUND, "'m-3': no such file");
	world_write_text(&world, "run/checkpoint", "model_checkpoint_path: \"m-");
	assert_refused(&world, "run", CAIRN_CORRUPT, "'checkpoint'");
	world_write_text(&world, "run/checkpoint", "");
	assert_refused(&world, "run", CAIRN_CORRUPT, "names no model_checkpoint_path");
	world_write_text(&world, "run/checkpoint", "model_checkpoint_path: \".\"\n");
	assert_refused(&world, "run", CAIRN_NOT_A_CHECKPOINT, "another state file");
	world_close(&world);
}
END_TEST

#define RECORD "run/.cairn-trash-00112233445566778899aabbccddeeff"

START_TEST(where_a_save_over_it_was_interrupted_the_error_says_what_to_do)
{
	struct world world = world_open(_i);

	world_make_folder(&world, "run");
	world_make_folder(&world, RECORD);
	write_plain(&world, RECORD "/m");
	assert_refused(&world, "run/m", CAIRN_NOT_FOUND,
		       "run/m': no such file; a save over it is not finished, and its old files "
		       "are in .cairn-trash-00112233445566778899aabbccddeeff: if it was "
		       "interrupted, cairn gc of the folder puts them back");
	world_write_text(&world, "run/checkpoint", "model_checkpoint_path: \"m\"\n");
	assert_refused(&world, "run", CAIRN_NOT_FOUND, "cairn gc");
	write_plain(&world, "run/m");
	assert_opens(&world, "run/m");
	world_close(&world);
}
END_TEST

START_TEST(what_is_no_record_of_a_prefix_is_none_in_its_error)
{
	struct world world = world_open(_i);

	world_make_folder(&world, "run");
	world_make_folder(&world, RECORD);
	world_make_folder(&world, "run/.cairn-tmp-00112233445566778899aabbccddeeff");
	write_plain(&world, "run/.cairn-tmp-00112233445566778899aabbccddeeff/m");
	world_write_text(&world, RECORD "/m.data-00000-of-00001", "x");
	world_write_text(&world, RECORD "/other.index", "x");
	world_write_text(&world, "run/.cairn-trash-00112233445566778899aabbccddee00", "x");
	assert_refused(&world, "run/m", CAIRN_NOT_FOUND, "no such file");
	ck_assert_ptr_null(strstr(test_error.message, "gc"));
	world_close(&world);
}
END_TEST

START_TEST(a_folder_with_one_checkpoint_stands_for_it)
{
	struct world world = world_open(_i);

	world_make_folder(&world, "run");
	write_plain(&world, "run/m");
	assert_opens(&world, "run");
	write_plain(&world, "run/n-10");
	write_plain(&world, "run/n-9");
	assert_refused(&world, "run", CAIRN_NOT_A_CHECKPOINT,
		       "pass the prefix of one of the 3 TensorFlow checkpoints in it, such as "
		       "'n-10'");
	world_close(&world);
}
END_TEST

START_TEST(a_folder_of_steps_is_refused_with_the_latest)
{
	static const char *const steps[] = {"global_step_5", "checkpoint-500", "iter_0000490"};
	struct world world = world_open(_i);
	char path[64];

	world_make_folder(&world, "run");
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		snprintf(path, sizeof(path), "run/%s", steps[i]);
		world_make_folder(&world, path);
	}
	assert_refused(&world, "run", CAIRN_NOT_A_CHECKPOINT,
		       "a directory of steps: pass one of the 3, such as 'checkpoint-500'");
	world_close(&world);
}
END_TEST

START_TEST(an_empty_checkpoint_has_no_tensors)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	bundle_files_init(&files, 1);
	bundle_files_write(&files, &world, "m");
	reader = world_reader(&world, "m");
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 0);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

static Suite *open_tensorflow_suite(void)
{
	Suite *suite = suite_create("open_tensorflow");
	TCase *tests = tcase_create("open_tensorflow");

	tcase_add_loop_test(tests, plain_tensors_are_verified_views, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, copies_are_the_same_bytes, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_tensor_that_is_not_aligned_is_copied, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, damage_is_found_by_the_first_view_and_remembered, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, verify_names_what_is_damaged, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, strings_are_materialised, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_damaged_string_is_found, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, lengths_of_strings_that_lie_are_found_at_open, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, numbers_of_a_big_endian_checkpoint_are_turned_round, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, slices_are_put_together, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, slices_are_listed_as_they_are_stored, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, slices_that_leave_holes_can_be_read_one_by_one, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, strings_in_slices_are_put_together, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_data_file_that_is_missing_is_named, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_data_file_that_nothing_refers_to_may_be_missing, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, a_data_file_that_was_cut_off_is_found_at_open, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, data_files_may_be_links, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_prefix_leads_to_its_checkpoint, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, files_of_a_checkpoint_are_refused_with_the_path_to_pass, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, a_saved_model_is_opened_by_its_folder, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_folder_of_checkpoints_stands_for_its_latest, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_state_file_that_leads_nowhere_is_refused, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, where_a_save_over_it_was_interrupted_the_error_says_what_to_do,
			    0, WORLD_COUNT);
	tcase_add_loop_test(tests, what_is_no_record_of_a_prefix_is_none_in_its_error, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, a_folder_with_one_checkpoint_stands_for_it, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_folder_of_steps_is_refused_with_the_latest, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, an_empty_checkpoint_has_no_tensors, 0, WORLD_COUNT);
	tcase_add_test(tests, an_index_that_is_replaced_meanwhile_is_opened_again);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(open_tensorflow_suite());
}
