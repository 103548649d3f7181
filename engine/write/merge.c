/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A merge as a whole: its beginning, its parts, the order in which a part meets names, its end.
 */
#include "engine/write/merge.h"

#include "format/error.h"

/* Indexes that are worth a thread to be unmapped. */
#define RELEASE_SIZE_MIN ((uint64_t)16 << 20)

const struct cairn_reader_options merge_reader_options = {.flags = CAIRN_OPEN_MAPPED_INDEX};

enum cairn_status merge_init(struct merge *merge, struct system *system,
			     struct cairn_reader *const *readers, uint32_t count,
			     bool allow_incomplete, struct cairn_error *error)
{
	*merge = (struct merge){
		.system = system, .source_count = count, .allow_incomplete = allow_incomplete};
	arena_init(&merge->arena, reader_arena_source(system), MERGE_ARENA_MAX);
	merge->sources = arena_allocate_array(&merge->arena, count, sizeof(*merge->sources));
	if (merge->sources == NULL)
		return error_set_memory(error, "the merge");
	for (uint32_t i = 0; i < count; i++)
		merge->sources[i].reader = readers[i];
	return CAIRN_OK;
}

void merge_fini(struct merge *merge)
{
	if (merge->is_releasing)
		system_thread_join(merge->system, merge->releaser);
	for (uint32_t i = 0; merge->parts != NULL && i < merge->part_count; i++)
		arena_fini(&merge->parts[i].group.scratch);
	arena_fini(&merge->arena);
}

static void release_sources(void *context)
{
	const struct merge *const merge = context;

	for (uint32_t i = 0; i < merge->source_count; i++)
		reader_release_index(merge->sources[i].reader);
}

void merge_release(struct merge *merge)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < merge->source_count; i++)
		size += merge->sources[i].reader->footer.index_size;
	merge->is_releasing = size >= RELEASE_SIZE_MIN &&
			      system_thread_start(merge->system, release_sources, merge,
						  &merge->releaser) == 0;
}

enum cairn_status merge_run_parts(struct merge *merge, parallel_task task, void *context,
				  struct cairn_error *error)
{
	parallel_run(merge->system, merge->part_count, merge->part_count, task, context);
	for (uint32_t i = 0; i < merge->part_count; i++) {
		if (merge->parts[i].status == CAIRN_OK)
			continue;
		if (error != NULL)
			*error = merge->parts[i].error;
		return merge->parts[i].status;
	}
	return CAIRN_OK;
}

void merge_add_amounts(struct merge_amounts *to, const struct merge_amounts *amounts)
{
	to->tensors += amounts->tensors;
	to->name_bytes += amounts->name_bytes;
	to->dims += amounts->dims;
	to->slices += amounts->slices;
	to->extents += amounts->extents;
	to->chunks += amounts->chunks;
}

enum cairn_status merge_plan(struct merge *merge, struct cairn_error *error)
{
	enum cairn_status status;

	if ((status = merge_find_shards(merge, error)) != CAIRN_OK ||
	    (status = merge_split(merge, error)) != CAIRN_OK ||
	    (status = merge_plan_values(merge, error)) != CAIRN_OK)
		return status;
	merge->is_quick = merge_plan_quick(merge);
	return merge->is_quick ? CAIRN_OK : merge_plan_tensors(merge, error);
}

/* ---------------------------------------------------------------------------------------- names */

/* Sets a source's key to its current name. */
static enum cairn_status set_key(struct merge_part *part, uint32_t source, bool first,
				 struct cairn_error *error)
{
	const struct merge_entry *const entry = merge_entry(&part->cursors[source]);
	struct merge_key *const key = &part->tree.keys[source];

	if (entry == NULL) {
		key->common = MERGE_KEY_NONE;
		return CAIRN_OK;
	}
	if (entry->is_bad)
		return merge_refuse(&part->cursors[source], error);
	key->name = entry->tensor.name.data;
	key->size = (uint32_t)entry->tensor.name.size;
	key->common = first ? 0 : (int32_t)entry->common;
	return CAIRN_OK;
}

enum cairn_status merge_first_name(struct merge_part *part, uint32_t reads,
				   struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	merge_rewind(part, reads);
	for (uint32_t i = 0; i < part->merge->source_count && status == CAIRN_OK; i++)
		status = set_key(part, i, true, error);
	if (status == CAIRN_OK)
		merge_tree_build(&part->tree);
	return status;
}

enum cairn_status merge_next_name(struct merge_part *part, struct cairn_error *error)
{
	const uint32_t source = part->tree.winner;
	enum cairn_status status;

	part->cursors[source].at++;
	status = set_key(part, source, false, error);
	if (status == CAIRN_OK)
		merge_tree_next(&part->tree);
	return status;
}

bool merge_is_at_end(const struct merge_part *part)
{
	return part->tree.keys[part->tree.winner].common == MERGE_KEY_NONE;
}

bool merge_is_same_name(const struct merge_part *part, uint64_t size)
{
	const struct merge_key *const key = &part->tree.keys[part->tree.winner];

	return key->size == size && key->common == (int32_t)size;
}
