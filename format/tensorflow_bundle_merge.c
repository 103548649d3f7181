/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors of all sources are sorted by name, which keeps those of one name in the order of the
 * sources; neighbours of one name are slices of one tensor, or a mistake. Every bundle was checked
 * when it was parsed: what has to be looked at here is what they say together.
 */
#include "format/tensorflow_bundle_merge.h"

#include <inttypes.h>
#include <string.h>

#include "format/box.h"
#include "format/container.h"
#include "format/error.h"
#include "format/shape.h"
#include "format/sort.h"

/* A tensor of a source. */
struct part {
	struct bundle_tensor *tensor; /* borrowed */
	uint32_t source;
	bool is_later; /* an earlier source has slices of the same tensor */
};

struct merging {
	struct arena *arena;
	struct bundle *sources;
	uint32_t count;
	bool allow_incomplete;
	struct bundle_merge *merge;
	struct part *parts; /* source by source, each by name */
	struct part **sorted;
	uint64_t part_count;
	uint64_t shard_capacity;
};

static enum cairn_status mismatch(struct merging *merging, uint32_t source,
				  struct cairn_error *error, const char *what)
{
	merging->merge->culprit = source;
	return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET, "%s", what);
}

/* -------------------------------------------------------------------------------------- headers */

static bool same_version(const struct bundle_header *a, const struct bundle_header *b)
{
	return a->has_version == b->has_version && a->producer == b->producer &&
	       a->min_consumer == b->min_consumer &&
	       a->bad_consumer_count == b->bad_consumer_count &&
	       (a->bad_consumer_count == 0 ||
		memcmp(a->bad_consumers, b->bad_consumers,
		       a->bad_consumer_count * sizeof(*a->bad_consumers)) == 0);
}

static enum cairn_status check_headers(struct merging *merging, struct cairn_error *error)
{
	const struct bundle_header *const first = &merging->sources[0].header;

	for (uint32_t i = 1; i < merging->count; i++) {
		const struct bundle_header *const header = &merging->sources[i].header;

		if (header->big_endian != first->big_endian)
			return mismatch(merging, i, error,
					"its byte order is not that of the first source");
		if (!same_version(header, first))
			return mismatch(merging, i, error,
					"its format version is not that of the first source");
	}
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- names */

static int compare_names(const void *a, const void *b)
{
	const struct cairn_string x = ((const struct part *)a)->tensor->name;
	const struct cairn_string y = ((const struct part *)b)->tensor->name;
	const size_t common = x.size < y.size ? x.size : y.size;
	const int order = common == 0 ? 0 : memcmp(x.data, y.data, common);

	return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

static enum cairn_status sort_parts(struct merging *merging, struct cairn_error *error)
{
	struct part **scratch;
	uint64_t next = 0;

	for (uint32_t i = 0; i < merging->count; i++)
		merging->part_count += merging->sources[i].tensor_count;
	merging->parts = arena_allocate_array(merging->arena, merging->part_count,
					      sizeof(*merging->parts));
	merging->sorted = arena_allocate_array(merging->arena, merging->part_count,
					       sizeof(struct part *));
	scratch = arena_allocate_array(merging->arena, merging->part_count, sizeof(struct part *));
	if (merging->parts == NULL || merging->sorted == NULL || scratch == NULL)
		return error_set_memory(error, "the merged names");
	for (uint32_t i = 0; i < merging->count; i++) {
		for (uint64_t k = 0; k < merging->sources[i].tensor_count; k++, next++) {
			merging->parts[next].tensor = &merging->sources[i].tensors[k];
			merging->parts[next].source = i;
			merging->sorted[next] = &merging->parts[next];
		}
	}
	sort_pointers((void **)merging->sorted, (void **)scratch, merging->part_count,
		      compare_names);
	return CAIRN_OK;
}

static enum cairn_status check_same(struct merging *merging, const struct part *first,
				    const struct part *other, struct cairn_error *error)
{
	const struct bundle_tensor *const a = first->tensor;
	const struct bundle_tensor *const b = other->tensor;
	enum cairn_status status = CAIRN_OK;

	if (!bundle_is_sliced(a) || !bundle_is_sliced(b))
		status = mismatch(merging, other->source, error,
				  "an earlier source has a tensor of this name");
	else if (a->dtype != b->dtype)
		status = mismatch(merging, other->source, error,
				  "its type is not that of the slices in an earlier source");
	else if (a->rank != b->rank || memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) != 0)
		status = mismatch(merging, other->source, error,
				  "its shape is not that of the slices in an earlier source");
	return status == CAIRN_OK ? status : error_prefix_tensor(error, status, b->name);
}

/* Marks those that belong to the part in front of them. */
static enum cairn_status find_same(struct merging *merging, struct cairn_error *error)
{
	const struct part *first = NULL;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < merging->part_count && status == CAIRN_OK; i++) {
		struct part *const part = merging->sorted[i];

		part->is_later = i != 0 && compare_names(first, part) == 0;
		if (part->is_later)
			status = check_same(merging, first, part, error);
		else
			first = part;
	}
	return status;
}

/* Parts of one name, from `first` on. */
static uint64_t count_same(const struct merging *merging, uint64_t first)
{
	uint64_t count = 1;

	while (first + count < merging->part_count && merging->sorted[first + count]->is_later)
		count++;
	return count;
}

/* --------------------------------------------------------------------------------------- shards */

/* The new numbers of a source's shards, as they are met. */
struct numbering {
	struct merging *merging;
	uint32_t source;
	uint32_t *numbers; /* BUNDLE_NO_SOURCE: not met yet */
};

static enum cairn_status give_number(struct numbering *numbering, uint32_t shard,
				     struct cairn_error *error)
{
	struct bundle_merge *const merge = numbering->merging->merge;

	if (numbering->numbers[shard] != BUNDLE_NO_SOURCE)
		return CAIRN_OK;
	if (merge->shard_count + 1 >= SHARD_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the sources have more than %u data files", SHARD_COUNT_MAX - 1);
	merge->shards = arena_grow(numbering->merging->arena, merge->shards,
				   &numbering->merging->shard_capacity, merge->shard_count + 1,
				   sizeof(*merge->shards));
	if (merge->shards == NULL)
		return error_set_memory(error, "the merged data files");
	merge->shards[merge->shard_count] = (struct merged_shard){numbering->source, shard, 0};
	numbering->numbers[shard] = merge->shard_count++;
	return CAIRN_OK;
}

/* As the keys of slices are ordered: "all of it" is -1. */
static int compare_pieces(const void *a, const void *b)
{
	const uint64_t *const x = ((const struct bundle_piece *)a)->ranges;
	const uint64_t *const y = ((const struct bundle_piece *)b)->ranges;

	size_t i = 0;

	while (x[i] == y[i]) /* it ends: of one tensor no two are equal */
		i++;
	return (int64_t)x[i] < (int64_t)y[i] ? -1 : 1;
}

static enum cairn_status number_slices(struct numbering *numbering,
				       const struct bundle_tensor *tensor,
				       struct cairn_error *error)
{
	struct arena *const arena = numbering->merging->arena;
	const uint32_t count = tensor->piece_count;
	void **const pieces = arena_allocate_array(arena, count, sizeof(*pieces));
	void **const scratch = arena_allocate_array(arena, count, sizeof(*scratch));
	enum cairn_status status = CAIRN_OK;

	if (pieces == NULL || scratch == NULL)
		return error_set_memory(error, "slices");
	for (uint32_t i = 0; i < count; i++)
		pieces[i] = &tensor->pieces[i];
	sort_pointers(pieces, scratch, count, compare_pieces);
	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++)
		status = give_number(numbering, ((const struct bundle_piece *)pieces[i])->shard,
				     error);
	return status;
}

/* Keys of slices come before names. A slice's tensor names a shard, too, without meaning it. */
static enum cairn_status number_shards(struct numbering *numbering, const struct bundle *source,
				       const struct part *parts, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < source->tensor_count && status == CAIRN_OK; i++) {
		if (bundle_is_sliced(&source->tensors[i]))
			status = number_slices(numbering, &source->tensors[i], error);
	}
	for (uint64_t i = 0; i < source->tensor_count && status == CAIRN_OK; i++) {
		const struct bundle_tensor *const tensor = &source->tensors[i];

		if (!bundle_is_sliced(tensor))
			status = give_number(numbering, tensor->pieces[0].shard, error);
		else if (!parts[i].is_later && tensor->entry_shard < source->header.shard_count)
			status = give_number(numbering, tensor->entry_shard, error);
	}
	return status;
}

/* Sizes and offsets do not wrap: bundle_parse has seen to that. */
static void take_numbers(const struct numbering *numbering, struct bundle *source)
{
	for (uint64_t i = 0; i < source->tensor_count; i++) {
		struct bundle_tensor *const tensor = &source->tensors[i];

		for (uint32_t k = 0; k < tensor->piece_count; k++) {
			struct bundle_piece *const piece = &tensor->pieces[k];
			struct merged_shard *shard;

			piece->shard = numbering->numbers[piece->shard];
			shard = &numbering->merging->merge->shards[piece->shard];
			if (piece->offset + piece->size > shard->size_min)
				shard->size_min = piece->offset + piece->size;
		}
		tensor->entry_shard = tensor->entry_shard < source->header.shard_count
					      ? numbering->numbers[tensor->entry_shard]
					      : tensor->pieces[0].shard;
	}
}

static enum cairn_status number_all(struct merging *merging, struct cairn_error *error)
{
	const struct part *parts = merging->parts;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < merging->count && status == CAIRN_OK; i++) {
		struct bundle *const source = &merging->sources[i];
		struct numbering numbering = {.merging = merging, .source = i};

		numbering.numbers = arena_allocate_array(merging->arena, source->header.shard_count,
							 sizeof(*numbering.numbers));
		if (numbering.numbers == NULL)
			return error_set_memory(error, "numbers of data files");
		for (uint32_t k = 0; k < source->header.shard_count; k++)
			numbering.numbers[k] = BUNDLE_NO_SOURCE;
		status = number_shards(&numbering, source, parts, error);
		if (status == CAIRN_OK)
			take_numbers(&numbering, source);
		parts += source->tensor_count;
	}
	return status;
}

/* -------------------------------------------------------------------------------------- joining */

static struct box *make_boxes(struct arena *arena, const struct bundle_tensor *tensor)
{
	const uint64_t rank = tensor->rank;
	struct box *const boxes = arena_allocate_array(arena, tensor->piece_count, sizeof(*boxes));
	uint64_t *const numbers = arena_allocate_array(arena, 2 * rank * tensor->piece_count,
						       sizeof(*numbers));

	if (boxes == NULL || numbers == NULL)
		return NULL;
	for (uint32_t i = 0; i < tensor->piece_count; i++) {
		boxes[i] = (struct box){.starts = numbers + (size_t)2 * rank * i,
					.rank = tensor->rank};
		boxes[i].lengths = boxes[i].starts + rank;
		for (uint32_t d = 0; d < rank; d++) {
			boxes[i].starts[d] = tensor->pieces[i].ranges[2 * (size_t)d];
			boxes[i].lengths[d] = tensor->pieces[i].ranges[2 * (size_t)d + 1];
		}
	}
	return boxes;
}

/* Slices of different sources do not overlap; whether all are there. */
static enum cairn_status check_joined(struct arena *arena, struct bundle_tensor *tensor,
				      struct cairn_error *error)
{
	struct box *const boxes = make_boxes(arena, tensor);
	uint64_t covered = 0;
	enum cairn_status status = CAIRN_OK;

	if (boxes == NULL)
		return error_set_memory(error, "slices");
	for (uint32_t i = 0; i < tensor->piece_count && status == CAIRN_OK; i++) {
		status = shape_resolve_slice(tensor->rank, tensor->dims, boxes[i].starts,
					     boxes[i].lengths, error);
		covered += bundle_piece_elements(tensor, &tensor->pieces[i]);
	}
	if (status == CAIRN_OK)
		status = boxes_check_overlap(arena, boxes, tensor->piece_count, error);
	tensor->incomplete = covered != tensor->elements;
	if (status == CAIRN_CORRUPT) { /* together: none of the files is damaged */
		status = CAIRN_MISMATCH;
		if (error != NULL)
			error->code = status;
	}
	return status;
}

/* Slices of several sources, in their order. */
static enum cairn_status join(struct arena *arena, struct part *const *parts, uint64_t count,
			      struct bundle_tensor *tensor, struct cairn_error *error)
{
	uint64_t total = 0;
	uint32_t next = 0;

	for (uint64_t i = 0; i < count; i++)
		total += parts[i]->tensor->piece_count;
	if (total > SLICE_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " slices are more than %u", total, SLICE_COUNT_MAX);
	tensor->pieces = arena_allocate_array(arena, total, sizeof(*tensor->pieces));
	if (tensor->pieces == NULL)
		return error_set_memory(error, "slices");
	for (uint64_t i = 0; i < count; i++) {
		for (uint32_t k = 0; k < parts[i]->tensor->piece_count; k++)
			tensor->pieces[next++] = parts[i]->tensor->pieces[k];
	}
	tensor->piece_count = next;
	return check_joined(arena, tensor, error);
}

static enum cairn_status refuse_incomplete(const struct bundle_tensor *tensor,
					   struct cairn_error *error)
{
	uint64_t covered = 0;

	for (uint32_t i = 0; i < tensor->piece_count; i++)
		covered += bundle_piece_elements(tensor, &tensor->pieces[i]);
	return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
			 "slices are missing: %" PRIu64 " of %" PRIu64 " elements are there",
			 covered, tensor->elements);
}

static enum cairn_status make_tensors(struct merging *merging, struct cairn_error *error)
{
	struct bundle *const result = &merging->merge->bundle;
	enum cairn_status status = CAIRN_OK;
	uint64_t count;

	result->tensors = arena_allocate_array(merging->arena, merging->part_count,
					       sizeof(*result->tensors));
	if (result->tensors == NULL)
		return error_set_memory(error, "the merged tensors");
	for (uint64_t first = 0; first < merging->part_count; first += count) {
		struct bundle_tensor *const tensor = &result->tensors[result->tensor_count++];

		count = 1;
		*tensor = *merging->sorted[first]->tensor;
		if (bundle_is_sliced(tensor) && (count = count_same(merging, first)) != 1)
			status = join(merging->arena, &merging->sorted[first], count, tensor,
				      error);
		if (status == CAIRN_OK && tensor->incomplete && !merging->allow_incomplete)
			status = refuse_incomplete(tensor, error);
		if (status != CAIRN_OK)
			return error_prefix_tensor(error, status, tensor->name);
	}
	return CAIRN_OK;
}

enum cairn_status bundles_merge(struct arena *arena, struct bundle *sources, uint32_t count,
				bool allow_incomplete, struct bundle_merge *merge,
				struct cairn_error *error)
{
	struct merging merging = {.arena = arena,
				  .sources = sources,
				  .count = count,
				  .allow_incomplete = allow_incomplete,
				  .merge = merge};
	enum cairn_status status;

	*merge = (struct bundle_merge){.culprit = BUNDLE_NO_SOURCE};
	if ((status = check_headers(&merging, error)) == CAIRN_OK &&
	    (status = sort_parts(&merging, error)) == CAIRN_OK &&
	    (status = find_same(&merging, error)) == CAIRN_OK &&
	    (status = number_all(&merging, error)) == CAIRN_OK)
		status = make_tensors(&merging, error);
	merge->bundle.header = sources[0].header;
	merge->bundle.header.shard_count = merge->shard_count == 0 ? 1 : merge->shard_count;
	return status;
}
