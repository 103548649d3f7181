/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever happens to the bytes of a compressed container: every bit flipped, every truncation, and
 * every bit of the records that say where compressed bytes are and what becomes of them, with
 * digests that fit again.
 *
 * Of padding, and under a sanitizer of everything, samples are taken; with CAIRN_TEST_LONG in the
 * environment all of it.
 */
#include <cairn/verify.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/read/reader.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"

enum {
	PARTS = 8,   /* a sweep is cut into so many tests */
	SAMPLED = 29 /* a prime: all bits of a byte have their turn */
};

static struct scene scene;
static struct bytes file;

static void set_up(void)
{
	const char *const data = getenv("CAIRN_TEST_DATA");
	char path[4096];
	FILE *stream;

	scene_open(&scene);
	ck_assert_msg(data != NULL, "CAIRN_TEST_DATA is not set");
	snprintf(path, sizeof(path), "%s/golden/v1-some-compressed.cairn", data);
	stream = fopen(path, "rb");
	ck_assert_msg(stream != NULL, "%s cannot be opened", path);
	file.data = malloc((size_t)1 << 20);
	ck_assert_ptr_nonnull(file.data);
	file.size = fread(file.data, 1, (size_t)1 << 20, stream);
	fclose(stream);
}

static void tear_down(void)
{
	bytes_free(&file);
	scene_close(&scene);
}

static bool is_long(void)
{
	return getenv("CAIRN_TEST_LONG") != NULL;
}

static uint64_t stride(void)
{
	return is_long() || getenv("CAIRN_SANITIZE") == NULL ? 1 : SAMPLED;
}

/* ------------------------------------------------------------------------------------- verdicts */

static struct cairn_reader *open_bytes(const struct bytes *bytes, enum cairn_status *status)
{
	struct cairn_reader *reader = NULL;

	*status = reader_open_bytes(scene.system, bytes->data, bytes->size, NULL, &reader,
				    &test_error);
	return reader;
}

/* Opening and verifying find nothing wrong. */
static bool is_sound(const struct bytes *bytes)
{
	struct cairn_verify_report report = {0};
	enum cairn_status status;
	struct cairn_reader *const reader = open_bytes(bytes, &status);

	if (status == CAIRN_OK)
		status = cairn_reader_verify(reader, NULL, &report, &test_error);
	cairn_reader_close(reader);
	return status == CAIRN_OK && report.problem_count == 0;
}

/* What all tensors are, as one digest; the first error of a view. */
static enum cairn_status read_all(const struct bytes *bytes, struct cairn_digest *digest)
{
	enum cairn_status status;
	struct cairn_reader *const reader = open_bytes(bytes, &status);
	const uint64_t count = status == CAIRN_OK ? cairn_reader_tensor_count(reader) : 0;
	struct digest_stream stream;

	digest_stream_begin(&stream);
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		struct cairn_tensor tensor = {0};
		struct cairn_view view = {0};

		status = cairn_reader_tensor_at(reader, i, &tensor, &test_error);
		if (status == CAIRN_OK)
			status = cairn_tensor_view(&tensor, &view, &test_error);
		if (status == CAIRN_OK)
			digest_stream_update(&stream, view.data, view.size);
		cairn_view_release(&view);
	}
	*digest = digest_stream_end(&stream);
	cairn_reader_close(reader);
	return status;
}

static void flip(uint64_t bit)
{
	file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* ---------------------------------------------------------------------------------------- tests */

START_TEST(the_container_itself_is_sound)
{
	ck_assert_msg(is_sound(&file), "%s", test_error.message);
}
END_TEST

START_TEST(every_flipped_bit_is_found)
{
	const uint64_t part = 8 * file.size / PARTS;
	const uint64_t end = part * ((uint64_t)_i + 1);

	for (uint64_t bit = part * (uint64_t)_i; bit < end; bit += stride()) {
		if (file.data[bit / 8] == 0 && bit % SAMPLED != 0 && !is_long())
			continue;
		flip(bit);
		ck_assert_msg(!is_sound(&file), "bit %u of byte %u", (unsigned int)(bit % 8),
			      (unsigned int)(bit / 8));
		flip(bit);
	}
}
END_TEST

START_TEST(every_truncation_is_found)
{
	for (uint64_t size = 0; size < file.size; size += stride()) {
		struct bytes cut = {malloc(size + 1), size};
		enum cairn_status status;

		ck_assert_ptr_nonnull(cut.data);
		memcpy(cut.data, file.data, size);
		cairn_reader_close(open_bytes(&cut, &status));
		ck_assert_msg(status == CAIRN_TRUNCATED || (size < CONTAINER_MAGIC_SIZE &&
							    status == CAIRN_NOT_A_CHECKPOINT),
			      "%u bytes: %s", (unsigned int)size, cairn_status_name(status));
		bytes_free(&cut);
	}
}
END_TEST

static void assert_error_or_nothing(enum cairn_status status, const struct cairn_digest *digest,
				    const struct cairn_digest *expected, uint64_t bit)
{
	const bool is_error = status == CAIRN_CORRUPT || status == CAIRN_CHECKSUM ||
			      status == CAIRN_UNSUPPORTED || status == CAIRN_LIMIT;

	ck_assert_msg(is_error || (status == CAIRN_OK && digest_equal(digest, expected)),
		      "bit %u of the record: %s", (unsigned int)bit, cairn_status_name(status));
}

/* With digests that fit again a changed extent never leads to other bytes; and none is sound. */
START_TEST(every_flipped_bit_of_an_extent_is_found)
{
	const uint64_t begin = (uint64_t)(container_record(&file, SECTION_EXTENTS, 0) - file.data);
	const uint64_t size = container_footer_of(&file).sections[SECTION_EXTENTS - 1].size;
	struct cairn_digest expected;
	struct cairn_digest digest;

	ASSERT_OK(read_all(&file, &expected));
	for (uint64_t bit = 8 * begin; bit < 8 * (begin + size); bit += stride()) {
		enum cairn_status status;

		flip(bit);
		container_reseal(&file);
		status = read_all(&file, &digest);
		assert_error_or_nothing(status, &digest, &expected,
					(bit - 8 * begin) % (8 * EXTENT_RECORD_SIZE));
		ck_assert(!is_sound(&file));
		flip(bit);
	}
	container_reseal(&file);
	ck_assert(is_sound(&file));
}
END_TEST

/* Nor does a changed slice, but for where it says that it belongs. */
START_TEST(every_flipped_bit_of_a_slice_is_an_error_or_nothing)
{
	const uint64_t begin = (uint64_t)(container_record(&file, SECTION_SLICES, 0) - file.data);
	const uint64_t size = container_footer_of(&file).sections[SECTION_SLICES - 1].size;
	struct cairn_digest expected;
	struct cairn_digest digest;

	ASSERT_OK(read_all(&file, &expected));
	for (uint64_t bit = 8 * begin; bit < 8 * (begin + size); bit += stride()) {
		const uint64_t in_record = (bit - 8 * begin) % (8 * SLICE_RECORD_SIZE);
		enum cairn_status status;

		if (in_record < 8 * sizeof(uint64_t))
			continue;
		flip(bit);
		container_reseal(&file);
		status = read_all(&file, &digest);
		assert_error_or_nothing(status, &digest, &expected, in_record);
		flip(bit);
	}
}
END_TEST

static int note(void *context, const struct cairn_problem *problem)
{
	char *const messages = context;
	const size_t length = strlen(messages);

	snprintf(messages + length, 2000 - length, "%s\n", problem->message);
	return 0;
}

static void copy_extent(uint64_t number, uint64_t from)
{
	memcpy(container_record(&file, SECTION_EXTENTS, number),
	       container_record(&file, SECTION_EXTENTS, from), EXTENT_RECORD_SIZE);
	container_reseal(&file);
}

START_TEST(extents_that_share_bytes_are_found_by_verify)
{
	char messages[2000] = "";
	const struct cairn_verify_options options = {.on_problem = note,
						     .problem_context = messages};
	struct cairn_verify_report report = {0};
	enum cairn_status status;
	struct cairn_reader *reader;

	copy_extent(1, 0); /* the halves are alike: nothing else is wrong */
	reader = open_bytes(&file, &status);
	ASSERT_OK(status);
	ASSERT_OK(cairn_reader_verify(reader, &options, &report, &test_error));
	ck_assert_msg(strstr(messages, "two extents share the bytes") != NULL, "%s", messages);
	cairn_reader_close(reader);
}
END_TEST

static Suite *compressed_damage_suite(void)
{
	Suite *const suite = suite_create("compressed_damage");
	TCase *const tests = tcase_create("compressed_damage");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, the_container_itself_is_sound);
	tcase_add_loop_test(tests, every_flipped_bit_is_found, 0, PARTS);
	tcase_add_test(tests, every_truncation_is_found);
	tcase_add_test(tests, every_flipped_bit_of_an_extent_is_found);
	tcase_add_test(tests, every_flipped_bit_of_a_slice_is_an_error_or_nothing);
	tcase_add_test(tests, extents_that_share_bytes_are_found_by_verify);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(compressed_damage_suite());
}
