/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices that are stored chunk by chunk, compressed or not.
 *
 * Extent k of such a slice holds chunk k, so that any chunk is found at once and none is decoded
 * that is not wanted. Extents are checked when they are used. Compressed bytes are compared with
 * their own digest, then decoded, into exactly the bytes that the chunk has; that these are right
 * is the chunk digest's to say, as with raw chunks.
 */
#include <assert.h>
#include <inttypes.h>

#include "engine/read/stored.h"
#include "format/byte_shuffle.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/lz4_block.h"

/* Stored bytes that are brought in at a time, when that many are wanted. */
#define AHEAD_SIZE ((uint64_t)4 << 20)

enum cairn_status stored_chunk_extent(const struct stored *stored, uint64_t chunk,
				      struct extent_record *extent, struct cairn_error *error)
{
	const struct cairn_reader *const reader = stored->reader;
	const uint64_t size = stored_chunk_length(stored, chunk);
	enum cairn_status status;

	status = index_extent(&reader->index, stored->record.extent_index + chunk, extent, error);
	if (status == CAIRN_OK)
		status = stored_check_extent(reader, extent, error);
	if (status == CAIRN_OK && extent->size != size)
		status = error_set(error, CAIRN_CORRUPT, extent->offset,
				   "the extent of chunk %" PRIu64 " holds %" PRIu64
				   " bytes instead of %" PRIu64,
				   chunk, extent->size, size);
	return status == CAIRN_OK ? reader_use_shard(reader, extent->shard, error) : status;
}

uint8_t *stored_take_room(struct system *system, struct stored_room *room, uint64_t size)
{
	if (room->size < size) {
		system_free(system, room->bytes);
		room->bytes = system_allocate(system, size);
		room->size = room->bytes == NULL ? 0 : size;
	}
	return room->bytes;
}

/* Makes the mapped stored bytes safe to touch, and with them some of those that will follow. False:
 * they have to be read, which will say why. */
static bool prepare_mapped(const struct file *file, const struct extent_record *extent,
			   uint64_t ahead, struct stored_scratch *scratch)
{
	const uint64_t left = file->size - extent->offset;
	uint64_t span = ahead < AHEAD_SIZE ? ahead : AHEAD_SIZE;

	if (scratch->ahead_file == file && range_within(extent->offset - scratch->ahead_begin,
							extent->stored_size, scratch->ahead_size))
		return true;
	span = span < left ? span : left;
	span = span < extent->stored_size ? extent->stored_size : span;
	scratch->ahead_file = NULL;
	if (file_prepare(file, extent->offset, span, NULL) != CAIRN_OK)
		return false;
	scratch->ahead_file = file;
	scratch->ahead_begin = extent->offset;
	scratch->ahead_size = span;
	return true;
}

/* The stored bytes of a compressed extent, where they are mapped or read into the scratch. */
static enum cairn_status find_stored(const struct stored *stored,
				     const struct extent_record *extent, uint64_t ahead,
				     struct stored_scratch *scratch, const uint8_t **bytes,
				     struct cairn_error *error)
{
	const struct file *const file = &stored->reader->files[extent->shard];
	uint8_t *room;

	if (file->base != NULL && stored->reader->transport != CAIRN_TRANSPORT_COPY &&
	    prepare_mapped(file, extent, ahead, scratch)) {
		*bytes = file->base + extent->offset;
		return CAIRN_OK;
	}
	room = stored_take_room(stored->reader->system, &scratch->stored, extent->stored_size);
	if (room == NULL)
		return error_set_memory(error, "a stored chunk");
	*bytes = room;
	return file_read(file, extent->offset, room, extent->stored_size, error);
}

static enum cairn_status check_stored(const struct extent_record *extent, uint64_t chunk,
				      const uint8_t *bytes, struct cairn_error *error)
{
	const uint64_t found = digest64_bytes(bytes, extent->stored_size);

	if (found == extent->stored_digest)
		return CAIRN_OK;
	return error_set(error, CAIRN_CHECKSUM, extent->offset,
			 "the stored bytes of chunk %" PRIu64 " at offset %" PRIu64
			 " have digest %016" PRIx64 " instead of %016" PRIx64,
			 chunk, extent->offset, found, extent->stored_digest);
}

static enum cairn_status decode(const struct stored *stored, uint64_t chunk,
				const struct extent_record *extent, const uint8_t *bytes,
				uint8_t *buffer, struct stored_scratch *scratch,
				struct cairn_error *error)
{
	const bool shuffled = extent->shuffle != SHUFFLE_NONE;
	uint8_t *const to = shuffled ? stored_take_room(stored->reader->system, &scratch->shuffled,
							extent->size)
				     : buffer;

	if (to == NULL)
		return error_set_memory(error, "a shuffled chunk");
	if (!lz4_block_decode(bytes, extent->stored_size, to, extent->size))
		return error_set(error, CAIRN_CORRUPT, extent->offset,
				 "chunk %" PRIu64 " at offset %" PRIu64 ": %" PRIu64
				 " bytes are no LZ4 block of %" PRIu64,
				 chunk, extent->offset, extent->stored_size, extent->size);
	if (shuffled)
		byte_unshuffle(to, extent->size, extent->shuffle, buffer);
	return CAIRN_OK;
}

static enum cairn_status read_compressed(const struct stored *stored, uint64_t chunk,
					 const struct extent_record *extent, uint64_t ahead,
					 uint8_t *buffer, struct stored_scratch *scratch,
					 struct cairn_error *error)
{
	const uint8_t *bytes = NULL;
	enum cairn_status status = find_stored(stored, extent, ahead, scratch, &bytes, error);

	if (status == CAIRN_OK)
		status = check_stored(extent, chunk, bytes, error);
	return status == CAIRN_OK ? decode(stored, chunk, extent, bytes, buffer, scratch, error)
				  : status;
}

uint64_t stored_bytes(const struct stored *stored)
{
	uint64_t bytes = 0;

	if (!stored->by_chunk)
		return stored->stored_size;
	for (uint32_t i = 0; i < stored->record.extent_count; i++) {
		if (!checked_add(bytes, stored_chunk_stored_size(stored, i), &bytes))
			return UINT64_MAX; /* of a dishonest index */
	}
	return bytes;
}

enum cairn_status stored_read_chunk(const struct stored *stored, uint64_t chunk, uint64_t ahead,
				    uint8_t *buffer, struct stored_scratch *scratch,
				    struct cairn_error *error)
{
	struct extent_record extent;
	enum cairn_status status = stored_chunk_extent(stored, chunk, &extent, error);

	assert(stored->by_chunk);
	if (status == CAIRN_OK && extent.codec == CODEC_RAW)
		status = file_read(&stored->reader->files[extent.shard], extent.offset, buffer,
				   extent.size, error);
	else if (status == CAIRN_OK)
		status = read_compressed(stored, chunk, &extent, ahead, buffer, scratch, error);
	return status == CAIRN_OK ? CAIRN_OK : stored_located(stored, status, error);
}
