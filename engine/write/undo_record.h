/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undo records: the old files of a TensorFlow prefix, while new ones take their names.
 *
 * A folder beside the prefix that holds hard links to all of its files. It is made under a draft's
 * name (.cairn-tmp-) and renamed to one of trash (.cairn-trash-) when it is complete; when it is no
 * longer needed it is renamed back, and then removed. So a folder with a name of trash that holds
 * files of one prefix, its index among them and nothing else, is a whole record; trash of another
 * kind, such as a sharded checkpoint on its way out, has other names in it.
 *
 * Nothing here is made durable: publish.h says when that is done, and in which order these
 * functions are called.
 */
#ifndef CAIRN_ENGINE_UNDO_RECORD_H
#define CAIRN_ENGINE_UNDO_RECORD_H

#include "engine/write/prefix_files.h"

struct undo_record {
	struct folder *folder; /* borrowed: where the record and the prefix are */
	struct folder inside;  /* of the record; open */
	char name[TEMPORARY_NAME_SIZE];
	struct prefix_files files; /* that it holds */
};

/* Links the files of a prefix, as prefix_files_list found them in the folder, into a new record
 * under a draft's name. When it fails, nothing stays. IO, NO_MEMORY. */
enum cairn_status undo_record_make(struct folder *folder, const struct prefix_files *files,
				   struct undo_record *record, struct cairn_error *error);

/* Opens a whole record of this user's. NOT_FOUND when the name is that of something else. */
enum cairn_status undo_record_open(struct folder *folder, const char *name,
				   struct undo_record *record, struct cairn_error *error);

/* Gives it a name that begins with TRASH_PREFIX or DRAFT_PREFIX, with the same digits if it can be.
 *  */
enum cairn_status undo_record_rename(struct undo_record *record, const char *prefix,
				     struct cairn_error *error);

/* Makes the data files of the prefix the old ones again: removes all that are not the record's, and
 * links those that are missing. Files that are the old ones already are not touched. */
enum cairn_status undo_restore_data(const struct undo_record *record, struct cairn_error *error);
enum cairn_status undo_restore_index(const struct undo_record *record, struct cairn_error *error);

void undo_record_close(struct undo_record *record);

/* Removes a record with a draft's name, or what is left of one: a folder of this user's that holds
 * nothing but files of one prefix. False when it is none, or something stayed. */
bool undo_record_remove(struct folder *folder, const char *name);

/* The names of trash in a folder. */
struct trash_names {
	struct system *system;
	uint32_t count;
	uint32_t capacity;
	char (*names)[TEMPORARY_NAME_SIZE]; /* owned */
};

/* NO_MEMORY, IO. `trash` is to be freed in each case. */
enum cairn_status trash_names_list(struct folder *folder, struct trash_names *trash,
				   struct cairn_error *error);
void trash_names_fini(struct trash_names *trash);

#endif
