/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snappy's raw form, as tables of TensorFlow may hold blocks in it. The only user of libsnappy.
 */
#ifndef CAIRN_FORMAT_SNAPPY_BLOCK_H
#define CAIRN_FORMAT_SNAPPY_BLOCK_H

#include <stdint.h>

#include <cairn/error.h>

/*
 * Bytes that it says it decodes to. CORRUPT when it says nothing, or more than so many stored bytes
 * can become: this is to be asked before anything is allocated.
 */
enum cairn_status snappy_block_size(const uint8_t *stored, uint64_t stored_size, uint64_t *size,
				    struct cairn_error *error);

/* Decodes into `size` bytes, as snappy_block_size found. CORRUPT. */
enum cairn_status snappy_block_decode(const uint8_t *stored, uint64_t stored_size, uint8_t *bytes,
				      uint64_t size, struct cairn_error *error);

#endif
