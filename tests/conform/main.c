/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conform: does Cairn do what TensorFlow did?
 *
 * usage: conform [--supported] FOLDER...
 *
 * Carries out each scenario (*.json) of the folders and prints a line for it: `NAME passed`, `NAME
 * passed (differs: RULE, ...)` or `NAME failed: WHERE AND WHY`. One that needs an operation that is
 * not there yet has failed; with --supported it is `NAME skipped`. The last line is `N passed, N
 * failed`, and with --supported `, N skipped`. Exit status 0 only if there was a scenario and none
 * failed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include "tests/conform/conform.h"

static struct counts {
	unsigned passed;
	unsigned failed;
	unsigned skipped;
} counts;

static void print_report(const char *name, const struct report *report, bool supported_only)
{
	if (report->verdict == PASSED) {
		counts.passed++;
		if (report->differs[0] == '\0')
			printf("%s passed\n", name);
		else
			printf("%s passed (differs: %s)\n", name, report->differs);
	} else if (report->verdict == NOT_RUN && supported_only) {
		counts.skipped++;
		printf("%s skipped: %s\n", name, report->text);
	} else {
		counts.failed++;
		printf("%s failed: %s\n", name, report->text);
	}
}

static int is_scenario(const struct dirent *entry)
{
	const size_t size = strlen(entry->d_name);

	return size > 5 && strcmp(entry->d_name + size - 5, ".json") == 0;
}

static void run_folder(const char *folder, bool supported_only)
{
	struct dirent **entries = NULL;
	const int count = scandir(folder, &entries, is_scenario, alphasort);

	if (count < 0)
		conform_fail(folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		struct report report;
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		run_scenario(path, &report);
		entries[i]->d_name[strlen(entries[i]->d_name) - 5] = '\0';
		print_report(entries[i]->d_name, &report, supported_only);
		fflush(stdout);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	const bool supported_only = argc > 1 && strcmp(argv[1], "--supported") == 0;

	if (argc < 2 + supported_only || argv[1 + supported_only][0] == '-') {
		fputs("usage: conform [--supported] FOLDER...\n", stderr);
		return 2;
	}
	umask(022);
	for (int i = 1 + supported_only; i < argc; i++) {
		char *const folder = realpath(argv[i],
					      NULL); /* the working directory will change */

		if (folder == NULL)
			conform_fail(argv[i], strerror(errno));
		run_folder(folder, supported_only);
		free(folder);
	}
	printf("%u passed, %u failed", counts.passed, counts.failed);
	if (supported_only)
		printf(", %u skipped", counts.skipped);
	putchar('\n');
	return counts.passed != 0 && counts.failed == 0 ? 0 : 1;
}
