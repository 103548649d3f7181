/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the bytes of a plan come in: from the mapping, or read in large pieces; by how many threads;
 * and what is left out, because memory has no room for it.
 *
 * What the kernel says about residency is taken as it is. Where it may say "resident" of everything
 * (to who neither owns a file nor may write it) that answer is no answer; "absent" is one always.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "engine/read/plan.h"
#include "format/digest.h"
#include "format/error.h"

#define THREADS_CHOSEN_MAX 16u

/* Of threads that wait for a disk, so many keep a processor, and the disk, at work. */
#define THREADS_PER_PROCESSOR 2u

/* -------------------------------------------------------------------------------------- memory */

static uint32_t threads_wanted(const struct cairn_plan *plan)
{
	const uint32_t processors = system_processors(plan->system);

	if (plan->options.thread_count != 0)
		return plan->options.thread_count;
	return processors < THREADS_CHOSEN_MAX / THREADS_PER_PROCESSOR
		       ? processors * THREADS_PER_PROCESSOR
		       : THREADS_CHOSEN_MAX;
}

/* Nobody waits for what is in memory, and nobody has half a step to do. */
static void spare_threads(struct cairn_plan *plan)
{
	struct plan_facts *const facts = &plan->facts;
	const uint32_t processors = system_processors(plan->system);

	if (plan->options.thread_count == 0 && facts->threads > processors &&
	    facts->by_residency[CAIRN_PLAN_RESIDENT] > facts->file_bytes / 2)
		facts->threads = processors;
	if (facts->threads > plan->step_count)
		facts->threads = plan->step_count == 0 ? 1 : (uint32_t)plan->step_count;
}

/* Views that are put together stay until the plan is destroyed. */
static uint64_t materialised_bytes(const struct cairn_plan *plan)
{
	uint64_t bytes = 0;

	for (uint64_t i = 0; i < plan->step_count; i++) {
		const struct plan_entry *const entry = plan->entries[plan->steps[i].entry];

		if (plan->steps[i].kind == PLAN_WHOLE && entry->destination == CAIRN_PLAN_VIEW)
			bytes +=
				entry->size; /* each below 2^63 of which memory has room for some */
	}
	return bytes;
}

static bool has_callbacks(const struct cairn_plan *plan)
{
	for (uint64_t i = 0; i < plan->entry_count; i++) {
		if (plan->entries[i]->destination == CAIRN_PLAN_CALLBACK)
			return true;
	}
	return false;
}

/* What a thread takes: a step, a chunk beside it, and a piece that a callback handed out. */
static uint64_t thread_bytes(const struct plan_facts *facts)
{
	return facts->scratch_size + facts->chunk_size + facts->piece_size;
}

static uint64_t most_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A step is never smaller than a chunk, or a piece: each is brought in at once. */
enum cairn_status plan_choose_memory(struct cairn_plan *plan, struct cairn_error *error)
{
	struct plan_facts *const facts = &plan->facts;
	const uint64_t most = plan->options.memory_max;
	uint64_t least;
	uint64_t room;

	if (!has_callbacks(plan))
		facts->piece_size = 0;
	least = most_of(PLAN_GAP_SIZE, most_of(facts->chunk_size, facts->piece_size));
	facts->threads = threads_wanted(plan);
	facts->scratch_size = most_of(least, PLAN_STEP_SIZE);
	facts->view_bytes = materialised_bytes(plan);
	if (most == 0)
		return CAIRN_OK;
	room = most < facts->view_bytes ? 0 : most - facts->view_bytes;
	while (facts->scratch_size / 2 >= least && thread_bytes(facts) > room / facts->threads)
		facts->scratch_size /= 2;
	if (thread_bytes(facts) > room)
		return error_set(error, CAIRN_LIMIT, CAIRN_ERROR_NO_OFFSET,
				 "a plan needs %" PRIu64
				 " bytes of memory for one thread and %" PRIu64
				 " for views, more than its limit of %" PRIu64,
				 thread_bytes(facts), facts->view_bytes, most);
	assert(thread_bytes(facts) != 0);
	if (facts->threads > room / thread_bytes(facts))
		facts->threads = (uint32_t)(room / thread_bytes(facts));
	return CAIRN_OK;
}

/* ----------------------------------------------------------------------------------- residency */

static enum cairn_plan_residency ask_kernel(const struct file *file, bool is_told, uint64_t offset,
					    uint64_t size)
{
	int answer = -1;

	if (file->fd >= 0)
		answer = system_cached(file->system, file->fd, file->start + offset, size);
	if (answer >= 0)
		return answer != 0 ? CAIRN_PLAN_RESIDENT : CAIRN_PLAN_ABSENT;
	if (file->map == NULL)
		return CAIRN_PLAN_UNKNOWN;
	answer = system_resident(file->system, file->base + offset, size);
	if (answer == 0)
		return CAIRN_PLAN_ABSENT;
	return answer > 0 && is_told ? CAIRN_PLAN_RESIDENT : CAIRN_PLAN_UNKNOWN;
}

static enum cairn_plan_residency residency_of(const struct file *file, bool is_told,
					      uint64_t offset, uint64_t size)
{
	enum cairn_plan_residency residency = CAIRN_PLAN_RESIDENT;

	if (file->fd < 0 && file->map == NULL)
		return CAIRN_PLAN_RESIDENT; /* memory */
	for (uint64_t done = 0; done < size && residency == CAIRN_PLAN_RESIDENT;
	     done += FILE_STEP_SIZE) {
		const uint64_t step = size - done < FILE_STEP_SIZE ? size - done : FILE_STEP_SIZE;

		residency = ask_kernel(file, is_told, offset + done, step);
	}
	return residency;
}

/* The kernel's answers about a file can be believed. */
static bool is_told(const struct file *file)
{
	if (file->map == NULL || file->status.owner == system_user(file->system))
		return true;
	return file->fd >= 0 && system_tells_residency(file->system, file->fd) == 1;
}

/* ----------------------------------------------------------------------------------- transports */

/* The step serves nothing but such destinations. */
static bool serves_only(const struct cairn_plan *plan, const struct plan_step *step,
			bool (*is_such)(enum cairn_plan_destination destination))
{
	if (step->kind != PLAN_PARTS)
		return is_such(plan->entries[step->entry]->destination);
	for (uint64_t i = 0; i < step->part_count; i++) {
		const struct plan_part *const part = &plan->parts[step->first_part + i];

		for (uint64_t w = 0; w < part->want_count; w++) {
			const uint64_t entry = plan->wants[part->first_want + w].entry;

			if (!is_such(plan->entries[entry]->destination))
				return false;
		}
	}
	return true;
}

static bool is_pages(enum cairn_plan_destination destination)
{
	return destination == CAIRN_PLAN_PREFETCH;
}

static bool is_in_place(enum cairn_plan_destination destination)
{
	return destination == CAIRN_PLAN_PREFETCH || destination == CAIRN_PLAN_VIEW;
}

static bool is_prefetch(const struct cairn_plan *plan, const struct plan_step *step)
{
	return serves_only(plan, step, is_pages);
}

/* What stays in the mapping is populated there: each thread brings in its own pages, large ones,
 * and nobody copies. */
static void choose_transport(const struct cairn_plan *plan, struct plan_step *step)
{
	if (step->kind != PLAN_PARTS)
		step->transport = CAIRN_PLAN_DECODE;
	else if (step->is_mapped &&
		 (step->residency == CAIRN_PLAN_RESIDENT ||
		  (step->residency == CAIRN_PLAN_ABSENT && serves_only(plan, step, is_in_place))))
		step->transport = CAIRN_PLAN_MAPPED;
	else
		step->transport = CAIRN_PLAN_READ;
}

/* What a prefetch brings in beyond that room would push out what it brought in before. */
static void leave_out(struct cairn_plan *plan, struct plan_step *step, uint64_t *room)
{
	if (step->residency == CAIRN_PLAN_RESIDENT || *room == CAIRN_PLAN_NOT_LIMITED)
		return;
	if (step->size <= *room) {
		*room -= step->size;
		return;
	}
	step->is_skipped = is_prefetch(plan, step);
	if (step->is_skipped)
		plan->facts.skipped_bytes += step->size;
	else
		*room = 0;
}

/* Some of what only is to be brought in is not in memory. */
static bool needs_room(const struct cairn_plan *plan)
{
	for (uint64_t i = 0; i < plan->step_count; i++) {
		if (plan->steps[i].residency != CAIRN_PLAN_RESIDENT &&
		    is_prefetch(plan, &plan->steps[i]))
			return true;
	}
	return (plan->options.flags & CAIRN_PLAN_PREDICT) != 0;
}

/* A dozen files of the kernel are read to find out: only for who needs it. */
static void keep_within_memory(struct cairn_plan *plan)
{
	const uint64_t resident = plan->facts.by_residency[CAIRN_PLAN_RESIDENT];
	uint64_t room = CAIRN_PLAN_NOT_LIMITED;

	plan->facts.memory_available = room;
	if (!needs_room(plan) || system_memory_available(plan->system, &room) < 0)
		return;
	plan->facts.memory_available = room;
	/* what of the plan is in memory already counts as room, and is to stay */
	room -= resident < room ? resident : room;
	for (uint64_t i = 0; i < plan->step_count; i++)
		leave_out(plan, &plan->steps[i], &room);
}

void plan_choose_transports(struct cairn_plan *plan)
{
	struct plan_facts *const facts = &plan->facts;
	uint32_t shard = UINT32_MAX;
	bool told = false;

	for (uint64_t i = 0; i < plan->step_count; i++) {
		struct plan_step *const step = &plan->steps[i];
		const struct file *const file = &plan->reader->files[step->shard];

		if (step->shard != shard)
			told = is_told(file);
		shard = step->shard;
		if (step->kind == PLAN_PARTS)
			step->residency = (uint8_t)residency_of(file, told, step->offset,
								step->size);
		choose_transport(plan, step);
		facts->file_bytes += step->size;
		facts->by_residency[step->residency] += step->size;
		facts->by_transport[step->transport] += step->size;
	}
	keep_within_memory(plan);
	spare_threads(plan);
}

/* ----------------------------------------------------------------------------------- prediction */

#define SAMPLE_SIZE      ((uint64_t)16 << 20) /* twice that does not fit into caches */
#define PROBE_SIZE       ((uint64_t)1 << 20)
#define PROBE_SIZE_MAX   ((uint64_t)8 << 20)
#define MEMORY_ROUNDS    3 /* in the first one pages come to be */
#define NANOSECONDS      1000000000.0
#define STORAGE_RATE_MAX 1e12

static double rate_of(uint64_t bytes, uint64_t nanoseconds)
{
	return nanoseconds == 0 ? STORAGE_RATE_MAX
				: (double)bytes * NANOSECONDS / (double)nanoseconds;
}

/* Copies and hashes a sample: what one thread does to bytes that are in memory. */
static double memory_rate(struct cairn_plan *plan, uint8_t *sample, bool is_hashed)
{
	uint64_t best = UINT64_MAX;

	for (int round = 0; round < MEMORY_ROUNDS; round++) {
		const uint64_t begin = system_monotonic(plan->system);
		uint64_t elapsed;

		memcpy(sample + SAMPLE_SIZE, sample, SAMPLE_SIZE);
		if (is_hashed)
			sample[0] ^= digest_bytes(sample + SAMPLE_SIZE, SAMPLE_SIZE).bytes[0];
		elapsed = system_monotonic(plan->system) - begin;
		best = elapsed < best ? elapsed : best;
	}
	return rate_of(SAMPLE_SIZE, best);
}

/* Reads some of what is not in memory. 0: there is nothing to read, or it cannot be read. */
static double storage_rate(struct cairn_plan *plan, uint8_t *sample)
{
	uint64_t begin = 0;
	uint64_t bytes = 0;

	for (uint64_t i = 0; i < plan->step_count && bytes < PROBE_SIZE_MAX; i++) {
		const struct plan_step *const step = &plan->steps[i];
		const struct file *const file = &plan->reader->files[step->shard];

		if (step->kind != PLAN_PARTS || step->residency == CAIRN_PLAN_RESIDENT)
			continue;
		if (bytes == 0)
			begin = system_monotonic(plan->system);
		for (uint64_t done = 0; done < step->size; done += PROBE_SIZE) {
			const uint64_t left = step->size - done;
			const uint64_t size = left < PROBE_SIZE ? left : PROBE_SIZE;

			if (file_read(file, step->offset + done, sample, size, NULL) != CAIRN_OK)
				return 0;
			bytes += size;
		}
	}
	return bytes == 0 ? 0 : rate_of(bytes, system_monotonic(plan->system) - begin);
}

/* How long decoding takes depends on what is decoded: nothing is said then. */
void plan_predict(struct cairn_plan *plan)
{
	struct plan_facts *const facts = &plan->facts;
	const uint64_t resident = facts->by_residency[CAIRN_PLAN_RESIDENT];
	const uint32_t processors = system_processors(plan->system);
	const uint32_t workers = facts->threads < processors ? facts->threads : processors;
	const bool is_hashed = reader_has_digests(plan->reader) &&
			       plan->reader->verification == CAIRN_VERIFY_ON_FIRST_USE;
	uint8_t *sample;
	double memory;
	double storage;
	double seconds;

	if (facts->by_transport[CAIRN_PLAN_DECODE] != 0)
		return;
	sample = system_allocate(plan->system, 2 * SAMPLE_SIZE);
	if (sample == NULL)
		return;
	memset(sample, 1, SAMPLE_SIZE);
	memory = memory_rate(plan, sample, is_hashed) * (double)workers;
	storage = storage_rate(plan, sample);
	system_free(plan->system, sample);
	seconds = (double)resident / memory;
	if (storage > 0)
		seconds += (double)(facts->file_bytes - resident) /
			   (storage < memory ? storage : memory);
	else
		seconds += (double)(facts->file_bytes - resident) / memory;
	if (seconds > 0)
		facts->predicted_rate = (uint64_t)((double)facts->file_bytes / seconds);
}
