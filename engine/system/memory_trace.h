/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run did to the in-memory file system, in program order: the input of the crash enumerator.
 * Each operation is one that a disk could hold or not hold after a power cut; a pwrite is one of
 * them per block.
 */
#ifndef CAIRN_ENGINE_MEMORY_TRACE_H
#define CAIRN_ENGINE_MEMORY_TRACE_H

#include "engine/system/memory_files.h"

enum memory_trace_kind {
	MEMORY_TRACE_INODE, /* an inode comes into being; nothing shows it before an entry does */
	MEMORY_TRACE_PIECE, /* bytes of one block of a file */
	MEMORY_TRACE_SIZE,  /* a file grows */
	MEMORY_TRACE_TRUNCATE, /* a file gets this size, growing or shrinking */
	MEMORY_TRACE_ADD,      /* a directory entry */
	MEMORY_TRACE_REMOVE,
	MEMORY_TRACE_RENAME,      /* removes one entry and adds or replaces another, at once */
	MEMORY_TRACE_SYNC,        /* has succeeded */
	MEMORY_TRACE_SYNC_FAILED, /* what was written before may be lost whatever a later sync says
				   */
	MEMORY_TRACE_MARK
};

/* Fields that a kind does not mention are zero. */
struct memory_trace_op {
	enum memory_trace_kind kind;
	uint64_t inode;              /* the file or directory that the operation changes or syncs */
	uint64_t child;              /* ADD, RENAME: the inode that the entry names */
	uint64_t to_directory;       /* RENAME */
	uint64_t size;               /* SIZE, TRUNCATE */
	int marker;                  /* MARK */
	enum system_kind inode_kind; /* INODE */
	uint32_t mode;               /* INODE */
	uint32_t owner;              /* INODE */
	struct memory_piece piece;   /* PIECE; the block is owned */
	char *name;    /* owned; ADD, REMOVE, RENAME; INODE: a symbolic link's target */
	char *to_name; /* owned; RENAME */
};

struct memory_trace {
	bool active;
	struct memory_files base; /* what the disk held, durably, when the trace was started */
	size_t count;
	size_t capacity;
	struct memory_trace_op *ops; /* owned */
};

/* Forgets what was recorded; what `files` holds becomes the durable base. */
void memory_trace_start(struct memory_trace *trace, const struct memory_files *files);
void memory_trace_fini(struct memory_trace *trace);

/* These do nothing while the trace is not active. */
void memory_trace_inode(struct memory_trace *trace, const struct memory_inode *inode);
void memory_trace_piece(struct memory_trace *trace, uint64_t inode,
			const struct memory_piece *piece);
void memory_trace_size(struct memory_trace *trace, uint64_t inode, uint64_t size);
void memory_trace_truncate(struct memory_trace *trace, uint64_t inode, uint64_t size);
void memory_trace_add(struct memory_trace *trace, uint64_t directory, const char *name,
		      uint64_t child);
void memory_trace_remove(struct memory_trace *trace, uint64_t directory, const char *name);
void memory_trace_rename(struct memory_trace *trace, const struct memory_place *from,
			 const struct memory_place *to);
void memory_trace_sync(struct memory_trace *trace, uint64_t inode, bool succeeded);
void memory_trace_mark(struct memory_trace *trace, int marker);

#endif
