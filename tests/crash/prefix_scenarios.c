/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut can leave behind at any moment of a save under a TensorFlow prefix, of a merge
 * to one, and of a recovery.
 *
 * In each state the next process looks what is there, sweeps the folder, and looks again. It must
 * find the version before or the one that was saved, whole: an index beside data of another
 * generation is torn. While an old one is overwritten the prefix may be absent until the sweep, and
 * never after it. Sometimes it saves once more; and sometimes somebody removes the checkpoint
 * before the sweep, which must not bring back what the save had replaced when it had succeeded, and
 * never a torn one. Counted as in crash_states.c.
 */
#include "tests/crash/tally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/write/save.h"
#include "tests/crash/promise.h"
#include "tests/support/bundle_sample.h"
#include "tests/support/crash.h"
#include "tests/support/prefix_sample.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FOLDER "folder"
#define TARGET "folder/ckpt-7"
#define TRASH  "folder/.cairn-trash-00112233445566778899aabbccddeeff"
#define DEAD   "folder/.cairn-tmp-ff112233445566778899aabbccddeeff"
#define PARTS  "folder/ckpt-7_temp"

#define PART_COUNT 2u

/* A marker of its own: the parts have their names, and the merge begins. */
#define BEGUN 4

/* What is there before. */
enum scene {
	NOTHING,
	TORN_SAVE,   /* data files without an index */
	REMOVED,     /* an old one, whose index was just removed, not durably */
	OLD_ONE,     /* written by Cairn */
	OLD_TENSORS, /* written by TensorFlow: names that may have nothing in them */
	INTERRUPTED  /* an overwriting of OLD by NEW, its index not there yet */
};

enum action {
	SAVE,
	SWEEP,        /* and nothing else */
	MERGE,        /* of parts that TensorFlow wrote */
	MERGE_REMOVE, /* and which are then removed */
	WRITE         /* tensors, through a writer */
};

struct scenario {
	const char *name;
	enum scene scene;
	enum action action;
	uint32_t old_shards; /* of a merge as many as new ones */
	uint32_t new_shards;
	bool sectors;
	bool split_renames;
	int64_t failing_sync; /* its number, from 1; negative: counted from the last; 0: none */
	enum cairn_status expected;
	bool recovers; /* the power is cut again during the sweep and the save that follow */
	uint32_t states;
	uint32_t states_long;
};

#define OK CAIRN_OK

/* Renames in halves only where no folder is renamed: no file system gives a folder two names. */
static const struct scenario scenarios[] = {
	{"prefix, first save", NOTHING, SAVE, 0, 2, false, false, 0, OK, false, 8000, 80000},
	{"prefix, first save, sectors", NOTHING, SAVE, 0, 2, true, false, 0, OK, false, 8000,
	 80000},
	{"prefix, first save, renames in halves", NOTHING, SAVE, 0, 2, false, true, 0, OK, false,
	 8000, 80000},
	{"prefix, save over a torn one", TORN_SAVE, SAVE, 2, 2, false, false, 0, OK, false, 8000,
	 80000},
	{"prefix, save where one was just removed", REMOVED, SAVE, 2, 2, false, false, 0, OK, false,
	 8000, 80000},
	{"prefix, overwrite", OLD_ONE, SAVE, 2, 2, false, false, 0, OK, false, 20000, 200000},
	{"prefix, overwrite of more shards", OLD_ONE, SAVE, 3, 1, false, false, 0, OK, false, 20000,
	 200000},
	{"prefix, overwrite of fewer shards", OLD_ONE, SAVE, 1, 3, false, false, 0, OK, false,
	 20000, 200000},
	{"prefix, overwrite of TensorFlow's", OLD_TENSORS, SAVE, 2, 2, false, false, 0, OK, false,
	 20000, 200000},
	{"prefix, overwrite, last fsync but one fails", OLD_ONE, SAVE, 2, 2, false, false, -2,
	 CAIRN_IN_DOUBT, false, 8000, 80000},
	{"prefix, overwrite, fsync of the new data fails", OLD_ONE, SAVE, 2, 3, false, false, -3,
	 CAIRN_IO, false, 8000, 80000},
	{"prefix, overwrite, fsync without an index fails", OLD_ONE, SAVE, 2, 3, false, false, -4,
	 CAIRN_IO, false, 8000, 80000},
	{"prefix, overwrite, fsync of the record's name fails", OLD_ONE, SAVE, 2, 2, false, false,
	 -5, CAIRN_IO, false, 8000, 80000},
	{"prefix, recovery", INTERRUPTED, SWEEP, 2, 3, false, false, 0, OK, false, 8000, 80000},
	{"prefix, save where one was interrupted", INTERRUPTED, SAVE, 2, 3, false, false, 0, OK,
	 false, 12000, 120000},
	{"prefix, overwrite, crash, recovery and save, crash", OLD_ONE, SAVE, 2, 3, false, false, 0,
	 OK, true, 150, 4000},
	{"merge of prefixes", NOTHING, MERGE, 2, 2, false, false, 0, OK, false, 8000, 80000},
	{"merge of prefixes, sectors", NOTHING, MERGE, 2, 2, true, false, 0, OK, false, 8000,
	 80000},
	{"merge of prefixes that are then removed", NOTHING, MERGE_REMOVE, 2, 2, false, false, 0,
	 OK, false, 8000, 80000},
	{"merge of prefixes over an old one", OLD_ONE, MERGE_REMOVE, 2, 2, false, false, 0, OK,
	 false, 20000, 200000},
	{"merge of prefixes, crash, recovery and merge, crash", OLD_ONE, MERGE, 2, 2, false, false,
	 0, OK, true, 150, 4000},
	{"tensors in a prefix, first save", NOTHING, WRITE, 0, 2, false, false, 0, OK, false, 8000,
	 80000},
	{"tensors in a prefix, sectors", NOTHING, WRITE, 0, 2, true, false, 0, OK, false, 8000,
	 80000},
	{"tensors in a prefix, overwrite", OLD_ONE, WRITE, 2, 2, false, false, 0, OK, false, 20000,
	 200000},
	{"tensors in a prefix, overwrite, last fsync but one fails", OLD_ONE, WRITE, 2, 2, false,
	 false, -2, CAIRN_IN_DOUBT, false, 8000, 80000},
	{"tensors in a prefix, overwrite, crash, save, crash", OLD_ONE, WRITE, 2, 2, false, false,
	 0, OK, true, 150, 4000},
	{"prefix, recovery, crash, recovery and save, crash", INTERRUPTED, SWEEP, 2, 3, false,
	 false, 0, OK, true, 150, 4000},
};

#define INNER_STATES 200u

struct judgement {
	const struct scenario *scenario;
	enum version before;
	enum version after;
	bool outer;          /* recover, save and crash again instead of judging */
	uint64_t from_point; /* what is not whole earlier is so without Cairn */
	struct tally *tally;
};

/* ------------------------------------------------------------------------------------- actions */

static bool has_old(const struct scenario *scenario)
{
	return scenario->scene >= REMOVED;
}

static struct prefix_sample sample_of(const struct scenario *scenario, enum version version)
{
	return (struct prefix_sample){version == OLD ? scenario->old_shards : scenario->new_shards,
				      (uint8_t)version};
}

static bool merges(const struct scenario *scenario)
{
	return scenario->action == MERGE || scenario->action == MERGE_REMOVE;
}

/* In a folder of their own, as TensorFlow's are. */
static const char *part_path(uint32_t part)
{
	return part == 0 ? PARTS "/part-0" : PARTS "/part-1";
}

/* Their names are durable, and nothing else of them. */
static void put_parts(struct system *system, enum version version)
{
	int fd;

	system_make_directory(system, SYSTEM_CWD, PARTS, 0755);
	for (uint32_t i = 0; i < PART_COUNT; i++) {
		prefix_delete(system, part_path(i));
		bundle_put_part(system, part_path(i), i, PART_COUNT, (uint8_t)version);
	}
	fd = system_open(system, SYSTEM_CWD, PARTS, SYSTEM_WANT_DIRECTORY);
	system_sync(system, fd);
	system_close(system, fd);
	fd = system_open(system, SYSTEM_CWD, FOLDER, SYSTEM_WANT_DIRECTORY);
	system_sync(system, fd);
	system_close(system, fd);
}

static enum cairn_status merge(struct system *system, const struct scenario *scenario,
			       struct cairn_error *error)
{
	const struct cairn_merge_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						    .replace = 1,
						    .remove_sources = scenario->action ==
								      MERGE_REMOVE};
	const char *const sources[PART_COUNT] = {part_path(0), part_path(1)};

	return merge_checkpoints(system, sources, PART_COUNT, TARGET, &options, NULL, error);
}

static enum cairn_status save(struct memory_system *memory, const struct scenario *scenario,
			      enum version version, struct cairn_error *error)
{
	const struct prefix_sample sample = sample_of(scenario, version);

	if (scenario->action == WRITE)
		return bundle_save(memory_system_get(memory), TARGET, sample.shards,
				   sample.generation, error);
	if (!merges(scenario))
		return prefix_write(memory_system_get(memory), TARGET, &sample, true, error);
	put_parts(memory_system_get(memory), version);
	return merge(memory_system_get(memory), scenario, error);
}

static enum cairn_status sweep(struct memory_system *memory, struct cairn_error *error)
{
	return sweep_path(memory_system_get(memory), FOLDER, NULL, error);
}

static enum cairn_status act(struct memory_system *memory, const struct scenario *scenario,
			     struct cairn_error *error)
{
	return scenario->action == SWEEP ? sweep(memory, error)
	       : merges(scenario)        ? merge(memory_system_get(memory), scenario, error)
					 : save(memory, scenario, NEW, error);
}

/* --------------------------------------------------------------------------------------- scene */

static void set_merge(struct memory_system *memory, const struct scenario *scenario)
{
	struct cairn_error error = {0};

	memory_system_add_directory(memory, FOLDER);
	if (has_old(scenario) && save(memory, scenario, OLD, &error) != CAIRN_OK)
		fail("the scene", error.message);
	memory_system_trace_start(memory);
	put_parts(memory_system_get(memory), NEW);
	memory_system_mark(memory, BEGUN);
	memory_system_clear_faults(memory);
}

static void set_scene(struct memory_system *memory, const struct scenario *scenario)
{
	struct system *const system = memory_system_get(memory);
	const struct prefix_sample old = sample_of(scenario, OLD);
	const struct prefix_sample new = sample_of(scenario, NEW);

	if (merges(scenario)) {
		set_merge(memory, scenario);
		return;
	}
	memory_system_add_directory(memory, FOLDER);
	if (scenario->scene == INTERRUPTED) {
		memory_system_add_directory(memory, TRASH);
		memory_system_add_directory(memory, DEAD);
		prefix_put(system, TRASH "/ckpt-7", &old, true);
		prefix_put(system, DEAD "/ckpt-7", &old, false);
		prefix_put(system, TARGET, &new, false);
	} else if (scenario->scene == OLD_ONE && scenario->action == WRITE) {
		if (save(memory, scenario, OLD, NULL) != CAIRN_OK)
			fail("the scene", "it cannot be saved");
	} else if (scenario->scene != NOTHING && scenario->scene != OLD_TENSORS) {
		prefix_put(system, TARGET, &old, scenario->scene != TORN_SAVE);
	}
	memory_system_trace_start(memory);
	if (scenario->scene == REMOVED)
		system_unlink(system, SYSTEM_CWD, TARGET ".index");
	if (scenario->scene == OLD_TENSORS)
		prefix_put(system, TARGET, &old, true);
	memory_system_clear_faults(memory);
}

static uint64_t syncs_of(const struct scenario *scenario)
{
	struct memory_system *const memory = memory_system_create();
	struct cairn_error error = {0};
	uint64_t count;

	set_scene(memory, scenario);
	if (act(memory, scenario, &error) != CAIRN_OK)
		fail(scenario->name, error.message);
	count = memory_system_calls(memory, MEMORY_CALL_SYNC);
	memory_system_destroy(memory);
	return count;
}

static void run_traced(struct memory_system *memory, const struct scenario *scenario)
{
	struct memory_fault fault = {.call = MEMORY_CALL_SYNC, .error = EIO};
	struct cairn_error error = {0};
	enum cairn_status status;

	if (scenario->failing_sync < 0)
		fault.at = syncs_of(scenario) - (uint64_t)(-scenario->failing_sync - 1);
	set_scene(memory, scenario);
	memory_system_set_fault(memory, 0, &fault);
	status = act(memory, scenario, &error);
	memory_system_clear_faults(memory);
	mark(memory, status);
	if (status != scenario->expected)
		fail(scenario->name, error.message);
}

/* ----------------------------------------------------------------------------------- one state */

static enum version find_version(struct memory_system *memory, const struct scenario *scenario)
{
	struct system *const system = memory_system_get(memory);

	return (enum version)(merges(scenario) || scenario->action == WRITE
				      ? bundle_generation(system, TARGET, PART_COUNT)
				      : prefix_generation(system, TARGET));
}

static int count_temporary(void *context, const char *name)
{
	*(uint64_t *)context += strncmp(name, ".cairn-", 7) == 0;
	return 0;
}

/* What stays that nobody needs. Data files without an index are TensorFlow's way of being
 * interrupted: they are the next save's to replace. */
static uint64_t orphans(struct memory_system *memory, const struct scenario *scenario)
{
	struct system *const system = memory_system_get(memory);
	const int fd = system_open(system, SYSTEM_CWD, FOLDER, SYSTEM_WANT_DIRECTORY);
	const enum version version = find_version(memory, scenario);
	uint64_t count = 0;

	system_list(system, fd, count_temporary, &count);
	system_close(system, fd);
	if (version > ABSENT)
		count += prefix_data_count(system, TARGET) - sample_of(scenario, version).shards;
	return count;
}

/* Before and after are the only ones; absent is what there was before, or what it is until the
 * sweep. */
static bool is_allowed(const struct judgement *judgement, enum version found, int marker,
		       bool is_swept)
{
	if (marker == SUCCEEDED)
		return found == judgement->after;
	if (found == judgement->before || (found == judgement->after && marker != FAILED))
		return true;
	return found == ABSENT && marker != FAILED &&
	       (!is_swept || judgement->scenario->scene == REMOVED);
}

static void count_verdict(const struct judgement *judgement, enum version found, int marker,
			  bool is_swept)
{
	struct tally *const tally = judgement->tally;

	if (found == TORN)
		tally->torn++;
	else if (!is_allowed(judgement, found, marker, is_swept))
		*(marker == SUCCEEDED ? &tally->lost : &tally->neither) += 1;
}

/* Somebody does not want it any more, before anybody has swept: what was replaced last may come
 * back then, unless the save had succeeded. */
static void judge_deletion(const struct judgement *judgement, const struct crash_state *state)
{
	enum version found;

	prefix_delete(memory_system_get(state->system), TARGET);
	if (sweep(state->system, NULL) != CAIRN_OK)
		judgement->tally->orphans++;
	found = find_version(state->system, judgement->scenario);
	if (found == TORN)
		judgement->tally->torn++;
	else if (found != ABSENT &&
		 (state->marker == SUCCEEDED || (found != judgement->before && found != OLD)))
		judgement->tally->neither++;
	judgement->tally->orphans += orphans(state->system, judgement->scenario);
}

/* As long as the merge has not succeeded, it can be done again: what TensorFlow wrote and never
 * made durable is there as far as it was. */
static bool sources_are_named(struct memory_system *memory)
{
	struct system_status status;
	bool are_there = true;

	for (uint32_t i = 0; i < PART_COUNT; i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s.index", part_path(i));
		are_there = are_there && system_status_at(memory_system_get(memory), SYSTEM_CWD,
							  path, false, &status) == 0;
		snprintf(path, sizeof(path), "%s.data-00000-of-00001", part_path(i));
		are_there = are_there && system_status_at(memory_system_get(memory), SYSTEM_CWD,
							  path, false, &status) == 0;
	}
	return are_there;
}

static void judge_recovery(const struct judgement *judgement, const struct crash_state *state,
			   enum version found)
{
	enum version swept;

	if (sweep(state->system, NULL) != CAIRN_OK)
		judgement->tally->orphans++;
	swept = find_version(state->system, judgement->scenario);
	count_verdict(judgement, swept, state->marker, true);
	if (found != ABSENT && swept != found)
		judgement->tally->neither++;
	if (merges(judgement->scenario) && swept != NEW && swept == judgement->before &&
	    state->marker != RUNNING && !sources_are_named(state->system))
		judgement->tally->lost++;
	judgement->tally->orphans += orphans(state->system, judgement->scenario);
	if (state->number % 8 == 0 &&
	    (save(state->system, judgement->scenario, NEWER, NULL) != CAIRN_OK ||
	     find_version(state->system, judgement->scenario) != NEWER ||
	     orphans(state->system, judgement->scenario) != 0))
		judgement->tally->lost++;
}

static int judge_state(void *context, const struct crash_state *state);

/* The next process recovers and saves, and the power is cut again. */
static int crash_again(const struct judgement *outer, const struct crash_state *state)
{
	const struct crash_options options = {.states_max = INNER_STATES, .seed = state->number};
	struct judgement inner = *outer;
	enum version found = find_version(state->system, outer->scenario);
	enum cairn_status status;

	if (found == TORN) {
		outer->tally->torn++;
		return 0;
	}
	inner.outer = false;
	inner.before = found == ABSENT ? outer->before : found;
	inner.after = NEWER;
	memory_system_trace_start(state->system);
	status = save(state->system, outer->scenario, NEWER, NULL); /* which sweeps first */
	mark(state->system, status);
	return crash_enumerate(state->system, &options, judge_state, &inner, NULL);
}

static int judge_state(void *context, const struct crash_state *state)
{
	const struct judgement *const judgement = context;
	enum version found;

	if (judgement->outer)
		return crash_again(judgement, state);
	found = find_version(state->system, judgement->scenario);
	judgement->tally->states++;
	if (found != OLD && state->point < judgement->from_point)
		return 0;
	if (found != TORN)
		judgement->tally->versions[found]++;
	count_verdict(judgement, found, state->marker, false);
	if (state->number % 8 == 4)
		judge_deletion(judgement, state);
	else
		judge_recovery(judgement, state, found);
	if (!memory_system_is_clean(state->system))
		fail(judgement->scenario->name, "something is leaked");
	return 0;
}

/* ----------------------------------------------------------------------------------- scenarios */

/* Where TensorFlow's files become Cairn's matter: the old index is removed. */
static uint64_t first_removal(const struct memory_system *memory, const struct scenario *scenario)
{
	const struct memory_trace *const trace = memory_system_trace(memory);
	uint64_t point = 0;

	while (scenario->scene == OLD_TENSORS && trace->ops[point].kind != MEMORY_TRACE_REMOVE)
		point++;
	return point;
}

static uint32_t states_of(const struct scenario *scenario, bool is_long)
{
	if (is_long)
		return scenario->states_long;
	return getenv("CAIRN_SANITIZE") != NULL ? scenario->states / 10 : scenario->states;
}

static struct tally run_scenario(const struct scenario *scenario, bool is_long)
{
	const struct crash_options options = {
		.states_max = states_of(scenario, is_long),
		.samples_per_point = is_long ? 16384 : 2048,
		.sectors = scenario->sectors,
		.split_renames = scenario->split_renames,
	};
	struct memory_system *const memory = memory_system_create();
	struct tally tally = {0};
	struct crash_counts counts = {0};
	struct judgement judgement = {
		.scenario = scenario,
		.before = has_old(scenario) ? OLD : ABSENT,
		.after = scenario->action == SWEEP ? OLD : NEW,
		.outer = scenario->recovers,
		.tally = &tally,
	};

	run_traced(memory, scenario);
	judgement.from_point = first_removal(memory, scenario);
	if (crash_enumerate(memory, &options, judge_state, &judgement, &counts) != 0)
		fail(scenario->name, "the enumeration ended early");
	memory_system_destroy(memory);
	tally_print(scenario->name, &counts, &tally);
	return tally;
}

void prefix_scenarios_run(bool is_long, struct tally *total)
{
	for (size_t i = 0; i < COUNT(scenarios); i++) {
		const struct tally tally = run_scenario(&scenarios[i], is_long);

		tally_add(total, &tally);
	}
}
