/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting tensors into shards of a limited size: what TensorFlow's policy makes of them, too,
 * and that every element goes to one shard whatever the limit.
 */
#include "engine/write/shard_policy.h"

#include <stdio.h>
#include <string.h>

#include "format/bytes.h"
#include "format/container.h"
#include "format/error.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

struct taken {
	char text[4096];     /* "shard: start,length:start,length" one piece after the other */
	uint64_t filled[64]; /* bytes by shard, of the first ones */
	uint64_t elements;
	uint64_t element_size;
	uint32_t rank;
	uint32_t pieces;
	uint32_t large;
	uint32_t last_shard;
	enum cairn_status verdict;
};

static enum cairn_status take(void *context, const struct policy_piece *piece,
			      struct cairn_error *error)
{
	struct taken *const taken = context;
	uint64_t elements = 1;
	size_t used = strlen(taken->text);

	if (used + 100 < sizeof(taken->text))
		used += (size_t)sprintf(taken->text + used, "%s%s%u ", used == 0 ? "" : "; ",
					piece->is_large ? "+" : "", piece->shard);
	for (uint32_t d = 0; d < taken->rank; d++) {
		elements *= piece->lengths[d];
		if (used + 100 < sizeof(taken->text))
			used += (size_t)sprintf(taken->text + used, "%s%llu,%llu",
						d == 0 ? "" : ":",
						(unsigned long long)piece->starts[d],
						(unsigned long long)piece->lengths[d]);
	}
	taken->elements += elements;
	taken->pieces++;
	taken->large += piece->is_large;
	if (!piece->is_large && piece->shard < COUNT_OF(taken->filled))
		taken->filled[piece->shard] += elements * taken->element_size;
	if (!piece->is_large) {
		ck_assert_uint_ge(piece->shard, taken->last_shard);
		taken->last_shard = piece->shard;
	}
	return taken->verdict == CAIRN_OK
		       ? CAIRN_OK
		       : error_set(error, taken->verdict, CAIRN_ERROR_NO_OFFSET, "not this one");
}

/* F32 of these dims, `rank` of them. */
static enum cairn_status add_axes(struct shard_policy *policy, struct taken *taken, uint32_t rank,
				  const uint64_t *dims, uint32_t axes)
{
	struct policy_tensor tensor = {
		.rank = rank, .dims = dims, .element_size = 4, .size = 4, .axes = axes};

	for (uint32_t d = 0; d < rank; d++)
		tensor.size *= dims[d];
	taken->rank = rank;
	taken->element_size = 4;
	return shard_policy_add(policy, &tensor, &test_error);
}

static void add(struct shard_policy *policy, struct taken *taken, uint32_t rank,
		const uint64_t *dims)
{
	ASSERT_OK(add_axes(policy, taken, rank, dims, rank));
}

/* ----------------------------------------------------------------------- as TensorFlow does it */

static const struct {
	uint64_t size_max;
	uint32_t rank;
	uint64_t dims[3];
	const char *pieces;
} single[] = {
	{1000, 2, {10, 5}, "0 0,10:0,5"},
	/* the golden file's first tensor */
	{600, 2, {40, 5}, "0 0,20:0,5; 0 20,10:0,5; 1 30,10:0,5"},
	/* columns need fewer pieces than rows */
	{60, 2, {3, 20}, "0 0,3:0,5; 1 0,1:5,15; 2 1,1:5,15; 3 2,1:5,15"},
	{100, 1, {60}, "0 0,20; 0 20,5; 1 25,18; 1 43,6; 1 49,1; 2 50,10"},
	{50,
	 2,
	 {7, 9},
	 "0 0,1:0,9; 1 1,6:0,2; 2 1,6:2,2; 3 1,2:4,5; 4 3,2:4,5; 4 5,2:4,1; 5 5,2:5,4"},
};

START_TEST(a_tensor_is_cut_where_it_needs_the_fewest_pieces)
{
	struct taken taken = {.verdict = CAIRN_OK};
	struct shard_policy policy;

	shard_policy_init(&policy, single[_i].size_max, take, &taken);
	add(&policy, &taken, single[_i].rank, single[_i].dims);
	ck_assert_str_eq(taken.text, single[_i].pieces);
}
END_TEST

START_TEST(a_shard_is_filled_before_the_next_is_begun)
{
	struct taken taken = {.verdict = CAIRN_OK};
	struct shard_policy policy;

	shard_policy_init(&policy, 100, take, &taken);
	add(&policy, &taken, 1, (const uint64_t[]){10});
	add(&policy, &taken, 1, (const uint64_t[]){15});
	add(&policy, &taken, 0, NULL);
	ck_assert_str_eq(taken.text, "0 0,10; 0 0,15; 1 ");
	ck_assert_uint_eq(shard_policy_filled(&policy), 2);
}
END_TEST

START_TEST(a_shard_that_stays_empty_is_none)
{
	struct taken taken = {.verdict = CAIRN_OK};
	struct shard_policy policy;

	shard_policy_init(&policy, 16, take, &taken);
	ck_assert_uint_eq(shard_policy_filled(&policy), 0);
	add(&policy, &taken, 1, (const uint64_t[]){4});
	ck_assert_uint_eq(shard_policy_filled(&policy), 1);
}
END_TEST

START_TEST(what_counts_for_nothing_goes_to_the_last_shard)
{
	struct taken taken = {.verdict = CAIRN_OK};
	const struct policy_tensor graph = {.rank = 0};
	const uint64_t dims[] = {0, 7};
	struct shard_policy policy;

	shard_policy_init(&policy, 40, take, &taken);
	add(&policy, &taken, 1, (const uint64_t[]){15});
	taken.rank = 0;
	ASSERT_OK(shard_policy_add(&policy, &graph, &test_error));
	add(&policy, &taken, 2, dims);
	ck_assert_str_eq(taken.text, "0 0,8; 0 8,2; 1 10,5; 1 ; 1 0,0:0,7");
}
END_TEST

START_TEST(scalars_above_the_limit_have_shards_of_their_own)
{
	struct taken taken = {.verdict = CAIRN_OK};
	const struct policy_tensor text = {.size = 1000, .element_size = 1000};
	struct shard_policy policy;

	shard_policy_init(&policy, 100, take, &taken);
	add(&policy, &taken, 1, (const uint64_t[]){5});
	taken.rank = 0;
	ASSERT_OK(shard_policy_add(&policy, &text, &test_error));
	add(&policy, &taken, 1, (const uint64_t[]){5});
	ck_assert_str_eq(taken.text, "0 0,5; +0 ; 0 0,5");
	ck_assert_uint_eq(shard_policy_filled(&policy), 1);
}
END_TEST

/* Where TensorFlow does not end. */
START_TEST(slices_above_the_limit_have_shards_of_their_own)
{
	struct taken taken = {.verdict = CAIRN_OK};
	struct shard_policy policy;

	shard_policy_init(&policy, 10, take, &taken);
	add(&policy, &taken, 2, (const uint64_t[]){3, 5});
	ck_assert_str_eq(taken.text,
			 "+0 0,3:0,1; +1 0,3:1,1; +2 0,1:2,3; 0 1,2:2,1; 1 1,1:3,2; 2 2,1:3,2");
	ck_assert_uint_eq(shard_policy_filled(&policy), 3);
}
END_TEST

START_TEST(a_limit_below_an_element_ends)
{
	struct taken taken = {.verdict = CAIRN_OK};
	struct shard_policy policy;

	shard_policy_init(&policy, (uint64_t)_i, take, &taken);
	add(&policy, &taken, 2, (const uint64_t[]){3, 2});
	add(&policy, &taken, 0, NULL);
	ck_assert_uint_eq(taken.elements, 7);
	ck_assert_uint_eq(taken.large, taken.pieces);
}
END_TEST

/* ---------------------------------------------------------------------------------- properties */

START_TEST(every_element_goes_to_one_shard_within_the_limit)
{
	struct random random = {(uint64_t)_i + 1};
	struct taken taken = {.verdict = CAIRN_OK};
	const uint64_t size_max = 64 + random_below(&random, 2000);
	uint64_t elements = 0;
	struct shard_policy policy;

	shard_policy_init(&policy, size_max, take, &taken);
	for (int i = 0; i < 30; i++) {
		const uint32_t rank = (uint32_t)random_below(&random, 5);
		uint64_t dims[4];
		uint64_t count = 1;

		for (uint32_t d = 0; d < rank; d++) {
			dims[d] = random_below(&random, 8);
			count *= dims[d];
		}
		elements += count;
		ASSERT_OK(add_axes(&policy, &taken, rank, dims,
				   (uint32_t)random_below(&random, rank + 1)));
	}
	ck_assert_uint_eq(taken.elements, elements);
	for (size_t i = 0; i < COUNT_OF(taken.filled); i++)
		ck_assert_uint_le(taken.filled[i], size_max);
}
END_TEST

START_TEST(only_the_first_axes_are_cut)
{
	struct taken taken = {.verdict = CAIRN_OK};
	struct shard_policy policy;

	shard_policy_init(&policy, 60, take, &taken);
	ASSERT_OK(add_axes(&policy, &taken, 2, (const uint64_t[]){3, 10}, 1));
	ck_assert_str_eq(taken.text, "0 0,1:0,10; 1 1,1:0,10; 2 2,1:0,10");
}
END_TEST

START_TEST(the_number_of_shards_is_limited)
{
	struct taken taken = {.verdict = CAIRN_OK};
	struct shard_policy policy;

	shard_policy_init(&policy, _i == 0 ? 4 : 1, take, &taken);
	ck_assert_uint_eq(add_axes(&policy, &taken, 1, (const uint64_t[]){SHARD_COUNT_MAX - 1}, 1),
			  CAIRN_OK);
	ASSERT_FAILS(add_axes(&policy, &taken, 1, (const uint64_t[]){2}, 1), CAIRN_LIMIT,
		     "more than 65535 shards");
	ck_assert_uint_le(taken.pieces, SHARD_COUNT_MAX + 1);
}
END_TEST

START_TEST(who_takes_the_pieces_can_end_it)
{
	struct taken taken = {.verdict = CAIRN_NO_MEMORY};
	struct shard_policy policy;

	shard_policy_init(&policy, 10, take, &taken);
	ASSERT_FAILS(add_axes(&policy, &taken, 1, (const uint64_t[]){100}, 1), CAIRN_NO_MEMORY,
		     "not this one");
	ck_assert_uint_eq(taken.pieces, 1);
}
END_TEST

static Suite *shard_policy_suite(void)
{
	Suite *suite = suite_create("shard_policy");
	TCase *tests = tcase_create("shard_policy");

	tcase_add_loop_test(tests, a_tensor_is_cut_where_it_needs_the_fewest_pieces, 0,
			    COUNT_OF(single));
	tcase_add_test(tests, a_shard_is_filled_before_the_next_is_begun);
	tcase_add_test(tests, a_shard_that_stays_empty_is_none);
	tcase_add_test(tests, what_counts_for_nothing_goes_to_the_last_shard);
	tcase_add_test(tests, scalars_above_the_limit_have_shards_of_their_own);
	tcase_add_test(tests, slices_above_the_limit_have_shards_of_their_own);
	tcase_add_loop_test(tests, a_limit_below_an_element_ends, 1, 4);
	tcase_add_loop_test(tests, every_element_goes_to_one_shard_within_the_limit, 0, 50);
	tcase_add_test(tests, only_the_first_axes_are_cut);
	tcase_add_loop_test(tests, the_number_of_shards_is_limited, 0, 2);
	tcase_add_test(tests, who_takes_the_pieces_can_end_it);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(shard_policy_suite());
}
