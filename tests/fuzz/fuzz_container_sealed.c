/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A squeezed container whose digests are made to fit first: digests prove no good will, so that
 * everything behind them must stand by itself.
 */
#include <stdlib.h>

#include "tests/fuzz/container_edit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reseal.h"
#include "tests/fuzz/squeeze.h"
#include "tests/fuzz/use_reader.h"
#include "tests/support/container_bytes.h"

/* How it is sealed and opened: the last byte of its save id, which can be anything. */
enum {
	AT_MODE = HEADER_AT_SAVE_ID + 15,
	MODE_SEAL_DATA = 1 << 0,
	MODE_CHECK_INDEX = 1 << 1,
	MODE_COPY = 1 << 2,
	MODE_NEVER_VERIFY = 1 << 3,
	MODE_UNALIGNED = 1 << 4
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	return container_edit(data, size, size_max, seed);
}

static struct cairn_reader_options options_of(uint8_t mode)
{
	struct cairn_reader_options options = fuzz_reader_options();

	if ((mode & MODE_CHECK_INDEX) != 0)
		options.flags |= CAIRN_OPEN_CHECK_INDEX;
	if ((mode & MODE_UNALIGNED) != 0)
		options.flags |= CAIRN_OPEN_UNALIGNED_VIEWS;
	if ((mode & MODE_COPY) != 0)
		options.transport = CAIRN_TRANSPORT_COPY;
	if ((mode & MODE_NEVER_VERIFY) != 0)
		options.verification = CAIRN_VERIFY_NEVER;
	return options;
}

static void open_and_use(const struct container_bytes *container, uint8_t mode)
{
	const struct cairn_reader_options options = options_of(mode);
	struct cairn_reader *const reader = fuzz_open(container->bytes, container->size, &options);

	if (reader != NULL)
		fuzz_use_reader(reader);
	cairn_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct container_bytes container;

	container.bytes = squeeze_expand(data, size, &container.size);
	if (container.size >= 4 * (size_t)CONTAINER_PAGE_SIZE) {
		const uint8_t mode = container.bytes[AT_MODE];

		if ((mode & MODE_SEAL_DATA) != 0)
			reseal_data(&container);
		container_bytes_seal(&container);
		open_and_use(&container, mode);
	}
	container_bytes_free(&container);
	return 0;
}
