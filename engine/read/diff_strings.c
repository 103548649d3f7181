/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tensors of strings, string by string.
 *
 * Both are read from front to back through two windows each, one over the end offsets and one over
 * the bytes, which share the buffers of the comparison. Offsets are untrusted. Strings that are
 * stored in slices cannot be streamed in order: those are put together in memory that is counted.
 */
#include <inttypes.h>

#include "engine/read/diff.h"
#include "format/bytes.h"
#include "format/error.h"

#define WINDOW_SIZE ((uint64_t)512 << 10)

/* A range of a tensor that is in memory. */
struct window {
	uint64_t start; /* in the tensor */
	uint64_t size;
	uint64_t at; /* in the side's buffer */
};

struct side {
	struct region region; /* all of the tensor, as bytes */
	struct window ends;
	struct window bytes;
	uint64_t table; /* bytes of end offsets */
	uint64_t begin; /* of the string that is next, from the end of the table */
};

struct strings {
	struct diff_reading *reading;
	const struct diff_pair *pair;
	struct side sides[2];
};

/* Moves a window so that it holds byte `offset` of the tensor, unless it does. */
static enum cairn_status move_window(struct strings *strings, int side, struct window *window,
				     uint64_t offset, struct cairn_error *error)
{
	const struct diff_pair *const pair = strings->pair;
	const uint64_t left = pair->tensors[side]->size - offset;
	enum cairn_status status;

	if (range_within(offset - window->start, 1, window->size))
		return CAIRN_OK;
	window->start = offset;
	window->size = left < WINDOW_SIZE ? left : WINDOW_SIZE;
	status = diff_read(strings->reading, pair, side, &pair->holders[side],
			   &strings->sides[side].region, offset, window->size, window->at, error);
	if (status == CAIRN_OK)
		status = diff_advance(strings->reading, window->size, error);
	return status;
}

/* The window's bytes from `offset` on, which it holds. */
static const uint8_t *bytes_at(const struct strings *strings, int side, const struct window *window,
			       uint64_t offset)
{
	return strings->reading->buffers[side] + window->at + (offset - window->start);
}

static enum cairn_status bad_end(const struct strings *strings, int side, uint64_t number,
				 uint64_t begin, uint64_t end, struct cairn_error *error)
{
	const struct cairn_tensor *const tensor = strings->pair->tensors[side];

	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "string %" PRIu64 " runs from %" PRIu64 " to %" PRIu64 " of %" PRIu64 " bytes",
		  number, begin, end, tensor->size - strings->sides[side].table);
	error_prefix_tensor(error, CAIRN_CORRUPT, tensor->name);
	return reader_error(tensor->reader, CAIRN_CORRUPT, error);
}

static enum cairn_status next_end(struct strings *strings, int side, uint64_t number, uint64_t *end,
				  struct cairn_error *error)
{
	struct side *const own = &strings->sides[side];
	const uint64_t offset = number * sizeof(uint64_t);
	const enum cairn_status status = move_window(strings, side, &own->ends, offset, error);

	if (status != CAIRN_OK)
		return status;
	*end = load_u64(bytes_at(strings, side, &own->ends, offset));
	if (*end < own->begin || *end > strings->pair->tensors[side]->size - own->table)
		return bad_end(strings, side, number, own->begin, *end, error);
	return CAIRN_OK;
}

/* Two strings of equal size, the next ones. */
static enum cairn_status compare_bytes(struct strings *strings, uint64_t size, bool *same,
				       struct cairn_error *error)
{
	uint64_t done = 0;

	*same = true;
	while (done < size && *same) {
		const uint8_t *bytes[2];
		uint64_t step = size - done;

		for (int side = 0; side < 2; side++) {
			struct side *const own = &strings->sides[side];
			const uint64_t offset = own->table + own->begin + done;
			const enum cairn_status status = move_window(strings, side, &own->bytes,
								     offset, error);

			if (status != CAIRN_OK)
				return status;
			const uint64_t left = own->bytes.start + own->bytes.size - offset;
			bytes[side] = bytes_at(strings, side, &own->bytes, offset);
			step = step < left ? step : left;
		}
		*same = memcmp(bytes[0], bytes[1], step) == 0;
		done += step;
	}
	return CAIRN_OK;
}

static enum cairn_status compare_string(struct strings *strings, uint64_t number, bool *same,
					struct cairn_error *error)
{
	uint64_t ends[2];
	enum cairn_status status = CAIRN_OK;

	for (int side = 0; side < 2 && status == CAIRN_OK; side++)
		status = next_end(strings, side, number, &ends[side], error);
	if (status != CAIRN_OK)
		return status;
	*same = ends[0] - strings->sides[0].begin == ends[1] - strings->sides[1].begin;
	if (*same)
		status = compare_bytes(strings, ends[0] - strings->sides[0].begin, same, error);
	for (int side = 0; side < 2; side++)
		strings->sides[side].begin = ends[side];
	return status;
}

static enum cairn_status begin(struct strings *strings, struct cairn_error *error)
{
	enum cairn_status status = diff_reading_reserve(strings->reading, 2 * WINDOW_SIZE, error);

	for (int side = 0; side < 2 && status == CAIRN_OK; side++) {
		const struct cairn_tensor *const tensor = strings->pair->tensors[side];
		struct side *const own = &strings->sides[side];

		own->table = tensor->element_count * sizeof(uint64_t);
		own->bytes.at = WINDOW_SIZE;
		status = region_resolve(tensor, &strings->pair->holders[side], NULL, NULL,
					&own->region, error);
		if (status == CAIRN_OK && tensor->size < own->table)
			status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					   "%" PRIu64 " bytes are too few for %" PRIu64 " strings",
					   tensor->size, tensor->element_count);
		status = reader_error(tensor->reader, status, error);
	}
	return status;
}

enum cairn_status diff_strings(struct diff_reading *reading, const struct diff_pair *pair,
			       struct diff_result *result, struct cairn_error *error)
{
	struct strings strings = {.reading = reading, .pair = pair};
	struct number_difference *const numbers = &result->numbers;
	enum cairn_status status = begin(&strings, error);

	for (uint64_t i = 0; i < pair->tensors[0]->element_count && status == CAIRN_OK; i++) {
		bool same = true;

		status = compare_string(&strings, i, &same, error);
		if (status == CAIRN_OK && !same && numbers->different++ == 0)
			result->first = i;
		numbers->compared++;
	}
	result->different = numbers->different != 0;
	result->counted = true;
	return status;
}

/* ---------------------------------------------------------------------------------------- views */

static enum cairn_status compare_views(const struct diff_pair *pair,
				       const struct cairn_view views[2], struct diff_result *result,
				       struct cairn_error *error)
{
	struct number_difference *const numbers = &result->numbers;

	for (uint64_t i = 0; i < pair->tensors[0]->element_count; i++) {
		struct cairn_string strings[2];

		for (int side = 0; side < 2; side++) {
			const struct cairn_tensor *const tensor = pair->tensors[side];
			const enum cairn_status status = cairn_view_string(tensor, &views[side], i,
									   &strings[side], error);

			if (status != CAIRN_OK)
				return reader_error(tensor->reader, status, error);
		}
		numbers->compared++;
		if (index_name_compare(strings[0], strings[1]) != 0 && numbers->different++ == 0)
			result->first = i;
	}
	result->different = numbers->different != 0;
	result->counted = true;
	return CAIRN_OK;
}

enum cairn_status diff_views(struct diff_reading *reading, const struct diff_pair *pair,
			     struct diff_result *result, struct cairn_error *error)
{
	struct cairn_view views[2] = {{0}, {0}};
	enum cairn_status status = CAIRN_OK;

	for (int side = 0; side < 2 && status == CAIRN_OK; side++) {
		status = cairn_tensor_view(pair->tensors[side], &views[side], error);
		if (status == CAIRN_OK) {
			reading->bytes_read += views[side].size;
			status = diff_advance(reading, pair->tensors[side]->size, error);
		}
	}
	if (status == CAIRN_OK)
		status = compare_views(pair, views, result, error);
	cairn_view_release(&views[0]);
	cairn_view_release(&views[1]);
	return status;
}
