/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building an index image in memory: for the writer, and for every foreign format, whose parsers
 * describe what they found in these structs. The result is canonical: the same description gives
 * the same bytes.
 */
#ifndef CAIRN_FORMAT_INDEX_BUILD_H
#define CAIRN_FORMAT_INDEX_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/dtype.h>
#include <cairn/error.h>

#include "format/arena.h"
#include "format/container.h"
#include "format/record.h"

/* A stored piece. All pointers are borrowed until the image is built. */
struct build_slice {
	const uint64_t *ranges; /* 2 * rank values (start, length), literal; NULL: whole */
	const struct extent_record *extents;
	uint32_t extent_count;
	uint32_t storage_rank;
	uint64_t size;                /* raw bytes */
	const uint8_t *chunk_digests; /* divide_up(size, chunk_size) of them; NULL: no digests */
	uint32_t chunk_size;
	uint8_t transform;
	uint8_t check_kind; /* of foreign data; with chunk digests it becomes CHECK_CHUNKS */
	uint64_t check_value;
	uint64_t transform_value;
};

struct build_tensor {
	struct cairn_string name;
	uint8_t name_space;
	uint8_t rank;
	enum cairn_dtype dtype;
	const uint64_t *dims;
	uint32_t block_elements; /* as in cairn_dtype_info for known types */
	uint32_t block_bytes;
	uint8_t packing;
	bool incomplete;
	uint64_t size; /* raw bytes of the whole tensor */
	const struct build_slice *slices;
	uint32_t slice_count;
	struct build_tensor *alias_of; /* a tensor of the same array that holds the bytes; NULL: it
					  holds its own */
	uint64_t number;               /* set by index_build: its record's number */
	struct build_tensor *first_of_group; /* index_build's: NULL */
};

struct build_shard {
	struct cairn_string name;
	struct shard_record record; /* name_offset and name_size are set by index_build */
};

struct build_input {
	/* in any order, which is left as it is; aliases may change sides */
	struct build_tensor *tensors;
	uint64_t tensor_count;            /* both namespaces */
	const struct build_shard *shards; /* without shard 0, which is always the file itself */
	uint32_t shard_count;
	const struct region_record *regions;
	uint32_t region_count;
	bool foreign;
};

/* Records (of names: bytes) that the sections of an image hold. */
struct index_amounts {
	uint64_t tensors;
	uint64_t name_bytes;
	uint64_t dims;
	uint64_t slices;
	uint64_t extents;
	uint64_t chunks;
	uint64_t shards;
	uint64_t regions;
};

/* Fills the section table for them. */
void index_layout_sections(const struct index_amounts *amounts, struct container_footer *footer);

/* An image: sections, then the digest tree (only when `with_tree`). */
struct built_index {
	uint8_t *image; /* in the arena */
	uint64_t sections_size;
	uint64_t image_size;
	/* section table, counts, root and flags filled; the rest of the footer is the caller's */
	struct container_footer footer;
};

/*
 * Sorts, checks and lays out. EXISTS when a name is there twice ("tensor 'x' is there twice");
 * LIMIT; NO_MEMORY. Overlapping slices are not looked for: index_check does that.
 */
enum cairn_status index_build(struct arena *arena, struct build_input *input, bool with_tree,
			      struct built_index *built, struct cairn_error *error);

/* The image size that index_build will produce for the same input, without building: for planning a
 * file. */
enum cairn_status index_build_size(const struct build_input *input, uint64_t *image_size,
				   struct cairn_error *error);

#endif
