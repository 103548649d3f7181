/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers that are kept in tests/data/golden, as recipes: writing one again must give the
 * same bytes, for ever. (Not of what is compressed: liblz4 may learn to do it better.)
 *
 * Recipes are never changed and never removed; a new version of the format gets new ones. Whatever
 * goes wrong in these functions ends the program with a word about it, since make_containers is no
 * Check suite.
 */
#ifndef CAIRN_TESTS_GOLDEN_H
#define CAIRN_TESTS_GOLDEN_H

#include <stdio.h>

#include <cairn/reader.h>
#include <cairn/writer.h>

struct golden {
	const char *name; /* of the file, without ".cairn" */
	void (*add)(struct cairn_writer *writer);
	uint32_t flags; /* enum cairn_writer_flags */
	uint32_t chunk_size;
	uint64_t alignment;
	uint64_t generation; /* not 0: a parent id and a save id too */
	enum cairn_compression compression;
};

extern const struct golden golden_recipes[];
extern const size_t golden_count;

struct golden_bytes {
	uint8_t *data; /* to be freed */
	size_t size;
};

/* Writes a container by its recipe, in memory. */
struct golden_bytes golden_make(const struct golden *recipe, uint32_t thread_count);

/* Says in text what a container holds: pages, sections, records, and digests of what a reader reads
 * from it. */
void golden_dump(const uint8_t *container, size_t size, FILE *out);

/* The call must succeed. */
#define GOLDEN_MUST(call) golden_must((call), #call)
void golden_must(enum cairn_status status, const char *call);

/* Filled by calls within GOLDEN_MUST. */
extern struct cairn_error golden_error;

#endif
