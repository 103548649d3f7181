/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of pieces that lie anywhere: each byte comes from its piece or is zero, parts are told
 * apart by their numbers, and the file ends where it should, however it is written.
 */
#include "engine/write/dense_file.h"

#include <errno.h>
#include <stdatomic.h>

#include "engine/write/publish.h"
#include "format/bytes.h"
#include "format/error.h"
#include "tests/support/build.h"
#include "tests/support/crash.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

#define PIECES_MAX 300u
#define PARTS_MAX  400u

static struct scene scene;
static struct folder folder;
static struct draft draft;

static void set_up(void)
{
	char name[SYSTEM_NAME_SIZE];

	scene_open(&scene);
	ASSERT_OK(folder_open(scene.system, "/f", &folder, name, &test_error));
}

static void tear_down(void)
{
	draft_discard(&draft);
	folder_close(&folder);
	scene_close(&scene);
}

/* ------------------------------------------------------------------------------------- a layout */

/* What a test knows about a file: callbacks are on other threads and cannot assert. */
struct known {
	struct dense_file file;
	struct dense_piece pieces[PIECES_MAX];
	_Atomic uint32_t filled[PARTS_MAX]; /* by the number of the part */
	_Atomic uint32_t sealed[PARTS_MAX];
	_Atomic uint64_t sealed_bytes; /* of segments */
	uint64_t next_offset;          /* of a file that is filled in order */
	enum cairn_status verdict;     /* of the fill callback, from `fail_at` on */
	uint64_t fail_at;
};

static uint8_t byte_of(uint64_t piece, uint64_t offset)
{
	return (uint8_t)(piece * 31 + offset * 7 + offset / 251 + 1);
}

static bool is_right(const struct dense_part *part, const uint8_t *bytes)
{
	for (uint64_t i = 0; i < part->size; i++) {
		if (bytes[i] != byte_of(part->piece, part->offset + i))
			return false;
	}
	return true;
}

static enum cairn_status fill(void *context, const struct dense_part *part, uint8_t *bytes,
			      struct stored_scratch *scratch, struct cairn_error *error)
{
	struct known *const known = context;
	const uint64_t offset = known->pieces[part->piece].offset + part->offset;

	(void)scratch;
	if (part->size == 0 || part->number >= PARTS_MAX)
		abort();
	if (known->file.in_order) {
		if (offset < known->next_offset)
			abort();
		known->next_offset = offset + part->size;
	}
	atomic_fetch_add(&known->filled[part->number], 1);
	for (uint64_t i = 0; i < part->size; i++)
		bytes[i] = byte_of(part->piece, part->offset + i);
	return known->verdict != CAIRN_OK && offset + part->size > known->fail_at
		       ? error_set(error, known->verdict, CAIRN_ERROR_NO_OFFSET, "the piece failed")
		       : CAIRN_OK;
}

static void seal(void *context, const struct dense_part *part, const uint8_t *bytes)
{
	struct known *const known = context;

	if (atomic_load(&known->filled[part->number]) != 1 || !is_right(part, bytes))
		abort();
	atomic_fetch_add(&known->sealed[part->number], 1);
}

static void seal_segment(void *context, uint64_t number, const uint8_t *bytes, uint64_t size)
{
	struct known *const known = context;

	(void)bytes;
	if (size > DENSE_SEGMENT_SIZE || number >= dense_segment_count(&known->file))
		abort();
	atomic_fetch_add(&known->sealed_bytes, size);
}

static void prepare(struct known *known, uint64_t count, uint64_t size)
{
	known->file = (struct dense_file){
		.size = size,
		.pieces = known->pieces,
		.piece_count = count,
		.fill = fill,
		.seal = seal,
		.seal_segment = seal_segment,
		.context = known,
	};
}

/* Small and large pieces, empty ones, some with a gap before them. */
static void random_layout(struct random *random, struct known *known)
{
	const uint64_t count = random_below(random, PIECES_MAX);
	uint64_t at = 0;

	for (uint64_t i = 0; i < count; i++) {
		const uint64_t kind = random_below(random, 40);
		const uint64_t most = kind == 0 ? 3 * DENSE_SEGMENT_SIZE : kind < 5 ? 70000 : 900;

		if (random_below(random, 5) == 0)
			at += random_below(random, 5000);
		if (random_below(random, 20) == 0) /* to a segment's end */
			at = align_up(at, DENSE_SEGMENT_SIZE);
		known->pieces[i] = (struct dense_piece){
			at, random_below(random, 6) == 0 ? 0 : random_below(random, most)};
		at += known->pieces[i].size;
	}
	prepare(known, count, at + random_below(random, 3) * random_below(random, 5000));
}

static enum cairn_status write_known(struct known *known, bool direct, uint32_t threads)
{
	const struct segment_target target = {.thread_count = threads, .path = "the-file"};

	draft_discard(&draft);
	ASSERT_OK(draft_create(&folder, "f", direct, &draft, &test_error));
	return dense_file_write(&known->file, &draft, &target, &test_error);
}

static void assert_content(const struct known *known)
{
	struct bytes found = scene_content(&scene, draft.temporary);
	uint8_t *const expected = calloc(1, found.size + 1);

	ck_assert_uint_eq(found.size, known->file.size);
	for (uint64_t i = 0; i < known->file.piece_count; i++) {
		for (uint64_t k = 0; k < known->pieces[i].size; k++)
			expected[known->pieces[i].offset + k] = byte_of(i, k);
	}
	ck_assert(memcmp(found.data, expected, found.size) == 0);
	free(expected);
	bytes_free(&found);
}

/* ---------------------------------------------------------------------------------------- tests */

static const struct {
	bool direct;
	bool in_order;
	uint32_t threads;
} ways[] = {{false, false, 1}, {true, false, 1},  {true, false, 4},
	    {true, true, 4},   {false, true, 64}, {false, false, 7}};

START_TEST(every_byte_is_its_pieces_or_zero)
{
	struct random random = {(uint64_t)_i + 1};

	for (size_t w = 0; w < COUNT_OF(ways); w++) {
		struct known *const known = calloc(1, sizeof(*known));

		random_layout(&random, known);
		known->file.in_order = ways[w].in_order;
		ASSERT_OK(write_known(known, ways[w].direct, ways[w].threads));
		assert_content(known);
		ck_assert_uint_eq(known->sealed_bytes, known->file.size);
		for (size_t i = 0; i < PARTS_MAX; i++) {
			ck_assert_uint_le(known->filled[i], 1);
			ck_assert_uint_eq(known->filled[i], known->sealed[i]);
			ck_assert(known->filled[i] == 0 || i < dense_part_limit(&known->file));
		}
		free(known);
	}
}
END_TEST

START_TEST(files_without_pieces_or_bytes_are_files)
{
	static const uint64_t sizes[] = {0, 1, 4096, DENSE_SEGMENT_SIZE, DENSE_SEGMENT_SIZE + 1};
	struct known known = {.verdict = CAIRN_OK};

	prepare(&known, 0, sizes[_i / 2]);
	ASSERT_OK(write_known(&known, _i % 2 == 1, 2));
	assert_content(&known);
}
END_TEST

START_TEST(a_part_that_fails_ends_it_with_its_own_error)
{
	struct known known = {.verdict = CAIRN_CHECKSUM, .fail_at = 2 * DENSE_SEGMENT_SIZE};

	prepare(&known, 1, 9 * DENSE_SEGMENT_SIZE + 5);
	known.pieces[0].size = known.file.size;
	known.file.in_order = _i == 2;
	ASSERT_FAILS(write_known(&known, true, (uint32_t)_i + 1), CAIRN_CHECKSUM,
		     "the piece failed");
	ck_assert_ptr_null(strstr(test_error.message, "the-file"));
}
END_TEST

static const struct memory_fault faults[] = {
	{.call = MEMORY_CALL_PWRITE, .at = 3, .error = ENOSPC},
	{.call = MEMORY_CALL_PREALLOCATE, .at = 1, .error = ENOSPC},
	{.call = MEMORY_CALL_TRUNCATE, .at = 1, .error = EIO},
	{.call = MEMORY_CALL_STATUS, .at = 1, .error = EIO},
};

START_TEST(a_failing_disk_names_the_file)
{
	struct known known = {.verdict = CAIRN_OK};

	prepare(&known, 1, 5 * DENSE_SEGMENT_SIZE + 5);
	known.pieces[0].size = known.file.size;
	memory_system_set_fault(scene.memory, 0, &faults[_i / 2]);
	ASSERT_FAILS(write_known(&known, true, _i % 2 == 0 ? 1 : 4), CAIRN_IO,
		     "'the-file': cannot");
	ck_assert_int_eq(test_error.system_errno, faults[_i / 2].error);
}
END_TEST

/* ---------------------------------------------------------------------------------- power cuts */

#define COMMITTED 1
#define ODD_SIZE  10001u

#define OLD_TEXT "what was there before"

/* The old file or none, or all of the new one: never one that ends with its last page. */
static int judge(void *context, const struct crash_state *state)
{
	static uint8_t bytes[2 * ODD_SIZE];
	const bool *const replaces = context;
	const int64_t size = memory_system_content(state->system, "/f", bytes, sizeof(bytes));

	if (*replaces && size == (int64_t)strlen(OLD_TEXT) &&
	    memcmp(bytes, OLD_TEXT, (size_t)size) == 0)
		return state->marker == COMMITTED;
	if (!*replaces && size == -ENOENT)
		return state->marker == COMMITTED;
	for (int64_t i = 0; i < size; i++) {
		if (bytes[i] != byte_of(0, (uint64_t)i))
			return 1;
	}
	return size != ODD_SIZE;
}

START_TEST(no_power_cut_shows_a_file_of_another_size)
{
	const struct crash_options options = {.sectors = _i % 2 == 1, .states_max = 20000};
	struct known known = {.verdict = CAIRN_OK};
	struct crash_counts counts;
	bool replaces = _i >= 2;

	if (replaces)
		ck_assert_int_eq(
			memory_system_add_file(scene.memory, "/f", OLD_TEXT, strlen(OLD_TEXT)), 0);
	prepare(&known, 1, ODD_SIZE);
	known.pieces[0].size = ODD_SIZE;
	memory_system_trace_start(scene.memory);
	ASSERT_OK(write_known(&known, true, 1));
	ASSERT_OK(publish(&draft, 1, replaces, &test_error));
	memory_system_mark(scene.memory, COMMITTED);
	ck_assert_int_eq(crash_enumerate(scene.memory, &options, judge, &replaces, &counts), 0);
	ck_assert_uint_gt(counts.distinct, 20);
}
END_TEST

static Suite *dense_file_suite(void)
{
	Suite *suite = suite_create("dense_file");
	TCase *tests = tcase_create("dense_file");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, every_byte_is_its_pieces_or_zero, 0, 4);
	tcase_add_loop_test(tests, files_without_pieces_or_bytes_are_files, 0, 10);
	tcase_add_loop_test(tests, a_part_that_fails_ends_it_with_its_own_error, 0, 3);
	tcase_add_loop_test(tests, a_failing_disk_names_the_file, 0, 2 * COUNT_OF(faults));
	tcase_add_loop_test(tests, no_power_cut_shows_a_file_of_another_size, 0, 4);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(dense_file_suite());
}
