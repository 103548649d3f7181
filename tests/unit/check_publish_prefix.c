/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing under a TensorFlow prefix: names, the order of what is done, what is refused, what is
 * there when a step fails, and what a sweep takes for an undo record.
 */
#include "engine/write/publish_prefix.h"

#include <errno.h>

#include "engine/write/prefix_files.h"
#include "engine/write/save.h"
#include "tests/support/build.h"
#include "tests/support/prefix_sample.h"
#include "tests/support/suite.h"

#define FOLDER "/d"
#define TARGET "/d/ckpt"
#define TRASH  "/d/.cairn-trash-00112233445566778899aabbccddeeff"
#define HIDDEN "/d/.cairn-tmp-00112233445566778899aabbccddeeff"

static const struct prefix_sample old = {2, 1};
static const struct prefix_sample new = {2, 2};

static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER), 0);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static enum cairn_status publish_new(bool replace)
{
	struct draft drafts[PREFIX_SHARDS_MAX + 1];
	char prefix[SYSTEM_NAME_SIZE];
	struct folder folder;
	enum cairn_status status;

	ASSERT_OK(folder_open(scene.system, TARGET, &folder, prefix, &test_error));
	ASSERT_OK(prefix_drafts(&folder, prefix, &new, drafts, &test_error));
	memory_system_trace_start(scene.memory);
	status = publish_prefix(drafts, new.shards + 1, replace, &test_error);
	folder_close(&folder);
	return status;
}

static int generation(void)
{
	return prefix_generation(scene.system, TARGET);
}

static bool has(const char *path)
{
	return memory_system_exists(scene.memory, path);
}

static void add(const char *path)
{
	ck_assert_int_eq(memory_system_add_file(scene.memory, path, "x", 1), 0);
}

static struct cairn_sweep_report sweep(void)
{
	struct cairn_sweep_report report = {0};

	ASSERT_OK(sweep_path(scene.system, FOLDER, &report, &test_error));
	return report;
}

static void inject(uint32_t slot, enum memory_call call, uint64_t at, bool forever)
{
	const struct memory_fault fault = {
		.call = call, .at = at, .error = EIO, .forever = forever};

	memory_system_set_fault(scene.memory, slot, &fault);
}

/* ---------------------------------------------------------------------------------------- names */

struct name_case {
	const char *name;
	const char *prefix; /* NULL: it is no such name */
	struct data_number number;
};

static const struct name_case name_cases[] = {
	{"ckpt.data-00000-of-00001", "ckpt", {0, 1}},
	{"a.data-00001-of-00002.data-00009-of-00010", "a.data-00001-of-00002", {9, 10}},
	{"x.data-99999-of-100000", "x", {99999, 100000}},
	{"x.data-4294967294-of-4294967295", "x", {4294967294u, UINT32_MAX}},
	{"x.data-00000-of-4294967296", NULL, {0, 0}},
	{"x.data-00000-of-99999999999", NULL, {0, 0}},
	{".data-00000-of-00001", NULL, {0, 0}},
	{"ckpt.data-0000-of-00001", NULL, {0, 0}},
	{"ckpt.data-00000-of-0001", NULL, {0, 0}},
	{"ckpt.data-000000-of-00001", NULL, {0, 0}},
	{"ckpt.data-00000-of-000001", NULL, {0, 0}},
	{"ckpt.data-00001-of-00001", NULL, {0, 0}},
	{"ckpt.data-00000-of-00000", NULL, {0, 0}},
	{"ckpt.data-00000-of-00001.tempstate12345678", NULL, {0, 0}},
	{"ckptdata-00000-of-00001", NULL, {0, 0}},
	{"ckpt.data-00000_of_00001", NULL, {0, 0}},
	{"00000-of-00001", NULL, {0, 0}},
	{"-of-00001", NULL, {0, 0}},
	{"00001", NULL, {0, 0}},
	{"", NULL, {0, 0}},
};

START_TEST(names_of_data_files_are_exactly_these)
{
	const struct name_case *const row = &name_cases[_i];
	struct data_number number = {0, 0};
	char prefix[SYSTEM_NAME_SIZE];
	char name[SYSTEM_NAME_SIZE];

	ck_assert_int_eq(parse_prefix_data(row->name, prefix, &number), row->prefix != NULL);
	if (row->prefix == NULL)
		return;
	ck_assert_str_eq(prefix, row->prefix);
	ck_assert_uint_eq(number.number, row->number.number);
	ck_assert_uint_eq(number.total, row->number.total);
	ck_assert(prefix_data_name(prefix, number, name));
	ck_assert_str_eq(name, row->name);
}
END_TEST

START_TEST(names_of_indexes_are_exactly_these)
{
	char prefix[SYSTEM_NAME_SIZE];

	ck_assert(parse_prefix_index("a.index.index", prefix));
	ck_assert_str_eq(prefix, "a.index");
	ck_assert(!parse_prefix_index(".index", prefix));
	ck_assert(!parse_prefix_index("index.cairn", prefix));
	ck_assert(!parse_prefix_index("a.index~", prefix));
	ck_assert(!parse_prefix_index("", prefix));
}
END_TEST

START_TEST(names_that_are_too_long_are_refused)
{
	char prefix[SYSTEM_NAME_SIZE];
	char name[SYSTEM_NAME_SIZE];

	memset(prefix, 'a', sizeof(prefix));
	prefix[SYSTEM_NAME_SIZE - strlen(".index")] = '\0';
	ck_assert(!prefix_index_name(prefix, name));
	ck_assert(!prefix_data_name(prefix, (struct data_number){0, 1}, name));
	prefix[SYSTEM_NAME_SIZE - 1 - strlen(".index")] = '\0';
	ck_assert(prefix_index_name(prefix, name));
}
END_TEST

/* ---------------------------------------------------------------------------------------- order */

static void assert_trace(const char *kinds)
{
	static const char letters[] = {
		[MEMORY_TRACE_INODE] = 'n',  [MEMORY_TRACE_ADD] = 'a',  [MEMORY_TRACE_REMOVE] = 'r',
		[MEMORY_TRACE_RENAME] = 'm', [MEMORY_TRACE_SYNC] = 'f', [MEMORY_TRACE_MARK] = '!',
	};
	const struct memory_trace *const trace = memory_system_trace(scene.memory);
	char found[128] = "";

	for (size_t i = 0; i < trace->count && i + 1 < sizeof(found); i++)
		found[i] = letters[trace->ops[i].kind];
	ck_assert_str_eq(found, kinds);
}

/* f: fsync, n: new inode, a: a name is added, r: removed, m: renamed. */
START_TEST(a_new_prefix_is_durable_in_order)
{
	ASSERT_OK(publish_new(_i == 1));
	ck_assert_int_eq(generation(), 2);
	assert_trace("fff"  /* files */
		     "f"    /* no index comes back */
		     "mmf"  /* data */
		     "mf"); /* index */
}
END_TEST

START_TEST(an_old_prefix_is_kept_until_the_new_one_is_durable)
{
	prefix_put(scene.system, TARGET, &old, true);
	ASSERT_OK(publish_new(true));
	ck_assert_int_eq(generation(), 2);
	assert_trace("fff" /* files */
		     "fff" /* old files */
		     "na"
		     "aaa"
		     "f"  /* the record is whole */
		     "mf" /* and there */
		     "rf" /* no index */
		     "rr"
		     "mmf" /* data */
		     "mf"  /* index: the commit */
		     "mf"  /* the record is none any more */
		     "rrr"
		     "r");
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 3);
}
END_TEST

/* -------------------------------------------------------------------------------------- refusal */

START_TEST(an_index_that_is_there_is_not_replaced_unasked)
{
	prefix_put(scene.system, TARGET, &old, true);
	ASSERT_FAILS(publish_new(false), CAIRN_EXISTS, "'ckpt.index' is there already");
	ck_assert_int_eq(generation(), 1);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 3);
}
END_TEST

START_TEST(a_data_file_that_is_there_is_not_replaced_unasked)
{
	add(TARGET ".data-00001-of-00002");
	ASSERT_FAILS(publish_new(false), CAIRN_EXISTS,
		     "'ckpt.data-00001-of-00002' is there already");
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
	ASSERT_OK(publish_new(true));
	ck_assert_int_eq(generation(), 2);
}
END_TEST

START_TEST(what_a_torn_save_left_goes_when_asked)
{
	add(TARGET ".data-00000-of-00002");
	add(TARGET ".data-00002-of-00003");
	ASSERT_OK(publish_new(true));
	ck_assert_int_eq(generation(), 2);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 3);
}
END_TEST

START_TEST(neighbours_are_not_touched)
{
	static const char *const paths[] = {
		TARGET "-1.index",   TARGET "-1.data-00000-of-00001",     TARGET ".meta",
		FOLDER "/ckp.index", TARGET ".data-00000-of-00001.index", TARGET ".data-0-of-1",
		FOLDER "/checkpoint"};

	prefix_put(scene.system, TARGET, &old, true);
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		add(paths[i]);
	ASSERT_OK(publish_new(true));
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		ck_assert_msg(has(paths[i]), "%s is gone", paths[i]);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 3 + COUNT_OF(paths));
}
END_TEST

START_TEST(the_last_draft_must_be_an_index)
{
	struct draft draft = {.fd = -1};
	char prefix[SYSTEM_NAME_SIZE];
	struct folder folder;

	ASSERT_OK(folder_open(scene.system, TARGET, &folder, prefix, &test_error));
	ASSERT_OK(draft_create(&folder, "ckpt", false, &draft, &test_error));
	ASSERT_STATUS(publish_prefix(&draft, 1, false, &test_error), CAIRN_INVALID_ARGUMENT);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 0);
	folder_close(&folder);
}
END_TEST

START_TEST(a_folder_in_place_of_a_file_is_an_error)
{
	prefix_put(scene.system, TARGET, &old, true);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, TARGET ".data-00002-of-00003"),
			 0);
	ck_assert_int_ne(publish_new(true), CAIRN_OK);
	ck_assert_int_eq(generation(), 1);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 4);
}
END_TEST

START_TEST(links_to_data_files_are_kept_as_they_are)
{
	prefix_put(scene.system, TARGET, &old, true);
	ck_assert_int_eq(system_rename(scene.system, SYSTEM_CWD, TARGET ".data-00000-of-00002",
				       SYSTEM_CWD, FOLDER "/blob", SYSTEM_RENAME_REPLACE),
			 0);
	ck_assert_int_eq(
		memory_system_add_link(scene.memory, TARGET ".data-00000-of-00002", "blob"), 0);
	ck_assert_int_eq(
		memory_system_add_link(scene.memory, TARGET ".data-00004-of-00005", "nowhere"), 0);
	inject(0, MEMORY_CALL_RENAME, 4, false); /* of the index: the old one is put back */
	ASSERT_STATUS(publish_new(true), CAIRN_IO);
	memory_system_clear_faults(scene.memory);
	ck_assert_int_eq(generation(), 1);
	ck_assert(has(TARGET ".data-00004-of-00005"));
	ASSERT_OK(publish_new(true));
	ck_assert_int_eq(generation(), 2);
	ck_assert(has(FOLDER "/blob"));
	ck_assert(!has(TARGET ".data-00004-of-00005"));
}
END_TEST

/* -------------------------------------------------------------------------------------- failure */

START_TEST(a_rename_that_failed_and_happened_leaves_no_data)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_RENAME,
					   .at = 2,
					   .error = EIO,
					   .effect = MEMORY_FAULT_ERROR_AFTER};

	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_STATUS(publish_new(false), CAIRN_IO);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 0);
}
END_TEST

START_TEST(a_failure_in_front_of_it_all_leaves_the_old_files)
{
	prefix_put(scene.system, TARGET, &old, true);
	memory_system_clear_faults(scene.memory);
	inject(0, MEMORY_CALL_LIST, 2, false);
	inject(1, MEMORY_CALL_STATUS_AT, 1, true);
	ASSERT_STATUS(publish_new(true), CAIRN_IO);
	memory_system_clear_faults(scene.memory);
	ck_assert_int_eq(generation(), 1);
}
END_TEST

/* The record would hold what nobody knows to be on the disk. */
START_TEST(old_files_that_cannot_be_made_durable_are_not_replaced)
{
	prefix_put(scene.system, TARGET, &old, true);
	memory_system_clear_faults(scene.memory);
	inject(0, MEMORY_CALL_SYNC, 4 + (uint64_t)_i, false);
	ASSERT_FAILS(publish_new(true), CAIRN_IO,
		     _i < 2 ? "cannot make the old 'ckpt.data-0000"
			    : "cannot make the old 'ckpt.index' durable");
	ck_assert_int_eq(generation(), 1);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 3);
}
END_TEST

START_TEST(in_doubt_keeps_the_record)
{
	prefix_put(scene.system, TARGET, &old, true);
	memory_system_clear_faults(scene.memory);
	inject(0, MEMORY_CALL_SYNC, 11, false);
	ASSERT_STATUS(publish_new(true), CAIRN_IN_DOUBT);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 4);
	ck_assert_uint_eq(sweep().removed, 1);
	ck_assert_int_eq(generation(), 2);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 3);
}
END_TEST

START_TEST(what_cannot_be_put_back_is_put_back_by_the_next_sweep)
{
	prefix_put(scene.system, TARGET, &old, true);
	memory_system_clear_faults(scene.memory);
	inject(0, MEMORY_CALL_SYNC, 10, false);
	inject(1, MEMORY_CALL_LINK, 4, true);
	ASSERT_FAILS(publish_new(true), CAIRN_IN_DOUBT, "the next sweep of the folder");
	memory_system_clear_faults(scene.memory);
	ck_assert_int_eq(generation(), PREFIX_ABSENT);
	ck_assert_uint_eq(sweep().removed, 1);
	ck_assert_int_eq(generation(), 1);
}
END_TEST

/* ------------------------------------------------------------------------------------- recovery */

static void add_record(void)
{
	ck_assert_int_eq(memory_system_add_directory(scene.memory, TRASH), 0);
	prefix_put(scene.system, TRASH "/ckpt", &old, true);
}

START_TEST(an_old_checkpoint_comes_back_and_half_a_new_one_goes)
{
	static const struct prefix_sample half = {3, 4};

	add_record();
	prefix_put(scene.system, TARGET, &half, false);
	ck_assert_uint_eq(sweep().removed, 1);
	ck_assert_int_eq(generation(), 1);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 3);
}
END_TEST

START_TEST(an_old_checkpoint_does_not_come_back_over_a_new_one)
{
	add_record();
	prefix_put(scene.system, TARGET, &new, true);
	ck_assert_uint_eq(sweep().removed, 1);
	ck_assert_int_eq(generation(), 2);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 3);
}
END_TEST

START_TEST(a_save_settles_its_own_prefix_where_nothing_is_swept)
{
	memory_system_settings(scene.memory)->is_local = 0;
	add_record();
	ASSERT_FAILS(publish_new(false), CAIRN_EXISTS, "'ckpt.index' is there already");
	ck_assert_int_eq(generation(), 1);
	ASSERT_OK(publish_new(true));
	ck_assert_int_eq(generation(), 2);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 3);
}
END_TEST

START_TEST(a_save_leaves_the_records_of_other_prefixes)
{
	ck_assert_int_eq(memory_system_add_directory(scene.memory, TRASH), 0);
	prefix_put(scene.system, TRASH "/other", &old, true);
	ASSERT_OK(publish_new(true));
	ck_assert(has(TRASH "/other.index"));
	ck_assert_uint_eq(sweep().removed, 1);
	ck_assert_int_eq(prefix_generation(scene.system, FOLDER "/other"), 1);
}
END_TEST

/* Loop index: what makes it none. */
START_TEST(other_trash_is_no_record)
{
	ck_assert_int_eq(memory_system_add_directory(scene.memory, TRASH), 0);
	prefix_put(scene.system, TRASH "/ckpt", &old, _i != 0);
	if (_i == 1)
		add(TRASH "/notes.txt");
	if (_i == 2)
		add(TRASH "/other.index");
	if (_i == 3)
		ck_assert_int_eq(memory_system_set_owner(scene.memory, TRASH, 1001), 0);
	ck_assert_uint_eq(sweep().kept, 1);
	ck_assert(has(TRASH "/ckpt.data-00001-of-00002"));
	ck_assert_int_eq(generation(), PREFIX_ABSENT);
	ck_assert_uint_eq(prefix_data_count(scene.system, TARGET), 0);
}
END_TEST

START_TEST(a_sharded_checkpoint_on_its_way_out_is_no_record)
{
	ck_assert_int_eq(memory_system_add_directory(scene.memory, TRASH), 0);
	add(TRASH "/index.cairn");
	add(TRASH "/shard-00000-of-00001.cairn");
	ck_assert_uint_eq(sweep().removed, 1);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 0);
}
END_TEST

/* Loop index: with something else in it. */
START_TEST(a_record_that_was_not_finished_goes_if_nothing_else_is_in_it)
{
	ck_assert_int_eq(memory_system_add_directory(scene.memory, HIDDEN), 0);
	prefix_put(scene.system, HIDDEN "/ckpt", &old, false);
	if (_i == 1)
		add(HIDDEN "/notes.txt");
	ck_assert_uint_eq(sweep().kept, (uint64_t)_i);
	ck_assert_int_eq(has(HIDDEN "/ckpt.data-00000-of-00002"), _i == 1);
	ck_assert_int_eq(generation(), PREFIX_ABSENT);
}
END_TEST

/* ------------------------------------------------------------------------- more than one record */

#define TRASH_NUMBERED "/d/.cairn-trash-00112233445566778899aabbccddeef"

static void add_numbered_record(char digit)
{
	char path[] = TRASH_NUMBERED "?/ckpt";

	path[sizeof(TRASH_NUMBERED) - 1] = digit;
	path[sizeof(TRASH_NUMBERED)] = '\0';
	ck_assert_int_eq(memory_system_add_directory(scene.memory, path), 0);
	path[sizeof(TRASH_NUMBERED)] = '/';
	prefix_put(scene.system, path, &old, true);
}

START_TEST(a_save_passes_by_trash_that_is_no_record)
{
	memory_system_settings(scene.memory)->is_local = 0;
	for (char digit = '0'; digit < '8'; digit++) {
		char path[] = TRASH_NUMBERED "?";

		path[sizeof(path) - 2] = digit;
		add(path);
	}
	ASSERT_OK(publish_new(true));
	ck_assert_int_eq(generation(), 2);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 3 + 8);
}
END_TEST

/* Loop index: by a save, by a sweep. */
START_TEST(records_that_cannot_be_settled_stay)
{
	memory_system_settings(scene.memory)->is_local = _i;
	add_numbered_record('1');
	add_numbered_record('2');
	memory_system_clear_faults(scene.memory);
	inject(0, MEMORY_CALL_LINK, 1, true);
	ASSERT_STATUS(_i == 0 ? publish_new(true)
			      : sweep_path(scene.system, FOLDER, NULL, &test_error),
		      CAIRN_IO);
	memory_system_clear_faults(scene.memory);
	ck_assert(has(TRASH_NUMBERED "1/ckpt.index"));
	ck_assert(has(TRASH_NUMBERED "2/ckpt.index"));
	memory_system_settings(scene.memory)->is_local = 1;
	ck_assert_uint_eq(sweep().removed, 2);
	ck_assert_int_eq(generation(), 1);
}
END_TEST

START_TEST(no_error_record_is_needed_where_nothing_can_be_put_back)
{
	struct draft drafts[PREFIX_SHARDS_MAX + 1];
	char prefix[SYSTEM_NAME_SIZE];
	struct folder folder;

	prefix_put(scene.system, TARGET, &old, true);
	ASSERT_OK(folder_open(scene.system, TARGET, &folder, prefix, &test_error));
	ASSERT_OK(prefix_drafts(&folder, prefix, &new, drafts, &test_error));
	memory_system_clear_faults(scene.memory);
	inject(0, MEMORY_CALL_SYNC, 10, false);
	inject(1, MEMORY_CALL_LINK, 4, true);
	ck_assert_int_eq(publish_prefix(drafts, new.shards + 1, true, NULL), CAIRN_IN_DOUBT);
	memory_system_clear_faults(scene.memory);
	folder_close(&folder);
	ck_assert_uint_eq(sweep().removed, 1);
	ck_assert_int_eq(generation(), 1);
}
END_TEST

static Suite *publish_prefix_suite(void)
{
	Suite *const suite = suite_create("publish_prefix");
	TCase *const tcase = tcase_create("publish_prefix");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, names_of_data_files_are_exactly_these, 0, COUNT_OF(name_cases));
	tcase_add_test(tcase, names_of_indexes_are_exactly_these);
	tcase_add_test(tcase, names_that_are_too_long_are_refused);
	tcase_add_loop_test(tcase, a_new_prefix_is_durable_in_order, 0, 2);
	tcase_add_test(tcase, an_old_prefix_is_kept_until_the_new_one_is_durable);
	tcase_add_test(tcase, an_index_that_is_there_is_not_replaced_unasked);
	tcase_add_test(tcase, a_data_file_that_is_there_is_not_replaced_unasked);
	tcase_add_test(tcase, what_a_torn_save_left_goes_when_asked);
	tcase_add_test(tcase, neighbours_are_not_touched);
	tcase_add_test(tcase, the_last_draft_must_be_an_index);
	tcase_add_test(tcase, a_folder_in_place_of_a_file_is_an_error);
	tcase_add_test(tcase, links_to_data_files_are_kept_as_they_are);
	tcase_add_test(tcase, a_rename_that_failed_and_happened_leaves_no_data);
	tcase_add_test(tcase, a_failure_in_front_of_it_all_leaves_the_old_files);
	tcase_add_loop_test(tcase, old_files_that_cannot_be_made_durable_are_not_replaced, 0, 3);
	tcase_add_test(tcase, in_doubt_keeps_the_record);
	tcase_add_test(tcase, what_cannot_be_put_back_is_put_back_by_the_next_sweep);
	tcase_add_test(tcase, an_old_checkpoint_comes_back_and_half_a_new_one_goes);
	tcase_add_test(tcase, an_old_checkpoint_does_not_come_back_over_a_new_one);
	tcase_add_test(tcase, a_save_settles_its_own_prefix_where_nothing_is_swept);
	tcase_add_test(tcase, a_save_leaves_the_records_of_other_prefixes);
	tcase_add_loop_test(tcase, other_trash_is_no_record, 0, 4);
	tcase_add_test(tcase, a_sharded_checkpoint_on_its_way_out_is_no_record);
	tcase_add_test(tcase, a_save_passes_by_trash_that_is_no_record);
	tcase_add_loop_test(tcase, records_that_cannot_be_settled_stay, 0, 2);
	tcase_add_test(tcase, no_error_record_is_needed_where_nothing_can_be_put_back);
	tcase_add_loop_test(tcase, a_record_that_was_not_finished_goes_if_nothing_else_is_in_it, 0,
			    2);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(publish_prefix_suite());
}
