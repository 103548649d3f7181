/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving and restoring objects where every call fails, once and for ever.
 *
 * A save leaves the old checkpoint as the latest or the new one, whole. A restore that fails leaves
 * nothing behind in the objects: the same restore works afterwards. A child that comes when calls
 * fail is not there, and its value waits on. Nothing is leaked, whatever fails.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/system/memory_system.h"
#include "engine/train/checkpoint.h"
#include "engine/train/state.h"
#include "tests/support/crash.h"
#include "tests/support/object_model.h"
#include "tests/support/suite.h"

#define FORMATS 2

static const struct cairn_checkpoint_write_options targets[FORMATS] = {
	{.size = sizeof(targets[0]), .thread_count = 1},
	{.size = sizeof(targets[0]), .thread_count = 1, .target = CAIRN_TARGET_TENSORFLOW},
};

static const int errors[] = {EIO, ENOSPC, ENOMEM};

static struct memory_system *memory;
static struct system *sys;
static struct object_model model;
static int format;
static bool has_fired; /* the fault of an action */

/* Far above what any action needs. */
#define CALLS_MAX 5000

static void clear_fault(void)
{
	has_fired = has_fired || memory_system_fault_fired(memory, 0) != 0;
	memory_system_clear_faults(memory);
}

/* A checkpoint of seed 1 that the state file names, and objects of `seed`. */
static void begin_world(unsigned seed)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	memory_system_add_directory(memory, "/d");
	ASSERT_OK(object_model_open(&model, sys, 1, &test_error));
	ASSERT_OK(cairn_checkpoint_save(model.checkpoint, "/d/c", &targets[format], NULL,
					&test_error));
	if (seed == 0) { /* as a program that begins */
		object_model_close(&model);
		ASSERT_OK(object_model_open(&model, sys, 0, &test_error));
	}
	model_values_fill(&model.values, seed);
	memory_system_trace_start(memory);
	memory_system_clear_faults(memory);
}

static void end_world(const struct memory_fault *fault)
{
	memory_system_clear_faults(memory);
	object_model_close(&model);
	ck_assert_msg(memory_system_is_clean(memory), "%s %u: something is leaked",
		      memory_call_name(fault->call), (unsigned)fault->at);
	memory_system_destroy(memory);
}

/* The seed of the latest checkpoint in a system; -1: none that is whole. */
static int latest_seed(struct system *system)
{
	struct object_model found;
	struct cairn_load_status *status = NULL;
	char path[CAIRN_PATH_SIZE];
	int seed = -1;

	ASSERT_OK(object_model_open(&found, system, 0, &test_error));
	if (state_latest(system, "/d", NULL, path, NULL) == CAIRN_OK &&
	    cairn_checkpoint_read(found.checkpoint, path, NULL, &status, NULL) == CAIRN_OK)
		seed = object_model_seed(&found, 3);
	cairn_load_status_release(status);
	object_model_close(&found);
	return seed;
}

static const char *describe(const struct memory_fault *fault)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s %u%s, error %d", memory_call_name(fault->call),
		 (unsigned)fault->at, fault->forever ? " for ever" : "", fault->error);
	return text;
}

/* ------------------------------------------------------------------------------------- actions */

static void save(const struct memory_fault *fault)
{
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status;
	int seed;

	begin_world(2);
	memory_system_set_fault(memory, 0, fault);
	status = cairn_checkpoint_save(model.checkpoint, "/d/c", &targets[format], NULL, &error);
	clear_fault();
	seed = latest_seed(sys);
	ck_assert_msg(seed == 2 || (seed == 1 && status != CAIRN_OK), "%s: %s, and seed %d",
		      describe(fault), cairn_status_name(status), seed);
	ck_assert_msg(status == CAIRN_OK || (error.code == status && error.message[0] != '\0'),
		      "%s: no message", describe(fault));
	ck_assert_int_eq(object_model_seed(&model, 2), 2);
	end_world(fault);
}

static void read_again(const struct memory_fault *fault)
{
	const struct cairn_object *const root = cairn_checkpoint_root(model.checkpoint);
	struct cairn_load_status *status = NULL;

	/* the checkpoint has a counter, which would wait */
	ck_assert_msg(model.step->update_uid == 0 && root->waiting.left == 0,
		      "%s: something is remembered", describe(fault));
	ASSERT_OK(cairn_checkpoint_restore(model.checkpoint, "/d/c-1", NULL, &status, &test_error));
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	ck_assert_int_eq(object_model_seed(&model, 1), 1);
	cairn_load_status_release(status);
}

static void restore(const struct memory_fault *fault)
{
	struct cairn_load_status *status = NULL;
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status result;

	begin_world(0);
	memory_system_set_fault(memory, 0, fault);
	result = cairn_checkpoint_read(model.checkpoint, "/d/c-1", NULL, &status, &error);
	clear_fault();
	if (result == CAIRN_OK) {
		ck_assert_int_eq(object_model_seed(&model, 1), 1);
		cairn_load_status_release(status);
	} else {
		ck_assert_ptr_null(status);
		ck_assert(error.code == result && error.message[0] != '\0');
		read_again(fault);
	}
	end_world(fault);
}

/* Sets one child after the other; each may fail, and is then set again. */
static void come_late(const struct memory_fault *fault, struct cairn_object *root)
{
	struct cairn_object *const objects[] = {model.opt, model.model, model.step, model.text};
	static const char *const names[] = {"opt", "model", "step", "text"};

	for (size_t i = 0; i < COUNT_OF(objects); i++) {
		if (cairn_object_set(root, names[i], objects[i], &test_error) == CAIRN_OK)
			continue;
		ck_assert_msg(cairn_object_child(root, names[i]) == NULL,
			      "%s: a child is there although it failed", describe(fault));
		clear_fault();
		ASSERT_OK(cairn_object_set(root, names[i], objects[i], &test_error));
	}
}

static void wait(const struct memory_fault *fault)
{
	struct cairn_load_status *status = NULL;
	struct cairn_checkpoint *late;

	begin_world(0);
	ASSERT_OK(checkpoint_create(sys, NULL, NULL, 0, &late, &test_error));
	ASSERT_OK(cairn_checkpoint_restore(late, "/d/c-1", NULL, &status, &test_error));
	memory_system_clear_faults(memory);
	memory_system_set_fault(memory, 0, fault);
	come_late(fault, cairn_checkpoint_root(late));
	clear_fault();
	ck_assert_int_eq(object_model_seed(&model, 1), 1);
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	cairn_load_status_release(status);
	cairn_checkpoint_destroy(late);
	end_world(fault);
}

static int count_entry(void *context, const struct cairn_load_entry *entry)
{
	(void)entry;
	(*(unsigned *)context)++;
	return 0;
}

/* Assertions and listing answer, or say that there is no memory. */
static void ask(const struct memory_fault *fault)
{
	struct cairn_load_status *status = NULL;
	unsigned count = 0;
	enum cairn_status result;

	begin_world(0);
	ASSERT_OK(cairn_checkpoint_restore(model.checkpoint, "/d/c-1", NULL, &status, &test_error));
	memory_system_clear_faults(memory);
	memory_system_set_fault(memory, 0, fault);
	result = cairn_load_status_assert_consumed(status, &test_error);
	ck_assert(result == CAIRN_OK || result == CAIRN_NO_MEMORY);
	result = cairn_load_status_list(status, count_entry, &count, &test_error);
	ck_assert(result == CAIRN_NO_MEMORY || (result == CAIRN_OK && count == 7));
	result = cairn_load_status_assert_nontrivial_match(status, &test_error);
	ck_assert(result == CAIRN_OK || result == CAIRN_NO_MEMORY);
	clear_fault();
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	cairn_load_status_release(status);
	end_world(fault);
}

/* ------------------------------------------------------------------------------------- a sweep */

static void (*const actions[])(const struct memory_fault *fault) = {save, restore, wait, ask};

#define ACTIONS 4

/* Until the fault is not reached any more: the call is made no more often. */
static void sweep(void (*action)(const struct memory_fault *fault), enum memory_call call,
		  int error, bool forever)
{
	for (uint64_t at = 1; at < CALLS_MAX; at++) {
		const struct memory_fault fault = {
			.call = call, .at = at, .error = error, .forever = forever};

		has_fired = false;
		action(&fault);
		if (!has_fired)
			return;
	}
	ck_abort_msg("%s: endless", memory_call_name(call));
}

START_TEST(every_call_fails)
{
	const enum memory_call call = (enum memory_call)(_i % MEMORY_CALL_KINDS);
	void (*const action)(
		const struct memory_fault *) = actions[_i / MEMORY_CALL_KINDS % ACTIONS];

	format = _i / MEMORY_CALL_KINDS / ACTIONS;
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		if (call == MEMORY_CALL_ALLOCATE && errors[i] != ENOMEM)
			continue;
		sweep(action, call, errors[i], false);
		sweep(action, call, errors[i], true);
	}
}
END_TEST

/* ---------------------------------------------------------------------------------- power cuts */

static int look(void *context, const struct crash_state *state)
{
	const int seed = latest_seed(memory_system_get(state->system));

	(void)context;
	return state->marker == 1 ? seed != 2 : seed != 1 && seed != 2;
}

START_TEST(a_power_cut_during_a_save_leaves_the_old_or_the_new_latest)
{
	const struct crash_options options = {.states_max = 3000};
	const struct memory_fault none = {.call = MEMORY_CALL_ANY};
	struct crash_counts counts;

	format = _i;
	begin_world(2);
	ASSERT_OK(cairn_checkpoint_save(model.checkpoint, "/d/c", &targets[format], NULL,
					&test_error));
	memory_system_mark(memory, 1);
	ck_assert_int_eq(crash_enumerate(memory, &options, look, NULL, &counts), 0);
	ck_assert_uint_gt(counts.distinct, 10);
	end_world(&none);
}
END_TEST

/* The first checkpoint of a folder that is made for it: with success it is there. */
static int look_for_first(void *context, const struct crash_state *state)
{
	struct system *const system = memory_system_get(state->system);
	struct cairn_load_status *status = NULL;
	struct object_model found;
	int seed = 0;

	(void)context;
	ASSERT_OK(object_model_open(&found, system, 0, &test_error));
	if (cairn_checkpoint_read(found.checkpoint, "/d/new/er/c-2", NULL, &status, NULL) ==
	    CAIRN_OK)
		seed = object_model_seed(&found, 2);
	cairn_load_status_release(status);
	object_model_close(&found);
	return state->marker == 1 ? seed != 2 : seed != 0 && seed != 2;
}

START_TEST(a_power_cut_after_a_save_into_new_folders_loses_nothing)
{
	const struct crash_options options = {.states_max = 3000};
	const struct memory_fault none = {.call = MEMORY_CALL_ANY};

	format = _i;
	begin_world(2);
	ASSERT_OK(cairn_checkpoint_save(model.checkpoint, "/d/new/er/c", &targets[format], NULL,
					&test_error));
	memory_system_mark(memory, 1);
	ck_assert_int_eq(crash_enumerate(memory, &options, look_for_first, NULL, NULL), 0);
	end_world(&none);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("faults_checkpoint");
	TCase *const faults = tcase_create("faults");
	TCase *const cuts = tcase_create("power cuts");

	tcase_set_timeout(faults, 120);
	tcase_add_loop_test(faults, every_call_fails, 0, FORMATS * ACTIONS * MEMORY_CALL_KINDS);
	suite_add_tcase(suite, faults);
	tcase_set_timeout(cuts, 120);
	tcase_add_loop_test(cuts, a_power_cut_during_a_save_leaves_the_old_or_the_new_latest, 0,
			    FORMATS);
	tcase_add_loop_test(cuts, a_power_cut_after_a_save_into_new_folders_loses_nothing, 0,
			    FORMATS);
	suite_add_tcase(suite, cuts);
	return run_suite(suite);
}
