/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second pass of a merge, for tensors: follows the remembered order and writes their records.
 *
 * Those of a plain tensor of one source are copied byte for byte; only the places that they refer
 * to are new, and the numbers of shards. Those of all others are encoded.
 */
#include <assert.h>

#include "engine/write/merge_output.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/record_fields.h"

/* -------------------------------------------------------------------------------- plain tensors */

/*
 * A copy of a record goes straight to its place where there is one; else it is made in `spare` and
 * appended.
 */
static inline uint8_t *place_copy(struct image_part *image, enum section_type type,
				  const uint8_t *record, uint64_t size, uint8_t *spare)
{
	uint8_t *const place = image_place(image, type, size);
	uint8_t *const copy = place == NULL ? spare : place;

	memcpy(copy, record, size);
	return copy;
}

static inline enum cairn_status settle_copy(struct image_part *image, enum section_type type,
					    const uint8_t *copy, uint64_t size,
					    const uint8_t *spare, struct cairn_error *error)
{
	return copy == spare ? image_append(image, type, spare, size, error) : CAIRN_OK;
}

static inline enum cairn_status copy_record(struct image_part *image,
					    const struct plain_tensor *tensor,
					    const struct merge_amounts *at,
					    struct cairn_error *error)
{
	uint8_t spare[TENSOR_RECORD_SIZE];
	uint8_t *const copy = place_copy(image, SECTION_TENSORS, tensor->record, sizeof(spare),
					 spare);

	tensor_record_move(copy, at->name_bytes, at->dims, at->slices);
	return settle_copy(image, SECTION_TENSORS, copy, sizeof(spare), spare, error);
}

static inline enum cairn_status copy_slice(struct image_part *image,
					   const struct plain_tensor *tensor,
					   const struct merge_amounts *at,
					   struct cairn_error *error)
{
	uint8_t spare[SLICE_RECORD_SIZE];
	uint8_t *const copy = place_copy(image, SECTION_SLICES, tensor->slice, sizeof(spare),
					 spare);

	slice_record_move(copy, at->dims + tensor->rank, at->extents, at->chunks);
	return settle_copy(image, SECTION_SLICES, copy, sizeof(spare), spare, error);
}

static inline enum cairn_status copy_extents(struct image_part *image,
					     const struct plain_tensor *tensor, uint16_t shard,
					     struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < tensor->extent_count && status == CAIRN_OK; i++) {
		uint8_t spare[EXTENT_RECORD_SIZE];
		uint8_t *const copy = place_copy(image, SECTION_EXTENTS,
						 tensor->extents + (uint64_t)i * sizeof(spare),
						 sizeof(spare), spare);

		extent_record_move(copy, shard);
		status = settle_copy(image, SECTION_EXTENTS, copy, sizeof(spare), spare, error);
	}
	return status;
}

enum cairn_status merge_copy_plain(struct merge_output *output, const struct merge_entry *entry,
				   struct cairn_error *error)
{
	const struct plain_tensor *const tensor = &entry->tensor;
	const struct merge_amounts at = output->used;
	struct image_part *const image = &output->image;
	enum cairn_status status;

	output->used = (struct merge_amounts){.tensors = at.tensors + 1,
					      .name_bytes = at.name_bytes + tensor->name.size,
					      .dims = at.dims + tensor->rank,
					      .slices = at.slices + 1,
					      .extents = at.extents + tensor->extent_count,
					      .chunks = at.chunks + tensor->chunk_count};
	if ((status = copy_record(image, tensor, &at, error)) != CAIRN_OK ||
	    (status = image_append(image, SECTION_NAMES, tensor->name.data, tensor->name.size,
				   error)) != CAIRN_OK ||
	    (status = image_append(image, SECTION_DIMS, tensor->dims,
				   (uint64_t)tensor->rank * DIM_RECORD_SIZE, error)) != CAIRN_OK ||
	    (status = copy_slice(image, tensor, &at, error)) != CAIRN_OK ||
	    (status = copy_extents(image, tensor, entry->shard, error)) != CAIRN_OK)
		return status;
	return image_append(image, SECTION_CHUNK_DIGESTS, tensor->digests,
			    tensor->chunk_count * DIGEST_SIZE, error);
}

/* --------------------------------------------------------------------------------------- slices */

static enum cairn_status write_extents(struct merge_output *output, const struct merge_slice *slice,
				       struct cairn_error *error)
{
	const struct merge_source *const source = &output->merge->sources[slice->source];
	const struct merge_cursor *const cursor = &output->part->cursors[slice->source];

	for (uint32_t i = 0; i < slice->record.extent_count; i++) {
		struct extent_record extent;
		uint8_t bytes[EXTENT_RECORD_SIZE];
		enum cairn_status status;

		status = index_extent(&source->index, slice->record.extent_index + i, &extent,
				      error);
		if (status == CAIRN_OK && merge_shard_number(source, extent.shard) == 0)
			status = error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
					   "tensor %s lies in the index of %s itself",
					   quote(cursor->name).text,
					   quote(cairn_string_from(source->reader->name)).text);
		if (status != CAIRN_OK)
			return status;
		extent.shard = merge_shard_number(source, extent.shard);
		extent_record_encode(&extent, bytes);
		status = image_append(&output->image, SECTION_EXTENTS, bytes, sizeof(bytes), error);
		if (status != CAIRN_OK)
			return status;
	}
	output->used.extents += slice->record.extent_count;
	return CAIRN_OK;
}

static enum cairn_status write_chunks(struct merge_output *output, const struct merge_slice *slice,
				      struct cairn_error *error)
{
	const struct index *const index = &output->merge->sources[slice->source].index;
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

static enum cairn_status write_slice(struct merge_output *output, const struct merge_slice *slice,
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
	status = image_append(&output->image, SECTION_SLICES, bytes, sizeof(bytes), error);
	if (status == CAIRN_OK && slice->ranges != NULL)
		status = merge_write_dims(output, slice->ranges, 2 * (uint64_t)rank, error);
	if (status == CAIRN_OK)
		status = write_extents(output, slice, error);
	return status == CAIRN_OK ? write_chunks(output, slice, error) : status;
}

/* --------------------------------------------------------------------------------------- groups */

static struct tensor_record describe(const struct merge_output *output)
{
	const struct merge_group *const group = &output->part->group;
	struct tensor_record record = output->part->cursors[group->members[0]].record;

	record.name_offset = output->used.name_bytes;
	record.dims_index = output->used.dims;
	record.slice_index = output->used.slices;
	record.slice_count = group->slice_count;
	record.flags = (group->is_alias ? (uint32_t)TENSOR_ALIAS : 0) |
		       (group->incomplete ? (uint32_t)TENSOR_INCOMPLETE : 0);
	record.alias_of = group->is_alias ? output->merge->holders[output->used.tensors] : 0;
	record.digest = group->digest;
	record.digest_kind = group->digest_kind;
	return record;
}

static enum cairn_status write_group(struct merge_output *output, struct cairn_error *error)
{
	const struct merge_group *const group = &output->part->group;
	const struct merge_cursor *const first = &output->part->cursors[group->members[0]];
	const struct tensor_record record = describe(output);
	enum cairn_status status;

	if ((status = merge_write_record(output, &record, error)) != CAIRN_OK ||
	    (status = merge_write_name(output, first->name, error)) != CAIRN_OK ||
	    (status = merge_write_dims(output, group->dims, record.rank, error)) != CAIRN_OK)
		return status;
	for (uint32_t i = 0; i < group->slice_count && status == CAIRN_OK; i++)
		status = write_slice(output, &group->slices[i], record.rank, error);
	return status;
}

/* The group that begins at place `*at` of the remembered order; its sources step over it. Returns
 * the first of its tensors. */
static const struct merge_entry *follow_order(struct merge_part *part, uint64_t *at)
{
	struct merge_group *const group = &part->group;
	const struct merge_entry *first = NULL;

	group->count = 0;
	do {
		const uint32_t source = part->order[(*at)++] & MERGE_SOURCE_MASK;
		const struct merge_entry *const entry = merge_entry(&part->cursors[source]);

		assert(entry != NULL);
		if (group->count == 0)
			first = entry;
		part->cursors[source].at++;
		group->members[group->count++] = source;
	} while (*at < part->order_count && (part->order[*at] & MERGE_SAME_NAME) != 0);
	return first;
}

enum cairn_status merge_write_part(struct merge_output *output, struct cairn_error *error)
{
	struct merge_part *const part = output->part;
	enum cairn_status status = CAIRN_OK;

	merge_rewind(part, MERGE_READ_REST);
	for (uint64_t at = 0; at < part->order_count && status == CAIRN_OK;) {
		const bool was_alias = (part->order[at] & MERGE_IS_ALIAS) != 0;
		const struct merge_entry *const first = follow_order(part, &at);

		if (part->group.count == 1 && first->is_plain && !was_alias) {
			status = merge_copy_plain(output, first, error);
			continue;
		}
		status = merge_load_group(part, error);
		if (status == CAIRN_OK && part->group.is_alias && !was_alias)
			status = image_has_changed(error);
		if (status == CAIRN_OK)
			status = write_group(output, error);
	}
	return status == CAIRN_OK ? image_part_finish(&output->image, error) : status;
}
