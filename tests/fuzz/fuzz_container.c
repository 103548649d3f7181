/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container as it is, squeezed: what its digests and pages keep out, and what a reader makes of
 * the rest.
 */
#include <stdlib.h>

#include "tests/fuzz/container_edit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/squeeze.h"
#include "tests/fuzz/use_reader.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	return container_edit(data, size, size_max, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cairn_reader_options options = fuzz_reader_options();
	size_t file_size;
	uint8_t *const file = squeeze_expand(data, size, &file_size);
	struct cairn_reader *const reader = fuzz_open(file, file_size, &options);

	if (reader != NULL)
		fuzz_use_reader(reader);
	cairn_reader_close(reader);
	free(file);
	return 0;
}
