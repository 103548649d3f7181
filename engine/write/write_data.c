/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the planned segments.
 *
 * Each thread has a staging buffer of one segment. It takes the next segment, fills the buffer from
 * the items' sources, computes the digests of the chunks over the buffer, and writes the buffer:
 * what was hashed is what is written, whatever the caller's memory does meanwhile. Callbacks are
 * called under the lock under which segments are taken, so that they are never concurrent and their
 * offsets ascend.
 *
 * The first error stops all threads. Progress is reported by the thread that finishes the writer,
 * which works along.
 */
#include <assert.h>
#include <inttypes.h>

#include "engine/system/sync.h"
#include "engine/write/writer.h"
#include "format/bytes.h"
#include "format/digest.h"
#include "format/error.h"

enum {
	WRITE_THREADS_MAX = 64
};

struct job {
	struct cairn_writer *writer;
	const struct draft *draft;
	struct mutex mutex;
	/* guarded by the mutex */
	uint64_t next; /* segment */
	uint64_t done; /* bytes */
	enum cairn_status status;
	struct cairn_error error;
};

struct worker {
	struct job *job;
	uint8_t *buffer; /* owned */
	struct stored_scratch scratch;
	bool reports; /* is the thread that finishes */
	bool started;
	struct system_thread thread;
};

/* -------------------------------------------------------------------------------------- filling */

static enum cairn_status produce(const struct part *part, uint8_t *bytes, struct cairn_error *error)
{
	const struct item *const item = part->item;
	enum cairn_status status;

	status = item->from.callback.produce(item->from.callback.context, part->offset, bytes,
					     part->size);
	if (status == CAIRN_OK)
		return CAIRN_OK;
	error_set(error, status, CAIRN_ERROR_NO_OFFSET,
		  "the callback that produces bytes from %" PRIu64 " on failed", part->offset);
	return error_prefix_tensor(error, status, item->name);
}

static enum cairn_status fill_part(const struct part *part, uint8_t *bytes,
				   struct stored_scratch *scratch, struct cairn_error *error)
{
	const struct item *const item = part->item;

	switch ((enum source_kind)item->source) {
	case SOURCE_MEMORY:
		memcpy(bytes, item->from.memory + part->offset, part->size);
		return CAIRN_OK;
	case SOURCE_CALLBACK:
		return produce(part, bytes, error);
	case SOURCE_STORED:
		return stored_copy(item->from.stored, part->offset, part->size, bytes, scratch,
				   error);
	case SOURCE_NONE:
	default:
		assert(part->size == 0); /* an alias has no bytes */
		return CAIRN_OK;
	}
}

/* Fills a segment; what no part covers is zero. */
static enum cairn_status fill(struct worker *worker, const struct segment *segment,
			      struct cairn_error *error)
{
	const struct plan *const plan = &worker->job->writer->plan;
	uint64_t filled = 0;

	for (uint64_t i = 0; i < segment->part_count; i++) {
		const struct part *const part = &plan->parts[segment->first_part + i];
		const uint64_t start = part->item->extent.offset + part->offset - segment->offset;
		enum cairn_status status;

		assert(start >= filled && start + part->size <= segment->size);
		memset(worker->buffer + filled, 0, start - filled);
		status = fill_part(part, worker->buffer + start, &worker->scratch, error);
		if (status != CAIRN_OK)
			return status;
		filled = start + part->size;
	}
	memset(worker->buffer + filled, 0, segment->size - filled);
	return CAIRN_OK;
}

static void digest_part(const struct worker *worker, const struct segment *segment,
			const struct part *part)
{
	const uint64_t chunk_size = worker->job->writer->options.chunk_size;
	const uint8_t *const bytes = worker->buffer +
				     (part->item->extent.offset + part->offset - segment->offset);
	uint8_t *const digests = part->item->digests + part->offset / chunk_size * DIGEST_SIZE;

	for (uint64_t done = 0; done < part->size; done += chunk_size) {
		const uint64_t size = part->size - done < chunk_size ? part->size - done
								     : chunk_size;
		const struct cairn_digest digest = digest_bytes(bytes + done, size);

		memcpy(digests + done / chunk_size * DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
	}
}

static enum cairn_status write_at(const struct job *job, const uint8_t *bytes, uint64_t size,
				  uint64_t offset, struct cairn_error *error)
{
	const int result = system_write_all(job->writer->system, job->draft->fd, bytes, size,
					    offset);

	return result < 0 ? error_set_system(error, result,
					     "cannot write %" PRIu64 " bytes at offset %" PRIu64,
					     size, offset)
			  : CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- threads */

/* Takes the next segment; one with callbacks is filled before another can be taken. NULL: no more,
 * or somebody failed. */
static const struct segment *take_segment(struct worker *worker, enum cairn_status *status,
					  struct cairn_error *error)
{
	struct job *const job = worker->job;
	const struct plan *const plan = &job->writer->plan;
	const struct segment *segment = NULL;

	mutex_lock(&job->mutex);
	if (job->status == CAIRN_OK && job->next < plan->segment_count) {
		segment = &plan->segments[job->next++];
		if (segment->has_callbacks)
			*status = fill(worker, segment, error);
		if (*status != CAIRN_OK) { /* now: a callback that failed is not called again */
			job->status = *status;
			job->error = *error;
		}
	}
	mutex_unlock(&job->mutex);
	return segment;
}

static enum cairn_status write_segment(struct worker *worker, const struct segment *segment,
				       struct cairn_error *error)
{
	const struct plan *const plan = &worker->job->writer->plan;
	enum cairn_status status = CAIRN_OK;

	if (!segment->has_callbacks)
		status = fill(worker, segment, error);
	if (status != CAIRN_OK)
		return status;
	for (uint64_t i = 0; i < segment->part_count; i++)
		digest_part(worker, segment, &plan->parts[segment->first_part + i]);
	return write_at(worker->job, worker->buffer, segment->size, segment->offset, error);
}

/* Notes what came of a segment; the finishing thread tells its caller how far all of them are. */
static void settle_segment(struct worker *worker, const struct segment *segment,
			   enum cairn_status status, const struct cairn_error *error)
{
	struct job *const job = worker->job;
	const struct cairn_writer_options *const options = &job->writer->options;
	uint64_t done;

	mutex_lock(&job->mutex);
	if (status != CAIRN_OK && job->status == CAIRN_OK) {
		job->status = status;
		job->error = *error;
	}
	job->done += segment->size;
	done = job->done;
	mutex_unlock(&job->mutex);
	if (!worker->reports || status != CAIRN_OK || options->progress == NULL ||
	    options->progress(options->progress_context, done, job->writer->plan.file_size) == 0)
		return;
	mutex_lock(&job->mutex);
	if (job->status == CAIRN_OK)
		job->status = error_set(&job->error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
					"cancelled after %" PRIu64 " bytes", done);
	mutex_unlock(&job->mutex);
}

static void work(void *context)
{
	struct worker *const worker = context;

	for (;;) {
		struct cairn_error error = {0};
		enum cairn_status status = CAIRN_OK;
		const struct segment *const segment = take_segment(worker, &status, &error);

		if (segment == NULL)
			return;
		if (status == CAIRN_OK)
			status = write_segment(worker, segment, &error);
		settle_segment(worker, segment, status, &error);
	}
}

static bool prepare_worker(struct job *job, struct worker *worker)
{
	const uint64_t size = job->writer->plan.segment_size_max;

	worker->job = job;
	worker->buffer = system_allocate_aligned(job->writer->system, SYSTEM_DIRECT_ALIGNMENT,
						 size == 0 ? SYSTEM_DIRECT_ALIGNMENT : size);
	return worker->buffer != NULL;
}

/* Threads and buffers beyond the first are a matter of speed: without them the others do all the
 * work. */
static void start_workers(struct job *job, struct worker *workers, uint64_t count)
{
	for (uint64_t i = 1; i < count; i++) {
		if (!prepare_worker(job, &workers[i]))
			return;
		workers[i].started = system_thread_start(job->writer->system, work, &workers[i],
							 &workers[i].thread) == 0;
		if (!workers[i].started)
			return;
	}
}

static void finish_workers(struct job *job, struct worker *workers, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (workers[i].started)
			system_thread_join(job->writer->system, workers[i].thread);
		system_free(job->writer->system, workers[i].buffer);
		system_free(job->writer->system, workers[i].scratch.chunk);
	}
}

static uint64_t worker_count(const struct cairn_writer *writer)
{
	uint64_t count = writer->options.thread_count;

	if (count > writer->plan.segment_count)
		count = writer->plan.segment_count;
	return count == 0 ? 1 : count > WRITE_THREADS_MAX ? WRITE_THREADS_MAX : count;
}

enum cairn_status writer_write_data(struct cairn_writer *writer, const struct draft *draft,
				    const uint8_t header_page[CONTAINER_PAGE_SIZE],
				    struct cairn_error *error)
{
	struct job job = {.writer = writer, .draft = draft};
	struct worker workers[WRITE_THREADS_MAX] = {0};
	const uint64_t count = worker_count(writer);
	enum cairn_status status;

	status = draft_write(draft, 0, header_page, CONTAINER_PAGE_SIZE, error);
	if (status != CAIRN_OK)
		return status;
	if (!prepare_worker(&job, &workers[0]))
		return error_set_memory(error, "a staging buffer");
	mutex_init(&job.mutex);
	workers[0].reports = true;
	start_workers(&job, workers, count);
	work(&workers[0]);
	finish_workers(&job, workers, count);
	mutex_fini(&job.mutex);
	if (job.status != CAIRN_OK && error != NULL)
		*error = job.error;
	return job.status;
}
