/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TensorFlow V2 checkpoint: its index, with checksums of blocks made to fit, parsed, described
 * and written again; and the checkpoint opened and used. The same bytes are every data file.
 *
 *   u8    bit 0: let the CRCs of the data fit too
 *   u16   bytes of a data file, then these
 *   ...   the index
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/tensorflow_bundle.h"
#include "format/tensorflow_names.h"
#include "format/tensorflow_values.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/table_edit.h"
#include "tests/fuzz/use_reader.h"
#include "tests/support/random.h"

enum {
	SEAL_DATA = 1 << 0,
	AT_DATA_SIZE = 1,
	HEAD_SIZE = 3,
	SHARDS_MAX = 4 /* that are there */
};

struct checkpoint {
	uint8_t *index;
	size_t index_size;
	uint8_t *data;
	size_t data_size;
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	struct random random = {seed};
	size_t at;

	if (size < HEAD_SIZE || random_below(&random, 8) == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	at = HEAD_SIZE + (size_t)load_u16(data + AT_DATA_SIZE);
	if (at > size)
		return LLVMFuzzerMutate(data, size, size_max);
	return at +
	       table_edit(data + at, size - at, size_max - at, (unsigned int)random_next(&random));
}

/* ---------------------------------------------------------------------------------- index alone */

static bool write(struct arena *arena, const struct bundle *bundle, uint8_t **bytes, uint64_t *size)
{
	struct cairn_error error = {0};
	const enum cairn_status status = bundle_write(arena, bundle, bytes, size, &error);

	if (status != CAIRN_OK)
		fuzz_check_error(status, &error);
	return status == CAIRN_OK;
}

/* What was parsed can be written, and what was written is written the same ever after. */
static void write_again(struct arena *arena, const struct bundle *bundle)
{
	struct bundle again;
	struct cairn_error error = {0};
	uint8_t *first = NULL;
	uint8_t *second = NULL;
	uint64_t first_size = 0;
	uint64_t second_size = 0;

	FUZZ_MUST(write(arena, bundle, &first, &first_size));
	FUZZ_MUST(bundle_parse(arena, first, first_size, &again, &error) == CAIRN_OK);
	FUZZ_MUST(again.tensor_count == bundle->tensor_count);
	FUZZ_MUST(write(arena, &again, &second, &second_size));
	FUZZ_MUST(first_size == second_size && memcmp(first, second, first_size) == 0);
}

static enum cairn_status read_data(void *context, uint64_t offset, uint64_t size,
				   const uint8_t **bytes, struct cairn_error *error)
{
	(void)error;
	(void)size;
	*bytes = (const uint8_t *)context + offset;
	return CAIRN_OK;
}

/* Only of pieces that lie in the data. */
static void seal_piece(const struct checkpoint *checkpoint, const struct bundle *bundle,
		       const struct bundle_tensor *tensor, struct bundle_piece *piece)
{
	struct values values = {.count = bundle_piece_elements(tensor, piece),
				.stored_size = piece->size,
				.is_variant = tensor->dtype == CAIRN_VARIANT,
				.big_endian = bundle->header.big_endian,
				.read = read_data};
	uint32_t crc = 0;

	if (!range_within(piece->offset, piece->size, checkpoint->data_size))
		return;
	values.context = checkpoint->data + piece->offset;
	if (tensor->dtype != CAIRN_STRING && tensor->dtype != CAIRN_VARIANT)
		crc = crc32c_extend(0, checkpoint->data + piece->offset, piece->size);
	else if (values_check(&values, &crc, NULL) != CAIRN_OK)
		return;
	piece->crc = crc32c_mask(crc);
}

static void seal_data(struct checkpoint *checkpoint, struct arena *arena, struct bundle *bundle)
{
	uint8_t *bytes = NULL;
	uint64_t size = 0;

	for (uint64_t i = 0; i < bundle->tensor_count; i++) {
		struct bundle_tensor *const tensor = &bundle->tensors[i];

		for (uint32_t k = 0; k < tensor->piece_count; k++)
			seal_piece(checkpoint, bundle, tensor, &tensor->pieces[k]);
	}
	if (!write(arena, bundle, &bytes, &size))
		return;
	free(checkpoint->index);
	checkpoint->index = fuzz_copy(bytes, size);
	checkpoint->index_size = size;
}

static void parse(struct checkpoint *checkpoint, bool seal)
{
	struct bundle bundle;
	struct cairn_error error = {0};
	struct arena arena;
	enum cairn_status status;

	fuzz_arena_init(&arena);
	status = bundle_parse(&arena, checkpoint->index, checkpoint->index_size, &bundle, &error);
	if (status == CAIRN_OK) {
		write_again(&arena, &bundle);
		if (seal)
			seal_data(checkpoint, &arena, &bundle);
	} else {
		fuzz_check_error(status, &error);
	}
	arena_fini(&arena);
}

/* ------------------------------------------------------------------------------- the checkpoint */

static void add_file(struct memory_system *memory, const char *path, const uint8_t *bytes,
		     size_t size)
{
	FUZZ_MUST(memory_system_add_file(memory, path, bytes, size) == 0);
}

static void add_files(struct memory_system *memory, const struct checkpoint *checkpoint)
{
	char name[64];

	add_file(memory, "m" BUNDLE_INDEX_SUFFIX, checkpoint->index, checkpoint->index_size);
	for (unsigned int count = 1; count <= SHARDS_MAX; count++) {
		for (unsigned int i = 0; i < count; i++) {
			snprintf(name, sizeof(name), BUNDLE_DATA_NAME, "m", i, count);
			add_file(memory, name, checkpoint->data, checkpoint->data_size);
		}
	}
}

static void open_and_use(const struct checkpoint *checkpoint)
{
	struct memory_system *const memory = memory_system_create();
	const struct cairn_reader_options options = fuzz_reader_options();
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	add_files(memory, checkpoint);
	status = reader_open_path(memory_system_get(memory), "m.index", &options, &reader, &error);
	if (status == CAIRN_OK)
		fuzz_use_reader(reader);
	else
		fuzz_check_error(status, &error);
	cairn_reader_close(reader);
	FUZZ_MUST(memory_system_is_clean(memory));
	memory_system_destroy(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	const uint8_t flags = fuzz_take_u8(&input);
	const size_t data_size = fuzz_take_u16(&input);
	struct checkpoint checkpoint = {0};
	const uint8_t *const bytes = fuzz_take_bytes(&input, data_size, &checkpoint.data_size);

	checkpoint.data = fuzz_copy(bytes, checkpoint.data_size);
	checkpoint.index = fuzz_copy(input.next, input.left);
	checkpoint.index_size = input.left;
	table_reseal(checkpoint.index, checkpoint.index_size);
	parse(&checkpoint, (flags & SEAL_DATA) != 0);
	open_and_use(&checkpoint);
	free(checkpoint.index);
	free(checkpoint.data);
	return 0;
}
