/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell patterns over names: `*` any characters, `?` one, `[a-z]` and `[!a-z]` one of a set, `\`
 * takes the next character for itself. A `/` is a character like any other. What the stars matched
 * can be put into another name.
 */
#ifndef CAIRN_FORMAT_GLOB_H
#define CAIRN_FORMAT_GLOB_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>

/* Stars in a pattern. */
#define GLOB_STARS_MAX 32u

/* What each star matched: as few characters as possible, from left to right. Parts of the text. */
struct glob_parts {
	struct cairn_string parts[GLOB_STARS_MAX];
	uint32_t count;
};

/* NULL, or what is wrong with a pattern ("a set without ']'"). Static. */
const char *glob_problem(struct cairn_string pattern);

/* The whole text matches the pattern, which is right. `parts` may be NULL. */
bool glob_match(struct cairn_string pattern, struct cairn_string text, struct glob_parts *parts);

/* NULL, or what is wrong with a replacement for a pattern of so many stars. Static. */
const char *glob_replacement_problem(struct cairn_string replacement, uint32_t stars);
uint32_t glob_stars(struct cairn_string pattern);

/*
 * The replacement, which is right, with its stars replaced by parts: `*` is the next part, `{3}`
 * the third. Writes at most `room` bytes of it into `out`, and returns all that it has.
 */
size_t glob_replace(struct cairn_string replacement, const struct glob_parts *parts, char *out,
		    size_t room);

#endif
