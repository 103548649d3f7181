/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an index image: sections of fixed-size records, and the digest tree over them.
 *
 * The image is either trusted (built in memory by index_build) or comes from a file. Of the latter
 * nothing is believed before the 64 KiB block that holds it was compared with its digest, on the
 * way down from the root, when it is first touched; and every value is bounds-checked where it is
 * used all the same, since a digest proves no good will.
 *
 * No pointer into the image is formed but by index_bytes() in index_gate.h.
 *
 * Threads: all functions may run at once on one struct index. Two threads may verify the same
 * block; both get the same answer.
 */
#ifndef CAIRN_FORMAT_INDEX_H
#define CAIRN_FORMAT_INDEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <cairn/base.h>
#include <cairn/error.h>

#include "format/container.h"
#include "format/record.h"

/* 64 KiB blocks hold 4096 digests each: 4 levels of digests reach 2^63 bytes with room to spare. */
#define INDEX_TREE_LEVEL_MAX 4u

/* Where the digest blocks lie. Level 0 holds the digests of the sections' blocks, each further
 * level those of the one before. */
struct index_tree {
	uint32_t level_count; /* 0 when the sections are one block: the root is its digest */
	uint64_t section_blocks;
	struct {
		uint64_t offset;      /* in the image */
		uint64_t size;        /* bytes */
		uint64_t first_block; /* number of its first block, counting all blocks of the
					 image: sections first, then levels upwards */
	} levels[INDEX_TREE_LEVEL_MAX];
	uint64_t image_size;  /* end of the last level, or of the sections */
	uint64_t block_count; /* of sections and levels */
};

struct index {
	const uint8_t *image; /* borrowed */
	struct index_tree tree;
	struct cairn_digest root;
	uint64_t sections_size;                                     /* of all sections together */
	struct container_section sections[SECTION_KNOWN_COUNT + 1]; /* by type */
	uint64_t tensor_count;
	uint64_t metadata_count;
	uint64_t dim_count;
	uint64_t slice_count;
	uint64_t extent_count;
	uint64_t chunk_count;
	uint64_t shard_count;
	uint64_t region_count;
	bool foreign; /* transforms, foreign checks and derived shards are legal */

	/* Of an image from a file; NULL: trusted. One per block: 0 unknown, 1 verified. Borrowed.
	 */
	_Atomic uint8_t *block_states;
	/* Puts these image bytes, block number `block` of the tree, where the image is; NULL: they
	 * are there. Called before a block is read for the first time, by any thread, perhaps again
	 * for a block that is in use: what is there already must stay as it is. */
	enum cairn_status (*prepare)(void *context, uint64_t block, uint64_t offset, uint64_t size,
				     struct cairn_error *error);
	void *prepare_context;
	uint64_t file_offset; /* of the image in its file, for messages */
};

/* Lays the tree out over sections of that size. False when the size is over the limits. */
bool index_tree_layout(uint64_t sections_size, struct index_tree *tree);

/* Computes the levels of a tree into `image`, whose sections are complete, and the root. */
struct cairn_digest index_tree_build(const struct index_tree *tree, uint64_t sections_size,
				     uint8_t *image);

/*
 * Describes the image of a decoded footer. `image` is not touched. Its records are counted; sizes
 * that are no multiple of their records, sections out of bounds and a tree that does not fit are
 * CORRUPT. block_states: index->tree.block_count entries; the caller sets it, prepare and
 * file_offset afterwards (see index_tree_layout for the count).
 */
enum cairn_status index_init(struct index *index, const struct container_footer *footer,
			     const uint8_t *image, struct cairn_error *error);

/* Verifies the root's page: the top block of the tree. */
enum cairn_status index_verify_root(const struct index *index, struct cairn_error *error);

/* Verifies every block again, whatever is remembered; stops at the first that differs. */
enum cairn_status index_verify_all_blocks(const struct index *index, struct cairn_error *error);

/* Records by number. CORRUPT when the number or what the record says is out of bounds; CHECKSUM;
 * what `prepare` returns. */
enum cairn_status index_tensor(const struct index *index, uint64_t number,
			       struct tensor_record *record, struct cairn_error *error);
enum cairn_status index_slice(const struct index *index, uint64_t number,
			      struct slice_record *record, struct cairn_error *error);
enum cairn_status index_extent(const struct index *index, uint64_t number,
			       struct extent_record *record, struct cairn_error *error);
enum cairn_status index_shard(const struct index *index, uint64_t number,
			      struct shard_record *record, struct cairn_error *error);
enum cairn_status index_region(const struct index *index, uint64_t number,
			       struct region_record *record, struct cairn_error *error);

/* What a search needs of a record that it only passes by: its name and namespace. Reserved bytes
 * and limits are not looked at. */
enum cairn_status index_probe(const struct index *index, uint64_t number, uint8_t *name_space,
			      struct cairn_string *name, struct cairn_error *error);

/* Tells the processor that this record may be asked for soon; does nothing for a number that is
 * none. */
void index_prefetch(const struct index *index, uint64_t number);

/* Bytes of the names section. The pointer lives as long as the image. */
enum cairn_status index_name(const struct index *index, uint64_t offset, uint64_t size,
			     struct cairn_string *name, struct cairn_error *error);

/* `count` values of the dims section from `first` on; 8-byte aligned. Never NULL. */
enum cairn_status index_dims(const struct index *index, uint64_t first, uint64_t count,
			     const uint64_t **dims, struct cairn_error *error);

/* `count` chunk digests from `first` on, DIGEST_SIZE bytes each. Never NULL. */
enum cairn_status index_chunk_digests(const struct index *index, uint64_t first, uint64_t count,
				      const uint8_t **digests, struct cairn_error *error);

/*
 * Binary search in a namespace. NOT_FOUND without a message of its own; CORRUPT when the names that
 * were compared are not in order, so that a damaged order is not mistaken for absence.
 */
enum cairn_status index_find(const struct index *index, enum name_space name_space,
			     struct cairn_string name, uint64_t *number,
			     struct tensor_record *record, struct cairn_error *error);

/* Record `number` as iteration meets it: name after its predecessor's, ranges beginning where the
 * predecessor's ended. */
enum cairn_status index_tensor_in_order(const struct index *index, uint64_t number,
					struct tensor_record *record, struct cairn_error *error);

/*
 * The slices of a record: its own, or those of the tensor that it is an alias of. Checks the alias
 * (earlier, no alias itself, same type, shape, digest and INCOMPLETE flag).
 */
enum cairn_status index_resolve_alias(const struct index *index, uint64_t number,
				      const struct tensor_record *record,
				      struct tensor_record *holder, struct cairn_error *error);

/* UNSUPPORTED when the bytes of a tensor are digested in a way that this version does not know; its
 * record can be listed all the same. */
enum cairn_status index_tensor_supported(const struct tensor_record *record,
					 struct cairn_error *error);

int index_name_compare(struct cairn_string a, struct cairn_string b);

#endif
