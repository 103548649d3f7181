/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a container: where every byte goes, before any is written.
 *
 * Items are placed in order: from CONTAINER_LARGE_SIZE up at the container's alignment, smaller
 * ones at 64. The file is cut into segments of at most SEGMENT_SIZE that begin at page boundaries
 * and hold whole chunks, so that a thread can fill, hash and write one without the others, also
 * with O_DIRECT. An item that does not fit into what is left of a segment begins the next one, at a
 * page boundary. Nothing depends on the number of threads.
 */
#include <assert.h>
#include <inttypes.h>

#include "engine/write/writer.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

#define SEGMENT_SIZE ((uint64_t)1 << 20)

struct planner {
	struct cairn_writer *writer;
	struct plan *plan;
	uint64_t part_capacity;
	uint64_t segment_capacity;
	uint64_t end; /* of the last byte that was placed */
};

static struct segment *current(const struct planner *planner)
{
	return &planner->plan->segments[planner->plan->segment_count - 1];
}

/* Closes the current segment and begins one at `offset`, a page boundary. */
static bool begin_segment(struct planner *planner, uint64_t offset)
{
	struct plan *const plan = planner->plan;
	struct segment *const segments = arena_grow(&planner->writer->arena, plan->segments,
						    &planner->segment_capacity,
						    plan->segment_count + 1, sizeof(*segments));

	if (segments == NULL)
		return false;
	plan->segments = segments;
	plan->segments[plan->segment_count++] = (struct segment){.offset = offset,
								 .first_part = plan->part_count};
	return true;
}

static bool add_part(struct planner *planner, struct item *item, uint64_t offset, uint64_t size)
{
	struct plan *const plan = planner->plan;
	struct segment *const segment = current(planner);
	struct part *const parts = arena_grow(&planner->writer->arena, plan->parts,
					      &planner->part_capacity, plan->part_count + 1,
					      sizeof(*parts));

	if (parts == NULL)
		return false;
	plan->parts = parts;
	plan->parts[plan->part_count++] = (struct part){
		.item = item, .offset = offset, .size = size};
	segment->part_count++;
	segment->has_callbacks = segment->has_callbacks || item->source == SOURCE_CALLBACK;
	planner->end = item->extent.offset + offset + size;
	segment->size = align_up(planner->end, CONTAINER_PAGE_SIZE) - segment->offset;
	if (segment->size > plan->segment_size_max)
		plan->segment_size_max = segment->size;
	return true;
}

/* An item that is longer than a segment: pieces of whole chunks, each a segment; the last stays
 * open for what follows. */
static bool place_in_pieces(struct planner *planner, struct item *item)
{
	const uint64_t chunk_size = planner->writer->options.chunk_size;
	const uint64_t piece_size = chunk_size > SEGMENT_SIZE
					    ? chunk_size
					    : SEGMENT_SIZE / chunk_size * chunk_size;

	for (uint64_t done = 0; done < item->size; done += piece_size) {
		const uint64_t size = item->size - done < piece_size ? item->size - done
								     : piece_size;

		if (!begin_segment(planner, item->extent.offset + done) ||
		    !add_part(planner, item, done, size))
			return false;
	}
	return true;
}

static bool place(struct planner *planner, struct item *item)
{
	const uint64_t alignment = item->size >= CONTAINER_LARGE_SIZE
					   ? planner->writer->options.alignment
					   : CONTAINER_SMALL_ALIGNMENT;
	uint64_t offset = align_up(planner->end, alignment);
	const bool fits = planner->plan->segment_count != 0 &&
			  offset + item->size - current(planner)->offset <= SEGMENT_SIZE;

	if (!fits)
		offset = align_up(offset, CONTAINER_PAGE_SIZE);
	item->extent = (struct extent_record){
		.offset = offset, .stored_size = item->size, .size = item->size};
	if (!fits && item->size > SEGMENT_SIZE)
		return place_in_pieces(planner, item);
	if (!fits && !begin_segment(planner, offset))
		return false;
	return add_part(planner, item, 0, item->size);
}

/* All data together must leave room below the limit for alignment: items are smaller than 2^63
 * each, their sum may not be. */
static enum cairn_status check_total(const struct cairn_writer *writer, struct cairn_error *error)
{
	uint64_t total = CONTAINER_PAGE_SIZE;

	for (uint64_t i = 0; i < writer->item_count; i++) {
		if (!checked_add(total, writer->items[i].size, &total) ||
		    !checked_add(total, (uint64_t)2 * CONTAINER_ALIGNMENT_MAX, &total) ||
		    total >= CONTAINER_SIZE_MAX / 2)
			return error_set(
				error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				"tensors of 2^62 bytes or more do not fit into a container");
	}
	return CAIRN_OK;
}

/* One array of digests for all items, in their order; and one of extents when they are packed. */
static bool allocate_chunks(struct cairn_writer *writer)
{
	const uint64_t chunk_size = writer->options.chunk_size;
	struct extent_record *extents = NULL;
	uint64_t chunks = 0;
	uint8_t *digests;

	for (uint64_t i = 0; i < writer->item_count; i++)
		chunks += divide_up(writer->items[i].size, chunk_size);
	digests = arena_allocate_array(&writer->arena, chunks, DIGEST_SIZE);
	if (writer->plan.packed)
		extents = arena_allocate_array(&writer->arena, chunks, sizeof(*extents));
	if (digests == NULL || (writer->plan.packed && extents == NULL))
		return false;
	for (uint64_t i = 0; i < writer->item_count; i++) {
		const uint64_t count = divide_up(writer->items[i].size, chunk_size);

		writer->items[i].digests = digests;
		digests += count * DIGEST_SIZE;
		writer->items[i].extents = extents;
		extents = extents == NULL ? NULL : extents + count;
	}
	return true;
}

/* The slices were described before the digests had a place. Slice i of the input belongs to the
 * item of the same storage rank. */
static void hand_over_digests(struct cairn_writer *writer)
{
	const struct build_input *const input = &writer->input;

	for (uint64_t i = 0; i < input->tensor_count; i++) {
		struct build_slice
			*const slices = (struct build_slice *)(uintptr_t)input->tensors[i].slices;

		for (uint32_t k = 0; k < input->tensors[i].slice_count; k++)
			slices[k].chunk_digests = writer->items[slices[k].storage_rank].digests;
	}
}

static enum cairn_status plan_tail(struct cairn_writer *writer, struct plan *plan,
				   struct cairn_error *error)
{
	enum cairn_status status;

	status = index_build_size(&writer->input, &plan->index_size, error);
	if (status != CAIRN_OK)
		return status;
	plan->index_offset = align_up(align_up(plan->data_end, CONTAINER_PAGE_SIZE) +
					      CONTAINER_PAGE_SIZE,
				      INDEX_BLOCK_SIZE);
	plan->file_size = align_up(plan->index_offset + plan->index_size, CONTAINER_PAGE_SIZE) +
			  CONTAINER_PAGE_SIZE;
	return CAIRN_OK;
}

static enum cairn_status plan_regions(struct cairn_writer *writer, const struct plan *plan,
				      struct cairn_error *error)
{
	struct region_record *region;

	if (plan->data_end == CONTAINER_PAGE_SIZE)
		return CAIRN_OK;
	region = arena_allocate_array(&writer->arena, 1, sizeof(*region));
	if (region == NULL)
		return error_set_memory(error, "the plan");
	*region = (struct region_record){.offset = CONTAINER_PAGE_SIZE,
					 .size = plan->data_end - CONTAINER_PAGE_SIZE,
					 .kind = REGION_DATA};
	writer->input.regions = region;
	writer->input.region_count = 1;
	return CAIRN_OK;
}

/* Packed data lie at pages: nobody could promise more before it is known where they are. */
static enum cairn_status plan_packing(struct cairn_writer *writer, struct cairn_error *error)
{
	for (uint64_t i = 0; i < writer->item_count; i++)
		writer->plan.packed = writer->plan.packed ||
				      writer->items[i].compression > CAIRN_COMPRESSION_NONE;
	if (!writer->plan.packed || writer->options.alignment == CONTAINER_PAGE_SIZE)
		return CAIRN_OK;
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "compressed data have an alignment of 4 KiB, not of %" PRIu64,
			 writer->options.alignment);
}

enum cairn_status writer_plan_packed(struct cairn_writer *writer, uint64_t data_end,
				     struct cairn_error *error)
{
	writer->plan.data_end = data_end;
	if (writer->input.region_count != 0)
		((struct region_record *)(uintptr_t)writer->input.regions)
			->size = data_end - CONTAINER_PAGE_SIZE;
	return plan_tail(writer, &writer->plan, error);
}

enum cairn_status writer_plan(struct cairn_writer *writer, struct cairn_error *error)
{
	struct planner planner = {
		.writer = writer, .plan = &writer->plan, .end = CONTAINER_PAGE_SIZE};
	enum cairn_status status;

	status = check_total(writer, error);
	if (status != CAIRN_OK)
		return status;
	status = plan_packing(writer, error);
	if (status != CAIRN_OK)
		return status;
	if (!allocate_chunks(writer))
		return error_set_memory(error, "the digests");
	hand_over_digests(writer);
	for (uint64_t i = 0; i < writer->item_count; i++) {
		if (writer->items[i].size != 0 && !place(&planner, &writer->items[i]))
			return error_set_memory(error, "the plan");
	}
	writer->plan.data_end = planner.end;
	status = plan_regions(writer, &writer->plan, error);
	return status == CAIRN_OK ? plan_tail(writer, &writer->plan, error) : status;
}
