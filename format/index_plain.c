/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See index_plain.h. Bytes are copied out of the image first and checked then. The checks are those
 * of record.c and index.c, without decoding: check_index_plain compares the two.
 */
#include "format/index_plain.h"

#include "format/byte_shuffle.h"
#include "format/digest.h"
#include "format/index_gate.h"
#include "format/lz4_block.h"
#include "format/record_fields.h"

/* As tensor_record_decode and index_tensor, for a tensor that is plain. */
static bool is_plain_record(const uint8_t *record)
{
	return load_u16(record + TENSOR_RESERVED) == 0 &&
	       load_u32(record + TENSOR_RESERVED + 2) == 0 &&
	       load_u64(record + TENSOR_RESERVED2) == 0 && load_u32(record + TENSOR_FLAGS) == 0 &&
	       load_u32(record + TENSOR_SLICE_COUNT) == 1 &&
	       load_u64(record + TENSOR_ALIAS_OF) == 0 &&
	       load_u32(record + TENSOR_BLOCK_ELEMENTS) != 0 &&
	       record[TENSOR_PACKING] <= PACKING_ROW &&
	       load_u64(record + TENSOR_SIZE) < CONTAINER_SIZE_MAX;
}

/* As index_slice; the digests that it has. */
static bool count_chunks(const uint8_t *slice, uint64_t *count)
{
	const uint64_t size = load_u64(slice + SLICE_SIZE);
	const uint32_t chunk_size = load_u32(slice + SLICE_CHUNK_SIZE);

	if (size >= CONTAINER_SIZE_MAX || !is_power_of_two(chunk_size) ||
	    chunk_size < CHUNK_SIZE_MIN || chunk_size > CHUNK_SIZE_MAX)
		return false;
	*count = slice[SLICE_DIGEST_KIND] == DIGEST_NONE
			 ? 0
			 : (size + chunk_size - 1) >> __builtin_ctz(chunk_size);
	return true;
}

/* As index_extent. What is raw comes first: nearly all of what is merged. */
static bool codec_fits(const uint8_t *extent, uint64_t stored_size, uint64_t size)
{
	const uint8_t codec = extent[EXTENT_CODEC];

	if (codec == CODEC_RAW)
		return stored_size == size && load_u64(extent + EXTENT_STORED_DIGEST) == 0;
	return codec != CODEC_LZ4 || (stored_size < size && lz4_block_can_hold(stored_size, size) &&
				      byte_shuffle_known(extent[EXTENT_SHUFFLE]));
}

/* As extent_record_decode and index_extent. */
static bool is_good_extent(const struct index *index, const uint8_t *extent)
{
	const uint64_t stored_size = load_u64(extent + EXTENT_STORED_SIZE);
	const uint64_t size = load_u64(extent + EXTENT_SIZE);

	return load_u64(extent + EXTENT_OFFSET) < CONTAINER_SIZE_MAX && size < CONTAINER_SIZE_MAX &&
	       stored_size < CONTAINER_SIZE_MAX &&
	       load_u16(extent + EXTENT_SHARD) < index->shard_count &&
	       load_u32(extent + EXTENT_RESERVED) == 0 &&
	       load_u64(extent + EXTENT_RESERVED + 4) == 0 && codec_fits(extent, stored_size, size);
}

/* `count` records of `size` bytes, from number `first` on. */
static bool find_records(const struct index *index, enum section_type type, uint64_t first,
			 uint64_t count, uint64_t size, const uint8_t **bytes)
{
	uint64_t offset;

	return checked_multiply(first, size, &offset) &&
	       index_bytes(index, type, offset, count * size, bytes, NULL) == CAIRN_OK;
}

/* Memory for copies. */
struct stage {
	uint8_t *next;
	uint64_t left;
};

static const uint8_t *take_copy(struct stage *stage, const uint8_t *bytes, uint64_t size)
{
	uint8_t *const copy = stage->next;

	if (bytes != NULL) /* of no records there are none */
		memcpy(copy, bytes, size);
	stage->next += size;
	stage->left -= size;
	return copy;
}

/* A copy of records. */
static bool copy_records(const struct index *index, enum section_type type, uint64_t first,
			 uint64_t count, uint64_t size, struct stage *stage, const uint8_t **copy)
{
	const uint8_t *bytes = NULL;

	if (count * size > stage->left || !find_records(index, type, first, count, size, &bytes))
		return false;
	*copy = take_copy(stage, bytes, count * size);
	return true;
}

static bool copy_extents(const struct index *index, struct stage *stage,
			 struct plain_tensor *tensor)
{
	tensor->extent_count = load_u32(tensor->slice + SLICE_EXTENT_COUNT);
	if (!copy_records(index, SECTION_EXTENTS, load_u64(tensor->slice + SLICE_EXTENT_INDEX),
			  tensor->extent_count, EXTENT_RECORD_SIZE, stage, &tensor->extents))
		return false;
	for (uint32_t i = 0; i < tensor->extent_count; i++) {
		if (!is_good_extent(index, tensor->extents + (uint64_t)i * EXTENT_RECORD_SIZE))
			return false;
	}
	return true;
}

static bool copy_slice(const struct index *index, struct stage *stage, struct plain_tensor *tensor)
{
	return copy_records(index, SECTION_SLICES, load_u64(tensor->record + TENSOR_SLICE_INDEX), 1,
			    SLICE_RECORD_SIZE, stage, &tensor->slice) &&
	       tensor->slice[SLICE_FLAGS] == SLICE_WHOLE &&
	       count_chunks(tensor->slice, &tensor->chunk_count) &&
	       copy_extents(index, stage, tensor) &&
	       find_records(index, SECTION_CHUNK_DIGESTS,
			    load_u64(tensor->slice + SLICE_CHUNK_INDEX), tensor->chunk_count,
			    CHUNK_DIGEST_RECORD_SIZE, &tensor->digests);
}

static bool copy_name(const struct index *index, struct stage *stage, struct plain_tensor *tensor)
{
	const uint32_t size = load_u32(tensor->record + TENSOR_NAME_SIZE);
	const uint8_t *name = NULL;

	if (size > CAIRN_NAME_SIZE_MAX || size > stage->left ||
	    index_bytes(index, SECTION_NAMES, load_u64(tensor->record + TENSOR_NAME_OFFSET), size,
			&name, NULL) != CAIRN_OK)
		return false;
	tensor->image_name = (struct cairn_string){(const char *)name, size};
	tensor->name = (struct cairn_string){(const char *)take_copy(stage, name, size), size};
	return true;
}

static bool find_dims(const struct index *index, struct plain_tensor *tensor)
{
	tensor->rank = tensor->record[TENSOR_RANK];
	return tensor->rank <= CAIRN_RANK_MAX &&
	       find_records(index, SECTION_DIMS, load_u64(tensor->record + TENSOR_DIMS_INDEX),
			    tensor->rank, DIM_RECORD_SIZE, &tensor->dims);
}

bool index_plain_tensor(const struct index *index, uint64_t number, uint8_t **next,
			struct plain_tensor *tensor)
{
	struct stage stage = {*next, PLAIN_SIZE_MAX};

	if (!copy_records(index, SECTION_TENSORS, number, 1, TENSOR_RECORD_SIZE, &stage,
			  &tensor->record) ||
	    !is_plain_record(tensor->record) || !copy_name(index, &stage, tensor) ||
	    !find_dims(index, tensor) || !copy_slice(index, &stage, tensor))
		return false;
	*next = stage.next;
	return true;
}

void plain_tensor_copy_rest(struct plain_tensor *tensor, uint8_t **next, uint64_t most)
{
	const uint64_t dims = (uint64_t)tensor->rank * DIM_RECORD_SIZE;
	const uint64_t digests = tensor->chunk_count * DIGEST_SIZE;
	struct stage stage = {*next, most};

	if (dims + digests > most)
		return;
	tensor->dims = take_copy(&stage, tensor->dims, dims);
	tensor->digests = take_copy(&stage, tensor->digests, digests);
	*next = stage.next;
}
