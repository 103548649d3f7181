/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a checkpoint as shards of a limited size.
 */
#include <stdio.h>

#include <cairn/convert.h>

#include "engine/convert/reshard.h"
#include "tests/support/build.h"
#include "tests/support/sample_model.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
	memory_system_settings(scene.memory)->threads_inline = true;
}

static void tear_down(void)
{
	scene_close(&scene);
}

static void fill(const char *name, uint8_t *bytes, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + (uint8_t)name[0]);
}

/* Tensors a, b, c ... of the sizes. */
static void write_source(const uint64_t *sizes, uint32_t count)
{
	struct cairn_writer *const writer = scene_writer(&scene, "source.cairn", NULL);
	static uint8_t bytes[1000];

	for (uint32_t i = 0; i < count; i++) {
		const char name[2] = {(char)('a' + i), '\0'};

		fill(name, bytes, sizes[i]);
		ASSERT_OK(cairn_writer_add_copy(writer, name, CAIRN_U8, 1, &sizes[i], bytes,
						&test_error));
	}
	finish_writer(writer);
}

static enum cairn_status reshard_to(const char *path, uint64_t size_max, bool replace)
{
	const struct reshard_target target = {
		.path = path, .shard_size_max = size_max, .replace = replace};
	struct cairn_reader *const reader = scene_reader(&scene, "source.cairn", NULL);
	const enum cairn_status status = reshard(reader, &target, &test_error);

	cairn_reader_close(reader);
	return status;
}

struct distribution {
	uint64_t size_max;
	uint32_t count;
	uint64_t sizes[6];
	uint32_t shards;
};

static const struct distribution distributions[] = {
	{100, 3, {50, 50, 50}, 2},
	{100, 3, {50, 51, 50}, 3},
	{100, 1, {100}, 1},
	{100, 2, {101, 1}, 2},
	{100, 4, {1, 500, 1, 1}, 3},
	{1, 3, {1, 1, 1}, 3},
	{UINT64_MAX, 3, {9, 9, 9}, 1},
	{100, 3, {0, 0, 0}, 0}, /* nothing to store */
	{100, 0, {0}, 0},
	{10, 6, {5, 5, 6, 5, 10, 1}, 5},
};

START_TEST(shards_are_filled_in_order_and_never_over_the_limit)
{
	const struct distribution *const distribution = &distributions[_i];
	struct cairn_reader *reader;
	uint32_t siblings;

	write_source(distribution->sizes, distribution->count);
	ASSERT_OK(reshard_to("target", distribution->size_max, false));
	reader = scene_reader(&scene, "target", NULL);
	ASSERT_OK(sample_verify(reader, &test_error));
	siblings = reader->file_count - 1;
	ck_assert_uint_eq(siblings, distribution->shards);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), distribution->count);
	for (uint32_t i = 0; i < distribution->count; i++) {
		const char name[2] = {(char)('a' + i), '\0'};
		uint8_t expected[1000];
		struct cairn_tensor tensor;
		struct cairn_view view = {0};

		fill(name, expected, distribution->sizes[i]);
		ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
		ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
		ck_assert_uint_eq(view.size, distribution->sizes[i]);
		if (view.size != 0)
			ck_assert_mem_eq(view.data, expected, view.size);
		cairn_view_release(&view);
	}
	cairn_reader_close(reader);
}
END_TEST

/* Slices, an incomplete tensor, strings, an alias, packed and unknown types, metadata. */
START_TEST(everything_that_a_container_holds_is_kept)
{
	static const uint64_t sizes[] = {1, 100, 80000, UINT64_MAX};
	const struct sample sample = {SAMPLE_FULL, 1};
	const struct cairn_convert_options options = {.target = CAIRN_TARGET_CAIRN,
						      .shard_size_max = sizes[_i]};
	struct cairn_reader *reader;

	ASSERT_OK(sample_write(scene.system, "source.cairn", &sample, 0, &test_error));
	reader = scene_reader(&scene, "source.cairn", NULL);
	ASSERT_OK(cairn_convert(reader, "target", &options, &test_error));
	cairn_reader_close(reader);
	reader = scene_reader(&scene, "target", NULL);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 12);
	ck_assert_uint_eq(cairn_reader_metadata_count(reader), 3);
	ASSERT_OK(sample_verify(reader, &test_error));
	ASSERT_OK(sample_walk(reader, &test_error));
	ASSERT_OK(sample_compare(reader, &sample, &test_error));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(the_same_bytes_come_out_each_time)
{
	static const uint64_t sizes[] = {30, 40, 50};

	write_source(sizes, 3);
	ASSERT_OK(reshard_to("first", 60, false));
	ASSERT_OK(reshard_to("second", 60, false));
	for (uint32_t i = 0; i < 4; i++) {
		char paths[2][64];
		struct bytes bytes[2];

		for (int k = 0; k < 2; k++) {
			const char *const folder = k == 0 ? "first" : "second";

			if (i == 3)
				snprintf(paths[k], sizeof(paths[k]), "%s/index.cairn", folder);
			else
				snprintf(paths[k], sizeof(paths[k]), "%s/shard-%05u-of-00003.cairn",
					 folder, i);
			bytes[k] = scene_content(&scene, paths[k]);
		}
		ck_assert_uint_eq(bytes[0].size, bytes[1].size);
		ck_assert_mem_eq(bytes[0].data, bytes[1].data, bytes[0].size);
		bytes_free(&bytes[0]);
		bytes_free(&bytes[1]);
	}
}
END_TEST

START_TEST(an_existing_checkpoint_is_replaced_when_asked_for)
{
	static const uint64_t sizes[] = {30, 40, 50};

	write_source(sizes, 3);
	ASSERT_OK(reshard_to("target", 60, false));
	ASSERT_STATUS(reshard_to("target", 100, false), CAIRN_EXISTS);
	ASSERT_OK(reshard_to("target", 100, true));
	ASSERT_STATUS(reshard_to("source.cairn", 100, true), CAIRN_EXISTS);
}
END_TEST

static int cancel_after_half(void *context, uint64_t done, uint64_t total)
{
	(void)context;
	return done * 2 >= total;
}

START_TEST(a_cancelled_one_leaves_nothing)
{
	static const uint64_t sizes[] = {300, 400, 500};
	const struct cairn_convert_options options = {
		.target = CAIRN_TARGET_CAIRN, .shard_size_max = 400, .progress = cancel_after_half};
	struct cairn_reader *reader;

	write_source(sizes, 3);
	reader = scene_reader(&scene, "source.cairn", NULL);
	ASSERT_STATUS(cairn_convert(reader, "target", &options, &test_error), CAIRN_CANCELLED);
	cairn_reader_close(reader);
	ck_assert(!memory_system_exists(scene.memory, "target"));
}
END_TEST

static Suite *reshard_suite(void)
{
	Suite *const suite = suite_create("reshard");
	TCase *const tcase = tcase_create("reshard");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, shards_are_filled_in_order_and_never_over_the_limit, 0,
			    COUNT_OF(distributions));
	tcase_add_loop_test(tcase, everything_that_a_container_holds_is_kept, 0, 4);
	tcase_add_test(tcase, the_same_bytes_come_out_each_time);
	tcase_add_test(tcase, an_existing_checkpoint_is_replaced_when_asked_for);
	tcase_add_test(tcase, a_cancelled_one_leaves_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(reshard_suite());
}
