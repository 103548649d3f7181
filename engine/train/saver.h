/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a saver. See <cairn/saver.h>.
 *
 * saver.c checks what a saver is made of; saver_list.c keeps the list of checkpoints, saver_write.c
 * writes one, saver_save.c takes the steps of a save in their order, saver_restore.c restores.
 */
#ifndef CAIRN_ENGINE_SAVER_H
#define CAIRN_ENGINE_SAVER_H

#include <stdbool.h>

#include <cairn/save.h>
#include <cairn/saver.h>

#include "engine/system/system.h"
#include "format/arena.h"
#include "format/error.h"
#include "format/saver_def.h"

/* A variable, copied. All pointers of its own are in the saver's arena. */
struct saver_variable {
	struct cairn_string name;
	struct cairn_variable variable;
	const struct cairn_variable *given; /* for its identity alone */
	const char *device;
	uint32_t shard;
	uint64_t element_count; /* of the part, or the whole */
	uint64_t size;          /* bytes of these; 0 of strings */
};

struct saver_checkpoint {
	char *path; /* owned */
	double time;
};

/* From system_allocate; oldest first. */
struct saver_list {
	struct saver_checkpoint *items; /* owned */
	uint64_t count;
	uint64_t capacity;
};

struct cairn_saver {
	struct system *system;
	struct arena arena;
	struct cairn_saver_options options; /* with the defaults; texts in the arena */
	struct saver_def def;               /* what decides; strings in the arena */
	bool built;

	struct saver_variable **variables; /* by name; parts of one in the order given */
	uint64_t variable_count;
	uint32_t shard_count; /* at least 1 */

	struct saver_list kept;
	struct saver_list leaving;   /* of these one goes with each save */
	double next_checkpoint_time; /* older ones that leave are removed */
	char note[CAIRN_MESSAGE_SIZE + 64];

	struct cairn_string def_message; /* in the arena, once it was asked for */
};

enum cairn_status saver_create(struct system *system, const struct cairn_saver_variable *variables,
			       uint64_t count, const struct cairn_saver_options *options,
			       struct cairn_saver **saver, struct cairn_error *error);

enum cairn_status saver_from_object_based_checkpoint(struct system *system, const char *path,
						     const struct cairn_saver_variable *variables,
						     uint64_t count,
						     const struct cairn_saver_options *options,
						     struct cairn_saver **saver,
						     struct cairn_error *error);

/* Built, or INVALID_ARGUMENT. */
enum cairn_status saver_check_built(const struct cairn_saver *saver, struct cairn_error *error);

/* "w"; "w [2,0: 3,5]" of a part: for messages. */
struct quoted saver_variable_name(const struct saver_variable *variable);

/* Seconds since 1970. */
double saver_now(const struct cairn_saver *saver);

/* ------------------------------------------------------------------------------------- the list */

void saver_list_fini(struct system *system, struct saver_list *list);

/* Puts a checkpoint at the end of the list, and the oldest one where it leaves when the list is
 * full. NO_MEMORY: nothing changed. */
enum cairn_status saver_record(struct cairn_saver *saver, const char *path,
			       struct cairn_error *error);

/* One checkpoint that leaves: removed, unless it is kept for ever. That it cannot be removed is
 * only noted. */
void saver_remove_one(struct cairn_saver *saver, const char *meta_graph_suffix);

/* -------------------------------------------------------------------------------------- writing */

/* Writes and publishes all variables under a prefix whose folder is there. What the writers
 * return. */
enum cairn_status saver_write(const struct cairn_saver *saver, const char *prefix,
			      struct cairn_error *error);

#endif
