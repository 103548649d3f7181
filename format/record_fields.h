/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the fields of the records lie that a merge copies as they are, and what it changes in a
 * copy. Everybody else decodes (record.h).
 */
#ifndef CAIRN_FORMAT_RECORD_FIELDS_H
#define CAIRN_FORMAT_RECORD_FIELDS_H

#include "format/bytes.h"
#include "format/record.h"

enum {
	TENSOR_NAME_OFFSET = 0,
	TENSOR_NAME_SIZE = 8,
	TENSOR_DTYPE = 12,
	TENSOR_RANK = 14,
	TENSOR_NAME_SPACE = 15,
	TENSOR_DIMS_INDEX = 16,
	TENSOR_SLICE_INDEX = 24,
	TENSOR_SLICE_COUNT = 32,
	TENSOR_FLAGS = 36,
	TENSOR_ALIAS_OF = 40,
	TENSOR_BLOCK_ELEMENTS = 48,
	TENSOR_BLOCK_BYTES = 52,
	TENSOR_PACKING = 56,
	TENSOR_DIGEST_KIND = 57,
	TENSOR_RESERVED = 58,
	TENSOR_DIGEST = 64,
	TENSOR_SIZE = 80,
	TENSOR_RESERVED2 = 88,
	TENSOR_END = 96
};
_Static_assert((int)TENSOR_END == (int)TENSOR_RECORD_SIZE, "the fields tile the record");

enum {
	SLICE_RANGES_INDEX = 0,
	SLICE_EXTENT_INDEX = 8,
	SLICE_EXTENT_COUNT = 16,
	SLICE_STORAGE_RANK = 20,
	SLICE_SIZE = 24,
	SLICE_CHUNK_INDEX = 32,
	SLICE_CHUNK_SIZE = 40,
	SLICE_TRANSFORM = 44,
	SLICE_CHECK_KIND = 45,
	SLICE_DIGEST_KIND = 46,
	SLICE_FLAGS = 47,
	SLICE_CHECK_VALUE = 48,
	SLICE_TRANSFORM_VALUE = 56,
	SLICE_END = 64
};
_Static_assert((int)SLICE_END == (int)SLICE_RECORD_SIZE, "the fields tile the record");

enum {
	EXTENT_OFFSET = 0,
	EXTENT_STORED_SIZE = 8,
	EXTENT_SIZE = 16,
	EXTENT_STORED_DIGEST = 24,
	EXTENT_SHARD = 32,
	EXTENT_CODEC = 34,
	EXTENT_SHUFFLE = 35,
	EXTENT_RESERVED = 36,
	EXTENT_END = 48
};
_Static_assert((int)EXTENT_END == (int)EXTENT_RECORD_SIZE, "the fields tile the record");

/* Another place for what a tensor's record refers to. */
static inline void tensor_record_move(uint8_t bytes[TENSOR_RECORD_SIZE], uint64_t name_offset,
				      uint64_t dims_index, uint64_t slice_index)
{
	store_u64(bytes + TENSOR_NAME_OFFSET, name_offset);
	store_u64(bytes + TENSOR_DIMS_INDEX, dims_index);
	store_u64(bytes + TENSOR_SLICE_INDEX, slice_index);
}

/* The same for a slice's. */
static inline void slice_record_move(uint8_t bytes[SLICE_RECORD_SIZE], uint64_t ranges_index,
				     uint64_t extent_index, uint64_t chunk_index)
{
	store_u64(bytes + SLICE_RANGES_INDEX, ranges_index);
	store_u64(bytes + SLICE_EXTENT_INDEX, extent_index);
	store_u64(bytes + SLICE_CHUNK_INDEX, chunk_index);
}

static inline uint16_t extent_record_shard(const uint8_t bytes[EXTENT_RECORD_SIZE])
{
	return load_u16(bytes + EXTENT_SHARD);
}

/* The same bytes under another number of their file. */
static inline void extent_record_move(uint8_t bytes[EXTENT_RECORD_SIZE], uint16_t shard)
{
	store_u16(bytes + EXTENT_SHARD, shard);
}

#endif
