/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each fsync, rename and lock of a save is there for a reason: when it is left out, one of the
 * harnesses below notices. That shows that the steps are needed, and that the harnesses would see
 * it if one got lost.
 *
 * The writer under test is the *subject*; a call of it is skipped (it does nothing and reports
 * success). The *other* is a second writer of the same folder, which runs in the middle of the
 * subject's calls, or the subject in the middle of the other's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "engine/read/reader.h"
#include "engine/write/writer.h"
#include "tests/support/crash.h"
#include "tests/support/sample_model.h"
#include "tests/support/seam_hook.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FOLDER "folder"
#define TARGET "folder/model.cairn"
#define ORPHAN "folder/.cairn-tmp-00112233445566778899aabbccddeeff"

enum {
	SUCCEEDED = 1 /* marker */
};

static const struct sample old = {SAMPLE_TINY, 1};
static const struct sample new = {SAMPLE_TINY, 2};
static const struct sample others = {SAMPLE_TINY, 3};

static struct memory_system *memory;
static struct system *sys;

/* ---------------------------------------------------------------------------------- the subject */

/* The call that is left out: of that kind the at-th of the subject; 0: none. */
struct mutant {
	enum memory_call call;
	uint64_t at;
};

static struct mutant mutant;
static uint64_t subject_calls; /* of the mutant's kind, before it was last interrupted */
static uint64_t calls_before;  /* of anybody, when it went on */

static void subject_goes_on(void)
{
	struct memory_fault skip = {.call = mutant.call, .effect = MEMORY_FAULT_SKIP};

	if (mutant.at > subject_calls)
		skip.at = mutant.at - subject_calls;
	calls_before = memory_system_calls(memory, mutant.call);
	memory_system_set_fault(memory, 0, &skip);
}

static void subject_pauses(void)
{
	const struct memory_fault none = {0};

	subject_calls += memory_system_calls(memory, mutant.call) - calls_before;
	memory_system_set_fault(memory, 0, &none);
}

/* ---------------------------------------------------------------------------------------- world */

static void begin_world(bool has_old)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	memory_system_settings(memory)->threads_inline = true;
	ck_assert_int_eq(memory_system_add_directory(memory, FOLDER), 0);
	if (has_old)
		ck_assert_int_eq(sample_write(sys, TARGET, &old, 0, NULL), CAIRN_OK);
	memory_system_clear_faults(memory);
	memory_system_trace_start(memory);
	subject_calls = 0;
}

static void end_world(void)
{
	memory_system_destroy(memory);
	memory = NULL;
}

static bool holds(struct memory_system *system, const char *path, const struct sample *sample)
{
	struct cairn_reader *reader = NULL;
	bool is_right;

	if (reader_open_path(memory_system_get(system), path, NULL, &reader, NULL) != CAIRN_OK)
		return false;
	is_right = sample_compare(reader, sample, NULL) == CAIRN_OK &&
		   sample_verify(reader, NULL) == CAIRN_OK;
	cairn_reader_close(reader);
	return is_right;
}

/* What another process does at some moment. */
static enum cairn_status other_saves(const char *path)
{
	return sample_write(sys, path, &others, 0, NULL);
}

static void sweep(const char *path)
{
	struct cairn_writer *writer = NULL;

	if (writer_create(sys, path, NULL, &writer, NULL) == CAIRN_OK)
		cairn_writer_destroy(writer);
}

/* ------------------------------------------------------------------- harness: the subject alone */

static int look_at_state(void *context, const struct crash_state *state)
{
	const bool is_new = holds(state->system, TARGET, &new);
	const bool is_right = is_new ||
			      (state->marker != SUCCEEDED && holds(state->system, TARGET, &old));

	*(bool *)context = !is_right;
	return !is_right;
}

/* The file is not what was saved, or a power cut takes it away again. */
static bool loses_the_file(void)
{
	bool is_wrong = false;
	enum cairn_status status;

	begin_world(true);
	subject_goes_on();
	status = sample_write(sys, TARGET, &new, CAIRN_WRITER_REPLACE, NULL);
	subject_pauses();
	if (status == CAIRN_OK)
		memory_system_mark(memory, SUCCEEDED);
	if (status != CAIRN_OK || !holds(memory, TARGET, &new))
		is_wrong = true;
	else
		crash_enumerate(memory, NULL, look_at_state, &is_wrong, NULL);
	end_world();
	return is_wrong;
}

/* Before it removes anything the sweep makes the folder durable: what it sees is what is there. (A
 * draft alone could be removed without; the parts of a sharded checkpoint could not, when the index
 * that names others is not durable yet.) */
static bool sweeps_what_may_be_needed(void)
{
	const struct memory_trace *trace;
	bool is_synced = false;
	bool is_wrong = false;

	begin_world(true);
	ck_assert_int_eq(memory_system_add_file(memory, ORPHAN, "torn", 4), 0);
	memory_system_trace_start(memory);
	subject_goes_on();
	sweep(FOLDER "/another");
	subject_pauses();
	trace = memory_system_trace(memory);
	for (size_t i = 0; i < trace->count; i++) {
		is_synced = is_synced || trace->ops[i].kind == MEMORY_TRACE_SYNC;
		is_wrong = is_wrong || (trace->ops[i].kind == MEMORY_TRACE_REMOVE && !is_synced);
	}
	is_wrong = is_wrong || memory_system_exists(memory, ORPHAN);
	end_world();
	return is_wrong;
}

/* ------------------------------------------------------------------------- harness: two writers */

/* When the interruption is due, and what it does. */
struct interruption {
	enum memory_call call;
	uint32_t countdown; /* calls of that kind until then */
	bool of_subject;    /* the subject is interrupted, else it interrupts */
	void (*act)(struct interruption *interruption);
	enum cairn_status status; /* of what the interrupting one did */
};

static void interrupt(void *context, enum memory_call call, bool is_after)
{
	struct interruption *const interruption = context;

	if (!is_after || call != interruption->call || interruption->countdown == 0 ||
	    --interruption->countdown != 0)
		return;
	if (interruption->of_subject)
		subject_pauses();
	else
		subject_goes_on();
	interruption->act(interruption);
	if (interruption->of_subject)
		subject_goes_on();
	else
		subject_pauses();
}

static void act_sweep(struct interruption *interruption)
{
	sweep(FOLDER "/another");
	interruption->status = CAIRN_OK;
}

static void act_save_beside(struct interruption *interruption)
{
	interruption->status = other_saves(FOLDER "/another");
}

static void act_save_same(struct interruption *interruption)
{
	interruption->status = other_saves(TARGET);
}

/* A save that is interrupted; what it returns. */
static enum cairn_status interrupted_save(struct interruption *interruption)
{
	enum cairn_status status;

	seam_hook_install(sys, interrupt, interruption);
	if (interruption->of_subject)
		subject_goes_on();
	status = sample_write(sys, TARGET, &new, 0, NULL);
	if (interruption->of_subject)
		subject_pauses();
	seam_hook_remove(sys);
	ck_assert_uint_eq(interruption->countdown, 0);
	return status;
}

/* Both must succeed. */
static bool is_disturbed(struct interruption interruption)
{
	bool is_wrong;

	begin_world(false);
	is_wrong = interrupted_save(&interruption) != CAIRN_OK || interruption.status != CAIRN_OK ||
		   !holds(memory, TARGET, &new);
	end_world();
	return is_wrong;
}

static bool sweeps_a_draft_that_is_being_made(void)
{
	if (mutant.at > 1)
		return false; /* the same lock, tried again: another step than in a save */
	return is_disturbed((struct interruption){
		.call = MEMORY_CALL_CREATE, .countdown = 1, .act = act_sweep});
}

static bool sweeps_a_draft_that_is_being_written(void)
{
	return is_disturbed((struct interruption){
		.call = MEMORY_CALL_PWRITE, .countdown = 2, .act = act_sweep});
}

static bool has_its_draft_swept_while_making_it(void)
{
	return is_disturbed((struct interruption){
		.call = MEMORY_CALL_CREATE, .countdown = 1, .of_subject = true, .act = act_sweep});
}

static bool cannot_write_beside_another(void)
{
	return is_disturbed((struct interruption){.call = MEMORY_CALL_PWRITE,
						  .countdown = 2,
						  .of_subject = true,
						  .act = act_save_beside});
}

/* A writer that is only being filled, or was finished, keeps nobody out. */
static bool keeps_others_out(void)
{
	struct sample_save save = {0};
	bool is_wrong;

	begin_world(false);
	subject_goes_on();
	is_wrong = sample_begin(sys, TARGET, &new, 0, &save, NULL) != CAIRN_OK;
	subject_pauses();
	is_wrong = is_wrong || other_saves(FOLDER "/another") != CAIRN_OK;
	subject_goes_on();
	is_wrong = is_wrong || sample_finish(&save, NULL) != CAIRN_OK;
	subject_pauses();
	is_wrong = is_wrong || other_saves(FOLDER "/third") != CAIRN_OK;
	sample_end(&save);
	end_world();
	return is_wrong;
}

/* Where the system does not know RENAME_NOREPLACE: of two who want the same new name one gets it.
 */
static bool overwrites_a_new_file(void)
{
	struct interruption interruption = {.call = MEMORY_CALL_STATUS_AT,
					    .countdown = 2, /* the first is create's early look */
					    .of_subject = true,
					    .act = act_save_same};
	enum cairn_status status;
	bool is_wrong;

	begin_world(false);
	memory_system_settings(memory)->no_replace_error = EINVAL;
	status = interrupted_save(&interruption);
	is_wrong = (status == CAIRN_OK) == (interruption.status == CAIRN_OK);
	end_world();
	return is_wrong;
}

/* ------------------------------------------------------------------------------------ mutations */

struct harness {
	const char *name;
	bool (*notices)(void);
};

static const struct harness harnesses[] = {
	{"loses the file", loses_the_file},
	{"sweeps what may be needed", sweeps_what_may_be_needed},
	{"sweeps a draft that is being made", sweeps_a_draft_that_is_being_made},
	{"has its draft swept while making it", has_its_draft_swept_while_making_it},
	{"cannot write beside another", cannot_write_beside_another},
	{"keeps others out", keeps_others_out},
	{"overwrites a new file", overwrites_a_new_file},
};

static uint64_t calls_of_a_save(enum memory_call call)
{
	uint64_t count;

	begin_world(true);
	ck_assert_int_eq(sample_write(sys, TARGET, &new, CAIRN_WRITER_REPLACE, NULL), CAIRN_OK);
	count = memory_system_calls(memory, call);
	end_world();
	return count;
}

static bool is_killed(void)
{
	for (size_t i = 0; i < COUNT(harnesses); i++) {
		if (!harnesses[i].notices())
			continue;
		printf("without %s %u a writer %s\n", memory_call_name(mutant.call),
		       (unsigned int)mutant.at, harnesses[i].name);
		return true;
	}
	printf("without %s %u nobody notices\n", memory_call_name(mutant.call),
	       (unsigned int)mutant.at);
	return false;
}

/* The lock that the sweep takes on each draft is a call more, and only there when there is one. */
static bool lock_of_a_swept_draft_is_killed(void)
{
	mutant = (struct mutant){MEMORY_CALL_LOCK, 2};
	if (!sweeps_a_draft_that_is_being_written())
		return false;
	printf("without the lock on a draft a sweep removes one that is being written\n");
	return true;
}

START_TEST(the_whole_protocol_is_not_faulted)
{
	mutant = (struct mutant){MEMORY_CALL_SYNC, 0};
	for (size_t i = 0; i < COUNT(harnesses); i++)
		ck_assert_msg(!harnesses[i].notices(), "nothing is left out, and a writer %s",
			      harnesses[i].name);
	ck_assert(!sweeps_a_draft_that_is_being_written());
}
END_TEST

START_TEST(every_step_that_is_left_out_is_noticed)
{
	static const enum memory_call calls[] = {MEMORY_CALL_SYNC, MEMORY_CALL_RENAME,
						 MEMORY_CALL_LOCK};
	uint32_t mutants = 1;
	uint32_t killed = lock_of_a_swept_draft_is_killed();

	for (size_t i = 0; i < COUNT(calls); i++) {
		const uint64_t count = calls_of_a_save(calls[i]);

		ck_assert_uint_gt(count, 0);
		for (uint64_t at = 1; at <= count; at++) {
			mutant = (struct mutant){calls[i], at};
			mutants++;
			killed += is_killed();
		}
	}
	printf("mutants %u, killed %u\n", mutants, killed);
	ck_assert_uint_eq(killed, mutants);
}
END_TEST

static Suite *publish_mutants_suite(void)
{
	Suite *suite = suite_create("publish_mutants");
	TCase *tcase = tcase_create("publish_mutants");

	tcase_add_test(tcase, the_whole_protocol_is_not_faulted);
	tcase_add_test(tcase, every_step_that_is_left_out_is_noticed);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(publish_mutants_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
