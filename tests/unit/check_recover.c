/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeping and removing: what dead writers left goes, and nothing else: no living writer's work, no
 * foreign file, no name that is almost of the grammar, no link.
 */
#include <errno.h>
#include <stdio.h>

#include <cairn/save.h>

#include "engine/write/recover.h"
#include "engine/write/save.h"
#include "tests/support/build.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

#define FOLDER "folder"
#define TARGET "folder/model"
#define DIGITS "00112233445566778899aabbccddeeff"

static struct scene scene;
static const struct sharded_sample sample = {2, 1};

static void set_up(void)
{
	scene_open(&scene);
	memory_system_settings(scene.memory)->threads_inline = true;
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER), 0);
	ASSERT_OK(sharded_write(scene.system, TARGET, &sample, false, &test_error));
}

static void tear_down(void)
{
	scene_close(&scene);
}

static void add(const char *path)
{
	ck_assert_int_eq(memory_system_add_file(scene.memory, path, "x", 1), 0);
}

static bool has(const char *path)
{
	return memory_system_exists(scene.memory, path);
}

static struct cairn_sweep_report sweep(void)
{
	struct cairn_sweep_report report = {0};

	ASSERT_OK(sweep_path(scene.system, FOLDER, &report, &test_error));
	return report;
}

static void check(void)
{
	ASSERT_OK(sharded_check(scene.system, TARGET, &sample, &test_error));
}

START_TEST(what_the_dead_left_goes)
{
	struct cairn_sweep_report report;

	add(FOLDER "/.cairn-tmp-" DIGITS);
	add(FOLDER "/.cairn-trash-" DIGITS);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER "/.cairn-tmp-1" DIGITS),
			 0);
	ck_assert_int_eq(
		memory_system_add_directory(scene.memory, FOLDER
					    "/.cairn-trash-ff112233445566778899aabbccddeeff"),
		0);
	add(FOLDER "/.cairn-trash-ff112233445566778899aabbccddeeff/index.cairn");
	add(FOLDER "/.cairn-trash-ff112233445566778899aabbccddeeff/shard-00000-of-00001.cairn");
	add(TARGET "/shard-00000-of-00003-0123abcd.cairn");
	add(TARGET "/rank-00000-attempt-00001.cairn");
	add(TARGET "/.cairn-tmp-" DIGITS);
	report = sweep();
	ck_assert_uint_eq(report.removed, 6);
	ck_assert_uint_eq(report.kept, 0);
	ck_assert(has(FOLDER "/.cairn-tmp-1" DIGITS)); /* a digit too many */
	ck_assert(!has(FOLDER "/.cairn-tmp-" DIGITS));
	ck_assert(!has(FOLDER "/.cairn-trash-ff112233445566778899aabbccddeeff"));
	ck_assert(!has(TARGET "/shard-00000-of-00003-0123abcd.cairn"));
	check();
	report = sweep();
	ck_assert_uint_eq(report.removed + report.kept, 0);
}
END_TEST

START_TEST(foreign_names_stay)
{
	static const char *const names[] = {
		FOLDER "/.cairn-tmp-0011223344556677889_aabbccddeeff",
		FOLDER "/.cairn-tmp-" DIGITS "0",
		FOLDER "/.cairn-tmp-00112233445566778899AABBCCDDEEFF",
		FOLDER "/.cairn-tmp-",
		FOLDER "/.cairn-",
		FOLDER "/shard-00000-of-00002.cairn", /* no checkpoint lies here */
		FOLDER "/notes.txt",
		TARGET "/notes.txt",
		TARGET "/shard-00000-of-00003-0123abc.cairn",
		TARGET "/shard-00000-of-00003.cairn.bak",
		TARGET "/Shard-00000-of-00003.cairn",
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		add(names[i]);
	ck_assert_uint_eq(sweep().removed, 0);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		ck_assert_msg(has(names[i]), "%s", names[i]);
}
END_TEST

START_TEST(links_special_files_and_those_of_others_stay)
{
	add(FOLDER "/precious");
	ck_assert_int_eq(
		memory_system_add_link(scene.memory, FOLDER "/.cairn-tmp-" DIGITS, "precious"), 0);
	ck_assert_int_eq(memory_system_add_special(scene.memory, FOLDER
						   "/.cairn-tmp-ff112233445566778899aabbccddeeff"),
			 0);
	ck_assert_int_eq(memory_system_add_link(scene.memory, TARGET "/shard-00000-of-00009.cairn",
						"../precious"),
			 0);
	add(FOLDER "/.cairn-trash-" DIGITS);
	ck_assert_int_eq(
		memory_system_set_owner(scene.memory, FOLDER "/.cairn-trash-" DIGITS, 1001), 0);
	add(TARGET "/shard-00001-of-00009.cairn");
	ck_assert_int_eq(
		memory_system_set_owner(scene.memory, TARGET "/shard-00001-of-00009.cairn", 1001),
		0);
	ck_assert_int_eq(
		memory_system_add_directory(scene.memory, TARGET "/shard-00002-of-00009.cairn"), 0);
	ck_assert_uint_eq(sweep().removed, 0);
	ck_assert_uint_eq(sweep().kept, 6);
	ck_assert(has(FOLDER "/precious"));
	ck_assert(has(FOLDER "/.cairn-tmp-" DIGITS));
	check();
}
END_TEST

START_TEST(a_folder_with_foreign_files_in_it_stays)
{
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER "/.cairn-tmp-" DIGITS),
			 0);
	add(FOLDER "/.cairn-tmp-" DIGITS "/notes.txt");
	add(FOLDER "/.cairn-tmp-" DIGITS "/index.cairn");
	ck_assert_uint_eq(sweep().kept, 1);
	ck_assert(has(FOLDER "/.cairn-tmp-" DIGITS "/notes.txt"));
}
END_TEST

START_TEST(of_many_shards_those_that_the_index_names_stay)
{
	static const struct sharded_sample many = {23, 2};
	char name[128];

	ASSERT_OK(sharded_write(scene.system, FOLDER "/many", &many, false, &test_error));
	for (unsigned int i = 0; i < many.ranks; i++) {
		snprintf(name, sizeof(name), FOLDER "/many/shard-%05u-of-00023-0123abcd.cairn", i);
		add(name);
	}
	ck_assert_uint_eq(sweep().removed, many.ranks);
	ASSERT_OK(sharded_check(scene.system, FOLDER "/many", &many, &test_error));
}
END_TEST

START_TEST(nothing_is_judged_by_a_damaged_index)
{
	add(TARGET "/shard-00000-of-00009.cairn");
	ck_assert_int_eq(memory_system_corrupt(scene.memory, TARGET "/index.cairn", 65536 + 40, 1),
			 0);
	ck_assert_int_eq(memory_system_corrupt(scene.memory, TARGET "/index.cairn", 100, 1), 0);
	(void)!sweep_path(scene.system, FOLDER, NULL, NULL);
	ck_assert(has(TARGET "/shard-00000-of-00009.cairn"));
	ck_assert(has(TARGET "/shard-00000-of-00002.cairn"));
	ck_assert(has(TARGET "/shard-00001-of-00002.cairn"));
}
END_TEST

START_TEST(a_folder_that_cannot_be_made_durable_is_in_doubt)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_SYNC, .at = 1, .error = EIO};

	add(FOLDER "/.cairn-tmp-" DIGITS);
	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_STATUS(sweep_path(scene.system, FOLDER, NULL, &test_error), CAIRN_IN_DOUBT);
	memory_system_clear_faults(scene.memory);
	ck_assert(has(FOLDER "/.cairn-tmp-" DIGITS));
	ck_assert_uint_eq(sweep().removed, 1);
}
END_TEST

START_TEST(a_living_save_is_kept)
{
	struct cairn_save *save = NULL;

	ASSERT_OK(sharded_begin(scene.system, FOLDER "/other", &sample, false, &save, &test_error));
	ASSERT_OK(sharded_write_rank(save, &sample, 0, 0, &test_error));
	ck_assert_uint_eq(sweep().kept, 1);
	ASSERT_OK(sharded_write_rank(save, &sample, 1, 0, &test_error));
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_destroy(save);
	ck_assert_uint_eq(sweep().kept, 0);
	ASSERT_OK(sharded_check(scene.system, FOLDER "/other", &sample, &test_error));
}
END_TEST

START_TEST(paths_that_are_no_folder_are_refused)
{
	add(FOLDER "/file");
	ASSERT_STATUS(sweep_path(scene.system, NULL, NULL, &test_error), CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(sweep_path(scene.system, "nowhere", NULL, &test_error), CAIRN_NOT_FOUND);
	ck_assert_int_ne(sweep_path(scene.system, FOLDER "/file", NULL, &test_error), CAIRN_OK);
}
END_TEST

START_TEST(folders_go_with_all_that_is_ours_in_them)
{
	static const char *const inside[] = {".cairn-tmp-" DIGITS, ".cairn-trash-" DIGITS,
					     "shard-00000-of-00001.cairn",
					     "rank-00000-attempt-00001.cairn", "index.cairn"};
	char path[200];

	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER "/.cairn-tmp-" DIGITS),
			 0);
	for (size_t i = 0; i < COUNT_OF(inside); i++) {
		ck_assert(is_ours_inside(inside[i]));
		snprintf(path, sizeof(path), "%s/%s", FOLDER "/.cairn-tmp-" DIGITS, inside[i]);
		add(path);
	}
	ck_assert(!is_ours_inside("index.cairn.bak"));
	ck_assert_uint_eq(sweep().removed, 1);
	ck_assert(!has(FOLDER "/.cairn-tmp-" DIGITS));
}
END_TEST

/* An index of one byte, and one that names no shards. */
START_TEST(nothing_is_judged_by_an_index_that_names_no_shards)
{
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER "/short"), 0);
	add(FOLDER "/short/index.cairn");
	add(FOLDER "/short/shard-00000-of-00009.cairn");
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER "/plain"), 0);
	ASSERT_OK(sharded_write_part(scene.system, FOLDER "/plain/index.cairn", &sample, 0,
				     &test_error));
	add(FOLDER "/plain/shard-00000-of-00009.cairn");
	ck_assert_uint_eq(sweep().removed, 0);
	ck_assert(has(FOLDER "/short/shard-00000-of-00009.cairn"));
	ck_assert(has(FOLDER "/plain/shard-00000-of-00009.cairn"));
}
END_TEST

/* Each call of a sweep fails once: what is named stays, and what is not goes now or the next time.
 */
START_TEST(a_sweep_that_fails_anywhere_takes_nothing_that_is_named)
{
	bool fired = true;

	for (uint64_t at = 1; fired; at++) {
		const struct memory_fault fault = {.call = MEMORY_CALL_ANY, .at = at, .error = EIO};

		add(TARGET "/shard-00000-of-00009.cairn");
		add(FOLDER "/.cairn-tmp-" DIGITS);
		memory_system_set_fault(scene.memory, 0, &fault);
		(void)!sweep_path(scene.system, FOLDER, NULL, NULL);
		fired = memory_system_fault_fired(scene.memory, 0) != 0;
		memory_system_clear_faults(scene.memory);
		check();
		sweep();
		ck_assert(!has(TARGET "/shard-00000-of-00009.cairn"));
		ck_assert(!has(FOLDER "/.cairn-tmp-" DIGITS));
	}
}
END_TEST

/* ---------------------------------------------------------------------------------- large index */

enum {
	MANY = 3000
};

/* A sharded checkpoint whose index has several blocks. */
static void write_many(const char *path)
{
	const struct cairn_save_options options = {.rank_count = 2};
	struct cairn_save *save = NULL;

	ASSERT_OK(save_begin(scene.system, path, &options, &save, &test_error));
	for (uint32_t rank = 0; rank < 2; rank++) {
		struct cairn_writer *writer = NULL;

		ASSERT_OK(cairn_save_writer(save, rank, 0, NULL, &writer, &test_error));
		for (int i = 0; i < MANY; i++) {
			const uint64_t one = 1;
			char name[32];

			snprintf(name, sizeof(name), "tensor-%u-%d", rank, i);
			ASSERT_OK(cairn_writer_add_copy(writer, name, CAIRN_U8, 1, &one, "x",
							&test_error));
		}
		ASSERT_OK(cairn_writer_finish(writer, &test_error));
		cairn_writer_destroy(writer);
	}
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_destroy(save);
}

/* Offset in the index file of the record of shard 1, and of its name. */
static void find_shard(const char *path, uint64_t offsets[2])
{
	struct cairn_reader *const reader = scene_reader(&scene, path, NULL);
	const struct container_footer *const footer = &reader->footer;
	struct shard_record record;

	ASSERT_OK(index_shard(&reader->index, 1, &record, &test_error));
	for (uint32_t i = 0; i < footer->section_count; i++) {
		const uint64_t offset = footer->index_offset + footer->sections[i].offset;

		if (footer->sections[i].type == SECTION_SHARDS)
			offsets[0] = offset + SHARD_RECORD_SIZE;
		if (footer->sections[i].type == SECTION_NAMES)
			offsets[1] = offset + record.name_offset;
	}
	cairn_reader_close(reader);
}

/* Loop index: where the damage is: in a shard's record, in its name. */
START_TEST(a_shard_whose_name_cannot_be_known_may_be_any)
{
	uint64_t offsets[2] = {0, 0};

	write_many(FOLDER "/many");
	find_shard(FOLDER "/many", offsets);
	add(FOLDER "/many/shard-00000-of-00009.cairn");
	ck_assert_int_eq(
		memory_system_corrupt(scene.memory, FOLDER "/many/index.cairn", offsets[_i], 1), 0);
	ck_assert_uint_eq(sweep().removed, 0);
	ck_assert(has(FOLDER "/many/shard-00000-of-00009.cairn"));
}
END_TEST

/* ------------------------------------------------------------------------------------- removing */

START_TEST(a_checkpoint_is_removed_and_readers_keep_it)
{
	struct cairn_reader *const reader = scene_reader(&scene, TARGET, NULL);

	ASSERT_OK(remove_path(scene.system, TARGET, &test_error));
	ck_assert(!has(TARGET));
	ASSERT_OK(sharded_compare(reader, &sample, 2, &test_error));
	cairn_reader_close(reader);
	ASSERT_STATUS(remove_path(scene.system, TARGET, &test_error), CAIRN_NOT_FOUND);
	ASSERT_OK(sharded_write_part(scene.system, FOLDER "/one.cairn", &sample, 0, &test_error));
	ASSERT_OK(remove_path(scene.system, FOLDER "/one.cairn", &test_error));
	ck_assert(!has(FOLDER "/one.cairn"));
	ck_assert_uint_eq(sweep().removed, 0);
}
END_TEST

START_TEST(what_is_not_a_whole_checkpoint_of_ours_is_not_removed)
{
	add(FOLDER "/file");
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER "/empty"), 0);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER "/single"), 0);
	ASSERT_OK(sharded_write_part(scene.system, FOLDER "/single/m.cairn", &sample, 0,
				     &test_error));
	ck_assert_int_eq(memory_system_add_link(scene.memory, FOLDER "/link", "model"), 0);
	ASSERT_STATUS(remove_path(scene.system, FOLDER "/file", &test_error),
		      CAIRN_NOT_A_CHECKPOINT);
	ASSERT_STATUS(remove_path(scene.system, FOLDER "/empty", &test_error),
		      CAIRN_NOT_A_CHECKPOINT);
	ASSERT_STATUS(remove_path(scene.system, FOLDER "/single", &test_error),
		      CAIRN_NOT_A_CHECKPOINT);
	ASSERT_STATUS(remove_path(scene.system, FOLDER "/link", &test_error),
		      CAIRN_NOT_A_CHECKPOINT);
	ASSERT_STATUS(remove_path(scene.system, TARGET "/index.cairn", &test_error),
		      CAIRN_NOT_A_CHECKPOINT);
	ASSERT_STATUS(remove_path(scene.system, TARGET "/shard-00000-of-00002.cairn", &test_error),
		      CAIRN_NOT_A_CHECKPOINT);
	add(TARGET "/notes.txt");
	ASSERT_FAILS(remove_path(scene.system, TARGET, &test_error), CAIRN_NOT_A_CHECKPOINT,
		     "notes.txt");
	check();
	ck_assert(has(FOLDER "/single/m.cairn"));
	ck_assert(has(FOLDER "/link"));
}
END_TEST

START_TEST(an_entry_is_removed_by_its_name)
{
	struct folder folder = {0};
	char name[SYSTEM_NAME_SIZE];

	add(FOLDER "/file");
	ASSERT_OK(folder_open(scene.system, FOLDER "/x", &folder, name, &test_error));
	ck_assert(folder_remove_entry(&folder, "file"));
	ck_assert(!folder_remove_entry(&folder, "file"));
	ck_assert(folder_remove_entry(&folder, "model"));
	ck_assert(!has(TARGET));
	ASSERT_STATUS(folder_take_away(&folder, "model", &test_error), CAIRN_NOT_FOUND);
	folder_close(&folder);
}
END_TEST

/* The file system may have gone, and its fsync say nothing. */
START_TEST(a_removal_from_a_folder_that_is_gone_is_in_doubt)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_STATUS, .at = 1, .error = EIO};
	struct folder folder = {0};
	char name[SYSTEM_NAME_SIZE];

	add(FOLDER "/file");
	ASSERT_OK(folder_open(scene.system, FOLDER "/x", &folder, name, &test_error));
	memory_system_clear_faults(scene.memory);
	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_STATUS(folder_take_away(&folder, "file", &test_error), CAIRN_IN_DOUBT);
	memory_system_clear_faults(scene.memory);
	folder_close(&folder);
}
END_TEST

START_TEST(a_name_that_was_given_to_another_file_is_noticed)
{
	struct folder folder = {0};
	struct system_status opened;
	char name[SYSTEM_NAME_SIZE];

	add(FOLDER "/file");
	add(FOLDER "/other");
	ASSERT_OK(folder_open(scene.system, FOLDER "/x", &folder, name, &test_error));
	ck_assert_int_eq(system_status_at(scene.system, folder.fd, "file", false, &opened), 0);
	ck_assert(folder_still_names(&folder, "file", &opened));
	ck_assert_int_eq(system_rename(scene.system, folder.fd, "other", folder.fd, "file",
				       SYSTEM_RENAME_REPLACE),
			 0);
	ck_assert(!folder_still_names(&folder, "file", &opened));
	ck_assert_int_eq(system_unlink(scene.system, folder.fd, "file"), 0);
	ck_assert(!folder_still_names(&folder, "file", &opened));
	folder_close(&folder);
}
END_TEST

/* Loop index: no name can be made; the folder cannot be locked. */
START_TEST(what_cannot_be_put_aside_stays)
{
	static const enum memory_call calls[] = {MEMORY_CALL_RANDOM, MEMORY_CALL_LOCK};
	const struct memory_fault fault = {.call = calls[_i], .at = 1, .error = EIO};
	struct folder folder = {0};
	char name[SYSTEM_NAME_SIZE];

	add(FOLDER "/file");
	ASSERT_OK(folder_open(scene.system, FOLDER "/x", &folder, name, &test_error));
	memory_system_clear_faults(scene.memory);
	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_STATUS(folder_take_away(&folder, "file", &test_error), CAIRN_IO);
	memory_system_clear_faults(scene.memory);
	ck_assert(has(FOLDER "/file"));
	folder_close(&folder);
}
END_TEST

static Suite *recover_suite(void)
{
	Suite *const suite = suite_create("recover");
	TCase *const tcase = tcase_create("recover");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, what_the_dead_left_goes);
	tcase_add_test(tcase, foreign_names_stay);
	tcase_add_test(tcase, links_special_files_and_those_of_others_stay);
	tcase_add_test(tcase, a_folder_with_foreign_files_in_it_stays);
	tcase_add_test(tcase, of_many_shards_those_that_the_index_names_stay);
	tcase_add_test(tcase, nothing_is_judged_by_a_damaged_index);
	tcase_add_test(tcase, folders_go_with_all_that_is_ours_in_them);
	tcase_add_test(tcase, nothing_is_judged_by_an_index_that_names_no_shards);
	tcase_add_test(tcase, a_sweep_that_fails_anywhere_takes_nothing_that_is_named);
	tcase_add_loop_test(tcase, a_shard_whose_name_cannot_be_known_may_be_any, 0, 2);
	tcase_add_test(tcase, a_folder_that_cannot_be_made_durable_is_in_doubt);
	tcase_add_test(tcase, a_living_save_is_kept);
	tcase_add_test(tcase, paths_that_are_no_folder_are_refused);
	tcase_add_test(tcase, a_checkpoint_is_removed_and_readers_keep_it);
	tcase_add_test(tcase, what_is_not_a_whole_checkpoint_of_ours_is_not_removed);
	tcase_add_test(tcase, an_entry_is_removed_by_its_name);
	tcase_add_test(tcase, a_removal_from_a_folder_that_is_gone_is_in_doubt);
	tcase_add_test(tcase, a_name_that_was_given_to_another_file_is_noticed);
	tcase_add_loop_test(tcase, what_cannot_be_put_aside_stays, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(recover_suite());
}
