/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings and variants of TensorFlow against vectors that TensorFlow wrote; both directions; parts;
 * damage.
 */
#include "format/tensorflow_values.h"

#include <stdio.h>
#include <string.h>

#include "format/bytes.h"
#include "format/crc32c.h"
#include "tests/support/suite.h"

struct stored_bytes {
	const uint8_t *bytes;
	uint64_t size;
	uint8_t copy[512]; /* what was asked for and nothing else: a sanitizer sees who reads on */
};

static enum cairn_status read_stored(void *context, uint64_t offset, uint64_t size,
				     const uint8_t **bytes, struct cairn_error *error)
{
	struct stored_bytes *const stored = context;

	(void)error;
	ck_assert_uint_ge(size, 1);
	ck_assert_uint_le(size, sizeof(stored->copy));
	ck_assert(range_within(offset, size, stored->size));
	memset(stored->copy, 0xee, sizeof(stored->copy));
	memcpy(stored->copy, stored->bytes + offset, size);
	*bytes = stored->copy;
	return CAIRN_OK;
}

/* Hexadecimal as in the specification. */
static const struct {
	const char *elements[4];
	uint64_t count;
	const char *stored;
	uint32_t masked;
} vectors[] = {
	{{"hello"}, 1, "05d9c69c4368656c6c6f", 0x29c0e0ec},
	{{""}, 1, "00a67b113a", 0xbe0767bd},
	{{"hello", "", "x01"}, 3, "050003c166ac1368656c6c6f783031", 0xa3d1e109},
	{{NULL}, 0, "d8ea82a2", 0x640cc1f6},
};

static uint64_t from_hex(const char *text, uint8_t *bytes)
{
	const size_t size = strlen(text) / 2;

	for (size_t i = 0; i < size; i++) {
		unsigned int byte;

		ck_assert_int_eq(sscanf(text + 2 * i, "%2x", &byte), 1);
		bytes[i] = (uint8_t)byte;
	}
	return size;
}

/* Cairn's form of a vector. */
static uint64_t raw_of(int vector, uint8_t *raw)
{
	const uint64_t table = vectors[vector].count * 8;
	uint64_t end = 0;

	for (uint64_t i = 0; i < vectors[vector].count; i++) {
		const char *const text = vectors[vector].elements[i];

		memcpy(raw + table + end, text, strlen(text));
		end += strlen(text);
		store_u64(raw + i * 8, end);
	}
	return table + end;
}

static struct values values_over(struct stored_bytes *stored, uint64_t count, bool is_variant)
{
	return (struct values){
		.count = count,
		.stored_size = stored->size,
		.is_variant = is_variant,
		.read = read_stored,
		.context = stored,
	};
}

START_TEST(strings_are_read_as_tensorflow_wrote_them)
{
	uint8_t bytes[64];
	uint8_t raw[64];
	uint8_t expected[64];
	struct stored_bytes stored = {bytes, from_hex(vectors[_i].stored, bytes), {0}};
	const struct values values = values_over(&stored, vectors[_i].count, false);
	uint64_t size;
	uint32_t crc;

	ASSERT_OK(values_measure(&values, &size, &test_error));
	ck_assert_uint_eq(size, raw_of(_i, expected));
	ASSERT_OK(values_check(&values, &crc, &test_error));
	ck_assert_uint_eq(crc32c_mask(crc), vectors[_i].masked);
	for (uint64_t first = 0; first < size; first++) {
		for (uint64_t part = 1; first + part <= size; part++) {
			ASSERT_OK(values_copy(&values, size, first, part, raw, &test_error));
			ck_assert_mem_eq(raw, expected + first, part);
		}
	}
}
END_TEST

START_TEST(strings_are_written_as_tensorflow_writes_them)
{
	uint8_t bytes[64];
	uint8_t raw[64];
	uint8_t made[64];
	const uint64_t stored_size = from_hex(vectors[_i].stored, bytes);
	const struct values_raw from = {raw, raw_of(_i, raw), vectors[_i].count, false};
	uint64_t size;

	ASSERT_OK(values_encoded_size(&from, &size, &test_error));
	ck_assert_uint_eq(size, stored_size);
	ck_assert_uint_eq(crc32c_mask(values_encode(&from, made)), vectors[_i].masked);
	ck_assert_mem_eq(made, bytes, size);
}
END_TEST

/* Lengths of one, two and three bytes of a varint. */
static uint64_t long_elements(uint8_t *raw)
{
	static const uint64_t lengths[] = {0, 127, 128, 16383, 16384};
	uint64_t end = 0;

	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		end += lengths[i];
		store_u64(raw + i * 8, end);
	}
	for (uint64_t i = 0; i < end; i++)
		raw[40 + i] = (uint8_t)(i * 7 + i / 251);
	return 40 + end;
}

static uint8_t raw_bytes[40000];
static uint8_t stored_bytes[40000];
static uint8_t again[40000];

static enum cairn_status read_large(void *context, uint64_t offset, uint64_t size,
				    const uint8_t **bytes, struct cairn_error *error)
{
	(void)error;
	ck_assert(range_within(offset, size, *(const uint64_t *)context));
	*bytes = stored_bytes + offset;
	return CAIRN_OK;
}

START_TEST(what_is_written_is_read_again)
{
	const struct values_raw from = {raw_bytes, long_elements(raw_bytes), 5, _i != 0};
	uint64_t size;
	struct values values = {.count = 5, .is_variant = _i != 0, .read = read_large};
	uint32_t crc;
	uint32_t found;

	ASSERT_OK(values_encoded_size(&from, &size, &test_error));
	crc = values_encode(&from, stored_bytes);
	values.stored_size = size;
	values.context = &size;
	ASSERT_OK(values_check(&values, &found, &test_error));
	ck_assert_uint_eq(found, crc);
	ASSERT_OK(values_copy(&values, from.size, 0, from.size, again, &test_error));
	ck_assert_mem_eq(again, raw_bytes, from.size);
}
END_TEST

/* Damage is found, or changes no more than the bytes of an element and the CRC. */
START_TEST(every_flipped_bit_is_found)
{
	const bool is_variant = _i != 0;
	uint8_t raw[64];
	uint8_t bytes[64];
	uint64_t raw_size;
	const struct values_raw from = {raw, raw_of(2, raw), 3, is_variant};
	struct stored_bytes stored = {bytes, 0, {0}};
	const uint32_t crc = values_encode(&from, bytes);
	uint32_t found = 0;

	ASSERT_OK(values_encoded_size(&from, &stored.size, &test_error));
	for (uint64_t bit = 0; bit < 8 * stored.size; bit++) {
		const struct values values = values_over(&stored, 3, is_variant);

		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (values_check(&values, &found, NULL) == CAIRN_OK)
			ck_assert_uint_ne(found, crc);
		if (values_measure(&values, &raw_size, NULL) == CAIRN_OK)
			(void)values_copy(&values, from.size, 0, from.size, again, NULL);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

START_TEST(every_truncation_is_found)
{
	uint8_t raw[64];
	uint8_t bytes[64];
	uint64_t whole;
	uint64_t raw_size;
	uint32_t crc;
	const struct values_raw from = {raw, raw_of(2, raw), 3, _i != 0};

	ASSERT_OK(values_encoded_size(&from, &whole, &test_error));
	values_encode(&from, bytes);
	for (uint64_t size = 1; size < whole; size++) {
		struct stored_bytes stored = {bytes, size, {0}};
		const struct values values = values_over(&stored, 3, _i != 0);

		ck_assert_int_ne(values_measure(&values, &raw_size, NULL), CAIRN_OK);
		ck_assert_int_ne(values_check(&values, &crc, NULL), CAIRN_OK);
	}
}
END_TEST

START_TEST(a_length_past_the_end_is_corrupt)
{
	static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					0xff, 0xff, 0xff, 0x01, 0,    0};
	struct stored_bytes stored = {bytes, sizeof(bytes), {0}};
	const struct values values = values_over(&stored, 1, _i != 0);
	uint64_t size;

	ASSERT_FAILS(values_measure(&values, &size, &test_error), CAIRN_CORRUPT,
		     "run past its 12 stored bytes");
}
END_TEST

START_TEST(nothing_stored_stands_for_empty_elements)
{
	static const uint8_t zeros[24];
	struct stored_bytes stored = {zeros, 0, {0}};
	const struct values values = values_over(&stored, 3, false);
	uint8_t raw[24];
	uint64_t size;

	ASSERT_OK(values_measure(&values, &size, &test_error));
	ck_assert_uint_eq(size, 24);
	ASSERT_OK(values_copy(&values, size, 0, size, raw, &test_error));
	ck_assert_mem_eq(raw, zeros, sizeof(zeros));
}
END_TEST

START_TEST(end_offsets_out_of_order_are_not_written)
{
	uint8_t raw[16];
	const struct values_raw from = {raw, sizeof(raw), 2, false};
	uint64_t size;

	store_u64(raw, 1);
	store_u64(raw + 8, 0);
	ASSERT_FAILS(values_encoded_size(&from, &size, &test_error), CAIRN_CORRUPT,
		     "the end offset of element 0 is out of order");
}
END_TEST

static Suite *tensorflow_values_suite(void)
{
	Suite *suite = suite_create("tensorflow_values");
	TCase *tests = tcase_create("tensorflow_values");

	tcase_add_loop_test(tests, strings_are_read_as_tensorflow_wrote_them, 0, COUNT_OF(vectors));
	tcase_add_loop_test(tests, strings_are_written_as_tensorflow_writes_them, 0,
			    COUNT_OF(vectors));
	tcase_add_loop_test(tests, what_is_written_is_read_again, 0, 2);
	tcase_add_loop_test(tests, every_flipped_bit_is_found, 0, 2);
	tcase_add_loop_test(tests, every_truncation_is_found, 0, 2);
	tcase_add_loop_test(tests, a_length_past_the_end_is_corrupt, 0, 2);
	tcase_add_test(tests, nothing_stored_stands_for_empty_elements);
	tcase_add_test(tests, end_offsets_out_of_order_are_not_written);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(tensorflow_values_suite());
}
