/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of a command line as a selection of tensors. What is wrong with a pattern the library says.
 */
#include "tools/name_choice.h"

#include <stdlib.h>
#include <string.h>

/* The '=' between both patterns, or NULL. */
static const char *find_separator(const char *text)
{
	for (; *text && *text != '='; text++) {
		if (*text == '\\' && text[1])
			text++;
	}
	return *text ? text : NULL;
}

/* "\=" of the command line is a plain '=' of a pattern. */
static char *copy_pattern(const char *text, size_t size)
{
	char *copy = malloc(size + 1);
	size_t used = 0;

	for (size_t i = 0; copy && i < size; i++) {
		if (text[i] == '\\' && i + 1 < size) {
			if (text[i + 1] != '=')
				copy[used++] = text[i];
			i++;
		}
		copy[used++] = text[i];
	}
	if (copy)
		copy[used] = '\0';
	return copy;
}

int name_choice_begin(struct name_choice *choice, const char *command,
		      const struct cli_list *matches, const struct cli_list *renames)
{
	choice->selection.size = sizeof(choice->selection);
	choice->selection.renames = choice->renames;
	if (matches) {
		choice->selection.matches = matches->values;
		choice->selection.match_count = (uint32_t)matches->count;
	}
	for (size_t i = 0; i < renames->count; i++) {
		const char *text = renames->values[i];
		const char *separator = find_separator(text);
		struct cairn_rename *rename = &choice->renames[i];
		if (!separator)
			return cli_usage_error(command, "%s: --rename '%s': expected FROM=TO",
					       command, text);
		rename->from = copy_pattern(text, (size_t)(separator - text));
		rename->to = copy_pattern(separator + 1, strlen(separator + 1));
		choice->selection.rename_count++;
		if (!rename->from || !rename->to)
			return cli_error(CLI_UNKNOWN, "out of memory");
	}
	return CLI_GO_ON;
}

void name_choice_end(struct name_choice *choice)
{
	for (size_t i = 0; i < CLI_LIST_MAX; i++) {
		free((char *)(uintptr_t)choice->renames[i].from);
		free((char *)(uintptr_t)choice->renames[i].to);
	}
}
