/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index as a description from which another can be built: of some of its tensors, under other
 * names, over the same stored bytes.
 */
#ifndef CAIRN_ENGINE_DESCRIBE_INDEX_H
#define CAIRN_ENGINE_DESCRIBE_INDEX_H

#include "format/arena.h"
#include "format/index.h"
#include "format/index_build.h"

/* Decides about a record: `*name` is its name, and may be replaced by one that lives as long as the
 * arena. `*keep` is true to begin with. */
typedef enum cairn_status (*describe_choose)(void *context, const struct tensor_record *record,
					     struct cairn_string *name, bool *keep,
					     struct cairn_error *error);

/*
 * Describes the tensors and metadata that are kept, and all shards; regions are the caller's.
 * Everything is in the arena, or in the image, which must stay. When the tensor that holds the
 * bytes of an alias is not kept, the first of its aliases takes its place. CORRUPT (records that
 * are not in canonical order), what the index and `choose` return, NO_MEMORY. The array of tensors
 * has room for `extra` more.
 */
enum cairn_status describe_index(const struct index *index, struct arena *arena, uint64_t extra,
				 describe_choose choose, void *context, struct build_input *input,
				 struct cairn_error *error);

#endif
