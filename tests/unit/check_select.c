/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Some of a checkpoint's tensors, under other names: a conversion of a selection.
 */
#include <cairn/convert.h>

#include <errno.h>

#include "format/bytes.h"
#include "format/record_fields.h"

#include "tests/support/build.h"
#include "tests/support/golden.h"
#include "tests/support/sample_model.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
	memory_system_settings(scene.memory)->threads_inline = true;
}

static void tear_down(void)
{
	scene_close(&scene);
}

static enum cairn_status convert(const char *from, const char *to,
				 const struct cairn_selection *selection)
{
	const struct cairn_convert_options options = {
		.size = sizeof(options), .selection = selection, .replace = 1};
	struct cairn_reader *const reader = scene_reader(&scene, from, NULL);
	const enum cairn_status status = cairn_convert(reader, to, &options, &test_error);

	cairn_reader_close(reader);
	return status;
}

static void assert_same_files(const char *a, const char *b)
{
	struct bytes left = scene_content(&scene, a);
	struct bytes right = scene_content(&scene, b);

	ck_assert_uint_eq(left.size, right.size);
	ck_assert(memcmp(left.data, right.data, left.size) == 0);
	bytes_free(&left);
	bytes_free(&right);
}

static void add_golden(int number, const char *path)
{
	const struct golden_bytes golden = golden_make(&golden_recipes[number], 1);
	const struct bytes bytes = {golden.data, golden.size};

	scene_add_file(&scene, path, &bytes);
	free(golden.data);
}

START_TEST(all_of_a_container_is_the_same_container)
{
	const struct cairn_selection all = {.size = sizeof(all)};

	add_golden(_i, "/golden");
	ASSERT_OK(convert("/golden", "/plain.cairn", NULL));
	ASSERT_OK(convert("/golden", "/selected.cairn", &all));
	assert_same_files("/plain.cairn", "/selected.cairn");
}
END_TEST

/* "b" and "c" are aliases of "a"; "x.0" to "x.2" are tensors of one byte. */
static void write_small(const char *path)
{
	static const uint8_t bytes[3] = {10, 11, 12};
	static const char *const names[] = {"x.0", "x.1", "x.2"};
	struct cairn_writer *const writer = scene_writer(&scene, path, NULL);
	const uint64_t dims[] = {3};

	ASSERT_OK(cairn_writer_add(writer, "a", CAIRN_U8, 1, dims, bytes, &test_error));
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from("b"), cairn_string_from("a"),
					 &test_error));
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from("c"), cairn_string_from("a"),
					 &test_error));
	for (size_t i = 0; i < COUNT_OF(names); i++)
		ASSERT_OK(cairn_writer_add(writer, names[i], CAIRN_U8, 0, NULL, &bytes[i],
					   &test_error));
	ASSERT_OK(cairn_writer_set_metadata_string(writer, cairn_string_from("x.0"),
						   cairn_string_from("kept"), &test_error));
	finish_writer(writer);
}

static void assert_names(const char *path, const char *expected)
{
	struct cairn_reader *const reader = scene_reader(&scene, path, NULL);
	char names[200] = "";

	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader); i++) {
		struct cairn_tensor tensor;
		struct cairn_view view = {0};

		ASSERT_OK(cairn_reader_tensor_at(reader, i, &tensor, &test_error));
		ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
		strncat(names, tensor.name.data, tensor.name.size);
		snprintf(names + strlen(names), 20, "=%u ", *(const uint8_t *)view.data);
		cairn_view_release(&view);
	}
	ck_assert_str_eq(names, expected);
	ASSERT_OK(sample_verify(reader, &test_error));
	cairn_reader_close(reader);
}

static const struct {
	const char *matches[2];
	struct cairn_rename renames[2];
	const char *names;
} choices[] = {
	{{"x.*"}, {{0}}, "x.0=10 x.1=11 x.2=12 "},
	{{"x.[12]", "a"}, {{0}}, "a=10 x.1=11 x.2=12 "},
	{{"[bc]"}, {{0}}, "b=10 c=10 "},
	{{"c"}, {{"c", "a"}}, "a=10 "},
	{{NULL}, {{"a", "z"}}, "b=10 c=10 x.0=10 x.1=11 x.2=12 z=10 "},
	{{NULL}, {{"x.*", "*.y"}, {"*", "o.*"}}, "0.y=10 1.y=11 2.y=12 o.a=10 o.b=10 o.c=10 "},
	{{"x.?"}, {{"x.0", "x.1"}, {"x.1", "x.0"}}, "x.0=11 x.1=10 x.2=12 "},
};

static struct cairn_selection selection_of(int number)
{
	struct cairn_selection selection = {.size = sizeof(selection),
					    .matches = choices[number].matches,
					    .renames = choices[number].renames};

	for (uint32_t i = 0; i < 2; i++) {
		selection.match_count += choices[number].matches[i] != NULL;
		selection.rename_count += choices[number].renames[i].from != NULL;
	}
	return selection;
}

START_TEST(tensors_are_chosen_and_renamed)
{
	static const char *const targets[] = {"/to.cairn", "/to.safetensors",
					      "/to.safetensors.index.json"};
	const struct cairn_selection selection = selection_of(_i);
	struct cairn_reader *reader;
	struct cairn_tensor value;

	write_small("/small.cairn");
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		ASSERT_OK(convert("/small.cairn", targets[i], &selection));
		assert_names(targets[i], choices[_i].names);
	}
	reader = scene_reader(&scene, "/to.cairn", NULL);
	ASSERT_OK(
		cairn_reader_metadata_find(reader, cairn_string_from("x.0"), &value, &test_error));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(aliases_stay_aliases)
{
	static const char *const matches[] = {"[bc]"};
	const struct cairn_selection selection = {.matches = matches, .match_count = 1};
	struct cairn_reader *reader;
	struct tensor_record record;

	write_small("/small.cairn");
	ASSERT_OK(convert("/small.cairn", "/to.cairn", &selection));
	reader = scene_reader(&scene, "/to.cairn", NULL);
	ck_assert_uint_eq(reader->index.slice_count, 2); /* of the metadata, too */
	ASSERT_OK(index_tensor(&reader->index, 1, &record, &test_error));
	ck_assert_uint_eq(record.flags & TENSOR_ALIAS, TENSOR_ALIAS);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_sharded_checkpoint_is_a_source_like_any_other)
{
	static const struct cairn_rename renames[] = {{"own-*", "mine.*"}};
	static const struct cairn_rename back[] = {{"mine.*", "own-*"}};
	const struct cairn_selection there = {.renames = renames, .rename_count = 1};
	const struct cairn_selection again = {.renames = back, .rename_count = 1};
	const struct sharded_sample sample = {.ranks = 3, .seed = 4};
	struct cairn_convert_options options = {
		.selection = &again, .shard_size_max = 64, .target = CAIRN_TARGET_CAIRN};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	ASSERT_OK(sharded_write(scene.system, "/s", &sample, false, &test_error));
	ASSERT_OK(convert("/s", "/to.cairn", &there));
	reader = scene_reader(&scene, "/to.cairn", NULL);
	ASSERT_OK(cairn_reader_find(reader, "mine.2", &tensor, &test_error));
	ASSERT_OK(cairn_convert(reader, "/again", &options, &test_error));
	cairn_reader_close(reader);
	ASSERT_OK(sharded_check(scene.system, "/again", &sample, &test_error));
}
END_TEST

static const struct {
	const char *match;
	struct cairn_rename rename;
	enum cairn_status status;
	const char *part;
} wrong[] = {
	{"y*", {0}, CAIRN_NOT_FOUND, "'y*'"},
	{NULL, {"y", "z"}, CAIRN_NOT_FOUND, "'y'"},
	{"[", {0}, CAIRN_INVALID_ARGUMENT, "'['"},
	{NULL, {"x.*", "{2}"}, CAIRN_INVALID_ARGUMENT, "'{2}'"},
	{NULL, {"x.*", "\xff*"}, CAIRN_INVALID_ARGUMENT, "UTF-8"},
	{NULL,
	 {"x.*", "b"},
	 CAIRN_EXISTS,
	 "'b' and 'x.0' become 'b', 'x.0' and 'x.1' become 'b', 'x.1' and 'x.2' become 'b'"},
};

START_TEST(what_cannot_be_done_is_told_before_anything_is_written)
{
	const struct cairn_selection selection = {.matches = &wrong[_i].match,
						  .match_count = wrong[_i].match != NULL,
						  .renames = &wrong[_i].rename,
						  .rename_count = wrong[_i].rename.from != NULL};

	write_small("/small.cairn");
	ASSERT_FAILS(convert("/small.cairn", "/to.cairn", &selection), wrong[_i].status,
		     wrong[_i].part);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 1);
}
END_TEST

/* ------------------------------------------------------------------------------------- dry runs */

/* Bytes of all files in the folder. */
static int add_size(void *context, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/out/%s", name);
	*(uint64_t *)context += (uint64_t)memory_system_content(scene.memory, path, NULL, 0);
	return 0;
}

static uint64_t bytes_written(void)
{
	const int folder = system_open(scene.system, SYSTEM_CWD, "/out", 0);
	uint64_t bytes = 0;

	ck_assert_int_ge(folder, 0);
	system_list(scene.system, folder, add_size, &bytes);
	system_close(scene.system, folder);
	return bytes;
}

static const struct {
	enum cairn_target target;
	const char *path;
	uint64_t shard_size_max;
	bool makes_folder;
} dry_runs[] = {
	{CAIRN_TARGET_CAIRN, "/out/m.cairn", 0, false},
	{CAIRN_TARGET_CAIRN, "/out", 4, true},
	{CAIRN_TARGET_SAFETENSORS, "/out/m.safetensors", 0, false},
	{CAIRN_TARGET_SAFETENSORS, "/out/m.safetensors.index.json", 4, false},
	{CAIRN_TARGET_TENSORFLOW, "/out/m", 0, false},
	{CAIRN_TARGET_TENSORFLOW, "/out/m", 4, false},
};

START_TEST(a_dry_run_writes_nothing_and_knows_what_would_be)
{
	const struct cairn_selection selection = selection_of(5);
	struct cairn_convert_report dry = {0};
	struct cairn_convert_report wet = {0};
	struct cairn_convert_options options = {.target = dry_runs[_i].target,
						.shard_size_max = dry_runs[_i].shard_size_max,
						.selection = &selection,
						.drop = CAIRN_DROP_METADATA,
						.dry_run = 1,
						.report = &dry};
	struct cairn_reader *reader;

	write_small("/small.cairn");
	if (!dry_runs[_i].makes_folder)
		memory_system_add_directory(scene.memory, "/out");
	reader = scene_reader(&scene, "/small.cairn", NULL);
	ASSERT_OK(cairn_convert(reader, dry_runs[_i].path, &options, &test_error));
	ck_assert_uint_eq(scene_entries(&scene, "/"), dry_runs[_i].makes_folder ? 1 : 2);
	ck_assert(dry_runs[_i].makes_folder || scene_entries(&scene, "/out") == 0);
	options.dry_run = 0;
	options.report = &wet;
	ASSERT_OK(cairn_convert(reader, dry_runs[_i].path, &options, &test_error));
	ck_assert(memcmp(&dry, &wet, sizeof(dry)) == 0);
	ck_assert_uint_eq(dry.bytes, bytes_written());
	ck_assert_uint_eq(dry.file_count, scene_entries(&scene, "/out"));
	ck_assert_uint_eq(dry.tensor_count, 6);
	options.dry_run = 1;
	ASSERT_STATUS(cairn_convert(reader, dry_runs[_i].path, &options, &test_error),
		      CAIRN_EXISTS);
	cairn_reader_close(reader);
}
END_TEST

/* A record whose digests fit claims more extents than there are. */
START_TEST(no_count_of_a_record_is_believed)
{
	static const char *const all[] = {"*"};
	const struct cairn_selection selection = {.matches = all, .match_count = 1};
	struct bytes container;

	write_small("/small.cairn");
	container = scene_content(&scene, "/small.cairn");
	store_u32(container_record(&container, SECTION_SLICES, 0) + SLICE_EXTENT_COUNT, UINT32_MAX);
	container_reseal(&container);
	scene_add_file(&scene, "/hostile.cairn", &container);
	bytes_free(&container);
	ASSERT_FAILS(convert("/hostile.cairn", "/to.cairn", &selection), CAIRN_CORRUPT,
		     "slice record 0");
}
END_TEST

START_TEST(each_call_fails_once)
{
	const struct cairn_selection selection = selection_of(3);
	bool fired = true;

	write_small("/small.cairn");
	for (uint64_t number = 1; fired; number++) {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_ANY, .at = number, .error = ENOMEM};
		const struct cairn_convert_options options = {.selection = &selection,
							      .replace = 1};
		struct cairn_reader *const reader = scene_reader(&scene, "/small.cairn", NULL);
		enum cairn_status status;

		memory_system_set_fault(scene.memory, 0, &fault);
		test_error_reset();
		status = cairn_convert(reader, "/to.cairn", &options, &test_error);
		fired = memory_system_fault_fired(scene.memory, 0) != 0;
		memory_system_clear_faults(scene.memory);
		ck_assert(status == CAIRN_OK || test_error.code == status);
		cairn_reader_close(reader);
		ck_assert_uint_eq(memory_system_live(scene.memory).allocations, 0);
	}
}
END_TEST

static Suite *select_suite(void)
{
	Suite *suite = suite_create("select");
	TCase *tests = tcase_create("select");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, all_of_a_container_is_the_same_container, 0, (int)golden_count);
	tcase_add_loop_test(tests, tensors_are_chosen_and_renamed, 0, COUNT_OF(choices));
	tcase_add_test(tests, aliases_stay_aliases);
	tcase_add_test(tests, a_sharded_checkpoint_is_a_source_like_any_other);
	tcase_add_loop_test(tests, what_cannot_be_done_is_told_before_anything_is_written, 0,
			    COUNT_OF(wrong));
	tcase_add_loop_test(tests, a_dry_run_writes_nothing_and_knows_what_would_be, 0,
			    COUNT_OF(dry_runs));
	tcase_add_test(tests, no_count_of_a_record_is_believed);
	tcase_add_test(tests, each_call_fails_once);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(select_suite());
}
