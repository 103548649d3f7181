/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object graph laid out as a tree: how each object is reached first, and which tensors are
 * nobody's value.
 */
#ifndef CAIRN_TOOLS_GRAPH_WALK_H
#define CAIRN_TOOLS_GRAPH_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cairn/cairn.h>

/* How an object is reached. */
enum graph_way {
	GRAPH_UNREACHED,
	GRAPH_ROOT,
	GRAPH_CHILD, /* edge number `edge` of `parent` */
	GRAPH_SLOT   /* slot number `edge` of the optimizer `parent` */
};

/* Of each object, the first way: breadth-first, children in the order of the program, then slot
 * variables, as TensorFlow names them. */
struct graph_place {
	enum graph_way way;
	uint32_t depth; /* edges from the root, or from the object that nothing leads to */
	uint64_t parent;
	uint64_t edge;
};

struct graph_walk {
	const struct cairn_reader *reader; /* borrowed */
	const struct cairn_graph *graph;   /* borrowed */
	uint64_t node_count;
	struct graph_place *places; /* owned */
	int64_t *claims; /* owned; for each tensor by how many values more it is claimed than the
			    one before */
	uint64_t value_count;
	uint64_t dangling_count;
	uint64_t unclaimed_count; /* tensors that are nobody's value, without the graph's own */
};

/* All return CLI_GO_ON, or the exit status after printing the error. */
int graph_walk_begin(struct graph_walk *walk, const struct cairn_reader *reader,
		     const struct cairn_graph *graph);
void graph_walk_end(struct graph_walk *walk);

/* The parts of the graph, whose numbers are right. Only an attribute can fail. */
struct cairn_graph_node graph_node(const struct graph_walk *walk, uint64_t node);
struct cairn_graph_child graph_child(const struct graph_walk *walk, uint64_t node, uint64_t index);
struct cairn_graph_slot graph_slot(const struct graph_walk *walk, uint64_t node, uint64_t index);
int graph_attribute(const struct graph_walk *walk, uint64_t node, uint64_t index,
		    struct cairn_graph_attribute *attribute);

/* Calls back with the number of each tensor that is nobody's value. */
typedef int (*graph_take_tensor)(void *context, uint64_t number);
int graph_for_each_unclaimed(const struct graph_walk *walk, graph_take_tensor take, void *context);

/*
 * The path of an object as it is in keys: names escaped as TensorFlow does, joined by "/"; of a
 * slot variable "VARIABLE/.OPTIMIZER_SLOT/OPTIMIZER/SLOT". The root's is empty. Malloc'ed; NULL
 * where there is none: nothing leads there, or over more than GRAPH_PATH_DEPTH edges.
 */
#define GRAPH_PATH_DEPTH 256
struct cairn_string graph_path(const struct graph_walk *walk, uint64_t node);

#endif
