/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Laying a plan out: from entries to wants, parts and steps.
 *
 * Wants are of raw slices that lie in one piece of a file; whatever is stored in another way is a
 * step by itself, which goes the way of views and copies. Everything is sorted by shard and offset.
 * A part never cuts a chunk that has a digest, so that each is read, and hashed, once.
 */
#include <inttypes.h>

#include "engine/read/plan.h"
#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/sort.h"

#define PIECE_SIZE_DEFAULT ((uint64_t)4 << 20)

/* ---------------------------------------------------------------------------------------- wants */

/* The stored slices of one entry. */
struct survey {
	struct cairn_plan *plan;
	struct plan_entry *entry;
	uint64_t number;
	uint64_t slices;
	bool is_raw; /* all of them, each in one piece of a file */
	bool is_run; /* one slice holds all that is wanted in one run */
	uint16_t shard;
	uint64_t offset; /* of the first, in its file */
	uint64_t stored_size;
};

static enum cairn_status no_memory(struct cairn_error *error)
{
	return error_set_memory(error, "a plan");
}

static struct plan_want *add_want(struct cairn_plan *plan)
{
	struct plan_want *const wants = arena_grow(&plan->arena, plan->wants, &plan->want_capacity,
						   plan->want_count + 1, sizeof(*wants));

	if (wants == NULL)
		return NULL;
	plan->wants = wants;
	return &wants[plan->want_count++];
}

static enum cairn_status visit_slice(void *context, const struct stored *stored,
				     const struct slice_span *span, struct cairn_error *error)
{
	struct survey *const survey = context;
	const bool has_chunks = stored->record.digest_kind == DIGEST_XXH3_128 &&
				survey->plan->reader->verification == CAIRN_VERIFY_ON_FIRST_USE;
	struct plan_want *want;

	if (survey->slices++ == 0) {
		survey->shard = stored->shard;
		survey->offset = stored->offset;
		survey->is_run = span->is_run && span->size == survey->entry->size;
		survey->is_raw = true;
	}
	survey->stored_size += stored_bytes(stored);
	survey->is_raw = survey->is_raw && stored->in_one_piece &&
			 stored->record.transform == TRANSFORM_NONE;
	want = add_want(survey->plan);
	if (want == NULL)
		return no_memory(error);
	*want = (struct plan_want){
		.slice = span->slice,
		.begin = span->begin,
		.end = span->end,
		.place = stored->offset,
		.size = stored->record.size,
		.entry = survey->number,
		.chunk = has_chunks ? stored->record.chunk_size : 0,
		.shard = stored->shard,
		.to = span->to,
		.is_run = span->is_run,
		.is_mapped = stored_is_mapped(stored),
	};
	return CAIRN_OK;
}

/* Strings in slices are put together in a way of their own: of theirs only the sizes are needed.
 * True when that is so. */
static enum cairn_status survey_strings(struct survey *survey, const struct tensor_record *holder,
					bool *is_sliced, struct cairn_error *error)
{
	const struct cairn_tensor *const tensor = &survey->entry->tensor;
	struct stored stored;
	enum cairn_status status = CAIRN_OK;

	*is_sliced = false;
	for (uint32_t i = 0; i < holder->slice_count && dtype_is_variable(tensor->dtype); i++) {
		status = stored_open(tensor->reader, holder->slice_index + i, tensor->name, &stored,
				     error);
		if (status != CAIRN_OK)
			return status;
		if (i == 0) {
			survey->shard = stored.shard;
			survey->offset = stored.offset;
			*is_sliced = (stored.record.flags & SLICE_WHOLE) == 0;
		}
		survey->stored_size += stored.stored_size;
	}
	if (!*is_sliced)
		survey->stored_size = 0; /* counted again */
	return status;
}

static bool is_aligned(const struct plan_entry *entry, const struct plan_want *want)
{
	const struct cairn_reader *const reader = entry->tensor.reader;
	const struct cairn_dtype_info *const info = cairn_dtype_info(entry->tensor.dtype);
	const uint8_t *const base = reader->files[want->shard].base;

	if ((reader->open_flags & CAIRN_OPEN_UNALIGNED_VIEWS) != 0 || info == NULL)
		return true;
	return ((uintptr_t)base + want->place + want->begin) % info->alignment == 0;
}

/* The entry's bytes come in as parts that it may share with others. */
static bool is_shared(const struct survey *survey, uint64_t first)
{
	const struct plan_want *const want = &survey->plan->wants[first];

	if (survey->entry->destination == CAIRN_PLAN_VIEW)
		return survey->is_raw && survey->is_run && want->is_mapped &&
		       is_aligned(survey->entry, want);
	if (survey->entry->destination == CAIRN_PLAN_CALLBACK)
		return survey->is_raw && survey->is_run;
	return survey->is_raw;
}

/* ---------------------------------------------------------------------------------------- steps */

static struct plan_step *add_step(struct cairn_plan *plan)
{
	struct plan_step *const steps = arena_grow(&plan->arena, plan->steps, &plan->step_capacity,
						   plan->step_count + 1, sizeof(*steps));

	if (steps == NULL)
		return NULL;
	plan->steps = steps;
	steps[plan->step_count] = (struct plan_step){0};
	return &steps[plan->step_count++];
}

static enum cairn_status add_whole(const struct survey *survey, enum plan_step_kind kind,
				   uint64_t begin, uint64_t end, struct cairn_error *error)
{
	struct plan_step *const step = add_step(survey->plan);
	const uint64_t size = survey->entry->size;

	if (step == NULL)
		return no_memory(error);
	step->kind = (uint8_t)kind;
	step->entry = survey->number;
	step->shard = survey->shard;
	step->offset = survey->offset;
	step->size = survey->stored_size;
	if (kind == PLAN_PIECE) { /* some part of the stored bytes: about as many */
		step->size = size == 0 ? 0 : end - begin;
		step->offset += begin;
	}
	step->begin = begin;
	step->end = end;
	atomic_fetch_add(&survey->entry->left, 1);
	return CAIRN_OK;
}

/* An entry that is put together piece by piece, by several threads. */
static enum cairn_status add_pieces(const struct survey *survey, uint64_t most,
				    struct cairn_error *error)
{
	const uint64_t size = survey->entry->size;
	enum cairn_status status = CAIRN_OK;

	for (uint64_t done = 0; done < size && status == CAIRN_OK; done += most)
		status = add_whole(survey, PLAN_PIECE, done,
				   size - done < most ? size : done + most, error);
	return status;
}

/* Pieces are cut between chunks; a chunk that is larger than a piece is cut by itself. */
static uint64_t piece_end(const struct plan_want *whole, uint64_t most, uint64_t begin)
{
	const uint64_t chunk = whole->chunk;
	uint64_t end = begin + most;

	if (chunk != 0 && chunk <= most)
		end = begin / chunk * chunk + most / chunk * chunk;
	else if (chunk != 0 && end > (begin / chunk + 1) * chunk)
		end = (begin / chunk + 1) * chunk;
	return end < whole->end ? end : whole->end;
}

/* One want becomes as many as there are pieces. */
static enum cairn_status cut_want(const struct survey *survey, uint64_t first,
				  struct cairn_error *error)
{
	struct cairn_plan *const plan = survey->plan;
	const struct plan_want whole = plan->wants[first];
	const uint64_t most = plan->facts.piece_size;

	plan->want_count = first;
	for (uint64_t begin = whole.begin; begin < whole.end;) {
		struct plan_want *const want = add_want(plan);

		if (want == NULL)
			return no_memory(error);
		*want = whole;
		want->begin = begin;
		want->end = piece_end(&whole, most, begin);
		want->to = begin - whole.begin;
		want->is_alone = true;
		begin = want->end;
	}
	return CAIRN_OK;
}

static enum cairn_status lay_out_entry(struct survey *survey, struct cairn_error *error)
{
	struct cairn_plan *const plan = survey->plan;
	const struct span_visitor visitor = {visit_slice, survey};
	const uint64_t first = plan->want_count;
	struct tensor_record holder;
	struct region region;
	bool is_sliced = false;
	enum cairn_status status;

	if (survey->entry->size == 0)
		return add_whole(survey, PLAN_WHOLE, 0, 0, error);
	status = plan_region(survey->entry, &holder, &region, error);
	if (status == CAIRN_OK)
		status = survey_strings(survey, &holder, &is_sliced, error);
	if (status == CAIRN_OK && !is_sliced)
		status = for_each_span(&survey->entry->tensor, &holder, &region, &visitor, error);
	if (status != CAIRN_OK) {
		plan->want_count = first;
		return status;
	}
	if (!is_sliced && is_shared(survey, first))
		return survey->entry->destination == CAIRN_PLAN_CALLBACK
			       ? cut_want(survey, first, error)
			       : CAIRN_OK;
	plan->want_count = first;
	if (survey->entry->destination == CAIRN_PLAN_CALLBACK)
		return add_pieces(survey, plan->facts.piece_size, error);
	/* strings are put together as a whole */
	return survey->entry->destination == CAIRN_PLAN_BUFFER && holder.block_bytes != 0
		       ? add_pieces(survey, PIECE_SIZE_DEFAULT, error)
		       : add_whole(survey, PLAN_WHOLE, 0, survey->entry->size, error);
}

static enum cairn_status lay_out_entries(struct cairn_plan *plan, struct cairn_error *error)
{
	for (uint64_t i = 0; i < plan->entry_count; i++) {
		struct survey survey = {.plan = plan, .entry = plan->entries[i], .number = i};
		enum cairn_status status;

		if (!plan_is_pending(plan, i))
			continue;
		status = lay_out_entry(&survey, error);
		if (status == CAIRN_NO_MEMORY)
			return status;
		if (status != CAIRN_OK) {
			reader_error(plan->reader, status, error);
			plan_fail(plan, i, plan_state_of(status), error);
		}
	}
	return CAIRN_OK;
}

/* -------------------------------------------------------------------------------------- sorting */

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_wants(const void *a, const void *b)
{
	const struct plan_want *const left = a;
	const struct plan_want *const right = b;
	int order = compare(left->shard, right->shard);

	if (order == 0)
		order = compare(left->place, right->place);
	if (order == 0)
		order = compare(left->slice, right->slice);
	if (order == 0)
		order = compare(left->is_alone, right->is_alone);
	return order != 0 ? order : compare(left->begin, right->begin);
}

static int compare_steps(const void *a, const void *b)
{
	const struct plan_step *const left = a;
	const struct plan_step *const right = b;
	const int order = compare(left->shard, right->shard);

	return order != 0 ? order : compare(left->offset, right->offset);
}

/* A sorted copy of an array in the arena; NULL: no memory. */
static void *sorted(struct cairn_plan *plan, const void *array, uint64_t count, size_t size,
		    int (*order)(const void *a, const void *b))
{
	struct system *const system = plan->system;
	uint8_t *const copy = arena_reserve_array(&plan->arena, count + 1, size);
	void **const items = system_allocate(system, (count + 1) * sizeof(void *));
	void **const scratch = system_allocate(system, (count + 1) * sizeof(void *));

	if (copy == NULL || items == NULL || scratch == NULL) {
		system_free(system, items);
		system_free(system, scratch);
		return NULL;
	}
	for (uint64_t i = 0; i < count; i++)
		items[i] = (uint8_t *)(uintptr_t)array + i * size;
	sort_pointers(items, scratch, count, order);
	for (uint64_t i = 0; i < count; i++)
		memcpy(copy + i * size, items[i], size);
	system_free(system, items);
	system_free(system, scratch);
	return copy;
}

/* ---------------------------------------------------------------------------------------- parts */

static uint64_t span_begin(const struct plan_want *want)
{
	return want->chunk == 0 ? want->begin : want->begin / want->chunk * want->chunk;
}

static uint64_t span_end(const struct plan_want *want)
{
	uint64_t end = want->end;

	if (want->chunk != 0)
		end = divide_up(end, want->chunk) * want->chunk; /* both below 2^63 */
	return end < want->size ? end : want->size;
}

/* Bytes that a part may have: whole chunks. */
static uint64_t part_size_of(const struct cairn_plan *plan, const struct plan_want *want)
{
	const uint64_t step = plan->facts.scratch_size;

	if (want->chunk == 0)
		return step;
	return want->chunk < step ? step / want->chunk * want->chunk : want->chunk;
}

static bool overlaps(const struct plan_want *want, const struct plan_part *part)
{
	return want->begin < part->end && want->end > part->begin;
}

static enum cairn_status add_part(struct cairn_plan *plan, const struct plan_part *part,
				  struct cairn_error *error)
{
	struct plan_part *const parts = arena_grow(&plan->arena, plan->parts, &plan->part_capacity,
						   plan->part_count + 1, sizeof(*parts));

	if (parts == NULL)
		return no_memory(error);
	plan->parts = parts;
	parts[plan->part_count++] = *part;
	for (uint64_t i = 0; i < part->want_count; i++) {
		const struct plan_want *const want = &plan->wants[part->first_want + i];

		if (overlaps(want, part))
			atomic_fetch_add(&plan->entries[want->entry]->left, 1);
	}
	return CAIRN_OK;
}

/* Somebody may change an index while it is read. */
static bool is_same_slice(const struct plan_want *a, const struct plan_want *b)
{
	return a->slice == b->slice && a->shard == b->shard && a->place == b->place &&
	       a->size == b->size && a->chunk == b->chunk && a->is_mapped == b->is_mapped;
}

/* Wants from `first` on that touch each other: how many, and the bytes that they span. */
static uint64_t gather_wants(const struct cairn_plan *plan, uint64_t first, uint64_t *begin,
			     uint64_t *end)
{
	const struct plan_want *const wants = plan->wants;
	uint64_t count = 1;

	*begin = span_begin(&wants[first]);
	*end = span_end(&wants[first]);
	while (!wants[first].is_alone && first + count < plan->want_count) {
		const struct plan_want *const next = &wants[first + count];

		if (!is_same_slice(&wants[first], next) || next->is_alone ||
		    span_begin(next) > *end)
			break;
		if (span_end(next) > *end)
			*end = span_end(next);
		count++;
	}
	return count;
}

static enum cairn_status make_parts(struct cairn_plan *plan, struct cairn_error *error)
{
	enum cairn_status status = CAIRN_OK;

	for (uint64_t i = 0; i < plan->want_count && status == CAIRN_OK;) {
		const uint64_t most = part_size_of(plan, &plan->wants[i]);
		uint64_t begin;
		uint64_t end;
		const uint64_t count = gather_wants(plan, i, &begin, &end);

		for (; begin < end && status == CAIRN_OK; begin += most) {
			const struct plan_part part = {
				.slice = plan->wants[i].slice,
				.begin = begin,
				.end = end - begin < most ? end : begin + most,
				.first_want = i,
				.want_count = count,
			};

			status = add_part(plan, &part, error);
		}
		i += count;
	}
	return status;
}

/* The part continues the step: near enough, and small enough together. */
static bool joins(const struct cairn_plan *plan, const struct plan_step *step,
		  const struct plan_want *want, uint64_t offset, uint64_t size)
{
	const uint64_t end = step->offset + step->size;

	return !step->is_alone && !want->is_alone && step->shard == want->shard &&
	       step->is_mapped == want->is_mapped && offset >= step->offset &&
	       (offset <= end || offset - end <= PLAN_GAP_SIZE) &&
	       offset + size - step->offset <= plan->facts.scratch_size;
}

static enum cairn_status make_steps(struct cairn_plan *plan, struct cairn_error *error)
{
	struct plan_step *step = NULL;

	for (uint64_t i = 0; i < plan->part_count; i++) {
		const struct plan_part *const part = &plan->parts[i];
		const struct plan_want *const want = &plan->wants[part->first_want];
		const uint64_t offset = want->place + part->begin;
		const uint64_t size = part->end - part->begin;

		if (step == NULL || !joins(plan, step, want, offset, size)) {
			step = add_step(plan);
			if (step == NULL)
				return no_memory(error);
			step->kind = PLAN_PARTS;
			step->offset = offset;
			step->first_part = i;
			step->shard = want->shard;
			step->is_mapped = want->is_mapped;
			step->is_alone = want->is_alone;
		}
		if (offset + size > step->offset + step->size)
			step->size = offset + size - step->offset;
		step->part_count++;
	}
	return CAIRN_OK;
}

/* ------------------------------------------------------------------------------------------ all */

static uint64_t largest_chunk(const struct cairn_plan *plan)
{
	uint64_t most = 0;

	for (uint64_t i = 0; i < plan->want_count; i++) {
		const struct plan_want *const want = &plan->wants[i];
		const uint64_t chunk = want->chunk < want->size ? want->chunk : want->size;

		if (want->chunk != 0 && chunk > most)
			most = chunk;
	}
	return most;
}

enum cairn_status plan_lay_out(struct cairn_plan *plan, struct cairn_error *error)
{
	enum cairn_status status;

	plan->facts.piece_size = plan->options.piece_size_max != 0 ? plan->options.piece_size_max
								   : PIECE_SIZE_DEFAULT;
	status = lay_out_entries(plan, error);
	if (status != CAIRN_OK)
		return status;
	plan->facts.chunk_size = largest_chunk(plan);
	status = plan_choose_memory(plan, error);
	if (status != CAIRN_OK)
		return status;
	plan->wants = sorted(plan, plan->wants, plan->want_count, sizeof(*plan->wants),
			     compare_wants);
	if (plan->wants == NULL)
		return no_memory(error);
	status = make_parts(plan, error);
	if (status == CAIRN_OK)
		status = make_steps(plan, error);
	if (status != CAIRN_OK)
		return status;
	plan->steps = sorted(plan, plan->steps, plan->step_count, sizeof(*plan->steps),
			     compare_steps);
	return plan->steps == NULL ? no_memory(error) : CAIRN_OK;
}
