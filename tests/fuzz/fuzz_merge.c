/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A squeezed container, whose digests are made to fit, merged with a sound one. When that works the
 * index of the result passes the full check if those of the sources do; when it fails nothing stays
 * behind.
 *
 *   u8    bit 0: to one file; bit 1: into new shards; bit 2: incomplete tensors are fine; bit 3:
 *         the sound one comes first
 *   ...   the container
 */
#include <stdlib.h>

#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "engine/write/save.h"
#include "tests/fuzz/container_edit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reseal.h"
#include "tests/fuzz/squeeze.h"
#include "tests/fuzz/use_reader.h"
#include "tests/support/container_bytes.h"

#define SOUND   "/sound.cairn"
#define HOSTILE "/hostile.cairn"

enum {
	TO_ONE_FILE = 1 << 0,
	NEW_SHARDS = 1 << 1,
	ALLOW_INCOMPLETE = 1 << 2,
	SOUND_FIRST = 1 << 3,
	SHARD_SIZE_MAX = 100
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	if (size < 2 || seed % 16 == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	return 1 + container_edit(data + 1, size - 1, size_max - 1, seed);
}

static bool opens(struct system *system, const char *path, uint32_t flags, bool use)
{
	struct cairn_reader_options options = fuzz_reader_options();
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;
	enum cairn_status status;

	options.flags = flags;
	status = reader_open_path(system, path, &options, &reader, &error);
	if (status == CAIRN_OK && use)
		fuzz_use_reader(reader);
	cairn_reader_close(reader);
	return status == CAIRN_OK;
}

static void check_result(struct system *system, const char *path)
{
	FUZZ_MUST(opens(system, path, 0, true));
	if (opens(system, HOSTILE, CAIRN_OPEN_CHECK_INDEX, false))
		FUZZ_MUST(opens(system, path, CAIRN_OPEN_CHECK_INDEX, false));
}

/* Bytes can cause it; INVALID_ARGUMENT is what a writer says to a name that is no UTF-8. */
static bool may_fail(enum cairn_status status)
{
	return status != CAIRN_IO && status != CAIRN_NO_MEMORY && status != CAIRN_BUSY &&
	       status != CAIRN_IN_DOUBT && status != CAIRN_CANCELLED && status != CAIRN_NOT_FOUND;
}

static void merge(struct memory_system *memory, uint8_t flags)
{
	const char *const path = (flags & TO_ONE_FILE) != 0 ? "/out.cairn" : "/out";
	const bool first = (flags & SOUND_FIRST) != 0;
	const char *const sources[] = {first ? SOUND : HOSTILE, first ? HOSTILE : SOUND};
	const struct cairn_merge_options options = {
		.size = sizeof(options),
		.allow_incomplete = (flags & ALLOW_INCOMPLETE) != 0,
		.shard_size_max = (flags & NEW_SHARDS) != 0 ? SHARD_SIZE_MAX : 0};
	struct cairn_error error = {0};
	const enum cairn_status status = merge_checkpoints(memory_system_get(memory), sources, 2,
							   path, &options, NULL, &error);

	if (status == CAIRN_OK) {
		check_result(memory_system_get(memory), path);
		return;
	}
	fuzz_check_error(status, &error);
	FUZZ_MUST(may_fail(status));
	FUZZ_MUST(!memory_system_exists(memory, path));
}

static void add_and_merge(const struct container_bytes *container, uint8_t flags)
{
	struct memory_system *const memory = memory_system_create();

	memory_system_settings(memory)->threads_inline = true;
	FUZZ_MUST(sample_write(memory_system_get(memory), SOUND, &(struct sample){SAMPLE_TINY, 1},
			       0, NULL) == CAIRN_OK);
	FUZZ_MUST(memory_system_add_file(memory, HOSTILE, container->bytes, container->size) == 0);
	merge(memory, flags);
	FUZZ_MUST(memory_system_is_clean(memory));
	memory_system_destroy(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	const uint8_t flags = fuzz_take_u8(&input);
	struct container_bytes container;

	container.bytes = squeeze_expand(input.next, input.left, &container.size);
	if (container.size >= 4 * (size_t)CONTAINER_PAGE_SIZE) {
		reseal_data(&container);
		container_bytes_seal(&container);
		add_and_merge(&container, flags);
	}
	container_bytes_free(&container);
	return 0;
}
