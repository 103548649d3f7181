/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing chunks whose bytes somebody has at hand.
 *
 * Offsets come from a plan, which took them from this slice; the caller has checked that the record
 * is still what it was then.
 */
#include "engine/read/stored_hot.h"

#include <assert.h>
#include <inttypes.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

uint64_t stored_chunk_end(const struct stored *stored, uint64_t offset)
{
	const uint64_t size = stored->record.size;
	const uint64_t to_boundary = stored->record.chunk_size - offset % stored->record.chunk_size;

	return to_boundary < size - offset ? offset + to_boundary : size;
}

bool stored_has_chunks(const struct stored *stored)
{
	return stored->record.digest_kind == DIGEST_XXH3_128 &&
	       stored->reader->verification == CAIRN_VERIFY_ON_FIRST_USE;
}

static enum cairn_status digest_at(const struct stored *stored, uint64_t offset,
				   struct cairn_digest *digest, struct cairn_error *error)
{
	const uint64_t number = stored->record.chunk_index + offset / stored->record.chunk_size;
	const uint8_t *bytes;
	const enum cairn_status status = index_chunk_digests(&stored->reader->index, number, 1,
							     &bytes, error);

	if (status != CAIRN_OK)
		return stored_located(stored, status, error);
	memcpy(digest->bytes, bytes, DIGEST_SIZE);
	return CAIRN_OK;
}

static enum cairn_status differs(const struct stored *stored, uint64_t offset,
				 const struct cairn_digest *expected,
				 const struct cairn_digest *found, struct cairn_error *error)
{
	const uint64_t place = stored_file_offset(stored, offset);
	char expected_text[DIGEST_TEXT_SIZE];
	char found_text[DIGEST_TEXT_SIZE];

	digest_text(expected, expected_text);
	digest_text(found, found_text);
	error_set(error, CAIRN_CHECKSUM, place,
		  "chunk %" PRIu64 " at offset %" PRIu64 " has digest %s instead of %s",
		  offset / stored->record.chunk_size, place, found_text, expected_text);
	return stored_located(stored, CAIRN_CHECKSUM, error);
}

enum cairn_status stored_judge_copy(const struct stored *stored, uint64_t offset, uint8_t *bytes,
				    struct cairn_error *error)
{
	const uint64_t size = stored_chunk_end(stored, offset) - offset;
	struct cairn_digest expected;
	struct cairn_digest found;
	enum cairn_status status = digest_at(stored, offset, &expected, error);

	if (status != CAIRN_OK)
		return status;
	found = digest_bytes(bytes, size);
	if (digest_equal(&expected, &found))
		return CAIRN_OK;
	status = stored_read_extents(stored, offset, size, bytes, error);
	if (status != CAIRN_OK)
		return status;
	found = digest_bytes(bytes, size);
	return digest_equal(&expected, &found) ? CAIRN_OK
					       : differs(stored, offset, &expected, &found, error);
}

enum cairn_status stored_verify_hot(const struct stored *stored, uint64_t offset,
				    const uint8_t *bytes, struct cairn_error *error)
{
	/* what is known about chunks changes, while a reader is const to its users */
	struct chunk_states *const states = (struct chunk_states *)(uintptr_t)&stored->reader
						    ->chunk_states;
	const uint64_t number = stored->record.chunk_index + offset / stored->record.chunk_size;
	const uint64_t size = stored_chunk_end(stored, offset) - offset;
	struct cairn_digest expected;
	struct cairn_digest found;
	enum cairn_status status;

	assert(stored_is_mapped(stored));
	if (chunk_states_get(states, number) == CHUNK_GOOD)
		return CAIRN_OK;
	status = digest_at(stored, offset, &expected, error);
	if (status != CAIRN_OK)
		return status;
	found = digest_bytes(bytes, size);
	if (!digest_equal(&expected, &found))
		return stored_verify(stored, offset, size, error);
	if (chunk_states_claim(states, number))
		chunk_states_settle(states, number, CHUNK_GOOD);
	return CAIRN_OK;
}
