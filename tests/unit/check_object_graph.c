/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object graphs: those that TensorFlow wrote come back byte for byte, and hostile ones are refused.
 *
 * tests/data/object_graphs holds the string of _CHECKPOINTABLE_OBJECT_GRAPH of checkpoints that
 * TensorFlow 2.21.0 wrote, and beside each what TensorFlow itself says about it.
 */
#include "format/object_graph.h"

#include <stdbool.h>
#include <stdio.h>

#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

#define GOLDEN_SIZE_MAX 8192

static const char *const golden[] = {
	"empty_objects-counted-1",   "empty_objects-nothing",    "manager-ckpt-3",
	"max_shard_size-model.ckpt", "object_keras-ckpt-1",      "object_names-model.ckpt",
	"object_nested-ckpt-1",      "object_root-ckpt-1",       "object_root-variable_root",
	"object_slots-ckpt-1",       "object_tables-model.ckpt", "saved_model-variables",
};

static struct test_arena memory;
static struct object_graph graph;

static void set_up(void)
{
	test_arena_open(&memory, 0);
	graph = (struct object_graph){0};
}

static void tear_down(void)
{
	test_arena_close(&memory);
}

static struct cairn_string read_golden(const char *name)
{
	static char bytes[GOLDEN_SIZE_MAX];
	char path[512];
	const char *const data = getenv("CAIRN_TEST_DATA");
	FILE *file;
	struct cairn_string message = {bytes, 0};

	ck_assert_msg(data != NULL, "CAIRN_TEST_DATA is not set");
	snprintf(path, sizeof(path), "%s/object_graphs/%s.graph", data, name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "no file %s", path);
	message.size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	ck_assert_uint_lt(message.size, sizeof(bytes));
	return message;
}

static enum cairn_status parse(const void *bytes, size_t size)
{
	return object_graph_parse((struct cairn_string){bytes, size}, &memory.arena, &graph,
				  &test_error);
}

#define PARSE(literal) parse(literal, sizeof(literal) - 1)

static void assert_string(struct cairn_string string, const char *expected)
{
	ck_assert_uint_eq(string.size, strlen(expected));
	ck_assert_mem_eq(string.data, expected, string.size);
}

/* Everything that a parsed graph holds is looked at, and is what it may be. One answer for all: an
 * assertion writes to a file each time. */
static bool is_sound(void)
{
	uint64_t wrong = 0;

	for (uint32_t i = 0; i < graph.node_count; i++) {
		const struct object_node *const node = &graph.nodes[i];

		for (uint32_t k = 0; k < node->child_count; k++)
			wrong += node->children[k].node >= graph.node_count;
		for (uint32_t k = 0; k < node->slot_count; k++)
			wrong += node->slots[k].variable >= graph.node_count ||
				 node->slots[k].slot >= graph.node_count;
		for (uint32_t k = 0; k < node->attribute_count; k++)
			wrong += node->attributes[k].key.data == NULL;
		wrong += node->values > OBJECT_VALUES_SOME;
	}
	return wrong == 0;
}

/* --------------------------------------------------------------------------------------- golden */

START_TEST(what_tensorflow_wrote_comes_back)
{
	const struct cairn_string message = read_golden(golden[_i]);
	struct cairn_string written = {NULL, 0};

	ASSERT_OK(parse(message.data, message.size));
	ck_assert(is_sound());
	ck_assert_uint_gt(graph.node_count, 0);
	ASSERT_OK(object_graph_write(&graph, &memory.arena, &written, &test_error));
	ck_assert_uint_eq(written.size, message.size);
	ck_assert_mem_eq(written.data, message.data, message.size);
}
END_TEST

START_TEST(a_graph_says_what_tensorflow_says)
{
	const struct cairn_string message = read_golden("object_slots-ckpt-1");

	ASSERT_OK(parse(message.data, message.size));
	ck_assert_uint_eq(graph.node_count, 15);
	ck_assert_uint_eq(graph.nodes[0].child_count, 4);
	assert_string(graph.nodes[0].children[1].name, "optimizer");
	ck_assert_uint_eq(graph.nodes[0].children[1].node, 2);
	ck_assert_uint_eq(graph.nodes[2].slot_count, 4);
	ck_assert_uint_eq(graph.nodes[2].slots[3].variable, 6);
	assert_string(graph.nodes[2].slots[3].name, "v");
	ck_assert_uint_eq(graph.nodes[2].slots[3].slot, 13);
	assert_string(graph.nodes[5].attributes[0].name, "VARIABLE_VALUE");
	assert_string(graph.nodes[5].attributes[0].full_name, "kernel");
	assert_string(graph.nodes[5].attributes[0].key, "model/kernel/.ATTRIBUTES/VARIABLE_VALUE");
	ck_assert_ptr_null(graph.nodes[5].saver);
	ck_assert_int_eq(graph.nodes[5].values, OBJECT_VALUES_SOME);
}
END_TEST

/* ------------------------------------------------------------------------------------ wire form */

START_TEST(a_graph_without_objects_is_one)
{
	ASSERT_OK(parse("", 0));
	ck_assert_uint_eq(graph.node_count, 0);
}
END_TEST

START_TEST(defaults_are_not_written)
{
	/* a node with a child of number 0 without a name, and an empty attribute */
	ASSERT_OK(PARSE("\x0a\x04\x0a\x00\x12\x00"));
	ck_assert_uint_eq(graph.node_count, 1);
	ck_assert_uint_eq(graph.nodes[0].children[0].node, 0);
	ck_assert_uint_eq(graph.nodes[0].children[0].name.size, 0);
	ck_assert_uint_eq(graph.nodes[0].attributes[0].key.size, 0);
	ck_assert_int_eq(graph.nodes[0].values, OBJECT_VALUES_UNKNOWN);
}
END_TEST

START_TEST(fields_come_in_any_order_and_unknown_ones_are_skipped)
{
	struct cairn_string written;

	/* name before number; field 9 in the child, a varint 4 in the attribute, field 7 outside */
	ASSERT_OK(
		PARSE("\x3a\x01x\x0a\x15\x1a\x00\x12\x07\x20\x01\x1a\x01k\x0a\x00\x0a\x08\x12\x01n"
		      "\x4a\x01z\x08\x00"));
	ck_assert_uint_eq(graph.nodes[0].slot_count, 1);
	assert_string(graph.nodes[0].attributes[0].key, "k");
	assert_string(graph.nodes[0].children[0].name, "n");
	ASSERT_OK(object_graph_write(&graph, &memory.arena, &written, &test_error));
	ck_assert_uint_eq(written.size, 14);
	ck_assert_mem_eq(written.data, "\x0a\x0c\x0a\x03\x12\x01n\x12\x03\x1a\x01k\x1a\x00", 14);
}
END_TEST

START_TEST(the_last_value_counts_and_messages_are_merged)
{
	/* has_checkpoint_values: true, then empty; saver: name, then object name */
	ASSERT_OK(PARSE("\x0a\x12\x2a\x02\x08\x01\x2a\x00\x22\x03\x0a\x01s\x22\x05\x12\x03obj"));
	ck_assert_int_eq(graph.nodes[0].values, OBJECT_VALUES_SOME);
	assert_string(graph.nodes[0].saver->name, "s");
	assert_string(graph.nodes[0].saver->object_name, "obj");
	ASSERT_OK(PARSE("\x0a\x08\x2a\x02\x08\x01\x2a\x02\x08\x00"));
	ck_assert_int_eq(graph.nodes[0].values, OBJECT_VALUES_NONE);
}
END_TEST

START_TEST(savers_and_flags_come_back)
{
	static const char message[] = "\x0a\x09\x22\x05\x0a\x01s\x12\x00\x2a\x00"
				      "\x0a\x04\x2a\x02\x08\x01\x0a\x00";
	static const char shortest[] = "\x0a\x07\x22\x03\x0a\x01s\x2a\x00"
				       "\x0a\x04\x2a\x02\x08\x01\x0a\x00";
	struct cairn_string written;

	ASSERT_OK(PARSE(message));
	ck_assert_ptr_null(graph.nodes[1].saver);
	ck_assert_int_eq(graph.nodes[0].values, OBJECT_VALUES_NONE);
	ck_assert_int_eq(graph.nodes[2].values, OBJECT_VALUES_UNKNOWN);
	ASSERT_OK(object_graph_write(&graph, &memory.arena, &written, &test_error));
	ck_assert_uint_eq(written.size, sizeof(shortest) - 1);
	ck_assert_mem_eq(written.data, shortest, written.size);
}
END_TEST

/* -------------------------------------------------------------------------------------- refused */

START_TEST(nodes_that_are_not_there_are_refused)
{
	/* child 1 of one node; then of two */
	ASSERT_FAILS(PARSE("\x0a\x04\x0a\x02\x08\x01"), CAIRN_CORRUPT,
		     "node 0 refers to node 1 of 1");
	ASSERT_OK(PARSE("\x0a\x04\x0a\x02\x08\x01\x0a\x00"));
	/* a slot of a variable that is not there, and one that leads nowhere */
	ASSERT_FAILS(PARSE("\x0a\x04\x1a\x02\x08\x05"), CAIRN_CORRUPT, "node 5");
	ASSERT_FAILS(PARSE("\x0a\x04\x1a\x02\x18\x05"), CAIRN_CORRUPT, "node 5");
	/* -1 */
	ASSERT_FAILS(PARSE("\x0a\x0d\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		     CAIRN_CORRUPT, "node -1");
}
END_TEST

START_TEST(names_are_utf8)
{
	ASSERT_FAILS(PARSE("\x0a\x05\x0a\x03\x12\x01\xff"), CAIRN_CORRUPT, "not UTF-8");
	ASSERT_FAILS(PARSE("\x0a\x05\x12\x03\x1a\x01\xc0"), CAIRN_CORRUPT, "not UTF-8");
	ASSERT_FAILS(PARSE("\x0a\x05\x22\x03\x0a\x01\x80"), CAIRN_CORRUPT, "not UTF-8");
	ASSERT_OK(PARSE("\x0a\x06\x0a\x04\x12\x02\xc3\xa9"));
	ASSERT_OK(PARSE("\x0a\x05\x0a\x03\x12\x01\x00"));
}
END_TEST

START_TEST(what_is_cut_off_is_refused)
{
	ASSERT_FAILS(PARSE("\x0a\x05\x0a"), CAIRN_CORRUPT, "the object graph cannot be parsed");
	ASSERT_FAILS(PARSE("\x0a\x01\x0a"), CAIRN_CORRUPT, "the object graph cannot be parsed");
	ASSERT_FAILS(PARSE("\x0a\x03\x0a\x01\x08"), CAIRN_CORRUPT,
		     "the object graph cannot be parsed");
	ASSERT_FAILS(PARSE("\x0a\x03\x2a\x01\x08"), CAIRN_CORRUPT,
		     "the object graph cannot be parsed");
	ASSERT_FAILS(PARSE("\x0a\x03\x22\x01\x0a"), CAIRN_CORRUPT,
		     "the object graph cannot be parsed");
	ASSERT_FAILS(PARSE("\x0b"), CAIRN_CORRUPT, "the object graph cannot be parsed");
}
END_TEST

START_TEST(a_message_of_two_gigabytes_is_refused_unread)
{
	ASSERT_FAILS(parse("", (size_t)INT32_MAX + 1), CAIRN_LIMIT, "over the limit");
}
END_TEST

/* --------------------------------------------------------------------------------------- damage */

/* Parses what may be damaged; then it has to be sound. */
static void parse_anything(struct cairn_string message)
{
	const enum cairn_status status = parse(message.data, message.size);

	if (status != CAIRN_CORRUPT && (status != CAIRN_OK || !is_sound()))
		ck_abort_msg("%s: %s", cairn_status_name(status), test_error.message);
	arena_reset(&memory.arena);
}

START_TEST(every_beginning_is_a_graph_or_refused)
{
	struct cairn_string message = read_golden(golden[_i]);

	for (; message.size > 0; message.size--) {
		/* in memory of its own, so that a sanitizer sees what is read behind it */
		char *const copy = malloc(message.size);

		memcpy(copy, message.data, message.size);
		parse_anything((struct cairn_string){copy, message.size});
		free(copy);
	}
}
END_TEST

START_TEST(every_bit_may_be_wrong)
{
	const struct cairn_string message = read_golden(golden[_i]);
	char *const copy = malloc(message.size);

	memcpy(copy, message.data, message.size);
	for (size_t bit = 0; bit < 8 * message.size; bit++) {
		copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
		parse_anything((struct cairn_string){copy, message.size});
		copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
	}
	free(copy);
}
END_TEST

START_TEST(noise_is_a_graph_or_refused)
{
	struct random random = {(uint64_t)_i};
	char bytes[64];

	for (int round = 0; round < 2000; round++) {
		const size_t size = random_below(&random, sizeof(bytes));

		random_fill(&random, bytes, size);
		for (size_t i = 0; i < size; i++) { /* mostly tags and short lengths */
			if (random_below(&random, 4) != 0)
				bytes[i] = "\x0a\x12\x1a\x22\x2a\x08\x18\x02\x00\x04"[random_below(
					&random, 10)];
		}
		parse_anything((struct cairn_string){bytes, size});
	}
}
END_TEST

/* An empty node takes two bytes: thirty times as many are enough for it. */
START_TEST(memory_follows_the_size_of_the_message)
{
	enum {
		SIZE = 1 << 20
	};
	static const char *const fields[] = {"\x0a\x00", "\x12\x00", "\x1a\x00", "\x22\x00"};
	char *const message = malloc(SIZE + 5);

	/* one node of many children, attributes, slots; or many nodes */
	for (size_t kind = 0; kind <= COUNT_OF(fields); kind++) {
		size_t head = 0;

		if (kind < COUNT_OF(fields)) {
			memcpy(message, "\x0a\x80\x80\x40", 4);
			head = 4;
		}
		for (size_t i = 0; i < SIZE; i += 2)
			memcpy(message + head + i, fields[kind % COUNT_OF(fields)], 2);
		ASSERT_OK(parse(message, head + SIZE));
		ck_assert_uint_le(memory.arena.size, 30u * SIZE);
		arena_fini(&memory.arena);
		test_arena_close(&memory);
		test_arena_open(&memory, 0);
	}
	free(message);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
	const struct cairn_string message = read_golden("object_nested-ckpt-1");
	enum cairn_status status = CAIRN_NO_MEMORY;

	for (uint64_t at = 1; status != CAIRN_OK; at++) {
		struct cairn_string written;

		test_arena_close(&memory);
		test_arena_open(&memory, at);
		status = parse(message.data, message.size);
		if (status == CAIRN_OK)
			status = object_graph_write(&graph, &memory.arena, &written, &test_error);
		ck_assert(status == CAIRN_OK || status == CAIRN_NO_MEMORY);
		ck_assert_uint_lt(at, 100);
	}
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("object_graph");
	TCase *const good = tcase_create("golden");
	TCase *const wire = tcase_create("wire form");
	TCase *const damage = tcase_create("damage");

	tcase_add_checked_fixture(good, set_up, tear_down);
	tcase_add_checked_fixture(wire, set_up, tear_down);
	tcase_add_checked_fixture(damage, set_up, tear_down);
	suite_add_tcase(suite, good);
	suite_add_tcase(suite, wire);
	suite_add_tcase(suite, damage);
	tcase_add_loop_test(good, what_tensorflow_wrote_comes_back, 0, (int)COUNT_OF(golden));
	tcase_add_test(good, a_graph_says_what_tensorflow_says);
	tcase_add_test(wire, a_graph_without_objects_is_one);
	tcase_add_test(wire, defaults_are_not_written);
	tcase_add_test(wire, fields_come_in_any_order_and_unknown_ones_are_skipped);
	tcase_add_test(wire, the_last_value_counts_and_messages_are_merged);
	tcase_add_test(wire, savers_and_flags_come_back);
	tcase_add_test(wire, nodes_that_are_not_there_are_refused);
	tcase_add_test(wire, names_are_utf8);
	tcase_add_test(wire, what_is_cut_off_is_refused);
	tcase_add_test(wire, a_message_of_two_gigabytes_is_refused_unread);
	tcase_add_loop_test(damage, every_beginning_is_a_graph_or_refused, 0,
			    (int)COUNT_OF(golden));
	tcase_add_loop_test(damage, every_bit_may_be_wrong, 0, (int)COUNT_OF(golden));
	tcase_add_loop_test(damage, noise_is_a_graph_or_refused, 0, 10);
	tcase_add_test(damage, memory_follows_the_size_of_the_message);
	tcase_add_test(damage, every_allocation_may_fail);
	return run_suite(suite);
}
