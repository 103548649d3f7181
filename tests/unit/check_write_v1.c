/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing TensorFlow's first format: the bytes that TensorFlow writes of the same tensors, and what
 * is refused.
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>

#include "engine/write/writer.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"
#include "tests/support/tensorflow_files.h"

static struct scene scene;
static const struct cairn_writer_options tensorflow = {.flags = CAIRN_WRITER_REPLACE,
						       .target = CAIRN_TARGET_TENSORFLOW};

static void set_up(void)
{
	scene_open(&scene);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static enum cairn_status finish(struct cairn_writer *writer, bool shards)
{
	const enum cairn_status status = writer_finish_v1(writer, shards, &test_error);

	cairn_writer_destroy(writer);
	return status;
}

/* -------------------------------------------------------------------------------- what came out */

static void assert_same_bytes(const char *what, const struct file_bytes *file, const char *path)
{
	struct bytes found = scene_content(&scene, path);

	ck_assert_msg(found.size == file->size, "%s: %zu bytes instead of %zu", what, found.size,
		      file->size);
	ck_assert_msg(memcmp(found.data, file->bytes, found.size) == 0, "%s differs", what);
	bytes_free(&found);
}

/* Reads one file, writes its tensors again. */
static void write_again(const char *what, const struct file_bytes *file)
{
	const struct cairn_string own_name = {NULL, 0};
	struct cairn_writer *writer;
	struct cairn_reader *reader;

	ck_assert_int_eq(memory_system_add_file(scene.memory, "/g", file->bytes, file->size), 0);
	reader = scene_reader(&scene, "/g", NULL);
	writer = scene_writer(&scene, "/f", &tensorflow);
	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader); i++) {
		struct cairn_tensor tensor;

		ASSERT_OK(cairn_reader_tensor_at(reader, i, &tensor, &test_error));
		ASSERT_OK(cairn_writer_add_tensor(writer, own_name, &tensor, &test_error));
	}
	cairn_reader_close(reader);
	ASSERT_OK(finish(writer, false));
	assert_same_bytes(what, file, "/f");
}

static const char *const golden[] = {"v1", "v1-00000-of-00002", "v1-00001-of-00002"};

START_TEST(what_tensorflow_wrote_comes_out_again)
{
	struct file_bytes file = golden_file(golden[_i]);

	write_again(golden[_i], &file);
	free(file.bytes);
}
END_TEST

static struct file_bytes read_file(const char *path)
{
	struct file_bytes file = {.bytes = malloc(1 << 20)};
	FILE *const stream = fopen(path, "rb");

	ck_assert(stream != NULL && file.bytes != NULL);
	file.size = fread(file.bytes, 1, 1 << 20, stream);
	fclose(stream);
	return file;
}

/* The shared corpus, where it is there. */
START_TEST(the_corpus_comes_out_again)
{
	const char *const source = getenv("CAIRN_SOURCE_DIR");
	char pattern[PATH_MAX];
	glob_t found = {.gl_pathc = 0};

	ck_assert_ptr_nonnull(source);
	snprintf(pattern, sizeof(pattern), "%s/../shared/tests/golden/tensorflow/v1_*/model.ckpt*",
		 source);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			struct file_bytes file = read_file(found.gl_pathv[i]);

			write_again(found.gl_pathv[i], &file);
			free(file.bytes);
		}
	}
	globfree(&found);
}
END_TEST

/* -------------------------------------------------------------------------------------- by hand */

static const uint64_t two[1] = {2};

START_TEST(a_scalar_is_written_as_documented)
{
	static const uint8_t expected[] = {
		0x00, 0x00, 0x1c, 0x0a, 0x1a, 0x0a, 0x09, 0x0a, 0x01, 0x61, 0x12, 0x00, 0x18,
		0x01, 0x22, 0x00, 0x0a, 0x09, 0x0a, 0x01, 0x62, 0x12, 0x00, 0x18, 0x01, 0x22,
		0x00, 0x12, 0x02, 0x08, 0x01, 0x00, 0x05, 0x0f, 0x00, 0x61, 0x00, 0x01, 0x00,
		0x12, 0x0d, 0x0a, 0x01, 0x61, 0x12, 0x00, 0x1a, 0x06, 0x2a, 0x04, 0x00, 0x00,
		0x00, 0x3f, 0x01, 0x04, 0x0f, 0x62, 0x00, 0x01, 0x00, 0x12, 0x0d, 0x0a, 0x01,
		0x62, 0x12, 0x00, 0x1a, 0x06, 0x2a, 0x04, 0x00, 0x00, 0x00, 0x40};
	const float a = 0.5f;
	const float b = 2.0f;
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);
	struct bytes found;

	ASSERT_OK(cairn_writer_add(writer, "a", CAIRN_F32, 0, NULL, &a, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "b", CAIRN_F32, 0, NULL, &b, &test_error));
	ASSERT_OK(finish(writer, false));
	found = scene_content(&scene, "/f");
	ck_assert_uint_eq(found.size, 169);
	ck_assert(memcmp(found.data, expected, sizeof(expected)) == 0);
	bytes_free(&found);
}
END_TEST

/* Least, greatest and -1 of each type whose numbers are varints. */
static const struct {
	enum cairn_dtype dtype;
	uint32_t width;
} widths[] = {{CAIRN_I8, 1},    {CAIRN_U8, 1},     {CAIRN_I16, 2},   {CAIRN_U16, 2},
	      {CAIRN_I32, 4},   {CAIRN_I64, 8},    {CAIRN_BOOL, 1},  {CAIRN_F16, 2},
	      {CAIRN_QINT8, 1}, {CAIRN_QUINT8, 1}, {CAIRN_QINT32, 4}};

START_TEST(numbers_keep_their_bits)
{
	const uint64_t count = 3;
	uint8_t bytes[3 * 8] = {0};
	uint8_t back[3 * 8] = {0};
	const uint32_t width = widths[_i].width;
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	if (widths[_i].dtype == CAIRN_BOOL) {
		bytes[1] = 1;
	} else {
		bytes[width - 1] = 0x80;
		memset(bytes + width, 0xff, width);
		memset(bytes + (size_t)2 * width, 0xff, width);
		bytes[3 * width - 1] = 0x7f;
	}
	ASSERT_OK(cairn_writer_add(writer, "t", widths[_i].dtype, 1, &count, bytes, &test_error));
	ASSERT_OK(finish(writer, false));
	reader = scene_reader(&scene, "/f", NULL);
	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	ck_assert_uint_eq(tensor.size, (uint64_t)3 * width);
	ASSERT_OK(cairn_tensor_read_slice(&tensor, NULL, NULL, back, tensor.size, &test_error));
	ck_assert(memcmp(bytes, back, tensor.size) == 0);
	cairn_reader_close(reader);
}
END_TEST

static enum cairn_status produce(void *context, uint64_t offset, void *buffer, size_t size)
{
	(void)context;
	memset(buffer, offset == 0 ? 1 : 2, size);
	return CAIRN_OK;
}

START_TEST(values_may_come_from_a_callback)
{
	const struct cairn_tensor_spec spec = {
		.name = cairn_string_from("c"), .dtype = CAIRN_I16, .rank = 1, .dims = two};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	int16_t values[2];

	ASSERT_OK(cairn_writer_add_callback(writer, &spec, produce, NULL, &test_error));
	ASSERT_OK(finish(writer, false));
	reader = scene_reader(&scene, "/f", NULL);
	ASSERT_OK(cairn_reader_find(reader, "c", &tensor, &test_error));
	ASSERT_OK(cairn_tensor_read_slice(&tensor, NULL, NULL, values, 4, &test_error));
	ck_assert(values[0] == 0x0101 && values[1] == 0x0101);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(shards_replace_those_of_an_older_save)
{
	struct cairn_writer_options options = tensorflow;
	const int32_t value = 5;

	options.shard_count = 2;
	for (int round = 0; round < 2; round++) {
		struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
		struct cairn_tensor_spec spec = {.name = cairn_string_from("a"),
						 .dtype = CAIRN_I32};

		ASSERT_OK(cairn_writer_add_spec(writer, &spec, &value, &test_error));
		spec.name = cairn_string_from("b");
		spec.shard = 1;
		ASSERT_OK(cairn_writer_add_spec(writer, &spec, &value, &test_error));
		ASSERT_OK(finish(writer, true));
		ck_assert_uint_eq(scene_entries(&scene, "/"), 2);
	}
	ck_assert(memory_system_exists(scene.memory, "/f-00001-of-00002"));
}
END_TEST

START_TEST(types_that_tensorflow_does_not_write_are_refused)
{
	static const enum cairn_dtype dtypes[] = {CAIRN_U32,    CAIRN_U64,     CAIRN_BF16,
						  CAIRN_QINT16, CAIRN_F8_E5M2, CAIRN_I4_BYTE};
	const uint64_t value = 0;

	for (size_t i = 0; i < COUNT_OF(dtypes); i++) {
		struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);

		ASSERT_OK(cairn_writer_add(writer, "t", dtypes[i], 0, NULL, &value, &test_error));
		ASSERT_FAILS(finish(writer, false), CAIRN_UNSUPPORTED,
			     "TensorFlow's first format cannot hold tensor 't'");
	}
	ck_assert_uint_eq(scene_entries(&scene, "/"), 0);
}
END_TEST

START_TEST(equal_names_are_refused)
{
	const int32_t value = 5;
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);

	ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_I32, 0, NULL, &value, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_I32, 0, NULL, &value, &test_error));
	ASSERT_STATUS(finish(writer, false), CAIRN_EXISTS);
}
END_TEST

START_TEST(a_failed_call_leaves_no_litter)
{
	static const enum memory_call calls[] = {MEMORY_CALL_CREATE, MEMORY_CALL_PWRITE,
						 MEMORY_CALL_SYNC, MEMORY_CALL_RENAME,
						 MEMORY_CALL_ALLOCATE};
	const int32_t value = 5;

	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);
		const struct memory_fault fault = {
			.call = calls[i], .at = 1, .forever = true, .error = EIO};

		ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_I32, 0, NULL, &value, &test_error));
		memory_system_set_fault(scene.memory, 0, &fault);
		ck_assert_int_ne(finish(writer, false), CAIRN_OK);
		memory_system_clear_faults(scene.memory);
		ck_assert_uint_eq(scene_entries(&scene, "/"), 0);
	}
}
END_TEST

static Suite *write_v1_suite(void)
{
	Suite *suite = suite_create("write_v1");
	TCase *tests = tcase_create("write_v1");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, what_tensorflow_wrote_comes_out_again, 0, COUNT_OF(golden));
	tcase_add_test(tests, the_corpus_comes_out_again);
	tcase_add_test(tests, a_scalar_is_written_as_documented);
	tcase_add_loop_test(tests, numbers_keep_their_bits, 0, COUNT_OF(widths));
	tcase_add_test(tests, values_may_come_from_a_callback);
	tcase_add_test(tests, shards_replace_those_of_an_older_save);
	tcase_add_test(tests, types_that_tensorflow_does_not_write_are_refused);
	tcase_add_test(tests, equal_names_are_refused);
	tcase_add_test(tests, a_failed_call_leaves_no_litter);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(write_v1_suite());
}
