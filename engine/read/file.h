/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open file (or memory that stands for one) whose bytes can be read and, where the system allows
 * it, used in place.
 *
 * Cairn never touches a mapped page that was not populated first: a file that someone truncates, or
 * a medium that fails, is an error status and not a signal. (Between the two a page can still be
 * lost; design, section 7.)
 */
#ifndef CAIRN_ENGINE_FILE_H
#define CAIRN_ENGINE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/error.h>
#include <cairn/reader.h>

#include "engine/system/system.h"

/* Pages are brought in, and their residency is asked for, in steps of this size: populating holds
 * the map lock. */
#define FILE_STEP_SIZE ((size_t)8 << 20)

struct file {
	struct system *system;
	const char *name;    /* for messages; borrowed */
	int fd;              /* owned; -1: memory, or not open */
	uint64_t start;      /* of byte 0 within the descriptor */
	uint64_t size;       /* bytes, checked with fstat when it was opened */
	const uint8_t *base; /* byte 0, when mapped or memory; else NULL */
	const uint8_t *map;  /* what was mapped; owned; NULL: nothing */
	size_t map_size;
	struct system_status status; /* of a descriptor */
};

/* How a file may be opened. */
struct file_place {
	int directory;    /* descriptor, or SYSTEM_CWD; borrowed */
	const char *path; /* relative to it */
	const char *name; /* for messages; borrowed by the file */
	uint32_t flags;   /* enum system_open_flags */
};

/* Opens a regular file; does not map it. NOT_FOUND, IO, NOT_A_CHECKPOINT (no regular file). */
enum cairn_status file_open(struct system *system, const struct file_place *place,
			    struct file *file, struct cairn_error *error);

/* Takes a duplicate of a descriptor, of which `size` bytes (0: all up to the end) from `start` on
 * are the file. */
enum cairn_status file_open_fd(struct system *system, int fd, uint64_t start, uint64_t size,
			       struct file *file, struct cairn_error *error);

/* Memory of the caller, borrowed until close. */
void file_from_memory(struct system *system, const void *data, size_t size, struct file *file);

/*
 * Maps the file unless it is memory: shared, private where the file system refuses that. With AUTO
 * nothing is mapped where a mapping cannot be trusted (file systems that are not local), with COPY
 * never; base stays NULL then, which is no error.
 */
enum cairn_status file_map(struct file *file, enum cairn_transport transport,
			   struct cairn_error *error);

/* Closes the descriptor of a mapped file, whose bytes are then only read through it, and of
 * an empty one. No-op otherwise. */
void file_drop_descriptor(struct file *file);

/* Gives the mapping back: nothing can be read from the file any more that has no descriptor. */
void file_unmap(struct file *file);

/* Closes and unmaps. Safe on a zeroed struct, whose fd is taken for no file when `system` is NULL.
 */
void file_close(struct file *file);

/* Reads exactly `size` bytes. TRUNCATED when the file is shorter, IO. Works whether mapped or not.
 */
enum cairn_status file_read(const struct file *file, uint64_t offset, void *buffer, size_t size,
			    struct cairn_error *error);

/* Makes the range of a mapped file safe to touch. TRUNCATED, IO. No-op for memory. */
enum cairn_status file_prepare(const struct file *file, uint64_t offset, uint64_t size,
			       struct cairn_error *error);

/* True when the range of a mapped file (at most FILE_STEP_SIZE) is in memory, or when the kernel
 * does not tell. */
bool file_is_resident(const struct file *file, uint64_t offset, uint64_t size);

/* Starts to bring in a range of a mapped file, exactly that and without waiting: advice. */
void file_read_ahead(const struct file *file, uint64_t offset, uint64_t size);

#endif
