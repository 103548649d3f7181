/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What system.h promises, tried on both implementations: whatever a test learns on the in-memory
 * system must hold on the real one. Each test is run twice: _i is 0 for POSIX and 1 for memory.
 */
#include "engine/system/system.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "engine/system/memory_system.h"
#include "tests/support/system_world.h"

static int create_file(const struct world *world, const char *name, const char *text)
{
	const int fd = system_create(world->system, world->directory, name, 0666, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(system_write_all(world->system, fd, text, strlen(text), 0), 0);
	return fd;
}

static void add_file(const struct world *world, const char *name, const char *text)
{
	ck_assert_int_eq(system_close(world->system, create_file(world, name, text)), 0);
}

static void assert_text(const struct world *world, const char *name, const char *text)
{
	char buffer[64] = {0};
	const int fd = system_open(world->system, world->directory, name, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(system_read_all(world->system, fd, buffer, sizeof(buffer), 0),
			 (int64_t)strlen(text));
	ck_assert_str_eq(buffer, text);
	ck_assert_int_eq(system_close(world->system, fd), 0);
}

static int status_of(const struct world *world, const char *name, struct system_status *status)
{
	return system_status_at(world->system, world->directory, name, false, status);
}

/* ---------------------------------------------------------------------------- opening, creating */

START_TEST(create_refuses_what_exists)
{
	struct world w = world_open(_i);

	add_file(&w, "file", "x");
	world_add_link(&w, "dangling", "nowhere");
	ck_assert_int_eq(system_create(w.system, w.directory, "file", 0666, 0), -EEXIST);
	ck_assert_int_eq(system_create(w.system, w.directory, "dangling", 0666, 0), -EEXIST);
	ck_assert_int_eq(system_create(w.system, w.directory, "no/file", 0666, 0), -ENOENT);
	ck_assert_int_eq(system_create(w.system, w.directory, "file/x", 0666, 0), -ENOTDIR);
	world_close(&w);
}
END_TEST

START_TEST(created_files_obey_the_umask_and_stay_writable_to_their_creator)
{
	struct world w = world_open(_i);
	struct system_status status;
	const int fd = system_create(w.system, w.directory, "file", 0444, 0);

	ck_assert_int_eq(system_write_all(w.system, fd, "abc", 3, 0), 0);
	ck_assert_int_eq(system_status(w.system, fd, &status), 0);
	ck_assert_uint_eq(status.mode, 0444);
	system_close(w.system, fd);
	add_file(&w, "other", "");
	ck_assert_int_eq(status_of(&w, "other", &status), 0);
	ck_assert_uint_eq(status.mode, 0644);
	world_close(&w);
}
END_TEST

START_TEST(open_says_why_not)
{
	struct world w = world_open(_i);
	char name[300];

	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	ck_assert_int_eq(system_open(w.system, w.directory, "none", 0), -ENOENT);
	ck_assert_int_eq(system_open(w.system, w.directory, "", 0), -ENOENT);
	ck_assert_int_eq(system_open(w.system, w.directory, name, 0), -ENAMETOOLONG);
	ck_assert_int_eq(system_open(w.system, 9999, "none", 0), -EBADF);
	add_file(&w, "file", "x");
	ck_assert_int_eq(system_open(w.system, w.directory, "file", SYSTEM_WANT_DIRECTORY),
			 -ENOTDIR);
	world_close(&w);
}
END_TEST

START_TEST(open_follows_links_unless_told_not_to)
{
	struct world w = world_open(_i);
	struct system_status status;
	const uint32_t both = SYSTEM_NO_FOLLOW | SYSTEM_WANT_DIRECTORY;

	add_file(&w, "file", "text");
	world_add_link(&w, "link", "file");
	world_add_link(&w, "loop", "loop");
	world_add_link(&w, "here", ".");
	assert_text(&w, "link", "text");
	assert_text(&w, "here/here/link", "text");
	ck_assert_int_eq(system_open(w.system, w.directory, "loop", 0), -ELOOP);
	ck_assert_int_eq(system_open(w.system, w.directory, "link", SYSTEM_NO_FOLLOW), -ELOOP);
	ck_assert_int_eq(system_open(w.system, w.directory, "here", both), -ENOTDIR);
	ck_assert_int_eq(status_of(&w, "link", &status), 0);
	ck_assert_int_eq(status.kind, SYSTEM_LINK);
	ck_assert_int_eq(system_status_at(w.system, w.directory, "link", true, &status), 0);
	ck_assert_int_eq(status.kind, SYSTEM_REGULAR);
	world_close(&w);
}
END_TEST

START_TEST(open_does_not_wait_for_the_writer_of_a_fifo)
{
	struct world w = world_open(_i);
	struct system_status status;
	char byte;
	int fd;

	world_add_fifo(&w, "fifo");
	fd = system_open(w.system, w.directory, "fifo", 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(system_status(w.system, fd, &status), 0);
	ck_assert_int_eq(status.kind, SYSTEM_OTHER);
	ck_assert_int_eq(system_pread(w.system, fd, &byte, 1, 0), -ESPIPE);
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

START_TEST(closed_descriptors_are_gone)
{
	struct world w = world_open(_i);
	struct system_status status;
	const int fd = create_file(&w, "file", "text");
	const int copy = system_duplicate(w.system, fd);

	ck_assert_int_eq(system_close(w.system, fd), 0);
	ck_assert_int_eq(system_status(w.system, fd, &status), -EBADF);
	ck_assert_int_eq(system_close(w.system, fd), -EBADF);
	ck_assert_int_eq(system_duplicate(w.system, fd), -EBADF);
	ck_assert_int_eq(system_status(w.system, copy, &status), 0);
	ck_assert_uint_eq(status.size, 4);
	system_close(w.system, copy);
	world_close(&w);
}
END_TEST

START_TEST(status_tells_an_inode_from_another)
{
	struct world w = world_open(_i);
	struct system_status a;
	struct system_status b;
	struct system_status linked;

	add_file(&w, "a", "1234");
	add_file(&w, "b", "1234");
	ck_assert_int_eq(system_link(w.system, w.directory, "a", w.directory, "linked"), 0);
	ck_assert_int_eq(status_of(&w, "a", &a), 0);
	ck_assert_int_eq(status_of(&w, "b", &b), 0);
	ck_assert_int_eq(status_of(&w, "linked", &linked), 0);
	ck_assert_int_eq(a.kind, SYSTEM_REGULAR);
	ck_assert_uint_eq(a.size, 4);
	ck_assert_uint_eq(a.links, 2);
	ck_assert_uint_eq(a.inode, linked.inode);
	ck_assert_uint_ne(a.inode, b.inode);
	ck_assert_uint_eq(a.device, b.device);
	ck_assert_uint_eq(a.owner, system_user(w.system));
	ck_assert_int_gt(a.modified_ns, 0);
	ck_assert_int_eq(status_of(&w, "none", &a), -ENOENT);
	world_close(&w);
}
END_TEST

/* ----------------------------------------------------------------------------- reading, writing */

START_TEST(writing_past_the_end_leaves_zeros)
{
	struct world w = world_open(_i);
	const int fd = create_file(&w, "file", "ab");
	uint8_t *bytes = malloc(20000);

	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(system_write_all(w.system, fd, "yz", 2, 9999), 0);
	ck_assert_int_eq(system_read_all(w.system, fd, bytes, 20000, 0), 10001);
	ck_assert_mem_eq(bytes, "ab", 2);
	for (size_t i = 2; i < 9999; i++)
		ck_assert_uint_eq(bytes[i], 0);
	ck_assert_mem_eq(bytes + 9999, "yz", 2);
	ck_assert_int_eq(system_pread(w.system, fd, bytes, 10, 10001), 0);
	free(bytes);
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

START_TEST(overwriting_within_and_across_blocks)
{
	struct world w = world_open(_i);
	const int fd = create_file(&w, "file", "");
	uint8_t bytes[12288];
	uint8_t back[sizeof(bytes)];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	ck_assert_int_eq(system_write_all(w.system, fd, bytes, sizeof(bytes), 0), 0);
	memset(bytes + 4000, 1, 200);
	memset(bytes + 8192, 2, 4096);
	ck_assert_int_eq(system_write_all(w.system, fd, bytes + 4000, 200, 4000), 0);
	ck_assert_int_eq(system_write_all(w.system, fd, bytes + 8192, 4096, 8192), 0);
	ck_assert_int_eq(system_read_all(w.system, fd, back, sizeof(back), 0), sizeof(back));
	ck_assert_mem_eq(back, bytes, sizeof(bytes));
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

START_TEST(transfers_that_make_no_sense_are_refused)
{
	struct world w = world_open(_i);
	char byte = 0;
	int fd;

	add_file(&w, "file", "text");
	fd = system_open(w.system, w.directory, "file", 0);
	ck_assert_int_eq(system_pwrite(w.system, fd, &byte, 1, 0), -EBADF);
	ck_assert_int_eq(system_pread(w.system, fd, &byte, 1, UINT64_MAX), -EINVAL);
	ck_assert_int_eq(system_pread(w.system, w.directory, &byte, 1, 0), -EISDIR);
	ck_assert_int_eq(system_preallocate(w.system, fd, 1), -EBADF);
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

START_TEST(ranges_are_copied_between_files)
{
	struct world w = world_open(_i);
	char bytes[9] = "";
	int from;
	int to;

	add_file(&w, "from", "abcdef");
	from = system_open(w.system, w.directory, "from", 0);
	to = create_file(&w, "to", "12345678");
	ck_assert_int_eq(system_copy_all(w.system, from, 1, to, 2, 3), 0);
	ck_assert_int_eq(system_read_all(w.system, to, bytes, 8, 0), 8);
	ck_assert_str_eq(bytes, "12bcd678");
	ck_assert_int_eq(system_copy_all(w.system, from, 4, to, 0, 3), -EIO); /* it ends before */
	ck_assert_int_eq(system_copy_all(w.system, from, 0, to, 0, 0), 0);
	ck_assert_int_eq(system_copy_range(w.system, from, UINT64_MAX, to, 0, 1), -EINVAL);
	ck_assert_int_eq(system_copy_range(w.system, to, 0, from, 0, 1), -EBADF);
	system_close(w.system, from);
	system_close(w.system, to);
	world_close(&w);
}
END_TEST

START_TEST(preallocating_sets_the_size_and_never_cuts)
{
	struct world w = world_open(_i);
	struct system_status status;
	const int fd = create_file(&w, "file", "text");
	const int result = system_preallocate(w.system, fd, 10000);

	if (result != -EOPNOTSUPP) {
		ck_assert_int_eq(result, 0);
		ck_assert_int_eq(system_preallocate(w.system, fd, 10), 0);
		ck_assert_int_eq(system_preallocate(w.system, fd, 0), 0);
		ck_assert_int_eq(system_status(w.system, fd, &status), 0);
		ck_assert_uint_eq(status.size, 10000);
	}
	ck_assert_int_eq(system_preallocate(w.system, fd, UINT64_MAX), -EFBIG);
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

START_TEST(truncating_cuts_and_fills_with_zeros)
{
	struct world w = world_open(_i);
	const int fd = create_file(&w, "file", "text");
	char buffer[8] = "xxxxxxxx";
	int reader;

	ck_assert_int_eq(system_truncate(w.system, fd, 2), 0);
	ck_assert_int_eq(system_pread(w.system, fd, buffer, sizeof(buffer), 0), 2);
	ck_assert_int_eq(system_truncate(w.system, fd, 5), 0);
	ck_assert_int_eq(system_pread(w.system, fd, buffer, sizeof(buffer), 0), 5);
	ck_assert(memcmp(buffer, "te\0\0\0xxx", sizeof(buffer)) == 0);
	ck_assert_int_eq(system_truncate(w.system, fd, UINT64_MAX), -EFBIG);
	reader = system_open(w.system, w.directory, "file", 0);
	ck_assert_int_eq(system_truncate(w.system, reader, 1), -EINVAL);
	system_close(w.system, reader);
	system_close(w.system, fd);
	ck_assert_int_eq(system_truncate(w.system, fd, 1), -EBADF);
	world_close(&w);
}
END_TEST

START_TEST(files_and_directories_can_be_synced)
{
	struct world w = world_open(_i);
	const int fd = create_file(&w, "file", "text");

	ck_assert_int_eq(system_sync(w.system, fd), 0);
	ck_assert_int_eq(system_sync(w.system, w.directory), 0);
	system_close(w.system, fd);
	ck_assert_int_eq(system_sync(w.system, fd), -EBADF);
	ck_assert_int_ge(system_is_local(w.system, w.directory), 0);
	ck_assert_int_eq(system_is_local(w.system, fd), -EBADF);
	world_close(&w);
}
END_TEST

/* ---------------------------------------------------------------------------------- directories */

static int rename_in(const struct world *w, const char *from, const char *to,
		     enum system_rename_mode mode)
{
	return system_rename(w->system, w->directory, from, w->directory, to, mode);
}

START_TEST(rename_replaces_only_when_it_may)
{
	struct world w = world_open(_i);

	add_file(&w, "a", "new");
	add_file(&w, "b", "old");
	ck_assert_int_eq(rename_in(&w, "a", "b", SYSTEM_RENAME_NO_REPLACE), -EEXIST);
	assert_text(&w, "b", "old");
	ck_assert_int_eq(rename_in(&w, "a", "b", SYSTEM_RENAME_REPLACE), 0);
	assert_text(&w, "b", "new");
	ck_assert_int_eq(rename_in(&w, "a", "c", SYSTEM_RENAME_REPLACE), -ENOENT);
	ck_assert_int_eq(rename_in(&w, "b", "c", SYSTEM_RENAME_NO_REPLACE), 0);
	assert_text(&w, "c", "new");
	world_close(&w);
}
END_TEST

START_TEST(rename_of_directories_keeps_them_whole)
{
	struct world w = world_open(_i);

	ck_assert_int_eq(system_make_directory(w.system, w.directory, "d", 0777), 0);
	ck_assert_int_eq(system_make_directory(w.system, w.directory, "d/inner", 0777), 0);
	ck_assert_int_eq(system_make_directory(w.system, w.directory, "e", 0777), 0);
	add_file(&w, "file", "x");
	ck_assert_int_eq(rename_in(&w, "e", "d", SYSTEM_RENAME_REPLACE), -ENOTEMPTY);
	ck_assert_int_eq(rename_in(&w, "d", "d/inner/d", SYSTEM_RENAME_REPLACE), -EINVAL);
	ck_assert_int_eq(rename_in(&w, "file", "e", SYSTEM_RENAME_REPLACE), -EISDIR);
	ck_assert_int_eq(rename_in(&w, "e", "file", SYSTEM_RENAME_REPLACE), -ENOTDIR);
	ck_assert_int_eq(rename_in(&w, "d", "e", SYSTEM_RENAME_REPLACE), 0);
	ck_assert_int_eq(system_remove_directory(w.system, w.directory, "e"), -ENOTEMPTY);
	ck_assert_int_eq(system_remove_directory(w.system, w.directory, "e/inner"), 0);
	world_close(&w);
}
END_TEST

START_TEST(rename_of_two_names_of_one_file_does_nothing)
{
	struct world w = world_open(_i);
	struct system_status status;

	add_file(&w, "a", "x");
	ck_assert_int_eq(system_link(w.system, w.directory, "a", w.directory, "b"), 0);
	ck_assert_int_eq(rename_in(&w, "a", "b", SYSTEM_RENAME_REPLACE), 0);
	ck_assert_int_eq(status_of(&w, "a", &status), 0);
	ck_assert_uint_eq(status.links, 2);
	world_close(&w);
}
END_TEST

START_TEST(links_and_unlinks_say_why_not)
{
	struct world w = world_open(_i);

	add_file(&w, "a", "x");
	ck_assert_int_eq(system_make_directory(w.system, w.directory, "d", 0777), 0);
	ck_assert_int_eq(system_make_directory(w.system, w.directory, "d", 0777), -EEXIST);
	ck_assert_int_eq(system_link(w.system, w.directory, "a", w.directory, "d"), -EEXIST);
	ck_assert_int_eq(system_link(w.system, w.directory, "n", w.directory, "m"), -ENOENT);
	ck_assert_int_eq(system_link(w.system, w.directory, "d", w.directory, "m"), -EPERM);
	ck_assert_int_eq(system_unlink(w.system, w.directory, "n"), -ENOENT);
	ck_assert_int_eq(system_unlink(w.system, w.directory, "d"), -EISDIR);
	ck_assert_int_eq(system_remove_directory(w.system, w.directory, "a"), -ENOTDIR);
	ck_assert_int_eq(system_remove_directory(w.system, w.directory, "n"), -ENOENT);
	world_close(&w);
}
END_TEST

START_TEST(unlinked_files_live_while_they_are_open)
{
	struct world w = world_open(_i);
	struct system_status status;
	char buffer[4];
	const int fd = create_file(&w, "file", "text");

	ck_assert_int_eq(system_unlink(w.system, w.directory, "file"), 0);
	ck_assert_int_eq(system_status(w.system, fd, &status), 0);
	ck_assert_uint_eq(status.links, 0);
	ck_assert_int_eq(system_read_all(w.system, fd, buffer, 4, 0), 4);
	ck_assert_mem_eq(buffer, "text", 4);
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

START_TEST(nothing_is_created_in_a_removed_directory)
{
	struct world w = world_open(_i);
	int directory;

	ck_assert_int_eq(system_make_directory(w.system, w.directory, "d", 0777), 0);
	directory = system_open(w.system, w.directory, "d", SYSTEM_WANT_DIRECTORY);
	ck_assert_int_eq(system_remove_directory(w.system, w.directory, "d"), 0);
	ck_assert_int_eq(system_create(w.system, directory, "x", 0666, 0), -ENOENT);
	ck_assert_int_eq(system_make_directory(w.system, directory, "x", 0777), -ENOENT);
	system_close(w.system, directory);
	world_close(&w);
}
END_TEST

struct tally {
	const struct world *world;
	int names;
	int stop_at;
	bool unlinks;
};

static int count_name(void *context, const char *name)
{
	struct tally *tally = context;

	tally->names++;
	if (tally->unlinks)
		ck_assert_int_eq(system_unlink(tally->world->system, tally->world->directory, name),
				 0);
	return tally->names == tally->stop_at ? 77 : 0;
}

static int list_in(const struct world *w, struct tally *tally)
{
	tally->world = w;
	tally->names = 0;
	return system_list(w->system, w->directory, count_name, tally);
}

START_TEST(lists_from_the_beginning_each_time)
{
	struct world w = world_open(_i);
	struct tally all = {0};
	struct tally some = {.stop_at = 3};
	struct tally unlinking = {.unlinks = true};
	char name[24];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		add_file(&w, name, "");
	}
	ck_assert_int_eq(list_in(&w, &some), 77);
	ck_assert_int_eq(some.names, 3);
	ck_assert_int_eq(list_in(&w, &all), 0);
	ck_assert_int_eq(all.names, 200);
	ck_assert_int_eq(list_in(&w, &unlinking), 0);
	ck_assert_int_eq(unlinking.names, 200);
	ck_assert_int_eq(list_in(&w, &all), 0);
	ck_assert_int_eq(all.names, 0);
	world_close(&w);
}
END_TEST

/* ---------------------------------------------------------------------------------------- locks */

START_TEST(locks_belong_to_open_files)
{
	struct world w = world_open(_i);
	const int a = create_file(&w, "file", "");
	const int copy = system_duplicate(w.system, a);
	const int b = system_open(w.system, w.directory, "file", 0);

	ck_assert_int_eq(system_lock(w.system, a, SYSTEM_LOCK_EXCLUSIVE), 0);
	ck_assert_int_eq(system_lock(w.system, copy, SYSTEM_LOCK_EXCLUSIVE), 0);
	ck_assert_int_eq(system_lock(w.system, b, SYSTEM_LOCK_SHARED), -EWOULDBLOCK);
	ck_assert_int_eq(system_close(w.system, a), 0);
	ck_assert_int_eq(system_lock(w.system, b, SYSTEM_LOCK_SHARED), -EWOULDBLOCK);
	ck_assert_int_eq(system_close(w.system, copy), 0);
	ck_assert_int_eq(system_lock(w.system, b, SYSTEM_LOCK_EXCLUSIVE), 0);
	system_close(w.system, b);
	world_close(&w);
}
END_TEST

START_TEST(shared_locks_are_shared_and_a_failed_upgrade_loses_them)
{
	struct world w = world_open(_i);
	const int a = system_open(w.system, w.directory, ".", SYSTEM_WANT_DIRECTORY);
	const int b = system_open(w.system, w.directory, ".", SYSTEM_WANT_DIRECTORY);

	ck_assert_int_eq(system_lock(w.system, a, SYSTEM_LOCK_SHARED), 0);
	ck_assert_int_eq(system_lock(w.system, b, SYSTEM_LOCK_SHARED), 0);
	ck_assert_int_eq(system_lock(w.system, a, SYSTEM_LOCK_EXCLUSIVE), -EWOULDBLOCK);
	ck_assert_int_eq(system_lock(w.system, b, SYSTEM_LOCK_EXCLUSIVE), 0);
	ck_assert_int_eq(system_lock(w.system, b, SYSTEM_UNLOCK), 0);
	ck_assert_int_eq(system_lock(w.system, a, SYSTEM_LOCK_EXCLUSIVE), 0);
	system_close(w.system, a);
	system_close(w.system, b);
	world_close(&w);
}
END_TEST

START_TEST(locks_follow_the_inode_through_a_rename)
{
	struct world w = world_open(_i);
	const int a = create_file(&w, "before", "");
	int b;

	ck_assert_int_eq(system_lock(w.system, a, SYSTEM_LOCK_EXCLUSIVE), 0);
	ck_assert_int_eq(rename_in(&w, "before", "after", SYSTEM_RENAME_REPLACE), 0);
	b = system_open(w.system, w.directory, "after", 0);
	ck_assert_int_eq(system_lock(w.system, b, SYSTEM_LOCK_EXCLUSIVE), -EWOULDBLOCK);
	system_close(w.system, a);
	system_close(w.system, b);
	world_close(&w);
}
END_TEST

/* ------------------------------------------------------------------------------------- mappings */

START_TEST(mappings_outlive_descriptor_and_name)
{
	struct world w = world_open(_i);
	const int fd = create_file(&w, "file", "");
	const uint8_t *address = NULL;
	uint8_t bytes[10000];

	memset(bytes, 'b', sizeof(bytes));
	ck_assert_int_eq(system_write_all(w.system, fd, bytes, sizeof(bytes), 0), 0);
	ck_assert_int_eq(system_map(w.system, fd, 0, sizeof(bytes), SYSTEM_MAP_SHARED, &address),
			 0);
	system_close(w.system, fd);
	ck_assert_int_eq(system_unlink(w.system, w.directory, "file"), 0);
	ck_assert_mem_eq(address, bytes, sizeof(bytes));
	system_unmap(w.system, address, sizeof(bytes));
	world_close(&w);
}
END_TEST

START_TEST(shared_mappings_show_what_is_written)
{
	struct world w = world_open(_i);
	const int fd = create_file(&w, "file", "old");
	const uint8_t *address = NULL;

	ck_assert_int_eq(system_map(w.system, fd, 0, 3, SYSTEM_MAP_SHARED, &address), 0);
	ck_assert_int_eq(system_write_all(w.system, fd, "new", 3, 0), 0);
	ck_assert_mem_eq(address, "new", 3);
	system_unmap(w.system, address, 3);
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

START_TEST(mapping_says_why_not)
{
	struct world w = world_open(_i);
	const int fd = create_file(&w, "file", "text");
	const uint8_t *address = NULL;

	ck_assert_int_eq(system_map(w.system, fd, 1, 1, SYSTEM_MAP_SHARED, &address), -EINVAL);
	ck_assert_int_eq(system_map(w.system, fd, 0, 0, SYSTEM_MAP_SHARED, &address), -EINVAL);
	ck_assert_int_eq(system_map(w.system, w.directory, 0, 1, SYSTEM_MAP_SHARED, &address),
			 -ENODEV);
	system_close(w.system, fd);
	ck_assert_int_eq(system_map(w.system, fd, 0, 1, SYSTEM_MAP_SHARED, &address), -EBADF);
	ck_assert_ptr_null(address);
	world_close(&w);
}
END_TEST

START_TEST(populate_finds_a_file_that_was_cut)
{
	struct world w = world_open(_i);
	const int fd = create_file(&w, "file", "");
	const uint8_t *address = NULL;
	uint8_t bytes[12288] = {1};
	int result;

	ck_assert_int_eq(system_write_all(w.system, fd, bytes, sizeof(bytes), 0), 0);
	ck_assert_int_eq(system_map(w.system, fd, 0, sizeof(bytes), SYSTEM_MAP_SHARED, &address),
			 0);
	result = system_populate(w.system, address + 5, sizeof(bytes) - 5);
	if (result != -EINVAL) {
		ck_assert_int_eq(result, 0);
		ck_assert_int_eq(system_resident(w.system, address + 5, 4096), 1);
		world_truncate(&w, "file", 4097);
		ck_assert_int_eq(system_populate(w.system, address, 8192), 0);
		ck_assert_int_eq(system_populate(w.system, address + 8191, 2), -EFAULT);
	}
	system_unmap(w.system, address, sizeof(bytes));
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

START_TEST(advice_is_taken)
{
	struct world w = world_open(_i);
	const int fd = create_file(&w, "file", "text");
	const uint8_t *address = NULL;

	ck_assert_int_eq(system_map(w.system, fd, 0, 4, SYSTEM_MAP_PRIVATE, &address), 0);
	ck_assert_int_eq(system_advise(w.system, address + 1, 3, SYSTEM_ADVISE_RANDOM), 0);
	ck_assert_int_eq(system_advise(w.system, address, 4, SYSTEM_ADVISE_WILL_NEED), 0);
	system_unmap(w.system, address, 4);
	system_close(w.system, fd);
	world_close(&w);
}
END_TEST

/* ----------------------------------------------------------------------- memory, threads, other */

START_TEST(allocations_of_nothing_are_something)
{
	struct world w = world_open(_i);
	void *a = system_allocate(w.system, 0);
	void *b = system_allocate_zeroed(w.system, 0);
	void *c = system_allocate_aligned(w.system, 1, 0);
	void *d = system_reallocate(w.system, NULL, 0);

	ck_assert(a != NULL && b != NULL && c != NULL && d != NULL);
	system_free(w.system, a);
	system_free(w.system, b);
	system_free(w.system, c);
	system_free(w.system, d);
	system_free(w.system, NULL);
	world_close(&w);
}
END_TEST

START_TEST(allocations_are_aligned_zeroed_and_kept)
{
	struct world w = world_open(_i);
	uint8_t *zeroed = system_allocate_zeroed(w.system, 1000);
	uint8_t *aligned = system_allocate_aligned(w.system, 2u << 20, 100);

	ck_assert_uint_eq((uintptr_t)aligned % (2u << 20), 0);
	for (size_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(zeroed[i], 0);
	memset(zeroed, 7, 1000);
	zeroed = system_reallocate(w.system, zeroed, 100000);
	ck_assert_uint_eq(zeroed[999], 7);
	ck_assert_ptr_null(system_allocate(w.system, SIZE_MAX / 2));
	system_free(w.system, zeroed);
	system_free(w.system, aligned);
	world_close(&w);
}
END_TEST

static void set_flag(void *context)
{
	*(int *)context = 1;
}

START_TEST(threads_run_to_their_end)
{
	struct world w = world_open(_i);
	struct system_thread threads[4];
	int flags[4] = {0};

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(system_thread_start(w.system, set_flag, &flags[i], &threads[i]),
				 0);
	for (size_t i = 0; i < 4; i++) {
		system_thread_join(w.system, threads[i]);
		ck_assert_int_eq(flags[i], 1);
	}
	ck_assert_uint_ge(system_processors(w.system), 1);
	world_close(&w);
}
END_TEST

START_TEST(random_bytes_differ)
{
	struct world w = world_open(_i);
	uint8_t a[37] = {0};
	uint8_t b[37] = {0};

	ck_assert_int_eq(system_random(w.system, a, sizeof(a)), 0);
	ck_assert_int_eq(system_random(w.system, b, sizeof(b)), 0);
	ck_assert_mem_ne(a, b, sizeof(a));
	ck_assert_int_eq(system_random(w.system, NULL, 0), 0);
	system_sleep(w.system, 1);
	world_close(&w);
}
END_TEST

/* ---------------------------------------------------------------------------------------- loops */

START_TEST(read_all_and_write_all_loop_over_short_counts)
{
	struct memory_system *memory = memory_system_create();
	struct system *system = memory_system_get(memory);
	const int fd = system_create(system, SYSTEM_CWD, "file", 0666, 0);
	char buffer[16] = {0};

	memory_system_settings(memory)->transfer_max = 3;
	ck_assert_int_eq(system_write_all(system, fd, "0123456789", 10, 0), 0);
	ck_assert_uint_eq(memory_system_calls(memory, MEMORY_CALL_PWRITE), 4);
	ck_assert_int_eq(system_read_all(system, fd, buffer, sizeof(buffer), 2), 8);
	ck_assert_str_eq(buffer, "23456789");
	ck_assert_int_eq(system_write_all(system, fd, "", 0, 0), 0);
	memory_system_destroy(memory);
}
END_TEST

START_TEST(read_all_and_write_all_report_what_stops_them)
{
	struct memory_system *memory = memory_system_create();
	struct system *system = memory_system_get(memory);
	const int fd = system_create(system, SYSTEM_CWD, "file", 0666, 0);
	char buffer[4];

	memory_system_settings(memory)->transfer_max = 2;
	memory_system_set_fault(memory, 0,
				&(struct memory_fault){.call = MEMORY_CALL_PWRITE,
						       .at = 2,
						       .effect = MEMORY_FAULT_ZERO});
	ck_assert_int_eq(system_write_all(system, fd, "0123", 4, 0), -EIO);
	memory_system_set_fault(
		memory, 0,
		&(struct memory_fault){.call = MEMORY_CALL_PWRITE, .at = 2, .error = ENOSPC});
	ck_assert_int_eq(system_write_all(system, fd, "0123", 4, 0), -ENOSPC);
	memory_system_set_fault(
		memory, 0,
		&(struct memory_fault){.call = MEMORY_CALL_PREAD, .at = 1, .error = EIO});
	ck_assert_int_eq(system_read_all(system, fd, buffer, 4, 0), -EIO);
	memory_system_destroy(memory);
}
END_TEST

static Suite *system_suite(void)
{
	const TTest *const contract[] = {
		create_refuses_what_exists,
		created_files_obey_the_umask_and_stay_writable_to_their_creator,
		open_says_why_not,
		open_follows_links_unless_told_not_to,
		open_does_not_wait_for_the_writer_of_a_fifo,
		closed_descriptors_are_gone,
		status_tells_an_inode_from_another,
		writing_past_the_end_leaves_zeros,
		overwriting_within_and_across_blocks,
		transfers_that_make_no_sense_are_refused,
		ranges_are_copied_between_files,
		preallocating_sets_the_size_and_never_cuts,
		truncating_cuts_and_fills_with_zeros,
		files_and_directories_can_be_synced,
		rename_replaces_only_when_it_may,
		rename_of_directories_keeps_them_whole,
		rename_of_two_names_of_one_file_does_nothing,
		links_and_unlinks_say_why_not,
		unlinked_files_live_while_they_are_open,
		nothing_is_created_in_a_removed_directory,
		lists_from_the_beginning_each_time,
		locks_belong_to_open_files,
		shared_locks_are_shared_and_a_failed_upgrade_loses_them,
		locks_follow_the_inode_through_a_rename,
		mappings_outlive_descriptor_and_name,
		shared_mappings_show_what_is_written,
		mapping_says_why_not,
		populate_finds_a_file_that_was_cut,
		advice_is_taken,
		allocations_of_nothing_are_something,
		allocations_are_aligned_zeroed_and_kept,
		threads_run_to_their_end,
		random_bytes_differ,
	};
	Suite *suite = suite_create("system");
	TCase *both = tcase_create("contract");
	TCase *loops = tcase_create("loops");

	for (size_t i = 0; i < sizeof(contract) / sizeof(contract[0]); i++)
		tcase_add_loop_test(both, contract[i], 0, WORLD_COUNT);
	suite_add_tcase(suite, both);
	tcase_add_test(loops, read_all_and_write_all_loop_over_short_counts);
	tcase_add_test(loops, read_all_and_write_all_report_what_stops_them);
	suite_add_tcase(suite, loops);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(system_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
