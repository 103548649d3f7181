/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object graphs as trees.
 *
 * Graphs come from files: cycles, objects that nothing leads to, chains of any length. Nothing here
 * recurses, and paths are written out only where they are short.
 */
#include "tools/graph_walk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"

/* ---------------------------------------------------------------------------------------- parts */

struct cairn_graph_node graph_node(const struct graph_walk *walk, uint64_t node)
{
	struct cairn_graph_node result = {.child_count = 0};

	if (cairn_graph_node(walk->graph, node, &result, NULL) != CAIRN_OK)
		abort(); /* all numbers are those of the graph itself */
	return result;
}

struct cairn_graph_child graph_child(const struct graph_walk *walk, uint64_t node, uint64_t index)
{
	struct cairn_graph_child child = {.node = 0};

	if (cairn_graph_child(walk->graph, node, index, &child, NULL) != CAIRN_OK)
		abort();
	return child;
}

struct cairn_graph_slot graph_slot(const struct graph_walk *walk, uint64_t node, uint64_t index)
{
	struct cairn_graph_slot slot = {.slot = 0};

	if (cairn_graph_slot(walk->graph, node, index, &slot, NULL) != CAIRN_OK)
		abort();
	return slot;
}

int graph_attribute(const struct graph_walk *walk, uint64_t node, uint64_t index,
		    struct cairn_graph_attribute *attribute)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const enum cairn_status status = cairn_graph_attribute(walk->graph, node, index, attribute,
							       &error);

	return status == CAIRN_OK ? CLI_GO_ON : cli_fail(status, &error);
}

/* --------------------------------------------------------------------------------------- places */

/* Objects in the order in which they are reached. */
struct queue {
	uint64_t *nodes; /* owned; room for all */
	uint64_t count;
	uint64_t next;
};

static void reach(struct graph_walk *walk, struct queue *queue, uint64_t node,
		  const struct graph_place *place)
{
	if (walk->places[node].way != GRAPH_UNREACHED)
		return;
	walk->places[node] = *place;
	queue->nodes[queue->count++] = node;
}

/* Everything that edges lead to from what is in the queue. */
static void follow_edges(struct graph_walk *walk, struct queue *queue)
{
	while (queue->next < queue->count) {
		const uint64_t node = queue->nodes[queue->next++];
		const uint64_t count = graph_node(walk, node).child_count;
		for (uint64_t i = 0; i < count; i++) {
			const struct graph_place place = {GRAPH_CHILD, walk->places[node].depth + 1,
							  node, i};
			reach(walk, queue, graph_child(walk, node, i).node, &place);
		}
	}
}

static void follow_slots(struct graph_walk *walk, struct queue *queue)
{
	for (uint64_t at = 0; at < queue->count; at++) {
		const uint64_t node = queue->nodes[at];
		const uint64_t count = graph_node(walk, node).slot_count;
		for (uint64_t i = 0; i < count; i++) {
			const struct graph_place place = {GRAPH_SLOT, walk->places[node].depth + 1,
							  node, i};
			reach(walk, queue, graph_slot(walk, node, i).slot, &place);
		}
		follow_edges(walk, queue);
	}
}

static void find_places(struct graph_walk *walk, struct queue *queue)
{
	const struct graph_place root = {.way = GRAPH_ROOT};

	if (!walk->node_count)
		return;
	reach(walk, queue, 0, &root);
	follow_edges(walk, queue);
	follow_slots(walk, queue);
}

/* --------------------------------------------------------------------------------------- claims */

static int claim_values(struct graph_walk *walk)
{
	assert(walk->claims);
	for (uint64_t node = 0; node < walk->node_count; node++) {
		const uint64_t count = graph_node(walk, node).attribute_count;
		for (uint64_t i = 0; i < count; i++) {
			struct cairn_graph_attribute attribute;
			const int result = graph_attribute(walk, node, i, &attribute);
			if (result != CLI_GO_ON)
				return result;
			walk->value_count++;
			walk->dangling_count += attribute.state == CAIRN_GRAPH_KEY_DANGLES;
			walk->claims[attribute.first_tensor]++;
			walk->claims[attribute.first_tensor + attribute.tensor_count]--;
		}
	}
	return CLI_GO_ON;
}

static int claim_graph(struct graph_walk *walk)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_tensor tensor;

	for (uint64_t i = 0; i < cairn_reader_tensor_count(walk->reader); i++) {
		const enum cairn_status status = cairn_reader_tensor_at(walk->reader, i, &tensor,
									&error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		if (tensor.name.size != strlen(CAIRN_GRAPH_TENSOR) ||
		    memcmp(tensor.name.data, CAIRN_GRAPH_TENSOR, tensor.name.size) != 0)
			continue;
		walk->claims[i]++;
		walk->claims[i + 1]--;
		break;
	}
	return CLI_GO_ON;
}

static int count_unclaimed(void *context, uint64_t number)
{
	struct graph_walk *walk = context;

	(void)number;
	walk->unclaimed_count++;
	return CLI_GO_ON;
}

int graph_for_each_unclaimed(const struct graph_walk *walk, graph_take_tensor take, void *context)
{
	const uint64_t count = cairn_reader_tensor_count(walk->reader);
	int64_t claims = 0;
	int result = CLI_GO_ON;

	for (uint64_t i = 0; i < count && result == CLI_GO_ON; i++) {
		claims += walk->claims[i];
		if (!claims)
			result = take(context, i);
	}
	return result;
}

/* -------------------------------------------------------------------------------- begin and end */

int graph_walk_begin(struct graph_walk *walk, const struct cairn_reader *reader,
		     const struct cairn_graph *graph)
{
	const uint64_t tensors = cairn_reader_tensor_count(reader);
	struct queue queue = {.nodes = NULL};

	*walk = (struct graph_walk){
		.reader = reader, .graph = graph, .node_count = cairn_graph_node_count(graph)};
	walk->places = calloc(walk->node_count + 1, sizeof(*walk->places));
	walk->claims = calloc(tensors + 1, sizeof(*walk->claims));
	queue.nodes = calloc(walk->node_count + 1, sizeof(*queue.nodes));
	int result = CLI_GO_ON;
	if (!walk->places || !walk->claims || !queue.nodes)
		result = cli_error(CLI_UNKNOWN, "out of memory");
	else
		find_places(walk, &queue);
	free(queue.nodes);
	if (result == CLI_GO_ON)
		result = claim_values(walk);
	if (result == CLI_GO_ON)
		result = claim_graph(walk);
	if (result == CLI_GO_ON)
		result = graph_for_each_unclaimed(walk, count_unclaimed, walk);
	return result;
}

void graph_walk_end(struct graph_walk *walk)
{
	free(walk->places);
	free(walk->claims);
}

/* ---------------------------------------------------------------------------------------- paths */

/* "." becomes "..", "/" becomes ".S". */
static void write_escaped(FILE *file, struct cairn_string name)
{
	for (size_t i = 0; i < name.size; i++) {
		if (name.data[i] == '/')
			fputs(".S", file);
		else if (name.data[i] == '.')
			fputs("..", file);
		else
			putc(name.data[i], file);
	}
}

/* The objects on the way from the root to `node`, in reverse. False when that is no way of edges
 * alone, or too long. */
static bool trace(const struct graph_walk *walk, uint64_t node, uint64_t way[GRAPH_PATH_DEPTH],
		  size_t *length)
{
	*length = 0;
	while (walk->places[node].way == GRAPH_CHILD) {
		if (*length == GRAPH_PATH_DEPTH)
			return false;
		way[(*length)++] = node;
		node = walk->places[node].parent;
	}
	return walk->places[node].way == GRAPH_ROOT;
}

static bool write_way(FILE *file, const struct graph_walk *walk, uint64_t node)
{
	uint64_t way[GRAPH_PATH_DEPTH];
	size_t length;

	if (!trace(walk, node, way, &length))
		return false;
	for (size_t i = length; i-- > 0;) {
		const struct graph_place *place = &walk->places[way[i]];
		if (i + 1 < length)
			putc('/', file);
		write_escaped(file, graph_child(walk, place->parent, place->edge).name);
	}
	return true;
}

static bool write_slot_way(FILE *file, const struct graph_walk *walk, uint64_t node)
{
	const struct graph_place *place = &walk->places[node];
	const struct cairn_graph_slot slot = graph_slot(walk, place->parent, place->edge);

	if (!write_way(file, walk, slot.variable))
		return false;
	fputs("/.OPTIMIZER_SLOT/", file);
	if (!write_way(file, walk, place->parent))
		return false;
	putc('/', file);
	write_escaped(file, slot.name);
	return true;
}

struct cairn_string graph_path(const struct graph_walk *walk, uint64_t node)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return (struct cairn_string){NULL, 0};
	const bool found = walk->places[node].way == GRAPH_SLOT ? write_slot_way(file, walk, node)
								: write_way(file, walk, node);
	if (fclose(file) == 0 && found)
		return (struct cairn_string){text, size};
	free(text);
	return (struct cairn_string){NULL, 0};
}
