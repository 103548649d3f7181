/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pieces of a checkpoint in the order in which the text form has them: that of the add calls
 * where a container remembers it, else that of the stored bytes.
 */
#ifndef CAIRN_ENGINE_DUMP_ORDER_H
#define CAIRN_ENGINE_DUMP_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/reader.h>

#include "format/arena.h"

/* A piece without a stored slice: all of a tensor. */
#define DUMP_WHOLE UINT32_MAX

struct dump_piece {
	uint64_t place;  /* storage rank, or offset in the shard */
	uint64_t number; /* of the tensor's record, counting both namespaces */
	uint32_t shard;
	uint32_t slice; /* of the tensor's, or DUMP_WHOLE */
	bool is_alias;
};

struct dump_order {
	struct dump_piece *pieces; /* in the arena */
	uint64_t count;
	bool is_container; /* one file, whose writer kept the order of the add calls */
};

/* What reading the index returns; LIMIT (2^32 pieces); NO_MEMORY. */
enum cairn_status dump_order(const struct cairn_reader *reader, struct arena *arena,
			     struct dump_order *order, struct cairn_error *error);

#endif
