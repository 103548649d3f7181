/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rest of the in-memory system: allocator, threads, randomness, time.
 *
 * Allocations come from malloc, so that sanitizers watch them, and are counted. Threads are real
 * ones unless the settings want them to run inline. Randomness and time are functions of the calls
 * made so far.
 */
#include "engine/system/memory_state.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

static const struct system_operations *host(void)
{
	return system_posix()->operations;
}

/* --------------------------------------------------------------------------------------- memory */

static void *account_allocation(struct memory_system *memory, void *allocation)
{
	if (allocation == NULL)
		return NULL;
	memory->allocations++;
	memory->allocated_bytes += malloc_usable_size(allocation);
	if (memory->allocated_bytes > memory->allocated_bytes_peak)
		memory->allocated_bytes_peak = memory->allocated_bytes;
	return allocation;
}

static void account_release(struct memory_system *memory, void *allocation)
{
	memory->allocations--;
	memory->allocated_bytes -= malloc_usable_size(allocation);
}

void *memory_allocate(struct system *system, size_t size)
{
	struct memory_call_frame frame;
	void *allocation = NULL;

	if (memory_enter(system, MEMORY_CALL_ALLOCATE, &frame))
		allocation = account_allocation(frame.memory, host()->allocate(NULL, size));
	memory_leave(&frame);
	return allocation;
}

void *memory_allocate_zeroed(struct system *system, size_t size)
{
	struct memory_call_frame frame;
	void *allocation = NULL;

	if (memory_enter(system, MEMORY_CALL_ALLOCATE, &frame))
		allocation = account_allocation(frame.memory, host()->allocate_zeroed(NULL, size));
	memory_leave(&frame);
	return allocation;
}

void *memory_allocate_aligned(struct system *system, size_t alignment, size_t size)
{
	struct memory_call_frame frame;
	void *allocation = NULL;

	if (memory_enter(system, MEMORY_CALL_ALLOCATE, &frame))
		allocation = account_allocation(frame.memory,
						host()->allocate_aligned(NULL, alignment, size));
	memory_leave(&frame);
	return allocation;
}

/* The old memory is accounted for as released before the call and taken back when the call fails.
 */
static void *do_reallocate(struct memory_system *memory, void *old, size_t size)
{
	void *allocation;

	if (old != NULL)
		account_release(memory, old);
	allocation = host()->reallocate(NULL, old, size);
	if (allocation == NULL && old != NULL)
		account_allocation(memory, old);
	return account_allocation(memory, allocation);
}

void *memory_reallocate(struct system *system, void *memory, size_t size)
{
	struct memory_call_frame frame;
	void *allocation = NULL;

	if (memory_enter(system, MEMORY_CALL_ALLOCATE, &frame))
		allocation = do_reallocate(frame.memory, memory, size);
	memory_leave(&frame);
	return allocation;
}

void memory_free(struct system *system, void *memory)
{
	struct memory_system *self = (struct memory_system *)system;

	if (memory == NULL)
		return;
	mutex_lock(&self->mutex);
	account_release(self, memory);
	mutex_unlock(&self->mutex);
	host()->free(NULL, memory);
}

/* -------------------------------------------------------------------------------------- threads */

static void count_threads(struct memory_system *memory, bool started)
{
	mutex_lock(&memory->mutex);
	memory->threads += started ? 1u : UINT64_MAX;
	mutex_unlock(&memory->mutex);
}

int memory_thread_start(struct system *system, system_thread_function function, void *context,
			struct system_thread *thread)
{
	struct memory_call_frame frame;
	bool allowed = memory_enter(system, MEMORY_CALL_THREAD_START, &frame);
	bool inline_start = frame.memory->settings.threads_inline;
	int result;

	/* A thread that runs although its start failed would be nobody's. */
	if (memory_frame_fails_after(&frame))
		allowed = false;
	result = (int)memory_leave(&frame);
	if (!allowed)
		return result;
	thread->handle = 0;
	if (inline_start)
		function(context);
	else
		result = host()->thread_start(NULL, function, context, thread);
	if (result == 0)
		count_threads(frame.memory, true);
	return result;
}

void memory_thread_join(struct system *system, struct system_thread thread)
{
	/* An inline thread has no handle, and has ended. */
	if (thread.handle != 0)
		host()->thread_join(NULL, thread);
	count_threads((struct memory_system *)system, false);
}

uint32_t memory_user(struct system *system)
{
	return ((struct memory_system *)system)->settings.user;
}

uint32_t memory_descriptors_max(struct system *system)
{
	return ((struct memory_system *)system)->settings.descriptors_max;
}

int memory_memory_available(struct system *system, uint64_t *bytes)
{
	*bytes = ((struct memory_system *)system)->settings.available;
	return *bytes == 0 ? -ENODATA : 0;
}

int memory_tells_residency(struct system *system, int fd)
{
	(void)fd;
	return ((struct memory_system *)system)->settings.tells_residency;
}

uint32_t memory_processors(struct system *system)
{
	return ((struct memory_system *)system)->settings.processors;
}

/* ----------------------------------------------------------------------------- randomness, time */

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

static void fill_random(struct memory_system *memory, uint8_t *bytes, size_t size)
{
	while (size != 0) {
		const uint64_t value = next_random(&memory->random_state);
		const size_t count = size < sizeof(value) ? size : sizeof(value);

		memcpy(bytes, &value, count);
		bytes += count;
		size -= count;
	}
}

int memory_random(struct system *system, void *buffer, size_t size)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_RANDOM, &frame))
		fill_random(frame.memory, buffer, size);
	return (int)memory_leave(&frame);
}

void memory_sleep(struct system *system, uint64_t nanoseconds)
{
	memory_system_advance_clock((struct memory_system *)system, nanoseconds);
}

uint64_t memory_monotonic(struct system *system)
{
	struct memory_system *const memory = (struct memory_system *)system;
	uint64_t now;

	mutex_lock(&memory->mutex);
	now = memory->clock_ns;
	mutex_unlock(&memory->mutex);
	return now;
}

int64_t memory_wall_clock(struct system *system)
{
	struct memory_system *const memory = (struct memory_system *)system;
	int64_t now;

	mutex_lock(&memory->mutex);
	now = (int64_t)memory->clock_ns + memory->wall_offset_ns;
	mutex_unlock(&memory->mutex);
	return now;
}

/* Nothing happens while one waits here, unless the test arranges for it: time passes. */
int memory_watch_wait(struct system *system, int watch, uint64_t nanoseconds)
{
	struct memory_call_frame frame;
	int result;

	if (memory_enter(system, MEMORY_CALL_WATCH_WAIT, &frame) &&
	    memory_descriptor_get(frame.memory, watch) == NULL)
		frame.result = -EBADF;
	result = (int)memory_leave(&frame);
	if (result == 0)
		memory_sleep(system, nanoseconds);
	return result;
}

int memory_working_directory(struct system *system, char *path, size_t size)
{
	struct memory_call_frame frame;

	if (memory_enter(system, MEMORY_CALL_WORKING_DIRECTORY, &frame)) {
		frame.result = size < 2 ? -ERANGE : 0;
		if (size >= 2)
			memcpy(path, "/", 2);
	}
	return (int)memory_leave(&frame);
}
