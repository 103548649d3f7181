/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Managers: create, save, wait, and what there is.
 *
 * A save makes the ledger that will be (manager->next) before anything is written, writes the
 * checkpoint, records it (manager_record.c), and then takes the new ledger over. In the background
 * the thread does the middle part; the caller's side touches nothing of it until it has joined the
 * thread (manager_settle).
 */
#include "engine/train/manager.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format/error.h"

#define NAME_DEFAULT  "ckpt"
#define NS_PER_SECOND 1e9
/* "-9223372036854775808.data-00000-of-00001" */
#define NAME_ROOM 64u

/* ---------------------------------------------------------------------------------------- notes */

void manager_note_add(struct manager_note *note, const char *format, ...)
{
	size_t used = strlen(note->text);
	va_list arguments;

	if (used != 0)
		used += (size_t)snprintf(note->text + used, sizeof(note->text) - used, "; ");
	if (used >= sizeof(note->text))
		return;
	va_start(arguments, format);
	vsnprintf(note->text + used, sizeof(note->text) - used, format, arguments);
	va_end(arguments);
}

/* ------------------------------------------------------------------------------------- settling */

/* The save has ended, well or not. */
static void adopt(struct cairn_manager *manager)
{
	if (!manager->is_saving)
		return;
	ledger_free(&manager->ledger);
	manager->ledger = manager->next;
	manager->next = (struct ledger){.latest = NULL};
	manager->is_saving = false;
	manager->note = manager->save_note;
}

enum cairn_status manager_settle(struct cairn_manager *manager, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	if (manager->async != NULL)
		status = cairn_async_wait(manager->async, error);
	adopt(manager);
	return status;
}

/* Without waiting. */
static void look(struct cairn_manager *manager)
{
	if (manager->async != NULL && manager->is_saving && !cairn_async_is_busy(manager->async))
		adopt(manager);
}

/* --------------------------------------------------------------------------------------- create */

static enum cairn_status check_options(const struct cairn_manager_options *options,
				       int32_t max_to_keep, struct cairn_error *error)
{
	static const uint32_t known = CAIRN_MANAGER_ASYNC | CAIRN_MANAGER_EXCLUSIVE |
				      CAIRN_MANAGER_FALL_BACK | CAIRN_MANAGER_KEEP_VERIFIED |
				      CAIRN_MANAGER_LOWER_IS_BETTER;

	if ((options->size != 0 && options->size < sizeof(*options)) ||
	    (options->flags & ~known) != 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "unknown manager options");
	if (max_to_keep <= 0)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRId32 " checkpoints to keep: not a positive number",
				 max_to_keep);
	if (options->checkpoint_interval != 0 && options->step_counter == NULL)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "a checkpoint interval of %" PRId64 " steps, but no step counter",
				 options->checkpoint_interval);
	return CAIRN_OK;
}

static enum cairn_status take_names(struct cairn_manager *manager, const char *folder,
				    struct cairn_error *error)
{
	const char *const name = manager->options.checkpoint_name == NULL
					 ? NAME_DEFAULT
					 : manager->options.checkpoint_name;

	if (folder == NULL || strlen(folder) >= sizeof(manager->folder) - SYSTEM_NAME_SIZE)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "no folder, or one with too long a path");
	if (strchr(name, '/') != NULL || strlen(name) >= sizeof(manager->name) - NAME_ROOM)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%s is no name for checkpoints: too long, or with a folder",
				 quote(cairn_string_from(name)).text);
	memcpy(manager->folder, folder, strlen(folder) + 1);
	memcpy(manager->name, name, strlen(name) + 1);
	manager->options.checkpoint_name = manager->name;
	return CAIRN_OK;
}

static void take_policy(struct cairn_manager *manager, int32_t max_to_keep)
{
	const struct cairn_manager_options *const options = &manager->options;

	manager->policy = (struct ledger_policy){
		.max_to_keep = (uint64_t)max_to_keep,
		.hours = options->keep_checkpoint_every_n_hours,
		.keep_best = options->keep_best,
		.lower_is_better = (options->flags & CAIRN_MANAGER_LOWER_IS_BETTER) != 0};
	manager->has_last_step = options->last_checkpoint_step != 0;
	manager->last_step = options->last_checkpoint_step;
}

static enum cairn_status make_async(struct cairn_manager *manager, struct cairn_error *error)
{
	const struct cairn_async_options options = {.staging_size = manager->options.staging_size,
						    .on_end = manager->options.on_end,
						    .end_context = manager->options.end_context};

	if ((manager->options.flags & CAIRN_MANAGER_ASYNC) == 0)
		return CAIRN_OK;
	return async_create(manager->system, &options, &manager->async, error);
}

/* Where there is no folder yet, the first save takes it. */
static enum cairn_status take_lock(struct cairn_manager *manager, bool may_be_missing,
				   struct cairn_error *error)
{
	struct cairn_error found = {.code = CAIRN_OK};
	enum cairn_status status;

	if ((manager->options.flags & CAIRN_MANAGER_EXCLUSIVE) == 0 ||
	    manager_lock_is_taken(&manager->lock))
		return CAIRN_OK;
	status = manager_lock_take(&manager->lock, manager->system, manager->folder, &found);
	if (status == CAIRN_OK || (status == CAIRN_NOT_FOUND && may_be_missing))
		return CAIRN_OK;
	if (error != NULL)
		*error = found;
	return status;
}

static enum cairn_status fill(struct cairn_manager *manager, const char *folder,
			      int32_t max_to_keep, struct cairn_error *error)
{
	enum cairn_status status;

	if ((status = check_options(&manager->options, max_to_keep, error)) != CAIRN_OK ||
	    (status = take_names(manager, folder, error)) != CAIRN_OK)
		return status;
	take_policy(manager, max_to_keep);
	if ((status = make_async(manager, error)) != CAIRN_OK ||
	    (status = take_lock(manager, true, error)) != CAIRN_OK)
		return status;
	return manager_start(manager, error);
}

enum cairn_status manager_create(struct system *system, const struct manager_subject *subject,
				 const char *folder, int32_t max_to_keep,
				 const struct cairn_manager_options *options,
				 struct cairn_manager **result, struct cairn_error *error)
{
	struct cairn_manager *const manager = system_allocate_zeroed(system, sizeof(*manager));
	enum cairn_status status;

	if (manager == NULL) {
		if (subject->end != NULL)
			subject->end(subject->context);
		return error_set_memory(error, "a manager");
	}
	manager->system = system;
	manager->subject = *subject;
	manager_lock_init(&manager->lock);
	if (options != NULL)
		manager->options = *options;
	status = fill(manager, folder, max_to_keep, error);
	if (status == CAIRN_OK)
		*result = manager;
	else
		cairn_manager_destroy(manager);
	return status;
}

void cairn_manager_destroy(struct cairn_manager *manager)
{
	if (manager == NULL)
		return;
	cairn_async_destroy(manager->async);
	ledger_free(&manager->ledger);
	ledger_free(&manager->next);
	manager_lock_release(&manager->lock);
	if (manager->subject.end != NULL)
		manager->subject.end(manager->subject.context);
	system_free(manager->system, manager);
}

/* ----------------------------------------------------------------------------------------- save */

enum cairn_status manager_prefix(const struct cairn_manager *manager, const char *base,
				 char path[CAIRN_PATH_SIZE], struct cairn_error *error)
{
	const size_t size = strlen(manager->folder);
	const bool needs_slash = size != 0 && manager->folder[size - 1] != '/';

	if ((size_t)snprintf(path, CAIRN_PATH_SIZE, "%s%s%s", manager->folder,
			     needs_slash ? "/" : "", base) >= CAIRN_PATH_SIZE)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "a checkpoint's path of more than %d bytes", CAIRN_PATH_SIZE - 1);
	return CAIRN_OK;
}

/* The interval has not passed. Else this is the step of the last save, even if it fails. */
static bool is_too_early(struct cairn_manager *manager,
			 const struct cairn_manager_save_options *options)
{
	const int64_t interval = manager->options.checkpoint_interval;
	int64_t step;
	int64_t due;

	if (interval == 0)
		return false;
	step = *manager->options.step_counter;
	if (__builtin_add_overflow(manager->last_step, interval, &due))
		due = INT64_MAX;
	if (manager->has_last_step &&
	    (step == manager->last_step || (options->ignore_interval == 0 && step < due)))
		return true;
	manager->has_last_step = true;
	manager->last_step = step;
	return false;
}

/* The number and the prefix of the checkpoint that comes. */
static enum cairn_status name_checkpoint(struct cairn_manager *manager,
					 const struct cairn_manager_save_options *options,
					 struct cairn_error *error)
{
	char base[SYSTEM_NAME_SIZE + NAME_ROOM];
	int64_t number = 0;
	enum cairn_status status;

	status = manager->subject.count(manager->subject.context, &number, error);
	if (status != CAIRN_OK)
		return status;
	if (options->has_checkpoint_number != 0)
		number = options->checkpoint_number;
	snprintf(base, sizeof(base), "%s-%" PRId64, manager->name, number);
	return manager_prefix(manager, base, manager->path, error);
}

/* All that a save needs besides files: made before the first of them. */
static enum cairn_status prepare(struct cairn_manager *manager,
				 const struct cairn_manager_save_options *options,
				 struct cairn_error *error)
{
	enum cairn_status status;

	manager->save = (struct ledger_save){.has_metric = options->has_metric != 0,
					     .metric = options->metric};
	manager->save_note.text[0] = '\0';
	status = ledger_copy(&manager->next, manager->system, &manager->ledger, manager->path,
			     &manager->save.path, error);
	if (status != CAIRN_OK)
		ledger_free(&manager->next);
	return status;
}

/* Behind the writer, which made the folder. */
static enum cairn_status begin(struct cairn_manager *manager, struct cairn_writer **writer,
			       struct cairn_error *error)
{
	enum cairn_status status;

	status = take_lock(manager, true, error);
	if (status != CAIRN_OK)
		return status;
	status = manager->subject.begin(manager->subject.context, manager->path, writer, error);
	if (status != CAIRN_OK)
		return status;
	status = take_lock(manager, false, error);
	if (status != CAIRN_OK)
		cairn_writer_destroy(*writer);
	return status;
}

/* The writer has finished. */
static enum cairn_status follow(void *context, enum cairn_status status, struct cairn_error *error)
{
	struct cairn_manager *const manager = context;

	if (status != CAIRN_OK)
		return status;
	manager->save.time = (double)system_wall_clock(manager->system) / NS_PER_SECOND;
	return manager_record(manager, error);
}

static enum cairn_status write_checkpoint(struct cairn_manager *manager, struct cairn_error *error)
{
	struct cairn_writer *writer = NULL;
	enum cairn_status status = begin(manager, &writer, error);

	if (status != CAIRN_OK) {
		ledger_free(&manager->next);
		return status;
	}
	manager->is_saving = true;
	if (manager->async != NULL) {
		status = async_start(manager->async, writer, follow, manager, error);
		if (!async_is_open(manager->async)) /* it has failed already */
			adopt(manager);
		return status;
	}
	status = cairn_writer_finish(writer, error);
	cairn_writer_destroy(writer);
	status = follow(manager, status, error);
	adopt(manager);
	return status;
}

enum cairn_status cairn_manager_save(struct cairn_manager *manager,
				     const struct cairn_manager_save_options *options,
				     const char **path, struct cairn_error *error)
{
	static const struct cairn_manager_save_options defaults;
	const bool had_save = manager->is_saving;
	enum cairn_status status;

	if (options == NULL)
		options = &defaults;
	if (options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "save options of %zu bytes, not %zu", options->size,
				 sizeof(*options));
	status = manager_settle(manager, error);
	if (status != CAIRN_OK)
		return status;
	if (!had_save) /* else its note is told now */
		manager->note.text[0] = '\0';
	if (is_too_early(manager, options)) {
		if (path != NULL)
			*path = NULL;
		return CAIRN_OK;
	}
	if ((status = name_checkpoint(manager, options, error)) != CAIRN_OK ||
	    (status = prepare(manager, options, error)) != CAIRN_OK ||
	    (status = write_checkpoint(manager, error)) != CAIRN_OK)
		return status;
	if (path != NULL)
		*path = manager->path;
	return CAIRN_OK;
}

enum cairn_status cairn_manager_wait(struct cairn_manager *manager, struct cairn_error *error)
{
	return manager_settle(manager, error);
}

/* -------------------------------------------------------------------------------- what there is */

const char *cairn_manager_latest_checkpoint(struct cairn_manager *manager)
{
	look(manager);
	return manager->ledger.latest;
}

uint64_t cairn_manager_checkpoint_count(struct cairn_manager *manager)
{
	look(manager);
	return manager->ledger.active.count;
}

static const char *entry_of(const struct ledger_list *list, uint64_t index, double *value)
{
	if (index >= list->count)
		return NULL;
	if (value != NULL)
		*value = list->items[index].value;
	return list->items[index].path;
}

const char *cairn_manager_checkpoint(struct cairn_manager *manager, uint64_t index, double *time)
{
	look(manager);
	return entry_of(&manager->ledger.active, index, time);
}

const char *cairn_manager_best_checkpoint(struct cairn_manager *manager, uint64_t index,
					  double *metric)
{
	look(manager);
	return entry_of(&manager->ledger.best, index, metric);
}

const char *cairn_manager_note(struct cairn_manager *manager)
{
	look(manager);
	return manager->note.text[0] == '\0' ? NULL : manager->note.text;
}

int cairn_manager_is_busy(struct cairn_manager *manager)
{
	return manager->async != NULL && cairn_async_is_busy(manager->async);
}
