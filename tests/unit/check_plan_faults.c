/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call of a plan fails: each in turn, once and for ever. Whatever happens, an entry that says
 * OK has the right bytes, every other one says why, nothing is leaked, and the next plan of the
 * same reader succeeds. And all formats there are, through the same plan.
 */
#include <cairn/plan.h>

#include <errno.h>
#include <stdio.h>

#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

#define ELEMENTS 200000u /* 0.8 MiB: four chunks */
#define BYTES    (ELEMENTS * sizeof(float))

static struct scene scene;
static float *numbers;
static uint8_t *whole;
static uint8_t *columns;
static uint8_t text[64];
static struct cairn_reader *reader;
static uint64_t cases;

static const uint64_t grid[2] = {4, ELEMENTS / 4};
static const uint64_t starts[2] = {0, 100};
static const uint64_t lengths[2] = {4, 1000};

#define COLUMN_BYTES (4 * 1000 * sizeof(float))

static void set_up(void)
{
	static const struct cairn_string words[2] = {{"ab", 2}, {"c", 1}};
	static const uint64_t two[1] = {2};
	struct random random = {21};
	struct cairn_writer *writer;

	scene_open(&scene);
	numbers = malloc(BYTES);
	whole = malloc(BYTES);
	columns = malloc(COLUMN_BYTES);
	random_fill(&random, numbers, BYTES);
	writer = scene_writer(&scene, "/f", NULL);
	ASSERT_OK(cairn_writer_add(writer, "big", CAIRN_F32, 2, grid, numbers, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "other", CAIRN_F32, 2, grid, numbers, &test_error));
	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("text"), 1, two, words,
					   &test_error));
	finish_writer(writer);
}

static void tear_down(void)
{
	printf("%u cases\n", (unsigned int)cases);
	free(numbers);
	free(whole);
	free(columns);
	scene_close(&scene);
}

struct way {
	struct cairn_reader_options reader;
	struct cairn_plan_options plan;
	int resident;
};

static const struct way ways[] = {
	{.plan = {.thread_count = 1}, .resident = 1},
	{.plan = {.thread_count = 1, .flags = CAIRN_PLAN_PREDICT}, .resident = 0},
	{.plan = {.thread_count = 1, .flags = CAIRN_PLAN_VERIFY_FIRST},
	 .reader = {.transport = CAIRN_TRANSPORT_COPY},
	 .resident = 1},
	{.plan = {.thread_count = 3}, .resident = 0},
};

/* What is asked for: some of every kind. */
enum {
	WHOLE,
	COLUMNS,
	SEEN,
	TEXT,
	PAGES,
	ASKED
};

static enum cairn_status add_entries(struct cairn_plan *plan, struct cairn_error *error)
{
	const struct cairn_plan_entry entries[ASKED] = {
		[WHOLE] = {.name = cairn_string_from("big"),
			   .destination = CAIRN_PLAN_BUFFER,
			   .buffer = whole,
			   .buffer_size = BYTES},
		[COLUMNS] = {.name = cairn_string_from("big"),
			     .rank = 2,
			     .starts = starts,
			     .lengths = lengths,
			     .destination = CAIRN_PLAN_BUFFER,
			     .buffer = columns,
			     .buffer_size = COLUMN_BYTES},
		[SEEN] = {.name = cairn_string_from("other"), .destination = CAIRN_PLAN_VIEW},
		[TEXT] = {.name = cairn_string_from("text"),
			  .destination = CAIRN_PLAN_BUFFER,
			  .buffer = text,
			  .buffer_size = 19},
		[PAGES] = {.name = cairn_string_from("other")},
	};

	return cairn_plan_add(plan, entries, ASKED, error);
}

static void assert_right(struct cairn_plan *plan, uint64_t entry)
{
	struct cairn_view view = {0};

	if (entry == WHOLE)
		ck_assert_mem_eq(whole, numbers, BYTES);
	for (size_t row = 0; entry == COLUMNS && row < 4; row++)
		ck_assert_mem_eq(columns + row * 4000, numbers + row * grid[1] + 100, 4000);
	if (entry == TEXT)
		ck_assert_mem_eq(text + 16, "abc", 3);
	if (entry == SEEN) {
		ASSERT_OK(cairn_plan_take_view(plan, entry, &view, &test_error));
		ck_assert_mem_eq(view.data, numbers, BYTES);
		cairn_view_release(&view);
	}
}

/* What was OK is right; what was not says why; the plan's own answer agrees. */
static void assert_results(struct cairn_plan *plan, enum cairn_status status)
{
	bool all_ok = true;

	for (uint64_t i = 0; i < cairn_plan_entry_count(plan); i++) {
		struct cairn_plan_result result = {.size = sizeof(result)};

		ASSERT_OK(cairn_plan_result(plan, i, &result, &test_error));
		ck_assert_int_ne(result.state, CAIRN_PLAN_PENDING);
		ck_assert_int_eq(result.state == CAIRN_PLAN_OK, result.status == CAIRN_OK);
		ck_assert_int_ne(result.state, CAIRN_PLAN_CORRUPT);
		ck_assert_int_ne(result.state, CAIRN_PLAN_MISSING);
		all_ok = all_ok && result.state == CAIRN_PLAN_OK;
		if (result.state == CAIRN_PLAN_OK)
			assert_right(plan, i);
	}
	ck_assert_int_eq(all_ok, status == CAIRN_OK);
}

static enum cairn_status run_once(const struct cairn_plan_options *options)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_plan *plan = NULL;
	enum cairn_status status = cairn_plan_create(reader, options, &plan, &error);

	memset(whole, 0, BYTES);
	memset(columns, 0, COLUMN_BYTES);
	if (status != CAIRN_OK)
		return status;
	status = add_entries(plan, &error);
	if (status == CAIRN_OK) {
		status = cairn_plan_run(plan, &error);
		ck_assert_int_eq(status, error.code);
		assert_results(plan, status);
	} else {
		ck_assert_uint_eq(cairn_plan_entry_count(plan), 0);
	}
	cairn_plan_destroy(plan);
	return status;
}

/* True when the fault did happen. */
static bool try_fault(const struct way *way, const struct memory_fault *fault)
{
	enum cairn_status status;
	bool fired;

	memory_system_settings(scene.memory)->resident = way->resident;
	reader = scene_reader(&scene, "/f", &way->reader);
	memory_system_clear_faults(scene.memory);
	memory_system_set_fault(scene.memory, 0, fault);
	status = run_once(&way->plan);
	fired = memory_system_fault_fired(scene.memory, 0) != 0;
	memory_system_clear_faults(scene.memory);
	ck_assert_int_eq(fired || status == CAIRN_OK, 1);
	ck_assert_int_eq(run_once(&way->plan), CAIRN_OK);
	cairn_reader_close(reader);
	cases++;
	return fired;
}

static void try_all(const struct way *way, enum memory_call call, int error)
{
	for (int forever = 0; forever < 2; forever++) {
		struct memory_fault fault = {.call = call, .forever = forever != 0, .error = error};
		bool fired = true;

		while (fired) {
			fault.at++;
			fired = try_fault(way, &fault);
		}
	}
}

START_TEST(every_call_fails)
{
	try_all(&ways[_i], MEMORY_CALL_ANY, EIO);
}
END_TEST

START_TEST(every_allocation_fails)
{
	try_all(&ways[_i], MEMORY_CALL_ALLOCATE, ENOMEM);
}
END_TEST

START_TEST(reads_are_short)
{
	struct memory_fault fault = {.call = MEMORY_CALL_PREAD, .forever = true, .at = 1};

	fault.effect = MEMORY_FAULT_SHORT_HALF;
	try_fault(&ways[_i], &fault);
	fault.effect = MEMORY_FAULT_ZERO;
	memory_system_settings(scene.memory)->resident = ways[_i].resident;
	reader = scene_reader(&scene, "/f", &ways[_i].reader);
	memory_system_clear_faults(scene.memory);
	memory_system_set_fault(scene.memory, 0, &fault);
	run_once(&ways[_i].plan);
	memory_system_clear_faults(scene.memory);
	cairn_reader_close(reader);
}
END_TEST

/* ---------------------------------------------------------------------------------- all formats */

static const char *const checkpoints[] = {
	"model.safetensors.index.json",
	"shapes.safetensors",
	"types.safetensors",
	"v1-aliases.cairn",
	"v1-chunks.cairn",
	"v1-slices.cairn",
	"v1-strings.cairn",
	"v1-types.cairn",
	"tensorflow/shards",
	"tensorflow/slices",
	"tensorflow/strings",
	"tensorflow/types",
	"tensorflow/variants",
	"tensorflow/v1",
	"tensorflow/v1-\?\?\?\?\?-of-00002",
};

struct expected {
	uint8_t *bytes;
	uint64_t size;
};

static int acquire(void *context, const struct cairn_plan_piece *piece, void **buffer)
{
	uint8_t **const staging = context;

	*buffer = staging[piece->tag] + piece->offset;
	return 0;
}

static int release(void *context, const struct cairn_plan_piece *piece)
{
	(void)context;
	(void)piece;
	return 0;
}

/* A tensor in every way; one that has no view, since slices of it are missing, in none. */
static void compare_tensor(const struct cairn_tensor *tensor)
{
	uint8_t *staging[2];
	const struct cairn_plan_options options = {.acquire = acquire,
						   .release = release,
						   .callback_context = staging,
						   .piece_size_max = 4096};
	struct cairn_plan *plan = NULL;
	struct cairn_view view = {0};
	struct cairn_view ours = {0};
	const bool is_there = cairn_tensor_view(tensor, &view, &test_error) == CAIRN_OK;

	ck_assert(is_there || test_error.code == CAIRN_PRECONDITION);
	staging[0] = malloc(tensor->size + 1);
	staging[1] = malloc(tensor->size + 1);
	ASSERT_OK(cairn_plan_create(reader, &options, &plan, &test_error));
	for (int destination = 0; destination < 4; destination++) {
		const struct cairn_plan_entry entry = {
			.name = tensor->name,
			.destination = (enum cairn_plan_destination)destination,
			.buffer = staging[0],
			.buffer_size = tensor->size,
			.tag = 1,
		};

		ASSERT_OK(cairn_plan_add(plan, &entry, 1, &test_error));
	}
	ASSERT_STATUS(cairn_plan_run(plan, &test_error), is_there ? CAIRN_OK : CAIRN_PRECONDITION);
	if (is_there) {
		ck_assert_mem_eq(staging[0], view.data, view.size);
		ck_assert_mem_eq(staging[1], view.data, view.size);
		ASSERT_OK(cairn_plan_take_view(plan, 1, &ours, &test_error));
		ck_assert_uint_eq(ours.size, view.size);
		ck_assert_uint_eq(ours.flags, view.flags);
		ck_assert_mem_eq(ours.data, view.data, view.size);
	}
	cairn_view_release(&view);
	cairn_view_release(&ours);
	cairn_plan_destroy(plan);
	free(staging[0]);
	free(staging[1]);
}

START_TEST(all_formats_go_through_the_same_plan)
{
	static const struct cairn_reader_options all_options[] = {
		{0}, {.transport = CAIRN_TRANSPORT_COPY}, {.verification = CAIRN_VERIFY_NEVER}};
	const char *const folder = getenv("CAIRN_TEST_DATA");
	char path[1024];

	if (folder == NULL)
		return;
	snprintf(path, sizeof(path), "%s/golden/%s", folder, checkpoints[_i % 15]);
	test_error_reset();
	if (cairn_reader_open(path, &all_options[_i / 15], &reader, &test_error) ==
	    CAIRN_UNSUPPORTED)
		return; /* a build without TensorFlow */
	ck_assert_msg(test_error.code == CAIRN_OK, "%s", test_error.message);
	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader); i++) {
		struct cairn_tensor tensor;

		ASSERT_OK(cairn_reader_tensor_at(reader, i, &tensor, &test_error));
		compare_tensor(&tensor);
	}
	cairn_reader_close(reader);
}
END_TEST

static Suite *suite(void)
{
	Suite *const suite = suite_create("plan_faults");
	TCase *const faults = tcase_create("faults");
	TCase *const formats = tcase_create("formats");

	tcase_add_checked_fixture(faults, set_up, tear_down);
	tcase_add_loop_test(faults, every_call_fails, 0, (int)COUNT_OF(ways));
	tcase_add_loop_test(faults, every_allocation_fails, 0, (int)COUNT_OF(ways));
	tcase_add_loop_test(faults, reads_are_short, 0, (int)COUNT_OF(ways));
	suite_add_tcase(suite, faults);
	tcase_add_loop_test(formats, all_formats_go_through_the_same_plan, 0,
			    3 * (int)COUNT_OF(checkpoints));
	suite_add_tcase(suite, formats);
	return suite;
}

int main(void)
{
	return run_suite(suite());
}
