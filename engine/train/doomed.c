/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks of checkpoints that are to be removed. Their names are digests: whoever finds one compares
 * it with those of the base names that are there.
 */
#include "engine/train/doomed.h"

#include <string.h>

#include "format/digest.h"

#define MARK_MODE 0444u

static void mark_name(const char *base, char name[TEMPORARY_NAME_SIZE])
{
	const struct cairn_digest digest = digest_bytes(base, strlen(base));

	temporary_name(TRASH_PREFIX, digest.bytes, name);
}

void doomed_mark(const struct folder *folder, const char *base)
{
	char name[TEMPORARY_NAME_SIZE];
	int fd;

	mark_name(base, name);
	fd = system_create(folder->system, folder->fd, name, MARK_MODE, 0);
	if (fd >= 0)
		system_close(folder->system, fd);
}

void doomed_unmark(const struct folder *folder, const char *base)
{
	char name[TEMPORARY_NAME_SIZE];

	mark_name(base, name);
	system_unlink(folder->system, folder->fd, name);
}

const char *doomed_base(const char *folder, const char *path)
{
	const size_t size = strlen(folder);
	const char *base = path + size;

	if (strncmp(path, folder, size) != 0)
		return NULL;
	if (size != 0 && folder[size - 1] != '/' && *base++ != '/')
		return NULL;
	return base[0] == '\0' || strchr(base, '/') != NULL ? NULL : base;
}

/* ---------------------------------------------------------------------------------------- bases */

/* The size of the base whose file this is: without the suffix of an index or data file. */
static size_t base_size(const char *name)
{
	static const char *const suffixes[] = {".index", ".cairn"};
	const size_t size = strlen(name);
	const char *data = strstr(name, ".data-");

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const size_t suffix = strlen(suffixes[i]);

		if (size > suffix && strcmp(name + size - suffix, suffixes[i]) == 0)
			return size - suffix;
	}
	while (data != NULL && strstr(data + 1, ".data-") != NULL)
		data = strstr(data + 1, ".data-");
	return data == NULL ? size : (size_t)(data - name);
}

/* A mark of this user's. */
static bool is_marked(const struct folder *folder, const char *base)
{
	char name[TEMPORARY_NAME_SIZE];
	struct system_status found;

	mark_name(base, name);
	return system_status_at(folder->system, folder->fd, name, false, &found) == 0 &&
	       found.kind == SYSTEM_REGULAR && found.size == 0 &&
	       found.owner == system_user(folder->system);
}

static bool has_trash(const struct folder_names *names)
{
	const uint64_t at = folder_names_from(names, TRASH_PREFIX);

	return at < names->count &&
	       strncmp(names->items[at], TRASH_PREFIX, strlen(TRASH_PREFIX)) == 0;
}

enum cairn_status doomed_list(const struct folder *folder, const struct folder_names *names,
			      doomed_callback callback, void *context, struct cairn_error *error)
{
	char base[SYSTEM_NAME_SIZE];
	char last[SYSTEM_NAME_SIZE] = "";
	enum cairn_status status = CAIRN_OK;

	if (!has_trash(names))
		return CAIRN_OK;
	for (uint64_t i = 0; i < names->count && status == CAIRN_OK; i++) {
		const char *const name = names->items[i];
		const size_t size = base_size(name);

		if (size == 0 || size >= sizeof(base) || is_temporary_name(name))
			continue;
		memcpy(base, name, size);
		base[size] = '\0';
		if (strcmp(base, last) != 0 && is_marked(folder, base))
			status = callback(context, base, error);
		memcpy(last, base, size + 1);
	}
	return status;
}
