/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only user of xxHash. On x86-64 the library chooses its widest vector code at run time.
 */
#include "format/digest.h"

#include <string.h>

#include <xxhash.h>
#if defined(__x86_64__)
# include <xxh_x86dispatch.h>
#endif

struct cairn_digest digest_bytes(const void *bytes, size_t size)
{
	XXH128_canonical_t canonical;
	struct cairn_digest digest;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
	memcpy(digest.bytes, canonical.digest, sizeof(digest.bytes));
	return digest;
}

uint64_t digest64_bytes(const void *bytes, size_t size)
{
	return XXH3_64bits(bytes, size);
}

bool digest_equal(const struct cairn_digest *a, const struct cairn_digest *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct cairn_digest digest_of_chunks(const uint8_t *digests, uint64_t count)
{
	struct cairn_digest digest;

	if (count != 1)
		return digest_bytes(digests, count * DIGEST_SIZE);
	memcpy(digest.bytes, digests, sizeof(digest.bytes));
	return digest;
}

void digest_text(const struct cairn_digest *digest, char text[DIGEST_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		text[2 * i] = digits[digest->bytes[i] >> 4];
		text[2 * i + 1] = digits[digest->bytes[i] & 15];
	}
	text[2 * DIGEST_SIZE] = '\0';
}
