/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying with several threads: what is reported, and in which order, is what one thread reports.
 */
#include <cairn/verify.h>

#include <errno.h>

#include "tests/support/build.h"
#include "tests/support/suite.h"

#define CHUNK       ((uint64_t)65536)
#define CHUNKS      150u /* more than are checked at once, and a bit */
#define SIZE        (CHUNKS * CHUNK - 100)
#define DAMAGED_MAX 8u

static struct scene scene;
static uint64_t data_offset; /* of the tensor in the file */

static const uint64_t damaged[] = {0, 1, 63, 64, 100, CHUNKS - 1};

static void set_up(void)
{
	const struct cairn_writer_options options = {.chunk_size = (uint32_t)CHUNK};
	static const uint64_t dims[1] = {SIZE};
	uint8_t *const bytes = malloc(SIZE);
	struct cairn_stored_slice slice;
	struct cairn_tensor tensor;
	struct cairn_writer *writer;
	struct cairn_reader *reader;

	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i / CHUNK + i);
	scene_open(&scene);
	writer = scene_writer(&scene, "/f", &options);
	ASSERT_OK(cairn_writer_add(writer, "a", CAIRN_U8, 1, dims, bytes, &test_error));
	finish_writer(writer);
	free(bytes);
	reader = scene_reader(&scene, "/f", NULL);
	ASSERT_OK(cairn_reader_find(reader, "a", &tensor, &test_error));
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	data_offset = slice.offset;
	cairn_reader_close(reader);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static void damage(void)
{
	for (size_t i = 0; i < COUNT_OF(damaged); i++)
		ck_assert_int_eq(memory_system_corrupt(scene.memory, "/f",
						       data_offset + damaged[i] * CHUNK + 7, 1),
				 0);
}

struct found {
	uint64_t chunks[DAMAGED_MAX];
	size_t count;
	int stop_after;
};

static int on_problem(void *context, const struct cairn_problem *problem)
{
	struct found *const found = context;

	ck_assert_int_eq((int)problem->code, (int)CAIRN_CHECKSUM);
	ck_assert(problem->has_digests);
	ck_assert_uint_eq(problem->offset, data_offset + problem->chunk * CHUNK);
	ck_assert_uint_lt(found->count, DAMAGED_MAX);
	found->chunks[found->count++] = problem->chunk;
	return (int)found->count == found->stop_after;
}

static enum cairn_status verify(struct found *found, struct cairn_verify_report *report)
{
	const struct cairn_verify_options options = {.on_problem = on_problem,
						     .problem_context = found};
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const enum cairn_status status = cairn_reader_verify(reader, &options, report, &test_error);

	cairn_reader_close(reader);
	return status;
}

/* Loop index: processors. */
START_TEST(damage_is_reported_in_order)
{
	struct cairn_verify_report report = {0};
	struct found found = {.count = 0};

	memory_system_settings(scene.memory)->processors = (uint32_t)_i;
	damage();
	ASSERT_OK(verify(&found, &report));
	ck_assert_uint_eq(found.count, COUNT_OF(damaged));
	ck_assert_mem_eq(found.chunks, damaged, sizeof(damaged));
	ck_assert_uint_eq(report.problem_count, COUNT_OF(damaged));
	ck_assert_uint_eq(report.bytes, (CHUNKS - COUNT_OF(damaged)) * CHUNK); /* the last too */
}
END_TEST

START_TEST(a_callback_stops_at_the_problem_that_it_saw)
{
	struct cairn_verify_report report = {0};
	struct found found = {.stop_after = 2};

	memory_system_settings(scene.memory)->processors = (uint32_t)_i;
	damage();
	ASSERT_FAILS(verify(&found, &report), CAIRN_CANCELLED, "after 2 problems");
	ck_assert_uint_eq(found.count, 2);
}
END_TEST

/* Threads and buffers are a matter of speed. */
static void sweep(enum memory_call call, uint64_t step, int error, enum cairn_status expected)
{
	bool fired = true;

	for (uint64_t at = 1; fired; at += step) {
		const struct memory_fault fault = {.call = call, .at = at, .error = error};
		struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
		struct cairn_verify_report report = {0};
		enum cairn_status status;

		memory_system_set_fault(scene.memory, 0, &fault);
		status = cairn_reader_verify(reader, NULL, &report, &test_error);
		fired = memory_system_fault_fired(scene.memory, 0) != 0;
		memory_system_clear_faults(scene.memory);
		ck_assert(status == CAIRN_OK || status == expected);
		if (status == CAIRN_OK)
			ck_assert_uint_eq(report.bytes, SIZE);
		cairn_reader_close(reader);
	}
}

START_TEST(every_call_may_fail)
{
	memory_system_settings(scene.memory)->processors = (uint32_t)_i;
	sweep(MEMORY_CALL_ALLOCATE, 1, ENOMEM, CAIRN_NO_MEMORY);
	sweep(MEMORY_CALL_THREAD_START, 1, EAGAIN, CAIRN_OK);
	sweep(MEMORY_CALL_PREAD, 41, EIO, CAIRN_IO);
}
END_TEST

static Suite *verify_suite(void)
{
	Suite *suite = suite_create("verify");
	TCase *tests = tcase_create("verify");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, damage_is_reported_in_order, 1, 5);
	tcase_add_loop_test(tests, a_callback_stops_at_the_problem_that_it_saw, 1, 5);
	tcase_add_loop_test(tests, every_call_may_fail, 1, 4);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(verify_suite());
}
