/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a sharded checkpoint beside its shards, which are as they should be: the input is
 * the squeezed index, whose digests are made to fit. The mutator turns small inputs into the sound
 * index.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "tests/fuzz/container_edit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/squeeze.h"
#include "tests/fuzz/use_reader.h"
#include "tests/support/container_bytes.h"
#include "tests/support/sharded_sample.h"

#define FOLDER     "/m"
#define INDEX_PATH FOLDER "/" INDEX_NAME

enum {
	SQUEEZED_MIN = 128,
	AT_MODE = HEADER_AT_SAVE_ID + 15,
	MODE_CHECK_INDEX = 1 << 0,
	MODE_COPY = 1 << 1
};

/* One folder for all inputs; only its index is replaced. */
struct scene {
	struct memory_system *memory;
	struct container_bytes index; /* the sound one */
};

static const struct scene *scene(void)
{
	static struct scene made;

	if (made.memory != NULL)
		return &made;
	made.memory = memory_system_create();
	FUZZ_MUST(sharded_write(memory_system_get(made.memory), FOLDER,
				&(struct sharded_sample){.ranks = 2, .seed = 1}, false,
				NULL) == CAIRN_OK);
	made.index.size = (size_t)memory_system_content(made.memory, INDEX_PATH, NULL, 0);
	made.index.bytes = malloc(made.index.size);
	FUZZ_MUST(made.index.bytes != NULL);
	memory_system_content(made.memory, INDEX_PATH, made.index.bytes, made.index.size);
	return &made;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	const struct container_bytes *const index = &scene()->index;

	if (size < SQUEEZED_MIN)
		return squeeze(index->bytes, index->size, data, size_max);
	return container_edit(data, size, size_max, seed);
}

static void open_and_use(const struct container_bytes *index)
{
	struct memory_system *const memory = scene()->memory;
	const uint8_t mode = index->bytes[AT_MODE];
	struct cairn_reader_options options = fuzz_reader_options();
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	if ((mode & MODE_CHECK_INDEX) != 0)
		options.flags |= CAIRN_OPEN_CHECK_INDEX;
	if ((mode & MODE_COPY) != 0)
		options.transport = CAIRN_TRANSPORT_COPY;
	FUZZ_MUST(memory_system_add_file(memory, INDEX_PATH, index->bytes, index->size) == 0);
	status = reader_open_path(memory_system_get(memory), FOLDER, &options, &reader, &error);
	if (status == CAIRN_OK)
		fuzz_use_reader(reader);
	else
		fuzz_check_error(status, &error);
	cairn_reader_close(reader);
	FUZZ_MUST(memory_system_is_clean(memory));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct container_bytes index;

	index.bytes = squeeze_expand(data, size, &index.size);
	if (index.size >= 4 * (size_t)CONTAINER_PAGE_SIZE) {
		container_bytes_seal(&index);
		open_and_use(&index);
	}
	container_bytes_free(&index);
	return 0;
}
