/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files under a TensorFlow prefix, to publish and to recognise: each says which generation it
 * is of and of how many, so that an index beside data of another save, or without one of them, is
 * seen. Works on any system.
 */
#ifndef CAIRN_TESTS_PREFIX_SAMPLE_H
#define CAIRN_TESTS_PREFIX_SAMPLE_H

#include <cairn/error.h>

#include "engine/system/memory_system.h"
#include "engine/write/draft.h"

enum {
	PREFIX_SHARDS_MAX = 8,
	PREFIX_TORN = -1,
	PREFIX_ABSENT = 0
};

struct prefix_sample {
	uint32_t shards;    /* data files, at most PREFIX_SHARDS_MAX */
	uint8_t generation; /* from 1 */
};

/* Drafts of all its files in a folder, the index last: shards + 1 of them. */
enum cairn_status prefix_drafts(struct folder *folder, const char *prefix,
				const struct prefix_sample *sample, struct draft *drafts,
				struct cairn_error *error);

/* What a writer does: sweeps the folder, makes drafts, publishes them. */
enum cairn_status prefix_write(struct system *system, const char *path,
			       const struct prefix_sample *sample, bool replace,
			       struct cairn_error *error);

/* Puts its files there as TensorFlow would, which makes none of them durable; their names are, as
 * the file system does soon of its own. `with_index`: or all but the index, as TensorFlow would be
 * interrupted. Traced, if a trace was started. */
void prefix_put(struct system *system, const char *path, const struct prefix_sample *sample,
		bool with_index);

/* The generation that a reader finds, PREFIX_ABSENT without an index, or PREFIX_TORN. */
int prefix_generation(struct system *system, const char *path);

/* How many data files the folder of `path` holds that are of this prefix. */
uint32_t prefix_data_count(struct system *system, const char *path);

/* What somebody does who no longer wants it: removes every file of the prefix, durably. */
void prefix_delete(struct system *system, const char *path);

#endif
