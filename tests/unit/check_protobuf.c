/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire form of protocol buffers: every kind of field, every way to be wrong, and writing.
 */
#include "format/protobuf.h"

#include <string.h>

#include "format/varint.h"
#include "tests/support/suite.h"

static uint64_t count_fields(const void *bytes, size_t size)
{
	struct proto_reader reader;
	struct proto_field field;
	uint64_t count = 0;

	proto_reader_init(&reader, bytes, size);
	while (proto_next(&reader, &field))
		count++;
	return count;
}

static enum cairn_status walk(const void *bytes, size_t size)
{
	struct proto_reader reader;
	struct proto_field field;

	proto_reader_init(&reader, bytes, size);
	while (proto_next(&reader, &field))
		ck_assert(field.number >= 1 && field.number <= PROTO_NUMBER_MAX);
	return proto_reader_status(&reader, "the message", &test_error);
}

START_TEST(varints_have_their_known_forms)
{
	static const struct {
		uint64_t value;
		const char *bytes;
		uint32_t size;
	} forms[] = {
		{0, "\x00", 1},
		{127, "\x7f", 1},
		{128, "\x80\x01", 2},
		{300, "\xac\x02", 2},
		{16383, "\xff\x7f", 2},
		{16384, "\x80\x80\x01", 3},
		{UINT32_MAX, "\xff\xff\xff\xff\x0f", 5},
		{UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
	};

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		uint8_t bytes[VARINT64_SIZE_MAX];
		uint64_t value = 1;

		ck_assert_uint_eq(varint_size(forms[i].value), forms[i].size);
		ck_assert_ptr_eq(varint_write(bytes, forms[i].value), bytes + forms[i].size);
		ck_assert_mem_eq(bytes, forms[i].bytes, forms[i].size);
		ck_assert_ptr_eq(
			varint_read(bytes, bytes + forms[i].size, VARINT64_SIZE_MAX, &value),
			bytes + forms[i].size);
		ck_assert_uint_eq(value, forms[i].value);
		ck_assert_ptr_null(
			varint_read(bytes, bytes + forms[i].size - 1, VARINT64_SIZE_MAX, &value));
	}
}
END_TEST

START_TEST(varints_end_within_their_limit)
{
	uint8_t bytes[12];
	uint64_t value;

	memset(bytes, 0x80, sizeof(bytes));
	ck_assert_ptr_null(varint_read(bytes, bytes + 12, VARINT64_SIZE_MAX, &value));
	bytes[9] = 0;
	ck_assert_ptr_eq(varint_read(bytes, bytes + 12, VARINT64_SIZE_MAX, &value), bytes + 10);
	ck_assert_uint_eq(value, 0);
	ck_assert_ptr_null(varint_read(bytes, bytes + 12, VARINT32_SIZE_MAX, &value));
}
END_TEST

START_TEST(fields_of_every_type_are_read)
{
	static const uint8_t message[] = "\x08\x96\x01" /* 1: 150 */
					 "\x12\x03"
					 "abc"                                  /* 2: "abc" */
					 "\x1d\x01\x02\x03\x04"                 /* 3: fixed32 */
					 "\x21\x01\x02\x03\x04\x05\x06\x07\x08" /* 4: fixed64 */
					 "\x2a\x00"                             /* 5: "" */
					 "\xf8\xff\xff\xff\x0f\x01";            /* 2^29 - 1: 1 */
	struct proto_reader reader;
	struct proto_field field;

	proto_reader_init(&reader, message, sizeof(message) - 1);
	ck_assert(proto_next(&reader, &field));
	ck_assert(proto_is(&field, 1, PROTO_VARINT) && field.value == 150);
	ck_assert(proto_next(&reader, &field));
	ck_assert(proto_is(&field, 2, PROTO_BYTES) && field.size == 3);
	ck_assert_mem_eq(field.bytes, "abc", 3);
	ck_assert(proto_next(&reader, &field));
	ck_assert(proto_is(&field, 3, PROTO_FIXED32) && field.value == 0x04030201);
	ck_assert(proto_next(&reader, &field));
	ck_assert(proto_is(&field, 4, PROTO_FIXED64) && field.value == 0x0807060504030201);
	ck_assert(proto_next(&reader, &field));
	ck_assert(proto_is(&field, 5, PROTO_BYTES) && field.size == 0);
	ck_assert(proto_next(&reader, &field));
	ck_assert(proto_is(&field, PROTO_NUMBER_MAX, PROTO_VARINT));
	ck_assert(!proto_next(&reader, &field));
	ASSERT_OK(proto_reader_status(&reader, "the message", &test_error));
}
END_TEST

START_TEST(no_bytes_are_an_empty_message)
{
	ck_assert_uint_eq(count_fields(NULL, 0), 0);
	ASSERT_OK(walk(NULL, 0));
}
END_TEST

START_TEST(packed_numbers_are_read_one_by_one)
{
	static const uint8_t varints[] = "\x01\xac\x02";
	static const uint8_t words[] = "\x01\x00\x00\x00\x02\x00\x00\x00\x03";
	struct proto_reader reader;
	uint64_t value;

	proto_reader_init(&reader, varints, sizeof(varints) - 1);
	ck_assert(proto_next_packed(&reader, PROTO_VARINT, &value) && value == 1);
	ck_assert(proto_next_packed(&reader, PROTO_VARINT, &value) && value == 300);
	ck_assert(!proto_next_packed(&reader, PROTO_VARINT, &value));
	ASSERT_OK(proto_reader_status(&reader, "the list", &test_error));
	proto_reader_init(&reader, words, sizeof(words) - 1);
	ck_assert(proto_next_packed(&reader, PROTO_FIXED32, &value) && value == 1);
	ck_assert(proto_next_packed(&reader, PROTO_FIXED32, &value) && value == 2);
	ck_assert(!proto_next_packed(&reader, PROTO_FIXED32, &value));
	ASSERT_FAILS(proto_reader_status(&reader, "the list", &test_error), CAIRN_CORRUPT,
		     "the list cannot be parsed: a number that is cut off at byte 8 of 9");
}
END_TEST

START_TEST(what_breaks_the_wire_form_is_refused)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *message;
	} rows[] = {
		{"\x80", 1, "a field tag that does not end at byte 0 of 1"},
		{"\x88\x80\x80\x80\x80\x00\x01", 7, "a field tag that does not end"},
		{"\xf8\xff\xff\xff\x1f\x01", 6, "a field tag that does not end"},
		{"\x00\x01", 2, "field number 0"},
		{"\x02\x00", 2, "field number 0"},
		{"\x08", 1, "a number that does not end"},
		{"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12,
		 "a number that does not end"},
		{"\x08\x01\x08\xff", 4, "a number that does not end at byte 2 of 4"},
		{"\x0d\x01\x02\x03", 4, "a number that is cut off"},
		{"\x09\x01\x02\x03\x04\x05\x06\x07", 8, "a number that is cut off"},
		{"\x0a", 1, "a length that does not end"},
		{"\x0a\x01", 2, "a field that is longer than what is left"},
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11,
		 "a field that is longer than what is left"},
		{"\x0b\x0c", 2, "a wire type that does not exist"},
		{"\x0c", 1, "a wire type that does not exist"},
		{"\x0e", 1, "a wire type that does not exist"},
		{"\x0f", 1, "a wire type that does not exist"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ASSERT_FAILS(walk(rows[i].bytes, rows[i].size), CAIRN_CORRUPT, rows[i].message);
}
END_TEST

START_TEST(a_failed_reader_stays_where_it_is)
{
	struct proto_reader reader;
	struct proto_field field;
	uint64_t value;

	proto_reader_init(&reader, (const uint8_t *)"\x00\x08\x01", 3);
	ck_assert(!proto_next(&reader, &field));
	ck_assert(!proto_next(&reader, &field));
	ck_assert(!proto_next_packed(&reader, PROTO_VARINT, &value));
	ASSERT_FAILS(proto_reader_status(&reader, "it", &test_error), CAIRN_CORRUPT, "byte 0 of 3");
}
END_TEST

static void put_sample(struct proto_writer *writer)
{
	proto_put_varint(writer, 1, 150);
	proto_put_varint(writer, 1, 0);
	proto_put_nonzero(writer, 2, 0);
	proto_put_nonzero(writer, 2, 1);
	proto_put_fixed32(writer, 6, 0x04030201);
	proto_put_bytes(writer, 3, "abc", 3);
	proto_put_bytes(writer, 4, NULL, 0);
	proto_put_head(writer, 16, 2);
	proto_put_raw(writer, "\x08\x01", 2);
}

static const char sample[] = "\x08\x96\x01\x08\x00\x10\x01\x35\x01\x02\x03\x04\x1a\x03"
			     "abc\x22\x00\x82\x01\x02\x08\x01";

START_TEST(fields_are_written_in_their_shortest_form)
{
	uint8_t bytes[64];
	struct proto_writer writer = {bytes, sizeof(bytes), 0};

	put_sample(&writer);
	ck_assert_uint_eq(writer.size, sizeof(sample) - 1);
	ck_assert_mem_eq(bytes, sample, sizeof(sample) - 1);
}
END_TEST

START_TEST(a_writer_measures_what_it_would_write)
{
	struct proto_writer writer = {NULL, 0, 0};

	put_sample(&writer);
	ck_assert_uint_eq(writer.size, sizeof(sample) - 1);
}
END_TEST

START_TEST(nothing_is_written_beyond_the_capacity)
{
	for (size_t capacity = 0; capacity < sizeof(sample); capacity++) {
		uint8_t bytes[64];
		struct proto_writer writer = {bytes, capacity, 0};

		memset(bytes, 0xee, sizeof(bytes));
		put_sample(&writer);
		ck_assert_uint_eq(writer.size, sizeof(sample) - 1);
		for (size_t i = capacity; i < sizeof(bytes); i++)
			ck_assert_uint_eq(bytes[i], 0xee);
	}
}
END_TEST

START_TEST(no_damage_leads_outside_the_message)
{
	for (size_t size = 0; size < sizeof(sample); size++) {
		uint8_t *const bytes = malloc(
			size == 0 ? 1 : size); /* exact: a sanitizer watches its end */

		ck_assert_ptr_nonnull(bytes);
		memcpy(bytes, sample, size);
		count_fields(bytes, size);
		for (size_t bit = 0; bit < 8 * size; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			count_fields(bytes, size);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		free(bytes);
	}
}
END_TEST

static Suite *protobuf_suite(void)
{
	Suite *suite = suite_create("protobuf");
	TCase *reading = tcase_create("reading");
	TCase *writing = tcase_create("writing");

	tcase_add_test(reading, varints_have_their_known_forms);
	tcase_add_test(reading, varints_end_within_their_limit);
	tcase_add_test(reading, fields_of_every_type_are_read);
	tcase_add_test(reading, no_bytes_are_an_empty_message);
	tcase_add_test(reading, packed_numbers_are_read_one_by_one);
	tcase_add_test(reading, what_breaks_the_wire_form_is_refused);
	tcase_add_test(reading, a_failed_reader_stays_where_it_is);
	tcase_add_test(reading, no_damage_leads_outside_the_message);
	suite_add_tcase(suite, reading);
	tcase_add_test(writing, fields_are_written_in_their_shortest_form);
	tcase_add_test(writing, a_writer_measures_what_it_would_write);
	tcase_add_test(writing, nothing_is_written_beyond_the_capacity);
	suite_add_tcase(suite, writing);
	return suite;
}

int main(void)
{
	return run_suite(protobuf_suite());
}
