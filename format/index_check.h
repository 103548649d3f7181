/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every structural rule of an index image, in one pass over all records: O(n).
 */
#ifndef CAIRN_FORMAT_INDEX_CHECK_H
#define CAIRN_FORMAT_INDEX_CHECK_H

#include <cairn/error.h>

#include "format/arena.h"
#include "format/index.h"

/*
 * Checks order and uniqueness of names, UTF-8, the canonical consumption of names, dims, slices,
 * extents and chunk digests, every size against shape and type, slices against each other (overlap;
 * cover, or flagged incomplete), tensor digests against the chunk digests, extents against regions
 * and shard sizes, aliases, shards and regions. The arena is for sorting slices. CORRUPT with the
 * tensor named, CHECKSUM, NO_MEMORY; UNSUPPORTED, with the tensor named, when everything else is
 * right and there is a digest kind, check kind, transform or codec that this version does not know.
 *
 * `data_end` is the end of shard 0's data: the offset of the footer copy, or the size of the memory
 * that stands for it.
 */
enum cairn_status index_check(const struct index *index, uint64_t data_end, struct arena *arena,
			      struct cairn_error *error);

/*
 * One record alone: the type's blocks are those of the table, and the size is that of shape and
 * type, so that whoever computes the size from the shape gets the same. `dims` are the record's.
 * Counts the elements.
 */
enum cairn_status index_check_shape(const struct tensor_record *tensor, const uint64_t *dims,
				    uint64_t *elements, struct cairn_error *error);

#endif
