/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks of one slice, shared out to threads one by one.
 *
 * Each thread has memory of its own; without memory for more than one the calling thread does all
 * the work, and also where there is too little of it to be worth a thread.
 */
#include "engine/read/verify_chunks.h"

#include <assert.h>
#include <stdatomic.h>

#include "engine/system/parallel.h"
#include "format/error.h"

/* Bytes from which on another thread is worth its start. */
#define WORTH_A_THREAD ((uint64_t)1 << 20)

struct run {
	struct chunk_checker *checker;
	const struct stored *stored;
	uint64_t first;
	uint32_t count;
	_Atomic uint32_t next;
};

/* Nothing is read ahead: what follows may be another thread's. */
static void work(void *context, uint32_t number)
{
	struct run *const run = context;
	struct chunk_room *const room = &run->checker->rooms[number];
	uint32_t i;

	while ((i = atomic_fetch_add_explicit(&run->next, 1, memory_order_relaxed)) < run->count) {
		struct chunk_check *const check = &run->checker->checks[i];
		const uint64_t chunk = run->first + i;

		check->error.offset = CAIRN_ERROR_NO_OFFSET;
		check->status = stored_check_chunk(
			run->stored, chunk, stored_chunk_length(run->stored, chunk), room->chunk,
			&room->scratch, &check->digests, &check->error);
	}
}

static void free_rooms(struct chunk_checker *checker)
{
	for (uint32_t i = 0; i < checker->threads; i++) {
		system_free(checker->system, checker->rooms[i].chunk);
		stored_scratch_release(checker->system, &checker->rooms[i].scratch);
	}
	checker->threads = 0;
}

static bool make_room(struct chunk_checker *checker, uint64_t size)
{
	uint32_t wanted = system_processors(checker->system);

	if (checker->checks == NULL)
		checker->checks = system_allocate_zeroed(
			checker->system, VERIFY_CHUNKS_MAX * sizeof(*checker->checks));
	if (checker->checks == NULL)
		return false;
	if (checker->threads != 0 && checker->chunk_size >= size)
		return true;
	free_rooms(checker);
	if (wanted > VERIFY_THREADS_MAX)
		wanted = VERIFY_THREADS_MAX;
	checker->chunk_size = size;
	do {
		struct chunk_room *const room = &checker->rooms[checker->threads];

		*room = (struct chunk_room){.chunk = system_allocate(checker->system, size)};
		if (room->chunk == NULL)
			break;
		checker->threads++;
	} while (checker->threads < wanted);
	return checker->threads != 0;
}

enum cairn_status chunk_checker_run(struct chunk_checker *checker, const struct stored *stored,
				    uint64_t first, uint32_t count, struct cairn_error *error)
{
	struct run run = {.checker = checker, .stored = stored, .first = first, .count = count};
	const uint64_t worth = count * (uint64_t)stored->record.chunk_size / WORTH_A_THREAD;
	uint32_t threads;

	assert(count <= VERIFY_CHUNKS_MAX);
	if (!make_room(checker, stored->record.chunk_size))
		return error_set_memory(error, "a chunk");
	threads = worth < checker->threads ? (uint32_t)worth : checker->threads;
	parallel_run(checker->system, threads, threads == 0 ? 1 : threads, work, &run);
	return CAIRN_OK;
}

void chunk_checker_free(struct chunk_checker *checker)
{
	free_rooms(checker);
	system_free(checker->system, checker->checks);
	checker->checks = NULL;
}
