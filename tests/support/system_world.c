/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixture that lets a test run on the real system and on the one in memory.
 *
 * The real world lies in a folder of its own under /tmp. Closing a world removes what is in it, one
 * level deep, and asserts that the in-memory system holds nothing any more.
 */
#include "tests/support/system_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

struct world world_open(int index)
{
	struct world world = {0};

	if (index == 0) {
		world.system = system_posix();
		snprintf(world.path, sizeof(world.path), "/tmp/check_system-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(world.path));
		umask(022);
	} else {
		world.memory = memory_system_create();
		world.system = memory_system_get(world.memory);
		snprintf(world.path, sizeof(world.path), "/work");
		ck_assert_int_eq(memory_system_add_directory(world.memory, world.path), 0);
	}
	world.directory = system_open(world.system, SYSTEM_CWD, world.path, SYSTEM_WANT_DIRECTORY);
	ck_assert_int_ge(world.directory, 0);
	return world;
}

/* A folder whose entries are being removed. */
struct emptied {
	struct system *system;
	int directory;
};

static int remove_anything(void *context, const char *name)
{
	const struct emptied *const outer = context;
	struct emptied inner = {.system = outer->system, .directory = -1};

	if (system_unlink(outer->system, outer->directory, name) == 0)
		return 0;
	inner.directory = system_open(outer->system, outer->directory, name, SYSTEM_WANT_DIRECTORY);
	ck_assert_int_ge(inner.directory, 0);
	ck_assert_int_eq(system_list(inner.system, inner.directory, remove_anything, &inner), 0);
	system_close(inner.system, inner.directory);
	return system_remove_directory(outer->system, outer->directory, name);
}

void world_close(struct world *world)
{
	struct emptied everything = {world->system, world->directory};

	ck_assert_int_eq(system_list(world->system, world->directory, remove_anything, &everything),
			 0);
	ck_assert_int_eq(system_close(world->system, world->directory), 0);
	ck_assert_int_eq(system_remove_directory(world->system, SYSTEM_CWD, world->path), 0);
	if (world->memory != NULL)
		ck_assert(memory_system_is_clean(world->memory));
	memory_system_destroy(world->memory);
}

const char *world_path(const struct world *world, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", world->path, name);
	return path;
}

void world_add_link(const struct world *world, const char *name, const char *target)
{
	if (world->memory == NULL)
		ck_assert_int_eq(symlink(target, world_path(world, name)), 0);
	else
		ck_assert_int_eq(
			memory_system_add_link(world->memory, world_path(world, name), target), 0);
}

void world_add_fifo(const struct world *world, const char *name)
{
	if (world->memory == NULL)
		ck_assert_int_eq(mkfifo(world_path(world, name), 0600), 0);
	else
		ck_assert_int_eq(memory_system_add_special(world->memory, world_path(world, name)),
				 0);
}

void world_truncate(const struct world *world, const char *name, uint64_t size)
{
	if (world->memory == NULL)
		ck_assert_int_eq(truncate(world_path(world, name), (off_t)size), 0);
	else
		ck_assert_int_eq(
			memory_system_truncate(world->memory, world_path(world, name), size), 0);
}
