/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back all at once: the only memory that format/ allocates.
 *
 * The arena gets its blocks from a function that its owner hands in (the engine's from the system
 * seam), so that every allocation can be made to fail, and never more than `size_max` bytes in all.
 */
#ifndef CAIRN_FORMAT_ARENA_H
#define CAIRN_FORMAT_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* Where blocks come from. `allocate` returns NULL when there is no memory; alignment as malloc's.
 */
struct arena_source {
	void *(*allocate)(void *context, size_t size);
	void (*free)(void *context, void *memory);
	void *context;
};

struct arena_block; /* owned by the arena */

struct arena {
	struct arena_source source;
	struct arena_block *blocks; /* owned; newest first */
	uint8_t *next;              /* free bytes of the newest block */
	size_t left;
	size_t size; /* bytes handed out by the source */
	size_t size_max;
};

void arena_init(struct arena *arena, struct arena_source source, size_t size_max);

/* Gives everything back. Safe on a zeroed arena. */
void arena_fini(struct arena *arena);

/* Forgets everything that was allocated, but keeps the newest block for what comes. */
void arena_reset(struct arena *arena);

/* `size` bytes aligned to 16; NULL when there is no memory or the arena is full. Not zeroed. Size 0
 * gives a valid pointer. */
void *arena_allocate(struct arena *arena, size_t size);

/* `count` zeroed elements of `size` bytes; NULL also when the product does not fit. */
void *arena_allocate_array(struct arena *arena, uint64_t count, size_t size);

/* The same, not zeroed: for arrays whose every element is set. */
void *arena_reserve_array(struct arena *arena, uint64_t count, size_t size);

/* A copy of `size` bytes. */
void *arena_copy(struct arena *arena, const void *bytes, size_t size);

/*
 * Grows an array of `*capacity` elements so that it holds `count`: the first time to that, then
 * doubling, old contents copied (the old one stays in the arena). Returns the array, or NULL.
 */
void *arena_grow(struct arena *arena, void *array, uint64_t *capacity, uint64_t count, size_t size);

#endif
