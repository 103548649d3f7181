/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlap of boxes by sorting and sweeping: along the dimension that is cut into most pieces a box
 * can only meet those that begin before it ends. The number of comparisons is limited, since files
 * choose how slices lie.
 */
#include "format/box.h"

#include <inttypes.h>

#include "format/error.h"
#include "format/sort.h"

/* A grid of SLICE_COUNT_MAX slices in three dimensions needs 2^27. */
#define OVERLAP_COMPARISONS_MAX ((uint64_t)1 << 28)

uint64_t box_elements(const struct box *box)
{
	uint64_t elements = 1;

	for (uint32_t d = 0; d < box->rank; d++)
		elements *= box->lengths[d];
	return elements;
}

static int compare_sweep_starts(const void *a, const void *b)
{
	const struct box *const left = a;
	const struct box *const right = b;

	return (left->sweep_start > right->sweep_start) - (left->sweep_start < right->sweep_start);
}

static bool overlap(const struct box *a, const struct box *b)
{
	for (uint32_t d = 0; d < a->rank; d++) {
		if (a->lengths[d] == 0 || b->lengths[d] == 0 ||
		    a->starts[d] >= b->starts[d] + b->lengths[d] ||
		    b->starts[d] >= a->starts[d] + a->lengths[d])
			return false;
	}
	return true;
}

/* Sorts the boxes by their start in a dimension; returns how many different starts there are. */
static uint32_t sort_along(void **order, void **scratch, uint32_t count, uint32_t dimension)
{
	uint32_t different = 1;

	for (uint32_t i = 0; i < count; i++) {
		struct box *const box = order[i];

		box->sweep_start = box->starts[dimension];
		box->sweep_end = box->starts[dimension] + box->lengths[dimension];
	}
	sort_pointers(order, scratch, count, compare_sweep_starts);
	for (uint32_t i = 1; i < count; i++)
		different += compare_sweep_starts(order[i - 1], order[i]) != 0;
	return different;
}

static enum cairn_status overlap_error(struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET, "two of its slices overlap");
}

static enum cairn_status sweep(void **order, uint32_t count, struct cairn_error *error)
{
	uint64_t comparisons = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct box *const box = order[i];

		for (uint32_t k = i + 1; k < count; k++) {
			const struct box *const other = order[k];

			if (other->sweep_start >= box->sweep_end)
				break;
			if (overlap(box, other))
				return overlap_error(error);
			if (++comparisons > OVERLAP_COMPARISONS_MAX)
				return error_set(
					error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
					"%" PRIu32
					" slices lie so that their overlap cannot be ruled out",
					count);
		}
	}
	return CAIRN_OK;
}

enum cairn_status boxes_check_overlap(struct arena *arena, struct box *boxes, uint32_t count,
				      struct cairn_error *error)
{
	void **order;
	uint32_t best = 0;
	uint32_t most = 0;

	if (count < 2)
		return CAIRN_OK;
	if (boxes[0].rank == 0)
		return overlap_error(error);
	order = arena_allocate_array(arena, 2 * (uint64_t)count, sizeof(void *));
	if (order == NULL)
		return error_set_memory(error, "checking slices");
	for (uint32_t i = 0; i < count; i++)
		order[i] = &boxes[i];
	for (uint32_t d = 0; d < boxes[0].rank; d++) {
		const uint32_t different = sort_along(order, order + count, count, d);

		if (different > most) {
			most = different;
			best = d;
		}
	}
	sort_along(order, order + count, count, best);
	return sweep(order, count, error);
}
