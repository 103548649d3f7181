/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut can leave behind, at any moment of a save.
 *
 *     crash_states [--long]
 *
 * Each scenario runs a save in the in-memory system and enumerates the states of the disk that
 * POSIX allows at every point of it (tests/support/crash.h). In each of them the next process opens
 * the file, verifies it and takes every view, sweeps the folder, and opens it again; in some it
 * also saves once more. What it finds is the version before the save or the one that was saved, bit
 * for bit; after the save had returned success, the latter.
 *
 *     torn     the file is none of the versions
 *     lost     not what was saved, though the save had succeeded
 *     neither  another version than these two, or no file where there was one
 *     orphans  temporary files that the sweep did not remove
 *
 * Ends with `states N, torn N, lost N, neither N`; exit status 1 unless the last three and the
 * orphans are 0. A later kind of save adds rows to the table of scenarios.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/write/writer.h"
#include "tests/crash/promise.h"
#include "tests/crash/tally.h"
#include "tests/support/crash.h"
#include "tests/support/sample_model.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FOLDER "folder"
#define TARGET "folder/model.cairn"
#define ORPHAN "folder/.cairn-tmp-00112233445566778899aabbccddeeff"

#define CONTENT_MAX ((size_t)9 << 20)

struct scenario {
	const char *name;
	enum sample_kind kind;
	bool replaces;
	bool has_orphan;       /* a draft of a dead writer */
	uint32_t failing_sync; /* number of the fsync that fails; 0: none */
	bool recovers;         /* crashes again, while the first crash is recovered from */
	bool sectors;
	bool split_renames;
	uint32_t states; /* at most, in the normal run and in the long one */
	uint32_t states_long;
};

static const struct scenario scenarios[] = {
	{"first save", SAMPLE_TINY, false, false, 0, false, false, false, 12000, 60000},
	{"first save, sectors", SAMPLE_TINY, false, false, 0, false, true, false, 60000, 600000},
	{"first save of everything", SAMPLE_FULL, false, false, 0, false, false, false, 40000,
	 400000},
	{"first save, O_DIRECT", SAMPLE_DIRECT, false, false, 0, false, false, false, 300, 20000},
	{"replacement", SAMPLE_TINY, true, false, 0, false, false, false, 12000, 60000},
	{"replacement, sectors", SAMPLE_TINY, true, false, 0, false, true, false, 60000, 600000},
	{"replacement, renames in halves", SAMPLE_TINY, true, false, 0, false, false, true, 12000,
	 60000},
	{"replacement, everything", SAMPLE_FULL, true, false, 0, false, false, false, 8000, 400000},
	{"replacement, O_DIRECT", SAMPLE_DIRECT, true, false, 0, false, false, false, 300, 20000},
	{"replacement, fsync of the file fails", SAMPLE_TINY, true, false, 2, false, false, false,
	 6000, 60000},
	{"replacement, last fsync fails", SAMPLE_TINY, true, false, 3, false, false, false, 6000,
	 60000},
	{"sweep of a dead draft, then first save", SAMPLE_TINY, false, true, 0, false, false, false,
	 6000, 60000},
	{"sweep of a dead draft, then replacement", SAMPLE_TINY, true, true, 0, false, false, false,
	 6000, 60000},
	{"crash, then recovery and save, then crash", SAMPLE_TINY, true, false, 0, true, false,
	 false, 60, 2000},
};

/* States of the second crash, for each of the first. */
#define INNER_STATES 200u

/* One enumeration: a save of `saved` where `before` was. */
struct judgement {
	const struct scenario *scenario;
	enum version before;
	enum version saved;
	bool outer; /* recover, save and crash again instead of judging */
	struct tally *tally;
};

static uint8_t *contents[VERSION_COUNT]; /* of the scenario's kind */
static size_t content_size;

/* -------------------------------------------------------------------------------------- saving */

static enum cairn_status save(struct memory_system *memory, const struct scenario *scenario,
			      enum version version, struct cairn_error *error)
{
	const struct sample sample = {scenario->kind, (uint8_t)version};

	return sample_write(memory_system_get(memory), TARGET, &sample, CAIRN_WRITER_REPLACE,
			    error);
}

static struct memory_system *make_folder(void)
{
	struct memory_system *const memory = memory_system_create();

	memory_system_settings(memory)->threads_inline = true;
	memory_system_add_directory(memory, FOLDER);
	return memory;
}

static void make_contents(const struct scenario *scenario)
{
	struct memory_system *const memory = make_folder();
	struct cairn_error error = {0};

	for (enum version version = OLD; version < VERSION_COUNT; version++) {
		if (save(memory, scenario, version, &error) != CAIRN_OK)
			fail(scenario->name, error.message);
		content_size = (size_t)memory_system_content(memory, TARGET, NULL, 0);
		contents[version] = malloc(content_size);
		if (contents[version] == NULL || content_size > CONTENT_MAX)
			fail(scenario->name, "the sample is too large");
		memory_system_content(memory, TARGET, contents[version], content_size);
	}
	memory_system_destroy(memory);
}

static void free_contents(void)
{
	for (enum version version = OLD; version < VERSION_COUNT; version++) {
		free(contents[version]);
		contents[version] = NULL;
	}
}

/* ----------------------------------------------------------------------------------- one state */

/* Opens, verifies, and takes every view. */
static bool reads_as(struct memory_system *memory, const struct scenario *scenario,
		     enum version version)
{
	const struct sample sample = {scenario->kind, (uint8_t)version};
	/* mapping copies in memory, which is slow for the large sample */
	const struct cairn_reader_options options = {.transport = scenario->kind == SAMPLE_DIRECT
									  ? CAIRN_TRANSPORT_COPY
									  : CAIRN_TRANSPORT_AUTO};
	struct cairn_reader *reader = NULL;
	bool is_right;

	if (reader_open_path(memory_system_get(memory), TARGET, &options, &reader, NULL) !=
	    CAIRN_OK)
		return false;
	is_right = sample_verify(reader, NULL) == CAIRN_OK &&
		   sample_compare(reader, &sample, NULL) == CAIRN_OK;
	cairn_reader_close(reader);
	return is_right;
}

static enum version find_version(struct memory_system *memory, const struct scenario *scenario)
{
	static uint8_t bytes[CONTENT_MAX];
	const int64_t size = memory_system_content(memory, TARGET, bytes, sizeof(bytes));

	if (size == -ENOENT)
		return ABSENT;
	for (enum version version = OLD; version < VERSION_COUNT; version++) {
		if (size == (int64_t)content_size &&
		    memcmp(bytes, contents[version], content_size) == 0)
			return reads_as(memory, scenario, version) ? version : TORN;
	}
	return TORN;
}

static int count_temporary(void *context, const char *name)
{
	if (strncmp(name, ".cairn-", 7) == 0)
		++*(uint64_t *)context;
	return 0;
}

/* What the next writer in the folder does first; how many temporary files it leaves. */
static uint64_t sweep(struct memory_system *memory)
{
	struct system *const system = memory_system_get(memory);
	struct cairn_writer *writer = NULL;
	uint64_t left = 0;
	int fd;

	if (writer_create(system, FOLDER "/another", NULL, &writer, NULL) != CAIRN_OK)
		return 1;
	cairn_writer_destroy(writer);
	fd = system_open(system, SYSTEM_CWD, FOLDER, SYSTEM_WANT_DIRECTORY);
	system_list(system, fd, count_temporary, &left);
	system_close(system, fd);
	return left;
}

static void count_verdict(const struct judgement *judgement, enum version found, int marker)
{
	struct tally *const tally = judgement->tally;

	tally->states++;
	if (found == TORN) {
		tally->torn++;
		return;
	}
	tally->versions[found]++;
	if (marker == SUCCEEDED && found != judgement->saved)
		tally->lost++;
	else if ((found != judgement->before && found != judgement->saved) ||
		 (marker == FAILED && found != judgement->before))
		tally->neither++;
}

/* The folder can be used after the crash. */
static bool can_save(struct memory_system *memory, const struct scenario *scenario)
{
	return save(memory, scenario, NEWER, NULL) == CAIRN_OK &&
	       find_version(memory, scenario) == NEWER;
}

static int judge_state(void *context, const struct crash_state *state);

/* The next process recovers and saves, and the power is cut again. */
static int crash_again(const struct judgement *outer, const struct crash_state *state)
{
	const struct crash_options options = {.states_max = INNER_STATES, .seed = state->number};
	struct judgement inner = *outer;

	inner.outer = false;
	inner.before = find_version(state->system, outer->scenario);
	inner.saved = NEWER;
	if (inner.before == TORN) {
		outer->tally->torn++;
		return 0;
	}
	memory_system_trace_start(state->system);
	mark(state->system, save(state->system, outer->scenario, NEWER, NULL));
	return crash_enumerate(state->system, &options, judge_state, &inner, NULL);
}

static int judge_state(void *context, const struct crash_state *state)
{
	const struct judgement *const judgement = context;
	enum version found;

	if (judgement->outer)
		return crash_again(judgement, state);
	found = find_version(state->system, judgement->scenario);
	count_verdict(judgement, found, state->marker);
	judgement->tally->orphans += sweep(state->system);
	if (found != TORN && find_version(state->system, judgement->scenario) != found)
		judgement->tally->neither++;
	if (state->number % 8 == 0 && judgement->scenario->kind != SAMPLE_DIRECT &&
	    !can_save(state->system, judgement->scenario))
		judgement->tally->lost++;
	if (!memory_system_is_clean(state->system))
		fail(judgement->scenario->name, "something is leaked");
	return 0;
}

/* ----------------------------------------------------------------------------------- scenarios */

static struct memory_system *set_scene(const struct scenario *scenario)
{
	struct memory_system *const memory = make_folder();

	if (scenario->replaces)
		memory_system_add_file(memory, TARGET, contents[OLD], content_size);
	if (scenario->has_orphan) /* part of what it wanted to be */
		memory_system_add_file(memory, ORPHAN, contents[NEWER], content_size / 2);
	return memory;
}

static void run_traced(struct memory_system *memory, const struct scenario *scenario)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_SYNC, .at = scenario->failing_sync, .error = EIO};
	const enum cairn_status expected = scenario->failing_sync == 0   ? CAIRN_OK
					   : scenario->failing_sync == 3 ? CAIRN_IN_DOUBT
									 : CAIRN_IO;
	struct cairn_error error = {0};
	enum cairn_status status;

	memory_system_trace_start(memory);
	memory_system_set_fault(memory, 0, &fault);
	status = save(memory, scenario, NEW, &error);
	memory_system_clear_faults(memory);
	mark(memory, status);
	if (status != expected)
		fail(scenario->name, error.message);
}

static struct tally run_scenario(const struct scenario *scenario, bool is_long)
{
	const struct crash_options options = {
		.states_max = is_long ? scenario->states_long : scenario->states,
		.samples_per_point = is_long ? 16384 : 2048,
		.sectors = scenario->sectors,
		.split_renames = scenario->split_renames,
	};
	struct tally tally = {0};
	struct judgement judgement = {
		.scenario = scenario,
		.before = scenario->replaces ? OLD : ABSENT,
		.saved = NEW,
		.outer = scenario->recovers,
		.tally = &tally,
	};
	struct crash_counts counts = {0};
	struct memory_system *memory;

	make_contents(scenario);
	memory = set_scene(scenario);
	run_traced(memory, scenario);
	if (crash_enumerate(memory, &options, judge_state, &judgement, &counts) != 0)
		fail(scenario->name, "the enumeration ended early");
	memory_system_destroy(memory);
	free_contents();
	tally_print(scenario->name, &counts, &tally);
	return tally;
}

int main(int argc, char **argv)
{
	const bool is_long = argc == 2 && strcmp(argv[1], "--long") == 0;
	struct tally total = {0};

	if (argc > 2 || (argc == 2 && !is_long)) {
		fprintf(stderr, "usage: crash_states [--long]\n");
		return 2;
	}
	for (size_t i = 0; i < COUNT(scenarios); i++) {
		const struct tally tally = run_scenario(&scenarios[i], is_long);

		tally_add(&total, &tally);
	}
	sharded_scenarios_run(is_long, &total);
	prefix_scenarios_run(is_long, &total);
	manager_scenarios_run(is_long, &total);
	saver_scenarios_run(is_long, &total);
	if (total.orphans != 0)
		printf("orphans %" PRIu64 "\n", total.orphans);
	printf("states %" PRIu64 ", torn %" PRIu64 ", lost %" PRIu64 ", neither %" PRIu64 "\n",
	       total.states, total.torn, total.lost, total.neither);
	return total.torn + total.lost + total.neither + total.orphans == 0 ? EXIT_SUCCESS
									    : EXIT_FAILURE;
}
