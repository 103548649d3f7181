/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Index images: verification of their blocks, and records, all through the one gate
 * (index_gate.h).
 *
 * An image from a file is untrusted in two ways. Its bytes may be damaged: every block is compared
 * with its digest before it is used for the first time. And a writer may be dishonest, with digests
 * that fit: every value is copied out of the image, then checked, then used. A name or a dim that
 * changes under our feet (a hostile concurrent writer) gives wrong answers at worst.
 */
#include "format/index.h"

#include <inttypes.h>

#include "format/byte_shuffle.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/index_gate.h"
#include "format/lz4_block.h"

enum {
	DIGESTS_PER_BLOCK = INDEX_BLOCK_SIZE / DIGEST_SIZE
};

/* ---------------------------------------------------------------------------------- digest tree */

bool index_tree_layout(uint64_t sections_size, struct index_tree *tree)
{
	uint64_t blocks = divide_up(sections_size, INDEX_BLOCK_SIZE);

	if (sections_size >= CONTAINER_SIZE_MAX)
		return false;
	*tree = (struct index_tree){
		.section_blocks = blocks, .block_count = blocks, .image_size = sections_size};
	while (blocks > 1) {
		const uint32_t level = tree->level_count++;

		if (level == INDEX_TREE_LEVEL_MAX)
			return false;
		tree->levels[level].offset = align_up(tree->image_size, SECTION_ALIGNMENT);
		tree->levels[level].size = blocks * DIGEST_SIZE;
		tree->levels[level].first_block = tree->block_count;
		tree->image_size = tree->levels[level].offset + tree->levels[level].size;
		blocks = divide_up(tree->levels[level].size, INDEX_BLOCK_SIZE);
		tree->block_count += blocks;
	}
	return true;
}

/* Bytes of a block of a run (the sections or a level) that starts at `offset` and has `size` bytes.
 */
static void block_range(uint64_t offset, uint64_t size, uint64_t block, uint64_t *start,
			uint64_t *length)
{
	const uint64_t skipped = block * INDEX_BLOCK_SIZE;

	*start = offset + skipped;
	*length = size - skipped < INDEX_BLOCK_SIZE ? size - skipped : INDEX_BLOCK_SIZE;
}

struct cairn_digest index_tree_build(const struct index_tree *tree, uint64_t sections_size,
				     uint8_t *image)
{
	uint64_t below_offset = 0;
	uint64_t below_size = sections_size;
	uint64_t start;
	uint64_t length;

	for (uint32_t level = 0; level < tree->level_count; level++) {
		uint8_t *const out = image + tree->levels[level].offset;
		const uint64_t blocks = tree->levels[level].size / DIGEST_SIZE;

		for (uint64_t block = 0; block < blocks; block++) {
			struct cairn_digest digest;

			block_range(below_offset, below_size, block, &start, &length);
			digest = digest_bytes(image + start, length);
			memcpy(out + block * DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
		}
		below_offset = tree->levels[level].offset;
		below_size = tree->levels[level].size;
	}
	return digest_bytes(image + below_offset, below_size);
}

/* --------------------------------------------------------------------------------- verification */

/* A block of one run: `level` -1 is the sections. */
struct block_place {
	uint64_t offset; /* in the image */
	uint64_t size;
	uint64_t state; /* number among all blocks */
};

static struct block_place place_of(const struct index *index, int level, uint64_t block)
{
	struct block_place place;

	if (level < 0) {
		block_range(0, index->sections_size, block, &place.offset, &place.size);
		place.state = block;
		return place;
	}
	block_range(index->tree.levels[level].offset, index->tree.levels[level].size, block,
		    &place.offset, &place.size);
	place.state = index->tree.levels[level].first_block + block;
	return place;
}

static enum cairn_status block_differs(const struct index *index, const struct block_place *place,
				       const struct cairn_digest *expected,
				       const struct cairn_digest *found, struct cairn_error *error)
{
	char expected_text[DIGEST_TEXT_SIZE];
	char found_text[DIGEST_TEXT_SIZE];

	digest_text(expected, expected_text);
	digest_text(found, found_text);
	return error_set(error, CAIRN_CHECKSUM, index->file_offset + place->offset,
			 "index block at offset %" PRIu64 " has digest %s instead of %s",
			 index->file_offset + place->offset, found_text, expected_text);
}

/* Compares one block with its digest, which lies in a block that is verified already (or is the
 * root). */
static enum cairn_status verify_block(const struct index *index, int level, uint64_t block,
				      struct cairn_error *error)
{
	const struct block_place place = place_of(index, level, block);
	struct cairn_digest expected = index->root;
	struct cairn_digest found;
	enum cairn_status status;

	if (level + 1 < (int)index->tree.level_count)
		memcpy(expected.bytes,
		       index->image + index->tree.levels[level + 1].offset + block * DIGEST_SIZE,
		       DIGEST_SIZE);
	if (index->prepare != NULL) {
		status = index->prepare(index->prepare_context, place.state, place.offset,
					place.size, error);
		if (status != CAIRN_OK)
			return status;
	}
	found = digest_bytes(index->image + place.offset, place.size);
	if (!digest_equal(&expected, &found))
		return block_differs(index, &place, &expected, &found, error);
	atomic_store_explicit(&index->block_states[place.state], 1, memory_order_release);
	return CAIRN_OK;
}

static bool is_verified(const struct index *index, int level, uint64_t block)
{
	const uint64_t state = place_of(index, level, block).state;

	return atomic_load_explicit(&index->block_states[state], memory_order_acquire) != 0;
}

/* Verifies a sections block and what is not yet verified above it, from the top down. */
static enum cairn_status verify_path(const struct index *index, uint64_t section_block,
				     struct cairn_error *error)
{
	uint64_t block_of_level[INDEX_TREE_LEVEL_MAX + 1];
	uint64_t block = section_block;
	enum cairn_status status;

	for (uint32_t level = 0; level <= index->tree.level_count; level++) {
		block_of_level[level] = block;
		block /= DIGESTS_PER_BLOCK;
	}
	for (int level = (int)index->tree.level_count; level >= 0; level--) {
		if (is_verified(index, level - 1, block_of_level[level]))
			continue;
		status = verify_block(index, level - 1, block_of_level[level], error);
		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

enum cairn_status index_verify_root(const struct index *index, struct cairn_error *error)
{
	if (index->block_states == NULL || index->sections_size == 0)
		return CAIRN_OK;
	return verify_block(index, (int)index->tree.level_count - 1, 0, error);
}

enum cairn_status index_verify_all_blocks(const struct index *index, struct cairn_error *error)
{
	if (index->block_states == NULL)
		return CAIRN_OK;
	for (int level = (int)index->tree.level_count - 1; level >= -1; level--) {
		const uint64_t size = level < 0 ? index->sections_size
						: index->tree.levels[level].size;
		const uint64_t blocks = divide_up(size, INDEX_BLOCK_SIZE);

		for (uint64_t block = 0; block < blocks; block++) {
			const enum cairn_status status = verify_block(index, level, block, error);

			if (status != CAIRN_OK)
				return status;
		}
	}
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------- the gate */

enum cairn_status index_verify_range(const struct index *index, uint64_t first, uint64_t last,
				     struct cairn_error *error)
{
	for (uint64_t block = first; block <= last; block++) {
		enum cairn_status status;

		if (atomic_load_explicit(&index->block_states[block], memory_order_acquire) != 0)
			continue;
		status = verify_path(index, block, error);
		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

enum cairn_status index_refuse_range(const struct index *index, enum section_type type,
				     uint64_t offset, uint64_t size, struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "index section %d: offset %" PRIu64 " + size %" PRIu64
			 " exceeds its size %" PRIu64,
			 (int)type, offset, size, index->sections[type].size);
}

/* ----------------------------------------------------------------------------------------- init */

static const uint32_t record_sizes[SECTION_KNOWN_COUNT + 1] = {
	[SECTION_TENSORS] = TENSOR_RECORD_SIZE, [SECTION_NAMES] = 1,
	[SECTION_DIMS] = DIM_RECORD_SIZE,       [SECTION_SLICES] = SLICE_RECORD_SIZE,
	[SECTION_EXTENTS] = EXTENT_RECORD_SIZE, [SECTION_CHUNK_DIGESTS] = CHUNK_DIGEST_RECORD_SIZE,
	[SECTION_SHARDS] = SHARD_RECORD_SIZE,   [SECTION_REGIONS] = REGION_RECORD_SIZE,
};

static enum cairn_status take_section(struct index *index, const struct container_footer *footer,
				      uint32_t type, struct cairn_error *error)
{
	const struct container_section *const section = container_footer_section(footer, type);

	if (section->record_size != record_sizes[type] || section->size % record_sizes[type] != 0)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "index section %" PRIu32 " of %" PRIu64
				 " bytes has records of %" PRIu32 " bytes, not %" PRIu32,
				 type, section->size, section->record_size, record_sizes[type]);
	index->sections[type] = *section;
	return CAIRN_OK;
}

static enum cairn_status take_counts(struct index *index, const struct container_footer *footer,
				     struct cairn_error *error)
{
	const uint64_t records = index->sections[SECTION_TENSORS].size / TENSOR_RECORD_SIZE;

	index->tensor_count = footer->tensor_count;
	index->metadata_count = footer->metadata_count;
	index->dim_count = index->sections[SECTION_DIMS].size / DIM_RECORD_SIZE;
	index->slice_count = index->sections[SECTION_SLICES].size / SLICE_RECORD_SIZE;
	index->extent_count = index->sections[SECTION_EXTENTS].size / EXTENT_RECORD_SIZE;
	index->chunk_count = index->sections[SECTION_CHUNK_DIGESTS].size / CHUNK_DIGEST_RECORD_SIZE;
	index->shard_count = index->sections[SECTION_SHARDS].size / SHARD_RECORD_SIZE;
	index->region_count = index->sections[SECTION_REGIONS].size / REGION_RECORD_SIZE;
	if (footer->tensor_count > records ||
	    footer->metadata_count != records - footer->tensor_count)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "the footer counts %" PRIu64 " tensors and %" PRIu64
				 " metadata entries, the index has %" PRIu64 " records",
				 footer->tensor_count, footer->metadata_count, records);
	if (footer->tensor_count > TENSOR_COUNT_MAX || footer->metadata_count > TENSOR_COUNT_MAX ||
	    index->shard_count > SHARD_COUNT_MAX || index->shard_count == 0)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " tensors, %" PRIu64 " metadata entries or %" PRIu64
				 " shards are out of limits",
				 footer->tensor_count, footer->metadata_count, index->shard_count);
	return CAIRN_OK;
}

enum cairn_status index_init(struct index *index, const struct container_footer *footer,
			     const uint8_t *image, struct cairn_error *error)
{
	struct index built = {.image = image, .root = footer->root};
	enum cairn_status status;

	for (uint32_t type = SECTION_TENSORS; type <= SECTION_KNOWN_COUNT; type++) {
		status = take_section(&built, footer, type, error);
		if (status != CAIRN_OK)
			return status;
	}
	if (!index_tree_layout(footer->sections_size, &built.tree) ||
	    built.tree.image_size != footer->index_size)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "index of %" PRIu64 " bytes with sections of %" PRIu64
				 ": the digest tree has another size",
				 footer->index_size, footer->sections_size);
	built.sections_size = footer->sections_size;
	built.foreign = (footer->incompat_flags & CONTAINER_INCOMPAT_FOREIGN) != 0;
	status = take_counts(&built, footer, error);
	if (status == CAIRN_OK)
		*index = built;
	return status;
}

/* -------------------------------------------------------------------------------------- records */

static enum cairn_status record_bytes(const struct index *index, enum section_type type,
				      uint64_t number, const uint8_t **bytes,
				      struct cairn_error *error)
{
	const uint64_t size = record_sizes[type];
	uint64_t offset = 0;

	if (!checked_multiply(number, size, &offset))
		offset = UINT64_MAX; /* refused by the gate */
	return index_bytes(index, type, offset, size, bytes, error);
}

/* What every user of a tensor record relies on. */
static enum cairn_status check_tensor(const struct tensor_record *record, uint64_t number,
				      struct cairn_error *error)
{
	if (record->rank > CAIRN_RANK_MAX || record->name_size > CAIRN_NAME_SIZE_MAX ||
	    record->block_elements == 0 || record->packing > PACKING_ROW ||
	    record->slice_count > SLICE_COUNT_MAX || record->size >= CONTAINER_SIZE_MAX)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "tensor record %" PRIu64
				 " is out of limits: rank %d, name of %" PRIu32
				 " bytes, block of %" PRIu32 " elements, packing %d, %" PRIu32
				 " slices, %" PRIu64 " bytes",
				 number, record->rank, record->name_size, record->block_elements,
				 record->packing, record->slice_count, record->size);
	return CAIRN_OK;
}

enum cairn_status index_tensor(const struct index *index, uint64_t number,
			       struct tensor_record *record, struct cairn_error *error)
{
	struct tensor_record decoded;
	const uint8_t *bytes = NULL;
	enum cairn_status status;

	if ((status = record_bytes(index, SECTION_TENSORS, number, &bytes, error)) != CAIRN_OK ||
	    (status = tensor_record_decode(bytes, &decoded, error)) != CAIRN_OK ||
	    (status = check_tensor(&decoded, number, error)) != CAIRN_OK)
		return status;
	*record = decoded;
	return CAIRN_OK;
}

enum cairn_status index_tensor_supported(const struct tensor_record *record,
					 struct cairn_error *error)
{
	if (record->digest_kind <= DIGEST_XXH3_128)
		return CAIRN_OK;
	return error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET, "unknown digest kind %d",
			 record->digest_kind);
}

static enum cairn_status check_slice(const struct slice_record *record, uint64_t number,
				     struct cairn_error *error)
{
	if (record->size >= CONTAINER_SIZE_MAX || !is_power_of_two(record->chunk_size) ||
	    record->chunk_size < CHUNK_SIZE_MIN || record->chunk_size > CHUNK_SIZE_MAX)
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "slice record %" PRIu64 " is out of limits: %" PRIu64
				 " bytes in chunks of %" PRIu32,
				 number, record->size, record->chunk_size);
	return CAIRN_OK;
}

enum cairn_status index_slice(const struct index *index, uint64_t number,
			      struct slice_record *record, struct cairn_error *error)
{
	struct slice_record decoded;
	const uint8_t *bytes = NULL;
	enum cairn_status status;

	if ((status = record_bytes(index, SECTION_SLICES, number, &bytes, error)) != CAIRN_OK ||
	    (status = slice_record_decode(bytes, &decoded, error)) != CAIRN_OK ||
	    (status = check_slice(&decoded, number, error)) != CAIRN_OK)
		return status;
	*record = decoded;
	return CAIRN_OK;
}

/* A compressed extent is shorter than what it becomes, and not shorter than it can be. */
static bool sizes_fit(const struct extent_record *record)
{
	if (record->codec == CODEC_RAW)
		return record->stored_size == record->size;
	return record->codec != CODEC_LZ4 ||
	       (record->stored_size < record->size &&
		lz4_block_can_hold(record->stored_size, record->size));
}

static bool codec_fits(const struct extent_record *record)
{
	if (record->codec == CODEC_RAW)
		return record->stored_digest == 0;
	return record->codec != CODEC_LZ4 || byte_shuffle_known(record->shuffle);
}

static enum cairn_status check_extent(const struct index *index, const struct extent_record *record,
				      uint64_t number, struct cairn_error *error)
{
	if (record->shard >= index->shard_count || record->size >= CONTAINER_SIZE_MAX ||
	    record->stored_size >= CONTAINER_SIZE_MAX || record->offset >= CONTAINER_SIZE_MAX ||
	    !sizes_fit(record) || !codec_fits(record))
		return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				 "extent record %" PRIu64 " is out of limits: shard %d of %" PRIu64
				 ", offset %" PRIu64 ", %" PRIu64 " stored bytes for %" PRIu64
				 ", codec %d, shuffle %d",
				 number, record->shard, index->shard_count, record->offset,
				 record->stored_size, record->size, record->codec, record->shuffle);
	return CAIRN_OK;
}

enum cairn_status index_extent(const struct index *index, uint64_t number,
			       struct extent_record *record, struct cairn_error *error)
{
	struct extent_record decoded;
	const uint8_t *bytes = NULL;
	enum cairn_status status;

	if ((status = record_bytes(index, SECTION_EXTENTS, number, &bytes, error)) != CAIRN_OK ||
	    (status = extent_record_decode(bytes, &decoded, error)) != CAIRN_OK ||
	    (status = check_extent(index, &decoded, number, error)) != CAIRN_OK)
		return status;
	*record = decoded;
	return CAIRN_OK;
}

enum cairn_status index_shard(const struct index *index, uint64_t number,
			      struct shard_record *record, struct cairn_error *error)
{
	const uint8_t *bytes = NULL;
	enum cairn_status status;

	status = record_bytes(index, SECTION_SHARDS, number, &bytes, error);
	return status == CAIRN_OK ? shard_record_decode(bytes, record, error) : status;
}

enum cairn_status index_region(const struct index *index, uint64_t number,
			       struct region_record *record, struct cairn_error *error)
{
	const uint8_t *bytes = NULL;
	enum cairn_status status;

	status = record_bytes(index, SECTION_REGIONS, number, &bytes, error);
	return status == CAIRN_OK ? region_record_decode(bytes, record, error) : status;
}

enum cairn_status index_name(const struct index *index, uint64_t offset, uint64_t size,
			     struct cairn_string *name, struct cairn_error *error)
{
	const uint8_t *bytes = NULL;
	enum cairn_status status;

	status = index_bytes(index, SECTION_NAMES, offset, size, &bytes, error);
	if (status == CAIRN_OK)
		*name = (struct cairn_string){(const char *)bytes, size};
	return status;
}

enum cairn_status index_probe(const struct index *index, uint64_t number, uint8_t *name_space,
			      struct cairn_string *name, struct cairn_error *error)
{
	const uint8_t *bytes = NULL;
	uint64_t offset;
	uint32_t size;
	enum cairn_status status;

	status = record_bytes(index, SECTION_TENSORS, number, &bytes, error);
	if (status != CAIRN_OK)
		return status;
	tensor_record_peek(bytes, &offset, &size, name_space);
	return index_name(index, offset, size, name, error);
}

void index_prefetch(const struct index *index, uint64_t number)
{
	const struct container_section *const section = &index->sections[SECTION_TENSORS];

	if (number < section->size / TENSOR_RECORD_SIZE)
		__builtin_prefetch(index->image + section->offset + number * TENSOR_RECORD_SIZE);
}

/* A run of records; numbers that wrap are refused by the gate. */
static enum cairn_status record_run(const struct index *index, enum section_type type,
				    uint64_t first, uint64_t count, const uint8_t **bytes,
				    struct cairn_error *error)
{
	uint64_t offset = 0;
	uint64_t size = 0;

	if (!checked_multiply(first, record_sizes[type], &offset) ||
	    !checked_multiply(count, record_sizes[type], &size))
		offset = size = UINT64_MAX;
	return index_bytes(index, type, offset, size, bytes, error);
}

enum cairn_status index_dims(const struct index *index, uint64_t first, uint64_t count,
			     const uint64_t **dims, struct cairn_error *error)
{
	const uint8_t *bytes = NULL;
	enum cairn_status status;

	status = record_run(index, SECTION_DIMS, first, count, &bytes, error);
	if (status ==
	    CAIRN_OK) /* images and sections are aligned to 8 at least: the opener sees to it */
		*dims = (const uint64_t *)(const void *)bytes;
	return status;
}

enum cairn_status index_chunk_digests(const struct index *index, uint64_t first, uint64_t count,
				      const uint8_t **digests, struct cairn_error *error)
{
	return record_run(index, SECTION_CHUNK_DIGESTS, first, count, digests, error);
}
