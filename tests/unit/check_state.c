/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State files: what is read from them, what is written, which checkpoints are there.
 */
#include "engine/train/state.h"

#include <errno.h>
#include <stdio.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "tests/support/sample_model.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

#define MODEL "model_checkpoint_path: "
#define PATHS "all_model_checkpoint_paths: "
#define TIMES "all_model_checkpoint_timestamps: "
#define LAST  "last_preserved_timestamp: "
#define MARKS "-\?\?\?\?\?-of-"

static struct memory_system *memory;
static struct system *sys;
static struct cairn_state *state;

static void setup(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	memory_system_settings(memory)->threads_inline = true;
	memory_system_add_directory(memory, "/d");
	state = NULL;
}

static void teardown(void)
{
	cairn_state_free(state);
	ck_assert(memory_system_is_clean(memory));
	memory_system_destroy(memory);
}

static void add(const char *path)
{
	ck_assert_int_eq(memory_system_add_file(memory, path, "x", 1), 0);
}

static void add_text(const char *path, const char *text)
{
	ck_assert_int_eq(memory_system_add_file(memory, path, text, strlen(text)), 0);
}

static const char *content(const char *path)
{
	static char text[2000];
	const int64_t size = memory_system_content(memory, path, text, sizeof(text) - 1);

	ck_assert_int_ge(size, 0);
	text[size] = '\0';
	return text;
}

static int exists(const char *prefix)
{
	int result = -1;

	ASSERT_OK(state_exists(sys, prefix, &result, &test_error));
	return result;
}

/* ------------------------------------------------------------------------------------------ get */

START_TEST(get_puts_the_folder_in_front_of_relative_paths)
{
	add_text("/d/checkpoint", MODEL "\"ckpt-2\"\n" PATHS "\"../a\"\n" PATHS "\"/abs/b\"\n" PATHS
					"\"\"\n" TIMES "1.5\n" LAST "2.5\n");
	ASSERT_OK(state_get(sys, "d", NULL, &state, &test_error));
	ck_assert_str_eq(state->model_checkpoint_path, "d/ckpt-2");
	ck_assert_uint_eq(state->path_count, 3);
	ck_assert_str_eq(state->all_model_checkpoint_paths[0], "d/../a");
	ck_assert_str_eq(state->all_model_checkpoint_paths[1], "/abs/b");
	ck_assert_str_eq(state->all_model_checkpoint_paths[2], "d/");
	ck_assert_uint_eq(state->timestamp_count, 1);
	ck_assert(state->all_model_checkpoint_timestamps[0] == 1.5);
	ck_assert(state->last_preserved_timestamp == 2.5);
}
END_TEST

START_TEST(get_joins_as_python_does)
{
	static const struct {
		const char *folder;
		const char *path;
	} cases[] = {{"", "m"},     {".", "./m"},     {"/", "/m"},    {"/d", "/d/m"},
		     {"d/", "d/m"}, {"./d", "./d/m"}, {"d//", "d//m"}};

	add_text("/checkpoint", MODEL "\"m\"");
	add_text("/d/checkpoint", MODEL "\"m\"");
	ASSERT_OK(state_get(sys, cases[_i].folder, NULL, &state, &test_error));
	ck_assert_str_eq(state->model_checkpoint_path, cases[_i].path);
}
END_TEST

START_TEST(get_takes_another_name)
{
	add_text("/d/other", MODEL "\"m\"");
	ASSERT_OK(state_get(sys, "d", "other", &state, &test_error));
	ck_assert_str_eq(state->model_checkpoint_path, "d/m");
}
END_TEST

START_TEST(get_tells_missing_damaged_and_empty_apart)
{
	ASSERT_FAILS(state_get(sys, "d", NULL, &state, &test_error), CAIRN_NOT_FOUND,
		     "'d/checkpoint'");
	ASSERT_FAILS(state_get(sys, "no", NULL, &state, &test_error), CAIRN_NOT_FOUND,
		     "'no/checkpoint'");
	add_text("/d/checkpoint", "garbage");
	ASSERT_FAILS(state_get(sys, "d", NULL, &state, &test_error), CAIRN_CORRUPT,
		     "'d/checkpoint': line 1: no field");
	add_text("/d/checkpoint", "");
	ASSERT_FAILS(state_get(sys, "d", NULL, &state, &test_error), CAIRN_INVALID_ARGUMENT,
		     "names no model_checkpoint_path");
	add_text("/d/checkpoint", PATHS "\"a\"");
	ASSERT_FAILS(state_get(sys, "d", NULL, &state, &test_error), CAIRN_INVALID_ARGUMENT,
		     "names no model_checkpoint_path");
	memory_system_add_directory(memory, "/e");
	memory_system_add_directory(memory, "/e/checkpoint");
	ASSERT_FAILS(state_get(sys, "e", NULL, &state, &test_error), CAIRN_NOT_A_CHECKPOINT,
		     "'e/checkpoint'");
	ck_assert_ptr_null(state);
}
END_TEST

START_TEST(get_refuses_a_file_over_the_limit_without_reading_it)
{
	add_text("/d/checkpoint", MODEL "\"m\"");
	memory_system_truncate(memory, "/d/checkpoint", (4 << 20) + 1);
	ASSERT_FAILS(state_get(sys, "d", NULL, &state, &test_error), CAIRN_LIMIT,
		     "4194305 bytes, more than 4194304");
	ck_assert_uint_lt(memory_system_live(memory).allocated_bytes_peak, 1 << 20);
}
END_TEST

START_TEST(names_with_a_folder_are_refused)
{
	static const char *const names[] = {"", "a/b", "/a", "../checkpoint"};
	const struct cairn_state_update_options options = {.latest_filename = names[_i]};

	ASSERT_FAILS(state_get(sys, "d", names[_i], &state, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no name for a state file");
	ASSERT_FAILS(state_update(sys, "d", "d/m", &options, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no name for a state file");
	ASSERT_FAILS(state_get(sys, NULL, NULL, &state, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no folder");
}
END_TEST

/* --------------------------------------------------------------------------------------- exists */

/* What is there after one file was added; all else is not. */
static const struct {
	const char *file;
	const char *prefix;
} there[] = {
	{"/d/ckpt-1.index", "/d/ckpt-1"},
	{"/d/ckpt-1.index", "d/ckpt-1"},
	{"/d/ckpt-1.index", "d/../d/ckpt-1"},
	{"/d/ckpt-1.index", "d/ckpt-1.index"}, /* a file, so perhaps V1 */
	{"/d/model", "d/model"},
	{"/d/x-00000-of-00004", "d/x" MARKS "00004"},
	{"/d/x-00003-of-00004", "d/x" MARKS "00004"},
	{"/d/x-00003-of-00004", "d/x-00003-of-00004"},
	{"/d/x" MARKS "00004", "d/x" MARKS "00004"},
	{"/d/m.cairn", "d/m"},
	{"/d/m.cairn", "d/m.cairn"},
	{"/d/a=[1,2]*.index", "d/a=[1,2]*"},
};

START_TEST(finds_what_is_there)
{
	ck_assert_int_eq(exists(there[_i].prefix), 0);
	add(there[_i].file);
	ck_assert_int_eq(exists(there[_i].prefix), 1);
}
END_TEST

static const struct {
	const char *file;
	const char *prefix;
} absent[] = {
	{"/d/ckpt-1.index", "d/ckpt-*"},
	{"/d/ckpt-1.index", "d/ckpt-?"},
	{"/d/ckpt-1.index", "d/ckpt-[1]"},
	{"/d/ckpt-1.index", "d/ckpt"},
	{"/d/ckpt-1.index", "d/ckpt-11"},
	{"/d/ckpt-1.index", "d/ckpt-1/"},
	{"/d/ckpt-1.data-00000-of-00001", "d/ckpt-1"},
	{"/d/x-00000-of-00004", "d/x" MARKS "00005"},
	{"/d/x-00000-of-00004", "d/x" MARKS "0004"},
	{"/d/x-000000-of-00004", "d/x" MARKS "00004"},
	{"/d/x-0000a-of-00004", "d/x" MARKS "00004"},
	{"/d/y-00000-of-00004", "d/x" MARKS "00004"},
	{"/d/x-00000-of-00004", "d/x-\?\?\?\?-of-00004"},
	{"/d/x-00000-of-00004", "d/x"},
	{"/d/x", ""},
	{"/d/x", "/"},
	{"/d/x", "d"},
	{"/d/x", "d/"},
	{"/d/x", "d/."},
	{"/d/x", "d/x/y"},
	{"/d/x", "no/x"},
};

START_TEST(finds_nothing_else)
{
	add(absent[_i].file);
	ck_assert_int_eq(exists(absent[_i].prefix), 0);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_not_there)
{
	char path[6000];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(exists(path), 0);
	path[5000] = '/';
	ck_assert_int_eq(exists(path), 0);
	path[255] = '\0';
	ck_assert_int_eq(exists(path), 0);
}
END_TEST

START_TEST(folders_and_devices_are_no_checkpoints)
{
	memory_system_add_directory(memory, "/d/m.index");
	memory_system_add_directory(memory, "/d/m");
	memory_system_add_special(memory, "/d/f");
	ck_assert_int_eq(exists("d/m"), 0);
	ck_assert_int_eq(exists("d/f"), 0);
	add("/d/m/index.cairn");
	ck_assert_int_eq(exists("d/m"), 1);
}
END_TEST

START_TEST(what_cannot_be_examined_is_an_error)
{
	int result = -1;
	const struct memory_fault fault = {.call = MEMORY_CALL_STATUS_AT, .at = 1, .error = EACCES};

	memory_system_set_fault(memory, 0, &fault);
	ASSERT_FAILS(state_exists(sys, "d/m", &result, &test_error), CAIRN_IO,
		     "'d/m': cannot examine 'm.index'");
	ck_assert_int_eq(result, -1);
	ASSERT_FAILS(state_exists(sys, NULL, &result, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no prefix");
}
END_TEST

START_TEST(mtimes_leave_out_what_is_not_there)
{
	const char *const prefixes[] = {"d/a", "d/nothing", "d/b", "d/c", "d/x" MARKS "00002"};
	double mtimes[5] = {0};
	uint64_t found = 0;

	add("/d/a.index");
	add("/d/b");
	add("/d/c.cairn");
	add("/d/x-00001-of-00002");
	memory_system_set_times(memory, "/d/a.index", 12345500000000, 0);
	memory_system_set_times(memory, "/d/b", 23456000000000, 0);
	memory_system_set_times(memory, "/d/c.cairn", -1000000000, 0);
	memory_system_set_times(memory, "/d/x-00001-of-00002", 7000000000, 0);
	ASSERT_OK(state_mtimes(sys, prefixes, 5, mtimes, &found, &test_error));
	ck_assert_uint_eq(found, 4);
	ck_assert(mtimes[0] == 12345.5);
	ck_assert(mtimes[1] == 23456.0);
	ck_assert(mtimes[2] == -1.0);
	ck_assert(mtimes[3] == 7.0);
}
END_TEST

/* --------------------------------------------------------------------------------------- latest */

START_TEST(latest_is_what_the_state_file_names_if_it_is_there)
{
	char path[CAIRN_PATH_SIZE] = "unchanged";

	ASSERT_FAILS(state_latest(sys, "d", NULL, path, &test_error), CAIRN_NOT_FOUND,
		     "'d/checkpoint'");
	add_text("/d/checkpoint", MODEL "\"ckpt-2\"\n" PATHS "\"ckpt-1\"\n" PATHS "\"ckpt-2\"\n");
	add("/d/ckpt-1.index");
	ASSERT_FAILS(state_latest(sys, "d", NULL, path, &test_error), CAIRN_NOT_FOUND,
		     "names the checkpoint 'd/ckpt-2', which is not there");
	ck_assert_ptr_null(strstr(test_error.message, "gc"));
	memory_system_add_directory(memory, "/d/.cairn-trash-00112233445566778899aabbccddeeff");
	add("/d/.cairn-trash-00112233445566778899aabbccddeeff/ckpt-2.index");
	ASSERT_FAILS(state_latest(sys, "d", NULL, path, &test_error), CAIRN_NOT_FOUND,
		     "which is not there; a save over it is not finished, and its old files are "
		     "in .cairn-trash-00112233445566778899aabbccddeeff: if it was interrupted, "
		     "cairn gc");
	ck_assert_str_eq(path, "unchanged");
	add("/d/ckpt-2.index");
	ASSERT_OK(state_latest(sys, "d", NULL, path, &test_error));
	ck_assert_str_eq(path, "d/ckpt-2");
	ASSERT_OK(state_latest(sys, "/d/", NULL, path, &test_error));
	ck_assert_str_eq(path, "/d/ckpt-2");
	add_text("/d/checkpoint", "garbage");
	ASSERT_FAILS(state_latest(sys, "d", NULL, path, &test_error), CAIRN_CORRUPT, "no field");
}
END_TEST

/* --------------------------------------------------------------------------------------- update */

/* Calls and what is in the file afterwards; the working directory is "/". All of it is TensorFlow's
 * (state_update.json of the recorded behaviour), but the two that are marked. */
static const struct {
	const char *folder;
	const char *model;
	const char *all[3];
	int relative;
	const char *text;
} updates[] = {
	{"d", "d/m-1", {NULL}, 0, MODEL "\"m-1\"\n" PATHS "\"m-1\"\n"},
	{"d", "./d/x/../m-1", {NULL}, 0, MODEL "\"m-1\"\n" PATHS "\"m-1\"\n"},
	{"/d", "/d/m-1", {NULL}, 0, MODEL "\"/d/m-1\"\n" PATHS "\"/d/m-1\"\n"},
	{"/d", "m-1", {NULL}, 0, MODEL "\"m-1\"\n" PATHS "\"m-1\"\n"},
	{"d", "m-1", {NULL}, 0, MODEL "\"../m-1\"\n" PATHS "\"../m-1\"\n"},
	{"d", "d/b", {"d/a"}, 0, MODEL "\"b\"\n" PATHS "\"a\"\n" PATHS "\"b\"\n"},
	{"d",
	 "d/b",
	 {"d/b", "d/a"},
	 0,
	 MODEL "\"b\"\n" PATHS "\"b\"\n" PATHS "\"a\"\n" PATHS "\"b\"\n"},
	{"d", "d/b", {"/d/a", "d/b"}, 0, MODEL "\"b\"\n" PATHS "\"/d/a\"\n" PATHS "\"b\"\n"},
	{"/d", "/d/b", {"/d/a", "/d/b"}, 1, MODEL "\"b\"\n" PATHS "\"a\"\n" PATHS "\"b\"\n"},
	{"/d", "/other/b", {NULL}, 1, MODEL "\"../other/b\"\n" PATHS "\"../other/b\"\n"},
	{"d", "other/b", {"other/b"}, 1, MODEL "\"../other/b\"\n" PATHS "\"../other/b\"\n"},
	{"d", "/d/b", {NULL}, 1, MODEL "\"b\"\n" PATHS "\"b\"\n"}, /* not "../b" */
	{"d",
	 "d/b",
	 {"/d/a", "d/b"},
	 1,
	 MODEL "\"b\"\n" PATHS "\"a\"\n" PATHS "\"b\"\n"}, /* same */
	{"d", "d/checkpoint", {NULL}, 0, MODEL "\"checkpoint\"\n" PATHS "\"checkpoint\"\n"},
	{"d", "d", {NULL}, 0, MODEL "\".\"\n" PATHS "\".\"\n"},
	{"d", "..", {NULL}, 0, MODEL "\"..\"\n" PATHS "\"..\"\n"},
	{"d", "/d/b", {"d/b"}, 0, MODEL "\"/d/b\"\n" PATHS "\"b\"\n" PATHS "\"/d/b\"\n"},
};

START_TEST(update_writes_what_tensorflow_writes)
{
	struct cairn_state_update_options options = {.all_model_checkpoint_paths = updates[_i].all,
						     .save_relative_paths = updates[_i].relative};

	while (options.path_count < 3 && updates[_i].all[options.path_count] != NULL)
		options.path_count++;
	ASSERT_OK(state_update(sys, updates[_i].folder, updates[_i].model, &options, &test_error));
	ck_assert_str_eq(content("/d/checkpoint"), updates[_i].text);
}
END_TEST

START_TEST(update_in_the_working_directory)
{
	ASSERT_OK(state_update(sys, "", "m-1", NULL, &test_error));
	ck_assert_str_eq(content("/checkpoint"), MODEL "\"m-1\"\n" PATHS "\"m-1\"\n");
	ASSERT_OK(state_update(sys, ".", "d/m-2", NULL, &test_error));
	ck_assert_str_eq(content("/checkpoint"), MODEL "\"d/m-2\"\n" PATHS "\"d/m-2\"\n");
}
END_TEST

START_TEST(update_writes_times)
{
	const char *const all[] = {"d/a", "d/b"};
	const double times[] = {1.5, 2.0};
	const struct cairn_state_update_options options = {
		.all_model_checkpoint_paths = all,
		.path_count = 2,
		.all_model_checkpoint_timestamps = times,
		.timestamp_count = 2,
		.last_preserved_timestamp = 123456789.125,
		.latest_filename = "other"};

	ASSERT_OK(state_update(sys, "d", "d/b", &options, &test_error));
	ck_assert_str_eq(content("/d/other"), MODEL "\"b\"\n" PATHS "\"a\"\n" PATHS "\"b\"\n" TIMES
						    "1.5\n" TIMES "2.0\n" LAST "123456789.125\n");
	ck_assert(!memory_system_exists(memory, "/d/checkpoint"));
}
END_TEST

START_TEST(update_refuses_what_is_wrong_and_writes_nothing)
{
	const char *const all[] = {"d/a", "d/b"};
	const double times[] = {1.5, 2.5, 3.5};
	struct cairn_state_update_options options = {.all_model_checkpoint_paths = all,
						     .path_count = 2,
						     .all_model_checkpoint_timestamps = times,
						     .timestamp_count = 1};

	ASSERT_FAILS(state_update(sys, "d", "d/b", &options, &test_error), CAIRN_INVALID_ARGUMENT,
		     "1 timestamps for 2 checkpoints");
	options.timestamp_count = 2;
	ASSERT_FAILS(state_update(sys, "d", "d/c", &options, &test_error), CAIRN_INVALID_ARGUMENT,
		     "2 timestamps for 3 checkpoints");
	ASSERT_FAILS(state_update(sys, "d", "", NULL, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no path specified");
	ASSERT_FAILS(state_update(sys, "/d", "", NULL, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no path specified");
	ASSERT_FAILS(state_update(sys, "d", NULL, NULL, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no path specified");
	ASSERT_FAILS(state_update(sys, "/d", "/d/checkpoint", NULL, &test_error),
		     CAIRN_INVALID_ARGUMENT, "the path of the state file");
	ASSERT_FAILS(state_update(sys, "d", "d/b\xff", NULL, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no UTF-8");
	ASSERT_FAILS(state_update(sys, "missing", "missing/b", NULL, &test_error), CAIRN_NOT_FOUND,
		     "'missing'");
	options.all_model_checkpoint_paths = NULL;
	ASSERT_FAILS(state_update(sys, "d", "d/b", &options, &test_error), CAIRN_INVALID_ARGUMENT,
		     "but none are given");
	options = (struct cairn_state_update_options){.size = 8};
	ASSERT_FAILS(state_update(sys, "d", "d/b", &options, &test_error), CAIRN_INVALID_ARGUMENT,
		     "update options of 8 bytes");
	ck_assert(!memory_system_exists(memory, "/d/checkpoint"));
}
END_TEST

START_TEST(a_state_file_may_be_written_by_whom_the_umask_lets)
{
	struct system_status found;

	memory_system_settings(memory)->umask = 0002;
	ASSERT_OK(state_update(sys, "d", "d/m", NULL, &test_error));
	ck_assert_int_eq(system_status_at(sys, SYSTEM_CWD, "/d/checkpoint", false, &found), 0);
	ck_assert_uint_eq(found.mode, 0664);
}
END_TEST

START_TEST(what_is_written_is_read)
{
	char path[CAIRN_PATH_SIZE];

	add("/d/quo\"te\n\xc3\xbc.index");
	ASSERT_OK(state_update(sys, "d", "d/quo\"te\n\xc3\xbc", NULL, &test_error));
	ASSERT_OK(state_latest(sys, "d", NULL, path, &test_error));
	ck_assert_str_eq(path, "d/quo\"te\n\xc3\xbc");
}
END_TEST

/* --------------------------------------------------------------------------------------- remove */

static void add_v2(void)
{
	add("/d/m-1.index");
	add("/d/m-1.data-00000-of-00002");
	add("/d/m-1.data-00001-of-00002");
	add("/d/m-1.data-100000-of-100001");
	add("/d/m-1.meta");
}

START_TEST(remove_takes_the_files_of_that_prefix_only)
{
	static const char *const others[] = {"/d/m-11.index",
					     "/d/m-11.data-00000-of-00001",
					     "/d/m.meta",
					     "/d/m-1",
					     "/d/m-1.cairn",
					     "/d/m-1.data-0000-of-0001",
					     "/d/m-1.data-00000-of-00001.tempstate1",
					     "/d/m-1.index.old",
					     "/d/am-1.index"};

	add_v2();
	for (size_t i = 0; i < COUNT_OF(others); i++)
		add(others[i]);
	ASSERT_OK(state_remove(sys, "d/m-1", NULL, &test_error));
	ck_assert(!memory_system_exists(memory, "/d/m-1.index"));
	ck_assert(!memory_system_exists(memory, "/d/m-1.data-00000-of-00002"));
	ck_assert(!memory_system_exists(memory, "/d/m-1.data-00001-of-00002"));
	ck_assert(!memory_system_exists(memory, "/d/m-1.data-100000-of-100001"));
	ck_assert(!memory_system_exists(memory, "/d/m-1.meta"));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		ck_assert_msg(memory_system_exists(memory, others[i]), "%s is gone", others[i]);
}
END_TEST

START_TEST(remove_of_nothing_is_fine)
{
	add("/d/x");
	ASSERT_OK(state_remove(sys, "d/m-1", NULL, &test_error));
	ASSERT_OK(state_remove(sys, "no/m-1", NULL, &test_error));
	ASSERT_OK(state_remove(sys, "d/*", NULL, &test_error));
	ck_assert(memory_system_exists(memory, "/d/x"));
	ck_assert_uint_eq(memory_system_calls(memory, MEMORY_CALL_SYNC), 0);
}
END_TEST

START_TEST(remove_finishes_what_a_crash_left)
{
	add("/d/m-1.data-00000-of-00001");
	ASSERT_OK(state_remove(sys, "d/m-1", NULL, &test_error));
	ck_assert(!memory_system_exists(memory, "/d/m-1.data-00000-of-00001"));
	ck_assert_uint_eq(memory_system_calls(memory, MEMORY_CALL_SYNC), 1);
}
END_TEST

START_TEST(remove_works_in_folders_with_glob_characters)
{
	memory_system_add_directory(memory, "/run=[1,2]*");
	add("/run=[1,2]*/m.index");
	add("/run=[1,2]*/m.data-00000-of-00001");
	ASSERT_OK(state_remove(sys, "run=[1,2]*/m", NULL, &test_error));
	ck_assert(!memory_system_exists(memory, "/run=[1,2]*/m.index"));
	ck_assert(!memory_system_exists(memory, "/run=[1,2]*/m.data-00000-of-00001"));
}
END_TEST

START_TEST(remove_of_v1)
{
	const struct cairn_state_remove_options options = {.format = CAIRN_STATE_TENSORFLOW_V1,
							   .meta_graph_suffix = "graph"};

	add("/d/m");
	add("/d/m.graph");
	add("/d/m.meta");
	add("/d/x-00000-of-00002");
	add("/d/x-00001-of-00002");
	add("/d/x.graph");
	add("/d/x-00000-of-00003");
	ASSERT_OK(state_remove(sys, "d/m", &options, &test_error));
	ck_assert(!memory_system_exists(memory, "/d/m"));
	ck_assert(!memory_system_exists(memory, "/d/m.graph"));
	ck_assert(memory_system_exists(memory, "/d/m.meta"));
	ASSERT_OK(state_remove(sys, "d/x" MARKS "00002", &options, &test_error));
	ck_assert(!memory_system_exists(memory, "/d/x-00000-of-00002"));
	ck_assert(!memory_system_exists(memory, "/d/x-00001-of-00002"));
	ck_assert(!memory_system_exists(memory, "/d/x.graph"));
	ck_assert(memory_system_exists(memory, "/d/x-00000-of-00003"));
}
END_TEST

START_TEST(remove_of_cairns_own)
{
	static const struct sharded_sample sharded = {2, 1};
	static const struct sample sample = {SAMPLE_TINY, 1};
	const struct cairn_state_remove_options options = {.format = CAIRN_STATE_CAIRN};

	ASSERT_OK(sample_write(sys, "/d/m-1.cairn", &sample, 0, &test_error));
	ASSERT_OK(sharded_write(sys, "/d/m-2", &sharded, false, &test_error));
	add("/d/m-1.index");
	ASSERT_OK(state_remove(sys, "d/m-1", &options, &test_error));
	ASSERT_OK(state_remove(sys, "d/m-2", &options, &test_error));
	ASSERT_OK(state_remove(sys, "d/m-3", &options, &test_error));
	ck_assert(!memory_system_exists(memory, "/d/m-1.cairn"));
	ck_assert(!memory_system_exists(memory, "/d/m-2"));
	ck_assert(memory_system_exists(memory, "/d/m-1.index"));
	add("/d/m-4.cairn");
	ck_assert_int_ne(state_remove(sys, "d/m-4", &options, &test_error), CAIRN_OK);
	ck_assert(memory_system_exists(memory, "/d/m-4.cairn"));
}
END_TEST

START_TEST(remove_refuses_what_is_wrong)
{
	struct cairn_state_remove_options options = {.meta_graph_suffix = "../x"};

	ASSERT_FAILS(state_remove(sys, NULL, NULL, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no prefix");
	ASSERT_FAILS(state_remove(sys, "d/m", &options, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no suffix");
	options = (struct cairn_state_remove_options){.format = (enum cairn_state_format)3};
	ASSERT_FAILS(state_remove(sys, "d/m", &options, &test_error), CAIRN_INVALID_ARGUMENT,
		     "unknown");
}
END_TEST

/* ------------------------------------------------------------------------------ load_checkpoint */

START_TEST(a_folder_stands_for_its_latest_checkpoint)
{
	static const struct sample sample = {SAMPLE_TINY, 1};
	struct cairn_reader *reader = NULL;

	ASSERT_FAILS(state_load_checkpoint(sys, "d", NULL, &reader, &test_error),
		     CAIRN_INVALID_ARGUMENT, "'d': a folder without a state file");
	ASSERT_OK(sample_write(sys, "/d/m-1.cairn", &sample, 0, &test_error));
	ASSERT_OK(sample_write(sys, "/d/m-2.cairn", &sample, 0, &test_error));
	ASSERT_OK(state_update(sys, "d", "d/m-1", NULL, &test_error));
	ASSERT_OK(state_load_checkpoint(sys, "d", NULL, &reader, &test_error));
	ck_assert_str_eq(reader->name, "d/m-1");
	cairn_reader_close(reader);
	ASSERT_OK(state_load_checkpoint(sys, "d/m-2", NULL, &reader, &test_error));
	cairn_reader_close(reader);
	/* what the state file names is gone: another file is not taken instead */
	ASSERT_OK(remove_path(sys, "/d/m-1.cairn", &test_error));
	ASSERT_FAILS(state_load_checkpoint(sys, "d", NULL, &reader, &test_error),
		     CAIRN_INVALID_ARGUMENT, "'d': a folder without a state file");
	add_text("/d/checkpoint", "garbage");
	ASSERT_FAILS(state_load_checkpoint(sys, "d", NULL, &reader, &test_error), CAIRN_CORRUPT,
		     "'d/checkpoint'");
	ASSERT_FAILS(state_load_checkpoint(sys, "", NULL, &reader, &test_error), CAIRN_NOT_FOUND,
		     "empty path");
	ASSERT_FAILS(state_load_checkpoint(sys, "nothing", NULL, &reader, &test_error),
		     CAIRN_NOT_FOUND, "'nothing'");
}
END_TEST

START_TEST(a_folder_may_be_a_checkpoint_itself)
{
	static const struct sharded_sample sharded = {2, 1};
	struct cairn_reader *reader = NULL;

	ASSERT_OK(sharded_write(sys, "/d/m-2", &sharded, false, &test_error));
	ASSERT_OK(state_load_checkpoint(sys, "d/m-2", NULL, &reader, &test_error));
	cairn_reader_close(reader);
}
END_TEST

static Suite *state_suite(void)
{
	Suite *suite = suite_create("state");
	TCase *tests = tcase_create("state");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, get_puts_the_folder_in_front_of_relative_paths);
	tcase_add_loop_test(tests, get_joins_as_python_does, 0, 7);
	tcase_add_test(tests, get_takes_another_name);
	tcase_add_test(tests, get_tells_missing_damaged_and_empty_apart);
	tcase_add_test(tests, get_refuses_a_file_over_the_limit_without_reading_it);
	tcase_add_loop_test(tests, names_with_a_folder_are_refused, 0, 4);
	tcase_add_loop_test(tests, finds_what_is_there, 0, COUNT_OF(there));
	tcase_add_loop_test(tests, finds_nothing_else, 0, COUNT_OF(absent));
	tcase_add_test(tests, a_path_that_is_too_long_is_not_there);
	tcase_add_test(tests, folders_and_devices_are_no_checkpoints);
	tcase_add_test(tests, what_cannot_be_examined_is_an_error);
	tcase_add_test(tests, mtimes_leave_out_what_is_not_there);
	tcase_add_test(tests, latest_is_what_the_state_file_names_if_it_is_there);
	tcase_add_loop_test(tests, update_writes_what_tensorflow_writes, 0, COUNT_OF(updates));
	tcase_add_test(tests, update_in_the_working_directory);
	tcase_add_test(tests, update_writes_times);
	tcase_add_test(tests, update_refuses_what_is_wrong_and_writes_nothing);
	tcase_add_test(tests, a_state_file_may_be_written_by_whom_the_umask_lets);
	tcase_add_test(tests, what_is_written_is_read);
	tcase_add_test(tests, remove_takes_the_files_of_that_prefix_only);
	tcase_add_test(tests, remove_of_nothing_is_fine);
	tcase_add_test(tests, remove_finishes_what_a_crash_left);
	tcase_add_test(tests, remove_works_in_folders_with_glob_characters);
	tcase_add_test(tests, remove_of_v1);
	tcase_add_test(tests, remove_of_cairns_own);
	tcase_add_test(tests, remove_refuses_what_is_wrong);
	tcase_add_test(tests, a_folder_stands_for_its_latest_checkpoint);
	tcase_add_test(tests, a_folder_may_be_a_checkpoint_itself);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(state_suite());
}
