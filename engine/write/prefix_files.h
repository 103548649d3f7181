/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a TensorFlow prefix: their names, and which of them a folder holds.
 *
 *     <prefix>.data-00001-of-00004     at least five digits, no zero in front of more
 *     <prefix>.index
 *
 * Exactly these, since publishing and recovery go by them. A prefix is the base name of a
 * checkpoint: not empty, and literal.
 */
#ifndef CAIRN_ENGINE_PREFIX_FILES_H
#define CAIRN_ENGINE_PREFIX_FILES_H

#include "engine/write/draft.h"

/* The numbers in the name of a data file: number < total. */
struct data_number {
	uint32_t number;
	uint32_t total;
};

/* These are false when the name would be too long for a folder. */
bool prefix_index_name(const char *prefix, char name[SYSTEM_NAME_SIZE]);
bool prefix_data_name(const char *prefix, struct data_number number, char name[SYSTEM_NAME_SIZE]);

/* These are false for a name that is none; the prefix is copied out. */
bool parse_prefix_index(const char *name, char prefix[SYSTEM_NAME_SIZE]);
bool parse_prefix_data(const char *name, char prefix[SYSTEM_NAME_SIZE], struct data_number *number);

struct prefix_files {
	struct system *system;
	char prefix[SYSTEM_NAME_SIZE];
	bool has_index;
	bool has_others; /* entries that are no files of this prefix */
	uint32_t count;  /* of data files */
	uint32_t capacity;
	struct data_number *data; /* owned */
};

/*
 * Lists the files of `prefix` in a folder. NULL: the prefix is that of the first such file that is
 * met, and "" when there is none. NO_MEMORY, IO. `files` is to be freed in each case.
 */
enum cairn_status prefix_files_list(struct folder *folder, const char *prefix,
				    struct prefix_files *files, struct cairn_error *error);
void prefix_files_fini(struct prefix_files *files);

#endif
