/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints without objects: values are found by the full names of variables. An object that was
 * reached hands the restore on to children that come.
 */
#include <string.h>

#include "engine/train/object_walk.h"
#include "engine/train/restore.h"
#include "format/error.h"

enum cairn_status entry_collect_named(struct run_entry *entry, struct cairn_error *error)
{
	const struct object_value *const value = &entry->object->value;
	struct cairn_error find_error;
	enum cairn_status status;

	if (entry->object->kind != CAIRN_OBJECT_VARIABLE)
		return CAIRN_OK;
	status = cairn_reader_find(entry->restore->reader, value->full_name, &entry->tensor,
				   &find_error);
	if (status == CAIRN_NOT_FOUND)
		return CAIRN_OK;
	entry->has_value = status == CAIRN_OK;
	if (status != CAIRN_OK && error != NULL)
		*error = find_error;
	return status;
}

static bool has_restore(const struct cairn_object *object, const struct restore *restore)
{
	for (uint32_t i = object->named_count; i-- > 0;) {
		if (object->named[i] == restore)
			return true;
	}
	return false;
}

static enum cairn_status remember_restore(struct cairn_object *object, struct restore *restore,
					  struct cairn_error *error)
{
	struct restore **const named = system_reallocate(object->system, object->named,
							 (object->named_count + 1) *
								 sizeof(struct restore *));

	if (named == NULL)
		return error_set_memory(error, "a restore");
	object->named = named;
	object->named[object->named_count++] = restore_retain(restore);
	return CAIRN_OK;
}

static enum cairn_status add(struct run *run, struct restore *restore, struct cairn_object *object,
			     struct cairn_error *error)
{
	const bool is_known = has_restore(object, restore);
	enum cairn_status status = run_add(run, restore, WALK_NONE, object, error);

	if (status != CAIRN_OK || is_known)
		return status;
	status = remember_restore(object, restore, error);
	run->entries[run->count - 1].was_remembered = status == CAIRN_OK;
	return status;
}

void entry_forget_named(const struct run_entry *entry)
{
	struct cairn_object *const object = entry->object;

	/* it is the newest: what came later was undone before */
	if (entry->was_remembered)
		restore_release(object->named[--object->named_count]);
}

enum cairn_status run_add_named(struct run *run, struct restore *restore, const struct roots *roots,
				struct cairn_error *error)
{
	struct walk walk;
	enum cairn_status status = walk_begin(&walk, roots, true, error);

	for (uint32_t i = 0; i < walk.count && status == CAIRN_OK; i++)
		status = add(run, restore, walk.nodes[i].object, error);
	walk_end(&walk);
	return status;
}
