/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Managers: which checkpoints stay, what the state files say, restarts, the interval, the best, the
 * lock, and damaged checkpoints. In both formats, on the system in memory.
 */
#include "engine/train/manager.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "engine/train/doomed.h"
#include "engine/train/state.h"
#include "tests/support/build.h"
#include "tests/support/managed.h"
#include "tests/support/suite.h"

#define SECOND INT64_C(1000000000)

static struct scene scene;
static struct managed managed;
static struct cairn_manager *manager;

static void set_up(void)
{
	scene_open(&scene);
	managed = (struct managed){.system = scene.system, .is_tensorflow = true};
	manager = NULL;
}

static void tear_down(void)
{
	cairn_manager_destroy(manager);
	scene_close(&scene);
}

static void set_clock(int64_t seconds)
{
	memory_system_set_wall_clock(scene.memory, seconds * SECOND);
}

static enum cairn_status create(int32_t max_to_keep, const struct cairn_manager_options *options,
				struct cairn_manager **result)
{
	const struct manager_subject subject = managed_subject(&managed);

	return manager_create(scene.system, &subject, "/d", max_to_keep, options, result,
			      &test_error);
}

/* Ends the manager that there is, and begins another one. */
static void start(int32_t max_to_keep, const struct cairn_manager_options *options)
{
	cairn_manager_destroy(manager);
	manager = NULL;
	ASSERT_OK(create(max_to_keep, options, &manager));
}

/* Saves a value that is the number of the checkpoint. */
static void save_with(const struct cairn_manager_save_options *options)
{
	managed_set(&managed, options != NULL && options->has_checkpoint_number
				      ? options->checkpoint_number
				      : managed.counter + 1);
	ASSERT_OK(cairn_manager_save(manager, options, NULL, &test_error));
}

static void save(void)
{
	save_with(NULL);
}

static void save_number(int64_t number)
{
	const struct cairn_manager_save_options options = {.has_checkpoint_number = 1,
							   .checkpoint_number = number};

	save_with(&options);
}

static void save_metric(double metric)
{
	const struct cairn_manager_save_options options = {.has_metric = 1, .metric = metric};

	save_with(&options);
}

static const char *prefix_of(int64_t number)
{
	static char prefix[40];

	snprintf(prefix, sizeof(prefix), "/d/ckpt-%lld", (long long)number);
	return prefix;
}

/* The checkpoints 0 to 19 that are there, whole: "3 4 ". */
static const char *there(void)
{
	static char text[200];
	size_t used = 0;

	text[0] = '\0';
	for (int64_t i = 0; i < 20; i++) {
		const int64_t value = managed_value(scene.system, prefix_of(i));

		ck_assert(value == -1 || value == i);
		if (value == i)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%lld ",
						 (long long)i);
	}
	return text;
}

/* Those that the manager lists. */
static const char *listed(void)
{
	static char text[200];
	size_t used = 0;

	text[0] = '\0';
	for (uint64_t i = 0; i < cairn_manager_checkpoint_count(manager); i++) {
		const char *const path = cairn_manager_checkpoint(manager, i, NULL);

		ck_assert(strncmp(path, "/d/ckpt-", 8) == 0);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ", path + 8);
	}
	ck_assert_ptr_null(
		cairn_manager_checkpoint(manager, cairn_manager_checkpoint_count(manager), NULL));
	return text;
}

static const char *best(void)
{
	static char text[200];
	size_t used = 0;
	const char *path;

	text[0] = '\0';
	for (uint64_t i = 0; (path = cairn_manager_best_checkpoint(manager, i, NULL)) != NULL; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ", path + 8);
	return text;
}

static void assert_state(const char *file, const char *text)
{
	struct bytes found = scene_content(&scene, file);

	ck_assert_msg(found.size == strlen(text) && memcmp(found.data, text, found.size) == 0,
		      "%s is:\n%.*s", file, (int)found.size, (const char *)found.data);
	bytes_free(&found);
}

static void damage(int64_t number)
{
	char path[80];

	snprintf(path, sizeof(path), "/d/ckpt-%lld.data-00000-of-00001", (long long)number);
	ck_assert_int_eq(memory_system_corrupt(scene.memory, path, 100, 1), 0);
}

/* -------------------------------------------------------------------------------------- keeping */

START_TEST(the_newest_are_kept)
{
	managed.is_tensorflow = _i != 0;
	start(2, NULL);
	for (int i = 0; i < 5; i++)
		save();
	ck_assert_str_eq(there(), "4 5 ");
	ck_assert_str_eq(listed(), "4 5 ");
	ck_assert_str_eq(cairn_manager_latest_checkpoint(manager), "/d/ckpt-5");
	ck_assert_ptr_null(cairn_manager_note(manager));
	/* the state file, and one or two files for each checkpoint */
	ck_assert_uint_eq(scene_entries(&scene, "/d"), managed.is_tensorflow ? 5 : 3);
}
END_TEST

START_TEST(the_state_file_has_the_times)
{
	struct cairn_state *state = NULL;

	set_clock(1000);
	start(2, NULL);
	for (int i = 0; i < 3; i++) {
		set_clock(1001 + i);
		save();
	}
	ASSERT_OK(state_get(scene.system, "/d", NULL, &state, &test_error));
	ck_assert_str_eq(state->model_checkpoint_path, "/d/ckpt-3");
	ck_assert_uint_eq(state->path_count, 2);
	ck_assert_uint_eq(state->timestamp_count, 2);
	ck_assert_str_eq(state->all_model_checkpoint_paths[0], "/d/ckpt-2");
	ck_assert_str_eq(state->all_model_checkpoint_paths[1], "/d/ckpt-3");
	/* the clock moves a little with each change */
	ck_assert_int_eq((int)state->all_model_checkpoint_timestamps[0], 1002);
	ck_assert_int_eq((int)state->all_model_checkpoint_timestamps[1], 1003);
	ck_assert_int_eq((int)state->last_preserved_timestamp, 999);
	cairn_state_free(state);
}
END_TEST

START_TEST(all_are_kept_and_listed)
{
	start(CAIRN_MANAGER_KEEP_ALL, NULL);
	for (int i = 0; i < 5; i++)
		save();
	ck_assert_str_eq(there(), "1 2 3 4 5 ");
	ck_assert_str_eq(listed(), "1 2 3 4 5 ");
}
END_TEST

/* The worked example of TensorFlow's own tests. */
START_TEST(one_is_kept_for_ever_each_so_many_hours)
{
	const struct cairn_manager_options options = {.keep_checkpoint_every_n_hours = 1.5};
	static const int64_t times[] = {14330, 16130, 18000, 19830, 21000};

	set_clock(3);
	start(2, NULL);
	set_clock(10000);
	save();
	set_clock(13610);
	save();
	set_clock(14000);
	start(2, &options);
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		set_clock(times[i]);
		save();
	}
	ck_assert_str_eq(listed(), "6 7 ");
	ck_assert_str_eq(there(), "1 4 6 7 ");
}
END_TEST

START_TEST(a_number_that_is_saved_again_is_the_newest)
{
	start(2, NULL);
	save();
	save_number(9);
	save();
	save_number(9);
	ck_assert_str_eq(listed(), "3 9 ");
	ck_assert_str_eq(there(), "3 9 ");
	ck_assert_int_eq(managed.counter, 4);
	save_number(0);
	ck_assert_str_eq(listed(), "9 0 ");
}
END_TEST

/* ------------------------------------------------------------------------------------- restarts */

START_TEST(a_restart_goes_on_with_the_list)
{
	const char *path = NULL;

	start(3, NULL);
	for (int i = 0; i < 3; i++)
		save();
	managed_set(&managed, 77);
	managed.counter = 0;
	start(2, NULL);
	ck_assert_str_eq(listed(), "1 2 3 ");
	ASSERT_OK(cairn_manager_restore_or_initialize(manager, &path, &test_error));
	ck_assert_str_eq(path, "/d/ckpt-3");
	ck_assert_int_eq(managed.values[5], 3);
	ck_assert_str_eq(there(), "1 2 3 ");
	save();
	ck_assert_str_eq(listed(), "3 4 ");
	ck_assert_str_eq(there(), "3 4 ");
}
END_TEST

START_TEST(what_has_no_time_is_never_removed)
{
	static const char text[] = "model_checkpoint_path: \"ckpt-1\"\n"
				   "all_model_checkpoint_paths: \"ckpt-1\"\n";

	start(1, NULL);
	save();
	memory_system_add_file(scene.memory, "/d/checkpoint", text, strlen(text));
	start(1, NULL);
	ck_assert_str_eq(listed(), "");
	ck_assert_str_eq(cairn_manager_latest_checkpoint(manager), "/d/ckpt-1");
	save();
	save();
	ck_assert_str_eq(there(), "1 3 ");
}
END_TEST

START_TEST(a_clock_that_went_back_is_told)
{
	set_clock(100000);
	start(1, NULL);
	save();
	set_clock(50000);
	start(1, NULL);
	ck_assert_ptr_nonnull(strstr(cairn_manager_note(manager), "clock"));
	ck_assert_str_eq(listed(), "");
	save();
	ck_assert_str_eq(there(), "1 2 ");
}
END_TEST

START_TEST(a_damaged_state_file_counts_as_none_and_is_told)
{
	memory_system_add_directory(scene.memory, "/d");
	memory_system_add_file(scene.memory, "/d/checkpoint", "what: 3\n", 8);
	start(1, NULL);
	ck_assert_ptr_nonnull(cairn_manager_note(manager));
	ck_assert_ptr_null(cairn_manager_latest_checkpoint(manager));
	save();
	ck_assert_ptr_null(cairn_manager_note(manager));
	ck_assert_str_eq(listed(), "1 ");
}
END_TEST

START_TEST(an_empty_state_file_is_refused)
{
	memory_system_add_directory(scene.memory, "/d");
	memory_system_add_file(scene.memory, "/d/checkpoint", "", 0);
	ASSERT_FAILS(create(1, NULL, &manager), CAIRN_INVALID_ARGUMENT, "model_checkpoint_path");
}
END_TEST

START_TEST(options_are_checked)
{
	const struct cairn_manager_options interval = {.checkpoint_interval = 3};
	const struct cairn_manager_options folder = {.checkpoint_name = "a/b"};
	const struct cairn_manager_options flags = {.flags = 1u << 31};

	ASSERT_FAILS(create(0, NULL, &manager), CAIRN_INVALID_ARGUMENT, "positive");
	ASSERT_FAILS(create(-2, NULL, &manager), CAIRN_INVALID_ARGUMENT, "positive");
	ASSERT_FAILS(create(1, &interval, &manager), CAIRN_INVALID_ARGUMENT, "step counter");
	ASSERT_FAILS(create(1, &folder, &manager), CAIRN_INVALID_ARGUMENT, "folder");
	ASSERT_FAILS(create(1, &flags, &manager), CAIRN_INVALID_ARGUMENT, "unknown");
}
END_TEST

/* --------------------------------------------------------------------------------- the interval */

START_TEST(saves_are_an_interval_apart)
{
	int64_t step = 0;
	const struct cairn_manager_options options = {.step_counter = &step,
						      .checkpoint_interval = 3};
	const struct cairn_manager_save_options now = {.ignore_interval = 1};
	static const int64_t steps[] = {0, 1, 2, 3, 3, 5, 6, 20};
	const char *path = "";

	start(9, &options);
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		step = steps[i];
		save();
	}
	ck_assert_int_eq(managed.counter, 4); /* 0, 3, 6, 20 */
	step = 21;
	ASSERT_OK(cairn_manager_save(manager, &now, &path, &test_error));
	ck_assert_str_eq(path, "/d/ckpt-5");
	ASSERT_OK(cairn_manager_save(manager, &now, &path, &test_error));
	ck_assert_ptr_null(path); /* the same step */
	start(9, &options);
	ASSERT_OK(cairn_manager_restore_or_initialize(manager, NULL, &test_error));
	step = 23;
	ASSERT_OK(cairn_manager_save(manager, NULL, &path, &test_error));
	ck_assert_ptr_null(path);
	step = 24;
	ASSERT_OK(cairn_manager_save(manager, NULL, &path, &test_error));
	ck_assert_ptr_nonnull(path);
}
END_TEST

START_TEST(the_last_step_can_be_given)
{
	int64_t step = 30;
	const struct cairn_manager_options options = {
		.step_counter = &step, .checkpoint_interval = 5, .last_checkpoint_step = 27};

	start(9, &options);
	save();
	ck_assert_int_eq(managed.counter, 0);
	step = 32;
	save();
	ck_assert_int_eq(managed.counter, 1);
}
END_TEST

static enum cairn_status initialize(void *context, struct cairn_error *error)
{
	(void)error;
	managed_set(&managed, *(const int64_t *)context);
	return CAIRN_OK;
}

START_TEST(what_cannot_be_restored_is_initialized)
{
	int64_t first = 100;
	const struct cairn_manager_options options = {.init_fn = initialize,
						      .init_context = &first};
	const char *path = "";

	start(2, &options);
	ASSERT_OK(cairn_manager_restore_or_initialize(manager, &path, &test_error));
	ck_assert_ptr_null(path);
	ck_assert_int_eq(managed.values[0], 100);
	save();
	ASSERT_OK(cairn_manager_restore_or_initialize(manager, &path, &test_error));
	ck_assert_str_eq(path, "/d/ckpt-1");
	ck_assert_int_eq(managed.values[0], 1);
}
END_TEST

START_TEST(a_latest_that_is_gone_is_an_error)
{
	start(2, NULL);
	save();
	save();
	system_unlink(scene.system, SYSTEM_CWD, "/d/ckpt-2.index");
	ASSERT_STATUS(cairn_manager_restore_or_initialize(manager, NULL, &test_error),
		      CAIRN_NOT_FOUND);
}
END_TEST

/* ------------------------------------------------------------------------------------- the best */

START_TEST(the_best_are_kept_too)
{
	const struct cairn_manager_options options = {.keep_best = 2};
	static const double metrics[] = {5, 9, 1, 7, 2, 8, 3};

	set_clock(1000);
	start(2, &options);
	for (size_t i = 0; i < COUNT_OF(metrics); i++)
		save_metric(metrics[i]);
	ck_assert_str_eq(best(), "2 6 ");
	ck_assert_str_eq(listed(), "6 7 ");
	ck_assert_str_eq(there(), "2 6 7 "); /* 4 was one of the best until 6 came */
	assert_state("/d/checkpoint-best", "model_checkpoint_path: \"ckpt-2\"\n"
					   "all_model_checkpoint_paths: \"ckpt-6\"\n"
					   "all_model_checkpoint_paths: \"ckpt-2\"\n"
					   "all_model_checkpoint_timestamps: 8.0\n"
					   "all_model_checkpoint_timestamps: 9.0\n");
}
END_TEST

START_TEST(a_lower_metric_may_be_better)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_LOWER_IS_BETTER,
						      .keep_best = 1};
	static const double metrics[] = {5, 2, 2, 7};

	start(1, &options);
	for (size_t i = 0; i < COUNT_OF(metrics); i++)
		save_metric(metrics[i]);
	ck_assert_str_eq(best(), "2 "); /* as good as 3, and older */
	ck_assert_str_eq(there(), "2 4 ");
}
END_TEST

START_TEST(the_best_are_known_after_a_restart)
{
	const struct cairn_manager_options options = {.keep_best = 1};
	double metric = 0;

	start(1, &options);
	save_metric(5);
	save_metric(3);
	start(1, &options);
	ck_assert_str_eq(best(), "1 ");
	ck_assert_ptr_nonnull(cairn_manager_best_checkpoint(manager, 0, &metric));
	ck_assert_double_eq(metric, 5);
	save_metric(4);
	ck_assert_str_eq(there(), "1 3 ");
	save_metric(6);
	ck_assert_str_eq(there(), "4 ");
	start(1, NULL); /* without the option they stay */
	save();
	save_metric(100);
	ck_assert_str_eq(best(), "4 ");
	ck_assert_str_eq(there(), "4 6 ");
}
END_TEST

START_TEST(nan_is_never_the_best)
{
	const struct cairn_manager_options options = {.keep_best = 2};

	start(1, &options);
	save_metric(1);
	save_metric((double)NAN);
	save();
	ck_assert_str_eq(best(), "1 ");
	ck_assert_str_eq(there(), "1 3 ");
}
END_TEST

/* ------------------------------------------------------------------------------------- the lock */

START_TEST(an_exclusive_manager_keeps_others_out)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_EXCLUSIVE};
	struct cairn_manager *other = NULL;

	start(2, &options); /* no folder yet */
	save();
	ASSERT_FAILS(create(2, &options, &other), CAIRN_BUSY, "another manager");
	save(); /* its own saves sweep and publish beside the lock */
	save();
	ASSERT_FAILS(create(2, &options, &other), CAIRN_BUSY, "another manager");
	cairn_manager_destroy(manager);
	ASSERT_OK(create(2, &options, &manager));
	cairn_manager_destroy(manager);
	manager = NULL;
	ck_assert_uint_eq(scene_entries(&scene, "/d"), 5); /* no file of the lock is left */
}
END_TEST

START_TEST(of_two_managers_of_a_new_folder_one_saves)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_EXCLUSIVE};
	struct cairn_manager *other = NULL;

	ASSERT_OK(create(2, &options, &other));
	start(2, &options);
	save();
	ASSERT_STATUS(cairn_manager_save(other, NULL, NULL, &test_error), CAIRN_BUSY);
	cairn_manager_destroy(other);
	ck_assert_str_eq(there(), "1 ");
}
END_TEST

START_TEST(a_dead_managers_lock_keeps_nobody_out)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_EXCLUSIVE};
	struct cairn_manager *other = NULL;

	memory_system_add_directory(scene.memory, "/d");
	memory_system_add_file(scene.memory, "/d/" MANAGER_LOCK_NAME, "", 0);
	start(2, &options);
	ASSERT_STATUS(create(2, &options, &other), CAIRN_BUSY);
	cairn_manager_destroy(manager);
	manager = NULL;
	ck_assert(!memory_system_exists(scene.memory, "/d/" MANAGER_LOCK_NAME));
}
END_TEST

START_TEST(where_locks_do_not_work_nobody_is_kept_out)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_EXCLUSIVE};
	const struct memory_fault fault = {
		.call = MEMORY_CALL_LOCK, .at = 1, .forever = true, .error = ENOLCK};

	memory_system_add_directory(scene.memory, "/d");
	memory_system_set_fault(scene.memory, 0, &fault);
	start(2, &options);
	save();
	ck_assert_str_eq(there(), "1 ");
}
END_TEST

/* --------------------------------------------------------------------------------------- damage */

START_TEST(the_newest_undamaged_is_restored)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_FALL_BACK};
	const char *path = NULL;

	start(3, &options);
	for (int i = 0; i < 3; i++)
		save();
	damage(3);
	system_unlink(scene.system, SYSTEM_CWD, "/d/ckpt-2.index");
	managed_set(&managed, 77);
	ASSERT_OK(cairn_manager_restore_or_initialize(manager, &path, &test_error));
	ck_assert_str_eq(path, "/d/ckpt-1");
	ck_assert_int_eq(managed.values[0], 1);
	ck_assert_ptr_nonnull(strstr(cairn_manager_note(manager), "ckpt-3"));
	ck_assert_int_eq(managed.counter, 1);
	save(); /* in place of the one that is gone */
	ck_assert_str_eq(listed(), "1 3 2 ");
}
END_TEST

START_TEST(without_a_state_file_the_highest_number_is_restored)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_FALL_BACK};
	const char *path = NULL;

	start(20, NULL);
	for (int i = 0; i < 11; i++)
		save();
	damage(11);
	memory_system_add_file(scene.memory, "/d/checkpoint", "x", 1);
	memory_system_add_file(scene.memory, "/d/ckpt-99", "x", 1);
	memory_system_add_file(scene.memory, "/d/other-99.index", "x", 1);
	start(20, &options);
	ASSERT_OK(cairn_manager_restore_or_initialize(manager, &path, &test_error));
	ck_assert_str_eq(path, "/d/ckpt-10");
	ck_assert_str_eq(listed(), "10 "); /* from now on */
	save();
	ck_assert_str_eq(listed(), "10 11 ");
}
END_TEST

/* What a manager leaves behind that dies after it has updated the state file. */
START_TEST(what_was_to_be_removed_goes_with_the_next_manager)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_UNLINK, .at = 1, .forever = true, .error = EACCES};

	managed.is_tensorflow = true;
	start(1, NULL);
	save();
	save_number(9);
	save_number(10);
	memory_system_set_fault(scene.memory, 0, &fault);
	save_number(11);
	cairn_manager_destroy(manager);
	manager = NULL;
	memory_system_clear_faults(scene.memory);
	ck_assert_str_eq(there(), "10 11 ");
	start(1, NULL);
	ck_assert_str_eq(there(), "11 ");
	ck_assert_uint_eq(scene_entries(&scene, "/d"), 3);
	ck_assert_str_eq(listed(), "11 ");
}
END_TEST

static void count_cleared(void *context, const char *path)
{
	ck_assert_str_eq(path, "/d/ckpt-1");
	*(int *)context += 1;
}

START_TEST(what_was_to_be_removed_can_be_cleared)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_UNLINK, .at = 1, .forever = true, .error = EACCES};
	int count = 0;

	start(1, NULL);
	save();
	memory_system_set_fault(scene.memory, 0, &fault);
	save();
	cairn_manager_destroy(manager);
	manager = NULL;
	memory_system_clear_faults(scene.memory);
	ASSERT_OK(manager_clear(scene.system, "/d", count_cleared, &count, &test_error));
	ck_assert_int_eq(count, 1);
	ASSERT_OK(manager_clear(scene.system, "/d", count_cleared, &count, &test_error));
	ck_assert_int_eq(count, 1);
	ck_assert_str_eq(there(), "2 ");
	ASSERT_STATUS(manager_clear(scene.system, "/none", NULL, NULL, &test_error),
		      CAIRN_NOT_FOUND);
}
END_TEST

/* A mark that could not be removed says nothing of what was saved again. */
START_TEST(what_was_saved_again_is_not_cleared)
{
	struct folder folder = {.system = scene.system};
	const struct cairn_manager_options options = {.keep_best = 1};

	start(1, &options);
	save_metric(5);
	save_metric(1);
	folder.fd = system_open(scene.system, SYSTEM_CWD, "/d", SYSTEM_WANT_DIRECTORY);
	doomed_mark(&folder, "ckpt-1");
	doomed_mark(&folder, "ckpt-2");
	system_close(scene.system, folder.fd);
	ASSERT_OK(manager_clear(scene.system, "/d", NULL, NULL, &test_error));
	ck_assert_str_eq(there(), "1 2 ");
}
END_TEST

START_TEST(nothing_undamaged_is_an_error)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_FALL_BACK};

	start(3, &options);
	ASSERT_OK(cairn_manager_restore_or_initialize(manager, NULL, &test_error));
	save();
	damage(1);
	ASSERT_FAILS(cairn_manager_restore_or_initialize(manager, NULL, &test_error),
		     CAIRN_NOT_FOUND, "undamaged");
}
END_TEST

START_TEST(the_last_undamaged_is_not_removed)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_KEEP_VERIFIED};
	/* nothing that is written can be read again */
	const struct memory_fault fault = {
		.call = MEMORY_CALL_PREAD, .at = 1, .forever = true, .error = EIO};

	start(1, &options);
	save();
	memory_system_set_fault(scene.memory, 0, &fault);
	save();
	ck_assert_ptr_nonnull(strstr(cairn_manager_note(manager), "undamaged"));
	save();
	memory_system_clear_faults(scene.memory);
	ck_assert_str_eq(listed(), "1 2 3 ");
	ck_assert_str_eq(there(), "1 2 3 ");
	save();
	ck_assert_ptr_null(cairn_manager_note(manager));
	ck_assert_str_eq(listed(), "4 ");
	ck_assert_str_eq(there(), "4 ");
}
END_TEST

/* ------------------------------------------------------------------------------ what goes wrong */

START_TEST(what_cannot_be_removed_is_told_and_tried_again)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_UNLINK, .at = 1, .forever = true, .error = EACCES};

	start(1, NULL);
	save();
	memory_system_set_fault(scene.memory, 0, &fault);
	save();
	ck_assert_ptr_nonnull(strstr(cairn_manager_note(manager), "could not be removed"));
	ck_assert_str_eq(listed(), "2 ");
	memory_system_clear_faults(scene.memory);
	save();
	ck_assert_ptr_null(cairn_manager_note(manager));
	ck_assert_uint_eq(scene_entries(&scene, "/d"), 3);
	ck_assert_str_eq(there(), "3 ");
}
END_TEST

START_TEST(a_failed_save_is_not_listed_and_counts)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_PWRITE, .at = 1, .forever = true, .error = ENOSPC};

	start(2, NULL);
	save();
	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_STATUS(cairn_manager_save(manager, NULL, NULL, &test_error), CAIRN_IO);
	memory_system_clear_faults(scene.memory);
	ck_assert_str_eq(listed(), "1 ");
	save();
	ck_assert_str_eq(listed(), "1 3 ");
	ck_assert_str_eq(there(), "1 3 ");
}
END_TEST

/* ---------------------------------------------------------------------------- in the background */

START_TEST(a_save_goes_on_in_the_background)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_ASYNC |
							       CAIRN_MANAGER_EXCLUSIVE,
						      .staging_size = _i == 0 ? 0 : 100};
	const char *path = NULL;

	start(2, &options);
	for (int i = 0; i < 6; i++) {
		save();
		managed_set(&managed, 99); /* the values were taken */
	}
	ASSERT_OK(cairn_manager_wait(manager, &test_error));
	ck_assert_int_eq(cairn_manager_is_busy(manager), 0);
	ck_assert_str_eq(listed(), "5 6 ");
	ck_assert_str_eq(there(), "5 6 ");
	ASSERT_OK(cairn_manager_restore_or_initialize(manager, &path, &test_error));
	ck_assert_str_eq(path, "/d/ckpt-6");
	ck_assert_int_eq(managed.values[0], 6);
	save(); /* and destroy waits */
	cairn_manager_destroy(manager);
	manager = NULL;
	ck_assert_str_eq(there(), "6 7 ");
}
END_TEST

START_TEST(a_failure_in_the_background_is_told_by_the_next_call)
{
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_ASYNC};
	const struct memory_fault fault = {
		.call = MEMORY_CALL_PWRITE, .at = 1, .forever = true, .error = ENOSPC};
	enum cairn_status status;

	start(2, &options);
	save();
	ASSERT_OK(cairn_manager_wait(manager, &test_error));
	memory_system_set_fault(scene.memory, 0, &fault);
	status = cairn_manager_save(manager, NULL, NULL, &test_error);
	if (status == CAIRN_OK) /* else it was known by then */
		status = cairn_manager_save(manager, NULL, NULL, &test_error);
	ck_assert_int_eq(status, CAIRN_IO);
	memory_system_clear_faults(scene.memory);
	ck_assert_int_eq(managed.counter, 2);
	ck_assert_str_eq(listed(), "1 ");
	save();
	ASSERT_OK(cairn_manager_wait(manager, &test_error));
	ck_assert_str_eq(listed(), "1 3 ");
}
END_TEST

static Suite *manager_suite(void)
{
	Suite *const suite = suite_create("manager");
	TCase *const tcase = tcase_create("manager");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, the_newest_are_kept, 0, 2);
	tcase_add_test(tcase, the_state_file_has_the_times);
	tcase_add_test(tcase, all_are_kept_and_listed);
	tcase_add_test(tcase, one_is_kept_for_ever_each_so_many_hours);
	tcase_add_test(tcase, a_number_that_is_saved_again_is_the_newest);
	tcase_add_test(tcase, a_restart_goes_on_with_the_list);
	tcase_add_test(tcase, what_has_no_time_is_never_removed);
	tcase_add_test(tcase, a_clock_that_went_back_is_told);
	tcase_add_test(tcase, a_damaged_state_file_counts_as_none_and_is_told);
	tcase_add_test(tcase, an_empty_state_file_is_refused);
	tcase_add_test(tcase, options_are_checked);
	tcase_add_test(tcase, saves_are_an_interval_apart);
	tcase_add_test(tcase, the_last_step_can_be_given);
	tcase_add_test(tcase, what_cannot_be_restored_is_initialized);
	tcase_add_test(tcase, a_latest_that_is_gone_is_an_error);
	tcase_add_test(tcase, the_best_are_kept_too);
	tcase_add_test(tcase, a_lower_metric_may_be_better);
	tcase_add_test(tcase, the_best_are_known_after_a_restart);
	tcase_add_test(tcase, nan_is_never_the_best);
	tcase_add_test(tcase, an_exclusive_manager_keeps_others_out);
	tcase_add_test(tcase, of_two_managers_of_a_new_folder_one_saves);
	tcase_add_test(tcase, a_dead_managers_lock_keeps_nobody_out);
	tcase_add_test(tcase, where_locks_do_not_work_nobody_is_kept_out);
	tcase_add_test(tcase, the_newest_undamaged_is_restored);
	tcase_add_test(tcase, without_a_state_file_the_highest_number_is_restored);
	tcase_add_test(tcase, what_was_to_be_removed_goes_with_the_next_manager);
	tcase_add_test(tcase, what_was_to_be_removed_can_be_cleared);
	tcase_add_test(tcase, what_was_saved_again_is_not_cleared);
	tcase_add_test(tcase, nothing_undamaged_is_an_error);
	tcase_add_test(tcase, the_last_undamaged_is_not_removed);
	tcase_add_test(tcase, what_cannot_be_removed_is_told_and_tried_again);
	tcase_add_test(tcase, a_failed_save_is_not_listed_and_counts);
	tcase_add_loop_test(tcase, a_save_goes_on_in_the_background, 0, 2);
	tcase_add_test(tcase, a_failure_in_the_background_is_told_by_the_next_call);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(manager_suite());
}
