/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing arrays for the parsers of foreign formats. Both double in the arena, so that their cost
 * stays proportional to what was found, and neither frees anything.
 */
#include "format/build_list.h"

#include <string.h>

#include "format/bytes.h"
#include "format/error.h"

struct build_tensor *build_list_reserve(struct arena *arena, struct build_list *list,
					uint64_t count)
{
	struct build_tensor *tensors;
	uint64_t needed;

	if (!checked_add(list->count, count, &needed))
		return NULL;
	tensors = arena_grow(arena, list->tensors, &list->capacity, needed == 0 ? 1 : needed,
			     sizeof(*tensors));
	if (tensors == NULL)
		return NULL;
	list->tensors = tensors;
	return tensors + list->count;
}

uint8_t *literal_reserve(struct arena *arena, struct literal_buffer *literal, uint64_t size,
			 uint64_t *offset)
{
	uint8_t *bytes;
	uint64_t start;
	uint64_t end;

	if (!checked_align_up(literal->size, LITERAL_ALIGNMENT, &start) ||
	    !checked_add(start, size, &end))
		return NULL;
	bytes = arena_grow(arena, literal->bytes, &literal->capacity, end == 0 ? 1 : end, 1);
	if (bytes == NULL)
		return NULL;
	literal->bytes = bytes;
	literal->size = end;
	*offset = start;
	return bytes + start;
}

enum cairn_status literal_add_text(struct arena *arena, struct literal_buffer *literal,
				   struct cairn_string text, struct extent_record *extent,
				   struct cairn_error *error)
{
	const uint64_t size = sizeof(uint64_t) + text.size;
	uint64_t offset = 0;
	uint8_t *const bytes = literal_reserve(arena, literal, size, &offset);

	if (bytes == NULL)
		return error_set_memory(error, "a metadata value");
	store_u64(bytes, text.size);
	if (text.size != 0)
		memcpy(bytes + sizeof(uint64_t), text.data, text.size);
	*extent = (struct extent_record){.offset = offset,
					 .stored_size = size,
					 .size = size,
					 .shard = 0,
					 .codec = CODEC_RAW};
	return CAIRN_OK;
}
