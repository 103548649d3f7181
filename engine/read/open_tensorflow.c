/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a TensorFlow V2 checkpoint: the table of a prefix (`prefix.index`), and the data files
 * that it counts.
 *
 * The table comes from anywhere; format/tensorflow_bundle.h checks all that it can tell alone. Data
 * files are opened by base name in the folder of the path as it was given; links are followed and
 * must lead to regular files. Every piece is compared with the size of its file here, so that a
 * file that was cut off is noticed before anything is read from it. The lengths of strings are read
 * here, since nothing else says how many bytes they have; other data are not touched.
 *
 * Whoever replaces a checkpoint takes its table away before it touches a data file
 * (publish_prefix): a table that is still there when all data files are open belongs to them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/file_window.h"
#include "engine/read/opening.h"
#include "format/bytes.h"
#include "format/error.h"
#include "format/tensorflow_bundle.h"
#include "format/tensorflow_names.h"
#include "format/tensorflow_values.h"

/* A table of a hundred million entries. */
#define TABLE_SIZE_MAX ((uint64_t)16 << 30)

struct bundle_opening {
	struct opening base;
	struct bundle bundle;
	const char *prefix; /* base name */
	bool *is_used;      /* by shard: a piece has bytes there */
};

/* ----------------------------------------------------------------------------------- data files */

static enum cairn_status note_used_shards(struct bundle_opening *opening, struct cairn_error *error)
{
	const struct bundle *const bundle = &opening->bundle;

	opening->is_used = arena_allocate_array(&opening->base.scratch, bundle->header.shard_count,
						sizeof(bool));
	if (opening->is_used == NULL)
		return error_set_memory(error, "the table of shards");
	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		const struct bundle_tensor *const tensor = &bundle->tensors[i];

		for (uint32_t k = 0; k < tensor->piece_count; k++) {
			if (tensor->pieces[k].size != 0)
				opening->is_used[tensor->pieces[k].shard] = true;
		}
	}
	return CAIRN_OK;
}

/* A data file that nothing refers to need not be there. */
static enum cairn_status open_shard(struct bundle_opening *opening, int directory, uint32_t shard,
				    struct missing_files *missing, struct cairn_error *error)
{
	struct cairn_reader *const reader = opening->base.reader;
	struct file *const file = &reader->files[shard + 1];
	char name[SYSTEM_NAME_SIZE + 64];
	struct file_place place = {.directory = directory};
	enum cairn_status status;

	snprintf(name, sizeof(name), BUNDLE_DATA_NAME, opening->prefix, shard,
		 opening->bundle.header.shard_count);
	place.path = arena_copy(&reader->arena, name, strlen(name) + 1);
	if (place.path == NULL)
		return error_set_memory(error, "the name of a shard");
	place.name = place.path;
	status = strlen(name) >= SYSTEM_NAME_SIZE ? CAIRN_NOT_FOUND /* no folder can hold it */
						  : file_open(reader->system, &place, file, error);
	if (status == CAIRN_NOT_FOUND) {
		*file = (struct file){.fd = -1, .name = place.name, .system = reader->system};
		if (opening->is_used[shard])
			missing_files_add(missing, cairn_string_from(place.name));
		status = CAIRN_OK;
	} else if (status == CAIRN_OK) {
		status = reader_map_file(reader, shard + 1, error);
	}
	opening_identify(&opening->base, shard, (const uint8_t *)"", 0);
	return status == CAIRN_OK ? status : error_prefix(error, status, place.name);
}

static enum cairn_status open_shards(struct bundle_opening *opening, int directory,
				     struct cairn_error *error)
{
	const uint32_t count = opening->bundle.header.shard_count;
	struct missing_files missing = {0};
	enum cairn_status status = note_used_shards(opening, error);

	if (status == CAIRN_OK)
		status = opening_reserve(&opening->base, count, error);
	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++)
		status = open_shard(opening, directory, i, &missing, error);
	return status == CAIRN_OK ? missing_files_refuse(&missing, count, error) : status;
}

/* The name still leads to the table that was read. */
static enum cairn_status check_unchanged(struct cairn_reader *reader, int directory,
					 const struct file *table, struct cairn_error *error)
{
	struct system_status now;
	const int result = system_status_at(reader->system, directory, table->name, true, &now);

	if (result == 0 && now.device == table->status.device && now.inode == table->status.inode &&
	    now.size == table->status.size)
		return CAIRN_OK;
	if (result < 0 && result != -ENOENT)
		return error_set_system(error, result, "cannot examine the index");
	reader->siblings_changed = true;
	return error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
			 "it was replaced while it was opened");
}

/* --------------------------------------------------------------------------------------- pieces */

static enum cairn_status check_piece(const struct cairn_reader *reader,
				     const struct bundle_piece *piece, struct cairn_error *error)
{
	const struct file *const file = &reader->files[piece->shard + 1];

	if (piece->size == 0 || range_within(piece->offset, piece->size, file->size))
		return CAIRN_OK;
	error_set(error, CAIRN_TRUNCATED, piece->offset,
		  "offset %" PRIu64 " + size %" PRIu64 " exceeds file size %" PRIu64, piece->offset,
		  piece->size, file->size);
	return error_prefix(error, CAIRN_TRUNCATED, file->name);
}

/* Bytes of strings in Cairn's form. */
static enum cairn_status measure_values(const struct bundle_opening *opening,
					const struct bundle_tensor *tensor,
					struct bundle_piece *piece, struct cairn_error *error)
{
	const struct file *const file = &opening->base.reader->files[piece->shard + 1];
	const uint64_t room = piece->size < VALUES_READ_MAX ? piece->size : VALUES_READ_MAX;
	struct file_window window;
	const struct values values = {
		.count = bundle_piece_elements(tensor, piece),
		.stored_size = piece->size,
		.is_variant = tensor->dtype == CAIRN_VARIANT,
		.big_endian = opening->bundle.header.big_endian,
		.read = file_window_read,
		.context = &window,
	};
	enum cairn_status status;

	if (!file_window_open(&window, file, room))
		return error_set_memory(error, "the lengths of strings");
	file_window_move(&window, piece->size == 0 ? 0 : piece->offset, piece->size);
	status = values_measure(&values, &piece->raw_size, error);
	file_window_close(&window);
	return status;
}

static enum cairn_status check_tensor(struct bundle_opening *opening,
				      const struct bundle_tensor *tensor, struct cairn_error *error)
{
	const bool is_variable = tensor->dtype == CAIRN_STRING || tensor->dtype == CAIRN_VARIANT;
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < tensor->piece_count && status == CAIRN_OK; i++) {
		status = check_piece(opening->base.reader, &tensor->pieces[i], error);
		if (status == CAIRN_OK && is_variable)
			status = measure_values(opening, tensor, &tensor->pieces[i], error);
	}
	return status == CAIRN_OK ? status : error_prefix_tensor(error, status, tensor->name);
}

static enum cairn_status describe(struct bundle_opening *opening, struct cairn_error *error)
{
	const struct bundle *const bundle = &opening->bundle;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < bundle->tensor_count && status == CAIRN_OK; i++)
		status = check_tensor(opening, &bundle->tensors[i], error);
	return status == CAIRN_OK
		       ? bundle_describe(&opening->base.scratch, bundle, &opening->base.list, error)
		       : status;
}

/* ------------------------------------------------------------------------------------ all of it */

static enum cairn_status read_table(struct bundle_opening *opening, const struct file *table,
				    struct cairn_error *error)
{
	uint8_t *bytes = NULL;
	enum cairn_status status;

	if (table->size > TABLE_SIZE_MAX)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "the table has %" PRIu64 " bytes, %" PRIu64 " are allowed",
				 table->size, TABLE_SIZE_MAX);
	status = opening_read(&opening->base, table, table->size, &bytes, error);
	return status == CAIRN_OK ? bundle_parse(&opening->base.scratch, bytes, table->size,
						 &opening->bundle, error)
				  : status;
}

static enum cairn_status open_bundle(struct bundle_opening *opening, int directory,
				     const struct file *table, struct cairn_error *error)
{
	enum cairn_status status = read_table(opening, table, error);

	if (status != CAIRN_OK)
		return error_prefix(error, status, table->name);
	status = open_shards(opening, directory, error);
	if (status == CAIRN_OK)
		status = check_unchanged(opening->base.reader, directory, table, error);
	if (status == CAIRN_OK)
		status = describe(opening, error);
	return status == CAIRN_OK ? opening_complete(&opening->base, error) : status;
}

enum cairn_status open_tensorflow(struct cairn_reader *reader, int directory, struct file *table,
				  struct cairn_error *error)
{
	const size_t size = strlen(table->name) - strlen(BUNDLE_INDEX_SUFFIX);
	struct bundle_opening opening = {0};
	char *const prefix = arena_copy(&reader->arena, table->name, size + 1);
	enum cairn_status status;

	reader->format = "tensorflow-v2";
	reader->index_file = table->name;
	reader->index_file_size = table->size;
	reader->has_foreign_checks = true;
	opening_init(&opening.base, reader);
	if (prefix == NULL) {
		status = error_set_memory(error, "the path");
	} else {
		prefix[size] = '\0';
		opening.prefix = prefix;
		status = open_bundle(&opening, directory, table, error);
	}
	opening_fini(&opening.base);
	reader->table = *table; /* closed with the reader, whatever comes of it */
	return status;
}
