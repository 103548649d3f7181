/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors and metadata of other checkpoints: everything about them is kept, their readers stay
 * alive, and what is damaged there is not passed on.
 */
#include "engine/write/writer.h"

#include "format/digest.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

static struct scene scene;
static uint8_t data[300000];

static const uint64_t dims_a[] = {3, 100000};
static const uint64_t dims_s[] = {4, 8};
static const uint64_t dims_t[] = {2};
static const struct cairn_writer_options small_chunks = {.chunk_size = CHUNK_SIZE_MIN};

static struct cairn_string text(const char *name)
{
	return cairn_string_from(name);
}

static void add_row(struct cairn_writer *writer, const char *name, uint64_t row)
{
	const uint64_t starts[] = {row, 0};
	const uint64_t lengths[] = {1, CAIRN_FULL};
	const struct cairn_tensor_spec spec = {.name = text(name),
					       .dtype = CAIRN_I16,
					       .rank = 2,
					       .dims = dims_s,
					       .starts = starts,
					       .lengths = lengths};

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, data + 16 * row, &test_error));
}

/* "/source": a, b an alias of a, i incomplete, o opaque, s sliced, t strings; keys n and v. */
static void set_up(void)
{
	static const struct cairn_string strings[] = {{"one", 3}, {"", 0}};
	const struct cairn_tensor_spec opaque = {.name = text("o"),
						 .dtype = (enum cairn_dtype)777,
						 .rank = 1,
						 .dims = dims_t,
						 .block_elements = 1,
						 .block_bytes = 24};
	struct random random = {6};
	struct cairn_writer *writer;

	random_fill(&random, data, sizeof(data));
	scene_open(&scene);
	writer = scene_writer(&scene, "/source", &small_chunks);
	ASSERT_OK(cairn_writer_add(writer, "a", CAIRN_U8, 2, dims_a, data, &test_error));
	ASSERT_OK(cairn_writer_add_alias(writer, text("b"), text("a"), &test_error));
	add_row(writer, "i", 2);
	for (uint64_t row = 4; row-- > 0;)
		add_row(writer, "s", row);
	ASSERT_OK(cairn_writer_add_spec(writer, &opaque, data, &test_error));
	ASSERT_OK(cairn_writer_add_strings(writer, text("t"), 1, dims_t, strings, &test_error));
	ASSERT_OK(cairn_writer_set_metadata(writer, text("n"), CAIRN_F32, 1, dims_t, data,
					    &test_error));
	ASSERT_OK(cairn_writer_set_metadata_string(writer, text("v"), text("text"), &test_error));
	finish_writer(writer);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static struct cairn_tensor find(const struct cairn_reader *reader, const char *name)
{
	struct cairn_tensor tensor = {0};

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	return tensor;
}

static void copy(struct cairn_writer *writer, const struct cairn_reader *source, const char *from,
		 const char *to)
{
	const struct cairn_tensor tensor = find(source, from);

	ASSERT_OK(cairn_writer_add_tensor(writer, text(to), &tensor, &test_error));
}

static void assert_same_slices(const struct cairn_tensor *a, const struct cairn_tensor *b)
{
	ck_assert_uint_eq(a->slice_count, b->slice_count);
	for (uint32_t i = 0; i < a->slice_count; i++) {
		struct cairn_stored_slice left;
		struct cairn_stored_slice right;

		ASSERT_OK(cairn_tensor_stored_slice(a, i, &left, &test_error));
		ASSERT_OK(cairn_tensor_stored_slice(b, i, &right, &test_error));
		ck_assert_uint_eq(left.size, right.size);
		ck_assert_mem_eq(left.digest.bytes, right.digest.bytes, DIGEST_SIZE);
		ck_assert_int_eq(left.extents == NULL, right.extents == NULL);
		if (left.extents != NULL)
			ck_assert_mem_eq(left.extents, right.extents,
					 2 * a->rank * sizeof(*left.extents));
	}
}

static void assert_same(const struct cairn_tensor *a, const struct cairn_tensor *b)
{
	ck_assert_int_eq((int)a->dtype, (int)b->dtype);
	ck_assert_uint_eq(a->block_elements, b->block_elements);
	ck_assert_uint_eq(a->block_bytes, b->block_bytes);
	ck_assert_uint_eq(a->rank, b->rank);
	ck_assert(memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0);
	ck_assert_uint_eq(a->size, b->size);
	ck_assert_uint_eq(a->flags, b->flags);
	ck_assert_mem_eq(a->digest.bytes, b->digest.bytes, DIGEST_SIZE);
	assert_same_slices(a, b);
}

static const char *const names[] = {"a", "b", "i", "o", "s", "t"};

START_TEST(everything_about_a_tensor_is_kept)
{
	static const struct cairn_reader_options all_options[] = {
		{0}, {.transport = CAIRN_TRANSPORT_COPY}};
	struct cairn_reader *const source = scene_reader(&scene, "/source", &all_options[_i]);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &small_chunks);
	struct cairn_reader *reader;

	for (size_t i = 0; i < COUNT_OF(names); i++)
		copy(writer, source, names[i], NULL);
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", NULL);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), COUNT_OF(names));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct cairn_tensor from = find(source, names[i]);
		const struct cairn_tensor to = find(reader, names[i]);

		assert_same(&from, &to);
	}
	cairn_reader_close(reader);
	cairn_reader_close(source);
}
END_TEST

START_TEST(a_full_copy_has_the_same_index)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &small_chunks);
	struct bytes a;
	struct bytes b;

	copy(writer, source, "a", NULL);
	copy(writer, source, "b", NULL);
	copy(writer, source, "i", NULL);
	copy(writer, source, "s", NULL);
	copy(writer, source, "o", NULL);
	copy(writer, source, "t", NULL);
	for (uint64_t i = 0; i < 2; i++) {
		struct cairn_tensor value;

		ASSERT_OK(cairn_reader_metadata_at(source, i, &value, &test_error));
		ASSERT_OK(cairn_writer_copy_metadata(writer, &value, &test_error));
	}
	finish_writer(writer);
	cairn_reader_close(source);
	a = scene_content(&scene, "/source");
	b = scene_content(&scene, "/f");
	ck_assert_uint_eq(a.size, b.size);
	ck_assert(memcmp(a.data, b.data, a.size) == 0);
	bytes_free(&a);
	bytes_free(&b);
}
END_TEST

START_TEST(the_source_may_be_closed_before_finish)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);

	copy(writer, source, "a", NULL);
	copy(writer, source, "s", NULL);
	cairn_reader_close(source);
	finish_writer(writer);
}
END_TEST

START_TEST(tensors_can_be_renamed)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	copy(writer, source, "s", "other");
	finish_writer(writer);
	cairn_reader_close(source);
	reader = scene_reader(&scene, "/f", NULL);
	tensor = find(reader, "other");
	ck_assert_uint_eq(tensor.slice_count, 4);
	ASSERT_STATUS(cairn_reader_find(reader, "s", &tensor, &test_error), CAIRN_NOT_FOUND);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(tensors_can_be_named_nothing)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;

	copy(writer, source, "s", "");
	finish_writer(writer);
	cairn_reader_close(source);
	reader = scene_reader(&scene, "/f", NULL);
	ck_assert_uint_eq(find(reader, "").slice_count, 4);
	cairn_reader_close(reader);
}
END_TEST

static uint64_t size_of_data(const char *path)
{
	struct cairn_reader *const reader = scene_reader(&scene, path, NULL);
	struct cairn_reader_info info = {.size = sizeof(info)};

	cairn_reader_info(reader, &info);
	cairn_reader_close(reader);
	return info.file_bytes;
}

START_TEST(aliases_stay_aliases_when_their_target_comes_along)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);

	copy(writer, source, _i == 0 ? "a" : "b", NULL);
	copy(writer, source, _i == 0 ? "b" : "a", NULL);
	finish_writer(writer);
	cairn_reader_close(source);
	ck_assert_uint_lt(size_of_data("/f"), 2 * sizeof(data)); /* stored once */
}
END_TEST

START_TEST(aliases_without_their_target_hold_their_own_bytes)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	copy(writer, source, "b", NULL);
	if (_i == 1) /* another tensor of that name is no target */
		copy(writer, source, "s", "a");
	finish_writer(writer);
	cairn_reader_close(source);
	reader = scene_reader(&scene, "/f", NULL);
	tensor = find(reader, "b");
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.size, sizeof(data));
	ck_assert(memcmp(view.data, data, sizeof(data)) == 0);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(what_was_an_alias_can_be_shared)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	copy(writer, source, "b", NULL);
	if (_i == 1)
		copy(writer, source, "a", NULL);
	ASSERT_OK(cairn_writer_add_alias(writer, text("c"), text("b"), &test_error));
	ASSERT_OK(cairn_writer_add_alias(writer, text("0"), text("b"), &test_error));
	finish_writer(writer);
	cairn_reader_close(source);
	reader = scene_reader(&scene, "/f", NULL);
	tensor = find(reader, "c");
	ck_assert_uint_eq(tensor.size, sizeof(data));
	tensor = find(reader, "0");
	ck_assert_uint_eq(tensor.size, sizeof(data));
	cairn_reader_close(reader);
	ck_assert_uint_lt(size_of_data("/f"), 2 * sizeof(data));
}
END_TEST

START_TEST(damage_of_the_source_ends_the_save)
{
	static const struct cairn_reader_options all_options[] = {
		{0}, {.transport = CAIRN_TRANSPORT_COPY}};
	struct cairn_reader *const source = scene_reader(&scene, "/source", &all_options[_i]);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(source, "a");
	struct cairn_stored_slice slice;

	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	copy(writer, source, "a", NULL);
	memory_system_corrupt(scene.memory, "/source", slice.offset + 150000, 4);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_CHECKSUM, "tensor 'a'");
	cairn_writer_destroy(writer);
	cairn_reader_close(source);
	ck_assert(!memory_system_exists(scene.memory, "/f"));
}
END_TEST

START_TEST(slices_can_be_added_to_those_of_another_checkpoint)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	copy(writer, source, "i", NULL);
	add_row(writer, "i", 0);
	add_row(writer, "i", 3);
	add_row(writer, "i", 1);
	finish_writer(writer);
	cairn_reader_close(source);
	reader = scene_reader(&scene, "/f", NULL);
	tensor = find(reader, "i");
	ck_assert_uint_eq(tensor.flags & CAIRN_TENSOR_INCOMPLETE, 0);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_failed_copy_adds_nothing)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(source, "s");

	ASSERT_STATUS(cairn_writer_add_tensor(writer, (struct cairn_string){"\xff", 1}, &tensor,
					      &test_error),
		      CAIRN_INVALID_ARGUMENT);
	ck_assert_uint_eq(writer->item_count, 0);
	cairn_writer_destroy(writer);
	cairn_reader_close(source);
}
END_TEST

START_TEST(copies_after_the_end_are_refused)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(source, "s");
	struct cairn_tensor value;

	cairn_writer_abort(writer);
	ASSERT_STATUS(cairn_writer_add_tensor(writer, (struct cairn_string){NULL, 0}, &tensor,
					      &test_error),
		      CAIRN_PRECONDITION);
	ASSERT_OK(cairn_reader_metadata_at(source, 0, &value, &test_error));
	ASSERT_STATUS(cairn_writer_copy_metadata(writer, &value, &test_error), CAIRN_PRECONDITION);
	cairn_writer_destroy(writer);
	cairn_reader_close(source);
}
END_TEST

START_TEST(a_matrix_is_no_metadata)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(source, "a");

	ASSERT_STATUS(cairn_writer_copy_metadata(writer, &tensor, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_writer_destroy(writer);
	cairn_reader_close(source);
}
END_TEST

START_TEST(metadata_is_read_when_it_is_copied)
{
	struct cairn_reader *const source = scene_reader(&scene, "/source", NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor value;
	struct cairn_view view = {0};

	ASSERT_OK(cairn_reader_metadata_find(source, text("v"), &value, &test_error));
	ASSERT_OK(cairn_writer_copy_metadata(writer, &value, &test_error));
	cairn_reader_close(source);
	ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, "/source"), 0);
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", NULL);
	ASSERT_OK(cairn_reader_metadata_find(reader, text("v"), &value, &test_error));
	ck_assert_int_eq(value.dtype, CAIRN_STRING);
	ASSERT_OK(cairn_tensor_view(&value, &view, &test_error));
	ck_assert_mem_eq((const uint8_t *)view.data + 8, "text", 4);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

/* A tensor of one chunk, larger than what is written at once. */
static struct cairn_reader *open_single_chunk(const char *path, int byte)
{
	static const struct cairn_writer_options options = {.chunk_size = CHUNK_SIZE_MAX};
	static const struct cairn_reader_options copies = {.transport = CAIRN_TRANSPORT_COPY};
	static const uint64_t dims[] = {3u << 20};
	struct cairn_writer *const writer = scene_writer(&scene, path, &options);
	uint8_t *const bytes = malloc(dims[0]);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, byte, dims[0]);
	ASSERT_OK(cairn_writer_add(writer, path, CAIRN_U8, 1, dims, bytes, &test_error));
	finish_writer(writer);
	free(bytes);
	return scene_reader(&scene, path, &copies);
}

START_TEST(chunks_of_one_source_are_not_taken_for_those_of_another)
{
	static const struct cairn_writer_options options = {.thread_count = 1};
	struct cairn_reader *const readers[] = {open_single_chunk("/1", 1),
						open_single_chunk("/2", 2)};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	for (int i = 0; i < 2; i++) {
		ASSERT_OK(cairn_reader_tensor_at(readers[i], 0, &tensor, &test_error));
		ASSERT_OK(cairn_writer_add_tensor(writer, (struct cairn_string){NULL, 0}, &tensor,
						  &test_error));
		cairn_reader_close(readers[i]);
	}
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", NULL);
	tensor = find(reader, "/2");
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	for (uint64_t i = 0; i < view.size; i += 4096)
		ck_assert_uint_eq(((const uint8_t *)view.data)[i], 2);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

static Suite *writer_copy_suite(void)
{
	Suite *suite = suite_create("writer_copy");
	TCase *tests = tcase_create("writer_copy");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, everything_about_a_tensor_is_kept, 0, 2);
	tcase_add_test(tests, a_full_copy_has_the_same_index);
	tcase_add_test(tests, the_source_may_be_closed_before_finish);
	tcase_add_test(tests, tensors_can_be_renamed);
	tcase_add_test(tests, tensors_can_be_named_nothing);
	tcase_add_loop_test(tests, aliases_stay_aliases_when_their_target_comes_along, 0, 2);
	tcase_add_loop_test(tests, aliases_without_their_target_hold_their_own_bytes, 0, 2);
	tcase_add_loop_test(tests, what_was_an_alias_can_be_shared, 0, 2);
	tcase_add_loop_test(tests, damage_of_the_source_ends_the_save, 0, 2);
	tcase_add_test(tests, slices_can_be_added_to_those_of_another_checkpoint);
	tcase_add_test(tests, a_failed_copy_adds_nothing);
	tcase_add_test(tests, copies_after_the_end_are_refused);
	tcase_add_test(tests, a_matrix_is_no_metadata);
	tcase_add_test(tests, metadata_is_read_when_it_is_copied);
	tcase_add_test(tests, chunks_of_one_source_are_not_taken_for_those_of_another);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(writer_copy_suite());
}
