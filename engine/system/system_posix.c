/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real implementation of the seam: POSIX and a handful of Linux calls. It keeps no state at
 * all.
 *
 * A call that a signal interrupted is made again, with one exception: close, after which Linux has
 * released the descriptor whatever it answers, so that a second close could hit a descriptor that
 * another thread has just been given. Everything that is opened or created here is close-on-exec
 * from the start.
 */
#include "engine/system/posix_clock.h"
#include "engine/system/posix_limits.h"
#include "engine/system/posix_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
# define MADV_POPULATE_READ 22
#endif

/* Linux transfers at most 2 GiB a call; half of it keeps every offset aligned for direct I/O. */
#define TRANSFER_MAX ((size_t)1 << 30)
#define RESIDENT_MAX ((size_t)64 << 20)

_Static_assert(SYSTEM_CWD == AT_FDCWD, "names are relative to what the kernel calls AT_FDCWD");
_Static_assert(sizeof(off_t) == sizeof(int64_t), "files are larger than 2 GiB");
_Static_assert(sizeof(pthread_t) <= sizeof(uintptr_t), "a thread's handle holds a pthread_t");

/* Makes a call again for as long as signals interrupt it; `result` is then its value, or -1. */
#define RETRY_INTERRUPTED(result, call)                                                            \
 do {                                                                                              \
  (result) = (call);                                                                               \
 } while ((result) < 0 && errno == EINTR)

/* ---------------------------------------------------------------------------------------- files */

static int posix_open(struct system *system, int at, const char *path, uint32_t flags)
{
	/* O_NONBLOCK: a fifo that lies where a model should be must not hang us. */
	int native = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd;

	(void)system;
	if (flags & SYSTEM_NO_FOLLOW)
		native |= O_NOFOLLOW;
	if (flags & SYSTEM_WANT_DIRECTORY)
		native |= O_DIRECTORY;
	RETRY_INTERRUPTED(fd, openat(at, path, native));
	return fd < 0 ? -errno : fd;
}

static int posix_create(struct system *system, int at, const char *name, uint32_t mode,
			uint32_t flags)
{
	int native = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd;

	(void)system;
	if (flags & SYSTEM_DIRECT)
		native |= O_DIRECT;
	RETRY_INTERRUPTED(fd, openat(at, name, native, (mode_t)mode));
	return fd < 0 ? -errno : fd;
}

static int posix_duplicate(struct system *system, int fd)
{
	int copy;

	(void)system;
	RETRY_INTERRUPTED(copy, fcntl(fd, F_DUPFD_CLOEXEC, 0));
	return copy < 0 ? -errno : copy;
}

static int posix_close(struct system *system, int fd)
{
	(void)system;
	if (close(fd) == 0)
		return 0;
	/* An interrupted close has lost its verdict on what a network file system still had to
	 * write. */
	return errno == EINTR ? -EIO : -errno;
}

static enum system_kind kind_of(mode_t mode)
{
	if (S_ISREG(mode))
		return SYSTEM_REGULAR;
	if (S_ISDIR(mode))
		return SYSTEM_DIRECTORY;
	if (S_ISLNK(mode))
		return SYSTEM_LINK;
	return SYSTEM_OTHER;
}

static int64_t nanoseconds_of(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void status_from_native(struct system_status *status, const struct stat *native)
{
	*status = (struct system_status){
		.kind = kind_of(native->st_mode),
		.mode = native->st_mode & 07777u,
		.owner = native->st_uid,
		.links = (uint64_t)native->st_nlink,
		.size = native->st_size < 0 ? 0 : (uint64_t)native->st_size,
		.device = (uint64_t)native->st_dev,
		.inode = (uint64_t)native->st_ino,
		.modified_ns = nanoseconds_of(&native->st_mtim),
		.changed_ns = nanoseconds_of(&native->st_ctim),
	};
}

static int posix_status(struct system *system, int fd, struct system_status *status)
{
	struct stat native;
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, fstat(fd, &native));
	if (result < 0)
		return -errno;
	status_from_native(status, &native);
	return 0;
}

static int posix_status_at(struct system *system, int at, const char *name, bool follow,
			   struct system_status *status)
{
	struct stat native;
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, fstatat(at, name, &native, follow ? 0 : AT_SYMLINK_NOFOLLOW));
	if (result < 0)
		return -errno;
	status_from_native(status, &native);
	return 0;
}

/*
 * File systems whose pages can vanish under a mapping (another host, a daemon that dies) or whose
 * locks and renames are another machine's promise. Anything that is not listed counts as local.
 */
static const uint32_t remote_magics[] = {
	0x00006969, /* NFS */
	0x0000517b, /* SMB */
	0xfe534d42, /* SMB2 */
	0xff534d42, /* CIFS */
	0x65735546, /* FUSE, virtiofs */
	0x01021997, /* 9P */
	0x00c36400, /* Ceph */
	0x5346414f, /* OpenAFS */
	0x6b414653, /* kAFS */
	0x73757245, /* Coda */
	0x0000564c, /* NCP */
	0x0bd00bd0, /* Lustre */
	0x47504653, /* GPFS */
	0x7461636f, /* OCFS2 */
	0x01161970, /* GFS2 */
	0x20030528, /* OrangeFS */
	0x19830326, /* BeeGFS */
	0xaad7aaea, /* PanFS */
	0x013111a8, /* IBRIX */
	0xbeefdead, /* StorNext */
	0x61636673, /* ACFS */
	0x786f4256, /* VirtualBox shared folders */
	0xbacbacbc, /* VMware shared folders */
	0x7c7c6673, /* Parallels shared folders */
};

static int posix_is_local(struct system *system, int fd)
{
	struct statfs native;
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, fstatfs(fd, &native));
	if (result < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(remote_magics) / sizeof(remote_magics[0]); i++) {
		if ((uint32_t)native.f_type == remote_magics[i])
			return 0;
	}
	return 1;
}

static size_t transfer_size(size_t size)
{
	return size < TRANSFER_MAX ? size : TRANSFER_MAX;
}

static int64_t posix_pread(struct system *system, int fd, void *buffer, size_t size,
			   uint64_t offset)
{
	ssize_t count;

	(void)system;
	if (offset > INT64_MAX)
		return -EINVAL;
	RETRY_INTERRUPTED(count, pread(fd, buffer, transfer_size(size), (off_t)offset));
	return count < 0 ? -errno : count;
}

static int64_t posix_pwrite(struct system *system, int fd, const void *buffer, size_t size,
			    uint64_t offset)
{
	ssize_t count;

	(void)system;
	if (offset > INT64_MAX)
		return -EFBIG;
	RETRY_INTERRUPTED(count, pwrite(fd, buffer, transfer_size(size), (off_t)offset));
	return count < 0 ? -errno : count;
}

static int64_t posix_copy_range(struct system *system, int from, uint64_t from_offset, int to,
				uint64_t to_offset, uint64_t size)
{
	const uint64_t size_max = (uint64_t)1 << 30; /* so that signals are not kept waiting */
	off_t source = (off_t)from_offset;
	off_t target = (off_t)to_offset;
	ssize_t result;

	(void)system;
	if (from_offset > INT64_MAX || to_offset > INT64_MAX)
		return -EINVAL;
	RETRY_INTERRUPTED(result, copy_file_range(from, &source, to, &target,
						  size < size_max ? size : size_max, 0));
	return result < 0 ? -errno : result;
}

static int posix_preallocate(struct system *system, int fd, uint64_t size)
{
	int result;

	(void)system;
	if (size > INT64_MAX)
		return -EFBIG;
	/* The kernel calls an empty range invalid; for us it is an empty file. */
	if (size == 0)
		return 0;
	RETRY_INTERRUPTED(result, fallocate(fd, 0, 0, (off_t)size));
	return result < 0 ? -errno : 0;
}

static int posix_truncate(struct system *system, int fd, uint64_t size)
{
	int result;

	(void)system;
	if (size > INT64_MAX)
		return -EFBIG;
	RETRY_INTERRUPTED(result, ftruncate(fd, (off_t)size));
	return result < 0 ? -errno : 0;
}

static int posix_sync(struct system *system, int fd)
{
	int result;

	(void)system;
	/* Only an interruption leads to a second fsync: it is no verdict on the data. */
	RETRY_INTERRUPTED(result, fsync(fd));
	return result < 0 ? -errno : 0;
}

/* ---------------------------------------------------------------------------------- directories */

static int posix_rename(struct system *system, int from_at, const char *from, int to_at,
			const char *to, enum system_rename_mode mode)
{
	int result;

	(void)system;
	if (mode == SYSTEM_RENAME_NO_REPLACE)
		RETRY_INTERRUPTED(result, renameat2(from_at, from, to_at, to, RENAME_NOREPLACE));
	else
		RETRY_INTERRUPTED(result, renameat(from_at, from, to_at, to));
	return result < 0 ? -errno : 0;
}

static int posix_link(struct system *system, int from_at, const char *from, int to_at,
		      const char *to)
{
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, linkat(from_at, from, to_at, to, 0));
	return result < 0 ? -errno : 0;
}

static int posix_unlink(struct system *system, int at, const char *name)
{
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, unlinkat(at, name, 0));
	return result < 0 ? -errno : 0;
}

static int posix_make_directory(struct system *system, int at, const char *name, uint32_t mode)
{
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, mkdirat(at, name, (mode_t)mode));
	return result < 0 ? -errno : 0;
}

static int posix_remove_directory(struct system *system, int at, const char *name)
{
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, unlinkat(at, name, AT_REMOVEDIR));
	return result < 0 ? -errno : 0;
}

static bool is_dot_name(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int list_stream(DIR *stream, system_list_callback callback, void *context)
{
	for (;;) {
		const struct dirent *entry;
		int result;

		errno = 0;
		entry = readdir(stream);
		if (entry == NULL)
			return -errno;
		if (is_dot_name(entry->d_name))
			continue;
		result = callback(context, entry->d_name);
		if (result != 0)
			return result;
	}
}

static int posix_list(struct system *system, int fd, system_list_callback callback, void *context)
{
	DIR *stream;
	int own_fd;
	int result;

	(void)system;
	/* A descriptor of its own: a duplicate would share the caller's position. */
	RETRY_INTERRUPTED(own_fd, openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (own_fd < 0)
		return -errno;
	stream = fdopendir(own_fd);
	if (stream == NULL) {
		result = -errno;
		close(own_fd);
		return result;
	}
	result = list_stream(stream, callback, context);
	closedir(stream);
	return result;
}

static int native_lock(enum system_lock lock)
{
	switch (lock) {
	case SYSTEM_LOCK_SHARED:
		return LOCK_SH | LOCK_NB;
	case SYSTEM_LOCK_EXCLUSIVE:
		return LOCK_EX | LOCK_NB;
	case SYSTEM_UNLOCK:
		break;
	}
	return LOCK_UN;
}

static int posix_lock(struct system *system, int fd, enum system_lock lock)
{
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, flock(fd, native_lock(lock)));
	return result < 0 ? -errno : 0;
}

static uint32_t posix_user(struct system *system)
{
	(void)system;
	return geteuid();
}

/* ------------------------------------------------------------------------------------- mappings */

struct page_range {
	void *start;
	size_t size;
};

/* munmap, madvise and mincore take a pointer to mutable memory and change none of ours. */
static void *native_address(const uint8_t *address)
{
	return (void *)(uintptr_t)address;
}

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Widens a range to the start of its first page; the kernel rounds the end up by itself. */
static struct page_range page_range_of(const uint8_t *address, size_t size)
{
	const size_t lead = (uintptr_t)address & (page_size() - 1);

	return (struct page_range){.start = native_address(address - lead), .size = size + lead};
}

static int posix_map(struct system *system, int fd, uint64_t offset, size_t size,
		     enum system_map_kind kind, const uint8_t **address)
{
	const int sharing = kind == SYSTEM_MAP_SHARED ? MAP_SHARED : MAP_PRIVATE;
	void *memory;

	(void)system;
	if (offset > INT64_MAX)
		return -EINVAL;
	do {
		memory = mmap(NULL, size, PROT_READ, sharing, fd, (off_t)offset);
	} while (memory == MAP_FAILED && errno == EINTR);
	if (memory == MAP_FAILED)
		return -errno;
	*address = memory;
	return 0;
}

static void posix_unmap(struct system *system, const uint8_t *address, size_t size)
{
	(void)system;
	munmap(native_address(address), size);
}

static int posix_populate(struct system *system, const uint8_t *address, size_t size)
{
	const struct page_range range = page_range_of(address, size);
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, madvise(range.start, range.size, MADV_POPULATE_READ));
	return result < 0 ? -errno : 0;
}

/* Linux 6.5; its header may be older than the kernel. */
#define CACHESTAT_CALL 451

struct cachestat_range_of_file {
	uint64_t offset;
	uint64_t size;
};

struct cachestat_answer {
	uint64_t cached;
	uint64_t others[4];
};

static int posix_cached(struct system *system, int fd, uint64_t offset, uint64_t size)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct cachestat_range_of_file range = {offset, size};
	struct cachestat_answer answer = {0};
	const uint64_t pages = (offset + size + page - 1) / page - offset / page;
	long result;

	(void)system;
	RETRY_INTERRUPTED(result, syscall(CACHESTAT_CALL, fd, &range, &answer, 0));
	if (result < 0)
		return -errno;
	return answer.cached >= pages;
}

static bool all_resident(const unsigned char *pages, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!(pages[i] & 1u))
			return false;
	}
	return true;
}

static int posix_resident(struct system *system, const uint8_t *address, size_t size)
{
	const struct page_range range = page_range_of(address, size);
	const size_t page = page_size();
	unsigned char pages[4096];
	size_t done = 0;

	(void)system;
	if (size > RESIDENT_MAX)
		return -EINVAL;
	while (done < range.size) {
		const size_t rest = (range.size - done + page - 1) / page;
		const size_t count = rest < sizeof(pages) ? rest : sizeof(pages);
		int result;

		RETRY_INTERRUPTED(result, mincore((char *)range.start + done, count * page, pages));
		if (result < 0)
			return -errno;
		if (!all_resident(pages, count))
			return 0;
		done += count * page;
	}
	return 1;
}

static int posix_advise(struct system *system, const uint8_t *address, size_t size,
			enum system_advice advice)
{
	const struct page_range range = page_range_of(address, size);
	const int native = advice == SYSTEM_ADVISE_RANDOM ? MADV_RANDOM : MADV_WILLNEED;
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, madvise(range.start, range.size, native));
	return result < 0 ? -errno : 0;
}

/* --------------------------------------------------------------------------------------- memory */

/* C leaves it open what an allocation of nothing gives; here it is always something. */
static size_t at_least_one(size_t size)
{
	return size != 0 ? size : 1;
}

#define HUGE_PAGE_SIZE ((size_t)2 << 20)

/* Asks for huge pages between the two ends; where the advice is not taken memory is slower. */
static void advise_huge_pages(void *memory, size_t size)
{
	const uintptr_t begin = ((uintptr_t)memory + HUGE_PAGE_SIZE - 1) & ~(HUGE_PAGE_SIZE - 1);
	const uintptr_t end = ((uintptr_t)memory + size) & ~(HUGE_PAGE_SIZE - 1);

	if (begin < end)
		madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

/* Indexes and tensors: to get that much in small pages takes longer than to fill it. */
static void *posix_allocate(struct system *system, size_t size)
{
	void *const memory = malloc(at_least_one(size));

	(void)system;
	if (memory != NULL && size >= 2 * HUGE_PAGE_SIZE)
		advise_huge_pages(memory, size);
	return memory;
}

static void *posix_allocate_zeroed(struct system *system, size_t size)
{
	(void)system;
	return calloc(1, at_least_one(size));
}

/* Memory for direct transfers from this size up comes in huge pages where the system has them: a
 * device takes a few hundred pieces at a time, and each small page is one. */
#define TRANSFER_SIZE_MIN ((size_t)256 << 10)

static void *allocate_for_transfers(size_t size)
{
	const size_t rounded = (size + HUGE_PAGE_SIZE - 1) & ~(HUGE_PAGE_SIZE - 1);
	void *memory = NULL;

	if (rounded < size || posix_memalign(&memory, HUGE_PAGE_SIZE, rounded) != 0)
		return NULL;
	advise_huge_pages(memory, rounded);
	return memory;
}

static void *posix_allocate_aligned(struct system *system, size_t alignment, size_t size)
{
	const size_t usable = alignment < sizeof(void *) ? sizeof(void *) : alignment;
	void *memory = NULL;

	(void)system;
	if (alignment == SYSTEM_DIRECT_ALIGNMENT && size >= TRANSFER_SIZE_MIN)
		return allocate_for_transfers(size);
	return posix_memalign(&memory, usable, at_least_one(size)) == 0 ? memory : NULL;
}

static void *posix_reallocate(struct system *system, void *memory, size_t size)
{
	(void)system;
	return realloc(memory, at_least_one(size));
}

static void posix_free(struct system *system, void *memory)
{
	(void)system;
	free(memory);
}

/* -------------------------------------------------------------------------------------- threads */

struct thread_start {
	system_thread_function function;
	void *context;
};

static void *thread_main(void *argument)
{
	const struct thread_start start = *(struct thread_start *)argument;

	free(argument);
	start.function(start.context);
	return NULL;
}

/*
 * Everything but what a thread's own instructions raise: the host's handlers must not run on our
 * threads, but its crash handler must.
 */
static void fill_with_foreign_signals(sigset_t *signals)
{
	static const int own[] = {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};

	sigfillset(signals);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(signals, own[i]);
}

static int posix_thread_start(struct system *system, system_thread_function function, void *context,
			      struct system_thread *thread)
{
	struct thread_start *start = malloc(sizeof(*start));
	sigset_t blocked;
	sigset_t before;
	pthread_t native;
	int result;

	(void)system;
	if (start == NULL)
		return -ENOMEM;
	*start = (struct thread_start){.function = function, .context = context};
	fill_with_foreign_signals(&blocked);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	result = pthread_create(&native, NULL, thread_main, start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result != 0) {
		free(start);
		return -result;
	}
	thread->handle = (uintptr_t)native;
	return 0;
}

static void posix_thread_join(struct system *system, struct system_thread thread)
{
	(void)system;
	pthread_join((pthread_t)thread.handle, NULL);
}

/* ---------------------------------------------------------------------------------------- other */

static int posix_random(struct system *system, void *buffer, size_t size)
{
	uint8_t *bytes = buffer;
	size_t done = 0;

	(void)system;
	while (done < size) {
		ssize_t count;

		RETRY_INTERRUPTED(count, getrandom(bytes + done, size - done, 0));
		if (count < 0)
			return -errno;
		done += (size_t)count;
	}
	return 0;
}

static void posix_sleep(struct system *system, uint64_t nanoseconds)
{
	struct timespec rest = {
		.tv_sec = (time_t)(nanoseconds / 1000000000u),
		.tv_nsec = (long)(nanoseconds % 1000000000u),
	};
	int result;

	(void)system;
	RETRY_INTERRUPTED(result, nanosleep(&rest, &rest));
}

static int posix_working_directory(struct system *system, char *path, size_t size)
{
	(void)system;
	if (getcwd(path, size) == NULL)
		return -errno;
	return path[0] == '/' ? 0 : -ENOENT; /* "(unreachable)/..." */
}

static const struct system_operations posix_operations = {
	.open = posix_open,
	.create = posix_create,
	.duplicate = posix_duplicate,
	.close = posix_close,
	.status = posix_status,
	.status_at = posix_status_at,
	.is_local = posix_is_local,
	.pread = posix_pread,
	.pwrite = posix_pwrite,
	.copy_range = posix_copy_range,
	.preallocate = posix_preallocate,
	.truncate = posix_truncate,
	.sync = posix_sync,
	.rename = posix_rename,
	.link = posix_link,
	.unlink = posix_unlink,
	.make_directory = posix_make_directory,
	.remove_directory = posix_remove_directory,
	.list = posix_list,
	.lock = posix_lock,
	.user = posix_user,
	.map = posix_map,
	.unmap = posix_unmap,
	.populate = posix_populate,
	.resident = posix_resident,
	.cached = posix_cached,
	.tells_residency = posix_tells_residency,
	.advise = posix_advise,
	.allocate = posix_allocate,
	.allocate_zeroed = posix_allocate_zeroed,
	.allocate_aligned = posix_allocate_aligned,
	.reallocate = posix_reallocate,
	.free = posix_free,
	.thread_start = posix_thread_start,
	.thread_join = posix_thread_join,
	.processors = posix_processors,
	.descriptors_max = posix_descriptors_max,
	.memory_available = posix_memory_available,
	.random = posix_random,
	.sleep = posix_sleep,
	.monotonic = posix_monotonic,
	.wall_clock = posix_wall_clock,
	.watch = posix_watch,
	.watch_wait = posix_watch_wait,
	.working_directory = posix_working_directory,
};

struct system *system_posix(void)
{
	static struct system system = {.operations = &posix_operations};

	return &system;
}
