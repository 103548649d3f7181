/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chained buckets. The entries of a bucket are linked by their numbers, newest first, so that they
 * grow as one array and the newest can be taken away.
 */
#include "engine/train/hash_index.h"

#define FIRST_CAPACITY 8u
#define CAPACITY_MAX   (1u << 30)

static uint32_t *bucket_of(const struct hash_index *index, uint64_t hash)
{
	return &index->buckets[hash & (index->capacity - 1)];
}

static void link_entry(struct hash_index *index, uint32_t number)
{
	uint32_t *const bucket = bucket_of(index, index->entries[number].hash);

	index->entries[number].next = *bucket;
	*bucket = number;
}

static void empty_buckets(struct hash_index *index)
{
	for (uint32_t i = 0; i < index->capacity; i++)
		index->buckets[i] = HASH_INDEX_NONE;
}

static bool grow(struct hash_index *index, struct system *system)
{
	const uint32_t capacity = index->capacity == 0 ? FIRST_CAPACITY : index->capacity * 2;
	struct hash_index_entry *entries;
	uint32_t *buckets;

	if (capacity > CAPACITY_MAX)
		return false;
	entries = system_reallocate(system, index->entries, capacity * sizeof(*entries));
	if (entries == NULL)
		return false;
	index->entries = entries;
	buckets = system_reallocate(system, index->buckets, capacity * sizeof(*buckets));
	if (buckets == NULL)
		return false;
	index->buckets = buckets;
	index->capacity = capacity;
	empty_buckets(index);
	for (uint32_t i = 0; i < index->count; i++)
		link_entry(index, i);
	return true;
}

bool hash_index_add(struct hash_index *index, struct system *system, uint64_t hash)
{
	if (index->count == index->capacity && !grow(index, system))
		return false;
	index->entries[index->count].hash = hash;
	link_entry(index, index->count++);
	return true;
}

void hash_index_drop(struct hash_index *index)
{
	const struct hash_index_entry *const last = &index->entries[--index->count];

	*bucket_of(index, last->hash) = last->next;
}

/* From an entry of the bucket on, the first with the hash. */
static uint32_t skip_others(const struct hash_index *index, uint32_t number, uint64_t hash)
{
	while (number != HASH_INDEX_NONE && index->entries[number].hash != hash)
		number = index->entries[number].next;
	return number;
}

uint32_t hash_index_first(const struct hash_index *index, uint64_t hash)
{
	if (index->count == 0)
		return HASH_INDEX_NONE;
	return skip_others(index, *bucket_of(index, hash), hash);
}

uint32_t hash_index_next(const struct hash_index *index, uint32_t number)
{
	const struct hash_index_entry *const entry = &index->entries[number];

	return skip_others(index, entry->next, entry->hash);
}

void hash_index_clear(struct hash_index *index)
{
	index->count = 0;
	empty_buckets(index);
}

void hash_index_fini(struct hash_index *index, struct system *system)
{
	system_free(system, index->entries);
	system_free(system, index->buckets);
	*index = (struct hash_index){.entries = NULL};
}
