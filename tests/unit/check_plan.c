/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a container, as the plan has it, for random tensors up to some megabytes: nothing
 * is written, so that sizes cost nothing. A loop's number is its seed.
 */
#include "engine/write/writer.h"

#include <stdio.h>

#include "format/bytes.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

#define PAGE    ((uint64_t)CONTAINER_PAGE_SIZE)
#define SEGMENT ((uint64_t)4 << 20)

enum {
	SEEDS = 60,
	TENSORS_MAX = 60
};

static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static enum cairn_status never(void *context, uint64_t offset, void *buffer, size_t size)
{
	(void)context;
	(void)offset;
	(void)buffer;
	(void)size;
	ck_abort_msg("nothing is written");
	return CAIRN_OK;
}

static void add(struct cairn_writer *writer, const char *name, uint64_t size)
{
	const uint64_t dims[] = {size};
	const struct cairn_tensor_spec spec = {
		.name = cairn_string_from(name), .dtype = CAIRN_U8, .rank = 1, .dims = dims};

	ASSERT_OK(cairn_writer_add_callback(writer, &spec, never, NULL, &test_error));
}

static void plan(struct cairn_writer *writer)
{
	ASSERT_OK(writer_group(writer, &test_error));
	ASSERT_OK(writer_plan(writer, &test_error));
}

/* Sizes at and around the bounds that the rules have, and anything else. */
static uint64_t random_size(struct random *random)
{
	static const uint64_t telling[] = {
		0,           1,       64,          65,          4095,        4096,
		4097,        65535,   65536,       65537,       262144,      262145,
		SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 9 * SEGMENT, 70 << 20,
	};

	switch (random_below(random, 4)) {
	case 0:
		return telling[random_below(random, COUNT_OF(telling))];
	case 1:
		return random_below(random, 300);
	case 2:
		return random_below(random, 200000);
	default:
		return random_below(random, 12 << 20);
	}
}

static struct cairn_writer *random_plan(int seed)
{
	static const uint32_t chunk_sizes[] = {0, 64 << 10, 1 << 20, 8 << 20, 64 << 20};
	static const uint64_t alignments[] = {0, 4096, 65536, 2 << 20};
	struct random random = {(uint64_t)seed};
	const struct cairn_writer_options options = {
		.chunk_size = chunk_sizes[random_below(&random, COUNT_OF(chunk_sizes))],
		.alignment = alignments[random_below(&random, COUNT_OF(alignments))],
		.flags = random_below(&random, 2) == 0 ? CAIRN_WRITER_SORT : 0,
	};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	const uint64_t count = random_below(&random, TENSORS_MAX + 1);

	for (uint64_t i = 0; i < count; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%u.%u", (unsigned)random_below(&random, 1000),
			 (unsigned)i);
		add(writer, name, random_size(&random));
	}
	plan(writer);
	return writer;
}

static uint64_t alignment_of(const struct cairn_writer *writer, uint64_t size)
{
	return size >= CONTAINER_LARGE_SIZE ? writer->options.alignment : CONTAINER_SMALL_ALIGNMENT;
}

START_TEST(data_is_placed_in_order_and_aligned)
{
	struct cairn_writer *const writer = random_plan(_i);
	uint64_t end = PAGE;

	for (uint64_t i = 0; i < writer->item_count; i++) {
		const struct item *const item = &writer->items[i];
		const uint64_t offset = item->extent.offset;

		if (item->size == 0)
			continue;
		ck_assert_uint_ge(offset, end);
		ck_assert_uint_eq(offset % alignment_of(writer, item->size), 0);
		ck_assert_uint_eq(item->extent.size, item->size);
		ck_assert_uint_eq(item->extent.stored_size, item->size);
		end = offset + item->size;
	}
	ck_assert_uint_eq(writer->plan.data_end, end);
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(no_more_is_left_out_than_alignment_needs)
{
	struct cairn_writer *const writer = random_plan(_i);
	uint64_t end = PAGE;

	for (uint64_t i = 0; i < writer->item_count; i++) {
		const struct item *const item = &writer->items[i];
		const uint64_t alignment = alignment_of(writer, item->size);

		if (item->size == 0)
			continue;
		/* a small item may begin a segment, at a page */
		ck_assert_uint_lt(item->extent.offset - end, alignment < PAGE ? PAGE : alignment);
		end = item->extent.offset + item->size;
	}
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(segments_are_pages_in_order)
{
	struct cairn_writer *const writer = random_plan(_i);
	const struct plan *const made = &writer->plan;
	const uint64_t most = writer->options.chunk_size > SEGMENT ? writer->options.chunk_size
								   : SEGMENT;
	uint64_t end = PAGE;

	for (uint64_t i = 0; i < made->segment_count; i++) {
		const struct segment *const segment = &made->segments[i];

		ck_assert_uint_ge(segment->offset, end);
		ck_assert_uint_eq(segment->offset % PAGE, 0);
		ck_assert_uint_eq(segment->size % PAGE, 0);
		ck_assert_uint_gt(segment->part_count, 0);
		ck_assert_uint_le(segment->size, most);
		ck_assert_uint_le(segment->size, made->segment_size_max);
		ck_assert(segment->has_callbacks);
		end = segment->offset + segment->size;
	}
	ck_assert_uint_le(end, made->index_offset - PAGE);
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(parts_are_whole_chunks_within_their_segments)
{
	struct cairn_writer *const writer = random_plan(_i);
	const struct plan *const made = &writer->plan;
	uint64_t next_part = 0;

	for (uint64_t i = 0; i < made->segment_count; i++) {
		const struct segment *const segment = &made->segments[i];

		ck_assert_uint_eq(segment->first_part, next_part);
		for (uint64_t k = 0; k < segment->part_count; k++) {
			const struct part *const part = &made->parts[next_part++];
			const uint64_t offset = part->item->extent.offset + part->offset;

			ck_assert_uint_eq(part->offset % writer->options.chunk_size, 0);
			ck_assert(part->offset + part->size == part->item->size ||
				  part->size % writer->options.chunk_size == 0);
			ck_assert_uint_ge(offset, segment->offset);
			ck_assert_uint_le(offset + part->size, segment->offset + segment->size);
		}
	}
	ck_assert_uint_eq(next_part, made->part_count);
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(parts_cover_every_item_once_in_order)
{
	struct cairn_writer *const writer = random_plan(_i);
	const struct plan *const made = &writer->plan;
	uint64_t part = 0;

	for (uint64_t i = 0; i < writer->item_count; i++) {
		uint64_t done = 0;

		while (done < writer->items[i].size) {
			ck_assert_uint_lt(part, made->part_count);
			ck_assert_ptr_eq(made->parts[part].item, &writer->items[i]);
			ck_assert_uint_eq(made->parts[part].offset, done);
			done += made->parts[part++].size;
		}
		ck_assert_uint_eq(done, writer->items[i].size);
	}
	ck_assert_uint_eq(part, made->part_count);
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(index_and_footer_follow_the_data)
{
	struct cairn_writer *const writer = random_plan(_i);
	const struct plan *const made = &writer->plan;
	const uint64_t copy = align_up(made->data_end, PAGE);

	ck_assert_uint_eq(made->index_offset % INDEX_BLOCK_SIZE, 0);
	ck_assert_uint_ge(made->index_offset, copy + PAGE); /* room for the footer's copy */
	ck_assert_uint_lt(made->index_offset, copy + PAGE + INDEX_BLOCK_SIZE);
	ck_assert_uint_eq(made->file_size,
			  align_up(made->index_offset + made->index_size, PAGE) + PAGE);
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(the_region_is_all_of_the_data)
{
	struct cairn_writer *const writer = random_plan(_i);
	const struct build_input *const input = &writer->input;

	if (writer->plan.data_end == PAGE) {
		ck_assert_uint_eq(input->region_count, 0);
	} else {
		ck_assert_uint_eq(input->region_count, 1);
		ck_assert_uint_eq(input->regions[0].offset, PAGE);
		ck_assert_uint_eq(input->regions[0].size, writer->plan.data_end - PAGE);
	}
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(nothing_at_all_needs_three_pages_and_an_index)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);

	plan(writer);
	ck_assert_uint_eq(writer->plan.segment_count, 0);
	ck_assert_uint_eq(writer->plan.data_end, PAGE);
	ck_assert_uint_eq(writer->plan.index_offset, INDEX_BLOCK_SIZE);
	cairn_writer_destroy(writer);
}
END_TEST

static const struct {
	uint64_t size;
	uint64_t alignment;
	uint64_t expected; /* offset of what comes after one byte */
} places[] = {
	{1, 0, 4096 + 64},         {65535, 0, 4096 + 64},     {65536, 0, 8192},
	{65536, 65536, 65536},     {65536, 2 << 20, 2 << 20}, {65535, 2 << 20, 4096 + 64},
	{SEGMENT - 8192, 0, 8192}, {SEGMENT - 4096, 0, 8192}, {20 << 20, 0, 8192},
};

START_TEST(size_decides_on_alignment)
{
	const struct cairn_writer_options options = {.alignment = places[_i].alignment};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

	add(writer, "a", 1);
	add(writer, "b", places[_i].size);
	plan(writer);
	ck_assert_uint_eq(writer->items[0].extent.offset, PAGE);
	ck_assert_uint_eq(writer->items[1].extent.offset, places[_i].expected);
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(more_than_fits_is_over_the_limit)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);

	add(writer, "a", (uint64_t)1 << 61);
	add(writer, "b", (uint64_t)1 << 61);
	ASSERT_OK(writer_group(writer, &test_error));
	ASSERT_FAILS(writer_plan(writer, &test_error), CAIRN_LIMIT, "2^62 bytes");
	cairn_writer_destroy(writer);
}
END_TEST

static Suite *plan_suite(void)
{
	Suite *suite = suite_create("plan");
	TCase *tests = tcase_create("plan");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, data_is_placed_in_order_and_aligned, 0, SEEDS);
	tcase_add_loop_test(tests, no_more_is_left_out_than_alignment_needs, 0, SEEDS);
	tcase_add_loop_test(tests, segments_are_pages_in_order, 0, SEEDS);
	tcase_add_loop_test(tests, parts_are_whole_chunks_within_their_segments, 0, SEEDS);
	tcase_add_loop_test(tests, parts_cover_every_item_once_in_order, 0, SEEDS);
	tcase_add_loop_test(tests, index_and_footer_follow_the_data, 0, SEEDS);
	tcase_add_loop_test(tests, the_region_is_all_of_the_data, 0, SEEDS);
	tcase_add_test(tests, nothing_at_all_needs_three_pages_and_an_index);
	tcase_add_loop_test(tests, size_decides_on_alignment, 0, COUNT_OF(places));
	tcase_add_test(tests, more_than_fits_is_over_the_limit);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(plan_suite());
}
