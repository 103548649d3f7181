/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/tally.h"

#include <inttypes.h>
#include <stdio.h>

static void print_versions(const struct tally *tally)
{
	static const char *const names[VERSION_COUNT] = {"absent", "old", "new", "newer"};
	const char *separator = "";

	for (int i = 0; i < VERSION_COUNT; i++) {
		if (tally->versions[i] == 0)
			continue;
		printf("%s%" PRIu64 " %s", separator, tally->versions[i], names[i]);
		separator = ", ";
	}
	printf("%s", separator);
}

void tally_print(const char *name, const struct crash_counts *counts, const struct tally *tally)
{
	printf("%s: %" PRIu64 " points (%" PRIu64 " sampled), %" PRIu64 " states: ", name,
	       counts->points, counts->sampled_points, tally->states);
	print_versions(tally);
	printf("%" PRIu64 " torn, %" PRIu64 " lost, %" PRIu64 " neither, %" PRIu64 " orphans\n",
	       tally->torn, tally->lost, tally->neither, tally->orphans);
	fflush(stdout);
}

void tally_add(struct tally *total, const struct tally *tally)
{
	total->states += tally->states;
	for (int i = 0; i < VERSION_COUNT; i++)
		total->versions[i] += tally->versions[i];
	total->torn += tally->torn;
	total->lost += tally->lost;
	total->neither += tally->neither;
	total->orphans += tally->orphans;
}
