/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a TensorFlow checkpoint: data files one after the other, each by several threads,
 * then the index, then all of them published.
 *
 * Where the bytes come from, and what the index says, is the caller's: a writer's tensors, or
 * another checkpoint of the same format.
 */
#ifndef CAIRN_ENGINE_BUNDLE_FILES_H
#define CAIRN_ENGINE_BUNDLE_FILES_H

#include "engine/write/dense_file.h"
#include "engine/write/draft.h"

/* One data file. */
struct bundle_file {
	uint64_t size;
	const struct dense_piece *pieces; /* by offset */
	uint64_t piece_count;
	bool in_order; /* something in it must be produced in order */
};

/* Part of a piece of a data file. */
struct bundle_part {
	uint32_t file;
	uint64_t piece;
	uint64_t offset; /* in the piece */
	uint64_t size;
};

/* What is to be written. Callbacks get `context`. */
struct bundle_content {
	const struct bundle_file *files;
	uint32_t file_count; /* at least 1 */

	/* Before and after a file is written, whatever comes of it. Or NULL. */
	enum cairn_status (*begin)(void *context, uint32_t file, struct cairn_error *error);
	void (*end)(void *context, uint32_t file);
	enum cairn_status (*fill)(void *context, const struct bundle_part *part, uint8_t *bytes,
				  struct stored_scratch *scratch, struct cairn_error *error);
	/* Looks at bytes that will be written, by several threads. Or NULL. */
	void (*look)(void *context, const struct bundle_part *part, const uint8_t *bytes);
	/* The CRC-32C of all bytes of a piece, as they were written; once for each. */
	enum cairn_status (*take_crc)(void *context, uint32_t file, uint64_t piece, uint32_t crc,
				      struct cairn_error *error);
	/* The index, when all data are written; borrowed until everything is done. */
	enum cairn_status (*make_index)(void *context, uint8_t **bytes, uint64_t *size,
					struct cairn_error *error);
	void *context;
};

/* Where it goes, and how. */
struct bundle_target {
	struct folder *folder;
	const char *prefix; /* base name */
	const char *path;   /* put in front of errors of writing; or NULL */
	bool replace;
	bool buffered; /* never with O_DIRECT */
	uint32_t thread_count;
	cairn_progress progress; /* or NULL */
	void *progress_context;
};

/* The names of all files fit into a folder: INVALID_ARGUMENT. */
enum cairn_status bundle_check_prefix(const char *prefix, uint32_t file_count,
				      struct cairn_error *error);

/* Writes and publishes. What publish_prefix and the callbacks return; IO, CANCELLED, NO_MEMORY. */
enum cairn_status bundle_files_save(const struct bundle_target *target,
				    const struct bundle_content *content,
				    struct cairn_error *error);

#endif
