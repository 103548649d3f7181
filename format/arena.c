/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bump allocation in blocks that grow with the arena, so that a million small requests cost a few
 * dozen blocks. Large requests get a block of their own and leave the current one in use.
 */
#include "format/arena.h"

#include <stdalign.h>
#include <string.h>

#include "format/bytes.h"

enum {
	ARENA_ALIGNMENT = 16,
	ARENA_ARRAY_MIN = 16,
	ARENA_BLOCK_MIN = 4096,
	ARENA_BLOCK_MAX = 4 << 20
};

struct arena_block {
	alignas(ARENA_ALIGNMENT) struct arena_block *previous;
	size_t size; /* of the payload */
};

void arena_init(struct arena *arena, struct arena_source source, size_t size_max)
{
	*arena = (struct arena){.source = source, .size_max = size_max};
}

void arena_fini(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block != NULL) {
		struct arena_block *const previous = block->previous;

		arena->source.free(arena->source.context, block);
		block = previous;
	}
	*arena = (struct arena){.source = arena->source, .size_max = arena->size_max};
}

void arena_reset(struct arena *arena)
{
	struct arena_block *const newest = arena->blocks;
	struct arena rest = *arena;

	if (newest == NULL || newest->size > ARENA_BLOCK_MAX) {
		arena_fini(arena);
		return;
	}
	rest.blocks = newest->previous;
	arena_fini(&rest);
	newest->previous = NULL;
	arena->next = (uint8_t *)(newest + 1);
	arena->left = newest->size;
	arena->size = newest->size + sizeof(*newest);
}

static struct arena_block *add_block(struct arena *arena, size_t payload)
{
	uint64_t size;
	uint64_t total;
	struct arena_block *block;

	if (!checked_add(payload, sizeof(*block), &size) ||
	    !checked_add(arena->size, size, &total) || total > arena->size_max)
		return NULL;
	block = arena->source.allocate(arena->source.context, size);
	if (block == NULL)
		return NULL;
	block->previous = arena->blocks;
	block->size = payload;
	arena->blocks = block;
	arena->size = total;
	return block;
}

/* Blocks double with the arena: at most half of it is unused. */
static size_t next_block_size(const struct arena *arena)
{
	const size_t size = arena->size < ARENA_BLOCK_MIN ? ARENA_BLOCK_MIN : arena->size;

	return size > ARENA_BLOCK_MAX ? ARENA_BLOCK_MAX : size;
}

void *arena_allocate(struct arena *arena, size_t size)
{
	const size_t block_size = next_block_size(arena);
	struct arena_block *block;
	uint64_t rounded;
	void *memory;

	if (!checked_align_up(size == 0 ? 1 : size, ARENA_ALIGNMENT, &rounded))
		return NULL;
	if (rounded > arena->left) {
		block = add_block(arena, rounded > block_size ? rounded : block_size);
		if (block == NULL)
			return NULL;
		if (rounded > block_size)
			return block + 1;
		arena->next = (uint8_t *)(block + 1);
		arena->left = block_size;
	}
	memory = arena->next;
	arena->next += rounded;
	arena->left -= rounded;
	return memory;
}

void *arena_reserve_array(struct arena *arena, uint64_t count, size_t size)
{
	uint64_t bytes;

	return checked_multiply(count, size, &bytes) ? arena_allocate(arena, bytes) : NULL;
}

void *arena_allocate_array(struct arena *arena, uint64_t count, size_t size)
{
	void *const memory = arena_reserve_array(arena, count, size);

	if (memory != NULL)
		memset(memory, 0, count * size);
	return memory;
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	void *const memory = arena_allocate(arena, size);

	if (memory != NULL && size != 0)
		memcpy(memory, bytes, size);
	return memory;
}

void *arena_grow(struct arena *arena, void *array, uint64_t *capacity, uint64_t count, size_t size)
{
	uint64_t grown = *capacity;
	void *memory;

	if (count <= *capacity)
		return array;
	if (grown == 0)
		grown = count < ARENA_ARRAY_MIN ? ARENA_ARRAY_MIN : count;
	while (grown < count) {
		if (!checked_multiply(grown, 2, &grown))
			return NULL;
	}
	memory = arena_allocate_array(arena, grown, size);
	if (memory == NULL)
		return NULL;
	if (*capacity != 0)
		memcpy(memory, array, *capacity * size);
	*capacity = grown;
	return memory;
}
