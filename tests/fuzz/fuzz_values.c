/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow's strings and variants: stored bytes measured, checked and copied in pieces; and what
 * is well-formed, encoded again, is stored with the same CRC.
 *
 *   u8    bit 0: variants; bit 1: big-endian; bit 2: let the checksum of the lengths fit
 *   u8    number of elements
 *   ...   the stored bytes
 */
#include "format/tensorflow_values.h"

#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "format/crc32c.h"
#include "tests/fuzz/fuzz.h"

enum {
	IS_VARIANT = 1 << 0,
	BIG_ENDIAN_HOST = 1 << 1,
	RESEAL = 1 << 2,
	CHECKSUM_SIZE = 4,
	PIECES_MAX = 16
};

struct source {
	uint8_t *bytes;
	size_t size;
	uint8_t *lent; /* exactly what was asked for last */
};

static enum cairn_status read_piece(void *context, uint64_t offset, uint64_t size,
				    const uint8_t **bytes, struct cairn_error *error)
{
	struct source *const source = context;

	(void)error;
	FUZZ_MUST(size >= 1 && size <= VALUES_READ_MAX);
	FUZZ_MUST(range_within(offset, size, source->size));
	free(source->lent);
	source->lent = fuzz_copy(source->bytes + offset, size);
	*bytes = source->lent;
	return CAIRN_OK;
}

static void store_in_order(uint8_t *to, uint64_t value, size_t size, bool big_endian)
{
	for (size_t i = 0; i < size; i++)
		to[big_endian ? size - 1 - i : i] = (uint8_t)(value >> (8 * i));
}

/* A varint at *at, which moves behind it. */
static bool take_varint(const struct source *source, size_t *at, uint64_t *value)
{
	*value = 0;
	for (unsigned int shift = 0; shift < 63 && *at < source->size; shift += 7) {
		const uint8_t byte = source->bytes[(*at)++];

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* Written down once more, as the specification has it, so that a slip in the library shows. */
static void reseal(const struct source *source, uint64_t count, bool is_variant, bool big_endian)
{
	uint32_t crc = 0;
	size_t at = 0;

	for (uint64_t i = 0; i <= count; i++) {
		const bool is_end = i == count;
		uint64_t length = 0;
		uint8_t bytes[8];

		if (!is_end && !take_varint(source, &at, &length))
			return;
		if (!is_end) {
			const size_t width = is_variant || length > UINT32_MAX ? 8 : 4;

			store_in_order(bytes, length, width, big_endian);
			crc = crc32c_extend(crc, bytes, width);
		}
		if (is_variant && !is_end) {
			if (!range_within(at, length, source->size))
				return;
			crc = crc32c_extend(crc, source->bytes + at, length);
			at += length;
		}
		if (is_variant == is_end)
			continue;
		if (source->size - at < CHECKSUM_SIZE)
			return;
		store_in_order(source->bytes + at, crc32c_mask(crc), CHECKSUM_SIZE, big_endian);
		crc = crc32c_extend(crc, source->bytes + at, CHECKSUM_SIZE);
		at += CHECKSUM_SIZE;
	}
}

/* All of Cairn's form at once, and in pieces of different sizes, are the same. */
static void copy_in_pieces(const struct values *values, const uint8_t *raw, uint64_t raw_size,
			   uint64_t step)
{
	const uint64_t end = raw_size < step * PIECES_MAX ? raw_size : step * PIECES_MAX;

	for (uint64_t at = 0; at < end; at += step) {
		const uint64_t size = raw_size - at < step ? raw_size - at : step;
		uint8_t *const piece = malloc(size);
		struct cairn_error error = {0};

		FUZZ_MUST(piece != NULL);
		FUZZ_MUST(values_copy(values, raw_size, at, size, piece, &error) == CAIRN_OK);
		FUZZ_MUST(memcmp(piece, raw + at, size) == 0);
		free(piece);
	}
}

/* What was stored little-endian in the shortest way is what the encoder makes. */
static void encode_again(const struct values *values, const struct source *source,
			 const uint8_t *raw, uint64_t raw_size, uint32_t crc)
{
	const struct values_raw input = {raw, raw_size, values->count, values->is_variant};
	struct cairn_error error = {0};
	uint64_t size = 0;
	uint8_t *stored;
	uint32_t made;

	FUZZ_MUST(values_encoded_size(&input, &size, &error) == CAIRN_OK);
	stored = malloc(size);
	FUZZ_MUST(stored != NULL || size == 0);
	made = values_encode(&input, stored);
	if (!values->big_endian && size == source->size)
		FUZZ_MUST(made == crc && memcmp(stored, source->bytes, size) == 0);
	free(stored);
}

static void use(const struct values *values, const struct source *source, uint64_t raw_size)
{
	struct cairn_error error = {0};
	uint8_t *const raw = malloc(raw_size);
	uint32_t crc = 0;
	enum cairn_status status;

	FUZZ_MUST(raw != NULL || raw_size == 0);
	FUZZ_MUST(values_copy(values, raw_size, 0, raw_size, raw, &error) == CAIRN_OK);
	copy_in_pieces(values, raw, raw_size, 1 + raw_size / 3);
	copy_in_pieces(values, raw, raw_size, 7);
	status = values_check(values, &crc, &error);
	if (status == CAIRN_OK)
		encode_again(values, source, raw, raw_size, crc);
	else
		fuzz_check_error(status, &error);
	free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	const uint8_t flags = fuzz_take_u8(&input);
	struct source source = {0};
	struct values values = {.count = fuzz_take_u8(&input),
				.is_variant = (flags & IS_VARIANT) != 0,
				.big_endian = (flags & BIG_ENDIAN_HOST) != 0,
				.read = read_piece,
				.context = &source};
	struct cairn_error error = {0};
	uint64_t raw_size = 0;
	enum cairn_status status;

	source.bytes = fuzz_copy(input.next, input.left);
	source.size = input.left;
	values.stored_size = source.size;
	if ((flags & RESEAL) != 0)
		reseal(&source, values.count, values.is_variant, values.big_endian);
	status = values_measure(&values, &raw_size, &error);
	if (status == CAIRN_OK)
		use(&values, &source, raw_size);
	else
		fuzz_check_error(status, &error);
	free(source.lent);
	free(source.bytes);
	return 0;
}
