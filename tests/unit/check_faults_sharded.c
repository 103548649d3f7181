/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call of a sharded save, a merge, an overwriting, a deletion and a recovery fails: each in
 * turn, once and for ever, with each error that the system may have, and with a second failure in
 * the clean-up after the first.
 *
 * Success: the new version is there, and no power cut takes it away again. An error: the old one is
 * there, or nothing as before. IN_DOUBT: one of the two. Nothing is leaked; what stays behind, a
 * sweep removes.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "tests/support/crash.h"
#include "tests/support/fault_ways.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

#define FOLDER "folder"
#define TARGET "folder/model"
#define FILE   "folder/model.cairn"
#define DEAD   "folder/.cairn-tmp-00112233445566778899aabbccddeeff"
#define STRAY  "folder/model/shard-00000-of-00009-01234567.cairn"
#define RANKS  2u

enum action {
	SAVE,
	MERGE,
	MERGE_FILE,
	RESHARD,
	REMOVE,
	SWEEP
};

struct scenario {
	const char *name;
	enum action action;
	bool has_old;
};

static const struct scenario scenarios[] = {
	{"a sharded save", SAVE, false},
	{"a sharded overwrite", SAVE, true},
	{"a merge", MERGE, false},
	{"a merge over an old one", MERGE, true},
	{"a merge into one file", MERGE_FILE, false},
	{"a merge into shards of another size", RESHARD, false},
	{"a deletion", REMOVE, true},
	{"a recovery", SWEEP, true},
};

static const int errors[] = {EIO,    ENOSPC, EDQUOT, EMFILE,     ENOMEM,      EACCES, EROFS,
			     ESTALE, ENOSYS, EINVAL, EOPNOTSUPP, EWOULDBLOCK, ENOLCK, EEXIST};

static const struct sharded_sample old = {RANKS, 1};
static const struct sharded_sample new = {RANKS, 2};

static const struct scenario *scenario;
static struct memory_system *memory;
static struct system *sys;
static uint64_t cases;

/* --------------------------------------------------------------------------------------- world */

static bool merges(void)
{
	return scenario->action == MERGE || scenario->action == MERGE_FILE ||
	       scenario->action == RESHARD;
}

static const char *part_path(uint32_t rank)
{
	return rank == 0 ? FOLDER "/part-0.cairn" : FOLDER "/part-1.cairn";
}

static void add_debris(void)
{
	memory_system_add_directory(memory, DEAD);
	memory_system_add_file(memory, DEAD "/rank-00000-attempt-00000.cairn", "torn", 4);
	memory_system_add_file(memory, STRAY, "torn", 4);
}

static void begin_world(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	memory_system_settings(memory)->threads_inline = true;
	ck_assert_int_eq(memory_system_add_directory(memory, FOLDER), 0);
	if (scenario->has_old)
		ASSERT_OK(sharded_write(sys, TARGET, &old, false, &test_error));
	for (uint32_t rank = 0; merges() && rank < RANKS; rank++)
		ASSERT_OK(sharded_write_part(sys, part_path(rank), &new, rank, &test_error));
	if (scenario->action == SWEEP)
		add_debris();
	memory_system_clear_faults(memory);
	memory_system_trace_start(memory);
}

static void end_world(void)
{
	memory_system_destroy(memory);
	memory = NULL;
}

static enum cairn_status act(struct cairn_error *error)
{
	const char *const sources[] = {part_path(0), part_path(1)};
	const struct cairn_merge_options options = {
		.replace = 1, .shard_size_max = scenario->action == RESHARD ? 96 : 0};

	switch (scenario->action) {
	case SAVE:
		return sharded_write(sys, TARGET, &new, true, error);
	case MERGE:
	case RESHARD:
		return merge_checkpoints(sys, sources, RANKS, TARGET, &options, NULL, error);
	case MERGE_FILE:
		return merge_checkpoints(sys, sources, RANKS, FILE, &options, NULL, error);
	case REMOVE:
		return remove_path(sys, TARGET, error);
	case SWEEP:
		return sweep_path(sys, FOLDER, NULL, error);
	}
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- judging */

static bool holds(struct system *system, const struct sharded_sample *sample)
{
	const char *const path = scenario->action == MERGE_FILE ? FILE : TARGET;

	return sharded_check(system, path, sample, NULL) == CAIRN_OK;
}

static bool is_before(struct system *system)
{
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	if (scenario->has_old)
		return holds(system, &old);
	status = reader_open_path(system, TARGET, NULL, &reader, NULL);
	cairn_reader_close(reader);
	return status == CAIRN_NOT_FOUND;
}

static bool is_after(struct system *system)
{
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	if (scenario->action == SWEEP)
		return holds(system, &old);
	if (scenario->action != REMOVE)
		return holds(system, &new);
	status = reader_open_path(system, TARGET, NULL, &reader, NULL);
	cairn_reader_close(reader);
	return status == CAIRN_NOT_FOUND;
}

static const char *describe(const struct memory_fault *faults)
{
	static char text[200];
	const char *names[2];

	for (int i = 0; i < 2; i++)
		names[i] = faults[i].at == 0                   ? "none"
			   : faults[i].call == MEMORY_CALL_ANY ? "any"
							       : memory_call_name(faults[i].call);
	snprintf(text, sizeof(text), "%s, %s %u%s, effect %d, error %d; then %s %u%s",
		 scenario->name, names[0], (unsigned int)faults[0].at,
		 faults[0].forever ? " for ever" : "", (int)faults[0].effect, faults[0].error,
		 names[1], (unsigned int)faults[1].at, faults[1].forever ? " for ever" : "");
	return text;
}

/* The rename or link was carried out, and reported as failed. */
static bool happened_behind_our_back(const struct memory_fault *fault)
{
	return fault->call == MEMORY_CALL_RENAME && fault->effect == MEMORY_FAULT_ERROR_AFTER;
}

static int look_at_state(void *context, const struct crash_state *state)
{
	const bool is_right = is_after(state->system ? memory_system_get(state->system) : NULL);

	*(bool *)context = is_right;
	return state->marker == 1 && !is_right;
}

/* Success is success: what is on the disk for certain is the new version. */
static bool is_durable(void)
{
	const struct crash_options options = {.states_max = 400, .no_garbage = true};
	bool is_right = false;

	memory_system_mark(memory, 1);
	return crash_enumerate(memory, &options, look_at_state, &is_right, NULL) == 0;
}

static void judge(const struct memory_fault *faults, enum cairn_status status,
		  const struct cairn_error *error)
{
	const bool before = is_before(sys);
	const bool after = is_after(sys);

	ck_assert_msg(before || after, "%s: neither old nor new; %s", describe(faults),
		      cairn_status_name(status));
	if (status == CAIRN_OK)
		ck_assert_msg(after, "%s: success, but it is not so", describe(faults));
	else if (status != CAIRN_IN_DOUBT)
		ck_assert_msg(before || happened_behind_our_back(&faults[0]),
			      "%s: %s (%s), and the old one is gone", describe(faults),
			      cairn_status_name(status), error->message);
	if (status != CAIRN_OK)
		ck_assert_msg(error->code == status && error->message[0] != '\0',
			      "%s: %s without a message, or with another code", describe(faults),
			      cairn_status_name(status));
	for (uint32_t rank = 0; merges() && rank < RANKS; rank++)
		ck_assert_msg(memory_system_exists(memory, part_path(rank)), "%s: a source is gone",
			      describe(faults));
}

struct count {
	bool temporary_only;
	uint32_t count;
};

static int count_entry(void *context, const char *name)
{
	struct count *const count = context;

	if (!count->temporary_only || strncmp(name, ".cairn-", 7) == 0)
		count->count++;
	return 0;
}

static uint32_t entries(const char *path, bool temporary_only)
{
	const int fd = system_open(sys, SYSTEM_CWD, path, SYSTEM_WANT_DIRECTORY);
	struct count count = {temporary_only, 0};

	if (fd < 0)
		return 0;
	ck_assert_int_eq(system_list(sys, fd, count_entry, &count), 0);
	system_close(sys, fd);
	return count.count;
}

/* Calls that the clean-up needs itself, or that did more than they said. */
static bool may_leave_temporary(const struct memory_fault *faults, enum cairn_status status)
{
	const enum memory_call call = faults[0].call;

	return status == CAIRN_IN_DOUBT || scenario->action == REMOVE ||
	       scenario->action == SWEEP || faults[1].at != 0 || call == MEMORY_CALL_UNLINK ||
	       call == MEMORY_CALL_REMOVE_DIRECTORY || call == MEMORY_CALL_LIST ||
	       call == MEMORY_CALL_OPEN || call == MEMORY_CALL_ANY ||
	       faults[0].effect == MEMORY_FAULT_ERROR_AFTER;
}

static void check_sweep(const struct memory_fault *faults)
{
	struct cairn_reader *reader = NULL;
	const bool before = is_before(sys);
	uint32_t needed = 0;

	ASSERT_OK(sweep_path(sys, FOLDER, NULL, &test_error));
	ck_assert_msg(entries(FOLDER, true) == 0, "%s: a temporary name cannot be swept",
		      describe(faults));
	if (reader_open_path(sys, TARGET "/", NULL, &reader, NULL) == CAIRN_OK)
		needed = reader->file_count;
	cairn_reader_close(reader);
	ck_assert_msg(entries(TARGET, false) == needed, "%s: %u files for %u shards",
		      describe(faults), entries(TARGET, false), needed);
	ck_assert_msg(is_before(sys) == before, "%s: the sweep changed something",
		      describe(faults));
}

/* Runs the action with the faults in place and judges what came of it. */
static enum cairn_status try_faults(const struct memory_fault *faults, bool *fired)
{
	struct cairn_error error = {0};
	struct memory_live live;
	enum cairn_status status;

	begin_world();
	memory_system_set_fault(memory, 0, &faults[0]);
	memory_system_set_fault(memory, 1, &faults[1]);
	status = act(&error);
	*fired = memory_system_fault_fired(memory, faults[1].at != 0 ? 1 : 0) != 0;
	memory_system_clear_faults(memory);
	cases++;
	live = memory_system_live(memory);
	ck_assert_msg(live.allocations == 0 && live.descriptors == 0 && live.maps == 0 &&
			      live.locks == 0 && live.threads == 0,
		      "%s: something is leaked", describe(faults));
	judge(faults, status, &error);
	if (faults[0].call == MEMORY_CALL_SYNC && status == CAIRN_OK)
		ck_assert_msg(is_durable(), "%s: success after a failed fsync", describe(faults));
	ck_assert_msg(entries(FOLDER, true) == 0 || may_leave_temporary(faults, status),
		      "%s: a temporary name stays", describe(faults));
	check_sweep(faults);
	end_world();
	return status;
}

static bool try_fault(const struct memory_fault *fault)
{
	const struct memory_fault faults[2] = {*fault};
	bool fired;
	const enum cairn_status status = try_faults(faults, &fired);

	ck_assert_msg(fired || status == CAIRN_OK, "%s: %s without a fault", describe(faults),
		      cairn_status_name(status));
	return fired;
}

/* ------------------------------------------------------------------------------------- a sweep */

static uint64_t calls_of(enum memory_call call)
{
	uint64_t count;

	begin_world();
	ASSERT_OK(act(&test_error));
	count = memory_system_calls(memory, call);
	end_world();
	return count;
}

static void attempt(const struct memory_fault *fault)
{
	(void)try_fault(fault);
}

static void try_short_counts(enum memory_call call, uint64_t at)
{
	static const enum memory_fault_effect effects[] = {
		MEMORY_FAULT_SHORT_ONE, MEMORY_FAULT_SHORT_HALF, MEMORY_FAULT_ZERO};

	for (size_t i = 0; i < COUNT_OF(effects); i++) {
		const struct memory_fault once = {.call = call, .at = at, .effect = effects[i]};

		try_fault(&once);
	}
}

/* Under a sanitizer less must do. */
static bool is_slow(void)
{
	return getenv("CAIRN_SANITIZE") != NULL && getenv("CAIRN_TEST_LONG") == NULL;
}

/* Calls of which there are many, and which do not change anything, fail with some errors only. */
static bool wants_all_errors(enum memory_call call)
{
	if (is_slow())
		return false;
	return call == MEMORY_CALL_SYNC || call == MEMORY_CALL_RENAME || call == MEMORY_CALL_LINK ||
	       call == MEMORY_CALL_LOCK || call == MEMORY_CALL_MAKE_DIRECTORY ||
	       call == MEMORY_CALL_CREATE || getenv("CAIRN_TEST_LONG") != NULL;
}

/* Loop index: scenario and kind of call. */
START_TEST(every_call_fails)
{
	const enum memory_call call = (enum memory_call)(_i % MEMORY_CALL_KINDS);
	uint64_t calls;

	scenario = &scenarios[_i / MEMORY_CALL_KINDS];
	calls = call == MEMORY_CALL_ALLOCATE ? 0 : calls_of(call);
	for (uint64_t at = 1; at <= calls; at++) {
		for (size_t i = 0; i < COUNT_OF(errors); i++) {
			if (wants_all_errors(call) || (i + at) % (is_slow() ? 15 : 5) == 0)
				fault_each_way(call, at, errors[i], attempt);
		}
		if (call == MEMORY_CALL_PREAD || call == MEMORY_CALL_PWRITE)
			try_short_counts(call, at);
	}
	if (calls != 0)
		printf("%s, %s: %u cases\n", scenario->name, memory_call_name(call),
		       (unsigned int)cases);
}
END_TEST

START_TEST(every_allocation_fails)
{
	uint64_t calls;

	scenario = &scenarios[_i];
	calls = calls_of(MEMORY_CALL_ALLOCATE);
	ck_assert_uint_gt(calls, 3);
	for (uint64_t at = 1; at <= calls; at++)
		fault_each_way(MEMORY_CALL_ALLOCATE, at, ENOMEM, attempt);
	printf("%s, allocations: %u cases\n", scenario->name, (unsigned int)cases);
}
END_TEST

/* The second fault counts from the first on: that is how it reaches the clean-up. */
static void try_second_faults(const struct memory_fault *first, bool forever)
{
	const uint64_t step = getenv("CAIRN_TEST_LONG") != NULL ? 1 : is_slow() ? 11 : 3;
	bool fired = true;

	for (uint64_t at = 1 + first->at % step; fired; at += step) {
		const struct memory_fault faults[2] = {*first,
						       {.call = MEMORY_CALL_ANY,
							.at = at,
							.error = EIO,
							.forever = forever,
							.after_previous = true}};

		ck_assert_uint_lt(at, 2000);
		try_faults(faults, &fired);
	}
}

/* Loop index: scenario. What follows the first failure is short, unless the call could do without:
 * then the rest of the action is swept once more. */
START_TEST(a_second_call_fails_after_the_first)
{
	uint64_t calls;

	scenario = &scenarios[_i];
	calls = calls_of(MEMORY_CALL_ANY);
	for (uint64_t at = 1; at <= calls; at++) {
		const struct memory_fault first = {
			.call = MEMORY_CALL_ANY, .at = at, .error = ENOSPC};
		const struct memory_fault faults[2] = {first};
		bool fired;

		if (try_faults(faults, &fired) == CAIRN_OK && at % 16 != 0)
			continue;
		try_second_faults(&first, at % 2 == 0);
	}
	printf("%s, twice: %u cases\n", scenario->name, (unsigned int)cases);
}
END_TEST

static Suite *faults_sharded_suite(void)
{
	Suite *const suite = suite_create("faults_sharded");
	TCase *const tcase = tcase_create("faults_sharded");

	tcase_add_loop_test(tcase, every_call_fails, 0,
			    (int)COUNT_OF(scenarios) * MEMORY_CALL_KINDS);
	tcase_add_loop_test(tcase, every_allocation_fails, 0, COUNT_OF(scenarios));
	tcase_add_loop_test(tcase, a_second_call_fails_after_the_first, 0, COUNT_OF(scenarios));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(faults_sharded_suite());
}
