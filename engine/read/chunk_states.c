/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunk states, packed 16 to a word and changed by compare-and-swap.
 *
 * Waiting: a waiter announces itself before it looks at the state under the mutex; who settles
 * changes the state before it looks for waiters. Both with sequential consistency, so that one of
 * the two sees the other.
 */
#include "engine/read/chunk_states.h"

#include <errno.h>

#include "format/bytes.h"

enum {
	CHUNKS_PER_WORD = 16,
	STATE_BITS = 2,
	STATE_MASK = 3
};

#define ALL_GOOD 0xaaaaaaaau /* sixteen times CHUNK_GOOD */

int chunk_states_init(struct chunk_states *states, struct system *system, uint64_t count)
{
	const uint64_t words = divide_up(count, CHUNKS_PER_WORD);

	*states = (struct chunk_states){.system = system, .count = count};
	states->words = system_allocate_zeroed(system, words * sizeof(*states->words));
	if (states->words == NULL)
		return -ENOMEM;
	mutex_init(&states->mutex);
	condition_init(&states->changed);
	return 0;
}

void chunk_states_fini(struct chunk_states *states)
{
	if (states->words == NULL)
		return;
	condition_fini(&states->changed);
	mutex_fini(&states->mutex);
	system_free(states->system, states->words);
	states->words = NULL;
}

static uint32_t shift_of(uint64_t chunk)
{
	return (uint32_t)(chunk % CHUNKS_PER_WORD) * STATE_BITS;
}

enum chunk_state chunk_states_get(const struct chunk_states *states, uint64_t chunk)
{
	const uint32_t word = atomic_load_explicit(&states->words[chunk / CHUNKS_PER_WORD],
						   memory_order_acquire);

	return (word >> shift_of(chunk)) & STATE_MASK;
}

bool chunk_states_all_good(const struct chunk_states *states, uint64_t first, uint64_t count)
{
	uint64_t chunk = first;

	while (chunk < first + count) {
		const bool whole_word = chunk % CHUNKS_PER_WORD == 0 &&
					first + count - chunk >= CHUNKS_PER_WORD;

		if (whole_word) {
			if (atomic_load_explicit(&states->words[chunk / CHUNKS_PER_WORD],
						 memory_order_acquire) != ALL_GOOD)
				return false;
			chunk += CHUNKS_PER_WORD;
		} else if (chunk_states_get(states, chunk) != CHUNK_GOOD) {
			return false;
		} else {
			chunk++;
		}
	}
	return true;
}

/* Changes one state from `from` to `to`; false when it was another. */
static bool change(struct chunk_states *states, uint64_t chunk, enum chunk_state from,
		   enum chunk_state to)
{
	_Atomic uint32_t *const word = &states->words[chunk / CHUNKS_PER_WORD];
	const uint32_t shift = shift_of(chunk);
	uint32_t old = atomic_load(word);

	do {
		if (((old >> shift) & STATE_MASK) != (uint32_t)from)
			return false;
	} while (!atomic_compare_exchange_weak(
		word, &old, (old & ~((uint32_t)STATE_MASK << shift)) | (uint32_t)to << shift));
	return true;
}

bool chunk_states_claim(struct chunk_states *states, uint64_t chunk)
{
	return change(states, chunk, CHUNK_UNKNOWN, CHUNK_BUSY);
}

void chunk_states_settle(struct chunk_states *states, uint64_t chunk, enum chunk_state verdict)
{
	change(states, chunk, CHUNK_BUSY, verdict);
	if (atomic_load(&states->waiters) == 0)
		return;
	mutex_lock(&states->mutex);
	condition_broadcast(&states->changed);
	mutex_unlock(&states->mutex);
}

void chunk_states_wait(struct chunk_states *states, uint64_t chunk)
{
	mutex_lock(&states->mutex);
	atomic_fetch_add(&states->waiters, 1);
	while (chunk_states_get(states, chunk) == CHUNK_BUSY)
		condition_wait(&states->changed, &states->mutex);
	atomic_fetch_sub(&states->waiters, 1);
	mutex_unlock(&states->mutex);
}
