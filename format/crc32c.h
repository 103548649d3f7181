/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli), as TensorFlow checks tables and tensors with it. The only user of ISA-L.
 *
 * A CRC is the plain one: that of "123456789" is e3069283. Files hold it masked.
 */
#ifndef CAIRN_FORMAT_CRC32C_H
#define CAIRN_FORMAT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of bytes that `crc` is of, followed by these. Of no bytes it is 0. */
uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t size);

/* The CRC of bytes whose CRC is `first`, followed by `second_size` bytes whose CRC is `second`. */
uint32_t crc32c_combine(uint32_t first, uint32_t second, uint64_t second_size);

/* As it is stored beside what it is the CRC of, so that a CRC over both does not degenerate, and
 * back. */
uint32_t crc32c_mask(uint32_t crc);
uint32_t crc32c_unmask(uint32_t masked);

#endif
