/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least of the sources' current names: a loser tree that remembers common beginnings.
 *
 * Each inner node holds the source that lost there, the winner of all is outside. A key knows how
 * many bytes its name has in common with the winner that it last lost to. When the winner is
 * replaced by the name after it, which has so many bytes in common with it, then on the way up: of
 * two names that have different numbers of bytes in common with the last winner the one with more
 * comes first, without a look at either; with equal numbers the comparison goes on behind them. So
 * no byte of a name is compared much more than once, however long and alike names are.
 */
#ifndef CAIRN_ENGINE_MERGE_TREE_H
#define CAIRN_ENGINE_MERGE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "format/arena.h"

/* A source's current name. */
struct merge_key {
	const char *name;
	uint32_t size;
	int32_t common; /* bytes in common with the last winner; MERGE_KEY_NONE: no name is left */
};
#define MERGE_KEY_NONE (-1)

struct merge_tree {
	struct merge_key *keys; /* by source; in the arena */
	uint32_t *losers;       /* by inner node, from 1 on; in the arena */
	uint32_t count;         /* of sources, at least 1 */
	uint32_t winner;        /* of equal names the one of the lowest source */
};

/* Makes room. False when there is no memory. */
bool merge_tree_init(struct merge_tree *tree, struct arena *arena, uint32_t count);

/* All keys were set, with no byte in common: finds the winner. */
void merge_tree_build(struct merge_tree *tree);

/* The winner's key was set to the name after it, which comes after it: finds the next winner. */
void merge_tree_next(struct merge_tree *tree);

/* Bytes that two names have in common, of which `from` are known; not more than `most`. */
uint32_t merge_common(const char *a, const char *b, uint32_t from, uint32_t most);

#endif
