/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings and variants in TensorFlow's data files. All that is read is untrusted: lengths are
 * compared with what is left of the stored bytes before they are believed.
 */
#include "format/tensorflow_values.h"

#include <assert.h>
#include <inttypes.h>

#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/error.h"
#include "format/varint.h"

enum {
	CHECKSUM_SIZE = 4,
	END_SIZE = 8 /* of an end offset in Cairn's form */
};

/* Walks over the lengths. */
struct walk {
	const struct values *values;
	uint64_t next;   /* stored offset of the next length */
	uint64_t length; /* of the current element */
	uint64_t data;   /* of a variant: stored offset of its bytes */
	uint64_t total;  /* bytes of all elements so far */
	uint32_t crc;    /* of the lengths so far; of variants of everything */
	bool checks;     /* compute it */
};

/* -------------------------------------------------------------------------------------- lengths */

static enum cairn_status cut_off(const struct values *values, uint64_t offset,
				 struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, offset,
			 "the lengths of its %" PRIu64 " elements run past its %" PRIu64
			 " stored bytes",
			 values->count, values->stored_size);
}

static enum cairn_status decode_length(struct walk *walk, const uint8_t *bytes, uint64_t size,
				       struct cairn_error *error)
{
	uint64_t value;
	const uint8_t *const end = varint_read(bytes, bytes + size, VARINT64_SIZE_MAX, &value);

	if (end == NULL && size < VARINT64_SIZE_MAX)
		return cut_off(walk->values, walk->next, error);
	if (end == NULL || (end == bytes + VARINT64_SIZE_MAX && end[-1] > 1)) /* over 64 bits */
		return error_set(error, CAIRN_CORRUPT, walk->next,
				 "the length at byte %" PRIu64 " of its stored bytes is no number",
				 walk->next);
	walk->length = value;
	walk->next += (uint64_t)(end - bytes);
	return CAIRN_OK;
}

static void store_number(uint8_t *bytes, uint64_t value, uint32_t size, bool big_endian)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[big_endian ? size - 1 - i : i] = (uint8_t)(value >> (8 * i));
}

/* In the CRC a length is a number of the writer's machine: of a string 32 bits where they are
 * enough, of a variant always 64. */
static uint32_t extend_with_length(uint32_t crc, uint64_t length, bool is_variant, bool big_endian)
{
	const uint32_t size = is_variant || length > UINT32_MAX ? 8 : 4;
	uint8_t bytes[8];

	store_number(bytes, length, size, big_endian);
	return crc32c_extend(crc, bytes, size);
}

/* The next element's length, compared with what is left. */
static enum cairn_status next_element(struct walk *walk, struct cairn_error *error)
{
	const struct values *const values = walk->values;
	const uint64_t left = values->stored_size - walk->next;
	const uint64_t size = left < VARINT64_SIZE_MAX ? left : VARINT64_SIZE_MAX;
	const uint8_t *bytes;
	enum cairn_status status;

	if (size == 0)
		return cut_off(values, walk->next, error);
	status = values->read(values->context, walk->next, size, &bytes, error);
	if (status == CAIRN_OK)
		status = decode_length(walk, bytes, size, error);
	if (status != CAIRN_OK)
		return status;
	if (!range_within(walk->total, walk->length, values->stored_size))
		return cut_off(values, walk->next, error);
	walk->total += walk->length;
	if (walk->checks)
		walk->crc = extend_with_length(walk->crc, walk->length, values->is_variant,
					       values->big_endian);
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------ checksums */

static enum cairn_status extend_with_stored(struct walk *walk, uint64_t offset, uint64_t size,
					    struct cairn_error *error)
{
	const struct values *const values = walk->values;

	for (uint64_t done = 0; done < size && walk->checks;) {
		const uint64_t piece = size - done < VALUES_READ_MAX ? size - done
								     : VALUES_READ_MAX;
		const uint8_t *bytes;
		const enum cairn_status status = values->read(values->context, offset + done, piece,
							      &bytes, error);

		if (status != CAIRN_OK)
			return status;
		walk->crc = crc32c_extend(walk->crc, bytes, piece);
		done += piece;
	}
	return CAIRN_OK;
}

/* A checksum of everything before it, that is part of what comes after it. */
static enum cairn_status pass_checksum(struct walk *walk, uint64_t offset,
				       struct cairn_error *error)
{
	const struct values *const values = walk->values;
	uint8_t expected[CHECKSUM_SIZE];
	const uint8_t *found;
	enum cairn_status status;

	if (!walk->checks)
		return CAIRN_OK;
	store_number(expected, crc32c_mask(walk->crc), CHECKSUM_SIZE, values->big_endian);
	status = values->read(values->context, offset, CHECKSUM_SIZE, &found, error);
	if (status != CAIRN_OK)
		return status;
	if (memcmp(found, expected, CHECKSUM_SIZE) != 0)
		return error_set(error, CAIRN_CHECKSUM, offset,
				 "the checksum at byte %" PRIu64
				 " of its stored bytes does not match the %s before it",
				 offset, values->is_variant ? "element" : "lengths");
	walk->crc = crc32c_extend(walk->crc, expected, CHECKSUM_SIZE);
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- variants */

/* The next variant; its bytes and its checksum are there. */
static enum cairn_status next_variant(struct walk *walk, struct cairn_error *error)
{
	const struct values *const values = walk->values;
	uint64_t after;
	enum cairn_status status = next_element(walk, error);

	if (status != CAIRN_OK)
		return status;
	if (!checked_add(walk->length, CHECKSUM_SIZE, &after) ||
	    !range_within(walk->next, after, values->stored_size))
		return cut_off(values, walk->next, error);
	walk->data = walk->next;
	walk->next += after;
	return CAIRN_OK;
}

static enum cairn_status walk_variants(struct walk *walk, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < walk->values->count && status == CAIRN_OK; i++) {
		status = next_variant(walk, error);
		if (status == CAIRN_OK)
			status = extend_with_stored(walk, walk->data, walk->length, error);
		if (status == CAIRN_OK)
			status = pass_checksum(walk, walk->data + walk->length, error);
	}
	return status;
}

/* -------------------------------------------------------------------------------------- strings */

static enum cairn_status walk_strings(struct walk *walk, struct cairn_error *error)
{
	const struct values *const values = walk->values;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < values->count && status == CAIRN_OK; i++)
		status = next_element(walk, error);
	if (status != CAIRN_OK)
		return status;
	if (values->stored_size - walk->next < CHECKSUM_SIZE)
		return cut_off(values, walk->next, error);
	status = pass_checksum(walk, walk->next, error);
	walk->next += CHECKSUM_SIZE;
	return status;
}

/* ---------------------------------------------------------------------------------- all of them */

/* Walks over everything but the bytes of strings; what is left then must be just these. */
static enum cairn_status walk_all(struct walk *walk, struct cairn_error *error)
{
	const struct values *const values = walk->values;
	const uint64_t apart = values->is_variant ? 1 + CHECKSUM_SIZE : 1;
	uint64_t rest;
	enum cairn_status status;

	if (values->count > values->stored_size / apart)
		return cut_off(values, 0, error);
	status = values->is_variant ? walk_variants(walk, error) : walk_strings(walk, error);
	if (status != CAIRN_OK)
		return status;
	rest = values->stored_size - walk->next;
	if (rest == (values->is_variant ? 0 : walk->total))
		return CAIRN_OK;
	return error_set(error, CAIRN_CORRUPT, walk->next,
			 "its elements have %" PRIu64 " bytes, and %" PRIu64 " are stored",
			 walk->total, values->is_variant ? walk->total + rest : rest);
}

enum cairn_status values_measure(const struct values *values, uint64_t *raw_size,
				 struct cairn_error *error)
{
	/* strings have their lengths' checksum right there, of variants nothing but lengths is read
	 */
	struct walk walk = {.values = values, .checks = !values->is_variant};
	enum cairn_status status = CAIRN_OK;

	if (values->stored_size != 0)
		status = walk_all(&walk, error);
	if (status != CAIRN_OK)
		return status;
	if (!checked_multiply(values->count, END_SIZE, raw_size) ||
	    !checked_add(*raw_size, walk.total, raw_size) || *raw_size > INT64_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " elements are too many", values->count);
	return CAIRN_OK;
}

enum cairn_status values_check(const struct values *values, uint32_t *crc,
			       struct cairn_error *error)
{
	struct walk walk = {.values = values, .checks = true};
	enum cairn_status status = CAIRN_OK;

	if (values->stored_size != 0)
		status = walk_all(&walk, error);
	if (status == CAIRN_OK && !values->is_variant)
		status = extend_with_stored(&walk, walk.next, walk.total, error);
	if (status == CAIRN_OK)
		*crc = walk.crc;
	return status;
}

/* -------------------------------------------------------------------------------------- copying */

/* Where copied bytes go: those of Cairn's form from `first` on. */
struct target {
	uint64_t first;
	uint64_t size;
	uint8_t *buffer;
};

/* Puts the part of `bytes`, which belong at `offset`, that is wanted. */
static void put(const struct target *target, uint64_t offset, const uint8_t *bytes, uint64_t size)
{
	const uint64_t end = target->first + target->size;
	const uint64_t begin = offset > target->first ? offset : target->first;
	const uint64_t stop = offset + size < end ? offset + size : end;

	if (begin < stop)
		memcpy(target->buffer + (begin - target->first), bytes + (begin - offset),
		       stop - begin);
}

static enum cairn_status put_end(const struct target *target, uint64_t index, uint64_t end)
{
	uint8_t bytes[END_SIZE];

	store_u64(bytes, end);
	put(target, index * END_SIZE, bytes, sizeof(bytes));
	return CAIRN_OK;
}

/* Stored bytes that belong at `to`, as far as they are wanted. */
static enum cairn_status put_stored(const struct values *values, const struct target *target,
				    uint64_t to, uint64_t offset, uint64_t size,
				    struct cairn_error *error)
{
	const uint64_t end = target->first + target->size;
	uint64_t done = to < target->first ? target->first - to : 0;
	const uint64_t stop = to >= end ? 0 : size < end - to ? size : end - to;

	while (done < stop) {
		const uint64_t piece = stop - done < VALUES_READ_MAX ? stop - done
								     : VALUES_READ_MAX;
		const uint8_t *bytes;
		const enum cairn_status status = values->read(values->context, offset + done, piece,
							      &bytes, error);

		if (status != CAIRN_OK)
			return status;
		put(target, to + done, bytes, piece);
		done += piece;
	}
	return CAIRN_OK;
}

static enum cairn_status copy_ends(const struct values *values, const struct target *target,
				   struct cairn_error *error)
{
	const uint64_t last = (target->first + target->size + END_SIZE - 1) / END_SIZE;
	struct walk walk = {.values = values};
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < values->count && i < last && status == CAIRN_OK; i++) {
		if (values->stored_size != 0)
			status = values->is_variant ? next_variant(&walk, error)
						    : next_element(&walk, error);
		if (status == CAIRN_OK)
			status = put_end(target, i, walk.total);
	}
	return status;
}

static enum cairn_status copy_variants(const struct values *values, const struct target *target,
				       struct cairn_error *error)
{
	const uint64_t table = values->count * END_SIZE;
	struct walk walk = {.values = values};
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < values->count && status == CAIRN_OK; i++) {
		status = next_variant(&walk, error);
		if (status == CAIRN_OK)
			status = put_stored(values, target, table + walk.total - walk.length,
					    walk.data, walk.length, error);
	}
	return status;
}

enum cairn_status values_copy(const struct values *values, uint64_t raw_size, uint64_t offset,
			      uint64_t size, uint8_t *buffer, struct cairn_error *error)
{
	const struct target target = {offset, size, buffer};
	const uint64_t total = raw_size - values->count * END_SIZE;
	const uint64_t table = raw_size - total;
	enum cairn_status status = CAIRN_OK;

	if (values->count > raw_size / END_SIZE || total > values->stored_size)
		return cut_off(values, 0, error);

	/* the lengths may have changed since they were measured */
	memset(buffer, 0, size);
	if (offset < table)
		status = copy_ends(values, &target, error);
	if (status != CAIRN_OK || offset + size <= table || values->stored_size == 0)
		return status;
	if (values->is_variant)
		return copy_variants(values, &target, error);
	return put_stored(values, &target, table, values->stored_size - total, total, error);
}

/* ------------------------------------------------------------------------------------- encoding */

/* Element `index`; false when its end offsets are not in order. */
static bool element_of(const struct values_raw *raw, uint64_t index, const uint8_t **bytes,
		       uint64_t *size)
{
	const uint64_t table = raw->count * END_SIZE;
	const uint64_t begin = index == 0 ? 0 : load_u64(raw->bytes + (index - 1) * END_SIZE);
	const uint64_t end = load_u64(raw->bytes + index * END_SIZE);

	if (begin > end || end > raw->size - table)
		return false;
	*bytes = raw->bytes + table + begin;
	*size = end - begin;
	return true;
}

enum cairn_status values_encoded_size(const struct values_raw *raw, uint64_t *size,
				      struct cairn_error *error)
{
	uint64_t table = 0;
	uint64_t total = raw->is_variant ? 0 : CHECKSUM_SIZE;
	uint64_t last = 0; /* end of the last element */

	if (!checked_multiply(raw->count, END_SIZE, &table) || table > raw->size)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " bytes do not hold the end offsets of %" PRIu64
				 " elements",
				 raw->size, raw->count);
	for (uint64_t i = 0; i < raw->count; i++) {
		const uint8_t *bytes;
		uint64_t length;

		if (!element_of(raw, i, &bytes, &length))
			return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
					 "the end offset of element %" PRIu64 " is out of order",
					 i);
		total += varint_size(length) + length + (raw->is_variant ? CHECKSUM_SIZE : 0);
		last += length;
	}
	if (last != raw->size - table)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "its elements have %" PRIu64 " bytes, and %" PRIu64 " are there",
				 last, raw->size - table);
	*size = total;
	return CAIRN_OK;
}

static uint8_t *store_checksum(uint8_t *next, uint32_t *crc)
{
	store_u32(next, crc32c_mask(*crc));
	*crc = crc32c_extend(*crc, next, CHECKSUM_SIZE);
	return next + CHECKSUM_SIZE;
}

static uint32_t encode_variants(const struct values_raw *raw, uint8_t *next)
{
	uint32_t crc = 0;

	for (uint64_t i = 0; i < raw->count; i++) {
		const uint8_t *bytes = raw->bytes;
		uint64_t size = 0;

		element_of(raw, i, &bytes, &size);
		next = varint_write(next, size);
		crc = extend_with_length(crc, size, true, false);
		memcpy(next, bytes, size);
		crc = crc32c_extend(crc, next, size);
		next = store_checksum(next + size, &crc);
	}
	return crc;
}

static uint32_t encode_strings(const struct values_raw *raw, uint8_t *next)
{
	const uint64_t table = raw->count * END_SIZE;
	uint32_t crc = 0;

	for (uint64_t i = 0; i < raw->count; i++) {
		const uint8_t *bytes;
		uint64_t size = 0;

		element_of(raw, i, &bytes, &size);
		next = varint_write(next, size);
		crc = extend_with_length(crc, size, false, false);
	}
	next = store_checksum(next, &crc);
	if (raw->size != table)
		memcpy(next, raw->bytes + table, raw->size - table);
	return crc32c_extend(crc, next, raw->size - table);
}

uint32_t values_encode(const struct values_raw *raw, uint8_t *stored)
{
	return raw->is_variant ? encode_variants(raw, stored) : encode_strings(raw, stored);
}
