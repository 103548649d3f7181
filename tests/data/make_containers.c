/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the containers of tests/data/golden and their descriptions, from the recipes in
 * tests/support/golden.c.
 *
 * The files are committed and never made again: they are what the format was on the day on which
 * they were made. This program writes those that are missing, leaves those that are there as they
 * are, and fails when there was any.
 *
 * usage: make_containers FOLDER
 */
#include "tests/support/golden.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/digest.h"

/* Writes a file that must not be there. False: it was not written. */
static bool write_new(const char *path, const void *bytes, size_t size)
{
	FILE *const file = fopen(path, "wbx");
	bool written;

	if (file == NULL) {
		fprintf(stderr, "%s: %s: left as it is\n", path, strerror(errno));
		return false;
	}
	written = fwrite(bytes, 1, size, file) == size;
	if (fclose(file) != 0 || !written) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
	printf("%s: %zu bytes\n", path, size);
	return true;
}

static bool make(const struct golden *recipe, const char *folder)
{
	struct golden_bytes container = golden_make(recipe, 1);
	char path[4096];
	char *text = NULL;
	size_t text_size = 0;
	FILE *const description = open_memstream(&text, &text_size);
	bool made;

	if (description == NULL)
		golden_must(CAIRN_NO_MEMORY, "open_memstream");
	golden_dump(container.data, container.size, description);
	fclose(description);
	snprintf(path, sizeof(path), "%s/%s.cairn", folder, recipe->name);
	made = write_new(path, container.data, container.size);
	snprintf(path, sizeof(path), "%s/%s.txt", folder, recipe->name);
	made = write_new(path, text, text_size) && made;
	free(text);
	free(container.data);
	return made;
}

int main(int argument_count, char **arguments)
{
	bool all_made = true;

	if (argument_count != 2) {
		fprintf(stderr, "usage: make_containers FOLDER\n");
		return 2;
	}
	for (size_t i = 0; i < golden_count; i++)
		all_made = make(&golden_recipes[i], arguments[1]) && all_made;
	return all_made ? EXIT_SUCCESS : EXIT_FAILURE;
}
