/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small TensorFlow checkpoints to merge and to recognise: parts of one save, every byte of whose
 * data is its generation, so that an index beside data of another save is seen. Works on any
 * system.
 *
 * In part p of n: "own-<p>", four bytes, whole; "grid" [n,3], row p as a slice.
 */
#ifndef CAIRN_TESTS_BUNDLE_SAMPLE_H
#define CAIRN_TESTS_BUNDLE_SAMPLE_H

#include "engine/system/memory_system.h"

enum {
	BUNDLE_PARTS_MAX = 8,
	BUNDLE_TORN = -1,
	BUNDLE_ABSENT = 0
};

/* Puts a part there as TensorFlow would, in no durable way. */
void bundle_put_part(struct system *system, const char *path, uint32_t part, uint32_t parts,
		     uint8_t generation);

/* The generation of a merged checkpoint of `parts` parts, BUNDLE_ABSENT without an index,
 * BUNDLE_TORN when anything is missing or differs. */
int bundle_generation(struct system *system, const char *path, uint32_t parts);

#endif
