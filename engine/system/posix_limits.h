/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may use, for the table of system_posix.c. */
#ifndef CAIRN_ENGINE_POSIX_LIMITS_H
#define CAIRN_ENGINE_POSIX_LIMITS_H

#include "engine/system/system.h"

uint32_t posix_processors(struct system *system);
uint32_t posix_descriptors_max(struct system *system);
int posix_memory_available(struct system *system, uint64_t *bytes);
int posix_tells_residency(struct system *system, int fd);

/* posix_memory_available in a tree that has a `proc` and a `sys` of its own: for tests. "" is the
 * real one. */
int posix_memory_available_under(const char *root, uint64_t *bytes);

#endif
