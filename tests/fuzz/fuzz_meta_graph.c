/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MetaGraphs: what is found lies in the message; unchanged it is the same; changed it has what was
 * asked for, and the rest of what it had.
 */
#include <stdlib.h>
#include <string.h>

#include "format/meta_graph.h"
#include "tests/fuzz/fuzz.h"

/* The least memory that a message of some size may need. */
#define ARENA_LEAST ((size_t)1 << 17)

static bool lies_within(struct cairn_string string, struct cairn_string message)
{
	return string.size == 0 || (string.data >= message.data &&
				    string.data + string.size <= message.data + message.size);
}

static void check_strings(const struct meta_graph *graph, struct cairn_string message)
{
	FUZZ_MUST(lies_within(graph->version, message));
	FUZZ_MUST(lies_within(graph->tensorflow_version, message));
	FUZZ_MUST(lies_within(graph->git_version, message));
	FUZZ_MUST(lies_within(graph->saver_def.restore_op_name, message));
	for (uint64_t i = 0; i < graph->tag_count; i++)
		FUZZ_MUST(lies_within(graph->tags[i], message));
	for (uint64_t i = 0; i < graph->signature_count; i++)
		FUZZ_MUST(lies_within(*graph->signatures[i], message));
	for (uint64_t i = 0; i < graph->collection_count; i++)
		FUZZ_MUST(lies_within(graph->collections[i]->name, message));
}

static void check_unchanged(struct cairn_string message, struct arena *arena)
{
	const struct meta_graph_changes nothing = {.saver_def = NULL};
	struct cairn_error error = {0};
	struct cairn_string result;

	FUZZ_MUST(meta_graph_change(message, &nothing, arena, &result, &error) == CAIRN_OK);
	FUZZ_MUST(result.size == message.size &&
		  (result.size == 0 || memcmp(result.data, message.data, result.size) == 0));
}

/* Nodes of functions may be damaged where nobody has looked before. */
static void check_changed(const struct meta_graph *graph, struct cairn_string message,
			  struct arena *arena)
{
	const struct cairn_string saver_def = {"\x20\x07", 2};
	const struct meta_graph_changes changes = {
		.clear_devices = true, .choose_collections = true, .saver_def = &saver_def};
	struct cairn_error error = {0};
	struct cairn_string first;
	struct cairn_string second;
	struct meta_graph again;
	const enum cairn_status status = meta_graph_change(message, &changes, arena, &first,
							   &error);

	if (status != CAIRN_OK) {
		FUZZ_MUST(status == CAIRN_CORRUPT);
		fuzz_check_error(status, &error);
		return;
	}
	FUZZ_MUST(meta_graph_parse(first, arena, &again, &error) == CAIRN_OK);
	FUZZ_MUST(again.has_saver_def && again.saver_def.max_to_keep == 7);
	FUZZ_MUST(again.collection_count == 0);
	FUZZ_MUST(again.node_count == graph->node_count &&
		  again.function_count == graph->function_count &&
		  again.signature_count == graph->signature_count &&
		  again.asset_count == graph->asset_count && again.producer == graph->producer);
	FUZZ_MUST(meta_graph_change(first, &changes, arena, &second, &error) == CAIRN_OK);
	FUZZ_MUST(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *const copy = fuzz_copy(data, size);
	const struct cairn_string message = {(const char *)copy, size};
	struct cairn_error error = {0};
	struct meta_graph graph;
	struct arena arena;
	enum cairn_status status;

	fuzz_arena_init(&arena);
	status = meta_graph_parse(message, &arena, &graph, &error);
	FUZZ_MUST(arena.size <= 60 * size + ARENA_LEAST);
	if (status == CAIRN_OK) {
		check_strings(&graph, message);
		check_unchanged(message, &arena);
		check_changed(&graph, message, &arena);
	} else {
		FUZZ_MUST(status == CAIRN_CORRUPT);
		fuzz_check_error(status, &error);
	}
	arena_fini(&arena);
	free(copy);
	return 0;
}
