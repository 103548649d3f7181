/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of `cairn bench` that deals with files: what of them is in memory, dropping them from
 * it, reading them.
 *
 * A file counts as cold only if mincore, asked about a mapping of this program's own, says that its
 * pages are gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/bench.h"
#include "tools/cli.h"

#define READ_SIZE    (UINT64_C(8) << 20)
#define RESIDENT_MAX 0.01 /* of a file that counts as cold */

uint64_t bench_proc_bytes(const char *path, const char *label)
{
	FILE *file = fopen(path, "r");
	char line[256];
	uint64_t kib = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, label, strlen(label)) == 0) {
			kib = strtoull(line + strlen(label), NULL, 10);
			break;
		}
	}
	fclose(file);
	return kib * 1024;
}

static int add_file(struct bench *bench, struct cairn_string name)
{
	char *path = NULL;
	const int length = asprintf(&path, "%s/%.*s", bench->folder, (int)name.size, name.data);

	if (length < 0)
		return cli_error(CLI_UNKNOWN, "out of memory");
	bench->files[bench->file_count++] = path;
	return CLI_GO_ON;
}

int bench_list_files(struct bench *bench, const struct cairn_reader *reader)
{
	const uint32_t count = cairn_reader_shard_count(reader);
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_shard shard;
	struct stat facts;
	char *copy = strdup(bench->path);

	bench->files = calloc((size_t)count + 1, sizeof(*bench->files));
	if (copy && stat(copy, &facts) == 0 && S_ISDIR(facts.st_mode))
		bench->folder = strdup(copy);
	else if (copy)
		bench->folder = strdup(dirname(copy));
	free(copy);
	if (!bench->files || !bench->folder)
		return cli_error(CLI_UNKNOWN, "out of memory");
	for (uint32_t i = 0; i < count; i++) {
		const enum cairn_status status = cairn_reader_shard(reader, i, &shard, &error);
		if (status != CAIRN_OK)
			return cli_fail(status, &error);
		const int result = add_file(bench, shard.name);
		if (result != CLI_GO_ON)
			return result;
	}
	return CLI_GO_ON;
}

static int fail_file(const char *path, const char *what)
{
	return cli_error(CLI_UNKNOWN, "'%s': %s: %s", path, what, strerror(errno));
}

/* Reads a file to the end into the work memory. Returns the bytes, or -1 with errno. */
static int64_t read_file(const struct bench *bench, const char *path, int flags)
{
	const uint64_t step = bench->work_size < READ_SIZE ? bench->work_size : READ_SIZE;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	uint64_t at = 0;
	ssize_t got = 0;
	int64_t total = 0;

	if (fd < 0)
		return -1;
	do {
		if (at + step > bench->work_size)
			at = 0;
		got = read(fd, bench->target + at, (size_t)step);
		at += step;
		total += got > 0 ? got : 0;
	} while (got > 0);
	const int reason = errno;
	close(fd);
	errno = reason;
	return got < 0 ? -1 : total;
}

/* O_DIRECT is refused by some file systems: then there is no such figure. */
int bench_measure_read(struct bench *bench, enum figure figure, int flags)
{
	const uint64_t repeat = flags & O_DIRECT ? 1 : bench->repeat;
	const uint64_t start = progress_clock();
	uint64_t bytes = 0;

	for (uint64_t pass = 0; pass < repeat; pass++) {
		for (size_t i = 0; i < bench->file_count; i++) {
			const int64_t got = read_file(bench, bench->files[i], flags);
			if (got < 0 && flags & O_DIRECT && errno == EINVAL)
				return CLI_GO_ON;
			if (got < 0)
				return fail_file(bench->files[i], "read");
			bytes += (uint64_t)got;
		}
	}
	bench_add_rate(bench, figure, bytes, start);
	return CLI_GO_ON;
}

/* Pages of a window of the file that are in memory. */
static size_t count_resident(void *data, size_t size, size_t page)
{
	const size_t pages = (size + page - 1) / page;
	unsigned char *states = malloc(pages);
	size_t resident = 0;

	if (states && mincore(data, size, states) == 0) {
		for (size_t i = 0; i < pages; i++)
			resident += states[i] & 1;
	}
	free(states);
	return resident;
}

/* Adds a file's pages and those that are resident. */
static int add_residency(const char *path, double *pages, double *resident)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat facts;

	if (fd < 0 || fstat(fd, &facts)) {
		const int result = fail_file(path, "open");
		if (fd >= 0)
			close(fd);
		return result;
	}
	const size_t size = (size_t)facts.st_size;
	void *data = size ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	close(fd);
	if (data == MAP_FAILED)
		return size ? fail_file(path, "mmap") : CLI_GO_ON;
	const size_t count = (size + page - 1) / page;
	*pages += (double)count;
	*resident += (double)count_resident(data, size, page);
	munmap(data, size);
	return CLI_GO_ON;
}

int bench_measure_residency(const struct bench *bench, double *share)
{
	double pages = 0;
	double resident = 0;

	for (size_t i = 0; i < bench->file_count; i++) {
		const int result = add_residency(bench->files[i], &pages, &resident);
		if (result != CLI_GO_ON)
			return result;
	}
	*share = pages > 0 ? resident / pages : 0;
	return CLI_GO_ON;
}

static int drop_file(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_file(path, "open");
	if (fsync(fd)) { /* dirty pages stay */
		close(fd);
		return fail_file(path, "fsync");
	}
	const int reason = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	errno = reason;
	return reason ? fail_file(path, "posix_fadvise") : CLI_GO_ON;
}

/* Drops the files from the page cache and proves that they are gone. */
int bench_drop_files(struct bench *bench)
{
	double share = 0;
	int result = CLI_GO_ON;

	for (size_t i = 0; i < bench->file_count && result == CLI_GO_ON; i++)
		result = drop_file(bench->files[i]);
	if (result == CLI_GO_ON)
		result = bench_measure_residency(bench, &share);
	if (result != CLI_GO_ON)
		return result;
	if (share > bench->resident_dropped)
		bench->resident_dropped = share;
	if (share <= RESIDENT_MAX)
		return CLI_GO_ON;
	return cli_error(
		CLI_UNKNOWN,
		"'%s': --cold: %.0f %% stayed in memory after it was dropped: it lies on a "
		"file system in memory, or another process maps it",
		bench->path, share * 100);
}
