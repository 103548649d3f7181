/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers and plans inside other programs, on the real system: in a child after fork, by somebody
 * who neither owns the file nor may write it, with few descriptors.
 */
#include <cairn/cairn.h>

#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/random.h"
#include "tests/support/suite.h"

#define ELEMENTS 500000u /* 1.9 MiB */
#define BYTES    (ELEMENTS * sizeof(float))
#define NOBODY   65534

static char folder[64];
static char path[128];
static float *numbers;
static uint8_t *buffer;

static void set_up(void)
{
	static const uint64_t dims[1] = {ELEMENTS};
	struct random random = {4};
	struct cairn_writer *writer;

	strcpy(folder, "/tmp/check_plan_hosts.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/model.cairn", folder);
	numbers = malloc(BYTES);
	buffer = malloc(BYTES);
	random_fill(&random, numbers, BYTES);
	ASSERT_OK(cairn_writer_create(path, NULL, &writer, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "a", CAIRN_F32, 1, dims, numbers, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "b", CAIRN_F32, 1, dims, numbers, &test_error));
	ASSERT_OK(cairn_writer_finish(writer, &test_error));
	cairn_writer_destroy(writer);
}

static void tear_down(void)
{
	unlink(path);
	rmdir(folder);
	free(numbers);
	free(buffer);
}

/* Restores one tensor, prefetches the other; true when all is right. */
static bool restores(struct cairn_reader *reader, struct cairn_plan_report *report)
{
	const struct cairn_plan_entry entries[2] = {
		{.name = cairn_string_from("a"),
		 .destination = CAIRN_PLAN_BUFFER,
		 .buffer = buffer,
		 .buffer_size = BYTES},
		{.name = cairn_string_from("b")},
	};
	struct cairn_plan *plan = NULL;
	bool is_right;

	memset(buffer, 0, BYTES);
	is_right = cairn_plan_create(reader, NULL, &plan, NULL) == CAIRN_OK &&
		   cairn_plan_add(plan, entries, 2, NULL) == CAIRN_OK &&
		   cairn_plan_run(plan, NULL) == CAIRN_OK && memcmp(buffer, numbers, BYTES) == 0;
	report->size = sizeof(*report);
	cairn_plan_report(plan, report);
	cairn_plan_destroy(plan);
	return is_right;
}

static bool views(const struct cairn_reader *reader)
{
	struct cairn_tensor tensor;
	struct cairn_view view;
	bool is_right;

	if (cairn_reader_find(reader, "b", &tensor, NULL) != CAIRN_OK ||
	    cairn_tensor_view(&tensor, &view, NULL) != CAIRN_OK)
		return false;
	is_right = view.size == BYTES && memcmp(view.data, numbers, BYTES) == 0;
	cairn_view_release(&view);
	return is_right;
}

static struct cairn_reader *open_model(void)
{
	struct cairn_reader *reader = NULL;

	ASSERT_OK(cairn_reader_open(path, NULL, &reader, &test_error));
	return reader;
}

static int status_of(pid_t child)
{
	int status = -1;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(a_reader_works_in_a_child_and_after_it)
{
	struct cairn_reader *const reader = open_model();
	struct cairn_plan_report report = {0};
	pid_t child;

	if (_i == 1)
		ck_assert(restores(reader, &report));
	fflush(stdout);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		const bool is_right = restores(reader, &report) && views(reader);

		cairn_reader_close(reader);
		_exit(is_right ? 0 : 1);
	}
	ck_assert_int_eq(status_of(child), 0);
	ck_assert(restores(reader, &report));
	ck_assert(views(reader));
	cairn_reader_close(reader);
}
END_TEST

/* As somebody else, where this process may become that. */
static int use_as_nobody(void)
{
	struct cairn_plan_report report = {0};
	struct cairn_reader *reader = NULL;
	bool is_right;

	if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
		return 77;
	if (cairn_reader_open(path, NULL, &reader, NULL) != CAIRN_OK)
		return 2;
	is_right = restores(reader, &report) && views(reader);
	cairn_reader_close(reader);
	if (report.resident_bytes + report.absent_bytes + report.unknown_bytes != report.file_bytes)
		return 3;
	return is_right ? 0 : 1;
}

START_TEST(a_file_of_somebody_else_can_be_read)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(use_as_nobody());
	status = status_of(child);
	ck_assert_msg(status == 0 || status == 77, "%d", status);
}
END_TEST

START_TEST(few_descriptors_are_enough)
{
	struct rlimit limit = {16, 16};
	struct cairn_plan_report report = {0};
	pid_t child;

	fflush(stdout);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct cairn_reader *reader = NULL;
		bool is_right = setrlimit(RLIMIT_NOFILE, &limit) == 0 &&
				cairn_reader_open(path, NULL, &reader, NULL) == CAIRN_OK;

		is_right = is_right && restores(reader, &report) && views(reader);
		cairn_reader_close(reader);
		_exit(is_right ? 0 : 1);
	}
	ck_assert_int_eq(status_of(child), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *const suite = suite_create("plan_hosts");
	TCase *const test_case = tcase_create("hosts");

	tcase_add_checked_fixture(test_case, set_up, tear_down);
	tcase_add_loop_test(test_case, a_reader_works_in_a_child_and_after_it, 0, 2);
	tcase_add_test(test_case, a_file_of_somebody_else_can_be_read);
	tcase_add_test(test_case, few_descriptors_are_enough);
	suite_add_tcase(suite, test_case);
	return suite;
}

int main(void)
{
	return run_suite(suite());
}
