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

#include "engine/read/folder_search.h"
#include "engine/read/identify.h"
#include "engine/read/interrupted_save.h"
#include "engine/read/reader.h"
#include "engine/read/state_file.h"
#include "format/bytes.h"
#include "format/container.h"
#include "format/error.h"
#include "format/tensorflow_names.h"

#define PATH_SIZE_MAX ((size_t)4096)

enum {
	OPEN_TRIES = 3
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
	if (kind == FILE_TENSORFLOW_V1)
		return open_tensorflow_v1(reader, file, error);
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

static enum cairn_status open_file_in(struct cairn_reader *reader, int directory, const char *name,
				      struct file *file, struct cairn_error *error)
{
	const struct file_place place = {.directory = directory, .path = name, .name = name};

	return file_open(reader->system, &place, file, error);
}

/* A name in the arena, with something behind it. */
static const char *with_suffix(struct cairn_reader *reader, const char *name, const char *suffix)
{
	const size_t size = strlen(name);
	const size_t suffix_size = strlen(suffix) + 1;
	char *const longer = arena_allocate(&reader->arena, size + suffix_size);

	if (longer == NULL)
		return NULL;
	memcpy(longer, name, size + 1);
	memcpy(longer + size, suffix, suffix_size);
	return longer;
}

/* The path of the folder that holds the files goes on with `name`. */
static enum cairn_status enter_folder(struct cairn_reader *reader, const char *name,
				      struct cairn_error *error)
{
	const char *folder = name;

	if (name[0] != '/')
		folder = with_suffix(reader, reader->folder, "/");
	if (folder != NULL && name[0] != '/')
		folder = with_suffix(reader, folder, name);
	if (folder == NULL)
		return error_set_memory(error, "the path");
	reader->folder = folder;
	return CAIRN_OK;
}

/* The TensorFlow V2 checkpoint whose table has that name. */
static enum cairn_status open_bundle(struct cairn_reader *reader, int directory, const char *table,
				     struct cairn_error *error)
{
	struct file file;
	const enum cairn_status status = open_file_in(reader, directory, table, &file, error);

	return status == CAIRN_OK ? open_tensorflow(reader, directory, &file, error) : status;
}

static enum cairn_status open_saved_model(struct cairn_reader *reader, int directory,
					  struct cairn_error *error)
{
	const int inner = system_open(reader->system, directory, SAVED_MODEL_FOLDER,
				      SYSTEM_WANT_DIRECTORY);
	enum cairn_status status;

	if (inner < 0)
		return error_set_system(error, inner, "cannot open the folder of the variables");
	status = enter_folder(reader, SAVED_MODEL_FOLDER, error);
	if (status == CAIRN_OK)
		status = open_bundle(reader, inner, SAVED_MODEL_VALUES, error);
	system_close(reader->system, inner);
	return status;
}

/* What the state file of a folder calls the latest checkpoint; in the reader's arena. */
static enum cairn_status read_state(struct cairn_reader *reader, int directory, const char *name,
				    const char **latest, struct cairn_error *error)
{
	struct state_text state = {0};
	struct file file;
	enum cairn_status status = open_file_in(reader, directory, name, &file, error);

	if (status != CAIRN_OK)
		return status;
	status = state_file_read(&file, &reader->arena, &state, error);
	file_close(&file);
	if (status == CAIRN_OK && state.model_path[0] == '\0')
		status = state_file_names_none(CAIRN_CORRUPT, error);
	*latest = state.model_path;
	return status;
}

static enum cairn_status open_name(struct cairn_reader *reader, int directory, const char *name,
				   bool follow_state, struct cairn_error *error);

/* The checkpoint that a state file names, relative to its folder. One that leads to another state
 * file is not followed: they could lead in circles. */
static enum cairn_status open_latest(struct cairn_reader *reader, int directory, const char *name,
				     struct cairn_error *error)
{
	struct split_path parts = {0};
	const char *latest = NULL;
	int inner;
	enum cairn_status status = read_state(reader, directory, name, &latest, error);

	if (status == CAIRN_OK)
		status = split(reader, latest, &parts, error);
	if (status != CAIRN_OK)
		return status;
	inner = system_open(reader->system, directory, parts.folder, SYSTEM_WANT_DIRECTORY);
	if (inner < 0)
		return error_set_system(error, inner, "cannot open the folder of %s",
					quote(cairn_string_from(latest)).text);
	status = enter_folder(reader, parts.folder, error);
	if (status == CAIRN_OK)
		status = open_name(reader, inner, parts.name, false, error);
	system_close(reader->system, inner);
	return status == CAIRN_OK ? status : error_prefix(error, status, latest);
}

static enum cairn_status open_content(struct cairn_reader *reader, int directory,
				      enum folder_content content, const char *name,
				      struct cairn_error *error)
{
	struct file file;
	enum cairn_status status;

	if (content == FOLDER_SAVED_MODEL)
		return open_saved_model(reader, directory, error);
	if (content == FOLDER_STATE)
		return open_latest(reader, directory, name, error);
	if (content == FOLDER_BUNDLE)
		return open_bundle(reader, directory, name, error);
	status = open_file_in(reader, directory, name, &file, error);
	return status == CAIRN_OK ? open_identified(reader, directory, &file, error) : status;
}

/* Searches a folder for the model that it holds, and opens it. */
static enum cairn_status open_folder(struct cairn_reader *reader, int directory, bool follow_state,
				     struct cairn_error *error)
{
	struct folder_search search;
	enum folder_content content = FOLDER_FILE;
	const char *name = NULL;
	enum cairn_status status;

	status = folder_search(&search, reader->system, directory, &content, &name, error);
	if (status != CAIRN_OK) {
		/* who removes a checkpoint empties its folder, which has lost its name before */
		reader->siblings_changed = search.entries == 0;
		return status;
	}
	if (content == FOLDER_STATE && !follow_state)
		return error_set(error, CAIRN_NOT_A_CHECKPOINT, CAIRN_ERROR_NO_OFFSET,
				 "a state file leads to a folder with another state file");
	name = arena_copy(&reader->arena, name, strlen(name) + 1);
	if (name == NULL)
		return error_set_memory(error, "a file name");
	status = open_content(reader, directory, content, name, error);
	return status == CAIRN_OK ? status : error_prefix(error, status, name);
}

/* Nothing has the name. A save over a prefix takes its index away for a moment: if it was not
 * interrupted, the new one may be there by now. `error` says already that nothing was found. */
static enum cairn_status open_unfinished(struct cairn_reader *reader, int directory,
					 const char *name, const char *table,
					 struct cairn_error *error)
{
	const struct interrupted_save hint = interrupted_save_hint(reader->system, directory, name);
	struct file file;

	if (hint.text[0] == '\0')
		return CAIRN_NOT_FOUND;
	if (open_file_in(reader, directory, table, &file, NULL) == CAIRN_OK)
		return open_tensorflow(reader, directory, &file, error);
	return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET, "no such file%s",
			 hint.text);
}

/* The other places where a path is looked for: with ".cairn" behind it, with ".index", and as the
 * pattern of shards. */
static enum cairn_status open_longer(struct cairn_reader *reader, int directory, const char *name,
				     struct cairn_error *error)
{
	const char *const container = with_suffix(reader, name, ".cairn");
	const char *const table = with_suffix(reader, name, BUNDLE_INDEX_SUFFIX);
	struct file file;
	enum cairn_status status;

	if (container == NULL || table == NULL)
		return error_set_memory(error, "the path");
	status = open_file_in(reader, directory, container, &file, error);
	if (status == CAIRN_OK)
		return open_identified(reader, directory, &file, error);
	if (status == CAIRN_NOT_FOUND)
		status = open_file_in(reader, directory, table, &file, error);
	if (status == CAIRN_OK)
		return open_tensorflow(reader, directory, &file, error);
	if (status == CAIRN_NOT_FOUND)
		status = open_tensorflow_v1_shards(reader, directory, name, error);
	return status == CAIRN_NOT_FOUND ? open_unfinished(reader, directory, name, table, error)
					 : status;
}

/* The name still leads to this folder. */
static bool has_name(struct system *system, int directory, const char *name, int folder)
{
	struct system_status named;
	struct system_status opened;

	return system_status_at(system, directory, name, true, &named) == 0 &&
	       system_status(system, folder, &opened) == 0 && system_same_file(&named, &opened);
}

static enum cairn_status open_name(struct cairn_reader *reader, int directory, const char *name,
				   bool follow_state, struct cairn_error *error)
{
	struct system *const system = reader->system;
	struct system_status entry;
	struct file file;
	struct cairn_error first = {0}; /* of a try that need not be the last */
	enum cairn_status status;
	int result;
	int inner;

	if (name[0] == '\0') { /* the path ended with a slash */
		status = open_folder(reader, directory, follow_state, error);
		if (status == CAIRN_NOT_A_CHECKPOINT)
			reader->siblings_changed = false;
		return status;
	}
	status = open_file_in(reader, directory, name, &file, &first);
	if (status == CAIRN_OK)
		return open_identified(reader, directory, &file, error);
	if (status == CAIRN_NOT_FOUND)
		return open_longer(reader, directory, name, error);
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
	status = enter_folder(reader, name, error);
	if (status == CAIRN_OK)
		status = open_folder(reader, inner, follow_state, error);
	if (status == CAIRN_NOT_A_CHECKPOINT && has_name(system, directory, name, inner))
		reader->siblings_changed = false;
	system_close(system, inner);
	return status;
}

/* The index behind a prefix, whatever else has its name. */
static enum cairn_status open_prefix(struct cairn_reader *reader, int directory, const char *name,
				     struct cairn_error *error)
{
	const char *const table = with_suffix(reader, name, BUNDLE_INDEX_SUFFIX);
	struct file file;
	enum cairn_status status;

	if (table == NULL)
		return error_set_memory(error, "the path");
	status = open_file_in(reader, directory, table, &file, error);
	return status == CAIRN_OK ? open_tensorflow(reader, directory, &file, error) : status;
}

static enum cairn_status open_in_folder(struct cairn_reader *reader, const struct split_path *parts,
					bool is_prefix, struct cairn_error *error)
{
	struct system *const system = reader->system;
	const int directory = system_open(system, SYSTEM_CWD, parts->folder, SYSTEM_WANT_DIRECTORY);
	enum cairn_status status;

	reader->folder = parts->folder;
	if (directory < 0)
		return error_set_system(error, directory, "cannot open the folder");
	status = is_prefix ? open_prefix(reader, directory, parts->name, error)
			   : open_name(reader, directory, parts->name, true, error);
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

static enum cairn_status try_path(struct system *system, const char *path, bool is_prefix,
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
		status = open_in_folder(reader, &parts, is_prefix, error);
	*changed = status != CAIRN_OK && changed_meanwhile(reader);
	return finish_open(reader, status, result, error);
}

static enum cairn_status open_path(struct system *system, const char *path, bool is_prefix,
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
		status = try_path(system, path, is_prefix, options, &changed, reader, &found);
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

enum cairn_status reader_open_path(struct system *system, const char *path,
				   const struct cairn_reader_options *options,
				   struct cairn_reader **reader, struct cairn_error *error)
{
	return open_path(system, path, false, options, reader, error);
}

enum cairn_status reader_open_prefix(struct system *system, const char *prefix,
				     const struct cairn_reader_options *options,
				     struct cairn_reader **reader, struct cairn_error *error)
{
	return open_path(system, prefix, true, options, reader, error);
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
