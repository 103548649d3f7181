/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a tensor follow from its number, the seed and their place in it.
 */
#include "tests/support/sharded_sample.h"

#include <stdio.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/write/writer.h"
#include "format/error.h"
#include "tests/support/sample_model.h"

enum {
	BIAS = 1,
	GRID,
	PAIR,
	OWN, /* and up */
	BIAS_SIZE = 32,
	OWN_SIZE = 16,
	PAIR_SIZE = 32,
	COLUMNS = 12,
	ROW_SIZE = COLUMNS * 4,
	ROWS_A_RANK = 2,
	GRID_SIZE_MAX = 64 * ROWS_A_RANK * ROW_SIZE
};

static const char *const formats[] = {"seed even", "seed odd"};

static uint8_t content(uint32_t tensor, uint8_t seed, uint64_t at)
{
	const uint32_t mixed = (uint32_t)at * 2654435761u + tensor * 40503u + seed * 69069u;

	return (uint8_t)(mixed >> 13 ^ mixed >> 3);
}

static void fill(uint8_t *bytes, uint32_t tensor, uint8_t seed, uint64_t from, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		bytes[i] = content(tensor, seed, from + i);
}

/* ------------------------------------------------------------------------------------- writing */

/* A slice is told by a number: where it begins in the tensor's bytes, the tensor, the seed. */
static void *slice_number(uint64_t from, uint32_t tensor, uint8_t seed)
{
	return (void *)(uintptr_t)(from << 16 | tensor << 8 | seed);
}

static enum cairn_status produce(void *context, uint64_t offset, void *buffer, size_t size)
{
	const uintptr_t number = (uintptr_t)context;

	fill(buffer, (number >> 8) & 0xff, (uint8_t)number, (number >> 16) + offset, size);
	return CAIRN_OK;
}

static void add_slice(struct cairn_writer *writer, const char *name, uint32_t rank,
		      const uint64_t *dims, const uint64_t *starts, const uint64_t *lengths,
		      void *number)
{
	const struct cairn_tensor_spec spec = {.name = cairn_string_from(name),
					       .dtype = CAIRN_F32,
					       .rank = rank,
					       .dims = dims,
					       .starts = starts,
					       .lengths = lengths};

	(void)!cairn_writer_add_callback(writer, &spec, produce, number, NULL);
}

static void add_whole(struct cairn_writer *writer, const char *name, enum cairn_dtype dtype,
		      uint64_t count, uint32_t tensor, uint8_t seed, uint64_t size)
{
	uint8_t bytes[64];

	fill(bytes, tensor, seed, 0, size);
	(void)!cairn_writer_add_copy(writer, name, dtype, 1, &count, bytes, NULL);
}

void sharded_add(struct cairn_writer *writer, const struct sharded_sample *sample, uint32_t rank)
{
	const uint64_t rows = (uint64_t)sample->ranks * ROWS_A_RANK;
	const uint64_t row = (uint64_t)rank * ROWS_A_RANK;
	const uint64_t half = rank % 2;
	char name[16];

	snprintf(name, sizeof(name), "own-%u", rank);
	add_whole(writer, name, CAIRN_U8, OWN_SIZE, OWN + rank, sample->seed, OWN_SIZE);
	add_whole(writer, "bias", CAIRN_F32, BIAS_SIZE / 4, BIAS, sample->seed, BIAS_SIZE);
	add_slice(writer, "grid", 2, (const uint64_t[]){rows, COLUMNS}, (const uint64_t[]){row, 0},
		  (const uint64_t[]){ROWS_A_RANK, CAIRN_FULL},
		  slice_number(row * ROW_SIZE, GRID, sample->seed));
	add_slice(writer, "pair", 1, (const uint64_t[]){PAIR_SIZE / 4},
		  (const uint64_t[]){half * PAIR_SIZE / 8}, (const uint64_t[]){PAIR_SIZE / 8},
		  slice_number(half * PAIR_SIZE / 2, PAIR, sample->seed));
	(void)!cairn_writer_set_metadata_string(writer, cairn_string_from("format"),
						cairn_string_from(formats[sample->seed % 2]), NULL);
}

enum cairn_status sharded_write_rank(struct cairn_save *save, const struct sharded_sample *sample,
				     uint32_t rank, uint32_t attempt, struct cairn_error *error)
{
	struct cairn_writer *writer = NULL;
	enum cairn_status status;

	status = cairn_save_writer(save, rank, attempt, NULL, &writer, error);
	if (status != CAIRN_OK)
		return status;
	sharded_add(writer, sample, rank);
	status = cairn_writer_finish(writer, error);
	cairn_writer_destroy(writer);
	return status;
}

enum cairn_status sharded_write_part(struct system *system, const char *path,
				     const struct sharded_sample *sample, uint32_t rank,
				     struct cairn_error *error)
{
	struct cairn_writer *writer = NULL;
	enum cairn_status status;

	status = writer_create(system, path, NULL, &writer, error);
	if (status != CAIRN_OK)
		return status;
	sharded_add(writer, sample, rank);
	status = cairn_writer_finish(writer, error);
	cairn_writer_destroy(writer);
	return status;
}

enum cairn_status sharded_begin(struct system *system, const char *path,
				const struct sharded_sample *sample, bool replace,
				struct cairn_save **save, struct cairn_error *error)
{
	const struct cairn_save_options options = {
		.rank_count = sample->ranks, .replace = replace, .generation = sample->seed};

	return save_begin(system, path, &options, save, error);
}

enum cairn_status sharded_write(struct system *system, const char *path,
				const struct sharded_sample *sample, bool replace,
				struct cairn_error *error)
{
	struct cairn_save *save = NULL;
	enum cairn_status status = sharded_begin(system, path, sample, replace, &save, error);

	for (uint32_t rank = 0; rank < sample->ranks && status == CAIRN_OK; rank++)
		status = sharded_write_rank(save, sample, rank, 0, error);
	if (status == CAIRN_OK)
		status = cairn_save_commit(save, error);
	cairn_save_destroy(save);
	return status;
}

/* ------------------------------------------------------------------------------------- reading */

static enum cairn_status differs(const char *what, struct cairn_error *error)
{
	return error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET, "sharded sample: %s differs",
			 what);
}

static enum cairn_status compare_whole(const struct cairn_reader *reader, const char *name,
				       uint32_t tensor, uint8_t seed, uint64_t size,
				       struct cairn_error *error)
{
	uint8_t expected[GRID_SIZE_MAX];
	struct cairn_tensor found;
	struct cairn_view view = {0};
	enum cairn_status status;

	status = cairn_reader_find(reader, name, &found, error);
	if (status == CAIRN_OK)
		status = cairn_tensor_view(&found, &view, error);
	if (status != CAIRN_OK)
		return status;
	fill(expected, tensor, seed, 0, size);
	if (view.size != size || memcmp(view.data, expected, size) != 0)
		status = differs(name, error);
	cairn_view_release(&view);
	return status;
}

/* Some columns of the grid. */
static enum cairn_status compare_columns(const struct cairn_reader *reader,
					 const struct sharded_sample *sample, uint64_t from,
					 uint64_t count, struct cairn_error *error)
{
	const uint64_t rows = (uint64_t)sample->ranks * ROWS_A_RANK;
	const uint64_t starts[] = {0, from};
	const uint64_t lengths[] = {CAIRN_FULL, count};
	uint8_t bytes[GRID_SIZE_MAX];
	uint8_t expected[ROW_SIZE];
	struct cairn_tensor grid;
	enum cairn_status status;

	status = cairn_reader_find(reader, "grid", &grid, error);
	if (status == CAIRN_OK)
		status = cairn_tensor_read_slice(&grid, starts, lengths, bytes, rows * count * 4,
						 error);
	for (uint64_t row = 0; row < rows && status == CAIRN_OK; row++) {
		fill(expected, GRID, sample->seed, row * ROW_SIZE + from * 4, count * 4);
		if (memcmp(bytes + row * count * 4, expected, count * 4) != 0)
			status = differs("a slice of the grid", error);
	}
	return status;
}

static enum cairn_status compare_metadata(const struct cairn_reader *reader,
					  const struct sharded_sample *sample,
					  struct cairn_error *error)
{
	const char *const expected = formats[sample->seed % 2];
	struct cairn_tensor value;
	struct cairn_view view = {0};
	struct cairn_string text = {0};
	enum cairn_status status;

	status = cairn_reader_metadata_find(reader, cairn_string_from("format"), &value, error);
	if (status == CAIRN_OK)
		status = cairn_tensor_view(&value, &view, error);
	if (status == CAIRN_OK)
		status = cairn_view_string(&value, &view, 0, &text, error);
	if (status == CAIRN_OK &&
	    (text.size != strlen(expected) || memcmp(text.data, expected, text.size) != 0))
		status = differs("the metadata", error);
	cairn_view_release(&view);
	return status;
}

static enum cairn_status compare_facts(const struct cairn_reader *reader,
				       const struct sharded_sample *sample,
				       struct cairn_error *error)
{
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_tensor tensor;
	enum cairn_status status;

	cairn_reader_info(reader, &info);
	if (info.tensor_count != 3 + (uint64_t)sample->ranks || info.metadata_count != 1)
		return differs("the number of tensors", error);
	status = cairn_reader_find(reader, "pair", &tensor, error);
	if (status == CAIRN_OK && tensor.slice_count != 2) /* replicas are stored once */
		return differs("the number of slices of a pair", error);
	if (status == CAIRN_OK)
		status = cairn_reader_find(reader, "bias", &tensor, error);
	if (status == CAIRN_OK && tensor.slice_count != 1)
		return differs("the number of copies of the bias", error);
	return status;
}

enum cairn_status sharded_compare(const struct cairn_reader *reader,
				  const struct sharded_sample *sample, uint32_t readers,
				  struct cairn_error *error)
{
	const uint64_t grid_size = (uint64_t)sample->ranks * ROWS_A_RANK * ROW_SIZE;
	const uint8_t seed = sample->seed;
	const uint64_t columns = COLUMNS / readers;
	enum cairn_status status;
	char name[16];

	if ((status = compare_facts(reader, sample, error)) != CAIRN_OK ||
	    (status = compare_metadata(reader, sample, error)) != CAIRN_OK ||
	    (status = compare_whole(reader, "bias", BIAS, seed, BIAS_SIZE, error)) != CAIRN_OK ||
	    (status = compare_whole(reader, "pair", PAIR, seed, PAIR_SIZE, error)) != CAIRN_OK ||
	    (status = compare_whole(reader, "grid", GRID, seed, grid_size, error)) != CAIRN_OK)
		return status;
	for (uint32_t rank = 0; rank < sample->ranks && status == CAIRN_OK; rank++) {
		snprintf(name, sizeof(name), "own-%u", rank);
		status = compare_whole(reader, name, OWN + rank, seed, OWN_SIZE, error);
	}
	for (uint32_t rank = 0; rank < readers && status == CAIRN_OK; rank++)
		status = compare_columns(reader, sample, rank * columns, columns, error);
	return status;
}

enum cairn_status sharded_check(struct system *system, const char *path,
				const struct sharded_sample *sample, struct cairn_error *error)
{
	struct cairn_reader *reader = NULL;
	enum cairn_status status = reader_open_path(system, path, NULL, &reader, error);

	if (status == CAIRN_OK)
		status = sharded_compare(reader, sample, 3, error);
	if (status == CAIRN_OK)
		status = sample_verify(reader, error);
	cairn_reader_close(reader);
	return status;
}
