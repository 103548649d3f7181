/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharded sets: how tensors are split, what the files are called, and that a set is replaced in one
 * step whatever call fails meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <cairn/convert.h>

#include "engine/convert/export_safetensors.h"
#include "engine/convert/safetensors_names.h"
#include "engine/read/reader.h"
#include "tests/support/safetensors_files.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

#define INDEX "m.safetensors.index.json"

static enum cairn_status export(const struct world *world, const char *from, const char *to,
				const struct cairn_convert_options *options,
				struct cairn_error *error) {
	struct cairn_reader *reader = NULL;
		enum cairn_status status = world_open_reader(world, from, NULL, &reader, error);

		if (status == CAIRN_OK)
			status = cairn_convert(reader, world_path(world, to), options, error);
		cairn_reader_close(reader); return status;
}

static void export_well(const struct world *world, const char *from, const char *to,
			const struct cairn_convert_options *options)
{
	struct cairn_error error;
	const enum cairn_status status = export(world, from, to, options, &error);

	ck_assert_msg(status == CAIRN_OK, "%s to %s: %s", from, to, error.message);
}

/* U8 tensors of these sizes, named by letters, in this order. */
static void write_sizes(const struct world *world, const char *name, const uint32_t *sizes,
			size_t count)
{
	char json[2048] = "{";
	uint32_t at = 0;

	for (size_t i = 0; i < count; i++) {
		sprintf(json + strlen(json),
			"%s\"%c\":{\"dtype\":\"U8\",\"shape\":[%u],\"data_offsets\":[%u,%u]}",
			i == 0 ? "" : ",", (char)('a' + i), sizes[i], at, at + sizes[i]);
		at += sizes[i];
	}
	strcat(json, "}");
	world_write_st(world, name, json, at);
}

/* ------------------------------------------------------------------------------------ splitting */

static const struct {
	uint64_t size_max;
	uint32_t sizes[8];  /* as many as shards has digits */
	const char *shards; /* for each tensor the digit of its shard, from 1 */
} splits[] = {
	{100, {40, 40, 40, 40}, "1122"},
	{100, {50, 50, 1}, "112"},
	{100, {200, 10, 10}, "122"},
	{100, {10, 200, 10}, "123"},
	{100, {10, 200, 300, 10}, "1234"},
	{100, {100, 100}, "12"},
	{1, {5, 6, 7}, "123"},
	{0, {5, 6, 7}, "111"},
	{1, {0, 0, 5, 0}, "1112"},
};

START_TEST(a_shard_is_full_when_the_next_tensor_does_not_fit)
{
	struct world world = world_open(1);
	const struct cairn_convert_options options = {.shard_size_max = splits[_i].size_max};
	const size_t count = strlen(splits[_i].shards);
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_stored_slice slice;

	write_sizes(&world, "source.safetensors", splits[_i].sizes, count);
	export_well(&world, "source.safetensors", INDEX, &options);
	reader = world_reader(&world, INDEX);
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(cairn_reader_tensor_at(reader, i, &tensor, NULL), CAIRN_OK);
		ck_assert_uint_eq(cairn_tensor_stored_slice(&tensor, 0, &slice, NULL), CAIRN_OK);
		ck_assert_msg(slice.shard + 1 == (uint32_t)(splits[_i].shards[i] - '0'),
			      "tensor %zu in shard %u", i, slice.shard + 1);
	}
	cairn_reader_close(reader);
	world_close(&world);
}
END_TEST

START_TEST(a_single_file_has_to_fit)
{
	static const uint32_t sizes[] = {60, 60};
	const struct cairn_convert_options fits = {.shard_size_max = 120};
	const struct cairn_convert_options too_small = {.shard_size_max = 119};
	struct world world = world_open(_i);
	struct cairn_error error;

	write_sizes(&world, "source.safetensors", sizes, 2);
	ck_assert_uint_eq(export(&world, "source.safetensors", "m.safetensors", &too_small, &error),
			  CAIRN_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(error.message, ".safetensors.index.json"));
	ck_assert_uint_eq(world_entries(&world), 1);
	export_well(&world, "source.safetensors", "m.safetensors", &fits);
	ck_assert_uint_eq(world_entries(&world), 2);
	world_close(&world);
}
END_TEST

START_TEST(the_index_is_what_others_write)
{
	static const char expected[] =
		"{\n  \"metadata\": {\n    \"total_size\": 120\n  },\n  \"weight_map\": {\n"
		"    \"a\": \"m-00001-of-00002.safetensors\",\n"
		"    \"b\": \"m-00002-of-00002.safetensors\"\n  }\n}";
	static const uint32_t sizes[] = {60, 60};
	const struct cairn_convert_options options = {.shard_size_max = 60};
	struct world world = world_open(_i);
	struct bytes index;

	write_sizes(&world, "source.safetensors", sizes, 2);
	export_well(&world, "source.safetensors", INDEX, &options);
	index = world_read(&world, INDEX);
	while (index.size > 0 && index.data[index.size - 1] == '\n') /* the last newline is free */
		index.data[--index.size] = '\0';
	ck_assert_str_eq((const char *)index.data, expected);
	free(index.data);
	world_close(&world);
}
END_TEST

START_TEST(a_set_needs_a_tensor_and_a_stem)
{
	static const uint32_t sizes[] = {1};
	struct world world = world_open(1);
	char name[300] = "";

	world_write_golden(&world, "nothing.safetensors");
	ck_assert_uint_eq(export(&world, "nothing.safetensors", INDEX, NULL, NULL),
			  CAIRN_UNSUPPORTED);
	write_sizes(&world, "source.safetensors", sizes, 1);
	ck_assert_uint_eq(
		export(&world, "source.safetensors", ".safetensors.index.json", NULL, NULL),
		CAIRN_INVALID_ARGUMENT);
	ck_assert_uint_eq(
		export(&world, "source.safetensors", "a\xff.safetensors.index.json", NULL, NULL),
		CAIRN_INVALID_ARGUMENT);
	memset(name, 'n', 220);
	strcat(name, ".safetensors.index.json");
	ck_assert_uint_eq(export(&world, "source.safetensors", name, NULL, NULL),
			  CAIRN_INVALID_ARGUMENT);
	ck_assert_uint_eq(world_entries(&world), 2);
	strcpy(name + 219, ".safetensors.index.json");
	export_well(&world, "source.safetensors", name, NULL);
	ck_assert_uint_eq(world_entries(&world), 4);
	world_close(&world);
}
END_TEST

/* ------------------------------------------------------------------------------------ replacing */

static const uint32_t old_sizes[] = {60, 60, 60};
static const uint32_t new_sizes[] = {70, 50};

static void write_sources(const struct world *world)
{
	write_sizes(world, "old.safetensors", old_sizes, 3);
	write_sizes(world, "new.safetensors", new_sizes, 2);
}

static const struct cairn_convert_options small_shards = {.shard_size_max = 70};
static const struct cairn_convert_options replacing = {.shard_size_max = 70, .replace = 1};

static void assert_holds(const struct world *world, const char *name, const char *source)
{
	struct cairn_reader *const left = world_reader(world, name);
	struct cairn_reader *const right = world_reader(world, source);

	assert_same_checkpoint(left, right);
	cairn_reader_close(left);
	cairn_reader_close(right);
}

START_TEST(what_is_there_is_not_replaced_unasked)
{
	struct world world = world_open(_i);
	struct cairn_error error;

	write_sources(&world);
	export_well(&world, "old.safetensors", INDEX, &small_shards);
	ck_assert_uint_eq(export(&world, "new.safetensors", INDEX, &small_shards, &error),
			  CAIRN_EXISTS);
	ck_assert_uint_eq(world_entries(&world), 2 + 4);
	world_remove(&world, INDEX);
	world_remove(&world, "m-00001-of-00003.safetensors");
	ck_assert_uint_eq(export(&world, "old.safetensors", INDEX, &small_shards, &error),
			  CAIRN_EXISTS);
	ck_assert_msg(strstr(error.message, "'m-00002-of-00003.safetensors'") != NULL, "%s",
		      error.message);
	ck_assert_uint_eq(world_entries(&world), 2 + 2);
	world_close(&world);
}
END_TEST

START_TEST(a_replaced_set_is_gone_but_for_those_who_use_it)
{
	struct world world = world_open(_i);
	struct cairn_reader *used;
	struct cairn_reader *source;

	write_sources(&world);
	export_well(&world, "old.safetensors", INDEX, &small_shards);
	used = world_reader(&world, INDEX);
	export_well(&world, "new.safetensors", INDEX, &replacing);
	ck_assert_uint_eq(world_entries(&world), 2 + 3);
	ck_assert(!world_has(&world, "m-00001-of-00003.safetensors"));
	assert_holds(&world, INDEX, "new.safetensors");
	source = world_reader(&world, "old.safetensors");
	assert_same_checkpoint(used, source);
	cairn_reader_close(source);
	cairn_reader_close(used);
	world_close(&world);
}
END_TEST

/* The number of shards is the same every time: their plain names are taken every other time. */
START_TEST(a_set_of_the_same_number_gets_other_names)
{
	struct world world = world_open(_i);
	struct cairn_reader *reader;

	write_sources(&world);
	for (int i = 0; i < 4; i++) {
		const char *const source = i % 2 == 0 ? "new.safetensors" : "old.safetensors";
		const struct cairn_convert_options options = {
			.replace = 1, .shard_size_max = i % 2 == 0 ? 70 : 120};

		export_well(&world, source, INDEX, &options);
		ck_assert_uint_eq(world_entries(&world), 2 + 3);
		ck_assert(world_has(&world, "m-00001-of-00002.safetensors") == (i % 2 == 0));
		assert_holds(&world, INDEX, source);
	}
	reader = world_reader(&world, INDEX);
	/* a set is converted onto itself while it is read */
	ck_assert_uint_eq(cairn_convert(reader, world_path(&world, INDEX), &replacing, NULL),
			  CAIRN_OK);
	cairn_reader_close(reader);
	assert_holds(&world, INDEX, "old.safetensors");
	world_close(&world);
}
END_TEST

START_TEST(names_depend_on_the_content_only)
{
	struct world world = world_open(_i);
	struct bytes first;
	struct bytes second;

	write_sources(&world);
	export_well(&world, "new.safetensors", INDEX, &small_shards);
	export_well(&world, "new.safetensors", INDEX, &replacing);
	first = world_read(&world, INDEX);
	export_well(&world, "new.safetensors", INDEX, &replacing);
	export_well(&world, "new.safetensors", INDEX, &replacing);
	second = world_read(&world, INDEX);
	ck_assert_uint_eq(first.size, second.size);
	ck_assert_int_eq(memcmp(first.data, second.data, first.size), 0);
	ck_assert_ptr_nonnull(strstr((const char *)first.data, "-00001-of-00002"));
	ck_assert_ptr_null(strstr((const char *)first.data, "\"m-00001-of-00002"));
	free(first.data);
	free(second.data);
	world_close(&world);
}
END_TEST

START_TEST(names_that_nobody_uses_are_left_alone)
{
	struct world world = world_open(_i);

	write_sources(&world);
	world_write_text(&world, "m-00001-of-00002.safetensors", "somebody's");
	export_well(&world, "new.safetensors", INDEX, &replacing);
	ck_assert_uint_eq(world_entries(&world), 2 + 1 + 3);
	export_well(&world, "new.safetensors", INDEX, &replacing);
	ck_assert_uint_eq(world_entries(&world), 2 + 1 + 3);
	assert_holds(&world, INDEX, "new.safetensors");
	world_close(&world);
}
END_TEST

/* The index that is replaced says what it likes: files that are no shards of such a set stay. */
START_TEST(an_old_index_cannot_have_other_files_removed)
{
	static const char *const names[] = {"notes.txt",
					    "other-00001-of-00002.safetensors",
					    "m-1-of-2.safetensors",
					    "m-00001-of-00002.safetensors.bak",
					    "m-nothexxx-00001-of-00002.safetensors",
					    "m-00004-of-00004.safetensors",
					    "m-0a1b2c3d-00004-of-00004.safetensors"};
	struct world world = world_open(_i);
	char json[1024] = "{\"weight_map\":{";

	for (int i = 0; i < COUNT(names); i++) {
		world_write_text(&world, names[i], "precious");
		sprintf(json + strlen(json), "%s\"t%d\":\"%s\"", i == 0 ? "" : ",", i, names[i]);
	}
	strcat(json, "}}");
	world_write_text(&world, INDEX, json);
	write_sources(&world);
	export_well(&world, "new.safetensors", INDEX, &replacing);
	for (int i = 0; i < COUNT(names); i++)
		ck_assert_msg(world_has(&world, names[i]) == (i < 5), "%s", names[i]);
	world_close(&world);
}
END_TEST

START_TEST(a_broken_old_index_is_replaced)
{
	struct world world = world_open(_i);

	write_sources(&world);
	world_write_text(&world, INDEX, "{");
	export_well(&world, "new.safetensors", INDEX, &replacing);
	assert_holds(&world, INDEX, "new.safetensors");
	world_close(&world);
}
END_TEST

/* --------------------------------------------------------------------------------------- faults */

static int look_for_temporary(void *context, const char *name)
{
	*(bool *)context = *(bool *)context || strncmp(name, ".cairn-tmp-", 11) == 0;
	return 0;
}

static bool has_temporary(const struct world *world)
{
	bool found = false;

	ck_assert_int_eq(system_list(world->system, world->directory, look_for_temporary, &found),
			 0);
	return found;
}

static bool holds(const struct world *world, const char *source)
{
	struct cairn_reader *const reader = world_reader(world, INDEX);
	const uint64_t count = cairn_reader_tensor_count(reader);

	cairn_reader_close(reader);
	if (count != (strcmp(source, "old.safetensors") == 0 ? 3 : 2))
		return false;
	assert_holds(world, INDEX, source);
	return true;
}

/* Old or new, both whole, and what the status says. Only where removing failed something may be
 * left. */
static void assert_outcome(const struct world *world, enum cairn_status status, bool may_leave)
{
	if (status == CAIRN_OK)
		ck_assert(holds(world, "new.safetensors"));
	else if (status == CAIRN_IN_DOUBT)
		ck_assert(holds(world, "new.safetensors") || holds(world, "old.safetensors"));
	else
		ck_assert(holds(world, "old.safetensors"));
	if (may_leave)
		return;
	ck_assert(!has_temporary(world));
	if (status != CAIRN_OK && status != CAIRN_IN_DOUBT)
		ck_assert_uint_eq(world_entries(world), 2 + 4);
}

static enum cairn_status replace_with_fault(const struct memory_fault *fault, uint64_t *calls)
{
	struct world world = world_open(1);
	struct cairn_reader *reader;
	enum cairn_status status;

	write_sources(&world);
	export_well(&world, "old.safetensors", INDEX, &small_shards);
	reader = world_reader(&world, "new.safetensors");
	memory_system_clear_faults(world.memory);
	memory_system_set_fault(world.memory, 0, fault);
	status = cairn_convert(reader, world_path(&world, INDEX), &replacing, NULL);
	*calls = memory_system_calls(world.memory, fault->call);
	memory_system_clear_faults(world.memory);
	cairn_reader_close(reader);
	assert_outcome(&world, status, fault->call == MEMORY_CALL_UNLINK || fault->forever);
	world_close(&world); /* asserts that nothing is held */
	return status;
}

static const struct {
	enum memory_call call;
	int error;
	bool is_needed; /* none of these calls may fail without a word */
} faults[] = {
	{MEMORY_CALL_ALLOCATE, ENOMEM, true}, {MEMORY_CALL_CREATE, EACCES, true},
	{MEMORY_CALL_PWRITE, ENOSPC, true},   {MEMORY_CALL_PREAD, EIO, false},
	{MEMORY_CALL_SYNC, EIO, false},       {MEMORY_CALL_RENAME, EIO, true},
	{MEMORY_CALL_LOCK, EIO, false},       {MEMORY_CALL_RANDOM, EIO, true},
	{MEMORY_CALL_UNLINK, EIO, false},     {MEMORY_CALL_OPEN, EMFILE, false},
	{MEMORY_CALL_STATUS_AT, EIO, false},  {MEMORY_CALL_LIST, EIO, false},
	{MEMORY_CALL_ANY, EIO, false},
};

START_TEST(a_failing_call_leaves_the_old_set_or_the_new)
{
	struct memory_fault fault = {
		.call = faults[_i / 2].call, .error = faults[_i / 2].error, .forever = _i % 2 != 0};
	uint64_t calls;
	uint64_t ignored;

	ck_assert_uint_eq(replace_with_fault(&fault, &calls), CAIRN_OK);
	ck_assert_uint_gt(calls, 0);
	for (fault.at = 1; fault.at <= calls; fault.at++) {
		const enum cairn_status status = replace_with_fault(&fault, &ignored);

		if (faults[_i / 2].is_needed && faults[_i / 2].call != MEMORY_CALL_ALLOCATE)
			ck_assert_uint_ne(status, CAIRN_OK);
	}
}
END_TEST

START_TEST(short_writes_are_continued)
{
	struct world world = world_open(1);

	write_sources(&world);
	memory_system_settings(world.memory)->transfer_max = 7;
	export_well(&world, "new.safetensors", INDEX, &small_shards);
	assert_holds(&world, INDEX, "new.safetensors");
	world_close(&world);
}
END_TEST

/* --------------------------------------------------------------------------------------- large */

/* More than O_DIRECT begins with; no multiple of a page. */
static const uint32_t large_sizes[] = {5 << 20, 3, 6 << 20, 1000};

static struct bytes export_large(const struct world *world, uint32_t threads, const char *to)
{
	const struct cairn_convert_options options = {.thread_count = threads, .replace = 1};

	export_well(world, "large.safetensors", to, &options);
	return world_read(world, to);
}

START_TEST(the_bytes_do_not_depend_on_how_they_are_written)
{
	static const uint32_t threads[] = {0, 2, 7, 64, 1000};
	struct world world = world_open(_i);
	struct bytes alone;

	write_sizes(&world, "large.safetensors", large_sizes, COUNT(large_sizes));
	alone = export_large(&world, 1, "m.safetensors");
	for (int i = 0; i < COUNT(threads); i++) {
		struct bytes found = export_large(&world, threads[i], "m.safetensors");

		ck_assert_uint_eq(found.size, alone.size);
		ck_assert(memcmp(found.data, alone.data, found.size) == 0);
		free(found.data);
	}
	free(alone.data);
	world_close(&world);
}
END_TEST

START_TEST(where_direct_writing_does_not_work_the_bytes_are_the_same)
{
	struct world world = world_open(1);
	struct bytes direct;
	struct bytes buffered;

	write_sizes(&world, "large.safetensors", large_sizes, COUNT(large_sizes));
	direct = export_large(&world, 2, "m.safetensors");
	memory_system_settings(world.memory)->direct_error = EINVAL;
	buffered = export_large(&world, 2, "m.safetensors");
	ck_assert_uint_eq(direct.size, buffered.size);
	ck_assert(memcmp(direct.data, buffered.data, direct.size) == 0);
	free(direct.data);
	free(buffered.data);
	world_close(&world);
}
END_TEST

START_TEST(names_of_shards_do_not_depend_on_threads)
{
	static const uint32_t threads[] = {1, 7};
	struct world worlds[2] = {world_open(1), world_open(1)};
	struct bytes indexes[2];

	for (int i = 0; i < 2; i++) {
		const struct cairn_convert_options options = {
			.thread_count = threads[i], .replace = 1, .shard_size_max = 9 << 20};

		write_sizes(&worlds[i], "large.safetensors", large_sizes, COUNT(large_sizes));
		export_well(&worlds[i], "large.safetensors", INDEX, &options);
		export_well(&worlds[i], "large.safetensors", INDEX, &options);
		indexes[i] = world_read(&worlds[i], INDEX);
		world_close(&worlds[i]);
	}
	ck_assert_uint_eq(indexes[0].size, indexes[1].size);
	ck_assert(memcmp(indexes[0].data, indexes[1].data, indexes[0].size) == 0);
	free(indexes[0].data);
	free(indexes[1].data);
}
END_TEST

struct progress {
	uint64_t done;
	uint64_t total;
	uint64_t calls;
	uint64_t cancel_at; /* the call that cancels; 0: none */
};

static int note(void *context, uint64_t done, uint64_t total)
{
	struct progress *const progress = context;

	ck_assert_uint_ge(done, progress->done);
	ck_assert_uint_le(done, total);
	progress->done = done;
	progress->total = total;
	return ++progress->calls == progress->cancel_at;
}

START_TEST(progress_grows_to_all_files_and_can_cancel)
{
	struct world world = world_open(1);
	struct progress progress = {.calls = 0};
	const struct cairn_convert_options options = {.thread_count = 1,
						      .shard_size_max = 6 << 20,
						      .progress = note,
						      .progress_context = &progress};
	struct cairn_error error;

	write_sizes(&world, "large.safetensors", large_sizes, COUNT(large_sizes));
	export_well(&world, "large.safetensors", INDEX, &options);
	ck_assert_uint_eq(progress.done, progress.total);
	ck_assert_uint_gt(progress.done, 11 << 20);
	for (uint64_t at = 1; at <= 12; at += 3) {
		progress = (struct progress){.cancel_at = at};
		ck_assert_uint_eq(
			export(&world, "large.safetensors", "m.safetensors",
			       &(const struct cairn_convert_options){.thread_count = 1,
								     .progress = note,
								     .progress_context = &progress},
			       &error),
			CAIRN_CANCELLED);
		ck_assert_uint_eq(progress.calls, at);
		ck_assert(!has_temporary(&world) && !world_has(&world, "m.safetensors"));
	}
	world_close(&world);
}
END_TEST

START_TEST(a_full_disk_leaves_nothing)
{
	static const enum memory_call calls[] = {MEMORY_CALL_PREALLOCATE, MEMORY_CALL_PWRITE,
						 MEMORY_CALL_TRUNCATE, MEMORY_CALL_STATUS};
	const struct memory_fault fault = {
		.call = calls[_i / 2], .at = 1, .forever = true, .error = ENOSPC};
	const struct cairn_convert_options options = {.thread_count = _i % 2 == 0 ? 1 : 4};
	struct world world = world_open(1);
	struct cairn_reader *reader;
	struct cairn_error error;

	write_sizes(&world, "large.safetensors", large_sizes, COUNT(large_sizes));
	reader = world_reader(&world, "large.safetensors");
	memory_system_set_fault(world.memory, 0, &fault);
	ck_assert_uint_eq(
		cairn_convert(reader, world_path(&world, "m.safetensors"), &options, &error),
		CAIRN_IO);
	ck_assert_int_eq(error.system_errno, ENOSPC);
	ck_assert_ptr_nonnull(strstr(error.message, "m.safetensors': cannot"));
	memory_system_clear_faults(world.memory);
	cairn_reader_close(reader);
	ck_assert_uint_eq(world_entries(&world), 1);
	world_close(&world);
}
END_TEST

static Suite *export_safetensors_suite(void)
{
	Suite *suite = suite_create("export_safetensors");
	TCase *split = tcase_create("split");
	TCase *replace = tcase_create("replace");
	TCase *fault = tcase_create("fault");
	TCase *large = tcase_create("large");

	tcase_add_loop_test(split, a_shard_is_full_when_the_next_tensor_does_not_fit, 0,
			    COUNT(splits));
	tcase_add_loop_test(split, a_single_file_has_to_fit, 0, WORLD_COUNT);
	tcase_add_loop_test(split, the_index_is_what_others_write, 0, WORLD_COUNT);
	tcase_add_test(split, a_set_needs_a_tensor_and_a_stem);
	suite_add_tcase(suite, split);
	tcase_add_loop_test(replace, what_is_there_is_not_replaced_unasked, 0, WORLD_COUNT);
	tcase_add_loop_test(replace, a_replaced_set_is_gone_but_for_those_who_use_it, 0,
			    WORLD_COUNT);
	tcase_add_loop_test(replace, a_set_of_the_same_number_gets_other_names, 0, WORLD_COUNT);
	tcase_add_loop_test(replace, names_depend_on_the_content_only, 0, WORLD_COUNT);
	tcase_add_loop_test(replace, names_that_nobody_uses_are_left_alone, 0, WORLD_COUNT);
	tcase_add_loop_test(replace, an_old_index_cannot_have_other_files_removed, 0, WORLD_COUNT);
	tcase_add_loop_test(replace, a_broken_old_index_is_replaced, 0, WORLD_COUNT);
	suite_add_tcase(suite, replace);
	tcase_add_loop_test(fault, a_failing_call_leaves_the_old_set_or_the_new, 0,
			    2 * COUNT(faults));
	tcase_add_test(fault, short_writes_are_continued);
	suite_add_tcase(suite, fault);
	tcase_add_loop_test(large, the_bytes_do_not_depend_on_how_they_are_written, 0, WORLD_COUNT);
	tcase_add_test(large, where_direct_writing_does_not_work_the_bytes_are_the_same);
	tcase_add_test(large, names_of_shards_do_not_depend_on_threads);
	tcase_add_test(large, progress_grows_to_all_files_and_can_cancel);
	tcase_add_loop_test(large, a_full_disk_leaves_nothing, 0, 8);
	suite_add_tcase(suite, large);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(export_safetensors_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
