/* SPDX-License-Identifier: Apache-2.0 */
/* What cairn info says about a MetaGraph, the file that TensorFlow's Saver writes beside its
 * checkpoints. */
#ifndef CAIRN_TOOLS_INFO_GRAPH_H
#define CAIRN_TOOLS_INFO_GRAPH_H

#include <stdbool.h>

#include <cairn/meta_graph.h>

#include "tools/json_output.h"

/* The path is that of a MetaGraph: PATH.meta, and no checkpoint. */
bool info_is_graph(const char *path);

void info_graph_json(struct json_output *json, const char *path,
		     const struct cairn_meta_graph *graph);
void info_graph_text(const char *path, const struct cairn_meta_graph *graph);

#endif
