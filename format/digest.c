/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only user of xxHash. On x86-64 the library chooses its widest vector code at run time.
 */
#include "format/digest.h"

#include <string.h>

/* For the size of XXH3_state_t. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>
#if defined(__x86_64__)
# include <xxh_x86dispatch.h>
#endif

_Static_assert(sizeof(XXH3_state_t) <= DIGEST_STREAM_SIZE, "the state has room in the stream");
_Static_assert(_Alignof(XXH3_state_t) <= _Alignof(struct digest_stream), "and is aligned there");

static struct cairn_digest canonical(XXH128_hash_t hash)
{
	XXH128_canonical_t form;
	struct cairn_digest digest;

	XXH128_canonicalFromHash(&form, hash);
	memcpy(digest.bytes, form.digest, sizeof(digest.bytes));
	return digest;
}

struct cairn_digest digest_bytes(const void *bytes, size_t size)
{
	return canonical(XXH3_128bits(bytes, size));
}

void digest_stream_begin(struct digest_stream *stream)
{
	XXH3_128bits_reset((XXH3_state_t *)(void *)stream->state);
}

void digest_stream_update(struct digest_stream *stream, const void *bytes, size_t size)
{
	XXH3_128bits_update((XXH3_state_t *)(void *)stream->state, bytes, size);
}

struct cairn_digest digest_stream_end(const struct digest_stream *stream)
{
	return canonical(XXH3_128bits_digest((const XXH3_state_t *)(const void *)stream->state));
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
	text[(size_t)2 * DIGEST_SIZE] = '\0';
}
