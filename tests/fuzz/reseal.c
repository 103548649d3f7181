/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/reseal.h"

#include <stdlib.h>
#include <string.h>

#include "format/byte_shuffle.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/lz4_block.h"
#include "format/record.h"
#include "tests/fuzz/container_edit.h"

enum {
	EXTENT_AT_STORED_DIGEST = 24,
	TENSOR_AT_DIGEST = 64
};

/* A section as far as it lies in the file. */
struct section {
	uint8_t *records;
	uint64_t count;
};

/* Everything that is needed of a container; sections that are not there are empty. */
struct sealing {
	const struct container_bytes *container;
	struct section sections[SECTION_KNOWN_COUNT + 1];
	uint64_t bytes_left; /* to be decoded and hashed: slices may overlap */
};

static void find_sections(struct sealing *sealing)
{
	const struct container_bytes *const container = sealing->container;
	const uint8_t *const footer = container_bytes_footer(container);
	const uint64_t index_offset = load_u64(footer + FOOTER_AT_INDEX_OFFSET);

	for (uint32_t i = 0; i < SECTION_TABLE_MAX; i++) {
		const uint8_t *const entry = footer + FOOTER_AT_SECTIONS +
					     (size_t)i * FOOTER_SECTION_ENTRY_SIZE;
		const uint32_t type = load_u32(entry);
		const uint64_t size = load_u64(entry + 16);
		uint64_t offset;

		if (type == 0 || type > SECTION_KNOWN_COUNT ||
		    !checked_add(index_offset, load_u64(entry + 8), &offset) ||
		    !range_within(offset, size, container->size - CONTAINER_PAGE_SIZE))
			continue;
		sealing->sections[type].records = container->bytes + offset;
		sealing->sections[type].count = size / section_record_size(type);
	}
}

/* Records `first` to first + count - 1 of `size` bytes each, or NULL. */
static uint8_t *records(const struct sealing *sealing, enum section_type type, uint64_t first,
			uint64_t count, size_t size)
{
	const struct section *const section = &sealing->sections[type];

	return section->records != NULL && range_within(first, count, section->count)
		       ? section->records + first * size
		       : NULL;
}

static void put_digest(uint8_t *to, const struct cairn_digest *digest)
{
	memcpy(to, digest->bytes, DIGEST_SIZE);
}

/* An extent of this file, and its stored bytes; NULL when they are elsewhere. */
static uint8_t *stored_bytes(const struct sealing *sealing, uint64_t number,
			     struct extent_record *extent)
{
	const uint8_t *const record = records(sealing, SECTION_EXTENTS, number, 1,
					      EXTENT_RECORD_SIZE);

	if (record == NULL || extent_record_decode(record, extent, NULL) != CAIRN_OK ||
	    extent->shard != 0 ||
	    !range_within(extent->offset, extent->stored_size, sealing->container->size))
		return NULL;
	return sealing->container->bytes + extent->offset;
}

/* What a chunk decodes to, or NULL; to be freed. */
static uint8_t *decode(const uint8_t *stored, const struct extent_record *extent)
{
	uint8_t *const block = malloc(extent->size + 1);
	uint8_t *const bytes = malloc(extent->size + 1);
	bool decoded = block != NULL && bytes != NULL &&
		       lz4_block_decode(stored, extent->stored_size, block, extent->size) &&
		       byte_shuffle_known(extent->shuffle);

	if (decoded && extent->shuffle != SHUFFLE_NONE)
		byte_unshuffle(block, extent->size, extent->shuffle, bytes);
	else if (decoded)
		memcpy(bytes, block, extent->size);
	free(block);
	if (!decoded)
		free(bytes);
	return decoded ? bytes : NULL;
}

/* A slice that is stored by chunk: `size` bytes of one of them. */
static void seal_chunk(const struct sealing *sealing, uint64_t number, uint64_t size, uint8_t *to)
{
	struct extent_record extent;
	const uint8_t *const stored = stored_bytes(sealing, number, &extent);
	struct cairn_digest digest;
	uint8_t *bytes;

	if (stored == NULL || extent.size != size)
		return;
	if (extent.codec == CODEC_RAW && extent.stored_size == size) {
		digest = digest_bytes(stored, size);
		put_digest(to, &digest);
	}
	if (extent.codec != CODEC_LZ4 || (bytes = decode(stored, &extent)) == NULL)
		return;
	digest = digest_bytes(bytes, size);
	put_digest(to, &digest);
	free(bytes);
}

/* The bytes of a slice of one raw extent, or NULL. */
static const uint8_t *bytes_of(const struct sealing *sealing, const struct slice_record *slice)
{
	struct extent_record extent;
	const uint8_t *bytes = slice->extent_count != 1
				       ? NULL
				       : stored_bytes(sealing, slice->extent_index, &extent);

	return bytes != NULL && extent.codec == CODEC_RAW && extent.stored_size == slice->size
		       ? bytes
		       : NULL;
}

static void seal_chunks(const struct sealing *sealing, const struct slice_record *slice,
			uint64_t count, uint8_t *digests)
{
	const uint8_t *const bytes = bytes_of(sealing, slice);

	for (uint64_t i = 0; i < count; i++) {
		const uint64_t done = i * slice->chunk_size;
		const uint64_t left = slice->size - done;
		const uint64_t size = left < slice->chunk_size ? left : slice->chunk_size;

		if (bytes != NULL) {
			const struct cairn_digest digest = digest_bytes(bytes + done, size);

			put_digest(digests + i * DIGEST_SIZE, &digest);
		} else if (slice->extent_count == count) {
			seal_chunk(sealing, slice->extent_index + i, size,
				   digests + i * DIGEST_SIZE);
		}
	}
}

static void seal_slice(struct sealing *sealing, const uint8_t *record)
{
	struct slice_record slice;
	uint64_t count;
	uint8_t *digests;

	if (slice_record_decode(record, &slice, NULL) != CAIRN_OK || slice.chunk_size == 0 ||
	    slice.digest_kind != DIGEST_XXH3_128 || slice.size > sealing->bytes_left)
		return;
	count = divide_up(slice.size, slice.chunk_size);
	digests = records(sealing, SECTION_CHUNK_DIGESTS, slice.chunk_index, count, DIGEST_SIZE);
	if (digests == NULL)
		return;
	sealing->bytes_left -= slice.size;
	seal_chunks(sealing, &slice, count, digests);
}

/* The digest of stored bytes that are compressed. */
static void seal_extent(struct sealing *sealing, uint64_t number, uint8_t *record)
{
	struct extent_record extent;
	const uint8_t *const stored = stored_bytes(sealing, number, &extent);

	if (stored == NULL || extent.codec != CODEC_LZ4 || extent.stored_size > sealing->bytes_left)
		return;
	sealing->bytes_left -= extent.stored_size;
	store_u64(record + EXTENT_AT_STORED_DIGEST, digest64_bytes(stored, extent.stored_size));
}

/* The digest of a tensor whose slices have their chunk digests one after the other. */
static void seal_tensor(const struct sealing *sealing, uint8_t *record)
{
	struct tensor_record tensor;
	struct slice_record slice = {0};
	uint64_t first = 0;
	uint64_t count = 0;
	const uint8_t *digests;
	struct cairn_digest digest;

	if (tensor_record_decode(record, &tensor, NULL) != CAIRN_OK ||
	    tensor.digest_kind != DIGEST_XXH3_128)
		return;
	for (uint64_t i = 0; i < tensor.slice_count; i++) {
		const uint8_t *const from = records(sealing, SECTION_SLICES, tensor.slice_index + i,
						    1, SLICE_RECORD_SIZE);

		if (from == NULL || slice_record_decode(from, &slice, NULL) != CAIRN_OK ||
		    slice.chunk_size == 0)
			return;
		if (i == 0)
			first = slice.chunk_index;
		count += divide_up(slice.size, slice.chunk_size);
	}
	digests = records(sealing, SECTION_CHUNK_DIGESTS, first, count, DIGEST_SIZE);
	if (digests == NULL || (tensor.flags & TENSOR_ALIAS) != 0)
		return;
	digest = digest_of_chunks(digests, count);
	put_digest(record + TENSOR_AT_DIGEST, &digest);
}

/* Of the tensor that holds its bytes. */
static void seal_alias(const struct sealing *sealing, uint8_t *record)
{
	struct tensor_record tensor;
	const uint8_t *holder;

	if (tensor_record_decode(record, &tensor, NULL) != CAIRN_OK ||
	    (tensor.flags & TENSOR_ALIAS) == 0)
		return;
	holder = records(sealing, SECTION_TENSORS, tensor.alias_of, 1, TENSOR_RECORD_SIZE);
	if (holder != NULL)
		memmove(record + TENSOR_AT_DIGEST, holder + TENSOR_AT_DIGEST, DIGEST_SIZE);
}

void reseal_data(const struct container_bytes *container)
{
	struct sealing sealing = {.container = container, .bytes_left = 16 * container->size};
	const struct section *const extents = &sealing.sections[SECTION_EXTENTS];
	const struct section *const slices = &sealing.sections[SECTION_SLICES];
	const struct section *const tensors = &sealing.sections[SECTION_TENSORS];

	find_sections(&sealing);
	for (uint64_t i = 0; i < extents->count; i++)
		seal_extent(&sealing, i, extents->records + i * EXTENT_RECORD_SIZE);
	for (uint64_t i = 0; i < slices->count; i++)
		seal_slice(&sealing, slices->records + i * SLICE_RECORD_SIZE);
	for (uint64_t i = 0; i < tensors->count; i++)
		seal_tensor(&sealing, tensors->records + i * TENSOR_RECORD_SIZE);
	for (uint64_t i = 0; i < tensors->count; i++)
		seal_alias(&sealing, tensors->records + i * TENSOR_RECORD_SIZE);
}
