/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LZ4 blocks and the byte shuffle before them. Buffers have exactly the size that is stated, so
 * that a sanitizer watches their ends.
 */
#include "format/lz4_block.h"

#include "format/byte_shuffle.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

static uint8_t *exactly(uint64_t size)
{
	uint8_t *const bytes = malloc(size == 0 ? 1 : size);

	ck_assert_ptr_nonnull(bytes);
	return bytes;
}

static bool decode(const char *stored, uint64_t stored_size, uint64_t size, const char *expected)
{
	uint8_t *const block = exactly(stored_size);
	uint8_t *const bytes = exactly(size);
	bool decoded;

	memcpy(block, stored, stored_size);
	decoded = lz4_block_decode(block, stored_size, bytes, size);
	if (decoded)
		ck_assert_mem_eq(bytes, expected, size);
	free(block);
	free(bytes);
	return decoded;
}

START_TEST(literals_and_copies_are_decoded)
{
	ck_assert(decode("\x30"
			 "abc",
			 4, 3, "abc"));
	ck_assert(decode("\x14"
			 "a"
			 "\x01\x00\x50"
			 "bcdef",
			 10, 14, "aaaaaaaaabcdef"));
}
END_TEST

static const struct {
	const char *stored;
	uint64_t stored_size;
	uint64_t size;
} wrong[] = {
	{"", 0, 1},
	{"\x30"
	 "ab",
	 3, 3},
	{"\x30"
	 "abc",
	 4, 4},
	{"\x30"
	 "abc",
	 4, 2},
	{"\x30"
	 "abcd",
	 5, 3},
	{"\x14"
	 "a"
	 "\x02\x00\x50"
	 "bcdef",
	 10, 14},
	{"\x1f"
	 "a"
	 "\x01\x00\xff\xff\xff\xff",
	 8, 14},
	{"\xf0\xff\xff\xff", 4, 14},
};

START_TEST(wrong_blocks_are_refused)
{
	ck_assert(!decode(wrong[_i].stored, wrong[_i].stored_size, wrong[_i].size, NULL));
}
END_TEST

/* Some runs, some noise. */
static void make(struct random *random, uint8_t *bytes, uint64_t size)
{
	uint64_t done = 0;

	while (done < size) {
		uint64_t piece = 1 + random_below(random, 60);

		piece = piece < size - done ? piece : size - done;
		if (random_below(random, 2) == 0)
			memset(bytes + done, (int)random_below(random, 256), piece);
		else
			random_fill(random, bytes + done, piece);
		done += piece;
	}
}

START_TEST(what_was_encoded_is_decoded)
{
	struct random random = {7};

	for (uint64_t size = 0; size < 700; size++) {
		uint8_t *const bytes = exactly(size);
		uint8_t *const block = exactly(2 * size + 16);
		uint8_t *const again = exactly(size);
		uint64_t stored;

		make(&random, bytes, size);
		stored = lz4_block_encode(bytes, size, block, 2 * size + 16);
		ck_assert_uint_ne(stored, 0);
		ck_assert(lz4_block_can_hold(stored, size));
		ck_assert(lz4_block_decode(block, stored, again, size));
		ck_assert(memcmp(again, bytes, size) == 0);
		free(bytes);
		free(block);
		free(again);
	}
}
END_TEST

START_TEST(what_does_not_fit_is_not_encoded)
{
	struct random random = {8};
	uint8_t *const bytes = exactly(1000);
	uint8_t *const block = exactly(999);

	random_fill(&random, bytes, 1000);
	ck_assert_uint_eq(lz4_block_encode(bytes, 1000, block, 999), 0);
	memset(bytes, 3, 1000);
	ck_assert_uint_ne(lz4_block_encode(bytes, 1000, block, 999), 0);
	free(bytes);
	free(block);
}
END_TEST

START_TEST(no_block_becomes_more_than_255_times_itself)
{
	ck_assert(lz4_block_can_hold(10, 2550));
	ck_assert(!lz4_block_can_hold(10, 2805));
	ck_assert(!lz4_block_can_hold(0, 255));
	ck_assert(lz4_block_can_hold(UINT64_MAX, UINT64_MAX));
}
END_TEST

START_TEST(shuffling_sorts_bytes_by_their_place)
{
	uint8_t shuffled[11];
	uint8_t again[11];

	byte_shuffle((const uint8_t *)"aAbBcCdDeEx", 11, 2, shuffled);
	ck_assert_mem_eq(shuffled, "abcdeABCDEx", 11);
	byte_unshuffle(shuffled, 11, 2, again);
	ck_assert_mem_eq(again, "aAbBcCdDeEx", 11);
	byte_shuffle((const uint8_t *)"123123123xy", 11, 3, shuffled);
	ck_assert_mem_eq(shuffled, "111222333xy", 11);
}
END_TEST

START_TEST(unshuffling_undoes_it)
{
	struct random random = {9};

	for (uint8_t width = SHUFFLE_WIDTH_MIN; width <= SHUFFLE_WIDTH_MAX; width++) {
		for (uint64_t size = 0; size < 200; size++) {
			uint8_t *const bytes = exactly(size);
			uint8_t *const shuffled = exactly(size);
			uint8_t *const again = exactly(size);

			random_fill(&random, bytes, size);
			byte_shuffle(bytes, size, width, shuffled);
			byte_unshuffle(shuffled, size, width, again);
			ck_assert(memcmp(bytes, again, size) == 0);
			free(bytes);
			free(shuffled);
			free(again);
		}
	}
}
END_TEST

START_TEST(widths_are_none_or_2_to_16)
{
	for (unsigned int width = 0; width < 256; width++)
		ck_assert_int_eq(byte_shuffle_known((uint8_t)width),
				 width == 0 || (width >= 2 && width <= 16));
}
END_TEST

static Suite *lz4_block_suite(void)
{
	Suite *suite = suite_create("lz4_block");
	TCase *tests = tcase_create("lz4_block");

	tcase_add_test(tests, literals_and_copies_are_decoded);
	tcase_add_loop_test(tests, wrong_blocks_are_refused, 0, COUNT_OF(wrong));
	tcase_add_test(tests, what_was_encoded_is_decoded);
	tcase_add_test(tests, what_does_not_fit_is_not_encoded);
	tcase_add_test(tests, no_block_becomes_more_than_255_times_itself);
	tcase_add_test(tests, shuffling_sorts_bytes_by_their_place);
	tcase_add_test(tests, unshuffling_undoes_it);
	tcase_add_test(tests, widths_are_none_or_2_to_16);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(lz4_block_suite());
}
