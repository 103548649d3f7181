/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics over stored tensors: the same whatever way the bytes come in, and never over bytes
 * that were not verified.
 */
#include <cairn/stats.h>

#include <errno.h>
#include <math.h>

#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

#define COUNT 700000u /* of the large tensor: 2.7 MiB, several chunks, steps and leaves */

static struct scene scene;
static float *numbers;

static void set_up(void)
{
	struct random random = {11};

	scene_open(&scene);
	numbers = malloc(COUNT * sizeof(*numbers));
	for (size_t i = 0; i < COUNT; i++)
		numbers[i] = (float)(random_below(&random, 20001)) / 777 - 12;
	numbers[5] = 0;
	numbers[COUNT / 2] = NAN;
	numbers[COUNT - 1] = -INFINITY;
}

static void tear_down(void)
{
	free(numbers);
	scene_close(&scene);
}

static void add_rows(struct cairn_writer *writer, const char *name, uint64_t first, uint64_t count)
{
	static const uint64_t dims[2] = {7, COUNT / 7};
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

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, numbers + first * dims[1], &test_error));
}

/* The large tensor whole, in slices and as an alias; others of other kinds. */
static void write_all(void)
{
	static const uint64_t dims[2] = {7, COUNT / 7};
	static const uint64_t none[1] = {0};
	static const uint64_t eight[1] = {8};
	static const uint8_t packed[4] = {0x10, 0x32, 0x54, 0x76};
	static const struct cairn_string word = {"a", 1};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);

	ASSERT_OK(cairn_writer_add(writer, "whole", CAIRN_F32, 2, dims, numbers, &test_error));
	add_rows(writer, "sliced", 0, 2);
	add_rows(writer, "sliced", 2, 5);
	add_rows(writer, "holes", 0, 2);
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from("tied"),
					 cairn_string_from("whole"), &test_error));
	ASSERT_OK(cairn_writer_add(writer, "empty", CAIRN_F32, 1, none, NULL, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "packed", CAIRN_F4_E2M1, 1, eight, packed, &test_error));
	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("text"), 0, NULL, &word,
					   &test_error));
	finish_writer(writer);
}

static struct cairn_tensor find(const struct cairn_reader *reader, const char *name)
{
	struct cairn_tensor tensor = {0};

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	return tensor;
}

static struct cairn_tensor_stats stats_of(const struct cairn_reader *reader, const char *name)
{
	const struct cairn_tensor tensor = find(reader, name);
	struct cairn_tensor_stats stats = {0};

	ASSERT_OK(cairn_tensor_stats(&tensor, NULL, &stats, &test_error));
	return stats;
}

static const struct cairn_reader_options ways[] = {
	{0},
	{.transport = CAIRN_TRANSPORT_COPY},
	{.verification = CAIRN_VERIFY_NEVER},
	{.verification = CAIRN_VERIFY_NEVER, .transport = CAIRN_TRANSPORT_COPY},
};

START_TEST(all_ways_to_the_same_numbers_give_the_same_bits)
{
	static const char *const names[] = {"whole", "sliced", "tied"};
	struct cairn_reader *reader;
	struct cairn_tensor_stats first;

	write_all();
	reader = scene_reader(&scene, "/f", NULL);
	first = stats_of(reader, "whole");
	cairn_reader_close(reader);
	ck_assert_uint_eq(first.count, COUNT);
	ck_assert_uint_eq(first.nan_count, 1);
	ck_assert_uint_eq(first.infinite_count, 1);
	ck_assert(first.min >= -12.0 && first.max < 14 && first.min < first.max);
	ck_assert_double_eq(first.mean, first.sum / (COUNT - 2));
	reader = scene_reader(&scene, "/f", &ways[_i]);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct cairn_tensor_stats again = stats_of(reader, names[i]);

		ck_assert_mem_eq(&again, &first, sizeof(first));
	}
	cairn_reader_close(reader);
}
END_TEST

START_TEST(an_empty_tensor_has_no_extremes)
{
	struct cairn_reader *reader;
	struct cairn_tensor_stats stats;

	write_all();
	reader = scene_reader(&scene, "/f", NULL);
	stats = stats_of(reader, "empty");
	ck_assert_uint_eq(stats.count, 0);
	ck_assert(isnan(stats.min) && isnan(stats.max) && isnan(stats.mean));
	ck_assert_double_eq(stats.sum, 0);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(packed_elements_are_numbers)
{
	struct cairn_reader *reader;
	struct cairn_tensor_stats stats;

	write_all();
	reader = scene_reader(&scene, "/f", NULL);
	stats = stats_of(reader, "packed"); /* 0 0.5 1 1.5 2 3 4 6 */
	ck_assert_uint_eq(stats.count, 8);
	ck_assert_uint_eq(stats.zero_count, 1);
	ck_assert_double_eq(stats.max, 6);
	ck_assert_double_eq(stats.mean, 18.0 / 8);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(what_cannot_be_had_is_said)
{
	struct cairn_stats_options small = {.size = 8};
	struct cairn_tensor_stats stats = {.count = 42};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	write_all();
	reader = scene_reader(&scene, "/f", NULL);
	tensor = find(reader, "text");
	ASSERT_FAILS(cairn_tensor_stats(&tensor, NULL, &stats, &test_error), CAIRN_UNSUPPORTED,
		     "'text'");
	tensor = find(reader, "holes");
	ASSERT_FAILS(cairn_tensor_stats(&tensor, NULL, &stats, &test_error), CAIRN_PRECONDITION,
		     "holes");
	ASSERT_FAILS(cairn_tensor_stats(&tensor, &small, &stats, &test_error),
		     CAIRN_INVALID_ARGUMENT, "8 bytes");
	ck_assert_uint_eq(stats.count, 42);
	cairn_reader_close(reader);
}
END_TEST

/* ------------------------------------------------------------------------------------- progress */

struct watcher {
	uint64_t calls;
	uint64_t done;
	uint64_t total;
	uint64_t stop_at; /* call */
};

static int watch(void *context, uint64_t done, uint64_t total)
{
	struct watcher *const watcher = context;

	ck_assert_uint_gt(done, watcher->done);
	watcher->done = done;
	watcher->total = total;
	return ++watcher->calls == watcher->stop_at;
}

START_TEST(progress_ends_at_the_size_and_can_cancel)
{
	struct watcher watcher = {0};
	struct cairn_stats_options options = {
		.size = sizeof(options), .progress = watch, .progress_context = &watcher};
	struct cairn_tensor_stats stats = {.count = 42};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	write_all();
	reader = scene_reader(&scene, "/f", &ways[_i]);
	tensor = find(reader, "whole");
	ASSERT_OK(cairn_tensor_stats(&tensor, &options, &stats, &test_error));
	ck_assert_uint_eq(watcher.done, tensor.size);
	ck_assert_uint_eq(watcher.total, tensor.size);
	watcher = (struct watcher){.stop_at = 1};
	stats.count = 42;
	ASSERT_STATUS(cairn_tensor_stats(&tensor, &options, &stats, &test_error), CAIRN_CANCELLED);
	ck_assert_uint_eq(stats.count, 42);
	cairn_reader_close(reader);
}
END_TEST

/* --------------------------------------------------------------------------------------- damage */

START_TEST(damaged_bytes_are_not_summed_up)
{
	static const uint64_t places[] = {0, 1000000, 2799999};
	struct cairn_stored_slice slice;
	struct cairn_tensor_stats stats;
	struct cairn_tensor tensor;
	struct cairn_reader *reader;

	write_all();
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		struct bytes bytes = scene_content(&scene, "/f");

		reader = scene_reader(&scene, "/f", NULL);
		tensor = find(reader, "whole");
		ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
		cairn_reader_close(reader);
		bytes.data[slice.offset + places[i]] ^= 4;
		scene_add_file(&scene, "/damaged", &bytes);
		reader = scene_reader(&scene, "/damaged", &ways[_i]);
		tensor = find(reader, "whole");
		ASSERT_FAILS(cairn_tensor_stats(&tensor, NULL, &stats, &test_error), CAIRN_CHECKSUM,
			     "'whole'");
		cairn_reader_close(reader);
		bytes_free(&bytes);
	}
}
END_TEST

START_TEST(a_file_that_is_cut_off_is_an_error)
{
	struct cairn_tensor_stats stats;
	struct cairn_tensor tensor;
	struct cairn_reader *reader;

	write_all();
	reader = scene_reader(&scene, "/f", &ways[_i]);
	tensor = find(reader, "whole");
	ASSERT_OK(cairn_tensor_stats(&tensor, NULL, &stats, &test_error));
	ck_assert_int_eq(memory_system_truncate(scene.memory, "/f", 100000), 0);
	ASSERT_STATUS(cairn_tensor_stats(&tensor, NULL, &stats, &test_error), CAIRN_TRUNCATED);
	cairn_reader_close(reader);
}
END_TEST

/* Each call of the seam in turn: an error or the right answer, and nothing is held after it. */
static void sweep(enum memory_call call, int error, const struct cairn_reader_options *options)
{
	struct cairn_reader *reader = scene_reader(&scene, "/f", options);
	const struct cairn_tensor_stats expected = stats_of(reader, "whole");
	struct cairn_tensor_stats stats;
	bool fired = true;

	cairn_reader_close(reader);
	for (uint64_t at = 1; fired; at++) {
		const struct memory_fault fault = {.call = call, .at = at, .error = error};
		struct cairn_tensor tensor;
		struct memory_live before;
		enum cairn_status status;

		reader = scene_reader(&scene, "/f", options);
		tensor = find(reader, "whole");
		before = memory_system_live(scene.memory);
		memory_system_set_fault(scene.memory, 0, &fault);
		status = cairn_tensor_stats(&tensor, NULL, &stats, &test_error);
		fired = memory_system_fault_fired(scene.memory, 0) != 0;
		memory_system_clear_faults(scene.memory);
		if (status == CAIRN_OK)
			ck_assert_mem_eq(&stats, &expected, sizeof(stats));
		else
			ck_assert_int_eq(status,
					 call == MEMORY_CALL_ALLOCATE ? CAIRN_NO_MEMORY : CAIRN_IO);
		ck_assert_uint_eq(memory_system_live(scene.memory).allocations, before.allocations);
		ASSERT_OK(cairn_tensor_stats(&tensor, NULL, &stats, &test_error));
		ck_assert_mem_eq(&stats, &expected, sizeof(stats));
		cairn_reader_close(reader);
	}
}

START_TEST(every_call_may_fail)
{
	write_all();
	for (int resident = 0; resident < 2; resident++) {
		memory_system_settings(scene.memory)->resident = resident;
		sweep(MEMORY_CALL_ALLOCATE, ENOMEM, &ways[_i]);
		sweep(MEMORY_CALL_ANY, EIO, &ways[_i]);
	}
}
END_TEST

static Suite *stats_suite(void)
{
	Suite *suite = suite_create("stats");
	TCase *tests = tcase_create("stats");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, all_ways_to_the_same_numbers_give_the_same_bits, 0,
			    COUNT_OF(ways));
	tcase_add_test(tests, an_empty_tensor_has_no_extremes);
	tcase_add_test(tests, packed_elements_are_numbers);
	tcase_add_test(tests, what_cannot_be_had_is_said);
	tcase_add_loop_test(tests, progress_ends_at_the_size_and_can_cancel, 0, COUNT_OF(ways));
	tcase_add_loop_test(tests, damaged_bytes_are_not_summed_up, 0, 2); /* those that verify */
	tcase_add_loop_test(tests, a_file_that_is_cut_off_is_an_error, 0, COUNT_OF(ways));
	tcase_add_loop_test(tests, every_call_may_fail, 0, COUNT_OF(ways));
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(stats_suite());
}
