/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic of shapes: elements, bytes, rectangular slices. All inputs are untrusted.
 */
#ifndef CAIRN_FORMAT_SHAPE_H
#define CAIRN_FORMAT_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

/* How elements are packed: block_elements elements take block_bytes bytes, counted over the tensor
 * or within its rows. */
struct packing {
	uint32_t block_elements;
	uint32_t block_bytes; /* 0: variable size */
	uint8_t scope;        /* enum packing_scope */
};

/* The product of dims, multiplied in order; LIMIT when it does not fit below 2^63. */
enum cairn_status shape_elements(uint32_t rank, const uint64_t *dims, uint64_t *elements,
				 struct cairn_error *error);

/* Bytes of a shape of fixed-size elements. LIMIT as above; MISMATCH when the shape cuts a block. */
enum cairn_status shape_bytes(const struct packing *packing, uint32_t rank, const uint64_t *dims,
			      uint64_t *bytes, struct cairn_error *error);

/* Resolves a slice in place: CAIRN_FULL becomes the dimension. MISMATCH (with the dimension and
 * both values) when it leaves the shape. */
enum cairn_status shape_resolve_slice(uint32_t rank, const uint64_t *dims, uint64_t *starts,
				      uint64_t *lengths, struct cairn_error *error);

/* A resolved slice begins and ends between blocks: its start, its length and the dimension are
 * multiples of a block in the last dimension. */
bool shape_slice_keeps_blocks(const struct packing *packing, uint32_t rank, const uint64_t *dims,
			      const uint64_t *starts, const uint64_t *lengths);

#endif
