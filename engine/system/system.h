/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one seam to the operating system and to the allocator.
 *
 * Everything that the engine asks of the world goes through a struct system: files, directories,
 * locks, mappings, memory, threads, randomness. There are two implementations: system_posix() (the
 * real one) and the in-memory one of memory_system.h, which can make any call fail and keeps a
 * trace from which crash states are enumerated.
 *
 * Conventions. A call that can fail returns 0 or a count on success and a negative errno on
 * failure; nothing here sets errno. Calls are not retried here, but for EINTR, which no caller ever
 * sees. Counts may be short: the *_all helpers below loop. Names are relative to a directory
 * descriptor, SYSTEM_CWD meaning the working directory. All functions may be called from several
 * threads.
 */
#ifndef CAIRN_ENGINE_SYSTEM_H
#define CAIRN_ENGINE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYSTEM_CWD (-100) /* AT_FDCWD */

/* The largest base name that a directory can hold, with its terminating NUL. */
#define SYSTEM_NAME_SIZE 256

enum system_kind {
	SYSTEM_REGULAR,
	SYSTEM_DIRECTORY,
	SYSTEM_LINK, /* only from status_at without following */
	SYSTEM_OTHER /* fifo, socket, device */
};

/* What fstat tells. */
struct system_status {
	enum system_kind kind;
	uint32_t mode;  /* permission bits */
	uint32_t owner; /* user id */
	uint64_t links; /* hard links */
	uint64_t size;  /* bytes */
	uint64_t device;
	uint64_t inode;
	int64_t modified_ns; /* mtime */
	int64_t changed_ns;  /* ctime */
};

/* Two looks at one file. */
bool system_same_file(const struct system_status *a, const struct system_status *b);

enum system_open_flags {
	SYSTEM_NO_FOLLOW = 1u << 0,     /* the last component must not be a symbolic link: ELOOP */
	SYSTEM_WANT_DIRECTORY = 1u << 1 /* ENOTDIR for anything else */
};

enum system_create_flags {
	SYSTEM_DIRECT = 1u << 0 /* O_DIRECT: offsets, sizes and memory in multiples of
				   SYSTEM_DIRECT_ALIGNMENT; EINVAL where it does not work */
};

#define SYSTEM_DIRECT_ALIGNMENT 4096u

enum system_rename_mode {
	SYSTEM_RENAME_REPLACE,   /* over an existing target, atomically */
	SYSTEM_RENAME_NO_REPLACE /* EEXIST when the target exists; EINVAL or ENOSYS where the system
				    cannot promise it */
};

enum system_lock {
	SYSTEM_UNLOCK,
	SYSTEM_LOCK_SHARED,
	SYSTEM_LOCK_EXCLUSIVE
};

enum system_map_kind {
	SYSTEM_MAP_SHARED, /* ENODEV where the file system refuses it */
	SYSTEM_MAP_PRIVATE
};

enum system_advice {
	SYSTEM_ADVISE_RANDOM,
	SYSTEM_ADVISE_WILL_NEED
};

/* Called for each entry but "." and ".."; not 0 ends the listing, which then returns that value. */
typedef int (*system_list_callback)(void *context, const char *name);

typedef void (*system_thread_function)(void *context);

/* A running thread; opaque to callers. */
struct system_thread {
	uintptr_t handle;
};

struct system;

/* One function per call; the wrappers below are the documentation and the way to call them. */
struct system_operations {
	int (*open)(struct system *, int at, const char *path, uint32_t flags);
	int (*create)(struct system *, int at, const char *name, uint32_t mode, uint32_t flags);
	int (*duplicate)(struct system *, int fd);
	int (*close)(struct system *, int fd);
	int (*status)(struct system *, int fd, struct system_status *status);
	int (*status_at)(struct system *, int at, const char *name, bool follow,
			 struct system_status *status);
	int (*is_local)(struct system *, int fd);
	int64_t (*pread)(struct system *, int fd, void *buffer, size_t size, uint64_t offset);
	int64_t (*pwrite)(struct system *, int fd, const void *buffer, size_t size,
			  uint64_t offset);
	int64_t (*copy_range)(struct system *, int from, uint64_t from_offset, int to,
			      uint64_t to_offset, uint64_t size);
	int (*preallocate)(struct system *, int fd, uint64_t size);
	int (*truncate)(struct system *, int fd, uint64_t size);
	int (*sync)(struct system *, int fd);
	int (*rename)(struct system *, int from_at, const char *from, int to_at, const char *to,
		      enum system_rename_mode mode);
	int (*link)(struct system *, int from_at, const char *from, int to_at, const char *to);
	int (*unlink)(struct system *, int at, const char *name);
	int (*make_directory)(struct system *, int at, const char *name, uint32_t mode);
	int (*remove_directory)(struct system *, int at, const char *name);
	int (*list)(struct system *, int fd, system_list_callback callback, void *context);
	int (*lock)(struct system *, int fd, enum system_lock lock);
	uint32_t (*user)(struct system *);

	int (*map)(struct system *, int fd, uint64_t offset, size_t size, enum system_map_kind kind,
		   const uint8_t **address);
	void (*unmap)(struct system *, const uint8_t *address, size_t size);
	int (*populate)(struct system *, const uint8_t *address, size_t size);
	int (*resident)(struct system *, const uint8_t *address, size_t size);
	int (*cached)(struct system *, int fd, uint64_t offset, uint64_t size);
	int (*tells_residency)(struct system *, int fd);
	int (*advise)(struct system *, const uint8_t *address, size_t size,
		      enum system_advice advice);

	void *(*allocate)(struct system *, size_t size);
	void *(*allocate_zeroed)(struct system *, size_t size);
	void *(*allocate_aligned)(struct system *, size_t alignment, size_t size);
	void *(*reallocate)(struct system *, void *memory, size_t size);
	void (*free)(struct system *, void *memory);

	int (*thread_start)(struct system *, system_thread_function function, void *context,
			    struct system_thread *thread);
	void (*thread_join)(struct system *, struct system_thread thread);
	uint32_t (*processors)(struct system *);
	uint32_t (*descriptors_max)(struct system *);
	int (*memory_available)(struct system *, uint64_t *bytes);
	int (*random)(struct system *, void *buffer, size_t size);
	void (*sleep)(struct system *, uint64_t nanoseconds);
	uint64_t (*monotonic)(struct system *);
	int64_t (*wall_clock)(struct system *);
	int (*watch)(struct system *, const char *path);
	int (*watch_wait)(struct system *, int watch, uint64_t nanoseconds);
	int (*working_directory)(struct system *, char *path, size_t size);
};

/* First member of every implementation. */
struct system {
	const struct system_operations *operations;
};

/* The real one: stateless, static. */
struct system *system_posix(void);

/* ---------------------------------------------------------------------------------------- files */

/* Opens for reading, close-on-exec, never blocking on a fifo and never becoming a controlling
 * terminal; `flags` is enum system_open_flags. Returns a descriptor. The caller checks with
 * system_status that it is what it wants. */
int system_open(struct system *system, int at, const char *path, uint32_t flags);

/* Creates a new file for reading and writing (O_EXCL, no link followed, close-on-exec), mode less
 * the umask. Returns a descriptor. */
int system_create(struct system *system, int at, const char *name, uint32_t mode, uint32_t flags);

/* A second descriptor of the same open file, close-on-exec. */
int system_duplicate(struct system *system, int fd);

/* Closes. An error is reported, but the descriptor is gone in any case: never try again. */
int system_close(struct system *system, int fd);

int system_status(struct system *system, int fd, struct system_status *status);
int system_status_at(struct system *system, int at, const char *name, bool follow,
		     struct system_status *status);

/* 1: a local file system, on which mappings survive unlink and do not time out. 0: NFS, FUSE, 9p,
 * CIFS and other remote ones. */
int system_is_local(struct system *system, int fd);

/* One pread or pwrite: returns the count, which may be short; 0 from pread is the end of the file.
 */
int64_t system_pread(struct system *system, int fd, void *buffer, size_t size, uint64_t offset);
int64_t system_pwrite(struct system *system, int fd, const void *buffer, size_t size,
		      uint64_t offset);

/* Reads or writes all of it, looping over short counts. read_all returns the count read, short only
 * at the end of the file; write_all returns 0. A pwrite that returns 0 counts as EIO. */
int64_t system_read_all(struct system *system, int fd, void *buffer, size_t size, uint64_t offset);
int system_write_all(struct system *system, int fd, const void *buffer, size_t size,
		     uint64_t offset);

/* One copy_file_range: bytes of one file become those of another, shared where the file system can
 * do that. Returns the count, which may be short; 0 is the end of the file. EXDEV, EINVAL, ENOSYS
 * and EOPNOTSUPP where it does not work. */
int64_t system_copy_range(struct system *system, int from, uint64_t from_offset, int to,
			  uint64_t to_offset, uint64_t size);

/* Copies all of it, in that way or through a buffer. EIO when the file ends before. */
int system_copy_all(struct system *system, int from, uint64_t from_offset, int to,
		    uint64_t to_offset, uint64_t size);

/* Reserves `size` bytes of disk for the file and sets its size (fallocate). EOPNOTSUPP is a fine
 * answer. */
int system_preallocate(struct system *system, int fd, uint64_t size);

/* Sets the size of a file that is being written (ftruncate): what lies beyond it is gone, what is
 * added are zeros. Never for a file that others may have mapped. EINVAL when it is not open for
 * writing. */
int system_truncate(struct system *system, int fd, uint64_t size);

/* fsync of a file or directory. An error is final: what the descriptor wrote may be lost; never
 * call it again and believe it. */
int system_sync(struct system *system, int fd);

/* ---------------------------------------------------------------------------------- directories */

int system_rename(struct system *system, int from_at, const char *from, int to_at, const char *to,
		  enum system_rename_mode mode);
int system_link(struct system *system, int from_at, const char *from, int to_at, const char *to);
int system_unlink(struct system *system, int at, const char *name);
int system_make_directory(struct system *system, int at, const char *name, uint32_t mode);
int system_remove_directory(struct system *system, int at, const char *name);

/* Lists a directory from its beginning. The callback may unlink entries. */
int system_list(struct system *system, int fd, system_list_callback callback, void *context);

/* flock, never waiting: EWOULDBLOCK when another open file holds it; ENOLCK, ENOSYS or EOPNOTSUPP
 * where locks do not work. It follows the inode, is shared by duplicates and forked children, and
 * ends with the last of them. */
int system_lock(struct system *system, int fd, enum system_lock lock);

/* Effective user id. */
uint32_t system_user(struct system *system);

/* ------------------------------------------------------------------------------------- mappings */

/* Maps read-only. `offset` is a multiple of the page size. */
int system_map(struct system *system, int fd, uint64_t offset, size_t size,
	       enum system_map_kind kind, const uint8_t **address);
void system_unmap(struct system *system, const uint8_t *address, size_t size);

/*
 * Brings the pages in and maps them, so that a touch cannot fault (MADV_POPULATE_READ). `address`
 * need not be a page's. EFAULT: the file ends before; EIO, EHWPOISON: the medium failed; EINVAL,
 * ENOSYS: the kernel is too old for it.
 */
int system_populate(struct system *system, const uint8_t *address, size_t size);

/* 1: all pages are in memory, as far as the kernel tells; 0: not all are; negative errno: unknown.
 * At most 64 MiB a call. */
int system_resident(struct system *system, const uint8_t *address, size_t size);

/* The same question about a range of a file (cachestat), many times faster to answer: 1, 0, or a
 * negative errno where the kernel does not know the call or does not tell. */
int system_cached(struct system *system, int fd, uint64_t offset, uint64_t size);

/* 1: what system_resident says of this file is true. 0: the kernel may call everything of it
 * resident, as it does to who neither owns a file nor may write it. */
int system_tells_residency(struct system *system, int fd);

int system_advise(struct system *system, const uint8_t *address, size_t size,
		  enum system_advice advice);

/* --------------------------------------------------------------------------------------- memory */

/* NULL when there is none; size 0 gives a pointer that can be freed. */
void *system_allocate(struct system *system, size_t size);
void *system_allocate_zeroed(struct system *system, size_t size);
void *system_allocate_aligned(struct system *system, size_t alignment,
			      size_t size); /* alignment: power of two */
void *system_reallocate(struct system *system, void *memory, size_t size);
void system_free(struct system *system, void *memory); /* NULL is allowed */

/* -------------------------------------------------------------------------------------- threads */

int system_thread_start(struct system *system, system_thread_function function, void *context,
			struct system_thread *thread);
void system_thread_join(struct system *system, struct system_thread thread);

/* Processors that this process may use, at least 1. */
uint32_t system_processors(struct system *system);

/* Descriptors that this process may have open at one time (RLIMIT_NOFILE). */
uint32_t system_descriptors_max(struct system *system);

/* Bytes that this process may still bring into memory without anything of use being thrown out: the
 * least of what the host has and of what the control groups of the process leave (versions 1 and
 * 2); pages of files count as room. -ENODATA: nothing says. */
int system_memory_available(struct system *system, uint64_t *bytes);

/* ---------------------------------------------------------------------------------------- other */

/* Unpredictable bytes, for temporary names only. */
int system_random(struct system *system, void *buffer, size_t size);
void system_sleep(struct system *system, uint64_t nanoseconds);

/* Nanoseconds of a clock that is never set, from an unknown beginning. */
uint64_t system_monotonic(struct system *system);

/* Nanoseconds since 1970, by a clock that people and networks set: it may jump, both ways. */
int64_t system_wall_clock(struct system *system);

/*
 * Watches a directory for entries that come, are renamed or were written (inotify). Returns a
 * descriptor, for system_watch_wait and system_close; an error where that does not work. On network
 * file systems what other hosts do is not seen.
 */
int system_watch(struct system *system, const char *path);

/* Waits at most so long. 1: something happened since the last call, or a signal came; 0: nothing
 * did; ENOENT: the directory is gone. */
int system_watch_wait(struct system *system, int watch, uint64_t nanoseconds);

/* The absolute path of the working directory, terminated: ERANGE when it is longer than that,
 * ENOENT when it was removed. */
int system_working_directory(struct system *system, char *path, size_t size);

#endif
