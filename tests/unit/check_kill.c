/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers that are killed: before and after each of their calls on files and folders, and at
 * moments that nobody chose. The file is the old one or the new one, whole; the next writer in the
 * folder sweeps what the dead one left; a living writer's draft is never touched.
 *
 * On the real system, in a folder of its own under /tmp.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <unistd.h>

#include <check.h>

#include "engine/read/reader.h"
#include "engine/write/writer.h"
#include "tests/support/child.h"
#include "tests/support/sample_model.h"
#include "tests/support/seam_hook.h"
#include "tests/support/system_world.h"

static struct world world;
static char path[256];
static char other_path[256];

static const struct sample old = {SAMPLE_TINY, 1};
static const struct sample new = {SAMPLE_TINY, 2};

static void set_up(void)
{
	world = world_open(0);
	snprintf(path, sizeof(path), "%s", world_path(&world, "model.cairn"));
	snprintf(other_path, sizeof(other_path), "%s", world_path(&world, "another.cairn"));
	ck_assert_int_eq(sample_write(system_posix(), path, &old, 0, NULL), CAIRN_OK);
}

static void tear_down(void)
{
	world_close(&world);
}

/* -------------------------------------------------------------------------------------- looking */

static bool holds(const struct sample *sample)
{
	struct cairn_reader *reader = NULL;
	bool is_right;

	if (reader_open_path(system_posix(), path, NULL, &reader, NULL) != CAIRN_OK)
		return false;
	is_right = sample_compare(reader, sample, NULL) == CAIRN_OK &&
		   sample_verify(reader, NULL) == CAIRN_OK;
	cairn_reader_close(reader);
	return is_right;
}

static int count_temporary(void *context, const char *name)
{
	if (strncmp(name, ".cairn-", 7) == 0)
		++*(uint32_t *)context;
	return 0;
}

static uint32_t temporary_count(void)
{
	uint32_t count = 0;

	ck_assert_int_eq(system_list(world.system, world.directory, count_temporary, &count), 0);
	return count;
}

static void sweep(void)
{
	const struct cairn_writer_options options = {.flags = CAIRN_WRITER_REPLACE};
	struct cairn_writer *writer = NULL;

	ck_assert_int_eq(cairn_writer_create(other_path, &options, &writer, NULL), CAIRN_OK);
	cairn_writer_destroy(writer);
}

/* Old or new, and after the next writer nothing else. */
static void check_after_death(const char *when)
{
	ck_assert_msg(holds(&old) || holds(&new), "%s: neither old nor new", when);
	sweep();
	ck_assert_msg(temporary_count() == 0, "%s: an orphan stays", when);
	ck_assert_msg(holds(&old) || holds(&new), "%s: the sweep took the file", when);
}

/* -------------------------------------------------------------------------------------- killing */

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

static enum cairn_status hooked_save(struct death *death)
{
	struct system system = *system_posix();
	enum cairn_status status;

	seam_hook_install(&system, die, death);
	status = sample_write(&system, path, &new, CAIRN_WRITER_REPLACE, NULL);
	seam_hook_remove(&system);
	return status;
}

/* Loop index: before or after the call. */
START_TEST(death_at_every_call_leaves_old_or_new)
{
	struct death none = {.is_after = _i == 1};
	char when[64];

	ck_assert_int_eq(hooked_save(&none), CAIRN_OK);
	ck_assert_uint_gt(none.calls, 10);
	for (uint32_t at = 1; at <= none.calls; at++) {
		struct death death = {.countdown = at, .is_after = _i == 1};
		const pid_t child = begin_child();

		if (child == 0)
			_exit(hooked_save(&death) == CAIRN_OK ? 0 : 1);
		ck_assert_int_eq(end_child(child), CHILD_KILLED);
		snprintf(when, sizeof(when), "killed %s call %u of %u",
			 _i == 1 ? "after" : "before", at, none.calls);
		check_after_death(when);
	}
	printf("kills %u\n", none.calls);
}
END_TEST

/* Saves one version after the other until it is killed. */
static void save_for_ever(void)
{
	for (;;) {
		if (sample_write(system_posix(), path, &new, CAIRN_WRITER_REPLACE, NULL) !=
			    CAIRN_OK ||
		    sample_write(system_posix(), path, &old, CAIRN_WRITER_REPLACE, NULL) !=
			    CAIRN_OK)
			_exit(1);
	}
}

START_TEST(death_at_any_moment_leaves_old_or_new)
{
	const uint32_t kills = getenv("CAIRN_TEST_LONG") != NULL ? 5000 : 100;
	uint32_t seed = 12345;

	printf("seed %u\n", seed);
	for (uint32_t i = 0; i < kills; i++) {
		struct timespec moment = {0};
		const pid_t child = begin_child();

		if (child == 0)
			save_for_ever();
		seed = seed * 1664525u + 1013904223u;
		moment.tv_nsec = (long)(seed >> 8) % 4000000;
		nanosleep(&moment, NULL);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(end_child(child), CHILD_KILLED);
		check_after_death("killed at some moment");
	}
}
END_TEST

/* --------------------------------------------------------------------------------------- living */

/* A writer that stops in the middle of its save until it is told to go on. */
struct pause {
	int ready[2]; /* pipes */
	int go_on[2];
	bool has_paused;
};

static void wait_in_the_middle(void *context, enum memory_call call, bool is_after)
{
	struct pause *const pause = context;
	char byte = 0;

	if (call != MEMORY_CALL_PWRITE || !is_after || pause->has_paused)
		return;
	pause->has_paused = true;
	if (write(pause->ready[1], &byte, 1) != 1 || read(pause->go_on[0], &byte, 1) != 1)
		_exit(2);
}

static int save_with_a_pause(struct pause *pause)
{
	struct system system = *system_posix();
	enum cairn_status status;

	seam_hook_install(&system, wait_in_the_middle, pause);
	status = sample_write(&system, path, &new, CAIRN_WRITER_REPLACE, NULL);
	seam_hook_remove(&system);
	return status == CAIRN_OK ? 0 : 1;
}

START_TEST(the_draft_of_a_living_writer_is_not_touched)
{
	struct pause pause = {0};
	char byte = 0;
	pid_t child;

	ck_assert_int_eq(pipe(pause.ready), 0);
	ck_assert_int_eq(pipe(pause.go_on), 0);
	child = begin_child();
	if (child == 0)
		_exit(save_with_a_pause(&pause));
	ck_assert_int_eq(read(pause.ready[0], &byte, 1), 1);
	ck_assert_uint_eq(temporary_count(), 1);
	for (int i = 0; i < 3; i++)
		sweep();
	ck_assert_int_eq(sample_write(system_posix(), other_path, &old, 0, NULL), CAIRN_OK);
	ck_assert_uint_eq(temporary_count(), 1);
	ck_assert_int_eq(write(pause.go_on[1], &byte, 1), 1);
	ck_assert_int_eq(end_child(child), 0);
	ck_assert(holds(&new));
	ck_assert_uint_eq(temporary_count(), 0);
	for (int i = 0; i < 2; i++) {
		close(pause.ready[i]);
		close(pause.go_on[i]);
	}
}
END_TEST

START_TEST(the_draft_of_a_writer_that_died_while_another_lived_is_swept)
{
	struct death death = {.countdown = 0, .is_after = true};
	struct cairn_writer *living = NULL;
	pid_t child;

	ck_assert_int_eq(cairn_writer_create(other_path, NULL, &living, NULL), CAIRN_OK);
	ck_assert_int_eq(hooked_save(&death), CAIRN_OK);
	death.countdown = death.calls / 2; /* in the middle of writing */
	child = begin_child();
	if (child == 0)
		_exit(hooked_save(&death) == CAIRN_OK ? 0 : 1);
	ck_assert_int_eq(end_child(child), CHILD_KILLED);
	ck_assert_uint_eq(temporary_count(), 1);
	ck_assert_int_eq(cairn_writer_finish(living, NULL), CAIRN_OK);
	cairn_writer_destroy(living);
	check_after_death("beside a living writer");
}
END_TEST

static Suite *kill_suite(void)
{
	Suite *suite = suite_create("kill");
	TCase *tcase = tcase_create("kill");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, death_at_every_call_leaves_old_or_new, 0, 2);
	tcase_add_test(tcase, death_at_any_moment_leaves_old_or_new);
	tcase_add_test(tcase, the_draft_of_a_living_writer_is_not_touched);
	tcase_add_test(tcase, the_draft_of_a_writer_that_died_while_another_lived_is_swept);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(kill_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
