/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow checkpoints of the first format: tables that hold both what tensors there are and
 * their values, each slice of a tensor as one message.
 *
 * Reading finds where the values lie and leaves them there: numbers of four and eight bytes as they
 * are, all others as varints, strings as fields of a message. What cannot be used where it lies
 * (compressed blocks, values that are scattered over a message) is copied. So memory grows with the
 * number of slices, and with the size of what was compressed.
 */
#ifndef CAIRN_FORMAT_TENSORFLOW_V1_H
#define CAIRN_FORMAT_TENSORFLOW_V1_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/dtype.h>
#include <cairn/error.h>

#include "format/arena.h"
#include "format/build_list.h"
#include "format/record.h"
#include "format/tensorflow_table.h"
#include "format/tensorflow_values.h"

/* One slice, or all of a tensor. */
struct v1_slice {
	const uint64_t *ranges; /* 2 * rank values (start, length), literal; NULL with rank 0 */
	uint64_t elements;
	uint64_t size; /* raw bytes */
	const struct extent_record *extents;
	uint64_t transform_value;
	uint32_t extent_count;
	uint32_t storage_rank; /* in the order of files and of places in them */
	uint32_t crc;          /* CRC-32C of the stored bytes */
	uint8_t transform;
	uint8_t rank;
};

/* What one file says about a tensor. */
struct v1_tensor {
	struct cairn_string name;
	enum cairn_dtype dtype;
	uint8_t rank;
	uint16_t shard;
	uint32_t slice_count; /* at least 1 */
	const uint64_t *dims;
	uint64_t elements;
	struct v1_slice *slices; /* in stored order */
};

/* Starts zeroed. */
struct v1_checkpoint {
	struct v1_tensor *tensors; /* file by file */
	uint64_t tensor_count;
	uint64_t capacity;
	uint64_t slice_count;
	struct literal_buffer literal; /* values that were copied: shard 0 */
};

/*
 * Reads one file, a table that was just opened, to its end: what it says is added to the
 * checkpoint. `shard` is the number that extents get.
 *
 * CORRUPT; CHECKSUM; UNSUPPORTED (version, type, compression, a name that is not UTF-8); LIMIT;
 * NO_MEMORY; what the table's source returns.
 */
enum cairn_status v1_read_file(struct arena *arena, struct table_reader *table, uint16_t shard,
			       struct v1_checkpoint *checkpoint, struct cairn_error *error);

/*
 * Puts together what the files say, and appends the tensors by name, for index_build. CORRUPT when
 * files disagree about a tensor or slices overlap; LIMIT; NO_MEMORY.
 */
enum cairn_status v1_describe(struct arena *arena, struct v1_checkpoint *checkpoint,
			      struct build_list *list, struct cairn_error *error);

/* -------------------------------------------------------------------------------------- writing */

/* A tensor, or a slice of one, with its values. All pointers are borrowed. */
struct v1_piece {
	struct cairn_string name;
	enum cairn_dtype dtype;
	uint32_t rank;
	const uint64_t *dims;   /* of the whole */
	const uint64_t *ranges; /* 2 * rank values, literal; NULL: all of it */
	uint64_t elements;      /* of the piece */
	/* Little-endian and in a row; of strings their ends, 8 bytes each, then their bytes. */
	const uint8_t *values;
};

/* TensorFlow's writer takes values of the type. */
bool v1_can_write(enum cairn_dtype dtype);

/*
 * The file of these pieces, in the arena, as TensorFlow writes it. INVALID_ARGUMENT (a type that it
 * does not write, a piece twice), LIMIT (2 GiB in one piece), NO_MEMORY.
 */
enum cairn_status v1_write(struct arena *arena, const struct v1_piece *pieces, uint64_t count,
			   uint8_t **bytes, uint64_t *size, struct cairn_error *error);

/* ------------------------------------------------------------------------- values, when opening */

/* The message that holds the values of a slice. */
struct v1_message {
	const uint8_t *bytes;
	uint64_t size;
	uint64_t offset; /* in the file; CAIRN_ERROR_NO_OFFSET: it was compressed */
	uint16_t shard;
	enum cairn_dtype dtype;
};

/* Finds the values, which must be `slice->elements`, and fills in all but `storage_rank`. CORRUPT,
 * UNSUPPORTED (no such type in this format), NO_MEMORY. */
enum cairn_status v1_locate_values(struct arena *arena, const struct v1_message *message,
				   struct literal_buffer *literal, struct v1_slice *slice,
				   struct cairn_error *error);

/* ------------------------------------------------------------------------- values, when reading */

/*
 * TRANSFORM_PACKED_VARINT: each extent of a slice holds this many elements, the last one the rest,
 * so that any of them are found without a look at all that come before.
 */
#define V1_RUN_ELEMENTS 4096u

/* transform_value: bytes of an element, and this when every number but 0 stands for 1. */
#define V1_BOOL UINT64_C(0x100)

/* Bytes of an element; 0: not a value that this version knows. */
uint32_t v1_varint_width(uint64_t transform_value);

/* Makes `count` elements from all of the stored bytes; false when these hold more or fewer. */
bool v1_decode_varints(const uint8_t *stored, uint64_t stored_size, uint64_t transform_value,
		       uint64_t count, uint8_t *raw);

/* TRANSFORM_TENSORFLOW_STRING_FIELDS: as values_copy, of fields of a message in a row. CORRUPT when
 * they are not what was found when the file was opened. */
enum cairn_status v1_copy_strings(const struct values *values, uint64_t raw_size, uint64_t offset,
				  uint64_t size, uint8_t *buffer, struct cairn_error *error);

#endif
