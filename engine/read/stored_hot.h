/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks whose bytes are at hand: in the processor's cache since they were copied or read, or
 * mapped and safe to touch. For plans, which bring bytes in by themselves.
 */
#ifndef CAIRN_ENGINE_STORED_HOT_H
#define CAIRN_ENGINE_STORED_HOT_H

#include "engine/read/stored.h"

/* Chunks of a slice [begin, end), at a chunk's boundary or the slice's end each. */
uint64_t stored_chunk_end(const struct stored *stored, uint64_t offset);

/* It has a digest for each chunk, and this reader looks at them. */
bool stored_has_chunks(const struct stored *stored);

/*
 * Compares the chunk that begins at byte `offset` with its digest: a copy of it is at `bytes`. One
 * that differs is read once more, to there: that tells a passing error from damage. CHECKSUM,
 * TRUNCATED, IO.
 */
enum cairn_status stored_judge_copy(const struct stored *stored, uint64_t offset, uint8_t *bytes,
				    struct cairn_error *error);

/*
 * The chunk of a mapped slice that begins at `offset` is verified, by its bytes at `bytes` (the
 * mapping, or a copy of a moment ago), unless it is known to be good. As stored_verify, which has
 * the last word on one that differs.
 */
enum cairn_status stored_verify_hot(const struct stored *stored, uint64_t offset,
				    const uint8_t *bytes, struct cairn_error *error);

#endif
