/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys under which TensorFlow's indexes hold the slices of partitioned tensors: name, rank and
 * extents in a form whose byte order is their own.
 *
 * Extents count as they are written: "0, 64" and "all of it" are different keys for the same region
 * of a dimension of 64. `ranges` are 2 * rank values (start, length); a length of CAIRN_FULL, whose
 * start is 0, is all of the dimension.
 */
#ifndef CAIRN_FORMAT_TENSORFLOW_SLICE_KEY_H
#define CAIRN_FORMAT_TENSORFLOW_SLICE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>

/* Starts and lengths are at most this, but for CAIRN_FULL. */
#define SLICE_KEY_NUMBER_MAX ((uint64_t)INT64_MAX)

/* Bytes of the key. A name of 1 MiB has at most 2 MiB here, each number at most 10 bytes. */
uint64_t slice_key_size(struct cairn_string name, uint32_t rank, const uint64_t *ranges);

/* Writes them. */
void slice_key_write(struct cairn_string name, uint32_t rank, const uint64_t *ranges, uint8_t *key);

/*
 * The key is one of a slice of a tensor of rank 1 to CAIRN_RANK_MAX, and the only one of its slice;
 * then also the size of the tensor's name and its rank. Any bytes may be asked about.
 */
bool slice_key_parse(struct cairn_string key, uint64_t *name_size, uint32_t *rank);

/* Of a key that slice_key_parse took: the name, into as many bytes, and 2 * rank values. */
void slice_key_read(struct cairn_string key, char *name, uint64_t *ranges);

#endif
