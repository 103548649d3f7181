/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on managers. What they save has TensorFlow's format, so that files can be compared.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/conform/conform.h"

#define LIVE_NUMBER 4

struct live_manager {
	char *id;
	char *checkpoint; /* its id */
	char *folder;
	struct cairn_manager *manager;
	struct world *world;
	json_t *init; /* {"path", "value"}, or NULL; a reference */
	struct live_manager *next;
};

static const struct cairn_checkpoint_write_options as_tensorflow = {
	.size = sizeof(as_tensorflow), .target = CAIRN_TARGET_TENSORFLOW};

static struct live_manager *find_manager(const struct world *world, const char *id)
{
	struct live_manager *found = world->live[LIVE_NUMBER];

	while (found != NULL && strcmp(found->id, id) != 0)
		found = found->next;
	return found;
}

const char *conform_manager_folder(const struct world *world, const char *id)
{
	const struct live_manager *const found = find_manager(world, id);

	return found == NULL ? NULL : found->folder;
}

static struct live_manager *step_manager(struct world *world, const struct step *step)
{
	struct live_manager *const found = find_manager(world, argument_text(step, "manager"));

	if (found == NULL)
		conform_fail(step->op, "no such manager");
	return found;
}

static void free_manager(struct live_manager *live)
{
	cairn_manager_destroy(live->manager);
	json_decref(live->init);
	free(live->id);
	free(live->checkpoint);
	free(live->folder);
	free(live);
}

/* One of the same id is replaced. */
static void forget(struct world *world, const char *id)
{
	struct live_manager **at = (struct live_manager **)&world->live[LIVE_NUMBER];

	while (*at != NULL && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	if (*at != NULL) {
		struct live_manager *const old = *at;

		*at = old->next;
		free_manager(old);
	}
}

/* --------------------------------------------------------------------------------------- create */

static enum cairn_status initialize(void *context, struct cairn_error *error)
{
	const struct live_manager *const live = context;

	(void)error;
	conform_assign(live->world, live->checkpoint, json_object_get(live->init, "path"),
		       json_object_get(live->init, "value"));
	return CAIRN_OK;
}

static struct live_manager *new_live(struct world *world, const struct step *step)
{
	struct live_manager *const live = calloc(1, sizeof(*live));

	if (live == NULL)
		conform_fail(step->op, "out of memory");
	live->id = strdup(argument_text(step, "id"));
	live->checkpoint = strdup(argument_text(step, "checkpoint"));
	live->folder = strdup(argument_text(step, "directory"));
	live->world = world;
	live->init = json_incref(json_object_get(json_object_get(step->args, "init_fn"), "assign"));
	return live;
}

static struct cairn_manager_options options_of(struct world *world, const struct step *step,
					       struct live_manager *live)
{
	const json_t *const counter = json_object_get(step->args, "step_counter");
	struct cairn_manager_options options = {
		.size = sizeof(options),
		.keep_checkpoint_every_n_hours = argument_number(
			step, "keep_checkpoint_every_n_hours", 0),
		.checkpoint_name = argument_text(step, "checkpoint_name"),
		.checkpoint_interval = (int64_t)argument_number(step, "checkpoint_interval", 0),
		.last_checkpoint_step = (int64_t)argument_number(step, "last_checkpoint_step", 0),
		.write_options = &as_tensorflow};

	if (json_is_array(counter))
		options.step_counter = conform_memory(world, live->checkpoint, counter);
	if (live->init != NULL) {
		options.init_fn = initialize;
		options.init_context = live;
	}
	return options;
}

static void manager_new(struct world *world, const struct step *step, struct outcome *outcome)
{
	struct live_manager *const live = new_live(world, step);
	const struct cairn_manager_options options = options_of(world, step, live);
	const int32_t max_to_keep = (int32_t)argument_number(step, "max_to_keep",
							     CAIRN_MANAGER_KEEP_ALL);

	outcome->status = cairn_manager_create(conform_checkpoint(world, live->checkpoint),
					       live->folder, max_to_keep, &options, &live->manager,
					       &outcome->error);
	if (outcome->status != CAIRN_OK) {
		free_manager(live);
		return;
	}
	forget(world, live->id);
	live->next = world->live[LIVE_NUMBER];
	world->live[LIVE_NUMBER] = live;
}

/* -------------------------------------------------------------------------------- save, restore */

static void say_path(struct outcome *outcome, const char *path)
{
	if (outcome->status == CAIRN_OK && path != NULL)
		outcome->result = json_string(path);
}

static void manager_save(struct world *world, const struct step *step, struct outcome *outcome)
{
	const json_t *const number = json_object_get(step->args, "checkpoint_number");
	const json_t *const checks = json_object_get(step->args, "check_interval");
	const struct cairn_manager_save_options options = {
		.size = sizeof(options),
		.has_checkpoint_number = json_is_integer(number),
		.checkpoint_number = json_integer_value(number),
		.ignore_interval = json_is_false(checks)};
	const char *path = NULL;

	outcome->status = cairn_manager_save(step_manager(world, step)->manager, &options, &path,
					     &outcome->error);
	say_path(outcome, path);
}

static void restore_or_initialize(struct world *world, const struct step *step,
				  struct outcome *outcome)
{
	const struct live_manager *const live = step_manager(world, step);
	const char *path = NULL;

	conform_checkpoint_changed(world, live->checkpoint);
	outcome->status = cairn_manager_restore_or_initialize(live->manager, &path,
							      &outcome->error);
	say_path(outcome, path);
}

/* ----------------------------------------------------------------------------------- the family */

static void end(struct world *world)
{
	while (world->live[LIVE_NUMBER] != NULL) {
		struct live_manager *const live = world->live[LIVE_NUMBER];

		world->live[LIVE_NUMBER] = live->next;
		free_manager(live);
	}
}

static json_t *text_or_null(const char *text)
{
	return text == NULL ? json_null() : json_string(text);
}

static void properties(struct world *world, json_t *properties)
{
	for (const struct live_manager *at = world->live[LIVE_NUMBER]; at != NULL; at = at->next) {
		struct cairn_checkpoint *const checkpoint = conform_checkpoint(world,
									       at->checkpoint);
		json_t *const paths = json_array();
		int64_t counter;
		const bool counts = cairn_checkpoint_save_counter(checkpoint, &counter, NULL) ==
				    CAIRN_OK;

		for (uint64_t i = 0; i < cairn_manager_checkpoint_count(at->manager); i++)
			json_array_append_new(
				paths, json_string(cairn_manager_checkpoint(at->manager, i, NULL)));
		json_object_set_new(
			properties, at->id,
			json_pack("{s:o, s:o, s:o}", "checkpoints", paths, "latest_checkpoint",
				  text_or_null(cairn_manager_latest_checkpoint(at->manager)),
				  "save_counter", counts ? json_integer(counter) : json_null()));
	}
}

static const struct operation operations[] = {
	{"manager.new", manager_new},
	{"manager.save", manager_save},
	{"manager.restore_or_initialize", restore_or_initialize},
};

const struct family family_manager = {
	.operations = operations,
	.operation_count = sizeof(operations) / sizeof(operations[0]),
	.end = end,
	.properties = properties,
};
