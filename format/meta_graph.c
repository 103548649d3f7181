/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a MetaGraphDef. As protobuf has it, a message that is there twice is merged: numbers and
 * strings of the later one count, what is repeated adds up, and of two entries of a map with one
 * key the later counts.
 */
#include "format/meta_graph.h"

#include <inttypes.h>
#include <string.h>

#include "format/error.h"
#include "format/meta_graph_fields.h"
#include "format/protobuf.h"
#include "format/sort.h"
#include "format/utf8.h"

struct parsing {
	struct arena *arena;
	struct meta_graph *graph;
	struct cairn_error *error;
};

static struct cairn_string text_of(const struct proto_field *field)
{
	return (struct cairn_string){(const char *)field->bytes, field->size};
}

static struct proto_reader reader_of(const struct proto_field *field)
{
	struct proto_reader reader;

	proto_reader_init(&reader, field->bytes, field->size);
	return reader;
}

static enum cairn_status no_memory(const struct parsing *parsing)
{
	return error_set_memory(parsing->error, "a MetaGraph");
}

static enum cairn_status take_text(const struct parsing *parsing, const struct proto_field *field,
				   struct cairn_string *text)
{
	*text = text_of(field);
	return utf8_valid(text->data, text->size)
		       ? CAIRN_OK
		       : error_set(parsing->error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "a name in the MetaGraph is not UTF-8");
}

/* ---------------------------------------------------------------------------------------- parts */

static enum cairn_status add_tag(const struct parsing *parsing, const struct proto_field *field)
{
	struct meta_graph *const graph = parsing->graph;
	struct cairn_string *const tags = arena_grow(parsing->arena, graph->tags,
						     &graph->tag_capacity, graph->tag_count + 1,
						     sizeof(*tags));

	if (tags == NULL)
		return no_memory(parsing);
	graph->tags = tags;
	return take_text(parsing, field, &tags[graph->tag_count++]);
}

static enum cairn_status parse_info(const struct parsing *parsing, const struct proto_field *info)
{
	struct meta_graph *const graph = parsing->graph;
	struct proto_reader reader = reader_of(info);
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, INFO_VERSION, PROTO_BYTES))
			status = take_text(parsing, &field, &graph->version);
		else if (proto_is(&field, INFO_TAGS, PROTO_BYTES))
			status = add_tag(parsing, &field);
		else if (proto_is(&field, INFO_TENSORFLOW, PROTO_BYTES))
			status = take_text(parsing, &field, &graph->tensorflow_version);
		else if (proto_is(&field, INFO_GIT, PROTO_BYTES))
			status = take_text(parsing, &field, &graph->git_version);
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, "its MetaInfoDef", parsing->error)
				  : status;
}

static enum cairn_status parse_versions(const struct parsing *parsing,
					const struct proto_field *versions)
{
	struct proto_reader reader = reader_of(versions);
	struct proto_field field;

	while (proto_next(&reader, &field)) {
		if (proto_is(&field, VERSIONS_PRODUCER, PROTO_VARINT))
			parsing->graph->producer = (int32_t)(uint32_t)field.value;
		else if (proto_is(&field, VERSIONS_MIN_CONSUMER, PROTO_VARINT))
			parsing->graph->min_consumer = (int32_t)(uint32_t)field.value;
	}
	return proto_reader_status(&reader, "the versions of its graph", parsing->error);
}

static enum cairn_status parse_library(const struct parsing *parsing,
				       const struct proto_field *library)
{
	struct proto_reader reader = reader_of(library);
	struct proto_field field;

	while (proto_next(&reader, &field))
		parsing->graph->function_count += proto_is(&field, LIBRARY_FUNCTION, PROTO_BYTES);
	return proto_reader_status(&reader, "the library of its graph", parsing->error);
}

static enum cairn_status parse_graph(const struct parsing *parsing, const struct proto_field *graph)
{
	struct proto_reader reader = reader_of(graph);
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		parsing->graph->node_count += proto_is(&field, GRAPH_NODE, PROTO_BYTES);
		if (proto_is(&field, GRAPH_LIBRARY, PROTO_BYTES))
			status = parse_library(parsing, &field);
		else if (proto_is(&field, GRAPH_VERSIONS, PROTO_BYTES))
			status = parse_versions(parsing, &field);
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, "its graph", parsing->error)
				  : status;
}

/* ---------------------------------------------------------------------------------- collections */

/* Items of a list: fields each, or packed. */
static enum cairn_status count_items(const struct parsing *parsing, const struct proto_field *list,
				     enum collection_kind kind, uint64_t *count)
{
	const enum proto_type type = kind == COLLECTION_INT64   ? PROTO_VARINT
				     : kind == COLLECTION_FLOAT ? PROTO_FIXED32
								: PROTO_BYTES;
	struct proto_reader reader = reader_of(list);
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		struct proto_reader packed;
		uint64_t value;

		if (field.number != LIST_VALUE)
			continue;
		if (field.type == type) {
			(*count)++;
		} else if (field.type == PROTO_BYTES) {
			packed = reader_of(&field);
			while (proto_next_packed(&packed, type, &value))
				(*count)++;
			status = proto_reader_status(&packed, "a collection", parsing->error);
		}
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, "a collection", parsing->error)
				  : status;
}

/* A oneof: the last kind counts. */
static enum cairn_status parse_collection(const struct parsing *parsing,
					  const struct proto_field *message,
					  struct meta_collection *collection)
{
	struct proto_reader reader = reader_of(message);
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (field.type != PROTO_BYTES || field.number > COLLECTION_ANY)
			continue;
		if (collection->kind != (enum collection_kind)field.number)
			collection->count = 0;
		collection->kind = (enum collection_kind)field.number;
		status = count_items(parsing, &field, collection->kind, &collection->count);
	}
	return status == CAIRN_OK ? proto_reader_status(&reader, "a collection", parsing->error)
				  : status;
}

static enum cairn_status parse_entry(const struct parsing *parsing, const struct proto_field *entry,
				     struct meta_collection *collection)
{
	struct proto_reader reader = reader_of(entry);
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, ENTRY_KEY, PROTO_BYTES))
			status = take_text(parsing, &field, &collection->name);
		else if (proto_is(&field, ENTRY_VALUE, PROTO_BYTES))
			status = parse_collection(parsing, &field, collection);
	}
	return status == CAIRN_OK
		       ? proto_reader_status(&reader, "an entry of its collections", parsing->error)
		       : status;
}

static enum cairn_status add_collection(const struct parsing *parsing,
					const struct proto_field *entry)
{
	struct meta_graph *const graph = parsing->graph;
	struct meta_collection **const collections = arena_grow(
		parsing->arena, graph->collections, &graph->collection_capacity,
		graph->collection_count + 1, sizeof(*collections));
	struct meta_collection *const collection = arena_allocate(parsing->arena,
								  sizeof(*collection));

	if (collections == NULL || collection == NULL)
		return no_memory(parsing);
	*collection = (struct meta_collection){.name = {"", 0}};
	graph->collections = collections;
	collections[graph->collection_count++] = collection;
	return parse_entry(parsing, entry, collection);
}

static enum cairn_status add_signature(const struct parsing *parsing,
				       const struct proto_field *entry)
{
	struct meta_graph *const graph = parsing->graph;
	struct cairn_string **const signatures = arena_grow(
		parsing->arena, graph->signatures, &graph->signature_capacity,
		graph->signature_count + 1, sizeof(*signatures));
	struct cairn_string *const name = arena_allocate(parsing->arena, sizeof(*name));
	struct proto_reader reader = reader_of(entry);
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	if (signatures == NULL || name == NULL)
		return no_memory(parsing);
	*name = (struct cairn_string){"", 0};
	graph->signatures = signatures;
	signatures[graph->signature_count++] = name;
	while (status == CAIRN_OK && proto_next(&reader, &field)) {
		if (proto_is(&field, ENTRY_KEY, PROTO_BYTES))
			status = take_text(parsing, &field, name);
	}
	return status == CAIRN_OK
		       ? proto_reader_status(&reader, "an entry of its signatures", parsing->error)
		       : status;
}

/* ------------------------------------------------------------------------------------ all of it */

static int compare_strings(struct cairn_string a, struct cairn_string b)
{
	const size_t shorter = a.size < b.size ? a.size : b.size;
	const int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_collections(const void *a, const void *b)
{
	return compare_strings(((const struct meta_collection *)a)->name,
			       ((const struct meta_collection *)b)->name);
}

static int compare_names(const void *a, const void *b)
{
	return compare_strings(*(const struct cairn_string *)a, *(const struct cairn_string *)b);
}

/* Sorts the entries of a map; of those with one key the last stays. */
static enum cairn_status sort_entries(const struct parsing *parsing, void **items, uint64_t *count,
				      int (*compare)(const void *a, const void *b))
{
	void **const scratch = arena_allocate_array(parsing->arena, *count, sizeof(*scratch));
	uint64_t kept = 0;

	if (scratch == NULL)
		return no_memory(parsing);
	if (*count != 0)
		sort_pointers(items, scratch, *count, compare);
	for (uint64_t i = 0; i < *count; i++) {
		if (kept != 0 && compare(items[kept - 1], items[i]) == 0)
			kept--;
		items[kept++] = items[i];
	}
	*count = kept;
	return CAIRN_OK;
}

static enum cairn_status parse_field(const struct parsing *parsing, const struct proto_field *field)
{
	struct meta_graph *const graph = parsing->graph;

	if (field->type != PROTO_BYTES)
		return CAIRN_OK;
	switch (field->number) {
	case META_INFO:
		return parse_info(parsing, field);
	case META_GRAPH:
		return parse_graph(parsing, field);
	case META_SAVER:
		graph->has_saver_def = true;
		return saver_def_merge(text_of(field), &graph->saver_def, parsing->error);
	case META_COLLECTION:
		return add_collection(parsing, field);
	case META_SIGNATURE:
		return add_signature(parsing, field);
	case META_ASSET:
		graph->asset_count++;
		return CAIRN_OK;
	case META_OBJECT_GRAPH:
		graph->has_object_graph = true;
		return CAIRN_OK;
	default:
		return CAIRN_OK;
	}
}

enum cairn_status meta_graph_parse(struct cairn_string message, struct arena *arena,
				   struct meta_graph *graph, struct cairn_error *error)
{
	const struct parsing parsing = {arena, graph, error};
	struct proto_reader reader;
	struct proto_field field;
	enum cairn_status status = CAIRN_OK;

	*graph = (struct meta_graph){.tag_count = 0};
	if (message.size > META_GRAPH_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "a MetaGraph of %zu bytes, more than %" PRIu64, message.size,
				 META_GRAPH_SIZE_MAX);
	proto_reader_init(&reader, (const uint8_t *)message.data, message.size);
	while (status == CAIRN_OK && proto_next(&reader, &field))
		status = parse_field(&parsing, &field);
	if (status == CAIRN_OK)
		status = proto_reader_status(&reader, "the MetaGraph", error);
	if (status == CAIRN_OK)
		status = sort_entries(&parsing, (void **)graph->collections,
				      &graph->collection_count, compare_collections);
	if (status == CAIRN_OK)
		status = sort_entries(&parsing, (void **)graph->signatures, &graph->signature_count,
				      compare_names);
	return status;
}
