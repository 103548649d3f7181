/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of objects. Found by a hash of their names; elements of lists have names as all others.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/train/object.h"
#include "engine/train/restore.h"
#include "format/error.h"

#define NUMBER_TEXT_SIZE 24

static uint32_t find_edge(const struct cairn_object *object, struct cairn_string name)
{
	uint32_t number = hash_index_first(&object->edge_index, object_hash(name, NULL));

	while (number != HASH_INDEX_NONE && !strings_equal(object->edges[number].name, name))
		number = hash_index_next(&object->edge_index, number);
	return number;
}

struct cairn_object *object_child(const struct cairn_object *object, struct cairn_string name)
{
	const uint32_t number = find_edge(object, name);

	return number == HASH_INDEX_NONE ? NULL : object->edges[number].object;
}

struct cairn_object *cairn_object_child(const struct cairn_object *object, const char *name)
{
	return object_child(object, cairn_string_from(name));
}

uint64_t cairn_object_child_count(const struct cairn_object *object)
{
	return object->edge_count;
}

struct cairn_object *cairn_object_child_at(const struct cairn_object *object, uint64_t index,
					   struct cairn_string *name)
{
	if (index >= object->edge_count)
		return NULL;
	if (name != NULL)
		*name = object->edges[index].name;
	return object->edges[index].object;
}

/* ------------------------------------------------------------------------------------- changing */

static enum cairn_status add_edge(struct cairn_object *object, struct cairn_string name,
				  struct cairn_object *child, struct cairn_error *error)
{
	void *edges = object->edges;
	struct cairn_string copy;

	if (!array_make_room(object->system, &edges, object->edge_count, &object->edge_capacity,
			     sizeof(*object->edges)))
		return error_set_memory(error, "the children of an object");
	object->edges = edges;
	copy = string_copy(object->system, name);
	if (copy.data == NULL ||
	    !hash_index_add(&object->edge_index, object->system, object_hash(name, NULL))) {
		system_free(object->system, (void *)(uintptr_t)copy.data);
		return error_set_memory(error, "the children of an object");
	}
	object->edges[object->edge_count++] = (struct edge){copy, cairn_object_retain(child)};
	return CAIRN_OK;
}

/* Takes the newest away again. */
static void drop_edge(struct cairn_object *object)
{
	const struct edge edge = object->edges[--object->edge_count];

	hash_index_drop(&object->edge_index);
	system_free(object->system, (void *)(uintptr_t)edge.name.data);
	cairn_object_release(edge.object);
}

static void replace(struct edge *edge, struct cairn_object *child)
{
	struct cairn_object *const old = edge->object;

	edge->object = cairn_object_retain(child);
	cairn_object_release(old);
}

/* A new name takes what waits for it; a name that was there already does not. */
static enum cairn_status set(struct cairn_object *object, struct cairn_string name,
			     struct cairn_object *child, struct cairn_error *error)
{
	const uint32_t number = find_edge(object, name);
	enum cairn_status status;

	if (number != HASH_INDEX_NONE) {
		replace(&object->edges[number], child);
		return CAIRN_OK;
	}
	status = add_edge(object, name, child, error);
	if (status != CAIRN_OK)
		return status;
	status = restore_child(object, name, child, error);
	if (status != CAIRN_OK)
		drop_edge(object);
	return status;
}

static enum cairn_status check_child(const struct cairn_object *object, struct cairn_string name,
				     const struct cairn_object *child, struct cairn_error *error)
{
	if (child == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no object to be the child %s", quote(name).text);
	if (child->system != object->system)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "the child %s is of another system", quote(name).text);
	return object_check_name(name, error);
}

enum cairn_status cairn_object_set_string(struct cairn_object *object, struct cairn_string name,
					  struct cairn_object *child, struct cairn_error *error)
{
	const enum cairn_status status = check_child(object, name, child, error);

	if (status != CAIRN_OK)
		return status;
	if (object->kind == CAIRN_OBJECT_LIST)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a list has no child %s to set: append to it", quote(name).text);
	return set(object, name, child, error);
}

enum cairn_status cairn_object_set(struct cairn_object *object, const char *name,
				   struct cairn_object *child, struct cairn_error *error)
{
	const struct cairn_string none = {NULL, 0};

	return cairn_object_set_string(object, name == NULL ? none : cairn_string_from(name), child,
				       error);
}

/* Elements of a tuple come before its fields have names, so that their number is the next name. */
enum cairn_status cairn_object_append(struct cairn_object *object, struct cairn_object *child,
				      struct cairn_error *error)
{
	char text[NUMBER_TEXT_SIZE];
	struct cairn_string name = {text, 0};
	enum cairn_status status;

	if (object->kind != CAIRN_OBJECT_LIST && object->kind != CAIRN_OBJECT_TUPLE)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "only lists and tuples are appended to");
	snprintf(text, sizeof(text), "%" PRIu32, object->edge_count);
	name.size = strlen(text);
	status = check_child(object, name, child, error);
	return status == CAIRN_OK ? set(object, name, child, error) : status;
}

/* The hashes behind it move down by one number: all are added again, in memory that is there. */
static void index_again(struct cairn_object *object)
{
	hash_index_clear(&object->edge_index);
	for (uint32_t i = 0; i < object->edge_count; i++)
		(void)hash_index_add(&object->edge_index, object->system,
				     object_hash(object->edges[i].name, NULL));
}

enum cairn_status cairn_object_remove(struct cairn_object *object, const char *name,
				      struct cairn_error *error)
{
	const uint32_t number = find_edge(object, cairn_string_from(name));
	struct edge removed;

	if (object->kind == CAIRN_OBJECT_LIST || object->kind == CAIRN_OBJECT_TUPLE)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "elements of a list or tuple cannot be removed");
	if (number == HASH_INDEX_NONE)
		return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET, "no child %s",
				 quote(cairn_string_from(name)).text);
	removed = object->edges[number];
	object->edge_count--;
	memmove(&object->edges[number], &object->edges[number + 1],
		(object->edge_count - number) * sizeof(removed));
	index_again(object);
	system_free(object->system, (void *)(uintptr_t)removed.name.data);
	cairn_object_release(removed.object);
	return CAIRN_OK;
}
