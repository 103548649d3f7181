/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging values.
 *
 * Writers take values in the order in which they were added, mostly: so those at the end are staged
 * and those at the beginning are waited for. Where the order is another one, only the wait is
 * longer. An item from memory may be staged in part, one from a callback only whole: its bytes must
 * be asked for in order.
 *
 * An item from a callback stays one, and one from memory does not become one: how tensors are cut
 * into files may depend on that.
 */
#include "engine/write/staging.h"

#include <string.h>

#include "engine/system/parallel.h"
#include "format/bytes.h"
#include "format/error.h"

/* Of what is staged, so that copies are quick. */
#define STAGING_ALIGNMENT 64u

/* Above this, several threads copy. */
#define PIECE_SIZE         ((uint64_t)4 << 20)
#define COPY_THREADS_MAX   4u
#define MEMORY_ALIGNMENT   4096u
#define STAGING_SIZE_LIMIT ((uint64_t)1 << 62)

void staging_init(struct staging *staging, struct system *system, uint64_t size_max)
{
	*staging = (struct staging){.system = system, .size_max = size_max};
	mutex_init(&staging->mutex);
	condition_init(&staging->changed);
}

void staging_fini(struct staging *staging)
{
	system_free(staging->system, staging->memory);
	condition_fini(&staging->changed);
	mutex_fini(&staging->mutex);
}

/* -------------------------------------------------------------------------------------- waiting */

static void note_taken(struct staging *staging, uint64_t size)
{
	mutex_lock(&staging->mutex);
	staging->left -= size < staging->left ? size : staging->left;
	if (staging->left == 0)
		condition_broadcast(&staging->changed);
	mutex_unlock(&staging->mutex);
}

void staging_wait(struct staging *staging)
{
	mutex_lock(&staging->mutex);
	while (staging->left != 0 && !staging->ended)
		condition_wait(&staging->changed, &staging->mutex);
	mutex_unlock(&staging->mutex);
}

void staging_end(struct staging *staging)
{
	mutex_lock(&staging->mutex);
	staging->ended = true;
	condition_broadcast(&staging->changed);
	mutex_unlock(&staging->mutex);
}

bool staging_has_ended(struct staging *staging)
{
	bool ended;

	mutex_lock(&staging->mutex);
	ended = staging->ended;
	mutex_unlock(&staging->mutex);
	return ended;
}

/* --------------------------------------------------------------------------------------- taking */

void staged_copy(const struct staged *staged, uint64_t offset, uint64_t size, uint8_t *bytes)
{
	uint64_t head = 0; /* bytes of the program's */

	if (offset < staged->tail_start) {
		head = staged->tail_start - offset < size ? staged->tail_start - offset : size;
		memcpy(bytes, staged->memory + offset, head);
		note_taken(staged->staging, head);
	}
	if (head < size)
		memcpy(bytes + head, staged->tail + (offset + head - staged->tail_start),
		       size - head);
}

/* In place of a program's callback. */
static enum cairn_status produce_staged(void *context, uint64_t offset, void *buffer, size_t size)
{
	const struct staged *const staged = context;
	enum cairn_status status = CAIRN_OK;

	if (staged->tail != NULL) {
		memcpy(buffer, staged->tail + offset, size);
		return CAIRN_OK;
	}
	status = staged->produce(staged->context, offset, buffer, size);
	if (status == CAIRN_OK)
		note_taken(staged->staging, size);
	return status;
}

/* -------------------------------------------------------------------------------------- placing */

static bool is_of_program(const struct item *item)
{
	return item->size != 0 && (item->source == SOURCE_CALLBACK ||
				   (item->source == SOURCE_MEMORY && item->is_borrowed));
}

/* Staging memory for all values, or for as many as are allowed and can be had. */
static void make_room(struct staging *staging, const struct cairn_writer *writer)
{
	uint64_t needed = 0;

	for (uint64_t i = 0; i < writer->item_count; i++) {
		if (is_of_program(&writer->items[i]) &&
		    writer->items[i].size < STAGING_SIZE_LIMIT - needed - STAGING_ALIGNMENT)
			needed += align_up(writer->items[i].size, STAGING_ALIGNMENT);
	}
	if (staging->size_max != 0 && needed > staging->size_max)
		needed = staging->size_max;
	if (needed <= staging->capacity)
		return;
	system_free(staging->system, staging->memory);
	staging->capacity = 0;
	staging->memory = system_allocate_aligned(staging->system, MEMORY_ALIGNMENT,
						  align_up(needed, MEMORY_ALIGNMENT));
	if (staging->memory != NULL)
		staging->capacity = needed;
}

/* Where the next item's bytes are staged, from the end of the memory backwards. */
struct room {
	const struct staging *staging;
	uint64_t left;
	bool is_full; /* an item did not fit: those before it are not staged either */
};

static const uint8_t *take_room(struct room *room, uint64_t size)
{
	const uint64_t left = room->left & ~(uint64_t)(STAGING_ALIGNMENT - 1);

	if (room->is_full || size > left)
		return NULL;
	room->left = (left - size) & ~(uint64_t)(STAGING_ALIGNMENT - 1);
	return room->staging->memory + room->left;
}

static void place(struct room *room, const struct item *item, struct staged *staged)
{
	const uint64_t left = room->left & ~(uint64_t)(STAGING_ALIGNMENT - 1);

	staged->tail_start = item->size;
	staged->tail = take_room(room, item->size);
	if (staged->tail != NULL) {
		staged->tail_start = 0;
	} else if (item->source == SOURCE_MEMORY && !room->is_full && left != 0) {
		staged->tail = take_room(room, left);
		staged->tail_start = item->size - left;
	}
	room->is_full = room->is_full || staged->tail_start != 0;
}

/* -------------------------------------------------------------------------------------- copying */

struct copy {
	uint8_t *to;
	const uint8_t *from;
	uint64_t size;
};

static void copy_piece(void *context, uint32_t number)
{
	const struct copy *const copy = context;
	const uint64_t offset = number * PIECE_SIZE;
	const uint64_t size = copy->size - offset < PIECE_SIZE ? copy->size - offset : PIECE_SIZE;

	memcpy(copy->to + offset, copy->from + offset, size);
}

static void copy_memory(struct staging *staging, uint8_t *to, const uint8_t *from, uint64_t size)
{
	struct copy copy = {to, from, size};
	const uint64_t pieces = size / PIECE_SIZE + (size % PIECE_SIZE != 0);
	const uint32_t processors = system_processors(staging->system);

	if (pieces < 2 || pieces > UINT32_MAX)
		memcpy(to, from, size);
	else
		parallel_run(staging->system,
			     processors < COPY_THREADS_MAX ? processors : COPY_THREADS_MAX,
			     (uint32_t)pieces, copy_piece, &copy);
}

/* The staged bytes, writable: they lie in the staging memory. */
static uint8_t *writable(const struct staging *staging, const uint8_t *bytes)
{
	return staging->memory + (bytes - staging->memory);
}

static enum cairn_status copy_item(struct staging *staging, const struct staged *staged,
				   uint64_t size, struct cairn_error *error)
{
	enum cairn_status status;
	uint8_t *to;

	if (staged->tail == NULL)
		return CAIRN_OK;
	to = writable(staging, staged->tail);
	if (staged->memory != NULL) {
		copy_memory(staging, to, staged->memory + staged->tail_start,
			    size - staged->tail_start);
		return CAIRN_OK;
	}
	status = staged->produce(staged->context, 0, to, size);
	if (status == CAIRN_OK)
		return CAIRN_OK;
	error_set(error, status, CAIRN_ERROR_NO_OFFSET,
		  "the callback that produces its bytes failed");
	return error_prefix_tensor(error, status, staged->name);
}

/* ---------------------------------------------------------------------------------------- items */

static void describe(struct staging *staging, const struct item *item, struct staged *staged)
{
	*staged = (struct staged){.staging = staging, .name = item->name};
	if (item->source == SOURCE_MEMORY) {
		staged->memory = item->from.memory;
	} else {
		staged->produce = item->from.callback.produce;
		staged->context = item->from.callback.context;
	}
}

/* From here on the item reads through its record. */
static void redirect(struct item *item, struct staged *staged)
{
	if (item->source == SOURCE_CALLBACK) {
		item->from.callback.produce = produce_staged;
		item->from.callback.context = staged;
	} else if (staged->tail_start == 0) {
		item->from.memory = staged->tail;
	} else {
		item->source = SOURCE_STAGED;
		item->from.staged = staged;
	}
	item->is_borrowed = false;
}

static uint64_t count_items(const struct cairn_writer *writer)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < writer->item_count; i++)
		count += is_of_program(&writer->items[i]);
	return count;
}

/* Records in the order of the items; `left` is what is not staged. */
static void place_all(struct staging *staging, struct cairn_writer *writer, struct staged *records,
		      uint64_t count)
{
	struct room room = {.staging = staging, .left = staging->capacity};

	staging->left = 0;
	for (uint64_t i = writer->item_count; i-- > 0;) {
		if (!is_of_program(&writer->items[i]))
			continue;
		count--;
		describe(staging, &writer->items[i], &records[count]);
		place(&room, &writer->items[i], &records[count]);
		staging->left += records[count].tail_start;
	}
}

enum cairn_status staging_fill(struct staging *staging, struct cairn_writer *writer,
			       struct cairn_error *error)
{
	const uint64_t count = count_items(writer);
	struct staged *const records = arena_allocate_array(&writer->arena, count,
							    sizeof(*records));
	enum cairn_status status = CAIRN_OK;
	uint64_t number = 0;

	staging->ended = false;
	staging->left = 0;
	if (records == NULL)
		return error_set_memory(error, "what is staged");
	make_room(staging, writer);
	place_all(staging, writer, records, count);
	for (uint64_t i = 0; i < writer->item_count && status == CAIRN_OK; i++) {
		struct item *const item = &writer->items[i];

		if (!is_of_program(item))
			continue;
		status = copy_item(staging, &records[number], item->size, error);
		redirect(item, &records[number]);
		number++;
	}
	return status;
}
