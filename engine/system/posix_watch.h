/* SPDX-License-Identifier: Apache-2.0 */
/* Watching directories, for the table of system_posix.c. */
#ifndef CAIRN_ENGINE_POSIX_WATCH_H
#define CAIRN_ENGINE_POSIX_WATCH_H

#include "engine/system/system.h"

int posix_watch(struct system *system, const char *path);
int posix_watch_wait(struct system *system, int watch, uint64_t nanoseconds);

#endif
