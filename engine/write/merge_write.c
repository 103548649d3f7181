/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass of a merge: writes the index container.
 *
 * Records are copied from the sources' indexes with new positions, dims, names and digests as they
 * are, extents with the numbers of the merged shards. All sections grow side by side
 * (image_writer.h), so that the pass needs no memory for them.
 */
#include <assert.h>
#include <inttypes.h>

#include "engine/write/image_writer.h"
#include "engine/write/merge.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

struct output {
	struct merge *merge;
	struct image_writer image;
	struct merge_amounts used; /* positions of the next records */
	uint32_t *holders;         /* in the merge's arena; by merged record: the one that holds
				      its bytes, itself unless it is an alias */
};

/* --------------------------------------------------------------------------------------- slices */

static enum cairn_status write_extents(struct output *output, const struct merge_slice *slice,
				       struct cairn_error *error)
{
	const struct merge_source *const source = &output->merge->sources[slice->source];

	for (uint32_t i = 0; i < slice->record.extent_count; i++) {
		struct extent_record extent;
		uint8_t bytes[EXTENT_RECORD_SIZE];
		enum cairn_status status;

		status = index_extent(&source->reader->index, slice->record.extent_index + i,
				      &extent, error);
		if (status == CAIRN_OK && source->shard_map[extent.shard] == 0)
			status = error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
					   "tensor %s lies in the index of %s itself",
					   quote(source->name).text,
					   quote(cairn_string_from(source->reader->name)).text);
		if (status != CAIRN_OK)
			return status;
		extent.shard = source->shard_map[extent.shard];
		extent_record_encode(&extent, bytes);
		status = image_append(&output->image, SECTION_EXTENTS, bytes, sizeof(bytes), error);
		if (status != CAIRN_OK)
			return status;
	}
	output->used.extents += slice->record.extent_count;
	return CAIRN_OK;
}

static enum cairn_status write_chunks(struct output *output, const struct merge_slice *slice,
				      struct cairn_error *error)
{
	const struct index *const index = &output->merge->sources[slice->source].reader->index;
	const uint64_t count = divide_up(slice->record.size, slice->record.chunk_size);
	const uint8_t *digests;
	enum cairn_status status;

	if (slice->record.digest_kind == DIGEST_NONE)
		return CAIRN_OK;
	status = index_chunk_digests(index, slice->record.chunk_index, count, &digests, error);
	if (status == CAIRN_OK)
		status = image_append(&output->image, SECTION_CHUNK_DIGESTS, digests,
				      count * DIGEST_SIZE, error);
	output->used.chunks += count;
	return status;
}

static enum cairn_status write_ranges(struct output *output, const struct merge_slice *slice,
				      uint32_t rank, struct cairn_error *error)
{
	if (slice->ranges == NULL)
		return CAIRN_OK;
	output->used.dims += 2 * (uint64_t)rank;
	return image_append(&output->image, SECTION_DIMS, slice->ranges,
			    2 * (uint64_t)rank * sizeof(uint64_t), error);
}

static enum cairn_status write_slice(struct output *output, const struct merge_slice *slice,
				     uint32_t rank, struct cairn_error *error)
{
	struct slice_record record = slice->record;
	uint8_t bytes[SLICE_RECORD_SIZE];
	enum cairn_status status;

	record.ranges_index = output->used.dims;
	record.extent_index = output->used.extents;
	record.chunk_index = output->used.chunks;
	slice_record_encode(&record, bytes);
	output->used.slices++;
	if ((status = image_append(&output->image, SECTION_SLICES, bytes, sizeof(bytes), error)) !=
		    CAIRN_OK ||
	    (status = write_ranges(output, slice, rank, error)) != CAIRN_OK ||
	    (status = write_extents(output, slice, error)) != CAIRN_OK)
		return status;
	return write_chunks(output, slice, error);
}

/* -------------------------------------------------------------------------------------- tensors */

static struct tensor_record describe(const struct output *output)
{
	const struct merge_group *const group = &output->merge->group;
	const struct merge_source *const first = &output->merge->sources[group->members[0]];
	struct tensor_record record = first->record;

	record.name_offset = output->used.name_bytes;
	record.dims_index = output->used.dims;
	record.slice_index = output->used.slices;
	record.slice_count = group->slice_count;
	record.flags = (group->is_alias ? (uint32_t)TENSOR_ALIAS : 0) |
		       (group->incomplete ? (uint32_t)TENSOR_INCOMPLETE : 0);
	record.alias_of = group->is_alias ? output->holders[first->outputs[first->record.alias_of]]
					  : 0;
	record.digest = group->digest;
	record.digest_kind = group->digest_kind;
	return record;
}

static enum cairn_status write_name(struct output *output, struct cairn_string name,
				    struct cairn_error *error)
{
	output->used.name_bytes += name.size;
	return image_append(&output->image, SECTION_NAMES, name.data, name.size, error);
}

static enum cairn_status write_dims(struct output *output, const uint64_t *dims, uint64_t count,
				    struct cairn_error *error)
{
	output->used.dims += count;
	return image_append(&output->image, SECTION_DIMS, dims, count * sizeof(*dims), error);
}

static enum cairn_status write_record(struct output *output, const struct tensor_record *record,
				      struct cairn_error *error)
{
	uint8_t bytes[TENSOR_RECORD_SIZE];

	tensor_record_encode(record, bytes);
	output->used.tensors++;
	return image_append(&output->image, SECTION_TENSORS, bytes, sizeof(bytes), error);
}

static enum cairn_status write_group(struct output *output, struct cairn_error *error)
{
	const struct merge_group *const group = &output->merge->group;
	const struct merge_source *const first = &output->merge->sources[group->members[0]];
	struct tensor_record record;
	enum cairn_status status;

	if (group->is_alias && first->record.alias_of >= first->next - 1)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "tensor %s is an alias of a tensor that does not come before it",
				 quote(first->name).text);
	record = describe(output);
	/* what an alias names may be one itself now: another source had it first */
	output->holders[output->used.tensors] = group->is_alias ? (uint32_t)record.alias_of
								: (uint32_t)output->used.tensors;
	if ((status = write_record(output, &record, error)) != CAIRN_OK ||
	    (status = write_name(output, first->name, error)) != CAIRN_OK ||
	    (status = write_dims(output, group->dims, record.rank, error)) != CAIRN_OK)
		return status;
	for (uint32_t i = 0; i < group->slice_count && status == CAIRN_OK; i++)
		status = write_slice(output, &group->slices[i], record.rank, error);
	return status;
}

/* The group that begins at place `*at` of the remembered order; its sources step on to the tensors
 * in question. */
static enum cairn_status load_group(struct merge *merge, uint64_t *at, struct cairn_error *error)
{
	struct merge_group *const group = &merge->group;
	enum cairn_status status = CAIRN_OK;

	group->count = 0;
	do {
		const uint32_t source = merge->order[(*at)++] & ~MERGE_SAME_NAME;
		bool done = false;

		status = merge_advance(&merge->sources[source], &done, error);
		assert(!done);
		group->members[group->count++] = source;
	} while (status == CAIRN_OK && *at < merge->order_count &&
		 (merge->order[*at] & MERGE_SAME_NAME) != 0);
	return status;
}

static enum cairn_status write_tensors(struct output *output, struct cairn_error *error)
{
	struct merge *const merge = output->merge;
	enum cairn_status status = CAIRN_OK;

	output->holders = arena_allocate_array(&merge->arena, merge->tensor_count,
					       sizeof(*output->holders));
	if (output->holders == NULL)
		return error_set_memory(error, "the aliases of the merge");
	merge_rewind(merge);
	for (uint64_t at = 0; at < merge->order_count && status == CAIRN_OK;) {
		status = load_group(merge, &at, error);
		if (status == CAIRN_OK)
			status = merge_resolve_group(merge, error);
		if (status == CAIRN_OK)
			status = write_group(output, error);
	}
	return status;
}

/* -------------------------------------------------------------------- metadata, shards, regions */

static struct tensor_record describe_value(const struct output *output,
					   const struct merge_value *value)
{
	const uint64_t chunks = divide_up(value->size, CHUNK_SIZE_DEFAULT);

	return (struct tensor_record){
		.name_offset = output->used.name_bytes,
		.name_size = (uint32_t)value->value.name.size,
		.dtype = (uint16_t)value->value.dtype,
		.rank = (uint8_t)value->value.rank,
		.name_space = NAME_SPACE_METADATA,
		.dims_index = output->used.dims,
		.slice_index = output->used.slices,
		.slice_count = 1,
		.block_elements = value->value.block_elements,
		.block_bytes = value->value.block_bytes,
		.digest_kind = DIGEST_XXH3_128,
		.digest = digest_of_chunks(value->digests, chunks),
		.size = value->size,
	};
}

static enum cairn_status write_value_slice(struct output *output, const struct merge_value *value,
					   struct cairn_error *error)
{
	const uint64_t chunks = divide_up(value->size, CHUNK_SIZE_DEFAULT);
	const struct extent_record extent = {
		.offset = value->offset, .stored_size = value->size, .size = value->size};
	const struct slice_record slice = {
		.ranges_index = output->used.dims,
		.extent_index = output->used.extents,
		.extent_count = value->size == 0 ? 0 : 1,
		.size = value->size,
		.chunk_index = output->used.chunks,
		.chunk_size = CHUNK_SIZE_DEFAULT,
		.check_kind = CHECK_CHUNKS,
		.digest_kind = DIGEST_XXH3_128,
		.flags = SLICE_WHOLE,
	};
	uint8_t slice_bytes[SLICE_RECORD_SIZE];
	uint8_t extent_bytes[EXTENT_RECORD_SIZE];
	enum cairn_status status;

	slice_record_encode(&slice, slice_bytes);
	extent_record_encode(&extent, extent_bytes);
	output->used.slices++;
	output->used.extents += slice.extent_count;
	output->used.chunks += chunks;
	if ((status = image_append(&output->image, SECTION_SLICES, slice_bytes, sizeof(slice_bytes),
				   error)) != CAIRN_OK ||
	    (status = image_append(&output->image, SECTION_EXTENTS, extent_bytes,
				   slice.extent_count * sizeof(extent_bytes), error)) != CAIRN_OK)
		return status;
	return image_append(&output->image, SECTION_CHUNK_DIGESTS, value->digests,
			    chunks * DIGEST_SIZE, error);
}

static enum cairn_status write_values(struct output *output, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < output->merge->value_count && status == CAIRN_OK; i++) {
		const struct merge_value *const value = &output->merge->values[i];
		const struct tensor_record record = describe_value(output, value);

		if ((status = write_record(output, &record, error)) != CAIRN_OK ||
		    (status = write_name(output, value->value.name, error)) != CAIRN_OK ||
		    (status = write_dims(output, value->value.dims, value->value.rank, error)) !=
			    CAIRN_OK)
			return status;
		status = write_value_slice(output, value, error);
	}
	return status;
}

static enum cairn_status write_shard(struct output *output, const struct shard_record *shard,
				     const char *name, struct cairn_error *error)
{
	struct shard_record record = *shard;
	uint8_t bytes[SHARD_RECORD_SIZE];
	enum cairn_status status;

	record.name_offset = output->used.name_bytes;
	record.name_size = (uint32_t)strlen(name);
	status = write_name(output, cairn_string_from(name), error);
	if (status != CAIRN_OK)
		return status;
	shard_record_encode(&record, bytes);
	return image_append(&output->image, SECTION_SHARDS, bytes, sizeof(bytes), error);
}

static bool has_data(const struct merge *merge)
{
	return merge->data_end > CONTAINER_PAGE_SIZE;
}

static enum cairn_status write_shards(struct output *output, struct cairn_error *error)
{
	const struct merge *const merge = output->merge;
	const struct shard_record self = {.kind = SHARD_SELF};
	const struct region_record region = {.offset = CONTAINER_PAGE_SIZE,
					     .size = merge->data_end - CONTAINER_PAGE_SIZE,
					     .kind = REGION_DATA};
	uint8_t bytes[REGION_RECORD_SIZE];
	enum cairn_status status;

	status = write_shard(output, &self, "", error);
	for (uint32_t i = 0; i < merge->shard_count && status == CAIRN_OK; i++) {
		const struct shard_record sibling = {.kind = SHARD_SIBLING,
						     .size = merge->shards[i].size,
						     .content_id = merge->shards[i].content_id};

		status = write_shard(output, &sibling, merge->shards[i].name, error);
	}
	if (status != CAIRN_OK || !has_data(merge))
		return status;
	region_record_encode(&region, bytes);
	return image_append(&output->image, SECTION_REGIONS, bytes, sizeof(bytes), error);
}

/* -------------------------------------------------------------------------------- the container */

/* What all sections hold: tensors, values, shards, regions. */
static struct index_amounts total_amounts(const struct merge *merge)
{
	struct index_amounts total = {
		.tensors = merge->amounts.tensors + merge->value_count,
		.name_bytes = merge->amounts.name_bytes,
		.dims = merge->amounts.dims,
		.slices = merge->amounts.slices + merge->value_count,
		.extents = merge->amounts.extents,
		.chunks = merge->amounts.chunks,
		.shards = 1 + (uint64_t)merge->shard_count,
		.regions = has_data(merge) ? 1 : 0,
	};

	for (uint64_t i = 0; i < merge->value_count; i++) {
		total.name_bytes += merge->values[i].value.name.size;
		total.dims += merge->values[i].value.rank;
		total.extents += merge->values[i].size == 0 ? 0 : 1;
		total.chunks += divide_up(merge->values[i].size, CHUNK_SIZE_DEFAULT);
	}
	for (uint32_t i = 0; i < merge->shard_count; i++)
		total.name_bytes += strlen(merge->shards[i].name);
	return total;
}

/* The values, and the zeros between them, in one piece. */
static enum cairn_status write_data(struct merge *merge, const struct draft *draft,
				    struct cairn_error *error)
{
	const uint64_t size = merge->data_end - CONTAINER_PAGE_SIZE;
	uint8_t *bytes;

	if (!has_data(merge))
		return CAIRN_OK;
	bytes = arena_allocate_array(&merge->arena, size, 1);
	if (bytes == NULL)
		return error_set_memory(error, "metadata");
	for (uint64_t i = 0; i < merge->value_count; i++) {
		const struct merge_value *const value = &merge->values[i];

		if (value->size != 0)
			memcpy(bytes + (value->offset - CONTAINER_PAGE_SIZE), value->bytes,
			       value->size);
	}
	return draft_write(draft, CONTAINER_PAGE_SIZE, bytes, size, error);
}

static enum cairn_status write_index(struct output *output, const struct draft *draft,
				     uint64_t index_offset, struct container_footer *footer,
				     struct cairn_error *error)
{
	enum cairn_status status;

	status = image_writer_init(&output->image, output->merge->system, &output->merge->arena,
				   draft->fd, index_offset, footer, error);
	if (status != CAIRN_OK || (status = write_tensors(output, error)) != CAIRN_OK ||
	    (status = write_values(output, error)) != CAIRN_OK ||
	    (status = write_shards(output, error)) != CAIRN_OK)
		return status;
	status = image_writer_finish(&output->image, error);
	footer->root = output->image.root;
	footer->index_size = output->image.tree.image_size;
	return status;
}

/* Header first, footer and its copy last: they say what the index turned out to be. */
static enum cairn_status write_pages(const struct draft *draft, const uint8_t *header_page,
				     uint64_t index_offset, struct container_footer *footer,
				     struct cairn_error *error)
{
	const uint64_t end = align_up(index_offset + footer->index_size, CONTAINER_PAGE_SIZE);
	uint8_t page[CONTAINER_PAGE_SIZE];
	enum cairn_status status;

	container_footer_seal(footer, header_page, index_offset, end + CONTAINER_PAGE_SIZE);
	container_footer_encode(footer, page);
	if ((status = draft_write(draft, 0, header_page, CONTAINER_PAGE_SIZE, error)) != CAIRN_OK ||
	    (status = draft_write(draft, container_footer_copy_offset(footer), page, sizeof(page),
				  error)) != CAIRN_OK)
		return status;
	return draft_write(draft, end, page, sizeof(page), error);
}

enum cairn_status merge_write(struct merge *merge, const struct merge_identity *identity,
			      const struct draft *draft, struct cairn_digest *content_id,
			      struct cairn_error *error)
{
	const struct index_amounts amounts = total_amounts(merge);
	const uint64_t index_offset = align_up(align_up(merge->data_end, CONTAINER_PAGE_SIZE) +
						       CONTAINER_PAGE_SIZE,
					       INDEX_BLOCK_SIZE);
	struct container_header header = {.version = CONTAINER_VERSION};
	struct container_footer footer = {
		.alignment = identity->alignment,
		.parent_id = identity->parent_id,
		.generation = identity->generation,
		.tensor_count = merge->tensor_count,
		.metadata_count = merge->value_count,
	};
	struct output output = {.merge = merge};
	uint8_t header_page[CONTAINER_PAGE_SIZE];
	enum cairn_status status;

	memcpy(header.save_id, identity->save_id, sizeof(header.save_id));
	container_header_encode(&header, header_page);
	index_layout_sections(&amounts, &footer);
	if ((status = write_data(merge, draft, error)) != CAIRN_OK ||
	    (status = write_index(&output, draft, index_offset, &footer, error)) != CAIRN_OK ||
	    (status = write_pages(draft, header_page, index_offset, &footer, error)) != CAIRN_OK)
		return status;
	*content_id = footer.content_id;
	return CAIRN_OK;
}
