/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a writer's items become in a TensorFlow checkpoint: blobs in data files, and the entries of
 * the index.
 */
#ifndef CAIRN_ENGINE_BUNDLE_PLAN_H
#define CAIRN_ENGINE_BUNDLE_PLAN_H

#include "engine/write/bundle_files.h"
#include "engine/write/writer.h"
#include "format/tensorflow_bundle.h"

/* Bytes without a gap: an item, or a piece that was cut off it. All pointers are in the writer's
 * arena, but for what is said. */
struct blob {
	const struct item *item;
	/* of a piece: `rank` starts, then `rank` lengths, within the item; NULL: all of it */
	const uint64_t *box;
	struct bundle_piece *entry; /* in the bundle: what the index says of it */
	uint64_t number;            /* of the tensor in the bundle */
	uint64_t size;
	uint32_t shard;
	uint32_t crc;     /* of strings: known before they are written */
	uint8_t *encoded; /* strings while their file is written; from system_allocate */
};

struct bundle_plan {
	struct blob *blobs; /* by shard, in the order in which they lie there */
	uint64_t blob_count;
	uint64_t *first_blobs; /* of each file */
	struct bundle_file *files;
	uint32_t file_count;
	struct bundle bundle; /* complete but for the CRCs */
};

/* Elements of an item, by axis and in all. */
uint64_t item_elements(const struct item *item);
void item_lengths(const struct item *item, uint64_t lengths[CAIRN_RANK_MAX]);

/* Bytes [offset, offset + size) of a blob that is not of strings. What the source returns. */
enum cairn_status blob_read(const struct blob *blob, uint64_t offset, uint64_t size, uint8_t *bytes,
			    struct stored_scratch *scratch, struct cairn_error *error);

/*
 * Plans what was added, which is grouped into tensors already. UNSUPPORTED with a list of what
 * TensorFlow cannot hold; LIMIT; NO_MEMORY; what reading strings of other checkpoints returns.
 */
enum cairn_status bundle_plan_make(struct cairn_writer *writer, struct bundle_plan *plan,
				   struct cairn_error *error);

/* Refuses what TensorFlow cannot hold: UNSUPPORTED with a list. */
enum cairn_status bundle_check_items(const struct cairn_writer *writer, struct cairn_error *error);

#endif
