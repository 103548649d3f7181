/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building index images: the same description gives the same bytes, whatever the order; aliases;
 * digests; limits.
 */
#include "format/index_build.h"

#include "format/bytes.h"
#include "format/digest.h"
#include "format/index.h"
#include "format/index_check.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

enum {
	COUNT = 8
};

static const uint64_t two_by_three[] = {2, 3};
static const uint64_t four[] = {4};
static const uint64_t lower[] = {0, 1};
static const uint64_t upper[] = {1, 3};
static const uint8_t chunk_digests[3 * DIGEST_SIZE] = {1, 2, 3};
static const struct extent_record extents[] = {
	{.offset = 4096, .stored_size = 24, .size = 24},
	{.offset = 4160, .stored_size = 1, .size = 1},
	{.offset = 4224, .stored_size = 3, .size = 3},
	{.offset = 4288, .stored_size = 8, .size = 8},
};
static const struct build_slice whole = {.extents = &extents[0],
					 .extent_count = 1,
					 .size = 24,
					 .chunk_digests = chunk_digests,
					 .chunk_size = CHUNK_SIZE_MIN};
static const struct build_slice halves[] = {
	{.ranges = upper,
	 .extents = &extents[2],
	 .extent_count = 1,
	 .storage_rank = 1,
	 .size = 3,
	 .chunk_digests = chunk_digests + DIGEST_SIZE,
	 .chunk_size = CHUNK_SIZE_MIN},
	{.ranges = lower,
	 .extents = &extents[1],
	 .extent_count = 1,
	 .storage_rank = 2,
	 .size = 1,
	 .chunk_digests = chunk_digests + 2 * DIGEST_SIZE,
	 .chunk_size = CHUNK_SIZE_MIN},
};
static const struct build_slice undigested = {
	.extents = &extents[3], .extent_count = 1, .size = 8, .chunk_size = CHUNK_SIZE_MIN};
static const struct region_record region = {.offset = 4096, .size = 1000, .kind = REGION_DATA};

static struct build_tensor f32(const char *name)
{
	return (struct build_tensor){.name = cairn_string_from(name),
				     .rank = 2,
				     .dtype = CAIRN_F32,
				     .dims = two_by_three,
				     .block_elements = 1,
				     .block_bytes = 4,
				     .size = 24,
				     .slices = &whole,
				     .slice_count = 1};
}

static struct build_tensor u64_scalar(const char *name, enum name_space name_space)
{
	return (struct build_tensor){.name = cairn_string_from(name),
				     .name_space = (uint8_t)name_space,
				     .dtype = CAIRN_U64,
				     .block_elements = 1,
				     .block_bytes = 8,
				     .size = 8,
				     .slices = &undigested,
				     .slice_count = 1};
}

static struct build_tensor sliced(const char *name)
{
	return (struct build_tensor){.name = cairn_string_from(name),
				     .rank = 1,
				     .dtype = CAIRN_U8,
				     .dims = four,
				     .block_elements = 1,
				     .block_bytes = 1,
				     .size = 4,
				     .slices = halves,
				     .slice_count = 2};
}

/* Eight tensors in places [0, COUNT) of an order: three names of one tensor, one of which sorts
 * before the one that holds the bytes. */
static void describe(struct build_tensor tensors[COUNT], const uint32_t order[COUNT])
{
	tensors[order[0]] = f32("m");
	tensors[order[1]] = f32("z");
	tensors[order[1]].alias_of = &tensors[order[0]];
	tensors[order[2]] = f32("b");
	tensors[order[2]].alias_of = &tensors[order[0]];
	tensors[order[3]] = sliced("s");
	tensors[order[4]] = u64_scalar("", NAME_SPACE_TENSOR);
	tensors[order[5]] = u64_scalar("m", NAME_SPACE_METADATA);
	tensors[order[6]] = u64_scalar("a", NAME_SPACE_METADATA);
	tensors[order[7]] = u64_scalar("m.x", NAME_SPACE_TENSOR);
}

static const uint32_t given_order[COUNT] = {0, 1, 2, 3, 4, 5, 6, 7};

static struct build_input input_of(struct build_tensor *tensors, uint64_t count)
{
	return (struct build_input){
		.tensors = tensors, .tensor_count = count, .regions = &region, .region_count = 1};
}

struct subject {
	struct test_arena arena;
	struct build_tensor tensors[COUNT];
	struct built_index built;
	struct index index;
};

static void build(struct subject *subject, const uint32_t order[COUNT])
{
	struct build_input input = input_of(subject->tensors, COUNT);

	test_arena_open(&subject->arena, 0);
	describe(subject->tensors, order);
	ASSERT_OK(index_build(&subject->arena.arena, &input, true, &subject->built, &test_error));
	ASSERT_OK(index_init(&subject->index, &subject->built.footer, subject->built.image,
			     &test_error));
}

static struct tensor_record record_at(const struct subject *subject, uint64_t number)
{
	struct tensor_record record = {0};

	ASSERT_OK(index_tensor(&subject->index, number, &record, &test_error));
	return record;
}

START_TEST(any_order_gives_the_same_bytes)
{
	struct random random = {(uint64_t)_i};
	struct subject expected;
	struct subject found;
	uint32_t order[COUNT];

	memcpy(order, given_order, sizeof(order));
	for (uint32_t i = COUNT; i > 1; i--) {
		const uint64_t other = random_below(&random, i);
		const uint32_t kept = order[i - 1];

		order[i - 1] = order[other];
		order[other] = kept;
	}
	build(&expected, given_order);
	build(&found, order);
	ck_assert_uint_eq(found.built.image_size, expected.built.image_size);
	ck_assert_msg(memcmp(found.built.image, expected.built.image, expected.built.image_size) ==
			      0,
		      "seed %d", _i);
	ck_assert(memcmp(&found.built.footer, &expected.built.footer,
			 sizeof(expected.built.footer)) == 0);
	test_arena_close(&expected.arena);
	test_arena_close(&found.arena);
}
END_TEST

START_TEST(building_twice_gives_the_same_bytes)
{
	struct subject subject;
	struct build_input input = input_of(subject.tensors, COUNT);
	struct built_index again;

	build(&subject, given_order); /* has moved what the aliases share */
	ASSERT_OK(index_build(&subject.arena.arena, &input, true, &again, &test_error));
	ck_assert_uint_eq(again.image_size, subject.built.image_size);
	ck_assert_mem_eq(again.image, subject.built.image, again.image_size);
	test_arena_close(&subject.arena);
}
END_TEST

START_TEST(what_is_built_obeys_all_rules)
{
	struct subject subject;

	build(&subject, given_order);
	ASSERT_OK(index_check(&subject.index, 8192, &subject.arena.arena, &test_error));
	test_arena_close(&subject.arena);
}
END_TEST

START_TEST(the_first_of_the_names_holds_the_bytes)
{
	struct subject subject;
	struct tensor_record b;
	struct tensor_record m;
	struct tensor_record z;

	build(&subject, given_order); /* "", b, m, m.x, s, z */
	b = record_at(&subject, 1);
	m = record_at(&subject, 2);
	z = record_at(&subject, 5);
	ck_assert_uint_eq(b.flags, 0);
	ck_assert_uint_eq(b.slice_count, 1);
	ck_assert_uint_eq(m.flags, TENSOR_ALIAS);
	ck_assert_uint_eq(m.alias_of, 1);
	ck_assert_uint_eq(m.slice_count, 0);
	ck_assert_uint_eq(z.flags, TENSOR_ALIAS);
	ck_assert_uint_eq(z.alias_of, 1);
	test_arena_close(&subject.arena);
}
END_TEST

START_TEST(aliases_say_the_digest_of_their_holder)
{
	struct subject subject;

	build(&subject, given_order);
	ck_assert_mem_eq(record_at(&subject, 1).digest.bytes, chunk_digests, DIGEST_SIZE);
	ck_assert_mem_eq(record_at(&subject, 5).digest.bytes, chunk_digests, DIGEST_SIZE);
	ck_assert_uint_eq(record_at(&subject, 5).digest_kind, DIGEST_XXH3_128);
	test_arena_close(&subject.arena);
}
END_TEST

START_TEST(slices_keep_their_order_and_literal_ranges)
{
	struct subject subject;
	struct tensor_record tensor;
	struct slice_record slice;
	const uint64_t *ranges;

	build(&subject, given_order);
	tensor = record_at(&subject, 4);
	ck_assert_uint_eq(tensor.slice_count, 2);
	ASSERT_OK(index_slice(&subject.index, tensor.slice_index, &slice, &test_error));
	ck_assert_uint_eq(slice.storage_rank, 1);
	ASSERT_OK(index_dims(&subject.index, slice.ranges_index, 2, &ranges, &test_error));
	ck_assert_mem_eq(ranges, upper, sizeof(upper));
	test_arena_close(&subject.arena);
}
END_TEST

START_TEST(the_digest_of_several_chunks_is_that_of_their_list)
{
	struct subject subject;
	const struct cairn_digest expected = digest_bytes(chunk_digests + DIGEST_SIZE,
							  2 * DIGEST_SIZE);

	build(&subject, given_order);
	ck_assert_mem_eq(record_at(&subject, 4).digest.bytes, expected.bytes, DIGEST_SIZE);
	test_arena_close(&subject.arena);
}
END_TEST

START_TEST(without_chunk_digests_there_is_no_digest)
{
	struct subject subject;

	build(&subject, given_order);
	ck_assert_uint_eq(record_at(&subject, 0).digest_kind, DIGEST_NONE);
	test_arena_close(&subject.arena);
}
END_TEST

START_TEST(the_size_is_known_before)
{
	struct subject subject;
	struct build_input input = input_of(subject.tensors, COUNT);
	uint64_t size = 0;

	describe(subject.tensors, given_order);
	ASSERT_OK(index_build_size(&input, &size, &test_error));
	build(&subject, given_order);
	ck_assert_uint_eq(subject.built.image_size, size);
	test_arena_close(&subject.arena);
}
END_TEST

START_TEST(nothing_gives_an_image_too)
{
	struct test_arena arena;
	struct build_input input = {0};
	struct built_index built;
	struct index index;

	test_arena_open(&arena, 0);
	ASSERT_OK(index_build(&arena.arena, &input, true, &built, &test_error));
	ASSERT_OK(index_init(&index, &built.footer, built.image, &test_error));
	ck_assert_uint_eq(index.tensor_count, 0);
	ck_assert_uint_eq(index.shard_count, 1);
	ASSERT_OK(index_check(&index, CONTAINER_PAGE_SIZE, &arena.arena, &test_error));
	test_arena_close(&arena);
}
END_TEST

static enum cairn_status build_pair(const struct build_tensor *a, const struct build_tensor *b)
{
	struct build_tensor tensors[] = {*a, *b};
	struct build_input input = input_of(tensors, 2);
	struct built_index built;
	struct test_arena arena;
	enum cairn_status status;

	test_arena_open(&arena, 0);
	status = index_build(&arena.arena, &input, true, &built, &test_error);
	test_arena_close(&arena);
	return status;
}

START_TEST(a_name_twice_is_refused)
{
	const struct build_tensor tensor = f32("t");
	const struct build_tensor metadata = u64_scalar("t", NAME_SPACE_METADATA);

	ASSERT_FAILS(build_pair(&tensor, &tensor), CAIRN_EXISTS, "tensor 't' is there twice");
	ASSERT_FAILS(build_pair(&metadata, &metadata), CAIRN_EXISTS,
		     "metadata key 't' is there twice");
	ASSERT_OK(build_pair(&tensor, &metadata));
}
END_TEST

START_TEST(too_many_tensors_or_shards_are_over_the_limit)
{
	struct build_input input = {.tensor_count = TENSOR_COUNT_MAX + 1};
	uint64_t size;

	ASSERT_STATUS(index_build_size(&input, &size, &test_error), CAIRN_LIMIT);
	input = (struct build_input){.shard_count = SHARD_COUNT_MAX};
	ASSERT_STATUS(index_build_size(&input, &size, &test_error), CAIRN_LIMIT);
}
END_TEST

START_TEST(shards_follow_the_file_itself)
{
	const struct build_shard shards[] = {
		{.name = cairn_string_from("one"), .record = {.kind = SHARD_FOREIGN, .size = 11}},
		{.name = cairn_string_from("two"), .record = {.kind = SHARD_FOREIGN, .size = 22}},
	};
	struct build_input input = {.shards = shards, .shard_count = 2, .foreign = true};
	struct test_arena arena;
	struct built_index built;
	struct index index;
	struct shard_record record;
	struct cairn_string name;

	test_arena_open(&arena, 0);
	ASSERT_OK(index_build(&arena.arena, &input, true, &built, &test_error));
	ASSERT_OK(index_init(&index, &built.footer, built.image, &test_error));
	ck_assert(index.foreign);
	ck_assert_uint_eq(index.shard_count, 3);
	ASSERT_OK(index_shard(&index, 2, &record, &test_error));
	ck_assert_uint_eq(record.size, 22);
	ASSERT_OK(index_name(&index, record.name_offset, record.name_size, &name, &test_error));
	ck_assert_mem_eq(name.data, "two", 3);
	ASSERT_OK(index_check(&index, 0, &arena.arena, &test_error));
	test_arena_close(&arena);
}
END_TEST

START_TEST(missing_memory_is_reported_and_given_back)
{
	struct build_tensor tensors[COUNT];
	struct build_input input = input_of(tensors, COUNT);
	struct built_index built;
	enum cairn_status status = CAIRN_NO_MEMORY;

	for (uint64_t fail_at = 1; status != CAIRN_OK; fail_at++) {
		struct test_arena arena;

		ck_assert_uint_lt(fail_at, 20);
		describe(tensors, given_order);
		test_arena_open(&arena, fail_at);
		status = index_build(&arena.arena, &input, true, &built, &test_error);
		ck_assert(status == CAIRN_OK || status == CAIRN_NO_MEMORY);
		test_arena_close(&arena);
	}
}
END_TEST

static Suite *index_build_suite(void)
{
	Suite *suite = suite_create("index_build");
	TCase *tests = tcase_create("index_build");

	tcase_add_loop_test(tests, any_order_gives_the_same_bytes, 0, 50);
	tcase_add_test(tests, building_twice_gives_the_same_bytes);
	tcase_add_test(tests, what_is_built_obeys_all_rules);
	tcase_add_test(tests, the_first_of_the_names_holds_the_bytes);
	tcase_add_test(tests, aliases_say_the_digest_of_their_holder);
	tcase_add_test(tests, slices_keep_their_order_and_literal_ranges);
	tcase_add_test(tests, the_digest_of_several_chunks_is_that_of_their_list);
	tcase_add_test(tests, without_chunk_digests_there_is_no_digest);
	tcase_add_test(tests, the_size_is_known_before);
	tcase_add_test(tests, nothing_gives_an_image_too);
	tcase_add_test(tests, a_name_twice_is_refused);
	tcase_add_test(tests, too_many_tensors_or_shards_are_over_the_limit);
	tcase_add_test(tests, shards_follow_the_file_itself);
	tcase_add_test(tests, missing_memory_is_reported_and_given_back);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(index_build_suite());
}
