/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a parsed safetensors header to the descriptions that index_build takes. Ranges and shapes
 * were checked by the parser; the data stay where they are, only the metadata are copied.
 * Descriptions come by name, as index_build wants them in the end.
 */
#include "format/safetensors.h"

#include <inttypes.h>

#include "format/container.h"
#include "format/error.h"
#include "format/record.h"

/* What one tensor needs besides its description; allocated in one piece. */
struct piece {
	struct build_slice slice;
	struct extent_record extent;
};

static struct build_tensor describe(const struct piece *piece, struct cairn_string name,
				    enum cairn_dtype dtype)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(dtype);

	return (struct build_tensor){
		.name = name,
		.dtype = dtype,
		.block_elements = info->block_elements,
		.block_bytes = info->block_bytes,
		.packing = PACKING_FLAT,
		.size = piece->slice.size,
		.slices = &piece->slice,
		.slice_count = 1,
	};
}

static void describe_slice(struct piece *piece, uint32_t storage_rank)
{
	piece->slice = (struct build_slice){
		.extents = &piece->extent,
		.extent_count = 1,
		.storage_rank = storage_rank,
		.size = piece->extent.size,
		.chunk_size = CHUNK_SIZE_DEFAULT, /* what adopting it would digest */
		.transform = TRANSFORM_NONE,
		.check_kind = CHECK_NONE,
	};
}

static void describe_tensor(const struct safetensors_tensor *tensor, uint64_t data_offset,
			    uint16_t shard, uint32_t storage_rank, struct piece *piece,
			    struct build_tensor *description)
{
	const uint64_t size = tensor->end - tensor->begin;

	piece->extent = (struct extent_record){
		.offset = data_offset + tensor->begin,
		.stored_size = size,
		.size = size,
		.shard = shard,
		.codec = CODEC_RAW,
	};
	describe_slice(piece, storage_rank);
	*description = describe(piece, tensor->name, tensor->dtype);
	description->name_space = NAME_SPACE_TENSOR;
	description->rank = tensor->rank;
	description->dims = tensor->dims;
}

/* A metadata value is a string of rank 0, kept in memory since JSON does not hold it as Cairn does.
 */
static enum cairn_status describe_pair(struct arena *arena, const struct safetensors_pair *pair,
				       uint32_t storage_rank, struct literal_buffer *literal,
				       struct piece *piece, struct build_tensor *description,
				       struct cairn_error *error)
{
	const enum cairn_status status = literal_add_text(arena, literal, pair->value,
							  &piece->extent, error);

	if (status != CAIRN_OK)
		return status;
	describe_slice(piece, storage_rank);
	*description = describe(piece, pair->key, CAIRN_STRING);
	description->name_space = NAME_SPACE_METADATA;
	return CAIRN_OK;
}

enum cairn_status safetensors_describe(struct arena *arena, const struct safetensors_header *header,
				       uint16_t shard, uint32_t first_rank, struct build_list *list,
				       struct literal_buffer *literal, struct cairn_error *error)
{
	const uint64_t count = header->tensor_count + header->metadata_count;
	struct build_tensor *descriptions;
	struct piece *pieces;

	if (header->tensor_count > UINT32_MAX - first_rank)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " tensors behind %" PRIu32 " others are too many",
				 header->tensor_count, first_rank);
	descriptions = build_list_reserve(arena, list, count);
	pieces = arena_allocate_array(arena, count, sizeof(*pieces));
	if (descriptions == NULL || pieces == NULL)
		return error_set_memory(error, "the tensors of a safetensors file");
	for (uint64_t i = 0; i < header->tensor_count; i++) {
		const uint32_t number = header->name_order[i];

		describe_tensor(&header->tensors[number], header->data_offset, shard,
				first_rank + number, &pieces[i], &descriptions[i]);
	}
	for (uint64_t i = 0; i < header->metadata_count; i++) {
		const uint64_t at = header->tensor_count + i;
		const enum cairn_status status = describe_pair(arena, &header->metadata[i],
							       (uint32_t)i, literal, &pieces[at],
							       &descriptions[at], error);

		if (status != CAIRN_OK)
			return status;
	}
	list->count += count;
	return CAIRN_OK;
}
