/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the in-memory system has beyond system.h: faults, counts of what is held, settings, and the
 * trace. That it behaves as the real one does is the business of check_system.c.
 */
#include "engine/system/memory_system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

static struct memory_system *memory;
static struct system *sys;

static void set_up(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
}

static void tear_down(void)
{
	memory_system_destroy(memory);
}

static void inject(uint32_t slot, struct memory_fault fault)
{
	memory_system_set_fault(memory, slot, &fault);
}

static int create(const char *name)
{
	return system_create(sys, SYSTEM_CWD, name, 0666, 0);
}

/* --------------------------------------------------------------------------------------- faults */

START_TEST(the_chosen_call_fails_once)
{
	inject(0, (struct memory_fault){.call = MEMORY_CALL_CREATE, .at = 2, .error = ENOSPC});
	ck_assert_int_ge(create("a"), 0);
	ck_assert_uint_eq(memory_system_fault_fired(memory, 0), 0);
	ck_assert_int_eq(create("b"), -ENOSPC);
	ck_assert_int_ge(create("b"), 0);
	ck_assert_uint_eq(memory_system_fault_fired(memory, 0), 1);
}
END_TEST

START_TEST(a_fault_can_last_for_ever)
{
	inject(0, (struct memory_fault){
			  .call = MEMORY_CALL_CREATE, .at = 2, .forever = true, .error = EDQUOT});
	ck_assert_int_ge(create("a"), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(create("b"), -EDQUOT);
	ck_assert(!memory_system_exists(memory, "b"));
	memory_system_clear_faults(memory);
	ck_assert_int_ge(create("b"), 0);
}
END_TEST

START_TEST(any_counts_all_calls_but_allocations)
{
	struct system_status status;

	inject(0, (struct memory_fault){.call = MEMORY_CALL_ANY, .at = 2, .error = EIO});
	system_free(sys, system_allocate(sys, 1));
	ck_assert_int_ge(create("a"), 0);
	system_free(sys, system_allocate(sys, 1));
	ck_assert_int_eq(system_status_at(sys, SYSTEM_CWD, "a", true, &status), -EIO);
	ck_assert_uint_eq(memory_system_calls(memory, MEMORY_CALL_ANY), 2);
	ck_assert_uint_eq(memory_system_calls(memory, MEMORY_CALL_ALLOCATE), 2);
	ck_assert_uint_eq(memory_system_calls(memory, MEMORY_CALL_CREATE), 1);
}
END_TEST

START_TEST(a_second_fault_waits_for_the_first)
{
	inject(0, (struct memory_fault){.call = MEMORY_CALL_CREATE, .at = 2, .error = EIO});
	inject(1,
	       (struct memory_fault){
		       .call = MEMORY_CALL_ANY, .at = 2, .after_previous = true, .error = EROFS});
	ck_assert_int_ge(create("a"), 0);
	ck_assert_int_eq(create("b"), -EIO);
	ck_assert_int_ge(create("c"), 0);
	ck_assert_int_eq(system_unlink(sys, SYSTEM_CWD, "a"), -EROFS);
	ck_assert_int_eq(system_unlink(sys, SYSTEM_CWD, "a"), 0);
}
END_TEST

START_TEST(every_allocation_call_can_fail)
{
	void *kept = system_allocate(sys, 10);

	inject(0, (struct memory_fault){
			  .call = MEMORY_CALL_ALLOCATE, .at = 1, .forever = true, .error = ENOMEM});
	ck_assert_ptr_null(system_allocate(sys, 1));
	ck_assert_ptr_null(system_allocate_zeroed(sys, 1));
	ck_assert_ptr_null(system_allocate_aligned(sys, 64, 1));
	ck_assert_ptr_null(system_reallocate(sys, kept, 20));
	ck_assert_uint_eq(memory_system_live(memory).allocations, 1);
	system_free(sys, kept);
	ck_assert(memory_system_is_clean(memory));
}
END_TEST

START_TEST(transfers_can_be_short)
{
	const int fd = create("a");

	inject(0, (struct memory_fault){
			  .call = MEMORY_CALL_PWRITE, .at = 1, .effect = MEMORY_FAULT_SHORT_ONE});
	inject(1, (struct memory_fault){
			  .call = MEMORY_CALL_PWRITE, .at = 2, .effect = MEMORY_FAULT_SHORT_HALF});
	inject(2, (struct memory_fault){
			  .call = MEMORY_CALL_PWRITE, .at = 3, .effect = MEMORY_FAULT_ZERO});
	ck_assert_int_eq(system_pwrite(sys, fd, "0123456789", 10, 0), 1);
	ck_assert_int_eq(system_pwrite(sys, fd, "0123456789", 10, 0), 5);
	ck_assert_int_eq(system_pwrite(sys, fd, "0123456789", 10, 0), 0);
	ck_assert_int_eq(memory_system_content(memory, "a", NULL, 0), 5);
	ck_assert_int_eq(system_pwrite(sys, fd, "0123456789", 10, 0), 10);
}
END_TEST

START_TEST(a_failed_close_closes)
{
	const int fd = create("a");

	inject(0, (struct memory_fault){.call = MEMORY_CALL_CLOSE, .at = 1, .error = EIO});
	ck_assert_int_eq(system_close(sys, fd), -EIO);
	ck_assert_int_eq(system_close(sys, fd), -EBADF);
	ck_assert_uint_eq(memory_system_live(memory).descriptors, 0);
}
END_TEST

START_TEST(a_call_can_take_effect_and_still_fail)
{
	const struct memory_fault open = {.call = MEMORY_CALL_CREATE,
					  .at = 1,
					  .effect = MEMORY_FAULT_ERROR_AFTER,
					  .error = EIO};
	const struct memory_fault rename = {.call = MEMORY_CALL_RENAME,
					    .at = 1,
					    .effect = MEMORY_FAULT_ERROR_AFTER,
					    .error = ENOENT};

	inject(0, open);
	inject(1, rename);
	ck_assert_int_eq(create("a"), -EIO);
	ck_assert(memory_system_is_clean(memory));
	ck_assert_int_eq(
		system_rename(sys, SYSTEM_CWD, "a", SYSTEM_CWD, "b", SYSTEM_RENAME_REPLACE),
		-ENOENT);
	ck_assert(memory_system_exists(memory, "b"));
	ck_assert(!memory_system_exists(memory, "a"));
}
END_TEST

START_TEST(calls_can_be_skipped_in_silence)
{
	const int a = create("a");
	const int b = system_open(sys, SYSTEM_CWD, "a", 0);

	inject(0, (struct memory_fault){
			  .call = MEMORY_CALL_LOCK, .at = 1, .effect = MEMORY_FAULT_SKIP});
	inject(1, (struct memory_fault){
			  .call = MEMORY_CALL_RENAME, .at = 1, .effect = MEMORY_FAULT_SKIP});
	inject(2, (struct memory_fault){
			  .call = MEMORY_CALL_SYNC, .at = 1, .effect = MEMORY_FAULT_SKIP});
	memory_system_trace_start(memory);
	ck_assert_int_eq(system_lock(sys, a, SYSTEM_LOCK_EXCLUSIVE), 0);
	ck_assert_int_eq(system_lock(sys, b, SYSTEM_LOCK_EXCLUSIVE), 0);
	ck_assert_int_eq(
		system_rename(sys, SYSTEM_CWD, "a", SYSTEM_CWD, "b", SYSTEM_RENAME_REPLACE), 0);
	ck_assert(memory_system_exists(memory, "a"));
	ck_assert_int_eq(system_sync(sys, a), 0);
	ck_assert_uint_eq(memory_system_trace(memory)->count, 0);
}
END_TEST

static void set_flag(void *context)
{
	*(int *)context = 1;
}

START_TEST(failed_thread_starts_run_nothing)
{
	struct system_thread thread;

	inject(0,
	       (struct memory_fault){.call = MEMORY_CALL_THREAD_START, .at = 1, .error = EAGAIN});
	ck_assert_int_eq(system_thread_start(sys, set_flag, NULL, &thread), -EAGAIN);
	ck_assert(memory_system_is_clean(memory));
}
END_TEST

/* --------------------------------------------------------------------------------- what is held */

START_TEST(everything_held_is_counted)
{
	const uint8_t *address;
	struct memory_live live;
	const int fd = create("a");
	void *allocation = system_allocate(sys, 5000);

	ck_assert_int_eq(system_lock(sys, fd, SYSTEM_LOCK_SHARED), 0);
	ck_assert_int_eq(system_write_all(sys, fd, "abc", 3, 0), 0);
	ck_assert_int_eq(system_map(sys, fd, 0, 3, SYSTEM_MAP_SHARED, &address), 0);
	live = memory_system_live(memory);
	ck_assert_uint_eq(live.allocations, 1);
	ck_assert_uint_ge(live.allocated_bytes, 5000);
	ck_assert_uint_eq(live.descriptors, 1);
	ck_assert_uint_eq(live.maps, 1);
	ck_assert_uint_eq(live.mapped_bytes, 3);
	ck_assert_uint_eq(live.locks, 1);
	system_free(sys, allocation);
	system_unmap(sys, address, 3);
	ck_assert(!memory_system_is_clean(memory));
	system_close(sys, fd);
	ck_assert(memory_system_is_clean(memory));
	ck_assert_uint_ge(memory_system_live(memory).allocated_bytes_peak, 5000);
}
END_TEST

START_TEST(death_of_a_process_ends_its_locks)
{
	int fd = create("a");

	ck_assert_int_eq(system_lock(sys, fd, SYSTEM_LOCK_EXCLUSIVE), 0);
	memory_system_close_all(memory);
	ck_assert_int_eq(system_lock(sys, fd, SYSTEM_UNLOCK), -EBADF);
	fd = system_open(sys, SYSTEM_CWD, "a", 0);
	ck_assert_int_eq(system_lock(sys, fd, SYSTEM_LOCK_EXCLUSIVE), 0);
}
END_TEST

/* ------------------------------------------------------------------------------------- settings */

START_TEST(settings_decide_what_is_supported)
{
	struct memory_settings *settings = memory_system_settings(memory);
	const int fd = create("a");
	const uint8_t *address;

	ck_assert_int_eq(system_write_all(sys, fd, "abc", 3, 0), 0);
	settings->is_local = 0;
	settings->resident = 0;
	settings->map_shared_error = ENODEV;
	settings->no_replace_error = EINVAL;
	settings->direct_error = EINVAL;
	ck_assert_int_eq(system_is_local(sys, fd), 0);
	ck_assert_int_eq(system_map(sys, fd, 0, 3, SYSTEM_MAP_SHARED, &address), -ENODEV);
	ck_assert_int_eq(system_map(sys, fd, 0, 3, SYSTEM_MAP_PRIVATE, &address), 0);
	ck_assert_int_eq(system_resident(sys, address, 3), 0);
	system_unmap(sys, address, 3);
	ck_assert_int_eq(
		system_rename(sys, SYSTEM_CWD, "a", SYSTEM_CWD, "b", SYSTEM_RENAME_NO_REPLACE),
		-EINVAL);
	ck_assert_int_eq(system_create(sys, SYSTEM_CWD, "c", 0666, SYSTEM_DIRECT), -EINVAL);
}
END_TEST

START_TEST(descriptors_run_out_before_anything_is_created)
{
	memory_system_settings(memory)->descriptors_max = 1;
	ck_assert_int_ge(create("a"), 0);
	ck_assert_int_eq(create("b"), -EMFILE);
	ck_assert(!memory_system_exists(memory, "b"));
	ck_assert_int_eq(system_open(sys, SYSTEM_CWD, "a", 0), -EMFILE);
}
END_TEST

START_TEST(direct_files_insist_on_alignment)
{
	const int fd = system_create(sys, SYSTEM_CWD, "a", 0666, SYSTEM_DIRECT);
	uint8_t *block = system_allocate_aligned(sys, 4096, 8192);

	ck_assert_ptr_nonnull(block);
	memset(block, 1, 8192);
	ck_assert_int_eq(system_pwrite(sys, fd, block + 8, 4096, 0), -EINVAL);
	ck_assert_int_eq(system_pwrite(sys, fd, block, 100, 0), -EINVAL);
	ck_assert_int_eq(system_pwrite(sys, fd, block, 4096, 512), -EINVAL);
	ck_assert_int_eq(system_pwrite(sys, fd, block, 8192, 4096), 8192);
	system_free(sys, block);
}
END_TEST

START_TEST(inline_threads_have_run_when_start_returns)
{
	struct system_thread thread;
	int flag = 0;

	memory_system_settings(memory)->threads_inline = true;
	ck_assert_int_eq(system_thread_start(sys, set_flag, &flag, &thread), 0);
	ck_assert_int_eq(flag, 1);
	ck_assert_uint_eq(memory_system_live(memory).threads, 1);
	system_thread_join(sys, thread);
	ck_assert(memory_system_is_clean(memory));
}
END_TEST

START_TEST(random_bytes_follow_from_the_seed)
{
	uint8_t a[16];
	uint8_t b[16];

	memory_system_seed(memory, 5);
	ck_assert_int_eq(system_random(sys, a, sizeof(a)), 0);
	memory_system_seed(memory, 5);
	ck_assert_int_eq(system_random(sys, b, sizeof(b)), 0);
	ck_assert_mem_eq(a, b, sizeof(a));
}
END_TEST

/* ---------------------------------------------------------------------------- setting the scene */

START_TEST(scenery_is_neither_counted_nor_traced)
{
	struct system_status status;
	char buffer[8];

	memory_system_trace_start(memory);
	ck_assert_int_eq(memory_system_add_directory(memory, "d"), 0);
	ck_assert_int_eq(memory_system_add_file(memory, "d/f", "old text", 8), 0);
	ck_assert_int_eq(memory_system_add_file(memory, "d/f", "new", 3), 0);
	ck_assert_int_eq(memory_system_add_file(memory, "no/f", "new", 3), -ENOENT);
	ck_assert_int_eq(memory_system_add_file(memory, "d", "new", 3), -EISDIR);
	ck_assert_int_eq(memory_system_add_directory(memory, "d"), -EEXIST);
	ck_assert_int_eq(memory_system_set_owner(memory, "d/f", 7), 0);
	ck_assert_int_eq(memory_system_set_mode(memory, "d/f", 0400), 0);
	ck_assert_int_eq(memory_system_set_times(memory, "d/f", 11, 12), 0);
	ck_assert_int_eq(memory_system_content(memory, "d/f", buffer, sizeof(buffer)), 3);
	ck_assert_mem_eq(buffer, "new", 3);
	ck_assert_uint_eq(memory_system_calls(memory, MEMORY_CALL_ANY), 0);
	ck_assert_uint_eq(memory_system_trace(memory)->count, 0);
	ck_assert_int_eq(system_status_at(sys, SYSTEM_CWD, "/d/f", false, &status), 0);
	ck_assert_uint_eq(status.owner, 7);
	ck_assert_uint_eq(status.mode, 0400);
	ck_assert_int_eq(status.modified_ns, 11);
	ck_assert_int_eq(status.changed_ns, 12);
}
END_TEST

START_TEST(damage_shows_in_file_and_mapping)
{
	const uint8_t *address;
	char byte;
	int fd;

	ck_assert_int_eq(memory_system_add_file(memory, "f", "abc", 3), 0);
	fd = system_open(sys, SYSTEM_CWD, "f", 0);
	ck_assert_int_eq(system_map(sys, fd, 0, 3, SYSTEM_MAP_SHARED, &address), 0);
	ck_assert_int_eq(memory_system_corrupt(memory, "f", 1, 1), 0);
	ck_assert_int_eq(memory_system_corrupt(memory, "f", 3, 1), -EINVAL);
	ck_assert_int_eq(system_pread(sys, fd, &byte, 1, 1), 1);
	ck_assert_int_eq(byte, 'c');
	ck_assert_int_eq(address[1], 'c');
	ck_assert_int_eq(memory_system_truncate(memory, "f", 0), 0);
	ck_assert_int_eq(system_populate(sys, address, 3), -EFAULT);
	system_unmap(sys, address, 3);
}
END_TEST

/* ---------------------------------------------------------------------------------------- trace */

static void assert_kinds(const enum memory_trace_kind *kinds, size_t count)
{
	const struct memory_trace *trace = memory_system_trace(memory);

	ck_assert_uint_eq(trace->count, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(trace->ops[i].kind, kinds[i]);
}

START_TEST(trace_records_what_changes_the_disk_in_order)
{
	static const enum memory_trace_kind kinds[] = {
		MEMORY_TRACE_INODE,       MEMORY_TRACE_ADD,    MEMORY_TRACE_SIZE,
		MEMORY_TRACE_PIECE,       MEMORY_TRACE_PIECE,  MEMORY_TRACE_PIECE,
		MEMORY_TRACE_SYNC,        MEMORY_TRACE_RENAME, MEMORY_TRACE_MARK,
		MEMORY_TRACE_ADD,         MEMORY_TRACE_REMOVE, MEMORY_TRACE_INODE,
		MEMORY_TRACE_ADD,         MEMORY_TRACE_REMOVE, MEMORY_TRACE_TRUNCATE,
		MEMORY_TRACE_SYNC_FAILED,
	};
	uint8_t bytes[8192] = {1};
	int fd;

	memory_system_trace_start(memory);
	fd = create("a");
	ck_assert_int_eq(system_write_all(sys, fd, bytes, sizeof(bytes), 100), 0);
	ck_assert_int_eq(system_sync(sys, fd), 0);
	system_rename(sys, SYSTEM_CWD, "a", SYSTEM_CWD, "b", SYSTEM_RENAME_REPLACE);
	memory_system_mark(memory, 1);
	ck_assert_int_eq(system_link(sys, SYSTEM_CWD, "b", SYSTEM_CWD, "c"), 0);
	ck_assert_int_eq(system_unlink(sys, SYSTEM_CWD, "b"), 0);
	ck_assert_int_eq(system_make_directory(sys, SYSTEM_CWD, "d", 0777), 0);
	ck_assert_int_eq(system_remove_directory(sys, SYSTEM_CWD, "d"), 0);
	ck_assert_int_eq(system_truncate(sys, fd, 5), 0);
	inject(0, (struct memory_fault){.call = MEMORY_CALL_SYNC, .at = 1, .error = EIO});
	ck_assert_int_eq(system_sync(sys, fd), -EIO);
	assert_kinds(kinds, sizeof(kinds) / sizeof(kinds[0]));
}
END_TEST

START_TEST(calls_that_fail_leave_no_trace)
{
	memory_system_trace_start(memory);
	inject(0, (struct memory_fault){.call = MEMORY_CALL_CREATE, .at = 1, .error = ENOSPC});
	ck_assert_int_eq(create("a"), -ENOSPC);
	ck_assert_int_eq(system_unlink(sys, SYSTEM_CWD, "a"), -ENOENT);
	ck_assert_uint_eq(memory_system_trace(memory)->count, 0);
}
END_TEST

static Suite *memory_system_suite(void)
{
	Suite *suite = suite_create("memory_system");
	TCase *tcase = tcase_create("memory");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, the_chosen_call_fails_once);
	tcase_add_test(tcase, a_fault_can_last_for_ever);
	tcase_add_test(tcase, any_counts_all_calls_but_allocations);
	tcase_add_test(tcase, a_second_fault_waits_for_the_first);
	tcase_add_test(tcase, every_allocation_call_can_fail);
	tcase_add_test(tcase, transfers_can_be_short);
	tcase_add_test(tcase, a_failed_close_closes);
	tcase_add_test(tcase, a_call_can_take_effect_and_still_fail);
	tcase_add_test(tcase, calls_can_be_skipped_in_silence);
	tcase_add_test(tcase, failed_thread_starts_run_nothing);
	tcase_add_test(tcase, everything_held_is_counted);
	tcase_add_test(tcase, death_of_a_process_ends_its_locks);
	tcase_add_test(tcase, settings_decide_what_is_supported);
	tcase_add_test(tcase, descriptors_run_out_before_anything_is_created);
	tcase_add_test(tcase, direct_files_insist_on_alignment);
	tcase_add_test(tcase, inline_threads_have_run_when_start_returns);
	tcase_add_test(tcase, random_bytes_follow_from_the_seed);
	tcase_add_test(tcase, scenery_is_neither_counted_nor_traced);
	tcase_add_test(tcase, damage_shows_in_file_and_mapping);
	tcase_add_test(tcase, trace_records_what_changes_the_disk_in_order);
	tcase_add_test(tcase, calls_that_fail_leave_no_trace);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(memory_system_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
