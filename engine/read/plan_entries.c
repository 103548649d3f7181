/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans: their entries and results. How they are carried out: plan.h.
 *
 * An entry that was added is either pending, and then name, type, shape and size fit, or has ended
 * with the reason. State only ever goes from pending to one other.
 */
#include "engine/read/plan.h"

#include <inttypes.h>

#include "format/bytes.h"
#include "format/dtype.h"
#include "format/error.h"
#include "format/shape.h"

/* An entry takes some hundred bytes. */
#define ARENA_SIZE_MAX ((size_t)1 << 40)

#define ENTRIES_MAX    UINT32_MAX
#define PIECE_SIZE_MIN ((uint64_t)4 << 10)

/* ------------------------------------------------------------------------------ create, destroy */

static enum cairn_status check_options(const struct cairn_plan_options *options,
				       struct cairn_error *error)
{
	if (options->size != 0 && options->size < sizeof(*options))
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "plan options of %zu bytes, not %zu", options->size,
				 sizeof(*options));
	if (options->thread_count > PLAN_THREADS_MAX)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu32 " threads are more than %u", options->thread_count,
				 PLAN_THREADS_MAX);
	if (options->piece_size_max != 0 && options->piece_size_max < PIECE_SIZE_MIN)
		return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
				 "pieces of %" PRIu64 " bytes are smaller than %" PRIu64,
				 options->piece_size_max, PIECE_SIZE_MIN);
	return CAIRN_OK;
}

enum cairn_status cairn_plan_create(struct cairn_reader *reader,
				    const struct cairn_plan_options *options,
				    struct cairn_plan **plan, struct cairn_error *error)
{
	static const struct cairn_plan_options defaults = {0};
	struct system *const system = reader->system;
	struct cairn_plan *made;
	enum cairn_status status;

	if (options == NULL)
		options = &defaults;
	status = check_options(options, error);
	if (status != CAIRN_OK)
		return status;
	made = system_allocate_zeroed(system, sizeof(*made));
	if (made == NULL)
		return error_set_memory(error, "a plan");
	made->system = system;
	made->reader = cairn_reader_retain(reader);
	made->options = *options;
	arena_init(&made->arena, reader_arena_source(system), ARENA_SIZE_MAX);
	mutex_init(&made->mutex);
	mutex_init(&made->progress_mutex);
	condition_init(&made->changed);
	*plan = made;
	return CAIRN_OK;
}

void cairn_plan_cancel(struct cairn_plan *plan)
{
	atomic_store(&plan->is_cancelled, true);
}

void cairn_plan_destroy(struct cairn_plan *plan)
{
	if (plan == NULL)
		return;
	cairn_plan_cancel(plan);
	if (!plan->is_joined) {
		for (uint32_t i = 0; i < plan->thread_count; i++)
			system_thread_join(plan->system, plan->threads[i]);
	}
	for (uint64_t i = 0; i < plan->entry_count; i++) {
		if (plan->entries[i]->has_view)
			cairn_view_release(&plan->entries[i]->view);
	}
	condition_fini(&plan->changed);
	mutex_fini(&plan->progress_mutex);
	mutex_fini(&plan->mutex);
	arena_fini(&plan->arena);
	cairn_reader_close(plan->reader);
	system_free(plan->system, plan);
}

/* -------------------------------------------------------------------------------------- endings */

/* Both ways: the first row of a state is what it stands for. */
static const struct {
	enum cairn_status status;
	enum cairn_plan_state state;
} meanings[] = {
	{CAIRN_OK, CAIRN_PLAN_OK},
	{CAIRN_NOT_FOUND, CAIRN_PLAN_MISSING},
	{CAIRN_PRECONDITION, CAIRN_PLAN_MISSING}, /* stored slices do not hold all of it */
	{CAIRN_MISMATCH, CAIRN_PLAN_SHAPE_MISMATCH},
	{CAIRN_MISMATCH, CAIRN_PLAN_DTYPE_MISMATCH},
	{CAIRN_CORRUPT, CAIRN_PLAN_CORRUPT},
	{CAIRN_CHECKSUM, CAIRN_PLAN_CORRUPT},
	{CAIRN_TRUNCATED, CAIRN_PLAN_TRUNCATED},
	{CAIRN_NO_MEMORY, CAIRN_PLAN_FAILED},
	{CAIRN_CANCELLED, CAIRN_PLAN_CANCELLED},
};

#define MEANING_COUNT (sizeof(meanings) / sizeof(meanings[0]))

enum cairn_plan_state plan_state_of(enum cairn_status status)
{
	for (size_t i = 0; i < MEANING_COUNT; i++) {
		if (meanings[i].status == status)
			return meanings[i].state;
	}
	return CAIRN_PLAN_FAILED;
}

/* What a state stands for where there was no memory for the message. */
static enum cairn_status status_of(enum cairn_plan_state state)
{
	for (size_t i = 0; i < MEANING_COUNT; i++) {
		if (meanings[i].state == state)
			return meanings[i].status;
	}
	return CAIRN_OK; /* pending, skipped */
}

bool plan_is_pending(const struct cairn_plan *plan, uint64_t entry)
{
	return atomic_load_explicit(&plan->entries[entry]->state, memory_order_acquire) ==
	       CAIRN_PLAN_PENDING;
}

/* True for the one that ends the entry. */
static bool end_entry(struct plan_entry *entry, enum cairn_plan_state state)
{
	int pending = CAIRN_PLAN_PENDING;

	return atomic_compare_exchange_strong(&entry->state, &pending, (int)state);
}

/* Without memory for its message an entry still has its state. */
static void fail_entry(struct cairn_plan *plan, struct plan_entry *entry,
		       enum cairn_plan_state state, const struct cairn_error *error)
{
	mutex_lock(&plan->mutex);
	if (end_entry(entry, state) && error != NULL)
		entry->error = arena_copy(&plan->arena, error, sizeof(*error));
	mutex_unlock(&plan->mutex);
}

void plan_fail(struct cairn_plan *plan, uint64_t entry, enum cairn_plan_state state,
	       const struct cairn_error *error)
{
	fail_entry(plan, plan->entries[entry], state, error);
}

static enum cairn_status view_entry(struct plan_entry *entry, struct cairn_error *error)
{
	const enum cairn_status status = cairn_tensor_view_slice(
		&entry->tensor, entry->starts, entry->lengths, &entry->view, error);

	entry->has_view = status == CAIRN_OK;
	return status;
}

void plan_advance(struct plan_worker *worker, uint64_t number)
{
	struct plan_entry *const entry = worker->plan->entries[number];
	enum cairn_status status = CAIRN_OK;

	if (atomic_fetch_sub_explicit(&entry->left, 1, memory_order_acq_rel) != 1 ||
	    !plan_is_pending(worker->plan, number))
		return;
	if (entry->destination == CAIRN_PLAN_VIEW)
		status = view_entry(entry, &worker->error);
	if (status == CAIRN_OK)
		end_entry(entry, CAIRN_PLAN_OK);
	else
		plan_fail(worker->plan, number, plan_state_of(status), &worker->error);
}

/* --------------------------------------------------------------------------------------- adding */

enum cairn_status plan_region(const struct plan_entry *entry, struct tensor_record *holder,
			      struct region *region, struct cairn_error *error)
{
	enum cairn_status status = tensor_holder(&entry->tensor, holder, error);

	if (status == CAIRN_OK)
		status = region_resolve(&entry->tensor, holder, entry->starts, entry->lengths,
					region, error);
	if (status == CAIRN_OK && region->size != entry->size)
		status = error_set(error, CAIRN_CORRUPT, CAIRN_ERROR_NO_OFFSET,
				   "its record has changed since it was found");
	return status;
}

static enum cairn_status differs(const struct plan_entry *entry, enum cairn_status status,
				 struct cairn_error *error)
{
	error_prefix_tensor(error, status, entry->tensor.name);
	return reader_error(entry->tensor.reader, status, error);
}

static enum cairn_status check_dtype(const struct cairn_plan_entry *wanted,
				     const struct plan_entry *entry, struct cairn_error *error)
{
	const struct cairn_dtype_info *const want = cairn_dtype_info(wanted->dtype);
	const struct cairn_dtype_info *const have = cairn_dtype_info(entry->tensor.dtype);

	if ((wanted->flags & CAIRN_PLAN_EXPECT_DTYPE) == 0 || wanted->dtype == entry->tensor.dtype)
		return CAIRN_OK;
	error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET, "its type is %s, not %s",
		  have == NULL ? "unknown" : have->name, want == NULL ? "unknown" : want->name);
	return differs(entry, CAIRN_MISMATCH, error);
}

static enum cairn_status check_shape(const struct cairn_plan_entry *wanted,
				     const struct plan_entry *entry, struct cairn_error *error)
{
	const bool has_shape = (wanted->flags & CAIRN_PLAN_EXPECT_SHAPE) != 0;

	if ((has_shape || wanted->starts != NULL) && wanted->rank != entry->tensor.rank) {
		error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
			  "its rank is %" PRIu32 ", not %" PRIu32, entry->tensor.rank,
			  wanted->rank);
		return differs(entry, CAIRN_MISMATCH, error);
	}
	for (uint32_t d = 0; has_shape && d < wanted->rank; d++) {
		if (wanted->dims[d] == entry->tensor.dims[d])
			continue;
		error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
			  "dimension %" PRIu32 " is %" PRIu64 ", not %" PRIu64, d,
			  entry->tensor.dims[d], wanted->dims[d]);
		return differs(entry, CAIRN_MISMATCH, error);
	}
	return CAIRN_OK;
}

static bool is_part_of_strings(const struct plan_entry *entry)
{
	return entry->starts != NULL && dtype_is_variable(entry->tensor.dtype);
}

/* A part of strings has as many bytes as are found when it is read. */
static enum cairn_status measure_strings(const struct plan_entry *entry, struct cairn_error *error)
{
	uint64_t starts[CAIRN_RANK_MAX];
	uint64_t lengths[CAIRN_RANK_MAX];

	memcpy(starts, entry->starts, entry->tensor.rank * sizeof(*starts));
	memcpy(lengths, entry->lengths, entry->tensor.rank * sizeof(*lengths));
	return shape_resolve_slice(entry->tensor.rank, entry->tensor.dims, starts, lengths, error);
}

static enum cairn_status measure(struct plan_entry *entry, struct cairn_error *error)
{
	struct tensor_record holder;
	struct region region;
	enum cairn_status status;

	if (is_part_of_strings(entry)) {
		status = measure_strings(entry, error);
		return status == CAIRN_OK ? status : differs(entry, status, error);
	}
	status = tensor_holder(&entry->tensor, &holder, error);
	if (status == CAIRN_OK)
		status = region_resolve(&entry->tensor, &holder, entry->starts, entry->lengths,
					&region, error);
	if (status != CAIRN_OK)
		return reader_error(entry->tensor.reader, status, error);
	entry->size = region.size;
	if (entry->destination != CAIRN_PLAN_BUFFER || entry->buffer_size == entry->size)
		return CAIRN_OK;
	error_set(error, CAIRN_MISMATCH, CAIRN_ERROR_NO_OFFSET,
		  "a buffer of %" PRIu64 " bytes for a slice of %" PRIu64, entry->buffer_size,
		  entry->size);
	return differs(entry, CAIRN_MISMATCH, error);
}

/* Looks the tensor up and compares: the state that the entry begins with. */
static enum cairn_plan_state resolve(const struct cairn_plan *plan,
				     const struct cairn_plan_entry *wanted,
				     struct plan_entry *entry, struct cairn_error *error)
{
	enum cairn_status status = cairn_reader_find_string(plan->reader, wanted->name,
							    &entry->tensor, error);

	if (status != CAIRN_OK)
		entry->tensor.reader = NULL;
	if (status == CAIRN_OK && check_dtype(wanted, entry, error) != CAIRN_OK)
		return CAIRN_PLAN_DTYPE_MISMATCH;
	if (status == CAIRN_OK)
		status = check_shape(wanted, entry, error);
	if (status == CAIRN_OK)
		status = measure(entry, error);
	return status == CAIRN_OK ? CAIRN_PLAN_PENDING : plan_state_of(status);
}

static enum cairn_status check_entry(const struct cairn_plan *plan,
				     const struct cairn_plan_entry *wanted,
				     struct cairn_error *error)
{
	const struct cairn_plan_options *const options = &plan->options;
	const char *what = NULL;

	if (wanted->size != 0 && wanted->size < sizeof(*wanted))
		what = "a struct of another size";
	else if ((wanted->starts == NULL) != (wanted->lengths == NULL))
		what = "starts and lengths of a slice go together";
	else if (wanted->rank != 0 && wanted->dims == NULL &&
		 (wanted->flags & CAIRN_PLAN_EXPECT_SHAPE) != 0)
		what = "no dims to compare with";
	else if (wanted->destination == CAIRN_PLAN_BUFFER && wanted->buffer == NULL &&
		 wanted->buffer_size != 0)
		what = "no buffer";
	else if (wanted->destination == CAIRN_PLAN_CALLBACK &&
		 (options->acquire == NULL || options->release == NULL))
		what = "no callbacks that hand out buffers";
	else if ((uint32_t)wanted->destination > CAIRN_PLAN_CALLBACK)
		what = "an unknown destination";
	if (what == NULL)
		return CAIRN_OK;
	error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET, "%s", what);
	return error_prefix_tensor(error, CAIRN_INVALID_ARGUMENT, wanted->name);
}

static enum cairn_status copy_slice(struct cairn_plan *plan, const struct cairn_plan_entry *wanted,
				    struct plan_entry *entry, struct cairn_error *error)
{
	const size_t size = wanted->rank * sizeof(uint64_t);

	if (wanted->starts == NULL)
		return CAIRN_OK;
	entry->starts = arena_copy(&plan->arena, wanted->starts, size);
	entry->lengths = arena_copy(&plan->arena, wanted->lengths, size);
	return entry->starts == NULL || entry->lengths == NULL ? error_set_memory(error, "a plan")
							       : CAIRN_OK;
}

static enum cairn_status add_entry(struct cairn_plan *plan, const struct cairn_plan_entry *wanted,
				   struct cairn_error *error)
{
	struct plan_entry *const entry = arena_allocate_array(&plan->arena, 1, sizeof(*entry));
	struct plan_entry **const entries = arena_grow(&plan->arena, plan->entries,
						       &plan->entry_capacity, plan->entry_count + 1,
						       sizeof(*entries));
	struct cairn_error reason;
	enum cairn_plan_state state;
	enum cairn_status status;

	if (entry == NULL || entries == NULL)
		return error_set_memory(error, "a plan");
	plan->entries = entries;
	status = copy_slice(plan, wanted, entry, error);
	if (status != CAIRN_OK)
		return status;
	entry->tag = wanted->tag;
	entry->destination = wanted->destination;
	entry->buffer = wanted->buffer;
	entry->buffer_size = wanted->buffer_size;
	state = resolve(plan, wanted, entry, &reason);
	if (state != CAIRN_PLAN_PENDING)
		fail_entry(plan, entry, state, &reason);
	plan->entries[plan->entry_count++] = entry;
	return CAIRN_OK;
}

static const struct cairn_plan_entry *entry_at(const struct cairn_plan_entry *entries,
					       uint64_t number)
{
	const size_t stride = entries->size == 0 ? sizeof(*entries) : entries->size;

	return (const struct cairn_plan_entry *)(const void *)((const uint8_t *)entries +
							       number * stride);
}

enum cairn_status cairn_plan_add(struct cairn_plan *plan, const struct cairn_plan_entry *entries,
				 uint64_t count, struct cairn_error *error)
{
	const uint64_t before = plan->entry_count;
	enum cairn_status status = CAIRN_OK;

	if (atomic_load(&plan->is_prepared))
		return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
				 "the plan is laid out already");
	if (!range_within(before, count, ENTRIES_MAX))
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "%" PRIu64 " entries and %" PRIu64 " more exceed %" PRIu32, before,
				 count, ENTRIES_MAX);
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++)
		status = check_entry(plan, entry_at(entries, i), error);
	for (uint64_t i = 0; i < count && status == CAIRN_OK; i++)
		status = add_entry(plan, entry_at(entries, i), error);
	if (status != CAIRN_OK)
		plan->entry_count = before;
	return status;
}

/* -------------------------------------------------------------------------------------- results */

uint64_t cairn_plan_entry_count(const struct cairn_plan *plan)
{
	return plan->entry_count;
}

static enum cairn_status no_entry(const struct cairn_plan *plan, uint64_t number,
				  struct cairn_error *error)
{
	return error_set(error, CAIRN_INVALID_ARGUMENT, CAIRN_ERROR_NO_OFFSET,
			 "entry %" PRIu64 " of a plan of %" PRIu64, number, plan->entry_count);
}

enum cairn_status cairn_plan_result(const struct cairn_plan *plan, uint64_t number,
				    struct cairn_plan_result *result, struct cairn_error *error)
{
	const size_t size = result->size == 0 ? sizeof(*result) : result->size;
	const struct plan_entry *entry;
	struct cairn_plan_result facts;

	if (number >= plan->entry_count)
		return no_entry(plan, number, error);
	entry = plan->entries[number];
	facts = (struct cairn_plan_result){
		.size = size,
		.state = (enum cairn_plan_state)atomic_load_explicit(&entry->state,
								     memory_order_acquire),
		.tag = entry->tag,
		.bytes = entry->size,
		.tensor = entry->tensor,
	};
	if (facts.state != CAIRN_PLAN_PENDING && facts.state != CAIRN_PLAN_OK) {
		mutex_lock((struct mutex *)(uintptr_t)&plan->mutex);
		facts.error = entry->error;
		mutex_unlock((struct mutex *)(uintptr_t)&plan->mutex);
		facts.status = facts.error != NULL ? facts.error->code : status_of(facts.state);
	}
	memcpy(result, &facts, size < sizeof(facts) ? size : sizeof(facts));
	return CAIRN_OK;
}

enum cairn_status cairn_plan_take_view(struct cairn_plan *plan, uint64_t number,
				       struct cairn_view *view, struct cairn_error *error)
{
	struct plan_entry *entry;

	if (number >= plan->entry_count)
		return no_entry(plan, number, error);
	entry = plan->entries[number];
	if (atomic_load_explicit(&entry->state, memory_order_acquire) != CAIRN_PLAN_OK ||
	    !entry->has_view)
		return error_set(error, CAIRN_PRECONDITION, CAIRN_ERROR_NO_OFFSET,
				 "entry %" PRIu64 " has no view to take", number);
	*view = entry->view;
	entry->has_view = false;
	return CAIRN_OK;
}
