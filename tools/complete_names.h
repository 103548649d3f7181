/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of tensors that begin with what was typed.
 */
#ifndef CAIRN_TOOLS_COMPLETE_NAMES_H
#define CAIRN_TOOLS_COMPLETE_NAMES_H

#include <cairn/reader.h>

/* More candidates than these are nothing to choose from. */
#define COMPLETE_NAMES_MAX 200

typedef void (*complete_candidate)(void *context, struct cairn_string name);

/*
 * Calls back with the names that begin with `prefix`, in byte order. Where there are more than
 * COMPLETE_NAMES_MAX they are cut behind the next '.' or '/', each beginning once; where even those
 * are more, the first and the last are among those that are given, so that what all candidates have
 * in common is right. Looks at a few names for each candidate, however many tensors there are;
 * stops where the index is damaged.
 */
void complete_names(const struct cairn_reader *reader, struct cairn_string prefix,
		    complete_candidate candidate, void *context);

#endif
