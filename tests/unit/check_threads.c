/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads at once on one reader: find, iterate, view, slice, copy and release, while chunks
 * and index blocks are verified for the first time. For the thread sanitizer above all.
 */
#include <cairn/reader.h>

#include <stdio.h>

#include <pthread.h>

#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/system_world.h"

enum {
	THREADS = 8,
	TENSORS = 2000, /* several index blocks */
	ROUNDS = 3,
	STEPS = 400,
	ROWS = 64,
	COLUMNS = 8192 /* half a megabyte: eight chunks */
};

static struct world world;
static uint8_t *large;
static const uint64_t large_dims[] = {ROWS, COLUMNS};
static struct cairn_reader *reader;
static _Atomic uint32_t failures;

static void write_file(void)
{
	const struct cairn_writer_options options = {.chunk_size = CHUNK_SIZE_MIN};
	struct random random = {1};
	struct cairn_writer *writer;

	large = malloc((size_t)ROWS * COLUMNS);
	random_fill(&random, large, (size_t)ROWS * COLUMNS);
	ASSERT_OK(writer_create(world.system, world_path(&world, "f"), &options, &writer,
				&test_error));
	for (uint32_t i = 0; i < TENSORS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%06u", i);
		ASSERT_OK(cairn_writer_add_copy(writer, name, CAIRN_U32, 0, NULL, &i, &test_error));
	}
	ASSERT_OK(cairn_writer_add(writer, "large", CAIRN_U8, 2, large_dims, large, &test_error));
	finish_writer(writer);
}

/* ------------------------------------------------------------------------------ what threads do */

static void expect(bool right)
{
	if (!right)
		atomic_fetch_add(&failures, 1);
}

static void find_small(struct random *random)
{
	const uint32_t number = (uint32_t)random_below(random, TENSORS + 10);
	struct cairn_tensor tensor;
	struct cairn_view view = {0};
	char name[16];
	enum cairn_status status;

	snprintf(name, sizeof(name), "%06u", number);
	status = cairn_reader_find(reader, name, &tensor, NULL);
	expect((status == CAIRN_OK) == (number < TENSORS));
	if (status != CAIRN_OK)
		return;
	expect(cairn_tensor_view(&tensor, &view, NULL) == CAIRN_OK &&
	       memcmp(view.data, &number, sizeof(number)) == 0);
	cairn_view_release(&view);
}

static void iterate(struct random *random)
{
	const uint64_t start = random_below(random, TENSORS);

	for (uint64_t i = start; i < start + 20 && i < TENSORS; i++) {
		struct cairn_tensor tensor;

		expect(cairn_reader_tensor_at(reader, i, &tensor, NULL) == CAIRN_OK &&
		       tensor.name.size == 6);
	}
}

static void slice_large(struct random *random)
{
	const uint64_t row = random_below(random, ROWS);
	const uint64_t rows = 1 + random_below(random, ROWS - row);
	const uint64_t column = random_below(random, 2) * random_below(random, COLUMNS);
	const uint64_t columns = column == 0 ? COLUMNS : 1 + random_below(random, COLUMNS - column);
	const uint64_t starts[] = {row, column};
	const uint64_t lengths[] = {rows, columns};
	struct cairn_tensor tensor;
	struct cairn_view view = {0};
	bool right;

	right = cairn_reader_find(reader, "large", &tensor, NULL) == CAIRN_OK &&
		cairn_tensor_view_slice(&tensor, starts, lengths, &view, NULL) == CAIRN_OK;
	for (uint64_t i = 0; right && i < rows; i++)
		right = memcmp((const uint8_t *)view.data + i * columns,
			       large + (row + i) * COLUMNS + column, columns) == 0;
	expect(right);
	cairn_view_release(&view);
}

static void read_large(struct random *random)
{
	uint8_t buffer[1000];
	const uint64_t offset = random_below(random, (uint64_t)ROWS * COLUMNS - sizeof(buffer));
	struct cairn_tensor tensor;

	expect(cairn_reader_find(reader, "large", &tensor, NULL) == CAIRN_OK &&
	       cairn_tensor_read(&tensor, offset, buffer, sizeof(buffer), NULL) == CAIRN_OK &&
	       memcmp(buffer, large + offset, sizeof(buffer)) == 0);
}

static void hold_and_let_go(void)
{
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_reader *const held = cairn_reader_retain(reader);

	cairn_reader_info(held, &info);
	expect(info.tensor_count == TENSORS + 1);
	cairn_reader_close(held);
}

static void *work(void *context)
{
	struct random random = {(uint64_t)(uintptr_t)context};

	for (int step = 0; step < STEPS; step++) {
		switch (random_below(&random, 5)) {
		case 0:
			find_small(&random);
			break;
		case 1:
			iterate(&random);
			break;
		case 2:
			slice_large(&random);
			break;
		case 3:
			read_large(&random);
			break;
		default:
			hold_and_let_go();
			break;
		}
	}
	return NULL;
}

static void run_threads(const struct cairn_reader_options *options)
{
	pthread_t threads[THREADS];

	ASSERT_OK(reader_open_path(world.system, world_path(&world, "f"), options, &reader,
				   &test_error));
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cairn_reader_close(reader);
}

/* ------------------------------------------------------------------------------------ the tests */

static const struct cairn_reader_options ways[] = {
	{0},
	{.transport = CAIRN_TRANSPORT_COPY},
	{.verification = CAIRN_VERIFY_NEVER},
};

static void use_one_reader(int index)
{
	world = world_open(index);
	write_file();
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t way = 0; way < COUNT_OF(ways); way++)
			run_threads(&ways[way]);
	}
	ck_assert_uint_eq(failures, 0);
	free(large);
	world_close(&world);
}

START_TEST(threads_share_a_reader)
{
	use_one_reader(_i);
}
END_TEST

static void *view_damaged(void *context)
{
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	(void)context;
	expect(cairn_reader_find(reader, "large", &tensor, NULL) == CAIRN_OK &&
	       cairn_tensor_view(&tensor, &view, NULL) == CAIRN_CHECKSUM);
	return NULL;
}

START_TEST(all_threads_see_the_damage)
{
	struct cairn_stored_slice slice;
	struct cairn_tensor tensor;
	pthread_t threads[THREADS];

	world = world_open(1);
	write_file();
	for (int round = 0; round < 20; round++) {
		ASSERT_OK(reader_open_path(world.system, world_path(&world, "f"), NULL, &reader,
					   &test_error));
		ASSERT_OK(cairn_reader_find(reader, "large", &tensor, &test_error));
		ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
		if (round == 0)
			memory_system_corrupt(world.memory, world_path(&world, "f"),
					      slice.offset + 300000, 1);
		for (int i = 0; i < THREADS; i++)
			ck_assert_int_eq(pthread_create(&threads[i], NULL, view_damaged, NULL), 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		cairn_reader_close(reader);
	}
	ck_assert_uint_eq(failures, 0);
	free(large);
	world_close(&world);
}
END_TEST

static Suite *threads_suite(void)
{
	Suite *suite = suite_create("threads");
	TCase *tests = tcase_create("threads");

	tcase_set_timeout(tests, 600);
	tcase_add_loop_test(tests, threads_share_a_reader, 0, WORLD_COUNT);
	tcase_add_test(tests, all_threads_see_the_damage);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(threads_suite());
}
