/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The passive part of the in-memory system: inodes, their content, directory entries. No
 * descriptors, no locks, no faults, no thread safety; it is what a disk holds, and so also what a
 * crash leaves behind.
 *
 * Content is kept in blocks that are shared by reference counts between images, so that an image
 * can be copied for each of many thousand crash states. A block that is shared is never changed.
 * Inodes are known by number; entries name numbers, never pointers.
 *
 * Test code: when memory runs out here, the process is aborted.
 */
#ifndef CAIRN_ENGINE_MEMORY_FILES_H
#define CAIRN_ENGINE_MEMORY_FILES_H

#include <stdatomic.h>

#include "engine/system/system.h"

#define MEMORY_BLOCK_SIZE 4096u
#define MEMORY_ROOT       1u
#define MEMORY_GARBAGE    0xa5

struct memory_block {
	atomic_uint references;
	bool hashed;
	uint64_t hash; /* of bytes, valid if hashed; 0 for a block of zeros */
	uint8_t bytes[MEMORY_BLOCK_SIZE];
};

/* Bytes [start, end) of one block of a file. */
struct memory_piece {
	uint64_t index;             /* of the block in its file */
	uint32_t start;             /* within the block */
	uint32_t end;               /* within the block */
	bool exact;                 /* the buffer holds zeros outside of [start, end) */
	struct memory_block *block; /* data, at the place that it has in the file; owned */
};

struct memory_entry {
	uint64_t inode;
	char name[SYSTEM_NAME_SIZE];
};

struct memory_inode {
	uint64_t number;
	enum system_kind kind;
	uint32_t mode;
	uint32_t owner;
	uint32_t references; /* open files and mappings: the inode outlives its last name */
	uint64_t links;
	uint64_t size;
	int64_t modified_ns;
	int64_t changed_ns;
	uint64_t parent; /* directories */
	size_t block_count;
	struct memory_block **blocks; /* owned; NULL reads as zeros */
	size_t entry_count;
	size_t entry_capacity;
	struct memory_entry *entries; /* owned */
	char *target;                 /* owned; symbolic links */
};

/* One file system. */
struct memory_files {
	size_t count; /* of the table: numbers are below it */
	size_t capacity;
	struct memory_inode **inodes; /* owned; by number, NULL where there is none */
};

/* Where a path leads to. */
struct memory_place {
	uint64_t directory;
	uint64_t inode;              /* 0: there is no such entry */
	char name[SYSTEM_NAME_SIZE]; /* "" when the path ends in a directory without naming it: "/",
					"." and ".." */
};

/* Memory or abort. */
void *memory_must_allocate(size_t size);
void *memory_must_reallocate(void *memory, size_t size);
char *memory_must_copy_text(const char *text);

struct memory_block *memory_block_create(void); /* zeros */
struct memory_block *memory_block_share(struct memory_block *block);
void memory_block_release(struct memory_block *block); /* NULL is allowed */

/* An empty root directory. */
void memory_files_init(struct memory_files *files);
void memory_files_fini(struct memory_files *files);

/* Shares all blocks. Open references are not carried over. */
void memory_files_copy(struct memory_files *copy, const struct memory_files *files);

struct memory_inode *memory_files_get(const struct memory_files *files, uint64_t number);

/* A new inode without a name, under the next free number or, with `number` not 0, under that one.
 */
struct memory_inode *memory_files_add(struct memory_files *files, uint64_t number,
				      enum system_kind kind);

/* Frees an inode that has neither name nor reference. */
void memory_files_drop_unused(struct memory_files *files, uint64_t number);

/*
 * Makes an image consistent after entries were put and dropped at will: counts links anew and frees
 * what cannot be reached. Returns a hash of all that can be observed but times.
 */
uint64_t memory_files_settle(struct memory_files *files);

/* The inode number, or 0. */
uint64_t memory_directory_find(const struct memory_inode *directory, const char *name);

/* Adds or replaces an entry, without counting links. */
void memory_directory_put(struct memory_inode *directory, const char *name, uint64_t inode);
void memory_directory_drop(struct memory_inode *directory, const char *name);

/* Follows `path` from the directory `start`; negative errno. A last component that does not exist
 * is no error. */
int memory_files_resolve(const struct memory_files *files, uint64_t start, const char *path,
			 bool follow_last, struct memory_place *place);

/* Writes a piece, sharing its buffer where possible; the file grows to the piece's end. */
void memory_file_put(struct memory_inode *file, const struct memory_piece *piece);
void memory_file_grow(struct memory_inode *file, uint64_t size);
void memory_file_truncate(struct memory_inode *file, uint64_t size);

/* Where the block is a hole, what lies within the file reads as garbage from now on. */
void memory_file_spoil(struct memory_inode *file, uint64_t block_index);

/* Returns the count, short at the end of the file. */
size_t memory_file_read(const struct memory_inode *file, void *buffer, size_t size,
			uint64_t offset);

/* The piece of a write that begins at `offset`; *size is what it takes, at most `available`. */
struct memory_piece memory_piece_create(const uint8_t *data, size_t available, uint64_t offset);
static inline size_t memory_piece_size(const struct memory_piece *piece)
{
	return piece->end - piece->start;
}

#endif
