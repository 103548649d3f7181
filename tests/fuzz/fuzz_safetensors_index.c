/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON index of a sharded model: parsed and written again; and opened beside two shards,
 * a.safetensors and b.safetensors.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "format/bytes.h"
#include "format/safetensors.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/use_reader.h"

static bool same_text(struct cairn_string a, struct cairn_string b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static bool is_total_size(struct cairn_string key)
{
	return same_text(key, cairn_string_from("total_size"));
}

static void check_same(const struct safetensors_index *a, const struct safetensors_index *b)
{
	uint64_t others = 0;

	FUZZ_MUST(a->entry_count == b->entry_count && a->shard_count == b->shard_count);
	for (uint64_t i = 0; i < a->entry_count; i++)
		FUZZ_MUST(same_text(a->entries[i].name, b->entries[i].name) &&
			  a->entries[i].shard == b->entries[i].shard);
	for (uint32_t i = 0; i < a->shard_count; i++)
		FUZZ_MUST(same_text(a->shards[i], b->shards[i]));
	for (uint64_t i = 0; i < a->metadata_count; i++)
		others += !is_total_size(a->metadata[i].key);
	FUZZ_MUST(b->metadata_count == others + 1 && b->has_total_size);
}

static void parse_and_write(const uint8_t *data, size_t size)
{
	struct safetensors_index index;
	struct safetensors_index again;
	struct cairn_error error = {0};
	struct arena arena;
	char *json;
	uint64_t json_size;
	enum cairn_status status;

	fuzz_arena_init(&arena);
	status = safetensors_index_parse(&arena, (const char *)data, size, &index, &error);
	if (status == CAIRN_OK) {
		for (uint64_t i = 0; i < index.entry_count; i++)
			FUZZ_MUST(safetensors_index_find(&index, index.entries[i].name) ==
				  &index.entries[i]);
		FUZZ_MUST(safetensors_index_write(&arena, &index, &json, &json_size, &error) ==
			  CAIRN_OK);
		FUZZ_MUST(safetensors_index_parse(&arena, json, json_size, &again, &error) ==
			  CAIRN_OK);
		check_same(&index, &again);
	} else {
		fuzz_check_error(status, &error);
	}
	arena_fini(&arena);
}

/* One tensor of four bytes. */
static void add_shard(struct memory_system *memory, const char *path, const char *json)
{
	uint8_t file[128] = {0};
	const size_t size = strlen(json);

	store_u64(file, size);
	memcpy(file + SAFETENSORS_PREFIX_SIZE, json, size);
	FUZZ_MUST(memory_system_add_file(memory, path, file, SAFETENSORS_PREFIX_SIZE + size + 4) ==
		  0);
}

static void open_and_use(const uint8_t *data, size_t size)
{
	struct memory_system *const memory = memory_system_create();
	const struct cairn_reader_options options = fuzz_reader_options();
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	add_shard(memory, "a.safetensors",
		  "{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}");
	add_shard(memory, "b.safetensors",
		  "{\"y\":{\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[0,4]}}");
	FUZZ_MUST(memory_system_add_file(memory, "m.safetensors.index.json", data, size) == 0);
	status = reader_open_path(memory_system_get(memory), "m.safetensors.index.json", &options,
				  &reader, &error);
	if (status == CAIRN_OK)
		fuzz_use_reader(reader);
	else
		fuzz_check_error(status, &error);
	cairn_reader_close(reader);
	FUZZ_MUST(memory_system_is_clean(memory));
	memory_system_destroy(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse_and_write(data, size);
	open_and_use(data, size);
	return 0;
}
