/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the entries of an array by a hash: what lies under it, and whether it is the one, the owner
 * of the array compares.
 */
#ifndef CAIRN_ENGINE_HASH_INDEX_H
#define CAIRN_ENGINE_HASH_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>

#include "engine/system/system.h"

#define HASH_INDEX_NONE UINT32_MAX

struct hash_index_entry {
	uint64_t hash;
	uint32_t next; /* of the same bucket */
};

/* All zero: empty. */
struct hash_index {
	struct hash_index_entry *entries; /* by number, as in the owner's array */
	uint32_t *buckets;                /* number of the newest entry */
	uint32_t count;
	uint32_t capacity; /* of both; a power of two */
};

/* Adds the entry with the next number. False: no memory, or too many. */
bool hash_index_add(struct hash_index *index, struct system *system, uint64_t hash);

/* Takes the newest entry away again. */
void hash_index_drop(struct hash_index *index);

/* The newest entry with the hash; the next older one; HASH_INDEX_NONE. */
uint32_t hash_index_first(const struct hash_index *index, uint64_t hash);
uint32_t hash_index_next(const struct hash_index *index, uint32_t number);

/* Forgets all entries, and keeps the memory. */
void hash_index_clear(struct hash_index *index);

/* Gives the memory back. */
void hash_index_fini(struct hash_index *index, struct system *system);

#endif
