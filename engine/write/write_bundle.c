/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer's tensors as a TensorFlow checkpoint.
 *
 * Strings are encoded when their data file is written, all of them, and freed behind it; everything
 * else goes from its source to a staging buffer.
 */
#include "engine/write/bundle_plan.h"
#include "engine/write/bundle_values.h"
#include "engine/write/report.h"
#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/digest.h"
#include "format/error.h"

struct bundle_save {
	struct cairn_writer *writer;
	struct bundle_plan plan;
};

static struct blob *blob_of(const struct bundle_save *save, uint32_t file, uint64_t piece)
{
	return &save->plan.blobs[save->plan.first_blobs[file] + piece];
}

static enum cairn_status begin(void *context, uint32_t file, struct cairn_error *error)
{
	struct bundle_save *const save = context;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < save->plan.files[file].piece_count && status == CAIRN_OK; i++) {
		struct blob *const blob = blob_of(save, file, i);

		if (blob->item->block_bytes != 0)
			continue;
		report_look_at_strings(save->writer->report, blob->item);
		status = values_store(save->writer->system, blob->item, item_elements(blob->item),
				      blob->size, &blob->encoded, &blob->crc, error);
	}
	return status;
}

static void end(void *context, uint32_t file)
{
	struct bundle_save *const save = context;

	for (uint64_t i = 0; i < save->plan.files[file].piece_count; i++) {
		struct blob *const blob = blob_of(save, file, i);

		system_free(save->writer->system, blob->encoded);
		blob->encoded = NULL;
	}
}

static enum cairn_status fill(void *context, const struct bundle_part *part, uint8_t *bytes,
			      struct stored_scratch *scratch, struct cairn_error *error)
{
	const struct bundle_save *const save = context;
	const struct blob *const blob = blob_of(save, part->file, part->piece);

	if (blob->encoded == NULL)
		return blob_read(blob, part->offset, part->size, bytes, scratch, error);
	memcpy(bytes, blob->encoded + part->offset, part->size);
	return CAIRN_OK;
}

static void look(void *context, const struct bundle_part *part, const uint8_t *bytes)
{
	const struct bundle_save *const save = context;
	const struct blob *const blob = blob_of(save, part->file, part->piece);
	const struct report_part looked_at = {.item = blob->item,
					      .box = blob->box,
					      .piece = blob,
					      .offset = part->offset,
					      .size = part->size};

	if (blob->encoded == NULL)
		report_look(save->writer->report, &looked_at, bytes);
}

/* The CRC of strings counts lengths as numbers: it is known since they were encoded. */
static enum cairn_status take_crc(void *context, uint32_t file, uint64_t piece, uint32_t crc,
				  struct cairn_error *error)
{
	const struct bundle_save *const save = context;
	const struct blob *const blob = blob_of(save, file, piece);

	(void)error;
	blob->entry->crc = crc32c_mask(blob->encoded == NULL ? crc : blob->crc);
	return CAIRN_OK;
}

static void note_size(const struct bundle_save *save, uint64_t index_size)
{
	struct write_size *const written = &save->writer->files;

	*written = (struct write_size){.count = (uint64_t)save->plan.file_count + 1,
				       .bytes = index_size};
	for (uint32_t i = 0; i < save->plan.file_count; i++)
		written->bytes += save->plan.files[i].size;
}

static enum cairn_status make_index(void *context, uint8_t **bytes, uint64_t *size,
				    struct cairn_error *error)
{
	struct bundle_save *const save = context;
	struct cairn_writer *const writer = save->writer;
	const enum cairn_status status = bundle_write(&writer->arena, &save->plan.bundle, bytes,
						      size, error);

	if (status != CAIRN_OK)
		return status;
	writer->content_id = digest_bytes(*bytes, *size);
	report_complete(writer);
	note_size(save, *size);
	return CAIRN_OK;
}

/* A tensor that is an alias in the checkpoint that it comes from is stored once more. */
static void forget_aliases(struct cairn_writer *writer)
{
	for (uint64_t i = 0; i < writer->item_count; i++) {
		if (writer->items[i].source == SOURCE_STORED)
			writer->items[i].alias_of = (struct cairn_string){NULL, 0};
	}
}

static enum cairn_status plan_bundle(struct bundle_save *save, struct cairn_error *error)
{
	struct cairn_writer *const writer = save->writer;
	enum cairn_status status;

	if ((status = bundle_check_items(writer, error)) != CAIRN_OK)
		return status;
	forget_aliases(writer);
	if ((status = writer_group(writer, error)) != CAIRN_OK ||
	    (status = writer_check_overlap(writer, error)) != CAIRN_OK ||
	    (status = bundle_plan_make(writer, &save->plan, error)) != CAIRN_OK)
		return status;
	return bundle_check_prefix(writer->target, save->plan.file_count, error);
}

enum cairn_status writer_measure_bundle(struct cairn_writer *writer, struct cairn_error *error)
{
	struct bundle_save save = {.writer = writer};
	uint8_t *index;
	uint64_t index_size;
	enum cairn_status status = plan_bundle(&save, error);

	if (status != CAIRN_OK)
		return status;
	for (uint64_t i = 0; i < save.plan.blob_count; i++)
		save.plan.blobs[i].entry->crc = 1; /* not 0, which takes no bytes */
	status = bundle_write(&writer->arena, &save.plan.bundle, &index, &index_size, error);
	if (status == CAIRN_OK)
		note_size(&save, index_size);
	return status;
}

enum cairn_status writer_save_bundle(struct cairn_writer *writer, struct cairn_error *error)
{
	const struct cairn_writer_options *const options = &writer->options;
	const struct bundle_target target = {
		.folder = &writer->folder,
		.prefix = writer->target,
		.replace = (options->flags & CAIRN_WRITER_REPLACE) != 0,
		.buffered = (options->flags & CAIRN_WRITER_BUFFERED) != 0,
		.thread_count = options->thread_count,
		.progress = options->progress,
		.progress_context = options->progress_context,
	};
	struct bundle_save save = {.writer = writer};
	struct bundle_content content = {.begin = begin,
					 .end = end,
					 .fill = fill,
					 .look = look,
					 .take_crc = take_crc,
					 .make_index = make_index,
					 .context = &save};
	enum cairn_status status = plan_bundle(&save, error);

	if (status == CAIRN_OK)
		status = report_begin(writer, error);
	if (status != CAIRN_OK)
		return status;
	content.files = save.plan.files;
	content.file_count = save.plan.file_count;
	return bundle_files_save(&target, &content, error);
}
