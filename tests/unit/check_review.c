/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reviews of the engine and fuzzing it found: dishonest indexes that asked for memory or time
 * that is not theirs, an index that changes while it is used, and sweeps that went too far.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <cairn/save.h>
#include <cairn/verify.h>

#include "engine/read/reader.h"
#include "engine/write/recover.h"
#include "engine/write/save.h"
#include "engine/write/shard_names.h"
#include "format/bytes.h"
#include "format/record.h"
#include "tests/support/build.h"
#include "tests/support/seam_hook.h"
#include "tests/support/sharded_sample.h"
#include "tests/support/suite.h"

static struct scene scene;

static void set_up(void)
{
	scene_open(&scene);
}

static void tear_down(void)
{
	scene_close(&scene);
}

/* ----------------------------------------------------------------------------- a grid in halves */

enum {
	ROWS = 10,
	COLUMNS = 100,
	LEFT = 30, /* columns of the first slice */
	GRID_SIZE = ROWS * COLUMNS
};

static uint8_t grid_byte(uint64_t row, uint64_t column)
{
	return (uint8_t)(row * 37 + column * 11 + 5);
}

static void add_columns(struct cairn_writer *writer, uint64_t first, uint64_t count,
			uint8_t *buffer)
{
	const uint64_t dims[] = {1, ROWS, COLUMNS};
	const uint64_t starts[] = {0, 0, first};
	const uint64_t lengths[] = {1, ROWS, count};
	const struct cairn_tensor_spec spec = {.name = cairn_string_from("grid"),
					       .dtype = CAIRN_U8,
					       .rank = 3,
					       .dims = dims,
					       .starts = starts,
					       .lengths = lengths};

	for (uint64_t i = 0; i < ROWS * count; i++)
		buffer[i] = grid_byte(i / count, first + i % count);
	ASSERT_OK(cairn_writer_add_spec(writer, &spec, buffer, &test_error));
}

/* A container of the grid in two slices, as bytes. */
static struct bytes grid_in_halves(void)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/grid", NULL);
	uint8_t left[GRID_SIZE];
	uint8_t right[GRID_SIZE];

	add_columns(writer, 0, LEFT, left);
	add_columns(writer, LEFT, COLUMNS - LEFT, right);
	finish_writer(writer);
	return scene_content(&scene, "/grid");
}

static struct slice_record slice_of(const struct bytes *file, uint64_t number)
{
	struct slice_record record;

	ASSERT_OK(slice_record_decode(container_record(file, SECTION_SLICES, number), &record,
				      &test_error));
	return record;
}

static void set_slice(const struct bytes *file, uint64_t number, const struct slice_record *record)
{
	slice_record_encode(record, container_record(file, SECTION_SLICES, number));
	container_reseal(file);
}

static struct cairn_reader *open_bytes(const struct bytes *file, enum cairn_transport transport)
{
	const struct cairn_reader_options options = {.transport = transport};
	struct cairn_reader *reader = NULL;

	ASSERT_OK(reader_open_bytes(scene.system, file->data, file->size, &options, &reader,
				    &test_error));
	return reader;
}

static struct cairn_tensor find(const struct cairn_reader *reader, const char *name)
{
	struct cairn_tensor tensor = {0};

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	return tensor;
}

static void assert_cannot_be_used(const struct cairn_tensor *tensor, enum cairn_status status,
				  const char *part)
{
	struct cairn_view view;
	uint8_t byte;

	ASSERT_FAILS(cairn_tensor_view(tensor, &view, &test_error), status, part);
	ASSERT_FAILS(cairn_tensor_read(tensor, 0, &byte, 1, &test_error), status, part);
}

START_TEST(every_range_of_bytes_of_a_sliced_tensor_can_be_read)
{
	struct bytes file = grid_in_halves();
	struct cairn_reader *const reader = open_bytes(&file, CAIRN_TRANSPORT_AUTO);
	const struct cairn_tensor tensor = find(reader, "grid");
	uint8_t expected[GRID_SIZE];
	uint8_t found[GRID_SIZE];

	for (uint64_t i = 0; i < GRID_SIZE; i++)
		expected[i] = grid_byte(i / COLUMNS, i % COLUMNS);
	for (uint64_t first = 0; first < GRID_SIZE; first += 7) {
		for (uint64_t size = 1; size <= GRID_SIZE - first; size += 37) {
			ASSERT_OK(cairn_tensor_read(&tensor, first, found, size, &test_error));
			ck_assert_mem_eq(found, expected + first, size);
		}
	}
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* ---------------------------------------------------------------------------- dishonest indexes */

/* A few records could else stand for any amount of work. */
START_TEST(slices_that_share_extents_are_corrupt)
{
	struct bytes file = grid_in_halves();
	struct slice_record second = slice_of(&file, 1);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	second.extent_index = 0;
	second.size = slice_of(&file, 0).size;
	set_slice(&file, 1, &second);
	reader = open_bytes(&file, CAIRN_TRANSPORT_AUTO);
	tensor = find(reader, "grid");
	assert_cannot_be_used(&tensor, CAIRN_CORRUPT, "begin at record 0 instead of 1");
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* A chunk that is held is that of the digest, but may be shorter: what lay behind it in memory was
 * once handed out. */
START_TEST(slices_that_share_a_chunk_digest_do_not_share_memory)
{
	struct bytes file = grid_in_halves();
	struct slice_record second = slice_of(&file, 1);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;

	second.chunk_index = 0;
	set_slice(&file, 1, &second);
	reader = open_bytes(&file, CAIRN_TRANSPORT_COPY);
	tensor = find(reader, "grid");
	ASSERT_FAILS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_CHECKSUM, "grid");
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* Somebody else's container may have no digests: nobody may believe then that it was compared. */
START_TEST(bytes_without_a_digest_are_not_called_verified)
{
	static const uint64_t dims[] = {100};
	static const uint8_t zeros[100];
	const struct extent_record extent = {
		.offset = CONTAINER_PAGE_SIZE, .stored_size = 100, .size = 100};
	const struct build_slice slice = {
		.extents = &extent, .extent_count = 1, .size = 100, .chunk_size = CHUNK_SIZE_MIN};
	const struct region_record region = {
		.offset = CONTAINER_PAGE_SIZE, .size = 100, .kind = REGION_DATA};
	struct build_tensor tensor = {.name = cairn_string_from("t"),
				      .rank = 1,
				      .dtype = CAIRN_U8,
				      .dims = dims,
				      .block_elements = 1,
				      .block_bytes = 1,
				      .size = 100,
				      .slices = &slice,
				      .slice_count = 1};
	struct build_input input = {
		.tensors = &tensor, .tensor_count = 1, .regions = &region, .region_count = 1};
	const struct bytes stored = {(uint8_t *)(uintptr_t)zeros, sizeof(zeros)};
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct bytes file = container_from(&input, &stored);
	struct cairn_reader *const reader = open_bytes(&file, CAIRN_TRANSPORT_AUTO);
	struct cairn_verify_report report;

	cairn_reader_info(reader, &info);
	ck_assert_uint_eq(info.has_digests, 0);
	ASSERT_OK(cairn_reader_verify(reader, NULL, &report, &test_error));
	ck_assert_uint_eq(report.problem_count, 0);
	ck_assert_uint_eq(report.bytes, 0);
	ck_assert_int_eq(report.structure_only, 1);
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* A shape that grows after it was found: values whose products wrap to what they were. */
static const uint64_t grown_dims[] = {
	2, ROWS + 1, COLUMNS + 1, (uint64_t)1 << 62, ((uint64_t)1 << 63) + 1, UINT64_MAX, 0};

START_TEST(a_shape_that_changes_while_it_is_used_is_corrupt)
{
	const uint64_t value = grown_dims[_i];
	struct bytes file = grid_in_halves();
	struct cairn_reader *const reader = open_bytes(&file, CAIRN_TRANSPORT_AUTO);
	const struct cairn_tensor tensor = find(reader, "grid");

	for (uint64_t d = 0; d < tensor.rank; d++) {
		uint8_t *const place = container_record(&file, SECTION_DIMS, d);
		const uint64_t before = load_u64(place);

		store_u64(place, value);
		assert_cannot_be_used(&tensor, CAIRN_CORRUPT, "grid");
		store_u64(place, before);
	}
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

START_TEST(a_record_that_changes_while_it_is_used_is_corrupt)
{
	struct bytes file = grid_in_halves();
	struct cairn_reader *const reader = open_bytes(&file, CAIRN_TRANSPORT_AUTO);
	const struct cairn_tensor tensor = find(reader, "grid");
	struct tensor_record record;

	ASSERT_OK(tensor_record_decode(container_record(&file, SECTION_TENSORS, 0), &record,
				       &test_error));
	record.rank = CAIRN_RANK_MAX;
	tensor_record_encode(&record, container_record(&file, SECTION_TENSORS, 0));
	assert_cannot_be_used(&tensor, CAIRN_CORRUPT, "has changed");
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* --------------------------------------------------------------------------------------- merges */

static void add_piece(struct cairn_writer *writer, uint64_t start, const char *byte)
{
	const uint64_t count = 4;
	const uint64_t length = 1;
	const struct cairn_tensor_spec spec = {.name = cairn_string_from("t"),
					       .dtype = CAIRN_U8,
					       .rank = 1,
					       .dims = &count,
					       .starts = &start,
					       .lengths = &length};

	ASSERT_OK(cairn_writer_add_spec(writer, &spec, byte, &test_error));
}

static void write_pieces(const char *path, uint64_t start)
{
	struct cairn_writer *const writer = scene_writer(&scene, path, NULL);

	add_piece(writer, start, "a");
	add_piece(writer, start + 1, "b");
	finish_writer(writer);
}

START_TEST(a_whole_slice_among_others_cannot_be_merged)
{
	static const char *const sources[] = {"/a.cairn", "/hostile.cairn"};
	struct slice_record record;
	struct bytes file;

	write_pieces("/a.cairn", 0);
	write_pieces("/b.cairn", 2);
	file = scene_content(&scene, "/b.cairn");
	record = slice_of(&file, 1);
	record.flags = SLICE_WHOLE;
	set_slice(&file, 1, &record);
	scene_add_file(&scene, "/hostile.cairn", &file);
	ASSERT_FAILS(
		merge_checkpoints(scene.system, sources, 2, "/merged", NULL, NULL, &test_error),
		CAIRN_CORRUPT, "a whole slice is not the only one");
	ck_assert(!memory_system_exists(scene.memory, "/merged"));
	bytes_free(&file);
}
END_TEST

START_TEST(options_of_a_size_that_never_was_are_refused)
{
	static const char *const sources[] = {"/a.cairn"};
	const struct cairn_merge_options merge = {.size = sizeof(size_t)};
	const struct cairn_verify_options verify = {.size = sizeof(size_t)};
	struct cairn_verify_report report;
	struct cairn_reader *reader;

	write_pieces("/a.cairn", 0);
	ASSERT_FAILS(
		merge_checkpoints(scene.system, sources, 1, "/merged", &merge, NULL, &test_error),
		CAIRN_INVALID_ARGUMENT, "options");
	reader = scene_reader(&scene, "/a.cairn", NULL);
	ASSERT_FAILS(cairn_reader_verify(reader, &verify, &report, &test_error),
		     CAIRN_INVALID_ARGUMENT, "options");
	cairn_reader_close(reader);
}
END_TEST

/* --------------------------------------------------------------------------------------- errors */

START_TEST(the_record_of_a_shard_that_is_no_container_agrees_with_the_status)
{
	const struct sharded_sample sample = {2, 1};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view;
	struct bytes file;

	ASSERT_OK(sharded_write(scene.system, "/model", &sample, false, &test_error));
	file = scene_content(&scene, "/model/shard-00001-of-00002.cairn");
	memset(file.data, 'x', file.size);
	ck_assert_int_eq(
		system_unlink(scene.system, SYSTEM_CWD, "/model/shard-00001-of-00002.cairn"), 0);
	scene_add_file(&scene, "/model/shard-00001-of-00002.cairn", &file);
	reader = scene_reader(&scene, "/model", NULL);
	tensor = find(reader, "own-1");
	ASSERT_FAILS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_CORRUPT,
		     "shard-00001-of-00002.cairn");
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* ------------------------------------------------------------------------------------- sweeping */

static void write_tiny(const char *path)
{
	const uint64_t count = 1;
	struct cairn_writer *const writer = scene_writer(&scene, path, NULL);

	ASSERT_OK(cairn_writer_add_copy(writer, "t", CAIRN_U8, 1, &count, "x", &test_error));
	finish_writer(writer);
}

/* The merged index, and the memory for its digests, would be of any size. */
START_TEST(a_slice_of_more_digests_than_there_are_cannot_be_merged)
{
	static const char *const sources[] = {"/hostile.cairn"};
	struct slice_record record;
	struct bytes file;

	write_tiny("/a.cairn");
	file = scene_content(&scene, "/a.cairn");
	record = slice_of(&file, 0);
	record.size = (uint64_t)1 << 50;
	set_slice(&file, 0, &record);
	scene_add_file(&scene, "/hostile.cairn", &file);
	ASSERT_FAILS(
		merge_checkpoints(scene.system, sources, 1, "/merged", NULL, NULL, &test_error),
		CAIRN_CORRUPT, "'t' there are more extents or digests than the 1 and 1");
	ck_assert(!memory_system_exists(scene.memory, "/merged"));
	bytes_free(&file);
}
END_TEST

/* What a writer has published stays, also beside a container that happens to be called an index. */
START_TEST(an_index_without_shards_owns_none)
{
	write_tiny("/index.cairn");
	write_tiny("/shard-00000-of-00001.cairn");
	write_tiny("/rank-00000-attempt-00000.cairn");
	write_tiny("/another.cairn");
	ck_assert(memory_system_exists(scene.memory, "/shard-00000-of-00001.cairn"));
	ck_assert(memory_system_exists(scene.memory, "/rank-00000-attempt-00000.cairn"));
}
END_TEST

/* As many bytes as the tensor has, but some twice and others not at all. */
START_TEST(what_no_slice_holds_is_zero_and_not_what_was_in_memory)
{
	struct bytes file = grid_in_halves();
	const struct slice_record right = slice_of(&file, 1);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	uint8_t bytes[GRID_SIZE];

	/* column LEFT becomes column 0 */
	store_u64(container_record(&file, SECTION_DIMS, right.ranges_index + 4), 0);
	container_reseal(&file);
	reader = open_bytes(&file, CAIRN_TRANSPORT_AUTO);
	tensor = find(reader, "grid");
	memset(bytes, 0xee, sizeof(bytes));
	ASSERT_OK(cairn_tensor_read(&tensor, 0, bytes, sizeof(bytes), &test_error));
	for (uint64_t row = 0; row < ROWS; row++) {
		for (uint64_t column = COLUMNS - LEFT; column < COLUMNS; column++)
			ck_assert_uint_eq(bytes[row * COLUMNS + column], 0);
	}
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* Mapped or copied: the flag decides, whatever the slices say. */
START_TEST(an_incomplete_tensor_has_no_view_however_it_is_stored)
{
	static const enum cairn_transport transports[] = {CAIRN_TRANSPORT_AUTO,
							  CAIRN_TRANSPORT_COPY};
	struct bytes file;
	struct cairn_reader *reader;
	struct tensor_record record;
	struct cairn_tensor tensor;
	struct cairn_view view;

	write_tiny("/whole.cairn");
	file = scene_content(&scene, "/whole.cairn");
	ASSERT_OK(tensor_record_decode(container_record(&file, SECTION_TENSORS, 0), &record,
				       &test_error));
	record.flags |= TENSOR_INCOMPLETE;
	tensor_record_encode(&record, container_record(&file, SECTION_TENSORS, 0));
	container_reseal(&file);
	reader = open_bytes(&file, transports[_i]);
	ASSERT_OK(cairn_reader_tensor_at(reader, 0, &tensor, &test_error));
	ASSERT_FAILS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_PRECONDITION,
		     "only slices of it can be read");
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* Flags of the record, and the byte of it that is changed. */
static const struct {
	uint32_t flag;
	uint32_t digest;
	const char *message;
} alias_lies[] = {
	{TENSOR_INCOMPLETE, 0, "tensor 'tied': an alias is incomplete"},
	{0, 1, "tensor 'tied': an alias with another digest"},
};

/* Not only in a full check: whoever finds it would believe it. */
START_TEST(an_alias_that_promises_something_else_is_corrupt)
{
	const uint64_t count = 1;
	struct cairn_writer *const writer = scene_writer(&scene, "/tied.cairn", NULL);
	struct tensor_record record;
	struct cairn_tensor tensor;
	struct cairn_reader *reader;
	struct bytes file;

	ASSERT_OK(cairn_writer_add_copy(writer, "t", CAIRN_U8, 1, &count, "x", &test_error));
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from("tied"), cairn_string_from("t"),
					 &test_error));
	finish_writer(writer);
	file = scene_content(&scene, "/tied.cairn");
	ASSERT_OK(tensor_record_decode(container_record(&file, SECTION_TENSORS, 1), &record,
				       &test_error));
	record.flags |= alias_lies[_i].flag;
	record.digest.bytes[0] ^= (uint8_t)alias_lies[_i].digest;
	tensor_record_encode(&record, container_record(&file, SECTION_TENSORS, 1));
	container_reseal(&file);
	reader = open_bytes(&file, CAIRN_TRANSPORT_AUTO);
	ASSERT_FAILS(cairn_reader_find(reader, "tied", &tensor, &test_error), CAIRN_CORRUPT,
		     alias_lies[_i].message);
	cairn_reader_close(reader);
	bytes_free(&file);
}
END_TEST

/* A lock may not reach the living writer on another host. */
START_TEST(a_network_folder_is_not_swept)
{
	static const char draft[] = "/.cairn-tmp-00112233445566778899aabbccddeeff";
	const struct bytes nothing = {NULL, 0};

	scene_add_file(&scene, draft, &nothing);
	memory_system_settings(scene.memory)->is_local = 0;
	write_tiny("/a.cairn");
	ck_assert(memory_system_exists(scene.memory, draft));
	memory_system_settings(scene.memory)->is_local = 1;
	write_tiny("/b.cairn");
	ck_assert(!memory_system_exists(scene.memory, draft));
}
END_TEST

/* Another writer comes just when something is removed. */
static void lock_folder(void *context, enum memory_call call, bool is_after)
{
	int fd;

	if (call != MEMORY_CALL_UNLINK || is_after)
		return;
	fd = system_open(scene.system, SYSTEM_CWD, "/", SYSTEM_WANT_DIRECTORY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(system_lock(scene.system, fd, SYSTEM_LOCK_EXCLUSIVE), 0);
	system_close(scene.system, fd);
	++*(uint32_t *)context;
}

/* Freeing terabytes takes longer than another writer's commit waits for the folder. */
START_TEST(the_folder_is_free_while_its_orphans_are_removed)
{
	const struct bytes nothing = {NULL, 0};
	uint32_t removed = 0;

	write_tiny("/a.cairn");
	scene_add_file(&scene, "/.cairn-tmp-00112233445566778899aabbccddeeff", &nothing);
	scene_add_file(&scene, "/.cairn-trash-00112233445566778899aabbccddeeff", &nothing);
	seam_hook_install(scene.system, lock_folder, &removed);
	ASSERT_OK(sweep_path(scene.system, "/", NULL, &test_error));
	ASSERT_OK(remove_path(scene.system, "/a.cairn", &test_error));
	seam_hook_remove(scene.system);
	ck_assert_uint_eq(removed, 3);
	ck_assert(!memory_system_exists(scene.memory, "/a.cairn"));
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("review");
	TCase *const tests = tcase_create("review");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, every_range_of_bytes_of_a_sliced_tensor_can_be_read);
	tcase_add_test(tests, slices_that_share_extents_are_corrupt);
	tcase_add_test(tests, slices_that_share_a_chunk_digest_do_not_share_memory);
	tcase_add_test(tests, bytes_without_a_digest_are_not_called_verified);
	tcase_add_loop_test(tests, a_shape_that_changes_while_it_is_used_is_corrupt, 0,
			    sizeof(grown_dims) / sizeof(grown_dims[0]));
	tcase_add_test(tests, a_record_that_changes_while_it_is_used_is_corrupt);
	tcase_add_test(tests, a_whole_slice_among_others_cannot_be_merged);
	tcase_add_test(tests, a_slice_of_more_digests_than_there_are_cannot_be_merged);
	tcase_add_test(tests, options_of_a_size_that_never_was_are_refused);
	tcase_add_test(tests, the_record_of_a_shard_that_is_no_container_agrees_with_the_status);
	tcase_add_test(tests, an_index_without_shards_owns_none);
	tcase_add_test(tests, what_no_slice_holds_is_zero_and_not_what_was_in_memory);
	tcase_add_loop_test(tests, an_incomplete_tensor_has_no_view_however_it_is_stored, 0, 2);
	tcase_add_loop_test(tests, an_alias_that_promises_something_else_is_corrupt, 0,
			    sizeof(alias_lies) / sizeof(alias_lies[0]));
	tcase_add_test(tests, a_network_folder_is_not_swept);
	tcase_add_test(tests, the_folder_is_free_while_its_orphans_are_removed);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
