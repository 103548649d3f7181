/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machinery that writes a file whose layout is known: segments that threads take in order, fill
 * in a staging buffer, and write.
 *
 * What is in a segment is the layout's to say, through callbacks: a container's parts and digests,
 * a dense file's tensors.
 */
#ifndef CAIRN_ENGINE_SEGMENT_WRITER_H
#define CAIRN_ENGINE_SEGMENT_WRITER_H

#include <cairn/writer.h>

#include "engine/read/stored.h"
#include "engine/system/system.h"

enum {
	/* measured: with direct writes of a segment each, more do not help and fewer leave the disk
	 * idle */
	SEGMENT_THREADS_DEFAULT = 4,
	SEGMENT_THREADS_MAX = 64
};

/* Where a segment lies. It begins at a page boundary. */
struct segment_place {
	uint64_t offset;
	uint64_t size;
	/* is filled before another segment can be taken: callbacks that must be called in order */
	bool in_order;
};

/* A layout, cut into segments. Segments are numbered in the order of their offsets. */
struct segment_layout {
	uint64_t count;
	uint64_t size_max; /* of a segment */
	struct segment_place (*place)(const void *context, uint64_t number);
	/* Fills all of a segment's bytes. */
	enum cairn_status (*fill)(void *context, uint64_t number, uint8_t *bytes,
				  struct stored_scratch *scratch, struct cairn_error *error);
	/* Looks at the bytes that will be written, never under the lock: digests. Or NULL. */
	void (*seal)(void *context, uint64_t number, const uint8_t *bytes);
	/*
	 * When sizes are only known now: makes other bytes of a filled segment, at most size_max,
	 * never under the lock. They are written where the segments before end, at a page; settle
	 * is told where, in order. NULL: segments lie where `place` says.
	 */
	enum cairn_status (*pack)(void *context, uint64_t number, const uint8_t *bytes,
				  uint8_t *packed, uint64_t *size, struct stored_scratch *scratch,
				  struct cairn_error *error);
	void (*settle)(void *context, uint64_t number, uint64_t offset);
	uint64_t *end; /* of packed bytes: of what is before them, then of the last of them */
	void *context;
};

/* Where the segments go, and who is told about it. */
struct segment_target {
	struct system *system;
	int fd;
	const char *path; /* put in front of errors of writing and cancelling; or NULL */
	bool fills_page;  /* O_DIRECT: the last page is filled with zeros, to be cut off later */
	uint32_t thread_count;   /* at least 1; the calling thread is one of them */
	cairn_progress progress; /* called from the calling thread; or NULL */
	void *progress_context;
	uint64_t done_before; /* bytes that progress counts already */
	uint64_t total;       /* bytes, for progress */
};

/*
 * Writes all segments. The first error stops all threads and is returned: what a callback of the
 * layout returned, IO, CANCELLED (progress said so), NO_MEMORY. What is written does not depend on
 * the number of threads.
 */
enum cairn_status segments_write(const struct segment_target *target,
				 const struct segment_layout *layout, struct cairn_error *error);

#endif
