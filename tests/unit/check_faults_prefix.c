/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call of a save under a TensorFlow prefix, of a merge and of a recovery fails: each in turn,
 * once and for ever, with each error that the system may have, and with a second failure in the
 * clean-up after the first.
 *
 * Success: the new version is there, and no power cut takes it away again. An error: the old one is
 * there, or nothing as before. IN_DOUBT: one of the two, at the latest after a sweep. Never is an
 * index beside data of another save, nothing is leaked, and what stays behind a sweep removes.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/write/save.h"
#include "tests/support/bundle_sample.h"
#include "tests/support/crash.h"
#include "tests/support/fault_ways.h"
#include "tests/support/prefix_sample.h"
#include "tests/support/suite.h"

#define FOLDER "folder"
#define TARGET "folder/ckpt"
#define DIGITS "00112233445566778899aabbccddeeff"
#define TRASH  FOLDER "/.cairn-trash-" DIGITS
#define DEAD   FOLDER "/.cairn-tmp-" DIGITS
#define PARTS  FOLDER "/parts"

#define PART_COUNT 2u

struct scenario {
	const char *name;
	bool has_old;
	bool is_interrupted; /* an overwriting died: the old one is in its record */
	bool sweeps;
	bool merges; /* and removes its sources */
	bool writes; /* tensors, through a writer */
};

static const struct scenario scenarios[] = {
	{"a first save", false, false, false, false, false},
	{"an overwrite", true, false, false, false, false},
	{"a save where one was interrupted", true, true, false, false, false},
	{"a recovery", true, true, true, false, false},
	{"a merge", false, false, false, true, false},
	{"a merge over an old one", true, false, false, true, false},
	{"a save of tensors", false, false, false, false, true},
	{"a save of tensors over old ones", true, false, false, false, true},
};

static const int errors[] = {EIO,    ENOSPC, EDQUOT, EMFILE,     ENOMEM,      EACCES, EROFS,
			     ESTALE, ENOSYS, EINVAL, EOPNOTSUPP, EWOULDBLOCK, ENOLCK, EEXIST};

static const struct prefix_sample old = {2, 1};
static const struct prefix_sample new = {3, 2};
static const struct prefix_sample died = {1, 3};

static const struct scenario *scenario;
static struct memory_system *memory;
static struct system *sys;
static uint64_t cases;

/* --------------------------------------------------------------------------------------- world */

static const char *part_path(uint32_t part)
{
	return part == 0 ? PARTS "/part-0" : PARTS "/part-1";
}

static enum cairn_status merge(struct cairn_error *error)
{
	const struct cairn_merge_options options = {
		.target = CAIRN_TARGET_TENSORFLOW, .replace = 1, .remove_sources = 1};
	const char *const sources[PART_COUNT] = {part_path(0), part_path(1)};

	return merge_checkpoints(sys, sources, PART_COUNT, TARGET, &options, NULL, error);
}

static void add_parts(const struct prefix_sample *sample)
{
	ck_assert_int_eq(memory_system_add_directory(memory, PARTS), 0);
	for (uint32_t i = 0; i < PART_COUNT; i++)
		bundle_put_part(sys, part_path(i), i, PART_COUNT, sample->generation);
}

static void begin_world(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	ck_assert_int_eq(memory_system_add_directory(memory, FOLDER), 0);
	if (scenario->is_interrupted) {
		ck_assert_int_eq(memory_system_add_directory(memory, TRASH), 0);
		ck_assert_int_eq(memory_system_add_directory(memory, DEAD), 0);
		prefix_put(sys, TRASH "/ckpt", &old, true);
		prefix_put(sys, DEAD "/ckpt", &died, false);
		prefix_put(sys, TARGET, &died, false);
	} else if (scenario->has_old && scenario->writes) {
		ASSERT_OK(bundle_save(sys, TARGET, PART_COUNT, old.generation, &test_error));
	} else if (scenario->has_old && !scenario->merges) {
		prefix_put(sys, TARGET, &old, true);
	} else if (scenario->has_old) {
		add_parts(&old);
		ASSERT_OK(merge(&test_error));
	}
	if (scenario->merges)
		add_parts(&new);
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
	if (scenario->merges)
		return merge(error);
	if (scenario->writes)
		return bundle_save(sys, TARGET, PART_COUNT, new.generation, error);
	return scenario->sweeps ? sweep_path(sys, FOLDER, NULL, error)
				: prefix_write(sys, TARGET, &new, true, error);
}

/* ------------------------------------------------------------------------------------- judging */

static int generation_in(struct system *system)
{
	return scenario->merges || scenario->writes ? bundle_generation(system, TARGET, PART_COUNT)
						    : prefix_generation(system, TARGET);
}

static int before(void)
{
	return scenario->has_old ? old.generation : PREFIX_ABSENT;
}

static int after(void)
{
	return scenario->sweeps ? old.generation : new.generation;
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

static int look_at_state(void *context, const struct crash_state *state)
{
	(void)context;
	return state->marker == 1 && generation_in(memory_system_get(state->system)) != after();
}

/* Success is success: what is on the disk for certain is the new version. */
static bool is_durable(void)
{
	const struct crash_options options = {.states_max = 400, .no_garbage = true};

	memory_system_mark(memory, 1);
	return crash_enumerate(memory, &options, look_at_state, NULL, NULL) == 0;
}

static void judge(const struct memory_fault *faults, enum cairn_status status,
		  const struct cairn_error *error)
{
	const int found = generation_in(sys);
	const bool may_be_absent = scenario->is_interrupted || status == CAIRN_IN_DOUBT;

	ck_assert_msg(found != PREFIX_TORN, "%s: torn; %s", describe(faults),
		      cairn_status_name(status));
	if (status == CAIRN_OK) /* nothing is swept where locks do not work, or may not */
		ck_assert_msg(found == after() || (scenario->sweeps && found == PREFIX_ABSENT),
			      "%s: success, but it is not so", describe(faults));
	else
		ck_assert_msg(found == before() || (found == PREFIX_ABSENT && may_be_absent) ||
				      (found == after() && status == CAIRN_IN_DOUBT),
			      "%s: %s (%s), and generation %d is there", describe(faults),
			      cairn_status_name(status), error->message, found);
	if (status != CAIRN_OK)
		ck_assert_msg(error->code == status && error->message[0] != '\0',
			      "%s: %s without a message, or with another code", describe(faults),
			      cairn_status_name(status));
}

static int count_temporary(void *context, const char *name)
{
	*(uint32_t *)context += strncmp(name, ".cairn-", 7) == 0;
	return 0;
}

static uint32_t temporary_names(void)
{
	const int fd = system_open(sys, SYSTEM_CWD, FOLDER, SYSTEM_WANT_DIRECTORY);
	uint32_t count = 0;

	ck_assert_int_eq(system_list(sys, fd, count_temporary, &count), 0);
	system_close(sys, fd);
	return count;
}

/* Only what the sweep in front failed to remove, or the clean-up itself. */
static bool may_leave_temporary(const struct memory_fault *faults, enum cairn_status status)
{
	return status == CAIRN_IN_DOUBT || scenario->is_interrupted || status == CAIRN_OK ||
	       faults[0].forever || faults[1].at != 0 ||
	       faults[0].effect == MEMORY_FAULT_ERROR_AFTER;
}

static void check_sweep(const struct memory_fault *faults)
{
	const int found = generation_in(sys);
	int swept;

	ASSERT_OK(sweep_path(sys, FOLDER, NULL, &test_error));
	ck_assert_msg(temporary_names() == 0, "%s: a temporary name cannot be swept",
		      describe(faults));
	swept = generation_in(sys);
	ck_assert_msg(swept == found || (found == PREFIX_ABSENT && swept == before()),
		      "%s: the sweep made %d of %d", describe(faults), swept, found);
	ck_assert_msg(swept == before() || swept == after(), "%s: %d after the sweep",
		      describe(faults), swept);
	if (!scenario->merges && !scenario->writes &&
	    (swept == old.generation || swept == new.generation))
		ck_assert_msg(prefix_data_count(sys, TARGET) ==
				      (swept == old.generation ? old.shards : new.shards),
			      "%s: data files of another save stay", describe(faults));
	if (scenario->merges && swept != new.generation) { /* then it can be done again */
		ASSERT_OK(merge(&test_error));
		ck_assert_int_eq(generation_in(sys), new.generation);
	}
	ASSERT_OK(prefix_write(sys, TARGET, &died, true, &test_error));
	ck_assert_int_eq(prefix_generation(sys, TARGET), died.generation);
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
	ck_assert_msg(live.allocations == 0 && live.descriptors == 0 && live.locks == 0,
		      "%s: something is leaked", describe(faults));
	judge(faults, status, &error);
	if (faults[0].call == MEMORY_CALL_SYNC && status == CAIRN_OK)
		ck_assert_msg(is_durable(), "%s: success after a failed fsync", describe(faults));
	ck_assert_msg(temporary_names() == 0 || may_leave_temporary(faults, status),
		      "%s: a temporary name stays; %s", describe(faults),
		      cairn_status_name(status));
	check_sweep(faults);
	end_world();
	return status;
}

static void try_fault(const struct memory_fault *fault)
{
	const struct memory_fault faults[2] = {*fault};
	bool fired;
	const enum cairn_status status = try_faults(faults, &fired);

	ck_assert_msg(fired || status == CAIRN_OK, "%s: %s without a fault", describe(faults),
		      cairn_status_name(status));
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

/* Under a sanitizer less must do. */
static bool is_slow(void)
{
	return getenv("CAIRN_SANITIZE") != NULL && getenv("CAIRN_TEST_LONG") == NULL;
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
			if (!is_slow() || (i + at) % 5 == 0)
				fault_each_way(call, at, errors[i], try_fault);
		}
	}
	if (calls != 0)
		printf("%s, %s: %u cases\n", scenario->name, memory_call_name(call),
		       (unsigned int)cases);
}
END_TEST

/* Loop index: scenario. */
START_TEST(every_allocation_fails)
{
	uint64_t calls;

	scenario = &scenarios[_i];
	calls = calls_of(MEMORY_CALL_ALLOCATE);
	for (uint64_t at = 1; at <= calls; at++)
		fault_each_way(MEMORY_CALL_ALLOCATE, at, ENOMEM, try_fault);
}
END_TEST

/* The second fault counts from the first on: that is how it reaches the clean-up. */
static void try_second_faults(const struct memory_fault *first, bool forever)
{
	const uint64_t step = getenv("CAIRN_TEST_LONG") != NULL ? 1 : is_slow() ? 11 : 2;
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

/* Loop index: scenario. */
START_TEST(a_second_call_fails_after_the_first)
{
	uint64_t calls;

	scenario = &scenarios[_i];
	calls = calls_of(MEMORY_CALL_ANY);
	for (uint64_t at = 1; at <= calls; at++) {
		const struct memory_fault first = {
			.call = MEMORY_CALL_ANY, .at = at, .error = ENOSPC};

		try_second_faults(&first, false);
		try_second_faults(&first, true);
	}
	printf("%s, twice: %u cases\n", scenario->name, (unsigned int)cases);
}
END_TEST

static Suite *faults_prefix_suite(void)
{
	Suite *const suite = suite_create("faults_prefix");
	TCase *const tcase = tcase_create("faults_prefix");

	tcase_add_loop_test(tcase, every_call_fails, 0,
			    (int)COUNT_OF(scenarios) * MEMORY_CALL_KINDS);
	tcase_add_loop_test(tcase, every_allocation_fails, 0, COUNT_OF(scenarios));
	tcase_add_loop_test(tcase, a_second_call_fails_after_the_first, 0, COUNT_OF(scenarios));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(faults_prefix_suite());
}
