/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers of tests/data/golden: what was written then can be read now, and is written now as
 * it was then.
 */
#include "tests/support/golden.h"

#include <dirent.h>
#include <stdbool.h>

#include <cairn/verify.h>

#include "tests/support/suite.h"

static const char *path_of(const struct golden *recipe, const char *suffix)
{
	static char path[4096];
	const char *const data = getenv("CAIRN_TEST_DATA");

	ck_assert_msg(data != NULL, "CAIRN_TEST_DATA is not set");
	snprintf(path, sizeof(path), "%s/golden/%s%s", data, recipe == NULL ? "" : recipe->name,
		 suffix);
	return path;
}

static struct golden_bytes read_file(const char *path)
{
	struct golden_bytes bytes = {0};
	FILE *const file = fopen(path, "rb");
	long size;

	ck_assert_msg(file != NULL, "%s cannot be opened", path);
	ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	ck_assert_int_ge(size, 0);
	rewind(file);
	bytes.size = (size_t)size;
	bytes.data = malloc(bytes.size + 1);
	ck_assert_ptr_nonnull(bytes.data);
	ck_assert_uint_eq(fread(bytes.data, 1, bytes.size, file), bytes.size);
	bytes.data[bytes.size] = '\0';
	fclose(file);
	return bytes;
}

/* Says where two things that should be the same differ. */
static void assert_same(const char *what, const struct golden_bytes *found,
			const struct golden_bytes *expected)
{
	size_t at = 0;

	while (at < found->size && at < expected->size && found->data[at] == expected->data[at])
		at++;
	ck_assert_msg(at == expected->size && found->size == expected->size,
		      "%s: %zu bytes instead of %zu, the first difference is at %zu", what,
		      found->size, expected->size, at);
}

/* ---------------------------------------------------------------------------------------- tests */

static void assert_written_as_then(const struct golden *recipe, uint32_t thread_count)
{
	struct golden_bytes written = golden_make(recipe, thread_count);
	struct golden_bytes file = read_file(path_of(recipe, ".cairn"));

	if (recipe->compression == CAIRN_COMPRESSION_DEFAULT)
		assert_same(recipe->name, &written, &file);
	free(written.data);
	free(file.data);
}

START_TEST(writing_the_same_again_gives_the_same_bytes)
{
	assert_written_as_then(&golden_recipes[_i], 1);
}
END_TEST

START_TEST(threads_do_not_change_the_bytes)
{
	assert_written_as_then(&golden_recipes[_i], 5);
}
END_TEST

static int print_problem(void *context, const struct cairn_problem *problem)
{
	(void)context;
	fprintf(stderr, "%s: %s\n", cairn_status_name(problem->code), problem->message);
	return 0;
}

static void assert_sound(const struct golden *recipe, enum cairn_transport transport)
{
	const struct cairn_reader_options options = {.flags = CAIRN_OPEN_CHECK_INDEX,
						     .transport = transport};
	const struct cairn_verify_options verify_options = {.on_problem = print_problem};
	struct cairn_verify_report report = {0};
	struct cairn_reader *reader = NULL;

	ASSERT_OK(cairn_reader_open(path_of(recipe, ".cairn"), &options, &reader, &test_error));
	ASSERT_OK(cairn_reader_verify(reader, &verify_options, &report, &test_error));
	ck_assert_uint_eq(report.problem_count, 0);
	ck_assert_uint_eq(report.tensor_count, cairn_reader_tensor_count(reader));
	cairn_reader_close(reader);
}

START_TEST(each_opens_and_verifies)
{
	assert_sound(&golden_recipes[_i], CAIRN_TRANSPORT_MAP);
	assert_sound(&golden_recipes[_i], CAIRN_TRANSPORT_COPY);
}
END_TEST

START_TEST(each_holds_what_its_description_says)
{
	const struct golden *const recipe = &golden_recipes[_i];
	struct golden_bytes container = read_file(path_of(recipe, ".cairn"));
	struct golden_bytes expected = read_file(path_of(recipe, ".txt"));
	struct golden_bytes found = {0};
	char *text = NULL;
	FILE *const out = open_memstream(&text, &found.size);

	ck_assert_ptr_nonnull(out);
	golden_dump(container.data, container.size, out);
	fclose(out);
	found.data = (uint8_t *)text;
	assert_same(recipe->name, &found, &expected);
	free(text);
	free(expected.data);
	free(container.data);
}
END_TEST

static bool is_container(const char *name)
{
	const char *const dot = strrchr(name, '.');

	return dot != NULL && strcmp(dot, ".cairn") == 0;
}

START_TEST(each_container_there_has_a_recipe)
{
	DIR *const folder = opendir(path_of(NULL, ""));
	struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder)) != NULL)
		count += is_container(entry->d_name);
	closedir(folder);
	ck_assert_uint_eq(count, golden_count);
}
END_TEST

static Suite *golden_suite(void)
{
	Suite *const suite = suite_create("golden");
	TCase *const tests = tcase_create("golden");
	const int count = (int)golden_count;

	tcase_add_loop_test(tests, writing_the_same_again_gives_the_same_bytes, 0, count);
	tcase_add_loop_test(tests, threads_do_not_change_the_bytes, 0, count);
	tcase_add_loop_test(tests, each_opens_and_verifies, 0, count);
	tcase_add_loop_test(tests, each_holds_what_its_description_says, 0, count);
	tcase_add_test(tests, each_container_there_has_a_recipe);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(golden_suite());
}
