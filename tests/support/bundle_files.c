/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bundle_files.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/tensorflow_names.h"
#include "format/tensorflow_values.h"
#include "tests/support/safetensors_files.h"
#include "tests/support/test_arena.h"

void bundle_files_init(struct bundle_files *files, uint32_t shard_count)
{
	memset(files, 0, sizeof(*files));
	ck_assert_uint_le(shard_count, BUNDLE_SHARDS_MAX);
	files->bundle.header = (struct bundle_header){
		.shard_count = shard_count, .has_version = true, .producer = BUNDLE_VERSION};
	files->bundle.tensors = files->tensors;
}

uint32_t bundle_files_tensor(struct bundle_files *files, const char *name, enum cairn_dtype dtype,
			     uint32_t rank, const uint64_t *dims)
{
	const uint32_t number = (uint32_t)files->bundle.tensor_count++;
	struct bundle_tensor *const tensor = &files->tensors[number];

	ck_assert_uint_lt(number, BUNDLE_TENSORS_MAX);
	ck_assert_uint_le(rank, 4);
	*tensor = (struct bundle_tensor){
		.name = cairn_string_from(name),
		.dtype = dtype,
		.rank = (uint8_t)rank,
		.dims = files->dims[number],
		.elements = 1,
		.pieces = files->pieces[number],
	};
	for (uint32_t d = 0; d < rank; d++) {
		files->dims[number][d] = dims[d];
		tensor->elements *= dims[d];
	}
	return number;
}

void bundle_files_piece(struct bundle_files *files, uint32_t tensor, const uint64_t *ranges,
			uint32_t shard, const void *bytes, uint64_t size, uint32_t crc)
{
	const uint32_t number = files->tensors[tensor].piece_count++;
	struct bundle_piece *const piece = &files->pieces[tensor][number];

	ck_assert_uint_lt(number, BUNDLE_PIECES_MAX);
	ck_assert(range_within(files->data_size[shard], size, BUNDLE_SHARD_SIZE));
	*piece = (struct bundle_piece){
		.shard = shard,
		.crc = crc32c_mask(crc),
		.offset = files->data_size[shard],
		.size = size,
	};
	if (ranges != NULL) {
		memcpy(files->ranges[tensor][number], ranges,
		       2 * files->tensors[tensor].rank * sizeof(*ranges));
		piece->ranges = files->ranges[tensor][number];
	}
	if (size != 0)
		memcpy(files->data[shard] + piece->offset, bytes, size);
	files->data_size[shard] += size;
}

void bundle_files_add(struct bundle_files *files, const char *name, enum cairn_dtype dtype,
		      uint32_t rank, const uint64_t *dims, const void *bytes, uint64_t size)
{
	const uint32_t tensor = bundle_files_tensor(files, name, dtype, rank, dims);

	bundle_files_piece(files, tensor, NULL, 0, bytes, size, crc32c_extend(0, bytes, size));
}

void bundle_files_add_values(struct bundle_files *files, const char *name, enum cairn_dtype dtype,
			     const char *const *texts, uint64_t count)
{
	const uint32_t tensor = bundle_files_tensor(files, name, dtype, 1, &count);
	uint8_t raw[1024];
	uint8_t stored[1024];
	struct values_raw values = {raw, count * 8, count, dtype == CAIRN_VARIANT};
	uint64_t size;
	uint32_t crc;

	for (uint64_t i = 0; i < count; i++) {
		memcpy(raw + values.size, texts[i], strlen(texts[i]));
		values.size += strlen(texts[i]);
		store_u64(raw + i * 8, values.size - count * 8);
	}
	ck_assert_uint_eq(values_encoded_size(&values, &size, NULL), CAIRN_OK);
	ck_assert_uint_le(size, sizeof(stored));
	crc = values_encode(&values, stored);
	bundle_files_piece(files, tensor, NULL, 0, stored, size, crc);
}

void bundle_files_write(const struct bundle_files *files, const struct world *world,
			const char *prefix)
{
	struct test_arena test;
	char name[256];
	uint8_t *bytes;
	uint64_t size;

	test_arena_open(&test, 0);
	ck_assert_uint_eq(bundle_write(&test.arena, &files->bundle, &bytes, &size, NULL), CAIRN_OK);
	snprintf(name, sizeof(name), "%s" BUNDLE_INDEX_SUFFIX, prefix);
	world_write(world, name, bytes, size);
	for (uint32_t i = 0; i < files->bundle.header.shard_count; i++) {
		snprintf(name, sizeof(name), BUNDLE_DATA_NAME, prefix, i,
			 files->bundle.header.shard_count);
		world_write(world, name, files->data[i], files->data_size[i]);
	}
	test_arena_close(&test);
}
