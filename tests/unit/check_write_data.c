/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the segments: the same bytes with any number of threads, callbacks in order and one at a
 * time, progress, and what ends a save half way.
 */
#include "engine/write/writer.h"

#include <errno.h>

#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

/* Two segments and a bit. */
#define LARGE ((uint64_t)(9 << 20) + 12345)

static struct scene scene;
static uint8_t *data;

static const uint64_t large[] = {LARGE};
static const uint64_t small[] = {1000};
static const struct cairn_reader_options checked = {.flags = CAIRN_OPEN_CHECK_INDEX};

static void set_up(void)
{
	struct random random = {7};

	scene_open(&scene);
	data = malloc(LARGE);
	random_fill(&random, data, LARGE);
}

static void tear_down(void)
{
	free(data);
	scene_close(&scene);
}

static struct cairn_tensor_spec spec_of(const char *name, const uint64_t *dims)
{
	return (struct cairn_tensor_spec){
		.name = cairn_string_from(name), .dtype = CAIRN_U8, .rank = 1, .dims = dims};
}

/* ------------------------------------------------------------------------------------ callbacks */

/* A stream of the data that asserts the rules of cairn_produce. */
struct stream {
	_Atomic int running;
	uint64_t next;
	uint64_t fail_from; /* offset from which it fails; 0: never */
	enum cairn_status status;
};

static _Atomic int streams_running; /* of one writer: never two */

static enum cairn_status produce(void *context, uint64_t offset, void *buffer, size_t size)
{
	struct stream *const stream = context;

	if (atomic_fetch_add(&streams_running, 1) != 0 || offset != stream->next)
		abort(); /* on a thread of the writer: no assertion works there */
	memcpy(buffer, data + offset, size);
	stream->next = offset + size;
	atomic_fetch_sub(&streams_running, 1);
	return stream->fail_from != 0 && offset + size > stream->fail_from ? stream->status
									   : CAIRN_OK;
}

static void add_stream(struct cairn_writer *writer, const char *name, const uint64_t *dims,
		       struct stream *stream)
{
	const struct cairn_tensor_spec spec = spec_of(name, dims);

	ASSERT_OK(cairn_writer_add_callback(writer, &spec, produce, stream, &test_error));
}

static void add_memory(struct cairn_writer *writer, const char *name, const uint64_t *dims)
{
	ASSERT_OK(cairn_writer_add(writer, name, CAIRN_U8, 1, dims, data, &test_error));
}

/* A bit of everything: streams and memory, large and small, in turn. */
static void add_mixture(struct cairn_writer *writer, struct stream streams[3])
{
	add_memory(writer, "a", large);
	add_memory(writer, "b", small);
	add_stream(writer, "c", large, &streams[0]);
	add_stream(writer, "d", small, &streams[1]);
	add_memory(writer, "e", large);
	add_stream(writer, "f", large, &streams[2]);
}

/* ------------------------------------------------------------------------------------ the bytes */

static struct bytes write_mixture(uint32_t threads, uint32_t flags)
{
	const struct cairn_writer_options options = {
		.thread_count = threads, .flags = CAIRN_WRITER_REPLACE | flags, .alignment = 65536};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct stream streams[3] = {0};

	add_mixture(writer, streams);
	finish_writer(writer);
	ck_assert_uint_eq(streams[0].next, LARGE);
	ck_assert_uint_eq(streams[1].next, 1000);
	ck_assert_uint_eq(streams[2].next, LARGE);
	return scene_content(&scene, "/f");
}

static const struct {
	uint32_t threads;
	uint32_t flags;
} ways[] = {
	{2, 0}, {7, 0}, {64, 0}, {0, 0}, {1, CAIRN_WRITER_BUFFERED}, {7, CAIRN_WRITER_BUFFERED}};

START_TEST(the_bytes_do_not_depend_on_how_they_are_written)
{
	struct bytes alone = write_mixture(1, 0);
	struct bytes other = write_mixture(ways[_i].threads, ways[_i].flags);

	ck_assert_uint_eq(alone.size, other.size);
	ck_assert(memcmp(alone.data, other.data, alone.size) == 0);
	bytes_free(&alone);
	bytes_free(&other);
}
END_TEST

START_TEST(what_is_written_is_what_was_given)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
	struct bytes file = write_mixture(3, 0);
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &checked);

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct cairn_tensor tensor;
		struct cairn_view view = {0};

		ASSERT_OK(cairn_reader_find(reader, names[i], &tensor, &test_error));
		ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
		ck_assert(memcmp(view.data, data, view.size) == 0);
		cairn_view_release(&view);
	}
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

START_TEST(short_writes_are_continued)
{
	struct bytes expected = write_mixture(1, 0);
	struct bytes found;

	memory_system_settings(scene.memory)->transfer_max = 1 << 20;
	found = write_mixture(2, 0);
	ck_assert_uint_eq(expected.size, found.size);
	ck_assert(memcmp(expected.data, found.data, found.size) == 0);
	bytes_free(&expected);
	bytes_free(&found);
}
END_TEST

START_TEST(direct_writing_falls_back_where_it_does_not_work)
{
	struct bytes expected = write_mixture(1, 0);
	struct bytes found;

	memory_system_settings(scene.memory)->direct_error = EINVAL;
	found = write_mixture(1, 0);
	ck_assert(memcmp(expected.data, found.data, found.size) == 0);
	bytes_free(&expected);
	bytes_free(&found);
}
END_TEST

START_TEST(threads_that_cannot_start_are_done_without)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_THREAD_START,
					   .at = (uint64_t)_i,
					   .forever = true,
					   .error = EAGAIN};
	struct bytes expected = write_mixture(1, 0);
	struct bytes found;

	memory_system_set_fault(scene.memory, 0, &fault);
	found = write_mixture(7, 0);
	ck_assert_uint_ne(memory_system_fault_fired(scene.memory, 0), 0);
	ck_assert(memcmp(expected.data, found.data, found.size) == 0);
	bytes_free(&expected);
	bytes_free(&found);
}
END_TEST

/* ----------------------------------------------------------------------------- what ends a save */

static void assert_nothing_left(struct cairn_writer *writer)
{
	cairn_writer_destroy(writer);
	ck_assert(!memory_system_exists(scene.memory, "/f"));
}

static const uint32_t thread_counts[] = {1, 2, 7};

START_TEST(a_failing_callback_ends_the_save_with_its_status)
{
	static const enum cairn_status statuses[] = {CAIRN_IO, CAIRN_CANCELLED, CAIRN_CHECKSUM};
	const struct cairn_writer_options options = {.thread_count = thread_counts[_i]};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct stream streams[3] = {{.fail_from = 5 << 20, .status = statuses[_i]}, {0}, {0}};

	add_mixture(writer, streams);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), statuses[_i], "tensor 'c'");
	ck_assert_uint_lt(streams[0].next, LARGE); /* not called again */
	assert_nothing_left(writer);
}
END_TEST

START_TEST(a_failing_disk_ends_the_save)
{
	const struct cairn_writer_options options = {.thread_count = thread_counts[_i]};
	const struct memory_fault fault = {.call = MEMORY_CALL_PWRITE, .at = 6, .error = ENOSPC};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct stream streams[3] = {0};

	add_mixture(writer, streams);
	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_IO, "cannot write");
	ck_assert_int_eq(test_error.system_errno, ENOSPC);
	assert_nothing_left(writer);
}
END_TEST

struct progress {
	uint64_t done;
	uint64_t total;
	uint64_t calls;
	uint64_t cancel_at; /* the call that cancels; 0: none */
};

static int note(void *context, uint64_t done, uint64_t total)
{
	struct progress *const progress = context;

	ck_assert_uint_ge(done, progress->done);
	ck_assert_uint_le(done, total);
	ck_assert(progress->calls == 0 || total == progress->total);
	progress->done = done;
	progress->total = total;
	return ++progress->calls == progress->cancel_at;
}

START_TEST(progress_can_cancel)
{
	struct progress progress = {.cancel_at = 2};
	const struct cairn_writer_options options = {
		.thread_count = 1, .progress = note, .progress_context = &progress};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct stream streams[3] = {0};

	add_mixture(writer, streams);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_CANCELLED, "cancelled");
	ck_assert_uint_eq(progress.calls, 2);
	assert_nothing_left(writer);
}
END_TEST

START_TEST(progress_grows_to_all_of_the_data)
{
	struct progress progress = {0};
	const struct cairn_writer_options options = {
		.thread_count = 1, .progress = note, .progress_context = &progress};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct stream streams[3] = {0};
	struct bytes file;

	add_mixture(writer, streams);
	finish_writer(writer);
	file = scene_content(&scene, "/f");
	ck_assert_uint_eq(progress.total, file.size);
	ck_assert_uint_ge(progress.done, 4 * LARGE);
	ck_assert_uint_ge(progress.calls, 12);
	bytes_free(&file);
}
END_TEST

START_TEST(progress_comes_from_the_thread_that_finishes)
{
	struct progress progress = {0};
	const struct cairn_writer_options options = {
		.thread_count = 7, .progress = note, .progress_context = &progress};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

	for (int i = 0; i < 3; i++)
		add_memory(writer, (const char *[]){"a", "b", "c"}[i], large);
	finish_writer(writer); /* note's assertions work on this thread only */
}
END_TEST

START_TEST(bytes_are_hashed_as_they_are_written)
{
	/* the callback's memory changes between two calls: digests are those of the staging buffer
	 */
	const struct cairn_writer_options options = {.chunk_size = CHUNK_SIZE_MIN};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};
	struct stream stream = {0};

	add_memory(writer, "m", small);
	add_stream(writer, "s", small, &stream);
	memset(data, 9, 500);
	finish_writer(writer);
	memset(data, 1, 500);
	reader = scene_reader(&scene, "/f", NULL);
	ASSERT_OK(cairn_reader_find(reader, "m", &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_int_eq(((const uint8_t *)view.data)[0], 9);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

static Suite *write_data_suite(void)
{
	Suite *suite = suite_create("write_data");
	TCase *tests = tcase_create("write_data");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, the_bytes_do_not_depend_on_how_they_are_written, 0,
			    COUNT_OF(ways));
	tcase_add_test(tests, what_is_written_is_what_was_given);
	tcase_add_test(tests, short_writes_are_continued);
	tcase_add_test(tests, direct_writing_falls_back_where_it_does_not_work);
	tcase_add_loop_test(tests, threads_that_cannot_start_are_done_without, 1, 3);
	tcase_add_loop_test(tests, a_failing_callback_ends_the_save_with_its_status, 0, 3);
	tcase_add_loop_test(tests, a_failing_disk_ends_the_save, 0, 3);
	tcase_add_test(tests, progress_can_cancel);
	tcase_add_test(tests, progress_grows_to_all_of_the_data);
	tcase_add_test(tests, progress_comes_from_the_thread_that_finishes);
	tcase_add_test(tests, bytes_are_hashed_as_they_are_written);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(write_data_suite());
}
