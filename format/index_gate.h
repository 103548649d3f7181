/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one gate into an index image, for format/ only: no pointer into an image is formed anywhere
 * else.
 */
#ifndef CAIRN_FORMAT_INDEX_GATE_H
#define CAIRN_FORMAT_INDEX_GATE_H

#include "format/bytes.h"
#include "format/index.h"

/* Slow path: some block of the range was perhaps never used before. */
enum cairn_status index_verify_range(const struct index *index, uint64_t first, uint64_t last,
				     struct cairn_error *error);

/* The error of a range that exceeds its section. */
enum cairn_status index_refuse_range(const struct index *index, enum section_type type,
				     uint64_t offset, uint64_t size, struct cairn_error *error);

/* `offset` and `size` are untrusted and relative to the section; the bytes come back verified. */
static inline enum cairn_status index_bytes(const struct index *index, enum section_type type,
					    uint64_t offset, uint64_t size, const uint8_t **bytes,
					    struct cairn_error *error)
{
	const struct container_section *const section = &index->sections[type];
	uint64_t start;

	if (!range_within(offset, size, section->size))
		return index_refuse_range(index, type, offset, size, error);
	start = section->offset + offset;
	if (index->block_states != NULL && size != 0) {
		const uint64_t first = start / INDEX_BLOCK_SIZE;
		const uint64_t last = (start + size - 1) / INDEX_BLOCK_SIZE;
		enum cairn_status status = CAIRN_OK;

		if (first != last ||
		    atomic_load_explicit(&index->block_states[first], memory_order_acquire) == 0)
			status = index_verify_range(index, first, last, error);
		if (status != CAIRN_OK)
			return status;
	}
	*bytes = index->image + start;
	return CAIRN_OK;
}

#endif
