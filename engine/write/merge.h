/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging the indexes of several checkpoints into one, without touching their data.
 *
 * A k-way merge of sorted indexes, in two passes: the first finds out what is there and checks it
 * (merge_plan.c), the second writes the new index (merge_tensors.c, merge_write.c). Where all
 * tensors are plain (index_plain.h) and have different names one pass does (merge_quick.c); that
 * this is so is supposed first, and seen on the way.
 *
 * The merged order of names is cut into parts of about the same size (merge_split.c), each with its
 * own tensors of every source and its own share of every section: they are merged side by side.
 * Plain tensors of one source are counted and copied as they lie; all others are decoded, compared
 * and encoded (merge_group.c). Memory: a few bytes for each record, besides what is read ahead and
 * the buffers of the image.
 *
 * Indexes may be mapped, and may change under our hands: every value is checked each time that it
 * is taken out of one. Then the result is wrong, or BUSY; no access is.
 */
#ifndef CAIRN_ENGINE_MERGE_H
#define CAIRN_ENGINE_MERGE_H

#include "engine/read/reader.h"
#include "engine/system/parallel.h"
#include "engine/write/draft.h"
#include "engine/write/merge_tree.h"
#include "format/arena.h"
#include "format/box.h"
#include "format/index_plain.h"

/* A shard of the merged checkpoint. */
struct merge_shard {
	const struct cairn_reader *reader; /* where it comes from: file `file` of that reader */
	uint32_t file;
	uint64_t size;
	struct cairn_digest content_id;
	char name[SYSTEM_NAME_SIZE]; /* in the merged checkpoint; set by the caller of merge_write
				      */
};

/* One of the checkpoints that are merged. */
struct merge_source {
	struct cairn_reader *reader; /* borrowed */
	struct index index;          /* the reader's, verified */
	uint16_t *shard_map; /* number of its shard -> number of the merged checkpoint's; in the
				arena */
};

/* A tensor of a source that was read ahead. */
struct merge_entry {
	struct plain_tensor tensor; /* copied to the stage; only its names, if it is not plain */
	uint32_t common;            /* bytes in common with the name before it in its source */
	uint16_t shard;             /* of the merge: where all its bytes lie; 0: it has none */
	bool is_plain;
	bool is_bad; /* its name is not in order, or cannot be read: nothing is read behind it */
};

/* What is looked at when tensors are read ahead. */
#define MERGE_READ_NAMES 1u /* the order of names */
#define MERGE_READ_REST  2u /* dims and digests: they are copied too */

/* A part's tensors of a source. */
struct merge_cursor {
	const struct merge_source *source;
	uint64_t end;                /* of the numbers of its records */
	uint64_t next;               /* of the record behind those that were read ahead */
	struct merge_entry *entries; /* in the arena */
	uint32_t room;               /* for so many */
	uint32_t count;
	uint32_t at;              /* the current one */
	uint32_t stage_size;      /* at least MERGE_STAGE_MIN */
	uint8_t *stage;           /* in the arena */
	uint32_t reads;           /* MERGE_READ_* */
	struct cairn_string last; /* the name that was read last, in the image */
	/* that the tensors planned so far refer to: no more than there are */
	uint64_t extents;
	uint64_t chunks;
	/* of the tensor that is being merged, when it was loaded */
	struct tensor_record record;
	struct cairn_string name;
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

/* What the sections hold, or where in them something begins. */
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

/* Neighbours in the merged order, which one thread merges. */
struct merge_part {
	struct merge *merge;
	const uint64_t *begins; /* by source: its first record here, and where it ends */
	const uint64_t *ends;
	struct merge_cursor *cursors; /* by source */
	struct merge_tree tree;
	struct merge_group group;
	uint32_t *order; /* in the arena; the source of each record in merged order, and flags */
	uint64_t order_count;
	bool *uses_shard; /* by shard of the merge */
	bool has_aliases;
	struct merge_amounts before;  /* of all parts before it */
	struct merge_amounts amounts; /* its own */
	enum cairn_status status;
	struct cairn_error error;
};

/* What a tensor takes in a stage at most, dims and digests included. */
#define MERGE_REST_SIZE 256u
#define MERGE_STAGE_MIN (PLAIN_SIZE_MAX + MERGE_REST_SIZE)

#define MERGE_ARENA_MAX ((size_t)1 << 40)

/* Flags of the order. */
#define MERGE_SAME_NAME   0x80000000u /* it continues the tensor before it */
#define MERGE_IS_ALIAS    0x40000000u /* the tensor is an alias; of its first record */
#define MERGE_SOURCE_MASK 0x3fffffffu

struct merge {
	struct system *system;
	struct arena arena;
	struct merge_source *sources;
	uint32_t source_count;
	bool allow_incomplete;

	struct merge_shard *shards; /* without shard 0 */
	uint32_t shard_count;

	struct merge_part *parts;
	uint32_t part_count;
	uint64_t *bounds; /* part after part, by source: see merge_part */

	struct system_thread releaser; /* see merge_release */
	bool is_releasing;

	bool is_quick;             /* planned by merge_plan_quick */
	_Atomic bool is_surprised; /* and wrongly */

	uint32_t *holders; /* by merged record: the one that holds its bytes, itself unless it is an
			      alias; NULL: there are no aliases */

	struct merge_value *values;
	uint64_t value_count;
	uint64_t data_end; /* of the values, which are the only data of the merged index's file */

	struct merge_amounts amounts; /* of tensors; values, shards and regions come on top */
};

/* How sources are opened: their indexes are walked through once, and there may be hundreds. */
extern const struct cairn_reader_options merge_reader_options;

/* Begins a merge of readers, which are borrowed until merge_fini. NO_MEMORY. */
enum cairn_status merge_init(struct merge *merge, struct system *system,
			     struct cairn_reader *const *readers, uint32_t count,
			     bool allow_incomplete, struct cairn_error *error);
void merge_fini(struct merge *merge);

/* The shards of all sources, in their order; CORRUPT when one is not the one that its index means,
 * LIMIT, NO_MEMORY. */
enum cairn_status merge_find_shards(struct merge *merge, struct cairn_error *error);

/* Leaves out those in which nothing lies that stayed (replicas of what lies elsewhere). NO_MEMORY.
 */
enum cairn_status merge_drop_shards(struct merge *merge, struct cairn_error *error);
bool merge_uses_all_shards(const struct merge *merge);

/*
 * Verifies the sources' indexes and cuts the merged order of names into merge->part_count parts, or
 * as many as are worth a thread if that is 0. They are one when the sources' names cannot be
 * compared: the plan finds out why. NO_MEMORY, and what reading an index returns.
 */
enum cairn_status merge_split(struct merge *merge, struct cairn_error *error);

/* Supposes that all tensors are plain, and no two have the same name; false when that cannot be. */
bool merge_plan_quick(struct merge *merge);

/* The first pass over all tensors, whatever they are. Errors as in merge_plan. */
enum cairn_status merge_plan_tensors(struct merge *merge, struct cairn_error *error);

/* Sets merge->holders, if there are aliases. CORRUPT, NO_MEMORY. */
enum cairn_status merge_find_holders(struct merge *merge, struct cairn_error *error);

void merge_add_amounts(struct merge_amounts *to, const struct merge_amounts *amounts);

/* ---- cursors (merge_cursor.c) */

/* Goes back to the first tensors of a part. */
void merge_rewind(struct merge_part *part, uint32_t reads);

/* The current tensor of a source; NULL at the end of the part. */
const struct merge_entry *merge_entry(struct merge_cursor *cursor);

/* Number of its record. */
static inline uint64_t merge_record_number(const struct merge_cursor *cursor)
{
	return cursor->next - (cursor->count - cursor->at);
}

/* Decodes a record into cursor->record and cursor->name. What reading an index returns. */
enum cairn_status merge_load(struct merge_cursor *cursor, uint64_t number,
			     struct cairn_error *error);

/* Why the current tensor is bad: CORRUPT, and what reading an index returns. */
enum cairn_status merge_refuse(struct merge_cursor *cursor, struct cairn_error *error);

/* ---- names in merged order (merge.c) */

/* Goes to the least name of a part, and steps over it to the next, which may be the same of another
 * source: part->tree.winner has it. CORRUPT, and what reading an index returns. */
enum cairn_status merge_first_name(struct merge_part *part, uint32_t reads,
				   struct cairn_error *error);
enum cairn_status merge_next_name(struct merge_part *part, struct cairn_error *error);
bool merge_is_at_end(const struct merge_part *part);

/* The name is the one that was stepped over, which had that size. */
bool merge_is_same_name(const struct merge_part *part, uint64_t size);

/* ---- parts and groups */

/* The merged number of a source's shard; 0: the index itself, or no number of a shard. */
static inline uint16_t merge_shard_number(const struct merge_source *source, uint16_t shard)
{
	return shard < source->reader->file_count ? source->shard_map[shard] : 0;
}

/* Runs a task for each part; the error is the first part's that has one. */
enum cairn_status merge_run_parts(struct merge *merge, parallel_task task, void *context,
				  struct cairn_error *error);

/* Loads the tensors of the group, which the members have just stepped over, and resolves it. */
enum cairn_status merge_load_group(struct merge_part *part, struct cairn_error *error);

/*
 * What becomes of the group whose members are set and loaded: compares them, drops what is there
 * twice, finds overlap and gaps (merge_group.c). Errors as in merge_plan.
 */
enum cairn_status merge_resolve_group(struct merge_part *part, struct cairn_error *error);

/* The metadata of all sources: one value of each key (merge_values.c). MISMATCH, NO_MEMORY, and
 * what reading a value returns. */
enum cairn_status merge_plan_values(struct merge *merge, struct cairn_error *error);

/*
 * Plans the merge: the quick way, which finds no conflicts of tensors, or all of it. EXISTS (a
 * tensor or an equal slice in two sources with different bytes), MISMATCH (type or shape differ,
 * slices overlap, metadata values differ), PRECONDITION (slices are missing), LIMIT, NO_MEMORY, and
 * what reading an index returns. Fills merge->shards, in the order of the sources.
 */
enum cairn_status merge_plan(struct merge *merge, struct cairn_error *error);

/* What the index container says about itself. */
struct merge_identity {
	uint8_t save_id[16];
	struct cairn_digest parent_id;
	uint64_t generation;
	uint64_t alignment;
};

/*
 * Writes a complete index container to a draft. Shards have their names. IO, NO_MEMORY, LIMIT,
 * BUSY.
 *
 * When the merge was quick and is not any more, it was planned wrong: merge_plan_tensors plans it
 * well, shards may be fewer then and need names again, and the index is written to another draft.
 */
enum cairn_status merge_write(struct merge *merge, const struct merge_identity *identity,
			      const struct draft *draft, struct cairn_digest *content_id,
			      struct cairn_error *error);

/*
 * The index is written: nobody looks into those of the sources any more. Unmapping hundreds of
 * megabytes takes milliseconds, which a thread of its own spends while the caller waits for the
 * disk. It ends before merge_fini returns.
 */
void merge_release(struct merge *merge);

#endif
