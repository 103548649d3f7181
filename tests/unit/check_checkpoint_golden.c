/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TensorFlow saved of objects, rebuilt as objects of a program and saved again: the same
 * bytes, index and data. And restored into objects without values: the same bytes once more.
 */
#include <stdio.h>

#include "engine/train/checkpoint.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"
#include "tests/support/tensorflow_files.h"

#define NODES_MAX     4096
#define DATA_SIZE_MAX ((size_t)8 << 20)

static struct scene scene;
static unsigned compared;

static const struct cairn_checkpoint_write_options tensorflow = {.size = sizeof(tensorflow),
								 .target = CAIRN_TARGET_TENSORFLOW};

static void set_up(void)
{
	scene_open(&scene);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, "/d"), 0);
}

static void tear_down(void)
{
	scene_close(&scene);
}

/* What was rebuilt of one checkpoint. */
struct rebuilt {
	struct cairn_reader *reader;
	struct cairn_graph *graph;
	struct cairn_object *objects[NODES_MAX];
	void *memory[NODES_MAX]; /* of values */
	struct cairn_view views[NODES_MAX];
	uint64_t count;
};

static struct cairn_graph_node node_of(const struct rebuilt *rebuilt, uint64_t number)
{
	struct cairn_graph_node node;

	ASSERT_OK(cairn_graph_node(rebuilt->graph, number, &node, &test_error));
	return node;
}

/* -------------------------------------------------------------------------------------- objects */

/* Strings borrow from a view that is kept. */
static void *strings_of(struct rebuilt *rebuilt, uint64_t number, const struct cairn_tensor *tensor)
{
	struct cairn_string *const strings = calloc(tensor->element_count + 1, sizeof(*strings));

	ASSERT_OK(cairn_tensor_view(tensor, &rebuilt->views[number], &test_error));
	for (uint64_t i = 0; i < tensor->element_count; i++)
		ASSERT_OK(cairn_view_string(tensor, &rebuilt->views[number], i, &strings[i],
					    &test_error));
	return strings;
}

static void *bytes_of(const struct cairn_tensor *tensor, bool with_values)
{
	void *const bytes = calloc(1, tensor->size + 1);

	if (with_values)
		ASSERT_OK(cairn_tensor_read(tensor, 0, bytes, tensor->size, &test_error));
	return bytes;
}

static void make_variable(struct rebuilt *rebuilt, uint64_t number, bool with_values)
{
	struct cairn_graph_attribute attribute;
	struct cairn_tensor tensor;
	struct cairn_variable variable = {.dtype = 0};
	char name[256];

	ASSERT_OK(cairn_graph_attribute(rebuilt->graph, number, 0, &attribute, &test_error));
	ASSERT_OK(cairn_reader_find_string(rebuilt->reader, attribute.key, &tensor, &test_error));
	variable.dtype = tensor.dtype;
	variable.rank = tensor.rank;
	variable.dims = tensor.dims;
	rebuilt->memory[number] = tensor.dtype == CAIRN_STRING
					  ? strings_of(rebuilt, number, &tensor)
					  : bytes_of(&tensor, with_values);
	variable.data = rebuilt->memory[number];
	snprintf(name, sizeof(name), "%.*s", (int)attribute.full_name.size,
		 attribute.full_name.data);
	ASSERT_OK(object_create_variable(scene.system, &variable, name, &rebuilt->objects[number],
					 &test_error));
}

static void make_objects(struct rebuilt *rebuilt, bool with_values)
{
	for (uint64_t i = 0; i < rebuilt->count; i++) {
		const struct cairn_graph_node node = node_of(rebuilt, i);

		if (node.attribute_count != 0)
			make_variable(rebuilt, i, with_values);
		else if (node.slot_count != 0)
			ASSERT_OK(object_create_optimizer(scene.system, NULL, NULL,
							  &rebuilt->objects[i], &test_error));
		else
			ASSERT_OK(object_create(scene.system, CAIRN_OBJECT_MODULE,
						&rebuilt->objects[i], &test_error));
	}
}

static void link_children(struct rebuilt *rebuilt, uint64_t number, struct cairn_object *object)
{
	struct cairn_graph_child child;

	for (uint64_t i = 0; i < node_of(rebuilt, number).child_count; i++) {
		ASSERT_OK(cairn_graph_child(rebuilt->graph, number, i, &child, &test_error));
		ASSERT_OK(cairn_object_set_string(object, child.name, rebuilt->objects[child.node],
						  &test_error));
	}
}

/* Backwards: their order in the file is that of names and variables. */
static void link_slots(struct rebuilt *rebuilt, uint64_t number)
{
	struct cairn_graph_slot slot;
	char name[64];

	for (uint64_t i = node_of(rebuilt, number).slot_count; i-- > 0;) {
		ASSERT_OK(cairn_graph_slot(rebuilt->graph, number, i, &slot, &test_error));
		snprintf(name, sizeof(name), "%.*s", (int)slot.name.size, slot.name.data);
		ASSERT_OK(cairn_object_set_slot(rebuilt->objects[number], name,
						rebuilt->objects[slot.variable],
						rebuilt->objects[slot.slot], &test_error));
	}
}

/* A root that was given has an edge to itself. */
static bool has_root(const struct rebuilt *rebuilt)
{
	struct cairn_graph_child child;

	for (uint64_t i = 0; i < node_of(rebuilt, 0).child_count; i++) {
		ASSERT_OK(cairn_graph_child(rebuilt->graph, 0, i, &child, &test_error));
		if (child.node == 0)
			return true;
	}
	return false;
}

static struct cairn_checkpoint *link_all(struct rebuilt *rebuilt)
{
	struct cairn_checkpoint *checkpoint;

	for (uint64_t i = 0; i < rebuilt->count; i++) {
		if (i != 0 || has_root(rebuilt))
			link_children(rebuilt, i, rebuilt->objects[i]);
		link_slots(rebuilt, i);
	}
	ASSERT_OK(checkpoint_create(scene.system, has_root(rebuilt) ? rebuilt->objects[0] : NULL,
				    NULL, 0, &checkpoint, &test_error));
	if (!has_root(rebuilt))
		link_children(rebuilt, 0, cairn_checkpoint_root(checkpoint));
	return checkpoint;
}

static void release(struct rebuilt *rebuilt, struct cairn_checkpoint *checkpoint)
{
	cairn_checkpoint_destroy(checkpoint);
	for (uint64_t i = 0; i < rebuilt->count; i++) {
		if (cairn_object_child(rebuilt->objects[i], "root") == rebuilt->objects[i])
			ASSERT_OK(cairn_object_remove(rebuilt->objects[i], "root", &test_error));
		cairn_object_release(rebuilt->objects[i]);
		cairn_view_release(&rebuilt->views[i]);
		free(rebuilt->memory[i]);
	}
}

/* ------------------------------------------------------------------------------------ comparing */

static void assert_same_file(const char *suffix)
{
	char path[64];
	struct bytes expected;
	struct bytes found;

	snprintf(path, sizeof(path), "/d/g%s", suffix);
	expected = scene_content(&scene, path);
	snprintf(path, sizeof(path), "/d/f%s", suffix);
	found = scene_content(&scene, path);
	ck_assert_uint_eq(found.size, expected.size);
	ck_assert(memcmp(found.data, expected.data, found.size) == 0);
	bytes_free(&expected);
	bytes_free(&found);
}

static void assert_saved_alike(struct cairn_checkpoint *checkpoint)
{
	ASSERT_OK(cairn_checkpoint_write(checkpoint, "/d/f", &tensorflow, &test_error));
	assert_same_file(".index");
	assert_same_file(".data-00000-of-00001");
}

static void save_again(struct rebuilt *rebuilt)
{
	struct cairn_checkpoint *checkpoint;

	make_objects(rebuilt, true);
	checkpoint = link_all(rebuilt);
	assert_saved_alike(checkpoint);
	release(rebuilt, checkpoint);
}

static void restore_and_save(struct rebuilt *rebuilt)
{
	struct cairn_load_status *status;
	struct cairn_checkpoint *checkpoint;

	for (uint64_t i = 0; i < rebuilt->count; i++)
		rebuilt->views[i] = (struct cairn_view){.data = NULL};
	make_objects(rebuilt, false);
	checkpoint = link_all(rebuilt);
	ASSERT_OK(cairn_checkpoint_read(checkpoint, "/d/g", NULL, &status, &test_error));
	ASSERT_OK(cairn_load_status_assert_consumed(status, &test_error));
	ck_assert_int_eq(cairn_load_status_is_partial(status), 0);
	cairn_load_status_release(status);
	assert_saved_alike(checkpoint);
	release(rebuilt, checkpoint);
}

/* Every value is one tensor, and none of them a string where values are restored into memory. */
static bool can_be_rebuilt(struct rebuilt *rebuilt, bool *has_strings)
{
	struct cairn_graph_attribute attribute;
	struct cairn_tensor tensor;

	rebuilt->count = cairn_graph_node_count(rebuilt->graph);
	*has_strings = false;
	if (rebuilt->count > NODES_MAX || node_of(rebuilt, 0).values == CAIRN_GRAPH_VALUES_UNKNOWN)
		return false;
	for (uint64_t i = 0; i < rebuilt->count; i++) {
		const struct cairn_graph_node node = node_of(rebuilt, i);

		if (node.has_saver || node.attribute_count > 1)
			return false;
		if (node.attribute_count == 0)
			continue;
		ASSERT_OK(cairn_graph_attribute(rebuilt->graph, i, 0, &attribute, &test_error));
		if (attribute.state != CAIRN_GRAPH_KEY_TENSOR)
			return false;
		ASSERT_OK(cairn_reader_find_string(rebuilt->reader, attribute.key, &tensor,
						   &test_error));
		*has_strings = *has_strings || tensor.dtype == CAIRN_STRING;
	}
	return true;
}

static void rebuild_opened(struct rebuilt *rebuilt)
{
	bool has_strings;

	if (!can_be_rebuilt(rebuilt, &has_strings))
		return;
	save_again(rebuilt);
	if (!has_strings)
		restore_and_save(rebuilt);
	compared++;
}

static void rebuild_files(const struct file_bytes *index, const struct file_bytes *data)
{
	struct rebuilt *const rebuilt = calloc(1, sizeof(*rebuilt));

	memory_system_add_file(scene.memory, "/d/g.index", index->bytes, index->size);
	memory_system_add_file(scene.memory, "/d/g.data-00000-of-00001", data->bytes, data->size);
	rebuilt->reader = scene_reader(&scene, "/d/g", NULL);
	if (cairn_graph_open(rebuilt->reader, &rebuilt->graph, NULL) == CAIRN_OK)
		rebuild_opened(rebuilt);
	cairn_graph_close(rebuilt->graph);
	cairn_reader_close(rebuilt->reader);
	free(rebuilt);
}

/* Of one data file, with an object graph. */
static void rebuild(const char *path, const uint8_t *bytes, size_t size)
{
	const struct file_bytes index = {(uint8_t *)(uintptr_t)bytes, size};
	struct file_bytes data = {malloc(DATA_SIZE_MAX), 0};
	char data_path[600];
	FILE *file;

	snprintf(data_path, sizeof(data_path), "%.*s.data-00000-of-00001",
		 (int)(strlen(path) - strlen(".index")), path);
	file = fopen(data_path, "rb");
	if (file != NULL) {
		data.size = fread(data.bytes, 1, DATA_SIZE_MAX, file);
		fclose(file);
	}
	if (file != NULL && data.size < DATA_SIZE_MAX && strstr(path, "/large/") == NULL)
		rebuild_files(&index, &data);
	free(data.bytes);
}

START_TEST(what_tensorflow_saved_of_objects_is_what_we_save)
{
	compared = 0;
	if (visit_corpus(false, rebuild) == 0)
		fprintf(stderr, "the shared corpus ../shared/tests is not here\n");
	else
		ck_assert_uint_ge(compared, 10);
}
END_TEST

START_TEST(what_lies_in_the_project_is_what_we_save)
{
	static const char *const names[] = {"objects/ckpt-2", "objects/ckpt-3"};
	struct file_bytes index;
	struct file_bytes data;
	char path[64];

	compared = 0;
	snprintf(path, sizeof(path), "%s.index", names[_i]);
	index = golden_file(path);
	snprintf(path, sizeof(path), "%s.data-00000-of-00001", names[_i]);
	data = golden_file(path);
	rebuild_files(&index, &data);
	ck_assert_uint_eq(compared, 1);
	free(index.bytes);
	free(data.bytes);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("checkpoint_golden");
	TCase *const tests = tcase_create("golden");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_tensorflow_saved_of_objects_is_what_we_save);
	tcase_add_loop_test(tests, what_lies_in_the_project_is_what_we_save, 0, 2);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
