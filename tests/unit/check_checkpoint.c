/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving objects and restoring them, in both formats (loop index): what comes back, what waits,
 * what is left alone when something does not fit, and what load statuses say of it.
 */
#include <stdio.h>

#include <cairn/saver.h>

#include "engine/train/checkpoint.h"
#include "engine/train/state.h"
#include "tests/support/build.h"
#include "tests/support/object_model.h"
#include "tests/support/suite.h"

static struct scene scene;
static struct object_model saved;
static struct object_model other;

static const struct cairn_checkpoint_write_options targets[] = {
	{.size = sizeof(targets[0])},
	{.size = sizeof(targets[0]), .target = CAIRN_TARGET_TENSORFLOW},
};

static void set_up(void)
{
	scene_open(&scene);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, "/d"), 0);
	ASSERT_OK(object_model_open(&saved, scene.system, 1, &test_error));
	ASSERT_OK(object_model_open(&other, scene.system, 0, &test_error));
}

static void tear_down(void)
{
	object_model_close(&saved);
	object_model_close(&other);
	scene_close(&scene);
}

static void write_saved(int format)
{
	ASSERT_OK(cairn_checkpoint_write(saved.checkpoint, "/d/f", &targets[format], &test_error));
}

static struct cairn_load_status *read_to(struct cairn_checkpoint *checkpoint)
{
	struct cairn_load_status *status = NULL;

	ASSERT_OK(cairn_checkpoint_read(checkpoint, "/d/f", NULL, &status, &test_error));
	return status;
}

static struct cairn_checkpoint *empty_checkpoint(void)
{
	struct cairn_checkpoint *checkpoint;

	ASSERT_OK(checkpoint_create(scene.system, NULL, NULL, 0, &checkpoint, &test_error));
	return checkpoint;
}

static struct cairn_object *scalar(enum cairn_dtype dtype, void *data)
{
	const struct cairn_variable variable = {.dtype = dtype, .data = data};
	struct cairn_object *object;

	ASSERT_OK(object_create_variable(scene.system, &variable, NULL, &object, &test_error));
	return object;
}

static void add_to_root(struct cairn_checkpoint *checkpoint, const char *name,
			struct cairn_object *object)
{
	ASSERT_OK(cairn_object_set(cairn_checkpoint_root(checkpoint), name, object, &test_error));
}

/* ------------------------------------------------------------------------------- there and back */

START_TEST(what_is_saved_is_restored)
{
	struct cairn_load_status *status;

	write_saved(_i);
	status = read_to(other.checkpoint);
	ck_assert_int_eq(object_model_seed(&other, 1), 1);
	ck_assert_int_eq(cairn_load_status_kind(status), CAIRN_LOAD_OBJECTS);
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	ASSERT_OK(cairn_load_status_assert_existing_objects_matched(status, &test_error));
	ASSERT_OK(cairn_load_status_assert_nontrivial_match(status, &test_error));
	ck_assert_int_eq(cairn_load_status_is_partial(status), 0);
	cairn_load_status_release(status);
}
END_TEST

START_TEST(keys_are_those_of_tensorflow)
{
	static const char *const keys[] = {
		"_CHECKPOINTABLE_OBJECT_GRAPH",
		"model/layers/0/.ATTRIBUTES/VARIABLE_VALUE",
		"model/layers/1/.ATTRIBUTES/VARIABLE_VALUE",
		"model/w/.ATTRIBUTES/VARIABLE_VALUE",
		"model/w/.OPTIMIZER_SLOT/opt/m/.ATTRIBUTES/VARIABLE_VALUE",
		"step/.ATTRIBUTES/VARIABLE_VALUE",
		"text/.ATTRIBUTES/py_state",
	};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	write_saved(_i);
	reader = scene_reader(&scene, "/d/f", NULL);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), COUNT_OF(keys));
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		ASSERT_OK(cairn_reader_tensor_at(reader, i, &tensor, &test_error));
		ck_assert_uint_eq(tensor.name.size, strlen(keys[i]));
		ck_assert(memcmp(tensor.name.data, keys[i], tensor.name.size) == 0);
	}
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_container_has_the_suffix_and_a_bundle_has_its_files)
{
	write_saved(_i);
	ck_assert_int_eq(memory_system_exists(scene.memory, "/d/f.cairn"), _i == 0);
	ck_assert_int_eq(memory_system_exists(scene.memory, "/d/f.index"), _i == 1);
	ck_assert_int_eq(memory_system_exists(scene.memory, "/d/f"), 0);
}
END_TEST

START_TEST(folders_are_made_and_what_is_in_the_way_is_told)
{
	ASSERT_OK(
		cairn_checkpoint_write(saved.checkpoint, "/d/a/b//c/f", &targets[_i], &test_error));
	ck_assert(memory_system_exists(scene.memory,
				       _i == 0 ? "/d/a/b/c/f.cairn" : "/d/a/b/c/f.index"));
	memory_system_add_file(scene.memory, "/d/file", "x", 1);
	ASSERT_FAILS(
		cairn_checkpoint_write(saved.checkpoint, "/d/file/f", &targets[_i], &test_error),
		CAIRN_PRECONDITION, "'/d/file': is not a directory");
	ASSERT_FAILS(
		cairn_checkpoint_write(saved.checkpoint, "/d/file/g/f", &targets[_i], &test_error),
		CAIRN_PRECONDITION, "is not a directory");
}
END_TEST

/* ------------------------------------------------------------------------------------- counting */

static void assert_counter(struct cairn_checkpoint *checkpoint, int64_t expected)
{
	int64_t counter = -1;

	ASSERT_OK(cairn_checkpoint_save_counter(checkpoint, &counter, &test_error));
	ck_assert_int_eq(counter, expected);
}

START_TEST(saves_are_counted_and_the_state_file_names_the_last)
{
	char path[CAIRN_PATH_SIZE];
	struct cairn_state *state;
	int64_t counter;

	ASSERT_FAILS(cairn_checkpoint_save_counter(saved.checkpoint, &counter, &test_error),
		     CAIRN_NOT_FOUND, "no save");
	for (int i = 1; i <= 2; i++) {
		char expected[32];

		ASSERT_OK(cairn_checkpoint_save(saved.checkpoint, "/d/ckpt", &targets[_i], path,
						&test_error));
		snprintf(expected, sizeof(expected), "/d/ckpt-%d", i);
		ck_assert_str_eq(path, expected);
		assert_counter(saved.checkpoint, i);
	}
	ASSERT_OK(state_get(scene.system, "/d", NULL, &state, &test_error));
	ck_assert_str_eq(state->model_checkpoint_path, "/d/ckpt-2");
	ck_assert_uint_eq(state->path_count, 1);
	cairn_state_free(state);
}
END_TEST

START_TEST(a_restore_goes_on_counting_and_a_read_does_not)
{
	struct cairn_load_status *status;
	int64_t counter;

	ASSERT_OK(cairn_checkpoint_set_save_counter(saved.checkpoint, 6, &test_error));
	ASSERT_OK(cairn_checkpoint_save(saved.checkpoint, "/d/c", &targets[_i], NULL, &test_error));
	ASSERT_OK(cairn_checkpoint_read(other.checkpoint, "/d/c-7", NULL, &status, &test_error));
	ASSERT_STATUS(cairn_checkpoint_save_counter(other.checkpoint, &counter, &test_error),
		      CAIRN_NOT_FOUND);
	ASSERT_FAILS(cairn_load_status_assert_consumed(status, &test_error), CAIRN_UNMATCHED,
		     "unresolved object in checkpoint (root).save_counter");
	cairn_load_status_release(status);
	ASSERT_OK(cairn_checkpoint_restore(other.checkpoint, "/d/c-7", NULL, &status, &test_error));
	assert_counter(other.checkpoint, 7);
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	cairn_load_status_release(status);
}
END_TEST

START_TEST(a_failed_save_uses_up_its_number)
{
	memory_system_add_file(scene.memory, "/d/file", "x", 1);
	ASSERT_STATUS(cairn_checkpoint_save(saved.checkpoint, "/d/file/c", &targets[_i], NULL,
					    &test_error),
		      CAIRN_PRECONDITION);
	ASSERT_OK(cairn_checkpoint_save(saved.checkpoint, "/d/c", &targets[_i], NULL, &test_error));
	assert_counter(saved.checkpoint, 2);
}
END_TEST

START_TEST(what_cannot_be_saved_is_refused)
{
	const struct cairn_checkpoint_write_options small = {.size = 8};
	const struct cairn_checkpoint_write_options wrong = {.size = sizeof(wrong),
							     .target = CAIRN_TARGET_SAFETENSORS};
	char *const path = malloc(5000);

	memset(path, 'x', 4999);
	path[4999] = '\0';
	ASSERT_STATUS(cairn_checkpoint_write(saved.checkpoint, "/d/f", &small, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(cairn_checkpoint_write(saved.checkpoint, "/d/f", &wrong, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(cairn_checkpoint_write(saved.checkpoint, "", NULL, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(cairn_checkpoint_save(saved.checkpoint, NULL, NULL, NULL, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_FAILS(cairn_checkpoint_save(saved.checkpoint, path, NULL, NULL, &test_error),
		     CAIRN_LIMIT, "path");
	ASSERT_OK(cairn_checkpoint_set_save_counter(saved.checkpoint, INT64_MAX, &test_error));
	ASSERT_FAILS(cairn_checkpoint_save(saved.checkpoint, "/d/f", NULL, NULL, &test_error),
		     CAIRN_LIMIT, "counter");
	free(path);
}
END_TEST

START_TEST(a_slot_variable_is_nothing_else)
{
	add_to_root(saved.checkpoint, "again", saved.m);
	ASSERT_FAILS(cairn_checkpoint_write(saved.checkpoint, "/d/f", &targets[_i], &test_error),
		     CAIRN_UNSUPPORTED, "slot variable 'm' is reached in another way");
	ASSERT_OK(
		cairn_object_remove(cairn_checkpoint_root(saved.checkpoint), "again", &test_error));
	ASSERT_OK(cairn_object_set(saved.m, "child", saved.step, &test_error));
	ASSERT_FAILS(cairn_checkpoint_write(saved.checkpoint, "/d/f", &targets[_i], &test_error),
		     CAIRN_UNSUPPORTED, "slot variable 'm' has children");
}
END_TEST

/* -------------------------------------------------------------------------------------- waiting */

START_TEST(values_wait_for_objects_that_come)
{
	struct cairn_checkpoint *const late = empty_checkpoint();
	struct cairn_load_status *status;

	write_saved(_i);
	status = read_to(late);
	ck_assert_int_eq(object_model_seed(&other, 1), 0);
	ASSERT_FAILS(cairn_load_status_assert_nontrivial_match(status, &test_error),
		     CAIRN_UNMATCHED, "nothing to load");
	add_to_root(late, "text", other.text);
	add_to_root(late, "opt", other.opt);
	add_to_root(late, "step", other.step);
	ck_assert_int_eq(cairn_load_status_is_partial(status), 1);
	ASSERT_FAILS(cairn_load_status_assert_consumed(status, &test_error), CAIRN_UNMATCHED,
		     "(root).model.");
	add_to_root(late, "model", other.model);
	ck_assert_int_eq(object_model_seed(&other, 1), 1);
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	cairn_load_status_release(status);
	cairn_checkpoint_destroy(late);
}
END_TEST

START_TEST(a_child_that_does_not_fit_is_not_there_and_the_value_waits_on)
{
	struct cairn_checkpoint *const late = empty_checkpoint();
	int64_t step = 0;
	double wrong = 5;
	struct cairn_object *const right_object = scalar(CAIRN_I64, &step);
	struct cairn_object *const wrong_object = scalar(CAIRN_F64, &wrong);
	struct cairn_load_status *status;

	write_saved(_i);
	status = read_to(late);
	for (int i = 0; i < 2; i++)
		ASSERT_FAILS(cairn_object_set(cairn_checkpoint_root(late), "step", wrong_object,
					      &test_error),
			     CAIRN_MISMATCH,
			     "expected dtype f64 does not equal original dtype i64");
	ck_assert_ptr_null(cairn_checkpoint_object(late, "step"));
	ck_assert_uint_eq(wrong_object->update_uid, 0);
	add_to_root(late, "step", right_object);
	ck_assert_int_eq(step, saved.values.step);
	ck_assert(wrong == 5);
	cairn_object_release(right_object);
	cairn_object_release(wrong_object);
	cairn_load_status_release(status);
	cairn_checkpoint_destroy(late);
}
END_TEST

START_TEST(the_last_restore_counts_whenever_the_object_comes)
{
	struct cairn_checkpoint *const late = empty_checkpoint();
	struct cairn_load_status *one;
	struct cairn_load_status *two;

	write_saved(_i);
	model_values_fill(&saved.values, 2);
	ASSERT_OK(cairn_checkpoint_write(saved.checkpoint, "/d/g", &targets[_i], &test_error));
	ASSERT_OK(cairn_checkpoint_read(late, "/d/g", NULL, &two, &test_error));
	ASSERT_OK(cairn_checkpoint_read(late, "/d/f", NULL, &one, &test_error));
	add_to_root(late, "model", other.model);
	add_to_root(late, "opt", other.opt);
	add_to_root(late, "step", other.step);
	add_to_root(late, "text", other.text);
	ck_assert_int_eq(object_model_seed(&other, 2), 1);
	ASSERT_OK(cairn_load_status_assert_consumed(one, &test_error));
	cairn_load_status_release(one);
	cairn_load_status_release(two);
	cairn_checkpoint_destroy(late);
}
END_TEST

START_TEST(a_replaced_child_takes_nothing)
{
	int64_t step = 3;
	struct cairn_object *const object = scalar(CAIRN_I64, &step);
	struct cairn_load_status *status;

	write_saved(_i);
	status = read_to(other.checkpoint);
	add_to_root(other.checkpoint, "step", object);
	ck_assert_int_eq(step, 3);
	ASSERT_FAILS(cairn_load_status_assert_existing_objects_matched(status, &test_error),
		     CAIRN_UNMATCHED, "found 1 objects that were not bound");
	cairn_object_release(object);
	cairn_load_status_release(status);
}
END_TEST

START_TEST(what_waits_ends_with_its_objects)
{
	struct cairn_checkpoint *const late = empty_checkpoint();

	write_saved(_i);
	cairn_load_status_release(read_to(late));
	ck_assert(!memory_system_is_clean(scene.memory));
	cairn_checkpoint_destroy(late);
	/* tear_down asserts that nothing is left */
}
END_TEST

START_TEST(a_status_lives_longer_than_what_it_is_about)
{
	struct cairn_checkpoint *const late = empty_checkpoint();
	struct cairn_object *const module = other.model;
	struct cairn_load_status *status;

	add_to_root(late, "model", module);
	write_saved(_i);
	status = read_to(late);
	cairn_checkpoint_destroy(late);
	ASSERT_FAILS(cairn_load_status_assert_consumed(status, &test_error), CAIRN_UNMATCHED,
		     "unresolved object");
	object_model_close(&other);
	ASSERT_FAILS(cairn_load_status_assert_consumed(status, &test_error), CAIRN_UNMATCHED,
		     "unresolved object");
	cairn_load_status_release(status);
	ASSERT_OK(object_model_open(&other, scene.system, 0, &test_error));
}
END_TEST

/* ---------------------------------------------------------------------------------------- slots */

START_TEST(a_slot_variable_waits_until_it_is_made)
{
	float w[2] = {0};
	float m[2] = {0};
	const uint64_t two = 2;
	const struct cairn_variable variables[] = {
		{.dtype = CAIRN_F32, .rank = 1, .dims = &two, .data = w},
		{.dtype = CAIRN_F32, .rank = 1, .dims = &two, .data = m}};
	struct cairn_checkpoint *const late = empty_checkpoint();
	struct cairn_object *objects[4];
	struct cairn_load_status *status;

	write_saved(_i);
	ASSERT_OK(object_create_variable(scene.system, &variables[0], NULL, &objects[0],
					 &test_error));
	ASSERT_OK(object_create_variable(scene.system, &variables[1], NULL, &objects[1],
					 &test_error));
	ASSERT_OK(object_create_optimizer(scene.system, NULL, NULL, &objects[2], &test_error));
	ASSERT_OK(object_create(scene.system, CAIRN_OBJECT_MODULE, &objects[3], &test_error));
	add_to_root(late, "opt", objects[2]);
	add_to_root(late, "model", objects[3]);
	status = read_to(late);
	ASSERT_OK(cairn_object_set(objects[3], "w", objects[0], &test_error));
	ck_assert(w[0] == 101);
	ck_assert_uint_eq(cairn_object_slot_count(objects[2]), 0);
	ASSERT_OK(cairn_object_set_slot(objects[2], "v", objects[0], objects[1], &test_error));
	ck_assert(m[0] == 0);
	ASSERT_FAILS(cairn_object_set_slot(objects[2], "m", objects[0], other.step, &test_error),
		     CAIRN_MISMATCH, "dtype");
	ck_assert_uint_eq(cairn_object_slot_count(objects[2]), 1);
	ASSERT_OK(cairn_object_set_slot(objects[2], "m", objects[0], objects[1], &test_error));
	ck_assert(m[0] == 103 && m[1] == 104);
	for (size_t i = 0; i < COUNT_OF(objects); i++)
		cairn_object_release(objects[i]);
	cairn_load_status_release(status);
	cairn_checkpoint_destroy(late);
}
END_TEST

/* Makes none; counts how often it is asked. */
static enum cairn_status make_none(void *context, struct cairn_object *variable,
				   struct cairn_string name, const struct cairn_tensor *value,
				   struct cairn_object **slot, struct cairn_error *error)
{
	(void)error;
	(void)slot;
	ck_assert_ptr_eq(variable, other.w);
	ck_assert(name.size == 1 && name.data[0] == 'm');
	ck_assert_uint_eq(value->element_count, 2);
	(*(int *)context)++;
	return CAIRN_OK;
}

START_TEST(a_program_that_makes_no_slot_variable_is_asked_once)
{
	struct cairn_checkpoint *const late = empty_checkpoint();
	struct cairn_object *optimizer;
	int asked = 0;

	write_saved(_i);
	ASSERT_OK(
		object_create_optimizer(scene.system, make_none, &asked, &optimizer, &test_error));
	add_to_root(late, "model", other.model);
	add_to_root(late, "opt", optimizer);
	cairn_load_status_release(read_to(late));
	ck_assert_int_eq(asked, 1);
	ASSERT_OK(cairn_object_set_slot(optimizer, "m", other.w, other.m, &test_error));
	ck_assert(other.values.m[0] == 103);
	cairn_object_release(optimizer);
	cairn_checkpoint_destroy(late);
}
END_TEST

START_TEST(slot_variables_can_be_left_alone)
{
	const struct cairn_checkpoint_read_options options = {.size = sizeof(options),
							      .skip_slot_variables = 1};
	struct cairn_load_status *status;

	write_saved(_i);
	ASSERT_OK(cairn_checkpoint_read(other.checkpoint, "/d/f", &options, &status, &test_error));
	ck_assert(other.values.m[0] == 0);
	ck_assert(other.values.w[0] == 101);
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	cairn_load_status_release(status);
}
END_TEST

/* ---------------------------------------------------------------------------- what does not fit */

START_TEST(what_does_not_fit_changes_nothing)
{
	static const uint64_t three[] = {3};
	float values[3] = {7, 8, 9};
	const struct cairn_variable variable = {
		.dtype = CAIRN_F32, .rank = 1, .dims = three, .data = values};
	struct cairn_load_status *status = NULL;
	struct cairn_object *object;

	write_saved(_i);
	ASSERT_OK(object_create_variable(scene.system, &variable, "w", &object, &test_error));
	ASSERT_OK(cairn_object_set(other.model, "w", object, &test_error));
	ASSERT_OK(
		cairn_object_remove(cairn_checkpoint_root(other.checkpoint), "text", &test_error));
	ASSERT_FAILS(cairn_checkpoint_read(other.checkpoint, "/d/f", NULL, &status, &test_error),
		     CAIRN_MISMATCH,
		     "incompatible tensor with shape (2,) when attempting to restore variable with "
		     "shape (3,) and name w");
	ck_assert_ptr_null(status);
	ck_assert_int_eq(object_model_seed(&other, 1), 0);
	ck_assert_uint_eq(other.step->update_uid, 0);
	ck_assert_uint_eq(cairn_checkpoint_root(other.checkpoint)->waiting.left, 0);
	add_to_root(other.checkpoint, "text", other.text);
	ASSERT_OK(cairn_object_set(other.model, "w", other.w, &test_error));
	cairn_object_release(object);
	cairn_load_status_release(read_to(other.checkpoint));
	ck_assert_int_eq(object_model_seed(&other, 1), 1);
}
END_TEST

/* A bit of model.layers.1, which is found in the file by its value. */
static void damage(int format)
{
	const char *const path = format == 0 ? "/d/f.cairn" : "/d/f.data-00000-of-00001";
	struct bytes file = scene_content(&scene, path);
	uint64_t at = 0;

	while (memcmp(file.data + at, saved.values.second, sizeof(saved.values.second)) != 0)
		ck_assert_uint_lt(++at, file.size - sizeof(saved.values.second));
	bytes_free(&file);
	ck_assert_int_eq(memory_system_corrupt(scene.memory, path, at + 3, 0x10), 0);
}

START_TEST(damage_is_told_and_with_a_look_before_nothing_is_changed)
{
	const struct cairn_checkpoint_read_options options = {.size = sizeof(options),
							      .verify_first = 1};
	struct cairn_load_status *status = NULL;

	write_saved(_i);
	damage(_i);
	ASSERT_STATUS(
		cairn_checkpoint_read(other.checkpoint, "/d/f", &options, &status, &test_error),
		CAIRN_CHECKSUM);
	ck_assert_int_eq(object_model_seed(&other, 1), 0);
	ASSERT_FAILS(cairn_checkpoint_read(other.checkpoint, "/d/f", NULL, &status, &test_error),
		     CAIRN_CHECKSUM, "is unspecified");
	ck_assert_ptr_nonnull(strstr(test_error.message, "model/layers/1"));
	ck_assert(other.values.step == 0 || other.values.step == 109);
	ck_assert_ptr_null(status);
}
END_TEST

START_TEST(what_is_no_checkpoint_restores_nothing)
{
	const struct cairn_checkpoint_read_options small = {.size = 8};
	struct cairn_load_status *status = NULL;

	ASSERT_STATUS(
		cairn_checkpoint_read(other.checkpoint, "/d/missing", NULL, &status, &test_error),
		CAIRN_NOT_FOUND);
	ASSERT_STATUS(cairn_checkpoint_read(other.checkpoint, "/d/f", &small, &status, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_OK(cairn_checkpoint_restore(other.checkpoint, NULL, NULL, &status, &test_error));
	ck_assert_int_eq(cairn_load_status_kind(status), CAIRN_LOAD_NOTHING);
	ASSERT_FAILS(cairn_load_status_assert_consumed(status, &test_error), CAIRN_UNMATCHED,
		     "nothing is being restored");
	ASSERT_STATUS(cairn_load_status_assert_existing_objects_matched(status, &test_error),
		      CAIRN_UNMATCHED);
	ASSERT_STATUS(cairn_load_status_assert_nontrivial_match(status, &test_error),
		      CAIRN_UNMATCHED);
	ck_assert_int_eq(cairn_load_status_is_partial(status), 0);
	assert_counter(other.checkpoint, 0);
	cairn_load_status_release(status);
}
END_TEST

/* ------------------------------------------------------------------------------------ callbacks */

struct kept {
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
};

static enum cairn_status keep(void *context, const struct cairn_tensor *tensor,
			      struct cairn_error *error)
{
	struct kept *const kept = context;

	(void)error;
	kept->tensor = *tensor;
	kept->reader = cairn_reader_retain((struct cairn_reader *)(uintptr_t)tensor->reader);
	return CAIRN_OK;
}

START_TEST(a_value_can_be_taken_later_and_in_place)
{
	static const uint64_t three[] = {3};
	struct kept kept = {NULL, {.dtype = 0}};
	const struct cairn_variable variable = {
		.dtype = CAIRN_I64, .rank = 1, .dims = three, .assign = keep, .context = &kept};
	struct cairn_checkpoint *const late = empty_checkpoint();
	struct cairn_object *list;
	struct cairn_object *object;
	struct cairn_object *module;
	struct cairn_view view;

	write_saved(_i);
	ASSERT_OK(object_create(scene.system, CAIRN_OBJECT_LIST, &list, &test_error));
	ASSERT_OK(object_create(scene.system, CAIRN_OBJECT_MODULE, &module, &test_error));
	ASSERT_OK(object_create_variable(scene.system, &variable, NULL, &object, &test_error));
	ASSERT_OK(cairn_object_append(list, other.first, &test_error));
	ASSERT_OK(cairn_object_append(list, object, &test_error));
	ASSERT_OK(cairn_object_set(module, "layers", list, &test_error));
	add_to_root(late, "model", module);
	cairn_load_status_release(read_to(late));
	cairn_object_release(list);
	cairn_object_release(module);
	cairn_object_release(object);
	cairn_checkpoint_destroy(late);
	ASSERT_OK(cairn_tensor_view(&kept.tensor, &view, &test_error));
	ck_assert(memcmp(view.data, saved.values.second, 24) == 0);
	cairn_view_release(&view);
	cairn_reader_close(kept.reader);
}
END_TEST

static enum cairn_status produce(void *context, uint64_t offset, void *buffer, size_t size)
{
	(void)context;
	memset(buffer, offset == 0 ? 5 : 6, size);
	return CAIRN_OK;
}

START_TEST(a_value_can_be_produced_but_not_without_a_way_back)
{
	const struct cairn_variable variable = {.dtype = CAIRN_U8, .produce = produce};
	const struct cairn_variable only_assign = {.dtype = CAIRN_U8, .assign = keep};
	struct cairn_checkpoint *const one = empty_checkpoint();
	struct cairn_object *produced;
	struct cairn_object *assigned;
	struct cairn_load_status *status;

	ASSERT_OK(object_create_variable(scene.system, &variable, NULL, &produced, &test_error));
	ASSERT_OK(object_create_variable(scene.system, &only_assign, NULL, &assigned, &test_error));
	add_to_root(one, "p", produced);
	ASSERT_OK(cairn_checkpoint_write(one, "/d/f", &targets[_i], &test_error));
	ASSERT_FAILS(cairn_checkpoint_read(one, "/d/f", NULL, &status, &test_error),
		     CAIRN_INVALID_ARGUMENT, "no way to be restored");
	add_to_root(one, "p", assigned);
	ASSERT_FAILS(cairn_checkpoint_write(one, "/d/f", &targets[_i], &test_error),
		     CAIRN_INVALID_ARGUMENT, "no way to be saved");
	cairn_object_release(produced);
	cairn_object_release(assigned);
	cairn_checkpoint_destroy(one);
}
END_TEST

START_TEST(strings_in_memory_are_saved_and_only_a_callback_restores_them)
{
	static const uint64_t two[] = {2};
	struct cairn_string texts[] = {{"a", 1}, {"", 0}};
	struct kept kept = {NULL, {.dtype = 0}};
	const struct cairn_variable in_memory = {
		.dtype = CAIRN_STRING, .rank = 1, .dims = two, .data = texts};
	struct cairn_variable taken = in_memory;
	struct cairn_checkpoint *const one = empty_checkpoint();
	struct cairn_load_status *status;
	struct cairn_object *objects[2];

	taken.assign = keep;
	taken.context = &kept;
	ASSERT_OK(object_create_variable(scene.system, &in_memory, NULL, &objects[0], &test_error));
	ASSERT_OK(object_create_variable(scene.system, &taken, NULL, &objects[1], &test_error));
	add_to_root(one, "t", objects[0]);
	ASSERT_OK(cairn_checkpoint_write(one, "/d/f", &targets[_i], &test_error));
	ASSERT_FAILS(cairn_checkpoint_read(one, "/d/f", NULL, &status, &test_error),
		     CAIRN_INVALID_ARGUMENT, "no way to be restored");
	add_to_root(one, "t", objects[1]);
	cairn_load_status_release(read_to(one));
	ck_assert_uint_eq(kept.tensor.element_count, 2);
	cairn_reader_close(kept.reader);
	cairn_object_release(objects[0]);
	cairn_object_release(objects[1]);
	cairn_checkpoint_destroy(one);
}
END_TEST

/* ---------------------------------------------------------------------------------------- roots */

START_TEST(a_root_that_is_given_stays_what_it_is)
{
	const struct cairn_named_object objects[] = {{"step", saved.step}, {"w", saved.w}};
	const struct cairn_named_object clash[] = {{"w", saved.step}};
	const struct cairn_named_object others[] = {{"step", other.step}};
	struct cairn_checkpoint *checkpoint;
	struct cairn_load_status *status;

	ASSERT_FAILS(
		checkpoint_create(scene.system, saved.model, clash, 1, &checkpoint, &test_error),
		CAIRN_INVALID_ARGUMENT, "the root has another child of this name");
	ASSERT_OK(
		checkpoint_create(scene.system, saved.model, objects, 2, &checkpoint, &test_error));
	ASSERT_OK(cairn_checkpoint_save(checkpoint, "/d/r", &targets[_i], NULL, &test_error));
	ck_assert_uint_eq(cairn_object_child_count(saved.model), 2);
	ck_assert_ptr_eq(cairn_checkpoint_root(checkpoint), saved.model);
	ck_assert_ptr_eq(cairn_checkpoint_object(checkpoint, "step"), saved.step);
	ck_assert_ptr_eq(cairn_checkpoint_object(checkpoint, "w"), saved.w);
	cairn_checkpoint_destroy(checkpoint);
	ASSERT_OK(
		checkpoint_create(scene.system, other.model, others, 1, &checkpoint, &test_error));
	ASSERT_OK(cairn_checkpoint_restore(checkpoint, "/d/r-1", NULL, &status, &test_error));
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	assert_counter(checkpoint, 1);
	ck_assert_int_eq(other.values.step, saved.values.step);
	ck_assert(other.values.w[1] == saved.values.w[1]);
	cairn_load_status_release(status);
	cairn_checkpoint_destroy(checkpoint);
}
END_TEST

START_TEST(a_root_may_bring_a_counter)
{
	int64_t count = 40;
	float wrong = 0;
	struct cairn_object *const counter = scalar(CAIRN_I64, &count);
	struct cairn_object *const no_counter = scalar(CAIRN_F32, &wrong);
	struct cairn_checkpoint *checkpoint;

	ASSERT_OK(cairn_object_set(saved.model, "save_counter", counter, &test_error));
	ASSERT_OK(checkpoint_create(scene.system, saved.model, NULL, 0, &checkpoint, &test_error));
	ASSERT_OK(cairn_checkpoint_save(checkpoint, "/d/r", &targets[_i], NULL, &test_error));
	ck_assert_int_eq(count, 41);
	ASSERT_OK(cairn_object_set(saved.model, "save_counter", no_counter, &test_error));
	ASSERT_FAILS(cairn_checkpoint_save(checkpoint, "/d/r", &targets[_i], NULL, &test_error),
		     CAIRN_INVALID_ARGUMENT, "no int64 scalar");
	ASSERT_STATUS(cairn_checkpoint_save_counter(checkpoint, &count, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_object_release(counter);
	cairn_object_release(no_counter);
	cairn_checkpoint_destroy(checkpoint);
}
END_TEST

START_TEST(what_is_no_object_of_a_checkpoint_is_refused)
{
	struct cairn_object *tuple;
	struct cairn_checkpoint *checkpoint;

	ASSERT_OK(object_create(scene.system, CAIRN_OBJECT_TUPLE, &tuple, &test_error));
	const struct cairn_named_object cases[][2] = {
		{{"a", NULL}, {"b", saved.step}},
		{{"a", tuple}, {"b", saved.step}},
		{{"a", saved.step}, {"a", saved.step}},
		{{"save_counter", saved.step}, {"b", saved.step}},
		{{NULL, saved.step}, {"b", saved.step}},
		{{"\xff", saved.step}, {"b", saved.step}},
	};
	const struct cairn_named_object root = {"root", saved.step};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ASSERT_STATUS(checkpoint_create(scene.system, NULL, cases[i], 2, &checkpoint,
						&test_error),
			      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(
		checkpoint_create(scene.system, saved.model, &root, 1, &checkpoint, &test_error),
		CAIRN_INVALID_ARGUMENT);
	ASSERT_OK(checkpoint_create(scene.system, NULL, &root, 1, &checkpoint, &test_error));
	cairn_checkpoint_destroy(checkpoint);
	cairn_checkpoint_destroy(NULL);
	cairn_object_release(tuple);
}
END_TEST

/* ---------------------------------------------------------------------------------------- names */

static void write_names(int format)
{
	const struct cairn_writer_options options = {
		.size = sizeof(options),
		.target = format == 0 ? CAIRN_TARGET_CAIRN : CAIRN_TARGET_TENSORFLOW};
	struct cairn_writer *const writer = scene_writer(
		&scene, format == 0 ? "/d/f.cairn" : "/d/f", &options);
	static const uint64_t two[] = {2};

	ASSERT_OK(cairn_writer_add(writer, "w", CAIRN_F32, 1, two, saved.values.w, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "step", CAIRN_I64, 0, NULL, &saved.values.step,
				   &test_error));
	ASSERT_OK(cairn_writer_add(writer, "more", CAIRN_I64, 0, NULL, &saved.values.step,
				   &test_error));
	finish_writer(writer);
}

START_TEST(a_checkpoint_without_objects_is_matched_by_full_names)
{
	struct cairn_checkpoint *const late = empty_checkpoint();
	struct cairn_load_status *status;

	write_names(_i);
	status = read_to(late);
	ck_assert_int_eq(cairn_load_status_kind(status), CAIRN_LOAD_NAMES);
	add_to_root(late, "step", other.step);
	ck_assert_int_eq(other.values.step, saved.values.step);
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	add_to_root(late, "model", other.model); /* and what is below */
	ck_assert(other.values.w[1] == saved.values.w[1]);
	ASSERT_FAILS(cairn_load_status_assert_consumed(status, &test_error), CAIRN_UNMATCHED,
		     "(root).model.layers.0");
	ASSERT_STATUS(cairn_load_status_assert_nontrivial_match(status, &test_error),
		      CAIRN_UNMATCHED);
	cairn_load_status_release(status);
	cairn_checkpoint_destroy(late);
}
END_TEST

START_TEST(a_name_of_another_shape_changes_nothing)
{
	struct cairn_load_status *status = NULL;
	float value = 0;
	const struct cairn_variable variable = {.dtype = CAIRN_F32, .data = &value};
	struct cairn_object *object;

	write_names(_i);
	ASSERT_OK(object_create_variable(scene.system, &variable, "w", &object, &test_error));
	add_to_root(other.checkpoint, "other", object);
	ASSERT_STATUS(
		cairn_checkpoint_restore(other.checkpoint, "/d/f", NULL, &status, &test_error),
		CAIRN_MISMATCH);
	ck_assert_int_eq(object_model_seed(&other, 1), 0);
	ck_assert_uint_eq(other.step->named_count, 0);
	cairn_object_release(object);
}
END_TEST

/* ------------------------------------------------------------------------------------- outcomes */

struct outcomes {
	unsigned count[CAIRN_LOAD_UNMATCHED + 1];
	char text[600];
	int stop;
};

static int note(void *context, const struct cairn_load_entry *entry)
{
	struct outcomes *const outcomes = context;
	const size_t used = strlen(outcomes->text);

	outcomes->count[entry->outcome]++;
	if (entry->outcome != CAIRN_LOAD_RESTORED)
		snprintf(outcomes->text + used, sizeof(outcomes->text) - used, "%s\n", entry->path);
	return outcomes->stop;
}

START_TEST(every_value_has_an_outcome)
{
	const struct cairn_checkpoint_read_options skip = {.size = sizeof(skip),
							   .skip_slot_variables = 1};
	struct outcomes outcomes = {.stop = 0};
	struct cairn_load_status *first;
	struct cairn_load_status *status;
	int64_t extra = 0;
	struct cairn_object *const object = scalar(CAIRN_I64, &extra);

	write_saved(_i);
	ASSERT_OK(cairn_object_remove(other.model, "w", &test_error));
	add_to_root(other.checkpoint, "extra", object);
	first = read_to(other.checkpoint);
	ASSERT_OK(cairn_load_status_list(first, note, &outcomes, &test_error));
	ck_assert_uint_eq(outcomes.count[CAIRN_LOAD_RESTORED], 4);
	ck_assert_uint_eq(outcomes.count[CAIRN_LOAD_WAITING], 2);
	ck_assert_uint_eq(outcomes.count[CAIRN_LOAD_UNMATCHED], 1);
	ck_assert_str_eq(outcomes.text, "(root).model.w\n"
					"(root).opt's state 'm' for (root).model.w\n"
					"(root).extra\n");
	ASSERT_OK(cairn_checkpoint_read(other.checkpoint, "/d/f", &skip, &status, &test_error));
	outcomes = (struct outcomes){.stop = 0};
	ASSERT_OK(cairn_load_status_list(first, note, &outcomes, &test_error));
	ck_assert_uint_eq(outcomes.count[CAIRN_LOAD_SUPERSEDED], 4);
	outcomes = (struct outcomes){.stop = 0};
	ASSERT_OK(cairn_load_status_list(status, note, &outcomes, &test_error));
	ck_assert_uint_eq(outcomes.count[CAIRN_LOAD_SKIPPED], 1);
	outcomes.stop = 1;
	ASSERT_STATUS(cairn_load_status_list(status, note, &outcomes, &test_error),
		      CAIRN_CANCELLED);
	ASSERT_STATUS(cairn_load_status_list(status, NULL, NULL, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_load_status_expect_partial(status);
	ck_assert_int_eq(cairn_load_status_is_partial(status), 0);
	ck_assert_int_eq(cairn_load_status_is_partial(first), 1);
	cairn_load_status_release(first);
	cairn_load_status_release(status);
	cairn_object_release(object);
}
END_TEST

START_TEST(a_value_that_its_object_cannot_have_is_unused)
{
	struct outcomes outcomes = {.stop = 0};
	struct cairn_checkpoint *const one = empty_checkpoint();
	struct cairn_load_status *status;

	write_saved(_i);
	add_to_root(one, "step", other.layers);
	add_to_root(one, "model", other.text);
	add_to_root(one, "text", other.step);
	ASSERT_STATUS(cairn_checkpoint_read(one, "/d/f", NULL, &status, &test_error),
		      CAIRN_NOT_FOUND); /* of a text there is no VARIABLE_VALUE */
	ASSERT_OK(cairn_object_remove(cairn_checkpoint_root(one), "text", &test_error));
	status = read_to(one);
	ASSERT_OK(cairn_load_status_list(status, note, &outcomes, &test_error));
	ck_assert_uint_eq(outcomes.count[CAIRN_LOAD_UNUSED], 1);
	ck_assert_ptr_nonnull(strstr(outcomes.text, "(root).step\n"));
	cairn_load_status_release(status);
	cairn_checkpoint_destroy(one);
}
END_TEST

/* ---------------------------------------------------------------------------------- older forms */

START_TEST(a_program_may_number_its_checkpoints)
{
	char path[CAIRN_PATH_SIZE];
	int64_t counter;

	ASSERT_OK(cairn_checkpoint_write_numbered(saved.checkpoint, "/d/f", -7, &targets[_i], path,
						  &test_error));
	ck_assert_str_eq(path, "/d/f--7");
	ck_assert(!memory_system_exists(scene.memory, "/d/checkpoint"));
	ASSERT_STATUS(cairn_checkpoint_save_counter(saved.checkpoint, &counter, &test_error),
		      CAIRN_NOT_FOUND);
	ASSERT_STATUS(
		cairn_checkpoint_write_numbered(saved.checkpoint, "", 1, NULL, NULL, &test_error),
		CAIRN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(a_saver_of_objects_saves_what_restores_objects)
{
	const struct cairn_saver_options options = {.format = _i == 0 ? CAIRN_SAVER_CAIRN
								      : CAIRN_SAVER_TENSORFLOW_V2};
	struct cairn_saver *saver = NULL;
	struct cairn_load_status *status;

	ASSERT_FAILS(cairn_checkpoint_freeze(saved.checkpoint, &options, &saver, &test_error),
		     CAIRN_UNSUPPORTED, "the state 'text/.ATTRIBUTES/py_state'");
	ck_assert_ptr_null(saver);
	ASSERT_OK(
		cairn_object_remove(cairn_checkpoint_root(saved.checkpoint), "text", &test_error));
	ASSERT_OK(cairn_checkpoint_freeze(saved.checkpoint, &options, &saver, &test_error));
	ASSERT_OK(cairn_saver_save(saver, "/d/f", NULL, NULL, &test_error));
	memcpy(other.values.text, saved.values.text, sizeof(other.values.text));
	status = read_to(other.checkpoint);
	ck_assert_int_eq(object_model_seed(&other, 1), 1);
	cairn_load_status_release(status);
	saved.values.step = 0;
	saved.values.m[1] = 0;
	ASSERT_OK(cairn_saver_restore(saver, "/d/f", NULL, &test_error));
	ck_assert_int_eq(object_model_seed(&saved, 1), 1);
	cairn_saver_destroy(saver);
}
END_TEST

/* A loop index of a test is the format. */
static void add_both(TCase *tests, const TTest *test)
{
	tcase_add_loop_test(tests, test, 0, 2);
}

int main(void)
{
	Suite *const suite = suite_create("checkpoint");
	TCase *const tests = tcase_create("checkpoint");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	add_both(tests, what_is_saved_is_restored);
	add_both(tests, keys_are_those_of_tensorflow);
	add_both(tests, a_container_has_the_suffix_and_a_bundle_has_its_files);
	add_both(tests, folders_are_made_and_what_is_in_the_way_is_told);
	add_both(tests, saves_are_counted_and_the_state_file_names_the_last);
	add_both(tests, a_restore_goes_on_counting_and_a_read_does_not);
	add_both(tests, a_failed_save_uses_up_its_number);
	tcase_add_test(tests, what_cannot_be_saved_is_refused);
	add_both(tests, a_slot_variable_is_nothing_else);
	add_both(tests, values_wait_for_objects_that_come);
	add_both(tests, a_child_that_does_not_fit_is_not_there_and_the_value_waits_on);
	add_both(tests, the_last_restore_counts_whenever_the_object_comes);
	add_both(tests, a_replaced_child_takes_nothing);
	add_both(tests, what_waits_ends_with_its_objects);
	add_both(tests, a_status_lives_longer_than_what_it_is_about);
	add_both(tests, a_slot_variable_waits_until_it_is_made);
	add_both(tests, a_program_that_makes_no_slot_variable_is_asked_once);
	add_both(tests, slot_variables_can_be_left_alone);
	add_both(tests, what_does_not_fit_changes_nothing);
	add_both(tests, damage_is_told_and_with_a_look_before_nothing_is_changed);
	tcase_add_test(tests, what_is_no_checkpoint_restores_nothing);
	add_both(tests, a_value_can_be_taken_later_and_in_place);
	add_both(tests, a_value_can_be_produced_but_not_without_a_way_back);
	add_both(tests, strings_in_memory_are_saved_and_only_a_callback_restores_them);
	add_both(tests, a_root_that_is_given_stays_what_it_is);
	add_both(tests, a_root_may_bring_a_counter);
	tcase_add_test(tests, what_is_no_object_of_a_checkpoint_is_refused);
	add_both(tests, a_checkpoint_without_objects_is_matched_by_full_names);
	add_both(tests, a_name_of_another_shape_changes_nothing);
	add_both(tests, every_value_has_an_outcome);
	add_both(tests, a_value_that_its_object_cannot_have_is_unused);
	add_both(tests, a_program_may_number_its_checkpoints);
	add_both(tests, a_saver_of_objects_saves_what_restores_objects);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
