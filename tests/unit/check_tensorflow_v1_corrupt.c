/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow V1 checkpoints that are refused, damaged ones, and systems whose calls fail: every
 * bit, every truncation, every byte under checksums that fit, every call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cairn/verify.h>

#include "engine/read/reader.h"
#include "tests/support/suite.h"
#include "tests/support/v1_files.h"

/* Numbers of types and of fields that hold their values. */
enum {
	TF_FLOAT = 1,
	TF_INT32 = 3,
	FLOAT_VAL = 5,
	INT_VAL = 7
};

static struct v1_file file;
static const uint64_t full[] = {0, CAIRN_FULL, 0, CAIRN_FULL};

static void assert_refused(const struct world *world, const char *path, enum cairn_status code,
			   const char *message)
{
	struct cairn_reader *reader = NULL;

	ASSERT_FAILS(world_open_reader(world, path, NULL, &reader, &test_error), code, message);
}

/* Writes the file and asserts that it is refused. */
static void write_refused(const struct world *world, enum cairn_status code, const char *message)
{
	v1_file_write(&file, world, "m");
	v1_file_free(&file);
	assert_refused(world, "m", code, message);
}

/* -------------------------------------------------------------------------------------- refused */

/* A float vector of three elements whose message says four values. */
START_TEST(other_numbers_of_values_are_refused)
{
	uint8_t bytes[64];
	struct v1_message_bytes values = {bytes, 0, sizeof(bytes)};
	struct world world = world_open(1);

	v1_put_bytes(&values, FLOAT_VAL, v1_floats, sizeof(v1_floats));
	v1_file_init(&file);
	v1_file_vector(&file, "w", TF_FLOAT, 3, bytes, values.size);
	write_refused(&world, CAIRN_CORRUPT, "tensor 'w': 4 values for 3 elements");
	v1_file_init(&file);
	v1_file_vector(&file, "w", TF_FLOAT, 5, bytes, values.size);
	write_refused(&world, CAIRN_CORRUPT, "tensor 'w': 4 values for 5 elements");
	v1_file_init(&file);
	v1_file_vector(&file, "w", TF_INT32, 4, bytes, values.size); /* in another type's field */
	write_refused(&world, CAIRN_CORRUPT, "tensor 'w': 0 values for 4 elements");
	values.size = 0;
	v1_put_bytes(&values, FLOAT_VAL, v1_floats, 15);
	v1_file_init(&file);
	v1_file_vector(&file, "w", TF_FLOAT, 3, bytes, values.size);
	write_refused(&world, CAIRN_CORRUPT, "tensor 'w': its values");
	world_close(&world);
}
END_TEST

START_TEST(types_that_the_format_does_not_have_are_refused)
{
	struct world world = world_open(1);

	v1_file_init(&file);
	v1_file_vector(&file, "w", 29, 1, "", 0);
	write_refused(&world, CAIRN_UNSUPPORTED, "tensor 'w': values of type int4");
	v1_file_init(&file);
	v1_file_vector(&file, "w", 0, 1, "", 0);
	write_refused(&world, CAIRN_CORRUPT, "tensor 'w': it has no type");
	world_close(&world);
}
END_TEST

START_TEST(entries_and_slices_must_match)
{
	static const uint64_t two[] = {0, 1, 0, 1};
	static const uint64_t count = 2;
	struct world world = world_open(1);

	v1_file_init(&file);
	v1_file_tensor(&file, "w", TF_FLOAT, 1, &count, 1, full);
	write_refused(&world, CAIRN_CORRUPT, "tensor 'w': one of its slices has no entry");
	v1_file_init(&file);
	v1_file_values(&file, "w", 1, full, "", 0);
	write_refused(&world, CAIRN_CORRUPT, "belongs to no slice of a tensor");
	v1_file_init(&file);
	v1_file_tensor(&file, "w", TF_FLOAT, 1, &count, 0, NULL);
	write_refused(&world, CAIRN_CORRUPT, "tensor 'w': it has no slices");
	v1_file_init(&file);
	v1_file_vector(&file, "w", TF_FLOAT, 0, "", 0);
	v1_file_tensor(&file, "w", TF_FLOAT, 1, &count, 1, full);
	write_refused(&world, CAIRN_CORRUPT, "tensor 'w': it is described twice");
	v1_file_init(&file);
	v1_file_tensor(&file, "w", TF_FLOAT, 1, &count, 2, two);
	v1_file_values(&file, "w", 1, two,
		       "\x2d"
		       "abcd",
		       5);
	write_refused(&world, CAIRN_CORRUPT, "tensor 'w': one of its slices has no entry");
	world_close(&world);
}
END_TEST

START_TEST(slices_that_leave_their_tensor_are_refused)
{
	static const uint64_t beyond[] = {1, 2};
	static const uint64_t nothing[] = {1, 0};
	static const uint64_t count = 2;
	struct world world = world_open(1);

	v1_file_init(&file);
	v1_file_tensor(&file, "w", TF_FLOAT, 1, &count, 1, beyond);
	write_refused(&world, CAIRN_CORRUPT, "tensor 'w'");
	v1_file_init(&file);
	v1_file_tensor(&file, "w", TF_FLOAT, 1, &count, 1, nothing);
	write_refused(&world, CAIRN_CORRUPT, "one of its slices has length 0 in dimension 0");
	world_close(&world);
}
END_TEST

START_TEST(versions_that_exclude_us_are_refused)
{
	struct world world = world_open(1);

	v1_file_init(&file);
	memcpy(file.meta, "\x12\2\x10\2", 4);
	write_refused(&world, CAIRN_UNSUPPORTED, "min consumer version 2");
	world_close(&world);
}
END_TEST

START_TEST(other_tables_are_refused)
{
	struct raw_table block = {0};
	struct raw_table table = {0};
	struct raw_handle handle;
	struct world world = world_open(1);

	/* as the index of a newer checkpoint begins */
	raw_put_entry(&block, 0, "", 0, "\x08\x01\x1a\x02\x08\x01", 6);
	raw_put_u32(&block, 0);
	raw_put_u32(&block, 1);
	handle = raw_put_block(&table, block.bytes, block.size, 0);
	raw_finish(&table, &handle, 1, "\xff");
	world_write(&world, "m", table.bytes, table.size);
	assert_refused(&world, "m", CAIRN_CORRUPT,
		       "no TensorFlow V1 checkpoint, perhaps the index");
	raw_table_free(&table);
	raw_table_free(&block);
	raw_finish(&table, NULL, 0, "");
	world_write(&world, "m", table.bytes, table.size);
	assert_refused(&world, "m", CAIRN_CORRUPT, "does not begin with a description");
	raw_table_free(&table);
	world_close(&world);
}
END_TEST

/* --------------------------------------------------------------------------------------- damage */

static void assert_damaged(const uint8_t *bytes, size_t size)
{
	struct cairn_reader *reader = NULL;
	const enum cairn_status status = cairn_reader_open_memory(bytes, size, NULL, &reader,
								  &test_error);

	ck_assert_msg(status == CAIRN_CORRUPT || status == CAIRN_CHECKSUM ||
			      status == CAIRN_TRUNCATED || status == CAIRN_NOT_A_CHECKPOINT,
		      "%s", cairn_status_name(status));
	ck_assert_ptr_null(reader);
}

START_TEST(every_bit_counts)
{
	struct bytes table = v1_small_table();

	for (size_t bit = 0; bit < 8 * table.size; bit++) {
		table.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_damaged(table.data, table.size);
		table.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	free(table.data);
}
END_TEST

START_TEST(every_truncation_is_found)
{
	struct bytes table = v1_small_table();

	for (size_t size = 0; size < table.size; size++) {
		uint8_t *const cut = malloc(size == 0 ? 1 : size); /* exact, for sanitizers */

		ck_assert_ptr_nonnull(cut);
		memcpy(cut, table.data, size);
		assert_damaged(cut, size);
		free(cut);
	}
	free(table.data);
}
END_TEST

/* With checksums that fit, whatever a byte says: an error or a reader, and then values or an error.
 */
START_TEST(no_byte_does_harm)
{
	struct bytes table = v1_small_table();
	struct raw_handle blocks[8];
	const size_t count = raw_blocks(table.data, table.size, blocks, COUNT_OF(blocks));

	ck_assert_uint_eq(count, 3);
	for (uint64_t i = 0; i < 256 * blocks[2].size; i++) {
		uint8_t *const byte = &table.data[blocks[2].offset + i / 256];
		const uint8_t before = *byte;
		struct cairn_reader *reader = NULL;
		struct cairn_tensor tensor;
		struct cairn_view view = {0};
		struct cairn_verify_report report;

		*byte = (uint8_t)i;
		raw_seal(table.data, blocks[2]);
		if (cairn_reader_open_memory(table.data, table.size, NULL, &reader, &test_error) ==
		    CAIRN_OK) {
			for (uint64_t t = 0; t < cairn_reader_tensor_count(reader); t++) {
				ASSERT_OK(cairn_reader_tensor_at(reader, t, &tensor, &test_error));
				if (cairn_tensor_view(&tensor, &view, &test_error) == CAIRN_OK)
					cairn_view_release(&view);
			}
			ASSERT_OK(cairn_reader_verify(reader, NULL, &report, &test_error));
			ck_assert_uint_eq(report.problem_count, 0);
		}
		cairn_reader_close(reader);
		*byte = before;
	}
	free(table.data);
}
END_TEST

/* --------------------------------------------------------------------------------------- faults */

static enum cairn_status open_and_read(const struct world *world, enum cairn_transport transport,
				       struct cairn_error *error)
{
	const struct cairn_reader_options options = {.transport = transport};
	struct cairn_reader *reader = NULL;
	struct cairn_verify_report report;
	struct cairn_view view;
	struct cairn_tensor tensor;
	enum cairn_status status = world_open_reader(world, V1_SHARDS, &options, &reader, error);

	for (uint64_t i = 0; status == CAIRN_OK && i < cairn_reader_tensor_count(reader); i++) {
		status = cairn_reader_tensor_at(reader, i, &tensor, error);
		if (status == CAIRN_OK)
			status = cairn_tensor_view(&tensor, &view, error);
		if (status == CAIRN_OK)
			cairn_view_release(&view);
	}
	if (status == CAIRN_OK)
		status = cairn_reader_verify(reader, NULL, &report, error);
	cairn_reader_close(reader);
	return status;
}

/* Each call fails once: an error or right data, and nothing is left behind. */
START_TEST(every_call_may_fail)
{
	static const int errors[] = {EIO, ENOMEM, EMFILE};
	const enum cairn_transport transport = _i == 0 ? CAIRN_TRANSPORT_AUTO
						       : CAIRN_TRANSPORT_COPY;
	uint32_t failures = 0;
	bool fired = true;

	for (uint32_t at = 1; fired; at++) {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_ANY, .at = at, .error = errors[at % COUNT_OF(errors)]};
		struct world world = world_open(1);

		v1_write_shards(&world, true);
		memory_system_set_fault(world.memory, 0, &fault);
		failures += open_and_read(&world, transport, &test_error) != CAIRN_OK;
		fired = memory_system_fault_fired(world.memory, 0) != 0;
		memory_system_clear_faults(world.memory);
		world_close(&world);
	}
	ck_assert_uint_gt(failures, 20);
}
END_TEST

static Suite *tensorflow_v1_corrupt_suite(void)
{
	Suite *suite = suite_create("tensorflow_v1_corrupt");
	TCase *tests = tcase_create("tensorflow_v1_corrupt");

	tcase_add_test(tests, other_numbers_of_values_are_refused);
	tcase_add_test(tests, types_that_the_format_does_not_have_are_refused);
	tcase_add_test(tests, entries_and_slices_must_match);
	tcase_add_test(tests, slices_that_leave_their_tensor_are_refused);
	tcase_add_test(tests, versions_that_exclude_us_are_refused);
	tcase_add_test(tests, other_tables_are_refused);
	tcase_add_test(tests, every_bit_counts);
	tcase_add_test(tests, every_truncation_is_found);
	tcase_add_test(tests, no_byte_does_harm);
	tcase_add_loop_test(tests, every_call_may_fail, 0, 2);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(tensorflow_v1_corrupt_suite());
}
