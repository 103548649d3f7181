/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of a scenario: built from their description, and described again.
 */
#ifndef CAIRN_TESTS_CONFORM_OBJECTS_H
#define CAIRN_TESTS_CONFORM_OBJECTS_H

#include "tests/conform/conform.h"

/* A variable's object, and its memory. */
struct object_memory {
	struct cairn_object *object; /* a reference */
	enum cairn_dtype dtype;
	uint32_t rank;
	uint64_t dims[8];
	void *data; /* owned */
	struct object_memory *next;
};

/* All objects of a scenario. */
struct objects {
	struct object_memory *variables;
	json_t *labels; /* label -> number of the object's address */
};

void objects_begin(struct objects *objects);
void objects_end(struct objects *objects);

/* An object with a reference; NULL for one that no checkpoint can hold. */
struct cairn_object *objects_build(struct objects *objects, const json_t *node);

/* Sets the value of a variable: a list, or one number. */
void objects_assign(struct objects *objects, const struct cairn_object *object,
		    const json_t *value);

/* A variable of the same type and shape as another, all zero. */
struct cairn_object *objects_build_like(struct objects *objects, const struct cairn_object *other);

/* [[name, node]] of a checkpoint. */
json_t *objects_describe(const struct objects *objects, const struct cairn_checkpoint *checkpoint,
			 json_t *names);

#endif
