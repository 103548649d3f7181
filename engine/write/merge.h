/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging the indexes of several checkpoints into one, without touching their data.
 *
 * A k-way merge of sorted indexes, in two passes: the first finds out what is there and checks it
 * (merge_plan.c), the second writes the new index (merge_write.c). Memory: a few bytes for each
 * record, besides the buffers of the image.
 */
#ifndef CAIRN_ENGINE_MERGE_H
#define CAIRN_ENGINE_MERGE_H

#include "engine/read/reader.h"
#include "engine/write/draft.h"
#include "format/arena.h"
#include "format/box.h"

/* A shard of the merged checkpoint. */
struct merge_shard {
	const struct cairn_reader *reader; /* where it comes from: file `file` of that reader */
	uint32_t file;
	uint64_t size;
	struct cairn_digest content_id;
	bool is_used;                /* some tensor lies in it */
	char name[SYSTEM_NAME_SIZE]; /* in the merged checkpoint; set by the caller of merge_write
				      */
};

/* One of the checkpoints that are merged. */
struct merge_source {
	const struct cairn_reader *reader; /* borrowed */
	uint16_t *shard_map; /* number of its shard -> number of the merged checkpoint's; in the
				arena */
	uint32_t *outputs;   /* number of its tensor record -> of the merged record; in the arena */
	/* the next tensor of the pass */
	uint64_t next;
	struct tensor_record record;
	struct cairn_string name;
	struct cairn_string previous; /* name before it */
	/* that the tensors planned so far refer to: no more than there are */
	uint64_t extents;
	uint64_t chunks;
};

/* A metadata entry of the merged checkpoint, in memory. */
struct merge_value {
	struct cairn_tensor value; /* of the source that had it first */
	uint32_t source;
	const uint8_t *bytes; /* in the arena */
	uint64_t size;
	uint64_t offset;        /* in the file */
	const uint8_t *digests; /* of its chunks; in the arena */
};

/* What the sections hold. */
struct merge_amounts {
	uint64_t tensors;
	uint64_t name_bytes;
	uint64_t dims;
	uint64_t slices;
	uint64_t extents;
	uint64_t chunks;
};

/* One slice of a tensor that is being merged. */
struct merge_slice {
	uint32_t source;
	struct slice_record record;
	const uint64_t *ranges; /* 2 * rank values, borrowed from the source; NULL: whole */
	struct box box;         /* when there are ranges */
	struct cairn_digest digest;
	bool dropped; /* another one holds the same */
};

/* The tensor that is being merged: the current records of the sources that have its name. */
struct merge_group {
	uint32_t *members; /* sources, ascending; in the merge's arena, room for all */
	uint32_t count;
	struct arena scratch;       /* emptied for each group */
	struct merge_slice only;    /* the usual case: one source, one slice */
	struct merge_slice *slices; /* those that stay; in scratch, or `only` */
	uint32_t slice_count;
	const uint64_t *dims; /* of the first member */
	bool is_alias;        /* the first member is an alias, and stays one */
	bool incomplete;
	struct cairn_digest digest;
	uint8_t digest_kind;
};

struct merge {
	struct system *system;
	struct arena arena;
	struct merge_source *sources;
	uint32_t source_count;
	bool allow_incomplete;

	struct merge_shard *shards; /* without shard 0 */
	uint32_t shard_count;

	uint32_t *order; /* the source of each record in merged order; MERGE_SAME_NAME set when it
			    continues the tensor before it */
	uint64_t order_count;
	uint64_t order_capacity;

	struct merge_value *values;
	uint64_t value_count;
	uint64_t data_end; /* of the values, which are the only data of the merged index's file */

	struct merge_group group;
	struct merge_amounts amounts; /* of tensors; values, shards and regions come on top */
	uint64_t tensor_count;
};
#define MERGE_SAME_NAME 0x80000000u

/* How sources are opened: their indexes are walked through once, and there may be hundreds. */
extern const struct cairn_reader_options merge_reader_options;

/* Begins a merge of readers, which are borrowed until merge_fini. NO_MEMORY. */
enum cairn_status merge_init(struct merge *merge, struct system *system,
			     const struct cairn_reader *const *readers, uint32_t count,
			     bool allow_incomplete, struct cairn_error *error);
void merge_fini(struct merge *merge);

/* Loads the next tensor of a source; *done at its end. CORRUPT when its names are not in order, and
 * what reading an index returns. */
enum cairn_status merge_advance(struct merge_source *source, bool *done, struct cairn_error *error);

/* Starts all sources from their first tensors again. */
void merge_rewind(struct merge *merge);

/*
 * What becomes of the group whose members are set: compares them, drops what is there twice, finds
 * overlap and gaps (merge_group.c). Errors as in merge_plan.
 */
enum cairn_status merge_resolve_group(struct merge *merge, struct cairn_error *error);

/*
 * The first pass. EXISTS (a tensor or an equal slice in two sources with different bytes), MISMATCH
 * (type or shape differ, slices overlap, metadata values differ), PRECONDITION (slices are
 * missing), LIMIT, NO_MEMORY, and what reading an index returns. Fills merge->shards, in the order
 * of the sources.
 */
enum cairn_status merge_plan(struct merge *merge, struct cairn_error *error);

/* What the index container says about itself. */
struct merge_identity {
	uint8_t save_id[16];
	struct cairn_digest parent_id;
	uint64_t generation;
	uint64_t alignment;
};

/* The second pass: writes a complete index container to a draft. Shards have their names. IO,
 * NO_MEMORY, LIMIT. */
enum cairn_status merge_write(struct merge *merge, const struct merge_identity *identity,
			      const struct draft *draft, struct cairn_digest *content_id,
			      struct cairn_error *error);

#endif
