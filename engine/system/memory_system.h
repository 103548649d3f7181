/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The in-memory system, for tests: a file system, locks, mappings and an allocator that do what the
 * real ones do, and fail when they are told to.
 *
 * Everything begins empty, owned by user 1000, with umask 022 and "/" as the working directory;
 * files appear through the system calls or through the memory_system_add_* helpers. Two instances
 * share nothing. All calls may come from several threads; the helpers here are meant for the test's
 * own thread.
 *
 * Not modelled: permissions (inject EACCES), several devices (inject EXDEV), disk space (inject
 * ENOSPC). A mapping is exactly as large as it was asked for, so that a sanitizer sees a read past
 * its end.
 */
#ifndef CAIRN_ENGINE_MEMORY_SYSTEM_H
#define CAIRN_ENGINE_MEMORY_SYSTEM_H

#include "engine/system/memory_fault.h"
#include "engine/system/memory_trace.h"
#include "engine/system/system.h"

struct memory_system;

/* How the system answers. Change it between calls, never during one. */
struct memory_settings {
	int is_local;         /* what is_local returns: 1 */
	int resident;         /* what resident returns: 1 */
	int tells_residency;  /* what tells_residency returns: 1 */
	uint64_t available;   /* bytes that memory_available tells; 0, as it begins: -ENODATA */
	int map_shared_error; /* positive errno that a shared mapping fails with: 0, or ENODEV */
	int no_replace_error; /* positive errno that RENAME_NO_REPLACE fails with: 0, or EINVAL,
				 ENOSYS */
	int direct_error;     /* positive errno that creating with SYSTEM_DIRECT fails with: 0, or
				 EINVAL */
	uint32_t user;        /* effective user, and owner of what is created: 1000 */
	uint32_t umask;       /* 022 */
	uint32_t processors;  /* 2 */
	uint32_t descriptors_max; /* EMFILE above: 1024 */
	uint32_t transfer_max;    /* bytes that one pread or pwrite moves at most; 0: no limit */
	bool threads_inline;      /* thread_start runs the function to its end before it returns */
};

/* What is held at this moment. */
struct memory_live {
	uint64_t allocations;
	uint64_t allocated_bytes; /* as malloc rounds them */
	uint64_t allocated_bytes_peak;
	uint64_t descriptors;
	uint64_t maps;
	uint64_t mapped_bytes;
	uint64_t locks;   /* open files that hold one */
	uint64_t threads; /* started and not joined */
};

struct memory_system *memory_system_create(void);

/* Adopts the files, which are left empty: a disk that this system boots from. */
struct memory_system *memory_system_boot(struct memory_files *files,
					 const struct memory_settings *settings);

/* Also frees what is still open or mapped, but no allocations and no threads. NULL is allowed. */
void memory_system_destroy(struct memory_system *memory);

/* To pass to the code under test. */
struct system *memory_system_get(struct memory_system *memory);
struct memory_settings *memory_system_settings(struct memory_system *memory);

/* ---------------------------------------------------------------------------------------- leaks */

struct memory_live memory_system_live(struct memory_system *memory);

/* True when nothing at all is held. */
bool memory_system_is_clean(struct memory_system *memory);

/* What the death of a process does: every descriptor is closed, so that locks end. Mappings stay.
 */
void memory_system_close_all(struct memory_system *memory);

/* --------------------------------------------------------------------------------------- faults */

/* Puts a fault into a slot (below MEMORY_FAULT_SLOTS); it counts calls from now on. */
void memory_system_set_fault(struct memory_system *memory, uint32_t slot,
			     const struct memory_fault *fault);
uint64_t memory_system_fault_fired(struct memory_system *memory, uint32_t slot);

/* Clears all slots and sets all counts to zero. */
void memory_system_clear_faults(struct memory_system *memory);

/* Calls of a kind, or of MEMORY_CALL_ANY, since the beginning or the last clear. */
uint64_t memory_system_calls(struct memory_system *memory, enum memory_call call);

/* ---------------------------------------------------------------------------------------- trace */

/* Takes what is on the disk as durable and records from here on. */
void memory_system_trace_start(struct memory_system *memory);
void memory_system_mark(struct memory_system *memory, int marker);
const struct memory_trace *memory_system_trace(const struct memory_system *memory);

/* ------------------------------------------ setting the scene: uncounted, untraced, 0 or -errno */

/* Replaces the content of a file that exists, else adds one with mode 0644. */
int memory_system_add_file(struct memory_system *memory, const char *path, const void *data,
			   size_t size);
int memory_system_add_directory(struct memory_system *memory, const char *path);
int memory_system_add_link(struct memory_system *memory, const char *path, const char *target);
int memory_system_add_special(struct memory_system *memory, const char *path); /* SYSTEM_OTHER */

int memory_system_set_owner(struct memory_system *memory, const char *path, uint32_t user);
int memory_system_set_mode(struct memory_system *memory, const char *path, uint32_t mode);
int memory_system_set_times(struct memory_system *memory, const char *path, int64_t modified_ns,
			    int64_t changed_ns);

/* Cuts or extends a file as another process would; mapped bytes past its end can then not be
 * populated. */
int memory_system_truncate(struct memory_system *memory, const char *path, uint64_t size);

/* Exclusive-ors one byte of the file, and of every mapping of it. */
int memory_system_corrupt(struct memory_system *memory, const char *path, uint64_t offset,
			  uint8_t mask);

/* The size, or a negative errno; fills in at most `capacity` bytes. */
int64_t memory_system_content(struct memory_system *memory, const char *path, void *buffer,
			      size_t capacity);

/* True if the path, its last link not followed, names something. */
bool memory_system_exists(struct memory_system *memory, const char *path);

/* The clock that gives times to files: it moves a microsecond per change, and by what sleep is
 * asked for. */
void memory_system_advance_clock(struct memory_system *memory, uint64_t nanoseconds);

/* Sets what system_wall_clock tells, forwards or back. */
void memory_system_set_wall_clock(struct memory_system *memory, int64_t nanoseconds);

/* What random gives is a function of the seed and of the calls before. */
void memory_system_seed(struct memory_system *memory, uint64_t seed);

#endif
