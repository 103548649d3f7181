/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging TensorFlow checkpoints: new links to their data files, and one index.
 *
 * TensorFlow renames its sources' files before it writes the index under its final name. Here the
 * sources stay whole until the result is there, durably: their files are linked, or copied where
 * they cannot be, and published as every prefix is.
 */
#include "engine/convert/merge_bundles.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "engine/convert/bundle_sources.h"
#include "engine/read/reader.h"
#include "engine/write/prefix_files.h"
#include "engine/write/publish_prefix.h"
#include "engine/write/recover.h"
#include "format/error.h"
#include "format/tensorflow_bundle_merge.h"

enum {
	PATH_SIZE = 4096 + SYSTEM_NAME_SIZE
};

#define SOURCE_COUNT_MAX 65534u
#define COPY_BUFFER_SIZE ((size_t)1 << 20)

/* Indexes of any size need far less. */
#define ARENA_SIZE_MAX ((size_t)64 << 30)

struct bundle_merging {
	struct system *system;
	const struct cairn_merge_options *options;
	struct arena arena;
	struct bundle_source *sources; /* in the arena; those that are missing included */
	struct bundle *bundles;        /* of those that are there */
	uint32_t *numbers;             /* of each bundle's source */
	uint32_t source_count;
	uint32_t bundle_count;
	struct bundle_merge merge;
	struct folder folder; /* of the result */
	char prefix[SYSTEM_NAME_SIZE];
	struct draft *drafts;  /* owned: data files, then the index */
	uint32_t draft_count;  /* that are there */
	uint32_t shard_count;  /* of the result */
	uint64_t copied_total; /* bytes that may have to be copied, for the progress */
	uint64_t copied;
	struct cairn_merge_report report;
};

/* -------------------------------------------------------------------------------------- sources */

static enum cairn_status no_prefix(const char *path, struct cairn_error *error)
{
	const char *const slash = strrchr(path, '/');
	const char *const base = slash == NULL ? path : slash + 1;
	struct data_number number;
	char prefix[SYSTEM_NAME_SIZE];

	if (strlen(base) < SYSTEM_NAME_SIZE &&
	    (parse_prefix_index(base, prefix) || parse_prefix_data(base, prefix, &number)))
		error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
			  "a file of a checkpoint: pass its prefix %s",
			  quote(cairn_string_from(prefix)).text);
	else
		error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET, "no such checkpoint");
	return error_prefix(error, CAIRN_NOT_FOUND, path);
}

static enum cairn_status read_source(struct bundle_merging *merging, uint32_t number,
				     const char *path, struct cairn_error *error)
{
	enum cairn_status status;

	status = bundle_source_read(merging->system, &merging->arena, path,
				    &merging->sources[number],
				    &merging->bundles[merging->bundle_count], error);
	if (status == CAIRN_NOT_FOUND)
		return merging->options->allow_missing ? CAIRN_OK : no_prefix(path, error);
	if (status == CAIRN_OK)
		merging->numbers[merging->bundle_count++] = number;
	return status;
}

static enum cairn_status read_sources(struct bundle_merging *merging, const char *const *paths,
				      struct cairn_error *error)
{
	struct arena *const arena = &merging->arena;
	const uint32_t count = merging->source_count;
	enum cairn_status status = CAIRN_OK;

	if (count == 0 || count > SOURCE_COUNT_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu32 " sources: 1 to %u can be merged", count,
				 SOURCE_COUNT_MAX);
	merging->sources = arena_allocate_array(arena, count, sizeof(*merging->sources));
	merging->bundles = arena_allocate_array(arena, count, sizeof(*merging->bundles));
	merging->numbers = arena_allocate_array(arena, count, sizeof(*merging->numbers));
	if (merging->sources == NULL || merging->bundles == NULL || merging->numbers == NULL)
		return error_set_memory(error, "the sources");
	for (uint32_t i = 0; i < count && status == CAIRN_OK; i++)
		status = read_source(merging, i, paths[i], error);
	if (status == CAIRN_OK && merging->bundle_count == 0)
		return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				 "none of the sources is there");
	return status;
}

static enum cairn_status merge_indexes(struct bundle_merging *merging, struct cairn_error *error)
{
	const enum cairn_status status = bundles_merge(
		&merging->arena, merging->bundles, merging->bundle_count,
		merging->options->allow_incomplete != 0, &merging->merge, error);
	const uint32_t culprit = merging->merge.culprit;

	if (status == CAIRN_OK || culprit == BUNDLE_NO_SOURCE)
		return status;
	return error_prefix(error, status, merging->sources[merging->numbers[culprit]].path);
}

/* --------------------------------------------------------------------------------------- target */

static enum cairn_status open_target(struct bundle_merging *merging, const char *path,
				     struct cairn_error *error)
{
	struct sweep_counts counts = {0};
	char index[SYSTEM_NAME_SIZE];
	enum cairn_status status;

	status = folder_open(merging->system, path, &merging->folder, merging->prefix, error);
	if (status != CAIRN_OK)
		return status;
	(void)folder_sweep(&merging->folder, &counts, NULL); /* that it cannot be is no reason */
	if (!prefix_index_name(merging->prefix, index))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "the name is too long");
	if (!merging->options->replace && folder_has(&merging->folder, index))
		return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET, "%s is there already",
				 quote(cairn_string_from(index)).text);
	return CAIRN_OK;
}

/* ----------------------------------------------------------------------------------- data files */

static bool goes_on(struct bundle_merging *merging, uint64_t bytes)
{
	const cairn_progress progress = merging->options->progress;

	merging->copied += bytes;
	return progress == NULL || progress(merging->options->progress_context, merging->copied,
					    merging->copied_total) == 0;
}

/* All of it, gaps and ends that no entry names included: it is the same file. */
static enum cairn_status copy_bytes(struct bundle_merging *merging, int from, int to,
				    struct cairn_error *error)
{
	struct system *const system = merging->system;
	uint8_t *const buffer = system_allocate(system, COPY_BUFFER_SIZE);
	uint64_t offset = 0;
	int64_t size = 1;
	int result = 0;

	if (buffer == NULL)
		return error_set_memory(error, "a buffer");
	while (result == 0 && size > 0) {
		size = system_read_all(system, from, buffer, COPY_BUFFER_SIZE, offset);
		if (size < 0)
			result = (int)size;
		else
			result = system_write_all(system, to, buffer, (size_t)size, offset);
		if (result == 0 && !goes_on(merging, (uint64_t)size))
			result = -ECANCELED;
		offset += size > 0 ? (uint64_t)size : 0;
	}
	system_free(system, buffer);
	merging->report.copied_bytes += offset;
	if (result == -ECANCELED)
		return error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
				 "cancelled by the progress callback");
	return result < 0 ? error_set_system(error, result, "cannot copy it") : CAIRN_OK;
}

static enum cairn_status copy_file(struct bundle_merging *merging, const char *path,
				   const char *target, struct draft *draft,
				   struct cairn_error *error)
{
	const int from = system_open(merging->system, SYSTEM_CWD, path, 0);
	enum cairn_status status;

	if (from < 0)
		return error_set_system(error, from, "cannot open it");
	status = draft_create(&merging->folder, target, false, draft, error);
	if (status == CAIRN_OK)
		status = copy_bytes(merging, from, draft->fd, error);
	system_close(merging->system, from);
	return status;
}

/* A file that is shorter than its entries say would only be found out by a reader. */
static enum cairn_status check_size(const struct bundle_merging *merging, const struct draft *draft,
				    uint64_t size_min, struct cairn_error *error)
{
	struct system_status status;
	const int result = system_status(merging->system, draft->fd, &status);

	if (result < 0)
		return error_set_system(error, result, "cannot examine it");
	return status.size >= size_min
		       ? CAIRN_OK
		       : error_set(error, CAIRN_TRUNCATED, CAIRN_ERROR_NO_OFFSET,
				   "it has %" PRIu64 " bytes, and its index names %" PRIu64,
				   status.size, size_min);
}

/* Either somebody has just replaced the source, or it is not whole. */
static enum cairn_status missing_data(const struct bundle_merging *merging,
				      const struct bundle_source *source, const char *path,
				      struct cairn_error *error)
{
	enum cairn_status status = bundle_source_check(merging->system, source, error);

	if (status != CAIRN_OK)
		return status;
	status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			   "this data file is missing");
	return error_prefix(error, status, path);
}

static enum cairn_status take_data(struct bundle_merging *merging, uint32_t number,
				   struct cairn_error *error)
{
	const struct merged_shard *const shard = &merging->merge.shards[number];
	const struct bundle_source
		*const source = &merging->sources[merging->numbers[shard->source]];
	const struct data_number name = {number, merging->shard_count};
	struct draft *const draft = &merging->drafts[number];
	char target[SYSTEM_NAME_SIZE];
	char path[PATH_SIZE];
	enum cairn_status status;

	if (!prefix_data_name(merging->prefix, name, target))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "the name is too long");
	status = bundle_source_data(source, shard->shard, path, sizeof(path), error);
	if (status == CAIRN_OK)
		status = draft_link(&merging->folder, target, SYSTEM_CWD, path, draft, error);
	if (status == CAIRN_UNSUPPORTED) {
		merging->report.copied++;
		status = copy_file(merging, path, target, draft, error);
	}
	if (status == CAIRN_OK)
		status = check_size(merging, draft, shard->size_min, error);
	if (status == CAIRN_NOT_FOUND)
		return missing_data(merging, source, path, error);
	return status == CAIRN_OK ? status : error_prefix(error, status, path);
}

/* Where nothing is stored TensorFlow has a data file all the same. */
static enum cairn_status make_empty_data(struct bundle_merging *merging, struct cairn_error *error)
{
	const struct data_number only = {0, 1};
	char target[SYSTEM_NAME_SIZE];

	if (!prefix_data_name(merging->prefix, only, target))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "the name is too long");
	return draft_create(&merging->folder, target, false, &merging->drafts[0], error);
}

static enum cairn_status take_all_data(struct bundle_merging *merging, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < merging->merge.shard_count; i++)
		merging->copied_total += merging->merge.shards[i].size_min;
	for (uint32_t i = 0; i < merging->merge.shard_count && status == CAIRN_OK; i++)
		status = take_data(merging, i, error);
	if (status == CAIRN_OK && merging->merge.shard_count == 0)
		status = make_empty_data(merging, error);
	/* what was linked is what the indexes were of */
	for (uint32_t i = 0; i < merging->bundle_count && status == CAIRN_OK; i++)
		status = bundle_source_check(merging->system,
					     &merging->sources[merging->numbers[i]], error);
	return status;
}

/* ------------------------------------------------------------------------------------ the index */

static enum cairn_status write_index(struct bundle_merging *merging, struct cairn_error *error)
{
	struct draft *const draft = &merging->drafts[merging->shard_count];
	char target[SYSTEM_NAME_SIZE];
	uint8_t *bytes;
	uint64_t size;
	enum cairn_status status;
	int result;

	status = bundle_write(&merging->arena, &merging->merge.bundle, &bytes, &size, error);
	prefix_index_name(merging->prefix, target); /* fits: looked at before */
	if (status == CAIRN_OK)
		status = draft_create(&merging->folder, target, false, draft, error);
	if (status != CAIRN_OK)
		return status;
	result = system_write_all(merging->system, draft->fd, bytes, size, 0);
	return result < 0 ? error_set_system(error, result, "cannot write the index") : CAIRN_OK;
}

static enum cairn_status make_and_publish(struct bundle_merging *merging, struct cairn_error *error)
{
	enum cairn_status status;

	merging->shard_count = merging->merge.bundle.header.shard_count;
	merging->draft_count = merging->shard_count + 1;
	merging->drafts = system_allocate_zeroed(merging->system,
						 merging->draft_count * sizeof(*merging->drafts));
	if (merging->drafts == NULL)
		return error_set_memory(error, "the new files");
	status = take_all_data(merging, error);
	if (status == CAIRN_OK)
		status = write_index(merging, error);
	if (status == CAIRN_OK)
		status = publish_prefix(merging->drafts, merging->draft_count,
					merging->options->replace != 0, error);
	merging->report.shards = merging->shard_count;
	for (uint32_t i = 0; i < merging->draft_count; i++)
		draft_discard(&merging->drafts[i]);
	system_free(merging->system, merging->drafts);
	return status;
}

enum cairn_status merge_bundles(struct system *system, const char *const *sources, uint32_t count,
				const char *path, const struct cairn_merge_options *options,
				struct cairn_merge_report *report, struct cairn_error *error)
{
	struct bundle_merging merging = {
		.system = system, .options = options, .source_count = count, .folder = {.fd = -1}};
	enum cairn_status status;

	arena_init(&merging.arena, reader_arena_source(system), ARENA_SIZE_MAX);
	if ((status = open_target(&merging, path, error)) == CAIRN_OK &&
	    (status = read_sources(&merging, sources, error)) == CAIRN_OK &&
	    (status = merge_indexes(&merging, error)) == CAIRN_OK)
		status = make_and_publish(&merging, error);
	if (status == CAIRN_OK && options->remove_sources)
		bundle_sources_remove(system, merging.sources, count, &merging.folder);
	folder_close(&merging.folder);
	arena_fini(&merging.arena);
	if (status != CAIRN_OK)
		return error_prefix(error, status, path);
	if (report != NULL)
		*report = merging.report;
	return CAIRN_OK;
}
