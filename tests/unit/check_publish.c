/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing: the order of what it does, read from the trace of the in-memory system; what is there
 * when a step fails; the fallback where the system cannot rename without replacing.
 */
#include "engine/write/publish.h"
#include "engine/write/publish_steps.h"

#include <errno.h>

#include "tests/support/build.h"
#include "tests/support/suite.h"

static struct scene scene;
static struct folder folder;

static void set_up(void)
{
	char name[SYSTEM_NAME_SIZE];

	scene_open(&scene);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, "/d"), 0);
	ASSERT_OK(folder_open(scene.system, "/d/t", &folder, name, &test_error));
}

static void tear_down(void)
{
	folder_close(&folder);
	scene_close(&scene);
}

/* A draft with a few bytes in it. */
static struct draft draft_of(const char *target)
{
	struct draft draft = {.fd = -1};

	ASSERT_OK(draft_create(&folder, target, false, &draft, &test_error));
	ck_assert_int_eq(system_write_all(scene.system, draft.fd, "new", 3, 0), 0);
	return draft;
}

static void add_old(const char *path)
{
	ck_assert_int_eq(memory_system_add_file(scene.memory, path, "older", 5), 0);
}

static bool is_new(const char *path)
{
	return memory_system_content(scene.memory, path, NULL, 0) == 3;
}

static bool is_old(const char *path)
{
	return memory_system_content(scene.memory, path, NULL, 0) == 5;
}

static int count_draft(void *context, const char *name)
{
	*(int *)context += strncmp(name, DRAFT_PREFIX, strlen(DRAFT_PREFIX)) == 0;
	return 0;
}

static int drafts_left(void)
{
	int count = 0;

	ck_assert_int_eq(system_list(scene.system, folder.fd, count_draft, &count), 0);
	return count;
}

static void inject(enum memory_call call, uint64_t at, int error)
{
	const struct memory_fault fault = {.call = call, .at = at, .error = error};

	memory_system_set_fault(scene.memory, 0, &fault);
}

/* -------------------------------------------------------------------------------------- success */

static void assert_trace(const enum memory_trace_kind *kinds, size_t count)
{
	const struct memory_trace *const trace = memory_system_trace(scene.memory);

	ck_assert_uint_eq(trace->count, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(trace->ops[i].kind, kinds[i]);
}

START_TEST(a_file_is_durable_before_and_after_it_gets_its_name)
{
	static const enum memory_trace_kind kinds[] = {MEMORY_TRACE_SYNC, MEMORY_TRACE_RENAME,
						       MEMORY_TRACE_SYNC};
	struct draft draft = draft_of("t");

	memory_system_trace_start(scene.memory);
	ASSERT_OK(publish(&draft, 1, _i == 1, &test_error));
	assert_trace(kinds, COUNT_OF(kinds));
	ck_assert(is_new("/d/t"));
	ck_assert_int_eq(drafts_left(), 0);
}
END_TEST

START_TEST(parts_are_durable_before_the_last_names_them)
{
	static const enum memory_trace_kind kinds[] = {
		MEMORY_TRACE_SYNC,   MEMORY_TRACE_SYNC,   MEMORY_TRACE_SYNC, /* files */
		MEMORY_TRACE_RENAME, MEMORY_TRACE_RENAME, MEMORY_TRACE_SYNC, /* parts, folder */
		MEMORY_TRACE_RENAME, MEMORY_TRACE_SYNC};
	struct draft drafts[] = {draft_of("a"), draft_of("b"), draft_of("t")};

	memory_system_trace_start(scene.memory);
	ASSERT_OK(publish(drafts, 3, false, &test_error));
	assert_trace(kinds, COUNT_OF(kinds));
	ck_assert(is_new("/d/a") && is_new("/d/b") && is_new("/d/t"));
}
END_TEST

START_TEST(replacing_replaces)
{
	struct draft draft = draft_of("t");

	add_old("/d/t");
	ASSERT_OK(publish(&draft, 1, true, &test_error));
	ck_assert(is_new("/d/t"));
}
END_TEST

START_TEST(drafts_are_closed_and_locks_gone)
{
	struct draft draft = draft_of("t");

	ASSERT_OK(publish(&draft, 1, false, &test_error));
	ck_assert_int_eq(draft.fd, -1);
	ck_assert_uint_eq(memory_system_live(scene.memory).descriptors, 1); /* the folder's */
	ck_assert_uint_eq(memory_system_live(scene.memory).locks, 0);
}
END_TEST

/* ------------------------------------------------------------------------- names that are taken */

static const int no_replace_errors[] = {0, EINVAL, ENOSYS};

START_TEST(a_new_name_never_replaces)
{
	struct draft draft = draft_of("t");

	memory_system_settings(scene.memory)->no_replace_error = no_replace_errors[_i];
	add_old("/d/t");
	ASSERT_FAILS(publish(&draft, 1, false, &test_error), CAIRN_EXISTS, "'t' is there already");
	ck_assert(is_old("/d/t"));
	ck_assert_int_eq(drafts_left(), 0);
}
END_TEST

START_TEST(a_new_name_is_given_with_any_kernel)
{
	struct draft draft = draft_of("t");

	memory_system_settings(scene.memory)->no_replace_error = no_replace_errors[_i];
	ASSERT_OK(publish(&draft, 1, false, &test_error));
	ck_assert(is_new("/d/t"));
}
END_TEST

START_TEST(a_link_that_leads_nowhere_takes_the_name)
{
	struct draft draft = draft_of("t");

	memory_system_settings(scene.memory)->no_replace_error = no_replace_errors[_i];
	ck_assert_int_eq(memory_system_add_link(scene.memory, "/d/t", "nowhere"), 0);
	ASSERT_STATUS(publish(&draft, 1, false, &test_error), CAIRN_EXISTS);
}
END_TEST

START_TEST(parts_are_taken_back_when_a_name_is_taken)
{
	struct draft drafts[] = {draft_of("a"), draft_of("b"), draft_of("t")};

	add_old(_i == 0 ? "/d/b" : "/d/t");
	ASSERT_STATUS(publish(drafts, 3, false, &test_error), CAIRN_EXISTS);
	ck_assert(!memory_system_exists(scene.memory, "/d/a"));
	ck_assert(is_old(_i == 0 ? "/d/b" : "/d/t"));
	ck_assert(!memory_system_exists(scene.memory, _i == 0 ? "/d/t" : "/d/b"));
	ck_assert_int_eq(drafts_left(), 0);
}
END_TEST

/* ------------------------------------------------------------------------------------- failures */

static const struct {
	const char *name;
	enum memory_call call;
	uint64_t at;
	enum cairn_status status;
	bool is_published;
} failures[] = {
	{"fsync of the file", MEMORY_CALL_SYNC, 1, CAIRN_IO, false},
	{"the lock of the folder", MEMORY_CALL_LOCK, 1, CAIRN_IO, false},
	{"the rename", MEMORY_CALL_RENAME, 1, CAIRN_IO, false},
	{"fsync of the folder", MEMORY_CALL_SYNC, 2, CAIRN_IN_DOUBT, true},
	{"the look at the folder", MEMORY_CALL_STATUS, 1, CAIRN_IN_DOUBT, true},
};

START_TEST(a_failed_step_leaves_the_old_or_the_new)
{
	struct draft draft = draft_of("t");

	add_old("/d/t");
	memory_system_clear_faults(scene.memory);
	inject(failures[_i].call, failures[_i].at, EIO);
	ASSERT_STATUS(publish(&draft, 1, true, &test_error), failures[_i].status);
	ck_assert_int_eq(test_error.code, failures[_i].status);
	ck_assert_int_eq(test_error.system_errno, EIO);
	ck_assert(failures[_i].is_published ? is_new("/d/t") : is_old("/d/t"));
	ck_assert_int_eq(drafts_left(), 0);
	ck_assert_int_eq(draft.fd, -1);
}
END_TEST

START_TEST(a_failed_fsync_of_parts_takes_them_back)
{
	struct draft drafts[] = {draft_of("a"), draft_of("t")};

	memory_system_clear_faults(scene.memory);
	inject(MEMORY_CALL_SYNC, 3, EIO); /* of the folder, after the parts were renamed */
	ASSERT_STATUS(publish(drafts, 2, false, &test_error), CAIRN_IO);
	ck_assert(!memory_system_exists(scene.memory, "/d/a"));
	ck_assert(!memory_system_exists(scene.memory, "/d/t"));
	ck_assert_int_eq(drafts_left(), 0);
}
END_TEST

START_TEST(nothing_is_deleted_when_there_is_doubt)
{
	struct draft drafts[] = {draft_of("a"), draft_of("t")};

	memory_system_clear_faults(scene.memory);
	inject(MEMORY_CALL_SYNC, 4, EIO);
	ASSERT_STATUS(publish(drafts, 2, false, &test_error), CAIRN_IN_DOUBT);
	ck_assert(is_new("/d/a"));
	ck_assert(is_new("/d/t"));
}
END_TEST

START_TEST(no_error_record_is_needed)
{
	struct draft draft = draft_of("t");

	memory_system_clear_faults(scene.memory);
	inject(MEMORY_CALL_SYNC, 2, EIO);
	ck_assert_int_eq(publish(&draft, 1, true, NULL), CAIRN_IN_DOUBT);
}
END_TEST

START_TEST(a_folder_that_stays_locked_is_busy)
{
	struct draft draft = draft_of("t");
	const int fd = system_open(scene.system, SYSTEM_CWD, "/d", SYSTEM_WANT_DIRECTORY);

	ck_assert_int_eq(system_lock(scene.system, fd, SYSTEM_LOCK_SHARED), 0);
	ASSERT_STATUS(publish(&draft, 1, false, &test_error), CAIRN_BUSY);
	system_close(scene.system, fd);
	ck_assert(!memory_system_exists(scene.memory, "/d/t"));
	ck_assert_int_eq(drafts_left(), 0);
}
END_TEST

/* Where the kernel cannot say it in one step. */
START_TEST(a_name_that_nothing_is_known_of_is_not_given)
{
	struct draft draft = draft_of("t");

	memory_system_settings(scene.memory)->no_replace_error = ENOSYS;
	memory_system_clear_faults(scene.memory);
	inject(MEMORY_CALL_STATUS_AT, 1, EIO);
	ASSERT_STATUS(publish(&draft, 1, false, &test_error), CAIRN_IO);
	memory_system_clear_faults(scene.memory);
	ck_assert(!memory_system_exists(scene.memory, "/d/t"));
	ck_assert_int_eq(drafts_left(), 0);
}
END_TEST

START_TEST(a_folder_that_holds_something_is_there_already)
{
	ASSERT_FAILS(cannot_rename(-ENOTEMPTY, "x", &test_error), CAIRN_EXISTS,
		     "'x' is there already");
	ASSERT_FAILS(cannot_rename(-EIO, "x", &test_error), CAIRN_IO, "cannot rename to 'x'");
}
END_TEST

static Suite *publish_suite(void)
{
	Suite *suite = suite_create("publish");
	TCase *tests = tcase_create("publish");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_file_is_durable_before_and_after_it_gets_its_name, 0, 2);
	tcase_add_test(tests, parts_are_durable_before_the_last_names_them);
	tcase_add_test(tests, replacing_replaces);
	tcase_add_test(tests, drafts_are_closed_and_locks_gone);
	tcase_add_loop_test(tests, a_new_name_never_replaces, 0, 3);
	tcase_add_loop_test(tests, a_new_name_is_given_with_any_kernel, 0, 3);
	tcase_add_loop_test(tests, a_link_that_leads_nowhere_takes_the_name, 0, 3);
	tcase_add_loop_test(tests, parts_are_taken_back_when_a_name_is_taken, 0, 2);
	tcase_add_loop_test(tests, a_failed_step_leaves_the_old_or_the_new, 0, COUNT_OF(failures));
	tcase_add_test(tests, a_failed_fsync_of_parts_takes_them_back);
	tcase_add_test(tests, nothing_is_deleted_when_there_is_doubt);
	tcase_add_test(tests, no_error_record_is_needed);
	tcase_add_test(tests, a_folder_that_stays_locked_is_busy);
	tcase_add_test(tests, a_name_that_nothing_is_known_of_is_not_given);
	tcase_add_test(tests, a_folder_that_holds_something_is_there_already);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(publish_suite());
}
