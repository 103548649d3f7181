/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a target without a fuzzer: over each file of a corpus, and over a few mutations of each that
 * are the same in every run. So a corpus is a test with any compiler.
 *
 * usage: replay_<target> [--mutations N] FILE-OR-FOLDER...
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/random.h"

#define SIZE_MAX_OF_INPUT ((size_t)1 << 20)

#pragma weak LLVMFuzzerCustomMutator

static struct random chance;
static unsigned int mutations = 8;
static unsigned int files;

/* What libFuzzer does, in small: a byte changed, put in, taken out, or a piece copied. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max)
{
	const uint64_t kind = random_below(&chance, 4);
	const size_t at = size == 0 ? 0 : random_below(&chance, size);

	if (kind == 0 && size < size_max) {
		memmove(data + at + 1, data + at, size - at);
		data[at] = (uint8_t)random_next(&chance);
		return size + 1;
	}
	if (size < 2)
		return size;
	if (kind == 1) {
		memmove(data + at, data + at + 1, size - at - 1);
		return size - 1;
	}
	if (kind == 2)
		data[at] = (uint8_t)random_next(&chance);
	else
		data[at] = data[random_below(&chance, size)];
	return size;
}

static size_t mutate(uint8_t *data, size_t size)
{
	if (LLVMFuzzerCustomMutator != NULL)
		return LLVMFuzzerCustomMutator(data, size, SIZE_MAX_OF_INPUT,
					       (unsigned int)random_next(&chance));
	return LLVMFuzzerMutate(data, size, SIZE_MAX_OF_INPUT);
}

static void run(const uint8_t *data, size_t size)
{
	uint8_t *const exact = fuzz_copy(data, size);

	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static bool replay_file(const char *path)
{
	static uint8_t data[SIZE_MAX_OF_INPUT];
	FILE *const file = fopen(path, "rb");
	size_t size;

	if (file == NULL) {
		perror(path);
		return false;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	run(data, size);
	chance.state = size; /* not the order of the files */
	for (unsigned int i = 0; i < mutations; i++) {
		size = mutate(data, size);
		run(data, size);
	}
	files++;
	return true;
}

static bool replay_folder(const char *path, DIR *folder)
{
	const struct dirent *entry;
	char name[4096];
	bool good = true;

	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		good = replay_file(name) && good;
	}
	closedir(folder);
	return good;
}

static bool replay(const char *path)
{
	DIR *const folder = opendir(path);

	return folder != NULL ? replay_folder(path, folder) : replay_file(path);
}

int main(int count, char **arguments)
{
	bool good = true;

	for (int i = 1; i < count; i++) {
		if (strcmp(arguments[i], "--mutations") == 0 && i + 1 < count)
			mutations = (unsigned int)strtoul(arguments[++i], NULL, 10);
		else
			good = replay(arguments[i]) && good;
	}
	printf("%u files, %u mutations of each\n", files, mutations);
	return good && files != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
