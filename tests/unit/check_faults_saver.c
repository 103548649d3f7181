/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A save with retention, a state file and a graph, in every format: every call fails, once and for
 * ever, with each of several errors, also after it took effect.
 *
 * Whatever fails, the state file names what can be restored, with the values of that step: the old
 * latest, or the new one, and the new one when the save succeeded. The next save succeeds.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/system/memory_system.h"
#include "tests/support/saver_sample.h"
#include "tests/support/suite.h"

static const int errors[] = {ENOSPC, EACCES, ENOLCK, EINVAL, EIO};

static struct memory_system *memory;
static struct system *sys;
static struct saver_sample sample;
static int layout;

static void save_step(int64_t step)
{
	ASSERT_OK(saver_sample_save(&sample, step, &test_error));
}

/* Steps 1 and 2 are there: the next save removes the first. */
static void begin_world(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	memory_system_settings(memory)->threads_inline = true;
	memory_system_add_directory(memory, "/folder");
	ck_assert(saver_sample_open(&sample, sys, layout));
	save_step(1);
	save_step(2);
	memory_system_clear_faults(memory);
}

static void end_world(const char *what)
{
	saver_sample_close(&sample);
	ck_assert_msg(memory_system_is_clean(memory), "%s: something is leaked", what);
	memory_system_destroy(memory);
}

static const char *describe(const struct memory_fault *fault)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s, %s %u%s, effect %d, error %d", saver_layout_name(layout),
		 memory_call_name(fault->call), (unsigned)fault->at,
		 fault->forever ? " for ever" : "", (int)fault->effect, fault->error);
	return text;
}

/* The call that changed everything reported a failure. */
static bool happened_behind_our_back(const struct memory_fault *fault)
{
	return fault->effect == MEMORY_FAULT_ERROR_AFTER && fault->call == MEMORY_CALL_RENAME;
}

static void judge(const struct memory_fault *fault, enum cairn_status status,
		  const struct cairn_error *error)
{
	const int64_t latest = saver_sample_look(sys, layout);
	const bool saved = strstr(error->message, "saved, but") != NULL;

	ck_assert_msg(latest == 2 || latest == 3, "%s: latest %d; %s (%s)", describe(fault),
		      (int)latest, cairn_status_name(status), error->message);
	if (status == CAIRN_OK) {
		ck_assert_msg(latest == 3, "%s: success, but it is not so", describe(fault));
		ck_assert_msg(!saver_sample_exists(sys, layout, 1) ||
				      cairn_saver_note(sample.saver) != NULL,
			      "%s: the oldest is there, and nobody said why", describe(fault));
		return;
	}
	ck_assert_msg(error->code == status && error->message[0] != '\0',
		      "%s: %s without a message, or with another code", describe(fault),
		      cairn_status_name(status));
	if (status != CAIRN_IN_DOUBT && !saved)
		ck_assert_msg(latest == 2 || happened_behind_our_back(fault),
			      "%s: %s (%s), and the new one is named", describe(fault),
			      cairn_status_name(status), error->message);
	if (saved)
		ck_assert_msg(saver_sample_exists(sys, layout, 3), "%s: not saved",
			      describe(fault));
}

static enum cairn_status try_fault(const struct memory_fault *fault)
{
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status;

	begin_world();
	memory_system_set_fault(memory, 0, fault);
	status = saver_sample_save(&sample, 3, &error);
	memory_system_clear_faults(memory);
	judge(fault, status, &error);
	test_error_reset();
	ck_assert_msg(saver_sample_save(&sample, 4, &test_error) == CAIRN_OK,
		      "%s: the next save: %s", describe(fault), test_error.message);
	ck_assert_msg(saver_sample_look(sys, layout) == 4, "%s: the next save is not the latest",
		      describe(fault));
	end_world(describe(fault));
	return status;
}

static uint64_t calls_of(enum memory_call call)
{
	uint64_t count;

	begin_world();
	save_step(3);
	count = memory_system_calls(memory, call);
	end_world("no fault");
	return count;
}

/* Once with each error; for ever, and after it took effect, with one. */
static void try_call(enum memory_call call, uint64_t at)
{
	struct memory_fault fault = {.call = call, .at = at, .error = ENOMEM};

	if (call == MEMORY_CALL_ALLOCATE) {
		try_fault(&fault);
	} else {
		for (size_t i = 0; i < COUNT_OF(errors); i++) {
			fault.error = errors[i];
			try_fault(&fault);
		}
		fault.effect = MEMORY_FAULT_ERROR_AFTER;
		if (call != MEMORY_CALL_SYNC)
			try_fault(&fault);
		fault.effect = MEMORY_FAULT_ERROR;
	}
	fault.forever = true;
	try_fault(&fault);
}

/* Loop index: layout and kind of call. */
START_TEST(every_call_fails)
{
	const enum memory_call call = (enum memory_call)(_i % MEMORY_CALL_KINDS);
	uint64_t calls;

	layout = _i / MEMORY_CALL_KINDS;
	calls = calls_of(call);
	for (uint64_t at = 1; at <= calls; at++)
		try_call(call, at);
}
END_TEST

/* The first one is that of the sweep, which is not needed for a save. That of removing the oldest
 * is only noted. */
START_TEST(a_failed_fsync_is_told)
{
	uint64_t calls;

	layout = _i;
	calls = calls_of(MEMORY_CALL_SYNC);
	ck_assert_uint_gt(calls, 3);
	for (uint64_t at = 2; at <= calls; at++) {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_SYNC, .at = at, .error = EIO};
		const char *note;
		enum cairn_status status;

		begin_world();
		memory_system_set_fault(memory, 0, &fault);
		status = saver_sample_save(&sample, 3, NULL);
		note = cairn_saver_note(sample.saver);
		ck_assert_msg(status != CAIRN_OK || note != NULL, "%s: success", describe(&fault));
		end_world(describe(&fault));
	}
}
END_TEST

/* ------------------------------------------------------------------------------------ restoring */

static enum cairn_status try_restoring(const struct memory_fault *fault)
{
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status;

	begin_world();
	memory_system_set_fault(memory, 0, fault);
	status = saver_sample_restore(&sample, 2, &error);
	memory_system_clear_faults(memory);
	if (status == CAIRN_OK)
		ck_assert_msg(saver_sample_holds(&sample, 2), "%s: success, but other values",
			      describe(fault));
	else
		ck_assert_msg(error.code == status && error.message[0] != '\0',
			      "%s: %s without a message, or with another code", describe(fault),
			      cairn_status_name(status));
	ASSERT_OK(saver_sample_restore(&sample, 1, &test_error));
	ck_assert_msg(saver_sample_holds(&sample, 1), "%s: other values", describe(fault));
	end_world(describe(fault));
	return status;
}

START_TEST(every_call_of_restoring_fails)
{
	const enum memory_call call = (enum memory_call)(_i % MEMORY_CALL_KINDS);
	uint64_t calls;

	layout = _i / MEMORY_CALL_KINDS;
	begin_world();
	ASSERT_OK(saver_sample_restore(&sample, 2, &test_error));
	calls = memory_system_calls(memory, call);
	end_world("no fault");
	for (uint64_t at = 1; at <= calls; at++) {
		const struct memory_fault once = {.call = call, .at = at, .error = EIO};
		const struct memory_fault forever = {
			.call = call, .at = at, .error = EIO, .forever = true};

		try_restoring(&once);
		try_restoring(&forever);
	}
}
END_TEST

static Suite *faults_saver_suite(void)
{
	Suite *suite = suite_create("faults_saver");
	TCase *tests = tcase_create("faults_saver");

	tcase_set_timeout(tests, 300);
	tcase_add_loop_test(tests, every_call_fails, 0, SAVER_LAYOUTS * MEMORY_CALL_KINDS);
	tcase_add_loop_test(tests, a_failed_fsync_is_told, 0, SAVER_LAYOUTS);
	tcase_add_loop_test(tests, every_call_of_restoring_fails, 0,
			    SAVER_LAYOUTS * MEMORY_CALL_KINDS);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(faults_saver_suite());
}
