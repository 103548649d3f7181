/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call of a save fails: each in turn, once and for ever, with each error that the system may
 * have, and with a second failure in the clean-up after the first.
 *
 * Whatever happens, the result is an error or success. Success: the new file is there, bit for bit,
 * and its fsync, its rename and the folder's fsync went well in this order. An error: the old file
 * is there, bit for bit, or none as before. IN_DOUBT: only when the last fsync failed, and one of
 * the two. Nothing is leaked, and no temporary file stays, unless the very call that should remove
 * it failed; then the next writer does it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "engine/write/draft.h"
#include "engine/write/writer.h"
#include "tests/support/sample_model.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FOLDER "folder"
#define TARGET "folder/model.cairn"
#define SOURCE "folder/source.cairn"
#define ORPHAN "folder/.cairn-tmp-00112233445566778899aabbccddeeff"

/* Files of the samples are not larger. */
#define CONTENT_MAX ((size_t)9 << 20)

struct scenario {
	const char *name;
	enum sample_kind kind;
	bool replaces;
	bool copies; /* tensors of another file */
	bool has_orphan;
	bool is_direct;
};

static const struct scenario scenarios[] = {
	{"a new file", SAMPLE_TINY, false, false, false, false},
	{"a replacement", SAMPLE_TINY, true, false, false, false},
	{"a new file of everything", SAMPLE_FULL, false, false, false, false},
	{"a copy", SAMPLE_FULL, true, true, false, false},
	{"a new file beside a dead draft", SAMPLE_TINY, false, false, true, false},
	{"a replacement with O_DIRECT", SAMPLE_DIRECT, true, false, false, true},
};

static const int errors[] = {EIO,    ENOSPC, EDQUOT, EMFILE,     ENOMEM,      EACCES, EROFS,
			     ESTALE, ENOSYS, EINVAL, EOPNOTSUPP, EWOULDBLOCK, ENOLCK, EEXIST};
static const int direct_errors[] = {EIO, ENOSPC, EINVAL, EOPNOTSUPP};

/* ---------------------------------------------------------------------------------------- world */

struct content {
	uint8_t *bytes; /* owned */
	int64_t size;
};

static struct memory_system *memory;
static struct system *sys;
static const struct scenario *scenario;
static struct cairn_reader *source; /* of a copy */
static struct content old;
static struct content new;
static struct content copied; /* what is copied */
static uint64_t cases;

static struct sample sample_of(uint8_t seed)
{
	return (struct sample){scenario->kind, seed};
}

static struct content take_content(const char *path)
{
	struct content content = {.size = memory_system_content(memory, path, NULL, 0)};

	if (content.size < 0)
		return content;
	content.bytes = malloc((size_t)content.size);
	ck_assert_ptr_nonnull(content.bytes);
	memory_system_content(memory, path, content.bytes, (size_t)content.size);
	return content;
}

static void add_content(const char *path, const struct content *content)
{
	ck_assert_int_eq(
		memory_system_add_file(memory, path, content->bytes, (size_t)content->size), 0);
}

static void begin_world(void)
{
	memory = memory_system_create();
	sys = memory_system_get(memory);
	memory_system_settings(memory)->threads_inline = true;
	ck_assert_int_eq(memory_system_add_directory(memory, FOLDER), 0);
	if (scenario->replaces && old.bytes != NULL)
		add_content(TARGET, &old);
	if (scenario->copies && copied.bytes != NULL) {
		add_content(SOURCE, &copied);
		ck_assert_int_eq(reader_open_path(sys, SOURCE, NULL, &source, NULL), CAIRN_OK);
	}
	if (scenario->has_orphan)
		ck_assert_int_eq(memory_system_add_file(memory, ORPHAN, "torn", 4), 0);
	memory_system_clear_faults(memory);
	memory_system_trace_start(memory);
}

static void end_world(void)
{
	memory_system_clear_faults(memory);
	cairn_reader_close(source);
	source = NULL;
	memory_system_destroy(memory);
	memory = NULL;
}

/* ------------------------------------------------------------------------------------- one save */

static uint32_t writer_flags(void)
{
	return scenario->replaces ? (uint32_t)CAIRN_WRITER_REPLACE : 0;
}

static enum cairn_status add_from_source(struct cairn_writer *writer)
{
	const struct cairn_string own_name = {NULL, 0};
	struct cairn_tensor tensor;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < cairn_reader_tensor_count(source) && status == CAIRN_OK; i++) {
		status = cairn_reader_tensor_at(source, i, &tensor, NULL);
		if (status == CAIRN_OK)
			status = cairn_writer_add_tensor(writer, own_name, &tensor, NULL);
	}
	for (uint64_t i = 0; i < cairn_reader_metadata_count(source) && status == CAIRN_OK; i++) {
		status = cairn_reader_metadata_at(source, i, &tensor, NULL);
		if (status == CAIRN_OK)
			status = cairn_writer_copy_metadata(writer, &tensor, NULL);
	}
	return status;
}

static enum cairn_status copy_source(struct cairn_error *error)
{
	const struct cairn_writer_options options = {
		.flags = writer_flags(), .chunk_size = 65536, .generation = 2};
	struct cairn_writer *writer = NULL;
	enum cairn_status status;

	status = writer_create(sys, TARGET, &options, &writer, error);
	if (status == CAIRN_OK)
		status = add_from_source(writer);
	if (status == CAIRN_OK)
		status = cairn_writer_finish(writer, error);
	cairn_writer_destroy(writer);
	return status;
}

static enum cairn_status save(struct cairn_error *error)
{
	const struct sample sample = sample_of(2);

	if (scenario->copies)
		return copy_source(error);
	return sample_write(sys, TARGET, &sample, writer_flags(), error);
}

/* What saves of both versions leave behind when nothing fails. */
static void set_up_contents(void)
{
	const struct sample first = sample_of(1);
	const struct sample second = sample_of(2);

	begin_world();
	ck_assert_int_eq(sample_write(sys, TARGET, &first, 0, NULL), CAIRN_OK);
	old = take_content(TARGET);
	ck_assert_int_eq(sample_write(sys, TARGET, &second, CAIRN_WRITER_REPLACE, NULL), CAIRN_OK);
	copied = take_content(TARGET);
	end_world();
	begin_world();
	ck_assert_int_eq(save(NULL), CAIRN_OK);
	new = take_content(TARGET);
	ck_assert_uint_le((size_t) new.size, CONTENT_MAX);
	end_world();
}

static void tear_down_contents(void)
{
	printf("%s: %u cases\n", scenario->name, (unsigned int)cases);
	fflush(stdout);
	cases = 0;
	free(old.bytes);
	free(new.bytes);
	free(copied.bytes);
	old = new = copied = (struct content){0};
}

/* -------------------------------------------------------------------------------------- judging */

/* What the trace says about the three steps of publishing. */
struct steps {
	bool file_synced; /* before the rename */
	bool file_failed; /* its fsync */
	bool renamed;
	bool folder_synced; /* after the rename */
	bool folder_failed;
};

static uint64_t folder_inode(void)
{
	struct system_status status = {0};

	ck_assert_int_eq(system_status_at(sys, SYSTEM_CWD, FOLDER, true, &status), 0);
	return status.inode;
}

static struct steps read_trace(void)
{
	const struct memory_trace *const trace = memory_system_trace(memory);
	const uint64_t folder = folder_inode();
	struct steps steps = {0};

	for (size_t i = 0; i < trace->count; i++) {
		const struct memory_trace_op *const op = &trace->ops[i];
		const bool of_folder = op->inode == folder;

		if (op->kind == MEMORY_TRACE_RENAME)
			steps.renamed = true;
		else if (op->kind == MEMORY_TRACE_SYNC && !of_folder && !steps.renamed)
			steps.file_synced = true;
		else if (op->kind == MEMORY_TRACE_SYNC && of_folder && steps.renamed)
			steps.folder_synced = true;
		else if (op->kind == MEMORY_TRACE_SYNC_FAILED && !of_folder)
			steps.file_failed = true;
		else if (op->kind == MEMORY_TRACE_SYNC_FAILED && steps.renamed)
			steps.folder_failed = true;
	}
	return steps;
}

static bool target_is(const struct content *content)
{
	static uint8_t bytes[CONTENT_MAX];
	const int64_t size = memory_system_content(memory, TARGET, bytes, sizeof(bytes));

	if (content->bytes == NULL)
		return size == -ENOENT;
	return size == content->size && memcmp(bytes, content->bytes, (size_t)size) == 0;
}

static bool target_is_old(void)
{
	static const struct content nothing = {0};

	return target_is(scenario->replaces ? &old : &nothing);
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

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(system_list(sys, fd, count_temporary, &count), 0);
	system_close(sys, fd);
	return count;
}

/* What the next writer of the folder does before anything else. */
static void sweep(void)
{
	struct cairn_writer *writer = NULL;

	ck_assert_int_eq(writer_create(sys, FOLDER "/another", NULL, &writer, NULL), CAIRN_OK);
	cairn_writer_destroy(writer);
}

/* A call of that kind did not do what it should have. */
static bool has_failed(const struct memory_fault *faults, enum memory_call call)
{
	for (uint32_t i = 0; i < 2; i++) {
		if (memory_system_fault_fired(memory, i) != 0 &&
		    (faults[i].call == call || faults[i].call == MEMORY_CALL_ANY))
			return true;
	}
	return false;
}

/* Leftovers have an excuse. */
static bool may_leave_temporary(const struct memory_fault *faults)
{
	return has_failed(faults, MEMORY_CALL_UNLINK) || scenario->has_orphan ||
	       (faults[0].call == MEMORY_CALL_CREATE &&
		faults[0].effect == MEMORY_FAULT_ERROR_AFTER);
}

/* The rename was carried out, and reported as failed. */
static bool renamed_behind_our_back(const struct memory_fault *faults)
{
	return faults[0].call == MEMORY_CALL_RENAME && faults[0].effect == MEMORY_FAULT_ERROR_AFTER;
}

static const char *describe(const struct memory_fault *faults)
{
	static char text[200];
	const char *const second = faults[1].at == 0 ? "none"
				   : faults[1].call == MEMORY_CALL_ANY
					   ? "any"
					   : memory_call_name(faults[1].call);

	snprintf(text, sizeof(text), "%s, %s %u%s, effect %d, error %d; then %s %u%s",
		 scenario->name, memory_call_name(faults[0].call), (unsigned int)faults[0].at,
		 faults[0].forever ? " for ever" : "", (int)faults[0].effect, faults[0].error,
		 second, (unsigned int)faults[1].at, faults[1].forever ? " for ever" : "");
	return text;
}

static void judge_target(const struct memory_fault *faults, enum cairn_status status,
			 const struct cairn_error *error)
{
	const struct steps steps = read_trace();
	const bool is_new = target_is(&new);
	const bool is_old = target_is_old();

	ck_assert_msg(is_new || is_old, "%s: neither old nor new; %s", describe(faults),
		      cairn_status_name(status));
	if (status == CAIRN_OK)
		ck_assert_msg(is_new && steps.file_synced && steps.folder_synced &&
				      !steps.file_failed && !steps.folder_failed,
			      "%s: success, but it is not so", describe(faults));
	else if (status == CAIRN_IN_DOUBT)
		/* the fsync of the folder failed, or the look at the folder after it */
		ck_assert_msg(steps.folder_failed || steps.folder_synced,
			      "%s: in doubt without reason: %s", describe(faults), error->message);
	else
		ck_assert_msg(is_old || renamed_behind_our_back(faults),
			      "%s: %s (%s), and the old file is gone", describe(faults),
			      cairn_status_name(status), error->message);
	if (steps.folder_failed)
		ck_assert_msg(status == CAIRN_IN_DOUBT, "%s: not in doubt but %s", describe(faults),
			      cairn_status_name(status));
}

/* Runs the save with the faults in place and judges what came of it. */
static enum cairn_status try_faults(const struct memory_fault *faults, bool *fired)
{
	struct cairn_error error = {0};
	enum cairn_status status;
	struct memory_live live;
	bool may_leave;

	begin_world();
	live = memory_system_live(memory);
	memory_system_set_fault(memory, 0, &faults[0]);
	memory_system_set_fault(memory, 1, &faults[1]);
	status = save(&error);
	may_leave = may_leave_temporary(faults);
	*fired = memory_system_fault_fired(memory, faults[1].at != 0 ? 1 : 0) != 0;
	memory_system_clear_faults(memory);
	cases++;
	judge_target(faults, status, &error);
	ck_assert_msg(memory_system_live(memory).allocations == live.allocations &&
			      memory_system_live(memory).descriptors == live.descriptors &&
			      memory_system_live(memory).maps == live.maps &&
			      memory_system_live(memory).locks == 0 &&
			      memory_system_live(memory).threads == 0,
		      "%s: something is leaked", describe(faults));
	ck_assert_msg(temporary_count() == 0 || may_leave, "%s: a temporary file stays",
		      describe(faults));
	sweep();
	ck_assert_msg(temporary_count() == 0, "%s: a temporary file cannot be swept",
		      describe(faults));
	end_world();
	return status;
}

/* --------------------------------------------------------------------------------- expectations */

static bool one_of(int error, const int *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i] == error)
			return true;
	}
	return false;
}

/* Calls without which a save does as well. */
static bool must_succeed(const struct memory_fault *fault)
{
	static const int no_locks[] = {ENOSYS, EINVAL, EOPNOTSUPP, ENOLCK};
	static const int no_preallocation[] = {ENOSYS, EOPNOTSUPP};
	static const int no_no_replace[] = {ENOSYS, EINVAL};
	const bool is_once = !fault->forever && fault->effect == MEMORY_FAULT_ERROR;

	if (fault->effect == MEMORY_FAULT_SHORT_ONE || fault->effect == MEMORY_FAULT_SHORT_HALF)
		return !scenario->is_direct;
	if (fault->call == MEMORY_CALL_LOCK)
		return one_of(fault->error, no_locks, COUNT(no_locks)) ||
		       (is_once && fault->error == EWOULDBLOCK && fault->at == 1);
	if (fault->call == MEMORY_CALL_PREALLOCATE)
		return one_of(fault->error, no_preallocation, COUNT(no_preallocation));
	if (fault->call == MEMORY_CALL_RENAME)
		return is_once && !scenario->replaces &&
		       one_of(fault->error, no_no_replace, COUNT(no_no_replace));
	return fault->call == MEMORY_CALL_THREAD_START || fault->call == MEMORY_CALL_LIST ||
	       (fault->call == MEMORY_CALL_CLOSE && !scenario->copies);
}

/* The save cannot have what this call should have given. */
static bool must_fail(const struct memory_fault *fault)
{
	const bool is_error = fault->effect == MEMORY_FAULT_ERROR && fault->error == EIO;

	return is_error &&
	       (fault->call == MEMORY_CALL_PWRITE || fault->call == MEMORY_CALL_CREATE ||
		fault->call == MEMORY_CALL_RANDOM || fault->call == MEMORY_CALL_RENAME ||
		(fault->call == MEMORY_CALL_OPEN && fault->at == 1));
}

/* Whether the fault was met at all. */
static bool try_fault(const struct memory_fault *fault)
{
	const struct memory_fault faults[2] = {*fault};
	bool fired;
	const enum cairn_status status = try_faults(faults, &fired);

	ck_assert_msg(fired || status == CAIRN_OK, "%s: %s without a fault", describe(faults),
		      cairn_status_name(status));
	if (fired && must_succeed(fault))
		ck_assert_msg(status == CAIRN_OK, "%s: %s, though it could do without",
			      describe(faults), cairn_status_name(status));
	if (fired && must_fail(fault) && !scenario->has_orphan)
		ck_assert_msg(status != CAIRN_OK, "%s: success", describe(faults));
	return fired;
}

/* -------------------------------------------------------------------------------------- a sweep */

static uint64_t calls_of_a_save(enum memory_call call)
{
	uint64_t count;

	begin_world();
	ck_assert_int_eq(save(NULL), CAIRN_OK);
	count = memory_system_calls(memory, call);
	end_world();
	return count;
}

/* Each call of the kind with one error: refused, carried out and then reported as failed, and from
 * there on always refused. */
static void try_error(enum memory_call call, uint64_t at, int error)
{
	const struct memory_fault once = {.call = call, .at = at, .error = error};
	const struct memory_fault forever = {
		.call = call, .at = at, .error = error, .forever = true};
	const struct memory_fault after = {
		.call = call, .at = at, .error = error, .effect = MEMORY_FAULT_ERROR_AFTER};

	ck_assert(try_fault(&once));
	if (scenario->is_direct && error != EIO)
		return;
	ck_assert(try_fault(&forever));
	if (call != MEMORY_CALL_ALLOCATE && call != MEMORY_CALL_SYNC)
		ck_assert(try_fault(&after));
}

static void try_short_counts(enum memory_call call, uint64_t at)
{
	const struct memory_fault shorts[] = {
		{.call = call, .at = at, .effect = MEMORY_FAULT_SHORT_ONE},
		{.call = call, .at = at, .effect = MEMORY_FAULT_SHORT_HALF},
		{.call = call, .at = at, .effect = MEMORY_FAULT_SHORT_HALF, .forever = true},
		{.call = call, .at = at, .effect = MEMORY_FAULT_ZERO},
		{.call = call, .at = at, .effect = MEMORY_FAULT_ZERO, .forever = true},
	};

	if (call != MEMORY_CALL_PREAD && call != MEMORY_CALL_PWRITE)
		return;
	for (size_t i = 0; i < COUNT(shorts); i++)
		ck_assert(try_fault(&shorts[i]));
}

/* Loop index: scenario and kind of call. */
START_TEST(every_call_fails)
{
	const enum memory_call call = (enum memory_call)(_i % MEMORY_CALL_KINDS);
	uint64_t calls;

	scenario = &scenarios[_i / MEMORY_CALL_KINDS];
	set_up_contents();
	calls = call == MEMORY_CALL_ALLOCATE ? 0 : calls_of_a_save(call);
	for (uint64_t at = 1; at <= calls; at++) {
		const size_t count = scenario->is_direct ? COUNT(direct_errors) : COUNT(errors);

		for (size_t i = 0; i < count; i++)
			try_error(call, at, scenario->is_direct ? direct_errors[i] : errors[i]);
		try_short_counts(call, at);
	}
	tear_down_contents();
}
END_TEST

START_TEST(every_allocation_fails)
{
	uint64_t calls;

	scenario = &scenarios[_i];
	set_up_contents();
	calls = calls_of_a_save(MEMORY_CALL_ALLOCATE);
	ck_assert_uint_gt(calls, 3);
	for (uint64_t at = 1; at <= calls; at++)
		try_error(MEMORY_CALL_ALLOCATE, at, ENOMEM);
	tear_down_contents();
}
END_TEST

/* The second fault counts from the first on: that is how it reaches the clean-up, wherever that
 * leads. */
static void try_second_faults(const struct memory_fault *first, bool forever)
{
	bool fired = true;

	for (uint64_t at = 1; fired; at++) {
		const struct memory_fault faults[2] = {*first,
						       {.call = MEMORY_CALL_ANY,
							.at = at,
							.error = EIO,
							.forever = forever,
							.after_previous = true}};

		ck_assert_uint_lt(at, 1000);
		try_faults(faults, &fired);
	}
}

START_TEST(a_second_call_fails_after_the_first)
{
	uint64_t calls;

	scenario = &scenarios[_i];
	set_up_contents();
	calls = calls_of_a_save(MEMORY_CALL_ANY);
	for (uint64_t at = 1; at <= calls && !scenario->is_direct; at++) {
		const struct memory_fault first = {
			.call = MEMORY_CALL_ANY, .at = at, .error = ENOSPC};

		try_second_faults(&first, false);
		try_second_faults(&first, true);
	}
	tear_down_contents();
}
END_TEST

START_TEST(a_second_call_fails_after_an_allocation)
{
	uint64_t calls;

	scenario = &scenarios[_i];
	set_up_contents();
	calls = calls_of_a_save(MEMORY_CALL_ALLOCATE);
	for (uint64_t at = 1; at <= calls && !scenario->is_direct; at++) {
		const struct memory_fault first = {.call = MEMORY_CALL_ALLOCATE, .at = at};

		try_second_faults(&first, false);
		try_second_faults(&first, true);
	}
	tear_down_contents();
}
END_TEST

/* ----------------------------------------------------------------------------- single questions */

START_TEST(a_full_disk_is_an_error_that_names_file_and_offset)
{
	const struct memory_fault full = {
		.call = MEMORY_CALL_PWRITE, .at = 2, .error = ENOSPC, .forever = true};
	struct cairn_error error = {0};

	scenario = &scenarios[1];
	set_up_contents();
	begin_world();
	memory_system_set_fault(memory, 0, &full);
	ck_assert_int_eq(save(&error), CAIRN_IO);
	ck_assert_int_eq(error.system_errno, ENOSPC);
	ck_assert_msg(strstr(error.message, "'" TARGET "': cannot write ") != NULL &&
			      strstr(error.message, "at offset 4096") != NULL,
		      "%s", error.message);
	end_world();
	tear_down_contents();
}
END_TEST

START_TEST(a_reader_of_the_old_file_keeps_it_through_a_replacement)
{
	struct cairn_reader *reader = NULL;
	const struct sample first = {SAMPLE_FULL, 1};
	const struct sample second = {SAMPLE_FULL, 2};
	struct cairn_error error = {0};

	scenario = &scenarios[2];
	begin_world();
	ck_assert_int_eq(sample_write(sys, TARGET, &first, 0, NULL), CAIRN_OK);
	ck_assert_int_eq(reader_open_path(sys, TARGET, NULL, &reader, NULL), CAIRN_OK);
	ck_assert_int_eq(sample_write(sys, TARGET, &second, CAIRN_WRITER_REPLACE, NULL), CAIRN_OK);
	ck_assert_msg(sample_compare(reader, &first, &error) == CAIRN_OK, "%s", error.message);
	ck_assert_msg(sample_verify(reader, &error) == CAIRN_OK, "%s", error.message);
	cairn_reader_close(reader);
	ck_assert(memory_system_is_clean(memory));
	end_world();
}
END_TEST

START_TEST(nothing_is_swept_where_the_folder_cannot_be_made_durable)
{
	const struct memory_fault failure = {.call = MEMORY_CALL_SYNC, .at = 1, .error = EIO};
	struct cairn_writer *writer = NULL;

	scenario = &scenarios[4];
	begin_world();
	memory_system_set_fault(memory, 0, &failure);
	ck_assert_int_eq(writer_create(sys, TARGET, NULL, &writer, NULL), CAIRN_OK);
	ck_assert(memory_system_exists(memory, ORPHAN));
	cairn_writer_destroy(writer);
	sweep();
	ck_assert(!memory_system_exists(memory, ORPHAN));
	end_world();
}
END_TEST

static Suite *faults_write_suite(void)
{
	Suite *suite = suite_create("faults_write");
	TCase *tcase = tcase_create("faults_write");
	const int scenario_count = (int)COUNT(scenarios);

	tcase_add_loop_test(tcase, every_call_fails, 0, scenario_count * MEMORY_CALL_KINDS);
	tcase_add_loop_test(tcase, every_allocation_fails, 0, scenario_count);
	tcase_add_loop_test(tcase, a_second_call_fails_after_the_first, 0, scenario_count);
	tcase_add_loop_test(tcase, a_second_call_fails_after_an_allocation, 0, scenario_count);
	tcase_add_test(tcase, a_full_disk_is_an_error_that_names_file_and_offset);
	tcase_add_test(tcase, a_reader_of_the_old_file_keeps_it_through_a_replacement);
	tcase_add_test(tcase, nothing_is_swept_where_the_folder_cannot_be_made_durable);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(faults_write_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
