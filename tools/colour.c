/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Colours: the eight that every terminal has, so that themes decide what they look like. What a
 * colour says is always said in words as well.
 */
#include "tools/colour.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool wants_colours(FILE *file)
{
	const char *refused = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if ((refused && *refused) || !terminal || !*terminal || strcmp(terminal, "dumb") == 0)
		return false;
	return isatty(fileno(file)) != 0;
}

const char *colour(FILE *file, enum colour colour)
{
	static const char *const sequences[] = {
		[COLOUR_BAD] = "\033[31m",  [COLOUR_WARNING] = "\033[33m",
		[COLOUR_GOOD] = "\033[32m", [COLOUR_HEADING] = "\033[1m",
		[COLOUR_NONE] = "\033[0m",
	};

	return wants_colours(file) ? sequences[colour] : "";
}
