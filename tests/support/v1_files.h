/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow V1 checkpoints put together by hand, message by message, so that they can be wrong in
 * one place and right in all others.
 */
#ifndef CAIRN_TESTS_V1_FILES_H
#define CAIRN_TESTS_V1_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/raw_table.h"
#include "tests/support/safetensors_files.h"

enum {
	V1_ENTRIES_MAX = 16
};

/* Fields of a message that are put one after the other. */
struct v1_message_bytes {
	uint8_t *bytes; /* of `capacity` bytes */
	uint64_t size;
	uint64_t capacity;
};

void v1_put_varint(struct v1_message_bytes *message, uint32_t field, uint64_t value);
void v1_put_bytes(struct v1_message_bytes *message, uint32_t field, const void *bytes,
		  uint64_t size);
/* A packed field of varints. */
void v1_put_packed(struct v1_message_bytes *message, uint32_t field, const uint64_t *values,
		   uint64_t count);

struct v1_file {
	uint8_t *meta; /* fields of a SavedTensorSliceMeta */
	uint64_t meta_size;
	struct {
		uint8_t *key;
		uint64_t key_size;
		uint8_t *value;
		uint64_t value_size;
	} entries[V1_ENTRIES_MAX];
	uint32_t count;
};

/* With a version of producer 1. */
void v1_file_init(struct v1_file *file);
void v1_file_free(struct v1_file *file);

/* Describes a tensor; `ranges` are those of all slices, CAIRN_FULL for a length that is not
 * written. */
void v1_file_tensor(struct v1_file *file, const char *name, uint32_t dtype, uint32_t rank,
		    const uint64_t *dims, uint32_t slice_count, const uint64_t *ranges);

/* Adds the entry of a slice: its values are the fields of a TensorProto. */
void v1_file_values(struct v1_file *file, const char *name, uint32_t rank, const uint64_t *ranges,
		    const void *values, uint64_t size);

/* Both, for a tensor of rank 1 that is whole. */
void v1_file_vector(struct v1_file *file, const char *name, uint32_t dtype, uint64_t count,
		    const void *values, uint64_t size);

/* The bytes of the table, to be freed; written, or as one block in Snappy's form. */
struct bytes v1_file_bytes(const struct v1_file *file);
struct bytes v1_file_compressed(const struct v1_file *file);

void v1_file_write(const struct v1_file *file, const struct world *world, const char *name);

/* -------------------------------------------------------------------------------------- samples */

extern const float v1_floats[4];

/* Columns of "part", int32 [4, 6], whose elements count from 0: `count` of them from `first` on,
 * which is what `ranges` says. */
void v1_file_columns(struct v1_file *file, const uint64_t *ranges, int32_t first, int32_t count);

/* Three files: columns [0, 2) of "part"; the others, unless it is to be incomplete; and "w", the
 * floats. */
void v1_write_shards(const struct world *world, bool complete);
#define V1_SHARDS "m-\?\?\?\?\?-of-00003" /* no trigraph */

/* One tensor of each form: "f" the floats, "i" int32 [2], "s" string [1]. To be freed. */
struct bytes v1_small_table(void);

#endif
