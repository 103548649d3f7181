/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing the data of two tensors of one type and shape.
 *
 * diff.c walks over two checkpoints and reports; diff_method.c decides from the index how a pair is
 * compared; diff_data.c reads what has to be read, diff_strings.c does so string by string.
 */
#ifndef CAIRN_ENGINE_DIFF_H
#define CAIRN_ENGINE_DIFF_H

#include <cairn/diff.h>

#include "engine/read/gather.h"
#include "format/number.h"

/* A tensor of each checkpoint under one name, of one type and shape. */
struct diff_pair {
	const struct cairn_tensor *tensors[2]; /* borrowed */
	struct tensor_record holders[2];       /* what holds their bytes: aliases are resolved */
	const struct cairn_dtype_info *info;   /* NULL: an unknown type */
};

enum diff_method {
	DIFF_SAME,      /* the index says so */
	DIFF_DIFFERENT, /* the index says so, and nobody wants to know more */
	DIFF_SLICES,    /* both have the same slices in the same order: one by one */
	DIFF_STORED,    /* the same of strings, whose slices cannot be cut: as they are stored */
	DIFF_WHOLE,     /* from the first byte to the last */
	DIFF_PARTS,     /* what both sides store: one of them has not everything */
	DIFF_STRINGS,   /* string by string, streamed: both are in one piece */
	DIFF_VIEWS      /* string by string, put together from slices in memory */
};

/* UNSUPPORTED: strings in other slices, and not all of them. */
enum cairn_status diff_choose(const struct diff_pair *pair, bool statistics,
			      enum diff_method *method, struct cairn_error *error);

/* How data differ. Start from zeros. */
struct diff_result {
	bool different;
	bool counted;                     /* `first` and `numbers` mean something */
	uint64_t stored_only[2];          /* elements */
	uint64_t first;                   /* element */
	struct number_difference numbers; /* counted in elements */
};

/* What all pairs of a comparison share. */
struct diff_reading {
	struct system *system;
	bool statistics;
	uint8_t *buffers[2]; /* owned; of buffer_size bytes each */
	uint64_t buffer_size;
	uint64_t bytes_read;
	uint64_t bytes_done; /* read, or found not to be needed */
	uint64_t bytes_total;
	cairn_progress progress; /* or NULL */
	void *progress_context;
};

void diff_reading_release(struct diff_reading *reading);

/* Makes sure that both buffers have at least `size` bytes. */
enum cairn_status diff_reading_reserve(struct diff_reading *reading, uint64_t size,
				       struct cairn_error *error);

/* Bytes [first, first + size) of a region of one side into its buffer, `at` bytes from its start.
 */
enum cairn_status diff_read(struct diff_reading *reading, const struct diff_pair *pair, int side,
			    const struct tensor_record *holder, const struct region *region,
			    uint64_t first, uint64_t size, uint64_t at, struct cairn_error *error);

/* So many bytes more are done. CANCELLED. */
enum cairn_status diff_advance(struct diff_reading *reading, uint64_t bytes,
			       struct cairn_error *error);

/*
 * Compares a pair in one of the methods that read. Without statistics it stops at the first
 * difference. LIMIT when stored slices are too many to be compared with each other; else what
 * reading returns, with the checkpoint's name in front.
 */
enum cairn_status diff_compare(struct diff_reading *reading, const struct diff_pair *pair,
			       enum diff_method method, struct diff_result *result,
			       struct cairn_error *error);

/* DIFF_STRINGS and DIFF_VIEWS. */
enum cairn_status diff_strings(struct diff_reading *reading, const struct diff_pair *pair,
			       struct diff_result *result, struct cairn_error *error);
enum cairn_status diff_views(struct diff_reading *reading, const struct diff_pair *pair,
			     struct diff_result *result, struct cairn_error *error);

#endif
