/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock by which one manager keeps others out of its folder.
 *
 * It cannot be a lock of the folder itself: publishing takes that, exclusively and for a moment,
 * also for the manager's own saves, and flock counts open files, not processes. So it is a lock of
 * an empty file in it, whose name is of the grammar of temporary names: whatever a manager that
 * died left behind is what a sweep removes anyway, and while it lives the sweep cannot have its
 * lock. No other file is left in the folder, no pid or age is believed, and the lock ends with the
 * process.
 */
#ifndef CAIRN_ENGINE_MANAGER_LOCK_H
#define CAIRN_ENGINE_MANAGER_LOCK_H

#include "engine/write/draft.h"

/* "manager.lock" */
#define MANAGER_LOCK_NAME DRAFT_PREFIX "6d616e616765722e6c6f636b00000000"

struct manager_lock {
	struct folder folder; /* fd -1: not taken */
	int fd;               /* of the file; -1: locks do not work here */
};

/* No lock. */
void manager_lock_init(struct manager_lock *lock);
bool manager_lock_is_taken(const struct manager_lock *lock);

/* NOT_FOUND: no such folder; BUSY: another manager has it; IO. */
enum cairn_status manager_lock_take(struct manager_lock *lock, struct system *system,
				    const char *folder, struct cairn_error *error);

/* Safe on one that was not taken. */
void manager_lock_release(struct manager_lock *lock);

#endif
