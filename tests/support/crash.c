/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enumerating crash states.
 *
 * The trace is turned into steps (a write split by sector, a rename split in two, if wanted) and
 * walked once. A step is open from when it was issued until a sync covers it. `base` is the disk up
 * to the first open step; a state is a copy of it, blocks shared, with the later steps applied that
 * are durable or chosen.
 *
 * At a step that changes the disk only the states that hold it are new: those without it were met a
 * step before. At a mark all of them are, since the mark may change what a state has to hold. A
 * sync only takes states away. States that look alike are shown once.
 */
#include "tests/support/crash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR_SIZE        512u
#define STATES_MAX         200000u
#define EXHAUSTIVE_MAX     12u
#define EXHAUSTIVE_LIMIT   30u
#define SAMPLES_PER_POINT  512u
#define NO_STEP            SIZE_MAX
#define AFTER_THE_CRASH_NS UINT64_C(3600000000000)

struct step {
	struct memory_trace_op op; /* borrowed from the trace, block and names included */
	uint64_t point;            /* of op in the trace */
	bool open;                 /* issued, and not known to be on the disk */
	bool lost;                 /* a sync of it has failed: it stays open */
	bool from_synced;          /* a rename between directories is covered by two syncs */
	bool to_synced;
};

/* Hashes of what was shown; open addressing, 0 is a free slot. */
struct seen {
	size_t count;
	size_t capacity; /* a power of two */
	uint64_t *hashes;
};

struct enumeration {
	struct crash_options options;
	const struct memory_settings *settings;
	crash_callback callback;
	void *context;
	struct crash_counts counts;

	size_t step_count;
	struct step *steps;
	bool *chosen;       /* by step: held by the state, though open */
	size_t *candidates; /* open steps to choose from */
	size_t candidate_count;
	size_t open_count;

	struct memory_files base;
	size_t base_end; /* steps before it are in the base */
	size_t issued;   /* steps before it were issued when the power went */
	int marker;
	uint64_t states_per_point;
	bool last_point_sampled;
	uint64_t random_state;
	struct seen seen;
};

/* -------------------------------------------------------------------------------------- helpers */

static uint64_t next_random(struct enumeration *e)
{
	uint64_t value = e->random_state += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

/* The slot that holds the hash, or the free one where it belongs. */
static uint64_t *seen_slot(const struct seen *seen, uint64_t hash)
{
	size_t index = (hash ^ (hash >> 32)) & (seen->capacity - 1);

	while (seen->hashes[index] != 0 && seen->hashes[index] != hash)
		index = (index + 1) & (seen->capacity - 1);
	return &seen->hashes[index];
}

static void seen_grow(struct seen *seen)
{
	struct seen larger = {.count = seen->count,
			      .capacity = seen->capacity != 0 ? seen->capacity * 2 : 1024};

	larger.hashes = calloc(larger.capacity, sizeof(*larger.hashes));
	if (larger.hashes == NULL)
		abort();
	for (size_t i = 0; i < seen->capacity; i++) {
		if (seen->hashes[i] != 0)
			*seen_slot(&larger, seen->hashes[i]) = seen->hashes[i];
	}
	free(seen->hashes);
	*seen = larger;
}

/* True if the hash is new. */
static bool seen_add(struct seen *seen, uint64_t hash)
{
	uint64_t *slot;

	if (hash == 0)
		hash = 1;
	if (seen->count * 2 >= seen->capacity)
		seen_grow(seen);
	slot = seen_slot(seen, hash);
	if (*slot == hash)
		return false;
	*slot = hash;
	seen->count++;
	return true;
}

/* ---------------------------------------------------------------------------------------- steps */

static void add_step(struct enumeration *e, const struct memory_trace_op *op, uint64_t point)
{
	/* Doubling at powers of two. */
	if ((e->step_count & (e->step_count - 1)) == 0) {
		const size_t capacity = e->step_count != 0 ? e->step_count * 2 : 1;

		e->steps = memory_must_reallocate(e->steps, capacity * sizeof(*e->steps));
	}
	e->steps[e->step_count++] = (struct step){.op = *op, .point = point};
}

static void add_sectors(struct enumeration *e, const struct memory_trace_op *op, uint64_t point)
{
	uint32_t start = op->piece.start;

	while (start < op->piece.end) {
		const uint32_t border = (start / SECTOR_SIZE + 1) * SECTOR_SIZE;
		struct memory_trace_op sector = *op;

		sector.piece.start = start;
		sector.piece.end = border < op->piece.end ? border : op->piece.end;
		/* The rest of the buffer belongs to the other sectors. */
		sector.piece.exact = false;
		add_step(e, &sector, point);
		start = sector.piece.end;
	}
}

static void add_rename_halves(struct enumeration *e, const struct memory_trace_op *op,
			      uint64_t point)
{
	const struct memory_trace_op removal = {
		.kind = MEMORY_TRACE_REMOVE, .inode = op->inode, .name = op->name};
	const struct memory_trace_op addition = {.kind = MEMORY_TRACE_ADD,
						 .inode = op->to_directory,
						 .child = op->child,
						 .name = op->to_name};

	add_step(e, &removal, point);
	add_step(e, &addition, point);
}

static void build_steps(struct enumeration *e, const struct memory_trace *trace)
{
	for (size_t i = 0; i < trace->count; i++) {
		const struct memory_trace_op *op = &trace->ops[i];

		if (op->kind == MEMORY_TRACE_PIECE && e->options.sectors)
			add_sectors(e, op, i);
		else if (op->kind == MEMORY_TRACE_RENAME && e->options.split_renames)
			add_rename_halves(e, op, i);
		else
			add_step(e, op, i);
	}
}

/* The operations that a disk may or may not hold. */
static bool changes_disk(const struct step *step)
{
	switch (step->op.kind) {
	case MEMORY_TRACE_PIECE:
	case MEMORY_TRACE_SIZE:
	case MEMORY_TRACE_TRUNCATE:
	case MEMORY_TRACE_ADD:
	case MEMORY_TRACE_REMOVE:
	case MEMORY_TRACE_RENAME:
		return true;
	case MEMORY_TRACE_INODE:
	case MEMORY_TRACE_SYNC:
	case MEMORY_TRACE_SYNC_FAILED:
	case MEMORY_TRACE_MARK:
		break;
	}
	return false;
}

static bool concerns(const struct step *step, uint64_t inode)
{
	return step->op.inode == inode ||
	       (step->op.kind == MEMORY_TRACE_RENAME && step->op.to_directory == inode);
}

/* Notes a sync of the inode; true when the step is now on the disk. */
static bool sync_covers(struct step *step, uint64_t inode)
{
	if (step->lost || !concerns(step, inode))
		return false;
	if (step->op.kind != MEMORY_TRACE_RENAME)
		return true;
	step->from_synced |= step->op.inode == inode;
	step->to_synced |= step->op.to_directory == inode;
	return step->from_synced && step->to_synced;
}

static void issue_sync(struct enumeration *e, const struct step *sync)
{
	for (size_t i = e->base_end; i < e->issued; i++) {
		struct step *step = &e->steps[i];

		if (!step->open)
			continue;
		if (sync->op.kind == MEMORY_TRACE_SYNC_FAILED) {
			step->lost |= concerns(step, sync->op.inode);
		} else if (sync_covers(step, sync->op.inode)) {
			step->open = false;
			e->open_count--;
		}
	}
}

/* The run goes on by one step, to which `issued` points. */
static void issue_step(struct enumeration *e)
{
	struct step *step = &e->steps[e->issued];

	if (changes_disk(step)) {
		step->open = true;
		e->open_count++;
	} else if (step->op.kind == MEMORY_TRACE_SYNC ||
		   step->op.kind == MEMORY_TRACE_SYNC_FAILED) {
		issue_sync(e, step);
	} else if (step->op.kind == MEMORY_TRACE_MARK) {
		e->marker = step->op.marker;
	}
	e->issued++;
	if (e->open_count > e->counts.open_max)
		e->counts.open_max = e->open_count;
}

/* ------------------------------------------------------------------------------ building states */

static void add_traced_inode(struct memory_files *files, const struct memory_trace_op *op)
{
	struct memory_inode *inode = memory_files_add(files, op->inode, op->inode_kind);

	inode->mode = op->mode;
	inode->owner = op->owner;
	if (op->name != NULL)
		inode->target = memory_must_copy_text(op->name);
}

static void apply_step(struct memory_files *files, const struct step *step)
{
	const struct memory_trace_op *op = &step->op;
	struct memory_inode *inode = memory_files_get(files, op->inode);

	switch (op->kind) {
	case MEMORY_TRACE_PIECE:
		memory_file_put(inode, &op->piece);
		break;
	case MEMORY_TRACE_SIZE:
		memory_file_grow(inode, op->size);
		break;
	case MEMORY_TRACE_TRUNCATE:
		memory_file_truncate(inode, op->size);
		break;
	case MEMORY_TRACE_ADD:
		memory_directory_put(inode, op->name, op->child);
		break;
	case MEMORY_TRACE_REMOVE:
		memory_directory_drop(inode, op->name);
		break;
	case MEMORY_TRACE_RENAME:
		memory_directory_drop(inode, op->name);
		memory_directory_put(memory_files_get(files, op->to_directory), op->to_name,
				     op->child);
		break;
	case MEMORY_TRACE_INODE:
		add_traced_inode(files, op);
		break;
	case MEMORY_TRACE_SYNC:
	case MEMORY_TRACE_SYNC_FAILED:
	case MEMORY_TRACE_MARK:
		break;
	}
}

static void advance_base(struct enumeration *e)
{
	while (e->base_end < e->issued && !e->steps[e->base_end].open)
		apply_step(&e->base, &e->steps[e->base_end++]);
}

static bool is_held(const struct enumeration *e, size_t index)
{
	return !e->steps[index].open || e->chosen[index];
}

static bool has_unwritten_blocks(const struct enumeration *e)
{
	for (size_t i = e->base_end; i < e->issued; i++) {
		if (e->steps[i].op.kind == MEMORY_TRACE_PIECE && !is_held(e, i))
			return true;
	}
	return false;
}

/*
 * Puts garbage where a block was allocated and not written. Sizes come first, as garbage ends where
 * the file does; what was written comes later, over it.
 */
static void spoil_unwritten(const struct enumeration *e, struct memory_files *files)
{
	for (size_t i = e->base_end; i < e->issued; i++) {
		const struct memory_trace_op *op = &e->steps[i].op;
		struct memory_inode *file = memory_files_get(files, op->inode);

		if (!is_held(e, i))
			continue;
		if (op->kind == MEMORY_TRACE_SIZE)
			memory_file_grow(file, op->size);
		else if (op->kind == MEMORY_TRACE_TRUNCATE)
			memory_file_truncate(file, op->size);
		else if (op->kind == MEMORY_TRACE_PIECE)
			memory_file_grow(file, op->piece.index * MEMORY_BLOCK_SIZE + op->piece.end);
	}
	for (size_t i = e->base_end; i < e->issued; i++) {
		const struct memory_trace_op *op = &e->steps[i].op;

		if (op->kind == MEMORY_TRACE_PIECE && !is_held(e, i))
			memory_file_spoil(memory_files_get(files, op->inode), op->piece.index);
	}
}

/* Returns the hash of what the state looks like. */
static uint64_t build_state(const struct enumeration *e, bool garbage, struct memory_files *files)
{
	memory_files_copy(files, &e->base);
	for (size_t i = e->base_end; i < e->issued; i++) {
		if (e->steps[i].op.kind == MEMORY_TRACE_INODE)
			apply_step(files, &e->steps[i]);
	}
	if (garbage)
		spoil_unwritten(e, files);
	for (size_t i = e->base_end; i < e->issued; i++) {
		if (e->steps[i].op.kind != MEMORY_TRACE_INODE && is_held(e, i))
			apply_step(files, &e->steps[i]);
	}
	return memory_files_settle(files);
}

static int show_state(struct enumeration *e, bool garbage, struct memory_files *files)
{
	struct memory_system *system = memory_system_boot(files, e->settings);
	const struct crash_state state = {
		.system = system,
		.marker = e->marker,
		.number = e->counts.distinct,
		.point = e->issued != 0 ? e->steps[e->issued - 1].point : 0,
		.garbage = garbage,
	};
	int result;

	/* Another process: its temporary names must not be those of the run. */
	memory_system_seed(system, ~state.number);
	memory_system_advance_clock(system, AFTER_THE_CRASH_NS);
	e->counts.distinct++;
	result = e->callback(e->context, &state);
	memory_system_destroy(system);
	return result;
}

static int visit_variant(struct enumeration *e, bool garbage)
{
	struct memory_files files;
	const uint64_t hash = build_state(e, garbage, &files);
	const uint64_t marked = hash ^
				((uint64_t)(uint32_t)e->marker * UINT64_C(0xff51afd7ed558ccd));
	int result = 0;

	e->counts.states++;
	if (seen_add(&e->seen, marked))
		result = show_state(e, garbage, &files);
	memory_files_fini(&files);
	return result;
}

static int visit_state(struct enumeration *e)
{
	const int result = visit_variant(e, false);

	if (result != 0 || e->options.no_garbage || !has_unwritten_blocks(e))
		return result;
	return visit_variant(e, true);
}

/* ------------------------------------------------------------------------------ choosing states */

/* How many states a point with so many candidates has, at most. */
static uint64_t states_of_point(const struct enumeration *e, size_t candidate_count)
{
	if (candidate_count > e->options.exhaustive_open_max)
		return e->options.samples_per_point;
	return UINT64_C(1) << candidate_count;
}

/* The first samples are all, none, all but one and just one: they find most mistakes. */
static bool sample_holds(struct enumeration *e, uint64_t sample, size_t candidate, uint64_t density)
{
	const uint64_t turn = (sample - 2) / 4;

	if (sample < 2)
		return sample == 0;
	if (sample % 2 == 0 && turn < e->candidate_count)
		return (turn == candidate) == (sample % 4 == 0);
	return next_random(e) % 8 < density;
}

static void choose_sample(struct enumeration *e, uint64_t sample)
{
	static const uint8_t densities[] = {1, 2, 4, 4, 6, 7};
	const uint64_t density = densities[next_random(e) % sizeof(densities)];

	for (size_t i = 0; i < e->candidate_count; i++)
		e->chosen[e->candidates[i]] = sample_holds(e, sample, i, density);
}

static void choose_subset(struct enumeration *e, uint64_t subset)
{
	for (size_t i = 0; i < e->candidate_count; i++)
		e->chosen[e->candidates[i]] = (subset >> i) & 1u;
}

/* `forced`: a step that each state holds, or NO_STEP. */
static void find_candidates(struct enumeration *e, size_t forced)
{
	e->candidate_count = 0;
	for (size_t i = e->base_end; i < e->issued; i++) {
		if (e->steps[i].open && i != forced)
			e->candidates[e->candidate_count++] = i;
	}
	if (forced != NO_STEP)
		e->chosen[forced] = true;
}

static int visit_point(struct enumeration *e, size_t forced)
{
	uint64_t count;
	int result = 0;

	find_candidates(e, forced);
	count = states_of_point(e, e->candidate_count);
	e->last_point_sampled = e->candidate_count > e->options.exhaustive_open_max ||
				count > e->states_per_point;
	if (count > e->states_per_point)
		count = e->states_per_point;
	e->counts.points++;
	e->counts.sampled_points += e->last_point_sampled;
	for (uint64_t i = 0; i < count && result == 0; i++) {
		if (e->last_point_sampled)
			choose_sample(e, i);
		else
			choose_subset(e, i);
		result = visit_state(e);
	}
	return result;
}

static int visit_step(struct enumeration *e, size_t index)
{
	const struct step *step = &e->steps[index];

	if (changes_disk(step))
		return visit_point(e, index);
	if (step->op.kind == MEMORY_TRACE_MARK)
		return visit_point(e, NO_STEP);
	/* Fewer steps are open now: what had to be sampled may be tried in full. */
	if (step->op.kind == MEMORY_TRACE_SYNC && e->last_point_sampled)
		return visit_point(e, NO_STEP);
	return 0;
}

static int visit_all(struct enumeration *e)
{
	int result = visit_point(e, NO_STEP);

	for (size_t i = 0; i < e->step_count && result == 0; i++) {
		issue_step(e);
		advance_base(e);
		result = visit_step(e, i);
	}
	return result;
}

/* --------------------------------------------------------------------------------------- budget */

/* Walks the steps without building states; counts[i] is what the point after step i would like to
 * have. */
static void count_states(struct enumeration *e, uint64_t *counts)
{
	for (size_t i = 0; i < e->step_count; i++) {
		issue_step(e);
		counts[i] = states_of_point(e, e->open_count - changes_disk(&e->steps[i]));
	}
	for (size_t i = 0; i < e->step_count; i++) {
		struct step *step = &e->steps[i];

		step->open = step->lost = step->from_synced = step->to_synced = false;
	}
	e->issued = 0;
	e->open_count = 0;
	e->marker = 0;
}

static uint64_t sum_with_limit(const uint64_t *counts, size_t count, uint64_t limit)
{
	uint64_t sum = 1;

	for (size_t i = 0; i < count; i++)
		sum += counts[i] < limit ? counts[i] : limit;
	return sum;
}

/* The largest number of states per point with which the run stays within its budget. */
static void find_states_per_point(struct enumeration *e)
{
	const uint64_t budget = e->options.states_max / (e->options.no_garbage ? 1 : 2);
	uint64_t *counts = memory_must_allocate(e->step_count * sizeof(*counts));
	uint64_t low = 2;
	uint64_t high = UINT64_C(1) << EXHAUSTIVE_LIMIT;

	count_states(e, counts);
	while (low < high) {
		const uint64_t middle = low + (high - low + 1) / 2;

		if (sum_with_limit(counts, e->step_count, middle) <= budget)
			low = middle;
		else
			high = middle - 1;
	}
	e->states_per_point = low;
	free(counts);
}

static struct crash_options options_with_defaults(const struct crash_options *given)
{
	struct crash_options options = {0};

	if (given != NULL)
		options = *given;
	if (options.states_max == 0)
		options.states_max = STATES_MAX;
	if (options.exhaustive_open_max == 0)
		options.exhaustive_open_max = EXHAUSTIVE_MAX;
	if (options.exhaustive_open_max > EXHAUSTIVE_LIMIT)
		options.exhaustive_open_max = EXHAUSTIVE_LIMIT;
	if (options.samples_per_point == 0)
		options.samples_per_point = SAMPLES_PER_POINT;
	return options;
}

int crash_enumerate(struct memory_system *memory, const struct crash_options *options,
		    crash_callback callback, void *context, struct crash_counts *counts)
{
	const struct memory_trace *trace = memory_system_trace(memory);
	struct enumeration e = {
		.options = options_with_defaults(options),
		.settings = memory_system_settings(memory),
		.callback = callback,
		.context = context,
	};
	int result;

	assert(trace->active);
	e.random_state = e.options.seed;
	build_steps(&e, trace);
	e.chosen = memory_must_allocate(e.step_count * sizeof(*e.chosen));
	memset(e.chosen, 0, e.step_count * sizeof(*e.chosen));
	e.candidates = memory_must_allocate(e.step_count * sizeof(*e.candidates));
	memory_files_copy(&e.base, &trace->base);
	find_states_per_point(&e);
	result = visit_all(&e);
	if (counts != NULL)
		*counts = e.counts;
	memory_files_fini(&e.base);
	free(e.seen.hashes);
	free(e.candidates);
	free(e.chosen);
	free(e.steps);
	return result;
}
