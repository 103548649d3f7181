/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restoring an object-based checkpoint by the names that its variables had: what
 * tf.compat.v1.train.Saver does with one of tf.train.Checkpoint's.
 */
#include <errno.h>
#include <stdio.h>

#include <cairn/graph.h>

#include "engine/train/saver.h"
#include "format/object_graph.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

static struct scene scene;
static struct cairn_saver *saver;
static float x[2];
static float y;
static const uint64_t two[1] = {2};
static const struct cairn_variable x_variable = {
	.dtype = CAIRN_F32, .rank = 1, .dims = two, .data = x};
static const struct cairn_variable y_variable = {.dtype = CAIRN_F32, .data = &y};
static struct cairn_saver_variable program[2];

static struct cairn_string text(const char *value)
{
	return cairn_string_from(value);
}

#define X_KEY "x/.ATTRIBUTES/VARIABLE_VALUE"
#define Y_KEY "y/.ATTRIBUTES/VARIABLE_VALUE"

/* Two variables, one of which was called "w" twice; a third thing has no name. */
static struct cairn_string graph_message(struct arena *arena)
{
	const struct object_child children[] = {{text("x"), 1}, {text("y"), 2}, {text("n"), 3}};
	const struct object_attribute values[] = {
		{text("VARIABLE_VALUE"), text("w"), text("older")},
		{text("VARIABLE_VALUE"), text("w"), text(X_KEY)},
		{text("VARIABLE_VALUE"), text("b"), text(Y_KEY)},
		{text("VARIABLE_VALUE"), text(""), text("n")},
	};
	const struct object_node nodes[] = {
		{.children = children, .child_count = COUNT_OF(children)},
		{.attributes = &values[0], .attribute_count = 2},
		{.attributes = &values[2], .attribute_count = 1},
		{.attributes = &values[3], .attribute_count = 1},
	};
	const struct object_graph graph = {nodes, COUNT_OF(nodes)};
	struct cairn_string message = {NULL, 0};

	ASSERT_OK(object_graph_write(&graph, arena, &message, &test_error));
	return message;
}

static void write_checkpoint(const char *path, bool with_graph)
{
	static const float values[2] = {1, 2};
	static const float value = 3;
	struct cairn_writer *const writer = scene_writer(&scene, path, NULL);
	struct cairn_string message;
	struct test_arena test;

	ASSERT_OK(cairn_writer_add(writer, X_KEY, CAIRN_F32, 1, two, values, &test_error));
	ASSERT_OK(cairn_writer_add(writer, Y_KEY, CAIRN_F32, 0, NULL, &value, &test_error));
	test_arena_open(&test, 0);
	message = graph_message(&test.arena);
	if (with_graph)
		ASSERT_OK(cairn_writer_add_strings(writer, text(CAIRN_GRAPH_TENSOR), 0, NULL,
						   &message, &test_error));
	finish_writer(writer);
	test_arena_close(&test);
}

static void set_up(void)
{
	scene_open(&scene);
	saver = NULL;
	x[0] = x[1] = y = 0;
	program[0] = (struct cairn_saver_variable){text("w"), &x_variable, NULL, {0}};
	program[1] = (struct cairn_saver_variable){text("b"), &y_variable, NULL, {0}};
	write_checkpoint("/objects.cairn", true);
	write_checkpoint("/plain.cairn", false);
}

static void tear_down(void)
{
	cairn_saver_destroy(saver);
	scene_close(&scene);
}

static void create(void)
{
	cairn_saver_destroy(saver);
	saver = NULL;
	ASSERT_OK(saver_create(scene.system, program, 2, NULL, &saver, &test_error));
}

static enum cairn_status restore(const char *path)
{
	return cairn_saver_restore(saver, path, NULL, &test_error);
}

START_TEST(restore_finds_variables_by_the_names_that_they_had)
{
	create();
	ASSERT_OK(restore("/objects"));
	ck_assert(x[0] == 1 && x[1] == 2 && y == 3);
	ck_assert_ptr_nonnull(strstr(cairn_saver_note(saver), "object-based"));
}
END_TEST

START_TEST(restore_finds_variables_by_their_keys)
{
	program[0].name = text(X_KEY);
	program[1].name = text(Y_KEY);
	create();
	ASSERT_OK(restore("/objects"));
	ck_assert(x[0] == 1 && x[1] == 2 && y == 3);
	ck_assert_ptr_null(cairn_saver_note(saver));
}
END_TEST

START_TEST(what_does_not_match_is_listed)
{
	program[1].name = text("zzz");
	create();
	ASSERT_FAILS(restore("/objects"), CAIRN_NOT_FOUND,
		     "not in it: 'zzz'; names in it that are no variables now: 'b'; 1 matched");
	ck_assert(x[0] == 0);
	program[0].name = text("yyy");
	create();
	ASSERT_FAILS(restore("/objects"), CAIRN_NOT_FOUND, "'yyy', 'zzz'");
	ASSERT_FAILS(restore("/plain"), CAIRN_NOT_FOUND, "not in the checkpoint: 'yyy', 'zzz'");
}
END_TEST

START_TEST(shapes_are_compared_here_too)
{
	struct cairn_variable variable = y_variable;

	variable.rank = 1;
	variable.dims = two;
	program[1].variable = &variable;
	create();
	ASSERT_FAILS(restore("/objects"), CAIRN_MISMATCH, "'b': expected [2], but [] is stored");
	ck_assert(x[0] == 0);
}
END_TEST

static int collect(void *context, struct cairn_string name, struct cairn_string key)
{
	char *const all = context;
	const size_t used = strlen(all);

	snprintf(all + used, 200 - used, "%.*s=%.*s ", (int)name.size, name.data, (int)key.size,
		 key.data);
	return name.data[0] == 'w';
}

START_TEST(the_mapping_is_by_name_and_the_later_one_counts)
{
	struct cairn_reader *const objects = scene_reader(&scene, "/objects", NULL);
	struct cairn_reader *const plain = scene_reader(&scene, "/plain", NULL);
	char all[200] = "";

	ASSERT_STATUS(cairn_object_graph_key_mapping(objects, collect, all, &test_error),
		      CAIRN_CANCELLED);
	ck_assert_str_eq(all, "b=" Y_KEY " w=" X_KEY " ");
	ASSERT_STATUS(cairn_object_graph_key_mapping(plain, collect, all, &test_error),
		      CAIRN_NOT_FOUND);
	ASSERT_STATUS(cairn_object_graph_key_mapping(plain, NULL, all, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_reader_close(objects);
	cairn_reader_close(plain);
}
END_TEST

START_TEST(a_saver_of_an_object_based_checkpoint_has_its_keys)
{
	char path[CAIRN_PATH_SIZE];
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	ASSERT_OK(saver_from_object_based_checkpoint(scene.system, "/objects", program, 2, NULL,
						     &saver, &test_error));
	ASSERT_OK(restore("/plain"));
	ck_assert(x[0] == 1 && x[1] == 2 && y == 3);
	ASSERT_OK(cairn_saver_save(saver, "/again", NULL, path, &test_error));
	reader = scene_reader(&scene, "/again", NULL);
	ASSERT_OK(cairn_reader_find(reader, X_KEY, &tensor, &test_error));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_saver_of_another_checkpoint_is_refused)
{
	ASSERT_FAILS(saver_from_object_based_checkpoint(scene.system, "/plain", program, 2, NULL,
							&saver, &test_error),
		     CAIRN_INVALID_ARGUMENT, "'/plain': not an object-based checkpoint");
	ASSERT_STATUS(saver_from_object_based_checkpoint(scene.system, "/none", program, 2, NULL,
							 &saver, &test_error),
		      CAIRN_NOT_FOUND);
	program[1].name = text("zzz");
	ASSERT_FAILS(saver_from_object_based_checkpoint(scene.system, "/objects", program, 2, NULL,
							&saver, &test_error),
		     CAIRN_NOT_FOUND, "not in it: 'zzz'");
}
END_TEST

START_TEST(no_memory_is_an_error_at_each_allocation)
{
	create();
	for (uint64_t at = 1;; at++) {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_ALLOCATE, .at = at, .error = ENOMEM};
		enum cairn_status status;

		memory_system_clear_faults(scene.memory);
		memory_system_set_fault(scene.memory, 0, &fault);
		status = restore("/objects");
		if (memory_system_fault_fired(scene.memory, 0) == 0)
			break;
		ck_assert_msg(status == CAIRN_OK || status == CAIRN_NO_MEMORY, "allocation %d: %s",
			      (int)at, cairn_status_name(status));
	}
	memory_system_clear_faults(scene.memory);
}
END_TEST

static Suite *saver_by_names_suite(void)
{
	Suite *suite = suite_create("saver_by_names");
	TCase *tests = tcase_create("saver_by_names");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, restore_finds_variables_by_the_names_that_they_had);
	tcase_add_test(tests, restore_finds_variables_by_their_keys);
	tcase_add_test(tests, what_does_not_match_is_listed);
	tcase_add_test(tests, shapes_are_compared_here_too);
	tcase_add_test(tests, the_mapping_is_by_name_and_the_later_one_counts);
	tcase_add_test(tests, a_saver_of_an_object_based_checkpoint_has_its_keys);
	tcase_add_test(tests, a_saver_of_another_checkpoint_is_refused);
	tcase_add_test(tests, no_memory_is_an_error_at_each_allocation);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(saver_by_names_suite());
}
