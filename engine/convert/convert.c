/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converting: chooses the target, and writes containers. Exporters of foreign formats have files of
 * their own.
 *
 * A container gets the tensors in the order in which the source stores them, so that the source is
 * read from front to back. It can hold everything that a reader can describe.
 */
#include <cairn/convert.h>

#include <string.h>

#include "engine/convert/convert_writer.h"
#include "engine/convert/copy_checkpoint.h"
#include "engine/convert/export_safetensors.h"
#include "engine/convert/export_tensorflow.h"
#include "engine/convert/reshard.h"
#include "engine/convert/select_reader.h"
#include "engine/read/identify.h"
#include "engine/read/reader.h"
#include "engine/write/writer.h"
#include "format/error.h"
#include "format/safetensors.h"

#define DROP_KNOWN ((uint32_t)(CAIRN_DROP_METADATA | CAIRN_DROP_SLICES | CAIRN_DROP_ALIGNMENT))

/* ------------------------------------------------------------------------------- to a container */

/* A container that is converted to another one stays what it is: of the same save, with the same
 * alignment. */
static struct cairn_writer_options writer_options(const struct cairn_reader *reader,
						  const struct cairn_convert_options *options)
{
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct cairn_writer_options result = {
		.size = sizeof(result),
		.flags = (options->replace ? (uint32_t)CAIRN_WRITER_REPLACE : 0) |
			 (options->sort ? (uint32_t)CAIRN_WRITER_SORT : 0),
		.chunk_size = options->chunk_size,
		.alignment = options->alignment,
		.thread_count = options->thread_count,
		.compression = options->compression,
		.progress = options->progress,
		.progress_context = options->progress_context,
	};

	cairn_reader_info(reader, &info);
	result.parent_id = info.parent_id;
	result.generation = info.generation;
	memcpy(result.save_id, info.save_id, sizeof(result.save_id));
	if (result.alignment == 0 && options->compression <= CAIRN_COMPRESSION_NONE &&
	    (options->drop & CAIRN_DROP_ALIGNMENT) == 0)
		result.alignment = info.alignment;
	return result;
}

enum cairn_status convert_writer(const struct cairn_reader *reader, const char *path,
				 const struct cairn_writer_options *settings,
				 const struct cairn_convert_options *options,
				 struct cairn_writer **writer, struct cairn_error *error)
{
	return options->dry_run != 0
		       ? writer_create_to_measure(reader->system, path, settings, writer, error)
		       : writer_create(reader->system, path, settings, writer, error);
}

enum cairn_status convert_finish(struct cairn_writer *writer,
				 const struct cairn_convert_options *options,
				 struct cairn_error *error)
{
	const enum cairn_status status = options->dry_run != 0 ? writer_measure(writer, error)
							       : cairn_writer_finish(writer, error);

	options->report->file_count = writer->files.count;
	options->report->bytes = writer->files.bytes;
	return status;
}

static enum cairn_status convert_to_container(const struct cairn_reader *reader, const char *path,
					      const struct cairn_convert_options *options,
					      struct cairn_error *error)
{
	const struct cairn_writer_options settings = writer_options(reader, options);
	struct cairn_writer *writer = NULL;
	enum cairn_status status;

	if (options->shard_size_max != 0) {
		const struct reshard_target target = {.path = path,
						      .shard_size_max = options->shard_size_max,
						      .replace = options->replace != 0,
						      .dry_run = options->dry_run != 0,
						      .report = options->report,
						      .settings = settings};

		if (path_ends_with(path, ".cairn"))
			return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
					 "shards need a folder: %s is the name of one file",
					 quote(cairn_string_from(path)).text);
		return reshard(reader, &target, error);
	}
	status = convert_writer(reader, path, &settings, options, &writer, error);
	if (status == CAIRN_OK)
		status = copy_checkpoint(writer, reader, error);
	if (status == CAIRN_OK)
		status = convert_finish(writer, options, error);
	cairn_writer_destroy(writer);
	return status;
}

/* ----------------------------------------------------------------------------------- the target */

static enum cairn_status choose_target(const char *path, enum cairn_target wanted,
				       enum cairn_target *target, struct cairn_error *error)
{
	*target = wanted;
	if (wanted != CAIRN_TARGET_BY_SUFFIX)
		return CAIRN_OK;
	if (path_ends_with(path, ".cairn"))
		*target = CAIRN_TARGET_CAIRN;
	else if (path_ends_with(path, ".safetensors") ||
		 path_ends_with(path, SAFETENSORS_INDEX_SUFFIX))
		*target = CAIRN_TARGET_SAFETENSORS;
	else
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no format follows from the name %s: .cairn, .safetensors "
				 "and " SAFETENSORS_INDEX_SUFFIX " are known",
				 quote(cairn_string_from(path)).text);
	return CAIRN_OK;
}

static enum cairn_status check_options(const struct cairn_convert_options *options,
				       struct cairn_error *error)
{
	if (options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "convert options of %zu bytes, not %zu", options->size,
				 sizeof(*options));
	if (options->target > CAIRN_TARGET_TENSORFLOW ||
	    (unsigned)options->compression > CAIRN_COMPRESSION_LZ4_SHUFFLE ||
	    (options->drop & ~DROP_KNOWN) != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "unknown convert options");
	return CAIRN_OK;
}

static enum cairn_status convert_to(const struct cairn_reader *reader, const char *path,
				    enum cairn_target target,
				    const struct cairn_convert_options *options,
				    struct cairn_error *error)
{
	switch (target) {
	case CAIRN_TARGET_SAFETENSORS:
		return export_safetensors(reader, path, options, error);
	case CAIRN_TARGET_TENSORFLOW:
		return export_tensorflow(reader, path, options, error);
	case CAIRN_TARGET_CAIRN:
	case CAIRN_TARGET_BY_SUFFIX:
	default:
		return convert_to_container(reader, path, options, error);
	}
}

enum cairn_status cairn_convert(const struct cairn_reader *reader, const char *path,
				const struct cairn_convert_options *options,
				struct cairn_error *error)
{
	struct cairn_convert_options settings = {0};
	struct cairn_convert_report report = {0};
	enum cairn_target target = CAIRN_TARGET_CAIRN;
	struct cairn_reader *selected = NULL;
	enum cairn_status status;

	if (path == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no path to write to");
	if (options != NULL)
		settings = *options;
	settings.report = &report;
	status = check_options(&settings, error);
	if (status == CAIRN_OK)
		status = choose_target(path, settings.target, &target, error);
	if (status == CAIRN_OK && target != CAIRN_TARGET_CAIRN &&
	    settings.compression > CAIRN_COMPRESSION_NONE)
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "only containers are compressed");
	if (status == CAIRN_OK && settings.selection != NULL)
		status = select_reader(reader, settings.selection, &selected, error);
	if (selected != NULL)
		reader = selected;
	report.tensor_count = cairn_reader_tensor_count(reader);
	report.metadata_count = cairn_reader_metadata_count(reader);
	if (status == CAIRN_OK)
		status = convert_to(reader, path, target, &settings, error);
	if (status == CAIRN_OK && options != NULL && options->report != NULL)
		*options->report = report;
	cairn_reader_close(selected);
	return status;
}
