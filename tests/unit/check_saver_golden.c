/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints that tf.train.Saver wrote, restored into a program and saved again: the same bytes,
 * in one piece and in shards, partitioned variables included.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "engine/train/saver.h"
#include "tests/support/build.h"
#include "tests/support/suite.h"
#include "tests/support/tensorflow_files.h"

#define VARIABLES_MAX 64

static struct scene scene;

/* A program whose variables are the slices of a checkpoint. */
struct program {
	struct cairn_saver_variable items[VARIABLES_MAX];
	struct cairn_variable variables[VARIABLES_MAX];
	uint64_t starts[VARIABLES_MAX][CAIRN_RANK_MAX];
	uint64_t lengths[VARIABLES_MAX][CAIRN_RANK_MAX];
	char devices[VARIABLES_MAX][16];
	uint64_t count;
	bool sharded;
};

static struct program program;

static void set_up(void)
{
	scene_open(&scene);
	memset(&program, 0, sizeof(program));
}

static void tear_down(void)
{
	for (uint64_t i = 0; i < program.count; i++)
		free(program.variables[i].data);
	scene_close(&scene);
}

static void add_slice(const struct cairn_tensor *tensor, uint32_t number)
{
	struct cairn_variable *const variable = &program.variables[program.count];
	struct cairn_stored_slice slice;

	ck_assert_uint_lt(program.count, VARIABLES_MAX);
	ASSERT_OK(cairn_tensor_stored_slice(tensor, number, &slice, &test_error));
	*variable = (struct cairn_variable){.dtype = tensor->dtype,
					    .rank = tensor->rank,
					    .dims = tensor->dims,
					    .data = malloc(slice.size + 1)};
	for (uint32_t d = 0; slice.extents != NULL && d < tensor->rank; d++) {
		variable->starts = program.starts[program.count];
		variable->lengths = program.lengths[program.count];
		program.starts[program.count][d] = slice.extents[2 * d];
		program.lengths[program.count][d] = slice.extents[2 * d + 1];
	}
	snprintf(program.devices[program.count], sizeof(program.devices[0]), "%05u", slice.shard);
	program.items[program.count] = (struct cairn_saver_variable){
		.name = tensor->name,
		.variable = variable,
		.device = program.devices[program.count]};
	program.count++;
}

/* Names and dims are borrowed from the reader. */
static void make_program(struct cairn_reader *reader)
{
	program.sharded = cairn_reader_shard_count(reader) > 1;
	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader); i++) {
		struct cairn_tensor tensor;

		ASSERT_OK(cairn_reader_tensor_at(reader, i, &tensor, &test_error));
		for (uint32_t k = 0; k < tensor.slice_count; k++)
			add_slice(&tensor, k);
	}
}

static void save_again(const char *prefix)
{
	const struct cairn_saver_options options = {.size = sizeof(options),
						    .format = CAIRN_SAVER_TENSORFLOW_V2,
						    .sharded = program.sharded};
	const struct cairn_saver_save_options save = {.size = sizeof(save), .skip_state = 1};
	struct cairn_saver *saver = NULL;
	char path[CAIRN_PATH_SIZE];

	ASSERT_OK(saver_create(scene.system, program.items, program.count, &options, &saver,
			       &test_error));
	ASSERT_OK(cairn_saver_restore(saver, prefix, NULL, &test_error));
	ASSERT_OK(cairn_saver_save(saver, "/again", &save, path, &test_error));
	cairn_saver_destroy(saver);
}

static void assert_same(const char *what, const char *prefix, const char *suffix)
{
	char path[PATH_MAX];
	struct bytes expected;
	struct bytes found;

	snprintf(path, sizeof(path), "%s%s", prefix, suffix);
	expected = scene_content(&scene, path);
	snprintf(path, sizeof(path), "/again%s", suffix);
	found = scene_content(&scene, path);
	ck_assert_msg(found.size == expected.size &&
			      memcmp(found.data, expected.data, found.size) == 0,
		      "%s: %s differs", what, suffix);
	bytes_free(&expected);
	bytes_free(&found);
}

/* Copies the files of a prefix from a folder of the disk into the scene. */
static void copy_files(const char *folder, const char *prefix)
{
	DIR *const listing = opendir(folder);

	ck_assert_ptr_nonnull(listing);
	for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
		const size_t size = strlen(prefix);
		char path[PATH_MAX];
		struct file_bytes file;

		if (strncmp(entry->d_name, prefix, size) != 0 || entry->d_name[size] != '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		file = disk_file(path);
		snprintf(path, sizeof(path), "/golden%s", entry->d_name + size);
		ck_assert_int_eq(memory_system_add_file(scene.memory, path, file.bytes, file.size),
				 0);
		free(file.bytes);
	}
	closedir(listing);
}

static void check_prefix(const char *folder, const char *prefix)
{
	struct cairn_reader *reader;
	uint32_t shards;

	copy_files(folder, prefix);
	reader = scene_reader(&scene, "/golden", NULL);
	make_program(reader);
	save_again("/golden");
	shards = cairn_reader_shard_count(reader);
	assert_same(folder, "/golden", ".index");
	for (uint32_t i = 0; i < shards; i++) {
		char suffix[64];

		snprintf(suffix, sizeof(suffix), ".data-%05u-of-%05u", i, shards);
		assert_same(folder, "/golden", suffix);
	}
	cairn_reader_close(reader);
}

START_TEST(what_a_saver_of_tensorflows_wrote_comes_out_again)
{
	char folder[PATH_MAX];
	const char *const data = getenv("CAIRN_TEST_DATA");

	ck_assert_ptr_nonnull(data);
	snprintf(folder, sizeof(folder), "%s/golden/tensorflow/saver", data);
	check_prefix(folder, _i == 0 ? "model-1" : "model-2");
}
END_TEST

static const struct {
	const char *folder;
	const char *prefix;
} corpus[] = {
	{"basic", "model.ckpt"},
	{"part_rows", "model.ckpt"},
	{"part_cols", "model.ckpt"},
	{"part_mixed", "model.ckpt"},
	{"saver_sharded", "model.ckpt"},
	{"saver_sharded_parts", "model.ckpt"},
	{"saver_history", "model.ckpt-10"},
	{"meta_graph", "model.ckpt-61"},
};

/* The shared corpus, where it is there. */
START_TEST(the_corpus_comes_out_again)
{
	char folder[PATH_MAX];
	const char *const source = getenv("CAIRN_SOURCE_DIR");
	DIR *listing;

	ck_assert_ptr_nonnull(source);
	snprintf(folder, sizeof(folder), "%s/../shared/tests/golden/tensorflow/%s", source,
		 corpus[_i].folder);
	listing = opendir(folder);
	if (listing == NULL)
		return;
	closedir(listing);
	check_prefix(folder, corpus[_i].prefix);
}
END_TEST

static Suite *saver_golden_suite(void)
{
	Suite *suite = suite_create("saver_golden");
	TCase *tests = tcase_create("saver_golden");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, what_a_saver_of_tensorflows_wrote_comes_out_again, 0, 2);
	tcase_add_loop_test(tests, the_corpus_comes_out_again, 0, COUNT_OF(corpus));
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(saver_golden_suite());
}
