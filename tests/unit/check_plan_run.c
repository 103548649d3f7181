/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans for reading: what is delivered is what views say, whatever the destination, the transport
 * and the number of threads; each entry has a result of its own; damage is that of who wants it.
 */
#include <cairn/plan.h>

#include <errno.h>
#include <stdio.h>

#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

#define ROWS    7u
#define COLUMNS 100000u
#define COUNT   (ROWS * COLUMNS) /* 2.7 MiB: several chunks */
#define RANKS   4u

static struct scene scene;
static float *numbers;

static void set_up(void)
{
	struct random random = {5};

	scene_open(&scene);
	numbers = malloc(COUNT * sizeof(*numbers));
	random_fill(&random, numbers, COUNT * sizeof(*numbers));
	memset(numbers + 4 * COLUMNS, 0, COLUMNS * sizeof(*numbers)); /* can be compressed */
}

static void tear_down(void)
{
	free(numbers);
	scene_close(&scene);
}

static const uint64_t grid[2] = {ROWS, COLUMNS};

static void add_rows(struct cairn_writer *writer, const char *name, uint64_t first, uint64_t count)
{
	const uint64_t starts[2] = {first, 0};
	const uint64_t lengths[2] = {count, CAIRN_FULL};
	const struct cairn_tensor_spec spec = {
		.name = cairn_string_from(name),
		.dtype = CAIRN_F32,
		.rank = 2,
		.dims = grid,
		.starts = starts,
		.lengths = lengths,
	};

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, numbers + first * COLUMNS, &test_error));
}

/* One tensor of every kind. */
static void write_all(enum cairn_compression compression)
{
	static const uint64_t none[1] = {0};
	static const uint64_t eight[1] = {8};
	static const uint64_t three[1] = {3};
	static const uint8_t packed[4] = {0x10, 0x32, 0x54, 0x76};
	static const struct cairn_string words[3] = {{"a", 1}, {"", 0}, {"longer", 6}};
	const struct cairn_writer_options options = {.compression = compression};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

	ASSERT_OK(cairn_writer_add(writer, "whole", CAIRN_F32, 2, grid, numbers, &test_error));
	add_rows(writer, "sliced", 0, 2);
	add_rows(writer, "sliced", 2, 5);
	add_rows(writer, "holes", 0, 2);
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from("tied"),
					 cairn_string_from("whole"), &test_error));
	ASSERT_OK(cairn_writer_add(writer, "empty", CAIRN_F32, 1, none, NULL, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "small", CAIRN_F32, 1, eight, numbers, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "packed", CAIRN_F4_E2M1, 1, eight, packed, &test_error));
	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("text"), 1, three, words,
					   &test_error));
	finish_writer(writer);
}

/* ----------------------------------------------------------------------------------------- ways */

/* How a plan is carried out. */
struct way {
	struct cairn_reader_options reader;
	struct cairn_plan_options plan;
	int resident;
	int is_local;
};

static const struct way ways[] = {
	{.resident = 1, .is_local = 1},
	{.resident = 0, .is_local = 1},
	{.resident = -ENOSYS, .is_local = 1},
	{.resident = 1, .is_local = 0},
	{.reader = {.transport = CAIRN_TRANSPORT_COPY}, .resident = 1, .is_local = 1},
	{.reader = {.verification = CAIRN_VERIFY_NEVER}, .resident = 1, .is_local = 1},
	{.reader = {.verification = CAIRN_VERIFY_NEVER}, .resident = 0, .is_local = 1},
	{.reader = {.verification = CAIRN_VERIFY_NEVER, .transport = CAIRN_TRANSPORT_COPY},
	 .resident = 1,
	 .is_local = 1},
	{.plan = {.thread_count = 1}, .resident = 1, .is_local = 1},
	{.plan = {.thread_count = 5}, .resident = 0, .is_local = 1},
	{.plan = {.flags = CAIRN_PLAN_VERIFY_FIRST, .thread_count = 3},
	 .resident = 1,
	 .is_local = 1},
	{.plan = {.flags = CAIRN_PLAN_VERIFY_FIRST | CAIRN_PLAN_PREDICT, .thread_count = 2},
	 .resident = 0,
	 .is_local = 1},
	{.reader = {.transport = CAIRN_TRANSPORT_COPY},
	 .plan = {.flags = CAIRN_PLAN_VERIFY_FIRST},
	 .resident = 1,
	 .is_local = 1},
	{.plan = {.memory_max = 8u << 20, .piece_size_max = 4096}, .resident = 0, .is_local = 1},
	{.plan = {.piece_size_max = 300000}, .resident = 1, .is_local = 1},
	{.plan = {.piece_size_max = 1u << 20}, .resident = 0, .is_local = 1},
};

static struct cairn_reader *open_way(const struct way *way)
{
	struct memory_settings *const settings = memory_system_settings(scene.memory);

	settings->resident = way->resident;
	settings->is_local = way->is_local;
	return scene_reader(&scene, "/f", &way->reader);
}

/* --------------------------------------------------------------------------------------- wishes */

/* Something to ask for. */
struct wish {
	const char *name;
	uint32_t rank;
	uint64_t starts[2];
	uint64_t lengths[2];
};

static const struct wish wishes[] = {
	{"whole", 0, {0}, {0}},
	{"whole", 2, {2, 0}, {3, CAIRN_FULL}},
	{"whole", 2, {0, 17}, {CAIRN_FULL, 30000}},
	{"whole", 2, {6, 99999}, {1, 1}},
	{"tied", 0, {0}, {0}},
	{"sliced", 0, {0}, {0}},
	{"sliced", 2, {1, 0}, {3, CAIRN_FULL}},
	{"sliced", 2, {1, 70000}, {5, 20000}},
	{"sliced", 2, {3, 5}, {1, 99990}},
	{"holes", 2, {0, 0}, {2, CAIRN_FULL}},
	{"empty", 0, {0}, {0}},
	{"whole", 2, {3, 0}, {0, CAIRN_FULL}},
	{"small", 0, {0}, {0}},
	{"packed", 0, {0}, {0}},
	{"text", 0, {0}, {0}},
	{"text", 1, {1}, {2}},
};

#define WISHES COUNT_OF(wishes)

/* What is right: from a reader that nothing was asked of but this. */
struct answer {
	uint8_t *bytes;
	uint64_t size;
};

static struct answer answer_to(const struct wish *wish)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	struct cairn_tensor tensor;
	struct cairn_view view;
	struct answer answer;

	ASSERT_OK(cairn_reader_find(reader, wish->name, &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view_slice(&tensor, wish->rank == 0 ? NULL : wish->starts,
					  wish->rank == 0 ? NULL : wish->lengths, &view,
					  &test_error));
	answer.size = view.size;
	answer.bytes = malloc(view.size + 1);
	memcpy(answer.bytes, view.data, view.size);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	return answer;
}

static struct cairn_plan_entry entry_for(const struct wish *wish)
{
	return (struct cairn_plan_entry){
		.name = cairn_string_from(wish->name),
		.rank = wish->rank,
		.starts = wish->rank == 0 ? NULL : wish->starts,
		.lengths = wish->rank == 0 ? NULL : wish->lengths,
	};
}

static struct cairn_plan *make_plan(struct cairn_reader *reader,
				    const struct cairn_plan_options *options)
{
	struct cairn_plan *plan = NULL;

	ASSERT_OK(cairn_plan_create(reader, options, &plan, &test_error));
	return plan;
}

static struct cairn_plan_result result_of(const struct cairn_plan *plan, uint64_t entry)
{
	struct cairn_plan_result result = {.size = sizeof(result)};

	ASSERT_OK(cairn_plan_result(plan, entry, &result, &test_error));
	return result;
}

/* ----------------------------------------------------------------------------------- everything */

/* Pieces that were handed out: one buffer for each entry, filled from both ends of time. */
struct staging {
	uint8_t *buffers[2 * WISHES];
	uint64_t delivered[2 * WISHES];
	uint64_t size_max;
	int fail_acquire_at; /* 0: never */
	int fail_release_at;
	_Atomic int acquired;
	_Atomic int released;
};

static int acquire(void *context, const struct cairn_plan_piece *piece, void **buffer)
{
	struct staging *const staging = context;
	const int number = ++staging->acquired;

	ck_assert_uint_le(piece->size, staging->size_max);
	ck_assert_ptr_null(piece->buffer);
	*buffer = staging->buffers[piece->entry] + piece->offset;
	return number == staging->fail_acquire_at;
}

static int release(void *context, const struct cairn_plan_piece *piece)
{
	struct staging *const staging = context;
	const int number = ++staging->released;

	ck_assert_ptr_eq(piece->buffer, staging->buffers[piece->entry] + piece->offset);
	if (piece->status == CAIRN_OK)
		__atomic_fetch_add(&staging->delivered[piece->entry], piece->size,
				   __ATOMIC_RELAXED);
	return number == staging->fail_release_at;
}

static struct cairn_plan_options with_staging(const struct cairn_plan_options *options,
					      struct staging *staging)
{
	struct cairn_plan_options copy = *options;

	copy.acquire = acquire;
	copy.release = release;
	copy.callback_context = staging;
	staging->size_max = options->piece_size_max != 0 ? options->piece_size_max : 4u << 20;
	return copy;
}

static void add_wishes(struct cairn_plan *plan, enum cairn_plan_destination destination,
		       const struct answer *answers, struct staging *staging)
{
	struct cairn_plan_entry entries[WISHES];
	const uint64_t before = cairn_plan_entry_count(plan);

	for (size_t i = 0; i < WISHES; i++) {
		entries[i] = entry_for(&wishes[i]);
		entries[i].destination = destination;
		entries[i].tag = 100 + i;
		if (destination == CAIRN_PLAN_BUFFER) {
			entries[i].buffer = staging->buffers[before + i];
			entries[i].buffer_size = answers[i].size;
		}
	}
	ASSERT_OK(cairn_plan_add(plan, entries, WISHES, &test_error));
}

static void make_room(const struct answer *answers, struct staging *staging)
{
	for (size_t i = 0; i < 2 * WISHES; i++) {
		staging->buffers[i] = malloc(answers[i % WISHES].size + 1);
		memset(staging->buffers[i], 0xee, answers[i % WISHES].size + 1);
	}
}

static void assert_views(struct cairn_plan *plan, uint64_t first, const struct answer *answers)
{
	for (size_t i = 0; i < WISHES; i++) {
		struct cairn_view view = {0};

		ASSERT_OK(cairn_plan_take_view(plan, first + i, &view, &test_error));
		ck_assert_uint_eq(view.size, answers[i].size);
		ck_assert_mem_eq(view.data, answers[i].bytes, view.size);
		cairn_view_release(&view);
		ASSERT_STATUS(cairn_plan_take_view(plan, first + i, &view, &test_error),
			      CAIRN_PRECONDITION);
	}
}

/* Each way, then each over what is compressed. */
START_TEST(all_destinations_together_get_what_views_say)
{
	const struct way *const way = &ways[_i % (int)COUNT_OF(ways)];
	const bool is_compressed = _i >= (int)COUNT_OF(ways);
	struct staging staging = {0};
	struct cairn_plan_options options = with_staging(&way->plan, &staging);
	struct answer answers[WISHES];
	struct cairn_reader *reader;
	struct cairn_plan *plan;

	if (is_compressed) /* then views take memory, too */
		options.memory_max *= 4;
	write_all(is_compressed ? CAIRN_COMPRESSION_LZ4_SHUFFLE : CAIRN_COMPRESSION_NONE);
	for (size_t i = 0; i < WISHES; i++)
		answers[i] = answer_to(&wishes[i]);
	make_room(answers, &staging);
	reader = open_way(way);
	plan = make_plan(reader, &options);
	add_wishes(plan, CAIRN_PLAN_BUFFER, answers, &staging);
	add_wishes(plan, CAIRN_PLAN_CALLBACK, answers, &staging);
	add_wishes(plan, CAIRN_PLAN_VIEW, answers, &staging);
	add_wishes(plan, CAIRN_PLAN_PREFETCH, answers, &staging);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	for (uint64_t i = 0; i < 4 * WISHES; i++) {
		const struct cairn_plan_result result = result_of(plan, i);

		ck_assert_int_eq(result.state, CAIRN_PLAN_OK);
		ck_assert_uint_eq(result.tag, 100 + i % WISHES);
		ck_assert_ptr_null(result.error);
	}
	for (size_t i = 0; i < 2 * WISHES; i++) {
		ck_assert_mem_eq(staging.buffers[i], answers[i % WISHES].bytes,
				 answers[i % WISHES].size);
		ck_assert_uint_eq(staging.buffers[i][answers[i % WISHES].size], 0xee);
		if (i >= WISHES)
			ck_assert_uint_eq(staging.delivered[i], answers[i % WISHES].size);
	}
	ck_assert_int_eq(staging.acquired, staging.released);
	assert_views(plan, (uint64_t)2 * WISHES, answers);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	cairn_plan_destroy(plan);
	cairn_reader_close(reader);
	for (size_t i = 0; i < 2 * WISHES; i++)
		free(staging.buffers[i]);
	for (size_t i = 0; i < WISHES; i++)
		free(answers[i].bytes);
}
END_TEST

/* -------------------------------------------------------------------------------------- entries */

static enum cairn_plan_state state_of(const struct cairn_plan_entry *entry)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	struct cairn_plan *const plan = make_plan(reader, NULL);
	enum cairn_plan_state state;

	ASSERT_OK(cairn_plan_add(plan, entry, 1, &test_error));
	state = result_of(plan, 0).state;
	if (state == CAIRN_PLAN_PENDING) {
		const enum cairn_status status = cairn_plan_run(plan, &test_error);

		state = result_of(plan, 0).state;
		ck_assert_int_eq(status == CAIRN_OK, state == CAIRN_PLAN_OK);
	} else {
		ck_assert_int_ne(cairn_plan_run(plan, &test_error), CAIRN_OK);
		ck_assert_ptr_nonnull(result_of(plan, 0).error);
	}
	cairn_plan_destroy(plan);
	cairn_reader_close(reader);
	return state;
}

START_TEST(each_entry_says_what_does_not_fit)
{
	static const uint64_t turned[2] = {COLUMNS, ROWS};
	static const uint64_t starts[2] = {6, 0};
	static const uint64_t two[2] = {2, 1};
	static uint8_t bytes[64];
	struct cairn_plan_entry entry = {.name = cairn_string_from("nothing")};

	write_all(CAIRN_COMPRESSION_NONE);
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_MISSING);
	entry.name = cairn_string_from("holes");
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_MISSING);
	entry = (struct cairn_plan_entry){.name = cairn_string_from("whole"),
					  .flags = CAIRN_PLAN_EXPECT_DTYPE,
					  .dtype = CAIRN_F64};
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_DTYPE_MISMATCH);
	entry.dtype = CAIRN_F32;
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_OK);
	entry.flags = CAIRN_PLAN_EXPECT_SHAPE;
	entry.rank = 1;
	entry.dims = grid;
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_SHAPE_MISMATCH);
	entry.rank = 2;
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_OK);
	entry.dims = turned;
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_SHAPE_MISMATCH);
	entry = (struct cairn_plan_entry){
		.name = cairn_string_from("whole"), .rank = 2, .starts = starts, .lengths = two};
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_SHAPE_MISMATCH);
	entry = (struct cairn_plan_entry){.name = cairn_string_from("small"),
					  .destination = CAIRN_PLAN_BUFFER,
					  .buffer = bytes,
					  .buffer_size = 31};
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_SHAPE_MISMATCH);
	entry.buffer_size = 32;
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_OK);
	ck_assert_mem_eq(bytes, numbers, 32);
	entry.name = cairn_string_from("text");
	entry.rank = 1;
	entry.starts = (const uint64_t[]){0};
	entry.lengths = (const uint64_t[]){1};
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_SHAPE_MISMATCH);
	entry.buffer_size = 9;
	ck_assert_int_eq(state_of(&entry), CAIRN_PLAN_OK);
}
END_TEST

START_TEST(what_cannot_be_meant_adds_nothing)
{
	static const uint64_t one[1] = {1};
	const struct cairn_plan_entry wrong[] = {
		{.name = cairn_string_from("small"), .starts = one, .rank = 1},
		{.name = cairn_string_from("small"), .lengths = one, .rank = 1},
		{.name = cairn_string_from("small"),
		 .destination = CAIRN_PLAN_BUFFER,
		 .buffer_size = 32},
		{.name = cairn_string_from("small"), .destination = CAIRN_PLAN_CALLBACK},
		{.name = cairn_string_from("small"), .destination = (enum cairn_plan_destination)9},
		{.name = cairn_string_from("small"), .flags = CAIRN_PLAN_EXPECT_SHAPE, .rank = 1},
		{.size = 8, .name = cairn_string_from("small")},
	};
	struct cairn_plan_entry entries[2] = {{.name = cairn_string_from("small")}};
	struct cairn_reader *reader;
	struct cairn_plan *plan;

	write_all(CAIRN_COMPRESSION_NONE);
	reader = scene_reader(&scene, "/f", NULL);
	plan = make_plan(reader, NULL);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		entries[1] = wrong[i];
		entries[0].size = 0;
		if (wrong[i].size == 0)
			ASSERT_STATUS(cairn_plan_add(plan, entries, 2, &test_error),
				      CAIRN_INVALID_ARGUMENT);
		ASSERT_STATUS(cairn_plan_add(plan, &wrong[i], 1, &test_error),
			      CAIRN_INVALID_ARGUMENT);
	}
	ck_assert_uint_eq(cairn_plan_entry_count(plan), 0);
	ASSERT_OK(cairn_plan_prepare(plan, &test_error));
	ASSERT_STATUS(cairn_plan_add(plan, entries, 1, &test_error), CAIRN_PRECONDITION);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	cairn_plan_destroy(plan);
	cairn_reader_close(reader);
}
END_TEST

/* --------------------------------------------------------------------------------- read it once */

/* Columns of one tensor for several ranks: every chunk has bytes for each. */
START_TEST(what_several_ranks_want_is_read_once)
{
	const struct way *const way = &ways[_i];
	const uint64_t width = COLUMNS / RANKS;
	uint8_t *const buffer = malloc(COUNT * sizeof(float));
	struct cairn_plan_report report = {.size = sizeof(report)};
	struct cairn_reader *reader;
	struct cairn_plan *plan;
	uint64_t reads;

	write_all(CAIRN_COMPRESSION_NONE);
	reader = open_way(way);
	plan = make_plan(reader, NULL);
	for (uint64_t rank = 0; rank < RANKS; rank++) {
		const uint64_t starts[2] = {0, rank * width};
		const uint64_t lengths[2] = {CAIRN_FULL, width};
		const struct cairn_plan_entry entry = {
			.name = cairn_string_from(rank % 2 == 0 ? "whole" : "tied"),
			.rank = 2,
			.starts = starts,
			.lengths = lengths,
			.destination = CAIRN_PLAN_BUFFER,
			.buffer = buffer + rank * ROWS * width * sizeof(float),
			.buffer_size = ROWS * width * sizeof(float),
			.tag = rank,
		};

		ASSERT_OK(cairn_plan_add(plan, &entry, 1, &test_error));
	}
	ASSERT_OK(cairn_plan_prepare(plan, &test_error));
	memory_system_clear_faults(scene.memory);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	reads = memory_system_calls(scene.memory, MEMORY_CALL_PREAD);
	cairn_plan_report(plan, &report);
	ck_assert_uint_eq(report.bytes, COUNT * sizeof(float));
	ck_assert_uint_eq(report.file_bytes, COUNT * sizeof(float));
	ck_assert_uint_eq(report.entries_failed, 0);
	ck_assert_uint_le(reads, cairn_plan_step_count(plan));
	for (uint64_t rank = 0; rank < RANKS; rank++) {
		for (uint64_t row = 0; row < ROWS; row++)
			ck_assert_mem_eq(buffer + (rank * ROWS + row) * width * sizeof(float),
					 numbers + row * COLUMNS + rank * width,
					 width * sizeof(float));
	}
	cairn_plan_destroy(plan);
	cairn_reader_close(reader);
	free(buffer);
}
END_TEST

START_TEST(neighbours_come_in_together)
{
	enum {
		TENSORS = 200
	};
	static const uint64_t dims[1] = {100};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_plan_entry entries[TENSORS];
	static char names[TENSORS][16];
	struct cairn_reader *reader;
	struct cairn_plan *plan;

	for (int i = 0; i < TENSORS; i++) {
		snprintf(names[i], sizeof(names[i]), "t%03d", i);
		ASSERT_OK(cairn_writer_add(writer, names[i], CAIRN_F32, 1, dims, numbers + i,
					   &test_error));
		entries[TENSORS - 1 - i] = (struct cairn_plan_entry){
			.name = cairn_string_from(names[i])};
	}
	finish_writer(writer);
	memory_system_settings(scene.memory)->resident = 0;
	reader = scene_reader(&scene, "/f", NULL);
	plan = make_plan(reader, NULL);
	ASSERT_OK(cairn_plan_add(plan, entries, TENSORS, &test_error));
	ASSERT_OK(cairn_plan_prepare(plan, &test_error));
	ck_assert_uint_eq(cairn_plan_step_count(plan), 1);
	memory_system_clear_faults(scene.memory);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_PREAD), 0);
	ck_assert_uint_eq(memory_system_calls(scene.memory, MEMORY_CALL_POPULATE), 1);
	cairn_plan_destroy(plan);
	cairn_reader_close(reader);
}
END_TEST

/* ----------------------------------------------------------------------------------- many files */

/* Adds all tensors for one destination. */
static void add_all(struct cairn_plan *plan, const struct cairn_reader *reader,
		    enum cairn_plan_destination destination)
{
	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader); i++) {
		struct cairn_plan_entry entry = {.destination = destination};
		struct cairn_tensor tensor;

		ASSERT_OK(cairn_reader_tensor_at(reader, i, &tensor, &test_error));
		entry.name = tensor.name;
		ASSERT_OK(cairn_plan_add(plan, &entry, 1, &test_error));
	}
}

START_TEST(many_shards_need_few_descriptors)
{
	const struct sharded_sample many = {60, 3};
	struct memory_settings *const settings = memory_system_settings(scene.memory);
	struct cairn_reader *reader;
	struct cairn_plan *plan;

	ASSERT_OK(sharded_write(scene.system, "many", &many, false, &test_error));
	settings->descriptors_max = 16;
	settings->resident = _i;
	reader = scene_reader(&scene, "many", NULL);
	plan = make_plan(reader, NULL);
	add_all(plan, reader, CAIRN_PLAN_PREFETCH);
	add_all(plan, reader, CAIRN_PLAN_VIEW);
	ASSERT_OK(cairn_plan_run(plan, &test_error));
	ck_assert_uint_lt(memory_system_live(scene.memory).descriptors, 16);
	cairn_plan_destroy(plan);
	ASSERT_OK(sharded_compare(reader, &many, 4, &test_error));
	cairn_reader_close(reader);
}
END_TEST

/* --------------------------------------------------------------------------------------- suites */

static Suite *suite(void)
{
	Suite *const suite = suite_create("plan_run");
	TCase *const test_case = tcase_create("plans");

	tcase_add_checked_fixture(test_case, set_up, tear_down);
	tcase_add_loop_test(test_case, all_destinations_together_get_what_views_say, 0,
			    2 * (int)COUNT_OF(ways));
	tcase_add_test(test_case, each_entry_says_what_does_not_fit);
	tcase_add_test(test_case, what_cannot_be_meant_adds_nothing);
	tcase_add_loop_test(test_case, what_several_ranks_want_is_read_once, 0, 8);
	tcase_add_test(test_case, neighbours_come_in_together);
	tcase_add_loop_test(test_case, many_shards_need_few_descriptors, 0, 2);
	suite_add_tcase(suite, test_case);
	return suite;
}

int main(void)
{
	return run_suite(suite());
}
