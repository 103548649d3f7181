/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the files of a bundle.
 *
 * The CRC of a piece is that of the staging buffers that are written. A piece may span segments
 * that different threads write: each part's CRC is noted, and they are combined when the file is
 * complete.
 */
#include "engine/write/bundle_files.h"

#include <assert.h>
#include <inttypes.h>

#include "engine/write/prefix_files.h"
#include "engine/write/publish_prefix.h"
#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/error.h"

struct saving {
	const struct bundle_target *target;
	const struct bundle_content *content;
	struct draft *drafts; /* owned: one for each file, then the index */
	uint32_t draft_count;
	uint64_t written; /* bytes of complete files */
	uint64_t total;   /* of all data files */

	/* The file that is being written. */
	uint32_t file;
	uint32_t *crcs; /* owned; of its parts, by their numbers */
};

static enum cairn_status of_target(const struct saving *saving, enum cairn_status status,
				   struct cairn_error *error)
{
	const char *const path = saving->target->path;

	return status == CAIRN_OK || path == NULL ? status : error_prefix(error, status, path);
}

enum cairn_status bundle_check_prefix(const char *prefix, uint32_t file_count,
				      struct cairn_error *error)
{
	const struct data_number last = {.number = file_count - 1, .total = file_count};
	char name[SYSTEM_NAME_SIZE];

	if (prefix_index_name(prefix, name) && prefix_data_name(prefix, last, name))
		return CAIRN_OK;
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "not a prefix: the names of its files would be too long");
}

/* ------------------------------------------------------------------------------------- one file */

static struct bundle_part part_of(const struct saving *saving, const struct dense_part *part)
{
	return (struct bundle_part){.file = saving->file,
				    .piece = part->piece,
				    .offset = part->offset,
				    .size = part->size};
}

static enum cairn_status fill(void *context, const struct dense_part *part, uint8_t *bytes,
			      struct stored_scratch *scratch, struct cairn_error *error)
{
	const struct saving *const saving = context;
	const struct bundle_part bundle_part = part_of(saving, part);

	return saving->content->fill(saving->content->context, &bundle_part, bytes, scratch, error);
}

static void seal(void *context, const struct dense_part *part, const uint8_t *bytes)
{
	const struct saving *const saving = context;
	const struct bundle_content *const content = saving->content;
	const struct bundle_part bundle_part = part_of(saving, part);

	if (content->look != NULL)
		content->look(content->context, &bundle_part, bytes);
	saving->crcs[part->number] = crc32c_extend(0, bytes, part->size);
}

/* Combines what `seal` noted of a piece: its parts, one for each segment that it touches. */
static uint32_t crc_of_piece(const struct saving *saving, const struct dense_piece *piece,
			     uint64_t number)
{
	uint64_t segment = piece->offset / DENSE_SEGMENT_SIZE;
	uint64_t at = piece->offset;
	const uint64_t end = piece->offset + piece->size;
	uint32_t crc = 0;

	for (; at < end; segment++) {
		const uint64_t border = (segment + 1) * DENSE_SEGMENT_SIZE;
		const uint64_t part_end = border < end ? border : end;

		crc = crc32c_combine(crc, saving->crcs[number + segment], part_end - at);
		at = part_end;
	}
	return crc;
}

static enum cairn_status take_crcs(const struct saving *saving, const struct bundle_file *file,
				   struct cairn_error *error)
{
	const struct bundle_content *const content = saving->content;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < file->piece_count && status == CAIRN_OK; i++)
		status = content->take_crc(content->context, saving->file, i,
					   crc_of_piece(saving, &file->pieces[i], i), error);
	return status;
}

static struct segment_target segment_target_of(const struct saving *saving)
{
	const struct bundle_target *const target = saving->target;

	return (struct segment_target){
		.path = target->path,
		.thread_count = target->thread_count,
		.progress = target->progress,
		.progress_context = target->progress_context,
		.done_before = saving->written,
		.total = saving->total,
	};
}

static enum cairn_status begin_draft(struct saving *saving, const char *name, uint64_t size,
				     struct draft **result, struct cairn_error *error)
{
	const struct bundle_target *const target = saving->target;
	struct draft *const draft = &saving->drafts[saving->draft_count];
	const bool direct = size >= DIRECT_SIZE_MIN && !target->buffered;
	const enum cairn_status status = draft_create(target->folder, name, direct, draft, error);

	if (status != CAIRN_OK)
		return of_target(saving, status, error);
	saving->draft_count++;
	*result = draft;
	return CAIRN_OK;
}

static enum cairn_status write_pieces(struct saving *saving, const struct bundle_file *file,
				      const struct draft *draft, struct cairn_error *error)
{
	const struct segment_target target = segment_target_of(saving);
	const struct dense_file dense = {
		.size = file->size,
		.pieces = file->pieces,
		.piece_count = file->piece_count,
		.in_order = file->in_order,
		.fill = fill,
		.seal = seal,
		.context = saving,
	};
	struct system *const system = draft->folder->system;
	enum cairn_status status;

	saving->crcs = system_allocate(system, dense_part_limit(&dense) * sizeof(*saving->crcs));
	if (saving->crcs == NULL)
		return error_set_memory(error, "the checksums of a file");
	status = dense_file_write(&dense, draft, &target, error);
	if (status == CAIRN_OK)
		status = take_crcs(saving, file, error);
	system_free(system, saving->crcs);
	saving->written += file->size;
	return status;
}

static enum cairn_status write_file(struct saving *saving, uint32_t number,
				    struct cairn_error *error)
{
	const struct bundle_content *const content = saving->content;
	const struct bundle_file *const file = &content->files[number];
	const struct data_number place = {.number = number, .total = content->file_count};
	struct draft *draft = NULL;
	char name[SYSTEM_NAME_SIZE];
	enum cairn_status status;

	saving->file = number;
	prefix_data_name(saving->target->prefix, place, name);
	status = begin_draft(saving, name, file->size, &draft, error);
	if (status != CAIRN_OK)
		return status;
	if (content->begin != NULL)
		status = content->begin(content->context, number, error);
	if (status == CAIRN_OK)
		status = write_pieces(saving, file, draft, error);
	if (content->end != NULL)
		content->end(content->context, number);
	return status;
}

/* ------------------------------------------------------------------------------------ all of it */

static enum cairn_status report_progress(const struct saving *saving, struct cairn_error *error)
{
	const struct bundle_target *const target = saving->target;

	if (target->progress == NULL ||
	    target->progress(target->progress_context, saving->written, saving->total) == 0)
		return CAIRN_OK;
	return of_target(saving,
			 error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET, "cancelled"),
			 error);
}

static enum cairn_status write_index(struct saving *saving, struct cairn_error *error)
{
	const struct bundle_content *const content = saving->content;
	struct draft *draft = NULL;
	uint8_t *bytes = NULL;
	uint64_t size = 0;
	char name[SYSTEM_NAME_SIZE];
	enum cairn_status status = content->make_index(content->context, &bytes, &size, error);

	if (status != CAIRN_OK)
		return status;
	prefix_index_name(saving->target->prefix, name);
	status = begin_draft(saving, name, size, &draft, error);
	if (status == CAIRN_OK)
		status = of_target(saving, draft_write_file(draft, bytes, size, error), error);
	return status;
}

static enum cairn_status write_all(struct saving *saving, struct cairn_error *error)
{
	const struct bundle_content *const content = saving->content;
	enum cairn_status status;

	for (uint32_t i = 0; i < content->file_count; i++)
		saving->total += content->files[i].size; /* below 2^63: as they were planned */
	status = report_progress(saving, error);
	for (uint32_t i = 0; i < content->file_count && status == CAIRN_OK; i++)
		status = write_file(saving, i, error);
	if (status == CAIRN_OK)
		status = write_index(saving, error);
	return status == CAIRN_OK ? report_progress(saving, error) : status;
}

enum cairn_status bundle_files_save(const struct bundle_target *target,
				    const struct bundle_content *content, struct cairn_error *error)
{
	struct system *const system = target->folder->system;
	struct saving saving = {.target = target, .content = content};
	enum cairn_status status;

	saving.drafts = system_allocate_zeroed(system, ((size_t)content->file_count + 1) *
							       sizeof(*saving.drafts));
	if (saving.drafts == NULL)
		return error_set_memory(error, "the table of files");
	status = write_all(&saving, error);
	if (status == CAIRN_OK) {
		assert(saving.draft_count == content->file_count + 1);
		status = of_target(
			&saving,
			publish_prefix(saving.drafts, saving.draft_count, target->replace, error),
			error);
	} else {
		for (uint32_t i = 0; i < saving.draft_count; i++)
			draft_discard(&saving.drafts[i]);
	}
	system_free(system, saving.drafts);
	return status;
}
