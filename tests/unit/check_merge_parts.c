/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a merge is the same, byte for byte, in how many parts it is merged and whether the
 * quick way did; and names out of order, or indexes that change meanwhile, are errors in each.
 */
#include <stdio.h>

#include "engine/write/draft.h"
#include "engine/write/merge.h"
#include "engine/write/shard_names.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

enum {
	SOURCES_MAX = 6,
	TENSORS = 60
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

static const char *source_path(uint32_t number)
{
	static char path[32];

	snprintf(path, sizeof(path), "s%u.cairn", number);
	return path;
}

/* ---------------------------------------------------------------------------------- the sources */

/* What else than plain tensors there may be, in one of a few. */
enum kind {
	KIND_PLAIN,
	KIND_REPLICA,
	KIND_SLICED,
	KIND_ALIAS,
	KIND_LARGE, /* in the index: many digests, or a long name */
	KIND_COUNT
};

struct recipe {
	struct random random;
	struct cairn_writer *writers[SOURCES_MAX];
	char held[SOURCES_MAX][1100]; /* a whole tensor of each source; or empty */
	uint32_t count;
};

static uint8_t pool[700000];

/* Names that are alike for long, beginnings of each other, or empty. */
static void make_name(struct random *random, uint32_t number, enum kind kind, char *name,
		      size_t size)
{
	static const char *const begins[] = {"", "model.layers.0000.experts.", "model.",
					     "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9."};
	static const char *const ends[] = {"", ".", ".weight"};
	const char *const begin = begins[random_below(random, COUNT_OF(begins))];
	const char *const end = ends[random_below(random, COUNT_OF(ends))];

	if (number == 0)
		name[0] = '\0';
	else
		snprintf(name, size, "%s%0*u%s%*s", begin, number % 3 == 0 ? 4 : 1, number, end,
			 kind == KIND_LARGE ? 1000 : 0, "");
}

static void add_whole(struct recipe *recipe, const char *name, enum kind kind)
{
	const uint32_t home = (uint32_t)random_below(&recipe->random, recipe->count);
	const uint64_t dims[3] = {kind == KIND_LARGE && random_below(&recipe->random, 2) == 0
					  ? 600000 + random_below(&recipe->random, 1000)
					  : random_below(&recipe->random, 4),
				  1 + random_below(&recipe->random, 3), 1};
	const struct cairn_tensor_spec spec = {
		.name = cairn_string_from(name),
		.dtype = CAIRN_U8,
		.rank = dims[0] > 4 ? 1 : (uint32_t)random_below(&recipe->random, 4),
		.dims = dims};

	for (uint32_t i = 0; i < recipe->count; i++) {
		if (i != home && (kind != KIND_REPLICA || random_below(&recipe->random, 2) == 0))
			continue;
		ASSERT_OK(cairn_writer_add_spec(recipe->writers[i], &spec, pool + strlen(name) % 7,
						&test_error));
		snprintf(recipe->held[i], sizeof(recipe->held[i]), "%s", name);
	}
}

/* Two halves in any two sources, one of them perhaps in a third one too. */
static void add_halves(struct recipe *recipe, const char *name)
{
	const uint64_t dims[2] = {2 + random_below(&recipe->random, 4), 3};
	const uint64_t cut = dims[0] / 2;

	for (uint64_t half = 0; half < 2; half++) {
		const uint64_t starts[2] = {half == 0 ? 0 : cut, 0};
		const uint64_t lengths[2] = {half == 0 ? cut : dims[0] - cut, 3};
		const uint32_t home = (uint32_t)random_below(&recipe->random, recipe->count);
		const struct cairn_tensor_spec spec = {.name = cairn_string_from(name),
						       .dtype = CAIRN_U8,
						       .rank = 2,
						       .dims = dims,
						       .starts = starts,
						       .lengths = lengths};

		for (uint32_t i = 0; i < recipe->count; i++) {
			if (i == home || random_below(&recipe->random, 4) == 0)
				ASSERT_OK(cairn_writer_add_spec(recipe->writers[i], &spec,
								pool + half, &test_error));
		}
	}
}

static void add_alias(struct recipe *recipe, const char *name)
{
	const uint32_t home = (uint32_t)random_below(&recipe->random, recipe->count);
	const char *const held = recipe->held[home];

	if (held[0] == '\0')
		return;
	ASSERT_OK(cairn_writer_add_alias(recipe->writers[home], cairn_string_from(name),
					 cairn_string_from(held), &test_error));
}

/* `others`: one tensor in so many is not plain; 0: all are. Returns the number of sources. */
static uint32_t make_sources(uint64_t seed, uint32_t others)
{
	struct recipe recipe = {.random = {seed}};

	recipe.count = 1 + (uint32_t)random_below(&recipe.random, SOURCES_MAX);
	for (uint32_t i = 0; i < recipe.count; i++)
		recipe.writers[i] = scene_writer(&scene, source_path(i), NULL);
	for (uint32_t i = 0; i < TENSORS; i++) {
		enum kind kind = KIND_PLAIN;
		char name[1100];

		if (others != 0 && random_below(&recipe.random, others) == 0)
			kind = (enum kind)random_below(&recipe.random, KIND_COUNT);
		make_name(&recipe.random, i, kind, name, sizeof(name));
		if (kind == KIND_SLICED)
			add_halves(&recipe, name);
		else if (kind == KIND_ALIAS)
			add_alias(&recipe, name);
		else
			add_whole(&recipe, name, kind);
	}
	for (uint32_t i = 0; i < recipe.count; i++) {
		if (others != 0)
			ASSERT_OK(cairn_writer_set_metadata_string(
				recipe.writers[i], cairn_string_from("key"),
				cairn_string_from("value"), &test_error));
		finish_writer(recipe.writers[i]);
	}
	return recipe.count;
}

/* ------------------------------------------------------------------------------------ the merge */

/* How to merge. */
struct way {
	uint32_t part_count;
	bool careful; /* not the quick way */
};

struct merging {
	struct cairn_reader *readers[SOURCES_MAX];
	uint32_t count;
	struct merge merge;
	struct folder folder;
	struct draft draft;
};

static void begin(struct merging *merging, uint32_t count, uint32_t part_count)
{
	char name[SYSTEM_NAME_SIZE];

	*merging = (struct merging){.count = count};
	for (uint32_t i = 0; i < count; i++)
		merging->readers[i] = scene_reader(&scene, source_path(i), &merge_reader_options);
	ASSERT_OK(merge_init(&merging->merge, scene.system, merging->readers, count, false,
			     &test_error));
	merging->merge.part_count = part_count;
	ASSERT_OK(folder_open(scene.system, "index", &merging->folder, name, &test_error));
}

static void end(struct merging *merging)
{
	draft_discard(&merging->draft);
	folder_close(&merging->folder);
	merge_fini(&merging->merge);
	for (uint32_t i = 0; i < merging->count; i++)
		cairn_reader_close(merging->readers[i]);
}

static enum cairn_status write_index(struct merging *merging)
{
	const struct merge_identity identity = {.alignment = CONTAINER_ALIGNMENT_MIN};
	struct merge *const merge = &merging->merge;
	struct cairn_digest content_id;

	for (uint32_t i = 0; i < merge->shard_count; i++)
		shard_file_name(i, merge->shard_count, NULL, merge->shards[i].name);
	draft_discard(&merging->draft);
	ASSERT_OK(draft_create(&merging->folder, "index", false, &merging->draft, &test_error));
	return merge_write(merge, &identity, &merging->draft, &content_id, &test_error);
}

static struct bytes draft_content(const struct merging *merging)
{
	struct system_status status;
	struct bytes bytes;

	ck_assert_int_eq(system_status(scene.system, merging->draft.fd, &status), 0);
	bytes.size = status.size;
	bytes.data = malloc(bytes.size);
	ck_assert_int_eq(
		system_read_all(scene.system, merging->draft.fd, bytes.data, bytes.size, 0),
		(int64_t)bytes.size);
	return bytes;
}

/* The index; *quick: the quick way did. To be freed. */
static struct bytes merge_in(struct way way, uint32_t count, bool *quick)
{
	struct merging merging;
	struct bytes bytes;
	enum cairn_status status;

	begin(&merging, count, way.part_count);
	ASSERT_OK(merge_plan(&merging.merge, &test_error));
	if (way.careful)
		ASSERT_OK(merge_plan_tensors(&merging.merge, &test_error));
	*quick = merging.merge.is_quick;
	status = write_index(&merging);
	if (*quick && !merging.merge.is_quick) {
		*quick = false;
		ck_assert_int_eq(status, CAIRN_BUSY);
		ASSERT_OK(merge_plan_tensors(&merging.merge, &test_error));
		status = write_index(&merging);
	}
	ck_assert_int_eq(status, CAIRN_OK);
	bytes = draft_content(&merging);
	end(&merging);
	return bytes;
}

static const struct way ways[] = {{1, true}, {1, false}, {2, false}, {2, true},
				  {3, true}, {5, false}, {8, true}};

/* Returns whether the quick way did. */
static bool assert_same_in_all_ways(uint64_t seed, uint32_t count)
{
	bool quick = false;
	bool any = false;
	const struct bytes first = merge_in(ways[0], count, &quick);

	ck_assert(!quick);
	for (uint32_t i = 1; i < COUNT_OF(ways); i++) {
		struct bytes bytes = merge_in(ways[i], count, &quick);

		any |= quick;
		ck_assert_msg(bytes.size == first.size &&
				      memcmp(bytes.data, first.data, bytes.size) == 0,
			      "seed %u: another index in %u parts", (unsigned int)seed,
			      ways[i].part_count);
		bytes_free(&bytes);
	}
	free(first.data);
	return any;
}

static void remove_sources(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, source_path(i)), 0);
}

/* Loop index: all are plain; few or many are not. */
START_TEST(the_index_does_not_depend_on_parts_or_on_the_way)
{
	static const uint32_t others[] = {0, 40, 3};
	const uint64_t rounds = getenv("CAIRN_TEST_LONG") != NULL ? 500 : 12;

	for (uint64_t i = 0; i < rounds; i++) {
		const uint64_t seed = (uint64_t)_i * 100000 + i;
		const uint32_t count = make_sources(seed, others[_i]);
		const bool quick = assert_same_in_all_ways(seed, count);

		ck_assert(quick || others[_i] != 0);
		remove_sources(count);
	}
}
END_TEST

/* The parts are about the same size, also where sources are of one length. */
START_TEST(parts_are_of_one_size)
{
	enum {
		COUNT = 4,
		EACH = 500
	};
	struct merging merging;

	for (uint32_t i = 0; i < COUNT; i++) {
		struct cairn_writer *const writer = scene_writer(&scene, source_path(i), NULL);

		for (uint32_t k = 0; k < EACH; k++) {
			char name[32];

			snprintf(name, sizeof(name), "t%04u.%u", k, i);
			ASSERT_OK(cairn_writer_add_copy(writer, name, CAIRN_U8, 0, NULL, pool,
							&test_error));
		}
		finish_writer(writer);
	}
	begin(&merging, COUNT, 4);
	ASSERT_OK(merge_plan(&merging.merge, &test_error));
	ck_assert_uint_eq(merging.merge.part_count, 4);
	for (uint32_t part = 0; part < 4; part++) {
		uint64_t tensors = 0;

		for (uint32_t i = 0; i < COUNT; i++)
			tensors += merging.merge.parts[part].ends[i] -
				   merging.merge.parts[part].begins[i];
		ck_assert_uint_ge(tensors, COUNT * EACH / 4 * 9 / 10);
	}
	end(&merging);
}
END_TEST

/* ------------------------------------------------------------------------------------- mistakes */

/* Loop index: a pair of neighbours that change places, so that the error is in any of the parts. */
START_TEST(names_out_of_order_are_found_in_every_part)
{
	enum {
		EACH = 40
	};
	const uint32_t at = (uint32_t)_i * 9;
	struct merging merging;
	struct bytes container;
	uint8_t *records;
	uint8_t spare[8];

	for (uint32_t i = 0; i < 2; i++) {
		struct cairn_writer *const writer = scene_writer(&scene, source_path(i), NULL);

		for (uint32_t k = 0; k < EACH; k++) {
			char name[32];

			snprintf(name, sizeof(name), "t%04u.%u", k, i);
			ASSERT_OK(cairn_writer_add_copy(writer, name, CAIRN_U8, 0, NULL, pool,
							&test_error));
		}
		finish_writer(writer);
	}
	container = scene_content(&scene, source_path(1));
	records = container_record(&container, SECTION_TENSORS, at);
	memcpy(spare, records, sizeof(spare)); /* name_offset */
	memcpy(records, records + TENSOR_RECORD_SIZE, sizeof(spare));
	memcpy(records + TENSOR_RECORD_SIZE, spare, sizeof(spare));
	container_reseal(&container);
	ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, source_path(1)), 0);
	scene_add_file(&scene, source_path(1), &container);
	for (uint32_t parts = 1; parts <= 4; parts++) {
		begin(&merging, 2, parts);
		ASSERT_OK(merge_plan(&merging.merge, &test_error));
		if (merging.merge.is_quick) {
			ASSERT_STATUS(write_index(&merging), CAIRN_BUSY);
			ck_assert(!merging.merge.is_quick);
		}
		ASSERT_FAILS(merge_plan_tensors(&merging.merge, &test_error), CAIRN_CORRUPT,
			     "not in its place in the order of names");
		ck_assert_ptr_nonnull(strstr(test_error.message, source_path(1)));
		end(&merging);
	}
	bytes_free(&container);
}
END_TEST

/* A value of an index that lies in memory which somebody else changes. */
struct change {
	enum section_type section;
	uint32_t offset; /* in the record */
	uint8_t value;
};

static const struct change changes[] = {
	{SECTION_TENSORS, 8, 200},  /* name_size */
	{SECTION_TENSORS, 14, 200}, /* rank */
	{SECTION_TENSORS, 32, 0},   /* slice_count: none */
	{SECTION_TENSORS, 36, 2},   /* flags: an alias */
	{SECTION_TENSORS, 48, 0},   /* block_elements: not valid */
	{SECTION_SLICES, 16, 0},    /* extent_count */
	{SECTION_SLICES, 27, 1},    /* size: 16 MiB and chunks of as much */
	{SECTION_EXTENTS, 32, 9},   /* shard: not valid */
};

/* Loop index: what changes after the plan. */
START_TEST(an_index_that_changes_meanwhile_is_an_error)
{
	const struct change *const change = &changes[_i];
	struct bytes container;
	struct merging merging;
	uint8_t *value;
	uint8_t was;

	make_sources(77, 0);
	container = scene_content(&scene, source_path(0));
	for (int careful = 0; careful < 2; careful++) {
		begin(&merging, 1, 2);
		cairn_reader_close(merging.readers[0]);
		ASSERT_OK(reader_open_bytes(scene.system, container.data, container.size, NULL,
					    &merging.readers[0], &test_error));
		merging.merge.sources[0].reader = merging.readers[0];
		ASSERT_OK(merge_plan(&merging.merge, &test_error));
		if (careful)
			ASSERT_OK(merge_plan_tensors(&merging.merge, &test_error));
		value = container_record(&container, change->section, 7) + change->offset;
		was = *value;
		*value = change->value;
		ck_assert_int_ne(write_index(&merging), CAIRN_OK);
		*value = was;
		end(&merging);
	}
	bytes_free(&container);
}
END_TEST

static Suite *merge_parts_suite(void)
{
	Suite *const suite = suite_create("merge_parts");
	TCase *const tcase = tcase_create("merge_parts");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, the_index_does_not_depend_on_parts_or_on_the_way, 0, 3);
	tcase_add_test(tcase, parts_are_of_one_size);
	tcase_add_loop_test(tcase, names_out_of_order_are_found_in_every_part, 0, 5);
	tcase_add_loop_test(tcase, an_index_that_changes_meanwhile_is_an_error, 0,
			    COUNT_OF(changes));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(merge_parts_suite());
}
