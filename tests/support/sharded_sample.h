/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sharded checkpoint to save and to recognise: what it holds follows from the number of ranks and
 * a seed, so that two seeds are two versions of one checkpoint, and a mixture of them is neither.
 *
 * In it: "bias", whole and the same on each rank; "grid", two rows a rank; "own-<rank>", whole;
 * "pair", whose halves several ranks hold; the metadata entry "format". Works on any system.
 */
#ifndef CAIRN_TESTS_SHARDED_SAMPLE_H
#define CAIRN_TESTS_SHARDED_SAMPLE_H

#include <stdbool.h>

#include "engine/write/save.h"

struct sharded_sample {
	uint32_t ranks; /* from 2 */
	uint8_t seed;   /* also the generation */
};

/* Adds what a rank holds. What the add calls return is left to finish. */
void sharded_add(struct cairn_writer *writer, const struct sharded_sample *sample, uint32_t rank);

/* A rank's shard of a save that is going on. */
enum cairn_status sharded_write_rank(struct cairn_save *save, const struct sharded_sample *sample,
				     uint32_t rank, uint32_t attempt, struct cairn_error *error);

/* What a rank holds, as a container of its own at `path`. */
enum cairn_status sharded_write_part(struct system *system, const char *path,
				     const struct sharded_sample *sample, uint32_t rank,
				     struct cairn_error *error);

/* Begins a save of the sample. */
enum cairn_status sharded_begin(struct system *system, const char *path,
				const struct sharded_sample *sample, bool replace,
				struct cairn_save **save, struct cairn_error *error);

/* Begins, writes all ranks, commits. */
enum cairn_status sharded_write(struct system *system, const char *path,
				const struct sharded_sample *sample, bool replace,
				struct cairn_error *error);

/*
 * Reads all of it, as `readers` ranks would that each take columns of the grid, and compares.
 * MISMATCH: it holds something else; else the first status that a call returned.
 */
enum cairn_status sharded_compare(const struct cairn_reader *reader,
				  const struct sharded_sample *sample, uint32_t readers,
				  struct cairn_error *error);

/* Opens the path, compares and verifies. */
enum cairn_status sharded_check(struct system *system, const char *path,
				const struct sharded_sample *sample, struct cairn_error *error);

#endif
