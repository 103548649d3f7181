/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing that happens to the bytes of a container goes unnoticed: every bit flipped, every
 * truncation, appended garbage, every sector zeroed, swapped with any other or replaced by that of
 * an older version. Opening and verifying must find each. There are no exceptions: padding must be
 * zero and is checked.
 *
 * Sanitizers make this too slow: then samples are taken, with strides that are printed.
 * CAIRN_TEST_LONG in the environment tries everything everywhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "tests/support/container_bytes.h"

enum {
	PARTS = 16, /* the sweep over bits is cut into so many tests */
	SECTOR = 512
};

static struct memory_system *memory;
static struct container_bytes container;
static const struct sample sample = {SAMPLE_FULL, 1};

static void set_up(void)
{
	memory = memory_system_create();
	container = container_bytes_create(&sample);
}

static void tear_down(void)
{
	ck_assert(memory_system_is_clean(memory));
	memory_system_destroy(memory);
	container_bytes_free(&container);
}

static bool is_long(void)
{
	return getenv("CAIRN_TEST_LONG") != NULL;
}

/* 1, or under a sanitizer `stride`, which is a prime so that all bits of a byte have their turn. */
static uint64_t stride_for(const char *what, uint64_t stride)
{
	if (is_long() || getenv("CAIRN_SANITIZE") == NULL)
		return 1;
	printf("%s: one in %u\n", what, (unsigned int)stride);
	return stride;
}

/* What opening and verifying say about so many bytes. */
static enum cairn_status judge(const uint8_t *bytes, size_t size, struct cairn_error *error)
{
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	status = reader_open_bytes(memory_system_get(memory), bytes, size, NULL, &reader, error);
	if (status == CAIRN_OK)
		status = sample_verify(reader, error);
	cairn_reader_close(reader);
	return status;
}

static bool says_damaged(enum cairn_status status)
{
	return status == CAIRN_CORRUPT || status == CAIRN_CHECKSUM || status == CAIRN_TRUNCATED ||
	       status == CAIRN_UNSUPPORTED || status == CAIRN_NOT_A_CHECKPOINT;
}

START_TEST(the_container_itself_is_sound)
{
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;

	ck_assert_msg(judge(container.bytes, container.size, &error) == CAIRN_OK, "%s",
		      error.message);
	ck_assert_int_eq(reader_open_bytes(memory_system_get(memory), container.bytes,
					   container.size, NULL, &reader, &error),
			 CAIRN_OK);
	ck_assert_msg(sample_compare(reader, &sample, &error) == CAIRN_OK, "%s", error.message);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(every_flipped_bit_is_found)
{
	const uint64_t bits = container.size * 8;
	const uint64_t first = bits / PARTS * (uint64_t)_i;
	const uint64_t end = _i == PARTS - 1 ? bits : first + bits / PARTS;
	const uint64_t stride = stride_for("flipped bits", 23);

	for (uint64_t bit = first; bit < end; bit += stride) {
		const uint8_t mask = (uint8_t)(1u << bit % 8);
		struct cairn_error error = {0};
		enum cairn_status status;

		container.bytes[bit / 8] ^= mask;
		status = judge(container.bytes, container.size, &error);
		ck_assert_msg(says_damaged(status), "bit %u of byte %u: %s %s",
			      (unsigned int)(bit % 8), (unsigned int)(bit / 8),
			      cairn_status_name(status), error.message);
		container.bytes[bit / 8] ^= mask;
	}
}
END_TEST

/* A view of damaged data is refused, whatever was verified before. */
START_TEST(a_view_of_a_flipped_bit_is_refused)
{
	const uint64_t data_end = 2 * CONTAINER_PAGE_SIZE + 71680;
	const uint64_t stride = 8 * stride_for("views of flipped bits", 13) + 1;

	for (uint64_t bit = CONTAINER_PAGE_SIZE * 8; bit < data_end * 8; bit += stride) {
		const uint8_t mask = (uint8_t)(1u << bit % 8);
		struct cairn_error error = {0};
		struct cairn_reader *reader = NULL;
		enum cairn_status status;

		container.bytes[bit / 8] ^= mask;
		ck_assert_int_eq(reader_open_bytes(memory_system_get(memory), container.bytes,
						   container.size, NULL, &reader, &error),
				 CAIRN_OK);
		status = sample_compare(reader, &sample, &error);
		/* of padding no view is taken */
		ck_assert_msg(status == CAIRN_OK || status == CAIRN_CHECKSUM, "byte %u: %s %s",
			      (unsigned int)(bit / 8), cairn_status_name(status), error.message);
		cairn_reader_close(reader);
		container.bytes[bit / 8] ^= mask;
	}
}
END_TEST

/* ---------------------------------------------------------------------------------- truncations */

/* Within a page of where something begins or ends. */
static bool is_near_structure(size_t size)
{
	const uint64_t index_offset = field_load(
		container_bytes_footer(&container) + FOOTER_AT_INDEX_OFFSET, 8);

	return size < 2 * CONTAINER_PAGE_SIZE || size + CONTAINER_PAGE_SIZE >= index_offset ||
	       size + 2 * CONTAINER_PAGE_SIZE >= container.size;
}

START_TEST(every_truncation_is_found)
{
	const uint64_t sparse = is_long() ? 1 : 97;
	const uint64_t stride = stride_for("truncations", 31);

	for (size_t size = 0; size < container.size;
	     size += is_near_structure(size) ? stride : sparse * stride) {
		uint8_t *const bytes = malloc(size + 1);
		struct cairn_error error = {0};
		enum cairn_status status;

		ck_assert_ptr_nonnull(bytes);
		memcpy(bytes, container.bytes, size);
		status = judge(bytes, size, &error);
		ck_assert_msg(status == CAIRN_TRUNCATED || (size < CONTAINER_MAGIC_SIZE &&
							    status == CAIRN_NOT_A_CHECKPOINT),
			      "%u bytes: %s %s", (unsigned int)size, cairn_status_name(status),
			      error.message);
		free(bytes);
	}
}
END_TEST

static const size_t appended[] = {1, 7, 8, 511, 512, 4095, 4096, 4097, 65536, 1u << 20};

START_TEST(anything_appended_is_found)
{
	static const uint8_t fillings[] = {0, 0xff, 'x'};
	const size_t more = appended[_i];
	uint8_t *const bytes = malloc(container.size + more);

	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes, container.bytes, container.size);
	for (size_t i = 0; i < sizeof(fillings); i++) {
		memset(bytes + container.size, fillings[i], more);
		ck_assert_int_eq(judge(bytes, container.size + more, NULL), CAIRN_TRUNCATED);
	}
	/* its own end once more: a footer that does not belong to this size */
	if (more <= container.size) {
		memcpy(bytes + container.size, container.bytes + container.size - more, more);
		ck_assert(says_damaged(judge(bytes, container.size + more, NULL)));
	}
	free(bytes);
}
END_TEST

/* -------------------------------------------------------------------------------------- sectors */

static uint8_t *sector(uint64_t number)
{
	return container.bytes + number * SECTOR;
}

static void assert_found(const char *what, uint64_t a, uint64_t b)
{
	const enum cairn_status status = judge(container.bytes, container.size, NULL);

	ck_assert_msg(says_damaged(status), "%s of sectors %u and %u: %s", what, (unsigned int)a,
		      (unsigned int)b, cairn_status_name(status));
}

static bool sectors_differ(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, SECTOR) != 0;
}

START_TEST(every_zeroed_sector_is_found)
{
	static const uint8_t zeros[SECTOR];
	uint8_t saved[SECTOR];

	for (uint64_t i = 0; i < container.size / SECTOR; i++) {
		if (!sectors_differ(sector(i), zeros))
			continue;
		memcpy(saved, sector(i), SECTOR);
		memset(sector(i), 0, SECTOR);
		assert_found("zeroing", i, i);
		memcpy(sector(i), saved, SECTOR);
	}
}
END_TEST

static void swap_sectors(uint64_t a, uint64_t b)
{
	uint8_t saved[SECTOR];

	memcpy(saved, sector(a), SECTOR);
	memcpy(sector(a), sector(b), SECTOR);
	memcpy(sector(b), saved, SECTOR);
}

START_TEST(every_swap_of_sectors_is_found)
{
	const uint64_t count = container.size / SECTOR;
	const uint64_t stride = stride_for("swapped sectors", 37);
	uint64_t number = 0;

	for (uint64_t a = 0; a < count; a++) {
		for (uint64_t b = a + 1; b < count; b++) {
			if (++number % stride != 0 || !sectors_differ(sector(a), sector(b)))
				continue;
			swap_sectors(a, b);
			assert_found("a swap", a, b);
			swap_sectors(a, b);
		}
	}
}
END_TEST

/* A disk that lost one write: the sector of the version before. */
START_TEST(every_sector_of_another_version_is_found)
{
	const struct sample older = {SAMPLE_FULL, 2};
	struct container_bytes old = container_bytes_create(&older);
	uint8_t saved[SECTOR];

	ck_assert_uint_eq(old.size, container.size);
	for (uint64_t i = 0; i < container.size / SECTOR; i++) {
		if (!sectors_differ(sector(i), old.bytes + i * SECTOR))
			continue;
		memcpy(saved, sector(i), SECTOR);
		memcpy(sector(i), old.bytes + i * SECTOR, SECTOR);
		assert_found("an old write", i, i);
		memcpy(sector(i), saved, SECTOR);
	}
	container_bytes_free(&old);
}
END_TEST

static Suite *bit_flips_suite(void)
{
	Suite *suite = suite_create("bit_flips");
	TCase *tcase = tcase_create("bit_flips");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, the_container_itself_is_sound);
	tcase_add_loop_test(tcase, every_flipped_bit_is_found, 0, PARTS);
	tcase_add_test(tcase, a_view_of_a_flipped_bit_is_refused);
	tcase_add_test(tcase, every_truncation_is_found);
	tcase_add_loop_test(tcase, anything_appended_is_found, 0,
			    (int)(sizeof(appended) / sizeof(appended[0])));
	tcase_add_test(tcase, every_zeroed_sector_is_found);
	tcase_add_test(tcase, every_swap_of_sectors_is_found);
	tcase_add_test(tcase, every_sector_of_another_version_is_found);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(bit_flips_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
