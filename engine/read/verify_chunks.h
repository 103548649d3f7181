/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading chunks afresh and comparing them with their digests, several at once: what verify reports
 * of them, in their order, does not depend on the number of threads.
 */
#ifndef CAIRN_ENGINE_VERIFY_CHUNKS_H
#define CAIRN_ENGINE_VERIFY_CHUNKS_H

#include "engine/read/stored.h"

enum {
	VERIFY_CHUNKS_MAX = 64, /* at once: 16 MiB of the default size */
	VERIFY_THREADS_MAX = 4
};

/* What came of a chunk: as stored_check_chunk says. */
struct chunk_check {
	enum cairn_status status;
	struct stored_digests digests;
	struct cairn_error error;
};

/* What a thread works with. */
struct chunk_room {
	uint8_t *chunk; /* owned; the raw bytes */
	struct stored_scratch scratch;
};

/* Zero it first, but for the system. */
struct chunk_checker {
	struct system *system;
	struct chunk_check *checks; /* owned; of the last run */
	struct chunk_room rooms[VERIFY_THREADS_MAX];
	uint64_t chunk_size; /* that the rooms are for */
	uint32_t threads;    /* as many as there are rooms */
};

/* Checks chunks [first, first + count) of a slice, at most VERIFY_CHUNKS_MAX. NO_MEMORY: nothing
 * was. */
enum cairn_status chunk_checker_run(struct chunk_checker *checker, const struct stored *stored,
				    uint64_t first, uint32_t count, struct cairn_error *error);

void chunk_checker_free(struct chunk_checker *checker);

#endif
