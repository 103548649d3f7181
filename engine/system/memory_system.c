/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life, settings and helpers of the in-memory system, and the frame around each of its calls.
 *
 * One mutex guards everything. A call enters (lock, count, maybe fail), does its work, and leaves;
 * no callback and no thread function runs while the mutex is held. The helpers that set the scene
 * are neither counted nor traced, so that a test can use them without moving the calls that it
 * counts.
 */
#include "engine/system/memory_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Some time in 2026; any will do, as long as it is always the same. */
#define CLOCK_START_NS UINT64_C(1790000000000000000)
#define CLOCK_TICK_NS  1000u

static const struct system_operations memory_operations = {
	.open = memory_open,
	.create = memory_create,
	.duplicate = memory_duplicate,
	.close = memory_close,
	.status = memory_status,
	.status_at = memory_status_at,
	.is_local = memory_is_local,
	.pread = memory_pread,
	.pwrite = memory_pwrite,
	.copy_range = memory_copy_range,
	.preallocate = memory_preallocate,
	.truncate = memory_truncate,
	.sync = memory_sync,
	.rename = memory_rename,
	.link = memory_link,
	.unlink = memory_unlink,
	.make_directory = memory_make_directory,
	.remove_directory = memory_remove_directory,
	.list = memory_list,
	.lock = memory_lock,
	.user = memory_user,
	.map = memory_map,
	.unmap = memory_unmap,
	.populate = memory_populate,
	.resident = memory_resident,
	.cached = memory_cached,
	.advise = memory_advise,
	.allocate = memory_allocate,
	.allocate_zeroed = memory_allocate_zeroed,
	.allocate_aligned = memory_allocate_aligned,
	.reallocate = memory_reallocate,
	.free = memory_free,
	.thread_start = memory_thread_start,
	.thread_join = memory_thread_join,
	.processors = memory_processors,
	.descriptors_max = memory_descriptors_max,
	.memory_available = memory_memory_available,
	.tells_residency = memory_tells_residency,
	.random = memory_random,
	.sleep = memory_sleep,
	.monotonic = memory_monotonic,
	.wall_clock = memory_wall_clock,
	.watch = memory_watch,
	.watch_wait = memory_watch_wait,
	.working_directory = memory_working_directory,
};

/* ----------------------------------------------------------------------------------------- life */

struct memory_system *memory_system_boot(struct memory_files *files,
					 const struct memory_settings *settings)
{
	struct memory_system *memory = memory_must_allocate(sizeof(*memory));

	*memory = (struct memory_system){
		.system = {.operations = &memory_operations},
		.settings = *settings,
		.files = *files,
		.clock_ns = CLOCK_START_NS,
	};
	*files = (struct memory_files){0};
	mutex_init(&memory->mutex);
	return memory;
}

struct memory_system *memory_system_create(void)
{
	const struct memory_settings settings = {
		.is_local = 1,
		.resident = 1,
		.tells_residency = 1,
		.user = 1000,
		.umask = 022,
		.processors = 2,
		.descriptors_max = 1024,
	};
	struct memory_files files;

	memory_files_init(&files);
	memory_files_get(&files, MEMORY_ROOT)->owner = settings.user;
	return memory_system_boot(&files, &settings);
}

void memory_system_destroy(struct memory_system *memory)
{
	if (memory == NULL)
		return;
	memory_system_close_all(memory);
	memory_maps_fini(memory);
	memory_trace_fini(&memory->trace);
	memory_files_fini(&memory->files);
	free(memory->descriptors);
	mutex_fini(&memory->mutex);
	free(memory);
}

struct system *memory_system_get(struct memory_system *memory)
{
	return &memory->system;
}

struct memory_settings *memory_system_settings(struct memory_system *memory)
{
	return &memory->settings;
}

/* ---------------------------------------------------------------------------------------- calls */

/* True if the call is to be made, and its result to be judged later. */
static bool takes_effect(const struct memory_fault *fault, enum memory_call call)
{
	switch (fault->effect) {
	case MEMORY_FAULT_ERROR:
	case MEMORY_FAULT_SKIP:
		return false;
	case MEMORY_FAULT_ZERO:
		return call != MEMORY_CALL_PREAD && call != MEMORY_CALL_PWRITE;
	case MEMORY_FAULT_ERROR_AFTER:
	case MEMORY_FAULT_SHORT_ONE:
	case MEMORY_FAULT_SHORT_HALF:
		break;
	}
	return true;
}

bool memory_enter(struct system *system, enum memory_call call, struct memory_call_frame *frame)
{
	struct memory_system *memory = (struct memory_system *)system;

	*frame = (struct memory_call_frame){.memory = memory};
	mutex_lock(&memory->mutex);
	frame->fault = memory_faults_next(&memory->faults, call);
	if (frame->fault == NULL || takes_effect(frame->fault, call))
		return true;
	if (frame->fault->effect == MEMORY_FAULT_ERROR)
		frame->result = -frame->fault->error;
	return false;
}

size_t memory_frame_size(const struct memory_call_frame *frame, size_t size)
{
	const uint32_t limit = frame->memory->settings.transfer_max;

	if (limit != 0 && size > limit)
		size = limit;
	if (frame->fault == NULL || size <= 1)
		return size;
	if (frame->fault->effect == MEMORY_FAULT_SHORT_ONE)
		return 1;
	return frame->fault->effect == MEMORY_FAULT_SHORT_HALF ? size / 2 : size;
}

bool memory_frame_fails_after(const struct memory_call_frame *frame)
{
	return frame->fault != NULL && frame->fault->effect == MEMORY_FAULT_ERROR_AFTER;
}

int64_t memory_leave(struct memory_call_frame *frame)
{
	if (memory_frame_fails_after(frame) && frame->result >= 0)
		frame->result = -frame->fault->error;
	mutex_unlock(&frame->memory->mutex);
	return frame->result;
}

int64_t memory_tick(struct memory_system *memory)
{
	memory->clock_ns += CLOCK_TICK_NS;
	return (int64_t)memory->clock_ns;
}

/* ---------------------------------------------------------------------------------------- leaks */

struct memory_live memory_system_live(struct memory_system *memory)
{
	struct memory_live live = {0};

	mutex_lock(&memory->mutex);
	live.allocations = memory->allocations;
	live.allocated_bytes = memory->allocated_bytes;
	live.allocated_bytes_peak = memory->allocated_bytes_peak;
	live.threads = memory->threads;
	live.maps = memory->map_count;
	for (size_t i = 0; i < memory->map_count; i++)
		live.mapped_bytes += memory->maps[i].size;
	for (size_t i = 0; i < memory->descriptor_count; i++) {
		const struct memory_open_file *file = memory->descriptors[i];

		if (file == NULL)
			continue;
		live.descriptors++;
		live.locks += file->lock != SYSTEM_UNLOCK;
	}
	mutex_unlock(&memory->mutex);
	return live;
}

bool memory_system_is_clean(struct memory_system *memory)
{
	const struct memory_live live = memory_system_live(memory);

	return live.allocations == 0 && live.descriptors == 0 && live.maps == 0 &&
	       live.threads == 0;
}

void memory_system_close_all(struct memory_system *memory)
{
	mutex_lock(&memory->mutex);
	for (size_t i = 0; i < memory->descriptor_count; i++)
		memory_descriptor_release(memory, MEMORY_DESCRIPTOR_FIRST + (int)i);
	mutex_unlock(&memory->mutex);
}

/* --------------------------------------------------------------------------------------- faults */

void memory_system_set_fault(struct memory_system *memory, uint32_t slot,
			     const struct memory_fault *fault)
{
	if (slot >= MEMORY_FAULT_SLOTS)
		abort();
	mutex_lock(&memory->mutex);
	memory->faults.slots[slot] = (struct memory_fault_slot){.fault = *fault};
	mutex_unlock(&memory->mutex);
}

uint64_t memory_system_fault_fired(struct memory_system *memory, uint32_t slot)
{
	uint64_t fired;

	mutex_lock(&memory->mutex);
	fired = slot < MEMORY_FAULT_SLOTS ? memory->faults.slots[slot].fired : 0;
	mutex_unlock(&memory->mutex);
	return fired;
}

void memory_system_clear_faults(struct memory_system *memory)
{
	mutex_lock(&memory->mutex);
	memory->faults = (struct memory_faults){0};
	mutex_unlock(&memory->mutex);
}

uint64_t memory_system_calls(struct memory_system *memory, enum memory_call call)
{
	uint64_t calls;

	mutex_lock(&memory->mutex);
	calls = memory_faults_calls(&memory->faults, call);
	mutex_unlock(&memory->mutex);
	return calls;
}

/* ---------------------------------------------------------------------------------------- trace */

void memory_system_trace_start(struct memory_system *memory)
{
	mutex_lock(&memory->mutex);
	memory_trace_start(&memory->trace, &memory->files);
	mutex_unlock(&memory->mutex);
}

void memory_system_mark(struct memory_system *memory, int marker)
{
	mutex_lock(&memory->mutex);
	memory_trace_mark(&memory->trace, marker);
	mutex_unlock(&memory->mutex);
}

const struct memory_trace *memory_system_trace(const struct memory_system *memory)
{
	return &memory->trace;
}

/* ---------------------------------------------------------------------------- setting the scene */

/* The inode that a path names, or NULL with *error set. */
static struct memory_inode *named_inode(struct memory_system *memory, const char *path, int *error)
{
	struct memory_place place;

	*error = memory_files_resolve(&memory->files, MEMORY_ROOT, path, true, &place);
	if (*error != 0)
		return NULL;
	if (place.inode == 0)
		*error = -ENOENT;
	return memory_files_get(&memory->files, place.inode);
}

/* A new named inode, past the trace; NULL with *error set. */
static struct memory_inode *add_inode(struct memory_system *memory, const char *path,
				      enum system_kind kind, uint32_t mode, int *error)
{
	const bool active = memory->trace.active;
	struct memory_inode *inode;
	struct memory_place place;

	*error = memory_files_resolve(&memory->files, MEMORY_ROOT, path, false, &place);
	if (*error == 0 && place.inode != 0)
		*error = -EEXIST;
	if (*error != 0)
		return NULL;
	memory->trace.active = false;
	inode = memory_make_inode(memory, &place, kind, mode);
	memory->trace.active = active;
	return inode;
}

static void put_bytes(struct memory_system *memory, struct memory_inode *file, const uint8_t *data,
		      size_t size, uint64_t offset)
{
	for (size_t done = 0; done < size;) {
		const struct memory_piece piece = memory_piece_create(data + done, size - done,
								      offset + done);

		memory_file_put(file, &piece);
		memory_block_release(piece.block);
		done += memory_piece_size(&piece);
	}
	memory_maps_update(memory, file, offset, size);
}

int memory_system_add_file(struct memory_system *memory, const char *path, const void *data,
			   size_t size)
{
	struct memory_inode *file;
	int error;

	mutex_lock(&memory->mutex);
	file = named_inode(memory, path, &error);
	if (file == NULL && error == -ENOENT)
		file = add_inode(memory, path, SYSTEM_REGULAR, 0644, &error);
	if (file != NULL && file->kind != SYSTEM_REGULAR)
		error = -EISDIR;
	if (error == 0 && file != NULL) {
		memory_file_truncate(file, 0);
		put_bytes(memory, file, data, size, 0);
		file->modified_ns = file->changed_ns = memory_tick(memory);
	}
	mutex_unlock(&memory->mutex);
	return error;
}

static int add_other(struct memory_system *memory, const char *path, enum system_kind kind,
		     uint32_t mode, const char *target)
{
	struct memory_inode *inode;
	int error;

	mutex_lock(&memory->mutex);
	inode = add_inode(memory, path, kind, mode, &error);
	if (inode != NULL && target != NULL) {
		inode->target = memory_must_copy_text(target);
		inode->size = strlen(target);
	}
	mutex_unlock(&memory->mutex);
	return error;
}

int memory_system_add_directory(struct memory_system *memory, const char *path)
{
	return add_other(memory, path, SYSTEM_DIRECTORY, 0755, NULL);
}

int memory_system_add_link(struct memory_system *memory, const char *path, const char *target)
{
	return add_other(memory, path, SYSTEM_LINK, 0777, target);
}

int memory_system_add_special(struct memory_system *memory, const char *path)
{
	return add_other(memory, path, SYSTEM_OTHER, 0644, NULL);
}

int memory_system_set_owner(struct memory_system *memory, const char *path, uint32_t user)
{
	struct memory_inode *inode;
	int error;

	mutex_lock(&memory->mutex);
	inode = named_inode(memory, path, &error);
	if (inode != NULL)
		inode->owner = user;
	mutex_unlock(&memory->mutex);
	return error;
}

int memory_system_set_mode(struct memory_system *memory, const char *path, uint32_t mode)
{
	struct memory_inode *inode;
	int error;

	mutex_lock(&memory->mutex);
	inode = named_inode(memory, path, &error);
	if (inode != NULL)
		inode->mode = mode;
	mutex_unlock(&memory->mutex);
	return error;
}

int memory_system_set_times(struct memory_system *memory, const char *path, int64_t modified_ns,
			    int64_t changed_ns)
{
	struct memory_inode *inode;
	int error;

	mutex_lock(&memory->mutex);
	inode = named_inode(memory, path, &error);
	if (inode != NULL) {
		inode->modified_ns = modified_ns;
		inode->changed_ns = changed_ns;
	}
	mutex_unlock(&memory->mutex);
	return error;
}

int memory_system_truncate(struct memory_system *memory, const char *path, uint64_t size)
{
	struct memory_inode *file;
	int error;

	mutex_lock(&memory->mutex);
	file = named_inode(memory, path, &error);
	if (file != NULL) {
		memory_file_truncate(file, size);
		file->modified_ns = file->changed_ns = memory_tick(memory);
	}
	mutex_unlock(&memory->mutex);
	return error;
}

int memory_system_corrupt(struct memory_system *memory, const char *path, uint64_t offset,
			  uint8_t mask)
{
	struct memory_inode *file;
	uint8_t byte;
	int error;

	mutex_lock(&memory->mutex);
	file = named_inode(memory, path, &error);
	if (file != NULL && memory_file_read(file, &byte, 1, offset) != 1)
		error = -EINVAL;
	if (file != NULL && error == 0) {
		byte ^= mask;
		put_bytes(memory, file, &byte, 1, offset);
	}
	mutex_unlock(&memory->mutex);
	return error;
}

int64_t memory_system_content(struct memory_system *memory, const char *path, void *buffer,
			      size_t capacity)
{
	const struct memory_inode *file;
	int64_t size = 0;
	int error;

	mutex_lock(&memory->mutex);
	file = named_inode(memory, path, &error);
	if (file != NULL) {
		memory_file_read(file, buffer, capacity, 0);
		size = (int64_t)file->size;
	}
	mutex_unlock(&memory->mutex);
	return error != 0 ? error : size;
}

bool memory_system_exists(struct memory_system *memory, const char *path)
{
	struct memory_place place;
	int error;

	mutex_lock(&memory->mutex);
	error = memory_files_resolve(&memory->files, MEMORY_ROOT, path, false, &place);
	mutex_unlock(&memory->mutex);
	return error == 0 && place.inode != 0;
}

void memory_system_advance_clock(struct memory_system *memory, uint64_t nanoseconds)
{
	mutex_lock(&memory->mutex);
	memory->clock_ns += nanoseconds;
	mutex_unlock(&memory->mutex);
}

void memory_system_set_wall_clock(struct memory_system *memory, int64_t nanoseconds)
{
	mutex_lock(&memory->mutex);
	memory->wall_offset_ns = nanoseconds - (int64_t)memory->clock_ns;
	mutex_unlock(&memory->mutex);
}

void memory_system_seed(struct memory_system *memory, uint64_t seed)
{
	mutex_lock(&memory->mutex);
	memory->random_state = seed;
	mutex_unlock(&memory->mutex);
}
