/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans: many tensors and slices, declared at once and brought in together.
 *
 *     struct cairn_plan_entry entries[] = {
 *             {.name = cairn_string_from("wte.weight"), .destination = CAIRN_PLAN_VIEW},
 *             {.name = cairn_string_from("h.0.bias"), .destination = CAIRN_PLAN_BUFFER,
 *              .buffer = bias, .buffer_size = sizeof(bias)},
 *     };
 *
 *     if (cairn_plan_create(reader, NULL, &plan, &error) != CAIRN_OK) ...
 *     if (cairn_plan_add(plan, entries, 2, &error) != CAIRN_OK) ...
 *     if (cairn_plan_run(plan, &error) != CAIRN_OK) ...       each entry has a result of its own
 *     cairn_plan_result(plan, 0, &result, &error);
 *     cairn_plan_take_view(plan, 0, &view, &error);
 *     cairn_plan_destroy(plan);
 *
 * What is asked for is sorted by file and offset, neighbours are brought in together, and bytes
 * that several entries want (ranks of one model, tied weights) are read once. Threads share the
 * work.
 *
 * All names, types, shapes and sizes are checked when an entry is added, before any byte of any
 * destination is written; an entry that does not fit has a result that says so, and the others go
 * on. What is delivered to a buffer is hashed there, while it is in the processor's cache. A buffer
 * whose entry ends as CORRUPT, TRUNCATED, FAILED or CANCELLED has unspecified content, unless the
 * plan was made with CAIRN_PLAN_VERIFY_FIRST: then it is as it was when the entry is corrupt.
 *
 * How bytes come in is chosen by what the kernel says about each piece: what is in memory is used
 * where it is mapped, what is not, is brought in there when it stays there, and all else is read in
 * large pieces. What the kernel does not tell is reported
 * as unknown, and read. A prefetch keeps within the memory that this process may use (its control
 * groups, the host): what does not fit is SKIPPED.
 *
 * Threads: a plan belongs to one thread until cairn_plan_run or cairn_plan_start; afterwards run,
 * poll and cancel may be called from any thread. Results are final when run has returned. A plan
 * that is running does not survive fork().
 */
#ifndef CAIRN_PLAN_H
#define CAIRN_PLAN_H

#include <cairn/base.h>
#include <cairn/dtype.h>
#include <cairn/error.h>
#include <cairn/reader.h>
#include <cairn/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque. */
struct cairn_plan;

/* -------------------------------------------------------------------------------------- options */

enum cairn_plan_flags {
	/* everything is verified before the first byte of a buffer is written: reads twice what
	 * cannot be mapped */
	CAIRN_PLAN_VERIFY_FIRST = 1u << 0,
	/* predict how fast it will be: reads up to 8 MiB of what is not in memory when the plan is
	 * prepared */
	CAIRN_PLAN_PREDICT = 1u << 1
};

/*
 * A part of a tensor's row-major bytes on its way to a buffer that the caller's callback hands out.
 */
struct cairn_plan_piece {
	uint64_t entry;  /* its number */
	uint64_t tag;    /* of the entry */
	uint64_t offset; /* first byte, of those of the entry */
	uint64_t size;   /* bytes */
	void *buffer;    /* what acquire gave; NULL in acquire */
	/* in release: OK, or why the piece's content is unspecified */
	enum cairn_status status;
	uint64_t reserved[4];
};

/* Hands out room for a piece. Not 0, or a NULL buffer: cancel. */
typedef int (*cairn_plan_acquire)(void *context, const struct cairn_plan_piece *piece,
				  void **buffer);
/* Takes a piece back, filled and verified when its status is OK. Not 0: cancel. */
typedef int (*cairn_plan_release)(void *context, const struct cairn_plan_piece *piece);

/* Zero is the default everywhere; NULL stands for all defaults. */
struct cairn_plan_options {
	size_t size;    /* sizeof(struct cairn_plan_options); 0 means version 1 of this struct */
	uint32_t flags; /* enum cairn_plan_flags */
	/* Threads that work, with the one that calls cairn_plan_run. 0: one for each processor,
	 * two when most has to be read, at most 16. 1: only the callers' own; several of them may
	 * run one plan together. At most 64. */
	uint32_t thread_count;
	/* Bytes of private memory that the plan takes at one time: what it reads through, views
	 * that have to be materialised, and pieces that are handed out. 0: no limit of the plan's
	 * own. */
	uint64_t memory_max;
	/* Largest piece of CAIRN_PLAN_CALLBACK; 0: 4 MiB. At least 4 KiB. */
	uint64_t piece_size_max;
	/* From whichever thread finished something, one at a time: bytes done and in all. */
	cairn_progress progress;
	void *progress_context;
	/* For CAIRN_PLAN_CALLBACK, from any thread of the plan, several at a time: every piece that
	 * was acquired is released, by the same thread and before it acquires another one. */
	cairn_plan_acquire acquire;
	cairn_plan_release release;
	void *callback_context;
	uint64_t reserved[8]; /* zero */
};

/* -------------------------------------------------------------------------------------- entries */

enum cairn_plan_destination {
	/* none: pages are brought in and verified, so that a view of it costs nothing */
	CAIRN_PLAN_PREFETCH = 0,
	/* a view, to be taken with cairn_plan_take_view */
	CAIRN_PLAN_VIEW = 1,
	/* memory of the caller */
	CAIRN_PLAN_BUFFER = 2,
	/* pieces that acquire hands out, in no particular order */
	CAIRN_PLAN_CALLBACK = 3
};

enum cairn_plan_entry_flags {
	CAIRN_PLAN_EXPECT_DTYPE = 1u << 0, /* `dtype` must be the tensor's */
	CAIRN_PLAN_EXPECT_SHAPE = 1u << 1  /* `rank` and `dims` must be the tensor's */
};

/* Zero what you do not use. Everything is copied but for the buffer. */
struct cairn_plan_entry {
	size_t size; /* sizeof(struct cairn_plan_entry); 0 means version 1 of this struct */
	struct cairn_string name;
	uint32_t flags; /* enum cairn_plan_entry_flags */
	enum cairn_dtype dtype;
	uint32_t rank;        /* entries of dims, and of starts and lengths */
	const uint64_t *dims; /* of the whole tensor */
	/* a slice, as in cairn_tensor_view_slice; both NULL: all of the tensor */
	const uint64_t *starts;
	const uint64_t *lengths;
	enum cairn_plan_destination destination;
	void *buffer;         /* borrowed until the plan is destroyed; overlaps no other one */
	uint64_t buffer_size; /* exactly the bytes of the slice */
	uint64_t tag;         /* yours: a rank, an index */
	uint64_t reserved[8]; /* zero */
};

/* ------------------------------------------------------------------------------- the life of it */

/* A plan for one reader, to which it holds a reference. INVALID_ARGUMENT, NO_MEMORY. */
CAIRN_API CAIRN_MUST_USE enum cairn_status
cairn_plan_create(struct cairn_reader *reader, const struct cairn_plan_options *options,
		  struct cairn_plan **plan, struct cairn_error *error);

/*
 * Adds entries, numbered from 0 in the order in which they come. Returns OK also when some of them
 * cannot be carried out: their results say why. `entries` have the same struct size.
 * INVALID_ARGUMENT (a destination without what it needs), LIMIT (2^32 entries), PRECONDITION
 * (prepared already), NO_MEMORY: none is added.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_plan_add(struct cairn_plan *plan,
							  const struct cairn_plan_entry *entries,
							  uint64_t count,
							  struct cairn_error *error);

/*
 * Lays everything out: what is read in which order, and how. Reads no data, but for
 * CAIRN_PLAN_PREDICT; run and start do it when it was not done. LIMIT: memory_max is less than one
 * thread needs. NO_MEMORY.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_plan_prepare(struct cairn_plan *plan,
							      struct cairn_error *error);

/*
 * Carries it out, with the calling thread's help, and returns when all is done. OK: each entry is
 * OK or SKIPPED. Else the status and the message of the first entry that is neither, CANCELLED
 * before all others; what cairn_plan_prepare returns. Called again it gives the same answer.
 */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_plan_run(struct cairn_plan *plan,
							  struct cairn_error *error);

/* Begins to carry it out with threads of its own, and returns. Call cairn_plan_run for the result.
 * IO, NO_MEMORY: no thread could be started, and cairn_plan_run will do all of it. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_plan_start(struct cairn_plan *plan,
							    struct cairn_error *error);

struct cairn_plan_progress {
	size_t size;          /* set by the caller: sizeof(struct cairn_plan_progress) */
	uint64_t done;        /* bytes */
	uint64_t total;       /* bytes; 0 before it is prepared */
	uint32_t is_prepared; /* total is known */
	uint32_t is_finished; /* cairn_plan_run would return at once */
	uint64_t reserved[4];
};

/* How far it is; never waits. */
CAIRN_API void cairn_plan_poll(const struct cairn_plan *plan, struct cairn_plan_progress *progress);

/* Asks to stop: what is under way is finished, nothing else is begun. From any thread, also from a
 * callback or a signal handler. */
CAIRN_API void cairn_plan_cancel(struct cairn_plan *plan);

/* Cancels, waits for threads of its own, releases views that were not taken. NULL is allowed. */
CAIRN_API void cairn_plan_destroy(struct cairn_plan *plan);

/* -------------------------------------------------------------------------------------- results */

/* Numbered for ever; new ones are appended. */
enum cairn_plan_state {
	CAIRN_PLAN_PENDING = 0, /* accepted; not carried out yet */
	CAIRN_PLAN_OK = 1,
	CAIRN_PLAN_MISSING = 2, /* no such tensor, or a part of it is stored nowhere */
	CAIRN_PLAN_SHAPE_MISMATCH =
		3, /* also a slice outside the shape, a buffer of another size */
	CAIRN_PLAN_DTYPE_MISMATCH = 4,
	CAIRN_PLAN_CORRUPT = 5, /* data, or what the index says about them */
	CAIRN_PLAN_TRUNCATED = 6,
	CAIRN_PLAN_FAILED = 7, /* IO, NO_MEMORY, LIMIT, UNSUPPORTED: see `status` */
	CAIRN_PLAN_CANCELLED = 8,
	CAIRN_PLAN_SKIPPED = 9 /* a prefetch that memory has no room for; nothing is wrong */
};

struct cairn_plan_result {
	size_t size; /* set by the caller: sizeof(struct cairn_plan_result) */
	enum cairn_plan_state state;
	enum cairn_status status;        /* OK, or what the state stands for */
	const struct cairn_error *error; /* NULL, or the message; borrowed until destroy */
	uint64_t tag;
	uint64_t bytes;             /* of the tensor or slice; 0 where that is not known */
	struct cairn_tensor tensor; /* `reader` is NULL when it was not found */
	uint64_t reserved[8];
};

CAIRN_API uint64_t cairn_plan_entry_count(const struct cairn_plan *plan);

/* INVALID_ARGUMENT when there is no such entry. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_plan_result(const struct cairn_plan *plan,
							     uint64_t entry,
							     struct cairn_plan_result *result,
							     struct cairn_error *error);

/* Hands over the view of an entry that is OK; release it with cairn_view_release. PRECONDITION when
 * there is none, or no more. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_plan_take_view(struct cairn_plan *plan,
								uint64_t entry,
								struct cairn_view *view,
								struct cairn_error *error);

/* --------------------------------------------------------------------------------- how, and why */

enum cairn_plan_transport {
	CAIRN_PLAN_MAPPED = 1, /* used where it is mapped, and brought in there */
	CAIRN_PLAN_READ = 2,   /* read in large pieces */
	CAIRN_PLAN_DECODE = 3  /* read and put into another form */
};

enum cairn_plan_residency {
	CAIRN_PLAN_UNKNOWN = 0, /* the kernel does not tell */
	CAIRN_PLAN_RESIDENT = 1,
	CAIRN_PLAN_ABSENT = 2 /* at least in part */
};

/* One thing that is done: bytes of a file that are brought in together. */
struct cairn_plan_step {
	struct cairn_string file; /* base name, borrowed from the reader; empty: no file */
	uint64_t offset;          /* in the file */
	uint64_t size;            /* bytes of the file */
	uint64_t entries;         /* that it serves */
	enum cairn_plan_transport transport;
	enum cairn_plan_residency residency;
	const char *reason; /* for the transport; static */
	uint64_t reserved[4];
};

/* Steps of a plan that is prepared, in the order in which they are begun. */
CAIRN_API uint64_t cairn_plan_step_count(const struct cairn_plan *plan);

/* INVALID_ARGUMENT when there is no such step. */
CAIRN_API CAIRN_MUST_USE enum cairn_status cairn_plan_step(const struct cairn_plan *plan,
							   uint64_t number,
							   struct cairn_plan_step *step,
							   struct cairn_error *error);

#define CAIRN_PLAN_NOT_LIMITED UINT64_MAX

struct cairn_plan_report {
	size_t size; /* set by the caller: sizeof(struct cairn_plan_report) */
	uint64_t entries;
	uint64_t entries_failed; /* neither OK, PENDING nor SKIPPED */
	uint64_t steps;
	uint64_t bytes;          /* that entries ask for */
	uint64_t file_bytes;     /* that are brought in for that, each once */
	uint64_t resident_bytes; /* of these, by what the kernel said */
	uint64_t absent_bytes;
	uint64_t unknown_bytes;
	uint64_t mapped_bytes; /* of these, by transport */
	uint64_t read_bytes;
	uint64_t decoded_bytes;
	uint64_t skipped_bytes; /* of prefetches that memory has no room for */
	/* bytes that this process may still bring into memory; CAIRN_PLAN_NOT_LIMITED: unknown, or
	 * not asked, since there is nothing to prefetch that is not there */
	uint64_t memory_available;
	uint64_t private_bytes; /* that the plan takes at most */
	uint32_t threads;
	uint32_t verified; /* data have digests or checks, and they are looked at */
	/* file bytes per second: what was expected (0: not asked for, or there is something to
	 * decode), and what was achieved (0: not run) */
	uint64_t predicted_rate;
	uint64_t achieved_rate;
	uint64_t elapsed_ns;
	uint64_t reserved[8];
};

/* Fills *report; of a plan that was not prepared only the entries. */
CAIRN_API void cairn_plan_report(const struct cairn_plan *plan, struct cairn_plan_report *report);

#ifdef __cplusplus
}
#endif

#endif
