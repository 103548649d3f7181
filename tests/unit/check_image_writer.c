/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index image that is written piece by piece, all sections at once and in several parts, is the
 * one that is laid out in memory: for random sizes around the borders of blocks and of runs of
 * blocks.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/write/image_writer.h"
#include "format/digest.h"
#include "format/index_build.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

#define FILE_OFFSET 4096u

static struct scene scene;

/* Records of `size` bytes that make a section end near a border. */
static uint64_t count_near_border(struct random *random, uint64_t size)
{
	static const uint64_t borders[] = {0, 0, 0, 1, 1, 2, 15, 16, 17, 33};
	const uint64_t border = borders[random_below(random, COUNT_OF(borders))] * INDEX_BLOCK_SIZE;
	const uint64_t count = border / size + random_below(random, 4);

	return count == 0 || random_below(random, 6) == 0 ? random_below(random, 300) : count;
}

static struct container_footer random_sections(struct random *random)
{
	const struct index_amounts amounts = {
		.tensors = count_near_border(random, TENSOR_RECORD_SIZE),
		.name_bytes = count_near_border(random, 1),
		.dims = count_near_border(random, 8),
		.slices = count_near_border(random, SLICE_RECORD_SIZE),
		.extents = count_near_border(random, EXTENT_RECORD_SIZE),
		.chunks = count_near_border(random, DIGEST_SIZE),
		.shards = 1 + random_below(random, 3),
		.regions = random_below(random, 3),
	};
	struct container_footer footer = {0};

	index_layout_sections(&amounts, &footer);
	return footer;
}

/* A random image with its tree; its root. To be freed. */
static uint8_t *model_image(struct random *random, const struct container_footer *footer,
			    const struct index_tree *tree, struct cairn_digest *root)
{
	uint8_t *const image = calloc(tree->image_size + 1, 1);

	ck_assert_ptr_nonnull(image);
	for (uint32_t i = 0; i < footer->section_count; i++)
		random_fill(random, image + footer->sections[i].offset, footer->sections[i].size);
	*root = index_tree_build(tree, footer->sections_size, image);
	return image;
}

/* ---------------------------------------------------------------------------------------- parts */

enum {
	PARTS_MAX = 4
};

/* Parts that fill the sections one after the other, each from a random record on. */
struct parts {
	struct image_part parts[PARTS_MAX];
	struct image_range ranges[PARTS_MAX][SECTION_KNOWN_COUNT + 1];
	uint64_t used[PARTS_MAX][SECTION_KNOWN_COUNT + 1];
	uint32_t count;
	uint32_t left; /* shares that are not full */
};

static void choose_ranges(struct random *random, const struct container_footer *footer,
			  struct parts *parts)
{
	parts->count = 1 + (uint32_t)random_below(random, PARTS_MAX);
	for (uint32_t i = 0; i < footer->section_count; i++) {
		const struct container_section *const section = &footer->sections[i];
		uint64_t start = 0;

		for (uint32_t part = 0; part < parts->count; part++) {
			const uint64_t rest = (section->size - start) / section->record_size;
			const uint64_t share = part + 1 == parts->count
						       ? rest
						       : random_below(random, rest + 1);
			struct image_range *const range = &parts->ranges[part][section->type];

			range->start = start;
			range->end = start += share * section->record_size;
			parts->left += range->end != range->start;
		}
	}
}

/* A random piece of a random share; whether one was chosen. */
static bool append_piece(struct random *random, struct parts *parts,
			 const struct image_writer *writer, const uint8_t *image,
			 enum cairn_status *status)
{
	const uint32_t part = (uint32_t)random_below(random, parts->count);
	const uint32_t type = 1 + (uint32_t)random_below(random, SECTION_KNOWN_COUNT);
	const struct image_range *const range = &parts->ranges[part][type];
	uint64_t *const used = &parts->used[part][type];
	const uint64_t left = range->end - range->start - *used;
	const uint8_t *const bytes = image + writer->sections[type].offset + range->start + *used;
	uint64_t piece = random_below(random, random_below(random, 8) == 0 ? 200000 : 3000);
	uint8_t *place = NULL;

	if (left == 0)
		return false;
	if (piece > left)
		piece = left;
	if (random_below(random, 2) == 0)
		place = image_place(&parts->parts[part], type, piece);
	if (place != NULL)
		memcpy(place, bytes, piece);
	else
		*status = image_append(&parts->parts[part], type, bytes, piece, &test_error);
	*used += piece;
	parts->left -= piece == left;
	return true;
}

static enum cairn_status append_all(struct random *random, struct image_writer *writer,
				    struct parts *parts, const uint8_t *image)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < parts->count && status == CAIRN_OK; i++)
		status = image_part_init(&parts->parts[i], writer, parts->ranges[i], &test_error);
	while (status == CAIRN_OK && parts->left > 0) {
		/* others may find the hint of a thread that writes */
		if (random_below(random, 4) == 0)
			atomic_flag_test_and_set(&writer->is_writing);
		append_piece(random, parts, writer, image, &status);
		atomic_flag_clear(&writer->is_writing);
	}
	for (uint32_t i = 0; i < parts->count && status == CAIRN_OK; i++)
		status = image_part_finish(&parts->parts[i], &test_error);
	return status;
}

static enum cairn_status write_image(struct random *random, const struct container_footer *footer,
				     const uint8_t *image, int fd, struct cairn_digest *root)
{
	struct image_writer *const writer = calloc(1, sizeof(*writer));
	struct parts *const parts = calloc(1, sizeof(*parts));
	struct test_arena arena;
	enum cairn_status status;

	test_arena_open(&arena, 0);
	choose_ranges(random, footer, parts);
	status = image_writer_init(writer, scene.system, &arena.arena, fd, FILE_OFFSET, footer,
				   &test_error);
	if (status == CAIRN_OK)
		status = append_all(random, writer, parts, image);
	if (status == CAIRN_OK)
		status = image_writer_finish(writer, &test_error);
	*root = writer->root;
	test_arena_close(&arena);
	free(parts);
	free(writer);
	return status;
}

static void run(uint64_t seed)
{
	struct random random = {seed};
	const struct container_footer footer = random_sections(&random);
	struct cairn_digest expected;
	struct cairn_digest root;
	struct index_tree tree;
	struct bytes file;
	uint8_t *image;
	int fd;

	ck_assert(index_tree_layout(footer.sections_size, &tree));
	image = model_image(&random, &footer, &tree, &expected);
	fd = system_create(scene.system, SYSTEM_CWD, "image", 0644, 0);
	ck_assert_int_ge(fd, 0);
	ASSERT_OK(write_image(&random, &footer, image, fd, &root));
	system_close(scene.system, fd);
	file = scene_content(&scene, "image");
	ck_assert_msg(file.size == FILE_OFFSET + tree.image_size, "seed %u: %u bytes",
		      (unsigned int)seed, (unsigned int)file.size);
	ck_assert_msg(memcmp(file.data + FILE_OFFSET, image, tree.image_size) == 0, "seed %u",
		      (unsigned int)seed);
	ck_assert_msg(memcmp(root.bytes, expected.bytes, 16) == 0, "seed %u: another root",
		      (unsigned int)seed);
	bytes_free(&file);
	free(image);
	ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, "image"), 0);
}

START_TEST(images_of_random_sizes_are_those_made_in_memory)
{
	const uint64_t rounds = getenv("CAIRN_TEST_LONG") != NULL ? 1000 : 25;

	scene_open(&scene);
	for (uint64_t i = 0; i < rounds; i++)
		run((uint64_t)_i * 100000 + i);
	scene_close(&scene);
}
END_TEST

START_TEST(a_write_that_fails_is_an_error)
{
	struct random random = {99};
	const struct container_footer footer = random_sections(&random);
	const struct memory_fault fault = {.call = MEMORY_CALL_PWRITE, .error = ENOSPC};
	struct memory_fault at = fault;
	struct cairn_digest root;
	struct index_tree tree;
	uint8_t *image;
	uint64_t calls;
	int fd;

	scene_open(&scene);
	ck_assert(index_tree_layout(footer.sections_size, &tree));
	image = model_image(&random, &footer, &tree, &root);
	fd = system_create(scene.system, SYSTEM_CWD, "image", 0644, 0);
	ASSERT_OK(write_image(&random, &footer, image, fd, &root));
	calls = memory_system_calls(scene.memory, MEMORY_CALL_PWRITE);
	ck_assert_uint_gt(calls, 1);
	for (uint64_t i = 1; i <= calls / 2; i++) {
		memory_system_clear_faults(scene.memory);
		at.at = i;
		memory_system_set_fault(scene.memory, 0, &at);
		ASSERT_STATUS(write_image(&random, &footer, image, fd, &root), CAIRN_IO);
		ck_assert_int_eq(test_error.system_errno, ENOSPC);
	}
	free(image);
	system_close(scene.system, fd);
	scene_close(&scene);
}
END_TEST

/* What was counted before is what comes: more or less is an error, and writes nothing elsewhere. */
START_TEST(a_share_that_turns_out_larger_or_smaller_is_an_error)
{
	const struct index_amounts amounts = {.tensors = 3, .name_bytes = 200000, .shards = 1};
	struct image_range ranges[SECTION_KNOWN_COUNT + 1] = {[SECTION_NAMES] = {0, 200000}};
	static uint8_t bytes[200001];
	struct container_footer footer = {0};
	struct image_writer writer;
	struct image_part part;
	struct test_arena arena;
	int fd;

	scene_open(&scene);
	test_arena_open(&arena, 0);
	index_layout_sections(&amounts, &footer);
	fd = system_create(scene.system, SYSTEM_CWD, "image", 0644, 0);
	ASSERT_OK(image_writer_init(&writer, scene.system, &arena.arena, fd, FILE_OFFSET, &footer,
				    &test_error));
	ASSERT_OK(image_part_init(&part, &writer, ranges, &test_error));
	ASSERT_FAILS(image_append(&part, SECTION_NAMES, bytes, 200001, &test_error), CAIRN_BUSY,
		     "changed while it was merged");
	ASSERT_FAILS(image_append(&part, SECTION_TENSORS, bytes, 1, &test_error), CAIRN_BUSY,
		     "changed");
	ASSERT_OK(image_append(&part, SECTION_NAMES, bytes, 199999, &test_error));
	ASSERT_FAILS(image_part_finish(&part, &test_error), CAIRN_BUSY, "changed");
	ck_assert_ptr_null(image_place(&part, SECTION_NAMES, 2));
	ASSERT_FAILS(image_append(&part, SECTION_NAMES, bytes, 2, &test_error), CAIRN_BUSY,
		     "changed");
	ASSERT_OK(image_append(&part, SECTION_NAMES, bytes, 1, &test_error));
	ASSERT_OK(image_part_finish(&part, &test_error));
	test_arena_close(&arena);
	system_close(scene.system, fd);
	scene_close(&scene);
}
END_TEST

static Suite *image_writer_suite(void)
{
	Suite *const suite = suite_create("image_writer");
	TCase *const tcase = tcase_create("image_writer");

	tcase_add_loop_test(tcase, images_of_random_sizes_are_those_made_in_memory, 0, 8);
	tcase_add_test(tcase, a_write_that_fails_is_an_error);
	tcase_add_test(tcase, a_share_that_turns_out_larger_or_smaller_is_an_error);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(image_writer_suite());
}
