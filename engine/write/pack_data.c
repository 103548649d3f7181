/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing segments.
 *
 * A segment is filled and digested as it was planned; then its chunks are stored one after the
 * other into a second buffer, compressed where that is wanted and takes fewer units of alignment.
 * No chunk begins later than it was planned, so that the planned size is enough. Segments begin at
 * pages, and data of CONTAINER_LARGE_SIZE that stay raw do, too: a tensor of which no chunk shrinks
 * is stored as it would be in any container, and can be mapped.
 */
#include "engine/write/pack_data.h"

#include <assert.h>

#include "format/byte_shuffle.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/lz4_block.h"

#define UNIT CONTAINER_SMALL_ALIGNMENT

/* Width of the numbers that elements consist of; none where bytes of elements are not alike. */
static uint8_t shuffle_width(const struct item *item)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(item->dtype);

	if (item->compression != CAIRN_COMPRESSION_LZ4_SHUFFLE || info == NULL ||
	    info->block_elements != 1 || info->block_bytes < SHUFFLE_WIDTH_MIN)
		return SHUFFLE_NONE;
	return info->alignment < SHUFFLE_WIDTH_MIN ? SHUFFLE_NONE : (uint8_t)info->alignment;
}

/* Stores a chunk compressed; false when that saves nothing: then it is to be stored raw. */
static bool store_compressed(const uint8_t *bytes, uint64_t size, uint8_t shuffle, uint8_t *packed,
			     uint8_t *shuffled, struct extent_record *extent)
{
	const uint64_t room = align_up(size, UNIT) - UNIT;
	uint64_t stored_size;

	if (shuffle != SHUFFLE_NONE)
		byte_shuffle(bytes, size, shuffle, shuffled);
	stored_size = room == 0 ? 0
				: lz4_block_encode(shuffle == SHUFFLE_NONE ? bytes : shuffled, size,
						   packed, room);
	if (stored_size == 0)
		return false;
	*extent = (struct extent_record){.stored_size = stored_size,
					 .size = size,
					 .stored_digest = digest64_bytes(packed, stored_size),
					 .codec = CODEC_LZ4,
					 .shuffle = shuffle};
	return true;
}

/* A part of an item, from the bytes at `bytes` to `packed`, which is at `*end` of the segment. */
struct packing_part {
	const struct part *part;
	const uint8_t *bytes;
	uint8_t *packed; /* of the segment */
	uint8_t *shuffled;
	uint8_t shuffle;
	uint64_t chunk_size;
};

static struct extent_record *extents_of(const struct packing_part *packing)
{
	return packing->part->item->extents + packing->part->offset / packing->chunk_size;
}

static uint64_t chunk_length(const struct packing_part *packing, uint64_t done)
{
	const uint64_t left = packing->part->size - done;

	return left < packing->chunk_size ? left : packing->chunk_size;
}

/* All chunks as they are, in one piece. */
static uint64_t pack_raw(const struct packing_part *packing, uint64_t end)
{
	const uint64_t alignment = packing->part->item->size >= CONTAINER_LARGE_SIZE
					   ? CONTAINER_PAGE_SIZE
					   : UNIT;
	const uint64_t begin = align_up(end, alignment);
	struct extent_record *extent = extents_of(packing);

	memset(packing->packed + end, 0, begin - end);
	memcpy(packing->packed + begin, packing->bytes, packing->part->size);
	for (uint64_t done = 0; done < packing->part->size; done += packing->chunk_size) {
		const uint64_t size = chunk_length(packing, done);

		*extent++ = (struct extent_record){
			.offset = begin + done, .stored_size = size, .size = size};
	}
	return begin + packing->part->size;
}

/* Each chunk compressed, or raw where that saves nothing; `*any` says whether one was. */
static uint64_t pack_chunks(const struct packing_part *packing, uint64_t end, bool *any)
{
	struct extent_record *extent = extents_of(packing);

	*any = false;
	for (uint64_t done = 0; done < packing->part->size; done += packing->chunk_size) {
		const uint64_t size = chunk_length(packing, done);
		const uint64_t begin = align_up(end, UNIT);
		uint8_t *const to = packing->packed + begin;

		memset(packing->packed + end, 0, begin - end);
		if (store_compressed(packing->bytes + done, size, packing->shuffle, to,
				     packing->shuffled, extent)) {
			*any = true;
		} else {
			memcpy(to, packing->bytes + done, size);
			*extent = (struct extent_record){.stored_size = size, .size = size};
		}
		extent->offset = begin;
		end = begin + extent->stored_size;
		extent++;
	}
	return end;
}

static uint64_t pack_part(const struct packing_part *packing, uint64_t end)
{
	bool any = false;
	uint64_t packed_end = end;

	if (packing->part->item->compression > CAIRN_COMPRESSION_NONE)
		packed_end = pack_chunks(packing, end, &any);
	return any ? packed_end : pack_raw(packing, end);
}

enum cairn_status pack_segment(void *context, uint64_t number, const uint8_t *bytes,
			       uint8_t *packed, uint64_t *size, struct stored_scratch *scratch,
			       struct cairn_error *error)
{
	const struct cairn_writer *const writer = context;
	const struct segment *const segment = &writer->plan.segments[number];
	uint64_t end = 0;

	for (uint64_t i = 0; i < segment->part_count; i++) {
		const struct part *const part = &writer->plan.parts[segment->first_part + i];
		const uint64_t planned = part->item->extent.offset + part->offset - segment->offset;
		struct packing_part packing = {.part = part,
					       .bytes = bytes + planned,
					       .packed = packed,
					       .shuffle = shuffle_width(part->item),
					       .chunk_size = writer->options.chunk_size};

		if (packing.shuffle != SHUFFLE_NONE) {
			packing.shuffled = stored_take_room(writer->system, &scratch->shuffled,
							    writer->options.chunk_size);
			if (packing.shuffled == NULL)
				return error_set_memory(error, "a shuffled chunk");
		}
		end = pack_part(&packing, end);
		assert(end <= planned + part->size);
	}
	*size = end;
	return CAIRN_OK;
}

void settle_segment(void *context, uint64_t number, uint64_t offset)
{
	struct cairn_writer *const writer = context;
	const struct segment *const segment = &writer->plan.segments[number];

	for (uint64_t i = 0; i < segment->part_count; i++) {
		const struct part *const part = &writer->plan.parts[segment->first_part + i];
		const uint64_t first = part->offset / writer->options.chunk_size;
		const uint64_t count = divide_up(part->size, writer->options.chunk_size);

		for (uint64_t k = first; k < first + count; k++)
			part->item->extents[k].offset += offset;
	}
}

/* No chunk is compressed, and they follow each other from where a tensor may begin. */
static bool is_in_one_piece(const struct item *item, uint64_t count)
{
	const struct extent_record *const extents = item->extents;

	if (item->size >= CONTAINER_LARGE_SIZE && extents[0].offset % CONTAINER_PAGE_SIZE != 0)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		if (extents[i].codec != CODEC_RAW ||
		    (i != 0 && extents[i].offset != extents[i - 1].offset + extents[i - 1].size))
			return false;
	}
	return true;
}

static void hand_over(const struct cairn_writer *writer, struct item *item,
		      struct build_slice *slice)
{
	const uint64_t count = divide_up(item->size, writer->options.chunk_size);

	if (count == 0)
		return;
	slice->extents = item->extents;
	slice->extent_count = (uint32_t)count;
	if (!is_in_one_piece(item, count))
		return;
	item->extent.offset = item->extents[0].offset;
	slice->extents = &item->extent;
	slice->extent_count = 1;
}

void pack_hand_over(struct cairn_writer *writer)
{
	const struct build_input *const input = &writer->input;

	for (uint64_t i = 0; i < input->tensor_count; i++) {
		struct build_slice
			*const slices = (struct build_slice *)(uintptr_t)input->tensors[i].slices;

		for (uint32_t k = 0; k < input->tensors[i].slice_count; k++)
			hand_over(writer, &writer->items[slices[k].storage_rank], &slices[k]);
	}
}
