/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of a container of which some are compressed: places are known once sizes are.
 */
#ifndef CAIRN_ENGINE_PACK_DATA_H
#define CAIRN_ENGINE_PACK_DATA_H

#include "engine/write/segment_writer.h"
#include "engine/write/writer.h"

/* Callbacks of a segment_layout whose context is a writer: `pack` stores the chunks of a segment
 * into other bytes, with extents that count from there; `settle` says where those bytes lie. */
enum cairn_status pack_segment(void *context, uint64_t number, const uint8_t *bytes,
			       uint8_t *packed, uint64_t *size, struct stored_scratch *scratch,
			       struct cairn_error *error);
void settle_segment(void *context, uint64_t number, uint64_t offset);

/* Gives the slices the extents that packing made: one for each chunk, or one for all where none is
 * compressed. */
void pack_hand_over(struct cairn_writer *writer);

#endif
