/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where Cairn differs from TensorFlow on purpose. A rule looks at an operation and a condition of
 * its arguments and outcome, never at a scenario; state.h says the same to users.
 */
#include "tests/conform/conform.h"

#include <stdio.h>
#include <string.h>

/* ----------------------------------------------------------------------------------- conditions */

static bool is_op(const struct step *step, const char *op)
{
	return strcmp(step->op, op) == 0;
}

static bool has_glob(const char *path)
{
	return path != NULL && strpbrk(path, "*?[\\") != NULL;
}

static bool is_relative(const char *path)
{
	return path != NULL && path[0] != '/';
}

static bool has_recorded_exception(const struct step *step)
{
	return !json_is_null(json_object_get(step->recorded, "raises"));
}

/* Of any of the arguments that are paths. */
static bool has_glob_argument(const struct world *world, const struct step *step)
{
	static const char *const names[] = {"directory", "prefix", "path", "save_path"};
	const json_t *const prefixes = json_object_get(step->args, "prefixes");
	const char *const manager = argument_text(step, "manager");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (has_glob(argument_text(step, names[i])))
			return true;
	}
	if (manager != NULL && has_glob(conform_manager_folder(world, manager)))
		return true;
	for (size_t i = 0; i < json_array_size(prefixes); i++) {
		if (has_glob(json_string_value(json_array_get(prefixes, i))))
			return true;
	}
	return false;
}

static bool recorded_text_has(const struct step *step, const char *part)
{
	const char *const text = json_string_value(
		json_object_get(step->recorded, "state_file_after"));

	return text != NULL && strstr(text, part) != NULL;
}

/* The path lies below `to`, and the one at its place below `from` was excused. */
static bool is_excused_below(const struct world *world, const char *from, const char *path,
			     const char *to)
{
	char old[4096];

	if (path == NULL || strncmp(path, to, strlen(to)) != 0)
		return false;
	snprintf(old, sizeof(old), "%s%s", from, path + strlen(to));
	return is_excused(world, old);
}

/* ------------------------------------------------------------------------------------ the rules */

/* TensorFlow takes `* ? [ \` in each component of a path for a pattern, in folders as well. */
static bool paths_are_literal(const struct world *world, const struct step *step,
			      const struct outcome *outcome, enum difference difference,
			      const char *path)
{
	(void)outcome;
	(void)path;
	return difference != DIFFERENT_TEXT && has_glob_argument(world, step);
}

/* TensorFlow says that there is no state file when there is one that it cannot read. */
static bool damage_is_told(const struct world *world, const struct step *step,
			   const struct outcome *outcome, enum difference difference,
			   const char *path)
{
	(void)world;
	(void)path;
	return difference == DIFFERENT_OUTCOME && outcome->status == CAIRN_CORRUPT &&
	       (is_op(step, "state.get") || is_op(step, "state.latest_checkpoint")) &&
	       !has_recorded_exception(step) &&
	       json_is_null(json_object_get(step->recorded, "result"));
}

/* An absolute path, where it is written into the state file of a folder that was given by a
 * relative one. */
static bool has_absolute_path(const struct step *step)
{
	const json_t *const paths = json_object_get(step->args, "all_model_checkpoint_paths");

	if (!is_relative(argument_text(step, "model_checkpoint_path")))
		return true;
	for (size_t i = 0; i < json_array_size(paths); i++) {
		if (!is_relative(json_string_value(json_array_get(paths, i))))
			return true;
	}
	return false;
}

/* What the state file now names, seen from the root, is what was asked for. */
static bool names_what_was_given(const struct world *world, const struct step *step)
{
	const char *const given = argument_text(step, "model_checkpoint_path");
	struct cairn_state *state = NULL;
	const char *found;
	bool same = false;

	if (cairn_state_get(argument_text(step, "save_dir"), argument_text(step, "latest_filename"),
			    &state, NULL) != CAIRN_OK)
		return false;
	found = state->model_checkpoint_path; /* relative: below the folder */
	same = is_relative(found) && !is_relative(given) &&
	       strncmp(given, world->root, strlen(world->root)) == 0 &&
	       strcmp(given + strlen(world->root) + 1, found) == 0;
	cairn_state_free(state);
	return same;
}

/* TensorFlow makes such a path relative twice. */
static bool relative_once(const struct world *world, const struct step *step,
			  const struct outcome *outcome, enum difference difference,
			  const char *path)
{
	(void)path;
	return difference == DIFFERENT_TEXT && outcome->status == CAIRN_OK &&
	       is_op(step, "state.update") && argument_bool(step, "save_relative_paths") &&
	       is_relative(argument_text(step, "save_dir")) && has_absolute_path(step) &&
	       names_what_was_given(world, step);
}

/* Of a saver: its latest is named as it was given, and an older entry that is absolute lies in the
 * folder, not beside it. */
static bool saver_relative_once(const struct world *world, const struct step *step,
				const struct outcome *outcome, enum difference difference,
				const char *path)
{
	(void)world;
	(void)path;
	return difference == DIFFERENT_TEXT && outcome->status == CAIRN_OK &&
	       is_op(step, "saver.save") && saver_saves_relative(step) &&
	       is_relative(argument_text(step, "save_path")) &&
	       recorded_text_has(step, "all_model_checkpoint_paths: \"../");
}

/* A state file whose text differs by one of the rules above was moved. */
static bool moved_what_differs(const struct world *world, const struct step *step,
			       const struct outcome *outcome, enum difference difference,
			       const char *path)
{
	(void)outcome;
	return is_op(step, "fs.rename") && (difference == DIFFERENT_TEXT) &&
	       is_excused_below(world, argument_text(step, "from"), path,
				argument_text(step, "to"));
}

/* Of a tensor of which slices are missing Cairn says just that. */
static bool missing_slices_are_told(const struct world *world, const struct step *step,
				    const struct outcome *outcome, enum difference difference,
				    const char *path)
{
	(void)world;
	(void)path;
	return difference == DIFFERENT_OUTCOME && is_op(step, "state.load_variable") &&
	       outcome->status == CAIRN_PRECONDITION && has_recorded_exception(step);
}

/* TensorFlow takes what has no index for a checkpoint of its first format, and an index without its
 * data for a variable that is missing. */
static bool what_it_is_is_told(const struct world *world, const struct step *step,
			       const struct outcome *outcome, enum difference difference,
			       const char *path)
{
	(void)world;
	(void)path;
	return difference == DIFFERENT_OUTCOME && is_op(step, "saver.restore") &&
	       (outcome->status == CAIRN_NOT_A_CHECKPOINT || outcome->status == CAIRN_TRUNCATED) &&
	       has_recorded_exception(step);
}

/* TensorFlow lets a resource variable of a graph take over whatever shape is stored. */
static bool shapes_are_compared(const struct world *world, const struct step *step,
				const struct outcome *outcome, enum difference difference,
				const char *path)
{
	(void)world;
	(void)path;
	return difference == DIFFERENT_OUTCOME && is_op(step, "saver.restore") &&
	       outcome->status == CAIRN_MISMATCH && !has_recorded_exception(step) &&
	       program_has_resources();
}

/* Reads a state file whose text differs by one of the rules above. */
static bool reads_what_differs(const struct world *world, const struct step *step,
			       const struct outcome *outcome, enum difference difference,
			       const char *path)
{
	(void)outcome;
	(void)path;
	return difference == DIFFERENT_OUTCOME && is_op(step, "state.get") &&
	       is_excused(world, json_string_value(json_object_get(step->recorded, "state_file")));
}

static bool is_load(const struct step *step)
{
	return is_op(step, "checkpoint.read") || is_op(step, "checkpoint.restore");
}

/* A shape that differs is a MISMATCH, as a type that differs is; TensorFlow: ValueError. */
static bool shape_is_a_mismatch(const struct world *world, const struct step *step,
				const struct outcome *outcome, enum difference difference,
				const char *path)
{
	const char *const message = json_string_value(
		json_object_get(json_object_get(step->recorded, "raises"), "message"));

	(void)world;
	(void)path;
	return difference == DIFFERENT_OUTCOME && outcome->status == CAIRN_MISMATCH &&
	       (is_load(step) || is_op(step, "object.add")) && message != NULL &&
	       strstr(message, "incompatible tensor with shape") != NULL;
}

/* Where types or shapes do not fit nothing is restored; TensorFlow stops at the first of them. */
static bool nothing_before_all_fit(const struct world *world, const struct step *step,
				   const struct outcome *outcome, enum difference difference,
				   const char *path)
{
	(void)world;
	return difference == DIFFERENT_PROPERTIES && is_load(step) &&
	       outcome->status == CAIRN_MISMATCH && has_recorded_exception(step) && path != NULL &&
	       strcmp(path, "after") == 0;
}

/* What is no checkpoint is refused; TensorFlow reads an index as a checkpoint without tensors, and
 * calls a folder a damaged file. */
static bool no_checkpoint_is_refused(const struct world *world, const struct step *step,
				     const struct outcome *outcome, enum difference difference,
				     const char *path)
{
	(void)world;
	(void)path;
	return difference == DIFFERENT_OUTCOME && is_load(step) &&
	       outcome->status == CAIRN_NOT_A_CHECKPOINT;
}

/* A folder stands for the checkpoint in it. */
static bool folder_is_opened(const struct world *world, const struct step *step,
			     const struct outcome *outcome, enum difference difference,
			     const char *path)
{
	const char *const message = json_string_value(
		json_object_get(json_object_get(step->recorded, "raises"), "message"));

	(void)world;
	(void)path;
	return difference == DIFFERENT_OUTCOME && is_load(step) && outcome->status == CAIRN_OK &&
	       message != NULL && strstr(message, "Is a directory") != NULL;
}

static const struct {
	const char *name;
	bool (*applies)(const struct world *world, const struct step *step,
			const struct outcome *outcome, enum difference difference,
			const char *path);
} rules[] = {
	{"paths-are-literal", paths_are_literal},
	{"damage-is-told", damage_is_told},
	{"relative-once", relative_once},
	{"relative-once", saver_relative_once},
	{"reads-what-differs", reads_what_differs},
	{"shape-is-a-mismatch", shape_is_a_mismatch},
	{"nothing-before-all-fit", nothing_before_all_fit},
	{"no-checkpoint-is-refused", no_checkpoint_is_refused},
	{"folder-is-opened", folder_is_opened},
	{"relative-once", moved_what_differs},
	{"missing-slices-are-told", missing_slices_are_told},
	{"what-it-is-is-told", what_it_is_is_told},
	{"shapes-are-compared", shapes_are_compared},
};

const char *rule_for(const struct world *world, const struct step *step,
		     const struct outcome *outcome, enum difference difference, const char *path)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].applies(world, step, outcome, difference, path))
			return rules[i].name;
	}
	return NULL;
}
