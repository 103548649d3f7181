/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing an index image of any size in bounded memory: all sections at once, each from front to
 * back, and several parts of the image at the same time.
 *
 * The sizes of the sections are known before, and a part's share of each of them. A part gathers
 * the bytes of a section in a buffer of a few index blocks; a block is hashed when it is full, in
 * the buffer that is then written. Blocks in which something else begins or ends (another section,
 * another part) are held until the end: everybody writes his own bytes of them.
 *
 * Threads: parts are added by one thread; then each part may be filled by a thread of its own; then
 * one thread finishes.
 */
#ifndef CAIRN_ENGINE_IMAGE_WRITER_H
#define CAIRN_ENGINE_IMAGE_WRITER_H

#include <stdatomic.h>
#include <string.h>

#include <cairn/error.h>

#include "engine/system/system.h"
#include "format/arena.h"
#include "format/container.h"
#include "format/index.h"

/* Blocks that are gathered before they are written: few, so that they stay in the cache, but more
 * while another thread writes, which the kernel makes wait for each other. */
#define IMAGE_RUN_BLOCKS     4u
#define IMAGE_RUN_BLOCKS_MAX 16u

/* A block in which sections or parts meet. */
struct edge_block {
	uint64_t number;
	uint8_t *bytes; /* in the arena; INDEX_BLOCK_SIZE, zeroed */
};

struct image_writer {
	struct system *system;
	struct arena *arena;  /* borrowed */
	int fd;               /* borrowed */
	uint64_t file_offset; /* of the image */
	uint64_t sections_size;
	struct container_section sections[SECTION_KNOWN_COUNT + 1]; /* by type */
	struct index_tree tree;
	uint8_t *levels; /* in the arena: the digest levels, from the end of the sections on */
	struct edge_block *edges; /* in the arena */
	uint64_t edge_count;
	uint64_t edge_capacity;
	atomic_flag is_writing;   /* some thread is: only a hint */
	struct cairn_digest root; /* set by finish */
};

/* Where the next byte of a part's share of a section goes. */
struct image_share {
	uint8_t *next;
	uint64_t left;      /* bytes that may go there: to the end of the block or of the share */
	uint64_t limit;     /* image offset that `left` reaches to */
	uint64_t end;       /* of the share, in the image */
	uint8_t *run;       /* in the arena; IMAGE_RUN_BLOCKS_MAX blocks that are not written yet */
	uint64_t run_start; /* image offset of its first byte: a block boundary */
	uint64_t run_size;  /* full blocks in it, in bytes */
	bool in_run;        /* `next` is in the run, not in a block that is held */
};

struct image_part {
	struct image_writer *writer;
	struct image_share shares[SECTION_KNOWN_COUNT + 1]; /* by type */
};

/* A part of a section, in bytes from its beginning. */
struct image_range {
	uint64_t start;
	uint64_t end;
};

/* Prepares an image with the sections of `footer` at `file_offset`. LIMIT, NO_MEMORY. */
enum cairn_status image_writer_init(struct image_writer *writer, struct system *system,
				    struct arena *arena, int fd, uint64_t file_offset,
				    const struct container_footer *footer,
				    struct cairn_error *error);

/* The part that fills these ranges, by section type. All parts together fill all sections, each
 * byte once. NO_MEMORY. */
enum cairn_status image_part_init(struct image_part *part, struct image_writer *writer,
				  const struct image_range ranges[SECTION_KNOWN_COUNT + 1],
				  struct cairn_error *error);

/* BUSY: what was counted before has changed meanwhile. */
enum cairn_status image_has_changed(struct cairn_error *error);

/* See image_append. */
enum cairn_status image_append_pieces(struct image_part *part, enum section_type type,
				      const void *bytes, uint64_t size, struct cairn_error *error);

/* Appends bytes to a part's share of a section. BUSY when the share is smaller: what was counted
 * before has changed meanwhile. IO. */
static inline enum cairn_status image_append(struct image_part *part, enum section_type type,
					     const void *bytes, uint64_t size,
					     struct cairn_error *error)
{
	struct image_share *const share = &part->shares[type];

	if (size >= share->left) /* also at the end of a block */
		return image_append_pieces(part, type, bytes, size, error);
	memcpy(share->next, bytes, size);
	share->next += size;
	share->left -= size;
	return CAIRN_OK;
}

/* Room for the next bytes of a share, which the caller fills at once; NULL where they do not lie in
 * one piece and must be appended. */
static inline uint8_t *image_place(struct image_part *part, enum section_type type, uint64_t size)
{
	struct image_share *const share = &part->shares[type];
	uint8_t *const place = share->next;

	if (size >= share->left)
		return NULL;
	share->next += size;
	share->left -= size;
	return place;
}

/* The part's shares are full: BUSY when they are not. */
enum cairn_status image_part_finish(const struct image_part *part, struct cairn_error *error);

/* All parts have finished: writes what is held, and the digest tree; sets writer->root. IO. */
enum cairn_status image_writer_finish(struct image_writer *writer, struct cairn_error *error);

#endif
