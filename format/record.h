/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixed-size records of the index image.
 *
 * For each record: offsets as enum constants that tile it, a decoded struct with the same names,
 * and an encode / decode pair that mirror each other. Decoding copies the values out of the image,
 * so that they can be checked and then used even when someone else changes the file; it checks what
 * concerns the record alone (known flags, reserved bytes). FORMAT.md, "Records", is the
 * specification.
 */
#ifndef CAIRN_FORMAT_RECORD_H
#define CAIRN_FORMAT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

/* On disk; never renumbered. */
enum name_space {
	NAME_SPACE_TENSOR = 0,
	NAME_SPACE_METADATA = 1
};

enum packing_scope {
	PACKING_FLAT = 0, /* blocks run over the whole tensor */
	PACKING_ROW = 1   /* blocks lie within a row of the last dimension */
};

enum digest_kind {
	DIGEST_NONE = 0,
	DIGEST_XXH3_128 = 1
};

enum element_transform {
	TRANSFORM_NONE = 0,
	TRANSFORM_SWAP = 1, /* transform_value: bytes of a word */
	TRANSFORM_STRIDED = 2,
	/* extents of 4096 elements each; transform_value: bytes of an element, and 256 when every
	   number but 0 stands for 1 */
	TRANSFORM_PACKED_VARINT = 3,
	/* transform_value: twice the number of elements, and 1 when the writer was big-endian */
	TRANSFORM_TENSORFLOW_STRING = 4,
	TRANSFORM_TENSORFLOW_VARIANT = 5,
	TRANSFORM_CONJUGATE = 6,
	TRANSFORM_NEGATE = 7,
	/* fields of a TensorProto; transform_value: elements */
	TRANSFORM_TENSORFLOW_STRING_FIELDS = 8
};

enum check_kind {
	CHECK_NONE = 0,
	CHECK_CHUNKS = 1, /* the chunk digests */
	CHECK_CRC32C = 2, /* of the whole slice */
	CHECK_TENSORFLOW_STRING_CRC = 3,
	CHECK_TENSORFLOW_VARIANT_CRC = 4,
	CHECK_ZIP_CRC32 = 5,
	/* of the stored bytes, when a checksum of the format that is over more than them had been
	   compared: the file does not have it */
	CHECK_CRC32C_AT_OPEN = 6
};

enum extent_codec {
	CODEC_RAW = 0,
	CODEC_LZ4 = 1
};

enum shard_kind {
	SHARD_SELF = 0,    /* this file; shard 0 and only shard 0 */
	SHARD_SIBLING = 1, /* another container of the same folder */
	SHARD_FOREIGN = 2, /* a foreign file (incompat flag FOREIGN) */
	SHARD_DERIVED = 3  /* decoded from a range of another shard (incompat flag FOREIGN) */
};

enum region_kind {
	REGION_DATA = 1,  /* extents, zeros between them */
	REGION_OPAQUE = 2 /* bytes of an unknown section type, with a digest */
};

enum tensor_flag {
	TENSOR_INCOMPLETE = 1u << 0,
	TENSOR_ALIAS = 1u << 1
};
#define TENSOR_FLAGS_KNOWN ((uint32_t)(TENSOR_INCOMPLETE | TENSOR_ALIAS))

enum slice_flag {
	SLICE_WHOLE = 1u << 0 /* all of the tensor; no ranges are stored */
};
#define SLICE_FLAGS_KNOWN ((uint8_t)SLICE_WHOLE)

enum record_size {
	TENSOR_RECORD_SIZE = 96,
	SLICE_RECORD_SIZE = 64,
	EXTENT_RECORD_SIZE = 48,
	SHARD_RECORD_SIZE = 112,
	REGION_RECORD_SIZE = 48,
	DIM_RECORD_SIZE = 8,
	CHUNK_DIGEST_RECORD_SIZE = 16
};

struct tensor_record {
	uint64_t name_offset; /* in the names section */
	uint32_t name_size;
	uint16_t dtype;
	uint8_t rank;
	uint8_t name_space;
	uint64_t dims_index; /* of the first of `rank` values in the dims section */
	uint64_t slice_index;
	uint32_t slice_count;
	uint32_t flags;
	uint64_t alias_of; /* with TENSOR_ALIAS: number of the tensor record that holds the bytes */
	uint32_t block_elements;
	uint32_t block_bytes;
	uint8_t packing;
	uint8_t digest_kind;
	struct cairn_digest digest;
	uint64_t size; /* raw bytes of the whole tensor */
};

struct slice_record {
	uint64_t ranges_index; /* of the first of 2 * rank values in the dims section, unless whole
				*/
	uint64_t extent_index;
	uint32_t extent_count;
	uint32_t storage_rank;
	uint64_t size;        /* raw bytes */
	uint64_t chunk_index; /* of the first chunk digest */
	uint32_t chunk_size;
	uint8_t transform;
	uint8_t check_kind;
	uint8_t digest_kind;
	uint8_t flags;
	uint64_t check_value;
	uint64_t transform_value; /* what a transform needs to know; 0 without one */
};

struct extent_record {
	uint64_t offset;
	uint64_t stored_size;
	uint64_t size;          /* raw bytes */
	uint64_t stored_digest; /* XXH3-64 of the stored bytes when they are compressed, else 0 */
	uint16_t shard;
	uint8_t codec;
	uint8_t shuffle; /* element width of a byte shuffle before compression; 0: none */
};

struct shard_record {
	uint64_t name_offset;
	uint32_t name_size;
	uint8_t kind;
	uint8_t codec;   /* of a derived shard */
	uint16_t parent; /* of a derived shard */
	uint64_t size;   /* of the file; of a derived shard its raw size; of self 0 */
	uint64_t offset; /* of a derived shard, in its parent */
	uint64_t stored_size;
	struct cairn_digest content_id; /* of a sibling */
	uint64_t modified_ns;           /* identity of a foreign file */
	uint64_t changed_ns;
	uint64_t inode;
	struct cairn_digest header_digest; /* of the first header_size bytes of a foreign file */
	uint64_t header_size;
};

struct region_record {
	uint64_t offset;
	uint64_t size;
	uint32_t kind;
	uint32_t section_type;
	struct cairn_digest digest; /* of an opaque region */
};

/* The extents hold other bytes than the slice's raw ones: their sizes need not add up to its size.
 */
bool transform_changes_size(uint8_t transform);

void tensor_record_encode(const struct tensor_record *record, uint8_t bytes[TENSOR_RECORD_SIZE]);
void slice_record_encode(const struct slice_record *record, uint8_t bytes[SLICE_RECORD_SIZE]);
void extent_record_encode(const struct extent_record *record, uint8_t bytes[EXTENT_RECORD_SIZE]);
void shard_record_encode(const struct shard_record *record, uint8_t bytes[SHARD_RECORD_SIZE]);
void region_record_encode(const struct region_record *record, uint8_t bytes[REGION_RECORD_SIZE]);

/* Name and namespace alone, without any check. */
void tensor_record_peek(const uint8_t bytes[TENSOR_RECORD_SIZE], uint64_t *name_offset,
			uint32_t *name_size, uint8_t *name_space);

/* All return CAIRN_OK or CORRUPT (unknown flag, reserved byte not zero). */
enum cairn_status tensor_record_decode(const uint8_t bytes[TENSOR_RECORD_SIZE],
				       struct tensor_record *record, struct cairn_error *error);
enum cairn_status slice_record_decode(const uint8_t bytes[SLICE_RECORD_SIZE],
				      struct slice_record *record, struct cairn_error *error);
enum cairn_status extent_record_decode(const uint8_t bytes[EXTENT_RECORD_SIZE],
				       struct extent_record *record, struct cairn_error *error);
enum cairn_status shard_record_decode(const uint8_t bytes[SHARD_RECORD_SIZE],
				      struct shard_record *record, struct cairn_error *error);
enum cairn_status region_record_decode(const uint8_t bytes[REGION_RECORD_SIZE],
				       struct region_record *record, struct cairn_error *error);

#endif
