/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load statuses: what TensorFlow's assertions would say, from what is bound now.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/train/checkpoint.h"
#include "engine/train/load_paths.h"
#include "format/error.h"

#define SHOWN_MAX 10

enum cairn_status load_status_create(struct cairn_checkpoint *checkpoint, enum cairn_load_kind kind,
				     struct restore *restore, struct cairn_load_status **status,
				     struct cairn_error *error)
{
	struct cairn_load_status *const made = system_allocate_zeroed(checkpoint->system,
								      sizeof(*made));

	if (made == NULL)
		return error_set_memory(error, "a load status");
	made->system = checkpoint->system;
	made->kind = kind;
	made->roots = roots_retain(checkpoint->roots);
	made->restore = restore == NULL ? NULL : restore_retain(restore);
	*status = made;
	return CAIRN_OK;
}

void cairn_load_status_release(struct cairn_load_status *status)
{
	if (status == NULL)
		return;
	restore_release(status->restore);
	roots_release(status->roots);
	system_free(status->system, status);
}

enum cairn_load_kind cairn_load_status_kind(const struct cairn_load_status *status)
{
	return status->kind;
}

/* ------------------------------------------------------------------------------------- messages */

static enum cairn_status unmatched(struct cairn_error *error, const char *format, ...)
	CAIRN_PRINTF(2, 3);

static enum cairn_status unmatched(struct cairn_error *error, const char *format, ...)
{
	char text[CAIRN_MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return error_set(error, CAIRN_UNMATCHED, CAIRN_ERROR_NO_OFFSET, "%s", text);
}

static enum cairn_status nothing(struct cairn_error *error)
{
	return unmatched(error, "no checkpoint specified; nothing is being restored");
}

/* Names the node in `format`, which has one "%s". */
static enum cairn_status unmatched_node(const struct restore *restore, uint32_t node,
					const char *before, const char *after,
					struct cairn_error *error)
{
	char text[LOAD_TEXT_SIZE];
	struct load_paths paths;
	const enum cairn_status status = load_paths_create(restore, &paths, error);

	if (status != CAIRN_OK)
		return status;
	load_path_of_node(&paths, node, text);
	load_paths_free(&paths);
	return unmatched(error, "%s%s%s", before, text, after);
}

/* Some objects of a walk, by their paths. */
struct shown {
	char text[CAIRN_MESSAGE_SIZE];
	size_t used;
	uint64_t count; /* of those that there are */
};

static void show(struct shown *shown, const struct walk *walk, uint32_t node)
{
	char path[LOAD_TEXT_SIZE];
	size_t size;

	if (shown->count++ >= SHOWN_MAX)
		return;
	load_path_of_object(walk, node, path);
	size = strlen(path);
	if (size + 2 >= sizeof(shown->text) - shown->used)
		return;
	shown->used += (size_t)snprintf(shown->text + shown->used,
					sizeof(shown->text) - shown->used, "%s%s",
					shown->used == 0 ? "" : ", ", path);
}

/* -------------------------------------------------------------------------------- what is bound */

bool *load_bound_objects(const struct restore *restore, const struct walk *walk)
{
	bool *const bound = system_allocate_zeroed(walk->system, walk->count);

	for (uint32_t i = 0; bound != NULL && i < restore->node_count; i++) {
		const struct cairn_object *const object = restore_bound(restore, i);

		if (object != NULL && object->number != 0)
			bound[object->number - 1] = true;
	}
	return bound;
}

/* Objects that have a value to save and are bound to nothing. */
static enum cairn_status find_unbound(const struct cairn_load_status *status, struct shown *shown,
				      struct cairn_error *error)
{
	struct walk walk;
	enum cairn_status result = walk_begin(&walk, status->roots, !status->restore->skip_slots,
					      error);
	bool *bound;

	*shown = (struct shown){.used = 0};
	if (result != CAIRN_OK)
		return result;
	bound = load_bound_objects(status->restore, &walk);
	if (bound == NULL)
		result = error_set_memory(error, "a load status");
	for (uint32_t i = 0; bound != NULL && i < walk.count; i++) {
		if (object_has_value(walk.nodes[i].object) && !bound[i])
			show(shown, &walk, i);
	}
	system_free(walk.system, bound);
	walk_end(&walk);
	return result;
}

static enum cairn_status check_reached(const struct restore *restore, struct cairn_error *error)
{
	for (uint32_t i = 0; i < restore->node_count; i++) {
		const struct cairn_object *const object = restore_bound(restore, i);

		if (object != NULL && object->update_uid < restore->uid)
			return unmatched_node(restore, i, "object ",
					      " not assigned a value from the checkpoint", error);
	}
	return CAIRN_OK;
}

static enum cairn_status existing_objects(const struct cairn_load_status *status,
					  struct cairn_error *error)
{
	enum cairn_status result = check_reached(status->restore, error);
	struct shown shown;

	if (result == CAIRN_OK)
		result = find_unbound(status, &shown, error);
	if (result != CAIRN_OK || shown.count == 0)
		return result;
	return unmatched(error,
			 "found %" PRIu64 " objects that were not bound to checkpointed values, "
			 "likely due to changes in the program: %s%s",
			 shown.count, shown.text, shown.count > SHOWN_MAX ? ", ..." : "");
}

/* ------------------------------------------------------------------------------------- by names */

bool load_is_unrestored(const struct restore *restore, const struct cairn_object *object)
{
	struct cairn_tensor tensor;

	return object->kind == CAIRN_OBJECT_VARIABLE &&
	       cairn_reader_find(restore->reader, object->value.full_name, &tensor, NULL) ==
		       CAIRN_NOT_FOUND;
}

/* All three assertions are this one. The save counter need not be there. */
static enum cairn_status named_objects(const struct cairn_load_status *status,
				       struct cairn_error *error)
{
	const struct restore *const restore = status->restore;
	const struct cairn_object *const counter = roots_counter(status->roots);
	struct shown missing = {.used = 0};
	struct shown late = {.used = 0};
	struct walk walk;
	enum cairn_status result = walk_begin(&walk, status->roots, true, error);

	if (result != CAIRN_OK)
		return result;
	for (uint32_t i = 0; i < walk.count; i++) {
		const struct cairn_object *const object = walk.nodes[i].object;

		if (object->update_uid < restore->uid)
			show(&late, &walk, i);
		else if (object != counter && load_is_unrestored(restore, object))
			show(&missing, &walk, i);
	}
	walk_end(&walk);
	if (missing.count != 0)
		return unmatched(error, "some objects had attributes which were not restored: %s",
				 missing.text);
	if (late.count != 0)
		return unmatched(error, "object not restored: %s", late.text);
	return CAIRN_OK;
}

/* ----------------------------------------------------------------------------------- assertions */

bool load_is_skipped(const struct restore *restore, uint32_t node)
{
	return restore->skip_slots && (restore->flags[node] & NODE_IS_SLOT) != 0;
}

/* The attributes that a bound object does not take: all of one without a value, of a state those of
 * another name. A variable looks at the first only, and never minds the others. */
static enum cairn_status count_unused(const struct restore *restore, uint32_t node,
				      uint64_t attribute_count, uint64_t *unused,
				      struct cairn_error *error)
{
	const struct cairn_object *const object = restore_bound(restore, node);
	struct cairn_graph_attribute attribute;
	enum cairn_status status = CAIRN_OK;

	*unused = 0;
	if (object == NULL || (restore->flags[node] & NODE_COLLECTED) == 0 ||
	    object->kind == CAIRN_OBJECT_VARIABLE)
		return CAIRN_OK;
	*unused = attribute_count;
	for (uint64_t i = 0; i < attribute_count && object->kind == CAIRN_OBJECT_STATE; i++) {
		status = cairn_graph_attribute(restore->graph, node, i, &attribute, error);
		if (status != CAIRN_OK)
			return status;
		*unused -= strings_equal(attribute.name, object_attribute(object));
	}
	return CAIRN_OK;
}

/* The first node with a value that nobody took, and why; WALK_NONE: none. */
static enum cairn_status find_unconsumed(const struct restore *restore, uint32_t *node,
					 bool *is_unused, struct cairn_error *error)
{
	struct cairn_graph_node described;
	uint32_t first_unused = WALK_NONE;
	uint64_t unused;

	*is_unused = false;
	for (uint32_t i = 0; i < restore->node_count; i++) {
		enum cairn_status status = cairn_graph_node(restore->graph, i, &described, error);

		if (status == CAIRN_OK)
			status = count_unused(restore, i, described.attribute_count, &unused,
					      error);
		if (status != CAIRN_OK)
			return status;
		if (unused != 0 && first_unused == WALK_NONE)
			first_unused = i;
		if (described.attribute_count == 0 || restore_bound(restore, i) != NULL ||
		    load_is_skipped(restore, i))
			continue;
		*node = i;
		return CAIRN_OK;
	}
	*is_unused = first_unused != WALK_NONE;
	*node = first_unused;
	return CAIRN_OK;
}

static enum cairn_status check_slots(const struct restore *restore, struct cairn_error *error)
{
	for (uint32_t i = 0; i < restore->slot_count && !restore->skip_slots; i++) {
		if (restore_bound(restore, restore->slots[i].variable) == NULL)
			return unmatched_node(restore, restore->slots[i].slot,
					      "unresolved slot restorations: ", "", error);
	}
	return CAIRN_OK;
}

static enum cairn_status consumed(const struct restore *restore, struct cairn_error *error)
{
	uint32_t node = WALK_NONE;
	bool is_unused;
	enum cairn_status status = find_unconsumed(restore, &node, &is_unused, error);

	if (status != CAIRN_OK)
		return status;
	if (node != WALK_NONE && !is_unused)
		return unmatched_node(restore, node, "unresolved object in checkpoint ", "", error);
	status = check_slots(restore, error);
	if (status != CAIRN_OK || node == WALK_NONE)
		return status;
	return unmatched_node(restore, node,
			      "unused attributes in these objects (they are in the checkpoint but "
			      "were not restored): ",
			      "", error);
}

enum cairn_status
cairn_load_status_assert_existing_objects_matched(const struct cairn_load_status *status,
						  struct cairn_error *error)
{
	if (status->kind == CAIRN_LOAD_NOTHING)
		return nothing(error);
	if (status->kind == CAIRN_LOAD_NAMES)
		return named_objects(status, error);
	return existing_objects(status, error);
}

enum cairn_status cairn_load_status_assert_consumed(const struct cairn_load_status *status,
						    struct cairn_error *error)
{
	const enum cairn_status result = cairn_load_status_assert_existing_objects_matched(status,
											   error);

	if (result != CAIRN_OK || status->kind != CAIRN_LOAD_OBJECTS)
		return result;
	return consumed(status->restore, error);
}

enum cairn_status cairn_load_status_assert_nontrivial_match(const struct cairn_load_status *status,
							    struct cairn_error *error)
{
	struct shown shown;
	enum cairn_status result;
	uint64_t bound = 0;

	if (status->kind == CAIRN_LOAD_NOTHING)
		return nothing(error);
	if (status->kind == CAIRN_LOAD_NAMES)
		return named_objects(status, error);
	for (uint32_t i = 0; i < status->restore->node_count; i++)
		bound += restore_bound(status->restore, i) != NULL;
	if (bound > 1)
		return CAIRN_OK;
	result = find_unbound(status, &shown, error);
	if (result != CAIRN_OK)
		return result;
	if (shown.count == 0)
		return unmatched(error, "nothing to load: no objects have been added to the root "
					"yet");
	return unmatched(error,
			 "nothing except the root object matched a checkpointed value: typically "
			 "the checkpoint does not match the program; without a value are %s",
			 shown.text);
}

void cairn_load_status_expect_partial(struct cairn_load_status *status)
{
	status->expects_partial = true;
}

int cairn_load_status_is_partial(const struct cairn_load_status *status)
{
	uint32_t node = WALK_NONE;
	bool is_unused;

	if (status->kind != CAIRN_LOAD_OBJECTS || status->expects_partial)
		return 0;
	return find_unconsumed(status->restore, &node, &is_unused, NULL) == CAIRN_OK &&
	       node != WALK_NONE;
}
