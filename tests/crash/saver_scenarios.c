/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut can leave behind at any moment of a saver's saves, which remove older ones.
 *
 * In each state the next process reads the state file and restores everything that it names: torn
 * is one that names what is not there, or is not what was saved. The latest is the step that was
 * saved last when the power went (an older one is lost), or the one that was being saved. Then it
 * sweeps the folder, looks again, and sometimes saves once more. A checkpoint that left the list
 * stays removed once the save that removed it had returned.
 */
#include "tests/crash/tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/write/save.h"
#include "tests/crash/promise.h"
#include "tests/support/crash.h"
#include "tests/support/saver_sample.h"

#define FOLDER "folder"

/* The step that the next process saves. */
#define NEXT_STEP 9

static const struct scenario {
	const char *name;
	int64_t steps_before;
	int64_t steps[3]; /* that are saved while the power may go; 0: no more */
	/* A prefix of several files that is overwritten is not there for a moment: what there is
	 * counts after the sweep. */
	bool overwrites;
	bool makes_folder; /* the first save does */
} scenarios[] = {
	{"first saves", 0, {1, 2, 3}, false, false},
	{"first saves, in a folder that is made", 0, {1, 2, 0}, false, true},
	{"saves that remove", 2, {3, 4, 0}, false, false},
	{"the latest is saved again", 2, {2, 0, 0}, true, false},
};

struct judgement {
	const struct scenario *scenario;
	int layout;
	struct tally *tally;
};

/* ------------------------------------------------------------------------------------ one state */

static int64_t last_step(const struct scenario *scenario)
{
	int64_t last = 0;

	for (size_t i = 0; i < 3 && scenario->steps[i] != 0; i++)
		last = scenario->steps[i];
	return last;
}

/* The save after the one that had returned may be there already. */
static void count_verdict(const struct judgement *judgement, int64_t found, int marker)
{
	const struct scenario *const scenario = judgement->scenario;
	const int64_t returned = marker == 0 ? scenario->steps_before : marker;

	if (found == SAVER_TORN)
		judgement->tally->torn++;
	else if (found < returned)
		judgement->tally->lost++;
	else if (found > returned + 1 || found > last_step(scenario))
		judgement->tally->neither++;
}

static int count_temporary(void *context, const char *name)
{
	*(uint64_t *)context += strncmp(name, ".cairn-", 7) == 0;
	return 0;
}

static uint64_t count_orphans(struct system *system)
{
	const int fd = system_open(system, SYSTEM_CWD, FOLDER, SYSTEM_WANT_DIRECTORY);
	uint64_t count = 0;

	if (fd < 0)
		return 0; /* it was not made yet */
	system_list(system, fd, count_temporary, &count);
	system_close(system, fd);
	return count;
}

static bool saves_once_more(struct system *system, int layout)
{
	struct saver_sample sample;
	const bool saved = saver_sample_open(&sample, system, layout) &&
			   saver_sample_save(&sample, NEXT_STEP, NULL) == CAIRN_OK;

	saver_sample_close(&sample);
	return saved && saver_sample_look(system, layout) == NEXT_STEP;
}

static int judge_state(void *context, const struct crash_state *state)
{
	const struct judgement *const judgement = context;
	struct system *const system = memory_system_get(state->system);
	struct tally *const tally = judgement->tally;
	const int layout = judgement->layout;

	tally->states++;
	if (!judgement->scenario->overwrites)
		count_verdict(judgement, saver_sample_look(system, layout), state->marker);
	if (memory_system_exists(state->system, FOLDER) &&
	    sweep_path(system, FOLDER, NULL, NULL) != CAIRN_OK)
		tally->orphans++;
	count_verdict(judgement, saver_sample_look(system, layout), state->marker);
	tally->orphans += count_orphans(system);
	if (state->marker > 2 && saver_sample_exists(system, layout, state->marker - 2))
		tally->orphans++;
	if (state->number % 8 == 0 && !saves_once_more(system, layout))
		tally->lost++;
	if (!memory_system_is_clean(state->system))
		fail(judgement->scenario->name, "something is leaked");
	return 0;
}

/* ---------------------------------------------------------------------------------------- a run */

static void save_steps(struct memory_system *memory, const struct scenario *scenario, int layout)
{
	struct cairn_error error = {.code = CAIRN_OK};
	struct saver_sample sample;

	if (!saver_sample_open(&sample, memory_system_get(memory), layout))
		fail(scenario->name, "no saver");
	for (int64_t step = 1; step <= scenario->steps_before; step++) {
		if (saver_sample_save(&sample, step, &error) != CAIRN_OK)
			fail("the scene", error.message);
	}
	memory_system_trace_start(memory);
	for (size_t i = 0; i < 3 && scenario->steps[i] != 0; i++) {
		if (saver_sample_save(&sample, scenario->steps[i], &error) != CAIRN_OK)
			fail(scenario->name, error.message);
		memory_system_mark(memory, (int)scenario->steps[i]);
	}
	saver_sample_close(&sample);
}

static struct tally run_scenario(const struct scenario *scenario, int layout, bool is_long)
{
	const struct crash_options options = {.states_max = is_long ? 40000 : 2500,
					      .samples_per_point = is_long ? 4096 : 512};
	struct tally tally = {0};
	char name[128];
	struct judgement judgement = {scenario, layout, &tally};
	struct crash_counts counts = {0};
	struct memory_system *const memory = memory_system_create();

	memory_system_settings(memory)->threads_inline = true;
	if (!scenario->makes_folder)
		memory_system_add_directory(memory, FOLDER);
	save_steps(memory, scenario, layout);
	if (crash_enumerate(memory, &options, judge_state, &judgement, &counts) != 0)
		fail(scenario->name, "the enumeration ended early");
	memory_system_destroy(memory);
	snprintf(name, sizeof(name), "saver, %s, %s", saver_layout_name(layout), scenario->name);
	tally_print(name, &counts, &tally);
	return tally;
}

/* The files of a sharded V1 checkpoint have no index: while they are overwritten there is none, and
 * nothing that a sweep could put back (write_v1.c). Folders are made by savers of one container and
 * of V2 without shards. */
static bool is_possible(const struct scenario *scenario, int layout)
{
	if (scenario->makes_folder)
		return layout == 0 || layout == 2;
	return !scenario->overwrites || layout != SAVER_LAYOUTS - 1;
}

void saver_scenarios_run(bool is_long, struct tally *total)
{
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		for (int layout = 0; layout < SAVER_LAYOUTS; layout++) {
			struct tally tally = {0};

			if (is_possible(&scenarios[i], layout))
				tally = run_scenario(&scenarios[i], layout, is_long);
			tally_add(total, &tally);
		}
	}
}
