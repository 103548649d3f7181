/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From items to tensors.
 *
 * Slices of one tensor come in separate calls, in any order, perhaps far apart. Sorted by name
 * (stably, so that slices keep the order in which they came) the items of a tensor lie side by
 * side.
 */
#include <inttypes.h>

#include "engine/write/writer.h"
#include "format/box.h"
#include "format/bytes.h"
#include "format/error.h"
#include "format/index_check.h"
#include "format/shape.h"
#include "format/sort.h"

static int compare_items(const void *a, const void *b)
{
	const struct item *const left = a;
	const struct item *const right = b;

	if (left->name_space != right->name_space)
		return left->name_space < right->name_space ? -1 : 1;
	return index_name_compare(left->name, right->name);
}

static struct item **sort_items(struct cairn_writer *writer)
{
	void **const order = arena_allocate_array(&writer->arena, 2 * writer->item_count,
						  sizeof(void *));

	if (order == NULL)
		return NULL;
	for (uint64_t i = 0; i < writer->item_count; i++)
		order[i] = &writer->items[i];
	sort_pointers(order, order + writer->item_count, writer->item_count, compare_items);
	return (struct item **)order;
}

/* ----------------------------------------------------------------------------------- one tensor */

static enum cairn_status twice(const struct item *item, struct cairn_error *error)
{
	return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET, "%s %s was added twice",
			 item->name_space == NAME_SPACE_TENSOR ? "tensor" : "metadata key",
			 quote(item->name).text);
}

/* Two items of one name: slices that agree about the tensor, or a mistake. */
static enum cairn_status check_pair(const struct item *first, const struct item *item,
				    struct cairn_error *error)
{
	if (first->ranges == NULL || item->ranges == NULL)
		return twice(item, error);
	if (first->dtype != item->dtype || first->rank != item->rank ||
	    first->block_elements != item->block_elements ||
	    first->block_bytes != item->block_bytes || first->packing != item->packing ||
	    memcmp(first->dims, item->dims, first->rank * sizeof(uint64_t)) != 0)
		return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
				 "slices of tensor %s disagree about its type or shape",
				 quote(item->name).text);
	return CAIRN_OK;
}

static uint64_t elements_of(const struct item *item)
{
	uint64_t elements = 1;

	for (uint32_t d = 0; d < item->rank; d++) {
		const uint64_t length = item->ranges == NULL ? CAIRN_FULL
							     : item->ranges[2 * (size_t)d + 1];

		elements *= length == CAIRN_FULL
				    ? item->dims[d]
				    : length; /* below 2^63: checked when it was added */
	}
	return elements;
}

static uint64_t elements_of_shape(const struct item *item)
{
	const struct item whole = {.rank = item->rank, .dims = item->dims};

	return elements_of(&whole);
}

static struct build_slice describe_slice(const struct cairn_writer *writer, const struct item *item)
{
	return (struct build_slice){
		.ranges = item->ranges,
		.extents = &item->extent,
		.extent_count = item->size == 0 ? 0 : 1,
		.storage_rank = (uint32_t)(item - writer->items),
		.size = item->size,
		.chunk_digests = item->digests,
		.chunk_size = writer->options.chunk_size,
	};
}

/* Describes the tensor of `count` items, whose slices go to `slices`. */
static enum cairn_status describe_tensor(const struct cairn_writer *writer, struct item **items,
					 uint64_t count, struct build_slice *slices,
					 struct build_tensor *tensor, struct cairn_error *error)
{
	const struct item *const first = items[0];
	uint64_t covered = 0;

	if (count > SLICE_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "tensor %s has %" PRIu64 " slices, at most %u are allowed",
				 quote(first->name).text, count, SLICE_COUNT_MAX);
	for (uint64_t i = 0; i < count; i++) {
		const enum cairn_status status = i == 0 ? CAIRN_OK
							: check_pair(first, items[i], error);

		if (status != CAIRN_OK)
			return status;
		slices[i] = describe_slice(writer, items[i]);
		covered += elements_of(items[i]);
	}
	*tensor = (struct build_tensor){
		.name = first->name,
		.name_space = first->name_space,
		.rank = first->rank,
		.dtype = first->dtype,
		.dims = first->dims,
		.block_elements = first->block_elements,
		.block_bytes = first->block_bytes,
		.packing = first->packing,
		.incomplete = covered < elements_of_shape(first),
		.size = first->tensor_size,
		.slices = slices,
		.slice_count = (uint32_t)count,
	};
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- aliases */

static struct build_tensor *find_tensor(const struct build_input *input, struct cairn_string name)
{
	uint64_t low = 0;
	uint64_t high = input->tensor_count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		struct build_tensor *const tensor = &input->tensors[middle];
		const int order = tensor->name_space != NAME_SPACE_TENSOR
					  ? 1
					  : index_name_compare(tensor->name, name);

		if (order == 0)
			return tensor;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The item of a tensor that is whole. */
static struct item *only_item(const struct cairn_writer *writer, const struct build_tensor *tensor)
{
	return tensor->slice_count == 1 && tensor->slices[0].ranges == NULL
		       ? &writer->items[tensor->slices[0].storage_rank]
		       : NULL;
}

/* Both were added from the same stored bytes of the same checkpoint. */
static bool same_source(const struct item *a, const struct item *b)
{
	return a->source == SOURCE_STORED && b->source == SOURCE_STORED &&
	       a->from.stored->reader == b->from.stored->reader &&
	       a->from.stored->record.extent_index == b->from.stored->record.extent_index &&
	       a->from.stored->record.chunk_index == b->from.stored->record.chunk_index;
}

/* An alias takes over what its target is. What was added as an alias has no dims of its own, which
 * tells it from a tensor of another checkpoint that was one there. */
static enum cairn_status link_alias(const struct cairn_writer *writer, struct item *item,
				    struct build_tensor *tensor, struct cairn_error *error)
{
	struct build_tensor *target = find_tensor(&writer->input, item->alias_of);
	const struct item *const holder = target == NULL || target == tensor
						  ? NULL
						  : only_item(writer, target);
	const bool usable = holder != NULL && holder->dims != NULL;

	if (item->source == SOURCE_STORED && (!usable || !same_source(item, holder)))
		return CAIRN_OK; /* its twin came under another name or not at all: it holds its own
				    bytes */
	if (!usable)
		return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				 "tensor %s shares the bytes of %s, which was not added whole",
				 quote(item->name).text, quote(item->alias_of).text);
	if (target->alias_of != NULL)
		target = target->alias_of;
	item->source = SOURCE_NONE;
	item->size = 0;
	tensor->alias_of = target;
	tensor->rank = target->rank;
	tensor->dtype = target->dtype;
	tensor->dims = target->dims;
	tensor->block_elements = target->block_elements;
	tensor->block_bytes = target->block_bytes;
	tensor->packing = target->packing;
	tensor->size = target->size;
	tensor->incomplete = false;
	return CAIRN_OK;
}

/* Those of one source, so that what was an alias elsewhere is settled before others refer to it. */
static enum cairn_status link_aliases(struct cairn_writer *writer, struct item **items,
				      enum source_kind source, struct cairn_error *error)
{
	const struct build_input *const input = &writer->input;
	uint64_t at = 0;

	for (uint64_t i = 0; i < input->tensor_count; i++) {
		struct item *const item = items[at];

		at += input->tensors[i].slice_count;
		if (item->alias_of.data != NULL && item->source == source &&
		    input->tensors[i].alias_of == NULL) {
			const enum cairn_status status = link_alias(writer, item,
								    &input->tensors[i], error);

			if (status != CAIRN_OK)
				return status;
		}
	}
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- overlap */

static bool has_slices(const struct cairn_writer *writer)
{
	for (uint64_t i = 0; i < writer->item_count; i++) {
		if (writer->items[i].ranges != NULL)
			return true;
	}
	return false;
}

static uint64_t resolved(const struct item *item, uint32_t number)
{
	const uint64_t value = item->ranges[number];

	return value == CAIRN_FULL ? item->dims[number / 2] : value;
}

/* Slices of one tensor by their ranges. */
static int compare_slices(const void *a, const void *b)
{
	const struct item *const left = a;
	const struct item *const right = b;
	int order = compare_items(a, b);

	if (order != 0 || left->ranges == NULL || right->ranges == NULL)
		return order;
	for (uint32_t i = 0; order == 0 && i < 2 * (uint32_t)left->rank; i++)
		order = (resolved(left, i) > resolved(right, i)) -
			(resolved(left, i) < resolved(right, i));
	return order;
}

/* Slices overlap, as `error` says: says so in another way when two of them are equal. */
static enum cairn_status explain_overlap(const struct cairn_writer *writer, struct arena *arena,
					 struct cairn_error *error)
{
	void **const order = arena_allocate_array(arena, 2 * writer->item_count, sizeof(void *));

	if (order == NULL)
		return CAIRN_INVALID_ARGUMENT;
	for (uint64_t i = 0; i < writer->item_count; i++)
		order[i] = &writer->items[i];
	sort_pointers(order, order + writer->item_count, writer->item_count, compare_slices);
	for (uint64_t i = 1; i < writer->item_count; i++) {
		if (compare_slices(order[i - 1], order[i]) == 0)
			return twice(order[i], error);
	}
	return CAIRN_INVALID_ARGUMENT;
}

enum cairn_status writer_check_slices(struct cairn_writer *writer, struct cairn_error *error)
{
	struct arena arena;
	struct built_index built;
	struct index index;
	enum cairn_status status;

	if (!has_slices(writer))
		return CAIRN_OK;
	arena_init(&arena, writer->arena.source, writer->arena.size_max);
	status = index_build(&arena, &writer->input, false, &built, error);
	if (status == CAIRN_OK)
		status = index_init(&index, &built.footer, built.image, error);
	if (status == CAIRN_OK)
		status = index_check(&index, writer->plan.index_offset - CONTAINER_PAGE_SIZE,
				     &arena, error);
	if (status == CAIRN_CORRUPT)
		status = explain_overlap(writer, &arena, error);
	arena_fini(&arena);
	return status;
}

static struct box *make_boxes(struct arena *arena, const struct build_tensor *tensor)
{
	const uint32_t rank = tensor->rank;
	struct box *const boxes = arena_allocate_array(arena, tensor->slice_count, sizeof(*boxes));
	uint64_t *values = arena_allocate_array(arena, (uint64_t)tensor->slice_count * 2 * rank,
						sizeof(*values));

	if (boxes == NULL || values == NULL)
		return NULL;
	for (uint32_t i = 0; i < tensor->slice_count; i++) {
		boxes[i] = (struct box){.starts = values, .lengths = values + rank, .rank = rank};
		for (uint32_t d = 0; d < rank; d++) {
			const uint64_t length = tensor->slices[i].ranges[2 * (size_t)d + 1];

			boxes[i].starts[d] = tensor->slices[i].ranges[2 * (size_t)d];
			boxes[i].lengths[d] = length == CAIRN_FULL ? tensor->dims[d] : length;
		}
		values += 2 * (size_t)rank;
	}
	return boxes;
}

static enum cairn_status check_overlap(const struct cairn_writer *writer,
				       const struct build_tensor *tensor, struct cairn_error *error)
{
	struct arena arena;
	struct box *boxes;
	enum cairn_status status;

	arena_init(&arena, writer->arena.source, writer->arena.size_max);
	boxes = make_boxes(&arena, tensor);
	status = boxes == NULL ? error_set_memory(error, "checking slices")
			       : boxes_check_overlap(&arena, boxes, tensor->slice_count, error);
	if (status != CAIRN_OK)
		error_prefix_tensor(error, status, tensor->name);
	if (status == CAIRN_CORRUPT)
		status = explain_overlap(writer, &arena, error);
	arena_fini(&arena);
	return status;
}

enum cairn_status writer_check_overlap(struct cairn_writer *writer, struct cairn_error *error)
{
	const struct build_input *const input = &writer->input;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < input->tensor_count && status == CAIRN_OK; i++) {
		if (input->tensors[i].slice_count > 1)
			status = check_overlap(writer, &input->tensors[i], error);
	}
	return status;
}

/* ------------------------------------------------------------------------------------ all of it */

/* The plan places items in the order of their array: name order now. Slice i of the table belongs
 * to the i-th of them. */
static enum cairn_status reorder_items(struct cairn_writer *writer, struct item **items,
				       struct build_slice *slices, struct cairn_error *error)
{
	struct item *const sorted = arena_allocate_array(&writer->arena, writer->item_count,
							 sizeof(*sorted));

	if (sorted == NULL)
		return error_set_memory(error, "the table of tensors");
	for (uint64_t i = 0; i < writer->item_count; i++)
		sorted[i] = *items[i];
	writer->items = sorted;
	for (uint64_t i = 0; i < writer->item_count; i++)
		slices[i] = describe_slice(writer, &sorted[i]);
	return CAIRN_OK;
}

static uint64_t run_of_name(struct item **items, uint64_t at, uint64_t count)
{
	uint64_t end = at + 1;

	while (end < count && compare_items(items[at], items[end]) == 0)
		end++;
	return end - at;
}

enum cairn_status writer_group(struct cairn_writer *writer, struct cairn_error *error)
{
	const uint64_t count = writer->item_count;
	struct build_input *const input = &writer->input;
	struct build_slice *slices;
	struct item **items;
	enum cairn_status status = CAIRN_OK;

	if (count > UINT32_MAX) /* the storage ranks of slices number them */
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64
				 " tensors, slices and metadata values are more than one container "
				 "can hold",
				 count);
	slices = arena_allocate_array(&writer->arena, count, sizeof(*slices));
	items = sort_items(writer);
	input->tensors = arena_allocate_array(&writer->arena, count, sizeof(*input->tensors));
	if (slices == NULL || items == NULL || input->tensors == NULL)
		return error_set_memory(error, "the table of tensors");
	for (uint64_t at = 0; at < count && status == CAIRN_OK;) {
		const uint64_t run = run_of_name(items, at, count);

		status = describe_tensor(writer, items + at, run, slices + at,
					 &input->tensors[input->tensor_count++], error);
		at += run;
	}
	if (status == CAIRN_OK)
		status = link_aliases(writer, items, SOURCE_STORED, error);
	if (status == CAIRN_OK)
		status = link_aliases(writer, items, SOURCE_NONE, error);
	if (status == CAIRN_OK && (writer->options.flags & CAIRN_WRITER_SORT) != 0)
		status = reorder_items(writer, items, slices, error);
	return status;
}
