/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which call of the in-memory system fails, and how. Calls are counted per kind; a run without
 * faults tells how many there are, and a sweep then fails each in turn.
 */
#ifndef CAIRN_ENGINE_MEMORY_FAULT_H
#define CAIRN_ENGINE_MEMORY_FAULT_H

#include "engine/system/system.h"

/* Every call that can fail. Calls that cannot (free, unmap, thread_join, user, processors, sleep,
 * monotonic, wall_clock) are not counted. */
enum memory_call {
	MEMORY_CALL_OPEN,
	MEMORY_CALL_CREATE,
	MEMORY_CALL_DUPLICATE,
	MEMORY_CALL_CLOSE,
	MEMORY_CALL_STATUS,
	MEMORY_CALL_STATUS_AT,
	MEMORY_CALL_IS_LOCAL,
	MEMORY_CALL_PREAD,
	MEMORY_CALL_PWRITE,
	MEMORY_CALL_COPY_RANGE,
	MEMORY_CALL_PREALLOCATE,
	MEMORY_CALL_TRUNCATE,
	MEMORY_CALL_SYNC,
	MEMORY_CALL_RENAME,
	MEMORY_CALL_LINK,
	MEMORY_CALL_UNLINK,
	MEMORY_CALL_MAKE_DIRECTORY,
	MEMORY_CALL_REMOVE_DIRECTORY,
	MEMORY_CALL_LIST,
	MEMORY_CALL_LOCK, /* unlocking included */
	MEMORY_CALL_MAP,
	MEMORY_CALL_POPULATE,
	MEMORY_CALL_RESIDENT,
	MEMORY_CALL_ADVISE,
	MEMORY_CALL_THREAD_START,
	MEMORY_CALL_RANDOM,
	MEMORY_CALL_WATCH,
	MEMORY_CALL_WATCH_WAIT,
	MEMORY_CALL_WORKING_DIRECTORY,
	MEMORY_CALL_ALLOCATE, /* allocate, allocate_zeroed, allocate_aligned, reallocate */
	MEMORY_CALL_KINDS,
	MEMORY_CALL_ANY /* in a fault or a question: all of the above but ALLOCATE */
};

enum memory_fault_effect {
	MEMORY_FAULT_ERROR, /* the call does nothing and returns the error; close closes all the
			       same */
	MEMORY_FAULT_ERROR_AFTER, /* the call takes effect, and then returns the error */
	MEMORY_FAULT_SHORT_ONE,   /* pread, pwrite: one byte */
	MEMORY_FAULT_SHORT_HALF,  /* pread, pwrite: half of it, at least one byte */
	MEMORY_FAULT_ZERO,        /* pread, pwrite: nothing, and 0 is returned */
	MEMORY_FAULT_SKIP         /* for mutation tests: does nothing and returns success */
};

/* A zeroed fault is none. The short and zero effects leave calls other than pread and pwrite alone.
 */
struct memory_fault {
	enum memory_call call;
	uint64_t at;  /* the number of the call, from 1, among those of its kind; 0: no fault */
	bool forever; /* from there on every call of that kind */
	bool after_previous; /* count only calls after the fault in the slot before has fired */
	enum memory_fault_effect effect;
	int error; /* an errno value, positive */
};

#define MEMORY_FAULT_SLOTS 4u

struct memory_fault_slot {
	struct memory_fault fault;
	uint64_t seen; /* calls that counted for it */
	uint64_t fired;
};

/* All zeros to begin with. */
struct memory_faults {
	struct memory_fault_slot slots[MEMORY_FAULT_SLOTS];
	uint64_t calls[MEMORY_CALL_KINDS];
};

/* Counts a call. The fault that hits it, or NULL; of several the one in the lowest slot. */
const struct memory_fault *memory_faults_next(struct memory_faults *faults, enum memory_call call);

/* How many calls of a kind, or of MEMORY_CALL_ANY, were counted. */
uint64_t memory_faults_calls(const struct memory_faults *faults, enum memory_call call);

/* For messages: "open", "pwrite" ... */
const char *memory_call_name(enum memory_call call);

#endif
