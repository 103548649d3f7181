/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a manager knows of its folder when it starts: what the state files say, and the rules of
 * tf.train.CheckpointManager for believing their times.
 *
 * A checkpoint is managed when it was saved after the one that was kept for ever last. So those
 * without times never are, and when the clock went back older ones no longer are. What a manager
 * that died was about to remove goes now (doomed.h): the next save would sweep the marks away.
 */
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/doomed.h"
#include "engine/train/hash_index.h"
#include "engine/train/manager.h"
#include "engine/train/paths.h"
#include "engine/train/state.h"
#include "engine/write/publish.h"
#include "format/digest.h"
#include "format/error.h"

#define ARENA_SIZE_MAX ((size_t)1 << 30)
#define NS_PER_SECOND  1e9

/* A state file, if there is one that can be read: else *state stays NULL. */
static enum cairn_status read_state(struct system *system, const char *folder, const char *name,
				    struct cairn_state **state, struct manager_note *note,
				    struct cairn_error *error)
{
	struct cairn_error found = {.code = CAIRN_OK};
	const enum cairn_status status = state_get(system, folder, name, state, &found);

	if (status == CAIRN_OK || status == CAIRN_NOT_FOUND)
		return CAIRN_OK;
	if (status == CAIRN_CORRUPT) {
		manager_note_add(note, "%s", found.message);
		return CAIRN_OK;
	}
	if (error != NULL)
		*error = found;
	return status;
}

/* The pairs of paths and times: of the longer list the rest is left out. */
static uint64_t pair_count(const struct cairn_state *state)
{
	if (state->timestamp_count == 0) /* none is newer than the one that was kept last */
		return 0;
	return state->path_count < state->timestamp_count ? state->path_count
							  : state->timestamp_count;
}

static double last_preserved(struct cairn_manager *manager, const struct cairn_state *state,
			     double now)
{
	const double last = state->last_preserved_timestamp;

	if (now >= last)
		return last;
	manager_note_add(&manager->note,
			 "the clock is %.0f seconds behind the time of the checkpoint that was "
			 "kept last",
			 last - now);
	return now;
}

/* A list that is filled, and its paths, so that each is in it once. */
struct filling {
	struct ledger *ledger;
	struct ledger_list *list;
	struct system *system;
	struct hash_index known;
};

static struct ledger_entry *find_known(const struct filling *filling, const char *path,
				       uint64_t hash)
{
	uint32_t number = hash_index_first(&filling->known, hash);

	while (number != HASH_INDEX_NONE && strcmp(filling->list->items[number].path, path) != 0)
		number = hash_index_next(&filling->known, number);
	return number == HASH_INDEX_NONE ? NULL : &filling->list->items[number];
}

/* Of one that is there already the place stays, and the value is the later one. */
static enum cairn_status add_entry(struct filling *filling, const char *path, double value,
				   struct cairn_error *error)
{
	const uint64_t hash = digest64_bytes(path, strlen(path));
	struct ledger_entry *const known = find_known(filling, path, hash);
	const char *copy;

	if (known != NULL) {
		known->value = value;
		return CAIRN_OK;
	}
	copy = ledger_text(filling->ledger, path);
	if (copy == NULL || !hash_index_add(&filling->known, filling->system, hash))
		return error_set_memory(error, "a list of checkpoints");
	ledger_append(filling->list, copy, value);
	return CAIRN_OK;
}

static enum cairn_status take_active(struct cairn_manager *manager, const struct cairn_state *state,
				     double now, struct cairn_error *error)
{
	struct ledger *const ledger = &manager->ledger;
	struct filling filling = {
		.ledger = ledger, .list = &ledger->active, .system = manager->system};
	const uint64_t count = pair_count(state);
	enum cairn_status status = CAIRN_OK;

	ledger->last_preserved = last_preserved(manager, state, now);
	ledger->latest = ledger_text(ledger, state->model_checkpoint_path);
	if (ledger->latest == NULL)
		return error_set_memory(error, "a checkpoint's path");
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++) {
		const double time = state->all_model_checkpoint_timestamps[i];
		const double believed = time < now ? time : now;

		if (believed > ledger->last_preserved)
			status = add_entry(&filling, state->all_model_checkpoint_paths[i], believed,
					   error);
	}
	hash_index_fini(&filling.known, manager->system);
	return status;
}

/* They are listed from the worst to the best, with their metrics for times. */
static enum cairn_status take_best(struct cairn_manager *manager, const struct cairn_state *state,
				   struct cairn_error *error)
{
	struct filling filling = {.ledger = &manager->ledger,
				  .list = &manager->ledger.best,
				  .system = manager->system};
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = pair_count(state); i-- > 0 && status == CAIRN_OK;)
		status = add_entry(&filling, state->all_model_checkpoint_paths[i],
				   state->all_model_checkpoint_timestamps[i], error);
	hash_index_fini(&filling.known, manager->system);
	return status;
}

/* ----------------------------------------------------------------------------------- the folder */

/* What is read of a folder. The names come first: a mark among them whose checkpoint is in no state
 * file that is read after it is one of a manager that died, or is about to remove it. */
struct contents {
	struct arena arena;
	struct folder folder; /* fd -1: there is none */
	struct folder_names names;
	struct cairn_state *state; /* NULL: none that can be read */
	struct cairn_state *best;
};

static enum cairn_status open_folder(struct system *system, const char *path,
				     struct contents *contents, struct cairn_error *error)
{
	const int fd = system_open(system, SYSTEM_CWD, path[0] == '\0' ? "." : path,
				   SYSTEM_WANT_DIRECTORY);

	contents->folder = (struct folder){.system = system, .fd = fd, .locks_work = true};
	if (fd >= 0)
		return folder_names(&contents->folder, &contents->arena, &contents->names, error);
	return error_prefix(error, error_set_system(error, fd, "cannot open the folder"), path);
}

static enum cairn_status read_states(struct system *system, const char *folder,
				     struct contents *contents, struct manager_note *note,
				     struct cairn_error *error)
{
	enum cairn_status status;

	status = read_state(system, folder, NULL, &contents->state, note, error);
	if (status == CAIRN_OK)
		status = read_state(system, folder, CAIRN_MANAGER_BEST_NAME, &contents->best, note,
				    error);
	return status;
}

static void init_contents(struct contents *contents, struct system *system)
{
	*contents = (struct contents){.folder = {.fd = -1}};
	arena_init(&contents->arena, reader_arena_source(system), ARENA_SIZE_MAX);
}

static void free_contents(struct contents *contents)
{
	cairn_state_free(contents->state);
	cairn_state_free(contents->best);
	folder_close(&contents->folder);
	arena_fini(&contents->arena);
}

/* ---------------------------------------------------------------------------------------- clear */

static bool is_named(const struct cairn_state *state, const char *path)
{
	if (state == NULL)
		return false;
	if (strcmp(state->model_checkpoint_path, path) == 0)
		return true;
	for (uint64_t i = 0; i < state->path_count; i++) {
		if (strcmp(state->all_model_checkpoint_paths[i], path) == 0)
			return true;
	}
	return false;
}

struct clearing {
	struct system *system;
	const char *folder;
	const struct contents *contents;
	cairn_manager_cleared callback; /* or NULL */
	void *context;
};

static enum cairn_status clear_one(void *context, const char *base, struct cairn_error *error)
{
	const struct clearing *const clearing = context;
	const struct contents *const contents = clearing->contents;
	struct arena arena;
	const char *path;
	enum cairn_status status = CAIRN_OK;

	arena_init(&arena, reader_arena_source(clearing->system), ARENA_SIZE_MAX);
	path = path_join(&arena, clearing->folder, base);
	if (path == NULL)
		status = error_set_memory(error, "a checkpoint's path");
	else if (!is_named(contents->state, path) && !is_named(contents->best, path)) {
		status = manager_remove(clearing->system, path, error);
		if (status == CAIRN_OK)
			status = folder_commit(&contents->folder, error);
		if (status == CAIRN_OK) {
			doomed_unmark(&contents->folder, base);
			if (clearing->callback != NULL)
				clearing->callback(clearing->context, path);
		}
	}
	arena_fini(&arena);
	return status;
}

/* ---------------------------------------------------------------------------------------- start */

/* It is no reason not to go on. */
static void clear_for(struct cairn_manager *manager, struct clearing *clearing)
{
	const struct contents *const contents = clearing->contents;
	struct cairn_error found = {.code = CAIRN_OK};

	if (doomed_list(&contents->folder, &contents->names, clear_one, clearing, &found) !=
	    CAIRN_OK)
		manager_note_add(&manager->note, "an old checkpoint could not be removed: %s",
				 found.message);
}

static enum cairn_status take_contents(struct cairn_manager *manager,
				       const struct contents *contents, struct cairn_error *error)
{
	const struct cairn_state *const state = contents->state;
	const struct cairn_state *const best = contents->best;
	const double now = (double)system_wall_clock(manager->system) / NS_PER_SECOND;
	struct clearing clearing = {
		.system = manager->system, .folder = manager->folder, .contents = contents};
	const uint64_t count = (state == NULL ? 0 : state->path_count) +
			       (best == NULL ? 0 : best->path_count);
	enum cairn_status status = ledger_init(&manager->ledger, manager->system, count, error);

	manager->ledger.last_preserved = now - 1;
	if (status == CAIRN_OK && state != NULL)
		status = take_active(manager, state, now, error);
	if (status == CAIRN_OK && best != NULL)
		status = take_best(manager, best, error);
	if (status == CAIRN_OK && state != NULL)
		clear_for(manager, &clearing);
	return status;
}

enum cairn_status manager_start(struct cairn_manager *manager, struct cairn_error *error)
{
	struct cairn_error found = {.code = CAIRN_OK};
	struct contents contents;
	enum cairn_status status;

	init_contents(&contents, manager->system);
	status = open_folder(manager->system, manager->folder, &contents, &found);
	if (status == CAIRN_NOT_FOUND)
		status = CAIRN_OK;
	if (status == CAIRN_OK)
		status = read_states(manager->system, manager->folder, &contents, &manager->note,
				     &found);
	if (status == CAIRN_OK)
		status = take_contents(manager, &contents, &found);
	free_contents(&contents);
	if (status != CAIRN_OK && error != NULL)
		*error = found;
	return status;
}

enum cairn_status manager_clear(struct system *system, const char *folder,
				cairn_manager_cleared callback, void *context,
				struct cairn_error *error)
{
	struct contents contents;
	struct clearing clearing = {.system = system,
				    .folder = folder,
				    .contents = &contents,
				    .callback = callback,
				    .context = context};
	struct manager_note note = {.text = ""};
	enum cairn_status status;

	init_contents(&contents, system);
	status = open_folder(system, folder, &contents, error);
	if (status == CAIRN_OK && read_states(system, folder, &contents, &note, NULL) != CAIRN_OK) {
		free_contents(&contents);
		return CAIRN_OK; /* nothing is known to be named by none */
	}
	if (status == CAIRN_OK && contents.state != NULL)
		status = doomed_list(&contents.folder, &contents.names, clear_one, &clearing,
				     error);
	free_contents(&contents);
	return status;
}

enum cairn_status cairn_manager_clear(const char *folder, cairn_manager_cleared callback,
				      void *context, struct cairn_error *error)
{
	if (folder == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "no folder");
	return manager_clear(system_posix(), folder, callback, context, error);
}
