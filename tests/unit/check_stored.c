/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks: which of them are read, when they are verified, what is remembered; and what dishonest
 * records of slices and extents lead to. One tensor of ten chunks and a bit, of random bytes.
 */
#include "engine/read/stored.h"

#include <errno.h>

#include "format/bytes.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

#define CHUNK     ((uint64_t)CHUNK_SIZE_MIN)
#define DATA_SIZE (10 * CHUNK + 1000)

static struct scene scene;
static uint8_t *data;

static const uint64_t dims[] = {DATA_SIZE};
static const struct cairn_writer_options small_chunks = {.chunk_size = CHUNK_SIZE_MIN};
static const struct cairn_reader_options copies = {.transport = CAIRN_TRANSPORT_COPY};
static const struct cairn_reader_options unverified = {.verification = CAIRN_VERIFY_NEVER};

static void set_up(void)
{
	struct random random = {1};
	struct cairn_writer *writer;

	scene_open(&scene);
	data = malloc(DATA_SIZE);
	random_fill(&random, data, DATA_SIZE);
	writer = scene_writer(&scene, "/f", &small_chunks);
	ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_U8, 1, dims, data, &test_error));
	finish_writer(writer);
}

static void tear_down(void)
{
	free(data);
	scene_close(&scene);
}

static struct cairn_tensor find(const struct cairn_reader *reader)
{
	struct cairn_tensor tensor = {0};

	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	return tensor;
}

static uint64_t offset_of_data(const struct cairn_tensor *tensor)
{
	struct cairn_stored_slice slice;

	ASSERT_OK(cairn_tensor_stored_slice(tensor, 0, &slice, &test_error));
	return slice.offset;
}

static void damage(const struct cairn_tensor *tensor, uint64_t chunk)
{
	const uint64_t offset = offset_of_data(tensor) + chunk * CHUNK + 7;

	ck_assert_int_eq(memory_system_corrupt(scene.memory, "/f", offset, 1), 0);
}

static enum cairn_status view(const struct cairn_tensor *tensor, uint64_t start, uint64_t size)
{
	struct cairn_view made = {0};
	const enum cairn_status status = cairn_tensor_view_slice(tensor, &start, &size, &made,
								 &test_error);

	if (status == CAIRN_OK)
		ck_assert(memcmp(made.data, data + start, size) == 0);
	cairn_view_release(&made);
	return status;
}

static uint64_t calls(enum memory_call call)
{
	return memory_system_calls(scene.memory, call);
}

static void inject(enum memory_call call, bool forever, int error)
{
	const struct memory_fault fault = {
		.call = call, .at = 1, .forever = forever, .error = error};

	memory_system_set_fault(scene.memory, call == MEMORY_CALL_PREAD, &fault);
}

/* --------------------------------------------------------------------------------- what is read */

static const struct {
	const char *name;
	uint64_t start;
	uint64_t size;
	uint64_t first; /* chunk that is touched */
	uint64_t last;
} ranges[] = {
	{"one byte", 3 * CHUNK + 5, 1, 3, 3},
	{"a chunk", 4 * CHUNK, CHUNK, 4, 4},
	{"the last byte of a chunk", 5 * CHUNK - 1, 1, 4, 4},
	{"two bytes across a boundary", 5 * CHUNK - 1, 2, 4, 5},
	{"the first chunk", 0, 10, 0, 0},
	{"the short last chunk", 10 * CHUNK + 1, 999, 10, 10},
	{"the middle", 2 * CHUNK + 9, 5 * CHUNK, 2, 7},
};

static void only_touched_chunks_count(const struct cairn_reader_options *options, int i)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", options);
	const struct cairn_tensor tensor = find(reader);

	for (uint64_t chunk = 0; chunk <= 10; chunk++) {
		if (chunk < ranges[i].first || chunk > ranges[i].last)
			damage(&tensor, chunk);
	}
	ASSERT_OK(view(&tensor, ranges[i].start, ranges[i].size));
	cairn_reader_close(reader);
}

START_TEST(other_chunks_do_not_matter_to_a_view)
{
	only_touched_chunks_count(NULL, _i);
}
END_TEST

START_TEST(other_chunks_do_not_matter_to_a_copy)
{
	only_touched_chunks_count(&copies, _i);
}
END_TEST

static void each_touched_chunk_counts(const struct cairn_reader_options *options, int i)
{
	for (uint64_t chunk = ranges[i].first; chunk <= ranges[i].last; chunk++) {
		struct cairn_reader *const reader = scene_reader(&scene, "/f", options);
		const struct cairn_tensor tensor = find(reader);

		damage(&tensor, chunk);
		ASSERT_FAILS(view(&tensor, ranges[i].start, ranges[i].size), CAIRN_CHECKSUM,
			     "tensor 't': chunk ");
		ck_assert_uint_eq(test_error.offset, offset_of_data(&tensor) + chunk * CHUNK);
		damage(&tensor, chunk); /* once more: whole again */
		cairn_reader_close(reader);
	}
}

START_TEST(damage_of_a_touched_chunk_fails_a_view)
{
	each_touched_chunk_counts(NULL, _i);
}
END_TEST

START_TEST(damage_of_a_touched_chunk_fails_a_copy)
{
	each_touched_chunk_counts(&copies, _i);
}
END_TEST

START_TEST(a_checksum_error_names_file_chunk_and_both_digests)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);
	const char *digest;

	damage(&tensor, 6);
	ASSERT_FAILS(view(&tensor, 0, DATA_SIZE), CAIRN_CHECKSUM, "'/f': tensor 't': chunk 6 at");
	digest = strstr(test_error.message, "has digest ");
	ck_assert_ptr_nonnull(digest);
	ck_assert_uint_eq(strspn(digest + strlen("has digest "), "0123456789abcdef"), 32);
	digest = strstr(test_error.message, " instead of ");
	ck_assert_ptr_nonnull(digest);
	ck_assert_uint_eq(strspn(digest + strlen(" instead of "), "0123456789abcdef"), 32);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(without_verification_damage_goes_unnoticed)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &unverified);
	const struct cairn_tensor tensor = find(reader);
	struct cairn_view made;

	damage(&tensor, 6);
	ASSERT_OK(cairn_tensor_view(&tensor, &made, &test_error));
	ck_assert_uint_eq(made.flags & CAIRN_VIEW_VERIFIED, 0);
	cairn_view_release(&made);
	cairn_reader_close(reader);
}
END_TEST

/* --------------------------------------------------------------------------- what is remembered */

START_TEST(a_verified_tensor_costs_no_system_call)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);
	uint64_t before;

	ASSERT_OK(view(&tensor, 0, DATA_SIZE));
	before = calls(MEMORY_CALL_ANY) + calls(MEMORY_CALL_ALLOCATE);
	ASSERT_OK(view(&tensor, 0, DATA_SIZE));
	ASSERT_OK(view(&tensor, CHUNK - 5, 10));
	ck_assert_uint_eq(calls(MEMORY_CALL_ANY) + calls(MEMORY_CALL_ALLOCATE), before);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(verified_chunks_are_not_looked_at_again)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);
	struct cairn_view made = {0};

	ASSERT_OK(view(&tensor, 2 * CHUNK, CHUNK));
	damage(&tensor, 2);
	ASSERT_OK(cairn_tensor_view(&tensor, &made, &test_error));
	cairn_view_release(&made);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(copies_are_verified_each_time)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &copies);
	const struct cairn_tensor tensor = find(reader);

	ASSERT_OK(view(&tensor, 2 * CHUNK, CHUNK));
	damage(&tensor, 2);
	ASSERT_STATUS(view(&tensor, 2 * CHUNK, CHUNK), CAIRN_CHECKSUM);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_bad_chunk_stays_bad)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);

	damage(&tensor, 2);
	ASSERT_STATUS(view(&tensor, 2 * CHUNK, 1), CAIRN_CHECKSUM);
	damage(&tensor, 2);
	ASSERT_FAILS(view(&tensor, 2 * CHUNK, 1), CAIRN_CHECKSUM, "as was found before");
	cairn_reader_close(reader);
}
END_TEST

START_TEST(chunks_before_a_bad_one_are_remembered_as_good)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);
	uint64_t before;

	damage(&tensor, 5);
	ASSERT_STATUS(view(&tensor, 0, DATA_SIZE), CAIRN_CHECKSUM);
	before = calls(MEMORY_CALL_ANY);
	ASSERT_OK(view(&tensor, 0, 5 * CHUNK));
	ck_assert_uint_eq(calls(MEMORY_CALL_ANY), before);
	ASSERT_OK(view(&tensor, 6 * CHUNK, 4 * CHUNK)); /* those behind it were given up */
	cairn_reader_close(reader);
}
END_TEST

START_TEST(errors_of_the_medium_are_not_remembered)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);

	inject(MEMORY_CALL_POPULATE, true, EIO);
	inject(MEMORY_CALL_PREAD, true, EIO);
	ASSERT_STATUS(view(&tensor, 0, DATA_SIZE), CAIRN_IO);
	ck_assert_int_eq(test_error.system_errno, EIO);
	memory_system_clear_faults(scene.memory);
	ASSERT_OK(view(&tensor, 0, DATA_SIZE));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(missing_memory_is_not_remembered)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);

	memory_system_settings(scene.memory)->resident = 0;
	inject(MEMORY_CALL_ALLOCATE, true, ENOMEM);
	ASSERT_STATUS(view(&tensor, 0, DATA_SIZE), CAIRN_NO_MEMORY);
	memory_system_clear_faults(scene.memory);
	ASSERT_OK(view(&tensor, 0, DATA_SIZE));
	cairn_reader_close(reader);
}
END_TEST

/* ------------------------------------------------------------------------------- how it is read */

START_TEST(resident_pages_are_hashed_where_they_are)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);
	const uint64_t before = calls(MEMORY_CALL_PREAD);

	ASSERT_OK(view(&tensor, 0, DATA_SIZE));
	ck_assert_uint_eq(calls(MEMORY_CALL_PREAD), before);
	ck_assert_uint_ne(calls(MEMORY_CALL_POPULATE), 0);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(pages_that_are_not_resident_are_read)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);
	uint64_t before;

	memory_system_settings(scene.memory)->resident = 0;
	before = calls(MEMORY_CALL_PREAD);
	ASSERT_OK(view(&tensor, 0, DATA_SIZE));
	ck_assert_uint_eq(calls(MEMORY_CALL_PREAD), before + 1); /* in one large piece */
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_kernel_without_populate_is_served_by_reading)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);

	inject(MEMORY_CALL_POPULATE, true, EINVAL);
	ASSERT_OK(view(&tensor, 0, DATA_SIZE));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_file_cut_off_after_open_is_truncated)
{
	const struct cairn_reader_options *const all_options[] = {NULL, &copies};
	struct cairn_reader *const reader = scene_reader(&scene, "/f", all_options[_i % 2]);
	const struct cairn_tensor tensor = find(reader);
	const uint64_t kept = offset_of_data(&tensor) + 4 * CHUNK + 100;

	memory_system_settings(scene.memory)->resident = _i / 2;
	ck_assert_int_eq(memory_system_truncate(scene.memory, "/f", kept), 0);
	ASSERT_FAILS(view(&tensor, 0, DATA_SIZE), CAIRN_TRUNCATED, "tensor 't'");
	ASSERT_OK(view(&tensor, 0, 4 * CHUNK));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(short_reads_are_continued)
{
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	memory_system_settings(scene.memory)->transfer_max = 1000;
	reader = scene_reader(&scene, "/f", &copies);
	tensor = find(reader);
	ASSERT_OK(view(&tensor, 0, DATA_SIZE));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(scattered_copies_read_a_chunk_once)
{
	static const uint64_t square[] = {1000, 655}; /* 1000 * 655 < DATA_SIZE */
	static const uint64_t starts[] = {0, 5};
	static const uint64_t lengths[] = {1000, 3};
	struct cairn_writer *const writer = scene_writer(&scene, "/g", &small_chunks);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	uint8_t buffer[3000];
	uint64_t before;

	ASSERT_OK(cairn_writer_add(writer, "t", CAIRN_U8, 2, square, data, &test_error));
	finish_writer(writer);
	reader = scene_reader(&scene, "/g", &copies);
	tensor = find(reader);
	before = calls(MEMORY_CALL_PREAD);
	ASSERT_OK(cairn_tensor_read_slice(&tensor, starts, lengths, buffer, sizeof(buffer),
					  &test_error));
	ck_assert_uint_eq(calls(MEMORY_CALL_PREAD) - before, 10); /* 655,000 bytes */
	cairn_reader_close(reader);
}
END_TEST

/* ---------------------------------------------------------------------------- dishonest records */

static struct slice_record slice_of(const struct bytes *file)
{
	struct slice_record record;

	ASSERT_OK(slice_record_decode(container_record(file, SECTION_SLICES, 0), &record,
				      &test_error));
	return record;
}

static struct extent_record extent_of(const struct bytes *file)
{
	struct extent_record record;

	ASSERT_OK(extent_record_decode(container_record(file, SECTION_EXTENTS, 0), &record,
				       &test_error));
	return record;
}

/* What a later version stores in its own way is listed all the same. */
static void assert_listed(const struct cairn_tensor *tensor)
{
	struct cairn_stored_slice slice;
	uint64_t stored = 0;

	ASSERT_OK(cairn_tensor_stored_slice(tensor, 0, &slice, &test_error));
	ck_assert_uint_eq(slice.size, tensor->size);
	ck_assert_uint_eq(slice.offset, CAIRN_NO_OFFSET);
	ck_assert_int_eq(slice.has_digest, 1);
	ASSERT_OK(cairn_tensor_stored_bytes(tensor, &stored, &test_error));
	ck_assert_uint_eq(stored, tensor->size);
}

static void assert_view_fails(struct bytes *file, enum cairn_status status, const char *part)
{
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view made;

	container_reseal(file);
	ASSERT_OK(reader_open_bytes(scene.system, file->data, file->size, NULL, &reader,
				    &test_error));
	tensor = find(reader);
	ASSERT_FAILS(cairn_tensor_view(&tensor, &made, &test_error), status, part);
	if (status == CAIRN_UNSUPPORTED)
		assert_listed(&tensor);
	cairn_reader_close(reader);
	bytes_free(file);
}

static const struct {
	const char *name;
	uint64_t chunk_index;
	uint64_t size; /* 0: as it is */
	uint64_t extent_offset;
	uint8_t codec;
	uint8_t transform;
	enum cairn_status status;
	const char *part;
} slices[] = {
	{"chunks behind the last", 11, 0, 0, 0, 0, CAIRN_CORRUPT, "chunk digests"},
	{"chunks that overlap the end", 1, 0, 0, 0, 0, CAIRN_CORRUPT, "chunk digests"},
	{"chunks far away", (uint64_t)1 << 40, 0, 0, 0, 0, CAIRN_CORRUPT, "chunk digests"},
	{"chunks whose number wraps", UINT64_MAX - 4, 0, 0, 0, 0, CAIRN_CORRUPT, "chunk digests"},
	{"another size", 0, DATA_SIZE - 1, 0, 0, 0, CAIRN_CORRUPT, "bytes instead of"},
	{"an extent behind the file", 0, 0, (uint64_t)1 << 40, 0, 0, CAIRN_CORRUPT,
	 "exceeds file size"},
	{"an extent over the end of the file", 0, 0, DATA_SIZE, 0, 0, CAIRN_CORRUPT,
	 "exceeds file size"},
	{"an unknown codec", 0, 0, 0, 9, 0, CAIRN_UNSUPPORTED, "codec 9"},
	{"an unknown transform", 0, 0, 0, 0, 5, CAIRN_UNSUPPORTED, "transform 5"},
};

START_TEST(dishonest_slices_are_refused_when_they_are_used)
{
	struct bytes file = scene_content(&scene, "/f");
	struct slice_record slice = slice_of(&file);
	struct extent_record extent = extent_of(&file);

	slice.chunk_index = slices[_i].chunk_index;
	slice.size = slices[_i].size == 0 ? slice.size : slices[_i].size;
	slice.transform = slices[_i].transform;
	extent.offset = slices[_i].extent_offset == 0 ? extent.offset : slices[_i].extent_offset;
	extent.codec = slices[_i].codec;
	slice_record_encode(&slice, container_record(&file, SECTION_SLICES, 0));
	extent_record_encode(&extent, container_record(&file, SECTION_EXTENTS, 0));
	assert_view_fails(&file, slices[_i].status, slices[_i].part);
}
END_TEST

/* ------------------------------------------------------------------------------ several extents */

/* A tensor of 3000 bytes in three extents. */
static struct cairn_reader *open_extents(const uint64_t offsets[3], struct bytes *file,
					 const struct cairn_reader_options *options)
{
	static const uint64_t three_thousand[] = {3000};
	const struct extent_record extents[] = {
		{.offset = offsets[0], .stored_size = 1000, .size = 1000},
		{.offset = offsets[1], .stored_size = 500, .size = 500},
		{.offset = offsets[2], .stored_size = 1500, .size = 1500},
	};
	const struct build_slice slice = {
		.extents = extents, .extent_count = 3, .size = 3000, .chunk_size = CHUNK_SIZE_MIN};
	struct build_tensor tensor = {.name = cairn_string_from("t"),
				      .rank = 1,
				      .dtype = CAIRN_U8,
				      .dims = three_thousand,
				      .block_elements = 1,
				      .block_bytes = 1,
				      .size = 3000,
				      .slices = &slice,
				      .slice_count = 1};
	struct build_input input = {.tensors = &tensor, .tensor_count = 1};
	const struct bytes stored = {data, 20000};
	struct cairn_reader *reader = NULL;

	*file = container_from(&input, &stored);
	ASSERT_OK(reader_open_bytes(scene.system, file->data, file->size, options, &reader,
				    &test_error));
	return reader;
}

START_TEST(scattered_extents_are_put_together)
{
	static const uint64_t offsets[] = {10000, 5000, 4096};
	struct bytes file;
	struct cairn_reader *const reader = open_extents(offsets, &file, NULL);
	const struct cairn_tensor tensor = find(reader);
	struct cairn_view made = {0};
	uint8_t buffer[600];

	ASSERT_OK(cairn_tensor_view(&tensor, &made, &test_error));
	ck_assert_uint_eq(made.flags, CAIRN_VIEW_MATERIALISED);
	ck_assert_mem_eq(made.data, data + 10000 - 4096, 1000);
	ck_assert_mem_eq((const uint8_t *)made.data + 1000, data + 5000 - 4096, 500);
	ck_assert_mem_eq((const uint8_t *)made.data + 1500, data, 1500);
	ASSERT_OK(cairn_tensor_read(&tensor, 950, buffer, 600, &test_error));
	ck_assert_mem_eq(buffer, (const uint8_t *)made.data + 950, 600);
	cairn_view_release(&made);
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* A copy goes on where the last one ended in the extents; wherever the next one begins. */
START_TEST(pieces_of_scattered_extents_are_copied_in_any_order)
{
	static const uint64_t offsets[] = {10000, 5000, 4096};
	static const uint64_t begins[] = {0, 990, 1000, 1490, 2990, 1499, 1500, 10, 1001, 2000};
	struct stored_scratch scratch = {0};
	struct bytes file;
	struct cairn_reader *const reader = open_extents(offsets, &file, NULL);
	struct stored stored;
	uint8_t whole[3000];
	uint8_t piece[600];

	memcpy(whole, data + 10000 - 4096, 1000);
	memcpy(whole + 1000, data + 5000 - 4096, 500);
	memcpy(whole + 1500, data, 1500);
	ASSERT_OK(stored_open(reader, 0, cairn_string_from("t"), &stored, &test_error));
	for (size_t i = 0; i < COUNT_OF(begins); i++) {
		for (uint64_t size = 10; size <= 600 && begins[i] + size <= 3000; size += 590) {
			ASSERT_OK(stored_copy(&stored, begins[i], size, piece, &scratch,
					      &test_error));
			ck_assert_mem_eq(piece, whole + begins[i], size);
		}
	}
	stored_scratch_release(scene.system, &scratch);
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

START_TEST(extents_that_follow_each_other_are_one_piece)
{
	static const uint64_t offsets[] = {5000, 6000, 6500};
	struct bytes file;
	struct cairn_reader *const reader = open_extents(offsets, &file, NULL);
	const struct cairn_tensor tensor = find(reader);
	struct cairn_view made = {0};

	ASSERT_OK(cairn_tensor_view(&tensor, &made, &test_error));
	ck_assert_uint_eq(made.flags, CAIRN_VIEW_MAPPED); /* no digests: not verified */
	ck_assert_mem_eq(made.data, data + 5000 - 4096, 3000);
	cairn_view_release(&made);
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

static Suite *stored_suite(void)
{
	Suite *suite = suite_create("stored");
	TCase *tests = tcase_create("stored");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, other_chunks_do_not_matter_to_a_view, 0, COUNT_OF(ranges));
	tcase_add_loop_test(tests, other_chunks_do_not_matter_to_a_copy, 0, COUNT_OF(ranges));
	tcase_add_loop_test(tests, damage_of_a_touched_chunk_fails_a_view, 0, COUNT_OF(ranges));
	tcase_add_loop_test(tests, damage_of_a_touched_chunk_fails_a_copy, 0, COUNT_OF(ranges));
	tcase_add_test(tests, a_checksum_error_names_file_chunk_and_both_digests);
	tcase_add_test(tests, without_verification_damage_goes_unnoticed);
	tcase_add_test(tests, a_verified_tensor_costs_no_system_call);
	tcase_add_test(tests, verified_chunks_are_not_looked_at_again);
	tcase_add_test(tests, copies_are_verified_each_time);
	tcase_add_test(tests, a_bad_chunk_stays_bad);
	tcase_add_test(tests, chunks_before_a_bad_one_are_remembered_as_good);
	tcase_add_test(tests, errors_of_the_medium_are_not_remembered);
	tcase_add_test(tests, missing_memory_is_not_remembered);
	tcase_add_test(tests, resident_pages_are_hashed_where_they_are);
	tcase_add_test(tests, pages_that_are_not_resident_are_read);
	tcase_add_test(tests, a_kernel_without_populate_is_served_by_reading);
	tcase_add_loop_test(tests, a_file_cut_off_after_open_is_truncated, 0, 4);
	tcase_add_test(tests, short_reads_are_continued);
	tcase_add_test(tests, scattered_copies_read_a_chunk_once);
	tcase_add_loop_test(tests, dishonest_slices_are_refused_when_they_are_used, 0,
			    COUNT_OF(slices));
	tcase_add_test(tests, scattered_extents_are_put_together);
	tcase_add_test(tests, pieces_of_scattered_extents_are_copied_in_any_order);
	tcase_add_test(tests, extents_that_follow_each_other_are_one_piece);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(stored_suite());
}
