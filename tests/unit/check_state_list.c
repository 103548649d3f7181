/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All checkpoints of a folder: those that its state file lists and those that lie there besides.
 */
#include "engine/train/state.h"

#include <errno.h>
#include <stdio.h>

#include "engine/system/memory_system.h"
#include "tests/support/suite.h"

#define MODEL "model_checkpoint_path: "
#define PATHS "all_model_checkpoint_paths: "
#define TIMES "all_model_checkpoint_timestamps: "

static struct memory_system *memory;
static struct system *sys;
static char found[4000];

static void setup(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	memory_system_add_directory(memory, "/d");
	found[0] = '\0';
}

static void teardown(void)
{
	ck_assert(memory_system_is_clean(memory));
	memory_system_destroy(memory);
}

static void add(const char *path, size_t size)
{
	static const char bytes[1000];

	ck_assert_int_eq(memory_system_add_file(memory, path, bytes, size), 0);
}

static void add_state(const char *text)
{
	ck_assert_int_eq(memory_system_add_file(memory, "/d/checkpoint", text, strlen(text)), 0);
}

/* "path format bytes [latest] [unlisted] [@timestamp]", a line each. */
static int note(void *context, const struct cairn_state_entry *entry)
{
	const size_t used = strlen(found);

	(void)context;
	ck_assert_int_eq(entry->modified > 0, entry->format != NULL);
	snprintf(found + used, sizeof(found) - used, "%s %s %u%s%s", entry->path,
		 entry->format == NULL ? "absent" : entry->format, (unsigned)entry->bytes,
		 entry->is_latest ? " latest" : "", entry->is_listed ? "" : " unlisted");
	if (entry->has_timestamp)
		snprintf(found + strlen(found), sizeof(found) - strlen(found), " @%.1f",
			 entry->timestamp);
	snprintf(found + strlen(found), sizeof(found) - strlen(found), "\n");
	return 0;
}

static void assert_list(const char *expected)
{
	ASSERT_OK(state_list(sys, "d", NULL, note, NULL, &test_error));
	ck_assert_str_eq(found, expected);
}

START_TEST(lists_in_the_order_of_the_state_file)
{
	add_state(MODEL "\"m-2\"\n" PATHS "\"m-10\"\n" PATHS "\"m-1\"\n" PATHS "\"m-2\"\n" TIMES
			"10\n" TIMES "1\n" TIMES "2.5\n");
	add("/d/m-10.index", 5);
	add("/d/m-10.data-00000-of-00002", 100);
	add("/d/m-10.data-00001-of-00002", 200);
	add("/d/m-10.meta", 300);
	add("/d/m-10.data-00000-of-00002.tempstate1", 400);
	add("/d/m-2.cairn", 7);
	assert_list("d/m-10 tensorflow-v2 305 @10.0\n"
		    "d/m-1 absent 0 @1.0\n"
		    "d/m-2 cairn 7 latest @2.5\n");
}
END_TEST

START_TEST(finds_what_is_not_listed)
{
	add_state(MODEL "\"m-2\"\n" PATHS "\"./m-2\"\n");
	add("/d/m-2.index", 5);
	add("/d/m-2.data-00000-of-00001", 5);
	add("/d/m-1.index", 5);
	add("/d/m-1.data-00000-of-00001", 5);
	add("/d/a.cairn", 9);
	memory_system_add_directory(memory, "/d/s");
	add("/d/s/index.cairn", 3);
	add("/d/s/shard-00000-of-00001.cairn", 4);
	add("/d/s/notes", 100);
	memory_system_add_directory(memory, "/d/s.cairn");
	add("/d/s.cairn/index.cairn", 3);
	/* none of these is certainly one */
	add("/d/model.safetensors.index.json", 5);
	add("/d/book.index", 5);
	add("/d/.index", 5);
	add("/d/.cairn", 5);
	add("/d/.cairn-tmp-0123456789abcdef0123456789abcdef", 5);
	add("/d/m-3.data-00000-of-00001", 5);
	memory_system_add_directory(memory, "/d/plain");
	assert_list("d/./m-2 tensorflow-v2 10\n"
		    "d/m-2 tensorflow-v2 10 latest\n"
		    "d/a cairn 9 unlisted\n"
		    "d/m-1 tensorflow-v2 10 unlisted\n"
		    "d/s cairn-sharded 7 unlisted\n"
		    "d/s.cairn cairn-sharded 3 unlisted\n");
}
END_TEST

START_TEST(looks_in_other_folders_too)
{
	memory_system_add_directory(memory, "/e");
	add_state(MODEL "\"/d/m\"\n" PATHS "\"../e/m\"\n" PATHS "\"/e/no\"\n" PATHS
			"\"/d/m\"\n" TIMES "1\n");
	add("/e/m.index", 5);
	add("/e/m.data-00000-of-00001", 6);
	add("/d/m.index", 7);
	add("/d/m.data-00000-of-00001", 8);
	ASSERT_OK(state_list(sys, "/d", NULL, note, NULL, &test_error));
	ck_assert_str_eq(found, "/d/../e/m tensorflow-v2 11\n"
				"/e/no absent 0\n"
				"/d/m tensorflow-v2 15 latest\n");
}
END_TEST

START_TEST(a_folder_without_a_state_file_is_fine)
{
	assert_list("");
	add("/d/m.index", 7);
	add("/d/m.data-00000-of-00001", 8);
	assert_list("d/m tensorflow-v2 15 unlisted\n");
}
END_TEST

START_TEST(a_latest_that_is_not_in_the_list_is_shown)
{
	add_state(MODEL "\"m\"\n" PATHS "\"a\"\n");
	assert_list("d/a absent 0\n"
		    "d/m absent 0 latest\n");
}
END_TEST

static int stop(void *context, const struct cairn_state_entry *entry)
{
	(void)context;
	(void)entry;
	return 1;
}

START_TEST(says_why_it_cannot_list)
{
	ASSERT_FAILS(state_list(sys, "no", NULL, note, NULL, &test_error), CAIRN_NOT_FOUND,
		     "'no': cannot open the folder");
	ASSERT_FAILS(state_list(sys, "d", NULL, NULL, NULL, &test_error), CAIRN_INVALID_ARGUMENT,
		     "no callback");
	add("/d/m.cairn", 7);
	ASSERT_FAILS(state_list(sys, "d", NULL, stop, NULL, &test_error), CAIRN_CANCELLED,
		     "stopped");
	add_state("garbage");
	ASSERT_FAILS(state_list(sys, "d", NULL, note, NULL, &test_error), CAIRN_CORRUPT,
		     "'d/checkpoint': line 1");
}
END_TEST

/* Whatever fails: a status with a message and nothing leaked, or the whole answer. */
static void try_fault(int which, enum memory_call call, uint64_t at, bool *fired)
{
	const struct memory_fault fault = {.call = call, .at = at, .error = EIO};
	char path[CAIRN_PATH_SIZE];
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status;

	found[0] = '\0';
	memory_system_set_fault(memory, 0, &fault);
	status = which == 0 ? state_list(sys, "/d", NULL, note, NULL, &error)
			    : state_latest(sys, "/d", NULL, path, &error);
	*fired = memory_system_fault_fired(memory, 0) != 0;
	memory_system_clear_faults(memory);
	ck_assert(memory_system_is_clean(memory));
	if (status != CAIRN_OK)
		ck_assert_msg(*fired && error.code == status && error.message[0] != '\0',
			      "call %u: %s", (unsigned)at, cairn_status_name(status));
	else if (which == 0)
		ck_assert_str_eq(found, "/e/m tensorflow-v2 11\n"
					"/d/s cairn-sharded 7 latest\n"
					"/d/a tensorflow-v2 3 unlisted\n");
	else
		ck_assert_str_eq(path, "/d/s");
}

START_TEST(any_call_may_fail)
{
	bool fired = true;

	memory_system_add_directory(memory, "/e");
	memory_system_add_directory(memory, "/d/s");
	add_state(MODEL "\"s\"\n" PATHS "\"/e/m\"\n" PATHS "\"s\"\n");
	add("/e/m.index", 5);
	add("/e/m.data-00000-of-00001", 6);
	add("/d/s/index.cairn", 3);
	add("/d/s/shard-00000-of-00001.cairn", 4);
	add("/d/a.index", 1);
	add("/d/a.data-00000-of-00001", 2);
	for (uint64_t at = 1; fired; at++)
		try_fault(_i, MEMORY_CALL_ANY, at, &fired);
	fired = true;
	for (uint64_t at = 1; fired; at++)
		try_fault(_i, MEMORY_CALL_ALLOCATE, at, &fired);
}
END_TEST

static Suite *state_list_suite(void)
{
	Suite *suite = suite_create("state_list");
	TCase *tests = tcase_create("state_list");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, lists_in_the_order_of_the_state_file);
	tcase_add_test(tests, finds_what_is_not_listed);
	tcase_add_test(tests, looks_in_other_folders_too);
	tcase_add_test(tests, a_folder_without_a_state_file_is_fine);
	tcase_add_test(tests, a_latest_that_is_not_in_the_list_is_shown);
	tcase_add_test(tests, says_why_it_cannot_list);
	tcase_add_loop_test(tests, any_call_may_fail, 0, 2);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(state_list_suite());
}
