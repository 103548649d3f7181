/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each structural rule of an index, broken once: a valid image with one field of one record
 * changed. The offsets are those of FORMAT.md, written out here once more.
 */
#include "format/index_check.h"

#include "format/bytes.h"
#include "format/digest.h"
#include "format/index_build.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

/* Of records. */
enum {
	T_NAME_OFFSET = 0,
	T_NAME_SIZE = 8,
	T_DTYPE = 12,
	T_RANK = 14,
	T_NAME_SPACE = 15,
	T_DIMS = 16,
	T_SLICE = 24,
	T_SLICE_COUNT = 32,
	T_FLAGS = 36,
	T_ALIAS_OF = 40,
	T_BLOCK_ELEMENTS = 48,
	T_BLOCK_BYTES = 52,
	T_DIGEST_KIND = 57,
	T_DIGEST = 64,
	T_SIZE = 80,
	S_RANGES = 0,
	S_EXTENT = 8,
	S_EXTENT_COUNT = 16,
	S_SIZE = 24,
	S_CHUNK = 32,
	S_CHUNK_SIZE = 40,
	S_TRANSFORM = 44,
	S_CHECK = 45,
	S_DIGEST_KIND = 46,
	S_FLAGS = 47,
	E_OFFSET = 0,
	E_SIZE = 16,
	E_SHARD = 32,
	E_CODEC = 34,
	E_SHUFFLE = 35,
	H_NAME_OFFSET = 0,
	H_NAME_SIZE = 8,
	H_KIND = 12,
	R_OFFSET = 0,
	R_SIZE = 8,
	R_KIND = 16
};

/* -------------------------------------------------------------------------------- a valid image */

#define DATA_END ((uint64_t)8192)

static const uint8_t digests[DIGEST_SIZE] = {7};

/* One extent and slice for each piece of data, 64 bytes apart. */
#define EXTENT(number, bytes)                                                                      \
 {                                                                                                 \
  .offset = 4096 + 64 * (number), .stored_size = (bytes), .size = (bytes)                          \
 }
static const struct extent_record extents[] = {EXTENT(0, 24), EXTENT(1, 1),  EXTENT(2, 8),
					       EXTENT(3, 8),  EXTENT(4, 20), EXTENT(5, 8),
					       EXTENT(6, 11)};
#define SLICE(number, bytes)                                                                       \
 .extents = &extents[number], .extent_count = 1, .storage_rank = (number), .size = (bytes),        \
 .chunk_digests = digests, .chunk_size = CHUNK_SIZE_MIN

static const uint64_t dims_2_3[] = {2, 3};
static const uint64_t dims_4[] = {4};
static const uint64_t dims_4_4[] = {4, 4};
static const uint64_t dims_2[] = {2};
static const uint64_t first_of_four[] = {0, 1};
static const uint64_t upper[] = {0, 2, 0, CAIRN_FULL};
static const uint64_t lower[] = {2, 2, 0, CAIRN_FULL};

static const struct build_slice slice_a = {SLICE(0, 24)};
static const struct build_slice slice_i = {.ranges = first_of_four, SLICE(1, 1)};
static const struct build_slice slices_s[] = {{.ranges = upper, SLICE(2, 8)},
					      {.ranges = lower, SLICE(3, 8)}};
static const struct build_slice slice_z = {SLICE(4, 20)};
static const struct build_slice slice_k = {SLICE(5, 8)};
static const struct build_slice slice_m = {.extents = &extents[6],
					   .extent_count = 1,
					   .storage_rank = 6,
					   .size = 11,
					   .chunk_size = CHUNK_SIZE_MIN};

#define TENSOR(text, space, type, shape_rank, shape, elements, bytes)                              \
 .name = {text, 1}, .name_space = (space), .rank = (shape_rank), .dtype = (type), .dims = (shape), \
 .block_elements = (elements), .block_bytes = (bytes)

/* Records: 0 a, 1 b (an alias), 2 i (incomplete), 3 s (two slices), 4 z (strings); metadata 5 k,
 * 6 m (without digests). Dims: a 0-1, b 2-3, i 4 and 5-6, s 7-8 and 9-12, 13-16, z 17. */
static void describe(struct build_tensor tensors[7])
{
	const struct build_tensor described[] = {
		{TENSOR("a", 0, CAIRN_F32, 2, dims_2_3, 1, 4), .size = 24, .slices = &slice_a,
		 .slice_count = 1},
		{TENSOR("b", 0, CAIRN_F32, 2, dims_2_3, 1, 4), .size = 24, .alias_of = &tensors[0]},
		{TENSOR("i", 0, CAIRN_U8, 1, dims_4, 1, 1), .size = 4, .incomplete = true,
		 .slices = &slice_i, .slice_count = 1},
		{TENSOR("s", 0, CAIRN_U8, 2, dims_4_4, 1, 1), .size = 16, .slices = slices_s,
		 .slice_count = 2},
		{TENSOR("z", 0, CAIRN_STRING, 1, dims_2, 1, 0), .size = 20, .slices = &slice_z,
		 .slice_count = 1},
		{TENSOR("k", 1, CAIRN_I64, 0, NULL, 1, 8), .size = 8, .slices = &slice_k,
		 .slice_count = 1},
		{TENSOR("m", 1, CAIRN_STRING, 0, NULL, 1, 0), .size = 11, .slices = &slice_m,
		 .slice_count = 1},
	};

	memcpy(tensors, described, sizeof(described));
}

struct subject {
	struct test_arena arena;
	struct built_index built;
	struct index index;
};

static void open_subject(struct subject *subject)
{
	static const struct region_record region = {
		.offset = 4096, .size = 1000, .kind = REGION_DATA};
	struct build_tensor tensors[7];
	struct build_input input = {
		.tensors = tensors, .tensor_count = 7, .regions = &region, .region_count = 1};

	describe(tensors);
	test_arena_open(&subject->arena, 0);
	ASSERT_OK(index_build(&subject->arena.arena, &input, true, &subject->built, &test_error));
	ASSERT_OK(index_init(&subject->index, &subject->built.footer, subject->built.image,
			     &test_error));
}

static void close_subject(struct subject *subject)
{
	test_arena_close(&subject->arena);
}

static enum cairn_status check(struct subject *subject)
{
	return index_check(&subject->index, DATA_END, &subject->arena.arena, &test_error);
}

/* Changes `width` bytes of a record. */
static void patch(struct subject *subject, enum section_type type, uint64_t number, size_t offset,
		  size_t width, uint64_t value)
{
	const struct container_section *const section = container_footer_section(
		&subject->built.footer, type);
	uint8_t *const record = subject->built.image + section->offset +
				number * section->record_size;

	ck_assert_uint_lt(number * section->record_size, section->size);
	memcpy(record + offset, &value, width);
}

START_TEST(a_valid_image_passes)
{
	struct subject subject;

	open_subject(&subject);
	ck_assert_uint_eq(subject.index.dim_count, 18);
	ck_assert_uint_eq(subject.index.slice_count, 7);
	ck_assert_uint_eq(subject.index.chunk_count, 6);
	ASSERT_OK(check(&subject));
	close_subject(&subject);
}
END_TEST

/* ------------------------------------------------------------------------------- one field each */

static const struct {
	const char *name;
	enum section_type type;
	uint64_t number;
	size_t offset;
	size_t width;
	uint64_t value;
	const char *part; /* of the message */
} rules[] = {
	{"names out of order", SECTION_NAMES, 2, 0, 1, 'a', "order of names"},
	{"a name twice", SECTION_NAMES, 1, 0, 1, 'a', "order of names"},
	{"a name that is not UTF-8", SECTION_NAMES, 4, 0, 1, 0xff, "not UTF-8"},
	{"names that skip a byte", SECTION_TENSORS, 1, T_NAME_OFFSET, 8, 2, "order of names"},
	{"a name past the section", SECTION_TENSORS, 6, T_NAME_SIZE, 4, 100, "exceeds its size"},
	{"a tensor among the metadata", SECTION_TENSORS, 6, T_NAME_SPACE, 1, 0, "namespace 0"},
	{"metadata among the tensors", SECTION_TENSORS, 0, T_NAME_SPACE, 1, 1, "namespace 1"},
	{"an unknown flag", SECTION_TENSORS, 0, T_FLAGS, 4, 8, "unknown flags 0x8"},
	{"dims that skip one", SECTION_TENSORS, 3, T_DIMS, 8, 8, "tensor 's': dims begin at"},
	{"dims past the section", SECTION_TENSORS, 4, T_RANK, 1, 2, "exceeds its size"},
	{"slices that skip one", SECTION_TENSORS, 2, T_SLICE, 8, 2, "order of names"},
	{"more slices than there are", SECTION_TENSORS, 6, T_SLICE_COUNT, 4, 2, "tensor 'm'"},
	{"blocks that are not the type's", SECTION_TENSORS, 0, T_BLOCK_BYTES, 4, 8,
	 "tensor 'a': type f32 with blocks of 1 elements in 8 bytes"},
	{"elements that are not the type's", SECTION_TENSORS, 0, T_BLOCK_ELEMENTS, 4, 2,
	 "type f32"},
	{"an unknown type without blocks", SECTION_TENSORS, 4, T_DTYPE, 2, 999,
	 "tensor 'z': an unknown type"},
	{"a tensor of a metadata type", SECTION_TENSORS, 4, T_DTYPE, 2, CAIRN_BYTES,
	 "which only metadata may have"},
	{"a size that is not that of the shape", SECTION_TENSORS, 0, T_SIZE, 8, 25,
	 "tensor 'a': bytes of the tensor are 25 instead of 24"},
	{"strings without room for their table", SECTION_TENSORS, 4, T_SIZE, 8, 15,
	 "bytes of a string tensor"},
	{"a shape over the limit", SECTION_DIMS, 7, 0, 8, (uint64_t)1 << 62, "2^63 elements"},
	{"a digest that is not that of the chunks", SECTION_TENSORS, 0, T_DIGEST, 1, 8,
	 "tensor 'a': its digest is not"},
	{"digests of slices, but none of the tensor", SECTION_TENSORS, 0, T_DIGEST_KIND, 1, 0,
	 "the digest kind of a slice is 1 instead of 0"},
	{"an alias of itself", SECTION_TENSORS, 1, T_ALIAS_OF, 8, 1, "which is not before it"},
	{"an alias of a later tensor", SECTION_TENSORS, 1, T_ALIAS_OF, 8, 3, "not before it"},
	{"an alias of another shape", SECTION_DIMS, 2, 0, 8, 3, "bytes of the tensor"},
	{"a shape without elements", SECTION_DIMS, 0, 0, 8, 0,
	 "bytes of the tensor are 24 instead of 0"},
	{"an alias with another digest", SECTION_TENSORS, 1, T_DIGEST, 1, 8, "another digest"},
	{"an alias that is incomplete alone", SECTION_TENSORS, 1, T_FLAGS, 4, 3, "is incomplete"},
	{"an alias with slices", SECTION_TENSORS, 1, T_SLICE_COUNT, 4, 1, "tensor"},
	{"no alias that names a record", SECTION_TENSORS, 3, T_ALIAS_OF, 8, 1,
	 "no alias, but names record"},
	{"whole, and incomplete", SECTION_TENSORS, 0, T_FLAGS, 4, 1, "whole, and flagged"},
	{"covered, and incomplete", SECTION_TENSORS, 3, T_FLAGS, 4, 1, "flagged incomplete"},
	{"not covered, and not incomplete", SECTION_TENSORS, 2, T_FLAGS, 4, 0,
	 "cover 1 of 4 elements, and it is not flagged"},
	{"slices that overlap", SECTION_DIMS, 13, 0, 8, 1, "two of its slices overlap"},
	{"equal slices", SECTION_DIMS, 13, 0, 8, 0, "two of its slices overlap"},
	{"a slice that leaves the shape", SECTION_DIMS, 13, 0, 8, 3, "leaves dimension 0 of 4"},
	{"a slice of a length that wraps", SECTION_DIMS, 14, 0, 8, UINT64_MAX - 1, "leaves"},
	{"a slice of another size", SECTION_DIMS, 14, 0, 8, 1, "one of its slices has bytes"},
	{"one of two slices is whole", SECTION_SLICES, 3, S_FLAGS, 1, 1, "tensor 's'"},
	{"a whole slice of another size", SECTION_SLICES, 0, S_SIZE, 8, 23, "tensor 'a'"},
	{"a range without its place", SECTION_SLICES, 0, S_RANGES, 8, 0, "ranges of a slice"},
	{"an unknown slice flag", SECTION_SLICES, 0, S_FLAGS, 1, 3, "unknown flags"},
	{"a chunk size that is no power of two", SECTION_SLICES, 0, S_CHUNK_SIZE, 4, 65537,
	 "out of limits"},
	{"a chunk size below the least", SECTION_SLICES, 0, S_CHUNK_SIZE, 4, 32768, "limits"},
	{"a chunk size over the largest", SECTION_SLICES, 0, S_CHUNK_SIZE, 4, 128 << 20, "limits"},
	{"a transform in a container", SECTION_SLICES, 0, S_TRANSFORM, 1, 1, "only sidecars"},
	{"a foreign check in a container", SECTION_SLICES, 6, S_CHECK, 1, 2, "only sidecars"},
	{"a check without digests", SECTION_SLICES, 6, S_CHECK, 1, 1, "kind of a slice disagree"},
	{"digests without a check", SECTION_SLICES, 0, S_CHECK, 1, 0, "kind of a slice disagree"},
	{"a digest kind that is not the tensor's", SECTION_SLICES, 0, S_DIGEST_KIND, 1, 2,
	 "the digest kind of a slice is 2 instead of 1"},
	{"chunk digests that skip one", SECTION_SLICES, 1, S_CHUNK, 8, 2, "chunk digests begin"},
	{"extents that skip one", SECTION_SLICES, 1, S_EXTENT, 8, 2, "extents begin at record"},
	{"more extents than there are", SECTION_SLICES, 6, S_EXTENT_COUNT, 4, 2, "section 5"},
	{"no extents", SECTION_SLICES, 6, S_EXTENT_COUNT, 4, 0, "extents of a slice hold bytes 0"},
	{"an extent of another size", SECTION_EXTENTS, 0, E_SIZE, 8, 23, "extent record 0"},
	{"an extent in the header", SECTION_EXTENTS, 0, E_OFFSET, 8, 4095, "outside the data"},
	{"an extent behind the data", SECTION_EXTENTS, 0, E_OFFSET, 8, DATA_END - 23,
	 "outside the data, which ends at 8192"},
	{"an extent whose end wraps", SECTION_EXTENTS, 0, E_OFFSET, 8, UINT64_MAX - 3, "extent"},
	{"an extent in no region", SECTION_EXTENTS, 0, E_OFFSET, 8, 6000, "region"},
	{"an extent over a region's end", SECTION_EXTENTS, 0, E_OFFSET, 8, 4096 + 990, "region"},
	{"an extent in no shard", SECTION_EXTENTS, 0, E_SHARD, 2, 1, "shard 1 of 1"},
	{"a raw extent with a shuffle", SECTION_EXTENTS, 0, E_SHUFFLE, 1, 4, "byte shuffle"},
	{"a shard name that skips a byte", SECTION_SHARDS, 0, H_NAME_OFFSET, 8, 6,
	 "name of a shard"},
	{"a name of the file itself", SECTION_SHARDS, 0, H_NAME_SIZE, 4, 1, "exceeds its size"},
	{"shard 0 is another file", SECTION_SHARDS, 0, H_KIND, 1, SHARD_SIBLING, "kind of a shard"},
	{"an unknown kind of shard", SECTION_SHARDS, 0, H_KIND, 1, 9, "kind of a shard is 9"},
	{"a region in the header", SECTION_REGIONS, 0, R_OFFSET, 8, 4095, "region 0"},
	{"a region behind the data", SECTION_REGIONS, 0, R_SIZE, 8, 4097, "region 0"},
	{"a region whose end wraps", SECTION_REGIONS, 0, R_SIZE, 8, UINT64_MAX, "region 0"},
	{"an unknown kind of region", SECTION_REGIONS, 0, R_KIND, 4, 3, "kind of a region is 3"},
	{"data in an opaque region", SECTION_REGIONS, 0, R_KIND, 4, REGION_OPAQUE, "region"},
};

START_TEST(each_broken_rule_is_found)
{
	struct subject subject;

	open_subject(&subject);
	patch(&subject, rules[_i].type, rules[_i].number, rules[_i].offset, rules[_i].width,
	      rules[_i].value);
	test_error_reset();
	ck_assert_msg(check(&subject) == CAIRN_CORRUPT, "%s: %s", rules[_i].name,
		      test_error.message);
	ck_assert_msg(strstr(test_error.message, rules[_i].part) != NULL, "%s: %s", rules[_i].name,
		      test_error.message);
	close_subject(&subject);
}
END_TEST

/* ------------------------------------------------------------------ what one field cannot break */

START_TEST(an_alias_of_an_alias_is_corrupt)
{
	struct subject subject;

	open_subject(&subject);
	patch(&subject, SECTION_TENSORS, 0, T_FLAGS, 4, TENSOR_ALIAS);
	ASSERT_STATUS(check(&subject), CAIRN_CORRUPT);
	close_subject(&subject);
}
END_TEST

START_TEST(an_alias_with_its_dims_the_other_way_round_is_corrupt)
{
	struct subject subject;

	open_subject(&subject);
	patch(&subject, SECTION_DIMS, 2, 0, 8, 3);
	patch(&subject, SECTION_DIMS, 3, 0, 8, 2);
	ASSERT_FAILS(check(&subject), CAIRN_CORRUPT, "another type or shape");
	close_subject(&subject);
}
END_TEST

START_TEST(metadata_of_rank_2_is_corrupt)
{
	struct subject subject;

	open_subject(&subject);
	patch(&subject, SECTION_TENSORS, 5, T_RANK, 1, 2);
	patch(&subject, SECTION_TENSORS, 5, T_DIMS, 8, 0);
	ASSERT_STATUS(check(&subject), CAIRN_CORRUPT);
	close_subject(&subject);
}
END_TEST

START_TEST(bytes_that_nothing_uses_are_corrupt)
{
	struct subject subject;
	uint64_t *counts[5];

	open_subject(&subject);
	counts[0] = &subject.index.sections[SECTION_NAMES].size;
	counts[1] = &subject.index.dim_count;
	counts[2] = &subject.index.slice_count;
	counts[3] = &subject.index.extent_count;
	counts[4] = &subject.index.chunk_count;
	++*counts[_i];
	ASSERT_FAILS(check(&subject), CAIRN_CORRUPT, ":");
	close_subject(&subject);
}
END_TEST

START_TEST(missing_memory_is_no_verdict)
{
	struct subject subject;
	struct test_arena small;

	open_subject(&subject);
	test_arena_open(&small, 1);
	ASSERT_STATUS(index_check(&subject.index, DATA_END, &small.arena, &test_error),
		      CAIRN_NO_MEMORY);
	test_arena_close(&small);
	close_subject(&subject);
}
END_TEST

/* ---------------------------------------------------------------------------------- many slices */

/* A grid of n x n slices of one element; each is moved onto the next by `overlap`. */
static enum cairn_status check_grid(uint64_t n, bool overlap)
{
	const uint64_t shape[] = {n, n};
	struct extent_record *const parts = calloc(n * n, sizeof(*parts));
	struct build_slice *const slices = calloc(n * n, sizeof(*slices));
	uint64_t *const ranges = calloc(n * n, 4 * sizeof(*ranges));
	struct build_tensor tensor = {TENSOR("t", 0, CAIRN_U8, 2, shape, 1, 1), .size = n * n,
				      .slices = slices, .slice_count = (uint32_t)(n * n)};
	const struct region_record region = {.offset = 4096, .size = n * n, .kind = REGION_DATA};
	struct build_input input = {
		.tensors = &tensor, .tensor_count = 1, .regions = &region, .region_count = 1};
	struct subject subject;
	enum cairn_status status;

	for (uint64_t i = 0; i < n * n; i++) {
		uint64_t *const range = ranges + 4 * i;

		range[0] = i / n;
		range[1] = 1;
		range[2] = i % n;
		range[3] = 1;
		parts[i] = (struct extent_record){.offset = 4096 + i, .stored_size = 1, .size = 1};
		slices[i] = (struct build_slice){.ranges = range,
						 .extents = &parts[i],
						 .extent_count = 1,
						 .size = 1,
						 .chunk_size = CHUNK_SIZE_MIN};
	}
	if (overlap)
		memcpy(ranges + 4 * (n * n - 1), ranges + 4 * (n * n / 3), 4 * sizeof(*ranges));
	test_arena_open(&subject.arena, 0);
	ASSERT_OK(index_build(&subject.arena.arena, &input, false, &subject.built, &test_error));
	ASSERT_OK(index_init(&subject.index, &subject.built.footer, subject.built.image,
			     &test_error));
	status = index_check(&subject.index, 4096 + n * n, &subject.arena.arena, &test_error);
	close_subject(&subject);
	free(parts);
	free(slices);
	free(ranges);
	return status;
}

START_TEST(a_grid_of_as_many_slices_as_may_be_passes)
{
	ASSERT_OK(check_grid(256, false)); /* SLICE_COUNT_MAX */
}
END_TEST

START_TEST(one_overlap_among_many_is_found)
{
	ASSERT_FAILS(check_grid(100, true), CAIRN_CORRUPT, "tensor 't': two of its slices overlap");
}
END_TEST

static Suite *index_check_suite(void)
{
	Suite *suite = suite_create("index_check");
	TCase *tests = tcase_create("index_check");

	tcase_add_test(tests, a_valid_image_passes);
	tcase_add_loop_test(tests, each_broken_rule_is_found, 0, COUNT_OF(rules));
	tcase_add_test(tests, an_alias_of_an_alias_is_corrupt);
	tcase_add_test(tests, an_alias_with_its_dims_the_other_way_round_is_corrupt);
	tcase_add_test(tests, metadata_of_rank_2_is_corrupt);
	tcase_add_loop_test(tests, bytes_that_nothing_uses_are_corrupt, 0, 5);
	tcase_add_test(tests, missing_memory_is_no_verdict);
	tcase_add_test(tests, a_grid_of_as_many_slices_as_may_be_passes);
	tcase_add_test(tests, one_overlap_among_many_is_found);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(index_check_suite());
}
