/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources are found by their paths, each time anew: there may be thousands, and a descriptor for
 * each would be too many. That a path still leads to what was read is told by the index's inode and
 * times.
 */
#include "engine/convert/bundle_sources.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/file.h"
#include "engine/write/prefix_files.h"
#include "engine/write/publish.h"
#include "engine/write/recover.h"
#include "format/error.h"

enum {
	PATH_SIZE = 4096 + SYSTEM_NAME_SIZE
};

/* -------------------------------------------------------------------------------------- reading */

static enum cairn_status index_path(const struct bundle_source *source, char path[PATH_SIZE],
				    struct cairn_error *error)
{
	const int size = snprintf(path, PATH_SIZE, "%s.index", source->path);

	return size > 0 && size < PATH_SIZE ? CAIRN_OK
					    : error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
							"the path is too long");
}

enum cairn_status bundle_source_data(const struct bundle_source *source, uint32_t shard, char *path,
				     size_t size, struct cairn_error *error)
{
	const int used = snprintf(path, size, "%s.data-%05" PRIu32 "-of-%05" PRIu32, source->path,
				  shard, source->shard_count);

	return used > 0 && (size_t)used < size
		       ? CAIRN_OK
		       : error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				   "the path is too long");
}

/* An overwriting that was interrupted: its old files are in a record. */
static void sweep_folder_of(struct system *system, const char *path)
{
	struct sweep_counts counts = {0};
	struct folder folder = {.fd = -1};
	char name[SYSTEM_NAME_SIZE];

	if (folder_open(system, path, &folder, name, NULL) == CAIRN_OK)
		(void)folder_sweep(&folder, &counts, NULL);
	folder_close(&folder);
}

static enum cairn_status open_index(struct system *system, const char *path, const char *prefix,
				    struct file *file, struct cairn_error *error)
{
	const struct file_place place = {
		.directory = SYSTEM_CWD, .path = path, .name = path, .flags = 0};
	enum cairn_status status = file_open(system, &place, file, error);

	if (status != CAIRN_NOT_FOUND)
		return status;
	sweep_folder_of(system, prefix);
	return file_open(system, &place, file, error);
}

static enum cairn_status parse_index(const struct file *file, struct arena *arena,
				     struct bundle *bundle, struct cairn_error *error)
{
	uint8_t *const bytes = system_allocate(file->system, file->size);
	enum cairn_status status;

	if (bytes == NULL)
		return error_set_memory(error, "an index");
	status = file_read(file, 0, bytes, file->size, error);
	if (status == CAIRN_OK)
		status = bundle_parse(arena, bytes, file->size, bundle, error);
	system_free(file->system, bytes);
	return status;
}

enum cairn_status bundle_source_read(struct system *system, struct arena *arena, const char *path,
				     struct bundle_source *source, struct bundle *bundle,
				     struct cairn_error *error)
{
	char index[PATH_SIZE];
	struct file file = {.fd = -1};
	enum cairn_status status;

	*source = (struct bundle_source){.path = path};
	status = index_path(source, index, error);
	if (status == CAIRN_OK)
		status = open_index(system, index, path, &file, error);
	source->is_missing = status == CAIRN_NOT_FOUND;
	if (status != CAIRN_OK)
		return status;
	status = parse_index(&file, arena, bundle, error);
	source->index = file.status;
	file_close(&file);
	if (status != CAIRN_OK)
		return error_prefix(error, status, index);
	source->shard_count = bundle->header.shard_count;
	return CAIRN_OK;
}

static bool is_same(const struct system_status *a, const struct system_status *b)
{
	return a->inode == b->inode && a->device == b->device && a->size == b->size &&
	       a->modified_ns == b->modified_ns;
}

enum cairn_status bundle_source_check(struct system *system, const struct bundle_source *source,
				      struct cairn_error *error)
{
	char index[PATH_SIZE];
	struct system_status now;
	enum cairn_status status = index_path(source, index, error);

	if (status != CAIRN_OK)
		return status;
	if (system_status_at(system, SYSTEM_CWD, index, true, &now) == 0 &&
	    is_same(&now, &source->index))
		return CAIRN_OK;
	error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET, "it was replaced while it was merged");
	return error_prefix(error, CAIRN_BUSY, source->path);
}

/* ------------------------------------------------------------------------------------- removing */

/* The folder of a source; sources of one folder mostly follow each other. */
struct source_folder {
	struct folder folder;
	char prefix[SYSTEM_NAME_SIZE];
};

static bool open_folder(struct system *system, const struct bundle_source *source,
			struct source_folder *opened)
{
	*opened = (struct source_folder){.folder = {.fd = -1}};
	return !source->is_missing &&
	       folder_open(system, source->path, &opened->folder, opened->prefix, NULL) == CAIRN_OK;
}

/* False when it stays, or is none any more. */
static bool remove_index(struct system *system, const struct bundle_source *source)
{
	struct source_folder opened;
	char name[SYSTEM_NAME_SIZE];
	bool removed = false;

	if (open_folder(system, source, &opened) && prefix_index_name(opened.prefix, name) &&
	    bundle_source_check(system, source, NULL) == CAIRN_OK)
		removed = system_unlink(system, opened.folder.fd, name) == 0;
	folder_close(&opened.folder);
	return removed;
}

static bool in_one_folder(const struct bundle_source *a, const struct bundle_source *b)
{
	const char *const slash_a = strrchr(a->path, '/');
	const char *const slash_b = strrchr(b->path, '/');
	const size_t size_a = slash_a == NULL ? 0 : (size_t)(slash_a - a->path);
	const size_t size_b = slash_b == NULL ? 0 : (size_t)(slash_b - b->path);

	return (slash_a == NULL) == (slash_b == NULL) && size_a == size_b &&
	       memcmp(a->path, b->path, size_a) == 0;
}

/* That indexes are gone is durable before their data go. */
static bool sync_folder_of(struct system *system, const struct bundle_source *source)
{
	struct source_folder opened;
	bool is_durable;

	is_durable = open_folder(system, source, &opened) &&
		     folder_commit(&opened.folder, NULL) == CAIRN_OK;
	folder_close(&opened.folder);
	return is_durable;
}

static void remove_data(struct system *system, const struct bundle_source *source)
{
	struct source_folder opened;
	struct prefix_files files = {0};
	char name[SYSTEM_NAME_SIZE];

	if (open_folder(system, source, &opened) &&
	    prefix_files_list(&opened.folder, opened.prefix, &files, NULL) == CAIRN_OK) {
		for (uint32_t i = 0; i < files.count; i++) {
			if (files.data[i].total == source->shard_count &&
			    prefix_data_name(opened.prefix, files.data[i], name))
				system_unlink(system, opened.folder.fd, name);
		}
	}
	prefix_files_fini(&files);
	folder_close(&opened.folder);
}

/* As TensorFlow does, in the folder of its own that it saves shards to. */
static void remove_folder(struct system *system, const struct bundle_source *source,
			  const struct folder *keep)
{
	struct system_status kept;
	struct system_status status;
	char path[PATH_SIZE];
	const char *const slash = strrchr(source->path, '/');
	const size_t size = slash == NULL ? 0 : (size_t)(slash - source->path);

	if (size == 0 || size >= sizeof(path))
		return;
	memcpy(path, source->path, size);
	path[size] = '\0';
	if (system_status(system, keep->fd, &kept) == 0 &&
	    system_status_at(system, SYSTEM_CWD, path, false, &status) == 0 &&
	    (kept.inode != status.inode || kept.device != status.device))
		system_remove_directory(system, SYSTEM_CWD, path);
}

/* Sources from `first` to before `end` are in one folder. */
static void remove_in_folder(struct system *system, const struct bundle_source *sources,
			     uint32_t first, uint32_t end, const struct folder *keep)
{
	bool *const removed = system_allocate_zeroed(system, end - first);

	if (removed == NULL)
		return;
	for (uint32_t i = first; i < end; i++)
		removed[i - first] = remove_index(system, &sources[i]);
	if (sync_folder_of(system, &sources[first])) {
		for (uint32_t i = first; i < end; i++) {
			if (removed[i - first])
				remove_data(system, &sources[i]);
		}
		remove_folder(system, &sources[first], keep);
	}
	system_free(system, removed);
}

void bundle_sources_remove(struct system *system, const struct bundle_source *sources,
			   uint32_t count, const struct folder *keep)
{
	uint32_t end;

	for (uint32_t first = 0; first < count; first = end) {
		end = first + 1;
		while (end < count && in_one_folder(&sources[first], &sources[end]))
			end++;
		remove_in_folder(system, sources, first, end, keep);
	}
}
