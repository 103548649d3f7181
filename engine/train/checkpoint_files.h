/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files behind a checkpoint's prefix, by their names alone: which there are, in what format,
 * how many bytes. See <cairn/state.h> for what counts as being there.
 */
#ifndef CAIRN_ENGINE_CHECKPOINT_FILES_H
#define CAIRN_ENGINE_CHECKPOINT_FILES_H

#include "engine/write/draft.h"
#include "format/arena.h"

enum checkpoint_kind {
	CHECKPOINT_ABSENT,
	CHECKPOINT_TENSORFLOW_V2,
	CHECKPOINT_TENSORFLOW_V1,
	CHECKPOINT_TENSORFLOW_V1_SHARDS,
	CHECKPOINT_CAIRN,
	CHECKPOINT_CAIRN_FOLDER
};

/* As reported: "tensorflow-v2" and so on; NULL for ABSENT. */
const char *checkpoint_kind_name(enum checkpoint_kind kind);

/* The names in a folder, in byte order. */
struct folder_names {
	char **items; /* in an arena */
	uint64_t count;
	uint64_t capacity;
};

enum cairn_status folder_names(const struct folder *folder, struct arena *arena,
			       struct folder_names *names, struct cairn_error *error);

/* The number of the first name that does not come before `text`; how many there are if none. */
uint64_t folder_names_from(const struct folder_names *names, const char *text);

/* A checkpoint, and the folder that holds it. */
struct checkpoint {
	struct folder folder; /* owned unless is_borrowed; fd -1: not there */
	bool is_borrowed;
	char base[SYSTEM_NAME_SIZE]; /* the prefix without the folder */
	enum checkpoint_kind kind;
	int64_t modified_ns; /* of its index, its only or its first file */
	struct arena arena;
	struct folder_names names; /* of the folder; listed when they are first needed */
	bool has_names;
};

/*
 * Looks what a prefix stands for; one that can name nothing is ABSENT. IO, NO_MEMORY. To be closed
 * unless it failed.
 */
enum cairn_status checkpoint_open(struct system *system, const char *prefix,
				  struct checkpoint *checkpoint, struct cairn_error *error);

/* The same in a folder whose names are known; both are borrowed. */
enum cairn_status checkpoint_open_in(const struct folder *folder, const struct folder_names *names,
				     const char *base, struct checkpoint *checkpoint,
				     struct cairn_error *error);
void checkpoint_close(struct checkpoint *checkpoint);

/* Fills checkpoint->names. */
enum cairn_status checkpoint_list(struct checkpoint *checkpoint, struct cairn_error *error);

/* BASE.data-DDDDD-of-DDDDD; and for a base x-?????-of-N: x-DDDDD-of-N. */
bool is_data_file(const char *name, const char *base);
bool is_v1_shard(const char *name, const char *base);

/* Where "-DDDDD-of-N" or "-?????-of-N" begins at the end of a base, or its size. */
size_t shard_part_at(const char *base);

/* A data file of the base is among the names. */
bool has_data_files(const struct folder_names *names, const char *base);

/* Bytes of all files of the checkpoint; what vanishes meanwhile does not count. */
enum cairn_status checkpoint_size(struct checkpoint *checkpoint, uint64_t *bytes,
				  struct cairn_error *error);

/* Makes all files of the checkpoint, and their names, durable. */
enum cairn_status checkpoint_sync(struct checkpoint *checkpoint, struct cairn_error *error);

#endif
