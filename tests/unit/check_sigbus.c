/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mapped file is cut off behind the reader's back, by another descriptor. What the reader does
 * next is an error, TRUNCATED or CHECKSUM, and never a signal.
 *
 * On the real system, in a folder of its own under /tmp. The signal is caught here so that the
 * failure can say what raised it; the library itself installs no handler.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "format/container.h"
#include "tests/support/sample_model.h"
#include "tests/support/system_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;
static char path[256];
static struct cairn_reader *reader;
static sigjmp_buf before_the_signal;

static void caught(int number)
{
	siglongjmp(before_the_signal, number);
}

static void set_up(void)
{
	struct sigaction action = {.sa_handler = caught};

	ck_assert_int_eq(sigaction(SIGBUS, &action, NULL), 0);
	world = world_open(0);
	snprintf(path, sizeof(path), "%s", world_path(&world, "model.cairn"));
	reader = NULL;
}

static void tear_down(void)
{
	cairn_reader_close(reader);
	world_close(&world);
}

static void open_mapped(void)
{
	const struct cairn_reader_options options = {.transport = CAIRN_TRANSPORT_MAP};
	struct cairn_error error = {0};

	ck_assert_msg(cairn_reader_open(path, &options, &reader, &error) == CAIRN_OK, "%s",
		      error.message);
}

/* Another process with another idea. */
static void cut_off(uint64_t size)
{
	int fd;

	ck_assert_int_eq(chmod(path, 0644), 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(close(fd), 0);
}

/* ---------------------------------------------------------------------------------------- calls */

/* What is done to the reader after the file was cut off; `tensor` was found before. */
struct call {
	const char *name;
	enum cairn_status (*make)(const struct cairn_tensor *tensor, struct cairn_error *error);
	bool takes_data; /* must fail when the data are gone */
};

static enum cairn_status call_view(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	struct cairn_view view = {0};
	const enum cairn_status status = cairn_tensor_view(tensor, &view, error);

	cairn_view_release(&view);
	return status;
}

static enum cairn_status call_slice(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	const uint64_t starts[] = {69, 3};
	const uint64_t lengths[] = {1, 5};
	struct cairn_view view = {0};
	const enum cairn_status status = cairn_tensor_view_slice(tensor, starts, lengths, &view,
								 error);

	cairn_view_release(&view);
	return status;
}

static enum cairn_status call_columns(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	const uint64_t starts[] = {0, 1};
	const uint64_t lengths[] = {70, 2};
	struct cairn_view view = {0};
	const enum cairn_status status = cairn_tensor_view_slice(tensor, starts, lengths, &view,
								 error);

	cairn_view_release(&view);
	return status;
}

static enum cairn_status call_read(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	uint8_t bytes[100];

	return cairn_tensor_read(tensor, tensor->size - sizeof(bytes), bytes, sizeof(bytes), error);
}

static enum cairn_status call_find(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	struct cairn_tensor found;

	(void)tensor;
	return cairn_reader_find(reader, "strings", &found, error);
}

static enum cairn_status call_iterate(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	struct cairn_tensor found;
	enum cairn_status status = CAIRN_OK;

	(void)tensor;
	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader) && status == CAIRN_OK; i++)
		status = cairn_reader_tensor_at(reader, i, &found, error);
	return status;
}

static enum cairn_status call_stored(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	struct cairn_stored_slice slice;

	return cairn_tensor_stored_slice(tensor, 0, &slice, error);
}

static enum cairn_status call_metadata(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	struct cairn_tensor value;

	(void)tensor;
	return cairn_reader_metadata_find(reader, cairn_string_from("step"), &value, error);
}

static enum cairn_status call_verify(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	(void)tensor;
	return sample_verify(reader, error);
}

static const struct call calls[] = {
	{"view", call_view, true},
	{"slice", call_slice, true},
	{"columns", call_columns, true},
	{"read", call_read, true},
	{"find", call_find, false},
	{"iterate", call_iterate, false},
	{"stored slice", call_stored, false},
	{"metadata", call_metadata, false},
	{"verify", call_verify, true},
};

/* The call's status; fails the test when a signal arises in it. */
static enum cairn_status make(const struct call *call, const struct cairn_tensor *tensor,
			      struct cairn_error *error)
{
	if (sigsetjmp(before_the_signal, 1) != 0) {
		ck_abort_msg("%s: SIGBUS", call->name);
		return CAIRN_IO;
	}
	return call->make(tensor, error);
}

static bool is_expected(const struct call *call, enum cairn_status status)
{
	return status == CAIRN_TRUNCATED || status == CAIRN_CHECKSUM ||
	       (status == CAIRN_OK && !call->takes_data);
}

static void check_call(const struct call *call, const struct cairn_tensor *tensor)
{
	struct cairn_error error = {0};
	const enum cairn_status status = make(call, tensor, &error);

	ck_assert_msg(is_expected(call, status), "%s: %s %s", call->name, cairn_status_name(status),
		      error.message);
}

/* ---------------------------------------------------------------------------------------- tests */

/* Bytes that are left: nothing, the header, one chunk of the tensor, and all but the index. */
static const uint64_t sizes[] = {0, 4096, 8192 + 65536, 131072};

static void save_sample(void)
{
	const struct sample sample = {SAMPLE_FULL, 1};

	ck_assert_int_eq(sample_write(system_posix(), path, &sample, 0, NULL), CAIRN_OK);
}

/* Loop index: call and size. */
START_TEST(first_use_of_a_file_that_was_cut_off_is_an_error)
{
	const struct call *const call = &calls[(size_t)_i % COUNT(calls)];
	const uint64_t size = sizes[(size_t)_i / COUNT(calls)];
	struct cairn_tensor tensor;

	save_sample();
	open_mapped();
	ck_assert_int_eq(cairn_reader_find(reader, "big", &tensor, NULL), CAIRN_OK);
	cut_off(size);
	if (size == 131072 && call->make != call_verify) { /* the data are all there */
		struct call lenient = *call;

		lenient.takes_data = false;
		check_call(&lenient, &tensor);
	} else {
		check_call(call, &tensor);
	}
}
END_TEST

/* Verified once does not make the library touch it blindly: copies and gathered views are the
 * library's own accesses. (A view is the caller's: the caveat in reader.h.) */
START_TEST(second_use_of_a_file_that_was_cut_off_raises_no_signal)
{
	const struct call *const call = &calls[_i];
	struct cairn_tensor tensor;
	struct cairn_error error = {0};
	enum cairn_status status;

	save_sample();
	open_mapped();
	ck_assert_int_eq(cairn_reader_find(reader, "big", &tensor, NULL), CAIRN_OK);
	ck_assert_int_eq(make(call, &tensor, &error), CAIRN_OK);
	cut_off(4096);
	status = make(call, &tensor, &error);
	ck_assert_msg(status == CAIRN_OK || is_expected(call, status), "%s: %s %s", call->name,
		      cairn_status_name(status), error.message);
}
END_TEST

/* An index of several blocks, of which most were never touched when they are lost. */
START_TEST(find_in_an_index_that_was_cut_off_is_an_error)
{
	enum {
		TENSORS = 4000
	};
	const struct call find = {"find", NULL, false};
	struct cairn_writer *writer = NULL;
	struct cairn_tensor tensor;
	struct cairn_error error = {0};
	struct stat status;
	char name[16];

	ck_assert_int_eq(cairn_writer_create(path, NULL, &writer, NULL), CAIRN_OK);
	for (uint32_t i = 0; i < TENSORS; i++) {
		snprintf(name, sizeof(name), "t%05u", i);
		ck_assert_int_eq(cairn_writer_add_copy(writer, name, CAIRN_U32, 0, NULL, &i, NULL),
				 CAIRN_OK);
	}
	ck_assert_int_eq(cairn_writer_finish(writer, NULL), CAIRN_OK);
	cairn_writer_destroy(writer);
	open_mapped();
	ck_assert_int_eq(stat(path, &status), 0);
	cut_off((uint64_t)status.st_size - CONTAINER_PAGE_SIZE - 8 * INDEX_BLOCK_SIZE);
	if (sigsetjmp(before_the_signal, 1) != 0)
		ck_abort_msg("%s: SIGBUS", find.name);
	for (uint32_t i = 0; i < TENSORS; i += 97) {
		enum cairn_status found;

		snprintf(name, sizeof(name), "t%05u", i);
		found = cairn_reader_find(reader, name, &tensor, &error);
		ck_assert_msg(found == CAIRN_OK || is_expected(&find, found), "%s: %s", name,
			      error.message);
	}
	ck_assert_int_eq(sample_verify(reader, &error), CAIRN_TRUNCATED);
}
END_TEST

static Suite *sigbus_suite(void)
{
	Suite *suite = suite_create("sigbus");
	TCase *tcase = tcase_create("sigbus");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, first_use_of_a_file_that_was_cut_off_is_an_error, 0,
			    (int)(COUNT(calls) * COUNT(sizes)));
	tcase_add_loop_test(tcase, second_use_of_a_file_that_was_cut_off_raises_no_signal, 0,
			    (int)COUNT(calls));
	tcase_add_test(tcase, find_in_an_index_that_was_cut_off_is_an_error);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *const runner = srunner_create(sigbus_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
