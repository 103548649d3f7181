/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the files of a sharded set, and what becomes of the files of the set that it replaces.
 *
 *     STEM.safetensors.index.json
 *     STEM-00001-of-00003.safetensors
 *     STEM-89abcdef-00001-of-00003.safetensors    when those names were taken
 */
#ifndef CAIRN_ENGINE_SAFETENSORS_NAMES_H
#define CAIRN_ENGINE_SAFETENSORS_NAMES_H

#include "engine/write/draft.h"
#include "format/arena.h"
#include "format/safetensors.h"

struct shard_names {
	char stem[SYSTEM_NAME_SIZE];
	uint32_t count;
	bool has_content; /* the eight digits are part of the names */
	uint32_t content;
};

/* From the name of the index. INVALID_ARGUMENT when it has no stem or a name would be too long. */
enum cairn_status shard_names_init(struct shard_names *names, const char *index_name,
				   uint32_t count, struct cairn_error *error);

/* The name of shard `number`, from 0. */
void shard_name(const struct shard_names *names, uint32_t number, char name[SYSTEM_NAME_SIZE]);

/* The first of the names that something in the folder has already; false: none is taken. */
bool shard_names_taken(const struct shard_names *names, const struct folder *folder,
		       char taken[SYSTEM_NAME_SIZE]);

/*
 * When the plain names are taken: names that depend on the content, and only if those are taken too
 * on a count besides. EXISTS when no free ones are found.
 */
enum cairn_status shard_names_choose(struct shard_names *names, const struct folder *folder,
				     const struct cairn_digest *content, struct cairn_error *error);

/* The shards that an index names which is about to be replaced; none when it cannot be read. In the
 * arena. */
struct old_shards {
	const struct cairn_string *names;
	uint32_t count;
};

void old_shards_read(struct old_shards *old, const struct folder *folder, const char *index_name,
		     struct arena *arena);

/*
 * Removes them, as far as possible, but for those that `names` names. The old index is untrusted:
 * only names that a set of this stem can have are removed.
 */
void old_shards_remove(const struct old_shards *old, const struct folder *folder,
		       const struct shard_names *names);

#endif
