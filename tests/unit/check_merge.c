/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging: what is equal is kept once, what belongs together is put together, and each mistake has
 * an error of its own. Random checkpoints are compared with a naive model.
 */
#include <errno.h>
#include <stdio.h>

#include <cairn/save.h>
#include <cairn/verify.h>

#include "tests/support/build.h"
#include "tests/support/model.h"
#include "tests/support/sample_model.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

#define FOLDER "folder"
#define TARGET "folder/merged"

static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
	memory_system_settings(scene.memory)->threads_inline = true;
	ck_assert_int_eq(memory_system_add_directory(scene.memory, FOLDER), 0);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static const char *source_path(uint32_t number)
{
	static char paths[4][64];
	static uint32_t next;
	char *const path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), FOLDER "/s%u.cairn", number);
	return path;
}

static struct cairn_writer *source(uint32_t number)
{
	return scene_writer(&scene, source_path(number), NULL);
}

static enum cairn_status merge_to(const char *target, uint32_t count,
				  const struct cairn_merge_options *options,
				  struct cairn_merge_report *report)
{
	static char paths[8][64];
	const char *sources[8];

	for (uint32_t i = 0; i < count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s", source_path(i));
		sources[i] = paths[i];
	}
	return merge_checkpoints(scene.system, sources, count, target, options, report,
				 &test_error);
}

static enum cairn_status merge(uint32_t count)
{
	return merge_to(TARGET, count, NULL, NULL);
}

static void add(struct cairn_writer *writer, const char *name, enum cairn_dtype dtype,
		uint64_t count, const char *bytes)
{
	ASSERT_OK(cairn_writer_add_copy(writer, name, dtype, 1, &count, bytes, &test_error));
}

/* A slice of a vector of `count` bytes. */
static void add_piece(struct cairn_writer *writer, const char *name, uint64_t count, uint64_t start,
		      uint64_t length, const char *bytes)
{
	const struct cairn_tensor_spec spec = {.name = cairn_string_from(name),
					       .dtype = CAIRN_U8,
					       .rank = 1,
					       .dims = &count,
					       .starts = &start,
					       .lengths = &length};

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, bytes, &test_error));
}

static void alias(struct cairn_writer *writer, const char *name, const char *target)
{
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from(name), cairn_string_from(target),
					 &test_error));
}

static void put_text(struct cairn_writer *writer, const char *key, const char *text)
{
	ASSERT_OK(cairn_writer_set_metadata_string(writer, cairn_string_from(key),
						   cairn_string_from(text), &test_error));
}

static void check_bytes(struct cairn_reader *reader, const char *name, const char *expected)
{
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.size, strlen(expected));
	ck_assert_mem_eq(view.data, expected, view.size);
	cairn_view_release(&view);
}

static uint32_t slices_of(struct cairn_reader *reader, const char *name)
{
	struct cairn_tensor tensor;

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	return tensor.slice_count;
}

/* Opens with every record checked, and verifies. */
static struct cairn_reader *open_checked(const char *path)
{
	const struct cairn_reader_options options = {.flags = CAIRN_OPEN_CHECK_INDEX};
	struct cairn_reader *const reader = scene_reader(&scene, path, &options);

	ASSERT_OK(sample_verify(reader, &test_error));
	return reader;
}

static void refused(uint32_t count, enum cairn_status status, const char *part)
{
	ASSERT_FAILS(merge(count), status, part);
	ck_assert(!memory_system_exists(scene.memory, TARGET));
	for (uint32_t i = 0; i < count; i++)
		ck_assert(memory_system_exists(scene.memory, source_path(i)));
}

/* ---------------------------------------------------------------------------- whole and slices */

START_TEST(tensors_of_all_sources_are_there_in_order)
{
	struct cairn_reader *reader;
	struct cairn_writer *writer;

	writer = source(0);
	add(writer, "b", CAIRN_U8, 2, "bb");
	add(writer, "d", CAIRN_U8, 2, "dd");
	finish_writer(writer);
	writer = source(1);
	add(writer, "a", CAIRN_U8, 2, "aa");
	add(writer, "c", CAIRN_U8, 2, "cc");
	add(writer, "e", CAIRN_U8, 0, "");
	finish_writer(writer);
	ASSERT_OK(merge(2));
	reader = open_checked(TARGET);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 5);
	check_bytes(reader, "a", "aa");
	check_bytes(reader, "b", "bb");
	check_bytes(reader, "c", "cc");
	check_bytes(reader, "d", "dd");
	check_bytes(reader, "e", "");
	cairn_reader_close(reader);
	ck_assert_uint_eq(scene_entries(&scene, TARGET), 3);
}
END_TEST

START_TEST(equal_tensors_are_kept_once_and_a_shard_of_only_copies_is_left_out)
{
	struct cairn_merge_report report = {0};
	struct cairn_reader *reader;

	for (uint32_t i = 0; i < 3; i++) {
		struct cairn_writer *const writer = source(i);

		add(writer, "w", CAIRN_U8, 3, "www");
		if (i == 2)
			add(writer, "x", CAIRN_U8, 1, "x");
		finish_writer(writer);
	}
	ASSERT_OK(merge_to(TARGET, 3, NULL, &report));
	ck_assert_uint_eq(report.shards, 2);
	ck_assert_uint_eq(report.copied, 0);
	reader = open_checked(TARGET);
	check_bytes(reader, "w", "www");
	check_bytes(reader, "x", "x");
	ck_assert_uint_eq(slices_of(reader, "w"), 1);
	cairn_reader_close(reader);
	ck_assert_uint_eq(scene_entries(&scene, TARGET), 3);
}
END_TEST

START_TEST(slices_are_put_together_and_replicas_kept_once)
{
	struct cairn_reader *reader;
	struct cairn_writer *writer;

	writer = source(0);
	add_piece(writer, "v", 6, 4, 2, "ef");
	add_piece(writer, "v", 6, 0, 2, "ab");
	finish_writer(writer);
	writer = source(1);
	add_piece(writer, "v", 6, 2, 2, "cd");
	add_piece(writer, "v", 6, 0, 2, "ab");
	finish_writer(writer);
	ASSERT_OK(merge(2));
	reader = open_checked(TARGET);
	check_bytes(reader, "v", "abcdef");
	ck_assert_uint_eq(slices_of(reader, "v"), 3);
	cairn_reader_close(reader);
}
END_TEST

/* ------------------------------------------------------------------------------------ mistakes */

struct conflict {
	const char *what;
	enum cairn_status status;
	enum cairn_dtype dtype; /* of the second; a vector */
	uint64_t count;
	uint64_t start;
	uint64_t length; /* 0: whole */
	const char *bytes;
	bool first_is_sliced; /* its first half */
};

static const struct conflict conflicts[] = {
	{"different bytes", CAIRN_EXISTS, CAIRN_U8, 4, 0, 0, "abcX", false},
	{"different types", CAIRN_MISMATCH, CAIRN_I8, 4, 0, 0, "abcd", false},
	{"different shapes", CAIRN_MISMATCH, CAIRN_U8, 5, 0, 0, "abcde", false},
	{"whole in one and sliced", CAIRN_EXISTS, CAIRN_U8, 4, 0, 2, "ab", false},
	{"same slice has different bytes", CAIRN_EXISTS, CAIRN_U8, 4, 0, 2, "aX", true},
	{"overlap", CAIRN_MISMATCH, CAIRN_U8, 4, 1, 3, "bcd", true},
	{"slices are missing: 3 of 4", CAIRN_PRECONDITION, CAIRN_U8, 4, 3, 1, "d", true},
	{"different shapes", CAIRN_MISMATCH, CAIRN_U8, 6, 2, 4, "cdef", true},
};

START_TEST(what_does_not_fit_together_is_named)
{
	const struct conflict *const conflict = &conflicts[_i];
	struct cairn_writer *writer = source(0);

	if (conflict->first_is_sliced)
		add_piece(writer, "t", 4, 0, 2, "ab");
	else
		add(writer, "t", CAIRN_U8, 4, "abcd");
	add(writer, "z", CAIRN_U8, 1, "z");
	finish_writer(writer);
	writer = source(1);
	if (conflict->length != 0)
		add_piece(writer, "t", conflict->count, conflict->start, conflict->length,
			  conflict->bytes);
	else
		add(writer, "t", conflict->dtype, conflict->count, conflict->bytes);
	finish_writer(writer);
	refused(2, conflict->status, conflict->what);
	ck_assert_ptr_nonnull(strstr(test_error.message, "'t'"));
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 2);
}
END_TEST

START_TEST(missing_slices_can_be_allowed)
{
	const struct cairn_merge_options options = {.allow_incomplete = 1};
	struct cairn_tensor tensor;
	struct cairn_view view = {0};
	struct cairn_reader *reader;
	struct cairn_writer *writer;

	writer = source(0);
	add_piece(writer, "t", 6, 0, 2, "ab");
	finish_writer(writer);
	writer = source(1);
	add_piece(writer, "t", 6, 4, 2, "ef");
	finish_writer(writer);
	ASSERT_OK(merge_to(TARGET, 2, &options, NULL));
	reader = open_checked(TARGET);
	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	ck_assert_uint_ne(tensor.flags & CAIRN_TENSOR_INCOMPLETE, 0);
	ASSERT_STATUS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_PRECONDITION);
	ASSERT_OK(cairn_tensor_view_slice(&tensor, (const uint64_t[]){4}, (const uint64_t[]){2},
					  &view, &test_error));
	ck_assert_mem_eq(view.data, "ef", 2);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

/* ------------------------------------------------------------------------------------- aliases */

START_TEST(aliases_stay_and_meet_their_equals)
{
	struct cairn_reader *reader;
	struct cairn_writer *writer;

	writer = source(0);
	add(writer, "m", CAIRN_U8, 2, "mm");
	alias(writer, "p", "m");
	finish_writer(writer);
	writer = source(1);
	add(writer, "p", CAIRN_U8, 2, "mm"); /* whole here */
	add(writer, "q", CAIRN_U8, 1, "q");
	finish_writer(writer);
	writer = source(2);
	add(writer, "p", CAIRN_U8, 2, "mm");
	alias(writer, "z", "p"); /* of what becomes an alias itself */
	finish_writer(writer);
	ASSERT_OK(merge(3));
	reader = open_checked(TARGET);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 4);
	check_bytes(reader, "m", "mm");
	check_bytes(reader, "p", "mm");
	check_bytes(reader, "q", "q");
	check_bytes(reader, "z", "mm");
	cairn_reader_close(reader);
}
END_TEST

START_TEST(an_alias_of_other_bytes_is_a_conflict)
{
	struct cairn_writer *writer;

	writer = source(0);
	add(writer, "m", CAIRN_U8, 2, "mm");
	alias(writer, "p", "m");
	finish_writer(writer);
	writer = source(1);
	add(writer, "p", CAIRN_U8, 2, "pp");
	finish_writer(writer);
	refused(2, CAIRN_EXISTS, "different bytes");
}
END_TEST

/* ------------------------------------------------------------------------------------ metadata */

static void put_everything(struct cairn_writer *writer)
{
	static const float numbers[] = {1.5f, 2.5f};
	static const uint64_t two = 2;
	static const struct cairn_string strings[] = {{"a\0b", 3}, {"", 0}};
	static const uint8_t byte = 1;
	static uint8_t large[70000];

	put_text(writer, "text", "hello");
	ASSERT_OK(cairn_writer_set_metadata(writer, cairn_string_from("array"), CAIRN_F32, 1, &two,
					    numbers, &test_error));
	ASSERT_OK(cairn_writer_set_metadata(writer, cairn_string_from("bool"), CAIRN_BOOL, 0, NULL,
					    &byte, &test_error));
	ASSERT_OK(cairn_writer_set_metadata(writer, cairn_string_from("null"), CAIRN_NULL, 0, NULL,
					    NULL, &test_error));
	ASSERT_OK(cairn_writer_set_metadata_strings(writer, cairn_string_from("list"), CAIRN_STRING,
						    1, &two, strings, &test_error));
	ASSERT_OK(cairn_writer_set_metadata_strings(writer, cairn_string_from("bytes"), CAIRN_BYTES,
						    0, NULL, strings, &test_error));
	memset(large, 7, sizeof(large));
	ASSERT_OK(cairn_writer_set_metadata(writer, cairn_string_from("large"), CAIRN_U8, 1,
					    (const uint64_t[]){sizeof(large)}, large, &test_error));
}

static void assert_same_metadata(struct cairn_reader *a, struct cairn_reader *b)
{
	const uint64_t count = cairn_reader_metadata_count(a);

	ck_assert_uint_eq(count, cairn_reader_metadata_count(b));
	for (uint64_t i = 0; i < count; i++) {
		struct cairn_tensor left;
		struct cairn_tensor right;
		struct cairn_view left_view = {0};
		struct cairn_view right_view = {0};

		ASSERT_OK(cairn_reader_metadata_at(a, i, &left, &test_error));
		ASSERT_OK(cairn_reader_metadata_find(b, left.name, &right, &test_error));
		ck_assert_int_eq(left.dtype, right.dtype);
		ck_assert_uint_eq(left.rank, right.rank);
		ck_assert_mem_eq(left.digest.bytes, right.digest.bytes, 16);
		ASSERT_OK(cairn_tensor_view(&left, &left_view, &test_error));
		ASSERT_OK(cairn_tensor_view(&right, &right_view, &test_error));
		ck_assert_uint_eq(left_view.size, right_view.size);
		if (left_view.size != 0)
			ck_assert_mem_eq(left_view.data, right_view.data, left_view.size);
		cairn_view_release(&left_view);
		cairn_view_release(&right_view);
	}
}

START_TEST(metadata_of_all_types_are_kept_once)
{
	struct cairn_reader *merged;
	struct cairn_reader *first;

	for (uint32_t i = 0; i < 2; i++) {
		struct cairn_writer *const writer = source(i);

		put_everything(writer);
		add(writer, i == 0 ? "a" : "b", CAIRN_U8, 1, "x");
		finish_writer(writer);
	}
	ASSERT_OK(merge(2));
	merged = open_checked(TARGET);
	first = open_checked(source_path(0));
	assert_same_metadata(first, merged);
	cairn_reader_close(first);
	cairn_reader_close(merged);
}
END_TEST

START_TEST(metadata_alone_can_be_merged)
{
	struct cairn_reader *merged;
	struct cairn_reader *first;

	for (uint32_t i = 0; i < 2; i++) {
		struct cairn_writer *const writer = source(i);

		put_everything(writer);
		finish_writer(writer);
	}
	ASSERT_OK(merge(2));
	merged = open_checked(TARGET);
	first = open_checked(source_path(0));
	ck_assert_uint_eq(cairn_reader_tensor_count(merged), 0);
	assert_same_metadata(first, merged);
	cairn_reader_close(first);
	cairn_reader_close(merged);
}
END_TEST

/* Loop index: another text, another type, another width. */
START_TEST(metadata_that_differ_are_named)
{
	static const uint8_t byte = 'x';
	static const uint16_t pair = 'x';

	for (uint32_t i = 0; i < 2; i++) {
		struct cairn_writer *const writer = source(i);

		if (_i == 0)
			put_text(writer, "key", i == 0 ? "x" : "y");
		else if (_i == 1 && i == 0)
			put_text(writer, "key", "x");
		else
			ASSERT_OK(cairn_writer_set_metadata(
				writer, cairn_string_from("key"),
				_i == 2 && i == 0 ? CAIRN_U16 : CAIRN_U8, 0, NULL,
				_i == 2 && i == 0 ? (const void *)&pair : (const void *)&byte,
				&test_error));
		finish_writer(writer);
	}
	refused(2, CAIRN_MISMATCH, "metadata key 'key' has different values");
}
END_TEST

/* --------------------------------------------------------------------------- against the model */

enum {
	MODEL_TENSORS = 6,
	SOURCES_MAX = 5,
	PIECES_MAX = 12
};

static enum cairn_status produce_part(void *context, uint64_t offset, void *buffer, size_t size)
{
	memcpy(buffer, (const uint8_t *)context + offset, size);
	return CAIRN_OK;
}

/* Distributes one tensor over the sources: whole in some of them, or in pieces, some twice. Memory
 * for the pieces is kept until the writers have finished. */
static void spread(struct random *random, const struct model *model, const char *name,
		   struct cairn_writer **writers, uint32_t count, uint8_t **kept, uint32_t *used)
{
	struct cairn_tensor_spec spec = {.name = cairn_string_from(name),
					 .dtype = model->info->dtype,
					 .rank = model->rank,
					 .dims = model->dims};
	struct box boxes[PIECES_MAX];
	const uint32_t pieces = model->size == 0 || random_below(random, 3) == 0
					? 1
					: model_partition(random, model, boxes, PIECES_MAX);

	for (uint32_t i = 0; i < pieces; i++) {
		const struct box box = pieces == 1 ? model_whole(model) : boxes[i];
		const uint64_t size = model_box_size(model, &box);
		const uint32_t first = (uint32_t)random_below(random, count);

		if (size == 0 && pieces > 1)
			continue;
		kept[*used] = malloc(size + 1);
		model_cut(model, &box, kept[*used]);
		spec.starts = pieces == 1 ? NULL : box.starts;
		spec.lengths = pieces == 1 ? NULL : box.lengths;
		for (uint32_t k = 0; k < count; k++) {
			if (k == first || random_below(random, 4) == 0)
				ASSERT_OK(cairn_writer_add_callback(writers[k], &spec, produce_part,
								    kept[*used], &test_error));
		}
		++*used;
	}
}

static void check_against(struct random *random, struct cairn_reader *reader,
			  const struct model *model, const char *name)
{
	struct cairn_tensor tensor;
	uint8_t *const expected = malloc(model->size + 1);
	uint8_t *const found = malloc(model->size + 1);

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	ck_assert_int_eq(tensor.dtype, model->info->dtype);
	ck_assert_uint_eq(tensor.rank, model->rank);
	ck_assert_mem_eq(tensor.dims, model->dims, model->rank * sizeof(uint64_t));
	ASSERT_OK(cairn_tensor_read(&tensor, 0, found, model->size, &test_error));
	ck_assert_mem_eq(found, model->bytes, model->size);
	for (int i = 0; i < 4; i++) {
		const struct box box = model_random_box(random, model);
		const uint64_t size = model_box_size(model, &box);

		model_cut(model, &box, expected);
		ASSERT_OK(cairn_tensor_read_slice(&tensor, box.starts, box.lengths, found, size,
						  &test_error));
		ck_assert_mem_eq(found, expected, size);
	}
	free(expected);
	free(found);
}

static void run_model(uint64_t seed)
{
	struct random random = {seed};
	const uint32_t count = 2 + (uint32_t)random_below(&random, SOURCES_MAX - 1);
	struct cairn_writer *writers[SOURCES_MAX];
	struct model models[MODEL_TENSORS];
	uint8_t *kept[MODEL_TENSORS * PIECES_MAX];
	uint32_t used = 0;
	struct cairn_reader *reader;
	struct bytes first;
	struct bytes second;
	char name[16];

	for (uint32_t i = 0; i < count; i++)
		writers[i] = source(i);
	for (uint32_t i = 0; i < MODEL_TENSORS; i++) {
		models[i] = model_random(
			&random, model_dtype((uint32_t)random_below(&random, model_dtype_count())),
			random_below(&random, 3) == 0 ? 200000 : 300);
		snprintf(name, sizeof(name), "t%u", i);
		spread(&random, &models[i], name, writers, count, kept, &used);
	}
	for (uint32_t i = 0; i < count; i++)
		finish_writer(writers[i]);
	ASSERT_OK(merge(count));
	ASSERT_OK(merge_to(FOLDER "/again", count, NULL, NULL));
	ASSERT_OK(merge_to(FOLDER "/one.cairn", count, NULL, NULL));
	for (int turn = 0; turn < 2; turn++) {
		reader = open_checked(turn == 0 ? TARGET : FOLDER "/one.cairn");
		ck_assert_uint_eq(cairn_reader_tensor_count(reader), MODEL_TENSORS);
		for (uint32_t i = 0; i < MODEL_TENSORS; i++) {
			snprintf(name, sizeof(name), "t%u", i);
			check_against(&random, reader, &models[i], name);
		}
		cairn_reader_close(reader);
	}
	first = scene_content(&scene, TARGET "/index.cairn");
	second = scene_content(&scene, FOLDER "/again/index.cairn");
	ck_assert_uint_eq(first.size, second.size);
	ck_assert_mem_eq(first.data, second.data, first.size);
	bytes_free(&first);
	bytes_free(&second);
	for (uint32_t i = 0; i < MODEL_TENSORS; i++)
		model_free(&models[i]);
	for (uint32_t i = 0; i < used; i++)
		free(kept[i]);
}

START_TEST(random_checkpoints_are_merged_as_the_model_says)
{
	const uint64_t rounds = getenv("CAIRN_TEST_LONG") != NULL ? 200 : 6;

	for (uint64_t i = 0; i < rounds; i++) {
		const uint64_t seed = (uint64_t)_i * 1000 + i;

		printf("seed %u\n", (unsigned int)seed);
		tear_down();
		set_up();
		run_model(seed);
	}
}
END_TEST

/* ------------------------------------------------------------------------ sources of all kinds */

static const struct sharded_sample sample = {3, 1};

static void write_parts(void)
{
	for (uint32_t rank = 0; rank < sample.ranks; rank++)
		ASSERT_OK(sharded_write_part(scene.system, source_path(rank), &sample, rank,
					     &test_error));
}

static void check(const char *path)
{
	ASSERT_OK(sharded_check(scene.system, path, &sample, &test_error));
}

START_TEST(the_data_are_linked_not_copied)
{
	struct cairn_merge_report report = {0};
	struct system_status status;

	write_parts();
	ASSERT_OK(merge_to(TARGET, 3, NULL, &report));
	check(TARGET);
	ck_assert_uint_eq(report.shards, 3);
	ck_assert_uint_eq(report.copied, 0);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(
			system_status_at(scene.system, SYSTEM_CWD, source_path(i), false, &status),
			0);
		ck_assert_uint_eq(status.links, 2);
	}
}
END_TEST

static bool is_synced_before_a_rename(uint64_t inode)
{
	const struct memory_trace *const trace = memory_system_trace(scene.memory);

	for (size_t i = 0; i < trace->count && trace->ops[i].kind != MEMORY_TRACE_RENAME; i++) {
		if (trace->ops[i].kind == MEMORY_TRACE_SYNC && trace->ops[i].inode == inode)
			return true;
	}
	return false;
}

/* Somebody may have copied the sources here just now, and made nothing durable. */
START_TEST(sources_are_made_durable_before_the_result_has_a_name)
{
	struct system_status status;

	write_parts();
	memory_system_trace_start(scene.memory);
	ASSERT_OK(merge(3));
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(
			system_status_at(scene.system, SYSTEM_CWD, source_path(i), false, &status),
			0);
		ck_assert(is_synced_before_a_rename(status.inode));
	}
}
END_TEST

START_TEST(sharded_checkpoints_can_be_merged_and_may_share_shards)
{
	const char *const sources[] = {TARGET, FOLDER "/s1.cairn", FOLDER "/second", TARGET};
	struct cairn_merge_report report = {0};

	write_parts();
	ASSERT_OK(merge(3));
	ASSERT_OK(merge_to(FOLDER "/second", 3, NULL, NULL));
	ASSERT_OK(merge_checkpoints(scene.system, sources, 4, FOLDER "/third", NULL, &report,
				    &test_error));
	ck_assert_uint_eq(report.shards, 3);
	check(FOLDER "/third");
}
END_TEST

START_TEST(a_shard_that_was_exchanged_is_not_merged)
{
	const struct sharded_sample other = {3, 2};
	const char *const sources[] = {TARGET};
	struct bytes bytes;

	write_parts();
	ASSERT_OK(merge(3));
	ASSERT_OK(sharded_write_part(scene.system, FOLDER "/other.cairn", &other, 1, &test_error));
	bytes = scene_content(&scene, FOLDER "/other.cairn");
	scene_add_file(&scene, TARGET "/shard-00001-of-00003.cairn", &bytes);
	bytes_free(&bytes);
	ASSERT_FAILS(merge_checkpoints(scene.system, sources, 1, FOLDER "/second", NULL, NULL,
				       &test_error),
		     CAIRN_CORRUPT, "shard of another save");
	ck_assert(!memory_system_exists(scene.memory, FOLDER "/second"));
}
END_TEST

START_TEST(what_cannot_be_linked_is_copied_and_counted)
{
	struct cairn_merge_report report = {0};
	struct cairn_reader *reader;
	struct cairn_writer *writer = source(0);
	static const char header[] = "{\"f\":{\"dtype\":\"U8\",\"shape\":[2],"
				     "\"data_offsets\":[0,2]}}   ";
	const char *const sources[] = {FOLDER "/s0.cairn", FOLDER "/m.safetensors"};
	uint8_t file[8 + sizeof(header) - 1 + 2] = {sizeof(header) - 1};

	add(writer, "a", CAIRN_U8, 2, "aa");
	finish_writer(writer);
	memcpy(file + 8, header, sizeof(header) - 1);
	memcpy(file + 8 + sizeof(header) - 1, "ff", 2);
	ck_assert_int_eq(
		memory_system_add_file(scene.memory, FOLDER "/m.safetensors", file, sizeof(file)),
		0);
	ASSERT_OK(merge_checkpoints(scene.system, sources, 2, TARGET, NULL, &report, &test_error));
	ck_assert_uint_eq(report.copied, 1);
	ck_assert_uint_eq(report.shards, 2);
	ck_assert_uint_gt(report.copied_bytes, 0);
	reader = open_checked(TARGET);
	check_bytes(reader, "a", "aa");
	check_bytes(reader, "f", "ff");
	cairn_reader_close(reader);
	ck_assert_uint_eq(scene_entries(&scene, TARGET), 3);
}
END_TEST

START_TEST(a_source_behind_a_link_is_copied)
{
	const char *const sources[] = {FOLDER "/link.cairn", FOLDER "/s1.cairn",
				       FOLDER "/s2.cairn"};
	struct cairn_merge_report report = {0};

	write_parts();
	ck_assert_int_eq(memory_system_add_link(scene.memory, FOLDER "/link.cairn", "s0.cairn"), 0);
	ASSERT_OK(merge_checkpoints(scene.system, sources, 3, TARGET, NULL, &report, &test_error));
	ck_assert_uint_eq(report.copied, 1);
	check(TARGET);
}
END_TEST

START_TEST(sources_are_removed_after_the_commit_only)
{
	const struct cairn_merge_options options = {.remove_sources = 1};
	const struct memory_fault fault = {
		.call = MEMORY_CALL_SYNC, .at = 1, .error = EIO, .forever = true};

	write_parts();
	memory_system_set_fault(scene.memory, 0, &fault);
	ck_assert_int_ne(merge_to(TARGET, 3, &options, NULL), CAIRN_OK);
	memory_system_clear_faults(scene.memory);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert(memory_system_exists(scene.memory, source_path(i)));
	ASSERT_OK(merge_to(TARGET, 3, &options, NULL));
	for (uint32_t i = 0; i < 3; i++)
		ck_assert(!memory_system_exists(scene.memory, source_path(i)));
	check(TARGET);
}
END_TEST

/* The result replaces one of its sources: that is not removed. */
START_TEST(a_result_is_not_taken_for_a_source)
{
	const struct cairn_merge_options options = {.replace = 1, .remove_sources = 1};
	const char *const sources[] = {TARGET, FOLDER "/s0.cairn"};
	const char *const files[] = {FOLDER "/s0.cairn", FOLDER "/s1.cairn", FOLDER "/s2.cairn"};

	write_parts();
	ASSERT_OK(merge(3));
	ASSERT_OK(merge_checkpoints(scene.system, sources, 2, TARGET, &options, NULL, &test_error));
	check(TARGET);
	ck_assert(!memory_system_exists(scene.memory, FOLDER "/s0.cairn"));
	ASSERT_OK(sharded_write_part(scene.system, FOLDER "/s0.cairn", &sample, 0, &test_error));
	ASSERT_OK(merge_checkpoints(scene.system, files, 3, FOLDER "/s1.cairn", &options, NULL,
				    &test_error));
	check(FOLDER "/s1.cairn");
	ck_assert(!memory_system_exists(scene.memory, FOLDER "/s0.cairn"));
}
END_TEST

START_TEST(one_file_and_shards_of_a_size_can_be_made)
{
	const struct cairn_merge_options small = {.shard_size_max = 48};
	struct cairn_merge_report report = {0};

	write_parts();
	ASSERT_OK(merge_to(FOLDER "/one.cairn", 3, NULL, &report));
	check(FOLDER "/one.cairn");
	ck_assert_uint_eq(report.shards, 1);
	ASSERT_STATUS(merge_to(FOLDER "/one.cairn", 3, NULL, NULL), CAIRN_EXISTS);
	ASSERT_OK(merge_to(FOLDER "/small", 3, &small, &report));
	check(FOLDER "/small");
	ck_assert_uint_gt(report.shards, 3);
	ck_assert_uint_eq(scene_entries(&scene, FOLDER), 5);
}
END_TEST

START_TEST(many_sources_need_few_descriptors)
{
	const struct sharded_sample many = {40, 1};
	char paths[40][64];
	const char *sources[40];

	for (uint32_t i = 0; i < 40; i++) {
		snprintf(paths[i], sizeof(paths[i]), FOLDER "/s%u.cairn", i);
		sources[i] = paths[i];
		ASSERT_OK(sharded_write_part(scene.system, paths[i], &many, i, &test_error));
	}
	memory_system_settings(scene.memory)->descriptors_max = 16;
	ASSERT_OK(merge_checkpoints(scene.system, sources, 40, TARGET, NULL, NULL, &test_error));
	ASSERT_OK(sharded_check(scene.system, TARGET, &many, &test_error));
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
	const char *const sources[] = {FOLDER "/nowhere.cairn"};

	ASSERT_STATUS(merge_checkpoints(scene.system, sources, 0, TARGET, NULL, NULL, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(merge_checkpoints(scene.system, sources, 1, NULL, NULL, NULL, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ASSERT_STATUS(merge_checkpoints(scene.system, sources, 1, TARGET, NULL, NULL, &test_error),
		      CAIRN_NOT_FOUND);
}
END_TEST

static Suite *merge_suite(void)
{
	Suite *const suite = suite_create("merge");
	TCase *const tcase = tcase_create("merge");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, tensors_of_all_sources_are_there_in_order);
	tcase_add_test(tcase, equal_tensors_are_kept_once_and_a_shard_of_only_copies_is_left_out);
	tcase_add_test(tcase, slices_are_put_together_and_replicas_kept_once);
	tcase_add_loop_test(tcase, what_does_not_fit_together_is_named, 0, COUNT_OF(conflicts));
	tcase_add_test(tcase, missing_slices_can_be_allowed);
	tcase_add_test(tcase, aliases_stay_and_meet_their_equals);
	tcase_add_test(tcase, an_alias_of_other_bytes_is_a_conflict);
	tcase_add_test(tcase, metadata_of_all_types_are_kept_once);
	tcase_add_test(tcase, metadata_alone_can_be_merged);
	tcase_add_loop_test(tcase, metadata_that_differ_are_named, 0, 3);
	tcase_add_loop_test(tcase, random_checkpoints_are_merged_as_the_model_says, 0, 8);
	tcase_add_test(tcase, the_data_are_linked_not_copied);
	tcase_add_test(tcase, sources_are_made_durable_before_the_result_has_a_name);
	tcase_add_test(tcase, sharded_checkpoints_can_be_merged_and_may_share_shards);
	tcase_add_test(tcase, a_shard_that_was_exchanged_is_not_merged);
	tcase_add_test(tcase, what_cannot_be_linked_is_copied_and_counted);
	tcase_add_test(tcase, a_source_behind_a_link_is_copied);
	tcase_add_test(tcase, sources_are_removed_after_the_commit_only);
	tcase_add_test(tcase, a_result_is_not_taken_for_a_source);
	tcase_add_test(tcase, one_file_and_shards_of_a_size_can_be_made);
	tcase_add_test(tcase, many_sources_need_few_descriptors);
	tcase_add_test(tcase, wrong_arguments_are_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(merge_suite());
}
