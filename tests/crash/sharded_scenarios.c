/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut can leave behind at any moment of a sharded save, a merge, a deletion, and a
 * recovery.
 *
 * In each state the next process opens the path, verifies and reads everything, sweeps the folder,
 * and reads again; sometimes it saves once more. It must find the version before or the one that
 * was made, bit for bit, or nothing where there was nothing or where it was deleted; after success
 * the latter. Counted as in crash_states.c.
 */
#include "tests/crash/tally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/read/reader.h"
#include "tests/crash/promise.h"
#include "tests/support/crash.h"
#include "tests/support/sharded_sample.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FOLDER   "folder"
#define TARGET   "folder/model"
#define FILE     "folder/model.cairn"
#define PART     "folder/part-"
#define DEAD     "folder/.cairn-tmp-00112233445566778899aabbccddeeff"
#define TRASH    "folder/.cairn-trash-00112233445566778899aabbccddeeff"
#define STRAY    "folder/model/shard-00000-of-00009-01234567.cairn"
#define RANKS    2u
#define NO_FAULT 0u

enum action {
	SAVE,          /* a sharded save of NEW */
	SAVE_IN_PARTS, /* the same; the ranks' files are there already: only the commit is traced */
	MERGE,         /* of parts that are files beside it */
	MERGE_FILE,    /* into one file */
	RESHARD,       /* a merge with a limit of shard sizes */
	REMOVE,
	SWEEP /* of what a dead save, a dead deletion and a dead overwriting left */
};

struct scenario {
	const char *name;
	enum action action;
	bool has_old;
	bool removes_sources;
	bool sectors;
	bool split_renames;
	int64_t failing_sync; /* its number, from 1; negative: counted from the last; 0: none */
	enum cairn_status expected;
	bool recovers; /* the power is cut again during the sweep and the save that follow */
	uint32_t states;
	uint32_t states_long;
};

#define OK CAIRN_OK

/* Renames in halves only where files are renamed: no file system gives a folder two names. */
static const struct scenario scenarios[] = {
	{"sharded save", SAVE, false, false, false, false, 0, OK, false, 8000, 80000},
	{"sharded save, commit", SAVE_IN_PARTS, false, false, false, false, 0, OK, false, 6000,
	 60000},
	{"sharded save, sectors", SAVE, false, false, true, false, 0, OK, false, 100000, 1000000},
	{"sharded save, commit, sectors", SAVE_IN_PARTS, false, false, true, false, 0, OK, false,
	 60000, 600000},
	{"sharded overwrite", SAVE, true, false, false, false, 0, OK, false, 12000, 100000},
	{"sharded overwrite, sectors", SAVE, true, false, true, false, 0, OK, false, 60000, 600000},
	{"sharded overwrite, commit, sectors", SAVE_IN_PARTS, true, false, true, false, 0, OK,
	 false, 60000, 600000},
	{"sharded overwrite, renames in halves", SAVE, true, false, false, true, 0, OK, false, 6000,
	 60000},
	{"sharded save, last fsync fails", SAVE, false, false, false, false, -1, CAIRN_IN_DOUBT,
	 false, 4000, 40000},
	{"sharded overwrite, an fsync fails", SAVE_IN_PARTS, true, false, false, false, 2, CAIRN_IO,
	 false, 4000, 40000},
	{"sharded overwrite, last fsync but the sweep's fails", SAVE_IN_PARTS, true, false, false,
	 false, -2, CAIRN_IN_DOUBT, false, 4000, 40000},
	{"merge", MERGE, false, false, false, false, 0, OK, false, 6000, 60000},
	{"merge that removes its sources", MERGE, false, true, false, false, 0, OK, false, 8000,
	 80000},
	{"merge over an old one", MERGE, true, true, false, false, 0, OK, false, 8000, 80000},
	{"merge, sectors", MERGE, false, true, true, false, 0, OK, false, 40000, 400000},
	{"merge into one file, sectors", MERGE_FILE, false, true, true, false, 0, OK, false, 40000,
	 400000},
	{"merge into one file", MERGE_FILE, false, true, false, false, 0, OK, false, 6000, 60000},
	{"merge into shards of another size", RESHARD, false, true, false, false, 0, OK, false,
	 8000, 80000},
	{"resharding over an old one", RESHARD, true, false, false, false, 0, OK, false, 8000,
	 80000},
	{"deletion", REMOVE, true, false, false, false, 0, OK, false, 4000, 40000},
	{"recovery", SWEEP, true, false, false, false, 0, OK, false, 8000, 80000},
	{"overwrite, crash, recovery and save, crash", SAVE_IN_PARTS, true, false, false, false, 0,
	 OK, true, 100, 4000},
	{"deletion, crash, recovery and save, crash", REMOVE, true, false, false, false, 0, OK,
	 true, 100, 4000},
};

#define INNER_STATES 200u

struct judgement {
	const struct scenario *scenario;
	enum version before;
	enum version after;
	bool outer; /* recover, save and crash again instead of judging */
	struct tally *tally;
};

static struct sharded_sample sample_of(enum version version)
{
	return (struct sharded_sample){RANKS, (uint8_t)version};
}

/* ------------------------------------------------------------------------------------- actions */

static const char *target_of(const struct scenario *scenario)
{
	return scenario->action == MERGE_FILE ? FILE : TARGET;
}

static const char *part_path(uint32_t rank)
{
	static char path[64];

	snprintf(path, sizeof(path), PART "%u.cairn", rank);
	return path;
}

static enum cairn_status merge_parts(struct system *system, const struct scenario *scenario,
				     struct cairn_error *error)
{
	const struct cairn_merge_options options = {
		.replace = 1,
		.remove_sources = scenario->removes_sources,
		.shard_size_max = scenario->action == RESHARD ? 96 : 0};
	static char paths[RANKS][64];
	const char *sources[RANKS];

	for (uint32_t rank = 0; rank < RANKS; rank++) {
		snprintf(paths[rank], sizeof(paths[rank]), "%s", part_path(rank));
		sources[rank] = paths[rank];
	}
	return merge_checkpoints(system, sources, RANKS, target_of(scenario), &options, NULL,
				 error);
}

static enum cairn_status act(struct memory_system *memory, const struct scenario *scenario,
			     struct cairn_save *save, struct cairn_error *error)
{
	struct system *const system = memory_system_get(memory);
	const struct sharded_sample new = sample_of(NEW);

	switch (scenario->action) {
	case SAVE:
		return sharded_write(system, TARGET, &new, true, error);
	case SAVE_IN_PARTS:
		return cairn_save_commit(save, error);
	case MERGE:
	case MERGE_FILE:
	case RESHARD:
		return merge_parts(system, scenario, error);
	case REMOVE:
		return remove_path(system, TARGET, error);
	case SWEEP:
		return sweep_path(system, FOLDER, NULL, error);
	}
	return CAIRN_OK;
}

static enum version version_after(const struct scenario *scenario)
{
	return scenario->action == REMOVE ? ABSENT : scenario->action == SWEEP ? OLD : NEW;
}

/* --------------------------------------------------------------------------------------- scene */

static void must(enum cairn_status status, const struct cairn_error *error)
{
	if (status != CAIRN_OK)
		fail("the scene", error->message);
}

static void add_debris(struct memory_system *memory)
{
	static const uint8_t bytes[5000] = {1};

	memory_system_add_directory(memory, DEAD);
	memory_system_add_file(memory, DEAD "/rank-00000-attempt-00000.cairn", bytes,
			       sizeof(bytes));
	memory_system_add_file(memory, DEAD "/.cairn-tmp-ffffffffffffffffffffffffffffffff", bytes,
			       sizeof(bytes));
	memory_system_add_directory(memory, TRASH);
	memory_system_add_file(memory, TRASH "/index.cairn", bytes, sizeof(bytes));
	memory_system_add_file(memory, TRASH "/shard-00000-of-00001.cairn", bytes, sizeof(bytes));
	memory_system_add_file(memory, STRAY, bytes, sizeof(bytes));
}

/* The save that only has to be committed, or NULL. */
static struct cairn_save *set_scene(struct memory_system *memory, const struct scenario *scenario)
{
	struct system *const system = memory_system_get(memory);
	const struct sharded_sample old = sample_of(OLD);
	const struct sharded_sample new = sample_of(NEW);
	struct cairn_error error = {0};
	struct cairn_save *save = NULL;

	memory_system_settings(memory)->threads_inline = true;
	memory_system_add_directory(memory, FOLDER);
	if (scenario->has_old)
		must(sharded_write(system, TARGET, &old, false, &error), &error);
	if (scenario->action == SAVE_IN_PARTS)
		must(sharded_begin(system, TARGET, &new, true, &save, &error), &error);
	for (uint32_t rank = 0; rank < RANKS; rank++) {
		if (scenario->action == SAVE_IN_PARTS)
			must(sharded_write_rank(save, &new, rank, 0, &error), &error);
		if (scenario->action == MERGE || scenario->action == MERGE_FILE ||
		    scenario->action == RESHARD)
			must(sharded_write_part(system, part_path(rank), &new, rank, &error),
			     &error);
	}
	if (scenario->action == SWEEP)
		add_debris(memory);
	return save;
}

static uint64_t syncs_of(const struct scenario *scenario)
{
	struct memory_system *const memory = memory_system_create();
	struct cairn_save *const save = set_scene(memory, scenario);
	struct cairn_error error = {0};
	uint64_t count;

	memory_system_clear_faults(memory);
	must(act(memory, scenario, save, &error), &error);
	count = memory_system_calls(memory, MEMORY_CALL_SYNC);
	cairn_save_destroy(save);
	memory_system_destroy(memory);
	return count;
}

static void run_traced(struct memory_system *memory, const struct scenario *scenario,
		       struct cairn_save *save)
{
	struct memory_fault fault = {.call = MEMORY_CALL_SYNC, .error = EIO};
	struct cairn_error error = {0};
	enum cairn_status status;

	if (scenario->failing_sync > 0)
		fault.at = (uint64_t)scenario->failing_sync;
	if (scenario->failing_sync < 0)
		fault.at = syncs_of(scenario) - (uint64_t)(-scenario->failing_sync - 1);
	memory_system_clear_faults(memory);
	memory_system_trace_start(memory);
	memory_system_set_fault(memory, 0, &fault);
	status = act(memory, scenario, save, &error);
	memory_system_clear_faults(memory);
	mark(memory, status);
	cairn_save_destroy(save);
	mark(memory, status);
	if (status != scenario->expected)
		fail(scenario->name, error.message);
}

/* ----------------------------------------------------------------------------------- one state */

static enum version find_version(struct memory_system *memory, const struct scenario *scenario)
{
	const char *const target = target_of(scenario);
	struct cairn_reader *reader = NULL;
	const enum cairn_status opened = reader_open_path(memory_system_get(memory), target, NULL,
							  &reader, NULL);
	enum version found = TORN;

	if (opened != CAIRN_OK)
		return opened == CAIRN_NOT_FOUND ? ABSENT : TORN;
	cairn_reader_close(reader);
	for (enum version version = OLD; version < VERSION_COUNT && found == TORN; version++) {
		const struct sharded_sample sample = sample_of(version);

		if (sharded_check(memory_system_get(memory), target, &sample, NULL) == CAIRN_OK)
			found = version;
	}
	return found;
}

/* The sources are all there, as long as the merge has not succeeded. */
static bool sources_are_there(struct memory_system *memory)
{
	const struct scenario into_folder = {.action = MERGE};
	const struct sharded_sample new = sample_of(NEW);
	bool are_there;

	are_there = merge_parts(memory_system_get(memory), &into_folder, NULL) == CAIRN_OK;
	return are_there &&
	       sharded_check(memory_system_get(memory), TARGET, &new, NULL) == CAIRN_OK;
}

struct counting {
	struct memory_system *memory;
	const char *folder;
	uint64_t orphans;
};

/* Temporary names, and everything in the checkpoint's folder. */
static int count_leftover(void *context, const char *name)
{
	struct counting *const counting = context;

	if (strncmp(name, ".cairn-", 7) == 0 || strcmp(counting->folder, TARGET) == 0)
		counting->orphans++;
	return 0;
}

static uint64_t count_in(struct memory_system *memory, const char *folder)
{
	struct system *const system = memory_system_get(memory);
	struct counting counting = {memory, folder, 0};
	const int fd = system_open(system, SYSTEM_CWD, folder, SYSTEM_WANT_DIRECTORY);

	if (fd < 0)
		return 0;
	system_list(system, fd, count_leftover, &counting);
	system_close(system, fd);
	return counting.orphans;
}

/* How much stays that nobody needs: files of the index, its shards, and nothing else. */
static uint64_t sweep(struct memory_system *memory, const struct scenario *scenario)
{
	struct cairn_reader *reader = NULL;
	uint64_t needed = 0;
	uint64_t there;

	if (sweep_path(memory_system_get(memory), FOLDER, NULL, NULL) != CAIRN_OK)
		return 1;
	there = count_in(memory, FOLDER) + count_in(memory, TARGET);
	if (scenario->action != MERGE_FILE &&
	    reader_open_path(memory_system_get(memory), TARGET, NULL, &reader, NULL) == CAIRN_OK)
		needed = reader->file_count;
	cairn_reader_close(reader);
	return there - needed;
}

static void count_verdict(const struct judgement *judgement, enum version found, int marker)
{
	struct tally *const tally = judgement->tally;

	tally->states++;
	if (found == TORN) {
		tally->torn++;
		return;
	}
	judgement->tally->versions[found]++;
	if (marker == SUCCEEDED && found != judgement->after)
		tally->lost++;
	else if ((found != judgement->before && found != judgement->after) ||
		 (marker == FAILED && found != judgement->before))
		tally->neither++;
}

static enum cairn_status save_newer(struct memory_system *memory)
{
	const struct sharded_sample newer = sample_of(NEWER);

	return sharded_write(memory_system_get(memory), TARGET, &newer, true, NULL);
}

static int judge_state(void *context, const struct crash_state *state);

/* The next process recovers and saves, and the power is cut again. */
static int crash_again(const struct judgement *outer, const struct crash_state *state)
{
	const struct crash_options options = {.states_max = INNER_STATES, .seed = state->number};
	struct judgement inner = *outer;
	enum cairn_status status;

	inner.outer = false;
	inner.before = find_version(state->system, outer->scenario);
	inner.after = NEWER;
	if (inner.before == TORN) {
		outer->tally->torn++;
		return 0;
	}
	memory_system_trace_start(state->system);
	status = sweep_path(memory_system_get(state->system), FOLDER, NULL, NULL);
	if (status == CAIRN_OK)
		status = save_newer(state->system);
	mark(state->system, status);
	return crash_enumerate(state->system, &options, judge_state, &inner, NULL);
}

static bool goes_on_well(struct memory_system *memory, const struct judgement *judgement,
			 enum version found)
{
	const struct scenario *const scenario = judgement->scenario;

	if (found == judgement->before && scenario->removes_sources && !sources_are_there(memory))
		return false;
	if (scenario->action == MERGE_FILE)
		return true;
	return save_newer(memory) == CAIRN_OK && find_version(memory, scenario) == NEWER;
}

static int judge_state(void *context, const struct crash_state *state)
{
	const struct judgement *const judgement = context;
	enum version found;

	if (judgement->outer)
		return crash_again(judgement, state);
	found = find_version(state->system, judgement->scenario);
	count_verdict(judgement, found, state->marker);
	judgement->tally->orphans += sweep(state->system, judgement->scenario);
	if (found != TORN && find_version(state->system, judgement->scenario) != found)
		judgement->tally->neither++;
	if (state->number % 8 == 0 && !goes_on_well(state->system, judgement, found))
		judgement->tally->lost++;
	if (!memory_system_is_clean(state->system))
		fail(judgement->scenario->name, "something is leaked");
	return 0;
}

/* ----------------------------------------------------------------------------------- scenarios */

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
		.before = scenario->has_old ? OLD : ABSENT,
		.after = version_after(scenario),
		.outer = scenario->recovers,
		.tally = &tally,
	};

	run_traced(memory, scenario, set_scene(memory, scenario));
	if (crash_enumerate(memory, &options, judge_state, &judgement, &counts) != 0)
		fail(scenario->name, "the enumeration ended early");
	memory_system_destroy(memory);
	tally_print(scenario->name, &counts, &tally);
	return tally;
}

void sharded_scenarios_run(bool is_long, struct tally *total)
{
	for (size_t i = 0; i < COUNT(scenarios); i++) {
		const struct tally tally = run_scenario(&scenarios[i], is_long);

		tally_add(total, &tally);
	}
}
