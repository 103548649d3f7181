/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/object_model.h"

#include <stdio.h>
#include <string.h>

#include "engine/train/checkpoint.h"

void model_values_fill(struct model_values *values, unsigned seed)
{
	const int64_t number = (int64_t)seed * 100;

	memset(values, 0, sizeof(*values));
	if (seed == 0)
		return;
	for (unsigned i = 0; i < 2; i++) {
		values->w[i] = (float)(number + 1 + i);
		values->m[i] = (float)(number + 3 + i);
	}
	values->first = (float)(number + 5);
	for (unsigned i = 0; i < 3; i++)
		values->second[i] = number + 6 + i;
	values->step = number + 9;
	snprintf(values->text, sizeof(values->text), "state %u", seed);
}

static enum cairn_status serialize(void *context, struct cairn_string *text,
				   struct cairn_error *error)
{
	(void)error;
	*text = cairn_string_from(((struct object_model *)context)->values.text);
	return CAIRN_OK;
}

static enum cairn_status deserialize(void *context, struct cairn_string text,
				     struct cairn_error *error)
{
	struct object_model *const model = context;

	(void)error;
	memset(model->values.text, 0, sizeof(model->values.text));
	memcpy(model->values.text, text.data, text.size < 23 ? text.size : 23);
	return CAIRN_OK;
}

static enum cairn_status add_variable(struct object_model *model, enum cairn_dtype dtype,
				      uint64_t count, void *data, const char *name,
				      struct cairn_object **object, struct cairn_error *error)
{
	const struct cairn_variable variable = {
		.dtype = dtype, .rank = count == 1 ? 0 : 1, .dims = &count, .data = data};

	return object_create_variable(model->system, &variable, name, object, error);
}

static enum cairn_status make(struct object_model *model, struct cairn_error *error)
{
	struct model_values *const values = &model->values;
	struct system *const system = model->system;
	enum cairn_status status;

	status = add_variable(model, CAIRN_F32, 2, values->w, "w", &model->w, error);
	if (status == CAIRN_OK)
		status = add_variable(model, CAIRN_F32, 2, values->m, "w/m", &model->m, error);
	if (status == CAIRN_OK)
		status = add_variable(model, CAIRN_F32, 1, &values->first, "first", &model->first,
				      error);
	if (status == CAIRN_OK)
		status = add_variable(model, CAIRN_I64, 3, values->second, "second", &model->second,
				      error);
	if (status == CAIRN_OK)
		status = add_variable(model, CAIRN_I64, 1, &values->step, "step", &model->step,
				      error);
	if (status == CAIRN_OK)
		status = object_create(system, CAIRN_OBJECT_LIST, &model->layers, error);
	if (status == CAIRN_OK)
		status = object_create(system, CAIRN_OBJECT_MODULE, &model->model, error);
	if (status == CAIRN_OK)
		status = object_create_optimizer(system, NULL, NULL, &model->opt, error);
	if (status == CAIRN_OK)
		status = object_create_state(system, serialize, deserialize, model, &model->text,
					     error);
	return status;
}

static enum cairn_status link(struct object_model *model, struct cairn_error *error)
{
	const struct cairn_named_object objects[] = {{"step", model->step},
						     {"model", model->model},
						     {"text", model->text},
						     {"opt", model->opt}};
	enum cairn_status status;

	status = cairn_object_append(model->layers, model->first, error);
	if (status == CAIRN_OK)
		status = cairn_object_append(model->layers, model->second, error);
	if (status == CAIRN_OK)
		status = cairn_object_set(model->model, "w", model->w, error);
	if (status == CAIRN_OK)
		status = cairn_object_set(model->model, "layers", model->layers, error);
	if (status == CAIRN_OK)
		status = cairn_object_set_slot(model->opt, "m", model->w, model->m, error);
	if (status == CAIRN_OK)
		status = checkpoint_create(model->system, NULL, objects, 4, &model->checkpoint,
					   error);
	return status;
}

enum cairn_status object_model_open(struct object_model *model, struct system *system,
				    unsigned seed, struct cairn_error *error)
{
	enum cairn_status status;

	memset(model, 0, sizeof(*model));
	model->system = system;
	model_values_fill(&model->values, seed);
	status = make(model, error);
	return status == CAIRN_OK ? link(model, error) : status;
}

void object_model_close(struct object_model *model)
{
	struct cairn_object *const objects[] = {model->w,      model->m,      model->first,
						model->second, model->layers, model->model,
						model->opt,    model->step,   model->text};

	cairn_checkpoint_destroy(model->checkpoint);
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		cairn_object_release(objects[i]);
}

int object_model_seed(const struct object_model *model, unsigned most)
{
	struct model_values values;

	for (unsigned seed = 0; seed <= most; seed++) {
		model_values_fill(&values, seed);
		if (memcmp(&values, &model->values, sizeof(values)) == 0)
			return (int)seed;
	}
	return -1;
}
