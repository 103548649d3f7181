/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of files in sharded checkpoints and in the temporary folders in which they are made.
 * Exactly these, since recovery goes by them.
 *
 *     index.cairn
 *     shard-00000-of-00004.cairn              a shard of a new checkpoint
 *     shard-00000-of-00004-0123abcd.cairn     a shard of one that overwrote another
 *     rank-00003-attempt-00001.cairn          what a rank finished, before the commit
 */
#ifndef CAIRN_ENGINE_SHARD_NAMES_H
#define CAIRN_ENGINE_SHARD_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/system/system.h"
#include "format/container.h" /* INDEX_NAME */

bool is_shard_name(const char *name);
bool is_rank_name(const char *name);

/* `suffix`: 8 hex digits from it, or none when NULL. */
void shard_file_name(uint32_t shard, uint32_t count, const uint32_t *suffix,
		     char name[SYSTEM_NAME_SIZE]);

void rank_name(uint32_t rank, uint32_t attempt, char name[SYSTEM_NAME_SIZE]);

/* False when it is no such name. */
bool parse_rank_name(const char *name, uint32_t *rank, uint32_t *attempt);

#endif
