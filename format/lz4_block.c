/* SPDX-License-Identifier: Apache-2.0 */
/*
 * liblz4 checks what it decodes: it reads nothing behind the stored bytes and writes nothing behind
 * the size that it is given. What is left to do here is to compare sizes.
 */
#include "format/lz4_block.h"

#include <assert.h>

#include <lz4.h>

#include "format/container.h"

_Static_assert(CHUNK_SIZE_MAX <= LZ4_MAX_INPUT_SIZE, "a chunk fits into a block");

/* The best that a stored byte can do: to lengthen a copy. */
#define BYTES_OF_STORED_MAX 255u

bool lz4_block_can_hold(uint64_t stored_size, uint64_t size)
{
	return size / BYTES_OF_STORED_MAX <= stored_size;
}

uint64_t lz4_block_encode(const uint8_t *bytes, uint64_t size, uint8_t *stored, uint64_t room)
{
	const int limit = room > CHUNK_SIZE_MAX ? (int)CHUNK_SIZE_MAX : (int)room;

	assert(size <= CHUNK_SIZE_MAX);
	return (uint64_t)LZ4_compress_default((const char *)bytes, (char *)stored, (int)size,
					      limit);
}

bool lz4_block_decode(const uint8_t *stored, uint64_t stored_size, uint8_t *bytes, uint64_t size)
{
	int decoded = -1;

	if (size <= CHUNK_SIZE_MAX && stored_size <= CHUNK_SIZE_MAX)
		decoded = LZ4_decompress_safe((const char *)stored, (char *)bytes, (int)stored_size,
					      (int)size);
	return decoded >= 0 && (uint64_t)decoded == size;
}
