/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is called a plain tensor is what decoding its records finds, and nothing that decoding
 * refuses: over random indexes, with bits flipped anywhere.
 */
#include "format/index_plain.h"

#include <stdio.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "format/index_build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

enum {
	TENSORS = 24,
	CHUNKS_MAX = 40
};

struct subject {
	struct test_arena arena;
	struct built_index built;
	struct index index;
	char names[TENSORS][1300];
	uint64_t dims[TENSORS][4];
	uint64_t ranges[TENSORS][8];
	struct extent_record extents[TENSORS][30];
	struct build_slice slices[TENSORS][2];
	struct build_tensor tensors[TENSORS];
	uint8_t digests[CHUNKS_MAX * DIGEST_SIZE];
};

/* ------------------------------------------------------------------------------------- an index */

/* Says that the extent is compressed, and mostly something that can be. */
static void compress(struct random *random, struct extent_record *extent)
{
	extent->codec = random_below(random, 8) == 0 ? 9 : CODEC_LZ4;
	extent->stored_size = extent->size / (100 + random_below(random, 200));
	extent->stored_digest = random_next(random);
	extent->shuffle = (uint8_t)random_below(random, 18);
}

/* One whole slice of some extents, with or without digests. */
static void make_slice(struct random *random, struct subject *subject, uint32_t number)
{
	struct build_tensor *const tensor = &subject->tensors[number];
	struct build_slice *const slice = subject->slices[number];
	const uint32_t extents = random_below(random, 8) == 0 ? 30 : 1;

	tensor->slices = slice;
	tensor->slice_count = 1;
	slice->size = tensor->size;
	slice->chunk_size = CHUNK_SIZE_MIN;
	slice->chunk_digests = random_below(random, 4) == 0 ? NULL : subject->digests;
	slice->extents = subject->extents[number];
	slice->extent_count = tensor->size == 0 ? 0 : extents;
	for (uint32_t i = 0; i < slice->extent_count; i++) {
		const uint64_t size = i + 1 < extents ? 1 : tensor->size - (extents - 1);

		subject->extents[number][i] = (struct extent_record){
			.offset = 4096 + i, .stored_size = size, .size = size};
		if (random_below(random, 4) == 0)
			compress(random, &subject->extents[number][i]);
	}
}

/* A tensor of one dim and up to CHUNKS_MAX chunks, plain or nearly so. */
static void make_tensor(struct random *random, struct subject *subject, uint32_t number)
{
	struct build_tensor *const tensor = &subject->tensors[number];
	const uint64_t length = random_below(random, 4) == 0
					? random_below(random,
						       (uint64_t)CHUNKS_MAX * CHUNK_SIZE_MIN)
					: random_below(random, 100);
	const uint32_t name_size = random_below(random, 8) == 0 ? 1200 : 1;

	snprintf(subject->names[number], sizeof(subject->names[0]), "%*s%u", (int)name_size, "",
		 number);
	subject->dims[number][0] = length < 30 ? 30 : length;
	*tensor = (struct build_tensor){.name = cairn_string_from(subject->names[number]),
					.rank = 1,
					.dtype = CAIRN_U8,
					.dims = subject->dims[number],
					.block_elements = 1,
					.block_bytes = 1,
					.size = subject->dims[number][0]};
	make_slice(random, subject, number);
	if (number > 0 && random_below(random, 8) == 0) {
		tensor->alias_of = &subject->tensors[0];
		tensor->slice_count = 0;
		tensor->size = subject->tensors[0].size;
		tensor->dims = subject->tensors[0].dims;
	} else if (random_below(random, 8) == 0) { /* ranges that say the same */
		subject->ranges[number][1] = tensor->size;
		subject->slices[number][0].ranges = subject->ranges[number];
	}
}

static struct subject *make_subject(struct random *random)
{
	struct subject *const subject = calloc(1, sizeof(*subject));
	struct build_input input = {.tensors = subject->tensors, .tensor_count = TENSORS};

	test_arena_open(&subject->arena, 0);
	random_fill(random, subject->digests, sizeof(subject->digests));
	for (uint32_t i = 0; i < TENSORS; i++)
		make_tensor(random, subject, i);
	ASSERT_OK(index_build(&subject->arena.arena, &input, true, &subject->built, &test_error));
	ASSERT_OK(index_init(&subject->index, &subject->built.footer, subject->built.image,
			     &test_error));
	return subject;
}

static void free_subject(struct subject *subject)
{
	test_arena_close(&subject->arena);
	free(subject);
}

/* ---------------------------------------------------------------------------------- by decoding */

static uint64_t chunks_of(const struct slice_record *slice)
{
	return slice->digest_kind == DIGEST_NONE ? 0 : divide_up(slice->size, slice->chunk_size);
}

static bool is_plain_slice(const struct index *index, const struct tensor_record *record,
			   struct slice_record *slice)
{
	const uint8_t *digests;
	struct extent_record extent;

	if (index_slice(index, record->slice_index, slice, NULL) != CAIRN_OK ||
	    slice->flags != SLICE_WHOLE || slice->extent_index > index->extent_count ||
	    index_chunk_digests(index, slice->chunk_index, chunks_of(slice), &digests, NULL) !=
		    CAIRN_OK)
		return false;
	for (uint32_t i = 0; i < slice->extent_count && i < 100; i++) {
		if (index_extent(index, slice->extent_index + i, &extent, NULL) != CAIRN_OK)
			return false;
	}
	return true;
}

static bool is_plain(const struct index *index, uint64_t number, struct tensor_record *record,
		     struct slice_record *slice)
{
	const uint64_t *dims;
	struct cairn_string name;

	return index_tensor(index, number, record, NULL) == CAIRN_OK && record->flags == 0 &&
	       record->slice_count == 1 && record->alias_of == 0 &&
	       index_name(index, record->name_offset, record->name_size, &name, NULL) == CAIRN_OK &&
	       index_dims(index, record->dims_index, record->rank, &dims, NULL) == CAIRN_OK &&
	       is_plain_slice(index, record, slice) &&
	       TENSOR_RECORD_SIZE + SLICE_RECORD_SIZE + name.size +
			       (uint64_t)slice->extent_count * EXTENT_RECORD_SIZE <=
		       PLAIN_SIZE_MAX;
}

static void check_copies(const struct index *index, struct plain_tensor *tensor,
			 const struct tensor_record *record, const struct slice_record *slice,
			 uint8_t **next)
{
	uint8_t *const begin = *next;
	uint8_t record_bytes[TENSOR_RECORD_SIZE];
	uint8_t slice_bytes[SLICE_RECORD_SIZE];
	const uint64_t *dims = NULL;
	const uint8_t *digests = NULL;
	struct cairn_string name;

	tensor_record_encode(record, record_bytes);
	ck_assert_mem_eq(tensor->record, record_bytes, sizeof(record_bytes));
	slice_record_encode(slice, slice_bytes);
	ck_assert_mem_eq(tensor->slice, slice_bytes, sizeof(slice_bytes));
	ASSERT_OK(index_name(index, record->name_offset, record->name_size, &name, &test_error));
	ck_assert_int_eq(index_name_compare(name, tensor->name), 0);
	ck_assert_ptr_eq(name.data, tensor->image_name.data);
	ck_assert_ptr_ne(name.data, tensor->name.data);
	ck_assert_uint_eq(tensor->rank, record->rank);
	ck_assert_uint_eq(tensor->extent_count, slice->extent_count);
	ck_assert_uint_eq(tensor->chunk_count, chunks_of(slice));
	ASSERT_OK(index_dims(index, record->dims_index, record->rank, &dims, &test_error));
	ASSERT_OK(index_chunk_digests(index, slice->chunk_index, chunks_of(slice), &digests,
				      &test_error));
	ck_assert_ptr_eq(tensor->digests, digests);
	plain_tensor_copy_rest(tensor, next, 100);
	ck_assert_uint_le((uint64_t)(*next - begin), 100);
	ck_assert_mem_eq(tensor->dims, dims, record->rank * sizeof(*dims));
	ck_assert_mem_eq(tensor->digests, digests, tensor->chunk_count * DIGEST_SIZE);
}

/* Returns how many are plain. */
static uint32_t compare_all(const struct index *index, uint64_t seed)
{
	uint8_t *const stage = malloc(PLAIN_SIZE_MAX + 100); /* for a sanitizer's sake */
	uint32_t count = 0;

	for (uint64_t i = 0; i < TENSORS + 1; i++) {
		struct tensor_record record = {0};
		struct slice_record slice = {0};
		struct plain_tensor tensor;
		uint8_t *next = stage;
		const bool found = index_plain_tensor(index, i, &next, &tensor);

		ck_assert_msg(found == is_plain(index, i, &record, &slice), "seed %u, tensor %u",
			      (unsigned int)seed, (unsigned int)i);
		ck_assert_ptr_eq(found ? stage : next, stage);
		if (found) {
			ck_assert_uint_le((uint64_t)(next - stage), PLAIN_SIZE_MAX);
			check_copies(index, &tensor, &record, &slice, &next);
		}
		count += found;
	}
	free(stage);
	return count;
}

START_TEST(plain_tensors_are_what_decoding_finds)
{
	const uint64_t rounds = getenv("CAIRN_TEST_LONG") != NULL ? 100 : 2;

	for (uint64_t i = 0; i < rounds; i++) {
		const uint64_t seed = (uint64_t)_i * 100000 + i;
		struct random random = {seed};
		struct subject *const subject = make_subject(&random);
		uint32_t plain = compare_all(&subject->index, seed);

		ck_assert_uint_gt(plain, 0);
		ck_assert_uint_lt(plain, TENSORS);
		for (uint32_t flip = 0; flip < 400; flip++) {
			const uint64_t at = random_below(&random, subject->built.sections_size);
			const uint8_t bit = (uint8_t)(1u << random_below(&random, 8));

			subject->built.image[at] ^= bit;
			compare_all(&subject->index, seed);
			if (random_below(&random, 4) != 0) /* some stay */
				subject->built.image[at] ^= bit;
		}
		free_subject(subject);
	}
}
END_TEST

static Suite *index_plain_suite(void)
{
	Suite *const suite = suite_create("index_plain");
	TCase *const tcase = tcase_create("index_plain");

	tcase_add_loop_test(tcase, plain_tensors_are_what_decoding_finds, 0, 4);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(index_plain_suite());
}
