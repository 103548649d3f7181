/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Editing: what was not touched is the same, what was is as it should be, the file is sound; and
 * whatever fails, it is the old one or the new one.
 */
#include <cairn/edit.h>
#include <cairn/text.h>

#include <errno.h>
#include <stdio.h>

#include "engine/convert/edit.h"
#include "tests/support/build.h"
#include "tests/support/crash.h"
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

static enum cairn_status edit(const char *path, const struct cairn_edit_options *options)
{
	return edit_checkpoint(scene.system, path, options, NULL, &test_error);
}

static const struct cairn_rename to_x[] = {{"*", "x/*"}};
static const struct cairn_rename from_x[] = {{"x/*", "*"}};

static const struct cairn_edit_options rename_there = {.renames = to_x, .rename_count = 1};
static const struct cairn_edit_options rename_back = {.renames = from_x, .rename_count = 1};

static void assert_sound(const char *path)
{
	struct cairn_reader *const reader = scene_reader(&scene, path, NULL);

	ASSERT_OK(sample_verify(reader, &test_error));
	cairn_reader_close(reader);
}

START_TEST(names_that_go_and_come_back_give_the_same_bytes)
{
	const struct golden_bytes golden = golden_make(&golden_recipes[_i], 1);
	const struct bytes before = {golden.data, golden.size};
	struct cairn_reader *reader;
	struct bytes after;

	scene_add_file(&scene, "/g.cairn", &before);
	reader = scene_reader(&scene, "/g.cairn", NULL);
	if (cairn_reader_tensor_count(reader) != 0) {
		ASSERT_OK(edit("/g.cairn", &rename_there));
		assert_sound("/g.cairn");
		ASSERT_OK(edit("/g", &rename_back)); /* as reader_open finds it */
	}
	cairn_reader_close(reader);
	after = scene_content(&scene, "/g.cairn");
	ck_assert_uint_eq(after.size, before.size);
	ck_assert(memcmp(after.data, before.data, before.size) == 0);
	bytes_free(&after);
	free(golden.data);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 1);
}
END_TEST

/* ------------------------------------------------------------------------------------- metadata */

static const uint64_t three[] = {3};
static const int64_t numbers[] = {1, 2, 3};
static const struct cairn_string texts[] = {{"a", 1}, {"", 0}, {"bc", 2}};

static const struct cairn_metadata_value set[] = {
	{.key = {"format", 6}, .dtype = CAIRN_I64, .rank = 1, .dims = three, .data = numbers},
	{.key = {"texts", 5}, .dtype = CAIRN_STRING, .rank = 1, .dims = three, .strings = texts},
	{.key = {"nothing", 7}, .dtype = CAIRN_NULL},
};

static const struct cairn_edit_options set_three = {.set = set, .set_count = COUNT_OF(set)};

static void assert_has(const char *path, const char *key, bool expected)
{
	struct cairn_reader *const reader = scene_reader(&scene, path, NULL);
	struct cairn_tensor value;
	struct cairn_view view = {0};
	const enum cairn_status status = cairn_reader_metadata_find(reader, cairn_string_from(key),
								    &value, NULL);

	ck_assert_int_eq(status, expected ? CAIRN_OK : CAIRN_NOT_FOUND);
	if (expected && strcmp(key, "format") == 0) {
		ASSERT_OK(cairn_tensor_view(&value, &view, &test_error));
		ck_assert_uint_eq(view.size, sizeof(numbers));
		ck_assert(memcmp(view.data, numbers, sizeof(numbers)) == 0);
		cairn_view_release(&view);
	}
	cairn_reader_close(reader);
}

START_TEST(metadata_come_and_go)
{
	static const struct cairn_string keys[] = {{"format", 6}, {"nothing", 7}};
	const struct cairn_edit_options unset = {.unset = keys, .unset_count = COUNT_OF(keys)};
	const struct sharded_sample sample = {.ranks = 3, .seed = 1};
	const char *const path = _i == 0 ? "/s" : "/one.cairn";

	if (_i == 0)
		ASSERT_OK(sharded_write(scene.system, path, &sample, false, &test_error));
	else
		ASSERT_OK(sharded_write_part(scene.system, path, &sample, 0, &test_error));
	ASSERT_OK(edit(path, &set_three));
	assert_sound(path);
	assert_has(path, "format", true);
	assert_has(path, "texts", true);
	assert_has(path, "nothing", true);
	ASSERT_OK(edit(path, &set_three)); /* over what is there */
	assert_sound(path);
	ASSERT_OK(edit(path, &unset));
	assert_sound(path);
	assert_has(path, "format", false);
	assert_has(path, "texts", true);
	ck_assert_uint_eq(scene_entries(&scene, _i == 0 ? "/s" : "/"), _i == 0 ? 4 : 1);
}
END_TEST

START_TEST(tensors_of_a_sharded_checkpoint_are_renamed_in_its_index)
{
	const struct sharded_sample sample = {.ranks = 3, .seed = 1};
	struct bytes before;
	struct bytes after;

	ASSERT_OK(sharded_write(scene.system, "/s", &sample, false, &test_error));
	before = scene_content(&scene, "/s/shard-00000-of-00003.cairn");
	ASSERT_OK(edit("/s", &rename_there));
	assert_sound("/s");
	after = scene_content(&scene, "/s/shard-00000-of-00003.cairn");
	ck_assert(memcmp(before.data, after.data, before.size) == 0);
	ASSERT_OK(edit("/s/index.cairn", &rename_back));
	ASSERT_OK(sharded_check(scene.system, "/s", &sample, &test_error));
	bytes_free(&before);
	bytes_free(&after);
}
END_TEST

START_TEST(a_dry_run_leaves_all_as_it_is)
{
	const struct sample sample = {SAMPLE_FULL, 1};
	struct cairn_edit_options options = rename_there;
	struct cairn_edit_report report = {0};

	options.dry_run = 1;
	ASSERT_OK(sample_write(scene.system, "/m.cairn", &sample, 0, &test_error));
	ASSERT_OK(edit_checkpoint(scene.system, "/m.cairn", &options, &report, &test_error));
	ck_assert_uint_gt(report.tensors_renamed, 0);
	ASSERT_OK(edit("/m.cairn", &rename_there));
}
END_TEST

/* -------------------------------------------------------------------------------------- refused */

START_TEST(what_cannot_be_edited_is_told)
{
	static const struct cairn_string no_key[] = {{"no such key", 11}};
	static const struct cairn_rename nothing[] = {{"no such tensor", "x"}};
	static const struct cairn_rename all[] = {{"*", "x"}};
	static const struct cairn_metadata_value twice[] = {{.key = {"k", 1}, .dtype = CAIRN_NULL},
							    {.key = {"k", 1}, .dtype = CAIRN_NULL}};
	static const struct cairn_metadata_value wrong[] = {
		{.key = {"k", 1}, .dtype = CAIRN_F32, .rank = 2, .dims = three}};
	static const struct {
		struct cairn_edit_options options;
		enum cairn_status status;
		const char *part;
	} cases[] = {
		{{0}, CAIRN_INVALID_ARGUMENT, "nothing to set"},
		{{.unset = no_key, .unset_count = 1}, CAIRN_NOT_FOUND, "'no such key'"},
		{{.renames = nothing, .rename_count = 1}, CAIRN_NOT_FOUND, "'no such tensor'"},
		{{.renames = all, .rename_count = 1}, CAIRN_EXISTS, "the same name"},
		{{.set = twice, .set_count = 2}, CAIRN_EXISTS, "'k'"},
		{{.set = wrong, .set_count = 1}, CAIRN_INVALID_ARGUMENT, "'k'"},
	};
	const struct sharded_sample sample = {.ranks = 2, .seed = 1};
	struct bytes before;
	struct bytes after;

	ASSERT_OK(sharded_write_part(scene.system, "/m.cairn", &sample, 0, &test_error));
	before = scene_content(&scene, "/m.cairn");
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ASSERT_FAILS(edit("/m.cairn", &cases[i].options), cases[i].status, cases[i].part);
	after = scene_content(&scene, "/m.cairn");
	ck_assert(memcmp(before.data, after.data, before.size) == 0);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 1);
	bytes_free(&before);
	bytes_free(&after);
}
END_TEST

START_TEST(a_shard_and_a_foreign_file_are_refused)
{
	static const char safetensors[] = "\x02\0\0\0\0\0\0\0{}";
	const struct bytes bytes = {(uint8_t *)(uintptr_t)safetensors, 10};
	const struct sharded_sample sample = {.ranks = 2, .seed = 1};

	ASSERT_OK(sharded_write(scene.system, "/s", &sample, false, &test_error));
	ASSERT_FAILS(edit("/s/shard-00000-of-00002.cairn", &rename_there), CAIRN_UNSUPPORTED,
		     "pass its folder");
	scene_add_file(&scene, "/m.safetensors", &bytes);
	ASSERT_FAILS(edit("/m.safetensors", &set_three), CAIRN_UNSUPPORTED, "convert it");
	ASSERT_OK(sharded_check(scene.system, "/s", &sample, &test_error));
}
END_TEST

/* ----------------------------------------------------------------------------------- what fails */

static const struct cairn_rename bias[] = {{"bias", "b"}};
static const struct cairn_edit_options rename_bias = {
	.set = set, .renames = bias, .set_count = COUNT_OF(set), .rename_count = 1};

/* 1: the old one, 2: the new one, 0: neither. */
static int version_of(struct system *system, const char *path)
{
	struct cairn_reader *reader = NULL;
	struct cairn_tensor tensor;
	int version = 0;

	if (reader_open_path(system, path, NULL, &reader, NULL) != CAIRN_OK)
		return 0;
	if (cairn_reader_find(reader, "bias", &tensor, NULL) == CAIRN_OK)
		version = 1;
	else if (cairn_reader_find(reader, "b", &tensor, NULL) == CAIRN_OK)
		version = 2;
	if (sample_verify(reader, NULL) != CAIRN_OK)
		version = 0;
	cairn_reader_close(reader);
	return version;
}

static void write_old(const char *path)
{
	const struct sharded_sample sample = {.ranks = 2, .seed = 1};

	if (path[1] == 's')
		ASSERT_OK(sharded_write(scene.system, path, &sample, false, &test_error));
	else
		ASSERT_OK(sharded_write_part(scene.system, path, &sample, 0, &test_error));
}

static void write_again(const char *path)
{
	ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, path), 0);
	write_old(path);
}

/* The n-th call fails: false when there was none. */
static bool fail_call(uint64_t number, int error, const char *path)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_ANY, .at = number, .error = error};
	enum cairn_status status;
	bool fired;

	memory_system_set_fault(scene.memory, 0, &fault);
	test_error_reset();
	status = edit(path, &rename_bias);
	fired = memory_system_fault_fired(scene.memory, 0) != 0;
	memory_system_clear_faults(scene.memory);
	ck_assert_int_eq(version_of(scene.system, path),
			 status == CAIRN_OK || status == CAIRN_IN_DOUBT ? 2 : 1);
	ck_assert(status == CAIRN_OK || test_error.code == status);
	return fired;
}

START_TEST(each_call_fails_once)
{
	static const int errors[] = {EIO, ENOSPC, EOPNOTSUPP, EXDEV};
	const char *const path = _i % 2 == 0 ? "/m.cairn" : "/s";

	for (uint64_t number = 1;; number++) {
		bool fired;

		write_old(path);
		fired = fail_call(number, errors[_i / 2], path);
		tear_down();
		set_up();
		if (!fired)
			break;
	}
}
END_TEST

START_TEST(each_allocation_fails_once)
{
	bool fired = true;

	write_old("/m.cairn");
	for (uint64_t number = 1; fired; number++) {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_ALLOCATE, .at = number, .error = ENOMEM};
		enum cairn_status status;

		memory_system_set_fault(scene.memory, 0, &fault);
		test_error_reset();
		status = edit("/m.cairn", &rename_bias);
		fired = memory_system_fault_fired(scene.memory, 0) != 0;
		memory_system_clear_faults(scene.memory);
		ck_assert_msg(status == CAIRN_OK || (fired && status == CAIRN_NO_MEMORY),
			      "allocation %u: %s", (unsigned)number, test_error.message);
		ck_assert_int_eq(version_of(scene.system, "/m.cairn"), status == CAIRN_OK ? 2 : 1);
		if (status == CAIRN_OK)
			write_again("/m.cairn");
	}
}
END_TEST

static int look_at_state(void *context, const struct crash_state *state)
{
	const int version = version_of(memory_system_get(state->system), context);

	ck_assert_msg(version == 2 || (version == 1 && state->marker == 0),
		      "version %d after marker %d, state %u", version, state->marker,
		      (unsigned)state->number);
	return 0;
}

START_TEST(a_power_cut_leaves_the_old_or_the_new)
{
	static char paths[][12] = {"/m.cairn", "/s"};
	const struct crash_options options = {.states_max = 3000};

	write_old(paths[_i]);
	memory_system_trace_start(scene.memory);
	ASSERT_OK(edit(paths[_i], &rename_bias));
	memory_system_mark(scene.memory, 1);
	ck_assert_int_eq(crash_enumerate(scene.memory, &options, look_at_state, paths[_i], NULL),
			 0);
}
END_TEST

static Suite *edit_suite(void)
{
	Suite *suite = suite_create("edit");
	TCase *tests = tcase_create("edit");
	TCase *faults = tcase_create("faults");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, names_that_go_and_come_back_give_the_same_bytes, 0,
			    (int)golden_count);
	tcase_add_loop_test(tests, metadata_come_and_go, 0, 2);
	tcase_add_test(tests, tensors_of_a_sharded_checkpoint_are_renamed_in_its_index);
	tcase_add_test(tests, a_dry_run_leaves_all_as_it_is);
	tcase_add_test(tests, what_cannot_be_edited_is_told);
	tcase_add_test(tests, a_shard_and_a_foreign_file_are_refused);
	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(faults, set_up, tear_down);
	tcase_add_loop_test(faults, each_call_fails_once, 0, 8);
	tcase_add_test(faults, each_allocation_fails_once);
	tcase_add_loop_test(faults, a_power_cut_leaves_the_old_or_the_new, 0, 2);
	suite_add_tcase(suite, faults);
	return suite;
}

int main(void)
{
	return run_suite(edit_suite());
}
