/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics over a tensor's values.
 *
 * One pass in row-major order. A tensor that is mapped in one piece is verified and summed up chunk
 * by chunk where it lies, so that the second look finds the bytes in the processor's cache; all
 * others go through a buffer. Which way it was makes no difference to the result.
 */
#include <cairn/stats.h>

#include <inttypes.h>
#include <math.h>

#include "engine/read/gather.h"
#include "engine/read/stored.h"
#include "format/bytes.h"
#include "format/error.h"
#include "format/summary.h"

#define BUFFER_SIZE ((uint64_t)1 << 20)

/* Summed up at a time, while it is in the processor's cache. */
#define PIECE_SIZE ((uint64_t)256 << 10)

struct pass {
	const struct cairn_tensor *tensor;
	struct cairn_stats_options options;
	struct tensor_record holder;
	struct region region;
	struct summary *summary; /* owned */
};

static enum cairn_status report(const struct pass *pass, uint64_t done, struct cairn_error *error)
{
	const struct cairn_stats_options *const options = &pass->options;

	if (options->progress == NULL ||
	    options->progress(options->progress_context, done, pass->region.size) == 0)
		return CAIRN_OK;
	return error_set(error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
			 "cancelled after %" PRIu64 " bytes", done);
}

/* A step of a mapped slice, verified piece by piece. */
static enum cairn_status sum_step(const struct pass *pass, const struct stored *stored,
				  uint64_t offset, uint64_t size, struct cairn_error *error)
{
	for (uint64_t done = 0; done < size; done += PIECE_SIZE) {
		const uint64_t piece = size - done < PIECE_SIZE ? size - done : PIECE_SIZE;
		const enum cairn_status status = stored_verify(stored, offset + done, piece, error);

		if (status != CAIRN_OK)
			return status;
		summary_add(pass->summary, stored_address(stored, offset + done), piece);
	}
	return CAIRN_OK;
}

static enum cairn_status sum_mapped(const struct pass *pass, const struct stored *stored,
				    uint64_t offset, struct cairn_error *error)
{
	const uint64_t size = pass->region.size;

	for (uint64_t done = 0; done < size; done += FILE_STEP_SIZE) {
		const uint64_t step = size - done < FILE_STEP_SIZE ? size - done : FILE_STEP_SIZE;
		enum cairn_status status = stored_prepare(stored, offset + done, step, error);

		if (status == CAIRN_OK)
			status = sum_step(pass, stored, offset + done, step, error);
		if (status == CAIRN_OK)
			status = report(pass, done + step, error);
		if (status != CAIRN_OK)
			return status;
	}
	return CAIRN_OK;
}

static enum cairn_status sum_copies(const struct pass *pass, struct cairn_error *error)
{
	struct system *const system = pass->tensor->reader->system;
	const uint64_t size = pass->region.size;
	uint8_t *const buffer = system_allocate(system, size < BUFFER_SIZE ? size : BUFFER_SIZE);
	enum cairn_status status = CAIRN_OK;

	if (buffer == NULL)
		return error_set_memory(error, "a tensor's statistics");
	for (uint64_t done = 0; status == CAIRN_OK && done < size; done += BUFFER_SIZE) {
		const uint64_t piece = size - done < BUFFER_SIZE ? size - done : BUFFER_SIZE;

		status = gather(pass->tensor, &pass->holder, &pass->region, done, piece, buffer,
				error);
		if (status != CAIRN_OK)
			break;
		summary_add(pass->summary, buffer, piece);
		status = report(pass, done + piece, error);
	}
	system_free(system, buffer);
	return status;
}

static enum cairn_status sum_all(const struct pass *pass, struct cairn_error *error)
{
	struct stored stored;
	uint64_t offset;

	if (pass->region.size == 0)
		return CAIRN_OK;
	if (region_is_contiguous(pass->tensor, &pass->holder, &pass->region, &stored, &offset) &&
	    stored_is_mapped(&stored) && stored_is_checked(&stored))
		return sum_mapped(pass, &stored, offset, error);
	return sum_copies(pass, error);
}

static void conclude(struct summary *summary, struct cairn_tensor_stats *stats)
{
	const double sum = summary_end(summary);
	const uint64_t finite = summary->count - summary->nans - summary->infinities;

	*stats = (struct cairn_tensor_stats){
		.count = summary->count,
		.nan_count = summary->nans,
		.infinite_count = summary->infinities,
		.zero_count = summary->zeros,
		.min = finite == 0 ? (double)NAN : summary->min,
		.max = finite == 0 ? (double)NAN : summary->max,
		.mean = finite == 0 ? (double)NAN : sum / (double)finite,
		.sum = sum,
	};
}

static enum cairn_status begin(struct pass *pass, struct cairn_error *error)
{
	const struct cairn_tensor *const tensor = pass->tensor;
	enum cairn_status status = tensor_holder(tensor, &pass->holder, error);

	if (status == CAIRN_OK)
		status = region_resolve(tensor, &pass->holder, NULL, NULL, &pass->region, error);
	if (status != CAIRN_OK)
		return status;
	pass->summary = system_allocate(tensor->reader->system, sizeof(*pass->summary));
	if (pass->summary == NULL)
		return error_set_memory(error, "a tensor's statistics");
	if (summary_begin(pass->summary, tensor->dtype))
		return CAIRN_OK;
	error_set(error, CAIRN_UNSUPPORTED, CAIRN_ERROR_NO_OFFSET,
		  "elements of type %d are no numbers", (int)tensor->dtype);
	return error_prefix_tensor(error, CAIRN_UNSUPPORTED, tensor->name);
}

enum cairn_status cairn_tensor_stats(const struct cairn_tensor *tensor,
				     const struct cairn_stats_options *options,
				     struct cairn_tensor_stats *stats, struct cairn_error *error)
{
	struct pass pass = {.tensor = tensor};
	enum cairn_status status;

	if (options != NULL && options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "stats options of %zu bytes, not %zu", options->size,
				 sizeof(*options));
	if (options != NULL)
		pass.options = *options;
	status = begin(&pass, error);
	if (status == CAIRN_OK)
		status = sum_all(&pass, error);
	if (status == CAIRN_OK)
		conclude(pass.summary, stats);
	system_free(tensor->reader->system, pass.summary);
	return reader_error(tensor->reader, status, error);
}
