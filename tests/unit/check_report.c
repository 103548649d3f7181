/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of saves: the same answers whatever formats and chunks the two checkpoints have, numbers
 * as statistics over the written file find them, and no save that ends for its report's sake.
 */
#include <cairn/report.h>

#include <errno.h>
#include <math.h>

#include <cairn/save.h>
#include <cairn/stats.h>

#include "engine/write/save.h"
#include "format/dtype.h"
#include "tests/support/build.h"
#include "tests/support/model.h"
#include "tests/support/suite.h"

#define COUNT 700001u /* of the large tensor: 2.7 MiB, several chunks and segments */

static struct scene scene;
static struct scene past; /* the system of the previous checkpoint */
static float *numbers;

static void set_up(void)
{
	scene_open(&scene);
	scene_open(&past);
	numbers = malloc(COUNT * sizeof(*numbers));
	for (size_t i = 0; i < COUNT; i++)
		numbers[i] = (float)(i % 1000) - 500;
}

static void tear_down(void)
{
	free(numbers);
	scene_close(&scene);
	scene_close(&past);
}

/* Two writers: of the previous checkpoint, and of the one that is reported on. */
static const struct cairn_writer_options pairs[][2] = {
	{{0}, {0}},
	{{.chunk_size = 64 << 10}, {.chunk_size = 1 << 20}},
	{{.chunk_size = 64 << 10}, {.thread_count = 1}},
	{{0}, {.flags = CAIRN_WRITER_SORT}},
	{{.target = CAIRN_TARGET_TENSORFLOW}, {0}},
	{{0}, {.target = CAIRN_TARGET_TENSORFLOW}},
	{{.target = CAIRN_TARGET_TENSORFLOW}, {.target = CAIRN_TARGET_TENSORFLOW}},
	{{.target = CAIRN_TARGET_TENSORFLOW},
	 {.target = CAIRN_TARGET_TENSORFLOW, .shard_size_max = 1000003}},
};

static void add_rows(struct cairn_writer *writer, const char *name, uint64_t first, uint64_t count,
		     const float *data)
{
	static const uint64_t dims[2] = {7, 1000};
	const uint64_t starts[2] = {first, 0};
	const uint64_t lengths[2] = {count, CAIRN_FULL};
	const struct cairn_tensor_spec spec = {
		.name = cairn_string_from(name),
		.dtype = CAIRN_F32,
		.rank = 2,
		.dims = dims,
		.starts = starts,
		.lengths = lengths,
	};

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, data, &test_error));
}

static void add_text(struct cairn_writer *writer, const char *name, const char *text)
{
	const struct cairn_string words[2] = {cairn_string_from(text), {"", 0}};
	static const uint64_t two[1] = {2};

	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from(name), 1, two, words,
					   &test_error));
}

static void add(struct cairn_writer *writer, const char *name, enum cairn_dtype dtype,
		uint64_t count, const void *data)
{
	ASSERT_OK(cairn_writer_add(writer, name, dtype, 1, &count, data, &test_error));
}

/* The tensors of generation 0 or 1. The odd one makes that others are cut anywhere in a data file
 * of TensorFlow. */
static void add_all(struct cairn_writer *writer, int generation, float *changing)
{
	static const uint8_t odd[3] = {1, 2, 3};
	static const uint64_t rows[2] = {1000, 7};
	static const uint64_t columns[2] = {7, 1000};

	memcpy(changing, numbers, COUNT * sizeof(*changing));
	changing[COUNT - 1] += (float)generation;
	add(writer, "odd", CAIRN_U8, 3, odd);
	add(writer, "same", CAIRN_F32, COUNT, numbers);
	add(writer, "changes late", CAIRN_F32, COUNT, changing);
	add(writer, "empty", CAIRN_F32, 0, NULL);
	add(writer, "grows", CAIRN_F32, (uint64_t)(4 + generation), numbers);
	add(writer, "other type", generation == 0 ? CAIRN_F32 : CAIRN_I32, 4, numbers);
	ASSERT_OK(cairn_writer_add(writer, "other shape", CAIRN_F32, 2,
				   generation == 0 ? rows : columns, numbers, &test_error));
	add_rows(writer, "sliced", 0, 3, numbers);
	add_rows(writer, "sliced", 3, 4, numbers + 3000);
	add_rows(writer, "sliced changes", 0, 3, numbers);
	add_rows(writer, "sliced changes", 3, 4, numbers + 3000 + generation);
	add(writer, generation == 0 ? "gone" : "new", CAIRN_F32, 4, numbers);
	add_text(writer, "text", "word");
	add_text(writer, "text changes", generation == 0 ? "word" : "Word");
	add_text(writer, "text grows", generation == 0 ? "word" : "words");
}

static const struct {
	const char *name;
	enum cairn_saved_comparison comparison;
} expected[] = {
	{"changes late", CAIRN_SAVED_CHANGED},
	{"empty", CAIRN_SAVED_SAME},
	{"grows", CAIRN_SAVED_CHANGED},
	{"new", CAIRN_SAVED_NEW},
	{"odd", CAIRN_SAVED_SAME},
	{"other shape", CAIRN_SAVED_CHANGED},
	{"other type", CAIRN_SAVED_CHANGED},
	{"same", CAIRN_SAVED_SAME},
	{"sliced", CAIRN_SAVED_SAME},
	{"sliced changes", CAIRN_SAVED_CHANGED},
	{"text", CAIRN_SAVED_SAME},
	{"text changes", CAIRN_SAVED_CHANGED},
	{"text grows", CAIRN_SAVED_CHANGED},
};

static struct cairn_reader *write_previous(const struct cairn_writer_options *options)
{
	struct cairn_writer *const writer = scene_writer(&past, "/p", options);
	float *const changing = malloc(COUNT * sizeof(*changing));

	add_all(writer, 0, changing);
	finish_writer(writer);
	free(changing);
	return scene_reader(&past, "/p", NULL);
}

static struct cairn_writer *begin(const struct cairn_writer_options *options,
				  const struct cairn_reader *previous, bool statistics)
{
	struct cairn_writer_options all = *options;

	all.previous = previous;
	all.flags |= statistics ? (uint32_t)CAIRN_WRITER_STATISTICS : 0;
	return scene_writer(&scene, "/f", &all);
}

static struct cairn_saved_tensor tensor_at(const struct cairn_writer *writer, uint64_t index)
{
	struct cairn_saved_tensor tensor;

	ASSERT_OK(cairn_writer_report_tensor(writer, index, &tensor, &test_error));
	return tensor;
}

static struct cairn_writer_report report_of(const struct cairn_writer *writer)
{
	struct cairn_writer_report report;

	ASSERT_OK(cairn_writer_report(writer, &report, &test_error));
	return report;
}

/* Finishes a writer of generation 1, and keeps it. */
static void finish_new(struct cairn_writer *writer)
{
	float *const changing = malloc(COUNT * sizeof(*changing));

	add_all(writer, 1, changing);
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	free(changing);
}

START_TEST(each_tensor_is_compared_with_the_one_before)
{
	struct cairn_reader *const previous = write_previous(&pairs[_i][0]);
	struct cairn_writer *const writer = begin(&pairs[_i][1], previous, false);
	struct cairn_writer_report report;

	finish_new(writer);
	report = report_of(writer);
	ck_assert_uint_eq(report.tensor_count, COUNT_OF(expected));
	ck_assert_uint_eq(report.same, 5);
	ck_assert_uint_eq(report.changed, 7);
	ck_assert_uint_eq(report.added, 1);
	ck_assert_uint_eq(report.unknown, 0);
	ck_assert_uint_eq(report.absent, 1);
	ck_assert_uint_eq(report.nan_tensors + report.constant_tensors + report.zero_tensors, 0);
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		const struct cairn_saved_tensor tensor = tensor_at(writer, i);

		ck_assert_uint_eq(tensor.name.size, strlen(expected[i].name));
		ck_assert_mem_eq(tensor.name.data, expected[i].name, tensor.name.size);
		ck_assert_msg(tensor.comparison == expected[i].comparison, "%s: %u",
			      expected[i].name, tensor.comparison);
		ck_assert_uint_eq(tensor.has_numbers, 0);
	}
	cairn_writer_destroy(writer);
	cairn_reader_close(previous);
}
END_TEST

/* All of one kind are the same: also large ones that are read to their end. */
START_TEST(what_is_saved_again_is_the_same)
{
	struct cairn_reader *const previous = write_previous(&pairs[_i][0]);
	struct cairn_writer *const writer = begin(&pairs[_i][1], previous, true);
	float *const changing = malloc(COUNT * sizeof(*changing));
	struct cairn_writer_report report;

	add_all(writer, 0, changing);
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	report = report_of(writer);
	ck_assert_uint_eq(report.same, report.tensor_count);
	ck_assert_uint_eq(report.absent, 0);
	free(changing);
	cairn_writer_destroy(writer);
	cairn_reader_close(previous);
}
END_TEST

/* --------------------------------------------------------------------------------- how it reads */

START_TEST(digests_are_compared_without_reading)
{
	struct cairn_reader *const previous = write_previous(&pairs[0][0]);
	struct cairn_writer *const writer = begin(&pairs[0][1], previous, false);
	const uint64_t reads = memory_system_calls(past.memory, MEMORY_CALL_PREAD);

	finish_new(writer);
	ck_assert_uint_eq(report_of(writer).same, 5);
	ck_assert_uint_eq(memory_system_calls(past.memory, MEMORY_CALL_PREAD), reads);
	cairn_writer_destroy(writer);
	cairn_reader_close(previous);
}
END_TEST

/* The previous checkpoint's byte at that offset of its file. */
static void damage(const char *path, uint64_t offset)
{
	struct bytes content = scene_content(&past, path);

	content.data[offset] ^= 1;
	scene_add_file(&past, path, &content);
	bytes_free(&content);
}

START_TEST(what_is_damaged_in_the_one_before_is_unknown)
{
	const struct cairn_writer_options coarse = {.chunk_size = 4 << 20};
	struct cairn_reader *previous = write_previous(&coarse);
	struct cairn_writer *writer;
	struct cairn_tensor tensor;
	struct cairn_stored_slice slice;

	ASSERT_OK(cairn_reader_find(previous, "same", &tensor, &test_error));
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	cairn_reader_close(previous);
	damage("/p", slice.offset + 1000);
	previous = scene_reader(&past, "/p", NULL);
	writer = begin(&pairs[0][1], previous, false);
	finish_new(writer);
	ck_assert_uint_eq(tensor_at(writer, 7).comparison, CAIRN_SAVED_UNKNOWN);
	ck_assert_uint_eq(report_of(writer).unknown, 1);
	cairn_writer_destroy(writer);
	cairn_reader_close(previous);
}
END_TEST

START_TEST(slices_that_the_one_before_does_not_store_are_unknown)
{
	struct cairn_reader *previous;
	struct cairn_writer *writer = scene_writer(&past, "/p", NULL);

	add_rows(writer, "holes", 0, 3, numbers);
	add_rows(writer, "half", 0, 3, numbers);
	finish_writer(writer);
	previous = scene_reader(&past, "/p", NULL);
	writer = begin(&pairs[_i][1], previous, false);
	add_rows(writer, "holes", 3, 4, numbers + 3000);
	add_rows(writer, "half", 0, 3, numbers);
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	ck_assert_uint_eq(tensor_at(writer, 0).comparison, CAIRN_SAVED_SAME);
	ck_assert_uint_eq(tensor_at(writer, 1).comparison, CAIRN_SAVED_UNKNOWN);
	ck_assert_uint_eq(tensor_at(writer, 1).size, 16000);
	cairn_writer_destroy(writer);
	cairn_reader_close(previous);
}
END_TEST

/* -------------------------------------------------------------------------------------- aliases */

static void add_tied(struct cairn_writer *writer, const char *whole, const char *tied,
		     const float *data)
{
	add(writer, whole, CAIRN_F32, 100000, data);
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from(tied), cairn_string_from(whole),
					 &test_error));
}

/* The index lets the first of two names hold the bytes, whichever was added. */
static const struct {
	const char *before[2];
	const char *now[2];
	uint32_t chunk_size;
	int moved; /* data begin so many elements later */
	enum cairn_saved_comparison expected[2];
} ties[] = {
	{{"a", "b"}, {"a", "b"}, 0, 0, {CAIRN_SAVED_SAME, CAIRN_SAVED_SAME}},
	{{"b", "a"}, {"a", "b"}, 0, 0, {CAIRN_SAVED_SAME, CAIRN_SAVED_SAME}},
	{{"a", "b"}, {"b", "a"}, 0, 1, {CAIRN_SAVED_CHANGED, CAIRN_SAVED_CHANGED}},
	{{"a", "b"}, {"b", "a"}, 65536, 0, {CAIRN_SAVED_SAME, CAIRN_SAVED_SAME}},
	{{"a", "b"}, {"a", "b"}, 65536, 1, {CAIRN_SAVED_CHANGED, CAIRN_SAVED_CHANGED}},
};

START_TEST(aliases_compare_as_what_they_share)
{
	const struct cairn_writer_options options = {.chunk_size = ties[_i].chunk_size};
	struct cairn_reader *previous;
	struct cairn_writer *writer = scene_writer(&past, "/p", NULL);

	add_tied(writer, ties[_i].before[0], ties[_i].before[1], numbers);
	finish_writer(writer);
	previous = scene_reader(&past, "/p", NULL);
	writer = begin(&options, previous, true);
	add_tied(writer, ties[_i].now[0], ties[_i].now[1], numbers + ties[_i].moved);
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	ck_assert_uint_eq(report_of(writer).bytes, 400000);
	for (uint32_t i = 0; i < 2; i++) {
		const struct cairn_saved_tensor tensor = tensor_at(writer, i);

		ck_assert_uint_eq(tensor.comparison, ties[_i].expected[i]);
		ck_assert_uint_eq(tensor.size, 400000);
		ck_assert_uint_eq(tensor.count, 100000);
	}
	cairn_writer_destroy(writer);
	cairn_reader_close(previous);
}
END_TEST

START_TEST(an_alias_that_was_none_before_is_only_known_by_digests)
{
	const struct cairn_writer_options options = {.chunk_size = _i == 0 ? 0 : 65536};
	struct cairn_reader *previous;
	struct cairn_writer *writer = scene_writer(&past, "/p", NULL);

	add(writer, "a", CAIRN_F32, 100000, numbers);
	add(writer, "b", CAIRN_F32, 100000, numbers);
	finish_writer(writer);
	previous = scene_reader(&past, "/p", NULL);
	writer = begin(&options, previous, false);
	add_tied(writer, "a", "b", numbers);
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	ck_assert_uint_eq(tensor_at(writer, 0).comparison, CAIRN_SAVED_SAME);
	ck_assert_uint_eq(tensor_at(writer, 1).comparison,
			  _i == 0 ? CAIRN_SAVED_SAME : CAIRN_SAVED_UNKNOWN);
	cairn_writer_destroy(writer);
	cairn_reader_close(previous);
}
END_TEST

/* -------------------------------------------------------------------------------------- numbers */

START_TEST(bad_numbers_are_counted)
{
	static const float some[4][4] = {
		{0, 0, -0.0F, 0}, {2, 2, 2, 2}, {1, NAN, -INFINITY, NAN}, {1, 2, 0, 4}};
	static const float one = 3;
	struct cairn_writer *const writer = begin(&pairs[_i][1], NULL, true);
	struct cairn_writer_report report;
	struct cairn_saved_tensor tensor;

	add(writer, "bad", CAIRN_F32, 4, some[2]);
	add(writer, "constant", CAIRN_F32, 4, some[1]);
	add(writer, "good", CAIRN_F32, 4, some[3]);
	add(writer, "single", CAIRN_F32, 1, &one);
	add(writer, "zero", CAIRN_F32, 4, some[0]);
	add_text(writer, "~text", "word");
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	report = report_of(writer);
	ck_assert_uint_eq(report.nan_tensors, 1);
	ck_assert_uint_eq(report.infinite_tensors, 1);
	ck_assert_uint_eq(report.constant_tensors, 1);
	ck_assert_uint_eq(report.zero_tensors, 1);
	tensor = tensor_at(writer, 0);
	ck_assert_uint_eq(tensor.comparison, CAIRN_SAVED_NOT_COMPARED);
	ck_assert_uint_eq(tensor.has_numbers, 1);
	ck_assert_uint_eq(tensor.count, 4);
	ck_assert_uint_eq(tensor.nan_count, 2);
	ck_assert_uint_eq(tensor.infinite_count, 1);
	ck_assert(tensor.min == 1.0 && tensor.max == 1.0);
	ck_assert_uint_eq(tensor_at(writer, 5).has_numbers, 0);
	cairn_writer_destroy(writer);
}
END_TEST

static void compare_with_stats(const struct cairn_saved_tensor *saved,
			       const struct cairn_reader *reader)
{
	struct cairn_tensor_stats stats;
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_reader_find_string(reader, saved->name, &tensor, &test_error));
	if (cairn_dtype_numbers(tensor.dtype) == 0) {
		ck_assert_uint_eq(saved->has_numbers, 0);
		return;
	}
	ASSERT_OK(cairn_tensor_stats(&tensor, NULL, &stats, &test_error));
	ck_assert_uint_eq(saved->count, stats.count);
	ck_assert_uint_eq(saved->nan_count, stats.nan_count);
	ck_assert_uint_eq(saved->infinite_count, stats.infinite_count);
	ck_assert_uint_eq(saved->zero_count, stats.zero_count);
	ck_assert_mem_eq(&saved->min, &stats.min, sizeof(stats.min));
	ck_assert_mem_eq(&saved->max, &stats.max, sizeof(stats.max));
}

/* Of every type, each long enough to be cut: TensorFlow's those that it has. */
START_TEST(numbers_are_those_of_the_written_file)
{
	const bool tensorflow = pairs[_i][1].target == CAIRN_TARGET_TENSORFLOW;
	struct random random = {77};
	struct cairn_writer *const writer = begin(&pairs[_i][1], NULL, true);
	struct cairn_reader *reader;
	uint64_t added = 0;

	for (uint32_t i = 0; i < model_dtype_count(); i++) {
		const struct cairn_dtype_info *const info = model_dtype(i);
		const uint64_t dims[1] = {(uint64_t)1300001 / info->block_bytes *
					  info->block_elements};
		struct model model;
		uint32_t number;

		if (tensorflow && !dtype_tensorflow_number(info->dtype, &number))
			continue;
		model = model_make(&random, info, 1, dims);
		if (cairn_writer_add_copy(writer, info->name, info->dtype, 1, dims, model.bytes,
					  NULL) == CAIRN_OK)
			added++;
		model_free(&model);
	}
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	reader = scene_reader(&scene, "/f", NULL);
	ck_assert_uint_gt(added, 4);
	for (uint64_t i = 0; i < added; i++) {
		const struct cairn_saved_tensor saved = tensor_at(writer, i);

		compare_with_stats(&saved, reader);
	}
	cairn_reader_close(reader);
	cairn_writer_destroy(writer);
}
END_TEST

/* ---------------------------------------------------------------------------- when there is one */

START_TEST(without_options_it_says_how_much)
{
	struct cairn_writer *const writer = begin(&pairs[_i][1], NULL, false);
	struct cairn_writer_report report;
	struct cairn_saved_tensor tensor;

	add(writer, "a", CAIRN_F32, 100, numbers);
	add_rows(writer, "b", 3, 4, numbers);
	ASSERT_STATUS(cairn_writer_report(writer, &report, &test_error), CAIRN_PRECONDITION);
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	report = report_of(writer);
	ck_assert_uint_eq(report.tensor_count, 2);
	ck_assert_uint_eq(report.bytes, 400 + 16000);
	ck_assert_uint_eq(report.same + report.changed + report.added + report.unknown, 0);
	tensor = tensor_at(writer, 1);
	ck_assert_uint_eq(tensor.size, 16000);
	ck_assert_int_eq((int)tensor.dtype, (int)CAIRN_F32);
	ck_assert_uint_eq(tensor.comparison, CAIRN_SAVED_NOT_COMPARED);
	ASSERT_STATUS(cairn_writer_report_tensor(writer, 2, &tensor, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(metadata_are_no_tensors_of_a_report)
{
	struct cairn_writer *const writer = begin(&pairs[0][1], NULL, true);
	struct cairn_saved_tensor tensor;

	add(writer, "a", CAIRN_F32, 100, numbers);
	ASSERT_OK(cairn_writer_set_metadata(writer, cairn_string_from("b"), CAIRN_F32, 0, NULL,
					    numbers, &test_error));
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	ck_assert_uint_eq(report_of(writer).tensor_count, 1);
	ASSERT_FAILS(cairn_writer_report_tensor(writer, 1, &tensor, &test_error),
		     CAIRN_INVALID_ARGUMENT, "no tensor 1");
	cairn_writer_destroy(writer);
}
END_TEST

static int cancel_nan(void *context, uint64_t done, uint64_t total)
{
	const struct cairn_writer *const *const writer = context;
	struct cairn_writer_report report;

	(void)done;
	(void)total;
	return cairn_writer_report(*writer, &report, NULL) == CAIRN_OK && report.nan_tensors != 0;
}

START_TEST(a_callback_can_stop_what_it_sees)
{
	static const float bad[2] = {1, NAN};
	struct cairn_writer *writer = NULL;
	struct cairn_writer_report report;
	struct cairn_writer_options options = pairs[_i][1];

	options.progress = cancel_nan;
	options.progress_context = &writer;
	writer = begin(&options, NULL, true);
	add(writer, "a", CAIRN_F32, 2, bad);
	ASSERT_STATUS(cairn_writer_finish(writer, &test_error), CAIRN_CANCELLED);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 0);
	ASSERT_STATUS(cairn_writer_report(writer, &report, &test_error), CAIRN_PRECONDITION);
	cairn_writer_destroy(writer);
}
END_TEST

/* -------------------------------------------------------------------------------- sharded saves */

static void save_ranks(const struct cairn_reader *previous, int moved)
{
	const struct cairn_save_options options = {.rank_count = 2, .replace = 1};
	const struct cairn_writer_options reporting = {.previous = previous};
	struct cairn_save *save = NULL;

	ASSERT_OK(save_begin(scene.system, "/model", &options, &save, &test_error));
	for (uint32_t rank = 0; rank < 2; rank++) {
		struct cairn_writer *writer = NULL;

		ASSERT_OK(cairn_save_writer(save, rank, 0, &reporting, &writer, &test_error));
		add_rows(writer, "rows", rank == 0 ? 0 : 3, rank == 0 ? 3 : 4,
			 numbers + (rank == 0 ? 0 : moved));
		ASSERT_OK(cairn_writer_finish(writer, &test_error));
		if (previous != NULL)
			ck_assert_uint_eq(tensor_at(writer, 0).comparison,
					  rank != 0 && moved != 0 ? CAIRN_SAVED_CHANGED
								  : CAIRN_SAVED_SAME);
		cairn_writer_destroy(writer);
	}
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_destroy(save);
}

START_TEST(each_rank_reports_on_its_part)
{
	struct cairn_reader *previous;

	save_ranks(NULL, 0);
	previous = scene_reader(&scene, "/model", NULL);
	save_ranks(previous, _i);
	cairn_reader_close(previous);
}
END_TEST

/* -------------------------------------------------------------------------------------- failing */

/* What went well says what is so; nothing is called the same that is not. */
static void judge(const struct cairn_writer *writer)
{
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		const uint32_t found = tensor_at(writer, i).comparison;

		ck_assert_msg(found == expected[i].comparison || found == CAIRN_SAVED_UNKNOWN,
			      "%s: %u", expected[i].name, found);
	}
}

/* The two checkpoints are on systems of their own: whatever fails on that of the previous one, the
 * save succeeds. */
static void sweep_previous(enum memory_call call, int error, int pair)
{
	bool fired = true;

	for (uint64_t at = 1; fired && at < 200; at++) {
		const struct memory_fault fault = {.call = call, .at = at, .error = error};
		struct cairn_reader *const previous = scene_reader(&past, "/p", NULL);
		struct cairn_writer_options options = pairs[pair][1];
		struct cairn_writer *writer;

		options.flags |= CAIRN_WRITER_REPLACE;
		writer = begin(&options, previous, false);
		memory_system_set_fault(past.memory, 0, &fault);
		finish_new(writer);
		fired = memory_system_fault_fired(past.memory, 0) != 0;
		memory_system_clear_faults(past.memory);
		judge(writer);
		cairn_writer_destroy(writer);
		cairn_reader_close(previous);
	}
}

START_TEST(no_save_fails_for_the_one_before)
{
	cairn_reader_close(write_previous(&pairs[_i][0]));
	memory_system_settings(past.memory)->resident = false;
	sweep_previous(MEMORY_CALL_ALLOCATE, ENOMEM, _i);
	sweep_previous(MEMORY_CALL_ANY, EIO, _i);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
	struct cairn_reader *const previous = write_previous(&pairs[_i][0]);
	bool fired = true;

	for (uint64_t at = 1; fired; at++) {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_ALLOCATE, .at = at, .error = ENOMEM};
		struct cairn_writer_options options = pairs[_i][1];
		struct cairn_writer_report report;
		struct cairn_writer *writer;
		enum cairn_status status;

		options.flags |= CAIRN_WRITER_REPLACE;
		writer = begin(&options, previous, true);
		add(writer, "a", CAIRN_F32, 1000, numbers);
		add(writer, "same", CAIRN_F32, COUNT, numbers);
		add_text(writer, "text", "word");
		memory_system_set_fault(scene.memory, 0, &fault);
		status = cairn_writer_finish(writer, &test_error);
		fired = memory_system_fault_fired(scene.memory, 0) != 0;
		memory_system_clear_faults(scene.memory);
		ck_assert(status == CAIRN_OK || status == CAIRN_NO_MEMORY);
		ck_assert_int_eq(cairn_writer_report(writer, &report, NULL),
				 status == CAIRN_OK ? CAIRN_OK : CAIRN_PRECONDITION);
		if (status == CAIRN_OK)
			ck_assert_uint_eq(report.same + report.unknown, 2);
		cairn_writer_destroy(writer);
	}
	cairn_reader_close(previous);
}
END_TEST

static Suite *report_suite(void)
{
	Suite *suite = suite_create("report");
	TCase *tests = tcase_create("report");
	const int pair_count = (int)COUNT_OF(pairs);

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, each_tensor_is_compared_with_the_one_before, 0, pair_count);
	tcase_add_loop_test(tests, what_is_saved_again_is_the_same, 0, pair_count);
	tcase_add_test(tests, digests_are_compared_without_reading);
	tcase_add_test(tests, what_is_damaged_in_the_one_before_is_unknown);
	tcase_add_loop_test(tests, slices_that_the_one_before_does_not_store_are_unknown, 0,
			    pair_count);
	tcase_add_loop_test(tests, aliases_compare_as_what_they_share, 0, COUNT_OF(ties));
	tcase_add_loop_test(tests, an_alias_that_was_none_before_is_only_known_by_digests, 0, 2);
	tcase_add_loop_test(tests, bad_numbers_are_counted, 0, pair_count);
	tcase_add_loop_test(tests, numbers_are_those_of_the_written_file, 0, pair_count);
	tcase_add_loop_test(tests, without_options_it_says_how_much, 0, pair_count);
	tcase_add_test(tests, metadata_are_no_tensors_of_a_report);
	tcase_add_loop_test(tests, a_callback_can_stop_what_it_sees, 0, pair_count);
	tcase_add_loop_test(tests, each_rank_reports_on_its_part, 0, 2);
	tcase_add_loop_test(tests, no_save_fails_for_the_one_before, 0, pair_count);
	tcase_add_loop_test(tests, every_allocation_may_fail, 0, pair_count);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(report_suite());
}
