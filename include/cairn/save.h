/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharded saves: many writers, one commit; merging; sweeping.
 *
 * A sharded checkpoint is a folder that holds index.cairn and shards, each a complete container. It
 * becomes visible in one step, or not at all:
 *
 *     coordinator                        each rank (the coordinator may be one)
 *
 *     cairn_save_begin(path, ...)
 *     id = cairn_save_id(save)   -- id -->   cairn_save_join(path, id, ...)
 *                                            cairn_save_writer(save, rank, attempt, ...)
 *                                            cairn_writer_add(writer, ...) ...
 *                                            cairn_writer_finish(writer, ...)  durable, not visible
 *                               <-- done --  cairn_save_destroy(save)
 *     cairn_save_commit(save, ...)
 *     cairn_save_destroy(save)
 *
 * How the ranks tell each other is theirs (MPI, pipes, a job's rendezvous). Tensors may be whole in
 * one shard, or slices of one in several; a tensor or slice that several ranks hold with equal
 * bytes is stored in the index once. A rank that died is done again under a new attempt number: the
 * highest finished one counts.
 *
 * Caveats
 *
 * - The commit fails, with a message that names the rank, when a rank did not finish. What was
 *   there before is untouched then.
 * - Everybody that takes part holds a lock of the temporary folder (.cairn-tmp-<id>). When all of
 *   them are gone, the next save or sweep in the parent folder removes it. A child forked by one of
 *   them holds the lock too.
 * - All ranks need one local file system.
 *
 * Threads: a struct cairn_save belongs to one thread at a time; its writers may be used by other
 * threads.
 */
#ifndef CAIRN_SAVE_H
#define CAIRN_SAVE_H

#include <cairn/base.h>
#include <cairn/convert.h>
#include <cairn/error.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One process's part in a sharded save. Opaque. */
struct cairn_save;

/* Names a save among those of one folder. */
struct cairn_save_id {
	uint8_t bytes[16];
};

/* The largest number of ranks. */
#define CAIRN_RANK_COUNT_MAX 65534u

struct cairn_save_options {
	size_t size; /* sizeof(struct cairn_save_options); 0 means version 1 of this struct */
	uint32_t rank_count;  /* 1 to CAIRN_RANK_COUNT_MAX; for begin */
	int replace;          /* overwrite a sharded checkpoint that is there; without it: EXISTS */
	int allow_incomplete; /* tensors whose slices do not cover them are no error */
	struct cairn_save_id id; /* of the save, kept in every file; zero: a random one */
	struct cairn_digest parent_id;
	uint64_t generation;
	uint64_t reserved[8]; /* zero */
};

/*
 * Begins a save of `path`, a folder that is not there yet or (replace) is a sharded checkpoint.
 * Sweeps the parent folder first. INVALID_ARGUMENT, EXISTS (also: a save of that id is going on),
 * NOT_FOUND (no parent folder), BUSY, IO, NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_save_begin(const char *path, const struct cairn_save_options *options,
		 struct cairn_save **save, struct cairn_error *error);

/* What the other processes need to join. */
CAIRN_API struct cairn_save_id cairn_save_id(const struct cairn_save *save);

/* Takes part in a save that another process began. NOT_FOUND when no save of that id is going on.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_save_join(const char *path,
							   struct cairn_save_id id,
							   struct cairn_save **save,
							   struct cairn_error *error);

/*
 * A writer for a rank's shard. cairn_writer_finish makes it durable but not visible. Options as for
 * cairn_writer_create, but that the save id is that of the save and nothing is replaced; parent and
 * generation of a shard are those of the options, of the checkpoint those of the save. EXISTS when
 * that attempt of that rank is finished already.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_save_writer(struct cairn_save *save, uint32_t rank, uint32_t attempt,
		  const struct cairn_writer_options *options, struct cairn_writer **writer,
		  struct cairn_error *error);

/*
 * Merges the shards' indexes and makes the checkpoint visible: old or new at every moment, durable
 * when this returns OK. Only for who began the save. Afterwards the save can only be destroyed;
 * when it failed, everything of it is removed, unless the status is IN_DOUBT (the last fsync
 * failed; old or new is there, whole; nothing was removed). PRECONDITION (ranks did not finish,
 * slices are missing; the message names them), EXISTS (a tensor or slice with different bytes in
 * two shards; or the path, by now), MISMATCH (types, shapes, overlapping slices, a shard of another
 * save), BUSY, IO, ...
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_save_commit(struct cairn_save *save,
							     struct cairn_error *error);

/* Gives up: the process that began the save removes everything of it, others just leave. After
 * commit, and on NULL, a no-op. */
CAIRN_API void cairn_save_abort(struct cairn_save *save);

/* Frees the handle, aborting first if nothing was committed. NULL is allowed. */
CAIRN_API void cairn_save_destroy(struct cairn_save *save);

/* -------------------------------------------------------------------------------------- merging */

struct cairn_merge_options {
	size_t size; /* sizeof(struct cairn_merge_options); 0 means version 1 of this struct */
	int replace;
	int allow_incomplete;
	int remove_sources;      /* unlink the sources, after the commit */
	uint64_t shard_size_max; /* write new shards of at most so many bytes of tensors; 0: link
				    those of the sources */
	cairn_progress progress; /* of what is copied; or NULL */
	void *progress_context;
	enum cairn_target target; /* CAIRN_TARGET_TENSORFLOW; or 0: Cairn's own */
	int allow_missing;        /* TensorFlow: sources that are not there are left out */
	uint64_t reserved[7];     /* zero */
};

struct cairn_merge_report {
	uint32_t shards; /* of the merged checkpoint */
	uint32_t copied; /* sources that were copied: of another file system or a foreign format;
			    of a TensorFlow checkpoint: data files that could not be linked */
	uint64_t copied_bytes;
	uint64_t reserved[8];
};

/*
 * Merges published checkpoints into one. `path` ending in .cairn: into one file; else a sharded
 * checkpoint, whose shards are links to the sources' files: their data are not touched. Sources
 * stay as they are. `report` may be NULL. Statuses as cairn_save_commit and cairn_reader_open.
 *
 * With CAIRN_TARGET_TENSORFLOW: what TensorFlow's MergeV2Checkpoints does when a save in shards
 * ends. Sources and `path` are prefixes, of TensorFlow's second format; `path` gets the bytes that
 * TensorFlow would write. The data files become links to those of the sources, or copies where no
 * link is possible; as many descriptors are open for a moment. All is durable and atomic: a new
 * prefix appears whole; one that is replaced is old, new, or for a moment not there, and after a
 * power cut in that moment the next writer in the folder, or cairn_sweep, puts the old one back.
 * remove_sources removes the sources' files after the commit, indexes first, and their folders when
 * they are empty and not that of `path`: what TensorFlow calls delete_old_dirs, and does before the
 * result is there.
 *
 * MISMATCH: byte orders or format versions differ; a tensor is in two sources; slices of one tensor
 * differ in type or shape, or overlap. NOT_FOUND: a source is not there (unless allow_missing), or
 * none is. PRECONDITION: slices are missing (unless allow_incomplete), which TensorFlow accepts.
 * TRUNCATED, CORRUPT: a data file is shorter than its index says, or not there. EXISTS, BUSY,
 * IN_DOUBT, IO, CANCELLED ...
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_merge(const char *const *sources, uint32_t count,
						       const char *path,
						       const struct cairn_merge_options *options,
						       struct cairn_merge_report *report,
						       struct cairn_error *error);

/* ---------------------------------------------------------------------------------- clearing up */

struct cairn_sweep_report {
	uint64_t removed; /* files and folders that dead writers left, and shards that no index
			     names */
	uint64_t kept;    /* that belong to living writers, or could not be removed */
	uint64_t reserved[8];
};

/*
 * Removes from a folder, and from the sharded checkpoints in it, what no living writer and no index
 * needs: names of Cairn's own grammar only, the caller's own only. Where the overwriting of a
 * TensorFlow checkpoint was interrupted when its index was not there, the old one is put back. The
 * folder is made durable first. Nothing is removed on network file systems: a lock there may not
 * reach the living writers on other hosts. IN_DOUBT when that fails (nothing was removed),
 * NOT_FOUND, BUSY, IO.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_sweep(const char *folder, struct cairn_sweep_report *report, struct cairn_error *error);

/*
 * Removes a checkpoint that Cairn wrote (a container, or a sharded checkpoint): renames it to a
 * name that nobody opens, makes that durable, then unlinks it. Readers that have it open keep it.
 * NOT_A_CHECKPOINT, NOT_FOUND, IN_DOUBT, BUSY, IO.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_remove(const char *path,
							struct cairn_error *error);

#ifdef __cplusplus
}
#endif

#endif
