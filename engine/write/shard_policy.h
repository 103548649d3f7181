/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors into shards of a limited size, cutting those that do not fit: TensorFlow's
 * MaxShardSizePolicy, which makes the same shards of the same tensors.
 *
 * A shard is filled until the next tensor does not fit. Of that one a piece is cut off along the
 * axis along which it needs the fewest pieces of what is left of the shard; the rest is cut again,
 * perhaps along another axis. Where not even one slice fits into an empty shard, a slice gets a
 * shard of its own, larger than the limit (TensorFlow never ends then), as does a scalar that is
 * too large. Empty tensors are kept, which TensorFlow leaves out.
 */
#ifndef CAIRN_ENGINE_SHARD_POLICY_H
#define CAIRN_ENGINE_SHARD_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/error.h>
#include <cairn/reader.h>

/* A tensor, or a slice that is to be cut further. */
struct policy_tensor {
	uint32_t rank;
	const uint64_t *dims;
	uint64_t size;         /* bytes; 0: counts for nothing and is not cut */
	uint64_t element_size; /* bytes */
	uint32_t axes;         /* is only cut along the first of them: at most `rank` */
};

/* A piece of it, by ranges within its dims. */
struct policy_piece {
	bool is_large;          /* has a shard of its own; these come behind all others */
	uint32_t shard;         /* among those of its kind */
	const uint64_t *starts; /* valid during the call */
	const uint64_t *lengths;
};

/* Takes a piece; anything but CAIRN_OK ends the cutting with that. */
typedef enum cairn_status (*policy_take)(void *context, const struct policy_piece *piece,
					 struct cairn_error *error);

struct shard_policy {
	uint64_t size_max;
	uint64_t left;  /* of the shard that is being filled */
	uint32_t shard; /* its number */
	uint32_t large_count;
	bool is_used; /* that shard has something in it */
	policy_take take;
	void *context;
};

void shard_policy_init(struct shard_policy *policy, uint64_t size_max, policy_take take,
		       void *context);

/* LIMIT: more than `SHARD_COUNT_MAX` shards; what `take` returns. */
enum cairn_status shard_policy_add(struct shard_policy *policy, const struct policy_tensor *tensor,
				   struct cairn_error *error);

/* Shards that are filled; those of large pieces come behind them. */
uint32_t shard_policy_filled(const struct shard_policy *policy);

#endif
