/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving and restoring objects: tf.train.Checkpoint.
 *
 *     const struct cairn_named_object objects[] = {{"model", model}, {"step", step}};
 *     struct cairn_checkpoint *checkpoint;
 *     struct cairn_load_status *status;
 *     char path[CAIRN_PATH_SIZE];
 *
 *     if (cairn_checkpoint_create(NULL, objects, 2, &checkpoint, &error) != CAIRN_OK) ...
 *     if (cairn_checkpoint_save(checkpoint, "run/ckpt", NULL, path, &error) != CAIRN_OK) ...
 *
 *     if (cairn_checkpoint_restore(checkpoint, path, NULL, &status, &error) != CAIRN_OK) ...
 *     if (cairn_load_status_assert_consumed(status, &error) != CAIRN_OK) ...
 *     cairn_load_status_release(status);
 *     cairn_checkpoint_destroy(checkpoint);
 *
 * What is written is a container, `<prefix>.cairn`, or (options.target) TensorFlow's second format,
 * byte for byte what TensorFlow writes of the same objects: values under keys that are made of the
 * names on the way to them, and the objects themselves in the tensor CAIRN_GRAPH_TENSOR. Both are
 * read, and whatever else cairn_reader_open opens that has such a tensor; without one values are
 * found by the full names of variables.
 *
 * Restoring matches objects by the names of edges, from the root on, and gives a value to each
 * variable that has one. What a checkpoint has and the program does not have yet waits, and is
 * given to the object as soon as it is set, by cairn_object_set and its kin. Of several checkpoints
 * that were read, the one that was read last counts, whenever the object comes.
 *
 * Caveats
 *
 * - Before any value is written, names, dtypes and shapes of all values that are there now are
 *   compared. A value that turns out to be damaged when it is read ends the restoring: that
 *   variable is left unspecified, which the message says, and values before it stay written. Ask
 *   for `verify_first` to have everything verified before the first is written.
 * - A checkpoint with values that still wait stays open until they are taken, or the objects that
 *   wait are gone.
 * - Callbacks of variables, states and optimizers must not change objects.
 * - The library never prints: what TensorFlow warns of, a load status knows.
 *
 * Threads: as objects.
 */
#ifndef CAIRN_CHECKPOINT_H
#define CAIRN_CHECKPOINT_H

#include <cairn/async.h>
#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/object.h>
#include <cairn/reader.h>
#include <cairn/saver.h>
#include <cairn/state.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Objects that are saved and restored together, and a counter of saves. Opaque. */
struct cairn_checkpoint;

/* What became of a restore. Opaque, reference-counted. */
struct cairn_load_status;

/* ------------------------------------------------------------------------------ create, destroy */

/* A keyword argument of tf.train.Checkpoint. */
struct cairn_named_object {
	const char *name;            /* copied */
	struct cairn_object *object; /* gets a reference */
};

/*
 * tf.train.Checkpoint(root, **objects). Without a root (NULL) the checkpoint has a root object of
 * its own, whose children the objects become, in byte order of their names. With a root, that is
 * the root object; the objects are saved as its children without becoming any, and the root as its
 * own child "root".
 *
 * INVALID_ARGUMENT: no object, an empty tuple, a name twice, "save_counter" (or with a root "root")
 * as a name; the root has another child of that name. NO_MEMORY; what cairn_object_set returns.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_checkpoint_create(struct cairn_object *root, const struct cairn_named_object *objects,
			uint64_t count, struct cairn_checkpoint **checkpoint,
			struct cairn_error *error);

/* NULL is allowed. Load statuses may live on. */
CAIRN_API void cairn_checkpoint_destroy(struct cairn_checkpoint *checkpoint);

/* The root object: set children of it to add them to the checkpoint. Borrowed. */
CAIRN_API struct cairn_object *cairn_checkpoint_root(const struct cairn_checkpoint *checkpoint);

/* An object of the checkpoint by its name: a child of the root, or (with a root) one of the objects
 * that were given. NULL: none. Borrowed. */
CAIRN_API struct cairn_object *cairn_checkpoint_object(const struct cairn_checkpoint *checkpoint,
						       const char *name);

/* --------------------------------------------------------------------------------- save counter */

/*
 * The number of saves, an int64 variable of its own in the checkpoint ("save_counter"). It is there
 * after the first save or restore; before, NOT_FOUND.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_checkpoint_save_counter(const struct cairn_checkpoint *checkpoint, int64_t *counter,
			      struct cairn_error *error);

/* Sets the counter, which is created when it is not there. INVALID_ARGUMENT: the root has an object
 * of that name that is no int64 scalar in memory. NO_MEMORY. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_checkpoint_set_save_counter(struct cairn_checkpoint *checkpoint, int64_t counter,
				  struct cairn_error *error);

/* --------------------------------------------------------------------------------------- saving */

struct cairn_checkpoint_write_options {
	size_t size; /* sizeof(struct cairn_checkpoint_write_options); 0 means version 1 of this
			struct */
	enum cairn_target target;    /* CAIRN_TARGET_TENSORFLOW; or 0: a container */
	uint32_t thread_count;       /* as for cairn_writer_create */
	uint64_t shard_size_max;     /* of TensorFlow, as for cairn_writer_create */
	const char *latest_filename; /* of cairn_checkpoint_save: the state file; NULL:
					"checkpoint" */
	cairn_progress progress;     /* or NULL */
	void *progress_context;
	/* Writes in the background, the state file included (see async.h): what latest_filename
	 * points to is borrowed until then. NULL: durable when the call returns. */
	struct cairn_async *async;
	uint64_t reserved[7]; /* zero */
};

/*
 * Writes all objects to the checkpoint `prefix`; one that is there is replaced. Folders that are
 * not there are created. Durable when this returns OK. Options may be NULL. In the
 * background (options.async) OK says that the values were taken; what the save before has to tell
 * is returned here, and then nothing was done.
 *
 * tf.train.Checkpoint.write. INVALID_ARGUMENT: a variable that cannot be saved. UNSUPPORTED: a slot
 * variable that has children, or is reached in another way, too. PRECONDITION: something else than
 * a folder is in the way; EXISTS: two objects with one key. Else as cairn_writer_finish, or what a
 * callback returned.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_checkpoint_write(struct cairn_checkpoint *checkpoint, const char *prefix,
		       const struct cairn_checkpoint_write_options *options,
		       struct cairn_error *error);

/*
 * Counts the save, writes `<prefix>-<counter>` (`path`, or NULL, becomes that), and then the state
 * file of its folder, which names this checkpoint alone. Nothing is ever removed. When writing
 * fails the counter stays where it is: the next save has another number.
 *
 * tf.train.Checkpoint.save. LIMIT: the path is too long. Else as cairn_checkpoint_write and
 * cairn_state_update.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_checkpoint_save(struct cairn_checkpoint *checkpoint, const char *prefix,
		      const struct cairn_checkpoint_write_options *options,
		      char path[CAIRN_PATH_SIZE], struct cairn_error *error);

/* ------------------------------------------------------------------------------ the older forms */

/*
 * Writes `<prefix>-<number>` (`path`, or NULL, becomes that). Nothing is counted, and there is no
 * state file.
 *
 * What TensorFlow's CheckpointableSaver.save did with a checkpoint_number. LIMIT: the path is too
 * long. Else as cairn_checkpoint_write.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_checkpoint_write_numbered(struct cairn_checkpoint *checkpoint, const char *prefix,
				int64_t number,
				const struct cairn_checkpoint_write_options *options,
				char path[CAIRN_PATH_SIZE], struct cairn_error *error);

/*
 * A saver (saver.h) of the objects as they are now: their values under the same keys, and their
 * graph, so that what it saves is read as any other checkpoint of objects. It restores all of them
 * or none, and sees no object that comes later. Options may be NULL: all checkpoints are kept. The
 * checkpoint and its objects must live longer than the saver.
 *
 * TensorFlow's CheckpointableSaver.freeze. UNSUPPORTED: there is a state among the objects; a slot
 * variable that has children, or is reached in another way, too. Else as cairn_saver_create.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_checkpoint_freeze(struct cairn_checkpoint *checkpoint,
			const struct cairn_saver_options *options, struct cairn_saver **saver,
			struct cairn_error *error);

/* ------------------------------------------------------------------------------------ restoring */

struct cairn_checkpoint_read_options {
	size_t size; /* sizeof(struct cairn_checkpoint_read_options); 0 means version 1 of this
			struct */
	int skip_slot_variables; /* leave those of optimizers as they are */
	int verify_first;        /* verify all values that are wanted now before writing any */
	const struct cairn_reader_options *reader; /* or NULL */
	uint64_t reserved[8];                      /* zero */
};

/*
 * Restores from the checkpoint `path`, as cairn_reader_open takes it; NULL: from nothing, which
 * only makes a status that says so. Options may be NULL.
 *
 * When it fails nothing waits, and no object remembers anything of it; values may have been
 * written only when the status is one of reading: CORRUPT, CHECKSUM, TRUNCATED, IO, NO_MEMORY,
 * LIMIT, or what a callback returned.
 *
 * tf.train.Checkpoint.read. NOT_FOUND: no such path, or a value that the object graph names is not
 * there; MISMATCH: dtype or shape differ from the variable's; UNSUPPORTED: an object that is there
 * was saved by a registered saver of TensorFlow's; else as cairn_reader_open and cairn_graph_open.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_checkpoint_read(struct cairn_checkpoint *checkpoint, const char *path,
		      const struct cairn_checkpoint_read_options *options,
		      struct cairn_load_status **status, struct cairn_error *error);

/*
 * The same, and then the save counter is there, with the value that the checkpoint has for it, or
 * 0: the next save goes on counting.
 *
 * tf.train.Checkpoint.restore. When the checkpoint's value for the counter does not fit (MISMATCH),
 * everything else was restored before.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_checkpoint_restore(struct cairn_checkpoint *checkpoint, const char *path,
			 const struct cairn_checkpoint_read_options *options,
			 struct cairn_load_status **status, struct cairn_error *error);

/* ---------------------------------------------------------------------------------- load status */

/* How values were found. */
enum cairn_load_kind {
	CAIRN_LOAD_OBJECTS = 0, /* by objects: TensorFlow's CheckpointLoadStatus */
	CAIRN_LOAD_NAMES = 1,   /* by full names: NameBasedSaverStatus */
	CAIRN_LOAD_NOTHING = 2  /* there was no path: InitializationOnlyStatus */
};

CAIRN_API enum cairn_load_kind cairn_load_status_kind(const struct cairn_load_status *status);

/* Drops the status. NULL is allowed. */
CAIRN_API void cairn_load_status_release(struct cairn_load_status *status);

/*
 * All of them look at the objects as they are when they are called, return OK or UNMATCHED with
 * what TensorFlow would say, NO_MEMORY, and change nothing: they may be called as often as wished.
 *
 * Everything in the checkpoint has found its object, and every object its value.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_load_status_assert_consumed(const struct cairn_load_status *status,
				  struct cairn_error *error);

/* Every object that has a value to save, and is there now, got one. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_load_status_assert_existing_objects_matched(const struct cairn_load_status *status,
						  struct cairn_error *error);

/* Something besides the root was matched. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_load_status_assert_nontrivial_match(const struct cairn_load_status *status,
					  struct cairn_error *error);

/* Values that are never taken are meant not to be: cairn_load_status_is_partial says 0. */
CAIRN_API void cairn_load_status_expect_partial(struct cairn_load_status *status);

/* 1: values of the checkpoint were not taken so far, and nobody said that this is expected; what
 * TensorFlow warns of when the objects go away. Else 0. */
CAIRN_API int cairn_load_status_is_partial(const struct cairn_load_status *status);

/* What became of a value. */
enum cairn_load_outcome {
	CAIRN_LOAD_RESTORED = 0,   /* given to its object */
	CAIRN_LOAD_SUPERSEDED = 1, /* its object has that of a later restore */
	CAIRN_LOAD_WAITING = 2,    /* there is no object for it, so far or any more */
	CAIRN_LOAD_SKIPPED = 3,    /* of a slot variable, and these were to be left */
	CAIRN_LOAD_UNUSED = 4,     /* there is an object for it, which has no such value */
	CAIRN_LOAD_UNMATCHED = 5   /* the other way round: an object that got nothing */
};

/* Borrowed for the call, but for the object. */
struct cairn_load_entry {
	enum cairn_load_outcome outcome;
	uint32_t reserved_outcome;
	const char *path;            /* "(root).model.kernel"; a long one is cut off in front */
	struct cairn_string key;     /* of the tensor; empty: UNMATCHED */
	struct cairn_object *object; /* of the program, or NULL */
	uint64_t reserved[4];
};

/* Must not change objects. Not 0: stop, with CANCELLED. */
typedef int (*cairn_load_callback)(void *context, const struct cairn_load_entry *entry);

/*
 * Calls back with every value of the checkpoint, in the order of its objects, and then with every
 * object of the program that has a value to save and got none: what the assertions look at, one by
 * one. CANCELLED, NO_MEMORY; what reading the index of the checkpoint returns.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_load_status_list(const struct cairn_load_status *status, cairn_load_callback callback,
		       void *context, struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
