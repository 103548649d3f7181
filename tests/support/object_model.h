/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small program of objects, with a bit of everything:
 *
 *     model.w (f32[2]), model.layers.0 (f32), model.layers.1 (i64[3]), opt (m for model.w), step
 *     (i64), text (state)
 */
#ifndef CAIRN_TESTS_OBJECT_MODEL_H
#define CAIRN_TESTS_OBJECT_MODEL_H

#include <cairn/checkpoint.h>

#include "engine/system/system.h"

/* Its values. */
struct model_values {
	float w[2];
	float m[2];
	float first;
	int64_t second[3];
	int64_t step;
	char text[24];
};

struct object_model {
	struct system *system;
	struct model_values values;
	struct cairn_object *w;
	struct cairn_object *m;
	struct cairn_object *first;
	struct cairn_object *second;
	struct cairn_object *layers;
	struct cairn_object *model;
	struct cairn_object *opt;
	struct cairn_object *step;
	struct cairn_object *text;
	struct cairn_checkpoint *checkpoint;
};

/* Every value is a function of the seed; 0: all zero. */
void model_values_fill(struct model_values *values, unsigned seed);

/* With all objects set; on failure it can be closed. */
enum cairn_status object_model_open(struct object_model *model, struct system *system,
				    unsigned seed, struct cairn_error *error);
void object_model_close(struct object_model *model);

/* The seed whose values these are (up to `most`); -1: of none, a mix. */
int object_model_seed(const struct object_model *model, unsigned most);

#endif
