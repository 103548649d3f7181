/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of variable size as TensorFlow stores them in data files, against the form that Cairn
 * hands out ("String tensors" of FORMAT.md: u64 end offsets, then the bytes).
 *
 *   strings    a varint length for each, a checksum of the lengths, the bytes one after the other
 *   variants   for each a varint length, the bytes, a checksum
 *
 * Each has one CRC over everything, in which lengths count as numbers and not as varints.
 */
#ifndef CAIRN_FORMAT_TENSORFLOW_VALUES_H
#define CAIRN_FORMAT_TENSORFLOW_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

/* The most that is asked for at a time. */
#define VALUES_READ_MAX ((uint64_t)256 << 10)

/* What is stored, and where to get it. */
struct values {
	uint64_t count; /* elements */
	uint64_t stored_size;
	bool is_variant;
	bool big_endian; /* byte order of who wrote it */

	/* Puts `*bytes` at `size` (1 to VALUES_READ_MAX) stored bytes from `offset` on, which are
	 * there; they stay until the next call. */
	enum cairn_status (*read)(void *context, uint64_t offset, uint64_t size,
				  const uint8_t **bytes, struct cairn_error *error);
	void *context;
};

/*
 * Bytes of the elements in Cairn's form. Looks at the lengths alone, and at their checksum where
 * there is one. CORRUPT when they do not fit what is stored; CHECKSUM; what `read` returns. Nothing
 * stored at all stands for empty elements.
 */
enum cairn_status values_measure(const struct values *values, uint64_t *raw_size,
				 struct cairn_error *error);

/* The CRC of everything, with all checksums on the way compared. As values_measure. */
enum cairn_status values_check(const struct values *values, uint32_t *crc,
			       struct cairn_error *error);

/* Copies bytes [offset, offset + size) of Cairn's form, which has `raw_size` bytes (as measured).
 * No checksum is looked at. As values_measure. */
enum cairn_status values_copy(const struct values *values, uint64_t raw_size, uint64_t offset,
			      uint64_t size, uint8_t *buffer, struct cairn_error *error);

/* The other way: Cairn's form in memory. */
struct values_raw {
	const uint8_t *bytes;
	uint64_t size;
	uint64_t count;
	bool is_variant;
};

/* Bytes that values_encode makes. CORRUPT when the end offsets are not in order. */
enum cairn_status values_encoded_size(const struct values_raw *raw, uint64_t *size,
				      struct cairn_error *error);

/* Encodes, little-endian, into as many bytes as values_encoded_size found; returns the CRC. */
uint32_t values_encode(const struct values_raw *raw, uint8_t *stored);

#endif
