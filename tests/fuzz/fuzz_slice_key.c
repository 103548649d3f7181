/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of TensorFlow's slices: any bytes that are taken for one are the only one of their
 * slice; and every slice's key is read as that slice.
 */
#include "format/tensorflow_slice_key.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* `key` was taken: the same bytes come out again. */
static void write_again(struct cairn_string key, uint64_t name_size, uint32_t rank)
{
	char *const name = malloc(name_size);
	uint64_t *const ranges = malloc(2 * rank * sizeof(*ranges));
	uint8_t *const again = malloc(key.size);
	struct cairn_string string = {name, name_size};

	FUZZ_MUST((name != NULL || name_size == 0) && ranges != NULL && again != NULL);
	FUZZ_MUST(rank >= 1 && rank <= CAIRN_RANK_MAX && name_size <= key.size);
	slice_key_read(key, name, ranges);
	FUZZ_MUST(slice_key_size(string, rank, ranges) == key.size);
	slice_key_write(string, rank, ranges, again);
	FUZZ_MUST(memcmp(again, key.data, key.size) == 0);
	free(again);
	free(ranges);
	free(name);
}

static void parse(const uint8_t *data, size_t size)
{
	const struct cairn_string key = {(const char *)data, size};
	uint64_t name_size = 0;
	uint32_t rank = 0;

	if (slice_key_parse(key, &name_size, &rank))
		write_again(key, name_size, rank);
}

/* u8 rank, then each range, then the name. */
static void write_and_parse(struct fuzz_input *input)
{
	const uint32_t rank = 1 + fuzz_take_u8(input) % CAIRN_RANK_MAX;
	uint64_t ranges[2 * CAIRN_RANK_MAX];
	struct cairn_string name;
	uint64_t name_size = 0;
	uint32_t rank_again = 0;
	uint8_t *key;
	size_t size;

	for (uint32_t d = 0; d < rank; d++) {
		ranges[2 * d] = fuzz_take_number(input) & SLICE_KEY_NUMBER_MAX;
		ranges[2 * d + 1] = fuzz_take_number(input) & SLICE_KEY_NUMBER_MAX;
		if (fuzz_take_u8(input) == 0) {
			ranges[2 * d] = 0;
			ranges[2 * d + 1] = CAIRN_FULL;
		}
	}
	name = (struct cairn_string){(const char *)input->next, input->left};
	size = slice_key_size(name, rank, ranges);
	key = malloc(size);
	FUZZ_MUST(key != NULL);
	slice_key_write(name, rank, ranges, key);
	FUZZ_MUST(
		slice_key_parse((struct cairn_string){(char *)key, size}, &name_size, &rank_again));
	FUZZ_MUST(name_size == name.size && rank_again == rank);
	write_again((struct cairn_string){(char *)key, size}, name_size, rank);
	free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};

	parse(data, size);
	write_and_parse(&input);
	return 0;
}
