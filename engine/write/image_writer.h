/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing an index image of any size in bounded memory: all sections at once, each from front to
 * back.
 *
 * The sizes of the sections are known before. Each section has a buffer of one index block; a block
 * is hashed when it is full and then written. Where one section ends and the next begins inside a
 * block, both write into a block that is held until the end.
 */
#ifndef CAIRN_ENGINE_IMAGE_WRITER_H
#define CAIRN_ENGINE_IMAGE_WRITER_H

#include <cairn/error.h>

#include "engine/system/system.h"
#include "format/arena.h"
#include "format/container.h"
#include "format/index.h"

/* Blocks that are gathered before they are written. */
#define IMAGE_RUN_BLOCKS 16u

/* A block in which sections meet. */
struct edge_block {
	uint64_t number;
	uint8_t *bytes; /* in the arena; INDEX_BLOCK_SIZE, zeroed */
};

/* Where the next byte of a section goes. */
struct image_section {
	uint64_t at; /* in the image */
	uint64_t end;
	uint8_t *run;       /* in the arena; IMAGE_RUN_BLOCKS blocks that are not written yet */
	uint64_t run_start; /* image offset of its first byte: a block boundary */
	struct edge_block *edge; /* the current block, when sections meet in it; else NULL */
	uint64_t run_size;       /* bytes in it */
};

struct image_writer {
	struct system *system;
	struct arena *arena;  /* borrowed */
	int fd;               /* borrowed */
	uint64_t file_offset; /* of the image */
	uint64_t sections_size;
	struct index_tree tree;
	uint8_t *levels; /* in the arena: the digest levels, from the end of the sections on */
	struct image_section sections[SECTION_KNOWN_COUNT + 1]; /* by type */
	struct edge_block edges[2 * SECTION_KNOWN_COUNT + 1];
	uint32_t edge_count;
	struct cairn_digest root; /* set by finish */
};

/* Prepares an image with the sections of `footer` at `file_offset`. LIMIT, NO_MEMORY. */
enum cairn_status image_writer_init(struct image_writer *writer, struct system *system,
				    struct arena *arena, int fd, uint64_t file_offset,
				    const struct container_footer *footer,
				    struct cairn_error *error);

/* Appends bytes to a section: a caller that appends more than the section's size has planned wrong
 * (asserted). IO. */
enum cairn_status image_append(struct image_writer *writer, enum section_type type,
			       const void *bytes, uint64_t size, struct cairn_error *error);

/* All sections are full: writes what is held, and the digest tree; sets writer->root. IO. */
enum cairn_status image_writer_finish(struct image_writer *writer, struct cairn_error *error);

#endif
