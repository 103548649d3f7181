/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the names that variables had in a program to the keys under which tf.train.Checkpoint saved
 * them: what the object graph of a checkpoint says.
 */
#ifndef CAIRN_ENGINE_NAME_MAP_H
#define CAIRN_ENGINE_NAME_MAP_H

#include <cairn/reader.h>

#include "engine/system/system.h"
#include "format/arena.h"

struct name_pair {
	struct cairn_string name; /* never empty */
	struct cairn_string key;
};

struct name_map {
	struct arena arena;
	struct name_pair **pairs; /* by name; each name once */
	uint64_t count;
};

/* NOT_FOUND: the checkpoint has no object graph; what cairn_graph_open returns. To be closed in
 * each case. */
enum cairn_status name_map_open(struct system *system, const struct cairn_reader *reader,
				struct name_map *map, struct cairn_error *error);
void name_map_close(struct name_map *map);

/* NULL: no variable had that name. */
const struct name_pair *name_map_find(const struct name_map *map, struct cairn_string name);

/*
 * All of these names, which may repeat, are in the map; else NOT_FOUND, with what is missing, what
 * the map has besides and how many match. Needs memory of the map.
 */
enum cairn_status name_map_compare(struct name_map *map, const struct cairn_string *names,
				   uint64_t count, struct cairn_error *error);

#endif
