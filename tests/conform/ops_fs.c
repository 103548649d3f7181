/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on files, which set the scene, and looking at what is there.
 */
#include "tests/conform/conform.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

static const char *needed(const struct step *step, const char *name)
{
	const char *const text = argument_text(step, name);

	if (text == NULL)
		conform_fail(step->op, "an argument is missing");
	return text;
}

static void must(int result, const struct step *step)
{
	if (result != 0)
		conform_fail(step->op, strerror(errno));
}

static void make_parents(const char *path, const struct step *step)
{
	char *const copy = strdup(path);

	if (copy == NULL)
		conform_fail(step->op, "out of memory");
	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0777) != 0 && errno != EEXIST)
			conform_fail(step->op, strerror(errno));
		*slash = '/';
	}
	free(copy);
}

static void fs_write(struct world *world, const struct step *step, struct outcome *outcome)
{
	const char *const path = needed(step, "path");
	const json_t *const text = json_object_get(step->args, "text");
	FILE *file;

	(void)world;
	(void)outcome;
	make_parents(path, step);
	file = fopen(path, "w");
	if (file == NULL)
		conform_fail(step->op, strerror(errno));
	fwrite(json_string_value(text), 1, json_string_length(text), file);
	must(fclose(file), step);
}

static void fs_remove(struct world *world, const struct step *step, struct outcome *outcome)
{
	(void)world;
	(void)outcome;
	must(remove(needed(step, "path")), step);
}

static void fs_rename(struct world *world, const struct step *step, struct outcome *outcome)
{
	(void)world;
	(void)outcome;
	must(rename(needed(step, "from"), needed(step, "to")), step);
}

static void fs_mkdir(struct world *world, const struct step *step, struct outcome *outcome)
{
	(void)world;
	(void)outcome;
	must(mkdir(needed(step, "path"), 0777), step);
}

static void fs_utime(struct world *world, const struct step *step, struct outcome *outcome)
{
	const time_t seconds = (time_t)argument_number(step, "mtime", 0);
	const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

	(void)world;
	(void)outcome;
	must(utimensat(AT_FDCWD, needed(step, "path"), times, 0), step);
}

static const struct operation operations[] = {
	{"fs.write", fs_write}, {"fs.remove", fs_remove}, {"fs.rename", fs_rename},
	{"fs.mkdir", fs_mkdir}, {"fs.utime", fs_utime},
};

const struct family family_fs = {
	.operations = operations,
	.operation_count = sizeof(operations) / sizeof(operations[0]),
};

/* -------------------------------------------------------------------------------------- looking */

static json_t *found_files; /* nftw has no context */

static int add_file(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	char name[4096];

	(void)status;
	if (where->level == 0)
		return 0;
	snprintf(name, sizeof(name), "%s%s", path + 2, kind == FTW_D ? "/" : ""); /* "./" */
	return json_array_append_new(found_files, json_string(name));
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A folder is listed only when nothing in it is. */
static bool is_filled(const char *const *names, size_t count, size_t at)
{
	const size_t size = strlen(names[at]);

	return size > 0 && names[at][size - 1] == '/' && at + 1 < count &&
	       strncmp(names[at + 1], names[at], size) == 0;
}

json_t *list_files(void)
{
	json_t *const sorted = json_array();
	const char **names;
	size_t count;

	found_files = json_array();
	if (nftw(".", add_file, 16, FTW_PHYS) != 0)
		conform_fail("the listing of the files", strerror(errno));
	count = json_array_size(found_files);
	names = calloc(count + 1, sizeof(*names));
	if (names == NULL)
		conform_fail("the listing of the files", "out of memory");
	for (size_t i = 0; i < count; i++)
		names[i] = json_string_value(json_array_get(found_files, i));
	qsort(names, count, sizeof(*names), compare_texts);
	for (size_t i = 0; i < count; i++) {
		if (!is_filled(names, count, i))
			json_array_append_new(sorted, json_string(names[i]));
	}
	free(names);
	json_decref(found_files);
	return sorted;
}

json_t *file_text(const char *path)
{
	FILE *const file = fopen(path, "r");
	char *const text = malloc(1 << 20);
	json_t *result = json_null();
	struct stat status;

	if (text == NULL)
		conform_fail(path, "out of memory");
	if (file != NULL && fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode)) {
		const size_t size = fread(text, 1, 1 << 20, file);

		result = json_stringn_nocheck(text, size);
	}
	if (file != NULL)
		fclose(file);
	free(text);
	return result;
}
