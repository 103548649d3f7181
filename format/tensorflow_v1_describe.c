/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the files of a checkpoint of the first format say to the descriptions that index_build
 * takes: tensors whose slices lie in several files are put together.
 */
#include <inttypes.h>
#include <string.h>

#include "format/box.h"
#include "format/bytes.h"
#include "format/container.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/shape.h"
#include "format/sort_array.h"
#include "format/tensorflow_v1.h"

/* Descriptions of one tensor: `count` of them, one a file, in the order of the files. */
struct group {
	const struct v1_tensor *tensors; /* all that there are */
	const uint32_t *order;
	uint64_t count;
	uint64_t slice_count;
};

static const struct v1_tensor *member(const struct group *group, uint64_t i)
{
	return &group->tensors[group->order[i]];
}

static bool same_name(struct cairn_string a, struct cairn_string b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* As many as have the name of the first. */
static void find_group(struct group *group, uint64_t left)
{
	group->count = group->slice_count = 0;
	while (group->count < left &&
	       same_name(member(group, 0)->name, member(group, group->count)->name))
		group->slice_count += member(group, group->count++)->slice_count;
}

static enum cairn_status check_agreement(const struct group *group, struct cairn_error *error)
{
	const struct v1_tensor *const first = member(group, 0);

	if (group->slice_count > SLICE_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "it has %" PRIu64 " slices, more than %u", group->slice_count,
				 SLICE_COUNT_MAX);
	for (uint64_t i = 1; i < group->count; i++) {
		const struct v1_tensor *const other = member(group, i);

		if (other->dtype != first->dtype)
			return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					 "it is %s in one file and %s in another",
					 dtype_tensorflow_name(first->dtype),
					 dtype_tensorflow_name(other->dtype));
		if (other->rank != first->rank ||
		    memcmp(other->dims, first->dims, first->rank * sizeof(*first->dims)) != 0)
			return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					 "its shape differs from file to file");
	}
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- coverage */

static void set_box(const struct v1_tensor *tensor, const struct v1_slice *slice, uint64_t *numbers,
		    struct box *box)
{
	*box = (struct box){
		.starts = numbers, .lengths = numbers + tensor->rank, .rank = tensor->rank};
	for (uint32_t d = 0; d < tensor->rank; d++) {
		const uint64_t length = slice->ranges[2 * (size_t)d + 1];

		box->starts[d] = slice->ranges[2 * (size_t)d];
		box->lengths[d] = length == CAIRN_FULL ? tensor->dims[d] : length;
	}
}

/* Slices do not overlap; whether they are all of the tensor. */
static enum cairn_status check_cover(struct arena *arena, const struct group *group,
				     bool *is_complete, struct cairn_error *error)
{
	const struct v1_tensor *const first = member(group, 0);
	const uint64_t numbers_each = 2 * (uint64_t)first->rank;
	struct box *const boxes = arena_allocate_array(arena, group->slice_count, sizeof(*boxes));
	uint64_t *const numbers = arena_allocate_array(arena, numbers_each * group->slice_count,
						       sizeof(*numbers));
	uint64_t covered = 0;
	uint32_t count = 0;

	if (boxes == NULL || numbers == NULL)
		return error_set_memory(error, "slices");
	for (uint64_t i = 0; i < group->count; i++) {
		for (uint32_t k = 0; k < member(group, i)->slice_count; k++) {
			const struct v1_slice *const slice = &member(group, i)->slices[k];

			set_box(first, slice, numbers + numbers_each * count, &boxes[count]);
			covered += slice->elements;
			count++;
		}
	}
	*is_complete = covered == first->elements;
	return boxes_check_overlap(arena, boxes, count, error);
}

/* -------------------------------------------------------------------------------------- tensors */

static enum cairn_status too_large(struct cairn_error *error)
{
	return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
			 "it has 2^63 bytes or more as Cairn hands it out");
}

/* The end offsets of all elements, and the bytes of those that are stored. */
static enum cairn_status strings_size(const struct group *group, uint64_t *size,
				      struct cairn_error *error)
{
	uint64_t total;

	if (!checked_multiply(member(group, 0)->elements, sizeof(uint64_t), &total))
		return too_large(error);
	for (uint64_t i = 0; i < group->count; i++) {
		for (uint32_t k = 0; k < member(group, i)->slice_count; k++) {
			const struct v1_slice *const slice = &member(group, i)->slices[k];
			const uint64_t text = slice->size - slice->elements * sizeof(uint64_t);

			if (!checked_add(total, text, &total))
				return too_large(error);
		}
	}
	*size = total;
	return total < CONTAINER_SIZE_MAX ? CAIRN_OK : too_large(error);
}

static enum cairn_status tensor_size(const struct group *group, uint64_t *size,
				     struct cairn_error *error)
{
	const struct v1_tensor *const first = member(group, 0);
	const struct packing packing = {1, cairn_dtype_info(first->dtype)->block_bytes,
					PACKING_FLAT};

	return dtype_is_variable(first->dtype)
		       ? strings_size(group, size, error)
		       : shape_bytes(&packing, first->rank, first->dims, size, error);
}

static struct build_slice describe_slice(const struct v1_slice *slice, bool is_whole)
{
	return (struct build_slice){
		.ranges = is_whole ? NULL : slice->ranges,
		.extents = slice->extents,
		.extent_count = slice->extent_count,
		.storage_rank = slice->storage_rank,
		.size = slice->size,
		.chunk_size = CHUNK_SIZE_DEFAULT, /* what adopting it would digest */
		.transform = slice->transform,
		.transform_value = slice->transform_value,
		.check_kind = CHECK_CRC32C_AT_OPEN,
		.check_value = slice->crc,
	};
}

static enum cairn_status describe_slices(struct arena *arena, const struct group *group,
					 struct build_tensor *described, struct cairn_error *error)
{
	struct build_slice *const slices = arena_allocate_array(arena, group->slice_count,
								sizeof(*slices));
	/* one that is all of the tensor is no part of it, however its extents are written */
	const bool is_whole = group->slice_count == 1 && !described->incomplete;
	uint32_t count = 0;

	if (slices == NULL)
		return error_set_memory(error, "slices");
	for (uint64_t i = 0; i < group->count; i++) {
		for (uint32_t k = 0; k < member(group, i)->slice_count; k++)
			slices[count++] = describe_slice(&member(group, i)->slices[k], is_whole);
	}
	described->slices = slices;
	described->slice_count = count;
	return CAIRN_OK;
}

static enum cairn_status describe_group(struct arena *arena, const struct group *group,
					struct build_tensor *described, struct cairn_error *error)
{
	const struct v1_tensor *const first = member(group, 0);
	bool is_complete = false;
	enum cairn_status status = check_agreement(group, error);

	*described = (struct build_tensor){
		.name = first->name,
		.name_space = NAME_SPACE_TENSOR,
		.rank = first->rank,
		.dtype = first->dtype,
		.dims = first->dims,
		.block_elements = 1,
		.block_bytes = cairn_dtype_info(first->dtype)->block_bytes,
		.packing = PACKING_FLAT,
	};
	if (status == CAIRN_OK)
		status = check_cover(arena, group, &is_complete, error);
	described->incomplete = !is_complete;
	if (status == CAIRN_OK)
		status = tensor_size(group, &described->size, error);
	if (status == CAIRN_OK)
		status = describe_slices(arena, group, described, error);
	return status == CAIRN_OK ? status : error_prefix_tensor(error, status, first->name);
}

enum cairn_status v1_describe(struct arena *arena, struct v1_checkpoint *checkpoint,
			      struct build_list *list, struct cairn_error *error)
{
	const uint64_t count = checkpoint->tensor_count;
	struct build_tensor *const tensors = build_list_reserve(arena, list, count);
	struct group group = {.tensors = checkpoint->tensors};
	enum cairn_status status = CAIRN_OK;
	uint64_t done = 0;

	if (tensors == NULL)
		return error_set_memory(error, "the tensors of a checkpoint");
	if (count == 0)
		return CAIRN_OK;
	group.order = sort_order_by_name(arena, &checkpoint->tensors[0].name,
					 sizeof(*checkpoint->tensors), count);
	if (group.order == NULL)
		return error_set_memory(error, "the order of tensors");
	for (uint64_t i = 0; done < count && status == CAIRN_OK; i++) {
		find_group(&group, count - done);
		status = describe_group(arena, &group, &tensors[i], error);
		list->count += status == CAIRN_OK;
		group.order += group.count;
		done += group.count;
	}
	return status;
}
