/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about each chunk of a checkpoint: two bits.
 *
 * One thread verifies a chunk (unknown -> busy -> good, bad or unknown again), the others wait for
 * it. Good is published with release order after the bytes were read, so that a reader of the state
 * may use them.
 */
#ifndef CAIRN_ENGINE_CHUNK_STATES_H
#define CAIRN_ENGINE_CHUNK_STATES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/system/sync.h"
#include "engine/system/system.h"

enum chunk_state {
	CHUNK_UNKNOWN = 0,
	CHUNK_BUSY = 1,
	CHUNK_GOOD = 2,
	CHUNK_BAD = 3
};

struct chunk_states {
	struct system *system;
	_Atomic uint32_t *words; /* owned; 16 chunks each */
	uint64_t count;
	_Atomic uint32_t waiters;
	struct mutex mutex;
	struct condition changed;
};

/* All unknown. 0, or -ENOMEM. The memory is only touched as chunks are. */
int chunk_states_init(struct chunk_states *states, struct system *system, uint64_t count);
void chunk_states_fini(struct chunk_states *states);

enum chunk_state chunk_states_get(const struct chunk_states *states, uint64_t chunk);

/* All of `count` chunks from `first` on are good. */
bool chunk_states_all_good(const struct chunk_states *states, uint64_t first, uint64_t count);

/* Unknown becomes busy and the caller's to verify; false when it was not unknown. */
bool chunk_states_claim(struct chunk_states *states, uint64_t chunk);

/* The caller's verdict on a chunk that it claimed; wakes who waits. */
void chunk_states_settle(struct chunk_states *states, uint64_t chunk, enum chunk_state verdict);

/* Returns when the chunk is not busy. */
void chunk_states_wait(struct chunk_states *states, uint64_t chunk);

#endif
