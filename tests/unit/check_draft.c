/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts and their sweeping, on the real system (loop number 0) and on the one in memory (1): only
 * what is certainly a dead writer's is removed.
 */
#include "engine/write/draft.h"
#include "engine/write/recover.h"

#include <errno.h>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tests/support/system_world.h"

#define DEAD_NAME ".cairn-tmp-0123456789abcdef0123456789abcdef"

static struct world world;
static struct folder folder;

static void open_folder(int index)
{
	char name[SYSTEM_NAME_SIZE];

	world = world_open(index);
	ASSERT_OK(folder_open(world.system, world_path(&world, "target"), &folder, name,
			      &test_error));
	ck_assert_str_eq(name, "target");
}

static void close_folder(void)
{
	folder_close(&folder);
	world_close(&world);
}

static int make_file(const char *name)
{
	const int fd = system_create(world.system, world.directory, name, 0666, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static bool is_there(const char *name)
{
	struct system_status status;

	return system_status_at(world.system, world.directory, name, false, &status) == 0;
}

static uint64_t sweep(void)
{
	struct sweep_counts counts = {.removed = 0};

	ASSERT_OK(folder_sweep(&folder, &counts, &test_error));
	return counts.removed;
}

/* --------------------------------------------------------------------------------------- drafts */

START_TEST(a_draft_is_a_locked_empty_file_of_its_grammar)
{
	struct draft draft = {.fd = -1};
	struct system_status status;
	int fd;

	open_folder(_i);
	ASSERT_OK(draft_create(&folder, "target", false, &draft, &test_error));
	ck_assert_uint_eq(strlen(draft.temporary), strlen(DRAFT_PREFIX) + 32);
	ck_assert_int_eq(strncmp(draft.temporary, DRAFT_PREFIX, strlen(DRAFT_PREFIX)), 0);
	ck_assert_uint_eq(strspn(draft.temporary + strlen(DRAFT_PREFIX), "0123456789abcdef"), 32);
	ck_assert_str_eq(draft.target, "target");
	ck_assert(!is_there("target"));
	ck_assert_int_eq(
		system_status_at(world.system, world.directory, draft.temporary, false, &status),
		0);
	ck_assert_uint_eq(status.mode, 0444);
	ck_assert_uint_eq(status.size, 0);
	fd = system_open(world.system, world.directory, draft.temporary, 0);
	ck_assert_int_eq(system_lock(world.system, fd, SYSTEM_LOCK_SHARED), -EWOULDBLOCK);
	system_close(world.system, fd);
	draft_discard(&draft);
	close_folder();
}
END_TEST

START_TEST(a_writable_draft_may_be_written_by_whom_the_umask_lets)
{
	struct draft draft = {.fd = -1};
	struct system_status status;

	open_folder(_i);
	ASSERT_OK(draft_create_writable(&folder, "target", &draft, &test_error));
	ck_assert_int_eq(
		system_status_at(world.system, world.directory, draft.temporary, false, &status),
		0);
	ck_assert_uint_eq(status.mode, 0644); /* the umask is 022 */
	draft_discard(&draft);
	close_folder();
}
END_TEST

START_TEST(a_discarded_draft_is_gone)
{
	struct draft draft = {.fd = -1};
	char name[TEMPORARY_NAME_SIZE];

	open_folder(_i);
	ASSERT_OK(draft_create(&folder, "target", false, &draft, &test_error));
	memcpy(name, draft.temporary, sizeof(name));
	draft_discard(&draft);
	ck_assert(!is_there(name));
	draft_discard(&draft); /* once more does nothing */
	draft_discard(&(struct draft){0});
	close_folder();
}
END_TEST

START_TEST(drafts_have_different_names)
{
	struct draft drafts[3];

	open_folder(_i);
	for (int i = 0; i < 3; i++)
		ASSERT_OK(draft_create(&folder, "target", false, &drafts[i], &test_error));
	ck_assert_str_ne(drafts[0].temporary, drafts[1].temporary);
	ck_assert_str_ne(drafts[1].temporary, drafts[2].temporary);
	for (int i = 0; i < 3; i++)
		draft_discard(&drafts[i]);
	close_folder();
}
END_TEST

START_TEST(the_folder_is_free_after_a_draft_was_made)
{
	struct draft draft = {.fd = -1};
	int fd;

	open_folder(_i);
	ASSERT_OK(draft_create(&folder, "target", false, &draft, &test_error));
	fd = system_open(world.system, SYSTEM_CWD, world.path, SYSTEM_WANT_DIRECTORY);
	ck_assert_int_eq(system_lock(world.system, fd, SYSTEM_LOCK_EXCLUSIVE), 0);
	system_close(world.system, fd);
	draft_discard(&draft);
	close_folder();
}
END_TEST

/* ------------------------------------------------------------------------------------- sweeping */

START_TEST(a_dead_draft_is_swept)
{
	open_folder(_i);
	system_close(world.system, make_file(DEAD_NAME));
	ck_assert_uint_eq(sweep(), 1);
	ck_assert(!is_there(DEAD_NAME));
	close_folder();
}
END_TEST

START_TEST(a_live_draft_is_not_swept)
{
	struct draft draft = {.fd = -1};

	open_folder(_i);
	ASSERT_OK(draft_create(&folder, "target", false, &draft, &test_error));
	ck_assert_uint_eq(sweep(), 0);
	ck_assert(is_there(draft.temporary));
	draft_discard(&draft);
	close_folder();
}
END_TEST

START_TEST(a_draft_whose_writer_died_is_swept)
{
	struct draft draft = {.fd = -1};

	open_folder(_i);
	ASSERT_OK(draft_create(&folder, "target", false, &draft, &test_error));
	system_close(world.system, draft.fd); /* as the kernel does */
	ck_assert_uint_eq(sweep(), 1);
	ck_assert(!is_there(draft.temporary));
	close_folder();
}
END_TEST

static const char *const foreign_names[] = {
	".cairn-tmp-0123456789abcdef0123456789abcde",   /* short */
	".cairn-tmp-0123456789abcdef0123456789abcdef0", /* long */
	".cairn-tmp-0123456789ABCDEF0123456789abcdef",  /* upper case */
	".cairn-tmp-0123456789abcdef0123456789abcdeg",  /* no digit */
	"cairn-tmp-0123456789abcdef0123456789abcdef",   /* not hidden */
	".cairn-tmp-",
	".cairn-trash-0123456789abcdef0123456789abcde",
	"x.cairn-tmp-0123456789abcdef0123456789abcdef",
	"model.cairn",
};

START_TEST(other_names_are_left_alone)
{
	open_folder(_i);
	for (size_t i = 0; i < COUNT_OF(foreign_names); i++)
		system_close(world.system, make_file(foreign_names[i]));
	ck_assert_uint_eq(sweep(), 0);
	for (size_t i = 0; i < COUNT_OF(foreign_names); i++)
		ck_assert_msg(is_there(foreign_names[i]), "%s", foreign_names[i]);
	close_folder();
}
END_TEST

START_TEST(links_fifos_and_folders_with_foreign_files_are_left_alone)
{
	open_folder(_i);
	world_add_fifo(&world, DEAD_NAME);
	world_add_link(&world, ".cairn-tmp-11111111111111111111111111111111", "victim");
	system_close(world.system, make_file("victim"));
	ck_assert_int_eq(system_make_directory(world.system, world.directory,
					       ".cairn-tmp-22222222222222222222222222222222", 0777),
			 0);
	system_close(world.system, make_file(".cairn-tmp-22222222222222222222222222222222/theirs"));
	ck_assert_uint_eq(sweep(), 0);
	ck_assert(is_there("victim"));
	ck_assert(is_there(DEAD_NAME));
	ck_assert(is_there(".cairn-tmp-11111111111111111111111111111111"));
	ck_assert(is_there(".cairn-tmp-22222222222222222222222222222222"));
	system_unlink(world.system, world.directory,
		      ".cairn-tmp-22222222222222222222222222222222/theirs");
	close_folder();
}
END_TEST

START_TEST(files_of_other_users_are_left_alone)
{
	open_folder(1);
	system_close(world.system, make_file(DEAD_NAME));
	ck_assert_int_eq(memory_system_set_owner(world.memory, world_path(&world, DEAD_NAME), 7),
			 0);
	ck_assert_uint_eq(sweep(), 0);
	ck_assert(is_there(DEAD_NAME));
	close_folder();
}
END_TEST

START_TEST(nothing_is_swept_where_locks_do_not_work)
{
	static const int errors[] = {ENOLCK, ENOSYS, EOPNOTSUPP};
	const struct memory_fault fault = {
		.call = MEMORY_CALL_LOCK, .at = 1, .forever = true, .error = errors[_i]};
	struct sweep_counts counts = {0};

	open_folder(1);
	system_close(world.system, make_file(DEAD_NAME));
	memory_system_set_fault(world.memory, 0, &fault);
	ASSERT_OK(folder_sweep(&folder, &counts, &test_error));
	ck_assert_uint_eq(counts.removed, 0);
	ck_assert(is_there(DEAD_NAME));
	memory_system_clear_faults(world.memory);
	close_folder();
}
END_TEST

START_TEST(saving_goes_on_where_locks_do_not_work)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_LOCK, .at = 1, .forever = true, .error = ENOLCK};
	struct draft draft = {.fd = -1};

	open_folder(1);
	memory_system_set_fault(world.memory, 0, &fault);
	ASSERT_OK(draft_create(&folder, "target", false, &draft, &test_error));
	draft_discard(&draft);
	memory_system_clear_faults(world.memory);
	close_folder();
}
END_TEST

START_TEST(the_folder_is_made_durable_before_anything_is_removed)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_SYNC, .at = 1, .error = EIO};
	struct sweep_counts counts = {0};

	open_folder(1);
	system_close(world.system, make_file(DEAD_NAME));
	memory_system_set_fault(world.memory, 0, &fault);
	ASSERT_STATUS(folder_sweep(&folder, &counts, &test_error), CAIRN_IN_DOUBT);
	ck_assert_int_eq(test_error.code, CAIRN_IN_DOUBT);
	ck_assert(is_there(DEAD_NAME));
	close_folder();
}
END_TEST

START_TEST(a_locked_folder_is_not_swept)
{
	struct sweep_counts counts = {0};
	int fd;

	open_folder(1); /* in memory: waiting costs nothing */
	system_close(world.system, make_file(DEAD_NAME));
	fd = system_open(world.system, SYSTEM_CWD, world.path, SYSTEM_WANT_DIRECTORY);
	ck_assert_int_eq(system_lock(world.system, fd, SYSTEM_LOCK_SHARED), 0);
	ASSERT_STATUS(folder_sweep(&folder, &counts, &test_error), CAIRN_BUSY);
	ck_assert(is_there(DEAD_NAME));
	system_close(world.system, fd);
	close_folder();
}
END_TEST

START_TEST(what_cannot_be_removed_does_not_stop_the_rest)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_UNLINK, .at = 1, .error = EACCES};

	open_folder(1);
	system_close(world.system, make_file(DEAD_NAME));
	system_close(world.system, make_file(".cairn-tmp-11111111111111111111111111111111"));
	memory_system_set_fault(world.memory, 0, &fault);
	ck_assert_uint_eq(sweep(), 1);
	ck_assert_uint_eq(sweep(), 1);
	close_folder();
}
END_TEST

/* ------------------------------------------------------------------------------- creating fails */

START_TEST(direct_drafts_fall_back)
{
	struct draft draft = {.fd = -1};

	open_folder(1);
	memory_system_settings(world.memory)->direct_error = EINVAL;
	ASSERT_OK(draft_create(&folder, "target", true, &draft, &test_error));
	ck_assert(!draft.is_direct);
	draft_discard(&draft);
	memory_system_settings(world.memory)->direct_error = 0;
	ASSERT_OK(draft_create(&folder, "target", true, &draft, &test_error));
	ck_assert(draft.is_direct);
	draft_discard(&draft);
	close_folder();
}
END_TEST

START_TEST(a_draft_ends_where_it_should)
{
	static const uint64_t sizes[] = {0, 1, 4095, 4096, 4097, 10000};
	const uint64_t size = sizes[_i / 4];
	const bool direct = _i / 2 % 2 == 1;
	const uint8_t bytes[10000] = {1};
	struct draft draft = {.fd = -1};
	struct system_status status;

	open_folder(_i % 2);
	ASSERT_OK(draft_create(&folder, "target", direct, &draft, &test_error));
	ASSERT_OK(draft_reserve(&draft, size, &test_error));
	if (draft.is_direct)
		ASSERT_OK(draft_write(&draft, 0, bytes, size, &test_error));
	else
		ck_assert_int_eq(system_write_all(world.system, draft.fd, bytes, size, 0), 0);
	ASSERT_OK(draft_set_size(&draft, size, &test_error));
	ck_assert_int_eq(system_status(world.system, draft.fd, &status), 0);
	ck_assert_uint_eq(status.size, size);
	draft_discard(&draft);
	close_folder();
}
END_TEST

START_TEST(a_draft_of_another_size_than_was_written_is_an_error)
{
	static const struct memory_fault faults[] = {
		{.call = MEMORY_CALL_TRUNCATE, .at = 1, .error = EIO},
		{.call = MEMORY_CALL_TRUNCATE, .at = 1, .effect = MEMORY_FAULT_SKIP},
		{.call = MEMORY_CALL_STATUS, .at = 1, .error = EIO},
	};
	static const char *const messages[] = {"to 100", "has 4096 bytes after 100", "to 100"};
	const uint8_t bytes[100] = {1};
	struct draft draft = {.fd = -1};

	open_folder(1);
	ASSERT_OK(draft_create(&folder, "target", true, &draft, &test_error));
	memory_system_set_fault(world.memory, 0, &faults[_i]);
	ASSERT_OK(draft_write(&draft, 0, bytes, 100, &test_error));
	ASSERT_FAILS(draft_set_size(&draft, 100, &test_error), CAIRN_IO, messages[_i]);
	draft_discard(&draft);
	close_folder();
}
END_TEST

START_TEST(a_name_that_is_taken_is_tried_again)
{
	struct draft first = {.fd = -1};
	struct draft second = {.fd = -1};

	open_folder(1);
	memory_system_seed(world.memory, 1);
	ASSERT_OK(draft_create(&folder, "target", false, &first, &test_error));
	memory_system_seed(world.memory, 1);
	ASSERT_OK(draft_create(&folder, "target", false, &second, &test_error));
	ck_assert_str_ne(first.temporary, second.temporary);
	draft_discard(&first);
	draft_discard(&second);
	close_folder();
}
END_TEST

START_TEST(a_draft_that_cannot_be_made_leaves_nothing)
{
	static const enum memory_call calls[] = {MEMORY_CALL_LOCK, MEMORY_CALL_LOCK,
						 MEMORY_CALL_RANDOM, MEMORY_CALL_CREATE};
	const struct memory_fault fault = {.call = calls[_i], .at = _i == 1 ? 2 : 1, .error = EIO};
	struct draft draft = {.fd = -1};

	open_folder(1);
	memory_system_set_fault(world.memory, 0, &fault);
	ASSERT_STATUS(draft_create(&folder, "target", false, &draft, &test_error), CAIRN_IO);
	ck_assert_int_eq(draft.fd, -1);
	memory_system_clear_faults(world.memory);
	ck_assert_uint_eq(sweep(), 0); /* nothing to sweep either */
	close_folder();
}
END_TEST

/* ------------------------------------------------------------------------------ drafts by links */

static enum cairn_status link_source(struct draft *draft)
{
	*draft = (struct draft){.fd = -1};
	return draft_link(&folder, "target", world.directory, "source", draft, &test_error);
}

static uint64_t inode_of(const char *name)
{
	struct system_status status;

	ck_assert_int_eq(system_status_at(world.system, world.directory, name, false, &status), 0);
	return status.inode;
}

START_TEST(a_linked_draft_is_the_same_file)
{
	struct draft draft;
	char name[TEMPORARY_NAME_SIZE];

	open_folder(_i);
	system_close(world.system, make_file("source"));
	ASSERT_OK(link_source(&draft));
	memcpy(name, draft.temporary, sizeof(name));
	ck_assert_str_eq(draft.target, "target");
	ck_assert_uint_eq(inode_of(draft.temporary), inode_of("source"));
	ck_assert_int_eq(system_sync(world.system, draft.fd), 0);
	draft_discard(&draft);
	ck_assert(!is_there(name));
	ck_assert(is_there("source"));
	close_folder();
}
END_TEST

START_TEST(linked_drafts_are_swept_when_their_writers_are_gone)
{
	struct draft drafts[2];

	open_folder(_i);
	system_close(world.system, make_file("source"));
	for (int i = 0; i < 2; i++) /* others may link it too */
		ASSERT_OK(link_source(&drafts[i]));
	ck_assert_uint_eq(sweep(), 0);
	for (int i = 0; i < 2; i++)
		system_close(world.system, drafts[i].fd);
	ck_assert_uint_eq(sweep(), 1); /* which holds the file's lock meanwhile */
	ck_assert_uint_eq(sweep(), 1);
	ck_assert(is_there("source"));
	close_folder();
}
END_TEST

START_TEST(what_cannot_be_linked_is_unsupported_and_leaves_nothing)
{
	static const int errors[] = {EXDEV, EPERM, EACCES, EMLINK, ENOSYS, EOPNOTSUPP, 0, 0};
	struct draft draft;

	open_folder(1);
	if (_i == 6)
		world_add_link(&world, "source", "elsewhere");
	else if (_i == 7)
		world_add_fifo(&world, "source");
	else
		system_close(world.system, make_file("source"));
	if (errors[_i] != 0)
		memory_system_set_fault(world.memory, 0,
					&(struct memory_fault){.call = MEMORY_CALL_LINK,
							       .at = 1,
							       .error = errors[_i]});
	ASSERT_STATUS(link_source(&draft), CAIRN_UNSUPPORTED);
	ck_assert_int_eq(draft.fd, -1);
	memory_system_clear_faults(world.memory);
	ck_assert_uint_eq(sweep(), 0);
	ck_assert(is_there("source"));
	close_folder();
}
END_TEST

START_TEST(a_linked_draft_that_cannot_be_made_leaves_nothing)
{
	static const struct memory_fault faults[] = {
		{.call = MEMORY_CALL_LINK, .at = 1, .error = ENOSPC},
		{.call = MEMORY_CALL_OPEN, .at = 1, .error = EMFILE},
		{.call = MEMORY_CALL_STATUS_AT, .at = 1, .error = EIO},
		{.call = MEMORY_CALL_LOCK, .at = 2, .error = EIO},
		{.call = MEMORY_CALL_RANDOM, .at = 1, .error = EIO},
	};
	struct draft draft;

	open_folder(1);
	system_close(world.system, make_file("source"));
	memory_system_clear_faults(world.memory);
	memory_system_set_fault(world.memory, 0, &faults[_i]);
	ASSERT_STATUS(link_source(&draft), CAIRN_IO);
	memory_system_clear_faults(world.memory);
	ck_assert_uint_eq(sweep(), 0);
	close_folder();
}
END_TEST

START_TEST(a_file_that_somebody_has_locked_is_busy)
{
	struct draft draft;
	int fd;

	open_folder(1); /* in memory nobody waits */
	fd = make_file("source");
	ck_assert_int_eq(system_lock(world.system, fd, SYSTEM_LOCK_EXCLUSIVE), 0);
	ASSERT_STATUS(link_source(&draft), CAIRN_BUSY);
	system_close(world.system, fd);
	ck_assert_uint_eq(sweep(), 0);
	ASSERT_STATUS(
		draft_link(&folder, "target", world.directory, "nothing", &draft, &test_error),
		CAIRN_NOT_FOUND);
	close_folder();
}
END_TEST

/* ---------------------------------------------------------------------- another process, really */

START_TEST(a_forked_child_keeps_the_draft_alive)
{
	struct draft draft = {.fd = -1};
	int ends[2];
	pid_t child;

	open_folder(0);
	ASSERT_OK(draft_create(&folder, "target", false, &draft, &test_error));
	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) { /* holds the descriptor until the parent has looked */
		char byte;

		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(ends[0]);
	system_close(world.system, draft.fd);
	ck_assert_uint_eq(sweep(), 0);
	close(ends[1]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_uint_eq(sweep(), 1);
	close_folder();
}
END_TEST

/* --------------------------------------------------------------------------------------- limits */

START_TEST(a_folder_with_too_long_a_path_is_refused)
{
	struct folder none;
	char name[SYSTEM_NAME_SIZE];
	char path[5000];

	open_folder(_i);
	memset(path, 'a', sizeof(path));
	for (size_t i = 100; i < sizeof(path); i += 100)
		path[i] = '/';
	path[sizeof(path) - 1] = '\0';
	ASSERT_STATUS(folder_open(world.system, path, &none, name, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	close_folder();
}
END_TEST

/* Loop index: which of its pieces. */
START_TEST(a_piece_that_cannot_be_written_is_an_error)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_PWRITE, .at = (uint64_t)_i + 1, .error = EIO};
	const size_t size = (size_t)3 << 20;
	uint8_t *const bytes = calloc(size, 1);
	struct draft draft = {.fd = -1};

	open_folder(1);
	ASSERT_OK(draft_create(&folder, "target", true, &draft, &test_error));
	memory_system_set_fault(world.memory, 0, &fault);
	ASSERT_FAILS(draft_write(&draft, 0, bytes, size, &test_error), CAIRN_IO,
		     "3145728 bytes at offset 0");
	draft_discard(&draft);
	close_folder();
	free(bytes);
}
END_TEST

static const struct {
	int error;
	enum cairn_status status;
} reservations[] = {
	{ENOSPC, CAIRN_IO},
	{EOPNOTSUPP, CAIRN_OK},
	{ENOSYS, CAIRN_OK},
};

START_TEST(space_is_reserved_where_file_systems_can)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_PREALLOCATE, .at = 1, .error = reservations[_i].error};
	struct draft draft = {.fd = -1};

	open_folder(1);
	ASSERT_OK(draft_create(&folder, "target", true, &draft, &test_error));
	memory_system_set_fault(world.memory, 0, &fault);
	ASSERT_STATUS(draft_reserve(&draft, 100, &test_error), reservations[_i].status);
	draft_discard(&draft);
	close_folder();
}
END_TEST

/* Loop index: the system, and whether it is written with O_DIRECT. */
START_TEST(a_whole_file_is_written_at_once)
{
	const uint8_t bytes[5000] = {1};
	struct draft draft = {.fd = -1};
	struct system_status status;

	open_folder(_i % 2);
	ASSERT_OK(draft_create(&folder, "target", _i / 2 == 1, &draft, &test_error));
	ASSERT_OK(draft_write_file(&draft, bytes, sizeof(bytes), &test_error));
	ck_assert_int_eq(system_status(world.system, draft.fd, &status), 0);
	ck_assert_uint_eq(status.size, sizeof(bytes));
	draft_discard(&draft);
	close_folder();
}
END_TEST

/* Loop index: whether it is written with O_DIRECT. */
START_TEST(a_whole_file_that_cannot_be_written_is_an_error)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_PWRITE, .at = 1, .error = EIO};
	const uint8_t bytes[5000] = {1};
	struct draft draft = {.fd = -1};

	open_folder(1);
	ASSERT_OK(draft_create(&folder, "target", _i == 1, &draft, &test_error));
	memory_system_set_fault(world.memory, 0, &fault);
	ASSERT_STATUS(draft_write_file(&draft, bytes, sizeof(bytes), &test_error), CAIRN_IO);
	draft_discard(&draft);
	close_folder();
}
END_TEST

/* More than are remembered until the folder is free. */
START_TEST(many_dead_drafts_are_swept)
{
	char name[] = DEAD_NAME;

	open_folder(_i);
	for (int i = 0; i < 40; i++) {
		name[sizeof(name) - 2] = (char)('0' + i % 10);
		name[sizeof(name) - 3] = (char)('0' + i / 10);
		system_close(world.system, make_file(name));
	}
	ck_assert_uint_eq(sweep(), 40);
	close_folder();
}
END_TEST

START_TEST(a_folder_that_somebody_guards_is_not_swept)
{
	open_folder(_i);
	system_close(world.system, make_file(DEAD_NAME));
	folder.is_guarded = true;
	ck_assert_uint_eq(sweep(), 0);
	folder.is_guarded = false;
	ck_assert_uint_eq(sweep(), 1);
	close_folder();
}
END_TEST

static Suite *draft_suite(void)
{
	Suite *suite = suite_create("draft");
	TCase *tests = tcase_create("draft");

	tcase_add_loop_test(tests, a_draft_is_a_locked_empty_file_of_its_grammar, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_writable_draft_may_be_written_by_whom_the_umask_lets, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, a_discarded_draft_is_gone, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, drafts_have_different_names, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, the_folder_is_free_after_a_draft_was_made, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_dead_draft_is_swept, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_live_draft_is_not_swept, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_draft_whose_writer_died_is_swept, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, other_names_are_left_alone, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, links_fifos_and_folders_with_foreign_files_are_left_alone, 0,
			    WORLD_COUNT);
	tcase_add_test(tests, files_of_other_users_are_left_alone);
	tcase_add_loop_test(tests, nothing_is_swept_where_locks_do_not_work, 0, 3);
	tcase_add_test(tests, saving_goes_on_where_locks_do_not_work);
	tcase_add_test(tests, the_folder_is_made_durable_before_anything_is_removed);
	tcase_add_test(tests, a_locked_folder_is_not_swept);
	tcase_add_test(tests, what_cannot_be_removed_does_not_stop_the_rest);
	tcase_add_test(tests, direct_drafts_fall_back);
	tcase_add_loop_test(tests, a_draft_ends_where_it_should, 0, 6 * 2 * WORLD_COUNT);
	tcase_add_loop_test(tests, a_draft_of_another_size_than_was_written_is_an_error, 0, 3);
	tcase_add_test(tests, a_name_that_is_taken_is_tried_again);
	tcase_add_loop_test(tests, a_draft_that_cannot_be_made_leaves_nothing, 0, 4);
	tcase_add_loop_test(tests, a_linked_draft_is_the_same_file, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, linked_drafts_are_swept_when_their_writers_are_gone, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, what_cannot_be_linked_is_unsupported_and_leaves_nothing, 0, 8);
	tcase_add_loop_test(tests, a_linked_draft_that_cannot_be_made_leaves_nothing, 0, 5);
	tcase_add_test(tests, a_file_that_somebody_has_locked_is_busy);
	tcase_add_test(tests, a_forked_child_keeps_the_draft_alive);
	tcase_add_loop_test(tests, a_folder_with_too_long_a_path_is_refused, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_piece_that_cannot_be_written_is_an_error, 0, 3);
	tcase_add_loop_test(tests, space_is_reserved_where_file_systems_can, 0,
			    COUNT_OF(reservations));
	tcase_add_loop_test(tests, a_whole_file_is_written_at_once, 0, 2 * WORLD_COUNT);
	tcase_add_loop_test(tests, a_whole_file_that_cannot_be_written_is_an_error, 0, 2);
	tcase_add_loop_test(tests, many_dead_drafts_are_swept, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_folder_that_somebody_guards_is_not_swept, 0, WORLD_COUNT);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(draft_suite());
}
