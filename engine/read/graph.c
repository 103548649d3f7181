/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object graph of an open checkpoint.
 *
 * The message is copied before it is parsed, since the file that it is mapped from may change.
 * Keys are looked up when they are asked for: names are sorted, so that those that begin with a key
 * are neighbours.
 */
#include <cairn/graph.h>

#include <inttypes.h>
#include <string.h>

#include "engine/read/reader.h"
#include "format/arena.h"
#include "format/error.h"
#include "format/object_graph.h"

#define ARENA_MAX ((size_t)1 << 37)

struct cairn_graph {
	struct cairn_reader *reader; /* a reference */
	struct arena arena;          /* the message, and what it was parsed into */
	struct object_graph graph;
};

/* ----------------------------------------------------------------------------------------- open */

static enum cairn_status no_graph(const struct cairn_reader *reader, struct cairn_error *error)
{
	error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
		  "no object graph: the checkpoint is name-based, it has no tensor "
		  "'" CAIRN_GRAPH_TENSOR "'");
	return reader_error(reader, CAIRN_NOT_FOUND, error);
}

static enum cairn_status broken(const struct cairn_tensor *tensor, enum cairn_status status,
				struct cairn_error *error)
{
	if (status != CAIRN_OK)
		error_prefix_tensor(error, status, tensor->name);
	return reader_error(tensor->reader, status, error);
}

static enum cairn_status check_tensor(const struct cairn_tensor *tensor, struct cairn_error *error)
{
	if (tensor->dtype == CAIRN_STRING && tensor->element_count == 1)
		return CAIRN_OK;
	return broken(tensor,
		      error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				"an object graph is one string, not %" PRIu64
				" elements of type %d",
				tensor->element_count, (int)tensor->dtype),
		      error);
}

/* The message into the arena. */
static enum cairn_status copy_message(struct cairn_graph *graph, const struct cairn_tensor *tensor,
				      struct cairn_string *message, struct cairn_error *error)
{
	struct cairn_view view = {0};
	struct cairn_string mapped = {"", 0};
	enum cairn_status status = cairn_tensor_view(tensor, &view, error);

	if (status != CAIRN_OK)
		return status;
	status = cairn_view_string(tensor, &view, 0, &mapped, error);
	if (status == CAIRN_OK) {
		message->size = mapped.size;
		message->data = arena_copy(&graph->arena, mapped.data, mapped.size);
		if (message->data == NULL)
			status = error_set_memory(error, "an object graph");
	}
	cairn_view_release(&view);
	return reader_error(graph->reader, status, error);
}

static enum cairn_status load(struct cairn_graph *graph, struct cairn_error *error)
{
	struct cairn_tensor tensor;
	struct cairn_string message = {NULL, 0};
	enum cairn_status status;

	status = cairn_reader_find(graph->reader, CAIRN_GRAPH_TENSOR, &tensor, error);
	if (status == CAIRN_NOT_FOUND)
		return no_graph(graph->reader, error);
	if (status == CAIRN_OK)
		status = check_tensor(&tensor, error);
	if (status == CAIRN_OK)
		status = copy_message(graph, &tensor, &message, error);
	if (status != CAIRN_OK)
		return status;
	status = object_graph_parse(message, &graph->arena, &graph->graph, error);
	return broken(&tensor, status, error);
}

enum cairn_status cairn_graph_open(const struct cairn_reader *reader, struct cairn_graph **graph,
				   struct cairn_error *error)
{
	struct cairn_graph *const opened = system_allocate_zeroed(reader->system, sizeof(*opened));
	enum cairn_status status;

	if (opened == NULL)
		return error_set_memory(error, "an object graph");
	/* readers are const to their users, but their count of references is not */
	opened->reader = cairn_reader_retain((struct cairn_reader *)(uintptr_t)reader);
	arena_init(&opened->arena, reader_arena_source(reader->system), ARENA_MAX);
	status = load(opened, error);
	if (status == CAIRN_OK)
		*graph = opened;
	else
		cairn_graph_close(opened);
	return status;
}

void cairn_graph_close(struct cairn_graph *graph)
{
	struct cairn_reader *reader;

	if (graph == NULL)
		return;
	reader = graph->reader;
	arena_fini(&graph->arena);
	system_free(reader->system, graph);
	cairn_reader_close(reader);
}

/* ---------------------------------------------------------------------------------------- nodes */

uint64_t cairn_graph_node_count(const struct cairn_graph *graph)
{
	return graph->graph.node_count;
}

static enum cairn_status no_such_number(const char *what, uint64_t index, uint64_t count,
					struct cairn_error *error)
{
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "%s %" PRIu64 " of %" PRIu64, what, index, count);
}

/* NULL, with an error: there is no such node. */
static const struct object_node *node_at(const struct cairn_graph *graph, uint64_t number,
					 struct cairn_error *error)
{
	if (number < graph->graph.node_count)
		return &graph->graph.nodes[number];
	(void)no_such_number("node", number, graph->graph.node_count, error);
	return NULL;
}

enum cairn_status cairn_graph_node(const struct cairn_graph *graph, uint64_t node,
				   struct cairn_graph_node *result, struct cairn_error *error)
{
	const struct object_node *const found = node_at(graph, node, error);

	if (found == NULL)
		return CAIRN_INVALID_ARGUMENT;
	*result = (struct cairn_graph_node){
		.child_count = found->child_count,
		.attribute_count = found->attribute_count,
		.slot_count = found->slot_count,
		.values = (enum cairn_graph_values)found->values,
		.has_saver = found->saver != NULL,
		.saver_name = {"", 0},
		.saver_object_name = {"", 0},
	};
	if (found->saver != NULL) {
		result->saver_name = found->saver->name;
		result->saver_object_name = found->saver->object_name;
	}
	return CAIRN_OK;
}

enum cairn_status cairn_graph_child(const struct cairn_graph *graph, uint64_t node, uint64_t index,
				    struct cairn_graph_child *child, struct cairn_error *error)
{
	const struct object_node *const found = node_at(graph, node, error);

	if (found == NULL)
		return CAIRN_INVALID_ARGUMENT;
	if (index >= found->child_count)
		return no_such_number("child", index, found->child_count, error);
	*child = (struct cairn_graph_child){
		.name = found->children[index].name,
		.node = found->children[index].node,
	};
	return CAIRN_OK;
}

enum cairn_status cairn_graph_slot(const struct cairn_graph *graph, uint64_t node, uint64_t index,
				   struct cairn_graph_slot *slot, struct cairn_error *error)
{
	const struct object_node *const found = node_at(graph, node, error);

	if (found == NULL)
		return CAIRN_INVALID_ARGUMENT;
	if (index >= found->slot_count)
		return no_such_number("slot", index, found->slot_count, error);
	*slot = (struct cairn_graph_slot){
		.variable = found->slots[index].variable,
		.name = found->slots[index].name,
		.slot = found->slots[index].slot,
	};
	return CAIRN_OK;
}

/* ----------------------------------------------------------------------------------------- keys */

/* Where a name stands to all those that begin with a key: before (below 0), among (0) or behind
 * them. */
static int compare_to_prefix(struct cairn_string name, struct cairn_string key)
{
	const size_t common = name.size < key.size ? name.size : key.size;
	const int order = common == 0 ? 0 : memcmp(name.data, key.data, common);

	if (order != 0)
		return order;
	return name.size < key.size ? -1 : 0;
}

/* The number of the first tensor that does not stand before the names that begin with `key`; or,
 * with `behind`, of the first that stands behind them. */
static enum cairn_status find_bound(const struct cairn_reader *reader, struct cairn_string key,
				    bool behind, uint64_t *bound, struct cairn_error *error)
{
	uint64_t low = 0;
	uint64_t high = reader->index.tensor_count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		struct cairn_string name;
		uint8_t name_space;
		const enum cairn_status status = index_probe(&reader->index, middle, &name_space,
							     &name, error);

		if (status != CAIRN_OK)
			return reader_error(reader, status, error);
		const int order = compare_to_prefix(name, key);
		if (order < 0 || (behind && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	*bound = low;
	return CAIRN_OK;
}

static enum cairn_status find_prefix(const struct cairn_reader *reader, struct cairn_string key,
				     struct cairn_graph_attribute *attribute,
				     struct cairn_error *error)
{
	uint64_t end = 0;
	enum cairn_status status;

	if (key.size == 0) /* every name begins with it */
		return CAIRN_OK;
	status = find_bound(reader, key, false, &attribute->first_tensor, error);
	if (status == CAIRN_OK)
		status = find_bound(reader, key, true, &end, error);
	if (status != CAIRN_OK)
		return status;
	if (end > attribute->first_tensor) {
		attribute->state = CAIRN_GRAPH_KEY_PREFIX;
		attribute->tensor_count = end - attribute->first_tensor;
	} else {
		attribute->first_tensor = 0;
	}
	return CAIRN_OK;
}

static enum cairn_status find_key(const struct cairn_reader *reader, struct cairn_string key,
				  struct cairn_graph_attribute *attribute,
				  struct cairn_error *error)
{
	struct cairn_tensor tensor;
	const enum cairn_status status = cairn_reader_find_string(reader, key, &tensor, error);

	if (status == CAIRN_NOT_FOUND)
		return find_prefix(reader, key, attribute, error);
	if (status != CAIRN_OK)
		return status;
	attribute->state = CAIRN_GRAPH_KEY_TENSOR;
	attribute->first_tensor = tensor.record;
	attribute->tensor_count = 1;
	return CAIRN_OK;
}

enum cairn_status cairn_graph_attribute(const struct cairn_graph *graph, uint64_t node,
					uint64_t index, struct cairn_graph_attribute *attribute,
					struct cairn_error *error)
{
	const struct object_node *const found = node_at(graph, node, error);
	struct cairn_graph_attribute described = {.state = CAIRN_GRAPH_KEY_DANGLES};
	struct cairn_error found_error;
	enum cairn_status status;

	if (found == NULL)
		return CAIRN_INVALID_ARGUMENT;
	if (index >= found->attribute_count)
		return no_such_number("attribute", index, found->attribute_count, error);
	described.name = found->attributes[index].name;
	described.full_name = found->attributes[index].full_name;
	described.key = found->attributes[index].key;
	/* a key that is not found leaves no error behind */
	status = find_key(graph->reader, described.key, &described, &found_error);
	if (status == CAIRN_OK)
		*attribute = described;
	else if (error != NULL)
		*error = found_error;
	return status;
}
