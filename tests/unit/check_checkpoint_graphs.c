/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restoring from object graphs that nobody here writes: of older writers, of registered savers,
 * with keys that lead nowhere, and damaged in every bit.
 */
#include "engine/train/checkpoint.h"
#include "format/object_graph.h"
#include "tests/support/build.h"
#include "tests/support/object_model.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

#define KEY "x/.ATTRIBUTES/VARIABLE_VALUE"

static struct scene scene;
static struct test_arena test;
static struct cairn_checkpoint *checkpoint;
static struct cairn_object *variable;
static float value;

static void set_up(void)
{
	const struct cairn_variable described = {.dtype = CAIRN_F32, .data = &value};

	scene_open(&scene);
	test_arena_open(&test, 0);
	value = 0;
	ASSERT_OK(object_create_variable(scene.system, &described, NULL, &variable, &test_error));
	ASSERT_OK(checkpoint_create(scene.system, NULL, NULL, 0, &checkpoint, &test_error));
}

static void tear_down(void)
{
	cairn_object_release(variable);
	cairn_checkpoint_destroy(checkpoint);
	test_arena_close(&test);
	scene_close(&scene);
}

static struct cairn_string text(const char *from)
{
	return cairn_string_from(from);
}

/* A checkpoint of the value 5 under KEY, with this graph. */
static void write_message(struct cairn_string message)
{
	static const float five = 5;
	const struct cairn_writer_options options = {.flags = CAIRN_WRITER_REPLACE};
	struct cairn_writer *const writer = scene_writer(&scene, "/f.cairn", &options);

	ASSERT_OK(cairn_writer_add(writer, KEY, CAIRN_F32, 0, NULL, &five, &test_error));
	ASSERT_OK(cairn_writer_add_strings(writer, text(CAIRN_GRAPH_TENSOR), 0, NULL, &message,
					   &test_error));
	finish_writer(writer);
}

static struct cairn_string message_of(const struct object_node *nodes, uint32_t count)
{
	const struct object_graph graph = {nodes, count};
	struct cairn_string message = {"", 0};

	ASSERT_OK(object_graph_write(&graph, &test.arena, &message, &test_error));
	return message;
}

/* The root leads to "x", which has these attributes. */
static struct cairn_string one_variable(const struct object_attribute *attributes, uint32_t count,
					enum object_values values)
{
	static const struct object_child children[] = {{{"x", 1}, 1}};
	const struct object_node nodes[] = {
		{.children = children, .child_count = 1, .values = values},
		{.attributes = attributes, .attribute_count = count, .values = values}};

	return message_of(nodes, 2);
}

static enum cairn_status read_now(struct cairn_load_status **status)
{
	return cairn_checkpoint_read(checkpoint, "/f", NULL, status, &test_error);
}

static void set_variable(void)
{
	ASSERT_OK(cairn_object_set(cairn_checkpoint_root(checkpoint), "x", variable, &test_error));
}

/* ------------------------------------------------------------------------------- unusual graphs */

START_TEST(an_older_writer_says_nothing_about_values)
{
	const struct object_attribute attribute = {text("VARIABLE_VALUE"), text(""), text(KEY)};
	struct cairn_load_status *status;

	write_message(one_variable(&attribute, 1, OBJECT_VALUES_UNKNOWN));
	ASSERT_OK(read_now(&status));
	set_variable();
	ck_assert(value == 5);
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	cairn_load_status_release(status);
}
END_TEST

START_TEST(nothing_waits_for_a_child_without_values)
{
	const struct object_attribute attribute = {text("VARIABLE_VALUE"), text(""), text(KEY)};
	struct cairn_load_status *status;

	write_message(one_variable(&attribute, 1, OBJECT_VALUES_NONE));
	ASSERT_OK(read_now(&status));
	ck_assert_uint_eq(cairn_checkpoint_root(checkpoint)->waiting.left, 0);
	set_variable();
	ck_assert(value == 0);
	cairn_load_status_release(status);
}
END_TEST

START_TEST(a_variable_finds_its_value_beside_that_of_the_first_attribute)
{
	const struct object_attribute attributes[] = {
		{text("other"), text(""), text("x/.ATTRIBUTES/other")},
		{text("more"), text(""), text("nowhere")}};
	struct cairn_load_status *status;

	write_message(one_variable(attributes, 2, OBJECT_VALUES_SOME));
	set_variable();
	ASSERT_OK(read_now(&status));
	ck_assert(value == 5);
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	cairn_load_status_release(status);
}
END_TEST

START_TEST(a_key_that_leads_nowhere_is_told_and_nothing_is_changed)
{
	static const char *const keys[] = {"y/.ATTRIBUTES/VARIABLE_VALUE", "y", ""};
	const struct object_attribute attribute = {text(_i < 3 ? "VARIABLE_VALUE" : "other"),
						   text(""), text(keys[_i % 3])};
	struct cairn_load_status *status = NULL;

	write_message(one_variable(&attribute, 1, OBJECT_VALUES_SOME));
	set_variable();
	ASSERT_STATUS(read_now(&status), CAIRN_NOT_FOUND);
	ck_assert_ptr_null(status);
	ck_assert_uint_eq(variable->update_uid, 0);
}
END_TEST

START_TEST(what_a_registered_saver_saved_is_refused_where_it_is_met)
{
	static const struct object_child children[] = {{{"x", 1}, 1}};
	static const struct object_saver saver = {{"Custom.Table", 12}, {"x", 1}};
	const struct object_node nodes[] = {
		{.children = children, .child_count = 1, .values = OBJECT_VALUES_SOME},
		{.saver = &saver, .values = OBJECT_VALUES_SOME}};
	struct cairn_load_status *status = NULL;

	write_message(message_of(nodes, 2));
	ASSERT_OK(read_now(&status)); /* it waits */
	ASSERT_FAILS(
		cairn_object_set(cairn_checkpoint_root(checkpoint), "x", variable, &test_error),
		CAIRN_UNSUPPORTED, "registered saver 'Custom.Table'");
	ck_assert_ptr_null(cairn_checkpoint_object(checkpoint, "x"));
	cairn_load_status_release(status);
}
END_TEST

START_TEST(a_graph_without_a_root_is_damaged)
{
	struct cairn_load_status *status = NULL;

	write_message(text(""));
	ASSERT_FAILS(read_now(&status), CAIRN_CORRUPT, "no root");
}
END_TEST

START_TEST(a_graph_may_go_in_circles)
{
	static const struct object_child to_all[] = {
		{{"x", 1}, 1}, {{"self", 4}, 0}, {{"x", 1}, 0}, {{"x", 1}, 1}};
	static const struct object_slot slots[] = {{1, {"m", 1}, 1}, {0, {"m", 1}, 0}};
	const struct object_node nodes[] = {
		{.children = to_all, .child_count = 4, .slots = slots, .slot_count = 2},
		{.children = to_all, .child_count = 4, .slots = slots, .slot_count = 2}};
	struct cairn_load_status *status;

	write_message(message_of(nodes, 2));
	ASSERT_OK(read_now(&status));
	set_variable();
	ASSERT_OK(cairn_load_status_assert_existing_objects_matched(status, &test_error));
	ASSERT_OK(cairn_load_status_assert_nontrivial_match(status, &test_error));
	cairn_load_status_release(status);
}
END_TEST

/* A name for each of a long way down: messages keep the end of it. */
START_TEST(a_long_way_down_is_cut_off_in_messages)
{
	enum {
		DEPTH = 3000
	};
	static struct object_node nodes[DEPTH + 1];
	static struct object_child children[DEPTH];
	const struct object_attribute attribute = {text("VARIABLE_VALUE"), text(""), text(KEY)};
	struct cairn_load_status *status;

	for (uint32_t i = 0; i < DEPTH; i++) {
		children[i] = (struct object_child){text("down"), i + 1};
		nodes[i] = (struct object_node){.children = &children[i], .child_count = 1};
	}
	nodes[DEPTH] = (struct object_node){.attributes = &attribute, .attribute_count = 1};
	write_message(message_of(nodes, DEPTH + 1));
	ASSERT_OK(read_now(&status));
	ASSERT_FAILS(cairn_load_status_assert_consumed(status, &test_error), CAIRN_UNMATCHED,
		     "unresolved object in checkpoint ...");
	ck_assert_ptr_nonnull(strstr(test_error.message, "down.down"));
	cairn_load_status_release(status);
}
END_TEST

/* --------------------------------------------------------------------------------------- damage */

static int count_entry(void *context, const struct cairn_load_entry *entry)
{
	(void)entry;
	(*(unsigned *)context)++;
	return 0;
}

/* Whatever it says, it is an answer, and a failure leaves no trace. */
static void restore_damaged(struct object_model *model, struct cairn_string message)
{
	struct cairn_load_status *status = NULL;
	unsigned count = 0;

	write_message(message);
	if (cairn_checkpoint_read(model->checkpoint, "/f", NULL, &status, &test_error) !=
	    CAIRN_OK) {
		ck_assert_ptr_null(status);
		ck_assert_uint_eq(model->step->update_uid, 0);
		return;
	}
	test_error_reset();
	ck_assert(cairn_load_status_assert_consumed(status, &test_error) != CAIRN_CORRUPT);
	ASSERT_OK(cairn_load_status_list(status, count_entry, &count, &test_error));
	cairn_load_status_release(status);
}

/* Loop index: the bit. Every byte of the graph of a checkpoint that was just saved. */
START_TEST(every_bit_of_a_graph_may_be_wrong)
{
	struct object_model model;
	struct cairn_string message;
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;
	char *bytes;

	ASSERT_OK(object_model_open(&model, scene.system, 1, &test_error));
	ASSERT_OK(cairn_checkpoint_write(model.checkpoint, "/g", NULL, &test_error));
	object_model_close(&model);
	reader = scene_reader(&scene, "/g", NULL);
	ASSERT_OK(cairn_reader_find(reader, CAIRN_GRAPH_TENSOR, &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ASSERT_OK(cairn_view_string(&tensor, &view, 0, &message, &test_error));
	bytes = malloc(message.size);
	memcpy(bytes, message.data, message.size);
	for (size_t at = 0; at < message.size; at++) {
		ASSERT_OK(object_model_open(&model, scene.system, 0, &test_error));
		bytes[at] = (char)(bytes[at] ^ (1 << _i));
		restore_damaged(&model, (struct cairn_string){bytes, message.size});
		bytes[at] = (char)(bytes[at] ^ (1 << _i));
		object_model_close(&model);
	}
	free(bytes);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("checkpoint_graphs");
	TCase *const unusual = tcase_create("unusual");
	TCase *const damage = tcase_create("damage");

	tcase_add_checked_fixture(unusual, set_up, tear_down);
	tcase_add_test(unusual, an_older_writer_says_nothing_about_values);
	tcase_add_test(unusual, nothing_waits_for_a_child_without_values);
	tcase_add_test(unusual, a_variable_finds_its_value_beside_that_of_the_first_attribute);
	tcase_add_loop_test(unusual, a_key_that_leads_nowhere_is_told_and_nothing_is_changed, 0, 6);
	tcase_add_test(unusual, what_a_registered_saver_saved_is_refused_where_it_is_met);
	tcase_add_test(unusual, a_graph_without_a_root_is_damaged);
	tcase_add_test(unusual, a_graph_may_go_in_circles);
	tcase_add_test(unusual, a_long_way_down_is_cut_off_in_messages);
	suite_add_tcase(suite, unusual);
	tcase_add_checked_fixture(damage, set_up, tear_down);
	tcase_set_timeout(damage, 60);
	tcase_add_loop_test(damage, every_bit_of_a_graph_may_be_wrong, 0, 8);
	suite_add_tcase(suite, damage);
	return run_suite(suite);
}
