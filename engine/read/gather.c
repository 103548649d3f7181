/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions, and copying them run by run.
 *
 * Everything is counted in units (blocks of the type). A stored slice and the request are boxes in
 * the tensor's coordinates; their intersection is copied in runs that are contiguous on both sides.
 * Ranges of slices are untrusted: they are resolved against the shape, and their size against the
 * bytes that are stored, before they are used.
 */
#include "engine/read/gather.h"
#include "engine/read/gather_values.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/index_check.h"
#include "format/shape.h"

/* -------------------------------------------------------------------------------------- regions */

static bool is_everything(uint32_t rank, const uint64_t *dims, const uint64_t *starts,
			  const uint64_t *lengths)
{
	for (uint32_t d = 0; d < rank; d++) {
		if (starts[d] != 0 || lengths[d] != dims[d])
			return false;
	}
	return true;
}

/* All of the tensor as one dimension of bytes: for types whose blocks do not follow the rows, and
 * for variable sizes. */
static void make_linear(struct region *region, uint64_t size)
{
	region->rank = 1;
	region->unit_size = 1;
	region->dims[0] = size;
	region->starts[0] = 0;
	region->lengths[0] = size;
	region->size = size;
}

/* Elements of the last dimension become blocks; false when one of the values cuts a block. */
static bool to_units(struct region *region, uint32_t block_elements)
{
	const uint32_t last = region->rank - 1;

	if (block_elements == 1)
		return true;
	if (region->rank == 0 || region->dims[last] % block_elements != 0 ||
	    region->starts[last] % block_elements != 0 ||
	    region->lengths[last] % block_elements != 0)
		return false;
	region->dims[last] /= block_elements;
	region->starts[last] /= block_elements;
	region->lengths[last] /= block_elements;
	return true;
}

static void measure(struct region *region)
{
	region->size = region->unit_size; /* parts of a tensor whose size is below 2^63 */
	for (uint32_t d = 0; d < region->rank; d++)
		region->size *= region->lengths[d];
}

/* Dims are borrowed from the index, which somebody who writes to the file may have changed since
 * they were checked: the copy is, too. */
static enum cairn_status copy_shape(const struct cairn_tensor *tensor,
				    const struct tensor_record *record, struct region *region,
				    struct cairn_error *error)
{
	uint64_t elements;

	if (record->rank != tensor->rank || record->size != tensor->size)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "its record has changed since it was found");
	region->rank = tensor->rank;
	region->unit_size = record->block_bytes;
	memcpy(region->dims, tensor->dims, tensor->rank * sizeof(*region->dims));
	return index_check_shape(record, region->dims, &elements, error);
}

static enum cairn_status take_request(const struct cairn_tensor *tensor,
				      const struct tensor_record *record, const uint64_t *starts,
				      const uint64_t *lengths, struct region *region,
				      struct cairn_error *error)
{
	const enum cairn_status status = copy_shape(tensor, record, region, error);

	if (status != CAIRN_OK)
		return status;
	for (uint32_t d = 0; d < region->rank; d++) {
		region->starts[d] = starts == NULL ? 0 : starts[d];
		region->lengths[d] = starts == NULL ? CAIRN_FULL : lengths[d];
	}
	return shape_resolve_slice(region->rank, region->dims, region->starts, region->lengths,
				   error);
}

enum cairn_status region_resolve(const struct cairn_tensor *tensor,
				 const struct tensor_record *record, const uint64_t *starts,
				 const uint64_t *lengths, struct region *region,
				 struct cairn_error *error)
{
	enum cairn_status status;
	bool everything;

	if ((starts == NULL) != (lengths == NULL))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "starts and lengths of a slice go together");
	status = take_request(tensor, record, starts, lengths, region, error);
	if (status != CAIRN_OK)
		return error_prefix_tensor(error, status, tensor->name);
	everything = is_everything(region->rank, region->dims, region->starts, region->lengths);
	if (record->block_bytes == 0 || !to_units(region, record->block_elements)) {
		if (!everything) {
			error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				  "%s cannot be sliced there",
				  record->block_bytes == 0 ? "elements of variable size"
							   : "a packed type");
			return error_prefix_tensor(error, CAIRN_UNSUPPORTED, tensor->name);
		}
		make_linear(region, tensor->size);
		return CAIRN_OK;
	}
	measure(region);
	return CAIRN_OK;
}

enum cairn_status tensor_holder(const struct cairn_tensor *tensor, struct tensor_record *holder,
				struct cairn_error *error)
{
	struct tensor_record record;
	enum cairn_status status;

	status = index_tensor(&tensor->reader->index, tensor->record, &record, error);
	if (status == CAIRN_OK)
		status = index_resolve_alias(&tensor->reader->index, tensor->record, &record,
					     holder, error);
	if (status != CAIRN_OK)
		return status;
	status = index_tensor_supported(holder, error);
	return status == CAIRN_OK ? status : error_prefix_tensor(error, status, tensor->name);
}

/* ------------------------------------------------------------------------------ slices as boxes */

/* A stored slice in the region's units. */
struct piece {
	struct stored stored;
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
	uint64_t extents_end; /* number of the extent record after its last one */
};

static enum cairn_status slice_damaged(const struct stored *stored, struct cairn_error *error)
{
	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "the ranges of a stored slice of %" PRIu64 " bytes do not fit shape and type",
		  stored->record.size);
	return error_prefix_tensor(error, CAIRN_CORRUPT, stored->tensor);
}

/* A view is called verified on the word of its tensor: none of the slices may be without digests.
 */
static enum cairn_status digest_denied(const struct stored *stored, struct cairn_error *error)
{
	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "a stored slice has digest kind %d, which is not that of the tensor",
		  stored->record.digest_kind);
	return error_prefix_tensor(error, CAIRN_CORRUPT, stored->tensor);
}

/* Slices that shared extents would let a small index ask for any amount of work. */
static enum cairn_status extents_shared(const struct stored *stored, uint64_t expected,
					struct cairn_error *error)
{
	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "the extents of a stored slice begin at record %" PRIu64 " instead of %" PRIu64,
		  stored->record.extent_index, expected);
	return error_prefix_tensor(error, CAIRN_CORRUPT, stored->tensor);
}

static void whole_box(const struct region *region, struct piece *piece)
{
	for (uint32_t d = 0; d < region->rank; d++) {
		piece->starts[d] = 0;
		piece->lengths[d] = region->dims[d];
	}
}

/* The ranges of a real slice, from elements to units. */
static enum cairn_status slice_box(const struct cairn_tensor *tensor,
				   const struct tensor_record *holder, const struct region *region,
				   struct piece *piece, struct cairn_error *error)
{
	const struct stored *const stored = &piece->stored;
	const uint32_t last = tensor->rank - 1;
	const uint64_t *ranges;
	enum cairn_status status;

	status = index_dims(&tensor->reader->index, stored->record.ranges_index,
			    2 * (uint64_t)tensor->rank, &ranges, error);
	if (status != CAIRN_OK)
		return status;
	if (region->rank != tensor->rank || tensor->rank == 0)
		return slice_damaged(stored, error); /* slices of a type that cannot be sliced */
	for (uint32_t d = 0; d < tensor->rank; d++) {
		piece->starts[d] = ranges[2 * (size_t)d];
		piece->lengths[d] = ranges[2 * (size_t)d + 1];
	}
	if (shape_resolve_slice(tensor->rank, tensor->dims, piece->starts, piece->lengths, NULL) !=
		    CAIRN_OK ||
	    piece->starts[last] % holder->block_elements != 0 ||
	    piece->lengths[last] % holder->block_elements != 0)
		return slice_damaged(stored, error);
	piece->starts[last] /= holder->block_elements;
	piece->lengths[last] /= holder->block_elements;
	return CAIRN_OK;
}

/* Opens slice `number`; `piece` is the one before it, or unset for the first. */
static enum cairn_status open_piece(const struct cairn_tensor *tensor,
				    const struct tensor_record *holder, const struct region *region,
				    uint32_t number, struct piece *piece, struct cairn_error *error)
{
	uint64_t size = region->unit_size;
	enum cairn_status status;

	status = stored_open(tensor->reader, holder->slice_index + number, tensor->name,
			     &piece->stored, error);
	if (status != CAIRN_OK)
		return status;
	if (number != 0 && piece->stored.record.extent_index != piece->extents_end)
		return extents_shared(&piece->stored, piece->extents_end, error);
	piece->extents_end = piece->stored.record.extent_index + piece->stored.record.extent_count;
	if (piece->stored.record.digest_kind != holder->digest_kind)
		return digest_denied(&piece->stored, error);
	if ((piece->stored.record.flags & SLICE_WHOLE) != 0)
		whole_box(region, piece);
	else
		status = slice_box(tensor, holder, region, piece, error);
	if (status != CAIRN_OK)
		return status;
	for (uint32_t d = 0; d < region->rank; d++)
		size *= piece->lengths[d]; /* within the shape: below 2^63 unless a dim is 0 */
	return size == piece->stored.record.size ? CAIRN_OK : slice_damaged(&piece->stored, error);
}

enum cairn_status region_of_slice(const struct cairn_tensor *tensor,
				  const struct tensor_record *holder, const struct region *whole,
				  uint32_t number, struct region *region, struct cairn_error *error)
{
	struct tensor_record alone = *holder;
	struct piece piece;
	enum cairn_status status;

	alone.slice_index += number;
	status = open_piece(tensor, &alone, whole, 0, &piece, error);
	if (status != CAIRN_OK)
		return status;
	*region = *whole;
	memcpy(region->starts, piece.starts, whole->rank * sizeof(*region->starts));
	memcpy(region->lengths, piece.lengths, whole->rank * sizeof(*region->lengths));
	region->size = piece.stored.record.size;
	return CAIRN_OK;
}

/* ----------------------------------------------------------------------------------- contiguity */

/* Inner dimensions from this one on are complete in both boxes: the one before it makes the runs.
 */
static uint32_t run_dimension(uint32_t rank, const uint64_t *outer_a, const uint64_t *outer_b,
			      const uint64_t *lengths)
{
	uint32_t d = rank;

	while (d > 0 && lengths[d - 1] == outer_a[d - 1] && lengths[d - 1] == outer_b[d - 1])
		d--;
	return d == 0 ? 0 : d - 1;
}

/* The region is one run of bytes of the piece; where it begins there. */
static bool lies_in_one_run(const struct region *region, const struct piece *piece,
			    uint64_t *offset)
{
	uint64_t stride = region->unit_size;
	uint64_t start = 0;
	bool partial = false; /* an inner dimension is cut: outer ones must be single */

	for (uint32_t d = region->rank; d-- > 0;) {
		if (region->starts[d] < piece->starts[d] ||
		    !range_within(region->starts[d] - piece->starts[d], region->lengths[d],
				  piece->lengths[d]))
			return false;
		if (partial && region->lengths[d] != 1)
			return false;
		partial = partial || region->lengths[d] != piece->lengths[d];
		start += (region->starts[d] - piece->starts[d]) * stride;
		stride *= piece->lengths[d];
	}
	*offset = region->size == 0 ? 0 : start;
	return true;
}

bool region_is_contiguous(const struct cairn_tensor *tensor, const struct tensor_record *holder,
			  const struct region *region, struct stored *stored, uint64_t *offset)
{
	struct piece piece;

	for (uint32_t i = 0; i < holder->slice_count; i++) {
		if (open_piece(tensor, holder, region, i, &piece, NULL) != CAIRN_OK)
			return false;
		if (lies_in_one_run(region, &piece, offset)) {
			*stored = piece.stored;
			return range_within(*offset, region->size, stored->record.size);
		}
	}
	return false;
}

/* -------------------------------------------------------------------------------------- copying */

/* Where copied bytes go: those of the region from `first` on, `size` of them. */
struct target {
	const struct region *region;
	uint64_t first;
	uint64_t size;
	uint8_t *buffer;
	uint64_t copied;
	struct stored_scratch scratch;
};

/* One run, given in bytes of the slice and of the region; what lies outside the wanted range is cut
 * off. */
static enum cairn_status copy_run(const struct piece *piece, struct target *target, uint64_t from,
				  uint64_t to, uint64_t size, struct cairn_error *error)
{
	const uint64_t end = target->first + target->size;
	const uint64_t begin = to > target->first ? to : target->first;
	const uint64_t stop = to + size < end ? to + size : end;

	if (begin >= stop)
		return CAIRN_OK;
	target->copied += stop - begin;
	return stored_copy(&piece->stored, from + (begin - to), stop - begin,
			   target->buffer + (begin - target->first), &target->scratch, error);
}

/* The next position of the outer dimensions [0, count), the last one running fastest; false at the
 * end. */
static bool advance(uint64_t *position, const uint64_t *starts, const uint64_t *lengths,
		    uint32_t count)
{
	for (uint32_t d = count; d-- > 0;) {
		if (++position[d] < starts[d] + lengths[d])
			return true;
		position[d] = starts[d];
	}
	return false;
}

/* The box that slice and request have in common; false when there is none. */
static bool intersect(const struct region *region, const struct piece *piece, uint64_t *starts,
		      uint64_t *lengths)
{
	for (uint32_t d = 0; d < region->rank; d++) {
		const uint64_t region_end = region->starts[d] + region->lengths[d];
		const uint64_t piece_end = piece->starts[d] + piece->lengths[d];
		const uint64_t end = region_end < piece_end ? region_end : piece_end;

		starts[d] = region->starts[d] > piece->starts[d] ? region->starts[d]
								 : piece->starts[d];
		if (starts[d] >= end)
			return false;
		lengths[d] = end - starts[d];
	}
	return true;
}

/* Byte offset of a position within a box. */
static uint64_t offset_in(const struct region *region, const uint64_t *box_starts,
			  const uint64_t *box_lengths, const uint64_t *position)
{
	uint64_t units = 0;

	for (uint32_t d = 0; d < region->rank; d++)
		units = units * box_lengths[d] + (position[d] - box_starts[d]);
	return units * region->unit_size;
}

/* What slice and request have in common, and how many outer dimensions are walked. */
struct common {
	const uint64_t *starts;
	const uint64_t *lengths;
	uint32_t outer;
};

/* Moves `position` from the beginning of what is common to its first run that can hold bytes from
 * byte `first` of a box on (that of the request, or of the slice): a small range of a large tensor
 * is quick. False when there is none. */
static bool seek_row(const struct region *region, const uint64_t *box_starts,
		     const uint64_t *box_lengths, uint64_t first, const struct common *common,
		     uint64_t *position)
{
	uint64_t wanted[CAIRN_RANK_MAX + 1];
	uint64_t row = region->unit_size;
	uint64_t rows;

	for (uint32_t d = common->outer; d < region->rank; d++)
		row *= box_lengths[d];
	rows = first / row;
	for (uint32_t d = common->outer; d-- > 0; rows /= box_lengths[d])
		wanted[d] = box_starts[d] + rows % box_lengths[d];
	for (uint32_t d = 0; d < common->outer; d++) {
		if (wanted[d] < common->starts[d])
			return true;
		if (wanted[d] - common->starts[d] >= common->lengths[d])
			return advance(position, common->starts, common->lengths, d);
		position[d] = wanted[d];
	}
	return true;
}

static enum cairn_status copy_piece(const struct piece *piece, struct target *target,
				    struct cairn_error *error)
{
	const struct region *const region = target->region;
	const uint64_t end = target->first + target->size;
	uint64_t starts[CAIRN_RANK_MAX + 1] = {0};
	uint64_t lengths[CAIRN_RANK_MAX + 1];
	uint64_t position[CAIRN_RANK_MAX + 1];
	uint64_t run = region->unit_size;
	uint64_t to;
	uint32_t outer;
	enum cairn_status status;

	if (!intersect(region, piece, starts, lengths))
		return CAIRN_OK;
	memcpy(position, starts, sizeof(position));
	outer = run_dimension(region->rank, region->lengths, piece->lengths, lengths);
	for (uint32_t d = outer; d < region->rank; d++)
		run *= lengths[d];
	if (!seek_row(region, region->starts, region->lengths, target->first,
		      &(struct common){starts, lengths, outer}, position))
		return CAIRN_OK;
	do {
		to = offset_in(region, region->starts, region->lengths, position);
		status = copy_run(piece, target,
				  offset_in(region, piece->starts, piece->lengths, position), to,
				  run, error);
	} while (status == CAIRN_OK && to < end && advance(position, starts, lengths, outer));
	return status;
}

/* ----------------------------------------------------------------------- bytes that are at hand */

/* Bytes [begin, end) of a stored slice on their way to the region's. */
struct window {
	uint64_t begin;
	uint64_t end;
	const uint8_t *bytes;
	uint8_t *buffer;
};

static void copy_part_of_run(const struct window *window, uint64_t from, uint64_t to, uint64_t size)
{
	const uint64_t begin = from > window->begin ? from : window->begin;
	const uint64_t end = from + size < window->end ? from + size : window->end;

	if (begin < end)
		memcpy(window->buffer + to + (begin - from),
		       window->bytes + (begin - window->begin), end - begin);
}

static void scatter_piece(const struct region *region, const struct piece *piece,
			  const struct window *window)
{
	uint64_t starts[CAIRN_RANK_MAX + 1] = {0};
	uint64_t lengths[CAIRN_RANK_MAX + 1];
	uint64_t position[CAIRN_RANK_MAX + 1];
	uint64_t run = region->unit_size;
	uint64_t from;
	uint32_t outer;

	if (!intersect(region, piece, starts, lengths))
		return;
	memcpy(position, starts, sizeof(position));
	outer = run_dimension(region->rank, region->lengths, piece->lengths, lengths);
	for (uint32_t d = outer; d < region->rank; d++)
		run *= lengths[d];
	if (!seek_row(region, piece->starts, piece->lengths, window->begin,
		      &(struct common){starts, lengths, outer}, position))
		return;
	do {
		from = offset_in(region, piece->starts, piece->lengths, position);
		copy_part_of_run(window, from,
				 offset_in(region, region->starts, region->lengths, position), run);
	} while (from < window->end && advance(position, starts, lengths, outer));
}

enum cairn_status scatter(const struct cairn_tensor *tensor, const struct tensor_record *holder,
			  const struct region *region, const struct slice_bytes *source,
			  uint8_t *buffer, struct cairn_error *error)
{
	const struct window window = {source->begin, source->end, source->bytes, buffer};
	struct tensor_record alone = *holder;
	struct piece piece;
	enum cairn_status status;

	alone.slice_index = source->slice;
	status = open_piece(tensor, &alone, region, 0, &piece, error);
	if (status == CAIRN_OK)
		scatter_piece(region, &piece, &window);
	return status;
}

/* Bytes of the box that slice and request have in common, and the span of the slice they are in. */
static void note_span(const struct region *region, const struct piece *piece,
		      struct slice_span *span)
{
	uint64_t starts[CAIRN_RANK_MAX + 1] = {0};
	uint64_t lengths[CAIRN_RANK_MAX + 1];
	uint64_t last[CAIRN_RANK_MAX + 1];
	uint32_t outer;

	*span = (struct slice_span){.slice = piece->stored.number};
	if (!intersect(region, piece, starts, lengths))
		return;
	outer = run_dimension(region->rank, region->lengths, piece->lengths, lengths);
	span->is_run = true;
	span->size = region->unit_size;
	for (uint32_t d = 0; d < region->rank; d++) {
		span->is_run = span->is_run && (d >= outer || lengths[d] == 1);
		span->size *= lengths[d];
		last[d] = starts[d] + lengths[d] - 1;
	}
	span->begin = offset_in(region, piece->starts, piece->lengths, starts);
	span->end = offset_in(region, piece->starts, piece->lengths, last) + region->unit_size;
	span->to = offset_in(region, region->starts, region->lengths, starts);
}

/* Fine for a tensor that is said to be incomplete; else, or with slices that overlap, damage. */
static enum cairn_status not_covered(const struct cairn_tensor *tensor,
				     const struct tensor_record *holder, uint64_t copied,
				     uint64_t size, struct cairn_error *error)
{
	const bool is_honest = (holder->flags & TENSOR_INCOMPLETE) != 0 && copied < size;
	const enum cairn_status status = is_honest ? CAIRN_PRECONDITION : CAIRN_CORRUPT;

	error_set(error, status, CAIRN_ERROR_NO_OFFSET,
		  "the stored slices hold %" PRIu64 " of the %" PRIu64 " bytes", copied, size);
	return error_prefix_tensor(error, status, tensor->name);
}

/* Strings in slices: those of a foreign format only, and few. */
static bool is_sliced_values(const struct cairn_tensor *tensor, const struct tensor_record *holder)
{
	struct slice_record slice;

	return dtype_is_variable(tensor->dtype) && tensor->reader->index.foreign &&
	       index_slice(&tensor->reader->index, holder->slice_index, &slice, NULL) == CAIRN_OK &&
	       (slice.flags & SLICE_WHOLE) == 0;
}

static enum cairn_status gather_sliced_values(const struct cairn_tensor *tensor,
					      const struct tensor_record *holder, uint64_t first,
					      uint64_t size, uint8_t *buffer,
					      struct cairn_error *error)
{
	struct cairn_reader *const reader = (struct cairn_reader *)(uintptr_t)tensor->reader;
	struct gathered_values gathered;
	enum cairn_status status = gather_values(tensor, holder, NULL, NULL, &gathered, error);

	if (status != CAIRN_OK)
		return status;
	if (range_within(first, size, gathered.size))
		memcpy(buffer, gathered.bytes + first, size);
	else
		status = not_covered(tensor, holder, gathered.size, tensor->size, error);
	system_free(reader->system, gathered.bytes);
	reader_unreserve(reader, gathered.size);
	return status;
}

enum cairn_status gather(const struct cairn_tensor *tensor, const struct tensor_record *holder,
			 const struct region *region, uint64_t first, uint64_t size,
			 uint8_t *buffer, struct cairn_error *error)
{
	struct target target = {.region = region, .first = first, .size = size, .buffer = buffer};
	struct piece piece;
	enum cairn_status status = CAIRN_OK;

	if (size == 0)
		return CAIRN_OK;
	if (is_sliced_values(tensor, holder))
		return gather_sliced_values(tensor, holder, first, size, buffer, error);
	/* a dishonest index may leave holes under slices that overlap: no old memory in them */
	if (holder->slice_count > 1)
		memset(buffer, 0, size);
	for (uint32_t i = 0; i < holder->slice_count && status == CAIRN_OK; i++) {
		status = open_piece(tensor, holder, region, i, &piece, error);
		if (status == CAIRN_OK)
			status = copy_piece(&piece, &target, error);
	}
	stored_scratch_release(tensor->reader->system, &target.scratch);
	if (status == CAIRN_OK && target.copied != size)
		status = not_covered(tensor, holder, target.copied, size, error);
	return status;
}

enum cairn_status for_each_span(const struct cairn_tensor *tensor,
				const struct tensor_record *holder, const struct region *region,
				const struct span_visitor *visitor, struct cairn_error *error)
{
	struct piece piece;
	struct slice_span span;
	uint64_t covered = 0;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < holder->slice_count && status == CAIRN_OK; i++) {
		status = open_piece(tensor, holder, region, i, &piece, error);
		if (status != CAIRN_OK)
			break;
		note_span(region, &piece, &span);
		if (span.size == 0)
			continue;
		covered += span.size;
		if (covered > region->size)
			break;
		status = visitor->visit(visitor->context, &piece.stored, &span, error);
	}
	if (status == CAIRN_OK && covered != region->size)
		status = not_covered(tensor, holder, covered, region->size, error);
	return status;
}
