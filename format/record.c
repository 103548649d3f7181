/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records, field by field. The enums tile each record (a static assertion closes each of them;
 * those that others use too are in record_fields.h); encode and decode name the same fields in the
 * same order, so that a slip shows side by side and in the round-trip test.
 *
 * Decoding copies and checks what concerns a record alone. Whoever uses a value that points
 * somewhere checks where.
 */
#include "format/record.h"

#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"
#include "format/record_fields.h"

static void store_digest(uint8_t *bytes, const struct cairn_digest *digest)
{
	memcpy(bytes, digest->bytes, DIGEST_SIZE);
}

static struct cairn_digest load_digest(const uint8_t *bytes)
{
	struct cairn_digest digest;

	memcpy(digest.bytes, bytes, DIGEST_SIZE);
	return digest;
}

static enum cairn_status reserved_not_zero(const char *record, struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "reserved bytes of a %s record are not zero", record);
}

static enum cairn_status unknown_flags(const char *record, uint32_t flags,
				       struct cairn_error *error)
{
	return error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "a %s record has unknown flags 0x%x", record, flags);
}

/* --------------------------------------------------------------------------------------- tensor */

void tensor_record_encode(const struct tensor_record *record, uint8_t bytes[TENSOR_RECORD_SIZE])
{
	store_u64(bytes + TENSOR_NAME_OFFSET, record->name_offset);
	store_u32(bytes + TENSOR_NAME_SIZE, record->name_size);
	store_u16(bytes + TENSOR_DTYPE, record->dtype);
	bytes[TENSOR_RANK] = record->rank;
	bytes[TENSOR_NAME_SPACE] = record->name_space;
	store_u64(bytes + TENSOR_DIMS_INDEX, record->dims_index);
	store_u64(bytes + TENSOR_SLICE_INDEX, record->slice_index);
	store_u32(bytes + TENSOR_SLICE_COUNT, record->slice_count);
	store_u32(bytes + TENSOR_FLAGS, record->flags);
	store_u64(bytes + TENSOR_ALIAS_OF, record->alias_of);
	store_u32(bytes + TENSOR_BLOCK_ELEMENTS, record->block_elements);
	store_u32(bytes + TENSOR_BLOCK_BYTES, record->block_bytes);
	bytes[TENSOR_PACKING] = record->packing;
	bytes[TENSOR_DIGEST_KIND] = record->digest_kind;
	memset(bytes + TENSOR_RESERVED, 0, 6);
	store_digest(bytes + TENSOR_DIGEST, &record->digest);
	store_u64(bytes + TENSOR_SIZE, record->size);
	memset(bytes + TENSOR_RESERVED2, 0, 8);
}

void tensor_record_peek(const uint8_t bytes[TENSOR_RECORD_SIZE], uint64_t *name_offset,
			uint32_t *name_size, uint8_t *name_space)
{
	*name_offset = load_u64(bytes + TENSOR_NAME_OFFSET);
	*name_size = load_u32(bytes + TENSOR_NAME_SIZE);
	*name_space = bytes[TENSOR_NAME_SPACE];
}

enum cairn_status tensor_record_decode(const uint8_t bytes[TENSOR_RECORD_SIZE],
				       struct tensor_record *record, struct cairn_error *error)
{
	const struct tensor_record decoded = {
		.name_offset = load_u64(bytes + TENSOR_NAME_OFFSET),
		.name_size = load_u32(bytes + TENSOR_NAME_SIZE),
		.dtype = load_u16(bytes + TENSOR_DTYPE),
		.rank = bytes[TENSOR_RANK],
		.name_space = bytes[TENSOR_NAME_SPACE],
		.dims_index = load_u64(bytes + TENSOR_DIMS_INDEX),
		.slice_index = load_u64(bytes + TENSOR_SLICE_INDEX),
		.slice_count = load_u32(bytes + TENSOR_SLICE_COUNT),
		.flags = load_u32(bytes + TENSOR_FLAGS),
		.alias_of = load_u64(bytes + TENSOR_ALIAS_OF),
		.block_elements = load_u32(bytes + TENSOR_BLOCK_ELEMENTS),
		.block_bytes = load_u32(bytes + TENSOR_BLOCK_BYTES),
		.packing = bytes[TENSOR_PACKING],
		.digest_kind = bytes[TENSOR_DIGEST_KIND],
		.digest = load_digest(bytes + TENSOR_DIGEST),
		.size = load_u64(bytes + TENSOR_SIZE),
	};

	if (!all_zero(bytes + TENSOR_RESERVED, 6) || !all_zero(bytes + TENSOR_RESERVED2, 8))
		return reserved_not_zero("tensor", error);

	if ((decoded.flags & ~TENSOR_FLAGS_KNOWN) != 0)
		return unknown_flags("tensor", decoded.flags, error);

	*record = decoded;
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- slice */

bool transform_changes_size(uint8_t transform)
{
	return transform != TRANSFORM_NONE && transform != TRANSFORM_SWAP &&
	       transform != TRANSFORM_CONJUGATE && transform != TRANSFORM_NEGATE;
}

void slice_record_encode(const struct slice_record *record, uint8_t bytes[SLICE_RECORD_SIZE])
{
	store_u64(bytes + SLICE_RANGES_INDEX, record->ranges_index);
	store_u64(bytes + SLICE_EXTENT_INDEX, record->extent_index);
	store_u32(bytes + SLICE_EXTENT_COUNT, record->extent_count);
	store_u32(bytes + SLICE_STORAGE_RANK, record->storage_rank);
	store_u64(bytes + SLICE_SIZE, record->size);
	store_u64(bytes + SLICE_CHUNK_INDEX, record->chunk_index);
	store_u32(bytes + SLICE_CHUNK_SIZE, record->chunk_size);
	bytes[SLICE_TRANSFORM] = record->transform;
	bytes[SLICE_CHECK_KIND] = record->check_kind;
	bytes[SLICE_DIGEST_KIND] = record->digest_kind;
	bytes[SLICE_FLAGS] = record->flags;
	store_u64(bytes + SLICE_CHECK_VALUE, record->check_value);
	store_u64(bytes + SLICE_TRANSFORM_VALUE, record->transform_value);
}

enum cairn_status slice_record_decode(const uint8_t bytes[SLICE_RECORD_SIZE],
				      struct slice_record *record, struct cairn_error *error)
{
	const struct slice_record decoded = {
		.ranges_index = load_u64(bytes + SLICE_RANGES_INDEX),
		.extent_index = load_u64(bytes + SLICE_EXTENT_INDEX),
		.extent_count = load_u32(bytes + SLICE_EXTENT_COUNT),
		.storage_rank = load_u32(bytes + SLICE_STORAGE_RANK),
		.size = load_u64(bytes + SLICE_SIZE),
		.chunk_index = load_u64(bytes + SLICE_CHUNK_INDEX),
		.chunk_size = load_u32(bytes + SLICE_CHUNK_SIZE),
		.transform = bytes[SLICE_TRANSFORM],
		.check_kind = bytes[SLICE_CHECK_KIND],
		.digest_kind = bytes[SLICE_DIGEST_KIND],
		.flags = bytes[SLICE_FLAGS],
		.check_value = load_u64(bytes + SLICE_CHECK_VALUE),
		.transform_value = load_u64(bytes + SLICE_TRANSFORM_VALUE),
	};

	if ((decoded.flags & ~SLICE_FLAGS_KNOWN) != 0)
		return unknown_flags("slice", decoded.flags, error);

	*record = decoded;
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- extent */

void extent_record_encode(const struct extent_record *record, uint8_t bytes[EXTENT_RECORD_SIZE])
{
	store_u64(bytes + EXTENT_OFFSET, record->offset);
	store_u64(bytes + EXTENT_STORED_SIZE, record->stored_size);
	store_u64(bytes + EXTENT_SIZE, record->size);
	store_u64(bytes + EXTENT_STORED_DIGEST, record->stored_digest);
	store_u16(bytes + EXTENT_SHARD, record->shard);
	bytes[EXTENT_CODEC] = record->codec;
	bytes[EXTENT_SHUFFLE] = record->shuffle;
	memset(bytes + EXTENT_RESERVED, 0, 12);
}

enum cairn_status extent_record_decode(const uint8_t bytes[EXTENT_RECORD_SIZE],
				       struct extent_record *record, struct cairn_error *error)
{
	const struct extent_record decoded = {
		.offset = load_u64(bytes + EXTENT_OFFSET),
		.stored_size = load_u64(bytes + EXTENT_STORED_SIZE),
		.size = load_u64(bytes + EXTENT_SIZE),
		.stored_digest = load_u64(bytes + EXTENT_STORED_DIGEST),
		.shard = load_u16(bytes + EXTENT_SHARD),
		.codec = bytes[EXTENT_CODEC],
		.shuffle = bytes[EXTENT_SHUFFLE],
	};

	if (!all_zero(bytes + EXTENT_RESERVED, 12))
		return reserved_not_zero("extent", error);

	*record = decoded;
	return CAIRN_OK;
}

/* ---------------------------------------------------------------------------------------- shard */

enum {
	SHARD_NAME_OFFSET = 0,
	SHARD_NAME_SIZE = 8,
	SHARD_KIND = 12,
	SHARD_CODEC = 13,
	SHARD_PARENT = 14,
	SHARD_SIZE = 16,
	SHARD_OFFSET = 24,
	SHARD_STORED_SIZE = 32,
	SHARD_CONTENT_ID = 40,
	SHARD_MODIFIED_NS = 56,
	SHARD_CHANGED_NS = 64,
	SHARD_INODE = 72,
	SHARD_HEADER_DIGEST = 80,
	SHARD_HEADER_SIZE = 96,
	SHARD_RESERVED = 104,
	SHARD_END = 112
};
_Static_assert((int)SHARD_END == (int)SHARD_RECORD_SIZE, "the fields tile the record");

void shard_record_encode(const struct shard_record *record, uint8_t bytes[SHARD_RECORD_SIZE])
{
	store_u64(bytes + SHARD_NAME_OFFSET, record->name_offset);
	store_u32(bytes + SHARD_NAME_SIZE, record->name_size);
	bytes[SHARD_KIND] = record->kind;
	bytes[SHARD_CODEC] = record->codec;
	store_u16(bytes + SHARD_PARENT, record->parent);
	store_u64(bytes + SHARD_SIZE, record->size);
	store_u64(bytes + SHARD_OFFSET, record->offset);
	store_u64(bytes + SHARD_STORED_SIZE, record->stored_size);
	store_digest(bytes + SHARD_CONTENT_ID, &record->content_id);
	store_u64(bytes + SHARD_MODIFIED_NS, record->modified_ns);
	store_u64(bytes + SHARD_CHANGED_NS, record->changed_ns);
	store_u64(bytes + SHARD_INODE, record->inode);
	store_digest(bytes + SHARD_HEADER_DIGEST, &record->header_digest);
	store_u64(bytes + SHARD_HEADER_SIZE, record->header_size);
	memset(bytes + SHARD_RESERVED, 0, 8);
}

enum cairn_status shard_record_decode(const uint8_t bytes[SHARD_RECORD_SIZE],
				      struct shard_record *record, struct cairn_error *error)
{
	const struct shard_record decoded = {
		.name_offset = load_u64(bytes + SHARD_NAME_OFFSET),
		.name_size = load_u32(bytes + SHARD_NAME_SIZE),
		.kind = bytes[SHARD_KIND],
		.codec = bytes[SHARD_CODEC],
		.parent = load_u16(bytes + SHARD_PARENT),
		.size = load_u64(bytes + SHARD_SIZE),
		.offset = load_u64(bytes + SHARD_OFFSET),
		.stored_size = load_u64(bytes + SHARD_STORED_SIZE),
		.content_id = load_digest(bytes + SHARD_CONTENT_ID),
		.modified_ns = load_u64(bytes + SHARD_MODIFIED_NS),
		.changed_ns = load_u64(bytes + SHARD_CHANGED_NS),
		.inode = load_u64(bytes + SHARD_INODE),
		.header_digest = load_digest(bytes + SHARD_HEADER_DIGEST),
		.header_size = load_u64(bytes + SHARD_HEADER_SIZE),
	};

	if (!all_zero(bytes + SHARD_RESERVED, 8))
		return reserved_not_zero("shard", error);

	*record = decoded;
	return CAIRN_OK;
}

/* --------------------------------------------------------------------------------------- region */

enum {
	REGION_OFFSET = 0,
	REGION_SIZE = 8,
	REGION_KIND = 16,
	REGION_SECTION_TYPE = 20,
	REGION_DIGEST = 24,
	REGION_RESERVED = 40,
	REGION_END = 48
};
_Static_assert((int)REGION_END == (int)REGION_RECORD_SIZE, "the fields tile the record");

void region_record_encode(const struct region_record *record, uint8_t bytes[REGION_RECORD_SIZE])
{
	store_u64(bytes + REGION_OFFSET, record->offset);
	store_u64(bytes + REGION_SIZE, record->size);
	store_u32(bytes + REGION_KIND, record->kind);
	store_u32(bytes + REGION_SECTION_TYPE, record->section_type);
	store_digest(bytes + REGION_DIGEST, &record->digest);
	memset(bytes + REGION_RESERVED, 0, 8);
}

enum cairn_status region_record_decode(const uint8_t bytes[REGION_RECORD_SIZE],
				       struct region_record *record, struct cairn_error *error)
{
	const struct region_record decoded = {
		.offset = load_u64(bytes + REGION_OFFSET),
		.size = load_u64(bytes + REGION_SIZE),
		.kind = load_u32(bytes + REGION_KIND),
		.section_type = load_u32(bytes + REGION_SECTION_TYPE),
		.digest = load_digest(bytes + REGION_DIGEST),
	};

	if (!all_zero(bytes + REGION_RESERVED, 8))
		return reserved_not_zero("region", error);

	*record = decoded;
	return CAIRN_OK;
}
