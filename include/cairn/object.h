/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of a program that are saved and restored together: what TensorFlow calls trackable.
 *
 *     struct cairn_object *model, *kernel;
 *     const struct cairn_variable variable = {
 *         .dtype = CAIRN_F32, .rank = 2, .dims = dims, .data = weights};
 *
 *     if (cairn_object_create(CAIRN_OBJECT_MODULE, &model, &error) != CAIRN_OK) ...
 *     if (cairn_object_create_variable(&variable, "kernel", &kernel, &error) != CAIRN_OK) ...
 *     if (cairn_object_set(model, "kernel", kernel, &error) != CAIRN_OK) ...
 *     cairn_object_release(kernel);                      the model holds a reference of its own
 *
 * Objects and the names of the edges between them are what a checkpoint is matched with, and what
 * its keys are made of: "model/kernel/.ATTRIBUTES/VARIABLE_VALUE" is the value of the variable that
 * is reached from the root by "model", then "kernel". One object may be reached on several ways: it
 * is saved once. A checkpoint that was read before an object was there waits for it: the object
 * gets its value when it is set (see checkpoint.h).
 *
 * Caveats
 *
 * - References are counted. Objects that refer to each other in a circle are not freed until
 *   somebody breaks it: cairn_object_remove.
 * - A variable's memory is the program's, and borrowed as long as the object lives.
 *
 * Threads: all objects that are connected, their checkpoints and load statuses belong to one thread
 * at a time.
 */
#ifndef CAIRN_OBJECT_H
#define CAIRN_OBJECT_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/variable.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Something that has children, a value, or both. Opaque, reference-counted. */
struct cairn_object;

/* What an object is to TensorFlow. Numbered for ever. */
enum cairn_object_kind {
	CAIRN_OBJECT_MODULE = 0, /* a plain object: its children are attributes */
	CAIRN_OBJECT_LIST = 1,   /* its children are "0", "1" and so on */
	CAIRN_OBJECT_TUPLE = 2,  /* as a list; its elements may have field names, too */
	CAIRN_OBJECT_DICT = 3,   /* its children are the values of keys that are strings */
	CAIRN_OBJECT_VARIABLE = 4,
	CAIRN_OBJECT_OPTIMIZER = 5, /* has slot variables: something for a variable of a model */
	CAIRN_OBJECT_STATE = 6      /* has a value that is text: TensorFlow's PythonState */
};

/* -------------------------------------------------------------------------------------- objects */

/* All create functions return an object with one reference. */

/* A module, list, tuple, or dict without children. INVALID_ARGUMENT (another kind), NO_MEMORY. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_object_create(enum cairn_object_kind kind,
							       struct cairn_object **object,
							       struct cairn_error *error);

/*
 * A variable. `full_name` is its name in a graph of TensorFlow 1, by which it is found in
 * checkpoints that have no objects in them; NULL: "Variable", TensorFlow's default. Copied.
 *
 * A variable can be saved when it has `data` or `produce`, and restored when it has `data` or
 * `assign`. INVALID_ARGUMENT: a part of a variable (`starts`), neither data nor callbacks, unknown
 * dtype, a rank over CAIRN_RANK_MAX, a name that is no UTF-8; LIMIT: size over 2^63; NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_object_create_variable(const struct cairn_variable *variable, const char *full_name,
			     struct cairn_object **object, struct cairn_error *error);

/*
 * Makes the slot variable `name` of `variable` (dtype and shape of its value are `value`'s), which
 * a checkpoint has and the program does not have yet: *slot becomes a variable object with one
 * reference, which goes over to the optimizer; or stays NULL: the value waits until
 * cairn_object_set_slot. Anything but CAIRN_OK ends the restoring with that status.
 */
typedef enum cairn_status (*cairn_make_slot)(void *context, struct cairn_object *variable,
					     struct cairn_string name,
					     const struct cairn_tensor *value,
					     struct cairn_object **slot, struct cairn_error *error);

/* An optimizer. Without `make_slot` (NULL) values of slots wait until the program has made them. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_object_create_optimizer(cairn_make_slot make_slot, void *context,
			      struct cairn_object **object, struct cairn_error *error);

/* Gives the text of a state when it is saved; the bytes are borrowed until the save has ended. */
typedef enum cairn_status (*cairn_serialize)(void *context, struct cairn_string *text,
					     struct cairn_error *error);
/* Takes the text of a restored state; the bytes are borrowed for the call. */
typedef enum cairn_status (*cairn_deserialize)(void *context, struct cairn_string text,
					       struct cairn_error *error);

/* A state. Neither callback may be NULL: INVALID_ARGUMENT. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_object_create_state(cairn_serialize serialize, cairn_deserialize deserialize, void *context,
			  struct cairn_object **object, struct cairn_error *error);

/* Adds a reference; returns `object`. */
CAIRN_API struct cairn_object *cairn_object_retain(struct cairn_object *object);

/* Drops a reference; with the last one those of its children and slots, too. NULL is allowed. */
CAIRN_API void cairn_object_release(struct cairn_object *object);

CAIRN_API enum cairn_object_kind cairn_object_kind(const struct cairn_object *object);

/* ------------------------------------------------------------------------------------- children */

/*
 * Makes `child` the child of that name, or element, or value of that key; the object holds a
 * reference. A child that has the name already is replaced, in its place. A name that is new takes
 * what checkpoints that were read before have for it, the latest of them first: the child, its
 * children, and slot variables of both.
 *
 * INVALID_ARGUMENT: a list (append to it), a name that is no UTF-8 or too long, NULL. When taking a
 * value fails, as cairn_checkpoint_read does, the child is not there, and the checkpoint goes on
 * waiting.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_object_set(struct cairn_object *object,
							    const char *name,
							    struct cairn_object *child,
							    struct cairn_error *error);

/* The same for a name with a length. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_object_set_string(struct cairn_object *object,
								   struct cairn_string name,
								   struct cairn_object *child,
								   struct cairn_error *error);

/* Appends to a list or tuple: sets the name that is its number. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_object_append(struct cairn_object *object,
							       struct cairn_object *child,
							       struct cairn_error *error);

/* Takes a child away. NOT_FOUND; INVALID_ARGUMENT of a list or tuple: their elements would get
 * other names. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_object_remove(struct cairn_object *object, const char *name, struct cairn_error *error);

CAIRN_API uint64_t cairn_object_child_count(const struct cairn_object *object);

/* The index-th child, in the order in which their names came; NULL: there is none. Borrowed. `name`
 * (or NULL) gets its name, borrowed until the object's children change. */
CAIRN_API struct cairn_object *cairn_object_child_at(const struct cairn_object *object,
						     uint64_t index, struct cairn_string *name);

/* The child of that name, or NULL. Borrowed. */
CAIRN_API struct cairn_object *cairn_object_child(const struct cairn_object *object,
						  const char *name);

/* ------------------------------------------------------------------------------- slot variables */

/*
 * Makes `slot` what the optimizer keeps under `name` for `variable`, and gives it a value that
 * waits for it. The optimizer holds references to both. One that is there already is replaced.
 * INVALID_ARGUMENT: no optimizer; `slot` is no variable; a name that is no UTF-8. Else as
 * cairn_object_set.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_object_set_slot(struct cairn_object *optimizer,
								 const char *name,
								 struct cairn_object *variable,
								 struct cairn_object *slot,
								 struct cairn_error *error);

CAIRN_API uint64_t cairn_object_slot_count(const struct cairn_object *optimizer);

struct cairn_object_slot {
	struct cairn_string name; /* borrowed from the optimizer, as all of it */
	struct cairn_object *variable;
	struct cairn_object *slot;
	uint64_t reserved[2];
};

/* The index-th slot variable, in the order in which they came. INVALID_ARGUMENT: there is none. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_object_slot_at(const struct cairn_object *optimizer, uint64_t index,
		     struct cairn_object_slot *slot, struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
