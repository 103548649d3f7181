/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a checkpoint says about objects: keys of values, and the object graph.
 */
#ifndef CAIRN_ENGINE_OBJECT_MESSAGE_H
#define CAIRN_ENGINE_OBJECT_MESSAGE_H

#include "engine/train/object_walk.h"
#include "format/arena.h"

/* The key of a node's value, in the arena. NO_MEMORY. */
enum cairn_status object_key(const struct walk *walk, uint32_t node, struct arena *arena,
			     struct cairn_string *key, struct cairn_error *error);

/*
 * The object graph's message, in the arena, byte for byte as TensorFlow writes it. keys[i] is the
 * key of node i, of those that have a value. NO_MEMORY, LIMIT.
 */
enum cairn_status object_message(const struct walk *walk, const struct cairn_string *keys,
				 struct arena *arena, struct cairn_string *message,
				 struct cairn_error *error);

#endif
