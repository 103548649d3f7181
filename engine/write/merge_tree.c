/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See merge_tree.h. Names are compared eight bytes at a time.
 */
#include "engine/write/merge_tree.h"

#include "format/bytes.h"

static uint64_t load_word(const char *bytes)
{
	return load_u64((const uint8_t *)bytes);
}

uint32_t merge_common(const char *a, const char *b, uint32_t from, uint32_t most)
{
	uint32_t at = from;

	for (; most - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
		const uint64_t difference = load_word(a + at) ^ load_word(b + at);

		if (difference != 0)
			return at + (uint32_t)__builtin_ctzll(difference) / 8;
	}
	while (at < most && a[at] == b[at])
		at++;
	return at;
}

/* Of two names with equally many bytes in common with the last winner; neither has ended before. */
static bool comes_first(struct merge_tree *tree, uint32_t a, uint32_t b)
{
	struct merge_key *const left = &tree->keys[a];
	struct merge_key *const right = &tree->keys[b];
	const uint32_t most = left->size < right->size ? left->size : right->size;
	const uint32_t common = merge_common(left->name, right->name, (uint32_t)left->common, most);
	bool first;

	if (common < most)
		first = (uint8_t)left->name[common] < (uint8_t)right->name[common];
	else
		first = left->size != right->size ? left->size < right->size : a < b;
	if (first)
		right->common = (int32_t)common;
	else
		left->common = (int32_t)common;
	return first;
}

/* Source a wins against b; the loser remembers what they have in common. */
static bool beats(struct merge_tree *tree, uint32_t a, uint32_t b)
{
	const int32_t left = tree->keys[a].common;
	const int32_t right = tree->keys[b].common;

	if (left != right || left == MERGE_KEY_NONE)
		return left > right;
	return comes_first(tree, a, b);
}

bool merge_tree_init(struct merge_tree *tree, struct arena *arena, uint32_t count)
{
	*tree = (struct merge_tree){.count = count};
	tree->keys = arena_allocate_array(arena, count, sizeof(*tree->keys));
	/* while the tree is built, the second half holds the winners below the nodes */
	tree->losers = arena_allocate_array(arena, 2 * (uint64_t)count, sizeof(*tree->losers));
	return tree->keys != NULL && tree->losers != NULL;
}

/* Source i enters at node count + i. */
static uint32_t winner_below(const struct merge_tree *tree, uint32_t node)
{
	return node >= tree->count ? node - tree->count : tree->losers[tree->count + node];
}

void merge_tree_build(struct merge_tree *tree)
{
	tree->winner = 0;
	for (uint32_t node = tree->count - 1; node >= 1; node--) {
		const uint32_t a = winner_below(tree, 2 * node);
		const uint32_t b = winner_below(tree, 2 * node + 1);
		const bool a_wins = beats(tree, a, b);

		tree->losers[node] = a_wins ? b : a;
		tree->losers[tree->count + node] = tree->winner = a_wins ? a : b;
	}
}

void merge_tree_next(struct merge_tree *tree)
{
	uint32_t winner = tree->winner;

	for (uint32_t node = (tree->count + winner) / 2; node >= 1; node /= 2) {
		const uint32_t other = tree->losers[node];

		if (beats(tree, other, winner)) {
			tree->losers[node] = winner;
			winner = other;
		}
	}
	tree->winner = winner;
}
