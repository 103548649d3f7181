/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain tensors: all that a merge needs of most tensors, without decoding their records.
 *
 * A tensor is plain when it is no alias, is complete, has one slice that is all of it, and is
 * small enough in the index. Its records can be copied byte for byte into another index; only what
 * they refer to gets other places.
 */
#ifndef CAIRN_FORMAT_INDEX_PLAIN_H
#define CAIRN_FORMAT_INDEX_PLAIN_H

#include "format/index.h"

/* What the copies of one plain tensor take at most. */
#define PLAIN_SIZE_MAX 1024u

struct plain_tensor {
	/* copies, which were checked */
	struct cairn_string name;
	const uint8_t *record;  /* TENSOR_RECORD_SIZE bytes */
	const uint8_t *slice;   /* SLICE_RECORD_SIZE */
	const uint8_t *extents; /* EXTENT_RECORD_SIZE each */
	/* in the image, verified and within their sections */
	struct cairn_string image_name;
	const uint8_t *dims;    /* DIM_RECORD_SIZE each */
	const uint8_t *digests; /* of its chunks, DIGEST_SIZE each */
	uint64_t chunk_count;   /* digests that are stored */
	uint32_t extent_count;
	uint32_t rank;
};

/*
 * Copies a tensor to *next, where PLAIN_SIZE_MAX bytes are free, and moves *next behind the copies.
 * False when the tensor is not plain, when index_tensor, index_name, index_dims, index_slice,
 * index_extent or index_chunk_digests would refuse anything of it (they say what), or when no
 * extents begin outside their section.
 */
bool index_plain_tensor(const struct index *index, uint64_t number, uint8_t **next,
			struct plain_tensor *tensor);

/* Copies dims and digests behind the rest too, where they fit into `most` bytes. */
void plain_tensor_copy_rest(struct plain_tensor *tensor, uint8_t **next, uint64_t most);

#endif
