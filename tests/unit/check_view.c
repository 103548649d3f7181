/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views: what kind of memory is handed out, how long it lives, what it counts for, and the strings
 * in it.
 */
#include <cairn/reader.h>

#include <errno.h>

#include "format/bytes.h"
#include "tests/support/build.h"
#include "tests/support/model.h"
#include "tests/support/suite.h"

static struct scene scene;

static const uint64_t hundred[] = {100};
static double numbers[100];
static const struct cairn_reader_options copies = {.transport = CAIRN_TRANSPORT_COPY};
static const struct cairn_reader_options unaligned = {.flags = CAIRN_OPEN_UNALIGNED_VIEWS};

static void set_up(void)
{
	struct random random = {3};

	scene_open(&scene);
	random_fill(&random, numbers, sizeof(numbers));
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

static struct cairn_view view_of(const struct cairn_reader *reader, const char *name)
{
	const struct cairn_tensor tensor = find(reader, name);
	struct cairn_view view = {0};

	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	return view;
}

/* A file with the doubles as "t". */
static void write_numbers(const char *path)
{
	struct cairn_writer *const writer = scene_writer(&scene, path, NULL);

	ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_F64, 1, hundred, numbers, &test_error));
	finish_writer(writer);
}

static struct cairn_reader *open_numbers(const struct cairn_reader_options *options)
{
	write_numbers("/f");
	return scene_reader(&scene, "/f", options);
}

static uint64_t materialised(const struct cairn_reader *reader)
{
	struct cairn_reader_info info = {.size = sizeof(info)};

	cairn_reader_info(reader, &info);
	return info.materialised_bytes;
}

/* ------------------------------------------------------------------------------ kinds of memory */

START_TEST(stored_bytes_are_used_in_place)
{
	struct cairn_reader *const reader = open_numbers(NULL);
	struct cairn_view view = view_of(reader, "t");

	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MAPPED | CAIRN_VIEW_VERIFIED);
	ck_assert_uint_eq(view.size, sizeof(numbers));
	ck_assert_mem_eq(view.data, numbers, sizeof(numbers));
	ck_assert_uint_eq(materialised(reader), 0);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(copy_mode_materialises_and_maps_nothing)
{
	struct cairn_reader *const reader = open_numbers(&copies);
	struct cairn_view view = view_of(reader, "t");

	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MATERIALISED | CAIRN_VIEW_VERIFIED);
	ck_assert_mem_eq(view.data, numbers, sizeof(numbers));
	ck_assert_uint_eq(memory_system_live(scene.memory).maps, 0);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(unverified_views_say_so)
{
	static const struct cairn_reader_options all_options[] = {
		{.verification = CAIRN_VERIFY_NEVER},
		{.verification = CAIRN_VERIFY_NEVER, .transport = CAIRN_TRANSPORT_COPY},
	};
	struct cairn_reader *const reader = open_numbers(&all_options[_i]);
	struct cairn_view view = view_of(reader, "t");

	ck_assert_uint_eq(view.flags & CAIRN_VIEW_VERIFIED, 0);
	ck_assert_mem_eq(view.data, numbers, sizeof(numbers));
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(every_type_is_aligned_for_its_elements)
{
	const struct cairn_dtype_info *const info = model_dtype((uint32_t)_i);
	const uint64_t dims[] = {3 * info->block_elements};
	struct random random = {(uint64_t)_i};
	struct model model = model_make(&random, info, 1, dims);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_view view;

	ASSERT_OK(cairn_writer_add(writer, "a", CAIRN_U8, 1, (const uint64_t[]){1}, "x",
				   &test_error)); /* what follows has to be placed */
	ASSERT_OK(cairn_writer_add(writer, "t", info->dtype, 1, dims, model.bytes, &test_error));
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", NULL);
	view = view_of(reader, "t");
	ck_assert_uint_eq((uintptr_t)view.data % info->alignment, 0);
	ck_assert_uint_eq(view.flags & CAIRN_VIEW_UNALIGNED, 0);
	ck_assert_uint_eq(view.size, model.size);
	ck_assert_mem_eq(view.data, model.bytes, model.size);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	model_free(&model);
}
END_TEST

START_TEST(an_empty_view_points_somewhere)
{
	static const struct cairn_reader_options all_options[] = {
		{0}, {.transport = CAIRN_TRANSPORT_COPY}, {.verification = CAIRN_VERIFY_NEVER}};
	static const uint64_t empty[] = {4, 0, 7};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_view view;

	ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_C128, 3, empty, NULL, &test_error));
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", &all_options[_i]);
	view = view_of(reader, "t");
	ck_assert_ptr_nonnull(view.data);
	ck_assert_uint_eq(view.size, 0);
	ck_assert_uint_eq((uintptr_t)view.data % 8, 0);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(an_alias_is_the_same_memory)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_view a;
	struct cairn_view b;

	ASSERT_OK(cairn_writer_add(writer, "b", CAIRN_F64, 1, hundred, numbers, &test_error));
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from("a"), cairn_string_from("b"),
					 &test_error));
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", NULL);
	a = view_of(reader, "a");
	b = view_of(reader, "b");
	ck_assert_ptr_eq(a.data, b.data);
	ck_assert_uint_eq(a.size, sizeof(numbers));
	ck_assert_mem_eq(a.data, numbers, sizeof(numbers));
	cairn_view_release(&a);
	cairn_view_release(&b);
	cairn_reader_close(reader);
}
END_TEST

/* ------------------------------------------------------------------------- unaligned containers */

static const uint64_t shifts[] = {0, 1, 4, 7, 8, 63, 64, 100, 4096, 5000, 65536, 70001};

/* The container behind so many other bytes. */
static struct bytes shifted(const char *path, uint64_t shift)
{
	struct bytes file = scene_content(&scene, path);
	struct bytes longer = {malloc(file.size + shift), file.size + shift};

	memset(longer.data, 0xee, shift);
	memcpy(longer.data + shift, file.data, file.size);
	bytes_free(&file);
	return longer;
}

static void check_shifted(struct cairn_reader *reader, uint64_t shift, bool in_place)
{
	struct cairn_view view = view_of(reader, "t");

	ck_assert_mem_eq(view.data, numbers, sizeof(numbers));
	ck_assert_uint_eq((view.flags & CAIRN_VIEW_MAPPED) != 0, in_place || shift % 8 == 0);
	ck_assert_uint_eq((view.flags & CAIRN_VIEW_UNALIGNED) != 0, in_place && shift % 8 != 0);
	ck_assert_uint_ne(view.flags & CAIRN_VIEW_VERIFIED, 0);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}

static struct cairn_reader *open_shifted_fd(uint64_t shift, uint64_t behind,
					    const struct cairn_reader_options *options)
{
	struct cairn_reader *reader = NULL;
	struct bytes longer;
	uint64_t size = 0;
	int fd;

	write_numbers("/f");
	longer = shifted("/f", shift);
	if (behind != 0) {
		size = longer.size - shift;
		longer.data = realloc(longer.data, longer.size + behind);
		memset(longer.data + longer.size, 0xdd, behind);
		longer.size += behind;
	}
	scene_add_file(&scene, "/g", &longer);
	bytes_free(&longer);
	fd = system_open(scene.system, SYSTEM_CWD, "/g", 0);
	ASSERT_OK(reader_open_descriptor(scene.system, fd, shift, size, options, &reader,
					 &test_error));
	system_close(scene.system, fd); /* the reader has its own */
	return reader;
}

START_TEST(a_container_may_lie_anywhere_in_an_open_file)
{
	check_shifted(open_shifted_fd(shifts[_i], 0, NULL), shifts[_i], false);
}
END_TEST

START_TEST(a_container_may_lie_in_the_middle_of_an_open_file)
{
	check_shifted(open_shifted_fd(shifts[_i], 999, NULL), shifts[_i], false);
}
END_TEST

START_TEST(unaligned_views_are_for_those_who_ask)
{
	check_shifted(open_shifted_fd(shifts[_i], 0, &unaligned), shifts[_i], true);
}
END_TEST

START_TEST(a_container_may_lie_anywhere_in_memory)
{
	struct cairn_reader *reader = NULL;
	struct bytes longer;

	write_numbers("/f");
	longer = shifted("/f", shifts[_i]);
	ASSERT_OK(reader_open_bytes(scene.system, longer.data + shifts[_i],
				    longer.size - shifts[_i], NULL, &reader, &test_error));
	/* malloc aligns to 16: only the shift counts */
	check_shifted(reader, shifts[_i], false);
	bytes_free(&longer);
}
END_TEST

START_TEST(views_of_memory_point_into_it)
{
	struct cairn_reader *reader = NULL;
	struct bytes file;
	struct cairn_view view;

	write_numbers("/f");
	file = scene_content(&scene, "/f");
	ASSERT_OK(
		reader_open_bytes(scene.system, file.data, file.size, NULL, &reader, &test_error));
	view = view_of(reader, "t");
	ck_assert((const uint8_t *)view.data > file.data &&
		  (const uint8_t *)view.data < file.data + file.size);
	cairn_view_release(&view);
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

START_TEST(copy_mode_copies_from_memory_too)
{
	struct cairn_reader *reader = NULL;
	struct bytes file;
	struct cairn_view view;

	write_numbers("/f");
	file = scene_content(&scene, "/f");
	ASSERT_OK(reader_open_bytes(scene.system, file.data, file.size, &copies, &reader,
				    &test_error));
	view = view_of(reader, "t");
	memset(file.data, 0, file.size); /* nothing may depend on it any more */
	ck_assert_uint_eq(view.flags, CAIRN_VIEW_MATERIALISED | CAIRN_VIEW_VERIFIED);
	ck_assert_mem_eq(view.data, numbers, sizeof(numbers));
	cairn_view_release(&view);
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* ------------------------------------------------------------------------------------- lifetime */

START_TEST(views_outlive_their_reader)
{
	static const struct cairn_reader_options all_options[] = {
		{0}, {.transport = CAIRN_TRANSPORT_COPY}};
	struct cairn_reader *const reader = open_numbers(&all_options[_i]);
	struct cairn_view view = view_of(reader, "t");

	cairn_reader_close(reader);
	ck_assert_mem_eq(view.data, numbers, sizeof(numbers));
	cairn_view_release(&view); /* tear_down sees whether all is given back */
}
END_TEST

START_TEST(views_outlive_the_file)
{
	struct cairn_reader *const reader = open_numbers(NULL);
	struct cairn_view view = view_of(reader, "t");

	ck_assert_int_eq(system_unlink(scene.system, SYSTEM_CWD, "/f"), 0);
	ck_assert_mem_eq(view.data, numbers, sizeof(numbers));
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(releasing_twice_or_nothing_is_allowed)
{
	struct cairn_reader *const reader = open_numbers(&copies);
	struct cairn_view view = view_of(reader, "t");
	struct cairn_view none = {0};

	cairn_view_release(&view);
	ck_assert_ptr_null(view.data);
	cairn_view_release(&view);
	cairn_view_release(&none);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_failed_view_leaves_the_struct_alone)
{
	const struct cairn_reader_options options = {.transport = CAIRN_TRANSPORT_COPY,
						     .materialised_bytes_max = 10};
	struct cairn_reader *const reader = open_numbers(&options);
	const struct cairn_tensor tensor = find(reader, "t");
	struct cairn_view view = {.size = 12345};

	ASSERT_STATUS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_LIMIT);
	ck_assert_uint_eq(view.size, 12345);
	ck_assert_ptr_null(view.owner);
	cairn_reader_close(reader);
}
END_TEST

/* --------------------------------------------------------------------------- materialised bytes */

START_TEST(materialised_bytes_are_counted_until_they_are_released)
{
	struct cairn_reader *const reader = open_numbers(&copies);
	struct cairn_view a = view_of(reader, "t");
	struct cairn_view b = view_of(reader, "t");

	ck_assert_uint_eq(materialised(reader), 2 * sizeof(numbers));
	cairn_view_release(&a);
	ck_assert_uint_eq(materialised(reader), sizeof(numbers));
	cairn_view_release(&b);
	ck_assert_uint_eq(materialised(reader), 0);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(the_limit_of_materialised_bytes_holds_at_one_time)
{
	const struct cairn_reader_options options = {.transport = CAIRN_TRANSPORT_COPY,
						     .materialised_bytes_max = sizeof(numbers)};
	struct cairn_reader *const reader = open_numbers(&options);
	const struct cairn_tensor tensor = find(reader, "t");
	struct cairn_view a = view_of(reader, "t");
	struct cairn_view b;

	ASSERT_FAILS(cairn_tensor_view(&tensor, &b, &test_error), CAIRN_LIMIT,
		     "exceed the limit of 800");
	cairn_view_release(&a);
	b = view_of(reader, "t");
	cairn_view_release(&b);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(mapped_views_do_not_count_against_the_limit)
{
	const struct cairn_reader_options options = {.materialised_bytes_max = 1};
	struct cairn_reader *const reader = open_numbers(&options);
	struct cairn_view view = view_of(reader, "t");

	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(failed_materialisation_counts_for_nothing)
{
	const struct memory_fault fault = {.call = MEMORY_CALL_ALLOCATE, .at = 1, .error = ENOMEM};
	struct cairn_reader *const reader = open_numbers(&copies);
	const struct cairn_tensor tensor = find(reader, "t");
	struct cairn_view view;

	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_STATUS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_NO_MEMORY);
	ck_assert_uint_eq(materialised(reader), 0);
	view = view_of(reader, "t");
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

/* -------------------------------------------------------------------------------------- strings */

static const struct cairn_string strings[] = {
	{"one", 3}, {"", 0}, {"a\0b", 3}, {"\xc3\xa9", 2}, {"\xff not UTF-8", 12}, {"", 0},
};

static struct cairn_reader *open_strings(const struct cairn_reader_options *options)
{
	static const uint64_t dims[] = {2, 3};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);

	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("t"), 2, dims, strings,
					   &test_error));
	ASSERT_OK(cairn_writer_add(writer, "n", CAIRN_F64, 1, hundred, numbers, &test_error));
	finish_writer(writer);
	return scene_reader(&scene, "/f", options);
}

START_TEST(strings_come_back_as_they_were)
{
	static const struct cairn_reader_options all_options[] = {
		{0}, {.transport = CAIRN_TRANSPORT_COPY}};
	struct cairn_reader *const reader = open_strings(&all_options[_i]);
	const struct cairn_tensor tensor = find(reader, "t");
	struct cairn_view view = view_of(reader, "t");

	ck_assert_uint_eq(tensor.block_bytes, 0);
	ck_assert_uint_eq(tensor.element_count, COUNT_OF(strings));
	ck_assert_uint_eq(tensor.size, view.size);
	for (uint64_t i = 0; i < COUNT_OF(strings); i++) {
		struct cairn_string string;

		ASSERT_OK(cairn_view_string(&tensor, &view, i, &string, &test_error));
		ck_assert_uint_eq(string.size, strings[i].size);
		ck_assert(memcmp(string.data, strings[i].data, string.size) == 0);
	}
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(there_is_no_string_past_the_last)
{
	struct cairn_reader *const reader = open_strings(NULL);
	const struct cairn_tensor tensor = find(reader, "t");
	struct cairn_view view = view_of(reader, "t");
	struct cairn_string string;

	ASSERT_FAILS(cairn_view_string(&tensor, &view, COUNT_OF(strings), &string, &test_error),
		     CAIRN_INVALID_ARGUMENT, "element 6 of 6");
	ASSERT_STATUS(cairn_view_string(&tensor, &view, UINT64_MAX, &string, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(numbers_are_no_strings)
{
	struct cairn_reader *const reader = open_strings(NULL);
	const struct cairn_tensor tensor = find(reader, "n");
	struct cairn_view view = view_of(reader, "n");
	struct cairn_string string;

	ASSERT_STATUS(cairn_view_string(&tensor, &view, 0, &string, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

static const struct {
	const char *name;
	uint64_t first_end;
	uint64_t second_end;
	uint64_t element;
} bad_ends[] = {
	{"ends that descend", 7, 3, 1},
	{"an end past the bytes", 3, 1000, 1},
	{"a huge end", UINT64_MAX, 3, 0},
	{"a beginning past the bytes", UINT64_MAX, UINT64_MAX, 1},
};

START_TEST(end_offsets_out_of_order_are_corrupt)
{
	static const struct cairn_reader_options options = {.verification = CAIRN_VERIFY_NEVER,
							    .transport = CAIRN_TRANSPORT_COPY};
	struct cairn_reader *const reader = open_strings(&options);
	const struct cairn_tensor tensor = find(reader, "t");
	struct cairn_view view = view_of(reader, "t");
	uint8_t *const bytes = (uint8_t *)(uintptr_t)view.data; /* materialised: heap */
	struct cairn_string string;

	store_u64(bytes, bad_ends[_i].first_end);
	store_u64(bytes + 8, bad_ends[_i].second_end);
	ASSERT_FAILS(cairn_view_string(&tensor, &view, bad_ends[_i].element, &string, &test_error),
		     CAIRN_CORRUPT, "tensor 't'");
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

static TCase *memory_tests(void)
{
	TCase *tests = tcase_create("memory");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, stored_bytes_are_used_in_place);
	tcase_add_test(tests, copy_mode_materialises_and_maps_nothing);
	tcase_add_loop_test(tests, unverified_views_say_so, 0, 2);
	tcase_add_loop_test(tests, every_type_is_aligned_for_its_elements, 0,
			    (int)model_dtype_count());
	tcase_add_loop_test(tests, an_empty_view_points_somewhere, 0, 3);
	tcase_add_test(tests, an_alias_is_the_same_memory);
	tcase_add_loop_test(tests, a_container_may_lie_anywhere_in_an_open_file, 0,
			    COUNT_OF(shifts));
	tcase_add_loop_test(tests, a_container_may_lie_in_the_middle_of_an_open_file, 0,
			    COUNT_OF(shifts));
	tcase_add_loop_test(tests, unaligned_views_are_for_those_who_ask, 0, COUNT_OF(shifts));
	tcase_add_loop_test(tests, a_container_may_lie_anywhere_in_memory, 0, COUNT_OF(shifts));
	tcase_add_test(tests, views_of_memory_point_into_it);
	tcase_add_test(tests, copy_mode_copies_from_memory_too);
	return tests;
}

static TCase *lifetime_tests(void)
{
	TCase *tests = tcase_create("lifetime");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, views_outlive_their_reader, 0, 2);
	tcase_add_test(tests, views_outlive_the_file);
	tcase_add_test(tests, releasing_twice_or_nothing_is_allowed);
	tcase_add_test(tests, a_failed_view_leaves_the_struct_alone);
	tcase_add_test(tests, materialised_bytes_are_counted_until_they_are_released);
	tcase_add_test(tests, the_limit_of_materialised_bytes_holds_at_one_time);
	tcase_add_test(tests, mapped_views_do_not_count_against_the_limit);
	tcase_add_test(tests, failed_materialisation_counts_for_nothing);
	tcase_add_loop_test(tests, strings_come_back_as_they_were, 0, 2);
	tcase_add_test(tests, there_is_no_string_past_the_last);
	tcase_add_test(tests, numbers_are_no_strings);
	tcase_add_loop_test(tests, end_offsets_out_of_order_are_corrupt, 0, COUNT_OF(bad_ends));
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("view");

	suite_add_tcase(suite, memory_tests());
	suite_add_tcase(suite, lifetime_tests());
	return run_suite(suite);
}
