/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scenario: its steps one after the other, each compared with what TensorFlow did.
 *
 * A difference that a rule allows is remembered for each path that it touched: as long as neither
 * side changes there, later steps are not held to it.
 */
#include "tests/conform/conform.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

/* One for each family; new ones go behind. */
static const struct family *const families[] = {&family_fs, &family_state, &family_manager,
						&family_checkpoint, &family_saver};

#define FAMILY_COUNT (sizeof(families) / sizeof(families[0]))

/* ---------------------------------------------------------------------------------- texts, JSON */

/* The text with each `from` replaced; owned. */
static json_t *replace_in_text(const json_t *text, const char *from, const char *to)
{
	const char *at = json_string_value(text);
	char *result = NULL;
	size_t size = 0;
	FILE *const out = open_memstream(&result, &size);
	json_t *replaced;

	if (out == NULL)
		conform_fail("a text", "out of memory");
	for (const char *hit = strstr(at, from); hit != NULL; hit = strstr(at, from)) {
		fprintf(out, "%.*s%s", (int)(hit - at), at, to);
		at = hit + strlen(from);
	}
	fputs(at, out);
	fclose(out);
	replaced = json_string_nocheck(result);
	free(result);
	return replaced;
}

/* A copy with `from` replaced in all texts; owned. */
static json_t *replace(const json_t *json, const char *from, const char *to)
{
	const char *key;
	json_t *result;
	json_t *value;
	size_t index;

	if (json_is_string(json))
		return replace_in_text(json, from, to);
	if (json_is_array(json)) {
		result = json_array();
		json_array_foreach(json, index, value)
			json_array_append_new(result, replace(value, from, to));
		return result;
	}
	if (!json_is_object(json))
		return json_deep_copy(json);
	result = json_object();
	json_object_foreach((json_t *)(size_t)json, key, value)
		json_object_set_new(result, key, replace(value, from, to));
	return result;
}

/* 3 and 3.0 are the same. */
static bool same(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;
	size_t index;

	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	if (json_is_array(a) && json_is_array(b)) {
		if (json_array_size(a) != json_array_size(b))
			return false;
		json_array_foreach(a, index, value)
		{
			if (!same(value, json_array_get(b, index)))
				return false;
		}
		return true;
	}
	if (!json_is_object(a) || !json_is_object(b))
		return json_equal(a, b) == 1;
	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)(size_t)a, key, value)
	{
		if (!same(value, json_object_get(b, key)))
			return false;
	}
	return true;
}

/* --------------------------------------------------------------------------------------- report */

static void fail(struct report *report, const struct step *step, const char *format, ...)
	CAIRN_PRINTF(3, 4);

static void fail(struct report *report, const struct step *step, const char *format, ...)
{
	va_list arguments;
	size_t used;

	if (report->verdict != PASSED)
		return; /* the first counts */
	report->verdict = FAILED;
	snprintf(report->text, sizeof(report->text), "step %zu, %s: ", step->number + 1, step->op);
	used = strlen(report->text);
	va_start(arguments, format);
	vsnprintf(report->text + used, sizeof(report->text) - used, format, arguments);
	va_end(arguments);
}

static void fail_json(struct report *report, const struct step *step, const char *what,
		      const json_t *expected, const json_t *found)
{
	char *const expected_text = json_dumps(expected, JSON_ENCODE_ANY | JSON_COMPACT);
	char *const found_text = json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT);

	fail(report, step, "%s is %.200s, not %.200s", what, found_text == NULL ? "?" : found_text,
	     expected_text == NULL ? "?" : expected_text);
	free(expected_text);
	free(found_text);
}

static void note_rule(struct report *report, const char *rule)
{
	const size_t used = strlen(report->differs);

	if (strstr(report->differs, rule) == NULL)
		snprintf(report->differs + used, sizeof(report->differs) - used, "%s%s",
			 used == 0 ? "" : ", ", rule);
}

/* A rule allows it, or the report fails: false. */
static bool is_allowed(const struct world *world, const struct step *step,
		       const struct outcome *outcome, enum difference difference, const char *path,
		       struct report *report)
{
	const char *const rule = rule_for(world, step, outcome, difference, path);

	if (rule != NULL)
		note_rule(report, rule);
	return rule != NULL;
}

/* -------------------------------------------------------------------------------------- outcome */

static bool is_status_of(enum cairn_status status, const char *exception)
{
	static const struct {
		const char *exception;
		enum cairn_status status;
	} table[] = {
		{"ValueError", CAIRN_INVALID_ARGUMENT},
		{"TypeError", CAIRN_INVALID_ARGUMENT},
		{"RuntimeError", CAIRN_INVALID_ARGUMENT},
		{"InvalidArgumentError", CAIRN_MISMATCH},
		{"NotFoundError", CAIRN_NOT_FOUND},
		{"DataLossError", CAIRN_CORRUPT},
		{"DataLossError", CAIRN_CHECKSUM},
		{"DataLossError", CAIRN_TRUNCATED},
		{"FailedPreconditionError", CAIRN_PRECONDITION},
		{"AssertionError", CAIRN_UNMATCHED},
	};

	if (strcmp(exception, "OpError") == 0)
		return status != CAIRN_OK;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].exception, exception) == 0 && table[i].status == status)
			return true;
	}
	return false;
}

static void compare_outcome(const struct world *world, const struct step *step,
			    const struct outcome *outcome, struct report *report)
{
	const json_t *const raises = json_object_get(step->recorded, "raises");
	const json_t *const expected = json_object_get(step->recorded, "result");
	const char *const exception = json_string_value(json_object_get(raises, "type"));
	json_t *const found = outcome->result == NULL
				      ? json_null()
				      : replace(outcome->result, world->root, "$DIR");

	if (exception != NULL) {
		if (!is_status_of(outcome->status, exception) &&
		    !is_allowed(world, step, outcome, DIFFERENT_OUTCOME, NULL, report))
			fail(report, step, "%s instead of %s: %s",
			     cairn_status_name(outcome->status), exception, outcome->error.message);
	} else if (outcome->status != CAIRN_OK) {
		if (!is_allowed(world, step, outcome, DIFFERENT_OUTCOME, NULL, report))
			fail(report, step, "%s: %s", cairn_status_name(outcome->status),
			     outcome->error.message);
	} else if (!same(expected, found) &&
		   !is_allowed(world, step, outcome, DIFFERENT_OUTCOME, NULL, report)) {
		fail_json(report, step, "the result", expected, found);
	}
	json_decref(found);
}

/* ---------------------------------------------------------------------------------------- paths */

/* Excuses of presence and of text are kept apart. */
static json_t *excuse_of(const struct world *world, enum difference difference, const char *path,
			 char key[4096])
{
	snprintf(key, 4096, "%s:%s", difference == DIFFERENT_TEXT ? "text" : "file", path);
	return json_object_get(world->excused, key);
}

bool is_excused(const struct world *world, const char *path)
{
	char key[4096];

	return path != NULL && excuse_of(world, DIFFERENT_TEXT, path, key) != NULL;
}

/* Compares what is recorded of a path with what was found there. */
static void compare_path(struct world *world, const struct step *step,
			 const struct outcome *outcome, enum difference difference,
			 const char *path, const json_t *expected, const json_t *found,
			 struct report *report)
{
	char key[4096];
	const json_t *const excuse = excuse_of(world, difference, path, key);

	if (same(expected, found)) {
		json_object_del(world->excused, key);
		return;
	}
	if (excuse != NULL && same(json_object_get(excuse, "expected"), expected) &&
	    same(json_object_get(excuse, "found"), found))
		return;
	if (is_allowed(world, step, outcome, difference, path, report)) {
		json_object_set_new(world->excused, key,
				    json_pack("{s:O, s:O}", "expected", expected, "found", found));
		return;
	}
	fail_json(report, step, path, expected, found);
}

static bool holds(const json_t *names, const char *name)
{
	json_t *value;
	size_t index;

	json_array_foreach(names, index, value)
	{
		if (strcmp(json_string_value(value), name) == 0)
			return true;
	}
	return false;
}

/* Every name that is in either list. */
static void compare_files(struct world *world, const struct step *step,
			  const struct outcome *outcome, struct report *report)
{
	const json_t *const expected = json_object_get(step->recorded, "files_after");
	json_t *const found = list_files();
	const json_t *const lists[] = {expected, found};
	json_t *value;
	size_t index;

	for (size_t i = 0; i < 2; i++) {
		json_array_foreach(lists[i], index, value)
		{
			const char *const name = json_string_value(value);

			if (i == 1 && holds(expected, name))
				continue;
			compare_path(world, step, outcome, DIFFERENT_FILES, name,
				     holds(expected, name) ? json_true() : json_null(),
				     holds(found, name) ? json_true() : json_null(), report);
		}
	}
	json_decref(found);
}

static void compare_text(struct world *world, const struct step *step,
			 const struct outcome *outcome, const char *path, const json_t *expected,
			 struct report *report)
{
	json_t *const text = file_text(path);
	json_t *const found = replace(text, world->root, "$DIR");

	compare_path(world, step, outcome, DIFFERENT_TEXT, path, expected, found, report);
	json_decref(text);
	json_decref(found);
}

static void compare_texts(struct world *world, const struct step *step,
			  const struct outcome *outcome, struct report *report)
{
	const char *const state_file = json_string_value(
		json_object_get(step->recorded, "state_file"));
	json_t *const others = json_object_get(step->recorded, "other_files_after");
	const char *path;
	json_t *text;

	json_object_foreach(others, path, text)
		compare_text(world, step, outcome, path, text, report);
	if (state_file != NULL)
		compare_text(world, step, outcome, state_file,
			     json_object_get(step->recorded, "state_file_after"), report);
}

/* Of the live objects that some family knows. */
static void compare_properties(struct world *world, const struct step *step,
			       const struct outcome *outcome, struct report *report)
{
	const json_t *const expected = json_object_get(step->recorded, "properties");
	json_t *const collected = json_object();
	json_t *found;
	const char *id;
	json_t *value;

	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		if (families[i]->properties != NULL)
			families[i]->properties(world, collected);
	}
	found = replace(collected, world->root, "$DIR");
	json_object_foreach(found, id, value)
	{
		if (json_object_get(expected, id) == NULL)
			continue; /* the recording had dropped the object already */
		if (!same(json_object_get(expected, id), value) &&
		    !is_allowed(world, step, outcome, DIFFERENT_PROPERTIES, id, report))
			fail_json(report, step, id, json_object_get(expected, id), value);
	}
	json_decref(found);
	json_decref(collected);
}

/* ---------------------------------------------------------------------------------------- steps */

static operation_function find_operation(const char *op)
{
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		for (size_t j = 0; j < families[i]->operation_count; j++) {
			if (strcmp(families[i]->operations[j].name, op) == 0)
				return families[i]->operations[j].function;
		}
	}
	return NULL;
}

static void run_step(struct world *world, const struct step *step, operation_function function,
		     struct report *report)
{
	const json_t *const now = json_object_get(step->recorded, "now");
	struct outcome outcome = {.status = CAIRN_OK};

	if (json_is_number(now))
		world->now = json_number_value(now);
	conform_set_clock(world->now);
	function(world, step, &outcome);
	compare_outcome(world, step, &outcome, report);
	compare_files(world, step, &outcome, report);
	compare_texts(world, step, &outcome, report);
	compare_properties(world, step, &outcome, report);
	json_decref(outcome.result);
}

/* Before anything is done: an operation is missing. */
static bool can_run(const json_t *steps, struct report *report)
{
	json_t *recorded;
	size_t index;

	json_array_foreach(steps, index, recorded)
	{
		const char *const op = json_string_value(json_object_get(recorded, "op"));

		if (op == NULL || find_operation(op) == NULL) {
			report->verdict = NOT_RUN;
			snprintf(report->text, sizeof(report->text), "needs the operation '%s'",
				 op == NULL ? "?" : op);
			return false;
		}
	}
	return true;
}

static void run_steps(struct world *world, const json_t *steps, struct report *report)
{
	json_t *recorded;
	size_t index;

	json_array_foreach(steps, index, recorded)
	{
		struct step step = {.number = index,
				    .op = json_string_value(json_object_get(recorded, "op")),
				    .recorded = recorded};

		step.args = replace(json_object_get(recorded, "args"), "$DIR", world->root);
		run_step(world, &step, find_operation(step.op), report);
		json_decref(step.args);
		if (report->verdict != PASSED)
			return;
	}
}

/* ---------------------------------------------------------------------------------------- world */

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

static void begin_world(struct world *world)
{
	const char *const folder = getenv("TMPDIR");
	char name[3000];

	snprintf(name, sizeof(name), "%s/cairn-conform-XXXXXX",
		 folder == NULL ? "/var/tmp" : folder);
	if (mkdtemp(name) == NULL || chdir(name) != 0)
		conform_fail(name, strerror(errno));
	*world = (struct world){
		.root = getcwd(NULL, 0), .now = CONFORM_CLOCK_START, .excused = json_object()};
	if (world->root == NULL)
		conform_fail(name, strerror(errno));
}

static void end_world(struct world *world)
{
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		if (families[i]->end != NULL)
			families[i]->end(world);
	}
	if (chdir("/") != 0 || nftw(world->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
		conform_fail(world->root, strerror(errno));
	json_decref(world->excused);
	free(world->root);
}

void run_scenario(const char *path, struct report *report)
{
	struct world world;
	json_error_t error;
	json_t *const scenario = json_load_file(path, 0, &error);
	const json_t *const steps = json_object_get(scenario, "steps");

	*report = (struct report){.verdict = PASSED};
	if (!json_is_array(steps))
		conform_fail(path, scenario == NULL ? error.text : "no steps");
	if (can_run(steps, report)) {
		begin_world(&world);
		run_steps(&world, steps, report);
		end_world(&world);
	}
	json_decref(scenario);
}
