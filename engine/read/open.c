/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a path to a reader.
 *
 * The folder is opened first and everything else relative to it, so that all files of a checkpoint
 * come from one folder even when paths change meanwhile. A file that changes its size while it is
 * opened is being replaced by somebody who does not rename: the opening starts again from the path,
 * OPEN_TRIES times at most.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/read/identify.h"
#include "engine/read/reader.h"
#include "format/bytes.h"
#include "format/container.h"
#include "format/error.h"
#include "format/safetensors.h"

#define PATH_SIZE_MAX ((size_t)4096)

enum {
	OPEN_TRIES = 3,
	/* names of files in a folder that are listed in a refusal */
	LISTED_NAMES_MAX = 5
};

/* -------------------------------------------------------------------------------------- options */

static enum cairn_status check_options(const struct cairn_reader_options *options,
				       struct cairn_error *error)
{
	if (options == NULL)
		return CAIRN_OK;
	if (options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "reader options of %zu bytes, not %zu", options->size,
				 sizeof(*options));
	if (options->verification > CAIRN_VERIFY_NEVER ||
	    options->transport > CAIRN_TRANSPORT_COPY ||
	    (options->flags & ~(uint32_t)(CAIRN_OPEN_CHECK_INDEX | CAIRN_OPEN_UNALIGNED_VIEWS |
					  CAIRN_OPEN_MAPPED_INDEX)) != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "unknown reader options");
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- one file */

/* Identifies an open file and gives it to its opener, which takes it over. */
static enum cairn_status open_identified(struct cairn_reader *reader, int directory,
					 struct file *file, struct cairn_error *error)
{
	uint8_t page[CONTAINER_PAGE_SIZE] = {0};
	enum file_kind kind = FILE_OTHER;
	enum cairn_status status;

	status = file_read(file, 0, page, file->size < sizeof(page) ? file->size : sizeof(page),
			   error);
	if (status == CAIRN_OK)
		status = identify(file, file->name, page, &kind, error);
	if (status == CAIRN_OK && kind == FILE_SAFETENSORS_INDEX && directory < 0 &&
	    directory != SYSTEM_CWD)
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "a checkpoint of several files can only be opened by its path");
	if (status != CAIRN_OK) {
		file_close(file);
		return status;
	}
	if (kind == FILE_CONTAINER)
		return open_container(reader, directory, file, page, error);
	if (kind == FILE_SAFETENSORS_INDEX)
		return open_safetensors_index(reader, directory, file, error);
	return open_safetensors(reader, file, error);
}

static enum cairn_status finish_open(struct cairn_reader *reader, enum cairn_status status,
				     struct cairn_reader **result, struct cairn_error *error)
{
	if (status == CAIRN_OK && (reader->open_flags & CAIRN_OPEN_CHECK_INDEX) != 0)
		status = reader_check_index(reader, error);
	if (status == CAIRN_OK) {
		*result = reader;
		return CAIRN_OK;
	}
	status = reader_error(reader, status, error);
	cairn_reader_close(reader);
	return status;
}

/* ---------------------------------------------------------------------------------------- paths */

/* A path in two parts; both are in the reader's arena. */
struct split_path {
	const char *folder; /* "." when there is none */
	const char *name;
};

static enum cairn_status split(struct cairn_reader *reader, const char *path,
			       struct split_path *parts, struct cairn_error *error)
{
	const size_t size = strlen(path);
	char *const copy = arena_copy(&reader->arena, path, size + 1);
	char *slash;

	if (copy == NULL)
		return error_set_memory(error, "the path");
	slash = strrchr(copy, '/');
	parts->folder = slash == NULL ? "." : slash == copy ? "/" : copy;
	parts->name = slash == NULL ? copy : slash + 1;
	if (slash != NULL)
		*slash = '\0';
	return CAIRN_OK;
}

/* Looks for the model in a folder. */
struct folder_search {
	char indexes[SYSTEM_NAME_SIZE];
	char model[SYSTEM_NAME_SIZE];
	uint32_t index_count;
	uint32_t model_count;
	bool is_cairn;
	char listed[256];
	uint32_t listed_count;
	uint32_t entries;
};

/* A suffix alone is the name of a hidden file. */
static bool has_suffix(const char *name, const char *suffix)
{
	return strcmp(name, suffix) != 0 && path_ends_with(name, suffix);
}

static void list_name(struct folder_search *search, const char *name)
{
	const size_t used = strlen(search->listed);

	search->entries++;
	if (search->listed_count == LISTED_NAMES_MAX ||
	    used + QUOTE_SIZE + 2 > sizeof(search->listed))
		return;
	snprintf(search->listed + used, sizeof(search->listed) - used, "%s%s",
		 search->listed_count == 0 ? "" : ", ", quote(cairn_string_from(name)).text);
	search->listed_count++;
}

static int look_at_entry(void *context, const char *name)
{
	struct folder_search *const search = context;

	if (strlen(name) >= SYSTEM_NAME_SIZE)
		return 0;
	list_name(search, name);
	if (strcmp(name, INDEX_NAME) == 0)
		search->is_cairn = true;
	if (has_suffix(name, SAFETENSORS_INDEX_SUFFIX)) {
		search->index_count++;
		memcpy(search->indexes, name, strlen(name) + 1);
	} else if (has_suffix(name, ".safetensors") || has_suffix(name, ".cairn")) {
		search->model_count++;
		memcpy(search->model, name, strlen(name) + 1);
	}
	return 0;
}

static enum cairn_status choose_in_folder(const struct folder_search *search, const char **name,
					  struct cairn_error *error)
{
	if (search->is_cairn)
		*name = INDEX_NAME;
	else if (search->index_count == 1)
		*name = search->indexes;
	else if (search->index_count == 0 && search->model_count == 1)
		*name = search->model;
	else if (search->entries == 0)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "an empty directory");
	else
		return error_set(
			error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
			"a directory with %s: pass the path of a model in it; it holds %s%s",
			search->model_count + search->index_count == 0
				? "no model that this version reads"
				: "more than one model",
			search->listed, search->entries > search->listed_count ? ", ..." : "");
	return CAIRN_OK;
}

static enum cairn_status open_file_in(struct cairn_reader *reader, int directory, const char *name,
				      struct file *file, struct cairn_error *error)
{
	const struct file_place place = {.directory = directory, .path = name, .name = name};

	return file_open(reader->system, &place, file, error);
}

/* Nothing names the folder any more. */
static bool is_removed(const struct cairn_reader *reader, int directory)
{
	struct system_status status;

	return system_status(reader->system, directory, &status) == 0 && status.links == 0;
}

/* Searches a folder for the model that it holds, and opens it. */
static enum cairn_status open_folder(struct cairn_reader *reader, int directory,
				     struct cairn_error *error)
{
	struct folder_search search = {0};
	struct file file;
	const char *name = NULL;
	enum cairn_status status;
	int result;

	result = system_list(reader->system, directory, look_at_entry, &search);
	if (result < 0)
		return error_set_system(error, result, "cannot list the directory");
	status = choose_in_folder(&search, &name, error);
	if (status != CAIRN_OK) {
		reader->siblings_changed = search.entries == 0 && is_removed(reader, directory);
		return status;
	}
	name = arena_copy(&reader->arena, name, strlen(name) + 1);
	if (name == NULL)
		return error_set_memory(error, "a file name");
	status = open_file_in(reader, directory, name, &file, error);
	if (status == CAIRN_OK)
		status = open_identified(reader, directory, &file, error);
	return status == CAIRN_OK ? status : error_prefix(error, status, name);
}

/* The second place where a path is looked for: with ".cairn" behind it. */
static enum cairn_status open_with_suffix(struct cairn_reader *reader, int directory,
					  const char *name, struct file *file,
					  struct cairn_error *error)
{
	static const char suffix[] = ".cairn";
	const size_t size = strlen(name);
	char *const longer = arena_allocate(&reader->arena, size + sizeof(suffix));
	enum cairn_status status;

	if (longer == NULL)
		return error_set_memory(error, "the path");
	memcpy(longer, name, size);
	memcpy(longer + size, suffix, sizeof(suffix));
	status = open_file_in(reader, directory, longer, file, error);
	if (status == CAIRN_NOT_FOUND)
		return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				 "no such file or directory");
	return status;
}

static enum cairn_status open_name(struct cairn_reader *reader, int directory, const char *name,
				   struct cairn_error *error)
{
	struct system *const system = reader->system;
	struct system_status entry;
	struct file file;
	struct cairn_error first = {0}; /* of a try that need not be the last */
	enum cairn_status status;
	int result;
	int inner;

	if (name[0] == '\0') /* the path ended with a slash */
		return open_folder(reader, directory, error);
	status = open_file_in(reader, directory, name, &file, &first);
	if (status == CAIRN_OK)
		return open_identified(reader, directory, &file, error);
	if (status == CAIRN_NOT_FOUND) {
		status = open_with_suffix(reader, directory, name, &file, error);
		return status == CAIRN_OK ? open_identified(reader, directory, &file, error)
					  : status;
	}
	result = system_status_at(system, directory, name, true, &entry);
	if (result == -ENOENT) { /* removed since it was met a moment ago */
		reader->siblings_changed = true;
		return error_set_system(error, result, "it was removed while it was opened");
	}
	if (result < 0 || entry.kind != SYSTEM_DIRECTORY) {
		if (error != NULL)
			*error = first;
		return status;
	}
	inner = system_open(system, directory, name, SYSTEM_WANT_DIRECTORY);
	if (inner < 0)
		return error_set_system(error, inner, "cannot open the directory");
	reader->folder = reader->name; /* the path as it was given */
	status = open_folder(reader, inner, error);
	system_close(system, inner);
	return status;
}

static enum cairn_status open_in_folder(struct cairn_reader *reader, const struct split_path *parts,
					struct cairn_error *error)
{
	struct system *const system = reader->system;
	const int directory = system_open(system, SYSTEM_CWD, parts->folder, SYSTEM_WANT_DIRECTORY);
	enum cairn_status status;

	reader->folder = parts->folder;
	if (directory < 0)
		return error_set_system(error, directory, "cannot open the folder");
	status = open_name(reader, directory, parts->name, error);
	system_close(system, directory);
	return status;
}

/* A file has another size than when it was opened. */
static bool changed_meanwhile(const struct cairn_reader *reader)
{
	if (reader->siblings_changed)
		return true;
	for (uint32_t i = 0; i < reader->file_count; i++) {
		struct system_status now;

		if (reader->files[i].fd >= 0 &&
		    system_status(reader->system, reader->files[i].fd, &now) == 0 &&
		    now.size != reader->files[i].status.size)
			return true;
	}
	return false;
}

static enum cairn_status try_path(struct system *system, const char *path,
				  const struct cairn_reader_options *options, bool *changed,
				  struct cairn_reader **result, struct cairn_error *error)
{
	struct cairn_reader *const reader = reader_create(system, options);
	struct split_path parts = {0};
	enum cairn_status status;

	if (reader == NULL)
		return error_set_memory(error, "a reader");
	reader->name = path; /* until the copy is there */
	status = split(reader, path, &parts, error);
	if (status == CAIRN_OK &&
	    (reader->name = arena_copy(&reader->arena, path, strlen(path) + 1)) == NULL) {
		reader->name = path;
		status = error_set_memory(error, "the path");
	}
	if (status == CAIRN_OK)
		status = open_in_folder(reader, &parts, error);
	*changed = status != CAIRN_OK && changed_meanwhile(reader);
	return finish_open(reader, status, result, error);
}

enum cairn_status reader_open_path(struct system *system, const char *path,
				   const struct cairn_reader_options *options,
				   struct cairn_reader **reader, struct cairn_error *error)
{
	bool changed = false;
	enum cairn_status status;

	if (path == NULL || path[0] == '\0' || strlen(path) >= PATH_SIZE_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a path of 1 to %zu bytes is needed", PATH_SIZE_MAX - 1);
	status = check_options(options, error);
	if (status != CAIRN_OK)
		return status;
	for (int i = 0; i < OPEN_TRIES; i++) {
		struct cairn_error found = {0}; /* of a try that need not be the last */
		bool is_last;

		changed = false;
		status = try_path(system, path, options, &changed, reader, &found);
		/* a shard that is missing each time is missing */
		is_last = !changed || (status == CAIRN_CORRUPT && i == OPEN_TRIES - 1);
		if (status != CAIRN_OK && is_last && error != NULL)
			*error = found;
		if (status == CAIRN_OK || is_last)
			return status;
	}
	error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET, "it keeps changing while it is opened");
	return error_prefix(error, CAIRN_BUSY, path);
}

/* ----------------------------------------------------------------------- descriptors and memory */

static enum cairn_status open_file(struct system *system, struct file *file,
				   const struct cairn_reader_options *options,
				   struct cairn_reader **result, struct cairn_error *error)
{
	struct cairn_reader *const reader = reader_create(system, options);

	if (reader == NULL) {
		file_close(file);
		return error_set_memory(error, "a reader");
	}
	reader->name = file->name;
	return finish_open(reader, open_identified(reader, -1, file, error), result, error);
}

enum cairn_status reader_open_descriptor(struct system *system, int fd, uint64_t offset,
					 uint64_t size, const struct cairn_reader_options *options,
					 struct cairn_reader **reader, struct cairn_error *error)
{
	struct file file;
	enum cairn_status status;

	status = check_options(options, error);
	if (status == CAIRN_OK)
		status = file_open_fd(system, fd, offset, size, &file, error);
	return status == CAIRN_OK ? open_file(system, &file, options, reader, error) : status;
}

enum cairn_status reader_open_bytes(struct system *system, const void *data, size_t size,
				    const struct cairn_reader_options *options,
				    struct cairn_reader **reader, struct cairn_error *error)
{
	static const uint8_t nothing[8];
	struct file file;
	enum cairn_status status;

	status = check_options(options, error);
	if (status != CAIRN_OK)
		return status;
	file_from_memory(system, data == NULL ? nothing : data, data == NULL ? 0 : size, &file);
	return open_file(system, &file, options, reader, error);
}

enum cairn_status cairn_reader_open(const char *path, const struct cairn_reader_options *options,
				    struct cairn_reader **reader, struct cairn_error *error)
{
	return reader_open_path(system_posix(), path, options, reader, error);
}

enum cairn_status cairn_reader_open_fd(int fd, uint64_t offset, uint64_t size,
				       const struct cairn_reader_options *options,
				       struct cairn_reader **reader, struct cairn_error *error)
{
	return reader_open_descriptor(system_posix(), fd, offset, size, options, reader, error);
}

enum cairn_status cairn_reader_open_memory(const void *data, size_t size,
					   const struct cairn_reader_options *options,
					   struct cairn_reader **reader, struct cairn_error *error)
{
	return reader_open_bytes(system_posix(), data, size, options, reader, error);
}
