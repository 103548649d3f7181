/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call fails while a TensorFlow checkpoint is opened, read and verified: each in turn, once
 * and for ever. The result is an error or right data, nothing is leaked, the checkpoint is not
 * blamed for what the system did, and an error is not remembered.
 */
#include <errno.h>
#include <string.h>

#include <cairn/verify.h>

#include "engine/read/reader.h"
#include "format/crc32c.h"
#include "tests/support/bundle_files.h"
#include "tests/support/safetensors_files.h"
#include "tests/support/suite.h"

static const struct {
	const char *name;
	enum cairn_transport transport;
	int resident;
} scenarios[] = {
	{"mapped", CAIRN_TRANSPORT_AUTO, 1},
	{"mapped, not in memory", CAIRN_TRANSPORT_AUTO, 0},
	{"copied", CAIRN_TRANSPORT_COPY, 1},
};

static const int errors[] = {EIO, ENOMEM, EMFILE, EACCES, ESTALE};

static const char *const texts[] = {"hello", "", "x01"};

static struct bundle_files files;
static int32_t numbers[40000];

/* big, in the mapping's large pieces; part, in two slices and data files; words. */
static void make_files(void)
{
	static const uint64_t many = COUNT_OF(numbers);
	static const uint64_t shape[] = {2, 3};
	static const uint64_t rows[][4] = {{0, 1, 0, CAIRN_FULL}, {1, 1, 0, CAIRN_FULL}};
	uint32_t tensor;

	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		numbers[i] = (int32_t)i;
	bundle_files_init(&files, 2);
	bundle_files_add(&files, "big", CAIRN_I32, 1, &many, numbers, sizeof(numbers));
	bundle_files_add_values(&files, "words", CAIRN_STRING, texts, COUNT_OF(texts));
	tensor = bundle_files_tensor(&files, "part", CAIRN_I32, 2, shape);
	for (uint32_t i = 0; i < 2; i++)
		bundle_files_piece(&files, tensor, rows[i], i, numbers + 3 * i, 12,
				   crc32c_extend(0, numbers + 3 * i, 12));
}

static enum cairn_status open_checkpoint(const struct world *world, int scenario,
					 struct cairn_reader **reader, struct cairn_error *error)
{
	const struct cairn_reader_options options = {.transport = scenarios[scenario].transport};

	return world_open_reader(world, "m", &options, reader, error);
}

/* The bytes of a tensor are these: MISMATCH when they are not, which the library does not return
 * here. */
static enum cairn_status compare(const struct cairn_reader *reader, const char *name,
				 const void *expected, uint64_t skipped, uint64_t size,
				 struct cairn_error *error)
{
	struct cairn_tensor tensor;
	struct cairn_view view;
	enum cairn_status status = cairn_reader_find(reader, name, &tensor, error);

	if (status == CAIRN_OK)
		status = cairn_tensor_view(&tensor, &view, error);
	if (status != CAIRN_OK)
		return status;
	if (view.size != skipped + size ||
	    memcmp((const uint8_t *)view.data + skipped, expected, size) != 0)
		status = CAIRN_MISMATCH;
	cairn_view_release(&view);
	return status;
}

static enum cairn_status use(const struct cairn_reader *reader, struct cairn_error *error)
{
	struct cairn_verify_report report = {0};
	enum cairn_status status;

	if ((status = compare(reader, "part", numbers, 0, 24, error)) != CAIRN_OK ||
	    (status = compare(reader, "words", "hellox01", 24, 8, error)) != CAIRN_OK ||
	    (status = compare(reader, "big", numbers, 0, sizeof(numbers), error)) != CAIRN_OK ||
	    (status = cairn_reader_verify(reader, NULL, &report, error)) != CAIRN_OK)
		return status;
	return report.problem_count == 0 ? CAIRN_OK : CAIRN_MISMATCH;
}

static struct world begin_world(int scenario)
{
	struct world world = world_open(1);

	memory_system_settings(world.memory)->resident = scenarios[scenario].resident;
	bundle_files_write(&files, &world, "m");
	return world;
}

/* False when there is no such call any more. */
static bool try_fault(int scenario, const struct memory_fault *fault)
{
	struct world world = begin_world(scenario);
	struct cairn_reader *reader = NULL;
	struct cairn_error error = {0};
	enum cairn_status status;
	bool fired;

	memory_system_set_fault(world.memory, 0, fault);
	status = open_checkpoint(&world, scenario, &reader, &error);
	if (status == CAIRN_OK)
		status = use(reader, &error);
	fired = memory_system_fault_fired(world.memory, 0) != 0;
	memory_system_clear_faults(world.memory);
	ck_assert_msg(status != CAIRN_MISMATCH && status != CAIRN_CORRUPT &&
			      status != CAIRN_CHECKSUM && status != CAIRN_TRUNCATED,
		      "%s, %s %u, error %d: %s %s", scenarios[scenario].name,
		      memory_call_name(fault->call), (unsigned int)fault->at, fault->error,
		      cairn_status_name(status), error.message);
	if (fault->call == MEMORY_CALL_ALLOCATE && status != CAIRN_OK)
		ck_assert_int_eq(status, CAIRN_NO_MEMORY);
	if (reader == NULL)
		ASSERT_OK(open_checkpoint(&world, scenario, &reader, &test_error));
	ASSERT_OK(use(reader, &test_error));
	cairn_reader_close(reader);
	world_close(&world);
	return fired;
}

/* Loop index: scenario and kind of call. */
START_TEST(every_call_fails)
{
	const enum memory_call call = (enum memory_call)(_i % MEMORY_CALL_KINDS);
	const bool is_allocation = call == MEMORY_CALL_ALLOCATE;
	bool is_there = true;

	make_files();
	for (uint64_t at = 1; is_there; at++) {
		for (size_t i = 0; i < COUNT_OF(errors); i++) {
			struct memory_fault fault = {.call = call, .at = at, .error = errors[i]};

			if (is_allocation && errors[i] != ENOMEM)
				continue;
			is_there = try_fault(_i / MEMORY_CALL_KINDS, &fault);
			fault.forever = true;
			(void)try_fault(_i / MEMORY_CALL_KINDS, &fault);
		}
	}
}
END_TEST

static Suite *faults_tensorflow_suite(void)
{
	Suite *suite = suite_create("faults_tensorflow");
	TCase *tests = tcase_create("faults_tensorflow");

	tcase_add_loop_test(tests, every_call_fails, 0,
			    (int)COUNT_OF(scenarios) * MEMORY_CALL_KINDS);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(faults_tensorflow_suite());
}
