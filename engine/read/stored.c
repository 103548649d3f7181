/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and verifying stored slices.
 *
 * Extents come from the index and are untrusted: stored_open checks each of them against the size
 * of its file before any is used. Verification of a mapped slice works on the mapping where the
 * pages are in memory, and on a copy read with pread where they are not: then the disk is read in
 * large pieces, and a failing medium is an error.
 */
#include "engine/read/stored.h"

#include <assert.h>
#include <inttypes.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

enum cairn_status stored_located(const struct stored *stored, enum cairn_status status,
				 struct cairn_error *error)
{
	const struct cairn_reader *const reader = stored->reader;

	error_prefix_tensor(error, status, stored->tensor);
	if (stored->shard >= reader->first_file && reader->file_count - reader->first_file > 1)
		error_prefix(error, status, reader->files[stored->shard].name);
	return status;
}

/* ----------------------------------------------------------------------------------------- open */

enum cairn_status stored_check_extent(const struct cairn_reader *reader,
				      const struct extent_record *extent, struct cairn_error *error)
{
	const struct file *file;

	if (extent->shard >= reader->file_count)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "an extent is in shard %d of %" PRIu32, extent->shard,
				 reader->file_count);
	file = &reader->files[extent->shard];
	if (!range_within(extent->offset, extent->stored_size, file->size))
		return error_set(error, CAIRN_CORRUPT, extent->offset,
				 "offset %" PRIu64 " + size %" PRIu64 " exceeds file size %" PRIu64,
				 extent->offset, extent->stored_size, file->size);
	if (extent->codec != CODEC_RAW && extent->codec != CODEC_LZ4)
		return error_set(error, CAIRN_UNSUPPORTED, extent->offset, "unknown codec %d",
				 extent->codec);
	return CAIRN_OK;
}

/* Of a slice that is not stored by chunk: compressed bytes would have no chunk to become. */
static enum cairn_status check_raw_extent(const struct cairn_reader *reader,
					  const struct extent_record *extent,
					  struct cairn_error *error)
{
	const enum cairn_status status = stored_check_extent(reader, extent, error);

	if (status == CAIRN_OK && extent->codec != CODEC_RAW)
		return error_set(error, CAIRN_CORRUPT, extent->offset,
				 "a compressed extent of a slice that is not stored by chunk");
	return status;
}

/* Extends the piece that the slice occupies by one more extent; false when it does not continue it.
 */
static void note_extent(struct stored *stored, const struct extent_record *extent, bool first,
			uint64_t before)
{
	if (first) {
		stored->in_one_piece = true;
		stored->shard = extent->shard;
		stored->offset = extent->offset;
	} else if (extent->shard != stored->shard || extent->offset != stored->offset + before) {
		stored->in_one_piece = false;
	}
}

static uint64_t chunk_count(const struct slice_record *record)
{
	return divide_up(record->size, record->chunk_size);
}

/* As many extents as chunks: each holds one. A single raw one is as good as any other. */
static enum cairn_status open_by_chunk(struct stored *stored, struct cairn_error *error)
{
	const struct slice_record *const record = &stored->record;
	struct extent_record first;
	enum cairn_status status;

	if (stored->reader->index.foreign || record->extent_count == 0 ||
	    record->extent_count != chunk_count(record))
		return CAIRN_OK;
	status = index_extent(&stored->reader->index, record->extent_index, &first, error);
	if (status != CAIRN_OK || (record->extent_count == 1 && first.codec == CODEC_RAW))
		return status;
	stored->by_chunk = true;
	stored->stored_size = record->size;
	status = stored_chunk_extent(stored, 0, &first, error);
	if (status != CAIRN_OK)
		return status;
	stored->shard = first.shard;
	stored->offset = first.offset;
	return CAIRN_OK;
}

static enum cairn_status open_extents(struct stored *stored, struct cairn_error *error)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < stored->record.extent_count; i++) {
		struct extent_record extent;
		enum cairn_status status;

		status = index_extent(&stored->reader->index, stored->record.extent_index + i,
				      &extent, error);
		if (status == CAIRN_OK)
			status = check_raw_extent(stored->reader, &extent, error);
		if (status == CAIRN_OK)
			status = reader_use_shard(stored->reader, extent.shard, error);
		if (status != CAIRN_OK)
			return status;
		note_extent(stored, &extent, i == 0, total);
		if (!checked_add(total, extent.size, &total))
			total = UINT64_MAX; /* cannot be the size of a slice */
	}
	stored->stored_size = total;
	if (total != stored->record.size && !transform_changes_size(stored->record.transform))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "its extents hold %" PRIu64 " bytes instead of %" PRIu64, total,
				 stored->record.size);
	return CAIRN_OK;
}

/* What is known about the chunks is kept by their numbers. */
static enum cairn_status check_chunks(const struct stored *stored, struct cairn_error *error)
{
	const struct slice_record *const record = &stored->record;
	const uint64_t chunks = chunk_count(record);

	if (record->digest_kind == DIGEST_NONE ||
	    range_within(record->chunk_index, chunks, stored->reader->index.chunk_count))
		return CAIRN_OK;
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "its %" PRIu64 " chunk digests from %" PRIu64 " on exceed the %" PRIu64
			 " of the index",
			 chunks, record->chunk_index, stored->reader->index.chunk_count);
}

/* Slices of a later version, or with features that no reader has yet. */
static enum cairn_status check_known(const struct cairn_reader *reader,
				     const struct slice_record *record, struct cairn_error *error)
{
	if (reader->index.foreign)
		return stored_foreign_known(record, error);
	if (record->transform != TRANSFORM_NONE)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "unknown element transform %d", record->transform);
	if (record->digest_kind > DIGEST_XXH3_128)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "unknown digest kind %d", record->digest_kind);
	if (record->check_kind > CHECK_CRC32C_AT_OPEN)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "unknown check kind %d", record->check_kind);
	return CAIRN_OK;
}

enum cairn_status stored_open(const struct cairn_reader *reader, uint64_t number,
			      struct cairn_string tensor, struct stored *stored,
			      struct cairn_error *error)
{
	struct stored opened = {.reader = reader, .tensor = tensor, .number = number};
	enum cairn_status status;

	status = index_slice(&reader->index, number, &opened.record, error);
	if (status == CAIRN_OK)
		status = check_known(reader, &opened.record, error);
	if (status == CAIRN_OK)
		status = check_chunks(&opened, error);
	if (status == CAIRN_OK)
		status = open_by_chunk(&opened, error);
	if (status == CAIRN_OK && !opened.by_chunk)
		status = open_extents(&opened, error);
	if (status != CAIRN_OK)
		return stored_located(&opened, status, error);
	*stored = opened;
	return CAIRN_OK;
}

bool stored_is_mapped(const struct stored *stored)
{
	if (stored->record.size == 0)
		return true;
	return stored->in_one_piece && stored->record.transform == TRANSFORM_NONE &&
	       stored->reader->transport != CAIRN_TRANSPORT_COPY &&
	       stored->reader->files[stored->shard].base != NULL;
}

const uint8_t *stored_address(const struct stored *stored, uint64_t offset)
{
	assert(stored_is_mapped(stored) && stored->record.size != 0);
	return stored->reader->files[stored->shard].base + stored->offset + offset;
}

bool stored_has_foreign_check(const struct stored *stored)
{
	return stored->reader->index.foreign && stored->record.check_kind > CHECK_CHUNKS;
}

bool stored_is_checked(const struct stored *stored)
{
	return (stored->record.digest_kind == DIGEST_XXH3_128 ||
		stored_has_foreign_check(stored)) &&
	       stored->reader->verification == CAIRN_VERIFY_ON_FIRST_USE;
}

/* ------------------------------------------------------------------------------------ raw bytes */

/* Only an index that was changed since it was checked asks for such bytes. */
static enum cairn_status beyond_slice(const struct stored *stored, uint64_t offset, uint64_t size,
				      struct cairn_error *error)
{
	error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
		  "bytes %" PRIu64 " + %" PRIu64 " of a stored slice of %" PRIu64, offset, size,
		  stored->record.size);
	return stored_located(stored, CAIRN_CORRUPT, error);
}

enum cairn_status stored_extent(const struct stored *stored, uint32_t number,
				struct extent_record *extent, struct cairn_error *error)
{
	enum cairn_status status;

	status = index_extent(&stored->reader->index, stored->record.extent_index + number, extent,
			      error);
	if (status == CAIRN_OK)
		status = check_raw_extent(stored->reader, extent, error);
	return status == CAIRN_OK ? status : stored_located(stored, status, error);
}

/* Back to the first extent, unless the walk was over this slice and has not passed `offset`. */
static void begin_walk(const struct stored *stored, uint64_t offset, struct stored_walk *walk)
{
	if (walk->reader != stored->reader || walk->slice != stored->number || walk->begin > offset)
		*walk = (struct stored_walk){.reader = stored->reader, .slice = stored->number};
}

static enum cairn_status read_extents(const struct stored *stored, uint64_t offset, uint64_t size,
				      uint8_t *buffer, struct stored_walk *walk,
				      struct cairn_error *error)
{
	uint64_t done = 0;

	assert(!stored->by_chunk);
	begin_walk(stored, offset, walk);
	while (walk->extent < stored->record.extent_count && done < size) {
		struct extent_record extent;
		uint64_t skipped;
		uint64_t piece;
		enum cairn_status status;

		status = stored_extent(stored, walk->extent, &extent, error);
		if (status != CAIRN_OK)
			return status;
		if (offset + done >= walk->begin + extent.size) {
			walk->begin += extent.size;
			walk->extent++;
			continue;
		}
		skipped = offset + done - walk->begin;
		piece = extent.size - skipped < size - done ? extent.size - skipped : size - done;
		status = file_read(&stored->reader->files[extent.shard], extent.offset + skipped,
				   buffer + done, piece, error);
		if (status != CAIRN_OK)
			return stored_located(stored, status, error);
		done += piece;
	}
	return done == size ? CAIRN_OK : beyond_slice(stored, offset, size, error);
}

enum cairn_status stored_read_extents(const struct stored *stored, uint64_t offset, uint64_t size,
				      uint8_t *buffer, struct cairn_error *error)
{
	struct stored_walk walk = {0};

	return read_extents(stored, offset, size, buffer, &walk, error);
}

uint64_t stored_file_offset(const struct stored *stored, uint64_t offset)
{
	return stored->in_one_piece && stored->record.transform == TRANSFORM_NONE
		       ? stored->offset + offset
		       : CAIRN_NO_OFFSET;
}

uint64_t stored_chunk_offset(const struct stored *stored, uint64_t chunk)
{
	struct extent_record extent;

	if (!stored->by_chunk)
		return stored_file_offset(stored, stored_chunk_start(stored, chunk));
	return stored_chunk_extent(stored, chunk, &extent, NULL) == CAIRN_OK ? extent.offset
									     : CAIRN_NO_OFFSET;
}

uint64_t stored_chunk_stored_size(const struct stored *stored, uint64_t chunk)
{
	struct extent_record extent;

	if (!stored->by_chunk)
		return stored_chunk_length(stored, chunk);
	return stored_chunk_extent(stored, chunk, &extent, NULL) == CAIRN_OK ? extent.stored_size
									     : 0;
}

/* -------------------------------------------------------------------------------------- digests */

static enum cairn_status chunk_digest(const struct stored *stored, uint64_t chunk,
				      struct cairn_digest *digest, struct cairn_error *error)
{
	const uint8_t *bytes;
	enum cairn_status status;

	status = index_chunk_digests(&stored->reader->index, stored->record.chunk_index + chunk, 1,
				     &bytes, error);
	if (status != CAIRN_OK)
		return stored_located(stored, status, error);
	memcpy(digest->bytes, bytes, DIGEST_SIZE);
	return CAIRN_OK;
}

static enum cairn_status chunk_differs(const struct stored *stored, uint64_t chunk,
				       const struct stored_digests *digests,
				       struct cairn_error *error)
{
	const uint64_t offset = stored_chunk_offset(stored, chunk);
	char expected_text[DIGEST_TEXT_SIZE];
	char found_text[DIGEST_TEXT_SIZE];

	digest_text(&digests->expected, expected_text);
	digest_text(&digests->found, found_text);
	error_set(error, CAIRN_CHECKSUM, offset,
		  "chunk %" PRIu64 " at offset %" PRIu64 " has digest %s instead of %s", chunk,
		  offset, found_text, expected_text);
	return stored_located(stored, CAIRN_CHECKSUM, error);
}

static enum cairn_status read_chunk(const struct stored *stored, uint64_t chunk, uint64_t ahead,
				    uint8_t *buffer, struct stored_scratch *scratch,
				    struct cairn_error *error)
{
	return stored->by_chunk ? stored_read_chunk(stored, chunk, ahead, buffer, scratch, error)
				: read_extents(stored, stored_chunk_start(stored, chunk),
					       stored_chunk_length(stored, chunk), buffer,
					       &scratch->walk, error);
}

enum cairn_status stored_check_chunk(const struct stored *stored, uint64_t chunk, uint64_t ahead,
				     uint8_t *buffer, struct stored_scratch *scratch,
				     struct stored_digests *digests, struct cairn_error *error)
{
	enum cairn_status status;

	*digests = (struct stored_digests){0};
	status = read_chunk(stored, chunk, ahead, buffer, scratch, error);
	if (stored->record.digest_kind == DIGEST_NONE)
		return status;
	if (status == CAIRN_OK)
		status = chunk_digest(stored, chunk, &digests->expected, error);
	if (status != CAIRN_OK)
		return status;
	digests->found = digest_bytes(buffer, stored_chunk_length(stored, chunk));
	return digest_equal(&digests->expected, &digests->found)
		       ? CAIRN_OK
		       : chunk_differs(stored, chunk, digests, error);
}

/* ------------------------------------------------------------------------ verifying the mapping */

/* Bytes that are claimed, read and hashed at a time: what a cold read needs of private memory. */
#define CLAIM_SIZE ((uint64_t)4 << 20)

/* Below this a pread costs less than asking for residency and populating; and it cannot fault. */
#define SMALL_CLAIM_SIZE ((uint64_t)64 << 10)

/* A run of chunks that this thread claimed. */
struct claim {
	uint64_t first; /* chunks of the slice */
	uint64_t count;
};

/* Chunk digests are not part of a reader's public state, but what is known about them changes. */
static struct chunk_states *states_of(const struct stored *stored)
{
	return (struct chunk_states *)(uintptr_t)&stored->reader->chunk_states;
}

/*
 * The mapped bytes differ from the digest. Reads them once more with pread: that tells a truncated
 * file or a failing medium, and if the digest fits now, the mapping deserves a second look.
 */
static enum cairn_status second_look(const struct stored *stored, uint64_t chunk,
				     struct cairn_error *error)
{
	struct system *const system = stored->reader->system;
	uint8_t *const buffer = system_allocate(system, stored->record.chunk_size);
	const uint64_t start = stored_chunk_start(stored, chunk);
	struct stored_scratch unused = {0}; /* what is mapped is raw */
	struct stored_digests digests;
	enum cairn_status status;

	if (buffer == NULL)
		return error_set_memory(error, "a chunk");
	status = stored_check_chunk(stored, chunk, 0, buffer, &unused, &digests, error);
	system_free(system, buffer);
	if (status != CAIRN_OK)
		return status;
	status = file_prepare(&stored->reader->files[stored->shard], stored->offset + start,
			      stored_chunk_length(stored, chunk), error);
	if (status != CAIRN_OK)
		return stored_located(stored, status, error);
	digests.found = digest_bytes(stored_address(stored, start),
				     stored_chunk_length(stored, chunk));
	return digest_equal(&digests.expected, &digests.found)
		       ? CAIRN_OK
		       : chunk_differs(stored, chunk, &digests, error);
}

/* Compares one chunk, whose bytes are at `bytes` (the mapping or a copy of it), and settles it. */
static enum cairn_status verify_chunk(const struct stored *stored, uint64_t chunk,
				      const uint8_t *bytes, struct cairn_error *error)
{
	struct cairn_digest expected;
	struct cairn_digest found;
	enum chunk_state verdict = CHUNK_GOOD;
	enum cairn_status status;

	status = chunk_digest(stored, chunk, &expected, error);
	if (status == CAIRN_OK) {
		found = digest_bytes(bytes, stored_chunk_length(stored, chunk));
		if (!digest_equal(&expected, &found))
			status = second_look(stored, chunk, error);
	}
	if (status == CAIRN_CHECKSUM)
		verdict = CHUNK_BAD;
	else if (status != CAIRN_OK)
		verdict = CHUNK_UNKNOWN; /* not the data's fault: another try may succeed */
	chunk_states_settle(states_of(stored), stored->record.chunk_index + chunk, verdict);
	return status;
}

static void give_up_claims(const struct stored *stored, uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		chunk_states_settle(states_of(stored), stored->record.chunk_index + first + i,
				    CHUNK_UNKNOWN);
}

static enum cairn_status verify_chunks(const struct stored *stored, const struct claim *claim,
				       const uint8_t *bytes, struct cairn_error *error)
{
	const uint64_t start = stored_chunk_start(stored, claim->first);

	for (uint64_t i = 0; i < claim->count; i++) {
		const uint64_t chunk = claim->first + i;
		const enum cairn_status status = verify_chunk(
			stored, chunk, bytes + (stored_chunk_start(stored, chunk) - start), error);

		if (status != CAIRN_OK) {
			give_up_claims(stored, chunk + 1, claim->count - i - 1);
			return status;
		}
	}
	return CAIRN_OK;
}

static uint64_t claim_bytes(const struct stored *stored, const struct claim *claim)
{
	const uint64_t last = claim->first + claim->count - 1;

	return stored_chunk_start(stored, last) + stored_chunk_length(stored, last) -
	       stored_chunk_start(stored, claim->first);
}

/* The pages are not in memory: reads them in one large piece, which brings them in for the mapping
 * too, and looks at the copy. */
static enum cairn_status verify_by_copy(const struct stored *stored, const struct claim *claim,
					struct cairn_error *error)
{
	struct system *const system = stored->reader->system;
	const uint64_t size = claim_bytes(stored, claim);
	uint8_t *const buffer = system_allocate(system, size);
	enum cairn_status status;

	if (buffer == NULL)
		status = error_set_memory(error, "reading chunks");
	else
		status = stored_read_extents(stored, stored_chunk_start(stored, claim->first), size,
					     buffer, error);
	if (status == CAIRN_OK)
		status = verify_chunks(stored, claim, buffer, error);
	else
		give_up_claims(stored, claim->first, claim->count);
	system_free(system, buffer);
	return status;
}

static enum cairn_status verify_claim(const struct stored *stored, const struct claim *claim,
				      struct cairn_error *error)
{
	const struct file *const file = &stored->reader->files[stored->shard];
	const uint64_t start = stored_chunk_start(stored, claim->first);
	const uint64_t size = claim_bytes(stored, claim);
	enum cairn_status status;

	if (size <= SMALL_CLAIM_SIZE || !file_is_resident(file, stored->offset + start, size))
		return verify_by_copy(stored, claim, error);
	status = file_prepare(file, stored->offset + start, size, error);
	if (status != CAIRN_OK) {
		give_up_claims(stored, claim->first, claim->count);
		return stored_located(stored, status, error);
	}
	return verify_chunks(stored, claim, stored_address(stored, start), error);
}

/* Claims unknown chunks from `first` on, as many as lie in a row and in one step. */
static uint64_t claim_run(const struct stored *stored, uint64_t first, uint64_t end)
{
	const uint64_t most = CLAIM_SIZE / stored->record.chunk_size;
	uint64_t count = 0;

	while (first + count < end && (count == 0 || count < most) &&
	       chunk_states_claim(states_of(stored), stored->record.chunk_index + first + count))
		count++;
	return count;
}

static enum cairn_status known_bad(const struct stored *stored, uint64_t chunk,
				   struct cairn_error *error)
{
	const uint64_t offset = stored_file_offset(stored, stored_chunk_start(stored, chunk));

	error_set(error, CAIRN_CHECKSUM, offset,
		  "chunk %" PRIu64 " at offset %" PRIu64
		  " differs from its digest, as was found before",
		  chunk, offset);
	return stored_located(stored, CAIRN_CHECKSUM, error);
}

/* The chunk is not unknown: says what it is, waiting for the thread that looks at it. OK also when
 * it became unknown again. */
static enum cairn_status await_chunk(const struct stored *stored, uint64_t chunk,
				     struct cairn_error *error)
{
	const uint64_t number = stored->record.chunk_index + chunk;

	if (chunk_states_get(states_of(stored), number) == CHUNK_BUSY)
		chunk_states_wait(states_of(stored), number);
	return chunk_states_get(states_of(stored), number) == CHUNK_BAD
		       ? known_bad(stored, chunk, error)
		       : CAIRN_OK;
}

static enum cairn_status verify_range(const struct stored *stored, uint64_t offset, uint64_t size,
				      struct cairn_error *error)
{
	const uint64_t end = (offset + size - 1) / stored->record.chunk_size + 1;
	uint64_t chunk = offset / stored->record.chunk_size;

	if (chunk_states_all_good(states_of(stored), stored->record.chunk_index + chunk,
				  end - chunk))
		return CAIRN_OK;
	while (chunk < end) {
		const struct claim claim = {chunk, claim_run(stored, chunk, end)};
		enum cairn_status status;

		if (claim.count != 0)
			status = verify_claim(stored, &claim, error);
		else
			status = await_chunk(stored, chunk, error);
		if (status != CAIRN_OK)
			return status;
		if (claim.count != 0)
			chunk += claim.count;
		else if (chunk_states_get(states_of(stored), stored->record.chunk_index + chunk) ==
			 CHUNK_GOOD)
			chunk++;
	}
	return CAIRN_OK;
}

enum cairn_status stored_verify(const struct stored *stored, uint64_t offset, uint64_t size,
				struct cairn_error *error)
{
	if (size == 0 || !stored_is_checked(stored))
		return CAIRN_OK;
	return stored_has_foreign_check(stored) ? stored_foreign_verify(stored, error)
						: verify_range(stored, offset, size, error);
}

/* --------------------------------------------------------------------------------------- copies */

void stored_scratch_release(struct system *system, struct stored_scratch *scratch)
{
	system_free(system, scratch->chunk.bytes);
	system_free(system, scratch->run.bytes);
	system_free(system, scratch->stored.bytes);
	system_free(system, scratch->shuffled.bytes);
	*scratch = (struct stored_scratch){0};
}

/* A chunk, compared with its digest unless this reader looks at none. */
static enum cairn_status load_chunk(const struct stored *stored, uint64_t chunk, uint64_t ahead,
				    uint8_t *buffer, struct stored_scratch *scratch,
				    struct cairn_error *error)
{
	struct stored_digests digests;

	return stored_is_checked(stored)
		       ? stored_check_chunk(stored, chunk, ahead, buffer, scratch, &digests, error)
		       : read_chunk(stored, chunk, ahead, buffer, scratch, error);
}

/* Brings a whole chunk into the scratch memory, unless it is there already. */
static enum cairn_status hold_chunk(const struct stored *stored, uint64_t chunk, uint64_t ahead,
				    struct stored_scratch *scratch, struct cairn_error *error)
{
	uint8_t *room;
	enum cairn_status status;

	/* also the length: somebody may have changed the record in the file since */
	if (scratch->reader == stored->reader && scratch->slice == stored->number &&
	    scratch->number == chunk && scratch->length == stored_chunk_length(stored, chunk))
		return CAIRN_OK;
	scratch->reader = NULL;
	room = stored_take_room(stored->reader->system, &scratch->chunk, stored->record.chunk_size);
	if (room == NULL)
		return error_set_memory(error, "a chunk");
	status = load_chunk(stored, chunk, ahead, room, scratch, error);
	if (status != CAIRN_OK)
		return status;
	scratch->reader = stored->reader;
	scratch->slice = stored->number;
	scratch->number = chunk;
	scratch->length = stored_chunk_length(stored, chunk);
	return CAIRN_OK;
}

/* A copy by whole chunks, `size` bytes: those that are wanted whole go straight to the buffer. */
static enum cairn_status copy_by_chunk(const struct stored *stored, uint64_t offset, uint64_t size,
				       uint8_t *buffer, struct stored_scratch *scratch,
				       struct cairn_error *error)
{
	for (uint64_t done = 0; done < size;) {
		const uint64_t chunk = (offset + done) / stored->record.chunk_size;
		const uint64_t skipped = (offset + done) % stored->record.chunk_size;
		const uint64_t length = stored_chunk_length(stored, chunk);
		const uint64_t left = length - skipped;
		const uint64_t piece = left < size - done ? left : size - done;
		enum cairn_status status;

		if (piece == length)
			status = load_chunk(stored, chunk, size - done, buffer + done, scratch,
					    error);
		else
			status = hold_chunk(stored, chunk, size - done, scratch, error);
		if (status != CAIRN_OK)
			return status;
		if (piece != length)
			memcpy(buffer + done, scratch->chunk.bytes + skipped, piece);
		done += piece;
	}
	return CAIRN_OK;
}

/* Reads what is not in memory in large pieces: chunk by chunk would wait for the disk each time. */
static enum cairn_status verify_cold(const struct stored *stored, uint64_t offset, uint64_t size,
				     struct cairn_error *error)
{
	const struct file *const file = &stored->reader->files[stored->shard];

	return file_is_resident(file, stored->offset + offset, size)
		       ? CAIRN_OK
		       : stored_verify(stored, offset, size, error);
}

enum cairn_status stored_prepare(const struct stored *stored, uint64_t offset, uint64_t size,
				 struct cairn_error *error)
{
	enum cairn_status status = verify_cold(stored, offset, size, error);

	if (status != CAIRN_OK)
		return status;
	status = file_prepare(&stored->reader->files[stored->shard], stored->offset + offset, size,
			      error);
	return status == CAIRN_OK ? CAIRN_OK : stored_located(stored, status, error);
}

/* Verifies and copies chunk by chunk, so that the copy finds the bytes in the processor's cache. */
static enum cairn_status copy_step(const struct stored *stored, uint64_t offset, uint64_t size,
				   uint8_t *buffer, struct cairn_error *error)
{
	for (uint64_t done = 0; done < size;) {
		const uint64_t to_boundary = stored->record.chunk_size -
					     (offset + done) % stored->record.chunk_size;
		const uint64_t piece = to_boundary < size - done ? to_boundary : size - done;
		const enum cairn_status status = stored_verify(stored, offset + done, piece, error);

		if (status != CAIRN_OK)
			return status;
		memcpy(buffer + done, stored_address(stored, offset + done), piece);
		done += piece;
	}
	return CAIRN_OK;
}

/* Verified pages may be lost since: the file was cut off. One look for a chunk's worth of small
 * pieces is enough. */
static enum cairn_status prepare_again(const struct stored *stored, uint64_t offset, uint64_t size,
				       struct stored_scratch *scratch, struct cairn_error *error)
{
	const uint64_t chunk_size = stored->record.chunk_size;
	const uint64_t begin = offset / chunk_size * chunk_size;
	const uint64_t to_end = stored->record.size - begin;
	uint64_t span = align_up(offset + size - begin, chunk_size);
	enum cairn_status status;

	if (scratch->prepared_reader == stored->reader &&
	    scratch->prepared_slice == stored->number &&
	    range_within(offset - scratch->prepared_begin, size, scratch->prepared_size))
		return CAIRN_OK;
	span = span < to_end ? span : to_end;
	status = file_prepare(&stored->reader->files[stored->shard], stored->offset + begin, span,
			      error);
	if (status != CAIRN_OK)
		return stored_located(stored, status, error);
	scratch->prepared_reader = stored->reader;
	scratch->prepared_slice = stored->number;
	scratch->prepared_begin = begin;
	scratch->prepared_size = span;
	return CAIRN_OK;
}

static enum cairn_status copy_mapped(const struct stored *stored, uint64_t offset, uint64_t size,
				     uint8_t *buffer, struct stored_scratch *scratch,
				     struct cairn_error *error)
{
	for (uint64_t done = 0; done < size; done += FILE_STEP_SIZE) {
		const uint64_t step = size - done < FILE_STEP_SIZE ? size - done : FILE_STEP_SIZE;
		enum cairn_status status = CAIRN_OK;

		if (step > stored->record.chunk_size)
			status = verify_cold(stored, offset + done, step, error);
		if (status == CAIRN_OK)
			status = prepare_again(stored, offset + done, step, scratch, error);
		if (status == CAIRN_OK)
			status = copy_step(stored, offset + done, step, buffer + done, error);
		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

enum cairn_status stored_copy(const struct stored *stored, uint64_t offset, uint64_t size,
			      uint8_t *buffer, struct stored_scratch *scratch,
			      struct cairn_error *error)
{
	if (size == 0)
		return CAIRN_OK;
	if (!range_within(offset, size, stored->record.size))
		return beyond_slice(stored, offset, size, error);
	if (stored_has_foreign_check(stored) || stored->record.transform != TRANSFORM_NONE) {
		const enum cairn_status status = stored_verify(stored, offset, size, error);

		return status == CAIRN_OK
			       ? stored_foreign_copy(stored, offset, size, buffer, scratch, error)
			       : status;
	}
	if (!stored_is_mapped(stored))
		return stored_is_checked(stored) || stored->by_chunk
			       ? copy_by_chunk(stored, offset, size, buffer, scratch, error)
			       : read_extents(stored, offset, size, buffer, &scratch->walk, error);
	if (stored_is_checked(stored))
		return copy_mapped(stored, offset, size, buffer, scratch, error);
	/* nobody looked at these pages yet: pread cannot fault */
	return read_extents(stored, offset, size, buffer, &scratch->walk, error);
}
