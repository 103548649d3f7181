/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests: XXH3-128 of contents, XXH3-64 of stored (compressed) bytes. The only user of xxHash.
 *
 * A struct cairn_digest holds XXH128's canonical (big-endian) form, so that its hex form is what
 * xxhsum prints.
 */
#ifndef CAIRN_FORMAT_DIGEST_H
#define CAIRN_FORMAT_DIGEST_H

#include <stdbool.h>

#include <cairn/base.h>

#define DIGEST_SIZE 16
/* Hex digits and the terminating NUL. */
#define DIGEST_TEXT_SIZE 33

struct cairn_digest digest_bytes(const void *bytes, size_t size);
uint64_t digest64_bytes(const void *bytes, size_t size);
bool digest_equal(const struct cairn_digest *a, const struct cairn_digest *b);

/*
 * The same digest of bytes that come in pieces: begin, update any number of times, end. The state
 * is opaque.
 */
#define DIGEST_STREAM_SIZE 640
struct digest_stream {
	_Alignas(64) uint8_t state[DIGEST_STREAM_SIZE];
};

void digest_stream_begin(struct digest_stream *stream);
void digest_stream_update(struct digest_stream *stream, const void *bytes, size_t size);
struct cairn_digest digest_stream_end(const struct digest_stream *stream);

/*
 * The digest of a thing of `count` chunks from the array of its chunk digests (count * DIGEST_SIZE
 * bytes): of one chunk the chunk's own, else the digest of the array.
 */
struct cairn_digest digest_of_chunks(const uint8_t *digests, uint64_t count);

void digest_text(const struct cairn_digest *digest, char text[DIGEST_TEXT_SIZE]);

#endif
