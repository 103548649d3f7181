/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers: create, finish, abort, destroy.
 *
 * Finish is the whole of a save: group, plan, write, index, publish. The temporary file exists only
 * while it runs. The first error that a writer ever met is what finish returns, so that no add call
 * can be lost.
 */
#include "engine/write/writer.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "engine/write/prefix_files.h"
#include "engine/write/publish.h"
#include "engine/write/recover.h"
#include "engine/write/report.h"
#include "engine/write/segment_writer.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

#define ARENA_SIZE_MAX ((size_t)1 << 46)

/* --------------------------------------------------------------------------------------- create */

static enum cairn_status unknown_options(struct cairn_error *error)
{
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "unknown writer options");
}

static enum cairn_status check_container_options(struct cairn_writer_options *options,
						 struct cairn_error *error)
{
	if (options->chunk_size == 0)
		options->chunk_size = CHUNK_SIZE_DEFAULT;
	if (options->alignment == 0)
		options->alignment = CONTAINER_ALIGNMENT_MIN;
	if (!is_power_of_two(options->chunk_size) || options->chunk_size < CHUNK_SIZE_MIN ||
	    options->chunk_size > CHUNK_SIZE_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a chunk size of %" PRIu32
				 " is no power of two from 64 KiB to 64 MiB",
				 options->chunk_size);
	if (!is_power_of_two(options->alignment) || options->alignment < CONTAINER_ALIGNMENT_MIN ||
	    options->alignment > CONTAINER_ALIGNMENT_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "an alignment of %" PRIu64
				 " is no power of two from 4 KiB to 2 MiB",
				 options->alignment);
	if (options->shard_count > 1 || options->shard_size_max != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a container has no shards: they are saved with save.h");
	return CAIRN_OK;
}

/* Slices are checked as those of a container are: what concerns one has its defaults. */
static enum cairn_status check_bundle_options(struct cairn_writer *writer,
					      struct cairn_error *error)
{
	struct cairn_writer_options *const options = &writer->options;

	writer->blob_alignment = options->alignment == 0 ? 1 : options->alignment;
	options->alignment = CONTAINER_ALIGNMENT_MIN;
	options->chunk_size = CHUNK_SIZE_DEFAULT;
	if (!is_power_of_two(writer->blob_alignment) ||
	    writer->blob_alignment > CONTAINER_ALIGNMENT_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "an alignment of %" PRIu64 " is no power of two to 2 MiB",
				 writer->blob_alignment);
	if (options->shard_count > SHARD_COUNT_MAX ||
	    (options->shard_count != 0 && options->shard_size_max != 0))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu32 " shards of at most %" PRIu64
				 " bytes: either a number to %u or a size",
				 options->shard_count, options->shard_size_max, SHARD_COUNT_MAX);
	if (options->compression > CAIRN_COMPRESSION_NONE)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "TensorFlow checkpoints are not compressed");
	if (options->shard_count == 0)
		options->shard_count = 1;
	return CAIRN_OK;
}

static enum cairn_status take_options(struct cairn_writer *writer,
				      const struct cairn_writer_options *given,
				      struct cairn_error *error)
{
	static const uint32_t known = CAIRN_WRITER_REPLACE | CAIRN_WRITER_SORT |
				      CAIRN_WRITER_BUFFERED | CAIRN_WRITER_STATISTICS;
	struct cairn_writer_options *const options = &writer->options;

	if (given != NULL)
		*options = *given;
	if ((options->size != 0 && options->size < sizeof(*options)) ||
	    (options->flags & ~known) != 0 ||
	    (unsigned)options->compression > CAIRN_COMPRESSION_LZ4_SHUFFLE ||
	    options->thread_count > SEGMENT_THREADS_MAX)
		return unknown_options(error);
	if (options->thread_count == 0)
		options->thread_count = SEGMENT_THREADS_DEFAULT;
	switch (options->target) {
	case CAIRN_TARGET_BY_SUFFIX:
	case CAIRN_TARGET_CAIRN:
		return check_container_options(options, error);
	case CAIRN_TARGET_TENSORFLOW:
		return check_bundle_options(writer, error);
	case CAIRN_TARGET_SAFETENSORS:
	default:
		return unknown_options(error);
	}
}

static bool is_bundle(const struct cairn_writer *writer)
{
	return writer->options.target == CAIRN_TARGET_TENSORFLOW;
}

/* The name whose being there means that the checkpoint is. */
static enum cairn_status name_of_target(const struct cairn_writer *writer,
					char name[SYSTEM_NAME_SIZE], struct cairn_error *error)
{
	if (!is_bundle(writer))
		memcpy(name, writer->target, strlen(writer->target) + 1);
	else if (!prefix_index_name(writer->target, name))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "too long a prefix");
	return CAIRN_OK;
}

/* Tells early what finish would refuse late. Finish decides: another writer may come between. */
static enum cairn_status check_target(const struct cairn_writer *writer, struct cairn_error *error)
{
	struct system_status status;
	char name[SYSTEM_NAME_SIZE];

	if (name_of_target(writer, name, error) != CAIRN_OK)
		return CAIRN_INVALID_ARGUMENT;
	if (system_status_at(writer->system, writer->folder.fd, name, false, &status) < 0)
		return CAIRN_OK;
	if (status.kind == SYSTEM_DIRECTORY)
		return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
				 "a directory is there already");
	if ((writer->options.flags & CAIRN_WRITER_REPLACE) == 0)
		return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET, "it is there already");
	return CAIRN_OK;
}

static enum cairn_status keep_path(struct cairn_writer *writer, const char *path,
				   struct cairn_error *error)
{
	writer->path = arena_copy(&writer->arena, path, strlen(path) + 1);
	return writer->path == NULL ? error_set_memory(error, "the path") : CAIRN_OK;
}

static enum cairn_status open_target(struct cairn_writer *writer, const char *path,
				     struct cairn_error *error)
{
	enum cairn_status status;

	status = folder_open(writer->system, path, &writer->folder, writer->target, error);
	if (status == CAIRN_OK)
		status = check_target(writer, error);
	return status == CAIRN_OK ? keep_path(writer, path, error) : status;
}

static struct cairn_writer *new_writer(struct system *system)
{
	struct cairn_writer *const writer = system_allocate_zeroed(system, sizeof(*writer));

	if (writer == NULL)
		return NULL;
	writer->system = system;
	writer->folder.fd = -1;
	arena_init(&writer->arena, reader_arena_source(system), ARENA_SIZE_MAX);
	return writer;
}

static enum cairn_status created(struct cairn_writer *writer, enum cairn_status status,
				 const char *path, struct cairn_writer **result,
				 struct cairn_error *error)
{
	if (status == CAIRN_OK) {
		*result = writer;
		return CAIRN_OK;
	}
	cairn_writer_destroy(writer);
	return path == NULL ? status : error_prefix(error, status, path);
}

enum cairn_status writer_create_to_measure(struct system *system, const char *path,
					   const struct cairn_writer_options *options,
					   struct cairn_writer **result, struct cairn_error *error)
{
	struct cairn_writer *const writer = new_writer(system);
	enum cairn_status status;

	if (writer == NULL)
		return error_set_memory(error, "a writer");
	status = take_options(writer, options, error);
	if (status == CAIRN_OK)
		status = open_target(writer, path, error);
	return created(writer, status, path, result, error);
}

enum cairn_status writer_create(struct system *system, const char *path,
				const struct cairn_writer_options *options,
				struct cairn_writer **writer, struct cairn_error *error)
{
	struct sweep_counts counts = {0};
	const enum cairn_status status = writer_create_to_measure(system, path, options, writer,
								  error);

	if (status == CAIRN_OK) /* what dead writers left; that it cannot be removed is no reason
				   not to save */
		(void)folder_sweep(&(*writer)->folder, &counts, NULL);
	return status;
}

enum cairn_status writer_create_nowhere(struct system *system, const char *path,
					const struct cairn_writer_options *options,
					struct cairn_writer **result, struct cairn_error *error)
{
	struct cairn_writer *const writer = new_writer(system);
	enum cairn_status status;

	if (writer == NULL)
		return error_set_memory(error, "a writer");
	status = take_options(writer, options, error);
	if (status == CAIRN_OK)
		status = keep_path(writer, path, error);
	return created(writer, status, NULL, result, error);
}

enum cairn_status writer_create_in(const struct folder *folder, const char *name, const char *path,
				   const struct cairn_writer_options *options,
				   struct cairn_writer **result, struct cairn_error *error)
{
	struct cairn_writer *const writer = new_writer(folder->system);
	enum cairn_status status;

	if (writer == NULL)
		return error_set_memory(error, "a writer");
	writer->folder = *folder;
	writer->folder.fd = system_duplicate(folder->system, folder->fd);
	memcpy(writer->target, name, strlen(name) + 1);
	if (writer->folder.fd < 0)
		status = error_set_system(error, writer->folder.fd,
					  "cannot duplicate a descriptor");
	else
		status = take_options(writer, options, error);
	if (status == CAIRN_OK)
		status = check_target(writer, error);
	if (status == CAIRN_OK)
		status = keep_path(writer, path, error);
	return created(writer, status, path, result, error);
}

enum cairn_status cairn_writer_create(const char *path, const struct cairn_writer_options *options,
				      struct cairn_writer **writer, struct cairn_error *error)
{
	return writer_create(system_posix(), path, options, writer, error);
}

enum cairn_status writer_failed(struct cairn_writer *writer, enum cairn_status status,
				struct cairn_error *error)
{
	if (error != NULL)
		error->code = status; /* a caller may have given what it met another name */
	error_prefix(error, status, writer->path);
	if (writer->first_error.code == CAIRN_OK) {
		if (error != NULL)
			writer->first_error = *error;
		else
			error_set(&writer->first_error, status, CAIRN_ERROR_NO_OFFSET,
				  "an add call failed before: %s", cairn_status_name(status));
	}
	return status;
}

/* --------------------------------------------------------------------------------------- finish */

/* The zeros between data and index, the footer's copy, the index image, the footer. */
static enum cairn_status write_index(struct cairn_writer *writer, const struct draft *draft,
				     const uint8_t *header_page, struct cairn_error *error)
{
	const struct plan *const plan = &writer->plan;
	struct built_index built;
	uint8_t page[CONTAINER_PAGE_SIZE];
	enum cairn_status status;

	status = index_build(&writer->arena, &writer->input, true, &built, error);
	if (status != CAIRN_OK)
		return status;
	assert(built.image_size == plan->index_size);
	built.footer.alignment = writer->options.alignment;
	built.footer.parent_id = writer->options.parent_id;
	built.footer.generation = writer->options.generation;
	container_footer_seal(&built.footer, header_page, plan->index_offset, plan->file_size);
	container_footer_encode(&built.footer, page);
	if ((status = draft_write(draft, container_footer_copy_offset(&built.footer), page,
				  sizeof(page), error)) != CAIRN_OK ||
	    (status = draft_write(draft, plan->index_offset, built.image, built.image_size,
				  error)) != CAIRN_OK ||
	    (status = draft_write(draft, plan->file_size - CONTAINER_PAGE_SIZE, page, sizeof(page),
				  error)) != CAIRN_OK)
		return status;
	writer->content_id = built.footer.content_id;
	return CAIRN_OK;
}

/* All bytes are written: the last moment at which a caller can change its mind. */
static enum cairn_status report_written(const struct cairn_writer *writer,
					struct cairn_error *error)
{
	const struct cairn_writer_options *const options = &writer->options;
	const uint64_t size = writer->plan.file_size;

	if (options->progress == NULL ||
	    options->progress(options->progress_context, size, size) == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
			 "cancelled before it was published");
}

static enum cairn_status write_draft(struct cairn_writer *writer, struct draft *draft,
				     struct cairn_error *error)
{
	struct container_header header = {.version = CONTAINER_VERSION};
	uint8_t header_page[CONTAINER_PAGE_SIZE];
	enum cairn_status status = CAIRN_OK;

	memcpy(header.save_id, writer->options.save_id, sizeof(header.save_id));
	container_header_encode(&header, header_page);
	if (!writer->plan.packed) /* else the size is not known yet */
		status = draft_reserve(draft, writer->plan.file_size, error);
	if (status == CAIRN_OK)
		status = writer_write_data(writer, draft, header_page, error);
	if (status == CAIRN_OK)
		status = write_index(writer, draft, header_page, error);
	if (status != CAIRN_OK)
		return status;
	report_complete(writer);
	return report_written(writer, error);
}

static enum cairn_status plan(struct cairn_writer *writer, struct cairn_error *error)
{
	enum cairn_status status = writer_group(writer, error);

	if (status == CAIRN_OK)
		status = writer_plan(writer, error);
	return status == CAIRN_OK ? writer_check_slices(writer, error) : status;
}

static void note_size(struct cairn_writer *writer)
{
	writer->files = (struct write_size){.count = 1, .bytes = writer->plan.file_size};
}

static enum cairn_status save(struct cairn_writer *writer, struct cairn_error *error)
{
	const bool replace = (writer->options.flags & CAIRN_WRITER_REPLACE) != 0;
	struct draft draft = {.fd = -1};
	bool direct;
	enum cairn_status status = plan(writer, error);

	if (status == CAIRN_OK)
		status = report_begin(writer, error);
	if (status != CAIRN_OK)
		return status;
	direct = writer->plan.file_size >= DIRECT_SIZE_MIN &&
		 (writer->options.flags & CAIRN_WRITER_BUFFERED) == 0;
	status = draft_create(&writer->folder, writer->target, direct, &draft, error);
	if (status == CAIRN_OK)
		status = write_draft(writer, &draft, error);
	note_size(writer);
	if (status == CAIRN_OK)
		return publish(&draft, 1, replace, error);
	draft_discard(&draft);
	return status;
}

/* Nothing can be added any more. */
static enum cairn_status close_for_adding(struct cairn_writer *writer, struct cairn_error *error)
{
	if (writer->finished)
		return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
				 "the writer is finished or aborted already");
	writer->finished = true;
	if (writer->first_error.code != CAIRN_OK && error != NULL)
		*error = writer->first_error;
	return writer->first_error.code;
}

enum cairn_status writer_measure(struct cairn_writer *writer, struct cairn_error *error)
{
	enum cairn_status status = close_for_adding(writer, error);

	if (status != CAIRN_OK)
		return status;
	status = is_bundle(writer) ? writer_measure_bundle(writer, error) : plan(writer, error);
	if (status != CAIRN_OK)
		return writer_failed(writer, status, error);
	if (!is_bundle(writer))
		note_size(writer);
	return CAIRN_OK;
}

/* Whatever the format: once, and never after an add call that failed. */
static enum cairn_status finish(struct cairn_writer *writer,
				enum cairn_status (*save_as)(struct cairn_writer *writer,
							     struct cairn_error *error),
				struct cairn_error *error)
{
	enum cairn_status status = close_for_adding(writer, error);

	if (status != CAIRN_OK)
		return status;
	status = save_as(writer, error);
	if (status == CAIRN_OK)
		return CAIRN_OK;
	writer->content_id = (struct cairn_digest){{0}};
	writer->written = false;
	return writer_failed(writer, status, error);
}

enum cairn_status cairn_writer_finish(struct cairn_writer *writer, struct cairn_error *error)
{
	return finish(writer, is_bundle(writer) ? writer_save_bundle : save, error);
}

enum cairn_status writer_finish_v1(struct cairn_writer *writer, bool shards,
				   struct cairn_error *error)
{
	writer->v1_shards = shards;
	return finish(writer, writer_save_v1, error);
}

void cairn_writer_abort(struct cairn_writer *writer)
{
	if (writer != NULL)
		writer->finished = true; /* the temporary file exists only within finish */
}

void cairn_writer_destroy(struct cairn_writer *writer)
{
	struct system *system;

	if (writer == NULL)
		return;
	system = writer->system;
	for (struct held_reader *held = writer->readers; held != NULL; held = held->next)
		cairn_reader_close(held->reader);
	folder_close(&writer->folder);
	report_end(writer->report);
	arena_fini(&writer->arena);
	system_free(system, writer);
}

struct cairn_digest cairn_writer_content_id(const struct cairn_writer *writer)
{
	return writer->content_id;
}
