/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TensorFlow V1 checkpoint, of one file or of two, with checksums of blocks made to fit, opened
 * and used.
 *
 *   u16   bytes of the first table, then these
 *   ...   the second table: none, and the first is opened by itself
 */
#include <stdlib.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "format/bytes.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/table_edit.h"
#include "tests/fuzz/use_reader.h"
#include "tests/support/random.h"

enum {
	HEAD_SIZE = 2
};

/* The second table is edited where it lies, the first when there is no other. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	struct random random = {seed};
	const unsigned int next = (unsigned int)random_next(&random);
	size_t first;
	size_t edited;

	if (size < HEAD_SIZE || random_below(&random, 8) == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	first = HEAD_SIZE + (size_t)load_u16(data);
	if (first < size)
		return first + table_edit(data + first, size - first, size_max - first, next);
	edited = table_edit(data + HEAD_SIZE, size - HEAD_SIZE, size_max - HEAD_SIZE, next);
	store_u16(data, (uint16_t)(edited < UINT16_MAX ? edited : UINT16_MAX));
	return HEAD_SIZE + edited;
}

static void add_table(struct memory_system *memory, const char *path, const uint8_t *data,
		      size_t size)
{
	uint8_t *const bytes = fuzz_copy(data, size);

	table_reseal(bytes, size);
	FUZZ_MUST(memory_system_add_file(memory, path, bytes, size) == 0);
	free(bytes);
}

static void open_and_use(struct memory_system *memory, const char *path)
{
	const struct cairn_reader_options options = fuzz_reader_options();
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;
	const enum cairn_status status = reader_open_path(memory_system_get(memory), path, &options,
							  &reader, &error);

	if (status == CAIRN_OK)
		fuzz_use_reader(reader);
	else
		fuzz_check_error(status, &error);
	cairn_reader_close(reader);
	FUZZ_MUST(memory_system_is_clean(memory));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_system *const memory = memory_system_create();
	struct fuzz_input input = {data, size};
	const size_t wanted = fuzz_take_u16(&input);
	size_t first_size;
	const uint8_t *const first = fuzz_take_bytes(&input, wanted, &first_size);

	add_table(memory, "m-00000-of-00002", first, first_size);
	if (input.left != 0) {
		add_table(memory, "m-00001-of-00002", input.next, input.left);
		open_and_use(memory, "m-\?\?\?\?\?-of-00002");
	} else {
		open_and_use(memory, "m-00000-of-00002");
	}
	memory_system_destroy(memory);
	return 0;
}
