/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A safetensors file: opened and used; and the header alone, which, when it is accepted, is written
 * again and read as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "format/safetensors.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/use_reader.h"
#include "tests/support/random.h"

/* Changes the header and lets its length fit; else everything ends there. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	struct random random = {seed};
	uint64_t json_size;
	size_t data_size;
	uint8_t *tail;

	if (size < SAFETENSORS_PREFIX_SIZE || size_max < size || random_below(&random, 8) == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	json_size = load_u64(data);
	if (!range_within(SAFETENSORS_PREFIX_SIZE, json_size, size))
		json_size = size - SAFETENSORS_PREFIX_SIZE;
	data_size = size - SAFETENSORS_PREFIX_SIZE - json_size;
	tail = fuzz_copy(data + size - data_size, data_size);
	json_size = LLVMFuzzerMutate(data + SAFETENSORS_PREFIX_SIZE, json_size,
				     size_max - SAFETENSORS_PREFIX_SIZE - data_size);
	store_u64(data, json_size);
	if (data_size != 0)
		memcpy(data + SAFETENSORS_PREFIX_SIZE + json_size, tail, data_size);
	free(tail);
	return SAFETENSORS_PREFIX_SIZE + json_size + data_size;
}

static bool same_text(struct cairn_string a, struct cairn_string b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static bool same_tensor(const struct safetensors_tensor *a, const struct safetensors_tensor *b)
{
	return same_text(a->name, b->name) && a->begin == b->begin && a->end == b->end &&
	       a->dtype == b->dtype && a->rank == b->rank &&
	       memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0;
}

/* In the order of names. */
static void check_same(const struct safetensors_header *a, const struct safetensors_header *b)
{
	FUZZ_MUST(a->tensor_count == b->tensor_count && a->metadata_count == b->metadata_count);
	for (uint64_t i = 0; i < a->tensor_count; i++)
		FUZZ_MUST(
			same_tensor(&a->tensors[a->name_order[i]], &b->tensors[b->name_order[i]]));
	for (uint64_t i = 0; i < a->metadata_count; i++)
		FUZZ_MUST(same_text(a->metadata[i].key, b->metadata[i].key) &&
			  same_text(a->metadata[i].value, b->metadata[i].value));
}

static void write_again(struct arena *arena, const struct safetensors_header *header,
			uint64_t data_size)
{
	struct safetensors_header_input input = {.tensors = header->tensors,
						 .order = header->name_order,
						 .tensor_count = header->tensor_count,
						 .metadata = header->metadata,
						 .metadata_count = header->metadata_count};
	struct safetensors_header again;
	struct cairn_error error = {0};
	uint8_t *bytes;
	uint64_t size;

	FUZZ_MUST(safetensors_header_write(arena, &input, &bytes, &size, &error) == CAIRN_OK);
	FUZZ_MUST(safetensors_parse(arena, (const char *)bytes + SAFETENSORS_PREFIX_SIZE,
				    size - SAFETENSORS_PREFIX_SIZE, size + data_size, &again,
				    &error) == CAIRN_OK);
	check_same(header, &again);
}

/* Returns whether the file was accepted. */
static bool parse(const uint8_t *data, size_t size)
{
	struct safetensors_header header;
	struct cairn_error error = {0};
	struct arena arena;
	uint64_t json_size = 0;
	uint8_t *json = NULL;
	enum cairn_status status = safetensors_header_size(data, size, size, &json_size, &error);

	fuzz_arena_init(&arena);
	if (status == CAIRN_OK) {
		json = fuzz_copy(data + SAFETENSORS_PREFIX_SIZE, json_size);
		status = safetensors_parse(&arena, (const char *)json, json_size, size, &header,
					   &error);
	}
	if (status == CAIRN_OK)
		write_again(&arena, &header, size - header.data_offset);
	else
		fuzz_check_error(status, &error);
	arena_fini(&arena);
	free(json);
	return status == CAIRN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cairn_reader_options options = fuzz_reader_options();
	struct cairn_reader *const reader = fuzz_open(data, size, &options);

	FUZZ_MUST(parse(data, size) || reader == NULL || data[0] == 0x89);
	if (reader != NULL)
		fuzz_use_reader(reader);
	cairn_reader_close(reader);
	return 0;
}
