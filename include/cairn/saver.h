/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Savers: the variables of a program, saved under names and restored by names, with a state file
 * that says which checkpoint is the latest, and old checkpoints that go when new ones come.
 *
 *     const struct cairn_saver_variable variables[] = {
 *         {.name = cairn_string_from("w"), .variable = &w},
 *         {.name = cairn_string_from("b"), .variable = &b},
 *     };
 *     const struct cairn_saver_save_options step = {.has_global_step = 1, .global_step = 100};
 *     char path[CAIRN_PATH_SIZE];
 *
 *     if (cairn_saver_create(variables, 2, NULL, &saver, &error) != CAIRN_OK) ...
 *     if (cairn_saver_save(saver, "run/model", &step, path, &error) != CAIRN_OK) ...
 *     if (cairn_saver_restore(saver, path, NULL, &error) != CAIRN_OK) ...
 *     cairn_saver_destroy(saver);
 *
 * The calls are those of tf.train.Saver (TensorFlow 2.21), with its outcomes; each function says
 * which it mirrors. Checkpoints are Cairn's own unless a TensorFlow format is asked for, which has
 * the bytes that TensorFlow would write; restoring reads every format that Cairn reads.
 *
 * Different from TensorFlow, on purpose
 *
 * - What is saved is durable and atomic, each step before the next: the checkpoint; the state file,
 *   which never names what is not there; then one old checkpoint goes; then the graph's file comes.
 * - Names, dtypes and shapes of all variables are compared before the first value is written to a
 *   variable. A shape is always compared. (TensorFlow lets a resource variable of a graph take over
 *   that of the file, and may have restored some variables when others do not fit.)
 * - Paths are literal, never patterns.
 * - A checkpoint that was saved again, under any spelling of its path, is not removed with its
 *   older entry of the list.
 * - Damage, and what is no checkpoint, is told as in reader.h, whatever TensorFlow would take the
 *   file for.
 *
 * Threads: a saver belongs to one thread at a time.
 */
#ifndef CAIRN_SAVER_H
#define CAIRN_SAVER_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/reader.h>
#include <cairn/state.h>
#include <cairn/variable.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A saver. Opaque. */
struct cairn_saver;

/* -------------------------------------------------------------------------------------- options */

/* A variable and the name that it has in checkpoints: its own (a var_list), or another one (a map).
 * All parts of a partitioned variable have one name. */
struct cairn_saver_variable {
	struct cairn_string name;
	const struct cairn_variable *variable;
	const char *device; /* of a sharded saver: which shard; NULL: "" */
	uint64_t reserved[2];
};

enum cairn_saver_format {
	CAIRN_SAVER_CAIRN = 0,         /* PATH.cairn; sharded: a folder PATH */
	CAIRN_SAVER_TENSORFLOW_V1 = 1, /* PATH; sharded: PATH-?????-of-N */
	CAIRN_SAVER_TENSORFLOW_V2 = 2  /* PATH.index and PATH.data-* */
};

/* For max_to_keep. */
#define CAIRN_SAVER_KEEP_ALL (-1)

/* Zero is the default everywhere; NULL stands for all defaults. */
struct cairn_saver_options {
	size_t size; /* sizeof(struct cairn_saver_options); 0 means version 1 of this struct */

	enum cairn_saver_format format; /* write_version */
	/* A stored tensor of another shape, but as many elements, is restored. */
	int reshape;
	/* One shard for each device; shards are in byte order of devices. */
	int sharded;

	/* How many checkpoints are kept; 0: 5. With CAIRN_SAVER_KEEP_ALL (TensorFlow: 0 or None)
	 * none is listed or removed, and the state file names the latest alone. */
	int32_t max_to_keep;
	/* Of those that would be removed, one for each so many hours is kept for ever; 0: 10,000.
	 * Rounded to 32 bits, as TensorFlow does. */
	double keep_checkpoint_every_n_hours;

	int allow_empty;         /* no variables are no error: saving and restoring do nothing */
	int defer_build;         /* variables are given to cairn_saver_build */
	int pad_step_number;     /* path-00000042 */
	int save_relative_paths; /* in the state file */
	const char *filename;    /* saved to when no path is given; NULL: "model". Copied */
	const void *saver_def;   /* bytes of a SaverDef, or NULL: replaces format, sharded, */
	size_t saver_def_size;   /* max_to_keep and hours */
	cairn_progress progress; /* of saving; or NULL */
	void *progress_context;
	uint32_t thread_count; /* of saving; 0: chosen; at most 64 */
	uint32_t reserved_count;
	uint64_t reserved[8]; /* zero */
};

/* ----------------------------------------------------------------------- create, build, destroy */

/*
 * A saver of these variables. tf.train.Saver(var_list); deferred: of what cairn_saver_build is
 * given, and then there are no variables here.
 *
 * INVALID_ARGUMENT (TensorFlow: ValueError): no variables, without allow_empty; a name twice; a
 * name of parts and of something that is whole; one variable (the same struct, or the same memory)
 * under two names; a name that is no UTF-8; parts that leave the shape, or disagree about it;
 * variables and defer_build; a SaverDef that cannot be read or lacks names; unknown options.
 * NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_saver_create(const struct cairn_saver_variable *variables, uint64_t count,
		   const struct cairn_saver_options *options, struct cairn_saver **saver,
		   struct cairn_error *error);

/*
 * Gives a deferred saver its variables: until then saving and restoring are INVALID_ARGUMENT
 * (TensorFlow: RuntimeError). The hours begin now. As cairn_saver_create; built already: a no-op,
 * as in TensorFlow.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_saver_build(struct cairn_saver *saver, const struct cairn_saver_variable *variables,
		  uint64_t count, struct cairn_error *error);

/* NULL is allowed. Files stay. */
CAIRN_API void cairn_saver_destroy(struct cairn_saver *saver);

/* --------------------------------------------------------------------------------------- saving */

struct cairn_saver_save_options {
	size_t size; /* sizeof(struct cairn_saver_save_options); 0 means version 1 of this struct */
	int has_global_step;
	int64_t global_step;         /* "-100" is added to the path */
	const char *latest_filename; /* of the state file; NULL: "checkpoint" */
	/* Bytes of a MetaGraph, written as they are to PATH.meta (cairn_saver_export_meta_graph
	 * makes them); NULL: none. */
	const void *meta_graph;
	size_t meta_graph_size;
	const char *meta_graph_suffix; /* NULL: "meta"; also of the one that is removed */
	int skip_state; /* TensorFlow: write_state=False: neither list nor state file change, and
			   nothing is removed */
	uint64_t reserved[8]; /* zero */
};

/*
 * Saves all variables: save_path, or save_path-<global_step>. `path` gets what to restore from: of
 * a sharded V1 checkpoint with question marks; "" when an empty saver had nothing to save.
 * Overwrites what is there. A missing folder is made when its parent is there, but not by sharded
 * savers, nor for V1. Options may be NULL.
 *
 * tf.train.Saver.save. INVALID_ARGUMENT: a latest_filename with a '/', or one that save_path would
 * collide with; no such folder; not built; too long a path. A status of the writer (IO, IN_DOUBT,
 * BUSY, CANCELLED, UNSUPPORTED, ...): nothing was saved. A status of the state file or of the
 * graph's file, whose message says so: the checkpoint was saved.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_saver_save(struct cairn_saver *saver, const char *save_path,
		 const struct cairn_saver_save_options *options, char path[CAIRN_PATH_SIZE],
		 struct cairn_error *error);

/* What the last save or restore has to tell although it succeeded, which TensorFlow logs: which old
 * checkpoint could not be removed, and why; that an object-based checkpoint was restored by names.
 * NULL: nothing. Borrowed until the next one. */
CAIRN_API const char *cairn_saver_note(const struct cairn_saver *saver);

/* ------------------------------------------------------------------------------------ restoring */

/*
 * Restores all variables from a checkpoint, whatever its format. Parts may be cut otherwise than
 * when they were saved. Options as for cairn_reader_open, or NULL. A checkpoint that
 * tf.train.Checkpoint wrote is restored by the names that its variables had (see below).
 *
 * tf.train.Saver.restore. INVALID_ARGUMENT: no path, or nothing is there (TensorFlow: ValueError);
 * not built. NOT_FOUND: a variable is not in the checkpoint (the message lists them). MISMATCH:
 * dtypes (all are listed) or shapes differ; a part is not stored. NOT_A_CHECKPOINT, and TRUNCATED
 * for an index without its data (TensorFlow: DataLossError, NotFoundError). In these cases no
 * variable was touched. Else as cairn_reader_open and cairn_tensor_read_slice, and what a
 * callback returns: then some variables may have got their values.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_saver_restore(struct cairn_saver *saver, const char *save_path,
		    const struct cairn_reader_options *options, struct cairn_error *error);

/* --------------------------------------------------------------------- object-based checkpoints */

/*
 * tf.train.Checkpoint saves values under keys that say how objects hang together, and keeps the
 * names that variables had in a graph of TensorFlow 1. By these names a saver restores them too.
 */

/* Called for each name, in byte order; strings are borrowed. Not 0: stop, CANCELLED. */
typedef int (*cairn_key_mapping_callback)(void *context, struct cairn_string full_name,
					  struct cairn_string key);

/*
 * The names of variables and the keys of their values. Where two have one name the later counts.
 * Objects without a name are left out. TensorFlow: object_graph_key_mapping. NOT_FOUND: the
 * checkpoint is not object-based; CANCELLED; else as cairn_graph_open.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_object_graph_key_mapping(const struct cairn_reader *reader,
			       cairn_key_mapping_callback callback, void *context,
			       struct cairn_error *error);

/*
 * A saver that restores variables, whose names are those that they had, from an object-based
 * checkpoint: each has the key of its value as its name in the saver. TensorFlow:
 * saver_from_object_based_checkpoint. INVALID_ARGUMENT: the checkpoint is not object-based;
 * NOT_FOUND: a name is not in it (the message says which, which others are there, and how many
 * matched); else as cairn_saver_create and cairn_reader_open.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_saver_from_object_based_checkpoint(const char *path,
					 const struct cairn_saver_variable *variables,
					 uint64_t count, const struct cairn_saver_options *options,
					 struct cairn_saver **saver, struct cairn_error *error);

/* ---------------------------------------------------------------------- the list of checkpoints */

/* Checkpoints that the saver knows, oldest first: those that the next state file will list.
 * tf.train.Saver.last_checkpoints. */
CAIRN_API uint64_t cairn_saver_checkpoint_count(const struct cairn_saver *saver);

/* The index-th of them, borrowed until the list changes; NULL when there is none. `time`, unless
 * NULL, gets when it was saved, in seconds since 1970. */
CAIRN_API const char *cairn_saver_checkpoint(const struct cairn_saver *saver, uint64_t index,
					     double *time);

/*
 * Replaces the list. A new saver begins with an empty one: it removes nothing that another has
 * written, unless it is told about it. With infinite times: they are kept for ever when they fall
 * off the list. tf.train.Saver.set_last_checkpoints, which is deprecated there. INVALID_ARGUMENT,
 * NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_saver_set_last_checkpoints(struct cairn_saver *saver, const char *const *paths,
				 uint64_t count, struct cairn_error *error);

/* The same with times. tf.train.Saver.set_last_checkpoints_with_time. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_saver_set_last_checkpoints_with_time(struct cairn_saver *saver, const char *const *paths,
					   const double *times, uint64_t count,
					   struct cairn_error *error);

/* The same with the times of their files; those that are not there are left out. For a job that
 * goes on: with the paths of cairn_state_get. tf.train.Saver.recover_last_checkpoints. IO, too. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_saver_recover_last_checkpoints(struct cairn_saver *saver, const char *const *paths,
				     uint64_t count, struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
