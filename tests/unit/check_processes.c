/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharded checkpoints and real processes: ranks that are forked, ranks and coordinators that are
 * killed at each of their calls and at moments that nobody chose, and readers while others
 * overwrite, merge and delete.
 *
 * On the real system, in a folder of its own under /dev/shm, where no disk slows processes down (or
 * under CAIRN_TEST_FOLDER).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cairn/save.h>

#include "engine/read/reader.h"
#include "tests/support/child.h"
#include "tests/support/random.h"
#include "tests/support/seam_hook.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

#define RANKS 4u

static const struct sharded_sample old = {RANKS, 1};
static const struct sharded_sample new = {RANKS, 2};

static char folder[64];
static char target[128];

static int remove_entry(void *context, const char *name)
{
	const char *const parent = context;
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", parent, name);
	if (unlink(path) == 0)
		return 0;
	fd = system_open(system_posix(), SYSTEM_CWD, path, SYSTEM_WANT_DIRECTORY);
	if (fd < 0)
		return 0;
	system_list(system_posix(), fd, remove_entry, path);
	system_close(system_posix(), fd);
	rmdir(path);
	return 0;
}

static void set_up(void)
{
	const char *const chosen = getenv("CAIRN_TEST_FOLDER");
	const char *const parent = chosen != NULL                  ? chosen
				   : access("/dev/shm", W_OK) == 0 ? "/dev/shm"
								   : "/tmp";

	snprintf(folder, sizeof(folder), "%s/check_processes-XXXXXX", parent);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(target, sizeof(target), "%s/model", folder);
}

static void tear_down(void)
{
	const int fd = system_open(system_posix(), SYSTEM_CWD, folder, SYSTEM_WANT_DIRECTORY);

	system_list(system_posix(), fd, remove_entry, folder);
	system_close(system_posix(), fd);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* A rank's process. */
static int be_rank(struct cairn_save_id id, const struct sharded_sample *sample, uint32_t rank,
		   uint32_t attempt)
{
	struct cairn_save *save = NULL;
	enum cairn_status status = cairn_save_join(target, id, &save, NULL);

	if (status == CAIRN_OK)
		status = sharded_write_rank(save, sample, rank, attempt, NULL);
	cairn_save_destroy(save);
	return (int)status;
}

static struct cairn_save *begin_save(const struct sharded_sample *sample)
{
	struct cairn_save *save = NULL;

	ASSERT_OK(sharded_begin(system_posix(), target, sample, true, &save, &test_error));
	return save;
}

static bool holds(const struct sharded_sample *sample)
{
	return sharded_check(system_posix(), target, sample, NULL) == CAIRN_OK;
}

struct count {
	uint32_t all;
	uint32_t temporary;
};

static int count_entry(void *context, const char *name)
{
	struct count *const count = context;

	count->all++;
	count->temporary += strncmp(name, ".cairn-", 7) == 0;
	return 0;
}

static struct count entries(const char *path)
{
	const int fd = system_open(system_posix(), SYSTEM_CWD, path, SYSTEM_WANT_DIRECTORY);
	struct count count = {0};

	if (fd < 0)
		return count;
	system_list(system_posix(), fd, count_entry, &count);
	system_close(system_posix(), fd);
	return count;
}

/* Old or new, and after a sweep nothing else. */
static void check_after_death(const char *when)
{
	ck_assert_msg(holds(&old) || holds(&new), "%s: neither old nor new", when);
	ASSERT_OK(cairn_sweep(folder, NULL, &test_error));
	ck_assert_msg(entries(folder).all == 1, "%s: an orphan stays", when);
	ck_assert_msg(entries(target).all == 1 + RANKS, "%s: a shard stays, or is gone", when);
	ck_assert_msg(holds(&old) || holds(&new), "%s: the sweep took it", when);
}

/* --------------------------------------------------------------------------- saving, restoring */

START_TEST(ranks_save_and_another_number_of_ranks_restores)
{
	struct cairn_save *const save = begin_save(&new);
	pid_t children[RANKS];

	for (uint32_t rank = 0; rank < RANKS; rank++) {
		children[rank] = begin_child();
		if (children[rank] == 0)
			_exit(be_rank(cairn_save_id(save), &new, rank, 0));
	}
	for (uint32_t rank = 0; rank < RANKS; rank++)
		ck_assert_int_eq(end_child(children[rank]), 0);
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_destroy(save);
	for (uint32_t readers = 2; readers <= 3; readers++) {
		for (uint32_t i = 0; i < readers; i++) {
			const pid_t child = begin_child();
			struct cairn_reader *reader = NULL;

			if (child == 0)
				_exit(cairn_reader_open(target, NULL, &reader, NULL) != CAIRN_OK ||
				      sharded_compare(reader, &new, readers, NULL) != CAIRN_OK);
			ck_assert_int_eq(end_child(child), 0);
		}
	}
	ck_assert_uint_eq(entries(folder).all, 1);
}
END_TEST

START_TEST(a_rank_that_was_killed_is_done_again)
{
	struct cairn_save *const save = begin_save(&new);
	pid_t child = begin_child();

	if (child == 0) {
		struct cairn_save *part = NULL;

		if (cairn_save_join(target, cairn_save_id(save), &part, NULL) == CAIRN_OK)
			raise(SIGKILL);
		_exit(1);
	}
	ck_assert_int_eq(end_child(child), CHILD_KILLED);
	for (uint32_t rank = 0; rank < RANKS; rank++) {
		child = begin_child();
		if (child == 0)
			_exit(be_rank(cairn_save_id(save), &new, rank, rank == 0 ? 1 : 0));
		ck_assert_int_eq(end_child(child), 0);
	}
	ASSERT_OK(cairn_save_commit(save, &test_error));
	cairn_save_destroy(save);
	ck_assert(holds(&new));
}
END_TEST

/* ------------------------------------------------------------------------------------- killing */

/* The call that the process does not survive. */
struct death {
	uint32_t countdown;
	bool is_after;
	uint32_t calls; /* counted when nobody dies */
};

static void die(void *context, enum memory_call call, bool is_after)
{
	struct death *const death = context;

	(void)call;
	if (is_after != death->is_after)
		return;
	death->calls++;
	if (death->countdown != 0 && --death->countdown == 0)
		raise(SIGKILL);
}

enum role {
	COORDINATOR, /* all of a save, overwriting */
	MERGER,      /* merges two checkpoints over the old one, removing them */
	DELETER,     /* and another saves */
	SWEEPER,
	ROLE_COUNT
};

static char first_part[160];
static char second_part[160];
static char dead_save[160];

/* What the role needs before it begins. */
static void set_scene(enum role role)
{
	const struct sharded_sample *const sample = role == MERGER ? &new : &old;

	if (!holds(&old))
		ASSERT_OK(sharded_write(system_posix(), target, &old, true, &test_error));
	if (role == MERGER || role == DELETER) {
		snprintf(first_part, sizeof(first_part), "%s/first", folder);
		snprintf(second_part, sizeof(second_part), "%s/second.cairn", folder);
		if (access(first_part, F_OK) != 0)
			ASSERT_OK(sharded_write(system_posix(), first_part, sample, false,
						&test_error));
		if (access(second_part, F_OK) != 0)
			ASSERT_OK(sharded_write_part(system_posix(), second_part, sample, 0,
						     &test_error));
	}
	if (role == SWEEPER) {
		snprintf(dead_save, sizeof(dead_save),
			 "%s/.cairn-tmp-00112233445566778899aabbccddeeff", folder);
		mkdir(dead_save, 0777);
		snprintf(dead_save + strlen(dead_save), 40, "/rank-00000-attempt-00000.cairn");
		close(creat(dead_save, 0644));
	}
}

static enum cairn_status play(struct system *system, enum role role)
{
	const char *const sources[] = {first_part, second_part};
	const struct cairn_merge_options options = {.replace = 1, .remove_sources = 1};

	switch (role) {
	case COORDINATOR:
		return sharded_write(system, target, &new, true, NULL);
	case MERGER:
		return merge_checkpoints(system, sources, 2, target, &options, NULL, NULL);
	case DELETER:
		return remove_path(system, first_part, NULL);
	case SWEEPER:
	case ROLE_COUNT:
		break;
	}
	return sweep_path(system, folder, NULL, NULL);
}

static enum cairn_status hooked(struct death *death, enum role role)
{
	struct system system = *system_posix();
	enum cairn_status status;

	seam_hook_install(&system, die, death);
	status = play(&system, role);
	seam_hook_remove(&system);
	return status;
}

static void check_death(enum role role, const char *when)
{
	if (role == MERGER && !holds(&new)) { /* nothing is removed before the commit */
		ck_assert_msg(access(first_part, F_OK) == 0 && access(second_part, F_OK) == 0,
			      "%s: a source is gone", when);
	}
	if (role == DELETER && access(first_part, F_OK) == 0)
		ck_assert_msg(sharded_check(system_posix(), first_part, &old, NULL) == CAIRN_OK,
			      "%s: half deleted", when);
	if (role == MERGER || role == DELETER) {
		ck_assert_msg(holds(&old) || holds(&new), "%s: neither old nor new", when);
		ASSERT_OK(cairn_sweep(folder, NULL, &test_error));
		ck_assert_msg(entries(folder).temporary == 0, "%s: an orphan stays", when);
		ck_assert_msg(entries(target).all == 1 + RANKS, "%s: a shard stays", when);
		return;
	}
	check_after_death(when);
}

/* Loop index: role, and before or after the call. */
START_TEST(death_at_every_call_leaves_old_or_new)
{
	const enum role role = (enum role)(_i / 2);
	struct death none = {.is_after = _i % 2 == 1};
	char when[80];

	set_scene(role);
	ck_assert_int_eq(hooked(&none, role), CAIRN_OK);
	ck_assert_uint_gt(none.calls, 5);
	for (uint32_t at = 1; at <= none.calls; at++) {
		struct death death = {.countdown = at, .is_after = _i % 2 == 1};
		pid_t child;

		set_scene(role);
		child = begin_child();
		if (child == 0)
			_exit(hooked(&death, role) == CAIRN_OK ? 0 : 1);
		snprintf(when, sizeof(when), "role %d killed %s call %u of %u", (int)role,
			 _i % 2 == 1 ? "after" : "before", at, none.calls);
		ck_assert_msg(end_child(child) <= 0, "%s: it failed instead", when);
		check_death(role, when);
	}
	printf("kills %u\n", none.calls);
}
END_TEST

/* A rank dies at each call: the save goes on with another attempt, and so do the others. */
START_TEST(a_rank_that_dies_at_any_call_disturbs_nobody)
{
	struct death death = {.is_after = true};

	for (uint32_t at = 1;; at++) {
		struct cairn_save *const save = begin_save(&new);
		const struct cairn_save_id id = cairn_save_id(save);
		const pid_t child = begin_child();
		int result;

		death.countdown = at;
		if (child == 0) {
			struct system system = *system_posix();
			struct cairn_save *part = NULL;
			enum cairn_status status;

			seam_hook_install(&system, die, &death);
			status = save_join(&system, target, id, &part, NULL);
			if (status == CAIRN_OK)
				status = sharded_write_rank(part, &new, 0, 0, NULL);
			cairn_save_destroy(part);
			_exit((int)status);
		}
		result = end_child(child);
		ck_assert_int_le(result, 0);
		ASSERT_OK(cairn_sweep(folder, NULL, &test_error)); /* the coordinator lives */
		for (uint32_t rank = 0; rank < RANKS; rank++)
			ASSERT_OK(sharded_write_rank(save, &new, rank, 1, &test_error));
		ASSERT_OK(cairn_save_commit(save, &test_error));
		cairn_save_destroy(save);
		check_after_death("a rank died");
		if (result == 0)
			break;
	}
}
END_TEST

/* A coordinator and its ranks, for ever; the coordinator leads the group of processes. */
static void save_for_ever(void)
{
	const struct sharded_sample *sample = &new;

	setpgid(0, 0);
	for (;;) {
		struct cairn_save *save = NULL;
		bool failed = false;
		int status;

		if (sharded_begin(system_posix(), target, sample, true, &save, NULL) != CAIRN_OK)
			_exit(1);
		for (uint32_t rank = 0; rank < RANKS; rank++) {
			if (fork() == 0)
				_exit(be_rank(cairn_save_id(save), sample, rank, 0));
		}
		while (wait(&status) > 0)
			failed |= status != 0;
		if (failed || cairn_save_commit(save, NULL) != CAIRN_OK)
			_exit(1);
		cairn_save_destroy(save);
		sample = sample == &new ? &old : &new;
	}
}

START_TEST(death_at_any_moment_leaves_old_or_new)
{
	const uint32_t kills = getenv("CAIRN_TEST_LONG") != NULL ? 2000 : 60;
	struct random random = {4711};

	printf("seed %u\n", 4711);
	ASSERT_OK(sharded_write(system_posix(), target, &old, false, &test_error));
	for (uint32_t i = 0; i < kills; i++) {
		struct timespec moment = {.tv_nsec = (long)random_below(&random, 30000000)};
		const pid_t child = begin_child();

		if (child == 0)
			save_for_ever();
		setpgid(child, child);
		nanosleep(&moment, NULL);
		if (i % 2 == 0) { /* the coordinator first: ranks live on for a while */
			kill(child, SIGKILL);
			ck_assert_msg(holds(&old) || holds(&new), "neither old nor new");
			(void)!cairn_sweep(folder, NULL, NULL);
		}
		kill(-child, SIGKILL);
		ck_assert_int_eq(end_child(child), CHILD_KILLED);
		while (waitpid(-child, NULL, 0) > 0) /* its ranks, which are ours now */
			continue;
		check_after_death("killed at some moment");
	}
}
END_TEST

/* --------------------------------------------------------------------- readers against writers */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

enum reading {
	READ_WELL,
	READ_NOTHING, /* it is not there at this moment, or busy */
	READ_WRONG
};

static enum reading read_once(const char *path, bool may_be_absent, struct cairn_error *error)
{
	struct cairn_reader *reader = NULL;
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct sharded_sample sample = {.ranks = RANKS};
	enum cairn_status status = cairn_reader_open(path, NULL, &reader, error);

	if (status == CAIRN_BUSY || (status == CAIRN_NOT_FOUND && may_be_absent))
		return READ_NOTHING;
	if (status != CAIRN_OK)
		return READ_WRONG;
	cairn_reader_info(reader, &info);
	sample.seed = info.generation == 0 ? 3 : (uint8_t)info.generation; /* merged ones have 0 */
	status = sharded_compare(reader, &sample, 3, error);
	cairn_reader_close(reader);
	return status == CAIRN_OK ? READ_WELL : READ_WRONG;
}

/* Exit status: 0, or 1 after a message. */
static int read_until(double end, const char *path, bool may_be_absent)
{
	struct cairn_error error = {0};
	uint32_t counts[3] = {0};

	while (seconds() < end) {
		const enum reading reading = read_once(path, may_be_absent, &error);

		counts[reading]++;
		if (reading == READ_WRONG)
			fprintf(stderr, "reader: %s: %s\n", cairn_status_name(error.code),
				error.message);
	}
	printf("read well %u, busy or absent %u, wrong %u\n", counts[0], counts[1], counts[2]);
	fflush(stdout);
	return counts[READ_WRONG] != 0 || counts[READ_WELL] == 0;
}

/* Overwrites with two versions, and with the merge of a third. */
static int overwrite_until(double end, uint32_t number)
{
	const struct sharded_sample third = {RANKS, 3};
	const struct cairn_merge_options options = {.replace = 1};
	char part[160];
	const char *const sources[] = {part};
	enum cairn_status status;

	snprintf(part, sizeof(part), "%s/third-%u", folder, number);
	status = sharded_write(system_posix(), part, &third, false, NULL);
	while (seconds() < end && (status == CAIRN_OK || status == CAIRN_BUSY)) {
		status = sharded_write(system_posix(), target, &new, true, NULL);
		if (status == CAIRN_OK)
			status = sharded_write(system_posix(), target, &old, true, NULL);
		if (status == CAIRN_OK)
			status = cairn_merge(sources, 1, target, &options, NULL, NULL);
	}
	return status == CAIRN_OK || status == CAIRN_BUSY ? 0 : (int)status;
}

/* Makes and deletes. */
static int delete_until(double end, const char *path)
{
	enum cairn_status status = CAIRN_OK;

	while (seconds() < end && (status == CAIRN_OK || status == CAIRN_BUSY)) {
		status = sharded_write(system_posix(), path, &new, true, NULL);
		if (status == CAIRN_OK)
			status = cairn_remove(path, NULL);
		if (status == CAIRN_OK)
			status = cairn_sweep(folder, NULL, NULL);
	}
	return status == CAIRN_OK || status == CAIRN_BUSY ? 0 : (int)status;
}

/* Loop index: overwriting and merging by one or two, or deleting. */
START_TEST(every_read_is_of_one_version)
{
	const double end = seconds() + (getenv("CAIRN_TEST_LONG") != NULL ? 60 : 4);
	pid_t children[4];
	int count = 0;

	ASSERT_OK(sharded_write(system_posix(), target, &old, false, &test_error));
	for (int writer = 0; writer < (_i == 1 ? 2 : 1); writer++) {
		children[count] = begin_child();
		if (children[count++] == 0)
			_exit(_i == 2 ? delete_until(end, target)
				      : overwrite_until(end, (uint32_t)writer));
	}
	for (int reader = 0; reader < 2; reader++) {
		children[count] = begin_child();
		if (children[count++] == 0)
			_exit(read_until(end, target, _i == 2));
	}
	for (int i = 0; i < count; i++) {
		const int result = end_child(children[i]);

		ck_assert_msg(result == 0, "process %d: %s", i,
			      cairn_status_name((enum cairn_status)result));
	}
	ASSERT_OK(cairn_sweep(folder, NULL, &test_error));
	ck_assert_uint_eq(entries(folder).temporary, 0);
}
END_TEST

static Suite *processes_suite(void)
{
	Suite *const suite = suite_create("processes");
	TCase *const tcase = tcase_create("processes");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, ranks_save_and_another_number_of_ranks_restores);
	tcase_add_test(tcase, a_rank_that_was_killed_is_done_again);
	tcase_add_loop_test(tcase, death_at_every_call_leaves_old_or_new, 0, 2 * ROLE_COUNT);
	tcase_add_test(tcase, a_rank_that_dies_at_any_call_disturbs_nobody);
	tcase_add_test(tcase, death_at_any_moment_leaves_old_or_new);
	tcase_add_loop_test(tcase, every_read_is_of_one_version, 0, 3);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(processes_suite());
}
