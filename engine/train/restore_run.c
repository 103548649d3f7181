/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching: which nodes of checkpoints are which objects of the program.
 *
 * As TensorFlow does it (restore.py): breadth first, children in the order of the checkpoint, each
 * node bound to the first object that is met under its name. A slot variable is looked for when
 * both its optimizer and its variable are bound.
 *
 * Nothing recurses: what follows from an entry goes to the end of the run.
 */
#include "engine/train/restore.h"

#include <inttypes.h>

#include "format/error.h"
#include "format/sort.h"

void run_begin(struct run *run, struct system *system)
{
	*run = (struct run){.system = system};
}

enum cairn_status run_add(struct run *run, struct restore *restore, uint32_t node,
			  struct cairn_object *object, struct cairn_error *error)
{
	void *entries = run->entries;

	if (!array_make_room(run->system, &entries, run->count, &run->capacity,
			     sizeof(*run->entries)))
		return error_set_memory(error, "a restore");
	run->entries = entries;
	run->entries[run->count++] = (struct run_entry){.restore = restore,
							.object = cairn_object_retain(object),
							.previous_uid = object->update_uid,
							.node = node};
	return CAIRN_OK;
}

enum cairn_status run_bind(struct run *run, struct restore *restore, uint32_t node,
			   struct cairn_object *object, struct cairn_error *error)
{
	enum cairn_status status;

	if (restore_bound(restore, node) != NULL)
		return CAIRN_OK;
	status = run_add(run, restore, node, object, error);
	if (status != CAIRN_OK)
		return status;
	object_link_release(restore->bound[node]); /* of one that is gone */
	restore->bound[node] = object_link_retain(object);
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- children */

static enum cairn_status wait_for_child(struct restore *restore, struct cairn_object *object,
					const struct cairn_graph_child *child,
					struct cairn_error *error)
{
	const struct waiting item = {.restore = restore,
				     .name = child->name,
				     .run = restore->runs,
				     .node = (uint32_t)child->node};

	if (!restore_has_values(restore, (uint32_t)child->node))
		return CAIRN_OK;
	if (!waiting_add(&object->waiting, object->system, &item))
		return error_set_memory(error, "what waits for a child");
	return CAIRN_OK;
}

static enum cairn_status match_child(struct run *run, struct restore *restore,
				     struct cairn_object *object,
				     const struct cairn_graph_child *child,
				     struct cairn_error *error)
{
	struct cairn_object *const local = object_child(object, child->name);

	if (restore_bound(restore, (uint32_t)child->node) != NULL)
		return CAIRN_OK;
	if (local == NULL)
		return wait_for_child(restore, object, child, error);
	return run_bind(run, restore, (uint32_t)child->node, local, error);
}

static enum cairn_status match_children(struct run *run, struct restore *restore, uint32_t node,
					struct cairn_object *object, struct cairn_error *error)
{
	struct cairn_graph_node described;
	struct cairn_graph_child child;
	enum cairn_status status = cairn_graph_node(restore->graph, node, &described, error);

	for (uint64_t i = 0; status == CAIRN_OK && i < described.child_count; i++) {
		status = cairn_graph_child(restore->graph, node, i, &child, error);
		if (status == CAIRN_OK)
			status = match_child(run, restore, object, &child, error);
	}
	return status;
}

/* ---------------------------------------------------------------------------------------- slots */

/* The value of a slot variable that is nothing but a variable; *is_simple false: it is more. */
static enum cairn_status find_simple_value(const struct restore *restore, uint32_t node,
					   struct cairn_tensor *tensor, bool *is_simple,
					   struct cairn_error *error)
{
	struct cairn_graph_node described;
	struct cairn_graph_attribute attribute;
	enum cairn_status status = cairn_graph_node(restore->graph, node, &described, error);

	*is_simple = false;
	if (status != CAIRN_OK || described.attribute_count != 1 || described.child_count != 0)
		return status;
	status = cairn_graph_attribute(restore->graph, node, 0, &attribute, error);
	if (status != CAIRN_OK ||
	    !strings_equal(attribute.name, cairn_string_from(VARIABLE_ATTRIBUTE)))
		return status;
	*is_simple = true;
	return cairn_reader_find_string(restore->reader, attribute.key, tensor, error);
}

/* Asks the program for a slot variable that is not there. */
static enum cairn_status make_slot(const struct restore *restore,
				   const struct slot_reference *reference,
				   struct cairn_object *optimizer, struct cairn_object *variable,
				   struct cairn_object **slot, struct cairn_error *error)
{
	struct cairn_tensor tensor;
	bool is_simple;
	enum cairn_status status;

	if (optimizer->make_slot == NULL)
		return CAIRN_OK;
	status = find_simple_value(restore, reference->slot, &tensor, &is_simple, error);
	if (status != CAIRN_OK || !is_simple)
		return status;
	status = optimizer->make_slot(optimizer->slot_context, variable, reference->name, &tensor,
				      slot, error);
	if (status != CAIRN_OK || *slot == NULL)
		return status;
	if ((*slot)->kind != CAIRN_OBJECT_VARIABLE || (*slot)->system != optimizer->system)
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "what was made as the slot variable %s is no variable",
				   quote(reference->name).text);
	else
		status = object_put_slot(optimizer, reference->name, variable, *slot, error);
	cairn_object_release(*slot);
	return status;
}

static enum cairn_status wait_for_slot(struct restore *restore,
				       const struct slot_reference *reference,
				       struct cairn_object *optimizer,
				       struct cairn_object *variable, struct cairn_error *error)
{
	const struct waiting item = {.restore = restore,
				     .name = reference->name,
				     .variable = variable->link,
				     .run = restore->runs,
				     .node = reference->slot};

	if (!waiting_add(&optimizer->waiting_slots, optimizer->system, &item))
		return error_set_memory(error, "what waits for a slot variable");
	return CAIRN_OK;
}

/* Both may be bound by now, or one of them only later. */
static enum cairn_status match_slot(struct run *run, struct restore *restore,
				    const struct slot_reference *reference,
				    struct cairn_error *error)
{
	struct cairn_object *const optimizer = restore_bound(restore, reference->optimizer);
	struct cairn_object *const variable = restore_bound(restore, reference->variable);
	struct cairn_object *slot;
	enum cairn_status status = CAIRN_OK;

	if (optimizer == NULL || variable == NULL || optimizer->kind != CAIRN_OBJECT_OPTIMIZER ||
	    restore_bound(restore, reference->slot) != NULL)
		return CAIRN_OK;
	slot = object_slot(optimizer, variable, reference->name);
	if (slot == NULL)
		status = make_slot(restore, reference, optimizer, variable, &slot, error);
	if (status != CAIRN_OK)
		return status;
	if (slot == NULL)
		return wait_for_slot(restore, reference, optimizer, variable, error);
	return run_bind(run, restore, reference->slot, slot, error);
}

/*
 * A variable asks its optimizer as soon as that is bound; an optimizer asks for the variables that
 * were processed before. Where both do, the second finds the slot variable bound.
 */
static enum cairn_status match_slots(struct run *run, struct restore *restore, uint32_t node,
				     struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	if (restore->slot_count == 0 || restore->skip_slots)
		return CAIRN_OK;
	for (uint32_t i = restore->slots_of_optimizer[node];
	     i < restore->slots_of_optimizer[node + 1] && status == CAIRN_OK; i++) {
		if ((restore->flags[restore->slots[i].variable] & NODE_PROCESSED) != 0)
			status = match_slot(run, restore, &restore->slots[i], error);
	}
	for (uint32_t i = restore->slots_of_variable[node];
	     i < restore->slots_of_variable[node + 1] && status == CAIRN_OK; i++)
		status = match_slot(run, restore, &restore->slots[restore->slot_order[i]], error);
	return status;
}

/* ---------------------------------------------------------------------------------------- a run */

/* An object that a later restore reached takes nothing, but its children may. */
static enum cairn_status process(struct run *run, uint32_t number, struct cairn_error *error)
{
	struct run_entry *const entry = &run->entries[number];
	struct restore *const restore = entry->restore;
	struct cairn_object *const object = entry->object;
	const uint32_t node = entry->node;
	enum cairn_status status = CAIRN_OK;

	if (restore->uid > object->update_uid) {
		entry->was_collected = true;
		entry->previous_uid = object->update_uid;
		object->update_uid = restore->uid;
		if (node == WALK_NONE)
			return entry_collect_named(entry, error);
		restore->flags[node] |= NODE_COLLECTED;
		status = entry_collect(entry, error);
	}
	if (node == WALK_NONE)
		return CAIRN_OK;
	restore->flags[node] |= NODE_PROCESSED;
	if (status == CAIRN_OK)
		status = match_children(run, restore, node, object, error);
	return status == CAIRN_OK ? match_slots(run, restore, node, error) : status;
}

enum cairn_status run_match(struct run *run, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	while (status == CAIRN_OK && run->processed < run->count)
		status = process(run, run->processed++, error);
	return status;
}

/* What the run left for the slot variables of a variable in an optimizer that is not in the run. */
static void undo_slots(const struct run_entry *entry)
{
	const struct restore *const restore = entry->restore;
	const uint32_t end = restore->slots_of_variable[entry->node + 1];

	for (uint32_t i = restore->slots_of_variable[entry->node]; i < end; i++) {
		struct cairn_object *const optimizer = restore_bound(
			restore, restore->slots[restore->slot_order[i]].optimizer);

		if (optimizer != NULL)
			waiting_undo_run(&optimizer->waiting_slots);
	}
}

/* As if the run had never been. */
static void undo_entry(const struct run_entry *entry)
{
	struct restore *const restore = entry->restore;

	if (entry->was_collected)
		entry->object->update_uid = entry->previous_uid;
	if (entry->node == WALK_NONE) {
		entry_forget_named(entry);
		return;
	}
	undo_slots(entry);
	restore->flags[entry->node] &= NODE_IS_SLOT;
	object_link_release(restore->bound[entry->node]);
	restore->bound[entry->node] = NULL;
	waiting_undo_run(&entry->object->waiting);
	waiting_undo_run(&entry->object->waiting_slots);
}

enum cairn_status run_end(struct run *run, enum cairn_status status)
{
	for (uint32_t i = run->count; i-- > 0;) {
		if (status != CAIRN_OK)
			undo_entry(&run->entries[i]);
	}
	for (uint32_t i = 0; i < run->count; i++) {
		run->entries[i].restore->runs++;
		cairn_object_release(run->entries[i].object);
	}
	system_free(run->system, run->entries);
	return status;
}

/* ------------------------------------------------------------------------------ what has waited */

/* What waits under one name. */
struct turns {
	struct waiting *items; /* copies: the list may move */
	void **order; /* the latest restore first, then as they came; and as much scratch */
	uint32_t count;
};

static int compare_turns(const void *left, const void *right)
{
	const struct waiting *const a = left;
	const struct waiting *const b = right;

	return a->restore->uid > b->restore->uid ? -1 : a->restore->uid < b->restore->uid;
}

static uint32_t count_turns(const struct waiting_list *list, struct cairn_string name,
			    const struct object_link *variable)
{
	const struct waiting *item = waiting_find(list, name, variable, HASH_INDEX_NONE);
	uint32_t count = 0;

	for (; item != NULL; count++)
		item = waiting_find(list, name, variable, (uint32_t)(item - list->items));
	return count;
}

/* They are found newest first. */
static void fill_turns(struct turns *turns, const struct waiting_list *list,
		       struct cairn_string name, const struct object_link *variable)
{
	const struct waiting *item = waiting_find(list, name, variable, HASH_INDEX_NONE);

	for (uint32_t i = turns->count; i-- > 0 && item != NULL;) {
		turns->items[i] = *item;
		turns->order[i] = &turns->items[i];
		item = waiting_find(list, name, variable, (uint32_t)(item - list->items));
	}
	sort_pointers(turns->order, turns->order + turns->count, turns->count, compare_turns);
}

static enum cairn_status match_turns(struct run *run, const struct turns *turns,
				     struct cairn_object *object, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < turns->count && status == CAIRN_OK; i++) {
		const struct waiting *const item = turns->order[i];

		status = run_bind(run, item->restore, item->node, object, error);
		if (status == CAIRN_OK)
			status = run_match(run, error);
	}
	return status;
}

/* Matches what waited under a name, the latest restore first. */
static enum cairn_status match_waiting(struct run *run, const struct waiting_list *list,
				       struct cairn_string name, const struct object_link *variable,
				       struct cairn_object *object, struct cairn_error *error)
{
	struct turns turns = {.count = count_turns(list, name, variable)};
	enum cairn_status status;

	if (turns.count == 0)
		return CAIRN_OK;
	turns.items = system_allocate(run->system, turns.count * sizeof(*turns.items));
	turns.order = system_allocate(run->system, (size_t)turns.count * 2 * sizeof(void *));
	if (turns.items != NULL && turns.order != NULL) {
		fill_turns(&turns, list, name, variable);
		status = match_turns(run, &turns, object, error);
	} else {
		status = error_set_memory(error, "what waits for an object");
	}
	system_free(run->system, turns.items);
	system_free(run->system, turns.order);
	return status;
}

/* They are taken; or go on waiting, when the run failed. */
static void settle(struct waiting_list *list, struct cairn_string name,
		   const struct object_link *variable, enum cairn_status status)
{
	struct waiting *item = NULL;

	if (status == CAIRN_OK)
		item = waiting_find(list, name, variable, HASH_INDEX_NONE);
	while (item != NULL) {
		const uint32_t number = (uint32_t)(item - list->items);

		waiting_take(list, item);
		item = list->count == 0 ? NULL : waiting_find(list, name, variable, number);
	}
}

static enum cairn_status add_named_restores(struct run *run, const struct cairn_object *object,
					    struct cairn_object *child, struct cairn_error *error)
{
	const struct roots roots = {.system = object->system, .references = 1, .root = child};
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = object->named_count; i-- > 0 && status == CAIRN_OK;) {
		status = run_add_named(run, object->named[i], &roots, error);
		if (status == CAIRN_OK)
			status = run_match(run, error);
	}
	return status;
}

enum cairn_status restore_child(struct cairn_object *object, struct cairn_string name,
				struct cairn_object *child, struct cairn_error *error)
{
	enum cairn_status status;
	struct run run;

	if (object->waiting.left == 0 && object->named_count == 0)
		return CAIRN_OK;
	run_begin(&run, object->system);
	status = match_waiting(&run, &object->waiting, name, NULL, child, error);
	if (status == CAIRN_OK)
		status = add_named_restores(&run, object, child, error);
	if (status == CAIRN_OK)
		status = run_give_values(&run, error);
	status = run_end(&run, status);
	settle(&object->waiting, name, NULL, status);
	return status;
}

enum cairn_status restore_slot(struct cairn_object *optimizer, struct cairn_string name,
			       struct cairn_object *variable, struct cairn_object *slot,
			       struct cairn_error *error)
{
	enum cairn_status status;
	struct run run;

	if (optimizer->waiting_slots.left == 0)
		return CAIRN_OK;
	run_begin(&run, optimizer->system);
	status = match_waiting(&run, &optimizer->waiting_slots, name, variable->link, slot, error);
	if (status == CAIRN_OK)
		status = run_give_values(&run, error);
	status = run_end(&run, status);
	settle(&optimizer->waiting_slots, name, variable->link, status);
	return status;
}
