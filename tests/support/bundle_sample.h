/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small TensorFlow checkpoints to save, to merge and to recognise: parts of one save, every byte of
 * whose data is its generation, so that an index beside data of another save is seen. Works on any
 * system.
 *
 * In part p of n: "own-<p>", four bytes, whole; "grid" [n,3], row p as a slice.
 */
#ifndef CAIRN_TESTS_BUNDLE_SAMPLE_H
#define CAIRN_TESTS_BUNDLE_SAMPLE_H

#include <cairn/error.h>

#include "engine/system/memory_system.h"

enum {
	BUNDLE_PARTS_MAX = 8,
	BUNDLE_TORN = -1,
	BUNDLE_ABSENT = 0
};

/* Puts a part there as TensorFlow would, in no durable way. */
void bundle_put_part(struct system *system, const char *path, uint32_t part, uint32_t parts,
		     uint8_t generation);

/* Saves all parts through a writer, one data file for each, over what is there. */
enum cairn_status bundle_save(struct system *system, const char *path, uint32_t parts,
			      uint8_t generation, struct cairn_error *error);

/* The generation of a saved or merged checkpoint of `parts` parts, BUNDLE_ABSENT without an index,
 * BUNDLE_TORN when anything is missing or differs. */
int bundle_generation(struct system *system, const char *path, uint32_t parts);

#endif
