/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of slices: known ones, all lengths of numbers, names with every awkward byte, and what is no
 * such key.
 */
#include "format/tensorflow_slice_key.h"

#include <string.h>

#include "tests/support/suite.h"

#define KEY_MAX 4096

struct key {
	uint8_t bytes[KEY_MAX];
	size_t size;
};

static struct key make(struct cairn_string name, uint32_t rank, const uint64_t *ranges)
{
	struct key key = {.size = slice_key_size(name, rank, ranges)};

	ck_assert_uint_le(key.size, KEY_MAX);
	slice_key_write(name, rank, ranges, key.bytes);
	return key;
}

static struct cairn_string string_of(const struct key *key)
{
	return (struct cairn_string){(const char *)key->bytes, key->size};
}

static void assert_comes_back(struct cairn_string name, uint32_t rank, const uint64_t *ranges)
{
	const struct key key = make(name, rank, ranges);
	uint64_t found_ranges[2 * CAIRN_RANK_MAX];
	uint64_t found_size;
	uint32_t found_rank;
	char found_name[KEY_MAX];

	ck_assert(slice_key_parse(string_of(&key), &found_size, &found_rank));
	ck_assert_uint_eq(found_size, name.size);
	ck_assert_uint_eq(found_rank, rank);
	slice_key_read(string_of(&key), found_name, found_ranges);
	if (name.size != 0)
		ck_assert_mem_eq(found_name, name.data, name.size);
	ck_assert_mem_eq(found_ranges, ranges, 2 * rank * sizeof(*ranges));
}

START_TEST(known_slices_have_their_known_keys)
{
	static const struct {
		const char *name;
		uint32_t rank;
		uint64_t ranges[4];
		const char *key;
		size_t size;
	} rows[] = {
		{"foo", 2, {0, CAIRN_FULL, 0, 1}, "\0foo\0\1\1\2\x80\x7f\x80\x81", 12},
		{"foo", 2, {0, CAIRN_FULL, 1, 9}, "\0foo\0\1\1\2\x80\x7f\x81\x89", 12},
		{"emb", 2, {0, 50000, 0, 64}, "\0emb\0\1\1\2\x80\xe0\xc3\x50\x80\xc0\x40", 15},
		{"", 1, {0, 1}, "\0\0\1\1\1\x80\x81", 7},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct cairn_string name = {rows[i].name, strlen(rows[i].name)};
		const struct key key = make(name, rows[i].rank, rows[i].ranges);

		ck_assert_uint_eq(key.size, rows[i].size);
		ck_assert_mem_eq(key.bytes, rows[i].key, key.size);
		assert_comes_back(name, rows[i].rank, rows[i].ranges);
	}
}
END_TEST

START_TEST(known_numbers_have_their_known_forms)
{
	static const struct {
		uint64_t value;
		const char *bytes;
		size_t size;
	} rows[] = {
		{0, "\x80", 1},
		{1, "\x81", 1},
		{63, "\xbf", 1},
		{64, "\xc0\x40", 2},
		{8191, "\xdf\xff", 2},
		{8192, "\xe0\x20\x00", 3},
		{50000, "\xe0\xc3\x50", 3},
		{0x424242, "\xf0\x42\x42\x42", 4},
		{CAIRN_FULL, "\x7f", 1},
		{INT64_MAX, "\xff\xc0\x7f\xff\xff\xff\xff\xff\xff\xff", 10},
		{(uint64_t)1 << 55, "\xff\x80\x80\x00\x00\x00\x00\x00\x00", 9},
		{((uint64_t)1 << 55) - 1, "\xff\x7f\xff\xff\xff\xff\xff\xff", 8},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const uint64_t ranges[2] = {0, rows[i].value};
		const struct key key = make((struct cairn_string){"", 0}, 1, ranges);

		ck_assert_uint_eq(key.size, 6 + rows[i].size);
		ck_assert_mem_eq(key.bytes + 6, rows[i].bytes, rows[i].size);
	}
}
END_TEST

START_TEST(numbers_of_every_length_come_back)
{
	for (uint32_t bit = 0; bit < 63; bit++) {
		const uint64_t power = (uint64_t)1 << bit;
		const uint64_t ranges[6] = {power, power - 1, power + (power - 1),
					    power, power - 1, power};

		assert_comes_back((struct cairn_string){"n", 1}, 3, ranges);
	}
}
END_TEST

START_TEST(names_of_any_bytes_come_back)
{
	char all[512];
	const uint64_t ranges[2] = {3, 4};

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)(i % 2 == 0 ? i / 2 : 255 - i / 2);
	for (size_t size = 0; size <= sizeof(all); size++)
		assert_comes_back((struct cairn_string){all, size}, 1, ranges);
	assert_comes_back((struct cairn_string){"\0\1", 2}, 1, ranges);
	assert_comes_back((struct cairn_string){"\0\xff", 2}, 1, ranges);
}
END_TEST

START_TEST(the_largest_rank_comes_back)
{
	uint64_t ranges[2 * CAIRN_RANK_MAX];

	for (size_t i = 0; i < COUNT_OF(ranges); i++)
		ranges[i] = i % 2 == 0 ? 0 : CAIRN_FULL;
	assert_comes_back((struct cairn_string){"n", 1}, CAIRN_RANK_MAX, ranges);
}
END_TEST

START_TEST(a_key_of_no_dimension_is_written_but_not_read)
{
	const struct key key = make((struct cairn_string){"n", 1}, 0, NULL);
	uint64_t name_size;
	uint32_t rank;

	ck_assert_uint_eq(key.size, 5);
	ck_assert_mem_eq(key.bytes, "\0n\0\1\0", 5);
	ck_assert(!slice_key_parse(string_of(&key), &name_size, &rank));
}
END_TEST

START_TEST(other_bytes_are_no_keys)
{
	static const struct {
		const char *bytes;
		size_t size;
	} rows[] = {
		{"", 0},
		{"\0", 1},
		{"foo", 3},
		{"\0foo", 4},
		{"\1\1foo\0\1\1\1\x80\x81", 11},             /* 1 instead of 0 */
		{"\0foo\0\2\1\1\x80\x81", 10},               /* no such escape */
		{"\0fo\xff\1\0\1\1\1\x80\x81", 11},          /* no such escape */
		{"\0foo\0\1\1\1\x80", 9},                    /* no length */
		{"\0foo\0\1\1\1\x80\x81\x80", 11},           /* more than ranges */
		{"\0foo\0\1\1\0", 8},                        /* rank 0, in a longer form */
		{"\0foo\0\1\2\0\1\x80\x81", 11},             /* rank 1, in a longer form */
		{"\0foo\0\1\1\xff\x80\x81", 10},             /* too few ranges */
		{"\0foo\0\1\x09\1\1\1\1\1\1\1\1\1\x80", 17}, /* a rank of 9 bytes */
		{"\0foo\0\1\1\1\x7f\x81", 10},               /* start -1 */
		{"\0foo\0\1\1\1\x80\x7e", 10},               /* length -2 */
		{"\0foo\0\1\1\1\x81\x7f", 10},               /* all of it, from 1 on */
		{"\0foo\0\1\1\1\x80\xc0\1", 11},             /* length 1, in a longer form */
		{"\0foo\0\1\1\1\x80\xff\xc0\xff\xff\xff\xff\xff\xff\xff\xff",
		 19}, /* over 63 bits */
		{"\0foo\0\1\1\1\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20},
		{"\0foo\0\1\1\1\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *const bytes = malloc(rows[i].size == 0 ? 1 : rows[i].size);
		uint64_t name_size;
		uint32_t rank;

		ck_assert_ptr_nonnull(bytes);
		memcpy(bytes, rows[i].bytes, rows[i].size);
		ck_assert_msg(!slice_key_parse((struct cairn_string){bytes, rows[i].size},
					       &name_size, &rank),
			      "row %zu", i);
		free(bytes);
	}
}
END_TEST

START_TEST(whatever_is_read_is_written_the_same)
{
	const uint64_t ranges[4] = {8192, 64, 0, CAIRN_FULL};
	const struct key sound = make((struct cairn_string){"a\0b\xff", 4}, 2, ranges);

	for (size_t bit = 0; bit < 8 * sound.size; bit++) {
		struct key key = sound;
		uint64_t found_ranges[2 * CAIRN_RANK_MAX];
		char found_name[KEY_MAX];
		uint64_t name_size;
		uint32_t rank;

		key.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (slice_key_parse(string_of(&key), &name_size, &rank)) {
			struct key again;

			slice_key_read(string_of(&key), found_name, found_ranges);
			again = make((struct cairn_string){found_name, name_size}, rank,
				     found_ranges);
			ck_assert_uint_eq(again.size, key.size);
			ck_assert_mem_eq(again.bytes, key.bytes, key.size);
		}
	}
}
END_TEST

static Suite *tensorflow_slice_key_suite(void)
{
	Suite *suite = suite_create("tensorflow_slice_key");
	TCase *tests = tcase_create("tensorflow_slice_key");

	tcase_add_test(tests, known_slices_have_their_known_keys);
	tcase_add_test(tests, known_numbers_have_their_known_forms);
	tcase_add_test(tests, numbers_of_every_length_come_back);
	tcase_add_test(tests, names_of_any_bytes_come_back);
	tcase_add_test(tests, the_largest_rank_comes_back);
	tcase_add_test(tests, a_key_of_no_dimension_is_written_but_not_read);
	tcase_add_test(tests, other_bytes_are_no_keys);
	tcase_add_test(tests, whatever_is_read_is_written_the_same);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(tensorflow_slice_key_suite());
}
