/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program of a scenario: named variables in memory, as a graph of TensorFlow has them.
 */
#ifndef CAIRN_TESTS_CONFORM_PROGRAM_H
#define CAIRN_TESTS_CONFORM_PROGRAM_H

#include "tests/conform/conform.h"

struct program_variable {
	char *name;      /* owned; of a part "p/part_0" */
	char *full_name; /* owned; "p" */
	char device[32];
	bool is_resource;
	uint64_t *dims;    /* owned; of the whole */
	uint64_t *starts;  /* owned; of a part, else NULL */
	uint64_t *lengths; /* owned */
	struct cairn_variable variable;
};

struct program {
	struct program_variable *variables; /* owned */
	size_t count;
};

/* From the "variables" of program.new; replaces what was there. */
void program_fill(struct program *program, const json_t *variables);
void program_clear(struct program *program);

/* Ends the run when there is none. */
struct program_variable *program_find(const struct program *program, const char *name);

/* Sets the value of a variable, or of all parts of one. */
void program_assign(struct program *program, const char *name, const json_t *value);

/* The recorded "values": of all variables by name. */
json_t *program_values(const struct program *program);

#endif
