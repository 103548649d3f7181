/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of restoring.
 *
 * A restore is one call of cairn_checkpoint_read: the open checkpoint, and which of its objects
 * (nodes) are bound to which of the program's. It lives as long as its load status, or anything
 * that waits for it in an object. A run is one go of giving values: the call itself, or later a
 * child that comes, for which several restores may have waited. A run first matches, then compares
 * all values with their variables, and only then writes; when one of these fails, everything but
 * written values is as it was before.
 */
#ifndef CAIRN_ENGINE_RESTORE_H
#define CAIRN_ENGINE_RESTORE_H

#include <stdbool.h>

#include <cairn/checkpoint.h>
#include <cairn/graph.h>

#include "engine/train/object_walk.h"

/* A slot variable in the checkpoint. */
struct slot_reference {
	struct cairn_string name; /* borrowed from the graph */
	uint32_t optimizer;       /* nodes */
	uint32_t variable;
	uint32_t slot;
};

enum node_flags {
	NODE_COLLECTED = 1u << 0, /* its values were given: no later restore had reached it */
	NODE_PROCESSED = 1u << 1, /* what follows from it was matched */
	NODE_IS_SLOT = 1u << 2    /* a slot variable: never cleared */
};

struct restore {
	struct system *system;
	uint64_t references;
	uint64_t uid; /* of several restores the one with the highest counts */
	uint64_t runs;
	struct cairn_reader *reader; /* a reference */
	struct cairn_graph *graph;   /* owned; NULL: name-based */
	bool skip_slots;
	bool verify_first;

	/* by node */
	uint32_t node_count;
	struct object_link **bound; /* references; NULL: none so far. is_bound() looks at them */
	uint8_t *flags;             /* enum node_flags */
	/* slot references, by optimizer and by variable */
	struct slot_reference *slots;
	uint32_t slot_count;
	uint32_t *slots_of_optimizer; /* first of each node in `slots`, and an end */
	uint32_t *slots_of_variable;  /* first of each node in `slot_order`, and an end */
	uint32_t *slot_order;         /* numbers in `slots`, by variable */
};

/* A value that a run will give. */
struct run_entry {
	struct restore *restore;     /* borrowed: something in the run holds it */
	struct cairn_object *object; /* a reference */
	uint64_t previous_uid;
	uint32_t node;       /* WALK_NONE: of a name-based restore */
	bool has_value;      /* `tensor` is there */
	bool was_collected;  /* update_uid was set by this run */
	bool was_remembered; /* the object knows a name-based restore since this run */
	struct cairn_tensor tensor;
};

struct run {
	struct system *system;
	struct run_entry *entries; /* in the order in which they were bound */
	uint32_t count;
	uint32_t capacity;
	uint32_t processed;
};

/* ------------------------------------------------------------------------------------- restores */

/*
 * Opens a checkpoint for objects below `root`; with one reference. The uid is higher than that of
 * every restore that reached the root before.
 */
enum cairn_status restore_open(struct system *system, const char *path, uint64_t uid,
			       const struct cairn_checkpoint_read_options *options,
			       struct restore **restore, struct cairn_error *error);

struct restore *restore_retain(struct restore *restore);
void restore_release(struct restore *restore);

/* What is bound to a node and still there, or NULL. */
struct cairn_object *restore_bound(const struct restore *restore, uint32_t node);

/* The node has a value of its own or below it, as far as the checkpoint says. */
bool restore_has_values(const struct restore *restore, uint32_t node);

/* ----------------------------------------------------------------------------------------- runs */

void run_begin(struct run *run, struct system *system);

/* Queues an object. */
enum cairn_status run_add(struct run *run, struct restore *restore, uint32_t node,
			  struct cairn_object *object, struct cairn_error *error);

/* Binds a node to an object, unless it is bound already, and queues it. */
enum cairn_status run_bind(struct run *run, struct restore *restore, uint32_t node,
			   struct cairn_object *object, struct cairn_error *error);

/* Matches everything that follows from what is queued. */
enum cairn_status run_match(struct run *run, struct cairn_error *error);

/* Queues all objects below roots for a name-based restore. */
enum cairn_status run_add_named(struct run *run, struct restore *restore, const struct roots *roots,
				struct cairn_error *error);

/* Finds the value of an entry's object in its checkpoint. */
enum cairn_status entry_collect(struct run_entry *entry, struct cairn_error *error);
enum cairn_status entry_collect_named(struct run_entry *entry, struct cairn_error *error);

/* Undoes what a name-based restore left with an entry's object. */
void entry_forget_named(const struct run_entry *entry);

/* Compares, perhaps verifies, and writes all values. */
enum cairn_status run_give_values(struct run *run, struct cairn_error *error);

/* Ends the run: with a status that is not OK everything but written values becomes as it was.
 * Returns the status. */
enum cairn_status run_end(struct run *run, enum cairn_status status);

/* A child that comes under a name that was not there takes what waits for it. */
enum cairn_status restore_child(struct cairn_object *object, struct cairn_string name,
				struct cairn_object *child, struct cairn_error *error);

/* The same for a slot variable. */
enum cairn_status restore_slot(struct cairn_object *optimizer, struct cairn_string name,
			       struct cairn_object *variable, struct cairn_object *slot,
			       struct cairn_error *error);

#endif
