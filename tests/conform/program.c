/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables of a program. A partitioned one is cut into parts along an axis, the first ones longer
 * by one, each with memory of its own.
 */
#include "tests/conform/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *zeroed(size_t count, size_t size)
{
	void *const memory = calloc(count + 1, size);

	if (memory == NULL)
		conform_fail("a program", "out of memory");
	return memory;
}

static char *copy(const char *text)
{
	char *const copied = strdup(text);

	if (copied == NULL)
		conform_fail("a program", "out of memory");
	return copied;
}

static uint64_t elements(uint32_t rank, const uint64_t *dims)
{
	uint64_t count = 1;

	for (uint32_t d = 0; d < rank; d++)
		count *= dims[d];
	return count;
}

static const uint64_t *shape_of(const struct program_variable *variable)
{
	return variable->lengths == NULL ? variable->dims : variable->lengths;
}

/* Where element `number` of a part is in the whole. */
static uint64_t place_in_whole(const struct program_variable *variable, uint64_t number)
{
	const uint64_t *const shape = shape_of(variable);
	uint64_t place = 0;
	uint64_t stride = 1;

	for (uint32_t d = variable->variable.rank; d-- > 0;) {
		const uint64_t start = variable->starts == NULL ? 0 : variable->starts[d];

		place += (start + number % shape[d]) * stride;
		number /= shape[d];
		stride *= variable->dims[d];
	}
	return place;
}

/* The values of the whole are given. */
static void set_value(struct program_variable *variable, const json_t *value)
{
	const struct cairn_variable *const own = &variable->variable;
	const uint64_t count = elements(own->rank, shape_of(variable));

	for (uint64_t i = 0; i < count; i++)
		json_to_element(json_array_get(value, place_in_whole(variable, i)), own->dtype,
				own->data, i);
}

static uint64_t *dims_of(const json_t *shape, uint32_t *rank)
{
	uint64_t *const dims = zeroed(json_array_size(shape), sizeof(*dims));

	*rank = (uint32_t)json_array_size(shape);
	for (uint32_t d = 0; d < *rank; d++)
		dims[d] = (uint64_t)json_integer_value(json_array_get(shape, d));
	return dims;
}

static void describe(struct program_variable *variable, const json_t *given)
{
	const char *const name = json_string_value(json_object_get(given, "name"));
	struct cairn_variable *const own = &variable->variable;

	variable->full_name = copy(name);
	snprintf(variable->device, sizeof(variable->device), "/device:CPU:%d",
		 (int)json_integer_value(json_object_get(given, "device")));
	variable->is_resource = json_is_true(json_object_get(given, "resource"));
	variable->dims = dims_of(json_object_get(given, "shape"), &own->rank);
	own->dtype = dtype_from_json(json_object_get(given, "dtype"));
}

static void take_memory(struct program_variable *variable, const json_t *value)
{
	struct cairn_variable *const own = &variable->variable;
	const struct cairn_dtype_info *const info = cairn_dtype_info(own->dtype);

	own->dims = variable->dims;
	own->starts = variable->starts;
	own->lengths = variable->lengths;
	own->data = zeroed(elements(own->rank, shape_of(variable)), info->block_bytes);
	set_value(variable, value);
}

static struct program_variable *add(struct program *program)
{
	struct program_variable *const grown = realloc(program->variables,
						       (program->count + 1) * sizeof(*grown));

	if (grown == NULL)
		conform_fail("a program", "out of memory");
	program->variables = grown;
	grown[program->count] = (struct program_variable){.name = NULL};
	return &grown[program->count++];
}

static void add_whole(struct program *program, const json_t *given)
{
	struct program_variable *const variable = add(program);

	describe(variable, given);
	variable->name = copy(variable->full_name);
	take_memory(variable, json_object_get(given, "value"));
}

static void add_part(struct program *program, const json_t *given, uint64_t part, uint64_t parts)
{
	const uint32_t axis = (uint32_t)json_integer_value(json_object_get(given, "axis"));
	struct program_variable *const variable = add(program);
	char name[256];
	uint64_t size;

	describe(variable, given);
	snprintf(name, sizeof(name), "%s/part_%u", variable->full_name, (unsigned)part);
	variable->name = copy(name);
	variable->starts = zeroed(variable->variable.rank, sizeof(uint64_t));
	variable->lengths = zeroed(variable->variable.rank, sizeof(uint64_t));
	memcpy(variable->lengths, variable->dims, variable->variable.rank * sizeof(uint64_t));
	size = variable->dims[axis];
	variable->lengths[axis] = size / parts + (part < size % parts);
	variable->starts[axis] = part * (size / parts) +
				 (part < size % parts ? part : size % parts);
	take_memory(variable, json_object_get(given, "value"));
}

void program_fill(struct program *program, const json_t *variables)
{
	json_t *given;
	size_t index;

	program_clear(program);
	json_array_foreach(variables, index, given)
	{
		const json_t *const parts = json_object_get(given, "parts");

		if (!json_is_integer(parts))
			add_whole(program, given);
		for (uint64_t i = 0; i < (uint64_t)json_integer_value(parts); i++)
			add_part(program, given, i, (uint64_t)json_integer_value(parts));
	}
}

void program_clear(struct program *program)
{
	for (size_t i = 0; i < program->count; i++) {
		struct program_variable *const variable = &program->variables[i];

		free(variable->name);
		free(variable->full_name);
		free(variable->dims);
		free(variable->starts);
		free(variable->lengths);
		free(variable->variable.data);
	}
	free(program->variables);
	*program = (struct program){.variables = NULL};
}

struct program_variable *program_find(const struct program *program, const char *name)
{
	for (size_t i = 0; i < program->count; i++) {
		if (strcmp(program->variables[i].name, name) == 0)
			return &program->variables[i];
	}
	conform_fail(name, "no such variable");
}

void program_assign(struct program *program, const char *name, const json_t *value)
{
	for (size_t i = 0; i < program->count; i++) {
		struct program_variable *const variable = &program->variables[i];

		if (strcmp(variable->name, name) == 0 || strcmp(variable->full_name, name) == 0)
			set_value(variable, value);
	}
}

static json_t *to_json(const struct program_variable *variable)
{
	const struct cairn_variable *const own = &variable->variable;
	const struct cairn_tensor tensor = {
		.dtype = own->dtype,
		.rank = own->rank,
		.dims = shape_of(variable),
		.element_count = elements(own->rank, shape_of(variable))};
	const struct cairn_view view = {.data = own->data};
	json_t *const json = tensor_to_json(&tensor, &view);
	json_t *offset;

	if (variable->starts == NULL)
		return json;
	offset = json_array();
	for (uint32_t d = 0; d < own->rank; d++)
		json_array_append_new(offset, json_integer((json_int_t)variable->starts[d]));
	json_object_set_new(json, "slice_of", json_string(variable->full_name));
	json_object_set_new(json, "offset", offset);
	return json;
}

json_t *program_values(const struct program *program)
{
	json_t *const values = json_object();

	for (size_t i = 0; i < program->count; i++)
		json_object_set_new(values, program->variables[i].name,
				    to_json(&program->variables[i]));
	return values;
}
