/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/table_edit.h"

#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/tensorflow_table.h"
#include "format/varint.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/random.h"

#define ENTRIES_MAX  256u
#define GROWTH       64u /* bytes that a mutation may add to a key or value */
#define BLOCKS_MAX   64u
#define TRAILER_SIZE TABLE_TRAILER_SIZE

/* -------------------------------------------------------------------------------------- sealing */

struct block {
	uint64_t offset;
	uint64_t size;
};

static const uint8_t *take_block(const uint8_t *next, const uint8_t *end, struct block *block)
{
	next = varint_read(next, end, VARINT64_SIZE_MAX, &block->offset);
	return next == NULL ? NULL : varint_read(next, end, VARINT64_SIZE_MAX, &block->size);
}

static bool lies_within(const struct block *block, size_t size)
{
	return range_within(block->offset, block->size, size) &&
	       size - block->offset - block->size >= TRAILER_SIZE;
}

static void seal_block(uint8_t *bytes, size_t size, const struct block *block)
{
	if (lies_within(block, size)) {
		const uint32_t crc = crc32c_extend(0, bytes + block->offset, block->size + 1);

		store_u32(bytes + block->offset + block->size + 1, crc32c_mask(crc));
	}
}

/* The blocks that the entries of a plain index name. Lengths are followed, keys are not looked at.
 */
static void seal_data_blocks(uint8_t *bytes, size_t size, const struct block *index)
{
	const uint8_t *next = bytes + index->offset;
	const uint8_t *const end = next + index->size;
	struct block blocks[BLOCKS_MAX];
	size_t count = 0;

	while (count < BLOCKS_MAX) {
		uint64_t shared;
		uint64_t rest;
		uint64_t value;

		next = varint_read(next, end, VARINT32_SIZE_MAX, &shared);
		next = next == NULL ? NULL : varint_read(next, end, VARINT32_SIZE_MAX, &rest);
		next = next == NULL ? NULL : varint_read(next, end, VARINT32_SIZE_MAX, &value);
		if (next == NULL || rest > (uint64_t)(end - next) ||
		    value > (uint64_t)(end - next) - rest)
			break;
		if (take_block(next + rest, next + rest + value, &blocks[count]) != NULL)
			count++;
		next += rest + value;
	}
	for (size_t i = 0; i < count; i++)
		seal_block(bytes, size, &blocks[i]);
}

void table_reseal(uint8_t *bytes, size_t size)
{
	struct block metaindex;
	struct block index;
	const uint8_t *next;

	if (size < TABLE_FOOTER_SIZE)
		return;
	next = take_block(bytes + size - TABLE_FOOTER_SIZE, bytes + size, &metaindex);
	if (next == NULL || take_block(next, bytes + size, &index) == NULL)
		return;
	if (lies_within(&index, size))
		seal_data_blocks(bytes, size, &index);
	seal_block(bytes, size, &metaindex);
	seal_block(bytes, size, &index);
}

/* -------------------------------------------------------------------------------------- entries */

struct entry {
	struct cairn_string key;
	uint8_t *value;
	size_t value_size;
};

struct entries {
	struct arena arena;
	struct entry list[ENTRIES_MAX];
	size_t count;
};

/* All entries of a sound table, copied. */
static bool read_entries(struct entries *entries, const uint8_t *bytes, size_t size)
{
	struct table_reader reader;
	struct table_entry entry;
	bool found = true;
	enum cairn_status status = table_open(&reader, &entries->arena, bytes, size, NULL);

	while (status == CAIRN_OK && entries->count < ENTRIES_MAX) {
		struct entry *const copy = &entries->list[entries->count];

		status = table_next(&reader, &entry, &found, NULL);
		if (status != CAIRN_OK || !found)
			break;
		copy->key.data = arena_copy(&entries->arena, entry.key.data, entry.key.size);
		copy->key.size = entry.key.size;
		copy->value = arena_copy(&entries->arena, entry.value, entry.value_size);
		copy->value_size = entry.value_size;
		FUZZ_MUST(copy->key.data != NULL && copy->value != NULL);
		entries->count++;
	}
	return status == CAIRN_OK && !found && entries->count != 0;
}

/* Mutated bytes, in the arena. */
static uint8_t *mutate(struct arena *arena, const void *bytes, size_t *size)
{
	uint8_t *const copy = arena_allocate(arena, *size + GROWTH);

	FUZZ_MUST(copy != NULL);
	memcpy(copy, bytes, *size);
	*size = LLVMFuzzerMutate(copy, *size, *size + GROWTH);
	return copy;
}

/* One entry changed, doubled under another key, or taken away. */
static void edit_entry(struct entries *entries, struct random *random)
{
	struct entry *const entry = &entries->list[random_below(random, entries->count)];
	const uint64_t kind = random_below(random, 8);

	if (kind == 0) {
		*entry = entries->list[--entries->count];
	} else if (kind <= 2) {
		struct entry *const other = kind == 1 && entries->count < ENTRIES_MAX
						    ? &entries->list[entries->count++]
						    : entry;

		*other = *entry;
		other->key.data = (char *)mutate(&entries->arena, entry->key.data,
						 &other->key.size);
	} else {
		entry->value = mutate(&entries->arena, entry->value, &entry->value_size);
	}
}

static int compare_entries(const void *a, const void *b)
{
	const struct cairn_string left = ((const struct entry *)a)->key;
	const struct cairn_string right = ((const struct entry *)b)->key;
	const size_t common = left.size < right.size ? left.size : right.size;
	const int order = memcmp(left.data, right.data, common);

	return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}

/* Returns the size, 0 when it does not fit. Of two entries with one key only the first stays. */
static size_t write_entries(struct entries *entries, uint8_t *data, size_t size_max,
			    struct random *random)
{
	struct table_writer writer;
	uint8_t *bytes = NULL;
	uint64_t size = 0;

	qsort(entries->list, entries->count, sizeof(entries->list[0]), compare_entries);
	FUZZ_MUST(table_writer_open(&writer, &entries->arena,
				    random_below(random, 4) == 0 ? 64 : TABLE_BLOCK_SIZE,
				    NULL) == CAIRN_OK);
	for (size_t i = 0; i < entries->count; i++) {
		const struct entry *const entry = &entries->list[i];

		if (i == 0 || compare_entries(entry - 1, entry) != 0)
			FUZZ_MUST(table_writer_add(&writer, entry->key, entry->value,
						   entry->value_size, NULL) == CAIRN_OK);
	}
	FUZZ_MUST(table_writer_finish(&writer, &bytes, &size, NULL) == CAIRN_OK);
	if (size > size_max)
		return 0;
	memcpy(data, bytes, size);
	return size;
}

size_t table_edit(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	struct random random = {seed};
	struct entries *entries;
	size_t result = 0;

	if (random_below(&random, 4) == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	entries = calloc(1, sizeof(*entries));
	FUZZ_MUST(entries != NULL);
	fuzz_arena_init(&entries->arena);
	if (read_entries(entries, data, size)) {
		edit_entry(entries, &random);
		result = write_entries(entries, data, size_max, &random);
	}
	arena_fini(&entries->arena);
	free(entries);
	return result != 0 ? result : LLVMFuzzerMutate(data, size, size_max);
}
