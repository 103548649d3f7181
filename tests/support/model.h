/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tensor as a plain array, and slices of it cut out one element at a time: what the engine's
 * answers are compared with. Elements of types with blocks are blocks, counted along the last
 * dimension.
 */
#ifndef CAIRN_TESTS_MODEL_H
#define CAIRN_TESTS_MODEL_H

#include <stdbool.h>

#include <cairn/dtype.h>

#include "tests/support/random.h"

#define MODEL_RANK_MAX 5

struct model {
	const struct cairn_dtype_info *info;
	uint32_t rank;
	uint64_t dims[MODEL_RANK_MAX];
	uint64_t size;  /* bytes */
	uint8_t *bytes; /* owned; random */
};

/* A rectangular part. */
struct box {
	uint64_t starts[MODEL_RANK_MAX];
	uint64_t lengths[MODEL_RANK_MAX];
};

/* Known types whose elements have a size; NULL past the end. */
const struct cairn_dtype_info *model_dtype(uint32_t number);
uint32_t model_dtype_count(void);

struct model model_make(struct random *random, const struct cairn_dtype_info *info, uint32_t rank,
			const uint64_t *dims);

/* A shape of at most `size_max` bytes or so; some dimensions may be 0 or 1. */
struct model model_random(struct random *random, const struct cairn_dtype_info *info,
			  uint64_t size_max);
void model_free(struct model *model);

/* A part that cuts no block. */
struct box model_random_box(struct random *random, const struct model *model);

uint64_t model_box_size(const struct model *model, const struct box *box);

/* Copies the part to `out`, element by element. */
void model_cut(const struct model *model, const struct box *box, uint8_t *out);

/* The part lies within `outer`, and its bytes side by side in those of `outer`. */
bool model_is_contiguous(const struct model *model, const struct box *outer, const struct box *box);

/* All of the tensor. */
struct box model_whole(const struct model *model);

/* Calls back with the byte offset in the tensor of each element of the part, in order. */
typedef void model_visit(void *context, uint64_t offset, uint64_t size);
void model_walk(const struct model *model, const struct box *box, model_visit *visit,
		void *context);

/* Cuts the shape into at most `count_max` disjoint parts that cover it; returns their number. */
uint32_t model_partition(struct random *random, const struct model *model, struct box *boxes,
			 uint32_t count_max);

/* Puts boxes into a random order. */
void model_shuffle(struct random *random, struct box *boxes, uint32_t count);

#endif
