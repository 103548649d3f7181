/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting the indexes of TensorFlow checkpoints together into one, as TensorFlow does when it has
 * saved in shards (MergeV2Checkpoints): tensors of all sources, slices of one tensor in the order
 * of the sources, and a new number for each data file.
 */
#ifndef CAIRN_FORMAT_TENSORFLOW_BUNDLE_MERGE_H
#define CAIRN_FORMAT_TENSORFLOW_BUNDLE_MERGE_H

#include "format/tensorflow_bundle.h"

/* A data file of the result. */
struct merged_shard {
	uint32_t source;   /* number of the bundle that it comes from */
	uint32_t shard;    /* its number there */
	uint64_t size_min; /* bytes that it must have */
};

#define BUNDLE_NO_SOURCE UINT32_MAX

struct bundle_merge {
	struct bundle bundle;        /* the result; borrows from the sources */
	struct merged_shard *shards; /* by their new numbers */
	uint32_t shard_count;        /* 0 when no source holds a tensor */
	uint32_t culprit;            /* after a failure: the source that it is about, or
				        BUNDLE_NO_SOURCE */
};

/*
 * Merges `count` bundles, at least one, which are changed (numbers of shards) and stay the owners
 * of what they hold. Data files are numbered as the entries that name them come, source by source
 * and by key. One that no entry names is left out, so that the header always counts the files that
 * are there: TensorFlow adds up the headers, and cannot read its result when a source was empty.
 *
 * MISMATCH: byte orders, versions, types or shapes differ, a tensor or a slice is there twice, or
 * slices overlap. PRECONDITION: slices are missing, unless `allow_incomplete`. LIMIT; NO_MEMORY.
 */
enum cairn_status bundles_merge(struct arena *arena, struct bundle *sources, uint32_t count,
				bool allow_incomplete, struct bundle_merge *merge,
				struct cairn_error *error);

#endif
