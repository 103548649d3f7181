/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of checkpoints of objects, and the functions of <cairn/checkpoint.h> on another system
 * than the real one. */
#ifndef CAIRN_ENGINE_CHECKPOINT_H
#define CAIRN_ENGINE_CHECKPOINT_H

#include <cairn/checkpoint.h>

#include "engine/train/object_walk.h"
#include "engine/train/restore.h"

struct frozen;

struct cairn_checkpoint {
	struct system *system;
	struct roots *roots;   /* a reference */
	bool has_root;         /* that was given: objects are attached to it */
	struct frozen *frozen; /* owned: what savers of it refer to */
};

void checkpoint_free_frozen(struct system *system, struct frozen *frozen);

struct cairn_load_status {
	struct system *system;
	enum cairn_load_kind kind;
	struct roots *roots;     /* a reference */
	struct restore *restore; /* a reference; NULL: nothing */
	bool expects_partial;
};

enum cairn_status checkpoint_create(struct system *system, struct cairn_object *root,
				    const struct cairn_named_object *objects, uint64_t count,
				    struct cairn_checkpoint **checkpoint,
				    struct cairn_error *error);

/* The save counter, or NULL when it is not there. */
struct cairn_object *checkpoint_counter(const struct cairn_checkpoint *checkpoint);

/* The same, created when it is not there. INVALID_ARGUMENT, NO_MEMORY; what taking its value
 * returns. */
enum cairn_status checkpoint_make_counter(struct cairn_checkpoint *checkpoint,
					  struct cairn_object **counter, struct cairn_error *error);

/* Counts a save, and tells the number. LIMIT, and as checkpoint_make_counter. */
enum cairn_status checkpoint_count_save(struct cairn_checkpoint *checkpoint, int64_t *number,
					struct cairn_error *error);

/* The first half of cairn_checkpoint_write: a writer to which all values were added, to be finished
 * and destroyed. */
enum cairn_status checkpoint_begin_write(struct cairn_checkpoint *checkpoint, const char *prefix,
					 const struct cairn_checkpoint_write_options *options,
					 struct cairn_writer **writer, struct cairn_error *error);

enum cairn_status load_status_create(struct cairn_checkpoint *checkpoint, enum cairn_load_kind kind,
				     struct restore *restore, struct cairn_load_status **status,
				     struct cairn_error *error);

/* Whether objects are bound to a node, by their numbers in a walk that is going on; the caller
 * frees it with the system. NULL: no memory. */
bool *load_bound_objects(const struct restore *restore, const struct walk *walk);

/* Of a name-based restore: the checkpoint has no value for the object. */
bool load_is_unrestored(const struct restore *restore, const struct cairn_object *object);

/* The node is a slot variable, and these are left. */
bool load_is_skipped(const struct restore *restore, uint32_t node);

#endif
