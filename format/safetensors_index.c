/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the index of a sharded safetensors model: which tensor lies in which file. It holds
 * neither sizes nor checksums, so that all that can be checked here is its form, that no name is
 * there twice, and that the file names are names and not paths: whoever wrote the index must not
 * choose what else is opened.
 */
#include "format/safetensors.h"

#include <inttypes.h>
#include <string.h>

#include "format/container.h"
#include "format/error.h"
#include "format/file_name.h"
#include "format/index.h"
#include "format/json.h"
#include "format/sort_array.h"

/* While parsing. An entry knows its file's name before the files are numbered. */
struct named_entry {
	struct cairn_string name;
	struct cairn_string shard;
	uint32_t shard_number;
};

struct parse {
	struct arena *arena;
	struct json_reader json;
	struct named_entry *entries;
	uint64_t entry_count;
	uint64_t entry_capacity;
	struct safetensors_index_metadata *metadata;
	uint64_t metadata_count;
	uint64_t metadata_capacity;
	struct safetensors_index index;
	struct cairn_error *error;
};

enum cairn_status safetensors_check_shard_name(struct cairn_string name, struct cairn_error *error)
{
	const char *const why = file_name_problem(name);

	if (why == NULL)
		return CAIRN_OK;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "shard %s is no plain file name: %s", quote(name).text, why);
}

/* ----------------------------------------------------------------------------------- the schema */

static enum cairn_status wrong_kind(const struct parse *parse, const struct json_token *token,
				    const char *what, const char *wanted)
{
	return error_set(parse->error, CAIRN_CORRUPT, token->offset,
			 "%s at offset %" PRIu64 " is %s, not %s", what, token->offset,
			 json_kind_name(token->kind), wanted);
}

static enum cairn_status read_name(struct parse *parse, const struct json_token *key,
				   struct cairn_string *name)
{
	const enum cairn_status status = json_token_string(key, parse->arena, name, parse->error);

	if (status == CAIRN_OK && name->size > CAIRN_NAME_SIZE_MAX)
		return error_set(parse->error, CAIRN_LIMIT, key->offset,
				 "the name at offset %" PRIu64 " has %zu bytes, %u are allowed",
				 key->offset, name->size, CAIRN_NAME_SIZE_MAX);
	return status;
}

static enum cairn_status read_shard_name(struct parse *parse, struct cairn_string *shard)
{
	struct json_token token;
	enum cairn_status status = json_next(&parse->json, &token, parse->error);

	if (status != CAIRN_OK)
		return status;
	if (token.kind != JSON_TOKEN_STRING)
		return wrong_kind(parse, &token, "its file", "a string");
	status = json_token_string(&token, parse->arena, shard, parse->error);
	return status == CAIRN_OK ? safetensors_check_shard_name(*shard, parse->error) : status;
}

static enum cairn_status parse_entry(struct parse *parse, const struct json_token *key)
{
	struct named_entry *const entries = arena_grow(parse->arena, parse->entries,
						       &parse->entry_capacity,
						       parse->entry_count + 1, sizeof(*entries));
	struct named_entry *entry;
	enum cairn_status status;

	if (entries == NULL)
		return error_set_memory(parse->error, "weight_map");
	parse->entries = entries;
	entry = &entries[parse->entry_count];
	status = read_name(parse, key, &entry->name);
	if (status != CAIRN_OK)
		return status;
	status = read_shard_name(parse, &entry->shard);
	if (status != CAIRN_OK)
		return error_prefix_tensor(parse->error, status, entry->name);
	parse->entry_count++;
	return CAIRN_OK;
}

/* A value as it stands, or a string's characters. */
static enum cairn_status read_metadata_value(struct parse *parse,
					     struct safetensors_index_metadata *metadata)
{
	struct json_reader *const json = &parse->json;
	struct json_token token;
	enum cairn_status status = json_next(json, &token, parse->error);

	if (status != CAIRN_OK)
		return status;
	metadata->is_string = token.kind == JSON_TOKEN_STRING;
	if (metadata->is_string)
		return json_token_string(&token, parse->arena, &metadata->value, parse->error);
	status = json_skip(json, &token, parse->error);
	metadata->value = (struct cairn_string){json->text + token.offset,
						json->at - (size_t)token.offset};
	if (metadata->key.size == strlen("total_size") &&
	    memcmp(metadata->key.data, "total_size", 10) == 0)
		parse->index.has_total_size = json_token_u64(&token, &parse->index.total_size);
	return status;
}

static enum cairn_status parse_metadata_entry(struct parse *parse, const struct json_token *key)
{
	struct safetensors_index_metadata *metadata;
	enum cairn_status status;

	if (parse->metadata_count == SAFETENSORS_METADATA_COUNT_MAX)
		return error_set(parse->error, CAIRN_LIMIT, key->offset,
				 "more than %u metadata entries", SAFETENSORS_METADATA_COUNT_MAX);
	metadata = arena_grow(parse->arena, parse->metadata, &parse->metadata_capacity,
			      parse->metadata_count + 1, sizeof(*metadata));
	if (metadata == NULL)
		return error_set_memory(parse->error, "metadata");
	parse->metadata = metadata;
	status = read_name(parse, key, &metadata[parse->metadata_count].key);
	if (status == CAIRN_OK)
		status = read_metadata_value(parse, &metadata[parse->metadata_count]);
	parse->metadata_count += status == CAIRN_OK ? 1 : 0;
	return status;
}

typedef enum cairn_status parse_member(struct parse *parse, const struct json_token *key);

/* The members of an object whose beginning was read. */
static enum cairn_status parse_object(struct parse *parse, parse_member *member)
{
	struct json_token token;
	enum cairn_status status;

	for (;;) {
		status = json_next(&parse->json, &token, parse->error);
		if (status != CAIRN_OK || token.kind == JSON_TOKEN_OBJECT_END)
			return status;
		status = member(parse, &token);
		if (status != CAIRN_OK)
			return status;
	}
}

/* The members that are known; others are skipped. */
static const struct section {
	const char *name;
	parse_member *member;
	bool null_allowed;
} sections[] = {
	{"weight_map", parse_entry, false},
	{"metadata", parse_metadata_entry, true},
};

enum {
	SECTION_WEIGHT_MAP,
	SECTION_METADATA,
	KNOWN_COUNT
};

static enum cairn_status parse_section(struct parse *parse, const struct section *section)
{
	struct json_token token;
	const enum cairn_status status = json_next(&parse->json, &token, parse->error);

	if (status != CAIRN_OK || (token.kind == JSON_TOKEN_NULL && section->null_allowed))
		return status;
	if (token.kind != JSON_TOKEN_OBJECT_BEGIN)
		return wrong_kind(parse, &token, section->name, "an object");
	return parse_object(parse, section->member);
}

static enum cairn_status parse_top_member(struct parse *parse, const struct json_token *key,
					  bool seen[KNOWN_COUNT])
{
	uint32_t number = 0;

	while (number < KNOWN_COUNT && !json_token_is(key, sections[number].name))
		number++;
	if (number == KNOWN_COUNT)
		return json_skip(&parse->json, key, parse->error);
	if (seen[number])
		return error_set(parse->error, CAIRN_CORRUPT, key->offset,
				 "%s is there twice, again at offset %" PRIu64,
				 sections[number].name, key->offset);
	seen[number] = true;
	return parse_section(parse, &sections[number]);
}

static enum cairn_status parse_top(struct parse *parse)
{
	bool seen[KNOWN_COUNT] = {false};
	struct json_token token;
	enum cairn_status status = json_next(&parse->json, &token, parse->error);

	if (status == CAIRN_OK && token.kind != JSON_TOKEN_OBJECT_BEGIN)
		return wrong_kind(parse, &token, "the index", "an object");
	while (status == CAIRN_OK) {
		status = json_next(&parse->json, &token, parse->error);
		if (status != CAIRN_OK || token.kind == JSON_TOKEN_OBJECT_END)
			break;
		status = parse_top_member(parse, &token, seen);
	}
	if (status == CAIRN_OK)
		status = json_next(&parse->json, &token, parse->error); /* the end */
	if (status == CAIRN_OK && !seen[SECTION_WEIGHT_MAP])
		return error_set(parse->error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "the index has no member 'weight_map'");
	return status;
}

/* ---------------------------------------------------------------------------- order and numbers */

static bool same_name(struct cairn_string a, struct cairn_string b)
{
	return index_name_compare(a, b) == 0;
}

/* Numbers the files of the entries, which `order` has by file, and returns how many there are;
 * names them if asked to. */
static uint64_t number_shards(struct parse *parse, const uint32_t *order,
			      struct cairn_string *names)
{
	struct cairn_string last = {"", 0}; /* no file's name */
	uint64_t shards = 0;

	for (uint64_t i = 0; i < parse->entry_count; i++) {
		struct named_entry *const entry = &parse->entries[order[i]];

		if (!same_name(last, entry->shard)) {
			if (names != NULL)
				names[shards] = entry->shard;
			shards++;
			last = entry->shard;
		}
		entry->shard_number = (uint32_t)(shards - 1);
	}
	return shards;
}

static enum cairn_status find_shards(struct parse *parse)
{
	uint32_t *order;
	struct cairn_string *names;
	uint64_t count;

	if (parse->entry_count == 0)
		return CAIRN_OK;
	order = sort_order_by_name(parse->arena, &parse->entries->shard, sizeof(*parse->entries),
				   parse->entry_count);
	if (order == NULL)
		return error_set_memory(parse->error, "sorting shards");
	count = number_shards(parse, order, NULL);
	if (count >= SHARD_COUNT_MAX)
		return error_set(parse->error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the index names %" PRIu64 " shards, %u are too many", count,
				 SHARD_COUNT_MAX);
	names = arena_allocate_array(parse->arena, count, sizeof(*names));
	if (names == NULL)
		return error_set_memory(parse->error, "the names of shards");
	number_shards(parse, order, names);
	parse->index.shards = names;
	parse->index.shard_count = (uint32_t)count;
	return CAIRN_OK;
}

static enum cairn_status sort_entries(struct parse *parse)
{
	struct named_entry *const entries = parse->entries;
	uint32_t *order;

	if (parse->entry_count == 0)
		return CAIRN_OK;
	order = sort_order_by_name(parse->arena, &entries->name, sizeof(*entries),
				   parse->entry_count);
	if (order == NULL)
		return error_set_memory(parse->error, "sorting names");
	sort_apply(entries, parse->entry_count, sizeof(*entries), order);
	for (uint64_t i = 1; i < parse->entry_count; i++) {
		if (same_name(entries[i - 1].name, entries[i].name))
			return error_set(parse->error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					 "tensor %s is there twice", quote(entries[i].name).text);
	}
	return CAIRN_OK;
}

static enum cairn_status take_entries(struct parse *parse)
{
	struct safetensors_index_entry *const entries = arena_allocate_array(
		parse->arena, parse->entry_count, sizeof(*entries));

	if (entries == NULL)
		return error_set_memory(parse->error, "weight_map");
	for (uint64_t i = 0; i < parse->entry_count; i++)
		entries[i] = (struct safetensors_index_entry){parse->entries[i].name,
							      parse->entries[i].shard_number};
	parse->index.entries = entries;
	parse->index.entry_count = parse->entry_count;
	return CAIRN_OK;
}

static enum cairn_status take_metadata(struct parse *parse)
{
	struct safetensors_index_metadata *const metadata = parse->metadata;
	uint32_t *order;

	if (parse->metadata_count == 0)
		return CAIRN_OK;
	order = sort_order_by_name(parse->arena, &metadata->key, sizeof(*metadata),
				   parse->metadata_count);
	if (order == NULL)
		return error_set_memory(parse->error, "sorting metadata");
	sort_apply(metadata, parse->metadata_count, sizeof(*metadata), order);
	for (uint64_t i = 1; i < parse->metadata_count; i++) {
		if (same_name(metadata[i - 1].key, metadata[i].key))
			return error_set(parse->error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					 "metadata key %s is there twice",
					 quote(metadata[i].key).text);
	}
	parse->index.metadata = metadata;
	parse->index.metadata_count = parse->metadata_count;
	return CAIRN_OK;
}

enum cairn_status safetensors_index_parse(struct arena *arena, const char *json, uint64_t size,
					  struct safetensors_index *index,
					  struct cairn_error *error)
{
	struct parse parse = {.arena = arena, .error = error};
	enum cairn_status status;

	if (size > SAFETENSORS_HEADER_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the index has %" PRIu64 " bytes, %u are allowed", size,
				 SAFETENSORS_HEADER_SIZE_MAX);
	json_init(&parse.json, json, size, 0);
	status = parse_top(&parse);
	if (status == CAIRN_OK)
		status = take_metadata(&parse);
	if (status == CAIRN_OK)
		status = sort_entries(&parse);
	if (status == CAIRN_OK)
		status = find_shards(&parse);
	if (status == CAIRN_OK)
		status = take_entries(&parse);
	if (status == CAIRN_OK)
		*index = parse.index;
	return status;
}

const struct safetensors_index_entry *safetensors_index_find(const struct safetensors_index *index,
							     struct cairn_string name)
{
	uint64_t low = 0;
	uint64_t high = index->entry_count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		const int order = index_name_compare(index->entries[middle].name, name);

		if (order == 0)
			return &index->entries[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
