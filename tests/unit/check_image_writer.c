/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index image that is written piece by piece, all sections at once, is the one that is laid out
 * in memory: for random sizes around the borders of blocks and of runs of blocks.
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

/* Random pieces of random sections, until all are full. */
static enum cairn_status append_all(struct random *random, struct image_writer *writer,
				    const struct container_footer *footer, const uint8_t *image)
{
	uint64_t used[SECTION_TABLE_MAX] = {0};
	uint32_t full = 0;

	for (uint32_t i = 0; i < footer->section_count; i++)
		full += footer->sections[i].size == 0;
	while (full < footer->section_count) {
		const uint32_t i = (uint32_t)random_below(random, footer->section_count);
		const struct container_section *const section = &footer->sections[i];
		const uint64_t left = section->size - used[i];
		const uint64_t most = random_below(random, 8) == 0 ? 200000 : 3000;
		uint64_t piece = random_below(random, most);
		enum cairn_status status;

		if (left == 0)
			continue;
		if (piece > left)
			piece = left;
		status = image_append(writer, section->type, image + section->offset + used[i],
				      piece, &test_error);
		if (status != CAIRN_OK)
			return status;
		used[i] += piece;
		full += used[i] == section->size;
	}
	return CAIRN_OK;
}

static enum cairn_status write_image(struct random *random, const struct container_footer *footer,
				     const uint8_t *image, int fd, struct cairn_digest *root)
{
	struct image_writer *const writer = calloc(1, sizeof(*writer));
	struct test_arena arena;
	enum cairn_status status;

	test_arena_open(&arena, 0);
	status = image_writer_init(writer, scene.system, &arena.arena, fd, FILE_OFFSET, footer,
				   &test_error);
	if (status == CAIRN_OK)
		status = append_all(random, writer, footer, image);
	if (status == CAIRN_OK)
		status = image_writer_finish(writer, &test_error);
	*root = writer->root;
	test_arena_close(&arena);
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

static Suite *image_writer_suite(void)
{
	Suite *const suite = suite_create("image_writer");
	TCase *const tcase = tcase_create("image_writer");

	tcase_add_loop_test(tcase, images_of_random_sizes_are_those_made_in_memory, 0, 8);
	tcase_add_test(tcase, a_write_that_fails_is_an_error);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(image_writer_suite());
}
