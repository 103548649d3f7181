/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut can leave behind at any moment of saves of a manager that removes old
 * checkpoints.
 *
 * In each state, after a sweep where a prefix was overwritten, every checkpoint that a state file
 * names must be there and whole, with the bytes that were saved under its number (else: torn, or
 * lost), and the latest must be the last that was acknowledged, or the one that was being saved
 * then (else: lost, neither). A new manager then restores it and saves two more; afterwards no
 * file is left but of what it lists (else: an orphan): what the dead one was about to remove is
 * removed.
 */
#include "tests/crash/tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/train/state.h"
#include "engine/write/save.h"
#include "tests/crash/promise.h"
#include "tests/support/crash.h"
#include "tests/support/managed.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FOLDER "run"

/* Saves that are made before the trace begins. */
#define SAVED 3

struct scenario {
	const char *name;
	bool is_tensorflow;
	uint32_t saves; /* traced */
	uint32_t flags;
	uint32_t keep_best;
	bool again; /* the traced save has the number of the last one */
	bool sectors;
	uint32_t states;
	uint32_t states_long;
};

static const struct scenario scenarios[] = {
	{"manager, TensorFlow", true, 1, 0, 0, false, false, 12000, 120000},
	{"manager, TensorFlow, sectors", true, 1, 0, 0, false, true, 8000, 80000},
	{"manager, TensorFlow, two saves", true, 2, CAIRN_MANAGER_EXCLUSIVE, 0, false, false, 12000,
	 120000},
	{"manager, TensorFlow, the best", true, 2, 0, 1, false, false, 12000, 120000},
	{"manager, TensorFlow, verified", true, 1, CAIRN_MANAGER_KEEP_VERIFIED, 0, false, false,
	 8000, 80000},
	{"manager, TensorFlow, a number again", true, 1, 0, 0, true, false, 12000, 120000},
	{"manager, containers", false, 2, 0, 0, false, false, 12000, 120000},
	{"manager, containers, the best", false, 2, CAIRN_MANAGER_EXCLUSIVE, 1, false, false, 12000,
	 120000},
	{"manager, containers, a number again", false, 1, 0, 0, true, false, 8000, 80000},
	{"manager, in the background", true, 2, CAIRN_MANAGER_ASYNC, 0, false, false, 8000, 80000},
};

struct judgement {
	const struct scenario *scenario;
	struct tally *tally;
};

/* -------------------------------------------------------------------------------------- saving */

static struct managed new_managed(struct memory_system *memory, const struct scenario *scenario)
{
	return (struct managed){.system = memory_system_get(memory),
				.is_tensorflow = scenario->is_tensorflow,
				.is_plain = true};
}

static struct cairn_manager *new_manager(struct managed *managed, const struct scenario *scenario,
					 uint32_t flags)
{
	const struct cairn_manager_options options = {
		.flags = flags | CAIRN_MANAGER_LOWER_IS_BETTER, .keep_best = scenario->keep_best};
	const struct manager_subject subject = managed_subject(managed);
	struct cairn_manager *manager = NULL;
	struct cairn_error error = {.code = CAIRN_OK};

	if (manager_create(managed->system, &subject, FOLDER, 2, &options, &manager, &error) !=
	    CAIRN_OK)
		fail("a manager", error.message);
	return manager;
}

/* The value is the number: saved again it is the number and 100. The metric falls at first, then
 * the last of the saves before the trace stays the best but one. */
static void save(struct managed *managed, struct cairn_manager *manager, bool again)
{
	const struct cairn_manager_save_options options = {
		.has_checkpoint_number = again,
		.checkpoint_number = SAVED,
		.has_metric = 1,
		.metric = managed->counter == SAVED + 1 ? -50 : -(double)managed->counter};
	struct cairn_error error = {.code = CAIRN_OK};

	managed_set(managed, again ? SAVED + 100 : managed->counter + 1);
	if (cairn_manager_save(manager, &options, NULL, &error) != CAIRN_OK ||
	    cairn_manager_wait(manager, &error) != CAIRN_OK)
		fail("a save", error.message);
}

static void run_traced(struct memory_system *memory, const struct scenario *scenario)
{
	struct managed managed = new_managed(memory, scenario);
	struct cairn_manager *const manager = new_manager(&managed, scenario, scenario->flags);

	for (int i = 0; i < SAVED; i++)
		save(&managed, manager, false);
	memory_system_trace_start(memory);
	memory_system_mark(memory, SAVED);
	for (uint32_t i = 0; i < scenario->saves; i++) {
		save(&managed, manager, scenario->again);
		memory_system_mark(memory, (int)managed.counter);
	}
	cairn_manager_destroy(manager);
}

/* -------------------------------------------------------------------------------------- judging */

static int64_t number_of(const char *path)
{
	return strtoll(strrchr(path, '-') + 1, NULL, 10);
}

/* The numbers whose values are right: more than one only where a number was saved again. */
static bool is_right(const struct judgement *judgement, int64_t number, int64_t value)
{
	return value == number ||
	       (judgement->scenario->again && number == SAVED && value == SAVED + 100);
}

/* Everything that a state file names is there. */
static void judge_names(const struct judgement *judgement, struct memory_system *memory,
			const char *name)
{
	struct system *const system = memory_system_get(memory);
	struct cairn_state *state = NULL;

	if (state_get(system, FOLDER, name, &state, NULL) != CAIRN_OK)
		return;
	for (uint64_t i = 0; i < state->path_count; i++) {
		const char *const path = state->all_model_checkpoint_paths[i];
		const int64_t value = managed_value(system, path);

		if (value == -1)
			judgement->tally->lost++;
		else if (!is_right(judgement, number_of(path), value))
			judgement->tally->torn++;
	}
	cairn_state_free(state);
}

/* The number that the state file calls the latest, or -1. */
static int64_t latest_number(struct memory_system *memory)
{
	struct cairn_state *state = NULL;
	int64_t number = -1;

	if (state_get(memory_system_get(memory), FOLDER, NULL, &state, NULL) == CAIRN_OK)
		number = number_of(state->model_checkpoint_path);
	cairn_state_free(state);
	return number;
}

static void judge_latest(const struct judgement *judgement, struct memory_system *memory,
			 int marker)
{
	struct tally *const tally = judgement->tally;
	const int64_t acknowledged = marker == RUNNING ? SAVED : marker;
	const int64_t number = latest_number(memory);
	const int64_t value = managed_value(memory_system_get(memory), FOLDER "/ckpt-3");

	if (judgement->scenario->again) {
		tally->neither += number != SAVED;
		tally->lost += marker > SAVED && value != SAVED + 100;
		return;
	}
	if (number < acknowledged)
		tally->lost++;
	else if (number > acknowledged + 1)
		tally->neither++;
}

/* What lies in the folder and is not what the manager lists. */
struct strays {
	struct cairn_manager *manager;
	uint64_t count;
};

static bool is_file_of(const char *name, const char *path)
{
	const char *const base = strrchr(path, '/') + 1;

	return strncmp(name, base, strlen(base)) == 0 && name[strlen(base)] == '.';
}

static bool is_kept(struct cairn_manager *manager, const char *name)
{
	const char *path;

	for (uint64_t i = 0; (path = cairn_manager_checkpoint(manager, i, NULL)) != NULL; i++) {
		if (is_file_of(name, path))
			return true;
	}
	path = cairn_manager_best_checkpoint(manager, 0, NULL);
	return path != NULL && is_file_of(name, path);
}

static int count_stray(void *context, const char *name)
{
	struct strays *const strays = context;

	strays->count += strncmp(name, CAIRN_STATE_NAME, strlen(CAIRN_STATE_NAME)) != 0 &&
			 !is_kept(strays->manager, name);
	return 0;
}

static uint64_t count_strays(struct system *system, struct cairn_manager *manager)
{
	const int fd = system_open(system, SYSTEM_CWD, FOLDER, SYSTEM_WANT_DIRECTORY);
	struct strays strays = {.manager = manager};

	system_list(system, fd, count_stray, &strays);
	system_close(system, fd);
	return strays.count;
}

static int note_trash(void *context, const char *name)
{
	*(bool *)context = *(bool *)context || is_trash_name(name);
	return 0;
}

/* A mark is made before the state file that needs it, and durable with it: so a file system that
 * keeps no order at all may have kept that state file alone when the fsync was not done. Then an
 * old checkpoint stays for ever. */
static bool has_lost_mark(struct memory_system *memory, bool is_acknowledged)
{
	struct system *const system = memory_system_get(memory);
	const int fd = system_open(system, SYSTEM_CWD, FOLDER, SYSTEM_WANT_DIRECTORY);
	bool has_mark = false;

	system_list(system, fd, note_trash, &has_mark);
	system_close(system, fd);
	return !has_mark && !is_acknowledged;
}

/* The next process goes on where this one was. */
static void judge_restart(const struct judgement *judgement, struct memory_system *memory,
			  int marker)
{
	const int64_t latest = latest_number(memory);
	const bool may_stay = has_lost_mark(memory, latest == marker);
	struct managed managed = new_managed(memory, judgement->scenario);
	struct cairn_manager *const manager = new_manager(&managed, judgement->scenario, 0);
	struct cairn_error error = {.code = CAIRN_OK};

	if (cairn_manager_restore_or_initialize(manager, NULL, &error) != CAIRN_OK ||
	    !is_right(judgement, latest, managed.values[0]))
		judgement->tally->lost++;
	save(&managed, manager, false);
	save(&managed, manager, false);
	judge_names(judgement, memory, NULL);
	judge_names(judgement, memory, CAIRN_MANAGER_BEST_NAME);
	if (cairn_manager_checkpoint_count(manager) != 2)
		judgement->tally->neither++;
	if (!may_stay)
		judgement->tally->orphans += count_strays(managed.system, manager);
	cairn_manager_destroy(manager);
}

static int judge_state(void *context, const struct crash_state *state)
{
	const struct judgement *const judgement = context;

	judgement->tally->states++;
	if (judgement->scenario->again &&
	    sweep_path(memory_system_get(state->system), FOLDER, NULL, NULL) != CAIRN_OK)
		judgement->tally->orphans++;
	judge_names(judgement, state->system, NULL);
	judge_names(judgement, state->system, CAIRN_MANAGER_BEST_NAME);
	judge_latest(judgement, state->system, state->marker);
	if (!judgement->scenario->again)
		judge_restart(judgement, state->system, state->marker);
	if (!memory_system_is_clean(state->system))
		fail(judgement->scenario->name, "something is leaked");
	return 0;
}

/* ----------------------------------------------------------------------------------- scenarios */

static struct tally run_scenario(const struct scenario *scenario, bool is_long)
{
	const struct crash_options options = {
		.states_max = is_long                            ? scenario->states_long
			      : getenv("CAIRN_SANITIZE") != NULL ? scenario->states / 10
								 : scenario->states,
		.samples_per_point = is_long ? 16384 : 2048,
		.sectors = scenario->sectors,
	};
	struct memory_system *const memory = memory_system_create();
	struct tally tally = {0};
	struct crash_counts counts = {0};
	struct judgement judgement = {.scenario = scenario, .tally = &tally};

	memory_system_settings(memory)->threads_inline = true;
	memory_system_add_directory(memory, FOLDER);
	run_traced(memory, scenario);
	if (crash_enumerate(memory, &options, judge_state, &judgement, &counts) != 0)
		fail(scenario->name, "the enumeration ended early");
	memory_system_destroy(memory);
	tally_print(scenario->name, &counts, &tally);
	return tally;
}

void manager_scenarios_run(bool is_long, struct tally *total)
{
	for (size_t i = 0; i < COUNT(scenarios); i++) {
		const struct tally tally = run_scenario(&scenarios[i], is_long);

		tally_add(total, &tally);
	}
}
