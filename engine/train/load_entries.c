/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load statuses as data: what became of each value.
 */
#include "engine/train/checkpoint.h"
#include "engine/train/load_paths.h"
#include "format/error.h"

struct listing {
	const struct cairn_load_status *status;
	const struct restore *restore;
	cairn_load_callback callback;
	void *context;
};

static enum cairn_status hand_out(const struct listing *listing,
				  const struct cairn_load_entry *entry, struct cairn_error *error)
{
	if (listing->callback(listing->context, entry) == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
			 "the listing was stopped by its callback");
}

/* --------------------------------------------------------------------- values of the checkpoint */

/* Of the attributes of a node its object takes one: that of the name, a variable else the first. */
static bool takes(const struct cairn_object *object, const struct cairn_graph_attribute *attribute,
		  uint64_t index)
{
	if (!object_has_value(object))
		return false;
	return strings_equal(attribute->name, object_attribute(object)) ||
	       (object->kind == CAIRN_OBJECT_VARIABLE && index == 0);
}

static enum cairn_load_outcome outcome_of(const struct restore *restore, uint32_t node,
					  const struct cairn_graph_attribute *attribute,
					  uint64_t index)
{
	const struct cairn_object *const object = restore_bound(restore, node);

	if (load_is_skipped(restore, node))
		return CAIRN_LOAD_SKIPPED;
	if (object == NULL)
		return CAIRN_LOAD_WAITING;
	if (!takes(object, attribute, index))
		return CAIRN_LOAD_UNUSED;
	return (restore->flags[node] & NODE_COLLECTED) != 0 && object->update_uid == restore->uid
		       ? CAIRN_LOAD_RESTORED
		       : CAIRN_LOAD_SUPERSEDED;
}

static enum cairn_status list_node(const struct listing *listing, const struct load_paths *paths,
				   uint32_t node, struct cairn_error *error)
{
	const struct restore *const restore = listing->restore;
	char path[LOAD_TEXT_SIZE];
	struct cairn_graph_node described;
	struct cairn_graph_attribute attribute;
	enum cairn_status status = cairn_graph_node(restore->graph, node, &described, error);

	if (status != CAIRN_OK || described.attribute_count == 0)
		return status;
	load_path_of_node(paths, node, path);
	for (uint64_t i = 0; i < described.attribute_count && status == CAIRN_OK; i++) {
		struct cairn_load_entry entry = {.path = path};

		status = cairn_graph_attribute(restore->graph, node, i, &attribute, error);
		if (status != CAIRN_OK)
			return status;
		entry.outcome = outcome_of(restore, node, &attribute, i);
		entry.key = attribute.key;
		entry.object = restore_bound(restore, node);
		status = hand_out(listing, &entry, error);
	}
	return status;
}

static enum cairn_status list_nodes(const struct listing *listing, struct cairn_error *error)
{
	struct load_paths paths;
	enum cairn_status status = load_paths_create(listing->restore, &paths, error);

	if (status != CAIRN_OK)
		return status;
	for (uint32_t i = 0; i < listing->restore->node_count && status == CAIRN_OK; i++)
		status = list_node(listing, &paths, i, error);
	load_paths_free(&paths);
	return status;
}

/* ----------------------------------------------------------------------- objects of the program */

static enum cairn_status list_object(const struct listing *listing, const struct walk *walk,
				     uint32_t node, enum cairn_load_outcome outcome,
				     struct cairn_error *error)
{
	struct cairn_object *const object = walk->nodes[node].object;
	char path[LOAD_TEXT_SIZE];
	struct cairn_load_entry entry = {
		.outcome = outcome, .path = path, .key = {"", 0}, .object = object};

	load_path_of_object(walk, node, path);
	if (outcome != CAIRN_LOAD_UNMATCHED)
		entry.key = cairn_string_from(object->value.full_name);
	return hand_out(listing, &entry, error);
}

static enum cairn_status list_unbound(const struct listing *listing, struct walk *walk,
				      struct cairn_error *error)
{
	bool *const bound = load_bound_objects(listing->restore, walk);
	enum cairn_status status = CAIRN_OK;

	if (bound == NULL)
		return error_set_memory(error, "a load status");
	walk_clear_numbers(walk);
	for (uint32_t i = 0; i < walk->count && status == CAIRN_OK; i++) {
		if (object_has_value(walk->nodes[i].object) && !bound[i])
			status = list_object(listing, walk, i, CAIRN_LOAD_UNMATCHED, error);
	}
	system_free(walk->system, bound);
	return status;
}

static enum cairn_status list_named(const struct listing *listing, struct walk *walk,
				    struct cairn_error *error)
{
	const struct restore *const restore = listing->restore;
	enum cairn_status status = CAIRN_OK;

	walk_clear_numbers(walk);
	for (uint32_t i = 0; i < walk->count && status == CAIRN_OK; i++) {
		const struct cairn_object *const object = walk->nodes[i].object;
		enum cairn_load_outcome outcome = CAIRN_LOAD_RESTORED;

		if (object->kind != CAIRN_OBJECT_VARIABLE)
			continue;
		if (object->update_uid < restore->uid || load_is_unrestored(restore, object))
			outcome = CAIRN_LOAD_UNMATCHED;
		else if (object->update_uid > restore->uid)
			outcome = CAIRN_LOAD_SUPERSEDED;
		status = list_object(listing, walk, i, outcome, error);
	}
	return status;
}

static enum cairn_status list_objects(const struct listing *listing, struct cairn_error *error)
{
	struct walk walk;
	enum cairn_status status = walk_begin(&walk, listing->status->roots,
					      !listing->restore->skip_slots, error);

	if (status != CAIRN_OK)
		return status;
	status = listing->restore->graph != NULL ? list_unbound(listing, &walk, error)
						 : list_named(listing, &walk, error);
	walk_end(&walk);
	return status;
}

enum cairn_status cairn_load_status_list(const struct cairn_load_status *status,
					 cairn_load_callback callback, void *context,
					 struct cairn_error *error)
{
	const struct listing listing = {status, status->restore, callback, context};
	enum cairn_status result = CAIRN_OK;

	if (callback == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no callback for the outcomes of a restore");
	if (status->restore == NULL)
		return CAIRN_OK;
	if (status->restore->graph != NULL)
		result = list_nodes(&listing, error);
	return result == CAIRN_OK ? list_objects(&listing, error) : result;
}
