/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects from their descriptions, and back. Descriptions are as deep as scenarios are: small.
 */
#include "tests/conform/objects.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void must(enum cairn_status status, const struct cairn_error *error)
{
	if (status != CAIRN_OK)
		conform_fail("an object", error->message);
}

void objects_begin(struct objects *objects)
{
	objects->variables = NULL;
	objects->labels = json_object();
}

void objects_end(struct objects *objects)
{
	while (objects->variables != NULL) {
		struct object_memory *const memory = objects->variables;

		objects->variables = memory->next;
		cairn_object_release(memory->object);
		free(memory->data);
		free(memory);
	}
	json_decref(objects->labels);
}

/* -------------------------------------------------------------------------------------- numbers */

static const struct {
	const char *name;
	enum cairn_dtype dtype;
	size_t size;
} types[] = {
	{"float", CAIRN_F32, 4},
	{"double", CAIRN_F64, 8},
	{"int32", CAIRN_I32, 4},
	{"int64", CAIRN_I64, 8},
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

static size_t type_number(const char *name, enum cairn_dtype dtype)
{
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (name != NULL ? strcmp(types[i].name, name) == 0 : types[i].dtype == dtype)
			return i;
	}
	conform_fail(name == NULL ? "a variable" : name, "no type that is known here");
}

static void set_element(const struct object_memory *memory, uint64_t index, const json_t *json)
{
	const char *const text = json_string_value(json);
	const double number = text == NULL ? json_number_value(json) : strtod(text, NULL);
	const float single = (float)number;
	const int64_t integer = json_is_integer(json) ? json_integer_value(json) : (int64_t)number;
	const int32_t small = (int32_t)integer;

	if (memory->dtype == CAIRN_F32)
		memcpy((char *)memory->data + index * 4, &single, 4);
	else if (memory->dtype == CAIRN_F64)
		memcpy((char *)memory->data + index * 8, &number, 8);
	else if (memory->dtype == CAIRN_I32)
		memcpy((char *)memory->data + index * 4, &small, 4);
	else
		memcpy((char *)memory->data + index * 8, &integer, 8);
}

static json_t *get_element(const struct object_memory *memory, uint64_t index)
{
	double number = 0;
	int64_t integer;

	(void)cairn_dtype_decode(memory->dtype, memory->data, index, 1, &number);
	if (memory->dtype != CAIRN_I64)
		return memory->dtype == CAIRN_I32 ? json_integer((json_int_t)number)
						  : number_to_json(number);
	memcpy(&integer, (const char *)memory->data + index * 8, 8);
	return json_integer(integer);
}

static uint64_t element_count(const struct object_memory *memory)
{
	uint64_t count = 1;

	for (uint32_t i = 0; i < memory->rank; i++)
		count *= memory->dims[i];
	return count;
}

static struct object_memory *memory_of(const struct objects *objects,
				       const struct cairn_object *object)
{
	struct object_memory *memory = objects->variables;

	while (memory != NULL && memory->object != object)
		memory = memory->next;
	return memory;
}

void objects_assign(struct objects *objects, const struct cairn_object *object, const json_t *value)
{
	const struct object_memory *const memory = memory_of(objects, object);

	if (memory == NULL)
		conform_fail("an assignment", "no variable");
	if (!json_is_array(value))
		set_element(memory, 0, value);
	for (uint64_t i = 0; i < json_array_size(value); i++)
		set_element(memory, i, json_array_get(value, i));
}

/* ------------------------------------------------------------------------------------- building */

static struct cairn_object *make_variable(struct objects *objects, struct object_memory *memory,
					  const char *name)
{
	struct cairn_variable variable = {
		.dtype = memory->dtype, .rank = memory->rank, .dims = memory->dims};
	struct cairn_error error;

	memory->data = calloc(element_count(memory) + 1,
			      types[type_number(NULL, memory->dtype)].size);
	variable.data = memory->data;
	must(cairn_object_create_variable(&variable, name, &memory->object, &error), &error);
	memory->next = objects->variables;
	objects->variables = memory;
	return cairn_object_retain(memory->object);
}

static struct object_memory *new_memory(void)
{
	struct object_memory *const memory = calloc(1, sizeof(*memory));

	if (memory == NULL)
		conform_fail("a variable", "out of memory");
	return memory;
}

static struct cairn_object *build_variable(struct objects *objects, const json_t *node)
{
	struct object_memory *const memory = new_memory();
	const json_t *const shape = json_object_get(node, "shape");
	struct cairn_object *object;

	memory->dtype = types[type_number(json_string_value(json_object_get(node, "dtype")), 0)]
				.dtype;
	memory->rank = (uint32_t)json_array_size(shape);
	for (uint32_t i = 0; i < memory->rank && i < 8; i++)
		memory->dims[i] = (uint64_t)json_integer_value(json_array_get(shape, i));
	object = make_variable(objects, memory, json_string_value(json_object_get(node, "name")));
	objects_assign(objects, object, json_object_get(node, "value"));
	return object;
}

struct cairn_object *objects_build_like(struct objects *objects, const struct cairn_object *other)
{
	const struct object_memory *const like = memory_of(objects, other);
	struct object_memory *const memory = new_memory();

	if (like == NULL)
		conform_fail("a slot variable", "no variable");
	*memory = *like;
	return make_variable(objects, memory, "Variable/slot");
}

/* As TensorFlow's optimizers: at once. */
static enum cairn_status make_slot(void *context, struct cairn_object *variable,
				   struct cairn_string name, const struct cairn_tensor *value,
				   struct cairn_object **slot, struct cairn_error *error)
{
	(void)name;
	(void)value;
	(void)error;
	*slot = objects_build_like(context, variable);
	return CAIRN_OK;
}

static void add_child(struct objects *objects, struct cairn_object *object, const json_t *name,
		      const json_t *node)
{
	struct cairn_object *const child = objects_build(objects, node);
	struct cairn_string text = {json_string_value(name), json_string_length(name)};
	struct cairn_error error;

	if (child == NULL)
		return;
	must(text.data == NULL ? cairn_object_append(object, child, &error)
			       : cairn_object_set_string(object, text, child, &error),
	     &error);
	cairn_object_release(child);
}

static struct cairn_object *build_container(struct objects *objects, enum cairn_object_kind kind,
					    const json_t *items)
{
	struct cairn_object *object;
	struct cairn_error error;
	json_t *item;
	size_t index;

	must(cairn_object_create(kind, &object, &error), &error);
	json_array_foreach(items, index, item)
	{
		if (json_is_array(item))
			add_child(objects, object, json_array_get(item, 0),
				  json_array_get(item, 1));
		else
			add_child(objects, object, NULL, item);
	}
	return object;
}

static struct cairn_object *build_kind(struct objects *objects, const json_t *node)
{
	const char *const kind = json_string_value(json_object_get(node, "kind"));
	const json_t *const items = json_object_get(node, "items");
	struct cairn_object *object = NULL;
	struct cairn_error error;

	if (strcmp(kind, "variable") == 0)
		return build_variable(objects, node);
	if (strcmp(kind, "list") == 0)
		return build_container(objects, CAIRN_OBJECT_LIST, items);
	if (strcmp(kind, "tuple") == 0)
		return build_container(objects, CAIRN_OBJECT_TUPLE, items);
	if (strcmp(kind, "dict") == 0)
		return build_container(objects, CAIRN_OBJECT_DICT, items);
	if (strcmp(kind, "module") == 0)
		return build_container(objects, CAIRN_OBJECT_MODULE,
				       json_object_get(node, "children"));
	if (strcmp(kind, "optimizer") == 0)
		must(cairn_object_create_optimizer(make_slot, objects, &object, &error), &error);
	return object;
}

struct cairn_object *objects_build(struct objects *objects, const json_t *node)
{
	const char *const label = json_string_value(json_object_get(node, "label"));
	const char *const kind = json_string_value(json_object_get(node, "kind"));
	struct cairn_object *object;

	if (strcmp(kind, "ref") == 0) {
		object = (struct cairn_object *)(uintptr_t)json_integer_value(
			json_object_get(objects->labels, label));
		return cairn_object_retain(object);
	}
	object = build_kind(objects, node);
	if (label != NULL && object != NULL)
		json_object_set_new(objects->labels, label,
				    json_integer((json_int_t)(uintptr_t)object));
	return object;
}

/* ----------------------------------------------------------------------------------- describing */

/* What was met so far: [number of the address, path], in order. */
struct description {
	const struct objects *objects;
	json_t *met;
};

static json_t *path_of(const struct description *description, const struct cairn_object *object)
{
	json_t *pair;
	size_t index;

	json_array_foreach(description->met, index, pair)
	{
		if ((uintptr_t)json_integer_value(json_array_get(pair, 0)) == (uintptr_t)object)
			return json_array_get(pair, 1);
	}
	return NULL;
}

static json_t *describe_variable(const struct object_memory *memory)
{
	json_t *const shape = json_array();
	json_t *const value = json_array();

	for (uint32_t i = 0; i < memory->rank; i++)
		json_array_append_new(shape, json_integer((json_int_t)memory->dims[i]));
	for (uint64_t i = 0; i < element_count(memory); i++)
		json_array_append_new(value, get_element(memory, i));
	return json_pack("{s:s, s:s, s:o, s:o}", "kind", "variable", "dtype",
			 types[type_number(NULL, memory->dtype)].name, "shape", shape, "value",
			 value);
}

static json_t *describe(const struct description *description, struct cairn_object *object,
			const json_t *path);

static json_t *describe_children(const struct description *description, struct cairn_object *object,
				 const json_t *path, bool with_names)
{
	json_t *const children = json_array();
	struct cairn_string name;

	for (uint64_t i = 0; i < cairn_object_child_count(object); i++) {
		struct cairn_object *const child = cairn_object_child_at(object, i, &name);
		json_t *const child_path = json_deep_copy(path);
		json_t *node;

		json_array_append_new(child_path, json_stringn(name.data, name.size));
		node = describe(description, child, child_path);
		json_decref(child_path);
		json_array_append_new(children,
				      with_names ? json_pack("[s%, o]", name.data, name.size, node)
						 : node);
	}
	return children;
}

static json_t *describe(const struct description *description, struct cairn_object *object,
			const json_t *path)
{
	static const char *const kinds[] = {"module", "list", "tuple", "dict"};
	const enum cairn_object_kind kind = cairn_object_kind(object);
	json_t *const before = path_of(description, object);

	if (before != NULL)
		return json_pack("{s:s, s:O}", "kind", "ref", "path", before);
	json_array_append_new(description->met, json_pack("[I, o]", (json_int_t)(uintptr_t)object,
							  json_deep_copy(path)));
	if (kind == CAIRN_OBJECT_VARIABLE)
		return describe_variable(memory_of(description->objects, object));
	if (kind == CAIRN_OBJECT_OPTIMIZER) /* its slots are filled in at the end */
		return json_pack("{s:s, s:[], s:I}", "kind", "optimizer", "slots", "object",
				 (json_int_t)(uintptr_t)object);
	return json_pack(
		"{s:s, s:o}", "kind", kinds[kind],
		kind == CAIRN_OBJECT_MODULE ? "children" : "items",
		describe_children(description, object, path,
				  kind == CAIRN_OBJECT_MODULE || kind == CAIRN_OBJECT_DICT));
}

/* Those of one name, in the order in which their variables were met. */
static void describe_slots_of(const struct description *description,
			      const struct cairn_object *optimizer, const char *name, json_t *slots)
{
	struct cairn_object_slot slot;
	json_t *pair;
	size_t index;

	json_array_foreach(description->met, index, pair)
	{
		const uintptr_t number = (uintptr_t)json_integer_value(json_array_get(pair, 0));

		for (uint64_t i = 0; i < cairn_object_slot_count(optimizer); i++) {
			json_t *described;

			if (cairn_object_slot_at(optimizer, i, &slot, NULL) != CAIRN_OK ||
			    (uintptr_t)slot.variable != number || strcmp(slot.name.data, name) != 0)
				continue;
			described = describe_variable(memory_of(description->objects, slot.slot));
			json_object_del(described, "kind");
			json_object_set(described, "variable", json_array_get(pair, 1));
			json_object_set_new(described, "slot", json_string(name));
			json_array_append_new(slots, described);
		}
	}
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *describe_slots(const struct description *description,
			      const struct cairn_object *optimizer)
{
	const char *names[64];
	size_t count = 0;
	struct cairn_object_slot slot;
	json_t *const slots = json_array();

	for (uint64_t i = 0; i < cairn_object_slot_count(optimizer) && count < 64; i++) {
		if (cairn_object_slot_at(optimizer, i, &slot, NULL) == CAIRN_OK)
			names[count++] = slot.name.data;
	}
	qsort(names, count, sizeof(names[0]), compare_texts);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(names[i - 1], names[i]) != 0)
			describe_slots_of(description, optimizer, names[i], slots);
	}
	return slots;
}

/* Slots name variables by their paths, which are known when everything was met. */
static void fill_slots(const struct description *description, json_t *node)
{
	const json_t *const object = json_object_get(node, "object");
	json_t *value;
	const char *key;
	size_t index;

	if (json_is_array(node)) {
		json_array_foreach(node, index, value) fill_slots(description, value);
		return;
	}
	if (object != NULL) {
		const uintptr_t address = (uintptr_t)json_integer_value(object);

		json_object_set_new(node, "slots",
				    describe_slots(description, (struct cairn_object *)address));
		json_object_del(node, "object");
		return;
	}
	json_object_foreach(node, key, value) fill_slots(description, value);
}

json_t *objects_describe(const struct objects *objects, const struct cairn_checkpoint *checkpoint,
			 json_t *names)
{
	const struct description description = {objects, json_array()};
	json_t *const result = json_array();
	json_t *name;
	size_t index;

	json_array_foreach(names, index, name)
	{
		json_t *const path = json_pack("[O]", name);
		struct cairn_object *const object = cairn_checkpoint_object(
			checkpoint, json_string_value(name));

		if (object != NULL)
			json_array_append_new(
				result,
				json_pack("[O, o]", name, describe(&description, object, path)));
		json_decref(path);
	}
	fill_slots(&description, result);
	json_decref(description.met);
	return result;
}
