/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boxes: where slices of a tensor lie in its shape, and whether they overlap.
 */
#ifndef CAIRN_FORMAT_BOX_H
#define CAIRN_FORMAT_BOX_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/error.h>

#include "format/arena.h"

/* A slice's range in each dimension, resolved: within the shape. */
struct box {
	uint64_t *starts; /* rank entries */
	uint64_t *lengths;
	uint32_t rank;
	uint64_t sweep_start; /* boxes_check_overlap's: of the dimension that is swept */
	uint64_t sweep_end;
};

/* Elements of a box within a shape whose product is below 2^63. */
uint64_t box_elements(const struct box *box);

/*
 * CORRUPT when two of the boxes (of one rank) share an element; LIMIT when they lie so that this
 * would take too long to find out, which no grid of SLICE_COUNT_MAX slices in up to three
 * dimensions does; NO_MEMORY. Empty boxes share nothing.
 */
enum cairn_status boxes_check_overlap(struct arena *arena, struct box *boxes, uint32_t count,
				      struct cairn_error *error);

#endif
