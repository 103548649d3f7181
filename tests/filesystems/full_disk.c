/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving to a full disk.
 *
 *     full_disk FOLDER [--steps N]
 *
 * FOLDER is the top of a small mounted file system that is this program's own. All of it is taken
 * by one file but for N numbers of 4 KiB blocks, 0 upwards, and then for 8 MiB; saves of several
 * sizes either succeed, or fail for want of space; then the older checkpoint is there, whole, and
 * nothing beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/filesystems/saves.h"

#define BLOCK_SIZE         UINT64_C(4096)
#define CHUNK_SIZE         (UINT64_C(64) << 20)
#define ROOM               (UINT64_C(8) << 20)
#define SMALL_SAVE         UINT64_C(65536)
#define FAILURES_PRINT_MAX 10

static const char filler_name[] = "filler";

struct run {
	const char *folder;
	uint64_t steps;
	uint64_t durable[SAVE_KINDS];
	uint64_t next;
	uint64_t saved;
	uint64_t refused;
	uint64_t failed;
};

static _Noreturn void give_up(const char *what)
{
	printf("full_disk: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void fail(struct run *run, enum save_kind kind, uint64_t room, uint64_t size,
		 const char *what)
{
	if (run->failed++ < FAILURES_PRINT_MAX)
		printf("FAILED %s of %llu bytes, %llu free: %s\n", save_kind_name(kind),
		       (unsigned long long)size, (unsigned long long)room, what);
}

/* Takes all of the disk but `room` bytes. */
static void fill(const struct run *run, uint64_t room)
{
	char path[SAVES_PATH_SIZE];
	uint64_t size = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", run->folder, filler_name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		give_up(path);
	for (uint64_t chunk = CHUNK_SIZE; chunk >= BLOCK_SIZE;) {
		if (fallocate(fd, 0, (off_t)size, (off_t)chunk) == 0)
			size += chunk;
		else if (errno == ENOSPC)
			chunk /= 2;
		else
			give_up("fallocate");
	}
	if (ftruncate(fd, size < room ? 0 : (off_t)(size - room)) != 0 || fsync(fd) != 0)
		give_up(path);
	close(fd);
}

static void make_room(const struct run *run)
{
	char path[SAVES_PATH_SIZE];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", run->folder, filler_name);
	if (unlink(path) != 0 && errno != ENOENT)
		give_up(path);
	fd = open(run->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) != 0)
		give_up("syncfs");
	close(fd);
}

static void try_save(struct run *run, enum save_kind kind, uint64_t room, uint64_t size)
{
	struct cairn_error error = {.code = CAIRN_OK};
	const uint64_t generation = run->next++;
	enum cairn_status status;
	uint64_t found = 0;

	status = save_sources(run->folder, kind, generation, size, &error);
	if (status == CAIRN_OK)
		status = save_generation(run->folder, kind, generation, size, &error);
	if (status == CAIRN_OK) {
		run->durable[kind] = generation;
		run->saved++;
	} else {
		run->refused++;
		if (status != CAIRN_IO || error.system_errno != ENOSPC)
			fail(run, kind, room, size, error.message);
	}
	if (!save_recognise(run->folder, kind, &found, &error))
		fail(run, kind, room, size, error.message);
	else if (found != run->durable[kind])
		fail(run, kind, room, size, "another generation than the durable one is there");
	if (save_leftovers(run->folder, filler_name, &error) != 0)
		fail(run, kind, room, size, error.message);
}

static void try_steps(struct run *run, enum save_kind kind)
{
	for (uint64_t step = 0; step < run->steps; step++) {
		fill(run, step * BLOCK_SIZE);
		try_save(run, kind, step * BLOCK_SIZE, SMALL_SAVE);
		make_room(run);
	}
}

static void try_sizes(struct run *run, enum save_kind kind)
{
	static const uint64_t eighths[] = {2, 5, 6, 7, 8, 9, 16};

	for (size_t i = 0; i < sizeof(eighths) / sizeof(eighths[0]); i++) {
		fill(run, ROOM);
		try_save(run, kind, ROOM, ROOM / 8 * eighths[i]);
		make_room(run);
		try_save(run, kind, ROOM, SMALL_SAVE); /* an older one that takes little */
	}
}

int main(int argc, char **argv)
{
	struct run run = {.folder = argc > 1 ? argv[1] : NULL, .steps = 24, .next = 1};

	if (argc == 4 && strcmp(argv[2], "--steps") == 0)
		run.steps = strtoull(argv[3], NULL, 10);
	else if (argc != 2) {
		puts("usage: full_disk FOLDER [--steps N]");
		return 2;
	}
	make_room(&run);
	for (enum save_kind kind = 0; kind < SAVE_KINDS; kind++) {
		try_save(&run, kind, 0, SMALL_SAVE);
		if (run.durable[kind] == 0)
			give_up("the first save");
		try_steps(&run, kind);
		try_sizes(&run, kind);
	}
	make_room(&run);
	printf("full disk: saves %llu, refused %llu, failed %llu\n", (unsigned long long)run.saved,
	       (unsigned long long)run.refused, (unsigned long long)run.failed);
	return run.failed != 0;
}
