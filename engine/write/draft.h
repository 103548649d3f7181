/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts: files that are written under a temporary name beside their target, and what becomes of
 * them.
 *
 * A draft is locked (flock on its own inode) from its creation until it is published or discarded:
 * that is how a sweep tells the work of a living writer from what a dead one left. The folder is
 * locked shared while a draft is created, so that no sweep sees it before its own lock, and
 * exclusive while names change.
 */
#ifndef CAIRN_ENGINE_DRAFT_H
#define CAIRN_ENGINE_DRAFT_H

#include <stdbool.h>

#include <cairn/error.h>

#include "engine/system/system.h"
#include "format/temporary_name.h"

/* Below this, O_DIRECT and preallocation cost more than they save. */
#define DIRECT_SIZE_MIN ((uint64_t)8 << 20)

/* 0 or a negative errno. */
int random_temporary_name(struct system *system, const char *prefix,
			  char name[TEMPORARY_NAME_SIZE]);

/* An answer of system_lock that means that flock does nothing on this file system. */
bool means_no_locks(int result);

/* The folder of a target, open. */
struct folder {
	struct system *system;
	int fd;          /* owned; -1: not open */
	bool locks_work; /* flock does something here; where it does not, nothing is swept */
	bool is_guarded; /* the caller keeps everybody else away: no locks are taken, nothing is
			    swept */
};

struct draft {
	struct folder *folder; /* borrowed; NULL: no draft */
	int fd;                /* owned; -1: none */
	bool is_direct;        /* written with O_DIRECT */
	bool is_named;         /* the temporary name exists */
	char temporary[TEMPORARY_NAME_SIZE];
	char target[SYSTEM_NAME_SIZE]; /* base name that it will get */
};

/*
 * Opens the folder of `path` and copies its base name. INVALID_ARGUMENT when the path has none, or
 * it is too long, or it is of the grammar of temporary names; NOT_FOUND, IO.
 */
enum cairn_status folder_open(struct system *system, const char *path, struct folder *folder,
			      char name[SYSTEM_NAME_SIZE], struct cairn_error *error);

/* Opens a folder in a folder, never through a link. NOT_FOUND, IO. */
enum cairn_status folder_open_in(struct folder *parent, const char *name, struct folder *folder,
				 struct cairn_error *error);
void folder_close(struct folder *folder);

/* The name is there, whatever it is; false also when that cannot be found out. */
bool folder_has(const struct folder *folder, const char *name);

/* Waits for a lock of the folder, a second at most: BUSY. No-op where locks do not work. */
enum cairn_status folder_lock(struct folder *folder, enum system_lock lock,
			      struct cairn_error *error);
/* Exclusive, and half a minute at most: hours of work are waiting to be published. */
enum cairn_status folder_lock_to_publish(struct folder *folder, struct cairn_error *error);
void folder_unlock(struct folder *folder);

/* Creates a draft for `target`, locked. `direct`: with O_DIRECT where that works. */
enum cairn_status draft_create(struct folder *folder, const char *target, bool direct,
			       struct draft *draft, struct cairn_error *error);

/* The same for a file that others may write to later (0666 before the umask), where its format
 * expects that. */
enum cairn_status draft_create_writable(struct folder *folder, const char *target,
					struct draft *draft, struct cairn_error *error);

/*
 * A draft for `target` that is a hard link of a regular file, which keeps its own name: `from` and
 * `name` as for system_link. It is open for reading, so that publishing can make it durable, and
 * locked shared, which keeps sweeps off and lets others link the same file (a sweep removes one
 * such draft of a file at a time). UNSUPPORTED where that cannot be linked, or is no regular file:
 * the caller copies it then. NOT_FOUND, BUSY, IO.
 */
enum cairn_status draft_link(struct folder *folder, const char *target, int from, const char *name,
			     struct draft *draft, struct cairn_error *error);

/*
 * Writes `size` bytes at `offset`, a multiple of the page size, through an aligned buffer; the last
 * page is filled with zeros. IO, NO_MEMORY.
 */
enum cairn_status draft_write(const struct draft *draft, uint64_t offset, const uint8_t *bytes,
			      uint64_t size, struct cairn_error *error);

/* Reserves disk space for a draft of `size` bytes, if it is written with O_DIRECT. IO. */
enum cairn_status draft_reserve(const struct draft *draft, uint64_t size,
				struct cairn_error *error);

/*
 * All `size` bytes are written: cuts off what fills the last page, and makes sure that the file has
 * that size. For files that end anywhere; part of writing, so before the fsync. IO.
 */
enum cairn_status draft_set_size(const struct draft *draft, uint64_t size,
				 struct cairn_error *error);

/* Writes all of a file that is in memory into an empty draft. IO, NO_MEMORY. */
enum cairn_status draft_write_file(const struct draft *draft, const uint8_t *bytes, uint64_t size,
				   struct cairn_error *error);

/* Removes the draft, if it was not published. Safe on a zeroed struct and after publish. */
void draft_discard(struct draft *draft);

#endif
