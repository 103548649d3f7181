/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The naive model. Slow and obvious on purpose: no strides, no runs, one element at a time.
 */
#include "tests/support/model.h"

#include <stdlib.h>

#include "tests/support/suite.h"

enum {
	DTYPE_CODE_MAX = 128
};

const struct cairn_dtype_info *model_dtype(uint32_t number)
{
	for (uint32_t code = 0; code < DTYPE_CODE_MAX; code++) {
		const struct cairn_dtype_info *const info = cairn_dtype_info(
			(enum cairn_dtype)code);

		if (info != NULL && info->block_bytes != 0 && number-- == 0)
			return info;
	}
	return NULL;
}

uint32_t model_dtype_count(void)
{
	uint32_t count = 0;

	while (model_dtype(count) != NULL)
		count++;
	return count;
}

struct model model_make(struct random *random, const struct cairn_dtype_info *info, uint32_t rank,
			const uint64_t *dims)
{
	struct model model = {.info = info, .rank = rank};
	uint64_t elements = 1;

	for (uint32_t d = 0; d < rank; d++) {
		model.dims[d] = dims[d];
		elements *= dims[d];
	}
	ck_assert_uint_eq(elements % info->block_elements, 0);
	model.size = elements / info->block_elements * info->block_bytes;
	model.bytes = malloc(model.size + 1);
	ck_assert_ptr_nonnull(model.bytes);
	random_fill(random, model.bytes, model.size);
	return model;
}

struct model model_random(struct random *random, const struct cairn_dtype_info *info,
			  uint64_t size_max)
{
	const uint32_t rank_min = info->block_elements > 1;
	const uint32_t rank = rank_min +
			      (uint32_t)random_below(random, MODEL_RANK_MAX + 1 - rank_min);
	uint64_t dims[MODEL_RANK_MAX];
	uint64_t room = size_max / info->block_bytes;

	for (uint32_t d = 0; d < rank; d++) {
		const uint64_t bound = room < 1                               ? 1
				       : room > 40 && random_below(random, 3) ? 7
									      : room;

		dims[d] = random_below(random, 20) == 0 ? 0 : 1 + random_below(random, bound);
		room /= dims[d] == 0 ? 1 : dims[d];
	}
	if (rank != 0)
		dims[rank - 1] *= info->block_elements;
	return model_make(random, info, rank, dims);
}

void model_free(struct model *model)
{
	free(model->bytes);
	*model = (struct model){0};
}

struct box model_random_box(struct random *random, const struct model *model)
{
	struct box box = {0};

	for (uint32_t d = 0; d < model->rank; d++) {
		const uint64_t step = d + 1 == model->rank ? model->info->block_elements : 1;
		const uint64_t units = model->dims[d] / step;
		const bool all = random_below(random, 3) == 0;
		const uint64_t start = all ? 0 : random_below(random, units + 1);
		const uint64_t length = all ? units : random_below(random, units - start + 1);

		box.starts[d] = start * step;
		box.lengths[d] = length * step;
	}
	return box;
}

uint64_t model_box_size(const struct model *model, const struct box *box)
{
	uint64_t elements = 1;

	for (uint32_t d = 0; d < model->rank; d++)
		elements *= box->lengths[d];
	return elements / model->info->block_elements * model->info->block_bytes;
}

/* The element at a position of the box, whose last coordinate counts blocks. */
static uint64_t offset_of(const struct model *model, const struct box *box,
			  const uint64_t *position)
{
	uint64_t units = 0;

	for (uint32_t d = 0; d < model->rank; d++) {
		const uint64_t step = d + 1 == model->rank ? model->info->block_elements : 1;

		units = units * (model->dims[d] / step) + box->starts[d] / step + position[d];
	}
	return units * model->info->block_bytes;
}

void model_walk(const struct model *model, const struct box *box, model_visit *visit, void *context)
{
	const uint64_t count = model_box_size(model, box) / model->info->block_bytes;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t position[MODEL_RANK_MAX];
		uint64_t rest = i;

		for (uint32_t d = model->rank; d-- > 0;) {
			const uint64_t step = d + 1 == model->rank ? model->info->block_elements
								   : 1;

			position[d] = rest % (box->lengths[d] / step);
			rest /= box->lengths[d] / step;
		}
		visit(context, offset_of(model, box, position), model->info->block_bytes);
	}
}

struct cut {
	const uint8_t *bytes;
	uint8_t *out;
};

static void copy_element(void *context, uint64_t offset, uint64_t size)
{
	struct cut *const cut = context;

	memcpy(cut->out, cut->bytes + offset, size);
	cut->out += size;
}

void model_cut(const struct model *model, const struct box *box, uint8_t *out)
{
	struct cut cut = {model->bytes, out};

	model_walk(model, box, copy_element, &cut);
}

struct contiguity {
	uint64_t next;
	bool begun;
	bool broken;
};

static void follow(void *context, uint64_t offset, uint64_t size)
{
	struct contiguity *const contiguity = context;

	if (contiguity->begun && offset != contiguity->next)
		contiguity->broken = true;
	contiguity->begun = true;
	contiguity->next = offset + size;
}

bool model_is_contiguous(const struct model *model, const struct box *outer, const struct box *box)
{
	struct contiguity contiguity = {0};
	struct model part = *model; /* `outer` as a tensor of its own */
	struct box inner = *box;

	for (uint32_t d = 0; d < model->rank; d++) {
		if (box->starts[d] < outer->starts[d] ||
		    box->starts[d] + box->lengths[d] > outer->starts[d] + outer->lengths[d])
			return false;
		part.dims[d] = outer->lengths[d];
		inner.starts[d] -= outer->starts[d];
	}
	model_walk(&part, &inner, follow, &contiguity);
	return !contiguity.broken;
}

struct box model_whole(const struct model *model)
{
	struct box box = {0};

	memcpy(box.lengths, model->dims, sizeof(model->dims));
	return box;
}

/* Splits a box in two along a random dimension; false when that one is too short. */
static bool split_box(struct random *random, const struct model *model, struct box *box,
		      struct box *rest)
{
	const uint32_t d = (uint32_t)random_below(random, model->rank);
	const uint64_t step = d + 1 == model->rank ? model->info->block_elements : 1;
	const uint64_t units = box->lengths[d] / step;
	uint64_t kept;

	if (units < 2)
		return false;
	kept = 1 + random_below(random, units - 1);
	*rest = *box;
	box->lengths[d] = kept * step;
	rest->starts[d] += kept * step;
	rest->lengths[d] -= kept * step;
	return true;
}

uint32_t model_partition(struct random *random, const struct model *model, struct box *boxes,
			 uint32_t count_max)
{
	uint32_t count = 1;

	boxes[0] = model_whole(model);
	for (uint32_t tries = 0; model->rank != 0 && count < count_max && tries < 4 * count_max;
	     tries++) {
		const uint64_t victim = random_below(random, count);

		if (split_box(random, model, &boxes[victim], &boxes[count]))
			count++;
	}
	return count;
}

void model_shuffle(struct random *random, struct box *boxes, uint32_t count)
{
	for (uint32_t i = count; i > 1; i--) {
		const uint64_t other = random_below(random, i);
		const struct box kept = boxes[i - 1];

		boxes[i - 1] = boxes[other];
		boxes[other] = kept;
	}
}
