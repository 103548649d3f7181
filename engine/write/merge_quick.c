/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The quick way: one pass instead of two, for merges in which every tensor is plain and no two have
 * the same name, as when each rank has tensors of its own.
 *
 * Then the sizes of the merged sections, and what each part fills of them, follow from where a few
 * records of each source begin. This is only supposed; every tensor is looked at when it is copied,
 * and what does not fit the supposition is a surprise: everything is planned (merge_plan.c) and
 * written again, and nothing of the first attempt stays.
 */
#include "engine/write/merge_output.h"
#include "format/error.h"

/* ----------------------------------------------------------------------------------------- plan */

/* Where the slices from number at->slices on begin. */
static bool find_slice(const struct index *index, struct merge_amounts *at)
{
	struct slice_record slice = {.extent_index = index->extent_count,
				     .chunk_index = index->chunk_count};

	if (at->slices < index->slice_count &&
	    index_slice(index, at->slices, &slice, NULL) != CAIRN_OK)
		return false;
	at->extents = slice.extent_index;
	at->chunks = slice.chunk_index;
	return true;
}

/* Where the records from number `number` on begin in a canonical index, or its tensors end. */
static bool find_position(const struct index *index, uint64_t number, struct merge_amounts *at)
{
	struct tensor_record record = {.dims_index = index->dim_count,
				       .slice_index = index->slice_count};
	struct shard_record shard;

	*at = (struct merge_amounts){0};
	if (number == 0)
		return true;
	if (number < index->tensor_count + index->metadata_count) {
		if (index_tensor(index, number, &record, NULL) != CAIRN_OK)
			return false;
	} else if (index_shard(index, 0, &shard, NULL) != CAIRN_OK) {
		return false;
	} else {
		record.name_offset = shard.name_offset; /* the names of shards come last */
	}
	at->tensors = number;
	at->name_bytes = record.name_offset;
	at->dims = record.dims_index;
	at->slices = record.slice_index;
	return find_slice(index, at) && at->name_bytes <= index->sections[SECTION_NAMES].size &&
	       at->dims <= index->dim_count && at->slices <= index->slice_count &&
	       at->extents <= index->extent_count && at->chunks <= index->chunk_count;
}

/* What all sources have before the records at these bounds. */
static bool sum_positions(const struct merge *merge, const uint64_t *bounds,
			  struct merge_amounts *sum)
{
	*sum = (struct merge_amounts){0};
	for (uint32_t i = 0; i < merge->source_count; i++) {
		struct merge_amounts at;

		if (!find_position(&merge->sources[i].index, bounds[i], &at))
			return false;
		merge_add_amounts(sum, &at);
	}
	return true;
}

static bool is_before(const struct merge_amounts *a, const struct merge_amounts *b)
{
	return a->tensors <= b->tensors && a->name_bytes <= b->name_bytes && a->dims <= b->dims &&
	       a->slices <= b->slices && a->extents <= b->extents && a->chunks <= b->chunks;
}

bool merge_plan_quick(struct merge *merge)
{
	for (uint32_t i = 0; i < merge->part_count; i++) {
		struct merge_part *const part = &merge->parts[i];

		if (!sum_positions(merge, part->begins, &part->before) ||
		    !sum_positions(merge, part->ends, &merge->amounts) ||
		    !is_before(&part->before, &merge->amounts))
			return false;
	}
	return merge->amounts.tensors <= TENSOR_COUNT_MAX;
}

/* ---------------------------------------------------------------------------------------- write */

/* Whatever it is: the careful way finds out. */
static enum cairn_status surprise(struct merge_part *part, struct cairn_error *error)
{
	atomic_store_explicit(&part->merge->is_surprised, true, memory_order_relaxed);
	return error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
			 "the sources are not what they seemed to be");
}

static bool is_surprised(const struct merge_part *part)
{
	return atomic_load_explicit(&part->merge->is_surprised, memory_order_relaxed);
}

/* The tensor of the least name. */
static enum cairn_status copy_next(struct merge_output *output, struct cairn_error *error)
{
	struct merge_part *const part = output->part;
	const struct merge_entry *const entry = merge_entry(&part->cursors[part->tree.winner]);
	const uint64_t name_size = entry->tensor.name.size;
	enum cairn_status status;

	if (!entry->is_plain || is_surprised(part))
		return surprise(part, error);
	if (entry->shard != 0)
		part->uses_shard[entry->shard - 1] = true;
	status = merge_copy_plain(output, entry, error);
	if (status == CAIRN_BUSY)
		return surprise(part, error);
	if (status != CAIRN_OK)
		return status;
	status = merge_next_name(part, error);
	return status != CAIRN_OK || merge_is_same_name(part, name_size) ? surprise(part, error)
									 : CAIRN_OK;
}

enum cairn_status merge_copy_part(struct merge_output *output, struct cairn_error *error)
{
	struct merge_part *const part = output->part;

	if (merge_first_name(part, MERGE_READ_NAMES | MERGE_READ_REST, error) != CAIRN_OK)
		return surprise(part, error);
	while (!merge_is_at_end(part)) {
		const enum cairn_status status = copy_next(output, error);

		if (status != CAIRN_OK)
			return status;
	}
	return image_part_finish(&output->image, error) == CAIRN_OK ? CAIRN_OK
								    : surprise(part, error);
}
