/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a bundle to the descriptions that index_build takes. Data stay where they are; what has to
 * be done to them (byte order, strings) and how they are checked is said in each slice.
 */
#include <inttypes.h>

#include "format/bytes.h"
#include "format/container.h"
#include "format/crc32c.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/record.h"
#include "format/shape.h"
#include "format/sort_array.h"
#include "format/tensorflow_bundle.h"

/* Where a piece lies. */
struct place {
	uint64_t offset;
	uint64_t size;
	uint32_t shard;
};

/* Everything that is made, piece by piece. */
struct description {
	const struct bundle *bundle;
	struct build_slice *slices;
	struct extent_record *extents;
	struct place *places;
	uint64_t count; /* pieces so far */
};

/* ----------------------------------------------------------------------------------- transforms */

/* Bytes that a machine would load at once: both parts of a complex number by themselves. */
static uint32_t word_size(enum cairn_dtype dtype)
{
	const uint32_t size = cairn_dtype_info(dtype)->block_bytes;

	return dtype == CAIRN_C64 || dtype == CAIRN_C128 ? size / 2 : size;
}

static void describe_values(const struct bundle_tensor *tensor, const struct bundle_piece *piece,
			    bool big_endian, struct build_slice *slice)
{
	const bool is_variant = tensor->dtype == CAIRN_VARIANT;

	slice->transform = is_variant ? TRANSFORM_TENSORFLOW_VARIANT : TRANSFORM_TENSORFLOW_STRING;
	slice->check_kind = is_variant ? CHECK_TENSORFLOW_VARIANT_CRC : CHECK_TENSORFLOW_STRING_CRC;
	slice->transform_value = 2 * bundle_piece_elements(tensor, piece) + (big_endian ? 1 : 0);
}

static void describe_bytes(const struct bundle_tensor *tensor, bool big_endian,
			   struct build_slice *slice)
{
	const uint32_t word = word_size(tensor->dtype);

	slice->check_kind = CHECK_CRC32C;
	if (big_endian && word > 1) {
		slice->transform = TRANSFORM_SWAP;
		slice->transform_value = word;
	}
}

/* --------------------------------------------------------------------------------------- pieces */

static void describe_piece(struct description *description, const struct bundle_tensor *tensor,
			   const struct bundle_piece *piece)
{
	const bool big_endian = description->bundle->header.big_endian;
	struct build_slice *const slice = &description->slices[description->count];
	struct extent_record *const extent = &description->extents[description->count];

	*slice = (struct build_slice){
		.ranges = tensor->rank == 0 ? NULL : piece->ranges,
		.extents = extent,
		.extent_count = piece->size == 0 ? 0 : 1,
		.size = piece->raw_size,
		.chunk_size = CHUNK_SIZE_DEFAULT, /* what adopting it would digest */
		.check_value = crc32c_unmask(piece->crc),
	};
	*extent = (struct extent_record){
		.offset = piece->offset,
		.stored_size = piece->size,
		.size = piece->size,
		.shard = (uint16_t)(piece->shard + 1),
		.codec = CODEC_RAW,
	};
	if (dtype_is_variable(tensor->dtype))
		describe_values(tensor, piece, big_endian, slice);
	else
		describe_bytes(tensor, big_endian, slice);
	description->places[description->count++] = (struct place){piece->offset, piece->size,
								   piece->shard};
}

/* ---------------------------------------------------------------------------------------- sizes */

static enum cairn_status too_large(struct cairn_error *error)
{
	return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
			 "it has 2^63 bytes or more as Cairn hands it out");
}

/* The end offsets of all elements, and the bytes of those that are stored. */
static enum cairn_status variable_size(const struct bundle_tensor *tensor, uint64_t *size,
				       struct cairn_error *error)
{
	uint64_t total;

	if (!checked_multiply(tensor->elements, sizeof(uint64_t), &total))
		return too_large(error);
	for (uint32_t i = 0; i < tensor->piece_count; i++) {
		const struct bundle_piece *const piece = &tensor->pieces[i];
		const uint64_t ends = bundle_piece_elements(tensor, piece) * sizeof(uint64_t);

		if (piece->raw_size == BUNDLE_SIZE_UNKNOWN || piece->raw_size < ends)
			return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
					 "the size of its elements was not read");
		if (!checked_add(total, piece->raw_size - ends, &total))
			return too_large(error);
	}
	if (total >= CONTAINER_SIZE_MAX)
		return too_large(error);
	*size = total;
	return CAIRN_OK;
}

static enum cairn_status tensor_size(const struct bundle_tensor *tensor, uint64_t *size,
				     struct cairn_error *error)
{
	const struct packing packing = {1, cairn_dtype_info(tensor->dtype)->block_bytes,
					PACKING_FLAT};

	if (dtype_is_variable(tensor->dtype))
		return variable_size(tensor, size, error);
	return shape_bytes(&packing, tensor->rank, tensor->dims, size, error);
}

/* -------------------------------------------------------------------------------------- tensors */

static enum cairn_status describe_tensor(struct description *description,
					 const struct bundle_tensor *tensor,
					 struct build_tensor *described, struct cairn_error *error)
{
	uint64_t size = 0;
	const enum cairn_status status = tensor_size(tensor, &size, error);

	if (status != CAIRN_OK)
		return error_prefix_tensor(error, status, tensor->name);
	*described = (struct build_tensor){
		.name = tensor->name,
		.name_space = NAME_SPACE_TENSOR,
		.rank = tensor->rank,
		.dtype = tensor->dtype,
		.dims = tensor->dims,
		.block_elements = 1,
		.block_bytes = cairn_dtype_info(tensor->dtype)->block_bytes,
		.packing = PACKING_FLAT,
		.incomplete = tensor->incomplete,
		.size = size,
		.slices = &description->slices[description->count],
		.slice_count = tensor->piece_count,
	};
	for (uint32_t i = 0; i < tensor->piece_count; i++)
		describe_piece(description, tensor, &tensor->pieces[i]);
	return CAIRN_OK;
}

/* Pieces of no bytes come before what lies at the same place. */
static int compare_places(const void *a, const void *b)
{
	const struct place *const left = a;
	const struct place *const right = b;

	if (left->shard != right->shard)
		return left->shard < right->shard ? -1 : 1;
	if (left->offset != right->offset)
		return left->offset < right->offset ? -1 : 1;
	return (left->size > right->size) - (left->size < right->size);
}

static enum cairn_status rank_pieces(struct arena *arena, struct description *description,
				     struct cairn_error *error)
{
	const uint32_t *const order = sort_order(arena, description->places, description->count,
						 sizeof(*description->places), compare_places);

	if (order == NULL)
		return error_set_memory(error, "the places of tensors");
	for (uint64_t i = 0; i < description->count; i++)
		description->slices[order[i]].storage_rank = (uint32_t)i;
	return CAIRN_OK;
}

static uint64_t count_pieces(const struct bundle *bundle)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < bundle->tensor_count; i++)
		count += bundle->tensors[i].piece_count;
	return count;
}

static enum cairn_status make_room(struct arena *arena, struct description *description,
				   struct cairn_error *error)
{
	const uint64_t count = count_pieces(description->bundle);

	if (count > UINT32_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " tensors and slices are too many", count);
	description->slices = arena_reserve_array(arena, count, sizeof(*description->slices));
	description->extents = arena_reserve_array(arena, count, sizeof(*description->extents));
	description->places = arena_reserve_array(arena, count, sizeof(*description->places));
	if (description->slices == NULL || description->extents == NULL ||
	    description->places == NULL)
		return error_set_memory(error, "the tensors of an index");
	return CAIRN_OK;
}

enum cairn_status bundle_describe(struct arena *arena, const struct bundle *bundle,
				  struct build_list *list, struct cairn_error *error)
{
	struct description description = {.bundle = bundle};
	struct build_tensor *const tensors = build_list_reserve(arena, list, bundle->tensor_count);
	enum cairn_status status;

	if (tensors == NULL)
		return error_set_memory(error, "the tensors of an index");
	status = make_room(arena, &description, error);
	for (uint64_t i = 0; i < bundle->tensor_count && status == CAIRN_OK; i++)
		status = describe_tensor(&description, &bundle->tensors[i], &tensors[i], error);
	if (status == CAIRN_OK && description.count != 0)
		status = rank_pieces(arena, &description, error);
	if (status == CAIRN_OK)
		list->count += bundle->tensor_count;
	return status;
}
