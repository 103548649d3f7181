/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging TensorFlow checkpoints: data are linked, copied only where they must be, and sources stay
 * whole until the result is there.
 */
#include "engine/convert/merge_bundles.h"

#include <errno.h>
#include <stdio.h>

#include "engine/write/save.h"
#include "tests/support/build.h"
#include "tests/support/bundle_sample.h"
#include "tests/support/seam_hook.h"
#include "tests/support/suite.h"

#define FOLDER "/d"
#define PARTS  "/d/ckpt_temp"
#define TARGET "/d/ckpt"
#define TRASH  PARTS "/.cairn-trash-00112233445566778899aabbccddeeff"
#define COUNT  3u

static struct scene scene;
static struct cairn_merge_options options;
static struct cairn_merge_report report;

static const char *const sources[COUNT] = {PARTS "/part-0", PARTS "/part-1", PARTS "/part-2"};

static void set_up(void)
{
	scene_open(&scene);
	options = (struct cairn_merge_options){.target = CAIRN_TARGET_TENSORFLOW};
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER), 0);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, PARTS), 0);
	for (uint32_t i = 0; i < COUNT; i++)
		bundle_put_part(scene.system, sources[i], i, COUNT, 1);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static enum cairn_status merge(uint32_t count)
{
	return merge_checkpoints(scene.system, sources, count, TARGET, &options, &report,
				 &test_error);
}

static int generation(void)
{
	return bundle_generation(scene.system, TARGET, COUNT);
}

static bool has(const char *path)
{
	return memory_system_exists(scene.memory, path);
}

static uint64_t inode_of(const char *path)
{
	struct system_status status;

	ck_assert_int_eq(system_status_at(scene.system, SYSTEM_CWD, path, true, &status), 0);
	return status.inode;
}

static void inject(enum memory_call call, uint64_t at, int error)
{
	const struct memory_fault fault = {.call = call, .at = at, .error = error, .forever = true};

	memory_system_clear_faults(scene.memory);
	memory_system_set_fault(scene.memory, 0, &fault);
}

/* ----------------------------------------------------------------------------------------- data */

START_TEST(data_files_are_linked_and_sources_stay)
{
	ASSERT_OK(merge(COUNT));
	ck_assert_int_eq(generation(), 1);
	ck_assert_uint_eq(report.shards, COUNT);
	ck_assert_uint_eq(report.copied, 0);
	ck_assert_uint_eq(inode_of(TARGET ".data-00001-of-00003"),
			  inode_of(PARTS "/part-1.data-00000-of-00001"));
	ck_assert_uint_eq(scene_entries(&scene, PARTS), 2 * COUNT);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), COUNT + 2);
}
END_TEST

START_TEST(what_cannot_be_linked_is_copied_and_counted)
{
	inject(MEMORY_CALL_LINK, 2, _i == 0 ? EXDEV : EPERM);
	ASSERT_OK(merge(COUNT));
	ck_assert_int_eq(generation(), 1);
	ck_assert_uint_eq(report.copied, 2);
	ck_assert_uint_eq(report.copied_bytes, 14);
	ck_assert_uint_ne(inode_of(TARGET ".data-00001-of-00003"),
			  inode_of(PARTS "/part-1.data-00000-of-00001"));
}
END_TEST

START_TEST(what_a_symbolic_link_leads_to_is_copied)
{
	ck_assert_int_eq(system_rename(scene.system, SYSTEM_CWD,
				       PARTS "/part-1.data-00000-of-00001", SYSTEM_CWD,
				       FOLDER "/blob", SYSTEM_RENAME_REPLACE),
			 0);
	ck_assert_int_eq(memory_system_add_link(scene.memory, PARTS "/part-1.data-00000-of-00001",
						"../blob"),
			 0);
	ASSERT_OK(merge(COUNT));
	ck_assert_int_eq(generation(), 1);
	ck_assert_uint_eq(report.copied, 1);
}
END_TEST

static int cancel(void *context, uint64_t done, uint64_t total)
{
	ck_assert_uint_eq(total, 21);
	ck_assert_uint_le(done, total);
	return ++*(int *)context == 2;
}

START_TEST(copying_can_be_cancelled)
{
	int calls = 0;

	options.progress = cancel;
	options.progress_context = &calls;
	inject(MEMORY_CALL_LINK, 1, EXDEV);
	ASSERT_STATUS(merge(COUNT), CAIRN_CANCELLED);
	ck_assert_int_eq(generation(), BUNDLE_ABSENT);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
}
END_TEST

START_TEST(merging_what_was_merged_keeps_every_file)
{
	static const char *const again[] = {TARGET};

	ASSERT_OK(merge(COUNT));
	ASSERT_OK(merge_checkpoints(scene.system, again, 1, FOLDER "/again", &options, &report,
				    &test_error));
	ck_assert_int_eq(bundle_generation(scene.system, FOLDER "/again", COUNT), 1);
	options.replace = 1;
	ASSERT_OK(merge_checkpoints(scene.system, again, 1, TARGET, &options, &report,
				    &test_error)); /* over itself */
	ck_assert_int_eq(generation(), 1);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 2 * COUNT + 3);
}
END_TEST

/* -------------------------------------------------------------------------------------- sources */

START_TEST(sources_and_their_folder_go_when_asked)
{
	options.remove_sources = 1;
	ASSERT_OK(merge(COUNT));
	ck_assert_int_eq(generation(), 1);
	ck_assert(!has(PARTS));
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), COUNT + 1);
}
END_TEST

START_TEST(a_folder_with_something_else_in_it_stays)
{
	options.remove_sources = 1;
	ck_assert_int_eq(
		memory_system_add_file(scene.memory, PARTS "/part-0.data-00000-of-00002", "x", 1),
		0);
	ASSERT_OK(merge(COUNT));
	ck_assert_uint_eq(scene_entries(&scene, PARTS), 1);
}
END_TEST

START_TEST(a_source_that_was_replaced_by_the_result_stays)
{
	static const char *const into_itself[] = {PARTS "/part-0", PARTS "/part-1",
						  PARTS "/part-2"};

	options.remove_sources = 1;
	options.replace = 1;
	ASSERT_OK(merge_checkpoints(scene.system, into_itself, COUNT, PARTS "/part-0", &options,
				    &report, &test_error));
	ck_assert_int_eq(bundle_generation(scene.system, PARTS "/part-0", COUNT), 1);
	ck_assert_uint_eq(scene_entries(&scene, PARTS), COUNT + 1);
}
END_TEST

START_TEST(sources_stay_when_the_merge_fails)
{
	options.remove_sources = 1;
	inject(MEMORY_CALL_RENAME, 1, EIO);
	ASSERT_STATUS(merge(COUNT), CAIRN_IO);
	memory_system_clear_faults(scene.memory);
	ck_assert_uint_eq(scene_entries(&scene, PARTS), 2 * COUNT);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
}
END_TEST

/* Another process replaces a source after its index was read, and before its data are linked. */
static void replace_source(void *context, enum memory_call call, bool is_after)
{
	bool *const done = context;

	if (call != MEMORY_CALL_LINK || is_after || *done)
		return;
	*done = true;
	ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, PARTS "/part-1.index"), 0);
	ck_assert_int_eq(
		system_unlink(scene.system, SYSTEM_CWD, PARTS "/part-1.data-00000-of-00001"), 0);
	bundle_put_part(scene.system, sources[1], 1, COUNT, 2);
}

START_TEST(a_source_that_is_replaced_meanwhile_is_noticed)
{
	bool done = false;
	enum cairn_status status;

	test_error_reset();
	seam_hook_install(scene.system, replace_source, &done);
	status = merge(COUNT);
	seam_hook_remove(scene.system);
	ck_assert(done);
	ASSERT_STATUS(status, CAIRN_BUSY);
	ck_assert_int_eq(generation(), BUNDLE_ABSENT);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
}
END_TEST

START_TEST(a_missing_source_is_an_error_unless_allowed)
{
	ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, PARTS "/part-2.index"), 0);
	ASSERT_FAILS(merge(COUNT), CAIRN_NOT_FOUND, "'" PARTS "/part-2': no such checkpoint");
	options.allow_missing = 1;
	ASSERT_FAILS(merge(COUNT), CAIRN_PRECONDITION, "slices are missing");
	options.allow_incomplete = 1;
	ASSERT_OK(merge(COUNT));
	ck_assert_uint_eq(report.shards, 2);
}
END_TEST

START_TEST(no_source_at_all_is_an_error)
{
	static const char *const nowhere[] = {FOLDER "/a", FOLDER "/b"};

	options.allow_missing = 1;
	ASSERT_FAILS(
		merge_checkpoints(scene.system, nowhere, 2, TARGET, &options, &report, &test_error),
		CAIRN_NOT_FOUND, "none of the sources is there");
	ASSERT_STATUS(merge(0), CAIRN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(an_interrupted_source_is_put_back_first)
{
	ck_assert_int_eq(memory_system_add_directory(scene.memory, TRASH), 0);
	ck_assert_int_eq(system_rename(scene.system, SYSTEM_CWD, PARTS "/part-1.index", SYSTEM_CWD,
				       TRASH "/part-1.index", SYSTEM_RENAME_REPLACE),
			 0);
	ck_assert_int_eq(system_rename(scene.system, SYSTEM_CWD,
				       PARTS "/part-1.data-00000-of-00001", SYSTEM_CWD,
				       TRASH "/part-1.data-00000-of-00001", SYSTEM_RENAME_REPLACE),
			 0);
	options.allow_missing = 1;
	ASSERT_OK(merge(COUNT));
	ck_assert_int_eq(generation(), 1);
}
END_TEST

struct hint {
	const char *path;
	const char *part;
};

static const struct hint hints[] = {
	{PARTS "/part-0.index", "pass its prefix 'part-0'"},
	{PARTS "/part-0.data-00000-of-00001", "pass its prefix 'part-0'"},
	{PARTS "/", "no such checkpoint"},
	{"", "no such checkpoint"},
};

START_TEST(a_file_of_a_checkpoint_is_named_as_such)
{
	const char *const paths[] = {hints[_i].path};

	ASSERT_FAILS(
		merge_checkpoints(scene.system, paths, 1, TARGET, &options, &report, &test_error),
		CAIRN_NOT_FOUND, hints[_i].part);
}
END_TEST

START_TEST(a_damaged_index_is_named)
{
	ck_assert_int_eq(memory_system_corrupt(scene.memory, PARTS "/part-1.index", 9, 1), 0);
	ASSERT_FAILS(merge(COUNT), CAIRN_CHECKSUM, "part-1.index");
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
}
END_TEST

START_TEST(a_data_file_that_is_too_short_is_named)
{
	ck_assert_int_eq(
		memory_system_truncate(scene.memory, PARTS "/part-1.data-00000-of-00001", 6), 0);
	ASSERT_FAILS(merge(COUNT), CAIRN_TRUNCATED, "it has 6 bytes, and its index names 7");
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
}
END_TEST

START_TEST(a_data_file_that_is_not_there_is_named)
{
	ck_assert_int_eq(
		system_unlink(scene.system, SYSTEM_CWD, PARTS "/part-1.data-00000-of-00001"), 0);
	ASSERT_FAILS(merge(COUNT), CAIRN_CORRUPT,
		     "part-1.data-00000-of-00001': this data file is missing");
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
}
END_TEST

START_TEST(a_tensor_that_is_there_twice_names_its_source)
{
	static const char *const twice[] = {PARTS "/part-0", PARTS "/part-1", PARTS "/part-0"};

	ASSERT_FAILS(
		merge_checkpoints(scene.system, twice, 3, TARGET, &options, &report, &test_error),
		CAIRN_MISMATCH, "'" PARTS "/part-0': tensor 'own-0': an earlier source");
}
END_TEST

/* --------------------------------------------------------------------------------------- target */

START_TEST(what_is_there_is_replaced_only_when_asked)
{
	static const char *const others[COUNT] = {PARTS "/other-0", PARTS "/other-1",
						  PARTS "/other-2"};

	ASSERT_OK(merge(COUNT));
	for (uint32_t i = 0; i < COUNT; i++)
		bundle_put_part(scene.system, others[i], i, COUNT, 2);
	ASSERT_FAILS(merge_checkpoints(scene.system, others, COUNT, TARGET, &options, &report,
				       &test_error),
		     CAIRN_EXISTS, "'ckpt.index' is there already");
	ck_assert_int_eq(generation(), 1);
	options.replace = 1;
	ASSERT_OK(merge_checkpoints(scene.system, others, COUNT, TARGET, &options, &report,
				    &test_error));
	ck_assert_int_eq(generation(), 2);
}
END_TEST

START_TEST(options_that_do_not_fit_are_refused)
{
	options.shard_size_max = 1;
	ASSERT_STATUS(merge(COUNT), CAIRN_INVALID_ARGUMENT);
	options.shard_size_max = 0;
	options.target = CAIRN_TARGET_SAFETENSORS;
	ASSERT_STATUS(merge(COUNT), CAIRN_INVALID_ARGUMENT);
	options.target = (enum cairn_target)77;
	ASSERT_STATUS(merge(COUNT), CAIRN_INVALID_ARGUMENT);
	options.target = CAIRN_TARGET_TENSORFLOW;
	ASSERT_STATUS(merge_checkpoints(scene.system, sources, COUNT, NULL, &options, &report,
					&test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(merge_checkpoints(scene.system, sources, COUNT, "/nowhere/ckpt", &options,
					&report, &test_error),
		      CAIRN_NOT_FOUND);
}
END_TEST

/* ---------------------------------------------------------------------------- readers meanwhile */

static const char *const newer[COUNT] = {PARTS "/new-0", PARTS "/new-1", PARTS "/new-2"};

/* A checkpoint of generation 1 is there, and parts of generation 2. */
static void prepare_exchange(void)
{
	ASSERT_OK(merge(COUNT));
	for (uint32_t i = 0; i < COUNT; i++)
		bundle_put_part(scene.system, newer[i], i, COUNT, 2);
	options.replace = 1;
}

static enum cairn_status exchange(void)
{
	return merge_checkpoints(scene.system, newer, COUNT, TARGET, &options, &report, NULL);
}

/* All of it through a reader, CRCs included. 0: it holds bytes of two generations, or none. */
static int generation_of(struct cairn_reader *reader)
{
	static const char *const names[] = {"grid", "own-0", "own-1", "own-2"};
	int found = 0;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct cairn_tensor tensor;
		struct cairn_view view;
		uint8_t first;

		if (cairn_reader_find(reader, names[i], &tensor, NULL) != CAIRN_OK ||
		    cairn_tensor_view(&tensor, &view, NULL) != CAIRN_OK)
			return 0;
		first = *(const uint8_t *)view.data;
		for (uint64_t k = 0; k < view.size; k++)
			found = ((const uint8_t *)view.data)[k] != first ? -1 : found;
		found = found == 0 || found == first ? first : -1;
		cairn_view_release(&view);
		if (found < 0)
			return 0;
	}
	return found;
}

/* Another process opens the checkpoint, or exchanges it, at one call of the subject. */
struct meeting {
	uint64_t at;
	bool happened;
	bool exchanges;
	enum cairn_status status;
	int generation;
};

static void meet(void *context, enum memory_call call, bool is_after)
{
	struct meeting *const meeting = context;
	struct cairn_reader *reader = NULL;

	(void)call;
	if (!is_after || meeting->happened || meeting->at-- != 0)
		return;
	meeting->happened = true;
	if (meeting->exchanges) {
		meeting->status = exchange();
		return;
	}
	meeting->status = reader_open_path(scene.system, TARGET, NULL, &reader, NULL);
	if (meeting->status == CAIRN_OK)
		meeting->generation = generation_of(reader);
	cairn_reader_close(reader);
}

START_TEST(a_reader_in_the_middle_of_an_exchange_finds_old_new_or_nothing)
{
	uint32_t seen[3] = {0};
	bool happened = true;

	for (uint64_t at = 0; happened; at++) {
		struct meeting meeting = {.at = at};
		enum cairn_status status;

		tear_down();
		set_up();
		prepare_exchange();
		seam_hook_install(scene.system, meet, &meeting);
		status = exchange();
		seam_hook_remove(scene.system);
		ck_assert_int_eq(status, CAIRN_OK);
		happened = meeting.happened;
		if (!happened)
			break;
		ck_assert_msg(meeting.status == CAIRN_OK || meeting.status == CAIRN_NOT_FOUND,
			      "call %d: %s", (int)at, cairn_status_name(meeting.status));
		ck_assert_msg(meeting.status != CAIRN_OK || meeting.generation != 0,
			      "call %d: a mixture", (int)at);
		seen[meeting.status == CAIRN_OK ? meeting.generation : 0]++;
	}
	ck_assert_uint_gt(seen[0], 0);
	ck_assert_uint_gt(seen[1], 0);
	ck_assert_uint_gt(seen[2], 0);
}
END_TEST

START_TEST(an_exchange_in_the_middle_of_opening_gives_old_or_new)
{
	bool happened = true;

	for (uint64_t at = 0; happened; at++) {
		struct meeting meeting = {.at = at, .exchanges = true};
		struct cairn_reader *reader = NULL;
		enum cairn_status status;

		tear_down();
		set_up();
		prepare_exchange();
		seam_hook_install(scene.system, meet, &meeting);
		status = reader_open_path(scene.system, TARGET, NULL, &reader, &test_error);
		seam_hook_remove(scene.system);
		happened = meeting.happened;
		ck_assert_msg(status == CAIRN_OK, "call %d: %s", (int)at, test_error.message);
		ck_assert_int_eq(meeting.status, CAIRN_OK);
		ck_assert_msg(generation_of(reader) != 0, "call %d: a mixture", (int)at);
		cairn_reader_close(reader);
	}
}
END_TEST

static Suite *merge_bundles_suite(void)
{
	Suite *const suite = suite_create("merge_bundles");
	TCase *const tests = tcase_create("merge_bundles");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, data_files_are_linked_and_sources_stay);
	tcase_add_loop_test(tests, what_cannot_be_linked_is_copied_and_counted, 0, 2);
	tcase_add_test(tests, what_a_symbolic_link_leads_to_is_copied);
	tcase_add_test(tests, copying_can_be_cancelled);
	tcase_add_test(tests, merging_what_was_merged_keeps_every_file);
	tcase_add_test(tests, sources_and_their_folder_go_when_asked);
	tcase_add_test(tests, a_folder_with_something_else_in_it_stays);
	tcase_add_test(tests, a_source_that_was_replaced_by_the_result_stays);
	tcase_add_test(tests, sources_stay_when_the_merge_fails);
	tcase_add_test(tests, a_source_that_is_replaced_meanwhile_is_noticed);
	tcase_add_test(tests, a_missing_source_is_an_error_unless_allowed);
	tcase_add_test(tests, no_source_at_all_is_an_error);
	tcase_add_test(tests, an_interrupted_source_is_put_back_first);
	tcase_add_loop_test(tests, a_file_of_a_checkpoint_is_named_as_such, 0, COUNT_OF(hints));
	tcase_add_test(tests, a_damaged_index_is_named);
	tcase_add_test(tests, a_data_file_that_is_too_short_is_named);
	tcase_add_test(tests, a_data_file_that_is_not_there_is_named);
	tcase_add_test(tests, a_tensor_that_is_there_twice_names_its_source);
	tcase_add_test(tests, what_is_there_is_replaced_only_when_asked);
	tcase_add_test(tests, options_that_do_not_fit_are_refused);
	tcase_add_test(tests, a_reader_in_the_middle_of_an_exchange_finds_old_new_or_nothing);
	tcase_add_test(tests, an_exchange_in_the_middle_of_opening_gives_old_or_new);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(merge_bundles_suite());
}
