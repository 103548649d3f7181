/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call of a reader fails: each in turn, once and for ever, with each error that the system
 * may have. The reader opens by path, iterates, finds, takes views and slices, copies ranges, reads
 * strings and metadata, and verifies; mapped, copied, and with pages that are not in memory.
 *
 * Whatever happens, the result is an error or right data. Nothing is leaked. An error is not
 * remembered: when the system works again, so does the same reader.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "tests/support/container_bytes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PATH "folder/model" /* opened with .cairn behind it */

struct scenario {
	const char *name;
	enum cairn_transport transport;
	int is_local;
	int resident;
	int map_shared_error;
	uint32_t flags;
};

static const struct scenario scenarios[] = {
	{"mapped", CAIRN_TRANSPORT_AUTO, 1, 1, 0, 0},
	{"mapped, index checked", CAIRN_TRANSPORT_AUTO, 1, 1, 0, CAIRN_OPEN_CHECK_INDEX},
	{"mapped, not in memory", CAIRN_TRANSPORT_AUTO, 1, 0, 0, 0},
	{"mapped privately", CAIRN_TRANSPORT_MAP, 0, 1, ENODEV, 0},
	{"copied", CAIRN_TRANSPORT_COPY, 1, 1, 0, 0},
	{"on a network", CAIRN_TRANSPORT_AUTO, 0, 1, 0, 0},
};

static const int errors[] = {EIO,    ENOSPC, EMFILE, ENOMEM,     EACCES, EROFS,
			     ESTALE, ENOSYS, EINVAL, EOPNOTSUPP, EFAULT, EHWPOISON};

static const struct sample sample = {SAMPLE_FULL, 1};

static struct container_bytes container;
static struct memory_system *memory;
static struct system *sys;
static const struct scenario *scenario;
static uint64_t cases;

static void set_up(void)
{
	container = container_bytes_create(&sample);
}

static void tear_down(void)
{
	printf("%s: %u cases\n", scenario->name, (unsigned int)cases);
	fflush(stdout);
	cases = 0;
	container_bytes_free(&container);
}

static void begin_world(void)
{
	struct memory_settings *settings;

	memory = memory_system_create();
	sys = memory_system_get(memory);
	settings = memory_system_settings(memory);
	settings->is_local = scenario->is_local;
	settings->resident = scenario->resident;
	settings->map_shared_error = scenario->map_shared_error;
	ck_assert_int_eq(memory_system_add_directory(memory, "folder"), 0);
	ck_assert_int_eq(
		memory_system_add_file(memory, PATH ".cairn", container.bytes, container.size), 0);
}

static void end_world(void)
{
	memory_system_destroy(memory);
	memory = NULL;
}

/* ------------------------------------------------------------------------------------ one round */

static enum cairn_status open_reader(struct cairn_reader **reader, struct cairn_error *error)
{
	const struct cairn_reader_options options = {.transport = scenario->transport,
						     .flags = scenario->flags};

	return reader_open_path(sys, PATH, &options, reader, error);
}

static enum cairn_status use(const struct cairn_reader *reader, struct cairn_error *error)
{
	const enum cairn_status status = sample_compare(reader, &sample, error);

	return status == CAIRN_OK ? sample_verify(reader, error) : status;
}

static const char *describe(const struct memory_fault *fault)
{
	static char text[160];

	snprintf(text, sizeof(text), "%s, %s %u%s, effect %d, error %d", scenario->name,
		 memory_call_name(fault->call), (unsigned int)fault->at,
		 fault->forever ? " for ever" : "", (int)fault->effect, fault->error);
	return text;
}

/* The system works again: the reader as well, and if there was none, a new one. */
static void try_again(const struct memory_fault *fault, struct cairn_reader **reader)
{
	struct cairn_error error = {0};

	if (*reader == NULL)
		ck_assert_msg(open_reader(reader, &error) == CAIRN_OK, "%s: then: %s",
			      describe(fault), error.message);
	ck_assert_msg(use(*reader, &error) == CAIRN_OK, "%s: an error is remembered: %s",
		      describe(fault), error.message);
}

static enum cairn_status try_fault(const struct memory_fault *fault, bool *fired)
{
	struct cairn_reader *reader = NULL;
	struct cairn_error error = {0};
	enum cairn_status status;

	begin_world();
	memory_system_set_fault(memory, 0, fault);
	status = open_reader(&reader, &error);
	if (status == CAIRN_OK)
		status = use(reader, &error);
	else
		ck_assert_msg(reader == NULL && memory_system_is_clean(memory),
			      "%s: a failed open leaves something behind", describe(fault));
	*fired = memory_system_fault_fired(memory, 0) != 0;
	memory_system_clear_faults(memory);
	cases++;
	/* the library has no cause to return it: the sample differs */
	ck_assert_msg(status != CAIRN_MISMATCH, "%s: wrong data: %s", describe(fault),
		      error.message);
	ck_assert_msg(status != CAIRN_CORRUPT && status != CAIRN_CHECKSUM,
		      "%s: the file is blamed: %s %s", describe(fault), cairn_status_name(status),
		      error.message);
	ck_assert_msg((status == CAIRN_OK) == (error.code == CAIRN_OK), "%s: no message",
		      describe(fault));
	try_again(fault, &reader);
	cairn_reader_close(reader);
	ck_assert_msg(memory_system_is_clean(memory), "%s: something is leaked", describe(fault));
	end_world();
	return status;
}

/* --------------------------------------------------------------------------------- expectations */

/* Calls without which a reader does as well. */
static bool must_succeed(const struct memory_fault *fault)
{
	switch ((int)fault->call) {
	case MEMORY_CALL_PREAD:
		return fault->effect == MEMORY_FAULT_SHORT_ONE ||
		       fault->effect == MEMORY_FAULT_SHORT_HALF;
	case MEMORY_CALL_CLOSE:
	case MEMORY_CALL_IS_LOCAL: /* a file system that does not say is not trusted */
	case MEMORY_CALL_RESIDENT:
	case MEMORY_CALL_ADVISE:
	case MEMORY_CALL_POPULATE: /* the pages are looked at with pread */
		return true;
	case MEMORY_CALL_MAP:
		return fault->error != ENOMEM;
	default:
		return false;
	}
}

static bool must_fail(const struct memory_fault *fault)
{
	return fault->effect == MEMORY_FAULT_ERROR && fault->error == EIO && fault->forever &&
	       (fault->call == MEMORY_CALL_PREAD || fault->call == MEMORY_CALL_OPEN ||
		fault->call == MEMORY_CALL_STATUS);
}

static void check_fault(const struct memory_fault *fault)
{
	bool fired;
	const enum cairn_status status = try_fault(fault, &fired);

	ck_assert_msg(fired, "%s: not met", describe(fault));
	if (must_succeed(fault))
		ck_assert_msg(status == CAIRN_OK, "%s: %s, though it could do without",
			      describe(fault), cairn_status_name(status));
	if (must_fail(fault) && fault->at == 1)
		ck_assert_msg(status != CAIRN_OK, "%s: success", describe(fault));
	if (fault->error == ENOMEM && status != CAIRN_OK)
		ck_assert_msg(status == CAIRN_NO_MEMORY, "%s: %s", describe(fault),
			      cairn_status_name(status));
}

/* --------------------------------------------------------------------------------------- sweeps */

static uint64_t calls_of_a_round(enum memory_call call)
{
	struct cairn_reader *reader = NULL;
	struct cairn_error error = {0};
	uint64_t count;

	begin_world();
	ck_assert_msg(open_reader(&reader, &error) == CAIRN_OK, "%s", error.message);
	ck_assert_msg(use(reader, &error) == CAIRN_OK, "%s", error.message);
	count = memory_system_calls(memory, call);
	cairn_reader_close(reader);
	end_world();
	return count;
}

static void check_error(enum memory_call call, uint64_t at, int error)
{
	const struct memory_fault once = {.call = call, .at = at, .error = error};
	const struct memory_fault forever = {
		.call = call, .at = at, .error = error, .forever = true};
	const struct memory_fault after = {
		.call = call, .at = at, .error = error, .effect = MEMORY_FAULT_ERROR_AFTER};

	check_fault(&once);
	check_fault(&forever);
	if (call != MEMORY_CALL_ALLOCATE && error == EIO)
		check_fault(&after);
}

static void check_short_counts(uint64_t at)
{
	const struct memory_fault shorts[] = {
		{.call = MEMORY_CALL_PREAD, .at = at, .effect = MEMORY_FAULT_SHORT_ONE},
		{.call = MEMORY_CALL_PREAD, .at = at, .effect = MEMORY_FAULT_SHORT_HALF},
		{.call = MEMORY_CALL_PREAD,
		 .at = at,
		 .effect = MEMORY_FAULT_SHORT_HALF,
		 .forever = true},
		{.call = MEMORY_CALL_PREAD, .at = at, .effect = MEMORY_FAULT_ZERO},
		{.call = MEMORY_CALL_PREAD, .at = at, .effect = MEMORY_FAULT_ZERO, .forever = true},
	};

	for (size_t i = 0; i < COUNT(shorts); i++)
		check_fault(&shorts[i]);
}

/* Under a sanitizer every call fails, but not with every error: a stride that is printed. */
static size_t error_stride(void)
{
	const size_t stride = getenv("CAIRN_SANITIZE") == NULL ? 1 : 5;

	if (stride != 1)
		printf("errors: one in %u\n", (unsigned int)stride);
	return stride;
}

/* Loop index: scenario and kind of call. */
START_TEST(every_call_fails)
{
	const enum memory_call call = (enum memory_call)(_i % MEMORY_CALL_KINDS);
	const size_t stride = error_stride();
	uint64_t calls;

	scenario = &scenarios[_i / MEMORY_CALL_KINDS];
	calls = call == MEMORY_CALL_ALLOCATE ? 0 : calls_of_a_round(call);
	for (uint64_t at = 1; at <= calls; at++) {
		for (size_t i = at % stride; i < COUNT(errors); i += stride)
			check_error(call, at, errors[i]);
		if (call == MEMORY_CALL_PREAD)
			check_short_counts(at);
	}
}
END_TEST

START_TEST(every_allocation_fails)
{
	uint64_t calls;

	scenario = &scenarios[_i];
	calls = calls_of_a_round(MEMORY_CALL_ALLOCATE);
	ck_assert_uint_gt(calls, 3);
	for (uint64_t at = 1; at <= calls; at++)
		check_error(MEMORY_CALL_ALLOCATE, at, ENOMEM);
}
END_TEST

/* Two calls fail, at any distance. */
START_TEST(every_call_fails_after_another)
{
	uint64_t calls;

	scenario = &scenarios[_i];
	calls = calls_of_a_round(MEMORY_CALL_ANY);
	for (uint64_t at = 1; at <= calls; at++) {
		for (uint64_t later = 1; later <= 4; later++) {
			const struct memory_fault first = {
				.call = MEMORY_CALL_ANY, .at = at, .error = EIO};
			const struct memory_fault second = {.call = MEMORY_CALL_ANY,
							    .at = later,
							    .error = EIO,
							    .after_previous = true};
			struct cairn_reader *reader = NULL;
			enum cairn_status status;

			begin_world();
			memory_system_set_fault(memory, 0, &first);
			memory_system_set_fault(memory, 1, &second);
			status = open_reader(&reader, NULL);
			if (status == CAIRN_OK)
				status = use(reader, NULL);
			ck_assert_msg(status != CAIRN_MISMATCH && status != CAIRN_CORRUPT &&
					      status != CAIRN_CHECKSUM,
				      "%s, then %u: %s", describe(&first), (unsigned int)later,
				      cairn_status_name(status));
			cairn_reader_close(reader);
			ck_assert_msg(memory_system_is_clean(memory),
				      "%s, then %u: something is leaked", describe(&first),
				      (unsigned int)later);
			end_world();
			cases++;
		}
	}
}
END_TEST

/* ----------------------------------------------------------------------------- single questions */

START_TEST(a_failing_medium_is_named_with_tensor_and_offset)
{
	const struct memory_fault failure = {
		.call = MEMORY_CALL_PREAD, .at = 1, .error = EIO, .forever = true};
	struct cairn_reader *reader = NULL;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};
	struct cairn_error error = {0};

	scenario = &scenarios[4];
	begin_world();
	ck_assert_int_eq(open_reader(&reader, NULL), CAIRN_OK);
	ck_assert_int_eq(cairn_reader_find(reader, "big", &tensor, NULL), CAIRN_OK);
	memory_system_set_fault(memory, 0, &failure);
	ck_assert_int_eq(cairn_tensor_view(&tensor, &view, &error), CAIRN_IO);
	ck_assert_int_eq(error.system_errno, EIO);
	ck_assert_msg(strstr(error.message, "tensor 'big': cannot read ") != NULL &&
			      strstr(error.message, "at offset 8192") != NULL,
		      "%s", error.message);
	cairn_reader_close(reader);
	end_world();
}
END_TEST

START_TEST(a_file_that_shrinks_is_truncated_and_not_corrupt)
{
	struct cairn_reader *reader = NULL;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};
	struct cairn_error error = {0};

	scenario = &scenarios[_i];
	begin_world();
	ck_assert_int_eq(open_reader(&reader, NULL), CAIRN_OK);
	ck_assert_int_eq(cairn_reader_find(reader, "big", &tensor, NULL), CAIRN_OK);
	ck_assert_int_eq(memory_system_truncate(memory, PATH ".cairn", 8192), 0);
	ck_assert_int_eq(cairn_tensor_view(&tensor, &view, &error), CAIRN_TRUNCATED);
	ck_assert_msg(strstr(error.message, "it was cut off") != NULL, "%s", error.message);
	ck_assert_int_eq(sample_verify(reader, &error), CAIRN_TRUNCATED);
	cairn_reader_close(reader);
	ck_assert(memory_system_is_clean(memory));
	end_world();
}
END_TEST

START_TEST(a_flipped_bit_is_bad_for_ever_but_only_there)
{
	struct cairn_reader *reader = NULL;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};
	struct cairn_error error = {0};

	scenario = &scenarios[_i];
	begin_world();
	ck_assert_int_eq(memory_system_corrupt(memory, PATH ".cairn", 8192 + 65536, 1), 0);
	ck_assert_int_eq(open_reader(&reader, NULL), CAIRN_OK);
	ck_assert_int_eq(cairn_reader_find(reader, "big", &tensor, NULL), CAIRN_OK);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(cairn_tensor_view(&tensor, &view, &error), CAIRN_CHECKSUM);
		ck_assert_msg(strstr(error.message, "tensor 'big': chunk 1 at offset 73728") !=
				      NULL,
			      "%s", error.message);
	}
	ck_assert_int_eq(cairn_reader_find(reader, "grid", &tensor, NULL), CAIRN_OK);
	ck_assert_int_eq(cairn_tensor_view(&tensor, &view, &error), CAIRN_OK);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	ck_assert(memory_system_is_clean(memory));
	end_world();
}
END_TEST

static Suite *faults_read_suite(void)
{
	Suite *suite = suite_create("faults_read");
	TCase *tcase = tcase_create("faults_read");
	const int scenario_count = (int)COUNT(scenarios);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, every_call_fails, 0, scenario_count * MEMORY_CALL_KINDS);
	tcase_add_loop_test(tcase, every_allocation_fails, 0, scenario_count);
	tcase_add_loop_test(tcase, every_call_fails_after_another, 0, scenario_count);
	tcase_add_test(tcase, a_failing_medium_is_named_with_tensor_and_offset);
	tcase_add_loop_test(tcase, a_file_that_shrinks_is_truncated_and_not_corrupt, 0,
			    scenario_count);
	tcase_add_loop_test(tcase, a_flipped_bit_is_bad_for_ever_but_only_there, 0, scenario_count);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(faults_read_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
