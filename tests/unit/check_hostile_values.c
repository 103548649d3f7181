/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every field of every page, record and table of a container is set to values that break
 * arithmetic, with digests that fit: whatever is opened, found, viewed, sliced and verified, the
 * answer is a typed error or right bytes, and verify finds it, unless other values of that field
 * are legal.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "tests/support/container_places.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct memory_system *memory;
static struct system *sys;
static struct container_bytes container;
static const struct sample sample = {SAMPLE_FULL, 1};

static void set_up(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	container = container_bytes_create(&sample);
}

static void tear_down(void)
{
	ck_assert(memory_system_is_clean(memory));
	memory_system_destroy(memory);
	container_bytes_free(&container);
}

struct field {
	const char *name;
	enum area area;
	uint32_t at;
	uint32_t width;
	bool is_free; /* some other values are legal, or the field is unused where it is: verify
			 need not object to all of them */
};

static const struct field fields[] = {
	{"header version", HEADER, HEADER_AT_VERSION, 4, false},
	{"header size", HEADER, HEADER_AT_SIZE, 4, false},
	{"header incompat", HEADER, HEADER_AT_INCOMPAT, 8, false},
	{"header compat", HEADER, HEADER_AT_COMPAT, 8, false},
	{"header save id", HEADER, HEADER_AT_SAVE_ID, 8, true},
	{"header reserved", HEADER, HEADER_AT_RESERVED, 8, false},
	{"footer version", FOOTER, FOOTER_AT_VERSION, 4, false},
	{"footer size", FOOTER, FOOTER_AT_SIZE, 4, false},
	{"footer incompat", FOOTER, FOOTER_AT_INCOMPAT, 8, false},
	{"footer compat", FOOTER, FOOTER_AT_COMPAT, 8, false},
	{"file size", FOOTER, FOOTER_AT_FILE_SIZE, 8, false},
	{"index offset", FOOTER, FOOTER_AT_INDEX_OFFSET, 8, false},
	{"index size", FOOTER, FOOTER_AT_INDEX_SIZE, 8, false},
	{"sections size", FOOTER, FOOTER_AT_SECTIONS_SIZE, 8, false},
	{"alignment", FOOTER, FOOTER_AT_ALIGNMENT, 8, true}, /* one that data have */
	{"index block size", FOOTER, FOOTER_AT_BLOCK_SIZE, 4, false},
	{"root kind", FOOTER, FOOTER_AT_ROOT_KIND, 4, false},
	{"root reserved", FOOTER, FOOTER_AT_ROOT + 16, 8, false},
	{"parent id", FOOTER, FOOTER_AT_PARENT_ID, 8, true},
	{"generation", FOOTER, FOOTER_AT_GENERATION, 8, true},
	{"tensor count", FOOTER, FOOTER_AT_TENSOR_COUNT, 8, false},
	{"metadata count", FOOTER, FOOTER_AT_METADATA_COUNT, 8, false},
	{"section count", FOOTER, FOOTER_AT_SECTION_COUNT, 4, false},
	{"footer reserved", FOOTER, FOOTER_AT_RESERVED, 4, false},
	{"section type", ENTRY, X_TYPE, 4, false},
	{"section record size", ENTRY, X_RECORD_SIZE, 4, false},
	{"section offset", ENTRY, X_OFFSET, 8, false},
	{"section size", ENTRY, X_SIZE, 8, false},
	{"tensor name offset", TENSOR, T_NAME_OFFSET, 8, false},
	{"tensor name size", TENSOR, T_NAME_SIZE, 4, false},
	{"tensor dtype", TENSOR, T_DTYPE, 2, true}, /* another type of the same size */
	{"tensor rank", TENSOR, T_RANK, 1, false},
	{"tensor namespace", TENSOR, T_NAME_SPACE, 1, false},
	{"tensor dims index", TENSOR, T_DIMS_INDEX, 8, false},
	{"tensor slice index", TENSOR, T_SLICE_INDEX, 8, false},
	{"tensor slice count", TENSOR, T_SLICE_COUNT, 4, false},
	{"tensor flags", TENSOR, T_FLAGS, 4, false},
	{"tensor alias of", TENSOR, T_ALIAS_OF, 8, true},
	{"tensor block elements", TENSOR, T_BLOCK_ELEMENTS, 4, false},
	{"tensor block bytes", TENSOR, T_BLOCK_BYTES, 4, false},
	{"tensor packing", TENSOR, T_PACKING, 1, true}, /* no difference when rows end at blocks */
	{"tensor digest kind", TENSOR, T_DIGEST_KIND, 1, false},
	{"tensor reserved", TENSOR, T_RESERVED, 2, false},
	{"tensor digest", TENSOR, T_DIGEST, 8, false},
	{"tensor size", TENSOR, T_SIZE, 8, false},
	{"tensor reserved 2", TENSOR, T_RESERVED2, 8, false},
	{"name", NAME, 0, 1, true}, /* another name */
	{"dim", DIM, 0, 8, true},   /* another way to say the same range */
	{"slice ranges index", SLICE, S_RANGES_INDEX, 8, false},
	{"slice extent index", SLICE, S_EXTENT_INDEX, 8, false},
	{"slice extent count", SLICE, S_EXTENT_COUNT, 4, false},
	{"slice storage rank", SLICE, S_STORAGE_RANK, 4, true},
	{"slice size", SLICE, S_SIZE, 8, false},
	{"slice chunk index", SLICE, S_CHUNK_INDEX, 8, false},
	{"slice chunk size", SLICE, S_CHUNK_SIZE, 4, true}, /* one chunk of any size */
	{"slice transform", SLICE, S_TRANSFORM, 1, false},
	{"slice check kind", SLICE, S_CHECK_KIND, 1, false},
	{"slice digest kind", SLICE, S_DIGEST_KIND, 1, false},
	{"slice flags", SLICE, S_FLAGS, 1, false},
	{"slice check value", SLICE, S_CHECK_VALUE, 8, true},
	{"slice transform value", SLICE, S_TRANSFORM_VALUE, 8, false},
	{"extent offset", EXTENT, E_OFFSET, 8, false},
	{"extent stored size", EXTENT, E_STORED_SIZE, 8, false},
	{"extent size", EXTENT, E_SIZE, 8, false},
	{"extent stored digest", EXTENT, E_STORED_DIGEST, 8, false},
	{"extent shard", EXTENT, E_SHARD, 2, false},
	{"extent codec", EXTENT, E_CODEC, 1, false},
	{"extent shuffle", EXTENT, E_SHUFFLE, 1, false},
	{"extent reserved", EXTENT, E_RESERVED, 4, false},
	{"chunk digest", CHUNK_DIGEST, 0, 8, false},
	{"shard name offset", SHARD, 0, 8, false},
	{"shard name size", SHARD, 8, 4, false},
	{"shard kind", SHARD, 12, 1, false},
	{"shard codec", SHARD, 13, 1, true},
	{"shard parent", SHARD, 14, 2, true},
	{"shard size", SHARD, 16, 8, true},
	{"shard offset", SHARD, 24, 8, true},
	{"shard stored size", SHARD, 32, 8, true},
	{"shard content id", SHARD, 40, 8, true},
	{"shard modified", SHARD, 56, 8, true},
	{"shard changed", SHARD, 64, 8, true},
	{"shard inode", SHARD, 72, 8, true},
	{"shard header digest", SHARD, 80, 8, true},
	{"shard header size", SHARD, 96, 8, true},
	{"shard reserved", SHARD, 104, 8, false},
	{"region offset", REGION, R_OFFSET, 8, false},
	{"region size", REGION, R_SIZE, 8, true}, /* more of the padding */
	{"region kind", REGION, R_KIND, 4, false},
	{"region section type", REGION, R_SECTION_TYPE, 4, true},
	{"region digest", REGION, R_DIGEST, 8, true},
	{"region reserved", REGION, R_RESERVED, 8, false},
};

enum {
	HOSTILE_COUNT = 30
};

static size_t hostile_values(uint64_t old, uint64_t values[HOSTILE_COUNT])
{
	const uint64_t all[HOSTILE_COUNT] = {
		0,
		1,
		2,
		3,
		7,
		64,
		254,
		255,
		4096,
		8192,
		65535,
		65536,
		131072,
		(uint64_t)1 << 31,
		UINT32_MAX,
		(uint64_t)1 << 32,
		(uint64_t)1 << 59,
		(uint64_t)1 << 60,
		(uint64_t)1 << 62,
		((uint64_t)1 << 63) - 1,
		(uint64_t)1 << 63,
		UINT64_MAX - 1,
		UINT64_MAX,
		old + 1,
		old - 1,
		old * 2,
		(uint64_t)0 - old,
		(uint64_t)0 - old - 1,
		container.size,
		container.size - 1,
	};

	memcpy(values, all, sizeof(all));
	return HOSTILE_COUNT;
}

static bool is_typed(enum cairn_status status)
{
	return status == CAIRN_OK || status == CAIRN_CORRUPT || status == CAIRN_CHECKSUM ||
	       status == CAIRN_TRUNCATED || status == CAIRN_UNSUPPORTED || status == CAIRN_LIMIT ||
	       status == CAIRN_NOT_FOUND || status == CAIRN_PRECONDITION ||
	       status == CAIRN_NOT_A_CHECKPOINT;
}

/*
 * What is known about chunks is kept by the numbers of their digests: two slices that claim the
 * same numbers are verified once. An honest index has none; a dishonest one, which could as well
 * hold digests that fit, is found by a check of the index.
 */
static bool lies_about_chunks(const struct field *field, const struct cairn_reader_options *options)
{
	return field->area == SLICE && field->at == S_CHUNK_INDEX &&
	       (options->flags & CAIRN_OPEN_CHECK_INDEX) == 0;
}

/* One mutation, used in each way; says whether it was found. */
static bool try_value(const struct field *field, uint64_t number, uint64_t value)
{
	static const struct cairn_reader_options ways[] = {
		{0},
		{.flags = CAIRN_OPEN_CHECK_INDEX},
		{.verification = CAIRN_VERIFY_NEVER},
	};
	struct cairn_reader *reader = NULL;
	struct cairn_error error = {0};
	enum cairn_status status;

	for (size_t i = 0; i < COUNT(ways); i++) {
		status = container_bytes_use(sys, &container, false, &ways[i], &error);
		if (status == CAIRN_MISMATCH && lies_about_chunks(field, &ways[i]))
			status = CAIRN_OK;
		ck_assert_msg(is_typed(status), "%s of %" PRIu64 " is %" PRIu64 ": %s %s",
			      field->name, number, value, cairn_status_name(status), error.message);
	}
	status = reader_open_bytes(sys, container.bytes, container.size, NULL, &reader, &error);
	if (status == CAIRN_OK) /* whatever a walk said */
		status = sample_verify(reader, &error);
	cairn_reader_close(reader);
	ck_assert_msg(is_typed(status), "%s of %" PRIu64 " is %" PRIu64 ": %s %s", field->name,
		      number, value, cairn_status_name(status), error.message);
	return status != CAIRN_OK;
}

static void try_place(const struct field *field, uint64_t number)
{
	const struct container_bytes pristine = container_bytes_copy(&container);
	uint64_t values[HOSTILE_COUNT];
	const uint64_t old = field_load(
		container_place(&container, field->area, number) + field->at, field->width);
	const size_t count = hostile_values(old, values);

	for (size_t i = 0; i < count; i++) {
		uint8_t *const place = container_place(&container, field->area, number) + field->at;
		bool is_found;

		field_store(place, field->width, values[i]);
		if (field_load(place, field->width) == old)
			continue;
		container_bytes_seal(&container);
		is_found = try_value(field, number, values[i]);
		ck_assert_msg(is_found || field->is_free,
			      "%s of record %" PRIu64 " is %" PRIu64 " instead of %" PRIu64
			      ", and verify finds nothing",
			      field->name, number, values[i], old);
		memcpy(container.bytes, pristine.bytes, pristine.size);
	}
	free(pristine.bytes);
}

START_TEST(hostile_values_of_a_field_do_no_harm)
{
	const struct field *const field = &fields[_i];
	uint64_t first;
	const uint64_t count = container_place_count(&container, field->area, &first);

	ck_assert_uint_gt(count, 0);
	for (uint64_t i = first; i < first + count; i++)
		try_place(field, i);
}
END_TEST

static Suite *hostile_values_suite(void)
{
	Suite *suite = suite_create("hostile_values");
	TCase *tcase = tcase_create("hostile_values");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, hostile_values_of_a_field_do_no_harm, 0, (int)COUNT(fields));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(hostile_values_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
