/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object graph as JSON: objects by their numbers. Written when all of it is known.
 */
#include "tools/graph_output.h"

#include <stdlib.h>

#include "tools/cli.h"
#include "tools/json_output.h"

/* Names of tensors that are listed for a key that several begin with. */
#define TENSORS_MAX 16

struct output {
	const struct graph_walk *walk;
	struct json_output json;
};

static int tensor_at(const struct graph_walk *walk, uint64_t number, struct cairn_tensor *tensor)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = cairn_reader_tensor_at(walk->reader, number, tensor,
								&error);

	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

/* ----------------------------------------------------------------------------------- attributes */

static int write_tensor(struct output *output, uint64_t number)
{
	struct json_output *json = &output->json;
	char dtype[CLI_DTYPE_SIZE];
	struct cairn_tensor tensor;
	const int result = tensor_at(output->walk, number, &tensor);

	if (result != CLI_GO_ON)
		return result;
	emit_begin_object(json);
	emit_key(json, "name");
	emit_string(json, tensor.name);
	emit_key(json, "dtype");
	emit_text(json, cli_dtype_name(tensor.dtype, dtype));
	emit_key(json, "shape");
	emit_begin_array(json);
	for (uint32_t d = 0; d < tensor.rank; d++)
		emit_unsigned(json, tensor.dims[d]);
	emit_end_array(json);
	emit_end_object(json);
	return CLI_GO_ON;
}

static int write_tensors(struct output *output, const struct cairn_graph_attribute *attribute)
{
	struct json_output *json = &output->json;
	int result = CLI_GO_ON;

	emit_key(json, "tensor_count");
	emit_unsigned(json, attribute->tensor_count);
	emit_key(json, "tensors");
	emit_begin_array(json);
	for (uint64_t i = 0; i < attribute->tensor_count && i < TENSORS_MAX && result == CLI_GO_ON;
	     i++)
		result = write_tensor(output, attribute->first_tensor + i);
	emit_end_array(json);
	return result;
}

static int write_attribute(struct output *output, uint64_t node, uint64_t index)
{
	struct json_output *json = &output->json;
	struct cairn_graph_attribute attribute;
	int result = graph_attribute(output->walk, node, index, &attribute);

	if (result != CLI_GO_ON)
		return result;
	emit_begin_object(json);
	emit_key(json, "name");
	emit_string(json, attribute.name);
	emit_key(json, "full_name");
	emit_string(json, attribute.full_name);
	emit_key(json, "key");
	emit_string(json, attribute.key);
	emit_key(json, "dangles");
	emit_bool(json, attribute.state == CAIRN_GRAPH_KEY_DANGLES);
	result = write_tensors(output, &attribute);
	emit_end_object(json);
	return result;
}

static int write_attributes(struct output *output, uint64_t node, uint64_t count)
{
	int result = CLI_GO_ON;

	emit_key(&output->json, "attributes");
	emit_begin_array(&output->json);
	for (uint64_t i = 0; i < count && result == CLI_GO_ON; i++)
		result = write_attribute(output, node, i);
	emit_end_array(&output->json);
	return result;
}

/* ---------------------------------------------------------------------------------------- nodes */

static void write_children(struct output *output, uint64_t node, uint64_t count)
{
	struct json_output *json = &output->json;

	emit_key(json, "children");
	emit_begin_array(json);
	for (uint64_t i = 0; i < count; i++) {
		const struct cairn_graph_child child = graph_child(output->walk, node, i);
		emit_begin_array(json);
		emit_string(json, child.name);
		emit_unsigned(json, child.node);
		emit_end_array(json);
	}
	emit_end_array(json);
}

static void write_slots(struct output *output, uint64_t node, uint64_t count)
{
	struct json_output *json = &output->json;

	emit_key(json, "slots");
	emit_begin_array(json);
	for (uint64_t i = 0; i < count; i++) {
		const struct cairn_graph_slot slot = graph_slot(output->walk, node, i);
		emit_begin_array(json);
		emit_unsigned(json, slot.variable);
		emit_string(json, slot.name);
		emit_unsigned(json, slot.slot);
		emit_end_array(json);
	}
	emit_end_array(json);
}

static void write_path(struct output *output, uint64_t node)
{
	const struct cairn_string path = graph_path(output->walk, node);

	emit_key(&output->json, "path");
	if (path.data)
		emit_string(&output->json, path);
	else
		emit_null(&output->json);
	free((char *)(uintptr_t)path.data);
}

static void write_facts(struct output *output, const struct cairn_graph_node *node)
{
	struct json_output *json = &output->json;

	emit_key(json, "has_values");
	if (node->values == CAIRN_GRAPH_VALUES_UNKNOWN)
		emit_null(json);
	else
		emit_bool(json, node->values == CAIRN_GRAPH_VALUES_SOME);
	emit_key(json, "registered_saver");
	if (!node->has_saver) {
		emit_null(json);
		return;
	}
	emit_begin_object(json);
	emit_key(json, "name");
	emit_string(json, node->saver_name);
	emit_key(json, "object_name");
	emit_string(json, node->saver_object_name);
	emit_end_object(json);
}

static int write_node(struct output *output, uint64_t number)
{
	const struct cairn_graph_node node = graph_node(output->walk, number);

	emit_begin_object(&output->json);
	write_path(output, number);
	write_children(output, number, node.child_count);
	const int result = write_attributes(output, number, node.attribute_count);
	write_slots(output, number, node.slot_count);
	write_facts(output, &node);
	emit_end_object(&output->json);
	return result;
}

/* ------------------------------------------------------------------------------------- document */

static int write_unclaimed(void *context, uint64_t number)
{
	struct output *output = context;
	struct cairn_tensor tensor;
	const int result = tensor_at(output->walk, number, &tensor);

	if (result == CLI_GO_ON)
		emit_string(&output->json, tensor.name);
	return result;
}

static int write_document(struct output *output)
{
	struct json_output *json = &output->json;
	int result = CLI_GO_ON;

	emit_begin_object(json);
	emit_key(json, "object_graph");
	emit_begin_array(json);
	for (uint64_t i = 0; i < output->walk->node_count && result == CLI_GO_ON; i++)
		result = write_node(output, i);
	emit_end_array(json);
	emit_key(json, "values");
	emit_unsigned(json, output->walk->value_count);
	emit_key(json, "dangling");
	emit_unsigned(json, output->walk->dangling_count);
	emit_key(json, "unclaimed");
	emit_begin_array(json);
	if (result == CLI_GO_ON)
		result = graph_for_each_unclaimed(output->walk, write_unclaimed, output);
	emit_end_array(json);
	emit_end_object(json);
	return result;
}

int graph_print_json(const struct graph_walk *walk)
{
	char *text = NULL;
	size_t size = 0;
	struct output output = {.walk = walk, .json = {.file = open_memstream(&text, &size)}};

	if (!output.json.file)
		return cli_error(CLI_UNKNOWN, "out of memory");
	int result = write_document(&output);
	const bool written = emit_finish(&output.json);
	const bool whole = fclose(output.json.file) == 0 && written;
	if (result == CLI_GO_ON && !whole)
		result = cli_error(CLI_UNKNOWN, "out of memory");
	if (result == CLI_GO_ON) {
		fwrite(text, 1, size, stdout);
		result = CLI_DONE;
	}
	free(text);
	return result;
}
