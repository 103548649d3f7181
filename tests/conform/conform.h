/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrying out recorded behaviour of TensorFlow with Cairn's C interface.
 *
 * A scenario is a JSON file of steps, each an operation with what TensorFlow did: a result or an
 * exception, the files and the text of the state file afterwards. scenario.c reads and compares;
 * what an operation does is in a file for each family (ops_<family>.c), which a new family is added
 * by: a table of operations, and a line in scenario.c. rules.c holds the deliberate differences.
 */
#ifndef CAIRN_TESTS_CONFORM_H
#define CAIRN_TESTS_CONFORM_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <cairn/cairn.h>

/* The clock of a scenario begins here. */
#define CONFORM_CLOCK_START 1000000.0

/* Where one scenario is carried out: an empty folder, which is the working directory. */
struct world {
	char *root; /* owned; its absolute name, "$DIR" in texts */
	double now; /* the clock that operations are given */
	/* Paths that differ from TensorFlow's by a rule: name -> {"expected", "found"}, each a
	 * text, true (a file) or null (nothing). Owned. */
	json_t *excused;
	void *live[8]; /* what the families keep between steps, by number of the family */
};

/* One step, as recorded, with "$DIR" replaced in `args`. Borrowed. */
struct step {
	size_t number; /* from 0 */
	const char *op;
	json_t *args;
	json_t *recorded;
};

/* What became of an operation. */
struct outcome {
	enum cairn_status status; /* not CAIRN_OK: it raised */
	struct cairn_error error;
	json_t *result; /* owned; NULL stands for null */
};

typedef void (*operation_function)(struct world *world, const struct step *step,
				   struct outcome *outcome);

struct operation {
	const char *name; /* "state.get" */
	operation_function function;
};

/* Operations on one kind of thing. */
struct family {
	const struct operation *operations;
	size_t operation_count;
	/* Ends what was kept between steps; or NULL. */
	void (*end)(struct world *world);
	/* Adds what the recorded "properties" hold of live objects to the object; or NULL. */
	void (*properties)(struct world *world, json_t *properties);
};

extern const struct family family_fs;
extern const struct family family_state;
extern const struct family family_checkpoint;
extern const struct family family_manager;

/* From now on it is that time. */
void conform_set_clock(double now);

/* The folder of a manager of the scenario, or NULL. */
const char *conform_manager_folder(const struct world *world, const char *id);

/* A checkpoint of objects of the scenario, by its id; an object of it; setting a variable's value;
 * saying that the step has changed its objects. */
struct cairn_checkpoint *conform_checkpoint(struct world *world, const char *id);
struct cairn_object *conform_object(struct world *world, const char *id, const json_t *path);
const void *conform_memory(struct world *world, const char *id, const json_t *path);
void conform_assign(struct world *world, const char *id, const json_t *path, const json_t *value);
void conform_checkpoint_changed(struct world *world, const char *id);
extern const struct family family_saver;

/* The saver of a step saves relative paths. */
bool saver_saves_relative(const struct step *step);

/* The program has a variable that TensorFlow calls a resource. */
bool program_has_resources(void);

enum verdict {
	PASSED,
	FAILED,
	NOT_RUN /* needs an operation that nobody has written yet */
};

struct report {
	enum verdict verdict;
	char text[600];    /* why not */
	char differs[200]; /* names of the rules that were applied, or "" */
};

/* Carries out the scenario in a folder of its own, which is removed again. */
void run_scenario(const char *path, struct report *report);

/* ------------------------------------------------------------------------------------ arguments */

/* The text of an argument, or NULL when it is absent or null. Borrowed. */
const char *argument_text(const struct step *step, const char *name);
double argument_number(const struct step *step, const char *name, double otherwise);
bool argument_bool(const struct step *step, const char *name);

/* The operation fails because of the scenario or the machine, not of Cairn: says so and exits. */
_Noreturn void conform_fail(const char *what, const char *why);

/* --------------------------------------------------------------------------------------- values */

/* {"dtype", "shape", "value"} of a tensor as TensorFlow's names and plain lists have it. NULL: a
 * type that no scenario has. */
json_t *tensor_to_json(const struct cairn_tensor *tensor, const struct cairn_view *view);
json_t *shape_to_json(const struct cairn_tensor *tensor);

/* The type of TensorFlow's name; one that is not known ends the run. */
enum cairn_dtype dtype_from_json(const json_t *name);

/* Sets element `index` of an array of that type. */
void json_to_element(const json_t *json, enum cairn_dtype dtype, void *elements, uint64_t index);

/* Infinities and NaN as "inf", "-inf", "nan". */
json_t *number_to_json(double number);

/* ---------------------------------------------------------------------------------------- files */

/* All files below the working directory, sorted; empty folders end with '/'. */
json_t *list_files(void);

/* The text of a file, or null. */
json_t *file_text(const char *path);

/* ---------------------------------------------------------------------------------------- rules */

/* What differs in a step. */
enum difference {
	DIFFERENT_OUTCOME, /* the result or the exception */
	DIFFERENT_FILES,   /* which files there are */
	DIFFERENT_TEXT,    /* of the state file or another one; `path` says which */
	DIFFERENT_PROPERTIES
};

/* The name of the rule that allows the difference, or NULL. */
const char *rule_for(const struct world *world, const struct step *step,
		     const struct outcome *outcome, enum difference difference, const char *path);

/* A path was excused by a rule before, and is still as it was then. */
bool is_excused(const struct world *world, const char *path);

#endif
