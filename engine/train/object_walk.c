/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbering objects. The nodes are the queue of the breadth-first walk at the same time.
 */
#include "engine/train/object_walk.h"

#include <string.h>

#include "format/error.h"
#include "format/sort.h"

/* ---------------------------------------------------------------------------------------- roots */

enum cairn_status roots_attach(struct roots *roots, struct cairn_string name,
			       struct cairn_object *object, struct cairn_error *error)
{
	void *attached = roots->attached;
	struct cairn_string copy;

	if (!array_make_room(roots->system, &attached, roots->attached_count,
			     &roots->attached_capacity, sizeof(*roots->attached)))
		return error_set_memory(error, "the objects of a checkpoint");
	roots->attached = attached;
	copy = string_copy(roots->system, name);
	if (copy.data == NULL)
		return error_set_memory(error, "the objects of a checkpoint");
	roots->attached[roots->attached_count++] = (struct edge){copy, cairn_object_retain(object)};
	return CAIRN_OK;
}

struct cairn_object *roots_object(const struct roots *roots, struct cairn_string name)
{
	for (uint32_t i = 0; i < roots->attached_count; i++) {
		if (strings_equal(roots->attached[i].name, name))
			return roots->attached[i].object;
	}
	return object_child(roots->root, name);
}

struct cairn_object *roots_counter(const struct roots *roots)
{
	return roots_object(roots, cairn_string_from(SAVE_COUNTER_NAME));
}

struct roots *roots_retain(struct roots *roots)
{
	roots->references++;
	return roots;
}

void roots_release(struct roots *roots)
{
	if (roots == NULL || --roots->references != 0)
		return;
	for (uint32_t i = 0; i < roots->attached_count; i++) {
		system_free(roots->system, (void *)(uintptr_t)roots->attached[i].name.data);
		cairn_object_release(roots->attached[i].object);
	}
	system_free(roots->system, roots->attached);
	cairn_object_release(roots->root);
	system_free(roots->system, roots);
}

/* ------------------------------------------------------------------------------------- children */

uint32_t walk_child_count(const struct walk *walk, uint32_t node)
{
	return walk->nodes[node].object->edge_count + (node == 0 ? walk->roots->attached_count : 0);
}

struct edge walk_child(const struct walk *walk, uint32_t node, uint32_t number)
{
	const struct cairn_object *const object = walk->nodes[node].object;

	if (number < object->edge_count)
		return object->edges[number];
	return walk->roots->attached[number - object->edge_count];
}

static enum cairn_status add_node(struct walk *walk, const struct walk_node *node,
				  struct cairn_error *error)
{
	void *nodes = walk->nodes;

	if (walk->count == INT32_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET, "over %u objects",
				 (unsigned)INT32_MAX);
	if (!array_make_room(walk->system, &nodes, walk->count, &walk->capacity,
			     sizeof(*walk->nodes)))
		return error_set_memory(error, "the objects of a checkpoint");
	walk->nodes = nodes;
	walk->nodes[walk->count++] = *node;
	node->object->number = walk->count;
	return CAIRN_OK;
}

static enum cairn_status add_children(struct walk *walk, uint32_t parent, struct cairn_error *error)
{
	const uint32_t count = walk_child_count(walk, parent);
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++) {
		const struct edge edge = walk_child(walk, parent, i);
		const struct walk_node node = {edge.object, parent, edge.name, WALK_NONE};

		if (edge.object->number == 0)
			status = add_node(walk, &node, error);
	}
	return status;
}

static enum cairn_status walk_children(struct walk *walk, struct cairn_error *error)
{
	const struct walk_node root = {walk->roots->root, WALK_NONE, {"", 0}, WALK_NONE};
	enum cairn_status status = add_node(walk, &root, error);

	for (uint32_t i = 0; i < walk->count && status == CAIRN_OK; i++)
		status = add_children(walk, i, error);
	walk->plain_count = walk->count;
	return status;
}

/* ---------------------------------------------------------------------------------------- slots */

/* By name, then by the number of the variable. */
static int compare_slots(const void *left, const void *right)
{
	const struct slot_edge *const a = left;
	const struct slot_edge *const b = right;
	const size_t common = a->name.size < b->name.size ? a->name.size : b->name.size;
	const int order = common == 0 ? 0 : memcmp(a->name.data, b->name.data, common);

	if (order != 0)
		return order;
	if (a->name.size != b->name.size)
		return a->name.size < b->name.size ? -1 : 1;
	return a->variable->number < b->variable->number
		       ? -1
		       : a->variable->number > b->variable->number;
}

static enum cairn_status check_slot(const struct slot_edge *edge, struct cairn_error *error)
{
	if (edge->slot->edge_count == 0 && edge->slot->number == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET, "the slot variable %s %s",
			 quote(edge->name).text,
			 edge->slot->edge_count != 0 ? "has children"
						     : "is reached in another way, too");
}

static enum cairn_status add_slot(struct walk *walk, uint32_t optimizer,
				  const struct slot_edge *edge, struct cairn_error *error)
{
	const uint32_t variable = edge->variable->number - 1;
	const struct walk_node node = {edge->slot, optimizer, edge->name, variable};
	void *slots = walk->slots;
	enum cairn_status status = check_slot(edge, error);

	if (status != CAIRN_OK)
		return status;
	if (!array_make_room(walk->system, &slots, walk->slot_count, &walk->slot_capacity,
			     sizeof(*walk->slots)))
		return error_set_memory(error, "the slot variables of a checkpoint");
	walk->slots = slots;
	walk->slots[walk->slot_count++] = (struct walk_slot){edge->name, optimizer, variable,
							     walk->count};
	return add_node(walk, &node, error);
}

/* Those of one optimizer whose variables are reached. `sorted` has room for all of them, twice. */
static enum cairn_status add_slots_of(struct walk *walk, uint32_t optimizer, void **sorted,
				      struct cairn_error *error)
{
	struct cairn_object *const object = walk->nodes[optimizer].object;
	enum cairn_status status = CAIRN_OK;
	uint32_t count = 0;

	for (uint32_t i = 0; i < object->slot_count; i++) {
		const uint32_t number = object->slots[i].variable->number;

		if (number != 0 && number <= walk->plain_count)
			sorted[count++] = &object->slots[i];
	}
	sort_pointers(sorted, sorted + object->slot_count, count, compare_slots);
	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++)
		status = add_slot(walk, optimizer, sorted[i], error);
	return status;
}

static enum cairn_status walk_slots(struct walk *walk, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < walk->plain_count && status == CAIRN_OK; i++) {
		const struct cairn_object *const object = walk->nodes[i].object;
		void **sorted;

		if (object->slot_count == 0)
			continue;
		sorted = system_allocate(walk->system,
					 (size_t)object->slot_count * 2 * sizeof(void *));
		if (sorted == NULL)
			return error_set_memory(error, "the slot variables of a checkpoint");
		status = add_slots_of(walk, i, sorted, error);
		system_free(walk->system, sorted);
	}
	return status;
}

/* --------------------------------------------------------------------------------------- a walk */

enum cairn_status walk_begin(struct walk *walk, const struct roots *roots, bool with_slots,
			     struct cairn_error *error)
{
	enum cairn_status status;

	*walk = (struct walk){.system = roots->system, .roots = roots};
	status = walk_children(walk, error);
	if (status == CAIRN_OK && with_slots)
		status = walk_slots(walk, error);
	if (status != CAIRN_OK)
		walk_end(walk);
	return status;
}

void walk_clear_numbers(struct walk *walk)
{
	for (uint32_t i = 0; i < walk->count; i++)
		walk->nodes[i].object->number = 0;
}

void walk_end(struct walk *walk)
{
	walk_clear_numbers(walk);
	system_free(walk->system, walk->nodes);
	system_free(walk->system, walk->slots);
	*walk = (struct walk){.system = walk->system};
}
