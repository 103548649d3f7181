/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages in an index: header and entries. For tensorflow_bundle*.c only.
 */
#ifndef CAIRN_FORMAT_TENSORFLOW_BUNDLE_ENTRY_H
#define CAIRN_FORMAT_TENSORFLOW_BUNDLE_ENTRY_H

#include "format/protobuf.h"
#include "format/tensorflow_bundle.h"

/* Numbers of fields. */
enum bundle_header_field {
	HEADER_NUM_SHARDS = 1,
	HEADER_ENDIANNESS = 2,
	HEADER_VERSION = 3,
	VERSION_PRODUCER = 1,
	VERSION_MIN_CONSUMER = 2,
	VERSION_BAD_CONSUMERS = 3
};

enum bundle_entry_field {
	ENTRY_DTYPE = 1,
	ENTRY_SHAPE = 2,
	ENTRY_SHARD = 3,
	ENTRY_OFFSET = 4,
	ENTRY_SIZE = 5,
	ENTRY_CRC = 6,
	ENTRY_SLICES = 7,
	SHAPE_DIM = 2,
	DIM_SIZE = 1,
	SLICE_EXTENT = 1,
	EXTENT_START = 1,
	EXTENT_LENGTH = 2
};

enum bundle_endianness {
	ENDIANNESS_LITTLE = 0,
	ENDIANNESS_BIG = 1
};

/* Reads the header, with the rules about versions. */
enum cairn_status bundle_parse_header(struct arena *arena, const uint8_t *bytes, uint64_t size,
				      struct bundle_header *header, struct cairn_error *error);

/*
 * Reads an entry into `tensor`, except for the name. One that names slices gets their ranges, and
 * pieces that are zero otherwise. Messages do not name the tensor.
 */
enum cairn_status bundle_parse_entry(struct arena *arena, const struct bundle_header *header,
				     const uint8_t *bytes, uint64_t size,
				     struct bundle_tensor *tensor, struct cairn_error *error);

/*
 * Gives sliced tensors their pieces, which are entries too: those of the first `slice_count`
 * tensors of the bundle, whose names begin with NUL. What stays of these are tensors by such a
 * name; the others are taken out.
 */
enum cairn_status bundle_join_slices(struct arena *arena, struct bundle *bundle,
				     uint64_t slice_count, struct cairn_error *error);

#endif
