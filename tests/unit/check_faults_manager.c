/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A managed save that removes an old checkpoint: every call fails, once and for ever, with each of
 * several errors, also after it took effect.
 *
 * Whatever happens, every checkpoint that a state file names is there, whole, and as many as are to
 * be kept are. Success: the latest is the new one. An error: it is the old one or the new one.
 * Nothing is leaked, and the next save works and has the list that it should have.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/system/memory_system.h"
#include "engine/train/state.h"
#include "tests/support/fault_ways.h"
#include "tests/support/managed.h"
#include "tests/support/suite.h"

#define FOLDER "/d"
#define KEPT   2
#define SAVED  3 /* before */

static const struct scenario {
	const char *name;
	bool is_tensorflow;
	uint32_t flags;
	uint32_t keep_best;
} scenarios[] = {
	{"TensorFlow", true, 0, 0},
	{"containers", false, 0, 0},
	{"the best, and a lock", true, CAIRN_MANAGER_EXCLUSIVE, 1},
	{"in the background", true, CAIRN_MANAGER_ASYNC, 0},
	{"verified", false, CAIRN_MANAGER_KEEP_VERIFIED, 0},
};

static const int errors[] = {EIO, ENOSPC, ENOMEM, EACCES, ENOLCK, EWOULDBLOCK};

static const struct scenario *scenario;
static struct memory_system *memory;
static struct managed managed;
static struct cairn_manager *manager;

/* --------------------------------------------------------------------------------------- saving */

static enum cairn_status create(struct cairn_error *error)
{
	const struct cairn_manager_options options = {.flags = scenario->flags,
						      .keep_best = scenario->keep_best};
	const struct manager_subject subject = managed_subject(&managed);

	return manager_create(managed.system, &subject, FOLDER, KEPT, &options, &manager, error);
}

static enum cairn_status save(struct cairn_error *error)
{
	/* the third is the best of the first three, the next is better */
	const struct cairn_manager_save_options options = {.has_metric = 1,
							   .metric = (double)managed.counter};
	enum cairn_status status;

	managed_set(&managed, managed.counter + 1);
	status = cairn_manager_save(manager, &options, NULL, error);
	return status == CAIRN_OK ? cairn_manager_wait(manager, error) : status;
}

static void begin_world(void)
{
	memory = memory_system_create();
	memory_system_settings(memory)->threads_inline = true;
	memory_system_add_directory(memory, FOLDER);
	managed = (struct managed){.system = memory_system_get(memory),
				   .is_tensorflow = scenario->is_tensorflow,
				   .is_plain = true};
	ASSERT_OK(create(&test_error));
	for (int i = 0; i < SAVED; i++)
		ASSERT_OK(save(&test_error));
	cairn_manager_destroy(manager);
	manager = NULL;
	memory_system_clear_faults(memory);
}

/* A job that starts, saves and ends. */
static enum cairn_status act(struct cairn_error *error)
{
	enum cairn_status status = create(error);

	if (status == CAIRN_OK)
		status = save(error);
	return status;
}

/* -------------------------------------------------------------------------------------- judging */

static const char *describe(const struct memory_fault *fault)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s, %s %u%s, effect %d, error %d", scenario->name,
		 memory_call_name(fault->call), (unsigned)fault->at,
		 fault->forever ? " for ever" : "", (int)fault->effect, fault->error);
	return text;
}

/* The latest, or -1; everything that is named is there. */
static int64_t judge_names(const char *name, const struct memory_fault *fault)
{
	struct cairn_state *state = NULL;
	int64_t latest;

	if (state_get(managed.system, FOLDER, name, &state, &test_error) != CAIRN_OK)
		return -1;
	for (uint64_t i = 0; i < state->path_count; i++) {
		const char *const path = state->all_model_checkpoint_paths[i];

		ck_assert_msg(managed_value(managed.system, path) ==
				      strtoll(strrchr(path, '-') + 1, NULL, 10),
			      "%s: %s is named, and is %lld", describe(fault), path,
			      (long long)managed_value(managed.system, path));
	}
	latest = strtoll(strrchr(state->model_checkpoint_path, '-') + 1, NULL, 10);
	cairn_state_free(state);
	return latest;
}

static void judge(const struct memory_fault *fault, enum cairn_status status,
		  const struct cairn_error *error)
{
	const int64_t latest = judge_names(NULL, fault);

	judge_names(CAIRN_MANAGER_BEST_NAME, fault);
	ck_assert_msg(latest == SAVED + 1 || (latest == SAVED && status != CAIRN_OK),
		      "%s: %s, and the latest is %lld", describe(fault), cairn_status_name(status),
		      (long long)latest);
	ck_assert_msg(status == CAIRN_OK || error->message[0] != '\0', "%s: no message",
		      describe(fault));
}

/* The same manager, where it could be made, goes on. */
static void go_on(const struct memory_fault *fault)
{
	uint64_t count;

	if (manager == NULL)
		ASSERT_OK(create(&test_error));
	ASSERT_OK(save(&test_error));
	ck_assert_int_eq(judge_names(NULL, fault), managed.counter);
	count = cairn_manager_checkpoint_count(manager);
	ck_assert_msg(count == KEPT, "%s: %llu are kept", describe(fault),
		      (unsigned long long)count);
}

static void try_fault(const struct memory_fault *fault)
{
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status;

	begin_world();
	memory_system_set_fault(memory, 0, fault);
	status = act(&error);
	memory_system_clear_faults(memory);
	judge(fault, status, &error);
	go_on(fault);
	cairn_manager_destroy(manager);
	manager = NULL;
	ck_assert_msg(memory_system_is_clean(memory), "%s: something is leaked", describe(fault));
	memory_system_destroy(memory);
}

/* -------------------------------------------------------------------------------------- a sweep */

static uint64_t calls_of(enum memory_call call)
{
	uint64_t count;

	begin_world();
	ASSERT_OK(act(&test_error));
	cairn_manager_destroy(manager);
	manager = NULL;
	count = memory_system_calls(memory, call);
	memory_system_destroy(memory);
	return count;
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
				fault_each_way(call, at, errors[i], try_fault);
		}
	}
}
END_TEST

static Suite *faults_manager_suite(void)
{
	Suite *const suite = suite_create("faults_manager");
	TCase *const tcase = tcase_create("faults_manager");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, every_call_fails, 0,
			    (int)(COUNT_OF(scenarios) * MEMORY_CALL_KINDS));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(faults_manager_suite());
}
