/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state file `checkpoint`: which checkpoints a folder holds, and which is the latest.
 *
 *     char path[CAIRN_PATH_SIZE];
 *     struct cairn_reader *reader;
 *
 *     if (cairn_state_latest("run", NULL, path, &error) != CAIRN_OK) ...
 *     if (cairn_reader_open(path, NULL, &reader, &error) != CAIRN_OK) ...
 *
 * The file is TensorFlow's, byte for byte, and each function says which of TensorFlow's it mirrors
 * (tf.train, TensorFlow 2.21). A checkpoint is named by its prefix, a path without suffix:
 * `run/ckpt-7` for run/ckpt-7.index and run/ckpt-7.data-00000-of-00001. It is there when one of
 * these is:
 *
 *     PREFIX.index                  a file: TensorFlow V2
 *     PREFIX                        a file: TensorFlow V1, or another format of one file
 *     PREFIX = x-?????-of-00004     files x-DDDDD-of-00004: TensorFlow V1 in shards; no other
 *                                   question mark in a prefix means anything
 *     PREFIX.cairn                  a file: a Cairn container
 *     PREFIX/index.cairn            a file: a sharded Cairn checkpoint
 *
 * Different from TensorFlow, on purpose
 *
 * - Paths are literal, never patterns: folders named `lr=[1e-3]` work. (TensorFlow does not find or
 *   delete the checkpoints in them.)
 * - A state file that cannot be read is an error, not the same as none.
 * - A list entry is made relative once. (TensorFlow makes an absolute entry relative twice when the
 *   folder was given by a relative path and save_relative_paths is set, and writes a wrong path.)
 * - A state file is replaced atomically and durably, and what it names as the latest is made
 *   durable before. Removing takes the index away durably before the data.
 *
 * Threads: functions without an iterator may be called from any number of threads at once; an
 * iterator belongs to one thread at a time. Two writers of one state file do not tear it: the last
 * one wins.
 */
#ifndef CAIRN_STATE_H
#define CAIRN_STATE_H

#include <cairn/base.h>
#include <cairn/error.h>
#include <cairn/reader.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a state file is called unless another name is given. */
#define CAIRN_STATE_NAME "checkpoint"

/* Room for a path that the functions here hand out, with its terminating NUL. */
#define CAIRN_PATH_SIZE 4096

/* -------------------------------------------------------------------------------------- reading */

/* What a state file says. Everything in it is owned by it: cairn_state_free. */
struct cairn_state {
	const char *model_checkpoint_path; /* the latest; never empty */
	const char *const *all_model_checkpoint_paths;
	uint64_t path_count;                           /* oldest first */
	const double *all_model_checkpoint_timestamps; /* seconds since 1970; as many as paths, or
							  none, when written by TensorFlow */
	uint64_t timestamp_count;
	double last_preserved_timestamp; /* 0: none */
	uint64_t reserved[4];
};

/*
 * Reads the state file `latest_filename` (NULL: "checkpoint") of a folder ("": the working
 * directory). Relative paths in it are relative to the folder and get it in front.
 *
 * tf.train.get_checkpoint_state, but for the statuses:
 *   NOT_FOUND         no such file; TensorFlow: None
 *   CORRUPT           the text cannot be read; message and `offset` say where; TensorFlow: None
 *   LIMIT             larger than 4 MiB
 *   INVALID_ARGUMENT  no model_checkpoint_path in it, an empty file for instance; TensorFlow:
 *                     ValueError. Also: no folder, or a name with a '/'
 *   NOT_A_CHECKPOINT  no regular file
 *   IO, TRUNCATED (it changed while it was read), NO_MEMORY
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_state_get(const char *folder,
							   const char *latest_filename,
							   struct cairn_state **state,
							   struct cairn_error *error);

/* NULL is allowed. */
CAIRN_API void cairn_state_free(struct cairn_state *state);

/*
 * The prefix of the latest checkpoint of a folder, if it is there. Only the latest is looked for.
 *
 * tf.train.latest_checkpoint. NOT_FOUND: no state file, or what it names is not there (TensorFlow:
 * None); LIMIT: the prefix does not fit; else as cairn_state_get.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_state_latest(const char *folder,
							      const char *latest_filename,
							      char path[CAIRN_PATH_SIZE],
							      struct cairn_error *error);

/*
 * Whether a checkpoint of that prefix is there: *exists is 1 or 0. Its content is not looked at.
 *
 * tf.train.checkpoint_exists. IO: could not be found out; NO_MEMORY, INVALID_ARGUMENT (NULL).
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_state_exists(const char *prefix, int *exists,
							      struct cairn_error *error);

/*
 * When the checkpoints were last modified, in seconds since 1970, in the order of the prefixes;
 * those that are not there are left out. `mtimes` has room for `count`; *found is how many there
 * are.
 *
 * tf.train.get_checkpoint_mtimes. As cairn_state_exists.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_state_mtimes(const char *const *prefixes,
							      uint64_t count, double *mtimes,
							      uint64_t *found,
							      struct cairn_error *error);

/* -------------------------------------------------------------------------------------- writing */

struct cairn_state_update_options {
	size_t size; /* sizeof(struct cairn_state_update_options); 0 means version 1 of this struct
		      */
	const char *const *all_model_checkpoint_paths; /* oldest first; may be empty */
	uint64_t path_count;
	const double *all_model_checkpoint_timestamps; /* as many as paths, or none */
	uint64_t timestamp_count;
	double last_preserved_timestamp; /* 0: none */
	const char *latest_filename;     /* NULL: "checkpoint" */
	int save_relative_paths;         /* absolute paths are written relative to the folder */
	int is_durable;       /* the caller made the checkpoint durable already, as Cairn's
				    writers do: its files are not synced again */
	uint64_t reserved[8]; /* zero */
};

/*
 * Writes the state file of a folder ("": the working directory): this checkpoint is the latest. If
 * it is not the last of all paths it is added to them, behind the others. When the folder is given
 * by a relative path, relative paths are relative to the working directory and are rewritten to be
 * relative to the folder; else they are kept, and mean the folder.
 *
 * First the files of the checkpoint are made durable, if it is there; then the text is written to a
 * temporary file, made durable, and renamed over the old one: old or new at every moment, durable
 * when this returns OK. Options may be NULL.
 *
 * tf.train.update_checkpoint_state; with save_relative_paths what Saver and CheckpointManager call.
 * INVALID_ARGUMENT: no path; number of timestamps; a name with a '/'; a path that is no UTF-8; the
 * checkpoint would have the path of the state file (TensorFlow: ValueError, RuntimeError).
 * NOT_FOUND: no such folder. LIMIT: the text would be larger than 4 MiB. IN_DOUBT: the last fsync
 * failed, old or new is there. IO, BUSY, NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_state_update(const char *folder, const char *model_checkpoint_path,
		   const struct cairn_state_update_options *options, struct cairn_error *error);

/* Which files a prefix stands for when it is removed. */
enum cairn_state_format {
	/* PREFIX.index and all PREFIX.data-DDDDD-of-DDDDD */
	CAIRN_STATE_TENSORFLOW_V2 = 0,
	/* PREFIX, or the shards of a pattern */
	CAIRN_STATE_TENSORFLOW_V1 = 1,
	/* PREFIX.cairn, or the sharded checkpoint PREFIX */
	CAIRN_STATE_CAIRN = 2
};

struct cairn_state_remove_options {
	size_t size; /* sizeof(struct cairn_state_remove_options); 0 means version 1 of this struct
		      */
	enum cairn_state_format format;
	const char *meta_graph_suffix; /* of TensorFlow's graph file, which is removed too; NULL:
					  "meta" */
	uint64_t reserved[8];          /* zero */
};

/*
 * Removes a checkpoint: what is not there is no error. The index goes first, and that is made
 * durable before any data go: what is still found can be read. No state file is changed; update it
 * before. Options may be NULL.
 *
 * tf.train.remove_checkpoint. IN_DOUBT: the fsync failed, no data were removed; IO: something could
 * not be removed, the message names the first; INVALID_ARGUMENT, NO_MEMORY; for Cairn's own formats
 * also what cairn_remove returns.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_state_remove(const char *prefix, const struct cairn_state_remove_options *options,
		   struct cairn_error *error);

/* -------------------------------------------------------------------------- checkpoints by path */

/*
 * Opens a checkpoint by its prefix, or the latest of a folder. A folder without a state file may be
 * a checkpoint itself. Options as for cairn_reader_open, or NULL.
 *
 * tf.train.load_checkpoint. INVALID_ARGUMENT: nothing of both in the folder (TensorFlow:
 * ValueError); NOT_FOUND: no such path; else as cairn_state_get and cairn_reader_open.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_state_load_checkpoint(const char *path, const struct cairn_reader_options *options,
			    struct cairn_reader **reader, struct cairn_error *error);

/* Called for each tensor; what it points to is borrowed for the call. Not 0: stop, CANCELLED. */
typedef int (*cairn_variable_callback)(void *context, const struct cairn_tensor *tensor);

/*
 * Calls back with the tensors of a checkpoint, or of the latest of a folder, in byte order of
 * names.
 *
 * tf.train.list_variables. As cairn_state_load_checkpoint, and CANCELLED.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_state_list_variables(const char *path, cairn_variable_callback callback, void *context,
			   struct cairn_error *error);

/*
 * One tensor of a checkpoint, or of the latest of a folder. ":0" at the end of the name is dropped.
 * *tensor is borrowed from the view, which keeps the checkpoint open until it is released.
 *
 * tf.train.load_variable. NOT_FOUND: no such path or tensor; else as cairn_state_load_checkpoint
 * and cairn_tensor_view: PRECONDITION where slices of it are missing (TensorFlow: ValueError).
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_state_load_variable(const char *path, const char *name, struct cairn_tensor *tensor,
			  struct cairn_view *view, struct cairn_error *error);

/* -------------------------------------------------------------------------------------- waiting */

/* Waits for new checkpoints. Opaque. */
struct cairn_state_iterator;

/* Asked when a wait has timed out. Not 0: no more checkpoints will come; 0: wait once more. */
typedef int (*cairn_timeout_callback)(void *context);

struct cairn_state_iterator_options {
	size_t size; /* sizeof(struct cairn_state_iterator_options); 0 means version 1 of this
			struct */
	const char *latest_filename; /* NULL: "checkpoint" */
	double min_interval_seconds; /* between two checkpoints that are handed out, at least */
	int has_timeout;             /* without it a wait never ends */
	double timeout_seconds;      /* of each wait; 0: only look */
	cairn_timeout_callback on_timeout; /* NULL: a timeout is the end */
	void *timeout_context;
	uint64_t reserved[8]; /* zero */
};

/*
 * Iterates over the latest checkpoints of a folder as they appear: each one that is the latest when
 * it is looked for, once. The folder need not be there yet. Options may be NULL.
 *
 * tf.train.checkpoints_iterator. INVALID_ARGUMENT, NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_state_iterator_create(const char *folder, const struct cairn_state_iterator_options *options,
			    struct cairn_state_iterator **iterator, struct cairn_error *error);

/*
 * Waits until the latest checkpoint is another one than the last time, and gives its prefix. The
 * folder is watched where that works (inotify, on local file systems) and looked at each second in
 * any case. A state file that cannot be read is looked at again, as one that is not there.
 *
 * NOT_FOUND: timed out, the iteration is at its end (or may be gone on with); NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_state_iterator_next(struct cairn_state_iterator *iterator, char path[CAIRN_PATH_SIZE],
			  struct cairn_error *error);

/* NULL is allowed. */
CAIRN_API void cairn_state_iterator_destroy(struct cairn_state_iterator *iterator);

/* -------------------------------------------------------------------------------------- listing */

/* A checkpoint of a folder. Pointers are borrowed for the duration of the callback. */
struct cairn_state_entry {
	const char *path;   /* its prefix */
	const char *format; /* "tensorflow-v2", "tensorflow-v1", "cairn", "cairn-sharded"; of a
			       single file "tensorflow-v1" whatever it holds; NULL: not there */
	int is_listed;      /* by the state file */
	int is_latest;      /* the state file's model_checkpoint_path */
	int has_timestamp;
	double timestamp; /* of the state file, seconds since 1970 */
	double modified;  /* of its index or only file; 0 when it is not there */
	uint64_t bytes;   /* of its files, without TensorFlow's graph */
	uint64_t reserved[8];
};

/* Not 0: stop, with CANCELLED. */
typedef int (*cairn_state_entry_callback)(void *context, const struct cairn_state_entry *entry);

/*
 * Calls back with all checkpoints of a folder: those that the state file lists, in its order,
 * whether they are there or not; then others that lie there, in byte order (TensorFlow V2 and
 * Cairn's formats; others cannot be told by their names). A folder without a state file is fine.
 * No function of TensorFlow's. NOT_FOUND: no such folder; CANCELLED; else as cairn_state_get.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_state_list(const char *folder, const char *latest_filename,
		 cairn_state_entry_callback callback, void *context, struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
