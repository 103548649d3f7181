/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recipes of the golden containers.
 *
 * Data is a function of a tensor's name and of where a slice begins, so that no two are alike by
 * accident.
 */
#include "tests/support/golden.h"

#include <stdlib.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "engine/write/writer.h"

struct cairn_error golden_error;

void golden_must(enum cairn_status status, const char *call)
{
	if (status == CAIRN_OK)
		return;
	fprintf(stderr, "%s: %s: %s\n", call, cairn_status_name(status), golden_error.message);
	abort();
}

static void must_have(const void *memory)
{
	if (memory == NULL)
		golden_must(CAIRN_NO_MEMORY, "allocating");
}

static struct cairn_string string_of(const char *text, size_t size)
{
	return (struct cairn_string){text, size};
}

/* Text that may hold NUL. */
#define STRING(literal) string_of(literal, sizeof(literal) - 1)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ----------------------------------------------------------------------------------------- data */

/* Bits of a byte that elements of the type use. */
static uint8_t mask_of(enum cairn_dtype dtype)
{
	if (dtype == CAIRN_BOOL)
		return 0x01;
	if (dtype == CAIRN_I2_BYTE || dtype == CAIRN_U2_BYTE)
		return 0x03;
	if (dtype == CAIRN_F4_E2M1_BYTE || dtype == CAIRN_I4_BYTE || dtype == CAIRN_U4_BYTE)
		return 0x0f;
	return 0xff;
}

/* FNV-1a, then a linear congruence. */
static void fill(uint8_t *bytes, size_t size, const struct cairn_tensor_spec *spec)
{
	const uint8_t mask = mask_of(spec->dtype);
	uint32_t state = 2166136261u;

	for (size_t i = 0; i < spec->name.size; i++)
		state = (state ^ (uint8_t)spec->name.data[i]) * 16777619u;
	for (uint32_t d = 0; spec->starts != NULL && d < spec->rank; d++)
		state = (state ^ (uint32_t)spec->starts[d]) * 16777619u;
	for (size_t i = 0; i < size; i++) {
		state = state * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(state >> 24) & mask;
	}
}

static uint64_t size_of(const struct cairn_tensor_spec *spec)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(spec->dtype);
	uint64_t count = 1;

	for (uint32_t d = 0; d < spec->rank; d++)
		count *= spec->lengths == NULL || spec->lengths[d] == CAIRN_FULL ? spec->dims[d]
										 : spec->lengths[d];
	return info == NULL ? count / spec->block_elements * spec->block_bytes
			    : count / info->block_elements * info->block_bytes;
}

/* Adds a tensor or slice with the data that belongs to it. */
static void add_spec(struct cairn_writer *writer, const struct cairn_tensor_spec *spec)
{
	const uint64_t size = size_of(spec);
	uint8_t *const bytes = arena_allocate(&writer->arena, size); /* lives until finish */

	must_have(bytes);
	fill(bytes, size, spec);
	GOLDEN_MUST(cairn_writer_add_spec(writer, spec, bytes, &golden_error));
}

static void add(struct cairn_writer *writer, const char *name, enum cairn_dtype dtype,
		uint32_t rank, const uint64_t *dims)
{
	const struct cairn_tensor_spec spec = {
		.name = cairn_string_from(name), .dtype = dtype, .rank = rank, .dims = dims};

	add_spec(writer, &spec);
}

static void add_alias(struct cairn_writer *writer, const char *name, const char *target)
{
	GOLDEN_MUST(cairn_writer_add_alias(writer, cairn_string_from(name),
					   cairn_string_from(target), &golden_error));
}

/* ------------------------------------------------------------------------- containers in memory */

static struct cairn_writer *begin(struct memory_system *memory,
				  const struct cairn_writer_options *options)
{
	struct cairn_writer *writer = NULL;

	must_have(memory);
	GOLDEN_MUST(writer_create(memory_system_get(memory), "/golden.cairn", options, &writer,
				  &golden_error));
	return writer;
}

static struct golden_bytes finish(struct memory_system *memory, struct cairn_writer *writer)
{
	struct golden_bytes bytes = {0};
	int64_t size;

	GOLDEN_MUST(cairn_writer_finish(writer, &golden_error));
	cairn_writer_destroy(writer);
	size = memory_system_content(memory, "/golden.cairn", NULL, 0);
	if (size <= 0)
		golden_must(CAIRN_IO, "reading the container");
	bytes.size = (size_t)size;
	bytes.data = malloc(bytes.size);
	must_have(bytes.data);
	memory_system_content(memory, "/golden.cairn", bytes.data, bytes.size);
	memory_system_destroy(memory);
	return bytes;
}

/* ------------------------------------------------------------------ smallest, one tensor, types */

static void add_nothing(struct cairn_writer *writer)
{
	(void)writer;
}

static void add_one_tensor(struct cairn_writer *writer)
{
	static const uint64_t dims[] = {2, 3};
	static const float values[] = {0, 1, 2, 3, 4, 5};

	GOLDEN_MUST(cairn_writer_add(writer, "w", CAIRN_F32, 2, dims, values, &golden_error));
}

/* Each type whose elements have a size, in up to three shapes. */
static void add_type(struct cairn_writer *writer, const struct cairn_dtype_info *info)
{
	const uint64_t dims[] = {3, (uint64_t)2 * info->block_elements};
	const uint64_t empty[] = {0, info->block_elements};
	char name[64];

	add(writer, info->name, info->dtype, 2, dims);
	snprintf(name, sizeof(name), "%s.empty", info->name);
	add(writer, name, info->dtype, 2, empty);
	snprintf(name, sizeof(name), "%s.scalar", info->name);
	if (info->block_elements == 1)
		add(writer, name, info->dtype, 0, NULL);
}

/* VariantTensorDataProto messages: an empty one, and one with type_name "x". */
static void add_variant(struct cairn_writer *writer)
{
	const struct cairn_string messages[] = {STRING(""), STRING("\n\x01x")};
	const uint64_t count = COUNT(messages);

	GOLDEN_MUST(cairn_writer_add_variable(writer, STRING("variant"), CAIRN_VARIANT, 1, &count,
					      messages, &golden_error));
}

static void add_types(struct cairn_writer *writer)
{
	static const uint64_t dims[] = {14};
	const struct cairn_string strings[] = {STRING("one"), STRING("")};
	const uint64_t count = COUNT(strings);

	/* the types that there were when this was written */
	static const struct {
		uint16_t first;
		uint16_t last;
	} ranges[] = {{1, 16}, {24, 29}, {32, 34}, {40, 44}, {48, 52}, {64, 90}};

	for (size_t i = 0; i < COUNT(ranges); i++) {
		for (uint16_t code = ranges[i].first; code <= ranges[i].last; code++)
			add_type(writer, cairn_dtype_info((enum cairn_dtype)code));
	}
	GOLDEN_MUST(cairn_writer_add_strings(writer, STRING("string"), 1, &count, strings,
					     &golden_error));
	add_variant(writer);
	add_spec(writer, &(struct cairn_tensor_spec){.name = STRING("unknown type"),
						     .dtype = (enum cairn_dtype)60000,
						     .rank = 1,
						     .dims = dims,
						     .block_elements = 7,
						     .block_bytes = 5});
}

/* --------------------------------------------------------------------------------------- slices */

static void add_slice(struct cairn_writer *writer, const char *name, enum cairn_dtype dtype,
		      const uint64_t dims[2], uint64_t row, uint64_t row_count, uint64_t column,
		      uint64_t column_count)
{
	const uint64_t starts[] = {row, column};
	const uint64_t lengths[] = {row_count, column_count};

	add_spec(writer, &(struct cairn_tensor_spec){.name = cairn_string_from(name),
						     .dtype = dtype,
						     .rank = 2,
						     .dims = dims,
						     .starts = starts,
						     .lengths = lengths});
}

/* Slices of several tensors come mixed, and not in the order of their places. */
static void add_slices(struct cairn_writer *writer)
{
	static const uint64_t dims[] = {4, 6};
	static const uint64_t packed[] = {3, 16};
	static const uint64_t vector[] = {10};
	static const uint64_t start[] = {2};
	static const uint64_t length[] = {5};

	add_slice(writer, "quarters", CAIRN_F32, dims, 2, 2, 3, 3);
	add_slice(writer, "quarters", CAIRN_F32, dims, 0, 2, 0, 3);
	add_slice(writer, "literal rows", CAIRN_I16, dims, 1, 3, 0, CAIRN_FULL);
	add_slice(writer, "quarters", CAIRN_F32, dims, 0, 2, 3, 3);
	add_slice(writer, "literal rows", CAIRN_I16, dims, 0, 1, 0, 6);
	add_slice(writer, "quarters", CAIRN_F32, dims, 2, 2, 0, 3);
	add_slice(writer, "literal whole", CAIRN_U8, dims, 0, CAIRN_FULL, 0, CAIRN_FULL);
	add_slice(writer, "spelled out", CAIRN_U8, dims, 0, 4, 0, 6);
	add(writer, "whole", CAIRN_U8, 2, dims);
	add_slice(writer, "incomplete", CAIRN_F64, dims, 0, 2, 0, 2);
	add_slice(writer, "incomplete", CAIRN_F64, dims, 3, 1, 0, CAIRN_FULL);
	add_slice(writer, "packed", CAIRN_F4_E2M1, packed, 0, CAIRN_FULL, 0, 6);
	add_slice(writer, "packed", CAIRN_F4_E2M1, packed, 0, CAIRN_FULL, 6, 10);
	add_slice(writer, "with an empty slice", CAIRN_U8, dims, 0, 4, 0, 6);
	add_slice(writer, "with an empty slice", CAIRN_U8, dims, 4, 0, 0, 6);
	add_spec(writer, &(struct cairn_tensor_spec){.name = STRING("part of a vector"),
						     .dtype = CAIRN_U64,
						     .rank = 1,
						     .dims = vector,
						     .starts = start,
						     .lengths = length});
}

/* ---------------------------------------------------------------------- names, strings, aliases */

static void add_named(struct cairn_writer *writer, struct cairn_string name)
{
	static const uint64_t dims[] = {3};

	add_spec(writer, &(struct cairn_tensor_spec){
				 .name = name, .dtype = CAIRN_U8, .rank = 1, .dims = dims});
}

static void add_strings(struct cairn_writer *writer)
{
	const struct cairn_string strings[] = {
		STRING("a"),  STRING(""),           STRING("b\0c"),
		STRING("\0"), STRING("\xff\xfe\0"), STRING("\xc3\xa4\xe2\x82\xac")};
	const uint64_t vector[] = {6};
	const uint64_t matrix[] = {2, 3};
	const uint64_t none[] = {3, 0};

	GOLDEN_MUST(cairn_writer_add_strings(writer, STRING("vector"), 1, vector, strings,
					     &golden_error));
	GOLDEN_MUST(cairn_writer_add_strings(writer, STRING("matrix"), 2, matrix, strings,
					     &golden_error));
	GOLDEN_MUST(cairn_writer_add_strings(writer, STRING("none"), 2, none, NULL, &golden_error));
	GOLDEN_MUST(cairn_writer_add_strings(writer, STRING("scalar"), 0, NULL, strings + 2,
					     &golden_error));
	GOLDEN_MUST(cairn_writer_add_strings(writer, STRING("empty scalar"), 0, NULL, strings + 1,
					     &golden_error));
	add_named(writer, STRING(""));
	add_named(writer, STRING("\0"));
	add_named(writer, STRING("a"));
	add_named(writer, STRING("a\0b"));
	add_named(writer, STRING("a\0"));
	add_named(writer, STRING("\xc3\xa4"));
	add_named(writer, STRING("\xf0\x9f\xaa\xa8/pile of \"stones\"\n"));
	add_named(writer, STRING("a/b"));
	add_named(writer, STRING("a.b"));
}

/* The first name of a group in name order holds the bytes, whichever was added whole. */
static void add_aliases(struct cairn_writer *writer)
{
	static const uint64_t dims[] = {8, 2};
	static const uint64_t empty[] = {0};

	add(writer, "m", CAIRN_BF16, 2, dims);
	add_alias(writer, "a", "m");
	add_alias(writer, "z", "m");
	add_alias(writer, "last", "first");
	add(writer, "first", CAIRN_C64, 0, NULL);
	add(writer, "nothing", CAIRN_F32, 1, empty);
	add_alias(writer, "nothing too", "nothing");
	add(writer, "own bytes", CAIRN_BF16, 2, dims);
}

/* ------------------------------------------------------------------------------------- metadata */

static void set(struct cairn_writer *writer, const char *key, enum cairn_dtype dtype, uint32_t rank,
		uint64_t count, const void *data)
{
	GOLDEN_MUST(cairn_writer_set_metadata(writer, cairn_string_from(key), dtype, rank, &count,
					      data, &golden_error));
}

static void set_text(struct cairn_writer *writer, struct cairn_string key,
		     struct cairn_string value)
{
	GOLDEN_MUST(cairn_writer_set_metadata_string(writer, key, value, &golden_error));
}

static void set_strings(struct cairn_writer *writer, struct cairn_string key,
			enum cairn_dtype dtype, uint32_t rank, uint64_t count,
			const struct cairn_string *strings)
{
	GOLDEN_MUST(cairn_writer_set_metadata_strings(writer, key, dtype, rank, &count, strings,
						      &golden_error));
}

static void add_metadata(struct cairn_writer *writer)
{
	static const uint8_t yes_no[] = {1, 0};
	static const int64_t numbers[] = {-1, 0, INT64_MAX};
	static const uint16_t small = 0xffff;
	static const double real = 0.1;
	static const float reals[] = {1.5f, -0.0f};
	const struct cairn_string list[] = {STRING("adam"), STRING(""), STRING("a\0b")};
	const uint64_t dims[] = {4};

	set(writer, "bool", CAIRN_BOOL, 0, 0, yes_no);
	set(writer, "bools", CAIRN_BOOL, 1, 2, yes_no);
	set(writer, "step", CAIRN_I64, 0, 0, numbers);
	set(writer, "numbers", CAIRN_I64, 1, 3, numbers);
	set(writer, "no numbers", CAIRN_I64, 1, 0, NULL);
	set(writer, "small", CAIRN_U16, 0, 0, &small);
	set(writer, "real", CAIRN_F64, 0, 0, &real);
	set(writer, "reals", CAIRN_F32, 1, 2, reals);
	set(writer, "null", CAIRN_NULL, 0, 0, NULL);
	set_text(writer, STRING("text"), STRING("\xc3\xbc\xe2\x80\xa6"));
	set_text(writer, STRING("empty text"), STRING(""));
	set_text(writer, STRING("text with NUL"), STRING("a\0b"));
	set_text(writer, STRING(""), STRING("under the empty key"));
	set_text(writer, STRING("key\0with NUL"), STRING("x"));
	set_strings(writer, STRING("texts"), CAIRN_STRING, 1, 3, list);
	set_strings(writer, STRING("bytes"), CAIRN_BYTES, 0, 1, list + 2);
	set_strings(writer, STRING("list of bytes"), CAIRN_BYTES, 1, 3, list);
	set_strings(writer, STRING("empty list"), CAIRN_STRING, 1, 0, NULL);
	add(writer, "step", CAIRN_F32, 1, dims); /* the same name in the other namespace */
}

/* ------------------------------------------------------------------- chunks, digest tree, order */

static void add_chunks(struct cairn_writer *writer)
{
	const uint64_t below[] = {65535};
	const uint64_t two[] = {66000};
	const uint64_t one[] = {65536};

	add(writer, "a byte less than large", CAIRN_U8, 1, below);
	add(writer, "two chunks", CAIRN_U8, 1, two);
	add(writer, "exactly one chunk", CAIRN_U8, 1, one);
}

/* An index of more than one block. */
static void add_tree(struct cairn_writer *writer)
{
	for (unsigned i = 0; i < 350; i++) {
		const uint64_t dims[] = {i % 5};
		char name[32];

		snprintf(name, sizeof(name), "layer.%u", i);
		add(writer, name, CAIRN_U16, 1, dims);
	}
}

static void add_unsorted(struct cairn_writer *writer)
{
	static const uint64_t dims[] = {30};

	set_text(writer, STRING("note"), STRING("data in the order of names"));
	add(writer, "c", CAIRN_U32, 1, dims);
	add_alias(writer, "b", "c");
	add(writer, "a", CAIRN_U32, 1, dims);
}

/* Bytes that become shorter, the more so when they are shuffled: a place in the element, and a
 * number that grows. */
static uint8_t *numbers(struct cairn_writer *writer, uint64_t size, uint32_t width)
{
	uint8_t *const bytes = arena_allocate(&writer->arena, size);

	must_have(bytes);
	for (uint64_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i % width + i / 512 * (i % 2));
	return bytes;
}

/* A vector of numbers; with noise in the `noise_size` bytes from `noise` on. */
static void add_numbers(struct cairn_writer *writer, const char *name, enum cairn_dtype dtype,
			uint64_t size, enum cairn_compression compression, uint64_t noise,
			uint64_t noise_size)
{
	const struct cairn_dtype_info *const info = cairn_dtype_info(dtype);
	const uint64_t dims[] = {size / info->block_bytes};
	uint8_t *const bytes = numbers(writer, size, info->block_bytes);
	const struct cairn_tensor_spec spec = {.name = cairn_string_from(name),
					       .dtype = dtype,
					       .rank = 1,
					       .dims = dims,
					       .compression = compression};

	fill(bytes + noise, noise_size, &spec);
	GOLDEN_MUST(cairn_writer_add_spec(writer, &spec, bytes, &golden_error));
}

static void add_long_string(struct cairn_writer *writer)
{
	static const uint64_t dims[] = {2};
	const struct cairn_string strings[] = {
		STRING("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
		STRING("")};

	GOLDEN_MUST(cairn_writer_add_strings(writer, STRING("strings"), 1, dims, strings,
					     &golden_error));
}

/* Each width of a shuffle; a tensor whose first chunk stays raw, one of which all do. */
static void add_compressed(struct cairn_writer *writer)
{
	static const enum cairn_dtype dtypes[] = {CAIRN_U8, CAIRN_BF16, CAIRN_F32, CAIRN_C64,
						  CAIRN_F64};

	for (size_t i = 0; i < COUNT(dtypes); i++)
		add_numbers(writer, cairn_dtype_info(dtypes[i])->name, dtypes[i], 70000,
			    CAIRN_COMPRESSION_DEFAULT, 0, 0);
	add_numbers(writer, "noise, then numbers", CAIRN_U8, 70000, CAIRN_COMPRESSION_DEFAULT, 0,
		    65536);
	add_numbers(writer, "noise", CAIRN_U8, 66000, CAIRN_COMPRESSION_DEFAULT, 0, 66000);
	add_named(writer, STRING("small"));
	add_long_string(writer);
}

/* Few bytes: with and without a shuffle, next to what is raw; slices; an alias; metadata. */
static void add_some_compressed(struct cairn_writer *writer)
{
	static const uint64_t dims[] = {40, 20};
	static const uint64_t starts[][2] = {{0, 0}, {0, 10}};
	static const uint64_t lengths[][2] = {{40, 10}, {40, 10}};

	add_numbers(writer, "shuffled", CAIRN_F32, 66000, CAIRN_COMPRESSION_LZ4_SHUFFLE, 0, 0);
	add_numbers(writer, "not shuffled", CAIRN_F32, 66000, CAIRN_COMPRESSION_LZ4, 0, 0);
	add_numbers(writer, "raw at the end", CAIRN_U16, 65836, CAIRN_COMPRESSION_LZ4_SHUFFLE,
		    65536, 300);
	add_numbers(writer, "raw", CAIRN_F16, 500, CAIRN_COMPRESSION_NONE, 0, 0);
	for (size_t i = 0; i < COUNT(starts); i++)
		GOLDEN_MUST(
			cairn_writer_add_spec(writer,
					      &(struct cairn_tensor_spec){.name = STRING("halves"),
									  .dtype = CAIRN_F64,
									  .rank = 2,
									  .dims = dims,
									  .starts = starts[i],
									  .lengths = lengths[i]},
					      numbers(writer, 3200, 8), &golden_error));
	add_alias(writer, "tied", "shuffled");
	add_long_string(writer);
	set_text(writer, STRING("text"), STRING("metadata are never compressed"));
}

/* ---------------------------------------------------------------------------------------- table */

const struct golden golden_recipes[] = {
	{.name = "v1-smallest", .add = add_nothing},
	{.name = "v1-one-tensor", .add = add_one_tensor},
	{.name = "v1-types", .add = add_types},
	{.name = "v1-slices", .add = add_slices},
	{.name = "v1-strings", .add = add_strings},
	{.name = "v1-aliases", .add = add_aliases},
	{.name = "v1-metadata", .add = add_metadata, .generation = 41},
	{.name = "v1-chunks", .add = add_chunks, .chunk_size = 65536, .alignment = 65536},
	{.name = "v1-tree", .add = add_tree},
	{.name = "v1-sorted", .add = add_unsorted, .flags = CAIRN_WRITER_SORT},
	{.name = "v1-compressed",
	 .add = add_compressed,
	 .chunk_size = 65536,
	 .compression = CAIRN_COMPRESSION_LZ4_SHUFFLE},
	{.name = "v1-some-compressed",
	 .add = add_some_compressed,
	 .chunk_size = 65536,
	 .compression = CAIRN_COMPRESSION_LZ4},
};
const size_t golden_count = COUNT(golden_recipes);

struct golden_bytes golden_make(const struct golden *recipe, uint32_t thread_count)
{
	struct cairn_writer_options options = {
		.flags = recipe->flags,
		.chunk_size = recipe->chunk_size,
		.alignment = recipe->alignment,
		.generation = recipe->generation,
		.thread_count = thread_count,
		.compression = recipe->compression,
	};
	struct memory_system *const memory = memory_system_create();
	struct cairn_writer *writer;

	for (uint8_t i = 0; recipe->generation != 0 && i < 16; i++) {
		options.save_id[i] = (uint8_t)(0x10 + i);
		options.parent_id.bytes[i] = (uint8_t)(0xf0 + i);
	}
	writer = begin(memory, &options);
	recipe->add(writer);
	return finish(memory, writer);
}
