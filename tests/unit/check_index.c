/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Index images: the layout of the digest tree, verification on the way down (counted through the
 * prepare callback), lookup by name, and records out of bounds.
 */
#include "format/index.h"

#include <stdio.h>
#include <sys/mman.h>

#include "format/bytes.h"
#include "format/index_build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

#define BLOCK         ((uint64_t)INDEX_BLOCK_SIZE)
#define LEVEL_1_BYTES (BLOCK * 4096) /* 256 MiB: what one block of digests covers */

/* ----------------------------------------------------------------------------- the tree's shape */

static const struct {
	uint64_t sections_size;
	uint32_t level_count;
	uint64_t block_count;
	uint64_t level_sizes[INDEX_TREE_LEVEL_MAX];
} layouts[] = {
	{0, 0, 0, {0}},
	{1, 0, 1, {0}},
	{BLOCK - 1, 0, 1, {0}},
	{BLOCK, 0, 1, {0}},
	{BLOCK + 1, 1, 2 + 1, {32}},
	{2 * BLOCK + 1, 1, 3 + 1, {48}},
	{LEVEL_1_BYTES, 1, 4096 + 1, {BLOCK}},
	{LEVEL_1_BYTES + 1, 2, 4097 + 2 + 1, {BLOCK + 16, 32}},
	{LEVEL_1_BYTES * 4096, 2, 4096 * 4096 + 4096 + 1, {BLOCK * 4096, BLOCK}},
	{LEVEL_1_BYTES * 4096 + 1,
	 3,
	 (4096 * 4096 + 1) + 4097 + 2 + 1,
	 {BLOCK * 4096 + 16, BLOCK + 16, 32}},
};

START_TEST(levels_follow_from_the_size)
{
	struct index_tree tree;
	uint64_t end = layouts[_i].sections_size;
	uint64_t blocks = divide_up(end, BLOCK);

	ck_assert(index_tree_layout(layouts[_i].sections_size, &tree));
	ck_assert_uint_eq(tree.level_count, layouts[_i].level_count);
	ck_assert_uint_eq(tree.block_count, layouts[_i].block_count);
	ck_assert_uint_eq(tree.section_blocks, blocks);
	for (uint32_t level = 0; level < tree.level_count; level++) {
		ck_assert_uint_eq(tree.levels[level].size, layouts[_i].level_sizes[level]);
		ck_assert_uint_eq(tree.levels[level].offset, align_up(end, SECTION_ALIGNMENT));
		ck_assert_uint_eq(tree.levels[level].first_block, blocks);
		blocks += divide_up(tree.levels[level].size, BLOCK);
		end = tree.levels[level].offset + tree.levels[level].size;
	}
	ck_assert_uint_eq(tree.image_size, end);
	ck_assert_uint_eq(tree.block_count, blocks);
}
END_TEST

START_TEST(sizes_from_2_to_the_63_are_refused)
{
	struct index_tree tree;

	ck_assert(index_tree_layout(CONTAINER_SIZE_MAX - 1, &tree));
	ck_assert_uint_eq(tree.level_count, 4);
	ck_assert(!index_tree_layout(CONTAINER_SIZE_MAX, &tree));
	ck_assert(!index_tree_layout(UINT64_MAX, &tree));
}
END_TEST

/* ------------------------------------------------------------------------------------- an image */

struct subject {
	struct test_arena arena;
	struct built_index built;
	struct index index;
	_Atomic uint8_t *states; /* owned */
	uint64_t prepared;       /* calls of prepare */
	uint64_t fail_at;        /* the call that fails */
};

static enum cairn_status prepare(void *context, uint64_t block, uint64_t offset, uint64_t size,
				 struct cairn_error *error)
{
	struct subject *const subject = context;

	(void)block;
	ck_assert(range_within(offset, size, subject->index.tree.image_size));
	ck_assert_uint_le(size, BLOCK);
	if (++subject->prepared != subject->fail_at)
		return CAIRN_OK;
	if (error != NULL)
		error->code = CAIRN_IO;
	return CAIRN_IO;
}

/* As if the image had come from a file. */
static void distrust(struct subject *subject)
{
	subject->states = calloc(subject->index.tree.block_count + 1, 1);
	ck_assert_ptr_nonnull((void *)(uintptr_t)subject->states);
	subject->index.block_states = subject->states;
	subject->index.prepare = prepare;
	subject->index.prepare_context = subject;
	subject->index.file_offset = 1000000;
	subject->prepared = 0;
}

static void forget(struct subject *subject)
{
	memset((void *)(uintptr_t)subject->states, 0, subject->index.tree.block_count);
	subject->prepared = 0;
}

static struct build_tensor plain_tensor(struct cairn_string name)
{
	return (struct build_tensor){
		.name = name, .dtype = CAIRN_U8, .block_elements = 1, .block_bytes = 1, .size = 1};
}

static void build(struct subject *subject, struct build_tensor *tensors, uint64_t count)
{
	struct build_input input = {.tensors = tensors, .tensor_count = count};

	*subject = (struct subject){0};
	test_arena_open(&subject->arena, 0);
	ASSERT_OK(index_build(&subject->arena.arena, &input, true, &subject->built, &test_error));
	ASSERT_OK(index_init(&subject->index, &subject->built.footer, subject->built.image,
			     &test_error));
	distrust(subject);
}

static void fini(struct subject *subject)
{
	free((void *)(uintptr_t)subject->states);
	test_arena_close(&subject->arena);
}

enum {
	MANY = 20000
};

static char many_names[MANY][8];

/* "000000", "000002" ... : odd numbers are not there. */
static void build_many(struct subject *subject)
{
	struct build_tensor *const tensors = calloc(MANY, sizeof(*tensors));

	for (int i = 0; i < MANY; i++) {
		snprintf(many_names[i], sizeof(many_names[i]), "%06d", 2 * i % 1000000);
		tensors[i] = plain_tensor(cairn_string_from(many_names[i]));
	}
	build(subject, tensors, MANY);
	free(tensors);
}

static enum cairn_status find(const struct subject *subject, struct cairn_string name,
			      uint64_t *number)
{
	struct tensor_record record;

	return index_find(&subject->index, NAME_SPACE_TENSOR, name, number, &record, &test_error);
}

/* ---------------------------------------------------------------------- verification on the way */

START_TEST(a_lookup_verifies_only_blocks_on_its_way)
{
	struct subject subject;
	uint64_t number = 0;

	build_many(&subject);
	ck_assert_uint_gt(subject.index.tree.section_blocks, 30);
	ASSERT_OK(find(&subject, cairn_string_from("012346"), &number));
	ck_assert_uint_eq(number, 6173);
	/* the root, and of each of 15 probes a record and a name, most of them in one block */
	ck_assert_uint_le(subject.prepared, 1 + 2 * 15);
	ck_assert_uint_lt(subject.prepared, subject.index.tree.section_blocks);
	fini(&subject);
}
END_TEST

START_TEST(a_lookup_that_was_made_before_verifies_nothing)
{
	struct subject subject;
	uint64_t number = 0;
	uint64_t before;

	build_many(&subject);
	ASSERT_OK(find(&subject, cairn_string_from("012346"), &number));
	before = subject.prepared;
	ASSERT_OK(find(&subject, cairn_string_from("012346"), &number));
	ck_assert_uint_eq(subject.prepared, before);
	fini(&subject);
}
END_TEST

START_TEST(the_root_is_one_block)
{
	struct subject subject;

	build_many(&subject);
	ASSERT_OK(index_verify_root(&subject.index, &test_error));
	ck_assert_uint_eq(subject.prepared, 1);
	fini(&subject);
}
END_TEST

START_TEST(damage_elsewhere_does_not_matter)
{
	struct subject subject;
	uint64_t number = 0;

	build_many(&subject);
	ASSERT_OK(find(&subject, cairn_string_from("012346"), &number));
	for (uint64_t i = 0; i < subject.index.tree.section_blocks; i++) {
		if (subject.states[i] == 0)
			subject.built.image[i * BLOCK] ^= 1;
	}
	forget(&subject);
	ASSERT_OK(find(&subject, cairn_string_from("012346"), &number));
	fini(&subject);
}
END_TEST

START_TEST(damage_of_any_touched_block_is_found)
{
	struct subject subject;
	uint8_t touched[100] = {0};
	uint64_t number = 0;

	build_many(&subject);
	ASSERT_OK(find(&subject, cairn_string_from("012346"), &number));
	for (uint64_t i = 0; i < subject.index.tree.section_blocks; i++)
		touched[i] = subject.states[i];
	for (uint64_t i = 0; i < subject.index.tree.section_blocks; i++) {
		if (!touched[i])
			continue;
		subject.built.image[i * BLOCK + 77] ^= 0x80;
		forget(&subject);
		ASSERT_FAILS(find(&subject, cairn_string_from("012346"), &number), CAIRN_CHECKSUM,
			     "index block at offset");
		ck_assert_uint_eq(test_error.offset, 1000000 + i * BLOCK);
		subject.built.image[i * BLOCK + 77] ^= 0x80;
	}
	fini(&subject);
}
END_TEST

START_TEST(damage_of_the_digests_is_found)
{
	struct subject subject;
	uint64_t number = 0;

	build_many(&subject);
	subject.built.image[subject.index.tree.levels[0].offset + 5] ^= 4;
	ASSERT_FAILS(find(&subject, cairn_string_from("012346"), &number), CAIRN_CHECKSUM, "block");
	ck_assert_uint_eq(test_error.offset, 1000000 + subject.index.tree.levels[0].offset);
	ASSERT_STATUS(index_verify_root(&subject.index, &test_error), CAIRN_CHECKSUM);
	fini(&subject);
}
END_TEST

START_TEST(damage_is_not_remembered_as_verified)
{
	struct subject subject;
	uint64_t number = 0;

	build_many(&subject);
	subject.built.image[0] ^= 1;
	ASSERT_STATUS(find(&subject, cairn_string_from("000000"), &number), CAIRN_CHECKSUM);
	ASSERT_STATUS(find(&subject, cairn_string_from("000000"), &number), CAIRN_CHECKSUM);
	fini(&subject);
}
END_TEST

START_TEST(what_prepare_says_is_passed_on)
{
	struct subject subject;
	uint64_t number = 0;

	build_many(&subject);
	subject.fail_at = 3;
	ASSERT_STATUS(find(&subject, cairn_string_from("012346"), &number), CAIRN_IO);
	ASSERT_OK(find(&subject, cairn_string_from("012346"), &number));
	fini(&subject);
}
END_TEST

START_TEST(all_blocks_can_be_verified_again)
{
	struct subject subject;

	build_many(&subject);
	ASSERT_OK(index_verify_all_blocks(&subject.index, &test_error));
	ck_assert_uint_eq(subject.prepared, subject.index.tree.block_count);
	subject.built.image[subject.index.sections_size - 1] ^= 1; /* verified already */
	ASSERT_STATUS(index_verify_all_blocks(&subject.index, &test_error), CAIRN_CHECKSUM);
	fini(&subject);
}
END_TEST

START_TEST(a_trusted_image_is_not_verified)
{
	struct subject subject;
	uint64_t number = 0;

	build_many(&subject);
	subject.index.block_states = NULL;
	subject.built.image[subject.index.tree.levels[0].offset] ^= 1;
	ASSERT_OK(index_verify_root(&subject.index, &test_error));
	ASSERT_OK(find(&subject, cairn_string_from("012346"), &number));
	ck_assert_uint_eq(subject.prepared, 0);
	fini(&subject);
}
END_TEST

/* ------------------------------------------------------------------------- a tree of two levels */

/* An index of one section of dims, all zero but where the test writes, over untouched memory. */
static void open_large(struct subject *subject, uint64_t size)
{
	*subject = (struct subject){0};
	ck_assert(index_tree_layout(size, &subject->index.tree));
	subject->built.image = mmap(NULL, subject->index.tree.image_size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert(subject->built.image != MAP_FAILED);
	subject->index.image = subject->built.image;
	subject->index.sections_size = size;
	subject->index.sections[SECTION_DIMS] = (struct container_section){SECTION_DIMS, 8, 0,
									   size};
	subject->index.root = index_tree_build(&subject->index.tree, size, subject->built.image);
	distrust(subject);
}

static void close_large(struct subject *subject)
{
	munmap(subject->built.image, subject->index.tree.image_size);
	free((void *)(uintptr_t)subject->states);
}

static enum cairn_status touch(struct subject *subject, uint64_t block)
{
	const uint64_t *dims;

	return index_dims(&subject->index, block * BLOCK / 8, 1, &dims, &test_error);
}

START_TEST(each_level_is_verified_once)
{
	struct subject subject;

	open_large(&subject, LEVEL_1_BYTES + 8);
	ck_assert_uint_eq(subject.index.tree.level_count, 2);
	ASSERT_OK(touch(&subject, 17));
	ck_assert_uint_eq(subject.prepared, 3); /* the root, a block of digests, the block */
	ASSERT_OK(touch(&subject, 18));
	ck_assert_uint_eq(subject.prepared, 4);
	ASSERT_OK(touch(&subject, 4096)); /* the first under the second block of digests */
	ck_assert_uint_eq(subject.prepared, 6);
	ASSERT_OK(touch(&subject, 4095));
	ck_assert_uint_eq(subject.prepared, 7);
	close_large(&subject);
}
END_TEST

START_TEST(damage_of_inner_digests_concerns_what_is_below)
{
	struct subject subject;

	open_large(&subject, LEVEL_1_BYTES + 8);
	subject.built.image[subject.index.tree.levels[0].offset] ^= 1;
	ASSERT_STATUS(touch(&subject, 17), CAIRN_CHECKSUM);
	ASSERT_OK(touch(&subject, 4096));
	subject.built.image[4096 * BLOCK] ^= 1;
	forget(&subject);
	ASSERT_STATUS(touch(&subject, 4096), CAIRN_CHECKSUM);
	close_large(&subject);
}
END_TEST

START_TEST(a_range_over_two_blocks_needs_both)
{
	struct subject subject;
	const uint64_t *dims;

	open_large(&subject, 3 * BLOCK);
	ASSERT_OK(index_dims(&subject.index, BLOCK / 8 - 1, 2, &dims, &test_error));
	ck_assert_uint_eq(subject.prepared, 1 + 2);
	forget(&subject);
	subject.built.image[BLOCK + 9] ^= 1;
	ASSERT_STATUS(index_dims(&subject.index, BLOCK / 8 - 1, 2, &dims, &test_error),
		      CAIRN_CHECKSUM);
	close_large(&subject);
}
END_TEST

/* -------------------------------------------------------------------------------------- finding */

static char big_name[CAIRN_NAME_SIZE_MAX];

static const struct cairn_string odd_names[] = {
	{"", 0},
	{"\0", 1},
	{"\0\0", 2},
	{"a", 1},
	{"a\0", 2},
	{"a\0b", 3},
	{"a.b", 3},
	{"ab", 2},
	{"abc", 3},
	{"b", 1},
	{"\x7f", 1},
	{"\xc3\xa9", 2},
	{"\xf0\x9f\x98\x80", 4},
};

START_TEST(odd_names_are_found_in_byte_order)
{
	struct build_tensor tensors[COUNT_OF(odd_names)];
	struct subject subject;

	for (size_t i = 0; i < COUNT_OF(odd_names); i++) /* from the last to the first */
		tensors[i] = plain_tensor(odd_names[COUNT_OF(odd_names) - 1 - i]);
	build(&subject, tensors, COUNT_OF(odd_names));
	for (size_t i = 0; i < COUNT_OF(odd_names); i++) {
		uint64_t number = 99;

		ASSERT_OK(find(&subject, odd_names[i], &number));
		ck_assert_uint_eq(number, i);
	}
	fini(&subject);
}
END_TEST

static const struct cairn_string absent_names[] = {
	{"\0\0\0", 3}, {"a\0a", 3}, {"abcd", 4}, {"a.", 2}, {"c", 1}, {"\xff", 1},
};

START_TEST(names_that_are_not_there_are_not_found)
{
	struct build_tensor tensors[COUNT_OF(odd_names)];
	struct subject subject;

	for (size_t i = 0; i < COUNT_OF(odd_names); i++)
		tensors[i] = plain_tensor(odd_names[i]);
	build(&subject, tensors, COUNT_OF(odd_names));
	for (size_t i = 0; i < COUNT_OF(absent_names); i++) {
		uint64_t number = 99;

		ASSERT_STATUS(find(&subject, absent_names[i], &number), CAIRN_NOT_FOUND);
		ck_assert_uint_eq(number, 99);
	}
	fini(&subject);
}
END_TEST

START_TEST(names_of_a_mebibyte_are_found)
{
	struct build_tensor tensors[3];
	struct subject subject;
	uint64_t number = 99;

	memset(big_name, 'x', sizeof(big_name));
	tensors[0] = plain_tensor((struct cairn_string){big_name, CAIRN_NAME_SIZE_MAX});
	tensors[1] = plain_tensor((struct cairn_string){big_name, CAIRN_NAME_SIZE_MAX - 1});
	tensors[2] = plain_tensor((struct cairn_string){big_name, CAIRN_NAME_SIZE_MAX - 2});
	build(&subject, tensors, 3);
	for (uint64_t i = 0; i < 3; i++) {
		ASSERT_OK(find(&subject, tensors[i].name, &number));
		ck_assert_uint_eq(number, 2 - i);
	}
	ASSERT_STATUS(find(&subject, (struct cairn_string){big_name, 5}, &number), CAIRN_NOT_FOUND);
	fini(&subject);
}
END_TEST

START_TEST(each_of_any_number_of_names_is_found)
{
	struct subject subject;
	uint64_t number = 0;
	struct build_tensor tensors[40];

	for (int count = 0; count <= 40; count++) {
		for (int i = 0; i < count; i++) {
			snprintf(many_names[i], sizeof(many_names[i]), "%06d", 2 * i + 1);
			tensors[i] = plain_tensor(cairn_string_from(many_names[i]));
		}
		build(&subject, tensors, (uint64_t)count);
		for (int i = 0; i <= 2 * count; i++) {
			char name[16];

			snprintf(name, sizeof(name), "%06d", i);
			ASSERT_STATUS(find(&subject, cairn_string_from(name), &number),
				      i % 2 == 1 ? CAIRN_OK : CAIRN_NOT_FOUND);
			ck_assert(i % 2 == 0 || number == (uint64_t)i / 2);
		}
		fini(&subject);
	}
}
END_TEST

START_TEST(the_namespaces_do_not_meet)
{
	struct build_tensor tensors[] = {
		plain_tensor(cairn_string_from("x")), plain_tensor(cairn_string_from("y")),
		plain_tensor(cairn_string_from("x")), plain_tensor(cairn_string_from("z"))};
	struct subject subject;
	struct tensor_record record;
	uint64_t number = 99;

	tensors[2].name_space = NAME_SPACE_METADATA;
	tensors[3].name_space = NAME_SPACE_METADATA;
	build(&subject, tensors, 4);
	ASSERT_STATUS(find(&subject, cairn_string_from("z"), &number), CAIRN_NOT_FOUND);
	ASSERT_OK(find(&subject, cairn_string_from("x"), &number));
	ck_assert_uint_eq(number, 0);
	ASSERT_OK(index_find(&subject.index, NAME_SPACE_METADATA, cairn_string_from("x"), &number,
			     &record, &test_error));
	ck_assert_uint_eq(number, 2);
	ASSERT_STATUS(index_find(&subject.index, NAME_SPACE_METADATA, cairn_string_from("y"),
				 &number, &record, &test_error),
		      CAIRN_NOT_FOUND);
	fini(&subject);
}
END_TEST

/* ---------------------------------------------------------------------------- a dishonest order */

/* "a" to "e", whose names' bytes the test may change. */
static void build_five(struct subject *subject)
{
	struct build_tensor tensors[5];
	static const char letters[] = "abcde";

	for (int i = 0; i < 5; i++)
		tensors[i] = plain_tensor((struct cairn_string){letters + i, 1});
	build(subject, tensors, 5);
	subject->index.block_states = NULL;
}

static char *names_of(const struct subject *subject)
{
	return (char *)subject->built.image +
	       container_footer_section(&subject->built.footer, SECTION_NAMES)->offset;
}

static const struct {
	const char *names; /* the third is probed first */
	const char *wanted;
} orders[] = {
	{"abcca", "e"}, /* of c, c, a: the second is not behind the first */
	{"adcde", "b"}, /* of c, d: the second is not before the first */
	{"abcbe", "d"}, /* likewise behind it */
	{"ccczz", "b"}, /* the same name again */
};

START_TEST(names_out_of_order_are_corrupt_where_they_are_met)
{
	struct subject subject;
	uint64_t number = 0;

	build_five(&subject);
	memcpy(names_of(&subject), orders[_i].names, 5);
	ASSERT_FAILS(find(&subject, cairn_string_from(orders[_i].wanted), &number), CAIRN_CORRUPT,
		     "order of names");
	fini(&subject);
}
END_TEST

START_TEST(iteration_checks_the_order_of_names)
{
	struct subject subject;
	struct tensor_record record;

	build_five(&subject);
	memcpy(names_of(&subject), "abcce", 5);
	ASSERT_OK(index_tensor_in_order(&subject.index, 2, &record, &test_error));
	ASSERT_FAILS(index_tensor_in_order(&subject.index, 3, &record, &test_error), CAIRN_CORRUPT,
		     "'c'");
	fini(&subject);
}
END_TEST

enum field {
	NAME_OFFSET,
	DIMS_INDEX,
	SLICE_INDEX,
	NAME_SPACE
};

static void patch_tensor(struct subject *subject, uint64_t number, enum field field)
{
	uint8_t *const bytes = subject->built.image + number * TENSOR_RECORD_SIZE;
	struct tensor_record record;

	ASSERT_OK(tensor_record_decode(bytes, &record, &test_error));
	record.name_offset -= field == NAME_OFFSET;
	record.dims_index += field == DIMS_INDEX ? UINT64_MAX : 0;
	record.slice_index += field == SLICE_INDEX;
	record.name_space = field == NAME_SPACE ? NAME_SPACE_METADATA : NAME_SPACE_TENSOR;
	tensor_record_encode(&record, bytes);
}

START_TEST(iteration_checks_that_ranges_follow_each_other)
{
	struct subject subject;
	struct tensor_record record;

	build_five(&subject);
	patch_tensor(&subject, 1, (enum field)_i);
	if (_i == DIMS_INDEX) /* is only less than before: after the next */
		ASSERT_STATUS(index_tensor_in_order(&subject.index, 2, &record, &test_error),
			      CAIRN_CORRUPT);
	else
		ASSERT_STATUS(index_tensor_in_order(&subject.index, 1, &record, &test_error),
			      CAIRN_CORRUPT);
	fini(&subject);
}
END_TEST

/* ------------------------------------------------------------------------ records out of bounds */

START_TEST(numbers_past_the_end_are_corrupt)
{
	static const uint64_t numbers[] = {5, 6, (uint64_t)1 << 40, UINT64_MAX / 96, UINT64_MAX};
	struct subject subject;
	struct tensor_record tensor;
	struct slice_record slice;
	struct extent_record extent;
	struct shard_record shard;
	struct region_record region;

	build_five(&subject);
	ASSERT_STATUS(index_tensor(&subject.index, numbers[_i], &tensor, &test_error),
		      CAIRN_CORRUPT);
	ASSERT_STATUS(index_slice(&subject.index, numbers[_i], &slice, &test_error), CAIRN_CORRUPT);
	ASSERT_STATUS(index_extent(&subject.index, numbers[_i], &extent, &test_error),
		      CAIRN_CORRUPT);
	ASSERT_STATUS(index_shard(&subject.index, numbers[_i], &shard, &test_error), CAIRN_CORRUPT);
	ASSERT_STATUS(index_region(&subject.index, numbers[_i], &region, &test_error),
		      CAIRN_CORRUPT);
	fini(&subject);
}
END_TEST

static const struct {
	uint64_t first;
	uint64_t count;
} runs[] = {
	{0, 1},          {1, 0},          {UINT64_MAX, 1},     {1, UINT64_MAX},
	{UINT64_MAX, 0}, {0, UINT64_MAX}, {UINT64_MAX / 8, 1}, {(uint64_t)1 << 61, 2},
};

START_TEST(runs_past_the_end_are_corrupt)
{
	struct subject subject;
	const uint64_t *dims;
	const uint8_t *digests;

	build_five(&subject); /* neither dims nor digests */
	ASSERT_STATUS(
		index_dims(&subject.index, runs[_i].first, runs[_i].count, &dims, &test_error),
		CAIRN_CORRUPT);
	ASSERT_STATUS(index_chunk_digests(&subject.index, runs[_i].first, runs[_i].count, &digests,
					  &test_error),
		      CAIRN_CORRUPT);
	fini(&subject);
}
END_TEST

START_TEST(names_past_the_end_are_corrupt)
{
	static const uint64_t ranges[][2] = {
		{5, 1}, {6, 0}, {0, 6}, {UINT64_MAX, 2}, {1, UINT64_MAX}};
	struct subject subject;
	struct cairn_string name;

	build_five(&subject);
	ASSERT_STATUS(index_name(&subject.index, ranges[_i][0], ranges[_i][1], &name, &test_error),
		      CAIRN_CORRUPT);
	fini(&subject);
}
END_TEST

START_TEST(empty_runs_are_never_null)
{
	struct subject subject;
	struct cairn_string name = {NULL, 1};
	const uint64_t *dims = NULL;
	const uint8_t *digests = NULL;

	build_five(&subject);
	ASSERT_OK(index_dims(&subject.index, 0, 0, &dims, &test_error));
	ASSERT_OK(index_chunk_digests(&subject.index, 0, 0, &digests, &test_error));
	ASSERT_OK(index_name(&subject.index, 5, 0, &name, &test_error));
	ck_assert_ptr_nonnull(dims);
	ck_assert_ptr_nonnull(digests);
	ck_assert_ptr_nonnull(name.data);
	fini(&subject);
}
END_TEST

static const struct tensor_record limits[] = {
	{.rank = 255, .block_elements = 1},
	{.name_size = CAIRN_NAME_SIZE_MAX + 1, .block_elements = 1},
	{.block_elements = 0},
	{.packing = 2, .block_elements = 1},
	{.slice_count = SLICE_COUNT_MAX + 1, .block_elements = 1},
	{.size = CONTAINER_SIZE_MAX, .block_elements = 1},
};

START_TEST(tensor_records_over_a_limit_are_corrupt)
{
	struct subject subject;
	struct tensor_record record;

	build_five(&subject);
	tensor_record_encode(&limits[_i], subject.built.image);
	ASSERT_FAILS(index_tensor(&subject.index, 0, &record, &test_error), CAIRN_CORRUPT,
		     "tensor record 0 is out of limits");
	fini(&subject);
}
END_TEST

/* ----------------------------------------------------------------------------------------- init */

START_TEST(footers_that_do_not_fit_are_corrupt)
{
	struct subject subject;
	struct container_footer footer;
	struct index index;

	build_five(&subject);
	footer = subject.built.footer;
	switch (_i) {
	case 0:
		footer.tensor_count++;
		break;
	case 1:
		footer.metadata_count = UINT64_MAX;
		break;
	case 2:
		footer.index_size++;
		break;
	case 3:
		footer.sections[0].record_size = 95;
		break;
	case 4:
		footer.sections[0].size--;
		break;
	case 5:
		footer.sections[6].size = 0; /* no shard, not even the file itself */
		break;
	default:
		footer.sections_size += 1 << 20;
		break;
	}
	ASSERT_STATUS(index_init(&index, &footer, subject.built.image, &test_error), CAIRN_CORRUPT);
	fini(&subject);
}
END_TEST

static TCase *tree_tests(void)
{
	TCase *tests = tcase_create("tree");

	tcase_add_loop_test(tests, levels_follow_from_the_size, 0, COUNT_OF(layouts));
	tcase_add_test(tests, sizes_from_2_to_the_63_are_refused);
	tcase_add_test(tests, a_lookup_verifies_only_blocks_on_its_way);
	tcase_add_test(tests, a_lookup_that_was_made_before_verifies_nothing);
	tcase_add_test(tests, the_root_is_one_block);
	tcase_add_test(tests, damage_elsewhere_does_not_matter);
	tcase_add_test(tests, damage_of_any_touched_block_is_found);
	tcase_add_test(tests, damage_of_the_digests_is_found);
	tcase_add_test(tests, damage_is_not_remembered_as_verified);
	tcase_add_test(tests, what_prepare_says_is_passed_on);
	tcase_add_test(tests, all_blocks_can_be_verified_again);
	tcase_add_test(tests, a_trusted_image_is_not_verified);
	tcase_add_test(tests, each_level_is_verified_once);
	tcase_add_test(tests, damage_of_inner_digests_concerns_what_is_below);
	tcase_add_test(tests, a_range_over_two_blocks_needs_both);
	return tests;
}

static TCase *record_tests(void)
{
	TCase *tests = tcase_create("records");

	tcase_add_test(tests, odd_names_are_found_in_byte_order);
	tcase_add_test(tests, names_that_are_not_there_are_not_found);
	tcase_add_test(tests, names_of_a_mebibyte_are_found);
	tcase_add_test(tests, each_of_any_number_of_names_is_found);
	tcase_add_test(tests, the_namespaces_do_not_meet);
	tcase_add_loop_test(tests, names_out_of_order_are_corrupt_where_they_are_met, 0,
			    COUNT_OF(orders));
	tcase_add_test(tests, iteration_checks_the_order_of_names);
	tcase_add_loop_test(tests, iteration_checks_that_ranges_follow_each_other, NAME_OFFSET,
			    NAME_SPACE + 1);
	tcase_add_loop_test(tests, numbers_past_the_end_are_corrupt, 0, 5);
	tcase_add_loop_test(tests, runs_past_the_end_are_corrupt, 0, COUNT_OF(runs));
	tcase_add_loop_test(tests, names_past_the_end_are_corrupt, 0, 5);
	tcase_add_test(tests, empty_runs_are_never_null);
	tcase_add_loop_test(tests, tensor_records_over_a_limit_are_corrupt, 0, COUNT_OF(limits));
	tcase_add_loop_test(tests, footers_that_do_not_fit_are_corrupt, 0, 7);
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("index");

	suite_add_tcase(suite, tree_tests());
	suite_add_tcase(suite, record_tests());
	return run_suite(suite);
}
