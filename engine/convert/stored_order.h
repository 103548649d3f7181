/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tensors of a checkpoint in the order in which their bytes lie in its files: who copies them
 * all in this order reads each file once, from front to back.
 */
#ifndef CAIRN_ENGINE_STORED_ORDER_H
#define CAIRN_ENGINE_STORED_ORDER_H

#include <cairn/reader.h>

#include "format/arena.h"

/* Where the first byte of a tensor lies. */
struct stored_place {
	uint64_t number; /* for cairn_reader_tensor_at */
	uint64_t offset; /* CAIRN_NO_OFFSET when it has none: such tensors come last in their shard
			  */
	uint32_t shard;
};

/* One place for each tensor, in the arena; those at the same place are in name order. What reading
 * the index returns; NO_MEMORY. */
enum cairn_status stored_order(const struct cairn_reader *reader, struct arena *arena,
			       struct stored_place **places, struct cairn_error *error);

#endif
