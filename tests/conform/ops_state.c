/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on state files and on checkpoints by path: cairn_state_*.
 *
 * Where TensorFlow returns None, Cairn says NOT_FOUND. All other statuses are left to be compared.
 */
#include "tests/conform/conform.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void none_if_not_found(struct outcome *outcome)
{
	if (outcome->status == CAIRN_NOT_FOUND)
		outcome->status = CAIRN_OK;
}

static void state_latest(struct world *world, const struct step *step, struct outcome *outcome)
{
	char path[CAIRN_PATH_SIZE];

	(void)world;
	outcome->status = cairn_state_latest(argument_text(step, "directory"),
					     argument_text(step, "latest_filename"), path,
					     &outcome->error);
	if (outcome->status == CAIRN_OK)
		outcome->result = json_string(path);
	none_if_not_found(outcome);
}

static json_t *state_to_json(const struct cairn_state *state)
{
	json_t *const paths = json_array();
	json_t *const timestamps = json_array();

	for (uint64_t i = 0; i < state->path_count; i++)
		json_array_append_new(paths, json_string(state->all_model_checkpoint_paths[i]));
	for (uint64_t i = 0; i < state->timestamp_count; i++)
		json_array_append_new(timestamps,
				      number_to_json(state->all_model_checkpoint_timestamps[i]));
	return json_pack("{s:s, s:o, s:o, s:o}", "model_checkpoint_path",
			 state->model_checkpoint_path, "all_model_checkpoint_paths", paths,
			 "all_model_checkpoint_timestamps", timestamps, "last_preserved_timestamp",
			 number_to_json(state->last_preserved_timestamp));
}

static void state_get(struct world *world, const struct step *step, struct outcome *outcome)
{
	struct cairn_state *state = NULL;

	(void)world;
	outcome->status = cairn_state_get(argument_text(step, "directory"),
					  argument_text(step, "latest_filename"), &state,
					  &outcome->error);
	if (outcome->status == CAIRN_OK)
		outcome->result = state_to_json(state);
	cairn_state_free(state);
	none_if_not_found(outcome);
}

/* The texts of an array; the caller frees it. */
static const char **texts_of(const json_t *array, uint64_t *count)
{
	const char **texts;

	*count = json_array_size(array);
	texts = calloc(*count + 1, sizeof(*texts));
	if (texts == NULL)
		conform_fail("an array", "out of memory");
	for (size_t i = 0; i < *count; i++)
		texts[i] = json_string_value(json_array_get(array, i));
	return texts;
}

static double *numbers_of(const json_t *array, uint64_t *count)
{
	double *numbers;

	*count = json_array_size(array);
	numbers = calloc(*count + 1, sizeof(*numbers));
	if (numbers == NULL)
		conform_fail("an array", "out of memory");
	for (size_t i = 0; i < *count; i++)
		numbers[i] = json_number_value(json_array_get(array, i));
	return numbers;
}

static void state_update(struct world *world, const struct step *step, struct outcome *outcome)
{
	struct cairn_state_update_options options = {.size = sizeof(options)};
	const char **const paths = texts_of(
		json_object_get(step->args, "all_model_checkpoint_paths"), &options.path_count);
	double *const times = numbers_of(
		json_object_get(step->args, "all_model_checkpoint_timestamps"),
		&options.timestamp_count);

	(void)world;
	options.all_model_checkpoint_paths = paths;
	options.all_model_checkpoint_timestamps = times;
	options.last_preserved_timestamp = argument_number(step, "last_preserved_timestamp", 0);
	options.latest_filename = argument_text(step, "latest_filename");
	options.save_relative_paths = argument_bool(step, "save_relative_paths");
	outcome->status = cairn_state_update(argument_text(step, "save_dir"),
					     argument_text(step, "model_checkpoint_path"), &options,
					     &outcome->error);
	free(paths);
	free(times);
}

static void state_exists(struct world *world, const struct step *step, struct outcome *outcome)
{
	int exists = 0;

	(void)world;
	outcome->status = cairn_state_exists(argument_text(step, "prefix"), &exists,
					     &outcome->error);
	if (outcome->status == CAIRN_OK)
		outcome->result = json_boolean(exists);
}

static void state_mtimes(struct world *world, const struct step *step, struct outcome *outcome)
{
	uint64_t count;
	const char **const prefixes = texts_of(json_object_get(step->args, "prefixes"), &count);
	double *const mtimes = calloc(count + 1, sizeof(*mtimes));
	uint64_t found = 0;

	(void)world;
	if (mtimes == NULL)
		conform_fail(step->op, "out of memory");
	outcome->status = cairn_state_mtimes(prefixes, count, mtimes, &found, &outcome->error);
	outcome->result = json_array();
	for (uint64_t i = 0; i < found; i++)
		json_array_append_new(outcome->result, number_to_json(mtimes[i]));
	free(prefixes);
	free(mtimes);
}

static void state_remove(struct world *world, const struct step *step, struct outcome *outcome)
{
	(void)world;
	outcome->status = cairn_state_remove(argument_text(step, "prefix"), NULL, &outcome->error);
}

static int add_variable(void *context, const struct cairn_tensor *tensor)
{
	return json_array_append_new(context, json_pack("[s%, o]", tensor->name.data,
							tensor->name.size, shape_to_json(tensor)));
}

static void state_list_variables(struct world *world, const struct step *step,
				 struct outcome *outcome)
{
	(void)world;
	outcome->result = json_array();
	outcome->status = cairn_state_list_variables(argument_text(step, "path"), add_variable,
						     outcome->result, &outcome->error);
}

static void state_load_variable(struct world *world, const struct step *step,
				struct outcome *outcome)
{
	struct cairn_tensor tensor;
	struct cairn_view view = {.data = NULL};

	(void)world;
	outcome->status = cairn_state_load_variable(argument_text(step, "path"),
						    argument_text(step, "name"), &tensor, &view,
						    &outcome->error);
	if (outcome->status == CAIRN_OK)
		outcome->result = tensor_to_json(&tensor, &view);
	cairn_view_release(&view);
}

/* What the iterator yields until it times out. */
static void state_iterator(struct world *world, const struct step *step, struct outcome *outcome)
{
	const struct cairn_state_iterator_options options = {
		.size = sizeof(options),
		.has_timeout = 1,
		.timeout_seconds = argument_number(step, "timeout", 0)};
	struct cairn_state_iterator *iterator = NULL;
	char path[CAIRN_PATH_SIZE];

	(void)world;
	outcome->result = json_array();
	outcome->status = cairn_state_iterator_create(argument_text(step, "directory"), &options,
						      &iterator, &outcome->error);
	while (outcome->status == CAIRN_OK) {
		outcome->status = cairn_state_iterator_next(iterator, path, &outcome->error);
		if (outcome->status == CAIRN_OK)
			json_array_append_new(outcome->result, json_string(path));
	}
	cairn_state_iterator_destroy(iterator);
	none_if_not_found(outcome);
}

static const struct operation operations[] = {
	{"state.latest_checkpoint", state_latest},
	{"state.get", state_get},
	{"state.update", state_update},
	{"state.exists", state_exists},
	{"state.mtimes", state_mtimes},
	{"state.remove_checkpoint", state_remove},
	{"state.list_variables", state_list_variables},
	{"state.load_variable", state_load_variable},
	{"state.iterator", state_iterator},
};

const struct family family_state = {
	.operations = operations,
	.operation_count = sizeof(operations) / sizeof(operations[0]),
};
