/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LZ4's block form: what the chunks of a compressed slice are stored in. The only user of liblz4.
 */
#ifndef CAIRN_FORMAT_LZ4_BLOCK_H
#define CAIRN_FORMAT_LZ4_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* False when no block of so many stored bytes decodes to `size`: to be asked before anything is
 * allocated for it. */
bool lz4_block_can_hold(uint64_t stored_size, uint64_t size);

/* Encodes `size` bytes, at most CHUNK_SIZE_MAX. Returns the bytes that it took, or 0 when they are
 * more than `room`. */
uint64_t lz4_block_encode(const uint8_t *bytes, uint64_t size, uint8_t *stored, uint64_t room);

/* Decodes into exactly `size` bytes, at most CHUNK_SIZE_MAX, and never writes more. False when the
 * block is none, or of another size; then the bytes may be anything. */
bool lz4_block_decode(const uint8_t *stored, uint64_t stored_size, uint8_t *bytes, uint64_t size);

#endif
