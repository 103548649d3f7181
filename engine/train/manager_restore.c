/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restoring the latest checkpoint of a manager, or the newest that is undamaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/train/checkpoint_files.h"
#include "engine/train/manager.h"
#include "format/error.h"

#define ARENA_SIZE_MAX ((size_t)1 << 30)
#define NS_PER_SECOND  1e9

/* Looks for the newest that is undamaged. */
struct search {
	struct cairn_manager *manager;
	bool met_any;
	bool is_found;
	bool is_listed;             /* in a list, not only in the folder */
	char path[CAIRN_PATH_SIZE]; /* of the one that was found */
	enum cairn_status status;   /* not CAIRN_OK: what ended the search */
	struct cairn_error *error;
};

static void try_path(struct search *search, const char *path)
{
	struct cairn_manager *const manager = search->manager;
	struct cairn_error found = {.code = CAIRN_OK};
	enum cairn_status status;

	if (search->is_found || search->status != CAIRN_OK)
		return;
	search->met_any = true;
	status = manager_verify(manager->system, path, &found);
	if (status == CAIRN_OK) {
		search->is_found = true;
		snprintf(search->path, sizeof(search->path), "%s", path);
	} else if (status == CAIRN_NO_MEMORY) {
		search->status = status;
		if (search->error != NULL)
			*search->error = found;
	} else {
		manager_note_add(&manager->note, "passed over: %s", found.message);
	}
}

/* -------------------------------------------------------------------------------- in the folder */

/* NAME-<number>, with the suffix of an index or none: *number is it. */
static bool has_number(const struct cairn_manager *manager, const char *name, long long *number)
{
	const size_t size = strlen(manager->name);
	const char *digits = name + size + 1;
	char *end;

	if (strncmp(name, manager->name, size) != 0 || name[size] != '-' ||
	    strspn(digits, "0123456789") == 0 || strlen(digits) > 18 + sizeof(".index"))
		return false;
	*number = strtoll(digits, &end, 10);
	return end[0] == '\0' || strcmp(end, ".index") == 0 || strcmp(end, ".cairn") == 0;
}

/* The highest number below `limit`; -1: none. */
static long long next_number(const struct cairn_manager *manager, const struct folder_names *names,
			     long long limit)
{
	long long highest = -1;

	for (uint64_t i = 0; i < names->count; i++) {
		long long number;

		if (has_number(manager, names->items[i], &number) && number < limit &&
		    number > highest)
			highest = number;
	}
	return highest;
}

static void try_number(struct search *search, long long number)
{
	const struct cairn_manager *const manager = search->manager;
	char base[SYSTEM_NAME_SIZE + 32];
	char path[CAIRN_PATH_SIZE];

	snprintf(base, sizeof(base), "%s-%lld", manager->name, number);
	if (manager_prefix(manager, base, path, NULL) == CAIRN_OK &&
	    !ledger_holds(&manager->ledger.active, path) &&
	    (manager->ledger.latest == NULL || strcmp(manager->ledger.latest, path) != 0))
		try_path(search, path);
}

static void try_names(struct search *search, const struct folder_names *names)
{
	long long number = next_number(search->manager, names, INT64_MAX);

	while (number >= 0 && !search->is_found && search->status == CAIRN_OK) {
		try_number(search, number);
		number = next_number(search->manager, names, number);
	}
}

/* Those that no state file names. */
static void try_folder(struct search *search)
{
	struct system *const system = search->manager->system;
	const char *const path = search->manager->folder[0] == '\0' ? "." : search->manager->folder;
	struct folder folder = {.system = system, .locks_work = true};
	struct folder_names names;
	struct arena arena;

	folder.fd = system_open(system, SYSTEM_CWD, path, SYSTEM_WANT_DIRECTORY);
	if (folder.fd < 0)
		return;
	arena_init(&arena, reader_arena_source(system), ARENA_SIZE_MAX);
	search->status = folder_names(&folder, &arena, &names, search->error);
	if (search->status == CAIRN_OK)
		try_names(search, &names);
	arena_fini(&arena);
	folder_close(&folder);
}

/* ------------------------------------------------------------------------------------- choosing */

static void find_undamaged(struct search *search)
{
	const struct ledger *const ledger = &search->manager->ledger;

	if (ledger->latest != NULL)
		try_path(search, ledger->latest);
	for (uint64_t i = ledger->active.count; i-- > 0;) {
		if (ledger->latest == NULL ||
		    strcmp(ledger->active.items[i].path, ledger->latest) != 0)
			try_path(search, ledger->active.items[i].path);
	}
	search->is_listed = search->is_found;
	if (!search->is_found && search->status == CAIRN_OK)
		try_folder(search);
}

/* One that no list has: its manager died before it could name it. It is managed from now on. */
static enum cairn_status adopt(struct cairn_manager *manager, const char *found,
			       struct cairn_error *error)
{
	const double now = (double)system_wall_clock(manager->system) / NS_PER_SECOND;
	struct ledger ledger;
	const char *path = NULL;
	enum cairn_status status;

	status = ledger_copy(&ledger, manager->system, &manager->ledger, found, &path, error);
	if (status != CAIRN_OK) {
		ledger_free(&ledger);
		return status;
	}
	ledger_prepend(&ledger.active, path, now);
	ledger_free(&manager->ledger);
	manager->ledger = ledger;
	return CAIRN_OK;
}

/* What is to be restored: into manager->path, and *found; not found: nothing ever was there. */
static enum cairn_status choose(struct cairn_manager *manager, bool *found,
				struct cairn_error *error)
{
	struct search search = {.manager = manager, .error = error};
	const char *chosen = manager->ledger.latest;

	if ((manager->options.flags & CAIRN_MANAGER_FALL_BACK) != 0) {
		find_undamaged(&search);
		if (search.status != CAIRN_OK)
			return search.status;
		if (search.met_any && !search.is_found)
			return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
					 "no checkpoint in %s is undamaged",
					 quote(cairn_string_from(manager->folder)).text);
		chosen = search.is_found ? search.path : NULL;
	}
	*found = chosen != NULL;
	if (chosen == NULL)
		return CAIRN_OK;
	snprintf(manager->path, sizeof(manager->path), "%s", chosen);
	return search.is_found && !search.is_listed ? adopt(manager, chosen, error) : CAIRN_OK;
}

static enum cairn_status restore(struct cairn_manager *manager, struct cairn_error *error)
{
	const enum cairn_status status = manager->subject.restore(manager->subject.context,
								  manager->path, error);

	if (status == CAIRN_OK && manager->options.checkpoint_interval != 0) {
		manager->has_last_step = true;
		manager->last_step = *manager->options.step_counter;
	}
	return status;
}

enum cairn_status cairn_manager_restore_or_initialize(struct cairn_manager *manager,
						      const char **path, struct cairn_error *error)
{
	const bool had_save = manager->is_saving;
	bool found = false;
	enum cairn_status status;

	status = manager_settle(manager, error);
	if (status != CAIRN_OK)
		return status;
	if (!had_save) /* else its note is told now */
		manager->note.text[0] = '\0';
	status = choose(manager, &found, error);
	if (status == CAIRN_OK && found)
		status = restore(manager, error);
	else if (status == CAIRN_OK && manager->options.init_fn != NULL)
		status = manager->options.init_fn(manager->options.init_context, error);
	if (status == CAIRN_OK && path != NULL)
		*path = found ? manager->path : NULL;
	return status;
}
