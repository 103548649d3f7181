/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's segments hold: the parts of items that the plan put there, zeros between them,
 * and a digest for each chunk, computed over the staging buffer that is then written.
 */
#include <assert.h>

#include "engine/write/pack_data.h"
#include "engine/write/report.h"
#include "engine/write/segment_writer.h"
#include "engine/write/writer.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

/* -------------------------------------------------------------------------------------- filling */

/* Fills a segment; what no part covers is zero. */
static enum cairn_status fill(void *context, uint64_t number, uint8_t *bytes,
			      struct stored_scratch *scratch, struct cairn_error *error)
{
	const struct cairn_writer *const writer = context;
	const struct segment *const segment = &writer->plan.segments[number];
	uint64_t filled = 0;

	for (uint64_t i = 0; i < segment->part_count; i++) {
		const struct part *const part = &writer->plan.parts[segment->first_part + i];
		const uint64_t start = part->item->extent.offset + part->offset - segment->offset;
		enum cairn_status status;

		assert(start >= filled && start + part->size <= segment->size);
		memset(bytes + filled, 0, start - filled);
		status = item_read(part->item, part->offset, part->size, bytes + start, scratch,
				   error);
		if (status != CAIRN_OK)
			return status;
		filled = start + part->size;
	}
	memset(bytes + filled, 0, segment->size - filled);
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- looking */

static void digest_part(const struct part *part, uint64_t chunk_size, const uint8_t *bytes)
{
	uint8_t *const digests = part->item->digests + part->offset / chunk_size * DIGEST_SIZE;

	for (uint64_t done = 0; done < part->size; done += chunk_size) {
		const uint64_t size = part->size - done < chunk_size ? part->size - done
								     : chunk_size;
		const struct cairn_digest digest = digest_bytes(bytes + done, size);

		memcpy(digests + done / chunk_size * DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
	}
}

static void look_at_part(struct report *report, const struct part *part, const uint8_t *bytes)
{
	const struct report_part looked_at = {.item = part->item,
					      .piece = part->item,
					      .offset = part->offset,
					      .size = part->size};

	report_look(report, &looked_at, bytes);
}

static void seal(void *context, uint64_t number, const uint8_t *bytes)
{
	const struct cairn_writer *const writer = context;
	const struct segment *const segment = &writer->plan.segments[number];

	for (uint64_t i = 0; i < segment->part_count; i++) {
		const struct part *const part = &writer->plan.parts[segment->first_part + i];
		const uint64_t start = part->item->extent.offset + part->offset - segment->offset;

		digest_part(part, writer->options.chunk_size, bytes + start);
		look_at_part(writer->report, part, bytes + start);
	}
}

/* -------------------------------------------------------------------------------------- writing */

static struct segment_place place(const void *context, uint64_t number)
{
	const struct cairn_writer *const writer = context;
	const struct segment *const segment = &writer->plan.segments[number];

	return (struct segment_place){.offset = segment->offset,
				      .size = segment->size,
				      .in_order = segment->has_callbacks};
}

enum cairn_status writer_write_data(struct cairn_writer *writer, const struct draft *draft,
				    const uint8_t header_page[CONTAINER_PAGE_SIZE],
				    struct cairn_error *error)
{
	const bool packed = writer->plan.packed;
	uint64_t end = CONTAINER_PAGE_SIZE;
	const struct segment_layout layout = {
		.count = writer->plan.segment_count,
		.size_max = writer->plan.segment_size_max,
		.place = place,
		.fill = fill,
		.seal = seal,
		.pack = packed ? pack_segment : NULL,
		.settle = packed ? settle_segment : NULL,
		.end = &end,
		.context = writer,
	};
	const struct segment_target target = {
		.system = writer->system,
		.fd = draft->fd,
		.thread_count = writer->options.thread_count,
		.progress = writer->options.progress,
		.progress_context = writer->options.progress_context,
		.total = writer->plan.file_size,
	};
	enum cairn_status status = draft_write(draft, 0, header_page, CONTAINER_PAGE_SIZE, error);

	if (status == CAIRN_OK)
		status = segments_write(&target, &layout, error);
	if (status != CAIRN_OK || !packed)
		return status;
	pack_hand_over(writer);
	return writer_plan_packed(writer, end, error);
}
