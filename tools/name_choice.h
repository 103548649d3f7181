/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --match and --rename: which tensors, and what they will be called.
 */
#ifndef CAIRN_TOOLS_NAME_CHOICE_H
#define CAIRN_TOOLS_NAME_CHOICE_H

#include "tools/cli.h"

/* Begins as zeros; end it in any case. */
struct name_choice {
	struct cairn_selection selection;
	struct cairn_rename renames[CLI_LIST_MAX]; /* both texts owned */
};

/* Takes "FROM=TO" apart, at the first '=' without a backslash before it. `matches` may be NULL.
 * CLI_GO_ON, or the exit status after printing the error. */
int name_choice_begin(struct name_choice *choice, const char *command,
		      const struct cli_list *matches, const struct cli_list *renames);
void name_choice_end(struct name_choice *choice);

#endif
