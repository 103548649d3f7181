/* SPDX-License-Identifier: Apache-2.0 */
/* Loads, stores and checked arithmetic, at the edges. */
#include "format/bytes.h"

#include "tests/support/suite.h"

START_TEST(numbers_are_little_endian)
{
	static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88};
	uint8_t out[8] = {0};

	ck_assert_uint_eq(load_u16(bytes), 0x0201);
	ck_assert_uint_eq(load_u32(bytes), 0x04030201);
	ck_assert_uint_eq(load_u64(bytes), 0x8807060504030201);
	store_u64(out, 0x8807060504030201);
	ck_assert_mem_eq(out, bytes, 8);
	store_u32(out, 0x14131211);
	store_u16(out + 4, 0x1615);
	ck_assert_mem_eq(out, "\x11\x12\x13\x14\x15\x16\x07\x88", 8);
}
END_TEST

START_TEST(numbers_may_lie_anywhere)
{
	uint8_t bytes[16] = {0};

	for (size_t offset = 0; offset < 8; offset++) {
		store_u64(bytes + offset, 0x0123456789abcdef + offset);
		ck_assert_uint_eq(load_u64(bytes + offset), 0x0123456789abcdef + offset);
	}
}
END_TEST

static const struct {
	uint64_t a;
	uint64_t b;
	bool fits;
} sums[] = {
	{0, 0, true},
	{UINT64_MAX, 0, true},
	{0, UINT64_MAX, true},
	{UINT64_MAX - 1, 1, true},
	{UINT64_MAX, 1, false},
	{1, UINT64_MAX, false},
	{UINT64_MAX, UINT64_MAX, false},
	{(uint64_t)1 << 63, (uint64_t)1 << 63, false},
};

START_TEST(sums_that_do_not_fit_are_refused)
{
	uint64_t result = 77;

	ck_assert_int_eq(checked_add(sums[_i].a, sums[_i].b, &result), sums[_i].fits);
	ck_assert_uint_eq(result, sums[_i].fits ? sums[_i].a + sums[_i].b : 77);
}
END_TEST

static const struct {
	uint64_t a;
	uint64_t b;
	bool fits;
} products[] = {
	{0, UINT64_MAX, true},
	{UINT64_MAX, 1, true},
	{(uint64_t)1 << 32, ((uint64_t)1 << 32) - 1, true},
	{(uint64_t)1 << 32, (uint64_t)1 << 32, false},
	{UINT64_MAX, 2, false},
	{UINT64_MAX / 3 + 1, 3, false},
	{UINT64_MAX / 3, 3, true},
};

START_TEST(products_that_do_not_fit_are_refused)
{
	uint64_t result = 77;

	ck_assert_int_eq(checked_multiply(products[_i].a, products[_i].b, &result),
			 products[_i].fits);
	ck_assert_uint_eq(result, products[_i].fits ? products[_i].a * products[_i].b : 77);
}
END_TEST

static const struct {
	uint64_t value;
	uint64_t alignment;
	uint64_t expected; /* 77: does not fit */
} alignments[] = {
	{0, 64, 0},
	{1, 64, 64},
	{64, 64, 64},
	{65, 64, 128},
	{5, 1, 5},
	{UINT64_MAX, 1, UINT64_MAX},
	{UINT64_MAX - 63, 64, UINT64_MAX - 63},
	{UINT64_MAX - 62, 64, 77},
	{UINT64_MAX, 64, 77},
	{1, (uint64_t)1 << 63, (uint64_t)1 << 63},
	{(uint64_t)1 << 63, (uint64_t)1 << 63, (uint64_t)1 << 63},
	{((uint64_t)1 << 63) + 1, (uint64_t)1 << 63, 77},
};

START_TEST(rounding_up_does_not_wrap)
{
	const uint64_t expected = alignments[_i].expected;
	uint64_t result = 77;

	ck_assert_int_eq(checked_align_up(alignments[_i].value, alignments[_i].alignment, &result),
			 expected != 77);
	ck_assert_uint_eq(result, expected);
	if (expected != 77)
		ck_assert_uint_eq(align_up(alignments[_i].value, alignments[_i].alignment),
				  expected);
}
END_TEST

START_TEST(dividing_up_does_not_wrap)
{
	ck_assert_uint_eq(divide_up(0, 5), 0);
	ck_assert_uint_eq(divide_up(5, 5), 1);
	ck_assert_uint_eq(divide_up(6, 5), 2);
	ck_assert_uint_eq(divide_up(UINT64_MAX, 2), (uint64_t)1 << 63);
	ck_assert_uint_eq(divide_up(UINT64_MAX, 1), UINT64_MAX);
}
END_TEST

static const struct {
	uint64_t offset;
	uint64_t size;
	uint64_t total;
	bool within;
} ranges[] = {
	{0, 0, 0, true},
	{0, 10, 10, true},
	{10, 0, 10, true},
	{11, 0, 10, false},
	{1, 10, 10, false},
	{5, 5, 10, true},
	{UINT64_MAX, 1, 10, false},
	{1, UINT64_MAX, 10, false},
	{UINT64_MAX, UINT64_MAX, 10, false},
	{2, UINT64_MAX - 1, UINT64_MAX, false},
	{1, UINT64_MAX - 1, UINT64_MAX, true},
};

START_TEST(ranges_that_wrap_are_not_within)
{
	ck_assert_int_eq(range_within(ranges[_i].offset, ranges[_i].size, ranges[_i].total),
			 ranges[_i].within);
}
END_TEST

START_TEST(powers_of_two_have_one_bit)
{
	ck_assert(!is_power_of_two(0));
	for (int bit = 0; bit < 64; bit++) {
		ck_assert(is_power_of_two((uint64_t)1 << bit));
		ck_assert(bit == 0 || !is_power_of_two(((uint64_t)1 << bit) | 1));
	}
	ck_assert(!is_power_of_two(UINT64_MAX));
}
END_TEST

START_TEST(one_bit_anywhere_is_not_zero)
{
	uint8_t bytes[70] = {0};

	for (size_t size = 0; size <= sizeof(bytes); size++) {
		ck_assert(all_zero(bytes, size));
		for (size_t place = 0; place < sizeof(bytes); place++) {
			bytes[place] = 0x40;
			ck_assert_int_eq(all_zero(bytes, size), place >= size);
			bytes[place] = 0;
		}
	}
}
END_TEST

static Suite *bytes_suite(void)
{
	Suite *suite = suite_create("bytes");
	TCase *tests = tcase_create("bytes");

	tcase_add_test(tests, numbers_are_little_endian);
	tcase_add_test(tests, numbers_may_lie_anywhere);
	tcase_add_loop_test(tests, sums_that_do_not_fit_are_refused, 0, COUNT_OF(sums));
	tcase_add_loop_test(tests, products_that_do_not_fit_are_refused, 0, COUNT_OF(products));
	tcase_add_loop_test(tests, rounding_up_does_not_wrap, 0, COUNT_OF(alignments));
	tcase_add_test(tests, dividing_up_does_not_wrap);
	tcase_add_loop_test(tests, ranges_that_wrap_are_not_within, 0, COUNT_OF(ranges));
	tcase_add_test(tests, powers_of_two_have_one_bit);
	tcase_add_test(tests, one_bit_anywhere_is_not_zero);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(bytes_suite());
}
