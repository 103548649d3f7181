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

#include "engine/convert/copy_checkpoint.h"
#include "engine/convert/export_safetensors.h"
#include "engine/convert/export_tensorflow.h"
#include "engine/convert/reshard.h"
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
						      .settings = settings};

		if (path_ends_with(path, ".cairn"))
			return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
					 "shards need a folder: %s is the name of one file",
					 quote(cairn_string_from(path)).text);
		return reshard(reader, &target, error);
	}
	status = writer_create(reader->system, path, &settings, &writer, error);
	if (status == CAIRN_OK)
		status = copy_checkpoint(writer, reader, error);
	if (status == CAIRN_OK)
		status = cairn_writer_finish(writer, error);
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

enum cairn_status cairn_convert(const struct cairn_reader *reader, const char *path,
				const struct cairn_convert_options *options,
				struct cairn_error *error)
{
	static const struct cairn_convert_options defaults = {0};
	enum cairn_target target = CAIRN_TARGET_CAIRN;
	enum cairn_status status;

	if (options == NULL)
		options = &defaults;
	if (path == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no path to write to");
	status = check_options(options, error);
	if (status == CAIRN_OK)
		status = choose_target(path, options->target, &target, error);
	if (status == CAIRN_OK && target != CAIRN_TARGET_CAIRN &&
	    options->compression > CAIRN_COMPRESSION_NONE)
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "only containers are compressed");
	if (status != CAIRN_OK)
		return status;
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
