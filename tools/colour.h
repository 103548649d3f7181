/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Colours, for people at a terminal who did not ask for none.
 */
#ifndef CAIRN_TOOLS_COLOUR_H
#define CAIRN_TOOLS_COLOUR_H

#include <stdio.h>

enum colour {
	COLOUR_BAD,     /* damage, errors */
	COLOUR_WARNING, /* what is probably not meant */
	COLOUR_GOOD,
	COLOUR_HEADING,
	COLOUR_NONE /* ends another */
};

/* What switches the terminal behind `file`: "" when it is none, when it has no colours (TERM=dumb),
 * or when NO_COLOR is set and not empty. */
const char *colour(FILE *file, enum colour colour);

#endif
