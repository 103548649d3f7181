/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing under a TensorFlow prefix: several files with fixed names, the last of which names the
 * others.
 */
#ifndef CAIRN_ENGINE_PUBLISH_PREFIX_H
#define CAIRN_ENGINE_PUBLISH_PREFIX_H

#include "engine/write/draft.h"

/*
 * Publishes a TensorFlow checkpoint: drafts of one folder with the names
 * <prefix>.data-?????-of-????? and, last, <prefix>.index. Several files with fixed names cannot be
 * exchanged in one step. So the prefix is old, new, or for a moment not there; never is an index
 * beside data of another save. A directory's changes may reach the disk in any order until its
 * fsync: each fsync below keeps one order.
 *
 *    1. fsync each file, once, on its draft's descriptor: what has a name has its content
 *    2. lock the folder; settle what a dead writer of this prefix left (below): of two records
 *       nobody could tell which is the last
 *
 *    No <prefix>.index is there:
 *    3. fsync the folder: an index that somebody has just removed does not come back beside new
 *       data
 *
 *    One is there (EXISTS without `replace`):
 *    4. fsync each old file, which TensorFlow never does: the record of step 5 is as good as they
 *    5. link them into an undo record (undo_record.h); fsync it: it is whole; rename it to a name
 *       of trash, fsync the folder: it is there before anything is missing
 *    6. unlink the old index, fsync the folder: no old index beside new data
 *
 *    7. with `replace`, unlink the data files of the prefix, old ones or those of a torn save
 *    8. rename the data files to their names (EXISTS when one is taken), fsync the folder: no new
 *       index beside old data
 *    9. rename the index, fsync the folder: the commit point
 *   10. rename the record to a draft's name, fsync the folder: whoever removes the checkpoint from
 *       now on will not get the old one back; then remove it
 *
 * When anything up to 9 fails, the old checkpoint is put back, or what was renamed is removed. When
 * the fsync of 9 fails, or the old one cannot be put back, the result is IN_DOUBT: nothing is
 * removed, and the next settling finds the new or puts the old back. That 10 fails is no failure:
 * the next settling goes on with it. In each case the drafts are closed.
 *
 * A reader that opens the prefix meanwhile finds the old, the new, or NOT_FOUND: it tries again a
 * little later. One that has opened the old index finds its data files gone or exchanged: when it
 * has opened them all it looks whether the name still leads to that index, and begins again if not.
 *
 * Where locks do not work nobody sweeps: there an overwriting that was interrupted is settled by
 * the next save of the prefix, or by hand, by moving the files out of the record.
 */
enum cairn_status publish_prefix(struct draft *drafts, uint32_t count, bool replace,
				 struct cairn_error *error);

/*
 * Settles an undo record of a folder that is locked and durable. Where the index of its prefix is
 * not there, the save that made it was interrupted: the old data files are linked back and the new
 * ones removed, fsync, the old index is linked back, fsync. Where the index is there, old or new,
 * it is whole. Then the record gets a draft's name, durably: the next sweep removes it. NOT_FOUND
 * when the name is that of another kind of trash; IO, NO_MEMORY.
 */
enum cairn_status prefix_settle(struct folder *folder, const char *name, struct cairn_error *error);

#endif
