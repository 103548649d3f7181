/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and publishing sharded checkpoints.
 *
 * The sources' files are linked, never renamed: until the commit they stay where they are. When a
 * checkpoint is overwritten its new shards get names that are not taken, so that readers of the old
 * index keep finding the old ones; what the new index does not name is swept after the commit.
 */
#include "engine/write/work_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/write/publish.h"
#include "engine/write/recover.h"
#include "engine/write/shard_names.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

#define FOLDER_MODE 0777u /* less the umask */

/* ----------------------------------------------------------------------------------- begin, end */

/* The target is not there, or is a sharded checkpoint that may be overwritten. */
static enum cairn_status check_target(struct work_folder *work, struct cairn_error *error)
{
	struct system_status status;
	struct folder target;
	int result;

	if (system_status_at(work->system, work->parent.fd, work->target, false, &status) < 0) {
		work->replace = false;
		return CAIRN_OK;
	}
	if (!work->replace)
		return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET, "it is there already");
	if (folder_open_in(&work->parent, work->target, &target, NULL) != CAIRN_OK)
		return error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
				 "something that is no folder is there already");
	result = system_status_at(work->system, target.fd, INDEX_NAME, false, &status);
	folder_close(&target);
	return result == 0 ? CAIRN_OK
			   : error_set(error, CAIRN_EXISTS, CAIRN_ERROR_NO_OFFSET,
				       "a folder that is no sharded checkpoint is there already");
}

enum cairn_status work_folder_begin_beside(struct work_folder *work, struct system *system,
					   const char *path, struct cairn_error *error)
{
	struct sweep_counts counts = {0};
	enum cairn_status status;

	*work = (struct work_folder){.system = system, .parent = {.fd = -1}, .folder = {.fd = -1}};
	status = folder_open(system, path, &work->parent, work->target, error);
	if (status == CAIRN_OK) /* that it cannot be swept is no reason not to save */
		(void)folder_sweep(&work->parent, &counts, NULL);
	return status;
}

enum cairn_status work_folder_begin(struct work_folder *work, struct system *system,
				    const char *path, bool replace, struct cairn_error *error)
{
	const enum cairn_status status = work_folder_begin_beside(work, system, path, error);

	work->replace = replace;
	return status == CAIRN_OK ? check_target(work, error) : status;
}

void work_folder_file(const struct work_folder *work, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", work->path, name);
}

static enum cairn_status set_path(struct work_folder *work, const char *path,
				  struct cairn_error *error)
{
	const char *const slash = strrchr(path, '/');
	const int parent = slash == NULL ? 0 : (int)(slash - path) + 1;
	const int size = snprintf(work->path, sizeof(work->path), "%.*s%s", parent, path,
				  work->temporary);

	if (size < 0 || (size_t)size >= sizeof(work->path))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "the path is too long");
	return CAIRN_OK;
}

/* Opens the temporary folder and takes a shared lock of it. */
static enum cairn_status enter(struct work_folder *work, struct cairn_error *error)
{
	struct system_status opened;
	enum cairn_status status;
	int result;

	status = folder_open_in(&work->parent, work->temporary, &work->folder, error);
	if (status != CAIRN_OK)
		return status;
	work->folder.is_guarded = true;
	result = work->parent.locks_work
			 ? system_lock(work->system, work->folder.fd, SYSTEM_LOCK_SHARED)
			 : 0;
	if (result == -EWOULDBLOCK)
		return error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
				 "the save is being swept");
	if (result < 0 && !means_no_locks(result))
		return error_set_system(error, result, "cannot lock the temporary folder");
	result = system_status(work->system, work->folder.fd, &opened);
	if (result < 0)
		return error_set_system(error, result, "cannot examine the temporary folder");
	if (!folder_still_names(&work->parent, work->temporary, &opened))
		return error_set(error, CAIRN_NOT_FOUND, CAIRN_ERROR_NO_OFFSET,
				 "the save was just published or swept");
	return CAIRN_OK;
}

enum cairn_status work_folder_create(struct work_folder *work, const char *path,
				     const uint8_t id[16], struct cairn_error *error)
{
	enum cairn_status status;
	int result;

	temporary_name(DRAFT_PREFIX, id, work->temporary);
	status = set_path(work, path, error);
	if (status != CAIRN_OK)
		return status;
	status = folder_lock(&work->parent, SYSTEM_LOCK_SHARED, error);
	if (status != CAIRN_OK)
		return status;
	result = system_make_directory(work->system, work->parent.fd, work->temporary, FOLDER_MODE);
	if (result < 0) {
		status = error_set_system(error, result, "cannot create the temporary folder %s",
					  work->temporary);
	} else {
		work->is_named = true;
		status = enter(work, error);
	}
	folder_unlock(&work->parent);
	return status;
}

enum cairn_status work_folder_join(struct work_folder *work, struct system *system,
				   const char *path, const uint8_t id[16],
				   struct cairn_error *error)
{
	enum cairn_status status;

	*work = (struct work_folder){.system = system, .parent = {.fd = -1}, .folder = {.fd = -1}};
	status = folder_open(system, path, &work->parent, work->target, error);
	if (status != CAIRN_OK)
		return status;
	temporary_name(DRAFT_PREFIX, id, work->temporary);
	status = set_path(work, path, error);
	if (status == CAIRN_OK)
		status = enter(work, error);
	if (status == CAIRN_NOT_FOUND)
		return error_set(error, status, CAIRN_ERROR_NO_OFFSET,
				 "no save of that id is going on");
	return status;
}

void work_folder_end(struct work_folder *work)
{
	if (work->system == NULL)
		return;
	if (work->is_named)
		folder_remove_entry(&work->parent, work->temporary);
	folder_close(&work->folder);
	folder_close(&work->parent);
	*work = (struct work_folder){.parent = {.fd = -1}, .folder = {.fd = -1}};
}

/* ---------------------------------------------------------------------------------------- names */

/* The first suffix of the content's own that is free in the folder that is overwritten. */
static enum cairn_status free_name(struct folder *target, const struct merge_shard *shard,
				   uint32_t number, uint32_t count, char name[SYSTEM_NAME_SIZE],
				   struct cairn_error *error)
{
	struct {
		struct cairn_digest content_id;
		uint32_t attempt;
	} seed = {.content_id = shard->content_id};
	struct system_status status;
	int result = 0;

	while (result == 0) {
		const struct cairn_digest digest = digest_bytes(&seed, sizeof(seed));
		const uint32_t suffix = load_u32(digest.bytes);

		shard_file_name(number, count, &suffix, name);
		result = system_status_at(target->system, target->fd, name, false, &status);
		seed.attempt++;
	}
	return result == -ENOENT ? CAIRN_OK
				 : error_set_system(error, result, "cannot examine the folder");
}

static enum cairn_status name_shards(struct work_folder *work, struct merge *merge,
				     struct cairn_error *error)
{
	struct folder target = {.fd = -1};
	enum cairn_status status = CAIRN_OK;

	if (work->replace)
		status = folder_open_in(&work->parent, work->target, &target, error);
	for (uint32_t i = 0; i < merge->shard_count && status == CAIRN_OK; i++) {
		struct merge_shard *const shard = &merge->shards[i];

		if (work->replace)
			status = free_name(&target, shard, i, merge->shard_count, shard->name,
					   error);
		else
			shard_file_name(i, merge->shard_count, NULL, shard->name);
	}
	folder_close(&target);
	return status;
}

/* ---------------------------------------------------------------------------------------- links */

/* The new name is the file that the merge has read: nobody exchanged it meanwhile. */
static enum cairn_status check_link(struct work_folder *work, const struct merge_shard *shard,
				    struct cairn_error *error)
{
	const struct file *const file = &shard->reader->files[shard->file];
	struct system_status status;
	int result;

	result = system_status_at(work->system, work->folder.fd, shard->name, false, &status);
	if (result < 0)
		return error_set_system(error, result, "cannot examine a linked shard");
	if (status.inode != file->status.inode || status.device != file->status.device ||
	    status.size != file->status.size)
		return error_set(error, CAIRN_BUSY, CAIRN_ERROR_NO_OFFSET,
				 "it was replaced while it was merged");
	return CAIRN_OK;
}

/* Through a descriptor of its own: the pages may be dirty since somebody copied the file here just
 * now. */
static enum cairn_status sync_shard(struct work_folder *work, const struct merge_shard *shard,
				    struct cairn_error *error)
{
	const int fd = system_open(work->system, work->folder.fd, shard->name, SYSTEM_NO_FOLLOW);
	int result = fd < 0 ? fd : system_sync(work->system, fd);

	if (fd >= 0)
		system_close(work->system, fd);
	return result < 0 ? error_set_system(error, result, "cannot make it durable") : CAIRN_OK;
}

static enum cairn_status link_shard(struct work_folder *work, const struct merge_shard *shard,
				    bool durable, struct cairn_error *error)
{
	const struct cairn_reader *const reader = shard->reader;
	const int from = system_open(work->system, SYSTEM_CWD, reader->folder,
				     SYSTEM_WANT_DIRECTORY);
	enum cairn_status status;
	int result;

	if (from < 0)
		return error_set_system(error, from, "cannot open its folder");
	result = system_link(work->system, from, reader->files[shard->file].name, work->folder.fd,
			     shard->name);
	system_close(work->system, from);
	if (result < 0)
		status = error_set_system(error, result,
					  "cannot link it into the merged checkpoint");
	else
		status = check_link(work, shard, error);
	if (status == CAIRN_OK && !durable)
		status = sync_shard(work, shard, error);
	return status == CAIRN_OK ? status
				  : error_prefix(error, status, reader->files[shard->file].name);
}

/* ----------------------------------------------------------------------------------- completing */

/* Ranks' files and the like have done their service: the shards are links to them. */
static int unlink_rank(void *context, const char *name)
{
	struct folder *const folder = context;

	if (is_rank_name(name))
		system_unlink(folder->system, folder->fd, name);
	return 0;
}

static enum cairn_status write_draft(struct work_folder *work, struct merge *merge,
				     const struct merge_identity *identity, struct draft *draft,
				     struct cairn_error *error)
{
	struct cairn_digest content_id;
	enum cairn_status status = name_shards(work, merge, error);

	if (status == CAIRN_OK)
		status = draft_create(&work->folder, INDEX_NAME, false, draft, error);
	return status == CAIRN_OK ? merge_write(merge, identity, draft, &content_id, error)
				  : status;
}

/* The index, to a draft. A quick merge may turn out to be none: then once more, planned well. */
static enum cairn_status write_index(struct work_folder *work, struct merge *merge,
				     const struct merge_identity *identity, struct draft *draft,
				     struct cairn_error *error)
{
	const bool was_quick = merge->is_quick;
	struct cairn_error first_error = {0};
	enum cairn_status status = write_draft(work, merge, identity, draft, &first_error);

	if (status == CAIRN_OK || merge->is_quick == was_quick) {
		if (status != CAIRN_OK && error != NULL)
			*error = first_error;
		return status;
	}
	draft_discard(draft);
	status = merge_plan_tensors(merge, error);
	return status == CAIRN_OK ? write_draft(work, merge, identity, draft, error) : status;
}

static enum cairn_status link_shards(struct work_folder *work, const struct merge *merge,
				     bool durable, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < merge->shard_count && status == CAIRN_OK; i++)
		status = link_shard(work, &merge->shards[i], durable, error);
	if (status == CAIRN_OK &&
	    !work->replace) /* before the folder is made durable, with the index */
		system_list(work->system, work->folder.fd, unlink_rank, &work->folder);
	return status;
}

enum cairn_status work_folder_complete(struct work_folder *work, struct merge *merge,
				       const struct merge_identity *identity, bool durable,
				       struct cairn_error *error)
{
	struct draft draft = {.fd = -1};
	enum cairn_status status = write_index(work, merge, identity, &draft, error);

	if (status == CAIRN_OK) {
		merge_release(merge);
		status = link_shards(work, merge, durable, error);
	}
	if (status == CAIRN_OK)
		status = publish(&draft, 1, false,
				 error); /* and with it all other entries of the folder */
	draft_discard(&draft);
	if (status != CAIRN_IN_DOUBT)
		return status;
	if (error != NULL) /* what it is in doubt about will not be published */
		error->code = CAIRN_IO;
	return CAIRN_IO;
}

/* ----------------------------------------------------------------------------------- publishing */

static enum cairn_status publish_new(struct work_folder *work, struct cairn_error *error)
{
	enum cairn_status status;

	status = publish_folder(&work->parent, work->temporary, work->target, error);
	if (status == CAIRN_OK || status == CAIRN_IN_DOUBT)
		work->is_named = false;
	return status;
}

static enum cairn_status publish_over(struct work_folder *work, const struct merge *merge,
				      struct cairn_error *error)
{
	struct sweep_counts counts = {0};
	const char **names;
	struct folder target = {.fd = -1};
	enum cairn_status status;

	names = system_allocate(work->system, merge->shard_count * sizeof(*names));
	if (names == NULL)
		return error_set_memory(error, "the names of the shards");
	for (uint32_t i = 0; i < merge->shard_count; i++)
		names[i] = merge->shards[i].name;
	status = folder_open_in(&work->parent, work->target, &target, error);
	if (status == CAIRN_OK)
		status = publish_into(&work->folder, names, merge->shard_count, INDEX_NAME, &target,
				      error);
	if (status == CAIRN_OK)
		(void)folder_sweep(&target, &counts,
				   NULL); /* the old shards; what stays is swept later */
	folder_close(&target);
	system_free(work->system, names);
	if (status == CAIRN_IN_DOUBT)
		work->is_named = false; /* nothing is removed */
	return status;
}

enum cairn_status work_folder_publish(struct work_folder *work, const struct merge *merge,
				      struct cairn_error *error)
{
	return work->replace ? publish_over(work, merge, error) : publish_new(work, error);
}
