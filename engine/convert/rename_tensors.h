/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing tensors by patterns, and giving them other names.
 */
#ifndef CAIRN_ENGINE_RENAME_TENSORS_H
#define CAIRN_ENGINE_RENAME_TENSORS_H

#include <stdbool.h>

#include <cairn/convert.h>

#include "format/arena.h"
#include "format/index_build.h"
#include "format/record.h"

struct renaming {
	const struct cairn_selection *selection; /* borrowed; checked */
	struct arena *arena;                     /* borrowed: of the names */
	bool *used;                              /* in the arena: patterns that matched */
	struct cairn_string *old_names; /* in the arena: of what was kept, both namespaces */
	uint64_t old_capacity;
	uint64_t old_count;
};

/* Checks the patterns. INVALID_ARGUMENT, NO_MEMORY. */
enum cairn_status renaming_begin(struct renaming *renaming, const struct cairn_selection *selection,
				 struct arena *arena, struct cairn_error *error);

/* A describe_choose with a struct renaming. LIMIT, INVALID_ARGUMENT (a name that is no UTF-8),
 * NO_MEMORY. */
enum cairn_status renaming_choose(void *context, const struct tensor_record *record,
				  struct cairn_string *name, bool *keep, struct cairn_error *error);

/* All was chosen: NOT_FOUND when a pattern matched nothing; EXISTS when names meet, with a list.
 * NO_MEMORY. */
enum cairn_status renaming_end(const struct renaming *renaming, const struct build_input *input,
			       struct cairn_error *error);

#endif
