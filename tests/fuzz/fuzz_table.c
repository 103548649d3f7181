/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow's table, with checksums made to fit: keys ascend, entries lie in the table, and what
 * is read, written again, is read as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "format/tensorflow_table.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/table_edit.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	return table_edit(data, size, size_max, seed);
}

static bool ascends(struct cairn_string before, struct cairn_string key)
{
	const size_t common = before.size < key.size ? before.size : key.size;
	const int order = memcmp(before.data, key.data, common);

	return order < 0 || (order == 0 && before.size < key.size);
}

static void check_entry(const struct table_entry *entry, const uint8_t *bytes, size_t size)
{
	volatile uint8_t sum = 0;

	for (uint64_t i = 0; i < entry->value_size; i++)
		sum = (uint8_t)(sum + entry->value[i]);
	if (entry->offset == CAIRN_ERROR_NO_OFFSET)
		return;
	FUZZ_MUST(range_within(entry->offset, entry->value_size, size));
	FUZZ_MUST(entry->value == bytes + entry->offset);
}

/* Reads all of it; each entry goes to the writer, unless that is NULL. */
static enum cairn_status read_all(struct arena *arena, const uint8_t *bytes, size_t size,
				  struct table_writer *writer, uint64_t *count)
{
	struct table_reader reader;
	struct table_entry entry;
	struct cairn_string before = {NULL, 0};
	struct cairn_error error = {0};
	enum cairn_status status = table_open(&reader, arena, bytes, size, &error);
	bool found = true;

	for (*count = 0; status == CAIRN_OK; ++*count) {
		status = table_next(&reader, &entry, &found, &error);
		if (status != CAIRN_OK || !found)
			break;
		check_entry(&entry, bytes, size);
		FUZZ_MUST(*count == 0 || ascends(before, entry.key));
		before.size = entry.key.size;
		before.data = arena_copy(arena, entry.key.data, entry.key.size);
		FUZZ_MUST(before.data != NULL);
		if (writer != NULL)
			FUZZ_MUST(table_writer_add(writer, before, entry.value, entry.value_size,
						   &error) == CAIRN_OK);
	}
	if (status != CAIRN_OK)
		fuzz_check_error(status, &error);
	return status;
}

static void write_again(struct arena *arena, struct table_writer *writer, uint64_t count)
{
	struct cairn_error error = {0};
	uint8_t *bytes = NULL;
	uint64_t size = 0;
	uint64_t count_again;

	FUZZ_MUST(table_writer_finish(writer, &bytes, &size, &error) == CAIRN_OK);
	FUZZ_MUST(read_all(arena, bytes, size, NULL, &count_again) == CAIRN_OK);
	FUZZ_MUST(count_again == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *const bytes = fuzz_copy(data, size);
	struct table_writer writer;
	struct arena arena;
	uint64_t count;

	table_reseal(bytes, size);
	fuzz_arena_init(&arena);
	FUZZ_MUST(table_writer_open(&writer, &arena, TABLE_BLOCK_SIZE, NULL) == CAIRN_OK);
	if (read_all(&arena, bytes, size, &writer, &count) == CAIRN_OK)
		write_again(&arena, &writer, count);
	arena_fini(&arena);
	free(bytes);
	return 0;
}
