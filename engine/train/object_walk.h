/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All objects below a root, numbered as TensorFlow numbers them: breadth first, children in their
 * order, each object once, under the first name on the shortest way; then slot variables, by
 * optimizer, name, and variable.
 *
 * While a walk is going on its numbers stand in the objects: no two walks at once in one graph.
 */
#ifndef CAIRN_ENGINE_OBJECT_WALK_H
#define CAIRN_ENGINE_OBJECT_WALK_H

#include "engine/train/object.h"

#define WALK_NONE UINT32_MAX

/* A root object, and objects that are children of it without its knowing. Counted references. */
struct roots {
	struct system *system;
	uint64_t references;
	struct cairn_object *root; /* a reference */
	struct edge *attached;     /* names owned, objects references */
	uint32_t attached_count;
	uint32_t attached_capacity;
};

struct walk_node {
	struct cairn_object *object;
	uint32_t parent;          /* WALK_NONE: the root */
	struct cairn_string name; /* of the edge that led here, or of the slot */
	uint32_t variable;        /* of a slot variable: that it is for; else WALK_NONE */
};

/* A slot variable: nodes. */
struct walk_slot {
	struct cairn_string name;
	uint32_t optimizer;
	uint32_t variable;
	uint32_t slot;
};

struct walk {
	struct system *system;
	const struct roots *roots;
	struct walk_node *nodes;
	uint32_t count;
	uint32_t capacity;
	uint32_t plain_count;    /* those before the slot variables */
	struct walk_slot *slots; /* in the order of their numbers */
	uint32_t slot_count;
	uint32_t slot_capacity;
};

/* On failure the walk is empty, and may be ended. UNSUPPORTED: a slot variable is a child, too, or
 * has children. NO_MEMORY, LIMIT. */
enum cairn_status walk_begin(struct walk *walk, const struct roots *roots, bool with_slots,
			     struct cairn_error *error);
void walk_end(struct walk *walk);

/* Takes the numbers out of the objects, and keeps the nodes: others may walk. */
void walk_clear_numbers(struct walk *walk);

/* Children of a node: of the root also those that are attached. */
uint32_t walk_child_count(const struct walk *walk, uint32_t node);
struct edge walk_child(const struct walk *walk, uint32_t node, uint32_t number);

/* Adds an edge to those attached. NO_MEMORY. */
enum cairn_status roots_attach(struct roots *roots, struct cairn_string name,
			       struct cairn_object *object, struct cairn_error *error);

/* What has the name: attached, or a child of the root. NULL: nothing. */
struct cairn_object *roots_object(const struct roots *roots, struct cairn_string name);

/* The save counter, or NULL. */
struct cairn_object *roots_counter(const struct roots *roots);
struct roots *roots_retain(struct roots *roots);
void roots_release(struct roots *roots);

#endif
