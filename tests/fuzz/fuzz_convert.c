/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A squeezed container, whose digests are made to fit, converted. When that works the result is
 * sound and holds the same; when it fails nothing stays behind. Or edited in place.
 *
 *   u8    bits 0 to 1: to a container, to one with shards, to safetensors, to several; bits 2 to 4:
 *         what may be dropped; bit 5: of a selection, which takes all; bit 6: it is edited instead
 *   ...   the container
 */
#include <stdlib.h>
#include <string.h>

#include <cairn/convert.h>

#include "engine/convert/edit.h"
#include "engine/read/reader.h"
#include "engine/system/memory_system.h"
#include "tests/fuzz/container_edit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reseal.h"
#include "tests/fuzz/squeeze.h"
#include "tests/fuzz/use_reader.h"

#define SHARD_SIZE_MAX 100u
#define TENSORS_MAX    256u

static const char *const targets[] = {"/out.cairn", "/out", "/out.safetensors",
				      "/out.safetensors.index.json"};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	if (size < 2 || seed % 16 == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	return 1 + container_edit(data + 1, size - 1, size_max - 1, seed);
}

/* The source may say that it is incomplete when it is not: slices decide. */
static bool is_same(const struct cairn_tensor *a, const struct cairn_tensor *b)
{
	return a->dtype == b->dtype && a->rank == b->rank && a->size == b->size &&
	       memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0 &&
	       (b->flags & ~a->flags & CAIRN_TENSOR_INCOMPLETE) == 0;
}

static void compare_bytes(const struct cairn_tensor *a, const struct cairn_tensor *b)
{
	struct cairn_view left = {0};
	struct cairn_view right = {0};

	if (cairn_tensor_view(a, &left, NULL) == CAIRN_OK) {
		FUZZ_MUST(cairn_tensor_view(b, &right, NULL) == CAIRN_OK);
		FUZZ_MUST(left.size == right.size);
		FUZZ_MUST(memcmp(left.data, right.data, left.size) == 0);
	}
	cairn_view_release(&left);
	cairn_view_release(&right);
}

/* The result holds each tensor of the source. */
static void compare(const struct cairn_reader *source, const struct cairn_reader *result)
{
	const uint64_t count = cairn_reader_tensor_count(source);
	struct cairn_error error = {0};
	struct cairn_tensor a;
	struct cairn_tensor b;

	FUZZ_MUST(cairn_reader_tensor_count(result) == count);
	for (uint64_t i = 0; i < count && i < TENSORS_MAX; i++) {
		FUZZ_MUST(cairn_reader_tensor_at(source, i, &a, &error) == CAIRN_OK);
		FUZZ_MUST(cairn_reader_find_string(result, a.name, &b, &error) == CAIRN_OK);
		FUZZ_MUST(is_same(&a, &b));
		compare_bytes(&a, &b);
	}
}

static void check_result(struct system *system, const struct cairn_reader *source, const char *path)
{
	const struct cairn_reader_options options = fuzz_reader_options();
	struct cairn_error error = {0};
	struct cairn_reader *result = NULL;

	FUZZ_MUST(reader_open_path(system, path, &options, &result, &error) == CAIRN_OK);
	FUZZ_MUST(fuzz_use_reader(result));
	compare(source, result);
	cairn_reader_close(result);
}

/* Bytes can cause it. */
static bool may_fail(enum cairn_status status)
{
	return status != CAIRN_IO && status != CAIRN_NO_MEMORY && status != CAIRN_BUSY &&
	       status != CAIRN_IN_DOUBT && status != CAIRN_CANCELLED && status != CAIRN_NOT_FOUND;
}

static void convert(struct memory_system *memory, const struct cairn_reader *source, uint8_t flags)
{
	static const char *const all[] = {"*"};
	const struct cairn_selection selection = {.matches = all, .match_count = 1};
	const bool is_selection = (flags & 0x20) != 0 && cairn_reader_tensor_count(source) != 0;
	const uint8_t kind = flags % 4;
	const struct cairn_convert_options options = {
		.selection = is_selection ? &selection : NULL,
		.size = sizeof(options),
		.target = kind < 2 ? CAIRN_TARGET_CAIRN : CAIRN_TARGET_SAFETENSORS,
		.drop = flags >> 2 & 7u,
		.thread_count = 1,
		.shard_size_max = kind == 1 || kind == 3 ? SHARD_SIZE_MAX : 0};
	struct cairn_error error = {0};
	const enum cairn_status status = cairn_convert(source, targets[kind], &options, &error);

	if (status == CAIRN_OK) {
		check_result(memory_system_get(memory), source, targets[kind]);
		return;
	}
	fuzz_check_error(status, &error);
	FUZZ_MUST(may_fail(status));
	FUZZ_MUST(!memory_system_exists(memory, targets[kind]));
}

/* ----------------------------------------------------------------------------------------- edit */

static const struct cairn_metadata_value values[] = {
	{.key = {"a", 1}, .dtype = CAIRN_U8, .data = "x"}, {.key = {"", 0}, .dtype = CAIRN_NULL}};

/* The result has as many tensors, and can be used; what failed left the file as it was. */
static void edit(struct memory_system *memory, const struct cairn_reader *source)
{
	static const struct cairn_rename renames[] = {{"*", "*x"}};
	const uint64_t count = cairn_reader_tensor_count(source);
	const struct cairn_edit_options options = {
		.set = values, .renames = renames, .set_count = 2, .rename_count = count != 0};
	const struct cairn_reader_options open_options = fuzz_reader_options();
	struct system *const system = memory_system_get(memory);
	struct cairn_reader *result = NULL;
	struct cairn_error error = {0};
	const enum cairn_status status = edit_checkpoint(system, "/in.cairn", &options, NULL,
							 &error);

	if (status != CAIRN_OK) {
		fuzz_check_error(status, &error);
		FUZZ_MUST(may_fail(status));
		return;
	}
	FUZZ_MUST(reader_open_path(system, "/in.cairn", &open_options, &result, &error) ==
		  CAIRN_OK);
	FUZZ_MUST(cairn_reader_tensor_count(result) == count);
	fuzz_use_reader(result);
	cairn_reader_close(result);
}

static void open_and_edit(const struct container_bytes *container)
{
	struct memory_system *const memory = memory_system_create();
	const struct cairn_reader_options options = fuzz_reader_options();
	struct cairn_reader *reader = NULL;
	struct cairn_error error = {0};

	memory_system_settings(memory)->threads_inline = true;
	memory_system_add_file(memory, "/in.cairn", container->bytes, container->size);
	if (reader_open_path(memory_system_get(memory), "/in.cairn", &options, &reader, &error) ==
	    CAIRN_OK)
		edit(memory, reader);
	cairn_reader_close(reader);
	FUZZ_MUST(memory_system_is_clean(memory));
	memory_system_destroy(memory);
}

static void open_and_convert(const struct container_bytes *container, uint8_t flags)
{
	struct memory_system *const memory = memory_system_create();
	const struct cairn_reader_options options = fuzz_reader_options();
	struct cairn_error error = {0};
	struct cairn_reader *reader = NULL;

	memory_system_settings(memory)->threads_inline = true;
	if (reader_open_bytes(memory_system_get(memory), container->bytes, container->size,
			      &options, &reader, &error) == CAIRN_OK)
		convert(memory, reader, flags);
	cairn_reader_close(reader);
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
		if ((flags & 0x40) != 0)
			open_and_edit(&container);
		else
			open_and_convert(&container, flags);
	}
	container_bytes_free(&container);
	return 0;
}
