/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages in an index: header and entries, and what those of the first format have in common
 * with them. For tensorflow_bundle*.c and tensorflow_v1*.c only.
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

/* A shape as it is read. */
struct bundle_shape {
	uint32_t rank;
	uint64_t dims[CAIRN_RANK_MAX];
};

/* Parts of both formats. All return CORRUPT, UNSUPPORTED or NO_MEMORY, and name no tensor. */
/* `capacity` is that of the bad consumers: 0 before the first of several messages. */
enum cairn_status bundle_parse_version(struct arena *arena, const struct proto_field *version,
				       struct bundle_header *header, uint64_t *capacity,
				       struct cairn_error *error);
enum cairn_status bundle_check_version(const struct bundle_header *header,
				       struct cairn_error *error);
/* Appends to `shape`, which starts with rank 0. */
enum cairn_status bundle_parse_shape(const struct proto_field *message, struct bundle_shape *shape,
				     struct cairn_error *error);
/* 2 * rank values (start, length), literal. */
enum cairn_status bundle_parse_slice(const struct proto_field *slice, uint32_t rank,
				     uint64_t *ranges, struct cairn_error *error);
/* Copies the dims and counts the elements. */
enum cairn_status bundle_keep_shape(struct arena *arena, const struct bundle_shape *shape,
				    const uint64_t **dims, uint64_t *elements,
				    struct cairn_error *error);
enum cairn_status bundle_take_dtype(uint32_t number, enum cairn_dtype *dtype,
				    struct cairn_error *error);
/* Cairn can have a tensor of that name: also LIMIT. */
enum cairn_status bundle_check_name(struct cairn_string name, struct cairn_error *error);

/* Fields of a shape, or of that of a slice of it when `ranges` are given; and of a slice. */
void bundle_put_shape(struct proto_writer *writer, uint32_t rank, const uint64_t *dims,
		      const uint64_t *ranges);
void bundle_put_slice(struct proto_writer *writer, uint32_t rank, const uint64_t *ranges);

/*
 * Gives sliced tensors their pieces, which are entries too: those of the first `slice_count`
 * tensors of the bundle, whose names begin with NUL. What stays of these are tensors by such a
 * name; the others are taken out.
 */
enum cairn_status bundle_join_slices(struct arena *arena, struct bundle *bundle,
				     uint64_t slice_count, struct cairn_error *error);

#endif
