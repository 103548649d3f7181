/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a manager. What it saves is behind struct manager_subject: a cairn_checkpoint, or
 * whatever a test wants to have managed.
 */
#ifndef CAIRN_ENGINE_MANAGER_H
#define CAIRN_ENGINE_MANAGER_H

#include <cairn/manager.h>
#include <cairn/state.h>

#include "engine/train/ledger.h"
#include "engine/train/manager_lock.h"
#include "engine/write/async.h"

/* What is saved and restored. */
struct manager_subject {
	void *context;
	/* Counts a save, and tells the number. */
	enum cairn_status (*count)(void *context, int64_t *number, struct cairn_error *error);
	/* A writer of `prefix` to which all values were added; missing folders are made. */
	enum cairn_status (*begin)(void *context, const char *prefix, struct cairn_writer **writer,
				   struct cairn_error *error);
	enum cairn_status (*restore)(void *context, const char *path, struct cairn_error *error);
	/* Frees the context, when the manager goes or could not be made; or NULL. */
	void (*end)(void *context);
};

/* What a call has to tell although it succeeded; "" is nothing. */
struct manager_note {
	char text[CAIRN_MESSAGE_SIZE];
};

/* Adds a sentence, as far as there is room. */
void manager_note_add(struct manager_note *note, const char *format, ...) CAIRN_PRINTF(2, 3);

struct cairn_manager {
	struct system *system;
	struct manager_subject subject;
	char folder[CAIRN_PATH_SIZE];
	char name[SYSTEM_NAME_SIZE];
	struct cairn_manager_options options;
	struct ledger_policy policy;
	struct manager_lock lock;
	struct ledger ledger; /* after the last save that has ended */
	bool has_last_step;
	int64_t last_step;
	struct manager_note note;
	char path[CAIRN_PATH_SIZE]; /* what was saved or restored last */

	/* A save: while one is under way in a thread, the thread's. */
	struct cairn_async *async; /* NULL: the caller waits */
	bool is_saving;            /* `next` is there */
	struct ledger next;
	struct ledger_save save;
	struct manager_note save_note;
};

/* cairn_manager_create on another system, for another subject. */
enum cairn_status manager_create(struct system *system, const struct manager_subject *subject,
				 const char *folder, int32_t max_to_keep,
				 const struct cairn_manager_options *options,
				 struct cairn_manager **manager, struct cairn_error *error);

/* The prefix of a number: LIMIT when it does not fit. */
enum cairn_status manager_prefix(const struct cairn_manager *manager, const char *base,
				 char path[CAIRN_PATH_SIZE], struct cairn_error *error);

/* Fills the ledger from what the folder's state files say. As cairn_manager_create. */
enum cairn_status manager_start(struct cairn_manager *manager, struct cairn_error *error);

/*
 * What follows a checkpoint that is durable, in any thread: its entry in manager->next, the state
 * files, and the end of old checkpoints. What cannot be removed is a note.
 */
enum cairn_status manager_record(struct cairn_manager *manager, struct cairn_error *error);

/* Removes a checkpoint in whatever format it is; data without an index are TensorFlow's. As
 * cairn_state_remove. */
enum cairn_status manager_remove(struct system *system, const char *path,
				 struct cairn_error *error);

/* cairn_manager_clear on another system. */
enum cairn_status manager_clear(struct system *system, const char *folder,
				cairn_manager_cleared callback, void *context,
				struct cairn_error *error);

/* Waits for what is under way, and takes over what it did. */
enum cairn_status manager_settle(struct cairn_manager *manager, struct cairn_error *error);

/* The checkpoint is there, and every digest in it is right. */
enum cairn_status manager_verify(struct system *system, const char *path,
				 struct cairn_error *error);

#endif
