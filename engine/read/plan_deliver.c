/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of a plan: bytes are brought in, verified, and delivered to all that want them.
 *
 * Chunk by chunk, so that whoever comes second finds the bytes in the processor's cache. What goes
 * to a buffer is hashed there; where no buffer takes all of a chunk, a copy of it is, and that copy
 * is what is handed out: never bytes of a mapping that changed in between. Each failure is that of
 * the entries which want the chunk, of no others.
 */
#include <inttypes.h>

#include "engine/read/plan.h"
#include "engine/read/stored_hot.h"
#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"

/* Copied at a time. */
#define COPY_SIZE ((uint64_t)256 << 10)

/* A part under way. */
struct delivery {
	struct plan_worker *worker;
	const struct plan_part *part;
	struct stored stored;
	uint8_t *copy;        /* of the part, in memory of our own or in a buffer; or NULL */
	const uint8_t *bytes; /* of the part */
	const struct plan_want *direct; /* in whose buffer the copy is */
	bool verify_only;
};

/* -------------------------------------------------------------------------------------- helpers */

void plan_worker_fini(struct plan_worker *worker)
{
	struct system *const system = worker->plan->system;

	stored_scratch_release(system, &worker->copies);
	system_free(system, worker->scratch);
	system_free(system, worker->chunk);
}

static enum cairn_status take_memory(struct plan_worker *worker, uint8_t **memory, uint64_t size)
{
	if (*memory == NULL)
		*memory = system_allocate(worker->plan->system, size);
	return *memory != NULL ? CAIRN_OK : error_set_memory(&worker->error, "a step of a plan");
}

static void fail(struct plan_worker *worker, uint64_t entry, enum cairn_status status)
{
	plan_fail(worker->plan, entry, plan_state_of(status), &worker->error);
}

/* What is detected below names the tensor; the checkpoint is put in front here. */
static void fail_named(struct plan_worker *worker, uint64_t entry, enum cairn_status status)
{
	reader_error(worker->plan->reader, status, &worker->error);
	fail(worker, entry, status);
}

static const struct plan_want *want_of(const struct delivery *delivery, uint64_t number)
{
	return &delivery->worker->plan->wants[delivery->part->first_want + number];
}

static bool is_wanted(const struct plan_worker *worker, const struct plan_want *want,
		      uint64_t begin, uint64_t end)
{
	return want->begin < end && want->end > begin && plan_is_pending(worker->plan, want->entry);
}

static bool is_delivered(const struct plan_worker *worker, const struct plan_want *want)
{
	const enum cairn_plan_destination destination = worker->plan->entries[want->entry]
								->destination;

	return destination == CAIRN_PLAN_BUFFER || destination == CAIRN_PLAN_CALLBACK;
}

/* Where byte `at` of the slice goes. */
static uint8_t *address_of(const struct plan_worker *worker, const struct plan_want *want,
			   uint64_t at)
{
	uint8_t *const buffer = want->is_alone
					? worker->piece
					: worker->plan->entries[want->entry]->buffer + want->to;

	return buffer + (at - want->begin);
}

/* The entries that want bytes [begin, end) do not get them. */
static void fail_wants(const struct delivery *delivery, uint64_t begin, uint64_t end,
		       enum cairn_status status)
{
	reader_error(delivery->worker->plan->reader, status, &delivery->worker->error);
	for (uint64_t i = 0; i < delivery->part->want_count; i++) {
		const struct plan_want *const want = want_of(delivery, i);

		if (is_wanted(delivery->worker, want, begin, end))
			fail(delivery->worker, want->entry, status);
	}
}

/* ------------------------------------------------------------------------------------ one chunk */

/* Somebody wants the bytes where they are, or only wants to know that they are right. */
static bool needs_look(const struct delivery *delivery, uint64_t begin, uint64_t end)
{
	for (uint64_t i = 0; i < delivery->part->want_count; i++) {
		const struct plan_want *const want = want_of(delivery, i);

		if (is_wanted(delivery->worker, want, begin, end) &&
		    (delivery->verify_only || !is_delivered(delivery->worker, want)))
			return true;
	}
	return false;
}

static enum cairn_status look(const struct delivery *delivery, uint64_t begin)
{
	const struct stored *const stored = &delivery->stored;
	const uint64_t skipped = begin - delivery->part->begin;
	struct cairn_error *const error = &delivery->worker->error;

	if (!stored_has_chunks(stored))
		return CAIRN_OK;
	if (stored_is_mapped(stored))
		return stored_verify_hot(stored, begin, delivery->bytes + skipped, error);
	return stored_judge_copy(stored, begin, delivery->copy + skipped, error);
}

/* One that takes all of the bytes, side by side. */
static const struct plan_want *find_taker(const struct delivery *delivery, uint64_t begin,
					  uint64_t end)
{
	if (delivery->direct != NULL)
		return delivery->direct;
	for (uint64_t i = 0; i < delivery->part->want_count; i++) {
		const struct plan_want *const want = want_of(delivery, i);

		if (want->is_run && want->begin <= begin && want->end >= end &&
		    is_delivered(delivery->worker, want) &&
		    is_wanted(delivery->worker, want, begin, end))
			return want;
	}
	return NULL;
}

static bool has_takers(const struct delivery *delivery, uint64_t begin, uint64_t end)
{
	for (uint64_t i = 0; i < delivery->part->want_count; i++) {
		const struct plan_want *const want = want_of(delivery, i);

		if (is_delivered(delivery->worker, want) &&
		    is_wanted(delivery->worker, want, begin, end))
			return true;
	}
	return false;
}

/* Puts a verified copy of the chunk somewhere: into the taker's buffer, or into memory of our own.
 */
static enum cairn_status verified_copy(struct delivery *delivery, const struct plan_want *taker,
				       uint64_t begin, uint64_t end, const uint8_t **source)
{
	struct plan_worker *const worker = delivery->worker;
	const uint64_t skipped = begin - delivery->part->begin;
	uint8_t *to = delivery->copy == NULL ? NULL : delivery->copy + skipped;
	enum cairn_status status = CAIRN_OK;

	if (taker != NULL)
		to = address_of(worker, taker, begin);
	else if (to == NULL)
		status = take_memory(worker, &worker->chunk, worker->plan->facts.chunk_size);
	if (status != CAIRN_OK)
		return status;
	if (to == NULL)
		to = worker->chunk;
	if (to != delivery->bytes + skipped)
		memcpy(to, delivery->bytes + skipped, end - begin);
	*source = to;
	return stored_judge_copy(&delivery->stored, begin, to, &worker->error);
}

static enum cairn_status scatter_to(const struct delivery *delivery, const struct plan_want *want,
				    const struct slice_bytes *source)
{
	const struct plan_entry *const entry = delivery->worker->plan->entries[want->entry];
	struct tensor_record holder;
	struct region region;
	enum cairn_status status = plan_region(entry, &holder, &region, &delivery->worker->error);

	if (status == CAIRN_OK)
		status = scatter(&entry->tensor, &holder, &region, source, entry->buffer,
				 &delivery->worker->error);
	return status;
}

/* A large copy is made of small ones: beyond some size the C library writes around the caches. */
static void copy_bytes(uint8_t *to, const uint8_t *from, uint64_t size)
{
	for (uint64_t done = 0; done < size; done += COPY_SIZE)
		memcpy(to + done, from + done, size - done < COPY_SIZE ? size - done : COPY_SIZE);
}

/* Copies what a want has of bytes [begin, end), which are at `source`. */
static void copy_to(const struct delivery *delivery, const struct plan_want *want, uint64_t begin,
		    uint64_t end, const uint8_t *source)
{
	const uint64_t first = want->begin > begin ? want->begin : begin;
	const uint64_t last = want->end < end ? want->end : end;
	enum cairn_status status;

	if (want->is_run) {
		copy_bytes(address_of(delivery->worker, want, first), source + (first - begin),
			   last - first);
		return;
	}
	status = scatter_to(delivery, want, &(struct slice_bytes){want->slice, begin, end, source});
	if (status != CAIRN_OK)
		fail_named(delivery->worker, want->entry, status);
}

static void deliver_chunk(struct delivery *delivery, uint64_t begin, uint64_t end)
{
	const uint8_t *source = delivery->bytes + (begin - delivery->part->begin);
	const struct plan_want *taker = delivery->direct;
	enum cairn_status status = CAIRN_OK;

	if (needs_look(delivery, begin, end))
		status = look(delivery, begin);
	if (status == CAIRN_OK && (delivery->verify_only || !has_takers(delivery, begin, end)))
		return;
	if (status == CAIRN_OK && stored_has_chunks(&delivery->stored)) {
		taker = find_taker(delivery, begin, end);
		status = verified_copy(delivery, taker, begin, end, &source);
	}
	if (status != CAIRN_OK) {
		fail_wants(delivery, begin, end, status);
		return;
	}
	for (uint64_t i = 0; i < delivery->part->want_count; i++) {
		const struct plan_want *const want = want_of(delivery, i);

		if (want != taker && is_delivered(delivery->worker, want) &&
		    is_wanted(delivery->worker, want, begin, end))
			copy_to(delivery, want, begin, end, source);
	}
}

/* ------------------------------------------------------------------------------------- one part */

static enum cairn_status check_plan(const struct delivery *delivery)
{
	const struct plan_want *const want = want_of(delivery, 0);
	const struct stored *const stored = &delivery->stored;
	const uint64_t chunk = stored_has_chunks(stored) ? stored->record.chunk_size : 0;

	if (stored->in_one_piece && stored->record.transform == TRANSFORM_NONE &&
	    stored->shard == want->shard && stored->offset == want->place &&
	    stored->record.size == want->size && chunk == want->chunk &&
	    stored_is_mapped(stored) == want->is_mapped)
		return CAIRN_OK;
	return error_set(&delivery->worker->error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
			 "a stored slice has changed since the plan was laid out");
}

static void deliver_part(struct delivery *delivery)
{
	struct plan_worker *const worker = delivery->worker;
	const struct plan_part *const part = delivery->part;
	const struct plan_entry *const entry = worker->plan->entries[want_of(delivery, 0)->entry];
	struct stored *const stored = &delivery->stored;
	enum cairn_status status = stored_open(worker->plan->reader, part->slice,
					       entry->tensor.name, stored, &worker->error);

	if (status == CAIRN_OK)
		status = check_plan(delivery);
	if (status == CAIRN_OK && stored_has_foreign_check(stored))
		status = stored_verify(stored, part->begin, part->end - part->begin,
				       &worker->error);
	if (status != CAIRN_OK) {
		fail_wants(delivery, part->begin, part->end, status);
		return;
	}
	for (uint64_t at = part->begin; at < part->end;) {
		const uint64_t end = stored_has_chunks(stored) ? stored_chunk_end(stored, at)
							       : part->end;

		deliver_chunk(delivery, at, end);
		at = end;
	}
}

/* ---------------------------------------------------------------------------------- bringing in */

/* The one want whose buffer the step can be read to, as it is; or NULL. */
static const struct plan_want *direct_want(const struct plan_worker *worker,
					   const struct plan_step *step)
{
	const struct cairn_plan *const plan = worker->plan;
	const struct plan_part *const part = &plan->parts[step->first_part];
	const struct plan_want *direct = NULL;

	if (step->part_count != 1)
		return NULL;
	for (uint64_t i = 0; i < part->want_count; i++) {
		const struct plan_want *const want = &plan->wants[part->first_want + i];

		if (!is_wanted(worker, want, part->begin, part->end))
			continue;
		if (direct != NULL || !want->is_run || !is_delivered(worker, want) ||
		    want->begin > part->begin || want->end < part->end)
			return NULL;
		direct = want;
	}
	return direct;
}

/* Makes the step's bytes accessible: `*bytes` is its first one, `*copy` the same when it is memory
 * that may be written. */
static enum cairn_status bring_in(struct plan_worker *worker, const struct plan_step *step,
				  const struct plan_want *direct, const uint8_t **bytes,
				  uint8_t **copy)
{
	const struct cairn_plan *const plan = worker->plan;
	const struct file *const file = &plan->reader->files[step->shard];
	enum cairn_status status;

	if (step->transport == CAIRN_PLAN_MAPPED) {
		*bytes = file->base + step->offset;
		*copy = NULL;
		return file_prepare(file, step->offset, step->size, &worker->error);
	}
	*copy = worker->scratch;
	if (direct != NULL)
		*copy = address_of(worker, direct, plan->parts[step->first_part].begin);
	else
		status = take_memory(worker, &worker->scratch, plan->facts.scratch_size);
	if (direct == NULL && status != CAIRN_OK)
		return status;
	if (direct == NULL)
		*copy = worker->scratch;
	*bytes = *copy;
	return file_read(file, step->offset, *copy, step->size, &worker->error);
}

static bool step_is_wanted(const struct plan_worker *worker, const struct plan_step *step)
{
	const struct cairn_plan *const plan = worker->plan;

	for (uint64_t i = 0; i < step->part_count; i++) {
		const struct plan_part *const part = &plan->parts[step->first_part + i];

		for (uint64_t w = 0; w < part->want_count; w++) {
			if (is_wanted(worker, &plan->wants[part->first_want + w], part->begin,
				      part->end))
				return true;
		}
	}
	return false;
}

static void fail_step(struct plan_worker *worker, const struct plan_step *step,
		      enum cairn_status status)
{
	const struct cairn_error error = worker->error;

	for (uint64_t i = 0; i < step->part_count; i++) {
		const struct plan_part *const part = &worker->plan->parts[step->first_part + i];
		const struct delivery delivery = {.worker = worker, .part = part};

		worker->error = error;
		fail_wants(&delivery, part->begin, part->end, status);
	}
}

static void deliver_step(struct plan_worker *worker, const struct plan_step *step, bool verify_only)
{
	const struct cairn_plan *const plan = worker->plan;
	struct delivery delivery = {.worker = worker, .verify_only = verify_only};
	const uint8_t *bytes;
	uint8_t *copy;
	enum cairn_status status;

	if (!step_is_wanted(worker, step))
		return;
	if (!verify_only && step->transport == CAIRN_PLAN_READ)
		delivery.direct = direct_want(worker, step);
	status = bring_in(worker, step, delivery.direct, &bytes, &copy);
	if (status != CAIRN_OK) {
		fail_step(worker, step, status);
		return;
	}
	for (uint64_t i = 0; i < step->part_count; i++) {
		const struct plan_part *const part = &plan->parts[step->first_part + i];
		const uint64_t place = plan->wants[part->first_want].place + part->begin;

		delivery.part = part;
		delivery.bytes = bytes + (place - step->offset);
		delivery.copy = copy == NULL ? NULL : copy + (place - step->offset);
		deliver_part(&delivery);
	}
}

/* ------------------------------------------------------------------------------------ callbacks */

static void cancel_by_callback(struct plan_worker *worker, uint64_t entry)
{
	error_set(&worker->error, CAIRN_CANCELLED, CAIRN_ERROR_NO_OFFSET,
		  "cancelled by a callback");
	fail(worker, entry, CAIRN_CANCELLED);
	cairn_plan_cancel(worker->plan);
}

/* False: the piece was refused, and the plan is cancelled. */
static bool acquire(struct plan_worker *worker, struct cairn_plan_piece *piece)
{
	const struct cairn_plan_options *const options = &worker->plan->options;
	void *buffer = NULL;

	piece->tag = worker->plan->entries[piece->entry]->tag;
	if (options->acquire(options->callback_context, piece, &buffer) != 0 || buffer == NULL) {
		cancel_by_callback(worker, piece->entry);
		return false;
	}
	piece->buffer = buffer;
	worker->piece = buffer;
	return true;
}

static void release(struct plan_worker *worker, struct cairn_plan_piece *piece)
{
	const struct cairn_plan_options *const options = &worker->plan->options;
	struct cairn_plan_result result = {.size = sizeof(result)};

	worker->piece = NULL;
	piece->status = cairn_plan_result(worker->plan, piece->entry, &result, NULL);
	if (piece->status == CAIRN_OK)
		piece->status = result.status;
	if (options->release(options->callback_context, piece) != 0)
		cancel_by_callback(worker, piece->entry);
}

static void deliver_piece(struct plan_worker *worker, const struct plan_step *step)
{
	const struct plan_part *const part = &worker->plan->parts[step->first_part];
	const struct plan_want *const want = &worker->plan->wants[part->first_want];
	struct cairn_plan_piece piece = {
		.entry = want->entry,
		.offset = want->to,
		.size = want->end - want->begin,
	};

	if (!plan_is_pending(worker->plan, want->entry) || !acquire(worker, &piece))
		return;
	deliver_step(worker, step, false);
	release(worker, &piece);
}

/* -------------------------------------------------------------- what is stored in another way */

/* Reads a slice that is not mapped, to look at it. */
static enum cairn_status read_through(struct plan_worker *worker, const struct stored *stored)
{
	const uint64_t size = stored->record.size;
	const uint64_t most = worker->plan->facts.scratch_size;
	enum cairn_status status = take_memory(worker, &worker->scratch, most);

	for (uint64_t done = 0; done < size && status == CAIRN_OK; done += most)
		status = stored_copy(stored, done, size - done < most ? size - done : most,
				     worker->scratch, &worker->copies, &worker->error);
	return status;
}

static enum cairn_status look_at_slices(struct plan_worker *worker, const struct plan_entry *entry)
{
	struct tensor_record holder;
	struct stored stored;
	enum cairn_status status = tensor_holder(&entry->tensor, &holder, &worker->error);

	for (uint32_t i = 0; status == CAIRN_OK && i < holder.slice_count; i++) {
		status = stored_open(entry->tensor.reader, holder.slice_index + i,
				     entry->tensor.name, &stored, &worker->error);
		if (status != CAIRN_OK)
			break;
		status = stored_has_foreign_check(&stored) || stored_is_mapped(&stored)
				 ? stored_verify(&stored, 0, stored.record.size, &worker->error)
				 : read_through(worker, &stored);
	}
	return reader_error(entry->tensor.reader, status, &worker->error);
}

/* Some strings, whose size is known when they were put together. */
static enum cairn_status hand_out_view(struct plan_worker *worker, uint64_t number)
{
	const struct plan_entry *const entry = worker->plan->entries[number];
	const uint64_t most = worker->plan->facts.piece_size;
	struct cairn_view view = {0};
	const enum cairn_status status = cairn_tensor_view_slice(
		&entry->tensor, entry->starts, entry->lengths, &view, &worker->error);

	for (uint64_t done = 0; status == CAIRN_OK && done < view.size; done += most) {
		struct cairn_plan_piece piece = {
			.entry = number,
			.offset = done,
			.size = view.size - done < most ? view.size - done : most,
		};

		if (!plan_is_pending(worker->plan, number) || !acquire(worker, &piece))
			break;
		memcpy(piece.buffer, (const uint8_t *)view.data + done, piece.size);
		release(worker, &piece);
	}
	cairn_view_release(&view);
	return status;
}

/* With its first piece, for all of them. */
static void look_at_entry(struct plan_worker *worker, const struct plan_step *step)
{
	enum cairn_status status = CAIRN_OK;

	if (step->begin == 0)
		status = look_at_slices(worker, worker->plan->entries[step->entry]);
	if (status != CAIRN_OK)
		fail(worker, step->entry, status);
}

static void do_whole(struct plan_worker *worker, const struct plan_step *step)
{
	const struct plan_entry *const entry = worker->plan->entries[step->entry];
	enum cairn_status status = CAIRN_OK;

	if (entry->destination == CAIRN_PLAN_PREFETCH)
		status = look_at_slices(worker, entry);
	else if (entry->destination == CAIRN_PLAN_BUFFER)
		status = cairn_tensor_read_slice(&entry->tensor, entry->starts, entry->lengths,
						 entry->buffer, entry->buffer_size, &worker->error);
	else if (entry->destination == CAIRN_PLAN_CALLBACK)
		status = hand_out_view(worker, step->entry);
	if (status != CAIRN_OK)
		fail(worker, step->entry, status);
}

static void do_piece(struct plan_worker *worker, const struct plan_step *step)
{
	const struct plan_entry *const entry = worker->plan->entries[step->entry];
	struct cairn_plan_piece piece = {
		.entry = step->entry,
		.offset = step->begin,
		.size = step->end - step->begin,
	};
	struct tensor_record holder;
	struct region region;
	enum cairn_status status;

	if (entry->destination == CAIRN_PLAN_BUFFER)
		piece.buffer = entry->buffer + piece.offset;
	else if (!acquire(worker, &piece))
		return;
	status = plan_region(entry, &holder, &region, &worker->error);
	if (status == CAIRN_OK)
		status = gather(&entry->tensor, &holder, &region, piece.offset, piece.size,
				piece.buffer, &worker->error);
	if (status != CAIRN_OK)
		fail_named(worker, step->entry, status);
	if (entry->destination == CAIRN_PLAN_CALLBACK)
		release(worker, &piece);
}

/* --------------------------------------------------------------------------------------- a step */

static void skip(struct plan_worker *worker, const struct plan_step *step)
{
	const struct cairn_plan *const plan = worker->plan;

	if (step->kind != PLAN_PARTS)
		plan_fail(worker->plan, step->entry, CAIRN_PLAN_SKIPPED, NULL);
	for (uint64_t i = 0; i < step->part_count; i++) {
		const struct plan_part *const part = &plan->parts[step->first_part + i];

		for (uint64_t w = 0; w < part->want_count; w++) {
			const struct plan_want *const want = &plan->wants[part->first_want + w];

			if (is_wanted(worker, want, part->begin, part->end))
				plan_fail(worker->plan, want->entry, CAIRN_PLAN_SKIPPED, NULL);
		}
	}
}

static void advance_all(struct plan_worker *worker, const struct plan_step *step)
{
	const struct cairn_plan *const plan = worker->plan;

	if (step->kind != PLAN_PARTS)
		plan_advance(worker, step->entry);
	for (uint64_t i = 0; i < step->part_count; i++) {
		const struct plan_part *const part = &plan->parts[step->first_part + i];

		for (uint64_t w = 0; w < part->want_count; w++) {
			const struct plan_want *const want = &plan->wants[part->first_want + w];

			if (want->begin < part->end && want->end > part->begin)
				plan_advance(worker, want->entry);
		}
	}
}

static bool is_whole_wanted(const struct plan_worker *worker, const struct plan_step *step)
{
	return step->kind != PLAN_PARTS && plan_is_pending(worker->plan, step->entry);
}

void plan_do_step(struct plan_worker *worker, const struct plan_step *step, bool verify_only)
{
	if (step->is_skipped)
		skip(worker, step);
	else if (step->kind == PLAN_PARTS && step->is_alone && !verify_only)
		deliver_piece(worker, step);
	else if (step->kind == PLAN_PARTS)
		deliver_step(worker, step, verify_only);
	else if (is_whole_wanted(worker, step) && verify_only)
		look_at_entry(worker, step);
	else if (is_whole_wanted(worker, step) && step->kind == PLAN_WHOLE)
		do_whole(worker, step);
	else if (is_whole_wanted(worker, step))
		do_piece(worker, step);
	if (!verify_only)
		advance_all(worker, step);
}
