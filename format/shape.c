/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products are formed in the order of the dims, as the safetensors reader does: [0, 2^63-1, 4] is
 * empty, [2^63-1, 4, 0] overflows.
 */
#include "format/shape.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/container.h"
#include "format/error.h"
#include "format/record.h"

enum cairn_status shape_elements(uint32_t rank, const uint64_t *dims, uint64_t *elements,
				 struct cairn_error *error)
{
	uint64_t product = 1;

	for (uint32_t d = 0; d < rank; d++) {
		if (!checked_multiply(product, dims[d], &product) || product >= CONTAINER_SIZE_MAX)
			return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
					 "the shape has 2^63 elements or more at dimension %" PRIu32
					 " of %" PRIu64,
					 d, dims[d]);
	}
	*elements = product;
	return CAIRN_OK;
}

enum cairn_status shape_bytes(const struct packing *packing, uint32_t rank, const uint64_t *dims,
			      uint64_t *bytes, struct cairn_error *error)
{
	uint64_t elements = 0;
	uint64_t product;
	uint64_t unit;
	enum cairn_status status;

	status = shape_elements(rank, dims, &elements, error);
	if (status != CAIRN_OK)
		return status;
	unit = packing->scope == PACKING_ROW && rank > 0 ? dims[rank - 1] : elements;
	if (unit % packing->block_elements != 0)
		return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64
				 " elements are no multiple of the type's block of %" PRIu32,
				 unit, packing->block_elements);
	if (!checked_multiply(elements / packing->block_elements, packing->block_bytes, &product) ||
	    product >= CONTAINER_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " elements take 2^63 bytes or more", elements);
	*bytes = product;
	return CAIRN_OK;
}

enum cairn_status shape_resolve_slice(uint32_t rank, const uint64_t *dims, uint64_t *starts,
				      uint64_t *lengths, struct cairn_error *error)
{
	for (uint32_t d = 0; d < rank; d++) {
		if (lengths[d] == CAIRN_FULL && starts[d] == 0)
			lengths[d] = dims[d];
		if (!range_within(starts[d], lengths[d], dims[d]))
			return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
					 "slice %" PRIu64 ",%" PRIu64 " leaves dimension %" PRIu32
					 " of %" PRIu64,
					 starts[d], lengths[d], d, dims[d]);
	}
	return CAIRN_OK;
}

bool shape_slice_keeps_blocks(const struct packing *packing, uint32_t rank, const uint64_t *dims,
			      const uint64_t *starts, const uint64_t *lengths)
{
	const uint32_t block = packing->block_elements;

	if (block == 1)
		return true;
	return rank != 0 && dims[rank - 1] % block == 0 && starts[rank - 1] % block == 0 &&
	       lengths[rank - 1] % block == 0;
}
