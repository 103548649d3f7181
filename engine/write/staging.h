/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging memory: a writer's values, copied so that the program can go on while they are written.
 *
 * The values at the end are staged, as many as fit. Those before them are written first: they stay
 * where they are, and each byte that is taken is counted, so that somebody can wait for the last of
 * them. The bytes of the checkpoint do not depend on what is staged.
 */
#ifndef CAIRN_ENGINE_STAGING_H
#define CAIRN_ENGINE_STAGING_H

#include "engine/system/sync.h"
#include "engine/write/writer.h"

struct staging {
	struct system *system;
	uint64_t size_max; /* 0: no limit */
	uint8_t *memory;   /* owned; kept from one save to the next */
	uint64_t capacity;
	struct mutex mutex;
	struct condition changed;
	/* guarded by the mutex */
	uint64_t left; /* bytes that must still be taken from the program */
	bool ended;    /* the writer is done, well or not */
};

void staging_init(struct staging *staging, struct system *system, uint64_t size_max);
void staging_fini(struct staging *staging);

/*
 * Lets the items of a writer read from staging memory, or be counted. The records of that are the
 * writer's. What a callback returned, NO_MEMORY.
 */
enum cairn_status staging_fill(struct staging *staging, struct cairn_writer *writer,
			       struct cairn_error *error);

/* Waits until nothing is needed of the program any more. */
void staging_wait(struct staging *staging);

/* The writer is done: nobody waits any longer. */
void staging_end(struct staging *staging);
bool staging_has_ended(struct staging *staging);

/* Where the bytes of one item are; the source of a SOURCE_STAGED item. */
struct staged {
	struct staging *staging;
	const uint8_t *memory;    /* of the program; or NULL: a callback */
	cairn_produce produce;    /* the program's */
	void *context;            /* of produce */
	const uint8_t *tail;      /* bytes from tail_start on, staged */
	uint64_t tail_start;      /* the item's size: nothing is staged */
	struct cairn_string name; /* for messages */
};

/* Bytes of a SOURCE_STAGED item. */
void staged_copy(const struct staged *staged, uint64_t offset, uint64_t size, uint8_t *bytes);

#endif
