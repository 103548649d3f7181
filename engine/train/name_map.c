/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and keys of an object graph, copied: the graph is closed again. Where two objects had one
 * name the later one counts, as in TensorFlow.
 */
#include "engine/train/name_map.h"

#include <inttypes.h>
#include <string.h>

#include <cairn/graph.h>
#include <cairn/saver.h>

#include "engine/read/reader.h"
#include "engine/train/complaints.h"
#include "format/error.h"
#include "format/sort.h"

#define ARENA_SIZE_MAX ((size_t)1 << 36)

static int compare_strings(struct cairn_string a, struct cairn_string b)
{
	const size_t shorter = a.size < b.size ? a.size : b.size;
	const int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_name(const void *a, const void *b)
{
	return compare_strings(((const struct name_pair *)a)->name,
			       ((const struct name_pair *)b)->name);
}

/* ------------------------------------------------------------------------------------ the graph */

typedef enum cairn_status (*attribute_function)(void *context, struct cairn_string name,
						struct cairn_string key, struct cairn_error *error);

/* Calls for each value of each object that says how it was called. */
static enum cairn_status visit_attributes(const struct cairn_graph *graph,
					  attribute_function function, void *context,
					  struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < cairn_graph_node_count(graph) && status == CAIRN_OK; i++) {
		struct cairn_graph_node node;

		status = cairn_graph_node(graph, i, &node, error);
		for (uint64_t j = 0; status == CAIRN_OK && j < node.attribute_count; j++) {
			struct cairn_graph_attribute attribute;

			status = cairn_graph_attribute(graph, i, j, &attribute, error);
			if (status == CAIRN_OK && attribute.full_name.size != 0)
				status = function(context, attribute.full_name, attribute.key,
						  error);
		}
	}
	return status;
}

/* -------------------------------------------------------------------------------------- the map */

struct filling {
	struct name_map *map;
	uint64_t capacity;
};

static bool copy_string(struct arena *arena, struct cairn_string from, struct cairn_string *to)
{
	to->data = arena_copy(arena, from.data, from.size);
	to->size = from.size;
	return to->data != NULL;
}

static enum cairn_status add_pair(void *context, struct cairn_string name, struct cairn_string key,
				  struct cairn_error *error)
{
	struct filling *const filling = context;
	struct name_map *const map = filling->map;
	struct name_pair **const pairs = arena_grow(&map->arena, map->pairs, &filling->capacity,
						    map->count + 1, sizeof(*pairs));
	struct name_pair *const pair = arena_allocate(&map->arena, sizeof(*pair));

	if (pairs != NULL)
		map->pairs = pairs;
	if (pairs == NULL || pair == NULL || !copy_string(&map->arena, name, &pair->name) ||
	    !copy_string(&map->arena, key, &pair->key))
		return error_set_memory(error, "the names in an object graph");
	pairs[map->count++] = pair;
	return CAIRN_OK;
}

/* By name; the sort is stable, so that of equal ones the last came last. */
static enum cairn_status sort_map(struct name_map *map, struct cairn_error *error)
{
	void **const scratch = arena_allocate_array(&map->arena, map->count, sizeof(*scratch));
	uint64_t kept = 0;

	if (scratch == NULL)
		return error_set_memory(error, "the names in an object graph");
	if (map->count != 0)
		sort_pointers((void **)map->pairs, scratch, map->count, by_name);
	for (uint64_t i = 0; i < map->count; i++) {
		if (kept != 0 && by_name(map->pairs[kept - 1], map->pairs[i]) == 0)
			kept--;
		map->pairs[kept++] = map->pairs[i];
	}
	map->count = kept;
	return CAIRN_OK;
}

enum cairn_status name_map_open(struct system *system, const struct cairn_reader *reader,
				struct name_map *map, struct cairn_error *error)
{
	struct filling filling = {.map = map};
	struct cairn_graph *graph = NULL;
	enum cairn_status status;

	*map = (struct name_map){.count = 0};
	arena_init(&map->arena, reader_arena_source(system), ARENA_SIZE_MAX);
	status = cairn_graph_open(reader, &graph, error);
	if (status == CAIRN_OK)
		status = visit_attributes(graph, add_pair, &filling, error);
	if (status == CAIRN_OK)
		status = sort_map(map, error);
	cairn_graph_close(graph);
	return status;
}

void name_map_close(struct name_map *map)
{
	arena_fini(&map->arena);
	*map = (struct name_map){.count = 0};
}

const struct name_pair *name_map_find(const struct name_map *map, struct cairn_string name)
{
	uint64_t low = 0;
	uint64_t high = map->count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		const int order = compare_strings(map->pairs[middle]->name, name);

		if (order == 0)
			return map->pairs[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------ comparing */

/* Names in byte order. */
struct name_list {
	struct cairn_string **items;
	uint64_t count;
};

static int by_string(const void *a, const void *b)
{
	return compare_strings(*(const struct cairn_string *)a, *(const struct cairn_string *)b);
}

static enum cairn_status sort_names(struct name_map *map, const struct cairn_string *names,
				    uint64_t count, struct name_list *list,
				    struct cairn_error *error)
{
	struct cairn_string *const copies = arena_allocate_array(&map->arena, count,
								 sizeof(*copies));
	void **const scratch = arena_allocate_array(&map->arena, count, sizeof(*scratch));

	list->items = arena_allocate_array(&map->arena, count, sizeof(struct cairn_string *));
	list->count = count;
	if (copies == NULL || scratch == NULL || list->items == NULL)
		return error_set_memory(error, "the names of variables");
	for (uint64_t i = 0; i < count; i++) {
		copies[i] = names[i];
		list->items[i] = &copies[i];
	}
	sort_pointers((void **)list->items, scratch, count, by_string);
	return CAIRN_OK;
}

/* Lists what the map lacks; returns how many it has. */
static uint64_t list_missing(const struct name_map *map, const struct name_list *list,
			     struct complaints *missing)
{
	uint64_t matched = 0;

	for (uint64_t i = 0; i < list->count; i++) {
		const struct cairn_string name = *list->items[i];

		if (i != 0 && compare_strings(*list->items[i - 1], name) == 0)
			continue;
		if (name_map_find(map, name) != NULL)
			matched++;
		else
			complain(missing, "%s", quote(name).text);
	}
	return matched;
}

/* Lists what the map has besides. */
static void list_extra(const struct name_map *map, const struct name_list *list,
		       struct complaints *extra)
{
	uint64_t at = 0;

	for (uint64_t i = 0; i < map->count; i++) {
		const struct cairn_string name = map->pairs[i]->name;

		while (at < list->count && compare_strings(*list->items[at], name) < 0)
			at++;
		if (at == list->count || compare_strings(*list->items[at], name) != 0)
			complain(extra, "%s", quote(name).text);
	}
}

enum cairn_status name_map_compare(struct name_map *map, const struct cairn_string *names,
				   uint64_t count, struct cairn_error *error)
{
	struct complaints missing = {.count = 0};
	struct complaints extra = {.count = 0};
	struct name_list list;
	uint64_t matched;
	enum cairn_status status = sort_names(map, names, count, &list, error);

	if (status != CAIRN_OK)
		return status;
	matched = list_missing(map, &list, &missing);
	if (missing.count == 0)
		return CAIRN_OK;
	list_extra(map, &list, &extra);
	return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
			 "object-based, read by names: variables that are not in it: %.180s%s; "
			 "names in it that are no variables now: %.120s%s; %" PRIu64 " matched",
			 missing.text, complaints_rest(&missing).text,
			 extra.count == 0 ? "none" : extra.text, complaints_rest(&extra).text,
			 matched);
}

/* --------------------------------------------------------------------------------------- public */

enum cairn_status cairn_object_graph_key_mapping(const struct cairn_reader *reader,
						 cairn_key_mapping_callback callback, void *context,
						 struct cairn_error *error)
{
	struct name_map map;
	enum cairn_status status;

	if (callback == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no callback");
	status = name_map_open(reader->system, reader, &map, error);
	for (uint64_t i = 0; i < map.count && status == CAIRN_OK; i++) {
		if (callback(context, map.pairs[i]->name, map.pairs[i]->key) != 0)
			status = error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
					   "the listing was stopped by its callback");
	}
	name_map_close(&map);
	return status;
}
