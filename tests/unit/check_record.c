/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: what is encoded decodes to the same, every byte of a record belongs to one field, and
 * reserved bytes and unknown flags are refused.
 */
#include "format/record.h"

#include <stdbool.h>

#include "tests/support/random.h"
#include "tests/support/suite.h"

#define RECORD_SIZE_MAX SHARD_RECORD_SIZE

/* Decodes and encodes again, each record as bytes. */
typedef enum cairn_status turn(const uint8_t *bytes, uint8_t *again);

static enum cairn_status turn_tensor(const uint8_t *bytes, uint8_t *again)
{
	struct tensor_record record;
	const enum cairn_status status = tensor_record_decode(bytes, &record, &test_error);

	if (status == CAIRN_OK)
		tensor_record_encode(&record, again);
	return status;
}

static enum cairn_status turn_slice(const uint8_t *bytes, uint8_t *again)
{
	struct slice_record record;
	const enum cairn_status status = slice_record_decode(bytes, &record, &test_error);

	if (status == CAIRN_OK)
		slice_record_encode(&record, again);
	return status;
}

static enum cairn_status turn_extent(const uint8_t *bytes, uint8_t *again)
{
	struct extent_record record;
	const enum cairn_status status = extent_record_decode(bytes, &record, &test_error);

	if (status == CAIRN_OK)
		extent_record_encode(&record, again);
	return status;
}

static enum cairn_status turn_shard(const uint8_t *bytes, uint8_t *again)
{
	struct shard_record record;
	const enum cairn_status status = shard_record_decode(bytes, &record, &test_error);

	if (status == CAIRN_OK)
		shard_record_encode(&record, again);
	return status;
}

static enum cairn_status turn_region(const uint8_t *bytes, uint8_t *again)
{
	struct region_record record;
	const enum cairn_status status = region_record_decode(bytes, &record, &test_error);

	if (status == CAIRN_OK)
		region_record_encode(&record, again);
	return status;
}

/* Offsets as in FORMAT.md. */
static const struct {
	const char *name;
	size_t size;
	turn *turn;
	struct {
		size_t offset;
		size_t size;
	} reserved[2];
	struct {
		size_t offset;
		size_t size;
		uint8_t known;
	} flags;
} records[] = {
	{"tensor", TENSOR_RECORD_SIZE, turn_tensor, {{58, 6}, {88, 8}}, {36, 4, 3}},
	{"slice", SLICE_RECORD_SIZE, turn_slice, {{0}}, {47, 1, 1}},
	{"extent", EXTENT_RECORD_SIZE, turn_extent, {{36, 12}}, {0}},
	{"shard", SHARD_RECORD_SIZE, turn_shard, {{104, 8}}, {0}},
	{"region", REGION_RECORD_SIZE, turn_region, {{40, 8}}, {0}},
};

/* Random bytes that a record may have. */
static void fill(struct random *random, int kind, uint8_t *bytes)
{
	random_fill(random, bytes, records[kind].size);
	for (size_t i = 0; i < COUNT_OF(records[kind].reserved); i++)
		memset(bytes + records[kind].reserved[i].offset, 0, records[kind].reserved[i].size);
	for (size_t i = 0; i < records[kind].flags.size; i++)
		bytes[records[kind].flags.offset + i] &= i == 0 ? records[kind].flags.known : 0;
}

START_TEST(random_records_come_back_as_they_were)
{
	struct random random = {(uint64_t)_i};
	uint8_t bytes[RECORD_SIZE_MAX];
	uint8_t again[RECORD_SIZE_MAX];

	for (int i = 0; i < 500; i++) {
		memset(again, 0xee, sizeof(again));
		fill(&random, _i, bytes);
		ASSERT_OK(records[_i].turn(bytes, again));
		ck_assert_mem_eq(again, bytes, records[_i].size);
	}
}
END_TEST

/* If two fields shared a byte, or one were read from the wrong place, some bit would be lost. */
START_TEST(every_bit_of_a_record_is_kept_or_refused)
{
	uint8_t bytes[RECORD_SIZE_MAX] = {0};
	uint8_t again[RECORD_SIZE_MAX];

	for (size_t bit = 0; bit < 8 * records[_i].size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (records[_i].turn(bytes, again) == CAIRN_OK)
			ck_assert_mem_eq(again, bytes, records[_i].size);
		bytes[bit / 8] = 0;
	}
}
END_TEST

START_TEST(reserved_bytes_are_zero)
{
	struct random random = {(uint64_t)_i};
	uint8_t bytes[RECORD_SIZE_MAX];
	uint8_t again[RECORD_SIZE_MAX];

	fill(&random, _i, bytes);
	for (size_t r = 0; r < COUNT_OF(records[_i].reserved); r++) {
		for (size_t i = 0; i < records[_i].reserved[r].size; i++) {
			const size_t place = records[_i].reserved[r].offset + i;

			bytes[place] = 0x10;
			ASSERT_FAILS(records[_i].turn(bytes, again), CAIRN_CORRUPT,
				     "reserved bytes of a ");
			ck_assert_ptr_nonnull(strstr(test_error.message, records[_i].name));
			bytes[place] = 0;
		}
	}
}
END_TEST

START_TEST(unknown_flags_are_refused)
{
	uint8_t bytes[RECORD_SIZE_MAX] = {0};
	uint8_t again[RECORD_SIZE_MAX];

	for (size_t bit = 0; bit < 8 * records[_i].flags.size; bit++) {
		const bool known = bit < 8 && (records[_i].flags.known >> bit & 1) != 0;
		uint8_t *const byte = &bytes[records[_i].flags.offset + bit / 8];

		*byte = (uint8_t)(1 << bit % 8);
		ASSERT_STATUS(records[_i].turn(bytes, again), known ? CAIRN_OK : CAIRN_CORRUPT);
		*byte = 0;
	}
}
END_TEST

START_TEST(a_refused_record_leaves_the_struct_alone)
{
	uint8_t bytes[TENSOR_RECORD_SIZE] = {0};
	struct tensor_record record = {.size = 77};

	bytes[60] = 1;
	ck_assert_int_eq(tensor_record_decode(bytes, &record, NULL), CAIRN_CORRUPT);
	ck_assert_uint_eq(record.size, 77);
}
END_TEST

static const struct tensor_record one_tensor = {.name_offset = 0x1112131415161718,
						.name_size = 0x21222324,
						.dtype = 0x3132,
						.rank = 0x41,
						.name_space = 0x42,
						.dims_index = 0x5152535455565758,
						.slice_index = 0x6162636465666768,
						.slice_count = 0x71727374,
						.flags = 1,
						.alias_of = 0x8182838485868788,
						.block_elements = 0x91929394,
						.block_bytes = 0xa1a2a3a4,
						.packing = 0xb1,
						.digest_kind = 0xb2,
						.digest = {{1, 2, 3}},
						.size = 0xc1c2c3c4c5c6c7c8};

START_TEST(a_tensor_record_looks_as_it_always_did)
{
	static const uint8_t expected[TENSOR_RECORD_SIZE] = {
		0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0x24, 0x23, 0x22, 0x21, 0x32, 0x31,
		0x41, 0x42, 0x58, 0x57, 0x56, 0x55, 0x54, 0x53, 0x52, 0x51, 0x68, 0x67, 0x66, 0x65,
		0x64, 0x63, 0x62, 0x61, 0x74, 0x73, 0x72, 0x71, 1,    0,    0,    0,    0x88, 0x87,
		0x86, 0x85, 0x84, 0x83, 0x82, 0x81, 0x94, 0x93, 0x92, 0x91, 0xa4, 0xa3, 0xa2, 0xa1,
		0xb1, 0xb2, 0,    0,    0,    0,    0,    0,    1,    2,    3,    0,    0,    0,
		0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0xc8, 0xc7, 0xc6, 0xc5,
		0xc4, 0xc3, 0xc2, 0xc1, 0,    0,    0,    0,    0,    0,    0,    0};
	uint8_t bytes[TENSOR_RECORD_SIZE];

	tensor_record_encode(&one_tensor, bytes);
	ck_assert_mem_eq(bytes, expected, sizeof(expected));
}
END_TEST

static Suite *record_suite(void)
{
	Suite *suite = suite_create("record");
	TCase *tests = tcase_create("record");

	tcase_add_loop_test(tests, random_records_come_back_as_they_were, 0, COUNT_OF(records));
	tcase_add_loop_test(tests, every_bit_of_a_record_is_kept_or_refused, 0, COUNT_OF(records));
	tcase_add_loop_test(tests, reserved_bytes_are_zero, 0, COUNT_OF(records));
	tcase_add_loop_test(tests, unknown_flags_are_refused, 0, COUNT_OF(records));
	tcase_add_test(tests, a_refused_record_leaves_the_struct_alone);
	tcase_add_test(tests, a_tensor_record_looks_as_it_always_did);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(record_suite());
}
