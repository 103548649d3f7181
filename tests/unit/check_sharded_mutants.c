/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each fsync, rename and lock of a sharded save, a merge, an overwriting, a deletion and a recovery
 * is there for a reason: when it is left out, a harness notices.
 *
 * fsync and rename: a power cut at every moment (tests/support/crash.h). Locks: another process
 * sweeps, or saves over the same path, in the middle of the subject, at each of its calls; and the
 * subject acts in the middle of another's save.
 *
 * An fsync is redundant by rule, and then no mutant: when nothing of its file or folder had
 * changed since the fsync before; when the next one of the same folder comes before anything is
 * removed from it or renamed in, into or out of it; and when its folder was made in this run, and
 * is never given a name that lasts, or is synced again before it is. A lock is redundant by rule
 * when it is an unlock and the next call of the subject closes its descriptor, which unlocks as
 * well; and when all that the subject renames gets a temporary name, which nobody else may want.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/read/reader.h"
#include "tests/support/crash.h"
#include "tests/support/seam_hook.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

#define FOLDER "folder"
#define TARGET "folder/model"
#define OTHER  "folder/other"
#define RANKS  2u

enum action {
	SAVE,
	MERGE,
	REMOVE,
	SWEEP
};

struct scenario {
	const char *name;
	enum action action;
	bool has_old;
};

static const struct scenario scenarios[] = {
	{"a save", SAVE, false},       {"an overwrite", SAVE, true}, {"a merge", MERGE, false},
	{"a merge over", MERGE, true}, {"a deletion", REMOVE, true}, {"a recovery", SWEEP, true},
};

static const struct sharded_sample old = {RANKS, 1};
static const struct sharded_sample new = {RANKS, 2};
static const struct sharded_sample others = {RANKS, 3};

static const struct scenario *scenario;
static struct memory_system *memory;
static struct system *sys;

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

/* ------------------------------------------------------------------------------------- world */

struct linking {
	int from;
	int to;
};

/* Shards under their names, the index under a temporary one. */
static int link_entry(void *context, const char *name)
{
	const struct linking *const linking = context;
	const bool is_index = strcmp(name, "index.cairn") == 0;

	ck_assert_int_eq(
		system_link(sys, linking->from, name, linking->to,
			    is_index ? ".cairn-tmp-00112233445566778899aabbccddeeff" : name),
		0);
	return 0;
}

/* An overwriting whose writer died after the rename of the index, which is not durable yet: the
 * first thing that a recovery must do is to make it so. */
static void die_before_the_commit(void)
{
	struct linking linking;

	ASSERT_OK(sharded_write(sys, OTHER, &old, false, &test_error));
	ASSERT_OK(sharded_write(sys, OTHER, &new, true, &test_error)); /* names with suffixes */
	linking.from = system_open(sys, SYSTEM_CWD, OTHER, SYSTEM_WANT_DIRECTORY);
	linking.to = system_open(sys, SYSTEM_CWD, TARGET, SYSTEM_WANT_DIRECTORY);
	ck_assert_int_eq(system_list(sys, linking.from, link_entry, &linking), 0);
	memory_system_trace_start(memory);
	ck_assert_int_eq(system_rename(sys, linking.to,
				       ".cairn-tmp-00112233445566778899aabbccddeeff", linking.to,
				       "index.cairn", SYSTEM_RENAME_REPLACE),
			 0);
	system_close(sys, linking.from);
	system_close(sys, linking.to);
}

static void begin_world(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	memory_system_settings(memory)->threads_inline = true;
	ck_assert_int_eq(memory_system_add_directory(memory, FOLDER), 0);
	if (scenario->has_old)
		ASSERT_OK(sharded_write(sys, TARGET, &old, false, &test_error));
	for (uint32_t rank = 0; scenario->action == MERGE && rank < RANKS; rank++)
		ASSERT_OK(sharded_write_part(sys, rank == 0 ? "folder/p0.cairn" : "folder/p1.cairn",
					     &new, rank, &test_error));
	memory_system_trace_start(memory);
	if (scenario->action == SWEEP)
		die_before_the_commit();
	memory_system_clear_faults(memory);
	subject_calls = 0;
}

static void end_world(void)
{
	memory_system_destroy(memory);
	memory = NULL;
}

static enum cairn_status act(void)
{
	const char *const sources[] = {"folder/p0.cairn", "folder/p1.cairn"};
	const struct cairn_merge_options options = {.replace = 1};

	switch (scenario->action) {
	case SAVE:
		return sharded_write(sys, TARGET, &new, true, NULL);
	case MERGE:
		return merge_checkpoints(sys, sources, RANKS, TARGET, &options, NULL, NULL);
	case REMOVE:
		return remove_path(sys, TARGET, NULL);
	case SWEEP:
		return sweep_path(sys, FOLDER, NULL, NULL);
	}
	return CAIRN_OK;
}

static bool holds(struct system *system, const char *path, const struct sharded_sample *sample)
{
	return sharded_check(system, path, sample, NULL) == CAIRN_OK;
}

static bool is_absent(struct system *system)
{
	struct cairn_reader *reader = NULL;
	const enum cairn_status status = reader_open_path(system, TARGET, NULL, &reader, NULL);

	cairn_reader_close(reader);
	return status == CAIRN_NOT_FOUND;
}

static bool is_before(struct system *system)
{
	return scenario->has_old ? holds(system, TARGET, &old) : is_absent(system);
}

static bool is_after(struct system *system)
{
	return scenario->action == REMOVE ? is_absent(system) : holds(system, TARGET, &new);
}

static int count_temporary(void *context, const char *name)
{
	if (strncmp(name, ".cairn-", 7) == 0)
		++*(uint32_t *)context;
	return 0;
}

static uint32_t temporary_count(void)
{
	const int fd = system_open(sys, SYSTEM_CWD, FOLDER, SYSTEM_WANT_DIRECTORY);
	uint32_t count = 0;

	system_list(sys, fd, count_temporary, &count);
	system_close(sys, fd);
	return count;
}

/* ----------------------------------------------------------------------- harness: power cuts */

static int look_at_state(void *context, const struct crash_state *state)
{
	struct system *const system = memory_system_get(state->system);
	bool is_right = is_after(system) || (state->marker != 1 && is_before(system));

	/* what recovers from it finds the same */
	if (is_right && sweep_path(system, FOLDER, NULL, NULL) == CAIRN_OK)
		is_right = is_after(system) || (state->marker != 1 && is_before(system));
	*(bool *)context = !is_right;
	return !is_right;
}

static bool loses_it(void)
{
	const struct crash_options options = {.states_max = 2000};
	bool is_wrong = false;
	enum cairn_status status;

	begin_world();
	subject_goes_on();
	status = act();
	subject_pauses();
	memory_system_mark(memory, status == CAIRN_OK);
	if (status != CAIRN_OK || !is_after(sys) || temporary_count() != 0)
		is_wrong = true;
	else
		crash_enumerate(memory, &options, look_at_state, &is_wrong, NULL);
	end_world();
	return is_wrong;
}

/* ---------------------------------------------------------------------- harness: two at once */

enum other_action {
	OTHER_SWEEPS,
	OTHER_SAVES_BESIDE,
	OTHER_SAVES_SAME,
	OTHER_ACTIONS
};

struct interruption {
	enum other_action other;
	uint32_t countdown;
	bool of_subject; /* the subject is interrupted; else it interrupts the other's save */
	bool met;
	enum cairn_status status; /* of who interrupts */
};

static enum cairn_status other_acts(enum other_action action)
{
	switch (action) {
	case OTHER_SWEEPS:
		return sweep_path(sys, FOLDER, NULL, NULL);
	case OTHER_SAVES_BESIDE:
		return sharded_write(sys, OTHER "2", &others, false, NULL);
	case OTHER_SAVES_SAME:
	case OTHER_ACTIONS:
		break;
	}
	return sharded_write(sys, TARGET, &others, true, NULL);
}

static void interrupt(void *context, enum memory_call call, bool is_after_call)
{
	struct interruption *const interruption = context;

	(void)call;
	if (!is_after_call || interruption->countdown == 0 || --interruption->countdown != 0)
		return;
	interruption->met = true;
	if (interruption->of_subject) {
		subject_pauses();
		interruption->status = other_acts(interruption->other);
		subject_goes_on();
	} else {
		subject_goes_on();
		interruption->status = act();
		subject_pauses();
	}
}

static bool is_fine(enum cairn_status status)
{
	return status == CAIRN_OK || status == CAIRN_BUSY;
}

/* Whole, and of one of those who said that they have succeeded. */
static bool target_is_right(const struct interruption *interruption, enum cairn_status status)
{
	if (interruption->other == OTHER_SAVES_SAME && interruption->status == CAIRN_OK &&
	    holds(sys, TARGET, &others))
		return true;
	return status == CAIRN_OK ? is_after(sys) : is_before(sys);
}

/* Runs one at a position of the other. What came of it: 0 fine, 1 harm, 2 the end is reached.
 * *busy: who interrupted was kept out. */
static int run_interrupted(enum other_action other, bool of_subject, uint32_t position, bool *busy)
{
	struct interruption interruption = {
		.other = other, .countdown = position, .of_subject = of_subject};
	enum cairn_status status;
	bool is_wrong;

	begin_world();
	memory_system_settings(memory)->no_replace_error = EINVAL;
	seam_hook_install(sys, interrupt, &interruption);
	if (of_subject)
		subject_goes_on();
	status = of_subject ? act() : other_acts(other);
	if (of_subject)
		subject_pauses();
	seam_hook_remove(sys);
	*busy = interruption.status == CAIRN_BUSY;
	if (of_subject)
		is_wrong = !target_is_right(&interruption, status) ||
			   !(is_fine(status) ||
			     (status == CAIRN_EXISTS && other == OTHER_SAVES_SAME)) ||
			   !(is_fine(interruption.status) ||
			     (interruption.status == CAIRN_EXISTS && other == OTHER_SAVES_SAME));
	else
		is_wrong = !is_fine(status) || !is_fine(interruption.status) ||
			   (other == OTHER_SAVES_BESIDE && status == CAIRN_OK &&
			    !holds(sys, OTHER "2", &others));
	end_world();
	return !interruption.met ? 2 : is_wrong;
}

/* By kind of run and position: who interrupts is kept out when nothing is left out. */
#define POSITIONS_MAX 600u
static bool is_busy[2 * OTHER_ACTIONS][POSITIONS_MAX];
static const char *noticed;

/* When nothing is left out (`baseline`) it learns, else it compares. */
static bool disturbs(bool baseline)
{
	for (uint32_t kind = 0; kind < 2 * OTHER_ACTIONS; kind++) {
		const enum other_action other = (enum other_action)(kind / 2);

		if (kind % 2 == 1 && other == OTHER_SAVES_SAME)
			continue; /* the same, seen from the other side */
		for (uint32_t position = 1; position < POSITIONS_MAX; position++) {
			bool busy = false;
			const int result = run_interrupted(other, kind % 2 == 0, position, &busy);

			if (result == 2)
				break;
			noticed = result == 1 ? "does harm" : "keeps others out";
			if (result == 1 || (!baseline && busy && !is_busy[kind][position])) {
				if (baseline)
					printf("%s, other %u, position %u\n", scenario->name, kind,
					       position);
				return true;
			}
			if (baseline)
				is_busy[kind][position] = busy;
		}
	}
	return false;
}

/* ------------------------------------------------------------------------------------- rules */

static bool changes(const struct memory_trace_op *op, uint64_t inode)
{
	return (op->kind == MEMORY_TRACE_PIECE || op->kind == MEMORY_TRACE_SIZE ||
		op->kind == MEMORY_TRACE_TRUNCATE || op->kind == MEMORY_TRACE_ADD ||
		op->kind == MEMORY_TRACE_REMOVE || op->kind == MEMORY_TRACE_RENAME) &&
	       (op->inode == inode ||
		(op->kind == MEMORY_TRACE_RENAME && op->to_directory == inode));
}

/* A folder that the run made itself. */
static bool is_made_in(const struct memory_trace *trace, uint64_t inode)
{
	for (size_t i = 0; i < trace->count; i++) {
		if (trace->ops[i].kind == MEMORY_TRACE_INODE && trace->ops[i].inode == inode)
			return trace->ops[i].inode_kind == SYSTEM_DIRECTORY;
	}
	return false;
}

/* Something relies on what the folder holds: it gets its name, or, when it has one already, an
 * entry goes, or a file gets its name in or from it. */
static bool relies_on(const struct memory_trace_op *op, uint64_t inode, bool is_new)
{
	if (is_new)
		return op->kind == MEMORY_TRACE_RENAME && op->child == inode;
	return op->kind == MEMORY_TRACE_REMOVE
		       ? op->inode == inode
		       : op->kind == MEMORY_TRACE_RENAME &&
				 (op->inode == inode || op->to_directory == inode ||
				  op->child == inode);
}

/* See the top. */
static bool sync_is_redundant(uint64_t at)
{
	const struct memory_trace *trace;
	bool covers_something = false;
	bool is_needed;
	bool is_new;
	size_t place = 0;

	begin_world();
	ck_assert_int_eq(act(), CAIRN_OK);
	trace = memory_system_trace(memory);
	for (uint64_t seen = 0; seen < at; place++)
		seen += trace->ops[place].kind == MEMORY_TRACE_SYNC;
	place--;
	is_new = is_made_in(trace, trace->ops[place].inode);
	is_needed = !is_new;
	for (size_t i = place; i-- > 0;) {
		if (trace->ops[i].kind == MEMORY_TRACE_SYNC &&
		    trace->ops[i].inode == trace->ops[place].inode)
			break;
		covers_something |= changes(&trace->ops[i], trace->ops[place].inode);
	}
	for (size_t i = place + 1; i < trace->count; i++) {
		if (relies_on(&trace->ops[i], trace->ops[place].inode, is_new)) {
			is_needed = true;
			break;
		}
		if (trace->ops[i].kind == MEMORY_TRACE_SYNC &&
		    trace->ops[i].inode == trace->ops[place].inode) {
			is_needed = false;
			break;
		}
	}
	end_world();
	return !covers_something || !is_needed;
}

/* Calls of the subject, in order. */
struct sequence {
	uint64_t at; /* locks until the one that is looked at */
	bool next_is_close;
	bool decided;
};

static void follow(void *context, enum memory_call call, bool is_after_call)
{
	struct sequence *const sequence = context;

	if (is_after_call || sequence->decided)
		return;
	if (sequence->at == 0) {
		sequence->next_is_close = call == MEMORY_CALL_CLOSE;
		sequence->decided = true;
	} else if (call == MEMORY_CALL_LOCK) {
		sequence->at--;
	}
}

static bool claims_no_name(void)
{
	const struct memory_trace *trace;
	uint32_t renames = 0;
	uint32_t temporary = 0;

	begin_world();
	ck_assert_int_eq(act(), CAIRN_OK);
	trace = memory_system_trace(memory);
	for (size_t i = 0; i < trace->count; i++) {
		if (trace->ops[i].kind != MEMORY_TRACE_RENAME)
			continue;
		renames++;
		temporary += strncmp(trace->ops[i].to_name, ".cairn-", 7) == 0;
	}
	end_world();
	return renames != 0 && renames == temporary;
}

/* See the top: that it is an unlock follows from the close. */
static bool lock_is_redundant(uint64_t at)
{
	struct sequence sequence = {.at = at};

	begin_world();
	seam_hook_install(sys, follow, &sequence);
	ck_assert_int_eq(act(), CAIRN_OK);
	seam_hook_remove(sys);
	end_world();
	return sequence.next_is_close || claims_no_name();
}

/* --------------------------------------------------------------------------------- mutations */

static uint64_t calls_of(enum memory_call call)
{
	uint64_t count;

	begin_world();
	ck_assert_int_eq(act(), CAIRN_OK);
	count = memory_system_calls(memory, call);
	end_world();
	return count;
}

static bool is_killed(void)
{
	noticed = "loses it";
	return loses_it() || (mutant.call == MEMORY_CALL_LOCK && disturbs(false));
}

/* Loop index: scenario. */
START_TEST(the_whole_protocol_is_not_faulted)
{
	scenario = &scenarios[_i];
	mutant.at = 0;
	mutant.call = MEMORY_CALL_LOCK;
	ck_assert(!loses_it());
	ck_assert_msg(!disturbs(true), "%s", noticed);
}
END_TEST

START_TEST(every_step_that_is_left_out_is_noticed)
{
	static const enum memory_call calls[] = {MEMORY_CALL_SYNC, MEMORY_CALL_RENAME,
						 MEMORY_CALL_LOCK};
	uint32_t mutants = 0;
	uint32_t killed = 0;

	if (getenv("CAIRN_SANITIZE") != NULL) {
		printf("skipped: mutants are no matter for a sanitizer\n");
		return;
	}
	for (size_t s = 0; s < COUNT_OF(scenarios); s++) {
		scenario = &scenarios[s];
		mutant.at = 0;
		ck_assert(!disturbs(true));
		for (size_t i = 0; i < COUNT_OF(calls); i++) {
			const uint64_t count = calls_of(calls[i]);

			mutant.call = calls[i];
			for (uint64_t at = 1; at <= count; at++) {
				if ((calls[i] == MEMORY_CALL_SYNC && sync_is_redundant(at)) ||
				    (calls[i] == MEMORY_CALL_LOCK && lock_is_redundant(at)))
					continue;
				mutant.at = at;
				mutants++;
				if (is_killed()) {
					killed++;
					printf("%s without %s %u %s\n", scenario->name,
					       memory_call_name(calls[i]), (unsigned int)at,
					       noticed);
				} else {
					printf("%s without %s %u: nobody notices\n", scenario->name,
					       memory_call_name(calls[i]), (unsigned int)at);
				}
			}
		}
	}
	printf("mutants %u, killed %u\n", mutants, killed);
	fflush(stdout);
	ck_assert_uint_eq(killed, mutants);
}
END_TEST

static Suite *sharded_mutants_suite(void)
{
	Suite *const suite = suite_create("sharded_mutants");
	TCase *const tcase = tcase_create("sharded_mutants");

	tcase_add_loop_test(tcase, the_whole_protocol_is_not_faulted, 0, COUNT_OF(scenarios));
	tcase_add_test(tcase, every_step_that_is_left_out_is_noticed);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(sharded_mutants_suite());
}
