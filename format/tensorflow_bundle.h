/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a TensorFlow checkpoint of the second format (`PREFIX.index`): what tensors there
 * are, and where in the data files (`PREFIX.data-00000-of-00001`) their bytes lie.
 *
 * A bundle holds what an index says, no more and no less: parsing one that TensorFlow wrote and
 * writing it again gives the same bytes. Opening is bundle_parse, reading the lengths of strings
 * (raw_size below), bundle_describe; saving is filling a bundle while data are written, and
 * bundle_write.
 */
#ifndef CAIRN_FORMAT_TENSORFLOW_BUNDLE_H
#define CAIRN_FORMAT_TENSORFLOW_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/dtype.h>
#include <cairn/error.h>

#include "format/arena.h"
#include "format/build_list.h"

/* The version of the format: what TensorFlow writes as producer, and reads as consumer. */
#define BUNDLE_VERSION 1

struct bundle_header {
	uint32_t shard_count; /* data files, at least 1 */
	bool big_endian;      /* byte order of what the data files hold */
	bool has_version;     /* the three below were written; not before September 2016 */
	int32_t producer;     /* who wrote it: BUNDLE_VERSION */
	int32_t min_consumer; /* who may read it: 0 */
	const int32_t *bad_consumers;
	uint32_t bad_consumer_count;
};

/* The raw size of a piece whose lengths were not read yet. */
#define BUNDLE_SIZE_UNKNOWN UINT64_MAX

/* Stored bytes without a gap: all of a tensor, or one slice of it. */
struct bundle_piece {
	/* 2 * rank (start, length) as they are written: a length of CAIRN_FULL, whose start is 0,
	 * and the same extent in numbers are different; NULL: the whole tensor */
	const uint64_t *ranges;
	uint32_t shard; /* number of the data file, from 0 */
	uint32_t crc;   /* CRC-32C as stored: masked */
	uint64_t offset;
	uint64_t size;
	/* bytes in the form that Cairn hands out: `size`, but of strings and variants, where
	 * bundle_parse leaves BUNDLE_SIZE_UNKNOWN; values_measure finds it */
	uint64_t raw_size;
};

struct bundle_tensor {
	struct cairn_string name;
	enum cairn_dtype dtype; /* has a number of TensorFlow's */
	uint8_t rank;
	bool incomplete; /* slices do not cover it */
	const uint64_t *dims;
	uint64_t elements;           /* the product of dims */
	struct bundle_piece *pieces; /* in stored order */
	uint32_t piece_count;        /* at least 1 */
	uint32_t entry_shard;        /* of a tensor in slices: shard field of its own entry, without
				 meaning but kept */
};

struct bundle {
	struct bundle_header header;
	struct bundle_tensor *tensors; /* by name in byte order */
	uint64_t tensor_count;
};

/* A tensor that is stored in slices. */
static inline bool bundle_is_sliced(const struct bundle_tensor *tensor)
{
	return tensor->pieces[0].ranges != NULL;
}

/* Elements of a piece: of the tensor, or of its slice. Ranges lie within the shape. */
uint64_t bundle_piece_elements(const struct bundle_tensor *tensor,
			       const struct bundle_piece *piece);

/*
 * `bytes` are all of the file, and may go afterwards: everything is copied into the arena. Checks
 * all that the index alone can tell: header first, entries, types, shapes, sizes, shards, that
 * slices are there, agree with their tensor, lie within its shape and do not overlap.
 *
 * CORRUPT; CHECKSUM; TRUNCATED; UNSUPPORTED (version, type, compression, a name that is not UTF-8);
 * LIMIT; NO_MEMORY.
 */
enum cairn_status bundle_parse(struct arena *arena, const uint8_t *bytes, uint64_t size,
			       struct bundle *bundle, struct cairn_error *error);

/*
 * The index, in the arena. Tensors may be in any order. Sizes and ranges are the caller's to get
 * right; raw sizes and `incomplete` are not looked at. A slice that covers all of its tensor is to
 * be given as the whole tensor, as TensorFlow does. EXISTS when a name or a slice is there twice;
 * INVALID_ARGUMENT for the empty name, for one that would be taken for a slice, and for a type that
 * TensorFlow does not have; LIMIT; NO_MEMORY.
 */
enum cairn_status bundle_write(struct arena *arena, const struct bundle *bundle, uint8_t **bytes,
			       uint64_t *size, struct cairn_error *error);

/*
 * Appends the tensors by name, for index_build. Shard s of the bundle is shard s + 1; storage ranks
 * follow the places of the pieces. All raw sizes must be known: INVALID_ARGUMENT. Whether pieces
 * lie within their files is for who opens them. Names, dims and ranges are borrowed from `bundle`.
 * LIMIT; NO_MEMORY.
 */
enum cairn_status bundle_describe(struct arena *arena, const struct bundle *bundle,
				  struct build_list *list, struct cairn_error *error);

#endif
