/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is taken for: by its first bytes, its last, its size and its name; and what is said
 * about those that cannot be read.
 */
#include "engine/read/identify.h"

#include "format/bytes.h"
#include "format/container.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"

static struct scene scene;
static uint8_t content[4 * CONTAINER_PAGE_SIZE];

static void set_up(void)
{
	scene_open(&scene);
}

static void tear_down(void)
{
	scene_close(&scene);
}

/* Identifies the first `size` bytes of the content under that path. */
static enum cairn_status take(const char *path, uint64_t size, enum file_kind *kind)
{
	uint8_t page[CONTAINER_PAGE_SIZE] = {0};
	struct file file;

	memcpy(page, content, size < sizeof(page) ? size : sizeof(page));
	file_from_memory(scene.system, content, size, &file);
	return identify(&file, path, page, kind, &test_error);
}

static void begin_with(const void *bytes, size_t size)
{
	memset(content, 0, sizeof(content));
	memcpy(content, bytes, size);
}

/* A length, then JSON. */
static void begin_safetensors(const char *json)
{
	begin_with("", 0);
	store_u64(content, strlen(json));
	memcpy(content + 8, json, strlen(json));
}

static void make_header(void)
{
	const struct container_header header = {.version = CONTAINER_VERSION};

	begin_with("", 0);
	container_header_encode(&header, content);
}

static void end_like_a_container(uint64_t size)
{
	const struct container_footer footer = {.version = CONTAINER_VERSION};

	container_footer_encode(&footer, content + size - CONTAINER_PAGE_SIZE);
}

/* ----------------------------------------------------------------------------- what can be read */

START_TEST(a_container_is_known_by_its_beginning)
{
	static const char *const paths[] = {"f.cairn", "f", "f.safetensors",
					    "m.safetensors.index.json", "f.gguf"};
	enum file_kind kind = FILE_OTHER;

	make_header();
	ASSERT_OK(take(paths[_i], sizeof(content), &kind));
	ck_assert_int_eq(kind, FILE_CONTAINER);
}
END_TEST

START_TEST(a_container_cut_to_its_magic_is_one)
{
	enum file_kind kind = FILE_OTHER;

	make_header();
	ASSERT_OK(take("f", CONTAINER_MAGIC_SIZE, &kind));
	ck_assert_int_eq(kind, FILE_CONTAINER);
	ck_assert_int_ne(take("f", CONTAINER_MAGIC_SIZE - 1, &kind), CAIRN_OK);
}
END_TEST

START_TEST(safetensors_is_known_by_its_beginning_or_name)
{
	enum file_kind kind = FILE_OTHER;

	begin_safetensors("{}");
	ASSERT_OK(take("anything", 10, &kind));
	ck_assert_int_eq(kind, FILE_SAFETENSORS);
	kind = FILE_OTHER;
	begin_with("rubbish in a file that says what it should be", 45);
	ASSERT_OK(take("f.safetensors", 45, &kind));
	ck_assert_int_eq(kind, FILE_SAFETENSORS); /* whose parser will say what is wrong */
}
END_TEST

/* As a table of TensorFlow's ends. */
#define TABLE_END "........................................\x57\xfb\x80\x8b\x24\x75\x47\xdb"

START_TEST(a_table_is_known_by_its_end)
{
	enum file_kind kind = FILE_OTHER;

	begin_with(TABLE_END, 48);
	ASSERT_OK(take("m.ckpt", 48, &kind));
	ck_assert_int_eq(kind, FILE_TENSORFLOW_V1);
}
END_TEST

START_TEST(an_index_of_shards_is_known_by_its_name)
{
	enum file_kind kind = FILE_OTHER;

	begin_with("{}", 2);
	ASSERT_OK(take("dir/model.safetensors.index.json", 2, &kind));
	ck_assert_int_eq(kind, FILE_SAFETENSORS_INDEX);
}
END_TEST

/* -------------------------------------------------------------------------- what cannot be read */

static const struct {
	const char *path;
	const char *bytes;
	size_t size;
	enum cairn_status status;
	const char *part;
} others[] = {
	{"f", "GGUF\3\0\0\0", 8, CAIRN_UNSUPPORTED, "a GGUF file"},
	{"f.safetensors", "GGUF\3\0\0\0", 8, CAIRN_UNSUPPORTED, "a GGUF file"},
	{"f.pt", "PK\3\4....", 8, CAIRN_UNSUPPORTED, "a zip archive"},
	{"f.npz", "PK\5\6....", 8, CAIRN_UNSUPPORTED, "an empty zip archive"},
	{"f.npy", "\x93NUMPY\1\0", 8, CAIRN_UNSUPPORTED, "a NumPy array"},
	{"f.h5", "\x89HDF\r\n\x1a\n", 8, CAIRN_NOT_A_CHECKPOINT, "an HDF5 file"},
	{"f.safetensors", "version https://git-lfs.github.com/spec/v1\n", 43,
	 CAIRN_NOT_A_CHECKPOINT, "'git lfs pull'"},
	{"f", "\x1f\x8b\x08\0", 4, CAIRN_NOT_A_CHECKPOINT, "gzip: unpack it first"},
	{"f", "\x28\xb5\x2f\xfd", 4, CAIRN_NOT_A_CHECKPOINT, "zstd: unpack it first"},
	{"f.safetensors", "<!DOCTYPE html>", 15, CAIRN_NOT_A_CHECKPOINT, "a web page"},
	{"f", "<html>", 6, CAIRN_NOT_A_CHECKPOINT, "a web page"},
	{"f.bin", "\x80\x02}q", 4, CAIRN_NOT_A_CHECKPOINT, "pickle"},
	{"f.bin", "\x80\x04\x95", 3, CAIRN_NOT_A_CHECKPOINT, "pickle"},
	{"f",
	 "\x7f"
	 "ELF",
	 4, CAIRN_NOT_A_CHECKPOINT, "a program"},
	{"ckpt-1.index", "anything", 8, CAIRN_NOT_A_CHECKPOINT, "does not end like one"},
	{"m.data-00000-of-00002", "anything", 8, CAIRN_NOT_A_CHECKPOINT, "pass its prefix, 'm'"},
	{"m.index", TABLE_END, 48, CAIRN_NOT_A_CHECKPOINT, "pass its prefix, 'm'"},
	{"f", "anything", 8, CAIRN_NOT_A_CHECKPOINT, "none of the formats"},
	{"f", "x", 1, CAIRN_NOT_A_CHECKPOINT, "none of the formats"},
	{"f", "", 0, CAIRN_TRUNCATED, "an empty file"},
};

START_TEST(other_files_are_named)
{
	enum file_kind kind = FILE_OTHER;

	begin_with(others[_i].bytes, others[_i].size);
	ASSERT_FAILS(take(others[_i].path, others[_i].size, &kind), others[_i].status,
		     others[_i].part);
}
END_TEST

START_TEST(a_beginning_that_is_cut_short_is_no_signature)
{
	enum file_kind kind = FILE_OTHER;

	begin_with("GGU", 3);
	ASSERT_FAILS(take("f", 3, &kind), CAIRN_NOT_A_CHECKPOINT, "none of the formats");
}
END_TEST

START_TEST(a_foreign_beginning_of_a_container_is_corrupt)
{
	static const char *const beginnings[] = {"\2\0\0\0\0\0\0\0{}", "GGUF", "zeros"};
	enum file_kind kind = FILE_OTHER;

	begin_with(beginnings[_i], _i == 0 ? 10 : 4);
	end_like_a_container(sizeof(content));
	ASSERT_FAILS(take("f.safetensors", sizeof(content), &kind), CAIRN_CORRUPT,
		     "ends like a Cairn container at offset 12288");
}
END_TEST

START_TEST(a_footer_alone_is_no_end)
{
	enum file_kind kind = FILE_OTHER;

	begin_with("", 0);
	end_like_a_container(CONTAINER_PAGE_SIZE);
	ASSERT_STATUS(take("f", CONTAINER_PAGE_SIZE, &kind), CAIRN_NOT_A_CHECKPOINT);
}
END_TEST

static Suite *identify_suite(void)
{
	Suite *suite = suite_create("identify");
	TCase *tests = tcase_create("identify");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_container_is_known_by_its_beginning, 0, 5);
	tcase_add_test(tests, a_container_cut_to_its_magic_is_one);
	tcase_add_test(tests, safetensors_is_known_by_its_beginning_or_name);
	tcase_add_test(tests, a_table_is_known_by_its_end);
	tcase_add_test(tests, an_index_of_shards_is_known_by_its_name);
	tcase_add_loop_test(tests, other_files_are_named, 0, COUNT_OF(others));
	tcase_add_test(tests, a_beginning_that_is_cut_short_is_no_signature);
	tcase_add_loop_test(tests, a_foreign_beginning_of_a_container_is_corrupt, 0, 3);
	tcase_add_test(tests, a_footer_alone_is_no_end);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(identify_suite());
}
