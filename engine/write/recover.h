/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery: removing what dead writers left, and nothing else.
 *
 * Touched are only names of Cairn's own grammar, of this user: drafts and temporary folders
 * (.cairn-tmp-<32 hex>) and what was put aside for deletion (.cairn-trash-<32 hex>), when their
 * lock could be had and they still have that name then; and in a sharded checkpoint shards that its
 * durable index does not name (an index that names none owns none). Undo records of TensorFlow
 * prefixes are settled (publish_prefix.h): only there does anything come back. The folder is locked
 * exclusively and made durable before anything is judged; what was judged is removed under its own
 * lock, most of it when the folder is free again.
 */
#ifndef CAIRN_ENGINE_RECOVER_H
#define CAIRN_ENGINE_RECOVER_H

#include "engine/write/draft.h"

struct sweep_counts {
	uint64_t removed;
	uint64_t kept;
};

/* Sweeps one folder. IN_DOUBT when it could not be made durable (nothing was removed then), BUSY,
 * IO, NO_MEMORY; also when an undo record could not be settled: it stays then. No-op where locks do
 * not work, and on network file systems, where they may not reach the writers on other hosts. */
enum cairn_status folder_sweep(struct folder *folder, struct sweep_counts *counts,
			       struct cairn_error *error);

/* What Cairn puts into folders of its own. */
bool is_ours_inside(const char *name);

/* Removes an entry of the folder by name: a file, or a folder with the files that Cairn puts into
 * folders. False when something stayed. */
bool folder_remove_entry(struct folder *folder, const char *name);

/*
 * Takes a checkpoint away: renames it to a trash name, fsync, with the folder locked; then removes
 * it. NOT_FOUND, IN_DOUBT, BUSY, IO.
 */
enum cairn_status folder_take_away(struct folder *folder, const char *name,
				   struct cairn_error *error);

/* The name still refers to what was opened. */
bool folder_still_names(struct folder *folder, const char *name,
			const struct system_status *opened);

#endif
