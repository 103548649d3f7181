/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints for tests on real file systems: saved generation by generation, and recognised.
 *
 * Every byte of a checkpoint follows from its generation, so that one that is torn, or of two
 * generations at once, cannot pass. The public interface only.
 */
#ifndef TESTS_FILESYSTEMS_SAVES_H
#define TESTS_FILESYSTEMS_SAVES_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/cairn.h>

#define SAVES_PATH_SIZE 512

enum save_kind {
	SAVE_FILE,    /* one container */
	SAVE_SHARDED, /* two shards, by begin, writers, commit */
	SAVE_MERGE,   /* two containers, then cairn_merge of both */
	SAVE_PREFIX,  /* a TensorFlow checkpoint of one to three data files */
	SAVE_JOINED,  /* two TensorFlow checkpoints, then cairn_merge of both */
	SAVE_STATE,   /* a TensorFlow checkpoint, then the state file that names it, and the removal
			 of the one that it named before */
	SAVE_KINDS
};

/* One that is replaced is not there until a sweep, when the power fails at a bad moment: a prefix
 * has several files. */
bool save_may_be_absent(enum save_kind kind);

const char *save_kind_name(enum save_kind kind);

/* The path of a kind's checkpoint in a folder. */
void save_path(const char *folder, enum save_kind kind, char path[SAVES_PATH_SIZE]);

/* Saves what a kind merges; of other kinds nothing. To be called before each save. */
enum cairn_status save_sources(const char *folder, enum save_kind kind, uint64_t generation,
			       uint64_t size, struct cairn_error *error);

/* Saves a generation, from 1 up, of about `size` bytes; replaces what is there. */
enum cairn_status save_generation(const char *folder, enum save_kind kind, uint64_t generation,
				  uint64_t size, struct cairn_error *error);

/* Removes a kind's checkpoint, if it is there. */
enum cairn_status save_remove(const char *folder, enum save_kind kind, struct cairn_error *error);

/*
 * The generation that is there, all of it compared; 0 when there is none. A checkpoint that cannot
 * be read, or holds a byte that its generation does not, or is not there though the state file
 * names it: false, with a message in error.
 */
bool save_recognise(const char *folder, enum save_kind kind, uint64_t *generation,
		    struct cairn_error *error);

/*
 * Names in the folder and in its sharded checkpoints that no checkpoint needs, data files of
 * prefixes among them; one of them is stored as a message. What `allowed` (or NULL) names in the
 * folder is none.
 */
uint64_t save_leftovers(const char *folder, const char *allowed, struct cairn_error *error);

#endif
