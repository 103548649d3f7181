/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: found while matching, then compared all, then written.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/restore.h"
#include "format/error.h"

static const char attributes_end[] = "/.ATTRIBUTES/";

/* -------------------------------------------------------------------------------------- finding */

/* Of a value that the object graph names. */
static enum cairn_status find_value(struct run_entry *entry, struct cairn_string key,
				    struct cairn_error *error)
{
	const enum cairn_status status = cairn_reader_find_string(entry->restore->reader, key,
								  &entry->tensor, error);

	entry->has_value = status == CAIRN_OK;
	return status;
}

/* Up to and including the last "/.ATTRIBUTES/"; 0: there is none. */
static size_t key_base(struct cairn_string key)
{
	const size_t end_size = sizeof(attributes_end) - 1;

	for (size_t i = key.size; i >= end_size; i--) {
		if (memcmp(key.data + i - end_size, attributes_end, end_size) == 0)
			return i;
	}
	return 0;
}

/*
 * The key of a variable's value: the beginning of the first attribute's key, then the name that the
 * program's object has for the value. Further attributes are not looked at, as in TensorFlow.
 */
static enum cairn_status collect_variable(struct run_entry *entry,
					  const struct cairn_graph_attribute *first,
					  struct cairn_error *error)
{
	const struct cairn_string name = object_attribute(entry->object);
	const size_t base = key_base(first->key);
	struct cairn_string key = {NULL, base + name.size};
	enum cairn_status status;
	char *bytes;

	if (strings_equal(first->name, name))
		return find_value(entry, first->key, error);
	bytes = system_allocate(entry->restore->system, key.size);
	if (bytes == NULL)
		return error_set_memory(error, "the key of a value");
	if (base != 0)
		memcpy(bytes, first->key.data, base);
	memcpy(bytes + base, name.data, name.size);
	key.data = bytes;
	status = find_value(entry, key, error);
	system_free(entry->restore->system, bytes);
	return status;
}

/* A state takes the attribute of its name, if there is one. */
static enum cairn_status collect_state(struct run_entry *entry, uint64_t count,
				       struct cairn_error *error)
{
	struct cairn_graph_attribute attribute;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		status = cairn_graph_attribute(entry->restore->graph, entry->node, i, &attribute,
					       error);
		if (status == CAIRN_OK &&
		    strings_equal(attribute.name, object_attribute(entry->object)))
			return find_value(entry, attribute.key, error);
	}
	return status;
}

/* How it is saved and restored only the program knows that wrote it. */
static enum cairn_status refuse_saver(const struct run_entry *entry,
				      const struct cairn_graph_node *node,
				      struct cairn_error *error)
{
	error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
		  "object %" PRIu32
		  " was saved by the registered saver %s, which is not known here",
		  entry->node, quote(node->saver_name).text);
	return reader_error(entry->restore->reader, CAIRN_UNSUPPORTED, error);
}

enum cairn_status entry_collect(struct run_entry *entry, struct cairn_error *error)
{
	struct cairn_graph_node node;
	struct cairn_graph_attribute first;
	enum cairn_status status = cairn_graph_node(entry->restore->graph, entry->node, &node,
						    error);

	if (status == CAIRN_OK && node.has_saver != 0)
		return refuse_saver(entry, &node, error);
	if (status != CAIRN_OK || node.attribute_count == 0 || !object_has_value(entry->object))
		return status;
	if (entry->object->kind == CAIRN_OBJECT_STATE)
		return collect_state(entry, node.attribute_count, error);
	status = cairn_graph_attribute(entry->restore->graph, entry->node, 0, &first, error);
	return status == CAIRN_OK ? collect_variable(entry, &first, error) : status;
}

/* ------------------------------------------------------------------------------------ comparing */

struct shape_text {
	char text[128];
};

/* As Python writes it; long ones are cut off. */
static struct shape_text shape_text(uint32_t rank, const uint64_t *dims)
{
	struct shape_text shape;
	size_t used = (size_t)snprintf(shape.text, sizeof(shape.text), "(");

	for (uint32_t i = 0; i < rank && used < sizeof(shape.text) - 32; i++)
		used += (size_t)snprintf(shape.text + used, sizeof(shape.text) - used,
					 "%s%" PRIu64 "%s", i == 0 ? "" : ", ", dims[i],
					 rank == 1 ? "," : "");
	snprintf(shape.text + used, sizeof(shape.text) - used, ")");
	return shape;
}

static const char *dtype_name(enum cairn_dtype dtype)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(dtype);

	return info == NULL ? "unknown" : info->name;
}

static enum cairn_status mismatch(const struct run_entry *entry, enum cairn_status status,
				  struct cairn_error *error)
{
	error_prefix_tensor(error, status, entry->tensor.name);
	return reader_error(entry->restore->reader, status, error);
}

static bool has_shape(const struct object_value *value, const struct cairn_tensor *tensor)
{
	return value->rank == tensor->rank &&
	       (value->rank == 0 ||
		memcmp(value->dims, tensor->dims, value->rank * sizeof(*value->dims)) == 0);
}

static enum cairn_status compare(const struct run_entry *entry, struct cairn_error *error)
{
	const struct object_value *const value = &entry->object->value;
	const struct cairn_tensor *const tensor = &entry->tensor;

	if (value->dtype != tensor->dtype)
		return mismatch(entry,
				error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
					  "expected dtype %s does not equal original dtype %s",
					  dtype_name(value->dtype), dtype_name(tensor->dtype)),
				error);
	if (!has_shape(value, tensor))
		return mismatch(entry,
				error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
					  "incompatible tensor with shape %s when attempting to "
					  "restore variable with shape %s and name %.200s",
					  shape_text(tensor->rank, tensor->dims).text,
					  shape_text(value->rank, value->dims).text,
					  value->full_name == NULL ? "" : value->full_name),
				error);
	if ((tensor->flags & CAIRN_TENSOR_INCOMPLETE) != 0)
		return mismatch(entry,
				error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
					  "the stored slices do not cover the tensor"),
				error);
	if (value->assign == NULL && value->deserialize == NULL &&
	    (value->data == NULL || (value->size == 0 && value->count != 0)))
		return mismatch(entry,
				error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
					  "the variable has no way to be restored"),
				error);
	return CAIRN_OK;
}

static enum cairn_status verify(const struct run_entry *entry, struct cairn_error *error)
{
	struct cairn_view view = {.data = NULL};
	const enum cairn_status status = cairn_tensor_view(&entry->tensor, &view, error);

	cairn_view_release(&view);
	return status;
}

/* -------------------------------------------------------------------------------------- writing */

static enum cairn_status give_text(const struct run_entry *entry, struct cairn_error *error)
{
	const struct object_value *const value = &entry->object->value;
	struct cairn_view view = {.data = NULL};
	struct cairn_string text;
	enum cairn_status status = cairn_tensor_view(&entry->tensor, &view, error);

	if (status == CAIRN_OK)
		status = cairn_view_string(&entry->tensor, &view, 0, &text, error);
	if (status == CAIRN_OK)
		status = value->deserialize(value->context, text, error);
	cairn_view_release(&view);
	return status;
}

static enum cairn_status give(const struct run_entry *entry, struct cairn_error *error)
{
	const struct object_value *const value = &entry->object->value;

	if (value->deserialize != NULL)
		return give_text(entry, error);
	if (value->assign != NULL)
		return value->assign(value->context, &entry->tensor, error);
	if (value->size == 0)
		return CAIRN_OK;
	return cairn_tensor_read_slice(&entry->tensor, NULL, NULL, value->data, value->size, error);
}

/* Says at the end of the message what this means for the variable. */
static enum cairn_status unspecified(enum cairn_status status, struct cairn_error *error)
{
	size_t used;

	if (error == NULL)
		return status;
	used = strlen(error->message);
	snprintf(error->message + used, sizeof(error->message) - used,
		 "; what was to be restored from it is unspecified");
	return status;
}

enum cairn_status run_give_values(struct run *run, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < run->count && status == CAIRN_OK; i++) {
		if (run->entries[i].has_value)
			status = compare(&run->entries[i], error);
	}
	for (uint32_t i = 0; i < run->count && status == CAIRN_OK; i++) {
		if (run->entries[i].has_value && run->entries[i].restore->verify_first)
			status = verify(&run->entries[i], error);
	}
	if (status != CAIRN_OK)
		return status;
	for (uint32_t i = 0; i < run->count && status == CAIRN_OK; i++) {
		if (run->entries[i].has_value)
			status = give(&run->entries[i], error);
	}
	return status == CAIRN_OK ? CAIRN_OK : unspecified(status, error);
}
