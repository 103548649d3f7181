/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Managers: the checkpoints of a training job in a folder of their own. A new one comes, old ones
 * go, and a job that starts again goes on where it was.
 *
 *     struct cairn_manager *manager;
 *     const char *path;
 *
 *     if (cairn_manager_create(checkpoint, "run", 3, NULL, &manager, &error) != CAIRN_OK) ...
 *     if (cairn_manager_restore_or_initialize(manager, &path, &error) != CAIRN_OK) ...
 *     while (...) {
 *             ...
 *             if (cairn_manager_save(manager, NULL, &path, &error) != CAIRN_OK) ...
 *     }
 *     if (cairn_manager_wait(manager, &error) != CAIRN_OK) ...          of a save in the background
 *     cairn_manager_destroy(manager);
 *
 * The calls are those of tf.train.CheckpointManager (TensorFlow 2.21), with its outcomes; each
 * function says which it mirrors. What a save leaves in the folder is
 *
 *     FOLDER/NAME-<number>...    the newest max_to_keep checkpoints, and what is kept longer
 *     FOLDER/checkpoint          the state file (state.h), with the time of each of them
 *
 * Different from TensorFlow, on purpose
 *
 * - The checkpoint is durable before the state file names it, and the state file no longer names an
 *   old one, durably, before that goes. So it is written once for each save, not twice. What a
 *   manager that dies in between leaves behind is marked (.cairn-trash-*), and goes when the next
 *   one is created, or by `cairn gc`.
 * - An old checkpoint that could not be removed is tried again after the next save. Until then
 *   cairn_manager_note tells, and the save is no failure.
 * - Paths are literal, never patterns.
 *
 * Options go beyond TensorFlow: saving in the background, keeping the best, restoring the newest
 * that is undamaged, never removing the last that is, and keeping other managers out. All zero: a
 * manager does what TensorFlow's does.
 *
 * Threads: a manager belongs to one thread at a time.
 */
#ifndef CAIRN_MANAGER_H
#define CAIRN_MANAGER_H

#include <cairn/async.h>
#include <cairn/base.h>
#include <cairn/checkpoint.h>
#include <cairn/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Manages the checkpoints of a folder. Opaque. */
struct cairn_manager;

/* As max_to_keep: none is removed, all are listed. TensorFlow: None. */
#define CAIRN_MANAGER_KEEP_ALL INT32_MAX

/* The state file of the best checkpoints (keep_best): the best is its latest. */
#define CAIRN_MANAGER_BEST_NAME "checkpoint-best"

enum cairn_manager_flags {
	/* cairn_manager_save returns when the values were taken (see async.h) */
	CAIRN_MANAGER_ASYNC = 1u << 0,
	/*
	 * No other manager with this flag works in the folder: BUSY from cairn_manager_create, or
	 * from the first save where the folder was not there. It is a lock (flock) of an empty
	 * file, .cairn-tmp-6d616e616765722e6c6f636b00000000 ("manager.lock"), which goes with the
	 * manager, or, after a crash, with the next sweep. A forked child holds it, too. Where
	 * locks do not work (some network file systems) nobody is kept out.
	 */
	CAIRN_MANAGER_EXCLUSIVE = 1u << 1,
	/*
	 * Restore the newest checkpoint that is there and undamaged, not only the latest: the
	 * latest, then what the state file lists, from the newest, then what lies in the folder
	 * under NAME, from the highest number. Each is read and verified before anything of it is
	 * restored. One that only lay in the folder is managed from then on.
	 */
	CAIRN_MANAGER_FALL_BACK = 1u << 2,
	/*
	 * Before checkpoints are removed, one of those that stay must be there and undamaged: they
	 * are verified from the newest on until one is. When none is, nothing is removed; what
	 * should have been stays in the list, and cairn_manager_note tells.
	 */
	CAIRN_MANAGER_KEEP_VERIFIED = 1u << 3,
	/* a lower metric is better; of keep_best */
	CAIRN_MANAGER_LOWER_IS_BETTER = 1u << 4
};

/* Sets the program's variables when there is nothing to restore. Must not throw. */
typedef enum cairn_status (*cairn_manager_init)(void *context, struct cairn_error *error);

/* Zero is the default everywhere; NULL stands for all defaults. */
struct cairn_manager_options {
	size_t size;    /* sizeof(struct cairn_manager_options); 0 means version 1 of this struct */
	uint32_t flags; /* enum cairn_manager_flags */

	/* Of checkpoints that would be removed, one for each so many hours is kept for ever; 0:
	 * none. */
	double keep_checkpoint_every_n_hours;
	const char *checkpoint_name; /* NULL: "ckpt"; copied */

	/* The training step, in the program's memory; NULL: none. Borrowed. */
	const int64_t *step_counter;
	int64_t checkpoint_interval;  /* saves are at least so many steps apart; 0: any; needs a
					 step_counter */
	int64_t last_checkpoint_step; /* at which step the last save was; 0: unknown */

	cairn_manager_init init_fn; /* or NULL */
	void *init_context;

	/* So many checkpoints with the best metric are kept, too, and listed in the state file
	 * CAIRN_MANAGER_BEST_NAME; 0: none. */
	uint32_t keep_best;
	uint32_t reserved_count;

	/* Of CAIRN_MANAGER_ASYNC, as in async.h. */
	uint64_t staging_size;
	cairn_async_callback on_end;
	void *end_context;

	/* How each checkpoint is written and read: the format, threads and so on. NULL: the
	 * defaults. What they point to is borrowed. */
	const struct cairn_checkpoint_write_options *write_options;
	const struct cairn_checkpoint_read_options *read_options;

	uint64_t reserved[8]; /* zero */
};

/* --------------------------------------------------------------------------- create and destroy */

/*
 * Manages the checkpoints of a folder, which need not be there yet: saving makes it. Checkpoints
 * that its state file lists with times are taken over, so that they are removed in their turn; what
 * was saved without a manager never is. Only what one was removing when it died goes. `checkpoint`
 * is borrowed. Options may be NULL.
 *
 * tf.train.CheckpointManager. INVALID_ARGUMENT: max_to_keep is not positive, an interval without a
 * step counter, a state file that names no checkpoint (TensorFlow: ValueError); unknown options, a
 * name with a '/'. BUSY: another manager is there (CAIRN_MANAGER_EXCLUSIVE). Else as
 * cairn_state_get; but a state file that is damaged counts as none, as TensorFlow has it, and
 * cairn_manager_note tells.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_manager_create(struct cairn_checkpoint *checkpoint, const char *folder, int32_t max_to_keep,
		     const struct cairn_manager_options *options, struct cairn_manager **manager,
		     struct cairn_error *error);

/* Waits for what is under way, then frees. Files stay. NULL is allowed. */
CAIRN_API void cairn_manager_destroy(struct cairn_manager *manager);

/* --------------------------------------------------------------------------------------- saving */

struct cairn_manager_save_options {
	size_t size; /* sizeof(struct cairn_manager_save_options); 0 means version 1 of this struct
		      */
	int has_checkpoint_number;
	int64_t checkpoint_number; /* NAME-<number>; without one: the save counter */
	int ignore_interval;       /* save before the interval has passed, unless the step is the
				      same. TensorFlow: check_interval=False */
	int has_metric;            /* without one, or NaN: never among the best */
	double metric;
	uint64_t reserved[8]; /* zero */
};

/*
 * Saves the checkpoint, updates the state file, and removes old checkpoints. `*path`, unless `path`
 * is NULL, gets the prefix, borrowed until the next save or restore; NULL when the interval has not
 * passed and nothing was done. Options may be NULL. The save counter is increased by one, whatever
 * number is given, and stays increased when saving fails.
 *
 * In the background (CAIRN_MANAGER_ASYNC) all that is done after the values were taken, the state
 * file and the removing included, is done in a thread; OK says that they were taken. A failure of
 * the save before is returned here, unless there is an on_end, and then nothing was saved.
 *
 * tf.train.CheckpointManager.save. Statuses as cairn_checkpoint_write, and as cairn_state_update:
 * then the checkpoint is saved and the manager knows it, but the state file may not. BUSY
 * (CAIRN_MANAGER_EXCLUSIVE).
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_manager_save(struct cairn_manager *manager, const struct cairn_manager_save_options *options,
		   const char **path, struct cairn_error *error);

/* Waits until nothing is under way: what was saved is durable, or its failure was told before. Else
 * what the save would have returned. tf.train.CheckpointManager.sync. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_manager_wait(struct cairn_manager *manager,
							      struct cairn_error *error);

/* ------------------------------------------------------------------------------------ restoring */

/*
 * Restores the latest checkpoint, or, when there never was one, calls init_fn. `*path`, unless
 * `path` is NULL, gets what was restored, borrowed until the next save or restore; NULL: nothing
 * was. With an interval the last save counts as made at the step that was restored. Waits for a
 * save that is under way.
 *
 * tf.train.CheckpointManager.restore_or_initialize. Without CAIRN_MANAGER_FALL_BACK there is no
 * going back to an older checkpoint: statuses as cairn_checkpoint_restore. With it a NOT_FOUND says
 * that there are checkpoints, but none undamaged; cairn_manager_note tells what was passed over.
 * What init_fn returned.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_manager_restore_or_initialize(struct cairn_manager *manager, const char **path,
				    struct cairn_error *error);

/* ---------------------------------------------------------------------------------- clearing up */

/* Called for each checkpoint that was removed, with its prefix. */
typedef void (*cairn_manager_cleared)(void *context, const char *path);

/*
 * Removes from a folder the checkpoints that a manager was about to remove when it died: no state
 * file names them any more, and marks say so. A new manager does so by itself; this is for folders
 * that nobody saves to. `callback` may be NULL. A folder without a state file that can
 * be read is left alone.
 *
 * NOT_FOUND: no such folder; IO, NO_MEMORY; else as cairn_state_remove.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_manager_clear(const char *folder,
							       cairn_manager_cleared callback,
							       void *context,
							       struct cairn_error *error);

/* ---------------------------------------------------------------------------- what there is now */

/* All that follows is as it was after the last save that has ended; borrowed until the next call
 * with this manager that is not one of these. */

/* The prefix of the latest checkpoint, or NULL. TensorFlow: latest_checkpoint. */
CAIRN_API const char *cairn_manager_latest_checkpoint(struct cairn_manager *manager);

/* How many checkpoints are managed, and the index-th of them, oldest first; `time`, unless NULL,
 * gets when it was saved, in seconds since 1970. Those that are kept for ever are not among them.
 * NULL when there is none. TensorFlow: checkpoints. */
CAIRN_API uint64_t cairn_manager_checkpoint_count(struct cairn_manager *manager);
CAIRN_API const char *cairn_manager_checkpoint(struct cairn_manager *manager, uint64_t index,
					       double *time);

/* The index-th best checkpoint, the best first, and its metric; NULL when there is none. */
CAIRN_API const char *cairn_manager_best_checkpoint(struct cairn_manager *manager, uint64_t index,
						    double *metric);

/* What the last create, save, wait or restore has to tell although it succeeded (TensorFlow logs
 * it): a state file that is damaged, a clock that went back, what could not be removed, what was
 * passed over. NULL: nothing. */
CAIRN_API const char *cairn_manager_note(struct cairn_manager *manager);

/* A save is under way at this moment. */
CAIRN_API int cairn_manager_is_busy(struct cairn_manager *manager);

#ifdef __cplusplus
}
#endif

#endif
