/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments, and tensors as JSON.
 */
#include "tests/conform/conform.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void conform_fail(const char *what, const char *why)
{
	fprintf(stderr, "conform: %s: %s\n", what, why);
	exit(2);
}

const char *argument_text(const struct step *step, const char *name)
{
	return json_string_value(json_object_get(step->args, name));
}

double argument_number(const struct step *step, const char *name, double otherwise)
{
	const json_t *const value = json_object_get(step->args, name);

	return json_is_number(value) ? json_number_value(value) : otherwise;
}

bool argument_bool(const struct step *step, const char *name)
{
	return json_is_true(json_object_get(step->args, name));
}

json_t *number_to_json(double number)
{
	if (isnan(number))
		return json_string("nan");
	if (isinf(number))
		return json_string(number < 0 ? "-inf" : "inf");
	return json_real(number);
}

/* -------------------------------------------------------------------------------------- tensors */

static json_t *float_element(const void *at)
{
	float value;

	memcpy(&value, at, sizeof(value));
	return number_to_json((double)value);
}

static json_t *double_element(const void *at)
{
	double value;

	memcpy(&value, at, sizeof(value));
	return number_to_json(value);
}

static json_t *int32_element(const void *at)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	return json_integer(value);
}

static json_t *int64_element(const void *at)
{
	int64_t value;

	memcpy(&value, at, sizeof(value));
	return json_integer(value);
}

static double number_from_json(const json_t *json)
{
	const char *const text = json_string_value(json);

	return text == NULL ? json_number_value(json) : strtod(text, NULL);
}

static void set_float(void *at, const json_t *json)
{
	const float value = (float)number_from_json(json);

	memcpy(at, &value, sizeof(value));
}

static void set_double(void *at, const json_t *json)
{
	const double value = number_from_json(json);

	memcpy(at, &value, sizeof(value));
}

static void set_int32(void *at, const json_t *json)
{
	const int32_t value = (int32_t)json_integer_value(json);

	memcpy(at, &value, sizeof(value));
}

static void set_int64(void *at, const json_t *json)
{
	const int64_t value = json_integer_value(json);

	memcpy(at, &value, sizeof(value));
}

/* The types that scenarios have. */
static const struct {
	enum cairn_dtype dtype;
	const char *name;
	size_t size;
	json_t *(*element)(const void *at);
	void (*set)(void *at, const json_t *json);
} types[] = {
	{CAIRN_F32, "float", 4, float_element, set_float},
	{CAIRN_F64, "double", 8, double_element, set_double},
	{CAIRN_I32, "int32", 4, int32_element, set_int32},
	{CAIRN_I64, "int64", 8, int64_element, set_int64},
};

enum cairn_dtype dtype_from_json(const json_t *name)
{
	const char *const text = json_string_value(name);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (text != NULL && strcmp(types[i].name, text) == 0)
			return types[i].dtype;
	}
	conform_fail(text == NULL ? "?" : text, "no type that is known here");
}

void json_to_element(const json_t *json, enum cairn_dtype dtype, void *elements, uint64_t index)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].dtype == dtype)
			types[i].set((char *)elements + index * types[i].size, json);
	}
}

json_t *shape_to_json(const struct cairn_tensor *tensor)
{
	json_t *const shape = json_array();

	for (uint32_t i = 0; i < tensor->rank; i++)
		json_array_append_new(shape, json_integer((json_int_t)tensor->dims[i]));
	return shape;
}

json_t *tensor_to_json(const struct cairn_tensor *tensor, const struct cairn_view *view)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		json_t *value;

		if (types[i].dtype != tensor->dtype)
			continue;
		value = json_array();
		for (uint64_t at = 0; at < tensor->element_count; at++)
			json_array_append_new(value, types[i].element((const char *)view->data +
								      at * types[i].size));
		return json_pack("{s:s, s:o, s:o}", "dtype", types[i].name, "shape",
				 shape_to_json(tensor), "value", value);
	}
	return NULL;
}
