/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TensorFlow checkpoint that is converted to one stays what it is to the last byte; what is
 * damaged is not copied; and with another layout its tensors stay the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <cairn/convert.h>

#include "engine/read/reader.h"
#include "format/bytes.h"
#include "format/crc32c.h"
#include "tests/support/bundle_files.h"
#include "tests/support/safetensors_files.h"
#include "tests/support/suite.h"
#include "tests/support/tensorflow_files.h"
#include "tests/support/test_arena.h"

static const struct cairn_convert_options plain = {.target = CAIRN_TARGET_TENSORFLOW};

static enum cairn_status convert_to(const struct world *world, const char *from, const char *to,
				    const struct cairn_convert_options *options)
{
	struct cairn_reader *reader = NULL;
	enum cairn_status status = world_open_reader(world, from, NULL, &reader, &test_error);

	if (status == CAIRN_OK)
		status = cairn_convert(reader, world_path(world, to), options, &test_error);
	cairn_reader_close(reader);
	return status;
}

static void assert_same_file(const struct world *world, const char *a, const char *b,
			     const char *suffix)
{
	char name[256];
	struct bytes left;
	struct bytes right;

	snprintf(name, sizeof(name), "%s%s", a, suffix);
	left = world_read(world, name);
	snprintf(name, sizeof(name), "%s%s", b, suffix);
	right = world_read(world, name);
	ck_assert_msg(left.size == right.size && memcmp(left.data, right.data, left.size) == 0,
		      "%s differs", suffix);
	free(left.data);
	free(right.data);
}

static void assert_same_tensors(const struct world *world, const char *a, const char *b)
{
	struct cairn_reader *const left = world_reader(world, a);
	struct cairn_reader *const right = world_reader(world, b);

	assert_same_checkpoint(left, right);
	cairn_reader_close(left);
	cairn_reader_close(right);
}

/* --------------------------------------------------------------------------- of the same bytes */

static const struct {
	const char *name;
	uint32_t shards;
} golden[] = {{"names", 1},    {"slices", 1},        {"strings", 1},        {"types", 1},
	      {"variants", 1}, {"saver/model-1", 1}, {"objects/ckpt-2", 1}, {"shards", 3}};

/* The name of file `number` of a checkpoint, its index behind its data files. */
static const char *file_name(const char *prefix, uint32_t number, uint32_t shards)
{
	static char name[128];

	if (number == shards)
		snprintf(name, sizeof(name), "%s.index", prefix);
	else
		snprintf(name, sizeof(name), "%s.data-%05u-of-%05u", prefix, number, shards);
	return name;
}

static void put_golden(const struct world *world, const char *name, uint32_t shards)
{
	for (uint32_t i = 0; i <= shards; i++) {
		const struct file_bytes file = golden_file(file_name(name, i, shards));

		world_write(world, file_name("source", i, shards), file.bytes, file.size);
		free(file.bytes);
	}
}

START_TEST(what_tensorflow_wrote_stays_what_it_is)
{
	const char *const name = golden[_i / 2].name;
	const uint32_t shards = golden[_i / 2].shards;
	struct world world = world_open(_i % 2);
	char suffix[64];

	put_golden(&world, name, shards);
	ASSERT_OK(convert_to(&world, "source", "copy", &plain));
	assert_same_file(&world, "source", "copy", ".index");
	for (uint32_t i = 0; i < shards; i++) {
		snprintf(suffix, sizeof(suffix), ".data-%05u-of-%05u", i, shards);
		assert_same_file(&world, "source", "copy", suffix);
	}
	ck_assert_uint_eq(world_entries(&world), 2 * (shards + 1));
	world_close(&world);
}
END_TEST

/* False when the file is not there. */
static bool put_file(const struct world *world, const char *path, const char *name)
{
	FILE *const file = fopen(path, "rb");
	uint8_t *bytes;
	long size;

	if (file == NULL)
		return false;
	ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	rewind(file);
	bytes = malloc((size_t)size + 1);
	ck_assert_uint_eq(fread(bytes, 1, (size_t)size, file), (size_t)size);
	fclose(file);
	world_write(world, name, bytes, (size_t)size);
	free(bytes);
	return true;
}

static uint32_t shards_of(const uint8_t *index, size_t size)
{
	struct test_arena test;
	struct bundle bundle;
	uint32_t count;

	test_arena_open(&test, 0);
	ASSERT_OK(bundle_parse(&test.arena, index, size, &bundle, &test_error));
	count = bundle.header.shard_count;
	test_arena_close(&test);
	return count;
}

/* One of the corpus. A fixture of an old release has no data file. */
static void copy_one(const char *path, const uint8_t *bytes, size_t size)
{
	const uint32_t shards = shards_of(bytes, size);
	struct world world = world_open(1);
	bool complete = true;
	char prefix[512];

	snprintf(prefix, sizeof(prefix), "%.*s", (int)(strlen(path) - strlen(".index")), path);
	for (uint32_t i = 0; i <= shards; i++) {
		char from[600];

		if (i == shards)
			snprintf(from, sizeof(from), "%s", path);
		else
			snprintf(from, sizeof(from), "%s.data-%05u-of-%05u", prefix, i, shards);
		complete = put_file(&world, from, file_name("source", i, shards)) && complete;
	}
	if (complete) {
		ASSERT_OK(convert_to(&world, "source", "copy", &plain));
		for (uint32_t i = 0; i <= shards; i++)
			assert_same_file(&world, "source", "copy", file_name("", i, shards));
	}
	world_close(&world);
}

START_TEST(all_of_the_corpus_stays_what_it_is)
{
	if (visit_corpus(_i == 1, copy_one) == 0)
		fprintf(stderr, "the shared corpus ../shared/tests is not here\n");
}
END_TEST

/* ----------------------------------------------------------------------------- layouts by hand */

static const uint64_t four[] = {4};

static void add_floats(struct bundle_files *files, const char *name, uint32_t shard, float first)
{
	const float values[] = {first, 2, 3, 4};
	const uint32_t tensor = bundle_files_tensor(files, name, CAIRN_F32, 1, four);

	bundle_files_piece(files, tensor, NULL, shard, values, sizeof(values),
			   crc32c_extend(0, values, sizeof(values)));
}

/* Two shards, gaps with something in them, and bytes behind the last blob. */
static void make_odd(struct bundle_files *files)
{
	static const char *const texts[] = {"hello", "", "x01"};

	bundle_files_init(files, 2);
	add_floats(files, "b", 0, 5);
	memcpy(files->data[0] + files->data_size[0], "gap", 3);
	files->data_size[0] += 3;
	bundle_files_add_values(files, "s", CAIRN_STRING, texts, 3);
	bundle_files_add_values(files, "v", CAIRN_VARIANT, texts, 3);
	add_floats(files, "a", 1, 6);
	files->data_size[1] += 29;
	add_floats(files, "c", 1, 7);
	files->data_size[1] += 100;
}

START_TEST(gaps_and_what_lies_behind_is_copied)
{
	struct bundle_files *const files = malloc(sizeof(*files));
	struct world world = world_open(_i);

	make_odd(files);
	bundle_files_write(files, &world, "source");
	ASSERT_OK(convert_to(&world, "source", "copy", &plain));
	assert_same_file(&world, "source", "copy", ".index");
	assert_same_file(&world, "source", "copy", ".data-00000-of-00002");
	assert_same_file(&world, "source", "copy", ".data-00001-of-00002");
	free(files);
	world_close(&world);
}
END_TEST

static void make_big_endian(struct bundle_files *files)
{
	static const uint8_t values[] = {0x3f, 0x80, 0, 0, 0x40, 0,    0, 0,
					 0x40, 0x40, 0, 0, 0x40, 0x80, 0, 0};

	bundle_files_init(files, 1);
	files->bundle.header.big_endian = true;
	bundle_files_add(files, "a", CAIRN_F32, 1, four, values, sizeof(values));
}

START_TEST(big_endian_bytes_are_copied_as_they_are_and_changed_by_another_layout)
{
	static const struct cairn_convert_options sorted = {.target = CAIRN_TARGET_TENSORFLOW,
							    .sort = 1};
	static const float values[] = {1, 2, 3, 4};
	struct bundle_files *const files = malloc(sizeof(*files));
	struct world world = world_open(_i);
	struct bytes data;

	make_big_endian(files);
	bundle_files_write(files, &world, "source");
	ASSERT_OK(convert_to(&world, "source", "copy", &plain));
	assert_same_file(&world, "source", "copy", ".index");
	assert_same_file(&world, "source", "copy", ".data-00000-of-00001");
	ASSERT_OK(convert_to(&world, "source", "little", &sorted));
	data = world_read(&world, "little.data-00000-of-00001");
	ck_assert_uint_eq(data.size, sizeof(values));
	ck_assert(memcmp(data.data, values, sizeof(values)) == 0);
	free(data.data);
	free(files);
	world_close(&world);
}
END_TEST

START_TEST(a_data_file_that_nothing_refers_to_need_not_be_there)
{
	struct bundle_files *const files = malloc(sizeof(*files));
	struct world world = world_open(_i);
	struct bytes data;

	bundle_files_init(files, 2);
	add_floats(files, "a", 1, 6);
	bundle_files_write(files, &world, "source");
	world_remove(&world, "source.data-00000-of-00002");
	ASSERT_OK(convert_to(&world, "source", "copy", &plain));
	assert_same_file(&world, "source", "copy", ".data-00001-of-00002");
	data = world_read(&world, "copy.data-00000-of-00002");
	ck_assert_uint_eq(data.size, 0);
	free(data.data);
	free(files);
	world_close(&world);
}
END_TEST

/* No writer makes such files: each tensor gets bytes of its own then. */
START_TEST(tensors_that_share_bytes_are_written_apart)
{
	struct bundle_files *const files = malloc(sizeof(*files));
	struct world world = world_open(_i);
	struct bytes data;

	bundle_files_init(files, 1);
	add_floats(files, "a", 0, 6);
	add_floats(files, "b", 0, 6);
	files->pieces[1][0].offset = 0;
	bundle_files_write(files, &world, "source");
	ASSERT_OK(convert_to(&world, "source", "copy", &plain));
	data = world_read(&world, "copy.data-00000-of-00001");
	ck_assert_uint_eq(data.size, 32);
	assert_same_tensors(&world, "source", "copy");
	free(data.data);
	free(files);
	world_close(&world);
}
END_TEST

START_TEST(what_was_opened_is_copied_whatever_has_its_name_now)
{
	struct bundle_files *const files = malloc(sizeof(*files));
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	make_odd(files);
	bundle_files_write(files, &world, "source");
	bundle_files_write(files, &world, "kept");
	reader = world_reader(&world, "source");
	world_remove(&world, "source.index");
	world_remove(&world, "source.data-00000-of-00002");
	world_write_text(&world, "source.index", "something else");
	ASSERT_OK(cairn_convert(reader, world_path(&world, "copy"), &plain, &test_error));
	assert_same_file(&world, "kept", "copy", ".index");
	assert_same_file(&world, "kept", "copy", ".data-00000-of-00002");
	cairn_reader_close(reader);
	free(files);
	world_close(&world);
}
END_TEST

START_TEST(a_checkpoint_can_be_replaced_by_itself)
{
	const struct cairn_convert_options replacing = {.target = CAIRN_TARGET_TENSORFLOW,
							.replace = 1};
	struct bundle_files *const files = malloc(sizeof(*files));
	struct world world = world_open(_i);

	make_odd(files);
	bundle_files_write(files, &world, "source");
	bundle_files_write(files, &world, "kept");
	ASSERT_FAILS(convert_to(&world, "source", "source", &plain), CAIRN_EXISTS,
		     "it is there already");
	ASSERT_OK(convert_to(&world, "source", "source", &replacing));
	assert_same_file(&world, "kept", "source", ".index");
	assert_same_file(&world, "kept", "source", ".data-00001-of-00002");
	ck_assert_uint_eq(world_entries(&world), 6);
	free(files);
	world_close(&world);
}
END_TEST

/* More than a segment, and no multiple of a page. */
START_TEST(the_bytes_do_not_depend_on_how_they_are_written)
{
	static const uint32_t threads[] = {1, 2, 7, 64, 0, 7};
	const uint64_t size = (9 << 20) + 777;
	const struct cairn_convert_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						      .thread_count = threads[_i]};
	uint8_t *const bytes = malloc(size);
	struct bundle_files *const files = malloc(sizeof(*files));
	struct world world = world_open(1);
	uint32_t tensor;

	for (uint64_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 13 + i / 4097);
	if (_i == 5)
		memory_system_settings(world.memory)->direct_error = EINVAL;
	bundle_files_init(files, 1);
	tensor = bundle_files_tensor(files, "a", CAIRN_U8, 1, &size);
	bundle_files_piece(files, tensor, NULL, 0, "", 0, crc32c_extend(0, bytes, size));
	files->pieces[tensor][0].size = size;
	bundle_files_write(files, &world, "source");
	world_remove(&world, "source.data-00000-of-00001");
	world_write(&world, "source.data-00000-of-00001", bytes, size);
	ASSERT_OK(convert_to(&world, "source", "copy", &options));
	assert_same_file(&world, "source", "copy", ".data-00000-of-00001");
	free(files);
	free(bytes);
	world_close(&world);
}
END_TEST

/* -------------------------------------------------------------------------------------- damage */

static void flip(const struct world *world, const char *name, uint64_t at, uint8_t mask)
{
	struct bytes file = world_read(world, name);

	file.data[at] ^= mask;
	world_remove(world, name);
	world_write(world, name, file.data, file.size);
	free(file.data);
}

/* Bytes of a piece of the odd checkpoint. */
static bool belongs_to_a_tensor(const struct bundle_files *files, uint32_t shard, uint64_t at)
{
	for (uint64_t i = 0; i < files->bundle.tensor_count; i++) {
		const struct bundle_piece *const piece = &files->pieces[i][0];

		if (piece->shard == shard && at >= piece->offset &&
		    at - piece->offset < piece->size)
			return true;
	}
	return false;
}

START_TEST(damaged_data_are_not_copied)
{
	struct bundle_files *const files = malloc(sizeof(*files));
	const uint32_t shard = (uint32_t)_i;
	char name[64];

	make_odd(files);
	snprintf(name, sizeof(name), "source.data-%05u-of-00002", shard);
	for (uint64_t at = 0; at < files->data_size[shard]; at++) {
		struct world world = world_open(1);
		enum cairn_status status;

		bundle_files_write(files, &world, "source");
		flip(&world, name, at, (uint8_t)(1 << at % 8));
		status = convert_to(&world, "source", "copy", &plain);
		if (belongs_to_a_tensor(files, shard, at)) {
			ck_assert_msg(status == CAIRN_CHECKSUM || status == CAIRN_CORRUPT,
				      "byte %llu: %s", (unsigned long long)at,
				      cairn_status_name(status));
			ck_assert_uint_eq(world_entries(&world), 3);
		} else {
			ck_assert_uint_eq(status, CAIRN_OK);
		}
		world_close(&world);
	}
	free(files);
}
END_TEST

START_TEST(damage_is_named_and_kept_when_nothing_is_verified)
{
	const struct cairn_reader_options blind = {.verification = CAIRN_VERIFY_NEVER};
	struct bundle_files *const files = malloc(sizeof(*files));
	struct world world = world_open(_i);
	struct cairn_reader *reader = NULL;

	make_odd(files);
	bundle_files_write(files, &world, "source");
	flip(&world, "source.data-00001-of-00002", 3, 1);
	ASSERT_FAILS(convert_to(&world, "source", "copy", &plain), CAIRN_CHECKSUM,
		     "'source.data-00001-of-00002': 16 bytes at offset 0 have CRC-32C");
	ck_assert_ptr_nonnull(strstr(test_error.message, "tensor 'a'"));
	ASSERT_OK(world_open_reader(&world, "source", &blind, &reader, &test_error));
	ASSERT_OK(cairn_convert(reader, world_path(&world, "copy"), &plain, &test_error));
	cairn_reader_close(reader);
	/* the index has the old checksum: the damage stays visible */
	assert_same_file(&world, "source", "copy", ".index");
	assert_same_file(&world, "source", "copy", ".data-00001-of-00002");
	free(files);
	world_close(&world);
}
END_TEST

START_TEST(a_data_file_that_was_cut_off_since_is_truncated)
{
	struct bundle_files *const files = malloc(sizeof(*files));
	struct world world = world_open(_i);
	struct cairn_reader *reader;
	enum cairn_status status;

	make_odd(files);
	bundle_files_write(files, &world, "source");
	reader = world_reader(&world, "source");
	world_truncate(&world, "source.data-00001-of-00002", 20);
	status = cairn_convert(reader, world_path(&world, "copy"), &plain, &test_error);
	ck_assert_uint_eq(status, CAIRN_TRUNCATED);
	cairn_reader_close(reader);
	ck_assert_uint_eq(world_entries(&world), 3);
	free(files);
	world_close(&world);
}
END_TEST

/* ------------------------------------------------------------------------------- other layouts */

static const struct cairn_convert_options layouts[] = {
	{.target = CAIRN_TARGET_TENSORFLOW, .sort = 1},
	{.target = CAIRN_TARGET_TENSORFLOW, .alignment = 64},
	{.target = CAIRN_TARGET_TENSORFLOW, .shard_size_max = 1 << 20},
};

START_TEST(tensors_stay_the_same_in_another_layout)
{
	struct world world = world_open(1);

	for (size_t i = 0; i < COUNT_OF(golden); i++) {
		if (strcmp(golden[i].name, "slices") == 0) /* some of them cannot be read whole */
			continue;
		put_golden(&world, golden[i].name, golden[i].shards);
		ASSERT_OK(convert_to(&world, "source", "copy", &layouts[_i]));
		assert_same_tensors(&world, "source", "copy");
		world_remove(&world, "source.index");
		world_remove(&world, "copy.index");
		for (uint32_t k = 0; k < golden[i].shards; k++) {
			char name[64];

			snprintf(name, sizeof(name), "source.data-%05u-of-%05u", k,
				 golden[i].shards);
			world_remove(&world, name);
		}
		if (world_has(&world, "copy.data-00000-of-00001"))
			world_remove(&world, "copy.data-00000-of-00001");
	}
	world_close(&world);
}
END_TEST

/* ------------------------------------------------------------------------- from other formats */

START_TEST(other_formats_become_bundles_and_come_back)
{
	const struct cairn_convert_options back = {.target = CAIRN_TARGET_SAFETENSORS};
	struct world world = world_open(_i);
	struct bytes first;
	struct bytes again;

	world_write_st(&world, "a.safetensors",
		       "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
		       "\"b\":{\"dtype\":\"I8\",\"shape\":[3],\"data_offsets\":[16,19]}}",
		       19);
	ASSERT_OK(convert_to(&world, "a.safetensors", "tf", &plain));
	assert_same_tensors(&world, "a.safetensors", "tf");
	ASSERT_OK(convert_to(&world, "tf", "b.safetensors", &back));
	assert_same_tensors(&world, "a.safetensors", "b.safetensors");
	/* stored order: the data file is that of safetensors, without its header */
	first = world_read(&world, "tf.data-00000-of-00001");
	again = world_read(&world, "a.safetensors");
	ck_assert_uint_eq(first.size, 19);
	ck_assert(memcmp(first.data, again.data + again.size - 19, 19) == 0);
	free(first.data);
	free(again.data);
	world_close(&world);
}
END_TEST

START_TEST(what_tensorflow_cannot_hold_is_listed_or_dropped)
{
	const struct cairn_convert_options dropping = {.target = CAIRN_TARGET_TENSORFLOW,
						       .drop = CAIRN_DROP_METADATA};
	struct world world = world_open(_i);

	world_write_st(&world, "a.safetensors",
		       "{\"__metadata__\":{\"k\":\"v\"},"
		       "\"b\":{\"dtype\":\"I8\",\"shape\":[3],\"data_offsets\":[0,3]}}",
		       3);
	world_write_st(&world, "f.safetensors",
		       "{\"b\":{\"dtype\":\"F8_E8M0\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3);
	ASSERT_FAILS(convert_to(&world, "a.safetensors", "tf", &plain), CAIRN_UNSUPPORTED,
		     "TensorFlow cannot hold metadata 'k' (no place for it)");
	ASSERT_FAILS(convert_to(&world, "f.safetensors", "tf", &dropping), CAIRN_UNSUPPORTED,
		     "TensorFlow cannot hold tensor 'b' (type f8_e8m0)");
	ck_assert_uint_eq(world_entries(&world), 2);
	ASSERT_OK(convert_to(&world, "a.safetensors", "tf", &dropping));
	ck_assert_uint_eq(world_entries(&world), 4);
	world_close(&world);
}
END_TEST

/* ------------------------------------------------------------------------------- failing calls */

static const struct {
	enum memory_call call;
	int error;
} failing[] = {{MEMORY_CALL_ALLOCATE, ENOMEM}, {MEMORY_CALL_ANY, EIO}, {MEMORY_CALL_ANY, ENOSPC}};

START_TEST(a_failing_call_leaves_nothing_and_leaks_nothing)
{
	struct memory_fault fault = {.call = failing[_i / 2].call,
				     .error = failing[_i / 2].error,
				     .forever = _i % 2 == 1};
	struct bundle_files *const files = malloc(sizeof(*files));
	bool fired = true;

	make_odd(files);
	for (fault.at = 1; fired; fault.at++) {
		struct world world = world_open(1);
		struct cairn_reader *reader;
		enum cairn_status status;

		bundle_files_write(files, &world, "source");
		reader = world_reader(&world, "source");
		memory_system_clear_faults(world.memory);
		memory_system_set_fault(world.memory, 0, &fault);
		status = cairn_convert(reader, world_path(&world, "copy"), &plain, &test_error);
		fired = memory_system_fault_fired(world.memory, 0) != 0;
		memory_system_clear_faults(world.memory);
		cairn_reader_close(reader);
		if (status == CAIRN_OK)
			assert_same_file(&world, "source", "copy", ".data-00001-of-00002");
		else if (status != CAIRN_IN_DOUBT && !fault.forever)
			ck_assert_uint_eq(world_entries(&world), 3);
		world_close(&world); /* asserts that nothing is held */
	}
	ck_assert_uint_gt(fault.at, 10);
	free(files);
}
END_TEST

static Suite *copy_bundle_suite(void)
{
	Suite *suite = suite_create("copy_bundle");
	TCase *tests = tcase_create("copy_bundle");

	tcase_add_loop_test(tests, what_tensorflow_wrote_stays_what_it_is, 0, 2 * COUNT_OF(golden));
	tcase_add_loop_test(tests, all_of_the_corpus_stays_what_it_is, 0, 2);
	tcase_add_loop_test(tests, gaps_and_what_lies_behind_is_copied, 0, WORLD_COUNT);
	tcase_add_loop_test(tests,
			    big_endian_bytes_are_copied_as_they_are_and_changed_by_another_layout,
			    0, WORLD_COUNT);
	tcase_add_loop_test(tests, a_data_file_that_nothing_refers_to_need_not_be_there, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, tensors_that_share_bytes_are_written_apart, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, what_was_opened_is_copied_whatever_has_its_name_now, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, a_checkpoint_can_be_replaced_by_itself, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, the_bytes_do_not_depend_on_how_they_are_written, 0, 6);
	tcase_add_loop_test(tests, damaged_data_are_not_copied, 0, 2);
	tcase_add_loop_test(tests, damage_is_named_and_kept_when_nothing_is_verified, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, a_data_file_that_was_cut_off_since_is_truncated, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, tensors_stay_the_same_in_another_layout, 0, COUNT_OF(layouts));
	tcase_add_loop_test(tests, other_formats_become_bundles_and_come_back, 0, WORLD_COUNT);
	tcase_add_loop_test(tests, what_tensorflow_cannot_hold_is_listed_or_dropped, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(tests, a_failing_call_leaves_nothing_and_leaks_nothing, 0,
			    2 * COUNT_OF(failing));
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(copy_bundle_suite());
}
