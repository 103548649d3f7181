/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints of random tensors of all types, written with random options and read back in every
 * way. A loop's number is its seed.
 */
#include <cairn/cairn.h>

#include <stdio.h>

#include "tests/support/build.h"
#include "tests/support/model.h"
#include "tests/support/suite.h"

enum {
	SEEDS = 40,
	TENSORS_MAX = 24
};
#define SIZE_MAX_OF_ALL ((uint64_t)300000)

static struct scene scene;

/* A checkpoint as it should be. */
struct expected {
	struct random random;
	uint32_t count;
	struct model models[TENSORS_MAX];
	char names[TENSORS_MAX][24];
};

static void set_up(void)
{
	scene_open(&scene);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static struct expected make_expected(int seed)
{
	struct expected expected = {.random = {(uint64_t)seed}};

	expected.count = 1 + (uint32_t)random_below(&expected.random, TENSORS_MAX);
	for (uint32_t i = 0; i < expected.count; i++) {
		const uint32_t number = ((uint32_t)seed * TENSORS_MAX + i) % model_dtype_count();
		const uint64_t most = random_below(&expected.random, 3) == 0 ? SIZE_MAX_OF_ALL
									     : 3000;

		expected.models[i] = model_random(&expected.random, model_dtype(number), most);
		snprintf(expected.names[i], sizeof(expected.names[i]), "%x.%u",
			 (unsigned)random_below(&expected.random, 256), (unsigned)i);
	}
	return expected;
}

static void free_expected(struct expected *expected)
{
	for (uint32_t i = 0; i < expected->count; i++)
		model_free(&expected->models[i]);
}

static struct cairn_writer_options random_options(struct random *random)
{
	return (struct cairn_writer_options){
		.flags = (uint32_t)random_below(random, 2) * CAIRN_WRITER_SORT |
			 (uint32_t)random_below(random, 2) * CAIRN_WRITER_BUFFERED,
		.chunk_size = (64u << 10) << random_below(random, 11),
		.alignment = (uint64_t)4096 << random_below(random, 10),
		.thread_count = 1 + (uint32_t)random_below(random, 3),
	};
}

static enum cairn_status produce(void *context, uint64_t offset, void *buffer, size_t size)
{
	memcpy(buffer, ((const struct model *)context)->bytes + offset, size);
	return CAIRN_OK;
}

static void add_model(struct expected *expected, struct cairn_writer *writer, uint32_t i)
{
	struct model *const model = &expected->models[i];
	const struct cairn_tensor_spec spec = {.name = cairn_string_from(expected->names[i]),
					       .dtype = model->info->dtype,
					       .rank = model->rank,
					       .dims = model->dims};

	if (random_below(&expected->random, 2) == 0)
		ASSERT_OK(cairn_writer_add_spec(writer, &spec, model->bytes, &test_error));
	else
		ASSERT_OK(cairn_writer_add_callback(writer, &spec, produce, model, &test_error));
}

static void write_expected(struct expected *expected, const char *path)
{
	const struct cairn_writer_options options = random_options(&expected->random);
	struct cairn_writer *const writer = scene_writer(&scene, path, &options);

	for (uint32_t i = 0; i < expected->count; i++)
		add_model(expected, writer, i);
	finish_writer(writer);
}

static void check_tensor(const struct expected *expected, const struct cairn_reader *reader,
			 uint32_t i, int seed)
{
	const struct model *const model = &expected->models[i];
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	ASSERT_OK(cairn_reader_find(reader, expected->names[i], &tensor, &test_error));
	ck_assert_int_eq(tensor.dtype, model->info->dtype);
	ck_assert_uint_eq(tensor.rank, model->rank);
	ck_assert(memcmp(tensor.dims, model->dims, model->rank * sizeof(*model->dims)) == 0);
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.size, model->size);
	ck_assert_msg(memcmp(view.data, model->bytes, model->size) == 0, "seed %d: tensor %u", seed,
		      i);
	ck_assert_uint_eq((uintptr_t)view.data % model->info->alignment, 0);
	cairn_view_release(&view);
}

static const struct cairn_reader_options ways[] = {
	{.flags = CAIRN_OPEN_CHECK_INDEX},
	{.transport = CAIRN_TRANSPORT_COPY},
	{.verification = CAIRN_VERIFY_NEVER},
};

static void check_reader(const struct expected *expected, const struct cairn_reader *reader,
			 int seed)
{
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), expected->count);
	for (uint32_t i = 0; i < expected->count; i++)
		check_tensor(expected, reader, i, seed);
}

START_TEST(what_is_written_can_be_read_in_every_way)
{
	struct expected expected = make_expected(_i);
	struct cairn_reader *reader = NULL;
	struct bytes file;

	write_expected(&expected, "/f");
	for (size_t way = 0; way < COUNT_OF(ways); way++) {
		reader = scene_reader(&scene, "/f", &ways[way]);
		check_reader(&expected, reader, _i);
		cairn_reader_close(reader);
	}
	file = scene_content(&scene, "/f");
	ASSERT_OK(
		reader_open_bytes(scene.system, file.data, file.size, NULL, &reader, &test_error));
	check_reader(&expected, reader, _i);
	cairn_reader_close(reader);
	bytes_free(&file);
	free_expected(&expected);
}
END_TEST

START_TEST(what_is_written_verifies)
{
	struct expected expected = make_expected(_i);
	struct cairn_verify_report report = {0};
	struct cairn_reader *reader;

	write_expected(&expected, "/f");
	reader = scene_reader(&scene, "/f", NULL);
	ASSERT_OK(cairn_reader_verify(reader, NULL, &report, &test_error));
	ck_assert_uint_eq(report.problem_count, 0);
	ck_assert_uint_eq(report.tensor_count, expected.count);
	cairn_reader_close(reader);
	free_expected(&expected);
}
END_TEST

START_TEST(copying_a_checkpoint_keeps_it)
{
	struct expected expected = make_expected(_i);
	const struct cairn_writer_options options = random_options(&expected.random);
	struct cairn_writer *writer;
	struct cairn_reader *reader;

	write_expected(&expected, "/f");
	reader = scene_reader(&scene, "/f", NULL);
	writer = scene_writer(&scene, "/g", &options);
	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader); i++) {
		struct cairn_tensor tensor;

		ASSERT_OK(cairn_reader_tensor_at(reader, i, &tensor, &test_error));
		ASSERT_OK(cairn_writer_add_tensor(writer, (struct cairn_string){NULL, 0}, &tensor,
						  &test_error));
	}
	cairn_reader_close(reader);
	finish_writer(writer);
	reader = scene_reader(&scene, "/g", &ways[0]);
	check_reader(&expected, reader, _i);
	cairn_reader_close(reader);
	free_expected(&expected);
}
END_TEST

static Suite *round_trip_suite(void)
{
	Suite *suite = suite_create("round_trip");
	TCase *tests = tcase_create("round_trip");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, what_is_written_can_be_read_in_every_way, 0, SEEDS);
	tcase_add_loop_test(tests, what_is_written_verifies, 0, SEEDS);
	tcase_add_loop_test(tests, copying_a_checkpoint_keeps_it, 0, SEEDS);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(round_trip_suite());
}
