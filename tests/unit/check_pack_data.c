/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing compressed tensors: what is stored how, that it is read as it was given, and that the
 * bytes do not depend on threads.
 */
#include "engine/write/writer.h"

#include <cairn/verify.h>

#include <errno.h>

#include "engine/read/stored.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

#define CHUNK     ((uint64_t)CHUNK_SIZE_MIN)
#define LARGE     (40 * CHUNK + 1004) /* several segments */
#define DATA_SIZE (LARGE + 4096)

static struct scene scene;
static uint8_t *alike; /* compressible */
static uint8_t *noise;
static uint8_t *mixed; /* every third chunk is noise */

static void set_up(void)
{
	struct random random = {11};

	scene_open(&scene);
	alike = malloc(DATA_SIZE);
	noise = malloc(DATA_SIZE);
	mixed = malloc(DATA_SIZE);
	ck_assert(alike != NULL && noise != NULL && mixed != NULL);
	random_fill(&random, noise, DATA_SIZE);
	for (uint64_t i = 0; i < DATA_SIZE; i++) {
		alike[i] = (uint8_t)(i % 4 == 3 ? 0x3f : i % 4 == 2 ? i / 700 : noise[i] & 3);
		mixed[i] = i / CHUNK % 3 == 0 ? noise[i] : alike[i];
	}
}

static void tear_down(void)
{
	free(alike);
	free(noise);
	free(mixed);
	scene_close(&scene);
}

struct tensor {
	const char *name;
	uint64_t size;
	uint8_t *const *data;
	enum cairn_compression compression;
};

static const struct tensor tensors[] = {
	{"small", 24, &alike, CAIRN_COMPRESSION_DEFAULT},
	{"short", 4000, &alike, CAIRN_COMPRESSION_DEFAULT},
	{"large", LARGE, &alike, CAIRN_COMPRESSION_DEFAULT},
	{"noise", LARGE, &noise, CAIRN_COMPRESSION_DEFAULT},
	{"one chunk of noise", CHUNK, &noise, CAIRN_COMPRESSION_DEFAULT},
	{"mixed", LARGE, &mixed, CAIRN_COMPRESSION_DEFAULT},
	{"not compressed", LARGE, &alike, CAIRN_COMPRESSION_NONE},
	{"lz4 alone", 9 * CHUNK, &alike, CAIRN_COMPRESSION_LZ4},
	{"empty", 0, &alike, CAIRN_COMPRESSION_DEFAULT},
	{"last", 3 * CHUNK + 400, &mixed, CAIRN_COMPRESSION_DEFAULT},
};

static enum cairn_status give(void *context, uint64_t offset, void *buffer, size_t size)
{
	memcpy(buffer, (const uint8_t *)context + offset, size);
	return CAIRN_OK;
}

static void add(struct cairn_writer *writer, const struct tensor *tensor, bool by_callback)
{
	const uint64_t dims[] = {tensor->size / 4};
	const struct cairn_tensor_spec spec = {.name = cairn_string_from(tensor->name),
					       .dtype = CAIRN_F32,
					       .rank = 1,
					       .dims = dims,
					       .compression = tensor->compression};

	if (by_callback)
		ASSERT_OK(
			cairn_writer_add_callback(writer, &spec, give, *tensor->data, &test_error));
	else
		ASSERT_OK(cairn_writer_add_spec(writer, &spec, *tensor->data, &test_error));
}

static struct cairn_writer *begin(const char *path, uint32_t thread_count, bool by_callback)
{
	const struct cairn_writer_options options = {.chunk_size = CHUNK_SIZE_MIN,
						     .compression = CAIRN_COMPRESSION_LZ4_SHUFFLE,
						     .thread_count = thread_count};
	struct cairn_writer *const writer = scene_writer(&scene, path, &options);

	for (size_t i = 0; i < COUNT_OF(tensors); i++)
		add(writer, &tensors[i], by_callback && i % 2 == 0);
	ASSERT_OK(cairn_writer_set_metadata_string(writer, cairn_string_from("note"),
						   (struct cairn_string){(char *)alike, 3000},
						   &test_error));
	return writer;
}

static void write_all(const char *path, uint32_t thread_count, bool by_callback)
{
	finish_writer(begin(path, thread_count, by_callback));
}

static int fail_on_problem(void *context, const struct cairn_problem *problem)
{
	(void)context;
	ck_abort_msg("%s", problem->message);
	return 1;
}

static void assert_right(const struct cairn_reader *reader)
{
	const struct cairn_verify_options options = {.on_problem = fail_on_problem};
	struct cairn_verify_report report = {0};

	for (size_t i = 0; i < COUNT_OF(tensors); i++) {
		struct cairn_tensor tensor;
		struct cairn_view view;

		ASSERT_OK(cairn_reader_find(reader, tensors[i].name, &tensor, &test_error));
		ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
		ck_assert_uint_eq(view.size, tensors[i].size);
		ck_assert(memcmp(view.data, *tensors[i].data, view.size) == 0);
		cairn_view_release(&view);
	}
	ASSERT_OK(cairn_reader_verify(reader, &options, &report, &test_error));
}

START_TEST(what_was_written_is_read)
{
	const struct cairn_reader_options options = {.flags = CAIRN_OPEN_CHECK_INDEX};
	struct cairn_reader *reader;

	write_all("/f", 3, _i != 0);
	reader = scene_reader(&scene, "/f", &options);
	assert_right(reader);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(threads_do_not_change_the_bytes)
{
	static const uint32_t counts[] = {2, 5, 64};
	struct bytes expected;

	write_all("/1", 1, false);
	expected = scene_content(&scene, "/1");
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		struct bytes found;

		write_all("/n", counts[i], i == 1);
		found = scene_content(&scene, "/n");
		ck_assert_uint_eq(found.size, expected.size);
		ck_assert(memcmp(found.data, expected.data, found.size) == 0);
		bytes_free(&found);
		ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, "/n"), 0);
	}
	bytes_free(&expected);
}
END_TEST

static struct stored stored_of(const struct cairn_reader *reader, const char *name)
{
	struct cairn_tensor tensor;
	struct tensor_record record;
	struct stored stored;

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	ASSERT_OK(index_tensor(&reader->index, tensor.record, &record, &test_error));
	ASSERT_OK(stored_open(reader, record.slice_index, tensor.name, &stored, &test_error));
	return stored;
}

START_TEST(only_what_becomes_smaller_is_compressed)
{
	static const struct {
		const char *name;
		bool by_chunk;
	} expected[] = {
		{"small", false},
		{"short", true},
		{"large", true},
		{"noise", false},
		{"one chunk of noise", false},
		{"mixed", true},
		{"not compressed", false},
		{"lz4 alone", true},
		{"last", true},
	};
	struct cairn_reader *reader;
	struct stored mixed_stored;
	struct extent_record extent;

	write_all("/f", 2, false);
	reader = scene_reader(&scene, "/f", NULL);
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		const struct stored stored = stored_of(reader, expected[i].name);

		ck_assert_msg(stored.by_chunk == expected[i].by_chunk, "%s", expected[i].name);
		ck_assert_msg(stored_is_mapped(&stored) != expected[i].by_chunk, "%s",
			      expected[i].name);
	}
	mixed_stored = stored_of(reader, "mixed");
	for (uint64_t chunk = 0; chunk < 41; chunk++) {
		ASSERT_OK(stored_chunk_extent(&mixed_stored, chunk, &extent, &test_error));
		ck_assert_int_eq(extent.codec, chunk % 3 == 0 ? CODEC_RAW : CODEC_LZ4);
		ck_assert_int_eq(extent.shuffle, chunk % 3 == 0 ? 0 : 4);
	}
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_compressed_copy_can_be_made_raw_again)
{
	struct cairn_writer *writer;
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	write_all("/f", 2, false);
	reader = scene_reader(&scene, "/f", NULL);
	writer = scene_writer(&scene, "/g", NULL);
	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader); i++) {
		ASSERT_OK(cairn_reader_tensor_at(reader, i, &tensor, &test_error));
		ASSERT_OK(cairn_writer_add_tensor(writer, (struct cairn_string){NULL, 0}, &tensor,
						  &test_error));
	}
	cairn_reader_close(reader);
	finish_writer(writer);
	reader = scene_reader(&scene, "/g", NULL);
	assert_right(reader);
	cairn_reader_close(reader);
}
END_TEST

/* Each allocation, then each write, fails once. */
START_TEST(errors_end_the_save_without_litter)
{
	static const enum memory_call calls[] = {MEMORY_CALL_ALLOCATE, MEMORY_CALL_PWRITE};
	const int errors[] = {ENOMEM, EIO};
	uint64_t at = 0;
	enum cairn_status status;

	do {
		const struct memory_fault fault = {
			.call = calls[_i], .at = ++at, .error = errors[_i]};
		struct cairn_writer *const writer = begin("/f", 1 + (uint32_t)at % 3, false);
		struct cairn_error error;

		memory_system_set_fault(scene.memory, 0, &fault);
		status = cairn_writer_finish(writer, &error);
		memory_system_clear_faults(scene.memory);
		cairn_writer_destroy(writer);
		if (status != CAIRN_OK)
			ck_assert_uint_eq(scene_entries(&scene, "/"), 0);
		else
			ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, "/f"), 0);
		ck_assert(status == CAIRN_OK || status == CAIRN_NO_MEMORY || status == CAIRN_IO);
	} while (status != CAIRN_OK || at < 12);
}
END_TEST

START_TEST(compressed_data_have_no_other_alignment)
{
	static const struct cairn_writer_options options = {.alignment = 65536,
							    .compression = CAIRN_COMPRESSION_LZ4};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

	add(writer, &tensors[1], false);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_INVALID_ARGUMENT,
		     "compressed data have an alignment of 4 KiB, not of 65536");
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(unknown_compressions_are_refused)
{
	const struct cairn_writer_options options = {.compression = (enum cairn_compression)4};
	const uint64_t dims[] = {1};
	const struct cairn_tensor_spec spec = {.name = cairn_string_from("t"),
					       .dtype = CAIRN_F32,
					       .rank = 1,
					       .dims = dims,
					       .compression = (enum cairn_compression)4};
	struct cairn_writer *writer = NULL;

	ASSERT_STATUS(writer_create(scene.system, "/f", &options, &writer, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	writer = scene_writer(&scene, "/f", NULL);
	ASSERT_STATUS(cairn_writer_add_spec(writer, &spec, alike, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_writer_destroy(writer);
}
END_TEST

static Suite *pack_data_suite(void)
{
	Suite *suite = suite_create("pack_data");
	TCase *tests = tcase_create("pack_data");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, what_was_written_is_read, 0, 2);
	tcase_add_test(tests, threads_do_not_change_the_bytes);
	tcase_add_test(tests, only_what_becomes_smaller_is_compressed);
	tcase_add_test(tests, a_compressed_copy_can_be_made_raw_again);
	tcase_add_loop_test(tests, errors_end_the_save_without_litter, 0, 2);
	tcase_add_test(tests, compressed_data_have_no_other_alignment);
	tcase_add_test(tests, unknown_compressions_are_refused);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(pack_data_suite());
}
