/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans that cannot be carried out in full: damaged and truncated data, cancels at every callback,
 * limits of memory. Whatever happens, an entry that is OK has the right bytes, and what happened to
 * one is no other's business.
 */
#include <cairn/plan.h>

#include <stdatomic.h>
#include <stdio.h>

#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

#define TENSORS  6u
#define ELEMENTS 300000u /* 1.1 MiB: five chunks */
#define BYTES    (ELEMENTS * sizeof(float))
#define CHUNK    ((uint64_t)256 << 10)

static struct scene scene;
static float *numbers;
static uint8_t *buffers[TENSORS];
static char names[TENSORS][8];
static struct cairn_reader *reader;
static struct cairn_plan *plan;

/* Where the most memory that was ever held is that of the plan. */
static void move_to_a_new_system(void)
{
	struct bytes file = scene_content(&scene, "/f");

	scene_close(&scene);
	scene_open(&scene);
	scene_add_file(&scene, "/f", &file);
	bytes_free(&file);
}

static void set_up(void)
{
	static const uint64_t dims[1] = {ELEMENTS};
	struct random random = {9};
	struct cairn_writer *writer;

	scene_open(&scene);
	numbers = malloc(TENSORS * BYTES);
	random_fill(&random, numbers, TENSORS * BYTES);
	writer = scene_writer(&scene, "/f", NULL);
	for (uint32_t i = 0; i < TENSORS; i++) {
		snprintf(names[i], sizeof(names[i]), "t%u", i);
		buffers[i] = malloc(BYTES);
		memset(buffers[i], 0xee, BYTES);
		ASSERT_OK(cairn_writer_add(writer, names[i], CAIRN_F32, 1, dims,
					   numbers + (size_t)i * ELEMENTS, &test_error));
	}
	finish_writer(writer);
	move_to_a_new_system();
}

static void tear_down(void)
{
	cairn_plan_destroy(plan);
	cairn_reader_close(reader);
	plan = NULL;
	reader = NULL;
	for (uint32_t i = 0; i < TENSORS; i++)
		free(buffers[i]);
	free(numbers);
	scene_close(&scene);
}

static const uint8_t *bytes_of(uint32_t tensor)
{
	return (const uint8_t *)(numbers + (size_t)tensor * ELEMENTS);
}

static void open_plan(const struct cairn_reader_options *reading,
		      const struct cairn_plan_options *options)
{
	reader = scene_reader(&scene, "/f", reading);
	ASSERT_OK(cairn_plan_create(reader, options, &plan, &test_error));
}

static struct cairn_plan_entry entry_of(uint32_t tensor, enum cairn_plan_destination destination)
{
	return (struct cairn_plan_entry){
		.name = cairn_string_from(names[tensor]),
		.destination = destination,
		.buffer = buffers[tensor],
		.buffer_size = BYTES,
	};
}

static void add_all(enum cairn_plan_destination destination)
{
	for (uint32_t i = 0; i < TENSORS; i++) {
		const struct cairn_plan_entry entry = entry_of(i, destination);

		ASSERT_OK(cairn_plan_add(plan, &entry, 1, &test_error));
	}
}

static struct cairn_plan_result result_of(uint64_t entry)
{
	struct cairn_plan_result result = {.size = sizeof(result)};

	ASSERT_OK(cairn_plan_result(plan, entry, &result, &test_error));
	return result;
}

static uint64_t offset_of(uint32_t number)
{
	struct cairn_reader *const other = scene_reader(&scene, "/f", NULL);
	struct cairn_stored_slice slice;
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_reader_find(other, names[number], &tensor, &test_error));
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	cairn_reader_close(other);
	return slice.offset;
}

/* --------------------------------------------------------------------------------------- damage */

struct way {
	struct cairn_reader_options reader;
	int resident;
};

static const struct way ways[] = {
	{.resident = 1},
	{.resident = 0},
	{.reader = {.transport = CAIRN_TRANSPORT_COPY}, .resident = 1},
};

static void open_way(const struct way *way, const struct cairn_plan_options *options)
{
	memory_system_settings(scene.memory)->resident = way->resident;
	open_plan(&way->reader, options);
}

START_TEST(damage_is_that_of_one_tensor)
{
	static const enum cairn_plan_destination all[] = {CAIRN_PLAN_PREFETCH, CAIRN_PLAN_VIEW,
							  CAIRN_PLAN_BUFFER};
	const enum cairn_plan_destination destination = all[_i % 3];

	memory_system_corrupt(scene.memory, "/f", offset_of(2) + 2 * CHUNK + 5, 1);
	open_way(&ways[_i / 3], NULL);
	add_all(destination);
	ASSERT_FAILS(cairn_plan_run(plan, &test_error), CAIRN_CHECKSUM,
		     "'/f': tensor 't2': chunk 2");
	for (uint32_t i = 0; i < TENSORS; i++) {
		ck_assert_int_eq(result_of(i).state, i == 2 ? CAIRN_PLAN_CORRUPT : CAIRN_PLAN_OK);
		if (i != 2 && destination == CAIRN_PLAN_BUFFER)
			ck_assert_mem_eq(buffers[i], bytes_of(i), BYTES);
	}
	ck_assert_int_eq(result_of(2).status, CAIRN_CHECKSUM);
	ck_assert_uint_eq(result_of(2).error->offset, offset_of(2) + 2 * CHUNK);
}
END_TEST

START_TEST(only_who_wants_the_damaged_chunk_fails)
{
	static const uint64_t per_chunk = CHUNK / sizeof(float);

	memory_system_corrupt(scene.memory, "/f", offset_of(1) + 2 * CHUNK + 5, 1);
	open_way(&ways[_i], NULL);
	for (uint64_t i = 0; i < 4; i++) {
		const uint64_t starts[1] = {i * per_chunk + 7};
		const uint64_t lengths[1] = {per_chunk - 7};
		struct cairn_plan_entry entry = entry_of(1, CAIRN_PLAN_BUFFER);

		entry.rank = 1;
		entry.starts = starts;
		entry.lengths = lengths;
		entry.buffer = buffers[i];
		entry.buffer_size = lengths[0] * sizeof(float);
		ASSERT_OK(cairn_plan_add(plan, &entry, 1, &test_error));
	}
	ASSERT_STATUS(cairn_plan_run(plan, &test_error), CAIRN_CHECKSUM);
	for (uint64_t i = 0; i < 4; i++) {
		ck_assert_int_eq(result_of(i).state, i == 2 ? CAIRN_PLAN_CORRUPT : CAIRN_PLAN_OK);
		if (i != 2)
			ck_assert_mem_eq(buffers[i], bytes_of(1) + i * CHUNK + 28, CHUNK - 28);
	}
}
END_TEST

START_TEST(what_is_verified_first_is_not_touched_when_it_is_damaged)
{
	static const struct cairn_plan_options options = {.flags = CAIRN_PLAN_VERIFY_FIRST,
							  .thread_count = 3};

	memory_system_corrupt(scene.memory, "/f", offset_of(4) + BYTES - 1, 0x80);
	open_way(&ways[_i], &options);
	add_all(CAIRN_PLAN_BUFFER);
	ASSERT_STATUS(cairn_plan_run(plan, &test_error), CAIRN_CHECKSUM);
	for (uint32_t i = 0; i < TENSORS; i++) {
		if (i != 4)
			ck_assert_mem_eq(buffers[i], bytes_of(i), BYTES);
	}
	memset(buffers[0], 0xee, BYTES);
	ck_assert_mem_eq(buffers[4], buffers[0], BYTES);
}
END_TEST

START_TEST(a_file_that_was_cut_off_is_truncated)
{
	uint64_t offsets[TENSORS];

	for (uint32_t i = 0; i < TENSORS; i++)
		offsets[i] = offset_of(i);
	open_way(&ways[_i], NULL);
	add_all(CAIRN_PLAN_BUFFER);
	ASSERT_OK(cairn_plan_prepare(plan, &test_error));
	memory_system_truncate(scene.memory, "/f", offsets[4] + 5000);
	ASSERT_STATUS(cairn_plan_run(plan, &test_error), CAIRN_TRUNCATED);
	for (uint32_t i = 0; i < TENSORS; i++) {
		const enum cairn_plan_state state = result_of(i).state;

		ck_assert_int_eq(state,
				 offsets[i] < offsets[4] ? CAIRN_PLAN_OK : CAIRN_PLAN_TRUNCATED);
		if (state == CAIRN_PLAN_OK)
			ck_assert_mem_eq(buffers[i], bytes_of(i), BYTES);
	}
}
END_TEST

/* --------------------------------------------------------------------------------------- cancel */

/* A count of calls back, one of which cancels. */
struct caller {
	_Atomic uint64_t calls;
	uint64_t cancel_at; /* 0: never */
	_Atomic uint64_t held;
	uint64_t size_max;
};

static int note_call(struct caller *caller)
{
	return ++caller->calls == caller->cancel_at;
}

static int on_progress(void *context, uint64_t done, uint64_t total)
{
	ck_assert_uint_le(done, total);
	return note_call(context);
}

static int acquire(void *context, const struct cairn_plan_piece *piece, void **buffer)
{
	const int result = note_call(context);

	*buffer = buffers[piece->entry] + piece->offset;
	if (result == 0)
		((struct caller *)context)->held++;
	return result;
}

static int release(void *context, const struct cairn_plan_piece *piece)
{
	(void)piece;
	((struct caller *)context)->held--;
	return note_call(context);
}

static void assert_each_is_right_or_not_ok(void)
{
	for (uint32_t i = 0; i < TENSORS; i++) {
		const struct cairn_plan_result result = result_of(i);

		if (result.state == CAIRN_PLAN_OK)
			ck_assert_mem_eq(buffers[i], bytes_of(i), BYTES);
		else
			ck_assert_int_eq(result.state, CAIRN_PLAN_CANCELLED);
	}
}

START_TEST(every_call_back_may_cancel)
{
	const enum cairn_plan_destination destination = _i % 2 == 0 ? CAIRN_PLAN_BUFFER
								    : CAIRN_PLAN_CALLBACK;
	uint64_t cancel_at = 0;
	bool again = true;

	while (again) {
		struct caller caller = {.cancel_at = ++cancel_at};
		const struct cairn_plan_options options = {
			.thread_count = (uint32_t)(_i / 2) + 1,
			.flags = _i >= 4 ? CAIRN_PLAN_VERIFY_FIRST : 0,
			.piece_size_max = 512 << 10,
			.progress = on_progress,
			.progress_context = &caller,
			.acquire = acquire,
			.release = release,
			.callback_context = &caller,
		};
		enum cairn_status status;

		open_way(&ways[_i % 3], &options);
		add_all(destination);
		status = cairn_plan_run(plan, &test_error);
		ck_assert_uint_eq(caller.held, 0);
		again = caller.calls >= cancel_at;
		/* the last call comes when all is done: then nothing is left to cancel */
		ck_assert(status == CAIRN_CANCELLED || status == CAIRN_OK);
		ck_assert(again || status == CAIRN_OK);
		assert_each_is_right_or_not_ok();
		cairn_plan_destroy(plan);
		cairn_reader_close(reader);
		plan = NULL;
		reader = NULL;
	}
	ck_assert_uint_gt(cancel_at, 3);
}
END_TEST

START_TEST(a_plan_that_is_cancelled_before_it_runs_does_nothing)
{
	open_plan(NULL, NULL);
	add_all(CAIRN_PLAN_BUFFER);
	cairn_plan_cancel(plan);
	ASSERT_STATUS(cairn_plan_run(plan, &test_error), CAIRN_CANCELLED);
	ASSERT_STATUS(cairn_plan_run(plan, &test_error), CAIRN_CANCELLED);
	ck_assert_uint_eq(buffers[0][0], 0xee);
	ck_assert_int_eq(result_of(5).state, CAIRN_PLAN_CANCELLED);
}
END_TEST

START_TEST(a_plan_may_run_in_the_background)
{
	struct cairn_plan_progress progress = {.size = sizeof(progress)};

	open_way(&ways[_i], NULL);
	cairn_plan_poll(plan, &progress);
	ck_assert_uint_eq(progress.is_prepared, 0);
	add_all(CAIRN_PLAN_BUFFER);
	ASSERT_OK(cairn_plan_start(plan, &test_error));
	do {
		cairn_plan_poll(plan, &progress);
		ck_assert_uint_le(progress.done, progress.total);
	} while (progress.is_finished == 0);
	ck_assert_uint_ge(progress.total, TENSORS * BYTES);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	for (uint32_t i = 0; i < TENSORS; i++)
		ck_assert_mem_eq(buffers[i], bytes_of(i), BYTES);
}
END_TEST

START_TEST(a_plan_may_be_destroyed_at_any_time)
{
	open_way(&ways[_i], NULL);
	add_all(CAIRN_PLAN_BUFFER);
	ASSERT_OK(cairn_plan_start(plan, &test_error));
	cairn_plan_destroy(plan);
	ASSERT_OK(cairn_plan_create(reader, NULL, &plan, &test_error));
	add_all(CAIRN_PLAN_VIEW);
	cairn_plan_destroy(plan);
	ASSERT_OK(cairn_plan_create(reader, NULL, &plan, &test_error));
	add_all(CAIRN_PLAN_VIEW);
	ASSERT_OK(cairn_plan_run(plan, &test_error)); /* views that nobody takes */
}
END_TEST

/* --------------------------------------------------------------------------------------- memory */

static uint64_t allocated(void)
{
	return memory_system_live(scene.memory).allocated_bytes;
}

START_TEST(a_plan_keeps_to_its_memory)
{
	enum {
		BOOKS = 128 << 10
	}; /* entries, wants, parts and steps */
	static const uint64_t caps[] = {600 << 10, 1 << 20, 3 << 20, 7 << 20};
	const struct cairn_plan_options options = {
		.thread_count = 4,
		.memory_max = caps[_i % 4],
	};
	struct cairn_plan_report report = {.size = sizeof(report)};
	uint64_t before;

	open_way(&ways[1 + _i / 4], &options);
	for (uint32_t i = 0; i < TENSORS; i++) {
		const uint64_t starts[1] = {13};
		const uint64_t lengths[1] = {ELEMENTS - 100};
		struct cairn_plan_entry entry = entry_of(i, CAIRN_PLAN_BUFFER);

		entry.rank = 1;
		entry.starts = starts;
		entry.lengths = lengths;
		entry.buffer_size = lengths[0] * sizeof(float);
		ASSERT_OK(cairn_plan_add(plan, &entry, 1, &test_error));
	}
	before = allocated();
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	cairn_plan_report(plan, &report);
	ck_assert_uint_le(report.private_bytes, caps[_i % 4]);
	ck_assert_uint_le(memory_system_live(scene.memory).allocated_bytes_peak - before,
			  caps[_i % 4] + BOOKS);
	for (uint32_t i = 0; i < TENSORS; i++)
		ck_assert_mem_eq(buffers[i], bytes_of(i) + 52, BYTES - 400);
}
END_TEST

START_TEST(views_that_are_materialised_count)
{
	struct cairn_plan_options options = {.thread_count = 1};

	options.memory_max = TENSORS * BYTES + (64 << 10);
	open_way(&ways[2], &options);
	add_all(CAIRN_PLAN_VIEW);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	cairn_plan_destroy(plan);
	options.memory_max = TENSORS * BYTES - 1;
	ASSERT_OK(cairn_plan_create(reader, &options, &plan, &test_error));
	add_all(CAIRN_PLAN_VIEW);
	ASSERT_FAILS(cairn_plan_run(plan, &test_error), CAIRN_LIMIT, "more than its limit of");
	ck_assert_int_eq(result_of(0).state, CAIRN_PLAN_FAILED);
	ck_assert_int_eq(result_of(0).status, CAIRN_LIMIT);
	ASSERT_STATUS(cairn_plan_start(plan, &test_error), CAIRN_LIMIT);
}
END_TEST

START_TEST(a_prefetch_keeps_within_memory_and_a_restore_goes_on)
{
	struct cairn_plan_report report = {.size = sizeof(report)};
	uint64_t skipped = 0;

	memory_system_settings(scene.memory)->available = 3 * BYTES;
	open_way(&ways[1], NULL);
	add_all(CAIRN_PLAN_PREFETCH);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	cairn_plan_report(plan, &report);
	ck_assert_uint_eq(report.memory_available, 3 * BYTES);
	ck_assert_uint_ge(report.skipped_bytes, 3 * BYTES);
	ck_assert_uint_le(report.file_bytes - report.skipped_bytes, 3 * BYTES);
	for (uint32_t i = 0; i < TENSORS; i++)
		skipped += result_of(i).state == CAIRN_PLAN_SKIPPED;
	ck_assert_uint_ge(skipped, 3);
	ck_assert_uint_lt(skipped, TENSORS);
	cairn_plan_destroy(plan);
	ASSERT_OK(cairn_plan_create(reader, NULL, &plan, &test_error));
	add_all(CAIRN_PLAN_BUFFER);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	for (uint32_t i = 0; i < TENSORS; i++)
		ck_assert_mem_eq(buffers[i], bytes_of(i), BYTES);
}
END_TEST

/* ------------------------------------------------------------------------------------ residency */

START_TEST(residency_that_the_kernel_hides_is_unknown_and_read)
{
	struct memory_settings *const settings = memory_system_settings(scene.memory);
	struct cairn_plan_report report = {.size = sizeof(report)};
	struct cairn_plan_step step;

	settings->tells_residency = 0;
	settings->user = 4711; /* not the owner */
	open_plan(NULL, NULL);
	add_all(CAIRN_PLAN_PREFETCH);
	ASSERT_OK(cairn_plan_prepare(plan, &test_error));
	cairn_plan_report(plan, &report);
	ck_assert_uint_eq(report.resident_bytes, 0);
	ck_assert_uint_eq(report.unknown_bytes, report.file_bytes);
	ck_assert_uint_eq(report.read_bytes, report.file_bytes);
	ASSERT_OK(cairn_plan_step(plan, 0, &step, &test_error));
	ck_assert_int_eq(step.residency, CAIRN_PLAN_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(step.reason, "does not tell"));
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	cairn_plan_destroy(plan);
	settings->resident = 0; /* "absent" is always the truth */
	ASSERT_OK(cairn_plan_create(reader, NULL, &plan, &test_error));
	add_all(CAIRN_PLAN_PREFETCH);
	ASSERT_OK(cairn_plan_prepare(plan, &test_error));
	cairn_plan_report(plan, &report);
	ck_assert_uint_eq(report.absent_bytes, report.file_bytes);
}
END_TEST

START_TEST(the_report_says_what_was_expected_and_what_was_achieved)
{
	static const struct cairn_plan_options options = {.flags = CAIRN_PLAN_PREDICT};
	struct cairn_plan_report report = {.size = sizeof(report)};

	open_way(&ways[_i], &options);
	add_all(CAIRN_PLAN_BUFFER);
	cairn_plan_report(plan, &report);
	ck_assert_uint_eq(report.entries, TENSORS);
	ck_assert_uint_eq(report.file_bytes, 0);
	ck_assert_uint_eq(cairn_plan_step_count(plan), 0);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	cairn_plan_report(plan, &report);
	ck_assert_uint_eq(report.bytes, TENSORS * BYTES);
	ck_assert_uint_ge(report.file_bytes, TENSORS * BYTES);
	ck_assert_uint_eq(report.resident_bytes + report.absent_bytes + report.unknown_bytes,
			  report.file_bytes);
	ck_assert_uint_eq(report.mapped_bytes + report.read_bytes + report.decoded_bytes,
			  report.file_bytes);
	ck_assert_uint_gt(report.predicted_rate, 0);
	ck_assert_uint_eq(report.verified, 1);
	ck_assert_uint_eq(report.steps, cairn_plan_step_count(plan));
}
END_TEST

static Suite *suite(void)
{
	Suite *const suite = suite_create("plan_damage");
	TCase *const test_case = tcase_create("plans");

	tcase_add_checked_fixture(test_case, set_up, tear_down);
	tcase_add_loop_test(test_case, damage_is_that_of_one_tensor, 0, 9);
	tcase_add_loop_test(test_case, only_who_wants_the_damaged_chunk_fails, 0, 3);
	tcase_add_loop_test(test_case, what_is_verified_first_is_not_touched_when_it_is_damaged, 0,
			    3);
	tcase_add_loop_test(test_case, a_file_that_was_cut_off_is_truncated, 0, 3);
	tcase_add_loop_test(test_case, every_call_back_may_cancel, 0, 6);
	tcase_add_test(test_case, a_plan_that_is_cancelled_before_it_runs_does_nothing);
	tcase_add_loop_test(test_case, a_plan_may_run_in_the_background, 0, 3);
	tcase_add_loop_test(test_case, a_plan_may_be_destroyed_at_any_time, 0, 3);
	tcase_add_loop_test(test_case, a_plan_keeps_to_its_memory, 0, 8);
	tcase_add_test(test_case, views_that_are_materialised_count);
	tcase_add_test(test_case, a_prefetch_keeps_within_memory_and_a_restore_goes_on);
	tcase_add_test(test_case, residency_that_the_kernel_hides_is_unknown_and_read);
	tcase_add_loop_test(test_case, the_report_says_what_was_expected_and_what_was_achieved, 0,
			    3);
	suite_add_tcase(suite, test_case);
	return suite;
}

int main(void)
{
	return run_suite(suite());
}
