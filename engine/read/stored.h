/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of one stored slice: where they lie, that they are right, and copies of them.
 *
 * A slice is a run of extents. Its raw bytes are cut into chunks, each with a digest (when the
 * format has any); what was verified once in the mapping is remembered, copies are verified each
 * time.
 */
#ifndef CAIRN_ENGINE_STORED_H
#define CAIRN_ENGINE_STORED_H

#include "engine/read/reader.h"
#include "format/bytes.h"

struct stored {
	const struct cairn_reader *reader;
	struct cairn_string tensor; /* name, for messages */
	uint64_t number;            /* of its record */
	struct slice_record record;
	uint64_t stored_size; /* bytes of its extents; those of the record unless transformed */
	bool in_one_piece;    /* raw, and contiguous in one file: `shard` and `offset` say where */
	bool by_chunk;        /* extent k holds chunk k, compressed or not; never in one piece */
	uint16_t shard;       /* of its first extent, as is `offset` */
	uint64_t offset;
};

static inline uint64_t stored_chunk_start(const struct stored *stored, uint64_t chunk)
{
	return chunk * stored->record.chunk_size;
}

static inline uint64_t stored_chunk_length(const struct stored *stored, uint64_t chunk)
{
	const uint64_t left = stored->record.size - stored_chunk_start(stored, chunk);

	return left < stored->record.chunk_size ? left : stored->record.chunk_size;
}

/* More than one extent, and as many as chunks: the slice is stored by chunk. (With a single one it
 * is when that is compressed.) */
static inline bool stored_has_extent_a_chunk(const struct slice_record *record)
{
	return record->extent_count > 1 &&
	       record->extent_count == divide_up(record->size, record->chunk_size);
}

/* Reads slice record `number` and checks its extents against the files; of a slice that is stored
 * by chunk only the first, the others are checked when they are used. CORRUPT, UNSUPPORTED
 * (transform, digest kind, check kind, codec), and what the index returns. */
enum cairn_status stored_open(const struct cairn_reader *reader, uint64_t number,
			      struct cairn_string tensor, struct stored *stored,
			      struct cairn_error *error);

/* True when the bytes can be used where they are mapped. */
bool stored_is_mapped(const struct stored *stored);

/* Pointer to byte `offset` of a slice that is mapped. */
const uint8_t *stored_address(const struct stored *stored, uint64_t offset);

/* The slice has digests or a foreign check, and this reader looks at them. */
bool stored_is_checked(const struct stored *stored);

/* It has one check over all its stored bytes, in place of digests (foreign formats). */
bool stored_has_foreign_check(const struct stored *stored);

/* Verifies the chunks of a mapped slice that the range touches, those that are not known to be
 * good. CHECKSUM, TRUNCATED, IO, NO_MEMORY. */
enum cairn_status stored_verify(const struct stored *stored, uint64_t offset, uint64_t size,
				struct cairn_error *error);

/* Before a pass over a range (at most FILE_STEP_SIZE) of a mapped slice that is checked: brings in
 * what is not in memory in large pieces, and makes all of it safe to touch. What is touched still
 * has to be verified. TRUNCATED, IO, NO_MEMORY, CHECKSUM. */
enum cairn_status stored_prepare(const struct stored *stored, uint64_t offset, uint64_t size,
				 struct cairn_error *error);

/* Memory that is kept from one time to the next. */
struct stored_room {
	uint8_t *bytes; /* owned */
	uint64_t size;
};

/* Memory of at least `size` bytes, whatever is in it; NULL: none. */
uint8_t *stored_take_room(struct system *system, struct stored_room *room, uint64_t size);

/* How far the extents of a slice were walked over: the next read mostly goes on there. */
struct stored_walk {
	const struct cairn_reader *reader; /* NULL: nowhere */
	uint64_t slice;                    /* its number */
	uint32_t extent;
	uint64_t begin; /* of that extent in the slice */
};

/* One chunk at a time in memory, for copies of unmapped slices by small pieces. Zero it first;
 * release gives its memory back. May serve several readers that are open as long as it is used. */
struct stored_scratch {
	const struct cairn_reader *reader; /* of the slice that is held; NULL: nothing is */
	uint64_t slice;                    /* its number, and */
	uint64_t number;                   /* which of its chunks */
	uint64_t length;                   /* bytes of it */
	struct stored_room chunk;
	/* a run of numbers that are stored as varints, decoded */
	const struct cairn_reader *run_reader; /* NULL: none is held */
	uint64_t run_slice;                    /* number of its slice */
	uint64_t run_number;
	uint64_t run_size;
	struct stored_room run; /* room for the largest one, and for its stored bytes */
	/* a range of a mapped slice that was safe to touch a moment ago */
	const struct cairn_reader *prepared_reader; /* NULL: none */
	uint64_t prepared_slice;
	uint64_t prepared_begin;
	uint64_t prepared_size;
	/* the same of a file, for stored bytes that are decoded from there */
	const struct file *ahead_file; /* NULL: none */
	uint64_t ahead_begin;
	uint64_t ahead_size;
	struct stored_walk walk;
	struct stored_room stored;   /* compressed bytes that are not mapped */
	struct stored_room shuffled; /* decoded, and not yet in order */
};

void stored_scratch_release(struct system *system, struct stored_scratch *scratch);

/* Copies a range of raw bytes, verified. */
enum cairn_status stored_copy(const struct stored *stored, uint64_t offset, uint64_t size,
			      uint8_t *buffer, struct stored_scratch *scratch,
			      struct cairn_error *error);

/* Extent `number` of a slice that is not stored by chunk, checked against its file. */
enum cairn_status stored_extent(const struct stored *stored, uint32_t number,
				struct extent_record *extent, struct cairn_error *error);

/* Reads the bytes of any range of the extents, without looking at digests. Not of a slice that is
 * stored by chunk. */
enum cairn_status stored_read_extents(const struct stored *stored, uint64_t offset, uint64_t size,
				      uint8_t *buffer, struct cairn_error *error);

/* The two digests of a chunk; equal when it was not found to differ from its own. */
struct stored_digests {
	struct cairn_digest expected;
	struct cairn_digest found;
};

/*
 * Reads one chunk afresh into `buffer` (chunk_size bytes) and compares it with its digest, whatever
 * is remembered; of a slice without digests only compressed bytes are compared, with theirs.
 * `ahead`: raw bytes from there on that will be wanted soon. On CHECKSUM `digests` are equal when
 * it is compressed bytes that differ from theirs. Also for verify.
 */
enum cairn_status stored_check_chunk(const struct stored *stored, uint64_t chunk, uint64_t ahead,
				     uint8_t *buffer, struct stored_scratch *scratch,
				     struct stored_digests *digests, struct cairn_error *error);

/* Offset in its file of byte `offset` of the slice, or CAIRN_NO_OFFSET when it is not there as it
 * is: compressed, transformed, in several pieces. */
uint64_t stored_file_offset(const struct stored *stored, uint64_t offset);

/* Where the bytes of a chunk begin in their file, as they are or compressed; or CAIRN_NO_OFFSET. */
uint64_t stored_chunk_offset(const struct stored *stored, uint64_t chunk);

/* Bytes that a chunk takes in its file; 0 of one whose extent is damaged. */
uint64_t stored_chunk_stored_size(const struct stored *stored, uint64_t chunk);

/* Bytes that the slice takes in its files, compressed or not. */
uint64_t stored_bytes(const struct stored *stored);

/* -------------------------------------------------------------- stored_chunks.c, for the others */

/* The extent of a chunk of a slice that is stored by chunk, checked. CORRUPT, UNSUPPORTED; the
 * caller names the tensor. */
enum cairn_status stored_chunk_extent(const struct stored *stored, uint64_t chunk,
				      struct extent_record *extent, struct cairn_error *error);

/* Reads and decodes a chunk of a slice that is stored by chunk; looks at the digest of stored
 * bytes, not at the chunk's. */
enum cairn_status stored_read_chunk(const struct stored *stored, uint64_t chunk, uint64_t ahead,
				    uint8_t *buffer, struct stored_scratch *scratch,
				    struct cairn_error *error);

/* An extent against its file, and that its codec is known. CORRUPT, UNSUPPORTED. */
enum cairn_status stored_check_extent(const struct cairn_reader *reader,
				      const struct extent_record *extent,
				      struct cairn_error *error);

/* ------------------------------------------------------------- stored_foreign.c, for the others */

/* UNSUPPORTED: a check or a transform that this build does not know. */
enum cairn_status stored_foreign_known(const struct slice_record *record,
				       struct cairn_error *error);

/* Compares all stored bytes with the slice's check afresh, whatever is remembered. `expected` and
 * `found` are filled on CHECKSUM of a plain CRC. For verify; the caller names the tensor. */
enum cairn_status stored_foreign_check(const struct stored *stored, uint32_t *expected,
				       uint32_t *found, struct cairn_error *error);

/* The same once for each reader: the answer is remembered. */
enum cairn_status stored_foreign_verify(const struct stored *stored, struct cairn_error *error);

/* Copies a range of raw bytes of a slice that has been verified. */
enum cairn_status stored_foreign_copy(const struct stored *stored, uint64_t offset, uint64_t size,
				      uint8_t *buffer, struct stored_scratch *scratch,
				      struct cairn_error *error);

/* Names the tensor and, where there are several files, the one that the slice is in. */
enum cairn_status stored_located(const struct stored *stored, enum cairn_status status,
				 struct cairn_error *error);

#endif
