/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of TensorFlow put together by hand, so that they can be wrong in one place and right in
 * all others.
 */
#ifndef CAIRN_TESTS_RAW_TABLE_H
#define CAIRN_TESTS_RAW_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct raw_table {
	uint8_t *bytes; /* to be freed by raw_table_free */
	size_t size;
	size_t capacity;
};

struct raw_handle {
	uint64_t offset;
	uint64_t size;
};

void raw_table_free(struct raw_table *table);

void raw_put(struct raw_table *table, const void *bytes, size_t size);
void raw_put_varint(struct raw_table *table, uint64_t value);
void raw_put_u32(struct raw_table *table, uint32_t value);

/* An entry that shares `shared` bytes of the key before it. */
void raw_put_entry(struct raw_table *block, uint64_t shared, const char *rest, size_t rest_size,
		   const void *value, size_t value_size);

/* Appends a block and its sealed trailer. */
struct raw_handle raw_put_block(struct raw_table *table, const void *block, size_t size,
				uint8_t compression);

/* Appends an empty metaindex, an index with one entry for each handle, whose key is a byte of
 * `keys`, and the footer. */
void raw_finish(struct raw_table *table, const struct raw_handle *handles, size_t handle_count,
		const char *keys);

/* The block's CRC made right again. */
void raw_seal(uint8_t *bytes, struct raw_handle block);

/* The handles of a sound table's blocks: metaindex, index, then data blocks. */
size_t raw_blocks(const uint8_t *bytes, size_t size, struct raw_handle *blocks, size_t max);

#endif
