/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a plan.
 *
 * Entries (what somebody asked for) become wants (bytes of a stored slice that an entry needs),
 * which are sorted by file and offset; wants of the same bytes become one part; parts that are
 * neighbours become a step: bytes of a file that are brought in together. Everything up to here is
 * decided by one thread (plan_layout.c, plan_transport.c) and does not change any more. Then
 * threads take one step after the other (plan_run.c), verify and deliver (plan_deliver.c).
 *
 * What the index said is looked up again when a part is delivered: somebody may have changed it
 * since, and then the part is refused. Only sizes and offsets that the plan keeps itself are used
 * for arithmetic.
 */
#ifndef CAIRN_ENGINE_READ_PLAN_H
#define CAIRN_ENGINE_READ_PLAN_H

#include <stdatomic.h>

#include <cairn/plan.h>

#include "engine/read/gather.h"
#include "engine/read/reader.h"
#include "engine/system/sync.h"

/* Bytes that are brought in together, at most, unless a chunk is larger. */
#define PLAN_STEP_SIZE ((uint64_t)2 << 20)

/* Bytes between two parts that are read rather than asked around. */
#define PLAN_GAP_SIZE ((uint64_t)64 << 10)

#define PLAN_THREADS_MAX 64u

struct plan_entry {
	struct cairn_tensor tensor; /* reader NULL: not found */
	const uint64_t *starts;     /* in the arena; NULL: all of the tensor */
	const uint64_t *lengths;
	uint64_t size; /* bytes of it; of a part of strings unknown: 0 */
	uint64_t tag;
	uint8_t *buffer; /* the caller's */
	uint64_t buffer_size;
	enum cairn_plan_destination destination;
	struct cairn_view view; /* owned, unless it was taken */
	bool has_view;
	_Atomic uint64_t left;           /* pieces of work until it is done */
	_Atomic int state;               /* enum cairn_plan_state */
	const struct cairn_error *error; /* in the arena; guarded by the plan's mutex */
};

/* Bytes [begin, end) of a stored slice, for one entry. */
struct plan_want {
	uint64_t slice;
	uint64_t begin;
	uint64_t end;
	uint64_t to;    /* of a run: where it begins in the entry's bytes */
	uint64_t place; /* offset of the slice in its file */
	uint64_t size;  /* of the slice */
	uint64_t entry;
	uint64_t chunk; /* bytes of a chunk that has a digest; 0: none */
	uint16_t shard;
	bool is_run;   /* all of [begin, end) is wanted, and stays in one piece */
	bool is_alone; /* shared with nobody: it goes to a piece that a callback hands out */
	bool is_mapped;
};

/* Bytes [begin, end) of a stored slice, of all that want them. */
struct plan_part {
	uint64_t slice;
	uint64_t begin; /* between chunks, where there are any */
	uint64_t end;
	uint64_t first_want; /* of those that may overlap it */
	uint64_t want_count;
};

enum plan_step_kind {
	PLAN_PARTS, /* parts of raw slices, side by side in one file */
	PLAN_WHOLE, /* an entry that is decoded, or put together in its own way */
	PLAN_PIECE  /* bytes [begin, end) of such an entry */
};

struct plan_step {
	uint64_t offset; /* in the file */
	uint64_t size;
	uint64_t first_part;
	uint64_t part_count;
	uint64_t entry; /* of what is no PLAN_PARTS */
	uint64_t begin;
	uint64_t end;
	uint16_t shard;
	uint8_t kind;
	uint8_t transport; /* enum cairn_plan_transport */
	uint8_t residency; /* enum cairn_plan_residency */
	bool is_mapped;    /* all of its slices are */
	bool is_alone;
	bool is_skipped;
};

/* Facts about a plan that is laid out. */
struct plan_facts {
	uint64_t file_bytes;
	uint64_t by_residency[3]; /* enum cairn_plan_residency */
	uint64_t by_transport[4]; /* enum cairn_plan_transport */
	uint64_t skipped_bytes;
	uint64_t memory_available;
	uint64_t scratch_size; /* of a thread: what a step is read to */
	uint64_t chunk_size;   /* of a thread: room for the largest chunk */
	uint64_t piece_size;   /* of a thread: the largest that a callback hands out */
	uint64_t view_bytes;   /* materialised */
	uint32_t threads;
	uint64_t predicted_rate;
};

struct cairn_plan {
	struct system *system;
	struct cairn_reader *reader; /* a reference */
	struct cairn_plan_options options;
	struct arena arena; /* entries and all that belongs to them */
	struct mutex mutex; /* guards the arena, errors, and what follows up to `finished` */
	struct condition changed;
	uint64_t finished; /* pieces of work: steps, twice when verified first */
	struct mutex progress_mutex;

	struct plan_entry **entries; /* in the arena */
	uint64_t entry_count;
	uint64_t entry_capacity;

	_Atomic bool is_prepared;
	enum cairn_status prepare_status;
	struct cairn_error prepare_error;
	struct plan_want *wants; /* in the arena, sorted */
	uint64_t want_count;
	uint64_t want_capacity;
	struct plan_part *parts;
	uint64_t part_count;
	uint64_t part_capacity;
	struct plan_step *steps;
	uint64_t step_count;
	uint64_t step_capacity;
	struct plan_facts facts;

	_Atomic bool is_cancelled;
	_Atomic uint64_t next; /* piece of work */
	uint64_t work_count;
	_Atomic uint64_t done_bytes;
	uint64_t total_bytes;
	bool is_begun;    /* guarded by the mutex, as the next two */
	bool has_threads; /* all that could be started are */
	bool is_joined;
	uint64_t begun_ns;
	uint64_t ended_ns;
	struct system_thread threads[PLAN_THREADS_MAX];
	uint32_t thread_count; /* of its own, started */
};

/* One thread's memory and error. */
struct plan_worker {
	struct cairn_plan *plan;
	uint8_t *scratch; /* owned; NULL until it is needed */
	uint8_t *chunk;   /* owned; the same */
	struct stored_scratch copies;
	uint8_t *piece; /* what a callback handed out, for the want that is alone */
	uint64_t piece_begin;
	struct cairn_error error;
};

/* plan_entries.c */

/* The entry ends here, unless it has ended before. By any thread. */
void plan_fail(struct cairn_plan *plan, uint64_t entry, enum cairn_plan_state state,
	       const struct cairn_error *error);
enum cairn_plan_state plan_state_of(enum cairn_status status);
bool plan_is_pending(const struct cairn_plan *plan, uint64_t entry);
/* One piece of work of the entry is done; the last one completes it. */
void plan_advance(struct plan_worker *worker, uint64_t entry);
/* The bytes of an entry as a region. */
enum cairn_status plan_region(const struct plan_entry *entry, struct tensor_record *holder,
			      struct region *region, struct cairn_error *error);

/* plan_layout.c: wants, parts and steps. NO_MEMORY, LIMIT. */
enum cairn_status plan_lay_out(struct cairn_plan *plan, struct cairn_error *error);

/* plan_transport.c: what the plan may take, so how many threads, and how large a step. LIMIT. */
enum cairn_status plan_choose_memory(struct cairn_plan *plan, struct cairn_error *error);
/* How each step comes in, and what is left out. */
void plan_choose_transports(struct cairn_plan *plan);
/* Measures what memory, processor and storage do. */
void plan_predict(struct cairn_plan *plan);

/* plan_deliver.c: carries out one step; `verify_only`: delivers nothing. Every want of it is
 * advanced when that is not set. */
void plan_do_step(struct plan_worker *worker, const struct plan_step *step, bool verify_only);
void plan_worker_fini(struct plan_worker *worker);

#endif
