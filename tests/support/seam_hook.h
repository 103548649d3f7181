/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function of the test's that is called around the calls that a writer makes to the system: to
 * let another writer run at that very moment, or to kill the process there.
 */
#ifndef CAIRN_TESTS_SEAM_HOOK_H
#define CAIRN_TESTS_SEAM_HOOK_H

#include <stdbool.h>

#include "engine/system/memory_fault.h"
#include "engine/system/system.h"

/* `is_after`: the call was made, and what it did can be seen. Calls that the function itself makes
 * are passed on without calling it. */
typedef void (*seam_function)(void *context, enum memory_call call, bool is_after);

/*
 * Puts the function between `system` and its operations; one system at a time. For the real system
 * pass a copy of *system_posix(), which has no state. Calls on files and folders that change
 * something are covered, and open, close, status_at, list and lock.
 */
void seam_hook_install(struct system *system, seam_function function, void *context);
void seam_hook_remove(struct system *system);

#endif
