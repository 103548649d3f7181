/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of pieces that lie anywhere: safetensors, data files of TensorFlow.
 *
 * The file is cut into segments of one size, whatever is in it, and a piece may span many of them,
 * or many pieces lie in one. What no piece covers is zero.
 */
#ifndef CAIRN_ENGINE_DENSE_FILE_H
#define CAIRN_ENGINE_DENSE_FILE_H

#include "engine/write/draft.h"
#include "engine/write/segment_writer.h"

#define DENSE_SEGMENT_SIZE ((uint64_t)1 << 20)

/* Bytes that come from one place. */
struct dense_piece {
	uint64_t offset; /* in the file */
	uint64_t size;
};

/* What of a piece lies in one segment. */
struct dense_part {
	uint64_t piece;
	uint64_t offset; /* in the piece */
	uint64_t size;
	/* of the part: ascending in the file, with holes, below dense_part_limit */
	uint64_t number;
};

struct dense_file {
	uint64_t size;
	const struct dense_piece *pieces; /* in the order of their offsets; they do not overlap */
	uint64_t piece_count;
	bool in_order; /* segments are filled one after the other: see segment_place */
	/* Produces the bytes of a part. */
	enum cairn_status (*fill)(void *context, const struct dense_part *part, uint8_t *bytes,
				  struct stored_scratch *scratch, struct cairn_error *error);
	/* Looks at a part that will be written: checksums. Or NULL. */
	void (*seal)(void *context, const struct dense_part *part, const uint8_t *bytes);
	/* Looks at all of a segment that will be written. Or NULL. */
	void (*seal_segment)(void *context, uint64_t number, const uint8_t *bytes, uint64_t size);
	void *context;
};

static inline uint64_t dense_segment_count(const struct dense_file *file)
{
	return file->size / DENSE_SEGMENT_SIZE + (file->size % DENSE_SEGMENT_SIZE != 0);
}

/* Numbers of parts are below this. */
static inline uint64_t dense_part_limit(const struct dense_file *file)
{
	return file->piece_count + dense_segment_count(file);
}

/*
 * Writes all of the file into an empty draft, and sets its size. Of `target` only threads,
 * progress and path are looked at. What segments_write returns.
 */
enum cairn_status dense_file_write(const struct dense_file *file, const struct draft *draft,
				   const struct segment_target *target, struct cairn_error *error);

#endif
