/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow's object graph: a TrackableObjectGraph message, the scalar string tensor
 * _CHECKPOINTABLE_OBJECT_GRAPH of an object-based checkpoint.
 *
 * Nodes are the objects that were saved, by number; node 0 is the root. Edges have names. Cycles
 * and objects that are reached on several ways are usual, objects that are not reached are legal.
 */
#ifndef CAIRN_FORMAT_OBJECT_GRAPH_H
#define CAIRN_FORMAT_OBJECT_GRAPH_H

#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

#include "format/arena.h"

/* Of the message, as protobuf has it. */
#define OBJECT_GRAPH_SIZE_MAX ((uint64_t)INT32_MAX)

struct object_child {
	struct cairn_string name; /* as it is in the program: not escaped */
	uint32_t node;
};

/* A value of an object. */
struct object_attribute {
	struct cairn_string name;      /* "VARIABLE_VALUE" */
	struct cairn_string full_name; /* that of the variable in a graph; may be empty */
	struct cairn_string key;       /* of the tensor, or what the keys of several begin with */
};

/* What an optimizer keeps for a variable. */
struct object_slot {
	uint32_t variable;        /* node */
	struct cairn_string name; /* "m" */
	uint32_t slot;            /* node */
};

/* Says who saves the object in a way of its own. */
struct object_saver {
	struct cairn_string name;
	struct cairn_string object_name;
};

/* Whether an object, or one below it, has values: older writers do not say. */
enum object_values {
	OBJECT_VALUES_UNKNOWN,
	OBJECT_VALUES_NONE,
	OBJECT_VALUES_SOME
};

struct object_node {
	const struct object_child *children;
	const struct object_attribute *attributes;
	const struct object_slot *slots;
	const struct object_saver *saver; /* NULL: none */
	uint32_t child_count;
	uint32_t attribute_count;
	uint32_t slot_count;
	enum object_values values;
};

struct object_graph {
	const struct object_node *nodes;
	uint32_t node_count;
};

/*
 * Parses; arrays are in the arena, which needs at most about thirty bytes for each byte of the
 * message, strings are borrowed from the message. All numbers of nodes are those of nodes that are
 * there, and all strings are UTF-8. CORRUPT, LIMIT, NO_MEMORY.
 */
enum cairn_status object_graph_parse(struct cairn_string message, struct arena *arena,
				     struct object_graph *graph, struct cairn_error *error);

/* The message in the arena, byte for byte as TensorFlow writes it. LIMIT, NO_MEMORY. */
enum cairn_status object_graph_write(const struct object_graph *graph, struct arena *arena,
				     struct cairn_string *message, struct cairn_error *error);

#endif
