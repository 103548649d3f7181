/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects: making them, counting their references, freeing them.
 *
 * Freeing walks a list instead of recursing: a chain of objects may be as long as memory.
 */
#include "engine/train/object.h"

#include <inttypes.h>
#include <string.h>

#include "engine/train/restore.h"
#include "format/digest.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/shape.h"
#include "format/utf8.h"

/* -------------------------------------------------------------------------------------- strings */

bool strings_equal(struct cairn_string a, struct cairn_string b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

enum cairn_status object_check_name(struct cairn_string name, struct cairn_error *error)
{
	if (name.data == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "an object without a name");
	if (name.size > CAIRN_NAME_SIZE_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a name of %zu bytes, over the limit of %u", name.size,
				 CAIRN_NAME_SIZE_MAX);
	if (!utf8_valid(name.data, name.size))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "the name of an object is not UTF-8: %s", quote(name).text);
	return CAIRN_OK;
}

struct cairn_string string_copy(struct system *system, struct cairn_string string)
{
	char *const copy = system_allocate(system, string.size + 1);

	if (copy == NULL)
		return (struct cairn_string){NULL, 0};
	if (string.size != 0)
		memcpy(copy, string.data, string.size);
	copy[string.size] = '\0';
	return (struct cairn_string){copy, string.size};
}

uint64_t object_hash(struct cairn_string name, const struct object_link *variable)
{
	/* multiplied, since addresses differ in few bits */
	return digest64_bytes(name.data, name.size) ^
	       (uint64_t)(uintptr_t)variable * UINT64_C(0x9e3779b97f4a7c15);
}

bool array_make_room(struct system *system, void **array, uint32_t count, uint32_t *capacity,
		     size_t size)
{
	const uint32_t wanted = *capacity == 0 ? 4 : *capacity * 2;
	void *grown;

	if (count < *capacity)
		return true;
	if (count > UINT32_MAX / 4)
		return false;
	grown = system_reallocate(system, *array, wanted * size);
	if (grown == NULL)
		return false;
	*array = grown;
	*capacity = wanted;
	return true;
}

/* ---------------------------------------------------------------------------------------- links */

struct object_link *object_link_retain(struct cairn_object *object)
{
	object->link->references++;
	return object->link;
}

void object_link_release(struct object_link *link)
{
	if (link != NULL && --link->references == 0)
		system_free(link->system, link);
}

/* ---------------------------------------------------------------------------- making, releasing */

/* NULL: no memory. */
static struct cairn_object *allocate(struct system *system, enum cairn_object_kind kind)
{
	struct cairn_object *const made = system_allocate_zeroed(system, sizeof(*made));

	if (made == NULL)
		return NULL;
	made->link = system_allocate(system, sizeof(*made->link));
	if (made->link == NULL) {
		system_free(system, made);
		return NULL;
	}
	*made->link = (struct object_link){system, 1, made};
	made->system = system;
	made->references = 1;
	made->kind = kind;
	return made;
}

static enum cairn_status no_memory(struct cairn_error *error)
{
	return error_set_memory(error, "an object");
}

struct cairn_object *cairn_object_retain(struct cairn_object *object)
{
	object->references++;
	return object;
}

/* Drops a reference; an object that loses its last one goes to the list. */
static void drop(struct cairn_object *object, struct cairn_object **dead)
{
	if (--object->references != 0)
		return;
	object->link->object = NULL;
	object->next = *dead;
	*dead = object;
}

static void drop_references(struct cairn_object *object, struct cairn_object **dead)
{
	for (uint32_t i = 0; i < object->edge_count; i++) {
		system_free(object->system, (void *)(uintptr_t)object->edges[i].name.data);
		drop(object->edges[i].object, dead);
	}
	for (uint32_t i = 0; i < object->slot_count; i++) {
		system_free(object->system, (void *)(uintptr_t)object->slots[i].name.data);
		drop(object->slots[i].variable, dead);
		drop(object->slots[i].slot, dead);
	}
	for (uint32_t i = 0; i < object->named_count; i++)
		restore_release(object->named[i]);
	waiting_fini(&object->waiting, object->system);
	waiting_fini(&object->waiting_slots, object->system);
}

static void free_memory(struct cairn_object *object)
{
	struct system *const system = object->system;

	hash_index_fini(&object->edge_index, system);
	hash_index_fini(&object->slot_index, system);
	system_free(system, object->edges);
	system_free(system, object->slots);
	system_free(system, object->named);
	system_free(system, object->value.dims);
	system_free(system, object->value.full_name);
	object_link_release(object->link);
	system_free(system, object);
}

void cairn_object_release(struct cairn_object *object)
{
	struct cairn_object *dead = NULL;

	if (object == NULL)
		return;
	drop(object, &dead);
	while (dead != NULL) {
		struct cairn_object *const next = dead;

		dead = next->next;
		drop_references(next, &dead);
		free_memory(next);
	}
}

enum cairn_object_kind cairn_object_kind(const struct cairn_object *object)
{
	return object->kind;
}

/* ---------------------------------------------------------------------------------------- kinds */

enum cairn_status object_create(struct system *system, enum cairn_object_kind kind,
				struct cairn_object **object, struct cairn_error *error)
{
	struct cairn_object *made;

	if ((unsigned)kind > CAIRN_OBJECT_DICT)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no object of kind %d is made by its kind alone", (int)kind);
	made = allocate(system, kind);
	if (made == NULL)
		return no_memory(error);
	*object = made;
	return CAIRN_OK;
}

enum cairn_status cairn_object_create(enum cairn_object_kind kind, struct cairn_object **object,
				      struct cairn_error *error)
{
	return object_create(system_posix(), kind, object, error);
}

static enum cairn_status check_variable(const struct cairn_variable *variable,
					const struct cairn_dtype_info *info,
					struct cairn_error *error)
{
	const char *wrong = NULL;

	if (info == NULL || info->dtype == CAIRN_NULL)
		wrong = "has an unknown dtype";
	else if (variable->rank > CAIRN_RANK_MAX)
		wrong = "has too many dimensions";
	else if (variable->dims == NULL && variable->rank != 0)
		wrong = "has no dims";
	else if (variable->starts != NULL || variable->lengths != NULL)
		wrong = "is a part: an object is whole";
	else if (variable->data == NULL && variable->produce == NULL && variable->assign == NULL)
		wrong = "has neither data nor callbacks";
	else if (variable->produce != NULL && info->block_bytes == 0)
		wrong = "has elements of variable size: they cannot be produced";
	if (wrong == NULL)
		return CAIRN_OK;
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "the variable %s (dtype %d, rank %" PRIu32 ")", wrong,
			 (int)variable->dtype, variable->rank);
}

static enum cairn_status measure(struct object_value *value, const struct cairn_dtype_info *info,
				 struct cairn_error *error)
{
	const struct packing packing = {info->block_elements, info->block_bytes,
					dtype_packing(info->dtype)};
	enum cairn_status status;

	status = shape_elements(value->rank, value->dims, &value->count, error);
	if (status == CAIRN_OK && info->block_bytes != 0)
		status = shape_bytes(&packing, value->rank, value->dims, &value->size, error);
	return status;
}

static enum cairn_status fill_variable(struct cairn_object *object,
				       const struct cairn_variable *variable,
				       struct cairn_string full_name, struct cairn_error *error)
{
	struct object_value *const value = &object->value;
	const size_t dims_size = variable->rank * sizeof(*value->dims);

	value->dtype = variable->dtype;
	value->rank = variable->rank;
	value->data = variable->data;
	value->produce = variable->produce;
	value->assign = variable->assign;
	value->context = variable->context;
	value->full_name = (char *)(uintptr_t)string_copy(object->system, full_name).data;
	value->dims = system_allocate(object->system, dims_size);
	if (value->full_name == NULL || value->dims == NULL)
		return error_set_memory(error, "a variable");
	if (dims_size != 0)
		memcpy(value->dims, variable->dims, dims_size);
	return measure(value, cairn_dtype_info(variable->dtype), error);
}

enum cairn_status object_create_variable(struct system *system,
					 const struct cairn_variable *variable,
					 const char *full_name, struct cairn_object **object,
					 struct cairn_error *error)
{
	const struct cairn_string name = cairn_string_from(full_name == NULL ? "Variable"
									     : full_name);
	struct cairn_object *made;
	enum cairn_status status;

	status = check_variable(variable, cairn_dtype_info(variable->dtype), error);
	if (status == CAIRN_OK)
		status = object_check_name(name, error);
	if (status != CAIRN_OK)
		return status;
	made = allocate(system, CAIRN_OBJECT_VARIABLE);
	if (made == NULL)
		return no_memory(error);
	status = fill_variable(made, variable, name, error);
	if (status == CAIRN_OK)
		*object = made;
	else
		cairn_object_release(made);
	return status;
}

enum cairn_status cairn_object_create_variable(const struct cairn_variable *variable,
					       const char *full_name, struct cairn_object **object,
					       struct cairn_error *error)
{
	return object_create_variable(system_posix(), variable, full_name, object, error);
}

enum cairn_status object_create_counter(struct system *system, struct cairn_object **object,
					struct cairn_error *error)
{
	int64_t zero = 0;
	const struct cairn_variable variable = {.dtype = CAIRN_I64, .data = &zero};
	const enum cairn_status status = object_create_variable(system, &variable,
								SAVE_COUNTER_NAME, object, error);

	if (status == CAIRN_OK)
		(*object)->value.data = &(*object)->value.counter;
	return status;
}

enum cairn_status object_create_optimizer(struct system *system, cairn_make_slot make_slot,
					  void *context, struct cairn_object **object,
					  struct cairn_error *error)
{
	struct cairn_object *const made = allocate(system, CAIRN_OBJECT_OPTIMIZER);

	if (made == NULL)
		return no_memory(error);
	made->make_slot = make_slot;
	made->slot_context = context;
	*object = made;
	return CAIRN_OK;
}

enum cairn_status cairn_object_create_optimizer(cairn_make_slot make_slot, void *context,
						struct cairn_object **object,
						struct cairn_error *error)
{
	return object_create_optimizer(system_posix(), make_slot, context, object, error);
}

enum cairn_status object_create_state(struct system *system, cairn_serialize serialize,
				      cairn_deserialize deserialize, void *context,
				      struct cairn_object **object, struct cairn_error *error)
{
	struct cairn_object *made;

	if (serialize == NULL || deserialize == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a state needs both of its callbacks");
	made = allocate(system, CAIRN_OBJECT_STATE);
	if (made == NULL)
		return no_memory(error);
	made->value = (struct object_value){.dtype = CAIRN_STRING,
					    .count = 1,
					    .serialize = serialize,
					    .deserialize = deserialize,
					    .context = context};
	*object = made;
	return CAIRN_OK;
}

enum cairn_status cairn_object_create_state(cairn_serialize serialize,
					    cairn_deserialize deserialize, void *context,
					    struct cairn_object **object, struct cairn_error *error)
{
	return object_create_state(system_posix(), serialize, deserialize, context, object, error);
}

bool object_has_value(const struct cairn_object *object)
{
	return object->kind == CAIRN_OBJECT_VARIABLE || object->kind == CAIRN_OBJECT_STATE;
}

struct cairn_string object_attribute(const struct cairn_object *object)
{
	return cairn_string_from(object->kind == CAIRN_OBJECT_STATE ? STATE_ATTRIBUTE
								    : VARIABLE_ATTRIBUTE);
}
