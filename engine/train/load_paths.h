/* SPDX-License-Identifier: Apache-2.0 */
/* Names for objects, as TensorFlow prints them: "(root).model.kernel". */
#ifndef CAIRN_ENGINE_LOAD_PATHS_H
#define CAIRN_ENGINE_LOAD_PATHS_H

#include "engine/train/object_walk.h"
#include "engine/train/restore.h"

/* A long path keeps its end. */
#define LOAD_PATH_SIZE 256

/* Room for "OPTIMIZER's state 'SLOT' for VARIABLE". */
#define LOAD_TEXT_SIZE ((size_t)3 * LOAD_PATH_SIZE)

/* How each node of an object graph is reached. */
struct load_paths {
	struct system *system;
	const struct restore *restore;
	struct cairn_string *names; /* by node: of the edge to it */
	uint32_t *parents;          /* by node; WALK_NONE: the root, or not reached */
	uint32_t *slots;            /* by node: number of the slot reference; WALK_NONE: no slot */
};

enum cairn_status load_paths_create(const struct restore *restore, struct load_paths *paths,
				    struct cairn_error *error);
void load_paths_free(struct load_paths *paths);

void load_path_of_node(const struct load_paths *paths, uint32_t node, char text[LOAD_TEXT_SIZE]);
void load_path_of_object(const struct walk *walk, uint32_t node, char text[LOAD_TEXT_SIZE]);

#endif
