/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case "memory": private memory of a process that restores a large checkpoint as views.
 *
 * A child process opens the file, takes a view of every tensor, which verifies all of it, and holds
 * them. Its anonymous memory (RssAnon) is read again and again from outside and its peak reported;
 * page tables (VmPTE) are counted apart. Once with the file in the page cache, once without, when
 * it does not pass through the mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/limits.h"

#define TENSOR_SIZE   (UINT64_C(64) << 20)
#define TENSORS_MAX   65536
#define DISK_RESERVE  (UINT64_C(4) << 30)
#define PATTERN_SIZE  (UINT64_C(8) << 20)
#define RESTORED_SIZE (UINT64_C(8) << 30)

struct memory_work {
	struct path path;
	uint64_t size;
	struct samples anonymous; /* peak, beyond what the process had before */
	struct samples tables;
	struct samples times;
};

/* ------------------------------------------------------------------------------------- the file */

/* Bytes differ from tensor to tensor and are cheap to make. */
static enum cairn_status produce_pattern(void *context, uint64_t offset, void *buffer, size_t size)
{
	const uint8_t *const pattern = context;
	uint8_t *const bytes = buffer;

	for (size_t done = 0; done < size;) {
		const size_t at = (size_t)((offset + done) % PATTERN_SIZE);
		const size_t room = (size_t)PATTERN_SIZE - at;
		const size_t piece = size - done < room ? size - done : room;

		memcpy(bytes + done, pattern + at, piece);
		done += piece;
	}
	return CAIRN_OK;
}

static void make_file(const struct memory_work *work)
{
	const struct cairn_writer_options options = {.flags = CAIRN_WRITER_REPLACE};
	const uint64_t dims[1] = {TENSOR_SIZE};
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_writer *writer = NULL;
	void *const pattern = limit_map(PATTERN_SIZE);

	bench_must(cairn_writer_create(work->path.text, &options, &writer, &error), &error);
	for (uint64_t i = 0; i < work->size / TENSOR_SIZE; i++) {
		char name[32];

		snprintf(name, sizeof(name), "layer.%05u", (unsigned int)i);
		const struct cairn_tensor_spec spec = {.name = cairn_string_from(name),
						       .dtype = CAIRN_U8,
						       .rank = 1,
						       .dims = dims};
		bench_must(
			cairn_writer_add_callback(writer, &spec, produce_pattern, pattern, &error),
			&error);
	}
	bench_must(cairn_writer_finish(writer, &error), &error);
	cairn_writer_destroy(writer);
	limit_unmap(pattern, PATTERN_SIZE);
}

/* ------------------------------------------------------------------------------------ the child */

struct pipes {
	int to_child[2];
	int to_parent[2];
};

static void tell(int fd)
{
	if (write(fd, "x", 1) != 1)
		_exit(3);
}

static bool wait_for(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 1;
}

/* Memory for the views is the program's, and is there before the measurement begins. */
static _Noreturn void hold_views(const struct memory_work *work, const struct pipes *pipes)
{
	static struct cairn_view views[TENSORS_MAX];
	struct cairn_error error = {.code = CAIRN_OK};
	struct cairn_reader *reader;
	struct cairn_tensor tensor;

	memset(views, 0, sizeof(views));
	tell(pipes->to_parent[1]);
	wait_for(pipes->to_child[0]);
	reader = bench_open(work->path.text);
	for (uint64_t i = 0; i < cairn_reader_tensor_count(reader); i++) {
		bench_must(cairn_reader_tensor_at(reader, i, &tensor, &error), &error);
		bench_must(cairn_tensor_view(&tensor, &views[i], &error), &error);
		if (!(views[i].flags & CAIRN_VIEW_VERIFIED))
			_exit(3);
	}
	tell(pipes->to_parent[1]);
	wait_for(pipes->to_child[0]);
	_exit(0);
}

/* ----------------------------------------------------------------------------------- the parent */

static bool is_done(int fd)
{
	char byte;
	const ssize_t got = read(fd, &byte, 1);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		bench_fail("the process that restores ended early");
	return got == 1;
}

/* Watches until the child holds all views; returns the peak of its anonymous memory. */
static uint64_t watch(const char *status, int fd)
{
	const struct timespec pause = {.tv_nsec = 1000 * 1000};
	uint64_t peak = 0;
	bool done = false;

	while (!done) {
		uint64_t now;

		done = is_done(fd);
		now = proc_bytes(status, "RssAnon:");
		peak = now > peak ? now : peak;
		nanosleep(&pause, NULL);
	}
	return peak;
}

static double difference(uint64_t after, uint64_t before)
{
	return after > before ? (double)(after - before) : 0;
}

static void observe(struct memory_work *work, const struct pipes *pipes, const char *status)
{
	uint64_t anonymous;
	uint64_t tables;
	uint64_t start;

	while (!is_done(pipes->to_parent[0]))
		nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
	anonymous = proc_bytes(status, "RssAnon:");
	tables = proc_bytes(status, "VmPTE:");
	start = timer_now();
	tell(pipes->to_child[1]);
	samples_add(&work->anonymous, difference(watch(status, pipes->to_parent[0]), anonymous));
	samples_add(&work->times, (double)(timer_now() - start));
	samples_add(&work->tables, difference(proc_bytes(status, "VmPTE:"), tables));
	tell(pipes->to_child[1]);
}

static void make_pipes(struct pipes *pipes)
{
	if (pipe(pipes->to_child) != 0 || pipe2(pipes->to_parent, O_NONBLOCK) != 0)
		bench_fail("pipe: %s", strerror(errno));
}

static void close_pipes(const struct pipes *pipes)
{
	close(pipes->to_child[0]);
	close(pipes->to_child[1]);
	close(pipes->to_parent[0]);
	close(pipes->to_parent[1]);
}

static void restore(struct memory_work *work)
{
	struct pipes pipes;
	char status[64];
	pid_t child;

	make_pipes(&pipes);
	fflush(stdout);
	malloc_trim(0); /* free memory that the child inherits would hide what it uses */
	child = fork();
	if (child < 0)
		bench_fail("fork: %s", strerror(errno));
	if (child == 0) {
		close(pipes.to_parent[0]);
		close(pipes.to_child[1]);
		hold_views(work, &pipes);
	}
	close(pipes.to_parent[1]);
	pipes.to_parent[1] = -1;
	snprintf(status, sizeof(status), "/proc/%d/status", (int)child);
	observe(work, &pipes, status);
	waitpid(child, NULL, 0);
	close_pipes(&pipes);
}

/* --------------------------------------------------------------------------------------- public */

static void measure(struct bench *bench, struct memory_work *work, bool cold)
{
	const char *const how = cold ? "cold" : "cached";
	char name[64];
	const struct figure rate = {
		.name = name,
		.unit = UNIT_RATE,
		.bytes = work->size,
		.samples = &work->times,
		.most = -1,
	};

	for (int round = 0; round < (bench->quick ? 1 : 3); round++) {
		if (cold)
			scratch_drop(work->path.text);
		restore(work);
	}
	snprintf(name, sizeof(name), "private memory, %s, peak", how);
	bench_report_single(bench, name, UNIT_BYTES, &work->anonymous, 8 << 20);
	snprintf(name, sizeof(name), "page tables, %s", how);
	bench_report_single(bench, name, UNIT_BYTES, &work->tables, -1);
	snprintf(name, sizeof(name), "restored and verified, %s", how);
	bench_report(bench, &rate);
	samples_free(&work->anonymous);
	samples_free(&work->tables);
	samples_free(&work->times);
}

static uint64_t choose_size(const struct bench *bench)
{
	const uint64_t wanted = bench->memory_size ? bench->memory_size
				: bench->quick     ? RESTORED_SIZE / 8
						   : RESTORED_SIZE;
	const uint64_t disk = scratch_free(bench);
	const uint64_t room = disk > DISK_RESERVE ? disk - DISK_RESERVE : 0;
	const uint64_t size = (wanted < room ? wanted : room) / TENSOR_SIZE * TENSOR_SIZE;

	return size / TENSOR_SIZE > TENSORS_MAX ? TENSORS_MAX * TENSOR_SIZE : size;
}

void case_memory(struct bench *bench)
{
	struct memory_work work = {.path = scratch_path(bench, "large.cairn"),
				   .size = choose_size(bench)};
	const uint64_t available = proc_bytes("/proc/meminfo", "MemAvailable:");

	if (work.size == 0) {
		bench_note(bench, "memory: not measured, the disk of %s is too full",
			   bench->scratch);
		return;
	}
	scratch_remove(work.path.text);
	make_file(&work);
	bench_say("restoring %.1f GiB", (double)work.size / (1 << 30));
	scratch_warm(work.path.text);
	measure(bench, &work, false);
	measure(bench, &work, true);
	bench_note(bench,
		   "%.1f GiB in tensors of 64 MiB, held as views of one process; %.1f GiB "
		   "of memory were free.",
		   (double)work.size / (1 << 30), (double)available / (1 << 30));
	scratch_remove(work.path.text);
}
