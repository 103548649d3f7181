/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow's object graph: what is parsed is sound, and written it is parsed as the same graph.
 */
#include <stdlib.h>
#include <string.h>

#include "format/object_graph.h"
#include "tests/fuzz/fuzz.h"

/* The least memory that a message of some size may need. */
#define ARENA_LEAST ((size_t)1 << 17)

static bool lies_within(struct cairn_string string, struct cairn_string message)
{
	return string.size == 0 || (string.data >= message.data &&
				    string.data + string.size <= message.data + message.size);
}

static void check_node(const struct object_graph *graph, const struct object_node *node,
		       struct cairn_string message)
{
	for (uint32_t i = 0; i < node->child_count; i++) {
		FUZZ_MUST(node->children[i].node < graph->node_count);
		FUZZ_MUST(lies_within(node->children[i].name, message));
	}
	for (uint32_t i = 0; i < node->attribute_count; i++) {
		FUZZ_MUST(lies_within(node->attributes[i].name, message));
		FUZZ_MUST(lies_within(node->attributes[i].full_name, message));
		FUZZ_MUST(lies_within(node->attributes[i].key, message));
	}
	for (uint32_t i = 0; i < node->slot_count; i++) {
		FUZZ_MUST(node->slots[i].variable < graph->node_count);
		FUZZ_MUST(node->slots[i].slot < graph->node_count);
		FUZZ_MUST(lies_within(node->slots[i].name, message));
	}
	if (node->saver != NULL)
		FUZZ_MUST(lies_within(node->saver->name, message) &&
			  lies_within(node->saver->object_name, message));
}

/* The canonical form of a graph comes back as it is. */
static void check_written(const struct object_graph *graph, struct arena *arena)
{
	struct cairn_error error = {0};
	struct object_graph again;
	struct cairn_string first;
	struct cairn_string second;

	FUZZ_MUST(object_graph_write(graph, arena, &first, &error) == CAIRN_OK);
	FUZZ_MUST(object_graph_parse(first, arena, &again, &error) == CAIRN_OK);
	FUZZ_MUST(again.node_count == graph->node_count);
	FUZZ_MUST(object_graph_write(&again, arena, &second, &error) == CAIRN_OK);
	FUZZ_MUST(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *const copy = fuzz_copy(data, size);
	const struct cairn_string message = {(const char *)copy, size};
	struct cairn_error error = {0};
	struct object_graph graph;
	struct arena arena;
	enum cairn_status status;

	fuzz_arena_init(&arena);
	status = object_graph_parse(message, &arena, &graph, &error);
	FUZZ_MUST(arena.size <= 30 * size + ARENA_LEAST);
	if (status == CAIRN_OK) {
		for (uint32_t i = 0; i < graph.node_count; i++)
			check_node(&graph, &graph.nodes[i], message);
		check_written(&graph, &arena);
	} else {
		FUZZ_MUST(status == CAIRN_CORRUPT);
		fuzz_check_error(status, &error);
	}
	arena_fini(&arena);
	free(copy);
	return 0;
}
