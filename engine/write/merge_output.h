/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing records into a merged index: what its tensors (merge_tensors.c) and everything else
 * (merge_write.c) have in common.
 */
#ifndef CAIRN_ENGINE_MERGE_OUTPUT_H
#define CAIRN_ENGINE_MERGE_OUTPUT_H

#include "engine/write/image_writer.h"
#include "engine/write/merge.h"

/* Neighbouring records, written one after the other. */
struct merge_output {
	struct merge *merge;
	struct merge_part *part; /* whose tensors they are; NULL: all that is no tensor */
	struct image_part image;
	struct merge_amounts used; /* where the next records begin, in the whole index */
	uint8_t apart[64]; /* one thread writes to this one, another to the next: no cache line is
			      both */
};

enum cairn_status merge_write_name(struct merge_output *output, struct cairn_string name,
				   struct cairn_error *error);
enum cairn_status merge_write_dims(struct merge_output *output, const uint64_t *dims,
				   uint64_t count, struct cairn_error *error);
enum cairn_status merge_write_record(struct merge_output *output,
				     const struct tensor_record *record, struct cairn_error *error);

/* Copies the records of a plain tensor. */
enum cairn_status merge_copy_plain(struct merge_output *output, const struct merge_entry *entry,
				   struct cairn_error *error);

/* All tensors of a part that was planned. */
enum cairn_status merge_write_part(struct merge_output *output, struct cairn_error *error);

/* All tensors of a part of a quick merge (merge_quick.c). */
enum cairn_status merge_copy_part(struct merge_output *output, struct cairn_error *error);

#endif
