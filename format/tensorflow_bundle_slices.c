/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tensor in slices has an entry that lists them, and each slice an entry of its own under a key
 * made of name and extents. Each slice entry belongs to exactly one slice of one tensor; as it is
 * taken it is marked, so that the work is bounded by the number of entries, whatever they say.
 */
#include "format/tensorflow_bundle_entry.h"

#include <inttypes.h>
#include <string.h>

#include "format/box.h"
#include "format/error.h"
#include "format/shape.h"
#include "format/tensorflow_slice_key.h"

/* The entries by keys that begin with NUL, and room to look for them. */
struct slices {
	struct arena *arena;
	struct bundle_tensor *entries;
	uint64_t count;
	uint8_t *key;
	uint64_t key_capacity;
};

static int compare(struct cairn_string a, struct cairn_string b)
{
	const size_t common = a.size < b.size ? a.size : b.size;
	const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static struct bundle_tensor *find_entry(const struct slices *slices, struct cairn_string key)
{
	uint64_t low = 0;
	uint64_t high = slices->count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		const int order = compare(slices->entries[middle].name, key);

		if (order == 0)
			return &slices->entries[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Makes the key of a slice. */
static enum cairn_status make_key(struct slices *slices, const struct bundle_tensor *tensor,
				  const uint64_t *ranges, struct cairn_string *key,
				  struct cairn_error *error)
{
	const uint64_t size = slice_key_size(tensor->name, tensor->rank, ranges);
	uint8_t *const bytes = arena_grow(slices->arena, slices->key, &slices->key_capacity, size,
					  1);

	if (bytes == NULL)
		return error_set_memory(error, "the key of a slice");
	slices->key = bytes;
	slice_key_write(tensor->name, tensor->rank, ranges, bytes);
	*key = (struct cairn_string){(const char *)bytes, size};
	return CAIRN_OK;
}

static bool is_taken(const struct bundle_tensor *entry)
{
	return entry->piece_count == 0;
}

/* Where the slice lies: within the shape, and as its own entry says. */
static enum cairn_status resolve(const struct bundle_tensor *tensor, const uint64_t *ranges,
				 struct box *box, struct cairn_error *error)
{
	enum cairn_status status;

	box->rank = tensor->rank;
	for (uint32_t d = 0; d < tensor->rank; d++) {
		box->starts[d] = ranges[2 * (size_t)d];
		box->lengths[d] = ranges[2 * (size_t)d + 1];
	}
	status = shape_resolve_slice(tensor->rank, tensor->dims, box->starts, box->lengths, error);
	if (status == CAIRN_MISMATCH) { /* as for a caller's slice; but this one is the file's */
		status = CAIRN_CORRUPT;
		if (error != NULL)
			error->code = status;
	}
	return status;
}

static const char *what_is_wrong(const struct bundle_tensor *tensor,
				 const struct bundle_tensor *entry, const struct box *box)
{
	if (entry == NULL)
		return "has no entry";
	if (is_taken(entry))
		return "is there twice";
	if (bundle_is_sliced(entry))
		return "is in slices itself";
	if (entry->dtype != tensor->dtype)
		return "has another type";
	if (entry->rank != tensor->rank ||
	    (entry->rank != 0 &&
	     memcmp(entry->dims, box->lengths, entry->rank * sizeof(*entry->dims)) != 0))
		return "has another shape in its own entry";
	return NULL;
}

/* The entry of a slice becomes a piece of the tensor. */
static enum cairn_status take_slice(struct slices *slices, const struct bundle_tensor *tensor,
				    uint32_t number, struct box *box, struct cairn_error *error)
{
	struct bundle_piece *const piece = &tensor->pieces[number];
	const uint64_t *const ranges = piece->ranges;
	struct cairn_string key = {0};
	struct bundle_tensor *entry;
	const char *problem;
	enum cairn_status status = resolve(tensor, ranges, box, error);

	if (status == CAIRN_OK)
		status = make_key(slices, tensor, ranges, &key, error);
	if (status != CAIRN_OK)
		return status;
	entry = find_entry(slices, key);
	problem = what_is_wrong(tensor, entry, box);
	if (problem != NULL)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "slice %" PRIu32 " of %" PRIu32 " %s", number + 1,
				 tensor->piece_count, problem);
	*piece = entry->pieces[0];
	piece->ranges = ranges;
	entry->piece_count = 0;
	return CAIRN_OK;
}

static struct box *make_boxes(struct arena *arena, const struct bundle_tensor *tensor)
{
	const uint64_t rank = tensor->rank;
	struct box *const boxes = arena_allocate_array(arena, tensor->piece_count, sizeof(*boxes));
	uint64_t *const numbers = arena_allocate_array(arena, 2 * rank * tensor->piece_count,
						       sizeof(*numbers));

	if (boxes == NULL || numbers == NULL)
		return NULL;
	for (uint32_t i = 0; i < tensor->piece_count; i++) {
		boxes[i].starts = numbers + 2 * rank * i;
		boxes[i].lengths = boxes[i].starts + rank;
	}
	return boxes;
}

static enum cairn_status join(struct slices *slices, struct bundle_tensor *tensor,
			      struct cairn_error *error)
{
	struct box *const boxes = make_boxes(slices->arena, tensor);
	uint64_t covered = 0;
	enum cairn_status status = CAIRN_OK;

	if (boxes == NULL)
		return error_set_memory(error, "slices");
	for (uint32_t i = 0; i < tensor->piece_count && status == CAIRN_OK; i++)
		status = take_slice(slices, tensor, i, &boxes[i], error);
	if (status == CAIRN_OK)
		status = boxes_check_overlap(slices->arena, boxes, tensor->piece_count, error);
	if (status != CAIRN_OK)
		return status;
	for (uint32_t i = 0; i < tensor->piece_count; i++)
		covered += box_elements(&boxes[i]);
	tensor->incomplete = covered != tensor->elements;
	return CAIRN_OK;
}

/* What was not taken is no slice, and its key no slice's. Moves the others out of the array. */
static enum cairn_status drop_taken(struct bundle *bundle, uint64_t slice_count,
				    struct cairn_error *error)
{
	uint64_t first = slice_count; /* of what stays */
	uint64_t name_size;
	uint32_t rank;

	for (uint64_t i = slice_count; i-- > 0;) {
		const struct bundle_tensor *const entry = &bundle->tensors[i];

		if (is_taken(entry))
			continue;
		if (slice_key_parse(entry->name, &name_size, &rank)) {
			error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				  "it is a slice that no tensor has");
			return error_prefix_tensor(error, CAIRN_CORRUPT, entry->name);
		}
		bundle->tensors[--first] = *entry;
	}
	if (first != 0) {
		bundle->tensors += first;
		bundle->tensor_count -= first;
	}
	return CAIRN_OK;
}

enum cairn_status bundle_join_slices(struct arena *arena, struct bundle *bundle,
				     uint64_t slice_count, struct cairn_error *error)
{
	struct slices slices = {.arena = arena, .entries = bundle->tensors, .count = slice_count};

	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		struct bundle_tensor *const tensor = &bundle->tensors[i];
		enum cairn_status status;

		if (is_taken(tensor) || !bundle_is_sliced(tensor))
			continue;
		status = join(&slices, tensor, error);
		if (status != CAIRN_OK)
			return error_prefix_tensor(error, status, tensor->name);
	}
	return drop_taken(bundle, slice_count, error);
}
