/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of temporary names; one that is longer, or has capital digits, is none. */
#include "format/temporary_name.h"

#include <stdio.h>
#include <string.h>

enum {
	TEMPORARY_ID_DIGITS = 32
};

static bool has_grammar(const char *name, const char *prefix)
{
	const size_t size = strlen(prefix);

	return strncmp(name, prefix, size) == 0 && strlen(name) == size + TEMPORARY_ID_DIGITS &&
	       strspn(name + size, "0123456789abcdef") == TEMPORARY_ID_DIGITS;
}

bool is_draft_name(const char *name)
{
	return has_grammar(name, DRAFT_PREFIX);
}

bool is_trash_name(const char *name)
{
	return has_grammar(name, TRASH_PREFIX);
}

bool is_temporary_name(const char *name)
{
	return is_draft_name(name) || is_trash_name(name);
}

void temporary_name(const char *prefix, const uint8_t id[16], char name[TEMPORARY_NAME_SIZE])
{
	size_t used = strlen(prefix);

	memcpy(name, prefix, used + 1);
	for (size_t i = 0; i < 16; i++, used += 2)
		snprintf(name + used, TEMPORARY_NAME_SIZE - used, "%02x", id[i]);
}
