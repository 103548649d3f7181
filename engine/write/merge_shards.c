/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shards of a merge: files of the sources, each once, in the order in which sources name them.
 */
#include "engine/write/merge.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

/* Shards by size and content id: a hash table of their numbers, 0 where none is. */
struct shard_table {
	uint32_t *numbers; /* in the merge's arena */
	uint64_t mask;
};

static bool make_table(struct merge *merge, uint64_t most, struct shard_table *table)
{
	uint64_t size = 16;

	while (size < 2 * most)
		size *= 2;
	table->mask = size - 1;
	table->numbers = arena_allocate_array(&merge->arena, size, sizeof(*table->numbers));
	return table->numbers != NULL;
}

/* The place of that file in the table: its number is there, or 0. */
static uint32_t *look_up_shard(const struct merge *merge, const struct shard_table *table,
			       uint64_t size, const struct cairn_digest *content_id)
{
	uint64_t at = load_u64(content_id->bytes) & table->mask;

	while (table->numbers[at] != 0) {
		const struct merge_shard *const shard = &merge->shards[table->numbers[at] - 1];

		if (shard->size == size && digest_equal(&shard->content_id, content_id))
			break;
		at = (at + 1) & table->mask;
	}
	return &table->numbers[at];
}

/* False when there are too many. A file that two sources share is one shard. */
static bool add_shard(struct merge *merge, struct shard_table *table, struct merge_source *source,
		      uint32_t file, uint64_t size, const struct cairn_digest *content_id)
{
	uint32_t *const number = look_up_shard(merge, table, size, content_id);

	if (*number == 0) {
		if (merge->shard_count + 1 >= SHARD_COUNT_MAX)
			return false;
		merge->shards[merge->shard_count++] = (struct merge_shard){
			.reader = source->reader,
			.file = file,
			.size = size,
			.content_id = *content_id};
		*number = merge->shard_count;
	}
	source->shard_map[file] = (uint16_t)*number;
	return true;
}

/* The shards of a source: the file itself, or the siblings that its index names. */
static enum cairn_status add_shards_of(struct merge *merge, struct shard_table *table,
				       struct merge_source *source, struct cairn_error *error)
{
	const struct cairn_reader *const reader = source->reader;
	bool added = true;

	source->shard_map = arena_allocate_array(&merge->arena, reader->file_count,
						 sizeof(*source->shard_map));
	if (source->shard_map == NULL)
		return error_set_memory(error, "the merge");
	if (reader->file_count == 1)
		added = add_shard(merge, table, source, 0, reader->files[0].size,
				  &reader->footer.content_id);
	for (uint32_t i = 1; i < reader->file_count && added; i++) {
		struct shard_record record;
		enum cairn_status status = index_shard(&reader->index, i, &record, error);

		if (status ==
		    CAIRN_OK) /* it is what the index means, before anybody relies on it */
			status = reader_use_shard(reader, i, error);
		if (status != CAIRN_OK)
			return error_prefix(error, status, reader->name);
		added = add_shard(merge, table, source, i, record.size, &record.content_id);
	}
	return added ? CAIRN_OK
		     : error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET, "more than %u shards",
				 SHARD_COUNT_MAX - 1);
}

enum cairn_status merge_find_shards(struct merge *merge, struct cairn_error *error)
{
	struct shard_table table = {0};
	uint64_t most = 0;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < merge->source_count; i++)
		most += merge->sources[i].reader->file_count;
	merge->shards = arena_allocate_array(&merge->arena, most, sizeof(*merge->shards));
	if (merge->shards == NULL || !make_table(merge, most, &table))
		return error_set_memory(error, "the table of shards");
	for (uint32_t i = 0; i < merge->source_count && status == CAIRN_OK; i++)
		status = add_shards_of(merge, &table, &merge->sources[i], error);
	return status;
}

static bool is_used(const struct merge *merge, uint32_t shard)
{
	for (uint32_t i = 0; i < merge->part_count; i++) {
		if (merge->parts[i].uses_shard[shard])
			return true;
	}
	return false;
}

bool merge_uses_all_shards(const struct merge *merge)
{
	for (uint32_t i = 0; i < merge->shard_count; i++) {
		if (!is_used(merge, i))
			return false;
	}
	return true;
}

enum cairn_status merge_drop_shards(struct merge *merge, struct cairn_error *error)
{
	uint16_t *const moved = arena_allocate_array(
		&merge->arena, (uint64_t)merge->shard_count + 1, sizeof(*moved));
	uint32_t kept = 0;

	if (moved == NULL)
		return error_set_memory(error, "the table of shards");
	for (uint32_t i = 0; i < merge->shard_count; i++) {
		if (!is_used(merge, i))
			continue;
		merge->shards[kept++] = merge->shards[i];
		moved[i + 1] = (uint16_t)kept;
	}
	for (uint32_t i = 0; i < merge->source_count; i++) {
		struct merge_source *const source = &merge->sources[i];

		for (uint32_t k = 0; k < source->reader->file_count; k++)
			source->shard_map[k] = moved[source->shard_map[k]];
	}
	merge->shard_count = kept;
	return CAIRN_OK;
}
