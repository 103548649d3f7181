/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving in a thread: the bytes of a save that waits, whatever the staging memory; values that
 * change once they were taken; how failures are told.
 */
#include "engine/write/async.h"

#include <errno.h>

#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

#define LARGE ((uint64_t)(5 << 20) + 123)
#define SMALL ((uint64_t)1000)

static struct scene scene;
static uint8_t *data; /* the program's */
static struct bytes expected;

/* How a save ended, as it was told. */
struct told {
	int count;
	enum cairn_status status;
	char message[CAIRN_MESSAGE_SIZE];
};

static void tell(void *context, enum cairn_status status, const struct cairn_error *error)
{
	struct told *const told = context;

	told->count++;
	told->status = status;
	if (error != NULL)
		memcpy(told->message, error->message, sizeof(told->message));
}

static void fill_data(void)
{
	struct random random = {7};

	random_fill(&random, data, LARGE);
}

/* Each byte once, in order. */
struct stream {
	uint64_t next;
	enum cairn_status status; /* at the end */
};

static enum cairn_status produce(void *context, uint64_t offset, void *buffer, size_t size)
{
	struct stream *const stream = context;

	if (offset != stream->next)
		abort(); /* maybe in a thread: no assertion works there */
	memcpy(buffer, data + offset, size);
	stream->next += size;
	return stream->status;
}

static void add_stream(struct cairn_writer *writer, const char *name, uint64_t size,
		       struct stream *stream)
{
	const struct cairn_tensor_spec spec = {
		.name = cairn_string_from(name), .dtype = CAIRN_U8, .rank = 1, .dims = &size};

	ASSERT_OK(cairn_writer_add_callback(writer, &spec, produce, stream, &test_error));
}

static void add_memory(struct cairn_writer *writer, const char *name, uint64_t size)
{
	ASSERT_OK(cairn_writer_add(writer, name, CAIRN_U8, 1, &size, data, &test_error));
}

/* Of a container, or of TensorFlow cut into files. */
static struct cairn_writer *mixture(bool is_bundle, struct stream streams[2])
{
	const struct cairn_writer_options options = {.flags = CAIRN_WRITER_REPLACE,
						     .target = is_bundle ? CAIRN_TARGET_TENSORFLOW
									 : CAIRN_TARGET_CAIRN,
						     .shard_size_max = is_bundle ? 2 << 20 : 0};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	const struct cairn_string strings[] = {cairn_string_from("one"), cairn_string_from("two")};
	const uint64_t two = 2;
	const uint64_t nothing = 0;

	add_memory(writer, "a", LARGE);
	add_stream(writer, "b", SMALL, &streams[0]);
	add_memory(writer, "c", SMALL);
	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("d"), 1, &two, strings,
					   &test_error));
	add_stream(writer, "e", LARGE, &streams[1]);
	ASSERT_OK(cairn_writer_add_copy(writer, "f", CAIRN_U8, 1, &two, data, &test_error));
	ASSERT_OK(cairn_writer_add(writer, "g", CAIRN_U8, 1, &nothing, NULL, &test_error));
	add_memory(writer, "h", LARGE);
	return writer;
}

/* Of TensorFlow the index, which holds a CRC of everything. */
static struct bytes content(bool is_bundle)
{
	return scene_content(&scene, is_bundle ? "/f.index" : "/f");
}

static void set_up(void)
{
	scene_open(&scene);
	data = malloc(LARGE);
	fill_data();
}

static void tear_down(void)
{
	bytes_free(&expected);
	free(data);
	scene_close(&scene);
}

static struct cairn_async *new_async(uint64_t staging_size, struct told *told)
{
	const struct cairn_async_options options = {.staging_size = staging_size,
						    .on_end = told == NULL ? NULL : tell,
						    .end_context = told};
	struct cairn_async *async = NULL;

	ASSERT_OK(async_create(scene.system, &options, &async, &test_error));
	return async;
}

/* ------------------------------------------------------------------------------------ the bytes */

static const uint64_t staging_sizes[] = {0,       1,           63,        64,       1000,
					 1 << 20, LARGE + 100, 3 * LARGE, 64 << 20, 100000};

/* The program goes on at once, and spoils its memory. */
static void assert_same_bytes(bool is_bundle, uint64_t staging_size)
{
	struct cairn_async *const async = new_async(staging_size, NULL);

	for (int round = 0; round < 2; round++) {
		struct stream streams[2] = {{.next = 0}};
		struct bytes found;

		ASSERT_OK(cairn_async_finish(async, mixture(is_bundle, streams), &test_error));
		ck_assert_uint_eq(streams[0].next, SMALL);
		ck_assert_uint_eq(streams[1].next, LARGE);
		memset(data, round, LARGE);
		ASSERT_OK(cairn_async_wait(async, &test_error));
		ck_assert(!cairn_async_is_busy(async));
		found = content(is_bundle);
		ck_assert_uint_eq(found.size, expected.size);
		ck_assert(memcmp(found.data, expected.data, expected.size) == 0);
		bytes_free(&found);
		fill_data();
	}
	cairn_async_destroy(async);
}

static void write_expected(bool is_bundle)
{
	struct stream streams[2] = {{.next = 0}};

	finish_writer(mixture(is_bundle, streams));
	expected = content(is_bundle);
}

START_TEST(a_container_has_the_bytes_of_a_save_that_waits)
{
	write_expected(false);
	assert_same_bytes(false, staging_sizes[_i]);
}
END_TEST

START_TEST(a_tensorflow_checkpoint_has_the_bytes_of_a_save_that_waits)
{
	write_expected(true);
	assert_same_bytes(true, staging_sizes[_i]);
}
END_TEST

START_TEST(without_a_thread_the_caller_does_the_work)
{
	const struct memory_fault fault = {
		.call = MEMORY_CALL_THREAD_START, .at = 1, .forever = true, .error = EAGAIN};

	write_expected(false);
	memory_system_set_fault(scene.memory, 0, &fault);
	assert_same_bytes(false, 1 << 20);
	ck_assert_uint_ne(memory_system_fault_fired(scene.memory, 0), 0);
}
END_TEST

START_TEST(a_thread_that_has_ended_already_is_no_wait)
{
	write_expected(false);
	memory_system_settings(scene.memory)->threads_inline = true;
	assert_same_bytes(false, 1 << 20);
}
END_TEST

START_TEST(staging_memory_is_used_again)
{
	struct cairn_async *const async = new_async(0, NULL);
	uint64_t held = 0;

	for (int round = 0; round < 4; round++) {
		struct stream streams[2] = {{.next = 0}};

		ASSERT_OK(cairn_async_finish(async, mixture(false, streams), &test_error));
		ASSERT_OK(cairn_async_wait(async, &test_error));
		if (round == 0)
			held = memory_system_live(scene.memory).allocated_bytes;
		ck_assert_uint_eq(memory_system_live(scene.memory).allocated_bytes, held);
	}
	cairn_async_destroy(async);
}
END_TEST

START_TEST(staging_memory_is_bounded)
{
	const uint64_t bound = 1 << 20;
	struct cairn_async *const async = new_async(bound, NULL);
	struct stream streams[2] = {{.next = 0}};
	const uint64_t before = memory_system_live(scene.memory).allocated_bytes;

	ASSERT_OK(cairn_async_finish(async, mixture(false, streams), &test_error));
	ASSERT_OK(cairn_async_wait(async, &test_error));
	/* as malloc rounds it; the values have 15 times as many bytes */
	ck_assert_uint_le(memory_system_live(scene.memory).allocated_bytes, before + 4 * bound);
	cairn_async_destroy(async);
}
END_TEST

/* ------------------------------------------------------------------------------------- failures */

static void fail_syncs(void)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_SYNC, .at = 1, .error = EIO};

	memory_system_set_fault(scene.memory, 0, &fault);
}

static struct cairn_writer *small_writer(void)
{
	const struct cairn_writer_options options = {.flags = CAIRN_WRITER_REPLACE};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

	add_memory(writer, "a", SMALL);
	return writer;
}

START_TEST(a_failure_is_told_by_wait_once)
{
	struct cairn_async *const async = new_async(0, NULL);
	struct cairn_writer *const writer = small_writer();
	enum cairn_status status;

	fail_syncs();
	status = cairn_async_finish(async, writer, &test_error);
	if (status == CAIRN_OK) /* else it was known by then */
		ASSERT_FAILS(cairn_async_wait(async, &test_error), CAIRN_IO, "durable");
	ASSERT_OK(cairn_async_wait(async, &test_error));
	ck_assert(!memory_system_exists(scene.memory, "/f"));
	cairn_async_destroy(async);
}
END_TEST

START_TEST(a_failure_is_told_by_the_next_save_which_is_not_begun)
{
	struct cairn_async *const async = new_async(0, NULL);
	struct cairn_writer *const writer = small_writer();
	struct cairn_writer *const next = small_writer();

	fail_syncs();
	if (cairn_async_finish(async, writer, &test_error) == CAIRN_OK)
		ASSERT_FAILS(cairn_async_finish(async, next, &test_error), CAIRN_IO, "durable");
	else
		cairn_writer_destroy(next);
	ck_assert(!memory_system_exists(scene.memory, "/f"));
	ASSERT_OK(cairn_async_finish(async, small_writer(), &test_error));
	ASSERT_OK(cairn_async_wait(async, &test_error));
	ck_assert(memory_system_exists(scene.memory, "/f"));
	cairn_async_destroy(async);
}
END_TEST

START_TEST(a_callback_is_told_each_end)
{
	struct told told = {0};
	struct cairn_async *const async = new_async(0, &told);
	struct cairn_writer *const writer = small_writer();

	fail_syncs();
	ASSERT_OK(cairn_async_finish(async, writer, &test_error));
	ASSERT_OK(cairn_async_wait(async, &test_error));
	ck_assert_int_eq(told.count, 1);
	ck_assert_int_eq(told.status, CAIRN_IO);
	ck_assert_ptr_nonnull(strstr(told.message, "durable"));
	ASSERT_OK(cairn_async_finish(async, small_writer(), &test_error));
	cairn_async_destroy(async);
	ck_assert_int_eq(told.count, 2);
	ck_assert_int_eq(told.status, CAIRN_OK);
	ck_assert(memory_system_exists(scene.memory, "/f"));
}
END_TEST

/* Staged, or while the call waits: 64 bytes hold nothing of it. */
START_TEST(a_value_that_cannot_be_produced_is_told_at_once)
{
	struct cairn_async *const async = new_async(_i == 0 ? 0 : 64, NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct stream stream = {.status = CAIRN_CANCELLED};

	add_stream(writer, "value", SMALL, &stream);
	ASSERT_FAILS(cairn_async_finish(async, writer, &test_error), CAIRN_CANCELLED, "value");
	ASSERT_OK(cairn_async_wait(async, &test_error));
	ck_assert(!memory_system_exists(scene.memory, "/f"));
	cairn_async_destroy(async);
}
END_TEST

START_TEST(what_an_add_call_met_is_told)
{
	struct cairn_async *const async = new_async(0, NULL);
	struct cairn_writer *const writer = small_writer();
	enum cairn_status status;

	ck_assert_int_ne(cairn_writer_add(writer, "\xff", CAIRN_U8, 0, NULL, data, NULL), CAIRN_OK);
	status = cairn_async_finish(async, writer, &test_error);
	if (status == CAIRN_OK)
		status = cairn_async_wait(async, &test_error);
	ck_assert_int_eq(status, CAIRN_INVALID_ARGUMENT);
	cairn_async_destroy(async);
}
END_TEST

/* Old or new, and an error only with old; nothing leaks (tear_down). */
START_TEST(any_call_may_fail)
{
	struct stream streams[2];
	uint64_t calls;

	memory_system_settings(scene.memory)->threads_inline = true;
	write_expected(false);
	for (uint64_t at = 1; at != 0; at++) {
		const struct memory_fault fault = {.call = MEMORY_CALL_ANY, .at = at, .error = EIO};
		struct cairn_async *const async = new_async(LARGE, NULL);
		struct cairn_writer *writer;
		struct bytes found;
		enum cairn_status status;

		memset(streams, 0, sizeof(streams));
		writer = mixture(false, streams);
		memory_system_clear_faults(scene.memory);
		memory_system_set_fault(scene.memory, 0, &fault);
		status = cairn_async_finish(async, writer, &test_error);
		if (status == CAIRN_OK)
			status = cairn_async_wait(async, &test_error);
		calls = memory_system_fault_fired(scene.memory, 0);
		memory_system_clear_faults(scene.memory);
		found = content(false);
		ck_assert(found.size == expected.size &&
			  memcmp(found.data, expected.data, found.size) == 0);
		bytes_free(&found);
		cairn_async_destroy(async);
		if (calls == 0) {
			ck_assert_int_eq(status, CAIRN_OK);
			break;
		}
	}
}
END_TEST

static Suite *async_suite(void)
{
	Suite *const suite = suite_create("async");
	TCase *const tcase = tcase_create("async");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_container_has_the_bytes_of_a_save_that_waits, 0,
			    COUNT_OF(staging_sizes));
	tcase_add_loop_test(tcase, a_tensorflow_checkpoint_has_the_bytes_of_a_save_that_waits, 0,
			    COUNT_OF(staging_sizes));
	tcase_add_test(tcase, without_a_thread_the_caller_does_the_work);
	tcase_add_test(tcase, a_thread_that_has_ended_already_is_no_wait);
	tcase_add_test(tcase, staging_memory_is_used_again);
	tcase_add_test(tcase, staging_memory_is_bounded);
	tcase_add_test(tcase, a_failure_is_told_by_wait_once);
	tcase_add_test(tcase, a_failure_is_told_by_the_next_save_which_is_not_begun);
	tcase_add_test(tcase, a_callback_is_told_each_end);
	tcase_add_loop_test(tcase, a_value_that_cannot_be_produced_is_told_at_once, 0, 2);
	tcase_add_test(tcase, what_an_add_call_met_is_told);
	tcase_add_test(tcase, any_call_may_fail);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(async_suite());
}
