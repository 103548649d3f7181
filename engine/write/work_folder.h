/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The temporary folder in which a sharded checkpoint is made, and its publication.
 *
 * .cairn-tmp-<id> beside the target. Everybody who works in it holds a shared lock of it, so that a
 * sweep, which needs an exclusive one, keeps off until all of them are gone. Inside, no further
 * locks are needed.
 */
#ifndef CAIRN_ENGINE_WORK_FOLDER_H
#define CAIRN_ENGINE_WORK_FOLDER_H

#include <cairn/save.h>

#include "engine/write/merge.h"

struct work_folder {
	struct system *system;
	struct folder parent;
	struct folder folder;          /* guarded; holds the lock */
	char target[SYSTEM_NAME_SIZE]; /* base name of the checkpoint */
	char temporary[TEMPORARY_NAME_SIZE];
	char path[4096]; /* of the temporary folder, as far as the caller's path leads to it */
	bool replace;
	bool is_named; /* the temporary folder is there under its name and ours to remove */
};

/* Opens the parent of `path`, sweeps it, and checks the target: EXISTS, unless it is not there, or
 * a sharded checkpoint and `replace`. */
enum cairn_status work_folder_begin(struct work_folder *work, struct system *system,
				    const char *path, bool replace, struct cairn_error *error);

/* Opens and sweeps the parent of `path` only: for a temporary folder whose content becomes
 * something else. */
enum cairn_status work_folder_begin_beside(struct work_folder *work, struct system *system,
					   const char *path, struct cairn_error *error);

/* Creates the temporary folder of that id, locked. EXISTS when it is there. */
enum cairn_status work_folder_create(struct work_folder *work, const char *path,
				     const uint8_t id[16], struct cairn_error *error);

/* Opens one that another process created. NOT_FOUND. */
enum cairn_status work_folder_join(struct work_folder *work, struct system *system,
				   const char *path, const uint8_t id[16],
				   struct cairn_error *error);

/* The path of a file in it. */
void work_folder_file(const struct work_folder *work, const char *name, char *path, size_t size);

/* Closes it; removes it when it is ours to remove. Safe on a zeroed struct. */
void work_folder_end(struct work_folder *work);

/*
 * Completes a planned merge: names the shards, links them into the folder, writes the index, and
 * makes the folder durable. It is then a whole checkpoint under a temporary name.
 */
enum cairn_status work_folder_complete(struct work_folder *work, struct merge *merge,
				       const struct merge_identity *identity, bool durable,
				       struct cairn_error *error);

/* Publishes what was completed: as a new folder, or into the one that is there. */
enum cairn_status work_folder_publish(struct work_folder *work, const struct merge *merge,
				      struct cairn_error *error);

#endif
