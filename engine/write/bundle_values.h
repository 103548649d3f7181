/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items whose elements have sizes of their own, on their way into a TensorFlow data file.
 *
 * TensorFlow puts all lengths and their checksum in front, so that such a tensor is encoded in
 * memory: once to know its size, and again when its file is written.
 */
#ifndef CAIRN_ENGINE_BUNDLE_VALUES_H
#define CAIRN_ENGINE_BUNDLE_VALUES_H

#include "engine/write/writer.h"

/* Bytes that an item of `count` elements has in the data file. What the source returns; CORRUPT,
 * NO_MEMORY. */
enum cairn_status values_stored_size(struct system *system, const struct item *item, uint64_t count,
				     uint64_t *size, struct cairn_error *error);

/* These bytes, `size` as found before, from system_allocate, and their CRC. As above. */
enum cairn_status values_store(struct system *system, const struct item *item, uint64_t count,
			       uint64_t size, uint8_t **bytes, uint32_t *crc,
			       struct cairn_error *error);

#endif
