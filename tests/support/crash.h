/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut can leave behind: every state of the disk that the rules of POSIX allow,
 * enumerated from the trace of a run in the in-memory system.
 *
 * The model (as ALICE's: a file system that promises nothing but what fsync promises). An operation
 * is one block of a write, a size change, or a change of a directory. At each point of the trace,
 * what was synced is on the disk; of the rest any subset is, applied in program order. fsync of a
 * file covers its earlier data and size, not its name; fsync of a directory covers its earlier
 * entries; a rename between two directories is covered when both were synced. After a failed fsync,
 * no later one covers what was written before. A rename happens as a whole or not at all unless
 * split_renames is set. Bytes of a file's size that were written and not persisted read as zeros
 * and, in a second variant of the state, as garbage (0xa5) where the file had no block before.
 *
 * Usage: set the scene, memory_system_trace_start, run the code under test with memory_system_mark
 * where it has promised something, then crash_enumerate. The callback gets a system that has booted
 * from the state; it may do with it what it likes, such as recover, inject faults, or trace and
 * enumerate again.
 */
#ifndef CAIRN_TESTS_CRASH_H
#define CAIRN_TESTS_CRASH_H

#include "engine/system/memory_system.h"

/* A zero field has its default. */
struct crash_options {
	uint64_t states_max; /* 200,000: points get an equal share when there would be more */
	uint32_t exhaustive_open_max; /* 12: with more open operations at a point, subsets are
					 sampled; at most 30 */
	uint32_t samples_per_point;   /* 512 */
	uint64_t seed;
	bool sectors;       /* writes are split at 512 bytes, not at 4096 */
	bool split_renames; /* a rename's two halves are independent */
	bool no_garbage;    /* leaves the second variant out */
};

struct crash_state {
	struct memory_system *system; /* freed after the callback */
	int marker;      /* the last one that the run had set when the power went; 0: none */
	uint64_t number; /* of the distinct states, from 0; the same in each run */
	uint64_t point;  /* index in the trace of the last operation that the run had issued */
	bool garbage;
};

struct crash_counts {
	uint64_t points;         /* of the trace, at which the power was cut */
	uint64_t sampled_points; /* those where not all subsets were tried */
	uint64_t states;         /* built */
	uint64_t distinct;       /* shown to the callback: different disk, or different marker */
	uint64_t open_max;       /* the most operations that were open at once */
};

/* Not 0 ends the enumeration, which then returns that value. */
typedef int (*crash_callback)(void *context, const struct crash_state *state);

/* options and counts may be NULL. The traced system is left alone. */
int crash_enumerate(struct memory_system *memory, const struct crash_options *options,
		    crash_callback callback, void *context, struct crash_counts *counts);

#endif
