/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each step of publishing under a TensorFlow prefix, and of a recovery, is there for a reason: when
 * a call is left out (it does nothing and reports success), a harness notices.
 *
 * The harnesses: what is there afterwards; a power cut at every moment, and then a sweep; a power
 * cut, and then somebody who removes the checkpoint before the sweep; another writer of the prefix
 * at each of the subject's calls. Calls of one kind are numbered as they come in the scenario; a
 * table says what each fsync and lock is, so that one more needs a row.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/write/publish_prefix.h"
#include "engine/write/save.h"
#include "tests/support/crash.h"
#include "tests/support/prefix_sample.h"
#include "tests/support/seam_hook.h"
#include "tests/support/suite.h"

#define FOLDER "folder"
#define TARGET "folder/ckpt"
#define PREFIX "ckpt"
#define DIGITS "00112233445566778899aabbccddeeff"
#define TRASH  FOLDER "/.cairn-trash-" DIGITS
#define HIDDEN FOLDER "/.cairn-tmp-" DIGITS

enum scenario {
	FIRST_SAVE, /* where an index was just removed, not durably, and its data are still there */
	OVERWRITE,  /* of files that TensorFlow wrote, and did not make durable */
	RECOVERY,   /* of an overwriting that died without an index */
	LATE_RECOVERY, /* of one that died when the new index was there, not durably */
	LATE_SAVE,     /* the same by a writer that does not sweep */
	SCENARIOS
};

static const struct prefix_sample old = {2, 1};
static const struct prefix_sample new = {3, 2};
static const struct prefix_sample others = {1, 3};
static const struct prefix_sample died = {3, 4};

static enum scenario scenario;
static struct memory_system *memory;
static struct system *sys;
static struct folder folder;
static struct draft drafts[PREFIX_SHARDS_MAX + 1];
static uint64_t old_is_whole; /* the point of the trace from which it is Cairn's matter */

/* The call of the subject that is left out: of that kind the at-th; 0: none. */
static struct {
	enum memory_call call;
	uint64_t at;
} mutant;

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

/* --------------------------------------------------------------------------------------- world */

static bool saves(void)
{
	return scenario == FIRST_SAVE || scenario == OVERWRITE || scenario == LATE_SAVE;
}

/* A record, and everything of the new checkpoint: its index under a draft's name, or just not
 * durably under its own. */
static void add_interrupted(bool is_late)
{
	ck_assert_int_eq(memory_system_add_directory(memory, TRASH), 0);
	prefix_put(sys, TRASH "/" PREFIX, &old, true);
	prefix_put(sys, TARGET, &died, is_late);
	if (!is_late)
		return;
	ck_assert_int_eq(system_rename(sys, SYSTEM_CWD, TARGET ".index", SYSTEM_CWD, HIDDEN,
				       SYSTEM_RENAME_REPLACE),
			 0);
	memory_system_trace_start(memory);
	ck_assert_int_eq(system_rename(sys, SYSTEM_CWD, HIDDEN, SYSTEM_CWD, TARGET ".index",
				       SYSTEM_RENAME_REPLACE),
			 0);
}

static void begin_world(void)
{
	char name[SYSTEM_NAME_SIZE];

	memory = memory_system_create();
	sys = memory_system_get(memory);
	ck_assert_int_eq(memory_system_add_directory(memory, FOLDER), 0);
	memory_system_trace_start(memory);
	if (scenario == FIRST_SAVE) {
		prefix_put(sys, TARGET, &old, true);
		memory_system_trace_start(memory);
		ck_assert_int_eq(system_unlink(sys, SYSTEM_CWD, TARGET ".index"), 0);
	} else if (scenario == OVERWRITE) {
		prefix_put(sys, TARGET, &old, true);
	} else {
		add_interrupted(scenario != RECOVERY);
		if (scenario == RECOVERY)
			memory_system_trace_start(memory);
	}
	ASSERT_OK(folder_open(sys, TARGET, &folder, name, &test_error));
	if (saves())
		ASSERT_OK(prefix_drafts(&folder, PREFIX, &new, drafts, &test_error));
	memory_system_clear_faults(memory);
	subject_calls = 0;
}

static void end_world(void)
{
	folder_close(&folder);
	memory_system_destroy(memory);
	memory = NULL;
}

/* The subject. */
static enum cairn_status act(void)
{
	return saves() ? publish_prefix(drafts, new.shards + 1, true, NULL)
		       : sweep_path(sys, FOLDER, NULL, NULL);
}

static enum cairn_status act_as_mutant(void)
{
	enum cairn_status status;

	subject_goes_on();
	status = act();
	subject_pauses();
	return status;
}

/* ------------------------------------------------------------------------------ what is allowed */

static int before(void)
{
	return scenario == LATE_RECOVERY || scenario == LATE_SAVE ? died.generation
								  : old.generation;
}

static int after(void)
{
	return saves() ? new.generation : before();
}

/* The old one is not there in some scenarios, and nothing is then whole. */
static bool is_allowed(int generation, bool succeeded)
{
	if (generation == after())
		return true;
	if (succeeded)
		return false;
	return generation == before() || generation == old.generation ||
	       (generation == PREFIX_ABSENT && scenario == FIRST_SAVE);
}

static int count_temporary(void *context, const char *name)
{
	*(uint32_t *)context += strncmp(name, ".cairn-", 7) == 0;
	return 0;
}

static bool is_littered(void)
{
	uint32_t count = 0;

	ck_assert_int_eq(system_list(sys, folder.fd, count_temporary, &count), 0);
	return count != 0 ||
	       prefix_data_count(sys, TARGET) != (saves()                ? new.shards
						  : scenario == RECOVERY ? old.shards
									 : died.shards);
}

/* ----------------------------------------------------------------------------------- harnesses */

struct look {
	bool deletes; /* before the sweep */
	bool is_wrong;
};

static int look_at_state(void *context, const struct crash_state *state)
{
	struct look *const look = context;
	struct system *const system = memory_system_get(state->system);
	const int found = prefix_generation(system, TARGET);
	const bool succeeded = state->marker == 1;
	int swept;

	if (state->point < old_is_whole && found != old.generation)
		return 0;
	if (look->deletes)
		prefix_delete(system, TARGET);
	look->is_wrong = found == PREFIX_TORN || sweep_path(system, FOLDER, NULL, NULL) != CAIRN_OK;
	swept = prefix_generation(system, TARGET);
	if (look->deletes)
		look->is_wrong = look->is_wrong || swept == PREFIX_TORN ||
				 (succeeded && swept != PREFIX_ABSENT);
	else
		look->is_wrong = look->is_wrong || !is_allowed(swept, succeeded) ||
				 (found != PREFIX_ABSENT && found != swept);
	return look->is_wrong;
}

static uint64_t point_of_removal(void)
{
	const struct memory_trace *const trace = memory_system_trace(memory);
	uint64_t point = 0;

	while (scenario == OVERWRITE && point < trace->count &&
	       trace->ops[point].kind != MEMORY_TRACE_REMOVE)
		point++;
	return point;
}

static bool loses_it(bool deletes)
{
	struct look look = {.deletes = deletes};

	begin_world();
	if (act_as_mutant() != CAIRN_OK || prefix_generation(sys, TARGET) != after() ||
	    is_littered())
		look.is_wrong = true;
	memory_system_mark(memory, 1);
	old_is_whole = point_of_removal();
	if (!look.is_wrong)
		crash_enumerate(memory, NULL, look_at_state, &look, NULL);
	end_world();
	return look.is_wrong;
}

/* Another writer of the prefix, or of one beside it, in the middle of the subject. */
struct interruption {
	uint64_t at; /* calls of the subject until then */
	enum cairn_status status;
	bool happened;
};

static void interrupt(void *context, enum memory_call call, bool is_after)
{
	struct interruption *const interruption = context;

	(void)call;
	if (!is_after || interruption->happened || interruption->at-- != 0)
		return;
	interruption->happened = true;
	subject_pauses();
	interruption->status = prefix_write(sys, TARGET, &others, true, NULL);
	subject_goes_on();
}

static bool is_disturbed_at(uint64_t at, bool *happened)
{
	struct interruption interruption = {.at = at};
	enum cairn_status status;
	int found;
	bool is_wrong;

	begin_world();
	seam_hook_install(sys, interrupt, &interruption);
	status = act_as_mutant();
	seam_hook_remove(sys);
	found = prefix_generation(sys, TARGET);
	is_wrong = status != CAIRN_OK || (found != after() && found != others.generation) ||
		   (interruption.happened && interruption.status != CAIRN_OK &&
		    interruption.status != CAIRN_BUSY) ||
		   sweep_path(sys, FOLDER, NULL, NULL) != CAIRN_OK ||
		   prefix_generation(sys, TARGET) != found;
	*happened = interruption.happened;
	end_world();
	return is_wrong;
}

static bool is_disturbed(void)
{
	bool happened = true;

	for (uint64_t at = 0; happened; at++) {
		if (is_disturbed_at(at, &happened))
			return true;
	}
	return false;
}

/* What is published or swept keeps nobody out. */
static bool keeps_others_out(void)
{
	bool is_wrong;

	begin_world();
	(void)act_as_mutant();
	is_wrong = prefix_write(sys, FOLDER "/beside", &others, false, NULL) != CAIRN_OK;
	end_world();
	return is_wrong;
}

static const char *notices(void)
{
	if (loses_it(false))
		return "loses it";
	if (loses_it(true))
		return "gives back what was replaced";
	if (mutant.call != MEMORY_CALL_LOCK)
		return NULL;
	return is_disturbed() ? "is disturbed" : keeps_others_out() ? "keeps others out" : NULL;
}

/* ----------------------------------------------------------------------------------- mutations */

/* What is left out; NULL: redundant in this scenario. */
struct step {
	enum scenario scenario;
	enum memory_call call;
	const char *name;
};

static const struct step steps[] = {
	{FIRST_SAVE, MEMORY_CALL_SYNC, "fsync of data file 0"},
	{FIRST_SAVE, MEMORY_CALL_SYNC, "fsync of data file 1"},
	{FIRST_SAVE, MEMORY_CALL_SYNC, "fsync of data file 2"},
	{FIRST_SAVE, MEMORY_CALL_SYNC, "fsync of the index"},
	{FIRST_SAVE, MEMORY_CALL_SYNC, "fsync of the folder without an index"},
	{FIRST_SAVE, MEMORY_CALL_SYNC, "fsync of the data files' names"},
	{FIRST_SAVE, MEMORY_CALL_SYNC, "fsync of the index's name"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of data file 0"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of data file 1"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of data file 2"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of the index"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of old data file 0"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of old data file 1"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of the old index"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of the record"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of the record's name"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of the folder without an index"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of the data files' names"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of the index's name"},
	{OVERWRITE, MEMORY_CALL_SYNC, "fsync of the retired record's name"},
	{RECOVERY, MEMORY_CALL_SYNC, NULL}, /* of the folder, which is durable here */
	{RECOVERY, MEMORY_CALL_SYNC, "fsync of the data files' names"},
	{RECOVERY, MEMORY_CALL_SYNC, "fsync of the index's name"},
	{RECOVERY, MEMORY_CALL_SYNC, "fsync of the retired record's name"},
	{LATE_RECOVERY, MEMORY_CALL_SYNC, "fsync of the folder"},
	{LATE_RECOVERY, MEMORY_CALL_SYNC, "fsync of the retired record's name"},
	{LATE_SAVE, MEMORY_CALL_SYNC, NULL}, /* of four drafts, as above */
	{LATE_SAVE, MEMORY_CALL_SYNC, NULL},
	{LATE_SAVE, MEMORY_CALL_SYNC, NULL},
	{LATE_SAVE, MEMORY_CALL_SYNC, NULL},
	{LATE_SAVE, MEMORY_CALL_SYNC, "fsync of the folder"},
	{LATE_SAVE, MEMORY_CALL_SYNC, "fsync of the retired record's name"},
	{OVERWRITE, MEMORY_CALL_LOCK, "lock of the folder"},
	{OVERWRITE, MEMORY_CALL_LOCK, "unlock of the folder"},
	{OVERWRITE, MEMORY_CALL_LOCK, NULL}, /* the rest: of drafts that are gone */
};

static uint64_t calls_of(enum memory_call call)
{
	uint64_t count;

	begin_world();
	ck_assert_int_eq(act(), CAIRN_OK);
	count = memory_system_calls(memory, call);
	end_world();
	return count;
}

static uint32_t mutants;
static uint32_t killed;

static void try_mutant(enum memory_call call, uint64_t at, const char *name)
{
	const char *noticed;

	mutant.call = call;
	mutant.at = at;
	noticed = notices();
	mutants++;
	killed += noticed != NULL;
	printf("without %s %u (%s) scenario %d: %s\n", memory_call_name(call), (unsigned int)at,
	       name, (int)scenario, noticed != NULL ? noticed : "NOBODY NOTICES");
}

static void try_steps(void)
{
	uint64_t at = 1;

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		const bool is_next = i != 0 && steps[i].scenario == steps[i - 1].scenario &&
				     steps[i].call == steps[i - 1].call;

		at = is_next ? at + 1 : 1;
		scenario = steps[i].scenario;
		if (steps[i].name != NULL)
			try_mutant(steps[i].call, at, steps[i].name);
	}
}

/* What changes names: all of it. */
static void try_changes(void)
{
	static const enum memory_call calls[] = {MEMORY_CALL_RENAME, MEMORY_CALL_LINK,
						 MEMORY_CALL_UNLINK, MEMORY_CALL_MAKE_DIRECTORY,
						 MEMORY_CALL_REMOVE_DIRECTORY};

	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		const uint64_t count = calls_of(calls[i]);

		for (uint64_t at = 1; at <= count; at++)
			try_mutant(calls[i], at, "a name");
	}
}

/* Loop index: scenario. */
START_TEST(the_whole_protocol_is_not_faulted)
{
	scenario = (enum scenario)_i;
	mutant.at = 0;
	mutant.call = MEMORY_CALL_LOCK;
	ck_assert(!loses_it(false));
	ck_assert(!loses_it(true));
	ck_assert(!is_disturbed());
	ck_assert(!keeps_others_out());
}
END_TEST

/* Loop index: scenario. */
START_TEST(every_fsync_has_a_row)
{
	static const uint32_t rows[SCENARIOS] = {7, 13, 4, 2, 16};

	scenario = (enum scenario)_i;
	ck_assert_uint_eq(calls_of(MEMORY_CALL_SYNC), rows[_i]);
}
END_TEST

START_TEST(every_step_that_is_left_out_is_noticed)
{
	mutants = killed = 0;
	try_steps();
	for (scenario = FIRST_SAVE; scenario <= RECOVERY; scenario++)
		try_changes();
	printf("mutants %u, killed %u\n", mutants, killed);
	fflush(stdout);
	ck_assert_uint_eq(killed, mutants);
}
END_TEST

static Suite *prefix_mutants_suite(void)
{
	Suite *const suite = suite_create("prefix_mutants");
	TCase *const tcase = tcase_create("prefix_mutants");

	tcase_add_loop_test(tcase, the_whole_protocol_is_not_faulted, 0, SCENARIOS);
	tcase_add_loop_test(tcase, every_fsync_has_a_row, 0, SCENARIOS);
	tcase_add_test(tcase, every_step_that_is_left_out_is_noticed);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(prefix_mutants_suite());
}
