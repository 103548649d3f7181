/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors: a JSON header with names, types, shapes and ranges, then the bytes; and the JSON
 * index of a sharded model.
 *
 *      0    u64 N, little-endian
 *      8    N bytes of JSON, blanks allowed around it
 *      8+N  data, every byte of it in exactly one tensor
 *
 * Reading accepts what the official reader (Rust, 0.8) accepts and refuses what it refuses, with
 * its checks in its order. Stricter on purpose: no name twice, no key twice, no tensor as an array,
 * no type as an object. Limits that it does not have: ranks, names and keys of Cairn's size,
 * SAFETENSORS_METADATA_COUNT_MAX, sizes below 2^63. Everything that is read is untrusted; results
 * are borrowed from the header's bytes where possible, else in the arena.
 */
#ifndef CAIRN_FORMAT_SAFETENSORS_H
#define CAIRN_FORMAT_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/dtype.h>
#include <cairn/error.h>

#include "format/arena.h"
#include "format/build_list.h"

/* A path that ends so is the index of a sharded set. */
#define SAFETENSORS_INDEX_SUFFIX ".safetensors.index.json"

/* Bytes of the length in front of the header. */
#define SAFETENSORS_PREFIX_SIZE 8u

/* The longest header, as in every implementation. Applied to the index of a sharded model too. */
#define SAFETENSORS_HEADER_SIZE_MAX 100000000u

/* Entries of "__metadata__" (or of "metadata" of an index): bounds what a header of nothing else
 * can cost. */
#define SAFETENSORS_METADATA_COUNT_MAX (1u << 20)

struct safetensors_tensor {
	struct cairn_string name;
	const uint64_t *dims;
	uint64_t begin; /* from the start of the data */
	uint64_t end;
	enum cairn_dtype dtype;
	uint32_t key_offset; /* of its name in the file, quotes included */
	uint8_t rank;
};

struct safetensors_pair {
	struct cairn_string key;
	struct cairn_string value;
};

struct safetensors_header {
	/* in offset order; empty ones at the same place as in the header */
	struct safetensors_tensor *tensors;
	uint64_t tensor_count;
	uint32_t *name_order;              /* the tensors' numbers by name */
	struct safetensors_pair *metadata; /* in key order */
	uint64_t metadata_count;
	uint64_t data_offset; /* 8 + N */
};

/*
 * Could this be a safetensors file at all? Looks at the first `count` bytes only: the length is
 * plausible and the first byte behind it that is no blank is '{'. A true answer may still be
 * damaged, cut short or over a limit: safetensors_parse says. False: NOT_A_CHECKPOINT, unless a
 * name says that it is meant to be one.
 */
bool safetensors_probe(const uint8_t *bytes, size_t count, uint64_t file_size);

/*
 * The first checks, before the header is read: N from the first bytes of the file. TRUNCATED when
 * the file is shorter than the length, or than the header that it announces; LIMIT for N over
 * SAFETENSORS_HEADER_SIZE_MAX.
 */
enum cairn_status safetensors_header_size(const uint8_t *bytes, size_t count, uint64_t file_size,
					  uint64_t *header_size, struct cairn_error *error);

/*
 * `json`: the `header_size` bytes behind the length; must live as long as the result. Checks
 * everything, the sizes above again. CORRUPT; TRUNCATED when the data say more than the file has;
 * UNSUPPORTED for an unknown type; LIMIT; NO_MEMORY.
 */
enum cairn_status safetensors_parse(struct arena *arena, const char *json, uint64_t header_size,
				    uint64_t file_size, struct safetensors_header *header,
				    struct cairn_error *error);

/* ------------------------------------------------------------------------ for the index builder */

/*
 * Appends the tensors by name, whose data lie in `shard`, and the metadata by key, whose values are
 * appended to `literal` as string tensors, each at a multiple of 64. `first_rank` is the storage
 * rank of the first tensor (0 unless shards before this one hold some). Names and dims are borrowed
 * from `header`. LIMIT; NO_MEMORY.
 */
enum cairn_status safetensors_describe(struct arena *arena, const struct safetensors_header *header,
				       uint16_t shard, uint32_t first_rank, struct build_list *list,
				       struct literal_buffer *literal, struct cairn_error *error);

/* ----------------------------------------------------------------- the index of a sharded model */

struct safetensors_index_entry {
	struct cairn_string name;
	uint32_t shard; /* number in `shards` */
};

struct safetensors_index_metadata {
	struct cairn_string key;
	struct cairn_string value; /* a string's characters, of anything else its JSON */
	bool is_string;
};

struct safetensors_index {
	struct safetensors_index_entry *entries; /* in name order */
	uint64_t entry_count;
	struct cairn_string *shards; /* file names, in order, each once: base names */
	uint32_t shard_count;
	struct safetensors_index_metadata *metadata; /* in key order, total_size included */
	uint64_t metadata_count;
	bool has_total_size; /* a whole number of that name was there */
	uint64_t total_size;
};

/* `json` must live as long as the result. CORRUPT; LIMIT; NO_MEMORY. */
enum cairn_status safetensors_index_parse(struct arena *arena, const char *json, uint64_t size,
					  struct safetensors_index *index,
					  struct cairn_error *error);

/* The entry of a name, or NULL. */
const struct safetensors_index_entry *safetensors_index_find(const struct safetensors_index *index,
							     struct cairn_string name);

/*
 * A file name that an index may name: not empty, no '/', no NUL, no "..", not ".". CORRUPT, and
 * the message says which.
 */
enum cairn_status safetensors_check_shard_name(struct cairn_string name, struct cairn_error *error);

/* -------------------------------------------------------------------------------------- writing */

/*
 * Puts the tensors into the official writer's order (type descending by safetensors' order, then
 * name ascending) and gives them ranges without holes. `order`: their numbers in that order, in the
 * arena; `begin` and `end` are filled in, key_offset is not used. INVALID_ARGUMENT for a name that
 * is no UTF-8; UNSUPPORTED for a type that safetensors has no name for, and for the name
 * "__metadata__"; MISMATCH for a shape that ends within a byte; EXISTS for a name that is there
 * twice; LIMIT; NO_MEMORY. The tensor is named.
 */
enum cairn_status safetensors_plan_order(struct arena *arena, struct safetensors_tensor *tensors,
					 uint64_t count, uint32_t **order, uint64_t *data_size,
					 struct cairn_error *error);

/*
 * The header's bytes, the length in front included: "__metadata__" first (when there are pairs)
 * with its keys sorted, then the tensors in `order` with the ranges that they have, then blanks so
 * that all of it is a multiple of `alignment` (a power of two from 8 up; 0: 8). UNSUPPORTED as
 * above, EXISTS for a key that is there twice, INVALID_ARGUMENT for metadata that are no UTF-8 and
 * for another alignment, LIMIT for a header over SAFETENSORS_HEADER_SIZE_MAX; NO_MEMORY.
 */
struct safetensors_header_input {
	const struct safetensors_tensor *tensors;
	const uint32_t *order;
	uint64_t tensor_count;
	const struct safetensors_pair *metadata; /* in any order */
	uint64_t metadata_count;
	uint64_t alignment;
};
enum cairn_status safetensors_header_write(struct arena *arena,
					   const struct safetensors_header_input *input,
					   uint8_t **bytes, uint64_t *size,
					   struct cairn_error *error);

/*
 * The index of a sharded model, as huggingface_hub writes it, but with names in order: from
 * `entries` (in any order) and `shards`; total_size first in "metadata", from `total_size` whatever
 * `has_total_size` says, then the members of `metadata` but for that one, in key order. EXISTS for
 * a name or key that is there twice; INVALID_ARGUMENT for what is no UTF-8 or no shard's number;
 * LIMIT; NO_MEMORY. Not terminated.
 */
enum cairn_status safetensors_index_write(struct arena *arena,
					  const struct safetensors_index *index, char **json,
					  uint64_t *size, struct cairn_error *error);

#endif
