/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing two checkpoints: what counts as a difference, what is read to find out, and that damage
 * is no difference.
 */
#include <cairn/diff.h>

#include <stdio.h>

#include "format/digest.h"
#include "tests/support/build.h"
#include "tests/support/container_places.h"
#include "tests/support/model.h"
#include "tests/support/sample_model.h"
#include "tests/support/suite.h"

enum {
	DIFFERENCES_MAX = 64,
	PARTS_MAX = 9,
	SEEDS = 150
};

static struct scene scene;

/* What the callback was told, in order: "+name", "-name", "~name:what", "?name". */
static char told[4096];
static struct cairn_difference_statistics last_statistics;
static uint64_t last_stored_only[2];
static int stop_after; /* differences; 0: never */
static int told_count;
static struct cairn_diff_report report;

static void set_up(void)
{
	scene_open(&scene);
	told[0] = '\0';
	stop_after = 0;
	told_count = 0;
	last_statistics = (struct cairn_difference_statistics){0};
	report = (struct cairn_diff_report){0};
}

static void tear_down(void)
{
	scene_close(&scene);
}

/* ------------------------------------------------------------------------------------ comparing */

static void tell_what(uint32_t what)
{
	static const char *const words[] = {"dtype", "shape", "data", "presence"};

	for (uint32_t i = 0; i < COUNT_OF(words); i++) {
		if (what >> i & 1) {
			strcat(told, ":");
			strcat(told, words[i]);
		}
	}
}

static int on_difference(void *context, const struct cairn_difference *difference)
{
	static const char marks[] = "+-~?";
	const size_t used = strlen(told);

	(void)context;
	ck_assert_uint_lt(used, sizeof(told) - 200);
	snprintf(told + used, 150, "%s%s%c%.*s", used ? " " : "",
		 difference->is_metadata ? "@" : "", marks[difference->kind - 1],
		 (int)difference->name.size, difference->name.data);
	tell_what(difference->what);
	ck_assert_int_eq(difference->a == NULL, difference->kind == CAIRN_DIFFERENCE_ADDED);
	ck_assert_int_eq(difference->b == NULL, difference->kind == CAIRN_DIFFERENCE_REMOVED);
	ck_assert_int_eq(difference->message != NULL, difference->kind == CAIRN_DIFFERENCE_UNKNOWN);
	if (difference->statistics)
		last_statistics = *difference->statistics;
	memcpy(last_stored_only, difference->stored_only, sizeof(last_stored_only));
	return ++told_count == stop_after;
}

static enum cairn_status compare_readers(const struct cairn_reader *a, const struct cairn_reader *b,
					 uint32_t flags)
{
	const struct cairn_diff_options options = {
		.size = sizeof(options), .flags = flags, .on_difference = on_difference};

	told[0] = '\0';
	told_count = 0;
	return cairn_diff(a, b, &options, &report, &test_error);
}

static enum cairn_status compare(uint32_t flags)
{
	struct cairn_reader *const a = scene_reader(&scene, "/a", NULL);
	struct cairn_reader *const b = scene_reader(&scene, "/b", NULL);
	const enum cairn_status status = compare_readers(a, b, flags);

	cairn_reader_close(a);
	cairn_reader_close(b);
	return status;
}

static void assert_told(uint32_t flags, const char *expected)
{
	ASSERT_OK(compare(flags));
	ck_assert_str_eq(told, expected);
	ck_assert_int_eq(report.equal, *expected == '\0');
}

/* --------------------------------------------------------------------------------------- making */

static struct cairn_writer *begin(const char *path)
{
	return scene_writer(&scene, path, NULL);
}

static void add(struct cairn_writer *writer, const char *name, enum cairn_dtype dtype,
		uint64_t count, const void *data)
{
	ASSERT_OK(cairn_writer_add_copy(writer, name, dtype, 1, &count, data, &test_error));
}

static void set_note(struct cairn_writer *writer, const char *key, const char *value)
{
	ASSERT_OK(cairn_writer_set_metadata_string(writer, cairn_string_from(key),
						   cairn_string_from(value), &test_error));
}

/* One tensor "t" of the whole array. */
static void write_array(const char *path, enum cairn_dtype dtype, uint64_t count, const void *data,
			uint32_t chunk_size)
{
	const struct cairn_writer_options options = {.chunk_size = chunk_size};
	struct cairn_writer *const writer = scene_writer(&scene, path, &options);

	add(writer, "t", dtype, count, data);
	finish_writer(writer);
}

/* "t" of the rows [0, rows) of a table of u32, each `columns` wide, those in `cuts` begin a slice;
 * up to `stored` rows are stored. */
static void write_rows(const char *path, const uint32_t *table, uint64_t rows, uint64_t columns,
		       const uint64_t *cuts, size_t cut_count)
{
	struct cairn_writer *const writer = begin(path);
	const uint64_t dims[2] = {rows, columns};

	for (size_t i = 0; i + 1 < cut_count; i += 2) {
		const uint64_t starts[2] = {cuts[i], 0};
		const uint64_t lengths[2] = {cuts[i + 1] - cuts[i], CAIRN_FULL};
		const struct cairn_tensor_spec spec = {.name = cairn_string_from("t"),
						       .dtype = CAIRN_U32,
						       .rank = 2,
						       .dims = dims,
						       .starts = starts,
						       .lengths = lengths};

		ASSERT_OK(cairn_writer_add_spec(writer, &spec, table + cuts[i] * columns,
						&test_error));
	}
	finish_writer(writer);
}

/* ------------------------------------------------------------------------------------- presence */

START_TEST(a_checkpoint_equals_itself_and_nothing_is_read)
{
	const struct sample sample = {_i == 0 ? SAMPLE_TINY : SAMPLE_FULL, 3};

	ASSERT_OK(sample_write(scene.system, "/a", &sample, 0, &test_error));
	ASSERT_OK(sample_write(scene.system, "/b", &sample, 0, &test_error));
	assert_told(CAIRN_DIFF_STATISTICS, "");
	ck_assert_uint_eq(report.bytes_read, 0);
	ck_assert_uint_gt(report.tensors.same, 1);
	ck_assert_uint_eq(report.compared_by_digest, report.tensors.same + report.metadata.same);
}
END_TEST

START_TEST(names_are_told_in_order_tensors_first)
{
	const uint8_t byte = 1;
	struct cairn_writer *writer = begin("/a");

	for (const char *name = "bdfh"; *name; name++)
		add(writer, (const char[]){*name, '\0'}, CAIRN_U8, 1, &byte);
	set_note(writer, "a", "1");
	set_note(writer, "x", "1");
	finish_writer(writer);
	writer = begin("/b");
	for (const char *name = "acfgi"; *name; name++)
		add(writer, (const char[]){*name, '\0'}, CAIRN_U8, 1, &byte);
	set_note(writer, "x", "2");
	finish_writer(writer);
	assert_told(0, "+a -b +c -d +g -h +i @-a @~x:data");
	ck_assert_uint_eq(report.tensors.added, 4);
	ck_assert_uint_eq(report.tensors.removed, 3);
	ck_assert_uint_eq(report.tensors.same, 1);
	ck_assert_uint_eq(report.metadata.removed, 1);
	ck_assert_uint_eq(report.metadata.changed, 1);
}
END_TEST

START_TEST(an_empty_checkpoint_has_nothing)
{
	const uint8_t byte = 1;
	struct cairn_writer *writer = begin("/a");

	finish_writer(writer);
	writer = begin("/b");
	add(writer, "", CAIRN_U8, 1, &byte);
	finish_writer(writer);
	assert_told(0, "+");
}
END_TEST

START_TEST(type_and_shape_are_told_without_reading)
{
	static const uint8_t zeros[64];
	struct cairn_writer *writer = begin("/a");

	add(writer, "both", CAIRN_F32, 4, zeros);
	add(writer, "dtype", CAIRN_F32, 4, zeros);
	add(writer, "shape", CAIRN_F32, 4, zeros);
	finish_writer(writer);
	writer = begin("/b");
	add(writer, "both", CAIRN_F64, 3, zeros);
	add(writer, "dtype", CAIRN_I32, 4, zeros);
	add(writer, "shape", CAIRN_F32, 5, zeros);
	finish_writer(writer);
	assert_told(CAIRN_DIFF_STATISTICS, "~both:dtype:shape ~dtype:dtype ~shape:shape");
	ck_assert_uint_eq(report.bytes_read, 0);
}
END_TEST

START_TEST(metadata_can_be_left_out)
{
	struct cairn_writer *writer = begin("/a");

	set_note(writer, "step", "1");
	finish_writer(writer);
	writer = begin("/b");
	set_note(writer, "step", "2");
	finish_writer(writer);
	assert_told(0, "@~step:data");
	assert_told(CAIRN_DIFF_WITHOUT_METADATA, "");
}
END_TEST

START_TEST(null_equals_null_and_nothing_else)
{
	struct cairn_writer *writer = begin("/a");

	for (const char *key = "ab"; *key; key++)
		ASSERT_OK(cairn_writer_set_metadata(writer, (struct cairn_string){key, 1},
						    CAIRN_NULL, 0, NULL, NULL, &test_error));
	finish_writer(writer);
	writer = begin("/b");
	ASSERT_OK(cairn_writer_set_metadata(writer, cairn_string_from("a"), CAIRN_NULL, 0, NULL,
					    NULL, &test_error));
	set_note(writer, "b", "");
	finish_writer(writer);
	assert_told(0, "@~b:dtype");
}
END_TEST

static int not_named(void *context, struct cairn_string name, int is_metadata)
{
	(void)is_metadata;
	return name.size != strlen(context) || memcmp(name.data, context, name.size) != 0;
}

START_TEST(only_selected_names_take_part)
{
	const uint8_t byte = 1;
	char left_out[] = "b";
	const struct cairn_diff_options options = {
		.on_difference = on_difference, .select = not_named, .select_context = left_out};
	struct cairn_writer *writer = begin("/a");

	add(writer, "a", CAIRN_U8, 1, &byte);
	add(writer, "b", CAIRN_U8, 1, &byte);
	set_note(writer, "b", "");
	finish_writer(writer);
	writer = begin("/b");
	finish_writer(writer);
	struct cairn_reader *const a = scene_reader(&scene, "/a", NULL);
	struct cairn_reader *const b = scene_reader(&scene, "/b", NULL);
	ASSERT_OK(cairn_diff(a, b, &options, &report, &test_error));
	ck_assert_str_eq(told, "-a");
	cairn_reader_close(a);
	cairn_reader_close(b);
}
END_TEST

/* ----------------------------------------------------------------------------------------- data */

START_TEST(digests_tell_without_reading)
{
	static uint32_t data[100000];

	write_array("/a", CAIRN_U32, COUNT_OF(data), data, 0);
	data[70000] = 1;
	write_array("/b", CAIRN_U32, COUNT_OF(data), data, 0);
	assert_told(0, "~t:data");
	ck_assert_uint_eq(report.bytes_read, 0);
	ck_assert_uint_eq(report.compared_by_digest, 1);
}
END_TEST

START_TEST(statistics_read_only_chunks_that_differ)
{
	static uint32_t data[1000000];

	write_array("/a", CAIRN_U32, COUNT_OF(data), data, 0);
	data[700000] = 7;
	data[700001] = 9;
	write_array("/b", CAIRN_U32, COUNT_OF(data), data, 0);
	assert_told(CAIRN_DIFF_STATISTICS, "~t:data");
	ck_assert_uint_le(report.bytes_read, 2 << 20);
	ck_assert_uint_gt(report.bytes_read, 0);
	ck_assert_uint_eq(last_statistics.compared, COUNT_OF(data));
	ck_assert_uint_eq(last_statistics.different, 2);
	ck_assert_uint_eq(last_statistics.first, 700000);
	ck_assert_int_eq(last_statistics.has_numbers, 1);
	ck_assert(last_statistics.absolute_max == 9.0);
}
END_TEST

START_TEST(other_chunks_are_read_and_compared)
{
	static uint8_t data[200000];

	write_array("/a", CAIRN_U8, COUNT_OF(data), data, 65536);
	write_array("/b", CAIRN_U8, COUNT_OF(data), data, 131072);
	assert_told(0, "");
	ck_assert_uint_eq(report.bytes_read, 2 * COUNT_OF(data));
	ck_assert_uint_eq(report.compared_by_digest, 0);
}
END_TEST

START_TEST(one_chunk_is_one_whatever_its_size)
{
	static uint8_t data[60000];

	write_array("/a", CAIRN_U8, COUNT_OF(data), data, 65536);
	write_array("/b", CAIRN_U8, COUNT_OF(data), data, 131072);
	assert_told(0, "");
	ck_assert_uint_eq(report.bytes_read, 0);
}
END_TEST

START_TEST(slicing_is_no_difference)
{
	static uint32_t table[6 * 4];
	static const uint64_t all[] = {0, 6};
	static const uint64_t thirds[] = {0, 2, 2, 4, 4, 6};
	static const uint64_t backwards[] = {4, 6, 0, 4};

	write_rows("/a", table, 6, 4, thirds, COUNT_OF(thirds));
	write_rows("/b", table, 6, 4, backwards, COUNT_OF(backwards));
	assert_told(CAIRN_DIFF_STATISTICS, "");
	ck_assert_uint_eq(report.bytes_read, 2 * sizeof(table));
	write_rows("/all", table, 6, 4, all, COUNT_OF(all));
	struct cairn_reader *const a = scene_reader(&scene, "/a", NULL);
	struct cairn_reader *const whole = scene_reader(&scene, "/all", NULL);
	ASSERT_OK(compare_readers(a, whole, 0));
	ck_assert_int_eq(report.equal, 1);
	cairn_reader_close(a);
	cairn_reader_close(whole);
}
END_TEST

START_TEST(the_first_difference_is_counted_over_all_slices)
{
	static uint32_t table[6 * 4];
	static const uint64_t backwards[] = {4, 6, 2, 4, 0, 2};

	write_rows("/a", table, 6, 4, backwards, COUNT_OF(backwards));
	table[21] = 1;
	table[10] = 5;
	table[9] = 2;
	write_rows("/b", table, 6, 4, backwards, COUNT_OF(backwards));
	assert_told(CAIRN_DIFF_STATISTICS, "~t:data");
	ck_assert_uint_eq(last_statistics.different, 3);
	ck_assert_uint_eq(last_statistics.first, 9);
	ck_assert_uint_eq(last_statistics.compared, 24);
}
END_TEST

START_TEST(a_shared_tensor_equals_one_of_its_own)
{
	const float values[2] = {1, 2};
	struct cairn_writer *writer = begin("/a");

	add(writer, "t", CAIRN_F32, 2, values);
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from("u"), cairn_string_from("t"),
					 &test_error));
	finish_writer(writer);
	writer = begin("/b");
	add(writer, "t", CAIRN_F32, 2, values);
	add(writer, "u", CAIRN_F32, 2, values);
	finish_writer(writer);
	assert_told(0, "");
	ck_assert_uint_eq(report.bytes_read, 0);
}
END_TEST

START_TEST(transports_and_verification_make_no_difference)
{
	static const struct cairn_reader_options options[] = {
		{.transport = CAIRN_TRANSPORT_COPY},
		{.verification = CAIRN_VERIFY_NEVER},
		{.flags = CAIRN_OPEN_MAPPED_INDEX},
	};
	static uint8_t data[3 << 20];

	memset(data, 0, sizeof(data)); /* the loop may run in one process */
	write_array("/a", CAIRN_U8, COUNT_OF(data), data, 65536);
	data[COUNT_OF(data) - 1] = 1;
	write_array("/b", CAIRN_U8, COUNT_OF(data), data, 4 << 20);
	struct cairn_reader *const a = scene_reader(&scene, "/a", &options[_i]);
	struct cairn_reader *const b = scene_reader(&scene, "/b", &options[_i]);
	ASSERT_OK(compare_readers(a, b, CAIRN_DIFF_STATISTICS));
	ck_assert_str_eq(told, "~t:data");
	ck_assert_uint_eq(last_statistics.first, COUNT_OF(data) - 1);
	cairn_reader_close(a);
	cairn_reader_close(b);
}
END_TEST

/* -------------------------------------------------------------------------------------- strings */

static void write_strings(const char *path, const struct cairn_string *strings, uint64_t count)
{
	struct cairn_writer *const writer = begin(path);

	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("t"), 1, &count, strings,
					   &test_error));
	finish_writer(writer);
}

START_TEST(strings_are_compared_one_by_one)
{
	const struct cairn_string a[4] = {{"", 0}, {"one", 3}, {"a\0b", 3}, {"last", 4}};
	const struct cairn_string b[4] = {{"", 0}, {"uno", 3}, {"a\0b", 3}, {"last!", 5}};

	write_strings("/a", a, 4);
	write_strings("/b", b, 4);
	assert_told(0, "~t:data");
	ck_assert_uint_eq(report.bytes_read, 0);
	assert_told(CAIRN_DIFF_STATISTICS, "~t:data");
	ck_assert_uint_eq(last_statistics.compared, 4);
	ck_assert_uint_eq(last_statistics.different, 2);
	ck_assert_uint_eq(last_statistics.first, 1);
	ck_assert_int_eq(last_statistics.has_numbers, 0);
}
END_TEST

/* Offsets and bytes take more than a window of each. */
START_TEST(many_and_long_strings_are_streamed)
{
	enum {
		COUNT = 100000,
		LONG = 2000000
	};
	static struct cairn_string strings[COUNT];
	static char text[LONG + 26];

	for (uint64_t i = 0; i < COUNT; i++)
		strings[i] = (struct cairn_string){text + i, i % 50};
	for (uint64_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	strings[COUNT / 2] = (struct cairn_string){text, LONG};
	write_strings("/a", strings, COUNT);
	strings[COUNT / 2].data = text + 26; /* equal but for its end */
	text[26 + LONG - 1] = '!';
	strings[COUNT - 1] = (struct cairn_string){"x", 1};
	strings[3].size = 9;
	write_strings("/b", strings, COUNT);
	ASSERT_OK(compare(CAIRN_DIFF_STATISTICS));
	ck_assert_str_eq(told, "~t:data");
	ck_assert_uint_eq(last_statistics.different, 3);
	ck_assert_uint_eq(last_statistics.first, 3);
}
END_TEST

START_TEST(end_offsets_that_descend_are_damage)
{
	const struct cairn_string strings[3] = {{"abc", 3}, {"def", 3}, {"ghi", 3}};
	const struct cairn_string others[3] = {{"abc", 3}, {"dex", 3}, {"ghi", 3}};
	uint64_t ends[3] = {3, 6, 9};

	write_strings("/a", strings, 3);
	write_strings("/b", others, 3);
	/* patch the second end of /b, and the digest that covers it */
	struct bytes file = scene_content(&scene, "/b");
	uint8_t *const data = file.data + CONTAINER_PAGE_SIZE;
	ck_assert_int_eq(memcmp(data, ends, sizeof(ends)), 0);
	ends[1] = 2;
	memcpy(data, ends, sizeof(ends));
	const struct cairn_digest digest = digest_bytes(data, 24 + 9);
	memcpy(container_record(&file, SECTION_CHUNK_DIGESTS, 0), &digest, sizeof(digest));
	memcpy(container_record(&file, SECTION_TENSORS, 0) + T_DIGEST, &digest, sizeof(digest));
	container_reseal(&file);
	scene_add_file(&scene, "/c", &file);
	struct cairn_reader *const a = scene_reader(&scene, "/a", NULL);
	struct cairn_reader *const c = scene_reader(&scene, "/c", NULL);
	ASSERT_FAILS(compare_readers(a, c, CAIRN_DIFF_STATISTICS), CAIRN_CORRUPT,
		     "'/c': tensor 't': string 1 runs from 3 to 2 of 9 bytes");
	cairn_reader_close(a);
	cairn_reader_close(c);
	bytes_free(&file);
}
END_TEST

/* ----------------------------------------------------------------------------------- incomplete */

START_TEST(incomplete_tensors_with_equal_slices_are_compared_by_digest)
{
	static uint32_t table[6 * 4];
	static const uint64_t rows[] = {1, 3};

	write_rows("/a", table, 6, 4, rows, 2);
	write_rows("/b", table, 6, 4, rows, 2);
	assert_told(0, "");
	ck_assert_uint_eq(report.bytes_read, 0);
}
END_TEST

START_TEST(incomplete_tensors_are_compared_where_both_store)
{
	static uint32_t table[6 * 4];
	static const uint64_t a[] = {1, 4};
	static const uint64_t b[] = {4, 5, 2, 4};

	write_rows("/a", table, 6, 4, a, COUNT_OF(a));
	table[4 * 4] = 9; /* of a row that only the second stores */
	write_rows("/b", table, 6, 4, b, COUNT_OF(b));
	assert_told(0, "~t:presence");
	ck_assert_uint_eq(last_stored_only[0], 4);
	ck_assert_uint_eq(last_stored_only[1], 4);
	table[2 * 4 + 3] = 5;
	write_rows("/c", table, 6, 4, b, COUNT_OF(b));
	struct cairn_reader *const first = scene_reader(&scene, "/a", NULL);
	struct cairn_reader *const third = scene_reader(&scene, "/c", NULL);
	ASSERT_OK(compare_readers(first, third, CAIRN_DIFF_STATISTICS));
	ck_assert_str_eq(told, "~t:data:presence");
	ck_assert_uint_eq(last_statistics.compared, 8);
	ck_assert_uint_eq(last_statistics.different, 1);
	ck_assert_uint_eq(last_statistics.first, 11);
	cairn_reader_close(first);
	cairn_reader_close(third);
}
END_TEST

START_TEST(a_whole_tensor_stores_more_than_a_part)
{
	static uint32_t table[6 * 4];
	static const uint64_t all[] = {0, 6};
	static const uint64_t some[] = {0, 2, 3, 6};

	write_rows("/a", table, 6, 4, some, COUNT_OF(some));
	write_rows("/b", table, 6, 4, all, COUNT_OF(all));
	assert_told(0, "~t:presence");
	ck_assert_uint_eq(last_stored_only[0], 0);
	ck_assert_uint_eq(last_stored_only[1], 4);
}
END_TEST

START_TEST(too_many_slices_are_not_compared_and_said_to_be)
{
	enum {
		ROWS = 8200
	};
	static uint32_t table[ROWS];
	static uint64_t a[2 * ROWS];
	static uint64_t b[2 * ROWS];

	for (uint64_t i = 0; i < ROWS; i++) {
		a[2 * i] = b[2 * (ROWS - 1 - i)] = i;
		a[2 * i + 1] = b[2 * (ROWS - 1 - i) + 1] = i + 1;
	}
	write_rows("/a", table, ROWS + 1, 1, a, COUNT_OF(a));
	write_rows("/b", table, ROWS + 1, 1, b, COUNT_OF(b));
	assert_told(0, "?t");
	ck_assert_uint_eq(report.tensors.unknown, 1);
}
END_TEST

/* --------------------------------------------------------------------------------- random parts */

/* What of a model is stored. */
struct layout {
	struct box boxes[PARTS_MAX];
	uint32_t count;
	uint32_t kept;   /* a bit for each box */
	uint8_t *stored; /* owned; a byte for each byte of the model */
};

static void mark_stored(void *context, uint64_t offset, uint64_t size)
{
	memset((uint8_t *)context + offset, 1, size);
}

/* A random partition, perhaps with holes. */
static struct layout random_layout(struct random *random, const struct model *model)
{
	struct layout layout = {.kept = UINT32_MAX, .stored = calloc(1, model->size + 1)};

	layout.count = model_partition(random, model, layout.boxes, PARTS_MAX);
	model_shuffle(random, layout.boxes, layout.count);
	if (random_below(random, 3) != 0)
		layout.kept = (uint32_t)random_next(random) |
			      1u << random_below(random, layout.count);
	for (uint32_t i = 0; i < layout.count; i++) {
		if ((layout.kept >> i & 1) != 0)
			model_walk(model, &layout.boxes[i], mark_stored, layout.stored);
	}
	return layout;
}

static void write_layout(const struct model *model, const struct layout *layout, const char *path)
{
	struct cairn_writer *const writer = begin(path);
	uint8_t *parts[PARTS_MAX] = {NULL};

	for (uint32_t i = 0; i < layout->count; i++) {
		const struct cairn_tensor_spec spec = {.name = cairn_string_from("t"),
						       .dtype = model->info->dtype,
						       .rank = model->rank,
						       .dims = model->dims,
						       .starts = layout->boxes[i].starts,
						       .lengths = layout->boxes[i].lengths};

		if ((layout->kept >> i & 1) == 0)
			continue;
		parts[i] = malloc(model_box_size(model, &layout->boxes[i]) + 1);
		model_cut(model, &layout->boxes[i], parts[i]);
		ASSERT_OK(cairn_writer_add_spec(writer, &spec, parts[i], &test_error));
	}
	finish_writer(writer);
	for (uint32_t i = 0; i < layout->count; i++)
		free(parts[i]);
}

/* What a comparison has to find, block by block. */
struct expectation {
	uint64_t compared;
	uint64_t different;
	uint64_t first;
	uint64_t stored_only[2];
};

static struct expectation expect(const struct model *a, const struct model *b,
				 const struct layout layouts[2])
{
	const uint64_t size = a->info->block_bytes;
	struct expectation expected = {0};

	for (uint64_t at = 0; at < a->size; at += size) {
		const bool in_a = layouts[0].stored[at] != 0;
		const bool in_b = layouts[1].stored[at] != 0;

		expected.stored_only[0] += in_a && !in_b;
		expected.stored_only[1] += in_b && !in_a;
		expected.compared += in_a && in_b;
		if (!in_a || !in_b || memcmp(a->bytes + at, b->bytes + at, size) == 0)
			continue;
		if (expected.different++ == 0)
			expected.first = at / size;
	}
	return expected;
}

/* The same numbers, or a few others. */
static struct model changed_model(struct random *random, const struct model *model)
{
	struct model changed = *model;
	const uint64_t changes = random_below(random, 4);

	changed.bytes = malloc(model->size + 1);
	memcpy(changed.bytes, model->bytes, model->size);
	for (uint64_t i = 0; i < changes; i++)
		changed.bytes[random_below(random, model->size)] ^= 1;
	return changed;
}

/* Its elements are counted one by one, of which this file knows nothing. */
static bool is_packed(const struct model *model)
{
	return model->info->dtype >= CAIRN_F4_E2M1 && model->info->dtype <= CAIRN_F6_E3M2;
}

static void check_expectation(const struct expectation *expected, const struct model *model,
			      uint32_t flags, int seed)
{
	const uint64_t block = model->info->block_elements;
	const bool others = expected->stored_only[0] != 0 || expected->stored_only[1] != 0;
	char text[64];

	snprintf(text, sizeof(text), "%s%s%s", expected->different || others ? "~t" : "",
		 expected->different ? ":data" : "", others ? ":presence" : "");
	ASSERT_OK(compare(flags));
	ck_assert_msg(strcmp(told, text) == 0, "seed %d: '%s' instead of '%s'", seed, told, text);
	if (others) {
		ck_assert_uint_eq(last_stored_only[0], expected->stored_only[0] * block);
		ck_assert_uint_eq(last_stored_only[1], expected->stored_only[1] * block);
	}
	if ((flags & CAIRN_DIFF_STATISTICS) == 0 || expected->different == 0 || is_packed(model))
		return;
	ck_assert_msg(last_statistics.different == expected->different * block &&
			      last_statistics.compared == expected->compared * block &&
			      last_statistics.first == expected->first * block,
		      "seed %d: statistics", seed);
}

START_TEST(random_parts_are_compared_as_block_by_block)
{
	struct random random = {(uint64_t)_i};
	struct model model;
	do {
		model = model_random(&random, model_dtype((uint32_t)_i % model_dtype_count()),
				     20000);
		if (model.rank == 0 || model.size == 0)
			model_free(&model);
	} while (model.rank == 0 || model.size == 0);
	struct model changed = changed_model(&random, &model);
	const struct layout layouts[2] = {random_layout(&random, &model),
					  random_layout(&random, &model)};
	const struct expectation expected = expect(&model, &changed, layouts);

	write_layout(&model, &layouts[0], "/a");
	write_layout(&changed, &layouts[1], "/b");
	check_expectation(&expected, &model, 0, _i);
	check_expectation(&expected, &model, CAIRN_DIFF_STATISTICS, _i);
	free(layouts[0].stored);
	free(layouts[1].stored);
	free(changed.bytes);
	model_free(&model);
}
END_TEST

/* --------------------------------------------------------------------------------------- damage */

/* "/a" and "/b" of one tensor in other chunks, so that they are read; and the bytes of "/b". */
static struct bytes write_other_chunks(void)
{
	static uint8_t data[200000];

	write_array("/a", CAIRN_U8, COUNT_OF(data), data, 65536);
	write_array("/b", CAIRN_U8, COUNT_OF(data), data, 131072);
	return scene_content(&scene, "/b");
}

static enum cairn_status compare_with(const char *path, bool first)
{
	struct cairn_reader *const a = scene_reader(&scene, "/a", NULL);
	struct cairn_reader *const other = scene_reader(&scene, path, NULL);
	const enum cairn_status status = first ? compare_readers(other, a, 0)
					       : compare_readers(a, other, 0);

	cairn_reader_close(a);
	cairn_reader_close(other);
	return status;
}

/* Loop: which side. */
START_TEST(damage_is_an_error_of_its_side)
{
	struct bytes file = write_other_chunks();

	file.data[CONTAINER_PAGE_SIZE + 150000] ^= 1;
	scene_add_file(&scene, "/damaged", &file);
	ASSERT_FAILS(compare_with("/damaged", _i == 0), CAIRN_CHECKSUM,
		     "'/damaged': tensor 't': chunk 1");
	ck_assert_str_eq(told, "");
	bytes_free(&file);
}
END_TEST

START_TEST(bytes_that_no_reader_knows_are_not_compared)
{
	struct bytes file = write_other_chunks();

	container_record(&file, SECTION_EXTENTS, 0)[E_CODEC] = 7;
	container_reseal(&file);
	scene_add_file(&scene, "/later", &file);
	ASSERT_OK(compare_with("/later", _i == 0));
	ck_assert_str_eq(told, "?t");
	ck_assert_int_eq(report.equal, 0);
	bytes_free(&file);
}
END_TEST

START_TEST(every_bit_of_the_index_may_be_wrong)
{
	const struct sample sample = {SAMPLE_TINY, 3};
	struct cairn_reader *a;
	struct bytes file;

	ASSERT_OK(sample_write(scene.system, "/a", &sample, 0, &test_error));
	a = scene_reader(&scene, "/a", NULL);
	file = scene_content(&scene, "/a");
	const struct container_footer footer = container_footer_of(&file);
	for (uint64_t at = 0; at < footer.index_size; at++) {
		struct cairn_reader *b = NULL;

		file.data[footer.index_offset + at] ^= (uint8_t)(1u << at % 8);
		container_reseal(&file);
		if (reader_open_bytes(scene.system, file.data, file.size, NULL, &b, &test_error) ==
		    CAIRN_OK) {
			const enum cairn_status status = compare_readers(a, b,
									 CAIRN_DIFF_STATISTICS);

			ck_assert(status == CAIRN_OK || status == CAIRN_CORRUPT ||
				  status == CAIRN_CHECKSUM || status == CAIRN_UNSUPPORTED ||
				  status == CAIRN_PRECONDITION);
			cairn_reader_close(b);
		}
		file.data[footer.index_offset + at] ^= (uint8_t)(1u << at % 8);
	}
	cairn_reader_close(a);
	bytes_free(&file);
}
END_TEST

/* A slice that is there twice would be read twice: no more is read than there is. */
START_TEST(overlapping_slices_are_refused)
{
	static uint32_t table[6 * 4];
	static const uint64_t a[] = {0, 3, 3, 6};
	static const uint64_t b[] = {0, 2, 2, 6};
	struct bytes file;

	write_rows("/a", table, 6, 4, a, COUNT_OF(a));
	write_rows("/b", table, 6, 4, b, COUNT_OF(b));
	file = scene_content(&scene, "/b");
	/* the second slice begins at row 0, and the tensor says that it is incomplete */
	memset(container_record(&file, SECTION_DIMS, 6), 0, 8);
	container_record(&file, SECTION_TENSORS, 0)[T_FLAGS] = 1;
	container_reseal(&file);
	scene_add_file(&scene, "/overlap", &file);
	ASSERT_FAILS(compare_with("/overlap", false), CAIRN_CORRUPT, "'/overlap': tensor 't'");
	bytes_free(&file);
}
END_TEST

/* -------------------------------------------------------------------------- calls and callbacks */

START_TEST(a_callback_ends_it)
{
	const uint8_t byte = 1;
	struct cairn_writer *writer = begin("/a");

	finish_writer(writer);
	writer = begin("/b");
	add(writer, "x", CAIRN_U8, 1, &byte);
	add(writer, "y", CAIRN_U8, 1, &byte);
	finish_writer(writer);
	stop_after = 1;
	ASSERT_FAILS(compare(0), CAIRN_CANCELLED, "cancelled");
	ck_assert_str_eq(told, "+x");
}
END_TEST

struct progress {
	uint64_t done;
	uint64_t total;
	uint64_t stop_at;
};

static int on_progress(void *context, uint64_t done, uint64_t total)
{
	struct progress *const progress = context;

	ck_assert_uint_ge(done, progress->done);
	ck_assert_uint_le(done, total);
	ck_assert(progress->total == 0 || progress->total == total);
	progress->done = done;
	progress->total = total;
	return progress->stop_at != 0 && done >= progress->stop_at;
}

START_TEST(progress_grows_up_to_all_that_is_read)
{
	struct bytes file = write_other_chunks();
	struct progress progress = {0};
	struct cairn_diff_options options = {.progress = on_progress,
					     .progress_context = &progress};
	struct cairn_reader *const a = scene_reader(&scene, "/a", NULL);
	struct cairn_reader *const b = scene_reader(&scene, "/b", NULL);

	ASSERT_OK(cairn_diff(a, b, &options, NULL, &test_error));
	ck_assert_uint_eq(progress.done, 400000);
	ck_assert_uint_eq(progress.total, 400000);
	progress = (struct progress){.stop_at = 1};
	ASSERT_FAILS(cairn_diff(a, b, &options, &report, &test_error), CAIRN_CANCELLED,
		     "cancelled");
	cairn_reader_close(a);
	cairn_reader_close(b);
	bytes_free(&file);
}
END_TEST

START_TEST(options_are_checked)
{
	struct cairn_writer *const writer = begin("/a");
	struct cairn_diff_options options = {.size = 4};

	finish_writer(writer);
	struct cairn_reader *const a = scene_reader(&scene, "/a", NULL);
	ASSERT_FAILS(cairn_diff(a, a, &options, &report, &test_error), CAIRN_INVALID_ARGUMENT,
		     "options");
	options = (struct cairn_diff_options){.flags = 1u << 30};
	ASSERT_FAILS(cairn_diff(a, a, &options, &report, &test_error), CAIRN_INVALID_ARGUMENT,
		     "options");
	ASSERT_OK(cairn_diff(a, a, NULL, NULL, &test_error));
	cairn_reader_close(a);
}
END_TEST

/* --------------------------------------------------------------------------------------- faults */

/* Every kind of pair: by digest, slices, whole, parts, strings. */
static void write_kinds(const char *path, uint8_t version)
{
	static uint8_t data[200000];
	static uint32_t rows[4];
	const struct cairn_writer_options options = {.chunk_size = version == 1 ? 65536 : 131072};
	struct cairn_writer *const writer = scene_writer(&scene, path, &options);
	const struct cairn_string strings[2] = {{"a", 1}, {version == 1 ? "b" : "c", 1}};
	const uint64_t count = 2;
	const uint64_t four = 4;
	const uint64_t start = version;
	const uint64_t length = 2;
	const struct cairn_tensor_spec spec = {.name = cairn_string_from("parts"),
					       .dtype = CAIRN_U32,
					       .rank = 1,
					       .dims = &four,
					       .starts = &start,
					       .lengths = &length};

	data[100] = version;
	add(writer, "slices", CAIRN_U8, COUNT_OF(data), data);
	add(writer, "small", CAIRN_U8, 8, data);
	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("strings"), 1, &count, strings,
					   &test_error));
	ASSERT_OK(cairn_writer_add_spec(writer, &spec, rows, &test_error));
	set_note(writer, "step", version == 1 ? "1" : "2");
	finish_writer(writer);
}

#define KINDS_TOLD "~parts:presence ~slices:data ~strings:data @~step:data"

static void check_fault(const struct memory_fault *fault,
			const struct cairn_reader_options *options)
{
	struct cairn_reader *const a = scene_reader(&scene, "/a", options);
	struct cairn_reader *const b = scene_reader(&scene, "/b", options);
	enum cairn_status status;

	memory_system_set_fault(scene.memory, 0, fault);
	test_error_reset();
	status = compare_readers(a, b, CAIRN_DIFF_STATISTICS);
	memory_system_clear_faults(scene.memory);
	ck_assert_msg(status == CAIRN_OK || status == CAIRN_IO || status == CAIRN_NO_MEMORY ||
			      status == CAIRN_TRUNCATED,
		      "%s %u: %s", memory_call_name(fault->call), (unsigned int)fault->at,
		      test_error.message);
	ck_assert_int_eq(test_error.code, status);
	if (status == CAIRN_OK)
		ck_assert_str_eq(told, KINDS_TOLD);
	ASSERT_OK(compare_readers(a, b, CAIRN_DIFF_STATISTICS));
	ck_assert_str_eq(told, KINDS_TOLD);
	cairn_reader_close(a);
	cairn_reader_close(b);
}

/* Loop: mapped, copied. */
START_TEST(every_call_may_fail)
{
	const struct cairn_reader_options options = {.transport = _i == 0 ? CAIRN_TRANSPORT_AUTO
									  : CAIRN_TRANSPORT_COPY};
	static const enum memory_call kinds[] = {MEMORY_CALL_ALLOCATE, MEMORY_CALL_ANY};

	write_kinds("/a", 1);
	write_kinds("/b", 2);
	for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
		struct cairn_reader *const a = scene_reader(&scene, "/a", &options);
		struct cairn_reader *const b = scene_reader(&scene, "/b", &options);
		const uint64_t before = memory_system_calls(scene.memory, kinds[kind]);

		ASSERT_OK(compare_readers(a, b, CAIRN_DIFF_STATISTICS));
		ck_assert_str_eq(told, KINDS_TOLD);
		const uint64_t calls = memory_system_calls(scene.memory, kinds[kind]) - before;
		cairn_reader_close(a);
		cairn_reader_close(b);
		ck_assert_uint_gt(calls, 1);
		for (uint64_t at = 1; at <= calls; at++) {
			const struct memory_fault fault = {
				.call = kinds[kind],
				.at = at,
				.error = kind == 0 ? 12 : 5, /* ENOMEM, EIO */
			};

			check_fault(&fault, &options);
		}
	}
}
END_TEST

static void add_cases(Suite *suite)
{
	TCase *const presence = tcase_create("presence");
	TCase *const data = tcase_create("data");
	TCase *const parts = tcase_create("parts");
	TCase *const damage = tcase_create("damage");
	TCase *const calls = tcase_create("calls");
	TCase *const all[] = {presence, data, parts, damage, calls};

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_loop_test(presence, a_checkpoint_equals_itself_and_nothing_is_read, 0, 2);
	tcase_add_test(presence, names_are_told_in_order_tensors_first);
	tcase_add_test(presence, an_empty_checkpoint_has_nothing);
	tcase_add_test(presence, type_and_shape_are_told_without_reading);
	tcase_add_test(presence, metadata_can_be_left_out);
	tcase_add_test(presence, null_equals_null_and_nothing_else);
	tcase_add_test(presence, only_selected_names_take_part);
	tcase_add_test(data, digests_tell_without_reading);
	tcase_add_test(data, statistics_read_only_chunks_that_differ);
	tcase_add_test(data, other_chunks_are_read_and_compared);
	tcase_add_test(data, one_chunk_is_one_whatever_its_size);
	tcase_add_test(data, slicing_is_no_difference);
	tcase_add_test(data, the_first_difference_is_counted_over_all_slices);
	tcase_add_test(data, a_shared_tensor_equals_one_of_its_own);
	tcase_add_loop_test(data, transports_and_verification_make_no_difference, 0, 3);
	tcase_add_test(data, strings_are_compared_one_by_one);
	tcase_add_test(data, many_and_long_strings_are_streamed);
	tcase_add_test(parts, incomplete_tensors_with_equal_slices_are_compared_by_digest);
	tcase_add_test(parts, incomplete_tensors_are_compared_where_both_store);
	tcase_add_test(parts, a_whole_tensor_stores_more_than_a_part);
	tcase_add_test(parts, too_many_slices_are_not_compared_and_said_to_be);
	tcase_add_loop_test(parts, random_parts_are_compared_as_block_by_block, 0, SEEDS);
	tcase_add_loop_test(damage, damage_is_an_error_of_its_side, 0, 2);
	tcase_add_loop_test(damage, bytes_that_no_reader_knows_are_not_compared, 0, 2);
	tcase_add_test(damage, end_offsets_that_descend_are_damage);
	tcase_add_test(damage, every_bit_of_the_index_may_be_wrong);
	tcase_add_test(damage, overlapping_slices_are_refused);
	tcase_add_test(calls, a_callback_ends_it);
	tcase_add_test(calls, progress_grows_up_to_all_that_is_read);
	tcase_add_test(calls, options_are_checked);
	tcase_add_loop_test(calls, every_call_may_fail, 0, 2);
}

int main(void)
{
	Suite *const suite = suite_create("diff");

	add_cases(suite);
	return run_suite(suite);
}
