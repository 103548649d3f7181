/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing TensorFlow prefixes, and settling what was interrupted. publish_prefix.h says why each
 * step is where it is, and crash_states shows for each what is lost without it.
 *
 * What holds at every moment, on the disk, too: where an index is, its data files are; and where
 * one was and none is, a whole undo record is.
 */
#include "engine/write/publish_prefix.h"

#include <errno.h>
#include <string.h>

#include "engine/write/publish.h"
#include "engine/write/publish_steps.h"
#include "engine/write/undo_record.h"
#include "format/error.h"

/* ------------------------------------------------------------------------------------- settling */

static enum cairn_status put_back(const struct undo_record *undo, struct cairn_error *error)
{
	enum cairn_status status;

	status = undo_restore_data(undo, error);
	if (status == CAIRN_OK)
		status = sync_folder(undo->folder, error);
	if (status == CAIRN_OK)
		status = undo_restore_index(undo, error);
	return status == CAIRN_OK ? sync_folder(undo->folder, error) : status;
}

static enum cairn_status put_back_if_gone(const struct undo_record *undo, struct cairn_error *error)
{
	struct system_status status;
	char index[SYSTEM_NAME_SIZE];
	int result;

	prefix_index_name(undo->files.prefix, index);
	result = system_status_at(undo->folder->system, undo->folder->fd, index, false, &status);
	if (result == -ENOENT)
		return put_back(undo, error);
	return result == 0 ? CAIRN_OK
			   : error_set_system(error, result, "cannot examine %s",
					      quote(cairn_string_from(index)).text);
}

/* It is a record no more. */
static enum cairn_status retire(struct undo_record *undo, struct cairn_error *error)
{
	const enum cairn_status status = undo_record_rename(undo, DRAFT_PREFIX, error);

	return status == CAIRN_OK ? sync_folder(undo->folder, error) : status;
}

static enum cairn_status settle(struct undo_record *undo, struct cairn_error *error)
{
	const enum cairn_status status = put_back_if_gone(undo, error);

	return status == CAIRN_OK ? retire(undo, error) : status;
}

enum cairn_status prefix_settle(struct folder *folder, const char *name, struct cairn_error *error)
{
	struct undo_record undo;
	enum cairn_status status;

	status = undo_record_open(folder, name, &undo, error);
	if (status == CAIRN_OK)
		status = settle(&undo, error);
	undo_record_close(&undo);
	return status;
}

/* ----------------------------------------------------------------------------------- publishing */

struct prefix_publication {
	struct folder *folder;
	struct draft *drafts;
	uint32_t parts; /* data files; the draft after them is the index */
	bool replace;
	char prefix[SYSTEM_NAME_SIZE];
	struct prefix_files old; /* what was there */
	struct undo_record undo;
	bool is_kept;    /* the undo record is durably there */
	bool is_retired; /* it has done its service, durably */
	bool is_naming;  /* no index is there, and new data files get their names */
	uint32_t named;  /* new data files that have their names */
};

/* One that a dead writer of this prefix left. */
static enum cairn_status settle_own(const struct prefix_publication *publication, const char *name,
				    struct cairn_error *error)
{
	struct undo_record undo;
	enum cairn_status status;

	status = undo_record_open(publication->folder, name, &undo, error);
	if (status == CAIRN_OK && strcmp(undo.files.prefix, publication->prefix) == 0) {
		status = folder_commit(publication->folder, error);
		if (status == CAIRN_OK)
			status = settle(&undo, error);
		if (status == CAIRN_OK)
			undo_record_remove(publication->folder, undo.name);
	}
	undo_record_close(&undo);
	return status == CAIRN_NOT_FOUND ? CAIRN_OK : status;
}

static enum cairn_status settle_dead(const struct prefix_publication *publication,
				     struct cairn_error *error)
{
	struct trash_names trash;
	enum cairn_status status = trash_names_list(publication->folder, &trash, error);

	for (uint32_t i = 0; i < trash.count && status == CAIRN_OK; i++)
		status = settle_own(publication, trash.names[i], error);
	trash_names_fini(&trash);
	return status;
}

/* Through a link, too. One that leads nowhere is kept as it is. */
static enum cairn_status sync_old(const struct folder *folder, const char *name,
				  struct cairn_error *error)
{
	const int fd = system_open(folder->system, folder->fd, name, 0);
	int result = fd < 0 ? fd : system_sync(folder->system, fd);

	if (fd >= 0)
		system_close(folder->system, fd);
	return result < 0 && result != -ENOENT
		       ? error_set_system(error, result, "cannot make the old %s durable",
					  quote(cairn_string_from(name)).text)
		       : CAIRN_OK;
}

static enum cairn_status sync_all_old(const struct prefix_publication *publication,
				      struct cairn_error *error)
{
	const struct prefix_files *const old = &publication->old;
	char name[SYSTEM_NAME_SIZE];
	enum cairn_status status = CAIRN_OK;

	for (uint32_t i = 0; i < old->count && status == CAIRN_OK; i++) {
		prefix_data_name(old->prefix, old->data[i], name);
		status = sync_old(publication->folder, name, error);
	}
	if (status != CAIRN_OK)
		return status;
	prefix_index_name(old->prefix, name);
	return sync_old(publication->folder, name, error);
}

static enum cairn_status keep_old(struct prefix_publication *publication, struct cairn_error *error)
{
	enum cairn_status status = sync_all_old(publication, error);

	if (status == CAIRN_OK)
		status = undo_record_make(publication->folder, &publication->old,
					  &publication->undo, error);
	if (status != CAIRN_OK)
		return status;
	status = sync_folder(&publication->undo.inside, error);
	if (status == CAIRN_OK)
		status = undo_record_rename(&publication->undo, TRASH_PREFIX, error);
	if (status != CAIRN_OK) {
		undo_record_remove(publication->folder, publication->undo.name);
		return status;
	}
	publication->is_kept = true;
	return sync_folder(publication->folder, error);
}

static enum cairn_status remove_old_index(struct prefix_publication *publication,
					  struct cairn_error *error)
{
	struct folder *const folder = publication->folder;
	char name[SYSTEM_NAME_SIZE];
	int result;

	prefix_index_name(publication->prefix, name);
	result = system_unlink(folder->system, folder->fd, name);
	return result < 0 ? error_set_system(error, result, "cannot remove the old %s",
					     quote(cairn_string_from(name)).text)
			  : sync_folder(folder, error);
}

static enum cairn_status remove_old_data(const struct prefix_publication *publication,
					 struct cairn_error *error)
{
	struct folder *const folder = publication->folder;
	const struct prefix_files *const old = &publication->old;
	char name[SYSTEM_NAME_SIZE];

	for (uint32_t i = 0; i < old->count; i++) {
		int result;

		prefix_data_name(old->prefix, old->data[i], name);
		result = system_unlink(folder->system, folder->fd, name);
		if (result < 0)
			return error_set_system(error, result, "cannot remove the old %s",
						quote(cairn_string_from(name)).text);
	}
	return CAIRN_OK;
}

static enum cairn_status make_room(struct prefix_publication *publication,
				   struct cairn_error *error)
{
	enum cairn_status status;

	if (publication->old.has_index && !publication->replace)
		return cannot_rename(-EEXIST, publication->drafts[publication->parts].target,
				     error);
	if (!publication->old.has_index) {
		status = sync_folder(publication->folder, error);
	} else {
		status = keep_old(publication, error);
		if (status == CAIRN_OK)
			status = remove_old_index(publication, error);
	}
	if (status == CAIRN_OK && publication->replace)
		status = remove_old_data(publication, error);
	return status;
}

static enum cairn_status give_names(struct prefix_publication *publication,
				    struct cairn_error *error)
{
	struct folder *const folder = publication->folder;
	struct draft *const index = &publication->drafts[publication->parts];
	enum cairn_status status;

	publication->is_naming = true;
	status = name_parts(folder, publication->drafts, publication->parts, &publication->named,
			    error);
	if (status == CAIRN_OK)
		status = give_name(folder, index, publication->replace, error);
	if (status != CAIRN_OK && publication->named == publication->parts &&
	    !folder_has(folder, index->temporary))
		return in_doubt(error); /* it may have happened, whatever the answer was */
	return status;
}

static enum cairn_status cannot_put_back(const struct cairn_error *why, struct cairn_error *error)
{
	const struct cairn_error first = error == NULL ? (struct cairn_error){0} : *error;

	return error_set(error, CAIRN_IN_DOUBT, CAIRN_ERROR_NO_OFFSET,
			 "%s; and the old checkpoint is not back yet, the next sweep of the folder "
			 "will do it: %s",
			 first.message, why->message);
}

/* A rename that failed, and happened all the same. What cannot be found out stays. */
static void remove_half_named(const struct prefix_publication *publication)
{
	struct folder *const folder = publication->folder;
	const struct draft *const draft = &publication->drafts[publication->named];
	struct system_status new;
	struct system_status there;

	if (publication->is_naming && publication->named < publication->parts &&
	    system_status(folder->system, draft->fd, &new) == 0 &&
	    system_status_at(folder->system, folder->fd, draft->target, false, &there) == 0 &&
	    system_same_file(&new, &there))
		system_unlink(folder->system, folder->fd, draft->target);
}

/* The old one is there again, or nothing; the error stays the first. */
static enum cairn_status roll_back(struct prefix_publication *publication, enum cairn_status status,
				   struct cairn_error *error)
{
	struct folder *const folder = publication->folder;
	struct cairn_error second = {0};

	if (publication->is_kept) {
		if (put_back_if_gone(&publication->undo, &second) != CAIRN_OK)
			return cannot_put_back(&second, error);
		publication->is_retired = retire(&publication->undo, NULL) == CAIRN_OK;
		return status;
	}
	remove_half_named(publication);
	while (publication->named > 0) /* nothing refers to them yet */
		system_unlink(folder->system, folder->fd,
			      publication->drafts[--publication->named].target);
	return status;
}

static enum cairn_status exchange(struct prefix_publication *publication, struct cairn_error *error)
{
	enum cairn_status status = settle_dead(publication, error);

	if (status == CAIRN_OK)
		status = prefix_files_list(publication->folder, publication->prefix,
					   &publication->old, error);
	if (status == CAIRN_OK)
		status = make_room(publication, error);
	if (status == CAIRN_OK)
		status = give_names(publication, error);
	if (status == CAIRN_IN_DOUBT)
		return status;
	if (status != CAIRN_OK)
		return roll_back(publication, status, error);
	status = folder_commit(publication->folder, error);
	if (status == CAIRN_OK && publication->is_kept)
		publication->is_retired = retire(&publication->undo, NULL) == CAIRN_OK;
	return status;
}

enum cairn_status publish_prefix(struct draft *drafts, uint32_t count, bool replace,
				 struct cairn_error *error)
{
	struct prefix_publication publication = {.folder = drafts[0].folder,
						 .drafts = drafts,
						 .parts = count - 1,
						 .replace = replace,
						 .undo = {.inside = {.fd = -1}}};
	enum cairn_status status;

	if (!parse_prefix_index(drafts[count - 1].target, publication.prefix))
		status = error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				   "not the name of an index");
	else
		status = sync_files(drafts, count, error);
	if (status == CAIRN_OK)
		status = folder_lock_to_publish(publication.folder, error);
	if (status == CAIRN_OK) {
		status = exchange(&publication, error);
		folder_unlock(publication.folder);
	}
	if (publication.is_retired) /* the folder is free: that may take long */
		undo_record_remove(publication.folder, publication.undo.name);
	undo_record_close(&publication.undo);
	prefix_files_fini(&publication.old);
	for (uint32_t i = 0; i < count; i++)
		draft_discard(&drafts[i]);
	return status;
}
