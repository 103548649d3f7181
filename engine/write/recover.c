/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeping and removing. Names come from directory listings and are judged by grammar, kind, owner
 * and lock, in this order; whatever cannot be found out stays.
 */
#include "engine/write/recover.h"

#include <errno.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/write/publish.h"
#include "engine/write/publish_prefix.h"
#include "engine/write/shard_names.h"
#include "engine/write/undo_record.h"
#include "format/container.h"
#include "format/error.h"
#include "format/sort_array.h"

/* ------------------------------------------------------------------------------------- removing */

bool is_ours_inside(const char *name)
{
	return is_temporary_name(name) || is_shard_name(name) || is_rank_name(name) ||
	       strcmp(name, INDEX_NAME) == 0;
}

static int remove_inside(void *context, const char *name)
{
	struct folder *const inner = context;

	if (is_ours_inside(name) && strcmp(name, INDEX_NAME) != 0)
		system_unlink(inner->system, inner->fd, name);
	return 0;
}

bool folder_remove_entry(struct folder *folder, const char *name)
{
	struct folder inner;

	if (system_unlink(folder->system, folder->fd, name) == 0)
		return true;
	if (is_draft_name(name) && undo_record_remove(folder, name))
		return true;
	if (folder_open_in(folder, name, &inner, NULL) != CAIRN_OK)
		return false;
	system_list(folder->system, inner.fd, remove_inside, &inner);
	/* last: a reader that is in the folder already must not take a shard for a model */
	system_unlink(folder->system, inner.fd, INDEX_NAME);
	folder_close(&inner);
	return system_remove_directory(folder->system, folder->fd, name) == 0;
}

/* -------------------------------------------------------------------------------------- judging */

/* The descriptor is still what the name refers to: nobody put another file there between open and
 * lock. */
bool folder_still_names(struct folder *folder, const char *name, const struct system_status *opened)
{
	struct system_status named;

	return system_status_at(folder->system, folder->fd, name, false, &named) == 0 &&
	       system_same_file(&named, opened);
}

static bool is_orphan(struct folder *folder, const char *name, int fd)
{
	struct system_status opened;

	return system_status(folder->system, fd, &opened) == 0 &&
	       (opened.kind == SYSTEM_REGULAR || opened.kind == SYSTEM_DIRECTORY) &&
	       opened.owner == system_user(folder->system) &&
	       system_lock(folder->system, fd, SYSTEM_LOCK_EXCLUSIVE) == 0 &&
	       folder_still_names(folder, name, &opened);
}

/* A descriptor that holds the orphan's lock: nobody works there and nobody can begin to. Negative
 * when it is none. */
static int open_orphan(struct folder *folder, const char *name)
{
	const int fd = system_open(folder->system, folder->fd, name, SYSTEM_NO_FOLLOW);

	if (fd < 0 || is_orphan(folder, name, fd))
		return fd;
	system_close(folder->system, fd);
	return -1;
}

/* --------------------------------------------------------------------------------------- shards */

enum {
	DEFERRED_MAX = 16
};

struct sweep {
	struct folder *folder;
	struct sweep_counts *counts;
	/* of the sharded checkpoint in this folder; NULL: there is none, or not all of it can be
	 * read */
	struct cairn_reader *index;
	struct cairn_string *named; /* that index's shards by name, in order; in its arena */
	uint64_t named_count;
	/* the first orphans, each with its lock, to be removed when the folder is free again */
	struct orphan {
		int fd;
		char name[TEMPORARY_NAME_SIZE];
	} deferred[DEFERRED_MAX];
	uint32_t deferred_count;
};

static enum cairn_status open_index(struct cairn_reader *reader, struct folder *folder)
{
	const struct file_place place = {.directory = folder->fd,
					 .path = INDEX_NAME,
					 .name = INDEX_NAME,
					 .flags = SYSTEM_NO_FOLLOW};
	uint8_t page[CONTAINER_PAGE_SIZE];
	struct file file;
	enum cairn_status status;

	status = file_open(folder->system, &place, &file, NULL);
	if (status != CAIRN_OK)
		return status;
	status = file.size < sizeof(page) ? CAIRN_TRUNCATED
					  : file_read(&file, 0, page, sizeof(page), NULL);
	if (status == CAIRN_OK)
		return open_container_alone(reader, &file, page, NULL);
	file_close(&file);
	return status;
}

/* Puts the names of an index's shards in order. False: in doubt, all that are there may be its. */
static bool list_named(struct sweep *sweep, struct cairn_reader *reader)
{
	const struct index *const index = &reader->index;
	const uint64_t count = index->shard_count - 1;
	struct cairn_string *const names = arena_allocate_array(&reader->arena, count,
								sizeof(*names));
	uint32_t *order;

	if (names == NULL)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		struct shard_record record;

		if (index_shard(index, i + 1, &record, NULL) != CAIRN_OK ||
		    index_name(index, record.name_offset, record.name_size, &names[i], NULL) !=
			    CAIRN_OK)
			return false;
	}
	order = sort_order_by_name(&reader->arena, names, sizeof(*names), count);
	if (order == NULL)
		return false;
	sort_apply(names, count, sizeof(*names), order);
	sweep->named = names;
	sweep->named_count = count;
	return true;
}

/* Reads the index of the folder, as it is durably there. */
static void read_index(struct sweep *sweep)
{
	struct cairn_reader *const reader = reader_create(sweep->folder->system, NULL);

	if (reader == NULL)
		return;
	reader->name = INDEX_NAME;
	/* one that names no shards is a container like any other: its neighbours are not its */
	if (open_index(reader, sweep->folder) == CAIRN_OK && reader->index.shard_count > 1 &&
	    list_named(sweep, reader))
		sweep->index = reader;
	else
		cairn_reader_close(reader);
}

static bool index_names(const struct sweep *sweep, const char *name)
{
	const struct cairn_string wanted = cairn_string_from(name);
	uint64_t low = 0;
	uint64_t high = sweep->named_count;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		const int order = index_name_compare(wanted, sweep->named[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static bool remove_shard(struct folder *folder, const char *name)
{
	struct system_status status;

	return system_status_at(folder->system, folder->fd, name, false, &status) == 0 &&
	       status.kind == SYSTEM_REGULAR && status.owner == system_user(folder->system) &&
	       system_unlink(folder->system, folder->fd, name) == 0;
}

/* ------------------------------------------------------------------------------------- sweeping */

static void count(struct sweep *sweep, bool removed)
{
	if (removed)
		sweep->counts->removed++;
	else
		sweep->counts->kept++;
}

/* The lock is held while the entry is removed. */
static void remove_orphan(struct sweep *sweep, const struct orphan *orphan)
{
	count(sweep, folder_remove_entry(sweep->folder, orphan->name));
	system_close(sweep->folder->system, orphan->fd);
}

static void sweep_temporary(struct sweep *sweep, const char *name)
{
	struct orphan orphan = {.fd = open_orphan(sweep->folder, name)};

	memcpy(orphan.name, name, strlen(name) + 1);
	if (orphan.fd < 0)
		count(sweep, false);
	else if (sweep->deferred_count < DEFERRED_MAX)
		sweep->deferred[sweep->deferred_count++] = orphan;
	else
		remove_orphan(sweep, &orphan);
}

static int sweep_entry(void *context, const char *name)
{
	struct sweep *const sweep = context;

	if (is_temporary_name(name))
		sweep_temporary(sweep, name);
	else if (sweep->index != NULL && (is_shard_name(name) || is_rank_name(name)) &&
		 !index_names(sweep, name)) /* a rank that finished after the commit, too */
		count(sweep, remove_shard(sweep->folder, name));
	return 0;
}

/* Of prefixes whose overwriting was interrupted; what cannot be settled stays, and is counted with
 * the names. The first error is that of all. */
static enum cairn_status settle_prefixes(struct folder *folder, struct cairn_error *error)
{
	struct trash_names trash;
	enum cairn_status first = trash_names_list(folder, &trash, error);

	for (uint32_t i = 0; i < trash.count; i++) {
		const enum cairn_status status = prefix_settle(folder, trash.names[i],
							       first == CAIRN_OK ? error : NULL);

		if (first == CAIRN_OK && status != CAIRN_NOT_FOUND)
			first = status;
	}
	trash_names_fini(&trash);
	return first;
}

static enum cairn_status sweep_locked(struct sweep *sweep, struct cairn_error *error)
{
	struct folder *const folder = sweep->folder;
	enum cairn_status status = folder_commit(folder, error);
	int result;

	if (status != CAIRN_OK)
		return status;
	status = settle_prefixes(folder, error);
	read_index(sweep);
	result = system_list(folder->system, folder->fd, sweep_entry, sweep);
	if (result < 0 && status == CAIRN_OK)
		status = error_set_system(error, result, "cannot list the folder");
	cairn_reader_close(sweep->index);
	return status;
}

enum cairn_status folder_sweep(struct folder *folder, struct sweep_counts *counts,
			       struct cairn_error *error)
{
	struct sweep sweep = {.folder = folder, .counts = counts};
	enum cairn_status status;

	/* a lock on a network file system may not reach the writers on other hosts */
	if (folder->is_guarded || system_is_local(folder->system, folder->fd) != 1)
		return CAIRN_OK;
	status = folder_lock(folder, SYSTEM_LOCK_EXCLUSIVE, error);
	if (status != CAIRN_OK || !folder->locks_work)
		return status;
	status = sweep_locked(&sweep, error);
	/* first: other writers need the folder, and give up before terabytes are freed */
	folder_unlock(folder);
	for (uint32_t i = 0; i < sweep.deferred_count; i++)
		remove_orphan(&sweep, &sweep.deferred[i]);
	return status;
}

/* ---------------------------------------------------------------------------------- taking away */

static enum cairn_status rename_to_trash(struct folder *folder, const char *name,
					 char trash[TEMPORARY_NAME_SIZE], struct cairn_error *error)
{
	struct system *const system = folder->system;
	int result = random_temporary_name(system, TRASH_PREFIX, trash);

	if (result == 0)
		result = system_rename(system, folder->fd, name, folder->fd, trash,
				       SYSTEM_RENAME_REPLACE);
	if (result < 0)
		return error_set_system(error, result, "cannot put it aside");
	return folder_commit(folder, error);
}

enum cairn_status folder_take_away(struct folder *folder, const char *name,
				   struct cairn_error *error)
{
	char trash[TEMPORARY_NAME_SIZE];
	enum cairn_status status;

	status = folder_lock(folder, SYSTEM_LOCK_EXCLUSIVE, error);
	if (status != CAIRN_OK)
		return status;
	status = rename_to_trash(folder, name, trash, error);
	/* first: freeing terabytes takes longer than others wait. What stays is swept later. */
	folder_unlock(folder);
	if (status == CAIRN_OK)
		folder_remove_entry(folder, trash);
	return status;
}
