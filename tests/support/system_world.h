/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory to work in, on the real system or on the one in memory: for tests that must hold on
 * both.
 */
#ifndef CAIRN_TESTS_SYSTEM_WORLD_H
#define CAIRN_TESTS_SYSTEM_WORLD_H

#include "engine/system/memory_system.h"

#define WORLD_COUNT 2

struct world {
	struct system *system;
	struct memory_system *memory; /* NULL: POSIX */
	int directory;
	char path[128];
};

/* 0: POSIX; 1: memory. To be used as a loop test's _i. The umask is 022. */
struct world world_open(int index);

/* Asserts that nothing is left open in memory. */
void world_close(struct world *world);

/* The path of a name in the directory; valid until the next call. */
const char *world_path(const struct world *world, const char *name);

void world_add_link(const struct world *world, const char *name, const char *target);
void world_add_fifo(const struct world *world, const char *name);

/* Cuts or extends a file behind the back of the code under test. */
void world_truncate(const struct world *world, const char *name, uint64_t size);

#endif
