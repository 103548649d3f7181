/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/saver_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/train/saver.h"
#include "engine/train/state.h"

#define FOLDER "folder"

static const struct {
	const char *name;
	enum cairn_saver_format format;
	int sharded;
} layouts[SAVER_LAYOUTS] = {
	{"a container", CAIRN_SAVER_CAIRN, 0},
	{"a sharded checkpoint", CAIRN_SAVER_CAIRN, 1},
	{"TensorFlow V2", CAIRN_SAVER_TENSORFLOW_V2, 0},
	{"TensorFlow V2 in shards", CAIRN_SAVER_TENSORFLOW_V2, 1},
	{"TensorFlow V1", CAIRN_SAVER_TENSORFLOW_V1, 0},
	{"TensorFlow V1 in shards", CAIRN_SAVER_TENSORFLOW_V1, 1},
};

const char *saver_layout_name(int layout)
{
	return layouts[layout].name;
}

bool saver_sample_open(struct saver_sample *sample, struct system *system, int layout)
{
	const struct cairn_saver_options options = {.size = sizeof(options),
						    .format = layouts[layout].format,
						    .sharded = layouts[layout].sharded,
						    .max_to_keep = 2,
						    .thread_count = 1};
	const struct cairn_saver_variable variables[2] = {
		{cairn_string_from("values"), &sample->variables[0], "/cpu:1", {0}},
		{cairn_string_from("step"), &sample->variables[1], "/cpu:0", {0}},
	};

	memset(sample, 0, sizeof(*sample));
	sample->system = system;
	sample->layout = layout;
	sample->dims[0] = 2;
	sample->dims[1] = 3;
	sample->variables[0] = (struct cairn_variable){
		.dtype = CAIRN_F32, .rank = 2, .dims = sample->dims, .data = sample->values};
	sample->variables[1] = (struct cairn_variable){.dtype = CAIRN_I64, .data = &sample->step};
	return saver_create(system, variables, 2, &options, &sample->saver, NULL) == CAIRN_OK;
}

void saver_sample_close(struct saver_sample *sample)
{
	cairn_saver_destroy(sample->saver);
	sample->saver = NULL;
}

static float value_of(int64_t step, int index)
{
	return (float)step + (float)index / 8.0f;
}

enum cairn_status saver_sample_save(struct saver_sample *sample, int64_t step,
				    struct cairn_error *error)
{
	const struct cairn_saver_save_options options = {.size = sizeof(options),
							 .has_global_step = 1,
							 .global_step = step,
							 .meta_graph = "graph",
							 .meta_graph_size = 5};
	char path[CAIRN_PATH_SIZE];

	sample->step = step;
	for (int i = 0; i < 6; i++)
		sample->values[i / 3][i % 3] = value_of(step, i);
	return cairn_saver_save(sample->saver, FOLDER "/m", &options, path, error);
}

/* The step in "folder/m-7", or "folder/m-7-?????-of-00002". */
static int64_t step_of(const char *path)
{
	const char *const dash = strchr(path, '-');

	return dash == NULL ? SAVER_TORN : strtoll(dash + 1, NULL, 10);
}

bool saver_sample_holds(const struct saver_sample *sample, int64_t step)
{
	for (int i = 0; i < 6; i++) {
		if (sample->values[i / 3][i % 3] != value_of(step, i))
			return false;
	}
	return sample->step == step;
}

static bool restores(struct system *system, int layout, const char *path)
{
	struct saver_sample sample;
	const bool good = saver_sample_open(&sample, system, layout) &&
			  cairn_saver_restore(sample.saver, path, NULL, NULL) == CAIRN_OK &&
			  saver_sample_holds(&sample, step_of(path));

	saver_sample_close(&sample);
	return good;
}

int64_t saver_sample_look(struct system *system, int layout)
{
	struct cairn_state *state = NULL;
	int64_t latest = SAVER_TORN;
	const enum cairn_status status = state_get(system, FOLDER, NULL, &state, NULL);

	if (status == CAIRN_NOT_FOUND)
		return SAVER_NOTHING;
	if (status != CAIRN_OK)
		return SAVER_TORN;
	if (restores(system, layout, state->model_checkpoint_path))
		latest = step_of(state->model_checkpoint_path);
	for (uint64_t i = 0; i < state->path_count && latest != SAVER_TORN; i++) {
		if (!restores(system, layout, state->all_model_checkpoint_paths[i]))
			latest = SAVER_TORN;
	}
	cairn_state_free(state);
	return latest;
}

static void make_path(int layout, int64_t step, char path[100])
{
	const bool is_pattern = layouts[layout].format == CAIRN_SAVER_TENSORFLOW_V1 &&
				layouts[layout].sharded != 0;

	snprintf(path, 100, FOLDER "/m-%lld%s", (long long)step,
		 is_pattern ? "-\?\?\?\?\?-of-00002" : "");
}

bool saver_sample_exists(struct system *system, int layout, int64_t step)
{
	char path[100];
	int exists = 0;

	make_path(layout, step, path);
	return state_exists(system, path, &exists, NULL) == CAIRN_OK && exists != 0;
}

enum cairn_status saver_sample_restore(struct saver_sample *sample, int64_t step,
				       struct cairn_error *error)
{
	char path[100];

	make_path(sample->layout, step, path);
	sample->step = 0;
	memset(sample->values, 0, sizeof(sample->values));
	return cairn_saver_restore(sample->saver, path, NULL, error);
}
