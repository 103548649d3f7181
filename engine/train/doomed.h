/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which checkpoints were about to be removed when their manager died.
 *
 * Between the state file that no longer names a checkpoint and the end of its last file there is
 * nothing that tells it from one that is kept for ever. So it is marked before: by an empty file
 * .cairn-trash-<digest of its base name>. Only the name counts, so that the fsync of the folder
 * that makes the state file durable makes the mark durable, too, and no other is needed. (A file
 * system that keeps no order may lose the mark alone before that fsync, if the power goes then.)
 * Whoever sweeps the folder removes marks of dead managers: then a checkpoint may stay, and none
 * goes that should not.
 *
 * A mark says nothing about a checkpoint that a state file names: it was saved again.
 */
#ifndef CAIRN_ENGINE_DOOMED_H
#define CAIRN_ENGINE_DOOMED_H

#include "engine/train/checkpoint_files.h"

/* Marks that cannot be made or removed are no failure. */
void doomed_mark(const struct folder *folder, const char *base);
void doomed_unmark(const struct folder *folder, const char *base);

/* The base name of a path that leads to the folder of that name and no further; NULL. */
const char *doomed_base(const char *folder, const char *path);

/* Called for each marked base of which a file is there, once or several times. */
typedef enum cairn_status (*doomed_callback)(void *context, const char *base,
					     struct cairn_error *error);

enum cairn_status doomed_list(const struct folder *folder, const struct folder_names *names,
			      doomed_callback callback, void *context, struct cairn_error *error);

#endif
