/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The places in a container that tests change: pages, records and data, and the offsets of their
 * fields, as FORMAT.md has them.
 */
#ifndef CAIRN_TESTS_CONTAINER_PLACES_H
#define CAIRN_TESTS_CONTAINER_PLACES_H

#include "tests/support/container_bytes.h"

/* Where a mutation is. Tensors, slices and extents are counted as the sample makes them. */
enum area {
	HEADER,
	FOOTER,
	BOTH_PAGES, /* the same place in header and footer */
	ENTRY,      /* of the section table: `number` is the section's type */
	TENSOR,
	NAME,
	DIM,
	SLICE,
	EXTENT,
	CHUNK_DIGEST,
	SHARD,
	REGION,
	DATA /* bytes of extent `number` */
};

/* Numbers of the sample's records. */
enum {
	T_EMPTY_NAME = 0,
	T_ALPHA = 1,
	T_BIG = 2,
	T_EMPTY = 3,
	T_GRID = 4,
	T_HALF = 5,
	T_OPAQUE = 7,
	T_PACKED = 8,
	T_STRINGS = 10,
	T_TIED = 11,
	T_FORMAT = 12,
	T_SCALES = 13,
	S_BIG = 2,
	S_GRID = 4,
	S_STRINGS = 12,
	E_ALPHA = 1,
	E_BIG = 2,
	E_GRID = 3,
	E_STRINGS = 11,
	D_BIG = 1, /* its first dim */
	D_GRID = 5,
	D_GRID_RANGES = 7 /* of its first slice: start, length, start, length */
};

/* Places in records. */
enum {
	T_NAME_OFFSET = 0,
	T_NAME_SIZE = 8,
	T_DTYPE = 12,
	T_RANK = 14,
	T_NAME_SPACE = 15,
	T_DIMS_INDEX = 16,
	T_SLICE_INDEX = 24,
	T_SLICE_COUNT = 32,
	T_FLAGS = 36,
	T_ALIAS_OF = 40,
	T_BLOCK_ELEMENTS = 48,
	T_BLOCK_BYTES = 52,
	T_PACKING = 56,
	T_DIGEST_KIND = 57,
	T_RESERVED = 58,
	T_DIGEST = 64,
	T_SIZE = 80,
	T_RESERVED2 = 88,

	S_RANGES_INDEX = 0,
	S_EXTENT_INDEX = 8,
	S_EXTENT_COUNT = 16,
	S_STORAGE_RANK = 20,
	S_SIZE = 24,
	S_CHUNK_INDEX = 32,
	S_CHUNK_SIZE = 40,
	S_TRANSFORM = 44,
	S_CHECK_KIND = 45,
	S_DIGEST_KIND = 46,
	S_FLAGS = 47,
	S_CHECK_VALUE = 48,
	S_TRANSFORM_VALUE = 56,

	E_OFFSET = 0,
	E_STORED_SIZE = 8,
	E_SIZE = 16,
	E_STORED_DIGEST = 24,
	E_SHARD = 32,
	E_CODEC = 34,
	E_SHUFFLE = 35,
	E_RESERVED = 36,

	R_OFFSET = 0,
	R_SIZE = 8,
	R_KIND = 16,
	R_SECTION_TYPE = 20,
	R_DIGEST = 24,
	R_RESERVED = 40,

	X_TYPE = 0,
	X_RECORD_SIZE = 4,
	X_OFFSET = 8,
	X_SIZE = 16
};

/* For all areas but BOTH_PAGES. */
uint8_t *container_place(const struct container_bytes *container, enum area area, uint64_t number);

/* How many places of that kind there are, and the number of the first. Not for BOTH_PAGES and DATA.
 */
uint64_t container_place_count(const struct container_bytes *container, enum area area,
			       uint64_t *first);

#endif
