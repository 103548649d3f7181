/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on a program and its savers: cairn_saver_*, with TensorFlow's formats.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/conform/conform.h"
#include "tests/conform/program.h"

#define SAVERS_MAX 16

/* One scenario is carried out at a time. */
static struct program program;
static struct {
	char *id; /* owned */
	struct cairn_saver *saver;
	bool is_relative;
} savers[SAVERS_MAX];
static size_t saver_count;
static bool show_values; /* after a step that restored */

/* A MetaGraph without anything but an empty MetaInfoDef. */
static const unsigned char meta_graph[] = {0x0a, 0x00};

static void forget_savers(void)
{
	for (size_t i = 0; i < saver_count; i++) {
		free(savers[i].id);
		cairn_saver_destroy(savers[i].saver);
	}
	saver_count = 0;
}

/* The number of a saver, or saver_count. */
static size_t find_saver(const char *id)
{
	size_t i = 0;

	while (i < saver_count && strcmp(savers[i].id, id) != 0)
		i++;
	return i;
}

static struct cairn_saver *saver_of(const struct step *step)
{
	const char *const id = argument_text(step, "saver");
	const size_t number = id == NULL ? saver_count : find_saver(id);

	if (number == saver_count)
		conform_fail(step->op, "no such saver");
	show_values = false;
	return savers[number].saver;
}

bool saver_saves_relative(const struct step *step)
{
	const char *const id = argument_text(step, "saver");
	const size_t number = id == NULL ? saver_count : find_saver(id);

	return number < saver_count && savers[number].is_relative;
}

bool program_has_resources(void)
{
	for (size_t i = 0; i < program.count; i++) {
		if (program.variables[i].is_resource)
			return true;
	}
	return false;
}

/* -------------------------------------------------------------------------------------- program */

static void program_new(struct world *world, const struct step *step, struct outcome *outcome)
{
	(void)world;
	(void)outcome;
	forget_savers();
	show_values = false;
	program_fill(&program, json_object_get(step->args, "variables"));
}

static void program_set(struct world *world, const struct step *step, struct outcome *outcome)
{
	(void)world;
	(void)outcome;
	show_values = false;
	program_assign(&program, argument_text(step, "name"), json_object_get(step->args, "value"));
}

/* --------------------------------------------------------------------------------------- savers */

struct var_list {
	struct cairn_saver_variable items[64];
	uint64_t count;
};

/* `key` NULL: under its own name. */
static void add_variable(struct var_list *list, const char *key,
			 const struct program_variable *variable)
{
	if (list->count == sizeof(list->items) / sizeof(list->items[0]))
		conform_fail("var_list", "too many variables");
	list->items[list->count++] = (struct cairn_saver_variable){
		.name = cairn_string_from(key == NULL ? variable->full_name : key),
		.variable = &variable->variable,
		.device = variable->device};
}

static void fill_var_list(struct var_list *list, const json_t *given)
{
	const char *key;
	json_t *name;
	size_t index;

	list->count = 0;
	if (json_is_object(given)) {
		json_object_foreach((json_t *)(size_t)given, key, name)
			add_variable(list, key, program_find(&program, json_string_value(name)));
	} else if (json_is_array(given)) {
		json_array_foreach(given, index, name)
			add_variable(list, NULL, program_find(&program, json_string_value(name)));
	} else {
		for (size_t i = 0; i < program.count; i++)
			add_variable(list, NULL, &program.variables[i]);
	}
}

static int32_t max_to_keep(const struct step *step)
{
	const json_t *const given = json_object_get(step->args, "max_to_keep");

	if (given == NULL)
		return 0;
	return json_integer_value(given) == 0 ? CAIRN_SAVER_KEEP_ALL
					      : (int32_t)json_integer_value(given);
}

static struct cairn_saver_options options_of(const struct step *step)
{
	const char *const version = argument_text(step, "write_version");

	return (struct cairn_saver_options){
		.size = sizeof(struct cairn_saver_options),
		.format = version != NULL && strcmp(version, "V1") == 0 ? CAIRN_SAVER_TENSORFLOW_V1
									: CAIRN_SAVER_TENSORFLOW_V2,
		.reshape = argument_bool(step, "reshape"),
		.sharded = argument_bool(step, "sharded"),
		.max_to_keep = max_to_keep(step),
		.keep_checkpoint_every_n_hours = argument_number(
			step, "keep_checkpoint_every_n_hours", 0),
		.allow_empty = argument_bool(step, "allow_empty"),
		.defer_build = argument_bool(step, "defer_build"),
		.pad_step_number = argument_bool(step, "pad_step_number"),
		.save_relative_paths = argument_bool(step, "save_relative_paths"),
	};
}

static void keep_saver(const struct step *step, struct cairn_saver *saver)
{
	const char *const id = argument_text(step, "id");
	const size_t number = find_saver(id);

	if (number == SAVERS_MAX)
		conform_fail(step->op, "too many savers");
	if (number == saver_count) {
		savers[number].id = strdup(id);
		saver_count++;
	} else {
		cairn_saver_destroy(savers[number].saver);
	}
	savers[number].saver = saver;
	savers[number].is_relative = argument_bool(step, "save_relative_paths");
}

static void saver_new(struct world *world, const struct step *step, struct outcome *outcome)
{
	const struct cairn_saver_options options = options_of(step);
	struct cairn_saver *saver = NULL;
	struct var_list list;

	(void)world;
	show_values = false;
	fill_var_list(&list, json_object_get(step->args, "var_list"));
	outcome->status = cairn_saver_create(list.items, list.count, &options, &saver,
					     &outcome->error);
	if (outcome->status == CAIRN_OK)
		keep_saver(step, saver);
}

static void saver_save(struct world *world, const struct step *step, struct outcome *outcome)
{
	const json_t *const global_step = json_object_get(step->args, "global_step");
	struct cairn_saver_save_options options = {
		.size = sizeof(options),
		.has_global_step = json_is_integer(global_step),
		.global_step = json_integer_value(global_step),
		.latest_filename = argument_text(step, "latest_filename"),
		.meta_graph_suffix = argument_text(step, "meta_graph_suffix"),
		.skip_state = json_is_false(json_object_get(step->args, "write_state")),
	};
	char path[CAIRN_PATH_SIZE];

	(void)world;
	if (!json_is_false(json_object_get(step->args, "write_meta_graph"))) {
		options.meta_graph = meta_graph;
		options.meta_graph_size = sizeof(meta_graph);
	}
	outcome->status = cairn_saver_save(saver_of(step), argument_text(step, "save_path"),
					   &options, path, &outcome->error);
	if (outcome->status == CAIRN_OK && path[0] != '\0')
		outcome->result = json_string(path);
}

static void saver_restore(struct world *world, const struct step *step, struct outcome *outcome)
{
	(void)world;
	outcome->status = cairn_saver_restore(saver_of(step), argument_text(step, "save_path"),
					      NULL, &outcome->error);
	show_values = outcome->status == CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- lists */

struct path_list {
	const char *paths[64];
	double times[64];
	uint64_t count;
};

static void fill_path_list(struct path_list *list, const struct step *step)
{
	json_t *item;
	size_t index;

	list->count = 0;
	json_array_foreach(json_object_get(step->args, "value"), index, item)
	{
		const bool has_time = json_is_array(item);

		if (list->count == sizeof(list->paths) / sizeof(list->paths[0]))
			conform_fail(step->op, "too many paths");
		list->paths[list->count] = json_string_value(has_time ? json_array_get(item, 0)
								      : item);
		list->times[list->count++] = json_number_value(json_array_get(item, 1));
	}
}

static void saver_set(struct world *world, const struct step *step, struct outcome *outcome)
{
	struct path_list list;

	(void)world;
	fill_path_list(&list, step);
	outcome->status = cairn_saver_set_last_checkpoints(saver_of(step), list.paths, list.count,
							   &outcome->error);
}

static void saver_set_with_time(struct world *world, const struct step *step,
				struct outcome *outcome)
{
	struct path_list list;

	(void)world;
	fill_path_list(&list, step);
	outcome->status = cairn_saver_set_last_checkpoints_with_time(
		saver_of(step), list.paths, list.times, list.count, &outcome->error);
}

static void saver_recover(struct world *world, const struct step *step, struct outcome *outcome)
{
	struct path_list list;

	(void)world;
	fill_path_list(&list, step);
	outcome->status = cairn_saver_recover_last_checkpoints(saver_of(step), list.paths,
							       list.count, &outcome->error);
}

/* --------------------------------------------------------------------------------------- family */

static void end(struct world *world)
{
	(void)world;
	forget_savers();
	program_clear(&program);
	show_values = false;
}

static void properties(struct world *world, json_t *collected)
{
	(void)world;
	for (size_t i = 0; i < saver_count; i++) {
		const struct cairn_saver *const saver = savers[i].saver;
		json_t *const paths = json_array();

		for (uint64_t j = 0; j < cairn_saver_checkpoint_count(saver); j++)
			json_array_append_new(paths,
					      json_string(cairn_saver_checkpoint(saver, j, NULL)));
		json_object_set_new(collected, savers[i].id,
				    json_pack("{s:o}", "last_checkpoints", paths));
	}
	if (show_values)
		json_object_set_new(collected, "values", program_values(&program));
}

static const struct operation operations[] = {
	{"program.new", program_new},
	{"program.assign", program_set},
	{"saver.new", saver_new},
	{"saver.save", saver_save},
	{"saver.restore", saver_restore},
	{"saver.set_last_checkpoints", saver_set},
	{"saver.set_last_checkpoints_with_time", saver_set_with_time},
	{"saver.recover_last_checkpoints", saver_recover},
};

const struct family family_saver = {
	.operations = operations,
	.operation_count = sizeof(operations) / sizeof(operations[0]),
	.end = end,
	.properties = properties,
};
