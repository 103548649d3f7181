/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of dense files: which parts of which pieces lie in a segment.
 *
 * The number of a part is that of its piece and that of its segment added up: from one part to the
 * next at least one of them grows.
 */
#include "engine/write/dense_file.h"

#include <assert.h>
#include <string.h>

#include "format/error.h"

static struct segment_place place(const void *context, uint64_t number)
{
	const struct dense_file *const file = context;
	const uint64_t offset = number * DENSE_SEGMENT_SIZE;
	const uint64_t left = file->size - offset;

	return (struct segment_place){.offset = offset,
				      .size = left < DENSE_SEGMENT_SIZE ? left : DENSE_SEGMENT_SIZE,
				      .in_order = file->in_order};
}

/* The first piece that ends after `offset`. */
static uint64_t find_piece(const struct dense_file *file, uint64_t offset)
{
	uint64_t low = 0;
	uint64_t high = file->piece_count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		const struct dense_piece *const piece = &file->pieces[middle];

		if (piece->offset + piece->size > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Parts of a segment, one after the other. */
struct walk {
	const struct dense_file *file;
	uint64_t number; /* of the segment */
	uint64_t begin;  /* of the segment */
	uint64_t end;
	uint64_t piece; /* the next to look at */
};

static struct walk walk_segment(const struct dense_file *file, uint64_t number)
{
	const struct segment_place segment = place(file, number);

	return (struct walk){.file = file,
			     .number = number,
			     .begin = segment.offset,
			     .end = segment.offset + segment.size,
			     .piece = find_piece(file, segment.offset)};
}

/* False: no more. `at` is where the part begins in the segment. */
static bool next_part(struct walk *walk, struct dense_part *part, uint64_t *at)
{
	const struct dense_piece *piece;
	uint64_t begin;
	uint64_t end;

	while (walk->piece < walk->file->piece_count && walk->file->pieces[walk->piece].size == 0)
		walk->piece++;
	if (walk->piece == walk->file->piece_count)
		return false;
	piece = &walk->file->pieces[walk->piece];
	if (piece->offset >= walk->end)
		return false;
	begin = piece->offset > walk->begin ? piece->offset : walk->begin;
	end = piece->offset + piece->size;
	end = end < walk->end ? end : walk->end;
	*part = (struct dense_part){.piece = walk->piece,
				    .offset = begin - piece->offset,
				    .size = end - begin,
				    .number = walk->piece + walk->number};
	*at = begin - walk->begin;
	walk->piece++;
	return true;
}

static enum cairn_status fill(void *context, uint64_t number, uint8_t *bytes,
			      struct stored_scratch *scratch, struct cairn_error *error)
{
	const struct dense_file *const file = context;
	struct walk walk = walk_segment(file, number);
	struct dense_part part;
	uint64_t filled = 0;
	uint64_t at;

	while (next_part(&walk, &part, &at)) {
		enum cairn_status status;

		assert(at >= filled);
		memset(bytes + filled, 0, at - filled);
		status = file->fill(file->context, &part, bytes + at, scratch, error);
		if (status != CAIRN_OK)
			return status;
		filled = at + part.size;
	}
	memset(bytes + filled, 0, walk.end - walk.begin - filled);
	return CAIRN_OK;
}

static void seal(void *context, uint64_t number, const uint8_t *bytes)
{
	const struct dense_file *const file = context;
	struct walk walk = walk_segment(file, number);
	struct dense_part part;
	uint64_t at;

	if (file->seal_segment != NULL)
		file->seal_segment(file->context, number, bytes, walk.end - walk.begin);
	while (file->seal != NULL && next_part(&walk, &part, &at))
		file->seal(file->context, &part, bytes + at);
}

static enum cairn_status of_target(const struct segment_target *target, enum cairn_status status,
				   struct cairn_error *error)
{
	return status == CAIRN_OK || target->path == NULL
		       ? status
		       : error_prefix(error, status, target->path);
}

enum cairn_status dense_file_write(const struct dense_file *file, const struct draft *draft,
				   const struct segment_target *target, struct cairn_error *error)
{
	struct dense_file copy = *file; /* for callbacks, which take it without const */
	const struct segment_layout layout = {
		.count = dense_segment_count(file),
		.size_max = file->size < DENSE_SEGMENT_SIZE ? file->size : DENSE_SEGMENT_SIZE,
		.place = place,
		.fill = fill,
		.seal = seal,
		.context = &copy,
	};
	struct segment_target here = *target;
	enum cairn_status status;

	here.system = draft->folder->system;
	here.fd = draft->fd;
	here.fills_page = draft->is_direct;
	status = draft_reserve(draft, file->size, error);
	if (status != CAIRN_OK)
		return of_target(target, status, error);
	status = segments_write(&here, &layout, error);
	return status == CAIRN_OK
		       ? of_target(target, draft_set_size(draft, file->size, error), error)
		       : status;
}
