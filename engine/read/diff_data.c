/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading two tensors side by side.
 *
 * Everything is a part of the shape (a region) that is gathered from both sides piece by piece,
 * verified on the way: a stored slice that both have, all of the tensor, or what a slice of one
 * side and a slice of the other have in common. Memory is two buffers, whatever the size.
 *
 * Slices of a dishonest index may overlap, and extents may share bytes: no more elements are
 * compared than the tensor has.
 */
#include <inttypes.h>

#include "engine/read/diff.h"
#include "format/box.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

/* Bytes of each side at a time; more where chunks are larger, so that each is read once. */
#define PIECE_SIZE ((uint64_t)1 << 20)

/* Slices of one side times slices of the other: each of them looks at each of those. */
#define SLICE_PAIRS_MAX ((uint64_t)1 << 26)

#define ARENA_MAX ((size_t)1 << 32)

/* -------------------------------------------------------------------------------------- buffers */

void diff_reading_release(struct diff_reading *reading)
{
	for (int side = 0; side < 2; side++) {
		system_free(reading->system, reading->buffers[side]);
		reading->buffers[side] = NULL;
	}
	reading->buffer_size = 0;
}

enum cairn_status diff_reading_reserve(struct diff_reading *reading, uint64_t size,
				       struct cairn_error *error)
{
	if (reading->buffer_size >= size)
		return CAIRN_OK;
	diff_reading_release(reading);
	for (int side = 0; side < 2; side++) {
		reading->buffers[side] = system_allocate(reading->system, size);
		if (reading->buffers[side] == NULL)
			return error_set_memory(error, "comparing tensors");
	}
	reading->buffer_size = size;
	return CAIRN_OK;
}

enum cairn_status diff_read(struct diff_reading *reading, const struct diff_pair *pair, int side,
			    const struct tensor_record *holder, const struct region *region,
			    uint64_t first, uint64_t size, uint64_t at, struct cairn_error *error)
{
	const struct cairn_tensor *const tensor = pair->tensors[side];
	const enum cairn_status status = gather(tensor, holder, region, first, size,
						reading->buffers[side] + at, error);

	reading->bytes_read += size;
	return reader_error(tensor->reader, status, error);
}

enum cairn_status diff_advance(struct diff_reading *reading, uint64_t bytes,
			       struct cairn_error *error)
{
	reading->bytes_done += bytes;
	if (reading->progress == NULL ||
	    reading->progress(reading->progress_context, reading->bytes_done,
			      reading->bytes_total) == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
			 "cancelled after %" PRIu64 " bytes", reading->bytes_done);
}

/* ---------------------------------------------------------------------------------------- parts */

/* A region that both sides hold, and the records that lead to its bytes. */
struct part {
	const struct region *region;
	const struct tensor_record *holders[2];
	/* the digests of the region's chunks on both sides; NULL: none that can be compared */
	const uint8_t *chunk_digests[2];
	uint64_t chunk_size; /* of the larger chunks of the two */
};

static bool is_block_known(const struct diff_pair *pair)
{
	return pair->info != NULL && pair->info->block_bytes != 0;
}

/* A multiple of what is compared as one, and of the chunks where that can be. */
static uint64_t piece_size(const struct diff_pair *pair, const struct part *part)
{
	const uint64_t size = part->chunk_size > PIECE_SIZE ? part->chunk_size : PIECE_SIZE;

	return is_block_known(pair) ? size - size % pair->info->block_bytes : size;
}

/* All chunks of a piece have equal digests. */
static bool is_known_same(const struct part *part, uint64_t piece, uint64_t first, uint64_t size)
{
	const uint64_t chunk = first / part->chunk_size;
	const uint64_t count = divide_up(size, part->chunk_size);

	return part->chunk_digests[0] != NULL && piece % part->chunk_size == 0 &&
	       memcmp(part->chunk_digests[0] + chunk * DIGEST_SIZE,
		      part->chunk_digests[1] + chunk * DIGEST_SIZE, count * DIGEST_SIZE) == 0;
}

/* The number in the whole tensor of a block that is counted within the region. */
static uint64_t block_in_tensor(const struct diff_pair *pair, const struct region *region,
				uint64_t block)
{
	uint64_t position[CAIRN_RANK_MAX];
	uint64_t number = 0;

	if (region->unit_size != pair->info->block_bytes)
		return block; /* all of the tensor, in bytes */
	for (uint32_t d = region->rank; d-- > 0; block /= region->lengths[d])
		position[d] = region->starts[d] + block % region->lengths[d];
	for (uint32_t d = 0; d < region->rank; d++)
		number = number * region->dims[d] + position[d];
	return number;
}

static void add_numbers(struct number_difference *sum, const struct number_difference *part)
{
	sum->compared += part->compared;
	sum->different += part->different;
	for (int side = 0; side < 2; side++)
		sum->nan_count[side] += part->nan_count[side];
	if (part->absolute_max > sum->absolute_max)
		sum->absolute_max = part->absolute_max;
	if (part->relative_max > sum->relative_max)
		sum->relative_max = part->relative_max;
}

static void add_part(const struct diff_pair *pair, const struct region *region,
		     const struct number_difference *part, struct diff_result *result)
{
	if (part->different != 0) {
		const uint64_t elements = pair->info->block_elements;
		const uint64_t block = part->first / elements;
		const uint64_t first = block_in_tensor(pair, region, block) * elements +
				       part->first % elements;

		if (result->numbers.different == 0 || first < result->first)
			result->first = first;
	}
	add_numbers(&result->numbers, part);
}

/* What is in the buffers. */
static void compare_piece(const struct diff_reading *reading, const struct diff_pair *pair,
			  uint64_t size, struct number_difference *numbers,
			  struct diff_result *result)
{
	const uint8_t *const a = reading->buffers[0];
	const uint8_t *const b = reading->buffers[1];

	if (memcmp(a, b, size) != 0)
		result->different = true;
	if (reading->statistics && is_block_known(pair))
		number_compare(pair->info, a, b, size / pair->info->block_bytes, numbers);
}

static enum cairn_status read_piece(struct diff_reading *reading, const struct diff_pair *pair,
				    const struct part *part, uint64_t first, uint64_t size,
				    struct cairn_error *error)
{
	enum cairn_status status;

	status = diff_read(reading, pair, 0, part->holders[0], part->region, first, size, 0, error);
	if (status == CAIRN_OK)
		status = diff_read(reading, pair, 1, part->holders[1], part->region, first, size, 0,
				   error);
	return status;
}

static enum cairn_status compare_part(struct diff_reading *reading, const struct diff_pair *pair,
				      const struct part *part, struct diff_result *result,
				      struct cairn_error *error)
{
	const uint64_t total = part->region->size;
	const uint64_t piece = piece_size(pair, part);
	struct number_difference numbers = {0};
	enum cairn_status status;

	status = diff_reading_reserve(reading, piece < total ? piece : total, error);
	for (uint64_t first = 0; first < total && status == CAIRN_OK; first += piece) {
		const uint64_t size = total - first < piece ? total - first : piece;

		if (is_known_same(part, piece, first, size)) {
			if (is_block_known(pair))
				numbers.compared += size / pair->info->block_bytes *
						    pair->info->block_elements;
		} else {
			status = read_piece(reading, pair, part, first, size, error);
			if (status == CAIRN_OK)
				compare_piece(reading, pair, size, &numbers, result);
		}
		if (status == CAIRN_OK)
			status = diff_advance(reading, 2 * size, error);
		if (result->different && !reading->statistics)
			break;
	}
	if (reading->statistics && is_block_known(pair)) {
		add_part(pair, part->region, &numbers, result);
		result->counted = true;
	}
	return status;
}

/* All of a tensor. */
static enum cairn_status whole_region(const struct diff_pair *pair, int side, struct region *region,
				      struct cairn_error *error)
{
	const enum cairn_status status = region_resolve(pair->tensors[side], &pair->holders[side],
							NULL, NULL, region, error);

	return reader_error(pair->tensors[side]->reader, status, error);
}

/* Compared region by region, both sides must mean the same by it. */
static enum cairn_status both_regions(const struct diff_pair *pair, struct region *region,
				      struct cairn_error *error)
{
	struct region other;
	enum cairn_status status = whole_region(pair, 0, region, error);

	if (status == CAIRN_OK)
		status = whole_region(pair, 1, &other, error);
	if (status != CAIRN_OK || (region->size == other.size && region->rank == other.rank &&
				   region->unit_size == other.unit_size))
		return status;
	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "its record has changed since it was found");
	return error_prefix_tensor(error, CAIRN_CORRUPT, pair->tensors[0]->name);
}

/* Bytes of a chunk of one side. */
static enum cairn_status chunk_size_of(const struct diff_pair *pair, int side, uint64_t *size,
				       struct cairn_error *error)
{
	const struct cairn_reader *const reader = pair->tensors[side]->reader;
	struct slice_record slice = {.chunk_size = 1};
	enum cairn_status status = CAIRN_OK;

	if (pair->holders[side].slice_count != 0)
		status = index_slice(&reader->index, pair->holders[side].slice_index, &slice,
				     error);
	*size = slice.chunk_size;
	return reader_error(reader, status, error);
}

static enum cairn_status set_chunk_size(const struct diff_pair *pair, struct part *part,
					struct cairn_error *error)
{
	part->chunk_size = 0;
	for (int side = 0; side < 2; side++) {
		uint64_t size;
		const enum cairn_status status = chunk_size_of(pair, side, &size, error);

		if (status != CAIRN_OK)
			return status;
		part->chunk_size = size > part->chunk_size ? size : part->chunk_size;
	}
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- methods */

static enum cairn_status compare_whole(struct diff_reading *reading, const struct diff_pair *pair,
				       struct diff_result *result, struct cairn_error *error)
{
	struct region region;
	struct part part = {
		.region = &region,
		.holders = {&pair->holders[0], &pair->holders[1]},
	};
	enum cairn_status status = both_regions(pair, &region, error);

	if (status == CAIRN_OK)
		status = set_chunk_size(pair, &part, error);
	return status == CAIRN_OK ? compare_part(reading, pair, &part, result, error) : status;
}

/* One slice of a tensor, as if it had no other. */
static struct tensor_record only_slice(const struct diff_pair *pair, int side, uint32_t number)
{
	struct tensor_record holder = pair->holders[side];

	holder.slice_index += number;
	holder.slice_count = 1;
	return holder;
}

/* Where the chunk digests of a slice of `bytes` bytes are; NULL: it has none, or they lie elsewhere
 * than they should. */
static const uint8_t *chunk_digests_of(const struct diff_pair *pair, int side, uint32_t number,
				       uint64_t bytes, uint64_t *chunk_size)
{
	const struct index *const index = &pair->tensors[side]->reader->index;
	struct slice_record slice;
	const uint8_t *digests;

	if (index_slice(index, pair->holders[side].slice_index + number, &slice, NULL) !=
		    CAIRN_OK ||
	    slice.digest_kind != DIGEST_XXH3_128 ||
	    index_chunk_digests(index, slice.chunk_index, divide_up(bytes, slice.chunk_size),
				&digests, NULL) != CAIRN_OK)
		return NULL;
	*chunk_size = slice.chunk_size;
	return digests;
}

/* Both sides have the same slice: chunks with equal digests need not be read. */
static void take_chunk_digests(const struct diff_pair *pair, uint32_t number, struct part *part)
{
	uint64_t sizes[2] = {0, 0};

	for (int side = 0; side < 2; side++)
		part->chunk_digests[side] = chunk_digests_of(pair, side, number, part->region->size,
							     &sizes[side]);
	if (part->chunk_digests[0] == NULL || part->chunk_digests[1] == NULL ||
	    sizes[0] != sizes[1])
		part->chunk_digests[0] = part->chunk_digests[1] = NULL;
}

static enum cairn_status slices_overlap(const struct diff_pair *pair, int side,
					struct cairn_error *error)
{
	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET, "its stored slices overlap");
	error_prefix_tensor(error, CAIRN_CORRUPT, pair->tensors[side]->name);
	return reader_error(pair->tensors[side]->reader, CAIRN_CORRUPT, error);
}

static enum cairn_status compare_slice(struct diff_reading *reading, const struct diff_pair *pair,
				       const struct region *whole, uint32_t number, uint64_t *left,
				       struct diff_result *result, struct cairn_error *error)
{
	const struct tensor_record holders[2] = {only_slice(pair, 0, number),
						 only_slice(pair, 1, number)};
	struct region region;
	struct part part = {.region = &region, .holders = {&holders[0], &holders[1]}};
	enum cairn_status status;

	status = region_of_slice(pair->tensors[0], &pair->holders[0], whole, number, &region,
				 error);
	if (status != CAIRN_OK)
		return reader_error(pair->tensors[0]->reader, status, error);
	if (region.size > *left)
		return slices_overlap(pair, 0, error);
	*left -= region.size;
	status = set_chunk_size(pair, &part, error);
	if (status != CAIRN_OK)
		return status;
	take_chunk_digests(pair, number, &part);
	return compare_part(reading, pair, &part, result, error);
}

static enum cairn_status compare_slices(struct diff_reading *reading, const struct diff_pair *pair,
					struct diff_result *result, struct cairn_error *error)
{
	struct region whole;
	enum cairn_status status = both_regions(pair, &whole, error);
	uint64_t left = status == CAIRN_OK ? whole.size : 0;

	for (uint32_t i = 0; i < pair->holders[0].slice_count && status == CAIRN_OK; i++) {
		status = compare_slice(reading, pair, &whole, i, &left, result, error);
		if (result->different && !reading->statistics)
			break;
	}
	return status;
}

/* A slice of strings on both sides, byte for byte. */
static enum cairn_status compare_stored(struct diff_reading *reading, const struct stored stored[2],
					struct stored_scratch scratches[2],
					struct diff_result *result, struct cairn_error *error)
{
	const uint64_t total = stored[0].record.size;
	enum cairn_status status = diff_reading_reserve(reading, PIECE_SIZE, error);

	for (uint64_t first = 0; first < total && status == CAIRN_OK && !result->different;
	     first += PIECE_SIZE) {
		const uint64_t size = total - first < PIECE_SIZE ? total - first : PIECE_SIZE;

		for (int side = 0; side < 2 && status == CAIRN_OK; side++) {
			status = stored_copy(&stored[side], first, size, reading->buffers[side],
					     &scratches[side], error);
			status = reader_error(stored[side].reader, status, error);
			reading->bytes_read += size;
		}
		if (status == CAIRN_OK)
			status = diff_advance(reading, 2 * size, error);
		result->different = status == CAIRN_OK &&
				    memcmp(reading->buffers[0], reading->buffers[1], size) != 0;
	}
	return status;
}

static enum cairn_status compare_all_stored(struct diff_reading *reading,
					    const struct diff_pair *pair,
					    struct diff_result *result, struct cairn_error *error)
{
	struct stored_scratch scratches[2] = {{0}, {0}};
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0;
	     i < pair->holders[0].slice_count && status == CAIRN_OK && !result->different; i++) {
		struct stored stored[2];

		for (int side = 0; side < 2 && status == CAIRN_OK; side++) {
			const struct cairn_tensor *const tensor = pair->tensors[side];

			status = stored_open(tensor->reader, pair->holders[side].slice_index + i,
					     tensor->name, &stored[side], error);
			status = reader_error(tensor->reader, status, error);
		}
		if (status == CAIRN_OK)
			status = compare_stored(reading, stored, scratches, result, error);
	}
	for (int side = 0; side < 2; side++)
		stored_scratch_release(pair->tensors[side]->reader->system, &scratches[side]);
	return status;
}

/* --------------------------------------------------------------------- what both have in common */

/* The slices of both sides, as boxes in units of the region. */
struct overlay {
	struct diff_reading *reading;
	const struct diff_pair *pair;
	struct diff_result *result;
	struct arena arena;
	struct region whole;
	struct box *boxes[2];
	uint64_t stored[2]; /* units */
	uint64_t common;
};

static enum cairn_status load_box(struct overlay *overlay, int side, uint32_t number,
				  struct cairn_error *error)
{
	const struct diff_pair *const pair = overlay->pair;
	struct box *const box = &overlay->boxes[side][number];
	struct region region;
	enum cairn_status status;

	status = region_of_slice(pair->tensors[side], &pair->holders[side], &overlay->whole, number,
				 &region, error);
	if (status != CAIRN_OK)
		return reader_error(pair->tensors[side]->reader, status, error);
	box->rank = region.rank;
	box->starts = arena_copy(&overlay->arena, region.starts, region.rank * sizeof(uint64_t));
	box->lengths = arena_copy(&overlay->arena, region.lengths, region.rank * sizeof(uint64_t));
	if (box->starts == NULL || box->lengths == NULL)
		return error_set_memory(error, "the slices of a tensor");
	overlay->stored[side] += box_elements(box);
	return CAIRN_OK;
}

static enum cairn_status load_boxes(struct overlay *overlay, int side, struct cairn_error *error)
{
	const uint32_t count = overlay->pair->holders[side].slice_count;
	enum cairn_status status = CAIRN_OK;

	overlay->boxes[side] = arena_allocate_array(&overlay->arena, count, sizeof(struct box));
	if (overlay->boxes[side] == NULL)
		return error_set_memory(error, "the slices of a tensor");
	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++)
		status = load_box(overlay, side, i, error);
	if (status != CAIRN_OK)
		return status;
	status = boxes_check_overlap(&overlay->arena, overlay->boxes[side], count, error);
	if (status != CAIRN_OK)
		error_prefix_tensor(error, status, overlay->pair->tensors[side]->name);
	return reader_error(overlay->pair->tensors[side]->reader, status, error);
}

/* What two boxes share, into the region. */
static bool intersect(const struct box *a, const struct box *b, struct region *region)
{
	uint64_t size = region->unit_size;

	for (uint32_t d = 0; d < a->rank; d++) {
		const uint64_t end_a = a->starts[d] + a->lengths[d];
		const uint64_t end_b = b->starts[d] + b->lengths[d];
		const uint64_t end = end_a < end_b ? end_a : end_b;

		region->starts[d] = a->starts[d] > b->starts[d] ? a->starts[d] : b->starts[d];
		if (region->starts[d] >= end)
			return false;
		region->lengths[d] = end - region->starts[d];
		size *= region->lengths[d];
	}
	region->size = size;
	return true;
}

static enum cairn_status compare_boxes(struct overlay *overlay, uint32_t a, uint32_t b,
				       struct cairn_error *error)
{
	const struct diff_pair *const pair = overlay->pair;
	struct region *const region = &overlay->whole; /* its dims stay */

	if (!intersect(&overlay->boxes[0][a], &overlay->boxes[1][b], region))
		return CAIRN_OK;
	overlay->common += region->size / region->unit_size;
	if (overlay->result->different && !overlay->reading->statistics)
		return CAIRN_OK;
	const struct tensor_record holders[2] = {only_slice(pair, 0, a), only_slice(pair, 1, b)};
	struct part part = {.region = region, .holders = {&holders[0], &holders[1]}};
	const enum cairn_status status = set_chunk_size(pair, &part, error);

	return status == CAIRN_OK
		       ? compare_part(overlay->reading, pair, &part, overlay->result, error)
		       : status;
}

static enum cairn_status compare_all_boxes(struct overlay *overlay, struct cairn_error *error)
{
	const uint32_t count_a = overlay->pair->holders[0].slice_count;
	const uint32_t count_b = overlay->pair->holders[1].slice_count;
	enum cairn_status status = CAIRN_OK;

	if ((uint64_t)count_a * count_b > SLICE_PAIRS_MAX) {
		error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
			  "%" PRIu32 " stored slices are too many to be compared with %" PRIu32
			  " others",
			  count_a, count_b);
		return error_prefix_tensor(error, CAIRN_LIMIT, overlay->pair->tensors[0]->name);
	}
	for (uint32_t a = 0; a < count_a && status == CAIRN_OK; a++) {
		status = diff_advance(overlay->reading, 0, error);
		for (uint32_t b = 0; b < count_b && status == CAIRN_OK; b++)
			status = compare_boxes(overlay, a, b, error);
	}
	return status;
}

static enum cairn_status compare_parts(struct diff_reading *reading, const struct diff_pair *pair,
				       struct diff_result *result, struct cairn_error *error)
{
	struct overlay overlay = {.reading = reading, .pair = pair, .result = result};
	enum cairn_status status = both_regions(pair, &overlay.whole, error);

	arena_init(&overlay.arena, reader_arena_source(reading->system), ARENA_MAX);
	for (int side = 0; side < 2 && status == CAIRN_OK; side++)
		status = load_boxes(&overlay, side, error);
	if (status == CAIRN_OK)
		status = compare_all_boxes(&overlay, error);
	arena_fini(&overlay.arena);
	for (int side = 0; side < 2; side++)
		result->stored_only[side] = (overlay.stored[side] - overlay.common) *
					    pair->holders[0].block_elements;
	return status;
}

/* --------------------------------------------------------------------------------------- public */

enum cairn_status diff_compare(struct diff_reading *reading, const struct diff_pair *pair,
			       enum diff_method method, struct diff_result *result,
			       struct cairn_error *error)
{
	switch (method) {
	case DIFF_SLICES:
		return compare_slices(reading, pair, result, error);
	case DIFF_STORED:
		return compare_all_stored(reading, pair, result, error);
	case DIFF_WHOLE:
		return compare_whole(reading, pair, result, error);
	case DIFF_PARTS:
		return compare_parts(reading, pair, result, error);
	case DIFF_STRINGS:
		return diff_strings(reading, pair, result, error);
	case DIFF_VIEWS:
		return diff_views(reading, pair, result, error);
	case DIFF_DIFFERENT:
		result->different = true;
		return CAIRN_OK;
	case DIFF_SAME:
	default:
		return CAIRN_OK;
	}
}
