/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of objects.
 *
 * An object holds references to its children, slot variables, and to restores that wait in it.
 * Restores hold none to objects: they keep links, which know when an object is gone. So nothing
 * goes in circles but what the program links in circles.
 */
#ifndef CAIRN_ENGINE_OBJECT_H
#define CAIRN_ENGINE_OBJECT_H

#include <stdbool.h>

#include <cairn/object.h>

#include "engine/system/system.h"
#include "engine/train/hash_index.h"

/* Names of values in an object graph. */
#define VARIABLE_ATTRIBUTE "VARIABLE_VALUE"
#define STATE_ATTRIBUTE    "py_state"

#define SAVE_COUNTER_NAME "save_counter"

struct restore;

/* A reference that does not keep its object. */
struct object_link {
	struct system *system;
	uint64_t references;
	struct cairn_object *object; /* NULL: gone */
};

struct edge {
	struct cairn_string name;    /* owned */
	struct cairn_object *object; /* a reference */
};

struct slot_edge {
	struct cairn_string name;      /* owned */
	struct cairn_object *variable; /* a reference */
	struct cairn_object *slot;     /* a reference */
};

/* What a checkpoint has for a child or a slot variable that is not there yet. */
struct waiting {
	struct restore *restore;      /* a reference; NULL: taken */
	struct cairn_string name;     /* borrowed from the restore */
	struct object_link *variable; /* of a slot variable: a reference; else NULL */
	uint64_t run;                 /* of the restore, that put it here */
	uint32_t node;
};

struct waiting_list {
	struct waiting *items;
	struct hash_index index;
	uint32_t count; /* with those that were taken */
	uint32_t capacity;
	uint32_t left; /* not taken */
};

/* A value, as it is compared, saved and restored. */
struct object_value {
	enum cairn_dtype dtype;
	uint32_t rank;
	uint64_t *dims;  /* owned */
	uint64_t count;  /* elements */
	uint64_t size;   /* bytes; of strings 0 */
	void *data;      /* borrowed */
	int64_t counter; /* what a save counter's data point to */
	cairn_produce produce;
	cairn_assign assign;
	cairn_serialize serialize;
	cairn_deserialize deserialize;
	void *context;
	char *full_name; /* owned; NULL of a state */
};

struct cairn_object {
	struct system *system;
	uint64_t references;
	enum cairn_object_kind kind;
	uint64_t update_uid; /* of the latest restore that reached it; 0: none */
	struct object_link *link;

	struct edge *edges;
	uint32_t edge_count;
	uint32_t edge_capacity;
	struct hash_index edge_index;

	struct slot_edge *slots; /* of an optimizer, as all up to the context */
	uint32_t slot_count;
	uint32_t slot_capacity;
	struct hash_index slot_index;
	struct waiting_list waiting_slots;
	cairn_make_slot make_slot;
	void *slot_context;

	struct object_value value; /* of a variable or a state */

	struct waiting_list waiting;
	struct restore **named; /* references to name-based restores, for children that come */
	uint32_t named_count;

	uint32_t number;           /* 1 + that in a walk that is going on; 0: not reached */
	struct cairn_object *next; /* of those that are being freed */
};

/* The functions of <cairn/object.h> on another system than the real one. */
enum cairn_status object_create(struct system *system, enum cairn_object_kind kind,
				struct cairn_object **object, struct cairn_error *error);
enum cairn_status object_create_variable(struct system *system,
					 const struct cairn_variable *variable,
					 const char *full_name, struct cairn_object **object,
					 struct cairn_error *error);
enum cairn_status object_create_optimizer(struct system *system, cairn_make_slot make_slot,
					  void *context, struct cairn_object **object,
					  struct cairn_error *error);
enum cairn_status object_create_state(struct system *system, cairn_serialize serialize,
				      cairn_deserialize deserialize, void *context,
				      struct cairn_object **object, struct cairn_error *error);

/* An int64 scalar that holds its own value. */
enum cairn_status object_create_counter(struct system *system, struct cairn_object **object,
					struct cairn_error *error);

bool object_has_value(const struct cairn_object *object);

/* What its value is called in an object graph. */
struct cairn_string object_attribute(const struct cairn_object *object);

/* The child of the name, or NULL. Of a list, too. */
struct cairn_object *object_child(const struct cairn_object *object, struct cairn_string name);

/* The slot variable, or NULL. */
struct cairn_object *object_slot(const struct cairn_object *optimizer,
				 const struct cairn_object *variable, struct cairn_string name);

/* Adds or replaces a slot variable; what waits for it is left alone. NO_MEMORY. */
enum cairn_status object_put_slot(struct cairn_object *optimizer, struct cairn_string name,
				  struct cairn_object *variable, struct cairn_object *slot,
				  struct cairn_error *error);

/* The link of an object with one more reference. */
struct object_link *object_link_retain(struct cairn_object *object);
void object_link_release(struct object_link *link);

/* What hashes are made of. `variable` NULL: a child. */
uint64_t object_hash(struct cairn_string name, const struct object_link *variable);

bool strings_equal(struct cairn_string a, struct cairn_string b);

/* INVALID_ARGUMENT: no UTF-8, or too long. */
enum cairn_status object_check_name(struct cairn_string name, struct cairn_error *error);

/* A terminated copy that the system owns; data NULL: no memory. */
struct cairn_string string_copy(struct system *system, struct cairn_string string);

/* Room for one more element of an array. False: no memory. */
bool array_make_room(struct system *system, void **array, uint32_t count, uint32_t *capacity,
		     size_t size);

/* Adds what waits, with references of its own. False: no memory. */
bool waiting_add(struct waiting_list *list, struct system *system, const struct waiting *item);

/* The next item for the name after number `after` (HASH_INDEX_NONE: the first) that is not taken;
 * or NULL. */
struct waiting *waiting_find(const struct waiting_list *list, struct cairn_string name,
			     const struct object_link *variable, uint32_t after);

/* It waits no more; its references are dropped. */
void waiting_take(struct waiting_list *list, struct waiting *item);

/* Takes all that the run put there that is going on. */
void waiting_undo_run(struct waiting_list *list);

void waiting_fini(struct waiting_list *list, struct system *system);

#endif
