/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on objects, their checkpoints, and load statuses.
 *
 * What is saved has TensorFlow's format, so that files can be compared.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/conform/objects.h"

#define LIVE_NUMBER 3

struct live_checkpoint {
	char *id;
	struct cairn_checkpoint *checkpoint;
	json_t *names; /* of its objects, in the order of TensorFlow's attributes */
	struct live_checkpoint *next;
};

struct live_status {
	char *id;
	struct cairn_load_status *status;
	struct live_status *next;
};

struct live {
	struct objects objects;
	struct live_checkpoint *checkpoints;
	struct live_status *statuses;
	const struct live_checkpoint *changed; /* objects of it, by the operation */
};

static struct live *live_of(struct world *world)
{
	struct live *live = world->live[LIVE_NUMBER];

	if (live == NULL) {
		live = calloc(1, sizeof(*live));
		if (live == NULL)
			conform_fail("a scenario", "out of memory");
		objects_begin(&live->objects);
		world->live[LIVE_NUMBER] = live;
	}
	return live;
}

static struct live_checkpoint *find_checkpoint(struct world *world, const char *id)
{
	struct live_checkpoint *found = live_of(world)->checkpoints;

	while (found != NULL && strcmp(found->id, id) != 0)
		found = found->next;
	if (found == NULL)
		conform_fail(id, "no such checkpoint");
	return found;
}

struct cairn_checkpoint *conform_checkpoint(struct world *world, const char *id)
{
	return find_checkpoint(world, id)->checkpoint;
}

void conform_checkpoint_changed(struct world *world, const char *id)
{
	live_of(world)->changed = find_checkpoint(world, id);
}

struct cairn_object *conform_object(struct world *world, const char *id, const json_t *path)
{
	const struct live_checkpoint *const found = find_checkpoint(world, id);
	struct cairn_object *object = NULL;
	json_t *name;
	size_t index;

	if (json_array_size(path) == 0)
		return cairn_checkpoint_root(found->checkpoint);
	json_array_foreach(path, index, name)
	{
		object = index == 0 ? cairn_checkpoint_object(found->checkpoint,
							      json_string_value(name))
				    : cairn_object_child(object, json_string_value(name));
		if (object == NULL)
			conform_fail(json_string_value(name), "no such object");
	}
	return object;
}

const void *conform_memory(struct world *world, const char *id, const json_t *path)
{
	const struct cairn_object *const object = conform_object(world, id, path);
	const struct object_memory *at = live_of(world)->objects.variables;

	while (at != NULL && at->object != object)
		at = at->next;
	if (at == NULL)
		conform_fail(id, "no such variable");
	return at->data;
}

void conform_assign(struct world *world, const char *id, const json_t *path, const json_t *value)
{
	objects_assign(&live_of(world)->objects, conform_object(world, id, path), value);
}

static const struct live_checkpoint *step_checkpoint(struct world *world, const struct step *step)
{
	return find_checkpoint(world, argument_text(step, "checkpoint"));
}

/* ---------------------------------------------------------------------------------- checkpoints */

static void keep_checkpoint(struct live *live, const struct step *step,
			    struct cairn_checkpoint *checkpoint, struct cairn_object *root)
{
	struct live_checkpoint *const kept = calloc(1, sizeof(*kept));
	const json_t *const kwargs = json_object_get(step->args, "kwargs");
	struct cairn_string name;

	if (kept == NULL)
		conform_fail(step->op, "out of memory");
	kept->id = strdup(argument_text(step, "id"));
	kept->checkpoint = checkpoint;
	kept->names = json_array();
	for (uint64_t i = 0; root != NULL && i < cairn_object_child_count(root); i++) {
		cairn_object_child_at(root, i, &name);
		json_array_append_new(kept->names, json_stringn(name.data, name.size));
	}
	for (size_t i = 0; i < json_array_size(kwargs); i++)
		json_array_append(kept->names, json_array_get(json_array_get(kwargs, i), 0));
	kept->next = live->checkpoints;
	live->checkpoints = kept;
}

static void checkpoint_new(struct world *world, const struct step *step, struct outcome *outcome)
{
	struct live *const live = live_of(world);
	const json_t *const kwargs = json_object_get(step->args, "kwargs");
	const json_t *const root_node = json_object_get(step->args, "root");
	const size_t count = json_array_size(kwargs);
	struct cairn_named_object *const objects = calloc(count + 1, sizeof(*objects));
	struct cairn_object *root = NULL;
	struct cairn_checkpoint *checkpoint;

	if (json_is_object(root_node))
		root = objects_build(&live->objects, root_node);
	for (size_t i = 0; i < count; i++) {
		const json_t *const pair = json_array_get(kwargs, i);

		objects[i].name = json_string_value(json_array_get(pair, 0));
		objects[i].object = objects_build(&live->objects, json_array_get(pair, 1));
	}
	outcome->status = cairn_checkpoint_create(root, objects, count, &checkpoint,
						  &outcome->error);
	if (outcome->status == CAIRN_OK)
		keep_checkpoint(live, step, checkpoint, root);
	for (size_t i = 0; i < count; i++)
		cairn_object_release(objects[i].object);
	cairn_object_release(root);
	free(objects);
}

static const struct cairn_checkpoint_write_options as_tensorflow = {
	.size = sizeof(as_tensorflow), .target = CAIRN_TARGET_TENSORFLOW};

static void checkpoint_save(struct world *world, const struct step *step, struct outcome *outcome)
{
	char path[CAIRN_PATH_SIZE];

	outcome->status = cairn_checkpoint_save(step_checkpoint(world, step)->checkpoint,
						argument_text(step, "prefix"), &as_tensorflow, path,
						&outcome->error);
	if (outcome->status == CAIRN_OK)
		outcome->result = json_string(path);
}

static void checkpoint_write(struct world *world, const struct step *step, struct outcome *outcome)
{
	outcome->status = cairn_checkpoint_write(step_checkpoint(world, step)->checkpoint,
						 argument_text(step, "prefix"), &as_tensorflow,
						 &outcome->error);
	if (outcome->status == CAIRN_OK)
		outcome->result = json_string(argument_text(step, "prefix"));
}

static const char *kind_name(const struct cairn_load_status *status)
{
	switch (cairn_load_status_kind(status)) {
	case CAIRN_LOAD_OBJECTS:
		return "CheckpointLoadStatus";
	case CAIRN_LOAD_NAMES:
		return "NameBasedSaverStatus";
	case CAIRN_LOAD_NOTHING:
	default:
		return "InitializationOnlyStatus";
	}
}

static void keep_status(struct live *live, const char *id, struct cairn_load_status *status)
{
	struct live_status *const kept = calloc(1, sizeof(*kept));

	if (kept == NULL)
		conform_fail(id, "out of memory");
	*kept = (struct live_status){strdup(id), status, live->statuses};
	live->statuses = kept;
}

static void restore(struct world *world, const struct step *step, struct outcome *outcome,
		    bool with_counter)
{
	const struct cairn_checkpoint_read_options options = {
		.size = sizeof(options),
		.skip_slot_variables = argument_bool(step, "skip_slot_variables")};
	const struct live_checkpoint *const found = step_checkpoint(world, step);
	struct cairn_load_status *status = NULL;

	live_of(world)->changed = found;
	outcome->status = with_counter
				  ? cairn_checkpoint_restore(found->checkpoint,
							     argument_text(step, "path"), &options,
							     &status, &outcome->error)
				  : cairn_checkpoint_read(found->checkpoint,
							  argument_text(step, "path"), &options,
							  &status, &outcome->error);
	if (outcome->status != CAIRN_OK)
		return;
	outcome->result = json_string(kind_name(status));
	keep_status(live_of(world), argument_text(step, "status"), status);
}

static void checkpoint_restore(struct world *world, const struct step *step,
			       struct outcome *outcome)
{
	restore(world, step, outcome, true);
}

static void checkpoint_read(struct world *world, const struct step *step, struct outcome *outcome)
{
	restore(world, step, outcome, false);
}

/* -------------------------------------------------------------------------------------- objects */

static void remember_name(struct live_checkpoint *checkpoint, json_t *name)
{
	json_t *known;
	size_t index;

	json_array_foreach(checkpoint->names, index, known)
	{
		if (json_equal(known, name))
			return;
	}
	json_array_append(checkpoint->names, name);
}

static void object_add(struct world *world, const struct step *step, struct outcome *outcome)
{
	struct live *const live = live_of(world);
	const char *const id = argument_text(step, "checkpoint");
	json_t *const path = json_object_get(step->args, "path");
	json_t *const name = json_object_get(step->args, "name");
	const struct cairn_string text = {json_string_value(name), json_string_length(name)};
	struct cairn_object *const parent = conform_object(world, id, path);
	struct cairn_object *const child = objects_build(&live->objects,
							 json_object_get(step->args, "node"));

	live->changed = find_checkpoint(world, id);
	outcome->status = text.data == NULL
				  ? cairn_object_append(parent, child, &outcome->error)
				  : cairn_object_set_string(parent, text, child, &outcome->error);
	if (outcome->status == CAIRN_OK && json_array_size(path) == 0)
		remember_name(find_checkpoint(world, id), name);
	cairn_object_release(child);
}

static void object_assign(struct world *world, const struct step *step, struct outcome *outcome)
{
	(void)outcome;
	conform_assign(world, argument_text(step, "checkpoint"),
		       json_object_get(step->args, "path"), json_object_get(step->args, "value"));
}

static void slot_create(struct world *world, const struct step *step, struct outcome *outcome)
{
	struct live *const live = live_of(world);
	const char *const id = argument_text(step, "checkpoint");
	struct cairn_object *const optimizer = conform_object(
		world, id, json_object_get(step->args, "optimizer"));
	struct cairn_object *const variable = conform_object(
		world, id, json_object_get(step->args, "variable"));
	struct cairn_object *const slot = objects_build_like(&live->objects, variable);

	live->changed = find_checkpoint(world, id);
	outcome->status = cairn_object_set_slot(optimizer, argument_text(step, "slot"), variable,
						slot, &outcome->error);
	objects_assign(&live->objects, slot, json_object_get(step->args, "value"));
	cairn_object_release(slot);
}

/* ------------------------------------------------------------------------------------- statuses */

static struct cairn_load_status *step_status(struct world *world, const struct step *step)
{
	const char *const id = argument_text(step, "status");
	const struct live_status *found = live_of(world)->statuses;

	while (found != NULL && strcmp(found->id, id) != 0)
		found = found->next;
	if (found == NULL)
		conform_fail(id, "no such status");
	return found->status;
}

static void say_passed(struct outcome *outcome)
{
	if (outcome->status == CAIRN_OK)
		outcome->result = json_string("passed");
}

static void assert_consumed(struct world *world, const struct step *step, struct outcome *outcome)
{
	outcome->status = cairn_load_status_assert_consumed(step_status(world, step),
							    &outcome->error);
	say_passed(outcome);
}

static void assert_existing(struct world *world, const struct step *step, struct outcome *outcome)
{
	outcome->status = cairn_load_status_assert_existing_objects_matched(
		step_status(world, step), &outcome->error);
	say_passed(outcome);
}

static void assert_nontrivial(struct world *world, const struct step *step, struct outcome *outcome)
{
	outcome->status = cairn_load_status_assert_nontrivial_match(step_status(world, step),
								    &outcome->error);
	say_passed(outcome);
}

static void expect_partial(struct world *world, const struct step *step, struct outcome *outcome)
{
	cairn_load_status_expect_partial(step_status(world, step));
	outcome->result = json_string(kind_name(step_status(world, step)));
}

/* ----------------------------------------------------------------------------------- the family */

static void end(struct world *world)
{
	struct live *const live = world->live[LIVE_NUMBER];

	if (live == NULL)
		return;
	while (live->statuses != NULL) {
		struct live_status *const status = live->statuses;

		live->statuses = status->next;
		cairn_load_status_release(status->status);
		free(status->id);
		free(status);
	}
	while (live->checkpoints != NULL) {
		struct live_checkpoint *const checkpoint = live->checkpoints;

		live->checkpoints = checkpoint->next;
		cairn_checkpoint_destroy(checkpoint->checkpoint);
		json_decref(checkpoint->names);
		free(checkpoint->id);
		free(checkpoint);
	}
	objects_end(&live->objects);
	free(live);
}

static void properties(struct world *world, json_t *properties)
{
	struct live *const live = world->live[LIVE_NUMBER];
	int64_t counter;

	if (live == NULL)
		return;
	for (const struct live_checkpoint *at = live->checkpoints; at != NULL; at = at->next) {
		const bool is_there = cairn_checkpoint_save_counter(at->checkpoint, &counter,
								    NULL) == CAIRN_OK;

		json_object_set_new(properties, at->id,
				    json_pack("{s:o}", "save_counter",
					      is_there ? json_integer(counter) : json_null()));
	}
	if (live->changed != NULL)
		json_object_set_new(
			properties, "after",
			json_pack("{s:o}", live->changed->id,
				  objects_describe(&live->objects, live->changed->checkpoint,
						   live->changed->names)));
	live->changed = NULL;
}

static const struct operation operations[] = {
	{"checkpoint.new", checkpoint_new},
	{"checkpoint.save", checkpoint_save},
	{"checkpoint.write", checkpoint_write},
	{"checkpoint.restore", checkpoint_restore},
	{"checkpoint.read", checkpoint_read},
	{"object.add", object_add},
	{"object.assign", object_assign},
	{"slot.create", slot_create},
	{"status.assert_consumed", assert_consumed},
	{"status.assert_existing_objects_matched", assert_existing},
	{"status.assert_nontrivial_match", assert_nontrivial},
	{"status.expect_partial", expect_partial},
};

const struct family family_checkpoint = {
	.operations = operations,
	.operation_count = sizeof(operations) / sizeof(operations[0]),
	.end = end,
	.properties = properties,
};
