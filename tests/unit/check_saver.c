/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Savers: what they refuse, what they write and remove, what comes back.
 */
#include "engine/train/saver.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "engine/train/state.h"
#include "tests/support/suite.h"

#define SECOND INT64_C(1000000000)
#define HOUR   (3600 * SECOND)

static struct memory_system *memory;
static struct system *sys;
static struct cairn_saver *saver;
static char saved[CAIRN_PATH_SIZE];

/* A program of two variables. */
static float w[3][2];
static int64_t b;
static const uint64_t w_dims[2] = {3, 2};
static const struct cairn_variable w_variable = {
	.dtype = CAIRN_F32, .rank = 2, .dims = w_dims, .data = w};
static const struct cairn_variable b_variable = {.dtype = CAIRN_I64, .data = &b};
static struct cairn_saver_variable program[2];

static void set_program(float first, int64_t second)
{
	for (int i = 0; i < 6; i++)
		w[i / 2][i % 2] = first + (float)i;
	b = second;
}

static void setup(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	memory_system_settings(memory)->threads_inline = true;
	memory_system_add_directory(memory, "/d");
	saver = NULL;
	set_program(1, 7);
	program[0] = (struct cairn_saver_variable){.name = cairn_string_from("w"),
						   .variable = &w_variable};
	program[1] = (struct cairn_saver_variable){.name = cairn_string_from("b"),
						   .variable = &b_variable};
}

static void teardown(void)
{
	cairn_saver_destroy(saver);
	ck_assert(memory_system_is_clean(memory));
	memory_system_destroy(memory);
}

static enum cairn_status create(const struct cairn_saver_options *options)
{
	cairn_saver_destroy(saver);
	saver = NULL;
	return saver_create(sys, program, 2, options, &saver, &test_error);
}

static enum cairn_status save_step(const char *path, int64_t step)
{
	const struct cairn_saver_save_options options = {
		.size = sizeof(options), .has_global_step = 1, .global_step = step};

	return cairn_saver_save(saver, path, &options, saved, &test_error);
}

static enum cairn_status restore(const char *path)
{
	return cairn_saver_restore(saver, path, NULL, &test_error);
}

static int exists(const char *prefix)
{
	int result = -1;

	ASSERT_OK(state_exists(sys, prefix, &result, &test_error));
	return result;
}

static const char *state_text(void)
{
	static char text[2000];
	const int64_t size = memory_system_content(memory, "/d/checkpoint", text, sizeof(text) - 1);

	ck_assert_int_ge(size, 0);
	text[size] = '\0';
	return text;
}

static void set_clock(int64_t ns)
{
	memory_system_set_wall_clock(memory, ns);
}

/* --------------------------------------------------------------------------------------- create */

static const uint64_t part_starts[2][2] = {{0, 0}, {2, 0}};
static const uint64_t part_lengths[2][2] = {{2, 2}, {1, 2}};
static const struct cairn_variable parts[2] = {
	{.dtype = CAIRN_F32,
	 .rank = 2,
	 .dims = w_dims,
	 .starts = part_starts[0],
	 .lengths = part_lengths[0],
	 .data = w},
	{.dtype = CAIRN_F32,
	 .rank = 2,
	 .dims = w_dims,
	 .starts = part_starts[1],
	 .lengths = part_lengths[1],
	 .data = w[2]},
};

START_TEST(no_variables_are_refused_unless_allowed)
{
	struct cairn_saver_options options = {.size = sizeof(options)};

	ASSERT_FAILS(saver_create(sys, NULL, 0, &options, &saver, &test_error),
		     CAIRN_INVALID_ARGUMENT, "no variables to save");
	options.allow_empty = 1;
	ASSERT_OK(saver_create(sys, NULL, 0, &options, &saver, &test_error));
	ASSERT_OK(save_step("/d/m", 1));
	ck_assert_str_eq(saved, "");
	ASSERT_OK(restore("/d/nowhere"));
	ck_assert(!memory_system_exists(memory, "/d/checkpoint"));
}
END_TEST

START_TEST(clashing_names_are_refused)
{
	program[1] = program[0];
	ASSERT_FAILS(create(NULL), CAIRN_INVALID_ARGUMENT, "at least two variables");
	program[1].name = cairn_string_from("v");
	ASSERT_FAILS(create(NULL), CAIRN_INVALID_ARGUMENT, "two names, 'v' and 'w'");
	program[1] = program[0];
	program[1].variable = &parts[1];
	ASSERT_FAILS(create(NULL), CAIRN_INVALID_ARGUMENT, "parts and a whole variable");
	program[0].variable = &parts[1];
	ASSERT_FAILS(create(NULL), CAIRN_INVALID_ARGUMENT, "one part is given twice");
}
END_TEST

START_TEST(variables_that_cannot_be_are_refused)
{
	static const uint64_t beyond[2] = {2, 2};
	struct cairn_variable variable = w_variable;

	program[0].variable = &variable;
	program[0].name = (struct cairn_string){"\xff", 1};
	ASSERT_FAILS(create(NULL), CAIRN_INVALID_ARGUMENT, "not UTF-8");
	program[0].name = cairn_string_from("w");
	variable.dtype = (enum cairn_dtype)9999;
	ASSERT_FAILS(create(NULL), CAIRN_INVALID_ARGUMENT, "not the type of a tensor");
	variable = w_variable;
	variable.data = NULL;
	ASSERT_FAILS(create(NULL), CAIRN_INVALID_ARGUMENT, "neither memory nor callbacks");
	variable = w_variable;
	variable.starts = beyond;
	ASSERT_FAILS(create(NULL), CAIRN_INVALID_ARGUMENT, "go together");
	variable.lengths = beyond;
	ASSERT_FAILS(create(NULL), CAIRN_INVALID_ARGUMENT, "'w'");
	program[0].variable = NULL;
	ASSERT_FAILS(create(NULL), CAIRN_INVALID_ARGUMENT, "no variable");
}
END_TEST

START_TEST(a_deferred_saver_is_built_first)
{
	const struct cairn_saver_options options = {.size = sizeof(options), .defer_build = 1};

	ASSERT_FAILS(create(&options), CAIRN_INVALID_ARGUMENT, "deferred");
	ASSERT_OK(saver_create(sys, NULL, 0, &options, &saver, &test_error));
	ASSERT_FAILS(save_step("/d/m", 1), CAIRN_INVALID_ARGUMENT, "cairn_saver_build");
	ASSERT_FAILS(restore("/d/m-1"), CAIRN_INVALID_ARGUMENT, "cairn_saver_build");
	ASSERT_OK(cairn_saver_build(saver, program, 2, &test_error));
	ASSERT_OK(cairn_saver_build(saver, NULL, 0, &test_error));
	ASSERT_OK(save_step("/d/m", 1));
}
END_TEST

START_TEST(unknown_options_are_refused)
{
	struct cairn_saver_options options = {.size = 1};

	ASSERT_FAILS(create(&options), CAIRN_INVALID_ARGUMENT, "unknown saver options");
	options = (struct cairn_saver_options){.format = (enum cairn_saver_format)3};
	ASSERT_FAILS(create(&options), CAIRN_INVALID_ARGUMENT, "unknown saver options");
	options = (struct cairn_saver_options){.max_to_keep = -2};
	ASSERT_FAILS(create(&options), CAIRN_INVALID_ARGUMENT, "-2 checkpoints");
	options = (struct cairn_saver_options){.keep_checkpoint_every_n_hours = (double)NAN};
	ASSERT_FAILS(create(&options), CAIRN_INVALID_ARGUMENT, "no number");
}
END_TEST

/* ---------------------------------------------------------------------------------- round trips */

static const struct {
	enum cairn_saver_format format;
	int sharded;
	const char *file;
} layouts[] = {
	{CAIRN_SAVER_CAIRN, 0, "/d/m-5.cairn"},
	{CAIRN_SAVER_CAIRN, 1, "/d/m-5/index.cairn"},
	{CAIRN_SAVER_TENSORFLOW_V2, 0, "/d/m-5.data-00000-of-00001"},
	{CAIRN_SAVER_TENSORFLOW_V2, 1, "/d/m-5.data-00001-of-00002"},
	{CAIRN_SAVER_TENSORFLOW_V1, 0, "/d/m-5"},
	{CAIRN_SAVER_TENSORFLOW_V1, 1, "/d/m-5-00001-of-00002"},
};

/* What step of layout `number` is restored from. */
static const char *path_of(int number, int step)
{
	static char path[100];
	const bool is_pattern = layouts[number].format == CAIRN_SAVER_TENSORFLOW_V1 &&
				layouts[number].sharded != 0;

	snprintf(path, sizeof(path), "/d/m-%d%s", step, is_pattern ? "-\?\?\?\?\?-of-00002" : "");
	return path;
}

static struct cairn_saver_options layout(int number)
{
	return (struct cairn_saver_options){.size = sizeof(struct cairn_saver_options),
					    .format = layouts[number].format,
					    .sharded = layouts[number].sharded};
}

START_TEST(what_was_saved_comes_back)
{
	const struct cairn_saver_options options = layout(_i);

	program[0].device = "/cpu:1";
	program[1].device = "/cpu:0";
	ASSERT_OK(create(&options));
	ASSERT_OK(save_step("/d/m", 5));
	ck_assert(memory_system_exists(memory, layouts[_i].file));
	ck_assert(exists(saved));
	set_program(100, 100);
	ASSERT_OK(restore(saved));
	ck_assert(w[0][0] == 1 && w[2][1] == 6 && b == 7);
}
END_TEST

START_TEST(each_save_removes_what_fell_off_the_list)
{
	struct cairn_saver_options options = layout(_i);
	char text[400];

	options.max_to_keep = 2;
	program[0].device = "/cpu:1";
	ASSERT_OK(create(&options));
	for (int64_t step = 1; step <= 4; step++)
		ASSERT_OK(save_step("/d/m", step));
	for (int step = 1; step <= 4; step++)
		ck_assert_int_eq(exists(path_of(_i, step)), step > 2);
	snprintf(text, sizeof(text), "model_checkpoint_path: \"%s\"\n", path_of(_i, 4));
	snprintf(text + strlen(text), sizeof(text) - strlen(text),
		 "all_model_checkpoint_paths: \"%s\"\n", path_of(_i, 3));
	snprintf(text + strlen(text), sizeof(text) - strlen(text),
		 "all_model_checkpoint_paths: \"%s\"\n", path_of(_i, 4));
	ck_assert_str_eq(state_text(), text);
	ck_assert_uint_eq(cairn_saver_checkpoint_count(saver), 2);
	ck_assert_str_eq(cairn_saver_checkpoint(saver, 0, NULL), path_of(_i, 3));
	ck_assert_ptr_null(cairn_saver_checkpoint(saver, 2, NULL));
	ck_assert_ptr_null(cairn_saver_note(saver));
}
END_TEST

START_TEST(parts_may_be_cut_otherwise)
{
	const struct cairn_saver_options options = layout(_i);
	float left[3] = {0, 0, 0};
	float right[3] = {0, 0, 0};
	const uint64_t starts[2][2] = {{0, 0}, {0, 1}};
	const uint64_t lengths[2] = {3, 1};
	const struct cairn_variable columns[2] = {{.dtype = CAIRN_F32,
						   .rank = 2,
						   .dims = w_dims,
						   .starts = starts[0],
						   .lengths = lengths,
						   .data = left},
						  {.dtype = CAIRN_F32,
						   .rank = 2,
						   .dims = w_dims,
						   .starts = starts[1],
						   .lengths = lengths,
						   .data = right}};

	program[0] = (struct cairn_saver_variable){cairn_string_from("w"), &parts[0], "a", {0}};
	program[1] = (struct cairn_saver_variable){cairn_string_from("w"), &parts[1], "b", {0}};
	ASSERT_OK(create(&options));
	ASSERT_OK(save_step("/d/m", 5));
	program[0].variable = &columns[0];
	program[1].variable = &columns[1];
	ASSERT_OK(create(&options));
	ASSERT_OK(restore(saved));
	ck_assert(left[0] == 1 && left[1] == 3 && left[2] == 5);
	ck_assert(right[0] == 2 && right[1] == 4 && right[2] == 6);
}
END_TEST

START_TEST(a_missing_folder_is_made_where_tensorflow_makes_it)
{
	const struct cairn_saver_options options = layout(_i);

	ASSERT_OK(create(&options));
	if (layouts[_i].sharded != 0 || layouts[_i].format == CAIRN_SAVER_TENSORFLOW_V1) {
		ASSERT_FAILS(save_step("/d/new/m", 5), CAIRN_INVALID_ARGUMENT,
			     "parent directory of '/d/new/m'");
		return;
	}
	ASSERT_OK(save_step("/d/new/m", 5));
	ck_assert(exists("/d/new/m-5"));
	ASSERT_FAILS(save_step("/d/a/b/m", 5), CAIRN_INVALID_ARGUMENT,
		     "parent directory of '/d/a/b/m'");
	ck_assert(!memory_system_exists(memory, "/d/a"));
}
END_TEST

/* --------------------------------------------------------------------------------------- saving */

START_TEST(names_of_checkpoints)
{
	const struct cairn_saver_options padded = {.size = sizeof(padded), .pad_step_number = 1};

	ASSERT_OK(create(NULL));
	ASSERT_OK(save_step("/d/m", -3));
	ck_assert_str_eq(saved, "/d/m--3");
	ASSERT_OK(cairn_saver_save(saver, "/d/plain", NULL, saved, &test_error));
	ck_assert_str_eq(saved, "/d/plain");
	ASSERT_OK(create(&padded));
	ASSERT_OK(save_step("/d/m", 42));
	ck_assert_str_eq(saved, "/d/m-00000042");
	ASSERT_OK(save_step("/d/m", 123456789));
	ck_assert_str_eq(saved, "/d/m-123456789");
}
END_TEST

START_TEST(without_a_path_the_filename_is_saved_to)
{
	struct cairn_saver_options options = {.size = sizeof(options)};

	ASSERT_OK(create(&options));
	ASSERT_OK(save_step(NULL, 1));
	ck_assert_str_eq(saved, "model-1");
	options.filename = "/d/other";
	ASSERT_OK(create(&options));
	ASSERT_OK(save_step(NULL, 1));
	ck_assert_str_eq(saved, "/d/other-1");
}
END_TEST

START_TEST(a_state_file_is_kept_apart_from_the_checkpoint)
{
	struct cairn_saver_save_options options = {.size = sizeof(options)};

	ASSERT_OK(create(NULL));
	ASSERT_FAILS(cairn_saver_save(saver, "/d/checkpoint", &options, saved, &test_error),
		     CAIRN_INVALID_ARGUMENT, "collides");
	options.latest_filename = "sub/newest";
	ASSERT_FAILS(cairn_saver_save(saver, "/d/m", &options, saved, &test_error),
		     CAIRN_INVALID_ARGUMENT, "sub/newest");
	ck_assert(!exists("/d/m"));
	options.latest_filename = "newest";
	ASSERT_OK(cairn_saver_save(saver, "/d/checkpoint", &options, saved, &test_error));
	ck_assert(memory_system_exists(memory, "/d/newest"));
}
END_TEST

START_TEST(the_graph_is_written_last_and_goes_with_its_checkpoint)
{
	struct cairn_saver_options options = layout(_i);
	struct cairn_saver_save_options graph = {.size = sizeof(graph),
						 .meta_graph = "graph",
						 .meta_graph_size = 5,
						 .has_global_step = 1};
	char text[10];

	options.max_to_keep = 1;
	ASSERT_OK(create(&options));
	ASSERT_OK(cairn_saver_save(saver, "/d/m", &graph, saved, &test_error));
	ck_assert_int_eq(memory_system_content(memory, "/d/m-0.meta", text, sizeof(text)), 5);
	ASSERT_OK(save_step("/d/m", 1));
	ck_assert(!memory_system_exists(memory, "/d/m-0.meta"));
	graph.meta_graph_suffix = "a/b";
	ASSERT_FAILS(cairn_saver_save(saver, "/d/m", &graph, saved, &test_error),
		     CAIRN_INVALID_ARGUMENT, "options");
}
END_TEST

START_TEST(a_checkpoint_that_was_saved_again_stays)
{
	const struct cairn_saver_options options = {.size = sizeof(options), .max_to_keep = 1};

	ASSERT_OK(create(&options));
	ASSERT_OK(save_step("/d/m", 1));
	ASSERT_OK(save_step("/d//m", 1));
	ASSERT_OK(save_step("/d/./m", 1));
	ck_assert(exists("/d/m-1"));
	ASSERT_OK(save_step("/d/m", 2));
	ck_assert(!exists("/d/m-1"));
}
END_TEST

START_TEST(what_cannot_be_removed_is_noted)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_UNLINK, .at = 1, .forever = true, .error = EACCES};
	const struct cairn_saver_options options = {
		.size = sizeof(options), .format = CAIRN_SAVER_TENSORFLOW_V2, .max_to_keep = 1};

	ASSERT_OK(create(&options));
	ASSERT_OK(save_step("/d/m", 1));
	memory_system_set_fault(memory, 0, &fault);
	ASSERT_OK(save_step("/d/m", 2));
	memory_system_clear_faults(memory);
	ck_assert_ptr_nonnull(cairn_saver_note(saver));
	ck_assert_ptr_nonnull(strstr(cairn_saver_note(saver), "'/d/m-1'"));
	ck_assert(exists("/d/m-1") && exists("/d/m-2"));
	ASSERT_OK(save_step("/d/m", 3));
	ck_assert_ptr_null(cairn_saver_note(saver));
	ck_assert(exists("/d/m-1") && !exists("/d/m-2"));
}
END_TEST

START_TEST(a_checkpoint_that_somebody_removed_is_no_error)
{
	const struct cairn_saver_options options = {.size = sizeof(options), .max_to_keep = 1};

	ASSERT_OK(create(&options));
	ASSERT_OK(save_step("/d/m", 1));
	ck_assert_int_eq(system_unlink(sys, SYSTEM_CWD, "/d/m-1.cairn"), 0);
	ASSERT_OK(save_step("/d/m", 2));
	ck_assert_ptr_null(cairn_saver_note(saver));
}
END_TEST

START_TEST(a_damaged_state_file_is_replaced)
{
	memory_system_add_file(memory, "/d/checkpoint", "}{", 2);
	ASSERT_OK(create(NULL));
	ASSERT_OK(save_step("/d/m", 1));
	ck_assert_str_eq(state_text(), "model_checkpoint_path: \"/d/m-1\"\n"
				       "all_model_checkpoint_paths: \"/d/m-1\"\n");
}
END_TEST

START_TEST(a_folder_that_cannot_be_written_is_an_error)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_CREATE, .at = 1, .forever = true, .error = EROFS};

	ASSERT_OK(create(NULL));
	memory_system_set_fault(memory, 0, &fault);
	ASSERT_FAILS(save_step("/d/m", 1), CAIRN_IO, "/d/m-1");
	ck_assert_uint_eq(cairn_saver_checkpoint_count(saver), 0);
}
END_TEST

START_TEST(a_variable_that_can_only_be_restored_is_not_saved)
{
	struct cairn_variable variable = b_variable;

	variable.data = NULL;
	variable.assign = (cairn_assign)(void (*)(void))abort;
	program[1].variable = &variable;
	ASSERT_OK(create(NULL));
	ASSERT_FAILS(save_step("/d/m", 1), CAIRN_INVALID_ARGUMENT, "no value to save");
}
END_TEST

/* ------------------------------------------------------------------------------------ retention */

START_TEST(a_clock_that_jumps_back_keeps_nothing_for_ever)
{
	const struct cairn_saver_options options = {
		.size = sizeof(options), .max_to_keep = 1, .keep_checkpoint_every_n_hours = 1};

	set_clock(100 * HOUR);
	ASSERT_OK(create(&options));
	set_clock(102 * HOUR);
	ASSERT_OK(save_step("/d/m", 1));
	set_clock(HOUR);
	ASSERT_OK(save_step("/d/m", 2));
	ASSERT_OK(save_step("/d/m", 3));
	ck_assert(exists("/d/m-1") && !exists("/d/m-2") && exists("/d/m-3"));
}
END_TEST

START_TEST(a_clock_that_jumps_ahead_keeps_one_for_each_period)
{
	const struct cairn_saver_options options = {
		.size = sizeof(options), .max_to_keep = 1, .keep_checkpoint_every_n_hours = 1};
	double time = 0;

	set_clock(0);
	ASSERT_OK(create(&options));
	for (int64_t step = 1; step <= 4; step++) {
		set_clock(3 * HOUR - step * SECOND);
		ASSERT_OK(save_step("/d/m", step));
	}
	ck_assert_str_eq(cairn_saver_checkpoint(saver, 0, &time), "/d/m-4");
	ck_assert(fabs(time - 10796.0) < 0.01);
	ck_assert(exists("/d/m-1") && exists("/d/m-2") && !exists("/d/m-3") && exists("/d/m-4"));
}
END_TEST

START_TEST(lists_are_checked)
{
	const char *const paths[] = {"/d/m-1", NULL};
	const double times[] = {(double)NAN, 1};

	ASSERT_OK(create(NULL));
	ASSERT_FAILS(cairn_saver_set_last_checkpoints(saver, paths, 2, &test_error),
		     CAIRN_INVALID_ARGUMENT, "checkpoint 1 of 2");
	ASSERT_FAILS(
		cairn_saver_set_last_checkpoints_with_time(saver, paths, times, 1, &test_error),
		CAIRN_INVALID_ARGUMENT, "checkpoint 0 of 1");
	ASSERT_FAILS(cairn_saver_recover_last_checkpoints(saver, NULL, 1, &test_error),
		     CAIRN_INVALID_ARGUMENT, "checkpoint 0 of 1");
	ASSERT_OK(cairn_saver_set_last_checkpoints(saver, paths, 1, &test_error));
	ASSERT_OK(cairn_saver_set_last_checkpoints(saver, NULL, 0, &test_error));
	ck_assert_uint_eq(cairn_saver_checkpoint_count(saver), 0);
}
END_TEST

/* ------------------------------------------------------------------------------------ restoring */

static void assert_untouched(void)
{
	ck_assert(w[0][0] == 100 && w[2][1] == 105 && b == 100);
}

static void save_and_change(void)
{
	ASSERT_OK(create(NULL));
	ASSERT_OK(save_step("/d/m", 1));
	set_program(100, 100);
}

START_TEST(a_missing_variable_leaves_all_untouched)
{
	save_and_change();
	program[0].name = cairn_string_from("x");
	ASSERT_OK(create(NULL));
	ASSERT_FAILS(restore("/d/m-1"), CAIRN_NOT_FOUND, "not in the checkpoint: 'x'");
	assert_untouched();
}
END_TEST

START_TEST(another_dtype_leaves_all_untouched)
{
	struct cairn_variable variable = w_variable;

	save_and_change();
	variable.dtype = CAIRN_I32;
	program[0].variable = &variable;
	ASSERT_OK(create(NULL));
	ASSERT_FAILS(restore("/d/m-1"), CAIRN_MISMATCH, "'w': expected i32, but f32 is stored");
	assert_untouched();
}
END_TEST

START_TEST(another_shape_leaves_all_untouched)
{
	static const uint64_t dims[1] = {6};
	struct cairn_variable variable = w_variable;
	struct cairn_saver_options options = {.size = sizeof(options)};

	save_and_change();
	variable.rank = 1;
	variable.dims = dims;
	program[0].variable = &variable;
	ASSERT_OK(create(&options));
	ASSERT_FAILS(restore("/d/m-1"), CAIRN_MISMATCH, "'w': expected [6], but [3,2] is stored");
	assert_untouched();
	options.reshape = 1;
	ASSERT_OK(create(&options));
	ASSERT_OK(restore("/d/m-1"));
	ck_assert(w[0][0] == 1 && w[2][1] == 6 && b == 7);
}
END_TEST

START_TEST(a_part_that_is_not_stored_leaves_all_untouched)
{
	program[0] = (struct cairn_saver_variable){cairn_string_from("w"), &parts[0], NULL, {0}};
	save_and_change();
	program[0].variable = &parts[1];
	ASSERT_OK(create(NULL));
	ASSERT_FAILS(restore("/d/m-1"), CAIRN_MISMATCH, "not all slices are stored of: 'w'");
	program[0].variable = &w_variable;
	ASSERT_OK(create(NULL));
	ASSERT_FAILS(restore("/d/m-1"), CAIRN_MISMATCH, "not all slices are stored of: 'w'");
	assert_untouched();
	program[0].variable = &parts[0];
	ASSERT_OK(create(NULL));
	ASSERT_OK(restore("/d/m-1"));
	ck_assert(w[0][0] == 1 && w[1][1] == 4 && w[2][0] == 104);
}
END_TEST

START_TEST(paths_that_lead_nowhere_are_refused)
{
	save_and_change();
	ASSERT_FAILS(restore("/d/m-2"), CAIRN_INVALID_ARGUMENT, "not a valid checkpoint");
	ASSERT_FAILS(restore(""), CAIRN_INVALID_ARGUMENT, "not a valid checkpoint");
	ASSERT_FAILS(restore(NULL), CAIRN_INVALID_ARGUMENT, "no save_path");
	ASSERT_FAILS(restore("/d"), CAIRN_NOT_A_CHECKPOINT, "'/d'");
	assert_untouched();
}
END_TEST

/* "/d" may be a prefix and a folder of checkpoints. */
START_TEST(a_prefix_may_have_the_name_of_a_folder)
{
	const struct cairn_saver_options options = {.size = sizeof(options),
						    .format = CAIRN_SAVER_TENSORFLOW_V2};

	ASSERT_OK(create(&options));
	ASSERT_OK(cairn_saver_save(saver, "/d", NULL, saved, &test_error));
	set_program(50, 50);
	ASSERT_OK(save_step("/d/m", 1));
	set_program(100, 100);
	ASSERT_OK(restore("/d"));
	ck_assert(w[0][0] == 1 && w[2][1] == 6 && b == 7);
	ASSERT_OK(restore("/d/m-1"));
	ck_assert(w[0][0] == 50 && b == 50);
}
END_TEST

START_TEST(damage_is_an_error)
{
	save_and_change();
	ck_assert_int_eq(memory_system_corrupt(memory, "/d/m-1.cairn", 4100, 1), 0);
	ASSERT_STATUS(restore("/d/m-1"), CAIRN_CHECKSUM);
}
END_TEST

static struct cairn_tensor taken;

static enum cairn_status take(void *context, const struct cairn_tensor *tensor,
			      struct cairn_error *error)
{
	struct cairn_view view;
	enum cairn_status status = cairn_tensor_view(tensor, &view, error);

	taken = *tensor;
	if (status == CAIRN_OK)
		*(struct cairn_view *)context = view;
	return status;
}

START_TEST(strings_come_through_a_callback)
{
	const struct cairn_string strings[2] = {{"one", 3}, {"", 0}};
	const uint64_t dims[1] = {2};
	struct cairn_view view = {.data = NULL};
	struct cairn_string string;
	struct cairn_variable variable = {.dtype = CAIRN_STRING,
					  .rank = 1,
					  .dims = dims,
					  .data = (void *)(uintptr_t)strings,
					  .context = &view};
	const struct cairn_saver_options options = layout(_i);

	program[0].device = "0";
	program[1] = (struct cairn_saver_variable){cairn_string_from("s"), &variable, "1", {0}};
	ASSERT_OK(create(&options));
	ASSERT_OK(save_step("/d/m", 5));
	ASSERT_FAILS(restore(saved), CAIRN_INVALID_ARGUMENT, "taken by a callback");
	variable.assign = take;
	ASSERT_OK(create(&options));
	ASSERT_OK(restore(saved));
	ck_assert_uint_eq(view.element_count, 2);
	ASSERT_OK(cairn_view_string(&taken, &view, 0, &string, &test_error));
	ck_assert(string.size == 3 && memcmp(string.data, "one", 3) == 0);
	cairn_view_release(&view);
}
END_TEST

static Suite *saver_suite(void)
{
	Suite *suite = suite_create("saver");
	TCase *tests = tcase_create("saver");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, no_variables_are_refused_unless_allowed);
	tcase_add_test(tests, clashing_names_are_refused);
	tcase_add_test(tests, variables_that_cannot_be_are_refused);
	tcase_add_test(tests, a_deferred_saver_is_built_first);
	tcase_add_test(tests, unknown_options_are_refused);
	tcase_add_loop_test(tests, what_was_saved_comes_back, 0, COUNT_OF(layouts));
	tcase_add_loop_test(tests, each_save_removes_what_fell_off_the_list, 0, COUNT_OF(layouts));
	tcase_add_loop_test(tests, parts_may_be_cut_otherwise, 0, COUNT_OF(layouts));
	tcase_add_loop_test(tests, a_missing_folder_is_made_where_tensorflow_makes_it, 0,
			    COUNT_OF(layouts));
	tcase_add_test(tests, names_of_checkpoints);
	tcase_add_test(tests, without_a_path_the_filename_is_saved_to);
	tcase_add_test(tests, a_state_file_is_kept_apart_from_the_checkpoint);
	tcase_add_loop_test(tests, the_graph_is_written_last_and_goes_with_its_checkpoint, 0,
			    COUNT_OF(layouts));
	tcase_add_test(tests, a_checkpoint_that_was_saved_again_stays);
	tcase_add_test(tests, what_cannot_be_removed_is_noted);
	tcase_add_test(tests, a_checkpoint_that_somebody_removed_is_no_error);
	tcase_add_test(tests, a_damaged_state_file_is_replaced);
	tcase_add_test(tests, a_folder_that_cannot_be_written_is_an_error);
	tcase_add_test(tests, a_variable_that_can_only_be_restored_is_not_saved);
	tcase_add_test(tests, a_clock_that_jumps_back_keeps_nothing_for_ever);
	tcase_add_test(tests, a_clock_that_jumps_ahead_keeps_one_for_each_period);
	tcase_add_test(tests, lists_are_checked);
	tcase_add_test(tests, a_missing_variable_leaves_all_untouched);
	tcase_add_test(tests, another_dtype_leaves_all_untouched);
	tcase_add_test(tests, another_shape_leaves_all_untouched);
	tcase_add_test(tests, a_part_that_is_not_stored_leaves_all_untouched);
	tcase_add_test(tests, paths_that_lead_nowhere_are_refused);
	tcase_add_test(tests, a_prefix_may_have_the_name_of_a_folder);
	tcase_add_test(tests, damage_is_an_error);
	tcase_add_loop_test(tests, strings_come_through_a_callback, 0, COUNT_OF(layouts));
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(saver_suite());
}
