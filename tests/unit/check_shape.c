/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of shapes: what overflows, in which order, and what cuts a block. */
#include "format/shape.h"

#include "format/record.h"
#include "tests/support/suite.h"

#define TWO_TO(n) ((uint64_t)1 << (n))

static const struct {
	uint32_t rank;
	uint64_t dims[4];
	uint64_t elements;
	enum cairn_status status;
} shapes[] = {
	{0, {0}, 1, CAIRN_OK},
	{1, {0}, 0, CAIRN_OK},
	{1, {7}, 7, CAIRN_OK},
	{3, {2, 3, 4}, 24, CAIRN_OK},
	{1, {TWO_TO(63) - 1}, TWO_TO(63) - 1, CAIRN_OK},
	{1, {TWO_TO(63)}, 0, CAIRN_LIMIT},
	{1, {UINT64_MAX}, 0, CAIRN_LIMIT},
	{2, {TWO_TO(62), 2}, 0, CAIRN_LIMIT},
	{2, {TWO_TO(32), TWO_TO(32)}, 0, CAIRN_LIMIT},
	/* in order: what comes after a 0 cannot overflow, what comes before it can */
	{3, {0, TWO_TO(63) - 1, 4}, 0, CAIRN_OK},
	{3, {TWO_TO(63) - 1, 4, 0}, 0, CAIRN_LIMIT},
	{3, {TWO_TO(63) - 1, 0, 4}, 0, CAIRN_OK},
	{2, {0, UINT64_MAX}, 0, CAIRN_OK},
};

START_TEST(elements_are_multiplied_in_order)
{
	uint64_t elements = 77;

	ASSERT_STATUS(shape_elements(shapes[_i].rank, shapes[_i].dims, &elements, &test_error),
		      shapes[_i].status);
	ck_assert_uint_eq(elements, shapes[_i].status == CAIRN_OK ? shapes[_i].elements : 77);
}
END_TEST

START_TEST(an_overflow_names_the_dimension)
{
	static const uint64_t dims[] = {5, TWO_TO(62), 3};
	uint64_t elements;

	ASSERT_FAILS(shape_elements(3, dims, &elements, &test_error), CAIRN_LIMIT,
		     "at dimension 1 of 4611686018427387904");
}
END_TEST

static const struct {
	struct packing packing;
	uint32_t rank;
	uint64_t dims[3];
	uint64_t bytes;
	enum cairn_status status;
} sizes[] = {
	{{1, 4, PACKING_FLAT}, 2, {3, 5}, 60, CAIRN_OK},
	{{1, 4, PACKING_FLAT}, 0, {0}, 4, CAIRN_OK},
	{{1, 4, PACKING_FLAT}, 1, {TWO_TO(61)}, 0, CAIRN_LIMIT},
	{{1, 16, PACKING_FLAT}, 1, {TWO_TO(62)}, 0, CAIRN_LIMIT},
	{{1, 2, PACKING_FLAT}, 1, {TWO_TO(62) - 1}, TWO_TO(63) - 2, CAIRN_OK},
	{{1, 4, PACKING_FLAT}, 2, {TWO_TO(62), 2}, 0, CAIRN_LIMIT},
	{{2, 1, PACKING_FLAT}, 2, {3, 4}, 6, CAIRN_OK},
	{{2, 1, PACKING_FLAT}, 2, {4, 3}, 6, CAIRN_OK}, /* blocks run over rows */
	{{2, 1, PACKING_FLAT}, 2, {3, 3}, 0, CAIRN_MISMATCH},
	{{2, 1, PACKING_FLAT}, 0, {0}, 0, CAIRN_MISMATCH},
	{{4, 3, PACKING_FLAT}, 1, {8}, 6, CAIRN_OK},
	{{4, 3, PACKING_FLAT}, 1, {6}, 0, CAIRN_MISMATCH},
	{{32, 18, PACKING_ROW}, 2, {3, 64}, 108, CAIRN_OK},
	{{32, 18, PACKING_ROW}, 2, {32, 3}, 0, CAIRN_MISMATCH},
	{{32, 18, PACKING_FLAT}, 2, {32, 3}, 54, CAIRN_OK},
	{{32, 18, PACKING_ROW}, 0, {0}, 0, CAIRN_MISMATCH},
	{{32, 18, PACKING_ROW}, 2, {0, 32}, 0, CAIRN_OK},
	{{32, 18, PACKING_ROW}, 2, {7, 0}, 0, CAIRN_OK},
	{{2, UINT32_MAX, PACKING_FLAT}, 1, {TWO_TO(33)}, 0, CAIRN_LIMIT},
};

START_TEST(bytes_follow_from_shape_and_blocks)
{
	uint64_t bytes = 77;

	ASSERT_STATUS(shape_bytes(&sizes[_i].packing, sizes[_i].rank, sizes[_i].dims, &bytes,
				  &test_error),
		      sizes[_i].status);
	ck_assert_uint_eq(bytes, sizes[_i].status == CAIRN_OK ? sizes[_i].bytes : 77);
}
END_TEST

static const struct {
	uint64_t start;
	uint64_t length;
	uint64_t resolved;
	enum cairn_status status;
} slices[] = {
	{0, 10, 10, CAIRN_OK},
	{0, CAIRN_FULL, 10, CAIRN_OK},
	{3, 7, 7, CAIRN_OK},
	{10, 0, 0, CAIRN_OK},
	{0, 0, 0, CAIRN_OK},
	{11, 0, 0, CAIRN_MISMATCH},
	{3, 8, 0, CAIRN_MISMATCH},
	{1, CAIRN_FULL, 0, CAIRN_MISMATCH},
	{0, CAIRN_FULL - 1, 0, CAIRN_MISMATCH},
	{UINT64_MAX, 1, 0, CAIRN_MISMATCH},
	{2, UINT64_MAX - 1, 0, CAIRN_MISMATCH},
};

START_TEST(slices_are_resolved_against_the_shape)
{
	const uint64_t dims[] = {5, 10};
	uint64_t starts[] = {1, slices[_i].start};
	uint64_t lengths[] = {2, slices[_i].length};

	ASSERT_STATUS(shape_resolve_slice(2, dims, starts, lengths, &test_error),
		      slices[_i].status);
	if (slices[_i].status == CAIRN_OK) {
		ck_assert_uint_eq(lengths[1], slices[_i].resolved);
		ck_assert_uint_eq(lengths[0], 2);
	} else {
		ck_assert_ptr_nonnull(strstr(test_error.message, "leaves dimension 1 of 10"));
	}
}
END_TEST

START_TEST(a_scalar_has_nothing_to_resolve)
{
	ASSERT_OK(shape_resolve_slice(0, NULL, NULL, NULL, &test_error));
}
END_TEST

static Suite *shape_suite(void)
{
	Suite *suite = suite_create("shape");
	TCase *tests = tcase_create("shape");

	tcase_add_loop_test(tests, elements_are_multiplied_in_order, 0, COUNT_OF(shapes));
	tcase_add_test(tests, an_overflow_names_the_dimension);
	tcase_add_loop_test(tests, bytes_follow_from_shape_and_blocks, 0, COUNT_OF(sizes));
	tcase_add_loop_test(tests, slices_are_resolved_against_the_shape, 0, COUNT_OF(slices));
	tcase_add_test(tests, a_scalar_has_nothing_to_resolve);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(shape_suite());
}
