/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Updating a state file and removing a checkpoint: every call fails, once and for ever, with each
 * of several errors, also after it took effect; and the power is cut at every point.
 *
 * An update leaves the old state file or the new one, whole. Where the new one is, the checkpoint
 * that it names is there with all its bytes, although nobody but the update synced it. A removal
 * never leaves an index whose data are gone.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/system/memory_system.h"
#include "engine/train/state.h"
#include "tests/support/crash.h"
#include "tests/support/fault_ways.h"
#include "tests/support/suite.h"

#define STATE "/d/checkpoint"
#define OLD_TEXT                                                                                   \
 "model_checkpoint_path: \"m-1\"\n"                                                                \
 "all_model_checkpoint_paths: \"m-1\"\n"
#define NEW_TEXT                                                                                   \
 "model_checkpoint_path: \"m-2\"\n"                                                                \
 "all_model_checkpoint_paths: \"m-2\"\n"
#define BYTES "the bytes of a checkpoint"

enum action {
	UPDATE,
	REMOVE,
	REMOVE_V1
};

/* The checkpoint that is named, or removed. */
static const struct scenario {
	const char *name;
	enum action action;
	const char *files[3];
	bool has_old; /* state file */
} scenarios[] = {
	{"an update", UPDATE, {"/d/m-2.index", "/d/m-2.data-00000-of-00001"}, true},
	{"a first update", UPDATE, {"/d/m-2.index", "/d/m-2.data-00000-of-00001"}, false},
	{"an update that names a container", UPDATE, {"/d/m-2.cairn"}, true},
	{"an update that names a sharded checkpoint",
	 UPDATE,
	 {"/d/m-2/index.cairn", "/d/m-2/shard-00000-of-00001.cairn"},
	 true},
	{"an update that names what is not there", UPDATE, {NULL}, true},
	{"a removal",
	 REMOVE,
	 {"/d/m-2.index", "/d/m-2.data-00000-of-00002", "/d/m-2.data-00001-of-00002"},
	 true},
	{"a removal of V1", REMOVE_V1, {"/d/m-2"}, true},
};

static const int errors[] = {EIO, ENOSPC, ENOMEM, EACCES, ENOLCK, EWOULDBLOCK, EINVAL};

static const struct scenario *scenario;
static struct memory_system *memory;
static struct system *sys;

/* --------------------------------------------------------------------------------------- world */

/* As another writer would that does not sync. */
static void write_file(const char *path)
{
	const int fd = system_create(sys, SYSTEM_CWD, path, 0644, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(system_write_all(sys, fd, BYTES, strlen(BYTES), 0), 0);
	ck_assert_int_eq(system_close(sys, fd), 0);
}

static void write_files(void)
{
	if (scenario->files[0] != NULL && strchr(scenario->files[0] + 3, '/') != NULL)
		ck_assert_int_eq(system_make_directory(sys, SYSTEM_CWD, "/d/m-2", 0755), 0);
	for (size_t i = 0; i < COUNT_OF(scenario->files) && scenario->files[i] != NULL; i++)
		write_file(scenario->files[i]);
}

static void begin_world(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	memory_system_add_directory(memory, "/d");
	if (scenario->has_old)
		memory_system_add_file(memory, STATE, OLD_TEXT, strlen(OLD_TEXT));
	if (scenario->action != UPDATE)
		write_files();
	memory_system_trace_start(memory);
	if (scenario->action == UPDATE)
		write_files();
	memory_system_clear_faults(memory);
}

static void end_world(void)
{
	memory_system_destroy(memory);
}

static enum cairn_status act(struct cairn_error *error)
{
	const struct cairn_state_remove_options v1 = {.format = CAIRN_STATE_TENSORFLOW_V1};

	switch (scenario->action) {
	case UPDATE:
		return state_update(sys, "/d", "m-2", NULL, error);
	case REMOVE:
		return state_remove(sys, "/d/m-2", NULL, error);
	case REMOVE_V1:
		return state_remove(sys, "/d/m-2", &v1, error);
	}
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- judging */

static bool holds(struct memory_system *system, const char *path, const char *text)
{
	char bytes[200];
	const int64_t size = memory_system_content(system, path, bytes, sizeof(bytes));

	return size == (int64_t)strlen(text) && memcmp(bytes, text, (size_t)size) == 0;
}

/* Of the files how many are there, whole. */
static unsigned whole_files(struct memory_system *system)
{
	unsigned count = 0;

	for (size_t i = 0; i < COUNT_OF(scenario->files) && scenario->files[i] != NULL; i++)
		count += holds(system, scenario->files[i], BYTES);
	return count;
}

static unsigned file_count(void)
{
	unsigned count = 0;

	while (count < COUNT_OF(scenario->files) && scenario->files[count] != NULL)
		count++;
	return count;
}

static bool is_old(struct memory_system *system)
{
	if (scenario->action != UPDATE)
		return whole_files(system) == file_count();
	return scenario->has_old ? holds(system, STATE, OLD_TEXT)
				 : !memory_system_exists(system, STATE);
}

static bool is_new(struct memory_system *system)
{
	if (scenario->action == UPDATE)
		return holds(system, STATE, NEW_TEXT) && whole_files(system) == file_count();
	return !memory_system_exists(system, scenario->files[0]);
}

static const char *describe(const struct memory_fault *fault)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s, %s %u%s, effect %d, error %d", scenario->name,
		 memory_call_name(fault->call), (unsigned)fault->at,
		 fault->forever ? " for ever" : "", (int)fault->effect, fault->error);
	return text;
}

/* The call that changed everything reported a failure. */
static bool happened_behind_our_back(const struct memory_fault *fault)
{
	return fault->effect == MEMORY_FAULT_ERROR_AFTER &&
	       (fault->call == MEMORY_CALL_RENAME || fault->call == MEMORY_CALL_UNLINK);
}

static void judge(const struct memory_fault *fault, enum cairn_status status,
		  const struct cairn_error *error)
{
	const bool before = is_old(memory);
	const bool after = is_new(memory);

	ck_assert_msg(before || after, "%s: neither old nor new; %s", describe(fault),
		      cairn_status_name(status));
	if (status == CAIRN_OK) {
		ck_assert_msg(after, "%s: success, but it is not so", describe(fault));
		return;
	}
	if (status != CAIRN_IN_DOUBT && scenario->action == UPDATE)
		ck_assert_msg(before || happened_behind_our_back(fault),
			      "%s: %s (%s), and the old one is gone", describe(fault),
			      cairn_status_name(status), error->message);
	ck_assert_msg(error->code == status && error->message[0] != '\0',
		      "%s: %s without a message, or with another code", describe(fault),
		      cairn_status_name(status));
}

static int look_at_state(void *context, const struct crash_state *state)
{
	struct memory_system *const system = state->system;
	const bool after = is_new(system);

	(void)context;
	if (state->marker == 1)
		return !after;
	return !after && !is_old(system) && memory_system_exists(system, scenario->files[0]);
}

/* For an update what lies there before counts too: any file of the checkpoint may be half written
 * as long as the old state file is there. */
static bool survives_power_cuts(const char *what)
{
	struct crash_counts counts;
	const int result = crash_enumerate(memory, NULL, look_at_state, NULL, &counts);

	ck_assert_msg(counts.distinct > 1 || what == NULL, "%s: nothing to look at", what);
	return result == 0;
}

static enum cairn_status try_fault(const struct memory_fault *fault)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct memory_live live;
	enum cairn_status status;

	begin_world();
	memory_system_set_fault(memory, 0, fault);
	status = act(&error);
	memory_system_clear_faults(memory);
	live = memory_system_live(memory);
	ck_assert_msg(live.allocations == 0 && live.descriptors == 0 && live.locks == 0,
		      "%s: something is leaked", describe(fault));
	judge(fault, status, &error);
	if (fault->call == MEMORY_CALL_SYNC) {
		memory_system_mark(memory, status == CAIRN_OK);
		ck_assert_msg(survives_power_cuts(NULL), "%s: not after a power cut",
			      describe(fault));
	}
	end_world();
	return status;
}

/* ------------------------------------------------------------------------------------- a sweep */

static uint64_t calls_of(enum memory_call call)
{
	uint64_t count;

	begin_world();
	ASSERT_OK(act(&test_error));
	count = memory_system_calls(memory, call);
	end_world();
	return count;
}

static void attempt(const struct memory_fault *fault)
{
	(void)try_fault(fault);
}

/* Loop index: scenario and kind of call. */
START_TEST(every_call_fails)
{
	const enum memory_call call = (enum memory_call)(_i % MEMORY_CALL_KINDS);
	uint64_t calls;

	scenario = &scenarios[_i / MEMORY_CALL_KINDS];
	calls = calls_of(call);
	for (uint64_t at = 1; at <= calls; at++) {
		for (size_t i = 0; i < COUNT_OF(errors); i++) {
			if (call != MEMORY_CALL_ALLOCATE || errors[i] == ENOMEM)
				fault_each_way(call, at, errors[i], attempt);
		}
		if (call == MEMORY_CALL_PWRITE) {
			const struct memory_fault one = {
				.call = call, .at = at, .effect = MEMORY_FAULT_SHORT_ONE};
			const struct memory_fault none = {
				.call = call, .at = at, .effect = MEMORY_FAULT_ZERO};

			try_fault(&one);
			try_fault(&none);
		}
	}
}
END_TEST

START_TEST(a_failed_fsync_is_no_success)
{
	uint64_t calls;

	scenario = &scenarios[_i];
	calls = calls_of(MEMORY_CALL_SYNC);
	ck_assert_uint_gt(calls, 0);
	for (uint64_t at = 1; at <= calls; at++) {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_SYNC, .at = at, .error = EIO};

		ck_assert_msg(try_fault(&fault) != CAIRN_OK, "%s: success", describe(&fault));
	}
}
END_TEST

START_TEST(a_power_cut_leaves_old_or_new)
{
	scenario = &scenarios[_i];
	begin_world();
	ASSERT_OK(act(&test_error));
	memory_system_mark(memory, 1);
	ck_assert_msg(survives_power_cuts(scenario->name), "%s", scenario->name);
	end_world();
}
END_TEST

/* The checkpoint was made durable by whoever asks: no fsync but those of the text. */
START_TEST(a_durable_checkpoint_is_not_synced_again)
{
	const struct cairn_state_update_options options = {.is_durable = 1};

	scenario = &scenarios[0];
	begin_world();
	ASSERT_OK(state_update(sys, "/d", "m-2", &options, &test_error));
	ck_assert_uint_eq(memory_system_calls(memory, MEMORY_CALL_SYNC), 2);
	end_world();
}
END_TEST

static Suite *faults_state_suite(void)
{
	Suite *suite = suite_create("faults_state");
	TCase *tests = tcase_create("faults_state");
	const int count = (int)COUNT_OF(scenarios);

	tcase_add_loop_test(tests, every_call_fails, 0, count * (int)MEMORY_CALL_KINDS);
	tcase_add_loop_test(tests, a_failed_fsync_is_no_success, 0, count);
	tcase_add_loop_test(tests, a_power_cut_leaves_old_or_new, 0, count);
	tcase_add_test(tests, a_durable_checkpoint_is_not_synced_again);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(faults_state_suite());
}
