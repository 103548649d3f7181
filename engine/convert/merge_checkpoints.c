/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging published checkpoints, and clearing up.
 *
 * A merge links the sources' files into a temporary folder and writes one index for them. What
 * cannot be linked (another file system, a foreign format) is copied there first, verified on the
 * way, as a container. The folder is then a whole checkpoint under a temporary name: it is
 * published as it is, or read to write one file, or shards of another size, from it.
 */
#include <inttypes.h>
#include <string.h>

#include <cairn/convert.h>

#include "engine/convert/copy_checkpoint.h"
#include "engine/convert/merge_bundles.h"
#include "engine/convert/reshard.h"
#include "engine/write/merge.h"
#include "engine/write/recover.h"
#include "engine/write/save.h"
#include "engine/write/shard_names.h"
#include "engine/write/work_folder.h"
#include "engine/write/writer.h"
#include "format/error.h"

#define PATH_SIZE (4096 + SYSTEM_NAME_SIZE)

#define SOURCE_COUNT_MAX 65534u

struct merging {
	struct system *system;
	const char *const *sources;
	uint32_t count;
	const char *path;
	const struct cairn_merge_options *options;
	struct cairn_merge_report report;
	struct cairn_reader **readers; /* owned, each */
	struct system_status *files;   /* owned; of each source's first file, as it was read */
	struct work_folder work;
};

/* -------------------------------------------------------------------------------------- sources */

/* A link is possible: not across file systems, not where there are no hard links, not of files of
 * others where the system protects them. */
static bool can_link(const struct merging *merging, int folder, const char *name)
{
	struct system *const system = merging->system;
	const int target = merging->work.folder.fd;
	char probe[SYSTEM_NAME_SIZE];
	struct system_status status;
	bool is_file;
	int result;

	rank_name(CAIRN_RANK_COUNT_MAX, 0, probe); /* no rank has that number */
	result = system_link(system, folder, name, target, probe);
	if (result < 0)
		return false;
	/* a symbolic link would be linked itself */
	is_file = system_status_at(system, target, probe, false, &status) == 0 &&
		  status.kind == SYSTEM_REGULAR;
	system_unlink(system, target, probe);
	return is_file;
}

/* Its files can be linked into the temporary folder as they are. */
static bool is_linkable(const struct merging *merging, const struct cairn_reader *reader)
{
	bool linkable = reader->first_file == 0 && reader->folder != NULL;
	int folder;

	if (!linkable)
		return false;
	folder = system_open(merging->system, SYSTEM_CWD, reader->folder, SYSTEM_WANT_DIRECTORY);
	if (folder < 0)
		return false;
	for (uint32_t i = 0; i < reader->file_count && linkable; i++)
		linkable = can_link(merging, folder, reader->files[i].name);
	system_close(merging->system, folder);
	return linkable;
}

/* Copies a source into the temporary folder as one container, and reads it from there. */
static enum cairn_status copy_source(struct merging *merging, uint32_t number,
				     struct cairn_error *error)
{
	const struct cairn_writer_options settings = {
		.progress = merging->options->progress,
		.progress_context = merging->options->progress_context};
	struct cairn_writer *writer = NULL;
	char name[SYSTEM_NAME_SIZE];
	char path[PATH_SIZE];
	enum cairn_status status;

	rank_name(number, 0, name);
	work_folder_file(&merging->work, name, path, sizeof(path));
	status = writer_create_in(&merging->work.folder, name, path, &settings, &writer, error);
	if (status == CAIRN_OK)
		status = copy_checkpoint(writer, merging->readers[number], error);
	if (status == CAIRN_OK)
		status = cairn_writer_finish(writer, error);
	cairn_writer_destroy(writer);
	if (status != CAIRN_OK)
		return status;
	cairn_reader_close(merging->readers[number]);
	merging->readers[number] = NULL;
	status = reader_open_path(merging->system, path, &merge_reader_options,
				  &merging->readers[number], error);
	if (status == CAIRN_OK) {
		reader_spare_descriptors(merging->readers[number], number);
		merging->report.copied++;
		merging->report.copied_bytes += merging->readers[number]->files[0].size;
	}
	return status;
}

static enum cairn_status copy_what_cannot_be_linked(struct merging *merging,
						    struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < merging->count && status == CAIRN_OK; i++) {
		if (!is_linkable(merging, merging->readers[i]))
			status = copy_source(merging, i, error);
	}
	return status;
}

static enum cairn_status open_sources(struct merging *merging, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	if (merging->count == 0 || merging->count > SOURCE_COUNT_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu32 " sources: 1 to %u can be merged", merging->count,
				 SOURCE_COUNT_MAX);
	merging->readers = system_allocate_zeroed(merging->system,
						  merging->count * sizeof(struct cairn_reader *));
	merging->files = system_allocate_zeroed(merging->system,
						merging->count * sizeof(*merging->files));
	if (merging->readers == NULL || merging->files == NULL)
		return error_set_memory(error, "the sources");
	for (uint32_t i = 0; i < merging->count && status == CAIRN_OK; i++) {
		struct cairn_reader **const reader = &merging->readers[i];

		status = reader_open_path(merging->system, merging->sources[i],
					  &merge_reader_options, reader, error);
		if (status != CAIRN_OK)
			break;
		merging->files[i] = (*reader)->files[(*reader)->first_file].status;
		reader_spare_descriptors(*reader, i);
	}
	return status;
}

/* -------------------------------------------------------------------------------------- merging */

static bool is_file_path(const char *path)
{
	static const char suffix[] = ".cairn";
	const size_t size = strlen(path);

	return size >= sizeof(suffix) - 1 &&
	       strcmp(path + size - (sizeof(suffix) - 1), suffix) == 0;
}

/* What a rewritten checkpoint turned out to be. It is published: that it cannot be counted is no
 * failure any more. */
static void count_copies(struct merging *merging)
{
	struct cairn_reader *reader = NULL;

	merging->report.copied = merging->count;
	if (reader_open_path(merging->system, merging->path, NULL, &reader, NULL) != CAIRN_OK)
		return;
	merging->report.shards = reader->file_count == 1 ? 1 : reader->file_count - 1;
	for (uint32_t i = 0; i < reader->file_count; i++)
		merging->report.copied_bytes += reader->files[i].size;
	cairn_reader_close(reader);
}

/* Writes the checkpoint in the temporary folder once more: as one file, or in shards of another
 * size. */
static enum cairn_status rewrite(struct merging *merging, struct cairn_error *error)
{
	const struct cairn_merge_options *const options = merging->options;
	const struct cairn_convert_options convert = {
		.target = CAIRN_TARGET_CAIRN,
		.replace = options->replace,
		.shard_size_max = options->shard_size_max,
		.progress = options->progress,
		.progress_context = options->progress_context,
	};
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	status = reader_open_path(merging->system, merging->work.path, NULL, &reader, error);
	if (status == CAIRN_OK)
		status = cairn_convert(reader, merging->path, &convert, error);
	cairn_reader_close(reader);
	if (status == CAIRN_OK)
		count_copies(merging);
	return status;
}

static enum cairn_status complete_and_publish(struct merging *merging, struct merge *merge,
					      struct cairn_error *error)
{
	const struct merge_identity identity = {.alignment = CONTAINER_ALIGNMENT_MIN};
	const bool as_it_is = !is_file_path(merging->path) && merging->options->shard_size_max == 0;
	enum cairn_status status;

	status = merge_plan(merge, error);
	if (status == CAIRN_OK)
		status = work_folder_complete(&merging->work, merge, &identity, false, error);
	merging->report.shards = merge->shard_count;
	if (status != CAIRN_OK)
		return status;
	return as_it_is ? work_folder_publish(&merging->work, merge, error)
			: rewrite(merging, error);
}

static enum cairn_status merge_sources(struct merging *merging, struct cairn_error *error)
{
	struct merge merge;
	enum cairn_status status;

	status = merge_init(&merge, merging->system, merging->readers, merging->count,
			    merging->options->allow_incomplete != 0, error);
	if (status == CAIRN_OK)
		status = complete_and_publish(merging, &merge, error);
	merge_fini(&merge);
	return status;
}

/* The path still leads to what was merged: not to the result, which may have replaced a source. */
static bool is_still_source(const struct merging *merging, uint32_t number)
{
	const struct system_status *const was = &merging->files[number];
	struct cairn_reader *reader = NULL;
	bool same;

	if (reader_open_path(merging->system, merging->sources[number], NULL, &reader, NULL) !=
	    CAIRN_OK)
		return false;
	same = reader->files[reader->first_file].status.inode == was->inode &&
	       reader->files[reader->first_file].status.device == was->device;
	cairn_reader_close(reader);
	return same;
}

/* Only after the commit. What cannot be removed stays: the merge has succeeded. */
static void remove_sources(const struct merging *merging)
{
	for (uint32_t i = 0; i < merging->count; i++) {
		if (is_still_source(merging, i))
			(void)remove_path(merging->system, merging->sources[i], NULL);
	}
}

static enum cairn_status begin_work(struct merging *merging, struct cairn_error *error)
{
	uint8_t id[16];
	enum cairn_status status;
	int result;

	result = system_random(merging->system, id, sizeof(id));
	if (result < 0)
		return error_set_system(error, result, "cannot make a temporary name");
	if (is_file_path(merging->path))
		status = work_folder_begin_beside(&merging->work, merging->system, merging->path,
						  error);
	else
		status = work_folder_begin(&merging->work, merging->system, merging->path,
					   merging->options->replace != 0, error);
	return status == CAIRN_OK ? work_folder_create(&merging->work, merging->path, id, error)
				  : status;
}

static void close_sources(struct merging *merging)
{
	for (uint32_t i = 0; merging->readers != NULL && i < merging->count; i++)
		cairn_reader_close(merging->readers[i]);
	system_free(merging->system, merging->readers);
}

static enum cairn_status merge_to_container(struct merging *merging, struct cairn_error *error)
{
	enum cairn_status status;

	if ((status = open_sources(merging, error)) == CAIRN_OK &&
	    (status = begin_work(merging, error)) == CAIRN_OK &&
	    (status = copy_what_cannot_be_linked(merging, error)) == CAIRN_OK)
		status = merge_sources(merging, error);
	work_folder_end(&merging->work);
	close_sources(merging);
	if (status == CAIRN_OK && merging->options->remove_sources)
		remove_sources(merging);
	system_free(merging->system, merging->files);
	return status == CAIRN_OK ? CAIRN_OK : error_prefix(error, status, merging->path);
}

static enum cairn_status check_options(const struct cairn_merge_options *options,
				       struct cairn_error *error)
{
	if (options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "merge options of %zu bytes, not %zu", options->size,
				 sizeof(*options));
	if (options->target > CAIRN_TARGET_TENSORFLOW ||
	    options->target == CAIRN_TARGET_SAFETENSORS)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a format that nothing is merged to");
	if (options->target == CAIRN_TARGET_TENSORFLOW && options->shard_size_max != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a TensorFlow checkpoint keeps the shards of its sources");
	return CAIRN_OK;
}

enum cairn_status merge_checkpoints(struct system *system, const char *const *sources,
				    uint32_t count, const char *path,
				    const struct cairn_merge_options *options,
				    struct cairn_merge_report *report, struct cairn_error *error)
{
	static const struct cairn_merge_options defaults = {0};
	struct merging merging = {.system = system,
				  .sources = sources,
				  .count = count,
				  .path = path,
				  .options = options == NULL ? &defaults : options};
	enum cairn_status status;

	if (path == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no path to merge to");
	status = check_options(merging.options, error);
	if (status != CAIRN_OK)
		return status;
	if (merging.options->target == CAIRN_TARGET_TENSORFLOW)
		return merge_bundles(system, sources, count, path, merging.options, report, error);
	status = merge_to_container(&merging, error);
	if (status == CAIRN_OK && report != NULL)
		*report = merging.report;
	return status;
}

enum cairn_status cairn_merge(const char *const *sources, uint32_t count, const char *path,
			      const struct cairn_merge_options *options,
			      struct cairn_merge_report *report, struct cairn_error *error)
{
	return merge_checkpoints(system_posix(), sources, count, path, options, report, error);
}
