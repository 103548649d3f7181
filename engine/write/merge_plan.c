/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first pass of a merge: the order of all tensors, and what becomes of each.
 *
 * The sources are sorted already; a tree of their current names gives the merged order, which is
 * remembered (four bytes a record), so that the second pass need not compare names again.
 */
#include "engine/write/merge.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/error.h"

/* ------------------------------------------------------------------------------------- counting */

static void use_shard(struct merge_part *part, uint32_t source, uint16_t shard)
{
	const uint16_t number = merge_shard_number(&part->merge->sources[source], shard);

	if (number != 0)
		part->uses_shard[number - 1] = true;
}

static enum cairn_status mark_shards(struct merge_part *part, struct cairn_error *error)
{
	const struct merge_group *const group = &part->group;

	for (uint32_t i = 0; i < group->slice_count; i++) {
		const struct merge_slice *const slice = &group->slices[i];
		const struct index *const index = &part->merge->sources[slice->source].index;

		for (uint32_t k = 0; k < slice->record.extent_count; k++) {
			struct extent_record extent;
			const enum cairn_status status = index_extent(
				index, slice->record.extent_index + k, &extent, error);

			if (status != CAIRN_OK)
				return status;
			use_shard(part, slice->source, extent.shard);
		}
	}
	return CAIRN_OK;
}

/* More than there are can only be referred to twice. Else nothing that follows from the amounts is
 * larger than the sources. */
static enum cairn_status refuse_amounts(const struct merge_source *source, struct cairn_string name,
					struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "%s: up to tensor %s there are more extents or digests than the %" PRIu64
			 " and %" PRIu64 " of its index",
			 quote(cairn_string_from(source->reader->name)).text, quote(name).text,
			 source->index.extent_count, source->index.chunk_count);
}

/* A slice's part of the amounts. */
static enum cairn_status count_slice(struct merge_part *part, uint32_t source, uint64_t extents,
				     uint64_t chunks, struct cairn_string name,
				     struct cairn_error *error)
{
	struct merge_cursor *const cursor = &part->cursors[source];
	const struct index *const index = &cursor->source->index;

	if (!range_within(cursor->extents, extents, index->extent_count) ||
	    !range_within(cursor->chunks, chunks, index->chunk_count))
		return refuse_amounts(cursor->source, name, error);
	cursor->extents += extents;
	cursor->chunks += chunks;
	part->amounts.slices++;
	part->amounts.extents += extents;
	part->amounts.chunks += chunks;
	return CAIRN_OK;
}

static enum cairn_status count_group(struct merge_part *part, struct cairn_error *error)
{
	const struct merge_group *const group = &part->group;
	const struct merge_cursor *const first = &part->cursors[group->members[0]];
	struct merge_amounts *const amounts = &part->amounts;
	enum cairn_status status = CAIRN_OK;

	amounts->tensors++;
	amounts->name_bytes += first->name.size;
	amounts->dims += first->record.rank;
	for (uint32_t i = 0; i < group->slice_count && status == CAIRN_OK; i++) {
		const struct merge_slice *const slice = &group->slices[i];
		const struct slice_record *const record = &slice->record;

		amounts->dims += slice->ranges == NULL ? 0 : 2 * (uint64_t)first->record.rank;
		status = count_slice(part, slice->source, record->extent_count,
				     record->digest_kind == DIGEST_NONE
					     ? 0
					     : divide_up(record->size, record->chunk_size),
				     first->name, error);
	}
	return status;
}

/* A plain tensor that no other source has. */
static enum cairn_status count_plain(struct merge_part *part, const struct merge_entry *entry,
				     struct cairn_error *error)
{
	const struct plain_tensor *const tensor = &entry->tensor;
	struct merge_amounts *const amounts = &part->amounts;

	amounts->tensors++;
	amounts->name_bytes += tensor->name.size;
	amounts->dims += tensor->rank;
	if (entry->shard != 0)
		part->uses_shard[entry->shard - 1] = true;
	return count_slice(part, part->group.members[0], tensor->extent_count, tensor->chunk_count,
			   tensor->image_name, error);
}

/* What each part has counted is no more than there is; nor may all parts together. */
static enum cairn_status check_amounts(const struct merge *merge, struct cairn_error *error)
{
	for (uint32_t i = 0; i < merge->source_count; i++) {
		const struct merge_source *const source = &merge->sources[i];
		uint64_t extents = 0;
		uint64_t chunks = 0;

		for (uint32_t k = 0; k < merge->part_count; k++) {
			const struct merge_cursor *const cursor = &merge->parts[k].cursors[i];

			if (!range_within(extents, cursor->extents, source->index.extent_count) ||
			    !range_within(chunks, cursor->chunks, source->index.chunk_count))
				return refuse_amounts(source, cursor->last, error);
			extents += cursor->extents;
			chunks += cursor->chunks;
		}
	}
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- groups */

/* Takes all sources whose current tensor has the least name. *first is that of the first of them;
 * what it points to is gone. */
static enum cairn_status take_group(struct merge_part *part, struct merge_entry *first,
				    struct cairn_error *error)
{
	struct merge_group *const group = &part->group;

	*first = *merge_entry(&part->cursors[part->tree.winner]);
	group->count = 0;
	do {
		const uint32_t source = part->tree.winner;
		enum cairn_status status;

		part->order[part->order_count++] = source |
						   (group->count == 0 ? 0 : MERGE_SAME_NAME);
		group->members[group->count++] = source;
		status = merge_next_name(part, error);
		if (status != CAIRN_OK)
			return status;
	} while (merge_is_same_name(part, first->tensor.name.size));
	return CAIRN_OK;
}

enum cairn_status merge_load_group(struct merge_part *part, struct cairn_error *error)
{
	struct merge_group *const group = &part->group;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < group->count && status == CAIRN_OK; i++) {
		struct merge_cursor *const cursor = &part->cursors[group->members[i]];

		status = merge_load(cursor, merge_record_number(cursor) - 1, error);
	}
	return status == CAIRN_OK ? merge_resolve_group(part, error) : status;
}

static enum cairn_status plan_group(struct merge_part *part, struct cairn_error *error)
{
	const uint64_t place = part->order_count;
	struct merge_entry first;
	enum cairn_status status;

	status = take_group(part, &first, error);
	if (status != CAIRN_OK)
		return status;
	if (part->group.count == 1 && first.is_plain)
		return count_plain(part, &first, error);
	if ((status = merge_load_group(part, error)) != CAIRN_OK ||
	    (status = count_group(part, error)) != CAIRN_OK ||
	    (status = mark_shards(part, error)) != CAIRN_OK)
		return status;
	if (part->group.is_alias) {
		part->order[place] |= MERGE_IS_ALIAS;
		part->has_aliases = true;
	}
	return CAIRN_OK;
}

static enum cairn_status plan_part(struct merge_part *part, struct cairn_error *error)
{
	enum cairn_status status = merge_first_name(part, MERGE_READ_NAMES, error);

	while (status == CAIRN_OK && !merge_is_at_end(part))
		status = plan_group(part, error);
	return status;
}

/* ---------------------------------------------------------------------------------------- parts */

/* Forgets what an earlier plan found. */
static bool reset_part(struct merge *merge, struct merge_part *part)
{
	uint64_t records = 0;

	for (uint32_t i = 0; i < merge->source_count; i++) {
		records += part->ends[i] - part->begins[i];
		part->cursors[i].extents = part->cursors[i].chunks = 0;
	}
	part->order = arena_allocate(&merge->arena, records * sizeof(*part->order));
	part->order_count = 0;
	part->has_aliases = false;
	part->amounts = (struct merge_amounts){0};
	memset(part->uses_shard, 0, merge->shard_count * sizeof(*part->uses_shard));
	return part->order != NULL;
}

static void plan_task(void *context, uint32_t number)
{
	struct merge *const merge = context;
	struct merge_part *const part = &merge->parts[number];

	part->status = plan_part(part, &part->error);
}

enum cairn_status merge_plan_tensors(struct merge *merge, struct cairn_error *error)
{
	enum cairn_status status;

	merge->is_quick = false;
	for (uint32_t i = 0; i < merge->part_count; i++) {
		if (!reset_part(merge, &merge->parts[i]))
			return error_set_memory(error, "the order of the merge");
	}
	status = merge_run_parts(merge, plan_task, merge, error);
	if (status == CAIRN_OK)
		status = check_amounts(merge, error);
	if (status != CAIRN_OK)
		return status;
	merge->amounts = (struct merge_amounts){0};
	for (uint32_t i = 0; i < merge->part_count; i++) {
		merge->parts[i].before = merge->amounts;
		merge_add_amounts(&merge->amounts, &merge->parts[i].amounts);
	}
	if (merge->amounts.tensors > TENSOR_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " tensors, at most %" PRIu64 " are allowed",
				 merge->amounts.tensors, TENSOR_COUNT_MAX);
	status = merge_find_holders(merge, error);
	return status == CAIRN_OK ? merge_drop_shards(merge, error) : status;
}
