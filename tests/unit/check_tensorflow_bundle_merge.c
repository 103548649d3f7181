/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging TensorFlow's indexes: what TensorFlow merged, taken apart and merged again, has the same
 * bytes; numbers of data files; and each mistake has an error of its own.
 */
#include "format/tensorflow_bundle_merge.h"

#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/support/tensorflow_files.h"
#include "tests/support/test_arena.h"

enum {
	SOURCES_MAX = 4,
	TENSORS_MAX = 4,
	PIECES_MAX = 4
};

/* Sources to merge, as a test wants them. */
static struct source {
	struct bundle bundle;
	struct bundle_tensor tensors[TENSORS_MAX];
	struct bundle_piece pieces[TENSORS_MAX][PIECES_MAX];
} sources[SOURCES_MAX];

static uint32_t source_count;
static struct test_arena test;
static struct bundle_merge merged;

static const uint64_t dims[2] = {4, 6};

static void set_up(void)
{
	memset(sources, 0, sizeof(sources));
	source_count = 0;
	test_arena_open(&test, 0);
}

static void tear_down(void)
{
	test_arena_close(&test);
}

static struct source *add_source(uint32_t shards)
{
	struct source *const source = &sources[source_count++];

	source->bundle = (struct bundle){
		.header = {.shard_count = shards, .has_version = true, .producer = BUNDLE_VERSION},
		.tensors = source->tensors};
	return source;
}

/* A float of [4,6], in the order of the names. */
static struct bundle_tensor *add_tensor(struct source *source, const char *name, uint32_t shard)
{
	const uint64_t number = source->bundle.tensor_count++;
	struct bundle_tensor *const tensor = &source->tensors[number];

	*tensor = (struct bundle_tensor){.name = cairn_string_from(name),
					 .dtype = CAIRN_F32,
					 .rank = 2,
					 .dims = dims,
					 .elements = 24,
					 .pieces = source->pieces[number],
					 .piece_count = 1};
	tensor->pieces[0] = (struct bundle_piece){.shard = shard, .offset = 8, .size = 96};
	return tensor;
}

/* The first slice of a new tensor, or one more. */
static void add_slice(struct bundle_tensor *tensor, const uint64_t *ranges, uint32_t shard)
{
	const uint32_t number = bundle_is_sliced(tensor) ? tensor->piece_count++ : 0;

	tensor->pieces[number] = (struct bundle_piece){
		.ranges = ranges, .shard = shard, .size = 48};
}

static enum cairn_status merge(bool allow_incomplete)
{
	struct bundle bundles[SOURCES_MAX];

	for (uint32_t i = 0; i < source_count; i++)
		bundles[i] = sources[i].bundle;
	return bundles_merge(&test.arena, bundles, source_count, allow_incomplete, &merged,
			     &test_error);
}

static const uint64_t upper[4] = {0, 2, 0, CAIRN_FULL};
static const uint64_t lower[4] = {2, 2, 0, CAIRN_FULL};
static const uint64_t lower_literal[4] = {2, 2, 0, 6};
static const uint64_t middle[4] = {1, 2, 0, 6};

/* -------------------------------------------------------------------------------------- merging */

START_TEST(tensors_of_all_sources_are_there_by_name)
{
	add_tensor(add_source(1), "b", 0);
	add_tensor(add_source(1), "a", 0);
	add_tensor(&sources[1], "c", 0);
	ASSERT_OK(merge(false));
	ck_assert_uint_eq(merged.bundle.tensor_count, 3);
	ck_assert_mem_eq(merged.bundle.tensors[0].name.data, "a", 1);
	ck_assert_mem_eq(merged.bundle.tensors[1].name.data, "b", 1);
	ck_assert_uint_eq(merged.bundle.tensors[0].pieces[0].shard, 1);
	ck_assert_uint_eq(merged.bundle.tensors[1].pieces[0].shard, 0);
	ck_assert_uint_eq(merged.bundle.tensors[2].pieces[0].shard, 1);
	ck_assert_uint_eq(merged.bundle.header.shard_count, 2);
	ck_assert_uint_eq(merged.shard_count, 2);
	ck_assert_uint_eq(merged.shards[1].source, 1);
	ck_assert_uint_eq(merged.shards[1].shard, 0);
	ck_assert_uint_eq(merged.shards[1].size_min, 104);
}
END_TEST

START_TEST(slices_stay_in_the_order_of_the_sources)
{
	add_slice(add_tensor(add_source(1), "t", 0), lower, 0);
	add_slice(add_tensor(add_source(1), "t", 0), upper, 0);
	ASSERT_OK(merge(false));
	ck_assert_uint_eq(merged.bundle.tensor_count, 1);
	ck_assert_uint_eq(merged.bundle.tensors[0].piece_count, 2);
	ck_assert_mem_eq(merged.bundle.tensors[0].pieces[0].ranges, lower, sizeof(lower));
	ck_assert_uint_eq(merged.bundle.tensors[0].pieces[0].shard, 0);
	ck_assert_uint_eq(merged.bundle.tensors[0].pieces[1].shard, 1);
	ck_assert(!merged.bundle.tensors[0].incomplete);
}
END_TEST

/* Keys of slices come first, by their extents; then names; then a file that only the entry of the
 * sliced tensor names. */
START_TEST(data_files_are_numbered_as_keys_name_them)
{
	struct source *const source = add_source(6);
	struct bundle_tensor *sliced;

	add_tensor(source, "a", 5);
	sliced = add_tensor(source, "b", 0);
	add_slice(sliced, lower, 1);
	add_slice(sliced, upper, 3);
	sliced->entry_shard = 4;
	add_tensor(source, "c", 2);
	ASSERT_OK(merge(false));
	ck_assert_uint_eq(merged.shard_count, 5);
	ck_assert_uint_eq(merged.shards[0].shard, 3);
	ck_assert_uint_eq(merged.shards[1].shard, 1);
	ck_assert_uint_eq(merged.shards[2].shard, 5);
	ck_assert_uint_eq(merged.shards[3].shard, 4);
	ck_assert_uint_eq(merged.shards[3].size_min, 0);
	ck_assert_uint_eq(merged.shards[4].shard, 2);
	ck_assert_uint_eq(merged.bundle.tensors[1].entry_shard, 3);
	ck_assert_uint_eq(merged.bundle.header.shard_count, 5); /* file 0 is left out */
}
END_TEST

START_TEST(a_shard_that_a_later_slice_names_without_meaning_is_left_out)
{
	struct bundle_tensor *later;

	add_slice(add_tensor(add_source(1), "t", 0), upper, 0);
	later = add_tensor(add_source(3), "t", 0);
	add_slice(later, lower, 2);
	later->entry_shard = 1;
	ASSERT_OK(merge(false));
	ck_assert_uint_eq(merged.shard_count, 2);
	ck_assert_uint_eq(merged.shards[1].shard, 2);
}
END_TEST

START_TEST(a_shard_of_a_sliced_tensor_that_is_none_does_not_matter)
{
	struct bundle_tensor *const tensor = add_tensor(add_source(1), "t", 0);

	add_slice(tensor, upper, 0);
	add_slice(tensor, lower, 0);
	tensor->entry_shard = 77;
	ASSERT_OK(merge(false));
	ck_assert_uint_eq(merged.shard_count, 1);
	ck_assert_uint_eq(merged.bundle.tensors[0].entry_shard, 0);
}
END_TEST

START_TEST(empty_sources_are_not_counted)
{
	add_source(1);
	add_tensor(add_source(1), "a", 0);
	add_source(3);
	ASSERT_OK(merge(false));
	ck_assert_uint_eq(merged.bundle.header.shard_count, 1);
	ck_assert_uint_eq(merged.shard_count, 1);
	ck_assert_uint_eq(merged.shards[0].source, 1);
}
END_TEST

START_TEST(nothing_but_empty_sources_make_one_empty_shard)
{
	add_source(1);
	add_source(2);
	ASSERT_OK(merge(false));
	ck_assert_uint_eq(merged.bundle.header.shard_count, 1);
	ck_assert_uint_eq(merged.shard_count, 0);
	ck_assert_uint_eq(merged.bundle.tensor_count, 0);
}
END_TEST

/* ------------------------------------------------------------------------------------- mistakes */

struct mistake {
	const char *part; /* of the message */
	enum cairn_status status;
	uint32_t culprit;
};

static const struct mistake mistakes[] = {
	{"its byte order is not that of the first source", CAIRN_MISMATCH, 1},
	{"its format version is not that of the first source", CAIRN_MISMATCH, 1},
	{"its format version is not that of the first source", CAIRN_MISMATCH, 1},
	{"its format version is not that of the first source", CAIRN_MISMATCH, 1},
	{"tensor 't': an earlier source has a tensor of this name", CAIRN_MISMATCH, 1},
	{"tensor 't': an earlier source has a tensor of this name", CAIRN_MISMATCH, 1},
	{"tensor 't': an earlier source has a tensor of this name", CAIRN_MISMATCH, 1},
	{"tensor 't': its type is not that of the slices", CAIRN_MISMATCH, 1},
	{"tensor 't': its shape is not that of the slices", CAIRN_MISMATCH, 1},
	{"tensor 't': its shape is not that of the slices", CAIRN_MISMATCH, 1},
	{"tensor 't': two of its slices overlap", CAIRN_MISMATCH, BUNDLE_NO_SOURCE},
	{"tensor 't': two of its slices overlap", CAIRN_MISMATCH, BUNDLE_NO_SOURCE},
	{"tensor 't': two of its slices overlap", CAIRN_MISMATCH, BUNDLE_NO_SOURCE},
	{"tensor 't': slices are missing: 12 of 24 elements are there", CAIRN_PRECONDITION,
	 BUNDLE_NO_SOURCE},
};

static void make_mistake(int number)
{
	static const uint64_t other_dims[2] = {4, 7};
	static const int32_t bad[1] = {7};
	struct bundle_tensor *const first = add_tensor(add_source(1), "t", 0);
	struct bundle_tensor *const second = add_tensor(add_source(1), number < 4 ? "u" : "t", 0);
	struct bundle_header *const header = &sources[1].bundle.header;

	if (number >= 5 && number != 6)
		add_slice(first, upper, 0);
	if (number >= 6)
		add_slice(second,
			  number == 10   ? middle
			  : number == 11 ? upper
			  : number == 12 ? lower_literal
					 : lower,
			  0);
	header->big_endian = number == 0;
	header->has_version = number != 1;
	header->producer = number == 1 ? 0 : number == 2 ? 2 : 1;
	header->bad_consumers = bad;
	header->bad_consumer_count = number == 3;
	second->dtype = number == 7 ? CAIRN_F64 : CAIRN_F32;
	second->dims = number == 8 ? other_dims : dims;
	second->rank = number == 9 ? 1 : 2;
	if (number == 12)
		add_slice(first, lower, 0);
	if (number == 13)
		sources[1].bundle.tensor_count = 0;
	first->incomplete = number == 13;
}

START_TEST(mistakes_are_named)
{
	const struct mistake *const row = &mistakes[_i];

	make_mistake(_i);
	ASSERT_FAILS(merge(false), row->status, row->part);
	ck_assert_uint_eq(merged.culprit, row->culprit);
}
END_TEST

START_TEST(missing_slices_may_be_allowed)
{
	make_mistake(13);
	ASSERT_OK(merge(true));
	ck_assert(merged.bundle.tensors[0].incomplete);
}
END_TEST

enum {
	MANY = 40000 /* two such sources have more data files than a checkpoint may */
};

static void fill_with_many(struct bundle *bundle, char first, struct bundle_tensor *tensors,
			   struct bundle_piece *pieces, char (*names)[8])
{
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "%c%05u", first, (unsigned int)i);
		pieces[i] = (struct bundle_piece){.shard = i};
		tensors[i] = (struct bundle_tensor){.name = cairn_string_from(names[i]),
						    .dtype = CAIRN_F32,
						    .pieces = &pieces[i],
						    .piece_count = 1};
	}
	*bundle = (struct bundle){
		.header = {.shard_count = MANY}, .tensors = tensors, .tensor_count = MANY};
}

START_TEST(too_many_data_files_are_refused)
{
	static struct bundle_tensor tensors[2][MANY];
	static struct bundle_piece pieces[2][MANY];
	static char names[2][MANY][8];
	struct bundle bundles[2];

	for (int i = 0; i < 2; i++)
		fill_with_many(&bundles[i], (char)('a' + i), tensors[i], pieces[i], names[i]);
	ASSERT_FAILS(bundles_merge(&test.arena, bundles, 2, false, &merged, &test_error),
		     CAIRN_LIMIT, "the sources have more than 65534 data files");
}
END_TEST

START_TEST(an_allocation_that_fails_is_no_memory)
{
	enum cairn_status status = CAIRN_NO_MEMORY;
	uint64_t at = 0;

	while (status == CAIRN_NO_MEMORY) {
		test_arena_close(&test);
		set_up();
		test.fail_at = ++at;
		make_mistake(13);
		add_slice(add_tensor(add_source(1), "t", 0), lower, 0);
		sources[0].tensors[0].incomplete = true;
		test_error_reset();
		status = merge(false);
	}
	ASSERT_OK(status);
	ck_assert_uint_gt(at, 1);
}
END_TEST

START_TEST(every_allocation_of_a_merge_and_of_its_index_may_fail)
{
	enum cairn_status status = CAIRN_NO_MEMORY;
	uint64_t failures = 0;

	for (uint64_t left = 0; status == CAIRN_NO_MEMORY; left += 8) {
		uint8_t *bytes;
		uint64_t size;

		test_arena_close(&test);
		set_up();
		add_slice(add_tensor(add_source(1), "t", 0), lower, 0);
		add_tensor(&sources[0], "x", 0);
		add_slice(add_tensor(add_source(1), "t", 0), upper, 0);
		test_arena_leave(&test, left);
		test_error_reset();
		status = merge(false);
		if (status == CAIRN_OK)
			status = bundle_write(&test.arena, &merged.bundle, &bytes, &size,
					      &test_error);
		failures += status != CAIRN_OK;
	}
	ASSERT_OK(status);
	ck_assert_uint_gt(failures, 20);
}
END_TEST

/* ------------------------------------------------------------------------- what TensorFlow merged
 *  */

/* A bundle that is the result of a merge of one source a shard. */
static bool was_merged(const struct bundle *bundle)
{
	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		const struct bundle_tensor *const tensor = &bundle->tensors[i];

		for (uint32_t k = 1; k < tensor->piece_count; k++) {
			if (tensor->pieces[k - 1].shard > tensor->pieces[k].shard)
				return false;
		}
		if (bundle_is_sliced(tensor) && tensor->entry_shard != tensor->pieces[0].shard)
			return false;
	}
	return bundle->header.shard_count > 1;
}

/* What a tensor has in a shard, as it was in the source of that shard. */
static bool take_part(const struct bundle_tensor *tensor, uint32_t shard,
		      struct bundle_tensor *part)
{
	*part = *tensor;
	part->pieces = arena_allocate_array(&test.arena, tensor->piece_count,
					    sizeof(*part->pieces));
	part->piece_count = 0;
	part->entry_shard = 0;
	for (uint32_t k = 0; k < tensor->piece_count; k++) {
		if (tensor->pieces[k].shard != shard)
			continue;
		part->pieces[part->piece_count] = tensor->pieces[k];
		part->pieces[part->piece_count++].shard = 0;
	}
	return part->piece_count != 0;
}

static struct bundle source_of_shard(const struct bundle *bundle, uint32_t shard)
{
	struct bundle part = {.header = bundle->header};

	part.header.shard_count = 1;
	part.tensors = arena_allocate_array(&test.arena, bundle->tensor_count,
					    sizeof(*part.tensors));
	for (uint64_t i = 0; i < bundle->tensor_count; i++)
		part.tensor_count += take_part(&bundle->tensors[i], shard,
					       &part.tensors[part.tensor_count]);
	return part;
}

static uint32_t merges_seen;

static void merge_again(const char *path, const uint8_t *bytes, size_t size)
{
	struct bundle bundle;
	struct bundle *parts;
	uint8_t *again = NULL;
	uint64_t again_size = 0;

	if (bundle_parse(&test.arena, bytes, size, &bundle, &test_error) != CAIRN_OK ||
	    !was_merged(&bundle))
		return;
	parts = arena_allocate_array(&test.arena, bundle.header.shard_count, sizeof(*parts));
	for (uint32_t i = 0; i < bundle.header.shard_count; i++) {
		parts[i] = source_of_shard(&bundle, i);
		if (parts[i].tensor_count == 0)
			return;
	}
	ASSERT_OK(bundles_merge(&test.arena, parts, bundle.header.shard_count, true, &merged,
				&test_error));
	ASSERT_OK(bundle_write(&test.arena, &merged.bundle, &again, &again_size, &test_error));
	if (strstr(path, "made_layout") == NULL && strstr(path, "saved_model") == NULL)
		ck_assert_msg(again_size == size && memcmp(again, bytes, size) == 0,
			      "%s: merged again it has other bytes", path);
	merges_seen++;
}

START_TEST(what_tensorflow_merged_is_merged_to_the_same_bytes)
{
	if (visit_corpus(false, merge_again) == 0)
		printf("the corpus ../shared/tests is not here\n");
	else
		ck_assert_uint_ge(merges_seen, 3);
	printf("%u indexes merged again\n", (unsigned int)merges_seen);
}
END_TEST

static Suite *tensorflow_bundle_merge_suite(void)
{
	Suite *const suite = suite_create("tensorflow_bundle_merge");
	TCase *const tests = tcase_create("tensorflow_bundle_merge");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, tensors_of_all_sources_are_there_by_name);
	tcase_add_test(tests, slices_stay_in_the_order_of_the_sources);
	tcase_add_test(tests, data_files_are_numbered_as_keys_name_them);
	tcase_add_test(tests, a_shard_that_a_later_slice_names_without_meaning_is_left_out);
	tcase_add_test(tests, a_shard_of_a_sliced_tensor_that_is_none_does_not_matter);
	tcase_add_test(tests, empty_sources_are_not_counted);
	tcase_add_test(tests, nothing_but_empty_sources_make_one_empty_shard);
	tcase_add_loop_test(tests, mistakes_are_named, 0, COUNT_OF(mistakes));
	tcase_add_test(tests, missing_slices_may_be_allowed);
	tcase_add_test(tests, too_many_data_files_are_refused);
	tcase_add_test(tests, an_allocation_that_fails_is_no_memory);
	tcase_add_test(tests, every_allocation_of_a_merge_and_of_its_index_may_fail);
	tcase_add_test(tests, what_tensorflow_merged_is_merged_to_the_same_bytes);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(tensorflow_bundle_merge_suite());
}
