/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All checkpoints of a folder: what its state file lists, and what lies there besides.
 *
 * The folder is listed once; a checkpoint that the state file names in another folder is looked up
 * there.
 */
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/checkpoint_files.h"
#include "engine/train/paths.h"
#include "engine/train/state.h"
#include "format/error.h"
#include "format/sort.h"

#define ARENA_SIZE_MAX ((size_t)1 << 30)
#define NS_PER_SECOND  1e9

struct state_listing {
	struct system *system;
	const char *path; /* of the folder, as given */
	struct arena arena;
	struct folder folder;
	struct folder_names names;
	struct state_text state; /* without paths when there is no state file */
	/* names in this folder that the state file lists, in byte order; to leave them out later */
	struct folder_names listed;
	cairn_state_entry_callback callback;
	void *context;
};

/* -------------------------------------------------------------------------------------- entries */

static enum cairn_status hand_out(const struct state_listing *listing,
				  struct checkpoint *checkpoint, struct cairn_state_entry *entry,
				  struct cairn_error *error)
{
	enum cairn_status status;

	status = checkpoint_size(checkpoint, &entry->bytes, error);
	if (status != CAIRN_OK)
		return error_prefix(error, status, entry->path);
	entry->format = checkpoint_kind_name(checkpoint->kind);
	if (entry->format != NULL)
		entry->modified = (double)checkpoint->modified_ns / NS_PER_SECOND;
	if (listing->callback(listing->context, entry) != 0)
		return error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
				 "the listing was stopped by its callback");
	return CAIRN_OK;
}

/* The base name, when the path leads to an entry of the folder itself. */
static const char *name_in_folder(const char *path)
{
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	return strchr(path, '/') == NULL && path[0] != '\0' ? path : NULL;
}

static enum cairn_status find(struct state_listing *listing, const char *given, const char *path,
			      struct checkpoint *checkpoint, struct cairn_error *error)
{
	const char *const name = name_in_folder(given);

	if (name != NULL)
		return checkpoint_open_in(&listing->folder, &listing->names, name, checkpoint,
					  error);
	return checkpoint_open(listing->system, path, checkpoint, error);
}

static enum cairn_status hand_out_path(struct state_listing *listing, const char *given,
				       struct cairn_state_entry *entry, struct cairn_error *error)
{
	struct checkpoint checkpoint;
	enum cairn_status status;

	entry->path = path_join(&listing->arena, listing->path, given);
	if (entry->path == NULL)
		return error_set_memory(error, "a checkpoint's path");
	status = find(listing, given, entry->path, &checkpoint, error);
	if (status != CAIRN_OK)
		return status;
	status = hand_out(listing, &checkpoint, entry, error);
	checkpoint_close(&checkpoint);
	return status;
}

/* --------------------------------------------------------------------------------------- listed */

static enum cairn_status hand_out_listed(struct state_listing *listing, struct cairn_error *error)
{
	const struct state_text *const state = &listing->state;
	enum cairn_status status = CAIRN_OK;
	bool met_latest = false;

	for (uint64_t i = 0; i < state->path_count && status == CAIRN_OK; i++) {
		struct cairn_state_entry entry = {.is_listed = 1};

		entry.is_latest = strcmp(state->paths[i], state->model_path) == 0;
		met_latest = met_latest || entry.is_latest;
		if (state->timestamp_count == state->path_count) {
			entry.has_timestamp = 1;
			entry.timestamp = state->timestamps[i];
		}
		status = hand_out_path(listing, state->paths[i], &entry, error);
	}
	if (status == CAIRN_OK && !met_latest && state->model_path[0] != '\0') {
		struct cairn_state_entry entry = {.is_listed = 1, .is_latest = 1};

		status = hand_out_path(listing, state->model_path, &entry, error);
	}
	return status;
}

/* The last component of an absolute path names an entry of the folder, too, where it is in it: the
 * text decides. */
static const char *name_of(const struct state_listing *listing, const char *given)
{
	const size_t size = strlen(listing->path);

	if (path_is_absolute(given) && size != 0 && strncmp(given, listing->path, size) == 0 &&
	    (given[size] == '/' || given[size - 1] == '/'))
		given += given[size] == '/' ? size + 1 : size;
	return name_in_folder(given);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum cairn_status collect_listed(struct state_listing *listing, struct cairn_error *error)
{
	const struct state_text *const state = &listing->state;
	struct folder_names *const listed = &listing->listed;
	void **scratch;

	listed->items = arena_allocate_array(&listing->arena, state->path_count + 1,
					     sizeof(*listed->items));
	scratch = arena_allocate_array(&listing->arena, state->path_count + 1, sizeof(*scratch));
	if (listed->items == NULL || scratch == NULL)
		return error_set_memory(error, "the names in a state file");
	for (uint64_t i = 0; i <= state->path_count; i++) {
		const char *const given = i == state->path_count ? state->model_path
								 : state->paths[i];
		const char *const name = name_of(listing, given);

		if (name != NULL)
			listed->items[listed->count++] = (char *)(uintptr_t)name;
	}
	sort_pointers((void **)listed->items, scratch, listed->count, compare_names);
	return CAIRN_OK;
}

static bool is_listed(const struct state_listing *listing, const char *base)
{
	const uint64_t at = folder_names_from(&listing->listed, base);

	return at < listing->listed.count && strcmp(listing->listed.items[at], base) == 0;
}

/* --------------------------------------------------------------------------------------- others */

/* The name of a folder entry tells a checkpoint of this base: each is told by one name only. */
static bool tells(const struct checkpoint *checkpoint, const char *name)
{
	const char *const suffix = name + strlen(checkpoint->base);

	switch (checkpoint->kind) {
	case CHECKPOINT_TENSORFLOW_V2:
		return strcmp(suffix, ".index") == 0 &&
		       has_data_files(&checkpoint->names, checkpoint->base);
	case CHECKPOINT_CAIRN:
		return strcmp(suffix, ".cairn") == 0;
	case CHECKPOINT_CAIRN_FOLDER:
		return suffix[0] == '\0';
	case CHECKPOINT_TENSORFLOW_V1:
	case CHECKPOINT_TENSORFLOW_V1_SHARDS:
	case CHECKPOINT_ABSENT:
		break;
	}
	return false;
}

static enum cairn_status hand_out_other(struct state_listing *listing, const char *name,
					const char *base, struct cairn_error *error)
{
	struct cairn_state_entry entry = {.is_listed = 0};
	struct checkpoint checkpoint;
	enum cairn_status status;

	if (base[0] == '\0' || is_listed(listing, base))
		return CAIRN_OK;
	status = checkpoint_open_in(&listing->folder, &listing->names, base, &checkpoint, error);
	if (status != CAIRN_OK)
		return status;
	if (tells(&checkpoint, name)) {
		entry.path = path_join(&listing->arena, listing->path, base);
		status = entry.path == NULL ? error_set_memory(error, "a checkpoint's path")
					    : hand_out(listing, &checkpoint, &entry, error);
	}
	checkpoint_close(&checkpoint);
	return status;
}

/* The name is a base itself, or one with a suffix. */
static enum cairn_status look_at_name(struct state_listing *listing, const char *name,
				      struct cairn_error *error)
{
	static const char *const suffixes[] = {".index", ".cairn"};
	const size_t size = strlen(name);
	char base[SYSTEM_NAME_SIZE];
	enum cairn_status status;

	if (size >= sizeof(base) || is_temporary_name(name))
		return CAIRN_OK;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const size_t suffix = strlen(suffixes[i]);

		if (size > suffix && strcmp(name + size - suffix, suffixes[i]) == 0) {
			memcpy(base, name, size - suffix);
			base[size - suffix] = '\0';
			status = hand_out_other(listing, name, base, error);
			if (status != CAIRN_OK)
				return status;
		}
	}
	return hand_out_other(listing, name, name, error);
}

static enum cairn_status hand_out_others(struct state_listing *listing, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < listing->names.count && status == CAIRN_OK; i++)
		status = look_at_name(listing, listing->names.items[i], error);
	return status;
}

/* -------------------------------------------------------------------------------------- listing */

static enum cairn_status open_listing(struct state_listing *listing, struct cairn_error *error)
{
	const char *const path = listing->path[0] == '\0' ? "." : listing->path;
	enum cairn_status status;

	listing->folder.fd = system_open(listing->system, SYSTEM_CWD, path, SYSTEM_WANT_DIRECTORY);
	if (listing->folder.fd < 0)
		return error_set_system(error, listing->folder.fd, "cannot open the folder");
	status = folder_names(&listing->folder, &listing->arena, &listing->names, error);
	return status == CAIRN_OK ? collect_listed(listing, error) : status;
}

/* A folder without a state file may hold checkpoints. */
static enum cairn_status read_state(struct state_listing *listing, const char *latest_filename,
				    struct cairn_error *error)
{
	struct cairn_error found = {.code = CAIRN_OK};
	const enum cairn_status status = state_read(listing->system, &listing->arena, listing->path,
						    latest_filename, &listing->state, &found);

	if (status == CAIRN_NOT_FOUND) {
		listing->state = (struct state_text){.model_path = ""};
		return CAIRN_OK;
	}
	if (status != CAIRN_OK && error != NULL)
		*error = found;
	return status;
}

static enum cairn_status run(struct state_listing *listing, const char *latest_filename,
			     struct cairn_error *error)
{
	enum cairn_status status;

	status = read_state(listing, latest_filename, error);
	if (status != CAIRN_OK)
		return status;
	status = open_listing(listing, error);
	if (status != CAIRN_OK)
		return error_prefix(error, status, listing->path);
	status = hand_out_listed(listing, error);
	return status == CAIRN_OK ? hand_out_others(listing, error) : status;
}

enum cairn_status state_list(struct system *system, const char *folder, const char *latest_filename,
			     cairn_state_entry_callback callback, void *context,
			     struct cairn_error *error)
{
	struct state_listing listing = {.system = system,
					.path = folder,
					.folder = {.system = system, .fd = -1},
					.callback = callback,
					.context = context};
	enum cairn_status status;

	if (callback == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no callback");
	arena_init(&listing.arena, reader_arena_source(system), ARENA_SIZE_MAX);
	status = run(&listing, latest_filename, error);
	folder_close(&listing.folder);
	arena_fini(&listing.arena);
	return status;
}

enum cairn_status cairn_state_list(const char *folder, const char *latest_filename,
				   cairn_state_entry_callback callback, void *context,
				   struct cairn_error *error)
{
	return state_list(system_posix(), folder, latest_filename, callback, context, error);
}
