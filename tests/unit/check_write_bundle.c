/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers of TensorFlow checkpoints: the bytes that TensorFlow writes of the same tensors, in every
 * layout, whatever way they are written; and what is refused.
 */
#include "engine/write/writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cairn/verify.h>

#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/dtype.h"
#include "format/tensorflow_bundle.h"
#include "tests/support/build.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/tensorflow_files.h"
#include "tests/support/test_arena.h"

/* Two segments and a bit: written with O_DIRECT. */
#define LARGE ((uint64_t)(9 << 20) + 12345)

static struct scene scene;
static const struct cairn_writer_options tensorflow = {.target = CAIRN_TARGET_TENSORFLOW};

static void set_up(void)
{
	scene_open(&scene);
}

static void tear_down(void)
{
	scene_close(&scene);
}

static struct cairn_tensor_spec spec_of(const char *name, enum cairn_dtype dtype, uint32_t rank,
					const uint64_t *dims)
{
	return (struct cairn_tensor_spec){
		.name = cairn_string_from(name), .dtype = dtype, .rank = rank, .dims = dims};
}

static void add(struct cairn_writer *writer, const char *name, enum cairn_dtype dtype,
		uint32_t rank, const uint64_t *dims, const void *data)
{
	ASSERT_OK(cairn_writer_add_copy(writer, name, dtype, rank, dims, data, &test_error));
}

static void add_slice(struct cairn_writer *writer, const char *name, uint32_t rank,
		      const uint64_t *dims, const uint64_t *starts, const uint64_t *lengths,
		      uint32_t shard, const float *data)
{
	struct cairn_tensor_spec spec = spec_of(name, CAIRN_F32, rank, dims);

	spec.starts = starts;
	spec.lengths = lengths;
	spec.shard = shard;
	ASSERT_OK(cairn_writer_add_spec(writer, &spec, data, &test_error));
}

static void assert_content(const char *path, const void *bytes, size_t size)
{
	struct bytes found = scene_content(&scene, path);

	ck_assert_msg(found.size == size, "%s: %zu bytes instead of %zu", path, found.size, size);
	ck_assert_msg(memcmp(found.data, bytes, size) == 0, "%s differs", path);
	bytes_free(&found);
}

static void assert_hex(const char *path, const char *hex)
{
	uint8_t bytes[512];
	const size_t size = strlen(hex) / 2;

	for (size_t i = 0; i < size; i++) {
		unsigned int byte;

		ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
		bytes[i] = (uint8_t)byte;
	}
	assert_content(path, bytes, size);
}

/* What the index says; in `test`, which the caller closes. */
static void parse_index(const char *path, struct test_arena *test, struct bundle *bundle)
{
	struct bytes index = scene_content(&scene, path);

	test_arena_open(test, 0);
	ASSERT_OK(bundle_parse(&test->arena, index.data, index.size, bundle, &test_error));
	bytes_free(&index);
}

/* "start,length:start,length shard offset size; ..." of the pieces of a tensor. */
static const char *pieces_of(const struct bundle *bundle, const char *name)
{
	static char text[1024];
	size_t used = 0;

	text[0] = '\0';
	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		const struct bundle_tensor *const tensor = &bundle->tensors[i];

		if (tensor->name.size != strlen(name) ||
		    memcmp(tensor->name.data, name, tensor->name.size) != 0)
			continue;
		for (uint32_t k = 0; k < tensor->piece_count; k++) {
			const struct bundle_piece *const piece = &tensor->pieces[k];

			used += (size_t)sprintf(text + used, "%s", k == 0 ? "" : "; ");
			for (uint32_t d = 0; piece->ranges != NULL && d < tensor->rank; d++)
				used += (size_t)sprintf(text + used, "%s%lld,%lld",
							d == 0 ? "" : ":",
							(long long)piece->ranges[2 * d],
							(long long)piece->ranges[2 * d + 1]);
			used += (size_t)sprintf(text + used, "%s%u %llu %llu",
						piece->ranges == NULL ? "" : " ", piece->shard,
						(unsigned long long)piece->offset,
						(unsigned long long)piece->size);
		}
	}
	return text;
}

static void assert_pieces(const char *path, const char *name, const char *expected)
{
	struct test_arena test;
	struct bundle bundle;

	parse_index(path, &test, &bundle);
	ck_assert_str_eq(pieces_of(&bundle, name), expected);
	test_arena_close(&test);
}

/* All is as its checksum says, and a reader hands these bytes out. */
static void assert_tensor(const char *path, const char *name, const void *data, size_t size)
{
	struct cairn_reader *const reader = scene_reader(&scene, path, NULL);
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	ASSERT_OK(cairn_reader_find(reader, name, &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert_uint_eq(view.size, size);
	ck_assert_msg(memcmp(view.data, data, size) == 0, "%s differs", name);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}

/* -------------------------------------------------------------------- as TensorFlow writes it */

START_TEST(two_scalars_are_the_bytes_of_tensorflow)
{
	static const float values[] = {0.5F, 2.0F};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);

	add(writer, "a", CAIRN_F32, 0, NULL, &values[0]);
	add(writer, "b", CAIRN_F32, 0, NULL, &values[1]);
	finish_writer(writer);
	assert_hex("/f.data-00000-of-00001", "0000003f00000040");
	assert_hex("/f.index",
		   "00000608011a02080100010b61080112002804350638271f00010d620801120020042804"
		   "3510fd784f0000000001000000006c129ef3000000000100000000c0f2a1b00001026300"
		   "3100000000010000000054f2762d3608430e000000000000000000000000000000000000"
		   "00000000000000000000000000000000000057fb808b247547db");
}
END_TEST

START_TEST(an_empty_bundle_has_a_header_and_an_empty_file)
{
	static const struct cairn_writer_options ways[] = {
		{.target = CAIRN_TARGET_TENSORFLOW},
		{.target = CAIRN_TARGET_TENSORFLOW, .shard_size_max = 100},
	};
	struct cairn_reader *reader;

	finish_writer(scene_writer(&scene, "/f", &ways[_i]));
	assert_content("/f.data-00000-of-00001", "", 0);
	reader = scene_reader(&scene, "/f", NULL);
	ck_assert_uint_eq(cairn_reader_tensor_count(reader), 0);
	cairn_reader_close(reader);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 2);
}
END_TEST

static const struct {
	const char *strings[3];
	size_t sizes[3];
	uint64_t count;
	const char *blob;
	uint32_t crc;
} strings[] = {
	{{"hello"}, {5}, 1, "05d9c69c4368656c6c6f", 0x29c0e0ec},
	{{""}, {0}, 1, "00a67b113a", 0xbe0767bd},
	{{"hello", "", "x01"}, {5, 0, 3}, 3, "050003c166ac1368656c6c6f783031", 0xa3d1e109},
	{{NULL}, {0}, 0, "d8ea82a2", 0x640cc1f6},
};

START_TEST(strings_are_stored_behind_their_lengths)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);
	struct cairn_string elements[3];
	struct test_arena test;
	struct bundle bundle;

	for (size_t i = 0; i < 3; i++)
		elements[i] = (struct cairn_string){strings[_i].strings[i], strings[_i].sizes[i]};
	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("s"), 1, &strings[_i].count,
					   elements, &test_error));
	finish_writer(writer);
	assert_hex("/f.data-00000-of-00001", strings[_i].blob);
	parse_index("/f.index", &test, &bundle);
	ck_assert_uint_eq(bundle.tensors[0].pieces[0].crc, strings[_i].crc);
	test_arena_close(&test);
}
END_TEST

/* Every type that TensorFlow stores. */
START_TEST(all_types_are_kept)
{
	static const uint64_t shapes[][2] = {{2, 3}, {0, 3}, {1, 1}};
	uint8_t data[16 * 6];
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);
	uint32_t count = 0;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i % 2);
	for (uint32_t number = 1; number < 40; number++) {
		enum cairn_dtype dtype;
		char name[32];

		if (!dtype_from_tensorflow(number, &dtype) || dtype_is_variable(dtype))
			continue;
		sprintf(name, "t%02u", number);
		add(writer, name, dtype, _i == 3 ? 0 : 2, shapes[_i % 3], data);
		count++;
	}
	finish_writer(writer);
	ck_assert_uint_eq(count, 30);
	for (uint32_t number = 1; number < 40; number++) {
		enum cairn_dtype dtype;
		char name[32];
		size_t elements = _i == 3 ? 1 : shapes[_i % 3][0] * shapes[_i % 3][1];

		if (!dtype_from_tensorflow(number, &dtype) || dtype_is_variable(dtype))
			continue;
		sprintf(name, "t%02u", number);
		assert_tensor("/f", name, data, elements * cairn_dtype_info(dtype)->block_bytes);
	}
}
END_TEST

/* Golden files of the project's own, tensor by tensor through a container: in the order in which
 * they are stored. */
static const char *const golden[] = {"names", "types", "variants", "saver/model-2",
				     "objects/ckpt-3"};

static void add_golden(const char *name, const char *suffix, const char *path)
{
	char from[128];
	struct file_bytes file;

	snprintf(from, sizeof(from), "%s%s", name, suffix);
	file = golden_file(from);
	snprintf(from, sizeof(from), "%s%s", path, suffix);
	ck_assert_int_eq(memory_system_add_file(scene.memory, from, file.bytes, file.size), 0);
	free(file.bytes);
}

static void assert_same_file(const char *a, const char *b, const char *suffix)
{
	char path[128];
	struct bytes expected;

	snprintf(path, sizeof(path), "%s%s", a, suffix);
	expected = scene_content(&scene, path);
	snprintf(path, sizeof(path), "%s%s", b, suffix);
	assert_content(path, expected.data, expected.size);
	bytes_free(&expected);
}

/* By the place of their first piece, those without bytes before what begins there. */
static bool lies_before(const struct bundle_tensor *a, const struct bundle_tensor *b)
{
	return a->pieces[0].offset != b->pieces[0].offset
		       ? a->pieces[0].offset < b->pieces[0].offset
		       : a->pieces[0].size < b->pieces[0].size;
}

static void add_in_stored_order(struct cairn_writer *writer, struct cairn_reader *reader)
{
	const uint64_t count = cairn_reader_tensor_count(reader);
	const struct cairn_string own_name = {NULL, 0};
	bool *const is_done = calloc(count, sizeof(*is_done));
	struct test_arena test;
	struct bundle bundle;

	parse_index("/g.index", &test, &bundle);
	for (uint64_t done = 0; done < count; done++) {
		uint64_t best = UINT64_MAX;
		struct cairn_tensor tensor;

		for (uint64_t i = 0; i < count; i++) {
			if (!is_done[i] && (best == UINT64_MAX ||
					    lies_before(&bundle.tensors[i], &bundle.tensors[best])))
				best = i;
		}
		is_done[best] = true;
		ASSERT_OK(cairn_reader_tensor_at(reader, best, &tensor, &test_error));
		ASSERT_OK(cairn_writer_add_tensor(writer, own_name, &tensor, &test_error));
	}
	free(is_done);
	test_arena_close(&test);
}

START_TEST(what_tensorflow_wrote_comes_out_again)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);
	struct cairn_reader *reader;

	add_golden(golden[_i], ".index", "/g");
	add_golden(golden[_i], ".data-00000-of-00001", "/g");
	reader = scene_reader(&scene, "/g", NULL);
	add_in_stored_order(writer, reader);
	cairn_reader_close(reader); /* the writer has its own reference */
	finish_writer(writer);
	assert_same_file("/g", "/f", ".data-00000-of-00001");
	assert_same_file("/g", "/f", ".index");
}
END_TEST

/* ------------------------------------------------------------------------------------- layouts */

static const uint64_t three[] = {3};
static const float floats[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

START_TEST(blobs_come_in_the_order_of_the_calls_or_of_the_names)
{
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .flags = _i == 0 ? 0 : CAIRN_WRITER_SORT};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

	add(writer, "c", CAIRN_F32, 1, three, floats);
	add(writer, "a", CAIRN_F32, 1, three, floats);
	add(writer, "b", CAIRN_F32, 1, three, floats);
	finish_writer(writer);
	assert_pieces("/f.index", "a", _i == 0 ? "0 12 12" : "0 0 12");
	assert_pieces("/f.index", "b", _i == 0 ? "0 24 12" : "0 12 12");
	assert_pieces("/f.index", "c", _i == 0 ? "0 0 12" : "0 24 12");
}
END_TEST

START_TEST(alignment_fills_with_zeros_behind_each_blob)
{
	static const uint8_t expected[64] = {1, [32] = 2};
	static const uint8_t bytes[] = {1, 2};
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .alignment = 32};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

	add(writer, "a", CAIRN_U8, 0, NULL, &bytes[0]);
	add(writer, "b", CAIRN_U8, 0, NULL, &bytes[1]);
	finish_writer(writer);
	assert_content("/f.data-00000-of-00001", expected, sizeof(expected));
	assert_pieces("/f.index", "b", "0 32 1");
}
END_TEST

START_TEST(slices_keep_their_extents_as_they_were_given)
{
	static const uint64_t dims[] = {2, 4};
	static const uint64_t full[] = {CAIRN_FULL, 1};
	static const uint64_t explicit[] = {2, 3};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);

	add_slice(writer, "w", 2, dims, (const uint64_t[]){0, 3}, full, 0, floats);
	add_slice(writer, "w", 2, dims, (const uint64_t[]){0, 0}, explicit, 0, floats + 2);
	finish_writer(writer);
	assert_pieces("/f.index", "w", "0,-1:3,1 0 0 8; 0,2:0,3 0 8 24");
	assert_tensor("/f", "w", (const float[]){3, 4, 5, 1, 6, 7, 8, 2}, 32);
}
END_TEST

START_TEST(a_slice_of_everything_is_a_whole_tensor)
{
	static const uint64_t starts[] = {0, 0};
	static const uint64_t dims[] = {2, 3};
	static const uint64_t lengths[][2] = {{2, 3}, {CAIRN_FULL, CAIRN_FULL}, {CAIRN_FULL, 3}};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);

	add_slice(writer, "w", 2, dims, starts, lengths[_i], 0, floats);
	finish_writer(writer);
	assert_pieces("/f.index", "w", "0 0 24");
}
END_TEST

START_TEST(shards_are_chosen_by_the_caller)
{
	static const uint64_t dims[] = {4};
	static const uint64_t two[] = {2};
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .shard_count = 3};
	const struct cairn_string text = {"text", 4};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct cairn_tensor_spec spec = spec_of("s", CAIRN_STRING, 0, NULL);

	spec.shard = 2;
	ASSERT_OK(cairn_writer_add_variable_spec(writer, &spec, &text, &test_error));
	add_slice(writer, "w", 1, dims, (const uint64_t[]){2}, two, 2, floats + 2);
	add_slice(writer, "w", 1, dims, (const uint64_t[]){0}, two, 0, floats);
	add(writer, "x", CAIRN_F32, 1, three, floats);
	finish_writer(writer);
	/* slices shard by shard, as a merge lists them; shard 1 is empty and there */
	assert_pieces("/f.index", "w", "0,2 0 0 8; 2,2 2 9 8");
	assert_pieces("/f.index", "x", "0 8 12");
	assert_content("/f.data-00001-of-00003", "", 0);
	assert_tensor("/f", "w", floats, 16);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 4);
}
END_TEST

START_TEST(shards_of_a_size_are_filled_one_after_the_other)
{
	static const uint64_t dims[] = {3, 4};
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .shard_size_max = 32};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

	add(writer, "a", CAIRN_F32, 1, three, floats);
	add(writer, "b", CAIRN_F32, 2, dims, floats);
	add(writer, "c", CAIRN_F32, 0, NULL, floats);
	finish_writer(writer);
	assert_pieces("/f.index", "a", "0 0 12");
	assert_pieces("/f.index", "b", "0,1:0,4 0 12 16; 1,2:0,4 1 0 32");
	assert_pieces("/f.index", "c", "2 0 4");
	assert_tensor("/f", "b", floats, 48);
}
END_TEST

/* Columns, rows and a stored slice, put together again by who reads. */
START_TEST(tensors_are_cut_along_any_axis)
{
	static const uint64_t dims[] = {7, 9};
	static const uint64_t whole[] = {7, 20};
	static const uint64_t starts[] = {0, 5};
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .shard_size_max = (uint64_t)_i};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	float data[63];
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	for (int i = 0; i < 63; i++)
		data[i] = (float)i;
	add(writer, "a", CAIRN_F32, 2, dims, data);
	add_slice(writer, "b", 2, whole, starts, dims, 0, data);
	finish_writer(writer);
	assert_tensor("/f", "a", data, sizeof(data));
	reader = scene_reader(&scene, "/f", NULL);
	ASSERT_OK(cairn_reader_find(reader, "b", &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view_slice(&tensor, starts, dims, &view, &test_error));
	ck_assert(memcmp(view.data, data, sizeof(data)) == 0);
	cairn_view_release(&view);
	cairn_reader_close(reader);
}
END_TEST

START_TEST(what_tensorflow_cannot_join_is_not_cut)
{
	static const uint64_t dims[] = {100};
	const struct cairn_string texts[] = {{"0123456789", 10}, {"0123456789", 10}};
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .shard_size_max = 64};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	uint8_t data[200] = {1};

	add(writer, "a", CAIRN_U8, 1, (const uint64_t[]){10}, data);
	add(writer, "half", CAIRN_F16, 1, dims, data);
	add(writer, "small", CAIRN_U16, 1, (const uint64_t[]){30}, data);
	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("s"), 1, (const uint64_t[]){2},
					   texts, &test_error));
	finish_writer(writer);
	assert_pieces("/f.index", "a", "0 0 10");
	assert_pieces("/f.index", "half", "3 0 200"); /* behind all others */
	assert_pieces("/f.index", "small", "1 0 60");
	assert_pieces("/f.index", "s", "2 0 26");
}
END_TEST

START_TEST(the_object_graph_counts_for_nothing)
{
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .shard_size_max = 12};
	const struct cairn_string graph = {"0123456789012345678901234567890123456789", 40};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

	add(writer, "a", CAIRN_F32, 1, three, floats);
	ASSERT_OK(cairn_writer_add_strings(writer,
					   cairn_string_from("_CHECKPOINTABLE_OBJECT_GRAPH"), 0,
					   NULL, &graph, &test_error));
	finish_writer(writer);
	assert_pieces("/f.index", "_CHECKPOINTABLE_OBJECT_GRAPH", "0 12 45");
}
END_TEST

/* ------------------------------------------------------------------------- how it is written */

/* A stream of bytes that follow from their offsets; asserts the rules of cairn_produce. */
struct stream {
	uint64_t next;
	uint64_t fail_from; /* 0: never */
};

static _Atomic int streams_running;

static uint8_t stream_byte(uint64_t offset)
{
	return (uint8_t)(offset * 7 + offset / 4099);
}

static enum cairn_status produce(void *context, uint64_t offset, void *buffer, size_t size)
{
	struct stream *const stream = context;

	if (atomic_fetch_add(&streams_running, 1) != 0 || offset != stream->next)
		abort(); /* perhaps on a thread of the writer: no assertion works there */
	for (size_t i = 0; i < size; i++)
		((uint8_t *)buffer)[i] = stream_byte(offset + i);
	stream->next = offset + size;
	atomic_fetch_sub(&streams_running, 1);
	return stream->fail_from != 0 && stream->next > stream->fail_from ? CAIRN_CHECKSUM
									  : CAIRN_OK;
}

static const uint64_t large[] = {LARGE};
static uint8_t *data;

static void make_data(void)
{
	struct random random = {5};

	data = malloc(LARGE);
	random_fill(&random, data, LARGE);
}

static void add_stream(struct cairn_writer *writer, const char *name, const uint64_t *dims,
		       uint32_t rank, struct stream *stream)
{
	const struct cairn_tensor_spec spec = spec_of(name, CAIRN_U8, rank, dims);

	ASSERT_OK(cairn_writer_add_callback(writer, &spec, produce, stream, &test_error));
}

/* A bit of everything; strings of more than a segment, too. */
static void add_mixture(struct cairn_writer *writer, struct stream streams[2])
{
	const struct cairn_string texts[] = {{(const char *)data, 3 << 20}, {"", 0}, {"x", 1}};

	ASSERT_OK(cairn_writer_add(writer, "a", CAIRN_U8, 1, large, data, &test_error));
	add(writer, "b", CAIRN_F32, 1, three, floats);
	add_stream(writer, "c", large, 1, &streams[0]);
	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("d"), 1, three, texts,
					   &test_error));
	add(writer, "e", CAIRN_F32, 0, NULL, floats);
	add_stream(writer, "f", three, 1, &streams[1]);
}

static const struct {
	uint32_t threads;
	uint32_t flags;
	int direct_error;
} ways[] = {{2, 0, 0},
	    {7, 0, 0},
	    {64, 0, 0},
	    {0, 0, 0},
	    {1, CAIRN_WRITER_BUFFERED, 0},
	    {7, CAIRN_WRITER_BUFFERED, 0},
	    {4, 0, EINVAL}};

static struct bytes write_mixture(uint32_t threads, uint32_t flags, uint64_t shard_size_max,
				  const char *of)
{
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .thread_count = threads,
						     .shard_size_max = shard_size_max,
						     .flags = CAIRN_WRITER_REPLACE | flags};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct stream streams[2] = {{0}, {0}};

	add_mixture(writer, streams);
	finish_writer(writer);
	ck_assert_uint_eq(streams[0].next, LARGE);
	return scene_content(&scene, of);
}

START_TEST(the_bytes_do_not_depend_on_how_they_are_written)
{
	static const char *const files[] = {"/f.index", "/f.data-00000-of-00001"};
	const struct bytes none = {0};

	make_data();
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct bytes alone = none;
		struct bytes other = none;

		memory_system_settings(scene.memory)->direct_error = 0;
		alone = write_mixture(1, 0, 0, files[i]);
		memory_system_settings(scene.memory)->direct_error = ways[_i].direct_error;
		other = write_mixture(ways[_i].threads, ways[_i].flags, 0, files[i]);
		ck_assert_uint_eq(alone.size, other.size);
		ck_assert(memcmp(alone.data, other.data, alone.size) == 0);
		bytes_free(&alone);
		bytes_free(&other);
	}
	free(data);
}
END_TEST

START_TEST(what_is_written_is_what_was_given)
{
	struct cairn_reader *reader;
	struct cairn_verify_report report;
	struct bytes index;

	make_data();
	index = write_mixture(3, 0, (uint64_t)_i << 20, "/f.index");
	assert_tensor("/f", "a", data, LARGE);
	assert_tensor("/f", "b", floats, 12);
	for (uint64_t i = 0; i < LARGE; i++)
		data[i] = stream_byte(i);
	assert_tensor("/f", "c", data, LARGE);
	reader = scene_reader(&scene, "/f", NULL);
	ASSERT_OK(cairn_reader_verify(reader, NULL, &report, &test_error));
	ck_assert_uint_eq(report.problem_count, 0);
	ck_assert(!report.structure_only);
	cairn_reader_close(reader);
	bytes_free(&index);
	free(data);
}
END_TEST

START_TEST(callbacks_are_cut_where_their_bytes_stay_in_order)
{
	static const uint64_t dims[] = {1, 40, 50};
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .shard_size_max = 750};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct stream stream = {0};
	uint8_t expected[2000];

	add_stream(writer, "c", dims, 3, &stream);
	finish_writer(writer);
	ck_assert_uint_eq(stream.next, 2000);
	assert_pieces("/f.index", "c",
		      "0,1:0,14:0,50 0 0 700; 0,1:14,1:0,50 0 700 50; 0,1:15,13:0,50 1 0 650; "
		      "0,1:28,2:0,50 1 650 100; 0,1:30,10:0,50 2 0 500");
	for (uint64_t i = 0; i < 2000; i++)
		expected[i] = stream_byte(i);
	assert_tensor("/f", "c", expected, 2000);
}
END_TEST

START_TEST(a_failing_callback_ends_the_save_with_its_status)
{
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .thread_count = (uint32_t)_i};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct stream streams[2] = {{.fail_from = 5 << 20}, {0}};

	make_data();
	add_mixture(writer, streams);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_CHECKSUM, "tensor 'c'");
	cairn_writer_destroy(writer);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 0);
	free(data);
}
END_TEST

struct progress {
	uint64_t done;
	uint64_t total;
	uint64_t calls;
	uint64_t cancel_at; /* 0: never */
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

START_TEST(progress_grows_to_all_of_the_data_and_can_cancel)
{
	struct progress progress = {0};
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .shard_size_max = 7 << 20,
						     .thread_count = 1,
						     .progress = note,
						     .progress_context = &progress};
	struct stream streams[2] = {{0}, {0}};
	struct cairn_writer *writer = scene_writer(&scene, "/f", &options);
	uint64_t calls;

	make_data();
	add_mixture(writer, streams);
	finish_writer(writer);
	ck_assert_uint_eq(progress.done, progress.total);
	ck_assert_uint_gt(progress.total, 2 * LARGE + (3 << 20));
	calls = progress.calls;
	for (uint64_t at = 1; at <= calls; at += 5) {
		progress = (struct progress){.cancel_at = at};
		streams[0] = streams[1] = (struct stream){0};
		writer = scene_writer(&scene, "/g", &options);
		add_mixture(writer, streams);
		ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_CANCELLED,
			     "cancelled");
		ck_assert_uint_eq(progress.calls, at);
		cairn_writer_destroy(writer);
	}
	ck_assert_uint_eq(scene_entries(&scene, "/"), 1 + 4);
	free(data);
}
END_TEST

START_TEST(a_full_disk_leaves_nothing)
{
	static const enum memory_call calls[] = {MEMORY_CALL_PREALLOCATE, MEMORY_CALL_PWRITE,
						 MEMORY_CALL_TRUNCATE, MEMORY_CALL_CREATE};
	const struct memory_fault fault = {
		.call = calls[_i / 2], .at = 1, .forever = true, .error = ENOSPC};
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .thread_count = _i % 2 == 0 ? 1 : 4};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);
	struct stream streams[2] = {{0}, {0}};

	make_data();
	add_mixture(writer, streams);
	memory_system_set_fault(scene.memory, 0, &fault);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_IO, "'/f'");
	ck_assert_int_eq(test_error.system_errno, ENOSPC);
	memory_system_clear_faults(scene.memory);
	cairn_writer_destroy(writer);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 0);
	free(data);
}
END_TEST

/* ----------------------------------------------------------------------------------- replacing */

static void write_one(const char *path, uint32_t flags, float value)
{
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .flags = flags};
	struct cairn_writer *const writer = scene_writer(&scene, path, &options);

	add(writer, "w", CAIRN_F32, 0, NULL, &value);
	finish_writer(writer);
}

START_TEST(what_is_there_is_replaced_on_request_only)
{
	static const float values[] = {1, 2};
	struct cairn_writer *writer = NULL;
	struct cairn_reader *reader;
	struct cairn_tensor tensor;
	struct cairn_view view = {0};

	write_one("/f", 0, values[0]);
	ASSERT_FAILS(writer_create(scene.system, "/f", &tensorflow, &writer, &test_error),
		     CAIRN_EXISTS, "it is there already");
	reader = scene_reader(&scene, "/f", NULL);
	write_one("/f", CAIRN_WRITER_REPLACE, values[1]);
	assert_tensor("/f", "w", &values[1], 4);
	ASSERT_OK(cairn_reader_find(reader, "w", &tensor, &test_error));
	ASSERT_OK(cairn_tensor_view(&tensor, &view, &test_error));
	ck_assert(memcmp(view.data, &values[0], 4) == 0); /* who has the old one open keeps it */
	cairn_view_release(&view);
	cairn_reader_close(reader);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 2);
}
END_TEST

START_TEST(a_replaced_bundle_of_more_shards_is_gone)
{
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .shard_size_max = 4};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

	add(writer, "w", CAIRN_F32, 1, three, floats);
	finish_writer(writer);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 4);
	write_one("/f", CAIRN_WRITER_REPLACE, 5);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 2);
}
END_TEST

START_TEST(the_content_id_is_that_of_the_index)
{
	struct cairn_digest ids[3];

	for (int i = 0; i < 3; i++) {
		const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
							     .flags = CAIRN_WRITER_REPLACE};
		struct cairn_writer *const writer = scene_writer(&scene, "/f", &options);

		add(writer, "w", CAIRN_F32, 0, NULL, &floats[i == 2]);
		ASSERT_OK(cairn_writer_finish(writer, &test_error));
		ids[i] = cairn_writer_content_id(writer);
		cairn_writer_destroy(writer);
	}
	ck_assert(memcmp(&ids[0], &ids[1], sizeof(ids[0])) == 0);
	ck_assert(memcmp(&ids[0], &ids[2], sizeof(ids[0])) != 0);
}
END_TEST

/* ------------------------------------------------------------------------------------- refused */

START_TEST(what_tensorflow_cannot_hold_is_listed)
{
	const struct cairn_string key = {"author", 6};
	struct cairn_tensor_spec spec = spec_of("", CAIRN_F32, 0, NULL);
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);

	add(writer, "w", CAIRN_F32, 0, NULL, floats);
	add(writer, "c", CAIRN_C32, 0, NULL, floats);
	ASSERT_OK(cairn_writer_add_alias(writer, cairn_string_from("tied"), cairn_string_from("w"),
					 &test_error));
	ASSERT_OK(cairn_writer_set_metadata_string(writer, key, key, &test_error));
	ASSERT_OK(cairn_writer_add_spec(writer, &spec, floats, &test_error));
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_UNSUPPORTED,
		     "TensorFlow cannot hold tensor 'c' (type c32), tensor 'tied' (an alias), "
		     "metadata 'author' (no place for it), tensor '' (an empty name)");
	cairn_writer_destroy(writer);
	ck_assert_uint_eq(scene_entries(&scene, "/"), 0);
}
END_TEST

START_TEST(slices_must_not_overlap)
{
	static const uint64_t dims[] = {4};
	static const uint64_t two[] = {2};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);

	add_slice(writer, "w", 1, dims, (const uint64_t[]){0}, two, 0, floats);
	add_slice(writer, "w", 1, dims, _i == 0 ? (const uint64_t[]){0} : (const uint64_t[]){1},
		  two, 0, floats);
	if (_i == 0)
		ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_EXISTS,
			     "tensor 'w' was added twice");
	else
		ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_INVALID_ARGUMENT,
			     "tensor 'w': two of its slices overlap");
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(names_are_unique)
{
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &tensorflow);

	add(writer, "w", CAIRN_F32, 0, NULL, floats);
	add(writer, "w", CAIRN_F32, 0, NULL, floats);
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_EXISTS, "twice");
	cairn_writer_destroy(writer);
}
END_TEST

static const struct {
	struct cairn_writer_options options;
	const char *message;
} bad_options[] = {
	{{.target = CAIRN_TARGET_SAFETENSORS}, "unknown writer options"},
	{{.target = (enum cairn_target)9}, "unknown writer options"},
	{{.target = CAIRN_TARGET_TENSORFLOW, .alignment = 3}, "no power of two"},
	{{.target = CAIRN_TARGET_TENSORFLOW, .alignment = 4 << 20}, "no power of two"},
	{{.target = CAIRN_TARGET_TENSORFLOW, .shard_count = 65536}, "65536 shards"},
	{{.target = CAIRN_TARGET_TENSORFLOW, .shard_count = 2, .shard_size_max = 5},
	 "2 shards of at most 5 bytes"},
	{{.shard_count = 2}, "a container has no shards"},
	{{.target = CAIRN_TARGET_CAIRN, .shard_size_max = 5}, "a container has no shards"},
};

START_TEST(options_that_make_no_sense_are_refused)
{
	struct cairn_writer *writer = NULL;

	ASSERT_FAILS(
		writer_create(scene.system, "/f", &bad_options[_i].options, &writer, &test_error),
		CAIRN_INVALID_ARGUMENT, bad_options[_i].message);
}
END_TEST

START_TEST(shards_that_are_none_are_refused)
{
	const struct cairn_writer_options options[] = {
		{.target = CAIRN_TARGET_TENSORFLOW, .shard_count = 2},
		{.target = CAIRN_TARGET_TENSORFLOW},
		{.target = CAIRN_TARGET_CAIRN},
	};
	struct cairn_writer *const writer = scene_writer(&scene, "/f", &options[_i]);
	struct cairn_tensor_spec spec = spec_of("w", CAIRN_F32, 0, NULL);

	spec.shard = 2;
	ASSERT_FAILS(cairn_writer_add_spec(writer, &spec, floats, &test_error),
		     CAIRN_INVALID_ARGUMENT, "tensor 'w': shard 2 of");
	cairn_writer_destroy(writer);
}
END_TEST

START_TEST(strings_are_sliced_in_bundles_only)
{
	static const uint64_t dims[] = {3};
	static const uint64_t start[] = {1};
	static const uint64_t two[] = {2};
	const struct cairn_writer_options container = {.target = CAIRN_TARGET_CAIRN};
	const struct cairn_string texts[] = {{"ab", 2}, {"c", 1}};
	struct cairn_tensor_spec spec = spec_of("s", CAIRN_STRING, 1, dims);
	struct cairn_writer *writer = scene_writer(&scene, "/f", &container);

	spec.starts = start;
	spec.lengths = two;
	ASSERT_FAILS(cairn_writer_add_variable_spec(writer, &spec, texts, &test_error),
		     CAIRN_INVALID_ARGUMENT, "in slices");
	cairn_writer_destroy(writer);
	writer = scene_writer(&scene, "/f", &tensorflow);
	ASSERT_OK(cairn_writer_add_variable_spec(writer, &spec, texts, &test_error));
	spec.starts = two; /* 2 and 3: one too many */
	ASSERT_FAILS(cairn_writer_add_variable_spec(writer, &spec, texts, &test_error),
		     CAIRN_INVALID_ARGUMENT, "dimension 0");
	cairn_writer_destroy(writer);
	writer = scene_writer(&scene, "/f", &tensorflow);
	spec.starts = start;
	ASSERT_OK(cairn_writer_add_variable_spec(writer, &spec, texts, &test_error));
	finish_writer(writer);
	assert_pieces("/f.index", "s", "1,2 0 0 9");
}
END_TEST

START_TEST(a_prefix_whose_names_are_too_long_is_refused)
{
	char path[300] = "/";
	struct cairn_writer *writer = NULL;

	memset(path + 1, 'x', 240);
	ASSERT_OK(writer_create(scene.system, path, &tensorflow, &writer, &test_error));
	ASSERT_FAILS(cairn_writer_finish(writer, &test_error), CAIRN_INVALID_ARGUMENT,
		     "not a prefix");
	cairn_writer_destroy(writer);
	memset(path + 1, 'x', 252);
	ASSERT_FAILS(writer_create(scene.system, path, &tensorflow, &writer, &test_error),
		     CAIRN_INVALID_ARGUMENT, "too long a prefix");
}
END_TEST

/* ------------------------------------------------------------------------------- failing calls */

/* Strings, a slice, and what is cut; from memory and from another checkpoint. */
static enum cairn_status save_small(const struct cairn_reader *reader)
{
	static const uint64_t dims[] = {4, 3};
	static const uint64_t starts[] = {1, 0};
	static const uint64_t lengths[] = {2, CAIRN_FULL};
	const struct cairn_writer_options options = {.target = CAIRN_TARGET_TENSORFLOW,
						     .flags = CAIRN_WRITER_REPLACE,
						     .shard_size_max = 20};
	const struct cairn_string texts[] = {{"a", 1}, {"bc", 2}, {"", 0}};
	const struct cairn_string copy = {"copy", 4};
	struct cairn_tensor_spec spec = spec_of("w", CAIRN_F32, 2, dims);
	struct cairn_writer *writer = NULL;
	struct cairn_tensor tensor;
	enum cairn_status status = writer_create(scene.system, "/f", &options, &writer,
						 &test_error);

	spec.starts = starts;
	spec.lengths = lengths;
	if (status == CAIRN_OK)
		status = cairn_writer_add_spec(writer, &spec, floats, &test_error);
	if (status == CAIRN_OK)
		status = cairn_writer_add_strings(writer, cairn_string_from("s"), 1, three, texts,
						  &test_error);
	if (status == CAIRN_OK)
		status = cairn_reader_find(reader, "s", &tensor, &test_error);
	if (status == CAIRN_OK)
		status = cairn_writer_add_tensor(writer, copy, &tensor, &test_error);
	if (status == CAIRN_OK)
		status = cairn_writer_finish(writer, &test_error);
	cairn_writer_destroy(writer);
	return status;
}

static struct cairn_reader *open_strings(void)
{
	const struct cairn_string texts[] = {{"d", 1}, {"ef", 2}, {"", 0}};
	struct cairn_writer *const writer = scene_writer(&scene, "/source.cairn", NULL);

	ASSERT_OK(cairn_writer_add_strings(writer, cairn_string_from("s"), 1, three, texts,
					   &test_error));
	finish_writer(writer);
	return scene_reader(&scene, "/source.cairn", NULL);
}

static const struct {
	enum memory_call call;
	int error;
} failing[] = {{MEMORY_CALL_ALLOCATE, ENOMEM}, {MEMORY_CALL_ANY, EIO}, {MEMORY_CALL_ANY, ENOSPC}};

START_TEST(a_failing_call_leaves_nothing_and_leaks_nothing)
{
	struct memory_fault fault = {.call = failing[_i / 2].call,
				     .error = failing[_i / 2].error,
				     .forever = _i % 2 == 1};
	struct cairn_reader *reader = open_strings();
	uint64_t calls;

	memory_system_clear_faults(scene.memory);
	ASSERT_OK(save_small(reader));
	calls = memory_system_calls(scene.memory, fault.call);
	for (fault.at = 1; fault.at <= calls; fault.at++) {
		enum cairn_status status;

		cairn_reader_close(reader);
		scene_close(&scene);
		scene_open(&scene);
		reader = open_strings();
		memory_system_clear_faults(scene.memory);
		memory_system_set_fault(scene.memory, 0, &fault);
		status = save_small(reader);
		memory_system_clear_faults(scene.memory);
		if (status != CAIRN_OK && status != CAIRN_IN_DOUBT && !fault.forever)
			ck_assert_uint_eq(scene_entries(&scene, "/"), 1);
		if (status == CAIRN_OK)
			assert_pieces("/f.index", "s", "1 4 10");
	}
	cairn_reader_close(reader);
}
END_TEST

static Suite *write_bundle_suite(void)
{
	Suite *suite = suite_create("write_bundle");
	TCase *tests = tcase_create("write_bundle");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, two_scalars_are_the_bytes_of_tensorflow);
	tcase_add_loop_test(tests, an_empty_bundle_has_a_header_and_an_empty_file, 0, 2);
	tcase_add_loop_test(tests, strings_are_stored_behind_their_lengths, 0, COUNT_OF(strings));
	tcase_add_loop_test(tests, all_types_are_kept, 0, 4);
	tcase_add_loop_test(tests, what_tensorflow_wrote_comes_out_again, 0, COUNT_OF(golden));
	tcase_add_loop_test(tests, blobs_come_in_the_order_of_the_calls_or_of_the_names, 0, 2);
	tcase_add_test(tests, alignment_fills_with_zeros_behind_each_blob);
	tcase_add_test(tests, slices_keep_their_extents_as_they_were_given);
	tcase_add_loop_test(tests, a_slice_of_everything_is_a_whole_tensor, 0, 3);
	tcase_add_test(tests, shards_are_chosen_by_the_caller);
	tcase_add_test(tests, shards_of_a_size_are_filled_one_after_the_other);
	tcase_add_loop_test(tests, tensors_are_cut_along_any_axis, 20, 90);
	tcase_add_test(tests, what_tensorflow_cannot_join_is_not_cut);
	tcase_add_test(tests, the_object_graph_counts_for_nothing);
	tcase_add_loop_test(tests, the_bytes_do_not_depend_on_how_they_are_written, 0,
			    COUNT_OF(ways));
	tcase_add_loop_test(tests, what_is_written_is_what_was_given, 0, 3);
	tcase_add_test(tests, callbacks_are_cut_where_their_bytes_stay_in_order);
	tcase_add_loop_test(tests, a_failing_callback_ends_the_save_with_its_status, 1, 4);
	tcase_add_test(tests, progress_grows_to_all_of_the_data_and_can_cancel);
	tcase_add_loop_test(tests, a_full_disk_leaves_nothing, 0, 8);
	tcase_add_test(tests, what_is_there_is_replaced_on_request_only);
	tcase_add_test(tests, a_replaced_bundle_of_more_shards_is_gone);
	tcase_add_test(tests, the_content_id_is_that_of_the_index);
	tcase_add_test(tests, what_tensorflow_cannot_hold_is_listed);
	tcase_add_loop_test(tests, slices_must_not_overlap, 0, 2);
	tcase_add_test(tests, names_are_unique);
	tcase_add_loop_test(tests, options_that_make_no_sense_are_refused, 0,
			    COUNT_OF(bad_options));
	tcase_add_loop_test(tests, shards_that_are_none_are_refused, 0, 3);
	tcase_add_test(tests, strings_are_sliced_in_bundles_only);
	tcase_add_test(tests, a_prefix_whose_names_are_too_long_is_refused);
	tcase_add_loop_test(tests, a_failing_call_leaves_nothing_and_leaks_nothing, 0,
			    2 * COUNT_OF(failing));
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(write_bundle_suite());
}
