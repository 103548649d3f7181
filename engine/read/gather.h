/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a rectangular part of a tensor together from its stored slices.
 */
#ifndef CAIRN_ENGINE_GATHER_H
#define CAIRN_ENGINE_GATHER_H

#include "engine/read/stored.h"

/* A rectangular part of a tensor, counted in units: blocks of the type, or elements where they are
 * the same. */
struct region {
	uint32_t rank;
	uint64_t unit_size;            /* bytes of a unit */
	uint64_t dims[CAIRN_RANK_MAX]; /* of the tensor */
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
	uint64_t size; /* bytes of the part */
};

/* The record that holds the tensor's bytes: its own, or that of the tensor it is an alias of.
 * UNSUPPORTED when it is of a later version. */
enum cairn_status tensor_holder(const struct cairn_tensor *tensor, struct tensor_record *holder,
				struct cairn_error *error);

/*
 * Resolves a request (NULL, NULL: all of it) to units. MISMATCH when it leaves the shape;
 * UNSUPPORTED when it cuts through a block, or is a real part of a tensor of variable-size
 * elements.
 */
enum cairn_status region_resolve(const struct cairn_tensor *tensor,
				 const struct tensor_record *record, const uint64_t *starts,
				 const uint64_t *lengths, struct region *region,
				 struct cairn_error *error);

/* The part that stored slice `number` holds, as a region like `whole`, which is all of the tensor.
 * CORRUPT, UNSUPPORTED and what the index returns. */
enum cairn_status region_of_slice(const struct cairn_tensor *tensor,
				  const struct tensor_record *holder, const struct region *whole,
				  uint32_t number, struct region *region,
				  struct cairn_error *error);

/*
 * The region is one contiguous range of one stored slice: opens that slice and gives the range.
 * False when it is not, or when a slice cannot be opened (gathering will say why).
 */
bool region_is_contiguous(const struct cairn_tensor *tensor, const struct tensor_record *holder,
			  const struct region *region, struct stored *stored, uint64_t *offset);

/*
 * Copies bytes [first, first + size) of the region's row-major bytes to `buffer`, verified.
 * PRECONDITION when the stored slices do not cover them.
 */
enum cairn_status gather(const struct cairn_tensor *tensor, const struct tensor_record *holder,
			 const struct region *region, uint64_t first, uint64_t size,
			 uint8_t *buffer, struct cairn_error *error);

/* Which bytes of a stored slice a region touches. */
struct slice_span {
	uint64_t slice; /* number of its record */
	uint64_t begin; /* the first, and */
	uint64_t end;   /* the one after the last; what lies between need not be wanted */
	uint64_t size;  /* that are wanted */
	uint64_t to;    /* where the first one goes in the region's bytes */
	bool is_run;    /* they are one run, here and there */
};

struct span_visitor {
	enum cairn_status (*visit)(void *context, const struct stored *stored,
				   const struct slice_span *span, struct cairn_error *error);
	void *context;
};

/* Visits the stored slices that hold bytes of a region which is not empty, in stored order.
 * PRECONDITION or CORRUPT when they are not all of it, or more: as gather. */
enum cairn_status for_each_span(const struct cairn_tensor *tensor,
				const struct tensor_record *holder, const struct region *region,
				const struct span_visitor *visitor, struct cairn_error *error);

/* Bytes [begin, end) of a stored slice, in memory. */
struct slice_bytes {
	uint64_t slice;
	uint64_t begin;
	uint64_t end;
	const uint8_t *bytes;
};

/* Copies what the region has of these bytes to where it belongs in `buffer`, which holds all of the
 * region. CORRUPT, and what the index returns. */
enum cairn_status scatter(const struct cairn_tensor *tensor, const struct tensor_record *holder,
			  const struct region *region, const struct slice_bytes *source,
			  uint8_t *buffer, struct cairn_error *error);

#endif
