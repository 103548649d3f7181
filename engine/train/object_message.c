/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and the object graph, from a walk.
 *
 * A key is put together from its end, where the node is, towards the root.
 */
#include "engine/train/object_message.h"

#include <string.h>

#include "format/error.h"
#include "format/object_graph.h"

static const char attributes_mark[] = "/.ATTRIBUTES/";
static const char slot_mark[] = "/.OPTIMIZER_SLOT/";

/* ----------------------------------------------------------------------------------------- keys */

/* Filled from the end; measured only, without bytes. */
struct backward {
	char *bytes;
	size_t left; /* of the buffer; counted up when there is none */
};

static void put_byte(struct backward *out, char byte)
{
	if (out->bytes == NULL)
		out->left++;
	else
		out->bytes[--out->left] = byte;
}

static void put_text(struct backward *out, const char *text, size_t size)
{
	for (size_t i = size; i-- > 0;)
		put_byte(out, text[i]);
}

/* '.' becomes "..", '/' becomes ".S": no name can look like a mark. */
static void put_escaped(struct backward *out, struct cairn_string name)
{
	for (size_t i = name.size; i-- > 0;) {
		const char byte = name.data[i];

		put_byte(out, (char)(byte == '/' ? 'S' : byte));
		if (byte == '.' || byte == '/')
			put_byte(out, '.');
	}
}

static void put_path(struct backward *out, const struct walk *walk, uint32_t node)
{
	while (walk->nodes[node].parent != WALK_NONE) {
		put_escaped(out, walk->nodes[node].name);
		node = walk->nodes[node].parent;
		if (walk->nodes[node].parent != WALK_NONE)
			put_byte(out, '/');
	}
}

static void put_key(struct backward *out, const struct walk *walk, uint32_t node)
{
	const struct walk_node *const at = &walk->nodes[node];
	const struct cairn_string attribute = object_attribute(at->object);

	put_text(out, attribute.data, attribute.size);
	put_text(out, attributes_mark, sizeof(attributes_mark) - 1);
	if (at->variable == WALK_NONE) {
		put_path(out, walk, node);
		return;
	}
	put_escaped(out, at->name);
	put_byte(out, '/');
	put_path(out, walk, at->parent);
	put_text(out, slot_mark, sizeof(slot_mark) - 1);
	put_path(out, walk, at->variable);
}

enum cairn_status object_key(const struct walk *walk, uint32_t node, struct arena *arena,
			     struct cairn_string *key, struct cairn_error *error)
{
	struct backward measure = {NULL, 0};
	struct backward out;

	put_key(&measure, walk, node);
	out = (struct backward){arena_allocate(arena, measure.left + 1), measure.left};
	if (out.bytes == NULL)
		return error_set_memory(error, "the key of a value");
	put_key(&out, walk, node);
	*key = (struct cairn_string){out.bytes, measure.left};
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- message */

struct message {
	const struct walk *walk;
	const struct cairn_string *keys;
	struct arena *arena;
	struct object_node *nodes;
};

static bool fill_children(struct message *message, uint32_t number)
{
	const struct walk *const walk = message->walk;
	const uint32_t count = walk_child_count(walk, number);
	struct object_child *const children = arena_allocate_array(message->arena, count,
								   sizeof(*children));

	for (uint32_t i = 0; children != NULL && i < count; i++) {
		const struct edge edge = walk_child(walk, number, i);

		children[i] = (struct object_child){edge.name, edge.object->number - 1};
	}
	message->nodes[number].children = children;
	message->nodes[number].child_count = count;
	return children != NULL;
}

static bool fill_attribute(struct message *message, uint32_t number)
{
	const struct cairn_object *const object = message->walk->nodes[number].object;
	struct object_attribute *attribute;

	if (!object_has_value(object))
		return true;
	attribute = arena_allocate_array(message->arena, 1, sizeof(*attribute));
	if (attribute == NULL)
		return false;
	*attribute = (struct object_attribute){
		object_attribute(object),
		cairn_string_from(object->value.full_name == NULL ? "" : object->value.full_name),
		message->keys[number]};
	message->nodes[number].attributes = attribute;
	message->nodes[number].attribute_count = 1;
	return true;
}

/* Slots of one optimizer lie side by side. */
static bool fill_slots(struct message *message)
{
	const struct walk *const walk = message->walk;
	struct object_slot *const slots = arena_allocate_array(message->arena, walk->slot_count,
							       sizeof(*slots));

	for (uint32_t i = 0; slots != NULL && i < walk->slot_count; i++) {
		const struct walk_slot *const slot = &walk->slots[i];
		struct object_node *const optimizer = &message->nodes[slot->optimizer];

		slots[i] = (struct object_slot){slot->variable, slot->name, slot->slot};
		if (optimizer->slot_count++ == 0)
			optimizer->slots = &slots[i];
	}
	return slots != NULL;
}

/* ---------------------------------------------------------------------------- which have values */

/* For each node the nodes that it is a child of, one after the other. */
struct parents {
	uint32_t *nodes;
	uint32_t *ends; /* ends[i]: the end of node i's, which begin where those of i - 1 end */
};

static bool list_parents(const struct message *message, struct parents *parents)
{
	const uint32_t count = message->walk->count;
	uint64_t edges = 0;

	for (uint32_t i = 0; i < count; i++)
		edges += message->nodes[i].child_count;
	parents->ends = arena_allocate_array(message->arena, (uint64_t)count + 1,
					     sizeof(*parents->ends));
	parents->nodes = arena_allocate_array(message->arena, edges, sizeof(*parents->nodes));
	if (edges > UINT32_MAX || parents->ends == NULL || parents->nodes == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t c = 0; c < message->nodes[i].child_count; c++)
			parents->ends[message->nodes[i].children[c].node + 1]++;
	}
	for (uint32_t i = 0; i < count; i++)
		parents->ends[i + 1] += parents->ends[i];
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t c = 0; c < message->nodes[i].child_count; c++)
			parents->nodes[parents->ends[message->nodes[i].children[c].node]++] = i;
	}
	return true;
}

/* A node has values when it has attributes or slots, or a child has: from those that have upwards.
 */
static bool fill_values(struct message *message)
{
	const uint32_t count = message->walk->count;
	uint32_t *const queue = arena_allocate_array(message->arena, count, sizeof(*queue));
	struct parents parents;
	uint32_t queued = 0;

	if (queue == NULL || !list_parents(message, &parents))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct object_node *const node = &message->nodes[i];
		const bool has_own = node->attribute_count != 0 || node->slot_count != 0;

		node->values = has_own ? OBJECT_VALUES_SOME : OBJECT_VALUES_NONE;
		if (has_own)
			queue[queued++] = i;
	}
	for (uint32_t i = 0; i < queued; i++) {
		const uint32_t first = queue[i] == 0 ? 0 : parents.ends[queue[i] - 1];

		for (uint32_t p = first; p < parents.ends[queue[i]]; p++) {
			struct object_node *const parent = &message->nodes[parents.nodes[p]];

			if (parent->values == OBJECT_VALUES_SOME)
				continue;
			parent->values = OBJECT_VALUES_SOME;
			queue[queued++] = parents.nodes[p];
		}
	}
	return true;
}

enum cairn_status object_message(const struct walk *walk, const struct cairn_string *keys,
				 struct arena *arena, struct cairn_string *text,
				 struct cairn_error *error)
{
	struct message message = {
		walk, keys, arena,
		arena_allocate_array(arena, walk->count, sizeof(struct object_node))};
	bool is_filled = message.nodes != NULL;

	for (uint32_t i = 0; is_filled && i < walk->count; i++)
		is_filled = fill_children(&message, i) && fill_attribute(&message, i);
	if (!is_filled || !fill_slots(&message) || !fill_values(&message))
		return error_set_memory(error, "an object graph");
	return object_graph_write(&(struct object_graph){message.nodes, walk->count}, arena, text,
				  error);
}
