/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One checkpoint that is restored from: opening it, and what is known of its nodes.
 */
#include "engine/train/restore.h"

#include "engine/read/reader.h"
#include "format/error.h"

static enum cairn_status allocate_nodes(struct restore *restore, struct cairn_error *error)
{
	const uint32_t count = restore->node_count;

	restore->bound = system_allocate_zeroed(restore->system,
						(size_t)count * sizeof(*restore->bound));
	restore->flags = system_allocate_zeroed(restore->system, count);
	if (restore->bound == NULL || restore->flags == NULL)
		return error_set_memory(error, "the nodes of an object graph");
	return CAIRN_OK;
}

static enum cairn_status count_slots(struct restore *restore, struct cairn_error *error)
{
	struct cairn_graph_node node;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < restore->node_count && status == CAIRN_OK; i++) {
		status = cairn_graph_node(restore->graph, i, &node, error);
		if (status == CAIRN_OK)
			restore->slot_count += (uint32_t)node.slot_count;
	}
	return status;
}

static enum cairn_status allocate_slots(struct restore *restore, struct cairn_error *error)
{
	struct system *const system = restore->system;
	const size_t ends_size = ((size_t)restore->node_count + 1) * sizeof(uint32_t);

	restore->slots = system_allocate_zeroed(system,
						restore->slot_count * sizeof(*restore->slots));
	restore->slot_order = system_allocate(system, restore->slot_count * sizeof(uint32_t));
	restore->slots_of_optimizer = system_allocate_zeroed(system, ends_size);
	restore->slots_of_variable = system_allocate_zeroed(system, ends_size);
	if (restore->slots == NULL || restore->slot_order == NULL ||
	    restore->slots_of_optimizer == NULL || restore->slots_of_variable == NULL)
		return error_set_memory(error, "the slot variables of an object graph");
	return CAIRN_OK;
}

static enum cairn_status fill_slots_of(struct restore *restore, uint32_t optimizer, uint32_t *next,
				       struct cairn_error *error)
{
	struct cairn_graph_node node;
	struct cairn_graph_slot slot;
	enum cairn_status status = cairn_graph_node(restore->graph, optimizer, &node, error);

	for (uint64_t i = 0; status == CAIRN_OK && i < node.slot_count; i++) {
		status = cairn_graph_slot(restore->graph, optimizer, i, &slot, error);
		if (status != CAIRN_OK)
			break;
		restore->flags[slot.slot] |= NODE_IS_SLOT;
		restore->slots[(*next)++] = (struct slot_reference){
			slot.name, optimizer, (uint32_t)slot.variable, (uint32_t)slot.slot};
	}
	return status;
}

/* Sorted by the variable, by counting. */
static void order_slots(struct restore *restore)
{
	uint32_t *const ends = restore->slots_of_variable;

	for (uint32_t i = 0; i < restore->slot_count; i++)
		ends[restore->slots[i].variable + 1]++;
	for (uint32_t i = 0; i < restore->node_count; i++)
		ends[i + 1] += ends[i];
	for (uint32_t i = restore->slot_count; i-- > 0;)
		restore->slot_order[--ends[restore->slots[i].variable + 1]] = i;
	/* each entry has become the first of its variable: move them to where it is looked for */
	for (uint32_t i = 0; i < restore->node_count; i++)
		ends[i] = ends[i + 1];
	ends[restore->node_count] = restore->slot_count;
}

static enum cairn_status list_slots(struct restore *restore, struct cairn_error *error)
{
	enum cairn_status status = count_slots(restore, error);
	uint32_t next = 0;

	if (status == CAIRN_OK)
		status = allocate_slots(restore, error);
	for (uint32_t i = 0; i < restore->node_count && status == CAIRN_OK; i++) {
		restore->slots_of_optimizer[i] = next;
		status = fill_slots_of(restore, i, &next, error);
	}
	if (status != CAIRN_OK)
		return status;
	restore->slots_of_optimizer[restore->node_count] = next;
	order_slots(restore);
	return CAIRN_OK;
}

/* Without a graph the checkpoint is name-based. */
static enum cairn_status open_graph(struct restore *restore, struct cairn_error *error)
{
	struct cairn_error graph_error;
	enum cairn_status status = cairn_graph_open(restore->reader, &restore->graph, &graph_error);

	if (status == CAIRN_NOT_FOUND)
		return CAIRN_OK;
	if (status != CAIRN_OK) {
		if (error != NULL)
			*error = graph_error;
		return status;
	}
	restore->node_count = (uint32_t)cairn_graph_node_count(restore->graph);
	if (restore->node_count == 0)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "the object graph has no root");
	status = allocate_nodes(restore, error);
	return status == CAIRN_OK ? list_slots(restore, error) : status;
}

enum cairn_status restore_open(struct system *system, const char *path, uint64_t uid,
			       const struct cairn_checkpoint_read_options *options,
			       struct restore **restore, struct cairn_error *error)
{
	struct restore *const opened = system_allocate_zeroed(system, sizeof(*opened));
	enum cairn_status status;

	if (opened == NULL)
		return error_set_memory(error, "a restore");
	opened->system = system;
	opened->references = 1;
	opened->uid = uid;
	opened->skip_slots = options->skip_slot_variables != 0;
	opened->verify_first = options->verify_first != 0;
	status = reader_open_path(system, path, options->reader, &opened->reader, error);
	if (status == CAIRN_OK)
		status = open_graph(opened, error);
	if (status == CAIRN_OK)
		*restore = opened;
	else
		restore_release(opened);
	return status;
}

struct restore *restore_retain(struct restore *restore)
{
	restore->references++;
	return restore;
}

static void release_links(struct restore *restore)
{
	for (uint32_t i = 0; restore->bound != NULL && i < restore->node_count; i++)
		object_link_release(restore->bound[i]);
}

void restore_release(struct restore *restore)
{
	struct system *system;

	if (restore == NULL || --restore->references != 0)
		return;
	system = restore->system;
	release_links(restore);
	system_free(system, restore->bound);
	system_free(system, restore->flags);
	system_free(system, restore->slots);
	system_free(system, restore->slot_order);
	system_free(system, restore->slots_of_optimizer);
	system_free(system, restore->slots_of_variable);
	cairn_graph_close(restore->graph);
	cairn_reader_close(restore->reader);
	system_free(system, restore);
}

struct cairn_object *restore_bound(const struct restore *restore, uint32_t node)
{
	return restore->bound[node] == NULL ? NULL : restore->bound[node]->object;
}

bool restore_has_values(const struct restore *restore, uint32_t node)
{
	struct cairn_graph_node described;

	if (cairn_graph_node(restore->graph, node, &described, NULL) != CAIRN_OK)
		return false;
	if (described.values != CAIRN_GRAPH_VALUES_UNKNOWN)
		return described.values == CAIRN_GRAPH_VALUES_SOME;
	return described.child_count != 0 || described.attribute_count != 0 ||
	       described.slot_count != 0 || described.has_saver != 0;
}
