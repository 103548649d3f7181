/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sharded safetensors model becomes one reader: where its files are looked for, which tensors and
 * metadata it has, and what is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <cairn/verify.h>

#include "engine/read/reader.h"
#include "tests/support/safetensors_files.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

#define INDEX "m.safetensors.index.json"
#define FIRST "m-00001-of-00002.safetensors"
#define LAST  "m-00002-of-00002.safetensors"

/* A shard with one tensor of four bytes, and another of that kind. */
#define TENSOR(name, begin, end)                                                                   \
 "\"" name "\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[" begin "," end "]}"
#define SHARD(name)            "{" TENSOR(name, "0", "4") "}"
#define SHARD_WITH(meta, name) "{\"__metadata__\":{" meta "}," TENSOR(name, "0", "4") "}"
#define SHARD_OF_TWO(one, two) "{" TENSOR(one, "0", "4") "," TENSOR(two, "4", "8") "}"
#define MAP(text)              "{\"metadata\":{\"total_size\":8},\"weight_map\":{" text "}}"
#define MAP_OF_TWO             MAP("\"a\":\"" FIRST "\",\"b\":\"" LAST "\"")

static void write_two_shards(const struct world *world)
{
	world_write_st(world, FIRST, SHARD("a"), 4);
	world_write_st(world, LAST, SHARD("b"), 4);
	world_write_text(world, INDEX, MAP_OF_TWO);
}

static const char *note_of(const struct cairn_reader *reader)
{
	struct cairn_reader_info info = {.size = sizeof(info)};

	cairn_reader_info(reader, &info);
	return info.note;
}

/* Asserts that opening fails so, and that the message holds all of the texts. */
static void assert_refused(const struct world *world, const char *path, enum cairn_status status,
			   const char *const texts[], size_t count)
{
	struct cairn_reader *reader = NULL;
	struct cairn_error error = {.code = CAIRN_OK};

	ck_assert_uint_eq(world_open_reader(world, path, NULL, &reader, &error), status);
	ck_assert_ptr_null(reader);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(strstr(error.message, texts[i]) != NULL, "'%s' is not in: %s",
			      texts[i], error.message);
}

START_TEST(all_shards_make_one_checkpoint)
{
	struct world world = world_open(_i);
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_shard shard;
	struct cairn_stored_slice slice;
	struct cairn_tensor tensor;
	struct cairn_reader *reader;

	write_two_shards(&world);
	reader = world_reader(&world, INDEX);
	cairn_reader_info(reader, &info);
	ck_assert_str_eq(info.format, "safetensors-sharded");
	ck_assert_uint_eq(info.tensor_count, 2);
	ck_assert_ptr_null(info.note);
	ck_assert_uint_eq(info.file_bytes, 2 * (8 + strlen(SHARD("a")) + 4) + strlen(MAP_OF_TWO));
	ck_assert_uint_eq(cairn_reader_shard_count(reader), 2);
	ck_assert_uint_eq(cairn_reader_shard(reader, 1, &shard, NULL), CAIRN_OK);
	ck_assert_str_eq(shard.name.data, LAST);
	ck_assert_uint_eq(cairn_reader_find(reader, "b", &tensor, NULL), CAIRN_OK);
	ck_assert_uint_eq(cairn_tensor_stored_slice(&tensor, 0, &slice, NULL), CAIRN_OK);
	ck_assert_uint_eq(slice.shard, 1);
	ck_assert_uint_eq(slice.offset, 8 + strlen(SHARD("b")));
	ck_assert_str_eq(reader->index_file, INDEX);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(a_folder_opens_by_its_index)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	write_two_shards(&world);
	reader = world_reader(&world, "");
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 2);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(an_index_of_nothing_is_a_checkpoint)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	world_write_text(&world, INDEX, "{\"weight_map\":{},\"metadata\":{\"who\":\"me\"}}");
	reader = world_reader(&world, INDEX);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 0);
	ck_assert_uint_eq(cairn_reader_shard_count(reader), 0);
	ck_assert_str_eq(metadata_text(reader, "who"), "me");
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

static int keep_file(void *context, const struct cairn_problem *problem)
{
	snprintf(context, 64, "%s", problem->file);
	return 0;
}

/* Its index is the only file that a problem can be in. */
START_TEST(problems_of_an_index_of_nothing_are_in_the_index)
{
	const struct cairn_reader_options options = {.transport = CAIRN_TRANSPORT_COPY,
						     .materialised_bytes_max = 1};
	char file[64] = "";
	const struct cairn_verify_options verify = {
		.size = sizeof(verify), .on_problem = keep_file, .problem_context = file};
	struct cairn_verify_report report = {0};
	struct world world = world_open(_i);
	struct cairn_reader *reader = NULL;

	world_write_text(&world, INDEX, "{\"weight_map\":{},\"metadata\":{\"who\":\"me\"}}");
	ck_assert_int_eq(world_open_reader(&world, INDEX, &options, &reader, NULL), CAIRN_OK);
	ck_assert_int_eq(cairn_reader_verify(reader, &verify, &report, NULL), CAIRN_OK);
	ck_assert_uint_eq(report.problem_count, 1); /* the text is over the limit */
	ck_assert_str_eq(file, INDEX);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(golden_shards_hold_what_the_official_writer_wrote)
{
	static const char *const files[] = {
		"model.safetensors.index.json", "model-00001-of-00003.safetensors",
		"model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"};
	struct world world = world_open(_i);
	struct cairn_tensor tensor;
	struct cairn_view view;
	struct cairn_reader *reader;

	for (int i = 0; i < COUNT(files); i++)
		world_write_golden(&world, files[i]);
	reader = world_reader(&world, files[0]);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 5);
	ck_assert_str_eq(metadata_text(reader, "format"), "pt");
	ck_assert_uint_eq(cairn_reader_find(reader, "layer.1.bias", &tensor, NULL), CAIRN_OK);
	ck_assert_uint_eq(tensor.dtype, CAIRN_BF16);
	ck_assert_uint_eq(cairn_tensor_view(&tensor, &view, NULL), CAIRN_OK);
	ck_assert_uint_eq(view.size, 8);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(((const uint8_t *)view.data)[i], golden_byte(1, i));
	cairn_view_release(&view);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* ---------------------------------------------------------------------------------------- links */

/* The folders that huggingface_hub makes: contents by digest, and a folder of links for each
 * revision. */
static void make_cache(const struct world *world)
{
	world_make_folder(world, "blobs");
	world_make_folder(world, "snapshots");
	world_make_folder(world, "snapshots/rev");
	world_write_st(world, "blobs/aaaa", SHARD("a"), 4);
	world_write_st(world, "blobs/bbbb", SHARD("b"), 4);
	world_write_text(world, "blobs/cccc", MAP_OF_TWO);
	world_add_link(world, "snapshots/rev/" FIRST, "../../blobs/aaaa");
	world_add_link(world, "snapshots/rev/" LAST, "../../blobs/bbbb");
	world_add_link(world, "snapshots/rev/" INDEX, "../../blobs/cccc");
}

static void remove_cache(const struct world *world)
{
	static const char *const names[] = {"snapshots/rev/" FIRST, "snapshots/rev/" LAST,
					    "snapshots/rev/" INDEX, "snapshots/rev",
					    "blobs/aaaa",           "blobs/cccc"};

	for (int i = 0; i < COUNT(names); i++)
		world_remove(world, names[i]);
	if (world_has(world, "blobs/bbbb"))
		world_remove(world, "blobs/bbbb");
}

START_TEST(a_hugging_face_cache_opens_through_its_links)
{
	static const char *const missing[] = {"1 of 2 shards is missing: '" LAST "'"};
	struct world world = world_open(_i);
	struct cairn_shard shard;
	struct cairn_reader *reader;

	make_cache(&world);
	reader = world_reader(&world, "snapshots/rev/" INDEX);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 2);
	ck_assert_uint_eq(cairn_reader_shard(reader, 0, &shard, NULL), CAIRN_OK);
	ck_assert_str_eq(shard.name.data, FIRST);
	cairn_reader_close(reader);
	reader = world_reader(&world, "snapshots/rev");
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 2);
	cairn_reader_close(reader);
	world_remove(&world, "blobs/bbbb"); /* the download was broken off */
	assert_refused(&world, "snapshots/rev/" INDEX, CAIRN_TRUNCATED, missing, 1);
	remove_cache(&world);
	world_close(&world);
}
END_TEST

START_TEST(shards_have_to_be_regular_files)
{
	static const char *const fifo[] = {LAST, "not a regular file"};
	static const char *const folder[] = {LAST, "directory"};
	struct world world = world_open(_i);

	write_two_shards(&world);
	world_remove(&world, LAST);
	world_add_fifo(&world, LAST);
	assert_refused(&world, INDEX, CAIRN_NOT_A_CHECKPOINT, fifo, 2);
	world_remove(&world, LAST);
	world_make_folder(&world, LAST);
	assert_refused(&world, INDEX, CAIRN_NOT_A_CHECKPOINT, folder, 2);
	world_close(&world);
}
END_TEST

/* ------------------------------------------------------------------------------------- refusals */

START_TEST(missing_shards_are_listed_together)
{
	static const char *const texts[] = {"2 of 3 shards are missing", "'x.safetensors'",
					    "'y.safetensors'", INDEX};
	struct world world = world_open(_i);

	world_write_st(&world, FIRST, SHARD("a"), 4);
	world_write_text(
		&world, INDEX,
		MAP("\"a\":\"" FIRST "\",\"b\":\"y.safetensors\",\"c\":\"x.safetensors\""));
	assert_refused(&world, INDEX, CAIRN_TRUNCATED, texts, 4);
	world_close(&world);
}
END_TEST

START_TEST(a_long_list_of_missing_shards_is_cut)
{
	static const char *const texts[] = {"40 of 40 shards are missing", "'shard-00'", " more"};
	struct world world = world_open(1);
	char json[4096] = "{\"weight_map\":{";

	for (int i = 0; i < 40; i++)
		sprintf(json + strlen(json), "%s\"t%02d\":\"shard-%02d\"", i == 0 ? "" : ",", i, i);
	strcat(json, "}}");
	world_write_text(&world, INDEX, json);
	assert_refused(&world, INDEX, CAIRN_TRUNCATED, texts, 3);
	world_close(&world);
}
END_TEST

static const struct {
	const char *name; /* of the second shard, as JSON has it */
	enum cairn_status status;
	const char *text;
} shard_names[] = {
	{"../" LAST, CAIRN_CORRUPT, "tensor 'b': shard '../" LAST "'"},
	{"/etc/passwd", CAIRN_CORRUPT, "'/etc/passwd'"},
	{"..", CAIRN_CORRUPT, "'..'"},
	{".", CAIRN_CORRUPT, "'.'"},
	{"", CAIRN_CORRUPT, "''"},
	{"x\\u0000y", CAIRN_CORRUPT, "'x\\x00y'"},
};

START_TEST(shard_names_are_no_paths)
{
	const char *const texts[] = {shard_names[_i].text};
	struct world world = world_open(1);
	char json[256];

	write_two_shards(&world);
	snprintf(json, sizeof(json), "{\"weight_map\":{\"a\":\"" FIRST "\",\"b\":\"%s\"}}",
		 shard_names[_i].name);
	world_write_text(&world, INDEX, json);
	assert_refused(&world, INDEX, shard_names[_i].status, texts, 1);
	world_close(&world);
}
END_TEST

START_TEST(a_name_that_no_folder_holds_is_missing)
{
	static const char *const texts[] = {"1 of 1 shards is missing"};
	struct world world = world_open(_i);
	char json[512] = "{\"weight_map\":{\"a\":\"";

	memset(json + strlen(json), 'n', 300);
	strcat(json, "\"}}");
	world_write_text(&world, INDEX, json);
	assert_refused(&world, INDEX, CAIRN_TRUNCATED, texts, 1);
	world_close(&world);
}
END_TEST

START_TEST(a_tensor_has_to_be_where_the_index_puts_it)
{
	static const char *const one[] = {"tensor 'b': not in shard '" FIRST "'"};
	static const char *const three[] = {"tensor 'b': not in shard '" FIRST "'",
					    "2 others are not"};
	struct world world = world_open(_i);

	write_two_shards(&world);
	world_write_text(&world, INDEX, MAP("\"a\":\"" FIRST "\",\"b\":\"" FIRST "\""));
	assert_refused(&world, INDEX, CAIRN_CORRUPT, one, 1);
	world_write_text(&world, INDEX,
			 MAP("\"a\":\"" FIRST "\",\"b\":\"" FIRST "\",\"c\":\"" LAST
			     "\",\"d\":\"" LAST "\""));
	assert_refused(&world, INDEX, CAIRN_CORRUPT, three, 2);
	world_close(&world);
}
END_TEST

START_TEST(a_damaged_shard_is_named)
{
	static const char *const texts[] = {INDEX, "'" LAST "'", "only 3 bytes"};
	struct world world = world_open(_i);

	write_two_shards(&world);
	world_write_st(&world, LAST, SHARD("b"), 3);
	assert_refused(&world, INDEX, CAIRN_TRUNCATED, texts, 3);
	world_close(&world);
}
END_TEST

START_TEST(damaged_indexes_are_refused)
{
	static const char *const none[] = {INDEX};
	struct world world = world_open(_i);

	world_write_text(&world, INDEX, "");
	assert_refused(&world, INDEX, CAIRN_CORRUPT, none, 1);
	world_write_text(&world, INDEX, "{\"weight_map\":[]}");
	assert_refused(&world, INDEX, CAIRN_CORRUPT, none, 1);
	world_write_text(&world, INDEX, "{}");
	assert_refused(&world, INDEX, CAIRN_CORRUPT, none, 1);
	world_close(&world);
}
END_TEST

START_TEST(an_index_over_the_limit_is_not_read)
{
	static const char *const texts[] = {"100000001"};
	struct world world = world_open(0);

	world_write_text(&world, INDEX, "{");
	world_truncate(&world, INDEX, 100000001);
	assert_refused(&world, INDEX, CAIRN_LIMIT, texts, 1);
	world_close(&world);
}
END_TEST

/* -------------------------------------------------------------------- tensors that are left out */

START_TEST(tensors_that_the_index_puts_elsewhere_are_left_out)
{
	struct world world = world_open(_i);
	struct cairn_stored_slice slice;
	struct cairn_tensor tensor;
	struct cairn_reader *reader;

	write_two_shards(&world);
	world_write_st(&world, LAST, SHARD_OF_TWO("a", "b"), 8);
	reader = world_reader(&world, INDEX);
	ck_assert_str_eq(note_of(reader),
			 "1 tensor is left out, which the index does not put where "
			 "it lies: 'a' in '" LAST "'");
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 2);
	ck_assert_uint_eq(cairn_reader_find(reader, "a", &tensor, NULL), CAIRN_OK);
	ck_assert_uint_eq(cairn_tensor_stored_slice(&tensor, 0, &slice, NULL), CAIRN_OK);
	ck_assert_uint_eq(slice.shard, 0);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(tensors_that_the_index_does_not_name_are_left_out)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	write_two_shards(&world);
	world_write_st(&world, FIRST, SHARD_OF_TWO("a", "z"), 8);
	world_write_st(&world, LAST, SHARD_OF_TWO("y", "b"), 8);
	reader = world_reader(&world, INDEX);
	ck_assert_str_eq(note_of(reader),
			 "2 tensors are left out, which the index does not put where they lie, the "
			 "first: 'z' in '" FIRST "'");
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 2);
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* ------------------------------------------------------------------------------------- metadata */

START_TEST(metadata_are_united)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	write_two_shards(&world);
	world_write_st(&world, FIRST, SHARD_WITH("\"format\":\"pt\",\"one\":\"1\"", "a"), 4);
	world_write_st(&world, LAST, SHARD_WITH("\"two\":\"2\",\"format\":\"pt\"", "b"), 4);
	world_write_text(&world, INDEX,
			 "{\"metadata\":{\"total_size\":8,\"total_parameters\":8,\"by\":\"me\","
			 "\"list\":[1, {}]},\"weight_map\":{\"a\":\"" FIRST "\",\"b\":\"" LAST
			 "\"}}");
	reader = world_reader(&world, INDEX);
	ck_assert_ptr_null(note_of(reader));
	ck_assert_uint_eq(cairn_reader_metadata_count(reader), 6);
	ck_assert_str_eq(metadata_text(reader, "format"), "pt");
	ck_assert_str_eq(metadata_text(reader, "one"), "1");
	ck_assert_str_eq(metadata_text(reader, "two"), "2");
	ck_assert_str_eq(metadata_text(reader, "by"), "me");
	ck_assert_str_eq(metadata_text(reader, "total_parameters"), "8");
	ck_assert_str_eq(metadata_text(reader, "list"), "[1, {}]");
	ck_assert_ptr_null(metadata_text(reader, "total_size"));
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(where_metadata_differ_the_first_file_wins)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	write_two_shards(&world);
	world_write_st(&world, FIRST, SHARD_WITH("\"format\":\"pt\"", "a"), 4);
	world_write_st(&world, LAST, SHARD_WITH("\"format\":\"np\"", "b"), 4);
	reader = world_reader(&world, INDEX);
	ck_assert_str_eq(metadata_text(reader, "format"), "pt");
	ck_assert_str_eq(note_of(reader),
			 "metadata differ from file to file, 'format' for one: the "
			 "first file's value is used");
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

/* --------------------------------------------------------------------------------------- faults */

static enum cairn_status open_with_fault(const struct memory_fault *fault, uint64_t *calls)
{
	struct world world = world_open(1);
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	write_two_shards(&world);
	memory_system_clear_faults(world.memory);
	memory_system_set_fault(world.memory, 0, fault);
	status = world_open_reader(&world, INDEX, NULL, &reader, NULL);
	*calls = memory_system_calls(world.memory, fault->call);
	memory_system_clear_faults(world.memory);
	if (status == CAIRN_OK)
		ck_assert_uint_eq(cairn_reader_tensor_count(reader), 2);
	cairn_reader_close(reader);
	world_close(&world); /* asserts that nothing is left */
	return status;
}

START_TEST(any_failing_call_is_survived)
{
	static const enum memory_call kinds[] = {MEMORY_CALL_ANY, MEMORY_CALL_ALLOCATE,
						 MEMORY_CALL_PREAD, MEMORY_CALL_OPEN};
	struct memory_fault fault = {.call = kinds[_i / 2], .error = 5, .forever = _i % 2 != 0};
	uint64_t calls;
	uint64_t ignored;

	ck_assert_uint_eq(open_with_fault(&fault, &calls), CAIRN_OK);
	ck_assert_uint_gt(calls, 2);
	for (fault.at = 1; fault.at <= calls; fault.at++) {
		const enum cairn_status status = open_with_fault(&fault, &ignored);

		if (_i >= 4) /* those are needed, all of them */
			ck_assert_uint_ne(status, CAIRN_OK);
	}
}
END_TEST

static Suite *open_safetensors_index_suite(void)
{
	Suite *suite = suite_create("open_safetensors_index");
	TCase *good = tcase_create("good");
	TCase *bad = tcase_create("bad");

	tcase_add_loop_test(good, all_shards_make_one_checkpoint, 0, WORLD_COUNT);
	tcase_add_loop_test(good, a_folder_opens_by_its_index, 0, WORLD_COUNT);
	tcase_add_loop_test(good, an_index_of_nothing_is_a_checkpoint, 0, WORLD_COUNT);
	tcase_add_loop_test(good, problems_of_an_index_of_nothing_are_in_the_index, 0, WORLD_COUNT);
	tcase_add_loop_test(good, golden_shards_hold_what_the_official_writer_wrote, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(good, a_hugging_face_cache_opens_through_its_links, 0, WORLD_COUNT);
	tcase_add_loop_test(good, tensors_that_the_index_puts_elsewhere_are_left_out, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(good, tensors_that_the_index_does_not_name_are_left_out, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(good, metadata_are_united, 0, WORLD_COUNT);
	tcase_add_loop_test(good, where_metadata_differ_the_first_file_wins, 0, WORLD_COUNT);
	suite_add_tcase(suite, good);
	tcase_add_loop_test(bad, shards_have_to_be_regular_files, 0, WORLD_COUNT);
	tcase_add_loop_test(bad, missing_shards_are_listed_together, 0, WORLD_COUNT);
	tcase_add_test(bad, a_long_list_of_missing_shards_is_cut);
	tcase_add_loop_test(bad, shard_names_are_no_paths, 0, COUNT(shard_names));
	tcase_add_loop_test(bad, a_name_that_no_folder_holds_is_missing, 0, WORLD_COUNT);
	tcase_add_loop_test(bad, a_tensor_has_to_be_where_the_index_puts_it, 0, WORLD_COUNT);
	tcase_add_loop_test(bad, a_damaged_shard_is_named, 0, WORLD_COUNT);
	tcase_add_loop_test(bad, damaged_indexes_are_refused, 0, WORLD_COUNT);
	tcase_add_test(bad, an_index_over_the_limit_is_not_read);
	tcase_add_loop_test(bad, any_failing_call_is_survived, 0, 8);
	suite_add_tcase(suite, bad);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(open_safetensors_index_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
