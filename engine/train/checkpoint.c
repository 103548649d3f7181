/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint of objects: its root, what is attached to it, and the counter of saves.
 */
#include "engine/train/checkpoint.h"

#include <inttypes.h>
#include <string.h>

#include "format/error.h"
#include "format/sort.h"

#define ROOT_NAME "root"

/* ------------------------------------------------------------------------------------- creating */

static int compare_names(const void *left, const void *right)
{
	const struct cairn_named_object *const a = left;
	const struct cairn_named_object *const b = right;

	return strcmp(a->name, b->name);
}

static enum cairn_status refuse(const char *name, const char *why, struct cairn_error *error)
{
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "%s: %s",
			 quote(cairn_string_from(name)).text, why);
}

static enum cairn_status check_named(const struct cairn_checkpoint *checkpoint,
				     const struct cairn_named_object *named,
				     struct cairn_error *error)
{
	const struct cairn_object *const object = named->object;

	if (named->name == NULL)
		return refuse("", "an object of a checkpoint has no name", error);
	if (object == NULL || (object->kind == CAIRN_OBJECT_TUPLE && object->edge_count == 0))
		return refuse(named->name, "no object that can be saved", error);
	if (strcmp(named->name, SAVE_COUNTER_NAME) == 0)
		return refuse(named->name, "is the checkpoint's own", error);
	if (checkpoint->has_root && strcmp(named->name, ROOT_NAME) == 0)
		return refuse(named->name, "there is a root already", error);
	return object_check_name(cairn_string_from(named->name), error);
}

/* To a root that was given; an object that is its child under this name already is one only. */
static enum cairn_status attach(struct roots *roots, const struct cairn_named_object *named,
				struct cairn_error *error)
{
	const struct cairn_string name = cairn_string_from(named->name);
	const struct cairn_object *const child = object_child(roots->root, name);

	if (child == named->object)
		return CAIRN_OK;
	if (child != NULL)
		return refuse(named->name, "the root has another child of this name", error);
	return roots_attach(roots, name, named->object, error);
}

static enum cairn_status add_named(struct cairn_checkpoint *checkpoint,
				   const struct cairn_named_object *named,
				   struct cairn_error *error)
{
	if (checkpoint->has_root)
		return attach(checkpoint->roots, named, error);
	return cairn_object_set(checkpoint->roots->root, named->name, named->object, error);
}

/* In byte order of names, and the root among them. */
static enum cairn_status add_sorted(struct cairn_checkpoint *checkpoint, void **sorted,
				    uint64_t count, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	sort_pointers(sorted, sorted + count, count, compare_names);
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		const struct cairn_named_object *const named = sorted[i];

		if (i != 0 && compare_names(sorted[i - 1], named) == 0)
			return refuse(named->name, "two objects of this name", error);
		status = add_named(checkpoint, named, error);
	}
	return status;
}

static enum cairn_status add_objects(struct cairn_checkpoint *checkpoint,
				     const struct cairn_named_object *objects, uint64_t count,
				     struct cairn_error *error)
{
	const struct cairn_named_object root = {ROOT_NAME, checkpoint->roots->root};
	enum cairn_status status = CAIRN_OK;
	void **sorted;

	if (count >= UINT32_MAX)
		return refuse("", "too many objects", error);
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++)
		status = check_named(checkpoint, &objects[i], error);
	if (status != CAIRN_OK)
		return status;
	sorted = system_allocate(checkpoint->system, (count + 1) * 2 * sizeof(*sorted));
	if (sorted == NULL)
		return error_set_memory(error, "the objects of a checkpoint");
	for (uint64_t i = 0; i < count; i++)
		sorted[i] = (void *)(uintptr_t)&objects[i];
	if (checkpoint->has_root)
		sorted[count++] = (void *)(uintptr_t)&root;
	status = add_sorted(checkpoint, sorted, count, error);
	system_free(checkpoint->system, sorted);
	return status;
}

static enum cairn_status make_roots(struct cairn_checkpoint *checkpoint, struct cairn_object *root,
				    struct cairn_error *error)
{
	struct system *const system = checkpoint->system;
	enum cairn_status status = CAIRN_OK;

	checkpoint->roots = system_allocate_zeroed(system, sizeof(*checkpoint->roots));
	if (checkpoint->roots == NULL)
		return error_set_memory(error, "a checkpoint");
	checkpoint->roots->system = system;
	checkpoint->roots->references = 1;
	if (root != NULL)
		checkpoint->roots->root = cairn_object_retain(root);
	else
		status = object_create(system, CAIRN_OBJECT_MODULE, &checkpoint->roots->root,
				       error);
	return status;
}

enum cairn_status checkpoint_create(struct system *system, struct cairn_object *root,
				    const struct cairn_named_object *objects, uint64_t count,
				    struct cairn_checkpoint **checkpoint, struct cairn_error *error)
{
	struct cairn_checkpoint *const made = system_allocate_zeroed(system, sizeof(*made));
	enum cairn_status status;

	if (made == NULL)
		return error_set_memory(error, "a checkpoint");
	made->system = system;
	made->has_root = root != NULL;
	status = make_roots(made, root, error);
	if (status == CAIRN_OK)
		status = add_objects(made, objects, count, error);
	if (status == CAIRN_OK)
		*checkpoint = made;
	else
		cairn_checkpoint_destroy(made);
	return status;
}

enum cairn_status cairn_checkpoint_create(struct cairn_object *root,
					  const struct cairn_named_object *objects, uint64_t count,
					  struct cairn_checkpoint **checkpoint,
					  struct cairn_error *error)
{
	return checkpoint_create(system_posix(), root, objects, count, checkpoint, error);
}

void cairn_checkpoint_destroy(struct cairn_checkpoint *checkpoint)
{
	if (checkpoint == NULL)
		return;
	checkpoint_free_frozen(checkpoint->system, checkpoint->frozen);
	roots_release(checkpoint->roots);
	system_free(checkpoint->system, checkpoint);
}

struct cairn_object *cairn_checkpoint_root(const struct cairn_checkpoint *checkpoint)
{
	return checkpoint->roots->root;
}

struct cairn_object *cairn_checkpoint_object(const struct cairn_checkpoint *checkpoint,
					     const char *name)
{
	return roots_object(checkpoint->roots, cairn_string_from(name));
}

/* ------------------------------------------------------------------------------------- counting */

struct cairn_object *checkpoint_counter(const struct cairn_checkpoint *checkpoint)
{
	return roots_counter(checkpoint->roots);
}

/* A root may bring one of its own. */
static enum cairn_status check_counter(const struct cairn_object *counter,
				       struct cairn_error *error)
{
	const struct object_value *const value = &counter->value;

	if (counter->kind == CAIRN_OBJECT_VARIABLE && value->dtype == CAIRN_I64 &&
	    value->rank == 0 && value->data != NULL)
		return CAIRN_OK;
	return refuse(SAVE_COUNTER_NAME, "no int64 scalar in memory", error);
}

/* Takes what the root has waiting for it, although it is no child of a root that was given. */
static enum cairn_status add_counter(struct cairn_checkpoint *checkpoint,
				     struct cairn_object *counter, struct cairn_error *error)
{
	const struct cairn_string name = cairn_string_from(SAVE_COUNTER_NAME);
	struct roots *const roots = checkpoint->roots;
	enum cairn_status status;

	if (!checkpoint->has_root)
		return cairn_object_set_string(roots->root, name, counter, error);
	status = restore_child(roots->root, name, counter, error);
	return status == CAIRN_OK ? roots_attach(roots, name, counter, error) : status;
}

enum cairn_status checkpoint_make_counter(struct cairn_checkpoint *checkpoint,
					  struct cairn_object **counter, struct cairn_error *error)
{
	enum cairn_status status;

	*counter = checkpoint_counter(checkpoint);
	if (*counter != NULL)
		return check_counter(*counter, error);
	status = object_create_counter(checkpoint->system, counter, error);
	if (status != CAIRN_OK)
		return status;
	status = add_counter(checkpoint, *counter, error);
	cairn_object_release(*counter); /* the root or the checkpoint holds it, or nobody */
	return status;
}

enum cairn_status cairn_checkpoint_save_counter(const struct cairn_checkpoint *checkpoint,
						int64_t *counter, struct cairn_error *error)
{
	const struct cairn_object *const object = checkpoint_counter(checkpoint);
	enum cairn_status status;

	if (object == NULL)
		return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				 "no save or restore so far: there is no save counter");
	status = check_counter(object, error);
	if (status == CAIRN_OK)
		memcpy(counter, object->value.data, sizeof(*counter));
	return status;
}

enum cairn_status cairn_checkpoint_set_save_counter(struct cairn_checkpoint *checkpoint,
						    int64_t counter, struct cairn_error *error)
{
	struct cairn_object *object;
	const enum cairn_status status = checkpoint_make_counter(checkpoint, &object, error);

	if (status == CAIRN_OK)
		memcpy(object->value.data, &counter, sizeof(counter));
	return status;
}
