/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rectangular slices against the naive model: tensors in one piece, in random partitions, and in
 * partitions with holes; all element types. A loop's number is its seed.
 */
#include "engine/read/gather.h"

#include "tests/support/build.h"
#include "tests/support/model.h"
#include "tests/support/suite.h"

enum {
	SEEDS = 130, /* all types, twice and a bit */
	SLICES_PER_SEED = 12,
	PARTS_MAX = 9
};
#define TENSOR_SIZE_MAX 20000u

static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static struct random random_of(int seed)
{
	return (struct random){(uint64_t)seed};
}

static struct model model_of(struct random *random, int seed)
{
	return model_random(random, model_dtype((uint32_t)seed % model_dtype_count()),
			    TENSOR_SIZE_MAX);
}

static struct cairn_tensor find(const struct cairn_reader *reader, const char *name)
{
	struct cairn_tensor tensor = {0};

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	return tensor;
}

static struct cairn_tensor_spec spec_of(const struct model *model, const struct box *box)
{
	return (struct cairn_tensor_spec){
		.name = cairn_string_from("t"),
		.dtype = model->info->dtype,
		.rank = model->rank,
		.dims = model->dims,
		.starts = box == NULL ? NULL : box->starts,
		.lengths = box == NULL ? NULL : box->lengths,
	};
}

/* --------------------------------------------------------------------------------- in one piece */

static struct cairn_reader *write_whole(const struct model *model)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	const struct cairn_tensor_spec spec = spec_of(model, NULL);

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, model->bytes, &test_error));
	finish_writer(writer);
	return scene_reader(&scene, "/f", NULL);
}

/* What is stored of a tensor. */
struct layout {
	struct box boxes[PARTS_MAX];
	uint32_t count;
	uint32_t kept; /* a bit for each box that was written */
};

static bool is_contiguous(const struct model *model, const struct layout *layout,
			  const struct box *box)
{
	for (uint32_t i = 0; i < layout->count; i++) {
		if ((layout->kept >> i & 1) != 0 &&
		    model_is_contiguous(model, &layout->boxes[i], box))
			return true;
	}
	return false;
}

static void check_slice(const struct cairn_tensor *tensor, const struct model *model,
			const struct layout *layout, const struct box *box, int seed)
{
	const uint64_t size = model_box_size(model, box);
	uint8_t *const expected = malloc(2 * size + 1);
	uint8_t *const copy = expected + size;
	struct cairn_view view = {0};

	model_cut(model, box, expected);
	ASSERT_OK(cairn_tensor_view_slice(tensor, box->starts, box->lengths, &view, &test_error));
	ck_assert_uint_eq(view.size, size);
	ck_assert_ptr_nonnull(view.data);
	ck_assert_msg(memcmp(view.data, expected, size) == 0, "seed %d: view differs", seed);
	ck_assert_msg(size == 0 || ((view.flags & CAIRN_VIEW_MAPPED) != 0) ==
					   is_contiguous(model, layout, box),
		      "seed %d: %s", seed,
		      view.flags & CAIRN_VIEW_MAPPED ? "not contiguous, but mapped"
						     : "contiguous, but copied");
	ck_assert((view.flags & CAIRN_VIEW_VERIFIED) != 0);
	cairn_view_release(&view);
	ASSERT_OK(cairn_tensor_read_slice(tensor, box->starts, box->lengths, copy, size,
					  &test_error));
	ck_assert_msg(memcmp(copy, expected, size) == 0, "seed %d: copy differs", seed);
	free(expected);
}

START_TEST(slices_of_a_whole_tensor_are_those_of_the_model)
{
	struct random random = random_of(_i);
	struct model model = model_of(&random, _i);
	struct cairn_reader *const reader = write_whole(&model);
	const struct cairn_tensor tensor = find(reader, "t");
	const struct layout layout = {{model_whole(&model)}, 1, 1};

	for (int i = 0; i < SLICES_PER_SEED; i++) {
		const struct box box = model_random_box(&random, &model);

		check_slice(&tensor, &model, &layout, &box, _i);
	}
	cairn_reader_close(reader);
	model_free(&model);
}
END_TEST

static void check_ranges(const struct cairn_tensor *tensor, const struct model *model,
			 struct random *random, int seed)
{
	uint8_t *const buffer = malloc(model->size + 1);

	for (int i = 0; i < SLICES_PER_SEED; i++) {
		const uint64_t offset = random_below(random, model->size + 1);
		const uint64_t size = random_below(random, model->size - offset + 1);

		ASSERT_OK(cairn_tensor_read(tensor, offset, buffer, size, &test_error));
		ck_assert_msg(memcmp(buffer, model->bytes + offset, size) == 0,
			      "seed %d: bytes %llu + %llu differ", seed, (unsigned long long)offset,
			      (unsigned long long)size);
	}
	free(buffer);
}

START_TEST(byte_ranges_are_those_of_the_model)
{
	struct random random = random_of(_i);
	struct model model = model_of(&random, _i);
	struct cairn_reader *const reader = write_whole(&model);
	const struct cairn_tensor tensor = find(reader, "t");

	check_ranges(&tensor, &model, &random, _i);
	cairn_reader_close(reader);
	model_free(&model);
}
END_TEST

/* ----------------------------------------------------------------------------------- partitions */

/* Writes those parts that are kept. */
static struct cairn_reader *write_parts(const struct model *model, const struct layout *layout)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	uint8_t *parts[PARTS_MAX] = {NULL};

	for (uint32_t i = 0; i < layout->count; i++) {
		const struct cairn_tensor_spec spec = spec_of(model, &layout->boxes[i]);

		if ((layout->kept >> i & 1) == 0)
			continue;
		parts[i] = malloc(model_box_size(model, &layout->boxes[i]) + 1);
		model_cut(model, &layout->boxes[i], parts[i]);
		ASSERT_OK(cairn_writer_add_spec(writer, &spec, parts[i], &test_error));
	}
	finish_writer(writer);
	for (uint32_t i = 0; i < layout->count; i++)
		free(parts[i]);
	return scene_reader(&scene, "/f", NULL);
}

/* A random tensor of rank 1 at least, with something in it. */
static struct model sliceable_model(struct random *random, int seed)
{
	struct model model = model_of(random, seed);

	while (model.rank == 0 || model.size == 0) {
		model_free(&model);
		model = model_of(random, seed);
	}
	return model;
}

/* A random partition, its parts in random order, all of them kept. */
static struct layout random_layout(struct random *random, const struct model *model)
{
	struct layout layout = {.kept = UINT32_MAX};

	layout.count = model_partition(random, model, layout.boxes, PARTS_MAX);
	model_shuffle(random, layout.boxes, layout.count);
	return layout;
}

START_TEST(partitions_are_put_together)
{
	struct random random = random_of(_i);
	struct model model = sliceable_model(&random, _i);
	const struct layout layout = random_layout(&random, &model);
	struct cairn_reader *const reader = write_parts(&model, &layout);
	const struct cairn_tensor tensor = find(reader, "t");

	ck_assert_uint_eq(tensor.flags & CAIRN_TENSOR_INCOMPLETE, 0);
	ck_assert_uint_eq(tensor.slice_count, layout.count);
	for (int i = 0; i < SLICES_PER_SEED; i++) {
		const struct box box = model_random_box(&random, &model);

		check_slice(&tensor, &model, &layout, &box, _i);
	}
	check_ranges(&tensor, &model, &random, _i);
	cairn_reader_close(reader);
	model_free(&model);
}
END_TEST

START_TEST(a_stored_slice_is_viewed_in_place)
{
	struct random random = random_of(_i);
	struct model model = sliceable_model(&random, _i);
	const struct layout layout = random_layout(&random, &model);
	struct cairn_reader *const reader = write_parts(&model, &layout);
	const struct cairn_tensor tensor = find(reader, "t");

	for (uint32_t i = 0; i < layout.count; i++)
		check_slice(&tensor, &model, &layout, &layout.boxes[i], _i);
	cairn_reader_close(reader);
	model_free(&model);
}
END_TEST

struct coverage {
	uint8_t *covered; /* a byte for each byte of the tensor */
	bool all;
};

static void cover(void *context, uint64_t offset, uint64_t size)
{
	memset(((struct coverage *)context)->covered + offset, 1, size);
}

static void look(void *context, uint64_t offset, uint64_t size)
{
	struct coverage *const coverage = context;

	(void)size;
	coverage->all = coverage->all && coverage->covered[offset] != 0;
}

static void check_covered_slice(const struct cairn_tensor *tensor, const struct model *model,
				const struct layout *layout, const struct box *box,
				struct coverage *coverage, int seed)
{
	struct cairn_view view = {0};

	coverage->all = true;
	model_walk(model, box, look, coverage);
	if (coverage->all) {
		check_slice(tensor, model, layout, box, seed);
		return;
	}
	ASSERT_FAILS(cairn_tensor_view_slice(tensor, box->starts, box->lengths, &view, &test_error),
		     CAIRN_PRECONDITION, "tensor 't'");
}

START_TEST(incomplete_tensors_give_what_is_stored)
{
	struct random random = random_of(_i);
	struct model model = sliceable_model(&random, _i);
	struct coverage coverage = {.covered = calloc(model.size + 1, 1)};
	struct layout layout = random_layout(&random, &model);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	layout.kept = (uint32_t)random_next(&random) | 1u << random_below(&random, layout.count);
	reader = write_parts(&model, &layout);
	tensor = find(reader, "t");
	for (uint32_t i = 0; i < layout.count; i++) {
		if ((layout.kept >> i & 1) != 0)
			model_walk(&model, &layout.boxes[i], cover, &coverage);
	}
	ck_assert_int_eq((tensor.flags & CAIRN_TENSOR_INCOMPLETE) != 0,
			 memchr(coverage.covered, 0, model.size) != NULL);
	for (uint32_t i = 0; i < layout.count; i++)
		check_covered_slice(&tensor, &model, &layout, &layout.boxes[i], &coverage, _i);
	for (int i = 0; i < SLICES_PER_SEED; i++) {
		const struct box box = model_random_box(&random, &model);

		check_covered_slice(&tensor, &model, &layout, &box, &coverage, _i);
	}
	free(coverage.covered);
	cairn_reader_close(reader);
	model_free(&model);
}
END_TEST

/* ------------------------------------------------------------------------------ what is refused */

static const uint64_t four_by_six[] = {4, 6};
static const uint8_t some_bytes[4 * 6 * 8];

static struct cairn_tensor small_tensor(struct cairn_reader **reader, enum cairn_dtype dtype,
					const uint64_t *dims)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);

	ASSERT_OK(cairn_writer_add(writer, "t", dtype, 2, dims, some_bytes, &test_error));
	finish_writer(writer);
	*reader = scene_reader(&scene, "/f", NULL);
	return find(*reader, "t");
}

static const struct {
	const char *name;
	uint64_t starts[2];
	uint64_t lengths[2];
} outside[] = {
	{"a start behind the end", {5, 0}, {0, 6}},
	{"an end behind the end", {2, 0}, {3, 6}},
	{"in the last dimension", {0, 1}, {4, 6}},
	{"a sum that wraps", {2, 0}, {UINT64_MAX - 1, 6}},
	{"all of a dimension from elsewhere than 0", {1, 0}, {CAIRN_FULL, 6}},
};

START_TEST(slices_that_leave_the_shape_are_mismatches)
{
	struct cairn_reader *reader;
	const struct cairn_tensor tensor = small_tensor(&reader, CAIRN_F32, four_by_six);
	struct cairn_view view;

	ASSERT_FAILS(cairn_tensor_view_slice(&tensor, outside[_i].starts, outside[_i].lengths,
					     &view, &test_error),
		     CAIRN_MISMATCH, "tensor 't': slice ");
	cairn_reader_close(reader);
}
END_TEST

START_TEST(full_stands_for_a_whole_dimension)
{
	static const uint64_t starts[] = {0, 2};
	static const uint64_t lengths[] = {CAIRN_FULL, 3};
	struct cairn_reader *reader;
	const struct cairn_tensor tensor = small_tensor(&reader, CAIRN_F32, four_by_six);
	struct cairn_view view = {0};

	ASSERT_OK(cairn_tensor_view_slice(&tensor, starts, lengths, &view, &test_error));
	ck_assert_uint_eq(view.size, 4 * 3 * 4);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_start_without_a_length_is_invalid)
{
	struct cairn_reader *reader;
	const struct cairn_tensor tensor = small_tensor(&reader, CAIRN_F32, four_by_six);
	struct cairn_view view;

	ASSERT_FAILS(cairn_tensor_view_slice(&tensor, four_by_six, NULL, &view, &test_error),
		     CAIRN_INVALID_ARGUMENT, "starts and lengths");
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_cut_through_a_block_is_unsupported)
{
	static const uint64_t starts[] = {0, 1};
	static const uint64_t lengths[] = {4, 2};
	struct cairn_reader *reader;
	const struct cairn_tensor tensor = small_tensor(&reader, CAIRN_F4_E2M1, four_by_six);
	struct cairn_view view;

	ASSERT_FAILS(cairn_tensor_view_slice(&tensor, starts, lengths, &view, &test_error),
		     CAIRN_UNSUPPORTED, "tensor 't'");
	cairn_reader_close(reader);
}
END_TEST

START_TEST(blocks_that_run_over_rows_can_be_read_but_not_sliced)
{
	static const uint64_t odd[] = {4, 3};
	static const uint64_t starts[] = {0, 0};
	static const uint64_t lengths[] = {2, 3};
	struct cairn_reader *reader;
	const struct cairn_tensor tensor = small_tensor(&reader, CAIRN_F4_E2M1, odd);
	struct cairn_view view = {0};

	ASSERT_OK(cairn_tensor_view_slice(&tensor, starts, odd, &view, &test_error));
	ck_assert_uint_eq(view.size, 6);
	cairn_view_release(&view);
	ASSERT_STATUS(cairn_tensor_view_slice(&tensor, starts, lengths, &view, &test_error),
		      CAIRN_UNSUPPORTED);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_slice_of_strings_is_a_tensor_of_strings)
{
	static const uint64_t dims[] = {2, 2};
	static const uint64_t starts[] = {0, 1};
	static const uint64_t lengths[] = {CAIRN_FULL, 1};
	static const uint64_t too_far[] = {1, 2};
	static const char *const expected[] = {"bc", "def"};
	const struct cairn_string strings[] = {{"a", 1}, {"bc", 2}, {"", 0}, {"def", 3}};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_string string;
	struct cairn_view view;
	char buffer[4];

	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("t"), 2, dims, strings,
					   &test_error));
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", NULL);
	tensor = find(reader, "t");
	ASSERT_OK(cairn_tensor_view_slice(&tensor, starts, lengths, &view, &test_error));
	ck_assert_uint_eq(view.element_count, 2);
	ck_assert_uint_eq(view.size, 2 * 8 + 5);
	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MATERIALISED | CAIRN_VIEW_VERIFIED);
	for (uint64_t i = 0; i < 2; i++) {
		ASSERT_OK(cairn_view_string(&tensor, &view, i, &string, &test_error));
		ck_assert_uint_eq(string.size, strlen(expected[i]));
		ck_assert_mem_eq(string.data, expected[i], string.size);
	}
	ASSERT_FAILS(cairn_view_string(&tensor, &view, 2, &string, &test_error),
		     CAIRN_INVALID_ARGUMENT, "element 2 of 2");
	cairn_view_release(&view);
	ASSERT_FAILS(cairn_tensor_view_slice(&tensor, starts, too_far, &view, &test_error),
		     CAIRN_MISMATCH, "tensor 't'");
	ASSERT_FAILS(cairn_tensor_read_slice(&tensor, starts, lengths, buffer, sizeof(buffer),
					     &test_error),
		     CAIRN_MISMATCH, "a buffer of 4 bytes for a slice of 21");
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_buffer_of_another_size_is_a_mismatch)
{
	uint8_t buffer[200];
	struct cairn_reader *reader;
	const struct cairn_tensor tensor = small_tensor(&reader, CAIRN_F32, four_by_six);

	ASSERT_FAILS(cairn_tensor_read_slice(&tensor, NULL, NULL, buffer, 95, &test_error),
		     CAIRN_MISMATCH, "95");
	ASSERT_OK(cairn_tensor_read_slice(&tensor, NULL, NULL, buffer, 96, &test_error));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_byte_range_that_leaves_the_tensor_is_a_mismatch)
{
	uint8_t buffer[8];
	struct cairn_reader *reader;
	const struct cairn_tensor tensor = small_tensor(&reader, CAIRN_F32, four_by_six);

	ASSERT_STATUS(cairn_tensor_read(&tensor, 95, buffer, 2, &test_error), CAIRN_MISMATCH);
	ASSERT_STATUS(cairn_tensor_read(&tensor, UINT64_MAX, buffer, 2, &test_error),
		      CAIRN_MISMATCH);
	ASSERT_OK(cairn_tensor_read(&tensor, 96, buffer, 0, &test_error));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(an_incomplete_tensor_is_no_matter_of_memory)
{
	static const uint64_t dims[] = {(uint64_t)1 << 40};
	static const uint64_t start[] = {0};
	static const uint64_t length[] = {8};
	const struct cairn_tensor_spec spec = {.name = cairn_string_from("t"),
					       .dtype = CAIRN_F32,
					       .rank = 1,
					       .dims = dims,
					       .starts = start,
					       .lengths = length};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, some_bytes, &test_error));
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", NULL);
	tensor = find(reader, "t");
	ASSERT_STATUS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_PRECONDITION);
	cairn_reader_close(reader);
}
END_TEST

static Suite *gather_suite(void)
{
	Suite *suite = suite_create("gather");
	TCase *tests = tcase_create("gather");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, slices_of_a_whole_tensor_are_those_of_the_model, 0, SEEDS);
	tcase_add_loop_test(tests, byte_ranges_are_those_of_the_model, 0, SEEDS);
	tcase_add_loop_test(tests, partitions_are_put_together, 0, SEEDS);
	tcase_add_loop_test(tests, a_stored_slice_is_viewed_in_place, 0, SEEDS);
	tcase_add_loop_test(tests, incomplete_tensors_give_what_is_stored, 0, SEEDS);
	tcase_add_loop_test(tests, slices_that_leave_the_shape_are_mismatches, 0,
			    COUNT_OF(outside));
	tcase_add_test(tests, full_stands_for_a_whole_dimension);
	tcase_add_test(tests, a_start_without_a_length_is_invalid);
	tcase_add_test(tests, a_cut_through_a_block_is_unsupported);
	tcase_add_test(tests, blocks_that_run_over_rows_can_be_read_but_not_sliced);
	tcase_add_test(tests, a_slice_of_strings_is_a_tensor_of_strings);
	tcase_add_test(tests, a_buffer_of_another_size_is_a_mismatch);
	tcase_add_test(tests, a_byte_range_that_leaves_the_tensor_is_a_mismatch);
	tcase_add_test(tests, an_incomplete_tensor_is_no_matter_of_memory);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(gather_suite());
}
