/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One content, one container: what has no meaning is zero, blocks are not cut, and what belongs to
 * a later version is told from damage.
 */
#include "format/index_check.h"

#include <cairn/verify.h>

#include "format/bytes.h"
#include "format/digest.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/test_arena.h"

static struct scene scene;
static uint8_t data[4096];
static const struct cairn_reader_options checked = {.flags = CAIRN_OPEN_CHECK_INDEX};

static void set_up(void)
{
	struct random random = {17};

	random_fill(&random, data, sizeof(data));
	scene_open(&scene);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static struct cairn_string text(const char *name)
{
	return cairn_string_from(name);
}

/* ----------------------------------------------------------------------------- what is not used */

#define DATA_END ((uint64_t)8192)

static const uint8_t chunk_digest[DIGEST_SIZE] = {7};
static const uint64_t dims_6[] = {6};

/* Tensors "a" (with a digest), "b" (without), metadata "k"; shard 1 is a sibling. */
struct subject {
	struct test_arena arena;
	struct built_index built;
	struct index index;
	struct extent_record extents[4]; /* the last one is used when `split` */
};

static void describe(struct subject *subject, struct build_slice slices[3],
		     struct build_tensor tensors[3], bool split)
{
	static const char *const names[] = {"a", "b", "k"};

	for (uint32_t i = 0; i < 3; i++) {
		subject->extents[i] = (struct extent_record){
			.offset = 4096 + 64 * i, .stored_size = 6, .size = 6};
		slices[i] = (struct build_slice){.extents = &subject->extents[i],
						 .extent_count = i == 2 && split ? 2 : 1,
						 .size = 6,
						 .chunk_size = CHUNK_SIZE_MIN};
		tensors[i] = (struct build_tensor){.name = text(names[i]),
						   .name_space = i == 2,
						   .rank = 1,
						   .dtype = CAIRN_U8,
						   .dims = dims_6,
						   .block_elements = 1,
						   .block_bytes = 1,
						   .size = 6,
						   .slices = &slices[i],
						   .slice_count = 1};
	}
	subject->extents[3] = (struct extent_record){.offset = 4096 + 64 * 3};
	slices[0].chunk_digests = chunk_digest;
}

static void open_subject(struct subject *subject, bool foreign, bool split)
{
	static const struct region_record region = {
		.offset = 4096, .size = 1000, .kind = REGION_DATA};
	const struct build_shard shard = {
		.name = text("s.cairn"),
		.record = {.kind = SHARD_SIBLING, .size = 100000, .content_id = {{1}}}};
	struct build_slice slices[3];
	struct build_tensor tensors[3];
	struct build_input input = {.tensors = tensors,
				    .tensor_count = 3,
				    .shards = &shard,
				    .shard_count = 1,
				    .regions = &region,
				    .region_count = 1,
				    .foreign = foreign};

	describe(subject, slices, tensors, split);
	test_arena_open(&subject->arena, 0);
	ASSERT_OK(index_build(&subject->arena.arena, &input, true, &subject->built, &test_error));
	ASSERT_OK(index_init(&subject->index, &subject->built.footer, subject->built.image,
			     &test_error));
}

static enum cairn_status check(struct subject *subject)
{
	return index_check(&subject->index, DATA_END, &subject->arena.arena, &test_error);
}

static uint8_t *record_of(struct subject *subject, enum section_type type, uint64_t number)
{
	const struct container_section *const section = container_footer_section(
		&subject->built.footer, type);

	ck_assert_uint_lt(number * section->record_size, section->size);
	return subject->built.image + section->offset + number * section->record_size;
}

static const struct {
	const char *what;
	enum section_type type;
	uint64_t number;
	size_t offset;
	size_t width;
	uint64_t value;
} unused[] = {
	{"check value of chunk digests", SECTION_SLICES, 0, 48, 8, 1},
	{"check value without a check", SECTION_SLICES, 1, 48, 8, (uint64_t)1 << 63},
	{"digest without a digest kind", SECTION_TENSORS, 1, 79, 1, 1},
	{"type 0", SECTION_TENSORS, 0, 12, 2, 0},
	{"incomplete metadata", SECTION_TENSORS, 2, 36, 4, TENSOR_INCOMPLETE},
	{"self: codec", SECTION_SHARDS, 0, 13, 1, 1},
	{"self: parent", SECTION_SHARDS, 0, 14, 2, 1},
	{"self: size", SECTION_SHARDS, 0, 16, 8, 1},
	{"self: offset", SECTION_SHARDS, 0, 24, 8, 1},
	{"self: stored size", SECTION_SHARDS, 0, 32, 8, 1},
	{"self: content id", SECTION_SHARDS, 0, 55, 1, 1},
	{"self: modified", SECTION_SHARDS, 0, 56, 8, 1},
	{"self: changed", SECTION_SHARDS, 0, 64, 8, 1},
	{"self: inode", SECTION_SHARDS, 0, 72, 8, 1},
	{"self: header digest", SECTION_SHARDS, 0, 80, 1, 1},
	{"self: header size", SECTION_SHARDS, 0, 96, 8, 1},
	{"sibling: codec", SECTION_SHARDS, 1, 13, 1, 1},
	{"sibling: parent", SECTION_SHARDS, 1, 14, 2, 1},
	{"sibling: offset", SECTION_SHARDS, 1, 24, 8, 1},
	{"sibling: stored size", SECTION_SHARDS, 1, 32, 8, 1},
	{"sibling: modified", SECTION_SHARDS, 1, 56, 8, 1},
	{"sibling: changed", SECTION_SHARDS, 1, 64, 8, 1},
	{"sibling: inode", SECTION_SHARDS, 1, 72, 8, 1},
	{"sibling: header digest", SECTION_SHARDS, 1, 95, 1, 1},
	{"sibling: header size", SECTION_SHARDS, 1, 96, 8, 1},
	{"section type of a data region", SECTION_REGIONS, 0, 20, 4, 17},
	{"digest of a data region", SECTION_REGIONS, 0, 24, 1, 1},
	{"transform of sidecars", SECTION_SLICES, 1, 44, 1, TRANSFORM_NEGATE},
	{"check of sidecars", SECTION_SLICES, 1, 45, 1, CHECK_ZIP_CRC32},
	{"foreign shard", SECTION_SHARDS, 1, 12, 1, SHARD_FOREIGN},
	{"derived shard", SECTION_SHARDS, 1, 12, 1, SHARD_DERIVED},
};

START_TEST(fields_without_meaning_are_zero)
{
	struct subject subject;

	open_subject(&subject, false, false);
	ASSERT_OK(check(&subject));
	memcpy(record_of(&subject, unused[_i].type, unused[_i].number) + unused[_i].offset,
	       &unused[_i].value, unused[_i].width);
	test_error_reset();
	ck_assert_msg(check(&subject) == CAIRN_CORRUPT, "%s: %s %s", unused[_i].what,
		      cairn_status_name(test_error.code), test_error.message);
	test_arena_close(&subject.arena);
}
END_TEST

START_TEST(extents_without_bytes_are_for_sidecars)
{
	struct subject subject;

	open_subject(&subject, false, true);
	ASSERT_FAILS(check(&subject), CAIRN_CORRUPT, "an extent of no bytes");
	test_arena_close(&subject.arena);
	open_subject(&subject, true, true);
	ASSERT_OK(check(&subject));
	test_arena_close(&subject.arena);
}
END_TEST

START_TEST(damage_counts_more_than_what_is_unknown)
{
	struct subject subject;

	open_subject(&subject, false, false);
	record_of(&subject, SECTION_SLICES, 0)[44] = TRANSFORM_TENSORFLOW_STRING_FIELDS + 1;
	ASSERT_FAILS(check(&subject), CAIRN_UNSUPPORTED, "tensor 'a': unknown element transform 9");
	record_of(&subject, SECTION_TENSORS, 1)[79] = 1;
	ASSERT_FAILS(check(&subject), CAIRN_CORRUPT, "tensor 'b'");
	ck_assert_int_eq(index_check(&subject.index, DATA_END, &subject.arena.arena, NULL),
			 CAIRN_CORRUPT);
	record_of(&subject, SECTION_TENSORS, 1)[79] = 0;
	ck_assert_int_eq(index_check(&subject.index, DATA_END, &subject.arena.arena, NULL),
			 CAIRN_UNSUPPORTED);
	test_arena_close(&subject.arena);
}
END_TEST

/* --------------------------------------------------------------------------- of a later version */

static const uint64_t two_by_three[] = {2, 3};

/* Tensors a, b, c and an alias z of b: records 0 to 3; slices and extents 0 to 2. */
static struct bytes three_tensors(void)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/plain", NULL);
	static const char *const names[] = {"a", "b", "c"};

	for (int i = 0; i < 3; i++)
		ASSERT_OK(cairn_writer_add(writer, names[i], CAIRN_F32, 2, two_by_three,
					   data + 32 * i, &test_error));
	ASSERT_OK(cairn_writer_add_alias(writer, text("z"), text("b"), &test_error));
	finish_writer(writer);
	return scene_content(&scene, "/plain");
}

struct patch {
	enum section_type type;
	uint64_t number;
	size_t offset;
	uint8_t value;
};

static const struct {
	const char *what;
	struct patch patches[3];
	bool has_digest;
	uint64_t problems; /* with a digest kind the alias says so too */
} later[] = {
	{"unknown digest kind 2",
	 {{SECTION_TENSORS, 1, 57, 2}, {SECTION_TENSORS, 3, 57, 2}, {SECTION_SLICES, 1, 46, 2}},
	 false,
	 2},
	{"unknown element transform 9", {{SECTION_SLICES, 1, 44, 9}}, true, 1},
	{"unknown check kind 7", {{SECTION_SLICES, 1, 45, 7}}, true, 1},
	{"unknown codec 2", {{SECTION_EXTENTS, 1, 34, 2}}, true, 1},
};

static void add_later(int number)
{
	struct bytes container = three_tensors();

	for (size_t i = 0; i < COUNT_OF(later[0].patches); i++) {
		const struct patch *const patch = &later[number].patches[i];

		if (patch->value != 0)
			container_record(&container, patch->type,
					 patch->number)[patch->offset] = patch->value;
	}
	container_reseal(&container);
	scene_add_file(&scene, "/later", &container);
	bytes_free(&container);
}

static void assert_readable(const struct cairn_reader *reader, const char *name,
			    const uint8_t *expected)
{
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.size, 24);
	ck_assert_mem_eq(view.data, expected, 24);
	cairn_view_release(&view);
}

static void assert_unsupported(const struct cairn_reader *reader, const char *name, int number)
{
	static const uint64_t starts[] = {0, 0};
	static const uint64_t lengths[] = {1, 3};
	struct cairn_tensor tensor;
	struct cairn_stored_slice slice;
	struct cairn_view view = {0};
	uint8_t buffer[24];

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	ck_assert_uint_eq(tensor.flags, later[number].has_digest ? CAIRN_TENSOR_DIGEST : 0);
	ck_assert_int_eq(all_zero(tensor.digest.bytes, DIGEST_SIZE), !later[number].has_digest);
	ASSERT_FAILS(cairn_tensor_view(&tensor, &view, &test_error), CAIRN_UNSUPPORTED,
		     later[number].what);
	ASSERT_STATUS(cairn_tensor_view_slice(&tensor, starts, lengths, &view, &test_error),
		      CAIRN_UNSUPPORTED);
	ASSERT_STATUS(cairn_tensor_read(&tensor, 0, buffer, 24, &test_error), CAIRN_UNSUPPORTED);
	ASSERT_STATUS(cairn_tensor_read_slice(&tensor, starts, lengths, buffer, 12, &test_error),
		      CAIRN_UNSUPPORTED);
	ASSERT_OK(cairn_tensor_stored_slice(&tensor, 0, &slice, &test_error)); /* to be listed */
}

START_TEST(one_tensor_of_a_later_version_leaves_the_others_usable)
{
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	add_later(_i);
	reader = scene_reader(&scene, "/later", NULL);
	for (uint64_t i = 0; i < 4; i++)
		ASSERT_OK(cairn_reader_tensor_at(reader, i, &tensor, &test_error));
	assert_unsupported(reader, "b", _i);
	assert_unsupported(reader, "z", _i);
	assert_readable(reader, "a", data);
	assert_readable(reader, "c", data + 64);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_tensor_of_a_later_version_is_not_copied)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/copy", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	add_later(_i);
	reader = scene_reader(&scene, "/later", NULL);
	ASSERT_OK(cairn_reader_find(reader, "b", &tensor, &test_error));
	ASSERT_STATUS(cairn_writer_add_tensor(writer, text("b"), &tensor, &test_error),
		      CAIRN_UNSUPPORTED);
	cairn_writer_destroy(writer);
	cairn_reader_close(reader);
}
END_TEST

/* Problems that are UNSUPPORTED; any other is wrong. */
static int count_unsupported(void *context, const struct cairn_problem *problem)
{
	ck_assert_msg(problem->code == CAIRN_UNSUPPORTED, "%s", problem->message);
	ck_assert_uint_eq(problem->tensor.size, 1);
	ck_assert(problem->tensor.data[0] == 'b' || problem->tensor.data[0] == 'z');
	++*(uint64_t *)context;
	return 0;
}

START_TEST(a_full_check_says_what_is_of_a_later_version)
{
	uint64_t count = 0;
	const struct cairn_verify_options options = {.on_problem = count_unsupported,
						     .problem_context = &count};
	struct cairn_verify_report report = {0};
	struct cairn_reader *reader = NULL;

	add_later(_i);
	ASSERT_FAILS(reader_open_path(scene.system, "/later", &checked, &reader, &test_error),
		     CAIRN_UNSUPPORTED, later[_i].what);
	reader = scene_reader(&scene, "/later", NULL);
	ASSERT_OK(cairn_reader_verify(reader, &options, &report, &test_error));
	ck_assert_uint_eq(count, later[_i].problems);
	ck_assert_uint_eq(report.problem_count, later[_i].problems);
	ck_assert_uint_eq(report.bytes, 48); /* the others were looked at */
	cairn_reader_close(reader);
}
END_TEST

/* --------------------------------------------------------------------------------------- blocks */

static const uint64_t four_by_six[] = {4, 6};
static const uint64_t four_by_five[] = {4, 5};
static const uint64_t blocks_2_128[] = {2, 128};

#define FULL CAIRN_FULL
static const struct {
	const char *what;
	enum cairn_dtype dtype;
	const uint64_t *dims;
	uint64_t ranges[4]; /* start and length of each dim */
	uint64_t size;
	bool fits;
} cuts[] = {
	{"columns between blocks", CAIRN_F4_E2M1, four_by_six, {1, 2, 2, 4}, 4, true},
	{"all, literally", CAIRN_F4_E2M1, four_by_six, {0, FULL, 0, FULL}, 12, true},
	{"an empty slice between blocks", CAIRN_F4_E2M1, four_by_six, {0, 4, 2, 0}, 0, true},
	{"a length of half a block", CAIRN_F4_E2M1, four_by_six, {0, 2, 0, 3}, 3, false},
	{"a start within a block", CAIRN_F4_E2M1, four_by_six, {0, 2, 1, 2}, 2, false},
	{"an empty slice within a block", CAIRN_F4_E2M1, four_by_six, {0, 2, 1, 0}, 0, false},
	{"rows that end within a block", CAIRN_F4_E2M1, four_by_five, {0, 2, 0, FULL}, 5, false},
	{"all rows of that kind", CAIRN_F4_E2M1, four_by_five, {0, FULL, 0, FULL}, 10, false},
	{"blocks of GGUF", CAIRN_Q4_0, blocks_2_128, {1, 1, 32, 64}, 36, true},
	{"half a block of GGUF", CAIRN_Q4_0, blocks_2_128, {0, 2, 16, 32}, 36, false},
};

START_TEST(the_writer_cuts_no_block)
{
	const uint64_t starts[] = {cuts[_i].ranges[0], cuts[_i].ranges[2]};
	const uint64_t lengths[] = {cuts[_i].ranges[1], cuts[_i].ranges[3]};
	const struct cairn_tensor_spec spec = {.name = text("t"),
					       .dtype = cuts[_i].dtype,
					       .rank = 2,
					       .dims = cuts[_i].dims,
					       .starts = starts,
					       .lengths = lengths};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	uint8_t buffer[64];

	ASSERT_STATUS(cairn_writer_add_spec(writer, &spec, data, &test_error),
		      cuts[_i].fits ? CAIRN_OK : CAIRN_INVALID_ARGUMENT);
	if (!cuts[_i].fits) {
		cairn_writer_destroy(writer);
		return;
	}
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", &checked);
	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	ASSERT_OK(cairn_tensor_read_slice(&tensor, starts, lengths, buffer, cuts[_i].size,
					  &test_error));
	ck_assert_mem_eq(buffer, data, cuts[_i].size);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_container_that_cuts_a_block_is_corrupt)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(cuts[_i].dtype);
	const struct extent_record extent = {
		.offset = CONTAINER_PAGE_SIZE, .stored_size = cuts[_i].size, .size = cuts[_i].size};
	const struct build_slice slice = {.ranges = cuts[_i].ranges,
					  .extents = &extent,
					  .extent_count = cuts[_i].size != 0,
					  .size = cuts[_i].size,
					  .chunk_size = CHUNK_SIZE_MIN};
	const bool all = cuts[_i].ranges[1] == FULL && cuts[_i].ranges[3] == FULL;
	struct build_tensor tensor = {.name = text("t"),
				      .rank = 2,
				      .dtype = cuts[_i].dtype,
				      .dims = cuts[_i].dims,
				      .block_elements = info->block_elements,
				      .block_bytes = info->block_bytes,
				      .incomplete = !all,
				      .size = cuts[_i].dims[0] * cuts[_i].dims[1] /
					      info->block_elements * info->block_bytes,
				      .slices = &slice,
				      .slice_count = 1};
	const struct region_record region = {
		.offset = CONTAINER_PAGE_SIZE, .size = 64, .kind = REGION_DATA};
	struct build_input input = {
		.tensors = &tensor, .tensor_count = 1, .regions = &region, .region_count = 1};
	const struct bytes content = {data, 64};
	struct bytes container = container_from(&input, &content);
	struct cairn_reader *reader = NULL;

	scene_add_file(&scene, "/f", &container);
	bytes_free(&container);
	ASSERT_STATUS(reader_open_path(scene.system, "/f", &checked, &reader, &test_error),
		      cuts[_i].fits ? CAIRN_OK : CAIRN_CORRUPT);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(empty_slices_overlap_nothing)
{
	static const uint64_t starts[][2] = {{0, 0}, {2, 3}, {0, 0}, {1, 0}};
	static const uint64_t lengths[][2] = {{4, 6}, {0, 2}, {0, 0}, {2, 0}};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	uint8_t buffer[24];

	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		const struct cairn_tensor_spec spec = {.name = text("t"),
						       .dtype = CAIRN_U8,
						       .rank = 2,
						       .dims = four_by_six,
						       .starts = starts[i],
						       .lengths = lengths[i]};

		ASSERT_OK(cairn_writer_add_spec(writer, &spec, data, &test_error));
	}
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", &checked);
	ASSERT_OK(cairn_reader_find(reader, "t", &tensor, &test_error));
	ck_assert_uint_eq(tensor.slice_count, 4);
	ck_assert_uint_eq(tensor.flags & CAIRN_TENSOR_INCOMPLETE, 0);
	ASSERT_OK(cairn_tensor_read(&tensor, 0, buffer, 24, &test_error));
	ck_assert_mem_eq(buffer, data, 24);
	ASSERT_OK(cairn_tensor_read_slice(&tensor, starts[1], lengths[1], buffer, 0, &test_error));
	cairn_reader_close(reader);
}
END_TEST

/* -------------------------------------------------------------------------------------- packing */

static uint8_t packing_of(const struct cairn_reader *reader, const char *name)
{
	struct tensor_record record;
	uint64_t number;

	ASSERT_OK(index_find(&reader->index, NAME_SPACE_TENSOR, text(name), &number, &record,
			     &test_error));
	return record.packing;
}

START_TEST(each_type_has_its_packing)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);
	const uint64_t dims[] = {2, 256};
	static const uint8_t zeros[8192];
	struct cairn_reader *reader;

	for (unsigned code = 1; code < 112; code++) {
		const struct cairn_dtype_info *const info = cairn_dtype_info(
			(enum cairn_dtype)code);

		if (info != NULL)
			ASSERT_OK(cairn_writer_add(writer, info->name, info->dtype, 2, dims, zeros,
						   &test_error));
	}
	finish_writer(writer);
	reader = scene_reader(&scene, "/f", &checked);
	ck_assert_uint_eq(packing_of(reader, "q4_0"), PACKING_ROW);
	ck_assert_uint_eq(packing_of(reader, "q2_0"), PACKING_ROW);
	ck_assert_uint_eq(packing_of(reader, "f4_e2m1"), PACKING_FLAT);
	ck_assert_uint_eq(packing_of(reader, "f6_e3m2"), PACKING_FLAT);
	ck_assert_uint_eq(packing_of(reader, "u8"), PACKING_FLAT);
	cairn_reader_close(reader);
}
END_TEST

/* Three blocks in two rows: only flat. */
static const uint64_t two_by_48[] = {2, 48};

START_TEST(rows_of_gguf_are_whole_blocks)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);

	ASSERT_STATUS(cairn_writer_add(writer, "t", CAIRN_Q4_0, 2, two_by_48, data, &test_error),
		      CAIRN_INVALID_ARGUMENT);
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(a_copy_keeps_its_packing)
{
	const struct extent_record extent = {
		.offset = CONTAINER_PAGE_SIZE, .stored_size = 54, .size = 54};
	const struct build_slice slice = {
		.extents = &extent, .extent_count = 1, .size = 54, .chunk_size = CHUNK_SIZE_MIN};
	struct build_tensor tensor = {.name = text("t"),
				      .rank = 2,
				      .dtype = CAIRN_Q4_0,
				      .dims = two_by_48,
				      .block_elements = 32,
				      .block_bytes = 18,
				      .packing = PACKING_FLAT,
				      .size = 54,
				      .slices = &slice,
				      .slice_count = 1};
	const struct region_record region = {
		.offset = CONTAINER_PAGE_SIZE, .size = 54, .kind = REGION_DATA};
	struct build_input input = {
		.tensors = &tensor, .tensor_count = 1, .regions = &region, .region_count = 1};
	const struct bytes content = {data, 54};
	struct bytes container = container_from(&input, &content);
	struct cairn_writer *const writer = scene_writer(&scene, "/copy", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor found;
	uint8_t buffer[54];

	scene_add_file(&scene, "/f", &container);
	bytes_free(&container);
	reader = scene_reader(&scene, "/f", &checked);
	ASSERT_OK(cairn_reader_find(reader, "t", &found, &test_error));
	ASSERT_OK(cairn_writer_add_tensor(writer, text("t"), &found, &test_error));
	finish_writer(writer);
	cairn_reader_close(reader);
	reader = scene_reader(&scene, "/copy", &checked);
	ck_assert_uint_eq(packing_of(reader, "t"), PACKING_FLAT);
	ASSERT_OK(cairn_reader_find(reader, "t", &found, &test_error));
	ASSERT_OK(cairn_tensor_read(&found, 0, buffer, 54, &test_error));
	ck_assert_mem_eq(buffer, data, 54);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(a_copy_of_a_tensor_without_slices)
{
	static const uint64_t none[] = {3, 0};
	const bool empty = _i == 0;
	struct build_tensor tensor = {.name = text("t"),
				      .rank = 2,
				      .dtype = CAIRN_U8,
				      .dims = empty ? none : two_by_three,
				      .block_elements = 1,
				      .block_bytes = 1,
				      .incomplete = !empty,
				      .size = empty ? 0 : 6};
	struct build_input input = {.tensors = &tensor, .tensor_count = 1};
	const struct bytes content = {data, 0};
	struct bytes container = container_from(&input, &content);
	struct cairn_writer *const writer = scene_writer(&scene, "/copy", NULL);
	struct cairn_reader *reader;
	struct cairn_tensor found;

	scene_add_file(&scene, "/f", &container);
	bytes_free(&container);
	reader = scene_reader(&scene, "/f", &checked);
	ASSERT_OK(cairn_reader_find(reader, "t", &found, &test_error));
	ASSERT_STATUS(cairn_writer_add_tensor(writer, text("t"), &found, &test_error),
		      empty ? CAIRN_OK : CAIRN_UNSUPPORTED);
	cairn_reader_close(reader);
	if (!empty) {
		cairn_writer_destroy(writer);
		return;
	}
	finish_writer(writer);
	reader = scene_reader(&scene, "/copy", &checked);
	ASSERT_OK(cairn_reader_find(reader, "t", &found, &test_error));
	ck_assert_uint_eq(found.dims[0], 3);
	cairn_reader_close(reader);
}
END_TEST

/* --------------------------------------------------------------------------- limits and regions */

START_TEST(more_items_than_storage_ranks_are_over_the_limit)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", NULL);

	writer->item_count = (uint64_t)UINT32_MAX + 1;
	ASSERT_FAILS(writer_group(writer, &test_error), CAIRN_LIMIT, "4294967296 tensors");
	writer->item_count = 0;
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(streams_give_the_digest_of_all_pieces)
{
	static const size_t pieces[] = {1, 7, 64, 240, 241, 1000, 4096};
	struct digest_stream stream;

	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		const struct cairn_digest expected = digest_bytes(data, sizeof(data));
		struct cairn_digest found;

		digest_stream_begin(&stream);
		for (size_t done = 0; done < sizeof(data); done += pieces[i]) {
			const size_t left = sizeof(data) - done;

			digest_stream_update(&stream, data + done,
					     left < pieces[i] ? left : pieces[i]);
		}
		found = digest_stream_end(&stream);
		ck_assert(digest_equal(&found, &expected));
	}
	digest_stream_begin(&stream);
	ck_assert_mem_eq(digest_stream_end(&stream).bytes, digest_bytes("", 0).bytes, DIGEST_SIZE);
}
END_TEST

static int note_problem(void *context, const struct cairn_problem *problem)
{
	*(enum cairn_status *)context = problem->code;
	return 0;
}

/* An opaque region of 20 MB and a bit is read in pieces. */
START_TEST(opaque_regions_are_verified_in_bounded_memory)
{
	const struct bytes content = {calloc(20000001, 1), 20000001};
	struct region_record region = {.offset = CONTAINER_PAGE_SIZE,
				       .size = content.size,
				       .kind = REGION_OPAQUE,
				       .section_type = 17};
	struct build_input input = {.regions = &region, .region_count = 1};
	enum cairn_status found = CAIRN_OK;
	const struct cairn_verify_options options = {.on_problem = note_problem,
						     .problem_context = &found};
	const struct cairn_reader_options copying = {.transport = CAIRN_TRANSPORT_COPY};
	struct cairn_verify_report report = {0};
	struct cairn_reader *reader;
	struct bytes container;

	ck_assert_ptr_nonnull(content.data);
	content.data[20000000] = 5;
	region.digest = digest_bytes(content.data, content.size);
	content.data[20000000] = _i == 0 ? 5 : 6;
	container = container_from(&input, &content);
	scene_add_file(&scene, "/f", &container);
	bytes_free(&container);
	free(content.data);
	reader = scene_reader(&scene, "/f", &copying);
	ASSERT_OK(cairn_reader_verify(reader, &options, &report, &test_error));
	ck_assert_int_eq(found, _i == 0 ? CAIRN_OK : CAIRN_CHECKSUM);
	ck_assert_uint_lt(memory_system_live(scene.memory).allocated_bytes_peak, 4 << 20);
	cairn_reader_close(reader);
}
END_TEST

static Suite *canonical_suite(void)
{
	Suite *const suite = suite_create("canonical");
	TCase *const tests = tcase_create("canonical");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, fields_without_meaning_are_zero, 0, COUNT_OF(unused));
	tcase_add_test(tests, extents_without_bytes_are_for_sidecars);
	tcase_add_test(tests, damage_counts_more_than_what_is_unknown);
	tcase_add_loop_test(tests, one_tensor_of_a_later_version_leaves_the_others_usable, 0,
			    COUNT_OF(later));
	tcase_add_loop_test(tests, a_tensor_of_a_later_version_is_not_copied, 0, COUNT_OF(later));
	tcase_add_loop_test(tests, a_full_check_says_what_is_of_a_later_version, 0,
			    COUNT_OF(later));
	tcase_add_loop_test(tests, the_writer_cuts_no_block, 0, COUNT_OF(cuts));
	tcase_add_loop_test(tests, a_container_that_cuts_a_block_is_corrupt, 0, COUNT_OF(cuts));
	tcase_add_test(tests, empty_slices_overlap_nothing);
	tcase_add_test(tests, each_type_has_its_packing);
	tcase_add_test(tests, rows_of_gguf_are_whole_blocks);
	tcase_add_test(tests, a_copy_keeps_its_packing);
	tcase_add_loop_test(tests, a_copy_of_a_tensor_without_slices, 0, 2);
	tcase_add_test(tests, more_items_than_storage_ranks_are_over_the_limit);
	tcase_add_test(tests, streams_give_the_digest_of_all_pieces);
	tcase_add_loop_test(tests, opaque_regions_are_verified_in_bounded_memory, 0, 2);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(canonical_suite());
}
