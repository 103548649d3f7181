/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for objects. Each is put together from its end in a buffer of fixed size, so that a chain
 * of a million objects costs no more than a short one.
 */
#include "engine/train/load_paths.h"

#include <stdio.h>
#include <string.h>

#include "format/error.h"

/* ------------------------------------------------------------------------------- nodes of files */

static enum cairn_status allocate(struct load_paths *paths, struct cairn_error *error)
{
	const uint32_t count = paths->restore->node_count;

	paths->names = system_allocate_zeroed(paths->system, (size_t)count * sizeof(*paths->names));
	paths->parents = system_allocate(paths->system, (size_t)count * sizeof(uint32_t));
	paths->slots = system_allocate(paths->system, (size_t)count * sizeof(uint32_t));
	if (paths->names == NULL || paths->parents == NULL || paths->slots == NULL)
		return error_set_memory(error, "names of objects");
	for (uint32_t i = 0; i < count; i++) {
		paths->parents[i] = WALK_NONE;
		paths->slots[i] = WALK_NONE;
	}
	return CAIRN_OK;
}

static enum cairn_status queue_children(struct load_paths *paths, uint32_t node, uint32_t *queue,
					uint32_t *queued, struct cairn_error *error)
{
	const struct cairn_graph *const graph = paths->restore->graph;
	struct cairn_graph_node described;
	struct cairn_graph_child child;
	enum cairn_status status = cairn_graph_node(graph, node, &described, error);

	for (uint64_t i = 0; status == CAIRN_OK && i < described.child_count; i++) {
		status = cairn_graph_child(graph, node, i, &child, error);
		if (status != CAIRN_OK || child.node == 0 ||
		    paths->parents[child.node] != WALK_NONE)
			continue;
		paths->parents[child.node] = node;
		paths->names[child.node] = child.name;
		queue[(*queued)++] = (uint32_t)child.node;
	}
	return status;
}

static enum cairn_status walk_graph(struct load_paths *paths, struct cairn_error *error)
{
	const size_t size = (size_t)paths->restore->node_count * sizeof(uint32_t);
	uint32_t *const queue = system_allocate(paths->system, size);
	uint32_t queued = 1;
	enum cairn_status status = CAIRN_OK;

	if (queue == NULL)
		return error_set_memory(error, "names of objects");
	queue[0] = 0;
	for (uint32_t i = 0; i < queued && status == CAIRN_OK; i++)
		status = queue_children(paths, queue[i], queue, &queued, error);
	system_free(paths->system, queue);
	return status;
}

enum cairn_status load_paths_create(const struct restore *restore, struct load_paths *paths,
				    struct cairn_error *error)
{
	enum cairn_status status;

	*paths = (struct load_paths){.system = restore->system, .restore = restore};
	status = allocate(paths, error);
	if (status == CAIRN_OK)
		status = walk_graph(paths, error);
	for (uint32_t i = 0; status == CAIRN_OK && i < restore->slot_count; i++)
		paths->slots[restore->slots[i].slot] = i;
	if (status != CAIRN_OK)
		load_paths_free(paths);
	return status;
}

void load_paths_free(struct load_paths *paths)
{
	system_free(paths->system, paths->names);
	system_free(paths->system, paths->parents);
	system_free(paths->system, paths->slots);
}

/* ----------------------------------------------------------------------------------------- text */

/* Filled from the end. */
struct tail {
	char text[LOAD_PATH_SIZE];
	size_t start;
	bool is_full;
};

static void tail_begin(struct tail *tail)
{
	tail->start = sizeof(tail->text) - 1;
	tail->text[tail->start] = '\0';
	tail->is_full = false;
}

static void tail_put(struct tail *tail, const char *bytes, size_t size)
{
	if (size > tail->start - 3) { /* "..." must fit */
		memcpy(tail->text + tail->start - 3, "...", 3);
		tail->start -= 3;
		tail->is_full = true;
		return;
	}
	tail->start -= size;
	memcpy(tail->text + tail->start, bytes, size);
}

static void tail_put_name(struct tail *tail, struct cairn_string name)
{
	const struct quoted quoted = quote(name);
	const size_t size = strlen(quoted.text);

	/* without its quotes */
	tail_put(tail, quoted.text + 1, size - 2);
	if (!tail->is_full)
		tail_put(tail, ".", 1);
}

static void plain_path(const struct load_paths *paths, uint32_t node, struct tail *tail)
{
	tail_begin(tail);
	while (!tail->is_full && paths->parents[node] != WALK_NONE) {
		tail_put_name(tail, paths->names[node]);
		node = paths->parents[node];
	}
	if (tail->is_full)
		return;
	if (node == 0)
		tail_put(tail, "(root)", 6);
	else
		tail_put(tail, "(nowhere)", 9);
}

static void slot_text(const struct tail *optimizer, struct cairn_string name,
		      const struct tail *variable, char text[LOAD_TEXT_SIZE])
{
	snprintf(text, LOAD_TEXT_SIZE, "%s's state %s for %s", optimizer->text + optimizer->start,
		 quote(name).text, variable->text + variable->start);
}

void load_path_of_node(const struct load_paths *paths, uint32_t node, char text[LOAD_TEXT_SIZE])
{
	const struct slot_reference *slot;
	struct tail tail;
	struct tail variable;

	if (node == 0 || paths->parents[node] != WALK_NONE || paths->slots[node] == WALK_NONE) {
		plain_path(paths, node, &tail);
		snprintf(text, LOAD_TEXT_SIZE, "%s", tail.text + tail.start);
		return;
	}
	slot = &paths->restore->slots[paths->slots[node]];
	plain_path(paths, slot->optimizer, &tail);
	plain_path(paths, slot->variable, &variable);
	slot_text(&tail, slot->name, &variable, text);
}

/* ---------------------------------------------------------------------------- objects that live */

static void walked_path(const struct walk *walk, uint32_t node, struct tail *tail)
{
	tail_begin(tail);
	while (!tail->is_full && walk->nodes[node].parent != WALK_NONE) {
		tail_put_name(tail, walk->nodes[node].name);
		node = walk->nodes[node].parent;
	}
	if (!tail->is_full)
		tail_put(tail, "(root)", 6);
}

void load_path_of_object(const struct walk *walk, uint32_t node, char text[LOAD_TEXT_SIZE])
{
	const struct walk_node *const at = &walk->nodes[node];
	struct tail tail;
	struct tail variable;

	if (at->variable == WALK_NONE) {
		walked_path(walk, node, &tail);
		snprintf(text, LOAD_TEXT_SIZE, "%s", tail.text + tail.start);
		return;
	}
	walked_path(walk, at->parent, &tail);
	walked_path(walk, at->variable, &variable);
	slot_text(&tail, at->name, &variable, text);
}
