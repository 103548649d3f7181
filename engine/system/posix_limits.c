/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process may use: processors, descriptors, memory; and whether the kernel tells it what
 * is in memory.
 *
 * The files of the kernel that limits are read from may be absent, or not what we expect: then they
 * say nothing. Nothing is remembered: a limit may change while we run.
 */
#include "engine/system/posix_limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROCESSORS_MAX 65536

uint32_t posix_descriptors_max(struct system *system)
{
	struct rlimit limit;

	(void)system;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 64; /* a cautious guess */
	return limit.rlim_cur > UINT32_MAX ? UINT32_MAX : (uint32_t)limit.rlim_cur;
}

/* ----------------------------------------------------------------------------------- processors */

/* The count in the affinity mask when a set of `capacity` processors can hold it; else 0. */
static uint32_t count_processors(size_t capacity)
{
	const size_t size = CPU_ALLOC_SIZE(capacity);
	cpu_set_t *set = CPU_ALLOC(capacity);
	int count = 0;

	if (set == NULL)
		return 0;
	if (sched_getaffinity(0, size, set) == 0)
		count = CPU_COUNT_S(size, set);
	CPU_FREE(set);
	return count > 0 ? (uint32_t)count : 0;
}

uint32_t posix_processors(struct system *system)
{
	(void)system;
	/* The kernel refuses a set that is smaller than its own. */
	for (size_t capacity = 1024; capacity <= PROCESSORS_MAX; capacity *= 2) {
		const uint32_t count = count_processors(capacity);

		if (count != 0)
			return count;
	}
	return 1;
}

/* ------------------------------------------------------------------------------------ residency */

/* What the kernel asks before it answers mincore truly: may this process find out anyway? */
int posix_tells_residency(struct system *system, int fd)
{
	char path[64];
	struct stat status;

	(void)system;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid == geteuid())
		return 1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

/* --------------------------------------------------------------------------------------- memory */

#define PATH_SIZE 4096
#define TEXT_SIZE 16384

/* A file of the kernel's, as text; empty when it cannot be read. */
struct text {
	char bytes[TEXT_SIZE];
};

static bool read_text(const char *root, const char *folder, const char *name, struct text *text)
{
	char path[PATH_SIZE];
	size_t size = 0;
	ssize_t count = 1;
	int fd;

	text->bytes[0] = '\0';
	if (snprintf(path, sizeof(path), "%s%s/%s", root, folder, name) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (count > 0 && size < TEXT_SIZE - 1) {
		count = read(fd, text->bytes + size, TEXT_SIZE - 1 - size);
		if (count > 0)
			size += (size_t)count;
	}
	close(fd);
	text->bytes[size] = '\0';
	return size != 0;
}

/* Digits up to anything else; "max", or a number that does not fit, is no limit. */
static uint64_t number_at(const char *text)
{
	uint64_t number = 0;

	if (*text < '0' || *text > '9')
		return UINT64_MAX;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (number > (UINT64_MAX - 9) / 10)
			return UINT64_MAX;
		number = number * 10 + (uint64_t)(*text - '0');
	}
	return number;
}

/* The number behind a word that begins a line; `otherwise` when there is none. */
static uint64_t field_of(const struct text *text, const char *word, uint64_t otherwise)
{
	const size_t size = strlen(word);

	for (const char *line = text->bytes; line != NULL && *line != '\0';) {
		if (strncmp(line, word, size) == 0 && (line[size] == ' ' || line[size] == ':'))
			return number_at(line + size + strspn(line + size, ": "));
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
	return otherwise;
}

/* How a version of control groups calls things. */
struct group_files {
	const char *base;
	const char *limit;
	const char *soft_limit; /* or NULL */
	const char *used;
	const char *inactive;
	const char *active;
};

static const struct group_files version_2 = {
	"/sys/fs/cgroup", "memory.max",    "memory.high",
	"memory.current", "inactive_file", "active_file",
};

static const struct group_files version_1 = {
	"/sys/fs/cgroup/memory", "memory.limit_in_bytes", NULL,
	"memory.usage_in_bytes", "total_inactive_file",   "total_active_file",
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What one group leaves: its limit less what it uses for other things than pages of files. */
static uint64_t room_in(const char *root, const char *folder, const struct group_files *files)
{
	struct text text;
	uint64_t limit = UINT64_MAX;
	uint64_t used;
	uint64_t pages;

	if (read_text(root, folder, files->limit, &text))
		limit = number_at(text.bytes);
	if (files->soft_limit != NULL && read_text(root, folder, files->soft_limit, &text))
		limit = least(limit, number_at(text.bytes));
	if (limit == UINT64_MAX || !read_text(root, folder, files->used, &text))
		return limit;
	used = number_at(text.bytes);
	read_text(root, folder, "memory.stat", &text);
	pages = field_of(&text, files->inactive, 0);
	pages += least(field_of(&text, files->active, 0), UINT64_MAX - pages);
	used -= least(used, pages);
	return limit - least(limit, used);
}

/* The group of the process and all above it. In a container the base is a group, too. */
static uint64_t room_above(const char *root, const char *group, const struct group_files *files)
{
	char folder[PATH_SIZE];
	const size_t base = strlen(files->base);
	const bool is_outside = strstr(group, "/..") != NULL;
	uint64_t room = UINT64_MAX;

	if (snprintf(folder, sizeof(folder), "%s%s", files->base, is_outside ? "" : group) >=
	    (int)sizeof(folder))
		return room;
	for (;;) {
		char *const slash = strrchr(folder, '/');

		room = least(room, room_in(root, folder, files));
		if (strlen(folder) <= base || slash == NULL)
			return room;
		*slash = '\0';
	}
}

/* The third field of a line of /proc/self/cgroup: "0::/a/b", or "4:memory:/a/b" of version 1. */
static uint64_t room_by_line(const char *root, char *line)
{
	char *const controllers = strchr(line, ':');
	char *const group = controllers == NULL ? NULL : strchr(controllers + 1, ':');

	if (group == NULL)
		return UINT64_MAX;
	*group = '\0';
	if (controllers[1] == '\0')
		return room_above(root, group + 1, &version_2);
	return strstr(controllers + 1, "memory") != NULL ? room_above(root, group + 1, &version_1)
							 : UINT64_MAX;
}

static uint64_t room_in_groups(const char *root)
{
	struct text text;
	uint64_t room = UINT64_MAX;
	char *line = text.bytes;

	read_text(root, "/proc/self", "cgroup", &text);
	while (line != NULL && *line != '\0') {
		char *const end = strchr(line, '\n');

		if (end != NULL)
			*end = '\0';
		room = least(room, room_by_line(root, line));
		line = end == NULL ? NULL : end + 1;
	}
	return room;
}

int posix_memory_available_under(const char *root, uint64_t *bytes)
{
	struct text text;
	uint64_t kibibytes;
	uint64_t room = room_in_groups(root);

	read_text(root, "/proc", "meminfo", &text);
	kibibytes = field_of(&text, "MemAvailable", UINT64_MAX);
	if (kibibytes <= UINT64_MAX / 1024)
		room = least(room, kibibytes * 1024);
	if (room == UINT64_MAX)
		return -ENODATA;
	*bytes = room;
	return 0;
}

int posix_memory_available(struct system *system, uint64_t *bytes)
{
	(void)system;
	return posix_memory_available_under("", bytes);
}
