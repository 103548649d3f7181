/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object graph of an open checkpoint: keys that are there, that several tensors begin with, and
 * that dangle; and checkpoints without a graph.
 */
#include <cairn/graph.h>

#include "format/object_graph.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static struct cairn_string text(const char *value)
{
	return cairn_string_from(value);
}

/* --------------------------------------------------------------------------------------- making */

#define NAMES 6
static const char *const names[NAMES] = {
	"a/.ATTRIBUTES/VARIABLE_VALUE", "slot", "table", "table-keys", "tablf", "tabl"};

static void add_tensors(struct cairn_writer *writer)
{
	static const float zero = 0;

	for (size_t i = 0; i < NAMES; i++) {
		if (strcmp(names[i], "table") != 0)
			ASSERT_OK(cairn_writer_add(writer, names[i], CAIRN_F32, 0, NULL, &zero,
						   &test_error));
	}
	ASSERT_OK(cairn_writer_add(writer, "table-values", CAIRN_F32, 0, NULL, &zero, &test_error));
}

/* The root leads to a variable, which leads back; it has a value under each kind of key. */
static struct cairn_string sample_message(struct arena *arena)
{
	static const struct object_child to_variable[] = {{{"a", 1}, 1}};
	static const struct object_child to_root[] = {{{"root", 4}, 0}};
	static const struct object_slot slots[] = {{1, {"m", 1}, 2}};
	static const struct object_saver saver = {{"Custom", 6}, {"thing", 5}};
	const struct object_attribute attributes[] = {
		{text("VARIABLE_VALUE"), text("v"), text(names[0])},
		{text("table"), text(""), text("table")},
		{text("lost"), text(""), text("table-v2")},
		{text("none"), text(""), text("")},
		{text("last"), text(""), text("z")},
	};
	const struct object_node nodes[] = {
		{.children = to_variable,
		 .child_count = 1,
		 .slots = slots,
		 .slot_count = 1,
		 .values = OBJECT_VALUES_SOME},
		{.children = to_root,
		 .child_count = 1,
		 .attributes = attributes,
		 .attribute_count = COUNT_OF(attributes),
		 .values = OBJECT_VALUES_NONE},
		{.saver = &saver},
	};
	const struct object_graph graph = {nodes, COUNT_OF(nodes)};
	struct cairn_string message = {NULL, 0};

	ASSERT_OK(object_graph_write(&graph, arena, &message, &test_error));
	return message;
}

static void write_sample(const char *path)
{
	struct cairn_writer *const writer = scene_writer(&scene, path, NULL);
	struct test_arena memory;
	struct cairn_string message;

	test_arena_open(&memory, 0);
	message = sample_message(&memory.arena);
	ASSERT_OK(cairn_writer_add_strings(writer, text(CAIRN_GRAPH_TENSOR), 0, NULL, &message,
					   &test_error));
	add_tensors(writer);
	finish_writer(writer);
	test_arena_close(&memory);
}

static struct cairn_graph *open_graph(const char *path)
{
	struct cairn_reader *const reader = scene_reader(&scene, path, NULL);
	struct cairn_graph *graph = NULL;

	ASSERT_OK(cairn_graph_open(reader, &graph, &test_error));
	cairn_reader_close(reader); /* the graph has a reference of its own */
	return graph;
}

static void assert_string(struct cairn_string string, const char *expected)
{
	ck_assert_uint_eq(string.size, strlen(expected));
	ck_assert_mem_eq(string.data, expected, string.size);
}

/* ---------------------------------------------------------------------------------------- parts */

START_TEST(nodes_children_and_slots_are_told)
{
	struct cairn_graph *graph;
	struct cairn_graph_node node;
	struct cairn_graph_child child;
	struct cairn_graph_slot slot;

	write_sample("/c");
	graph = open_graph("/c");
	ck_assert_uint_eq(cairn_graph_node_count(graph), 3);
	ASSERT_OK(cairn_graph_node(graph, 0, &node, &test_error));
	ck_assert_uint_eq(node.child_count, 1);
	ck_assert_uint_eq(node.slot_count, 1);
	ck_assert_uint_eq(node.attribute_count, 0);
	ck_assert_int_eq(node.values, CAIRN_GRAPH_VALUES_SOME);
	ck_assert_int_eq(node.has_saver, 0);
	ASSERT_OK(cairn_graph_child(graph, 1, 0, &child, &test_error));
	assert_string(child.name, "root");
	ck_assert_uint_eq(child.node, 0);
	ASSERT_OK(cairn_graph_slot(graph, 0, 0, &slot, &test_error));
	ck_assert_uint_eq(slot.variable, 1);
	assert_string(slot.name, "m");
	ck_assert_uint_eq(slot.slot, 2);
	ASSERT_OK(cairn_graph_node(graph, 2, &node, &test_error));
	ck_assert_int_eq(node.values, CAIRN_GRAPH_VALUES_UNKNOWN);
	ck_assert_int_eq(node.has_saver, 1);
	assert_string(node.saver_name, "Custom");
	assert_string(node.saver_object_name, "thing");
	cairn_graph_close(graph);
	cairn_graph_close(NULL);
}
END_TEST

START_TEST(numbers_that_are_none_are_refused)
{
	struct cairn_graph *graph;
	struct cairn_graph_node node;
	struct cairn_graph_child child;
	struct cairn_graph_attribute attribute;
	struct cairn_graph_slot slot;

	write_sample("/c");
	graph = open_graph("/c");
	ASSERT_FAILS(cairn_graph_node(graph, 3, &node, &test_error), CAIRN_INVALID_ARGUMENT,
		     "node 3 of 3");
	ASSERT_FAILS(cairn_graph_child(graph, 3, 0, &child, &test_error), CAIRN_INVALID_ARGUMENT,
		     "node 3 of 3");
	ASSERT_FAILS(cairn_graph_child(graph, 0, 1, &child, &test_error), CAIRN_INVALID_ARGUMENT,
		     "child 1 of 1");
	ASSERT_FAILS(cairn_graph_attribute(graph, 4, 0, &attribute, &test_error),
		     CAIRN_INVALID_ARGUMENT, "node 4 of 3");
	ASSERT_FAILS(cairn_graph_attribute(graph, 1, 5, &attribute, &test_error),
		     CAIRN_INVALID_ARGUMENT, "attribute 5 of 5");
	ASSERT_FAILS(cairn_graph_slot(graph, 0, 1, &slot, &test_error), CAIRN_INVALID_ARGUMENT,
		     "slot 1 of 1");
	ASSERT_FAILS(cairn_graph_slot(graph, 3, 1, &slot, &test_error), CAIRN_INVALID_ARGUMENT,
		     "node 3 of 3");
	cairn_graph_close(graph);
}
END_TEST

/* ----------------------------------------------------------------------------------------- keys */

static struct cairn_graph_attribute attribute_of(const struct cairn_graph *graph, uint64_t index)
{
	struct cairn_graph_attribute attribute;

	ASSERT_OK(cairn_graph_attribute(graph, 1, index, &attribute, &test_error));
	return attribute;
}

static void assert_tensor(const struct cairn_reader *reader, uint64_t number, const char *name)
{
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_reader_tensor_at(reader, number, &tensor, &test_error));
	assert_string(tensor.name, name);
}

START_TEST(a_key_names_its_tensor)
{
	struct cairn_graph *graph;
	struct cairn_reader *reader;

	write_sample("/c");
	graph = open_graph("/c");
	const struct cairn_graph_attribute attribute = attribute_of(graph, 0);
	assert_string(attribute.name, "VARIABLE_VALUE");
	assert_string(attribute.full_name, "v");
	assert_string(attribute.key, names[0]);
	ck_assert_int_eq(attribute.state, CAIRN_GRAPH_KEY_TENSOR);
	ck_assert_uint_eq(attribute.tensor_count, 1);
	reader = scene_reader(&scene, "/c", NULL);
	assert_tensor(reader, attribute.first_tensor, names[0]);
	cairn_reader_close(reader);
	cairn_graph_close(graph);
}
END_TEST

START_TEST(a_key_may_be_what_several_names_begin_with)
{
	struct cairn_graph *graph;
	struct cairn_reader *reader;

	write_sample("/c");
	graph = open_graph("/c");
	const struct cairn_graph_attribute attribute = attribute_of(graph, 1);
	ck_assert_int_eq(attribute.state, CAIRN_GRAPH_KEY_PREFIX);
	ck_assert_uint_eq(attribute.tensor_count, 2);
	reader = scene_reader(&scene, "/c", NULL);
	assert_tensor(reader, attribute.first_tensor, "table-keys");
	assert_tensor(reader, attribute.first_tensor + 1, "table-values");
	cairn_reader_close(reader);
	cairn_graph_close(graph);
}
END_TEST

/* Between two names; empty, which all names begin with; behind all names. */
START_TEST(keys_without_a_tensor_dangle)
{
	struct cairn_graph *graph;

	write_sample("/c");
	graph = open_graph("/c");
	for (uint64_t index = 2; index < 5; index++) {
		const struct cairn_graph_attribute attribute = attribute_of(graph, index);

		ck_assert_int_eq(attribute.state, CAIRN_GRAPH_KEY_DANGLES);
		ck_assert_uint_eq(attribute.tensor_count, 0);
	}
	cairn_graph_close(graph);
}
END_TEST

/* -------------------------------------------------------------------------------------- refused */

static void open_fails(const char *path, enum cairn_status status, const char *part)
{
	struct cairn_reader *const reader = scene_reader(&scene, path, NULL);
	struct cairn_graph *graph = NULL;

	ASSERT_FAILS(cairn_graph_open(reader, &graph, &test_error), status, part);
	ck_assert_ptr_null(graph);
	cairn_reader_close(reader);
}

START_TEST(a_name_based_checkpoint_is_said_to_be_one)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/c", NULL);

	add_tensors(writer);
	finish_writer(writer);
	open_fails("/c", CAIRN_NOT_FOUND, "'/c': no object graph: the checkpoint is name-based");
}
END_TEST

START_TEST(a_tensor_that_is_no_graph_is_refused)
{
	const struct cairn_string strings[2] = {{"\x0a\x09", 2}, {"", 0}};
	const uint64_t two = 2;
	const float number = 0;
	struct cairn_writer *writer = scene_writer(&scene, "/number", NULL);

	ASSERT_OK(cairn_writer_add_copy(writer, CAIRN_GRAPH_TENSOR, CAIRN_F32, 0, NULL, &number,
					&test_error));
	finish_writer(writer);
	open_fails("/number", CAIRN_CORRUPT, "an object graph is one string");
	writer = scene_writer(&scene, "/two", NULL);
	ASSERT_OK(cairn_writer_add_strings(writer, text(CAIRN_GRAPH_TENSOR), 1, &two, strings,
					   &test_error));
	finish_writer(writer);
	open_fails("/two", CAIRN_CORRUPT, "one string, not 2 elements");
	writer = scene_writer(&scene, "/damaged", NULL);
	ASSERT_OK(cairn_writer_add_strings(writer, text(CAIRN_GRAPH_TENSOR), 0, NULL, strings,
					   &test_error));
	finish_writer(writer);
	open_fails("/damaged", CAIRN_CORRUPT,
		   "'/damaged': tensor '_CHECKPOINTABLE_OBJECT_GRAPH': the object graph cannot");
}
END_TEST

START_TEST(every_call_may_fail)
{
	static const enum memory_call kinds[] = {MEMORY_CALL_ALLOCATE, MEMORY_CALL_ANY};

	write_sample("/c");
	for (uint64_t at = 1; at <= 40; at++) {
		const struct memory_fault fault = {
			.call = kinds[at % 2], .at = (at + 1) / 2, .error = at % 2 == 0 ? 12 : 5};
		struct cairn_reader *const reader = scene_reader(&scene, "/c", NULL);
		struct cairn_graph *graph = NULL;
		struct cairn_graph_attribute attribute;
		enum cairn_status status;

		memory_system_set_fault(scene.memory, 0, &fault);
		status = cairn_graph_open(reader, &graph, &test_error);
		if (status == CAIRN_OK)
			status = cairn_graph_attribute(graph, 1, 1, &attribute, &test_error);
		memory_system_clear_faults(scene.memory);
		ck_assert(status == CAIRN_OK || status == CAIRN_NO_MEMORY || status == CAIRN_IO);
		cairn_graph_close(graph);
		graph = NULL;
		ASSERT_OK(cairn_graph_open(reader, &graph, &test_error));
		cairn_graph_close(graph);
		cairn_reader_close(reader);
	}
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("graph");
	TCase *const parts = tcase_create("parts");

	tcase_add_checked_fixture(parts, set_up, tear_down);
	suite_add_tcase(suite, parts);
	tcase_add_test(parts, nodes_children_and_slots_are_told);
	tcase_add_test(parts, numbers_that_are_none_are_refused);
	tcase_add_test(parts, a_key_names_its_tensor);
	tcase_add_test(parts, a_key_may_be_what_several_names_begin_with);
	tcase_add_test(parts, keys_without_a_tensor_dangle);
	tcase_add_test(parts, a_name_based_checkpoint_is_said_to_be_one);
	tcase_add_test(parts, a_tensor_that_is_no_graph_is_refused);
	tcase_add_test(parts, every_call_may_fail);
	return run_suite(suite);
}
