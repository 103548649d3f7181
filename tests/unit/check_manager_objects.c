/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of a program, saved in the background: by a manager, and by a checkpoint alone.
 */
#include <errno.h>

#include "engine/train/checkpoint.h"
#include "engine/train/manager.h"
#include "engine/train/object.h"
#include "engine/train/state.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"

#define COUNT 5000u

static struct scene scene;
static float weights[COUNT];
static int64_t step;
static struct cairn_checkpoint *checkpoint;
static struct cairn_async *async;

static const struct memory_fault no_space = {
	.call = MEMORY_CALL_PWRITE, .at = 1, .forever = true, .error = ENOSPC};

static struct cairn_object *variable(enum cairn_dtype dtype, uint32_t rank, const uint64_t *dims,
				     void *data)
{
	const struct cairn_variable described = {
		.dtype = dtype, .rank = rank, .dims = dims, .data = data};
	struct cairn_object *object = NULL;

	ASSERT_OK(object_create_variable(scene.system, &described, NULL, &object, &test_error));
	return object;
}

static void set_up(void)
{
	const uint64_t count = COUNT;
	struct cairn_named_object objects[2] = {{.name = "weights"}, {.name = "step"}};

	scene_open(&scene);
	async = NULL;
	objects[0].object = variable(CAIRN_F32, 1, &count, weights);
	objects[1].object = variable(CAIRN_I64, 0, NULL, &step);
	ASSERT_OK(checkpoint_create(scene.system, NULL, objects, 2, &checkpoint, &test_error));
	cairn_object_release(objects[0].object);
	cairn_object_release(objects[1].object);
}

static void tear_down(void)
{
	cairn_async_destroy(async);
	cairn_checkpoint_destroy(checkpoint);
	scene_close(&scene);
}

static void set_values(int64_t value)
{
	step = value;
	for (size_t i = 0; i < COUNT; i++)
		weights[i] = (float)value + (float)i;
}

static void assert_values(int64_t value)
{
	ck_assert_int_eq(step, value);
	for (size_t i = 0; i < COUNT; i++)
		ck_assert(weights[i] == (float)value + (float)i);
}

static int64_t counter(void)
{
	int64_t number = 0;

	ASSERT_OK(cairn_checkpoint_save_counter(checkpoint, &number, &test_error));
	return number;
}

/* ------------------------------------------------------------------------------------ a manager */

static void save_three(struct cairn_manager *manager)
{
	for (int64_t value = 10; value <= 30; value += 10) {
		set_values(value);
		ASSERT_OK(cairn_manager_save(manager, NULL, NULL, &test_error));
		set_values(-1); /* the values were taken */
	}
}

START_TEST(a_manager_saves_objects_in_the_background)
{
	const struct cairn_checkpoint_write_options write_options = {
		.target = _i == 0 ? CAIRN_TARGET_CAIRN : CAIRN_TARGET_TENSORFLOW};
	const struct cairn_manager_options options = {.flags = CAIRN_MANAGER_ASYNC |
							       CAIRN_MANAGER_FALL_BACK,
						      .staging_size = 4096,
						      .write_options = &write_options};
	struct cairn_manager *manager = NULL;
	const char *path = NULL;

	ASSERT_OK(cairn_manager_create(checkpoint, "/a/b/run", 2, &options, &manager, &test_error));
	save_three(manager);
	ASSERT_OK(cairn_manager_restore_or_initialize(manager, &path, &test_error));
	ck_assert_str_eq(path, "/a/b/run/ckpt-3");
	assert_values(30);
	ck_assert_int_eq(counter(), 3);
	ck_assert_uint_eq(cairn_manager_checkpoint_count(manager), 2);
	cairn_manager_destroy(manager);
}
END_TEST

START_TEST(a_manager_of_nothing_is_refused)
{
	struct cairn_manager *manager = NULL;

	ASSERT_STATUS(cairn_manager_create(NULL, "/d", 2, NULL, &manager, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(cairn_manager_create(checkpoint, NULL, 2, NULL, &manager, &test_error),
		      CAIRN_INVALID_ARGUMENT);
}
END_TEST

/* --------------------------------------------------------------------------------- a checkpoint */

static void make_async(void)
{
	ASSERT_OK(async_create(scene.system, NULL, &async, &test_error));
}

START_TEST(a_checkpoint_is_saved_in_the_background)
{
	struct cairn_checkpoint_write_options options = {.latest_filename = NULL};
	struct cairn_load_status *status = NULL;
	char path[CAIRN_PATH_SIZE];
	char latest[CAIRN_PATH_SIZE];

	make_async();
	options.async = async;
	set_values(5);
	ASSERT_OK(cairn_checkpoint_save(checkpoint, "/d/ckpt", &options, path, &test_error));
	set_values(-1);
	ck_assert_str_eq(path, "/d/ckpt-1");
	ASSERT_OK(cairn_async_wait(async, &test_error));
	ASSERT_OK(state_latest(scene.system, "/d", NULL, latest, &test_error));
	ck_assert_str_eq(latest, path);
	ASSERT_OK(cairn_checkpoint_restore(checkpoint, path, NULL, &status, &test_error));
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	cairn_load_status_release(status);
	assert_values(5);
}
END_TEST

START_TEST(a_failed_save_is_told_by_the_next_which_does_not_count)
{
	struct cairn_checkpoint_write_options options = {.latest_filename = NULL};
	enum cairn_status status;

	make_async();
	options.async = async;
	ASSERT_OK(cairn_checkpoint_write(checkpoint, "/d/first", &options, &test_error));
	ASSERT_OK(cairn_async_wait(async, &test_error));
	memory_system_set_fault(scene.memory, 0, &no_space);
	status = cairn_checkpoint_save(checkpoint, "/d/ckpt", &options, NULL, &test_error);
	if (status == CAIRN_OK) /* else it was known by then */
		status = cairn_checkpoint_save(checkpoint, "/d/ckpt", &options, NULL, &test_error);
	ck_assert_int_eq(status, CAIRN_IO);
	memory_system_clear_faults(scene.memory);
	ck_assert_int_eq(counter(), 1);
	ck_assert(!memory_system_exists(scene.memory, "/d/checkpoint"));
	ASSERT_OK(cairn_checkpoint_save(checkpoint, "/d/ckpt", &options, NULL, &test_error));
	ASSERT_OK(cairn_async_wait(async, &test_error));
	ck_assert(memory_system_exists(scene.memory, "/d/ckpt-2.cairn"));
	ck_assert(memory_system_exists(scene.memory, "/d/checkpoint"));
}
END_TEST

static Suite *manager_objects_suite(void)
{
	Suite *const suite = suite_create("manager_objects");
	TCase *const tcase = tcase_create("manager_objects");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, a_manager_saves_objects_in_the_background, 0, 2);
	tcase_add_test(tcase, a_manager_of_nothing_is_refused);
	tcase_add_test(tcase, a_checkpoint_is_saved_in_the_background);
	tcase_add_test(tcase, a_failed_save_is_told_by_the_next_which_does_not_count);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(manager_objects_suite());
}
