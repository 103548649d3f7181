/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an index back to the description that it could be built of.
 *
 * Records are walked in canonical order and must be in it: what is described is then no more than
 * the image holds, whatever its counts claim.
 */
#include "engine/convert/describe_index.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/error.h"

struct describing {
	const struct index *index;
	struct arena *arena;
	describe_choose choose;
	void *context;
	struct build_input *input;
	/* by number: who has the bytes of a record that is no alias; without a name: it is not kept
	 */
	struct build_tensor **holders;
	/* where the next slice's records begin */
	uint64_t extent_index;
	uint64_t chunk_index;
};

static enum cairn_status no_memory(struct cairn_error *error)
{
	return error_set_memory(error, "a description of the index");
}

static enum cairn_status out_of_order(uint64_t number, struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "slice record %" PRIu64 " does not follow the one before it", number);
}

/* --------------------------------------------------------------------------------------- slices */

static enum cairn_status describe_extents(struct describing *describing,
					  const struct slice_record *record,
					  struct build_slice *slice, struct cairn_error *error)
{
	struct extent_record *const extents = arena_reserve_array(
		describing->arena, record->extent_count, sizeof(*extents));
	enum cairn_status status = CAIRN_OK;

	if (extents == NULL)
		return no_memory(error);
	for (uint32_t i = 0; i < record->extent_count && status == CAIRN_OK; i++)
		status = index_extent(describing->index, record->extent_index + i, &extents[i],
				      error);
	slice->extents = extents;
	slice->extent_count = record->extent_count;
	describing->extent_index += record->extent_count;
	return status;
}

static enum cairn_status describe_digests(struct describing *describing,
					  const struct slice_record *record,
					  struct build_slice *slice, struct cairn_error *error)
{
	const uint64_t chunks = divide_up(record->size, record->chunk_size);

	if (record->digest_kind == DIGEST_NONE)
		return CAIRN_OK;
	describing->chunk_index += chunks;
	return index_chunk_digests(describing->index, record->chunk_index, chunks,
				   &slice->chunk_digests, error);
}

static enum cairn_status describe_slice(struct describing *describing,
					const struct tensor_record *tensor, uint64_t number,
					struct build_slice *slice, struct cairn_error *error)
{
	struct slice_record record;
	enum cairn_status status = index_slice(describing->index, number, &record, error);

	if (status != CAIRN_OK)
		return status;
	if (record.extent_index != describing->extent_index ||
	    record.extent_count > describing->index->extent_count - describing->extent_index ||
	    record.chunk_index != describing->chunk_index || record.chunk_size == 0)
		return out_of_order(number, error);
	*slice = (struct build_slice){
		.storage_rank = record.storage_rank,
		.size = record.size,
		.chunk_size = record.chunk_size,
		.transform = record.transform,
		.check_kind = record.check_kind,
		.check_value = record.check_value,
		.transform_value = record.transform_value,
	};
	if ((record.flags & SLICE_WHOLE) == 0)
		status = index_dims(describing->index, record.ranges_index,
				    2 * (uint64_t)tensor->rank, &slice->ranges, error);
	if (status == CAIRN_OK)
		status = describe_extents(describing, &record, slice, error);
	return status == CAIRN_OK ? describe_digests(describing, &record, slice, error) : status;
}

static enum cairn_status describe_slices(struct describing *describing,
					 const struct tensor_record *record,
					 struct build_tensor *tensor, struct cairn_error *error)
{
	struct build_slice *slices;
	enum cairn_status status = CAIRN_OK;

	if (!range_within(record->slice_index, record->slice_count, describing->index->slice_count))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu32 " slices from number %" PRIu64 " on, of %" PRIu64,
				 record->slice_count, record->slice_index,
				 describing->index->slice_count);
	slices = arena_reserve_array(describing->arena, record->slice_count, sizeof(*slices));
	if (slices == NULL)
		return no_memory(error);
	for (uint32_t i = 0; i < record->slice_count && status == CAIRN_OK; i++)
		status = describe_slice(describing, record, record->slice_index + i, &slices[i],
					error);
	tensor->slices = slices;
	tensor->slice_count = record->slice_count;
	return status;
}

/* -------------------------------------------------------------------------------------- tensors */

static enum cairn_status describe_record(struct describing *describing,
					 const struct tensor_record *record,
					 struct build_tensor *tensor, struct cairn_error *error)
{
	*tensor = (struct build_tensor){
		.name_space = record->name_space,
		.rank = record->rank,
		.dtype = (enum cairn_dtype)record->dtype,
		.block_elements = record->block_elements,
		.block_bytes = record->block_bytes,
		.packing = record->packing,
		.incomplete = (record->flags & TENSOR_INCOMPLETE) != 0,
		.size = record->size,
	};
	return index_dims(describing->index, record->dims_index, record->rank, &tensor->dims,
			  error);
}

/* An alias has what its holder has; the first one that is kept of a holder that is not has its
 * slices, which were described and not used. */
static void link_alias(struct describing *describing, struct build_tensor *tensor, uint64_t holder)
{
	struct build_tensor *const kept = describing->holders[holder];

	if (kept->name.data == NULL) {
		tensor->slices = kept->slices;
		tensor->slice_count = kept->slice_count;
		describing->holders[holder] = tensor;
		return;
	}
	tensor->alias_of = kept;
}

/* A tensor that is not kept, for the aliases that may be. */
static enum cairn_status remember_holder(struct describing *describing, uint64_t number,
					 const struct build_tensor *tensor,
					 struct cairn_error *error)
{
	describing->holders[number] = arena_copy(describing->arena, tensor, sizeof(*tensor));
	return describing->holders[number] == NULL ? no_memory(error) : CAIRN_OK;
}

static enum cairn_status place_tensor(struct describing *describing, uint64_t number,
				      const struct tensor_record *record,
				      struct build_tensor *tensor, bool keep,
				      struct cairn_error *error)
{
	const bool is_alias = (record->flags & TENSOR_ALIAS) != 0;
	struct tensor_record holder;
	enum cairn_status status;

	if (!keep)
		return is_alias ? CAIRN_OK : remember_holder(describing, number, tensor, error);
	describing->input->tensor_count++;
	if (!is_alias) {
		describing->holders[number] = tensor;
		return CAIRN_OK;
	}
	status = index_resolve_alias(describing->index, number, record, &holder, error);
	if (status == CAIRN_OK)
		link_alias(describing, tensor, record->alias_of);
	return status;
}

static enum cairn_status describe_tensor(struct describing *describing, uint64_t number,
					 struct cairn_error *error)
{
	struct build_tensor *const tensor = &describing->input
						     ->tensors[describing->input->tensor_count];
	struct tensor_record record;
	struct cairn_string name = {NULL, 0};
	bool keep = true;
	enum cairn_status status;

	if ((status = index_tensor_in_order(describing->index, number, &record, error)) !=
		    CAIRN_OK ||
	    (status = index_tensor_supported(&record, error)) != CAIRN_OK ||
	    (status = index_name(describing->index, record.name_offset, record.name_size, &name,
				 error)) != CAIRN_OK ||
	    (status = describing->choose(describing->context, &record, &name, &keep, error)) !=
		    CAIRN_OK ||
	    (status = describe_record(describing, &record, tensor, error)) != CAIRN_OK ||
	    (status = describe_slices(describing, &record, tensor, error)) != CAIRN_OK)
		return status;
	if (keep)
		tensor->name = name;
	return place_tensor(describing, number, &record, tensor, keep, error);
}

/* --------------------------------------------------------------------------------------- shards */

static enum cairn_status describe_shards(struct describing *describing, struct cairn_error *error)
{
	const struct index *const index = describing->index;
	const uint64_t count = index->shard_count - 1; /* but the file itself */
	struct build_shard *const shards = arena_allocate_array(describing->arena, count,
								sizeof(*shards));
	enum cairn_status status = CAIRN_OK;

	if (shards == NULL)
		return no_memory(error);
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		status = index_shard(index, i + 1, &shards[i].record, error);
		if (status == CAIRN_OK)
			status = index_name(index, shards[i].record.name_offset,
					    shards[i].record.name_size, &shards[i].name, error);
	}
	describing->input->shards = shards;
	describing->input->shard_count = (uint32_t)count;
	return status;
}

enum cairn_status describe_index(const struct index *index, struct arena *arena, uint64_t extra,
				 describe_choose choose, void *context, struct build_input *input,
				 struct cairn_error *error)
{
	const uint64_t count = index->tensor_count + index->metadata_count;
	struct describing describing = {.index = index,
					.arena = arena,
					.choose = choose,
					.context = context,
					.input = input};
	enum cairn_status status = CAIRN_OK;

	*input = (struct build_input){.foreign = index->foreign};
	input->tensors = arena_allocate_array(arena, count + 1 + extra, sizeof(*input->tensors));
	describing.holders = arena_allocate_array(arena, count, sizeof(*describing.holders));
	if (input->tensors == NULL || describing.holders == NULL)
		return no_memory(error);
	for (uint64_t number = 0; number < count && status == CAIRN_OK; number++)
		status = describe_tensor(&describing, number, error);
	return status == CAIRN_OK ? describe_shards(&describing, error) : status;
}
