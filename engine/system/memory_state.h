/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the in-memory system, shared by its source files only: memory_system.c (life,
 * settings, helpers), memory_calls.c (files and directories), memory_maps.c (mappings),
 * memory_host.c (allocator, threads).
 *
 * All functions here but memory_enter expect the mutex to be held.
 */
#ifndef CAIRN_ENGINE_MEMORY_STATE_H
#define CAIRN_ENGINE_MEMORY_STATE_H

#include "engine/system/memory_system.h"
#include "engine/system/sync.h"

/* High enough that a real descriptor that strays in is seen. */
#define MEMORY_DESCRIPTOR_FIRST 10000

/* An open file description: duplicates share it, and its lock. */
struct memory_open_file {
	uint64_t inode;
	uint32_t references;
	bool writable;
	bool direct;
	enum system_lock lock;
};

struct memory_map {
	uint8_t *memory; /* owned */
	size_t size;
	uint64_t inode;
	uint64_t offset;
};

struct memory_system {
	struct system system; /* first: callers see this part */
	struct mutex mutex;
	struct memory_settings settings;
	struct memory_files files;
	struct memory_trace trace;
	struct memory_faults faults;
	size_t descriptor_count;               /* of the table */
	struct memory_open_file **descriptors; /* owned; NULL: free */
	size_t map_count;
	struct memory_map *maps; /* owned */
	uint64_t clock_ns;
	int64_t wall_offset_ns; /* of the wall clock, before clock_ns is added */
	uint64_t random_state;
	uint64_t allocations;
	uint64_t allocated_bytes;
	uint64_t allocated_bytes_peak;
	uint64_t threads;
};

/* One call that is being made. */
struct memory_call_frame {
	struct memory_system *memory;
	const struct memory_fault *fault; /* NULL: none */
	int64_t result;
};

/*
 * Takes the mutex and counts the call. False: the call must have no effect, and frame.result is
 * what it returns. Either way memory_leave follows.
 */
bool memory_enter(struct system *system, enum memory_call call, struct memory_call_frame *frame);

/* The size that a pread or pwrite is allowed. */
size_t memory_frame_size(const struct memory_call_frame *frame, size_t size);

/* True if the call, although it took effect, must return an error. */
bool memory_frame_fails_after(const struct memory_call_frame *frame);

/* Releases the mutex. Returns the result of the call. */
int64_t memory_leave(struct memory_call_frame *frame);

/* The next tick of the clock. */
int64_t memory_tick(struct memory_system *memory);

/* NULL: no such descriptor. */
struct memory_open_file *memory_descriptor_get(struct memory_system *memory, int fd);
void memory_descriptor_release(struct memory_system *memory, int fd);

/* The inode where names relative to `at` begin; negative errno. */
int memory_resolve(struct memory_system *memory, int at, const char *path, bool follow_last,
		   struct memory_place *place);

/* A new inode with a name, traced. */
struct memory_inode *memory_make_inode(struct memory_system *memory,
				       const struct memory_place *place, enum system_kind kind,
				       uint32_t mode);

/* Copies what was written into the mappings of the file. */
void memory_maps_update(struct memory_system *memory, const struct memory_inode *file,
			uint64_t offset, size_t size);
void memory_maps_fini(struct memory_system *memory);

/* Operations, for the table. */
int memory_open(struct system *system, int at, const char *path, uint32_t flags);
int memory_create(struct system *system, int at, const char *name, uint32_t mode, uint32_t flags);
int memory_duplicate(struct system *system, int fd);
int memory_close(struct system *system, int fd);
int memory_status(struct system *system, int fd, struct system_status *status);
int memory_status_at(struct system *system, int at, const char *name, bool follow,
		     struct system_status *status);
int memory_is_local(struct system *system, int fd);
int64_t memory_pread(struct system *system, int fd, void *buffer, size_t size, uint64_t offset);
int64_t memory_pwrite(struct system *system, int fd, const void *buffer, size_t size,
		      uint64_t offset);
int64_t memory_copy_range(struct system *system, int from, uint64_t from_offset, int to,
			  uint64_t to_offset, uint64_t size);
int memory_preallocate(struct system *system, int fd, uint64_t size);
int memory_truncate(struct system *system, int fd, uint64_t size);
int memory_sync(struct system *system, int fd);
int memory_lock(struct system *system, int fd, enum system_lock lock);

int memory_rename(struct system *system, int from_at, const char *from, int to_at, const char *to,
		  enum system_rename_mode mode);
int memory_link(struct system *system, int from_at, const char *from, int to_at, const char *to);
int memory_unlink(struct system *system, int at, const char *name);
int memory_make_directory(struct system *system, int at, const char *name, uint32_t mode);
int memory_remove_directory(struct system *system, int at, const char *name);
int memory_list(struct system *system, int fd, system_list_callback callback, void *context);

int memory_map(struct system *system, int fd, uint64_t offset, size_t size,
	       enum system_map_kind kind, const uint8_t **address);
void memory_unmap(struct system *system, const uint8_t *address, size_t size);
int memory_populate(struct system *system, const uint8_t *address, size_t size);
int memory_resident(struct system *system, const uint8_t *address, size_t size);
int memory_cached(struct system *system, int fd, uint64_t offset, uint64_t size);
int memory_advise(struct system *system, const uint8_t *address, size_t size,
		  enum system_advice advice);

void *memory_allocate(struct system *system, size_t size);
void *memory_allocate_zeroed(struct system *system, size_t size);
void *memory_allocate_aligned(struct system *system, size_t alignment, size_t size);
void *memory_reallocate(struct system *system, void *memory, size_t size);
void memory_free(struct system *system, void *memory);
int memory_thread_start(struct system *system, system_thread_function function, void *context,
			struct system_thread *thread);
void memory_thread_join(struct system *system, struct system_thread thread);
uint32_t memory_user(struct system *system);
uint32_t memory_processors(struct system *system);
uint32_t memory_descriptors_max(struct system *system);
int memory_memory_available(struct system *system, uint64_t *bytes);
int memory_tells_residency(struct system *system, int fd);
int memory_random(struct system *system, void *buffer, size_t size);
void memory_sleep(struct system *system, uint64_t nanoseconds);
uint64_t memory_monotonic(struct system *system);
int64_t memory_wall_clock(struct system *system);
int memory_watch(struct system *system, const char *path);
int memory_watch_wait(struct system *system, int watch, uint64_t nanoseconds);
int memory_working_directory(struct system *system, char *path, size_t size);

#endif
