/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow's indexes: what they say, and that writing what was read gives the same bytes.
 */
#include "format/tensorflow_bundle.h"

#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/support/tensorflow_files.h"
#include "tests/support/test_arena.h"

/* What TensorFlow wrote for two scalars, a = 0.5 and b = 2.0. */
static const char two_scalars[] =
	"00000608011a02080100010b61080112002804350638271f00010d6208011200200428043510fd784f"
	"0000000001000000006c129ef3000000000100000000c0f2a1b0000102630031000000000100000000"
	"54f2762d3608430e" /* the rest of the footer is zeros and magic */;

/* A float of [5,10], of which columns 0 and 1 to 9 are stored as slices; made by hand. */
static const char two_slices[] =
	"00000608011a020801000c1300666f6f000101028"
	"07f80810801120812020805120208012814356264004f0a0216818908011208120208051202080920142"
	"8b40135a2a8ea6000031e666f6f08011208120208051202080a3a060a000a0210013a080a000a040801"
	"100900000000010000000088def0eb000000000100000000c0f2a1b00001026700720000000001000000"
	"009831f056770884010e";

/* The bytes of a table given in hexadecimal without the end of its footer. */
static size_t from_hex(const char *hex, uint8_t *bytes)
{
	static const uint8_t magic[] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
	const size_t given = strlen(hex) / 2;
	const size_t handles = strcmp(hex, two_scalars) == 0 ? 4 : 5;

	for (size_t i = 0; i < given; i++) {
		unsigned int byte;

		ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
		bytes[i] = (uint8_t)byte;
	}
	memset(bytes + given, 0, 40 - handles);
	memcpy(bytes + given + 40 - handles, magic, sizeof(magic));
	return given + 48 - handles;
}

/* -------------------------------------------------------------------------------- what they say */

START_TEST(whole_tensors_are_found)
{
	struct test_arena test;
	struct bundle bundle;
	uint8_t bytes[256];
	const size_t size = from_hex(two_scalars, bytes);

	ck_assert_uint_eq(size, 134);
	test_arena_open(&test, 0);
	ASSERT_OK(bundle_parse(&test.arena, bytes, size, &bundle, &test_error));
	memset(bytes, 0xee, sizeof(bytes)); /* nothing is borrowed */
	ck_assert_uint_eq(bundle.header.shard_count, 1);
	ck_assert(!bundle.header.big_endian);
	ck_assert(bundle.header.has_version);
	ck_assert_int_eq(bundle.header.producer, 1);
	ck_assert_int_eq(bundle.header.min_consumer, 0);
	ck_assert_uint_eq(bundle.tensor_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct bundle_tensor *const tensor = &bundle.tensors[i];

		ck_assert_uint_eq(tensor->name.size, 1);
		ck_assert_int_eq(tensor->name.data[0], i == 0 ? 'a' : 'b');
		ck_assert_int_eq(tensor->dtype, CAIRN_F32);
		ck_assert_uint_eq(tensor->rank, 0);
		ck_assert_uint_eq(tensor->elements, 1);
		ck_assert_uint_eq(tensor->piece_count, 1);
		ck_assert(!bundle_is_sliced(tensor));
		ck_assert(!tensor->incomplete);
		ck_assert_uint_eq(tensor->pieces[0].shard, 0);
		ck_assert_uint_eq(tensor->pieces[0].offset, 4 * i);
		ck_assert_uint_eq(tensor->pieces[0].size, 4);
		ck_assert_uint_eq(tensor->pieces[0].raw_size, 4);
		ck_assert_uint_eq(tensor->pieces[0].crc, i == 0 ? 0x1f273806u : 0x4f78fd10u);
	}
	test_arena_close(&test);
}
END_TEST

START_TEST(slices_are_joined_to_their_tensor)
{
	static const uint64_t ranges[2][4] = {{0, CAIRN_FULL, 0, 1}, {0, CAIRN_FULL, 1, 9}};
	struct test_arena test;
	const struct bundle_tensor *tensor;
	struct bundle bundle;
	uint8_t bytes[256];
	const size_t size = from_hex(two_slices, bytes);

	ck_assert_uint_eq(size, 199);
	test_arena_open(&test, 0);
	ASSERT_OK(bundle_parse(&test.arena, bytes, size, &bundle, &test_error));
	ck_assert_uint_eq(bundle.tensor_count, 1);
	tensor = &bundle.tensors[0];
	ck_assert_uint_eq(tensor->name.size, 3);
	ck_assert_mem_eq(tensor->name.data, "foo", 3);
	ck_assert_uint_eq(tensor->rank, 2);
	ck_assert_uint_eq(tensor->dims[0], 5);
	ck_assert_uint_eq(tensor->dims[1], 10);
	ck_assert_uint_eq(tensor->elements, 50);
	ck_assert_uint_eq(tensor->piece_count, 2);
	ck_assert(bundle_is_sliced(tensor));
	ck_assert(!tensor->incomplete);
	for (size_t i = 0; i < 2; i++) {
		const struct bundle_piece *const piece = &tensor->pieces[i];

		ck_assert_mem_eq(piece->ranges, ranges[i], sizeof(ranges[i]));
		ck_assert_uint_eq(piece->offset, i == 0 ? 0 : 20);
		ck_assert_uint_eq(piece->size, i == 0 ? 20 : 180);
		ck_assert_uint_eq(bundle_piece_elements(tensor, piece), i == 0 ? 5 : 45);
	}
	test_arena_close(&test);
}
END_TEST

/* ----------------------------------------------------------------------------------- round trip */

static void assert_written_the_same(const char *what, const uint8_t *bytes, size_t size)
{
	struct test_arena test;
	struct bundle bundle;
	struct cairn_error error;
	uint64_t again_size = 0;
	uint8_t *again = NULL;
	size_t at = 0;
	enum cairn_status status;

	test_arena_open(&test, 0);
	status = bundle_parse(&test.arena, bytes, size, &bundle, &error);
	ck_assert_msg(status == CAIRN_OK, "%s: %s", what, error.message);
	status = bundle_write(&test.arena, &bundle, &again, &again_size, &error);
	ck_assert_msg(status == CAIRN_OK, "%s: %s", what, error.message);
	while (at < size && at < again_size && bytes[at] == again[at])
		at++;
	ck_assert_msg(at == size && again_size == size,
		      "%s: %zu bytes instead of %zu, the first difference is at %zu", what,
		      (size_t)again_size, size, at);
	test_arena_close(&test);
}

START_TEST(known_indexes_are_written_the_same)
{
	uint8_t bytes[256];
	size_t size = from_hex(two_scalars, bytes);

	assert_written_the_same("two scalars", bytes, size);
	size = from_hex(two_slices, bytes);
	assert_written_the_same("two slices", bytes, size);
}
END_TEST

/* Some are not as TensorFlow writes today: blocks compressed, or of another size. */
static void compare_unless_different(const char *path, const uint8_t *bytes, size_t size)
{
	static const char *const different[] = {
		"/made_layout/snappy.index",       /* compressed */
		"/made_layout/small_blocks.index", /* 4 KiB a block */
		"OptimizerSlotVariableModule",     /* compressed */
		"mnist__model.ckpt-46900.index"};  /* compressed */

	for (size_t i = 0; i < COUNT_OF(different); i++) {
		if (strstr(path, different[i]) != NULL) {
			struct test_arena test;
			struct bundle bundle;

			test_arena_open(&test, 0);
			ASSERT_OK(bundle_parse(&test.arena, bytes, size, &bundle, &test_error));
			test_arena_close(&test);
			return;
		}
	}
	assert_written_the_same(path, bytes, size);
}

START_TEST(indexes_of_the_corpus_are_written_the_same)
{
	const size_t golden = visit_corpus(false, compare_unless_different);
	const size_t old = visit_corpus(true, compare_unless_different);

	if (golden + old == 0)
		printf("the corpus ../shared/tests is not here\n");
}
END_TEST

/* Made by tests/data/make_tensorflow.py. */
static const char *const golden[] = {
	"names.index",         "shards.index",       "slices.index",         "strings.index",
	"types.index",         "variants.index",     "objects/ckpt-2.index", "objects/ckpt-3.index",
	"saver/model-1.index", "saver/model-2.index"};

START_TEST(golden_indexes_are_written_the_same)
{
	const struct file_bytes file = golden_file(golden[_i]);

	assert_written_the_same(golden[_i], file.bytes, file.size);
	free(file.bytes);
}
END_TEST

START_TEST(headers_are_kept)
{
	static const int32_t bad[] = {-7, 2, 300};
	static const struct bundle_header headers[] = {
		{.shard_count = 1},
		{.shard_count = 300, .big_endian = true, .has_version = true},
		{.shard_count = 65534, .has_version = true, .producer = 1, .min_consumer = -1},
		{.shard_count = 1,
		 .has_version = true,
		 .producer = 2,
		 .min_consumer = 1,
		 .bad_consumers = bad,
		 .bad_consumer_count = 3},
	};

	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		const struct bundle_header *const given = &headers[i];
		const struct bundle bundle = {.header = *given};
		struct test_arena test;
		struct bundle found;
		uint8_t *bytes;
		uint64_t size;

		test_arena_open(&test, 0);
		ASSERT_OK(bundle_write(&test.arena, &bundle, &bytes, &size, &test_error));
		ASSERT_OK(bundle_parse(&test.arena, bytes, size, &found, &test_error));
		ck_assert_uint_eq(found.tensor_count, 0);
		ck_assert_uint_eq(found.header.shard_count, given->shard_count);
		ck_assert_int_eq(found.header.big_endian, given->big_endian);
		ck_assert_int_eq(found.header.has_version, given->has_version);
		ck_assert_int_eq(found.header.producer, given->producer);
		ck_assert_int_eq(found.header.min_consumer, given->min_consumer);
		ck_assert_uint_eq(found.header.bad_consumer_count, given->bad_consumer_count);
		if (given->bad_consumer_count != 0)
			ck_assert_mem_eq(found.header.bad_consumers, bad, sizeof(bad));
		test_arena_close(&test);
	}
}
END_TEST

/* ------------------------------------------------------------------------------ what is refused */

static struct bundle_tensor tensor_of(const char *name, size_t size)
{
	static struct bundle_piece piece = {.size = 4};

	return (struct bundle_tensor){
		.name = {name, size},
		.dtype = CAIRN_F32,
		.elements = 1,
		.pieces = &piece,
		.piece_count = 1,
	};
}

static enum cairn_status write_tensors(struct bundle_tensor *tensors, uint64_t count)
{
	const struct bundle bundle = {{.shard_count = 1}, tensors, count};
	struct test_arena test;
	uint8_t *bytes;
	uint64_t size;
	enum cairn_status status;

	test_arena_open(&test, 0);
	status = bundle_write(&test.arena, &bundle, &bytes, &size, &test_error);
	test_arena_close(&test);
	return status;
}

START_TEST(tensors_come_in_any_order_but_once)
{
	struct bundle_tensor tensors[] = {tensor_of("b", 1), tensor_of("a", 1), tensor_of("b", 1)};

	ASSERT_OK(write_tensors(tensors, 2));
	ASSERT_FAILS(write_tensors(tensors, 3), CAIRN_EXISTS, "tensor 'b' is there twice");
}
END_TEST

START_TEST(a_slice_is_written_once)
{
	static const uint64_t dims[] = {4};
	static const uint64_t ranges[] = {0, 2};
	struct bundle_piece pieces[] = {{.ranges = ranges, .size = 8},
					{.ranges = ranges, .size = 8}};
	struct bundle_tensor tensor = tensor_of("w", 1);

	tensor.rank = 1;
	tensor.dims = dims;
	tensor.elements = 4;
	tensor.pieces = pieces;
	ASSERT_OK(write_tensors(&tensor, 1));
	tensor.piece_count = 2;
	ASSERT_FAILS(write_tensors(&tensor, 1), CAIRN_EXISTS,
		     "tensor 'w': one of its slices is there twice");
}
END_TEST

START_TEST(what_the_format_cannot_hold_is_refused)
{
	struct bundle_tensor tensor = tensor_of("", 0);

	ASSERT_FAILS(write_tensors(&tensor, 1), CAIRN_INVALID_ARGUMENT, "the empty name");
	tensor = tensor_of("\0w\0\1\1\1\xc2\x80\xc2\x80", 10);
	ASSERT_FAILS(write_tensors(&tensor, 1), CAIRN_INVALID_ARGUMENT,
		     "would be taken for a slice of another one");
	tensor = tensor_of("\0w", 2);
	ASSERT_OK(write_tensors(&tensor, 1));
	tensor = tensor_of("w", 1);
	tensor.dtype = CAIRN_C32;
	ASSERT_FAILS(write_tensors(&tensor, 1), CAIRN_INVALID_ARGUMENT,
		     "tensor 'w': TensorFlow has no type for it");
}
END_TEST

START_TEST(every_failing_allocation_is_reported)
{
	const struct file_bytes file = golden_file(golden[_i]);

	for (uint64_t n = 1;; n++) {
		struct test_arena test;
		struct bundle bundle;
		uint8_t *bytes;
		uint64_t size;
		enum cairn_status status;

		test_arena_open(&test, n);
		test_error_reset();
		status = bundle_parse(&test.arena, file.bytes, file.size, &bundle, &test_error);
		if (status == CAIRN_OK)
			status = bundle_write(&test.arena, &bundle, &bytes, &size, &test_error);
		test_arena_close(&test);
		if (status == CAIRN_OK)
			break;
		ck_assert_int_eq(status, CAIRN_NO_MEMORY);
		ck_assert_int_eq(test_error.code, CAIRN_NO_MEMORY);
		ck_assert_uint_lt(n, 1000);
	}
	free(file.bytes);
}
END_TEST

static Suite *tensorflow_bundle_suite(void)
{
	Suite *suite = suite_create("tensorflow_bundle");
	TCase *tests = tcase_create("tensorflow_bundle");

	tcase_add_test(tests, whole_tensors_are_found);
	tcase_add_test(tests, slices_are_joined_to_their_tensor);
	tcase_add_test(tests, known_indexes_are_written_the_same);
	tcase_add_test(tests, indexes_of_the_corpus_are_written_the_same);
	tcase_add_loop_test(tests, golden_indexes_are_written_the_same, 0, COUNT_OF(golden));
	tcase_add_test(tests, headers_are_kept);
	tcase_add_test(tests, tensors_come_in_any_order_but_once);
	tcase_add_test(tests, a_slice_is_written_once);
	tcase_add_test(tests, what_the_format_cannot_hold_is_refused);
	tcase_add_loop_test(tests, every_failing_allocation_is_reported, 0, COUNT_OF(golden));
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(tensorflow_bundle_suite());
}
