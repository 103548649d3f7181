/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an edited container will be: the records that it had, but for what is unset or renamed, over
 * the data that it had; and the values that are set, in a region of their own behind them.
 */
#ifndef CAIRN_ENGINE_EDIT_PLAN_H
#define CAIRN_ENGINE_EDIT_PLAN_H

#include <cairn/edit.h>

#include "engine/read/reader.h"
#include "engine/write/writer.h"

/* A stretch of the file. */
struct edit_range {
	uint64_t offset;
	uint64_t size;
};

struct edit_plan {
	const struct cairn_reader *reader; /* borrowed */
	const struct cairn_edit_options *options;
	struct arena *arena;         /* borrowed */
	struct cairn_writer *values; /* owned: what is set, as a writer describes it */
	struct build_input input;    /* of the new index */
	struct edit_range *cleared;  /* in the arena: data that nothing refers to any more */
	uint64_t cleared_count;
	uint64_t cleared_capacity;
	uint64_t cleared_bytes;
	struct region_record *regions; /* in the arena: those of data, and the new one */
	uint32_t region_count;
	uint32_t kept_count; /* of the old file */
	uint64_t data_end;
	uint64_t index_offset;
	uint64_t index_size;
	uint64_t file_size;
	struct cairn_edit_report report;
};

/* Plans everything; end it in any case. What cairn_edit returns up to there. */
enum cairn_status edit_plan_make(struct edit_plan *plan, const struct cairn_reader *reader,
				 const struct cairn_edit_options *options, struct arena *arena,
				 struct cairn_error *error);
void edit_plan_end(struct edit_plan *plan);

#endif
