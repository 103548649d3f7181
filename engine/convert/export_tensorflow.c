/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To TensorFlow: from its own format as it is, unless another layout is asked for; else tensor by
 * tensor through a writer, in the order in which the source stores them.
 */
#include "engine/convert/export_tensorflow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/convert/convert_writer.h"
#include "engine/convert/copy_bundle.h"
#include "engine/convert/copy_checkpoint.h"
#include "engine/read/reader.h"
#include "engine/write/refusal.h"
#include "engine/write/writer.h"
#include "format/container.h"
#include "format/error.h"

/* A promise above the default was asked for by someone; the default is nobody's wish. */
static enum cairn_status check_alignment(const struct cairn_reader *reader,
					 const struct cairn_convert_options *options,
					 struct cairn_error *error)
{
	struct cairn_reader_info info = {.size = sizeof(info)};
	struct refusal refusal = {.count = 0};
	char why[96];

	cairn_reader_info(reader, &info);
	if (info.alignment <= CONTAINER_ALIGNMENT_MIN || options->alignment != 0 ||
	    (options->drop & CAIRN_DROP_ALIGNMENT) != 0)
		return CAIRN_OK;
	snprintf(why, sizeof(why), "the alignment of %" PRIu64 " bytes (drop alignment to lose it)",
		 info.alignment);
	refusal_add(&refusal, NULL, cairn_string_from(""), why);
	return refusal_status(&refusal, "TensorFlow", error);
}

/* What safetensors files say of who reads their tensors; nobody misses it. */
static bool is_format_entry(const struct cairn_tensor *value)
{
	static const char key[] = "format";

	return value->dtype == CAIRN_STRING && value->rank == 0 &&
	       value->name.size == sizeof(key) - 1 &&
	       memcmp(value->name.data, key, sizeof(key) - 1) == 0;
}

/* There is no place for any: the writer lists them. */
static enum cairn_status add_metadata(struct cairn_writer *writer,
				      const struct cairn_reader *reader, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < cairn_reader_metadata_count(reader) && status == CAIRN_OK; i++) {
		struct cairn_tensor value;

		status = cairn_reader_metadata_at(reader, i, &value, error);
		if (status == CAIRN_OK && !is_format_entry(&value))
			status = cairn_writer_copy_metadata(writer, &value, error);
	}
	return status;
}

static enum cairn_status write_tensors(const struct cairn_reader *reader, const char *path,
				       const struct cairn_convert_options *options,
				       struct cairn_error *error)
{
	const struct cairn_writer_options settings = {
		.size = sizeof(settings),
		.target = CAIRN_TARGET_TENSORFLOW,
		.flags = (options->replace ? (uint32_t)CAIRN_WRITER_REPLACE : 0) |
			 (options->sort ? (uint32_t)CAIRN_WRITER_SORT : 0),
		.alignment = options->alignment,
		.shard_size_max = options->shard_size_max,
		.thread_count = options->thread_count,
		.progress = options->progress,
		.progress_context = options->progress_context,
	};
	struct cairn_writer *writer = NULL;
	enum cairn_status status = convert_writer(reader, path, &settings, options, &writer, error);

	if (status == CAIRN_OK)
		status = copy_tensors(writer, reader, error);
	if (status == CAIRN_OK && (options->drop & CAIRN_DROP_METADATA) == 0)
		status = add_metadata(writer, reader, error);
	if (status == CAIRN_OK)
		status = convert_finish(writer, options, error);
	cairn_writer_destroy(writer);
	return status;
}

enum cairn_status export_tensorflow(const struct cairn_reader *reader, const char *path,
				    const struct cairn_convert_options *options,
				    struct cairn_error *error)
{
	struct cairn_reader_info info = {.size = sizeof(info)};
	const bool has_wish = options->shard_size_max != 0 || options->alignment != 0 ||
			      options->sort != 0;
	bool copied = false;
	enum cairn_status status = check_alignment(reader, options, error);

	cairn_reader_info(reader, &info);
	if (info.alignment > CONTAINER_ALIGNMENT_MIN && options->alignment == 0)
		options->report->alignment_dropped = info.alignment;
	options->report->metadata_count = 0;
	options->report->metadata_dropped = cairn_reader_metadata_count(reader);
	if (status == CAIRN_OK && reader->table.system != NULL && !has_wish)
		status = copy_bundle(reader, path, options, &copied, error);
	if (status != CAIRN_OK || copied)
		return status;
	return write_tensors(reader, path, options, error);
}
