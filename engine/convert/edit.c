/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Editing a container, or the index of a sharded checkpoint: a new file of the old data and a new
 * index, published over the old one.
 *
 * What is copied is not verified: the digests that go with it are those of the old index, so that
 * what was damaged is damaged, and found, as before.
 */
#include "engine/convert/edit.h"

#include <stdio.h>
#include <string.h>

#include "engine/convert/edit_plan.h"
#include "engine/write/publish.h"
#include "engine/write/recover.h"
#include "format/bytes.h"
#include "format/error.h"

/* What is needed to describe an index of any size. */
#define EDIT_ARENA_MAX ((size_t)1 << 40)

struct edit {
	struct system *system;
	const char *path;
	const struct cairn_edit_options *options;
	struct cairn_reader *reader; /* owned */
	struct arena arena;
	struct edit_plan plan;
	struct folder folder;
	char target[SYSTEM_NAME_SIZE];
};

/* ------------------------------------------------------------------------------------- checking */

static enum cairn_status check_options(const struct cairn_edit_options *options,
				       struct cairn_error *error)
{
	if (options == NULL || (options->size != 0 && options->size < sizeof(*options)))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "unknown edit options");
	if (options->set_count == 0 && options->unset_count == 0 && options->rename_count == 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "nothing to set, to unset or to rename");
	return CAIRN_OK;
}

/* The path of a file of the folder; NULL: no memory. */
static const char *path_beside(struct edit *edit, const char *name)
{
	const char *const folder = edit->reader->folder;
	const size_t size = strlen(folder) + strlen(name) + 2;
	char *const path = arena_allocate(&edit->arena, size);

	if (path != NULL)
		snprintf(path, size, "%s/%s", folder, name);
	return path;
}

static bool names_shard(const struct cairn_reader *index, const char *name)
{
	for (uint32_t i = 1; i < index->file_count; i++) {
		if (strcmp(index->files[i].name, name) == 0)
			return true;
	}
	return false;
}

/* An index in the folder may name the file: by its content, which an edit would change. One that is
 * damaged is not asked. */
static enum cairn_status check_not_shard(struct edit *edit, struct cairn_error *error)
{
	const char *const name = edit->reader->files[0].name;
	const char *const path = path_beside(edit, INDEX_NAME);
	struct cairn_reader *index = NULL;
	enum cairn_status status;
	bool named = true;

	if (path == NULL)
		return error_set_memory(error, "the path");
	if (strcmp(name, INDEX_NAME) == 0)
		return CAIRN_OK;
	status = reader_open_path(edit->system, path, NULL, &index, error);
	if (status == CAIRN_NOT_FOUND)
		return CAIRN_OK;
	if (status == CAIRN_NO_MEMORY || status == CAIRN_IO || status == CAIRN_BUSY)
		return status;
	if (status == CAIRN_OK)
		named = names_shard(index, name);
	cairn_reader_close(index);
	if (!named)
		return CAIRN_OK;
	return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
			 "a shard of a sharded checkpoint, whose index knows it by its content: "
			 "pass its folder");
}

static enum cairn_status check_kind(struct edit *edit, struct cairn_error *error)
{
	const struct cairn_reader *const reader = edit->reader;

	if (reader->first_file != 0 || reader->folder == NULL)
		return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
				 "only containers are edited, not %s: convert it, renaming on the "
				 "way",
				 reader->format);
	return check_not_shard(edit, error);
}

/* -------------------------------------------------------------------------------------- writing */

static enum cairn_status copy_data(const struct edit *edit, const struct draft *draft,
				   struct cairn_error *error)
{
	const struct file *const source = &edit->reader->files[0];

	for (uint32_t i = 0; i < edit->plan.kept_count; i++) {
		const struct region_record *const region = &edit->plan.regions[i];
		const int result = system_copy_all(edit->system, source->fd,
						   source->start + region->offset, draft->fd,
						   region->offset, region->size);

		if (result < 0)
			return error_set_system(error, result, "cannot copy the data");
	}
	return CAIRN_OK;
}

/* Nothing refers to it any more: it is padding now. */
static enum cairn_status clear_data(const struct edit *edit, const struct draft *draft,
				    struct cairn_error *error)
{
	static const uint8_t zeros[CONTAINER_PAGE_SIZE];

	for (uint64_t i = 0; i < edit->plan.cleared_count; i++) {
		const struct edit_range *const range = &edit->plan.cleared[i];

		for (uint64_t at = 0; at < range->size; at += sizeof(zeros)) {
			const uint64_t left = range->size - at;
			const int result = system_write_all(edit->system, draft->fd, zeros,
							    left < sizeof(zeros) ? (size_t)left
										 : sizeof(zeros),
							    range->offset + at);

			if (result < 0)
				return error_set_system(error, result, "cannot write");
		}
	}
	return CAIRN_OK;
}

static enum cairn_status write_values(struct edit *edit, const struct draft *draft,
				      struct cairn_error *error)
{
	const struct edit_plan *const plan = &edit->plan;
	const struct region_record *const region = &plan->regions[plan->kept_count];
	uint8_t *bytes;

	if (plan->kept_count == plan->region_count)
		return CAIRN_OK;
	bytes = arena_allocate_array(&edit->arena, region->size, 1);
	if (bytes == NULL)
		return error_set_memory(error, "values");
	for (uint64_t i = 0; i < plan->values->item_count; i++) {
		const struct item *const item = &plan->values->items[i];

		if (item->size != 0)
			memcpy(bytes + (item->extent.offset - region->offset), item->from.memory,
			       item->size);
	}
	return draft_write(draft, region->offset, bytes, region->size, error);
}

static enum cairn_status write_index(struct edit *edit, const struct draft *draft,
				     const uint8_t *header_page, struct cairn_error *error)
{
	struct edit_plan *const plan = &edit->plan;
	const struct container_footer *const old = &edit->reader->footer;
	struct built_index built;
	uint8_t page[CONTAINER_PAGE_SIZE];
	enum cairn_status status = index_build(&edit->arena, &plan->input, true, &built, error);

	if (status != CAIRN_OK)
		return status;
	built.footer.alignment = old->alignment;
	built.footer.parent_id = old->parent_id;
	built.footer.generation = old->generation;
	container_footer_seal(&built.footer, header_page, plan->index_offset, plan->file_size);
	container_footer_encode(&built.footer, page);
	plan->report.content_id = built.footer.content_id;
	if ((status = draft_write(draft, container_footer_copy_offset(&built.footer), page,
				  sizeof(page), error)) != CAIRN_OK ||
	    (status = draft_write(draft, plan->index_offset, built.image, built.image_size,
				  error)) != CAIRN_OK)
		return status;
	return draft_write(draft, plan->file_size - CONTAINER_PAGE_SIZE, page, sizeof(page), error);
}

static enum cairn_status write_draft(struct edit *edit, const struct draft *draft,
				     struct cairn_error *error)
{
	struct container_header header = {.version = CONTAINER_VERSION};
	uint8_t header_page[CONTAINER_PAGE_SIZE];
	enum cairn_status status;

	memcpy(header.save_id, edit->reader->header.save_id, sizeof(header.save_id));
	container_header_encode(&header, header_page);
	if ((status = draft_write(draft, 0, header_page, sizeof(header_page), error)) != CAIRN_OK ||
	    (status = copy_data(edit, draft, error)) != CAIRN_OK ||
	    (status = clear_data(edit, draft, error)) != CAIRN_OK ||
	    (status = write_values(edit, draft, error)) != CAIRN_OK)
		return status;
	return write_index(edit, draft, header_page, error);
}

/* The folder that the file was opened in, and its name there. */
static enum cairn_status open_folder(struct edit *edit, struct cairn_error *error)
{
	const char *const path = path_beside(edit, edit->reader->files[0].name);

	if (path == NULL)
		return error_set_memory(error, "the path");
	return folder_open(edit->system, path, &edit->folder, edit->target, error);
}

static enum cairn_status write_and_publish(struct edit *edit, struct cairn_error *error)
{
	struct sweep_counts counts = {0};
	struct draft draft = {.fd = -1};
	enum cairn_status status = open_folder(edit, error);

	if (status != CAIRN_OK)
		return status;
	(void)folder_sweep(&edit->folder, &counts, NULL); /* that it fails is no reason */
	status = draft_create(&edit->folder, edit->target, false, &draft, error);
	if (status == CAIRN_OK)
		status = write_draft(edit, &draft, error);
	if (status == CAIRN_OK)
		return publish_replacing(&draft, &edit->reader->files[0].status, error);
	draft_discard(&draft);
	return status;
}

/* ------------------------------------------------------------------------------------ all of it */

static enum cairn_status run(struct edit *edit, struct cairn_error *error)
{
	enum cairn_status status = check_kind(edit, error);

	if (status != CAIRN_OK)
		return reader_error(edit->reader, status, error);
	status = edit_plan_make(&edit->plan, edit->reader, edit->options, &edit->arena, error);
	if (status == CAIRN_OK && edit->options->dry_run == 0)
		status = reader_error(edit->reader, write_and_publish(edit, error), error);
	return status;
}

enum cairn_status edit_checkpoint(struct system *system, const char *path,
				  const struct cairn_edit_options *options,
				  struct cairn_edit_report *report, struct cairn_error *error)
{
	struct edit edit = {
		.system = system, .path = path, .options = options, .folder = {.fd = -1}};
	enum cairn_status status = check_options(options, error);

	if (status == CAIRN_OK)
		status = reader_open_path(system, path, NULL, &edit.reader, error);
	if (status != CAIRN_OK)
		return status;
	arena_init(&edit.arena, reader_arena_source(system), EDIT_ARENA_MAX);
	status = run(&edit, error);
	if (status == CAIRN_OK && report != NULL)
		*report = edit.plan.report;
	edit_plan_end(&edit.plan);
	folder_close(&edit.folder);
	arena_fini(&edit.arena);
	cairn_reader_close(edit.reader);
	return status;
}

enum cairn_status cairn_edit(const char *path, const struct cairn_edit_options *options,
			     struct cairn_edit_report *report, struct cairn_error *error)
{
	return edit_checkpoint(system_posix(), path, options, report, error);
}
