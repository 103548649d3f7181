/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one function that makes files durable and gives them their names. Every writer in the project
 * ends here.
 */
#ifndef CAIRN_ENGINE_PUBLISH_H
#define CAIRN_ENGINE_PUBLISH_H

#include "engine/write/draft.h"

/*
 * Publishes complete drafts of one folder: the last of them names the others (an index), or is the
 * only one.
 *
 *   1. fsync each file, once, on the descriptor that wrote it
 *   2. lock the folder
 *   3. rename all but the last to new names (EXISTS if one is taken), fsync the folder
 *   4. rename the last: to a new name, or with `replace` over the old one
 *   5. fsync the folder: the commit point
 *
 * Until 4 nothing that existed has changed. When anything up to 4 fails, what was renamed in 3 is
 * removed again, all drafts are discarded, and the error is returned. When 5 fails the result is
 * IN_DOUBT: the old or the new is visible, both whole, and nothing is removed. In each case the
 * drafts are closed.
 */
enum cairn_status publish(struct draft *drafts, uint32_t count, bool replace,
			  struct cairn_error *error);

/*
 * Publishes one complete draft over the file that `expected` describes, and over no other: BUSY
 * when another one has its name by now. Else as publish with `replace`.
 */
enum cairn_status publish_replacing(struct draft *draft, const struct system_status *expected,
				    struct cairn_error *error);

/*
 * Publishes a complete temporary folder, whose files and entries are durable, under a new name of
 * its parent: lock the parent, rename (EXISTS when the name is taken), fsync the parent: the commit
 * point. IN_DOUBT when that fails.
 */
enum cairn_status publish_folder(struct folder *parent, const char *temporary, const char *target,
				 struct cairn_error *error);

/*
 * Publishes the files of a temporary folder into an existing one: `shards` under their names, which
 * are new there, by links; then `index`, by a link under a temporary name and a rename over the old
 * one: a rename within one folder, since one between two folders may need the fsync of both.
 *
 *   1. lock the target folder
 *   2. link the shards and the index, fsync the target folder
 *   3. rename the index over the old one
 *   4. fsync the target folder: the commit point
 *
 * All files are durable already. When anything up to 3 fails the links are removed again; when 4
 * fails the result is IN_DOUBT, and nothing is removed.
 */
enum cairn_status publish_into(struct folder *from, const char *const *shards, uint32_t count,
			       const char *index, struct folder *to, struct cairn_error *error);

/*
 * The commit point of each change to a folder, a deletion and a recovery included: fsyncs it, and
 * looks whether it is still there. IN_DOUBT when that fails: nobody knows then which of the two,
 * old or new, will be there.
 */
enum cairn_status folder_commit(const struct folder *folder, struct cairn_error *error);

#endif
