/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow V2 checkpoints made in a world, tensor by tensor, for tests of who reads them.
 */
#ifndef CAIRN_TESTS_BUNDLE_FILES_H
#define CAIRN_TESTS_BUNDLE_FILES_H

#include "format/tensorflow_bundle.h"
#include "tests/support/system_world.h"

enum {
	BUNDLE_TENSORS_MAX = 16,
	BUNDLE_PIECES_MAX = 8,
	BUNDLE_SHARDS_MAX = 4,
	BUNDLE_SHARD_SIZE = 300000
};

/* Starts zeroed but for what bundle_files_init sets. Room for a few small tensors. */
struct bundle_files {
	struct bundle bundle;
	struct bundle_tensor tensors[BUNDLE_TENSORS_MAX];
	struct bundle_piece pieces[BUNDLE_TENSORS_MAX][BUNDLE_PIECES_MAX];
	uint64_t dims[BUNDLE_TENSORS_MAX][4];
	uint64_t ranges[BUNDLE_TENSORS_MAX][BUNDLE_PIECES_MAX][8];
	uint8_t data[BUNDLE_SHARDS_MAX][BUNDLE_SHARD_SIZE];
	uint64_t data_size[BUNDLE_SHARDS_MAX];
};

void bundle_files_init(struct bundle_files *files, uint32_t shard_count);

/* A tensor without pieces; returns its number. `rank` is at most 4. */
uint32_t bundle_files_tensor(struct bundle_files *files, const char *name, enum cairn_dtype dtype,
			     uint32_t rank, const uint64_t *dims);

/* Stores bytes at the end of a data file, as all of a tensor (`ranges` NULL) or as a slice of it.
 * `crc` is that of the bytes, or of whatever they are. */
void bundle_files_piece(struct bundle_files *files, uint32_t tensor, const uint64_t *ranges,
			uint32_t shard, const void *bytes, uint64_t size, uint32_t crc);

/* A tensor of numbers, whole, in the first data file. */
void bundle_files_add(struct bundle_files *files, const char *name, enum cairn_dtype dtype,
		      uint32_t rank, const uint64_t *dims, const void *bytes, uint64_t size);

/* A tensor of strings or variants of rank 1, in the first data file. */
void bundle_files_add_values(struct bundle_files *files, const char *name, enum cairn_dtype dtype,
			     const char *const *texts, uint64_t count);

/* Writes index and data files. */
void bundle_files_write(const struct bundle_files *files, const struct world *world,
			const char *prefix);

#endif
