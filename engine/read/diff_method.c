/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a pair of tensors is compared: decided from the two indexes alone.
 *
 * Digests say all where they are of one kind, over the same slices in chunks of the same size
 * (FORMAT.md, "Chunks and digests"). Records are checked where they are used, as everywhere; that
 * digests are those of the bytes is what verifying is for.
 */
#include "engine/read/diff.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

/* How the stored slices of the two sides compare. */
struct layouts {
	bool whole;       /* both are in one piece */
	bool same_slices; /* the same parts in the same order */
	bool same_sizes;  /* of as many bytes, which strings need not be */
	bool same_chunks; /* and cut into the same chunks */
};

static const struct index *index_of(const struct diff_pair *pair, int side)
{
	return &pair->tensors[side]->reader->index;
}

static enum cairn_status failed(const struct diff_pair *pair, int side, enum cairn_status status,
				struct cairn_error *error)
{
	return reader_error(pair->tensors[side]->reader, status, error);
}

/* --------------------------------------------------------------------------------------- slices */

/* The range of a stored slice in one dimension, a literal "all of it" resolved. `ranges` is NULL
 * for a slice that is the whole tensor. */
static void range_in(const uint64_t *ranges, const uint64_t *dims, uint32_t dimension,
		     uint64_t range[2])
{
	range[0] = ranges == NULL ? 0 : ranges[2 * (size_t)dimension];
	range[1] = ranges == NULL ? CAIRN_FULL : ranges[2 * (size_t)dimension + 1];
	if (range[1] == CAIRN_FULL)
		range[1] = dims[dimension];
}

static bool same_ranges(const struct diff_pair *pair, const uint64_t *const ranges[2])
{
	for (uint32_t d = 0; d < pair->tensors[0]->rank; d++) {
		uint64_t a[2];
		uint64_t b[2];

		range_in(ranges[0], pair->tensors[0]->dims, d, a);
		range_in(ranges[1], pair->tensors[1]->dims, d, b);
		if (a[0] != b[0] || a[1] != b[1])
			return false;
	}
	return true;
}

static enum cairn_status slice_of(const struct diff_pair *pair, int side, uint32_t number,
				  struct slice_record *record, const uint64_t **ranges,
				  struct cairn_error *error)
{
	enum cairn_status status;

	status = index_slice(index_of(pair, side), pair->holders[side].slice_index + number, record,
			     error);
	*ranges = NULL;
	if (status == CAIRN_OK && (record->flags & SLICE_WHOLE) == 0)
		status = index_dims(index_of(pair, side), record->ranges_index,
				    2 * (uint64_t)pair->tensors[side]->rank, ranges, error);
	return failed(pair, side, status, error);
}

/* A slice of at most one chunk is cut in the same way by chunks of any size. */
static bool same_chunks(const struct slice_record records[2])
{
	return records[0].chunk_size == records[1].chunk_size ||
	       (records[0].size <= records[0].chunk_size &&
		records[1].size <= records[1].chunk_size);
}

static enum cairn_status compare_slice(const struct diff_pair *pair, uint32_t number,
				       struct layouts *layouts, struct cairn_error *error)
{
	struct slice_record records[2];
	const uint64_t *ranges[2];

	for (int side = 0; side < 2; side++) {
		const enum cairn_status status = slice_of(pair, side, number, &records[side],
							  &ranges[side], error);

		if (status != CAIRN_OK)
			return status;
	}
	layouts->whole = layouts->whole && ranges[0] == NULL && ranges[1] == NULL;
	layouts->same_slices = same_ranges(pair, ranges);
	layouts->same_sizes = layouts->same_sizes && records[0].size == records[1].size;
	layouts->same_chunks = layouts->same_chunks && same_chunks(records);
	return CAIRN_OK;
}

static enum cairn_status compare_layouts(const struct diff_pair *pair, struct layouts *layouts,
					 struct cairn_error *error)
{
	const uint32_t count = pair->holders[0].slice_count;
	enum cairn_status status = CAIRN_OK;

	*layouts = (struct layouts){true, true, true, true};
	if (count != pair->holders[1].slice_count)
		layouts->same_slices = layouts->whole = false;
	for (uint32_t i = 0; i < count && layouts->same_slices && status == CAIRN_OK; i++)
		status = compare_slice(pair, i, layouts, error);
	layouts->same_chunks = layouts->same_chunks && layouts->same_slices && layouts->same_sizes;
	return status;
}

/* ------------------------------------------------------------------------------------- choosing */

static bool have_digests(const struct diff_pair *pair)
{
	return (pair->tensors[0]->flags & pair->tensors[1]->flags & CAIRN_TENSOR_DIGEST) != 0;
}

static bool is_incomplete(const struct diff_pair *pair)
{
	return ((pair->tensors[0]->flags | pair->tensors[1]->flags) & CAIRN_TENSOR_INCOMPLETE) != 0;
}

static bool has_strings(const struct diff_pair *pair)
{
	return pair->info != NULL && pair->info->block_bytes == 0;
}

/* Strings are cut nowhere but where slices end. */
static enum cairn_status choose_strings(const struct diff_pair *pair, bool statistics,
					const struct layouts *layouts, enum diff_method *method,
					struct cairn_error *error)
{
	const struct cairn_tensor *const a = pair->tensors[0];

	if (layouts->whole && statistics)
		*method = DIFF_STRINGS;
	else if (layouts->whole && a->size == pair->tensors[1]->size)
		*method = DIFF_WHOLE;
	else if (layouts->whole || (layouts->same_slices && !layouts->same_sizes && !statistics))
		*method = DIFF_DIFFERENT;
	else if (layouts->same_slices && (!statistics || is_incomplete(pair)))
		*method = DIFF_STORED;
	else if (!is_incomplete(pair))
		*method = DIFF_VIEWS;
	else
		return error_prefix_tensor(
			error,
			error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				  "strings that are stored in other slices are not compared"),
			a->name);
	return CAIRN_OK;
}

/* Bytes have to be read: in which order. */
static enum diff_method choose_reading(const struct diff_pair *pair, const struct layouts *layouts)
{
	if (layouts->same_slices)
		return DIFF_SLICES;
	return is_incomplete(pair) ? DIFF_PARTS : DIFF_WHOLE;
}

enum cairn_status diff_choose(const struct diff_pair *pair, bool statistics,
			      enum diff_method *method, struct cairn_error *error)
{
	struct layouts layouts;
	enum cairn_status status;

	if (pair->tensors[0]->size == 0 && pair->tensors[1]->size == 0) {
		*method = DIFF_SAME;
		return CAIRN_OK;
	}
	status = compare_layouts(pair, &layouts, error);
	if (status != CAIRN_OK)
		return status;
	if (have_digests(pair) && layouts.same_chunks) {
		if (digest_equal(&pair->tensors[0]->digest, &pair->tensors[1]->digest)) {
			*method = DIFF_SAME;
			return CAIRN_OK;
		}
		if (!statistics) {
			*method = DIFF_DIFFERENT;
			return CAIRN_OK;
		}
	}
	if (has_strings(pair))
		return choose_strings(pair, statistics, &layouts, method, error);
	*method = choose_reading(pair, &layouts);
	return CAIRN_OK;
}
