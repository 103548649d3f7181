/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing segments.
 *
 * Each thread has a staging buffer of one segment. It takes the next segment, has the buffer
 * filled, lets the layout look at it, and writes it: what was hashed is what is written, whatever
 * the memory that it came from does meanwhile. Segments that must be filled in order are filled
 * under the lock under which they are taken. Segments that are packed get their places in order,
 * too, while they are packed and written side by side.
 *
 * The first error stops all threads. Progress is reported by the calling thread, which works along.
 */
#include "engine/write/segment_writer.h"

#include <inttypes.h>

#include "engine/system/sync.h"
#include "format/bytes.h"
#include "format/error.h"

struct job {
	const struct segment_target *target;
	const struct segment_layout *layout;
	struct mutex mutex;
	struct condition placed_one; /* or somebody failed */
	/* guarded by the mutex */
	uint64_t placed; /* segments whose packed bytes have a place */
	uint64_t next;   /* segment */
	uint64_t done;   /* bytes */
	enum cairn_status status;
	struct cairn_error error;
};

struct worker {
	struct job *job;
	uint8_t *buffer; /* owned */
	uint8_t *packed; /* owned; NULL: nothing is packed */
	struct stored_scratch scratch;
	bool reports; /* is the calling thread */
	bool started;
	struct system_thread thread;
};

/* A segment that a worker has taken. */
struct taken {
	uint64_t number;
	struct segment_place place;
};

static enum cairn_status fill(struct worker *worker, uint64_t number, struct cairn_error *error)
{
	const struct segment_layout *const layout = worker->job->layout;

	return layout->fill(layout->context, number, worker->buffer, &worker->scratch, error);
}

/* Errors of the target name it; those of what is written name that. */
static enum cairn_status of_target(const struct segment_target *target, enum cairn_status status,
				   struct cairn_error *error)
{
	return target->path == NULL ? status : error_prefix(error, status, target->path);
}

/* The buffer has room for the last page. */
static enum cairn_status write_out(const struct worker *worker, uint8_t *bytes,
				   const struct segment_place *place, struct cairn_error *error)
{
	const struct segment_target *const target = worker->job->target;
	uint64_t size = place->size;
	int result;

	if (target->fills_page) {
		size = align_up(size, SYSTEM_DIRECT_ALIGNMENT);
		memset(bytes + place->size, 0, size - place->size);
	}
	result = system_write_all(target->system, target->fd, bytes, size, place->offset);
	if (result == 0)
		return CAIRN_OK;
	return of_target(target,
			 error_set_system(error, result,
					  "cannot write %" PRIu64 " bytes at offset %" PRIu64, size,
					  place->offset),
			 error);
}

/* Under the lock. */
static void fail(struct job *job, enum cairn_status status, const struct cairn_error *error)
{
	if (job->status == CAIRN_OK) {
		job->status = status;
		job->error = *error;
	}
	condition_broadcast(&job->placed_one);
}

/* Takes the next segment; one that must be filled in order is filled before another can be taken.
 * False: no more, or somebody failed. */
static bool take_segment(struct worker *worker, struct taken *taken, enum cairn_status *status,
			 struct cairn_error *error)
{
	struct job *const job = worker->job;
	const struct segment_layout *const layout = job->layout;
	bool found = false;

	mutex_lock(&job->mutex);
	if (job->status == CAIRN_OK && job->next < layout->count) {
		found = true;
		taken->number = job->next++;
		taken->place = layout->place(layout->context, taken->number);
		if (taken->place.in_order)
			*status = fill(worker, taken->number, error);
		if (*status != CAIRN_OK) /* now: a callback that failed is not called again */
			fail(job, *status, error);
	}
	mutex_unlock(&job->mutex);
	return found;
}

/* Waits until all segments before have a place: then that of this one is known. */
static enum cairn_status find_place(struct worker *worker, uint64_t number, uint64_t size,
				    struct segment_place *place, struct cairn_error *error)
{
	struct job *const job = worker->job;
	const struct segment_layout *const layout = job->layout;
	enum cairn_status status;

	mutex_lock(&job->mutex);
	while (job->status == CAIRN_OK && job->placed != number)
		condition_wait(&job->placed_one, &job->mutex);
	status = job->status;
	if (status == CAIRN_OK) {
		place->offset = align_up(*layout->end, SYSTEM_DIRECT_ALIGNMENT);
		place->size = align_up(size, SYSTEM_DIRECT_ALIGNMENT);
		*layout->end = place->offset + size;
		layout->settle(layout->context, number, place->offset);
		job->placed++;
		condition_broadcast(&job->placed_one);
	} else {
		*error = job->error;
	}
	mutex_unlock(&job->mutex);
	return status;
}

static enum cairn_status write_packed(struct worker *worker, uint64_t number,
				      struct cairn_error *error)
{
	const struct segment_layout *const layout = worker->job->layout;
	struct segment_place place = {0};
	uint64_t size = 0;
	enum cairn_status status = layout->pack(layout->context, number, worker->buffer,
						worker->packed, &size, &worker->scratch, error);

	if (status == CAIRN_OK)
		status = find_place(worker, number, size, &place, error);
	if (status != CAIRN_OK)
		return status;
	memset(worker->packed + size, 0, place.size - size);
	return write_out(worker, worker->packed, &place, error);
}

static enum cairn_status write_segment(struct worker *worker, const struct taken *taken,
				       struct cairn_error *error)
{
	const struct segment_layout *const layout = worker->job->layout;
	enum cairn_status status = CAIRN_OK;

	if (!taken->place.in_order)
		status = fill(worker, taken->number, error);
	if (status != CAIRN_OK)
		return status;
	if (layout->seal != NULL)
		layout->seal(layout->context, taken->number, worker->buffer);
	return layout->pack != NULL ? write_packed(worker, taken->number, error)
				    : write_out(worker, worker->buffer, &taken->place, error);
}

/* Notes what came of a segment; the calling thread tells its caller how far all of them are. */
static void settle_segment(struct worker *worker, const struct taken *taken,
			   enum cairn_status status, const struct cairn_error *error)
{
	struct job *const job = worker->job;
	const struct segment_target *const target = job->target;
	uint64_t done;

	mutex_lock(&job->mutex);
	if (status != CAIRN_OK)
		fail(job, status, error);
	job->done += taken->place.size;
	done = target->done_before + job->done;
	mutex_unlock(&job->mutex);
	if (!worker->reports || status != CAIRN_OK || target->progress == NULL ||
	    target->progress(target->progress_context, done, target->total) == 0)
		return;
	mutex_lock(&job->mutex);
	if (job->status == CAIRN_OK)
		job->status = of_target(target,
					error_set(&job->error, CAIRN_CANCELLED,
						  CAIRN_ERROR_NO_OFFSET,
						  "cancelled after %" PRIu64 " bytes", done),
					&job->error);
	condition_broadcast(&job->placed_one);
	mutex_unlock(&job->mutex);
}

static void work(void *context)
{
	struct worker *const worker = context;

	for (;;) {
		struct cairn_error error = {0};
		struct taken taken = {0};
		enum cairn_status status = CAIRN_OK;

		if (!take_segment(worker, &taken, &status, &error))
			return;
		if (status == CAIRN_OK)
			status = write_segment(worker, &taken, &error);
		settle_segment(worker, &taken, status, &error);
	}
}

/* -------------------------------------------------------------------------------------- threads */

static uint8_t *allocate_buffer(const struct job *job)
{
	const uint64_t size = align_up(job->layout->size_max, SYSTEM_DIRECT_ALIGNMENT);

	return system_allocate_aligned(job->target->system, SYSTEM_DIRECT_ALIGNMENT,
				       size == 0 ? SYSTEM_DIRECT_ALIGNMENT : size);
}

static bool prepare_worker(struct job *job, struct worker *worker)
{
	const bool packs = job->layout->pack != NULL;

	worker->job = job;
	worker->buffer = allocate_buffer(job);
	worker->packed = packs && worker->buffer != NULL ? allocate_buffer(job) : NULL;
	return worker->buffer != NULL && (!packs || worker->packed != NULL);
}

/* Threads and buffers beyond the first are a matter of speed: without them the others do all the
 * work. */
static void start_workers(struct job *job, struct worker *workers, uint64_t count)
{
	for (uint64_t i = 1; i < count; i++) {
		if (!prepare_worker(job, &workers[i]))
			return;
		workers[i].started = system_thread_start(job->target->system, work, &workers[i],
							 &workers[i].thread) == 0;
		if (!workers[i].started)
			return;
	}
}

static void finish_workers(struct job *job, struct worker *workers, uint64_t count)
{
	struct system *const system = job->target->system;

	for (uint64_t i = 0; i < count; i++) {
		if (workers[i].started)
			system_thread_join(system, workers[i].thread);
		system_free(system, workers[i].buffer);
		system_free(system, workers[i].packed);
		stored_scratch_release(system, &workers[i].scratch);
	}
}

static uint64_t worker_count(const struct job *job)
{
	uint64_t count = job->target->thread_count;

	if (count > job->layout->count)
		count = job->layout->count;
	return count == 0 ? 1 : count > SEGMENT_THREADS_MAX ? SEGMENT_THREADS_MAX : count;
}

enum cairn_status segments_write(const struct segment_target *target,
				 const struct segment_layout *layout, struct cairn_error *error)
{
	struct job job = {.target = target, .layout = layout};
	struct worker workers[SEGMENT_THREADS_MAX] = {0};
	const uint64_t count = worker_count(&job);

	if (layout->count == 0)
		return CAIRN_OK;
	if (!prepare_worker(&job, &workers[0])) {
		finish_workers(&job, workers, 1);
		return error_set_memory(error, "a staging buffer");
	}
	mutex_init(&job.mutex);
	condition_init(&job.placed_one);
	workers[0].reports = true;
	start_workers(&job, workers, count);
	work(&workers[0]);
	finish_workers(&job, workers, count);
	condition_fini(&job.placed_one);
	mutex_fini(&job.mutex);
	if (job.status != CAIRN_OK && error != NULL)
		*error = job.error;
	return job.status;
}
