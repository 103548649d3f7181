/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/tensorflow_files.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <check.h>

struct file_bytes disk_file(const char *path)
{
	struct file_bytes file = {0};
	FILE *const stream = fopen(path, "rb");
	struct stat status;

	ck_assert_msg(stream != NULL, "%s cannot be opened", path);
	ck_assert_int_eq(fstat(fileno(stream), &status), 0);
	file.size = (size_t)status.st_size;
	file.bytes = malloc(file.size == 0 ? 1 : file.size); /* exact: a sanitizer sees its end */
	ck_assert_ptr_nonnull(file.bytes);
	ck_assert_uint_eq(fread(file.bytes, 1, file.size, stream), file.size);
	fclose(stream);
	return file;
}

struct file_bytes golden_file(const char *name)
{
	char path[PATH_MAX];
	const char *const data = getenv("CAIRN_TEST_DATA");

	ck_assert_msg(data != NULL, "CAIRN_TEST_DATA is not set");
	snprintf(path, sizeof(path), "%s/golden/tensorflow/%s", data, name);
	return disk_file(path);
}

/* nftw has no argument for its callback. */
static void (*visitor)(const char *path, const uint8_t *bytes, size_t size);
static size_t visited;

static int visit_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	const char *const suffix = ".index";
	struct file_bytes file;

	(void)status;
	(void)place;
	if (kind != FTW_F || strlen(path) < strlen(suffix) ||
	    strcmp(path + strlen(path) - strlen(suffix), suffix) != 0)
		return 0;
	file = disk_file(path);
	visitor(path, file.bytes, file.size);
	free(file.bytes);
	visited++;
	return 0;
}

size_t visit_corpus(bool old, void (*visit)(const char *path, const uint8_t *bytes, size_t size))
{
	char path[PATH_MAX];
	const char *const source = getenv("CAIRN_SOURCE_DIR");

	ck_assert_msg(source != NULL, "CAIRN_SOURCE_DIR is not set");
	snprintf(path, sizeof(path), "%s/../shared/tests/%s", source,
		 old ? "tensorflow" : "golden/tensorflow");
	visitor = visit;
	visited = 0;
	nftw(path, visit_one, 8, FTW_PHYS);
	return visited;
}
