/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks, for the table of system_posix.c. */
#ifndef CAIRN_ENGINE_POSIX_CLOCK_H
#define CAIRN_ENGINE_POSIX_CLOCK_H

#include "engine/system/system.h"

uint64_t posix_monotonic(struct system *system);
int64_t posix_wall_clock(struct system *system);

#endif
