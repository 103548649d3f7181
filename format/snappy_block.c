/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libsnappy checks what it decodes, and writes no byte beyond the size that it is given; what it
 * does not judge is how much memory a few bytes may ask for.
 */
#include "format/snappy_block.h"

#include <inttypes.h>
#include <stdbool.h>

#include <snappy-c.h>

#include "format/error.h"
#include "format/varint.h"

/* The best that an element of the compressed form can do: a copy of 64 bytes takes 3. */
#define COPY_BYTES_MAX   64u
#define COPY_STORED_SIZE 3u

/* What comes before is the size itself, which shifts the bound in favour of the file. */
static bool can_become(uint64_t stored_size, uint64_t size)
{
	return size / COPY_BYTES_MAX <= stored_size / COPY_STORED_SIZE;
}

enum cairn_status snappy_block_size(const uint8_t *stored, uint64_t stored_size, uint64_t *size,
				    struct cairn_error *error)
{
	uint64_t stated;

	if (stored_size == 0 ||
	    varint_read(stored, stored + stored_size, VARINT32_SIZE_MAX, &stated) == NULL)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " Snappy bytes do not say their decoded size",
				 stored_size);
	if (!can_become(stored_size, stated))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " Snappy bytes cannot become the %" PRIu64
				 " that they say they are",
				 stored_size, stated);
	*size = stated;
	return CAIRN_OK;
}

enum cairn_status snappy_block_decode(const uint8_t *stored, uint64_t stored_size, uint8_t *bytes,
				      uint64_t size, struct cairn_error *error)
{
	size_t decoded = (size_t)size;

	if (snappy_uncompress((const char *)stored, (size_t)stored_size, (char *)bytes, &decoded) !=
		    SNAPPY_OK ||
	    decoded != size)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " Snappy bytes do not decode to %" PRIu64, stored_size,
				 size);
	return CAIRN_OK;
}
