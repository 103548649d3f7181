/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow checkpoints that are merged: their indexes, their data files, and their end.
 */
#ifndef CAIRN_ENGINE_BUNDLE_SOURCES_H
#define CAIRN_ENGINE_BUNDLE_SOURCES_H

#include "engine/write/draft.h"
#include "format/arena.h"
#include "format/tensorflow_bundle.h"

struct bundle_source {
	const char *path; /* its prefix; borrowed */
	bool is_missing;
	struct system_status index; /* as it was read */
	uint32_t shard_count;
};

/* Reads an index into the arena. Where there is none, its folder is swept, which may bring it back.
 * NOT_FOUND, what bundle_parse returns, IO, LIMIT, NO_MEMORY. */
enum cairn_status bundle_source_read(struct system *system, struct arena *arena, const char *path,
				     struct bundle_source *source, struct bundle *bundle,
				     struct cairn_error *error);

/* Nobody has replaced it since: BUSY. */
enum cairn_status bundle_source_check(struct system *system, const struct bundle_source *source,
				      struct cairn_error *error);

/* The path of a data file. LIMIT when it is too long. */
enum cairn_status bundle_source_data(const struct bundle_source *source, uint32_t shard, char *path,
				     size_t size, struct cairn_error *error);

/*
 * Removes those that are still what was read: all indexes, durably, then the data files, then the
 * folders that are empty and not `keep`. What cannot be removed stays.
 */
void bundle_sources_remove(struct system *system, const struct bundle_source *sources,
			   uint32_t count, const struct folder *keep);

#endif
