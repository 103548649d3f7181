/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parser of a foreign format gathers for index_build: descriptions of tensors, and the
 * bytes of values that the format does not hold in the form that Cairn needs.
 */
#ifndef CAIRN_FORMAT_BUILD_LIST_H
#define CAIRN_FORMAT_BUILD_LIST_H

#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

#include "format/arena.h"
#include "format/index_build.h"

/* Starts zeroed. The array moves as it grows, so that nothing may point into it before the list is
 * complete. */
struct build_list {
	struct build_tensor *tensors; /* in the arena */
	uint64_t count;
	uint64_t capacity;
};

/*
 * Bytes in memory behind shard 0, the index itself: extents of shard 0 count from their start.
 * Starts zeroed. The bytes move as they grow; offsets stay.
 */
struct literal_buffer {
	uint8_t *bytes; /* in the arena */
	uint64_t size;
	uint64_t capacity;
};

/* Every value begins at a multiple of this; the bytes between are zero. */
#define LITERAL_ALIGNMENT 64u

/* Room for `count` more tensors, zeroed and not yet counted: the caller fills them in and adds to
 * `count`. NULL: no memory. */
struct build_tensor *build_list_reserve(struct arena *arena, struct build_list *list,
					uint64_t count);

/* Room for a value of `size` bytes, zeroed. NULL: no memory, or no such size. Valid until the next
 * call. */
uint8_t *literal_reserve(struct arena *arena, struct literal_buffer *literal, uint64_t size,
			 uint64_t *offset);

/* One text as a string tensor of one element: its end offset as u64, then its bytes. NO_MEMORY. */
enum cairn_status literal_add_text(struct arena *arena, struct literal_buffer *literal,
				   struct cairn_string text, struct extent_record *extent,
				   struct cairn_error *error);

#endif
