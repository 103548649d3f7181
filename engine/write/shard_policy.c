/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting tensors.
 *
 * What is left of a tensor is always a box that reaches to the end of each axis: `starts` is where
 * it begins. The tensor's size is below 2^63, so that no product here wraps.
 */
#include "engine/write/shard_policy.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "format/bytes.h"
#include "format/container.h"
#include "format/error.h"

struct rest {
	const struct policy_tensor *tensor;
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];
};

/* A cut: so many slices along an axis. */
struct cut {
	uint32_t axis;
	uint64_t length;
};

static uint64_t elements_of(const struct rest *rest)
{
	uint64_t elements = 1;

	for (uint32_t d = 0; d < rest->tensor->rank; d++)
		elements *= rest->lengths[d];
	return elements;
}

static uint64_t slice_size(const struct rest *rest, uint32_t axis)
{
	assert(rest->lengths[axis] != 0); /* what is cut is not empty */
	return elements_of(rest) / rest->lengths[axis] * rest->tensor->element_size;
}

/* How many pieces of at most `left` bytes an axis is cut into; 0: not even a slice is so small. */
static uint64_t pieces_along(const struct rest *rest, uint32_t axis, uint64_t left)
{
	const uint64_t slices = left / slice_size(rest, axis);

	return slices == 0 ? 0 : divide_up(rest->lengths[axis], slices);
}

/* `pieces` of them hold `size`, when rounding is left out. */
static bool holds(uint64_t pieces, uint64_t left, uint64_t size)
{
	uint64_t room;

	return !checked_multiply(pieces, left, &room) || room >= size;
}

/* The axis that needs the fewest pieces, and how long one is. False: none fits. */
static bool find_cut(const struct rest *rest, uint64_t left, struct cut *cut)
{
	const uint64_t size = elements_of(rest) * rest->tensor->element_size;
	uint64_t fewest = pieces_along(rest, 0, left);

	cut->axis = 0;
	for (uint32_t axis = 1; axis < rest->tensor->axes; axis++) {
		const uint64_t pieces = pieces_along(rest, axis, left);

		if (pieces == 0 || (fewest != 0 && pieces >= fewest) || !holds(pieces, left, size))
			continue;
		cut->axis = axis;
		fewest = pieces;
	}
	cut->length = fewest == 0 ? 0 : divide_up(rest->lengths[cut->axis], fewest);
	return fewest != 0;
}

/* One slice along the axis whose slices are the smallest. */
static struct cut smallest_slice(const struct rest *rest)
{
	struct cut cut = {.axis = 0, .length = 1};

	for (uint32_t axis = 1; axis < rest->tensor->axes; axis++) {
		if (rest->lengths[axis] > rest->lengths[cut.axis])
			cut.axis = axis;
	}
	return cut;
}

/* ------------------------------------------------------------------------------------- placing */

static enum cairn_status begin_shard(struct shard_policy *policy, struct cairn_error *error)
{
	if (policy->shard + policy->large_count + 1 >= SHARD_COUNT_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "more than %u shards of at most %" PRIu64 " bytes",
				 SHARD_COUNT_MAX, policy->size_max);
	policy->shard++;
	policy->left = policy->size_max;
	policy->is_used = false;
	return CAIRN_OK;
}

static enum cairn_status put(struct shard_policy *policy, const struct rest *rest, uint64_t size,
			     struct cairn_error *error)
{
	const struct policy_piece piece = {
		.shard = policy->shard, .starts = rest->starts, .lengths = rest->lengths};

	policy->left -= size;
	policy->is_used = true;
	return policy->take(policy->context, &piece, error);
}

static enum cairn_status put_large(struct shard_policy *policy, const struct rest *rest,
				   struct cairn_error *error)
{
	const struct policy_piece piece = {.is_large = true,
					   .shard = policy->large_count,
					   .starts = rest->starts,
					   .lengths = rest->lengths};

	if (policy->shard + policy->large_count + 1 >= SHARD_COUNT_MAX)
		return begin_shard(policy, error); /* says why not */
	policy->large_count++;
	return policy->take(policy->context, &piece, error);
}

static enum cairn_status add_whole(struct shard_policy *policy, const struct rest *rest,
				   uint64_t size, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	if (size > policy->size_max)
		return put_large(policy, rest, error);
	if (size > policy->left)
		status = begin_shard(policy, error);
	return status == CAIRN_OK ? put(policy, rest, size, error) : status;
}

static enum cairn_status put_cut(struct shard_policy *policy, struct rest *rest,
				 const struct cut *cut, bool is_large, struct cairn_error *error)
{
	const uint64_t size = slice_size(rest, cut->axis) * cut->length;
	const uint64_t length = rest->lengths[cut->axis];
	enum cairn_status status;

	rest->lengths[cut->axis] = cut->length;
	status = is_large ? put_large(policy, rest, error) : put(policy, rest, size, error);
	rest->starts[cut->axis] += cut->length;
	rest->lengths[cut->axis] = length - cut->length;
	if (status == CAIRN_OK && policy->left == 0)
		status = begin_shard(policy, error);
	return status;
}

static enum cairn_status cut_once(struct shard_policy *policy, struct rest *rest,
				  struct cairn_error *error)
{
	struct cut cut;

	if (find_cut(rest, policy->left, &cut))
		return put_cut(policy, rest, &cut, false, error);
	if (policy->left < policy->size_max)
		return begin_shard(policy, error);
	cut = smallest_slice(rest);
	return put_cut(policy, rest, &cut, true, error);
}

/* ------------------------------------------------------------------------------------- tensors */

void shard_policy_init(struct shard_policy *policy, uint64_t size_max, policy_take take,
		       void *context)
{
	*policy = (struct shard_policy){
		.size_max = size_max, .left = size_max, .take = take, .context = context};
}

enum cairn_status shard_policy_add(struct shard_policy *policy, const struct policy_tensor *tensor,
				   struct cairn_error *error)
{
	struct rest rest = {.tensor = tensor};
	uint64_t size = tensor->size;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t d = 0; d < tensor->rank; d++)
		rest.lengths[d] = tensor->dims[d];
	if (tensor->axes == 0 || size == 0)
		return add_whole(policy, &rest, size, error);
	while (size > policy->left && status == CAIRN_OK) {
		status = cut_once(policy, &rest, error);
		size = elements_of(&rest) * tensor->element_size;
	}
	if (status != CAIRN_OK || elements_of(&rest) == 0)
		return status;
	return put(policy, &rest, size, error);
}

uint32_t shard_policy_filled(const struct shard_policy *policy)
{
	return policy->shard + (policy->is_used ? 1 : 0);
}
