/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharded saves: what ranks do, what the coordinator does, and what each mistake is told.
 */
#include <errno.h>
#include <stdio.h>

#include <cairn/save.h>

#include "engine/write/shard_names.h"
#include "tests/support/build.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

#define FOLDER "folder"
#define TARGET "folder/model"

static struct scene scene;
static const struct sharded_sample old = {2, 1};
static const struct sharded_sample new = {3, 2};

static void set_up(void)
{
	scene_open(&scene);
	memory_system_settings(scene.memory)->threads_inline = true;
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER), 0);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static struct cairn_save *begin(const struct sharded_sample *sample, bool replace)
{
	struct cairn_save *save = NULL;

	ASSERT_OK(sharded_begin(scene.system, TARGET, sample, replace, &save, &test_error));
	return save;
}

static struct cairn_save *join(struct cairn_save_id id)
{
	struct cairn_save *save = NULL;

	ASSERT_OK(save_join(scene.system, TARGET, id, &save, &test_error));
	return save;
}

static void write_rank(struct cairn_save *save, const struct sharded_sample *sample, uint32_t rank,
		       uint32_t attempt)
{
	ASSERT_OK(sharded_write_rank(save, sample, rank, attempt, &test_error));
}

static void write_old(void)
{
	ASSERT_OK(sharded_write(scene.system, TARGET, &old, false, &test_error));
}

static void check(const struct sharded_sample *sample)
{
	ASSERT_OK(sharded_check(scene.system, TARGET, sample, &test_error));
}

/* ---------------------------------------------------------------------------------- going well */

START_TEST(ranks_join_write_and_leave_and_the_coordinator_commits)
{
	struct cairn_save *const save = begin(&new, false);

	for (uint32_t rank = 0; rank < new.ranks; rank++) {
		struct cairn_save *const part = join(cairn_save_id(save));

		write_rank(part, &new, rank, 0);
		cairn_save_destroy(part);
	}
	ck_assert(!memory_system_exists(scene.memory, TARGET));
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_destroy(save);
	check(&new);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
	ck_assert_uint_eq(scene_entries(&scene, TARGET), 1 + new.ranks);
}
END_TEST

START_TEST(a_sharded_checkpoint_is_overwritten_by_new_shards)
{
	write_old();
	ASSERT_OK(sharded_write(scene.system, TARGET, &new, true, &test_error));
	check(&new);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
	ck_assert_uint_eq(scene_entries(&scene, TARGET), 1 + new.ranks);
	ASSERT_OK(sharded_write(scene.system, TARGET, &old, true, &test_error));
	check(&old);
	ck_assert_uint_eq(scene_entries(&scene, TARGET), 1 + old.ranks);
}
END_TEST

START_TEST(the_same_content_can_overwrite_itself)
{
	for (int i = 0; i < 3; i++) {
		ASSERT_OK(sharded_write(scene.system, TARGET, &old, i != 0, &test_error));
		check(&old);
		ck_assert_uint_eq(scene_entries(&scene, TARGET), 1 + old.ranks);
	}
}
END_TEST

START_TEST(the_highest_finished_attempt_counts)
{
	const struct sharded_sample wrong = {2, 2};
	struct cairn_save *const save = begin(&old, false);

	write_rank(save, &old, 0, 7);
	write_rank(save, &wrong, 0, 3); /* of another version: must not be used */
	write_rank(save, &wrong, 1, 0);
	write_rank(save, &old, 1, 10000); /* 5 digits: no order by text */
	write_rank(save, &wrong, 1, 9999);
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_destroy(save);
	check(&old);
	ck_assert_uint_eq(scene_entries(&scene, TARGET), 1 + old.ranks);
}
END_TEST

START_TEST(the_index_says_what_the_save_was)
{
	struct cairn_save_options options = {.rank_count = 2, .generation = 9};
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_reader *reader;
	struct cairn_save *save = NULL;

	memset(options.id.bytes, 0xab, sizeof(options.id.bytes));
	memset(options.parent_id.bytes, 0xcd, sizeof(options.parent_id.bytes));
	ASSERT_OK(save_begin(scene.system, TARGET, &options, &save, &test_error));
	ck_assert_mem_eq(cairn_save_id(save).bytes, options.id.bytes, 16);
	write_rank(save, &old, 0, 0);
	write_rank(save, &old, 1, 0);
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_destroy(save);
	reader = scene_reader(&scene, TARGET, NULL);
	cairn_reader_info(reader, &info);
	ck_assert_str_eq(info.format, "cairn-sharded");
	ck_assert_uint_eq(info.generation, 9);
	ck_assert_mem_eq(info.parent_id.bytes, options.parent_id.bytes, 16);
	ck_assert_mem_eq(info.save_id, options.id.bytes, 16);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(the_index_and_each_shard_can_be_opened_alone)
{
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_reader *reader;

	write_old();
	ASSERT_OK(sharded_check(scene.system, TARGET "/index.cairn", &old, &test_error));
	reader = scene_reader(&scene, TARGET "/shard-00001-of-00002.cairn", NULL);
	cairn_reader_info(reader, &info);
	ck_assert_uint_eq(info.tensor_count, 4);
	cairn_reader_close(reader);
}
END_TEST

/* More ranks than the process may have descriptors. */
START_TEST(a_commit_of_many_ranks_needs_few_descriptors)
{
	const struct sharded_sample many = {40, 3};

	memory_system_settings(scene.memory)->descriptors_max = 16;
	ASSERT_OK(sharded_write(scene.system, TARGET, &many, false, &test_error));
	check(&many);
}
END_TEST

/* ------------------------------------------------------------------------------------ mistakes */

START_TEST(a_rank_that_did_not_finish_is_named)
{
	struct cairn_save *save;

	write_old();
	save = begin(&new, true);
	write_rank(save, &new, 0, 0);
	write_rank(save, &new, 2, 0);
	ASSERT_FAILS(cairn_save_commit(save, &test_error), CAIRN_PRECONDITION, "rank 1");
	ASSERT_STATUS(cairn_save_commit(save, &test_error), CAIRN_PRECONDITION);
	cairn_save_destroy(save);
	check(&old);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
}
END_TEST

START_TEST(many_missing_ranks_are_counted)
{
	const struct sharded_sample many = {30, 1};
	struct cairn_save *const save = begin(&many, false);

	write_rank(save, &many, 4, 0);
	ASSERT_FAILS(cairn_save_commit(save, &test_error), CAIRN_PRECONDITION,
		     "29 of 30 ranks did not finish: rank 0, 1, 2, 3, 5, 6, 7, 8, ...");
	cairn_save_destroy(save);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 0);
}
END_TEST

START_TEST(a_rank_beyond_the_count_is_named)
{
	struct cairn_save *const save = begin(&old, false);

	write_rank(save, &new, 0, 0);
	write_rank(save, &new, 1, 0);
	write_rank(save, &new, 2, 0);
	ASSERT_FAILS(cairn_save_commit(save, &test_error), CAIRN_PRECONDITION, "rank 2");
	cairn_save_destroy(save);
}
END_TEST

START_TEST(a_shard_of_another_save_is_refused)
{
	struct cairn_save *const other = begin(&old, false);
	struct cairn_save *save;
	char from[128];
	char to[128];
	struct bytes bytes;

	write_old();
	write_rank(other, &old, 1, 0);
	save = begin(&new, true);
	write_rank(save, &new, 0, 0);
	write_rank(save, &new, 2, 0);
	/* somebody copies a file */
	for (int i = 0; i < 2; i++) {
		const struct cairn_save_id id = cairn_save_id(i == 0 ? other : save);
		char *const path = i == 0 ? from : to;
		int used = snprintf(path, sizeof(from), FOLDER "/.cairn-tmp-");

		for (int k = 0; k < 16; k++)
			used += snprintf(path + used, sizeof(from) - (size_t)used, "%02x",
					 id.bytes[k]);
		snprintf(path + used, sizeof(from) - (size_t)used,
			 "/rank-00001-attempt-00000.cairn");
	}
	bytes = scene_content(&scene, from);
	scene_add_file(&scene, to, &bytes);
	bytes_free(&bytes);
	ASSERT_FAILS(cairn_save_commit(save, &test_error), CAIRN_MISMATCH,
		     "rank 1 belongs to another save");
	cairn_save_destroy(save);
	cairn_save_destroy(other);
	check(&old);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
}
END_TEST

START_TEST(half_a_shard_is_refused)
{
	struct cairn_save *const save = begin(&old, false);
	char path[128] = FOLDER "/";
	const struct cairn_save_id id = cairn_save_id(save);

	write_rank(save, &old, 0, 0);
	write_rank(save, &old, 1, 0);
	snprintf(path, sizeof(path), FOLDER "/.cairn-tmp-");
	for (int k = 0; k < 16; k++)
		snprintf(path + strlen(path), sizeof(path) - strlen(path), "%02x", id.bytes[k]);
	snprintf(path + strlen(path), sizeof(path) - strlen(path),
		 "/rank-00001-attempt-00000.cairn");
	ck_assert_int_eq(memory_system_truncate(scene.memory, path, 40000), 0);
	ASSERT_FAILS(cairn_save_commit(save, &test_error), CAIRN_TRUNCATED, "rank-00001");
	cairn_save_destroy(save);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 0);
}
END_TEST

START_TEST(an_attempt_can_be_finished_once_only)
{
	struct cairn_save *const save = begin(&old, false);
	struct cairn_writer *writer = NULL;

	write_rank(save, &old, 0, 1);
	ASSERT_STATUS(cairn_save_writer(save, 0, 1, NULL, &writer, &test_error), CAIRN_EXISTS);
	ASSERT_STATUS(cairn_save_writer(save, CAIRN_RANK_COUNT_MAX, 0, NULL, &writer, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(cairn_save_writer(save, 0, 100000, NULL, &writer, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_save_abort(save);
	ASSERT_STATUS(cairn_save_writer(save, 0, 2, NULL, &writer, &test_error),
		      CAIRN_PRECONDITION);
	cairn_save_destroy(save);
}
END_TEST

START_TEST(wrong_options_are_refused)
{
	struct cairn_save_options options = {.rank_count = 0};
	struct cairn_save *save = NULL;

	ASSERT_STATUS(save_begin(scene.system, TARGET, NULL, &save, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(save_begin(scene.system, TARGET, &options, &save, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	options.rank_count = CAIRN_RANK_COUNT_MAX + 1;
	ASSERT_STATUS(save_begin(scene.system, TARGET, &options, &save, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	options.rank_count = 1;
	ASSERT_STATUS(save_begin(scene.system, NULL, &options, &save, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(save_begin(scene.system, FOLDER "/", &options, &save, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(save_begin(scene.system, FOLDER "/..", &options, &save, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(save_begin(scene.system, "nowhere/model", &options, &save, &test_error),
		      CAIRN_NOT_FOUND);
	options.size = 8;
	ASSERT_STATUS(save_begin(scene.system, TARGET, &options, &save, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ck_assert_ptr_null(save);
}
END_TEST

/* What lies at the path already. */
START_TEST(only_a_sharded_checkpoint_is_overwritten)
{
	struct cairn_save *save = NULL;

	write_old();
	ASSERT_STATUS(sharded_begin(scene.system, TARGET, &new, false, &save, &test_error),
		      CAIRN_EXISTS);
	ck_assert_int_eq(memory_system_add_file(scene.memory, FOLDER "/file", "x", 1), 0);
	ASSERT_STATUS(sharded_begin(scene.system, FOLDER "/file", &new, true, &save, &test_error),
		      CAIRN_EXISTS);
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER "/other"), 0);
	ASSERT_STATUS(sharded_begin(scene.system, FOLDER "/other", &new, true, &save, &test_error),
		      CAIRN_EXISTS);
	ck_assert_int_eq(memory_system_add_link(scene.memory, FOLDER "/link", "model"), 0);
	ASSERT_STATUS(sharded_begin(scene.system, FOLDER "/link", &new, true, &save, &test_error),
		      CAIRN_EXISTS);
	check(&old);
}
END_TEST

START_TEST(a_path_that_appears_meanwhile_is_not_overwritten)
{
	struct cairn_save *const save = begin(&new, true);

	for (uint32_t rank = 0; rank < new.ranks; rank++)
		write_rank(save, &new, rank, 0);
	write_old();
	ASSERT_STATUS(cairn_save_commit(save, &test_error), CAIRN_EXISTS);
	cairn_save_destroy(save);
	check(&old);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
}
END_TEST

/* --------------------------------------------------------------------------------- two at once */

START_TEST(an_id_can_be_used_by_one_save_at_a_time)
{
	struct cairn_save_options options = {.rank_count = 2};
	struct cairn_save *first = NULL;
	struct cairn_save *second = NULL;

	options.id.bytes[3] = 1;
	ASSERT_OK(save_begin(scene.system, TARGET, &options, &first, &test_error));
	ASSERT_STATUS(save_begin(scene.system, TARGET, &options, &second, &test_error),
		      CAIRN_EXISTS);
	write_rank(first, &old, 0, 0); /* it is not disturbed */
	write_rank(first, &old, 1, 0);
	ASSERT_OK(cairn_save_commit(first, &test_error));
	cairn_save_destroy(first);
	ASSERT_STATUS(save_join(scene.system, TARGET, options.id, &second, &test_error),
		      CAIRN_NOT_FOUND);
	check(&old);
}
END_TEST

START_TEST(of_two_coordinators_both_publish_when_they_replace)
{
	struct cairn_save *first;
	struct cairn_save *second;

	write_old();
	first = begin(&new, true);
	second = begin(&old, true);
	for (uint32_t rank = 0; rank < new.ranks; rank++) {
		write_rank(first, &new, rank, 0);
		if (rank < old.ranks)
			write_rank(second, &old, rank, 0);
	}
	ASSERT_OK(cairn_save_commit(first, &test_error));
	check(&new);
	ASSERT_OK(cairn_save_commit(second, &test_error));
	check(&old);
	cairn_save_destroy(first);
	cairn_save_destroy(second);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
	ck_assert_uint_eq(scene_entries(&scene, TARGET), 1 + old.ranks);
}
END_TEST

START_TEST(of_two_coordinators_of_a_new_path_one_publishes)
{
	struct cairn_save *const first = begin(&old, false);
	struct cairn_save *const second = begin(&new, false);

	for (uint32_t rank = 0; rank < new.ranks; rank++) {
		write_rank(second, &new, rank, 0);
		if (rank < old.ranks)
			write_rank(first, &old, rank, 0);
	}
	ASSERT_OK(cairn_save_commit(first, &test_error));
	ASSERT_STATUS(cairn_save_commit(second, &test_error), CAIRN_EXISTS);
	cairn_save_destroy(first);
	cairn_save_destroy(second);
	check(&old);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
}
END_TEST

/* ------------------------------------------------------------------------------------- leaving */

START_TEST(only_the_coordinator_commits_or_removes)
{
	struct cairn_save *const save = begin(&old, false);
	struct cairn_save *const part = join(cairn_save_id(save));

	ASSERT_STATUS(cairn_save_commit(part, &test_error), CAIRN_PRECONDITION);
	write_rank(part, &old, 0, 0);
	cairn_save_abort(part);
	cairn_save_destroy(part);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 1);
	write_rank(save, &old, 1, 0);
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_abort(save); /* nothing to give up any more */
	cairn_save_destroy(save);
	check(&old);
	cairn_save_abort(NULL);
	cairn_save_destroy(NULL);
}
END_TEST

START_TEST(an_abort_removes_everything_and_a_rank_notices)
{
	struct cairn_save *const save = begin(&old, false);
	struct cairn_save *const part = join(cairn_save_id(save));

	write_rank(part, &old, 0, 0);
	cairn_save_abort(save);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 0);
	ck_assert_int_ne(sharded_write_rank(part, &old, 1, 0, &test_error), CAIRN_OK);
	cairn_save_destroy(part);
	cairn_save_destroy(save);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 0);
}
END_TEST

/* A rank that was given up may finish after the commit: what it leaves is not the checkpoint's. */
START_TEST(a_straggler_does_no_harm_and_is_swept)
{
	struct cairn_save *const save = begin(&old, false);
	struct cairn_save *const part = join(cairn_save_id(save));
	struct cairn_sweep_report report = {0};

	write_rank(save, &old, 0, 0);
	write_rank(save, &old, 1, 0);
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_destroy(save);
	(void)!sharded_write_rank(part, &new, 1, 1, NULL);
	cairn_save_destroy(part);
	check(&old);
	ASSERT_OK(sweep_path(scene.system, FOLDER, &report, &test_error));
	ck_assert_uint_eq(scene_entries(&scene, TARGET), 1 + old.ranks);
	check(&old);
}
END_TEST

START_TEST(a_joined_rank_keeps_the_folder_from_being_swept)
{
	struct cairn_save *const save = begin(&old, false);
	struct cairn_sweep_report report = {0};

	ASSERT_OK(sweep_path(scene.system, FOLDER, &report, &test_error));
	ck_assert_uint_eq(report.removed, 0);
	ck_assert_uint_eq(report.kept, 1);
	write_rank(save, &old, 0, 0);
	write_rank(save, &old, 1, 0);
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_destroy(save);
	check(&old);
}
END_TEST

/* ------------------------------------------------------------------------------------ in doubt */

/* The last fsync fails: whatever is there stays, and nothing is removed. */
START_TEST(in_doubt_removes_nothing)
{
	const bool replaces = _i == 1;
	struct cairn_reader *reader = NULL;
	struct memory_fault fault = {.call = MEMORY_CALL_SYNC, .error = EIO};
	struct cairn_save *save;
	enum cairn_status status = CAIRN_OK;
	uint64_t at = 0;

	while (status != CAIRN_IN_DOUBT) {
		tear_down();
		set_up();
		if (replaces)
			write_old();
		save = begin(&new, replaces);
		for (uint32_t rank = 0; rank < new.ranks; rank++)
			write_rank(save, &new, rank, 0);
		fault.at = ++at;
		memory_system_clear_faults(scene.memory);
		memory_system_set_fault(scene.memory, 0, &fault);
		status = cairn_save_commit(save, &test_error);
		memory_system_clear_faults(scene.memory);
		cairn_save_destroy(save);
		ck_assert_int_ne(status, CAIRN_OK);
		if (status == CAIRN_IN_DOUBT)
			continue;
		ck_assert_uint_eq(scene_entries(&scene, FOLDER),
				  replaces); /* an error: nothing stays */
		if (replaces)
			check(&old);
	}
	ck_assert_uint_gt(at, 1);
	check(&new);
	if (replaces) /* the old shards are all there */
		ck_assert_uint_eq(scene_entries(&scene, TARGET), 1 + new.ranks + old.ranks);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(where_locks_do_not_work_saving_goes_on)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_LOCK, .at = 1, .forever = true, .error = ENOLCK};

	memory_system_set_fault(scene.memory, 0, &fault);
	write_old();
	ASSERT_OK(sharded_write(scene.system, TARGET, &new, true, &test_error));
	check(&new);
	/* nothing is swept: the old shards stay */
	ck_assert_uint_eq(scene_entries(&scene, TARGET), 1 + new.ranks + old.ranks);
	memory_system_clear_faults(scene.memory);
}
END_TEST

START_TEST(names_are_exactly_of_the_grammar)
{
	static const char *const shards[] = {"shard-00000-of-00001.cairn",
					     "shard-99999-of-99999-0123abcd.cairn"};
	static const char *const others[] = {"shard-0000-of-00001.cairn",
					     "shard-00000-of-00001.cairn2",
					     "shard-00000-of-00001-0123ABCD.cairn",
					     "shard-00000-of-00001-0123abc.cairn",
					     "shard-00000-of-00001-0123abcde.cairn",
					     "xshard-00000-of-00001.cairn",
					     "shard-00000-of-0000a.cairn",
					     "shard-00000-of-00001",
					     "",
					     "shard-",
					     "rank-00000-attempt-00000.cairn"};
	uint32_t rank;
	uint32_t attempt;

	for (size_t i = 0; i < COUNT_OF(shards); i++)
		ck_assert(is_shard_name(shards[i]));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		ck_assert_msg(!is_shard_name(others[i]), "%s", others[i]);
	ck_assert(parse_rank_name("rank-00012-attempt-00345.cairn", &rank, &attempt));
	ck_assert_uint_eq(rank, 12);
	ck_assert_uint_eq(attempt, 345);
	ck_assert(!parse_rank_name("rank-0012-attempt-00345.cairn", &rank, &attempt));
	ck_assert(!parse_rank_name("rank-00012-attempt-00345.cairn.cairn", &rank, &attempt));
}
END_TEST

static Suite *save_suite(void)
{
	Suite *const suite = suite_create("save");
	TCase *const tcase = tcase_create("save");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, ranks_join_write_and_leave_and_the_coordinator_commits);
	tcase_add_test(tcase, a_sharded_checkpoint_is_overwritten_by_new_shards);
	tcase_add_test(tcase, the_same_content_can_overwrite_itself);
	tcase_add_test(tcase, the_highest_finished_attempt_counts);
	tcase_add_test(tcase, the_index_says_what_the_save_was);
	tcase_add_test(tcase, the_index_and_each_shard_can_be_opened_alone);
	tcase_add_test(tcase, a_commit_of_many_ranks_needs_few_descriptors);
	tcase_add_test(tcase, a_rank_that_did_not_finish_is_named);
	tcase_add_test(tcase, many_missing_ranks_are_counted);
	tcase_add_test(tcase, a_rank_beyond_the_count_is_named);
	tcase_add_test(tcase, a_shard_of_another_save_is_refused);
	tcase_add_test(tcase, half_a_shard_is_refused);
	tcase_add_test(tcase, an_attempt_can_be_finished_once_only);
	tcase_add_test(tcase, wrong_options_are_refused);
	tcase_add_test(tcase, only_a_sharded_checkpoint_is_overwritten);
	tcase_add_test(tcase, a_path_that_appears_meanwhile_is_not_overwritten);
	tcase_add_test(tcase, an_id_can_be_used_by_one_save_at_a_time);
	tcase_add_test(tcase, of_two_coordinators_both_publish_when_they_replace);
	tcase_add_test(tcase, of_two_coordinators_of_a_new_path_one_publishes);
	tcase_add_test(tcase, only_the_coordinator_commits_or_removes);
	tcase_add_test(tcase, an_abort_removes_everything_and_a_rank_notices);
	tcase_add_test(tcase, a_straggler_does_no_harm_and_is_swept);
	tcase_add_test(tcase, a_joined_rank_keeps_the_folder_from_being_swept);
	tcase_add_loop_test(tcase, in_doubt_removes_nothing, 0, 2);
	tcase_add_test(tcase, where_locks_do_not_work_saving_goes_on);
	tcase_add_test(tcase, names_are_exactly_of_the_grammar);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(save_suite());
}
