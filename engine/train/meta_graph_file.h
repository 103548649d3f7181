/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of <cairn/meta_graph.h> on another system than the real one. */
#ifndef CAIRN_ENGINE_META_GRAPH_FILE_H
#define CAIRN_ENGINE_META_GRAPH_FILE_H

#include <cairn/meta_graph.h>

#include "engine/system/system.h"

enum cairn_status meta_graph_open(struct system *system, const char *path,
				  struct cairn_meta_graph **graph, struct cairn_error *error);
enum cairn_status meta_graph_from_bytes(struct system *system, const void *bytes, size_t size,
					struct cairn_meta_graph **graph, struct cairn_error *error);
enum cairn_status import_meta_graph(struct system *system, const char *path,
				    const struct cairn_meta_graph_options *options,
				    const struct cairn_saver_variable *variables, uint64_t count,
				    const struct cairn_saver_options *saver_options,
				    struct cairn_meta_graph **imported, struct cairn_saver **saver,
				    struct cairn_error *error);

/* Writes a file of these bytes, over one that is there: atomic, durable. */
enum cairn_status meta_graph_publish(struct system *system, const char *path, const void *bytes,
				     size_t size, struct cairn_error *error);

#endif
