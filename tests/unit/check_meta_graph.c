/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MetaGraphs: what is found in them, what is kept when they are changed, and SaverDefs.
 */
#include "format/meta_graph.h"

#include <errno.h>
#include <stdio.h>

#include "engine/train/meta_graph_file.h"
#include "engine/train/saver.h"
#include "format/protobuf.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"
#include "tests/support/tensorflow_files.h"
#include "tests/support/test_arena.h"

static struct scene scene;
static struct cairn_meta_graph *graph;
static struct cairn_meta_graph *other;
static struct cairn_saver *saver;
static const float value;
static const struct cairn_variable variable = {.dtype = CAIRN_F32,
					       .data = (void *)(uintptr_t)&value};
static const struct cairn_saver_variable program[1] = {{{"w", 1}, &variable, NULL, {0}}};

static void set_up(void)
{
	scene_open(&scene);
	graph = other = NULL;
	saver = NULL;
}

static void tear_down(void)
{
	cairn_meta_graph_close(graph);
	cairn_meta_graph_close(other);
	cairn_saver_destroy(saver);
	scene_close(&scene);
}

static bool is(struct cairn_string string, const char *expected)
{
	return string.size == strlen(expected) && memcmp(string.data, expected, string.size) == 0;
}

/* --------------------------------------------------------------------------------------- making */

struct message {
	uint8_t bytes[2000];
	struct proto_writer writer;
};

static void begin(struct message *message)
{
	message->writer = (struct proto_writer){message->bytes, sizeof(message->bytes), 0};
}

static void put_text(struct message *message, uint32_t number, const char *string)
{
	proto_put_bytes(&message->writer, number, string, strlen(string));
}

static void put_message(struct message *message, uint32_t number, const struct message *inner)
{
	proto_put_bytes(&message->writer, number, inner->bytes, inner->writer.size);
}

/* A node on a device, with a field that nobody knows. */
static void make_node(struct message *node, const char *name, bool with_device)
{
	begin(node);
	put_text(node, 1, name);
	put_text(node, 2, "Const");
	if (with_device)
		put_text(node, 4, "/job:ps/cpu:1");
	proto_put_varint(&node->writer, 99, 7);
}

static void make_graph(struct message *message, bool with_devices)
{
	struct message node;
	struct message function;
	struct message library;
	struct message versions;

	begin(message);
	make_node(&node, "a", with_devices);
	put_message(message, 1, &node);
	make_node(&node, "b", with_devices);
	put_message(message, 1, &node);
	begin(&function);
	put_text(&function, 1, "signature");
	put_message(&function, 3, &node);
	begin(&library);
	put_message(&library, 1, &function);
	put_text(&library, 2, "gradient");
	put_message(message, 2, &library);
	begin(&versions);
	proto_put_varint(&versions.writer, 1, 2474);
	proto_put_varint(&versions.writer, 2, 12);
	put_message(message, 4, &versions);
	proto_put_fixed32(&message->writer, 77, 5);
}

static void make_collection(struct message *entry, const char *name, uint32_t kind)
{
	struct message list;
	struct message collection;

	begin(&list);
	if (kind == COLLECTION_INT64)
		put_text(&list, 1, "\x01\x02\x03");
	else if (kind == COLLECTION_FLOAT)
		put_text(&list, 1, "abcdefgh");
	else
		put_text(&list, 1, "item");
	begin(&collection);
	put_message(&collection, kind, &list);
	begin(entry);
	put_text(entry, 1, name);
	put_message(entry, 2, &collection);
}

struct recipe {
	bool with_devices;
	struct cairn_string saver; /* the SaverDef; NULL data: none */
	bool without_losses;
};

/* A MetaGraph with one of everything. */
static void make(struct message *message, const struct recipe *recipe)
{
	static const char *const names[] = {"losses", "counts", "rates", "savers"};
	static const uint32_t kinds[] = {COLLECTION_NODES, COLLECTION_INT64, COLLECTION_FLOAT,
					 COLLECTION_BYTES};
	struct message part;

	begin(message);
	begin(&part);
	put_text(&part, 1, "v1");
	put_text(&part, 4, "serve");
	put_text(&part, 4, "gpu");
	put_text(&part, 5, "2.21.0");
	put_text(&part, 6, "v2.21");
	put_message(message, 1, &part);
	make_graph(&part, recipe->with_devices);
	put_message(message, 2, &part);
	if (recipe->saver.data != NULL)
		proto_put_bytes(&message->writer, 3, recipe->saver.data, recipe->saver.size);
	for (size_t i = recipe->without_losses; i < COUNT_OF(names); i++) {
		make_collection(&part, names[i], kinds[i]);
		put_message(message, 4, &part);
	}
	begin(&part);
	put_text(&part, 1, "serving_default");
	put_message(message, 5, &part);
	put_text(message, 6, "an asset");
	put_text(message, 1000, "nobody knows");
}

static const struct recipe whole = {true,
				    {"\x0a\x01"
				     "f\x12\x01s\x1a\x01r\x20\x03\x38\x02",
				     13},
				    false};

static void open_sample(void)
{
	struct message message;

	make(&message, &whole);
	ASSERT_OK(meta_graph_from_bytes(scene.system, message.bytes, message.writer.size, &graph,
					&test_error));
}

static void create_saver(const struct cairn_saver_options *options)
{
	ASSERT_OK(saver_create(scene.system, program, 1, options, &saver, &test_error));
}

static struct cairn_string def_of_saver(void)
{
	const void *bytes = NULL;
	size_t size = 0;

	ASSERT_OK(cairn_saver_as_saver_def(saver, &bytes, &size, &test_error));
	return (struct cairn_string){bytes, size};
}

/* -------------------------------------------------------------------------------------- reading */

START_TEST(everything_is_found)
{
	struct cairn_meta_graph_info info = {.size = sizeof(info)};

	open_sample();
	cairn_meta_graph_info(graph, &info);
	ck_assert(is(info.meta_graph_version, "v1") && is(info.tensorflow_version, "2.21.0") &&
		  is(info.tensorflow_git_version, "v2.21"));
	ck_assert(info.node_count == 2 && info.function_count == 1 && info.producer == 2474 &&
		  info.min_consumer == 12);
	ck_assert(info.tag_count == 2 && is(cairn_meta_graph_tag(graph, 1), "gpu"));
	ck_assert(info.signature_count == 1 &&
		  is(cairn_meta_graph_signature(graph, 0), "serving_default"));
	ck_assert(info.asset_count == 1 && info.has_object_graph == 0);
	ck_assert(info.has_saver_def != 0 && info.saver_def.max_to_keep == 3 &&
		  info.saver_def.version == 2 && is(info.saver_def.restore_op_name, "r"));
	ck_assert_ptr_null(cairn_meta_graph_tag(graph, 2).data);
	ck_assert_ptr_null(cairn_meta_graph_signature(graph, 1).data);
}
END_TEST

START_TEST(collections_come_by_name)
{
	static const struct {
		const char *name;
		const char *kind;
		uint64_t count;
	} expected[] = {{"counts", "int64", 3},
			{"losses", "node", 1},
			{"rates", "float", 2},
			{"savers", "bytes", 1}};
	struct cairn_meta_collection collection;

	open_sample();
	for (uint64_t i = 0; i < COUNT_OF(expected); i++) {
		ASSERT_OK(cairn_meta_graph_collection(graph, i, &collection, &test_error));
		ck_assert(is(collection.name, expected[i].name));
		ck_assert_str_eq(collection.kind, expected[i].kind);
		ck_assert_uint_eq(collection.count, expected[i].count);
	}
	ASSERT_STATUS(cairn_meta_graph_collection(graph, 4, &collection, &test_error),
		      CAIRN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(a_file_of_tensorflows_is_read)
{
	struct cairn_meta_graph_info info = {.size = sizeof(info)};
	struct file_bytes file = golden_file("saver/model-2.meta");

	ASSERT_OK(meta_graph_from_bytes(scene.system, file.bytes, file.size, &graph, &test_error));
	free(file.bytes);
	cairn_meta_graph_info(graph, &info);
	ck_assert(info.node_count > 10 && info.producer > 2000);
	ck_assert(is(info.saver_def.filename_tensor_name, "save/Const:0") &&
		  is(info.saver_def.save_tensor_name, "save/control_dependency:0") &&
		  is(info.saver_def.restore_op_name, "save/restore_all"));
	ck_assert_int_eq(info.saver_def.max_to_keep, 2);
	ck_assert(info.saver_def.keep_checkpoint_every_n_hours == 10000.0f);
}
END_TEST

/* With the saver that it has already. */
START_TEST(a_file_of_tensorflows_comes_out_again)
{
	const struct cairn_saver_options options = {
		.size = sizeof(options), .format = CAIRN_SAVER_TENSORFLOW_V2, .max_to_keep = 2};
	struct file_bytes file = golden_file("saver/model-2.meta");
	const void *bytes;
	size_t size = 0;

	ASSERT_OK(meta_graph_from_bytes(scene.system, file.bytes, file.size, &graph, &test_error));
	create_saver(&options);
	ASSERT_OK(cairn_saver_export_meta_graph(saver, graph, NULL, &other, &test_error));
	bytes = cairn_meta_graph_bytes(other, &size);
	ck_assert_uint_eq(size, file.size);
	ck_assert(memcmp(bytes, file.bytes, size) == 0);
	free(file.bytes);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	memory_system_add_directory(scene.memory, "/d");
	ASSERT_FAILS(meta_graph_open(scene.system, "/none", &graph, &test_error), CAIRN_NOT_FOUND,
		     "'/none'");
	ASSERT_FAILS(meta_graph_open(scene.system, "/d", &graph, &test_error),
		     CAIRN_NOT_A_CHECKPOINT, "'/d'");
	ASSERT_STATUS(meta_graph_open(scene.system, NULL, &graph, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ck_assert_int_eq(memory_system_add_file(scene.memory, "/m", "\x0f", 1), 0);
	ASSERT_FAILS(meta_graph_open(scene.system, "/m", &graph, &test_error), CAIRN_CORRUPT,
		     "'/m': the MetaGraph");
}
END_TEST

/* ------------------------------------------------------------------------------------- changing */

static void assert_bytes(const struct cairn_meta_graph *found, const struct recipe *recipe)
{
	struct message expected;
	size_t size = 0;
	const void *const bytes = cairn_meta_graph_bytes(found, &size);

	make(&expected, recipe);
	ck_assert_uint_eq(size, expected.writer.size);
	ck_assert(memcmp(bytes, expected.bytes, size) == 0);
}

START_TEST(only_what_is_asked_for_changes)
{
	static const char *const kept[] = {"counts", "savers", "rates", "nothing"};
	const struct cairn_meta_graph_options options = {.size = sizeof(options),
							 .clear_devices = 1,
							 .choose_collections = 1,
							 .collections = kept,
							 .collection_count = COUNT_OF(kept)};
	struct recipe expected = {false, {NULL, 0}, true};

	open_sample();
	create_saver(NULL);
	expected.saver = def_of_saver();
	ASSERT_OK(cairn_saver_export_meta_graph(saver, graph, &options, &other, &test_error));
	assert_bytes(other, &expected);
}
END_TEST

START_TEST(a_graph_without_a_saver_gets_one_at_its_place)
{
	const struct recipe bare = {true, {NULL, 0}, false};
	struct recipe expected = bare;
	struct message message;

	make(&message, &bare);
	ASSERT_OK(meta_graph_from_bytes(scene.system, message.bytes, message.writer.size, &graph,
					&test_error));
	create_saver(NULL);
	expected.saver = def_of_saver();
	ASSERT_OK(cairn_saver_export_meta_graph(saver, graph, NULL, &other, &test_error));
	assert_bytes(other, &expected);
}
END_TEST

START_TEST(a_graph_is_written_and_imported)
{
	const struct cairn_meta_graph_options options = {.size = sizeof(options),
							 .clear_devices = 1};
	const struct recipe expected = {false, whole.saver, false};
	struct bytes file;

	open_sample();
	ASSERT_OK(cairn_meta_graph_write(graph, "/m.meta", &test_error));
	file = scene_content(&scene, "/m.meta");
	ck_assert_uint_gt(file.size, 100);
	bytes_free(&file);
	ASSERT_OK(import_meta_graph(scene.system, "/m.meta", &options, program, 1, NULL, &other,
				    &saver, &test_error));
	assert_bytes(other, &expected);
	ck_assert_int_eq(saver->def.max_to_keep, 3);
	ck_assert_int_eq(saver->options.format, CAIRN_SAVER_TENSORFLOW_V2);
}
END_TEST

/* ------------------------------------------------------------------------------------- SaverDef */

START_TEST(a_saver_def_is_what_tensorflow_writes)
{
	static const uint8_t expected[] = "\x0a\x0csave/Const:0\x12\x19save/control_dependency:0"
					  "\x1a\x10save/restore_all \x05\x35\0@\x1c"
					  "F8\x02";
	const void *bytes = NULL;
	size_t size = 0;

	create_saver(NULL);
	ASSERT_OK(cairn_saver_as_saver_def(saver, &bytes, &size, &test_error));
	ck_assert_uint_eq(size, sizeof(expected) - 1);
	ck_assert(memcmp(bytes, expected, size) == 0);
}
END_TEST

START_TEST(a_saver_def_makes_the_same_saver)
{
	const struct cairn_saver_options options = {.size = sizeof(options),
						    .format = CAIRN_SAVER_TENSORFLOW_V1,
						    .sharded = 1,
						    .max_to_keep = CAIRN_SAVER_KEEP_ALL,
						    .keep_checkpoint_every_n_hours = 0.5};
	struct cairn_saver *again = NULL;
	const void *bytes = NULL;
	const void *second = NULL;
	size_t size = 0;
	size_t second_size = 0;

	create_saver(&options);
	ASSERT_OK(cairn_saver_as_saver_def(saver, &bytes, &size, &test_error));
	ASSERT_OK(cairn_saver_from_proto(bytes, size, program, 1, NULL, &again, &test_error));
	ASSERT_OK(cairn_saver_as_saver_def(again, &second, &second_size, &test_error));
	ck_assert(size == second_size && memcmp(bytes, second, size) == 0);
	ck_assert_int_eq(again->options.format, CAIRN_SAVER_TENSORFLOW_V1);
	ck_assert(again->def.sharded && again->def.max_to_keep == 0);
	cairn_saver_destroy(again);
}
END_TEST

static const struct {
	const char *bytes;
	size_t size;
	const char *message;
} bad_defs[] = {
	{"\x0f", 1, "saver_def"},
	{"\x0a\x01\xff\x12\x01s\x1a\x01r", 9, "not UTF-8"},
	{"\x0a\x01"
	 "f\x12\x01s",
	 6, "lacks the name"},
	{"\x0a\x01"
	 "f\x12\x01s\x1a\x01r\x38\x03",
	 11, "version 3"},
	{"\x0a\x01"
	 "f\x12\x01s\x1a\x01r\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	 20, "-1 checkpoints"},
};

START_TEST(a_saver_def_that_is_none_is_refused)
{
	ASSERT_FAILS(cairn_saver_from_proto(bad_defs[_i].bytes, bad_defs[_i].size, program, 1, NULL,
					    &saver, &test_error),
		     CAIRN_INVALID_ARGUMENT, bad_defs[_i].message);
}
END_TEST

/* --------------------------------------------------------------------------------------- damage */

static const struct meta_graph_changes all_changes = {.clear_devices = true,
						      .choose_collections = true,
						      .saver_def = &(struct cairn_string){"s", 1}};

/* Whatever the bytes are: a status, and within the memory that the header allows. */
static enum cairn_status try_bytes(const uint8_t *bytes, size_t size, uint64_t fail_at)
{
	uint8_t *const copy = malloc(size + 1); /* exact but for size 0 */
	struct test_arena test;
	struct meta_graph parsed;
	struct cairn_string changed;
	enum cairn_status status;

	memcpy(copy, bytes, size);
	test_arena_open(&test, fail_at);
	status = meta_graph_parse((struct cairn_string){(char *)copy, size}, &test.arena, &parsed,
				  &test_error);
	if (status == CAIRN_OK)
		status = meta_graph_change((struct cairn_string){(char *)copy, size}, &all_changes,
					   &test.arena, &changed, &test_error);
	test_arena_close(&test);
	free(copy);
	return status;
}

START_TEST(every_truncation_and_every_flip_is_a_status)
{
	struct message message;

	make(&message, &whole);
	for (size_t size = 0; size < message.writer.size; size++) {
		const enum cairn_status status = try_bytes(message.bytes, size, 0);

		ck_assert(status == CAIRN_OK || status == CAIRN_CORRUPT);
	}
	for (size_t bit = 0; bit < 8 * message.writer.size; bit++) {
		enum cairn_status status;

		message.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		status = try_bytes(message.bytes, message.writer.size, 0);
		ck_assert(status == CAIRN_OK || status == CAIRN_CORRUPT);
		message.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(no_memory_is_an_error)
{
	struct message message;

	make(&message, &whole);
	ck_assert_int_eq(try_bytes(message.bytes, message.writer.size, 1), CAIRN_NO_MEMORY);
	open_sample();
	for (uint64_t at = 1;; at++) {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_ALLOCATE, .at = at, .error = ENOMEM};
		enum cairn_status status;

		memory_system_clear_faults(scene.memory);
		memory_system_set_fault(scene.memory, 0, &fault);
		status = meta_graph_from_bytes(scene.system, message.bytes, message.writer.size,
					       &other, &test_error);
		if (status == CAIRN_OK)
			break;
		ck_assert_int_eq(status, CAIRN_NO_MEMORY);
	}
	memory_system_clear_faults(scene.memory);
}
END_TEST

START_TEST(messages_in_pieces_are_merged)
{
	struct message message;
	struct cairn_meta_graph_info info = {.size = sizeof(info)};

	begin(&message);
	put_text(&message, 3, "\x20\x07");
	put_text(&message, 3, "\x38\x01");
	ASSERT_OK(meta_graph_from_bytes(scene.system, message.bytes, message.writer.size, &graph,
					&test_error));
	cairn_meta_graph_info(graph, &info);
	ck_assert(info.saver_def.max_to_keep == 7 && info.saver_def.version == 1);
}
END_TEST

static Suite *meta_graph_suite(void)
{
	Suite *suite = suite_create("meta_graph");
	TCase *tests = tcase_create("meta_graph");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, everything_is_found);
	tcase_add_test(tests, collections_come_by_name);
	tcase_add_test(tests, a_file_of_tensorflows_is_read);
	tcase_add_test(tests, a_file_of_tensorflows_comes_out_again);
	tcase_add_test(tests, what_is_no_file_is_refused);
	tcase_add_test(tests, only_what_is_asked_for_changes);
	tcase_add_test(tests, a_graph_without_a_saver_gets_one_at_its_place);
	tcase_add_test(tests, a_graph_is_written_and_imported);
	tcase_add_test(tests, a_saver_def_is_what_tensorflow_writes);
	tcase_add_test(tests, a_saver_def_makes_the_same_saver);
	tcase_add_loop_test(tests, a_saver_def_that_is_none_is_refused, 0, COUNT_OF(bad_defs));
	tcase_add_test(tests, every_truncation_and_every_flip_is_a_status);
	tcase_add_test(tests, no_memory_is_an_error);
	tcase_add_test(tests, messages_in_pieces_are_merged);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(meta_graph_suite());
}
