/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors that are stored by chunk: what is decoded and when, what is checked before and after, and
 * what dishonest records lead to. Chunk 0 is compressed, 1 raw, 2 compressed after a shuffle of
 * width 4, 3 short and compressed after a shuffle that leaves bytes over.
 */
#include <cairn/verify.h>

#include <errno.h>
#include <stdio.h>

#include "engine/read/stored.h"
#include "format/byte_shuffle.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/lz4_block.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

#define CHUNK     ((uint64_t)CHUNK_SIZE_MIN)
#define CHUNKS    4
#define DATA_SIZE (3 * CHUNK + 1001)

static struct scene scene;
static uint8_t *data;
static struct bytes file;
static struct extent_record extents[CHUNKS];

static const uint64_t dims[] = {DATA_SIZE};
static const uint8_t shuffles[CHUNKS] = {0, 0, 4, 3};
static const struct cairn_reader_options all_options[] = {
	{.transport = CAIRN_TRANSPORT_MAP},
	{.transport = CAIRN_TRANSPORT_COPY},
	{.verification = CAIRN_VERIFY_NEVER},
};

static uint64_t length_of(uint64_t chunk)
{
	return chunk == CHUNKS - 1 ? DATA_SIZE - chunk * CHUNK : CHUNK;
}

/* Runs of numbers that grow; noise in chunk 1. */
static void make_data(void)
{
	struct random random = {1};

	data = malloc(DATA_SIZE);
	ck_assert_ptr_nonnull(data);
	for (uint64_t i = 0; i < DATA_SIZE; i++)
		data[i] = (uint8_t)(i % 4 == 0 ? i / 64 : i % 4);
	random_fill(&random, data + CHUNK, CHUNK);
}

/* Stores a chunk at the end of `bytes`. */
static void store(uint64_t chunk, struct bytes *bytes)
{
	const uint64_t size = length_of(chunk);
	uint8_t *const shuffled = malloc(size);
	uint8_t *to;

	ck_assert_ptr_nonnull(shuffled);
	bytes->size = align_up(bytes->size, CONTAINER_SMALL_ALIGNMENT);
	if (chunk == 1)
		bytes->size = align_up(bytes->size, CONTAINER_PAGE_SIZE);
	to = bytes->data + bytes->size;
	extents[chunk] = (struct extent_record){
		.offset = CONTAINER_PAGE_SIZE + bytes->size, .stored_size = size, .size = size};
	if (shuffles[chunk] != 0)
		byte_shuffle(data + chunk * CHUNK, size, shuffles[chunk], shuffled);
	else
		memcpy(shuffled, data + chunk * CHUNK, size);
	if (chunk == 1) {
		memcpy(to, shuffled, size);
	} else {
		extents[chunk].stored_size = lz4_block_encode(shuffled, size, to, size - 1);
		ck_assert_uint_ne(extents[chunk].stored_size, 0);
		extents[chunk].stored_digest = digest64_bytes(to, extents[chunk].stored_size);
		extents[chunk].codec = CODEC_LZ4;
		extents[chunk].shuffle = shuffles[chunk];
	}
	bytes->size += extents[chunk].stored_size;
	free(shuffled);
}

static struct bytes make_file(bool with_digests)
{
	uint8_t digests[CHUNKS * DIGEST_SIZE];
	const struct build_slice slice = {.extents = extents,
					  .extent_count = CHUNKS,
					  .size = DATA_SIZE,
					  .chunk_size = CHUNK_SIZE_MIN,
					  .chunk_digests = with_digests ? digests : NULL};
	struct build_tensor tensor = {.name = cairn_string_from("t"),
				      .rank = 1,
				      .dtype = CAIRN_U8,
				      .dims = dims,
				      .block_elements = 1,
				      .block_bytes = 1,
				      .size = DATA_SIZE,
				      .slices = &slice,
				      .slice_count = 1};
	struct region_record region = {.offset = CONTAINER_PAGE_SIZE, .kind = REGION_DATA};
	struct build_input input = {
		.tensors = &tensor, .tensor_count = 1, .regions = &region, .region_count = 1};
	struct bytes stored = {calloc(2, DATA_SIZE), 0};
	struct bytes made;

	for (uint64_t chunk = 0; chunk < CHUNKS; chunk++) {
		const struct cairn_digest digest = digest_bytes(data + chunk * CHUNK,
								length_of(chunk));

		store(chunk, &stored);
		memcpy(digests + chunk * DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
	}
	region.size = stored.size;
	made = container_from(&input, &stored);
	bytes_free(&stored);
	return made;
}

static void set_up(void)
{
	scene_open(&scene);
	make_data();
	file = make_file(true);
	scene_add_file(&scene, "/f", &file);
}

static void tear_down(void)
{
	free(data);
	bytes_free(&file);
	scene_close(&scene);
}

static struct cairn_tensor find(const struct cairn_reader *reader)
{
	struct cairn_tensor tensor = {0};

	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	return tensor;
}

static enum cairn_status view(const struct cairn_tensor *tensor, uint64_t start, uint64_t size)
{
	struct cairn_view made = {0};
	const enum cairn_status status = cairn_tensor_view_slice(tensor, &start, &size, &made,
								 &test_error);

	if (status == CAIRN_OK) {
		ck_assert(memcmp(made.data, data + start, size) == 0);
		ck_assert((made.flags & CAIRN_VIEW_MATERIALISED) != 0);
	}
	cairn_view_release(&made);
	return status;
}

static void damage(uint64_t chunk)
{
	ck_assert_int_eq(memory_system_corrupt(scene.memory, "/f", extents[chunk].offset + 7, 1),
			 0);
}

/* ------------------------------------------------------------------------------------- decoding */

START_TEST(views_are_decoded_into_counted_memory)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &all_options[_i]);
	const struct cairn_tensor tensor = find(reader);
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_view made = {0};

	ASSERT_OK(cairn_tensor_view(&tensor, &made, &test_error));
	ck_assert_uint_eq(made.size, DATA_SIZE);
	ck_assert(memcmp(made.data, data, DATA_SIZE) == 0);
	ck_assert_uint_eq(made.flags & CAIRN_VIEW_MAPPED, 0);
	ck_assert_int_eq((made.flags & CAIRN_VIEW_VERIFIED) != 0,
			 all_options[_i].verification != CAIRN_VERIFY_NEVER);
	cairn_reader_info(reader, &info);
	ck_assert_uint_eq(info.materialised_bytes, DATA_SIZE);
	cairn_view_release(&made);
	cairn_reader_info(reader, &info);
	ck_assert_uint_eq(info.materialised_bytes, 0);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(any_range_can_be_read)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &all_options[_i]);
	const struct cairn_tensor tensor = find(reader);
	struct random random = {5};
	uint8_t *const buffer = malloc(DATA_SIZE);

	for (int i = 0; i < 60; i++) {
		const uint64_t start = random_below(&random, DATA_SIZE);
		const uint64_t size = 1 + random_below(&random, DATA_SIZE - start);

		ASSERT_OK(view(&tensor, start, size));
		ASSERT_OK(cairn_tensor_read(&tensor, start, buffer, size, &test_error));
		ck_assert(memcmp(buffer, data + start, size) == 0);
	}
	free(buffer);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(only_touched_chunks_are_decoded)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &all_options[_i]);
	const struct cairn_tensor tensor = find(reader);

	damage(0);
	damage(3);
	ASSERT_OK(view(&tensor, CHUNK, 2 * CHUNK));
	ASSERT_OK(view(&tensor, 2 * CHUNK + 9, 1));
	ASSERT_FAILS(view(&tensor, CHUNK - 1, 2), CAIRN_CHECKSUM,
		     "tensor 't': the stored bytes of chunk 0 at offset 4096 have digest");
	ck_assert_uint_eq(test_error.offset, extents[0].offset);
	ASSERT_FAILS(view(&tensor, 3 * CHUNK, 1), CAIRN_CHECKSUM, "chunk 3");
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_raw_chunk_among_them_is_checked_too)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &all_options[_i]);
	const struct cairn_tensor tensor = find(reader);

	damage(1);
	ASSERT_FAILS(view(&tensor, 0, DATA_SIZE), CAIRN_CHECKSUM, "tensor 't': chunk 1 at offset ");
	ck_assert_uint_eq(test_error.offset, extents[1].offset);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_file_cut_off_after_open_is_truncated)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &all_options[_i]);
	const struct cairn_tensor tensor = find(reader);

	ck_assert_int_eq(
		memory_system_truncate(scene.memory, "/f", extents[2].offset / 4096 * 4096), 0);
	ASSERT_FAILS(view(&tensor, 0, DATA_SIZE), CAIRN_TRUNCATED, "tensor 't'");
	ASSERT_OK(view(&tensor, 0, CHUNK));
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_compressed_tensor_has_no_offset)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", NULL);
	const struct cairn_tensor tensor = find(reader);
	struct cairn_stored_slice slice;

	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error));
	ck_assert_uint_eq(slice.offset, CAIRN_NO_OFFSET);
	ck_assert_uint_eq(slice.size, DATA_SIZE);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(without_digests_stored_bytes_are_checked_all_the_same)
{
	struct bytes bare = make_file(false);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	scene_add_file(&scene, "/bare", &bare);
	reader = scene_reader(&scene, "/bare", NULL);
	tensor = find(reader);
	ASSERT_OK(view(&tensor, 0, DATA_SIZE));
	ASSERT_OK(view(&tensor, CHUNK - 1, CHUNK + 2));
	ck_assert_int_eq(memory_system_corrupt(scene.memory, "/bare", extents[2].offset + 3, 1), 0);
	ASSERT_FAILS(view(&tensor, 2 * CHUNK, 1), CAIRN_CHECKSUM, "the stored bytes of chunk 2");
	cairn_reader_close(reader);
	bytes_free(&bare);
}
END_TEST

START_TEST(missing_memory_is_reported_and_forgotten)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &all_options[_i]);
	const struct cairn_tensor tensor = find(reader);
	uint64_t at = 0;
	enum cairn_status status;

	do {
		const struct memory_fault fault = {
			.call = MEMORY_CALL_ALLOCATE, .at = ++at, .error = ENOMEM};

		memory_system_set_fault(scene.memory, 0, &fault);
		status = view(&tensor, 5, DATA_SIZE - 9);
		memory_system_clear_faults(scene.memory);
		if (status != CAIRN_OK)
			ck_assert_int_eq(status, CAIRN_NO_MEMORY);
		ASSERT_OK(view(&tensor, 5, DATA_SIZE - 9));
	} while (status != CAIRN_OK);
	ck_assert_uint_gt(at, 3);
	cairn_reader_close(reader);
}
END_TEST

/* -------------------------------------------------------------------------------------- verify */

struct found {
	uint64_t count;
	struct cairn_problem last;
	char message[256];
};

static int note(void *context, const struct cairn_problem *problem)
{
	struct found *const found = context;

	found->count++;
	found->last = *problem;
	snprintf(found->message, sizeof(found->message), "%s", problem->message);
	return 0;
}

static struct found verify(const struct cairn_reader *reader)
{
	struct found found = {0};
	const struct cairn_verify_options options = {.on_problem = note, .problem_context = &found};
	struct cairn_verify_report report = {0};

	ASSERT_OK(cairn_reader_verify(reader, &options, &report, &test_error));
	ck_assert_uint_eq(report.problem_count, found.count);
	return found;
}

START_TEST(verify_finds_it_sound)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &all_options[_i]);
	const struct found found = verify(reader);

	ck_assert_msg(found.count == 0, "%s", found.message);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(verify_names_the_chunk_and_its_place)
{
	struct cairn_reader *const reader = scene_reader(&scene, "/f", &all_options[_i]);
	struct found found;

	damage(2);
	found = verify(reader);
	ck_assert_uint_eq(found.count, 1);
	ck_assert_int_eq(found.last.code, CAIRN_CHECKSUM);
	ck_assert_uint_eq(found.last.chunk, 2);
	ck_assert_uint_eq(found.last.offset, extents[2].offset);
	ck_assert_int_eq(found.last.has_digests, 0);
	damage(2);
	damage(1);
	found = verify(reader);
	ck_assert_uint_eq(found.last.chunk, 1);
	ck_assert_uint_eq(found.last.offset, extents[1].offset);
	ck_assert_int_eq(found.last.has_digests, 1);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(verify_decodes_what_has_no_digests)
{
	struct bytes bare = make_file(false);
	struct cairn_reader *reader;
	struct found found;

	scene_add_file(&scene, "/bare", &bare);
	reader = scene_reader(&scene, "/bare", NULL);
	ck_assert_uint_eq(verify(reader).count, 0);
	ck_assert_int_eq(memory_system_corrupt(scene.memory, "/bare", extents[3].offset + 3, 1), 0);
	found = verify(reader);
	ck_assert_uint_eq(found.count, 1);
	ck_assert_int_eq(found.last.code, CAIRN_CHECKSUM);
	ck_assert_uint_eq(found.last.chunk, 3);
	cairn_reader_close(reader);
	bytes_free(&bare);
}
END_TEST

START_TEST(every_flipped_bit_of_stored_bytes_is_found)
{
	struct bytes bytes = scene_content(&scene, "/f");
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	ASSERT_OK(reader_open_bytes(scene.system, bytes.data, bytes.size, NULL, &reader,
				    &test_error));
	tensor = find(reader);
	for (uint64_t bit = 0; bit < 8 * extents[3].stored_size; bit++) {
		uint8_t *const byte = bytes.data + extents[3].offset + bit / 8;

		*byte ^= (uint8_t)(1u << bit % 8);
		ASSERT_STATUS(view(&tensor, 3 * CHUNK, 1001), CAIRN_CHECKSUM);
		*byte ^= (uint8_t)(1u << bit % 8);
	}
	cairn_reader_close(reader);
	bytes_free(&bytes);
}
END_TEST

/* ------------------------------------------------------------------------------------ dishonest */

/* What a reader and a full check say to a file whose index was sealed again. */
static void assert_refused(struct bytes *bytes, enum cairn_status status, const char *part,
			   const char *checked)
{
	const struct cairn_reader_options check = {.flags = CAIRN_OPEN_CHECK_INDEX};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	container_reseal(bytes);
	ASSERT_OK(reader_open_bytes(scene.system, bytes->data, bytes->size, NULL, &reader,
				    &test_error));
	tensor = find(reader);
	ASSERT_FAILS(view(&tensor, 0, DATA_SIZE), status, part);
	cairn_reader_close(reader);
	if (checked != NULL)
		ASSERT_FAILS(reader_open_bytes(scene.system, bytes->data, bytes->size, &check,
					       &reader, &test_error),
			     CAIRN_CORRUPT, checked);
}

static const struct {
	const char *name;
	uint64_t number; /* of the extent */
	uint64_t add_to_size;
	uint64_t stored_size; /* 0: as it is */
	uint64_t offset;      /* 0: as it is */
	uint8_t codec;
	uint8_t shuffle;
	enum cairn_status status;
	const char *part;
	const char *checked;
} dishonest[] = {
	{"an unknown codec", 2, 0, 0, 0, 9, 4, CAIRN_UNSUPPORTED, "unknown codec 9", NULL},
	{"a shuffle of width 1", 2, 0, 0, 0, 1, 1, CAIRN_CORRUPT, "shuffle 1", "shuffle 1"},
	{"a shuffle of width 17", 0, 0, 0, 0, 1, 17, CAIRN_CORRUPT, "shuffle 17", "shuffle 17"},
	{"another shuffle", 2, 0, 0, 0, 1, 2, CAIRN_CHECKSUM, "chunk 2 at offset", NULL},
	{"no shuffle", 2, 0, 0, 0, 1, 0, CAIRN_CHECKSUM, "chunk 2 at offset", NULL},
	{"more raw bytes", 2, 1, 0, 0, 1, 4, CAIRN_CORRUPT,
	 "the extent of chunk 2 holds 65537 bytes instead of 65536",
	 "the extent of a chunk holds bytes: 65537"},
	{"fewer raw bytes", 0, UINT64_MAX, 0, 0, 1, 0, CAIRN_CORRUPT,
	 "the extent of chunk 0 holds 65535", "the extent of a chunk holds bytes: 65535"},
	{"more raw bytes than a block can become", 0, 1u << 30, 0, 0, 1, 0, CAIRN_CORRUPT,
	 "is out of limits", "is out of limits"},
	{"fewer stored bytes", 0, 0, 300, 0, 1, 0, CAIRN_CHECKSUM, "the stored bytes of chunk 0",
	 NULL},
	{"almost no stored bytes", 0, 0, 2, 0, 1, 0, CAIRN_CORRUPT, "is out of limits",
	 "is out of limits"},
	{"as many stored bytes as raw ones", 0, 0, 65536, 0, 1, 0, CAIRN_CORRUPT,
	 "is out of limits", "is out of limits"},
	{"stored bytes behind the file", 2, 0, 0, (uint64_t)1 << 40, 1, 4, CAIRN_CORRUPT,
	 "exceeds file size", "lies outside the data"},
	{"raw bytes called compressed", 1, 0, 65535, 0, 1, 0, CAIRN_CHECKSUM,
	 "the stored bytes of chunk 1", NULL},
};

START_TEST(dishonest_extents_are_refused_when_they_are_used)
{
	struct bytes bytes = scene_content(&scene, "/f");
	struct extent_record extent = extents[dishonest[_i].number];

	extent.size += dishonest[_i].add_to_size;
	extent.stored_size = dishonest[_i].stored_size == 0 ? extent.stored_size
							    : dishonest[_i].stored_size;
	extent.offset = dishonest[_i].offset == 0 ? extent.offset : dishonest[_i].offset;
	extent.codec = dishonest[_i].codec;
	extent.shuffle = dishonest[_i].shuffle;
	extent_record_encode(&extent,
			     container_record(&bytes, SECTION_EXTENTS, dishonest[_i].number));
	assert_refused(&bytes, dishonest[_i].status, dishonest[_i].part, dishonest[_i].checked);
	bytes_free(&bytes);
}
END_TEST

START_TEST(stored_bytes_that_do_not_decode_are_corrupt)
{
	struct bytes bytes = scene_content(&scene, "/f");
	struct extent_record extent = extents[0];
	uint8_t *const stored = bytes.data + extent.offset;

	stored[0] = 0xff; /* more literals than there are bytes */
	memset(stored + 1, 0xff, 100);
	extent.stored_digest = digest64_bytes(stored, extent.stored_size);
	extent_record_encode(&extent, container_record(&bytes, SECTION_EXTENTS, 0));
	assert_refused(&bytes, CAIRN_CORRUPT, "bytes are no LZ4 block of 65536", NULL);
	bytes_free(&bytes);
}
END_TEST

START_TEST(a_compressed_extent_must_be_a_chunk)
{
	struct bytes bytes = scene_content(&scene, "/f");
	struct slice_record slice;

	ASSERT_OK(slice_record_decode(container_record(&bytes, SECTION_SLICES, 0), &slice,
				      &test_error));
	slice.chunk_size *= 2;
	slice_record_encode(&slice, container_record(&bytes, SECTION_SLICES, 0));
	assert_refused(&bytes, CAIRN_CORRUPT,
		       "a compressed extent of a slice that is not stored by chunk", NULL);
	bytes_free(&bytes);
}
END_TEST

static int note_sharing(void *context, const struct cairn_problem *problem)
{
	uint64_t *const count = context;

	*count += strstr(problem->message, "some share bytes") != NULL;
	return 0;
}

/* Chunks that are all the same bytes of the file: work that no honest file asks for ends. */
START_TEST(verify_stops_reading_where_extents_share_too_much)
{
	struct bytes bytes = scene_content(&scene, "/f");
	struct cairn_verify_report report = {0};
	uint64_t count = 0;
	const struct cairn_verify_options options = {.on_problem = note_sharing,
						     .problem_context = &count};
	struct cairn_reader *reader;

	for (uint64_t chunk = 0; chunk < CHUNKS; chunk++) {
		struct extent_record extent = extents[1];

		extent.size = extent.stored_size = length_of(chunk);
		extent_record_encode(&extent, container_record(&bytes, SECTION_EXTENTS, chunk));
	}
	container_reseal(&bytes);
	ASSERT_OK(reader_open_bytes(scene.system, bytes.data, bytes.size, NULL, &reader,
				    &test_error));
	ASSERT_OK(cairn_reader_verify(reader, &options, &report, &test_error));
	ck_assert_uint_eq(count, 1);
	cairn_reader_close(reader);
	bytes_free(&bytes);
}
END_TEST

static Suite *compressed_suite(void)
{
	Suite *suite = suite_create("compressed");
	TCase *tests = tcase_create("compressed");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, views_are_decoded_into_counted_memory, 0, COUNT_OF(all_options));
	tcase_add_loop_test(tests, any_range_can_be_read, 0, COUNT_OF(all_options));
	tcase_add_loop_test(tests, only_touched_chunks_are_decoded, 0, COUNT_OF(all_options));
	tcase_add_loop_test(tests, a_raw_chunk_among_them_is_checked_too, 0, 2);
	tcase_add_loop_test(tests, a_file_cut_off_after_open_is_truncated, 0,
			    COUNT_OF(all_options));
	tcase_add_test(tests, a_compressed_tensor_has_no_offset);
	tcase_add_test(tests, without_digests_stored_bytes_are_checked_all_the_same);
	tcase_add_loop_test(tests, missing_memory_is_reported_and_forgotten, 0,
			    COUNT_OF(all_options));
	tcase_add_loop_test(tests, verify_finds_it_sound, 0, COUNT_OF(all_options));
	tcase_add_loop_test(tests, verify_names_the_chunk_and_its_place, 0, COUNT_OF(all_options));
	tcase_add_test(tests, verify_decodes_what_has_no_digests);
	tcase_add_test(tests, every_flipped_bit_of_stored_bytes_is_found);
	tcase_add_loop_test(tests, dishonest_extents_are_refused_when_they_are_used, 0,
			    COUNT_OF(dishonest));
	tcase_add_test(tests, stored_bytes_that_do_not_decode_are_corrupt);
	tcase_add_test(tests, a_compressed_extent_must_be_a_chunk);
	tcase_add_test(tests, verify_stops_reading_where_extents_share_too_much);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(compressed_suite());
}
