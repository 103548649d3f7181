/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What opening one safetensors file and opening all shards of an index share.
 */
#ifndef CAIRN_ENGINE_SAFETENSORS_OPENING_H
#define CAIRN_ENGINE_SAFETENSORS_OPENING_H

#include "engine/read/opening.h"
#include "format/safetensors.h"

struct safetensors_opening {
	struct opening base;
	uint64_t headers_size;
	uint32_t next_rank; /* storage rank of the next tensor */
};

/* Reads and checks the header of an open shard. */
enum cairn_status safetensors_opening_read(struct safetensors_opening *opening, uint32_t shard,
					   struct safetensors_header *header,
					   struct cairn_error *error);

/* Appends tensors and metadata of a header to the list; it lives as long as the scratch. */
enum cairn_status safetensors_opening_describe(struct safetensors_opening *opening,
					       const struct safetensors_header *header,
					       uint32_t shard, struct cairn_error *error);

#endif
