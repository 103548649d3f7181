/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object graph on stdout. Both return CLI_DONE, or the exit status after printing the error.
 */
#ifndef CAIRN_TOOLS_GRAPH_OUTPUT_H
#define CAIRN_TOOLS_GRAPH_OUTPUT_H

#include "tools/graph_walk.h"

/* What of the tree is shown. */
struct graph_bounds {
	uint64_t depth;   /* edges from the root */
	uint64_t breadth; /* children of an object */
};

int graph_print_tree(const struct graph_walk *walk, const struct graph_bounds *bounds);
int graph_print_json(const struct graph_walk *walk);

#endif
