/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object graph's message, parsed in two walks over its bytes: the first counts, so that every
 * array is allocated once and no larger than the message accounts for; the second fills. Messages
 * nest three deep, each level with a function of its own: nothing recurses.
 *
 * As in every protobuf parser the last of several values of one field counts, and messages that
 * come twice are merged.
 */
#include "format/object_graph.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/error.h"
#include "format/protobuf.h"
#include "format/utf8.h"

enum {
	GRAPH_NODES = 1,

	NODE_CHILDREN = 1,
	NODE_ATTRIBUTES = 2,
	NODE_SLOTS = 3,
	NODE_SAVER = 4,
	NODE_HAS_VALUES = 5,

	CHILD_NODE = 1,
	CHILD_NAME = 2,

	ATTRIBUTE_NAME = 1,
	ATTRIBUTE_FULL_NAME = 2,
	ATTRIBUTE_KEY = 3,

	SLOT_VARIABLE = 1,
	SLOT_NAME = 2,
	SLOT_NODE = 3,

	SAVER_NAME = 1,
	SAVER_OBJECT_NAME = 2,

	BOOL_VALUE = 1
};

static const char what[] = "the object graph";

/* -------------------------------------------------------------------------------------- parsing */

/* Where the next child, attribute ... of any node goes. */
struct parser {
	struct object_node *nodes;
	struct object_child *children;
	struct object_attribute *attributes;
	struct object_slot *slots;
	struct object_saver *savers;
	uint64_t node_count; /* in all */
	uint64_t child_count;
	uint64_t attribute_count;
	uint64_t slot_count;
	uint64_t saver_count; /* nodes that have one */
	uint64_t node;        /* the one that is being parsed */
};

static void reader_over(struct proto_reader *reader, const struct proto_field *field)
{
	proto_reader_init(reader, field->bytes, field->size);
}

static enum cairn_status count_node(struct parser *parser, const struct proto_field *node,
				    struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	bool has_saver = false;

	reader_over(&reader, node);
	while (proto_next(&reader, &field)) {
		parser->child_count += proto_is(&field, NODE_CHILDREN, PROTO_BYTES);
		parser->attribute_count += proto_is(&field, NODE_ATTRIBUTES, PROTO_BYTES);
		parser->slot_count += proto_is(&field, NODE_SLOTS, PROTO_BYTES);
		has_saver = has_saver || proto_is(&field, NODE_SAVER, PROTO_BYTES);
	}
	parser->saver_count += has_saver;
	parser->node_count++;
	return proto_reader_status(&reader, what, error);
}

static enum cairn_status count(struct parser *parser, struct cairn_string message,
			       struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	proto_reader_init(&reader, (const uint8_t *)message.data, message.size);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, GRAPH_NODES, PROTO_BYTES))
			status = count_node(parser, &field, error);
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, what, error) : status;
}

static enum cairn_status allocate(struct parser *parser, struct arena *arena,
				  struct cairn_error *error)
{
	parser->nodes = arena_allocate_array(arena, parser->node_count, sizeof(*parser->nodes));
	parser->children = arena_allocate_array(arena, parser->child_count,
						sizeof(*parser->children));
	parser->attributes = arena_allocate_array(arena, parser->attribute_count,
						  sizeof(*parser->attributes));
	parser->slots = arena_allocate_array(arena, parser->slot_count, sizeof(*parser->slots));
	parser->savers = arena_allocate_array(arena, parser->saver_count, sizeof(*parser->savers));
	if (parser->nodes == NULL || parser->children == NULL || parser->attributes == NULL ||
	    parser->slots == NULL || parser->savers == NULL)
		return error_set_memory(error, what);
	return CAIRN_OK;
}

static enum cairn_status take_string(const struct parser *parser, const struct proto_field *field,
				     struct cairn_string *string, struct cairn_error *error)
{
	const struct cairn_string taken = {(const char *)field->bytes, field->size};

	if (!utf8_valid(taken.data, taken.size))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%s: node %" PRIu64 " has a name that is not UTF-8: %s", what,
				 parser->node, quote(taken).text);
	*string = taken;
	return CAIRN_OK;
}

/* The number of a node, an int32. */
static enum cairn_status take_node(const struct parser *parser, const struct proto_field *field,
				   uint32_t *node, struct cairn_error *error)
{
	const int32_t number = (int32_t)(uint32_t)field->value;

	if (number < 0 || (uint64_t)number >= parser->node_count)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%s: node %" PRIu64 " refers to node %" PRId32 " of %" PRIu64,
				 what, parser->node, number, parser->node_count);
	*node = (uint32_t)number;
	return CAIRN_OK;
}

static enum cairn_status take_child(struct parser *parser, const struct proto_field *message,
				    struct cairn_error *error)
{
	struct object_child *const child = parser->children++;
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	*child = (struct object_child){.name = {"", 0}};
	reader_over(&reader, message);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, CHILD_NODE, PROTO_VARINT))
			status = take_node(parser, &field, &child->node, error);
		else if (proto_is(&field, CHILD_NAME, PROTO_BYTES))
			status = take_string(parser, &field, &child->name, error);
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, what, error) : status;
}

static enum cairn_status take_attribute(struct parser *parser, const struct proto_field *message,
					struct cairn_error *error)
{
	struct object_attribute *const attribute = parser->attributes++;
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	*attribute = (struct object_attribute){{"", 0}, {"", 0}, {"", 0}};
	reader_over(&reader, message);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, ATTRIBUTE_NAME, PROTO_BYTES))
			status = take_string(parser, &field, &attribute->name, error);
		else if (proto_is(&field, ATTRIBUTE_FULL_NAME, PROTO_BYTES))
			status = take_string(parser, &field, &attribute->full_name, error);
		else if (proto_is(&field, ATTRIBUTE_KEY, PROTO_BYTES))
			status = take_string(parser, &field, &attribute->key, error);
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, what, error) : status;
}

static enum cairn_status take_slot(struct parser *parser, const struct proto_field *message,
				   struct cairn_error *error)
{
	struct object_slot *const slot = parser->slots++;
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	*slot = (struct object_slot){.name = {"", 0}};
	reader_over(&reader, message);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, SLOT_VARIABLE, PROTO_VARINT))
			status = take_node(parser, &field, &slot->variable, error);
		else if (proto_is(&field, SLOT_NAME, PROTO_BYTES))
			status = take_string(parser, &field, &slot->name, error);
		else if (proto_is(&field, SLOT_NODE, PROTO_VARINT))
			status = take_node(parser, &field, &slot->slot, error);
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, what, error) : status;
}

static enum cairn_status take_saver(struct parser *parser, const struct proto_field *message,
				    struct object_node *node, struct cairn_error *error)
{
	struct object_saver *saver = parser->savers;
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	if (node->saver == NULL) {
		*saver = (struct object_saver){{"", 0}, {"", 0}};
		node->saver = saver;
		parser->savers++;
	} else {
		saver--; /* merged with the one before */
	}
	reader_over(&reader, message);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, SAVER_NAME, PROTO_BYTES))
			status = take_string(parser, &field, &saver->name, error);
		else if (proto_is(&field, SAVER_OBJECT_NAME, PROTO_BYTES))
			status = take_string(parser, &field, &saver->object_name, error);
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, what, error) : status;
}

/* A BoolValue: false unless it says otherwise. */
static enum cairn_status take_has_values(const struct proto_field *message,
					 struct object_node *node, struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;

	if (node->values == OBJECT_VALUES_UNKNOWN)
		node->values = OBJECT_VALUES_NONE;
	reader_over(&reader, message);
	while (proto_next(&reader, &field)) {
		if (proto_is(&field, BOOL_VALUE, PROTO_VARINT))
			node->values = field.value != 0 ? OBJECT_VALUES_SOME : OBJECT_VALUES_NONE;
	}
	return proto_reader_status(&reader, what, error);
}

static enum cairn_status take_field(struct parser *parser, const struct proto_field *field,
				    struct object_node *node, struct cairn_error *error)
{
	if (field->type != PROTO_BYTES)
		return CAIRN_OK;
	switch (field->number) {
	case NODE_CHILDREN:
		node->child_count++;
		return take_child(parser, field, error);
	case NODE_ATTRIBUTES:
		node->attribute_count++;
		return take_attribute(parser, field, error);
	case NODE_SLOTS:
		node->slot_count++;
		return take_slot(parser, field, error);
	case NODE_SAVER:
		return take_saver(parser, field, node, error);
	case NODE_HAS_VALUES:
		return take_has_values(field, node, error);
	default:
		return CAIRN_OK;
	}
}

static enum cairn_status fill_node(struct parser *parser, const struct proto_field *message,
				   struct cairn_error *error)
{
	struct object_node *const node = &parser->nodes[parser->node];
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	*node = (struct object_node){
		.children = parser->children,
		.attributes = parser->attributes,
		.slots = parser->slots,
	};
	reader_over(&reader, message);
	while (status == CAIRN_OK && proto_next(&reader, &field))
		status = take_field(parser, &field, node, error);
	return status;
}

/* The same walk as count(), which has been through all nodes without an error. */
static enum cairn_status fill(struct parser *parser, struct cairn_string message,
			      struct cairn_error *error)
{
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	proto_reader_init(&reader, (const uint8_t *)message.data, message.size);
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (!proto_is(&field, GRAPH_NODES, PROTO_BYTES))
			continue;
		status = fill_node(parser, &field, error);
		parser->node++;
	}
	return status;
}

static enum cairn_status check_size(uint64_t size, struct cairn_error *error)
{
	if (size <= OBJECT_GRAPH_SIZE_MAX)
		return CAIRN_OK;
	return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
			 "%s has %" PRIu64 " bytes, over the limit of %" PRIu64, what, size,
			 OBJECT_GRAPH_SIZE_MAX);
}

enum cairn_status object_graph_parse(struct cairn_string message, struct arena *arena,
				     struct object_graph *graph, struct cairn_error *error)
{
	struct parser parser = {.nodes = NULL};
	enum cairn_status status = check_size(message.size, error);

	if (status == CAIRN_OK)
		status = count(&parser, message, error);
	if (status == CAIRN_OK)
		status = allocate(&parser, arena, error);
	if (status == CAIRN_OK)
		status = fill(&parser, message, error);
	if (status != CAIRN_OK)
		return status;
	*graph = (struct object_graph){parser.nodes, (uint32_t)parser.node_count};
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- writing */

/* Strings without presence: not when they are empty. */
static void put_string(struct proto_writer *writer, uint32_t number, struct cairn_string string)
{
	if (string.size != 0)
		proto_put_bytes(writer, number, string.data, string.size);
}

static void put_child(struct proto_writer *writer, const struct object_child *child)
{
	proto_put_nonzero(writer, CHILD_NODE, child->node);
	put_string(writer, CHILD_NAME, child->name);
}

static void put_attribute(struct proto_writer *writer, const struct object_attribute *attribute)
{
	put_string(writer, ATTRIBUTE_NAME, attribute->name);
	put_string(writer, ATTRIBUTE_FULL_NAME, attribute->full_name);
	put_string(writer, ATTRIBUTE_KEY, attribute->key);
}

static void put_slot(struct proto_writer *writer, const struct object_slot *slot)
{
	proto_put_nonzero(writer, SLOT_VARIABLE, slot->variable);
	put_string(writer, SLOT_NAME, slot->name);
	proto_put_nonzero(writer, SLOT_NODE, slot->slot);
}

static void put_saver(struct proto_writer *writer, const struct object_saver *saver)
{
	put_string(writer, SAVER_NAME, saver->name);
	put_string(writer, SAVER_OBJECT_NAME, saver->object_name);
}

/* Messages in a node: each is measured, then put behind its size. */
static void put_children(struct proto_writer *writer, const struct object_node *node)
{
	for (uint32_t i = 0; i < node->child_count; i++) {
		struct proto_writer measure = {0};

		put_child(&measure, &node->children[i]);
		proto_put_head(writer, NODE_CHILDREN, measure.size);
		put_child(writer, &node->children[i]);
	}
}

static void put_attributes(struct proto_writer *writer, const struct object_node *node)
{
	for (uint32_t i = 0; i < node->attribute_count; i++) {
		struct proto_writer measure = {0};

		put_attribute(&measure, &node->attributes[i]);
		proto_put_head(writer, NODE_ATTRIBUTES, measure.size);
		put_attribute(writer, &node->attributes[i]);
	}
}

static void put_slots(struct proto_writer *writer, const struct object_node *node)
{
	for (uint32_t i = 0; i < node->slot_count; i++) {
		struct proto_writer measure = {0};

		put_slot(&measure, &node->slots[i]);
		proto_put_head(writer, NODE_SLOTS, measure.size);
		put_slot(writer, &node->slots[i]);
	}
}

static void put_node(struct proto_writer *writer, const struct object_node *node)
{
	static const uint8_t yes[] = {BOOL_VALUE << 3, 1};
	struct proto_writer measure = {0};

	put_children(writer, node);
	put_attributes(writer, node);
	put_slots(writer, node);
	if (node->saver != NULL) {
		put_saver(&measure, node->saver);
		proto_put_head(writer, NODE_SAVER, measure.size);
		put_saver(writer, node->saver);
	}
	if (node->values != OBJECT_VALUES_UNKNOWN)
		proto_put_bytes(writer, NODE_HAS_VALUES, yes,
				node->values == OBJECT_VALUES_SOME ? sizeof(yes) : 0);
}

static void put_graph(struct proto_writer *writer, const struct object_graph *graph)
{
	for (uint32_t i = 0; i < graph->node_count; i++) {
		struct proto_writer measure = {0};

		put_node(&measure, &graph->nodes[i]);
		proto_put_head(writer, GRAPH_NODES, measure.size);
		put_node(writer, &graph->nodes[i]);
	}
}

enum cairn_status object_graph_write(const struct object_graph *graph, struct arena *arena,
				     struct cairn_string *message, struct cairn_error *error)
{
	struct proto_writer measure = {0};
	enum cairn_status status;

	put_graph(&measure, graph);
	status = check_size(measure.size, error);
	if (status != CAIRN_OK)
		return status;
	struct proto_writer writer = {.out = arena_allocate(arena, measure.size),
				      .capacity = measure.size};
	if (writer.out == NULL)
		return error_set_memory(error, what);
	put_graph(&writer, graph);
	*message = (struct cairn_string){(const char *)writer.out, writer.size};
	return CAIRN_OK;
}
