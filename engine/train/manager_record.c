/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows a save.
 *
 * The order is the promise: the new checkpoint is durable; the state files name it, durably, and no
 * longer those that must go; then those go. So a state file never names what is not there, and
 * nothing that is needed goes before something newer is in its place.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cairn/verify.h>

#include "engine/read/reader.h"
#include "engine/train/checkpoint_files.h"
#include "engine/train/doomed.h"
#include "engine/train/manager.h"
#include "engine/train/state.h"
#include "engine/write/publish.h"
#include "format/error.h"

/* --------------------------------------------------------------------------------- verification */

/* The first problem becomes the error. */
static int keep_problem(void *context, const struct cairn_problem *problem)
{
	error_set(context, problem->code, problem->offset, "%.*s", CAIRN_MESSAGE_SIZE / 2,
		  problem->message);
	return 1;
}

enum cairn_status manager_verify(struct system *system, const char *path, struct cairn_error *error)
{
	struct cairn_error problem = {.code = CAIRN_OK};
	const struct cairn_verify_options options = {.on_problem = keep_problem,
						     .problem_context = &problem};
	struct cairn_verify_report report = {.problem_count = 0};
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	status = reader_open_path(system, path, NULL, &reader, error);
	if (status != CAIRN_OK)
		return status;
	status = cairn_reader_verify(reader, &options, &report, error);
	cairn_reader_close(reader);
	if (problem.code == CAIRN_OK)
		return status;
	if (error != NULL)
		*error = problem;
	return error_prefix(error, problem.code, path);
}

/* One of the list, from its end on down to number `from`, is undamaged. */
static bool has_verified(struct cairn_manager *manager, const struct ledger_list *list,
			 uint64_t from)
{
	for (uint64_t i = list->count; i-- > from;) {
		if (manager_verify(manager->system, list->items[i].path, NULL) == CAIRN_OK)
			return true;
	}
	return false;
}

/* Those that must go may. */
static bool may_remove(struct cairn_manager *manager)
{
	const struct ledger *const ledger = &manager->next;
	const uint64_t excess = ledger_excess(ledger, &manager->policy);

	if ((manager->options.flags & CAIRN_MANAGER_KEEP_VERIFIED) == 0 ||
	    (excess == 0 && ledger->doomed.count == 0))
		return true;
	if (has_verified(manager, &ledger->active, excess) ||
	    has_verified(manager, &ledger->best, 0))
		return true;
	manager_note_add(&manager->save_note,
			 "no checkpoint that would stay is undamaged: none was removed");
	return false;
}

/* ---------------------------------------------------------------------------------- state files */

/* The list in the order in which the state file has it. */
static enum cairn_status write_list(struct cairn_manager *manager, const char *name,
				    const struct ledger_list *list, bool backwards,
				    struct cairn_error *error)
{
	struct arena *const arena = &manager->next.arena;
	const char **const paths = arena_allocate_array(arena, list->count, sizeof(*paths));
	double *const values = arena_allocate_array(arena, list->count, sizeof(*values));
	const struct cairn_state_update_options options = {
		.all_model_checkpoint_paths = paths,
		.path_count = list->count,
		.all_model_checkpoint_timestamps = values,
		.timestamp_count = list->count,
		.last_preserved_timestamp = backwards ? 0 : manager->next.last_preserved,
		.latest_filename = name,
		.save_relative_paths = 1,
		.is_durable = 1};

	if (paths == NULL || values == NULL)
		return error_set_memory(error, "a list of checkpoints");
	for (uint64_t i = 0; i < list->count; i++) {
		const struct ledger_entry
			*const entry = &list->items[backwards ? list->count - 1 - i : i];

		paths[i] = entry->path;
		values[i] = entry->value;
	}
	return state_update(manager->system, manager->folder, paths[list->count - 1], &options,
			    error);
}

static bool is_same_list(const struct ledger_list *a, const struct ledger_list *b)
{
	for (uint64_t i = 0; i < a->count && a->count == b->count; i++) {
		if (strcmp(a->items[i].path, b->items[i].path) != 0 ||
		    a->items[i].value != b->items[i].value)
			return false;
	}
	return a->count == b->count;
}

static enum cairn_status write_states(struct cairn_manager *manager, struct cairn_error *error)
{
	struct ledger *const next = &manager->next;
	enum cairn_status status = write_list(manager, NULL, &next->active, false, error);

	if (status == CAIRN_OK && !is_same_list(&next->best, &manager->ledger.best))
		status = write_list(manager, CAIRN_MANAGER_BEST_NAME, &next->best, true, error);
	return status;
}

/* ------------------------------------------------------------------------------------- removing */

enum cairn_status manager_remove(struct system *system, const char *path, struct cairn_error *error)
{
	struct cairn_state_remove_options options = {.format = CAIRN_STATE_TENSORFLOW_V2};
	struct checkpoint checkpoint;
	enum cairn_status status;

	status = checkpoint_open(system, path, &checkpoint, error);
	if (status != CAIRN_OK)
		return status;
	if (checkpoint.kind == CHECKPOINT_CAIRN || checkpoint.kind == CHECKPOINT_CAIRN_FOLDER)
		options.format = CAIRN_STATE_CAIRN;
	checkpoint_close(&checkpoint);
	return state_remove(system, path, &options, error);
}

/* Those that are to go are marked before the state file forgets them; those that it forgets and
 * that stay for ever must not be, from an earlier time that they were to go. */
static void mark_doomed(const struct cairn_manager *manager, const struct folder *folder)
{
	const struct ledger *const next = &manager->next;
	const char *base;

	for (uint64_t i = 0; i < next->retired.count; i++) {
		base = doomed_base(manager->folder, next->retired.items[i].path);
		if (base != NULL)
			doomed_unmark(folder, base);
	}
	for (uint64_t i = 0; i < next->doomed.count; i++) {
		base = doomed_base(manager->folder, next->doomed.items[i].path);
		if (base != NULL)
			doomed_mark(folder, base);
	}
}

/* Those that are gone, durably, are doomed no more; the others stay on the list, for the next save.
 */
static void forget_removed(struct cairn_manager *manager, const struct folder *folder,
			   const bool *is_removed)
{
	struct ledger_list *const doomed = &manager->next.doomed;
	const uint64_t count = doomed->count;

	doomed->count = 0;
	for (uint64_t i = 0; i < count; i++) {
		const struct ledger_entry entry = doomed->items[i];
		const char *const base = doomed_base(manager->folder, entry.path);

		if (!is_removed[i])
			ledger_append(doomed, entry.path, entry.value);
		else if (base != NULL)
			doomed_unmark(folder, base);
	}
}

static void remove_doomed(struct cairn_manager *manager, const struct folder *folder)
{
	const struct ledger_list *const doomed = &manager->next.doomed;
	bool *const is_removed = arena_allocate_array(&manager->next.arena, doomed->count,
						      sizeof(*is_removed));
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status = CAIRN_OK;

	if (doomed->count == 0 || is_removed == NULL)
		return;
	for (uint64_t i = 0; i < doomed->count; i++) {
		const enum cairn_status removal = manager_remove(
			manager->system, doomed->items[i].path, status == CAIRN_OK ? &error : NULL);

		is_removed[i] = removal == CAIRN_OK;
		status = status == CAIRN_OK ? removal : status;
	}
	if (folder_commit(folder, status == CAIRN_OK ? &error : NULL) == CAIRN_OK)
		forget_removed(manager, folder, is_removed);
	else
		status = CAIRN_IN_DOUBT;
	if (status != CAIRN_OK)
		manager_note_add(&manager->save_note, "an old checkpoint could not be removed: %s",
				 error.message);
}

static enum cairn_status record(struct cairn_manager *manager, const struct folder *folder,
				struct cairn_error *error)
{
	const bool removes = may_remove(manager);
	enum cairn_status status;

	if (removes) {
		ledger_evict(&manager->next, &manager->policy);
		mark_doomed(manager, folder);
	}
	status = write_states(manager, error);
	if (status == CAIRN_OK && removes)
		remove_doomed(manager, folder);
	return status;
}

enum cairn_status manager_record(struct cairn_manager *manager, struct cairn_error *error)
{
	char name[SYSTEM_NAME_SIZE];
	struct folder folder;
	enum cairn_status status;

	ledger_add(&manager->next, &manager->policy, &manager->save);
	status = folder_open(manager->system, manager->save.path, &folder, name, error);
	if (status != CAIRN_OK)
		return status;
	status = record(manager, &folder, error);
	folder_close(&folder);
	return status;
}
