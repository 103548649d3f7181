/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering strings: first where each wanted element is, then how long they all are, then the
 * bytes. All memory on the way is counted against the reader's limit.
 */
#include "engine/read/gather_values.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/error.h"
#include "format/shape.h"

#define END_SIZE sizeof(uint64_t)

/* A stored slice in Cairn's form. */
struct piece {
	uint8_t *raw; /* owned; NULL: nothing of it is wanted */
	uint64_t size;
	uint64_t count;
};

/* Where a wanted element is. */
struct origin {
	uint64_t index; /* in its piece */
	uint32_t piece;
	bool is_known;
};

struct gathering {
	struct cairn_reader *reader;
	const struct cairn_tensor *tensor;
	const struct tensor_record *holder;
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
	uint64_t count;         /* wanted elements */
	struct piece *pieces;   /* owned */
	struct origin *origins; /* owned */
};

/* A part of the tensor. */
struct part {
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
};

static void *take(struct gathering *gathering, uint64_t count, uint64_t size,
		  enum cairn_status *status, struct cairn_error *error)
{
	uint64_t bytes = UINT64_MAX;
	void *memory;

	checked_multiply(count, size, &bytes);
	*status = reader_reserve(gathering->reader, bytes, error);
	if (*status != CAIRN_OK)
		return NULL;
	memory = system_allocate_zeroed(gathering->reader->system, bytes == 0 ? 1 : bytes);
	if (memory == NULL) {
		reader_unreserve(gathering->reader, bytes);
		*status = error_set_memory(error, "strings");
	}
	return memory;
}

static void give_back(struct gathering *gathering, void *memory, uint64_t bytes)
{
	if (memory == NULL)
		return;
	system_free(gathering->reader->system, memory);
	reader_unreserve(gathering->reader, bytes);
}

/* --------------------------------------------------------------------------------------- places */

static enum cairn_status box_of(const struct gathering *gathering, const struct stored *stored,
				struct part *box, struct cairn_error *error)
{
	const struct cairn_tensor *const tensor = gathering->tensor;
	const bool is_whole = (stored->record.flags & SLICE_WHOLE) != 0;
	const uint64_t *ranges = NULL;
	enum cairn_status status = CAIRN_OK;

	if (!is_whole)
		status = index_dims(&gathering->reader->index, stored->record.ranges_index,
				    2 * (uint64_t)tensor->rank, &ranges, error);
	if (status != CAIRN_OK)
		return status;
	for (uint32_t d = 0; d < tensor->rank; d++) {
		box->starts[d] = is_whole ? 0 : ranges[2 * (size_t)d];
		box->lengths[d] = is_whole ? CAIRN_FULL : ranges[2 * (size_t)d + 1];
	}
	return shape_resolve_slice(tensor->rank, tensor->dims, box->starts, box->lengths, error) ==
			       CAIRN_OK
		       ? CAIRN_OK
		       : CAIRN_CORRUPT;
}

/* What box and request have in common; false when that is nothing. */
static bool intersect(const struct gathering *gathering, const struct part *box,
		      struct part *common)
{
	for (uint32_t d = 0; d < gathering->tensor->rank; d++) {
		const uint64_t wanted_end = gathering->starts[d] + gathering->lengths[d];
		const uint64_t box_end = box->starts[d] + box->lengths[d];
		const uint64_t end = wanted_end < box_end ? wanted_end : box_end;

		common->starts[d] = gathering->starts[d] > box->starts[d] ? gathering->starts[d]
									  : box->starts[d];
		if (common->starts[d] >= end)
			return false;
		common->lengths[d] = end - common->starts[d];
	}
	return true;
}

static uint64_t row_major(uint32_t rank, const uint64_t *starts, const uint64_t *lengths,
			  const uint64_t *position)
{
	uint64_t index = 0;

	for (uint32_t d = 0; d < rank; d++)
		index = index * lengths[d] + (position[d] - starts[d]);
	return index;
}

static bool advance(uint32_t rank, const struct part *part, uint64_t *position)
{
	for (uint32_t d = rank; d-- > 0;) {
		if (++position[d] < part->starts[d] + part->lengths[d])
			return true;
		position[d] = part->starts[d];
	}
	return false;
}

static void note_origins(struct gathering *gathering, uint32_t number, const struct part *box,
			 const struct part *common)
{
	const uint32_t rank = gathering->tensor->rank;
	uint64_t position[CAIRN_RANK_MAX];

	memcpy(position, common->starts, sizeof(position));
	do {
		const uint64_t to = row_major(rank, gathering->starts, gathering->lengths,
					      position);

		gathering->origins[to] = (struct origin){
			.index = row_major(rank, box->starts, box->lengths, position),
			.piece = number,
			.is_known = true,
		};
	} while (advance(rank, common, position));
}

static uint64_t elements_of(uint32_t rank, const struct part *box)
{
	uint64_t count = 1; /* within the shape: no overflow unless a dim is 0 */

	for (uint32_t d = 0; d < rank; d++)
		count *= box->lengths[d];
	return count;
}

/* --------------------------------------------------------------------------------------- pieces */

static enum cairn_status damaged(const struct gathering *gathering, struct cairn_error *error)
{
	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "the end offsets of a stored slice are not in order");
	return error_prefix_tensor(error, CAIRN_CORRUPT, gathering->tensor->name);
}

static enum cairn_status read_piece(struct gathering *gathering, const struct stored *stored,
				    const struct part *box, struct piece *piece,
				    struct cairn_error *error)
{
	struct stored_scratch scratch = {0};
	enum cairn_status status;

	piece->count = elements_of(gathering->tensor->rank, box);
	piece->size = stored->record.size;
	if (piece->count > piece->size / END_SIZE)
		return damaged(gathering, error);
	piece->raw = take(gathering, 1, piece->size, &status, error);
	if (piece->raw != NULL)
		status = stored_copy(stored, 0, piece->size, piece->raw, &scratch, error);
	stored_scratch_release(gathering->reader->system, &scratch);
	return status;
}

static enum cairn_status add_piece(struct gathering *gathering, uint32_t number,
				   struct cairn_error *error)
{
	struct stored stored;
	struct part box;
	struct part common;
	enum cairn_status status;

	status = stored_open(gathering->reader, gathering->holder->slice_index + number,
			     gathering->tensor->name, &stored, error);
	if (status == CAIRN_OK)
		status = box_of(gathering, &stored, &box, error);
	if (status != CAIRN_OK || !intersect(gathering, &box, &common))
		return status;
	status = read_piece(gathering, &stored, &box, &gathering->pieces[number], error);
	if (status == CAIRN_OK)
		note_origins(gathering, number, &box, &common);
	return status;
}

static bool element_at(const struct gathering *gathering, uint64_t number, const uint8_t **bytes,
		       uint64_t *size)
{
	const struct origin *const origin = &gathering->origins[number];
	const struct piece *const piece = &gathering->pieces[origin->piece];
	const uint64_t room = piece->size - piece->count * END_SIZE;
	const uint64_t begin = origin->index == 0
				       ? 0
				       : load_u64(piece->raw + (origin->index - 1) * END_SIZE);
	const uint64_t end = load_u64(piece->raw + origin->index * END_SIZE);

	if (begin > end || end > room)
		return false;
	*bytes = piece->raw + piece->count * END_SIZE + begin;
	*size = end - begin;
	return true;
}

/* --------------------------------------------------------------------------------------- result */

static enum cairn_status not_covered(const struct gathering *gathering, struct cairn_error *error)
{
	error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
		  "the stored slices do not hold all of the %" PRIu64 " elements",
		  gathering->count);
	return error_prefix_tensor(error, CAIRN_PRECONDITION, gathering->tensor->name);
}

static enum cairn_status measure(const struct gathering *gathering, uint64_t *size,
				 struct cairn_error *error)
{
	uint64_t total = gathering->count * END_SIZE;

	for (uint64_t i = 0; i < gathering->count; i++) {
		const uint8_t *bytes;
		uint64_t length;

		if (!gathering->origins[i].is_known)
			return not_covered(gathering, error);
		if (!element_at(gathering, i, &bytes, &length))
			return damaged(gathering, error);
		total += length; /* of stored bytes, each once */
	}
	*size = total;
	return CAIRN_OK;
}

static void join(const struct gathering *gathering, uint8_t *result)
{
	const uint64_t table = gathering->count * END_SIZE;
	uint64_t end = 0;

	for (uint64_t i = 0; i < gathering->count; i++) {
		const uint8_t *bytes = NULL;
		uint64_t size = 0;

		element_at(gathering, i, &bytes, &size);
		if (size != 0)
			memcpy(result + table + end, bytes, size);
		end += size;
		store_u64(result + i * END_SIZE, end);
	}
}

static enum cairn_status gather_pieces(struct gathering *gathering,
				       struct gathered_values *gathered, struct cairn_error *error)
{
	const uint32_t count = gathering->holder->slice_count;
	enum cairn_status status;

	gathering->pieces = take(gathering, count, sizeof(struct piece), &status, error);
	if (gathering->pieces != NULL)
		gathering->origins = take(gathering, gathering->count, sizeof(struct origin),
					  &status, error);
	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++)
		status = add_piece(gathering, i, error);
	if (status == CAIRN_OK)
		status = measure(gathering, &gathered->size, error);
	if (status == CAIRN_OK)
		gathered->bytes = take(gathering, 1, gathered->size, &status, error);
	if (status == CAIRN_OK)
		join(gathering, gathered->bytes);
	return status;
}

static void release(struct gathering *gathering)
{
	const uint32_t count = gathering->holder->slice_count;

	for (uint32_t i = 0; gathering->pieces != NULL && i < count; i++)
		give_back(gathering, gathering->pieces[i].raw, gathering->pieces[i].size);
	give_back(gathering, gathering->pieces, count * sizeof(struct piece));
	give_back(gathering, gathering->origins, gathering->count * sizeof(struct origin));
}

enum cairn_status gather_values(const struct cairn_tensor *tensor,
				const struct tensor_record *holder, const uint64_t *starts,
				const uint64_t *lengths, struct gathered_values *gathered,
				struct cairn_error *error)
{
	struct gathering gathering = {
		.reader = (struct cairn_reader *)(uintptr_t)tensor->reader,
		.tensor = tensor,
		.holder = holder,
		.count = 1,
	};
	struct gathered_values made = {0};
	enum cairn_status status;

	for (uint32_t d = 0; d < tensor->rank; d++) {
		gathering.starts[d] = starts == NULL ? 0 : starts[d];
		gathering.lengths[d] = starts == NULL ? CAIRN_FULL : lengths[d];
	}
	status = shape_resolve_slice(tensor->rank, tensor->dims, gathering.starts,
				     gathering.lengths, error);
	if (status != CAIRN_OK)
		return error_prefix_tensor(error, status, tensor->name);
	for (uint32_t d = 0; d < tensor->rank; d++)
		gathering.count *= gathering.lengths[d];
	status = gather_pieces(&gathering, &made, error);
	release(&gathering);
	made.count = gathering.count;
	if (status == CAIRN_OK)
		*gathered = made;
	return status;
}
